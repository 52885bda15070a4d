# SPDX-FileCopyrightText: 2026 The dns-updater authors
# SPDX-License-Identifier: ISC
"""What the real dns-updater-http can do once somebody else steers it: a debugger makes it try.

What the sandbox refuses in detail, with a control that it works outside, is in
tests/unit/test_sandbox.c; here it is shown that the program is in it, with all of its threads.
"""

import errno
import os
import signal
import socket

import pytest

from steered import (TIMEOUT, assert_closed, assert_no_core_file, call, gdb, needs_gdb, needs_landlock, seen_by_seccomp,
                     spawn)

pytestmark = needs_gdb


@pytest.fixture(autouse=True)
def front_end(http):
    http.start()


def test_every_thread_is_closed_and_has_nothing(http):
    assert_closed(http.process.pid)


def test_no_core_file(http):
    assert_no_core_file(http.process.pid)


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


@pytest.mark.parametrize('function', seen_by_seccomp([
    'socket(2, 1, 0)',			# AF_INET, SOCK_STREAM
    'socket(2, 2, 0)',
    'socket(10, 1, 0)',			# AF_INET6
    'socket(16, 3, 0)',			# AF_NETLINK
    'fork()',
    'symlink("/etc/passwd", "/tmp/dns-updater-test-sandbox")',
    'mprotect((void *)((unsigned long)$sp & ~4095ul), 4096, 5)',	# PROT_READ | PROT_EXEC
]))
def test_calls(http, function):
    assert call(http.process.pid, function) == (-1, errno.EPERM)
    assert http.process.poll() is None


def test_starting_a_program(http):
    assert spawn(http.process.pid) == errno.EPERM
    assert http.process.poll() is None


@pytest.mark.parametrize('function', [
    'execve("/bin/true", (void *)0, (void *)0)',
    'ptrace(0, 0, (void *)0, (void *)0)',	# PTRACE_TRACEME
])
def test_what_only_an_attacker_does_ends_it(http, function):
    http.expect_exit = {-signal.SIGSYS}
    gdb(http.process.pid, f'print (int){function}')
    assert http.wait_exit(TIMEOUT) == -signal.SIGSYS
