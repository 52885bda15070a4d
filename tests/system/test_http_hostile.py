# SPDX-FileCopyrightText: 2026 The dns-updater authors
# SPDX-License-Identifier: ISC
"""Whoever can reach the port: slow ones, many, large ones, nonsense, and those who try passwords. The
front end goes on, its memory stays bounded, and honest requests are answered meanwhile."""

import contextlib
import random
import resource
import select
import socket
import ssl
import threading
import time

import pytest

from harness import TIMEOUT
from http_harness import (DNS_UPDATER_HTTP, START_STATE, Net, basic, check_framing, corpus, crypt,
                          in_threads, is_sanitized, parse_answer, request)

HOST1, HOST2 = 'host1.dyn.example', 'host2.dyn.example'
MANY = 10000
# MB; a sanitizer keeps what is freed for a while, and has a shadow for everything
ROOM = 600 if is_sanitized(DNS_UPDATER_HTTP) else 60
ROOM_OF_MANY = 1200 if is_sanitized(DNS_UPDATER_HTTP) else 150
ROOM_OF_TLS = 4 * ROOM_OF_MANY


@pytest.fixture(autouse=True)
def many_descriptors():
    """Room for our ends of all the connections."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if hard != resource.RLIM_INFINITY and hard < MANY + 1500:
        with contextlib.suppress(ValueError):
            resource.setrlimit(resource.RLIMIT_NOFILE, (soft, MANY + 1500))
            hard = MANY + 1500
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    yield
    resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


def loopback(i):
    """The i-th of many addresses in 127.0.0.0/8."""
    return f'127.{10 + i // 62500}.{i // 250 % 250}.{i % 250 + 1}'


counter = iter(range(1, 10 ** 9))


def honest(http, source='127.0.0.2'):
    """An update that must be answered, plain and by TLS."""
    __tracebackhide__ = True
    for tls in (False, True):
        v4 = f'203.0.113.{next(counter) % 250 + 1}'
        answer = http.update(f'hostname={HOST1}&myip={v4}', tls=tls, source=source)
        assert answer.body == f'good {v4}', answer.everything
        check_framing(answer)
    return v4


def goes_on(http, room=ROOM):
    """It lives, is not fat, answers, and what it writes is published."""
    __tracebackhide__ = True
    assert http.alive(), http.transcript()
    v4 = honest(http)
    assert http.rss() < room, f'{http.rss()} MB'
    http.env.wait_answer(HOST1, 'A', {v4})


def until_closed(s):
    """What comes up to the end of the connection, whatever kind of end that is."""
    got = b''
    try:
        while True:
            more = s.recv(65536)
            if not more:
                return got
            got += more
    except (socket.timeout, TimeoutError):
        raise AssertionError(f'the connection is not ended; {got!r} came') from None
    except (ssl.SSLError, OSError):
        return got


def send_all(s, data):
    """Sends as much as the other side takes. False: it has ended the connection before."""
    try:
        s.sendall(data)
        return True
    except (ssl.SSLError, OSError) as e:
        assert not isinstance(e, (socket.timeout, TimeoutError)), 'neither read nor ended'
        return False


@contextlib.contextmanager
def honest_meanwhile(http):
    """Updates all the time beside what the block does; each must be answered."""
    stop, errors, n = threading.Event(), [], [0]

    def run():
        try:
            while not stop.is_set():
                honest(http)
                n[0] += 1
        except BaseException as e:
            errors.append(e)
    t = threading.Thread(target=run, daemon=True)
    t.start()
    try:
        yield
        http.env.wait(lambda: n[0] > 0 or errors, 'one honest request')
    finally:
        stop.set()
        t.join(3 * TIMEOUT)
    if errors:
        raise errors[0]
    assert not t.is_alive()


# ---- slow ones

WHOLE = request(f'/nic/update?hostname={HOST2}&myip=192.0.2.77', method='POST')
DRIPS = {
    'nothing': b'',
    'request_line': WHOLE[:20],
    'headers': WHOLE[:-2],
    'body': WHOLE[:-2] + b'Content-Type: application/x-www-form-urlencoded\r\nContent-Length: 9999\r\n\r\n',
    'chunks': WHOLE[:-2] + b'Transfer-Encoding: chunked\r\n\r\n1\r\nx\r\n',
}
BYTES = {'nothing': b'', 'request_line': b'a', 'headers': b'X', 'body': b'x', 'chunks': b'0'}


@pytest.mark.parametrize('where', DRIPS)
@pytest.mark.parametrize('tls', [False, True], ids=['plain', 'tls'])
def test_slow_loris(env, http, tls, where):
    """One byte now and then: the time is for the whole request, not between two bytes."""
    http.conf['request_timeout'] = '1s'
    http.start()
    sockets = [http.connect(tls, source=loopback(i)) for i in range(40)]
    for s in sockets:
        send_all(s, DRIPS[where])
    ended = threading.Event()

    def drip():
        while not ended.wait(0.1):
            for s in sockets:
                if BYTES[where]:
                    with contextlib.suppress(OSError):
                        s.send(BYTES[where])
    with honest_meanwhile(http):
        t = threading.Thread(target=drip, daemon=True)
        t.start()
        try:
            for s in sockets:
                got = until_closed(s)
                assert b'good' not in got, got
        finally:
            ended.set()
            t.join()
    for s in sockets:
        s.close()
    goes_on(http)
    env.wait_answer(HOST2, 'A', set())


@pytest.mark.parametrize('tls', [False, True], ids=['plain', 'tls'])
def test_a_slow_one_with_a_newer_libmicrohttpd(http, newer, tls):
    """Nothing is known of a connection but its descriptor, by which it is ended."""
    http.popen['environ'] = newer
    http.conf['request_timeout'] = '1s'
    http.start()
    with http.connect(tls) as s:
        send_all(s, DRIPS['headers'])
        assert b'good' not in until_closed(s)


def client_hello():
    """The first bytes of a real handshake."""
    out = ssl.MemoryBIO()
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    with contextlib.suppress(ssl.SSLWantReadError):
        context.wrap_bio(ssl.MemoryBIO(), out, server_hostname='ddns.test').do_handshake()
    return out.read()


@pytest.mark.parametrize('cut', [1, 3, 5, 6, 11, 50, -1, None])
def test_a_handshake_that_is_begun_and_goes_no_further(env, http, cut):
    http.conf['request_timeout'] = '1s'
    http.start()
    with http.connect(port=http.tls_port, source='127.0.0.66') as s:
        s.sendall(client_hello()[:cut])
        honest(http)
        until_closed(s)
    goes_on(http)


def test_slow_handshake(env, http):
    """TLS begun, a byte of it now and then, and never done."""
    http.conf['request_timeout'] = '1s'
    http.start()
    hello = b'\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03' + bytes(400)
    sockets = [http.connect(port=http.tls_port, source=loopback(i)) for i in range(40)]
    ended = threading.Event()

    def drip():
        for i in range(len(hello)):
            if ended.wait(0.1):
                return
            for s in sockets:
                with contextlib.suppress(OSError):
                    s.send(hello[i:i + 1])
    with honest_meanwhile(http):
        t = threading.Thread(target=drip, daemon=True)
        t.start()
        try:
            for s in sockets:
                until_closed(s)
        finally:
            ended.set()
            t.join()
    for s in sockets:
        s.close()
    goes_on(http)


def test_who_does_not_read_the_answer(env, http):
    http.conf['request_timeout'] = '1s'
    http.start()
    sockets = []
    for i in range(100):
        s = http.connect(source=loopback(i))
        s.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1024)
        send_all(s, request(f'/nic/update?hostname={HOST1}&myip=192.0.2.4') * 20)
        sockets.append(s)
    goes_on(http)
    for s in sockets:
        until_closed(s)
        s.close()


def test_who_has_gone_before_the_answer(env, http):
    http.start()
    for i in range(300):
        s = http.connect(source=loopback(i))
        s.sendall(request(f'/nic/update?hostname={HOST1}&myip=192.0.2.4'))
        s.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b'\x01\0\0\0\0\0\0\0')	# a reset
        s.close()
    goes_on(http)


# ---- many

def open_many(http, n, source, tls_port=False, data=b''):
    sockets = []
    for i in range(n):
        s = http.connect(port=http.tls_port if tls_port else http.port, source=source(i))
        if data:
            s.sendall(data)
        sockets.append(s)
    return sockets


def wait_ended(sockets, at_least):
    """Waits until so many of the connections are ended by the other side; how many are."""
    poll = select.poll()
    for s in sockets:
        poll.register(s, select.POLLIN | select.POLLRDHUP)
    ended, end = 0, time.monotonic() + 2 * TIMEOUT
    while ended < at_least:
        ready = poll.poll(1000)
        for fd, _ in ready:
            poll.unregister(fd)
        ended += len(ready)
        assert time.monotonic() < end, f'{ended} of {len(sockets)} are ended'
    while True:
        ready = poll.poll(0)
        for fd, _ in ready:
            poll.unregister(fd)
        ended += len(ready)
        if not ready:
            return ended


@pytest.mark.parametrize('tls_port', [False, True], ids=['plain', 'tls'])
def test_10000_connections_at_once(env, http, tls_port):
    http.conf['connections_max'] = str(MANY + 1000)
    http.conf['request_timeout'] = '10m'
    http.prefix = ['prlimit', '--nofile=1024:']		# as it usually is, for the program to raise
    http.start()
    sockets = []
    try:
        sockets = open_many(http, MANY, loopback, tls_port,
                            b'' if tls_port else b'GET /nic/update?x=' + b'y' * 100)
        for _ in range(10):
            honest(http)
        assert http.rss() < (ROOM_OF_TLS if tls_port else ROOM_OF_MANY), f'{http.rss()} MB'
        # They are all still there, waiting for more.
        poll = select.poll()
        for s in sockets:
            poll.register(s, select.POLLIN | select.POLLRDHUP)
        assert len(poll.poll(0)) == 0
        # And each is served in the end.
        if not tls_port:
            for s in sockets[::500]:
                s.sendall(b' HTTP/1.0\r\n\r\n')
            for s in sockets[::500]:
                assert parse_answer(until_closed(s)).status == 401
    finally:
        for s in sockets:
            s.close()
    goes_on(http, ROOM_OF_TLS if tls_port else ROOM_OF_MANY)


def test_10000_connections_come_and_go(env, http):
    """More than there is room for: the time of each is short, so the honest are answered."""
    http.conf['connections_max'] = '1000'
    http.conf['request_timeout'] = '1s'
    http.start()
    stop = threading.Event()
    errors, opened = [], [0, 0]

    def flood(k):
        sockets, i = [], k
        while not stop.is_set():
            try:
                s = http.connect(source=loopback(i))
                s.send(b'GET / HTTP/1.1\r\n')
                sockets.append(s)
                opened[k] += 1
            except (ConnectionError, TimeoutError, socket.timeout):
                pass		# this one is not served, which is no harm
            except OSError as e:
                errors.append(e)
                return
            i += 2
            if len(sockets) > 3000:
                sockets.pop(0).close()
            if i > 2 * MANY:
                i = k
        for s in sockets:
            s.close()
    threads = [threading.Thread(target=flood, args=(k,), daemon=True) for k in range(2)]
    for t in threads:
        t.start()
    try:
        while sum(opened) < MANY and not errors:
            env.wait(lambda: answered(http, '127.0.0.2'), 'an honest request is answered')
    finally:
        stop.set()
        for t in threads:
            t.join(3 * TIMEOUT)
    assert not errors, errors[0]
    env.wait(lambda: answered(http, '127.0.0.2'), 'an honest request is answered')
    goes_on(http, ROOM_OF_MANY)


def answered(http, source):
    """Whether an honest request is let in and answered; a connection that is ended at once is not."""
    try:
        with http.connect(source=source) as s:
            s.sendall(request(f'/nic/update?hostname={HOST1}&myip=192.0.2.4'))
            return b' 192.0.2.4' in until_closed(s)
    except OSError:
        return False


def test_10000_connections_from_one_address(env, http):
    """Its share is limited; all others have the rest."""
    http.conf['connections_per_address'] = '20'
    http.conf['request_timeout'] = '10m'
    http.start()
    sockets = []
    try:
        sockets = open_many(http, MANY, lambda i: '127.0.0.66')
        assert MANY - 20 <= wait_ended(sockets, MANY - 20) <= MANY - 19
        for _ in range(10):
            honest(http)
        assert not answered(http, '127.0.0.66')
    finally:
        for s in sockets:
            s.close()
    env.wait(lambda: answered(http, '127.0.0.66'), 'the address has room again')
    goes_on(http)


def test_a_network_of_ipv6_has_one_share(env, http):
    """Whoever has an address has all of its /64."""
    net = Net(*[f'2001:db8:0:1::{i}' for i in range(1, 9)], '2001:db8:0:2::1')
    try:
        http.net = net
        http.conf['listen'] = ['[::]:0 allow']
        http.conf['connections_per_address'] = '5'
        http.conf['request_timeout'] = '10m'
        http.start()
        to = dict(to='2001:db8:0:2::1')
        sockets = [http.connect(source=f'2001:db8:0:1::{i}', **to) for i in range(1, 9)]
        assert wait_ended(sockets, 3) == 3
        assert http.update(f'hostname={HOST1}&myip=192.0.2.4', source='2001:db8:0:2::1',
                           **to).body == 'good 192.0.2.4'
        for s in sockets:
            s.close()
        http.close()
    finally:
        net.close()


def test_a_full_house_empties_itself(env, http):
    http.conf['connections_max'] = '50'
    http.conf['request_timeout'] = '1s'
    http.start()
    sockets = open_many(http, 200, loopback)
    env.wait(lambda: answered(http, '127.0.0.2'), 'an honest request is answered')
    for s in sockets:
        s.close()
    goes_on(http)


def test_few_descriptors(env, http):
    """Less than the configuration asks for: what there is is made do with."""
    http.prefix = ['prlimit', '--nofile=128:128']
    http.conf['request_timeout'] = '1s'
    http.start()
    sockets = open_many(http, 500, loopback)
    env.wait(lambda: answered(http, '127.0.0.2'), 'an honest request is answered')
    for s in sockets:
        s.close()
    http.start_state()
    goes_on(http)
    assert len(http.lines()) < 200, 'the log is flooded'


# ---- large ones

LINE = b'X-Filler: ' + b'f' * 1000 + b'\r\n'


def pour(http, begin, block, total, tls):
    """Begins a request and pours; whether all of it was taken, and what came."""
    with http.connect(tls, source='127.0.0.66') as s:
        taken = send_all(s, begin)
        sent = 0
        while taken and sent < total:
            taken = send_all(s, block)
            sent += len(block)
        return taken, until_closed(s)


@pytest.mark.parametrize('tls', [False, True], ids=['plain', 'tls'])
@pytest.mark.parametrize('what', ['headers', 'one_header', 'target', 'no_line', 'body', 'chunks', 'one_chunk',
                                  'form'])
def test_100_MB(env, http, what, tls):
    """A body that is too long may be read to its end, or to the time limit; nothing else may."""
    http.conf['request_timeout'] = '2s'
    http.start()
    head = request(f'/nic/update?hostname={HOST2}&myip=192.0.2.77', method='POST')[:-2]
    form = b'Content-Type: application/x-www-form-urlencoded\r\n'
    begin, block = {
        'headers': (head, LINE * 64),
        'one_header': (head + b'X-Filler: ', b'f' * 65536),
        'target': (b'GET /nic/update?', b'a=b&' * 16384),
        'no_line': (b'', b'G' * 65536),
        'body': (head + b'Content-Length: 104857600\r\n\r\n', b'x' * 65536),
        'form': (head + form + b'Content-Length: 104857600\r\n\r\n', b'a=b&' * 16384),
        'chunks': (head + b'Transfer-Encoding: chunked\r\n\r\n', b'400\r\n' + b'x' * 1024 + b'\r\n'),
        'one_chunk': (head + b'Transfer-Encoding: chunked\r\n\r\n6400000\r\n', b'x' * 65536),
    }[what]
    if what == 'chunks':
        block *= 64
    with honest_meanwhile(http):
        taken, got = pour(http, begin, block, 100 << 20, tls)
        assert not taken or what in ('body', 'form', 'chunks', 'one_chunk'), 'it read 100 MB'
        assert b'good' not in got, got
        assert parse_answer(got).status in (None, 400, 413, 414, 431), got
        assert http.rss() < ROOM, f'{http.rss()} MB'
    goes_on(http)
    env.wait_answer(HOST2, 'A', set())


def test_many_large_ones_at_once(env, http):
    http.start()
    head = request(f'/nic/update?hostname={HOST2}&myip=192.0.2.77', method='POST')[:-2]
    sockets = [http.connect(source=loopback(i)) for i in range(1000)]
    for i, s in enumerate(sockets):
        send_all(s, head + (LINE * 25 if i % 2 else b'Content-Length: 1000000\r\n\r\n' + b'x' * 30000))
    assert http.rss() < (3 * ROOM_OF_MANY if ROOM > 100 else 200), f'{http.rss()} MB'
    honest(http)
    for s in sockets:
        s.close()
    goes_on(http, 3 * ROOM_OF_MANY)


@pytest.mark.parametrize('n, refused', [(40, False), (100, True), (5000, True)])
def test_many_headers(env, http, n, refused):
    http.conf['headers_max'] = '64'
    http.start()
    head = request(f'/nic/update?hostname={HOST2}&myip=192.0.2.77')[:-2]
    with http.connect(source='127.0.0.66') as s:
        send_all(s, head + b''.join(b'X-%d: y\r\n' % i for i in range(n)) + b'\r\n')
        got = until_closed(s)
    if refused:
        assert b'good' not in got, got
        assert parse_answer(got).status in (None, 400, 413, 431), got
    else:
        assert got.endswith(b'good 192.0.2.77'), got
    goes_on(http)
    env.wait_answer(HOST2, 'A', set() if refused else {'192.0.2.77'})


@pytest.mark.parametrize('n', [100, 500, 2000])
@pytest.mark.parametrize('item', ['a=b', 'a', '', 'hostname=', 'myip=', '%', '%00=%00', 'hostname=%00', '='])
def test_many_query_items(env, http, n, item):
    """An answer by rule, or none: then the connection is ended, by its time limit if not before."""
    http.conf['request_timeout'] = '1s'
    http.start()
    target = '/nic/update?' + f'{item}&' * n + f'hostname={HOST2}&myip=192.0.2.77'
    with http.connect(source='127.0.0.66') as s:
        send_all(s, request(target))
        got = until_closed(s)
    answer = parse_answer(got)
    assert answer.status in (None, 200, 400, 414, 431), got
    if n == 100:
        # 100 hosts are too many, whatever they are called
        assert answer.body == ('numhost' if item == 'hostname=%00' else 'good 192.0.2.77'), got
        check_framing(answer)
    goes_on(http)


# ---- nonsense

def throw(http, make, n, tls_port=False, threads=100):
    """n connections, each with the bytes that make(random, i) gives; each must come to an end. Many at
    once, for some have to wait: until their time is over, or for having had a wrong password."""
    def run(k):
        rng = random.Random(1000 * n + k)
        for i in range(k, n, threads):
            with http.connect(port=http.tls_port if tls_port else http.port, source=loopback(i)) as s:
                data = make(rng, i)
                if send_all(s, data):
                    with contextlib.suppress(OSError):
                        s.shutdown(socket.SHUT_WR)
                until_closed(s)
    in_threads(*[lambda k=k: run(k) for k in range(threads)])


@pytest.mark.parametrize('tls_port', [False, True], ids=['plain', 'tls'])
def test_random_bytes(env, http, tls_port):
    http.conf['request_timeout'] = '2s'
    http.start()
    begins = [b'', b'GET ', b'GET / HTTP/1.1\r\n', b'GET /nic/update?', b'POST / HTTP/1.0\r\nContent-Length: 5\r\n\r\n']
    if tls_port:
        begins = [b'', b'\x16\x03\x01', b'\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03', b'\x80\x2e\x01']
    with honest_meanwhile(http):
        throw(http, lambda r, i: r.choice(begins) + r.randbytes(r.randrange(1500)), 2000, tls_port)
    goes_on(http)


def mutate(rng, data):
    """A few of what goes wrong on a wire, or in somebody's head."""
    data = bytearray(data)
    for _ in range(rng.randrange(1, 6)):
        at, what = rng.randrange(len(data) + 1), rng.randrange(7)
        if what == 0 and at < len(data):
            data[at] = rng.randrange(256)
        elif what == 1:
            del data[at:at + rng.randrange(1, 20)]
        elif what == 2:
            data[at:at] = rng.randbytes(rng.randrange(1, 20))
        elif what == 3:
            data[at:at] = data[at:at + rng.randrange(1, 200)]
        elif what == 4:
            data[at:at] = rng.choice([b'\0', b'\r\n', b'\n', b'\r\n\r\n', b'%00', b'%', b'&', b'=', b',',
                                      b'\r\n ', b'Content-Length: -1\r\n', b'Content-Length: 99999999999\r\n',
                                      b'Transfer-Encoding: chunked\r\n', b'Expect: 100-continue\r\n',
                                      b'Connection: Upgrade\r\nUpgrade: h2c\r\n', b'://', b'::/0', b'/0'])
        elif what == 5:
            del data[at:]
        else:
            data = data.replace(rng.choice([b'host1', b'GET', b'Basic', b'=', b'HTTP/1.1']),
                                rng.choice([b'', b'HOST1' * 60, b'HEAD', b'OPTIONS', b'CONNECT', b'\xff']), 1)
        if not data:
            data = bytearray(b'x')
    return bytes(data)


def test_mutations_of_the_corpus(env, http):
    # Without its "&password=" a secret is the end of an address, and said to be none.
    http.secrets_may_be_logged = True
    http.conf['request_timeout'] = '2s'
    http.start()
    http.start_state()
    raws = [e['request_raw'].encode('latin-1') for e in corpus()]
    with honest_meanwhile(http):
        throw(http, lambda r, i: mutate(r, r.choice(raws)), 3000)
    goes_on(http)
    # Whatever came of it for alice, nobody else was touched but by his own credentials.
    http.settle()
    assert env.count('^refusing .* of user ') == 0, 'it wrote a file that the daemon refuses'


def test_mutations_over_tls(env, http):
    http.secrets_may_be_logged = True
    http.conf['request_timeout'] = '2s'
    http.start()
    raws = [e['request_raw'].encode('latin-1') for e in corpus()]
    context = http.context()

    def run(k):
        rng = random.Random(k)
        for i in range(75):
            with http.connect(True, source=loopback(1000 * k + i), context=context) as s:
                if send_all(s, mutate(rng, rng.choice(raws))):
                    with contextlib.suppress(OSError):
                        s.shutdown(socket.SHUT_WR)
                until_closed(s)
    with honest_meanwhile(http):
        in_threads(*[lambda k=k: run(k) for k in range(4)])
    goes_on(http)


def test_plain_requests_at_the_port_for_tls_and_the_other_way_round(env, http):
    http.conf['request_timeout'] = '2s'
    http.start()
    with http.connect(port=http.tls_port) as s:
        send_all(s, request(f'/nic/update?hostname={HOST2}&myip=192.0.2.77'))
        assert b'good' not in until_closed(s)
    with http.connect() as s, pytest.raises((ssl.SSLError, OSError)):
        http.context().wrap_socket(s, server_hostname='127.0.0.1')
    goes_on(http)
    env.wait_answer(HOST2, 'A', set())


@pytest.mark.filterwarnings('ignore:ssl.TLSVersion:DeprecationWarning')
@pytest.mark.parametrize('version, accepted', [
    ('TLSv1', False), ('TLSv1_1', False), ('TLSv1_2', True), ('TLSv1_3', True)])
def test_versions_of_tls(env, http, version, accepted):
    http.start()
    context = http.context()
    context.set_ciphers('ALL:@SECLEVEL=0')
    context.minimum_version = context.maximum_version = getattr(ssl.TLSVersion, version)
    if accepted:
        answer = http.update(f'hostname={HOST1}&myip=192.0.2.4', tls=True, context=context)
        assert answer.body == 'good 192.0.2.4'
    else:
        with pytest.raises((ssl.SSLError, ConnectionError)):
            http.update(f'hostname={HOST1}&myip=192.0.2.4', tls=True, context=context)
    goes_on(http)


@pytest.mark.parametrize('method', ['DELETE', 'HEAD', 'OPTIONS', 'TRACE', 'CONNECT', 'PROPFIND', 'X' * 500],
                         ids=lambda m: m[:10])
def test_other_methods(env, http, method):
    http.conf['request_timeout'] = '2s'
    http.start()
    http.start_state()
    with http.connect() as s:
        send_all(s, request(f'/nic/update?hostname={HOST1}&myip=192.0.2.4', method=method))
        got = until_closed(s)
    assert b'good' not in got, got
    answer = parse_answer(got)
    if method == 'HEAD':
        assert not answer.body, got
    elif answer.status == 200:
        assert answer.body == 'badagent', got
    http.settle()
    http.expect(START_STATE)
    goes_on(http)


SMUGGLE = request(f'/nic/update?hostname={HOST2}&myip=192.0.2.77')


@pytest.mark.parametrize('first', [
    pytest.param(request('/myip', user=None), id='pipeline'),
    pytest.param(request('/nic/update', 'Content-Length: 0', 'Transfer-Encoding: chunked', method='POST')
                 + b'0\r\n\r\n', id='length_and_chunked'),
    pytest.param(request('/nic/update', 'Connection: keep-alive', user=None), id='keep_alive'),
])
def test_a_second_request_of_a_connection_is_not_served(env, http, first):
    """After the answer comes the end, whatever else was sent."""
    http.conf['request_timeout'] = '2s'
    http.start()
    with http.connect() as s:
        send_all(s, first + SMUGGLE)
        got = until_closed(s)
    assert got.count(b'HTTP/1.1 ') <= 1, got
    goes_on(http)
    env.wait_answer(HOST2, 'A', set())


@pytest.mark.parametrize('name', ['../alice', '..', '.', '/etc/passwd', 'alice/../solo', 'a' * 5000, '%u',
                                  'alice\n', 'alice\0', '\x1b[31malice', '*'],
                         ids=lambda name: ascii(name)[1:20])
def test_names_that_are_no_names(env, http, name):
    http.start()
    mark = http.mark()
    answer = http.raw(request(f'/nic/update?hostname={HOST1}&myip=192.0.2.4', user=name), source='127.0.0.66')
    assert answer.status in (401, 431), answer.everything
    for line in http.lines(mark):
        assert line.isprintable() and len(line) < 500, repr(line)
    goes_on(http)
    assert sorted(p.name for p in http.dir.iterdir()) == ['alice']


@pytest.mark.parametrize('host', ['..', '%0a', '%00', '%ff%fe', 'x' * 300 + '.example', '%1b[31m.example',
                                  '*.dyn.example', 'host1.dyn.example%00.evil.example', "';--.example"],
                         ids=lambda host: host[:20])
def test_hosts_that_are_no_hosts(env, http, host):
    http.start()
    mark = http.mark()
    answer = http.update(f'hostname={host}&myip=192.0.2.4')
    assert answer.status == 200 and answer.body in ('nohost', 'notfqdn'), answer.everything
    for line in http.lines(mark):
        assert line.isprintable() and len(line) < 1000, repr(line)
    goes_on(http)


# ---- those who try passwords

def flood(http, source, n=200, user='alice', until=503, begin='guess'):
    """Wrong passwords from one address, until it is told to wait; that answer, and how many before."""
    for i in range(n):
        secret = f'{begin}-{i}-{source}'
        http.never_logged.add(secret)
        answer = http.update(f'hostname={HOST1}&myip=192.0.2.4', user=user, secret=secret, source=source,
                             tls=i % 2 == 1)
        check_framing(answer)
        if answer.status == until:
            return answer, i
        assert (answer.status, answer.body) == (401, 'badauth'), answer.everything
    pytest.fail(f'{n} wrong passwords in a row, and no word of waiting')


def test_wrong_passwords_from_one_address_have_to_wait(env, http):
    http.start()
    mark = http.mark()
    answer, n = flood(http, '127.0.0.66')
    assert n >= 2, 'a mistyped password is nothing yet'
    assert answer.body == '911' and int(answer.headers['retry-after'][0]) > 0
    http.wait_words('127.0.0.66', after=mark)
    # The owner of the account comes from elsewhere, and is let in at once.
    honest(http)
    # The log is not flooded: not a line for each of thousands.
    for _ in range(1000):
        http.update('hostname=x', secret='guess-0-127.0.0.66', source='127.0.0.66')
    assert len(http.lines(mark)) < 500, len(http.lines(mark))
    goes_on(http)


def test_the_wait_grows_and_ends(env, http):
    """Once the time is over the next try counts: a failure makes the next wait longer, the right
    password is let in."""
    http.start()
    http.never_logged.add('guess-again')

    def tried(secret, source, user='alice'):
        return http.update('myip=192.0.2.4', user=user, secret=secret, source=source)

    first, _ = flood(http, '127.0.0.66')
    env.wait(lambda: tried('guess-again', '127.0.0.66').status == 401, 'the wait is over')
    second = tried('guess-again', '127.0.0.66')
    assert second.status == 503
    assert int(second.headers['retry-after'][0]) > int(first.headers['retry-after'][0])
    flood(http, '127.0.0.67', user='solo')
    assert tried('s0lo', '127.0.0.67', 'solo').status == 503
    env.wait(lambda: tried('s0lo', '127.0.0.67', 'solo').status == 200, 'the right password is let in')


def test_wrong_passwords_for_one_account_from_everywhere(env, http):
    """The owner is let in behind his own address, whatever others try for his account."""
    http.start()
    http.never_logged.add('spread')

    def run(k):		# some at once, for each has to wait for its answer
        for i in range(5):
            answer = http.update(f'hostname={HOST1}&myip=192.0.2.4', secret='spread',
                                 source=loopback(250 * k + i))
            assert answer.status in (401, 503), answer.everything
    with honest_meanwhile(http):
        in_threads(*[lambda k=k: run(k) for k in range(100)])
    goes_on(http)
    honest(http, '127.200.200.200')		# also from where he never was before


def has_slow_hash(env, http, rounds):
    """Of the user slow, whose password is right-one."""
    env.users['slow'] = ['slow.dyn.example']
    http.token_lines = [f'slow:{crypt("right-one", "sha-512", rounds)}']
    http.never_logged |= {'right-one', 'not-this'}


@pytest.mark.parametrize('user', ['alice', 'slow'])
def test_guesses_whose_answers_take_their_time_leave_room_for_others(env, http, user):
    """Whether they are held back, or wait for a slow hash."""
    if user == 'slow':
        has_slow_hash(env, http, 400000)
    http.never_logged.add('spread')
    http.conf['connections_max'] = '16'
    http.start()
    for i in range(15 if user == 'alice' else 0):	# and now each is held back for seconds
        http.update('myip=192.0.2.4', user=user, secret='spread', source=loopback(i))
    guess = request('/nic/update?myip=192.0.2.4', user=user, secret='spread')
    with contextlib.ExitStack() as stack:
        for i in range(60):
            s = stack.enter_context(http.connect(source=loopback(100 + i)))
            with contextlib.suppress(OSError):	# it is one too many
                s.sendall(guess)
                s.settimeout(0.02)
                s.recv(1)			# so that it is taken, or answered
        honest(http)
    goes_on(http)


NOBODY = ['nobody-here', 'nobody.dyn.example']


@pytest.mark.parametrize('user', ['alice', HOST1, *NOBODY])
def test_guesses_are_answered_later_and_later_whether_there_is_such_a_user_or_not(env, http, user):
    http.start()
    http.never_logged.add('spread')
    took = []
    for i in range(15):
        began = time.monotonic()
        answer = http.update('myip=192.0.2.4', user=user, secret='spread', source=loopback(i))
        took.append(time.monotonic() - began)
        assert (answer.status, answer.body) == (401, 'badauth'), answer.everything
    assert took[-1] > 1.5, took


@pytest.mark.parametrize('user', ['alice', HOST1, *NOBODY])
def test_a_slow_hash_does_not_tell_who_has_one(env, http, user):
    """A guess is tried as long for whoever has none, and for nobody."""
    has_slow_hash(env, http, 400000)
    http.start()

    def fastest(user, secret='not-this'):
        times = []
        for i in range(3):
            began = time.monotonic()
            answer = http.update('myip=192.0.2.4', user=user, secret=secret, source=loopback(i))
            times.append(time.monotonic() - began)
            assert (answer.status, answer.body) == (401, 'badauth'), answer.everything
        return min(times)
    assert fastest(user) > fastest('slow') / 2
    # Nor is it a way to be taken for somebody, who is here or is not.
    fastest(user, 'right-one')
    assert http.update('myip=192.0.2.6', user='slow', secret='right-one').body == 'good 192.0.2.6'
    fastest(user, 'right-one')
    assert http.update('myip=192.0.2.7', user='solo', secret='s0lo').body == 'good 192.0.2.7'


@pytest.mark.parametrize('user', ['alice', 'slow', 'nobody'])
def test_guesses_count_though_they_find_no_place_among_slow_hashes(env, http, user):
    """Else who fills his share of them might try tokens without end. Nor do they tell who has a password."""
    has_slow_hash(env, http, 4000000)
    http.start()
    with contextlib.ExitStack() as stack:
        for _ in range(4):
            s = stack.enter_context(http.connect(source='127.0.0.66'))
            s.sendall(request('/nic/update?myip=192.0.2.4', user='slow', secret='not-this'))
        waits = []
        for _ in range(60):
            answer = http.update('myip=192.0.2.4', user=user, secret='not-this', source='127.0.0.66')
            assert (answer.status, answer.body) == (503, '911'), answer.everything
            waits.append(int(answer.headers['retry-after'][0]))
        assert set(waits[:40]) == {60}
        assert waits[-1] < 60		# the next step of his own waiting
    goes_on(http)


def test_floods_from_many_addresses_do_not_fill_the_memory(env, http):
    http.start()
    http.never_logged.add('spread')
    before = http.rss()

    def run(k):
        for i in range(2500):
            answer = http.update('myip=192.0.2.4', user=f'user{k}-{i}', secret='spread',
                                 source=loopback(2500 * k + i))
            assert answer.status in (401, 503), answer.everything
    with honest_meanwhile(http):
        in_threads(*[lambda k=k: run(k) for k in range(4)])
    assert http.rss() < before + ROOM, f'{before} -> {http.rss()} MB'
    goes_on(http)


def test_guessed_tokens_have_to_wait_too(env, http):
    """DuckDNS's dialect has no user, and no status 401."""
    http.start()
    http.never_logged |= {f'tok-{i}' for i in range(200)}
    for i in range(200):
        answer = http.update(f'domains=host1&token=tok-{i}&ip=192.0.2.4', path='/update', user=None,
                             source='127.0.0.66')
        assert answer.body in ('KO', '911'), answer.everything
        if answer.status == 503:
            break
    assert answer.status == 503, answer.everything
    assert http.update(f'domains={HOST1}&token=TOKEN&ip=192.0.2.4', path='/update', user=None).body == 'OK'


def test_a_flood_on_a_slow_hash_keeps_nobody_waiting(env, http):
    """Wrong passwords for a user with a hash of crypt(3), from many addresses."""
    has_slow_hash(env, http, 200000)
    http.start()
    stop = threading.Event()

    def run(k):
        i = 0
        while not stop.is_set():
            i += 1
            answer = http.update('myip=192.0.2.4', user='slow', secret='not-this', source=loopback(1000 * k + i))
            assert answer.status in (401, 503, None), answer.everything	# None: its time was over

    def watch():
        try:
            for _ in range(30):
                honest(http)
            # and the owner, beside all of them
            env.wait(lambda: http.update('myip=192.0.2.4', user='slow', secret='right-one',
                                         source='127.0.0.4').status == 200, 'the owner is let in')
        finally:
            stop.set()
    in_threads(*[lambda k=k: run(k) for k in range(20)], watch)
    goes_on(http)


@pytest.mark.parametrize('header', [
    'Authorization: Basic', 'Authorization: Basic !!!!', 'Authorization: Basic ' + 'A' * 20000,
    'Authorization: Digest username="alice"', 'Authorization: Basic Og==', 'Authorization: Basic YWxpY2U=',
    'Authorization:', 'Authorization: Bearer', 'Authorization: Token ' + 'x' * 5000,
], ids=lambda header: f'{header[15:30]}_{len(header)}')
def test_odd_credentials(env, http, header):
    http.start()
    answer = http.raw(request(f'/nic/update?hostname={HOST1}&myip=192.0.2.4', header, user=None))
    assert answer.status == 401 or (answer.status == 431 and len(header) > 10000), answer.everything
    goes_on(http)


def test_secrets_in_every_place_are_not_logged(env, http):
    """http.close() looks for all of them."""
    http.never_logged |= {'S1secret', 'S2secret', 'S3secret', 'S4secret', 'S5secret', 'S6secret'}
    http.start()
    for raw in (request('/nic/update?hostname=S1secret.x&password=S2secret&user=alice', user=None),
                request('/update?domains=host1&token=S3secret', user=None),
                request('/u/S4secret/?address=192.0.2.4', user=None),
                request('/dynamic/update.php?S5secret&address=192.0.2.4', user=None),
                request('/nic/update', 'Authorization: Bearer S6secret', user=None),
                request('/nic/update?key=S3secret&host=host1.dyn.example', user=None),
                basic('alice', 'S2secret').encode() + b'\r\n\r\n'):
        with http.connect(source='127.0.0.66') as s:
            send_all(s, raw)
            until_closed(s)
    http.never_logged.discard('S1secret')		# a host's name may be told
    goes_on(http)
