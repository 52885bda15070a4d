# SPDX-FileCopyrightText: 2026 The dns-updater authors
# SPDX-License-Identifier: ISC
"""`good` is said once the change is published, or when nobody can tell in time; `911` when it failed."""

import os
import select
import signal

import pytest

from http_harness import check_framing, in_threads, parse_answer, read_all, request
from test_http_reviews import answer_on, pass_by, send, text
from test_status import Gate

HOST1, HOST2 = 'host1.dyn.example', 'host2.dyn.example'
UNKNOWN = 'user {}: what was set from 127.0.0.1 is not known to be published: {}; the answer is good'


@pytest.fixture
def gated(env, http):
    """makecommand stops at env.gate when that is closed, and fails while env.bad is there."""
    env.bad = env.tmp / 'bad'
    env.conf['makecommand'] = f'[ ! -e {env.bad} ] || exit 3; ' + env.conf['makecommand']
    env.gate = Gate(env)
    http.conf['publish_timeout'] = '9s'
    yield http
    if env.gate.path.exists() and env.process.poll() is None:
        env.gate.open()


def update(http, query=f'hostname={HOST1}&myip=192.0.2.4', **kw):
    """A connection on which such a request waits."""
    return send(http, request(f'/nic/update?{query}', **kw))


def is_silent(s):
    return not select.select([s], [], [], 0)[0]


def test_good_is_said_when_it_is_published(env, gated):
    gated.start()
    for i in range(5):
        env.gate.close()
        s = update(gated, f'hostname={HOST1}&myip=192.0.2.{i + 1}')
        env.gate.hold()			# the command has begun: everything else is done
        pass_by(gated)
        assert is_silent(s)
        env.gate.open()
        answer = answer_on(s, gated)
        assert (answer.status, answer.body) == (200, f'good 192.0.2.{i + 1}')
        assert env.query(HOST1, 'A') == {f'192.0.2.{i + 1}'}
    assert gated.count('published') == 0


def test_nochg_is_said_when_it_is_published(env, gated):
    gated.start()
    env.gate.close()
    first = update(gated)
    env.gate.hold()
    second = update(gated)
    pass_by(gated)
    assert is_silent(second)
    env.gate.open()
    assert answer_on(first, gated).body == 'good 192.0.2.4'
    assert answer_on(second, gated).body == 'nochg 192.0.2.4'
    assert gated.update(f'hostname={HOST1}&myip=192.0.2.4').body == 'nochg 192.0.2.4'


def test_one_request_of_a_user_does_not_wait_for_the_publishing_of_another(env, gated):
    gated.start()
    env.gate.close()
    first = update(gated)
    env.gate.hold()
    more = [update(gated, f'hostname={HOST2}&myip=192.0.2.{i}') for i in range(10, 15)]
    env.wait(lambda: '192.0.2.14' in text(gated), 'the last of them is written')
    assert all(is_silent(s) for s in [first, *more])
    other = update(gated, 'myip=192.0.2.6', user='solo', secret='s0lo')
    env.wait(lambda: gated.file('solo').exists(), 'that of another user, too')
    env.gate.open()
    assert [answer_on(s, gated).body for s in [first, *more, other]] == \
        ['good 192.0.2.4', *(f'good 192.0.2.{i}' for i in range(10, 15)), 'good 192.0.2.6']


def test_many_at_once_are_published_together(env, gated):
    gated.conf['connections_per_address'] = '1000'
    gated.start()
    bodies = in_threads(*[lambda i=i: gated.update(f'hostname={HOST1}&myip=198.18.0.{i + 1}').body
                          for i in range(100)])
    assert bodies == [f'good 198.18.0.{i + 1}' for i in range(100)]


@pytest.mark.parametrize('target, good, again', [
    (f'/nic/update?hostname={HOST1}&myip=192.0.2.4', 'good 192.0.2.4', 'nochg 192.0.2.4'),
    (f'/update?domains={HOST1}&token=s3cret&ip=192.0.2.4', 'OK', 'OK'),
    (f'/api/update?hostname={HOST1}&token=s3cret&ipv4=192.0.2.4', 'addresses updated', 'addresses unchanged'),
])
def test_a_publish_that_fails(env, gated, target, good, again):
    gated.start()
    env.bad.touch()
    raw = request(target, user=None if 'token' in target else 'alice')
    for changed in True, False:		# nothing is to be written the second time, which is no comfort
        mark = gated.mark()
        answer = gated.raw(raw)
        assert (answer.status, answer.body) == (503, '911'), answer.everything
        check_framing(answer)
        line = gated.wait_words('user alice: what was set from 127.0.0.1 is not published: ', after=mark)
        assert 'exit status 3' in line and line.endswith('; the answer is 911'), line
        assert gated.count('sets host1', mark) == changed
    env.bad.unlink()
    env.send(signal.SIGHUP)
    env.wait_answer(HOST1, 'A', {'192.0.2.4'})
    env.wait_log('makecommand works again')
    assert gated.raw(raw).body == again
    assert gated.raw(request(target.replace('192.0.2.4', '192.0.2.5'),
                             user=None if 'token' in target else 'alice')).body == good.replace('2.4', '2.5')


def test_a_refused_file_in_the_home_takes_nothing_away(env, gated):
    """He still has what the router set, and it is published: each time it says so again it hears so."""
    gated.start()
    assert gated.update(f'hostname={HOST1}&myip=192.0.2.4').body == 'good 192.0.2.4'
    mark = env.mark()
    env.write('alice', 'nonsense')
    env.wait_log('^refusing .*nonsense', mark)
    mark = gated.mark()
    for _ in range(2):
        answer = gated.update(f'hostname={HOST1}&myip=192.0.2.4')
        assert (answer.status, answer.body) == (200, 'nochg 192.0.2.4'), answer.everything
    assert gated.lines(mark) == []
    assert gated.update(f'hostname={HOST1}&myip=192.0.2.5').body == 'good 192.0.2.5'
    assert env.query(HOST1, 'A') == {'192.0.2.5'}


def test_what_is_refused_is_not_waited_for(env, gated):
    gated.start()
    env.gate.close()
    s = update(gated)
    env.gate.hold()
    assert gated.update('hostname=bob.dyn.example&myip=192.0.2.4').body == 'nohost'
    assert gated.update(f'hostname={HOST1}&myip=192.0.2.400').body == 'dnserr'
    assert is_silent(s)
    env.gate.open()
    assert answer_on(s, gated).body == 'good 192.0.2.4'


def test_without_the_daemon_it_is_good_and_said(env, gated):
    gated.start()
    assert env.stop() == 0
    answer = gated.update(f'hostname={HOST1}&myip=192.0.2.4')
    assert (answer.status, answer.body) == (200, 'good 192.0.2.4')
    assert gated.wait_log('^user alice: what').string == UNKNOWN.format('alice', 'the daemon is away')
    mark = gated.mark()
    assert gated.update(f'hostname={HOST1}&myip=192.0.2.4').body == 'nochg 192.0.2.4'
    pass_by(gated)
    assert gated.lines(mark) == []
    env.start()
    env.wait_answer(HOST1, 'A', {'192.0.2.4'})
    assert gated.update(f'hostname={HOST1}&myip=192.0.2.5').body == 'good 192.0.2.5'
    assert env.query(HOST1, 'A') == {'192.0.2.5'}


@pytest.mark.parametrize('how', ['stop', 'kill'])
def test_the_daemon_ends_meanwhile(env, gated, how):
    gated.start()
    env.gate.close()
    s = update(gated)
    env.gate.hold()
    pass_by(gated)
    if how == 'kill':
        env.kill()
    else:
        env.send(signal.SIGTERM)
    assert answer_on(s, gated).body == 'good 192.0.2.4'
    gated.wait_log('^user alice: what was set from 127.0.0.1 is not known to be published: .*; the answer is good')
    env.gate.path.unlink()
    os.close(env.gate.fd)
    env.gate.fd = None
    if how == 'stop':
        assert env.wait_exit() == 0
    env.start()
    assert gated.update(f'hostname={HOST1}&myip=192.0.2.5').body == 'good 192.0.2.5'
    assert env.query(HOST1, 'A') == {'192.0.2.5'}


def test_the_time_limit(env, gated):
    gated.conf['publish_timeout'] = '500ms'
    gated.start()
    env.gate.close()
    s = update(gated)
    env.gate.hold()
    assert answer_on(s, gated).body == 'good 192.0.2.4'
    assert gated.wait_log('^user alice: what').string == UNKNOWN.format('alice', 'no answer in time')
    env.gate.open()
    env.wait_answer(HOST1, 'A', {'192.0.2.4'})
    gated.conf['publish_timeout'] = '9s'
    assert gated.reload().startswith('reloaded')
    assert gated.update(f'hostname={HOST1}&myip=192.0.2.5').body == 'good 192.0.2.5'
    assert env.query(HOST1, 'A') == {'192.0.2.5'}


def test_the_requests_own_time_limit_does_not_make_it_a_911(env, gated):
    """It was slow to come in."""
    del gated.conf['publish_timeout']
    gated.conf['request_timeout'] = '2s'
    gated.start()
    env.gate.close()
    s = update(gated)
    env.gate.hold()
    assert answer_on(s, gated).body == 'good 192.0.2.4'
    gated.wait_log('is not known to be published: no answer in time')
    env.gate.open()


def test_without_waiting(env, gated):
    gated.conf['publish_timeout'] = '0'
    gated.start()
    env.gate.close()
    s = update(gated)
    env.gate.hold()
    assert answer_on(s, gated).body == 'good 192.0.2.4'
    assert gated.count('published') == 0
    env.gate.open()


def test_a_long_word_of_the_daemon_about_one_user_is_no_matter_to_others(env, gated):
    """It tells all addresses of eight names."""
    names = [f's{i}.dyn.example' for i in range(8)]
    env.users['solo'] = names
    env.conf['addresses_max'] = '500'
    gated.start()
    env.write('solo', '\n'.join(f'2a00::{i:x}' for i in range(1, 421)))
    env.wait_log(f'^updating record for {names[7]} ')	# too long for an answer of tinydns
    env.gate.close()
    first = update(gated)
    env.gate.hold()
    second = update(gated, f'hostname={names[0]}&myip=192.0.2.6', user='solo', secret='s0lo')
    env.wait(lambda: gated.file('solo').exists(), 'that of the other user is written')
    third = update(gated, f'hostname={HOST2}&myip=192.0.2.7')
    pass_by(gated)
    env.gate.open()
    assert [answer_on(s, gated).body for s in (first, second, third)] == \
        ['good 192.0.2.4', 'good 192.0.2.6', 'good 192.0.2.7']
    assert gated.count('published') == 0


def test_a_client_who_goes_while_he_waits(env, gated):
    gated.start()
    env.gate.close()
    for query in (f'hostname={HOST1}&myip=192.0.2.4', f'hostname={HOST2}&myip=192.0.2.5'):
        s = update(gated, query)
        env.wait(lambda: gated.file().exists() and query[-9:] in text(gated), 'it is written')
        s.close()
    env.gate.hold()
    env.gate.open()
    env.wait_answer(HOST1, 'A', {'192.0.2.4'})
    env.wait_answer(HOST2, 'A', {'192.0.2.5'})
    assert gated.update(f'hostname={HOST1}&myip=192.0.2.6').body == 'good 192.0.2.6'


def test_the_end_comes_while_somebody_waits(env, gated):
    gated.start()
    env.gate.close()
    changed = update(gated)
    env.gate.hold()
    unchanged = update(gated)
    pass_by(gated)
    assert gated.stop() == 0
    assert parse_answer(read_all(changed)).body == 'good 192.0.2.4'
    assert parse_answer(read_all(unchanged)).body == 'nochg 192.0.2.4'
    assert gated.count(UNKNOWN.format('alice', 'stopping')) == 1
    env.gate.open()
    env.wait_answer(HOST1, 'A', {'192.0.2.4'})


def test_a_user_has_a_share_of_the_connections_while_he_waits(env, gated):
    gated.conf |= {'connections_max': '40', 'connections_per_address': '40'}
    gated.start()
    env.gate.close()
    waiting = []
    for i in range(10):
        mark = gated.mark()
        waiting.append(update(gated, f'hostname={HOST1}&myip=192.0.2.{i + 1}'))
        gated.wait_log('user alice sets', mark)
    for _ in range(3):
        answer = gated.update(f'hostname={HOST1}&myip=192.0.2.99')
        assert (answer.status, answer.body) == (503, '911')
    gated.wait_log('user alice .*: too many requests of this user at once')
    env.gate.open()
    assert [answer_on(s, gated).body for s in waiting] == [f'good 192.0.2.{i + 1}' for i in range(10)]


def test_publish_timeout_is_less_than_request_timeout(env, http):
    for value, good in (('9999ms', True), ('10s', False), ('1h', False), ('0', True)):
        http.conf['publish_timeout'] = value
        http.apply()
        found = [line for line in env.check().lines if 'publish_timeout must' in line]
        assert bool(found) != good, found
        if found:
            assert found[0].endswith('publish_timeout must be less than request_timeout, which ends the request')
