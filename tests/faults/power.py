# SPDX-FileCopyrightText: 2026 The dns-updater authors
# SPDX-License-Identifier: ISC
"""Loss of power: from the recorded calls of a publish, every state in which the file system may be found afterwards.

What is assumed of it is little, less than ext4, XFS and Btrfs promise:

- What was written to a file, and its mode and times, is there for sure once the file was flushed. Before that, what came
  since the last flush may be absent, there in part, there as zeroes, or there.
- Of what happened to the names of a directory since that was flushed, a beginning is there, of any length. A rename
  and an exchange are there or not. Nothing orders the names of two directories, nor names and contents."""

import collections
import itertools
import os
import pathlib

RENAME_EXCHANGE = 2
DIRECTORIES = ('root', 'run', 'door')


class Inode:
    def __init__(self, content=b'', source=None):
        self.flushed = content	# what is there for sure
        self.pending = []	# contents since, one for each change
        self.source = source	# the file of the template, for owner, mode and time
        self.mode = None
        self.time = None

    def now(self):
        return self.pending[-1] if self.pending else self.flushed

    def change(self, content, time):
        self.pending.append(content)
        self.time = time

    def flush(self):
        self.flushed = self.now()
        self.pending = []

    def choices(self):
        """The contents that may be found."""
        if not self.pending:
            return [self.flushed]
        last = self.pending[-1]
        kept = self.flushed if last.startswith(self.flushed) else b''
        found = [self.flushed, *self.pending, last[:(len(kept) + len(last)) // 2],
                 kept + bytes(len(last) - len(kept))]
        return list(dict.fromkeys(found))


class Disk:
    """What happened to the names, and to what they stand for."""

    def __init__(self, root):
        self.names = {d: {} for d in DIRECTORIES}	# for sure
        self.pending = {d: [] for d in DIRECTORIES}	# (kind, name, ...) since
        self.open = {}					# (process, fd): [inode, offset]
        self.clock = 0
        for d in DIRECTORIES:
            for path in (root / d).iterdir() if (root / d).is_dir() else ():
                if path.is_file():
                    self.names[d][path.name] = Inode(path.read_bytes(), path)

    # ---- names

    @staticmethod
    def split(path):
        d, _, name = path.lstrip('/').partition('/')
        return (d, name) if d in DIRECTORIES and name and '/' not in name else None

    @staticmethod
    def play(names, op):
        kind, a, b = op
        if kind == 'add':
            names[a] = b
        elif kind == 'remove':
            names.pop(a, None)
        elif kind == 'rename':
            if a in names:
                names[b] = names.pop(a)
        elif a in names and b in names:
            names[a], names[b] = names[b], names[a]

    def names_after(self, d, n):
        names = dict(self.names[d])
        for op in self.pending[d][:n]:
            self.play(names, op)
        return names

    def names_now(self, d):
        return self.names_after(d, len(self.pending[d]))

    def flush_names(self, d):
        self.names[d] = self.names_now(d)
        self.pending[d] = []

    # ---- calls

    def take(self, call):
        """True: something happened that a loss of power may undo, or no longer can."""
        self.clock += 1
        take = getattr(self, 'take_' + call.name, None)
        return bool(take and call.result >= 0 and take(call))

    def take_openat(self, call):
        place = self.split(call.object)
        if not place:
            return False
        d, name = place
        inode = self.names_now(d).get(name)
        flags = call.arguments[2]
        happened = False
        if not inode and flags & os.O_CREAT:
            inode = Inode()
            inode.mode = call.arguments[3] & 0o755
            inode.time = self.clock
            self.pending[d].append(('add', name, inode))
            happened = True
        elif inode and flags & os.O_TRUNC:
            inode.change(b'', self.clock)
            happened = True
        if inode:
            self.open[call.process, call.result] = [inode, 0]
        return happened

    def take_close(self, call):
        self.open.pop((call.process, call.arguments[0]), None)

    def put(self, call, fd, at, data):
        entry = self.open.get((call.process, fd))
        if not entry:
            return False
        inode = entry[0]
        at = entry[1] if at is None else at
        content = inode.now().ljust(at, b'\0')
        inode.change(content[:at] + data + content[at + len(data):], self.clock)
        entry[1] = at + len(data)
        return True

    def take_write(self, call):
        return self.put(call, call.arguments[0], None, call.data[:call.result])

    def take_pwrite64(self, call):
        return self.put(call, call.arguments[0], call.arguments[3], call.data[:call.result])

    def take_lseek(self, call):
        entry = self.open.get((call.process, call.arguments[0]))
        if entry:
            entry[1] = call.result

    def take_copy_file_range(self, call):
        source = self.open.get((call.process, call.arguments[0]))
        entry = self.open.get((call.process, call.arguments[2]))
        if not source or not entry:
            return False
        at = entry[1]
        return self.put(call, call.arguments[2], at, source[0].now()[at:at + call.result])

    def take_fsync(self, call):
        d = call.object.lstrip('/')
        if d in DIRECTORIES:
            self.flush_names(d)
            return True
        entry = self.open.get((call.process, call.arguments[0]))
        if entry:
            entry[0].flush()
        return bool(entry)

    take_fdatasync = take_fsync

    def take_fchmod(self, call):
        entry = self.open.get((call.process, call.arguments[0]))
        if entry:
            entry[0].mode = call.arguments[1]

    def take_unlinkat(self, call):
        place = self.split(call.object)
        if place:
            self.pending[place[0]].append(('remove', place[1], None))
        return bool(place)

    take_unlink = take_unlinkat

    def two(self, call, kind):
        a, b = (self.split(path) for path in call.object.split(' '))
        if not a or not b or a[0] != b[0]:
            return False
        inode = self.names_now(a[0]).get(a[1])
        self.pending[a[0]].append(('add', b[1], inode) if kind == 'link' else (kind, a[1], b[1]))
        return True

    def take_linkat(self, call):
        return self.two(call, 'link')

    def take_renameat(self, call):
        return self.two(call, 'rename')

    take_rename = take_renameat

    def take_renameat2(self, call):
        return self.two(call, 'exchange' if call.arguments[4] & RENAME_EXCHANGE else 'rename')

    # ---- after the loss

    def states_of(self, d):
        """Every state of one directory: [(name, inode, content)]."""
        for n in range(len(self.pending[d]) + 1):
            names = sorted(self.names_after(d, n).items())
            inodes = list(dict.fromkeys(inode for _, inode in names))
            for contents in itertools.product(*(inode.choices() for inode in inodes)):
                content = dict(zip(inodes, contents))
                yield tuple((name, inode, content[inode], inode.time, inode.mode) for name, inode in names)


State = collections.namedtuple('State', 'after directories')


def states(root, found):
    """All states, each once: with what was the last call before the loss."""
    disk = Disk(root)
    seen = set()
    for call in [None, *found]:
        if call and not disk.take(call):
            continue
        after = f'{call.name} {call.object}' if call else 'nothing'
        for combination in itertools.product(*(list(disk.states_of(d)) for d in DIRECTORIES)):
            key = tuple(tuple((name, id(inode), content) for name, inode, content, _, _ in d) for d in combination)
            if key not in seen:
                seen.add(key)
                yield State(after, combination)


def build(state, root):
    """Makes a state real below root, where the template was copied to. What was written is newer than all of that."""
    base_ns = max(os.stat(path).st_mtime_ns for d in DIRECTORIES for path in (root / d).glob('*'))
    for d, files in zip(DIRECTORIES, state.directories):
        if not (root / d).is_dir():
            continue
        owner = os.stat(root / d)
        for path in (root / d).iterdir():
            if path.is_file():
                path.unlink()
        made = {}
        for name, inode, content, time, mode in files:
            path = root / d / name
            if inode in made:
                os.link(made[inode], path)
                continue
            path.write_bytes(content)
            made[inode] = path
            st = os.stat(inode.source) if inode.source else None
            os.chown(path, st.st_uid if st else owner.st_uid, st.st_gid if st else owner.st_gid)
            path.chmod(mode if mode is not None else st.st_mode & 0o7777 if st else 0o600)
            ns = base_ns + time * 1000000 if time is not None else st.st_mtime_ns
            os.utime(path, ns=(ns, ns))


def show(state):
    lines = [f'after {state.after}:']
    for d, files in zip(DIRECTORIES, state.directories):
        lines += [f'{d}/{name}: {content!r}' if len(content) < 400 else f'{d}/{name}: {len(content)} bytes'
                  for name, _, content, _, _ in files]
    return '\n'.join(lines)


def content_of(state, target):
    d, name = pathlib.PurePath(target).parts
    for n, _, content, _, _ in state.directories[DIRECTORIES.index(d)]:
        if n == name:
            return content
    return None
