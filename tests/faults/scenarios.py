# SPDX-FileCopyrightText: 2026 The dns-updater authors
# SPDX-License-Identifier: ISC
"""One publish, in each of its modes: the files that it begins with, what sets it off, and what may be seen of it.

A scenario is set up once and brought to rest by a run without faults; each experiment begins with a copy of that.
The directory of an experiment lies in one of its own, for the daemon watches the directories above it."""

import base64
import os
import pathlib
import pwd
import re
import select
import signal
import socket
import subprocess
import threading
import time

HERE = pathlib.Path(__file__).resolve().parent
SERVICE = pwd.getpwnam('daemon')
FRONT = pwd.getpwnam('games')
HOME_UID = 40000
NAME = 'john.dyn.example.com'
OLD, NEW = '1.2.3.4', '1.2.3.5'
TIMEOUT = 40
ENVIRONMENT = {'PATH': '/usr/sbin:/usr/bin:/sbin:/bin', 'LC_ALL': 'C',
               'ASAN_OPTIONS': 'detect_leaks=0:abort_on_error=1'}

HEAD = b'# kept by the administrator\n=static.example.com:10.0.0.1\n# start dynamic dns entries\n'
TAIL = b'# end dynamic dns entries\n+x.example.com:10.0.0.2\n'
ZONE_HEAD = b'$TTL 300\n@ IN SOA ns.example.com. root.example.com. 2024010101 3600 600 86400 60\n' \
            b' IN NS ns.example.com.\nstatic IN A 10.0.0.1 ; kept\n; start dynamic dns entries\n'
ZONE_TAIL = b'; end dynamic dns entries\nx 60 IN A 10.0.0.2\n'


class Failure(Exception):
    pass


def listing(root):
    """What lies about: names below root, without what a file system may add."""
    names = []
    for at, dirs, files in os.walk(root):
        names += [os.path.relpath(os.path.join(at, name), root) for name in dirs + files]
    return sorted(name for name in names if name != 'log')


def copy_tree(source, to):
    """With owners, modes and times; as few calls as that takes, for it is done thousands of times."""
    st = os.stat(source)
    os.mkdir(to)
    for entry in os.scandir(source):
        target = os.path.join(to, entry.name)
        if entry.is_dir(follow_symlinks=False):
            copy_tree(entry.path, target)
            continue
        est = entry.stat(follow_symlinks=False)
        with open(entry.path, 'rb') as f:
            data = f.read()
        with open(target, 'wb', buffering=0) as f:
            if data:
                f.write(data)
            os.fchown(f.fileno(), est.st_uid, est.st_gid)
            os.fchmod(f.fileno(), est.st_mode & 0o7777)
        os.utime(target, ns=(est.st_atime_ns, est.st_mtime_ns))
    os.chown(to, st.st_uid, st.st_gid)
    os.chmod(to, st.st_mode & 0o7777)
    os.utime(to, ns=(st.st_atime_ns, st.st_mtime_ns))


def remove_tree(path):
    for entry in os.scandir(path):
        if entry.is_dir(follow_symlinks=False):
            remove_tree(entry.path)
        else:
            os.unlink(entry.path)
    os.rmdir(path)


class Program:
    """A program with a readiness descriptor and a log, plainly or below inject."""

    def __init__(self, prefix, command, root):
        ready_r, ready_w = os.pipe()
        self.ready_fd = ready_r
        fifo = root / 'log'	# has a name, by which its descriptor is known to inject
        if not fifo.exists():
            os.mkfifo(fifo, 0o600)
        self.log_r = os.open(fifo, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
        log_w = os.open(fifo, os.O_WRONLY | os.O_CLOEXEC)
        self.buffer, self.lines = b'', []
        self.stdout = subprocess.PIPE if prefix else subprocess.DEVNULL
        self.process = subprocess.Popen([*prefix, *command, '-e', '-r', str(ready_w)], cwd='/', pass_fds=(ready_w,),
                                        stdin=subprocess.DEVNULL, stdout=self.stdout, stderr=log_w, env=ENVIRONMENT,
                                        start_new_session=True)
        os.close(ready_w)
        os.close(log_w)
        self.log_open = True
        self.root = root

    def pump(self, seconds):
        """Reads what the log says within this time, or until there is something."""
        if not self.log_open:
            time.sleep(min(seconds, 0.01))
            return
        if select.select([self.log_r], [], [], seconds)[0]:
            got = os.read(self.log_r, 65536)
            self.log_open = bool(got)
            *lines, self.buffer = (self.buffer + got).split(b'\n')
            self.lines += [line.decode('utf-8', 'replace') for line in lines]

    def wait_ready(self):
        """True: ready. False: it has ended."""
        end = time.monotonic() + TIMEOUT
        while time.monotonic() < end:
            readable = select.select([self.ready_fd] + ([self.log_r] if self.log_open else []), [], [], 1)[0]
            if self.ready_fd in readable:
                return os.read(self.ready_fd, 1) == b'\n'
            if readable:
                self.pump(0)
        raise Failure('is not ready in time')

    def wait(self, test, what, fatal=True):
        """Until the test is true (True) or the program has ended (False)."""
        end = time.monotonic() + TIMEOUT
        pause = 0.001
        while not test():
            if self.process.poll() is not None:
                while self.log_open:
                    self.pump(1)
                return bool(test())
            if time.monotonic() > end:
                if fatal:
                    raise Failure(f'not so in time: {what}')
                return False
            self.pump(pause)
            pause = min(pause * 2, 0.05)
        return True

    def stop(self):
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
        return self.wait_end()

    def wait_end(self):
        end = time.monotonic() + TIMEOUT
        while self.process.poll() is None:
            self.pump(0.05) if self.log_open else time.sleep(0.001)
            if time.monotonic() > end:
                raise Failure('does not end')
        while self.log_open:
            self.pump(1)
        return self.process.returncode

    def close(self):
        if self.process.poll() is None:
            self.process.kill()		# inject's end is the end of what it traces
            self.process.wait()
        os.close(self.ready_fd)
        os.close(self.log_r)
        os.unlink(self.root / 'log')
        if self.process.stdout:
            self.process.stdout.close()


def ask_published(path, user):
    """Waits until the daemon says that what the user wrote is published; whether it said so."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as s:
        s.settimeout(3)
        try:
            s.connect(path)
            s.sendall(f'wait 1 {user}\n'.encode())
            return s.recv(1000).startswith(b'waited 1 published')
        except OSError:
            return False


class Daemon:
    """A publish of the running daemon, which the user's new file sets off."""

    target = 'root/data'
    program = 'dns-updater'
    extra_conf = ''
    output_conf = ''
    head, tail = HEAD, TAIL
    compiled = 'root/data.cdb'
    owner = (SERVICE.pw_uid, SERVICE.pw_gid)
    socket_keeps_records = True	# those of our helper's do
    goal = NEW
    starts = 1		# until nothing lies about any more
    quiet = []		# more of outcomes.QUIET
    spared = ()		# objects whose calls do not fail, for the experiment depends on them
    survives_power = True	# a loss of power is tried, too

    def __init__(self, name, build):
        self.name = name
        self.command = pathlib.Path(build) / self.program
        self.expected = None

    # ---- what stands on disk

    def conf(self, root):
        return (f'[dns-updater]\npathpattern = {root}/homes/%u/.dynamicdns\nuser = {SERVICE.pw_name}\n'
                f'publish_interval = 0\nrescan = 2s\nwatch = inotify\nstate = {root}/run/state\n'
                f'socket = {root}/run/socket\n' + self.extra_conf.format(root=root) +
                f'[users]\njohn = {NAME}\n' + self.output_conf.format(root=root))

    extra_conf = 'datafile = {root}/root/data\nmakecommand = cd {root}/root && tinydns-data\n'

    def line(self, address):
        return f'+{NAME}:{address}:60\n'.encode()

    def text(self, address):
        return self.head + self.line(address) + self.tail

    def masked(self, text):
        return text

    def set_up(self, root):
        """The files before the very first start."""
        root.mkdir()
        for name in ('homes', 'homes/john', 'root', 'run'):
            (root / name).mkdir(mode=0o755)
        os.chown(root / 'homes/john', HOME_UID, HOME_UID)
        for name in ('root', 'run'):
            os.chown(root / name, SERVICE.pw_uid, SERVICE.pw_gid)
        (root / self.target).write_bytes(self.head + self.tail)
        os.chown(root / self.target, *self.owner)
        (root / self.target).chmod(0o640)
        self.write_address(root, OLD, age=3600)
        self.write_conf(root)

    def write_conf(self, root):
        (root / 'conf').write_text(self.conf(root))

    def write_address(self, root, address, age=0):
        path = root / 'homes/john/.dynamicdns'
        path.write_text(address + '\n')
        os.chown(path, HOME_UID, HOME_UID)
        t = time.time() - age
        os.utime(path, (t, t))

    def start(self, root, prefix=()):
        return Program(prefix, [str(self.command), '-c', str(root / 'conf')], root)

    def settled(self, root):
        """Nothing more is to come of the start."""
        return True

    def rest(self, root):
        """From the first files to those that each experiment begins with."""
        for _ in range(2):
            p = self.start(root)
            try:
                if not p.wait_ready():
                    raise Failure('\n'.join(p.lines))
                p.wait(lambda: self.has(root, OLD) and self.settled(root), 'the first publish')
                ask_published(str(root / 'run/socket'), 'john')
                if p.stop():
                    raise Failure('\n'.join(p.lines))
            finally:
                p.close()
        self.old = (root / self.target).read_bytes()
        self.stat = os.stat(root / self.target)
        self.prepare_rest(root)

    def prepare_rest(self, root):
        pass

    # ---- an experiment

    def inject_options(self, root):
        return ['--write', str(root / 'homes/john/.dynamicdns'), NEW + '\n']

    def prepare(self, root):
        self.write_conf(root)

    def set_off(self, p, root):
        p.wait(lambda: self.settled(root), 'nothing more comes of the start')
        p.process.send_signal(signal.SIGUSR1)

    def converge(self, p, root):
        if p.wait(lambda: self.has(root, self.goal), 'the address is published'):
            ask_published(str(root / 'run/socket'), 'john')

    def after_power(self, root):
        """What the user wrote is his file system's business."""
        self.write_address(root, NEW, age=60)

    # ---- what is true of it

    def has(self, root, address):
        """All of what is published has this address, whole."""
        try:
            if self.masked((root / self.target).read_bytes()) != self.masked(self.text(address)):
                return False
            return not self.compiled or self.compiled_has(root, address)
        except FileNotFoundError:
            return False

    def compiled_has(self, root, address):
        data = (root / self.compiled).read_bytes()
        packed = socket.inet_aton(address)
        return cdb_is_whole(data) and b'=\0\0\0<' in data and packed in data

    def check_always(self, root):
        """Whatever happened: the old file or the new one, whole, and nothing of anybody else's is changed."""
        text = (root / self.target).read_bytes()
        if self.masked(text) not in (self.masked(self.text(OLD)), self.masked(self.text(NEW))):
            raise Failure(f'{self.target} is neither the old file nor the new one: {text!r}')
        st = os.stat(root / self.target)
        if (st.st_mode, st.st_uid, st.st_gid) != (self.stat.st_mode, *self.kept_owner()):
            raise Failure(f'{self.target} has another mode or owner: {st.st_mode:o} {st.st_uid}:{st.st_gid}')
        user = root / 'homes/john/.dynamicdns'
        user = user.read_text() if user.exists() else OLD + '\n'
        if user not in (OLD + '\n', NEW + '\n'):
            raise Failure(f'the address file was touched: {user!r}')
        if self.compiled and not cdb_is_whole((root / self.compiled).read_bytes()):
            raise Failure(f'{self.compiled} is not whole')

    def kept_owner(self):
        return self.owner

    def memory(self, root):
        """What the output remembers over a restart."""
        return ''

    def check_end(self, root):
        """After the next start, which nothing disturbed: as if nothing had ever happened."""
        if not self.has(root, self.goal):
            raise Failure('the next start does not publish the address')
        self.check_names(root)
        state = (root / 'run/state').read_text()
        if state != f'dns-updater state 1\njohn {NAME} {self.goal}\n{self.memory(root)}':
            raise Failure(f'the state is {state!r}')

    def check_names(self, root):
        names = listing(root)
        if names != self.expected:
            raise Failure(f'lies about: {sorted(set(names) - set(self.expected))}, '
                          f'missing: {sorted(set(self.expected) - set(names))}')


def cdb_is_whole(data):
    """Each of the 256 tables lies within the file, and so does each record that a slot points to."""
    if len(data) < 2048:
        return False
    def number(at):
        return int.from_bytes(data[at:at + 4], 'little')
    for i in range(256):
        at, n = number(8 * i), number(8 * i + 4)
        if at + 8 * n > len(data):
            return False
        for j in range(n):
            record = number(at + 8 * j + 4)
            if record and (record + 8 > len(data) or record + 8 + number(record) + number(record + 4) > len(data)):
                return False
    return True


class Database(Daemon):
    """tinydns's database is written by the daemon; the data file follows."""

    extra_conf = 'datafile = {root}/root/data\ndatabase = {root}/root/data.cdb\n'

    def settled(self, root):
        try:
            return os.stat(root / 'root/.data.cdb.dnsu.alt').st_size == os.stat(root / self.compiled).st_size and \
                os.stat(root / 'root/.data.cdb.dnsu.alt').st_mode == os.stat(root / self.compiled).st_mode
        except FileNotFoundError:
            return False


class Zonefile(Daemon):
    target = 'root/zone'
    compiled = None
    head, tail = ZONE_HEAD, ZONE_TAIL
    extra_conf = ''
    output_conf = '[output zone]\ntype = zonefile\nfile = {root}/root/zone\nzone = example.com\ncommand = true\n'

    def line(self, address):
        return f'{NAME}.\t60\tIN\tA\t{address}\n'.encode()

    def masked(self, text):
        return re.sub(rb'20\d{8} 3600', b'SERIAL 3600', text)

    def memory(self, root):
        serial = re.search(rb'(\d{10}) 3600', (root / self.target).read_bytes())[1]
        return f' zone serial {serial.decode()}\n'


class Hosts(Daemon):
    target = 'root/hosts'
    compiled = None
    extra_conf = ''
    head = b'127.0.0.1 localhost\n# start dynamic dns entries\n'
    tail = b'# end dynamic dns entries\n10.0.0.2 x # kept\n'
    output_conf = '[output hosts]\ntype = hosts\nfile = {root}/root/hosts\ncommand = true\n'

    def line(self, address):
        return f'{address} {NAME}\n'.encode()


class ByRename(Daemon):
    """Where two files cannot be exchanged."""
    extra_conf = Daemon.extra_conf + 'replace = rename\n'


class Start(Daemon):
    """The publish is that of a start: the user's file was changed while the daemon was not running."""

    survives_power = False	# nothing else than with makecommand
    quiet = [(r'^(openat|read|readlink|getdents64|unlinkat) (/root\S*|\(\d above\))? ', 'the first publish looks again'),
             (r'^openat2 /homes/\S+ (EMFILE|ENFILE)', 'is opened step by step, and that tells'),
             (r'^readlink /run ', 'what the sandbox does not allow then is told when it is to be written'),
             (r'^(dup2|chdir|close_range|prctl) ', 'what that helper is for does not come here'),
             (r'^epoll_ctl anon_inode:inotify ', 'tried again after the next publish')]

    def prepare_rest(self, root):
        self.write_address(root, NEW, age=60)

    def inject_options(self, root):
        return ['--from', '/run/state.lock']	# the first that it opens as its own user

    def set_off(self, p, root):
        pass


class Forgotten(Start):
    """A start without the state, and without the user's file, as when his home is not mounted: what the data file
    says is all that is known of him, and stays."""

    goal = OLD

    def prepare_rest(self, root):
        (root / 'run/state').unlink()
        (root / 'homes/john/.dynamicdns').unlink()


class Edit(Daemon):
    """The administrator adds a line right before the exchange, or right after it: then to the file that is displaced."""

    survives_power = False	# what he did not flush is his file system's business
    starts = 2		# what was merged is guarded for two seconds, and the end does not wait for them
    line_added = '+edited.example.com:10.0.0.3\n'

    def __init__(self, name, build, before):
        super().__init__(name, build)
        self.before = before	# this call on these files
        self.edited = False

    def inject_options(self, root):
        self.edited = False
        file = '.data.dnsu.swap' if self.before == 'openat' else 'data'
        obj = '/root/.data.dnsu.swap' + ('' if self.before == 'openat' else ' /root/data')
        return [*super().inject_options(root), '--edit', f'D\t{self.before}\t{obj}\t1', str(root / 'root' / file),
                self.line_added]

    def text(self, address):
        return super().text(address) + (self.line_added.encode() if self.edited else b'')

    def has(self, root, address):
        self.note_edit(root)
        return super().has(root, address)

    def note_edit(self, root):
        try:
            self.edited = 'edited\n' in (root.parent / 'out').read_text(errors='replace')
        except FileNotFoundError:
            self.edited = False

    def check_always(self, root):
        """His line is in the file, or in a displaced one; not half of it, and nowhere twice."""
        self.note_edit(root)
        text = (root / self.target).read_bytes()
        if self.edited and self.line_added.encode() not in text:
            displaced = [path for path in (root / 'root').glob('.data.dnsu.*') if self.line_added in path.read_text()]
            if not displaced:
                raise Failure('the line of the administrator is lost')
            self.edited = False
        try:
            super().check_always(root)
        finally:
            self.note_edit(root)


class NameServer(threading.Thread):
    """Answers with what the database of an experiment has now; one for each process that makes experiments."""

    running = {}	# by process

    @classmethod
    def of_this_process(cls):
        if os.getpid() not in cls.running:
            cls.running[os.getpid()] = cls()
        return cls.running[os.getpid()]

    def __init__(self):
        super().__init__(daemon=True)
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.socket.bind(('127.0.0.1', 0))
        self.port = self.socket.getsockname()[1]
        self.cdb = None
        self.start()

    def run(self):
        while True:
            query, peer = self.socket.recvfrom(4096)
            end = query.index(b'\0', 12) + 5		# of the question
            is_a = query[end - 4:end - 2] == b'\0\1'
            data = self.cdb.read_bytes() if self.cdb else b''
            found = [a for a in (OLD, NEW) if is_a and socket.inet_aton(a) in data]
            answer = query[:2] + b'\x84\0\0\1' + len(found).to_bytes(2, 'big') + bytes(4) + query[12:end]
            for address in found:
                answer += b'\xc0\x0c\0\1\0\1\0\0\0<\0\4' + socket.inet_aton(address)
            self.socket.sendto(answer, peer)


class Verify(Daemon):
    """Then the name server is asked."""

    survives_power = False
    spared = ('/log',)

    def converge(self, p, root):
        super().converge(p, root)
        if any(line.startswith('updating record') for line in p.lines):
            p.wait(lambda: any(' 127.0.0.1:' in line for line in p.lines), 'the log says what the name server said')

    def prepare(self, root):
        NameServer.of_this_process().cdb = root / self.compiled
        super().prepare(root)

    def conf(self, root):
        server = NameServer.of_this_process()
        server.cdb = root / self.compiled
        return super().conf(root).replace('[users]', f'verify = 127.0.0.1:{server.port}\n[users]')


class Front(Daemon):
    """A request of the front end, and its user's file. The daemon is away, which changes nothing for that."""

    program = 'dns-updater-http'
    target = 'door/john'
    compiled = None
    socket_keeps_records = False
    owner = (FRONT.pw_uid, FRONT.pw_gid)
    secret = 's3cret'

    def conf(self, root):
        return (f'[dns-updater]\npathpattern = {root}/door/%u\ndatafile = {root}/data\nsocket = {root}/socket\n'
                f'[users]\njohn = {NAME}\n[http]\nlisten = 127.0.0.1:0\ntokens = {root}/etc/tokens\n'
                f'user = {FRONT.pw_name}\npublish_timeout = 0\n')

    def set_up(self, root):
        root.mkdir()
        for name in ('door', 'etc'):
            (root / name).mkdir(mode=0o755)
        os.chown(root / 'door', *self.owner)
        self.write_conf(root)
        tokens = root / 'etc/tokens'
        subprocess.run([str(self.command.with_name('dns-updater')), 'token', 'john', '-c', str(root / 'conf'), '--stdin'],
                       input=self.secret.encode() + b'\n', check=True, capture_output=True)
        os.chown(tokens, 0, FRONT.pw_gid)
        tokens.chmod(0o640)

    def request(self, p, address):
        """One request; the whole answer, or nothing of it."""
        port = next((int(m[1]) for m in (re.search(r'listening on .*:(\d+) ', line) for line in p.lines) if m), None)
        pair = base64.b64encode(f'john:{self.secret}'.encode()).decode()
        answer = b''
        with socket.socket() as s:
            s.settimeout(TIMEOUT / 2)
            try:
                s.connect(('127.0.0.1', port))
                s.sendall(f'GET /nic/update?hostname={NAME}&myip={address} HTTP/1.1\r\nHost: x\r\n'
                          f'Authorization: Basic {pair}\r\nConnection: close\r\n\r\n'.encode())
                while got := s.recv(4096):
                    answer += got
            except OSError:
                pass
        return answer

    def ask(self, p, root, address):
        """True: the answer says that it is done, which has to be true."""
        answer = self.request(p, address)
        done = bool(re.search(rb'\r\n\r\n.*(good|nochg)', answer, re.DOTALL))
        if done and not self.has(root, address):
            raise Failure(f'the answer is {answer!r}, but the file is {(root / self.target).read_bytes()!r}')
        return done

    def rest(self, root):
        p = self.start(root)
        try:
            if not p.wait_ready() or not p.wait(lambda: 'started' in p.lines, 'it has started'):
                raise Failure('\n'.join(p.lines))
            answer = self.request(p, OLD)
            if b'good' not in answer or p.stop():
                raise Failure(repr(answer) + '\n'.join(p.lines))
        finally:
            p.close()
        self.old = (root / self.target).read_bytes()
        self.stat = os.stat(root / self.target)

    def text(self, address):
        return self.old.replace(OLD.encode(), address.encode())

    def after_power(self, root):
        pass

    def inject_options(self, root):
        return ['--say']

    def set_off(self, p, root):
        p.wait(lambda: 'started' in p.lines, 'it has started')
        p.process.send_signal(signal.SIGUSR1)
        p.process.stdout.readline()
        self.ask(p, root, NEW)

    def converge(self, p, root):
        """The client asks again, as clients do that got no answer or 911."""
        p.wait(lambda: 'started' in p.lines, 'it has started')
        end = time.monotonic() + TIMEOUT
        while p.process.poll() is None and not (self.has(root, NEW) or self.ask(p, root, NEW)):
            if time.monotonic() > end:
                raise Failure('asked again and again, it does not become new')
            p.pump(0.01)

    def check_always(self, root):
        text = (root / self.target).read_bytes()
        if text not in (self.text(OLD), self.text(NEW)):
            raise Failure(f'{self.target} is neither the old file nor the new one: {text!r}')
        st = os.stat(root / self.target)
        if (st.st_mode, st.st_uid, st.st_gid) != (self.stat.st_mode, *self.owner):
            raise Failure(f'{self.target} has another mode or owner: {st.st_mode:o} {st.st_uid}:{st.st_gid}')

    def check_end(self, root):
        self.check_names(root)


def scenarios(build):
    return [
        Daemon('makecommand', build),
        Verify('verify', build),
        Database('database', build),
        Zonefile('zonefile', build),
        Hosts('hosts', build),
        ByRename('rename', build),
        Start('start', build),
        Forgotten('forgotten', build),
        Edit('edit', build, 'renameat2'),
        Edit('late-edit', build, 'openat'),
        Front('http', build),
    ]
