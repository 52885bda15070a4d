# SPDX-FileCopyrightText: 2026 The dns-updater authors
# SPDX-License-Identifier: ISC
"""A home on a file system that does not answer: whoever lives there waits, nobody else does."""

import os
import pathlib
import select
import subprocess
import sys

import pytest

from harness import DNS_UPDATER, TIMEOUT, descendants, guard, uid_of
from steered import Halt, needs_gdb

JOHN, MARY = 'john.dyn.example.com', 'mary.dyn.example.com'
OLD, NEW, OTHER = '1.2.3.4', '5.6.7.8', '9.9.9.9'
SERVER = str(pathlib.Path(__file__).with_name('fuse_server.py'))


class Afar:
    """A directory of the daemon's mount namespace lies on a file system of its own."""

    def __init__(self, env, point, tree='afar'):
        self.env, self.point = env, point
        self.tree = env.tmp / tree
        self.tree.mkdir()
        self.silent = env.tmp / (tree + '.silent')
        self.process = None

    def write(self, text, path='.dynamicdns'):
        file = self.tree / path
        file.parent.mkdir(exist_ok=True)
        new = self.env.tmp / 'new'
        new.write_text(text + '\n')
        os.chown(new, uid_of('mary'), -1)
        os.chown(file.parent, uid_of('mary'), -1)
        os.utime(new, (1e9, 1e9))
        new.rename(file)

    def prefix(self):
        """The command that mounts it before the daemon starts."""
        return [sys.executable, SERVER, str(self.tree), str(self.point)]

    def mount(self):
        """Mounts it while the daemon runs."""
        self.process = subprocess.Popen(
            ['nsenter', '-t', str(self.env.process.pid), '-m', '-r', '--', *self.prefix()],
            stdout=subprocess.PIPE, start_new_session=True)
        guard.tell('+', self.process)
        assert self.process.stdout.readline() == b'mounted\n'

    def come_up(self):
        """The daemon runs, and has read what mary wrote there."""
        self.env.start()
        self.mount()
        self.env.wait_answer(MARY, 'A', {OLD})

    def be_silent(self):
        self.silent.touch()

    def speak(self):
        self.silent.unlink(missing_ok=True)

    def close(self):
        self.speak()
        if self.process:
            self.process.kill()
            self.process.wait()
            guard.tell('-', self.process)
            self.process.stdout.close()


@pytest.fixture
def afar(env):
    """Mary's home is to be on it."""
    if not os.access('/dev/fuse', os.R_OK | os.W_OK):
        pytest.skip('no /dev/fuse')
    env.private_mounts()
    env.users['mary'] = [MARY]
    env.conf['rescan'] = '1s'
    env.conf['socket'] = str(env.state_dir / 'socket')
    env.make_home('mary')
    a = Afar(env, env.home('mary'))
    a.write(OLD)
    yield a
    a.close()


def changes(env, address):
    """Those who are not there are served."""
    env.write('john', address)
    env.wait_answer(JOHN, 'A', {address})


@pytest.mark.parametrize('pattern', ['/%u/.dynamicdns', '/%u/etc/%u/ddns', '/mary/%u'])
def test_check_waits_for_none(env, afar, pattern):
    """Init scripts do not start, or restart, a daemon before it says that all is well."""
    env.conf['pathpattern'] = f'{env.homes}{pattern}'
    env.write_conf()
    env.start()
    afar.mount()
    afar.be_silent()
    check = subprocess.Popen(['nsenter', '-t', str(env.process.pid), '-m', '-r', '--', DNS_UPDATER, 'check', '-c',
                              str(env.conf_file)], cwd='/', stdout=subprocess.PIPE, text=True)
    try:
        said, _ = check.communicate(timeout=TIMEOUT)
    finally:
        afar.speak()
        check.kill()
        check.wait()
    assert ('may not answer: who may write there is not looked at' in said) == (pattern == '/mary/%u')	# of whole patterns


def test_a_file_is_read_there(env, afar):
    afar.come_up()
    afar.write(NEW)
    env.wait_answer(MARY, 'A', {NEW})
    changes(env, OTHER)


def test_a_large_file_and_a_refused_one(env, afar):
    env.users['mary'] = [f'm{i}.dyn.example.com' for i in range(2000)]
    afar.write('\n'.join(f'm{i}.dyn.example.com {OLD}' for i in range(2000)))
    env.start()
    afar.mount()
    env.wait_answer('m1999.dyn.example.com', 'A', {OLD})
    afar.write('nonsense')
    env.wait_log("refusing .*/mary/.dynamicdns of user mary: line 1: .*'nonsense'; keeping the last addresses")
    (afar.tree / '.dynamicdns').unlink()
    (afar.tree / '.dynamicdns').symlink_to('elsewhere')
    env.wait_log('refusing .*/mary/.dynamicdns of user mary: a symbolic link')


def test_one_home_does_not_answer(env, afar):
    afar.come_up()
    afar.be_silent()
    afar.write(NEW)
    changes(env, NEW)
    env.wait_log(r"no answer for 1\d s from the file system at '.*/mary' \(fuse.silent\): the address files of user "
                 r'mary and 0 more cannot be read; keeping their last addresses')
    changes(env, OTHER)
    env.wait_answer(MARY, 'A', {OLD})
    told = subprocess.run([DNS_UPDATER, 'status', 'mary', '-c', str(env.conf_file)], capture_output=True,
                          timeout=TIMEOUT)
    assert OLD in told.stdout.decode()
    env.reload()
    changes(env, OLD)
    mark = env.mark()
    afar.speak()
    env.wait_answer(MARY, 'A', {NEW})
    afar.write(OTHER)
    env.wait_answer(MARY, 'A', {OTHER})
    assert env.count('no answer for', mark) == 0


def test_it_is_said_when_it_answers_again(env, afar):
    afar.come_up()
    afar.be_silent()
    env.wait_log('no answer for')
    afar.speak()
    env.wait_log(r"the file system at '.*/mary' answers again, after 1\d s")


def test_it_does_not_answer_at_the_start(env, afar):
    env.prefix += afar.prefix()
    afar.be_silent()
    env.start()
    changes(env, NEW)
    afar.speak()
    env.wait_answer(MARY, 'A', {OLD})


def test_no_home_answers(env, afar):
    """All homes are there, and mary's."""
    afar.point = env.homes
    (afar.tree / '.dynamicdns').unlink()
    afar.write(OLD, 'mary/.dynamicdns')
    env.conf['pathpattern'] = f'{env.homes}/%u/.dynamicdns {env.tmp}/door/%u'
    (env.tmp / 'door').mkdir()
    env.prefix += afar.prefix()
    afar.be_silent()
    env.with_fence = False
    env.start()
    (env.tmp / 'door' / 'john').write_text(NEW + '\n')
    env.wait_answer(JOHN, 'A', {NEW})
    afar.speak()
    env.wait_answer(MARY, 'A', {OLD})


def test_an_end_and_a_new_start_do_not_wait(env, afar):
    afar.come_up()
    afar.be_silent()
    env.wait_log('no answer for')
    env.stop()
    env.start()		# in another mount namespace
    changes(env, NEW)


def test_what_is_unmounted_does_not_count_any_more(env, afar):
    env.write('mary', NEW, age=10)
    env.start()
    env.wait_answer(MARY, 'A', {NEW})
    afar.mount()
    env.wait_answer(MARY, 'A', {OLD})
    afar.be_silent()
    afar.write(OTHER)
    env.wait_log('no answer for')
    env.inside(f'umount -l {env.home("mary")}')
    env.wait_answer(MARY, 'A', {NEW})


def test_a_file_that_is_mounted_itself(env, afar):
    afar.write(NEW, 'mine')
    env.start()
    env.write('mary', OTHER, age=10)
    env.inside(f'mount --bind {afar.tree}/mine {env.file("mary")}')
    env.wait_answer(MARY, 'A', {NEW})


@pytest.mark.parametrize('target', ['absolute', 'relative'])
def test_a_link_of_the_administrator_leads_there(env, afar, target):
    place = env.tmp / 'elsewhere'
    place.mkdir(mode=0o755)
    env.home('mary').rmdir()
    env.home('mary').symlink_to(place if target == 'absolute' else '../home/.././elsewhere')
    afar.point = place
    env.prefix += afar.prefix()
    afar.be_silent()
    env.start()
    changes(env, NEW)
    afar.speak()
    env.wait_answer(MARY, 'A', {OLD})


def another(env):
    """A directory with mary's home in it, in which she has another address."""
    home = env.tmp / 'other' / 'mary'
    home.mkdir(parents=True)
    (home / '.dynamicdns').write_text(NEW + '\n')
    for path in home, home / '.dynamicdns':
        os.utime(path, (1e9, 1e9))
        os.chown(path, uid_of('mary'), -1)
    return home.parent


@pytest.mark.parametrize('silent', [False, True])
def test_a_mount_over_what_a_link_of_the_administrator_leads_to(env, afar, silent):
    """Beside the homes, where it looks as if it were somebody's."""
    place = env.homes / '.exports'
    place.mkdir(mode=0o755)
    env.home('mary').rmdir()
    env.home('mary').symlink_to('.exports/mary')
    afar.point = place
    afar.write(OLD, 'mary/.dynamicdns')
    env.prefix += afar.prefix()
    if silent:
        afar.be_silent()
    env.conf['rescan'] = '1h'
    env.make_home('john')
    env.start(homes=False)
    if not silent:
        env.wait_answer(MARY, 'A', {OLD})
    env.inside(f'mount --bind {another(env)} {place}')
    env.wait_answer(MARY, 'A', {NEW})


def test_a_mount_where_a_link_leads_to_from_there(env, afar):
    """Only who reads there knows that her home is a link."""
    place = env.tmp / 'elsewhere'
    (place / 'mary').mkdir(mode=0o755, parents=True)
    for user in 'john', 'fence':
        (afar.tree / user).mkdir()
    (afar.tree / 'mary').symlink_to(place / 'mary')
    (place / 'mary' / '.dynamicdns').write_text(OLD + '\n')
    for path in place / 'mary', place / 'mary' / '.dynamicdns':
        os.utime(path, (1e9, 1e9))
        os.chown(path, uid_of('mary'), -1)
    afar.point = env.homes
    env.prefix += afar.prefix()
    env.conf['rescan'] = '1h'
    env.with_fence = False
    env.start(homes=False)
    env.wait_answer(MARY, 'A', {OLD})
    env.inside(f'mount --bind {another(env)} {place}')
    env.wait_answer(MARY, 'A', {NEW})


# ---- a file that is missing there

def status(env, user, *options):
    return subprocess.run([DNS_UPDATER, 'status', user, '-c', str(env.conf_file), *options], capture_output=True,
                          timeout=TIMEOUT, check=False).stdout.decode()


@pytest.fixture
def withdraw(env, afar):
    """Mary's file is found missing; jane's, which is next door, is withdrawn later than mary's could be. There is time
    for what a test does with mary's, also on a busy machine."""
    env.conf.update(missing='withdraw', missing_after='5s', rescan='1h')
    env.users['jane'] = ['jane.dyn.example.com']
    env.write('jane', OLD, age=10)
    afar.come_up()
    env.wait_answer('jane.dyn.example.com', 'A', {OLD})
    (afar.tree / '.dynamicdns').unlink()
    assert status(env, 'mary', '--wait').startswith('published')	# which looks there
    return env


def time_is_over(env):
    env.sh('jane', 'rm .dynamicdns')
    env.wait_line('user jane requested update to none')
    env.fence()


def test_missing_withdraw_withdraws_there_too(withdraw):
    withdraw.wait_line('user mary requested update to none')
    withdraw.wait_answer(MARY, 'A', set())


def test_missing_withdraw_waits_for_what_a_last_look_says(withdraw, afar):
    afar.write(OLD)		# of which no event tells
    time_is_over(withdraw)
    withdraw.wait_answer(MARY, 'A', {OLD})
    assert withdraw.count('mary requested update to none') == 0


def test_missing_withdraw_waits_for_a_last_look_that_is_silent(withdraw, afar):
    afar.be_silent()
    time_is_over(withdraw)
    assert withdraw.count('mary requested update to none') == 0
    withdraw.conf['ttl'] = '61'
    assert withdraw.reload().startswith('reloaded')
    afar.speak()
    withdraw.wait_line('user mary requested update to none')


def test_missing_withdraw_at_once_does_not_wait_for_the_silent(env, afar):
    env.conf.update(missing='withdraw', missing_after='0', rescan='1h')
    afar.come_up()
    afar.be_silent()
    for _ in range(2):	# one look that waits, and one behind it
        status(env, 'mary')
    (afar.tree / '.dynamicdns').unlink()
    afar.speak()
    changes(env, NEW)
    env.wait_line('user mary requested update to none')


# ---- processes

def waits_in(pid):
    """The kernel's function that the process waits in."""
    try:
        return pathlib.Path(f'/proc/{pid}/wchan').read_text()
    except (FileNotFoundError, ProcessLookupError):		# it has ended
        return ''


def readers(env):
    """Processes of ours that wait for a file system of a user's."""
    return [pid for pid in descendants(env.process.pid) if waits_in(pid) == 'request_wait_answer']


def reader_waits(env, n):
    if all(waits_in(pid) in ('', '0') for pid in descendants(env.process.pid)):
        pytest.skip('the kernel does not tell what a process waits for')
    env.wait(lambda: len(readers(env)) == n, f'{n} processes wait')


def test_reloads_meanwhile_leave_no_processes_behind(env, afar):
    afar.come_up()
    afar.be_silent()
    afar.write(NEW)
    reader_waits(env, 1)
    n = len(descendants(env.process.pid))
    for i in range(10):
        env.conf['ttl'] = str(100 + i)
        assert env.reload().startswith('reloaded')
        changes(env, f'1.1.1.{i}')
    env.wait(lambda: len(descendants(env.process.pid)) <= n, 'only the command may still run')
    afar.speak()
    env.wait_answer(MARY, 'A', {NEW})
    afar.write(OTHER)
    env.wait_answer(MARY, 'A', {OTHER})
    env.wait(lambda: len(descendants(env.process.pid)) <= n, 'what is not needed any more has ended')


def test_who_mounts_one_after_the_other_gets_few_processes(env, afar):
    env.write('mary', NEW, age=10)
    env.start()
    more = [Afar(env, env.home('mary'), f'afar{i}') for i in range(8)]
    try:
        for i, each in enumerate(more):
            each.be_silent()
            each.mount()
            changes(env, f'1.1.1.{i}')
            if i < 2:
                reader_waits(env, i + 1)
            changes(env, f'1.1.2.{i}')
            env.inside(f'umount -l {env.home("mary")}')
            changes(env, f'1.1.3.{i}')
        assert len(readers(env)) == 2
    finally:
        for each in more:
            each.close()
    reader_waits(env, 0)
    afar.mount()
    env.wait_answer(MARY, 'A', {OLD})


MOUNT_AND_UNMOUNT = """
import ctypes, os, random, resource, sys, time
libc = ctypes.CDLL(None)
n = int(sys.argv[2])
resource.setrlimit(resource.RLIMIT_NOFILE, (n + 100, n + 100))
for i in range(n):
    device = os.open('/dev/fuse', os.O_RDWR)
    options = f'fd={device},rootmode=40000,user_id=0,group_id=0,allow_other,default_permissions'.encode()
    assert not libc.mount(b'x', sys.argv[1].encode(), b'fuse.silent', 0, options)
    for _ in range(random.randrange(3)):
        os.utime(os.path.dirname(sys.argv[1]))	# an event
    assert not libc.umount2(sys.argv[1].encode(), 2)
    os.utime(sys.argv[1])
    time.sleep(random.random() / 3000)
print('done', flush=True)
sys.stdin.read()	# who waits for one of them waits on
"""


@pytest.mark.parametrize(('watch', 'inner'), [('inotify', 'mine/'), ('fanotify', '')])
def test_file_systems_that_nobody_serves_come_and_go(env, afar, watch, inner):
    """Between a look at the mount table and one into the home, somebody may always mount something."""
    env.conf.update(watch=watch, pathpattern=f'{env.homes}/%u/{inner}address')
    env.make_home('john')
    for user in 'john', 'mary':
        (env.home(user) / inner).mkdir(mode=0o755, exist_ok=True)
        os.chown(env.home(user) / inner, uid_of(user), -1)
    env.with_fence = False
    env.start()
    attack = subprocess.Popen(['nsenter', '-t', str(env.process.pid), '-m', '-r', '--', sys.executable, '-c',
                               MOUNT_AND_UNMOUNT, str(env.home('mary') / inner), '3000'],
                              stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    guard.tell('+', attack)
    try:
        done, n = False, 0
        while not done:
            done = select.select([attack.stdout], [], [], 0)[0]
            env.sh('mary', f'echo 1.1.1.1 > {inner}address')
            address = f'1.2.{n // 250}.{n % 250}'
            env.sh('john', f'echo {address} > {inner}address')
            env.wait_answer(JOHN, 'A', {address})
            n += 1
        assert attack.stdout.readline() == b'done\n'
    finally:
        attack.communicate()
        guard.tell('-', attack)
    assert env.reload().startswith('reloaded')	# no sweep goes on for ever
    env.sh('mary', f'echo {OTHER} > {inner}address')
    env.wait_answer(MARY, 'A', {OTHER})


# What a sweep's thread has come to, when a file system that does not answer is mounted where mary lives: the watch on
# john's home, which is the first; back from opening mary's file.
HALTS = {'watch': ('inotify', 'inotify_add_watch', 1), 'owner': ('fanotify', 'openat2', 4)}


@needs_gdb
@pytest.mark.parametrize('where', HALTS)
def test_a_sweep_ends_whatever_is_mounted_meanwhile(env, afar, where):
    way, calls, n = HALTS[where]
    env.conf['watch'] = way
    env.conf['rescan'] = '1h'
    env.with_fence = False
    for user in 'john', 'mary':
        env.write(user, OLD, age=10)
    os.chown(env.file('mary'), uid_of('jane'), -1)	# whoever looks at the directory, to see whether it is hers
    afar.be_silent()
    env.start()
    halt = Halt(env, calls, n)
    env.inside(f'mount --bind {env.root} {env.root}')	# a sweep
    with halt:
        afar.mount()
    assert env.reload().startswith('reloaded')
    changes(env, NEW)
