#!/usr/bin/python3
# SPDX-FileCopyrightText: 2026 The dns-updater authors
# SPDX-License-Identifier: ISC
"""A peer for the benchmarks: what a script of an afternoon does with pyinotify. A watch on each user's
directory; on an event a regular expression judges the file, everything between the markers is written
anew, and make is run.

    python_updater.py DATA HOMES USERS_FILE

It prints a line when it watches all users and has published all addresses."""

import os
import re
import subprocess
import sys

import pyinotify

START, END = '# start dynamic dns entries\n', '# end dynamic dns entries\n'
ADDRESS = re.compile(r'^\s*(\d{1,3}\.\d{1,3}\.\d{1,3}\.\d{1,3})\s*$')
FILE = '.dynamicdns'


class Updater(pyinotify.ProcessEvent):
    def my_init(self, data, homes, users):
        self.data, self.homes, self.users = data, homes, users
        self.addresses = {}

    def read(self, user):
        try:
            with open(f'{self.homes}/{user}/{FILE}') as f:
                found = ADDRESS.match(f.read())
        except OSError:
            return
        if found:
            self.addresses[user] = found.group(1)

    def publish(self):
        with open(self.data) as f:
            before, _, rest = f.read().partition(START)
        after = rest.partition(END)[2]
        with open(self.data + '.new', 'w') as f:
            f.write(before + START)
            for user, address in self.addresses.items():
                f.write(f'+{self.users[user]}:{address}:60\n')
            f.write(END + after)
        os.rename(self.data + '.new', self.data)
        subprocess.run(['make', '-s'], cwd=os.path.dirname(self.data), check=False)

    def process_default(self, event):
        if event.name == FILE:
            self.read(os.path.basename(event.path))
            self.publish()


def main():
    data, homes, users_file = sys.argv[1:]
    with open(users_file) as f:
        users = dict(line.strip().split(' = ') for line in f)
    manager = pyinotify.WatchManager()
    updater = Updater(data=data, homes=homes, users=users)
    notifier = pyinotify.Notifier(manager, updater)
    for user in users:
        manager.add_watch(f'{homes}/{user}', pyinotify.IN_CLOSE_WRITE | pyinotify.IN_MOVED_TO)
        updater.read(user)
    updater.publish()
    print('ready', flush=True)
    notifier.loop()


main()
