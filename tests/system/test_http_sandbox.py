# SPDX-FileCopyrightText: 2026 The dns-updater authors
# SPDX-License-Identifier: ISC
"""What the real dns-updater-http can do once somebody else steers it: a debugger makes it try.

What the sandbox refuses in detail, with a control that it works outside, is in
tests/unit/test_sandbox.c; here it is shown that the program is in it, with all of its threads.
"""

import ctypes
import errno
import os
import pathlib
import re
import shutil
import signal
import socket
import subprocess

import pytest

TIMEOUT = 60			# seconds: when a wait has failed; gdb may read many symbols

pytestmark = pytest.mark.skipif(not shutil.which('gdb'), reason='there is no gdb')


@pytest.fixture(autouse=True)
def front_end(http):
    http.start()


def landlock():
    """The kernel's Landlock ABI; 0 when it has none."""
    return max(0, ctypes.CDLL(None).syscall(444, None, ctypes.c_size_t(0), 1))


needs_landlock = pytest.mark.skipif(not landlock(), reason='the kernel has no Landlock')


def gdb(pid, *commands):
    """What gdb prints while it runs the commands in the stopped process."""
    options = ['set debuginfod enabled off', 'set print thread-events off']
    r = subprocess.run(
        ['gdb', '-nx', '-p', str(pid), '-batch', *(a for c in options for a in ('-iex', c)),
         *(a for c in commands for a in ('-ex', c))],
        stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
        timeout=TIMEOUT)
    return r.stdout


def call(pid, function):
    """Lets the process call a function: (what it returned, errno)."""
    out = gdb(pid, f'print (int){function}', 'print *((int *(*)(void))__errno_location)()')
    values = re.findall(r'^\$\d+ = (-?\d+)$', out, re.M)
    assert len(values) == 2, out
    return int(values[0]), int(values[1])


def status(path):
    return dict(line.split(':\t', 1) for line in (path / 'status').read_text().splitlines()
                if ':\t' in line)


def test_every_thread_is_closed_and_has_nothing(http):
    tasks = list(pathlib.Path('/proc', str(http.process.pid), 'task').iterdir())
    assert tasks
    for task in tasks:
        s = status(task)
        assert s['Seccomp'] == '2'	# SECCOMP_MODE_FILTER
        assert s['NoNewPrivs'] == '1'
        for caps in ('CapInh', 'CapPrm', 'CapEff', 'CapBnd', 'CapAmb'):
            assert int(s[caps], 16) == 0, caps
        assert '0' not in s['Uid'].split()
        assert '0' not in s['Gid'].split()
        assert '0' not in s.get('Groups', '').split()


def test_no_core_file(http):
    limits = pathlib.Path('/proc', str(http.process.pid), 'limits').read_text()
    assert re.search(r'^Max core file size\s+0\s+0\s', limits, re.M)


def test_the_debugger_can_make_it_do_what_is_allowed(http):
    """Or everything below would be refused for another reason."""
    pid = http.process.pid
    assert call(pid, 'getpid()')[0] == pid
    fd, _ = call(pid, f'socket({int(socket.AF_UNIX)}, 1, 0)')
    assert fd >= 0
    assert os.path.exists(f'/proc/{pid}/fd/{fd}')
    assert call(pid, f'close({fd})')[0] == 0


@needs_landlock
@pytest.mark.parametrize('function', [
    'open("/etc/passwd", 0)',
    'open("/", 0)',
    'open("/proc/self/root/etc/passwd", 0)',
    'open("/tmp/dns-updater-test-sandbox", 0101, 0600)',
    'open("/dev/shm/dns-updater-test-sandbox", 0101, 0600)',
])
def test_files(http, function):
    assert call(http.process.pid, function) == (-1, errno.EACCES)
    assert http.process.poll() is None


@pytest.mark.parametrize('function', [
    'socket(2, 1, 0)',			# AF_INET, SOCK_STREAM
    'socket(2, 2, 0)',
    'socket(10, 1, 0)',			# AF_INET6
    'socket(16, 3, 0)',			# AF_NETLINK
    'fork()',
    'symlink("/etc/passwd", "/tmp/dns-updater-test-sandbox")',
    'mprotect((void *)((unsigned long)$sp & ~4095ul), 4096, 5)',	# PROT_READ | PROT_EXEC
])
def test_calls(http, function):
    assert call(http.process.pid, function) == (-1, errno.EPERM)
    assert http.process.poll() is None


def test_starting_a_program(http):
    """posix_spawn returns its error instead of setting errno."""
    nothing, argv = '(void *)0', '(void *)calloc(2, sizeof(long))'
    assert call(http.process.pid, f'posix_spawn({nothing}, "/bin/true", {nothing}, {nothing}, '
                                  f'{argv}, {nothing})')[0] == errno.EPERM
    assert http.process.poll() is None


@pytest.mark.parametrize('function', [
    'execve("/bin/true", (void *)0, (void *)0)',
    'ptrace(0, 0, (void *)0, (void *)0)',	# PTRACE_TRACEME
])
def test_what_only_an_attacker_does_ends_it(http, function):
    http.expect_exit = {-signal.SIGSYS}
    gdb(http.process.pid, f'print (int){function}')
    assert http.wait_exit(TIMEOUT) == -signal.SIGSYS
