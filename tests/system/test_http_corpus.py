# SPDX-FileCopyrightText: 2026 The dns-updater authors
# SPDX-License-Identifier: ISC
"""Every request of the corpus, as the clients send it, through the real front end, the real daemon
and the real tinydns. One set of programs for all of them, each from the same start state. They live
in a network namespace, so that the requests come from the address that the corpus says."""

import re
import socket

import pytest

from http_harness import (START_FILES, START_STATE, USERS, check_framing, corpus, parse_answer, read_all)

PEER = '192.0.2.99'


def cases():
    """(entry, tls): plain and TLS where either will do. The doors for the start state alternate."""
    for i, entry in enumerate(corpus()):
        for tls in {'either': (False, True), 'tls': (True,), 'plain': (False,)}[entry['tls']]:
            yield pytest.param(entry, tls, 'home' if (i + tls) % 2 else 'http',
                               id=f'{entry["id"]}-{"tls" if tls else "plain"}')


@pytest.fixture(scope='module')
def programs(in_namespace):
    h = in_namespace(PEER)
    h.start()
    return h


def owner(name):
    return next(user for user, names in USERS.items() if name in names)


def send(h, entry, tls):
    assert entry['peer'] == PEER and not entry['before']
    return h.raw(entry['request_raw'].encode('latin-1'), tls=tls, source=PEER)


def check_body(entry, answer):
    assert answer.status == entry['expected_status'], answer.everything
    assert answer.body.split()[0] in entry['accept_tokens'][0].split(), answer.everything
    assert answer.body.startswith(entry['expected_first_token']), answer.everything
    if entry['expected_body'] is not None:
        assert answer.body == entry['expected_body'], answer.everything
    elif answer.body.startswith('<'):		# dyndns1
        assert re.search('^return code: NOERROR$', answer.body, re.M), answer.everything
        assert re.search('^error code: NOERROR$', answer.body, re.M), answer.everything
        assert re.search('<TITLE>.*</TITLE>', answer.body), answer.everything
    else:					# FreeDNS, as ddclient reads it
        assert re.search('Updated.*host.*to.*192.0.2.10', answer.body), answer.everything
    check_framing(answer)


def expected_state(entry):
    state = dict(START_STATE)
    for name, a in entry['expected_addresses'].items():
        state[name] = (a['A'], a['AAAA'])
    return state


def test_the_corpus_is_whole():
    entries = corpus()
    assert len(entries) >= 64
    assert len({e['id'] for e in entries}) == len(entries)


@pytest.mark.parametrize('entry, tls, door', cases())
def test_request(programs, entry, tls, door):
    h = programs
    h.start_state(door)
    state = expected_state(entry)
    changed = {owner(n) for n in state if state[n] != START_STATE[n]}
    mark, env_mark = h.mark(), h.env.mark()

    check_body(entry, send(h, entry, tls))
    h.expect({name: state[name] for name in entry['expected_addresses']})

    # Nothing else has changed, and the request was one change.
    h.settle()
    if entry['request_raw'].startswith('GET /u/TOKEN/?address='):
        # No name at all: FreeDNS changes all that the token is good for, of which the corpus says one.
        del state['host2.dyn.example']
    h.expect(state)
    for user in changed:
        for name in entry['expected_addresses']:
            h.wait_words(user, name, PEER, after=mark)
    if entry['expected_status'] == 200 and entry['expected_first_token'] not in ('KO', 'dnserr'):
        assert len(h.lines(mark)) == len(changed), h.lines(mark)
    for user in USERS:		# at most, for the daemon says no more than 60 in a minute of one user
        n = h.env.count(f'^user {re.escape(user)} requested update', env_mark)
        assert n <= (user in changed), f'{n} changes of {user}'


@pytest.mark.parametrize('entry', [e for e in corpus() if e['expected_first_token'] == 'good'][::9],
                         ids=lambda e: e['id'])
def test_request_in_tiny_segments(programs, entry):
    """ez-ipupdate sends a dozen of them."""
    h = programs
    h.start_state()
    raw = entry['request_raw'].encode('latin-1')
    answer = h.raw(raw, tls=entry['tls'] == 'tls', source=PEER, pieces=len(raw))
    check_body(entry, answer)
    h.expect(expected_state(entry))


@pytest.mark.parametrize('tls', [False, True], ids=['plain', 'tls'])
def test_a_repeated_request_changes_nothing(programs, tls):
    """Every entry that has changed something, once more: nochg, and the file is not touched."""
    h = programs
    good = [e for e in corpus() if (e['expected_body'] or '').startswith('good ')]
    for entry in good[tls::3]:
        h.start_state()
        first = send(h, entry, tls)
        assert first.body == entry['expected_body'], (entry['id'], first.everything)
        user = owner(next(iter(entry['expected_addresses'])))
        h.expect(expected_state(entry))
        before = h.file(user).stat()
        again = send(h, entry, tls)
        assert again.body == first.body.replace('good', 'nochg'), (entry['id'], again.everything)
        check_framing(again)
        after = h.file(user).stat()
        assert (after.st_ino, after.st_mtime_ns) == (before.st_ino, before.st_mtime_ns), entry['id']


def test_the_start_state_is_what_the_corpus_says():
    assert set(START_FILES) == set(USERS)
    assert set(START_STATE) == {n for names in USERS.values() for n in names}


# ---- the rules that the corpus samples

ALICE = 'Authorization: Basic YWxpY2U6czNjcmV0\r\n'


def line(target, *headers, method='GET', version='HTTP/1.1'):
    return f'{method} {target} {version}\r\nHost: ddns.test\r\n{ALICE}' + ''.join(
        h + '\r\n' for h in headers) + '\r\n'


BOTH = 'hostname=host1.dyn.example,host2.dyn.example'
ONE = 'hostname=host1.dyn.example'
GOOD = 'good 192.0.2.10'


@pytest.mark.parametrize('raw, body', [
    pytest.param(f'GET /nic/update?{ONE}&myip=192.0.2.10 HTTP/1.0\r\n{ALICE}\r\n', GOOD, id='no_host'),
    pytest.param(f'GET /nic/update?{ONE}&myip=192.0.2.10 HTTP/1.1\r\n{ALICE}\r\n', GOOD,
                 id='no_host_with_1.1'),
    pytest.param(line(f'http://ddns.test/nic/update?{ONE}&myip=192.0.2.10'), GOOD, id='absolute_form'),
    pytest.param(line(f'//nic/update?{ONE}&myip=192.0.2.10'), GOOD, id='two_slashes'),
    pytest.param(line(f'/whatever/it/is?{ONE}&myip=192.0.2.10'), GOOD, id='any_path'),
    pytest.param(line(f'/nic/update?{ONE}&myip=192.0.2.10&'), GOOD, id='trailing_ampersand'),
    pytest.param(line('/nic/update?host1.dyn.example&myip=192.0.2.10'), GOOD, id='keyless_item'),
    pytest.param(line('/nic/update?HOSTNAME=HOST1.dyn.EXAMPLE&MYIP=192.0.2.10'), GOOD, id='upper_case'),
    pytest.param(line('/nic/update?hostname=host1.dyn.example.&myip=192.0.2.10'), GOOD, id='final_dot'),
    pytest.param(line(f'/nic/update?{ONE}&myip=192.0.2.10') + '\r\n', GOOD, id='surplus_CRLF'),
    pytest.param('\r\n' + line(f'/nic/update?{ONE}&myip=192.0.2.10'), GOOD, id='CRLF_before'),
    pytest.param(line(f'/nic/update?{ONE}&myip=192.0.2.10', method='POST'), GOOD,
                 id='POST_without_length'),
    pytest.param(line(f'/nic/update?{ONE}&myip=192.0.2.10', 'Connection: keep-alive'), GOOD,
                 id='keep_alive'),
    pytest.param(line(f'/nic/update?{ONE}&myip=', 'X: y'), 'good 192.0.2.99', id='empty_myip'),
    pytest.param(line(f'/nic/update?{ONE}&myip=192.0.2.10&unknown=1&url=http://x/?y&wildcard=ON'), GOOD,
                 id='unknown_parameters'),
    pytest.param(line(f'/nic/update?{ONE}&myip=2001:db8::10,192.0.2.10'), 'good 192.0.2.10,2001:db8::10',
                 id='v4_first'),
    pytest.param(line(f'/nic/update?{BOTH}&myip=192.0.2.10'), f'{GOOD}\n{GOOD}', id='a_line_each'),
    pytest.param(line('/nic/update?hostname=host2.dyn.example,nobody.dyn.example,host1.dyn.example'
                      '&myip=192.0.2.10'), f'{GOOD}\nnohost\n{GOOD}', id='one_is_not_ours'),
    pytest.param(line('/nic/update?hostname=bob.dyn.example&myip=192.0.2.10'), 'nohost',
                 id='somebody_elses'),
    pytest.param(line('/nic/update?hostname=host1&myip=192.0.2.10'), 'notfqdn', id='a_label'),
    pytest.param(line('/nic/update?myip=192.0.2.10'), 'notfqdn', id='two_names_and_none_said'),
    pytest.param(line('/nic/update?hostname=' + ','.join(f'h{i}.dyn.example' for i in range(21)) +
                      '&myip=192.0.2.10'), 'numhost', id='21_hosts'),
    pytest.param(line(f'/nic/update?{ONE}&myip=127.0.0.1'), 'good 127.0.0.1', id='dummy_v4'),
    pytest.param(line(f'/nic/update?{ONE}&myip=::1'), 'good ::1', id='dummy_v6'),
    pytest.param(line(f'/nic/update?{ONE}&myip=999.1.1.1'), 'dnserr', id='no_address'),
    pytest.param(line(f'/nic/update?{ONE}&myip=192.0.2.10,nonsense'), 'dnserr', id='half_an_address'),
])
def test_rules(programs, raw, body):
    h = programs
    h.start_state()
    answer = h.raw(raw, source=PEER)
    assert (answer.status, answer.body) == (200, body), answer.everything
    check_framing(answer)
    v4 = [b.split()[1].split(',')[0] for b in body.split('\n') if b.startswith('good ')]
    dummy = body in ('good 127.0.0.1', 'good ::1')
    state = dict(START_STATE)
    if v4 and not dummy:
        state['host1.dyn.example'] = (v4[0], '2001:db8::10' if '::10' in body else '2001:db8:ffff:12::a')
        if 'host2' in raw:
            state['host2.dyn.example'] = (v4[0], None)
    h.expect(state)
    h.settle()
    h.expect(state)


@pytest.mark.parametrize('tls', [False, True], ids=['plain', 'tls'])
def test_a_line_behind_the_answer_does_no_harm(programs, tls):
    """Some clients send an empty line too much, and later than the request: what comes is the end of
    the stream, and no reset, for which other systems than Linux throw away what was not read yet."""
    h = programs
    h.start_state()
    with h.connect(tls=tls, source=PEER) as s:
        s.sendall(line(f'/nic/update?{ONE}&myip=192.0.2.10').encode())
        assert read_all(s).endswith(GOOD.encode())
        s.sendall(b'\r\n')
        h.raw(line('/'), source=PEER)		# whose end comes after that of the first
        assert s.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR) == 0


def test_who_ends_his_side_first_is_answered(programs):
    h = programs
    h.start_state()
    with h.connect(source=PEER) as s:
        s.sendall(line(f'/nic/update?{ONE}&myip=192.0.2.10').encode())
        s.shutdown(socket.SHUT_WR)
        answer = parse_answer(read_all(s))
    assert answer.body == GOOD, answer.everything
    check_framing(answer)


def test_a_deletion_of_nsupdate_info(programs):
    h = programs
    h.start_state()
    answer = h.raw(line('/nic/delete?hostname=host1.dyn.example&myip=192.0.2.10'), source=PEER)
    assert answer.body.split()[0] == 'deleted', answer.everything
    check_framing(answer)
    h.expect({'host1.dyn.example': (None, '2001:db8:ffff:12::a'),
              'host2.dyn.example': ('198.51.100.2', None)})


def test_myip_tells_the_address_of_the_peer(programs):
    answer = programs.raw(line('/myip'), source=PEER)
    assert (answer.status, answer.body) == (200, PEER), answer.everything
    check_framing(answer)


@pytest.mark.parametrize('user, secret, source', [
    pytest.param('alice', 'wrong-S3', '127.0.0.71', id='wrong'),
    pytest.param('alice', '', '127.0.0.72', id='empty'),
    pytest.param('nobody-here', 's3cret', '127.0.0.73', id='no_such_user'),
    pytest.param('bob@example.org', 's3cret', '127.0.0.74', id='somebody_elses'),
    pytest.param('bob.dyn.example', 's3cret', '127.0.0.75', id='name_of_somebody_else'),
])
def test_wrong_credentials(programs, user, secret, source):
    h = programs
    h.never_logged |= {'wrong-S3'}
    h.start_state()
    mark = h.mark()
    answer = h.update('hostname=host1.dyn.example&myip=192.0.2.10', user=user, secret=secret,
                      source=source)
    assert (answer.status, answer.body) == (401, 'badauth'), answer.everything
    check_framing(answer)
    if secret:
        h.wait_words(source, after=mark)
    h.settle()
    h.expect(START_STATE)
