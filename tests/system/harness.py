# SPDX-FileCopyrightText: 2026 The dns-updater authors
# SPDX-License-Identifier: ISC
"""The real dns-updater and the real tinydns in a directory of their own.

    env = Env(tmp_path)                       # or the fixture `env`
    env.users = {'john': ['john.dyn.example.com']}
    env.start()                               # both run, the daemon has said that it is ready
    env.write('john', '1.2.3.4')              # as john himself, into his home
    env.wait_answer('john.dyn.example.com', 'A', {'1.2.3.4'})

Everything waits for an event: readiness, a line of the log, an answer on the wire. What must *not*
happen is proved with `env.fence()`: a change of another user, made afterwards, has come through.

The daemon is started as root and drops to SERVICE; homes have mode 0700 and belong to numbers that
no account has, so that nothing is readable by accident. Nothing here sleeps to let things settle.
"""

import contextlib
import itertools
import mmap
import os
import pathlib
import pwd
import random
import re
import select
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time

import dns.exception
import dns.flags
import dns.message
import dns.query
import dns.rdatatype
import pytest

TOP = pathlib.Path(__file__).resolve().parents[2]
DNS_UPDATER = os.path.abspath(os.environ.get('DNS_UPDATER', TOP / 'build' / 'dns-updater'))
TINYDNS = '/usr/sbin/tinydns'
TINYDNS_DATA = '/usr/sbin/tinydns-data'

SERVICE = 'daemon'		# the account that dns-updater drops to: every system has it
SERVICE_UID = pwd.getpwnam(SERVICE).pw_uid
SERVICE_GID = pwd.getpwnam(SERVICE).pw_gid
TINYDNS_UID = 61999
USER_UID = 61000		# john, jane ...: 61001, 61002 ...

TIMEOUT = 20			# seconds: when a wait has failed; never how long something takes

START = '# start dynamic dns entries'
END = '# end dynamic dns entries'

# What the administrator has. `*.wild` covers dynamic names that lie below it; john has a static
# AAAA and a mail exchanger beside his dynamic address.
BASE = START + '\n' + END + '\n' + '''\
.example.com:192.0.2.53:a.ns.example.com:259200
.dyn.example.com:192.0.2.53:a.ns.example.com:259200
@john.dyn.example.com::mail.example.com:10:3600
:john.dyn.example.com:28:\\040\\001\\015\\270\\000\\000\\000\\000\\000\\000\\000\\000\\000\\000\\000\\001:3600
'john.dyn.example.com:a static text:3600
+*.wild.example.com:192.0.2.99:3600
+www.example.com:192.0.2.80:3600
'''
STATIC_AAAA = '2001:db8::1'
WILDCARD = '192.0.2.99'

FENCE = 'fence'
FENCE_NAME = 'fence.fence.example.com'

_uids = {}


def uid_of(user):
    """The number that owns this user's home; no account is behind it."""
    return _uids.setdefault(user, USER_UID + 1 + len(_uids))


def clean_env(**more):
    """What the programs inherit: no readiness or journal of whoever runs the tests."""
    env = {k: v for k, v in os.environ.items()
           if k not in ('NOTIFY_SOCKET', 'JOURNAL_STREAM', 'MAKEFLAGS', 'MAKELEVEL', 'MFLAGS')}
    env.update(more)
    return env


def run_as(user, command, **kw):
    """Runs a shell command as this user (a name of the tests, not an account)."""
    uid = uid_of(user)
    return subprocess.run(['/bin/sh', '-c', command], user=uid, group=uid, extra_groups=[],
                          check=True, **kw)


def n_watches(pid):
    """What it watches by inotify."""
    n = 0
    for fd in pathlib.Path(f'/proc/{pid}/fdinfo').iterdir():
        try:
            n += fd.read_text().count('inotify wd')
        except FileNotFoundError:	# it was closed meanwhile
            pass
    return n


def descendants(pid):
    """All processes below this one: children, the helper's children ..."""
    parents = {}
    for p in os.listdir('/proc'):
        if p.isdigit():
            try:
                stat = pathlib.Path('/proc', p, 'stat').read_text()
            except OSError:
                continue
            parents.setdefault(int(stat.rpartition(')')[2].split()[1]), []).append(int(p))
    found, todo = [], [pid]
    while todo:
        below = parents.get(todo.pop(), [])
        found += below
        todo += below
    return found


class Guard:
    """Ends our programs when we are killed ourselves (^C, a worker that is cut off): it lives until
    its standard input ends, then kills what was not ended before."""

    CODE = '''
import os, signal, sys
signal.signal(signal.SIGINT, signal.SIG_IGN)
left = set()
for line in sys.stdin:
    (left.add if line[0] == '+' else left.discard)(int(line[1:]))
for pid in left:
    try:
        os.kill(pid, signal.SIGKILL)
    except ProcessLookupError:
        pass
'''

    def __init__(self):
        self.process = None

    def tell(self, sign, process):
        if not self.process:
            self.process = subprocess.Popen([sys.executable, '-S', '-c', self.CODE], bufsize=0,
                                            stdin=subprocess.PIPE, start_new_session=True)
        self.process.stdin.write(f'{sign}{process.pid}\n'.encode())


guard = Guard()


class Log:
    """The lines that a program writes, as they come. Whoever looks at them has all that were written before, for he
    takes what the thread that follows has not come to yet."""

    def __init__(self, name):
        self.name = name
        self.cond = threading.Condition()
        self._lines = []
        self._open = {}		# stream: the beginning of its next line

    def follow(self, stream):
        with self.cond:
            self._open[stream] = b''
        threading.Thread(target=self._follow, args=(stream,), daemon=True).start()

    def _follow(self, stream):
        poll = select.poll()	# for there may be thousands of descriptors
        poll.register(stream, select.POLLIN)
        with stream:		# nobody else closes it
            while stream in self._open:
                poll.poll()
                with self.cond:
                    self._take()

    def _take(self):
        """All that can be read by now. Call it with the lock held."""
        poll = select.poll()
        for stream in self._open:
            poll.register(stream, select.POLLIN)
        ready = {fd for fd, _ in poll.poll(0)}
        for stream in [s for s in self._open if s.fileno() in ready]:
            data = os.read(stream.fileno(), 1 << 20)	# more than a pipe holds
            *lines, rest = (self._open[stream] + data).split(b'\n')
            self._open[stream] = rest
            if not data:	# the end
                del self._open[stream]
                lines += [rest] if rest else []
            self._lines += [line.decode('utf-8', 'surrogateescape') for line in lines]
            self.cond.notify_all()

    @property
    def lines(self):
        with self.cond:
            self._take()
            return list(self._lines)

    def mark(self):
        with self.cond:
            self._take()
            return len(self._lines)

    def wait(self, test, after=0, timeout=TIMEOUT):
        """The first line behind `after` that passes the test: what test returned, or None."""
        end = time.monotonic() + timeout
        i = after
        with self.cond:
            self._take()
            while True:
                while i < len(self._lines):
                    found = test(self._lines[i])
                    i += 1
                    if found:
                        return found
                left = end - time.monotonic()
                if left <= 0 or not self._open:
                    return None
                self.cond.wait(left)

    def text(self):
        return '\n'.join(self.lines)


class Address:
    """An address in 127.0.0.0/8 whose port 53 is free. The name in the abstract namespace keeps
    other workers away from it, also before the server has bound it."""

    def __init__(self):
        for _ in range(1000):
            self.text = '127.%d.%d.%d' % (random.randrange(16, 250), random.randrange(256),
                                          random.randrange(1, 255))
            self.claim = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
            try:
                self.claim.bind('\0dns-updater-test/' + self.text)
                with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
                    s.bind((self.text, 53))
                return
            except OSError:
                self.claim.close()
        pytest.fail('no address in 127.0.0.0/8 has a free port 53')

    def close(self):
        self.claim.close()


def ask(ip, port, name, type, tcp=False):
    """A server's whole answer. Several times, as resolvers do, for a busy machine may take its time."""
    q = dns.message.make_query(name, type)
    q.flags &= ~dns.flags.RD
    way = dns.query.tcp if tcp else dns.query.udp
    for _ in range(3):
        with contextlib.suppress(dns.exception.Timeout):
            return way(q, ip, port=port, timeout=2)
    raise dns.exception.Timeout(timeout=6)


class Tinydns:
    """Debian's tinydns, serving `root`/data.cdb under a user id of its own."""

    def __init__(self, root):
        self.address = Address()
        self.ip = self.address.text
        self.log = Log('tinydns')
        self.process = subprocess.Popen(
            ['prlimit', '--data=4000000', TINYDNS], stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, cwd='/', start_new_session=True,
            env={'PATH': os.environ['PATH'], 'ROOT': str(root), 'IP': self.ip,
                 'UID': str(TINYDNS_UID), 'GID': str(TINYDNS_UID)})
        guard.tell('+', self.process)
        self.log.follow(self.process.stderr)
        if not self.log.wait(lambda line: 'starting tinydns' in line):
            self.close()
            pytest.fail('tinydns does not start: ' + self.log.text())

    def ask(self, name, type):
        return ask(self.ip, 53, name, type)

    def close(self):
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait()
        guard.tell('-', self.process)
        self.address.close()


class Logged:
    """A program with a log: self.log, self.run_start where it stood at the last start, and self.fail."""

    def mark(self):
        """Where the log stands now; for the `after` of the waits."""
        return self.log.mark()

    def lines(self, after=None):
        """The program's messages since this start (or since a mark)."""
        after = self.run_start if after is None else after
        return self.log.lines[after:]

    def wait_log(self, pattern, after=None, timeout=TIMEOUT):
        """Waits for a line in which the regular expression is found; the match."""
        __tracebackhide__ = True
        after = self.run_start if after is None else after
        found = self.log.wait(lambda line: re.search(pattern, line), after, timeout)
        if not found:
            self.fail(f'no line of the log of {self.log.name} matches {pattern!r}')
        return found

    def wait_line(self, line, after=None, timeout=TIMEOUT):
        """Waits for exactly this message."""
        __tracebackhide__ = True
        after = self.run_start if after is None else after
        if not self.log.wait(lambda l: l == line, after, timeout):
            self.fail(f'the log does not say {line!r}')

    def count(self, pattern, after=None):
        """How many lines match by now."""
        return sum(1 for line in self.lines(after) if re.search(pattern, line))


class Env(Logged):
    """A tinydns, a dns-updater, homes, a data file and a configuration, all below `tmp`.

    Set before start(), or before reload():
      users      {user: [names]}; his home is made when it is not there
      conf       {key: value} over the defaults of this class; None leaves a key out
      conf_more  text behind everything else
      conf_text  text instead of everything
      prefix     command in front of the daemon (['unshare', '-m'])
      options    its options; -c and -r are added
      popen      more arguments for subprocess.Popen of the daemon
      environ    more of its environment
    """

    def __init__(self, tmp):
        self.tmp = pathlib.Path(tmp)
        self.homes = self.tmp / 'home'
        self.root = self.tmp / 'root'
        self.data = self.root / 'data'
        self.cdb = self.root / 'data.cdb'
        self.state_dir = self.tmp / 'state'
        self.state = self.state_dir / 'state'
        self.made = self.state_dir / 'made'
        self.conf_file = self.tmp / 'dns-updater.conf'

        self.users = {'john': ['john.dyn.example.com']}
        self.with_fence = True
        self.conf = {
            'ttl': '60',
            'pathpattern': f'{self.homes}/%u/.dynamicdns',
            'datafile': str(self.data),
            # one byte for every run, then what a user of Debian's package has
            'makecommand': f'printf x >> {self.made}; make -s -C {self.root}',
            'user': SERVICE,
            'publish_interval': '0',
            'rescan': '1h',		# so that events are what is tested
            'state': str(self.state),
        }
        self.conf_more = ''
        self.conf_text = None
        self.prefix = []
        self.options = ['-e']
        self.popen = {}
        self.environ = {}

        self.log = Log('dns-updater')
        self.process = None
        self.tinydns = None
        self.run_start = 0
        self.expect_exit = {0}
        self._killed = False
        self._fence = itertools.count(1)
        self._nsenter = []

        self.tmp.chmod(0o755)
        self.homes.mkdir(mode=0o755)
        self.root.mkdir()
        os.chown(self.root, 0, SERVICE_GID)
        self.root.chmod(0o2775)
        makefile = pathlib.Path('/etc/sv/tinydns/root/Makefile')
        (self.root / 'Makefile').write_text(
            makefile.read_text() if makefile.exists() else f'data.cdb: data\n\t{TINYDNS_DATA}\n')
        self.state_dir.mkdir(mode=0o755)
        os.chown(self.state_dir, SERVICE_UID, SERVICE_GID)
        self.write_data(BASE)

    # ---- what stands on disk

    def write_data(self, text):
        """The administrator writes the whole data file, in place."""
        fresh = not self.data.exists()
        self.data.write_bytes(text if isinstance(text, bytes) else text.encode())
        if fresh:
            os.chown(self.data, 0, SERVICE_GID)
            self.data.chmod(0o664)

    def section(self):
        """The lines between the markers."""
        lines = self.data.read_bytes().decode('utf-8', 'surrogateescape').split('\n')
        lines = [line.rstrip() for line in lines]
        return lines[lines.index(START) + 1:lines.index(END)]

    def outside(self, data=None):
        """The bytes before and behind the section, markers included."""
        data = self.data.read_bytes() if data is None else data
        begin = data.index(b'\n', data.index(START.encode())) + 1
        return data[:begin], data[data.index(END.encode()):]

    def runs(self):
        """How many times makecommand has been run."""
        return self.made.stat().st_size if self.made.exists() else 0

    def home(self, user):
        return self.homes / user

    def file(self, user):
        return self.homes / user / '.dynamicdns'

    def make_home(self, user, mode=0o700):
        home = self.home(user)
        home.mkdir()
        os.chown(home, uid_of(user), uid_of(user))
        home.chmod(mode)
        return home

    def sh(self, user, command, **kw):
        """The user types a command, in his home (in the daemon's mount namespace)."""
        cwd = None if self._nsenter else self.home(user)
        if self._nsenter:
            uid = uid_of(user)
            return subprocess.run(
                [*self._nsenter, 'setpriv', f'--reuid={uid}', f'--regid={uid}', '--clear-groups',
                 '/bin/sh', '-c', f'cd {self.home(user)} && {{ {command}\n}}'], check=True, **kw)
        return run_as(user, command, cwd=cwd, env=clean_env(HOME=str(self.home(user))), **kw)

    def write(self, user, text, age=None):
        """The user writes his address file, as `echo ... >` does. With an age (seconds) the file
        was last modified that long ago: before start(), the daemon need not wait with it."""
        if isinstance(text, str):
            text = text.encode('utf-8', 'surrogateescape')
        if not self.home(user).exists():
            self.make_home(user)
        self.sh(user, 'cat > .dynamicdns', input=text if text.endswith(b'\n') else text + b'\n')
        if age is not None:
            self.age(user, age)

    def age(self, user, seconds):
        t = time.time() - seconds
        os.utime(self.file(user), (t, t))

    def all_users(self):
        fence = {FENCE: [FENCE_NAME]} if self.with_fence else {}
        return {**self.users, **fence}

    def write_conf(self):
        if self.conf_text is not None:
            text = self.conf_text
        else:
            text = '[dns-updater]\n'
            text += ''.join(f'{k} = {v}\n' for k, v in self.conf.items() if v is not None)
            if 'users_file' not in self.conf:
                text += '\n[users]\n'
                text += ''.join(f'{u} = {", ".join(n)}\n' for u, n in self.all_users().items())
            text += self.conf_more
        self.conf_file.write_text(text)
        self.conf_file.chmod(0o644)

    def compile(self):
        """data.cdb as it stands before dns-updater comes."""
        subprocess.run([TINYDNS_DATA], cwd=self.root, check=True)

    # ---- programs

    def start(self, *, wait=True, homes=True, tinydns=True):
        """Starts tinydns and dns-updater and waits until the latter has said that it is ready."""
        __tracebackhide__ = True
        self.write_conf()
        if homes:
            for user in self.all_users():
                if not self.home(user).exists():
                    self.make_home(user)
        if self.with_fence and not self.home(FENCE).exists():
            self.make_home(FENCE)
        if tinydns and not self.tinydns:
            self.compile()
            self.tinydns = Tinydns(self.root)

        self.ready_r, ready_w = os.pipe()
        self.run_start = self.log.mark()
        self._killed = False
        # The descriptor's number differs in every run; so does a supervisor's.
        try:
            self.process = subprocess.Popen(
                [*self.prefix, DNS_UPDATER, '-c', str(self.conf_file), *self.options,
                 '-r', str(ready_w)],
                stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, cwd='/',
                start_new_session=True, pass_fds=(ready_w,), env=clean_env(**self.environ),
                **{'stderr': subprocess.PIPE, **self.popen})
        finally:
            os.close(ready_w)
        guard.tell('+', self.process)
        if self.process.stderr:
            self.log.follow(self.process.stderr)
        if wait:
            self.wait_ready()
        return self

    def wait_ready(self, timeout=TIMEOUT):
        __tracebackhide__ = True
        readable, _, _ = select.select([self.ready_r], [], [], timeout)
        got = os.read(self.ready_r, 100) if readable else None
        os.close(self.ready_r)
        if got == b'\n' and '-e' in self.options:
            self.wait_log(r'^(<\d>)?started$')	# so that a mark() made from now on is behind it
        elif got != b'\n':
            why = 'ended' if got == b'' else 'not ready in time' if got is None else repr(got)
            self.fail('dns-updater: ' + why)

    def send(self, number):
        self.process.send_signal(number)

    def reload(self, *, write=True):
        """SIGHUP; returns the line that tells what came of it."""
        __tracebackhide__ = True
        if write:
            self.write_conf()
        mark = self.mark()
        self.send(signal.SIGHUP)
        return self.wait_log(r'^(not )?reloaded\b.*', mark).group(0)

    @contextlib.contextmanager
    def changing(self, restarted):
        """What is changed meanwhile counts after a reload, or after a restart."""
        __tracebackhide__ = True
        if restarted:
            assert self.stop() == 0
        yield
        if restarted:
            self.start(tinydns=bool(self.tinydns))
        else:
            self.reload()

    def wait_exit(self, timeout=TIMEOUT):
        """Waits for the daemon's end; its exit status."""
        __tracebackhide__ = True
        try:
            status = self.process.wait(timeout)
        except subprocess.TimeoutExpired:
            self.fail('dns-updater does not end')
        guard.tell('-', self.process)
        self.log.wait(lambda line: None)	# the last lines: up to end of file
        return status

    def stop(self, number=signal.SIGTERM, timeout=TIMEOUT):
        """Ends the daemon; its exit status."""
        __tracebackhide__ = True
        self.send(number)
        return self.wait_exit(timeout)

    def kill(self):
        """kill -9, what is below it too."""
        below = descendants(self.process.pid)
        self.process.kill()
        self.process.wait()
        guard.tell('-', self.process)
        for pid in below:
            try:
                os.kill(pid, signal.SIGKILL)
            except ProcessLookupError:
                pass
        self._killed = True

    def check(self):
        """dns-updater check; .returncode, and .stdout as lines."""
        self.write_conf()
        done = subprocess.run([*self.prefix, DNS_UPDATER, 'check', '-c', str(self.conf_file)], cwd='/',
                              capture_output=True, text=True, timeout=TIMEOUT, env=clean_env())
        done.lines = done.stdout.splitlines()
        return done

    def close(self):
        """The end of every test: the daemon ends with status 0 and no sanitizer has spoken."""
        try:
            if self.process:
                if self.process.poll() is None and not self._killed:
                    self.send(signal.SIGCONT)
                    self.stop()
                if not self._killed and self.process.returncode not in self.expect_exit:
                    self.fail(f'dns-updater ended with {self.process.returncode}')
            for line in self.log.lines:
                if re.search(r'ERROR: \w+Sanitizer|runtime error:|Assertion', line):
                    self.fail('a sanitizer or an assertion has spoken')
        finally:
            if self.process and self.process.poll() is None:
                self.kill()
            if self.tinydns:
                self.tinydns.close()

    # ---- events

    def ask(self, name, type):
        """The whole answer of tinydns."""
        return self.tinydns.ask(name, type)

    def query(self, name, type):
        """What tinydns answers now: a set of texts."""
        answer = self.ask(name, type).answer
        return {rd.to_text() for rrset in answer for rd in rrset
                if rrset.rdtype == dns.rdatatype.from_text(type)}

    def wait_answer(self, name, type, expected, timeout=TIMEOUT):
        """Asks until tinydns answers with exactly these."""
        __tracebackhide__ = True
        end = time.monotonic() + timeout
        got = None
        while True:
            try:
                got = self.query(name, type)
            except dns.exception.Timeout:
                got = 'no answer'
            if got == set(expected):
                return
            if time.monotonic() > end:
                self.fail(f'{name} {type}: {got}, not {set(expected)}')
            time.sleep(0.005)

    def wait(self, test, what, timeout=TIMEOUT):
        """For what has no event of its own: asks until the test is true."""
        __tracebackhide__ = True
        end = time.monotonic() + timeout
        while not test():
            if time.monotonic() > end:
                self.fail(f'not so in time: {what}')
            time.sleep(0.005)

    def wait_section(self, expected, timeout=TIMEOUT):
        """Waits until the section has exactly these lines, in any order."""
        __tracebackhide__ = True
        self.wait(lambda: sorted(self.section()) == sorted(expected),
                  f'the section has {expected}', timeout)

    def fence(self, publish=True):
        """A change of another user, and its whole way: what was to come of earlier events came.
        The last step waited for is the answer on the wire, so makecommand has run for it.
        publish=False: a line that is refused, so that nothing is published for the fence."""
        __tracebackhide__ = True
        if not publish:
            bad = 'fence-%d' % next(self._fence)
            mark = self.mark()
            self.write(FENCE, bad)
            self.wait_log(f"^refusing .* of user {FENCE}: line 1: .*'{bad}'", mark)
            return
        address = '203.0.113.%d' % next(self._fence)
        mark = self.mark()
        self.write(FENCE, address)
        self.wait_line(f'user {FENCE} requested update to {address}', mark)
        self.wait_line(f'updating record for {FENCE_NAME} to {address}', mark)
        if self.tinydns:
            self.wait_answer(FENCE_NAME, 'A', {address})

    # ---- a mount namespace of the daemon's own

    def private_mounts(self):
        """The daemon gets a mount namespace; sh(), write() and inside() work in there."""
        self.prefix = [*unshare_mounts(), *self.prefix]
        return self

    def enter(self):
        """From now on users live in the daemon's mount namespace. Call it after start()."""
        self._nsenter = ['nsenter', '-t', str(self.process.pid), '-m', '-r', '--']

    def inside(self, command):
        """A root shell in the daemon's mount namespace."""
        return subprocess.run(['nsenter', '-t', str(self.process.pid), '-m', '-r', '--',
                               '/bin/sh', '-c', command], check=True)

    # ---- words for whoever reads a failure

    def transcript(self):
        text = f'command: {" ".join(self.process.args) if self.process else "not started"}\n'
        if self.conf_file.exists():
            text += self.conf_file.read_text() + '\n'
        text += '--- log\n' + self.log.text()
        return text

    def fail(self, why):
        __tracebackhide__ = True
        pytest.fail(f'{why}\n--- log of dns-updater\n{self.log.text()}\n---')


def unshare_mounts():
    """The command that gives what follows a mount namespace of its own, or skips the test. In a
    chroot whose / is no mount point, propagation cannot be changed: there it must be private."""
    for command in (['unshare', '-m'], ['unshare', '-m', '--propagation', 'unchanged']):
        if subprocess.run([*command, 'true'], capture_output=True).returncode == 0:
            if command[-1] == 'unchanged':
                mounts = pathlib.Path('/proc/self/mountinfo').read_text()
                if ' shared:' in mounts:
                    break
            return command
    pytest.skip('no private mount namespace to be had')


def needs(program):
    """Skips the test where the program is not installed."""
    if not shutil.which(program):
        pytest.skip(f'{program} is not installed')


def traced(env):
    """The program is to run under strace, which counts the calls of each thread by itself: so one thread does
    all that the loop does not."""
    needs('strace')
    env.environ = {'ASAN_OPTIONS': 'detect_leaks=0', 'UV_THREADPOOL_SIZE': '1'}	# leaks cannot be looked for then


class SlowWriter(threading.Thread):
    """Somebody who has an address file open and writes it line by line, without ever pausing for
    as long as the daemon takes for the end of writing. finish() writes the rest and closes.
    within_a_line: he is in the midst of one, and writes what stands there once more."""

    def __init__(self, path, text, append=False, within_a_line=False):
        super().__init__(daemon=True)
        self.within_a_line = text.encode() if within_a_line else None
        self.fd = os.open(path, os.O_WRONLY | os.O_CREAT |
                          (os.O_APPEND if append else os.O_TRUNC), 0o644)
        os.write(self.fd, text.encode())
        self.done = threading.Event()
        self.start()

    def run(self):
        while not self.done.wait(0.2):
            if self.within_a_line:
                os.pwrite(self.fd, self.within_a_line, 0)
            else:
                os.write(self.fd, b'\n#')

    def finish(self, text):
        self.done.set()
        self.join()
        os.write(self.fd, (b'' if self.within_a_line else b'\n') + text.encode())
        os.close(self.fd)


class SilentWriter:
    """Changes an address file through a shared mapping, for which inotify(7) has no event: only a
    sweep can find it. The new text must be as long as the old one."""

    def __init__(self, path):
        self.file = open(path, 'r+b', buffering=0)
        self.map = mmap.mmap(self.file.fileno(), 0)

    def write(self, text):
        before = os.fstat(self.file.fileno()).st_mtime_ns
        self.map[:] = text.encode()
        self.map.flush()
        if os.fstat(self.file.fileno()).st_mtime_ns == before:
            pytest.skip('this file system does not date what is written through a mapping')

    def close(self):
        self.map.close()
        self.file.close()
