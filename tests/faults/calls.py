# SPDX-FileCopyrightText: 2026 The dns-updater authors
# SPDX-License-Identifier: ISC
"""Which faults fit a system call: the errors of its manual page that a caller who makes no mistake can meet, short
reads and writes, and the end of the process right before and right after it."""

import errno
import os

NAMED = {
    'open': 'EACCES EINTR EIO EMFILE ENFILE ENOENT ENOMEM',
    'create': 'EACCES EDQUOT EEXIST EINTR EIO EMFILE ENFILE ENOENT ENOMEM ENOSPC EROFS',
    'read': 'EINTR EIO ENOMEM',
    'read-stream': 'EINTR EAGAIN EIO',
    'write': 'EINTR EIO ENOSPC EDQUOT EFBIG',
    'write-stream': 'EINTR EAGAIN EPIPE',
    'internal': 'EINTR',
    'close': 'EINTR EIO ENOSPC EDQUOT',
    'fsync': 'EINTR EIO ENOSPC EDQUOT EROFS',
    'stat': 'EACCES EIO ENOENT ENOMEM',
    'fstat': 'EIO ENOMEM',
    'fstatfs': 'EINTR EIO ENOMEM ENOSYS',
    'access': 'EACCES EIO ENOENT ENOMEM',
    'readlink': 'EACCES EIO ENOENT ENOMEM',
    'unlink': 'EACCES EBUSY EIO ENOENT ENOMEM EPERM EROFS',
    'link': 'EACCES EDQUOT EEXIST EIO EMLINK ENOENT ENOMEM ENOSPC EPERM EROFS',
    'rename': 'EACCES EBUSY EDQUOT EIO ENOENT ENOMEM ENOSPC EPERM EROFS',
    'chmod': 'EIO ENOMEM EPERM EROFS',
    'utimensat': 'EACCES EIO EPERM EROFS',
    'listxattr': 'ENOTSUP ERANGE EIO',
    'getxattr': 'ENODATA ENOTSUP ERANGE EIO',
    'setxattr': 'EDQUOT ENOSPC ENOTSUP EPERM EIO',
    'fcntl': 'EAGAIN EACCES EINVAL EMFILE ENOMEM',
    'flock': 'EINTR ENOLCK',
    'truncate': 'EFBIG EINTR EIO EPERM EROFS',
    'fallocate': 'EDQUOT EFBIG EINTR EIO ENOSPC EOPNOTSUPP',
    'copy': 'EFBIG EIO ENOMEM ENOSPC EXDEV EINVAL EOPNOTSUPP',
    'getdents': 'EIO ENOENT',
    'inotify_add_watch': 'EACCES ENOENT ENOMEM ENOSPC',
    'descriptor': 'EMFILE ENFILE ENOMEM',
    'dup2': 'EBUSY EINTR EMFILE',
    'epoll_ctl': 'ENOMEM ENOSPC',
    'wait': 'EINTR',
    'poll': 'EINTR ENOMEM',
    'accept': 'EAGAIN ECONNABORTED EINTR EMFILE ENFILE ENOBUFS ENOMEM EPERM',
    'socket': 'EACCES EMFILE ENFILE ENOBUFS ENOMEM',
    'bind': 'EACCES EADDRINUSE ENOMEM EROFS',
    'connect': 'EACCES EAGAIN ECONNREFUSED EINTR ENETUNREACH ETIMEDOUT',
    'send': 'EAGAIN ECONNRESET EINTR ENOBUFS ENOMEM EPIPE',
    'receive': 'EAGAIN ECONNREFUSED ECONNRESET EINTR ENOMEM',
    'sockopt': 'ENOMEM ENOBUFS',
    'memory': 'ENOMEM',
    'fork': 'EAGAIN ENOMEM',
    'exec': 'EACCES EIO EMFILE ENFILE ENOENT ENOMEM ETXTBSY',
    'kill': 'EPERM ESRCH',
    'mkdir': 'EACCES EDQUOT EEXIST ENOENT ENOMEM ENOSPC EROFS',
    'chdir': 'EACCES EIO ENOENT ENOMEM',
}

KINDS = {
    'open': 'open', 'openat': 'open', 'openat2': 'open', 'creat': 'create',
    'read': 'read', 'pread64': 'read', 'readv': 'read', 'write': 'write', 'pwrite64': 'write', 'writev': 'write',
    'close': 'close', 'fsync': 'fsync', 'fdatasync': 'fsync', 'syncfs': 'fsync',
    'stat': 'stat', 'lstat': 'stat', 'newfstatat': 'stat', 'statx': 'stat', 'fstat': 'fstat',
    'fstatfs': 'fstatfs', 'statfs': 'fstatfs', 'access': 'access', 'faccessat': 'access', 'faccessat2': 'access',
    'readlink': 'readlink', 'readlinkat': 'readlink', 'unlink': 'unlink', 'unlinkat': 'unlink', 'rmdir': 'unlink',
    'link': 'link', 'linkat': 'link', 'rename': 'rename', 'renameat': 'rename', 'renameat2': 'rename',
    'chmod': 'chmod', 'fchmod': 'chmod', 'fchmodat': 'chmod', 'fchown': 'chmod', 'utimensat': 'utimensat',
    'flistxattr': 'listxattr', 'fgetxattr': 'getxattr', 'fsetxattr': 'setxattr', 'fcntl': 'fcntl', 'flock': 'flock',
    'ftruncate': 'truncate', 'truncate': 'truncate', 'fallocate': 'fallocate', 'copy_file_range': 'copy',
    'getdents64': 'getdents', 'inotify_add_watch': 'inotify_add_watch', 'inotify_init1': 'descriptor',
    'eventfd2': 'descriptor', 'epoll_create1': 'descriptor', 'pipe': 'descriptor', 'pipe2': 'descriptor',
    'pidfd_open': 'descriptor', 'memfd_create': 'descriptor', 'dup': 'descriptor', 'dup2': 'dup2', 'dup3': 'dup2',
    'epoll_ctl': 'epoll_ctl', 'epoll_wait': 'wait', 'epoll_pwait': 'wait', 'poll': 'poll', 'ppoll': 'poll',
    'wait4': 'wait', 'waitid': 'wait', 'nanosleep': 'wait', 'accept': 'accept', 'accept4': 'accept',
    'socket': 'socket', 'socketpair': 'socket', 'bind': 'bind', 'listen': 'bind', 'connect': 'connect',
    'sendto': 'send', 'sendmsg': 'send', 'recvfrom': 'receive', 'recvmsg': 'receive', 'setsockopt': 'sockopt',
    'getsockopt': 'sockopt', 'shutdown': 'sockopt', 'getsockname': 'sockopt', 'getpeername': 'sockopt',
    'mmap': 'memory', 'mremap': 'memory', 'brk': 'memory', 'clone': 'fork', 'clone3': 'fork', 'fork': 'fork',
    'vfork': 'fork', 'execve': 'exec', 'kill': 'kill', 'mkdir': 'mkdir', 'mkdirat': 'mkdir',
    'chdir': 'chdir', 'close_range': 'memory', 'sendfile': 'copy',
}

KILLS = ('kill-before', 'kill-after')
SHORT = {'read', 'write', 'pread64', 'pwrite64', 'copy_file_range', 'sendto', 'recvfrom'}
EPOLL_CTL_ADD = 1
AT_EMPTY_PATH = 0x1000



def is_stream(obj):
    return not obj.startswith('/') or obj.startswith('/dev/') or obj == '/log'


def kind_of(call):
    kind = KINDS.get(call.name)
    if kind == 'open' and call.name != 'open' and call.name != 'openat2' and call.arguments[2] & os.O_CREAT:
        return 'create'
    if kind == 'open' and call.name == 'open' and call.arguments[1] & os.O_CREAT:
        return 'create'
    empty = {'newfstatat': 3, 'statx': 2}.get(call.name)
    if empty and call.arguments[empty] & AT_EMPTY_PATH:	# it is fstat(2)
        return 'fstat'
    # With these libuv wakes its own loop: they are never full, broken or cut (eventfd(2), pipe(7)); inotify(7) too.
    if kind in ('read', 'write') and call.who == 'D' and (call.object == 'pipe' or call.object.startswith('anon_inode')):
        return 'internal'
    if call.name == 'epoll_ctl' and call.arguments[1] != EPOLL_CTL_ADD:
        return None
    if kind in ('read', 'write') and is_stream(call.object):
        return kind + '-stream'
    return kind


def faults_of(call, socket_keeps_records):
    """[action] for inject.c. Nothing is cut short on a socket that keeps together what is sent at once. What is already known to fail with an error is not made to fail with that one."""
    kind = kind_of(call)
    actions = []
    for name in NAMED.get(kind, '').split():
        number = getattr(errno, name)
        if call.result != -number:
            actions.append(f'error {number}')
    if call.name in SHORT and call.result > 1 and kind != 'internal' and \
            not (socket_keeps_records and call.name in ('sendto', 'recvfrom')):
        actions += ['half', 'short 1']
    if kind == 'write' and call.result > 1:
        actions += [f'half+error {errno.ENOSPC}', f'half+error {errno.EIO}']	# the file system is full, the disk broken
    if kind in ('read', 'copy') and call.result > 0:
        actions.append('zero')		# somebody has cut the file
    return actions + list(KILLS)


def parts_of(place, action):
    """[(place, action)] for inject.c: what follows a + happens to the next call that is alike."""
    begin, n = place.rsplit('\t', 1)
    return [(f'{begin}\t{int(n) + i}', part) for i, part in enumerate(action.split('+'))]


class Call:
    """A line of what inject.c has recorded."""

    def __init__(self, line):
        fields = line.rstrip('\n').split('\t')
        self.who, self.name, self.object, self.n = fields[1], fields[2], fields[3], int(fields[4])
        self.result = int(fields[5])
        self.arguments = [int(a, 16) for a in fields[6].split()]
        self.process = fields[7] if len(fields) > 7 else ''
        self.data = bytes.fromhex(fields[8]) if len(fields) > 8 else b''

    @property
    def place(self):
        return f'{self.who}\t{self.name}\t{self.object}\t{self.n}'
