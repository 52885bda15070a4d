# SPDX-FileCopyrightText: 2026 The dns-updater authors
# SPDX-License-Identifier: ISC
"""What a reload costs is what changed. The sweep comes once an hour here: whom nobody looks at keeps what he has."""

import contextlib
import os
import pathlib
import re
import shutil
import signal
import subprocess

import pytest

from harness import END, SilentWriter, SlowWriter, n_watches, traced, uid_of, unshare_mounts
from test_starting import held

N = 200
FEW = 60		# calls for the user who changed, and for what is waited for; a look at all takes more than N


@pytest.fixture(params=['inotify', 'fanotify'])
def env(env, request):
    env.conf['watch'] = request.param
    env.conf['log_rate'] = '10000'
    env.users = {f'u{i}': [name(i)] for i in range(N)}
    for i in range(N):
        write_old(env, f'u{i}', address(i))
    traced(env)
    return env


def write_old(env, user, text):
    """As env.write with an age, without a process for each."""
    env.make_home(user)
    env.file(user).write_text(text + '\n')
    os.chown(env.file(user), uid_of(user), -1)
    env.age(user, 60)


def name(i):
    return f'u{i}.dyn.example.com'


def address(i):
    return f'203.0.113.{i + 1}'


@contextlib.contextmanager
def traces(env, *what):
    pid = env.process.pid
    tracer = subprocess.Popen(['strace', '-f', '-q', '-p', str(pid), *what], stderr=subprocess.DEVNULL)
    try:
        env.wait(lambda: not re.search('TracerPid:\t0\n', pathlib.Path(f'/proc/{pid}/status').read_text()),
                 'it is traced')
        yield
    finally:
        tracer.terminate()
        tracer.wait()


@contextlib.contextmanager
def few_calls(env):
    """What is done in here takes few looks into directories, and few watches."""
    out = env.tmp / 'calls'
    with traces(env, '-o', str(out), '-e', 'trace=openat2,name_to_handle_at,inotify_add_watch,inotify_rm_watch'):
        yield
    calls = [line for line in out.read_text().splitlines() if re.search(r'\w+\(', line)]
    assert 0 < len(calls) < FEW, calls[:FEW]


def events_come(env, *numbers):
    """Of users whose number is another now: by their old watches."""
    for i in numbers:
        env.write(f'u{i}', f'198.51.100.{i + 1}')
        env.wait_answer(name(i), 'A', {f'198.51.100.{i + 1}'})


def test_one_added(env):
    env.start()
    before = n_watches(env.process.pid)
    env.write('new', '192.0.2.7', age=60)
    env.users = {'new': ['new.dyn.example.com'], **env.users}
    with few_calls(env):
        assert env.reload().startswith('reloaded')
        env.wait_answer('new.dyn.example.com', 'A', {'192.0.2.7'})
        events_come(env, 0, N - 1)
    env.wait_answer(name(7), 'A', {address(7)})
    assert n_watches(env.process.pid) - before in (0, 1)
    env.write('new', '192.0.2.8')
    env.wait_answer('new.dyn.example.com', 'A', {'192.0.2.8'})


def test_one_removed(env):
    env.start()
    before = n_watches(env.process.pid)
    del env.users['u3']
    with few_calls(env):
        assert env.reload().startswith('reloaded')
        env.wait_answer(name(3), 'A', set())
        events_come(env, 0, N - 1)
    env.wait_answer(name(7), 'A', {address(7)})
    assert n_watches(env.process.pid) - before == (-1 if env.conf['watch'] == 'inotify' else 0)
    env.write('u3', '192.0.2.7')
    env.fence()
    env.wait_answer(name(3), 'A', set())
    env.users['u3'] = [name(3)]
    with few_calls(env):
        assert env.reload().startswith('reloaded')
        env.wait_answer(name(3), 'A', {'192.0.2.7'})


def test_one_renamed(env):
    env.start()
    env.write('v3', '192.0.2.7', age=60)
    env.users = {('v3' if u == 'u3' else u): names for u, names in env.users.items()}
    with few_calls(env):
        assert env.reload().startswith('reloaded')
        env.wait_answer(name(3), 'A', {'192.0.2.7'})
        env.write('u3', '192.0.2.8')
        events_come(env, 2, 4)
    env.write('v3', '192.0.2.9')
    env.wait_answer(name(3), 'A', {'192.0.2.9'})


def test_who_is_renamed_does_not_vanish_meanwhile(env):
    """Neither among many, of whom some are looked at later, nor when his file is too young to be read."""
    env.start()
    for i in range(N):
        write_old(env, f'v{i}', address(i))
    os.utime(env.file('v3'))
    env.users = {f'v{i}': [name(i)] for i in range(N)}
    mark = env.mark()
    assert env.reload().startswith('reloaded')
    for i in range(N):
        env.write(f'v{i}', f'198.51.100.{i + 1}') if i % 50 == 0 else None
    for i in range(0, N, 50):
        env.wait_answer(name(i), 'A', {f'198.51.100.{i + 1}'})
    assert env.count('^removing record', mark) == 0
    env.wait_answer(name(3), 'A', {address(3)})


def rename_u3(env):
    env.users = {('v3' if u == 'u3' else u): names for u, names in env.users.items()}
    env.make_home('v3')


@pytest.mark.parametrize('restarted', [False, True], ids=['reloaded', 'restarted'])
def test_who_gets_a_name_does_not_get_what_somebody_else_had(env, restarted):
    env.start()
    with env.changing(restarted):
        rename_u3(env)
    env.wait_answer(name(3), 'A', set())
    env.wait_line(f'removing record for {name(3)}')
    env.stop()
    env.start()
    env.fence()
    env.wait_answer(name(3), 'A', set())


@pytest.mark.parametrize('restarted', [False, True], ids=['reloaded', 'restarted'])
def test_what_somebody_else_had_is_known_as_such_until_he_was_looked_at(env, restarted):
    """His file is being written when the daemon is stopped, and gone when it is started again."""
    env.start()
    with env.changing(restarted):
        rename_u3(env)
        writer = SlowWriter(env.file('v3'), '192.0.2.7')
    events_come(env, 0)
    env.stop()
    env.file('v3').unlink()
    writer.finish('')
    env.start()
    env.wait_answer(name(3), 'A', set())


@pytest.mark.parametrize('again', [False, True], ids=['once', 'twice'])
def test_what_somebody_else_had_is_known_as_such_when_the_data_file_is_mended(env, again):
    """It could not be read at the start, or at two."""
    env.start()
    env.stop()
    good = env.data.read_text()
    env.data.write_text(good.replace(END, '# gone'))
    env.users = {('v3' if u == 'u3' else u): names for u, names in env.users.items()}
    env.make_home('v3')
    env.start()
    env.wait_log('^unable to publish to ')
    if again:
        env.write('u0', '198.51.100.1')
        env.wait_line('user u0 requested update to 198.51.100.1')
        env.stop()
        env.start()
        env.wait_log('^unable to publish to ')
    env.data.write_text(good)
    events_come(env, 1)
    env.wait_answer(name(3), 'A', set())


def test_nothing_is_lent_that_the_data_file_has_no_more(env):
    """The state may be older than it."""
    env.start()
    env.stop()
    env.data.write_text(''.join(line for line in env.data.read_text().splitlines(True) if f'+{name(3)}:' not in line))
    env.users = {('v3' if u == 'u3' else u): names for u, names in env.users.items()}
    env.make_home('v3')
    writer = SlowWriter(env.file('v3'), '192.0.2.7')
    env.start()
    events_come(env, 0)
    assert f'+{name(3)}:' not in env.data.read_text()
    writer.finish('')
    env.wait_answer(name(3), 'A', {'192.0.2.7'})


def test_names_that_change_hands(env):
    env.start()
    env.users.update(u3=[name(4)], u4=[name(3)])
    with few_calls(env):
        assert env.reload().startswith('reloaded')
        env.wait_answer(name(3), 'A', {address(4)})
        env.wait_answer(name(4), 'A', {address(3)})
        events_come(env, 2, 5)


def test_a_list_that_is_wrong_leaves_the_old_one(env):
    env.start()
    good = dict(env.users)
    env.users = {'new': ['new.dyn.example.com'], **env.users, 'twice': [name(0)]}
    assert 'not reloaded: ' in env.reload()
    events_come(env, 0, N - 1)
    env.users = good
    del env.users['u3']
    assert env.reload().startswith('reloaded')
    env.wait_answer(name(3), 'A', set())


def test_who_has_no_good_file_keeps_what_he_had(env):
    env.start()
    env.write('u3', 'no address')
    env.wait_log('^refusing .* of user u3')
    env.file('u4').unlink()
    env.users = {'new': ['new.dyn.example.com'], **env.users}
    env.reload()
    env.fence()
    env.wait_answer(name(3), 'A', {address(3)})
    env.wait_answer(name(4), 'A', {address(4)})
    assert env.count('^refusing .* of user u3') == 1
    events_come(env, 3, 4)


@pytest.mark.parametrize('change', [
    {},			# nobody sends SIGHUP for nothing
    {'ttl': '61'},
    {'addresses_max': '7'},
    {'networks': '!192.0.2.0/24'},
], ids=['nothing', 'ttl', 'addresses_max', 'networks'])
def test_all_are_looked_at_when_no_user_has_changed(env, change):
    env.start()
    with contextlib.closing(SilentWriter(env.file('u3'))) as f:
        f.write('203.0.113.9\n')
        env.conf.update(change)
        env.reload()
        env.wait_answer(name(3), 'A', {'203.0.113.9'})


def test_what_files_say_may_mean_something_else(env):
    """A user is added meanwhile; the files are what they were."""
    env.start()
    env.conf['networks'] = f'!{address(3)}'
    env.users['new'] = ['new.dyn.example.com']
    env.make_home('new')
    env.reload()
    env.wait_log('^refusing .* of user u3')
    env.wait_answer(name(4), 'A', {address(4)})


def is_open(pid, path):
    for fd in pathlib.Path(f'/proc/{pid}/fd').iterdir():
        with contextlib.suppress(FileNotFoundError):	# it was closed meanwhile
            if fd.readlink() == path:
                return True
    return False


def test_accounts_that_are_looked_up_for_long_hold_up_nobody(env):
    """A database of them that answers late, as of a server that is down."""
    env.environ['UV_THREADPOOL_SIZE'] = '4'
    accounts = env.tmp / 'passwd'	# of its own, for who opens it has to wait
    shutil.copy('/etc/passwd', accounts)
    env.prefix = [*unshare_mounts(), 'sh', '-ec', f'mount --bind {accounts} /etc/passwd; exec "$@"', 'sh']
    env.start()
    mark = env.mark()
    with held(accounts) as hold:
        env.write_conf()
        env.send(signal.SIGHUP)
        hold.wait()	# they are being looked up
        events_come(env, 0)
        assert env.count('^reloaded', mark) == 0
    env.wait_log('^reloaded', mark)


def test_of_two_hangups_the_last_counts(env):
    """Also while a configuration is being read: here, long enough for another one."""
    env.start()
    pid = env.process.pid
    with traces(env, '-P', str(env.conf_file), '-e', 'trace=read', '-e', 'inject=read:delay_exit=3000000:when=1'):
        for i in range(2):
            write_old(env, f'n{i}', address(i))
            env.users.pop('n0', None)
            env.users[f'n{i}'] = [f'n{i}.dyn.example.com']
            env.write_conf()
            env.send(signal.SIGHUP)
            if not i:
                env.wait(lambda: is_open(pid, env.conf_file), 'it is being read')
        env.wait_answer('n1.dyn.example.com', 'A', {address(1)})
    env.send(signal.SIGHUP)
    assert env.stop() == 0


def test_the_room_of_those_in_line_is_given_back(env):
    """Also where all are in line at once, which fill the ring and leave it where it begins."""
    out = env.tmp / 'calls'

    def given_back():
        sizes = re.findall(r'madvise\(0x\w+, (\d+), MADV_DONTNEED\) = 0', out.read_text())
        return any(0 <= 4 * len(env.users) - int(size) < 2 * os.sysconf('SC_PAGESIZE') for size in sizes)
    env.with_fence = False
    env.start()
    env.users = {f'n{i}': [f'n{i}.dyn.example.com'] for i in range(20000)}
    with traces(env, '-o', str(out), '-e', 'trace=madvise'):
        env.reload()
        env.wait(given_back, 'it is given back')
