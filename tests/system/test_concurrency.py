# SPDX-FileCopyrightText: 2026 The dns-updater authors
# SPDX-License-Identifier: ISC
"""Others who write the same file at the same time: each way of an administrator's (writers.py), make(1) by hand; and all of them at once, by tests/storm."""

import itertools
import subprocess
import sys
import threading

import pytest

from harness import BASE, DNS_UPDATER, TIMEOUT, TOP, clean_env, needs
from writers import WAYS, Account, Writer

JOHN = 'john.dyn.example.com'


@pytest.fixture(params=['makecommand', 'database'])
def both(env, request):
    if request.param == 'database':
        env.conf.update(database=str(env.cdb), makecommand=None)
    env.conf['log_rate'] = '0'
    env.mode = request.param
    return env


class Users:
    """Addresses change all the time, until the end of the block."""

    def __init__(self, env):
        self.env, self.ends, self.last = env, threading.Event(), None
        self.thread = threading.Thread(target=self.change)

    def change(self):
        for n in itertools.count():
            self.last = f'198.51.{n // 250 % 250}.{n % 250 + 1}'
            self.env.file('john').write_text(self.last + '\n')
            if self.ends.wait(0.01):
                return

    def __enter__(self):
        self.thread.start()
        return self

    def __exit__(self, *_):
        self.ends.set()
        self.thread.join()


@pytest.mark.parametrize('name', WAYS)
def test_an_administrator_with(both, name):
    """Three lines added, one removed, while addresses change."""
    if name.startswith(('vim', 'emacs', 'git')):
        needs('vim.tiny' if name.startswith('vim') else name.partition('-')[0])
    both.write('john', '192.0.2.1', age=60)
    both.start()
    account = Account(both)
    writer = Writer(account, name, WAYS[name])
    with Users(both) as users:
        for remove in False, False, True, False:
            writer.edit(remove)
    both.wait_answer(JOHN, 'A', {users.last})
    assert account.settled(TIMEOUT) == []
    before, behind = (part.decode() for part in both.outside())
    rest = [line for line in (before + behind).split('\n') if line not in account.there]
    assert rest == BASE.split('\n')
    if both.mode == 'makecommand':	# his to do
        subprocess.run(['make', '-s'], cwd=both.root, check=True)
    for line in account.there:
        host, address = line[1:].split(':')[:2]
        both.wait_answer(host, 'A', {address})


def test_make_by_hand_all_the_time(both):
    """Two tinydns-data at once spoil each other; in the end it is as it should be, without anybody's doing."""
    both.write('john', '192.0.2.1', age=60)
    both.start()
    with Users(both) as users:
        for _ in range(30):
            subprocess.run(['make', '-s'], cwd=both.root, capture_output=True)
    both.wait_answer(JOHN, 'A', {users.last})
    both.fence()


def test_a_storm():
    """tests/storm goes on for as long as one likes."""
    for program in 'vim.tiny', 'emacs', 'git':
        needs(program)
    done = subprocess.run([sys.executable, str(TOP / 'tests' / 'storm'), '10'], capture_output=True, text=True,
                          env=clean_env(DNS_UPDATER=DNS_UPDATER), timeout=300)
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.count('not accounted for 0') == 2
