# SPDX-FileCopyrightText: 2026 The dns-updater authors
# SPDX-License-Identifier: ISC
"""What an address file may say, and what a hostile home may hold. After whatever is refused, the
last good addresses are still answered, and another user is served (env.fence())."""

import contextlib
import itertools
import os
import pwd
import re
import signal
import socket
import stat
import subprocess

import pytest

import harness
from harness import SERVICE_GID, SERVICE_UID, SilentWriter, uid_of, unshare_mounts

JOHN = 'john.dyn.example.com'
GOOD, NEW = '1.2.3.4', '5.6.7.8'
SECRET = '6.6.6.6 SECRET'	# what nobody may read out of somebody else's file
KEEPING = '; keeping the last addresses'


@pytest.fixture
def good(env):
    """A daemon that knows a good address of john's."""
    env.write('john', GOOD, age=10)
    env.start()
    env.wait_answer(JOHN, 'A', {GOOD})
    return env


def refused(env, why, mark=0):
    """john's file as a whole is refused in these words, and what he had stays."""
    path = re.escape(str(env.file('john')))
    env.wait_log(f'^refusing {path} of user john: {why}{KEEPING}$', mark)
    env.fence()
    assert env.query(JOHN, 'A') == {GOOD}
    assert 'SECRET' not in env.log.text()
    assert '6.6.6.6' not in env.log.text()


# ---- at a start

def _replace(env, user, make):
    """Another file in the place of the user's, which is old enough to be taken."""
    file = env.file(user)
    new = file.with_name('new')
    make(file, new)
    os.utime(new, (1e9, 1e9), follow_symlinks=False)
    new.rename(file)


def _others(file, new):
    new.write_text(SECRET + '\n')
    os.chown(new, uid_of('jane'), uid_of('jane'))


def _roots(file, new):
    new.write_text(GOOD + '\n')


def _fifo(file, new):
    os.mkfifo(new)


def _hard(file, new):
    os.link(file, file.with_name('other'))
    os.link(file, new)
    file.unlink()


# What somebody's file is when the daemon starts, and the refusal; None: it is taken.
AT_START = {
    'own': (None, None),
    'roots': (_roots, None),
    'soft': (lambda file, new: new.symlink_to('/etc/hostname'), 'a symbolic link'),
    'hard': (_hard, 'more than one link'),
    'fifo': (_fifo, 'not a regular file'),
    'dir': (lambda file, new: new.mkdir(), 'not a regular file'),
    'others': (_others, r'owned by uid \d+, who is neither the user nor the owner of its directory'),
}


@pytest.mark.parametrize('way', ['inotify', 'fanotify'])
def test_at_a_start_all_are_judged_as_they_are_later(env, way):
    """Readers open many files at once, by another way than one that changes; and what they watch is watched."""
    env.conf['watch'] = way
    env.users = {user: [f'{user}.dyn.example.com'] for user in [*AT_START, 'linked']}
    for user, (make, _) in AT_START.items():
        env.write(user, GOOD, age=10)
        if make:
            if user == 'dir':
                env.file(user).unlink()
            _replace(env, user, make)
    env.write('linked', GOOD, age=10)
    env.home('linked').rename(env.tmp / 'elsewhere')
    env.home('linked').symlink_to(env.tmp / 'elsewhere')
    env.start()
    taken = {user for user, (_, why) in AT_START.items() if why is None} | {'linked'}
    for user in env.users:
        if user in taken:
            env.wait_answer(f'{user}.dyn.example.com', 'A', {GOOD})
        else:
            path = re.escape(str(env.file(user)))
            env.wait_log(f'^refusing {path} of user {user}: {AT_START[user][1]}{KEEPING}$')
            assert not env.query(f'{user}.dyn.example.com', 'A')
    assert 'SECRET' not in env.log.text()
    for user in sorted(taken):		# their directories are watched
        env.write(user, NEW) if user != 'roots' else env.file(user).write_text(NEW + '\n')
        env.wait_answer(f'{user}.dyn.example.com', 'A', {NEW})


@pytest.mark.parametrize('way', ['inotify', 'fanotify'])
def test_files_may_lie_in_the_root_directory(env, way):
    env.conf.update(watch=way, pathpattern='/%u')
    env.users = {f'nobody-{os.getpid()}': ['john.dyn.example.com']}
    env.with_fence = False
    env.start()


# ---- lines

def test_a_bad_line_is_told_with_user_number_and_bytes(good):
    good.write('john', '1.2.3.5\n# a comment\n1.2.3.999')
    refused(good, "line 3: .+: '1\\.2\\.3\\.999'")


def test_a_mended_file_is_taken_again(good):
    good.write('john', '1.2.3.999')
    refused(good, "line 1: .+: '1\\.2\\.3\\.999'")
    good.write('john', NEW)
    good.wait_answer(JOHN, 'A', {NEW})


def test_hostile_bytes_are_escaped(good):
    good.write('john', b'1.2.3.5\n\x1b]0;x\x07\\\xff\x00\r\xc3\xa9\n')
    line = good.wait_log(r"^refusing .* line 2: .*").group(0)
    assert re.search(r": '.*\\x1b\]0;x\\x07\\\\\\xff\\x00", line)
    assert line.isascii() and line.isprintable()


def test_long_bytes_are_cut(good):
    good.write('john', 'x' * 500)
    refused(good, "line 1: .+: '" + 'x' * 64 + "\\.\\.\\.'")


@pytest.mark.parametrize('text', [
    '1.2.3', '1.2.3.4.5', '010.1.1.1', '1.2.3.4/32', '1.2.3.4x', '0x1020304', '16909060',
    '2001:db8::7::1', '2001:db8::7%eth0', '[2001:db8::7]', 'garbage', 'localhost',
    '1.2.3.4\n1.2.3.999', 'none\n1.2.3.4', f'{JOHN} none\n{JOHN} 1.2.3.4',
    'jane.dyn.example.com 1.2.3.4', f'{JOHN}', '1.2.3.4 5.6.7.8.9'],
    ids=lambda text: text.replace('\n', '_then_'))
def test_a_file_is_refused_whole_for(good, text):
    good.write('john', f'{NEW}\n{text}')
    good.wait_log(r'^refusing .* of user john: line \d+: .*' + KEEPING + '$')
    good.fence()
    assert good.query(JOHN, 'A') == {GOOD}


@pytest.mark.parametrize('address', [
    '0.0.0.0', '127.0.0.1', '169.254.1.1', '224.0.0.1', '240.0.0.1', '255.255.255.255',
    '::', '::1', 'fe80::1', 'ff02::1', '::ffff:1.2.3.4', '::1.2.3.4'])
def test_never_published_is(good, address):
    good.write('john', address)
    refused(good, f"line 1: .+: '{re.escape(address)}'")


@pytest.mark.parametrize('text', [
    f'{NEW}', f'  {NEW}\t', f'{NEW}\r\n', f'\ufeff{NEW}', f'# c\n\n{NEW}\n{NEW}\n', f'{JOHN} {NEW}',
    f'JOHN.Dyn.example.com.  {NEW}', f'{NEW} # behind it'],
    ids=['plain', 'blanks', 'crlf', 'bom', 'twice', 'named', 'name_in_another_form', 'comment'])
def test_a_file_is_taken_with(good, text):
    good.write('john', text)
    good.wait_answer(JOHN, 'A', {NEW})


def test_a_last_newline_is_not_needed(good):
    good.sh('john', f'printf {NEW} > .dynamicdns')
    good.wait_answer(JOHN, 'A', {NEW})


@pytest.mark.parametrize('text', ['', '\n \t\r\n', '# 9.9.9.9\n'],
                         ids=['nothing', 'blanks', 'comments'])
def test_an_empty_file_asks_for_nothing(good, text):
    good.sh('john', f"printf '{text}' > .dynamicdns")
    good.fence()
    assert good.query(JOHN, 'A') == {GOOD}
    assert good.count('john') == 2		# those of the start


def test_more_addresses_than_allowed_are_refused(env):
    env.conf['addresses_max'] = '2'
    env.start()
    env.write('john', '1.2.3.1\n1.2.3.2\n2001:db8::7\n2001:db8::8\n')
    env.wait_answer(JOHN, 'A', {'1.2.3.1', '1.2.3.2'})
    env.write('john', '1.2.3.1\n1.2.3.2\n1.2.3.3\n')
    env.wait_log(r'^refusing .* of user john: ')
    env.fence()
    assert env.query(JOHN, 'A') == {'1.2.3.1', '1.2.3.2'}


def test_networks_say_what_may_be_published(env):
    env.conf['networks'] = '!10.0.0.0/8, 10.9.0.0/16'
    env.users['jane'] = ['jane.dyn.example.com']
    env.start()
    env.write('john', '10.1.1.1')
    env.wait_log(r"^refusing .* of user john: line 1: .+: '10\.1\.1\.1'")
    env.write('jane', '10.9.9.9')
    env.wait_answer('jane.dyn.example.com', 'A', {'10.9.9.9'})
    assert env.query(JOHN, 'A') == set()


# ---- hostile homes

def secret(env, uid=0, mode=0o600):
    """A file outside of the home that holds an address and more."""
    path = env.tmp / 'secret'
    path.write_text(SECRET + '\n')
    os.chown(path, uid, uid)
    path.chmod(mode)
    return path


def test_a_link_to_somebody_elses_file_is_refused(good):
    path = secret(good)
    good.sh('john', f'ln -s {path} new; mv new .dynamicdns')
    refused(good, '.*symbolic link.*')


def test_a_link_to_ones_own_file_is_refused_too(good):
    good.sh('john', 'echo 6.6.6.6 > new; rm .dynamicdns; ln -s new .dynamicdns')
    refused(good, '.*symbolic link.*')


def test_a_linked_directory_below_the_home_is_refused(env):
    """Somebody else's directory, in which a file of the right name lies."""
    env.conf['pathpattern'] = f'{env.homes}/%u/etc/ddns {env.homes}/%u/.dynamicdns'
    env.make_home('john')
    env.sh('john', f'mkdir etc; echo {GOOD} > etc/ddns')
    os.utime(env.home('john') / 'etc' / 'ddns', (1e9, 1e9))
    env.start()
    env.wait_answer(JOHN, 'A', {GOOD})
    other = env.tmp / 'other'
    other.mkdir()
    (other / 'ddns').write_text(SECRET + '\n')
    os.utime(other / 'ddns', (1e9, 1e9))
    env.sh('john', f'mv etc old; ln -s {other} etc')
    env.wait_log(rf'^refusing {env.home("john")}/etc/ddns of user john: .*symbolic link')
    env.fence()
    assert env.query(JOHN, 'A') == {GOOD}
    assert 'SECRET' not in env.log.text()


def test_what_changes_behind_a_linked_directory_is_not_watched(env):
    env.conf['pathpattern'] = f'{env.homes}/%u/etc/ddns {env.homes}/%u/.dynamicdns'
    other = env.tmp / 'other'
    other.mkdir()
    env.make_home('john')
    env.sh('john', f'ln -s {other} etc')
    env.start()
    mark = env.mark()
    (other / 'ddns').write_text(NEW + '\n')
    env.fence()
    assert env.query(JOHN, 'A') == set()
    assert env.count('john', mark) == 0


def test_a_magic_link_is_refused(env):
    env.conf['pathpattern'] = f'{env.homes}/%u/etc/ddns {env.homes}/%u/.dynamicdns'
    env.make_home('john')
    env.sh('john', 'ln -s /proc/self/cwd etc')
    env.start()
    env.fence()
    assert env.query(JOHN, 'A') == set()


def test_a_hard_link_to_somebody_elses_file_is_refused(good):
    path = secret(good)
    good.file('john').unlink()
    os.link(path, good.file('john'))
    refused(good, 'more than one link')


@pytest.mark.parametrize('way', ['inotify', 'fanotify'])
def test_who_links_to_anothers_file_does_not_keep_it_from_being_taken(env, way):
    """Where fs.protected_hardlinks is 0, proc_sys_fs(5), he need not even be able to read it. What he links to is not
    taken for his."""
    account, front_end = 'sys', 'bin'	# that every system has
    for user in account, front_end:
        harness._uids[user] = pwd.getpwnam(user).pw_uid
    door = env.tmp / 'door'
    door.mkdir(mode=0o755)
    os.chown(door, uid_of(front_end), uid_of(front_end))
    env.users = {user: [f'{user}.dyn.example.com'] for user in (account, 'john', 'mallory', 'trudy')}
    env.conf.update(watch=way, pathpattern=f'{env.homes}/%u/.dynamicdns {door}/%u')
    env.conf_more = f'\n[http]\nuser = {front_end}\n'
    for user in env.users:
        env.make_home(user)

    def replace(path, owner, thief, text):
        """The thief has his link before the file has its name."""
        new = path.with_name('.new')
        new.write_text(text + '\n')
        os.utime(new, (1e9, 1e9))
        os.chown(new, uid_of(owner), uid_of(owner))
        env.file(thief).unlink(missing_ok=True)
        os.link(new, env.file(thief))
        new.rename(path)

    for address in GOOD, NEW:
        replace(env.file(account), account, 'mallory', address)
        replace(door / 'john', front_end, 'trudy', address)
        if address == GOOD:
            env.start()
        for user in account, 'john':
            env.wait_answer(f'{user}.dyn.example.com', 'A', {address})
        for user in 'mallory', 'trudy':
            env.wait_log(f'^refusing {env.file(user)} of user {user}: more than one link;')
            assert not env.query(f'{user}.dyn.example.com', 'A')
    env.fence()


def test_a_fifo_is_refused_and_not_waited_for(good):
    good.sh('john', 'rm .dynamicdns; mkfifo .dynamicdns')
    refused(good, 'not a regular file')


def test_a_device_is_refused(good):
    good.file('john').unlink()
    try:
        os.mknod(good.file('john'), stat.S_IFCHR | 0o644, os.makedev(1, 5))
    except PermissionError:
        pytest.skip('device files cannot be made here')
    refused(good, 'not a regular file')


def test_a_directory_is_refused(good):
    good.sh('john', 'rm .dynamicdns; mkdir .dynamicdns')
    refused(good, 'not a regular file')


def test_a_socket_is_refused(good):
    good.file('john').unlink()
    with socket.socket(socket.AF_UNIX) as s:
        s.bind(str(good.file('john')))
    good.wait_log(r'^(refusing|unable to open) ')
    good.fence()
    assert good.query(JOHN, 'A') == {GOOD}


def test_a_huge_file_is_refused_unread(good):
    good.sh('john', f'echo {NEW} > new; truncate -s 1T new; mv new .dynamicdns')
    refused(good, 'larger than 4096 bytes')


def test_the_largest_file_is_taken_and_one_byte_more_refused(good):
    def text(n):
        return f'{NEW}\n'.ljust(n - 1, '#') + '\n'
    good.write('john', text(4096))
    good.wait_answer(JOHN, 'A', {NEW})
    good.write('john', GOOD)
    good.wait_answer(JOHN, 'A', {GOOD})
    good.write('john', text(4097))
    refused(good, 'larger than 4096 bytes')


def test_many_names_allow_a_larger_file(env):
    names = [f'n{i}.dyn.example.com' for i in range(16)]
    env.users = {'john': names}
    env.start()
    env.write('john', f'{NEW}\n'.ljust(8191, '#'))
    env.wait_answer(names[15], 'A', {NEW})
    env.write('john', f'{NEW}\n'.ljust(8192, '#'))
    env.wait_log(r'^refusing .*: larger than 8192 bytes')


def test_a_file_that_everyone_may_write_is_refused_until_that_ends(good):
    good.sh('john', f'echo {NEW} > new; chmod 666 new; mv new .dynamicdns')
    refused(good, 'writable by everyone')
    good.sh('john', 'chmod 664 .dynamicdns')
    good.wait_answer(JOHN, 'A', {NEW})


def test_a_file_that_its_group_may_write_is_taken(good):
    good.sh('john', f'umask 002; echo {NEW} > new; chmod 664 new; mv new .dynamicdns')
    good.wait_answer(JOHN, 'A', {NEW})


def test_a_file_of_another_user_is_refused_and_not_quoted(good):
    new = good.home('john') / 'new'
    new.write_text(SECRET + '\n')
    os.chown(new, uid_of('jane'), uid_of('jane'))
    new.rename(good.file('john'))
    refused(good, f'owned by uid {uid_of("jane")}, who is neither the user nor the owner of its '
                  'directory.*')


def test_a_bad_file_of_root_is_not_quoted(good):
    """root may write it, but what root's file holds is not john's to read from a log."""
    new = good.home('john') / 'new'
    new.write_text('SECRET\n')
    new.chmod(0o600)
    new.rename(good.file('john'))
    good.wait_log(r'^refusing .* of user john: .*line 1: ')
    assert 'SECRET' not in good.log.text()


def test_a_file_that_root_wrote_is_taken(good):
    new = good.home('john') / 'new'
    new.write_text(NEW + '\n')
    new.rename(good.file('john'))
    good.wait_answer(JOHN, 'A', {NEW})


def test_a_file_with_a_time_after_2038_is_taken(good):
    """Where time_t has 32 bits else; touch(1), for Python's os.utime may have no more."""
    good.sh('john', f'echo {NEW} > new; touch -d @4294967296 new; mv new .dynamicdns')
    good.wait_answer(JOHN, 'A', {NEW})


def test_a_file_of_the_account_in_a_directory_of_root_is_taken(env):
    """/var/lib/ddns/%u, where every file belongs to its user: `games` is an account everywhere."""
    door = env.tmp / 'door'
    door.mkdir(mode=0o755)
    env.users = {'games': ['games.dyn.example.com'], 'man': ['man.dyn.example.com']}
    env.conf['pathpattern'] = f'{door}/%u {env.homes}/%u/.dynamicdns'
    for name in ('games', 'man'):
        (door / name).write_text(GOOD + '\n')
        os.utime(door / name, (1e9, 1e9))
        os.chown(door / name, 5, 60)		# games
    env.start(homes=False)
    env.wait_answer('games.dyn.example.com', 'A', {GOOD})
    env.wait_log(rf'^refusing {door}/man of user man: owned by uid 5, ')


def test_a_file_that_only_its_owner_may_read_is_taken(good):
    good.sh('john', f'umask 077; echo {NEW} > new; mv new .dynamicdns')
    good.wait_answer(JOHN, 'A', {NEW})


def test_a_file_that_nobody_may_read_is_taken(good):
    """Whoever wants to hide it may: the capability reads it all the same."""
    good.sh('john', f'echo {NEW} > new; chmod 000 new; mv new .dynamicdns')
    good.wait_answer(JOHN, 'A', {NEW})


def test_an_unreadable_file_keeps_the_last_addresses(env):
    env.popen = {'user': SERVICE_UID, 'group': SERVICE_GID, 'extra_groups': []}
    for user in ('john', 'fence'):
        env.make_home(user, mode=0o755)
    env.write('john', GOOD, age=10)
    env.start()
    env.wait_answer(JOHN, 'A', {GOOD})
    env.sh('john', f'umask 077; echo {NEW} > new; mv new .dynamicdns')
    env.wait_line(f"unable to open '{env.file('john')}': Permission denied; "
                  'keeping the last addresses of user john')
    env.fence()
    assert env.query(JOHN, 'A') == {GOOD}


def test_a_file_that_turns_into_a_link_and_back_never_shows_what_is_behind(good):
    """A race against the checks: the name is exchanged as fast as it goes."""
    path = secret(good, uid=uid_of('john'), mode=0o644)
    path.write_text('6.6.6.6\n')		# nothing but a good address
    good.sh('john', f'i=0; while [ $i -lt 500 ]; do ln -s {path} l; mv l .dynamicdns; '
                    f'echo 1.2.3.5 > f; mv f .dynamicdns; i=$((i+1)); done')
    good.fence()
    good.wait_answer(JOHN, 'A', {'1.2.3.5'})
    assert good.count(r'to 6\.6\.6\.6') == 0


def test_a_refusal_does_not_stop_the_names_of_others(env):
    env.users = {f'u{i}': [f'u{i}.dyn.example.com'] for i in range(5)}
    env.start()
    for i in range(5):
        env.write(f'u{i}', NEW if i % 2 else 'garbage')
    for i in range(5):
        env.wait_answer(f'u{i}.dyn.example.com', 'A', {NEW} if i % 2 else set())


# ---- several doors

@pytest.fixture
def doors(env):
    """Two doors, the home and a directory that every user has; not started."""
    env.door = env.tmp / 'door'
    env.door.mkdir(mode=0o755)
    env.conf['pathpattern'] = f'{env.homes}/%u/.dynamicdns {env.door}/%u'
    env.make_home('john')
    return env


def by_door(env, text, age=None):
    (env.door / 'john').write_text(text)
    if age is not None:
        by_age(env.door / 'john', age)


def by_age(path, age):
    t = os.stat(path).st_mtime - age
    os.utime(path, (t, t))


def test_the_door_written_last_counts(doors):
    doors.start()
    doors.write('john', '1.1.1.1')
    doors.wait_answer(JOHN, 'A', {'1.1.1.1'})
    by_door(doors, '2.2.2.2\n')
    doors.wait_answer(JOHN, 'A', {'2.2.2.2'})
    doors.write('john', '3.3.3.3')
    doors.wait_answer(JOHN, 'A', {'3.3.3.3'})


def test_the_same_text_written_again_is_a_new_statement(doors):
    doors.start()
    doors.write('john', '1.1.1.1')
    doors.wait_answer(JOHN, 'A', {'1.1.1.1'})
    by_door(doors, '2.2.2.2\n')
    doors.wait_answer(JOHN, 'A', {'2.2.2.2'})
    doors.write('john', '1.1.1.1')
    doors.wait_answer(JOHN, 'A', {'1.1.1.1'})


def test_a_copy_with_an_old_time_is_a_new_statement(doors):
    doors.start()
    by_door(doors, '2.2.2.2\n')
    doors.wait_answer(JOHN, 'A', {'2.2.2.2'})
    doors.sh('john', 'echo 1.1.1.1 > new; touch -d 2001-01-01 new; cp -p new .dynamicdns')
    doors.wait_answer(JOHN, 'A', {'1.1.1.1'})


def test_at_start_the_door_with_the_greatest_time_counts(doors):
    doors.write('john', '1.1.1.1', age=20)
    by_door(doors, '2.2.2.2\n', age=10)
    doors.start()
    doors.wait_answer(JOHN, 'A', {'2.2.2.2'})
    assert doors.count(r'1\.1\.1\.1') == 0


@pytest.mark.parametrize('known', [True, False])
def test_at_start_a_door_that_must_settle_is_waited_for(doors, known):
    """Whoever restarts right after an update does not get the older one of another door back, not for two seconds."""
    by_door(doors, '2.2.2.2\n', age=100)
    doors.write('john', '1.1.1.1', age=10)
    if known:
        doors.start()
        doors.wait_answer(JOHN, 'A', {'1.1.1.1'})
        doors.stop()
    doors.sh('john', 'touch .dynamicdns')
    doors.start()
    doors.wait_section([f'+{JOHN}:1.1.1.1:60'])
    assert doors.count(r'2\.2\.2\.2') == 0
    by_door(doors, '2.2.2.2\n')
    doors.wait_answer(JOHN, 'A', {'2.2.2.2'})


def test_at_start_a_time_in_the_future_does_not_hold_up_the_others(doors):
    """Both are taken as now, and neither is read at once."""
    doors.write('john', '1.1.1.1', age=-3600)
    by_door(doors, '2.2.2.2\n', age=-3600)
    doors.start()
    doors.wait_answer(JOHN, 'A', {'1.1.1.1'})


def test_at_start_a_tie_goes_to_the_earlier_pattern(doors):
    doors.write('john', '1.1.1.1')
    by_door(doors, '2.2.2.2\n')
    for path in (doors.file('john'), doors.door / 'john'):
        os.utime(path, (1e9, 1e9))
    doors.start()
    doors.wait_answer(JOHN, 'A', {'1.1.1.1'})
    assert doors.count(r'2\.2\.2\.2') == 0


def test_at_start_a_time_in_the_future_is_taken_as_now(doors):
    doors.write('john', '1.1.1.1', age=-3600)
    by_door(doors, '2.2.2.2\n', age=-7200)
    doors.start()
    doors.wait_answer(JOHN, 'A', {'1.1.1.1'})
    by_door(doors, '3.3.3.3\n')
    doors.wait_answer(JOHN, 'A', {'3.3.3.3'})


def test_a_restart_arrives_at_the_door_written_last(doors):
    doors.start()
    doors.write('john', '1.1.1.1')
    doors.wait_answer(JOHN, 'A', {'1.1.1.1'})
    by_door(doors, '2.2.2.2\n')
    doors.wait_answer(JOHN, 'A', {'2.2.2.2'})
    doors.stop()
    doors.start()
    doors.fence()
    assert doors.query(JOHN, 'A') == {'2.2.2.2'}
    assert doors.count('john') == 0


def test_a_reload_keeps_the_door_in_force(doors):
    """Also one whose file has an older time than another's."""
    doors.start()
    by_door(doors, '2.2.2.2\n')
    doors.wait_answer(JOHN, 'A', {'2.2.2.2'})
    by_age(doors.door / 'john', 10)
    doors.sh('john', 'echo 1.1.1.1 > new; touch -d 2001-01-01 new; cp -p new .dynamicdns')
    doors.wait_answer(JOHN, 'A', {'1.1.1.1'})
    doors.reload()
    doors.fence()
    assert doors.query(JOHN, 'A') == {'1.1.1.1'}


def test_a_reload_keeps_what_was_just_written(doors):
    """Very many write at once, and a reload comes in between: also a copy with an old time is a new statement."""
    n = 600
    doors.users = {f'u{i}': [f'u{i}.dyn.example.com'] for i in range(n)}
    doors.conf['log_rate'] = '0'
    for user in doors.users:
        doors.make_home(user)
        (doors.door / user).write_text('2.2.2.2\n')
        by_age(doors.door / user, 10)
    doors.start()
    doors.wait_answer(f'u{n - 1}.dyn.example.com', 'A', {'2.2.2.2'})
    doors.users['new'] = ['new.dyn.example.com']
    doors.write_conf()
    doors.send(signal.SIGSTOP)
    for i in range(n):
        new = doors.home(f'u{i}') / 'new'
        new.write_text(f'1.1.{i // 250}.{i % 250}\n')
        os.utime(new, (1e9, 1e9))
        new.rename(doors.file(f'u{i}'))
    doors.send(signal.SIGHUP)
    doors.send(signal.SIGCONT)
    doors.wait_log('^reloaded')
    doors.fence()
    for i in range(n):
        doors.wait_answer(f'u{i}.dyn.example.com', 'A', {f'1.1.{i // 250}.{i % 250}'})


def test_a_sweep_keeps_the_door_in_force(doors):
    doors.conf['rescan'] = '200ms'
    doors.users['jane'] = ['jane.dyn.example.com']
    doors.write('jane', '1.2.3.4', age=10)
    doors.start()
    by_door(doors, '2.2.2.2\n')
    doors.wait_answer(JOHN, 'A', {'2.2.2.2'})
    doors.sh('john', 'echo 1.1.1.1 > new; touch -d 2001-01-01 new; cp -p new .dynamicdns')
    doors.wait_answer(JOHN, 'A', {'1.1.1.1'})
    with contextlib.closing(SilentWriter(doors.file('jane'))) as jane:
        jane.write('5.6.7.8\n')	# only a sweep finds it
        doors.wait_line('user jane requested update to 5.6.7.8')
    assert doors.query(JOHN, 'A') == {'1.1.1.1'}


def test_a_door_whose_file_goes_leaves_it_to_the_other(doors):
    doors.start()
    doors.write('john', '1.1.1.1')
    doors.wait_answer(JOHN, 'A', {'1.1.1.1'})
    by_door(doors, '2.2.2.2\n')
    doors.wait_answer(JOHN, 'A', {'2.2.2.2'})
    (doors.door / 'john').unlink()
    doors.wait_answer(JOHN, 'A', {'1.1.1.1'})


def test_an_empty_file_does_not_compete(doors):
    doors.start()
    doors.write('john', '1.1.1.1')
    doors.wait_answer(JOHN, 'A', {'1.1.1.1'})
    by_door(doors, '# nothing\n')
    doors.fence()
    assert doors.query(JOHN, 'A') == {'1.1.1.1'}


def test_at_start_an_empty_file_does_not_compete(doors):
    doors.write('john', '1.1.1.1', age=20)
    by_door(doors, '# nothing\n', age=10)
    doors.start()
    doors.wait_answer(JOHN, 'A', {'1.1.1.1'})


def test_at_start_a_missing_file_does_not_compete(doors):
    by_door(doors, '2.2.2.2\n', age=10)
    doors.start()
    doors.wait_answer(JOHN, 'A', {'2.2.2.2'})


def test_a_refused_file_keeps_what_stood(doors):
    doors.start()
    doors.write('john', '1.1.1.1')
    doors.wait_answer(JOHN, 'A', {'1.1.1.1'})
    by_door(doors, '2.2.2.2\n')
    doors.wait_answer(JOHN, 'A', {'2.2.2.2'})
    by_door(doors, '2.2.2.999\n')
    doors.wait_log(rf'^refusing {doors.door}/john of user john: line 1: ')
    doors.fence()
    assert doors.query(JOHN, 'A') == {'2.2.2.2'}


# ---- missing files

@pytest.fixture
def withdraw(env):
    env.conf['missing'] = 'withdraw'
    env.conf['missing_after'] = '200ms'
    return env


def test_missing_keep_keeps(good):
    good.sh('john', 'rm .dynamicdns')
    good.fence()
    assert good.query(JOHN, 'A') == {GOOD}


def test_missing_withdraw_withdraws(withdraw):
    withdraw.write('john', GOOD, age=10)
    withdraw.start()
    withdraw.wait_answer(JOHN, 'A', {GOOD})
    withdraw.sh('john', 'rm .dynamicdns')
    withdraw.wait_line('user john requested update to none')
    withdraw.wait_line(f'removing record for {JOHN}')
    withdraw.wait_answer(JOHN, 'A', set())
    withdraw.write('john', NEW)
    withdraw.wait_answer(JOHN, 'A', {NEW})


def test_users_who_never_had_a_file_are_not_among_the_missing(withdraw):
    """Twenty of them do not make the one who goes a failure."""
    withdraw.users.update({f'u{i}': [f'u{i}.dyn.example.com'] for i in range(20)})
    withdraw.write('john', GOOD, age=10)
    withdraw.start()
    withdraw.wait_answer(JOHN, 'A', {GOOD})
    withdraw.sh('john', 'rm .dynamicdns')
    withdraw.wait_line('user john requested update to none')
    withdraw.wait_answer(JOHN, 'A', set())
    assert withdraw.count('SIGHUP') == 0


def test_missing_withdraw_withdraws_what_was_removed_while_it_was_down(withdraw):
    withdraw.write('john', GOOD, age=10)
    withdraw.start()
    withdraw.wait_answer(JOHN, 'A', {GOOD})
    withdraw.stop()
    withdraw.file('john').unlink()
    withdraw.start()
    withdraw.wait_line('user john requested update to none')
    withdraw.wait_answer(JOHN, 'A', set())


def johns_file_is_away(env):
    """It is called x. jane's goes later, and for good. It comes back in time also on a busy machine."""
    env.conf['missing_after'] = '5s'
    env.users['jane'] = ['jane.dyn.example.com']
    for user in ('john', 'jane'):
        env.write(user, GOOD, age=10)
    env.start()
    env.wait_answer(JOHN, 'A', {GOOD})
    env.sh('john', 'mv .dynamicdns x')
    env.fence()


def johns_time_is_over(env):
    """When jane's addresses are withdrawn: his are not, for his file has come back."""
    env.sh('jane', 'rm .dynamicdns')
    env.wait_line('user jane requested update to none')
    env.fence()
    assert env.query(JOHN, 'A') == {GOOD}
    assert env.count('john requested update to none') == 0


def test_missing_withdraw_waits_for_the_file_to_come_back(withdraw):
    johns_file_is_away(withdraw)
    withdraw.sh('john', 'mv x .dynamicdns')
    johns_time_is_over(withdraw)


def test_missing_withdraw_keeps_when_the_home_is_missing(withdraw):
    withdraw.users['jane'] = ['jane.dyn.example.com']
    for user in ('john', 'jane'):
        withdraw.write(user, GOOD, age=10)
    withdraw.start()
    withdraw.wait_answer(JOHN, 'A', {GOOD})
    withdraw.home('john').rename(withdraw.homes / 'away')
    withdraw.fence()
    withdraw.sh('jane', 'rm .dynamicdns')
    withdraw.wait_line('user jane requested update to none')
    withdraw.fence()
    assert withdraw.query(JOHN, 'A') == {GOOD}


def test_missing_withdraw_does_not_take_an_empty_or_refused_file_for_a_missing_one(withdraw):
    withdraw.users = {u: [f'{u}.dyn.example.com'] for u in ('john', 'jane', 'joan')}
    for user in withdraw.users:
        withdraw.write(user, GOOD, age=10)
    withdraw.start()
    withdraw.wait_answer(JOHN, 'A', {GOOD})
    withdraw.sh('john', ': > .dynamicdns')
    withdraw.sh('joan', 'mkfifo new; mv new .dynamicdns')	# so that it is never missing
    withdraw.sh('jane', 'rm .dynamicdns')
    withdraw.wait_line('user jane requested update to none')
    withdraw.fence()
    assert withdraw.query(JOHN, 'A') == {GOOD}
    assert withdraw.query('joan.dyn.example.com', 'A') == {GOOD}


def test_with_several_doors_one_that_is_there_is_enough(withdraw):
    door = withdraw.tmp / 'door'
    door.mkdir(mode=0o755)
    withdraw.conf['pathpattern'] = f'{withdraw.homes}/%u/.dynamicdns {door}/%u'
    withdraw.users['jane'] = ['jane.dyn.example.com']
    for user in ('john', 'jane'):
        withdraw.write(user, GOOD, age=10)
    (door / 'john').write_text(NEW + '\n')
    by_age(door / 'john', 20)
    withdraw.start()
    withdraw.wait_answer(JOHN, 'A', {GOOD})
    for user in ('john', 'jane'):
        withdraw.sh(user, 'rm .dynamicdns')
    withdraw.wait_line('user jane requested update to none')
    withdraw.wait_answer(JOHN, 'A', {NEW})
    assert withdraw.count('john requested update to none') == 0


@pytest.mark.parametrize('change', ['users', 'ttl', 'networks'])
def test_reloads_do_not_put_a_withdrawal_off(withdraw, change):
    withdraw.conf['missing_after'] = '1s'
    withdraw.write('john', GOOD, age=10)
    withdraw.start()
    withdraw.wait_answer(JOHN, 'A', {GOOD})
    withdraw.sh('john', 'rm .dynamicdns')
    numbers = itertools.cycle(range(100, 250))

    def is_withdrawn():
        n = next(numbers)
        if change == 'users':
            withdraw.users = {f'n{n}': [f'n{n}.dyn.example.com'], 'john': [JOHN]}
        elif change == 'ttl':
            withdraw.conf['ttl'] = str(n)
        else:
            withdraw.conf['networks'] = f'!192.0.2.{n}'
        assert withdraw.reload().startswith('reloaded')
        return withdraw.count('user john requested update to none')

    withdraw.wait(is_withdrawn, 'john is withdrawn')
    withdraw.wait_answer(JOHN, 'A', set())


def test_a_file_that_comes_back_before_a_reload_is_not_withdrawn_after_it(withdraw):
    johns_file_is_away(withdraw)
    withdraw.send(signal.SIGSTOP)
    withdraw.sh('john', 'mv x .dynamicdns')
    withdraw.users = {'new': ['new.dyn.example.com'], **withdraw.users}
    withdraw.write_conf()
    withdraw.send(signal.SIGHUP)
    withdraw.send(signal.SIGCONT)
    withdraw.wait_log('^reloaded')
    johns_time_is_over(withdraw)


def all_are_missing_at_once(env):
    """Each is called away, and the daemon learns of all in one turn."""
    env.send(signal.SIGSTOP)
    for user in env.users:
        env.file(user).rename(env.home(user) / 'away')
    env.send(signal.SIGCONT)


def many(env, n):
    env.users = {f'u{i}': [f'u{i}.dyn.example.com'] for i in range(n)}
    for user in env.users:
        env.write(user, GOOD, age=10)
    env.start()
    env.wait_answer(f'u{n - 1}.dyn.example.com', 'A', {GOOD})


def test_many_missing_at_once_are_held_until_sighup(withdraw):
    many(withdraw, 12)
    all_are_missing_at_once(withdraw)
    withdraw.wait_log(r'SIGHUP')
    withdraw.fence()
    assert len(withdraw.section()) == 13	# the fence's too
    assert withdraw.count('files of 12 users') == 1
    assert withdraw.count('requested update to none') == 0
    withdraw.reload()
    for user in withdraw.users:
        withdraw.wait_line(f'user {user} requested update to none')
    withdraw.wait_answer('u0.dyn.example.com', 'A', set())
    assert withdraw.count(r'SIGHUP') == 1


def test_many_missing_that_come_back_one_by_one_are_never_withdrawn(withdraw):
    """A file server that comes up again: when the rest is no longer many, it is still waited for."""
    many(withdraw, 12)
    all_are_missing_at_once(withdraw)
    withdraw.wait_log(r'SIGHUP')
    for user in withdraw.users:
        (withdraw.home(user) / 'away').rename(withdraw.file(user))
        withdraw.fence(publish=False)
    withdraw.fence()
    assert withdraw.count('requested update to none') == 0


def test_when_all_have_come_back_one_who_goes_is_withdrawn_again(withdraw):
    many(withdraw, 12)
    all_are_missing_at_once(withdraw)
    withdraw.wait_log(r'SIGHUP')
    for user in withdraw.users:
        (withdraw.home(user) / 'away').rename(withdraw.file(user))
    withdraw.fence()
    mark = withdraw.mark()
    withdraw.file('u3').unlink()
    withdraw.wait_line('user u3 requested update to none', mark)
    withdraw.wait_answer('u3.dyn.example.com', 'A', set())


def test_a_few_missing_at_once_are_withdrawn(withdraw):
    many(withdraw, 10)
    for user in withdraw.users:
        withdraw.file(user).unlink()
    for user in withdraw.users:
        withdraw.wait_line(f'user {user} requested update to none')
    withdraw.wait_section([])


# ---- accounts

DATABASE = r"""
#include <errno.h>
#include <nss.h>
#include <pwd.h>
#include <string.h>
#include <unistd.h>

enum nss_status _nss_dnsu_getpwnam_r(const char *name, struct passwd *pw, char *text, size_t n, int *error)
{
	(void)text;
	(void)n;
	if (!access(DOWN, F_OK)) {
		*error = ECONNREFUSED;
		return NSS_STATUS_UNAVAIL;
	}
	if (strcmp(name, "john")) {
		return NSS_STATUS_NOTFOUND;
	}
	*pw = (struct passwd){ .pw_name = "john", .pw_uid = UID };
	return NSS_STATUS_SUCCESS;
}
"""


@pytest.fixture
def database(env):
    """A database of accounts behind /etc/passwd, nsswitch.conf(5), which does not answer while this file is there."""
    down, library, switch = env.tmp / 'down', env.tmp / 'libnss_dnsu.so.2', env.tmp / 'nsswitch.conf'
    subprocess.run(['cc', '-shared', '-fPIC', f'-DUID={uid_of("john")}', f'-DDOWN="{down}"', '-x', 'c', '-o', library, '-'],
                   input=DATABASE, text=True, check=True)
    switch.write_text('passwd: files dnsu\ngroup: files\n')
    env.environ['LD_LIBRARY_PATH'] = str(env.tmp)
    env.prefix = [*unshare_mounts(), 'sh', '-ec', f'mount --bind {switch} /etc/nsswitch.conf; exec "$@"', 'sh']
    (env.tmp / 'door').mkdir(mode=0o755)
    env.conf['pathpattern'] = f'{env.homes}/%u/.dynamicdns {env.tmp}/door/%u'
    return down


def write_shared(env, user, uid, address):
    """Into a directory that all share, where a file is its user's by his account."""
    door = env.tmp / 'door'
    (door / '.new').write_text(address + '\n')
    os.utime(door / '.new', (1e9, 1e9))
    os.chown(door / '.new', uid, -1)
    (door / '.new').rename(door / user)
    env.wait_answer(f'{user}.dyn.example.com', 'A', {address})


def test_a_database_of_accounts_that_does_not_answer_takes_nobodys_account(env, database):
    env.start()
    write_shared(env, 'john', uid_of('john'), '192.0.2.1')
    database.touch()
    assert env.reload().startswith('reloaded')
    env.wait_log('^unable to look up the accounts of users: Connection refused; who had one keeps it; ')
    write_shared(env, 'john', uid_of('john'), '192.0.2.2')
    database.unlink()
    assert env.reload().startswith('reloaded')
    write_shared(env, 'john', uid_of('john'), '192.0.2.3')
    assert env.count('unable to look up the accounts') == 1


def test_a_database_of_accounts_that_does_not_answer_hides_none_of_another(env, database):
    """The first who is not in /etc/passwd is not the last to be looked up there."""
    user = pwd.getpwnam('games')
    env.users['games'] = ['games.dyn.example.com']
    database.touch()
    env.start()
    env.wait_log('^unable to look up the accounts of users: Connection refused; not all of their files are taken; ')
    write_shared(env, 'games', user.pw_uid, '192.0.2.1')
