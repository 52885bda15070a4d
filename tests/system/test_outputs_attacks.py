# SPDX-FileCopyrightText: 2026 The dns-updater authors
# SPDX-License-Identifier: ISC
"""Hostile name servers, a daemon that lies to the front end, and death at any step of publishing a zone file.

Whatever a server sends, however fast: the daemon does not spend its time or memory on it, and others are served.
"""

import copy
import os
import pathlib
import re
import socket
import struct
import subprocess
import threading

import dns.message
import dns.opcode
import dns.rcode
import dns.rdatatype
import dns.rrset
import pytest

import servers
from harness import SERVICE_GID, TIMEOUT, Address, needs, traced
from http_harness import in_threads
from servers import NAME, ZONE
from test_rfc2136 import output

AA, TC = 0x04, 0x02
HOST1 = 'host1.dyn.example'


class Liar:
    """A name server of this process. udp(wire, send) and tcp(wire, send) answer; both may send for ever.
    `asked` counts what came, by opcode or type; `connections`, what was accepted."""

    def __init__(self, key=None):
        self.key = key
        self.address = Address()
        self.server = self.address.text
        self.asked = {}
        self.connections = 0
        self.udp = self.tcp = lambda wire, send: None
        self.datagrams = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.datagrams.bind((self.server, 53))
        self.listener = socket.create_server((self.server, 53))
        for f in self.take_datagrams, self.accept:
            threading.Thread(target=f, daemon=True).start()

    def take_datagrams(self):
        while True:
            try:
                wire, peer = self.datagrams.recvfrom(65535)
                if len(wire) < 12:
                    return
                self.udp(wire, lambda reply: self.datagrams.sendto(reply, peer))
            except OSError:
                return

    def accept(self):
        while True:
            try:
                s, _ = self.listener.accept()
            except OSError:
                return
            self.connections += 1
            threading.Thread(target=self.serve, args=(s,), daemon=True).start()

    def serve(self, s):
        try:
            with s, s.makefile('rb') as f:
                while len(head := f.read(2)) == 2:
                    self.tcp(f.read(struct.unpack('!H', head)[0]),
                             lambda reply: s.sendall(struct.pack('!H', len(reply)) + reply))
        except OSError:
            pass

    def parse(self, wire):
        q = dns.message.from_wire(wire, keyring=self.key.keyring)
        what = 'UPDATE' if q.opcode() == dns.opcode.UPDATE else dns.rdatatype.to_text(q.question[0].rdtype)
        self.asked[what] = self.asked.get(what, 0) + 1
        return q, what

    def close(self):
        for s in self.datagrams, self.listener:
            try:
                s.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass
            s.close()
        self.address.close()


def flagged(wire, flags):
    """The question, as a reply with these flags and nothing else."""
    return wire[:2] + bytes([0x80 | flags, 0]) + wire[4:]


def chains(wire, size=65535):
    """A reply full of names, each of which is some thousand pointers."""
    question = wire.index(0, 12) + 5
    m = bytearray(flagged(wire, AA)[:question] + b'\0' + struct.pack('!HHIH', 16, 1, 0, 0))
    begin = at = len(m)
    m += b'\0'
    while len(m) < 16000:
        m += struct.pack('!H', 0xc000 | at)
        at = len(m) - 2
    m[begin - 2:begin] = struct.pack('!H', len(m) - begin)
    n = 1
    while len(m) + 12 <= size:
        m += struct.pack('!HHHIH', 0xc000 | at, 16, 1, 0, 0)
        n += 1
    m[6:12] = struct.pack('!HHH', n, 0, 0)
    return bytes(m)


def soa(serial):
    return dns.rrset.from_text(f'{ZONE}.', 3600, 'IN', 'SOA', f'ns1. hostmaster. {serial} 3600 600 86400 60')


def signed(q, *rrsets, rcode=0):
    r = dns.message.make_response(q)
    r.set_rcode(rcode)
    r.answer = list(rrsets)
    return r.to_wire(max_size=65535)


def processor_s(env):
    words = pathlib.Path(f'/proc/{env.process.pid}/stat').read_text().rpartition(')')[2].split()
    return (int(words[11]) + int(words[12])) / os.sysconf('SC_CLK_TCK')


@pytest.fixture
def liar(key):
    liar = Liar(key)
    yield liar
    liar.close()


@pytest.fixture
def up(env, liar, key):
    """up(n): a daemon that publishes n users to the liar; it does not wait until that is done."""
    def start(n=3):
        env.with_fence = False
        env.conf.update(datafile=None, makecommand=None)
        env.conf_more = output(liar, key.bind_file)
        env.users = {f'u{i}': [f'u{i}.{ZONE}'] for i in range(n)}
        for user in env.users:
            env.write(user, '1.2.3.4', age=60)
        return env.start(tinydns=False, wait=False)
    return start


# ---- verify

@pytest.mark.parametrize('reply', [chains, lambda wire: flagged(wire, AA), lambda wire: b'x' * 12])
def test_verify_and_replies_without_end(env, liar, reply):
    """They lose their connection, and the next is made when it is time to ask again."""
    def tcp(wire, send):
        r = reply(wire)
        while True:
            send(r)
    liar.udp = lambda wire, send: send(flagged(wire, AA | TC))
    liar.tcp = tcp
    env.conf.update(verify=liar.server, verify_timeout='1h')
    env.write('john', '1.2.3.4', age=60)
    env.start()
    env.wait(lambda: liar.connections >= 4, 'four connections')
    env.fence()
    assert processor_s(env) < 3


# ---- rfc2136

@pytest.mark.parametrize('reply', [chains, lambda wire: flagged(wire, AA), lambda wire: b'x' * 12])
def test_replies_without_end(env, liar, up, reply):
    def tcp(wire, send):
        q, what = liar.parse(wire)
        if what == 'AXFR':
            send(signed(q, rcode=dns.rcode.REFUSED))
            return
        r = reply(wire)
        while True:
            send(r)
    liar.tcp = tcp
    up()
    env.wait_log(f'^unable to publish to ns, zone {ZONE}: {liar.server} sends what is no answer; trying again$')
    assert processor_s(env) < 3


@pytest.mark.parametrize('serial_of', [lambda n: 1000 + n % 2 * 500, lambda n: 2**31 - n])
def test_a_serial_that_goes_back_each_time(env, liar, up, serial_of):
    """What is there is compared, and sent: at once, then after pauses. A change of a user is sent at once."""
    n = [0]

    def serial():
        n[0] += 1
        return serial_of(n[0])

    def answer(wire, send):
        q, what = liar.parse(wire)
        if what == 'AXFR':
            start = soa(serial())
            send(signed(q, start, copy.deepcopy(start)))
        else:
            send(signed(q, *([soa(serial())] if what == 'SOA' else [])))
    liar.udp = liar.tcp = answer
    up()
    env.wait(lambda: liar.asked.get('AXFR', 0) >= 3, 'three comparisons')
    mark, before = env.mark(), liar.asked['AXFR']
    env.write('u1', '5.6.7.8')
    env.wait_line(f'updating record for u1.{ZONE} to 5.6.7.8 at ns', mark)
    assert liar.asked['AXFR'] <= before + 2


def test_a_transfer_that_never_ends(env, liar, up):
    """Of a name of ours, which is what must be kept."""
    def endless(wire, send):
        q, _ = liar.parse(wire)
        addresses = dns.rrset.from_text(f'u0.{ZONE}.', 60, 'IN', 'A',
                                        *[f'10.0.{i >> 8}.{i & 255}' for i in range(3000)])
        rrsets, context = [soa(5), addresses], None
        while True:
            r = dns.message.make_response(q)
            r.answer = rrsets
            send(r.to_wire(max_size=65535, multi=True, tsig_ctx=context))
            rrsets, context = [addresses], r.tsig_ctx
    liar.tcp = endless
    up()
    env.wait_log(f'^unable to publish to ns, zone {ZONE}: {liar.server} sends what is no answer; trying again$')


# ---- the front end, and what is not the daemon

class Pretender:
    """Listens at the daemon's socket. answers: {verb: bytes or f(connection)}; %i is the id."""

    def __init__(self, path, answers):
        self.path = path
        self.answers = answers
        self.open = []
        self.listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.listener.bind(path)
        os.chmod(path, 0o666)
        self.listener.listen(64)
        threading.Thread(target=self.accept, daemon=True).start()

    def accept(self):
        while True:
            try:
                s, _ = self.listener.accept()
            except OSError:
                return
            self.open.append(s)
            threading.Thread(target=self.serve, args=(s,), daemon=True).start()

    def serve(self, s):
        try:
            with s.makefile('rb') as f:
                for line in f:
                    verb, *more = line.split()
                    s.sendall(self.answers.get(verb.decode(), b'').replace(b'%i', more[0]))
        except OSError:
            pass

    def close(self):
        for s in self.listener, *self.open:
            try:
                s.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass
            s.close()
        os.unlink(self.path)


@pytest.mark.parametrize('answers, body', [
    ({'has': b'ok \n'}, 'good'), ({'has': b'ok \v\n'}, 'good'), ({'has': b'ok -1\n'}, 'good'),
    ({'has': b'ok 99999999999999999999999\n'}, 'good'), ({'has': b'garbage\n'}, '911'),
    ({'wait': b'waited \n'}, 'good'), ({'wait': b'waited \v\n'}, 'good'), ({'wait': b'waited %i\n'}, 'good'),
    ({'wait': b'waited %i \n'}, 'good'), ({'wait': b'waited 999 published x\n'}, 'good'),
    ({'wait': b'waited -1 published x\n'}, 'good'), ({'wait': b'\0\xff\n'}, 'good'),
    ({'wait': b'waited %i sometime x\n'}, 'good'), ({'wait': b'waited %i published x\n' * 1000}, 'good'),
    ({'wait': b'x' * (9 << 20)}, 'good'),	# more than any answer has
    ({'wait': b'waited %i failed \x1b[2J\0\xff' + b'x' * 5000 + b'\n'}, '911'),
])
def test_a_daemon_that_says_anything(env, http, answers, body):
    http.conf['publish_timeout'] = '500ms'
    http.start()
    assert env.stop() == 0
    pretender = Pretender(env.conf['socket'], {'has': b'unknown\n', **answers})
    try:
        bodies = in_threads(*[lambda i=i: http.update(f'hostname={HOST1}&myip=198.18.0.{i + 1}').body
                              for i in range(3)])
        assert [b.split()[0] for b in bodies] == [body] * 3
    finally:
        pretender.close()
    for line in http.lines():
        assert line.isprintable() and line.isascii() and len(line) < 1200, line


# ---- zone files

@pytest.mark.parametrize('call', ['renameat2', 'linkat', 'unlinkat', 'fsync', 'write'])
def test_killed_at_any_step(env, call):
    """The administrator adds a line each time: none is lost, the serial is always a later one."""
    needs('named-checkzone')
    traced(env)
    directory = env.tmp / 'zones'
    directory.mkdir()
    os.chown(directory, 0, SERVICE_GID)
    directory.chmod(0o2775)
    file = directory / 'zone'
    file.write_text(servers.zone_text(ZONE, serial=7, section=()))
    os.chown(file, 0, SERVICE_GID)
    file.chmod(0o664)
    env.with_fence = False
    env.users = {'john': [NAME]}
    env.conf.update(datafile=None, makecommand=None)
    env.conf_more = f'[output zone]\ntype = zonefile\nfile = {file}\ncommand = true\n'
    env.make_home('john')

    def serial():
        return int(re.search(r'SOA \S+ \S+ (\d+)', file.read_text())[1])

    killed = True
    when = 0
    while killed:
        when += 1
        before, address, mark = serial(), f'192.0.2.{when}', env.mark()
        env.start(tinydns=False)
        pid = env.process.pid
        tracer = subprocess.Popen(['strace', '-f', '-q', '-p', str(pid), '-e', f'trace={call}', '-o', '/dev/null',
                                   '-e', f'inject={call}:signal=KILL:when={when}'])
        env.wait(lambda: not re.search('TracerPid:\t0\n', pathlib.Path(f'/proc/{pid}/status').read_text()),
                 'it is traced')
        with open(file, 'a') as f:
            f.write(f'www{when} A 203.0.113.1\n')
        env.write('john', address)
        env.wait(lambda: env.process.poll() is not None or env.count(f'updating record for {NAME} to {address}', mark),
                 'it was killed, or is done')
        if env.process.poll() is None:		# what follows is done at the end of a publish, or when it ends
            env.stop()
        killed = env.process.returncode == -9
        env.kill()
        tracer.wait(TIMEOUT)
        then = serial()
        env.age('john', 60)
        env.start(tinydns=False)
        env.wait(lambda: address in file.read_text() and serial() != before, 'it is published')
        assert env.stop() == 0
        text = file.read_text()
        assert [i for i in range(1, when + 1) if f'www{i} A' not in text] == []
        assert before < serial() and then <= serial()
        subprocess.run(['named-checkzone', '-q', '-i', 'none', ZONE, str(file)], check=True)
    assert when > 1
