# SPDX-FileCopyrightText: 2026 The dns-updater authors
# SPDX-License-Identifier: ISC
"""The socket on which the front end asks what a user has: answers, who may ask, and what nobody can do
to the daemon by it. What else is asked there is in test_status.py."""

import contextlib
import os
import pwd
import re
import select
import signal
import socket
import stat
import subprocess
import sys

import pytest

from harness import SERVICE_GID, SERVICE_UID, TIMEOUT, SlowWriter, needs, uid_of
from test_reload import traces
from test_watching import few_watches	# noqa: F401: a fixture

JOHN = 'john.dyn.example.com'
FRONT_END = 'bin'		# accounts that every system has
FRONT_END_UID = pwd.getpwnam(FRONT_END).pw_uid
OTHER = 'sys'
OTHER_UID = pwd.getpwnam(OTHER).pw_uid
SERVED_MAX = 64			# connections of root; others have places of their own
HTTP = f'\n[http]\nuser = {FRONT_END}\n'
MUTE = r'^unable to make the socket .*; dns-updater-http goes by its own files$'
REFUSED = rf'^refusing questions of uid {OTHER_UID} on '


class Client:
    """A connection to the daemon, as root."""

    def __init__(self, env):
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.socket.connect(str(env.socket))	# without a timeout: with one it would not wait at all
        self.socket.settimeout(TIMEOUT)
        self.file = self.socket.makefile('rb')

    def send(self, data):
        self.socket.sendall(data)

    def answer(self):
        """The next one: a line, and what it announces, of an only name without the name; b'' at the
        end."""
        line = self.file.readline()
        if not line.startswith(b'ok '):
            return line
        n = int(line[3:])
        assert line == b'ok %d\n' % n
        text = self.file.read(n)
        assert all(b' ' in line for line in text.splitlines())
        return text.partition(b' ')[2] if text.count(b'\n') == 1 else text

    def has(self, user):
        self.send(f'has {user}\n'.encode())
        return self.answer()

    def rest(self):
        """Everything up to the end, however that comes."""
        data = b''
        with contextlib.suppress(ConnectionResetError):
            while more := self.file.read1(65536):
                data += more
        return data

    def close(self):
        self.file.close()
        self.socket.close()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()


def has(env, user='john'):
    with Client(env) as c:
        return c.has(user)


def ask_as(env, uid, question=b'has john\n'):
    """Asks as another account; everything that comes."""
    code = '''
import contextlib, socket, sys
s = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
s.connect(sys.argv[1])
s.settimeout(20)
with contextlib.suppress(OSError):
    s.sendall(sys.stdin.buffer.read())
    s.shutdown(socket.SHUT_WR)
with contextlib.suppress(ConnectionResetError):
    while data := s.recv(65536):
        sys.stdout.buffer.write(data)
'''
    return subprocess.run([sys.executable, '-S', '-c', code, str(env.socket)], input=question,
                          stdout=subprocess.PIPE, check=True, timeout=TIMEOUT, cwd='/',
                          user=uid, group=uid, extra_groups=[]).stdout


def statement(text, names):
    """What an address file gives each name."""
    general, own = [], {}
    for line in text.decode().splitlines():
        first, *more = line.split()
        if first in names:
            own[first] = [a for a in more if a != 'none']
        elif first != 'none':
            general += [first, *more]
    def of(name, v6):
        mine = [a for a in own.get(name, []) if (':' in a) == v6]
        both = name in own and not own[name]
        return mine if mine or both else [a for a in general if (':' in a) == v6]
    return {name: {*of(name, False), *of(name, True)} for name in names}


@pytest.fixture
def asked(env):
    """john's home, and the front end's door; not started."""
    env.socket = env.state_dir / 'socket'
    env.conf['socket'] = str(env.socket)
    env.door = env.tmp / 'door'
    env.door.mkdir(mode=0o755)
    os.chown(env.door, FRONT_END_UID, FRONT_END_UID)
    env.conf['pathpattern'] = f'{env.homes}/%u/.dynamicdns {env.door}/%u'
    env.conf_more = HTTP
    return env


def prepare(env, text, path=None):
    """The front end writes a file; returns what puts it into place."""
    path = path or env.door / 'john'
    new = path.with_name('.new')
    new.write_text(text)
    os.chown(new, FRONT_END_UID, FRONT_END_UID)
    return lambda: new.rename(path)


def address(i):
    return f'198.51.{i // 250}.{i % 250 + 1}'


# ---- answers

def test_what_one_name_has(asked):
    asked.write('john', '198.51.100.7', age=60)
    asked.start()
    assert has(asked) == b'198.51.100.7\n'


def test_what_several_names_have(asked):
    names = ['a.example.com', 'b.example.com', 'c.example.com']
    asked.users = {'john': names}
    asked.write('john', '198.51.100.7\n198.51.100.8\n2001:db8::7\nb.example.com 198.51.100.9\n'
                        'c.example.com none', age=60)
    asked.start()
    assert statement(has(asked), names) == {
        'a.example.com': {'198.51.100.7', '198.51.100.8', '2001:db8::7'},
        'b.example.com': {'198.51.100.9', '2001:db8::7'},
        'c.example.com': set()}


def test_an_answer_takes_no_watch_that_is_there(asked):
    env = asked
    env.write('john', '198.51.100.7', age=60)
    env.start()
    out = env.tmp / 'calls'
    with contextlib.closing(Client(env)) as client, traces(env, '-o', str(out), '-e',
                                                           'trace=openat2,name_to_handle_at,inotify_add_watch'):
        for _ in range(5):
            assert client.has('john') == b'198.51.100.7\n'
    calls = re.findall(r'\b(\w+)\(', out.read_text())
    assert calls.count('openat2') >= 5 and set(calls) == {'openat2'}


def test_each_name_has_its_line(asked):
    """Whoever asks sees that the names are not those that he knows."""
    asked.users = {'john': [JOHN, 'b.example.com'], 'jane': ['c.example.com']}
    asked.write('john', '198.51.100.7\n198.51.100.8\n2001:db8::7', age=60)
    asked.write('jane', 'none', age=60)
    asked.start()
    all = '198.51.100.7 198.51.100.8 2001:db8::7'
    with Client(asked) as c:
        c.send(b'has john\nhas jane\n')
        c.socket.shutdown(socket.SHUT_WR)
        text = f'{JOHN} {all}\nb.example.com {all}\n', 'c.example.com none\n'
        assert c.rest() == ''.join(f'ok {len(t)}\n{t}' for t in text).encode()


def test_an_answer_says_as_a_file_what_it_said_before(asked):
    asked.users = {'john': ['a.example.com', 'b.example.com']}
    asked.write('john', 'a.example.com 198.51.100.7 2001:db8::7\nb.example.com 198.51.100.8', age=60)
    asked.start()
    mark = asked.mark()
    before = has(asked)
    prepare(asked, before.decode())()
    assert has(asked) == before
    asked.fence()
    assert asked.count('john|refusing', mark) == 0


def test_who_has_none_has_none(asked):
    asked.write('john', 'none', age=60)
    asked.start()
    assert has(asked) == b'none\n'


def test_nothing_is_known_of_a_user_without_a_file(asked):
    asked.start()
    assert has(asked) == b'unknown\n'


def test_what_the_memory_says_is_answered_too(asked):
    asked.write('john', '198.51.100.7', age=60)
    asked.start()
    asked.stop()
    asked.file('john').unlink()
    asked.start()
    assert has(asked) == b'198.51.100.7\n'


def test_a_refused_file_leaves_what_he_had(asked):
    asked.write('john', '198.51.100.7', age=60)
    asked.start()
    asked.write('john', 'nonsense')
    assert has(asked) == b'198.51.100.7\n'


@pytest.mark.parametrize('user', ['jane', 'JOHN', 'joh', 'john ', ' john', 'x' * 252, 'john\0', '\0'])
def test_there_is_no_such_user(asked, user):
    asked.start()
    with Client(asked) as c:
        assert c.has(user) == b'error no such user\n'
        assert c.has('john') == b'unknown\n'


def test_the_longest_name_of_a_user(asked):
    user = 'x' * 64
    asked.users = {user: [JOHN]}
    asked.write(user, '198.51.100.7', age=60)
    asked.start()
    assert has(asked, user) == b'198.51.100.7\n'
    assert has(asked, user + 'x') == b'error no such user\n'


@pytest.mark.parametrize('question', [b'\n', b'has\n', b'has \n', b'HAS john\n', b'what john\n', b'\0\n',
                                      b'GET / HTTP/1.1\r\n'])
def test_what_is_not_a_question_ends_the_connection(asked, question):
    asked.start()
    with Client(asked) as c:
        c.send(b'has john\n' + question)
        assert c.rest() == b'unknown\nerror not a question\n'


def test_thousands_of_questions_in_one_go_are_answered_in_their_order(asked):
    asked.users = {'john': [JOHN], 'jane': ['jane.dyn.example.com']}
    asked.write('john', '198.51.100.7', age=60)
    asked.start()
    with Client(asked) as c:
        c.send(b'has john\nhas jane\nhas jim\n' * 1000)
        for _ in range(1000):
            assert c.answer() == b'198.51.100.7\n'
            assert c.answer() == b'unknown\n'
            assert c.answer() == b'error no such user\n'
        c.socket.shutdown(socket.SHUT_WR)
        assert c.rest() == b''


def test_a_question_may_come_byte_by_byte(asked):
    asked.start()
    with Client(asked) as c:
        for byte in b'has john\nhas ji':
            c.send(bytes([byte]))
        assert c.answer() == b'unknown\n'
        c.send(b'm\n')
        assert c.answer() == b'error no such user\n'


def test_who_closes_his_direction_gets_his_answers(asked):
    asked.start()
    with Client(asked) as c:
        c.send(b'has john\n' * 100 + b'has jo')
        c.socket.shutdown(socket.SHUT_WR)
        assert c.rest() == b'unknown\n' * 100


# ---- what was written before the question is in the answer

def test_what_the_front_end_renamed_before_is_in_the_answer(asked):
    asked.start()
    with Client(asked) as c:
        for i in range(200):
            prepare(asked, address(i) + '\n')()
            assert c.has('john').decode() == address(i) + '\n'
    asked.wait_answer(JOHN, 'A', {address(199)})


def test_what_the_user_renamed_before_is_in_the_answer(asked):
    asked.start()
    new = asked.home('john') / 'new'
    with Client(asked) as c:
        for i in range(200):
            new.write_text(address(i) + '\n')
            os.chown(new, uid_of('john'), uid_of('john'))
            new.rename(asked.file('john'))
            assert c.has('john').decode() == address(i) + '\n'


def test_what_the_user_wrote_before_is_in_the_answer(asked):
    asked.write('john', address(0), age=60)
    asked.start()
    with Client(asked) as c:
        for i in range(200):
            asked.file('john').write_text(address(i) + '\n')
            assert c.has('john').decode() == address(i) + '\n'


def test_what_is_half_written_is_not_in_the_answer(asked):
    asked.write('john', '198.51.100.7', age=60)
    asked.start()
    with open(asked.file('john'), 'w', buffering=1) as f:
        f.write('198.51.100.8\n')
        assert has(asked) == b'198.51.100.7\n'
    assert has(asked) == b'198.51.100.8\n'


def test_a_file_of_the_front_end_is_taken_at_start_at_once(asked):
    prepare(asked, '198.51.100.7\n')()
    asked.start()
    assert asked.section() and has(asked) == b'198.51.100.7\n'
    assert asked.query(JOHN, 'A') == {'198.51.100.7'}


def test_a_file_of_the_front_end_under_another_pattern_has_to_settle(asked):
    asked.make_home('john')
    prepare(asked, '198.51.100.7\n', asked.file('john'))()
    writer = SlowWriter(asked.file('john'), '', append=True)
    asked.start()
    assert has(asked) == b'unknown\n'
    writer.finish('')
    asked.wait_answer(JOHN, 'A', {'198.51.100.7'})


def test_without_a_front_end_its_files_have_to_settle(asked):
    asked.conf_more = ''
    prepare(asked, '198.51.100.7\n')()
    writer = SlowWriter(asked.door / 'john', '', append=True)
    asked.start()
    assert has(asked) == b'unknown\n'
    writer.finish('')
    asked.wait_answer(JOHN, 'A', {'198.51.100.7'})


def unwatched(env):
    """Starts it so that nothing of john's is watched."""
    env.conf['pathpattern'] = f'{env.homes}/%u/.dynamicdns {env.door}/%u/address'
    env.users = {**{f'u{i}': [f'u{i}.example.com'] for i in range(20)}, 'john': [JOHN]}
    for user in env.users:
        (env.door / user).mkdir()
        os.chown(env.door / user, FRONT_END_UID, FRONT_END_UID)
    env.start()
    env.wait_log(r'^unable to watch .*max_user_watches')
    return env.door / 'john' / 'address'


def test_without_a_watch_too_what_the_front_end_renamed_is_in_the_answer(few_watches, asked):  # noqa: F811
    path = unwatched(asked)
    with Client(asked) as c:
        for i in range(200):
            prepare(asked, address(i) + '\n', path)()
            assert c.has('john').decode() == address(i) + '\n'


# ---- of two doors, the one that was written last

def test_of_two_doors_the_one_written_last_counts(asked):
    asked.make_home('john')
    asked.write('john', '192.0.2.1', age=60)
    asked.start()
    with Client(asked) as c:
        for i in range(100):
            renames = prepare(asked, address(i) + '\n')	# the time of this file is the earlier one
            asked.file('john').write_text(f'203.0.113.{i + 1}\n')
            renames()
            assert c.has('john').decode() == address(i) + '\n'
            renames = prepare(asked, address(i + 100) + '\n')
            renames()
            asked.file('john').write_text(f'203.0.113.{i + 101}\n')
            assert c.has('john').decode() == f'203.0.113.{i + 101}\n'
    asked.wait_answer(JOHN, 'A', {'203.0.113.200'})


def test_of_two_doors_the_one_written_last_counts_when_nobody_asks(asked):
    asked.make_home('john')
    asked.write('john', '192.0.2.1', age=60)
    asked.start()
    for i in range(20):
        renames = prepare(asked, address(i) + '\n')
        asked.send(signal.SIGSTOP)
        asked.file('john').write_text(f'203.0.113.{i + 1}\n')
        renames()
        asked.send(signal.SIGCONT)
        asked.wait_answer(JOHN, 'A', {address(i)})


@pytest.mark.parametrize('more', [0, 1])	# with one of them, the last home watched has no watched door
def test_a_door_that_is_not_watched_does_not_lose_against_one_that_is(few_watches, asked, more):  # noqa: F811
    """An event tells of the home; the other door, written later, can only be found."""
    asked.prefix[-2] = asked.prefix[-2].replace('15', str(15 + more))
    path = unwatched(asked)
    with Client(asked) as c:
        for user in asked.users:
            door = path.parent.parent / user / 'address'
            prepare(asked, '192.0.2.1\n', door)()
            assert c.has(user) == b'192.0.2.1\n'
            asked.send(signal.SIGSTOP)	# so that it learns of all three in one turn
            asked.write(user, '192.0.2.2')
            prepare(asked, '192.0.2.3\n', door)()
            c.send(f'has {user}\n'.encode())
            asked.send(signal.SIGCONT)
            assert c.answer() == b'192.0.2.3\n', user


# ---- who may ask

def test_the_socket_is_open_to_everybody_for_the_kernel_says_who_asks(asked):
    asked.popen['umask'] = 0o077
    asked.start()
    st = asked.socket.lstat()
    assert stat.S_ISSOCK(st.st_mode) and stat.S_IMODE(st.st_mode) == 0o666
    assert st.st_uid == SERVICE_UID


@pytest.mark.parametrize('uid', [0, SERVICE_UID, FRONT_END_UID])
def test_some_may_ask(asked, uid):
    asked.start()
    assert ask_as(asked, uid) == b'unknown\n'
    assert asked.count('^refusing') == 0


def test_others_are_refused_and_that_is_said_once(asked):
    asked.start()
    for _ in range(5):
        assert ask_as(asked, OTHER_UID) == b'error not permitted\n'
    assert ask_as(asked, uid_of('john')) == b'error not permitted\n'
    asked.fence()
    assert asked.count(REFUSED) == 1
    assert asked.count('^refusing') == 1


def test_a_reload_may_name_another_front_end(asked):
    asked.start()
    asked.conf_more = HTTP.replace(FRONT_END, OTHER)
    asked.reload()
    assert ask_as(asked, FRONT_END_UID) == b'error not permitted\n'
    assert ask_as(asked, OTHER_UID) == b'unknown\n'


def test_a_front_end_without_an_account_lets_nobody_else_ask(asked):
    asked.conf_more = HTTP.replace(FRONT_END, 'no-such-account')
    asked.start()
    assert ask_as(asked, OTHER_UID) == b'error not permitted\n'
    assert ask_as(asked, 0) == b'unknown\n'


# ---- what nobody can do by it

def test_sixty_four_of_root_may_ask_at_once_and_others_are_closed(asked):
    asked.start()
    with contextlib.ExitStack() as stack:
        served = [stack.enter_context(Client(asked)) for _ in range(SERVED_MAX)]
        for c in served:
            assert c.has('john') == b'unknown\n'
        for _ in range(100):
            with Client(asked) as c:
                assert c.rest() == b''
        asked.fence()
        for c in served:
            assert c.has('john') == b'unknown\n'
        served[0].close()
        asked.wait(lambda: has_or_nothing(asked) == b'unknown\n', 'a place is free again')
        asked.wait(lambda: has_or_nothing(asked) == b'unknown\n', 'and again')


def has_or_nothing(env):
    try:
        return has(env)
    except (BrokenPipeError, ConnectionResetError):
        return b''


def test_a_flood_of_connections_stops_nothing(asked):
    asked.start()
    flood = '''
import socket, sys
kept = []
print(flush=True)
while True:
    s = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    s.setblocking(False)
    try:
        s.connect(sys.argv[1])
        s.send(b'has john\\n' * 100)
    except OSError:
        pass
    kept = kept[-200:] + [s]
'''
    with contextlib.ExitStack() as stack:
        for uid in OTHER_UID, OTHER_UID, uid_of('john'):
            p = subprocess.Popen([sys.executable, '-S', '-c', flood, str(asked.socket)], cwd='/',
                                 stdout=subprocess.PIPE, user=uid, group=uid, extra_groups=[])
            stack.callback(p.wait)
            stack.callback(p.kill)
            p.stdout.readline()
        for i in range(10):
            asked.fence()
            prepare(asked, address(i) + '\n')()
            assert has(asked).decode() == address(i) + '\n'
    asked.fence()
    assert asked.count('^refusing questions') == 1


def test_a_line_that_is_too_long_ends_the_connection(asked):
    asked.start()
    with Client(asked) as c:
        c.send(b'has ' + b'x' * 252 + b'\n')		# 256 bytes
        assert c.answer() == b'error no such user\n'
        c.send(b'has ' + b'x' * 253 + b'\n')
        assert c.rest() == b'error not a question\n'
    with Client(asked) as c:
        with contextlib.suppress(BrokenPipeError):
            c.send(b'x' * 10_000_000)
        assert c.rest() in (b'error not a question\n', b'')
    asked.fence()


def test_garbage_stops_nothing(asked):
    asked.start()
    asked.fence()
    mark = asked.mark()
    for i in range(200):
        with Client(asked) as c:
            with contextlib.suppress(BrokenPipeError):
                c.send(os.urandom(1 + i * 10))
                c.socket.shutdown(socket.SHUT_WR)
            c.rest()
    asked.fence()
    assert [line for line in asked.lines(mark) if 'fence' not in line] == []


def test_who_goes_without_his_answers_stops_nothing(asked):
    asked.start()
    for i in range(100):
        with Client(asked) as c, contextlib.suppress(BrokenPipeError):	# one too many
            c.send(b'has john\n' * i + b'has jo')
    asked.fence()
    asked.wait(lambda: has_or_nothing(asked) == b'unknown\n', 'a place is free')


def test_who_never_reads_is_closed(asked):
    names = [f'n{i}.example.com' for i in range(100)]
    asked.users = {'john': [JOHN], 'jane': names}
    asked.conf['log_rate'] = '0'	# of the fence's lines none is left out
    asked.write('jane', ''.join(f'{n} 198.51.100.{i}\n' for i, n in enumerate(names)), age=60)
    asked.start()
    with contextlib.ExitStack() as stack:
        deaf = [stack.enter_context(Client(asked)) for _ in range(SERVED_MAX - 1)]
        for c in deaf:
            c.send(b'has jane\n' * 1000)
        asked.fence()
        assert has(asked) == b'unknown\n'
        for c in deaf:
            poll = select.poll()
            poll.register(c.socket, 0)
            assert poll.poll(TIMEOUT * 1000), 'still open'
        asked.fence()
        assert len(statement(has(asked, 'jane'), names)) == 100


def test_who_asks_thousands_of_questions_does_not_keep_others_from_asking(asked):
    asked.start()
    with contextlib.ExitStack() as stack:
        greedy = [stack.enter_context(Client(asked)) for _ in range(SERVED_MAX - 1)]
        for c in greedy:
            c.send(b'has john\n' * 5000)
        assert has(asked) == b'unknown\n'
        asked.fence()
        for c in greedy:
            c.socket.shutdown(socket.SHUT_WR)
            assert c.rest() == b'unknown\n' * 5000


# ---- the socket's file

def inode(path):
    return path.lstat().st_ino


def test_the_socket_is_removed_at_the_end(asked):
    asked.start()
    with Client(asked) as c:
        assert asked.stop() == 0
        assert c.rest() == b''
    assert not asked.socket.exists()


def test_what_a_crash_left_is_replaced(asked):
    asked.start()
    asked.kill()
    assert stat.S_ISSOCK(asked.socket.lstat().st_mode)
    asked.start()
    assert has(asked) == b'unknown\n'


def test_a_socket_of_root_that_nobody_listens_on_is_replaced(asked):
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as s:
        s.bind(str(asked.socket))
    asked.start()
    assert has(asked) == b'unknown\n'


def test_a_socket_that_somebody_listens_on_is_left_to_him(asked):
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as s:
        s.bind(str(asked.socket))
        asked.socket.chmod(0o666)
        s.listen()
        before = inode(asked.socket)
        asked.start()
        asked.wait_log(MUTE.replace('.*', '.*another process listens there.*'))
        asked.stop()
        assert inode(asked.socket) == before


@pytest.mark.parametrize('kind', ['file', 'directory', 'link', 'fifo'])
def test_what_is_not_a_socket_is_not_removed(asked, kind):
    make = {'file': lambda p: p.write_text('precious\n'), 'directory': lambda p: p.mkdir(),
            'link': lambda p: p.symlink_to(asked.data), 'fifo': lambda p: os.mkfifo(p)}
    make[kind](asked.socket)
    os.chown(asked.socket, SERVICE_UID, SERVICE_GID, follow_symlinks=False)
    before = inode(asked.socket)
    asked.start()
    asked.wait_log(MUTE.replace('.*', '.*not a socket.*'))
    asked.fence()
    assert asked.stop() == 0
    assert inode(asked.socket) == before


def test_a_socket_that_somebody_put_in_place_of_ours_is_left_to_him(asked):
    asked.start()
    asked.socket.unlink()
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as s:
        s.bind(str(asked.socket))
        asked.stop()
        assert asked.socket.exists()


def test_sighup_keeps_the_socket_and_its_connections(asked):
    asked.start()
    before = inode(asked.socket)
    with Client(asked) as c:
        assert c.has('john') == b'unknown\n'
        assert c.has('jane') == b'error no such user\n'
        asked.users['jane'] = ['jane.dyn.example.com']
        asked.reload()
        assert c.has('jane') == b'unknown\n'
    assert inode(asked.socket) == before
    prepare(asked, '198.51.100.7\n')()
    assert has(asked) == b'198.51.100.7\n'


def test_another_socket_needs_a_restart(asked):
    asked.start()
    asked.conf['socket'] += '2'
    assert asked.reload() == \
        'not reloaded: another socket needs a restart; keeping the old configuration'
    assert has(asked) == b'unknown\n'


def test_a_socket_that_cannot_be_made_is_said_and_made_at_a_reload(asked):
    asked.socket = asked.tmp / 'run' / 'socket'
    asked.conf['socket'] = str(asked.socket)
    asked.start()
    asked.wait_line(f"unable to make the socket '{asked.socket}': No such file or directory; "
                    'dns-updater-http goes by its own files')
    asked.fence()
    asked.socket.parent.mkdir()
    os.chown(asked.socket.parent, SERVICE_UID, SERVICE_GID)
    asked.reload()
    assert has(asked) == b'unknown\n'


def test_a_path_that_is_too_long_for_a_socket_is_said(asked):
    """Where check tells it too, not when it cannot be made."""
    asked.conf['socket'] = '/' + 'x' * 107
    done = asked.check()
    assert done.returncode == 100
    assert any(line.endswith('socket is too long for the path of a socket: 107 bytes at most')
               for line in done.lines), done.stdout


def test_who_has_no_front_end_is_not_told_of_a_missing_socket(env):
    if os.path.exists('/run/dns-updater'):
        pytest.skip('there is a /run/dns-updater')
    env.start()
    env.fence()
    assert env.count(MUTE) == 0
    env.conf_more = HTTP
    env.reload()
    env.wait_log(MUTE)


LINGERING = '''
import array, socket, sys
kept = []
def lingering():
    """A TCP socket whose last close(2) waits for an hour: its data has nowhere to go."""
    listener = socket.create_server(('127.0.0.1', 0))
    s = socket.create_connection(listener.getsockname())
    s.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, array.array('i', [1, 3600]).tobytes())
    s.setblocking(False)
    kept.append(listener)
    try:
        while True:
            s.send(bytes(65536))
    except BlockingIOError:
        return s
def message(text, with_one, flags=0):
    to = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    to.connect(sys.argv[1])
    kept.append(to)
    s = lingering()
    try:
        if text:
            to.send(text)
        to.sendmsg([with_one], [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array('i', [s.fileno()]))], flags)
    except OSError as e:
        print(type(e).__name__)
        kept.append(s)
    else:
        s.close()
    return to
message(b'', b'x')
message(b'', b'has john\\n')
message(b'status text\\n', b'x')		# he is not permitted to, and closed with the rest unread
message(b'', b'x', socket.MSG_OOB).send(b'y')
for _ in range(4):			# more than he has places for
    message(b'has john\\n', b'x')
print('sent', flush=True)
sys.stdin.read()
'''


@pytest.mark.parametrize('known', [True, False], ids=['refused_by_the_kernel', 'before_Linux_6_16'])
def test_a_descriptor_that_nobody_wants_stops_nothing(asked, known):
    """Whoever lets go of it last waits, by SO_LINGER of socket(7): that is who reads or drops a message that it came with."""
    if not known:			# the first option that is set is SO_PASSRIGHTS
        needs('strace')
        asked.environ = {'ASAN_OPTIONS': 'detect_leaks=0'}
        asked.prefix = ['strace', '-f', '-D', '-q', '-o', '/dev/null', '-e', 'trace=setsockopt', '-e',
                        'inject=setsockopt:error=ENOPROTOOPT:when=1']
    asked.start()
    user = uid_of('mallory')
    asked.send(signal.SIGSTOP)		# so that the sender has let go of it before
    p = subprocess.Popen([sys.executable, '-S', '-c', LINGERING, str(asked.socket)], cwd='/',
                         stdin=subprocess.PIPE, stdout=subprocess.PIPE, user=user, group=user, extra_groups=[])
    try:
        said = []
        while not said or said[-1] != b'sent\n':
            said.append(p.stdout.readline())
            assert said[-1]
        if known and len(said) == 1:
            pytest.skip('this kernel has no SO_PASSRIGHTS')
        assert len(said) == (9 if known else 1), said
        asked.send(signal.SIGCONT)
        asked.fence()
        assert has(asked) == b'unknown\n'
        if not known:
            asked.wait_log(f'^uid {user} sends descriptors to ')
        assert asked.stop() == 0
    finally:
        asked.send(signal.SIGCONT)
        p.kill()
        p.wait()
