# SPDX-FileCopyrightText: 2026 The dns-updater authors
# SPDX-License-Identifier: ISC
"""makecommand: how it is run, what becomes of its output and its end, and that data.cdb is never
older than the data it should be of."""

import itertools
import os
import re
import shutil
import signal
import subprocess
import sys
import time

import pytest

from harness import SERVICE_GID, SERVICE_UID, TIMEOUT, TINYDNS_DATA, TOP, descendants, needs, uid_of

JOHN = 'john.dyn.example.com'


@pytest.fixture
def out(env):
    """A directory in which the command may leave what it saw."""
    path = env.tmp / 'out'
    path.mkdir()
    os.chown(path, SERVICE_UID, SERVICE_UID)
    return path


def gone(pid):
    try:
        with open(f'/proc/{pid}/stat') as f:
            return f.read().rpartition(')')[2].split()[0] in 'ZX'
    except OSError:
        return True


def pid_in(path):
    """0 while there is none yet."""
    return int(path.read_text().strip() or 0) if path.exists() else 0


def wait_gone(env, path):
    """The process whose number the command has left there. On a busy machine only a later run comes so far."""
    env.wait(lambda: (pid := pid_in(path)) and gone(pid), f'{path.name} is gone')


def run_once(env, command):
    """The command runs for one change at start, before readiness is told."""
    env.conf['makecommand'] = command
    env.write('john', '1.2.3.4', age=60)
    env.start(tinydns=False)


# ---- what it runs as and in

def test_its_capability_sets_are_empty(env, out):
    run_once(env, f'grep Cap /proc/self/status > {out}/caps; grep NoNewPrivs /proc/self/status >> '
                  f'{out}/caps')
    sets = dict(line.split(':\t') for line in (out / 'caps').read_text().splitlines())
    assert {k: int(sets[k], 16) for k in ('CapInh', 'CapPrm', 'CapEff', 'CapAmb')} == {
        'CapInh': 0, 'CapPrm': 0, 'CapEff': 0, 'CapAmb': 0}
    assert int(sets['CapBnd'], 16) == 0 or sets['NoNewPrivs'] == '1'


def test_its_capability_sets_are_empty_when_the_daemon_was_given_an_ambient_one(env, out):
    """As systemd does. An ambient capability outlives execve(2)."""
    needs('setpriv')
    env.prefix = ['setpriv', f'--reuid={SERVICE_UID}', f'--regid={SERVICE_GID}', '--init-groups',
                  '--inh-caps=-all,+dac_read_search', '--ambient-caps=-all,+dac_read_search']
    run_once(env, f'grep -E "Cap(Inh|Prm|Eff|Amb)" /proc/self/status > {out}/caps')
    assert {int(v, 16) for v in re.findall(r'\t(.*)', (out / 'caps').read_text())} == {0}


def test_the_helper_that_runs_it_has_no_capability_either(env):
    run_once(env, 'true')	# so that it is what it is to be
    seen = 0
    for pid in descendants(env.process.pid):
        with open(f'/proc/{pid}/status') as f:
            status = f.read()
        if 'Name:\tdnsu-command\n' in status:
            sets = re.findall(r'Cap(?:Inh|Prm|Eff|Amb):\t(.*)', status)
            assert len(sets) == 4 and {int(v, 16) for v in sets} == {0}
            seen += 1
    assert seen == 1


def test_it_cannot_read_what_only_the_daemon_may(env, out):
    secret = env.tmp / 'secret'
    secret.write_text('x')
    secret.chmod(0o600)
    run_once(env, f'cat {secret} > {out}/secret; echo "status $?"')
    env.wait_line('makecommand: status 1')


def test_it_runs_as_the_services_user(env, out):
    run_once(env, f'id -u > {out}/id; id -ru >> {out}/id')
    assert (out / 'id').read_text().split() == [str(SERVICE_UID)] * 2


def test_it_leads_a_session_of_its_own(env, out):
    run_once(env, f'echo $$ > {out}/pid; cut -d" " -f5,6 /proc/$$/stat > {out}/session')
    pid = (out / 'pid').read_text().strip()
    assert (out / 'session').read_text().split() == [pid, pid]


def test_its_environment_is_clean(env, out):
    env.environ = {'SECRET': 'x', 'MAKEFLAGS': '-n', 'ENV': '/nonexistent', 'LD_LIBRARY_PATH': '/x'}
    run_once(env, f'tr "\\0" "\\n" < /proc/$$/environ > {out}/env')
    names = {line.partition('=')[0] for line in (out / 'env').read_text().splitlines()}
    assert names == {'PATH', 'SHELL', 'LC_ALL'}


def test_it_has_stdin_of_dev_null_and_no_other_descriptors(env, out):
    run_once(env, f'exec ls -l /proc/$$/fd > {out}/fd')
    fds = dict(re.findall(r' (\d+) -> (.*)', (out / 'fd').read_text()))
    assert fds.pop('3', '/proc/').startswith('/proc/')	# what ls reads
    assert fds['0'] == '/dev/null' and fds['2'].startswith('pipe:')
    assert set(fds) == {'0', '1', '2'}


def test_signals_have_their_default_actions(env, out):
    run_once(env, f'grep -E "Sig(Blk|Ign)" /proc/self/status > {out}/sig')
    assert [int(line.split()[1], 16) for line in (out / 'sig').read_text().splitlines()] == [0, 0]


# ---- its output

def test_what_it_prints_goes_to_the_log(env):
    run_once(env, 'echo one; echo two >&2; printf three')
    env.wait_line('makecommand: three')
    assert [m for m in env.lines() if m.startswith('makecommand')] == [
        'makecommand: one', 'makecommand: two', 'makecommand: three']


def test_what_it_prints_is_escaped(env):
    run_once(env, r"printf '\033[2J\\ \r\303\244\n'")
    env.wait_line(r'makecommand: \x1b[2J\\ \x0d\xc3\xa4')


def test_a_long_line_is_cut(env):
    run_once(env, "head -c 100000 /dev/zero | tr '\\0' x; echo; echo next")
    env.wait_line('makecommand: next')
    longest = max(len(line) for line in env.lines())
    assert 500 < longest < 4096


def test_a_flood_is_cut_and_counted(env):
    run_once(env, 'seq 5000')
    more = env.wait_log(r'^makecommand: \((\d+) more lines\)$').group(1)
    shown = env.count(r'^makecommand: \d+$')
    assert shown < 500 and shown + int(more) == 5000


def test_a_silent_success_is_silent(env):
    run_once(env, 'true')
    assert env.count('makecommand') == 0


# ---- its end

def test_an_exit_status_is_said_and_it_is_run_again(env, out):
    run_once(env, f'echo x >> {out}/n; [ -e {out}/ok ] || exit 3')
    env.wait_log(r'^makecommand failed with exit status 3; trying again in 1 s$')
    mark = env.mark()
    (out / 'ok').touch()
    env.wait_line('makecommand works again', mark)


def test_pauses_grow(env, out):
    run_once(env, f'cut -d" " -f1 /proc/uptime >> {out}/at; exit 3')
    env.wait_log(r'trying again in 1 s$')
    env.wait_log(r'trying again in 2 s$')
    env.wait_log(r'trying again in 4 s$')
    at = [float(t) for t in (out / 'at').read_text().split()]	# a run begins before the pause does
    assert at[1] - at[0] > 0.9 and at[2] - at[1] > 1.9


def test_a_change_does_not_cut_the_pause_short_and_is_published_with_the_next_try(env, out):
    run_once(env, f'[ -e {out}/ok ] || exit 3; cp {env.data} {out}/data')
    env.wait_log(r'trying again in 1 s$')
    env.write('john', '5.6.7.8')
    env.wait_section([f'+{JOHN}:5.6.7.8:60'])
    (out / 'ok').touch()
    env.wait_line('makecommand works again')
    assert f'+{JOHN}:5.6.7.8:60' in (out / 'data').read_text()


def test_a_signal_is_said(env):
    run_once(env, 'kill -SEGV $$')
    env.wait_log(r'^makecommand was killed by signal 11; trying again in 1 s$')


def test_a_command_that_is_not_there_is_said(env):
    run_once(env, '/nonexistent/make')
    env.wait_log(r'^makecommand: .*not found')
    env.wait_log(r'^makecommand failed with exit status 127; ')


def test_one_that_hangs_is_killed_with_all_of_its_children(env, out):
    env.conf['make_timeout'] = '300ms'
    run_once(env, f'sleep 1000 & echo $! > {out}/pid; echo $$ > {out}/shell; wait')
    env.wait_log(r'^makecommand exceeded .* and was killed; trying again in 1 s$')
    for name in ('pid', 'shell'):
        wait_gone(env, out / name)


def test_one_that_ignores_sigterm_is_killed_too(env, out):
    env.conf['make_timeout'] = '300ms'
    run_once(env, f"trap '' TERM; sh -c 'sleep 1000; sleep 1000' & echo $! > {out}/pid; "
                  f'while :; do sleep 1000; done')
    env.wait_log(r'^makecommand exceeded ')
    wait_gone(env, out / 'pid')


def test_a_child_that_ignores_sigterm_is_killed_when_the_shell_was_not_so_stubborn(env, out):
    env.conf['make_timeout'] = '300ms'
    run_once(env, f"sh -c 'trap \"\" TERM; while :; do sleep 1000; done' & echo $! > {out}/pid; wait")
    env.wait_log(r'^makecommand exceeded ')
    wait_gone(env, out / 'pid')


def leave_behind(env, out, command):
    env.conf['makecommand'] = (f'printf x >> {env.made}; setsid {command} & echo $! >> {out}/pids; '
                               f'make -s -C {env.root}')


def kill_left(out):
    for pid in (out / 'pids').read_text().split():
        try:
            os.kill(int(pid), signal.SIGKILL)
        except ProcessLookupError:
            pass


def test_one_that_leaves_a_process_behind_which_holds_its_output_has_ended(env, out):
    leave_behind(env, out, 'sleep 1000')
    try:
        env.start()
        env.write('john', '1.2.3.4')
        env.wait_answer(JOHN, 'A', {'1.2.3.4'})
        env.write('john', '5.6.7.8')
        env.wait_answer(JOHN, 'A', {'5.6.7.8'})
    finally:
        kill_left(out)


def test_one_that_leaves_a_process_behind_which_prints_on_has_ended(env, out):
    leave_behind(env, out, 'yes')
    try:
        env.start()
        env.write('john', '1.2.3.4')
        env.wait_answer(JOHN, 'A', {'1.2.3.4'})
        env.write('john', '5.6.7.8')
        env.wait_answer(JOHN, 'A', {'5.6.7.8'})
    finally:
        kill_left(out)


# ---- one at a time

def test_changes_during_a_run_are_gathered_into_one_more(env, out):
    """The command waits for us: `go` opens only when all changes were seen."""
    os.mkfifo(out / 'go')
    os.chown(out / 'go', SERVICE_UID, SERVICE_UID)
    env.start()
    env.stop()
    env.conf['makecommand'] = (f'printf x >> {env.made}; [ -e {out}/free ] || read x < {out}/go; '
                               f'make -s -C {env.root}')
    env.start()
    runs = env.runs()
    env.write('john', '1.1.1.1')
    env.wait(lambda: env.runs() == runs + 1, 'it runs')
    for i in range(5):
        env.write('john', f'198.51.100.{i}')
        env.wait_line(f'user john requested update to 198.51.100.{i}')
    assert env.runs() == runs + 1
    (out / 'free').touch()
    (out / 'go').write_text('\n')
    env.wait_answer(JOHN, 'A', {'198.51.100.4'})
    assert env.runs() == runs + 2


def test_two_never_run_at_the_same_time(env, out):
    env.conf['makecommand'] = (f'mkdir {out}/lock || touch {out}/twice; sleep 0.02; '
                               f'make -s -C {env.root}; rmdir {out}/lock')
    env.start()
    for i in range(30):
        env.write('john', f'198.51.100.{i}')
    env.fence()
    env.wait_answer(JOHN, 'A', {'198.51.100.29'})
    assert not (out / 'twice').exists()


# ---- the clock's tick: make compares times

def numbered(env, out):
    """Every run keeps the pair of data and data.cdb that it left."""
    env.conf['makecommand'] = (f'make -s -C {env.root} && n=$(ls {out} | wc -l) && '
                               f'cp -p {env.data} {out}/$n.data && cp -p {env.cdb} {out}/$n.data.cdb')


def pairs(env, out):
    """Compiles every data anew and compares; returns what was found, in order."""
    found = []
    scratch = env.tmp / 'scratch'
    scratch.mkdir()
    for data in sorted(out.glob('*.data'), key=lambda p: int(p.name.partition('.')[0])):
        shutil.copy2(data, scratch / 'data')	# with its time: it is the SOA serial
        subprocess.run([TINYDNS_DATA], cwd=scratch, check=True)
        cdb = data.with_name(data.name + '.cdb')
        assert cdb.read_bytes() == (scratch / 'data.cdb').read_bytes(), f'{cdb.name} is of older data'
        found.append(data)
    return found


def burst(env, out, n, pause, states):
    """n changes or more: until so many states were compiled, which takes a busy machine longer."""
    end = time.monotonic() + TIMEOUT
    for i in itertools.count():
        if i >= n and len(list(out.glob('*.data.cdb'))) >= states:
            break
        assert time.monotonic() < end, f'fewer than {states} states were compiled'
        env.file('john').write_text(f'198.51.{i // 250 % 250}.{i % 250}\n')
        time.sleep(pause)


def test_every_published_state_is_compiled_without_an_interval(env, out):
    numbered(env, out)
    env.conf['log_rate'] = '0'	# the fence's line is waited for
    env.start()
    env.write('john', '1.1.1.1')
    burst(env, out, 200, 0.004, 15)
    env.write('john', '1.2.3.4')
    env.wait_answer(JOHN, 'A', {'1.2.3.4'})
    env.fence()
    env.stop()
    assert len(pairs(env, out)) >= 15


def test_every_published_state_is_compiled_though_the_database_is_dated_ahead(env, out):
    """As with a coarse clock of file times, only worse: whatever is written within a second after
    the run would seem to be older than its product."""
    numbered(env, out)
    env.conf['makecommand'] += f" && touch -d '1 second' {env.cdb}"
    env.start()
    env.write('john', '1.1.1.1')
    burst(env, out, 50, 0.01, 5)
    env.write('john', '1.2.3.4')
    env.wait_answer(JOHN, 'A', {'1.2.3.4'})
    env.stop()
    assert len(pairs(env, out)) >= 5


def test_every_published_state_is_compiled_with_an_interval_and_has_a_serial_of_its_own(env, out):
    numbered(env, out)
    env.conf['publish_interval'] = '1s'
    env.start()
    env.write('john', '1.1.1.1')
    burst(env, out, 300, 0.01, 3)
    env.write('john', '1.2.3.4')
    env.wait_answer(JOHN, 'A', {'1.2.3.4'})
    env.stop()
    found = pairs(env, out)
    assert len(found) >= 3
    seconds = [int(p.stat().st_mtime) for p in found]
    assert seconds == sorted(set(seconds)), 'secondaries would miss a change'


def test_a_database_from_the_future_is_made_anew(env):
    """What is left when the clock was set back."""
    env.write('john', '1.1.1.1', age=60)
    env.start()
    env.wait_answer(JOHN, 'A', {'1.1.1.1'})
    future = time.time() + 3600
    os.utime(env.cdb, (future, future))
    env.write('john', '1.2.3.4')
    env.wait_answer(JOHN, 'A', {'1.2.3.4'})
    env.wait_log(r'gets a modification time \d+ s ahead of the clock')
    env.write('john', '5.6.7.8')
    env.wait_answer(JOHN, 'A', {'5.6.7.8'})


@pytest.mark.parametrize('interval', ['0', '10ms'])
def test_a_data_file_from_the_future_is_compiled_after_each_change(env, interval):
    env.conf['publish_interval'] = interval
    env.write('john', '1.1.1.1', age=60)
    env.start()
    future = time.time() + 3600
    os.utime(env.data, (future, future))
    for address in ('1.2.3.4', '5.6.7.8', '9.9.9.9'):
        env.write('john', address)
        env.wait_answer(JOHN, 'A', {address})


def test_a_serial_never_goes_back_when_the_clock_was(env):
    env.conf['publish_interval'] = '10ms'
    env.start()
    future = int(time.time()) + 3600
    os.utime(env.data, (future, future))
    env.write('john', '1.2.3.4')
    env.wait_answer(JOHN, 'A', {'1.2.3.4'})
    assert int(env.data.stat().st_mtime) > future


BY_HAND = '+by-hand.example.com:192.0.2.7:60\n'


def make_takes_it(env):
    """What make(1) tells the administrator has to be true."""
    env.wait(lambda: env.cdb.stat().st_mtime_ns < env.data.stat().st_mtime_ns, 'data is newer than data.cdb')
    subprocess.run(['make', '-s'], cwd=env.root, check=True)
    env.wait_answer('by-hand.example.com', 'A', {'192.0.2.7'})
    env.fence()


def test_an_edit_while_the_command_runs_is_newer_than_what_the_command_makes(env, out):
    env.conf['makecommand'] = (f'cp -p {env.data} {out} && {{ [ ! -e {out}/slow ] || while [ ! -e {out}/go ]; do '
                               f'touch {out}/waits; sleep 0.01; done; }} && cd {out} && {TINYDNS_DATA} && '
                               f'mv data.cdb {env.root}')
    env.start()
    (out / 'slow').touch()
    env.write('john', '1.2.3.4')
    env.wait(lambda: (out / 'waits').exists(), 'it has read data')
    with open(env.data, 'a') as f:
        f.write(BY_HAND)
    (out / 'go').touch()
    env.wait_answer(JOHN, 'A', {'1.2.3.4'})
    make_takes_it(env)


def test_an_edit_within_a_tick_after_the_command_is_newer_than_what_the_command_made(env):
    env.start()
    env.write('john', '1.2.3.4')
    env.wait_answer(JOHN, 'A', {'1.2.3.4'})
    env.fence()
    made = env.cdb.stat()
    new = env.root / 'data.new'
    shutil.copy2(env.data, new)
    with open(new, 'a') as f:
        f.write(BY_HAND)
    os.utime(new, ns=(made.st_atime_ns, made.st_mtime_ns))
    new.rename(env.data)
    make_takes_it(env)


# ---- data.cdb by somebody else

def test_a_database_made_by_somebody_else_causes_one_more_run_and_no_loop(env):
    env.write('john', '1.2.3.4', age=60)
    env.start()
    env.wait_answer(JOHN, 'A', {'1.2.3.4'})
    runs = env.runs()
    subprocess.run([TINYDNS_DATA], cwd=env.root, check=True)
    env.wait_log('data.cdb was made by somebody else; making it once more')
    env.wait(lambda: env.runs() == runs + 1, 'it is made once more')
    env.fence()			# one run of its own
    env.fence()
    assert env.runs() == runs + 3


def test_a_database_of_old_data_put_there_by_somebody_is_made_anew(env):
    env.write('john', '1.1.1.1', age=60)
    env.start()
    env.wait_answer(JOHN, 'A', {'1.1.1.1'})
    old = env.cdb.read_bytes()
    env.write('john', '1.2.3.4')
    env.wait_answer(JOHN, 'A', {'1.2.3.4'})
    (env.root / 'data.tmp2').write_bytes(old)
    os.rename(env.root / 'data.tmp2', env.cdb)
    env.wait_log('data.cdb was made by somebody else')
    env.wait_answer(JOHN, 'A', {'1.2.3.4'})


# ---- killed

def test_kill_9_of_the_daemon_ends_the_run_and_the_next_start_makes_it_anew(env, out):
    env.start()
    env.stop()
    good = env.conf['makecommand']
    env.conf['makecommand'] = (f"trap '' TERM HUP; sh -c 'sleep 1000; :' & echo $! > {out}/pid; "
                               f'echo $$ > {out}/shell; wait')
    env.start()
    env.write('john', '1.2.3.4')
    env.wait(lambda: pid_in(out / 'pid') and pid_in(out / 'shell'), 'it runs')
    below = descendants(env.process.pid)
    env.process.kill()
    env.process.wait()
    for pid in below:
        env.wait(lambda: gone(pid), f'{pid} is gone')
    env.conf['makecommand'] = good
    env.start()
    env.wait_answer(JOHN, 'A', {'1.2.3.4'})


def test_kill_9_of_the_daemon_between_runs_ends_the_helper(env):
    env.start()
    below = descendants(env.process.pid)
    assert below
    env.process.kill()
    env.process.wait()
    for pid in below:
        env.wait(lambda: gone(pid), f'{pid} is gone')
    env.kill()


def test_a_run_that_was_cut_off_is_made_anew_at_the_next_start_though_nothing_changed(env, out):
    env.start()
    env.write('john', '1.1.1.1')
    env.wait_answer(JOHN, 'A', {'1.1.1.1'})
    good = env.conf['makecommand']
    env.stop()
    env.conf['makecommand'] = 'exit 1'
    env.start()
    env.write('john', '1.2.3.4')
    env.wait_log('^makecommand failed')
    env.stop()
    env.conf['makecommand'] = good
    env.start()
    env.wait_answer(JOHN, 'A', {'1.2.3.4'})


# ---- the Makefile that is installed

def test_a_user_who_locks_the_directory_holds_up_nobody(env):
    """flock(2) takes no more than the right to read, which everybody has there."""
    needs('flock')
    env.conf['makecommand'] = f'make -s -f {TOP}/dist/tinydns/Makefile -C {env.root}'
    env.start()
    user = uid_of('mallory')
    holds = '''
import fcntl, os, sys
for name in ['.', *os.listdir('.')]:
    try:
        fcntl.flock(os.open(name, os.O_RDONLY), fcntl.LOCK_EX | fcntl.LOCK_NB)
    except PermissionError:
        pass
print(flush=True)
sys.stdin.read()
'''
    for round in range(2):	# before there is a lock, and with one that is there
        mallory = subprocess.Popen([sys.executable, '-S', '-c', holds], cwd=env.root, user=user, group=user,
                                   extra_groups=[], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        try:
            assert mallory.stdout.readline() == b'\n'
            env.write('john', f'192.0.2.{round + 1}')
            env.wait_answer(JOHN, 'A', {f'192.0.2.{round + 1}'})
        finally:
            mallory.stdin.close()
            mallory.wait()


def test_root_makes_first_where_files_do_not_get_the_directorys_group(env):
    """It is not set-group-ID."""
    needs('flock')
    makefile = f'{TOP}/dist/tinydns/Makefile'
    os.chown(env.root, 0, SERVICE_GID)
    env.root.chmod(0o775)
    subprocess.run(['make', '-s', '-f', makefile, '-C', env.root], check=True)
    env.conf['makecommand'] = f'make -s -f {makefile} -C {env.root}'
    env.start()
    env.write('john', '192.0.2.1')
    env.wait_answer(JOHN, 'A', {'192.0.2.1'})


def test_two_makes_with_the_installed_makefile_do_not_run_at_once(env, out):
    """By root and by the daemon, whoever of them was the first there."""
    needs('flock')
    bin = env.tmp / 'bin'
    bin.mkdir()
    (bin / 'tinydns-data').write_text(f'#!/bin/sh\nmkdir {out}/one || touch {out}/two\nsleep 0.1\n'
                                      f'{TINYDNS_DATA}\nrmdir {out}/one\n')
    (bin / 'tinydns-data').chmod(0o755)
    out.chmod(0o777)
    command = ['make', '-s', '-B', '-f', f'{TOP}/dist/tinydns/Makefile', '-C', str(env.root)]
    path = {**os.environ, 'PATH': f'{bin}:{os.environ["PATH"]}'}
    runs = [subprocess.Popen(command, env=path, user=uid, group=gid, extra_groups=[])
            for uid, gid in [(0, 0), (SERVICE_UID, SERVICE_GID)] * 3]
    assert [run.wait(TIMEOUT) for run in runs] == [0] * 6
    assert not (out / 'two').exists()
