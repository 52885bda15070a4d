# SPDX-FileCopyrightText: 2026 The dns-updater authors
# SPDX-License-Identifier: ISC
"""The real dns-updater-http beside the dns-updater and the tinydns of harness.py.

    http = Http(env)                          # or the fixture `http`
    http.start()                              # all three run and have said that they are ready
    answer = http.update('hostname=host1.dyn.example&myip=192.0.2.10')
    assert answer.body == 'good 192.0.2.10'
    env.wait_answer('host1.dyn.example', 'A', {'192.0.2.10'})

The front end becomes ACCOUNT, which owns the door directory `env.tmp/http`; the other door are the
homes. Requests are bytes: nothing here corrects what a test sends, and everything that came back is
kept. An answer is read up to the end of the stream, for many clients do so."""

import base64
import collections
import ctypes
import fcntl
import hashlib
import itertools
import json
import os
import pathlib
import pwd
import re
import select
import signal
import socket
import ssl
import subprocess
import threading
import time

import pytest

from harness import (BASE, DNS_UPDATER, FENCE, FENCE_NAME, TIMEOUT, TOP, Log, Logged, clean_env, guard,
                     needs)

DNS_UPDATER_HTTP = os.path.abspath(
    os.environ.get('DNS_UPDATER_HTTP', pathlib.Path(DNS_UPDATER).with_name('dns-updater-http')))

ACCOUNT = 'games'		# what the front end drops to: every system has it
ACCOUNT_UID = pwd.getpwnam(ACCOUNT).pw_uid
ACCOUNT_GID = pwd.getpwnam(ACCOUNT).pw_gid

USERS = {
    'alice': ['host1.dyn.example', 'host2.dyn.example'],
    'solo': ['solo.dyn.example'],
    'bob@example.org': ['bob.dyn.example'],
}
SECRETS = [			# user, secret, label
    ('alice', 's3cret', 'router'),
    ('alice', 'TOKEN', 'second'),
    ('solo', 's0lo', 'router'),
    ('bob@example.org', 'p@ss:w/rd&1', 'router'),
]
ZONE = '.dyn.example:192.0.2.53:a.ns.example.com:259200\n'

# The start state of every entry of the corpus: {name: (A, AAAA)}; None: there is none.
START_STATE = {
    'host1.dyn.example': ('198.51.100.1', '2001:db8:ffff:12::a'),
    'host2.dyn.example': ('198.51.100.2', None),
    'solo.dyn.example': (None, None),
    'bob.dyn.example': (None, None),
}
START_FILES = {
    'alice': 'host1.dyn.example 198.51.100.1 2001:db8:ffff:12::a\n'
             'host2.dyn.example 198.51.100.2\n',
    'solo': 'none\n',
    'bob@example.org': 'none\n',
}

Answer = collections.namedtuple('Answer', 'status headers body everything')


def hashed(secret):
    """As the tokens file has it, made by another implementation of BLAKE2."""
    secret = secret if isinstance(secret, bytes) else secret.encode()
    digest = hashlib.blake2b(secret, digest_size=32, key=b'dns-updater access token').digest()
    return 'blake2b:' + base64.urlsafe_b64encode(digest).decode().rstrip('=')


def crypt(secret, method, rounds=None):
    """Its hash by crypt(3)."""
    needs('mkpasswd')
    command = ['mkpasswd', '-s', '-m', method] + (['-R', str(rounds)] if rounds else [])
    return subprocess.run(command, input=secret, capture_output=True, text=True,
                          check=True).stdout.strip()


def basic(user, secret):
    """The header of HTTP Basic (RFC 7617)."""
    pair = f'{user}:{secret}'.encode()
    return f'Authorization: Basic {base64.b64encode(pair).decode()}\r\n'


def request(target, *headers, method='GET', user='alice', secret='s3cret', version='HTTP/1.1', body=b''):
    """The bytes of an ordinary request; user=None: without credentials."""
    text = f'{method} {target} {version}\r\nHost: ddns.test\r\n'
    text += basic(user, secret) if user is not None else ''
    text += ''.join(h + '\r\n' for h in headers)
    return (text + '\r\n').encode() + body


def forwarded_for(raw, peer):
    """The request with an X-Forwarded-For behind its first line."""
    line, rest = raw.split(b'\r\n', 1)
    return line + f'\r\nX-Forwarded-For: {peer}\r\n'.encode() + rest


def is_sanitized(program):
    """Whether the program is built with AddressSanitizer, whose memory is no measure."""
    try:
        return b'__asan_init' in pathlib.Path(program).read_bytes()
    except FileNotFoundError:
        return False


class Net:
    """A network namespace whose loopback has more addresses: `net.prefix` starts programs in it,
    net.socket() makes sockets that belong to it."""

    CLONE_NEWNET = 0x40000000

    def __init__(self, *addresses):
        needs('ip')
        needs('nsenter')
        commands = ['ip link set lo up']
        commands += [f'ip addr add {a}/{128 if ":" in a else 32} dev lo{" nodad" if ":" in a else ""}'
                     for a in addresses]
        self.process = subprocess.Popen(
            ['unshare', '-n', 'sh', '-ec', '; '.join(commands) + '; echo; exec cat'],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
            start_new_session=True)
        guard.tell('+', self.process)
        if self.process.stdout.readline() != b'\n':
            why = self.process.stderr.read().decode()
            self.process.wait()
            guard.tell('-', self.process)
            pytest.skip('no network namespace to be had: ' + why)
        self.path = f'/proc/{self.process.pid}/ns/net'
        self.prefix = ['nsenter', f'--net={self.path}', '--']
        self.fd = os.open(self.path, os.O_RDONLY | os.O_CLOEXEC)
        self.libc = ctypes.CDLL(None, use_errno=True)

    def _enter(self, fd):
        if self.libc.setns(fd, self.CLONE_NEWNET):
            raise OSError(ctypes.get_errno(), 'setns')

    def socket(self, family):
        """A socket stays in the namespace that it was made in; threads go there one by one."""
        own = os.open('/proc/thread-self/ns/net', os.O_RDONLY | os.O_CLOEXEC)
        try:
            self._enter(self.fd)
            try:
                return socket.socket(family, socket.SOCK_STREAM)
            finally:
                self._enter(own)
        finally:
            os.close(own)

    def close(self):
        os.close(self.fd)
        self.process.stdin.close()
        self.process.stdout.close()
        self.process.stderr.close()
        self.process.wait()
        guard.tell('-', self.process)


class Certificates:
    """A directory with cert.pem and key.pem, as a renewal hook fills it."""

    def __init__(self, path):
        self.dir = pathlib.Path(path)
        self.dir.mkdir(mode=0o755)
        self.cert = self.dir / 'cert.pem'
        self.key = self.dir / 'key.pem'

    def make(self, name='new'):
        """A new pair beside the one in use: (cert, key)."""
        cert, key = self.dir / f'{name}.cert', self.dir / f'{name}.key'
        subprocess.run(
            ['openssl', 'req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256',
             '-nodes', '-days', '30', '-subj', '/CN=dns-updater test', '-addext',
             'subjectAltName=IP:127.0.0.1,IP:::1,IP:192.0.2.99,DNS:localhost', '-keyout', key,
             '-out', cert], check=True, capture_output=True)
        os.chown(key, 0, ACCOUNT_GID)
        key.chmod(0o640)
        cert.chmod(0o644)
        return cert, key

    def install(self, pair):
        """Puts the pair in place, one file after the other, as hooks do: the key first."""
        cert, key = pair
        os.rename(key, self.key)
        os.rename(cert, self.cert)

    def der(self):
        """The certificate in place, as a peer sees it."""
        return ssl.PEM_cert_to_DER_cert(self.cert.read_text())


class Http(Logged):
    """dns-updater-http, and what it needs in `env`.

    Set before start(), or before reload():
      conf       {key: value} of [http]; None leaves a key out, a list gives several lines
      secrets    [(user, secret, label)] that are put in by `dns-updater token --stdin`
      token_lines  lines for the tokens file beside those, such as user:hash
      net        a Net: the front end and its clients are in there
      prefix     command in front of the program
      popen      more arguments for subprocess.Popen
    """

    def __init__(self, env, net=None):
        self.env = env
        self.net = net
        self.dir = env.tmp / 'http'
        self.etc = env.tmp / 'etc'
        self.tokens = self.etc / 'tokens'
        self.certificates = Certificates(env.tmp / 'tls')
        self.cert = self.certificates.cert
        self.log = Log('dns-updater-http')
        self.process = None
        self.port = self.tls_port = None
        self.prefix = []
        self.popen = {}
        self.run_start = 0
        self._killed = False
        self._fence = itertools.count()
        self.expect_exit = {0}

        self.secrets = list(SECRETS)
        self.token_lines = []
        self.never_logged = {'WRONG'}	# beside the secrets
        self.secrets_may_be_logged = False

        env.users = {user: list(names) for user, names in USERS.items()}
        env.conf['pathpattern'] = f'{env.homes}/%u/.dynamicdns {self.dir}/%u'
        env.conf['socket'] = str(env.state_dir / 'socket')
        env.write_data(BASE + ZONE)
        self.dir.mkdir(mode=0o755)
        os.chown(self.dir, ACCOUNT_UID, ACCOUNT_GID)
        self.etc.mkdir(mode=0o755)
        self.conf = {
            'listen': '127.0.0.1:0',
            'listen_tls': '127.0.0.1:0',
            'certificate': str(self.cert),
            'key': str(self.certificates.key),
            'tokens': str(self.tokens),
            'user': ACCOUNT,
        }

    # ---- what stands on disk

    def apply(self):
        """Puts [http] into the text that env writes."""
        text = '\n[http]\n'
        for key, value in self.conf.items():
            for v in value if isinstance(value, list) else [value]:
                text += f'{key} = {v}\n' if v is not None else ''
        self.env.conf_more = text

    def secret(self, user, secret, label=None, names=()):
        """echo SECRET | dns-updater token USER --stdin."""
        self.never_logged.add(secret)
        command = [DNS_UPDATER, 'token', user, '-c', str(self.env.conf_file), '--stdin']
        command += ['-l', label] if label else []
        command += ['-n', ','.join(names)] if names else []
        done = subprocess.run(command, input=secret.encode() + b'\n', cwd='/', capture_output=True,
                              timeout=TIMEOUT, env=clean_env())
        assert done.returncode == 0, done.stderr.decode()
        assert secret not in (done.stdout + done.stderr).decode()

    def revoke(self, user, label):
        """dns-updater token USER --revoke LABEL."""
        return subprocess.run(
            [DNS_UPDATER, 'token', user, '-c', str(self.env.conf_file), '--revoke', label],
            check=True, cwd='/', capture_output=True, timeout=TIMEOUT, env=clean_env())

    def add_lines(self, *lines):
        """Lines of the administrator's own in the tokens file, by an editor's rename."""
        text = self.tokens.read_text() if self.tokens.exists() else ''
        text += '\n' if text and not text.endswith('\n') else ''
        new = self.etc / 'tokens.new'
        new.write_text(text + ''.join(line + '\n' for line in lines))
        os.chown(new, 0, ACCOUNT_GID)
        new.chmod(0o640)
        os.rename(new, self.tokens)

    def file(self, user='alice'):
        return self.dir / user

    def write(self, user, text):
        """Another address file behind the front end's back, as it would write it: whole."""
        new = self.dir / f'.{user}.test'
        new.write_text(text)
        os.chown(new, ACCOUNT_UID, ACCOUNT_GID)
        os.rename(new, self.file(user))

    # ---- the program

    def prepare(self):
        """Configuration, tokens and a certificate, as they have to be before anything starts."""
        self.apply()
        self.env.write_conf()
        if not self.tokens.exists():
            if self.token_lines:
                self.add_lines(*self.token_lines)
            for user, secret, label in self.secrets:
                self.secret(user, secret, label)
        if not self.cert.exists():
            self.certificates.install(self.certificates.make())

    def start(self, *, wait=True):
        __tracebackhide__ = True
        if not os.access(DNS_UPDATER_HTTP, os.X_OK):
            pytest.fail(f'{DNS_UPDATER_HTTP} is not there')
        self.prepare()
        if not self.env.process:
            self.env.start()
        return self.start_front_end(wait=wait)

    def start_front_end(self, *, wait=True):
        __tracebackhide__ = True
        self.ready_r, ready_w = os.pipe()
        high = fcntl.fcntl(ready_w, fcntl.F_DUPFD_CLOEXEC, 100)	# away from LISTEN_FDS
        os.close(ready_w)
        self.run_start = self.log.mark()
        self._killed = False
        popen = dict(self.popen)
        more = popen.pop('environ', {})
        asan = ':'.join(filter(None, [os.environ.get('ASAN_OPTIONS'), 'detect_leaks=0']))
        try:
            self.process = subprocess.Popen(
                [*self.prefix, *(self.net.prefix if self.net else []), DNS_UPDATER_HTTP, '-c',
                 str(self.env.conf_file), '-e', '-r', str(high)],
                stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, cwd='/',
                start_new_session=True, pass_fds=(high, *popen.pop('pass_fds', ())),
                env=clean_env(ASAN_OPTIONS=asan, **more), **popen)
        finally:
            os.close(high)
        guard.tell('+', self.process)
        self.log.follow(self.process.stderr)
        if wait:
            self.wait_ready()
        return self

    def wait_ready(self, timeout=TIMEOUT):
        __tracebackhide__ = True
        readable, _, _ = select.select([self.ready_r], [], [], timeout)
        got = os.read(self.ready_r, 100) if readable else None
        os.close(self.ready_r)
        if got != b'\n':
            why = 'ended' if got == b'' else 'not ready in time' if got is None else repr(got)
            self.fail('dns-updater-http: ' + why)
        self.wait_log(r'^(<\d>)?started$')
        self.ports = []		# (address, port, tls), in the order of the log
        for line in self.lines():
            m = re.search(r'listening on (\S+):(\d+) \((TLS|plain HTTP)', line)
            if m:
                self.ports.append((m[1].strip('[]'), int(m[2]), m[3] == 'TLS'))
        self.port = next((p for _, p, tls in self.ports if not tls), None)
        self.tls_port = next((p for _, p, tls in self.ports if tls), None)

    def reload(self):
        """SIGHUP, with the configuration as it now stands; the line that tells what came of it."""
        __tracebackhide__ = True
        self.apply()
        self.env.write_conf()
        mark = self.mark()
        self.process.send_signal(signal.SIGHUP)
        return self.wait_log(r'\b(not )?reloaded\b.*', mark).group(0)

    def stop(self, number=signal.SIGTERM, timeout=TIMEOUT):
        __tracebackhide__ = True
        self.process.send_signal(number)
        return self.wait_exit(timeout)

    def wait_exit(self, timeout=TIMEOUT):
        __tracebackhide__ = True
        try:
            status = self.process.wait(timeout)
        except subprocess.TimeoutExpired:
            self.fail('dns-updater-http does not end')
        guard.tell('-', self.process)
        self.log.wait(lambda line: None)
        return status

    def kill(self):
        """kill -9."""
        self.process.kill()
        self.wait_exit()
        self._killed = True

    def alive(self):
        return self.process.poll() is None

    def rss(self):
        """Resident memory in MB."""
        status = pathlib.Path(f'/proc/{self.process.pid}/status').read_text()
        return int(re.search(r'VmRSS:\s+(\d+) kB', status)[1]) / 1024

    def close(self):
        """The end of every test: status 0, no word of a sanitizer, and no secret in any log."""
        try:
            if self.process:
                if self.alive() and not self._killed:
                    self.stop()
                if not self._killed and self.process.returncode not in self.expect_exit:
                    self.fail(f'dns-updater-http ended with {self.process.returncode}')
            for line in self.log.lines:
                if re.search(r'ERROR: \w+Sanitizer|runtime error:|Assertion', line):
                    self.fail('a sanitizer or an assertion has spoken')
            if not self.secrets_may_be_logged:
                self.check_secrets()
        finally:
            if self.process and self.alive():
                self.process.kill()
                self.process.wait()
                guard.tell('-', self.process)

    def check_secrets(self):
        """No secret, plain or as a header has it, stands in a log."""
        secrets = self.never_logged | {s for _, s, _ in self.secrets}
        text = self.log.text() + '\n' + self.env.log.text()
        for secret in secrets:
            for form in (secret, base64.b64encode(secret.encode()).decode().rstrip('=')):
                if form and form in text:
                    line = next(l for l in text.split("\n") if form in l)
                    self.fail(f"a log has the secret {secret!r} in it, as {form!r}: {line}")
        for line in text.split('\n'):
            if re.search(r'\bBasic [A-Za-z0-9+/=]{4}', line):
                self.fail('a log has an Authorization header in it')

    # ---- events

    def wait_words(self, *words, after=None, timeout=TIMEOUT):
        """Waits for one line that has all these words in it; the line."""
        __tracebackhide__ = True
        after = self.run_start if after is None else after
        found = self.log.wait(lambda line: line if all(w in line for w in words) else None, after,
                              timeout)
        if not found:
            self.fail(f'no line of the log of dns-updater-http has all of {words}')
        return found

    # ---- requests

    def connect(self, tls=False, source=None, to=None, port=None, context=None, timeout=TIMEOUT):
        """A connected socket; with tls after the handshake."""
        to = to or '127.0.0.1'
        family = socket.AF_INET6 if ':' in to else socket.AF_INET
        s = self.net.socket(family) if self.net else socket.socket(family, socket.SOCK_STREAM)
        try:
            s.settimeout(timeout)
            if source:
                s.setsockopt(socket.SOL_IP, 24, 1)	# IP_BIND_ADDRESS_NO_PORT
                s.bind((source, 0))
            s.connect((to, port or (self.tls_port if tls else self.port)))
            s.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            if tls:
                context = context or self.context()
                s = context.wrap_socket(s, server_hostname=to, suppress_ragged_eofs=False)
            return s
        except BaseException:
            s.close()
            raise

    def context(self):
        return ssl.create_default_context(cafile=str(self.cert))

    def raw(self, data, tls=False, source=None, to=None, port=None, context=None, pieces=None):
        """Sends these bytes as they are (pieces: in so many segments), reads up to the end of the
        stream, and takes apart what came."""
        __tracebackhide__ = True
        if isinstance(data, str):
            data = data.encode('latin-1')
        with self.connect(tls, source, to, port, context) as s:
            n = -(-len(data) // (pieces or 1))
            for i in range(0, len(data), n):
                s.sendall(data[i:i + n])
            everything = read_all(s, self)
        return parse_answer(everything)

    def update(self, query, *headers, path='/nic/update', user='alice', secret='s3cret', **kw):
        """GET path?query with Basic credentials."""
        __tracebackhide__ = True
        return self.raw(request(f'{path}?{query}' if query else path, *headers, user=user,
                                secret=secret), **kw)

    # ---- state

    def query(self, name):
        """(A, AAAA) of a name in tinydns: sorted tuples of texts."""
        return tuple(tuple(sorted(self.env.query(name, t))) for t in ('A', 'AAAA'))

    def settle(self):
        """Afterwards everything that was written before has come through. As env.fence(), but for
        more of them than one user's lines in the log of the daemon have room for."""
        __tracebackhide__ = True
        n = next(self._fence)
        address = f'198.18.{n // 250}.{n % 250 + 1}'
        self.env.write(FENCE, address)
        self.env.wait_answer(FENCE_NAME, 'A', {address})

    def start_state(self, door='home'):
        """The start state of the corpus, through one of the doors; waits until tinydns has it."""
        __tracebackhide__ = True
        for user, text in START_FILES.items():
            if door == 'home':
                self.env.write(user, text)
            else:
                self.write(user, text)
        self.settle()
        self.expect(START_STATE)

    def expect(self, state):
        """Waits until tinydns answers so: {name: (A, AAAA)}; None: no address, a set: these."""
        __tracebackhide__ = True
        end = time.monotonic() + TIMEOUT
        for name, (v4, v6) in state.items():
            for type, value in (('A', v4), ('AAAA', v6)):
                value = set() if value is None else {value} if isinstance(value, str) else set(value)
                while True:
                    got = self.env.query(name, type)
                    if got == value:
                        break
                    if time.monotonic() > end:
                        self.fail(f'{name} {type}: {got}, not {value}')
                    time.sleep(0.005)

    # ---- words for whoever reads a failure

    def transcript(self):
        text = f'command: {" ".join(map(str, self.process.args)) if self.process else "not started"}\n'
        for log in (self.log, self.env.log):
            lines = log.text().split('\n')
            left_out = ['...'] if len(lines) > 80 else []
            text += '\n'.join([f'--- log of {log.name}', *left_out, *lines[-80:]]) + '\n'
        return text

    def fail(self, why):
        __tracebackhide__ = True
        pytest.fail(f'{why}\n{self.transcript()}\n---')


def read_all(s, http=None):
    """Up to the end of the stream. A reset, an unclean end of TLS, or no end at all are failures."""
    __tracebackhide__ = True
    got = b''
    while True:
        try:
            more = s.recv(65536)
        except (TimeoutError, socket.timeout):
            pytest.fail(f'the connection is not closed after {got!r}\n' +
                        (http.transcript() if http else ''))
        except (ssl.SSLError, OSError) as e:
            pytest.fail(f'the connection ends with {e!r} after {got!r}\n' +
                        (http.transcript() if http else ''))
        if not more:
            return got
        got += more


def parse_answer(everything):
    """The parts of an answer; status None: it is none."""
    head, _, body = everything.partition(b'\r\n\r\n')
    lines = head.decode('latin-1').split('\r\n')
    m = re.match(r'HTTP/1\.[01] (\d{3})( |$)', lines[0])
    if not m:
        return Answer(None, {}, '', everything)
    headers = {}
    for line in lines[1:]:
        name, _, value = line.partition(':')
        headers.setdefault(name.strip().lower(), []).append(value.strip())
    return Answer(int(m[1]), headers, body.decode('latin-1'), everything)


def check_framing(answer):
    """What every answer to a whole request is like, whatever it says: dns-updater-http(8), ANSWERS."""
    everything = answer.everything
    head = everything.partition(b'\r\n\r\n')[0].decode('latin-1')
    line, _, headers = head.partition('\r\n')
    what = f'in {everything!r}'
    assert answer.status is not None, f'no status line {what}'
    assert line.startswith('HTTP/1.1 '), f'version {what}'
    if answer.status == 200:
        assert line == 'HTTP/1.1 200 OK', f'reason phrase {what}'		# rule 2
    assert answer.headers.get('content-length') == [str(len(answer.body))], f'Content-Length {what}'
    assert [v.lower() for v in answer.headers.get('connection', [])] == ['close'], f'Connection {what}'
    assert 'transfer-encoding' not in answer.headers, f'chunked {what}'
    assert 'location' not in answer.headers, f'a redirection {what}'		# rule 9
    types = [v.split(';')[0] for v in answer.headers.get('content-type', [])]
    assert types in (['text/plain'], ['text/html']), f'Content-Type {what}'
    assert types == ['text/plain'] or answer.body.startswith('<'), f'Content-Type {what}'
    assert not re.search('good|nochg|OK', headers), f'a word of the protocol in a header {what}'
    assert len(everything) < 2048, f'too long {what}'
    assert answer.body, f'no body {what}'
    assert not answer.body.endswith(('\n', '\r', ' ')), f'something behind the body {what}'
    challenge = answer.headers.get('www-authenticate')
    if answer.status == 401:
        assert challenge and len(challenge) == 1 and re.match('Basic realm=".+"', challenge[0]), what
    else:
        assert not challenge, f'a challenge {what}'
    if answer.status == 503:
        assert answer.body == '911', what
        assert int(answer.headers['retry-after'][0]) > 0, what


def addresses_of(text, names):
    """What an address file says, as dns-updater.conf(5) has it: {name: (set of A, set of AAAA)}."""
    shared = {4: set(), 6: set()}
    own = {name: {4: None, 6: None} for name in names}
    for line in text.split('\n'):
        words = line.split('#')[0].split()
        if not words:
            continue
        name = words.pop(0).lower() if words[0].lower() in own else None
        for w in words:
            if w.lower() == 'none':
                if name:
                    own[name] = {4: set(), 6: set()}
                continue
            family = 6 if ':' in w else 4
            if name is None:
                shared[family].add(w)
            else:
                own[name][family] = (own[name][family] or set()) | {w}
    return {name: tuple(shared[f] if own[name][f] is None else own[name][f] for f in (4, 6))
            for name in names}


def in_threads(*functions):
    """Runs all of them at once; what they returned. The first exception is raised here."""
    results = [None] * len(functions)
    errors = []

    def run(i, f):
        try:
            results[i] = f()
        except BaseException as e:
            errors.append(e)
    threads = [threading.Thread(target=run, args=(i, f), daemon=True)
               for i, f in enumerate(functions)]
    for t in threads:
        t.start()
    for t in threads:
        t.join(10 * TIMEOUT)
        assert not t.is_alive(), 'a thread does not end'
    if errors:
        raise errors[0]
    return results


def corpus():
    with open(TOP / 'tests' / 'data' / 'http-corpus.jsonl', encoding='utf-8') as f:
        return [json.loads(line) for line in f if line.strip()]
