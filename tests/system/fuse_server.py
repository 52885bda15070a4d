#!/usr/bin/python3
# SPDX-FileCopyrightText: 2026 The dns-updater authors
# SPDX-License-Identifier: ISC
"""A file system of a user's own that can be told not to answer (fuse(4)): what lies below TREE, to be read.

  fuse_server.py TREE MOUNTPOINT [COMMAND ...]

While there is a file TREE.silent, nothing is answered. With a command, that is run once the file
system is mounted; without, a line is written then."""

import ctypes
import errno
import os
import stat
import struct
import sys
import time

LOOKUP, FORGET, GETATTR, READLINK, OPEN, READ, STATFS = 1, 2, 3, 5, 14, 15, 17
RELEASE, FLUSH, INIT, OPENDIR, RELEASEDIR, ACCESS, INTERRUPT, BATCH_FORGET = 18, 25, 26, 27, 29, 34, 36, 42
IN_HEADER = struct.Struct('=IIQQIIII')
OUT_HEADER = struct.Struct('=IiQ')
ATTR = struct.Struct('=QQQQQQIIIIIIIIII')


def attributes(path):
    st = os.lstat(path)
    times = [st.st_atime_ns, st.st_mtime_ns, st.st_ctime_ns]
    return ATTR.pack(st.st_ino, st.st_size, st.st_blocks, *[t // 10**9 for t in times], *[t % 10**9 for t in times],
                     st.st_mode, st.st_nlink, st.st_uid, st.st_gid, 0, 4096, 0)


class Server:
    def __init__(self, tree, device):
        self.tree, self.device = tree, device
        self.paths = {1: tree}

    def answer(self, operation, node, body):
        path = self.paths.get(node)
        if operation == INIT:
            return struct.pack('=IIIIHHII', 7, 31, 0, 0, 12, 10, 4096, 1) + bytes(36)
        if operation == LOOKUP:
            path = os.path.join(path, os.fsdecode(body.rstrip(b'\0')))
            new = next((n for n, p in self.paths.items() if p == path), max(self.paths) + 1)
            entry = struct.pack('=QQQQII', new, 0, 0, 0, 0, 0) + attributes(path)
            self.paths[new] = path
            return entry
        if operation == GETATTR:
            return struct.pack('=QII', 0, 0, 0) + attributes(path)
        if operation == READLINK:
            return os.fsencode(os.readlink(path))
        if operation in (OPEN, OPENDIR):
            return struct.pack('=QII', 0, 1, 0)		# read from here each time
        if operation == READ:
            offset, size = struct.unpack_from('=QI', body, 8)
            with open(path, 'rb') as file:
                file.seek(offset)
                return file.read(size)
        if operation == STATFS:
            return bytes(80)
        if operation in (RELEASE, RELEASEDIR, FLUSH, ACCESS):
            return b''
        raise OSError(errno.ENOSYS, 'not here')

    def run(self):
        while True:
            try:
                request = os.read(self.device, 1 << 20)
            except OSError as e:
                if e.errno == errno.ENODEV:	# unmounted
                    return
                continue
            _, operation, unique, node, *_ = IN_HEADER.unpack_from(request)
            while operation != INIT and os.path.exists(self.tree + '.silent'):
                time.sleep(0.01)
            if operation in (FORGET, BATCH_FORGET, INTERRUPT):
                continue
            try:
                error, reply = 0, self.answer(operation, node, request[IN_HEADER.size:])
            except OSError as e:
                error, reply = -e.errno, b''
            try:
                os.write(self.device, OUT_HEADER.pack(OUT_HEADER.size + len(reply), error, unique) + reply)
            except OSError:
                pass		# whoever asked is gone


def main():
    tree, point, *command = sys.argv[1:]
    device = os.open('/dev/fuse', os.O_RDWR)
    libc = ctypes.CDLL(None, use_errno=True)
    options = f'fd={device},rootmode={stat.S_IFDIR:o},user_id=0,group_id=0,allow_other,default_permissions'
    if libc.mount(b'silent', os.fsencode(point), b'fuse.silent', 0, options.encode()):
        sys.exit(os.strerror(ctypes.get_errno()))
    if command and os.fork():
        os.close(device)
        os.execvp(command[0], command)
    if command:
        os.setsid()
        null = os.open('/dev/null', os.O_RDWR)
        for fd in range(3):
            os.dup2(null, fd)
        os.closerange(3, device)
        os.closerange(device + 1, 1024)
    else:
        print('mounted', flush=True)
    Server(tree, device).run()


main()
