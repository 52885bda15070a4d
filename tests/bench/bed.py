# SPDX-FileCopyrightText: 2026 The dns-updater authors
# SPDX-License-Identifier: ISC
"""Where the benchmarks happen: users' directories, made by measure.c, and a tinydns with whoever keeps
its data current: dns-updater in one of its ways, or a peer."""

import os
import pathlib
import select
import shutil
import subprocess
import sys
import tempfile
import time

TOP = pathlib.Path(__file__).resolve().parents[2]
HERE = TOP / 'tests' / 'bench'
BUILD = pathlib.Path(os.environ.get('BENCH_BUILD', TOP / 'build-bench'))
os.environ.setdefault('DNS_UPDATER', str(BUILD / 'dns-updater'))
os.environ.setdefault('DNS_UPDATER_HTTP', str(BUILD / 'dns-updater-http'))
sys.path.insert(0, str(TOP / 'tests' / 'system'))
import harness		# noqa: E402

ZONE = 'dyn.example.com'
WATCHES = pathlib.Path('/proc/sys/fs/inotify/max_user_watches')
SETTLED_S = 3		# more than publish_interval
READY_S = 900		# seconds: when a start has failed, not how long it takes


class Failed(Exception):
    """A part that cannot be measured; the others go on."""


def build():
    """Release builds of ours, and the two programs that measure."""
    setup = ['meson', 'setup', str(BUILD), str(TOP), '--buildtype=release', '-Dtests=false']
    for command in ([] if (BUILD / 'build.ninja').exists() else [setup]) + [['ninja', '-C', str(BUILD)]]:
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        if done.returncode:
            sys.exit(done.stdout + done.stderr)
    for name in ('measure', 'limits'):
        subprocess.run(['cc', '-O2', '-D_GNU_SOURCE', '-o', str(BUILD / name), str(HERE / f'{name}.c')], check=True)


def run_limits(*args):
    """Microseconds of each round."""
    done = subprocess.run([BUILD / 'limits', *map(str, args)], capture_output=True, text=True, check=False,
                          cwd='/', timeout=READY_S)
    if done.returncode:
        raise Failed(f'limits {args}: {done.stderr[-300:]}')
    return [float(line) for line in done.stdout.split()]


class Watches:
    """inotify's limit, raised while it would not do: root's other programs watch as well, and what was watched
    before is given back late."""

    def __init__(self, n_users):
        self.before = WATCHES.read_text()
        wanted = 4 * n_users + 10000
        if int(self.before) < wanted:
            WATCHES.write_text(str(wanted))

    def close(self):
        if WATCHES.read_text() != self.before:
            WATCHES.write_text(self.before)


class Homes:
    """So many users, each with a directory and an address file, below `where`."""

    def __init__(self, n_users, where):
        self.n_users = n_users
        self.top = pathlib.Path(tempfile.mkdtemp(prefix='dns-updater-homes.', dir=where))
        try:
            self.make(n_users, where == '/dev/shm')
        except BaseException:
            self.close()
            raise

    def make(self, n_users, in_memory):
        """In memory on a tmpfs of their own, for /dev/shm may not have two million inodes."""
        if in_memory:
            subprocess.run(['mount', '-t', 'tmpfs', '-o', 'nr_inodes=0,size=90%', 'bench', str(self.top)], check=False)
        self.top.chmod(0o755)
        self.dir = self.top / 'home'
        self.dir.mkdir()
        self.users_file = self.top / 'users'
        with open(self.users_file, 'w') as f:
            f.writelines(f'u{i:07d} = u{i:07d}.{ZONE}\n' for i in range(n_users))
        self.measure('make', '127.0.0.1')

    def measure(self, what, server, *args):
        """The lines that measure.c prints."""
        command = [BUILD / 'measure', what, self.dir, ZONE, server, self.n_users, *args]
        done = subprocess.run(list(map(str, command)), capture_output=True, text=True, check=False)
        if done.returncode:
            raise Failed(f'measure {what}: {done.stderr[-300:]}')
        return done.stdout.splitlines()

    def close(self):
        if os.path.ismount(self.top):
            subprocess.run(['umount', '-l', str(self.top)], check=False)
        subprocess.run(['rm', '-rf', str(self.top)], check=False)


class Site:
    """tinydns, and who keeps its data current for `homes`. start() and stop() may be repeated."""

    def __init__(self, homes):
        self.homes = homes
        self.tmp = pathlib.Path(tempfile.mkdtemp(prefix='dns-updater-bench.', dir='/var/tmp'))
        self.tmp.chmod(0o755)
        (self.tmp / 'env').mkdir()
        self.env = harness.Env(self.tmp / 'env')
        self.process = None
        self.log = open(self.tmp / 'log', 'ab')

    def serve(self):
        if not self.env.tinydns:
            self.env.compile()
            self.env.tinydns = harness.Tinydns(self.env.root)

    def measure(self, what, *args):
        return self.homes.measure(what, self.env.tinydns.ip, *args)

    def wait_line(self, fd):
        """Until it says that it is ready."""
        got = b''
        while not got.endswith(b'\n'):
            readable, _, _ = select.select([fd], [], [], READY_S)
            more = os.read(fd, 100) if readable else b''
            if not more:
                text = (self.tmp / 'log').read_text(errors='replace')
                raise Failed(f'not ready, exit status {self.process.poll()}: {text[-500:]}')
            got += more

    def kib(self, file, key):
        """Of a line in /proc/PID/FILE, of it and of all below it."""
        total = 0
        for pid in [self.process.pid, *harness.descendants(self.process.pid)]:
            for line in pathlib.Path(f'/proc/{pid}/{file}').read_text().splitlines():
                if line.startswith(key + ':'):
                    total += int(line.split()[1])
        return total

    def status(self, key):
        return self.kib('status', key)

    def settle(self):
        """Until it has used no processor for SETTLED_S: what follows the start, text and state, is written."""
        def used():
            fields = [pathlib.Path(f'/proc/{pid}/stat').read_text().rpartition(')')[2].split()
                      for pid in [self.process.pid, *harness.descendants(self.process.pid)]]
            return sum(int(f[11]) + int(f[12]) for f in fields)	# utime and stime, proc_pid_stat(5)

        ticks, since = used(), time.monotonic()
        while time.monotonic() < since + SETTLED_S:
            time.sleep(0.1)
            now = used()
            if now != ticks:
                ticks, since = now, time.monotonic()

    def close(self):
        try:
            self.stop()
        finally:
            if self.env.tinydns:
                self.env.tinydns.close()
            self.log.close()
            shutil.rmtree(self.tmp, ignore_errors=True)


class Ours(Site):
    def __init__(self, homes, watch, database):
        super().__init__(homes)
        env = self.env
        env.with_fence = False
        env.conf.update(users_file=str(homes.users_file), pathpattern=f'{homes.dir}/%u/.dynamicdns', watch=watch,
                        socket=str(env.state_dir / 'socket'))
        if database:
            env.conf.update(database=str(env.cdb), makecommand=None, publish_interval='1s')
        else:
            env.conf.update(makecommand=f'cd {env.root} && exec {harness.TINYDNS_DATA}', publish_interval='0')
        env.popen = {'stderr': self.log}

    def start(self):
        """Seconds from exec to readiness: everything is read and published."""
        self.serve()
        before = time.perf_counter()
        self.env.start(wait=False, homes=False, tinydns=False)
        self.process = self.env.process
        self.wait_line(self.env.ready_r)
        took = time.perf_counter() - before
        os.close(self.env.ready_r)
        if 'max_user_watches' in (self.tmp / 'log').read_text(errors='replace'):
            raise Failed('not every directory is watched: fs.inotify.max_user_watches')
        return took

    def stop(self):
        if self.process and self.process.poll() is None and self.env.stop(timeout=120):
            raise Failed('it ended with a failure: ' + (self.tmp / 'log').read_text(errors='replace')[-500:])


class Peer(Site):
    """A program of tests/bench that prints a line when it is ready, or has to be looked at."""

    def spawn(self, *command, **more):
        self.serve()
        self.process = subprocess.Popen(list(map(str, command)), stdin=subprocess.DEVNULL, stderr=self.log,
                                        start_new_session=True, cwd='/', **more)
        harness.guard.tell('+', self.process)

    def stop(self):
        if not self.process or self.process.poll() is not None:
            return
        for pid in harness.descendants(self.process.pid) + [self.process.pid]:
            try:
                os.kill(pid, 9)
            except ProcessLookupError:
                pass
        self.process.wait()
        harness.guard.tell('-', self.process)


class PythonPeer(Peer):
    def start(self):
        before = time.perf_counter()
        self.spawn('/usr/bin/python3', HERE / 'python_updater.py', self.env.data, self.homes.dir,
                   self.homes.users_file, stdout=subprocess.PIPE)
        self.wait_line(self.process.stdout.fileno())
        return time.perf_counter() - before


class ShellPeer(Peer):
    def start(self):
        """inotifywait has all its watches when it waits for the first event."""
        with open(self.env.data, 'a') as f:
            f.writelines(f'+u{i:07d}.{ZONE}:198.51.100.1:60\n' for i in range(self.homes.n_users))
        before = time.perf_counter()
        self.spawn('/bin/sh', HERE / 'shell_updater', self.env.root, self.homes.dir, stdout=subprocess.DEVNULL)
        while time.perf_counter() < before + READY_S:
            for pid in harness.descendants(self.process.pid):
                proc = pathlib.Path(f'/proc/{pid}')
                try:
                    if (proc / 'comm').read_text() == 'inotifywait\n' and (proc / 'wchan').read_text() and \
                            self.n_watches(proc) > self.homes.n_users:
                        return time.perf_counter() - before
                except OSError:
                    pass
            time.sleep(0.05)
        raise Failed('inotifywait is not ready')

    @staticmethod
    def n_watches(proc):
        """What the kernel says of its descriptors: a line for each watch."""
        for fd in (proc / 'fd').iterdir():
            if 'inotify' in os.readlink(fd):
                return (proc / 'fdinfo' / fd.name).read_text().count('inotify wd')
        return 0


WAYS = {
    'database, inotify': lambda homes: Ours(homes, 'inotify', True),
    'database, fanotify': lambda homes: Ours(homes, 'fanotify', True),
    'makecommand': lambda homes: Ours(homes, 'auto', False),
    'Python + pyinotify': PythonPeer,
    'inotifywait + make': ShellPeer,
}
OURS = list(WAYS)[:3]
