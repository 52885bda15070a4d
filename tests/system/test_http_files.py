# SPDX-FileCopyrightText: 2026 The dns-updater authors
# SPDX-License-Identifier: ISC
"""What the front end makes of a request beside the answer: the address file, and what it goes by;
tokens, certificates, proxies and all else that the configuration says."""

import os
import pathlib
import re
import signal
import socket
import ssl
import subprocess
import threading

import pytest

from harness import DNS_UPDATER, TIMEOUT, clean_env, needs, unshare_mounts
from http_harness import (ACCOUNT_GID, ACCOUNT_UID, START_STATE, Net, addresses_of, check_framing, crypt,
                          in_threads, parse_answer, read_all, request)
from test_http_reviews import ALICE, BOTH, HOST1, HOST2, stamp, text


# ---- the address file

def test_names_with_the_same_addresses_are_not_written(env, http):
    http.start()
    assert http.update(f'{BOTH}&myip=192.0.2.4').body == 'good 192.0.2.4\ngood 192.0.2.4'
    assert text(http) == '192.0.2.4\n'
    http.expect({HOST1: ('192.0.2.4', None), HOST2: ('192.0.2.4', None)})
    http.update(f'{BOTH}&myip=192.0.2.4,2001:db8::4')
    assert text(http) == '192.0.2.4\n2001:db8::4\n'
    http.update('myip=192.0.2.7', user='solo', secret='s0lo')
    assert text(http, 'solo') == '192.0.2.7\n'


def test_the_file_is_plainly_readable_and_alone(env, http):
    http.start()
    http.update(f'{BOTH}&myip=192.0.2.4')
    st = http.file().stat()
    assert (st.st_mode & 0o7777, st.st_uid, st.st_nlink) == (0o644, ACCOUNT_UID, 1)
    assert os.listdir(http.dir) == ['alice']


def test_names_are_written_where_their_addresses_differ(env, http):
    http.start()
    http.update(f'hostname={HOST1}&myip=192.0.2.4')
    assert text(http).split() == [HOST1, '192.0.2.4']
    http.expect({HOST1: ('192.0.2.4', None), HOST2: (None, None)})
    http.update(f'hostname={HOST2}&myip=2001:db8::4')
    assert addresses_of(text(http), ALICE) == {HOST1: ({'192.0.2.4'}, set()),
                                               HOST2: (set(), {'2001:db8::4'})}
    http.expect({HOST1: ('192.0.2.4', None), HOST2: (None, '2001:db8::4')})


@pytest.mark.parametrize('door', ['home', 'http'])
def test_what_the_request_does_not_name_is_kept(env, http, door):
    """Also when it came through the other door: the daemon is asked what it has accepted."""
    http.start()
    http.start_state(door)
    assert http.update(f'hostname={HOST1}&myip=192.0.2.4').body == 'good 192.0.2.4'
    http.expect({HOST1: ('192.0.2.4', '2001:db8:ffff:12::a'), HOST2: ('198.51.100.2', None)})
    assert addresses_of(text(http), ALICE) == {HOST1: ({'192.0.2.4'}, {'2001:db8:ffff:12::a'}),
                                               HOST2: ({'198.51.100.2'}, set())}


def test_a_file_of_its_own_that_no_longer_counts_is_not_gone_by(env, http):
    """The own door's file says one thing, the home's later one another."""
    http.start()
    http.update(f'{BOTH}&myip=192.0.2.4,2001:db8::4')
    http.expect({HOST2: ('192.0.2.4', '2001:db8::4')})
    http.start_state('home')
    assert http.update(f'hostname={HOST1}&myip=198.51.100.1').body == 'nochg 198.51.100.1'
    assert text(http) == '192.0.2.4\n2001:db8::4\n'
    assert http.update(f'hostname={HOST1}&myip=192.0.2.4').body == 'good 192.0.2.4'
    http.expect({HOST1: ('192.0.2.4', '2001:db8:ffff:12::a'), HOST2: ('198.51.100.2', None)})


def test_several_addresses_of_a_family(env, http):
    http.start()
    query = f'hostname={HOST1}&myip=192.0.2.4,192.0.2.5,2001:db8::4'
    assert http.update(query).body == 'good 192.0.2.4,192.0.2.5,2001:db8::4'
    http.expect({HOST1: ({'192.0.2.4', '192.0.2.5'}, '2001:db8::4')})
    assert http.update(query).body == 'nochg 192.0.2.4,192.0.2.5,2001:db8::4'


def test_nochg_leaves_the_file_untouched(env, http):
    http.start()
    http.update(f'{BOTH}&myip=192.0.2.4')
    env.wait_answer(HOST2, 'A', {'192.0.2.4'})
    before, mark = stamp(http.file()), http.mark()
    for tls in (False, True):
        assert http.update(f'hostname={HOST2}&myip=192.0.2.4', tls=tls).body == 'nochg 192.0.2.4'
    assert stamp(http.file()) == before
    assert http.count(r'\bset\b', mark) == 0


def test_nochg_also_for_what_came_through_the_other_door(env, http):
    http.start()
    http.start_state('home')
    assert http.update(f'hostname={HOST1}&myip=198.51.100.1').body == 'nochg 198.51.100.1'
    assert not http.file().exists()


def test_a_removal_of_the_last_address(env, http):
    http.start()
    http.update(f'{BOTH}&myip=192.0.2.4')
    env.wait_answer(HOST1, 'A', {'192.0.2.4'})
    assert http.update(f'{BOTH}&offline=YES').body == 'good\ngood'
    http.expect({HOST1: (None, None), HOST2: (None, None)})
    assert text(http) == 'none\n'


def test_a_change_is_one_line_of_the_log(env, http):
    http.start()
    mark = http.mark()
    http.update(f'{BOTH}&myip=192.0.2.4,2001:db8::4', source='127.0.0.9')
    http.wait_words('alice', HOST1, '192.0.2.4', '2001:db8::4', '127.0.0.9', after=mark)
    http.update('hostname=bob.dyn.example&myip=192.0.2.4', source='127.0.0.9')
    http.wait_words('refusing', 'alice', '127.0.0.9', after=mark)
    http.settle()
    assert len(http.lines(mark)) == 2, http.lines(mark)


# ---- with the daemon away

def test_without_the_daemon_the_own_file_counts(env, http):
    http.start()
    http.update(f'{BOTH}&myip=192.0.2.4,2001:db8::4')
    http.expect({HOST2: ('192.0.2.4', '2001:db8::4')})
    env.stop()
    assert http.update(f'hostname={HOST1}&myip=192.0.2.5').body == 'good 192.0.2.5'
    http.wait_log('going by the address files')
    assert http.update(f'hostname={HOST1}&myip=192.0.2.5').body == 'nochg 192.0.2.5'
    assert http.update(f'hostname={HOST2}&myip=192.0.2.6').body == 'good 192.0.2.6'
    assert addresses_of(text(http), ALICE) == {HOST1: ({'192.0.2.5'}, {'2001:db8::4'}),
                                               HOST2: ({'192.0.2.6'}, {'2001:db8::4'})}
    assert http.count('going by the address files') == 1

    env.start()
    http.expect({HOST1: ('192.0.2.5', '2001:db8::4'), HOST2: ('192.0.2.6', '2001:db8::4')})
    env.write('alice', '192.0.2.7')
    http.expect({HOST1: ('192.0.2.7', None), HOST2: ('192.0.2.7', None)})
    # The daemon is asked again, without a restart of the front end.
    assert http.update(f'hostname={HOST1}&myip=192.0.2.7').body == 'nochg 192.0.2.7'
    assert http.update(f'hostname={HOST1}&myip=192.0.2.8').body == 'good 192.0.2.8'
    http.expect({HOST1: ('192.0.2.8', None), HOST2: ('192.0.2.7', None)})
    env.stop()
    http.update(f'hostname={HOST1}&myip=192.0.2.9')
    http.env.wait(lambda: http.count('going by the address files') == 2, 'said again')


def test_the_daemon_is_killed_and_hangs(env, http):
    """A stopped process answers no question: the request is answered nevertheless."""
    http.start()
    http.update(f'{BOTH}&myip=192.0.2.4')
    env.wait_answer(HOST1, 'A', {'192.0.2.4'})
    env.send(signal.SIGSTOP)
    try:
        answer = http.update(f'hostname={HOST1}&myip=192.0.2.5')
        assert (answer.status, answer.body) in ((200, 'good 192.0.2.5'), (503, '911'))
    finally:
        env.send(signal.SIGCONT)
    env.wait(lambda: http.update(f'hostname={HOST1}&myip=192.0.2.6').body.endswith(' 192.0.2.6'),
             'an update with the daemon back')
    http.expect({HOST1: ('192.0.2.6', None), HOST2: ('192.0.2.4', None)})


# ---- at once

def test_requests_at_once_for_one_user_all_hold(env, http):
    names = [f'h{i}.dyn.example' for i in range(16)]
    env.users['many'] = names
    http.secrets.append(('many', 'm4ny-secret', 'x'))
    http.start()
    for round in range(4):
        def update(i):
            v4, v6 = f'192.0.2.{16 * round + i}', f'2001:db8:{round + 1}::{i + 1:x}'
            answer = http.update(f'hostname={names[i]}&myip={v4},{v6}', user='many',
                                 secret='m4ny-secret', tls=i % 2 == 1)
            assert answer.body == f'good {v4},{v6}', answer.everything
            return v4, v6
        expected = in_threads(*[lambda i=i: update(i) for i in range(16)])
        assert addresses_of(text(http, 'many'), names) == {
            n: ({v4}, {v6}) for n, (v4, v6) in zip(names, expected)}
        http.expect(dict(zip(names, expected)))


def test_requests_at_once_for_one_name_are_never_mixed(env, http):
    http.start()
    for round in range(10):
        def update(i):
            v4, v6 = f'192.0.2.{10 * round + i}', f'2001:db8:{round + 1}::{i + 1:x}'
            answer = http.update(f'{BOTH}&myip={v4},{v6}')
            assert answer.status == 200 and answer.body.split()[0] == 'good', answer.everything
        in_threads(*[lambda i=i: update(i) for i in range(8)])
        both = addresses_of(text(http), ALICE)
        assert both[HOST1] == both[HOST2]
        (v4,), (v6,) = both[HOST1]
        assert int(v4.split('.')[3]) - 10 * round == int(v6.split(':')[-1], 16) - 1, both
        http.expect({HOST1: (v4, v6), HOST2: (v4, v6)})


def test_the_later_of_a_request_and_a_write_to_the_home_counts(env, http):
    http.start()
    for i in range(10):
        assert http.update(f'{BOTH}&myip=192.0.2.{i}').status == 200
        env.write('alice', f'198.51.100.{i}')
        http.expect({HOST1: (f'198.51.100.{i}', None), HOST2: (f'198.51.100.{i}', None)})
        env.write('alice', f'203.0.113.{i}')
        assert http.update(f'{BOTH}&myip=192.0.2.{i}').status == 200
        http.expect({HOST1: (f'192.0.2.{i}', None), HOST2: (f'192.0.2.{i}', None)})


def test_a_request_right_after_a_write_to_the_home_keeps_what_that_said(env, http):
    """The write has ended before the request begins; whether the daemon has read it yet or not."""
    http.start()
    for i in range(20):
        env.write('alice', f'198.51.100.{i} 2001:db8::{i + 1:x}')
        assert http.update(f'hostname={HOST1}&myip=192.0.2.{i}').status == 200
        http.expect({HOST1: (f'192.0.2.{i}', f'2001:db8::{i + 1:x}'),
                     HOST2: (f'198.51.100.{i}', f'2001:db8::{i + 1:x}')})


def test_a_request_beside_a_write_to_the_home_is_never_mixed(env, http):
    http.start()
    env.write('alice', '203.0.113.1')
    for i in range(20):
        in_threads(
            lambda: env.write('alice', f'198.51.100.{i} 2001:db8:1::{i + 1:x}'),
            lambda: http.update(f'{BOTH}&myip=192.0.2.{i},2001:db8:2::{i + 1:x}'))
        http.settle()
        home = ((f'198.51.100.{i}',), (f'2001:db8:1::{i + 1:x}',))
        mine = ((f'192.0.2.{i}',), (f'2001:db8:2::{i + 1:x}',))
        assert (http.query(HOST1), http.query(HOST2)) in ((home, home), (mine, mine))


def test_killed_between_any_two_requests_the_file_is_whole(env, http):
    """kill -9 while requests come: what is left is one of the files that there were to be."""
    http.start()
    for round in range(5):
        stop = threading.Event()
        asked = set()

        def ask(n):
            i = 0
            while not stop.is_set():
                i += 1
                v4, v6 = f'192.0.2.{n * 60 + i % 50}', f'2001:db8:{n + 1}::{i % 50 + 1:x}'
                asked.add((v4, v6))
                try:
                    with http.connect() as s:
                        s.sendall(request(f'/nic/update?{BOTH}&myip={v4},{v6}'))
                        while s.recv(4096):
                            pass
                except OSError:
                    pass
        threads = [threading.Thread(target=ask, args=(n,), daemon=True) for n in range(3)]
        mark = http.mark()
        for t in threads:
            t.start()
        for _ in range(3 + round):
            http.wait_words('alice', HOST1, after=mark)
            mark = http.mark()
        http.kill()
        stop.set()
        for t in threads:
            t.join(TIMEOUT)
        both = addresses_of(text(http), ALICE)
        (v4,), (v6,) = both[HOST1]
        assert both[HOST1] == both[HOST2] and (v4, v6) in asked
        http.start_front_end()
        http.settle()
        assert http.update(f'{BOTH}&myip=192.0.2.250,2001:db8::250').body.split()[0] == 'good'
        assert [f for f in os.listdir(http.dir) if f in env.all_users()] == ['alice']
    http.expect({HOST1: ('192.0.2.250', '2001:db8::250')})


# ---- failing writes

@pytest.fixture
def small_disk(env, http):
    """The door directory is a small file system of its own."""
    env.prefix = [*unshare_mounts(), 'sh', '-ec',
                  f'mount -t tmpfs -o size=64k,mode=755,uid={ACCOUNT_UID},gid={ACCOUNT_GID} tmpfs '
                  f'{http.dir}; exec "$@"', 'sh']
    http.prepare()
    env.start()
    env.enter()
    http.prefix = ['nsenter', '-t', str(env.process.pid), '-m', '-r', '--']
    http.start()
    return pathlib.Path(f'/proc/{env.process.pid}/root{http.dir}')


def test_nothing_is_said_to_be_done_before_it_is_flushed(env, http):
    """The directory cannot be flushed twice: the file is in place, and its client comes back."""
    needs('strace')
    http.popen = {'environ': {'UV_THREADPOOL_SIZE': '1'}}	# strace counts the calls of each thread by itself
    http.prefix = ['strace', '-D', '-f', '-qq', '-o', '/dev/null', '-P', str(http.file().parent),
                   '-e', 'trace=fsync', '-e', 'inject=fsync:error=EIO:when=1..2']
    http.start()
    mark = http.mark()
    query = f'{BOTH}&myip=192.0.2.5'
    for _ in range(2):
        answer = http.update(query)
        assert (answer.status, answer.body) == (503, '911'), answer.everything
    env.wait(lambda: http.count('^unable to flush the directory .* user alice is in place', mark) == 2,
             'it is said both times')
    answer = http.update(query)
    assert answer.status == 200 and answer.body.startswith('nochg'), answer.everything


def test_what_another_run_has_left_is_flushed(env, http):
    """It was killed between the new file and the flush of its directory, and so has answered nothing."""
    needs('strace')
    http.start()
    http.update(f'{BOTH}&myip=192.0.2.5')
    http.stop()
    http.popen = {'environ': {'UV_THREADPOOL_SIZE': '1'}}
    http.prefix = ['strace', '-D', '-f', '-qq', '-o', '/dev/null', '-P', str(http.file().parent),
                   '-e', 'trace=fsync', '-e', 'inject=fsync:error=EIO:when=1']
    http.start()
    answer = http.update(f'{BOTH}&myip=192.0.2.5')
    assert (answer.status, answer.body) == (503, '911'), answer.everything
    answer = http.update(f'{BOTH}&myip=192.0.2.5')
    assert answer.status == 200 and answer.body.startswith('nochg'), answer.everything


def test_a_full_disk_keeps_the_old_file(env, http, small_disk):
    file = small_disk / 'alice'
    assert http.update(f'{BOTH}&myip=192.0.2.4').body.startswith('good')
    env.wait_answer(HOST1, 'A', {'192.0.2.4'})
    before = stamp(file)
    subprocess.run(['sh', '-c', f'cat /dev/zero > {small_disk}/fill'], capture_output=True)
    assert not os.statvfs(small_disk).f_bavail

    mark = http.mark()
    answer = http.update(f'{BOTH}&myip=192.0.2.5')
    assert (answer.status, answer.body) == (503, '911'), answer.everything
    check_framing(answer)
    http.wait_log('No space left on device', mark)
    assert file.read_text() == '192.0.2.4\n' and stamp(file) == before
    assert sorted(os.listdir(small_disk)) == ['alice', 'fill']
    # What needs no writing goes on.
    assert http.update(f'{BOTH}&myip=192.0.2.4').body == 'nochg 192.0.2.4\nnochg 192.0.2.4'
    assert http.update('myip=192.0.2.4', user='solo', secret='s0lo').status == 503
    http.settle()
    env.wait_answer(HOST1, 'A', {'192.0.2.4'})

    (small_disk / 'fill').unlink()
    assert http.update(f'{BOTH}&myip=192.0.2.5').body == 'good 192.0.2.5\ngood 192.0.2.5'
    env.wait_answer(HOST1, 'A', {'192.0.2.5'})


def test_a_directory_that_cannot_be_written(env, http):
    http.start()
    http.update(f'{BOTH}&myip=192.0.2.4')
    os.chown(http.dir, 0, 0)
    answer = http.update(f'{BOTH}&myip=192.0.2.5')
    assert (answer.status, answer.body) == (503, '911'), answer.everything
    assert text(http) == '192.0.2.4\n'
    os.chown(http.dir, ACCOUNT_UID, ACCOUNT_GID)
    assert http.update(f'{BOTH}&myip=192.0.2.5').status == 200
    env.wait_answer(HOST1, 'A', {'192.0.2.5'})


@pytest.mark.parametrize('what', ['link', 'directory', 'fifo'])
def test_something_else_in_place_of_the_file(env, http, what):
    """Whoever could put it there: nothing outside of the directory is read or written."""
    http.start()
    outside = env.tmp / 'outside'
    outside.write_text('198.51.100.66\n')
    os.chown(outside, ACCOUNT_UID, ACCOUNT_GID)
    if what == 'link':
        http.file().symlink_to(outside)
    elif what == 'directory':
        http.file().mkdir()
    else:
        os.mkfifo(http.file())
    answer = http.update(f'{BOTH}&myip=192.0.2.5')
    assert answer.status in (200, 503), answer.everything
    assert outside.read_text() == '198.51.100.66\n'
    if answer.status == 200:
        assert text(http) == '192.0.2.5\n' and not http.file().is_symlink()
    assert http.update('myip=192.0.2.7', user='solo', secret='s0lo').body == 'good 192.0.2.7'


# ---- users and tokens

def test_reload_takes_new_users_and_tokens(env, http):
    http.start()
    http.add_lines()
    answer = http.update('myip=192.0.2.4', user='carol', secret='c4rol')
    assert (answer.status, answer.body) == (401, 'badauth')
    env.users['carol'] = ['carol.dyn.example']
    assert env.reload().startswith('reloaded')
    assert http.reload().startswith('reloaded')
    http.secret('carol', 'c4rol', 'x')
    assert http.update('myip=192.0.2.4', user='carol', secret='c4rol', source='127.0.0.3').body == \
        'good 192.0.2.4'
    env.wait_answer('carol.dyn.example', 'A', {'192.0.2.4'})

    del env.users['carol']
    env.users['alice'] = [HOST1]
    assert env.reload().startswith('reloaded')
    assert http.reload().startswith('reloaded')
    assert http.update('myip=192.0.2.5', user='carol', secret='c4rol').status == 401
    assert http.update(f'{BOTH}&myip=192.0.2.5').body == 'good 192.0.2.5\nnohost'
    assert http.update('myip=192.0.2.5').body == 'nochg 192.0.2.5'		# the only one now


def test_reload_refuses_mistakes_and_keeps_the_configuration(env, http):
    http.start()
    http.conf['headers_max'] = 'many'
    assert http.reload().startswith('not reloaded')
    assert http.update(f'{BOTH}&myip=192.0.2.4').status == 200


def test_reload_under_load_loses_no_request(env, http):
    http.start()
    with load(http) as n:
        for i in range(10):
            http.conf['headers_max'] = str(60 + i)
            assert http.reload().startswith('reloaded')
        env.wait(lambda: n() > 300, '300 requests')


def test_a_new_token_holds_at_once_and_a_revoked_one_no_more(env, http):
    http.start()
    for i in range(5):
        secret, label = f'fresh-{i}', f'label-{i}'
        source = f'127.0.0.{10 + i}'
        http.secret('alice', secret, label)
        assert http.update(f'{BOTH}&myip=192.0.2.{i}', secret=secret, source=source).status == 200
        assert http.update(f'token={secret}&myip=192.0.2.{i}&domains={HOST1}', path='/update', user=None,
                           source=source).body == 'OK'
        http.revoke('alice', label)
        answer = http.update(f'{BOTH}&myip=192.0.2.99', secret=secret, source=source)
        assert (answer.status, answer.body) == (401, 'badauth')
        assert http.update(f'{BOTH}&myip=192.0.2.{i}').body.startswith('nochg')


def test_a_made_token_works_alone_and_with_its_user(env, http):
    http.start()
    made = subprocess.run([DNS_UPDATER, 'token', 'alice', '-c', str(env.conf_file)], check=True, cwd='/',
                          capture_output=True, text=True, env=clean_env())
    secret = made.stdout.rstrip('\n')
    assert re.fullmatch('[A-Za-z0-9]{22,}', secret)
    http.never_logged.add(secret)
    assert secret not in http.tokens.read_text() and secret not in made.stderr
    assert http.update(f'{BOTH}&myip=192.0.2.4', secret=secret).body.startswith('good')
    assert http.update(f'{BOTH}&myip=192.0.2.5', user='', secret=secret).body.startswith('good')
    assert http.raw(request(f'/nic/update?{BOTH}&myip=192.0.2.6', f'Authorization: Token {secret}',
                            user=None)).body.startswith('good')
    assert http.update(f'{BOTH}&myip=192.0.2.7', user='solo', secret=secret).status == 401


def test_a_token_that_is_limited_to_names(env, http):
    http.start()
    http.secret('alice', 'only-the-2nd', 'limited', names=[HOST2])
    http.start_state('home')
    ask = dict(secret='only-the-2nd')
    assert http.update(f'{BOTH}&myip=192.0.2.4', **ask).body == 'nohost\ngood 192.0.2.4'
    http.expect({HOST1: START_STATE[HOST1], HOST2: ('192.0.2.4', None)})
    assert http.update('myip=192.0.2.5', **ask).body == 'good 192.0.2.5'	# its only name
    http.expect({HOST1: START_STATE[HOST1], HOST2: ('192.0.2.5', None)})
    assert http.update('hostname=host1.dyn.example&offline=YES', **ask).body == 'nohost'
    assert http.update('domains=host1&token=only-the-2nd&clear=true', path='/update',
                       user=None).body == 'KO'
    http.settle()
    http.expect({HOST1: START_STATE[HOST1], HOST2: ('192.0.2.5', None)})


# ---- hashes of crypt(3)

@pytest.mark.parametrize('make', [
    pytest.param(lambda s: crypt(s, 'sha-512', 5000), id='sha512'),
    pytest.param(lambda s: crypt(s, 'sha-256', 5000), id='sha256'),
    pytest.param(lambda s: crypt(s, 'bcrypt', 5), id='bcrypt'),
    pytest.param(lambda s: crypt(s, 'yescrypt', 3), id='yescrypt'),
    pytest.param(lambda s: subprocess.run(['htpasswd', '-nbB', '-C', '5', 'x', s], check=True, text=True,
                                          capture_output=True).stdout.strip().partition(':')[2],
                 id='htpasswd_bcrypt'),
])
def test_a_hash_of_crypt(env, http, make):
    needs('htpasswd')
    secret = 'Pa:ss w%rd äß'
    http.never_logged |= {secret, 'Pa:ss'}
    http.token_lines = [f'solo:{make(secret)}', f'bob@example.org:{make("second")}']
    http.start()
    assert http.update('myip=192.0.2.4', user='solo', secret=secret).body == 'good 192.0.2.4'
    assert http.update('myip=192.0.2.4', user='solo', secret=secret, tls=True).body == 'nochg 192.0.2.4'
    assert http.update('myip=192.0.2.4', user='bob@example.org', secret='second').body == 'good 192.0.2.4'
    assert http.update('myip=192.0.2.4', user='solo', secret='s0lo').status == 200	# its token, too
    for wrong in ('Pa', 'Pa:ss', 'second', ''):
        answer = http.update('myip=192.0.2.5', user='solo', secret=wrong, source='127.0.0.3')
        assert answer.status in (401, 503), answer.everything
    # HE's dialect: the name is the user, and the password in the query
    assert http.update('hostname=bob.dyn.example&password=second&myip=192.0.2.6',
                       user=None).body == 'good 192.0.2.6'


def test_a_bad_line_of_the_tokens_file_is_passed_over(env, http):
    http.token_lines = ['solo:nonsense', 'no colon', f'solo:{crypt("right", "sha-512", 5000)}', 'nobody:x']
    http.start()
    assert http.update('myip=192.0.2.4', user='solo', secret='right').body == 'good 192.0.2.4'
    assert http.update(f'{BOTH}&myip=192.0.2.4').body.startswith('good')
    http.wait_log(re.escape(str(http.tokens)))


def test_nobody_is_sent_away_while_the_tokens_file_is_written(env, http):
    """An editor takes it away, or empties it, and then writes it; after a badauth inadyn does not come again."""
    http.start()
    text = http.tokens.read_bytes()
    for way in (http.tokens.unlink, lambda: http.tokens.write_bytes(b''), lambda: http.tokens.write_bytes(b'# a')):
        way()
        for _ in range(4):			# nor are these wrong passwords
            answer = http.update(f'{BOTH}&myip=192.0.2.4')
            assert (answer.status, answer.body) == (503, '911'), answer.everything
        assert http.update(f'{BOTH}&myip=192.0.2.4', user=None).status == 401
    http.wait_log('^refusing 127.0.0.1: user alice for host1.dyn.example, host2.dyn.example: there are no tokens$')
    http.tokens.write_bytes(text)
    http.tokens.chmod(0o644)
    assert http.update(f'{BOTH}&myip=192.0.2.4').body.startswith('good')
    assert http.update(f'{BOTH}&myip=192.0.2.4', secret='WRONG').body == 'badauth'


def test_tokens_that_cannot_be_read_are_said_each_time_anew(env, http):
    http.start()
    for i in range(2):
        mark = http.mark()
        http.etc.chmod(0o700)
        for _ in range(2):
            assert http.update(f'{BOTH}&myip=192.0.2.{2 * i + 4}').status == 200
        http.wait_log("^unable to read '.*tokens': Permission denied; keeping the tokens that were read last", mark)
        http.etc.chmod(0o755)
        assert http.update(f'{BOTH}&myip=192.0.2.{2 * i + 5}').status == 200
        assert http.count('unable to read', mark) == 1


def test_slow_hashes_do_not_keep_others_waiting(env, http):
    """The order in which they are answered is compared, not the time."""
    env.users['slow'] = ['slow.dyn.example']
    http.token_lines = [f'slow:{crypt("sl0w", "yescrypt", 9)}']
    http.conf['request_timeout'] = '5m'
    http.start()
    done = []
    sent = [threading.Event() for _ in range(20)]

    def slow(i):
        with http.connect(source=f'127.0.1.{i + 1}', timeout=10 * TIMEOUT) as s:
            s.sendall(request('/nic/update?myip=192.0.2.4', user='slow', secret='sl0w'))
            sent[i].set()
            got = b''
            while True:
                more = s.recv(4096)
                if not more:
                    break
                got += more
        done.append('slow')
        return got

    def honest():
        for event in sent:
            event.wait(TIMEOUT)
        for i in range(5):
            assert http.update(f'{BOTH}&myip=192.0.2.{i}', source='127.0.0.2',
                               tls=i % 2 == 1).body.startswith('good')
            done.append('honest')

    *slow_answers, _ = in_threads(*[lambda i=i: slow(i) for i in range(20)], honest)
    statuses = [int(a.split()[1]) for a in slow_answers]
    assert set(statuses) <= {200, 503} and 200 in statuses, statuses
    # Those that were refused for want of room do not count: they have not waited either.
    waited = statuses.count(200)
    behind = len(done) - 1 - max(i for i, what in enumerate(done) if what == 'honest')
    assert waited >= 8 and behind >= waited - 4, (done, statuses)


# ---- certificates

def peer_certificate(http):
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    with http.connect(tls=True, context=context) as s:
        return s.getpeercert(binary_form=True)


class load:
    """Requests by several threads, plain and TLS, until the end of the block; each must be answered.
    As a context it is a function that tells how many have been by now."""

    def __init__(self, http, verify=False):
        self.http = http
        self.stop = threading.Event()
        self.n = 0
        self.errors = []
        self.context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        self.context.check_hostname = False
        self.context.verify_mode = ssl.CERT_NONE

    def run(self, i):
        try:
            while not self.stop.is_set():
                answer = self.http.update(f'hostname={HOST1}&myip=192.0.2.4', tls=i % 3 > 0,
                                          context=self.context, source=f'127.0.2.{i + 1}')
                assert answer.body in ('good 192.0.2.4', 'nochg 192.0.2.4'), answer.everything
                self.n += 1
        except BaseException as e:
            self.errors.append(e)

    def __enter__(self):
        self.threads = [threading.Thread(target=self.run, args=(i,), daemon=True) for i in range(6)]
        for t in self.threads:
            t.start()
        return lambda: self.n if not self.errors else self.fail()

    def fail(self):
        raise self.errors[0]

    def __exit__(self, *exc):
        self.stop.set()
        for t in self.threads:
            t.join(2 * TIMEOUT)
        if exc[0] is None and self.errors:
            self.fail()


def test_a_renewed_certificate_needs_no_restart(env, http):
    http.start()
    first = http.certificates.der()
    assert peer_certificate(http) == first
    for _ in range(3):
        http.certificates.install(http.certificates.make())
        new = http.certificates.der()
        assert new != first
        env.wait(lambda: peer_certificate(http) == new, 'the new certificate')
        assert http.update(f'{BOTH}&myip=192.0.2.4', tls=True).status == 200
        first = new


def test_a_certificate_that_is_the_same_is_no_new_one(env, http):
    http.start()
    mark = http.mark()
    assert http.reload().startswith('reloaded')
    peer_certificate(http)
    http.cert.write_bytes(http.cert.read_bytes())
    peer_certificate(http)
    assert http.count('new certificate', mark) == 0
    http.certificates.install(http.certificates.make())
    new = http.certificates.der()
    env.wait(lambda: peer_certificate(http) == new, 'the new certificate')
    http.wait_log('new certificate', mark)
    assert http.count('new certificate', mark) == 1


@pytest.mark.parametrize('broken', ['another_key', 'garbage', 'empty', 'gone', 'half'])
def test_a_broken_pair_keeps_the_old_certificate(env, http, broken):
    http.start()
    old = http.certificates.der()
    assert peer_certificate(http) == old
    mark = http.mark()
    cert, key = http.certificates.make()
    if broken == 'another_key':
        os.rename(cert, http.cert)
    elif broken == 'gone':
        http.cert.unlink()
        http.certificates.key.unlink()
    else:
        whole = cert.read_text()
        cert.write_text({'garbage': 'nonsense\n', 'empty': '', 'half': whole[:len(whole) // 2]}[broken])
        os.rename(cert, http.cert)

    def said():
        assert peer_certificate(http) == old
        return http.count(r'cert|key', mark) > 0
    env.wait(said, 'a word in the log about the certificate')
    for _ in range(20):
        assert peer_certificate(http) == old
    assert http.count(r'cert|key', mark) <= 3, 'said again and again'
    http.certificates.install(http.certificates.make('right'))
    new = http.certificates.der()
    env.wait(lambda: peer_certificate(http) == new, 'the new certificate')
    assert http.update(f'{BOTH}&myip=192.0.2.4', tls=True).status == 200


def test_a_renewal_under_load_loses_no_request(env, http):
    http.start()
    with load(http) as n:
        for _ in range(4):
            before = n()
            http.certificates.install(http.certificates.make())
            new = http.certificates.der()
            env.wait(lambda: peer_certificate(http) == new, 'the new certificate')
            env.wait(lambda: n() > before + 50, '50 more requests')
    assert http.alive()


def test_an_open_connection_outlives_a_renewal(env, http):
    http.start()
    with http.connect(tls=True) as s:
        s.sendall(request(f'/nic/update?{BOTH}&myip=192.0.2.4')[:-2])
        http.certificates.install(http.certificates.make())
        new = http.certificates.der()
        env.wait(lambda: peer_certificate(http) == new, 'the new certificate')
        s.sendall(b'\r\n')
        got = b''
        while True:
            more = s.recv(4096)
            if not more:
                break
            got += more
    assert got.startswith(b'HTTP/1.1 200 OK'), got


# ---- where requests come from

def myip(http, *headers, **kw):
    answer = http.raw(request('/myip', *headers), **kw)
    assert answer.status == 200, answer.everything
    return answer.body


def test_only_trusted_proxies_are_believed(env, http):
    http.conf['trusted_proxies'] = '127.0.0.2/32 192.0.2.128/25'
    http.start()
    trusted, other = dict(source='127.0.0.2'), dict(source='127.0.0.3')
    real = 'X-Forwarded-For: 192.0.2.50'
    assert myip(http, real, **trusted) == '192.0.2.50'
    assert myip(http, real, **other) == '127.0.0.3'
    assert myip(http, **trusted) == '127.0.0.2'
    assert myip(http, 'X-Forwarded-For: 198.51.100.66, 192.0.2.50', **trusted) == '192.0.2.50'
    assert myip(http, 'X-Forwarded-For: 198.51.100.66', real, **trusted) == '192.0.2.50'
    assert myip(http, 'X-Forwarded-For: 192.0.2.50, 192.0.2.200', **trusted) == '192.0.2.50'
    assert myip(http, 'X-Forwarded-For: nonsense', **trusted) == '127.0.0.2'
    assert myip(http, 'X-Forwarded-For: 2001:DB8::50', **trusted) == '2001:db8::50'
    assert myip(http, 'Forwarded: for=192.0.2.51;proto=https', **trusted) == '192.0.2.51'
    assert myip(http, 'Forwarded: for="[2001:db8::51]:4711"', **trusted) == '2001:db8::51'
    assert myip(http, 'Forwarded: for=192.0.2.51', **other) == '127.0.0.3'
    assert myip(http, real, tls=True, **trusted) == '192.0.2.50'

    mark = http.mark()
    assert http.update(f'hostname={HOST1}', real, **trusted).body == 'good 192.0.2.50'
    http.wait_words('alice', HOST1, '192.0.2.50', after=mark)
    env.wait_answer(HOST1, 'A', {'192.0.2.50'})
    # Loopback is never published, whoever is believed.
    assert http.update(f'hostname={HOST1}', real, **other).body.split()[0] in ('dnserr', 'nochg')
    http.settle()
    env.wait_answer(HOST1, 'A', {'192.0.2.50'})


def test_failures_behind_a_proxy_are_those_of_the_address_behind_it(env, http):
    http.conf['trusted_proxies'] = '127.0.0.2/32'
    http.start()
    http.never_logged.add('n0-such-secret')
    for _ in range(100):
        answer = http.update(f'{BOTH}&myip=192.0.2.4', 'X-Forwarded-For: 192.0.2.66', secret='n0-such-secret',
                             source='127.0.0.2')
        if answer.status == 503:
            break
    assert answer.status == 503, answer.everything
    assert http.update(f'{BOTH}&myip=192.0.2.4', 'X-Forwarded-For: 192.0.2.50',
                       source='127.0.0.2').status == 200


@pytest.fixture
def net():
    n = Net('192.0.2.99', '192.0.2.1', '2001:db8::99')
    yield n
    n.close()


def test_the_peer_of_the_socket_counts(env, http, net):
    http.net = net
    http.conf['listen'] = ['192.0.2.1:0 allow', '[::]:0 allow']
    http.conf['listen_tls'] = None
    http.start()
    dual = next(p for a, p, _ in http.ports if a == '::')
    spoof = 'X-Forwarded-For: 198.51.100.66'
    assert http.update(f'hostname={HOST1}', spoof, to='192.0.2.1',
                       source='192.0.2.99').body == 'good 192.0.2.99'
    env.wait_answer(HOST1, 'A', {'192.0.2.99'})
    assert http.update(f'hostname={HOST1}', spoof, to='2001:db8::99', port=dual,
                       ).body == 'good 2001:db8::99'
    http.expect({HOST1: ('192.0.2.99', '2001:db8::99')})
    # IPv4 at a socket of both families: the address is that of IPv4
    answer = http.update(f'hostname={HOST2}', to='192.0.2.1', source='192.0.2.99', port=dual)
    assert answer.body == 'good 192.0.2.99', answer.everything
    http.expect({HOST2: ('192.0.2.99', None)})


# ---- plain HTTP

def refused(http, **kw):
    answer = http.update(f'{BOTH}&myip=192.0.2.4', **kw)
    check_framing(answer)
    assert answer.status == 200, answer.everything
    return answer.body == 'badagent'


def test_plain_http_is_refused_where_the_configuration_says_so(env, http):
    http.conf['listen'] = ['127.0.0.1:0 refuse', '127.0.0.2:0', '127.0.0.3:0 allow']
    http.conf['plain_http'] = 'refuse'
    http.conf['trusted_proxies'] = '127.0.0.9/32'
    http.start()
    ports = {a: p for a, p, tls in http.ports if not tls}
    mark = http.mark()
    assert refused(http, to='127.0.0.1', port=ports['127.0.0.1'])
    http.wait_words('127.0.0.1', after=mark)
    assert refused(http, to='127.0.0.2', port=ports['127.0.0.2'])
    # No challenge, after which a client would send its password in the clear.
    assert refused(http, to='127.0.0.1', port=ports['127.0.0.1'], user=None)
    http.settle()
    assert not http.file().exists()
    assert http.update(f'{BOTH}&myip=192.0.2.4', tls=True).body.startswith('good')
    assert not refused(http, to='127.0.0.3', port=ports['127.0.0.3'])
    # A proxy has taken the TLS off.
    answer = http.update(f'{BOTH}&myip=192.0.2.5', 'X-Forwarded-For: 192.0.2.50',
                         'X-Forwarded-Proto: https', source='127.0.0.9', to='127.0.0.1',
                         port=ports['127.0.0.1'])
    assert answer.body.startswith('good'), answer.everything
    answer = http.update(f'{BOTH}&myip=192.0.2.6', 'X-Forwarded-Proto: https', source='127.0.0.8',
                         to='127.0.0.1', port=ports['127.0.0.1'])
    assert answer.body == 'badagent', answer.everything


def test_plain_http_is_allowed_on_loopback_only_by_default(env, http, net):
    http.net = net
    http.conf['listen'] = ['127.0.0.1:0', '192.0.2.1:0', '[::1]:0', '[2001:db8::99]:0']
    http.start()
    ports = {a: p for a, p, tls in http.ports if not tls}
    assert not refused(http, to='127.0.0.1', port=ports['127.0.0.1'])
    assert not refused(http, to='::1', port=ports['::1'])
    assert refused(http, to='192.0.2.1', port=ports['192.0.2.1'])
    assert refused(http, to='2001:db8::99', port=ports['2001:db8::99'])


# ---- other words of the configuration

def test_abuse_is_the_operators_word(env, http):
    http.conf['abuse'] = 'alice'
    http.start()
    mark = http.mark()
    answer = http.update(f'{BOTH}&myip=192.0.2.4')
    assert (answer.status, answer.body) == (200, 'abuse'), answer.everything
    check_framing(answer)
    http.wait_words('alice', '127.0.0.1', after=mark)
    assert http.update(f'{BOTH}&myip=192.0.2.4', secret='WRONG').body == 'badauth'	# nobody is told of others
    assert http.update('myip=192.0.2.4', user='solo', secret='s0lo').body == 'good 192.0.2.4'
    http.settle()
    assert not http.file().exists()
    http.conf['abuse'] = None
    assert http.reload().startswith('reloaded')
    assert http.update(f'{BOTH}&myip=192.0.2.4', source='127.0.0.3').body.startswith('good')


def test_a_prefix_for_every_host_with_an_interface_id(env, http):
    env.users['alice'] = [HOST1, HOST2, 'host3.dyn.example']
    http.conf['interface_id'] = [f'{HOST1} ::1:2:3:4', f'{HOST2} ::a:b:c:d']
    http.start()
    env.write('alice', f'{HOST1} 198.51.100.1\n{HOST2} 198.51.100.2\nhost3.dyn.example 2001:db8:1::3\n')
    env.wait_answer('host3.dyn.example', 'AAAA', {'2001:db8:1::3'})
    mark = env.mark()
    answer = http.update(f'hostname={HOST1}&myip=192.0.2.4&ip6lanprefix=2001:db8:abcd:1200::/64')
    assert answer.body == 'good 192.0.2.4,2001:db8:abcd:1200:1:2:3:4', answer.everything
    http.expect({HOST1: ('192.0.2.4', '2001:db8:abcd:1200:1:2:3:4'),
                 HOST2: ('198.51.100.2', '2001:db8:abcd:1200:a:b:c:d'),
                 'host3.dyn.example': (None, '2001:db8:1::3')})
    http.settle()
    assert env.count('^user alice requested', mark) == 1		# one request, one change

    # The router's own address lies elsewhere: the name gets that, the hosts behind it the prefix.
    answer = http.update(f'hostname={HOST1}&myip=192.0.2.4,2001:db8:77::1&ip6lanprefix=2001:db8:abcd:1300::/56')
    assert answer.body == 'good 192.0.2.4,2001:db8:77::1', answer.everything
    http.expect({HOST1: ('192.0.2.4', '2001:db8:77::1'),
                 HOST2: ('198.51.100.2', '2001:db8:abcd:1300:a:b:c:d')})
    # A name without an identifier keeps the bits that it has; one without any gets none.
    answer = http.update('hostname=host3.dyn.example&myip=2001:db8:abcd:1400::/64')
    assert answer.body == 'good 2001:db8:abcd:1400::3', answer.everything
    answer = http.update('hostname=solo.dyn.example&myip=2001:db8:abcd:1400::/64', user='solo',
                         secret='s0lo')
    assert answer.body.split()[0] == 'dnserr', answer.everything
    http.expect({'host3.dyn.example': (None, '2001:db8:abcd:1400::3'), 'solo.dyn.example': (None, None)})


def test_networks_and_addresses_max_of_the_daemon_hold(env, http):
    env.conf['networks'] = '!10.0.0.0/8'
    env.conf['addresses_max'] = '2'
    http.start()
    http.start_state('home')
    for bad in ('10.1.2.3', '192.0.2.1,192.0.2.2,192.0.2.3'):
        answer = http.update(f'hostname={HOST1}&myip={bad}')
        assert (answer.status, answer.body.split()[0]) == (200, 'dnserr'), answer.everything
    http.settle()
    http.expect(START_STATE)
    assert env.count('^refusing') == 0


# ---- sockets from a supervisor

def test_socket_activation(env, http):
    http.conf['listen'] = http.conf['listen_tls'] = None
    sockets = []
    for _ in range(2):
        s = socket.socket()
        s.bind(('127.0.0.1', 0))
        s.listen()
        sockets.append(s)
    plain, tls = sockets
    http.prefix = ['bash', '-c', 'LISTEN_PID=$$; export LISTEN_PID; '
                   f'exec 8<&{plain.fileno()} 9<&{tls.fileno()}; exec 3<&9 4<&8 8<&- 9<&-; exec "$@"',
                   'bash']
    http.popen = {'environ': {'LISTEN_FDS': '2', 'LISTEN_FDNAMES': 'tls:plain'},
                  'pass_fds': (plain.fileno(), tls.fileno())}
    http.start()
    http.port, http.tls_port = plain.getsockname()[1], tls.getsockname()[1]
    assert http.update(f'{BOTH}&myip=192.0.2.4').body.startswith('good')
    assert http.update(f'{BOTH}&myip=192.0.2.4', tls=True).body.startswith('nochg')
    # The sockets outlive the program: who comes meanwhile waits, and is answered by the next one.
    http.stop()
    with http.connect() as s:
        s.sendall(request(f'/nic/update?{BOTH}&myip=192.0.2.5'))
        http.start_front_end()
        http.port, http.tls_port = plain.getsockname()[1], tls.getsockname()[1]
        assert b'good 192.0.2.5' in s.recv(4096)
    for s in sockets:
        s.close()


def test_plain_http_of_a_supervisors_socket_needs_a_restart(env, http):
    """Nobody is to believe that it is refused from now on."""
    http.conf['listen'] = http.conf['listen_tls'] = None
    with socket.socket() as s:
        s.bind(('127.0.0.1', 0))
        s.listen()
        http.prefix = ['bash', '-c', f'LISTEN_PID=$$; export LISTEN_PID; exec 3<&{s.fileno()}; exec "$@"', 'bash']
        http.popen = {'environ': {'LISTEN_FDS': '1'}, 'pass_fds': (s.fileno(),)}
        http.start()
        http.port = s.getsockname()[1]
        assert http.update(f'{BOTH}&myip=192.0.2.4').body.startswith('good')
        http.conf['plain_http'] = 'refuse'
        assert http.reload() == 'not reloaded: another listen, listen_tls or plain_http needs a restart; ' \
            'keeping the old configuration'
        http.stop()
        http.start_front_end()
        http.port = s.getsockname()[1]
        assert http.update(f'{BOTH}&myip=192.0.2.5').body == 'badagent'


def test_listen_fds_of_another_process_are_not_ours(env, http):
    http.popen = {'environ': {'LISTEN_FDS': '1', 'LISTEN_PID': '1'}}
    http.start()
    assert http.update(f'{BOTH}&myip=192.0.2.4').body.startswith('good')


# ---- start and end

def test_a_request_under_way_is_answered_before_the_end(env, http):
    """It is whole, and its password is being tried, when the end is asked for."""
    http.token_lines = [f'solo:{crypt("sl0w", "yescrypt", 9)}']
    http.never_logged.add('sl0w')
    http.conf['request_timeout'] = '5m'
    http.start()
    with http.connect() as s, http.connect(tls=True) as idle:
        s.sendall(request('/nic/update?myip=192.0.2.4', user='solo', secret='sl0w'))
        assert http.update(f'{BOTH}&myip=192.0.2.4').status == 200	# what came before was read
        http.process.send_signal(signal.SIGTERM)
        answer = parse_answer(read_all(s, http))
        assert answer.body == 'good 192.0.2.4', answer.everything
        # Who has not asked yet does not keep it from ending.
        assert http.wait_exit() == 0
        assert read_end(idle) == b''
    http.settle()
    http.expect({'solo.dyn.example': ('192.0.2.4', None)})


def read_end(s):
    try:
        return s.recv(4096)
    except (OSError, ssl.SSLError):
        return b''


def test_a_port_that_is_taken_ends_the_start(env, http):
    with socket.socket() as s:
        s.bind(('127.0.0.1', 0))
        s.listen()
        http.conf['listen'] = f'127.0.0.1:{s.getsockname()[1]}'
        http.expect_exit = {100, 111}
        http.start(wait=False)
        assert http.wait_exit() in (100, 111)
        assert str(s.getsockname()[1]) in http.log.text()


def test_it_runs_as_the_configured_account_without_capabilities(env, http):
    http.start()
    status = pathlib.Path(f'/proc/{http.process.pid}/status').read_text()
    assert re.search(r'^Uid:\s+' + r'\s+'.join([str(ACCOUNT_UID)] * 4) + '$', status, re.M), status
    assert re.search(r'^Gid:\s+' + r'\s+'.join([str(ACCOUNT_GID)] * 4) + '$', status, re.M), status
    for caps in ('CapInh', 'CapPrm', 'CapEff', 'CapAmb'):
        assert re.search(f'^{caps}:\\s+0+$', status, re.M), status
    assert re.search(r'^NoNewPrivs:\s+1$', status, re.M), status
    assert re.search(r'^Seccomp:\s+2$', status, re.M), status


def test_no_homes_are_needed(env, http):
    http.prepare()
    env.with_fence = False
    env.start(homes=False)
    http.start()
    assert not list(env.homes.iterdir())
    http.update(f'{BOTH}&myip=192.0.2.4')
    env.wait_answer(HOST1, 'A', {'192.0.2.4'})
