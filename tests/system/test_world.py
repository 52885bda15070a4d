# SPDX-FileCopyrightText: 2026 The dns-updater authors
# SPDX-License-Identifier: ISC
"""Faults of the world around the daemon: no room, no inodes, a quota, a file system that turns read-only, directories
that go and come back, rights that are taken, a clock that is set, limits that are reached. After each: the log says
it in words that a person can act on, without the fault everything converges by itself, nothing of the
administrator's is lost, and nothing of ours is left lying about."""

import contextlib
import os
import pathlib
import re
import signal
import subprocess
import time

import pytest

import harness
from harness import BASE, DNS_UPDATER, SERVICE_GID, SERVICE_UID, TIMEOUT, TOP, Tinydns, needs, traced, unshare_mounts

JOHN = 'john.dyn.example.com'
OLD, NEW = '192.0.2.1', '192.0.2.2'
MORE = ''.join(f'# the administrator has much to say, line {i} of it\n' for i in range(600))


by_make = pytest.mark.parametrize('world', ['makecommand'], indirect=True)


@pytest.fixture(params=['makecommand', 'database'])
def world(env, request):
    env.mode = request.param
    if env.mode == 'database':
        env.conf.update(database=str(env.cdb), makecommand=None)
    env.conf['log_rate'] = '0'
    env.write_data(BASE + MORE)
    env.write('john', OLD, age=60)
    return env


def inside(env, kind, options, behind=''):
    """The data directory becomes a file system of the daemon's own, for which tinydns serves too."""
    stage = env.tmp / 'stage'
    env.compile()
    os.rename(env.root, stage)
    env.root.mkdir()
    env.prefix = [*unshare_mounts(), 'sh', '-ec',
                  f'mount -t {kind} -o {options} {env.tmp}/image {env.root}; '
                  f'chgrp {SERVICE_GID} {env.root}; chmod 2775 {env.root}; '
                  f'cp -p {stage}/* {env.root}; {behind}\nexec "$@"', 'sh']
    env.start(tinydns=False)
    env.real = env.root
    env.root = pathlib.Path(f'/proc/{env.process.pid}/root{env.root}')
    env.data, env.cdb = env.root / 'data', env.root / 'data.cdb'
    env.tinydns = Tinydns(env.root)
    env.wait_answer(JOHN, 'A', {OLD})
    wait_at_rest(env)
    return env


def wait_at_rest(env):
    """The file has what is answered, and nothing is under way: the fault comes at a quiet time."""
    env.fence()
    address = next(iter(env.query('fence.fence.example.com', 'A')))
    env.wait(lambda: f'+fence.fence.example.com:{address}:60' in env.section(), 'the file has followed')
    env.wait(lambda: not under_way(env), 'nothing takes room that it will give back')
    env.wait(lambda: env.state.exists() and address in env.state.read_text(), 'the state is saved')


def under_way(env):
    """Our names that will go soon. What was displaced of root's stays for a minute."""
    found = []
    for path in env.root.glob('.data.dnsu.*'):
        with contextlib.suppress(FileNotFoundError):
            if 'late' not in path.name or path.stat().st_uid == SERVICE_UID:
                found.append(path)
    return found


def converged(env, address, timeout=TIMEOUT):
    """Without the fault, and without anybody's doing."""
    __tracebackhide__ = True
    env.wait_answer(JOHN, 'A', {address}, timeout)
    env.wait(lambda: f'+{JOHN}:{address}:60' in section_or_nothing(env), 'the file has it', timeout)
    env.fence()
    assert env.outside() == env.outside((BASE + MORE).encode())
    # The text of the fence may still be on its way.
    env.wait(lambda: {n for n in os.listdir(env.root) if 'dnsu' in n and 'late' not in n} <= {'.data.cdb.dnsu.alt'},
             'nothing lies about', timeout)
    assert not [n for n in os.listdir(env.root) if 'kept-by' in n]


def section_or_nothing(env):
    with contextlib.suppress(OSError, ValueError):
        return env.section()
    return []


def says(env, pattern, mark):
    """Said, and said but once: `pattern` begins what is wrong, of the file, the database or the command."""
    __tracebackhide__ = True
    env.wait_log(pattern, mark)


# ---- no room

def fill(env, free):
    """All room but `free` bytes is taken."""
    with contextlib.suppress(OSError):
        with open(env.root / 'ballast', 'wb', buffering=0) as f:
            while f.write(b'x' * 4096) == 4096:
                pass
    os.truncate(env.root / 'ballast', os.stat(env.root / 'ballast').st_size // 4096 * 4096 - free)


@pytest.mark.parametrize('free', [0, 4096, 40960], ids=['nothing', 'a_page', 'the_file_but_no_more'])
def test_a_full_file_system(world, free):
    env = inside(world, 'tmpfs', 'size=512k')
    mark = env.mark()
    fill(env, free)
    env.write('john', NEW)
    if env.mode == 'database':	# to change an address takes no room
        env.wait_answer(JOHN, 'A', {NEW})
    if free < 40960:
        says(env, rf'^unable to publish to {env.real}/data: .*No space left on device; ', mark)
    os.unlink(env.root / 'ballast')
    converged(env, NEW)


def test_a_file_system_without_inodes(world):
    env = inside(world, 'tmpfs', 'size=1m,nr_inodes=40')
    mark = env.mark()
    names = []
    with contextlib.suppress(OSError):
        for i in range(100):
            os.close(os.open(env.root / f'ballast{i}', os.O_CREAT | os.O_WRONLY))
            names.append(env.root / f'ballast{i}')
    env.write('john', NEW)
    if env.mode == 'database':
        env.wait_answer(JOHN, 'A', {NEW})
    says(env, rf'^unable to publish to {env.real}/data: .*No space left on device; ', mark)
    for name in names:
        os.unlink(name)
    converged(env, NEW)


def test_a_quota_that_is_reached(world):
    needs('setquota')
    image = world.tmp / 'image'
    with image.open('wb') as f:
        f.truncate(8 << 20)
    subprocess.run(['mkfs.ext4', '-q', '-O', 'quota', str(image)], check=True)
    if subprocess.run([*unshare_mounts(), 'mount', '-o', 'loop,usrquota', str(image), '/mnt'],
                      capture_output=True).returncode:
        pytest.skip('no loop devices, or no quota, to be had')
    env = inside(world, 'ext4', 'loop,usrquota', f'setquota -u {SERVICE_UID} 0 400 0 0 {world.root}')
    mark = env.mark()
    ballast = env.root / 'ballast'
    subprocess.run(['sh', '-c', f'cat /dev/zero > {ballast}'], user=SERVICE_UID, group=SERVICE_GID,
                   stderr=subprocess.DEVNULL)
    env.write('john', NEW)
    if env.mode == 'database':
        env.wait_answer(JOHN, 'A', {NEW})
    says(env, rf'^unable to publish to {env.real}/data: .*Disk quota exceeded; ', mark)
    os.unlink(ballast)
    converged(env, NEW)


@by_make
def test_a_quota_as_the_kernel_tells_it(world):
    """For kernels without quotas: the first write of the new file fails, and that for once."""
    world.prefix = ['strace', '-f', '-D', '-q', '-o', '/dev/null', '-P', str(world.root / '.data.dnsu.part'),
                    '-e', 'trace=write', '-e', 'inject=write:error=EDQUOT:when=1']
    traced(world)
    world.start()
    world.wait_log(rf'^unable to publish to {world.data}: .*Disk quota exceeded; ')
    converged(world, OLD)


@by_make	# the daemon has the second database open for writing, and the kernel takes that from nobody
def test_a_file_system_that_turns_read_only(world):
    env = inside(world, 'tmpfs', 'size=1m')
    mark = env.mark()
    env.inside(f'mount -o remount,ro {env.real}')
    env.write('john', NEW)
    says(env, rf'^unable to publish to {env.real}/data(\.cdb)?: .*Read-only file system; ', mark)
    assert env.query(JOHN, 'A') == {OLD}
    env.inside(f'mount -o remount,rw {env.real}')
    converged(env, NEW)


# ---- directories that go and come back, rights that are taken

def test_the_data_directory_goes_and_comes_back(world):
    world.start()
    world.wait_answer(JOHN, 'A', {OLD})
    wait_at_rest(world)
    mark = world.mark()
    away = world.tmp / 'away'
    os.rename(world.root, away)
    world.write('john', NEW)
    says(world, rf"^unable to publish to {world.data}(\.cdb)?: .*No such file or directory", mark)
    os.rename(away, world.root)
    converged(world, NEW)


@by_make	# the pause between two attempts is ten seconds
def test_the_state_directory_goes_and_comes_back(world):
    world.start()
    wait_at_rest(world)
    mark = world.mark()
    away = world.tmp / 'away'
    os.rename(world.state_dir, away)
    world.write('john', NEW)
    world.wait_answer(JOHN, 'A', {NEW})		# it is only a memory
    world.wait_log(rf"^unable to save '?{world.state}.*No such file or directory", mark)
    os.rename(away, world.state_dir)
    converged(world, NEW)
    world.wait(lambda: NEW in world.state.read_text(), 'the state is saved')


def test_all_homes_go_and_come_back(world):
    world.start()
    wait_at_rest(world)
    away = world.tmp / 'away'
    os.rename(world.homes, away)
    world.reload()		# which looks everywhere
    assert world.query(JOHN, 'A') == {OLD}
    (away / 'john' / '.dynamicdns').write_text(NEW + '\n')
    os.rename(away, world.homes)
    converged(world, NEW)


@pytest.mark.parametrize('mode', [0o2555, 0o2000], ids=['not_to_be_written', 'closed'])
def test_the_data_directory_may_not_be_written(world, mode):
    world.start()
    wait_at_rest(world)
    mark = world.mark()
    world.root.chmod(mode)
    world.write('john', NEW)
    says(world, rf'^unable to publish to {world.data}(\.cdb)?: .*Permission denied; ', mark)
    world.root.chmod(0o2775)
    converged(world, NEW)


@by_make
def test_the_state_directory_may_not_be_written(world):
    world.start()
    wait_at_rest(world)
    mark = world.mark()
    world.state_dir.chmod(0o555)
    world.write('john', NEW)
    world.wait_answer(JOHN, 'A', {NEW})
    world.wait_log(rf"^unable to save '?{world.state}.*Permission denied", mark)
    world.state_dir.chmod(0o755)
    converged(world, NEW)
    world.wait(lambda: NEW in world.state.read_text(), 'the state is saved')


# ---- the command

@by_make
def test_a_command_that_kills_its_helper(world):
    """A service manager starts all of it anew."""
    world.expect_exit = {0, 111}
    world.conf['makecommand'] = f'[ -e {world.tmp}/enough ] || kill -9 $PPID; make -s -C {world.root}'
    world.start(wait=False)
    os.close(world.ready_r)
    world.wait_log('^a process that runs commands is gone; stopping$')
    assert world.wait_exit() == 111
    (world.tmp / 'enough').touch()
    world.start()
    converged(world, OLD)


def name_of(pid):
    """Of the process; None when it has ended, as those of a command do."""
    with contextlib.suppress(OSError):
        return pathlib.Path(f'/proc/{pid}/comm').read_text().rstrip('\n')
    return None


def test_without_those_who_would_read_where_nobody_answers(world):
    """At once, not when somebody's home comes to lie there."""
    world.expect_exit = {0, 111}
    world.start()
    mothers = []

    def found():
        mothers[:] = [p for p in harness.descendants(world.process.pid) if name_of(p) == 'dnsu-patient']
        return mothers
    world.wait(found, 'it has its name')
    mother, = mothers
    os.kill(mother, signal.SIGKILL)
    world.wait_line('a process that reads address files on file systems that may not answer is gone; stopping')
    assert world.wait_exit() == 111


FAULTY = {
    'kills_itself': ('kill -9 $$', '^makecommand was killed by signal 9; trying again'),
    'kills_its_session': ('trap "" TERM; kill -TERM 0; exit 7', '^makecommand failed with exit status 7; trying again'),
    'dies_of_a_fault': ('kill -SEGV $$', '^makecommand was killed by signal 11; trying again'),
    'floods': ('yes', '^makecommand exceeded make_timeout, 1000 ms, and was killed; '),
    'floods_without_a_newline': ('cat /dev/zero', '^makecommand exceeded make_timeout, 1000 ms, and was killed; '),
    'forks_away': ('setsid sh -c "sleep 5" & exit 4', '^makecommand failed with exit status 4; '),
    'hangs': ('sleep 1000', '^makecommand exceeded make_timeout, 1000 ms, and was killed; '),
}


@by_make
@pytest.mark.parametrize('how', FAULTY)
def test_a_command_that(world, how):
    """Users are read meanwhile, and the file is written; when the command is as it should be, it is answered."""
    command, pattern = FAULTY[how]
    bad = world.tmp / 'bad'
    world.conf.update(makecommand=f'if [ -e {bad} ]; then {command}; fi; make -s -C {world.root}', make_timeout='1s')
    world.start()
    wait_at_rest(world)
    mark = world.mark()
    bad.touch()
    world.write('john', NEW)
    world.wait_log(pattern, mark)
    world.wait_section([f'+{JOHN}:{NEW}:60', *(l for l in world.section() if 'fence' in l)])
    bad.unlink()
    converged(world, NEW)
    assert sum(len(line) for line in world.lines(mark)) < 1000000


# ---- the daemon's own limits

@pytest.mark.parametrize('room', [0, 1, 2, 4])
def test_no_descriptors_are_left(world, room):
    """So many more than it has when nothing is under way."""
    world.start()
    wait_at_rest(world)
    mark = world.mark()
    n = max(int(fd) for fd in os.listdir(f'/proc/{world.process.pid}/fd')) + 1
    limit(world, 'nofile', n + room)
    world.write('john', NEW)
    if room == 0:
        world.wait_log('Too many open files', mark)
    limit(world, 'nofile', 1024)
    converged(world, NEW)


@pytest.fixture
def plain(monkeypatch):
    """Sanitizers do not get along with a limit, so this is a program without."""
    plain = next((p for p in (os.environ.get('DNS_UPDATER_PLAIN'), TOP / 'build-release' / 'dns-updater', DNS_UPDATER)
                  if p and os.access(p, os.X_OK) and b'__asan_init' not in pathlib.Path(p).read_bytes()), None)
    if not plain:
        pytest.skip('there is no dns-updater without sanitizers')
    monkeypatch.setattr(harness, 'DNS_UPDATER', str(plain))


def limit_memory(env, more):
    """So many bytes more than it has."""
    size = re.search(r'VmSize:\s+(\d+) kB', pathlib.Path(f'/proc/{env.process.pid}/status').read_text())
    limit(env, 'as', int(size.group(1)) * 1024 + more)


def test_no_memory_is_left(world, plain):
    """For a file that has grown."""
    world.start()
    wait_at_rest(world)
    mark = world.mark()
    limit_memory(world, 1 << 20)
    more = '# a long line that makes the file grow beyond what there is memory for\n' * 200000
    with world.data.open('a') as f:
        f.write(more)
    world.write('john', NEW)
    world.wait_log('(?i)out of memory|cannot allocate memory', mark)
    limit(world, 'as', 'unlimited')
    world.wait_answer(JOHN, 'A', {NEW})
    world.wait(lambda: f'+{JOHN}:{NEW}:60' in section_or_nothing(world), 'the file has it')
    assert world.outside() == world.outside((BASE + MORE + more).encode())


def test_no_memory_is_left_for_the_section(env, plain):
    """It has 2 MB: with less, either nothing is taken from the user, or nothing gets into the file; until later."""
    env.users = {'john': [f'h{i}.dyn.example.com' for i in range(60000)]}
    env.conf.update(makecommand='true', log_rate='5')
    env.write('john', OLD, age=60)
    env.start()

    def is_published(address):
        return env.data.read_text().count(f':{address}:') == 60000
    for i, more in enumerate(range(500000, 3000000, 500000)):
        address, mark = f'192.0.2.{i}', env.mark()
        limit_memory(env, more)
        env.write('john', address)
        env.wait(lambda: env.count('(?i)out of memory|cannot allocate memory', mark) or is_published(address), 'done')
        limit(env, 'as', 'unlimited')
        if env.count('^unable to publish', mark):
            env.wait_line(f'unable to publish to {env.data}: out of memory; the old file stays; trying again', mark)
        env.send(signal.SIGHUP)
        env.wait(lambda: is_published(address), f'the file has {address}')


def limit(env, what, n):
    subprocess.run(['prlimit', f'--{what}={n}:', '--pid', str(env.process.pid)], check=True,
                   user=SERVICE_UID, group=SERVICE_GID, extra_groups=[])


# ---- the kernel's queue

def test_an_overflowed_queue(world):
    """A million events, of which the kernel keeps as many as it may."""
    n = int(open('/proc/sys/fs/inotify/max_queued_events').read())
    if n > 200000:
        pytest.skip('fs.inotify.max_queued_events is too large to be filled in a test')
    world.start()
    wait_at_rest(world)
    world.send(signal.SIGSTOP)
    subprocess.run(['sh', '-c', 'i=0; while [ $i -lt %d ]; do : > a; : > b; i=$((i + 1)); done' % (n // 4 + 100)],
                   cwd=world.home('john'), check=True)
    with open(world.data, 'a') as f:
        f.write('+added.example.com:192.0.2.77:60\n')
    world.write('john', NEW)
    world.send(signal.SIGCONT)
    world.wait_answer(JOHN, 'A', {NEW})
    world.wait_answer('added.example.com', 'A', {'192.0.2.77'})
    world.fence()


# ---- the clock

CLOCK = r'''
#define _GNU_SOURCE
#include <dlfcn.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

static long *offset;	/* seconds, in a file that the test writes */

__attribute__((constructor)) static void begin(void)
{
	int fd = open(getenv("CLOCK_OFFSET"), O_RDONLY | O_CLOEXEC);

	offset = mmap(0, sizeof(*offset), PROT_READ, MAP_SHARED, fd, 0);
	close(fd);
}

int clock_gettime(clockid_t clock, struct timespec *t)
{
	static int (*real)(clockid_t, struct timespec *);
	int r;

	if (!real) {
		real = (int (*)(clockid_t, struct timespec *))dlsym(RTLD_NEXT, "clock_gettime");
	}
	r = real(clock, t);
	if (!r && offset && offset != MAP_FAILED && (clock == CLOCK_REALTIME || clock == CLOCK_REALTIME_COARSE)) {
		t->tv_sec += *offset;
	}
	return r;
}

time_t time(time_t *ret)
{
	struct timespec t;

	clock_gettime(CLOCK_REALTIME, &t);
	if (ret) {
		*ret = t.tv_sec;
	}
	return t.tv_sec;
}
'''


class Clock:
    """The daemon's CLOCK_REALTIME goes wrong by so many seconds. The kernel dates files by the right one; what is
    older than a step is dated by the wrong one, as it would be: by `age`."""

    def __init__(self, env):
        self.env = env
        self.file = env.tmp / 'offset'
        (env.tmp / 'clock.c').write_text(CLOCK)
        subprocess.run(['cc', '-shared', '-fPIC', '-O1', '-o', str(env.tmp / 'clock.so'), str(env.tmp / 'clock.c'), '-ldl'],
                       check=True)
        self.set(0)
        env.environ = {'LD_PRELOAD': str(env.tmp / 'clock.so'), 'CLOCK_OFFSET': str(self.file),
                       'ASAN_OPTIONS': 'verify_asan_link_order=0'}

    def set(self, seconds):
        with open(self.file, 'r+b' if self.file.exists() else 'wb', buffering=0) as f:
            f.write(seconds.to_bytes(8, 'little', signed=True))

    def date_files(self, seconds):
        for path in (self.env.data, self.env.cdb, self.env.file('john')):
            t = time.time() + seconds
            os.utime(path, (t, t))


HOUR, YEAR = 3600, 365 * 24 * 3600


@pytest.mark.parametrize('step', [-HOUR, YEAR], ids=['back_an_hour', 'forward_a_year'])
def test_the_clock_is_set(world, step):
    """Before the step, the clock and all files are wrong by as much; behind it, both are right."""
    world.conf['publish_interval'] = '100ms'	# with 0, serials do not matter
    clock = Clock(world)
    clock.set(-step)
    world.start()
    clock.date_files(-step)
    wait_at_rest(world)
    before = world.tinydns.ask('example.com', 'SOA').answer[0][0].serial
    clock.set(0)
    for address in NEW, OLD, NEW:
        world.write('john', address)
        world.wait_answer(JOHN, 'A', {address})
    assert world.tinydns.ask('example.com', 'SOA').answer[0][0].serial >= before
    converged(world, NEW)
    mark = world.mark()
    world.write('john', OLD, age=-step)		# a file that is dated by the clock of before
    world.wait_answer(JOHN, 'A', {OLD})
    assert not world.count('^unable', mark)
