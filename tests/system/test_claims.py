# SPDX-FileCopyrightText: 2026 The dns-updater authors
# SPDX-License-Identifier: ISC
"""What is ours at a name server is known also to a daemon whose forerunner was killed right after it had sent it."""

import contextlib
import os
import threading

from harness import SERVICE_GID, SERVICE_UID, TIMEOUT, needs
from servers import NAME, ZONE, Knot
from test_rfc2136 import fake, is_update, up  # noqa: F401 (fixtures)


class Killing:
    """Of a Fake: kills the daemon when the update comes that `when` is true of, before it is answered. What the
    update says is in the zone."""

    def __init__(self, env, when=lambda m: True):
        self.env, self.when = env, when
        self.done = threading.Event()

    def __call__(self, server, m, tcp):
        if is_update(m) and not self.done.is_set() and self.when(m):
            self.env.kill()
            server.good(m)
            self.done.set()
            return []
        return None

    def go_on(self):
        assert self.done.wait(TIMEOUT)


def start_and_be_killed(env, up, key, fake, when=lambda m: True):
    """The state is not saved before that, however slow the machine is."""
    in_the_way = env.state.with_name('state.tmp')
    in_the_way.mkdir()
    kill = Killing(env, when)
    server = fake(kill)
    up(server, key.bind_file, wait=False)
    kill.go_on()
    in_the_way.rmdir()
    return server


def test_killed_once_it_was_sent_and_withdrawn_before_the_start(env, up, key, fake):
    env.write('john', '1.2.3.4\n2001:db9::1', age=60)
    server = start_and_be_killed(env, up, key, fake)
    assert server.records[NAME, 'A'] == {'1.2.3.4'}
    env.write('john', 'none', age=60)
    env.start(tinydns=False)
    server.has(env, NAME, 'A', set())
    server.has(env, NAME, 'AAAA', set())


def test_killed_once_it_was_sent_and_the_user_is_gone_at_the_start(env, up, key, fake):
    env.write('john', '1.2.3.4', age=60)
    env.users['jane'] = [f'jane.{ZONE}']
    server = start_and_be_killed(env, up, key, fake)
    del env.users['john']
    env.start(tinydns=False)
    server.has(env, NAME, 'A', set())


def test_killed_once_one_more_type_was_sent(env, up, key, fake):
    """AAAA is not ours before; an address of the administrator's that was never touched stays."""
    env.write('john', '1.2.3.4', age=60)
    kill = Killing(env, lambda m: any(rrset.rdtype == 28 for rrset in m.update))
    server = fake(kill)
    server.records[f'jane.{ZONE}', 'AAAA'] = {'2001:db9::9'}
    env.users['jane'] = [f'jane.{ZONE}']
    up(server, key.bind_file)
    server.has(env, NAME, 'A', {'1.2.3.4'})
    env.write('john', '1.2.3.4\n2001:db9::1')
    kill.go_on()
    env.write('john', '1.2.3.5', age=60)
    env.write('jane', '1.2.3.6', age=60)
    env.start(tinydns=False)
    server.has(env, NAME, 'A', {'1.2.3.5'})
    server.has(env, NAME, 'AAAA', set())
    server.has(env, f'jane.{ZONE}', 'A', {'1.2.3.6'})
    assert server.records[f'jane.{ZONE}', 'AAAA'] == {'2001:db9::9'}


def claims(env):
    return sorted(env.state_dir.glob('state.claims*'))


def test_what_was_claimed_is_nowhere_but_in_the_state_later(env, up, key, fake):
    env.write('john', '1.2.3.4', age=60)
    server = start_and_be_killed(env, up, key, fake)
    assert [p.read_text().split('\n') for p in claims(env)] == [['', f' ns {NAME} a late', '']]
    # A power cut may cut it off.
    claims(env)[0].write_text(claims(env)[0].read_text() + f' ns jane.{ZONE} a')
    server.records[f'jane.{ZONE}', 'A'] = {'192.0.2.9'}
    env.users['jane'] = [f'jane.{ZONE}']
    env.users['jack'] = [f'jack.{ZONE}']
    env.write('jane', 'none', age=60)
    env.write('jack', '1.2.3.6', age=60)
    env.start(tinydns=False)
    server.has(env, f'jack.{ZONE}', 'A', {'1.2.3.6'})
    wanted = {f' ns {NAME} a late', f' ns jack.{ZONE} a'}
    env.wait(lambda: env.state.exists() and wanted < set(env.state.read_text().splitlines()) and not claims(env),
             'all is in the state')
    assert f' ns jane.{ZONE} ' not in env.state.read_text()
    env.stop()
    assert not claims(env)
    assert server.records[f'jane.{ZONE}', 'A'] == {'192.0.2.9'}


def test_the_end_leaves_nothing(env, up, key, fake):
    stop = threading.Event()

    def behave(server, m, tcp):
        if is_update(m) and not stop.is_set():
            stop.set()
            env.process.terminate()
        return None
    env.write('john', '1.2.3.4', age=60)
    up(fake(behave), key.bind_file, wait=False)
    assert env.wait_exit() == 0
    assert stop.is_set() and not claims(env)
    assert f' ns {NAME} a' in env.state.read_text().splitlines()


def test_it_is_flushed_before_it_is_sent(env, up, key, fake):
    """And what is ours already is not kept waiting by the disk."""
    needs('strace')
    trace = env.tmp / 'trace'
    flushed = []

    def behave(server, m, tcp):
        if is_update(m):
            flushed.append([line for line in trace.read_text().splitlines() if 'claims' in line])
        return None
    env.prefix = ['strace', '-f', '-D', '-qq', '-y', '-o', str(trace), '-e', 'trace=fdatasync']
    env.environ['ASAN_OPTIONS'] = 'detect_leaks=0'	# LeakSanitizer does not work under ptrace
    server = fake(behave)
    env.write('john', '1.2.3.4', age=60)
    up(server, key.bind_file)
    server.has(env, NAME, 'A', {'1.2.3.4'})
    env.write('john', '1.2.3.5')
    server.has(env, NAME, 'A', {'1.2.3.5'})
    env.write('john', '1.2.3.5\n2001:db9::1')
    server.has(env, NAME, 'AAAA', {'2001:db9::1'})
    assert [len(lines) for lines in flushed] == [1, 1, 2]


def test_a_disk_that_does_not_answer_is_not_waited_for(env, up, key, fake):
    needs('strace')
    env.prefix = ['strace', '-f', '-D', '-qq', '-o', '/dev/null', '-e', 'trace=fdatasync',
                  '-e', 'inject=fdatasync:delay_enter=8000000']
    env.environ['ASAN_OPTIONS'] = 'detect_leaks=0'
    server = fake()
    env.write('john', '1.2.3.4', age=60)
    up(server, key.bind_file)
    server.has(env, NAME, 'A', {'1.2.3.4'})
    env.kill()


def test_what_was_claimed_goes_although_changes_come_all_the_time(env, up, key, fake):
    """With each state that is saved another change has come meanwhile."""
    needs('strace')
    env.prefix = ['strace', '-f', '-D', '-qq', '-o', '/dev/null', '-e', 'trace=renameat',
                  '-e', 'inject=renameat:delay_enter=200000']
    env.environ['ASAN_OPTIONS'] = 'detect_leaks=0'
    env.conf['log_rate'] = '10000'
    server = fake()
    env.write('john', '1.2.3.4', age=60)
    up(server, key.bind_file)
    size = 0
    for i in range(1000):	# saving takes a 20th of the time
        env.write('john', 'none' if i % 2 else '1.2.3.5')
        server.has(env, NAME, 'A', set() if i % 2 else {'1.2.3.5'})
        before, size = size, 0
        for path in claims(env):
            with contextlib.suppress(FileNotFoundError):
                size += path.stat().st_size
        if size < before:
            break
    else:
        env.fail(f'{size} bytes are claimed of one name')


def test_what_cannot_be_claimed_is_published_and_told(env, up, key, fake):
    for i in (1, 2):
        (env.state_dir / f'state.claims{i}').mkdir()
    server = fake()
    env.write('john', '1.2.3.4', age=60)
    up(server, key.bind_file)
    server.has(env, NAME, 'A', {'1.2.3.4'})
    env.write('john', '1.2.3.4\n2001:db9::1')
    server.has(env, NAME, 'AAAA', {'2001:db9::1'})
    env.wait_log(r"^unable to write '.*/state.claims.': Is a directory; what is published for the first time may stay "
                 r'at the name server if we are killed right then$')
    assert env.count('^unable to write ') == 1


def test_what_both_know_of_is_removed_as_a_whole(env, make, up, key):
    """Of a name that nobody has any more; for what was claimed later is not all that there is of it."""
    server = make(Knot, {ZONE: ['john A 1.2.3.4', 'john AAAA 2001:db9::1', 'jane A 192.0.2.9']}, key)
    env.users = {'jack': [f'jack.{ZONE}']}
    env.write('jack', '1.2.3.6', age=60)
    env.state.write_text(f'dns-updater state 1\n ns {NAME} both\n')
    env.state.with_name('state.claims1').write_text(f'\n ns {NAME} a\n')
    for path in env.state_dir.iterdir():
        os.chown(path, SERVICE_UID, SERVICE_GID)
    up(server, key.bind_file)
    server.wait(f'jack.{ZONE}', 'A', {'1.2.3.6'})
    server.wait(NAME, 'A', set())
    server.wait(NAME, 'AAAA', set())
    assert server.rrset(f'jane.{ZONE}', 'A') == {'192.0.2.9'}
