#!/usr/bin/python3
# SPDX-FileCopyrightText: 2026 The dns-updater authors
# SPDX-License-Identifier: ISC
"""What a hostile user can do to his own address file and to the directory it lies in, as fast as he can.

  attacker.py HOME VICTIM SECRET SEED

HOME/mine/address is his file, VICTIM somebody else's, SECRET nobody's business. A line is written for each thousand
things done; ends when standard input does, and leaves a good file."""

import contextlib
import ctypes
import os
import pathlib
import random
import select
import shutil
import socket
import sys

GOOD = ('5.5.5.5', '5.5.5.6')
EXCHANGE = 2
AT_FDCWD = -100
libc = ctypes.CDLL(None)


class Attacker:
    def __init__(self, home, victim, secret, seed):
        self.home = pathlib.Path(home)
        self.victim, self.secret = pathlib.Path(victim), pathlib.Path(secret)
        self.random = random.Random(int(seed))
        self.dir = self.home / 'mine'
        self.file = self.dir / 'address'
        self.other = self.home / 'other'

    def clear(self, path):
        if path.is_symlink() or not path.is_dir():
            path.unlink(missing_ok=True)
        else:
            shutil.rmtree(path, ignore_errors=True)

    def put(self, path, what):
        """Beside it first, then in its place: by rename, or by an exchange that leaves the old one."""
        new = path.with_name('.new')
        self.clear(new)
        what(new)
        if self.random.random() < 0.5 or not os.path.lexists(path):
            if path.is_dir() and not path.is_symlink():
                self.clear(path)
            os.rename(new, path)
        else:
            libc.renameat2(AT_FDCWD, os.fsencode(new), AT_FDCWD, os.fsencode(path), EXCHANGE)

    def good(self, path):
        path.write_text(self.random.choice(GOOD) + '\n')

    def bad(self, path):
        path.write_text('no address\n')

    def link_to(self, target):
        return lambda path: path.symlink_to(target)

    def listen(self, path):
        with socket.socket(socket.AF_UNIX) as s:
            s.bind(str(path))

    def directory(self, path):
        path.mkdir()
        self.random.choice([self.good, self.link_to(self.secret), self.link_to(self.victim)])(path / 'address')

    def do(self):
        r = self.random.random()
        if r < 0.15:
            self.put(self.dir, self.directory)
        elif r < 0.25:
            self.put(self.dir, self.link_to(self.random.choice([self.victim.parent, self.secret.parent, self.home])))
        elif r < 0.3:
            self.put(self.dir, self.link_to('mine'))
        elif r < 0.35:
            os.link(self.random.choice([self.victim, self.secret]), self.dir / '.hard')
        else:
            self.put(self.file, self.random.choice([
                self.good, self.good, self.bad, self.link_to(self.victim), self.link_to(self.secret),
                self.link_to('/dev/zero'), self.link_to('address'), os.mkfifo, self.listen, self.directory,
                lambda path: path.write_bytes(bytes(1 << 20))]))

    def run(self):
        n = 0
        while not select.select([sys.stdin], [], [], 0)[0]:
            with contextlib.suppress(OSError):
                self.do()
            n += 1
            if n % 1000 == 0:
                print(n, flush=True)
        for path in self.dir, self.other, self.home / '.new':
            self.clear(path)
        self.dir.mkdir()
        self.file.write_text(GOOD[0] + '\n')


if __name__ == '__main__':
    Attacker(*sys.argv[1:]).run()
