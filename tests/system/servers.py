# SPDX-FileCopyrightText: 2026 The dns-updater authors
# SPDX-License-Identifier: ISC
"""Real name servers, as Debian ships them, each in a directory and on an address of its own.

    key = Key(tmp_path)
    knot = Knot(tmp_path, {'dyn.example.com': ["jane A 192.0.2.7"]}, key).start()
    knot.rrset('john.dyn.example.com', 'A')             # {'1.2.3.4'}, by UDP
    knot.wait('john.dyn.example.com', 'A', {'1.2.3.4'}) # asks until it is so
    knot.axfr('dyn.example.com')                        # {(name, type): {texts}}
    knot.close()

They run in the foreground under the accounts of their packages, and their logs are followed. start()
returns when the server answers for its zones and on its control socket. start() after stop() or kill()
keeps address and data. What `reload_command` says works for whoever is in the group `control`, which
is SERVICE's if nothing else is said: it is what a `command` of the configuration may contain.

A zone's file has mode 0664, in a directory of mode 2775, both of the group SERVICE: the place that a
`file` of the configuration needs.
"""

import grp
import os
import pathlib
import pwd
import random
import re
import shlex
import shutil
import signal
import socket
import struct
import subprocess
import tempfile
import time

import dns.exception
import dns.name
import dns.query
import dns.rcode
import dns.rdata
import dns.rdatatype
import dns.tsig
import dns.tsigkeyring
import dns.wire
import pytest

from harness import SERVICE, SERVICE_GID, TIMEOUT, TOP, Address, Log, ask, clean_env, descendants, guard, needs

ZONE = 'dyn.example.com'
NAME = 'john.dyn.example.com'
GLUE = '192.0.2.53'

# Beside the dynamic addresses, in every zone; more of them comes from the tests.
STATIC = ('john MX 10 mail.example.com.', 'john TXT "a static text"')

START = '; start dynamic dns entries'
END = '; end dynamic dns entries'
HOSTS_START = '# start dynamic dns entries'
HOSTS_END = '# end dynamic dns entries'


def version(program):
    """(3, 2); () where it is not installed."""
    try:
        text = subprocess.run([program, '-V'], capture_output=True, text=True, env=clean_env()).stdout
    except FileNotFoundError:
        return ()
    return tuple(int(n) for n in re.search(r'(\d+)\.(\d+)', text).groups())


# What Knot says in the TSIG of its answer to a key that it does not know. Of 3.4 the answer has no TSIG.
KNOT_BADKEY = 'BADKEY' if version('knotd') < (3, 4) else None


def zone_text(zone, lines=(), serial=1, section=None, static=STATIC):
    """A zone's file. section: lines between the markers; None: there are no markers."""
    text = f'$ORIGIN {zone}.\n$TTL 3600\n'
    text += f'@ SOA ns1 hostmaster {serial} 3600 600 86400 60\n'
    text += f'@ NS ns1\nns1 A {GLUE}\n'
    text += ''.join(line + '\n' for line in [*static, *lines])
    if section is not None:
        text += '\n'.join([START, *section, END]) + '\n'
    return text


class Key:
    """A TSIG key. `bind_file` is as tsig-keygen(8) prints it, `knot_file` as `keymgr -t` does (the
    comment is what knsupdate and kdig take), `nsd_file` as nsd.conf has it. All have mode 0640 and
    the group SERVICE. `keyring` is dnspython's, `tsig` one key of it."""

    def __init__(self, tmp, name='dns-updater', algorithm='hmac-sha256', secret=None):
        self.name = name
        self.algorithm = algorithm
        self.secret = secret or self.generate(name, algorithm)
        self.keyring = dns.tsigkeyring.from_text({name: (algorithm, self.secret)})
        self.tsig = next(iter(self.keyring.values()))
        self.bind_text = (f'key "{name}" {{\n\talgorithm {algorithm};\n'
                          f'\tsecret "{self.secret}";\n}};\n')
        self.knot_text = (f'# {algorithm}:{name}:{self.secret}\n'
                          f'key:\n  - id: {name}\n    algorithm: {algorithm}\n'
                          f'    secret: {self.secret}\n')
        self.nsd_text = (f'key:\n    name: "{name}"\n    algorithm: {algorithm}\n'
                         f'    secret: "{self.secret}"\n')
        self.dir = pathlib.Path(tempfile.mkdtemp(prefix='key.', dir=tmp))
        self.dir.chmod(0o755)
        self.bind_file = self._write('bind', self.bind_text)
        self.knot_file = self._write('knot', self.knot_text)
        self.nsd_file = self._write('nsd', self.nsd_text)

    @staticmethod
    def generate(name, algorithm):
        """A secret as long as the hash, in base64."""
        size = {'hmac-sha256': 32, 'hmac-sha384': 48, 'hmac-sha512': 64}[algorithm]
        return dns.rdata._base64ify(os.urandom(size), 0)

    def _write(self, suffix, text):
        path = self.dir / f'{self.name}.{suffix}.key'
        path.write_text(text)
        os.chown(path, 0, SERVICE_GID)
        path.chmod(0o640)
        return path


class Port:
    """A port that is free for UDP and TCP at `ip`. The name in the abstract namespace keeps other
    workers away from it, also while the server is down."""

    def __init__(self, ip):
        family = socket.AF_INET6 if ':' in ip else socket.AF_INET
        for _ in range(1000):
            self.number = random.randrange(10000, 32000)	# below what the kernel gives away
            self.claim = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
            try:
                self.claim.bind(f'\0dns-updater-test/{ip}/{self.number}')
                for type in (socket.SOCK_DGRAM, socket.SOCK_STREAM):
                    with socket.socket(family, type) as s:
                        s.bind((ip, self.number))
                return
            except OSError:
                self.claim.close()
        pytest.fail(f'no free port at {ip}')

    def close(self):
        self.claim.close()


class Reply:
    """An answer as it came: nothing is verified. `tsig` is its TSIG record or None."""

    def __init__(self, wire):
        self.wire = wire
        self.rcode = dns.rcode.to_text(wire[3] & 15)
        self.tsig = None
        parser = dns.wire.Parser(wire)
        _, _, qd, *counts = parser.get_struct('!6H')
        for _ in range(qd):
            parser.get_name()
            parser.get_bytes(4)
        for _ in range(sum(counts)):
            parser.get_name()
            type, klass, _, n = parser.get_struct('!HHIH')
            with parser.restrict_to(n):
                rdata = dns.rdata.from_wire_parser(klass, type, parser)
            if type == dns.rdatatype.TSIG:
                self.tsig = rdata

    @property
    def signed(self):
        return bool(self.tsig and self.tsig.mac)

    @property
    def error(self):
        """The TSIG error's name, or None."""
        return dns.rcode.to_text(self.tsig.error, True) if self.tsig and self.tsig.error else None


class Server:
    """What all have in common. A subclass sets `program` and `account`, writes its configuration in
    configure(), and says in argv() how it is started.

    ip, prefix   its address, and the command in front of its own: a network namespace of its own
    """

    program = None		# must be on the PATH
    account = None		# of its package: what it runs as
    ready = None		# of the log: it has come up
    any_address = True		# it can bind all of 127.0.0.0/8

    def __init__(self, tmp, zones=None, key=None, *, v6=False, port=None, control=SERVICE,
                 static=STATIC, section=None, zone_files=None, ip=None, prefix=()):
        needs(self.program)
        self.key = key
        self.static = static
        self.section = section
        self.zones = {ZONE: []} if zones is None else zones
        self.kind = type(self).__name__
        self.dir = pathlib.Path(tempfile.mkdtemp(prefix=self.kind.lower() + '.', dir=tmp))
        self.dir.chmod(0o755)
        self.uid = pwd.getpwnam(self.account).pw_uid
        self.gid = pwd.getpwnam(self.account).pw_gid
        self.control_gid = grp.getgrnam(control).gr_gid

        self.address = self.claimed_port = None
        self.prefix = prefix
        self.ip = ip or ('::1' if v6 else '127.0.0.1')
        self.port = port
        if ip:
            self.port = port or 53
        elif not v6 and self.any_address:
            self.address = Address()
            self.ip = self.address.text
            self.port = port or 53
        elif port is None:
            self.claimed_port = Port(self.ip)
            self.port = self.claimed_port.number

        self.zone_dir = self.directory('zones', SERVICE_GID, 0o2775, uid=self.uid)
        self.state_dir = self.directory('state', self.gid, 0o2750, uid=self.uid)
        # A socket's path has at most 107 bytes, and tests have long names.
        short = next(p for p in (self.dir, *self.dir.parents) if len(str(p)) < 60)
        self.control_dir = pathlib.Path(tempfile.mkdtemp(prefix='control.', dir=short))
        os.chown(self.control_dir, self.uid, self.control_gid)
        self.control_dir.chmod(0o2750)
        self.conf_file = self.dir / f'{self.kind.lower()}.conf'
        self.log = Log(self.kind)
        self.process = None
        self.zone_files = zone_files or {z: self.zone_dir / f'{z}.zone' for z in self.zones}
        for zone in self.zones:
            if not self.zone_files[zone].exists():
                self.write_zone(zone)

    # ---- places

    def directory(self, name, gid, mode, uid=0):
        path = self.dir / name
        path.mkdir()
        os.chown(path, uid, gid)
        path.chmod(mode)
        return path

    def write(self, path, text, mode=0o640, gid=None):
        path.write_text(text)
        os.chown(path, 0, self.gid if gid is None else gid)
        path.chmod(mode)
        return path

    @property
    def server(self):
        """For `server` and `verify` of the configuration: address, and the port unless it is 53."""
        if self.port == 53:
            return self.ip
        return f'[{self.ip}]:{self.port}' if ':' in self.ip else f'{self.ip}:{self.port}'

    @property
    def at_port(self):
        return f'{self.ip}@{self.port}'

    def zone_file(self, zone=ZONE):
        return self.zone_files[zone]

    def write_zone(self, zone=ZONE, lines=None, serial=1, section=None):
        """The administrator writes the zone's file, anew."""
        lines = self.zones[zone] if lines is None else lines
        section = self.section if section is None else section
        path = self.zone_files[zone]
        path.write_text(zone_text(zone, lines, serial, section, self.static))
        os.chown(path, self.uid, SERVICE_GID)
        path.chmod(0o664)

    # ---- the program

    checker = None		# the command that checks a zone's file, before zone and file

    def command(self, zone=ZONE):
        """The command that has a zone's file read again."""
        raise NotImplementedError

    @property
    def reload_command(self):
        return self.command(next(iter(self.zones)))

    @property
    def checked_reload_command(self):
        """The same for a file without mistakes only."""
        zone = next(iter(self.zones))
        return f'{self.checker} {zone} {self.zone_files[zone]} && {self.command(zone)}'

    def configure(self):
        raise NotImplementedError

    def argv(self):
        raise NotImplementedError

    def start(self):
        """Starts it and waits until it answers."""
        __tracebackhide__ = True
        self.configure()
        mark = self.log.mark()
        self.process = subprocess.Popen(
            [*self.prefix, *self.argv()], stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE, cwd='/', start_new_session=True, env=clean_env())
        guard.tell('+', self.process)
        self.log.follow(self.process.stderr)
        if self.ready and not self.log.wait(lambda line: self.ready in line, mark):
            self.fail('it does not start')
        self.wait_up()
        return self

    def wait_up(self):
        """Until it answers for its zones, and its control socket takes connections."""
        __tracebackhide__ = True
        for zone in self.served():
            self.until(lambda: self.ask(zone, 'SOA', tcp=True).answer, f'it answers for {zone}')
        if self.control_socket():
            self.until(self._control_is_up, 'its control socket is there')
            # NSD and Unbound give it to their own group.
            os.chown(self.control_socket(), -1, self.control_gid)

    def served(self):
        """The zones whose answers show that it is ready."""
        return self.zones

    def control_socket(self):
        return None

    def _control_is_up(self):
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as s:
            s.connect(str(self.control_socket()))
        return True

    def until(self, test, what, timeout=TIMEOUT):
        """Asks until the test is true; that it cannot ask, or gets no answer, counts as false."""
        __tracebackhide__ = True
        end = time.monotonic() + timeout
        while True:
            try:
                if test():
                    return
            except (OSError, EOFError, dns.exception.DNSException):
                pass
            if self.process and self.process.poll() is not None:
                self.fail(f'ended with {self.process.returncode} before {what}')
            if time.monotonic() > end:
                self.fail(f'not so in time: {what}')
            time.sleep(0.005)	# it has no event that could be waited for

    def running(self):
        return self.process is not None and self.process.poll() is None

    def _ended(self):
        self.process.wait()
        guard.tell('-', self.process)
        self.log.wait(lambda line: None)	# the last lines: up to end of file

    def stop(self):
        """SIGTERM, and the end."""
        __tracebackhide__ = True
        self.process.terminate()
        try:
            self.process.wait(TIMEOUT)
        except subprocess.TimeoutExpired:
            self.kill()
            self.fail('it does not end')
        self._ended()

    def kill(self):
        """SIGKILL, what is below it too."""
        below = descendants(self.process.pid)
        self.process.kill()
        for pid in below:
            try:
                os.kill(pid, signal.SIGKILL)
            except ProcessLookupError:
                pass
        self._ended()

    def restart(self):
        self.stop()
        return self.start()

    def restart_empty(self, zone=ZONE):
        """Comes back as from a backup: what was dynamic is lost, and the serial is the first."""
        if self.running():
            self.stop()
        self.forget(zone)
        self.write_zone(zone)
        return self.start()

    def forget(self, zone):
        """Removes what it keeps beside the zone's file."""

    def close(self):
        if self.running():
            self.kill()
        if self.address:
            self.address.close()
        if self.claimed_port:
            self.claimed_port.close()

    def fail(self, why):
        __tracebackhide__ = True
        pytest.fail(f'{self.kind}: {why}\n--- its log\n{self.log.text()}\n---')

    def rss(self):
        """Bytes of memory, all its processes together."""
        pages = sum(int(pathlib.Path(f'/proc/{pid}/statm').read_text().split()[1])
                    for pid in [self.process.pid, *descendants(self.process.pid)])
        return pages * os.sysconf('SC_PAGE_SIZE')

    # ---- what it answers

    def ask(self, name, type, tcp=False):
        """The whole answer."""
        return ask(self.ip, self.port, name, type, tcp)

    def rrset(self, name, type, tcp=False):
        """What it answers now: a set of texts."""
        return {rd.to_text() for rrset in self.ask(name, type, tcp).answer for rd in rrset
                if rrset.rdtype == dns.rdatatype.from_text(type)}

    def ttls(self, name, type):
        return {rrset.ttl for rrset in self.ask(name, type).answer}

    def serial(self, zone=ZONE):
        return self.ask(zone, 'SOA', tcp=True).answer[0][0].serial

    def wait(self, name, type, expected, timeout=TIMEOUT):
        """Asks until it answers with exactly these."""
        __tracebackhide__ = True
        got = None

        def test():
            nonlocal got
            got = self.rrset(name, type)
            return got == set(expected)
        try:
            self.until(test, f'{name} {type} is {set(expected)}', timeout)
        except pytest.fail.Exception:
            self.fail(f'{name} {type}: {got}, not {set(expected)}')

    def wait_file(self, text, zone=ZONE, timeout=TIMEOUT):
        """Waits until the zone's file has this text; the whole of it."""
        __tracebackhide__ = True
        path = self.zone_files[zone]
        self.until(lambda: text in path.read_text(), f'{path.name} has {text!r}', timeout)
        return path.read_text()

    def wait_log(self, text, after=0, timeout=TIMEOUT):
        """Waits for a line that has this text; the line."""
        __tracebackhide__ = True
        found = self.log.wait(lambda line: text in line and line, after, timeout)
        if not found:
            self.fail(f'its log does not say {text!r}')
        return found

    def exchange(self, message, timeout=TIMEOUT, more=lambda reply: False):
        """Sends a message of dnspython's, or bytes, over TCP. The Reply, whatever is in it; with
        `more`, a list of replies up to the first for which it is false."""
        wire = message if isinstance(message, bytes) else message.to_wire()
        replies = []
        with socket.create_connection((self.ip, self.port), timeout) as s, s.makefile('rb') as f:
            s.sendall(struct.pack('!H', len(wire)) + wire)
            while True:
                head = f.read(2)
                if len(head) < 2:
                    raise EOFError('the server closed the connection')
                replies.append(Reply(f.read(struct.unpack('!H', head)[0])))
                if not more(replies[-1]):
                    break
        return replies if len(replies) > 1 else replies[0]

    def update(self, update, key=None):
        """Sends a dns.update.UpdateMessage, signed by the server's key; the verified response."""
        key = key or self.key
        update.use_tsig(key.keyring, key.name, algorithm=key.algorithm)
        return dns.query.tcp(update, self.ip, port=self.port, timeout=TIMEOUT)

    def axfr(self, zone=ZONE, key=None):
        """The zone by transfer: {(name, type): {texts}}. key=False: an unsigned request."""
        key = self.key if key is None else key
        signed = {'keyring': key.keyring, 'keyname': key.name,
                  'keyalgorithm': key.algorithm} if key else {}
        got = {}
        for message in dns.query.xfr(self.ip, zone, port=self.port, relativize=False,
                                     timeout=TIMEOUT, lifetime=TIMEOUT, **signed):
            for rrset in message.answer:
                name = rrset.name.to_text(omit_final_dot=True).lower()
                got.setdefault((name, dns.rdatatype.to_text(rrset.rdtype)), set()).update(
                    rd.to_text() for rd in rrset)
        return got


def _list(addresses):
    """(ip, port) pairs out of pairs, servers, or one of them."""
    if isinstance(addresses, Server) or (addresses and isinstance(addresses[0], str)):
        addresses = [addresses]
    return [(a.ip, a.port) if isinstance(a, Server) else a for a in addresses]


class Primary(Server):
    """A server that takes updates.

    update      True, False, or for Bind 'policy' (update-policy instead of allow-update)
    transfer    True: with the key; 'open': for everybody; False: for nobody
    notify      secondaries: servers of this module, or (ip, port)
    """

    def __init__(self, tmp, zones=None, key=None, *, update=True, transfer=True, notify=(), **more):
        self.allow_update = update
        self.allow_transfer = transfer
        self.notify = notify
        super().__init__(tmp, zones, key, **more)


class Knot(Primary):
    """knotd. zone_options: of the zone's template, {'zonefile-sync': '-1'}."""

    program = 'knotd'
    account = 'knot'
    ready = 'server started'

    def __init__(self, *args, zone_options=None, **more):
        self.zone_options = zone_options or {}
        super().__init__(*args, **more)

    def control_socket(self):
        return self.control_dir / 'knot.sock'

    def knotc(self, *words):
        return subprocess.run(['knotc', '-s', str(self.control_socket()), *words], check=True,
                              capture_output=True, text=True, timeout=TIMEOUT, env=clean_env()).stdout

    def command(self, zone=ZONE):
        return f'knotc -b -s {self.control_socket()} zone-reload {zone}'

    checker = 'kzonecheck -o'

    def forget(self, zone):
        shutil.rmtree(self.state_dir / 'journal', ignore_errors=True)
        shutil.rmtree(self.state_dir / 'timers', ignore_errors=True)

    def configure(self):
        acls, remotes = [], []
        acl = ''
        if self.allow_update and self.key:
            acl += f'  - id: update\n    key: {self.key.name}\n    action: update\n'
            acls.append('update')
        if self.allow_transfer == 'open':
            acl += '  - id: transfer\n    action: transfer\n    address: [0.0.0.0/0, ::/0]\n'
            acls.append('transfer')
        elif self.allow_transfer and self.key:
            acl += f'  - id: transfer\n    key: {self.key.name}\n    action: transfer\n'
            acls.append('transfer')
        remote = ''
        for i, (ip, port) in enumerate(_list(self.notify)):
            remote += f'  - id: secondary{i}\n    address: {ip}@{port}\n'
            remote += f'    key: {self.key.name}\n' if self.key else ''
            remotes.append(f'secondary{i}')
        options = {'storage': self.zone_dir, 'semantic-checks': 'on'}
        if 'update' not in acls:
            options['zonefile-sync'] = '-1'	# the file is somebody else's
        options.update(self.zone_options)
        if acls:
            options['acl'] = f'[{", ".join(acls)}]'
        if remotes:
            options['notify'] = f'[{", ".join(remotes)}]'
        text = f'''\
server:
    listen: {self.at_port}
    rundir: {self.state_dir}
    user: {self.account}:{self.account}
    udp-workers: 1
    tcp-workers: 1
    background-workers: 1
control:
    listen: {self.control_socket()}
log:
  - target: stderr
    any: info
database:
    storage: {self.state_dir}
'''
        text += f'include: {self.key.knot_file}\n' if self.key else ''
        text += f'remote:\n{remote}' if remote else ''
        text += f'acl:\n{acl}' if acl else ''
        text += 'template:\n  - id: default\n'
        text += ''.join(f'    {k}: {v}\n' for k, v in options.items())
        text += 'zone:\n'
        text += ''.join(f'  - domain: {z}\n    file: {self.zone_files[z]}\n' for z in self.zones)
        self.write(self.conf_file, text)

    def argv(self):
        return ['knotd', '-c', str(self.conf_file)]


class Bind(Primary):
    """named. It binds only what an interface has: 127.0.0.1 or ::1, at a free port.
    options, zone_options: more text in these statements."""

    program = 'named'
    account = 'bind'
    ready = 'running'
    any_address = False

    def __init__(self, *args, options='', zone_options='', **more):
        self.options = options
        self.zone_options = zone_options
        super().__init__(*args, **more)
        self.control_port = Port('127.0.0.1')
        self.control_key = Key(self.dir, 'rndc')
        os.chown(self.control_key.bind_file, 0, self.control_gid)

    def rndc(self, *words):
        return subprocess.run([*shlex.split(self._rndc()), *words], check=True,
                              capture_output=True, text=True, timeout=TIMEOUT, env=clean_env()).stdout

    def _rndc(self):
        return (f'rndc -s 127.0.0.1 -p {self.control_port.number} '
                f'-k {self.control_key.bind_file}')

    def command(self, zone=ZONE):
        return f'{self._rndc()} reload {zone}'

    checker = 'named-checkzone'

    @property
    def checked_reload_command(self):
        zone = next(iter(self.zones))
        return ' '.join([f'{TOP}/dist/bind/reload', zone, str(self.zone_files[zone]), *self._rndc().split()[1:]])

    def wait_up(self):
        super().wait_up()

        def connect():
            socket.create_connection(('127.0.0.1', self.control_port.number), TIMEOUT).close()
            return True
        self.until(connect, 'its control channel is there')

    def forget(self, zone):
        journal = pathlib.Path(f'{self.zone_files[zone]}.jnl')
        journal.unlink(missing_ok=True)

    def configure(self):
        key = self.key.name if self.key else None
        transfer = {True: f'key "{key}";' if key else 'none;', 'open': 'any;'}.get(
            self.allow_transfer, 'none;')
        listen, other = ('listen-on-v6', 'listen-on') if ':' in self.ip else (
            'listen-on', 'listen-on-v6')
        notify = ''.join(f'{ip} port {port}{f" key {key}" if key else ""}; '
                         for ip, port in _list(self.notify))
        text = self.key.bind_text if self.key else ''
        text += self.control_key.bind_text
        text += f'''\
controls {{
	inet 127.0.0.1 port {self.control_port.number} allow {{ 127.0.0.1; }} keys {{ "rndc"; }};
}};
options {{
	directory "{self.state_dir}";
	pid-file "{self.state_dir}/named.pid";
	session-keyfile none;
	{listen} port {self.port} {{ {self.ip}; }};
	{other} {{ none; }};
	interface-interval 0;
	recursion no;
	dnssec-validation no;
	empty-zones-enable no;
	allow-transfer {{ {transfer} }};
	notify {"explicit" if notify else "no"};
	notify-delay 0;
	{f"also-notify {{ {notify}}};" if notify else ""}
	{self.options}
}};
'''
        if self.allow_update == 'policy' and key:
            update = f'update-policy {{ grant "{key}" zonesub A AAAA; }};'
        elif self.allow_update and key:
            update = f'allow-update {{ key "{key}"; }};'
        else:
            update = ''
        for zone in self.zones:
            text += f'''\
zone "{zone}" {{
	type primary;
	file "{self.zone_files[zone]}";
	{update}
	{self.zone_options}
}};
'''
        self.write(self.conf_file, text)

    def argv(self):
        return ['named', '-g', '-n', '1', '-u', self.account, '-c', str(self.conf_file)]

    def close(self):
        super().close()
        self.control_port.close()


class Pdns(Primary):
    """pdns_server with the lmdb backend. The zone is loaded from its file once; afterwards the
    database has it. options: more lines of its configuration."""

    program = 'pdns_server'
    account = 'pdns'
    ready = 'Creating backend connection for TCP'

    def __init__(self, *args, options='', **more):
        self.options = options
        super().__init__(*args, **more)
        self.database = self.state_dir / 'pdns.lmdb'

    def util(self, *words):
        return subprocess.run(['pdnsutil', f'--config-dir={self.dir}', *map(str, words)],
                              user=self.uid, group=self.gid, extra_groups=[], check=True,
                              capture_output=True, text=True, timeout=TIMEOUT, env=clean_env()).stdout

    def configure(self):
        self.conf_file = self.dir / 'pdns.conf'
        notify = ', '.join(f'[{ip}]:{port}' if ':' in ip else f'{ip}:{port}'
                           for ip, port in _list(self.notify))
        self.write(self.conf_file, f'''\
launch=lmdb
lmdb-filename={self.database}
lmdb-shards=1
setuid={self.account}
setgid={self.account}
socket-dir={self.control_dir}
local-address={self.ip}
local-port={self.port}
primary=yes
dnsupdate=yes
allow-dnsupdate-from=
allow-axfr-ips={"0.0.0.0/0,::/0" if self.allow_transfer == "open" else ""}
disable-axfr={"no" if self.allow_transfer else "yes"}
only-notify=
also-notify={notify}
receiver-threads=1
distributor-threads=1
retrieval-threads=1
version-string=anonymous
{self.options}
''')
        if not self.database.exists():
            self.load()

    def load(self):
        if self.key:
            self.util('import-tsig-key', self.key.name, self.key.algorithm, self.key.secret)
        for zone in self.zones:
            self.util('load-zone', zone, self.zone_files[zone])
            self.util('set-kind', zone, 'primary')
            self.util('set-meta', zone, 'SOA-EDIT-DNSUPDATE', 'INCREASE')
            if self.notify:
                self.util('set-meta', zone, 'NOTIFY-DNSUPDATE', '1')
            if self.allow_update and self.key:
                self.util('set-meta', zone, 'ALLOW-DNSUPDATE-FROM', '127.0.0.0/8', '::1/128')
                self.util('set-meta', zone, 'TSIG-ALLOW-DNSUPDATE', self.key.name)
            if self.allow_transfer is True and self.key:
                self.util('set-meta', zone, 'TSIG-ALLOW-AXFR', self.key.name)

    def forget(self, zone):
        for path in self.state_dir.glob('pdns.lmdb*'):
            path.unlink()

    def argv(self):
        return ['pdns_server', f'--config-dir={self.dir}', '--daemon=no', '--guardian=no',
                '--disable-syslog', '--write-pid=no', '--loglevel=6']


class Nsd(Server):
    """nsd. primary=SERVER: a secondary of it. Otherwise it reads its zones' files.

    When it has read a zone anew, a process that has the old one may still answer for a moment, also after
    another has answered with the new one; and it cuts off TCP connections. So ask with wait() or until()."""

    program = 'nsd'
    account = 'nsd'
    ready = 'nsd started'

    def __init__(self, tmp, zones=None, key=None, *, primary=None, **more):
        super().__init__(tmp, zones, key, **more)
        self.primary = primary
        self.control_conf = self.dir / 'nsd-control.conf'
        if primary:
            for zone in self.zones:
                self.zone_files[zone].unlink()

    def control_socket(self):
        return self.control_dir / 'nsd.sock'

    def control(self, *words):
        return subprocess.run(['nsd-control', '-c', str(self.control_conf), *words], check=True,
                              capture_output=True, text=True, timeout=TIMEOUT, env=clean_env()).stdout

    def command(self, zone=ZONE):
        return f'nsd-control -c {self.control_conf} reload {zone}'

    checker = 'nsd-checkzone'

    def served(self):
        """A secondary is ready without its zone: its primary may be started later."""
        return [] if self.primary else self.zones

    def forget(self, zone):
        for path in self.state_dir.iterdir():
            path.unlink()

    def configure(self):
        # What nsd-control needs is a file of its own: who may reload need not read keys.
        control = f'''\
remote-control:
    control-enable: yes
    control-interface: {self.control_socket()}
'''
        self.write(self.control_conf, control, 0o644)
        text = f'''\
server:
    ip-address: {self.at_port}
    username: {self.account}
    zonesdir: "{self.zone_dir}"
    database: ""
    pidfile: "{self.state_dir}/nsd.pid"
    xfrdfile: "{self.state_dir}/xfrd.state"
    xfrdir: "{self.state_dir}"
    zonelistfile: "{self.state_dir}/zone.list"
    xfrd-reload-timeout: 0
    server-count: 1
    verbosity: 2
'''
        text += control
        text += self.key.nsd_text if self.key else ''
        for zone in self.zones:
            text += f'zone:\n    name: {zone}\n    zonefile: "{self.zone_files[zone]}"\n'
            if self.primary:
                name = self.key.name if self.key else 'NOKEY'
                text += f'    request-xfr: {self.primary.ip}@{self.primary.port} {name}\n'
                for net in ('127.0.0.0/8', '::1'):
                    text += f'    allow-notify: {net} {name}\n'
            if self.key:
                for net in ('127.0.0.0/8', '::1'):
                    text += f'    provide-xfr: {net} {self.key.name}\n'
        self.write(self.conf_file, text)

    def argv(self):
        return ['nsd', '-d', '-c', str(self.conf_file)]


class Unbound(Server):
    """unbound with the zones as auth-zones of files."""

    program = 'unbound'
    account = 'unbound'
    ready = 'start of service'

    def __init__(self, *args, **more):
        super().__init__(*args, **more)
        self.control_conf = self.dir / 'unbound-control.conf'

    def control_socket(self):
        return self.control_dir / 'unbound.sock'

    def control(self, *words):
        return subprocess.run(['unbound-control', '-c', str(self.control_conf), *words], check=True,
                              capture_output=True, text=True, timeout=TIMEOUT, env=clean_env()).stdout

    def command(self, zone=ZONE):
        return f'unbound-control -q -c {self.control_conf} auth_zone_reload {zone}'

    checker = 'named-checkzone'	# it has none of its own

    def configure(self):
        control = f'''\
remote-control:
    control-enable: yes
    control-use-cert: no
    control-interface: {self.control_socket()}
'''
        self.write(self.control_conf, control, 0o644)
        text = f'''\
server:
    interface: {self.at_port}
    access-control: 127.0.0.0/8 allow
    access-control: ::1 allow
    do-not-query-localhost: no
    do-daemonize: no
    username: {self.account}
    chroot: ""
    directory: "{self.state_dir}"
    pidfile: "{self.state_dir}/unbound.pid"
    use-syslog: no
    logfile: ""
    verbosity: 1
    num-threads: 1
    module-config: "iterator"
'''
        text += control
        for zone in self.zones:
            text += f'''\
auth-zone:
    name: {zone}
    zonefile: "{self.zone_files[zone]}"
    for-downstream: yes
    for-upstream: yes
    fallback-enabled: no
'''
        self.write(self.conf_file, text)

    def argv(self):
        return ['unbound', '-d', '-c', str(self.conf_file)]


class Dnsmasq(Server):
    """dnsmasq. `file` is its hosts file, with our section in it; `zones` are what it does not ask
    others for. hostsdir=True: it watches the directory and reads by itself what changes there;
    otherwise it is told by a signal, which only root and its own account can send: it runs as
    SERVICE, so that reload_command works for dns-updater."""

    program = 'dnsmasq'
    account = 'dnsmasq'
    ready = 'started, version'

    def __init__(self, tmp, zones=None, *, hostsdir=False, account=None, lines=(), **more):
        self.hostsdir = hostsdir
        self.account = account or ('dnsmasq' if hostsdir else SERVICE)
        super().__init__(tmp, zones, **more)
        for path in self.zone_files.values():
            path.unlink()
        self.file = self.zone_dir / 'hosts'
        self.pid_file = self.control_dir / 'dnsmasq.pid'
        self.write_hosts(lines)

    def write_hosts(self, lines=(), section=()):
        """The administrator writes the hosts file, anew."""
        self.file.write_text('\n'.join([*lines, HOSTS_START, *section, HOSTS_END]) + '\n')
        os.chown(self.file, 0, SERVICE_GID)
        self.file.chmod(0o664)

    @property
    def reload_command(self):
        return None if self.hostsdir else f'kill -HUP $(cat {self.pid_file})'

    def served(self):
        return []	# it has no SOA records

    def wait_up(self):
        self.until(lambda: self.ask(ZONE, 'A'), 'it answers')

    def configure(self):
        pass

    def argv(self):
        source = f'--hostsdir={self.zone_dir}' if self.hostsdir else f'--addn-hosts={self.file}'
        return ['dnsmasq', '--keep-in-foreground', '--conf-file=/dev/null', '--log-facility=-',
                f'--user={self.account}', f'--group={grp.getgrgid(self.gid).gr_name}',
                f'--pid-file={self.pid_file}', f'--listen-address={self.ip}',
                '--bind-interfaces', f'--port={self.port}', '--no-resolv', '--no-hosts',
                '--log-queries', source, *(f'--local=/{zone}/' for zone in self.zones)]
