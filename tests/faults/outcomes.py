# SPDX-FileCopyrightText: 2026 The dns-updater authors
# SPDX-License-Identifier: ISC
"""What became of a fault, told from the exit status and the log. Who says nothing needs a reason for that."""

import errno
import re

# Where nothing need be said: of "CALL OBJECT FAULT", the first that matches.
QUIET = [
    (r' EINTR$', 'is made again'),
    (r' (half|short 1)$', 'the rest follows'),
    (r' zero$', 'is read again'),
    (r'^write /log ', 'there is nobody to tell it to'),
    (r'^(accept4|connect|epoll_ctl|fcntl|getsockopt|read|recvfrom|sendmsg|setsockopt|shutdown|write) socket\b',
     'who asks the daemon asks again'),
    (r'^(brk|mmap) ', 'the C library has another way'),
    (r'^\w+ (/etc|/usr|/lib|/run/(host|userdb|systemd)|//|/proc/(sys|self))', "the C library's own business"),
    (r'^close (?!\S*(\.part|\.alt|\.tmp|\.new\.\w+) )', 'it was only read'),
    (r'^fcntl \S+ 102[45] ', 'without a lease a displaced file is kept longer, and a database made whole'),
    (r'^fstatfs ', 'taken for no automount point'),
    (r'^inotify_add_watch ', 'the sweep serves'),
    (r'^(openat2?|newfstatat|statx) (/proc/N|\(\d above\)|/homes\S*|/)? (?!EMFILE|ENFILE)', 'the sweep serves'),
    (r'^openat (/proc/N|\(\d above\)|/homes|/)? ', 'the sweep serves'),
    (r'^(openat|newfstatat|read|fcntl) \S*\.dnsu\.(swap|late)', 'is undone and made again, or looked at again'),
    (r'^newfstatat ', 'was a hint only'),
    (r'^openat \S+ ENOENT', 'it is not there'),
    (r'^unlink /run/socket ', 'the next start replaces it'),
    (r'^unlinkat \S*\.dnsu\.late', 'is removed at the next look'),
    (r'^unlinkat \S* ENOENT', 'it is gone, as it should be'),
    (r'^flistxattr \S+ ENOTSUP', 'there are none'),
    (r'^poll ', 'is made again'),
    (r'^(bind|recvmsg|socket) ', 'the name server is asked again'),
    (r'^unlinkat \S*\.dnsu\.part ', 'is removed before the next attempt, which is made at once'),
    (r'\.dnsu\.alt ', 'a whole database is made instead; what lies about is removed at the next start'),
    (r'^fdatasync \S*\.cdb ', 'the database is made anew at each start'),
    (r'/run/state\b', 'a save that the end interrupts is made anew'),
    (r'^recvfrom socket kill', 'the helper was about to end'),
    (r'^read pipe ', 'the output of a command ends early'),
    (r'^read /proc/N ', 'the sweep serves'),
    (r'^openat /dev/null ', 'one descriptor less is kept in reserve'),
    (r'^fcntl ', 'nothing depends on it'),
]

# libuv calls abort(3) where it cannot go on: no memory, or no more threads.
ABORTS = re.compile(r'^(epoll_ctl|epoll_create1|clone|clone3|mmap|mprotect|eventfd2|pipe2) ')
SAYS = re.compile(r'unable to|out of memory|failed with|could not be started|not started|was killed by|there is no|stopping$')


def name_of(action):
    return re.sub(r'error (\d+)', lambda m: errno.errorcode[int(m[1])], action)


def action_of(name):
    return re.sub(r'\bE[A-Z0-9]+', lambda m: f'error {getattr(errno, m[0])}', name)


def quiet_reason(what, more):
    for pattern, reason in [*QUIET, *more]:
        if re.search(pattern, what):
            return reason
    return None


def masked(line):
    """Without what differs from run to run."""
    return re.sub(r'/slot-[^/]*/|\d+ m?s\b|:\d+\b', '', line)


def judge(place, action, status, log, normal, quiet):
    """(outcome, None), or (None, what is wrong). normal: the lines of a run without faults;
    quiet: more of QUIET."""
    who, call, obj, _ = place.split('\t')
    what = f'{call} {obj} {name_of(action)}'
    kills = action.startswith('kill')
    said = any(SAYS.search(line) and masked(line) not in normal for line in log)
    if kills and who == 'D':
        return ('killed; the next start converges', None) if status == 137 else \
            (None, f'killed, but the status is {status}')
    if status == 134:
        return ('libuv ends the process; the next start converges', None) if ABORTS.search(what) else \
            (None, 'aborts')
    if status:
        return ('ends, and says why; the next start converges', None) if said else \
            (None, f'ends with {status} without a word')
    if said:
        return 'says so, and converges by itself', None
    reason = quiet_reason(what, quiet)
    if not reason:
        return None, f'nothing is said of {what}'
    return f'converges by itself in silence: {reason}', None
