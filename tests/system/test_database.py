# SPDX-FileCopyrightText: 2026 The dns-updater authors
# SPDX-License-Identifier: ISC
"""database: tinydns's data.cdb written by the daemon itself. Whenever nothing is in flight it is, byte for byte,
what the real tinydns-data makes of the text; what the real tinydns answers meanwhile is never a mixture."""

import contextlib
import mmap
import os
import pathlib
import re
import shutil
import signal
import stat
import subprocess
import threading

import dns.exception
import pytest

from harness import BASE, DNS_UPDATER, END, SERVICE_GID, SERVICE_UID, START, TIMEOUT, TINYDNS_DATA, Tinydns, descendants

JOHN, ANNA = 'john.dyn.example.com', 'anna.dyn.example.com'
# Every byte of the one differs from that of the other.
LOW, HIGH = '17.34.51.68', '221.188.170.153'
LOW6, HIGH6 = '2001:db8:1122:3344:5566:7788:99aa:bb01', '2002:1c47:eedd:ccbb:aa99:8877:6655:44fe'

# A line of every type, wildcards, locations, times of life, escapes, upper case, twice the same.
EVERYTHING = r'''%lo:127
%ex
Zexample.org:ns.example.org:hostmaster.example.org:77:1:2:3:4:300
Zexample.net:ns.example.net:hostmaster.example.net
.example.com:127.0.0.1:ns.example.com:3600
&sub.example.com:192.0.2.2:ns.sub.example.com
=Host.Example.COM:192.0.2.3:600
+*.dyn.example.com:192.0.2.99
+multi.example.com:192.0.2.4
+multi.example.com:192.0.2.4
+multi.example.com:192.0.2.5:60::lo
+later.example.com:192.0.2.6:60:4000000038af1379
+until.example.com:192.0.2.7:0:4000000038af1379
@example.com:192.0.2.8:mx.example.com:10
'txt.example.com:a text\072 with \342\202\254 and a\040blank:300
Calias.example.com:host.example.com
^9.2.0.192.in-addr.arpa:host.example.com
:any.example.com:65280:\001\002\003:5
:six.example.com:28:\040\001\015\270\000\000\000\000\000\000\000\000\000\000\000\007
-off.example.com:192.0.2.1

# a comment
'''


@pytest.fixture
def env(env):
    env.conf.update(database=str(env.cdb), makecommand=None, publish_interval='100ms', log_rate='0')
    return env


def made_by_tinydns_data(env):
    """What tinydns-data makes of the text as it stands, and of when; None where it changes meanwhile."""
    place = env.tmp / 'judge'
    place.mkdir(exist_ok=True)
    before = env.data.stat()
    shutil.copyfile(env.data, place / 'data')
    os.utime(place / 'data', ns=(before.st_mtime_ns, before.st_mtime_ns))
    after = env.data.stat()
    if (before.st_ino, before.st_mtime_ns) != (after.st_ino, after.st_mtime_ns):
        return None
    subprocess.run([TINYDNS_DATA], cwd=place, check=True)
    return (place / 'data.cdb').read_bytes()


def wait_identical(env):
    """Nothing is in flight in the end: then the two are the same."""
    env.wait(lambda: made_by_tinydns_data(env) == env.cdb.read_bytes(), 'data.cdb is what tinydns-data makes of data')


def wait_followed(env):
    """The text has it, the database bears its time, and make(1) finds nothing to do."""
    env.wait(lambda: env.cdb.stat().st_mtime_ns == env.data.stat().st_mtime_ns, 'data.cdb has the time of data')
    wait_identical(env)
    # It may have been so before, with the same address.
    env.wait(lambda: subprocess.run(['make', '-q', '-s'], cwd=env.root).returncode == 0, 'make has nothing to do')


def litter(env):
    return {name for name in os.listdir(env.root) if 'dnsu' in name and 'late' not in name}


def test_a_change_is_answered_and_the_text_follows(env):
    env.write('john', '192.0.2.1', age=60)
    env.start()
    env.wait_answer(JOHN, 'A', {'192.0.2.1'})
    wait_followed(env)
    for address in '192.0.2.2', '2001:db8::2', '192.0.2.3\n2001:db8::3', 'none', '192.0.2.4':
        env.write('john', address)
        words = address.split()
        env.wait_answer(JOHN, 'A', {w for w in words if '.' in w})
        env.wait_answer(JOHN, 'AAAA', {w for w in words if ':' in w} | {'2001:db8::1'})	# BASE has that
        wait_followed(env)
    assert litter(env) <= {'.data.cdb.dnsu.alt'}


def test_no_command_is_needed_and_none_is_run(env):
    env.start()
    env.fence()
    assert not env.made.exists()
    assert env.count('makecommand') == 0


@pytest.mark.parametrize('at', ['top', 'middle', 'end'])
def test_it_is_byte_for_byte_what_tinydns_data_makes(env, at):
    lines = EVERYTHING.splitlines(keepends=True)
    n = {'top': 0, 'middle': len(lines) // 2, 'end': len(lines)}[at]
    env.write_data(''.join(lines[:n]) + f'{START}\n{END}\n' + ''.join(lines[n:]))
    env.users['anna'] = ['anna.dyn.example.com', '*.anna.dyn.example.com', 'multi.example.com']
    env.write('john', '192.0.2.1\n192.0.2.2\n2001:db8::1', age=60)
    env.write('anna', '192.0.2.3', age=60)
    env.start()
    wait_followed(env)
    env.write('anna', '192.0.2.9')
    env.wait_answer('x.anna.dyn.example.com', 'A', {'192.0.2.9'})
    wait_followed(env)
    env.write('anna', '192.0.2.9\n192.0.2.10\n*.anna.dyn.example.com none')
    env.wait_answer('anna.dyn.example.com', 'A', {'192.0.2.9', '192.0.2.10'})
    wait_followed(env)


def test_the_soa_serial_follows_the_text(env):
    env.start()
    env.fence()
    wait_followed(env)
    assert env.ask('example.com', 'SOA').answer[0][0].serial == int(env.data.stat().st_mtime)


def test_the_soa_serial_does_not_go_back_with_a_text_from_a_backup(env):
    """As `cp -p data.bak data` leaves it: secondaries would not see what it says."""
    env.write('john', '192.0.2.1', age=60)
    env.start()
    env.fence()
    wait_followed(env)
    before = env.ask('example.com', 'SOA').answer[0][0].serial
    backup = env.root / 'data.bak'
    backup.write_text(env.data.read_text() + '+old.example.com:192.0.2.82:60\n')
    os.utime(backup, (before - 86400, before - 86400))
    shutil.copy2(backup, env.root / 'data.new')
    (env.root / 'data.new').rename(env.data)
    env.wait_answer('old.example.com', 'A', {'192.0.2.82'})
    wait_followed(env)
    assert env.ask('example.com', 'SOA').answer[0][0].serial > before


# ---- the administrator

def test_an_edit_is_taken_in(env):
    env.start()
    with env.data.open('a') as f:
        f.write('+new.example.com:192.0.2.81:60\n')
    env.wait_answer('new.example.com', 'A', {'192.0.2.81'})
    env.fence()
    wait_followed(env)
    assert env.query('new.example.com', 'A') == {'192.0.2.81'}


def test_a_line_that_cannot_be_compiled_stops_nobody(env):
    env.start()
    env.fence()
    good = env.data.read_text()
    n = good.count('\n') + 1
    env.write_data(good + '?what\n+new.example.com:192.0.2.80:60\n')
    env.wait_log(rf'^unable to compile {env.data}: .*line {n}\b.*; of what is not ours, what was compiled last')
    env.fence()
    assert env.query('new.example.com', 'A') == set()
    env.write_data(env.data.read_text().replace('?what\n', ''))
    env.wait_log(f'^{env.data} can be compiled again$')
    env.wait_answer('new.example.com', 'A', {'192.0.2.80'})
    wait_followed(env)


def test_the_line_number_is_that_of_the_file_whatever_stands_in_the_section(env):
    env.users.update({f'u{i}': [f'u{i}.dyn.example.com'] for i in range(5)})
    for i in range(5):
        env.write(f'u{i}', f'192.0.2.{i + 1}\n2001:db8::{i + 1}', age=60)
    env.start()
    env.fence()
    wait_followed(env)
    text = env.data.read_text()
    env.write_data(text + '?what\n')
    n = text.count('\n') + 1
    env.wait_log(rf'^unable to compile {env.data}: .*line {n}\b')


def test_a_bad_line_at_the_start_leaves_what_is_answered(env):
    env.write('john', '192.0.2.1', age=60)
    env.write_data(BASE + '+old.example.com:192.0.2.7:60\n')
    env.compile()
    before = env.cdb.read_bytes()
    env.write_data(BASE + '?what\n')
    env.start(tinydns=False)
    env.wait_log(r'^unable to compile .*; nothing is published until that is mended')
    assert env.cdb.read_bytes() == before
    env.write_data(env.data.read_text().replace('?what\n', ''))
    wait_followed(env)


def find_compiler(env):
    for pid in descendants(env.process.pid):
        try:
            if pathlib.Path(f'/proc/{pid}/comm').read_text() == 'tinydns-data\n':
                return pid
        except OSError:
            pass
    return None


def test_a_bad_line_while_the_first_text_is_compiled_leaves_a_serial(env):
    """What was compiled is published, and bears the time of its text, although a newer one cannot be compiled."""
    env.write_data(BASE + ''.join(f'+h{i}.example.com:192.0.2.7:60\n' for i in range(300000)))
    env.start(wait=False)
    while not (compiler := find_compiler(env)):
        assert env.process.poll() is None
    os.kill(compiler, signal.SIGSTOP)
    env.write('john', '192.0.2.1')
    env.wait_log('^user john requested')
    with env.data.open('a') as f:
        f.write('?what\n')
    env.wait_section([f'+{JOHN}:192.0.2.1:60'])
    os.kill(compiler, signal.SIGCONT)
    env.wait_log('^unable to compile')
    env.wait_answer(JOHN, 'A', {'192.0.2.1'})
    assert env.ask('example.com', 'SOA').answer[0][0].serial > 1000000000
    assert env.cdb.stat().st_mtime < env.data.stat().st_mtime


def test_without_the_markers_users_are_served_all_the_same(env):
    env.start()
    env.fence()
    text = env.data.read_text()
    env.write_data(text.replace(f'{END}\n', ''))
    env.wait_log(rf'^unable to publish to {env.data}: ')
    env.fence()
    env.write_data(text)
    env.wait_log(rf'^publishing to {env.data} again$')
    env.fence()
    wait_followed(env)


def test_a_database_made_by_hand_is_answered_by_ours(env):
    """tinydns-data run by hand, on a text that lags behind: said once."""
    env.conf['publish_interval'] = '1h'
    env.start()
    env.fence()
    for i in range(3):
        env.write('john', f'192.0.2.{i + 1}')
        env.wait_answer(JOHN, 'A', {f'192.0.2.{i + 1}'})
        ours = env.cdb.stat().st_ino
        env.compile()
        env.wait(lambda: env.cdb.stat().st_ino != ours, 'it is replaced')
        env.wait_answer(JOHN, 'A', {f'192.0.2.{i + 1}'})
        env.fence()
        assert env.query(JOHN, 'A') == {f'192.0.2.{i + 1}'}
    assert env.count('was made by somebody else') == 1


def test_a_database_that_is_written_over_in_place_is_answered_by_ours(env):
    """As cp(1) and scp(1) do: the file stays the same one."""
    env.conf['publish_interval'] = '1h'
    env.write('john', '192.0.2.1', age=60)
    env.compile()
    foreign = env.cdb.read_bytes()	# without him
    env.start()
    env.wait_answer(JOHN, 'A', {'192.0.2.1'})
    for i in range(3):
        env.cdb.write_bytes(foreign)
        env.wait_answer(JOHN, 'A', {f'192.0.2.{i + 1}'})
        env.write('john', f'192.0.2.{i + 2}')
        env.wait_answer(JOHN, 'A', {f'192.0.2.{i + 2}'})
    assert env.query('example.com', 'NS') and env.count('was made by somebody else') == 1


def test_make_after_an_edit_loses_neither_the_edit_nor_a_change(env):
    env.start()
    for i in range(10):
        env.write('john', f'192.0.2.{i + 1}')
        with env.data.open('a') as f:
            f.write(f'+edit{i}.example.com:192.0.2.80:60\n')
        subprocess.run(['make', '-s'], cwd=env.root, check=True)
        env.wait_answer(JOHN, 'A', {f'192.0.2.{i + 1}'})
        env.wait_answer(f'edit{i}.example.com', 'A', {'192.0.2.80'})
    env.fence()
    for i in range(10):
        assert env.query(f'edit{i}.example.com', 'A') == {'192.0.2.80'}
    wait_followed(env)


def test_make_after_an_edit_waits_for_no_interval(env):
    """The text is read at once, for what somebody made of it may be newer than what we know of it."""
    env.conf['publish_interval'] = '1h'
    env.start()
    env.write('john', '192.0.2.1')
    env.wait_answer(JOHN, 'A', {'192.0.2.1'})
    with env.data.open('a') as f:
        f.write('+edit.example.com:192.0.2.81:60\n')
    env.compile()
    for address in '192.0.2.2', '192.0.2.3':
        env.write('john', address)
        env.wait_answer(JOHN, 'A', {address})
    env.wait_answer('edit.example.com', 'A', {'192.0.2.81'})


def test_make_after_an_edit_is_seen_by_a_change_that_is_read_before_it_is_told(env):
    """Whoever publishes looks himself whose database stands there."""
    env.conf['publish_interval'] = '1h'
    env.start()
    env.fence()
    wait_followed(env)
    for i in range(3):
        env.send(signal.SIGSTOP)
        env.write('john', f'192.0.2.{i + 1}')
        with env.data.open('a') as f:
            f.write(f'+edit{i}.example.com:192.0.2.81:60\n')
        env.compile()
        env.send(signal.SIGCONT)
        env.wait_answer(JOHN, 'A', {f'192.0.2.{i + 1}'})
        assert env.query(f'edit{i}.example.com', 'A') == {'192.0.2.81'}


def test_a_command_that_takes_long_holds_up_nobody_after_make_by_hand(env):
    fifo = env.state_dir / 'fifo'
    os.mkfifo(fifo, 0o644)
    os.chmod(fifo, 0o644)
    env.conf['makecommand'] = f'test -e {env.made} || {{ printf x > {env.made}; cat {fifo}; }}'
    env.start(wait=False)
    env.write('john', '192.0.2.1')
    env.wait_answer(JOHN, 'A', {'192.0.2.1'})
    with fifo.open('w'):	# opens once it runs
        with env.data.open('a') as f:
            f.write('+edit.example.com:192.0.2.81:60\n')
        env.compile()
        env.write('john', '192.0.2.2')
        env.wait_answer(JOHN, 'A', {'192.0.2.2'})
    env.wait_answer('edit.example.com', 'A', {'192.0.2.81'})


def test_a_database_that_cannot_be_written_holds_up_the_text_not_at_all(env):
    """Nor the other way round, above. Somebody mends it, and all is well."""
    place = env.tmp / 'elsewhere'
    place.mkdir()
    env.conf['database'] = f'{place}/data.cdb'
    env.conf['socket'] = f'{env.state_dir}/socket'
    env.start(tinydns=False)
    env.wait_log(f'^unable to publish to {place}/data.cdb: .*Permission denied; what it has stays')
    env.write('john', '192.0.2.1')
    env.wait_section([f'+{JOHN}:192.0.2.1:60'])
    assert not (place / 'data.cdb').exists()
    done = subprocess.run([DNS_UPDATER, 'status', '-c', str(env.conf_file), 'john'], capture_output=True, text=True)
    assert 'Permission denied' in done.stdout
    os.chown(place, SERVICE_UID, SERVICE_GID)
    env.wait_log(f'^publishing to {place}/data.cdb again$')
    env.wait(lambda: made_by_tinydns_data(env) == (place / 'data.cdb').read_bytes(), 'it is what data says')
    assert stat.S_IMODE((place / 'data.cdb').stat().st_mode) == 0o644


def test_makecommand_runs_behind_the_text_and_not_for_every_change(env):
    """For those who copy to secondaries from their Makefile."""
    copies = env.state_dir / 'copies'
    env.conf.update(makecommand=f'printf x >> {env.made}; cp {env.data} {copies}', publish_interval='1h')
    env.start()
    for i in range(20):
        env.write('john', f'192.0.2.{i + 1}')
        env.wait_answer(JOHN, 'A', {f'192.0.2.{i + 1}'})
    assert env.runs() <= 2	# once for the start, once for the first change
    env.stop()
    assert f'+{JOHN}:192.0.2.20:60' in env.data.read_text()
    assert copies.read_text() == env.data.read_text()


def test_a_makecommand_that_compiles_all_the_same_takes_nothing_back(env):
    env.conf['makecommand'] = f'cd {env.root} && {TINYDNS_DATA}'
    env.start()
    for i in range(20):
        env.write('john', f'192.0.2.{i + 1}')
        env.wait_answer(JOHN, 'A', {f'192.0.2.{i + 1}'})
    env.fence()
    env.wait_answer(JOHN, 'A', {'192.0.2.20'})
    wait_identical(env)


def test_a_makecommand_that_fails_holds_up_nobody(env):
    env.conf['makecommand'] = 'exit 3'
    env.start()
    env.wait_log('^makecommand failed with exit status 3')
    env.fence()


# ---- start, reload, end

def test_the_end_waits_for_the_text(env):
    env.conf['publish_interval'] = '1h'
    env.start()
    for i in range(5):
        env.write('john', f'192.0.2.{i + 1}')
        env.wait_answer(JOHN, 'A', {f'192.0.2.{i + 1}'})
    assert env.stop() == 0
    assert f'+{JOHN}:192.0.2.5:60' in env.data.read_text()


def test_killed_at_once_nothing_is_lost(env):
    env.conf['publish_interval'] = '300ms'
    env.start()
    for i in range(10):
        env.write('john', f'192.0.2.{i + 1}')
        env.wait_answer(JOHN, 'A', {f'192.0.2.{i + 1}'})
        if i % 3 == 0:
            env.kill()
            assert env.query(JOHN, 'A') == {f'192.0.2.{i + 1}'}
            env.start()
            env.wait_answer(JOHN, 'A', {f'192.0.2.{i + 1}'})
            wait_followed(env)
    assert litter(env) <= {'.data.cdb.dnsu.alt'}


def test_users_come_and_go_by_reload(env):
    env.users['anna'] = ['anna.dyn.example.com']
    env.write('john', '192.0.2.1', age=60)
    env.write('anna', '192.0.2.2', age=60)
    env.start()
    env.wait_answer('anna.dyn.example.com', 'A', {'192.0.2.2'})
    del env.users['john']
    env.users = {'bob': ['bob.dyn.example.com'], **env.users}	# others have other numbers now
    env.write('bob', '192.0.2.3', age=60)
    assert env.reload().startswith('reloaded')
    env.wait_answer(JOHN, 'A', set())
    env.wait_answer('bob.dyn.example.com', 'A', {'192.0.2.3'})
    env.write('anna', '192.0.2.4')
    env.wait_answer('anna.dyn.example.com', 'A', {'192.0.2.4'})
    wait_followed(env)
    env.conf['ttl'] = '7'
    assert env.reload().startswith('reloaded')
    env.wait(lambda: env.ask('bob.dyn.example.com', 'A').answer[0].ttl == 7, 'the TTL is the new one')
    wait_followed(env)


def test_another_database_needs_a_restart(env):
    env.start()
    env.conf['database'] = f'{env.root}/other.cdb'
    assert env.reload().startswith('not reloaded: another database needs a restart')


def test_an_output_has_one_too(env):
    env.conf.update(datafile=None, database=None, publish_interval='100ms')
    env.conf_more = f'[output tiny]\ntype = tinydns\nfile = {env.data}\ndatabase = {env.cdb}\nzone = dyn.example.com\n'
    env.with_fence = False
    env.users['anna'] = ['anna.example.org']
    env.write('john', '192.0.2.1', age=60)
    env.write('anna', '192.0.2.2', age=60)
    env.start()
    env.wait_answer(JOHN, 'A', {'192.0.2.1'})
    env.write('john', '192.0.2.9')
    env.wait_answer(JOHN, 'A', {'192.0.2.9'})
    wait_followed(env)
    assert 'anna' not in env.data.read_text()


def test_status_says_what_is_answered(env):
    env.conf['socket'] = f'{env.state_dir}/socket'
    env.start()
    env.fence()
    done = subprocess.run([DNS_UPDATER, 'status', '-c',
                           str(env.conf_file), 'john'], capture_output=True, text=True)
    assert done.returncode == 0 and re.search(r'tinydns\b.* published', done.stdout), done


def test_status_says_that_an_edit_is_not_taken_in_as_long_as_that_is_so(env):
    """Of the whole: no user has to wait for it."""
    def status(*words):
        return subprocess.run([DNS_UPDATER, 'status', '-c', str(env.conf_file), *words], capture_output=True,
                              text=True).stdout
    env.conf['socket'] = f'{env.state_dir}/socket'
    env.start()
    env.write_data(env.data.read_text() + '?what\n')
    env.wait_log('^unable to compile')
    env.write('john', '192.0.2.1')
    env.wait_answer(JOHN, 'A', {'192.0.2.1'})
    assert re.search(r'fails: tinydns-data: .*line \d+', status())
    env.wait(lambda: re.search('tinydns +published', status('john')), 'his address is published')
    env.write_data(env.data.read_text().replace('?what\n', ''))
    env.wait_log(f'^{env.data} can be compiled again$')
    env.wait(lambda: 'fails' not in status(), 'nothing fails')


# ---- readers

class Reader(threading.Thread):
    """Asks all the time and remembers every answer."""

    def __init__(self, env, name, type):
        super().__init__()
        self.env, self.name_asked, self.type = env, name, type
        self.seen, self.n, self.ends = set(), 0, threading.Event()
        self.start()

    def run(self):
        while not self.ends.is_set():
            with contextlib.suppress(dns.exception.Timeout):
                self.seen.add(frozenset(self.env.query(self.name_asked, self.type)))
                self.n += 1

    def stop(self):
        self.ends.set()
        self.join()


@pytest.mark.parametrize('type, low, high', [('A', LOW, HIGH), ('AAAA', LOW6, HIGH6)])
def test_no_answer_is_ever_mixed(env, type, low, high):
    """The bench and the database's own stress ask millions of times; here it is the whole daemon."""
    env.users['anna'] = [ANNA]
    env.write('anna', low, age=60)
    env.start()
    env.wait_answer(ANNA, type, {low})
    readers = [Reader(env, ANNA, type) for _ in range(2)]
    try:
        for i in range(300):
            wanted = (high, low)[i % 2]
            env.file('anna').write_text(wanted + '\n')
            env.wait_answer(ANNA, type, {wanted})
            n = [r.n for r in readers]
            env.wait(lambda: all(r.n > before for r, before in zip(readers, n)), 'all have asked')
    finally:
        for reader in readers:
            reader.stop()
    assert set().union(*(r.seen for r in readers)) <= {frozenset({low}), frozenset({high})}
    wait_followed(env)


@pytest.mark.parametrize('spoil', [False, True], ids=['', 'spoilt'])
def test_under_stress_no_answer_is_mixed_and_none_is_old(env, spoil):
    """Tens of thousands of publishes a second. What is spoilt shows that it would tell. For longer:
    build/tests/unit/stress_database."""
    program = pathlib.Path(DNS_UPDATER).parent / 'tests' / 'unit' / 'stress_database'
    if not program.exists():
        pytest.skip(f'{program} is not built')
    env.compile()
    env.tinydns = Tinydns(env.root)
    done = subprocess.run([program, env.root, env.tinydns.ip, '3', *(['spoil'] if spoil else [])],
                          capture_output=True, text=True, timeout=TIMEOUT)
    assert done.returncode == (1 if spoil else 0), done
    n = [int(x) for x in re.findall(r'\d+', done.stdout)]
    assert n[0] > 500 and n[1] > 500 and n[5] < n[1] / 10, done.stdout


def test_a_reader_who_keeps_it_open_sees_one_state_and_stops_nobody(env):
    """As axfrdns does for as long as a transfer takes."""
    env.write('john', LOW, age=60)
    env.start()
    env.wait_answer(JOHN, 'A', {LOW})
    held = []
    try:
        for i in range(20):
            f = env.cdb.open('rb')
            m = mmap.mmap(f.fileno(), 0, prot=mmap.PROT_READ)
            held.append((f, m, m[:]))
            env.write('john', (HIGH, LOW)[i % 2])
            env.wait_answer(JOHN, 'A', {(HIGH, LOW)[i % 2]})
        for f, m, before in held:
            assert m[:] == before
    finally:
        for f, m, _ in held:
            m.close()
            f.close()
    wait_followed(env)


def test_tinydns_edit_meanwhile_loses_no_line(env):
    edit = shutil.which('tinydns-edit')
    if not edit:
        pytest.skip('tinydns-edit is not installed')
    env.start()
    ends = threading.Event()

    def change():
        i = 0
        while not ends.is_set():
            env.file('john').write_text(f'198.51.{i // 250 % 250}.{i % 250 + 1}\n')
            i += 1
    env.write('john', '192.0.2.1')
    writer = threading.Thread(target=change)
    writer.start()
    try:
        for i in range(40):
            subprocess.run([edit, 'data', 'data.new', 'add', 'alias', f'edit{i}.example.com', f'192.0.2.{i + 1}'],
                           cwd=env.root, check=True)
            if i % 4 == 0:
                subprocess.run(['make', '-s'], cwd=env.root, check=True)
    finally:
        ends.set()
        writer.join()
    for i in range(40):
        env.wait_answer(f'edit{i}.example.com', 'A', {f'192.0.2.{i + 1}'})
    env.fence()
    wait_followed(env)


def test_sigio_does_not_kill_it(env):
    """The kernel sends it to whoever holds a lease that somebody breaks."""
    env.start()
    env.send(signal.SIGIO)
    env.fence()


# ---- check

def test_check_takes_it(env):
    env.compile()
    env.start(tinydns=False)
    env.stop()
    assert env.check().returncode == 0, env.check().stdout


def test_check_names_a_database_that_cannot_be_written(env):
    env.conf['database'] = f'{env.tmp}/nowhere/data.cdb'
    done = env.check()
    assert done.returncode == 100
    assert re.search(r'^.*:\d+: database: .*nowhere', done.stdout, re.M)
