# SPDX-FileCopyrightText: 2026 The dns-updater authors
# SPDX-License-Identifier: ISC
"""Zone files, hosts files and several outputs at once, with the real name servers as judges.

An output that is a file gets its command from its server (servers.py), behind whatever else is to happen:
a check of the file by two programs that nobody here wrote, a gate that it stops at, a failure.
"""

import datetime
import itertools
import os
import pathlib
import re
import signal
import threading
import time

import pytest

from harness import FENCE, SERVICE_GID, SERVICE_UID, TIMEOUT, Tinydns, traced
from servers import (END, GLUE, HOSTS_END, HOSTS_START, NAME, START, ZONE, Bind, Dnsmasq, Key, Knot, Nsd,
                     Unbound, zone_text)
from test_status import as_json, command, start_command

READERS = [Nsd, Knot, Bind, Unbound]
readers = pytest.mark.parametrize('cls', READERS)

# The harness's fence lies in no zone of these servers.
FENCE_NAME = f'fence.{ZONE}'
WILD = f'*.wild.{ZONE}'

CHECK = 'named-checkzone -q {zone} {file} && kzonecheck -o {zone} {file}'

_fence = itertools.count(1)


@pytest.fixture
def out(env):
    """Nothing but outputs: neither a datafile nor tinydns."""
    env.conf.update(datafile=None, makecommand=None, socket=str(env.state_dir / 'socket'))
    env.with_fence = False
    env.users = {'john': [NAME], FENCE: [FENCE_NAME]}
    return env


@pytest.fixture
def three(env, make):
    """tinydns, NSD and dnsmasq, each with a gate before its command, and a file that makes it fail."""
    env.with_fence = False
    env.users = {'john': [NAME], FENCE: [FENCE_NAME]}
    env.conf['socket'] = str(env.state_dir / 'socket')
    env.nsd = make(Nsd, section=())
    env.lan = make(Dnsmasq)
    env.gates = {name: Gate(env, name) for name in ('tinydns', 'nsd', 'lan')}
    env.files = {'tinydns': env.data, 'nsd': env.nsd.zone_file(), 'lan': env.lan.file}
    env.conf['makecommand'] = env.gates['tinydns'].command + env.conf['makecommand']
    output(env, 'nsd', 'zonefile', env.files['nsd'], env.gates['nsd'].command + env.nsd.reload_command)
    output(env, 'lan', 'hosts', env.files['lan'], env.gates['lan'].command + env.lan.reload_command)
    yield env
    for gate in env.gates.values():
        gate.open()


class Gate:
    """A command stops here once it is closed, and fails once it is told to."""

    def __init__(self, env, name):
        self.path = env.tmp / f'gate.{name}'
        self.bad = env.tmp / f'bad.{name}'
        self.fd = None
        self.command = f'[ ! -p {self.path} ] || cat {self.path}; [ ! -e {self.bad} ] || exit 3; '

    def close(self):
        os.mkfifo(self.path)
        self.path.chmod(0o644)

    def hold(self):
        """Until the command stands before it."""
        done = []
        t = threading.Thread(target=lambda: done.append(os.open(self.path, os.O_WRONLY)), daemon=True)
        t.start()
        t.join(TIMEOUT)
        assert done, 'the command was not run'
        self.fd = done[0]

    def open(self):
        if self.fd is not None:
            self.path.unlink()
            os.close(self.fd)
            self.fd = None


def output(env, name, type, file, command=None, **more):
    more = {'type': type, 'file': file, 'command': command, **more}
    env.conf_more += f'\n[output {name}]\n' + ''.join(f'{k} = {v}\n' for k, v in more.items() if v)


def zone(env, make, cls=Nsd, text=None, serial=1, **more):
    """A server whose zone's file is the output 'zone', and is checked after every publish."""
    server = make(cls, None, None, section=())
    if text or serial != 1:
        server.zone_file().write_text(text or zone_text(ZONE, serial=serial, section=()))
        server.restart()
    check = CHECK.format(zone=ZONE, file=server.zone_file())
    output(env, 'zone', 'zonefile', server.zone_file(), f'{check} && {server.reload_command}', **more)
    return server


def fence(env, *at):
    """A change of another user has come to these outputs; '' is the data file."""
    address = '203.0.113.%d' % next(_fence)
    mark = env.mark()
    env.write(FENCE, address)
    for name in at or ['zone']:
        env.wait_line(f'updating record for {FENCE_NAME} to {address}' + (f' at {name}' if name else ''), mark)


def reloaded(env):
    return env.reload() == f'reloaded {env.conf_file}'


def serial_of(server):
    """By UDP, for NSD cuts off connections when it reads a zone; 0 while there is none."""
    answer = server.ask(ZONE, 'SOA').answer
    return answer[0][0].serial if answer else 0


def wait_later(server, serial):
    """The serial, once it is later than this one."""
    got = []
    server.until(lambda: got.append(serial_of(server)) or later(got[-1], serial), f'it is later than {serial}')
    return got[-1]


def without_serial(text):
    return re.sub(r'(SOA \S+ \S+) \d+', r'\1 SERIAL', text)


def parts(text, start=START, end=END):
    """What stands before, in and behind the section."""
    before, rest = text.split(start + '\n')
    section, behind = rest.split(end + '\n')
    return before, section.splitlines(), behind


def later(a, b):
    return a != b and (a - b) % 2**32 < 2**31


def no_failure(env):
    assert env.count('fail|unable|wrong|keeping') == 0, env.log.text()


# ---- zone files

@readers
def test_a_change_is_answered(out, make, cls):
    server = zone(out, make, cls)
    out.users['john'] = [NAME, WILD]
    out.start(tinydns=False)
    out.write('john', '1.2.3.4\n2001:db8::7')
    server.wait(NAME, 'A', {'1.2.3.4'})
    server.wait(NAME, 'AAAA', {'2001:db8::7'})
    server.wait(f'any.wild.{ZONE}', 'A', {'1.2.3.4'})
    server.wait(f'any.wild.{ZONE}', 'AAAA', {'2001:db8::7'})
    server.until(lambda: server.ttls(NAME, 'A') == {60}, 'the TTL is ours')
    assert server.rrset(NAME, 'MX') == {'10 mail.example.com.'}
    out.write('john', f'{NAME} 5.6.7.8\n{WILD} none')
    server.wait(NAME, 'A', {'5.6.7.8'})
    server.wait(NAME, 'AAAA', set())
    server.wait(f'any.wild.{ZONE}', 'A', set())
    server.until(lambda: serial_of(server) == 3, 'the serial is raised twice')
    out.write('john', 'none')
    server.wait(NAME, 'A', set())
    assert server.rrset(NAME, 'TXT') == {'"a static text"'}
    out.wait_line(f'removing record for {NAME} at zone')
    no_failure(out)


def test_what_comes_while_a_large_zone_is_loaded_is_answered(out, make):
    """named says that a reload is queued, and drops it, while it loads the zone. The check here is quicker."""
    server = make(Bind, {ZONE: [f'www{i} A 192.0.2.9' for i in range(50000)]}, None, section=())
    checker = out.tmp / 'bin' / 'named-checkzone'
    checker.parent.mkdir()
    checker.write_text("#!/bin/sh\nsed -n 's/.* hostmaster \\([0-9]*\\) .*/loaded serial \\1/p' \"$2\"\n")
    checker.chmod(0o755)
    output(out, 'zone', 'zonefile', server.zone_file(),
           f'export PATH={checker.parent}:$PATH; {server.checked_reload_command}')
    out.start(tinydns=False)
    for i in range(3):
        for j in range(10):
            out.write('john', f'1.2.{i}.{j}')
        server.wait(NAME, 'A', {f'1.2.{i}.9'})
    no_failure(out)


def test_named_loads_a_file_from_the_future_each_time(out, make):
    """Which is no reason to wait for ever."""
    server = make(Bind, None, None, section=())
    os.utime(server.zone_file(), (time.time() + 3600,) * 2)
    output(out, 'zone', 'zonefile', server.zone_file(), server.checked_reload_command)
    out.start(tinydns=False)
    out.write('john', '1.2.3.4')
    out.wait(lambda: as_json(out, 'john')['outputs'][0]['state'] == 'published', 'it is published')
    server.wait(NAME, 'A', {'1.2.3.4'})
    no_failure(out)


def test_the_lines_of_the_log(out, make):
    server = zone(out, make)
    out.start(tinydns=False)
    out.write('john', '1.2.3.4\n2001:db8::7')
    out.wait_line(f'updating record for {NAME} to 1.2.3.4, 2001:db8::7 at zone')
    server.wait(NAME, 'A', {'1.2.3.4'})
    assert [line.split() for line in parts(server.zone_file().read_text())[1]] == [
        [f'{NAME}.', '60', 'IN', 'A', '1.2.3.4'], [f'{NAME}.', '60', 'IN', 'AAAA', '2001:db8::7']]


def test_nothing_but_the_section_and_the_serial_is_changed(out, make):
    text = (f'; caf\u00e9 \t \r\n$ORIGIN {ZONE}.\n$TTL 1h\n@\tIN SOA ns1 hostmaster ( ; begins\n'
            '\t7\t; the serial 7\n\t3600 600 86400 60 )\n'
            f'@ NS ns1\nns1 A {GLUE}\n{START} \r\n{END}\t\nlast TXT "; start dynamic dns entries" ; 7\n\n')
    server = zone(out, make, text=text)
    out.start(tinydns=False)
    out.write('john', '1.2.3.4')
    server.wait(NAME, 'A', {'1.2.3.4'})
    got = server.zone_file().read_bytes().decode()
    begin, end = got.index(f'{START} \r\n') + len(f'{START} \r\n'), got.index(f'{END}\t\n')
    assert got[:begin] + got[end:] == text.replace('\t7\t;', '\t8\t;')
    no_failure(out)


@pytest.mark.parametrize('style', ['counter', 'date', 'date_of_today', 'time', 'last'])
def test_the_serial_keeps_its_style(out, make, style):
    def date(days):
        return (datetime.datetime.now(datetime.timezone.utc) - datetime.timedelta(days)).strftime('%Y%m%d')
    now, today = int(time.time()), date(0)
    serial = {'counter': 7, 'date': int(date(3) + '42'), 'date_of_today': int(today + '07'),
              'time': now - 1000000, 'last': 4294967295}[style]
    server = zone(out, make, serial=serial)
    out.start(tinydns=False)
    seen = [serial_of(server)]
    assert seen == [serial]
    for i in range(1, 3):
        out.write('john', f'1.2.3.{i}')
        server.wait(NAME, 'A', {f'1.2.3.{i}'})
        seen.append(wait_later(server, seen[-1]))
    if date(0) != today:
        return
    if style == 'time':
        assert now <= seen[1] <= seen[2] <= int(time.time()) + 1
    else:
        assert seen[1:] == {'counter': [8, 9], 'date': [int(today + '00'), int(today + '01')],
                            'date_of_today': [int(today + '08'), int(today + '09')], 'last': [1, 2]}[style]


def test_the_serial_is_kept(out, make):
    server = make(Nsd, None, None, section=())
    output(out, 'zone', 'zonefile', server.zone_file(), server.reload_command, serial='keep')
    out.start(tinydns=False)
    before = server.zone_file().read_text()
    out.write('john', '1.2.3.4')
    server.wait(NAME, 'A', {'1.2.3.4'})
    assert serial_of(server) == 1
    out.write('john', 'none')
    server.wait(NAME, 'A', set())
    assert server.zone_file().read_text() == before


@readers
def test_names_depend_on_nothing_that_stands_before_them(out, make, cls):
    text = zone_text(ZONE, lines=[f'$ORIGIN deep.{ZONE}.', '$TTL 7', 'www A 192.0.2.80'], section=())
    server = zone(out, make, cls, text=text + 'www AAAA 2001:db8::80\n')
    out.users['john'] = [NAME, WILD]
    out.start(tinydns=False)
    out.write('john', '1.2.3.4')
    server.wait(NAME, 'A', {'1.2.3.4'})
    server.wait(f'x.wild.{ZONE}', 'A', {'1.2.3.4'})
    server.until(lambda: server.ttls(NAME, 'A') == {60}, 'the TTL is ours')
    # Unbound has it that a record without a TTL gets the one of the record before, whatever $TTL says.
    for type, address, ttl in ('A', '192.0.2.80', 7), ('AAAA', '2001:db8::80', 60 if cls is Unbound else 7):
        server.wait(f'www.deep.{ZONE}', type, {address})
        server.until(lambda: server.ttls(f'www.deep.{ZONE}', type) == {ttl}, 'so is its TTL')
    no_failure(out)


@pytest.mark.parametrize('slow', [False, True], ids=['', 'slow'])
@pytest.mark.parametrize('owner', [0, SERVICE_UID])
def test_an_administrator_who_edits_in_place_loses_no_line(out, make, owner, slow):
    """slow: long pauses between what we read and the exchange, so that most of his edits lie there. In such a pause he
    can also add a line to what an exchange that is undone has shown him: of two edits of which none has seen the
    other, one is put aside, and he is told."""
    server = zone(out, make)
    if slow:
        out.prefix = ['strace', '-f', '-D', '-q', '-o', '/dev/null', '-e', 'trace=renameat2',
                      '-e', 'inject=renameat2:delay_enter=20000']
        traced(out)
    path = server.zone_file()
    os.chown(path, owner, SERVICE_GID)
    # Of each user's requests the log has 60 in a minute, and they are what is waited for.
    others = [f'other{i}' for i in range(10)]
    out.users.update({user: [f'{user}.{ZONE}'] for user in others})
    out.start(tinydns=False)
    ends = threading.Event()

    def change():
        for i in itertools.count(1):
            out.write(others[i % len(others)], f'198.51.{i // 250}.{i % 250 + 1}')
            if ends.is_set():
                break

    def kept():
        return list(path.parent.glob('*.kept-by-dns-updater.*'))

    def has(p, i):
        return f'line{i} A' in p.read_text()
    writer = threading.Thread(target=change)
    writer.start()
    serials = []
    try:
        for i in range(30):
            if slow:
                out.wait((path.parent / f'.{path.name}.dnsu.part').exists, 'a publish is under way')
            else:
                out.wait_log('^user other. requested update', out.mark())	# and now it is published
            with path.open('r+') as f:		# as an editor: what was read, with a line and a later serial
                text = f.read()
                serial = int(re.search(r'SOA \S+ \S+ (\d+)', text).group(1)) + 1
                text = re.sub(r'(SOA \S+ \S+) \d+', rf'\1 {serial}', text) + f'line{i} A 192.0.2.{i + 1}\n'
                f.seek(0)
                f.write(text)
                f.truncate()
            serials.append(serial)
            out.wait(lambda: any(has(p, i) for p in [path, *kept()]), f'line {i} is in the file, or put aside')
    finally:
        ends.set()
        writer.join()
    out.write('john', '1.2.3.4')
    server.wait(NAME, 'A', {'1.2.3.4'})
    every = [f'line{i} A 192.0.2.{i + 1}' for i in range(30)]

    def lines_of(text):
        return [line for line in text.splitlines() if line.startswith('line')]

    def is_accounted_for():
        everywhere = {line for p in [path, *kept()] for line in lines_of(p.read_text())}
        return everywhere == set(every)
    out.wait(is_accounted_for, 'every line is in the file, or put aside')
    before, section, behind = parts(path.read_text())
    assert behind.splitlines() == [line for line in every if line in behind.splitlines()]
    for line in behind.splitlines():
        name, address = line.split(' A ')
        server.wait(f'{name}.{ZONE}', 'A', {address})
    wait_later(server, max(serial for i, serial in enumerate(serials) if has(path, i)))
    assert out.count("^keeping '") == len(kept()) <= (3 if slow else 0)
    assert out.count('failed') == 0


def test_an_edit_that_comes_late_is_merged_with_a_later_serial(out, make):
    """Opened before our change and closed behind it: the editor has the file that was displaced."""
    server = zone(out, make)
    path = server.zone_file()
    os.chown(path, SERVICE_UID, SERVICE_GID)
    out.start(tinydns=False)
    with path.open('r+') as f:
        text = f.read()
        out.write('john', '1.2.3.4')
        server.wait(NAME, 'A', {'1.2.3.4'})
        f.seek(0)
        f.write(zone_text(ZONE, serial=50, lines=['edit A 192.0.2.9'], section=()))
    assert 'edit' not in text
    server.wait(f'edit.{ZONE}', 'A', {'192.0.2.9'})
    server.wait(NAME, 'A', {'1.2.3.4'})
    server.until(lambda: serial_of(server) > 50, 'the serial is later than that of the edit')
    no_failure(out)


def test_a_serial_from_before_is_raised_when_the_section_is_what_it_was_then(out, make):
    server = zone(out, make)
    path = server.zone_file()
    out.start(tinydns=False)
    out.write('john', '1.2.3.4')
    server.wait(NAME, 'A', {'1.2.3.4'})
    old = path.read_text()
    for address in '5.6.7.8', '1.2.3.4':
        out.write('john', address)
        server.wait(NAME, 'A', {address})
    path.write_text(old.replace('hostmaster 2 ', 'hostmaster 3 ') + 'edit A 192.0.2.9\n')
    server.until(lambda: serial_of(server) == 5, 'the serial is later than all before')
    server.wait(f'edit.{ZONE}', 'A', {'192.0.2.9'})
    no_failure(out)


@pytest.mark.parametrize('first, back, then', [(1, 2, 5), (2500000000, 2500000001, 2500000004),
                                               (2500000000, 2499000000, 2499000001)])
def test_a_serial_from_before_our_changes_is_raised_above_ours(out, make, first, back, then):
    """An editor had the file open for long. Whoever goes back far means to."""
    server = zone(out, make, serial=first)
    path = server.zone_file()
    out.start(tinydns=False)
    old = path.read_text()
    for i in range(1, 4):
        out.write('john', f'1.2.3.{i}')
        server.wait(NAME, 'A', {f'1.2.3.{i}'})
    path.write_text(old.replace(f'hostmaster {first} ', f'hostmaster {back} ') + 'edit A 192.0.2.9\n')
    server.wait(f'edit.{ZONE}', 'A', {'192.0.2.9'})
    server.wait(NAME, 'A', {'1.2.3.3'})
    server.until(lambda: serial_of(server) == then, f'the serial is {then}')


@pytest.mark.parametrize('style', ['date', 'seconds'])
@pytest.mark.parametrize('section', ['old', 'ours'])
def test_a_date_or_time_from_long_before_is_raised_above_ours(out, make, style, section):
    """It is behind by far, and not meant: from last year, or from before the weekend."""
    today = datetime.datetime.now(datetime.timezone.utc)
    before = (today.year - 1) * 1000000 + 10105 if style == 'date' else int(time.time()) - 200000
    server = zone(out, make, serial=before)
    path = server.zone_file()
    out.start(tinydns=False)
    old = path.read_text()
    out.write('john', '1.2.3.4')
    server.wait(NAME, 'A', {'1.2.3.4'})
    ours = wait_later(server, before + 100000)
    text = old if section == 'old' else path.read_text().replace(f'hostmaster {ours} ', f'hostmaster {before} ')
    path.write_text(text.replace(f'hostmaster {before} ', f'hostmaster {before + 1} ') + 'edit A 192.0.2.9\n')
    server.wait(f'edit.{ZONE}', 'A', {'192.0.2.9'})
    server.wait(NAME, 'A', {'1.2.3.4'})
    wait_later(server, ours)
    no_failure(out)


def test_a_serial_from_a_backup_is_raised_above_ours_after_a_restart(out, make):
    """The service was stopped while it was put back. Secondaries have seen the later ones."""
    server = zone(out, make)
    path = server.zone_file()
    out.start(tinydns=False)
    out.write('john', '1.2.3.1')
    server.wait(NAME, 'A', {'1.2.3.1'})
    backup = path.read_text()
    for i in range(2, 5):
        out.write('john', f'1.2.3.{i}')
        server.wait(NAME, 'A', {f'1.2.3.{i}'})
    server.until(lambda: serial_of(server) == 5, 'it is raised each time')
    serial = 5
    for _ in range(2):
        assert out.stop() == 0
        path.write_text(backup)
        out.start(tinydns=False)
        serial = wait_later(server, serial)
        server.wait(NAME, 'A', {'1.2.3.4'})
    no_failure(out)


BAD = {
    'no_soa': (lambda t: re.sub(r'@ SOA .*\n', '', t), 'no SOA record whose serial could be raised'),
    'no_number': (lambda t: t.replace('hostmaster 1 ', 'hostmaster one '),
                  'the serial of the SOA record is not a number'),
    'parentheses': (lambda t: t.replace(START, 'x TXT ( "a"').replace('"a"', '"a"\n' + START) + ' )\n',
                    'line 8: the section stands inside of the parentheses that open here'),
    'quotes': (lambda t: t.replace(START, 'x TXT "a\n' + START) + '"\n',
               'line 8: the section stands in the quoted string'),
    'owner': (lambda t: t + '  TXT "of whom?"\n',
              'line 10: this record behind the section begins with a blank'),
    'no_section': (lambda t: t.replace(START + '\n' + END + '\n', ''),
                   "the lines 'start dynamic dns entries' and 'end dynamic dns entries' are missing"),
    'two_sections': (lambda t: t + START + '\n' + END + '\n',
                     "the line 'start dynamic dns entries' stands there more than once"),
    'no_end': (lambda t: t.replace(END + '\n', ''), "the line 'end dynamic dns entries' is missing"),
}


@pytest.mark.parametrize('how', BAD)
def test_nothing_is_written_where_the_section_must_not_be(out, make, how):
    server = zone(out, make)
    path = server.zone_file()
    good = path.read_text()
    edit, why = BAD[how]
    path.write_text(edit(good))
    out.start(tinydns=False)
    out.write('john', '1.2.3.4')
    out.wait_log(f'^unable to publish to {path}: {re.escape(why)}.*; nothing is written until that is mended$')
    told = as_json(out, 'john')['outputs'][0]
    assert told['state'] == 'fails' and why in told['why']
    assert path.read_text() == edit(good)
    assert out.count('^unable to publish') == 1 and out.count('^updating') == 0
    path.write_text(good)
    out.wait_line(f'publishing to {path} again')
    server.wait(NAME, 'A', {'1.2.3.4'})
    assert without_serial(''.join(parts(path.read_text())[::2])) == \
        without_serial(''.join(parts(good)[::2]))


def test_a_file_that_breaks_later_keeps_what_is_published(out, make):
    server = zone(out, make)
    path = server.zone_file()
    out.start(tinydns=False)
    out.write('john', '1.2.3.4')
    server.wait(NAME, 'A', {'1.2.3.4'})
    good = path.read_text()
    path.write_text(good + '\tTXT "of whom?"\n')
    out.wait_log(f'^unable to publish to {path}: line 11: ')
    out.write('john', '5.6.7.8')
    out.wait_line('user john requested update to 5.6.7.8')
    assert path.read_text() == good + '\tTXT "of whom?"\n'
    server.wait(NAME, 'A', {'1.2.3.4'})
    path.write_text(good + 'x TXT "of x"\n')
    server.wait(NAME, 'A', {'5.6.7.8'})
    server.wait(f'x.{ZONE}', 'TXT', {'"of x"'})


def test_lines_that_an_editor_gave_carriage_returns_are_still_ours(out, make):
    """Of a user without a file, whom no state knows either, they are all that is known."""
    line = f'{NAME}.\t60\tIN\tA\t1.2.3.4'
    server = make(Nsd, section=[line])
    path = server.zone_file()
    path.write_bytes(path.read_bytes().replace(b'\n', b'\r\n'))
    output(out, 'zone', 'zonefile', path, server.reload_command)
    done = out.check()
    assert 'not ours' not in done.stdout + done.stderr
    out.start(tinydns=False)
    fence(out)
    server.wait(NAME, 'A', {'1.2.3.4'})
    text = path.read_bytes().decode()
    assert line + '\n' in text and START + '\r\n' in text
    assert out.count('not ours') == 0
    path.write_bytes(text.replace(line + '\n', line + '\r\n').encode())
    out.wait_line(f'{path} was changed by somebody else; putting our section in again')
    out.wait(lambda: (line + '\n').encode() in path.read_bytes(), 'it is put in again')
    assert out.count('not ours') == 0


def test_a_section_that_somebody_else_edited_is_put_in_again(out, make):
    server = zone(out, make)
    path = server.zone_file()
    out.start(tinydns=False)
    out.write('john', '1.2.3.4')
    server.wait(NAME, 'A', {'1.2.3.4'})
    mark = out.mark()
    serial = int(re.search(r'hostmaster (\d+)', path.read_text()).group(1))
    path.write_text(path.read_text().replace('1.2.3.4', '6.6.6.6').replace(END, 'evil A 6.6.6.6\n' + END))
    out.wait_line(f'{path} was changed by somebody else; putting our section in again', mark)
    out.wait_log(rf"^removing a line that is not ours from the section of {path}: 'evil A 6\.6\.6\.6'", mark)
    wait_later(server, serial)
    server.wait(NAME, 'A', {'1.2.3.4'})
    assert 'evil' not in path.read_text()


@pytest.mark.parametrize('edited', [False, True], ids=['alone', 'edited'])
@pytest.mark.parametrize('call, n', [('linkat', 1), ('renameat2', 1), ('renameat2', 2), ('fsync', 2)])
def test_killed_in_the_midst_of_a_publish(out, make, call, n, edited):
    """What the new serial is and what the old one was does not pass for an edit."""
    server = zone(out, make)
    path = server.zone_file()
    before = path.read_text()
    out.prefix = ['strace', '-f', '-D', '-q', '-o', '/dev/null', '-e', f'trace={call}',
                  '-e', f'inject={call}:signal=KILL:when={n}']
    traced(out)
    out.write('john', '1.2.3.4', age=60)
    out.start(tinydns=False, wait=False)
    assert os.read(out.ready_r, 1) == b''	# it is killed
    os.close(out.ready_r)
    out.kill()
    if edited:
        with path.open('a') as f:
            f.write('edit A 192.0.2.9\n')
    out.prefix, out.environ = [], {}
    out.start(tinydns=False)
    server.wait(NAME, 'A', {'1.2.3.4'})
    wait_later(server, 1)
    if edited:
        server.wait(f'edit.{ZONE}', 'A', {'192.0.2.9'})
    before, _, behind = parts(before)
    assert [without_serial(p) for p in parts(path.read_text())[::2]] == \
        [without_serial(before), behind + 'edit A 192.0.2.9\n' * edited]
    assert out.count('^keeping|fail|unable') == 0
    left = {name for name in os.listdir(server.zone_dir) if 'late' not in name}
    assert left == {path.name}


@pytest.mark.parametrize('primary', [Nsd, Knot, Bind])
def test_a_secondary_follows(out, make, tmp_path, primary):
    """NSD and BIND are asked for it once more, Knot tells: the zone is transferred because its serial is
    later, and for no other reason."""
    key = Key(tmp_path)
    more = {} if primary is Nsd else {'update': False}
    first = make(primary, None, key, section=(), **more)
    second = make(Nsd, None, key, primary=first)
    second.until(lambda: serial_of(second) == 1, 'the secondary has the zone')
    output(out, 'zone', 'zonefile', first.zone_file(), first.reload_command)
    out.start(tinydns=False)
    for i in range(1, 4):
        out.write('john', f'1.2.3.{i}')
        first.wait(NAME, 'A', {f'1.2.3.{i}'})
        first.until(lambda: serial_of(first) == 1 + i, 'the serial is raised')
        second.control('transfer', ZONE)
        second.wait(NAME, 'A', {f'1.2.3.{i}'})
    assert second.rrset(NAME, 'TXT') == {'"a static text"'}


# ---- hosts files

@pytest.fixture(params=[False, True], ids=['addn_hosts', 'hostsdir'])
def lan(request, out, make):
    server = make(Dnsmasq, hostsdir=request.param, lines=['192.0.2.7 jane.dyn.example.com'])
    output(out, 'zone', 'hosts', server.file, server.reload_command)
    return server


def test_dnsmasq_answers_a_change(out, lan):
    out.users['john'] = [NAME, WILD]
    out.start(tinydns=False)
    out.write('john', '1.2.3.4\n2001:db8::7')
    lan.wait(NAME, 'A', {'1.2.3.4'})
    lan.wait(NAME, 'AAAA', {'2001:db8::7'})
    out.write('john', '5.6.7.8')
    lan.wait(NAME, 'A', {'5.6.7.8'})
    lan.wait(NAME, 'AAAA', set())
    lan.wait('jane.dyn.example.com', 'A', {'192.0.2.7'})
    assert parts(lan.file.read_text(), HOSTS_START, HOSTS_END) == \
        ('192.0.2.7 jane.dyn.example.com\n', [f'5.6.7.8 {NAME}'], '')
    out.write('john', 'none')
    lan.wait(NAME, 'A', set())
    no_failure(out)


def test_a_wildcard_is_none_of_a_hosts_file(out, lan):
    """It is left out, nobody is told that it was published there, and nobody waits for it."""
    out.users['jane'] = [WILD]
    out.start(tinydns=False)
    out.write('jane', '1.2.3.4')
    out.write('john', '1.2.3.4')
    lan.wait(NAME, 'A', {'1.2.3.4'})
    fence(out)
    assert '*' not in lan.file.read_text()
    assert as_json(out, 'jane')['outputs'][0]['state'] == 'not here'
    assert out.count(rf'record for {re.escape(WILD)}') == 0


def test_nobody_asks_for_a_wildcard_that_is_left_out(out, lan):
    out.conf_more += f'verify = {lan.server}\nverify_timeout = 2s\n'
    out.users['john'] = [WILD, NAME]
    out.start(tinydns=False)
    out.write('john', '1.2.3.4')
    out.wait_log(rf'^{NAME} is 1\.2\.3\.4 at ')
    with lan.file.open('a') as f:		# and when the administrator was at it, too
        f.write('192.0.2.8 mary.dyn.example.com\n')
    out.write('john', '5.6.7.8')
    out.wait_log(rf'^{NAME} is 5\.6\.7\.8 at ')
    told = command(out, '--wait', 'john')	# published: nothing is being asked for any more
    assert (told.returncode, told.stderr) == (0, '')
    assert out.count(re.escape(WILD)) == 0, out.log.text()
    assert out.count('somebody else') == 0


def test_a_hosts_file_says_nothing_of_wildcards_at_the_start(out, make):
    """The first output that can be read tells what is published; but this one cannot tell all."""
    hosts, nsd = make(Dnsmasq), make(Nsd, section=())
    output(out, 'lan', 'hosts', hosts.file, hosts.reload_command)
    output(out, 'nsd', 'zonefile', nsd.zone_file(), nsd.reload_command)
    out.users['john'] = [NAME, WILD]
    out.write('john', '1.2.3.4', age=60)
    out.start(tinydns=False)
    nsd.wait(f'x.wild.{ZONE}', 'A', {'1.2.3.4'})
    out.stop()
    before = nsd.zone_file().read_text()
    out.file('john').unlink()
    out.start(tinydns=False)
    out.write(FENCE, '1.1.1.1')
    nsd.wait(FENCE_NAME, 'A', {'1.1.1.1'})
    for name in f'x.wild.{ZONE}', NAME:
        nsd.wait(name, 'A', {'1.2.3.4'})
    assert set(parts(before)[1]) < set(parts(nsd.zone_file().read_text())[1])


def test_what_is_kept_beside_a_hosts_file_is_not_served(out, lan):
    """dnsmasq reads every file of the directory whose name does not begin with a dot."""
    part = lan.zone_dir / '.hosts.dnsu.swap'
    part.write_text(f'192.0.2.66 edit.{ZONE}\n{HOSTS_START}\n{HOSTS_END}\n')
    os.chown(part, SERVICE_UID, SERVICE_GID)
    out.write('john', '1.2.3.4', age=60)
    out.start(tinydns=False)
    kept = pathlib.Path(out.wait_log(r"^keeping '([^']+)': it has an edit").group(1))
    assert kept.name == '.hosts.kept-by-dns-updater.1' and 'edit' in kept.read_text()
    lan.wait(NAME, 'A', {'1.2.3.4'})
    assert lan.rrset(f'edit.{ZONE}', 'A') == set()
    assert [n for n in os.listdir(lan.zone_dir) if n[0] != '.'] == ['hosts']


def test_what_is_kept_beside_a_zone_file_is_to_be_seen(out, make):
    server = zone(out, make)
    part = server.zone_dir / f'.{server.zone_file().name}.dnsu.swap'
    part.write_text(zone_text(ZONE, lines=['edit A 192.0.2.66'], section=()))
    out.start(tinydns=False)
    kept = out.wait_log(r"^keeping '([^']+)': it has an edit").group(1)
    assert pathlib.Path(kept) == server.zone_dir / f'{server.zone_file().name}.kept-by-dns-updater.1'


# ---- several outputs

ALL = {'tinydns': '', 'nsd': ' at nsd', 'lan': ' at lan'}


def wait_at(three, name, expected):
    if name == 'tinydns':
        three.wait_answer(NAME, 'A', expected)
    else:
        (three.nsd if name == 'nsd' else three.lan).wait(NAME, 'A', expected)


def states(three, user='john'):
    return {o['name']: o['state'] for o in as_json(three, *([user] if user else []))['outputs']}


def test_each_output_gets_each_change(three):
    three.start()
    for address in '1.2.3.4', '5.6.7.8':
        mark = three.mark()
        three.write('john', address)
        for name, at in ALL.items():
            three.wait_line(f'updating record for {NAME} to {address}{at}', mark)
            wait_at(three, name, {address})
    three.write('john', 'none')
    for name, at in ALL.items():
        three.wait_line(f'removing record for {NAME}{at}')
        wait_at(three, name, set())
    assert three.count(f'record for {NAME}') == 9
    assert three.count('^user john requested') == 3
    no_failure(three)


@pytest.mark.parametrize('which', ALL)
def test_a_command_that_hangs_holds_up_nobody_else(three, which):
    others = [n for n in ALL if n != which]
    three.start()
    gate = three.gates[which]
    gate.close()
    three.write('john', '1.2.3.4')
    gate.hold()
    for address in '1.2.3.4', '5.6.7.8':
        three.write('john', address)
        for name in others:
            wait_at(three, name, {address})
        wait_at(three, which, set())
    assert states(three)[which] == 'waits'
    gate.open()
    wait_at(three, which, {'5.6.7.8'})
    three.wait(lambda: set(states(three).values()) == {'published'}, 'all have it')


@pytest.mark.parametrize('which', ALL)
def test_a_command_that_fails_holds_up_nobody_else(three, which):
    others = [n for n in ALL if n != which]
    words = 'makecommand' if which == 'tinydns' else f'command of {which}'
    three.start()
    gate = three.gates[which]
    gate.bad.touch()
    for address in '1.2.3.4', '5.6.7.8':
        three.write('john', address)
        for name in others:
            wait_at(three, name, {address})
    three.wait_log(f'^{words} failed with exit status 3; trying again in 1 s$')
    wait_at(three, which, set())
    three.wait(lambda: states(three) == {**dict.fromkeys(others, 'published'), which: 'fails'}, 'one fails')
    gate.bad.unlink()
    wait_at(three, which, {'5.6.7.8'})
    three.wait_line(f'{words} works again')
    three.wait(lambda: set(states(three).values()) == {'published'}, 'all have it')


@pytest.mark.parametrize('which', ALL)
def test_a_directory_that_is_missing_holds_up_nobody_else(three, which):
    others = [n for n in ALL if n != which]
    place = three.files[which].parent
    moved = place.with_name('moved')
    three.start()
    place.rename(moved)
    for address in '1.2.3.4', '5.6.7.8':
        three.write('john', address)
        for name in others:
            wait_at(three, name, {address})
    three.wait_log(f'^unable to publish to {three.files[which]}: .*No such file or directory; the old file '
                   'stays; trying again')
    three.wait(lambda: states(three) == {**dict.fromkeys(others, 'published'), which: 'fails'}, 'one fails')
    moved.rename(place)
    three.wait_line(f'publishing to {three.files[which]} again')
    wait_at(three, which, {'5.6.7.8'})
    three.wait(lambda: set(states(three).values()) == {'published'}, 'all have it')


@pytest.mark.parametrize('which', ['nsd', 'lan'])
def test_the_start_waits_for_no_directory(three, which):
    place = three.files[which].parent
    moved = place.with_name('moved')
    place.rename(moved)
    three.write('john', '1.2.3.4', age=60)
    three.start()
    for name in ALL:
        if name != which:
            wait_at(three, name, {'1.2.3.4'})
    moved.rename(place)
    wait_at(three, which, {'1.2.3.4'})


def test_outputs_without_a_datafile(out, make):
    nsd, dnsmasq = make(Nsd, section=()), make(Dnsmasq)
    output(out, 'nsd', 'zonefile', nsd.zone_file(), nsd.reload_command)
    output(out, 'lan', 'hosts', dnsmasq.file, dnsmasq.reload_command)
    out.start(tinydns=False)
    out.write('john', '1.2.3.4')
    for server, name in (nsd, 'nsd'), (dnsmasq, 'lan'):
        out.wait_line(f'updating record for {NAME} to 1.2.3.4 at {name}')
        server.wait(NAME, 'A', {'1.2.3.4'})
    assert out.section() == []
    assert set(states(out)) == {'nsd', 'lan'}


def test_two_data_files_of_tinydns(env):
    second = env.tmp / 'second'
    second.mkdir()
    os.chown(second, 0, SERVICE_GID)
    second.chmod(0o2775)
    (second / 'data').write_text('# start dynamic dns entries\n# end dynamic dns entries\n')
    output(env, 'more', 'tinydns', second / 'data', f'cd {second} && tinydns-data')
    env.start()
    env.write('john', '1.2.3.4')
    env.wait_answer(NAME, 'A', {'1.2.3.4'})
    env.wait_line(f'updating record for {NAME} to 1.2.3.4 at more')
    env.wait(lambda: (second / 'data.cdb').exists(), 'it is compiled')
    assert (second / 'data').read_text().splitlines()[1:-1] == env.section()


def test_a_reload_with_other_users_reaches_all(three):
    three.users['jane'] = [f'jane.{ZONE}']
    three.write('john', '1.2.3.4', age=60)
    three.write('jane', '5.6.7.8', age=60)
    three.start()
    for name in ALL:
        wait_at(three, name, {'1.2.3.4'})
    del three.users['john']
    three.users['mary'] = [f'mary.{ZONE}']
    three.write('mary', '9.9.9.9', age=60)
    mark = three.mark()
    assert reloaded(three)
    for name, at in ALL.items():
        wait_at(three, name, set())
        three.wait_line(f'updating record for mary.{ZONE} to 9.9.9.9{at}', mark)
    for server in three.nsd, three.lan:
        server.wait(f'mary.{ZONE}', 'A', {'9.9.9.9'})
        server.wait(f'jane.{ZONE}', 'A', {'5.6.7.8'})
    three.wait_answer(f'mary.{ZONE}', 'A', {'9.9.9.9'})
    three.wait_answer(f'jane.{ZONE}', 'A', {'5.6.7.8'})
    assert three.count(f'^removing record for {NAME}$', mark) == 1
    three.write('mary', '8.8.8.8')
    three.nsd.wait(f'mary.{ZONE}', 'A', {'8.8.8.8'})
    no_failure(three)


def test_a_name_that_moves_to_another_output_by_a_reload_is_published_there(out):
    gate = Gate(out, 'second')

    def configure(first, second):
        out.conf_more = ''
        output(out, 'first', 'hosts', out.root / 'first', zone=first)
        output(out, 'second', 'hosts', out.root / 'second', gate.command + 'true', zone=second)
    for name in 'first', 'second':
        (out.root / name).write_text(f'{HOSTS_START}\n{HOSTS_END}\n')
    configure(ZONE, 'example.net')
    out.write('john', '1.2.3.4', age=60)
    out.start(tinydns=False)
    assert states(out) == {'first': 'published', 'second': 'not here'}
    gate.close()
    mark = out.mark()
    configure('example.net', ZONE)
    assert reloaded(out)
    gate.hold()
    try:
        out.wait_line(f'updating record for {NAME} to 1.2.3.4 at second', mark)
        assert states(out) == {'first': 'not here', 'second': 'waits'}
    finally:
        gate.open()
    out.wait(lambda: states(out) == {'first': 'not here', 'second': 'published'}, 'it is published')
    assert NAME in (out.root / 'second').read_text()
    out.wait(lambda: NAME not in (out.root / 'first').read_text(), 'it is gone there')


def test_a_reload_while_a_command_hangs(three):
    """What was written and is not compiled yet is known by another number afterwards."""
    three.users = {'zoe': [f'zoe.{ZONE}'], **three.users}
    three.start()
    gate = three.gates['nsd']
    gate.close()
    three.write('john', '1.2.3.4')
    gate.hold()
    three.users = {'adam': [f'adam.{ZONE}'], 'john': [NAME], FENCE: [FENCE_NAME]}
    three.make_home('adam')
    assert reloaded(three)
    assert states(three)['nsd'] == 'waits'
    gate.open()
    wait_at(three, 'nsd', {'1.2.3.4'})
    three.wait(lambda: set(states(three).values()) == {'published'}, 'all have it')


@pytest.mark.parametrize('change', [
    ('nsd', 'nsd-control ', 'false nsd-control '), ('lan', 'kill -HUP', 'kill -USR1'),
    ('lan', 'file = ', 'file = /nonexistent'), ('nsd', 'type = zonefile', 'type = zonefile\nserial = keep'),
    ('lan', '[output lan]', '[output other]')])
def test_a_reload_with_another_file_or_command_is_refused(three, change):
    name, before, after = change
    three.start()
    head, at, tail = three.conf_more.partition(f'[output {name}]')
    three.conf_more = head + (at + tail).replace(before, after)
    old = three.conf_more
    assert three.reload() == (f'not reloaded: another file or command of output {name} needs a restart; '
                              'keeping the old configuration')
    assert old == three.conf_more
    three.write('john', '1.2.3.4')
    for output_name in ALL:
        wait_at(three, output_name, {'1.2.3.4'})


def test_a_reload_with_one_output_more_is_refused(three):
    three.start()
    output(three, 'new', 'hosts', three.tmp / 'hosts')
    assert 'of output new needs a restart' in three.reload()


def test_a_restart_rewrites_nothing(three):
    three.write('john', '1.2.3.4\n2001:db8::7', age=60)
    three.users['jane'] = [WILD]
    three.write('jane', '1.2.3.4', age=60)
    three.start()
    for name in ALL:
        wait_at(three, name, {'1.2.3.4'})

    def seen():
        return {n: (f.stat().st_ino, f.stat().st_mtime_ns, f.read_text()) for n, f in three.files.items()}
    before = seen()
    for stop in (three.stop, three.kill):
        stop()
        mark = three.mark()
        three.start()
        three.wait(lambda: set(states(three).values()) == {'published'}, 'all are as they should be')
        assert seen() == before
        assert three.count('record for', mark) == 0
    fence(three, '', 'nsd', 'lan')
    assert three.nsd.zone_file().read_text() != before['nsd'][2]


@pytest.mark.parametrize('which', ['nsd', 'lan'])
def test_a_command_that_was_cut_off_is_run_at_the_start(three, which):
    """The file is as it should be, and nothing tells whether the server has read it."""
    three.start()
    gate = three.gates[which]
    gate.close()
    three.write('john', '1.2.3.4')
    gate.hold()
    three.kill()
    gate.open()
    before = three.files[which].stat().st_ino
    three.start()
    wait_at(three, which, {'1.2.3.4'})
    assert three.files[which].stat().st_ino == before


def test_what_was_missed_while_down_is_published_everywhere(three):
    three.write('john', '1.2.3.4', age=60)
    three.start()
    for name in ALL:
        wait_at(three, name, {'1.2.3.4'})
    three.stop()
    three.write('john', '5.6.7.8', age=60)
    mark = three.mark()
    three.start()
    for name, at in ALL.items():
        wait_at(three, name, {'5.6.7.8'})
        three.wait_line(f'updating record for {NAME} to 5.6.7.8{at}', mark)


def test_an_output_that_was_behind_at_the_end_catches_up_after_a_restart(three):
    """What the others have is not what it has."""
    three.write('john', '1.2.3.4', age=60)
    three.start()
    for name in ALL:
        wait_at(three, name, {'1.2.3.4'})
    place = three.files['nsd'].parent
    moved = place.with_name('moved')
    place.rename(moved)
    three.write('john', '5.6.7.8')
    wait_at(three, 'tinydns', {'5.6.7.8'})
    three.wait_log('^unable to publish to ')
    three.stop()
    moved.rename(place)
    mark = three.mark()
    three.start()
    wait_at(three, 'nsd', {'5.6.7.8'})
    three.wait_line(f'updating record for {NAME} to 5.6.7.8 at nsd', mark)
    assert three.count(f'updating record for {NAME} to .*(4|8)( at lan)?$', mark) == 0


# ---- verify

@pytest.fixture
def verified(env):
    """tinydns runs before the daemon, which is to ask it."""
    env.conf['socket'] = str(env.state_dir / 'socket')
    env.compile()
    env.tinydns = Tinydns(env.root)
    env.conf['verify'] = env.tinydns.ip
    env.at = re.escape(env.tinydns.ip)
    env.gate = None
    yield env
    if env.gate:
        env.gate.open()


TIME = r'[0-9.]+ m?s'


def test_it_is_verified(verified):
    verified.start()
    verified.write('john', '1.2.3.4')
    verified.wait_log(rf'^{NAME} is 1\.2\.3\.4 at {verified.at}, after {TIME}$')
    assert verified.query(NAME, 'A') == {'1.2.3.4'}
    verified.write('john', '5.6.7.8\n1.2.3.4')
    verified.wait_log(rf'^{NAME} is 1\.2\.3\.4, 5\.6\.7\.8 at {verified.at}, after {TIME}$')
    verified.write('john', 'none')
    verified.wait_log(rf'^{NAME} has no address of ours at {verified.at}, after {TIME}$')
    assert as_json(verified)['outputs'][0]['verified']
    no_failure(verified)


def test_a_static_address_beside_ours_does_not_matter(verified):
    verified.write_data(verified.data.read_text() + f'+{NAME}:192.0.2.77:3600\n')
    verified.start()
    verified.write('john', '1.2.3.4\n2001:db8::7')
    verified.wait_log(rf'^{NAME} is 1\.2\.3\.4, 2001:db8::7 at {verified.at}, after {TIME}$')
    assert verified.query(NAME, 'A') == {'1.2.3.4', '192.0.2.77'}
    verified.write('john', 'none')
    verified.wait_log(rf'^{NAME} has no address of ours at {verified.at}, after {TIME}$')


def test_a_command_that_does_nothing(verified):
    make = verified.conf['makecommand']
    nothing = verified.tmp / 'nothing'
    verified.conf['makecommand'] = f'if [ -e {nothing} ]; then true; else {make}; fi'
    verified.conf['verify_timeout'] = '2s'
    verified.start()
    verified.write('john', '1.2.3.4')
    verified.wait_log(f'^{NAME} is 1\\.2\\.3\\.4 at ')
    nothing.touch()
    verified.write('john', '5.6.7.8')
    line = verified.wait_log(rf'^{NAME} is still .*').group(0)
    assert re.fullmatch(rf"{NAME} is still 1\.2\.3\.4 at {verified.at}, {TIME} after it was published as "
                        rf"5\.6\.7\.8: is '{verified.root}' the directory that tinydns serves, and does the "
                        r'command make its database\?', line), line
    assert states(verified) == {'tinydns': 'fails'} and states(verified, None) == {'tinydns': 'fails'}
    mark = verified.mark()
    nothing.unlink()
    verified.write('john', '9.9.9.9')
    verified.wait_log(rf'^{NAME} is 9\.9\.9\.9 at {verified.at}, after {TIME}$', mark)
    verified.wait(lambda: states(verified) == {'tinydns': 'published'}, 'it is verified')


def test_what_was_mended_by_hand_is_verified_after_a_reload(verified):
    verified.conf['makecommand'] = 'true'
    verified.conf['verify_timeout'] = '2s'
    verified.start()
    verified.write('john', '1.2.3.4')
    verified.wait_log(f'^{NAME} has no address at ')
    verified.compile()
    mark = verified.mark()
    assert reloaded(verified)
    verified.wait_log(rf'^{NAME} is 1\.2\.3\.4 at {verified.at}, after {TIME}$', mark)
    verified.wait(lambda: states(verified) == {'tinydns': 'published'}, 'it is verified')


def test_a_reload_while_it_is_being_verified(verified):
    """The question goes on, about a name that has another number now."""
    verified.conf['verify_timeout'] = '1m'
    verified.write('john', '1.1.1.1', age=60)
    verified.start()
    verified.wait(lambda: states(verified) == {'tinydns': 'published'}, 'it is verified')
    runs = verified.runs()
    verified.tinydns.process.send_signal(signal.SIGSTOP)
    verified.write('john', '1.2.3.4')
    verified.wait_line(f'updating record for {NAME} to 1.2.3.4')
    verified.wait(lambda: verified.runs() > runs, 'the command is run')
    verified.users = {'adam': [f'adam.{ZONE}'], **verified.users}
    verified.make_home('adam')
    mark = verified.mark()
    assert reloaded(verified)
    assert states(verified) == {'tinydns': 'waits'}
    verified.tinydns.process.send_signal(signal.SIGCONT)
    verified.wait_log(rf'^{NAME} is 1\.2\.3\.4 at {verified.at}, after {TIME}$', mark)
    verified.wait(lambda: states(verified) == {'tinydns': 'published'}, 'it is verified')


def test_nobody_asks_before_the_command_has_ended(verified):
    """A reload has that asked for again which was not right; but not too early."""
    gate = verified.gate = Gate(verified, 'tinydns')
    verified.conf.update(verify_timeout='100ms', makecommand=gate.command + 'true')
    verified.start()
    verified.write('john', '1.2.3.4')
    verified.wait_log(f'^{NAME} has no address at .* after it was published as 1\\.2\\.3\\.4')
    gate.close()
    verified.write('john', '5.6.7.8')
    gate.hold()
    assert reloaded(verified)
    limit = time.monotonic() + 0.2
    verified.wait(lambda: time.monotonic() > limit, 'the time limit has passed')
    verified.fence(publish=False)
    assert states(verified) == {'tinydns': 'waits'}
    assert verified.count('as 5.6.7.8') == 0
    gate.open()
    verified.wait_log(f'^{NAME} has no address at .* after it was published as 5\\.6\\.7\\.8')


def test_nobody_complains_of_the_old_address_while_a_newer_one_is_published(verified):
    """It came while the command ran for the one before, and that takes longer than the time limit."""
    gate = verified.gate = Gate(verified, 'tinydns')
    verified.conf.update(verify_timeout='500ms', makecommand=gate.command + verified.conf['makecommand'])
    verified.start()
    gate.close()
    verified.write('john', '1.2.3.4')
    gate.hold()
    mark = verified.mark()
    verified.write('john', '5.6.7.8')
    verified.wait_line('user john requested update to 5.6.7.8')
    first, gate.fd = gate.fd, None
    gate.path.unlink()
    gate.close()
    os.close(first)
    gate.hold()
    limit = time.monotonic() + 1
    verified.wait(lambda: time.monotonic() > limit, 'the time limit has passed')
    verified.fence(publish=False)
    assert states(verified) == {'tinydns': 'waits'}
    assert verified.count('after it was published', mark) == 0
    gate.open()
    verified.wait_log(f'^{NAME} is 5\\.6\\.7\\.8 at {verified.at}, after ', mark)
    assert verified.count('after it was published', mark) == 0


def test_a_withdrawn_address_that_stays_is_not_right_after_a_reload_either(verified):
    verified.conf['verify_timeout'] = '300ms'
    verified.conf['makecommand'] = f'[ ! -e {verified.tmp}/nothing ] || exit 0; {verified.conf["makecommand"]}'
    verified.write('john', '1.2.3.4', age=60)
    verified.start()
    verified.wait_answer(NAME, 'A', {'1.2.3.4'})
    (verified.tmp / 'nothing').touch()
    mark = verified.mark()
    verified.write('john', 'none')
    for _ in range(2):
        verified.wait_log(rf'^{NAME} is still 1\.2\.3\.4 at {verified.at}, {TIME} after it was withdrawn', mark)
        mark = verified.mark()
        assert states(verified) == {'tinydns': 'fails'}
        assert reloaded(verified)


def test_a_reload_names_another_server_to_ask(verified, make):
    """What the one was asked for is asked of the other."""
    verified.conf['verify_timeout'] = '2s'
    verified.conf['verify'] = verified.tinydns.ip + ':5355'	# nobody is there
    verified.start()
    verified.write('john', '1.2.3.4')
    verified.wait_log(rf'{verified.at}:5355.* after it was published as 1\.2\.3\.4')
    verified.conf['verify'] = verified.tinydns.ip
    assert reloaded(verified)
    verified.wait_log(rf'^{NAME} is 1\.2\.3\.4 at {verified.at}, after {TIME}$')
    verified.wait(lambda: states(verified) == {'tinydns': 'published'}, 'it is verified')
    verified.conf['verify'] = None
    assert reloaded(verified)
    mark = verified.mark()
    verified.write('john', '5.6.7.8')
    verified.fence()
    verified.wait(lambda: states(verified) == {'tinydns': 'published'}, 'it is published')
    assert verified.count(f'^{NAME} is ', mark) == 0


def test_a_server_that_is_not_there(verified):
    verified.conf['verify_timeout'] = '300ms'
    verified.tinydns.process.kill()
    verified.tinydns.process.wait()
    verified.start(tinydns=False)
    verified.write('john', '1.2.3.4')
    verified.wait_log(rf'^({verified.at} does not answer for {NAME}|unable to ask {verified.at} for {NAME}: '
                      rf'Connection refused), {TIME} after it was published as 1\.2\.3\.4: does a name server '
                      r'listen there, and may we reach it\?$')
    assert verified.section() == [f'+{NAME}:1.2.3.4:60']
    assert states(verified) == {'tinydns': 'fails'}


def test_a_server_that_does_not_answer(verified):
    verified.conf['verify_timeout'] = '2s'
    verified.start()
    verified.tinydns.process.send_signal(signal.SIGSTOP)
    verified.write('john', '1.2.3.4')
    verified.wait_log(rf'^{verified.at} does not answer for {NAME}, {TIME} after it was published as ')
    verified.tinydns.process.send_signal(signal.SIGCONT)
    verified.fence()
    verified.wait_log(rf'^fence\.fence\.example\.com is .* at {verified.at}, after {TIME}$')


@pytest.mark.parametrize('cls, more', [(Nsd, {'port': 5355}), (Nsd, {'v6': True}), (Bind, {}),
                                       (Knot, {'port': 5355}), (Unbound, {'port': 5355})])
def test_a_zone_is_verified_at_any_port(out, make, cls, more):
    server = make(cls, None, None, section=(), **more)
    output(out, 'zone', 'zonefile', server.zone_file(), server.reload_command, verify=server.server)
    out.start(tinydns=False)
    assert server.port != 53
    at = re.escape(server.server)
    for i in range(1, 4):
        out.write('john', f'1.2.3.{i}\n2001:db8::{i}')
        out.wait_log(rf'^{NAME} is 1\.2\.3\.{i}, 2001:db8::{i} at {at}, after {TIME}$')
    out.write('john', 'none')
    out.wait_log(rf'^{NAME} has no address of ours at {at}, after {TIME}$')
    no_failure(out)


def test_a_hosts_file_is_verified(out, lan):
    out.conf_more += f'verify = {lan.server}\n'
    out.start(tinydns=False)
    out.write('john', '1.2.3.4')
    out.wait_log(rf'^{NAME} is 1\.2\.3\.4 at {re.escape(lan.server)}, after {TIME}$')
    out.write('john', 'none')
    out.wait_log(rf'^{NAME} has no address of ours at {re.escape(lan.server)}, after {TIME}$')
    no_failure(out)


def test_one_of_two_servers_has_another_zone(out, make):
    """The second is never told to read the file."""
    first, second = make(Nsd, section=()), make(Nsd, section=())
    output(out, 'zone', 'zonefile', first.zone_file(), first.reload_command, verify_timeout='2s',
           verify=f'{first.server}, {second.server}')
    out.start(tinydns=False)
    out.write('john', '1.2.3.4')
    out.wait_log(rf'^{NAME} is 1\.2\.3\.4 at {re.escape(first.server)}, after ')
    out.wait_log(rf"^{NAME} has no address at {re.escape(second.server)}, .*: did the command reload that zone, "
                 rf"and is '{first.zone_file()}' the file that it is read from\?$")


def test_of_a_thousand_changes_a_sample_is_asked_for(verified):
    names = [f'n{i}.dyn.example.com' for i in range(1000)]
    verified.users['many'] = names
    verified.conf['log_rate'] = '0'
    verified.start()
    verified.write('many', '1.2.3.4')
    verified.wait_log(rf'^updating record for {names[-1]} to 1\.2\.3\.4$')
    told = command(verified, '--wait', 'many')
    assert told.returncode == 0, told.stderr
    verified.wait_answer(names[-1], 'A', {'1.2.3.4'})
    verified.wait(lambda: states(verified, 'many') == {'tinydns': 'published'}, 'all of them count as published')
    n = verified.count(r'^n\d+\.dyn\.example\.com is 1\.2\.3\.4 at ')
    assert 1 <= n <= 100
    verified.write('john', '5.6.7.8')
    verified.wait_log(rf'^{NAME} is 5\.6\.7\.8 at ')
    assert verified.count(r'^n\d+\.dyn\.example\.com is 1\.2\.3\.4 at ') == n
    no_failure(verified)


# ---- status

def test_root_is_told_which_output_fails(three):
    three.start()
    three.gates['nsd'].bad.touch()
    three.write('john', '1.2.3.4')
    three.wait_log('^command of nsd failed')
    three.wait(lambda: states(three, None) == {'tinydns': 'published', 'nsd': 'fails', 'lan': 'published'},
               'one fails')
    told = {o['name']: o for o in as_json(three)['outputs']}
    assert told['nsd']['why'] == 'command of nsd failed with exit status 3'
    assert told['nsd']['place'] == str(three.files['nsd']) and told['nsd']['type'] == 'zonefile'
    assert told['nsd']['failed'] and told['nsd']['waiting'] == 1
    assert told['lan']['why'] is None and told['lan']['failed'] is None
    text = command(three).stdout
    assert re.search(rf'^nsd      zonefile  {three.files["nsd"]}\n +fails: command of nsd failed with exit '
                     r'status 3; trying again; 1 name waits$', text, re.M), text
    assert re.search(rf'^lan      hosts     {three.files["lan"]}\n +published ', text, re.M), text
    assert re.search(r'^  nsd +fails: command of nsd failed', command(three, 'john').stdout, re.M)


def test_partly_published(three):
    three.start()
    three.gates['nsd'].bad.touch()
    three.write('john', '1.2.3.4')
    told = command(three, '--wait', 'john')
    assert told.returncode == 111
    assert told.stderr == ('dns-updater: published at tinydns, at lan; failed at nsd: command of nsd failed with '
                           'exit status 3; the daemon goes on trying\n')
    three.gates['nsd'].bad.unlink()
    three.send(signal.SIGHUP)
    wait_at(three, 'nsd', {'1.2.3.4'})
    told = command(three, '--wait', 'john')
    assert (told.returncode, told.stdout) == (0, f'published: {NAME} is 1.2.3.4\n')


def test_waiting_ends_when_the_last_output_has_it(three):
    three.start()
    gate = three.gates['lan']
    gate.close()
    three.write('john', '1.2.3.4')
    gate.hold()
    wait_at(three, 'nsd', {'1.2.3.4'})
    p = start_command(three, '--wait', 'john')
    three.wait(lambda: states(three) == {'tinydns': 'published', 'nsd': 'published', 'lan': 'waits'},
               'two have it')
    assert p.poll() is None
    gate.open()
    assert p.communicate(timeout=TIMEOUT)[0] == f'published: {NAME} is 1.2.3.4\n'
    wait_at(three, 'lan', {'1.2.3.4'})	# dnsmasq reads it some time after its SIGHUP


def test_waiting_ends_when_it_is_verified(verified):
    verified.conf['verify_timeout'] = '1m'
    verified.start()
    runs = verified.runs()
    verified.tinydns.process.send_signal(signal.SIGSTOP)
    verified.write('john', '1.2.3.4')
    verified.wait_line(f'updating record for {NAME} to 1.2.3.4')
    p = start_command(verified, '--wait', 'john')
    verified.wait(lambda: verified.runs() == runs + 1, 'the command is run')
    verified.write('fence', '1.1.1.1')		# one more whole way of a change
    verified.wait_line('updating record for fence.fence.example.com to 1.1.1.1')
    verified.wait(lambda: verified.runs() == runs + 2, 'the command is run for both')
    assert states(verified) == {'tinydns': 'waits'}
    assert p.poll() is None
    verified.tinydns.process.send_signal(signal.SIGCONT)
    assert p.communicate(timeout=TIMEOUT)[0] == f'published: {NAME} is 1.2.3.4\n'
    verified.wait_log(f'^{NAME} is 1.2.3.4 at ')
    assert verified.count(f'^{NAME} is 1.2.3.4 at ') == 1


def test_waiting_fails_when_it_is_not_verified(verified):
    verified.conf.update(makecommand='true', verify_timeout='300ms')
    verified.start()
    verified.write('john', '1.2.3.4')
    told = command(verified, '--wait', 'john')
    assert told.returncode == 111
    assert told.stderr.startswith(f'dns-updater: failed at tinydns: {NAME} has no address at '), told.stderr


# ---- only what lies in its zones

def test_names_of_other_zones_are_left_out(out, make):
    """NSD refuses a whole file with a name that lies outside."""
    server = zone(out, make, Nsd, zone=ZONE)
    out.users['jane'] = ['jane.other.example', 'jane.' + ZONE]
    out.start(tinydns=False)
    out.write('jane', '198.51.100.7')
    server.wait('jane.' + ZONE, 'A', {'198.51.100.7'})
    fence(out)
    assert 'jane.other.example' not in server.zone_file().read_text()
    assert out.count('jane.other.example to .* at zone') == 0
