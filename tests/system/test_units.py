# SPDX-FileCopyrightText: 2026 The dns-updater authors
# SPDX-License-Identifier: ISC
"""The systemd units, as the installed systemd reads them: it knows every line, and the programs start and publish
behind their system call filters, which are closed here in its place."""

import pathlib
import re
import subprocess
import sys

import pytest

from harness import DNS_UPDATER, SERVICE, TIMEOUT, TOP, Tinydns, clean_env, needs
from http_harness import ACCOUNT, DNS_UPDATER_HTTP, is_sanitized
from steered import landlock

JOHN = 'john.dyn.example.com'
UNITS = TOP / 'dist/systemd'

# Closes a filter that lets these calls through, and sockets of these families, and becomes the command.
FILTER = '''
import ctypes, os, socket, sys
calls, families, command = sys.argv[1].split(), sys.argv[2].split(), sys.argv[3:]

class Comparison(ctypes.Structure):
    _fields_ = [('arg', ctypes.c_uint), ('op', ctypes.c_int), ('a', ctypes.c_uint64), ('b', ctypes.c_uint64)]

library = ctypes.CDLL('libseccomp.so.2')
library.seccomp_init.restype = ctypes.c_void_p
context = ctypes.c_void_p(library.seccomp_init(0x00050000 | 1))		# SCMP_ACT_ERRNO(EPERM)
for call in calls:
    number = library.seccomp_syscall_resolve_name(call.encode())
    for only in [Comparison(0, 4, getattr(socket, f)) for f in families] if call == 'socket' else [None]:	# SCMP_CMP_EQ
        if number >= 0:
            assert not library.seccomp_rule_add_array(context, 0x7fff0000, number, only is not None,	# SCMP_ACT_ALLOW
                                                      only and ctypes.byref(only))
assert not library.seccomp_load(context)
os.execvp(command[0], command)
'''


def settings(unit, key):
    return re.findall(rf'^{key}=(.*)', (UNITS / unit).read_text(), re.M)


@pytest.fixture(scope='module')
def call_sets():
    """{'@set': its members}, of the installed systemd."""
    needs('systemd-analyze')
    text = subprocess.run(['systemd-analyze', 'syscall-filter', '--no-pager'], capture_output=True, text=True,
                          check=True, timeout=TIMEOUT, env=clean_env()).stdout
    sets = {}
    for line in text.splitlines():
        if line.startswith('@'):
            members = sets.setdefault(line.strip(), [])
        elif re.match(r'\s+[@\w]', line):
            members.append(line.strip())
    return sets


def calls_of(name, sets):
    return set().union(*(calls_of(m, sets) for m in sets[name])) if name.startswith('@') else {name}


def allowed(units, sets):
    """As systemd.exec(5) has it: what the lines say, one after the other, and @default."""
    calls = calls_of('@default', sets)
    for line in (line for unit in units for line in settings(unit, 'SystemCallFilter')):
        named = set().union(*(calls_of(name, sets) for name in line.lstrip('~').split()))
        calls = calls - named if line.startswith('~') else calls | named
    return calls


def behind(units, sets, account, capabilities, program):
    calls = allowed(units, sets)
    if is_sanitized(program):
        calls |= {'ptrace'}		# LeakSanitizer, at the end
    needs('setpriv')
    return ['setpriv', f'--reuid={account}', f'--regid={account}', '--clear-groups', '--no-new-privs',
            f'--inh-caps={capabilities}', f'--ambient-caps={capabilities}', sys.executable, '-c', FILTER, ' '.join(calls),
            ' '.join(family for unit in units for family in settings(unit, 'RestrictAddressFamilies'))]


def test_systemd_has_nothing_to_say_of_the_units(tmp_path):
    needs('systemd-analyze')
    (tmp_path / 'dns-updater.service.d').mkdir()
    (tmp_path / 'dns-updater.service.d' / 'fanotify.conf').write_text((UNITS / 'fanotify.conf').read_text())
    units = [tmp_path / unit.name.removesuffix('.in') for unit in UNITS.iterdir() if unit.name != 'fanotify.conf']
    for unit in units:
        source = next(UNITS.glob(unit.name + '*')).read_text()
        unit.write_text(source.replace('@sbindir@', str(pathlib.Path(DNS_UPDATER).parent)))
    done = subprocess.run(['systemd-analyze', 'verify', '--man=no', *units], capture_output=True, text=True,
                          timeout=TIMEOUT, env=clean_env())
    assert (done.returncode, done.stdout, done.stderr) == (0, '', '')


@pytest.mark.parametrize('watch', ['inotify', 'fanotify'])
def test_the_daemon_does_behind_its_filter_what_it_does(env, call_sets, watch):
    env.made.touch()
    env.made.chmod(0o666)
    env.compile()
    env.tinydns = Tinydns(env.root)
    env.conf.update(watch=watch, verify=env.tinydns.ip)
    units, capabilities = ['dns-updater.service.in'], '+dac_read_search'
    if watch == 'fanotify':
        units, capabilities = [*units, 'fanotify.conf'], capabilities + ',+sys_admin'
    env.prefix = behind(units, call_sets, SERVICE, capabilities, DNS_UPDATER)
    env.write('john', '1.2.3.4', age=10)
    env.start()
    env.wait_answer(JOHN, 'A', {'1.2.3.4'})
    env.write('john', '1.2.3.5')
    env.wait_log(f'^{JOHN} is 1.2.3.5 at {env.tinydns.ip}, after ')
    assert env.reload().startswith('reloaded ')
    assert env.count('watching by fanotify, as configured') == (watch == 'fanotify')
    assert not landlock() or env.count('Landlock') == 0


def test_the_front_end_does_behind_its_filter_what_it_does(http, call_sets):
    http.prefix = behind(['dns-updater-http.service.in'], call_sets, ACCOUNT, '+net_bind_service', DNS_UPDATER_HTTP)
    http.start()
    assert http.update('hostname=host1.dyn.example&myip=192.0.2.10').body == 'good 192.0.2.10'
    assert http.reload().startswith('reloaded ')
    assert not landlock() or 'Landlock' not in http.log.text()
