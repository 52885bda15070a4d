# SPDX-FileCopyrightText: 2026 The dns-updater authors
# SPDX-License-Identifier: ISC
"""Updates over a real sshd(8), as README.md has them: the lines are read from there.

sshd and the daemon live in a mount namespace in which /etc/passwd has one account more; the machine
has none. The client comes over loopback with a key of its own."""

import os
import pathlib
import re
import socket
import subprocess

import pytest

from harness import Log, TIMEOUT, TOP, clean_env, needs, uid_of, unshare_mounts
from servers import Port

JOHN = 'john.dyn.example.com'
LOGIN = 'dnsu-test-john'
SSHD = '/usr/sbin/sshd'


def forced_lines():
    """The two lines for authorized_keys of README.md, without the key behind them."""
    text = (TOP / 'README.md').read_text()
    lines = re.findall(r'^ +(restrict,command=".*") ssh-ed25519 ', text, re.M)
    assert len(lines) == 2, 'README.md has another number of forced commands'
    return lines


def commands():
    """What README.md tells to type: `ssh host ...` with an account on the host; each once."""
    text = (TOP / 'README.md').read_text()
    return list(dict.fromkeys(re.findall(r"^ +ssh host '([^']*)'", text, re.M)))


class Ssh:
    """sshd on loopback for one account, and a client of it."""

    def __init__(self, env, home):
        self.env = env
        self.home = home
        self.dir = env.tmp / 'ssh'
        self.dir.mkdir()
        self.log = Log('sshd')
        self.process = self.claimed = None
        for name in ('host', 'client'):
            subprocess.run(['ssh-keygen', '-q', '-t', 'ed25519', '-N', '', '-f', self.dir / name],
                           check=True)
        (self.dir / 'passwd').write_text(
            pathlib.Path('/etc/passwd').read_text() +
            f'{LOGIN}:x:{uid_of("john")}:{uid_of("john")}::{home}:/bin/sh\n')
        (self.dir / 'shadow').write_text(f'{LOGIN}:*:19000:0:99999:7:::\n')
        self.keys = self.dir / 'authorized_keys'
        self.key('')

    def key(self, options):
        self.keys.write_text(f'{options} {(self.dir / "client.pub").read_text()}'.lstrip())

    def start(self):
        self.claimed = Port('127.0.0.1')	# of those that the kernel gives to nobody meanwhile
        self.port = self.claimed.number
        (self.dir / 'config').write_text(
            f'ListenAddress 127.0.0.1:{self.port}\nHostKey {self.dir}/host\nPidFile none\n'
            f'AuthorizedKeysFile {self.keys}\nStrictModes no\nUsePAM no\n'
            'PasswordAuthentication no\nKbdInteractiveAuthentication no\nPrintMotd no\n'
            'PrintLastLog no\nLogLevel VERBOSE\nSubsystem sftp internal-sftp\n')
        self.process = subprocess.Popen(
            [*unshare_mounts(), 'sh', '-ec',
             f'mount --bind {self.dir}/passwd /etc/passwd; mount --bind {self.dir}/shadow /etc/shadow; '
             'mkdir -p /run/sshd; mount -t tmpfs -o mode=755 tmpfs /run/sshd; exec "$@"', 'sh',
             SSHD, '-D', '-e', '-f', str(self.dir / 'config')],
            stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, cwd='/',
            env=clean_env(), start_new_session=True)
        self.log.follow(self.process.stderr)
        if not self.log.wait(lambda line: 'Server listening' in line):
            self.close()
            pytest.fail('sshd does not start: ' + self.log.text())

    def command(self, *words):
        return ['ssh', '-F', 'none', '-q', '-T', '-i', str(self.dir / 'client'), '-p', str(self.port),
                '-o', 'StrictHostKeyChecking=no', '-o', 'UserKnownHostsFile=/dev/null',
                '-o', 'IdentitiesOnly=yes', '-o', 'BatchMode=yes', '-o', 'ControlPath=none',
                f'{LOGIN}@127.0.0.1', *words]

    def run(self, *words, input=b''):
        """ssh host words... < input; its exit status."""
        done = subprocess.run(self.command(*words), input=input, capture_output=True,
                              env=clean_env(), timeout=TIMEOUT)
        if done.returncode == 255:
            pytest.fail(f'ssh: {done.stderr} {self.log.text()}')
        return done.returncode

    def close(self):
        if self.process and self.process.poll() is None:
            self.process.kill()
        if self.process:
            self.process.wait()
        if self.claimed:
            self.claimed.close()


@pytest.fixture
def ssh(env):
    needs('ssh')
    needs(SSHD)
    home = env.make_home('john')
    env.start()
    s = Ssh(env, home)
    s.start()
    yield s
    s.close()


def file(env):
    return env.file('john').read_text() if env.file('john').exists() else None


# ---- with an account

def test_ssh_host_echo_updates_the_name(env, ssh):
    assert ssh.run('echo 1.2.3.4 > .dynamicdns') == 0
    env.wait_line('user john requested update to 1.2.3.4')
    env.wait_answer(JOHN, 'A', {'1.2.3.4'})


def test_what_readme_tells_to_type_is_accepted(env, ssh):
    assert len(commands()) >= 3
    for command in commands():
        mark = env.mark()
        command, _, status = command.partition(' && /usr/sbin/dns-updater status ')
        assert status in ('', '--wait')		# which test_status.py runs
        assert ssh.run(command) == 0
        env.wait_log('^user john requested update to ', mark)
    assert env.count('^refusing') == 0


def test_scp_updates_the_name(env, ssh):
    source = env.tmp / 'address'
    source.write_text('1.2.3.4\n')
    command = ssh.command()
    subprocess.run(['scp', '-q', *[{'-p': '-P'}.get(w, w) for w in command[1:-1] if w not in ('-T',)],
                    str(source), f'{command[-1]}:.dynamicdns'], check=True, env=clean_env(),
                   capture_output=True, timeout=TIMEOUT)
    env.wait_answer(JOHN, 'A', {'1.2.3.4'})


# ---- a key that can do nothing else

@pytest.fixture
def forced(ssh):
    ssh.key(forced_lines()[0])
    return ssh


@pytest.mark.parametrize('address, type', [('1.2.3.4', 'A'), ('2001:db8::7', 'AAAA')])
def test_the_forced_command_takes_an_address(env, ssh, forced, address, type):
    assert forced.run(input=f'{address}\n'.encode()) == 0
    assert file(env) == f'{address}\n'
    if type == 'A':
        env.wait_answer(JOHN, 'A', {address})
    else:
        env.wait_answer(JOHN, 'AAAA', {address, '2001:db8::1'})


def test_the_forced_command_is_run_whatever_the_client_asks_for(env, forced):
    forced.run('cat /etc/passwd; touch pwned; echo 6.6.6.6 > .dynamicdns', input=b'1.2.3.4\n')
    assert file(env) == '1.2.3.4\n'
    assert not (env.home('john') / 'pwned').exists()


@pytest.mark.parametrize('input', [
    pytest.param(b'', id='nothing'),
    pytest.param(b'198.51.100.1', id='a_connection_that_broke_off'),
    pytest.param(b'\n', id='an_empty_line'),
    pytest.param(b'none\n', id='a_word'),
    pytest.param(b'1234\n', id='a_number'),
    pytest.param(b'$(touch pwned).\n', id='a_command_substitution'),
    pytest.param(b'`touch pwned`.\n', id='backquotes'),
    pytest.param(b'1.2.3.4; touch pwned\n', id='a_second_command'),
    pytest.param(b'* .\n', id='a_pattern'),
    pytest.param(b'-n 1.2.3.4\n', id='an_option'),
    pytest.param(b'1.2.3.4\\n5.6.7.8\n', id='a_backslash'),
    pytest.param(b'1.2.3.4\r\n', id='CR'),
    pytest.param(b'1' * 64 + b'.2\n', id='longer_than_64_bytes'),
    pytest.param(b'x' * 1000000, id='a_flood'),
    pytest.param('１.2.3.4\n'.encode(), id='wide_digits'),
])
def test_the_forced_command_refuses_what_is_no_address_and_keeps_the_file(env, forced, input):
    env.write('john', '1.1.1.1')
    assert forced.run(input=input) != 0
    assert file(env) == '1.1.1.1\n'
    assert sorted(os.listdir(env.home('john'))) == ['.dynamicdns']


def test_the_forced_command_takes_the_first_line_only(env, forced):
    assert forced.run(input=b'1.2.3.4\n5.6.7.8\n') == 0
    assert file(env) == '1.2.3.4\n'


def test_the_forced_command_replaces_the_file_and_leaves_no_temporary(env, forced):
    env.write('john', '1.1.1.1')
    before = env.file('john').stat().st_ino
    assert forced.run(input=b'1.2.3.4\n') == 0
    assert env.file('john').stat().st_ino != before
    assert sorted(os.listdir(env.home('john'))) == ['.dynamicdns']
    env.wait_answer(JOHN, 'A', {'1.2.3.4'})


def test_the_forced_command_makes_a_file_that_the_daemon_takes(env, forced):
    assert forced.run(input=b'1.2.3.4\n') == 0
    st = env.file('john').stat()
    assert (st.st_mode & 0o7777, st.st_uid, st.st_nlink) == (0o644, uid_of('john'), 1)


def test_the_key_gives_no_terminal_and_no_forwarding(env, forced):
    command = forced.command()
    done = subprocess.run([command[0], '-tt', *command[1:]], input=b'1.2.3.4\n', capture_output=True,
                          env=clean_env(), timeout=TIMEOUT)
    assert forced.log.wait(lambda line: 'Accepted' in line)
    assert b'# ' not in done.stdout and b'$ ' not in done.stdout
    with socket.socket() as s:
        s.bind(('127.0.0.1', 0))
        port = s.getsockname()[1]
    done = subprocess.run([*command[:-1], '-o', 'ExitOnForwardFailure=yes', '-R',
                           f'127.0.0.1:{port}:127.0.0.1:{forced.port}', command[-1]],
                          input=b'1.2.3.4\n', capture_output=True, env=clean_env(), timeout=TIMEOUT)
    assert done.returncode == 255


# ---- a key that publishes where it comes from

def test_the_other_forced_command_writes_where_the_connection_comes_from(env, ssh):
    ssh.key(forced_lines()[1])
    assert ssh.run('echo 6.6.6.6', input=b'6.6.6.6\n') == 0
    assert file(env) == '127.0.0.1\n'
    # and whether that may be published is not its business
    env.wait_log('^refusing .* of user john: line 1: ')
    assert sorted(os.listdir(env.home('john'))) == ['.dynamicdns']
