# SPDX-FileCopyrightText: 2026 The dns-updater authors
# SPDX-License-Identifier: ISC
"""What we take for a valid line of tinydns's data, the real tinydns-data takes for the same: of names and addresses
by chance, at the ends of what is allowed, its database holds exactly those that the address file says."""

import ipaddress
import random
import string
import struct
import subprocess

import pytest

from harness import END, START, TINYDNS_DATA

MIDDLE = string.ascii_lowercase + string.digits + '-_'
ENDS = string.ascii_lowercase + string.digits + '_'
A, AAAA = 1, 28


def make_label(rng):
    n = rng.choice([1, 2, 3, 8, 62, 63])
    return rng.choice(ENDS) + ''.join(rng.choices(MIDDLE, k=max(n - 2, 0))) + (rng.choice(ENDS) if n > 1 else '')


def make_name(rng):
    """Of up to 253 characters; now and then a wildcard, a label of digits, or the top of the alphabet."""
    labels = ['example']
    while rng.random() < 0.8:
        label = make_label(rng)
        if len('.'.join([label, *labels])) > 251:
            break
        labels.insert(0, label)
    labels.insert(0, '*' if rng.random() < 0.2 else rng.choice(ENDS))
    return '.'.join(labels)


def make_address(rng, version):
    """Bytes that would mean something in a line are among them: NUL, newline, colon, backslash, blank, '#', 0xff."""
    while True:
        odd = rng.choices([0, 10, 13, 32, 35, 58, 92, 127, 128, 255, rng.randrange(256)], k=16)
        raw = bytes([0x20, rng.randrange(2, 256), *odd[2:]]) if version == 6 else bytes(rng.choices(
            [1, 10, 58, 92, 100, 192, 223, rng.randrange(256)], k=4))
        address = ipaddress.ip_address(raw)
        if address.is_global and not address.is_multicast:
            return str(address)


def wire(name):
    return b''.join(bytes([len(label)]) + label.encode() for label in name.split('.')) + b'\0'


def records(cdb):
    """{(key, type, star, ttl, data)} of a database without locations; tinydns-data(8)."""
    end = struct.unpack('<I', cdb[:4])[0]
    at, found = 2048, []
    while at < end:
        n_key, n = struct.unpack('<II', cdb[at:at + 8])
        key, value = cdb[at + 8:at + 8 + n_key], cdb[at + 8 + n_key:at + 8 + n_key + n]
        type, star, ttl = struct.unpack('>HcI', value[:7])
        found.append((key, type, star, ttl, value[15:]))
        at += 8 + n_key + n
    return found


def expected(name, address, ttl):
    ip = ipaddress.ip_address(address)
    star = name.startswith('*.')
    return (wire(name[2:] if star else name), A if ip.version == 4 else AAAA, b'*' if star else b'=', ttl, ip.packed)


@pytest.mark.parametrize('seed, ttl', [(1, 60), (2, 0), (3, 2147483647)])
def test_the_database_holds_what_the_files_say(env, seed, ttl):
    rng = random.Random(seed)
    names = sorted({make_name(rng) for _ in range(150)})
    says = [(name, make_address(rng, version)) for name in names for version in rng.choice([(4,), (6,), (4, 6, 6)])]
    env.with_fence = False
    env.users = {'john': names[::2], 'anna': names[1::2]}
    env.conf.update(makecommand=None, ttl=str(ttl))
    env.write_data(f'{START}\n{END}\n')
    for user, own in env.users.items():
        env.write(user, '\n'.join(f'{name} {address}' for name, address in says if name in own), age=60)
    env.start(tinydns=False)
    env.wait(lambda: len(env.section()) == len(set(says)), 'all lines are there')
    subprocess.run([TINYDNS_DATA], cwd=env.root, check=True)
    assert sorted(records(env.cdb.read_bytes())) == sorted({expected(*line, ttl) for line in says})
