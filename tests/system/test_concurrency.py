# SPDX-FileCopyrightText: 2026 The dns-updater authors
# SPDX-License-Identifier: ISC
"""Others who write the same file at the same time: each way of an administrator's (writers.py), make(1) by hand, a
second dns-updater by mistake; and all of them at once, by tests/storm."""

import itertools
import os
import re
import socket
import subprocess
import sys
import threading

import pytest

from harness import BASE, DNS_UPDATER, SERVICE_GID, SERVICE_UID, TIMEOUT, TOP, clean_env, needs
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
    if both.mode == 'makecommand':	# his to do; -B, for he may have edited while it was made
        subprocess.run(['make', '-s', '-B'], cwd=both.root, check=True)
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


# ---- a second one

def second(env):
    """Another configuration, with another state, and the same data file."""
    place = env.tmp / 'second'
    place.mkdir()
    os.chown(place, SERVICE_UID, SERVICE_GID)
    conf = env.tmp / 'second.conf'
    conf.write_text(re.sub(r'(?m)^state = .*', f'state = {place}/state', env.conf_file.read_text()))
    return subprocess.run([DNS_UPDATER, '-c', str(conf), '-e'], env=clean_env(), capture_output=True, text=True,
                          timeout=TIMEOUT)


def test_a_second_one_is_turned_away_and_told_why(both):
    both.start()
    done = second(both)
    assert done.returncode == 111
    assert done.stderr == f"another dns-updater, process {both.process.pid}, publishes to '{both.data}'\n"
    both.fence()


def test_a_second_one_by_another_path_is_turned_away(both):
    both.start()
    link = both.tmp / 'link'
    link.symlink_to(both.root)
    both.conf_file.write_text(both.conf_file.read_text().replace(f'{both.root}/', f'{link}/'))
    assert second(both).returncode == 111


def test_after_kill_9_it_starts_at_once(both):
    both.start()
    for _ in range(5):
        both.process.kill()
        both.process.wait()
        both.start()
    both.fence()


def test_who_takes_the_name_keeps_nobody_from_starting(env):
    st = os.stat(env.root)
    with socket.socket(socket.AF_UNIX) as s:
        s.bind(f'\0dns-updater/{st.st_dev:x}:{st.st_ino:x}/data')
        s.listen()
        env.start()
        env.fence()


def test_a_storm():
    """tests/storm goes on for as long as one likes."""
    for program in 'vim.tiny', 'emacs', 'git':
        needs(program)
    done = subprocess.run([sys.executable, str(TOP / 'tests' / 'storm'), '10'], capture_output=True, text=True,
                          env=clean_env(DNS_UPDATER=DNS_UPDATER), timeout=300)
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.count('not accounted for 0') == 2
