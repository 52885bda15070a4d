#!/usr/bin/env python3
# SPDX-FileCopyrightText: 2026 The dns-updater authors
# SPDX-License-Identifier: ISC
"""Prints golden_message.h: messages as dnspython makes them, and with a directory, seeds for fuzz_message.c."""
import pathlib
import random
import struct
import sys
import time

import dns.message
import dns.name
import dns.rcode
import dns.rrset
import dns.tsig
import dns.update

NOW, ID = 1700000000, 0x1234
SECRET = 'MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY='
ZONE, NAME = 'dyn.example.', 'john.dyn.example.'
time.time = lambda: NOW
random.shuffle = lambda x: None


def key(algorithm='hmac-sha256', name='key.test.', secret=SECRET):
    return dns.tsig.Key(name, secret, algorithm)


def query(name, rdtype, k=None):
    q = dns.message.make_query(name, rdtype, id=ID, flags=0)
    if k:
        q.use_tsig(k)
    wire = q.to_wire()
    q.request_wire_mac = q.mac if k else b''
    return q, wire


def update(k=None):
    u = dns.update.UpdateMessage(ZONE, id=ID)
    u.delete(NAME, 'A')
    u.add(NAME, 60, 'A', '192.0.2.1')
    u.add(NAME, 60, 'A', '192.0.2.2')
    u.delete(NAME, 'AAAA')
    u.add(NAME, 60, 'AAAA', '2001:db8::7')
    u.delete(ZONE, 'A')
    if k:
        u.use_tsig(k)
    wire = u.to_wire()
    u.request_wire_mac = u.mac if k else b''
    return u, wire


def reply(q, answers=(), k=None, rcode=0, at=NOW, tsig_id=None, additional=(), **tsig):
    r = dns.message.make_response(q)
    r.set_rcode(rcode)
    r.flags |= dns.flags.AA
    for a in answers:
        r.answer.append(dns.rrset.from_text(*a))
    for a in additional:
        r.additional.append(dns.rrset.from_text(*a))
    r.keyring = None
    r.tsig = None
    if not k:
        r.request_mac = b''
        return r.to_wire()
    r.use_tsig(k, original_id=tsig_id, **tsig)
    r.request_mac = q.request_wire_mac
    time.time = lambda: at
    wire = r.to_wire()
    time.time = lambda: NOW
    return wire


A = (NAME, 60, 'IN', 'A', '192.0.2.1', '192.0.2.2')
AAAA = (NAME, 60, 'IN', 'AAAA', '2001:db8::7')
SOA = (ZONE, 300, 'IN', 'SOA', 'ns.dyn.example. admin.dyn.example. 2023111401 3600 600 86400 60')
messages = {}
for bits in 256, 384, 512:
    k = key(f'hmac-sha{bits}')
    q, messages[f'query_{bits}'] = query(NAME, 'A', k)
    messages[f'reply_{bits}'] = reply(q, [A], k)

k = key()
q, messages['query'] = query(NAME, 'A')
messages['reply'] = reply(q, [A])
messages['reply_aaaa'] = reply(query(NAME, 'AAAA')[0], [AAAA])
messages['reply_soa'] = reply(query(ZONE, 'SOA')[0], [SOA])
messages['reply_nxdomain'] = reply(q, rcode=3)
messages['reply_upper'] = reply(query(NAME.upper(), 'A')[0], [(NAME.upper(), *A[1:])])
messages['reply_others'] = reply(q, [
    (NAME, 60, 'IN', 'CNAME', 'other.dyn.example.'), ('other.dyn.example.', 60, 'IN', 'A', '192.0.2.3'),
    (NAME, 60, 'CH', 'TXT', '"x"'), ('a\\.b.dyn.example.', 60, 'IN', 'A', '192.0.2.4'),
    ('-bad.dyn.example.', 60, 'IN', 'A', '192.0.2.5'), ('\\000.dyn.example.', 60, 'IN', 'A', '192.0.2.6'),
    ('.', 60, 'IN', 'A', '192.0.2.7'), ('*.dyn.example.', 60, 'IN', 'A', '192.0.2.8')],
    additional=[('extra.dyn.example.', 60, 'IN', 'A', '192.0.2.9')])
with_opt = dns.message.make_response(q)
with_opt.use_edns(0, payload=1232)
with_opt.set_rcode(dns.rcode.BADVERS)
messages['reply_badvers'] = with_opt.to_wire()

q = query(NAME, 'A', k)[0]
messages['reply_late'] = reply(q, [A], k, at=NOW + 300)
messages['reply_too_late'] = reply(q, [A], k, at=NOW + 301)
messages['reply_too_early'] = reply(q, [A], k, at=NOW - 301)
messages['reply_narrow'] = reply(q, [A], k, at=NOW + 11, fudge=10)
messages['reply_wide'] = reply(q, [A], k, at=NOW + 301, fudge=3000)
messages['reply_other_key'] = reply(q, [A], key(name='kez.test.'))
messages['reply_other_secret'] = reply(q, [A], key(secret=SECRET.replace('M', 'N')))
messages['reply_other_algorithm'] = reply(q, [A], key('hmac-sha512'))
messages['reply_short_mac'] = reply(q, [A], key('hmac-sha256-128'))
messages['reply_upper_key'] = reply(q, [A], key(name='KEY.Test.'))
k2 = key(name='key.dyn.example.')
messages['reply_compressed_key'] = reply(query(NAME, 'A', k2)[0], [A], k2)


def unsigned_error(wire, error):
    """A TSIG record without a MAC, RFC 8945 section 5.3.2."""
    rdata = (dns.name.from_text('hmac-sha256.').to_wire() + struct.pack('!HIHHHHH', 0, 0, 300, 0, ID, error, 0))
    record = (dns.name.from_text('key.test.').to_wire() + struct.pack('!HHIH', 250, 255, 0, len(rdata)) + rdata)
    return wire[:10] + b'\0\1' + wire[12:] + record


u, messages['update'] = update()
messages['update_reply'] = reply(u)
messages['update_reply_refused'] = reply(u, rcode=5)
u, messages['update_256'] = update(k)
messages['update_reply_256'] = reply(u, k=k)
messages['update_reply_badkey'] = unsigned_error(reply(u, rcode=9), 17)
messages['update_reply_badsig'] = unsigned_error(reply(u, rcode=9), 16)
messages['update_reply_badtime'] = reply(
    u, k=k, rcode=9, tsig_error=18, other_data=struct.pack('!HI', 0, NOW + 4000))
messages['update_reply_empty'] = messages['update_reply'][:4] + bytes(8)

q, messages['axfr_query'] = query(ZONE, 'AXFR', k)
parts, ctx = [], None
for i, (answers, question) in enumerate([([SOA, A], True), ([AAAA], False), ([SOA], True)]):
    r = dns.message.make_response(q)
    if not question:
        r.question = []
    r.flags |= dns.flags.AA
    for a in answers:
        r.answer.append(dns.rrset.from_text(*a))
    r.use_tsig(k)
    r.request_mac = q.request_wire_mac
    parts.append(r.to_wire(multi=True, tsig_ctx=ctx))
    ctx = r.tsig_ctx
messages['axfr_1'], messages['axfr_2'], messages['axfr_3'] = parts

print('/* SPDX-FileCopyrightText: 2026 The dns-updater authors')
print(' * SPDX-License-Identifier: ISC */')
print('#pragma once')
print()
print('/* Messages made by dnspython; golden_message.py has written this. */')
print()
print('enum { GOLDEN_NOW =', f'{NOW}, GOLDEN_ID = {ID:#x} }};')
print(f'#define GOLDEN_SECRET "{SECRET}"')
for name, wire in messages.items():
    print(f'\nstatic const unsigned char golden_{name}[] = {{')
    for i in range(0, len(wire), 16):
        print('\t' + ' '.join(f'0x{b:02x},' for b in wire[i:i + 16]))
    print('};')

if len(sys.argv) > 1:
    directory = pathlib.Path(sys.argv[1])
    directory.mkdir(parents=True, exist_ok=True)
    for name, wire in messages.items():
        # the first byte chooses what was sent: fuzz_message.c
        sent = 4 if 'update' in name else 3 if name.startswith('axfr') else \
            2 if 'soa' in name else 1 if 'aaaa' in name else 0
        signed = b'\xfa\x00\xff' in wire
        (directory / name).write_bytes(bytes([sent | (8 if signed else 0) | (16 if name in ('axfr_2', 'axfr_3') else 0)]) + wire)
