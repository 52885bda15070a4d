# SPDX-FileCopyrightText: 2026 The dns-updater authors
# SPDX-License-Identifier: ISC
"""dns-updater check: every mistake at once, as file:line, exit status 100; warnings leave it 0."""

import hashlib
import os
import re
import subprocess

import pytest

from harness import (BASE, DNS_UPDATER, END, SERVICE, SERVICE_GID, SERVICE_UID, START, TIMEOUT, clean_env,
                     unshare_mounts)

JOHN = 'john.dyn.example.com'


@pytest.fixture
def ok(env):
    """A set-up without a mistake and without a warning."""
    env.users = {'john': [JOHN]}
    env.make_home('john')
    env.make_home('fence')
    return env


def check(env, text=None):
    if text is not None:
        env.conf_text = text
    done = env.check()
    # Where the tests' directory lies is not what is tested.
    done.lines = [l for l in done.lines if "everyone may add files to '/tmp'" not in l]
    return done


def line_of(env, key):
    for n, line in enumerate(env.conf_file.read_text().split('\n'), 1):
        if line.startswith(key):
            return n
    raise KeyError(key)


def mistakes(done):
    return [l for l in done.lines if re.match(r'/[^:]*(:\d+)?: (?!warning)', l)]


def warnings(done):
    return [l for l in done.lines if 'warning: ' in l]


def assert_mistake(env, key, pattern):
    """Exactly one mistake, on the line of this key."""
    __tracebackhide__ = True
    done = check(env)
    assert done.returncode == 100, done.stdout
    where = f'{env.conf_file}:{line_of(env, key)}: ' if key else ''
    assert len(mistakes(done)) == 1, done.stdout
    assert re.match(re.escape(where) + pattern, mistakes(done)[0]), done.stdout


def assert_warning(env, pattern):
    __tracebackhide__ = True
    done = check(env)
    assert done.returncode == 0, done.stdout
    assert mistakes(done) == []
    assert [w for w in warnings(done) if re.search(pattern, w)], done.stdout


def test_what_cannot_be_written_is_no_good_set_up(ok):
    ok.conf['publish_interval'] = 'never'
    ok.write_conf()
    with open('/dev/full', 'w') as full:
        done = subprocess.run([DNS_UPDATER, '-c', ok.conf_file, 'check'], stdout=full, stderr=subprocess.PIPE, text=True)
    assert done.returncode == 111
    assert done.stderr == 'dns-updater: unable to write what was found\n'


def test_a_good_set_up_has_no_mistake_and_no_warning(ok):
    done = check(ok)
    assert (done.returncode, mistakes(done), warnings(done)) == (0, [], [])
    assert done.stderr == ''


def boot(env, init):
    """What runs the machine, as far as check can tell."""
    env.prefix = [*unshare_mounts(), 'sh', '-c', 'mount -t tmpfs none /run && mkdir -p "/run/$0/system" && exec "$@"',
                  init]


def test_the_systemd_drop_in_is_printed_ready_to_paste(ok):
    boot(ok, 'systemd')
    lines = check(ok).lines
    i = lines.index('[Service]')
    assert re.search('/etc/systemd/system/dns-updater.service.d/.*conf', lines[i - 1])
    assert lines[i - 1].startswith('#')
    assert lines[i + 1] == f'ReadWritePaths={ok.root}'


def test_the_drop_ins_name_all_other_places_that_are_written(ok):
    places = {}
    for key, file in ('socket', 'socket'), ('log_tempfile', 'last'), ('addresses', '%u'):
        places[key] = ok.tmp / key
        places[key].mkdir()
        os.chown(places[key], SERVICE_UID, -1)
        ok.conf[key] = f'{places[key]}/{file}'
    door = ok.conf.pop('addresses')
    ok.conf['pathpattern'] += f' {door}'
    ok.conf_more = f'[http]\naddresses = {door}\nuser = {SERVICE}\ntokens = {ok.tmp}/none\n'
    boot(ok, 'systemd')
    lines = check(ok).lines
    assert [line for line in lines if re.search('systemd|Service|ReadWrite', line)] == [
        '# with systemd, in /etc/systemd/system/dns-updater.service.d/datafile.conf:', '[Service]',
        *(f'ReadWritePaths={p}' for p in (ok.root, ok.state_dir, places['socket'], places['log_tempfile'])),
        '# with systemd, in /etc/systemd/system/dns-updater-http.service.d/addresses.conf:', '[Service]',
        f"ReadWritePaths={places['addresses']}"]


def test_the_drop_in_does_not_name_what_the_unit_has(ok):
    ok.conf.update(state='/run/dns-updater/state', socket='/run/dns-updater/more/socket',
                   log_tempfile='/run/dns-updater/last')
    boot(ok, 'systemd')
    ok.prefix = [part.replace(' exec ', f' mkdir -p /run/dns-updater/more && chown -R {SERVICE} /run/dns-updater && exec ')
                 for part in ok.prefix]
    done = check(ok)
    assert (done.returncode, mistakes(done), warnings(done)) == (0, [], []), done.stdout
    assert [line for line in done.lines if 'ReadWritePaths' in line] == [f'ReadWritePaths={ok.root}']


def test_without_systemd_nothing_is_said_of_it(ok):
    boot(ok, 'openrc')
    done = check(ok)
    assert (done.returncode, done.lines) == (0, [])


def test_the_drop_in_names_where_a_link_points_to(ok):
    boot(ok, 'systemd')
    real = ok.tmp / 'real'
    os.rename(ok.root, real)
    ok.root.symlink_to(real)
    assert f'ReadWritePaths={real}' in check(ok).lines


# ---- one mistake of each kind in the configuration

@pytest.mark.parametrize('line, what', [
    ('colour = red', "unknown key 'colour'"),
    ('ttl = soon', 'ttl is a number from'),
    ('ttl = -1', 'ttl is a number from'),
    ('ttl = 2147483648', 'ttl is a number from'),
    ('publish_interval = 1 week', ".*is not a time such as"),
    ('make_timeout = 0', 'make_timeout is from'),
    ('rescan = 1ms', 'rescan is from'),
    ('missing = maybe', 'missing is keep or withdraw'),
    ('replace = maybe', 'replace is exchange or rename'),
    ('addresses_max = 0', 'addresses_max is a number from'),
    ('networks = 192.0.2.1/24', '.*has bits set behind its prefix length'),
    ('networks = here', '.*is not a network'),
    ('datafile = data', ".*does not begin with a slash"),
    ('state = state', ".*does not begin with a slash"),
    ('datafile =', '.*has no value'),
    ('pathpattern = /home/.dynamicdns', '.*%u'),
    ('pathpattern = home/%u/.dynamicdns', '.*pattern'),
    ('pathpattern = /home/%x/%u', '.*pattern'),
    ('ttl 60', ".*is neither 'key = value' nor a"),
    ('[unknown]', r"unknown section '\[unknown\]'$"),
])
def test_a_mistake_in_a_line_is_told_with_its_number(ok, line, what):
    key = line.split()[0]
    ok.conf.pop(key, None)
    ok.write_conf()
    text = ok.conf_file.read_text().replace('[dns-updater]\n', f'[dns-updater]\n# one\n{line}\n')
    done = check(ok, text)
    assert done.returncode == 100
    assert [l for l in mistakes(done) if re.match(rf'{re.escape(str(ok.conf_file))}:3: {what}', l)], \
        done.stdout


@pytest.mark.parametrize('line, what', [
    ('jane = a..example.com', ".*'a\\.\\.example\\.com'"),
    ('jane = ' + 'a' * 64 + '.example.com', '.*aaaa'),
    ('jane =', ".*has no names"),
    (f'jane = {JOHN.upper()}', '.*given to two users: john and jane'),
    ('jane = b.example.com b.example.com', '.*stands there twice'),
    ('john = b.example.com', '.*stands there more than once'),
    ('../jane = b.example.com', '.*is no user name'),
    ('.jane = b.example.com', '.*is no user name'),
])
def test_a_mistake_in_users_is_told_with_its_number(ok, line, what):
    ok.write_conf()
    text = ok.conf_file.read_text() + line + '\n'
    done = check(ok, text)
    n = text.count('\n')
    assert done.returncode == 100
    assert [l for l in mistakes(done) if re.match(rf'{re.escape(str(ok.conf_file))}:{n}: {what}', l)], \
        done.stdout


def test_a_mistake_in_users_file_is_told_with_that_file(ok):
    users = ok.tmp / 'users'
    users.write_text(f'john = {JOHN}\n\njane = a..b\n')
    ok.conf['users_file'] = str(users)
    done = check(ok)
    assert done.returncode == 100
    assert len(mistakes(done)) == 1 and mistakes(done)[0].startswith(f'{users}:3: ')


@pytest.mark.parametrize('key, what', [
    ('pathpattern', 'pathpattern is not set'),
    ('datafile', 'nothing to publish to: neither datafile nor an [output NAME]'),
    ('datafile', 'makecommand without datafile'),
])
def test_a_key_that_is_needed_and_missing_is_told(ok, key, what):
    ok.conf[key] = None
    done = check(ok)
    assert done.returncode == 100
    assert [l for l in mistakes(done) if what in l], done.stdout


def test_a_key_that_is_set_twice_is_told(ok):
    ok.write_conf()
    text = ok.conf_file.read_text().replace('[dns-updater]\n', '[dns-updater]\nttl = 60\n')
    n = [i for i, l in enumerate(text.split('\n'), 1) if l == 'ttl = 60'][1]
    done = check(ok, text)
    assert done.returncode == 100
    assert mistakes(done) == [f'{ok.conf_file}:{n}: ttl was set before'] or \
        mistakes(done)[0].startswith(f'{ok.conf_file}:{n}: ttl was set before')


def test_hostile_bytes_of_a_configuration_are_escaped(ok):
    ok.write_conf()
    ok.conf_file.write_bytes(b'[dns-updater]\n\x1b[2J = 1\n')
    done = subprocess.run([DNS_UPDATER, 'check', '-c', str(ok.conf_file)], capture_output=True,
                          env=clean_env(), timeout=TIMEOUT)
    assert done.returncode == 100
    assert b'\x1b' not in done.stdout and b'\\x1b[2J' in done.stdout


def test_a_configuration_that_is_not_there_is_told(ok):
    done = subprocess.run([DNS_UPDATER, 'check', '-c', '/nonexistent/conf'], capture_output=True,
                          text=True, env=clean_env(), timeout=TIMEOUT)
    assert (done.returncode, done.stdout) == (100, '/nonexistent/conf: No such file or directory\n')


# ---- one mistake of each kind in the set-up

def test_a_data_file_that_is_not_there(ok):
    ok.data.unlink()
    assert_mistake(ok, 'datafile', '.*unable to find .*No such file')


def test_a_data_file_that_is_a_directory(ok):
    ok.data.unlink()
    ok.data.mkdir()
    assert_mistake(ok, 'datafile', '.*not a regular file')


@pytest.mark.parametrize('text, line, advice', [
    ('', None, f"put the two lines '{START}' and '{END}' at its top"),
    (f'{START}\n', None, f"put '{END}' below the other"),
    (f'{END}\n', None, f"put '{START}' above the other"),
    (f'{END}\n{START}\n', None, 'each stands there once, the start before the end'),
    (f'{START}\n{START}\n{END}\n', None, 'each stands there once, the start before the end'),
    (f'{START}\n{END}\n{END}\n', None, 'each stands there once, the start before the end'),
    (f'    {START}\n    {END}\n', 1, 'this line is not quite one: .* from its first character on'),
    (f'{START}\n#end dynamic dns entries\n', 2, 'this line is not quite one: .* from its first character on'),
])
def test_markers_that_are_not_as_they_should_be(ok, text, line, advice):
    """Whoever pastes them with the blanks in front is not told that they are missing, and no more."""
    ok.write_data(text + '# else\n')
    done = check(ok)
    assert done.returncode == 100
    assert len(mistakes(done)) == 1
    where = f'{ok.data}:{line}: ' if line else f'{ok.data}: '
    assert re.match(rf"{where}.*dynamic dns entries.*; {advice}$", mistakes(done)[0])


def test_a_data_file_of_another_system(ok):
    """tinydns-data makes a name server 'a.ns.example.com\\015' of it; the marker lines may end so."""
    ok.write_data((BASE + '# a note\n').replace('\n', '\r\n'))
    done = check(ok)
    assert (done.returncode, mistakes(done)) == (0, [])
    first = next(n for n, l in enumerate(BASE.split('\n'), 1) if l and l[0] != '#')
    assert [f'{ok.data}:{first}: warning: this line ends in a carriage return, which tinydns-data takes for a part of '
            'its last field, as of a name'] == [l for l in warnings(done) if 'carriage' in l]


def test_lines_of_the_administrator_between_the_markers(ok):
    """They are lost with the first publish; those of users are not worth a word."""
    ok.write_data(f'# mine\n{START}\n+{JOHN}:192.0.2.1:60\n+www.example.com:192.0.2.80\n\n# a note\n{END}\n')
    done = check(ok)
    assert (done.returncode, mistakes(done)) == (0, [])
    assert [l for l in warnings(done) if 'markers' in l] == [
        f'{ok.data}:4: warning: this line between the markers and 1 more are not ours, and will be removed']


@pytest.mark.parametrize('mode', [None, 0o755])
def test_a_socket_that_cannot_be_made(ok, mode):
    place = ok.tmp / 'elsewhere'
    if mode:
        place.mkdir(mode=mode)
    ok.conf['socket'] = str(place / 'socket')
    done = check(ok)
    assert (done.returncode, mistakes(done)) == (0, [])
    assert [l for l in warnings(done) if re.match(
        rf"{ok.conf_file}:{line_of(ok, 'socket')}: warning: socket: '{place}' is no directory that user {SERVICE}", l)]


def test_a_data_file_that_the_service_may_not_read(ok):
    os.chown(ok.data, 0, 0)
    ok.data.chmod(0o600)
    done = check(ok)
    # The daemon's one capability lets it read the file all the same; the command has none.
    assert done.returncode == 100
    assert f"datafile: '{ok.data}' is not readable by user {SERVICE}" in done.stdout


def test_a_directory_that_the_service_may_not_write(ok):
    ok.root.chmod(0o755)
    assert_mistake(ok, 'datafile', f"datafile: directory '{ok.root}' is not writable by user {SERVICE} "
                   rf'\(chgrp {SERVICE}, chmod 2775\)$')


def test_a_directory_that_everyone_may_write(ok):
    ok.root.chmod(0o777)
    assert_mistake(ok, 'datafile', f"datafile: everyone may write to '{ok.root}'")


def test_a_directory_on_the_way_that_everyone_may_write(ok):
    ok.tmp.chmod(0o777)
    done = check(ok)
    assert done.returncode == 100
    for key in ('datafile', 'pathpattern'):
        assert f"{ok.conf_file}:{line_of(ok, key)}: {key}: everyone may write to '{ok.tmp}'" in done.lines


def test_a_directory_on_the_way_that_belongs_to_somebody_else(ok):
    os.chown(ok.root, 61888, -1)
    ok.root.chmod(0o2775)
    done = check(ok)
    assert done.returncode == 100
    assert f"datafile: '{ok.root}' belongs to uid 61888" in done.stdout


def test_a_data_file_that_everyone_may_write(ok):
    ok.data.chmod(0o666)
    assert_mistake(ok, 'datafile', f"datafile: everyone may write to '{ok.data}'")


def test_a_home_that_everyone_may_write(ok):
    ok.home('john').chmod(0o777)
    assert_mistake(ok, 'pathpattern', f"everyone may write to '{ok.home('john')}' and so publish as "
                                      f"user john")


def test_a_user_that_does_not_exist(ok):
    ok.conf['user'] = 'nobody-of-this-name'
    done = check(ok)
    assert done.returncode == 100
    assert (f"{ok.conf_file}:{line_of(ok, 'user ')}: there is no user 'nobody-of-this-name'; create it "
            "(systemd-sysusers, or adduser --system --group), or name another as 'user'") in done.lines


def test_a_command_that_the_shell_does_not_understand(ok):
    ok.conf['makecommand'] = "make 'all"
    assert_mistake(ok, 'makecommand', 'makecommand: ')


def test_a_state_whose_directory_is_not_there(ok):
    ok.conf['state'] = '/nonexistent/state'
    assert_mistake(ok, 'state', "state: unable to find directory '/nonexistent'")


def test_a_state_whose_directory_the_service_may_not_write(ok):
    os.chown(ok.state_dir, 0, 0)
    assert_mistake(ok, 'state', f"state: directory '{ok.state_dir}' is not writable")


def test_a_log_tempfile_whose_directory_the_service_may_not_write(ok):
    ok.conf['log_tempfile'] = f'{ok.homes}/last'
    assert_mistake(ok, 'log_tempfile', f"log_tempfile: directory '{ok.homes}' is not writable")


def test_a_configuration_that_everyone_may_write(ok):
    ok.write_conf()
    ok.conf_file.chmod(0o666)
    done = subprocess.run([DNS_UPDATER, 'check', '-c', str(ok.conf_file)], capture_output=True,
                          text=True, env=clean_env(), timeout=TIMEOUT)
    assert done.returncode == 100
    assert f'{ok.conf_file}: everyone may write to it\n' in done.stdout


# ---- all at once

def test_all_mistakes_of_the_text_are_told_in_one_go(ok):
    ok.conf_text = ('colour = red\n[dns-updater]\nttl = soon\npathpattern = /home/x\n'
                    'networks = here\n[users]\njane = a..b\n[more]\n')
    done = check(ok)
    assert done.returncode == 100
    told = {int(m[1]) for l in done.lines if (m := re.match(r'[^:]+:(\d+): ', l))}
    assert told == {1, 3, 4, 5, 7, 8}
    assert 'nothing to publish to' in done.stdout


def test_mistakes_of_the_text_and_of_the_set_up_are_told_in_one_go(ok):
    ok.conf['ttl'] = 'soon'
    ok.conf['state'] = '/nonexistent/state'
    ok.root.chmod(0o777)
    ok.home('john').chmod(0o777)
    ok.write_data('# no markers\n')
    out = check(ok).stdout
    for what in ('ttl is a number', "unable to find directory '/nonexistent'",
                 f"everyone may write to '{ok.root}'", f"everyone may write to '{ok.home('john')}'",
                 f'{ok.data}: '):
        assert what in out, out


# ---- warnings

def test_a_wildcard_mx_that_a_dynamic_address_hides(ok):
    ok.write_data(BASE + '@*.dyn.example.com::mail.example.com:10:3600\n')
    n = BASE.count('\n') + 1
    assert_warning(ok, rf'^{ok.data}:{n}: warning: the wildcard MX \*\.dyn\.example\.com .*{JOHN}')


def test_a_static_a_on_a_dynamic_name(ok):
    ok.write_data(BASE + f'+{JOHN}:192.0.2.5:3600\n')
    n = BASE.count('\n') + 1
    assert_warning(ok, rf'^{ok.data}:{n}: warning: a static A record on the dynamic name {JOHN}')


def test_a_cname_on_a_dynamic_name(ok):
    ok.write_data(BASE + f'C{JOHN.upper()}:other.example.com:3600\n')
    n = BASE.count('\n') + 1
    assert_warning(ok, rf'^{ok.data}:{n}: warning: a CNAME on the dynamic name {JOHN}')


def test_what_stands_in_the_section_is_no_static_record(ok):
    ok.write_data(BASE.replace(END, f'+{JOHN}:192.0.2.5:60\n{END}'))
    done = check(ok)
    assert (done.returncode, warnings(done)) == (0, [])


def test_a_static_aaaa_mx_or_txt_on_a_dynamic_name_is_no_matter(ok):
    assert f':{JOHN}:28:' in BASE and f'@{JOHN}:' in BASE
    assert warnings(check(ok)) == []


@pytest.mark.parametrize('command, missing', [
    ('mkae -C /', 'mkae'), ('/usr/bin/mkae', '/usr/bin/mkae'), ('/etc/passwd', '/etc/passwd'),
    ('true', None), ('/bin/true', None), ('cd / && true', None), ('A=1 mkae', None), ('"mkae"', None), ('(mkae)', None)])
def test_program_of_makecommand(ok, command, missing):
    ok.conf['makecommand'] = command
    if missing:
        assert_mistake(ok, 'makecommand', f"makecommand: user {SERVICE} finds no program '{missing}' ")
    else:
        assert check(ok).returncode == 0


def test_no_makecommand(ok):
    ok.conf['makecommand'] = None
    assert_warning(ok, 'warning: without makecommand')


def test_a_directory_of_homes_that_is_not_there_yet(ok):
    ok.conf['pathpattern'] += f' {ok.tmp}/later/%u/.dynamicdns'
    assert_warning(ok, f"warning: directory '{ok.tmp}/later' of pattern .* is not there yet")


@pytest.mark.parametrize('watch', ['auto', 'inotify'])
def test_an_inotify_limit_that_is_too_low(ok, watch):
    """Not the machine's own limit: another file lies over it, in a mount namespace."""
    ok.conf['watch'] = watch
    limit = ok.tmp / 'limit'
    limit.write_text('1\n')
    ok.write_conf()
    done = subprocess.run(
        [*unshare_mounts(), 'sh', '-c',
         f'mount --bind {limit} /proc/sys/fs/inotify/max_user_watches && '
         f'exec {DNS_UPDATER} check -c {ok.conf_file}'],
        capture_output=True, text=True, env=clean_env(), timeout=TIMEOUT)
    assert done.returncode == 0, done.stdout + done.stderr
    assert f'{ok.conf_file}:{line_of(ok, "pathpattern")}: warning: fs.inotify.max_user_watches is 1,' \
        in done.stdout
    assert ('where fanotify is not to be had' in done.stdout) == (watch == 'auto')


# ---- outputs

ZONE = ('$ORIGIN dyn.example.com.\n$TTL 3600\n@ SOA ns1 hostmaster 1 3600 600 86400 60\n@ NS ns1\n'
        'ns1 A 192.0.2.53\n; start dynamic dns entries\n; end dynamic dns entries\n')
HOSTS = f'{START}\n{END}\n127.0.0.1 localhost\n'
KEY = 'key "dns-updater" {\n\talgorithm hmac-sha256;\n\tsecret "c2VjcmV0IGZvciB0ZXN0cw==";\n};\n'


def add_file(env, type, text, *more, name='x'):
    """One more output, with a file in a directory of its own."""
    place = env.tmp / f'of-{name}'
    place.mkdir()
    os.chown(place, 0, env.root.stat().st_gid)
    place.chmod(0o2775)
    file = place / 'file'
    file.write_text(text)
    file.chmod(0o644)
    lines = [f'[output {name}]', f'type = {type}', f'file = {file}', *more]
    env.conf_more += ''.join(f'{l}\n' for l in lines)
    return file


def add_updates(env, zone='dyn.example.com', text=KEY, mode=0o640):
    key = env.tmp / 'key'
    key.write_text(text)
    key.chmod(mode)
    env.conf_more += f'[output u]\ntype = rfc2136\nserver = 192.0.2.53\nzone = {zone}\nkey = {key}\n'
    return key


@pytest.fixture
def fine(ok):
    """No fence, whose name lies elsewhere."""
    ok.with_fence = False
    return ok


def test_outputs_without_a_mistake(fine):
    """Two of them in one directory, which is told once."""
    zone = add_file(fine, 'zonefile', ZONE, 'command = true', name='z')
    hosts = zone.parent / 'hosts'
    hosts.write_text(HOSTS)
    hosts.chmod(0o644)
    fine.conf_more += f'[output h]\ntype = hosts\nfile = {hosts}\n'
    add_updates(fine)
    boot(fine, 'systemd')
    done = check(fine)
    assert (done.returncode, mistakes(done), warnings(done)) == (0, [], []), done.stdout
    i = done.lines.index('[Service]')
    assert done.lines[i + 1:] == [f'ReadWritePaths={fine.root}', f'ReadWritePaths={zone.parent}',
                                  f'ReadWritePaths={fine.state_dir}']


def test_the_drop_in_names_the_directory_of_a_database_that_is_not_there_yet(fine):
    place = fine.tmp / 'database'
    place.mkdir()
    os.chown(place, 0, SERVICE_GID)
    place.chmod(0o2775)
    fine.conf.update(database=f'{place}/data.cdb', makecommand=None)
    boot(fine, 'systemd')
    done = check(fine)
    assert f'ReadWritePaths={place}' in done.lines, done.stdout


def test_an_output_and_no_datafile(fine):
    fine.conf['datafile'] = fine.conf['makecommand'] = None
    file = add_file(fine, 'hosts', HOSTS)
    boot(fine, 'systemd')
    done = check(fine)
    assert (done.returncode, mistakes(done), warnings(done)) == (0, [], []), done.stdout
    assert f'ReadWritePaths={file.parent}' in done.lines


@pytest.mark.parametrize('type, text, comment', [
    ('hosts', '127.0.0.1 localhost\n', '#'), ('zonefile', ZONE.replace('; start', '# start'), ';'),
    ('tinydns', ZONE, '#')])
def test_the_markers_of_an_output(fine, type, text, comment):
    file = add_file(fine, type, text, 'command = true')
    done = check(fine)
    assert done.returncode == 100
    assert len(mistakes(done)) == 1
    assert re.match(rf"{file}(:\d+)?: .*; .*: it is '{comment} start dynamic|"
                    f"{file}: .*; put the two lines '{comment} start dynamic", mistakes(done)[0])


def test_markers_where_a_zone_cannot_have_them(fine):
    start = '@ TXT (\n; start dynamic dns entries\n; end dynamic dns entries\n"x" )\n'
    file = add_file(fine, 'zonefile', ZONE[:ZONE.index('; start')] + start)
    done = check(fine)
    assert done.returncode == 100
    assert re.match(rf'{file}:\d+: ', mistakes(done)[0]), done.stdout


@pytest.mark.parametrize('serial', ['raise', 'keep'])
def test_a_zone_without_a_serial(fine, serial):
    file = add_file(fine, 'zonefile', ZONE[ZONE.index('@ NS'):], f'serial = {serial}')
    done = check(fine)
    assert done.returncode == (100 if serial == 'raise' else 0), done.stdout
    assert [l for l in mistakes(done) if l.startswith(f'{file}: ')] == mistakes(done)


def test_the_file_of_an_output_that_is_not_there(fine):
    add_file(fine, 'hosts', HOSTS).unlink()
    assert_mistake(fine, 'file', "output 'x': unable to find .*No such file")


def test_the_file_of_an_output_that_the_service_may_not_read(fine):
    add_file(fine, 'hosts', HOSTS).chmod(0o600)
    assert_mistake(fine, 'file', f"output 'x': .* is not readable by user {SERVICE}")


def test_the_directory_of_an_output_that_the_service_may_not_write(fine):
    """That may be /etc: nobody is told to open it."""
    add_file(fine, 'hosts', HOSTS).parent.chmod(0o755)
    assert_mistake(fine, 'file', f"output 'x': directory .* is not writable by user {SERVICE} "
                   rf'\(use a directory of its own, that belongs to {SERVICE}\)$')


def test_the_way_to_the_file_of_an_output_that_is_closed(fine):
    """As Knot's /var/lib/knot is: no mode of the file and of its own directory would help."""
    file = add_file(fine, 'hosts', HOSTS)
    above = fine.tmp / 'closed'
    above.mkdir(mode=0o700)
    moved = file.parent.rename(above / 'dyn')
    fine.conf_more = fine.conf_more.replace(str(file), str(moved / file.name))
    assert_mistake(fine, 'file', f"output 'x': user {SERVICE} may not enter '{above}' on the way to '{moved}'")


def test_the_directory_of_an_output_that_everyone_may_write(fine):
    add_file(fine, 'hosts', HOSTS).parent.chmod(0o777)
    assert_mistake(fine, 'file', "output 'x': everyone may write to")


def test_the_command_of_an_output(fine):
    add_file(fine, 'hosts', HOSTS, "command = kill 'x")
    assert_mistake(fine, 'command', 'command: sh')


def test_an_output_for_tinydns_without_a_command(fine):
    add_file(fine, 'tinydns', BASE)
    assert_warning(fine, rf"^{fine.conf_file}:\d+: warning: without command nothing makes a database")


def test_a_static_record_is_looked_for_in_every_file_of_tinydns(fine):
    file = add_file(fine, 'tinydns', BASE + f'+{JOHN}:192.0.2.5:3600\n', 'command = true')
    assert_warning(fine, rf'^{file}:\d+: warning: a static A record')


def test_a_key_that_is_not_there(fine):
    add_updates(fine).unlink()
    assert_mistake(fine, 'key', 'key: unable to find .*No such file')


@pytest.mark.parametrize('text', ['', 'secret\n', KEY.replace('sha256', 'md5'), KEY + KEY,
                                  KEY.replace('c2Vj', '!!!!')])
def test_a_key_that_is_none(fine, text):
    key = add_updates(fine, text=text)
    done = check(fine)
    assert done.returncode == 100
    assert len(mistakes(done)) == 1
    assert re.match(rf'{key}(:\d+)?: ', mistakes(done)[0]), done.stdout
    assert 'IGZvciB0ZXN0cw' not in done.stdout


def test_a_key_that_only_root_may_read_is_read_through_the_capability(fine):
    add_updates(fine, mode=0o600)
    done = check(fine)
    assert (done.returncode, mistakes(done), warnings(done)) == (0, [], []), done.stdout


def test_a_secret_in_place_of_a_path(fine):
    """The same line goes into the log of a start, which others may read."""
    fine.conf_more += ('[output u]\ntype = rfc2136\nserver = 192.0.2.53\nzone = dyn.example.com\n'
                       'key = hmac-sha256:name:c2VjcmV0\n')
    done = check(fine)
    assert done.returncode == 100
    assert [l for l in mistakes(done) if 'key is the path of a file' in l], done.stdout
    assert 'c2VjcmV0' not in done.stdout + done.stderr


def test_a_key_that_everyone_may_read(fine):
    add_updates(fine, mode=0o644)
    assert_warning(fine, rf'^{fine.conf_file}:\d+: warning: key: everyone may read')


@pytest.mark.parametrize('line, answers', [
    ('.example.net:192.0.2.53:a:259200', True),
    ('Zexample.net:a.ns.example.com:hostmaster.example.com\n&example.net::a.ns.example.com', True),
    ('.example.net:192.0.2.53:a\n&jane.example.net:192.0.2.54:a', True),
    ('Zexample.net:a.ns.example.com:hostmaster.example.com', False),	# no name server
    ('.example.net:192.0.2.53:a\n&john.example.net:192.0.2.54:a', False),
    ('.net:192.0.2.53:a', True),		# a zone of one label is none that we know
    ('&example.net:192.0.2.53:a', False),	# delegated
    ('.xample.net:192.0.2.53:a', False),
    (':example.net:16:\\003abc', False),
    ('', False),
])
def test_a_name_that_tinydns_does_not_answer_for(ok, line, answers):
    ok.users['john'] += ['john.example.net', '*.john.example.net']
    ok.write_data(BASE.replace(END, '+john.example.net:192.0.2.9:60\n' + END) + line + '\n')
    ok.compile()
    asked = subprocess.run(['tinydns-get', 'a', 'john.example.net'], cwd=ok.root, capture_output=True, text=True,
                           check=True)
    assert ('answer: john.example.net 60 A 192.0.2.9' in asked.stdout) == answers, asked.stdout
    done = check(ok)
    assert (done.returncode, mistakes(done)) == (0, [])
    told = [] if answers else [
        f'{ok.conf_file}:{line_of(ok, "datafile")}: warning: tinydns does not answer for this name, which lies in no zone '
        "(a line with '.', or with 'Z' and one with '&') of the file: john.example.net and 1 more"]
    assert warnings(done) == told


def test_a_name_that_another_output_publishes(fine):
    fine.users = {'john': [JOHN, 'john.example.net']}
    add_updates(fine, zone='example.net')
    assert warnings(check(fine)) == []


def test_names_outside_of_the_zones(fine):
    """Published elsewhere they are no matter, unless all are outside."""
    fine.users = {'john': [JOHN, 'john.example.net']}
    fine.write_data(BASE + '.example.net:192.0.2.53:a:259200\n')
    add_updates(fine)
    assert warnings(check(fine)) == []
    fine.users = {'john': ['john.example.net', 'john.example.org']}
    assert_warning(fine, "output 'u': no name of any user lies in its zones")


def test_names_that_no_output_publishes(fine):
    fine.conf['datafile'] = fine.conf['makecommand'] = None
    fine.users = {'john': [JOHN, 'john.example.net', 'xdyn.example.com']}
    add_updates(fine)
    assert_warning(fine, 'no output publishes this name: john.example.net and 1 more$')
    fine.users = {'john': [JOHN, 'john.example.net']}
    assert_warning(fine, 'no output publishes this name: john.example.net$')


def test_wildcards_in_a_hosts_file(fine):
    fine.users = {'john': [JOHN, f'*.{JOHN}']}
    add_file(fine, 'hosts', HOSTS)
    assert_warning(fine, rf'no wildcards in hosts\(5\).*: \*\.{JOHN}$')


def test_underscores_in_a_zone(fine):
    fine.users = {'john': [JOHN, f'_a.{JOHN}', f'b_c.{JOHN}']}
    add_file(fine, 'zonefile', ZONE)
    assert_warning(fine, rf'BIND .* check-names .*: _a\.{JOHN} and 1 more$')


# ---- it only looks

def snapshot(top):
    found = {}
    for dir, dirs, files in os.walk(top):
        for name in [*dirs, *files]:
            path = os.path.join(dir, name)
            st = os.lstat(path)
            text = open(path, 'rb').read() if os.path.isfile(path) else b''
            found[path] = (st.st_mode, st.st_uid, st.st_gid, st.st_ino, st.st_size,
                           st.st_mtime_ns if os.path.isfile(path) else 0,
                           hashlib.sha256(text).hexdigest())
    return found


@pytest.mark.parametrize('bad', [False, True], ids=['good', 'bad'])
def test_check_changes_nothing_on_disk(ok, bad):
    if bad:
        ok.write_data('# no markers\n')
        ok.conf['ttl'] = 'soon'
    ok.write('john', '1.2.3.4')
    ok.write_conf()
    before = snapshot(ok.tmp)
    subprocess.run([DNS_UPDATER, 'check', '-c', str(ok.conf_file)], stdout=subprocess.DEVNULL,
                   env=clean_env(), timeout=TIMEOUT)
    assert snapshot(ok.tmp) == before


def test_check_beside_a_running_daemon_disturbs_nothing(env):
    env.write('john', '1.2.3.4', age=60)
    env.start()
    runs, before = env.runs(), env.data.stat()
    assert env.check().returncode == 0
    env.fence(publish=False)
    assert env.runs() == runs
    assert env.data.stat().st_ino == before.st_ino
    assert env.count('changed by somebody') == 0


def test_check_may_be_run_by_somebody_who_is_not_root(ok):
    ok.write_conf()
    done = subprocess.run([DNS_UPDATER, 'check', '-c', str(ok.conf_file)], user=61999, group=61999,
                          extra_groups=[], capture_output=True, text=True, env=clean_env(),
                          timeout=TIMEOUT)
    assert done.returncode in (0, 100)
    assert 'run as root to check whether' in done.stdout


def test_what_check_finds_good_the_daemon_starts_with(ok):
    assert check(ok).returncode == 0
    ok.start()


def test_a_mistake_of_the_text_also_keeps_the_daemon_from_starting(ok):
    ok.conf['ttl'] = 'soon'
    assert check(ok).returncode == 100
    ok.expect_exit = {100}
    ok.start(wait=False, tinydns=False)
    assert ok.wait_exit() == 100


def test_one_program_only(ok):
    """A front end that is not set up yet does not keep the daemon from starting, and the other way
    round; what stands in the configuration concerns both."""
    def run(*words):
        done = subprocess.run([DNS_UPDATER, 'check', *words, '-c', str(ok.conf_file)],
                              capture_output=True, text=True, env=clean_env())
        return done.returncode, done.stdout

    ok.conf_more = f'[http]\nuser = {SERVICE}\ntokens = {ok.tmp}/none\n'
    ok.conf['datafile'] = f'{ok.tmp}/none/data'
    ok.write_conf()
    status, text = run()
    assert status == 100 and 'tokens:' in text and 'datafile:' in text
    status, text = run('http')
    assert status == 100 and 'tokens:' in text and 'datafile:' not in text
    status, text = run('daemon')
    assert status == 100 and 'tokens:' not in text and 'datafile:' in text
    ok.conf['ttl'] = 'x'
    ok.write_conf()
    assert all('ttl' in run(part)[1] for part in ('http', 'daemon'))
    assert run('both') == (100, '')
    ok.conf_more = ''
    ok.write_conf()
    assert 'there is no section [http]' in run('http')[1]
