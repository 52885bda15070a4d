# SPDX-FileCopyrightText: 2026 The dns-updater authors
# SPDX-License-Identifier: ISC
"""A real program that somebody else steers: a debugger makes it try what its sandbox refuses."""

import atexit
import ctypes
import functools
import pathlib
import platform
import re
import shutil
import subprocess
import sys
import tempfile

import pytest

TIMEOUT = 60			# seconds: when a wait has failed; gdb may read many symbols

# What this is built for, and not what the kernel is.
X86_64 = platform.machine() == 'x86_64' and sys.maxsize > 2**32
I386 = re.fullmatch('i.86|x86_64', platform.machine()) and not X86_64

needs_gdb = pytest.mark.skipif(not shutil.which('gdb'), reason='there is no gdb')


def landlock():
    """The kernel's Landlock ABI; 0 when it has none."""
    return max(0, ctypes.CDLL(None).syscall(444, None, ctypes.c_size_t(0), 1))


needs_landlock = pytest.mark.skipif(not landlock(), reason='the kernel has no Landlock')


def seen_by_seccomp(functions):
    """Without those of which it cannot see the arguments: glibc passes them through socketcall(2) there."""
    return [f for f in functions if not (I386 and f.startswith('socket('))]


@functools.cache
def debugger():
    """gdb, with what it needs to call functions on every processor; made once."""
    top = tempfile.TemporaryDirectory(prefix='dns-updater-xstate.')
    atexit.register(top.cleanup)
    library = pathlib.Path(top.name, 'xstate.so')
    subprocess.run(['cc', '-shared', '-fPIC', '-D_GNU_SOURCE', '-o', library,
                    pathlib.Path(__file__).with_name('xstate.c')], check=True)
    return ['env', f'LD_PRELOAD={library}', 'gdb', '-nx', '-batch', '-iex', 'set debuginfod enabled off']


def gdb(pid, *commands):
    """What gdb prints while it runs the commands in the stopped process."""
    r = subprocess.run(
        [*debugger(), '-iex', 'set print thread-events off', '-p', str(pid), *(a for c in commands for a in ('-ex', c))],
        stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
        timeout=TIMEOUT)
    return r.stdout


def calls(pid, *functions):
    """Lets the process call functions: of each (what it returned, errno)."""
    out = gdb(pid, *(c for f in functions
                     for c in (f'print (int){f}', 'print *((int *(*)(void))__errno_location)()')))
    values = [int(v) for v in re.findall(r'^\$\d+ = (-?\d+)$', out, re.M)]
    assert len(values) == 2 * len(functions), out
    return list(zip(values[::2], values[1::2]))


def call(pid, function):
    return calls(pid, function)[0]


def spawn(pid):
    """Lets it start a program by posix_spawn, which returns its error instead of setting errno."""
    nothing, argv = '(void *)0', '(void *)calloc(2, sizeof(long))'
    return call(pid, f'posix_spawn({nothing}, "/bin/true", {nothing}, {nothing}, {argv}, {nothing})')[0]


class Halt:
    """Stops the program where a thread that is not its first has come n times to such a system call, or back from it;
    what is done with `with` happens meanwhile."""

    def __init__(self, env, syscalls, n=1):
        self.env, self.flag = env, env.tmp / 'halt'
        wait = 'shell touch {0}.{1}; while [ -e {0}.{1} ]; do sleep 0.01; done'
        commands = [f'catch syscall {syscalls}', 'condition 1 $_thread != 1', wait.format(self.flag, 'ready'),
                    *['continue'] * n, wait.format(self.flag, 'there'), 'delete', 'detach']
        self.debugger = subprocess.Popen(
            [*debugger(), '-p', str(env.process.pid), *(a for c in commands for a in ('-ex', c))],
            stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        self.wait('ready')

    def wait(self, where):
        try:
            self.env.wait(self.flag.with_suffix('.' + where).exists, f'the debugger is {where}')
        except BaseException:
            self.debugger.kill()	# else the program would stand still for ever
            raise

    def __enter__(self):
        self.flag.with_suffix('.ready').unlink()
        self.wait('there')

    def __exit__(self, *_):
        self.flag.with_suffix('.there').unlink()
        self.debugger.wait(TIMEOUT)


def status(path):
    return dict(line.split(':\t', 1) for line in (path / 'status').read_text().splitlines()
                if ':\t' in line)


def assert_closed(pid, capabilities=0):
    """Every thread is behind the filter, and has no privilege but these capabilities."""
    tasks = list(pathlib.Path('/proc', str(pid), 'task').iterdir())
    assert tasks
    for task in tasks:
        s = status(task)
        assert s['Seccomp'] == '2'	# SECCOMP_MODE_FILTER
        assert s['NoNewPrivs'] == '1'
        for caps in ('CapPrm', 'CapEff', 'CapBnd'):
            assert int(s[caps], 16) & ~capabilities == 0, caps
        for caps in ('CapInh', 'CapAmb'):
            assert int(s[caps], 16) == 0, caps
        assert '0' not in s['Uid'].split()
        assert '0' not in s['Gid'].split()
        assert '0' not in s.get('Groups', '').split()


def assert_no_core_file(pid):
    limits = pathlib.Path('/proc', str(pid), 'limits').read_text()
    assert re.search(r'^Max core file size\s+0\s+0\s', limits, re.M)
