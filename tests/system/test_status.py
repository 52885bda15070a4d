# SPDX-FileCopyrightText: 2026 The dns-updater authors
# SPDX-License-Identifier: ISC
"""dns-updater status: what it says, to whom, and that --wait tells the truth."""

import contextlib
import json
import os
import pwd
import re
import select
import signal
import socket
import subprocess
import sys
import threading

import pytest

import harness
import test_ssh
from harness import (DNS_UPDATER, SERVICE, SERVICE_GID, SERVICE_UID, TIMEOUT, clean_env, needs, uid_of,
                     unshare_mounts)
from test_socket import FRONT_END, FRONT_END_UID, HTTP, OTHER_UID, Client, asked, prepare	# noqa: F401: a fixture

LOGIN = 'sys'			# an account that every system has, here one of the users
LOGIN_UID = pwd.getpwnam(LOGIN).pw_uid
NAME = 'sys.dyn.example.com'
JOHN = 'john.dyn.example.com'
OPERATOR_UID = 61500		# of no account


class Gate:
    """makecommand stops here once it is closed: hold() returns when it has come, open() lets it on."""

    def __init__(self, env):
        self.path = env.tmp / 'gate'
        self.fd = None
        env.conf['makecommand'] = f'[ ! -p {self.path} ] || cat {self.path}; ' + env.conf['makecommand']

    def close(self):
        os.mkfifo(self.path)
        self.path.chmod(0o644)

    def hold(self):
        """Until makecommand stands before it."""
        done = []

        def enter():
            done.append(os.open(self.path, os.O_WRONLY))
        t = threading.Thread(target=enter, daemon=True)
        t.start()
        t.join(TIMEOUT)
        assert done, 'makecommand was not run'
        self.fd = done[0]

    def open(self):
        if self.fd is None:
            self.hold()
        self.path.unlink()
        os.close(self.fd)
        self.fd = None


@pytest.fixture
def status(asked):
    """Users john, who has no account, and sys, who has; not started. makecommand fails while env.bad is
    there."""
    env = asked
    harness._uids[LOGIN] = LOGIN_UID
    env.users = {LOGIN: [NAME], 'john': [JOHN]}
    env.bad = env.tmp / 'bad'
    env.conf['makecommand'] = f'[ ! -e {env.bad} ] || exit 3; ' + env.conf['makecommand']
    env.gate = Gate(env)
    yield env
    if env.gate.fd is not None:
        env.gate.open()


def command(env, *words, uid=0, groups=(), conf=True):
    done = subprocess.run([DNS_UPDATER, 'status', *(['-c', str(env.conf_file)] if conf else []), *words],
                          stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=2 * TIMEOUT,
                          cwd='/', env=clean_env(), user=uid, group=uid, extra_groups=list(groups))
    assert 'Sanitizer' not in done.stderr and 'runtime error' not in done.stderr, done.stderr
    return done


def start_command(env, *words, uid=0):
    return subprocess.Popen([DNS_UPDATER, 'status', '-c', str(env.conf_file), *words], cwd='/',
                            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                            text=True, env=clean_env(), user=uid, group=uid, extra_groups=[])


def as_json(env, *words, **kw):
    done = command(env, *words, '--json', **kw)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


# ---- what is told

def test_a_user_is_told_of_himself(status):
    status.write(LOGIN, '198.51.100.7\n2001:db8::7', age=3600)
    status.start()
    done = command(status, uid=LOGIN_UID)
    assert done.returncode == 0, done.stderr
    lines = done.stdout.split('\n')
    assert re.fullmatch(rf'user sys: 198\.51\.100\.7, 2001:db8::7 since \d{{4}}-\d\d-\d\d \d\d:\d\d:\d\d UTC, '
                        rf'from {status.file(LOGIN)}', lines[0]), done.stdout
    assert lines[1] == f'  {NAME}  198.51.100.7, 2001:db8::7'
    assert re.fullmatch(r'  tinydns {14}published( \d\d:\d\d:\d\d UTC)?', lines[2]), done.stdout
    assert lines[3:] == ['']
    assert command(status, LOGIN, uid=LOGIN_UID).stdout == done.stdout
    assert command(status, LOGIN).stdout == done.stdout


def test_a_users_json(status):
    status.users[LOGIN] = [NAME, 'b.example.com']
    status.write(LOGIN, f'{NAME} 198.51.100.7\nb.example.com none', age=3600)
    os.utime(status.file(LOGIN), (1767225600, 1767225600))
    status.start()
    told = as_json(status, uid=LOGIN_UID)
    assert {k: told[k] for k in ('user', 'known', 'settling', 'since', 'file', 'refused', 'names')} == {
        'user': LOGIN, 'known': True, 'settling': False, 'since': '2026-01-01T00:00:00Z',
        'file': str(status.file(LOGIN)), 'refused': None,
        'names': [{'name': NAME, 'addresses': ['198.51.100.7']},
                  {'name': 'b.example.com', 'addresses': []}]}
    output, = told['outputs']
    assert output['name'] == output['type'] == 'tinydns'
    assert (output['state'], output['waiting'], output['why']) == ('published', 0, None)


def test_of_a_user_without_a_file(status):
    """Whoever gave it another name, or the user, is told where it is looked for; an empty one is none."""
    status.start()
    where = f'looked for is {status.file("john")} and others\n'
    assert command(status, 'john').stdout.startswith(f'user john: nothing is known yet; {where}')
    nothing = f'nothing is to be published: there is no address file, or nothing in it; {where}'
    done = command(status, 'john', '--wait')
    assert (done.returncode, done.stdout) == (0, nothing)
    status.write('john', '')
    assert command(status, 'john', '--wait').stdout == nothing
    told = as_json(status, 'john')
    assert (told['known'], told['since'], told['file']) == (False, None, None)


def test_a_refused_file_is_told_with_its_reason(status):
    status.write(LOGIN, '198.51.100.7', age=3600)
    status.start()
    status.write(LOGIN, 'nonsense "\\\x01\xff')
    reason = f'{status.file(LOGIN)}, line 1: '
    done = command(status, uid=LOGIN_UID)
    assert f'  refused: {reason}' in done.stdout and '198.51.100.7' in done.stdout
    told = as_json(status, uid=LOGIN_UID)
    assert told['refused'].startswith(reason)
    assert as_json(status)['refused'] == 1
    assert told['names'][0]['addresses'] == ['198.51.100.7']
    status.write(LOGIN, '')		# asks for nothing
    assert as_json(status, uid=LOGIN_UID)['refused'] is None
    assert as_json(status)['refused'] == 0


def test_root_is_told_of_the_whole(status):
    status.write(LOGIN, '198.51.100.7', age=3600)
    status.start()
    status.fence()
    done = command(status)
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith('tinydns  tinydns'), done.stdout
    assert done.stdout.endswith('3 users, 3 names; 1 user without addresses, 0 refused files\n'), done.stdout
    told = as_json(status)
    assert {k: told[k] for k in ('users', 'names', 'without_addresses', 'refused')} == \
        {'users': 3, 'names': 3, 'without_addresses': 1, 'refused': 0}
    output, = told['outputs']
    assert output['state'] == 'published' and output['published'] and output['failed'] is None


def test_a_failure_is_told(status):
    status.start()
    status.bad.touch()
    status.write(LOGIN, '198.51.100.8')
    status.wait_log('makecommand failed')
    output, = as_json(status)['outputs']
    assert output['state'] == 'fails' and 'exit status 3' in output['why'], output
    assert output['failed'] and 'exit status 3' in output['last_error']
    assert 'fails: ' in command(status).stdout
    assert 'fails: ' in command(status, uid=LOGIN_UID).stdout


def test_what_is_under_way_is_told(status):
    status.start()
    status.gate.close()
    status.write(LOGIN, '198.51.100.8')
    status.gate.hold()
    assert 'under way; ' in command(status).stdout
    assert as_json(status, uid=LOGIN_UID)['outputs'][0]['state'] == 'waits'
    status.gate.open()


# ---- who is told

@pytest.mark.parametrize('user', ['john', 'fence', 'nobody-of-this-name', 'x' * 64])
def test_others_are_nobodys_business(status, user):
    status.start()
    for words in ((user,), (user, '--json'), (user, '--wait')):
        done = command(status, *words, uid=LOGIN_UID)
        assert (done.returncode, done.stdout) == (100, '')
        assert done.stderr == f'dns-updater: {user}: not permitted\n'


def test_who_asks_about_himself_and_is_refused_is_told_what_to_look_at(status):
    del status.users[LOGIN]
    status.start()
    for words in ((), ('--json',), ('--wait',), (LOGIN,)):
        done = command(status, *words, uid=LOGIN_UID)
        assert (done.returncode, done.stdout) == (100, '')
        assert done.stderr == (f'dns-updater: {LOGIN}: not permitted: when the daemon was started or reloaded, '
                               'there was no such user, or no such account\n')


def test_who_is_no_user_is_told_nothing(status):
    status.start()
    for uid in (uid_of('john'), OPERATOR_UID):	# of no account, so of no user
        for words in (('john',), ('john', '--json'), ('john', '--wait')):
            assert command(status, *words, uid=uid).returncode == 100
    assert command(status, uid=pwd.getpwnam('bin').pw_uid + 1000000).returncode == 100


def test_the_whole_is_not_for_users(status):
    status.start()
    with Client_as(status, LOGIN_UID) as c:
        assert c.talk(b'status text\n') == b'error not permitted\n'
        assert c.talk(b'status json john\n') == b'error not permitted\n'
        assert c.talk(b'wait 7 john\n') == b'waited 7 error not permitted\n'
        assert c.talk(f'has {LOGIN}\n'.encode()) == b'unknown\n'
        assert c.talk(f'status json {LOGIN}\n'.encode()).startswith(b'ok ')


@pytest.mark.parametrize('uid, groups', [(0, ()), (SERVICE_UID, ()), (FRONT_END_UID, ()),
                                         (OPERATOR_UID, (1, SERVICE_GID, 61777))])
def test_some_are_told_everything(status, uid, groups):
    status.start()
    for user in (LOGIN, 'john'):
        assert as_json(status, user, uid=uid, groups=groups)['user'] == user
    done = command(status, 'nobody-of-this-name', uid=uid, groups=groups)
    assert (done.returncode, done.stderr) == (100, 'dns-updater: nobody-of-this-name: no such user\n')


def test_an_operator_who_is_no_user_is_told_of_the_whole(status):
    status.start()
    uid = pwd.getpwnam('games').pw_uid
    assert as_json(status, uid=uid, groups=[SERVICE_GID])['users'] == 3


# ---- waiting

def test_published_means_published(status):
    status.start()
    for i in range(10):
        status.sh(LOGIN, f'echo 198.51.100.{i} > .dynamicdns && {DNS_UPDATER} status --wait '
                         f'-c {status.conf_file} > told')
        assert status.query(NAME, 'A') == {f'198.51.100.{i}'}
        assert (status.home(LOGIN) / 'told').read_text() == f'published: {NAME} is 198.51.100.{i}\n'


def test_it_waits_until_it_is_published(status):
    status.start()
    status.gate.close()
    status.write(LOGIN, '198.51.100.8')
    p = start_command(status, '--wait', uid=LOGIN_UID)
    status.gate.hold()
    assert as_json(status)['outputs'][0]['state'] == 'waits'
    assert p.poll() is None
    status.gate.open()
    out, err = p.communicate(timeout=TIMEOUT)
    assert (p.returncode, out, err) == (0, f'published: {NAME} is 198.51.100.8\n', '')
    assert status.query(NAME, 'A') == {'198.51.100.8'}


def test_a_name_that_no_output_has_is_told(status):
    """It is in no zone of the only one: a typing error."""
    other = 'sys.dyn.exmaple.com'
    status.users[LOGIN] = [NAME, other]
    status.conf['datafile'] = status.conf['makecommand'] = None
    status.conf_more += (f'\n[output tinydns]\ntype = tinydns\nfile = {status.data}\nzone = example.com\n'
                         f'command = make -s -C {status.root}\n')
    status.start()
    status.write(LOGIN, '198.51.100.8')
    done = command(status, LOGIN, '--wait')
    assert (done.returncode, done.stdout) == \
        (0, f'published: {NAME} is 198.51.100.8; {other} is 198.51.100.8, but in no output\n'), done.stderr
    status.users[LOGIN] = [other]
    status.reload()
    done = command(status, LOGIN, '--wait')
    assert (done.returncode, done.stderr) == (111, 'dns-updater: failed: no output has these names\n')


def test_a_refused_file(status):
    status.write(LOGIN, '198.51.100.7', age=60)
    status.start()
    status.write(LOGIN, '# a comment\nnonsense')
    done = command(status, '--wait', uid=LOGIN_UID)
    assert (done.returncode, done.stdout) == (100, '')
    assert done.stderr.startswith(f'dns-updater: refused: {status.file(LOGIN)}, line 2: '), done.stderr
    assert done.stderr.endswith("'nonsense'; the last addresses stay: 198.51.100.7\n"), done.stderr
    status.write(LOGIN, '')
    done = command(status, '--wait', uid=LOGIN_UID)
    assert (done.returncode, done.stdout) == (0, f'published: {NAME} is 198.51.100.7\n')


def test_the_first_file_is_refused(status):
    status.start()
    status.write(LOGIN, 'nonsense')
    done = command(status, '--wait', uid=LOGIN_UID)
    assert done.returncode == 100 and done.stderr.endswith('; there are no last addresses\n'), done.stderr
    status.write(LOGIN, '198.51.100.9')
    done = command(status, '--wait', uid=LOGIN_UID)
    assert (done.returncode, done.stdout) == (0, f'published: {NAME} is 198.51.100.9\n'), done.stderr


def test_a_first_file_that_was_refused_and_is_gone_is_not_counted(status):
    status.start()
    status.write(LOGIN, 'nonsense')
    assert 'nonsense' in as_json(status, LOGIN)['refused']
    assert as_json(status)['refused'] == 1
    status.file(LOGIN).unlink()
    assert as_json(status, LOGIN)['refused'] is None
    assert as_json(status)['refused'] == 0


def test_a_link_is_refused(status):
    status.start()
    status.sh(LOGIN, 'echo 198.51.100.9 > real; ln -s real .dynamicdns')
    done = command(status, LOGIN, '--wait')
    assert done.returncode == 100 and done.stderr.startswith('dns-updater: refused: '), done.stderr


def test_a_failing_command(status):
    status.start()
    status.bad.touch()
    status.write(LOGIN, '198.51.100.8')
    done = command(status, '--wait', uid=LOGIN_UID)
    assert (done.returncode, done.stdout) == (111, '')
    assert done.stderr.startswith('dns-updater: failed at tinydns: ') and \
        'exit status 3' in done.stderr and done.stderr.endswith('; the daemon goes on trying\n'), done.stderr
    told = command(status, '--wait', '--json', uid=LOGIN_UID)
    assert told.returncode == 111 and json.loads(told.stdout)['outputs'][0]['state'] == 'fails'
    status.bad.unlink()
    status.send(signal.SIGHUP)
    status.wait_log('makecommand works again')
    assert command(status, '--wait', uid=LOGIN_UID).returncode == 0


def test_the_time_limit(status):
    status.start()
    status.gate.close()
    status.write(LOGIN, '198.51.100.8')
    status.gate.hold()
    done = command(status, '--wait', '--timeout', '1', uid=LOGIN_UID)
    assert done.returncode == 111
    assert done.stderr == 'dns-updater: not confirmed in 1 seconds:\n'
    assert 'tinydns' in done.stdout and 'under way' in done.stdout
    status.gate.open()


def test_a_daemon_that_hangs_and_whom_many_have_asked_before(status):
    """There is no room for one more in the socket's backlog."""
    status.start()
    status.send(signal.SIGSTOP)
    try:
        with contextlib.ExitStack() as stack, contextlib.suppress(BlockingIOError):
            for _ in range(1000):
                s = stack.enter_context(socket.socket(socket.AF_UNIX))
                s.setblocking(False)
                s.connect(str(status.socket))
            pytest.fail('there is no end of the backlog')
        done = command(status, '--wait', '--timeout', '1', uid=LOGIN_UID)
    finally:
        status.send(signal.SIGCONT)
    assert (done.returncode, done.stdout) == (111, '')
    assert done.stderr == f"dns-updater: unable to ask the daemon at '{status.socket}': no answer in time\n"
    assert command(status, '--wait', '--timeout', '0', LOGIN).returncode in (0, 111)


def test_the_answer_comes_at_the_time_limit(status):
    """It was on its way when the command stopped waiting."""
    text = b'user sys: 198.51.100.8\n'
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(status.socket))
        listener.listen()
        status.write_conf()
        p = start_command(status, LOGIN, '--wait', '--timeout', '1')
        with listener.accept()[0] as c, c.makefile('rb') as f:
            assert [f.readline() for _ in range(3)] == [b'wait 1 sys\n', b'forget 1\n', b'status text sys\n']
            c.sendall(b'waited 1 published published: sys.dyn.example.com is 198.51.100.8\n' +
                      b'ok %d\n%s' % (len(text), text))
            out, err = p.communicate(timeout=TIMEOUT)
    assert (p.returncode, out, err) == (111, text.decode(), 'dns-updater: not confirmed in 1 seconds:\n')


def test_a_file_that_is_being_written_is_waited_for(status):
    status.write(LOGIN, '198.51.100.7', age=60)
    status.start()
    with open(status.file(LOGIN), 'w', buffering=1) as f:
        f.write('198.51.100.8\n')
        with Client(status) as c:
            c.send(f'wait 1 {LOGIN}\nstatus json {LOGIN}\n'.encode())
            line = c.file.readline()
            assert line.startswith(b'ok '), line
            assert json.loads(c.file.read(int(line[3:])))['settling'] is True
            f.write('198.51.100.9\n')
            f.close()
            assert c.file.readline() == \
                f'waited 1 published published: {NAME} is 198.51.100.8, 198.51.100.9\n'.encode()


def test_json_after_waiting(status):
    status.start()
    status.write(LOGIN, '198.51.100.8')
    told = as_json(status, '--wait', uid=LOGIN_UID)
    assert told['names'] == [{'name': NAME, 'addresses': ['198.51.100.8']}]
    assert told['outputs'][0]['state'] == 'published'


def test_the_end_of_the_daemon_is_told(status):
    status.start()
    status.gate.close()
    status.write(LOGIN, '198.51.100.8')
    p = start_command(status, '--wait', uid=LOGIN_UID)
    status.gate.hold()
    status.wait(lambda: connections(status) == 1, 'it has asked')
    status.send(signal.SIGTERM)
    out, err = p.communicate(timeout=TIMEOUT)
    assert (p.returncode, out) == (111, '') and 'unable to ask the daemon' in err
    status.gate.open()
    assert status.wait_exit() == 0
    done = command(status, uid=LOGIN_UID)
    assert (done.returncode, done.stderr) == (111, f"dns-updater: unable to ask the daemon at '{status.socket}': "
                                              'it does not run, or its socket is elsewhere (see -c and -s)\n')
    with socket.socket(socket.AF_UNIX) as left:	# what a killed daemon leaves
        left.bind(str(status.socket))
    os.chmod(status.socket, 0o666)
    done = command(status, uid=LOGIN_UID)
    assert done.returncode == 111 and f"'{status.socket}': it does not run, or " in done.stderr


def connections(env):
    with open('/proc/net/unix') as f:
        return sum(1 for line in f if line.split()[5] == '03' and line.endswith(f' {env.socket}\n'))


def test_a_user_who_goes_is_told_of_by_a_reload(status):
    status.start()
    status.gate.close()
    status.write(LOGIN, '198.51.100.8')
    status.gate.hold()
    with Client(status) as c:
        c.send(f'wait 1 {LOGIN}\nhas {LOGIN}\n'.encode())
        assert c.answer() == b'198.51.100.8\n'
        del status.users[LOGIN]
        assert status.reload().startswith('reloaded')
        assert c.file.readline() == b'waited 1 error no such user\n'
    status.gate.open()


def test_over_ssh(status):
    """`ssh host 'echo 1.2.3.4 > .dynamicdns && dns-updater status --wait'` tells the truth."""
    needs('ssh')
    needs(test_ssh.SSHD)
    login = test_ssh.LOGIN
    harness._uids[login] = uid_of('john')	# whom sshd's passwd(5) has
    status.users = {login: [NAME]}
    ssh = test_ssh.Ssh(status, status.make_home(login))
    status.prefix = [*unshare_mounts(), 'sh', '-ec', f'mount --bind {ssh.dir}/passwd /etc/passwd; exec "$@"',
                     'sh']
    status.start()
    ssh.start()
    try:
        line = f'{{}} > .dynamicdns && {DNS_UPDATER} status --wait -c {status.conf_file} > told 2>&1'
        told = status.home(login) / 'told'
        for i in range(3):
            assert ssh.run(line.format(f'echo 198.51.100.{i}')) == 0
            assert status.query(NAME, 'A') == {f'198.51.100.{i}'}
            assert told.read_text() == f'published: {NAME} is 198.51.100.{i}\n'
        assert ssh.run(line.format('echo 1.2.3.400')) == 100
        assert told.read_text().endswith("; the last addresses stay: 198.51.100.2\n")
        status.bad.touch()
        assert ssh.run(line.format('echo 198.51.100.9')) == 111
        assert told.read_text().startswith('dns-updater: failed at tinydns: ')
        assert status.query(NAME, 'A') == {'198.51.100.2'}
    finally:
        ssh.close()


# ---- the command line

@pytest.mark.parametrize('words', [('a', 'b'), ('--timeout', '3'), ('--wait', '--timeout', 'x'), ('-e',),
                                   ('--list',), ('--wait', '--timeout', '-1'), ('a\nb',), ('',)])
def test_what_is_no_command(status, words):
    status.start()
    assert command(status, *words).returncode == 100


def test_root_waits_for_somebody(status):
    status.start()
    done = command(status, '--wait')
    assert (done.returncode, done.stdout) == (100, '') and 'name a user' in done.stderr


def test_options_of_status_are_none_of_the_others(status):
    for words in (('check', '--json'), ('token', 'john', '--wait'), ('-s', '/x')):
        done = subprocess.run([DNS_UPDATER, *words], capture_output=True, timeout=TIMEOUT, env=clean_env())
        assert done.returncode == 100 and b'usage' in done.stderr


def test_the_configuration_need_not_be_readable(status):
    status.start()
    status.conf_file.chmod(0o600)
    done = command(status, '-s', str(status.socket), uid=LOGIN_UID)
    assert done.returncode == 0 and done.stdout.startswith('user sys: '), done.stderr
    done = command(status, uid=LOGIN_UID)
    if not os.path.exists('/run/dns-updater'):
        assert done.returncode == 111
        assert done.stderr.startswith("dns-updater: unable to ask the daemon at '/run/dns-updater/socket': ")


# ---- on the wire

class Client_as:
    """A process of another account that connects when it is told to, and talks."""

    CODE = '''
import os, socket, sys
n, path = int(sys.argv[2]), sys.argv[1]
print(flush=True)
for line in sys.stdin.buffer:
    s = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    s.settimeout(20)
    s.connect(path)
    s.sendall(line)
    got = s.makefile("rb").readline()
    sys.stdout.buffer.write(got)
    sys.stdout.buffer.flush()
    s.close()
'''

    def __init__(self, env, uid):
        self.process = subprocess.Popen([sys.executable, '-S', '-c', self.CODE, str(env.socket), '0'],
                                        stdin=subprocess.PIPE, stdout=subprocess.PIPE, cwd='/', user=uid,
                                        group=uid, extra_groups=[])
        self.process.stdout.readline()

    def talk(self, line):
        """The first line of the answer to it, on a connection of its own."""
        self.process.stdin.write(line)
        self.process.stdin.flush()
        return self.process.stdout.readline()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.stdin.close()
        self.process.kill()
        self.process.wait()
        self.process.stdout.close()


@contextlib.contextmanager
def connections_of(env, uid, n=1):
    """Connections of this account, made by a process of it and handed over."""
    code = '''
import socket, sys
out = socket.socket(fileno=int(sys.argv[3]))
for _ in range(int(sys.argv[2])):
    s = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    s.connect(sys.argv[1])
    socket.send_fds(out, [b'x'], [s.fileno()])
'''
    ours, theirs = socket.socketpair()
    with ours, theirs:
        subprocess.run([sys.executable, '-S', '-c', code, str(env.socket), str(n), str(theirs.fileno())],
                       pass_fds=[theirs.fileno()], user=uid, group=uid, extra_groups=[], check=True,
                       timeout=TIMEOUT, cwd='/')
        fds = [socket.recv_fds(ours, 1, 1)[1][0] for _ in range(n)]
    clients = []
    for fd in fds:
        c = Client.__new__(Client)
        c.socket = socket.socket(fileno=fd)
        c.socket.settimeout(TIMEOUT)
        c.file = c.socket.makefile('rb')
        clients.append(c)
    with contextlib.ExitStack() as stack:
        for c in clients:
            stack.callback(c.close)
        yield clients


def front_end(env, n=1):
    return connections_of(env, FRONT_END_UID, n)


def test_waits_do_not_hold_up_what_else_is_asked(status):
    status.start()
    status.gate.close()
    status.write(LOGIN, '198.51.100.8')
    status.gate.hold()
    with front_end(status) as (c,):
        c.send(f'wait 18446744073709551615 {LOGIN}\nhas {LOGIN}\nwait 2 nobody\nhas john\n'.encode())
        assert c.answer() == b'198.51.100.8\n'
        assert {c.answer() for _ in range(2)} == {b'unknown\n', b'waited 2 error no such user\n'}
        status.gate.open()
        assert c.answer() == \
            f'waited 18446744073709551615 published published: {NAME} is 198.51.100.8\n'.encode()


def test_thousands_of_waits_on_one_connection(status):
    status.start()
    status.gate.close()
    status.write(LOGIN, '198.51.100.8')
    status.gate.hold()
    with front_end(status) as (c,):
        c.send(b''.join(b'wait %d %s\n' % (i, LOGIN.encode()) for i in range(4100)))
        assert {c.answer() for _ in range(4)} == {b'waited %d error too many wait\n' % i
                                                  for i in range(4096, 4100)}
        c.send(b'forget 17\nforget 17\nforget 99999\nhas john\n')
        assert c.answer() == b'unknown\n'
        status.gate.open()
        got = {c.answer() for _ in range(4095)}
        assert got == {f'waited {i} published published: {NAME} is 198.51.100.8\n'.encode()
                       for i in range(4096) if i != 17}
        c.send(f'wait 1 {LOGIN}\n'.encode())
        assert c.answer().startswith(b'waited 1 published')


def test_one_who_is_no_front_end_waits_once(status):
    status.start()
    status.gate.close()
    status.write(LOGIN, '198.51.100.8')
    status.gate.hold()
    with connections_of(status, LOGIN_UID) as (c,):
        c.send(f'wait 1 {LOGIN}\nwait 2 {LOGIN}\n'.encode())
        assert c.answer() == b'waited 2 error too many wait\n'
        c.send(f'forget 1\nwait 3 {LOGIN}\n'.encode())
        status.gate.open()
        assert c.answer().startswith(b'waited 3 published')


def test_a_front_end_of_the_daemons_own_account_waits_for_many(status):
    status.conf_more = HTTP.replace(FRONT_END, SERVICE)
    status.start()
    status.gate.close()
    status.write(LOGIN, '198.51.100.8')
    status.gate.hold()
    with connections_of(status, SERVICE_UID) as (c,):
        c.send(f'wait 1 {LOGIN}\nwait 2 {LOGIN}\nhas john\n'.encode())
        assert c.answer() == b'unknown\n'
        status.gate.open()
        assert {c.answer() for _ in range(2)} == {
            f'waited {i} published published: {NAME} is 198.51.100.8\n'.encode() for i in (1, 2)}


def test_who_closes_his_direction_waits_no_more(status):
    status.start()
    status.gate.close()
    status.write(LOGIN, '198.51.100.8')
    status.gate.hold()
    with Client(status) as c:
        c.send(f'has {LOGIN}\nwait 1 {LOGIN}\n'.encode())
        c.socket.shutdown(socket.SHUT_WR)
        assert c.answer() == b'198.51.100.8\n'
        assert c.rest() == b''
    status.gate.open()


@pytest.mark.parametrize('question', ['status', 'status text ', 'status TEXT', 'status xml john', 'wait', 'wait 1',
                                      'wait 1 ', 'wait x john', 'wait john', 'wait  john', 'forget',
                                      'forget x', 'forget 1 john', 'wait 123456789012345678901 john', 'has'])
def test_what_is_no_question(status, question):
    status.start()
    with Client(status) as c:
        c.send(question.encode() + b'\n')
        assert c.rest() == b'error not a question\n'


def test_the_front_end_has_places_of_its_own(status):
    """However many connections others open."""
    status.start()
    flood = '''
import socket, sys
kept = []
for i in range(600):
    s = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    s.connect(sys.argv[1])
    kept.append(s)
    try:
        s.send(sys.argv[2].encode())
    except OSError:
        pass
print(flush=True)
sys.stdin.read()
'''
    status.gate.close()
    status.write(LOGIN, '198.51.100.8')
    status.gate.hold()
    with contextlib.ExitStack() as stack:
        for uid, group in ((LOGIN_UID, LOGIN_UID), (OTHER_UID, OTHER_UID), (61900, SERVICE_GID), (0, 0)):
            p = subprocess.Popen([sys.executable, '-S', '-c', flood, str(status.socket),
                                  f'wait 1 {LOGIN}\n'], cwd='/', stdin=subprocess.PIPE,
                                 stdout=subprocess.PIPE, user=uid, group=group, extra_groups=[])
            stack.callback(p.wait)
            stack.callback(p.kill)
            stack.callback(p.stdin.close)
            p.stdout.readline()
        with front_end(status, 16) as clients:
            for c in clients:
                assert c.has('john') == b'unknown\n'
                c.send(b'wait 1 john\n')
        status.gate.open()
    status.wait(lambda: connections(status) == 0, 'they are gone')
    assert command(status, uid=LOGIN_UID).returncode == 0


def test_a_user_has_four_connections(status):
    status.start()
    code = '''
import socket, sys
kept = []
for i in range(7):
    s = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    s.settimeout(20)
    s.connect(sys.argv[1])
    try:
        s.send(b'has sys\\n')
        print(s.recv(100).decode() or 'closed')
    except OSError:
        print('closed')
    kept.append(s)
'''
    out = subprocess.run([sys.executable, '-S', '-c', code, str(status.socket)], cwd='/', check=True, text=True,
                         stdout=subprocess.PIPE, timeout=TIMEOUT, user=LOGIN_UID, group=LOGIN_UID,
                         extra_groups=[]).stdout
    assert out.split() == ['unknown'] * 4 + ['closed'] * 3


def test_who_has_very_many_accounts_keeps_nobody_from_asking(status):
    """By subuid(5) a user may be as many as he likes."""
    status.write(LOGIN, '198.51.100.7', age=60)
    status.start()
    status.gate.close()
    status.write(LOGIN, '198.51.100.8')
    status.gate.hold()
    with contextlib.ExitStack() as stack:
        waits, = stack.enter_context(connections_of(status, LOGIN_UID))
        waits.send(f'wait 1 {LOGIN}\nhas {LOGIN}\n'.encode())
        assert waits.answer() == b'198.51.100.8\n'
        for uid in range(100000, 100070):
            stack.enter_context(connections_of(status, uid, 4))
        done = command(status, uid=LOGIN_UID)
        assert done.returncode == 0, done.stderr
        status.gate.open()
        assert waits.answer().startswith(b'waited 1 published')


def test_who_asks_nothing_is_closed_unless_he_is_privileged(status):
    status.start()
    code = '''
import socket, sys
s = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
s.connect(sys.argv[1])
s.settimeout(40)
sys.stdout.buffer.write(s.recv(1) + b'end')
'''
    with Client(status) as root:
        done = subprocess.run([sys.executable, '-S', '-c', code, str(status.socket)], cwd='/', check=True,
                              stdout=subprocess.PIPE, timeout=60, user=LOGIN_UID, group=LOGIN_UID,
                              extra_groups=[])
        assert done.stdout == b'end'
        assert root.has('john') == b'unknown\n'


def test_who_has_waited_for_long_may_ask_once_more(status):
    """As `status --wait --json` does."""
    status.start()
    status.gate.close()
    status.write(LOGIN, '198.51.100.8')
    status.gate.hold()
    with connections_of(status, LOGIN_UID, 2) as (waits, idle):
        waits.send(f'wait 1 {LOGIN}\n'.encode())
        assert idle.rest() == b''		# closed, so the time is up for the other one, too
        status.gate.open()
        assert waits.answer().startswith(b'waited 1 published')
        assert not select.select([waits.socket], [], [], 1.5)[0], 'closed: the daemon looks each second'
        assert waits.has(LOGIN) == b'198.51.100.8\n'


def test_of_two_doors_the_later_is_waited_for(status):
    status.write(LOGIN, '198.51.100.7', age=60)
    status.start()
    prepare(status, '203.0.113.9\n', status.door / LOGIN)()
    done = command(status, LOGIN, '--wait')
    assert (done.returncode, done.stdout) == (0, f'published: {NAME} is 203.0.113.9\n')
    assert as_json(status, LOGIN)['file'] == str(status.door / LOGIN)
    status.write(LOGIN, 'nonsense')
    assert command(status, LOGIN, '--wait').returncode == 100
    prepare(status, '203.0.113.10\n', status.door / LOGIN)()
    assert command(status, LOGIN, '--wait').stdout == f'published: {NAME} is 203.0.113.10\n'
