# SPDX-FileCopyrightText: 2026 The dns-updater authors
# SPDX-License-Identifier: ISC
"""doc/scaling.md as it stands there: two dns-updaters, each with its share of the users, one primary, and a
secondary behind it, each in a network namespace of its own, with the addresses and the configurations
of the document. The test itself has a namespace, too, with a bridge; all of it goes when the test does."""

import contextlib
import ctypes
import os
import re
import shutil
import signal
import subprocess

import dns.query
import dns.rcode
import dns.tsig
import dns.update
import pytest

from harness import SERVICE, SERVICE_GID, SERVICE_UID, TIMEOUT, TOP, Env, guard, needs, uid_of
from servers import ZONE, Bind, Key, Knot, Nsd, Server

DOC = TOP / 'doc' / 'scaling.md'
PRIMARY, SECONDARY = '192.0.2.53', '192.0.2.54'
CLONE_NEWNET = 0x40000000

libc = ctypes.CDLL(None, use_errno=True)


def block(path):
    """The text that the document has for a file: what is indented behind `path`:"""
    text = DOC.read_text()
    assert text.count(f'`{path}`:\n\n') == 1, path
    lines = []
    for line in text.split(f'`{path}`:\n\n')[1].split('\n'):
        if line and not line.startswith('    '):
            break
        lines.append(line[4:])
    return '\n'.join(lines).rstrip('\n') + '\n'


def replaced(text, paths):
    """With paths of this test in place of the system's."""
    left = text
    for old, new in paths.items():
        assert old in text, old
        left = left.replace(old, '')
        text = text.replace(old, str(new))
    assert not re.search(r'/(etc|home|run|var)/', left)
    return text


# ---- machines

class Machine:
    """A network namespace with an address, on the bridge of the test's own. It lasts as long as we do."""

    def __init__(self, number, ip):
        self.ip = ip
        self.link = f'to{number}'	# of the bridge
        self.holder = subprocess.Popen(['unshare', '-n', 'sh', '-c', 'echo; exec cat'],
                                       stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        guard.tell('+', self.holder)
        if self.holder.stdout.readline() != b'\n':
            pytest.skip('no network namespaces to be had')
        self.prefix = ['nsenter', '-t', str(self.holder.pid), '-n', '--']
        run('ip', 'link', 'add', self.link, 'type', 'veth', 'peer', 'name', 'eth0', 'netns',
            str(self.holder.pid))
        run('ip', 'link', 'set', self.link, 'master', 'bridge', 'up')
        run(*self.prefix, 'ip', 'address', 'add', f'{ip}/24', 'dev', 'eth0')
        for link in ('lo', 'eth0'):
            run(*self.prefix, 'ip', 'link', 'set', link, 'up')

    def cut(self, up=False):
        """Somebody pulls the cable, and plugs it in."""
        run(*self.prefix, 'ip', 'link', 'set', 'eth0', 'up' if up else 'down')

    def close(self):
        self.holder.kill()
        self.holder.wait()
        guard.tell('-', self.holder)


def run(*words):
    subprocess.run(words, check=True, capture_output=True, timeout=TIMEOUT)


@contextlib.contextmanager
def network():
    """machine(ip): a Machine. This thread is in the bridge's namespace meanwhile."""
    for program in ('ip', 'nsenter', 'unshare'):
        needs(program)
    machines = []
    before = os.open('/proc/thread-self/ns/net', os.O_RDONLY | os.O_CLOEXEC)
    if libc.unshare(CLONE_NEWNET):
        os.close(before)
        pytest.skip(f'no network namespaces to be had: {os.strerror(ctypes.get_errno())}')

    def make(ip):
        machines.append(Machine(len(machines), ip))
        return machines[-1]
    try:
        try:
            run('ip', 'link', 'set', 'lo', 'up')
            run('ip', 'link', 'add', 'bridge', 'type', 'bridge')
            run('ip', 'link', 'add', 'probe0', 'type', 'veth', 'peer', 'name', 'probe1')
            run('ip', 'link', 'delete', 'probe0')
        except subprocess.CalledProcessError as e:
            pytest.skip(f'no bridge to be had: {e.stderr.decode()}')
        run('ip', 'address', 'add', '192.0.2.1/24', 'dev', 'bridge')
        run('ip', 'link', 'set', 'bridge', 'up')
        yield make
    finally:
        for m in machines:
            m.close()
        assert libc.setns(before, CLONE_NEWNET) == 0
        os.close(before)


@pytest.fixture
def machine():
    with network() as make:
        yield make


# ---- what stands in the document

class Documented:
    """names: None, or {key: [names]}: each key has the right to these names only."""

    def __init__(self, tmp, keys, machine, names=None):
        self.keys = {key.name: key for key in keys}
        self.names = names
        super().__init__(tmp, None, keys[-1], ip=machine.ip, prefix=machine.prefix)

    def key_dir(self, form):
        path = self.dir / 'keys'
        path.mkdir(exist_ok=True)
        for name, key in self.keys.items():
            shutil.copy(getattr(key, f'{form}_file'), path / f'{name}.key')
            os.chown(path / f'{name}.key', 0, self.gid)
        return path

    def absolute(self, key):
        return [f'{name}.' for name in self.names[key]]


class DocumentedKnot(Documented, Knot):
    def configure(self):
        text = replaced(block('/etc/knot/knot.conf'), {
            '/etc/knot': self.key_dir('knot'), '/var/lib/knot': self.zone_dir,
            '/run/knot': self.control_dir, 'target: syslog': 'target: stderr'})
        for key in self.names or ():
            right = f'    key: {key}\n    action: update\n    update-type: [A, AAAA]\n'
            assert right in text
            text = text.replace(right, f'{right}    update-owner: name\n    update-owner-match: equal\n'
                                       f'    update-owner-name: [{", ".join(self.absolute(key))}]\n')
        self.write(self.conf_file, text)


class DocumentedBind(Documented, Bind):
    wait_up = Server.wait_up	# it has no control channel here

    def configure(self):
        text = replaced(block('/etc/bind/named.conf.local'), {
            '/etc/bind': self.key_dir('bind'), '/var/lib/bind': self.zone_dir})
        for key in self.names or ():
            right = f'grant "{key}" zonesub A AAAA;'
            assert right in text
            text = text.replace(right, '\n'.join(f'grant "{key}" name {name} A AAAA;'
                                                 for name in self.absolute(key)))
        self.write(self.conf_file, f'''\
controls {{ }};
options {{
	directory "{self.state_dir}";
	pid-file "{self.state_dir}/named.pid";
	session-keyfile none;
	listen-on {{ any; }};
	listen-on-v6 {{ none; }};
	recursion no;
	dnssec-validation no;
	empty-zones-enable no;
}};
{text}''')


class DocumentedNsd(Documented, Nsd):
    def __init__(self, *args):
        super().__init__(*args)
        self.primary = True		# it is a secondary: ready without its zone
        self.zone_file().unlink()

    def configure(self):
        control = ('remote-control:\n    control-enable: yes\n'
                   f'    control-interface: {self.control_socket()}\n')
        self.write(self.control_conf, control, 0o644)
        text = block('/etc/nsd/nsd.conf.d/dyn.conf')
        assert 'secret: "..."' in text
        self.write(self.conf_file, f'''\
server:
    ip-address: {self.ip}
    username: {self.account}
    zonesdir: "{self.zone_dir}"
    database: ""
    pidfile: "{self.state_dir}/nsd.pid"
    xfrdfile: "{self.state_dir}/xfrd.state"
    xfrdir: "{self.state_dir}"
    zonelistfile: "{self.state_dir}/zone.list"
    server-count: 1
    verbosity: 2
{control}{text.replace('secret: "..."', f'secret: "{self.key.secret}"')}''')


class Updater(Env):
    """A dns-updater on a machine of its own."""

    def __init__(self, tmp, machine, key, users):
        tmp.mkdir()
        super().__init__(tmp)
        self.with_fence = False
        self.prefix = machine.prefix
        self.users = users
        self.conf = {'users_file': 'the document has it'}
        etc = self.tmp / 'etc'
        etc.mkdir()
        self.users_file = etc / 'users'
        shutil.copy(key.bind_file, etc / 'primary.key')
        os.chown(etc / 'primary.key', 0, SERVICE_GID)
        (etc / 'primary.key').chmod(0o640)
        text = replaced(block('/etc/dns-updater/dns-updater.conf'),
                        {'/etc/dns-updater': etc, '/home/': f'{self.homes}/'})
        self.conf_text = text.replace('[dns-updater]\n', f'''\
[dns-updater]
user = {SERVICE}
state = {self.state}
socket = {self.state_dir}/socket
rescan = 1h
''')
        self.say_users()

    def say_users(self):
        self.users_file.write_text(''.join(f'{u} = {", ".join(n)}\n' for u, n in self.users.items()))

    def go(self):
        for user in self.users:
            if not self.home(user).exists():
                self.make_home(user)
        return self.start(tinydns=False)

    def take_users(self, users):
        self.users = users
        self.say_users()
        for user in users:
            if not self.home(user).exists():
                self.make_home(user)
        return self.reload()


def name(user):
    return f'{user}.{ZONE}'


SHARES = {'updater-1': ['john', 'anna'], 'updater-2': ['jane', 'paul']}


class Site:
    def __init__(self, tmp, machine, cls, names=None, shares=SHARES):
        self.machines = {'primary': machine(PRIMARY), 'secondary': machine(SECONDARY),
                         'updater-1': machine('192.0.2.11'), 'updater-2': machine('192.0.2.12')}
        self.keys = {n: Key(tmp, n) for n in ('updater-1', 'updater-2', 'secondary')}
        keys = list(self.keys.values())
        self.primary = cls(tmp, keys, self.machines['primary'], names)
        self.secondary = DocumentedNsd(tmp, keys, self.machines['secondary'])
        self.updaters = [Updater(tmp / key, self.machines[key], self.keys[key],
                                 {u: [name(u)] for u in users}) for key, users in shares.items()]
        self.one, self.two = self.updaters

    def start(self):
        self.primary.start()
        self.secondary.start()
        for updater in self.updaters:
            updater.go()
        return self

    def answered(self, user, *addresses):
        """The world gets it: from the secondary."""
        self.secondary.wait(name(user), 'A', set(addresses))

    def close(self):
        for updater in self.updaters:
            updater.close()
        self.secondary.close()
        self.primary.close()


@pytest.fixture
def site(tmp_path, machine):
    """site(Class, ...): a started Site."""
    sites = []

    def make(*args, **more):
        sites.append(Site(tmp_path, machine, *args, **more))
        return sites[-1].start()
    yield make
    for s in sites:
        s.close()


PRIMARIES = [DocumentedKnot, DocumentedBind]
both = pytest.mark.parametrize('cls', PRIMARIES)


@both
@pytest.mark.parametrize('rights', ['types', 'names'])
def test_changes_of_each_reach_the_secondary(site, cls, rights):
    names = {key: [name(u) for u in users] for key, users in SHARES.items()}
    s = site(cls, names=names if rights == 'names' else None)
    for updater, users in zip(s.updaters, SHARES.values()):
        for i, user in enumerate(users):
            updater.write(user, f'198.51.100.{i + 1}')
    for users in SHARES.values():
        for i, user in enumerate(users):
            s.answered(user, f'198.51.100.{i + 1}')
    s.one.write('john', '198.51.100.99')
    s.one.wait_log(r'^john.dyn.example.com is 198.51.100.99 at 192.0.2.54, after ')
    s.answered('john', '198.51.100.99')
    s.one.write('john', 'none')
    s.answered('john')
    s.answered('anna', '198.51.100.2')
    s.answered('jane', '198.51.100.1')
    assert s.secondary.rrset(name('john'), 'TXT') == {'"a static text"'}


@both
def test_a_key_changes_addresses_only_and_with_names_only_its_own(site, cls):
    s = site(cls, names={key: [name(u) for u in users] for key, users in SHARES.items()})

    def may(key, user, type, text):
        u = dns.update.UpdateMessage(ZONE)
        u.add(user, 60, type, text)
        try:
            return s.primary.update(u, s.keys[key]).rcode() == dns.rcode.NOERROR
        except dns.tsig.PeerBadKey:	# so Knot says that this may not be done with it
            return False
    assert may('updater-1', 'john', 'A', '203.0.113.1')
    assert may('updater-2', 'jane', 'AAAA', '2001:db8::1')
    assert not may('updater-1', 'john', 'TXT', 'hello')
    assert not may('updater-1', 'jane', 'A', '203.0.113.1')
    assert not may('secondary', 'john', 'A', '203.0.113.1')
    for key in s.keys.values():
        assert (name('ns1'), 'A') in s.primary.axfr(key=key)
    with pytest.raises(dns.query.TransferError):
        s.primary.axfr(key=False)


@both
def test_one_that_is_stopped_does_not_disturb_the_others(site, cls):
    s = site(cls)
    s.one.write('john', '198.51.100.1')
    s.two.write('jane', '198.51.100.2')
    s.answered('john', '198.51.100.1')
    s.answered('jane', '198.51.100.2')
    s.one.stop()
    s.two.write('jane', '198.51.100.3')
    s.answered('jane', '198.51.100.3')
    s.answered('john', '198.51.100.1')

    # Both change while it is away; it compares, and leaves what is not its own.
    s.one.write('john', '198.51.100.4', age=60)
    s.two.write('paul', '198.51.100.5')
    s.answered('paul', '198.51.100.5')
    s.one.start(tinydns=False)
    s.answered('john', '198.51.100.4')
    for user, address in (('jane', '198.51.100.3'), ('paul', '198.51.100.5')):
        s.answered(user, address)
    mark = s.one.mark()
    s.one.state.unlink()
    s.one.reload()
    s.one.write('anna', '198.51.100.6')
    s.answered('anna', '198.51.100.6')
    s.answered('jane', '198.51.100.3')
    assert not s.one.count('^removing', mark)


@both
def test_without_its_state_a_daemon_leaves_what_others_have(site, cls):
    s = site(cls)
    s.one.write('john', '198.51.100.1')
    s.two.write('jane', '198.51.100.2')
    s.answered('john', '198.51.100.1')
    s.answered('jane', '198.51.100.2')
    s.one.stop()
    s.one.state.unlink()
    s.one.age('john', 60)
    s.one.start(tinydns=False)
    s.one.wait_log(r'zone dyn.example.com is as it should be')
    s.one.wait_log(r'leaving what jane.dyn.example.com has in zone dyn.example.com')
    s.one.write('anna', '198.51.100.6')
    s.answered('anna', '198.51.100.6')
    s.answered('jane', '198.51.100.2')


@both
def test_all_converge_after_the_primary_was_away(site, cls):
    s = site(cls)
    s.one.write('john', '198.51.100.1')
    s.two.write('jane', '198.51.100.2')
    s.answered('john', '198.51.100.1')
    s.answered('jane', '198.51.100.2')
    marks = [u.mark() for u in s.updaters]	# who has a connection open learns it at once
    s.primary.kill()
    s.one.write('john', '198.51.100.11')
    s.two.write('paul', '198.51.100.12')
    for updater, mark in zip(s.updaters, marks):
        updater.wait_log('unable to publish to primary', mark)
    s.answered('john', '198.51.100.1')	# the secondary goes on answering
    s.primary.start()
    s.answered('john', '198.51.100.11')
    s.answered('paul', '198.51.100.12')
    s.answered('jane', '198.51.100.2')


@both
def test_the_network_of_one_fails(site, cls):
    s = site(cls)
    s.one.write('john', '198.51.100.1')
    s.answered('john', '198.51.100.1')
    s.machines['updater-1'].cut()
    mark = s.one.mark()
    s.one.write('john', '198.51.100.2')
    s.two.write('jane', '198.51.100.3')
    s.answered('jane', '198.51.100.3')
    s.one.wait_log('unable to publish to primary', mark)
    s.answered('john', '198.51.100.1')
    s.machines['updater-1'].cut(up=True)
    s.one.send(signal.SIGHUP)		# ends the pause
    s.answered('john', '198.51.100.2')


@both
def test_a_user_moves_without_a_gap(site, cls):
    """As the document says: the old machine forgets the name instead of taking it away."""
    s = site(cls)
    s.one.write('john', '198.51.100.1')
    s.one.write('anna', '198.51.100.2')
    s.answered('john', '198.51.100.1')
    s.answered('anna', '198.51.100.2')
    s.two.homes.joinpath('john').mkdir(mode=0o700)
    os.chown(s.two.home('john'), uid_of('john'), uid_of('john'))
    s.two.write('john', '198.51.100.1', age=60)

    serial = s.primary.serial()
    s.one.stop()
    text = s.one.state.read_text()
    assert f' primary {name("john")} a\n' in text
    subprocess.run(['sed', '-i', f'/^ primary {re.escape(name("john"))} /d', s.one.state], check=True)
    os.chown(s.one.state, SERVICE_UID, SERVICE_GID)
    del s.one.users['john']
    s.one.say_users()
    s.one.age('anna', 60)
    s.one.start(tinydns=False)
    assert s.primary.rrset(name('john'), 'A') == {'198.51.100.1'}
    assert s.two.take_users({**s.two.users, 'john': [name('john')]}).startswith('reloaded')
    s.two.write('john', '198.51.100.9')
    s.answered('john', '198.51.100.9')
    assert s.primary.serial() == serial + 1	# there never was anything else
    s.one.reload()
    s.one.write('anna', '198.51.100.10')
    s.answered('anna', '198.51.100.10')
    s.answered('john', '198.51.100.9')


@both
def test_a_user_moves_with_a_short_gap(site, cls):
    """The old machine is reloaded first, then the new one: the other way round the old one would take away
    what the new one has just published."""
    s = site(cls)
    s.one.write('john', '198.51.100.1')
    s.answered('john', '198.51.100.1')
    s.two.homes.joinpath('john').mkdir(mode=0o700)
    os.chown(s.two.home('john'), uid_of('john'), uid_of('john'))
    s.two.write('john', '198.51.100.1', age=60)
    s.one.take_users({'anna': [name('anna')]})
    s.primary.wait(name('john'), 'A', set())
    s.two.take_users({**s.two.users, 'john': [name('john')]})
    s.answered('john', '198.51.100.1')
