# SPDX-FileCopyrightText: 2026 The dns-updater authors
# SPDX-License-Identifier: ISC
"""The output `rfc2136`, with real name servers and with some that lie."""

import contextlib
import errno
import os
import queue
import random
import re
import socket
import struct
import threading
import time

import dns.flags
import dns.message
import dns.rcode
import dns.rdataclass
import dns.rdatatype
import dns.rrset
import dns.tsig
import dns.update
import pytest

from harness import TIMEOUT, Address, needs
from servers import KNOT_BADKEY, NAME, ZONE, Bind, Key, Knot, Nsd, Pdns

PRIMARIES = [Knot, Bind, Pdns]
OUTPUT = 'ns'


def output(server, key_file, zones=(ZONE,), name=OUTPUT):
    """A section of the configuration. server: one or several, or their texts."""
    servers = server if isinstance(server, (list, tuple)) else [server]
    texts = [s if isinstance(s, str) else s.server for s in servers]
    return (f'[output {name}]\ntype = rfc2136\nserver = {", ".join(texts)}\n'
            f'zone = {", ".join(zones)}\nkey = {key_file}\n')


@pytest.fixture
def up(env):
    """up(server, key_file, ...): the daemon, with this output alone."""
    def start(server, key_file, *args, wait=True, **more):
        env.with_fence = False
        env.conf.update(datafile=None, makecommand=None)
        env.conf_more = output(server, key_file, *args, **more)
        return env.start(tinydns=False, wait=wait)
    return start


# ---- what is published

@pytest.mark.parametrize('cls', PRIMARIES)
def test_a_change_is_answered(env, make, up, key, cls):
    server = make(cls, None, key)
    env.write('john', '1.2.3.4', age=60)
    up(server, key.bind_file)
    server.wait(NAME, 'A', {'1.2.3.4'})
    assert {rd.ttl for rd in server.ask(NAME, 'A').answer} == {60}
    env.wait_line(f'updating record for {NAME} to 1.2.3.4 at {OUTPUT}')
    env.write('john', '5.6.7.8\n2001:db8::1')
    server.wait(NAME, 'AAAA', {'2001:db8::1'})
    server.wait(NAME, 'A', {'5.6.7.8'})		# PowerDNS may have the old one in its cache for a moment
    env.write('john', '2001:db8::2\n2001:db8::3')
    server.wait(NAME, 'AAAA', {'2001:db8::2', '2001:db8::3'})
    server.wait(NAME, 'A', set())
    assert server.rrset(NAME, 'MX') == {'10 mail.example.com.'}
    assert server.rrset(NAME, 'TXT') == {'"a static text"'}


@pytest.mark.parametrize('cls', PRIMARIES)
def test_withdrawn(env, make, up, key, cls):
    server = make(cls, {ZONE: ['john AAAA 2001:db8::1']}, key)
    env.conf.update(missing='withdraw', missing_after='10ms')
    env.write('john', '1.2.3.4', age=60)
    up(server, key.bind_file)
    server.wait(NAME, 'A', {'1.2.3.4'})
    env.sh('john', 'rm .dynamicdns')
    env.wait_line(f'removing record for {NAME} at {OUTPUT}')
    assert server.rrset(NAME, 'A') == set()
    assert server.rrset(NAME, 'AAAA') == {'2001:db8::1'}	# it was never ours
    env.write('john', '5.6.7.8')
    server.wait(NAME, 'A', {'5.6.7.8'})
    assert server.rrset(NAME, 'AAAA') == {'2001:db8::1'}
    assert server.rrset(NAME, 'MX') == {'10 mail.example.com.'}


@pytest.mark.parametrize('cls', PRIMARIES)
def test_ipv6(env, make, up, key, cls):
    server = make(cls, None, key, v6=True)
    env.write('john', '1.2.3.4', age=60)
    up(server, key.bind_file)
    server.wait(NAME, 'A', {'1.2.3.4'})


def test_the_key_as_keymgr_prints_it(env, make, up, tmp_path):
    key = Key(tmp_path, algorithm='hmac-sha512')
    server = make(Knot, None, key)
    env.write('john', '1.2.3.4', age=60)
    up(server, key.knot_file)
    server.wait(NAME, 'A', {'1.2.3.4'})


def test_the_longest_zone_has_the_name(env, make, up, key):
    sub = 'sub.' + ZONE
    server = make(Knot, {ZONE: [], sub: []}, key)
    env.users = {'john': [NAME, f'john.{sub}', 'john.elsewhere.example.org']}
    env.write('john', '1.2.3.4', age=60)
    up(server, key.bind_file, [ZONE, sub])
    server.wait(NAME, 'A', {'1.2.3.4'})
    server.wait(f'john.{sub}', 'A', {'1.2.3.4'})
    assert (f'john.{sub}', 'A') in server.axfr(sub)


# ---- what is there is compared

@pytest.mark.parametrize('transfer', [True, False])
@pytest.mark.parametrize('cls', PRIMARIES)
def test_only_the_difference_is_sent(env, make, up, key, cls, transfer):
    server = make(cls, None, key, transfer=transfer)
    env.users = {f'u{i}': [f'u{i}.{ZONE}'] for i in range(200)}
    for i in range(200):
        env.write(f'u{i}', f'192.0.2.{i}\n2001:db8::{i:x}', age=60)
    up(server, key.bind_file)
    env.wait_log(r'^ns: zone dyn.example.com has 200 differences of 200 names; sending them$')
    server.wait(f'u199.{ZONE}', 'A', {'192.0.2.199'})
    assert env.stop() == 0
    serial = server.serial()

    env.start(tinydns=False)
    env.wait_line(f'ns: zone {ZONE} is as it should be')
    assert env.stop() == 0
    assert server.serial() == serial

    env.write('u7', '203.0.113.7', age=60)
    with_ttl = dns.update.UpdateMessage(ZONE)
    with_ttl.replace('u8', 61, 'A', '192.0.2.8')
    with_ttl.replace('u9', 60, 'A', '203.0.113.9')
    server.update(with_ttl)
    env.start(tinydns=False)
    env.wait_log(r'^ns: zone dyn.example.com has 3 differences of 200 names; sending them$')
    server.wait(f'u7.{ZONE}', 'A', {'203.0.113.7'})
    server.wait(f'u7.{ZONE}', 'AAAA', set())
    server.wait(f'u9.{ZONE}', 'A', {'192.0.2.9'})
    assert {rd.ttl for rd in server.ask(f'u8.{ZONE}', 'A').answer} == {60}


@pytest.mark.parametrize('cls', PRIMARIES)
def test_what_a_wildcard_answers_is_not_taken_for_a_name_of_its_own(env, make, up, key, cls):
    """Where names are asked for, it answers for those that are not there; and it may move on without them."""
    anna, other = f'anna.{ZONE}', f'other.{ZONE}'
    server = make(cls, None, key, transfer=False)
    env.users = {'home': [f'*.{ZONE}'], 'anna': [anna]}
    env.write('home', '1.2.3.4\n2001:db8::1', age=60)
    up(server, key.bind_file)
    server.wait(other, 'A', {'1.2.3.4'})
    assert env.stop() == 0
    env.write('anna', '1.2.3.4', age=60)
    env.start(tinydns=False)
    env.wait_line(f'updating record for {anna} to 1.2.3.4 at ns')
    env.write('home', '5.6.7.8')
    server.wait(other, 'A', {'5.6.7.8'})
    assert server.rrset(anna, 'A') == {'1.2.3.4'}
    assert server.rrset(anna, 'AAAA') == set()
    assert env.stop() == 0
    env.start(tinydns=False)
    env.wait_line(f'ns: zone {ZONE} is as it should be')


@pytest.mark.parametrize('transfer', [True, False])
@pytest.mark.parametrize('cls', PRIMARIES)
def test_what_a_removed_user_had_goes(env, make, up, key, cls, transfer):
    server = make(cls, None, key, transfer=transfer)
    env.users = {'john': [NAME], 'jane': [f'jane.{ZONE}'], 'joe': [f'joe.{ZONE}']}
    for user in env.users:
        env.write(user, '1.2.3.4\n2001:db8::1', age=60)
    up(server, key.bind_file)
    for user in env.users:
        server.wait(f'{user}.{ZONE}', 'A', {'1.2.3.4'})
    assert env.stop() == 0
    assert f' ns jane.{ZONE} both\n' in env.state.read_text()

    del env.users['jane'], env.users['john']
    env.start(tinydns=False)
    server.wait(f'jane.{ZONE}', 'A', set())
    server.wait(NAME, 'A', set())
    server.wait(NAME, 'AAAA', set())
    assert server.rrset(NAME, 'MX') == {'10 mail.example.com.'}
    assert server.rrset(f'joe.{ZONE}', 'A') == {'1.2.3.4'}
    assert env.stop() == 0
    assert 'jane' not in env.state.read_text()


@pytest.mark.parametrize('cls', PRIMARIES)
def test_without_memory_nothing_unknown_goes(env, make, up, key, cls):
    server = make(cls, None, key)
    env.users = {'john': [NAME], 'jane': [f'jane.{ZONE}']}
    for user in env.users:
        env.write(user, '1.2.3.4', age=60)
    up(server, key.bind_file)
    server.wait(f'jane.{ZONE}', 'A', {'1.2.3.4'})
    assert env.stop() == 0
    env.state.unlink()

    del env.users['jane']
    env.start(tinydns=False)
    env.wait_line(f'ns: leaving what jane.{ZONE} has in zone {ZONE}: '
                  'nobody remembers whether we published it')
    env.wait_line(f'ns: zone {ZONE} is as it should be')
    assert server.rrset(f'jane.{ZONE}', 'A') == {'1.2.3.4'}


def test_a_user_whose_addresses_are_not_known_keeps_what_is_there(env, make, up, key):
    """Neither file nor memory: nobody knows what john should have."""
    server = make(Knot, {ZONE: ['john A 192.0.2.7']}, key)
    env.users = {'john': [NAME], 'jane': [f'jane.{ZONE}']}
    env.write('jane', '1.2.3.4', age=60)
    up(server, key.bind_file)
    server.wait(f'jane.{ZONE}', 'A', {'1.2.3.4'})
    assert server.rrset(NAME, 'A') == {'192.0.2.7'}


# ---- a reload

def test_reload_with_other_users_and_outputs(env, make, up, key):
    one, two = make(Knot, None, key), make(Bind, None, key)
    env.users = {'john': [NAME], 'jane': [f'jane.{ZONE}']}
    for user in env.users:
        env.write(user, '1.2.3.4', age=60)
    up(one, key.bind_file)
    one.wait(NAME, 'A', {'1.2.3.4'})
    one.wait(f'jane.{ZONE}', 'A', {'1.2.3.4'})

    del env.users['john']
    env.users['joe'] = [f'joe.{ZONE}']
    env.make_home('joe')
    env.write('joe', '192.0.2.9', age=60)
    env.conf_more += output(two, key.bind_file, name='other')
    assert env.reload().startswith('reloaded')
    one.wait(NAME, 'A', set())
    for server in one, two:
        server.wait(f'joe.{ZONE}', 'A', {'192.0.2.9'})
        server.wait(f'jane.{ZONE}', 'A', {'1.2.3.4'})

    env.conf_more = output(two, key.bind_file, name='other')
    assert env.reload().startswith('reloaded')
    env.wait_line('output ns is gone; what it published stays there')
    env.write('jane', '5.6.7.8')
    two.wait(f'jane.{ZONE}', 'A', {'5.6.7.8'})
    assert one.rrset(f'jane.{ZONE}', 'A') == {'1.2.3.4'}

    # It comes back, and its memory is that of the state file's at the start only: what is wrong is set right.
    env.conf_more += output(one, key.bind_file)
    assert env.reload().startswith('reloaded')
    one.wait(f'jane.{ZONE}', 'A', {'5.6.7.8'})


def publish_john(env, make, up, key):
    """At a server; jane has a home, but no name yet."""
    server = make(Knot, None, key)
    env.make_home('jane')
    env.write('john', '1.2.3.4', age=60)
    up(server, key.bind_file)
    server.wait(NAME, 'A', {'1.2.3.4'})
    return server


@pytest.mark.parametrize('restarted', [False, True], ids=['reloaded', 'restarted'])
def test_what_somebody_else_had_goes_when_his_name_passes_on(env, make, up, key, restarted):
    server = publish_john(env, make, up, key)
    with env.changing(restarted):
        env.users = {'jane': [NAME]}
    server.wait(NAME, 'A', set())
    env.wait_line(f'removing record for {NAME} at ns')


@pytest.mark.parametrize('restarted', [False, True], ids=['reloaded', 'restarted'])
def test_what_somebody_else_had_goes_when_the_server_is_back_after_a_restart(env, make, up, key, restarted):
    server = publish_john(env, make, up, key)
    with env.changing(restarted):
        server.stop()
        env.users = {'jane': [NAME]}
        mark = env.mark()
    env.wait_log(f'^unable to publish to ns, zone {ZONE}', mark)
    assert env.stop() == 0
    server.start()
    env.start(tinydns=False)
    server.wait(NAME, 'A', set())
    assert env.stop() == 0
    assert f' ns {NAME} ' not in env.state.read_text()


@pytest.mark.parametrize('restarted', [False, True], ids=['reloaded', 'restarted'])
def test_what_nobody_had_for_a_while_goes_when_the_name_is_somebodys_again(env, make, up, key, restarted):
    """And the server, which was away all the time, is back."""
    env.users['joe'] = [f'joe.{ZONE}']
    server = publish_john(env, make, up, key)
    server.stop()
    del env.users['john']
    for names, address in [({}, '1.2.3.5'), ({'jane': [NAME]}, '1.2.3.6')]:
        with env.changing(restarted):
            env.users |= names
        env.write('joe', address)
        env.wait_line(f'user joe requested update to {address}')
    server.start()
    env.reload()
    server.wait(f'joe.{ZONE}', 'A', {address})
    server.wait(NAME, 'A', set())


def test_what_lies_in_a_zone_that_is_taken_out_stays_and_is_told(env, make, up, key):
    other = 'dyn.example.org'
    server = make(Knot, {ZONE: [], other: []}, key)
    env.users = {user: [f'{user}.{zone}' for zone in (ZONE, other)] for user in ('john', 'jane')}
    for user in env.users:
        env.write(user, '1.2.3.4', age=60)
    up(server, key.bind_file, [ZONE, other])
    for user in env.users:
        server.wait(f'{user}.{other}', 'A', {'1.2.3.4'})
    del env.users['jane']
    env.conf_more = output(server, key.bind_file)
    assert env.reload().startswith('reloaded')
    said = f'ns: john.{other} and others are in none of its zones any more; what was published there stays'
    env.wait_line(said)
    server.wait(f'jane.{ZONE}', 'A', set())
    assert env.reload().startswith('reloaded')
    assert env.count(re.escape(said)) == 1		# it is no news
    assert env.stop() == 0
    mark = env.mark()
    env.start(tinydns=False)
    env.wait_line(said, mark)
    assert server.rrset(f'john.{other}', 'A') == {'1.2.3.4'}

    env.conf_more = output(server, key.bind_file, [ZONE, other])
    assert env.reload().startswith('reloaded')
    server.wait(f'jane.{other}', 'A', set())
    assert server.rrset(f'john.{other}', 'A') == {'1.2.3.4'}


def test_what_lies_at_a_server_that_is_left_stays_and_is_told(env, make, up, key):
    one, two = make(Knot, None, key), make(Knot, None, key)
    env.write('john', '1.2.3.4', age=60)
    up(one, key.bind_file)
    one.wait(NAME, 'A', {'1.2.3.4'})
    env.conf_more = output(two, key.bind_file)
    assert env.reload().startswith('reloaded')
    env.wait_line(f'ns: its server is another now; what was published at {one.ip} stays there')
    env.write('john', '5.6.7.8')
    two.wait(NAME, 'A', {'5.6.7.8'})
    assert one.rrset(NAME, 'A') == {'1.2.3.4'}
    mark = env.mark()
    assert env.reload().startswith('reloaded')
    assert env.count('its server is another', mark) == 0


def test_reload_with_another_key(env, make, up, key, tmp_path):
    server = make(Knot, None, key)
    env.write('john', '1.2.3.4', age=60)
    up(server, tmp_path / 'none')
    env.wait_line(f"unable to publish to ns, zone {ZONE}: unable to read the key '{tmp_path / 'none'}': "
                  'No such file or directory; trying again')
    env.conf_more = output(server, key.bind_file)
    assert env.reload().startswith('reloaded')
    server.wait(NAME, 'A', {'1.2.3.4'})


# ---- what servers refuse

def badkey(name):
    return f"does not know the key '{name}', or not for this (BADKEY)"


def notauth(name):
    return f"is not authoritative for {ZONE}, or does not take the key '{name}', its secret or the time (NOTAUTH)"


KNOT_WRONG_KEY = badkey if KNOT_BADKEY else notauth
WRONG_KEY = {Knot: KNOT_WRONG_KEY('stranger'), Bind: badkey('stranger'), Pdns: notauth('stranger')}
WRONG_SECRET = {
    Knot: "has another secret for the key 'dns-updater' (BADSIG)",
    Bind: "has another secret for the key 'dns-updater' (BADSIG)",
    Pdns: notauth('dns-updater'),
}


def trouble(server, what, then='trying again', zone=ZONE):
    where = server if isinstance(server, str) else server.server
    return f'unable to publish to {OUTPUT}, zone {zone}: {where} {what}; {then}'


@pytest.mark.parametrize('name, words', [('stranger', WRONG_KEY), ('dns-updater', WRONG_SECRET)])
@pytest.mark.parametrize('cls', PRIMARIES)
def test_wrong_key(env, make, up, key, tmp_path, cls, name, words):
    server = make(cls, None, key)
    wrong = Key(tmp_path, name)
    env.write('john', '1.2.3.4', age=60)
    up(server, wrong.bind_file)
    env.wait_line(trouble(server, words[cls]))
    assert server.rrset(NAME, 'A') == set()
    for line in env.lines():
        assert wrong.secret not in line
    # The administrator mends it, and need not say so.
    os.replace(key.bind_file, wrong.bind_file)	# as a whole: half of it would be told, too
    env.wait_line(f'publishing to ns, zone {ZONE}, at {server.server} again')
    server.wait(NAME, 'A', {'1.2.3.4'})
    assert env.count('unable to publish') == 1


@pytest.mark.parametrize('cls', PRIMARIES)
def test_a_zone_that_is_not_served(env, make, up, key, cls):
    """The other one is not held up."""
    server = make(cls, None, key)
    env.users = {'john': [NAME, 'john.example.org']}
    env.write('john', '1.2.3.4', age=60)
    up(server, key.bind_file, [ZONE, 'example.org'])
    server.wait(NAME, 'A', {'1.2.3.4'})
    env.wait_log('^unable to publish to ns, zone example.org: '
                 f"{server.server} does not have example.org, or not for the key '{key.name}'.*; trying again$")
    env.write('john', '5.6.7.8')
    server.wait(NAME, 'A', {'5.6.7.8'})


@pytest.mark.parametrize('n', [1, 10])
@pytest.mark.parametrize('cls, what', [
    (Knot, KNOT_WRONG_KEY('dns-updater')),
    (Bind, f"does not let the key 'dns-updater' change this in {ZONE}, or it is frozen (REFUSED)"),
    (Pdns, f"does not let the key 'dns-updater' change this in {ZONE}, or it is frozen (REFUSED)")])
def test_updates_are_refused(env, make, up, key, cls, what, n):
    server = make(cls, None, key, update=False)
    env.users = {f'u{i}': [f'u{i}.{ZONE}'] for i in range(n)}
    for user in env.users:
        env.write(user, '1.2.3.4', age=60)
    up(server, key.bind_file)
    env.wait_line(trouble(server, what))
    server.stop()
    server.allow_update = True
    if cls == Pdns:
        server.forget(ZONE)
    server.start()
    for i in range(n):
        server.wait(f'u{i}.{ZONE}', 'A', {'1.2.3.4'})


def test_one_refused_name_does_not_hold_up_the_others(env, make, up, key):
    policy = (f'update-policy {{ deny "{key.name}" name u7.{ZONE}; '
              f'grant "{key.name}" zonesub A AAAA; }};')
    server = make(Bind, None, key, update=False, zone_options=policy)
    env.users = {f'u{i}': [f'u{i}.{ZONE}'] for i in range(40)}
    for user in env.users:
        env.write(user, '1.2.3.4', age=60)
    up(server, key.bind_file)
    for i in range(40):
        server.wait(f'u{i}.{ZONE}', 'A', {'1.2.3.4'} if i != 7 else set())
    env.wait_line(f"unable to publish u7.{ZONE} to ns: {server.server} does not let the key "
                  f"'dns-updater' change this in {ZONE}, or it is frozen (REFUSED); trying again in 300 s")
    env.write('u8', '5.6.7.8')
    server.wait(f'u8.{ZONE}', 'A', {'5.6.7.8'})
    assert env.count('^unable') == 1


@pytest.mark.parametrize('rcode', ['YXDOMAIN', 'NXRRSET', 'FORMERR', 'NOTZONE'])
def test_one_name_with_an_error_does_not_hold_up_the_others(env, up, key, fake, rcode):
    def behave(server, m, tcp):
        if is_update(m) and any(r.name.to_text().startswith('bad') for r in m.update):
            return [server.answer(m, dns.rcode.from_text(rcode))]
    server = fake(behave)
    env.users = {user: [f'{user}.{ZONE}'] for user in ('a', 'bad', 'c')}
    for user in env.users:
        env.write(user, '1.2.3.4', age=60)
    up(server, key.bind_file)
    server.has(env, f'a.{ZONE}', 'A', {'1.2.3.4'})
    server.has(env, f'c.{ZONE}', 'A', {'1.2.3.4'})
    env.wait_log(f'^unable to publish bad.{ZONE} to ns: .*{rcode}.; trying again in 300 s')
    assert env.count('^unable') == 1


def test_a_name_with_more_addresses_than_bind_takes_does_not_hold_up_the_others(env, make, up, key):
    server = make(Bind, None, key, zone_options='max-records-per-type 100;')
    env.conf['addresses_max'] = '200'
    env.users['many'] = [f'many.{ZONE}']
    env.write('many', '\n'.join(f'198.51.100.{i}' for i in range(1, 102)), age=60)
    env.write('john', '1.2.3.4', age=60)
    up(server, key.bind_file)
    for i in range(1, 6):
        env.write('john', f'5.6.7.{i}')
        server.wait(NAME, 'A', {f'5.6.7.{i}'})
    env.wait_log(rf'^unable to publish many\.{ZONE} to ns: .*SERVFAIL.; trying again in 300 s')
    env.write('many', '198.51.100.1')
    server.wait(f'many.{ZONE}', 'A', {'198.51.100.1'})


# ---- servers that are down

@pytest.mark.parametrize('cls', PRIMARIES)
def test_a_server_that_comes_later(env, make, up, key, cls):
    server = make(cls, None, key, start=False)
    env.write('john', '1.2.3.4', age=60)
    up(server, key.bind_file)
    env.wait_line(trouble(server, 'cannot be reached: Connection refused'))
    server.start()
    server.wait(NAME, 'A', {'1.2.3.4'})
    env.wait_line(f'publishing to ns, zone {ZONE}, at {server.server} again')
    assert env.count('unable to publish.*Connection refused') == 1	# it may be up before it has its zones


def test_the_next_server(env, make, up, key):
    down, server = make(Knot, None, key, start=False), make(Knot, None, key)
    env.write('john', '1.2.3.4', age=60)
    up([down, server], key.bind_file)
    env.wait_line(trouble(down, 'cannot be reached: Connection refused', 'trying the next server'))
    server.wait(NAME, 'A', {'1.2.3.4'})
    down.start()
    server.stop()
    env.write('john', '5.6.7.8')
    down.wait(NAME, 'A', {'5.6.7.8'})


@pytest.mark.parametrize('cls', PRIMARIES)
def test_a_server_restarted_between(env, make, up, key, cls):
    server = make(cls, None, key)
    env.write('john', '1.2.3.4', age=60)
    up(server, key.bind_file)
    server.wait(NAME, 'A', {'1.2.3.4'})
    server.restart()
    env.write('john', '5.6.7.8')
    server.wait(NAME, 'A', {'5.6.7.8'})


@pytest.mark.parametrize('cls', PRIMARIES)
def test_an_empty_zone_is_noticed_by_the_sweep(env, make, up, key, cls):
    server = make(cls, None, key)
    env.conf['rescan'] = '1s'
    env.users['jane'] = [f'jane.{ZONE}']
    for user in env.users:
        env.write(user, '1.2.3.4', age=60)
    up(server, key.bind_file)
    server.wait(NAME, 'A', {'1.2.3.4'})
    server.wait(f'jane.{ZONE}', 'A', {'1.2.3.4'})
    server.kill()
    server.restart_empty()
    server.wait(NAME, 'A', {'1.2.3.4'})
    server.wait(f'jane.{ZONE}', 'A', {'1.2.3.4'})


@pytest.mark.parametrize('cls', PRIMARIES)
def test_an_empty_zone_is_noticed_after_a_change(env, make, up, key, cls):
    server = make(cls, None, key)
    env.users['jane'] = [f'jane.{ZONE}']
    for user in env.users:
        env.write(user, '1.2.3.4', age=60)
    up(server, key.bind_file)
    server.wait(NAME, 'A', {'1.2.3.4'})
    server.wait(f'jane.{ZONE}', 'A', {'1.2.3.4'})
    server.kill()
    server.restart_empty()
    env.write('john', '5.6.7.8')
    server.wait(NAME, 'A', {'5.6.7.8'})
    server.wait(f'jane.{ZONE}', 'A', {'1.2.3.4'})


def test_what_the_administrator_changed_is_compared_once(env, make, up, key):
    server = make(Bind, None, key)
    env.conf['rescan'] = '1s'
    env.write('john', '1.2.3.4', age=60)
    up(server, key.bind_file)
    server.wait(NAME, 'A', {'1.2.3.4'})
    change = dns.update.UpdateMessage(ZONE)
    change.replace('john', 3600, 'A', '203.0.113.1')
    change.replace('www', 3600, 'A', '203.0.113.2')
    server.update(change)
    server.wait(NAME, 'A', {'1.2.3.4'})
    assert server.rrset(f'www.{ZONE}', 'A') == {'203.0.113.2'}


# ---- secondaries

@pytest.mark.parametrize('cls', [Knot, Bind])
def test_nsd_follows(env, make, up, key, cls):
    primary = make(cls, None, key, start=False)
    secondary = make(Nsd, None, key, primary=primary, start=False)
    primary.notify = secondary
    primary.start()
    secondary.start()
    env.write('john', '1.2.3.4', age=60)
    up(primary, key.bind_file)
    secondary.wait(NAME, 'A', {'1.2.3.4'})
    env.write('john', '5.6.7.8\n2001:db8::1')
    secondary.wait(NAME, 'AAAA', {'2001:db8::1'})
    secondary.wait(NAME, 'A', {'5.6.7.8'})
    assert secondary.rrset(NAME, 'MX') == {'10 mail.example.com.'}


# ---- servers that lie, or fall silent

class Fake:
    """A server at an address of its own that keeps what updates say in `records`, {(name, type): {texts}},
    and answers as a good one does, without transfers. `behave`, if it is set, is asked first for each
    message: it returns a list of the wires to be sent, or None when it has nothing to say about it.
    Every update that was taken is in the queue `updates`, as the numbers of its names."""

    def __init__(self, key, behave=None):
        self.key = key
        self.behave = behave
        self.records = {}
        self.serial = 1
        self.updates = queue.Queue()
        self.seen = []			# (opcode, type, whether by TCP, wire)
        self.address = Address()
        self.server = self.address.text
        self.udp = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.udp.bind((self.server, 53))
        self.tcp = socket.create_server((self.server, 53))
        self.connections = []
        self.lock = threading.Lock()
        threading.Thread(target=self.serve_udp, daemon=True).start()
        threading.Thread(target=self.serve_tcp, daemon=True).start()

    def close(self):
        for s in [self.udp, self.tcp, *self.connections]:
            try:
                s.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass
            s.close()
        self.address.close()

    def serve_udp(self):
        while True:
            try:
                wire, peer = self.udp.recvfrom(65535)
                if not wire:
                    return
                for reply in self.replies(wire, False):
                    self.udp.sendto(reply, peer)
            except OSError:
                return

    def serve_tcp(self):
        while True:
            try:
                connection, _ = self.tcp.accept()
            except OSError:
                return
            self.connections.append(connection)
            threading.Thread(target=self.serve_connection, args=[connection], daemon=True).start()

    def serve_connection(self, connection):
        with connection, connection.makefile('rb') as f:
            while True:
                try:
                    head = f.read(2)
                    if len(head) < 2:
                        return
                    for reply in self.replies(f.read(struct.unpack('!H', head)[0]), True):
                        connection.sendall(struct.pack('!H', len(reply)) + reply)
                except OSError:
                    return

    def replies(self, wire, tcp):
        with self.lock:
            m = dns.message.from_wire(wire, keyring=self.key.keyring)
            question = m.question[0] if m.question else m.zone[0]
            self.seen.append((m.opcode(), question.rdtype, tcp, wire))
            got = self.behave(self, m, tcp) if self.behave else None
            return [self.good(m)] if got is None else got

    def answer(self, m, rcode=0, answer=(), key=None):
        """The wire of a signed reply. key: another one."""
        r = dns.message.make_response(m)
        r.set_rcode(rcode)
        for rrset in answer:
            r.answer.append(rrset)
        if key:
            r.use_tsig(key.keyring, key.name, algorithm=key.algorithm)
        return r.to_wire()

    def unsigned(self, m, rcode=0, flags=0):
        r = dns.message.make_response(m)
        r.set_rcode(rcode)
        r.flags |= flags
        r.tsig = None
        return r.to_wire()

    def good(self, m):
        if m.opcode() == 5:
            names = []
            for rrset in m.update:
                at = rrset.name.to_text(omit_final_dot=True), dns.rdatatype.to_text(rrset.rdtype)
                if at[0] not in names:
                    names.append(at[0])
                if rrset.deleting == dns.rdataclass.ANY:
                    self.records.pop(at, None)
                else:
                    self.records.setdefault(at, set()).update(rd.to_text() for rd in rrset)
            self.serial += 1
            self.updates.put(len(names))
            return self.answer(m)
        q = m.question[0]
        if q.rdtype == dns.rdatatype.AXFR:
            return self.answer(m, dns.rcode.REFUSED)
        if q.rdtype == dns.rdatatype.SOA:
            return self.answer(m, 0, [dns.rrset.from_text(
                q.name, 60, 'IN', 'SOA', f'ns1. hostmaster. {self.serial} 3600 600 86400 60')])
        at = q.name.to_text(omit_final_dot=True), dns.rdatatype.to_text(q.rdtype)
        texts = self.records.get(at, ())
        return self.answer(m, 0, [dns.rrset.from_text(q.name, 60, 'IN', at[1], *texts)] if texts else [])

    def has(self, env, name, type, expected):
        env.wait(lambda: self.records.get((name, type), set()) == expected,
                 f'{name} {type} is {expected}')


@pytest.fixture
def fake(key):
    fakes = []

    def make_one(behave=None):
        fakes.append(Fake(key, behave))
        return fakes[-1]
    yield make_one
    for f in fakes:
        f.close()


def is_update(m):
    return m.opcode() == 5


def test_many_changes_are_few_messages(env, up, key, fake):
    server = fake()
    env.users = {f'u{i}': [f'u{i}.{ZONE}'] for i in range(1000)}
    for i, user in enumerate(env.users):
        env.make_home(user)
        env.file(user).write_text(f'192.0.{i // 256}.{i % 256}\n')
        env.age(user, 60)
    up(server, key.bind_file)
    server.has(env, f'u999.{ZONE}', 'A', {'192.0.3.231'})
    env.wait(lambda: len(server.records) == 1000, 'all are there')
    assert server.updates.qsize() <= 2


@pytest.mark.parametrize('transfer', [True, False])
@pytest.mark.parametrize('cls', PRIMARIES)
def test_a_thousand_at_a_real_server(env, make, up, key, cls, transfer):
    server = make(cls, None, key, transfer=transfer)
    env.users = {f'u{i}': [f'u{i}.{ZONE}'] for i in range(1000)}
    for i, user in enumerate(env.users):
        env.make_home(user)
        env.file(user).write_text(f'192.0.{i // 256}.{i % 256}\n')
        env.age(user, 60)
    up(server, key.bind_file)
    server.wait(f'u999.{ZONE}', 'A', {'192.0.3.231'})
    server.wait(f'u0.{ZONE}', 'A', {'192.0.0.0'})
    assert server.serial() <= 3
    assert env.stop() == 0
    env.start(tinydns=False)
    env.wait_line(f'ns: zone {ZONE} is as it should be')


def test_forged_replies_are_ignored(env, up, key, fake, tmp_path):
    def behave(server, m, tcp):
        if not is_update(m) or tcp:
            return None
        good = server.good(m)
        other = dns.message.make_response(m)
        other.id ^= 1
        return [server.unsigned(m), server.answer(m, 0, key=Key(tmp_path, key.name)), other.to_wire(),
                b'x' * 20, good[:-1], good + b'x', good]
    server = fake(behave)
    env.write('john', '1.2.3.4', age=60)
    up(server, key.bind_file)
    server.has(env, NAME, 'A', {'1.2.3.4'})
    env.wait_line(f'updating record for {NAME} to 1.2.3.4 at ns')
    env.wait_line(f'ns: ignoring a reply of {server.server} that is not signed by our key')
    assert env.count('ignoring') == 1
    assert server.updates.qsize() == 1


def test_a_forged_success_is_none(env, up, key, fake):
    """The update is repeated, by TCP at last."""
    def behave(server, m, tcp):
        if is_update(m) and not tcp:
            return [server.unsigned(m)]
    server = fake(behave)
    env.write('john', '1.2.3.4', age=60)
    up(server, key.bind_file)
    server.has(env, NAME, 'A', {'1.2.3.4'})
    env.wait_line(f'updating record for {NAME} to 1.2.3.4 at ns')
    sent = [wire for opcode, _, tcp, wire in server.seen if opcode == 5]
    assert len(sent) == 4 and len(set(sent)) == 1


@pytest.mark.parametrize('rcode', [dns.rcode.REFUSED, dns.rcode.NOTAUTH, dns.rcode.SERVFAIL])
def test_an_unsigned_error_leads_to_tcp(env, up, key, fake, rcode):
    def behave(server, m, tcp):
        if is_update(m) and not tcp:
            return [server.unsigned(m, rcode)]
    server = fake(behave)
    env.write('john', '1.2.3.4', age=60)
    up(server, key.bind_file)
    server.has(env, NAME, 'A', {'1.2.3.4'})
    env.wait_line(f'updating record for {NAME} to 1.2.3.4 at ns')
    assert not env.count('unable')


def test_a_truncated_reply_leads_to_tcp(env, up, key, fake):
    def behave(server, m, tcp):
        if not tcp:
            return [server.unsigned(m, flags=dns.flags.TC)]
    server = fake(behave)
    env.write('john', '1.2.3.4', age=60)
    up(server, key.bind_file)
    server.has(env, NAME, 'A', {'1.2.3.4'})
    env.wait_line(f'updating record for {NAME} to 1.2.3.4 at ns')
    assert not env.count('unable')
    assert [tcp for opcode, _, tcp, _ in server.seen if opcode == 5] == [False, True]


def test_a_server_that_does_not_sign(env, up, key, fake):
    server = fake(lambda server, m, tcp: [server.unsigned(m)])
    env.write('john', '1.2.3.4', age=60)
    up(server, key.bind_file)
    env.wait_line(trouble(server, 'does not sign its replies with our key'))
    assert not server.updates.qsize()


def test_the_clock(env, up, key, fake):
    """BADTIME comes signed, with the server's time in it."""
    right = threading.Event()

    def behave(server, m, tcp):
        if right.is_set():
            return None
        r = dns.message.make_response(m, tsig_error=dns.rcode.BADTIME)
        r.set_rcode(dns.rcode.NOTAUTH)
        r.use_tsig(key.keyring, key.name, tsig_error=dns.rcode.BADTIME, algorithm=key.algorithm,
                   other_data=(int(time.time()) + 1000).to_bytes(6, 'big'))
        r.request_mac = m.mac
        return [r.to_wire()]
    server = fake(behave)
    env.write('john', '1.2.3.4', age=60)
    up(server, key.bind_file)
    env.wait_log(f'^unable to publish to ns, zone {ZONE}: the clock of {server.server} differs from ours by '
                 r'(99\d|100[01]) s: there it is 20\d\d-.*Z, here 20\d\d-.*Z \(BADTIME\); trying again')
    right.set()
    server.has(env, NAME, 'A', {'1.2.3.4'})
    assert env.count('unable') == 1


@pytest.mark.parametrize('rcode', ['SERVFAIL', 'NOTIMP', 'FORMERR', 'NOTZONE', 'REFUSED', 'YXDOMAIN', 'NOTAUTH'])
def test_an_error_of_all_updates_pauses(env, up, key, fake, rcode):
    wrong = threading.Event()
    wrong.set()

    def behave(server, m, tcp):
        if is_update(m) and wrong.is_set():
            return [server.answer(m, dns.rcode.from_text(rcode))]
    server = fake(behave)
    env.users = {f'u{i}': [f'u{i}.{ZONE}'] for i in range(20)}
    for user in env.users:
        env.write(user, '1.2.3.4', age=60)
    up(server, key.bind_file)
    env.wait_log(f'^unable to publish to ns, zone {ZONE}: {server.server} .*{rcode}.; trying again$')
    env.wait(lambda: sum(type == dns.rdatatype.AXFR for _, type, _, _ in list(server.seen)) > 1,
             'it is compared again, after the pause')
    assert env.count('has 20 differences') == 1
    wrong.clear()
    for user in env.users:
        server.has(env, f'{user}.{ZONE}', 'A', {'1.2.3.4'})
    env.wait_line(f'publishing to ns, zone {ZONE}, at {server.server} again')
    assert env.count('^unable') == 1


def test_a_server_that_hangs(env, up, key, fake):
    """It takes everything and says nothing. The start does not wait for it, the next server has the work."""
    hangs = fake(lambda server, m, tcp: [])
    server = fake()
    env.write('john', '1.2.3.4', age=60)
    up([hangs, server], key.bind_file)
    assert not server.seen
    env.wait_line(trouble(hangs, 'does not answer', 'trying the next server'), timeout=2 * TIMEOUT)
    server.has(env, NAME, 'A', {'1.2.3.4'})
    env.write('john', '5.6.7.8')
    server.has(env, NAME, 'A', {'5.6.7.8'})
    assert env.count('unable') == 1


@pytest.mark.parametrize('how', ['silent', 'begins', 'cut'])
def test_a_transfer_that_comes_to_no_end(env, up, key, fake, how):
    """To anything else it answers: names are asked for, then."""
    def behave(server, m, tcp):
        if is_update(m) or m.question[0].rdtype != dns.rdatatype.AXFR:
            return None
        if how == 'cut':
            server.connections[-1].sendall(struct.pack('!H', 500) + b'x' * 20)
            server.connections[-1].shutdown(socket.SHUT_RDWR)
        soa = dns.rrset.from_text(f'{ZONE}.', 60, 'IN', 'SOA', 'ns1. hostmaster. 1 3600 600 86400 60')
        return [server.answer(m, 0, [soa])] if how == 'begins' else []
    server = fake(behave)
    env.write('john', '1.2.3.4', age=60)
    up(server, key.bind_file)
    env.wait_line(f'updating record for {NAME} to 1.2.3.4 at ns')
    server.has(env, NAME, 'A', {'1.2.3.4'})
    assert not env.count('unable')


def test_a_lost_update_is_sent_again(env, up, key, fake):
    lost = []

    def behave(server, m, tcp):
        if is_update(m) and not lost:
            lost.append(m)
            return []
    server = fake(behave)
    env.write('john', '1.2.3.4', age=60)
    up(server, key.bind_file)
    server.has(env, NAME, 'A', {'1.2.3.4'})
    assert not env.count('unable')


def test_connections_that_are_closed(env, up, key, fake):
    """After every ten answers to questions; they are asked in several connections, then."""
    def close(connection):
        try:
            connection.shutdown(socket.SHUT_RDWR)
        except OSError:
            pass	# it is gone

    def behave(server, m, tcp):
        if tcp and len(server.seen) % 10 == 0:
            got = [server.good(m)]
            threading.Timer(0, close, [server.connections[-1]]).start()
            return got
    server = fake(behave)
    env.users = {f'u{i}': [f'u{i}.{ZONE}'] for i in range(30)}
    for user in env.users:
        env.write(user, '1.2.3.4', age=60)
    up(server, key.bind_file)
    for user in env.users:
        server.has(env, f'{user}.{ZONE}', 'A', {'1.2.3.4'})


def test_a_change_while_one_is_under_way(env, up, key, fake):
    """It goes with the next message; the one under way is not published as what came later."""
    hold, held = threading.Event(), threading.Event()

    def behave(server, m, tcp):
        if is_update(m):
            held.set()
            hold.wait(TIMEOUT)
    server = fake(behave)
    env.write('john', '1.2.3.4', age=60)
    up(server, key.bind_file, wait=False)
    assert held.wait(TIMEOUT)
    env.write('john', '5.6.7.8')
    env.wait_line('user john requested update to 5.6.7.8')
    hold.set()
    server.has(env, NAME, 'A', {'5.6.7.8'})
    env.wait_ready()
    env.wait_line(f'updating record for {NAME} to 5.6.7.8 at ns')


def test_the_end_waits_for_an_update(env, up, key, fake):
    hold, held = threading.Event(), threading.Event()

    def behave(server, m, tcp):
        if is_update(m) and NAME.encode()[:4] in m.to_wire():
            held.set()
            hold.wait(TIMEOUT)
    server = fake(behave)
    env.write('john', '1.2.3.4', age=60)
    up(server, key.bind_file, wait=False)
    assert held.wait(TIMEOUT)
    env.send(15)
    threading.Timer(0.2, hold.set).start()
    assert env.wait_exit() == 0
    assert env.count(f'updating record for {NAME}') == 1
    assert f' ns {NAME} a\n' in env.state.read_text()


def test_what_changed_right_behind_our_own_change(env, up, key, fake):
    """The serial that is read after our update is another's already."""
    def behave(server, m, tcp):
        if is_update(m):
            good = server.good(m)
            server.serial += 1
            server.records[NAME, 'A'] = {'203.0.113.1'}
            server.behave = None
            return [good]
    server = fake(behave)
    env.write('john', '1.2.3.4', age=60)
    up(server, key.bind_file)
    env.wait(lambda: server.updates.qsize() == 2, 'it is set right')
    server.has(env, NAME, 'A', {'1.2.3.4'})


def test_comparisons_that_take_long_are_rare(env, up, key, fake):
    """Another writes to the zone all the time. What one comparison took, the next waits fifty times; changes do
    not wait."""
    took_s, began = 0.05, []

    def behave(server, m, tcp):
        if is_update(m):
            server.serial += 1
        elif m.question[0].rdtype == dns.rdatatype.AXFR:
            began.append(time.monotonic())
            time.sleep(took_s)
    server = fake(behave)
    env.write('john', '1.2.3.4', age=60)
    up(server, key.bind_file)
    for i in range(5):
        env.write('john', f'5.6.7.{i + 1}')
        server.has(env, NAME, 'A', {f'5.6.7.{i + 1}'})
        env.wait_line(f'updating record for {NAME} to 5.6.7.{i + 1} at ns')
    env.wait(lambda: len(began) >= 2, 'the second comparison', timeout=3 * TIMEOUT)	# each may take its time
    assert began[1] - began[0] > 50 * took_s


def test_a_server_that_has_no_udp(env, up, key, fake):
    """That is found out once."""
    server = fake(lambda server, m, tcp: None if tcp else [])
    env.write('john', '1.2.3.4', age=60)
    up(server, key.bind_file)
    server.has(env, NAME, 'A', {'1.2.3.4'})
    env.wait_line(f'updating record for {NAME} to 1.2.3.4 at ns')
    mark = len(server.seen)
    env.write('john', '5.6.7.8')
    server.has(env, NAME, 'A', {'5.6.7.8'})
    assert all(tcp for _, _, tcp, _ in server.seen[mark:])


def test_a_server_whose_udp_is_refused(env, up, key, fake):
    """By a firewall, say, which lets TCP through."""
    server = fake()
    with contextlib.suppress(OSError):
        server.udp.shutdown(socket.SHUT_RDWR)	# who waits for it lets go
    server.udp.close()
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
        s.connect((server.server, 53))

        def is_refused():
            with contextlib.suppress(OSError):
                s.send(b'')
            try:
                s.recv(1, socket.MSG_DONTWAIT)
            except OSError as e:
                return e.errno == errno.ECONNREFUSED
        env.wait(is_refused, 'nobody listens any more')
    env.write('john', '1.2.3.4', age=60)
    up(server, key.bind_file)
    server.has(env, NAME, 'A', {'1.2.3.4'})
    env.write('john', '5.6.7.8')
    server.has(env, NAME, 'A', {'5.6.7.8'})
    assert not env.count('^unable')


def test_an_answer_that_was_not_waited_for_is_no_stray(env, up, key, fake):
    """Without UDP, of the serial: the next change does not wait for it."""
    late = []

    def behave(server, m, tcp):
        if not tcp:
            return []
        if is_update(m):
            wires = [*late, server.good(m)]
            late.clear()
            return wires
        if m.question[0].rdtype == dns.rdatatype.SOA and not server.updates.empty():
            late.append(server.good(m))
            return []
        return None
    server = fake(behave)
    env.write('john', '1.2.3.4', age=60)
    up(server, key.bind_file)
    for i in range(5):
        env.wait(lambda: late, 'it asks for the serial')
        env.write('john', f'1.2.3.{i}')
        server.has(env, NAME, 'A', {f'1.2.3.{i}'})
    assert not env.count('^ns: ignor')


@pytest.mark.parametrize('rcode', [dns.rcode.SERVFAIL, dns.rcode.REFUSED])
def test_a_name_that_cannot_be_asked_for_does_not_hold_up_the_others(env, up, key, fake, rcode):
    """As where a zone below ours, on the same server, is broken. It is sent, and what is ours stays so."""
    broken = threading.Event()

    def behave(server, m, tcp):
        if not is_update(m) and m.question[0].name.to_text().startswith(('bad.', 'gone.')) and broken.is_set():
            return [server.answer(m, rcode)]
        return None
    server = fake(behave)
    bad, gone = f'bad.{ZONE}', f'gone.{ZONE}'
    env.users |= {'bad': [bad], 'gone': [gone]}
    for user in env.users:
        env.write(user, '1.2.3.4', age=60)
    up(server, key.bind_file)
    server.has(env, gone, 'A', {'1.2.3.4'})
    env.stop()
    del env.users['gone']
    broken.set()
    env.write('john', '1.2.3.5', age=60)
    env.write('bad', '1.2.3.5', age=60)
    env.start(tinydns=False)
    server.has(env, NAME, 'A', {'1.2.3.5'})
    server.has(env, bad, 'A', {'1.2.3.5'})
    broken.clear()
    env.reload()
    server.has(env, gone, 'A', set())


def test_many_refused_names_do_not_flood_the_log(env, up, key, fake):
    server = fake(lambda server, m, tcp: [server.answer(m, dns.rcode.REFUSED)] if is_update(m) and any(
        r.name.to_text().startswith('bad') for r in m.update) else None)
    env.users |= {f'bad{i}': [f'bad{i}.{ZONE}'] for i in range(100)}
    for user in env.users:
        env.write(user, '1.2.3.4', age=60)
    up(server, key.bind_file)
    env.wait_log(f'^unable to publish 90 more names to ns, zone {ZONE}: .*REFUSED.; trying again in 300 s')
    assert env.count('^unable to publish bad') == 10
    for _ in range(2):
        env.reload()
        mark = len(server.seen)
        env.write('john', f'1.2.3.{mark % 200 + 5}')
        server.has(env, NAME, 'A', {f'1.2.3.{mark % 200 + 5}'})
    assert env.count('^unable to publish bad') == 10


# ---- what is ours

@pytest.mark.parametrize('then', ['reload', 'restart'])
@pytest.mark.parametrize('n', [1, 20])
def test_what_was_only_refused_is_not_ours(env, up, key, fake, n, then):
    """As where the key may read, but not write yet: the administrator's own address is there all the time."""
    frozen = threading.Event()
    frozen.set()

    def behave(server, m, tcp):
        if is_update(m) and frozen.is_set():
            return [server.answer(m, dns.rcode.REFUSED)]
    server = fake(behave)
    env.users = {f'u{i}': [f'u{i}.{ZONE}'] for i in range(n)} | {'jane': [f'jane.{ZONE}']}
    for i in range(n):
        server.records[f'u{i}.{ZONE}', 'A'] = {'192.0.2.9'}
        env.write(f'u{i}', '1.2.3.4', age=60)
    up(server, key.bind_file)
    env.wait_log('^unable to publish to ns, ')
    for i in range(n):
        env.write(f'u{i}', 'none')
        env.wait_line(f'user u{i} requested update to none')
    if then == 'restart':
        env.stop()
        assert 'ns u' not in env.state.read_text()
    frozen.clear()
    env.write('jane', '1.2.3.4', age=60)
    if then == 'restart':
        env.start(tinydns=False)
    else:
        env.reload()
    server.has(env, f'jane.{ZONE}', 'A', {'1.2.3.4'})
    env.write('jane', '1.2.3.5')
    server.has(env, f'jane.{ZONE}', 'A', {'1.2.3.5'})
    for i in range(n):
        assert server.records.get((f'u{i}.{ZONE}', 'A')) == {'192.0.2.9'}


@pytest.mark.parametrize('then', ['withdrawn', 'removed', 'killed'])
def test_what_comes_into_force_after_the_comparison_is_still_ours(env, up, key, fake, then):
    """The server takes its time: it answers about what is there, and applies the update before only later."""
    held = []

    def behave(server, m, tcp):
        if is_update(m) and not slow.is_set():
            held.append(m)
            return []
        return None
    slow = threading.Event()
    server = fake(behave)
    env.users['jane'] = [f'jane.{ZONE}']
    env.write('john', '1.2.3.4', age=60)
    up(server, key.bind_file, wait=False)
    env.wait(lambda: held, 'the update is there')
    if then == 'withdrawn':
        env.write('john', 'none')
        env.wait_line('user john requested update to none')
        env.reload()
    elif then == 'removed':
        del env.users['john']
        env.reload()
    else:
        env.wait(lambda: env.state.exists() and not list(env.state_dir.glob('state.claims*')), 'it is in the state')
        env.kill()
        env.write('john', 'none', age=60)
        slow.set()
        env.start(tinydns=False)
    slow.set()
    env.write('jane', '1.2.3.4')
    server.has(env, f'jane.{ZONE}', 'A', {'1.2.3.4'})
    server.good(held[0])
    env.reload()
    server.has(env, NAME, 'A', set())


@pytest.mark.parametrize('then', ['changed', 'removed'])
def test_what_comes_into_force_after_our_next_update_is_still_ours(env, up, key, fake, then):
    """The same, of a name that another update is about before the server applies the first."""
    held = []

    def behave(server, m, tcp):
        if is_update(m) and any(rrset.rdtype == dns.rdatatype.AAAA and not rrset.deleting for rrset in m.update):
            held.append(m)
            return []
        return None
    server = fake(behave)
    env.users['jane'] = [f'jane.{ZONE}']
    env.write('john', '1.2.3.4', age=60)
    up(server, key.bind_file)
    server.has(env, NAME, 'A', {'1.2.3.4'})
    env.write('john', '1.2.3.4\n2001:db9::1')
    env.wait(lambda: held, 'the update is there')
    if then == 'changed':
        env.write('john', '1.2.3.5')
        env.wait_line('user john requested update to 1.2.3.5')
    else:
        del env.users['john']
    env.reload()
    server.has(env, NAME, 'A', {'1.2.3.5'} if then == 'changed' else set())
    server.good(held[0])
    env.reload()
    server.has(env, NAME, 'AAAA', set())
    server.has(env, NAME, 'A', {'1.2.3.5'} if then == 'changed' else set())


@pytest.mark.parametrize('end', ['killed', 'stopped'])
def test_what_comes_into_force_after_a_restart_is_still_ours(env, up, key, fake, end):
    """The same, of a type that was ours before it was sent, so that the disk does not know of it."""
    held = []

    def behave(server, m, tcp):
        if is_update(m) and any(rrset.rdtype == dns.rdatatype.A and '1.2.3.5' in str(rrset) for rrset in m.update):
            held.append(m)
            return []
        return None
    server = fake(behave)
    env.users['jane'] = [f'jane.{ZONE}']
    env.write('john', '1.2.3.4', age=60)
    up(server, key.bind_file)
    server.has(env, NAME, 'A', {'1.2.3.4'})
    env.wait(lambda: env.state.exists() and f' ns {NAME} a\n' in env.state.read_text(), 'it is in the state')
    env.write('john', '1.2.3.5')
    env.wait(lambda: held, 'the update is there')
    env.kill() if end == 'killed' else env.stop()
    del env.users['john']
    env.start(tinydns=False)
    server.has(env, NAME, 'A', set())
    server.good(held[0])
    env.reload()
    server.has(env, NAME, 'A', set())


def test_what_may_still_come_is_known_also_after_a_start_that_came_to_nothing(env, up, key, fake):
    """Stopped before it has read the address files."""
    needs('strace')
    trace = env.tmp / 'trace'
    server = fake()
    env.write('john', '1.2.3.4', age=60)
    up(server, key.bind_file)
    line = f' ns {NAME} a\n'
    env.wait(lambda: env.state.exists() and line in env.state.read_text(), 'it is in the state')
    env.kill()
    env.prefix = ['strace', '-f', '-D', '-qq', '-o', str(trace), '-e', 'trace=openat2',
                  '-e', 'inject=openat2:delay_enter=1000000']
    env.environ['ASAN_OPTIONS'] = 'detect_leaks=0'
    env.start(tinydns=False, wait=False)
    env.wait(lambda: trace.exists() and 'openat2' in trace.read_text(), 'it reads address files')
    assert env.stop() == 0
    assert line not in env.state.read_text()


# ---- everything at once

@pytest.mark.parametrize('cls', PRIMARIES)
def test_both_are_killed_again_and_again(env, make, up, key, cls):
    """Whatever was lost in between: in the end the server has what users wrote, and nothing of who is gone."""
    rng = random.Random(1)
    server = make(cls, None, key)
    env.users = {f'u{i}': [f'u{i}.{ZONE}'] for i in range(30)}
    env.conf.update(rescan='1s', missing='withdraw', missing_after='10ms')
    wanted = {}

    def write(user):
        wanted[user] = {f'192.0.2.{rng.randrange(1, 255)}' for _ in range(rng.randrange(1, 3))}
        env.write(user, '\n'.join(wanted[user]), age=60)

    for user in env.users:
        write(user)
    up(server, key.bind_file)
    for _ in range(6):
        for user in rng.sample(sorted(env.users), 10):
            write(user)
        if rng.random() < 0.5:
            server.kill()
            server.restart_empty() if rng.random() < 0.5 else server.start()
        else:
            env.kill()
            gone = rng.choice(sorted(env.users))
            wanted.pop(gone)
            env.users.pop(gone)
            env.start(tinydns=False)
    for i in range(30):
        server.wait(f'u{i}.{ZONE}', 'A', wanted.get(f'u{i}', set()))
    assert server.rrset(NAME, 'MX') == {'10 mail.example.com.'}


def test_a_key_that_only_root_reads(env, make, up, key):
    server = make(Knot, None, key)
    key.bind_file.chmod(0o600)
    os.chown(key.bind_file, 0, 0)
    env.write('john', '1.2.3.4', age=60)
    up(server, key.bind_file)
    server.wait(NAME, 'A', {'1.2.3.4'})


@pytest.mark.parametrize('text, why', [
    ('nonsense', 'is no key as tsig-keygen or keymgr -t prints it'), ('key "a" {\n\talgorithm hmac-md5;\n\tsecret "c2VjcmV0";\n};\n',
     r'has an algorithm other than .* \(line 2\)')])
def test_a_key_that_is_none(env, make, up, key, text, why):
    server = make(Knot, None, key)
    good = key.bind_file.read_text()
    key.bind_file.write_text(text)
    env.write('john', '1.2.3.4', age=60)
    up(server, key.bind_file)
    line = env.wait_log(f"^unable to publish to ns, zone {ZONE}: the key '.*' {why}; trying again$").group(0)
    assert 'c2VjcmV0' not in line
    key.bind_file.write_text(good)
    server.wait(NAME, 'A', {'1.2.3.4'})
