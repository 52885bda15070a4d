# SPDX-FileCopyrightText: 2026 The dns-updater authors
# SPDX-License-Identifier: ISC
"""What the real dns-updater and its processes can do once somebody else steers them: a debugger makes them try."""

import errno
import os
import pathlib
import signal
import socket
import subprocess

import pytest

from harness import SERVICE_GID, SERVICE_UID, descendants
from steered import (TIMEOUT, X86_64, assert_closed, assert_no_core_file, call, calls, gdb, landlock, needs_gdb,
                     needs_landlock, seen_by_seccomp, spawn, status)

CAP_DAC_READ_SEARCH = 1 << 2
O_WRONLY_CREAT = 0o101

pytestmark = needs_gdb


@pytest.fixture(autouse=True)
def daemon(env):
    env.environ = {'ASAN_OPTIONS': 'detect_leaks=0'}	# the debugger puts its strings into the heap
    env.conf['database'] = str(env.cdb)	# so that there is a process of every kind but the readers
    env.start()
    wait_named(env)


def parent_of(pid):
    return int(pathlib.Path('/proc', str(pid), 'stat').read_text().rpartition(')')[2].split()[1])


def named(env, name):
    """The daemon's children that ps(1) shows by this name; theirs, before they run a program, have it too."""
    def is_named(pid):
        try:
            return pathlib.Path('/proc', str(pid), 'comm').read_text().strip() == name and \
                parent_of(pid) == env.process.pid
        except OSError:			# a command's process may end meanwhile
            return False
    return [p for p in descendants(env.process.pid) if is_named(p)]


def wait_named(env):
    """Each gives itself its name, and that may be after the daemon is ready."""
    env.wait(lambda: len(named(env, 'dnsu-command')) == 2 and named(env, 'dnsu-patient'), 'all have their names')


def test_every_thread_is_closed_and_has_one_capability(env):
    env.write('john', '1.2.3.4')		# so that there are threads
    env.wait_answer('john.dyn.example.com', 'A', {'1.2.3.4'})
    assert_closed(env.process.pid, CAP_DAC_READ_SEARCH)


def test_no_core_file(env):
    assert_no_core_file(env.process.pid)


def test_nobody_of_the_same_user_looks_into_it(env):
    """The kernel gives root what is not to be looked into. Started as that user: who becomes another is so anyway."""
    env.stop()
    env.prefix = ['setpriv', f'--reuid={SERVICE_UID}', f'--regid={SERVICE_GID}', '--init-groups']
    env.start(tinydns=False)
    wait_named(env)
    owners = {name: [os.stat(f'/proc/{pid}/mem').st_uid for pid in pids] for name, pids in (
        ('dns-updater', [env.process.pid]), ('dnsu-patient', named(env, 'dnsu-patient')),
        ('dnsu-command', named(env, 'dnsu-command')))}
    assert owners['dns-updater'] == owners['dnsu-patient'] == [0]
    assert sorted(owners['dnsu-command']) == [0, SERVICE_UID]	# of tinydns-data, and of makecommand


def test_helpers_have_nothing(env):
    helpers = named(env, 'dnsu-command')
    assert len(helpers) == 2			# makecommand, tinydns-data
    for pid in helpers:
        s = status(pathlib.Path('/proc', str(pid)))
        assert s['NoNewPrivs'] == '1'
        for caps in ('CapInh', 'CapPrm', 'CapEff', 'CapBnd', 'CapAmb'):
            assert int(s[caps], 16) == 0, caps


def test_the_debugger_can_make_it_do_what_is_allowed(env):
    """Or everything below would be refused for another reason."""
    pid = env.process.pid
    assert call(pid, 'getpid()')[0] == pid
    sockets = [f'socket({int(family)}, {int(kind)}, 0)'
               for family in (socket.AF_UNIX, socket.AF_INET, socket.AF_INET6)
               for kind in (socket.SOCK_STREAM, socket.SOCK_DGRAM)]
    assert all(fd >= 0 for fd, _ in calls(pid, *sockets))
    fd, _ = call(pid, f'open("{env.root}/new", {O_WRONLY_CREAT}, 0600)')
    assert fd >= 0
    assert (env.root / 'new').exists()


@pytest.fixture
def writable():
    """A directory in which everybody may write, and a file: only the sandbox keeps the daemon from it."""
    made = subprocess.run(['mktemp', '-d', '/var/tmp/dns-updater-test.XXXXXX'], check=True, capture_output=True,
                          text=True)
    path = pathlib.Path(made.stdout.strip())
    path.chmod(0o777)
    (path / 'file').write_text('as it was\n')
    (path / 'file').chmod(0o666)
    (path / 'empty').mkdir(mode=0o777)
    yield path
    assert (path / 'file').read_text() == 'as it was\n'
    subprocess.run(['rm', '-r', str(path)], check=True)


ELSEWHERE = [
    f'open("{{}}/new", {O_WRONLY_CREAT}, 0600)',
    'open("{}/file", 1)',
    'open("{}/file", 01001)',			# O_WRONLY | O_TRUNC
    'mkdir("{}/new", 0700)',
    'unlink("{}/file")',
    'link("{}/file", "{}/new")',
    'rename("{}/file", "{}/new")',
]


@needs_landlock
def test_writing_elsewhere(env, writable):
    tried = [f.replace('{}', str(writable)) for f in ELSEWHERE]
    for function, (returned, error) in zip(tried, calls(env.process.pid, *tried)):
        assert returned == -1, function
        assert error in (errno.EACCES, errno.EXDEV), function
    assert sorted(os.listdir(writable)) == ['empty', 'file']
    assert env.process.poll() is None


@needs_landlock
def test_the_data_file_cannot_be_taken_elsewhere(env, writable):
    returned, error = call(env.process.pid, f'rename("{env.data}", "{writable}/data")')
    assert (returned, error) in ((-1, errno.EACCES), (-1, errno.EXDEV))
    assert env.data.exists()


REFUSED = [
    'fork()',
    'symlink("/etc/passwd", "{0}/link")',
    'mknod("{0}/fifo", 010600, (long long)0)',		# S_IFIFO
    'rmdir("{0}")',
    'truncate("{0}/data", 0)',
    'chown("{0}/data", 1, 1)',
    'chdir("/tmp")',
    'kill(1, 0)',
    'kill({parent}, 0)',
    'kill({helper}, 0)',			# of the same user
    'socket(16, 3, 0)',				# AF_NETLINK
    'socket(17, 3, 0)',				# AF_PACKET
    'socket(40, 1, 0)',				# AF_VSOCK
    'socket(2, 3, 1)',				# AF_INET, SOCK_RAW, ICMP
    'socket(2, 1, 262)',			# MPTCP
    'memfd_create("x", 0)',
    'fcntl(0, 8, {parent})',			# F_SETOWN
    'mprotect((void *)((unsigned long)$sp & ~4095ul), 4096, 5)',	# PROT_READ | PROT_EXEC
]


def test_calls(env):
    helper = named(env, 'dnsu-command')[0]
    tried = [f.format(env.root, parent=os.getpid(), helper=helper) for f in seen_by_seccomp(REFUSED)]
    for function, result in zip(tried, calls(env.process.pid, *tried)):
        assert result == (-1, errno.EPERM), function
    assert env.process.poll() is None


@needs_landlock
def test_no_listener_for_the_network(env):
    """Neither a port of its own choice, nor one below 1024."""
    pid = env.process.pid
    fd, _ = call(pid, 'socket(2, 1, 0)')
    assert fd >= 0
    returned, error = call(pid, f'bind({fd}, (void *)calloc(1, 16), 16)')	# AF_UNSPEC is taken for AF_INET
    assert returned == -1
    assert error in (errno.EACCES, errno.EAFNOSUPPORT)


def test_starting_a_program(env):
    assert spawn(env.process.pid) == errno.EPERM
    assert env.process.poll() is None


DEADLY = [
    'execve("/bin/true", (void *)0, (void *)0)',
    'ptrace(0, 0, (void *)0, (void *)0)',	# PTRACE_TRACEME
    'process_vm_readv(1, (void *)0, 0, (void *)0, 0, 0)',
    'setuid(0)',
    'unshare(0x10000000)',			# CLONE_NEWUSER
    'mount("/", "/", (void *)0, 4096, (void *)0)',
    'chroot("/")',
    'syscall(321, 0, (void *)0, 0)' if X86_64 else 'setgid(0)',	# bpf
    'syscall(250, 0, 0, 0, 0, 0)' if X86_64 else 'setgroups(0, 0)',	# keyctl
]


@pytest.mark.parametrize('function', DEADLY)
def test_what_only_an_attacker_does_ends_it(env, function):
    env.expect_exit = {-signal.SIGSYS}
    gdb(env.process.pid, f'print (int){function}')
    assert env.wait_exit(TIMEOUT) == -signal.SIGSYS


def refused(env, *functions):
    """What the one helper, of tinydns-data, is refused and the other, of makecommand, is not: errno of each function."""
    closed, free = sorted((calls(pid, *functions) for pid in named(env, 'dnsu-command')), key=lambda r: r[0][0])
    assert all(returned == -1 for returned, _ in closed), closed
    return [error for _, error in closed], free


@needs_landlock
def test_who_runs_tinydns_data_writes_beside_the_state_only(env, writable):
    (error,), ((fd, _),) = refused(env, f'open("{writable}/new", {O_WRONLY_CREAT}, 0600)')
    assert error == errno.EACCES
    assert fd >= 0			# makecommand may do what the administrator wants
    (writable / 'new').unlink()


@pytest.mark.skipif(landlock() < 6, reason='the kernel has an old Landlock')
def test_who_runs_tinydns_data_listens_nowhere_and_signals_nobody(env):
    errors, free = refused(env, 'bind((int)socket(2, 1, 0), (void *)calloc(1, 16), 16)', f'kill({env.process.pid}, 0)')
    assert errors == [errno.EACCES, errno.EPERM]
    assert [returned for returned, _ in free] == [0, 0]


def test_a_directory_that_is_made_again_is_written_to(env):
    """The sandbox holds for the directory around it."""
    old = env.root.with_name('old')
    text = env.data.read_text()
    env.root.rename(old)
    env.root.mkdir()
    env.root.chmod(0o2775)
    os.chown(env.root, 0, os.stat(old).st_gid)
    env.data.write_text(text)
    (env.root / 'Makefile').write_bytes((old / 'Makefile').read_bytes())
    env.write('john', '1.2.3.9')
    env.wait(lambda: '+john.dyn.example.com:1.2.3.9:60' in env.data.read_text(), 'the new directory has it')
