# SPDX-FileCopyrightText: 2026 The dns-updater authors
# SPDX-License-Identifier: ISC
"""A directory for every test that others than root can reach, and an environment in it."""

import contextlib
import os
import pathlib
import shutil
import subprocess
import tempfile

import pytest

from harness import DNS_UPDATER, TINYDNS, Env
from http_harness import Http, Net
from servers import Key


def pytest_sessionstart(session):
    if session.config.option.collectonly:
        return
    if os.geteuid() != 0:
        pytest.exit('the system tests start daemons that change their user: run them as root', 1)
    for program in (DNS_UPDATER, TINYDNS):
        if not os.access(program, os.X_OK):
            pytest.exit(f'{program} is not there', 1)


@pytest.fixture(scope='session')
def base():
    """The tests' own directory. pytest's is closed to everyone but root, and makecommand runs
    as somebody else. DNS_UPDATER_KEEP=1 leaves it there."""
    path = pathlib.Path(tempfile.mkdtemp(prefix='dns-updater-test.'))
    path.chmod(0o755)
    yield path
    if not os.environ.get('DNS_UPDATER_KEEP'):
        shutil.rmtree(path, ignore_errors=True)


@pytest.fixture
def tmp_path(base, request):
    name = ''.join(c if c.isalnum() else '_' for c in request.node.name)[:40]
    path = pathlib.Path(tempfile.mkdtemp(prefix=name + '.', dir=base))
    path.chmod(0o755)
    yield path
    if not os.environ.get('DNS_UPDATER_KEEP'):
        shutil.rmtree(path, ignore_errors=True)


@pytest.fixture
def env(tmp_path):
    e = Env(tmp_path)
    yield e
    e.close()


@pytest.fixture
def http(env):
    h = Http(env)
    yield h
    h.close()


@pytest.fixture(scope='module')
def in_namespace(base):
    """in_namespace(ADDRESS, ...): both programs, for all tests of a file, in a network namespace; not started."""
    with contextlib.ExitStack() as ends:
        def make_one(*addresses):
            tmp = pathlib.Path(tempfile.mkdtemp(prefix='module.', dir=base))
            tmp.chmod(0o755)
            ends.callback(shutil.rmtree, tmp, ignore_errors=True)
            net = ends.enter_context(contextlib.closing(Net(*addresses)))
            env = ends.enter_context(contextlib.closing(Env(tmp)))
            return ends.enter_context(contextlib.closing(Http(env, net)))
        yield make_one


@pytest.fixture
def newer(tmp_path, monkeypatch):
    """More of a program's environment: libraries that do what newer ones do."""
    library = tmp_path / 'newer.so'
    subprocess.run(['cc', '-shared', '-fPIC', '-D_GNU_SOURCE', '-o', library,
                    pathlib.Path(__file__).with_name('newer.c')], check=True)
    monkeypatch.setenv('ASAN_OPTIONS', 'verify_asan_link_order=0')
    return {'LD_PRELOAD': str(library)}


@pytest.fixture(autouse=True)
def umask():
    """Modes are what the tests say, whoever runs them."""
    old = os.umask(0o022)
    yield
    os.umask(old)


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(item):
    report = (yield).get_result()
    e = getattr(item, 'funcargs', {}).get('env')
    if report.failed and e is not None:
        report.sections.append(('dns-updater', e.transcript()))
    h = getattr(item, 'funcargs', {}).get('http')
    if report.failed and h is not None:
        report.sections.append(('dns-updater-http', h.transcript()))


@pytest.fixture
def key(tmp_path):
    return Key(tmp_path)


@pytest.fixture
def make(tmp_path):
    """make(Class, ...): a started server, which ends with the test."""
    servers = []

    def make_one(cls, *args, start=True, **more):
        s = cls(tmp_path, *args, **more)
        servers.append(s)
        return s.start() if start else s
    yield make_one
    for s in servers:
        s.close()
