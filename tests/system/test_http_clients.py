# SPDX-FileCopyrightText: 2026 The dns-updater authors
# SPDX-License-Identifier: ISC
"""The clients that people have: Debian's ddclient, inadyn, GNU wget, busybox wget and curl, plain and
by TLS with the certificate checked, against the real programs.

They run in a network namespace of their own: none of them can reach anybody else, whatever it makes
of its configuration, and where a request comes from is not loopback."""

import re
import shutil
import subprocess
import urllib.parse

import pytest

from harness import TIMEOUT, clean_env, needs
from http_harness import START_STATE

V4, V6 = '192.0.2.99', '2001:db8::99'		# addresses of the namespace
HOST1, HOST2 = 'host1.dyn.example', 'host2.dyn.example'
BOTH = [HOST1, HOST2]


@pytest.fixture(params=[False, True], ids=['plain', 'tls'])
def tls(request):
    return request.param


@pytest.fixture(scope='module')
def programs(in_namespace):
    h = in_namespace(V4, V6)
    h.conf['listen'] = ['127.0.0.1:0', f'{V4}:0 allow', f'[{V6}]:0 allow']
    h.conf['listen_tls'] = ['127.0.0.1:0', f'{V4}:0']
    h.never_logged |= {'wr0ng-secret'}
    h.start()
    return h


@pytest.fixture
def work(programs, tmp_path):
    programs.start_state()
    return tmp_path


def port(h, tls, address='127.0.0.1'):
    return next(p for a, p, t in h.ports if a == address and t == tls)


def run(h, work, *command, **kw):
    """The client, in the namespace and a directory of its own."""
    return subprocess.run([*h.net.prefix, *map(str, command)], cwd=work, capture_output=True, text=True,
                          stdin=subprocess.DEVNULL, timeout=3 * TIMEOUT,
                          env=clean_env(HOME=str(work), LC_ALL='C'), **kw)


def wait_changed(h, v4='198.51.100.1', v6='2001:db8:ffff:12::a', host2=('198.51.100.2', None)):
    h.expect({**START_STATE, HOST1: (v4, v6), HOST2: host2})


def assert_unchanged(h):
    h.settle()
    h.expect(START_STATE)


# ---- ddclient 3.10

class Ddclient:
    def __init__(self, h, work, tls):
        self.h, self.work, self.tls = h, work, tls
        self.config = work / 'ddclient.conf'
        self.cache = work / 'ddclient.cache'

    def __call__(self, address, hosts=(HOST1,), secret='s3cret', login='alice', protocol='dyndns2'):
        (self.work / 'ip.txt').write_text(address + '\n')
        self.config.write_text(f'''syslog=no
pid={self.work}/ddclient.pid
ssl={'yes' if self.tls else 'no'}
ssl_ca_file={self.h.cert}
use=cmd, cmd='cat {self.work}/ip.txt'
protocol={protocol}
server=127.0.0.1:{port(self.h, self.tls)}
login={login}
password='{secret}'
{','.join(hosts)}
''')
        self.config.chmod(0o600)
        self.cache.unlink(missing_ok=True)	# with it, it asks every 30 seconds only
        return run(self.h, self.work, 'ddclient', '-daemon=0', '-noquiet', '-debug', '-file', self.config,
                   '-cache', self.cache)


@pytest.fixture
def ddclient(programs, work, tls):
    needs('ddclient')
    return Ddclient(programs, work, tls)


def test_ddclient(programs, ddclient):
    done = ddclient('192.0.2.10')
    assert done.returncode == 0, done
    assert re.search('SUCCESS: .*' + HOST1, done.stdout + done.stderr), done
    wait_changed(programs, '192.0.2.10')


def test_ddclient_v6(programs, ddclient):
    done = ddclient('2001:db8::10')
    assert done.returncode == 0, done
    wait_changed(programs, v6='2001:db8::10')


def test_ddclient_two_hosts_and_again(programs, ddclient):
    done = ddclient('192.0.2.10', hosts=BOTH)
    assert done.returncode == 0, done
    assert (done.stdout + done.stderr).count('SUCCESS') == 2, done
    wait_changed(programs, '192.0.2.10', host2=('192.0.2.10', None))
    before = programs.file().stat()
    done = ddclient('192.0.2.10', hosts=BOTH)		# without its cache: it asks again
    assert done.returncode == 0, done
    assert 'nochg' in done.stdout + done.stderr, done
    assert programs.file().stat().st_ino == before.st_ino
    done = ddclient('192.0.2.11', hosts=BOTH)
    assert done.returncode == 0, done
    wait_changed(programs, '192.0.2.11', host2=('192.0.2.11', None))


def test_ddclient_with_a_wrong_password(programs, ddclient):
    done = ddclient('192.0.2.10', secret='wr0ng-secret')
    assert done.returncode == 1, done
    assert 'FAILED' in done.stdout + done.stderr, done
    assert 'badauth' in done.stdout + done.stderr or 'authorization failed' in (
        done.stdout + done.stderr).lower(), done
    assert_unchanged(programs)


def test_ddclient_with_somebody_elses_host(programs, ddclient):
    done = ddclient('192.0.2.10', hosts=['bob.dyn.example'])
    assert done.returncode == 1, done
    assert 'nohost' in done.stdout + done.stderr, done
    assert_unchanged(programs)


@pytest.mark.parametrize('protocol, hosts, login, secret', [
    ('noip', [HOST1], 'alice', 's3cret'),
    ('dyndns1', [HOST1], 'alice', 's3cret'),
    ('duckdns', [HOST1], 'alice', 'TOKEN'),
])
def test_ddclient_protocols(programs, work, protocol, hosts, login, secret):
    """By TLS whatever `ssl=` says, with these."""
    needs('ddclient')
    done = Ddclient(programs, work, True)('192.0.2.10', hosts=hosts, login=login, secret=secret, protocol=protocol)
    assert done.returncode == 0, done
    assert 'SUCCESS' in done.stdout + done.stderr, done
    wait_changed(programs, '192.0.2.10')


# ---- inadyn 2.10

@pytest.fixture
def inadyn(programs, work, tls):
    needs('inadyn')
    cache = work / 'cache'

    def call(address, param='myip', hosts=(HOST1,), secret='s3cret'):
        (work / 'ip.txt').write_text(address + '\n')
        config = work / 'inadyn.conf'
        config.write_text(f'''period = 300
verify-address = false
allow-ipv6 = true
ca-trust-file = "{programs.cert}"
custom test {{
    ssl = {'true' if tls else 'false'}
    username = alice
    password = {secret}
    ddns-server = "127.0.0.1:{port(programs, tls)}"
    ddns-path = "/nic/update?hostname=%h&{param}=%i"
    hostname = {{ {', '.join(f'"{h}"' for h in hosts)} }}
    checkip-command = "/bin/cat {work}/ip.txt"
}}
''')
        shutil.rmtree(cache, ignore_errors=True)
        cache.mkdir()
        return run(programs, work, 'inadyn', '-1', '-n', '-l', 'debug', '--no-pidfile',
                   f'--cache-dir={cache}', '-f', config)
    return call


def test_inadyn(programs, inadyn):
    done = inadyn('192.0.2.10')
    assert done.returncode == 0, done
    wait_changed(programs, '192.0.2.10')


def test_inadyn_v6(programs, inadyn):
    done = inadyn('2001:db8::10', param='myipv6')
    assert done.returncode == 0, done
    wait_changed(programs, v6='2001:db8::10')


def test_inadyn_two_hosts_and_again(programs, inadyn):
    done = inadyn('192.0.2.10', hosts=BOTH)		# it sends a request for each host
    assert done.returncode == 0, done
    wait_changed(programs, '192.0.2.10', host2=('192.0.2.10', None))
    inode = programs.file().stat().st_ino
    done = inadyn('192.0.2.10', hosts=BOTH)
    assert done.returncode == 0, done
    assert programs.file().stat().st_ino == inode
    wait_changed(programs, '192.0.2.10', host2=('192.0.2.10', None))


def test_inadyn_with_a_wrong_password(programs, inadyn):
    done = inadyn('192.0.2.10', secret='wr0ng-secret')
    assert done.returncode == 50, done
    assert_unchanged(programs)


# ---- GNU wget, busybox wget, curl

def url(h, tls, address='127.0.0.1', userinfo='', query=f'hostname={HOST1}&myip=192.0.2.10',
        path='/nic/update'):
    host = f'[{address}]' if ':' in address else address
    return (f'http{"s" if tls else ""}://{userinfo}{host}:{port(h, tls, address)}'
            f'{path}{"?" if query else ""}{query}')


def wget(h, work, tls, secret='s3cret', **kw):
    needs('wget')
    return run(h, work, 'wget', '-O', '-', '-t', '1', '--no-verbose', '--no-proxy', f'--ca-certificate={h.cert}',
               '--user=alice', f'--password={secret}', url(h, tls, **kw))


def curl(h, work, tls, secret='s3cret', user='alice', options=(), **kw):
    needs('curl')
    return run(h, work, 'curl', '-sS', '--noproxy', '*', '--cacert', h.cert, '-u', f'{user}:{secret}',
               '-w', '\n%{http_code}', *options, url(h, tls, **kw))


def busybox(h, work, secret='s3cret', user='alice', **kw):
    needs('busybox')
    info = f'{urllib.parse.quote(user, safe="")}:{urllib.parse.quote(secret, safe="")}@'
    return run(h, work, 'busybox', 'wget', '-q', '-O', '-', url(h, False, userinfo=info, **kw))


def test_wget_sends_its_password_after_the_challenge(programs, work, tls):
    done = wget(programs, work, tls)
    assert (done.returncode, done.stdout) == (0, 'good 192.0.2.10'), done
    wait_changed(programs, '192.0.2.10')
    done = wget(programs, work, tls)
    assert (done.returncode, done.stdout) == (0, 'nochg 192.0.2.10'), done
    done = wget(programs, work, tls, query=f'hostname={HOST1}&myip=2001:db8::10')
    assert (done.returncode, done.stdout) == (0, 'good 2001:db8::10'), done
    wait_changed(programs, '192.0.2.10', '2001:db8::10')


def test_wget_with_a_wrong_password(programs, work, tls):
    done = wget(programs, work, tls, secret='wr0ng-secret')
    assert done.returncode == 6, done		# authentication failure
    assert_unchanged(programs)


def test_busybox_wget(programs, work):
    """Plain only: it does not check certificates."""
    for word in ('good', 'nochg'):
        done = busybox(programs, work)
        assert (done.returncode, done.stdout) == (0, f'{word} 192.0.2.10'), done
        wait_changed(programs, '192.0.2.10')
    done = busybox(programs, work, secret='wr0ng-secret', query=f'hostname={HOST1}&myip=192.0.2.66')
    assert done.returncode != 0, done
    assert '401' in done.stderr, done
    programs.settle()
    wait_changed(programs, '192.0.2.10')


def test_curl(programs, work, tls):
    for word in ('good', 'nochg'):
        done = curl(programs, work, tls)
        assert (done.returncode, done.stdout) == (0, f'{word} 192.0.2.10\n200'), done
        wait_changed(programs, '192.0.2.10')
    done = curl(programs, work, tls, query=f'hostname={HOST1},{HOST2}&myip=192.0.2.11,2001:db8::11')
    assert done.stdout == 'good 192.0.2.11,2001:db8::11\n' * 2 + '200', done
    wait_changed(programs, '192.0.2.11', '2001:db8::11', ('192.0.2.11', '2001:db8::11'))


def test_curl_with_a_wrong_password(programs, work, tls):
    done = curl(programs, work, tls, secret='wr0ng-secret')
    assert (done.returncode, done.stdout) == (0, 'badauth\n401'), done
    assert_unchanged(programs)


@pytest.mark.parametrize('options', [
    pytest.param(['-X', 'POST'], id='POST'), pytest.param(['-X', 'PUT'], id='PUT'),
    pytest.param(['-0'], id='HTTP_1.0'), pytest.param(['--http2'], id='offers_HTTP_2'),
    pytest.param(['-d', 'x=y'], id='form'), pytest.param(['--tls-max', '1.2'], id='TLS_1.2'),
])
def test_curl_in_other_ways(programs, work, tls, options):
    done = curl(programs, work, tls, options=options)
    assert (done.returncode, done.stdout) == (0, 'good 192.0.2.10\n200'), done
    wait_changed(programs, '192.0.2.10')


def test_curl_with_the_parameters_in_a_form(programs, work, tls):
    done = curl(programs, work, tls, options=['-d', f'hostname={HOST1}&myip=192.0.2.10'], query='')
    assert (done.returncode, done.stdout) == (0, 'good 192.0.2.10\n200'), done
    wait_changed(programs, '192.0.2.10')


def test_curl_as_a_user_with_an_address_and_an_odd_password(programs, work, tls):
    done = curl(programs, work, tls, user='bob@example.org', secret='p@ss:w/rd&1',
                query='hostname=bob.dyn.example&myip=192.0.2.20')
    assert (done.returncode, done.stdout) == (0, 'good 192.0.2.20\n200'), done
    programs.expect({'bob.dyn.example': ('192.0.2.20', None)})


def test_curl_without_an_address_from_where_it_comes(programs, work, tls):
    done = curl(programs, work, tls, address=V4, query=f'hostname={HOST1}')
    assert (done.returncode, done.stdout) == (0, f'good {V4}\n200'), done
    wait_changed(programs, V4)
    if not tls:
        done = curl(programs, work, tls, address=V6, query=f'hostname={HOST1}')
        assert (done.returncode, done.stdout) == (0, f'good {V6}\n200'), done
        wait_changed(programs, V4, V6)
