# SPDX-FileCopyrightText: 2026 The dns-updater authors
# SPDX-License-Identifier: ISC
"""What reviewers of the front end came upon: two programs with different configurations, a daemon that
hangs or talks nonsense, proxies that contradict themselves, and users who take or show more than is
theirs."""

import base64
import contextlib
import itertools
import os
import select
import signal
import socket
import subprocess
import threading
import time
from pathlib import Path

import pytest

from harness import DNS_UPDATER, TIMEOUT, clean_env, needs
from http_harness import (USERS, addresses_of, basic, check_framing, crypt, forwarded_for, in_threads,
                          parse_answer, read_all, request)

HOST1, HOST2, HOST3 = 'host1.dyn.example', 'host2.dyn.example', 'host3.dyn.example'
BOTH = f'hostname={HOST1},{HOST2}'
ALICE = USERS['alice']


def text(http, user='alice'):
    return http.file(user).read_text()


def stamp(path):
    st = path.stat()
    return st.st_ino, st.st_mtime_ns


def send(http, raw, **kw):
    """A connection on which a whole request waits for its answer."""
    s = http.connect(**kw)
    s.sendall(raw)
    return s


def answer_on(s, http):
    __tracebackhide__ = True
    with s:
        answer = parse_answer(read_all(s, http))
    assert answer.status is not None, f'cut off after {answer.everything!r}'
    check_framing(answer)
    return answer


def pass_by(http):
    """Afterwards the front end has read what was sent before."""
    for _ in range(3):
        answer = http.raw(request('/myip', user=None), source='127.0.0.250')
        assert (answer.status, answer.body) == (200, '127.0.0.250'), answer.everything


def unanswered(sockets):
    return len(sockets) - len(select.select(sockets, [], [], 0)[0])


# ---- the daemon

@pytest.mark.parametrize('names, why', [([HOST1, HOST2, HOST3], 'more names'), ([HOST1], 'fewer names'),
                                        ([HOST1, HOST3], "not a name of this user")],
                         ids=['one_more', 'one_less', 'another'])
def test_only_the_daemon_is_reloaded(env, http, names, why):
    http.start()
    assert http.update(f'hostname={HOST1}&myip=192.0.2.4').body == 'good 192.0.2.4'
    assert http.update(f'hostname={HOST2}&myip=192.0.2.5').body == 'good 192.0.2.5'
    http.expect({HOST1: ('192.0.2.4', None), HOST2: ('192.0.2.5', None)})
    env.users['alice'] = names
    assert env.reload().startswith('reloaded')
    http.settle()
    before, what, mark = stamp(http.file()), text(http), http.mark()
    dns = {n: http.query(n) for n in (HOST1, HOST2, HOST3)}
    assert dns[HOST1] == (('192.0.2.4',), ())
    for query in (f'hostname={HOST1}&myip=192.0.2.6', f'{BOTH}&myip=192.0.2.6', f'{BOTH}&offline=YES'):
        answer = http.update(query)
        assert (answer.status, answer.body) == (503, '911'), answer.everything
        check_framing(answer)
    http.wait_log(rf'the daemon has another configuration of user alice \({why}\)', mark)
    assert http.update('myip=192.0.2.7', user='solo', secret='s0lo').body == 'good 192.0.2.7'
    http.settle()
    assert (stamp(http.file()), text(http)) == (before, what)
    assert os.listdir(http.dir).count('.new.alice') == 0
    assert {n: http.query(n) for n in (HOST1, HOST2, HOST3)} == dns

    assert http.reload().startswith('reloaded')
    mark = http.mark()
    assert http.update(f'hostname={HOST1}&myip=192.0.2.6').body == 'good 192.0.2.6'
    kept = '192.0.2.5' if HOST2 in names else None
    http.expect({HOST1: ('192.0.2.6', None), HOST2: (kept, None), HOST3: (None, None)})
    assert addresses_of(text(http), names)[HOST1] == ({'192.0.2.6'}, set())
    last = http.update(f'hostname={names[-1]}&myip=192.0.2.8')
    assert last.body == 'good 192.0.2.8', last.everything
    http.expect({names[-1]: ('192.0.2.8', None)})
    assert http.count('another configuration', mark) == 0


class FakeDaemon:
    """A socket that says what the test wants: talk(connection, number) is called for each connection,
    with a file to read questions from, and a function that sends."""

    def __init__(self, env, talk):
        self.talk = talk
        self.errors = []
        self.listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.listener.bind(env.conf['socket'])
        os.chmod(env.conf['socket'], 0o666)
        self.listener.listen()
        self.open = []
        threading.Thread(target=self._run, daemon=True).start()

    def _run(self):
        with contextlib.suppress(OSError):
            for i in itertools.count():
                c, _ = self.listener.accept()
                self.open.append(c)
                threading.Thread(target=self._serve, args=(c, i), daemon=True).start()

    def _serve(self, c, i):
        try:
            with c.makefile('rb') as f:
                self.talk(i, f, c.sendall)
        except BaseException as e:
            self.errors.append(e)

    def close(self):
        self.listener.shutdown(socket.SHUT_RDWR)
        self.listener.close()
        for c in self.open:
            c.close()


def test_who_has_gone_is_not_waited_for_with_those_who_come(env, http):
    """The disk takes its time, and meanwhile routers come and go."""
    needs('strace')
    http.conf |= {'connections_max': '16', 'request_timeout': '1s'}	# so a user has four that wait
    http.popen = {'environ': {'UV_THREADPOOL_SIZE': '1'}}
    http.prefix = ['strace', '-D', '-f', '-qq', '-o', '/dev/null', '-P', str(http.dir),
                   '-e', 'inject=fsync:delay_enter=6000000:when=1']
    http.start()
    mark = http.mark()
    for i in range(5):
        answer = http.update(f'{BOTH}&myip=192.0.2.{i + 1}')
        assert (answer.status, answer.body) == (503, '911'), answer.everything
    assert http.count('too many requests', mark) == 0
    env.wait(lambda: http.update(f'{BOTH}&myip=192.0.2.9').status == 200, 'the disk is back')
    assert http.count('too many requests', mark) == 0
    http.expect({HOST1: ('192.0.2.9', None)})


def test_a_name_behind_a_colon_that_is_not_his_is_logged(env, http):
    """The answer has no line for it."""
    http.start()
    mark = http.mark()
    answer = http.update(f'hostname={HOST1}&myip=192.0.2.4&myipv6:{HOST2}=2001:db8::2&myipv6:solo.dyn.example=2001:db8::3')
    assert answer.body == 'good 192.0.2.4'
    http.expect({HOST2: (None, '2001:db8::2'), 'solo.dyn.example': (None, None)})
    http.wait_log("^refusing user alice from 127.0.0.1: 'solo.dyn.example': not his name, or not this token's$", mark)
    assert http.count('refusing', mark) == 1


@contextlib.contextmanager
def slow_tokens(env, http, microseconds):
    """The next but one look at the tokens file takes so long, and everything else of the front end waits for it."""
    needs('strace')
    pid = http.process.pid
    tracer = subprocess.Popen(['strace', '-f', '-qq', '-o', '/dev/null', '-p', str(pid), '-P', str(http.tokens),
                               '-e', f'inject=?newfstatat,?stat,?statx:delay_enter={microseconds}:when=2'],
                              stderr=subprocess.DEVNULL)
    try:
        env.wait(lambda: 'TracerPid:\t0\n' not in Path(f'/proc/{pid}/status').read_text(), 'it is traced')
        yield
    finally:
        tracer.terminate()
        tracer.wait()


def stands_still(http):
    """For longer than a tracer needs for one call."""
    for _ in range(20):
        if 'State:\tt' not in Path(f'/proc/{http.process.pid}/status').read_text():
            return False
        time.sleep(0.01)
    return True


def test_who_is_held_up_himself_does_not_take_the_daemon_for_away(env, http):
    """Else what came by the other door is lost, though the daemon has answered long since."""
    http.start()
    env.write('alice', '2001:db8::7')
    http.settle()
    mark = http.mark()
    with slow_tokens(env, http, 4_000_000):
        env.send(signal.SIGSTOP)
        try:
            before = send(http, request(f'/nic/update?{BOTH}&myip=192.0.2.4'))
            pass_by(http)
            during = send(http, request('/nic/update?myip=192.0.2.5', user='solo', secret='s0lo'))
            env.wait(lambda: stands_still(http), 'it looks at the tokens')
        finally:
            env.send(signal.SIGCONT)
        assert answer_on(before, http).body == 'good 192.0.2.4\ngood 192.0.2.4'
        assert answer_on(during, http).body == 'good 192.0.2.5'
    assert http.count('unable to ask', mark) == 0
    http.expect({HOST1: ('192.0.2.4', '2001:db8::7'), HOST2: ('192.0.2.4', '2001:db8::7')})


@pytest.mark.parametrize('when', ['later', 'at_once'])
def test_nonsense_of_the_daemon_is_no_answer_to_others(env, http, when):
    """What follows a broken answer is no answer to the next question on the line either: that one is
    asked again, also when it came within the same millisecond."""
    names = {'alice': ALICE, 'carol': ['one.dyn.example', 'two.dyn.example']}
    secrets = {'alice': 's3cret', 'carol': 'c4rol'}
    env.users['carol'] = names['carol']
    http.secrets.append(('carol', 'c4rol', 'x'))
    asked = []
    first = threading.Event()

    def talk(i, questions, send):
        for line in questions:
            if line.startswith(b'wait '):
                send(b'waited %s published it is\n' % line.split()[1])
                continue
            user = line.decode().split()[1]
            asked.append((i, user))
            first.set()
            if i == 0 and len(asked) == 2:
                send(b'ok 99999999999\nunknown\nok 3\nx y')
            elif i > 0:
                one, two = names[user]
                told = f'{one} 198.51.100.1\n{two} 192.0.2.77 2001:db8::77\n'.encode()
                send(b'ok %d\n%s' % (len(told), told))

    fake = FakeDaemon(env, talk)
    try:
        http.prepare()
        for user, (one, two) in names.items():		# what would count without the daemon
            http.write(user, f'{one} 203.0.113.1\n{two} 203.0.113.2\n')
        http.start_front_end()
        sockets = {user: http.connect() for user in names}
        pass_by(http)
        for user, s in sockets.items():
            s.sendall(request(f'/nic/update?hostname={names[user][0]}&myip=192.0.2.4', user=user,
                              secret=secrets[user]))
            if when == 'later':
                assert first.wait(TIMEOUT)
                then = time.monotonic()
                env.wait(lambda: time.monotonic() > then + 0.02, 'the clock goes on')
        answers = {user: answer_on(s, http) for user, s in sockets.items()}
    finally:
        fake.close()
    assert not fake.errors
    http.wait_log('not an answer')
    (_, broken), (_, other), *more = asked
    assert answers[other].body == 'good 192.0.2.4', answers
    assert (answers[broken].status, answers[broken].body) in ((200, 'good 192.0.2.4'), (503, '911'))
    one, two = names[other]
    assert addresses_of(text(http, other), names[other]) == {
        one: ({'192.0.2.4'}, set()), two: ({'192.0.2.77'}, {'2001:db8::77'})}, asked
    assert more == [(1, other)]


@contextlib.contextmanager
def stopped_daemon(env):
    env.send(signal.SIGSTOP)
    try:
        yield
    finally:
        env.send(signal.SIGCONT)


def test_what_waits_for_a_hung_daemon_is_answered_in_time(env, http):
    """And what was answered 911 is not done afterwards."""
    http.conf['request_timeout'] = '5s'
    http.start()
    assert http.update(f'{BOTH}&myip=192.0.2.1').status == 200
    http.expect({HOST1: ('192.0.2.1', None), HOST2: ('192.0.2.1', None)})
    mark = http.mark()
    good = []

    def wait_for(i):
        s = send(http, request(f'/nic/update?hostname={HOST1}&myip=192.0.2.{i}'), tls=i % 2 == 1)
        answer = answer_on(s, http)
        assert (answer.status, answer.body) in ((200, f'good 192.0.2.{i}'), (503, '911')), answer.everything
        if answer.status == 200:
            good.append(f'192.0.2.{i}')		# one by one, seconds apart
        return answer.status

    with stopped_daemon(env):
        statuses = in_threads(*[lambda i=i: wait_for(i) for i in range(10, 20)])
        assert {200, 503} == set(statuses), statuses
        env.wait(lambda: http.count('user alice sets', mark) == len(good), 'as many lines as answers')
        assert addresses_of(text(http), ALICE)[HOST1] == ({good[-1]}, set())
        # Those that were given up, of which each would wait for seconds, are not in the way of the next.
        env.wait(lambda: http.update(f'hostname={HOST1}&myip=192.0.2.30').body == 'good 192.0.2.30',
                 'an update with the daemon still away')
        good.append('192.0.2.30')
    # Behind all that may still be there.
    assert http.update(f'hostname={HOST2}&myip=192.0.2.2').body == 'good 192.0.2.2'
    assert http.update(f'hostname={HOST1}&myip={good[-1]}').body == f'nochg {good[-1]}'
    http.settle()
    http.expect({HOST1: (good[-1], None), HOST2: ('192.0.2.2', None)})
    assert addresses_of(text(http), ALICE) == {HOST1: ({good[-1]}, set()), HOST2: ({'192.0.2.2'}, set())}
    assert http.count(f'user alice sets {HOST1} ', mark) == len(good)


def test_many_waiting_requests_do_not_hold_up_the_end(env, http):
    """One after the other they would wait for minutes."""
    http.conf['request_timeout'] = '1h'
    http.start()
    http.update(f'{BOTH}&myip=192.0.2.1')
    with stopped_daemon(env):
        sockets = [send(http, request(f'/nic/update?hostname={HOST1}&myip=192.0.2.{i}'), tls=i % 3 == 0,
                        source=f'127.0.1.{i}') for i in range(10, 110)]
        pass_by(http)
        http.process.send_signal(signal.SIGTERM)
        answers = in_threads(*[lambda s=s: answer_on(s, http) for s in sockets])
        assert http.wait_exit() == 0
    assert {(a.status, a.body.split()[0]) for a in answers} <= {(200, 'good'), (503, '911')}
    good = [a.body.split()[1] for a in answers if a.status == 200]
    assert len(good) < 5, good
    (v4,), _ = addresses_of(text(http), ALICE)[HOST1]
    assert v4 in (good or ['192.0.2.1'])
    http.settle()
    http.expect({HOST1: (v4, None), HOST2: ('192.0.2.1', None)})


def test_a_user_with_waiting_requests_leaves_room_for_others(env, http):
    http.conf['connections_max'] = '40'
    http.conf['request_timeout'] = '1h'
    http.start()
    http.update(f'{BOTH}&myip=192.0.2.1')
    with stopped_daemon(env):
        sockets = [send(http, request(f'/nic/update?hostname={HOST1}&myip=192.0.2.{i}'),
                        source=f'127.0.1.{i}') for i in range(10, 70)]
        for i in range(5):
            answer = http.raw(request('/myip', user=None), source=f'127.0.0.{200 + i}')
            assert (answer.status, answer.body) == (200, f'127.0.0.{200 + i}'), answer.everything
            check_framing(answer)
        assert unanswered(sockets) > 5, 'nobody waits any more: that was no test'
    answers = [answer_on(s, http) for s in sockets]
    refused = [a for a in answers if a.status == 503]
    assert {a.body for a in refused} == {'911'} and 45 <= len(refused) < 60, len(refused)
    assert all(a.status == 200 for a in answers if a.status != 503), answers
    assert http.update(f'hostname={HOST1}&myip=192.0.2.250').body == 'good 192.0.2.250'
    http.expect({HOST1: ('192.0.2.250', None), HOST2: ('192.0.2.1', None)})


# ---- time limits

def ends(s):
    """Waits for the end of the connection, however it comes."""
    __tracebackhide__ = True
    with s:
        try:
            got = s.recv(4096)
        except (TimeoutError, socket.timeout):
            pytest.fail('the connection stays open')
        except OSError:
            return
    assert got == b'', got


def test_a_shorter_time_limit_holds_at_once(env, http):
    http.conf['request_timeout'] = '1h'
    http.start()
    http.update(f'{BOTH}&myip=192.0.2.1')
    half = request(f'/nic/update?{BOTH}&myip=192.0.2.4')[:-2]
    with stopped_daemon(env):
        def idle():
            return [http.connect(), http.connect(tls=True), send(http, half), send(http, half, tls=True)]

        def waiting():
            return [send(http, request(f'/nic/update?hostname={HOST1}&myip=192.0.2.{i}'), tls=i % 2 == 1)
                    for i in range(10, 16)]

        for limit in ('1500ms', '1s'):	# one shorter than the other, too
            before, waiting_before = idle(), waiting()
            pass_by(http)
            assert unanswered(before) == len(before)
            http.conf['request_timeout'] = limit
            assert http.reload().startswith('reloaded')
            for s in before:
                ends(s)
            # Without the limit the second of these would wait for six seconds, the last for much longer.
            assert [(a.status, a.body) for a in (answer_on(s, http) for s in waiting_before)] == \
                [(503, '911')] * 6
            for s in idle():
                ends(s)
            assert [answer_on(s, http).status for s in waiting()] == [503] * 6
            http.conf['request_timeout'] = '1h'
            assert http.reload().startswith('reloaded')
    env.wait(lambda: http.update(f'{BOTH}&myip=192.0.2.9').status == 200, 'an update with the daemon back')
    http.expect({HOST1: ('192.0.2.9', None), HOST2: ('192.0.2.9', None)})


# ---- proxies

def test_a_proxy_that_contradicts_itself_is_not_believed(env, http):
    http.conf['trusted_proxies'] = '127.0.0.0/8'
    http.conf['listen'] = ['127.0.0.1:0 allow', '127.0.0.2:0 refuse']
    http.start()
    ports = {a: p for a, p, tls in http.ports if not tls}
    x, f = 'X-Forwarded-For: 192.0.2.50', 'Forwarded: for=192.0.2.50'
    for headers in ((x, 'Forwarded: for=192.0.2.51'), ('Forwarded: for=192.0.2.51', x),
                    (x, 'Forwarded: for="[2001:db8::51]"'), (x, 'Forwarded: for=unknown'),
                    ('X-Forwarded-For: nonsense', f), (x, f, 'Forwarded: for=192.0.2.51'),
                    ('X-Forwarded-For: 192.0.2.51, 192.0.2.50', 'Forwarded: for=192.0.2.50, for=192.0.2.51')):
        answer = http.raw(request('/myip', *headers), source='127.0.0.9')
        assert answer.body == '127.0.0.9', (headers, answer.everything)
        answer = http.update(f'hostname={HOST1}', *headers, source='127.0.0.9')
        assert (answer.status, answer.body) == (200, 'dnserr'), (headers, answer.everything)
        check_framing(answer)
    http.settle()
    assert not http.file().exists()
    http.expect({HOST1: (None, None), HOST2: (None, None)})
    # An address that the request names is as good as ever.
    assert http.update(f'hostname={HOST2}&myip=192.0.2.9', x, 'Forwarded: for=192.0.2.51').body == \
        'good 192.0.2.9'

    assert http.update(f'hostname={HOST1}', x, f).body == 'good 192.0.2.50'
    env.wait_answer(HOST1, 'A', {'192.0.2.50'})
    answer = http.update(f'hostname={HOST1}', 'X-Forwarded-For: 198.51.100.66, 2001:DB8::50',
                         'Forwarded: for=198.51.100.66, for="[2001:db8:0::50]:4711";proto=https')
    assert answer.body == 'good 2001:db8::50', answer.everything
    http.expect({HOST1: ('192.0.2.50', '2001:db8::50')})

    before = stamp(http.file())
    refusing = dict(to='127.0.0.2', port=ports['127.0.0.2'], source='127.0.0.9')
    for headers in (('X-Forwarded-Proto: https', 'Forwarded: for=192.0.2.50;proto=http'),
                    ('X-Forwarded-Proto: http', 'Forwarded: for=192.0.2.50;proto=https'),
                    ('X-Forwarded-Proto: https', 'X-Forwarded-Proto: http'), ()):
        answer = http.update(f'hostname={HOST1}&myip=192.0.2.66', x, *headers, **refusing)
        assert (answer.status, answer.body) == (200, 'badagent'), (headers, answer.everything)
        check_framing(answer)
    assert stamp(http.file()) == before
    answer = http.update(f'hostname={HOST1}&myip=192.0.2.67', x, 'X-Forwarded-Proto: https',
                         'Forwarded: for=192.0.2.50;proto=https', **refusing)
    assert answer.body == 'good 192.0.2.67', answer.everything
    http.expect({HOST1: ('192.0.2.67', '2001:db8::50'), HOST2: ('192.0.2.9', None)})


# ---- passwords

def test_a_network_of_ipv6_has_one_share_of_the_slow_hashes(env, http):
    http.token_lines = [f'solo:{crypt("right-one", "yescrypt", 10)}']
    http.never_logged |= {'right-one', 'not-this'}
    http.conf['trusted_proxies'] = '127.0.0.0/8'
    http.conf['request_timeout'] = '5m'
    http.conf['connections_per_address'] = '1'
    http.start()
    wrong = request('/nic/update?myip=192.0.2.4', user='solo', secret='not-this')
    sockets = [send(http, forwarded_for(wrong, f'2001:db8:1:2:{i % 8:x}::{i:x}')) for i in range(48)]
    pass_by(http)
    waiting = unanswered(sockets)
    assert 0 < waiting <= 8, waiting
    owner = http.raw(forwarded_for(request('/nic/update?myip=192.0.2.5', user='solo', secret='right-one'),
                                   '2001:db8:1:3::1'))
    assert (owner.status, owner.body) == (200, 'good 192.0.2.5'), owner.everything
    answers = [answer_on(s, http) for s in sockets]
    tried = [a for a in answers if a.status == 401]
    assert 1 <= len(tried) <= 8, [a.status for a in answers]
    assert all((a.status, a.body) in ((401, 'badauth'), (503, '911')) for a in answers)
    env.wait_answer('solo.dyn.example', 'A', {'192.0.2.5'})


@pytest.mark.parametrize('secret', ['guess-{}', 'the-same'])
def test_guesses_for_one_account_under_many_names_count_together(env, http, secret):
    """From one address: the user, or one of his names in any spelling."""
    http.start()
    names = ['alice', 'HOST1.dyn.example', 'host1.DYN.example', HOST2, f'{HOST1}.']

    def ask(i, source):
        guess = secret.format(f'{i}-x')
        http.never_logged.add(guess)
        name = (names + [None])[i % 6]
        if name:
            return http.update(f'hostname={HOST1}&myip=192.0.2.4', user=name, secret=guess, source=source)
        return http.update(f'hostname={HOST2}&password={guess}&myip=192.0.2.4', user=None, source=source)

    answers = [ask(i, '127.0.0.66') for i in range(48)]
    assert {(a.status, a.body) for a in answers} == {(401, 'badauth'), (503, '911')}
    for a in answers:
        check_framing(a)
    tried = sum(a.status == 401 for a in answers)
    assert 5 <= tried <= 16, f'{tried} guesses'
    assert http.update('myip=192.0.2.7', user='solo', secret='s0lo', source='127.0.0.66').body == \
        'good 192.0.2.7'
    # The owner of the account, from where he is.
    assert http.update(f'hostname={HOST1}&myip=192.0.2.5').body == 'good 192.0.2.5'


def test_pieces_of_a_password_are_not_logged(env, http):
    http.secrets.append(('alice', 'ab&cd.ef', 'ampersand'))
    http.start()
    made = subprocess.run([DNS_UPDATER, 'token', 'alice', '-c', str(env.conf_file)], check=True, cwd='/',
                          capture_output=True, text=True, env=clean_env())
    token = made.stdout.rstrip('\n')
    http.never_logged |= {token, 'cd.ef'}

    mark = http.mark()
    answer = http.raw(request(f'/nic/update?username=alice&password=ab&cd.ef&hostname={HOST1}', user=None))
    assert (answer.status, answer.body) == (401, 'badauth'), answer.everything
    http.wait_log('^(<.>)?refusing .*wrong password', mark)

    for secret in (token, 'TOKEN', 's3cret'):
        mark = http.mark()
        answer = http.update(f'hostname={HOST1}&myip=192.0.2.4', user=secret, secret='alice')
        assert (answer.status, answer.body) == (401, 'badauth'), answer.everything
        http.wait_log('^(<.>)?refusing .*no such user', mark)

    for secret in ('s3cret', token, 'n0t-known-here'):
        for amid in ('', ';', '%20', '%26', '%3B', '?'):
            mark = http.mark()
            answer = http.update(f'hostname={HOST1}&myip=2001:db8::1{amid}password={secret}',
                                 source=f'127.0.0.{len(secret)}',
                                 secret=token if secret == token else 's3cret')
            assert (answer.status, answer.body) == (200, 'dnserr'), answer.everything
            http.wait_log('^(<.>)?refusing user alice', mark)
    log = http.log.text()
    for piece in ('cd.ef', token, 's3cret', 'TOKEN', 'n0t-known'):
        assert piece not in log, piece
    assert not http.file().exists()


def test_pieces_of_a_password_in_other_fields_are_not_logged(env, http):
    """An "&" in it that was not escaped, or a ":" where the two stand the wrong way round."""
    http.secrets.append(('alice', 'ab&cd.ef', 'ampersand'))
    http.never_logged |= {'cd.ef'}
    http.start()
    header = basic('alice', 'ab&cd.ef').rstrip()
    for hosts in (f'username=alice&password=ab&cd.ef&hostname={HOST1}', 'hostname=cd.ef', 'hostname=cd.ef%26x',
                  'hostname=b%26cd.ef.example'):
        mark = http.mark()
        answer = http.raw(request(f'/nic/update?{hosts}&myip=192.0.2.4', header, user=None))
        assert 'nohost' in answer.body, answer.everything
        http.wait_log('^(<.>)?refusing user alice.* not his name', mark)

    for user, secret in (('pa', 'ss:wo:alice'), ('pa%3Ass', 'alice'), ('n0t-known-here', 'x')):
        mark = http.mark()
        http.never_logged |= {user, 'ss:wo', 'pa:ss'} - {'pa'}
        answer = http.raw(request(f'/nic/update?hostname={HOST1}&username={user}&password={secret}',
                                  user=None), source='127.0.0.33')
        assert (answer.status, answer.body) == (401, 'badauth'), answer.everything
        line = http.wait_words('refusing 127.0.0.33', 'no such user', after=mark)
        assert 'an unknown user' in line and 'pa' not in line.replace('password', ''), line
    mark = http.mark()
    answer = http.update('hostname=other.example.net&myip=192.0.2.4')
    assert answer.body == 'nohost'
    http.wait_words("'other.example.net': not his name", after=mark)


def test_one_users_refusals_do_not_hide_another_ones_wrong_password(env, http):
    http.start()
    http.never_logged.add('not-this')
    mark = http.mark()
    for i in range(100):
        answer = http.update(f'hostname=h{i}.example.org&myip=192.0.2.4', source='127.0.0.5')
        assert answer.body == 'nohost'
    after = http.mark()
    wrong = http.update(f'hostname={HOST1}&myip=192.0.2.4', secret='not-this', source='127.0.0.6')
    assert wrong.status == 401
    assert http.update('myip=192.0.2.4', user='nobody', secret='not-this', source='127.0.0.7').status == 401
    http.wait_words('refusing', '127.0.0.6', 'wrong password', after=after)
    http.wait_words('refusing', '127.0.0.7', 'no such user', after=after)
    n = http.count(r'refusing user alice from 127\.0\.0\.5', mark)
    assert 1 <= n < 50, n


def test_a_user_in_the_header_and_his_password_in_the_query(env, http):
    http.start()
    http.secret('alice', 'a-token-of-his', 'third')
    header = 'Authorization: Basic ' + base64.b64encode(b'alice:').decode()
    assert header + '\r\n' == basic('alice', '')
    target = f'/nic/update?hostname={HOST1}&myip=192.0.2.{{}}&{{}}'
    answer = http.raw(request(target.format(4, 'password=s3cret'), header, user=None))
    assert (answer.status, answer.body) == (200, 'good 192.0.2.4'), answer.everything
    env.wait_answer(HOST1, 'A', {'192.0.2.4'})
    answer = http.raw(request(target.format(5, 'token=a-token-of-his'), header, user=None), tls=True)
    assert (answer.status, answer.body) == (200, 'good 192.0.2.5'), answer.everything
    for more in ('password=s0lo', 'password=', 'x=y'):	# another one's, and none
        answer = http.raw(request(target.format(6, more), header, user=None))
        assert (answer.status, answer.body) == (401, 'badauth'), answer.everything
    http.settle()
    http.expect({HOST1: ('192.0.2.5', None)})


# ---- dialects

@pytest.mark.parametrize('colon', [':', '%3A', '%3a'])
def test_an_address_of_another_name_beside_the_request(env, http, colon):
    http.start()
    http.start_state()
    answer = http.update(f'hostname={HOST1}&myipv4=192.0.2.4&myipv6{colon}{HOST2}=2001:db8::77')
    assert (answer.status, answer.body) == (200, 'good 192.0.2.4'), answer.everything
    check_framing(answer)
    http.expect({HOST1: ('192.0.2.4', '2001:db8:ffff:12::a'), HOST2: ('198.51.100.2', '2001:db8::77')})
    answer = http.update(f'hostname={HOST1}&myipv4=192.0.2.4&myipv6{colon}{HOST2}=2001:db8::78')
    assert answer.body in ('good 192.0.2.4', 'nochg 192.0.2.4'), answer.everything
    http.expect({HOST1: ('192.0.2.4', '2001:db8:ffff:12::a'), HOST2: ('198.51.100.2', '2001:db8::78')})
    # Somebody else's name is not his to change.
    answer = http.update(f'hostname={HOST1}&myipv4=192.0.2.5&myipv6{colon}bob.dyn.example=2001:db8::79')
    assert answer.body == 'good 192.0.2.5', answer.everything
    http.settle()
    http.expect({HOST1: ('192.0.2.5', '2001:db8:ffff:12::a'), 'bob.dyn.example': (None, None)})


# ---- the end

def test_a_password_that_is_still_tried_at_the_end(env, http):
    """Its request was given up at the time limit; the thread that tries it outlives the connection, but
    not the program."""
    http.token_lines = [f'solo:{crypt("right", "yescrypt", 11)}']
    http.secrets = [s for s in http.secrets if s[0] != 'solo']
    http.conf['request_timeout'] = '300ms'
    http.start()
    answers = in_threads(*[lambda: http.raw(request('/nic/update?myip=192.0.2.4', user='solo', secret='wrong'),
                                            source='127.0.0.77')] * 2)
    assert {a.status for a in answers} == {503}, answers
    assert http.stop() == 0
