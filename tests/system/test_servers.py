# SPDX-FileCopyrightText: 2026 The dns-updater authors
# SPDX-License-Identifier: ISC
"""The name servers themselves, by what nobody here wrote: dnspython's updates and transfers. What each
of them answers to a wrong key or a wrong zone stands in tables below; our program has to cope with all
of it. Every set-up that doc/ describes is tried here, with what its server does by itself."""

import ctypes
import os
import subprocess
import time
from unittest import mock

import dns.message
import dns.query
import dns.rcode
import dns.tsig
import dns.update
import pytest

from harness import SERVICE, SERVICE_GID, SERVICE_UID, TIMEOUT, clean_env, needs
from servers import (HOSTS_END, HOSTS_START, KNOT_BADKEY, NAME, ZONE, Bind, Dnsmasq, Key, Knot, Nsd, Pdns,
                     Unbound, zone_text)

PRIMARIES = [Knot, Bind, Pdns]
READERS = [Knot, Bind, Nsd, Unbound]


def replace(address, name='john', zone=ZONE, ttl=60):
    u = dns.update.UpdateMessage(zone)
    u.replace(name, ttl, 'AAAA' if ':' in address else 'A', address)
    return u


def signed(message, key, when=None):
    """The message's bytes, as if it were another time."""
    message.use_tsig(key.keyring, key.name, algorithm=key.algorithm)
    if when is None:
        return message.to_wire()
    with mock.patch('time.time', lambda: when):
        return message.to_wire()


def axfr_query(key=None, zone=ZONE):
    q = dns.message.make_query(zone, 'AXFR')
    return signed(q, key) if key else q


def described(reply):
    return reply.rcode, reply.error, reply.signed


# ---- the key

@pytest.mark.parametrize('algorithm', ['hmac-sha256', 'hmac-sha384', 'hmac-sha512'])
def test_key_files_are_as_the_tools_print_them(tmp_path, algorithm):
    needs('tsig-keygen')
    needs('keymgr')
    bind = subprocess.run(['tsig-keygen', '-a', algorithm, 'dns-updater'], check=True,
                          capture_output=True, text=True).stdout
    secret = bind.split('"')[3]
    key = Key(tmp_path, algorithm=algorithm, secret=secret)
    assert key.bind_file.read_text() == bind
    assert len(Key(tmp_path, algorithm=algorithm).secret) == len(secret)

    knot = subprocess.run(['keymgr', '-t', 'dns-updater', algorithm], check=True,
                          capture_output=True, text=True).stdout
    key = Key(tmp_path, algorithm=algorithm, secret=knot.split()[-1])
    assert key.knot_file.read_text() == knot
    assert key.knot_file.stat().st_mode & 0o777 == 0o640


# ---- updates

@pytest.mark.parametrize('algorithm', ['hmac-sha256', 'hmac-sha384', 'hmac-sha512'])
@pytest.mark.parametrize('cls', PRIMARIES)
def test_update_is_answered_before_it_is_acknowledged(tmp_path, make, cls, algorithm):
    server = make(cls, None, Key(tmp_path, algorithm=algorithm))
    assert server.update(replace('1.2.3.4')).rcode() == 0
    assert server.rrset(NAME, 'A') == {'1.2.3.4'}
    assert server.update(replace('2001:db8::2')).rcode() == 0
    assert server.update(replace('5.6.7.8')).rcode() == 0
    assert server.rrset(NAME, 'A', tcp=True) == {'5.6.7.8'}
    assert server.rrset(NAME, 'AAAA') == {'2001:db8::2'}
    assert server.rrset(NAME, 'TXT') == {'"a static text"'}
    assert server.serial() == 4
    assert server.rss() > 1 << 20


@pytest.mark.parametrize('cls', [*PRIMARIES, Nsd, Unbound])
def test_ipv6(make, key, cls):
    server = make(cls, None, key, v6=True)
    assert server.server == f'[::1]:{server.port}'
    if cls in PRIMARIES:
        server.update(replace('1.2.3.4'))
        assert server.rrset(NAME, 'A') == {'1.2.3.4'}
    assert server.rrset(NAME, 'MX') == {'10 mail.example.com.'}


@pytest.mark.parametrize('cls', PRIMARIES)
def test_extra_records_and_zones(make, key, cls):
    server = make(cls, {ZONE: ['john AAAA 2001:db8::1'], 'example.org': []}, key)
    assert server.rrset(NAME, 'AAAA') == {'2001:db8::1'}
    server.update(replace('1.2.3.4', zone='example.org'))
    assert server.rrset('john.example.org', 'A') == {'1.2.3.4'}
    assert server.rrset(NAME, 'A') == set()


# Knot and BIND find that nothing changed; PowerDNS raises the serial all the same, and its
# secondaries transfer the zone for nothing.
@pytest.mark.parametrize('cls, serial', [(Knot, 2), (Bind, 2), (Pdns, 3)])
def test_the_same_once_more(make, key, cls, serial):
    server = make(cls, None, key)
    server.update(replace('1.2.3.4'))
    server.update(replace('1.2.3.4'))
    assert server.serial() == serial


# What an update is answered with: (rcode, TSIG error, whether there is a MAC). The same for a
# transfer, as far as the key goes.
#
# - A reply to BADKEY and BADSIG has no MAC: anybody could have sent it (RFC 8945, section 5.3.2). It
#   is no reason to give up a server, only to try again later.
# - BADTIME is signed, and the server's time is in it. Its own time_signed is the request's.
# - PowerDNS says REFUSED for all of that, without any TSIG record: only its log tells a wrong secret
#   from a wrong clock.
# - Knot does not sign for a zone that it does not have, and says what it says to an unknown key to one that
#   it has, too, when the zone's ACL does not let it in.
# - BIND and Knot say NOTAUTH for an unknown zone, PowerDNS REFUSED, as it does for every ACL.
NO_TSIG = (None, False)
ANSWERS = {
    Knot: {
        'unsigned': ('NOTAUTH', *NO_TSIG),
        'unknown key': ('NOTAUTH', KNOT_BADKEY, False),
        'wrong secret': ('NOTAUTH', 'BADSIG', False),
        'wrong algorithm': ('NOTAUTH', KNOT_BADKEY, False),
        'too old': ('NOTAUTH', 'BADTIME', True),
        'too new': ('NOTAUTH', 'BADTIME', True),
        'unknown zone': ('NOTAUTH', *NO_TSIG),
        'zone below': ('NOTAUTH', *NO_TSIG),
        'zone above': ('NOTAUTH', *NO_TSIG),
        'name outside': ('NOTZONE', None, True),
    },
    Bind: {
        'unsigned': ('REFUSED', *NO_TSIG),
        'unknown key': ('NOTAUTH', 'BADKEY', False),
        'wrong secret': ('NOTAUTH', 'BADSIG', False),
        'wrong algorithm': ('NOTAUTH', 'BADKEY', False),
        'too old': ('NOTAUTH', 'BADTIME', True),
        'too new': ('NOTAUTH', 'BADTIME', True),
        'unknown zone': ('NOTAUTH', None, True),
        'zone below': ('NOTAUTH', None, True),
        'zone above': ('NOTAUTH', None, True),
        'name outside': ('NOTZONE', None, True),
    },
    Pdns: {
        'unsigned': ('REFUSED', *NO_TSIG),
        'unknown key': ('REFUSED', *NO_TSIG),
        'wrong secret': ('REFUSED', *NO_TSIG),
        'wrong algorithm': ('REFUSED', *NO_TSIG),
        'too old': ('REFUSED', *NO_TSIG),
        'too new': ('REFUSED', *NO_TSIG),
        'unknown zone': ('REFUSED', None, True),
        'zone below': ('REFUSED', None, True),
        'zone above': ('REFUSED', None, True),
        'name outside': ('NOTZONE', None, True),
    },
}


@pytest.mark.parametrize('cls', PRIMARIES)
def test_what_a_wrong_update_is_answered_with(tmp_path, make, key, cls):
    server = make(cls, None, key)
    now = time.time()
    wrong = {
        'unsigned': replace('1.2.3.4'),
        'unknown key': signed(replace('1.2.3.4'), Key(tmp_path, 'stranger')),
        'wrong secret': signed(replace('1.2.3.4'), Key(tmp_path)),
        'wrong algorithm': signed(replace('1.2.3.4'),
                                  Key(tmp_path, algorithm='hmac-sha512', secret=key.secret)),
        'too old': signed(replace('1.2.3.4'), key, now - 1000),
        'too new': signed(replace('1.2.3.4'), key, now + 1000),
        'unknown zone': signed(replace('1.2.3.4', zone='example.org'), key),
        'zone below': signed(replace('1.2.3.4', zone='sub.' + ZONE), key),
        'zone above': signed(replace('1.2.3.4', 'john.dyn', zone='example.com'), key),
        'name outside': signed(replace('1.2.3.4', 'www.example.org.'), key),
    }
    assert {k: described(server.exchange(m)) for k, m in wrong.items()} == ANSWERS[cls]
    assert server.rrset(NAME, 'A') == set()

    reply = server.exchange(signed(replace('1.2.3.4'), key, int(now) - 1000))
    if reply.tsig:
        assert reply.tsig.time_signed == int(now) - 1000
        assert abs(int.from_bytes(reply.tsig.other, 'big') - now) < TIMEOUT


@pytest.mark.parametrize('cls, rcode', [(Knot, None if KNOT_BADKEY else dns.rcode.NOTAUTH), (Bind, None),
                                        (Pdns, dns.rcode.REFUSED)])
def test_what_a_resolver_library_makes_of_a_wrong_key(tmp_path, make, key, cls, rcode):
    """It raises where the answer's TSIG says so."""
    server = make(cls, None, key)
    stranger = Key(tmp_path, 'stranger')
    if rcode is None:
        with pytest.raises(dns.tsig.PeerBadKey):
            server.update(replace('1.2.3.4'), stranger)
    else:
        assert server.update(replace('1.2.3.4'), stranger).rcode() == rcode


# The key is right, the zone does not take updates from it. Knot cannot be told from one that does not
# know the key, whether the zone lets this key do something else or nothing at all.
@pytest.mark.parametrize('transfer', [True, False])
@pytest.mark.parametrize('cls, answer', [(Knot, ('NOTAUTH', KNOT_BADKEY, False)),
                                         (Bind, ('REFUSED', None, True)),
                                         (Pdns, ('REFUSED', None, True))])
def test_no_updates(make, key, cls, answer, transfer):
    server = make(cls, None, key, update=False, transfer=transfer)
    assert described(server.exchange(signed(replace('1.2.3.4'), key))) == answer
    assert server.rrset(NAME, 'A') == set()


def test_bind_update_policy(make, key):
    """`zonesub A AAAA` lets an RRset of these types be deleted, and nothing else be touched."""
    server = make(Bind, None, key, update='policy')
    assert server.update(replace('1.2.3.4')).rcode() == 0
    text = dns.update.UpdateMessage(ZONE)
    text.replace('john', 60, 'TXT', 'of the key')
    everything = dns.update.UpdateMessage(ZONE)
    everything.delete('john')
    for u in text, everything:
        assert described(server.exchange(signed(u, key))) == ('REFUSED', None, True)
    address = dns.update.UpdateMessage(ZONE)
    address.delete('john', 'A')
    assert server.update(address).rcode() == 0
    assert server.rrset(NAME, 'A') == set()
    assert server.rrset(NAME, 'TXT') == {'"a static text"'}


# ---- transfers

@pytest.mark.parametrize('cls', PRIMARIES)
def test_axfr(make, key, cls):
    """In many messages, and all three sign every one."""
    many = [f'h{i} TXT "{"x" * 100}"' for i in range(2000)]
    server = make(cls, {ZONE: many}, key)
    server.update(replace('1.2.3.4'))
    got = server.axfr()
    assert got[NAME, 'A'] == {'1.2.3.4'}
    assert got[ZONE, 'NS'] == {'ns1.dyn.example.com.'}
    assert len(got) == 2000 + 6

    seen = 0

    def more(reply):	# up to the second SOA
        nonlocal seen
        seen += reply.wire.count(b'\x0ahostmaster')
        return seen < 2
    replies = server.exchange(axfr_query(key), more=more)
    assert len(replies) > 3
    assert all(r.signed for r in replies)


@pytest.mark.parametrize('cls, unsigned, unknown, secret', [
    (Knot, ('NOTAUTH', None, False), ('NOTAUTH', KNOT_BADKEY, False), ('NOTAUTH', 'BADSIG', False)),
    (Bind, ('REFUSED', None, False), ('NOTAUTH', 'BADKEY', False), ('NOTAUTH', 'BADSIG', False)),
    (Pdns, ('NOTAUTH', None, False), ('NOTAUTH', None, False), ('NOTAUTH', None, False)),
    (Nsd, ('REFUSED', None, False), ('NOTAUTH', 'BADKEY', False), ('NOTAUTH', 'BADSIG', False))])
def test_no_axfr_without_the_key(tmp_path, make, key, cls, unsigned, unknown, secret):
    server = make(cls, None, key)
    assert described(server.exchange(axfr_query())) == unsigned
    assert described(server.exchange(axfr_query(Key(tmp_path, 'stranger')))) == unknown
    assert described(server.exchange(axfr_query(Key(tmp_path)))) == secret
    assert server.axfr()[NAME, 'MX'] == {'10 mail.example.com.'}


@pytest.mark.parametrize('cls, answer', [(Knot, ('NOTAUTH', KNOT_BADKEY, False)),
                                         (Bind, ('REFUSED', None, True)),
                                         (Pdns, ('NOTAUTH', None, False))])
def test_no_axfr_at_all(make, key, cls, answer):
    server = make(cls, None, key, transfer=False)
    assert described(server.exchange(axfr_query(key))) == answer


@pytest.mark.parametrize('cls', PRIMARIES)
def test_axfr_for_everybody(make, key, cls):
    server = make(cls, None, key, transfer='open')
    assert server.axfr(key=False)[NAME, 'MX'] == {'10 mail.example.com.'}


def test_nsd_takes_no_updates(make, key):
    server = make(Nsd, None, key)
    assert described(server.exchange(signed(replace('1.2.3.4'), key))) == ('NOTIMP', None, False)


@pytest.mark.parametrize('cls', PRIMARIES)
def test_nsd_follows_by_notify(tmp_path, make, key, cls):
    primary = make(cls, None, key, start=False)
    secondary = make(Nsd, None, key, primary=primary, start=False)
    primary.notify = secondary
    primary.start()
    secondary.start()
    secondary.wait(NAME, 'TXT', {'"a static text"'})
    for address in '1.2.3.4', '5.6.7.8':
        primary.update(replace(address))
        secondary.wait(NAME, 'A', {address})
    secondary.until(lambda: secondary.axfr() == primary.axfr(), 'both have the same')


# ---- what survives

@pytest.mark.parametrize('cls', PRIMARIES)
def test_updates_survive(make, key, cls):
    server = make(cls, None, key)
    server.update(replace('1.2.3.4'))
    server.restart()
    assert server.rrset(NAME, 'A') == {'1.2.3.4'}
    server.update(replace('5.6.7.8'))
    server.kill()
    server.start()
    assert server.rrset(NAME, 'A') == {'5.6.7.8'}
    server.restart_empty()
    assert server.rrset(NAME, 'A') == set()
    assert server.rrset(NAME, 'TXT') == {'"a static text"'}
    assert server.serial() == 1
    server.update(replace('5.6.7.8'))
    assert server.rrset(NAME, 'A') == {'5.6.7.8'}


def test_knot_with_a_file_that_is_written_now_and_then(make, key):
    """As doc/knot.md has it: an update goes into the journal; a flush brings it into the file."""
    server = make(Knot, None, key, zone_options={'zonefile-sync': '1h'})
    server.update(replace('1.2.3.4'))
    assert '1.2.3.4' not in server.zone_file().read_text()
    server.kill()
    server.start()
    assert server.rrset(NAME, 'A') == {'1.2.3.4'}
    server.knotc('-b', 'zone-flush', ZONE)
    assert '1.2.3.4' in server.zone_file().read_text()


def test_knot_edited_without_freeze(make, key):
    """The pitfall: what was updated since the last flush is not in the file that is read."""
    server = make(Knot, None, key, zone_options={'zonefile-sync': '1h'})
    server.update(replace('1.2.3.4'))
    server.write_zone(serial=9)
    server.knotc('-b', 'zone-reload', ZONE)
    assert server.rrset(NAME, 'A') == set()
    server.update(replace('1.2.3.4'))
    assert server.rrset(NAME, 'A') == {'1.2.3.4'}


def test_knot_with_the_journal_as_its_only_memory(make, key):
    """The zone's file is read once; from then on it stands in the journal."""
    server = make(Knot, None, key, zone_options={
        'zonefile-sync': '-1', 'zonefile-load': 'none', 'journal-content': 'all'}, start=False)
    before = server.zone_file().read_text()
    server.zone_options['zonefile-load'] = 'difference-no-serial'
    server.start()
    server.zone_options['zonefile-load'] = 'none'
    server.restart()
    server.update(replace('1.2.3.4'))
    server.kill()
    server.start()
    assert server.rrset(NAME, 'A') == {'1.2.3.4'}
    assert server.zone_file().read_text() == before


def test_knot_difference_takes_away_what_is_not_in_the_file(make, key):
    """The pitfall: what was updated is no part of the file, so a reload removes it."""
    server = make(Knot, None, key, zone_options={
        'zonefile-sync': '-1', 'zonefile-load': 'difference-no-serial', 'journal-content': 'all'})
    server.update(replace('1.2.3.4'))
    server.knotc('-b', 'zone-reload', ZONE)
    server.wait(NAME, 'A', set())


def test_knot_edited_by_hand(make, key):
    """As doc/knot.md has it: frozen, flushed, edited, reloaded, thawed."""
    server = make(Knot, None, key)
    server.update(replace('1.2.3.4'))
    server.knotc('-b', 'zone-freeze', ZONE)
    server.knotc('-b', 'zone-flush', ZONE)
    path = server.zone_file()
    text = path.read_text()
    assert '1.2.3.4' in text
    serial = server.serial()
    path.write_text(text.replace(f' {serial} 3600', f' {serial + 1} 3600') +
                    f'jane.{ZONE}. 3600 A 192.0.2.7\n')
    server.knotc('-b', 'zone-reload', ZONE)
    server.knotc('-b', 'zone-thaw', ZONE)
    server.wait('jane.' + ZONE, 'A', {'192.0.2.7'})
    assert server.rrset(NAME, 'A') == {'1.2.3.4'}
    server.update(replace('5.6.7.8'))
    server.wait(NAME, 'A', {'5.6.7.8'})


def test_bind_edited_by_hand(make, key):
    """As doc/bind.md has it: freeze, edit, thaw. Updates are refused meanwhile, and a reload fails."""
    server = make(Bind, None, key)
    server.update(replace('1.2.3.4'))
    with pytest.raises(subprocess.CalledProcessError) as e:
        server.rndc('reload', ZONE)
    assert 'dynamic zone' in e.value.stderr
    server.rndc('freeze', ZONE)
    assert described(server.exchange(signed(replace('5.6.7.8'), key))) == ('REFUSED', None, True)
    path = server.zone_file()
    text = server.wait_file('1.2.3.4')	# rndc does not wait for that
    path.write_text(text.replace('2          ; serial', '3          ; serial') +
                    f'jane.{ZONE}. 3600 A 192.0.2.7\n')
    server.rndc('thaw', ZONE)
    server.wait('jane.' + ZONE, 'A', {'192.0.2.7'})
    assert server.rrset(NAME, 'A') == {'1.2.3.4'}
    assert server.update(replace('5.6.7.8')).rcode() == 0
    assert server.rrset(NAME, 'A') == {'5.6.7.8'}


def test_bind_edited_without_freeze(make, key):
    """The pitfall: a file with another serial does not fit the journal, and the zone is gone."""
    server = make(Bind, None, key)
    server.update(replace('1.2.3.4'))
    server.kill()
    server.write_zone(serial=7)
    mark = server.log.mark()
    server.served = lambda: []	# nothing to wait for
    server.start()
    server.wait_log('journal rollforward failed: journal out of sync with zone', mark)
    assert server.exchange(dns.message.make_query(ZONE, 'SOA')).rcode == 'SERVFAIL'


def test_powerdns_makes_a_key(tmp_path, make, key):
    server = make(Pdns, None, key)
    server.util('generate-tsig-key', 'made', 'hmac-sha256')
    server.util('set-meta', ZONE, 'TSIG-ALLOW-DNSUPDATE', 'made')
    line = [k.split() for k in server.util('list-tsig-keys').splitlines() if k.startswith('made')]
    assert line[0][:2] == ['made.', 'hmac-sha256.']
    made = Key(tmp_path, 'made', secret=line[0][2])
    assert server.update(replace('1.2.3.4'), made).rcode() == 0
    assert server.rrset(NAME, 'A') == {'1.2.3.4'}


def test_powerdns_without_a_key_for_the_zone(make, key):
    """The pitfall: the address alone is enough then."""
    server = make(Pdns, None, key)
    server.util('set-meta', ZONE, 'TSIG-ALLOW-DNSUPDATE')
    assert described(server.exchange(replace('1.2.3.4'))) == ('NOERROR', None, False)
    assert server.rrset(NAME, 'A') == {'1.2.3.4'}


# ---- files

def exchange(a, b):
    """renameat2(a, b, RENAME_EXCHANGE), as dns-updater does it."""
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.renameat2(-100, os.fsencode(a), -100, os.fsencode(b), 2) < 0:
        raise OSError(ctypes.get_errno(), 'renameat2')


def publish(path, text, mode=0o664):
    """A new file in the place of the old one, by SERVICE, with no other right than to write into the
    directory. The names are dns-updater's."""
    part = path.parent / f'.{path.name}.dnsu.part'
    swap = path.parent / f'.{path.name}.dnsu.swap'
    pid = os.fork()
    if not pid:
        status = 1
        try:
            os.setgroups([])
            os.setgid(SERVICE_GID)
            os.setuid(SERVICE_UID)
            with open(part, 'w') as f:
                f.write(text)
                os.fchmod(f.fileno(), mode)
            if path.exists():
                os.rename(part, swap)
                exchange(swap, path)
                os.unlink(swap)
            else:
                os.rename(part, path)
            status = 0
        finally:
            os._exit(status)
    assert os.waitpid(pid, 0)[1] == 0


def as_service(command, groups=()):
    return subprocess.run(['/bin/sh', '-c', command], user=SERVICE, group=SERVICE,
                          extra_groups=list(groups), capture_output=True, text=True, cwd='/',
                          timeout=TIMEOUT, env=clean_env())


SECTION = ['john.dyn.example.com.\t60\tIN\tA\t1.2.3.4']


@pytest.mark.parametrize('cls', READERS)
def test_zone_file_is_reloaded(make, cls):
    server = make(cls, None, None, section=())
    assert server.rrset(NAME, 'A') == set()
    assert server.rrset(NAME, 'TXT') == {'"a static text"'}
    publish(server.zone_file(), zone_text(ZONE, serial=2, section=SECTION))
    done = as_service(server.reload_command)
    assert done.returncode == 0, done
    server.wait(NAME, 'A', {'1.2.3.4'})
    assert server.rrset(NAME, 'TXT') == {'"a static text"'}
    publish(server.zone_file(), zone_text(ZONE, serial=3, section=()))
    assert as_service(server.reload_command).returncode == 0
    server.wait(NAME, 'A', set())
    server.restart()
    assert server.serial() == 3


# They all take what is in the file, but their secondaries do not see that it is newer.
@pytest.mark.parametrize('cls', READERS)
def test_zone_file_with_the_same_serial(make, cls):
    server = make(cls, None, None, section=())
    publish(server.zone_file(), zone_text(ZONE, serial=1, section=SECTION))
    done = as_service(server.reload_command)
    assert done.returncode == 0, done
    server.wait(NAME, 'A', {'1.2.3.4'})


def test_knot_counts_by_itself(make):
    """zonefile-load: difference-no-serial, for which `serial = keep` is right."""
    server = make(Knot, None, None, section=(), zone_options={
        'zonefile-load': 'difference-no-serial', 'journal-content': 'all'})
    publish(server.zone_file(), zone_text(ZONE, serial=1, section=SECTION))
    assert as_service(server.reload_command).returncode == 0
    server.wait(NAME, 'A', {'1.2.3.4'})
    assert server.serial() == 2


# Which status the command for a file with a mistake ends with, and what is answered afterwards. Knot
# and BIND keep the last good zone. NSD has no zone any more, Unbound the half that stands before
# the mistake, or, as 1.26 and whatever has its mends, none. After a start none of them has it, and older
# Unbound does not come up.
BROKEN = {Knot: (1, {'1.2.3.4'}, [('NOERROR', 'NOERROR')]), Bind: (0, {'1.2.3.4'}, [('NOERROR', 'NOERROR')]),
          Nsd: (0, set(), [('SERVFAIL', 'SERVFAIL')]),
          Unbound: (1, set(), [('NOERROR', 'NXDOMAIN'), ('SERVFAIL', 'SERVFAIL')])}


@pytest.mark.parametrize('cls', READERS)
def test_broken_zone_file(make, cls):
    server = make(cls, None, None, section=[*SECTION, 'last A 192.0.2.8'])
    broken = zone_text(ZONE, serial=2, section=['wrong A 1.2.3.4.5', *SECTION, 'last A 192.0.2.8'])
    publish(server.zone_file(), broken)
    # With a check before it: nothing happens at all.
    assert as_service(server.checked_reload_command).returncode == 1
    assert server.rrset(NAME, 'A') == {'1.2.3.4'}

    mark = server.log.mark()
    status = as_service(server.reload_command).returncode
    server.log.wait(lambda line: 'error' in line or 'failed' in line, mark)
    want_status, addresses, rcodes = BROKEN[cls]
    server.wait(NAME, 'A', addresses)
    assert status == want_status
    server.until(lambda: tuple(server.exchange(dns.message.make_query(n, 'A')).rcode
                               for n in (ZONE, 'last.' + ZONE)) in rcodes, rcodes)


@pytest.mark.parametrize('cls', READERS)
def test_checked_zone_file(make, cls):
    server = make(cls, None, None, section=())
    publish(server.zone_file(), zone_text(ZONE, serial=2, section=SECTION))
    done = as_service(server.checked_reload_command)
    assert done.returncode == 0, done
    server.wait(NAME, 'A', {'1.2.3.4'})


@pytest.mark.parametrize('cls', READERS)
def test_who_may_reload(make, cls):
    """Only a member of the server's group, as it is when nobody changed anything. The directory is what
    doc/ proposes: it belongs to dns-updater, and by its group, which new files get, the server reads."""
    server = make(cls, None, None, section=(), control=cls.account, start=False)
    for path, mode in (server.zone_dir, 0o2750), (server.zone_file(), 0o640):
        os.chown(path, SERVICE_UID, server.gid)
        path.chmod(mode)
    server.start()
    publish(server.zone_file(), zone_text(ZONE, serial=2, section=SECTION), 0o640)
    assert server.zone_file().stat().st_gid == server.gid
    assert as_service(server.reload_command).returncode != 0
    assert server.serial() == 1
    done = as_service(server.reload_command, [server.gid])
    assert done.returncode == 0, done
    server.wait(NAME, 'A', {'1.2.3.4'})


@pytest.mark.parametrize('cls', READERS)
def test_reload_of_an_absent_server_fails(make, cls):
    server = make(cls, None, None, section=())
    server.kill()
    assert as_service(server.reload_command).returncode != 0


# ---- hosts

def hosts_text(*lines):
    return '\n'.join([HOSTS_START, *lines, HOSTS_END]) + '\n'


def test_dnsmasq_reads_after_a_signal(make):
    server = make(Dnsmasq, lines=['192.0.2.7 jane.dyn.example.com'])
    assert server.rrset('jane.' + ZONE, 'A') == {'192.0.2.7'}
    assert server.rrset(NAME, 'A') == set()
    publish(server.file, hosts_text('1.2.3.4 john.dyn.example.com',
                                    '2001:db8::2 john.dyn.example.com'))
    assert as_service(server.reload_command).returncode == 0
    server.wait(NAME, 'A', {'1.2.3.4'})
    server.wait(NAME, 'AAAA', {'2001:db8::2'})
    server.wait('jane.' + ZONE, 'A', set())


def test_dnsmasq_takes_signals_only_from_its_own_account(make):
    server = make(Dnsmasq, account='dnsmasq')
    assert as_service(server.reload_command).returncode != 0


def test_dnsmasq_watches_a_directory(make):
    """Without any command. Names that begin with a dot, as those of our temporary files, it skips."""
    server = make(Dnsmasq, hostsdir=True, lines=['192.0.2.7 jane.dyn.example.com'])
    server.wait('jane.' + ZONE, 'A', {'192.0.2.7'})
    publish(server.file, hosts_text('1.2.3.4 john.dyn.example.com'))
    server.wait(NAME, 'A', {'1.2.3.4'})
    server.wait('jane.' + ZONE, 'A', set())
    publish(server.file, hosts_text('5.6.7.8 john.dyn.example.com'))
    server.wait(NAME, 'A', {'5.6.7.8'})
    publish(server.file, hosts_text())
    server.wait(NAME, 'A', set())
    assert '.dnsu.' not in server.log.text()


def test_dnsmasq_reads_every_file_of_its_directory(make):
    """But those that begin with a dot, or end with a tilde. So nothing else may lie there."""
    server = make(Dnsmasq, hostsdir=True)
    for name in '.hosts.dnsu.late.1', 'hosts~', '#hosts#':
        publish(server.zone_dir / name, '192.0.2.66 john.dyn.example.com\n')
    publish(server.zone_dir / 'hosts.kept-by-dns-updater.1', '192.0.2.7 jane.dyn.example.com\n')
    server.wait('jane.' + ZONE, 'A', {'192.0.2.7'})
    assert server.rrset(NAME, 'A') == set()


def test_dnsmasq_ipv6(make):
    server = make(Dnsmasq, v6=True, lines=['192.0.2.7 jane.dyn.example.com'])
    assert server.rrset('jane.' + ZONE, 'A') == {'192.0.2.7'}
