# SPDX-FileCopyrightText: 2026 The dns-updater authors
# SPDX-License-Identifier: ISC
"""dns-updater token: makes, lists and revokes; the file is replaced whole and loses nothing. And what
dns-updater check says of the front end's files."""

import fcntl
import os
import pwd
import re
import subprocess

import pytest

from http_harness import hashed
from harness import (DNS_UPDATER, SERVICE_GID, SERVICE_UID, TIMEOUT, clean_env, needs,
                     unshare_mounts)

A, B, C = 'a.dyn.example.com', 'b.dyn.example.com', 'c.dyn.example.com'
FRONT_END = 'nobody'		# the front end's account: another than the daemon's
FRONT_END_UID = pwd.getpwnam(FRONT_END).pw_uid
FRONT_END_GID = pwd.getpwnam(FRONT_END).pw_gid


class Tokens:
    """A configuration with a section [http], and the tokens file that it names."""

    def __init__(self, env):
        self.env = env
        self.etc = env.tmp / 'etc'
        self.etc.mkdir()
        self.path = self.etc / 'tokens'
        self.lock = self.etc / 'tokens.lock'
        self.door = env.tmp / 'http'
        self.http = {'user': FRONT_END, 'tokens': self.path}
        env.with_fence = False
        env.users = {'john': [A, B], 'jane': [C], 'john@example.org': ['d.dyn.example.com']}
        env.conf['pathpattern'] += f' {self.door}/%u'
        self.write_conf()

    def write_conf(self):
        self.env.conf_more = '[http]\n' + ''.join(f'{k} = {v}\n' for k, v in self.http.items())
        self.env.write_conf()

    def command(self, *words):
        return [DNS_UPDATER, 'token', *words, '-c', str(self.env.conf_file)]

    def run(self, *words, input='', **kw):
        return subprocess.run(self.command(*words), input=input, capture_output=True,
                              text=isinstance(input, str), timeout=TIMEOUT, env=clean_env(), **kw)

    def make(self, *words, **kw):
        """Returns the secret."""
        done = self.run(*words, **kw)
        assert done.returncode == 0, done.stderr
        return done.stdout.rstrip('\n')

    def lines(self):
        return self.path.read_text().splitlines()

    def check(self):
        self.write_conf()
        done = self.env.check()
        done.lines = [l for l in done.lines if "everyone may add files to '/tmp'" not in l]
        done.mistakes = [l for l in done.lines if re.match(r'/[^:]*(:\d+)?: (?!warning)', l)]
        done.warnings = [l for l in done.lines if 'warning: ' in l]
        return done


@pytest.fixture
def tokens(env):
    return Tokens(env)


def no_leftovers(tokens):
    assert sorted(os.listdir(tokens.etc)) in (['tokens', 'tokens.lock'], ['tokens.lock'])


# ---- making

def test_a_token_is_shown_once_and_stored_as_a_hash(tokens):
    done = tokens.run('john')
    assert done.returncode == 0, done.stderr
    assert re.fullmatch(r'[A-Za-z0-9]{22,}\n', done.stdout)	# 22 of 62 have 130 bits
    secret = done.stdout.strip()
    user, label, hash = tokens.lines()[0].split(' ')
    assert (user, hash) == ('john', hashed(secret))
    assert label in done.stderr
    assert secret not in done.stderr and 'blake2b' not in done.stderr
    assert secret not in tokens.path.read_text()
    no_leftovers(tokens)


def test_every_token_is_another_one(tokens):
    made = [tokens.make('john') for _ in range(5)]
    assert len(set(made)) == 5
    assert [l.split()[2] for l in tokens.lines()] == [hashed(s) for s in made]


def test_default_labels_are_unique_for_a_user(tokens):
    for user in ('john', 'john', 'john', 'jane'):
        tokens.make(user)
    labels = [l.split()[1] for l in tokens.lines()]
    day = labels[0]
    assert re.fullmatch(r'\d{4}-\d\d-\d\d', day)
    assert labels[1:3] == [day + '-2', day + '-3']
    assert labels[3] == day


@pytest.mark.parametrize('words', [
    ('john', '-l', 'router'), ('-l', 'router', 'john'), ('-lrouter', 'john'),
])
def test_options_stand_before_and_behind_the_user(tokens, words):
    tokens.make(*words)
    assert tokens.lines()[0].startswith('john router ')


def test_the_configuration_may_stand_before_the_command(tokens):
    done = subprocess.run([DNS_UPDATER, '-c', tokens.env.conf_file, 'token', 'john'],
                          capture_output=True, timeout=TIMEOUT)
    assert done.returncode == 0
    assert len(tokens.lines()) == 1


def test_names_become_canonical(tokens):
    tokens.make('john', '-l', 'x', '-n', f'{B.upper()}., {A}')
    assert tokens.lines()[0].endswith(f' {B},{A}')


@pytest.mark.parametrize('words, why', [
    (('nobody-such',), "there is no user 'nobody-such'"),
    (('john', '-n', C), f"name '{C}' is not one of user 'john'"),
    (('john', '-n', 'a..b'), "name 'a..b'"),
    (('john', '-n', ' ,'), 'no name'),
    (('john', '-n', ''), 'no name'),
    (('john', '-l', ''), 'no label'),
    (('john', '-l', 'two words'), 'no label'),
    (('john', '-l', 'l' * 65), 'no label'),
    (('john', '-l', 'a\nb'), 'no label'),
    ((), 'usage'),
    (('john', 'jane'), 'usage'),
    (('john', '--list', '--revoke', 'x'), 'usage'),
    (('john', '--list', '-l', 'x'), 'usage'),
    (('john', '--list', '--stdin'), 'usage'),
    (('john', '-e'), 'usage'),
    (('john', '--unknown'), 'usage'),
    (('john', '--revoke'), 'usage'),
])
def test_what_is_refused_leaves_no_file(tokens, words, why):
    done = tokens.run(*words)
    assert done.returncode == 100
    assert why in done.stderr
    assert done.stdout == ''
    assert not tokens.path.exists()


def test_options_of_token_are_no_options_of_others(tokens):
    done = subprocess.run([DNS_UPDATER, 'check', '-c', tokens.env.conf_file, '-l', 'x'],
                          capture_output=True, text=True, timeout=TIMEOUT)
    assert done.returncode == 100 and 'usage' in done.stderr


def test_a_label_twice_is_refused(tokens):
    tokens.make('john', '-l', 'router')
    before = tokens.path.read_bytes()
    done = tokens.run('john', '-l', 'router')
    assert done.returncode == 100
    assert "'router'" in done.stderr and 'line 1' in done.stderr
    assert done.stdout == ''
    assert tokens.path.read_bytes() == before
    tokens.make('jane', '-l', 'router')


def test_mistakes_of_the_configuration_are_told(tokens):
    tokens.http['colour'] = 'red'
    tokens.write_conf()
    done = tokens.run('john')
    assert done.returncode == 100
    assert "unknown key 'colour'" in done.stderr
    assert not tokens.path.exists()


def test_bad_lines_are_told_and_kept(tokens):
    tokens.path.write_text('# mine\njohn x y\njohn:$apr1$UytoOLgA$f0z3c5qluxYP4cte1vMoN/')
    before = tokens.path.read_text()
    done = tokens.run('john', '-l', 'new')
    assert done.returncode == 0
    assert f'{tokens.path}:2: ' in done.stderr and f'{tokens.path}:3: ' in done.stderr
    assert tokens.path.read_text() == f'{before}\njohn new {hashed(done.stdout.strip())}\n'


def test_a_secret_that_cannot_be_shown_is_told(tokens):
    with open('/dev/full', 'wb') as full:
        done = subprocess.run(tokens.command('john', '-l', 'lost'), stdout=full,
                              stderr=subprocess.PIPE, text=True, timeout=TIMEOUT)
    assert done.returncode == 111
    assert '--revoke lost' in done.stderr


# ---- secrets from standard input

@pytest.mark.parametrize('input, secret', [
    (b'abcdefghijklmnopqrstuvwxyz0123456789\n', b'abcdefghijklmnopqrstuvwxyz0123456789'),
    (b'without a newline, blanks and all, long enough', None),
    (b'first line of two, which is long enough\nsecond\n', b'first line of two, which is long enough'),
    (bytes(c for c in range(1, 256) if c != 10), None),
    (b'carriage return is one of the bytes\r\n', b'carriage return is one of the bytes\r'),
    (b'x' * 4096, None),
])
def test_a_secret_from_standard_input(tokens, input, secret):
    done = tokens.run('john', '--stdin', '-l', 'x', input=input)
    assert done.returncode == 0, done.stderr
    assert done.stdout == b''
    assert b'is weak' not in done.stderr
    assert tokens.lines()[0] == f'john x {hashed(secret or input)}'


@pytest.mark.parametrize('input, why', [
    (b'', b'empty'), (b'\nsecond line', b'empty'), (b'a\0b\n', b'NUL'), (b'x' * 4097, b'4096'),
])
def test_a_secret_that_is_none_is_refused(tokens, input, why):
    done = tokens.run('john', '--stdin', input=input)
    assert done.returncode == 100
    assert why in done.stderr
    assert not tokens.path.exists()


@pytest.mark.parametrize('secret, weak', [
    ('hunter2', True),
    ('a' * 27, True),		# 27 of 26: 126.9 bits
    ('a' * 28, False),
    ('aB3' * 7, True),		# 21 of 62: 125.0 bits
    ('aB3' * 7 + 'x', False),	# 22 of 62: 130.9 bits
    ('0' * 38, True),
    ('0' * 39, False),
])
def test_a_weak_secret_is_warned_of_and_stored(tokens, secret, weak):
    done = tokens.run('john', '--stdin', '-l', 'x', input=secret + '\n')
    assert done.returncode == 0
    assert ('is weak' in done.stderr) == weak
    assert secret not in done.stderr
    assert tokens.lines()[0] == f'john x {hashed(secret)}'


def test_a_secret_twice_is_refused(tokens):
    tokens.run('john', '--stdin', '-l', 'x', input='hunter2\n')
    done = tokens.run('jane', '--stdin', input='hunter2\n')
    assert done.returncode == 100
    assert 'line 1' in done.stderr
    assert len(tokens.lines()) == 1


# ---- listing and revoking

def test_the_list_has_label_names_and_kind_and_no_hash(tokens):
    tokens.make('john', '-l', 'router')
    tokens.make('jane', '-l', 'other')
    tokens.make('john', '-l', 'laptop', '-n', f'{A},{B}')
    with tokens.path.open('a') as f:
        f.write('john:89MMQI92uO2Dk\n')
    done = tokens.run('john', '--list')
    assert done.returncode == 0
    assert done.stdout == f'router\tall\ttoken\nlaptop\t{A},{B}\ttoken\n-\tall\tdes\n'
    assert done.stderr == ''
    assert tokens.run('--list', 'john').stdout == done.stdout


def test_the_list_of_a_user_without_tokens_is_empty(tokens):
    done = tokens.run('john', '--list')
    assert (done.returncode, done.stdout, done.stderr) == (0, '', '')
    assert tokens.run('nobody-such', '--list').returncode == 100


def test_revoke_takes_its_line_only(tokens):
    before = b'\xef\xbb\xbf# comment, \xff bytes\r\n\n   \njane router ' + hashed('1').encode() + b'\n'
    after = b'  john  laptop\t' + hashed('2').encode() + b' \r\n# john router x y\njohn router\nbad'
    tokens.path.write_bytes(before + b'john router ' + hashed('3').encode() + b' \r\n' + after)
    done = tokens.run('john', '--revoke', 'router')
    assert done.returncode == 0, done.stderr
    assert tokens.path.read_bytes() == before + after
    no_leftovers(tokens)


def test_what_is_not_there_cannot_be_revoked(tokens):
    tokens.make('jane', '-l', 'router')
    stat = tokens.path.stat()
    done = tokens.run('john', '--revoke', 'router')
    assert done.returncode == 100
    assert "'router'" in done.stderr
    assert tokens.path.stat().st_ino == stat.st_ino
    assert tokens.run('nobody-such', '--revoke', 'router').returncode == 100


def test_tokens_of_a_user_who_is_gone_can_be_listed_and_revoked(tokens):
    tokens.make('jane', '-l', 'router')
    del tokens.env.users['jane']
    tokens.write_conf()
    assert tokens.run('jane', '--list').stdout == 'router\tall\ttoken\n'
    assert tokens.run('jane', '--revoke', 'router').returncode == 0
    assert tokens.path.read_bytes() == b''


def test_a_revoked_label_takes_its_duplicates_along(tokens):
    tokens.path.write_text(f'john x {hashed("1")}\njohn x {hashed("2")}\njohn y {hashed("3")}\n')
    assert tokens.run('john', '--revoke', 'x').returncode == 0
    assert tokens.lines() == [f'john y {hashed("3")}']


def test_a_revoked_secret_that_stands_there_once_more_is_told(tokens):
    tokens.path.write_text(f'john x {hashed("1")}\njane y {hashed("1")}\n')
    done = tokens.run('john', '--revoke', 'x')
    assert done.returncode == 100
    assert f"{tokens.path}:1: token 'y' of user 'jane' has the same secret" in done.stderr


# ---- the file

def test_a_new_file_is_for_the_front_end_to_read(tokens):
    tokens.make('john')
    st = tokens.path.stat()
    assert (st.st_uid, st.st_gid, st.st_mode & 0o7777) == (0, FRONT_END_GID, 0o640)
    assert tokens.lock.stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize('umask', [0o000, 0o077, 0o777])
def test_the_umask_does_not_matter(tokens, umask):
    tokens.make('john', umask=umask)
    assert tokens.path.stat().st_mode & 0o7777 == 0o640


def test_a_front_end_without_an_account_is_told(tokens):
    tokens.http['user'] = 'nobody-such'
    tokens.write_conf()
    done = tokens.run('john')
    assert done.returncode == 0
    assert "'nobody-such'" in done.stderr
    st = tokens.path.stat()
    assert (st.st_uid, st.st_gid, st.st_mode & 0o7777) == (0, 0, 0o640)


@pytest.mark.parametrize('uid, gid, mode', [
    (0, SERVICE_GID, 0o640), (SERVICE_UID, 0, 0o600), (61500, 61501, 0o4664), (0, 0, 0o604),
])
def test_owner_group_and_mode_are_kept(tokens, uid, gid, mode):
    tokens.path.write_text('# mine\n')
    os.chown(tokens.path, uid, gid)
    tokens.path.chmod(mode)
    old = tokens.etc / 'old'
    old.hardlink_to(tokens.path)
    for words in (('john', '-l', 'x'), ('john', '--revoke', 'x')):
        assert tokens.run(*words).returncode == 0
        st = tokens.path.stat()
        assert (st.st_uid, st.st_gid, st.st_mode & 0o7777) == (uid, gid, mode)
    assert tokens.path.read_text() == old.read_text() == '# mine\n'
    assert not tokens.path.samefile(old)		# replaced, not written into


def test_an_acl_is_kept(tokens):
    """By which the front end may read it, and the file's group may not."""
    needs('setfacl')
    tokens.path.write_text('# mine\n')
    os.chown(tokens.path, 0, 61501)
    tokens.path.chmod(0o600)
    if subprocess.run(['setfacl', '-m', f'u:{FRONT_END}:r', str(tokens.path)]).returncode:
        pytest.skip('no ACL on this file system')
    before = acl(tokens.path)
    assert f'user:{FRONT_END}:r--' in before and 'group::---' in before, before
    for words in (('john', '-l', 'x'), ('john', '--revoke', 'x')):
        assert tokens.run(*words).returncode == 0
        assert acl(tokens.path) == before


def acl(path):
    return subprocess.run(['getfacl', '-cp', str(path)], check=True, capture_output=True, text=True).stdout.split()


def test_a_link_is_replaced_where_it_points_to(tokens):
    real = tokens.env.tmp / 'real'
    real.mkdir()
    (real / 'list').write_text('# mine\n')
    tokens.path.symlink_to('../real/list')
    tokens.make('john', '-l', 'x')
    assert tokens.path.is_symlink()
    assert (real / 'list').read_text().startswith('# mine\njohn x ')
    assert sorted(os.listdir(real)) == ['list', 'list.lock']
    assert os.listdir(tokens.etc) == ['tokens']


def test_a_link_to_nothing_is_refused(tokens):
    tokens.path.symlink_to('nowhere')
    done = tokens.run('john')
    assert done.returncode == 100
    assert str(tokens.path) in done.stderr
    assert os.listdir(tokens.etc) == ['tokens']


@pytest.mark.parametrize('make, why', [
    (lambda p: p.mkdir(), 'not a regular file'), (os.mkfifo, 'not a regular file'),
])
def test_what_is_no_file_is_refused(tokens, make, why):
    make(tokens.path)
    done = tokens.run('john')
    assert done.returncode == 100
    assert why in done.stderr


def test_a_missing_directory_is_told(tokens):
    tokens.http['tokens'] = tokens.etc / 'not' / 'there'
    tokens.write_conf()
    done = tokens.run('john')
    assert done.returncode == 100
    assert 'No such file or directory' in done.stderr
    assert done.stdout == ''


def test_what_a_crash_left_does_not_matter(tokens):
    (tokens.etc / 'tokens.tmp').write_text('half of')
    tokens.lock.touch()
    tokens.make('john')
    assert len(tokens.lines()) == 1
    no_leftovers(tokens)


def test_twenty_at_once_lose_nothing(tokens):
    tokens.path.write_text('# mine\n' + f'jane gone {hashed("gone")}\n')
    running = [subprocess.Popen(tokens.command('john'), stdout=subprocess.PIPE,
                                stderr=subprocess.PIPE, text=True) for _ in range(20)]
    running.append(subprocess.Popen(tokens.command('jane', '--revoke', 'gone'),
                                    stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True))
    out = [p.communicate(timeout=TIMEOUT) for p in running]
    assert [p.returncode for p in running] == [0] * 21, out
    lines = tokens.lines()
    assert lines[0] == '# mine'
    assert sorted(l.split()[2] for l in lines[1:]) == sorted(hashed(o.strip()) for o, _ in out[:20])
    assert len({l.split()[1] for l in lines[1:]}) == 20
    no_leftovers(tokens)


def test_a_command_waits_for_the_lock(tokens):
    with tokens.lock.open('w') as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        p = subprocess.Popen(tokens.command('john', '-l', 'x'), stdout=subprocess.PIPE,
                             stderr=subprocess.PIPE)
        # It stands in flock(2): the kernel lists who waits.
        tokens.env.wait(lambda: re.search(rf'->.* {p.pid} ', open('/proc/locks').read()),
                        'it waits for the lock')
        tokens.path.write_text('# written meanwhile\n')
    assert p.communicate(timeout=TIMEOUT) and p.returncode == 0
    assert tokens.lines()[0] == '# written meanwhile'


def test_a_full_disk_keeps_the_old_file(tokens):
    script = f'''
        mount -t tmpfs -o size=64k,mode=755 tmpfs {tokens.etc} &&
        printf '# mine\\n' > {tokens.path} &&
        cat /dev/zero > {tokens.etc}/filler 2>/dev/null;
        {' '.join(tokens.command('john', '-l', 'x'))}; echo status $?; cat {tokens.path}; ls {tokens.etc}
        rm {tokens.etc}/filler
        {' '.join(tokens.command('john', '-l', 'x'))} >/dev/null; echo status $?; wc -l < {tokens.path}'''
    done = subprocess.run([*unshare_mounts(), '/bin/sh', '-c', script], capture_output=True,
                          text=True, timeout=TIMEOUT, env=clean_env())
    assert done.stdout.split('\n') == ['status 111', '# mine', 'filler', 'tokens', 'tokens.lock',
                                       'status 0', '2', ''], done.stderr
    assert 'No space left on device' in done.stderr


@pytest.mark.parametrize('call', ['fchown,?fchown32', 'fchmod', 'fsync', '?rename,?renameat,renameat2', 'write'])
def test_any_failing_step_keeps_the_old_file(tokens, call):
    needs('strace')
    if b'__asan' in open(DNS_UPDATER, 'rb').read():
        pytest.skip('the leak sanitizer does not run under ptrace')
    tokens.path.write_text('# mine\n')
    os.chown(tokens.path, 0, SERVICE_GID)
    done = subprocess.run(['strace', '-o', '/dev/null', '-e', f'inject={call}:error=EIO:when=1',
                           *tokens.command('john')], capture_output=True, text=True,
                          timeout=TIMEOUT)
    assert done.returncode == 100
    assert 'Input/output error' in done.stderr
    assert done.stdout == ''
    assert tokens.path.read_text() == '# mine\n'
    no_leftovers(tokens)


def test_without_root_where_the_permissions_suffice(tokens):
    os.chown(tokens.etc, 61500, 61500)
    as_user = dict(user=61500, group=61500, extra_groups=[])
    done = tokens.run('john', '-l', 'x', **as_user)
    assert done.returncode == 0, done.stderr
    assert 'chgrp' in done.stderr		# its group is not one of ours
    st = tokens.path.stat()
    assert (st.st_uid, st.st_gid, st.st_mode & 0o7777) == (61500, 61500, 0o640)
    assert tokens.run('john', '--revoke', 'x', **as_user).returncode == 0


def test_without_root_the_owner_is_not_lost(tokens):
    tokens.path.write_text('# mine\n')
    tokens.path.chmod(0o644)
    os.chown(tokens.etc, 61500, 61500)
    done = tokens.run('john', user=61500, group=61500, extra_groups=[])
    assert done.returncode == 100
    assert 'Operation not permitted' in done.stderr
    assert tokens.path.read_text() == '# mine\n'
    no_leftovers(tokens)


def test_without_permission(tokens):
    done = tokens.run('john', user=61500, group=61500, extra_groups=[])
    assert done.returncode == 100
    assert 'Permission denied' in done.stderr
    assert done.stdout == ''


# ---- hashes of others

@pytest.mark.parametrize('command, kind', [
    (['htpasswd', '-nbB', 'john', 'geheim'], 'bcrypt'),
    (['htpasswd', '-nb5', 'john', 'geheim'], 'sha-512'),
    (['htpasswd', '-nbd', 'john', 'geheim'], 'des'),
    (['mkpasswd', '-m', 'sha-512', 'geheim'], 'sha-512'),
    (['mkpasswd', '-m', 'sha-256', 'geheim'], 'sha-256'),
    (['mkpasswd', '-m', 'md5', 'geheim'], 'md5'),
    (['mkpasswd', '-m', 'yescrypt', 'geheim'], 'yescrypt'),
    (['mkpasswd', '-m', 'gost-yescrypt', 'geheim'], 'gost-yescrypt'),
    (['mkpasswd', '-m', 'scrypt', 'geheim'], 'scrypt'),
    (['mkpasswd', '-m', 'bcrypt', 'geheim'], 'bcrypt'),
    (['mkpasswd', '-m', 'bcrypt-a', 'geheim'], 'bcrypt'),
    (['mkpasswd', '-m', 'sunmd5', 'geheim'], 'sunmd5'),
    (['mkpasswd', '-m', 'bsdicrypt', 'geheim'], 'bsdi-des'),
    (['mkpasswd', '-m', 'descrypt', 'geheim'], 'des'),
    (['mkpasswd', '-m', 'nt', 'geheim'], 'nt'),
])
@pytest.mark.parametrize('user', ['john', 'john@example.org'])
def test_hashes_of_htpasswd_and_mkpasswd(tokens, command, kind, user):
    needs(command[0])
    hash = subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip()
    hash = hash[5:] if hash.startswith('john:') else hash
    tokens.path.write_text(f'{user}:{hash}\n')
    done = tokens.run(user, '--list')
    assert (done.stdout, done.stderr) == (f'-\tall\t{kind}\n', '')


@pytest.mark.parametrize('option', ['-m', '-s', '-p'])
def test_what_htpasswd_should_not_have_made(tokens, option):
    needs('htpasswd')
    line = subprocess.run(['htpasswd', '-nb', option, 'john', 'geheim'], check=True,
                          capture_output=True, text=True).stdout.strip()
    tokens.path.write_text(line + '\n')
    done = tokens.run('john', '--list')
    assert done.stdout == ''
    assert f'{tokens.path}:1: ' in done.stderr
    assert 'htpasswd -B' in done.stderr and 'mkpasswd' in done.stderr
    assert line.split(':')[1] not in done.stderr


# ---- dns-updater check

PEM = {'certificate': '-----BEGIN CERTIFICATE-----\nx\n-----END CERTIFICATE-----\n',
       'key': '-----BEGIN PRIVATE KEY-----\nx\n-----END PRIVATE KEY-----\n'}


@pytest.fixture
def ok(tokens):
    """A front end's set-up without a mistake and without a warning."""
    for user in tokens.env.users:
        tokens.env.make_home(user)
    tokens.door.mkdir(mode=0o755)
    os.chown(tokens.door, FRONT_END_UID, FRONT_END_GID)
    for name, mode in (('certificate', 0o644), ('key', 0o640)):
        path = tokens.etc / name
        path.write_text(PEM[name])
        os.chown(path, 0, FRONT_END_GID)
        path.chmod(mode)
        tokens.http[name] = path
    tokens.write_conf()
    tokens.make('john', '-l', 'x')
    return tokens


def assert_mistakes(tokens, *patterns):
    __tracebackhide__ = True
    done = tokens.check()
    assert done.returncode == 100, done.stdout
    assert len(done.mistakes) == len(patterns), done.stdout
    for mistake, pattern in zip(done.mistakes, patterns):
        assert re.search(pattern, mistake), done.stdout


def assert_warning(tokens, pattern):
    __tracebackhide__ = True
    done = tokens.check()
    assert (done.returncode, done.mistakes) == (0, []), done.stdout
    assert [w for w in done.warnings if re.search(pattern, w)], done.stdout


def at(tokens, key):
    """The beginning of a message about this key of [http]."""
    section = False
    for n, line in enumerate(tokens.env.conf_file.read_text().split('\n'), 1):
        section = section or line == '[http]'
        if section and line.startswith(key + ' '):
            return f'^{re.escape(str(tokens.env.conf_file))}:{n}: '
    raise KeyError(key)


def test_check_finds_nothing_wrong_with_a_good_set_up(ok):
    done = ok.check()
    assert (done.returncode, done.mistakes, done.warnings) == (0, [], []), done.stdout


def test_check_without_the_section_does_not_look(ok):
    ok.path.unlink()
    os.chown(ok.door, 0, 0)
    ok.env.conf_more = ''
    assert ok.env.check().returncode == 0


def test_check_missing_tokens(ok):
    ok.path.unlink()
    assert_mistakes(ok, at(ok, 'tokens') + "tokens: .*run 'dns-updater token USER'")


def test_check_no_tokens(ok):
    ok.path.write_text('# none\n')
    assert_warning(ok, "no tokens")


def test_check_tokens_that_the_front_end_cannot_read(ok):
    os.chown(ok.path, 0, 0)
    assert_mistakes(ok, at(ok, 'tokens') + f"tokens: '.*' is not readable by user {FRONT_END}")


def test_check_a_closed_directory_of_tokens(ok):
    ok.etc.chmod(0o700)
    assert_mistakes(ok, 'certificate: .*not readable', 'key: .*not readable', 'tokens: .*not readable')


def test_check_tokens_that_everyone_may_read(ok):
    ok.path.chmod(0o644)
    assert_mistakes(ok, at(ok, 'tokens') + "tokens: everyone may read '.*chmod 640")


def test_check_tokens_that_others_may_write(ok):
    ok.path.chmod(0o662)
    assert_mistakes(ok, at(ok, 'tokens') + "tokens: everyone may write to '")
    ok.path.chmod(0o640)
    ok.etc.chmod(0o757)
    assert_mistakes(ok, at(ok, 'tokens') + "tokens: everyone may write to '")


def test_check_tells_each_bad_line(ok):
    with ok.path.open('a') as f:
        f.write('john\n# a comment\njohn:geheim\njohn:{SHA}GpHWL3ymc5liWkNopqtdSjuqYHM=\n')
    assert_mistakes(ok, f'^{ok.path}:2: neither', f'^{ok.path}:4: ', f'^{ok.path}:5: .*htpasswd -B')


def test_check_the_same_secret_or_label_twice(ok):
    with ok.path.open('a') as f:
        f.write(f'john x {hashed("2")}\njane y {ok.lines()[0].split()[2]}\n')
    assert_mistakes(ok, f"^{ok.path}:2: .*'x' in line 1", f'^{ok.path}:3: .*line 1')


@pytest.mark.parametrize('line, what', [
    ('nobody-such x ' + hashed('2'), "there is no user 'nobody-such'"),
    ('nobody-such:89MMQI92uO2Dk', "there is no user 'nobody-such'"),
    (f'john y {hashed("2")} {A},{C}', f"the name '{C}' is not one of user john"),
    (f'john y {hashed("2")} z.example.com', "the name 'z.example.com' is not one of user john"),
])
def test_check_warns_of_users_and_names_that_are_not_there(ok, line, what):
    with ok.path.open('a') as f:
        f.write(line + '\n')
    assert_warning(ok, rf'^{ok.path}:2: warning: {re.escape(what)}')


def test_check_tokens_that_are_no_file(ok):
    ok.path.unlink()
    os.mkfifo(ok.path)
    assert_mistakes(ok, at(ok, 'tokens') + 'tokens: unable to read .* not a regular file')


def test_check_an_account_that_is_not_there(ok):
    ok.http['user'] = 'nobody-such'
    os.chown(ok.door, 0, 0)
    assert_mistakes(ok, "there is no user 'nobody-such'")


@pytest.mark.parametrize('key', ['certificate', 'key'])
def test_check_certificate_and_key(ok, key):
    path = ok.http[key]
    os.chown(path, 0, 0)
    path.chmod(0o640)
    assert_mistakes(ok, at(ok, key) + f"{key}: '.*' is not readable by user {FRONT_END}")
    path.unlink()
    assert_mistakes(ok, at(ok, key) + f"{key}: unable to find '.*No such file")
    path.mkdir()
    assert_mistakes(ok, at(ok, key) + f"{key}: unable to read '.*not a regular file")


@pytest.mark.parametrize('key, kind', [('certificate', 'CERTIFICATE'), ('key', 'PRIVATE KEY')])
def test_check_what_is_no_certificate_and_no_key(ok, key, kind):
    """With either the front end does not start."""
    for text in '', 'x\n', PEM['key' if key == 'certificate' else 'certificate']:
        ok.http[key].write_text(text)
        assert_mistakes(ok, at(ok, key) + f"{key}: '.*' has no {kind} in PEM form$")
    ok.http[key].write_text(f'-----BEGIN EC {kind}-----\n' if key == 'key' else f'# a chain\n{PEM[key]}')
    assert ok.check().returncode == 0


def test_check_a_key_that_everyone_may_read(ok):
    ok.http['key'].chmod(0o644)
    assert_mistakes(ok, at(ok, 'key') + "key: everyone may read '.*chmod 640")


def test_check_the_directory_of_addresses(ok):
    os.chown(ok.door, 0, 0)
    assert_mistakes(ok, f"addresses: directory '{ok.door}' is not writable by user {FRONT_END}")
    ok.door.rmdir()
    assert_mistakes(ok, f"addresses: unable to find directory '{ok.door}'")


@pytest.mark.parametrize('mode, what', [
    (0o1777, 'addresses: everyone may write to'), (0o777, 'pathpattern: everyone may write to'),
])
def test_check_a_directory_of_addresses_that_everyone_may_write(ok, mode, what):
    ok.door.chmod(mode)
    assert_mistakes(ok, what)


def test_check_the_pattern_of_addresses(ok):
    ok.http['addresses'] = f'{ok.env.homes}/%u/.dynamicdns'
    ok.write_conf()
    assert_mistakes(ok, at(ok, 'addresses') +
                    "addresses: pattern '.*%u/.dynamicdns' has %u in a directory")
