# SPDX-FileCopyrightText: 2026 The dns-updater authors
# SPDX-License-Identifier: ISC
"""The first look at all files: other threads read them, the loop serves meanwhile, nothing is published before
all have been looked at, and how far it has come is shown."""

import contextlib
import ctypes
import os
import pathlib
import pty
import re
import select
import signal
import socket
import struct
import subprocess

import pytest

from harness import DNS_UPDATER, SERVICE, TIMEOUT, TOP, clean_env, needs
from http_harness import DNS_UPDATER_HTTP

JOHN = 'john.dyn.example.com'
MANY = 300	# several batches


def many(env):
    env.users = {f'u{i}': [f'u{i}.dyn.example.com'] for i in range(MANY)}
    env.conf['pathpattern'] = f'{env.homes}/%u'
    env.conf['makecommand'] = None
    env.with_fence = False


def put(env, i, text):
    (env.homes / f'u{i}').write_text(text)


@contextlib.contextmanager
def held(path):
    """Whoever opens the file waits until the function that this gives is called (fanotify(7)); wait() is for
    somebody to do so."""
    libc = ctypes.CDLL(None, use_errno=True)
    fan = libc.fanotify_init(4, os.O_RDONLY)		# FAN_CLASS_CONTENT
    assert fan >= 0
    # FAN_MARK_ADD, FAN_OPEN_PERM, AT_FDCWD
    assert not libc.fanotify_mark(fan, 1, ctypes.c_uint64(0x10000), -100, str(path).encode())
    waiting = []

    class Hold:
        def wait(self):
            assert select.select([fan], [], [], TIMEOUT)[0]
            data = os.read(fan, 4096)
            while data:
                n, fd = struct.unpack_from('=I12xi', data)
                waiting.append(fd)
                data = data[n:]

        def let(self):
            assert not libc.fanotify_mark(fan, 0x80, ctypes.c_uint64(0), -100, str(path).encode())  # flush
            for fd in waiting:
                os.write(fan, struct.pack('=iI', fd, 1))	# FAN_ALLOW
                os.close(fd)
            waiting.clear()
    hold = Hold()
    try:
        yield hold
    finally:
        hold.let()
        os.close(fan)


def ask(env, question):
    with socket.socket(socket.AF_UNIX) as s:
        s.settimeout(TIMEOUT)
        s.connect(str(env.tmp / 'socket'))
        s.sendall(question.encode() + b'\n')
        return s.recv(4096).decode()


def test_the_socket_answers_while_a_file_cannot_be_read(env):
    env.users['anna'] = ['anna.dyn.example.com']
    env.conf['socket'] = str(env.tmp / 'socket')
    env.tmp.chmod(0o777)
    env.write('john', '1.2.3.4', age=10)
    env.write('anna', '1.2.3.5', age=10)
    before = env.data.read_bytes()
    with held(env.file('john')) as hold:
        env.start(wait=False)
        hold.wait()
        assert ask(env, 'has anna').startswith('ok ')
        assert ask(env, 'status text').startswith('ok ')
        assert env.data.read_bytes() == before		# nothing before all have been looked at
        assert 'started' not in env.lines()
        hold.let()
        env.wait_ready()
    env.wait_section(['+anna.dyn.example.com:1.2.3.5:60', f'+{JOHN}:1.2.3.4:60'])


def test_a_reload_waits_for_files_that_are_being_read(env):
    env.write('john', '1.2.3.4', age=10)
    with held(env.file('john')) as hold:
        env.start(wait=False)
        hold.wait()
        env.users['anna'] = ['anna.dyn.example.com']
        env.write('anna', '1.2.3.5', age=10)
        env.write_conf()
        env.send(signal.SIGHUP)
        hold.let()
        env.wait_ready()
    env.wait_log(r'^reloaded ')
    env.wait_section(['+anna.dyn.example.com:1.2.3.5:60', f'+{JOHN}:1.2.3.4:60'])


def test_a_reload_before_anything_was_read_is_done_later(env):
    """Whoever restarts and reloads, too. The users that are being read are the old ones."""
    users = env.tmp / 'users'
    users.write_text(f'john = {JOHN}\n')
    env.conf['users_file'] = str(users)
    for user, address in ('john', '1.2.3.4'), ('anna', '1.2.3.5'):
        env.write(user, address, age=10)
    with held(users) as hold:
        env.start(wait=False)
        hold.wait()
        users.rename(env.tmp / 'old')
        users.write_text(f'john = {JOHN}\nanna = anna.dyn.example.com\n')
        env.send(signal.SIGHUP)
        hold.let()
        env.wait_ready()
    env.wait_log(r'^reloaded ')
    env.wait_section(['+anna.dyn.example.com:1.2.3.5:60', f'+{JOHN}:1.2.3.4:60'])


def test_a_reload_of_the_front_end_before_anything_was_read_is_done_later(http):
    http.start()
    http.stop()
    with held(http.env.conf_file) as hold:
        http.start_front_end(wait=False)
        hold.wait()
        http.process.send_signal(signal.SIGHUP)
        hold.let()
        http.wait_ready()
    http.wait_log('^reloaded ')


def test_what_is_written_behind_the_reader_is_seen(env):
    """Anna's file has been read by a thread, which has not come back, for it waits for john's."""
    env.users = {'anna': ['anna.dyn.example.com'], **env.users}
    env.conf['socket'] = str(env.tmp / 'socket')
    env.tmp.chmod(0o777)
    env.write('anna', '1.2.3.5', age=10)
    env.write('john', '1.2.3.4', age=10)
    with held(env.file('john')) as hold:
        env.start(wait=False)
        hold.wait()
        env.write('anna', '1.2.3.6')
        for _ in range(3):	# the loop has turned: it has seen the event
            ask(env, 'status text')
        hold.let()
        env.wait_ready()
    env.wait_section(['+anna.dyn.example.com:1.2.3.6:60', f'+{JOHN}:1.2.3.4:60'])


def test_the_end_waits_for_files_that_are_being_read(env):
    env.write('john', '1.2.3.4', age=10)
    with held(env.file('john')) as hold:
        env.start(wait=False)
        hold.wait()
        mark = env.mark()
        env.send(signal.SIGTERM)
        env.wait_line('stopping', mark)
        hold.let()
        assert env.wait_exit() == 0


@pytest.mark.parametrize('deep', [False, True], ids=['one directory', 'homes'])
def test_what_is_written_while_files_are_read_is_seen(env, deep):
    many(env)
    if deep:
        env.conf['pathpattern'] = f'{env.homes}/%u/ddns/address'
        for i in range(MANY):
            (env.homes / f'u{i}' / 'ddns').mkdir(parents=True)
    name = '/ddns/address' if deep else ''
    for i in range(MANY):
        put(env, f'{i}{name}', '192.0.2.1\n')
    env.start(wait=False, homes=False)
    for last in range(2, 7):
        for i in range(MANY):
            if i % 3:
                put(env, f'{i}{name}', f'192.0.2.{last}\n')
            elif deep:		# another directory in place of the one that is watched
                os.rename(env.homes / f'u{i}' / 'ddns', env.homes / f'u{i}' / f'old{last}')
                (env.homes / f'u{i}' / 'ddns').mkdir()
                put(env, f'{i}{name}', f'192.0.2.{last}\n')
            else:
                put(env, f'{i}.new', f'192.0.2.{last}\n')
                os.rename(env.homes / f'u{i}.new', env.homes / f'u{i}')
    env.wait_ready()
    env.wait_section(sorted(f'+u{i}.dyn.example.com:192.0.2.6:60' for i in range(MANY)))


def percents(text):
    return [int(n) for n in re.findall(r'reading address files(?:: | \[[#.]*\] )(\d+) %', text)]


def test_progress_is_told_to_systemd(env):
    many(env)
    told = ''
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as s:
        name = str(env.tmp / 'notify')
        s.bind(name)
        os.chmod(name, 0o666)
        s.settimeout(TIMEOUT)
        env.environ['NOTIFY_SOCKET'] = name
        env.start(homes=False)
        while 'READY=1' not in told:
            told += s.recv(4096).decode() + '\n'
    lines = told.splitlines()
    assert percents(told) and percents(told) == sorted(set(percents(told)))
    assert percents(told)[-1] == 100
    assert lines.index('STATUS=') < lines.index('READY=1')


def test_a_terminal_has_a_bar(env):
    many(env)
    ours, theirs = pty.openpty()
    env.popen['stderr'] = theirs
    env.start(wait=False, homes=False)
    os.close(theirs)
    seen = b''
    while b'started' not in seen:
        assert select.select([ours], [], [], TIMEOUT)[0]
        seen += os.read(ours, 4096)
    os.close(env.ready_r)
    os.close(ours)
    seen = seen.decode()
    assert percents(seen) and percents(seen)[-1] == 100
    assert seen.index('100 %\r\x1b[K') < seen.index('started')


def test_without_a_terminal_there_is_no_bar(env):
    many(env)
    env.start(homes=False)
    assert not any('reading address files' in line for line in env.lines())


# ---- newer libraries

def test_the_loop_has_no_ring(env, newer):
    env.environ = newer
    env.start()
    env.write('john', '1.2.3.4')
    env.wait_answer(JOHN, 'A', {'1.2.3.4'})


def test_the_front_end_has_no_ring(http, newer):
    http.popen['environ'] = newer
    http.start()
    assert http.update('hostname=host1.dyn.example&myip=192.0.2.10').body == 'good 192.0.2.10'


# ---- which way of watching is chosen

def test_for_very_many_users_auto_takes_fanotify(env):
    env.conf['watch'] = 'auto'
    env.users.update({f'u{i}': [f'u{i}.dyn.example.com'] for i in range(100_000)})
    env.make_home('john')
    env.start(homes=False)
    env.wait_log(r'^watching by fanotify: inotify takes more than 1 KB .* each of 100002 directories$|'
                 r'^watching by fanotify: 100002 directories are too many for the \d+ that fs.inotify')
    env.write('john', '1.2.3.4')
    env.wait_answer('john.dyn.example.com', 'A', {'1.2.3.4'})


def test_for_few_users_auto_takes_inotify(env):
    env.conf['watch'] = 'auto'
    env.start()
    assert env.count('fanotify') == 0


def test_without_the_right_to_it_inotify_serves(env):
    needs('setpriv')
    env.conf['watch'] = 'fanotify'
    env.prefix = ['setpriv', '--bounding-set=-sys_admin', '--inh-caps=-sys_admin']
    env.start()
    env.wait_log(r'^unable to watch by fanotify: Operation not permitted \(it takes CAP_SYS_ADMIN at the start\); '
                 'watching by inotify$')
    env.write('john', '1.2.3.4')
    env.wait_answer('john.dyn.example.com', 'A', {'1.2.3.4'})


@pytest.mark.parametrize('program', [DNS_UPDATER, DNS_UPDATER_HTTP])
@pytest.mark.parametrize('option', ['--version', '-V'])
def test_the_version(program, option):
    done = subprocess.run([program, option], capture_output=True, text=True, timeout=TIMEOUT, env=clean_env())
    assert (done.returncode, done.stderr) == (0, '')
    assert re.fullmatch(r'dns-updater(-http)? \d+\.\d+\.\d+\n', done.stdout)
    assert done.stdout.split()[0] == pathlib.Path(program).name


@pytest.mark.parametrize('program', [DNS_UPDATER, DNS_UPDATER_HTTP])
def test_who_starts_it_by_hand_is_told_why_it_ends(tmp_path, program):
    """It logs to syslog, and he may not know."""
    conf = tmp_path / 'conf'
    conf.write_text('[dns-updater]\nsurprise = yes\n')
    ours, theirs = pty.openpty()
    done = subprocess.run([program, '-c', str(conf)], stdin=theirs, stdout=theirs, stderr=theirs, env=clean_env(),
                          timeout=TIMEOUT)
    os.close(theirs)
    shown = os.read(ours, 4096).decode()
    os.close(ours)
    assert done.returncode == 100
    assert f"{conf}:2: unknown key 'surprise'" in shown


def test_a_terminal_that_stands_still_holds_up_nobody(env):
    """Somebody has pressed Ctrl-S, or his connection is away. Each user requests an update, in a line of the log."""
    many(env)
    env.conf.update(makecommand=f'make -s -C {env.root}', log_rate='0')
    env.options = []
    ours, theirs = pty.openpty()
    env.popen['stderr'] = theirs
    for user in env.users:
        env.homes.joinpath(user).write_text('192.0.2.1\n')
        os.utime(env.homes / user, (1e9, 1e9))
    env.start(homes=False)
    os.close(theirs)
    try:
        env.wait_answer('u1.dyn.example.com', 'A', {'192.0.2.1'})
    finally:
        os.close(ours)


def test_as_an_account_that_is_not_the_configured_one(env):
    """Without root `user` has no meaning, and is not whom the log speaks of."""
    needs('setpriv')
    env.write_conf()
    env.tmp.chmod(0o755)
    env.conf_file.chmod(0o644)
    done = subprocess.run(['setpriv', '--reuid=61500', '--clear-groups', DNS_UPDATER, '-e', '-c', str(env.conf_file)],
                          capture_output=True, text=True, timeout=TIMEOUT, env=clean_env())
    assert done.returncode == 100
    assert 'only address files that uid 61500 may read are seen' in done.stderr
    assert 'unable to lock' in done.stderr


@pytest.fixture
def lsb(env):
    """The init script, with this test's places in it; a function that runs it."""
    needs('start-stop-daemon')
    if not os.path.exists('/lib/lsb/init-functions'):
        pytest.skip('no /lib/lsb/init-functions')
    script, default, pid = env.tmp / 'init', env.tmp / 'default', env.tmp / 'pid'
    text = (TOP / 'dist/lsb/dns-updater.in').read_text()
    for old, new in (('/run/@name@.pid', str(pid)), ('/etc/default/@name@', str(default)),
                     ('@sbindir@', str(pathlib.Path(DNS_UPDATER).parent)), ('@name@', 'dns-updater'),
                     ('@directories@', str(env.state_dir)), ('@check@', 'daemon'), ('@files@', ''),
                     ('@retry@', f'TERM/{TIMEOUT}'), ('@timeout@', 'it takes')):
        text = text.replace(old, new)
    script.write_text(text)
    default.write_text(f'DNS_UPDATER_CONF={env.conf_file}\nDNS_UPDATER_USER={SERVICE}\n')

    def run(word):
        return subprocess.run(['sh', str(script), word], capture_output=True, text=True, timeout=2 * TIMEOUT,
                              env=clean_env())
    env.write_conf()
    for user in env.all_users():
        env.make_home(user)
    yield run
    if pid.exists():
        run('stop')


def test_the_init_script_comes_back_when_it_is_ready(env, lsb):
    env.conf['makecommand'] = 'sleep 1; ' + env.conf['makecommand']
    env.write_conf()
    done = lsb('start')
    assert done.returncode == 0, done.stdout + done.stderr
    assert env.runs() == 1
    assert lsb('status').returncode == 0
    assert lsb('stop').returncode == 0


def test_the_init_script_tells_of_an_account_that_is_missing(env, lsb):
    """And not only chown(1), which does not say what for."""
    env.conf['user'] = 'nobody-of-this-name'
    env.write_conf()
    with open(env.tmp / 'default', 'a') as f:
        f.write('DNS_UPDATER_USER=nobody-of-this-name\n')
    done = lsb('start')
    assert done.returncode == 6
    assert "there is no user 'nobody-of-this-name'; create it" in done.stdout


def test_the_init_script_tells_of_a_start_that_fails(env, lsb):
    """There is another one for this state."""
    env.start()
    done = lsb('start')
    assert done.returncode not in (0, 6), done.stdout + done.stderr


@pytest.mark.parametrize('program, part', [('dns-updater', 'daemon'), ('dns-updater-http', 'http')])
def test_the_run_scripts_pause_leaves_nothing_behind(env, program, part):
    """A mistake is tried again in a minute; who stops the service meanwhile ends all there is, or its log goes on."""
    text = (TOP / f'dist/daemontools/{program}/run.in').read_text()
    for old, new in (('@sbindir@', str(pathlib.Path(DNS_UPDATER).parent)), (f'check {part}', f'check {part} -c {env.conf_file}'),
                     (' -o dns-updater -g dns-updater', ''), ('/var/lib/dns-updater/http', str(env.state_dir)),
                     ('/run/dns-updater /var/lib/dns-updater', str(env.state_dir)),
                     ('dns-updater-http:dns-updater-http', SERVICE)):
        text = text.replace(old, new)
    env.conf['ttl'] = 'soon'
    env.write_conf()
    with subprocess.Popen(['sh', '-c', text], stdout=subprocess.PIPE, text=True, env=clean_env()) as process:
        try:
            assert 'not started; trying again in a minute\n' in iter(process.stdout.readline, '')
            env.wait(lambda: pathlib.Path(f'/proc/{process.pid}/comm').read_text() == 'sleep\n', 'the pause')
        finally:
            process.kill()
        assert process.stdout.read() == ''	# its end
