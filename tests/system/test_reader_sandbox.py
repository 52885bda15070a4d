# SPDX-FileCopyrightText: 2026 The dns-updater authors
# SPDX-License-Identifier: ISC
"""What those that read homes on other file systems can do, and the process that makes them, once somebody else steers
them: they open, read and answer, and nothing else."""

import errno
import os
import pathlib
import subprocess

import pytest

from harness import descendants
from steered import X86_64, assert_closed, assert_no_core_file, calls, gdb, needs_gdb, needs_landlock, spawn, status
from test_sandbox import CAP_DAC_READ_SEARCH, DEADLY, O_WRONLY_CREAT, named, writable	# noqa: F401: a fixture
from test_silent_homes import MARY, NEW, afar, changes	# noqa: F401: a fixture

pytestmark = needs_gdb

SOCKET, INOTIFY = 3, 4		# descriptors


@pytest.fixture(autouse=True)
def there(env, afar):		# noqa: F811
    env.environ = {'ASAN_OPTIONS': 'detect_leaks=0'}	# the debugger puts its strings into the heap
    afar.come_up()


def mother_of(env):
    mother, = named(env, 'dnsu-patient')
    return mother


def reader_of(env):
    readers = descendants(mother_of(env))
    assert len(readers) == 1
    return readers[0]


@pytest.fixture(params=[reader_of, mother_of], ids=['reader', 'mother'])
def which(request):
    return request.param


FILTERS = {mother_of: 1, reader_of: 2}	# a reader has hers and its own


def descriptors(pid):
    return {int(fd) for fd in os.listdir(f'/proc/{pid}/fd')}


def test_it_is_closed_and_has_one_capability(env, which):
    pid = which(env)
    assert_closed(pid, CAP_DAC_READ_SEARCH)
    assert status(pathlib.Path('/proc', str(pid)))['Seccomp_filters'] == str(FILTERS[which])
    assert_no_core_file(pid)


def test_only_these_descriptors_are_open(env):
    env.wait(lambda: descriptors(mother_of(env)) == {0, 1, 2, SOCKET}, 'she closed what she was sent')
    assert descriptors(reader_of(env)) == {0, 1, 2, SOCKET, INOTIFY}


def test_the_debugger_can_make_it_do_what_is_allowed(env, which):
    """Or everything below would be refused for another reason."""
    pid = which(env)
    (own, _), (fd, _) = calls(pid, 'getpid()', 'open("/etc/shadow", 0)')
    assert own == pid
    assert fd >= 0


WRITING = [
    f'open("{{writable}}/new", {O_WRONLY_CREAT}, 0600)',
    'open("{writable}/file", 1)',
    'open("{writable}/file", 2)',
    'open("{writable}/file", 01001)',		# O_WRONLY | O_TRUNC
    'open("{writable}", 020200002, 0600)',	# O_TMPFILE | O_RDWR
    'open("{data}", 1)',
    'open("{data}", 01001)',
    f'open("{{root}}/new", {O_WRONLY_CREAT}, 0600)',
    f'open("/dev/shm/dns-updater-test", {O_WRONLY_CREAT}, 0600)',
    'open("/proc/self/mem", 2)',
]


@needs_landlock
def test_it_opens_nothing_for_writing(env, which, writable):	# noqa: F811
    tried = [f.format(writable=writable, data=env.data, root=env.root) for f in WRITING]
    for function, result in zip(tried, calls(which(env), *tried)):
        assert result == (-1, errno.EACCES), function
    assert sorted(os.listdir(writable)) == ['empty', 'file']
    changes(env, NEW)


NO_SUCH_CALL = [
    # of files
    'unlink("{0}/data")',
    'rename("{0}/data", "{0}/data2")',
    'link("{0}/data", "{0}/data2")',
    'symlink("/etc/passwd", "{0}/link")',
    'mkdir("{0}/new", 0700)',
    'rmdir("{0}")',
    'mknod("{0}/fifo", 010600, (long long)0)',		# S_IFIFO
    'truncate("{0}/data", 0)',
    'ftruncate(0, 0)',
    'chmod("{0}/data", 0666)',
    'chown("{0}/data", 1, 1)',
    'utimes("{0}/data", (void *)0)',
    'setxattr("{0}/data", "user.x", "x", 1, 0)',
    'chdir("/tmp")',
    'memfd_create("x", 0)',
    'inotify_init()',
    # to others
    'socket(1, 1, 0)',				# AF_UNIX
    'socket(2, 1, 0)',				# AF_INET
    'socket(2, 2, 0)',
    'socket(10, 2, 0)',				# AF_INET6
    'socket(16, 3, 0)',				# AF_NETLINK
    'socketpair(1, 1, 0, (void *)calloc(2, 4))',
    'connect(3, (void *)calloc(1, 16), 16)',
    'bind(3, (void *)calloc(1, 16), 16)',
    'listen(3, 1)',
    'accept(3, (void *)0, (void *)0)',
    'sendmsg(3, (void *)calloc(1, 64), 0)',	# descriptors
    'setsockopt(3, 1, 2, (void *)calloc(1, 4), 4)',
    'pipe((void *)calloc(2, 4))',
    'kill(1, 0)',
    'kill({daemon}, 0)',
    'kill({other}, 0)',
    'kill(-1, 0)',
    'fcntl(3, 8, {daemon})',			# F_SETOWN
    # of itself
    'prctl(4, 1, 0, 0, 0)',			# PR_SET_DUMPABLE
    'setrlimit(4, (void *)calloc(1, 16))',	# RLIMIT_CORE
    'vfork()',
    'mprotect((void *)((unsigned long)$sp & ~4095ul), 4096, 5)',	# PROT_READ | PROT_EXEC
]
MORE = {
    reader_of: ['fork()', 'dup2(0, 9)', 'fcntl(0, 1030, 9)', 'recvmsg(3, (void *)calloc(1, 64), 64)'],
    mother_of: ['dup(0)', 'fcntl(3, 4, 0)'],
}
if X86_64:
    # clone: a namespace of its own, the same memory, a thread
    MORE[mother_of] += [f'syscall(56, {flags}, 0, 0, 0, 0)' for flags in (0x10000011, 0x111, 0x10f00)]


def test_calls(env, which):
    pid, other = which(env), (mother_of if which is reader_of else reader_of)(env)
    tried = [f.format(env.root, daemon=env.process.pid, other=other) for f in NO_SUCH_CALL + MORE[which]]
    for function, result in zip(tried, calls(pid, *tried)):
        assert result == (-1, errno.EPERM), function
    changes(env, NEW)


def test_starting_a_program(env, which):
    assert spawn(which(env)) == errno.EPERM


TRACING = 'ptrace(16, {daemon}, (void *)0, (void *)0)'		# PTRACE_ATTACH


def is_ended_by(env, pid, function):
    said = gdb(pid, f'print (int){function}'.replace('{daemon}', str(env.process.pid)))
    assert 'terminated with signal SIGSYS' in said, (function, said)


def test_what_only_an_attacker_does_ends_a_reader(env, afar):	# noqa: F811
    """And there is another one."""
    deadly = [*DEADLY, TRACING]
    if X86_64:
        deadly.append('syscall(317, 1, 0, (void *)0)')		# seccomp
    for n, function in enumerate(deadly):
        is_ended_by(env, reader_of(env), function)
        afar.write(f'1.2.4.{n}')
        env.wait_answer(MARY, 'A', {f'1.2.4.{n}'})


@pytest.mark.parametrize('function', [*DEADLY, TRACING])
def test_what_only_an_attacker_does_ends_the_mother(env, function):
    """And with her the daemon, which cannot have another."""
    env.expect_exit = {0, 111}
    is_ended_by(env, mother_of(env), function)
    assert env.wait_exit() == 111


# What struct patient_answer has at these bytes, and what cannot be.
UNSOUND = {'outcome': (0, 99), 'marks': (16, 1 << 20), 'level': (20, 31), 'unmarked': (32, 2), 'time': (548, 1 << 31)}


@pytest.mark.skipif(not X86_64, reason='the debugger finds the packet by a register')
@pytest.mark.parametrize('field', UNSOUND)
def test_an_answer_that_cannot_be_is_the_last(env, afar, field):	# noqa: F811
    """Whoever steers a reader gets nothing into the daemon but a file's text, and the next one reads in its place."""
    offset, value = UNSOUND[field]
    pid = reader_of(env)
    debugger = subprocess.Popen(
        ['gdb', '-nx', '-p', str(pid), '-batch', '-iex', 'set debuginfod enabled off', '-ex', 'break send', '-ex', 'continue',
         '-ex', f'set *(unsigned *)($rsi + {offset}) = {value}', '-ex', 'delete', '-ex', 'detach'],
        stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        env.wait(lambda: status(pathlib.Path('/proc', str(pid)))['TracerPid'] != '0', 'the debugger')
        afar.write(NEW)
        env.wait_log('^nobody can be had to read the address files at .*; trying again with the next sweep$')
        env.wait_answer(MARY, 'A', {NEW})
        assert reader_of(env) != pid
        changes(env, NEW)
    finally:
        debugger.kill()
        debugger.wait()
