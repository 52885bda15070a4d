# SPDX-FileCopyrightText: 2026 The dns-updater authors
# SPDX-License-Identifier: ISC
"""Links and races in homes: whoever swaps his file, its directory and links as fast as he can gets nobody else's file
read, no name but his changed, not a byte of a secret into log, status or data file, and the daemon not stuck.
tests/attack does it for as long as you like."""

import os
import pathlib
import re
import subprocess
import sys
import time

import pytest

from attacker import GOOD
from harness import DNS_UPDATER, TIMEOUT, guard, uid_of

JOHN, MALLORY = 'john.dyn.example.com', 'mallory.dyn.example.com'
SECRET = 'QWERTYUIOP'
ATTACKER = str(pathlib.Path(__file__).with_name('attacker.py'))
ROUNDS = int(os.environ.get('DNS_UPDATER_ATTACK_ROUNDS', '20000'))


@pytest.mark.parametrize('watch', ['inotify', 'fanotify'])
def test_links_and_races(env, watch):
    env.conf.update(watch=watch, pathpattern=f'{env.homes}/%u/mine/address', rescan='1s', log_rate='0',
                    socket=str(env.state_dir / 'socket'))
    env.users = {'john': [JOHN], 'mallory': [MALLORY]}
    env.with_fence = False
    for user in env.users:
        env.make_home(user, mode=0o755)	# so that he can try hard links
        mine = env.home(user) / 'mine'
        mine.mkdir()
        os.chown(mine, uid_of(user), -1)
    secret = env.tmp / 'secret'
    secret.mkdir(mode=0o755)
    (secret / 'address').write_text(f'6.6.6.6\n{SECRET}\n')
    (secret / 'address').chmod(0o600)
    env.start()
    uid = uid_of('mallory')
    attack = subprocess.Popen(
        ['setpriv', f'--reuid={uid}', f'--regid={uid}', '--clear-groups', sys.executable, ATTACKER,
         str(env.home('mallory')), str(env.home('john') / 'mine' / 'address'), str(secret / 'address'), '1'],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    guard.tell('+', attack)
    seen, told, n, done, slowest = set(), '', 0, 0, 0.0
    try:
        while done < ROUNDS:
            done = int(attack.stdout.readline())
            address = f'10.1.{n // 250}.{n % 250}'
            n += 1
            env.sh('john', f'echo {address} > mine/address')
            written = time.monotonic()
            env.wait_answer(JOHN, 'A', {address})
            slowest = max(slowest, time.monotonic() - written)
            seen |= env.query(MALLORY, 'A')
            told += subprocess.run([DNS_UPDATER, 'status', 'mallory', '-c', str(env.conf_file)], text=True,
                                   capture_output=True, timeout=TIMEOUT).stdout
    finally:
        attack.communicate()
        guard.tell('-', attack)
    env.wait_answer(MALLORY, 'A', {GOOD[0]})
    asked = set(re.findall(r'^user mallory requested update to (.*)$', env.log.text(), re.M))
    assert seen <= set(GOOD) and asked <= set(GOOD), (seen, asked)
    assert asked, 'he never had a good file: that is no attack'
    for where in env.log.text(), told, env.data.read_text():
        assert SECRET not in where and '6.6.6.6' not in where
    accepted, refused = (len(re.findall(line, env.log.text(), re.M)) for line in (
        '^user mallory requested update', '^refusing .* of user mallory'))
    print(f'{watch}: {done} swaps; of his files {accepted} were accepted and {refused} refused; {n} changes of another '
          f'user were answered meanwhile, the slowest after {1000 * slowest:.0f} ms')
