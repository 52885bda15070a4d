# SPDX-FileCopyrightText: 2026 The dns-updater authors
# SPDX-License-Identifier: ISC
"""The administrator's data file: what is his stays, whoever writes to it and whenever we die.

Races are not waited for but made: strace(1) stops the daemon before or behind one system call, or
kills it there. It runs detached (-D), so that the process of the tests is the daemon itself.
"""

import contextlib
import ctypes
import ipaddress
import itertools
import os
import pathlib
import re
import subprocess
import threading
import time

import pytest

from harness import (BASE, END, SERVICE_GID, SERVICE_UID, START, TIMEOUT, TINYDNS_DATA, needs, traced,
                     unshare_mounts)

JOHN = 'john.dyn.example.com'
LINE = f'+{JOHN}:1.2.3.4:60'
ADD_HOST = ['/usr/sbin/tinydns-edit', 'data', 'data.new', 'add', 'host']	# what add-host runs

ROOT = pytest.param(0, id='of_root')		# no lease on somebody else's file
SERVICE = pytest.param(SERVICE_UID, id='of_the_service')
owners = pytest.mark.parametrize('owner', [ROOT, SERVICE])


@pytest.fixture
def bare(env):
    """Without tinydns and a command: only the file counts."""
    env.conf['makecommand'] = None
    env.with_fence = False
    return env


def own(env, uid):
    os.chown(env.data, uid, SERVICE_GID)


def start_bare(env):
    return env.start(tinydns=False)


def wait_text(env, text):
    __tracebackhide__ = True
    env.wait(lambda: text in env.data.read_bytes(), f'{text!r} is in the data file')


def left(env):
    """The names that are ours beside the data file, and those kept for the administrator."""
    return sorted(n for n in os.listdir(env.root) if '.dnsu.' in n or 'kept-by' in n)


def everything(env):
    """All bytes of the data file and of what lies beside it under a name of ours. What goes from the one to the other
    meanwhile is seen, for the data file is read before and behind."""
    found = []
    for name in 'data', *left(env), 'data':
        with contextlib.suppress(FileNotFoundError):	# it went meanwhile
            found.append((env.root / name).read_bytes())
    return b''.join(found)


def strace(env, *what):
    """Of each thread by itself; the file is written by one, always the same."""
    env.prefix = ['strace', '-f', '-D', '-q', '-o', '/dev/null', *what]
    traced(env)


def slow(env, call, before=0, behind=0, when=1):
    """The daemon sleeps (milliseconds) before or behind the nth call of this kind."""
    delay = f':delay_enter={before * 1000}' if before else ''
    delay += f':delay_exit={behind * 1000}' if behind else ''
    strace(env, '-e', f'trace={call}', '-e', f'inject={call}{delay}:when={when}')


def appears(env, name, same_as=None):
    """Waits for a name beside the data file."""
    env.wait(lambda: (env.root / name).exists(), f'there is {name}')


# ---- byte for byte

@pytest.mark.parametrize('before, behind', [
    pytest.param(b'', b'', id='nothing_else'),
    pytest.param(b'', b'+a.example.com:1.2.3.5', id='no_last_newline'),
    pytest.param(b'# x\r\n\r\n', b'+a.example.com:1.2.3.5:60\r\n', id='CRLF'),
    pytest.param(b'# \0\0\n', b'\0\n# \xff\xfe\x80\n', id='NULs_and_bytes_that_are_no_text'),
    pytest.param(b'\xef\xbb\xbf# a BOM\n', b'\n\n\n', id='BOM_and_empty_lines'),
    pytest.param(b'', b'# ' + b'x' * 300000 + b'\n', id='a_very_long_line'),
])
def test_what_is_outside_of_the_section_stays(bare, before, behind):
    start, end = START.encode() + b'\n', END.encode() + b'\n'
    bare.write_data(before + start + end + behind)
    bare.write('john', '1.2.3.4', age=60)
    start_bare(bare)
    assert bare.data.read_bytes() == before + start + LINE.encode() + b'\n' + end + behind


def test_the_markers_lines_stay_as_they_are(bare):
    start, end = START.encode() + b' \t\r\n', END.encode() + b'\r\n'
    bare.write_data(start + b'+old.example.com:1.2.3.5:60\r\n' + end)
    bare.write('john', '1.2.3.4', age=60)
    start_bare(bare)
    assert bare.data.read_bytes() == start + LINE.encode() + b'\n' + end


def test_an_end_marker_without_newline_stays_so(bare):
    bare.write_data(f'{START}\n{END}')
    bare.write('john', '1.2.3.4', age=60)
    start_bare(bare)
    assert bare.data.read_text() == f'{START}\n{LINE}\n{END}'


def test_a_file_of_100_mb_stays(bare):
    more = b''.join(b'+h%07d.example.com:192.0.2.1:3600\n' % i for i in range(100)) * 29500
    head = f'{START}\n'.encode()
    bare.write_data(head + f'{END}\n'.encode() + more)
    bare.write('john', '1.2.3.4', age=60)
    start_bare(bare)
    with bare.data.open('rb') as f:
        assert f.read(len(head) + len(LINE) + 1) == head + LINE.encode() + b'\n'
        assert f.read(len(END) + 1) == f'{END}\n'.encode()
        assert f.read() == more


# ---- markers

BAD_MARKERS = [
    pytest.param('', id='none'),
    pytest.param(f'{END}\n', id='no_start'),
    pytest.param(f'{START}\n', id='no_end'),
    pytest.param(f'{START}\n{START}\n{END}\n', id='two_starts'),
    pytest.param(f'{START}\n{END}\n{END}\n', id='two_ends'),
    pytest.param(f'{START}\n{END}\n{START}\n{END}\n', id='all_twice'),
    pytest.param(f'{END}\n{START}\n', id='reversed'),
]


@pytest.mark.parametrize('markers', BAD_MARKERS)
def test_bad_markers_stop_writing_until_they_are_mended(env, markers):
    bad = markers + '+www.example.com:192.0.2.80:3600\n'
    env.write_data(bad)
    env.write('john', '1.2.3.4', age=60)
    env.start()
    env.wait_log(rf"^unable to publish to {env.data}: .*dynamic dns entries'.*; nothing is written")
    assert env.data.read_text() == bad
    assert env.process.poll() is None
    assert left(env) == []
    mark = env.mark()
    env.write_data(BASE)
    env.wait_line(f'publishing to {env.data} again', mark)
    env.wait_answer(JOHN, 'A', {'1.2.3.4'})


def test_markers_that_go_bad_while_running_are_said_once_and_keep_the_old_answer(env):
    env.write('john', '1.2.3.4', age=60)
    env.start()
    env.wait_answer(JOHN, 'A', {'1.2.3.4'})
    bad = env.data.read_bytes().replace(END.encode(), b'# gone')
    env.write_data(bad)
    env.write('john', '5.6.7.8')
    env.wait_log('^unable to publish to ')
    env.reload()			# one more attempt at once
    env.write('fence', 'bad')
    env.wait_log('^refusing .* of user fence')
    assert env.count('^unable to publish to ') == 1
    assert env.data.read_bytes() == bad
    assert env.query(JOHN, 'A') == {'1.2.3.4'}
    env.write_data(BASE)
    env.wait_answer(JOHN, 'A', {'5.6.7.8'})


def test_a_data_file_that_is_gone_is_said_and_taken_up_again(env):
    env.write('john', '1.2.3.4', age=60)
    env.start()
    env.data.unlink()
    env.write('john', '5.6.7.8')
    env.wait_log(rf"^unable to publish to {env.data}: unable to find '{env.data}': No such file")
    env.write_data(BASE)
    env.wait_answer(JOHN, 'A', {'5.6.7.8'})


def test_only_whole_lines_are_markers(bare):
    bare.write_data(f'#{START}\n{START}s\n {START}\n{START}\n{END}\n{END} of them\n')
    bare.write('john', '1.2.3.4', age=60)
    start_bare(bare)
    assert bare.data.read_text() == (f'#{START}\n{START}s\n {START}\n{START}\n{LINE}\n{END}\n'
                                     f'{END} of them\n')


# ---- what others put into the section

def test_a_foreign_line_in_the_section_is_logged_before_it_goes(env):
    env.start()
    text = BASE.encode().replace(END.encode(), b'+mine.example.com:9.9.9.9:60\n'
                                               b'\x1b[2J \\ \xc3\xa4\n' + END.encode())
    env.write_data(text)
    env.wait_line(f"removing a line that is not ours from the section of {env.data}: "
                  f"'+mine.example.com:9.9.9.9:60'")
    env.wait_line(f"removing a line that is not ours from the section of {env.data}: "
                  r"'\x1b[2J \\ \xc3\xa4'")
    env.wait_section([])
    env.fence()


def test_a_section_that_was_emptied_is_put_in_again(env):
    env.write('john', '1.2.3.4', age=60)
    env.start()
    env.write_data(BASE)
    env.wait_line(f'{env.data} was changed by somebody else; putting our section in again')
    env.wait_section([LINE])
    env.fence()
    assert env.outside() == env.outside(BASE.encode())


def test_an_editor_that_writes_back_what_it_read_before_our_change_does_not_undo_it(env):
    env.write('john', '1.2.3.4', age=60)
    env.start()
    read = env.data.read_bytes()
    env.write('john', '5.6.7.8')
    env.wait_answer(JOHN, 'A', {'5.6.7.8'})
    (env.root / 'data~').write_bytes(read + b'+edited.example.com:192.0.2.7:60\n')
    os.rename(env.root / 'data~', env.data)
    env.wait_line(f'{env.data} was changed by somebody else; putting our section in again')
    env.wait_section([f'+{JOHN}:5.6.7.8:60'])
    env.wait_answer('edited.example.com', 'A', {'192.0.2.7'})
    env.wait_answer(JOHN, 'A', {'5.6.7.8'})


@pytest.mark.parametrize('how', ['written back', 'missed while down'])
def test_only_what_is_changed_is_said_to_be(bare, how):
    """Two lines that follow each other are missing: those behind them stand elsewhere, and say the same."""
    names = {f'u{i}': f'u{i}.dyn.example.com' for i in range(8)}
    bare.users = {user: [name] for user, name in names.items()}
    for user in set(names) - {'u2', 'u3'}:
        bare.write(user, '192.0.2.1', age=60)
    start_bare(bare)
    bare.wait_section([f'+{name}:192.0.2.1:60' for user, name in names.items() if user not in ('u2', 'u3')])
    stale = bare.data.read_text()
    if how == 'missed while down':
        assert bare.stop() == 0
    mark = bare.mark()
    for user in 'u2', 'u3':
        bare.write(user, '192.0.2.1', age=60)
    if how == 'missed while down':
        start_bare(bare)
    else:
        for user in 'u2', 'u3':
            bare.wait_line(f'updating record for {names[user]} to 192.0.2.1', mark)
        mark = bare.mark()
        bare.write_data(stale)
    bare.wait_section([f'+{name}:192.0.2.1:60' for name in names.values()])
    for user in 'u2', 'u3':
        bare.wait_line(f'updating record for {names[user]} to 192.0.2.1', mark)
    assert bare.stop() == 0
    assert bare.count('^updating record', mark) == 2


def test_an_edit_outside_of_the_section_is_not_our_business(env):
    env.write('john', '1.2.3.4', age=60)
    env.start()
    subprocess.run([*ADD_HOST, 'added.example.com', '192.0.2.7'], cwd=env.root, check=True)
    before = env.data.stat()
    env.fence(publish=False)
    assert (env.data.stat().st_ino, env.data.stat().st_mtime_ns) == (before.st_ino,
                                                                     before.st_mtime_ns)
    assert env.count('changed by somebody else') == 0


# ---- somebody edits while we publish

class Admin:
    """Writers who take turns with each other, as people with one file do, but not with us. Each
    adds lines of its own; `lines` are those that must be there at the end."""

    def __init__(self, env):
        self.env = env
        self.lines = []
        self.lock = threading.Lock()
        self.error = None

    def add(self, how, n):
        end = time.monotonic() + TIMEOUT
        for i in itertools.count():	# quick ones go on until enough was published beside them
            if i >= n and (self.env.count('^updating record') >= 5 or time.monotonic() > end):
                break
            name = f'{how.__name__.replace("_", "-")}-{i}.example.com'
            with self.lock:
                how(name)
            if how != self.add_host:
                self.lines.append(f'+{name}:192.0.2.1:3600')

    def add_host(self, name):	# it refuses an address that a host has already
        n = len(self.lines)
        address = f'198.18.{n // 250}.{n % 250 + 1}'
        subprocess.run([*ADD_HOST, name, address], cwd=self.env.root, check=True)
        self.lines.append(f'={name}:{address}:86400')

    def sed_i(self, name):
        subprocess.run(['sed', '-i', f'$a +{name}:192.0.2.1:3600', 'data'], cwd=self.env.root,
                       check=True)

    def rename_over(self, name):
        new = self.env.root / 'data~'
        new.write_bytes(self.env.data.read_bytes() + f'+{name}:192.0.2.1:3600\n'.encode())
        os.rename(new, self.env.data)

    def cp_over(self, name):
        copy = self.env.tmp / 'copy'
        copy.write_bytes(self.env.data.read_bytes() + f'+{name}:192.0.2.1:3600\n'.encode())
        subprocess.run(['cp', str(copy), 'data'], cwd=self.env.root, check=True)
        self.arrives(name)

    def append(self, name):
        subprocess.run(['/bin/sh', '-c', f'echo "+{name}:192.0.2.1:3600" >> data'],
                       cwd=self.env.root, check=True)
        self.arrives(name)

    def arrives(self, name):
        """Who writes in place may have written to the displaced file: the next writer shall see
        what was merged, as one who looks at what he edits would."""
        self.env.wait(lambda: name.encode() in self.env.data.read_bytes(), f'{name} is in the data file')

    def thread(self, how, n):
        def go():
            try:
                self.add(how, n)
            except BaseException as e:	# pytest.fail too: it is told in the test's thread
                self.error = self.error or e
        t = threading.Thread(target=go, daemon=True)
        t.start()
        return t


def storm(env, hows, n):
    """Address changes pour in until all writers are done; then every line must stand there."""
    own(env, SERVICE_UID)
    start_bare(env)
    admin = Admin(env)
    threads = [admin.thread(getattr(admin, how), n) for how in hows]
    for i in itertools.count():
        env.file('john').write_text(f'198.51.{i // 250 % 250}.{i % 250}\n')
        if not any(t.is_alive() for t in threads):
            break
        time.sleep(0.003)
    for t in threads:
        t.join()
    if admin.error:
        raise admin.error
    env.write('john', '1.2.3.4')
    env.wait_section([LINE])
    # An edit that was displaced by another one, of somebody who had not seen it, is merged then; or
    # kept and told, when the two cannot be merged.
    def kept():
        return {line for n in left(env) if 'kept-by' in n
                for line in (env.root / n).read_text().split('\n')}
    env.wait(lambda: set(admin.lines) <= set(env.data.read_text().split('\n')) | kept(),
             'no line is missing')
    text = env.data.read_text().split('\n')
    for line in BASE.splitlines():
        assert text.count(line) == 1, (line, left(env))
    for line in admin.lines:
        if text.count(line) != 1:
            assert line in kept(), line
            env.wait_log("^keeping '")
    assert env.count('^updating record') >= 5


@pytest.mark.parametrize('how', ['add_host', 'sed_i', 'rename_over', 'cp_over', 'append'])
def test_no_line_of_a_concurrent_writer_is_lost(bare, how):
    bare.write('john', '1.1.1.1')
    storm(bare, [how], 25 if how in ('cp_over', 'append') else 40)


def test_no_line_of_many_concurrent_writers_is_lost(bare):
    bare.write('john', '1.1.1.1')
    storm(bare, ['add_host', 'sed_i', 'rename_over'], 15)


@pytest.mark.parametrize('how', ['rename_over', 'add_host', 'append'])
def test_an_edit_between_reading_and_exchange_is_kept(bare, how):
    bare.write('john', '1.2.3.4', age=60)
    own(bare, SERVICE_UID)
    slow(bare, 'renameat2', before=300)
    bare.start(tinydns=False, wait=False)
    appears(bare, '.data.dnsu.swap')
    getattr(Admin(bare), how)('between.example.com')
    bare.wait_ready()
    bare.wait_section([LINE])
    assert b'between.example.com:' in bare.data.read_bytes()
    assert not [n for n in left(bare) if 'late' not in n]


@pytest.mark.parametrize('how', ['rename_over', 'add_host', 'append'])
def test_an_edit_between_exchange_and_comparison_is_kept(bare, how):
    bare.write('john', '1.2.3.4', age=60)
    own(bare, SERVICE_UID)
    slow(bare, 'renameat2', behind=300)
    bare.start(tinydns=False, wait=False)
    bare.wait_section([LINE])
    getattr(Admin(bare), how)('between.example.com')
    bare.wait_ready()
    bare.wait_section([LINE])
    assert b'between.example.com:' in bare.data.read_bytes()


def test_an_edit_on_each_side_of_the_exchange_is_kept(bare):
    """The reversal brings up a file that somebody has renamed over the name just then."""
    bare.write('john', '1.2.3.4', age=60)
    own(bare, SERVICE_UID)
    slow(bare, 'renameat2', before=300, behind=300)
    bare.start(tinydns=False, wait=False)
    appears(bare, '.data.dnsu.swap')
    admin = Admin(bare)
    admin.rename_over('first.example.com')
    bare.wait_section([LINE])
    admin.rename_over('second.example.com')
    bare.wait_ready()
    bare.wait_section([LINE])
    assert b'+first.example.com:' in everything(bare)
    wait_text(bare, b'+first.example.com:')
    assert b'+second.example.com:' in bare.data.read_bytes()


@owners
def test_a_writer_in_place_who_had_the_file_open_is_merged(bare, owner):
    start_bare(bare)
    own(bare, owner)
    with bare.data.open('ab', buffering=0) as f:
        bare.write('john', '1.2.3.4')
        bare.wait_section([LINE])
        f.write(b'+late.example.com:192.0.2.9:3600\n')
    wait_text(bare, b'+late.example.com:192.0.2.9:3600\n')
    bare.wait_line(f'merged late changes of {bare.data}')
    assert bare.section() == [LINE]
    assert bare.outside()[1] == (bare.outside(BASE.encode())[1] +
                                 b'+late.example.com:192.0.2.9:3600\n')


@owners
def test_a_writer_in_place_who_had_the_file_open_may_write_all_of_it_anew(bare, owner):
    start_bare(bare)
    own(bare, owner)
    new = BASE.replace('192.0.2.80', '192.0.2.81') + '+late.example.com:192.0.2.9:3600\n'
    with bare.data.open('r+b', buffering=0) as f:
        bare.write('john', '1.2.3.4')
        bare.wait_section([LINE])
        f.truncate(0)
        f.write(new.encode())
    wait_text(bare, b'+late.example.com:')
    bare.wait_section([LINE])
    assert bare.outside() == bare.outside(new.encode())


def test_late_changes_of_two_displaced_files_are_both_merged(bare):
    start_bare(bare)
    own(bare, SERVICE_UID)
    with bare.data.open('ab', buffering=0) as first:
        bare.write('john', '1.1.1.1')
        bare.wait_section([f'+{JOHN}:1.1.1.1:60'])
        with bare.data.open('ab', buffering=0) as second:
            bare.write('john', '1.2.3.4')
            bare.wait_section([LINE])
            first.write(b'+first.example.com:192.0.2.9:3600\n')
            second.write(b'+second.example.com:192.0.2.9:3600\n')
    wait_text(bare, b'+first.example.com:192.0.2.9:3600\n')
    wait_text(bare, b'+second.example.com:192.0.2.9:3600\n')
    bare.wait(lambda: not left(bare), 'no displaced file stays')
    bare.wait_section([LINE])


def test_late_changes_are_compiled(env):
    """`cp new data; make` of an administrator: his make may have come before the merge."""
    env.start()
    own(env, SERVICE_UID)
    with env.data.open('ab', buffering=0) as f:
        env.write('john', '1.2.3.4')
        env.wait_answer(JOHN, 'A', {'1.2.3.4'})
        f.write(b'+late.example.com:192.0.2.9:3600\n')
    env.wait_line(f'merged late changes of {env.data}')
    env.wait_answer('late.example.com', 'A', {'192.0.2.9'})


def test_a_late_edit_that_cannot_be_merged_is_kept_and_told(bare):
    start_bare(bare)
    own(bare, SERVICE_UID)
    with bare.data.open('r+b', buffering=0) as f:
        bare.write('john', '1.2.3.4')
        bare.wait_section([LINE])
        Admin(bare).rename_over('other.example.com')
        f.truncate(0)
        f.write(BASE.replace('192.0.2.80', '192.0.2.81').encode())
    kept = bare.wait_log(r"^keeping '([^']+)': it has an edit of .* that could not be merged").group(1)
    assert b':192.0.2.81:' in pathlib.Path(kept).read_bytes()
    assert b'+other.example.com:' in bare.data.read_bytes()


def test_a_file_that_is_open_for_writing_for_long_does_not_hold_up_publishing(bare):
    start_bare(bare)
    own(bare, SERVICE_UID)
    with bare.data.open('ab', buffering=0) as f:
        f.write(b'+early.example.com:192.0.2.9:3600\n')
        bare.write('john', '1.2.3.4')
        bare.wait_section([LINE])
        assert b'+early.example.com:' in bare.data.read_bytes()
        f.write(b'+late.example.com:192.0.2.9:3600\n')
    wait_text(bare, b'+early.example.com:192.0.2.9:3600\n+late.example.com:192.0.2.9:3600\n')
    bare.wait(lambda: not left(bare), 'the displaced file goes')


def test_a_half_written_file_is_not_published(env):
    """An editor that truncates, thinks, and writes: its pause is no file without markers."""
    env.write('john', '1.2.3.4', age=60)
    env.start()
    with env.data.open('wb', buffering=0) as f:
        env.write('john', '5.6.7.8')
        env.wait_line('user john requested update to 5.6.7.8')
        f.write(BASE.encode() + b'+slow.example.com:192.0.2.9:3600\n')
    env.wait_answer(JOHN, 'A', {'5.6.7.8'})
    env.wait_answer('slow.example.com', 'A', {'192.0.2.9'})
    assert env.count('^unable to publish') == 0


def test_an_administrator_who_always_replaces_the_file_does_not_use_up_what_can_be_kept(bare):
    """Root's files give no lease, so what they displace is kept for a minute: many of them."""
    start_bare(bare)
    admin = Admin(bare)
    for i in range(70):
        admin.rename_over(f'n{i}.example.com')		# root's again
        bare.write('john', f'198.51.100.{i}')
        bare.wait_section([f'+{JOHN}:198.51.100.{i}:60'])
    assert bare.count('^unable to publish') == 0
    text = bare.data.read_bytes()
    assert all(b'+n%d.example.com:' % i in text for i in range(70))


def test_what_a_displaced_file_left_of_root_gets_late_is_merged_after_a_restart(bare):
    start_bare(bare)
    with bare.data.open('ab', buffering=0) as f:	# root's
        bare.write('john', '1.2.3.4')
        bare.wait_section([LINE])
        bare.stop()
        start_bare(bare)
        f.write(b'+late.example.com:192.0.2.9:3600\n')
    wait_text(bare, b'+late.example.com:192.0.2.9:3600\n')


def test_what_nobody_has_open_is_gone_at_the_end(bare):
    start_bare(bare)
    own(bare, SERVICE_UID)
    os.utime(bare.data)		# so that it could have been written to within the same tick
    bare.write('john', '1.2.3.4')
    bare.wait_section([LINE])
    assert bare.stop() == 0
    assert not left(bare)


def remove_www(env):
    env.write_data(env.data.read_text().replace('+www.example.com:192.0.2.80:3600\n', ''))


@pytest.mark.parametrize('end', ['stop', 'kill'])
def test_what_was_only_displaced_of_root_is_no_edit_after_a_restart(bare, end):
    """It has a line that he has taken out of the data file since."""
    os.utime(bare.data, (1e9, 1e9))	# or it could have been written to within the same tick
    start_bare(bare)
    bare.write('john', '1.2.3.4')
    bare.wait_section([LINE])
    bare.wait(lambda: any(n.startswith('.data.dnsu.late.') for n in left(bare)), 'what was displaced is put aside')
    remove_www(bare)
    for _ in range(2):
        getattr(bare, end)()
        assert len(left(bare)) == 1
        start_bare(bare)
    assert bare.count('^keeping ', 0) == 0
    assert b'+www.' not in bare.data.read_bytes()
    with (bare.root / left(bare)[0]).open('ab') as f:	# as whoever has had it open for long
        f.write(b'+late.example.com:192.0.2.9:3600\n')
    wait_text(bare, b'+late.example.com:192.0.2.9:3600\n')
    assert b'+www.' not in bare.data.read_bytes()


def test_what_was_written_to_it_before_the_restart_is_kept(bare):
    start_bare(bare)
    with bare.data.open('ab', buffering=0) as f:
        bare.write('john', '1.2.3.4')
        bare.wait_section([LINE])
        assert bare.stop() == 0
        f.write(b'+late.example.com:192.0.2.9:3600\n')
    remove_www(bare)
    start_bare(bare)
    kept = bare.wait_log(r"^keeping '([^']+)': it has an edit of ").group(1)
    assert b'+late.example.com:' in pathlib.Path(kept).read_bytes()


# ---- killed at any step

# To be killed before a call that changes nothing is to be killed before the next one that does.
CALLS = ['write', 'fchown', 'fchown32', 'fchmod', 'fsetxattr', 'fsync', 'utimensat', 'linkat', 'unlinkat',
         'renameat', 'renameat2', 'rename', 'fcntl']


def steps_of_a_publish(env):
    """Every system call of a publish, as (name, how manieth since the start)."""
    trace = env.tmp / 'trace'
    strace(env)
    env.prefix[env.prefix.index('/dev/null')] = str(trace)
    start_bare(env)
    env.wait_section([LINE])
    env.stop()
    env.prefix = []
    text = trace.read_text()
    return [step for thread in dict.fromkeys(re.findall(r'^(\d+) .*\.data\.dnsu\.', text, re.M))
            for step in steps_of(re.findall(rf'^{thread} +((\w+)\(.*)', text, re.M))]


def steps_of(lines):
    """Of one thread."""
    calls = []
    count = {}
    for line, call in lines:
        count[call] = count.get(call, 0) + 1
        calls.append((call, count[call], line))
    ours = [i for i, c in enumerate(calls) if '.data.dnsu.' in c[2]]
    return [c[:2] for c in calls[ours[0]:ours[-1] + 8]
            if c[0] in CALLS or (c[0] == 'openat' and 'O_CREAT' in c[2])]


@owners
def test_kill_9_before_any_step_of_a_publish_loses_nothing(bare, owner):
    env = bare
    env.write('john', '1.2.3.4', age=60)
    own(env, owner)
    steps = steps_of_a_publish(env)
    assert {'linkat', 'renameat2', 'unlinkat', 'fsync', 'utimensat'} <= {s[0] for s in steps}
    seen = set()
    reached = 0
    for i, (call, n) in enumerate(steps):
        for name in [*left(env), '../state/state']:
            (env.root / name).unlink(missing_ok=True)
        env.data.unlink()
        env.write_data(BASE)
        own(env, owner)
        strace(env, '-e', f'trace={call}', '-e', f'inject={call}:signal=KILL:when={n}')
        env.start(tinydns=False, wait=False)
        ready = os.read(env.ready_r, 1)		# or the end of file, when it is killed
        os.close(env.ready_r)
        reached += not ready
        env.kill()
        where = f'killed before {call} {n}; {left(env)}'
        assert env.section() in ([], [LINE]), where
        assert env.outside() == env.outside(BASE.encode()), where
        seen.add((tuple(env.section()), tuple(left(env))))
        edit = b''
        if i % 2:		# the administrator works on while we are down
            edit = b'+edit%d.example.com:192.0.2.9:3600\n' % i
            with env.data.open('ab') as f:
                f.write(edit)
        env.prefix = []
        env.environ = {}
        start_bare(env)
        assert env.section() == [LINE], where
        assert env.outside() == (env.outside(BASE.encode())[0],
                                 env.outside(BASE.encode())[1] + edit), where
        assert not [n for n in left(env) if 'late' not in n], where
        env.stop()
    # before, with the part alone, with both names, exchanged
    assert len(seen) >= 4, seen
    assert reached > 15, f'killed only {reached} times at {len(steps)} steps'


def test_kill_9_in_the_midst_of_a_storm_loses_nothing(bare):
    env = bare
    env.write('john', '1.1.1.1')
    own(env, SERVICE_UID)
    for i in range(6):
        start_bare(env)
        for j in range(5 + 3 * i):
            env.file('john').write_text(f'198.51.{i}.{j}\n')
        with env.data.open('ab') as f:
            f.write(b'+storm%d.example.com:192.0.2.1:3600\n' % i)
        env.kill()
    env.write('john', '1.2.3.4')
    start_bare(env)
    env.wait_section([LINE])
    # What was written to a file that was displaced, and killed before that was seen, is kept and told of.
    def there():
        return b''.join((env.root / n).read_bytes() for n in ['data', *left(env)] if n == 'data' or 'kept-by' in n)
    for i in range(6):
        line = b'+storm%d.example.com:192.0.2.1:3600\n' % i
        env.wait(lambda: line in there(), f'{line} is there')


# ---- what a crash left, made by hand

def exchange(a, b):
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.renameat2(-100, os.fsencode(a), -100, os.fsencode(b), 2):
        raise OSError(ctypes.get_errno(), 'renameat2')


def new_text():
    return BASE.replace(f'{END}\n', f'{LINE}\n{END}\n')


def leave(env, name, text):
    path = env.root / name
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    os.chown(path, SERVICE_UID, SERVICE_GID)
    path.chmod(0o664)
    return path


def recovered(env):
    env.write('john', '1.2.3.4', age=60)
    start_bare(env)
    env.wait_section([LINE])
    return env


def test_a_part_alone_is_removed(bare):
    leave(bare, '.data.dnsu.part', f'{START}\n+half')
    recovered(bare)
    assert bare.outside() == bare.outside(BASE.encode())
    assert not [n for n in left(bare) if 'late' not in n]


def test_part_and_swap_of_one_file_are_removed_for_it_was_never_seen(bare):
    part = leave(bare, '.data.dnsu.part', new_text() + '+never.example.com:192.0.2.9:60\n')
    os.link(part, bare.root / '.data.dnsu.swap')
    recovered(bare)
    assert bare.outside() == bare.outside(BASE.encode())
    assert not [n for n in left(bare) if 'late' not in n]


def crashed_after_exchange(env, swap_text=BASE, before=lambda: None, after=lambda: None):
    """The exchange is the last thing that happened; the old file lies under .swap."""
    part = leave(env, '.data.dnsu.part', new_text())
    os.link(part, env.root / '.data.dnsu.swap')
    before()
    exchange(env.data, env.root / '.data.dnsu.swap')
    after()


def test_an_exchanged_file_is_let_go(bare):
    own(bare, SERVICE_UID)
    crashed_after_exchange(bare)
    recovered(bare)
    assert bare.outside() == bare.outside(BASE.encode())
    bare.wait(lambda: not left(bare), 'no name of ours stays')


def test_an_edit_that_was_exchanged_out_is_merged(bare):
    own(bare, SERVICE_UID)
    crashed_after_exchange(bare, before=lambda: Admin(bare).rename_over('edit.example.com'))
    recovered(bare)
    wait_text(bare, b'+edit.example.com:')


def test_an_edit_that_removed_a_line_and_was_exchanged_out_is_merged_or_kept(bare):
    def edit():
        bare.data.write_text(BASE.replace('+www.example.com:192.0.2.80:3600\n', ''))
    own(bare, SERVICE_UID)
    crashed_after_exchange(bare, before=edit)
    recovered(bare)
    bare.wait(lambda: b'+www.' not in bare.data.read_bytes() or bare.count("^keeping '"),
              'the removal is merged or told')


def test_an_edit_right_after_the_exchange_is_not_undone(bare):
    """It comes within the same clock tick, and then we are killed."""
    def edit():
        with bare.data.open('ab') as f:
            f.write(b'+edit.example.com:192.0.2.9:3600\n')
    own(bare, SERVICE_UID)
    crashed_after_exchange(bare, after=edit)
    recovered(bare)
    assert b'+edit.example.com:' in everything(bare)
    bare.wait(lambda: b'+edit.example.com:' in bare.data.read_bytes() or bare.count("^keeping '"),
              'the edit is merged or told')


def test_an_edit_long_after_the_exchange_is_not_undone(bare):
    own(bare, SERVICE_UID)
    crashed_after_exchange(bare)
    time.sleep(0.05)		# several ticks of the clock
    with bare.data.open('ab') as f:
        f.write(b'+edit.example.com:192.0.2.9:3600\n')
    recovered(bare)
    assert b'+edit.example.com:' in bare.data.read_bytes()


def test_a_stale_swap_with_an_edit_is_kept_and_told(bare):
    leave(bare, '.data.dnsu.swap', BASE + '+edit.example.com:192.0.2.9:3600\n')
    recovered(bare)
    kept = bare.wait_log(r"^keeping '([^']+)': it has an edit").group(1)
    assert b'+edit.example.com:' in pathlib.Path(kept).read_bytes()
    assert bare.outside() == bare.outside(BASE.encode())


def test_a_stale_swap_that_has_nothing_of_its_own_goes(bare):
    own(bare, SERVICE_UID)
    leave(bare, '.data.dnsu.swap', new_text())
    recovered(bare)
    bare.wait(lambda: not left(bare), 'no name of ours stays')
    assert bare.count('^keeping') == 0


def test_a_swap_whose_data_file_is_gone_is_not_touched(bare):
    """Nobody can know which of the two the administrator wants."""
    leave(bare, '.data.dnsu.swap', BASE + '+edit.example.com:192.0.2.9:3600\n')
    bare.data.unlink()
    bare.write('john', '1.2.3.4', age=60)
    start_bare(bare)
    bare.wait_log('^unable to publish to ')
    assert b'+edit.example.com:' in (bare.root / '.data.dnsu.swap').read_bytes()


def test_a_late_file_of_a_former_run_with_an_edit_is_merged_or_kept(bare):
    leave(bare, '.data.dnsu.late.3', BASE + '+edit.example.com:192.0.2.9:3600\n')
    recovered(bare)
    bare.wait(lambda: b'+edit.example.com:' in bare.data.read_bytes() or bare.count("^keeping '"),
              'the edit is merged or told')
    if b'+edit.example.com:' not in bare.data.read_bytes():
        kept = bare.wait_log(r"^keeping '([^']+)': it has an edit").group(1)
        assert b'+edit.example.com:' in pathlib.Path(kept).read_bytes()


def test_part_and_swap_that_are_links_elsewhere_are_not_followed(bare):
    victim = bare.tmp / 'victim'
    victim.write_text('precious\n')
    os.chown(victim, SERVICE_UID, SERVICE_GID)
    (bare.root / '.data.dnsu.part').symlink_to(victim)
    recovered(bare)
    assert victim.read_text() == 'precious\n'
    assert not (bare.root / '.data.dnsu.part').is_symlink()


# ---- what the file is like

def publish_once(env):
    env.write('john', '1.2.3.4', age=60)
    start_bare(env)
    assert env.section() == [LINE]


def test_a_link_is_kept_and_what_it_points_to_is_replaced(bare):
    real_dir = bare.tmp / 'elsewhere'
    real_dir.mkdir()
    os.chown(real_dir, 0, SERVICE_GID)
    real_dir.chmod(0o2775)
    os.rename(bare.data, real_dir / 'zone')
    bare.data.symlink_to('../elsewhere/zone')
    publish_once(bare)
    assert os.readlink(bare.data) == '../elsewhere/zone'
    assert LINE in (real_dir / 'zone').read_text()
    assert os.listdir(bare.root).count('data') == 1
    assert not [n for n in os.listdir(real_dir) if n.endswith(('.part', '.swap'))]


def test_a_link_that_points_elsewhere_from_now_on_is_followed_there(bare):
    os.utime(bare.data, (1e9, 1e9))	# or it could have been written to within the same tick
    publish_once(bare)
    real_dir = bare.tmp / 'elsewhere'
    real_dir.mkdir()
    os.chown(real_dir, 0, SERVICE_GID)
    real_dir.chmod(0o2775)
    (real_dir / 'zone').write_text(BASE)
    bare.data.unlink()
    bare.data.symlink_to('../elsewhere/zone')
    bare.write('john', '5.6.7.8')
    bare.wait(lambda: f'+{JOHN}:5.6.7.8:60' in (real_dir / 'zone').read_text(),
              'it is published to where the link points')
    assert bare.count('^keeping ') == 0


def test_what_somebody_has_open_when_the_link_is_turned_is_kept_in_sight(bare):
    """What he writes then is followed by nobody any more."""
    publish_once(bare)
    real_dir = bare.tmp / 'elsewhere'
    real_dir.mkdir()
    os.chown(real_dir, 0, SERVICE_GID)
    real_dir.chmod(0o2775)
    (real_dir / 'zone').write_text(BASE)
    os.utime(bare.data, (1e9, 1e9))	# or it could have been written to within the same tick
    with bare.data.open('ab', buffering=0) as f:
        bare.write('john', '5.6.7.8')
        bare.wait_section([f'+{JOHN}:5.6.7.8:60'])
        bare.data.unlink()
        bare.data.symlink_to('../elsewhere/zone')
        bare.write('john', '5.6.7.9')
        bare.wait(lambda: f'+{JOHN}:5.6.7.9:60' in (real_dir / 'zone').read_text(),
                  'it is published to where the link points')
        f.write(b'+late.example.com:192.0.2.9:3600\n')
    bare.wait_log("^keeping '")
    assert [n for n in left(bare) if 'kept-by' in n and b'+late.example.com:' in (bare.root / n).read_bytes()]


@pytest.mark.parametrize('mode', [0o664, 0o640, 0o600 | 0o040, 0o444])
def test_group_and_mode_are_kept(bare, mode):
    bare.data.chmod(mode)
    publish_once(bare)
    st = bare.data.stat()
    assert (st.st_mode & 0o7777, st.st_gid) == (mode, SERVICE_GID)


def test_an_owner_that_cannot_be_kept_is_said_once_and_publishing_goes_on(bare):
    publish_once(bare)
    line = f'{bare.data} belonged to uid 0 and now belongs to uid {SERVICE_UID}'
    bare.wait_line(line)
    assert bare.data.stat().st_uid == SERVICE_UID
    own(bare, 0)
    bare.write('john', '5.6.7.8')
    bare.wait_section([f'+{JOHN}:5.6.7.8:60'])
    assert bare.lines().count(line) == 1


def test_an_owner_that_is_the_service_is_kept_in_silence(bare):
    own(bare, SERVICE_UID)
    publish_once(bare)
    assert bare.data.stat().st_uid == SERVICE_UID
    assert bare.count('belong') == 0


def test_a_group_that_cannot_be_kept_is_said_and_publishing_goes_on(bare):
    os.chown(bare.data, 0, 61777)
    bare.root.chmod(0o775)		# or the set-group-ID would not matter either
    publish_once(bare)
    bare.wait_log(rf'^unable to keep group 61777 of {bare.data}: ')


def test_an_owner_is_kept_where_that_is_permitted(bare):
    """Who runs it as root has a daemon that may give files away."""
    bare.conf['user'] = 'root'
    os.chown(bare.data, 61777, 61777)
    os.chown(bare.state_dir, 0, 0)
    bare.write('john', '1.2.3.4', age=60)
    bare.start(tinydns=False)
    assert bare.section() == [LINE]
    st = bare.data.stat()
    if st.st_uid != 61777:		# the capability is dropped: then it is said
        bare.wait_line(f'{bare.data} belonged to uid 61777 and now belongs to uid {st.st_uid}')


def test_an_acl_is_kept(bare):
    needs('setfacl')
    done = subprocess.run(['setfacl', '-m', 'u:61778:rw,g:61779:r', str(bare.data)])
    if done.returncode:
        pytest.skip('no ACLs on this file system')
    acl = subprocess.run(['getfacl', '-cn', str(bare.data)], capture_output=True, text=True).stdout
    publish_once(bare)
    assert 'user:61778:rw-' in acl
    assert acl == subprocess.run(['getfacl', '-cn', str(bare.data)], capture_output=True,
                                 text=True).stdout


def test_user_attributes_are_kept(bare):
    try:
        os.setxattr(bare.data, 'user.origin', b'by hand\0')
    except OSError:
        pytest.skip('no attributes on this file system')
    publish_once(bare)
    assert os.getxattr(bare.data, 'user.origin') == b'by hand\0'


# ---- tinydns-data takes what we write

def test_the_longest_name_and_eight_addresses_of_both_families_are_compiled(env):
    name = '.'.join(['a' * 63, 'b' * 63, 'c' * 63, 'd' * 61])
    assert len(name) == 253
    v4 = [f'198.51.100.{i}' for i in range(8)]
    v6 = [f'2001:db8:3a5c:2e2b::{i + 1:x}' for i in range(8)]
    env.users = {'john': [name]}
    env.write_data(BASE + f'.{"d" * 61}:192.0.2.53:a.ns.example.com:3600\n')
    env.write('john', '\n'.join(v4 + v6), age=60)
    env.start()
    assert len(env.section()) == 16
    subprocess.run([TINYDNS_DATA], cwd=env.root, check=True)
    for type, expected in ('1', v4), ('28', v6):
        out = subprocess.run(['/usr/bin/tinydns-get', type, name], cwd=env.root, check=True,
                             capture_output=True, text=True).stdout
        got = re.findall(rf'^answer: {name} 60 (?:A|28) (.*)$', out, re.M)
        if type == '28':	# octal where it is not printable
            got = [str(ipaddress.IPv6Address(text.encode().decode('unicode_escape').encode('latin-1'))) for text in got]
        assert sorted(got) == sorted(expected), out


def test_static_records_of_every_kind_stay_beside_a_dynamic_name(env):
    static = (f'+{JOHN}:192.0.2.77:3600\n'
              f':{JOHN}:28:\\040\\001\\015\\270\\000\\000\\000\\000\\000\\000\\000\\000\\000\\000\\000\\002:3600\n'
              f'@{JOHN}::mx.example.com:20:3600\n')
    env.write_data(BASE + static)
    env.write('john', '1.2.3.4\n2001:db8::7', age=60)
    env.start()
    env.wait_answer(JOHN, 'A', {'1.2.3.4', '192.0.2.77'})
    assert env.query(JOHN, 'AAAA') == {'2001:db8::7', '2001:db8::1', '2001:db8::2'}
    assert env.query(JOHN, 'MX') == {'10 mail.example.com.', '20 mx.example.com.'}
    env.write('john', 'none')
    env.wait_answer(JOHN, 'A', {'192.0.2.77'})
    assert env.query(JOHN, 'AAAA') == {'2001:db8::1', '2001:db8::2'}


# ---- nothing to write

def test_equal_content_is_not_rewritten_and_the_command_is_not_run(env):
    env.write('john', '1.2.3.4', age=60)
    env.start()
    env.wait_answer(JOHN, 'A', {'1.2.3.4'})
    before, runs = env.data.stat(), env.runs()
    env.write('john', '# the same\n1.2.3.4\n1.2.3.4')
    env.fence(publish=False)
    env.reload()
    env.fence(publish=False)
    after = env.data.stat()
    assert (after.st_ino, after.st_mtime_ns) == (before.st_ino, before.st_mtime_ns)
    assert env.runs() == runs


def test_a_restart_with_equal_content_does_not_rewrite(env):
    env.write('john', '1.2.3.4', age=60)
    env.start()
    env.wait_answer(JOHN, 'A', {'1.2.3.4'})
    before, runs = env.data.stat(), env.runs()
    env.stop()
    env.start()
    env.fence(publish=False)
    after = env.data.stat()
    assert (after.st_ino, after.st_mtime_ns) == (before.st_ino, before.st_mtime_ns)
    assert env.runs() == runs


# ---- no room, no permission

def test_a_full_disk_keeps_the_old_file_and_is_said_once(bare):
    env = bare
    work = (f'mount -t tmpfs -o size=256k,mode=2775,gid={SERVICE_GID} tmpfs {env.root} && '
            f'head -c 100000 /dev/zero | tr "\\0" "#" > {env.root}/data && '
            f'printf "\\n%s\\n%s\\n" "{START}" "{END}" >> {env.root}/data && '
            f'chgrp {SERVICE_GID} {env.root}/data && chmod 664 {env.root}/data && exec "$@"')
    env.prefix = [*unshare_mounts(), 'sh', '-c', work, 'sh']
    start_bare(env)
    env.root = pathlib.Path(f'/proc/{env.process.pid}/root{env.root}')
    real, env.data = env.data, env.root / 'data'
    with contextlib.suppress(OSError):
        (env.root / 'ballast').write_bytes(b'x' * 300000)
    env.write('john', '1.2.3.4')
    env.wait_log(rf'^unable to publish to {real}: .*No space left on device; ')
    assert env.section() == []
    assert len(env.data.read_bytes()) == 100000 + 1 + len(START) + 1 + len(END) + 1
    env.reload()
    env.write('john', '5.6.7.8')
    env.wait_line('user john requested update to 5.6.7.8')
    env.reload()
    assert env.count('^unable to publish') == 1
    assert env.count('^updating record') == 0
    (env.root / 'ballast').unlink()
    env.wait_line(f'publishing to {real} again')
    env.wait_section([f'+{JOHN}:5.6.7.8:60'])
    assert not [n for n in left(env) if 'late' not in n]


def test_a_directory_that_may_not_be_written_is_said_once_and_taken_up_again(bare):
    bare.write('john', '1.2.3.4', age=60)
    bare.root.chmod(0o2555)
    start_bare(bare)
    bare.wait_log(rf'^unable to publish to {bare.data}: .*Permission denied; ')
    bare.reload()
    bare.write('john', '5.6.7.8')
    bare.wait_line('user john requested update to 5.6.7.8')
    assert bare.count('^unable to publish') == 1
    assert bare.section() == []
    bare.root.chmod(0o2775)
    bare.wait_section([f'+{JOHN}:5.6.7.8:60'])
    bare.wait_line(f'publishing to {bare.data} again')


def test_a_data_file_that_is_no_file_is_said_and_left_alone(bare):
    bare.data.unlink()
    bare.data.mkdir()
    bare.write('john', '1.2.3.4', age=60)
    start_bare(bare)
    bare.wait_log(rf'^unable to publish to {bare.data}: ')
    assert bare.data.is_dir() and os.listdir(bare.data) == []


def test_a_directory_that_is_replaced_is_found_again(env):
    env.start()
    moved = env.tmp / 'moved'
    os.rename(env.root, moved)
    env.root.mkdir()
    os.chown(env.root, 0, SERVICE_GID)
    env.root.chmod(0o2775)
    env.write_data(BASE)
    old = (moved / 'data').read_bytes()
    env.write('john', '1.2.3.4')
    env.wait_section([LINE])
    assert (moved / 'data').read_bytes() == old
    env.write_data(BASE)		# and it is watched there
    env.wait_line(f'{env.data} was changed by somebody else; putting our section in again')


def test_replace_by_rename_publishes_too(bare):
    bare.conf['replace'] = 'rename'
    publish_once(bare)
    bare.write('john', '5.6.7.8')
    bare.wait_section([f'+{JOHN}:5.6.7.8:60'])
    assert bare.outside() == bare.outside(BASE.encode())
    assert left(bare) == []


@owners
def test_a_write_that_fails_while_a_displaced_file_is_kept_stops_nothing(bare, owner):
    bare.write('john', '1.1.1.1', age=60)
    own(bare, owner)
    start_bare(bare)
    bare.wait_section([f'+{JOHN}:1.1.1.1:60'])
    bare.root.chmod(0o2555)
    bare.write('john', '1.2.3.4')
    bare.wait_log(rf'^unable to publish to {bare.data}: .*Permission denied; ')
    time.sleep(3)		# longer than a displaced file is kept, and than its next look is away
    bare.write('john', '5.6.7.8')
    bare.wait_line('user john requested update to 5.6.7.8')
    bare.root.chmod(0o2775)
    bare.wait_section([f'+{JOHN}:5.6.7.8:60'])


def test_a_writer_who_never_ends_does_not_starve_publishing(bare):
    start_bare(bare)
    own(bare, SERVICE_UID)
    ends = threading.Event()

    def append():
        with bare.data.open('ab', buffering=0) as f:
            for i in itertools.count():
                f.write(b'+n%d.example.com:192.0.2.9:3600\n' % i)
                if ends.wait(0.002):
                    break
    writer = threading.Thread(target=append)
    writer.start()
    try:
        bare.write('john', '1.2.3.4')
        bare.wait_section([LINE], timeout=40)
    finally:
        ends.set()
        writer.join()


def test_an_error_behind_the_exchange_leaves_nothing_uncompiled(env):
    """The directory cannot be flushed once; the new file is in place all the same."""
    env.write('john', '1.2.3.4', age=60)
    strace(env, '-e', 'trace=fsync', '-e', 'inject=fsync:error=EIO:when=2')
    env.start()
    env.wait_line(f"unable to publish to {env.data}: unable to flush the directory of '{env.data}': "
                  'Input/output error; the new file is in place, but a power cut may undo it; trying again')
    env.wait_answer(JOHN, 'A', {'1.2.3.4'})
    env.wait_line(f'updating record for {JOHN} to 1.2.3.4')


def test_what_is_in_place_is_so_until_it_is_cleared_up(env):
    """What came out of the exchange cannot be renamed twice: behind it, and when that is to be made good."""
    env.write('john', '1.2.3.4', age=60)
    strace(env, '-e', 'trace=renameat2', '-e', 'inject=renameat2:error=EIO:when=2..3')
    env.start()
    for what in 'put aside', 'account for':
        env.wait_line(f"unable to publish to {env.data}: unable to {what} '{env.data.parent}/.data.dnsu.swap': "
                      'Input/output error; the new file is in place, but a power cut may undo it; trying again')
        assert LINE in env.section()
    env.wait_answer(JOHN, 'A', {'1.2.3.4'})
    env.wait_line(f'publishing to {env.data} again')
