# SPDX-FileCopyrightText: 2026 The dns-updater authors
# SPDX-License-Identifier: ISC
"""No change of an address file is missed, and no half of one is taken. The sweep comes once an hour
here unless a test says otherwise: what is seen was told by an event."""

import array
import contextlib
import fcntl
import os
import pathlib
import re
import shutil
import signal
import subprocess
import sys
import termios

import pytest

from harness import (FENCE, SERVICE_GID, SERVICE_UID, TIMEOUT, SilentWriter, SlowWriter, n_watches, needs, uid_of,
                     unshare_mounts)

JOHN = 'john.dyn.example.com'
OLD, NEW = '1.2.3.4', '5.6.7.8'


@pytest.fixture(params=['inotify', 'fanotify'])
def env(env, request):
    """Whatever tells of it, a change is seen."""
    env.conf['watch'] = request.param
    return env


# ---- the ways in which a file is written

WRITERS = {
    'redirect': f'echo {NEW} > .dynamicdns',
    'redirect_kept_open': f'exec 3> .dynamicdns; echo {NEW} >&3; exec 3>&-',
    'truncate_then_append': f': > .dynamicdns; echo {NEW} >> .dynamicdns',
    'tee': f'echo {NEW} | tee .dynamicdns > /dev/null',
    'dd_without_truncation': f'echo {NEW} | dd of=.dynamicdns conv=notrunc status=none',
    'cp': f'echo {NEW} > new; cp new .dynamicdns',
    'cp_keeping_an_old_time': f'echo {NEW} > new; touch -d 2001-01-01 new; cp -p new .dynamicdns',
    'install': f'echo {NEW} > new; install -m 644 new .dynamicdns',
    'mv_over': f'echo {NEW} > new; mv new .dynamicdns',
    'mv_over_an_old_one': f'echo {NEW} > new; touch -d 2001-01-01 new; mv new .dynamicdns',
    'mv_from_another_directory': f'mkdir d; echo {NEW} > d/new; mv d/new .dynamicdns',
    'rm_and_create': f'rm .dynamicdns; echo {NEW} > .dynamicdns',
    'rm_and_mv': f'echo {NEW} > new; rm .dynamicdns; mv new .dynamicdns',
    'swap': f'echo {NEW} > new; mv .dynamicdns old; mv new .dynamicdns',
    'sed_in_place': f'sed -i s/{OLD}/{NEW}/ .dynamicdns',
    'overwritten_in_place': f'printf "%s\\n" {NEW} 1<> .dynamicdns',
    'vim': f'vim -u NONE -i NONE -n -es -c %s/{OLD}/{NEW}/ -c wq .dynamicdns',
    'vim_with_backup_by_rename': (f'vim -u NONE -i NONE -n -es -c "set backup backupskip= backupcopy=no" '
                                  f'-c %s/{OLD}/{NEW}/ -c wq .dynamicdns'),
    'vim_with_backup_by_copy': (f'vim -u NONE -i NONE -n -es -c "set backup backupskip= backupcopy=yes" '
                                f'-c %s/{OLD}/{NEW}/ -c wq .dynamicdns'),
    'emacs': (f'emacs -Q --batch .dynamicdns --eval '
              f'\'(progn (erase-buffer) (insert "{NEW}\\n") (save-buffer))\''),
}


@pytest.mark.parametrize('way', WRITERS)
def test_a_file_written_by(env, way):
    command = WRITERS[way]
    program = command.split()[0]
    if program == 'vim' and not shutil.which('vim'):
        program, command = 'vim.tiny', command.replace('vim', 'vim.tiny', 1)	# Debian's vim-tiny
    if program.startswith(('vim', 'emacs')):
        needs(program)
    env.write('john', OLD, age=10)
    env.start()
    env.wait_answer(JOHN, 'A', {OLD})
    env.sh('john', command, stdout=subprocess.DEVNULL)
    env.wait_line(f'user john requested update to {NEW}')
    env.wait_answer(JOHN, 'A', {NEW})


def test_an_address_appended_is_added(env):
    env.write('john', OLD, age=10)
    env.start()
    env.sh('john', f'echo {NEW} >> .dynamicdns')
    env.wait_answer(JOHN, 'A', {OLD, NEW})


def test_a_rename_over_does_not_end_the_watching(env):
    env.start()
    for i in range(1, 6):
        env.sh('john', f'echo 1.2.3.{i} > new; mv new .dynamicdns')
        env.wait_answer(JOHN, 'A', {f'1.2.3.{i}'})
        env.sh('john', f'echo 1.2.4.{i} > .dynamicdns')
        env.wait_answer(JOHN, 'A', {f'1.2.4.{i}'})


def test_other_files_in_the_home_are_not_looked_at(env):
    env.write('john', OLD, age=10)
    env.start()
    env.sh('john', f'for f in .dynamicdns~ .dynamicdns.swp .dynamicdn .dynamicdnss dynamicdns; do '
                   f'echo {NEW} > $f; done; mkdir .dynamicdns.d')
    env.fence()
    assert env.query(JOHN, 'A') == {OLD}
    assert env.count('john', env.run_start) == 2	# those of the start


# ---- files and directories that are not there yet, or no longer

def test_a_file_absent_at_start(env):
    env.start()
    env.sh('john', f'echo {NEW} > .dynamicdns')
    env.wait_answer(JOHN, 'A', {NEW})


def make_a_home(path):
    """John's, elsewhere, with a file that nobody writes any more."""
    path.mkdir(parents=True)
    file = path / '.dynamicdns'
    file.write_text(NEW + '\n')
    os.utime(file, (1e9, 1e9))
    for each in path, file:
        os.chown(each, uid_of('john'), uid_of('john'))
    return path


def test_a_home_absent_at_start(env):
    env.start(homes=False)
    env.write('john', NEW)
    env.wait_answer(JOHN, 'A', {NEW})
    env.write('john', OLD)
    env.wait_answer(JOHN, 'A', {OLD})


def test_a_home_absent_at_start_that_comes_with_its_file(env):
    env.start(homes=False)
    make_a_home(env.tmp / 'made').rename(env.home('john'))
    env.wait_answer(JOHN, 'A', {NEW})
    env.write('john', OLD)
    env.wait_answer(JOHN, 'A', {OLD})


def test_the_directories_above_all_homes_absent_at_start(env):
    deep = env.tmp / 'a' / 'b' / 'c'
    env.conf['pathpattern'] = f'{deep}/%u/.dynamicdns {env.homes}/%u/.dynamicdns'
    env.start()
    for path in (env.tmp / 'a', env.tmp / 'a' / 'b', deep, deep / 'john'):
        path.mkdir()
        path.chmod(0o755)
    (deep / 'john' / '.dynamicdns').write_text(NEW + '\n')
    env.wait_answer(JOHN, 'A', {NEW})
    (deep / 'john' / '.dynamicdns').write_text(OLD + '\n')
    env.wait_answer(JOHN, 'A', {OLD})


def test_directories_below_the_home_that_come_and_go(env):
    env.conf['pathpattern'] = f'{env.homes}/%u/etc/ddns/address {env.homes}/%u/.dynamicdns'
    env.start()
    env.sh('john', f'mkdir -p etc/ddns; echo {OLD} > etc/ddns/address')
    env.wait_answer(JOHN, 'A', {OLD})
    env.sh('john', f'rm -r etc; mkdir etc; mkdir etc/ddns; echo {NEW} > etc/ddns/address')
    env.wait_answer(JOHN, 'A', {NEW})
    env.sh('john', f'mv etc/ddns etc/old; mkdir etc/ddns; echo {OLD} > etc/ddns/address')
    env.wait_answer(JOHN, 'A', {OLD})


def test_a_tree_made_at_once_by_a_copy(env):
    env.conf['pathpattern'] = f'{env.homes}/%u/a/b/c/address {env.homes}/%u/.dynamicdns'
    env.start()
    env.sh('john', f'mkdir -p t/b/c; echo {NEW} > t/b/c/address; cp -r t a')
    env.wait_answer(JOHN, 'A', {NEW})


def test_a_file_that_is_removed_keeps_and_a_new_one_counts(env):
    env.write('john', OLD, age=10)
    env.start()
    env.wait_answer(JOHN, 'A', {OLD})
    env.sh('john', 'rm .dynamicdns')
    env.fence()
    assert env.query(JOHN, 'A') == {OLD}
    env.sh('john', f'echo {NEW} > .dynamicdns')
    env.wait_answer(JOHN, 'A', {NEW})


def test_a_home_that_is_removed_keeps_and_comes_back(env):
    env.write('john', OLD, age=10)
    env.start()
    for new in (NEW, OLD, NEW):
        shutil.rmtree(env.home('john'))
        env.fence()
        env.make_home('john')
        env.write('john', new)
        env.wait_answer(JOHN, 'A', {new})


def test_a_home_moved_away_no_longer_counts_and_a_new_one_does(env):
    env.write('john', OLD, age=10)
    env.start()
    env.wait_answer(JOHN, 'A', {OLD})
    env.home('john').rename(env.homes / 'john.old')
    env.make_home('john')
    mark = env.mark()
    (env.homes / 'john.old' / '.dynamicdns').write_text('9.9.9.9\n')
    env.fence()
    assert env.count('9.9.9.9') == 0
    env.write('john', NEW)
    env.wait_line(f'user john requested update to {NEW}', mark)
    env.wait_answer(JOHN, 'A', {NEW})


def test_two_homes_that_change_places(env):
    env.users = {'john': [JOHN], 'jane': ['jane.dyn.example.com']}
    env.write('john', OLD, age=10)
    env.write('jane', NEW, age=10)
    env.start()
    env.wait_answer(JOHN, 'A', {OLD})
    env.home('john').rename(env.homes / 'x')
    env.home('jane').rename(env.home('john'))
    (env.homes / 'x').rename(env.home('jane'))
    env.wait_answer(JOHN, 'A', {NEW})
    env.wait_answer('jane.dyn.example.com', 'A', {OLD})


def test_the_directory_of_all_homes_moved_away_and_a_new_one(env):
    env.write('john', OLD, age=10)
    env.start()
    env.wait_answer(JOHN, 'A', {OLD})
    env.homes.rename(env.tmp / 'homes.old')
    env.homes.mkdir(mode=0o755)
    env.write('john', NEW)
    env.wait_answer(JOHN, 'A', {NEW})


def test_the_directory_of_all_homes_may_be_a_link(env):
    env.homes.rename(env.tmp / 'homes.real')
    env.homes.symlink_to('homes.real')
    env.start()
    env.write('john', NEW)
    env.wait_answer(JOHN, 'A', {NEW})


def test_a_home_may_be_a_link(env):
    env.start()
    env.home('john').rename(env.tmp / 'elsewhere')
    env.home('john').symlink_to(env.tmp / 'elsewhere')
    env.write('john', NEW)
    env.wait_answer(JOHN, 'A', {NEW})
    env.write('john', OLD)
    env.wait_answer(JOHN, 'A', {OLD})


def test_a_link_to_all_homes_that_is_turned(env):
    env.homes.rename(env.tmp / 'homes.1')
    (env.tmp / 'homes.2').mkdir()
    (env.tmp / 'homes.2' / 'john').mkdir()
    os.chown(env.tmp / 'homes.2' / 'john', uid_of('john'), uid_of('john'))
    env.homes.symlink_to('homes.1')
    env.write('john', OLD, age=10)
    env.start()
    env.wait_answer(JOHN, 'A', {OLD})
    (env.tmp / 'new').symlink_to('homes.2')
    (env.tmp / 'new').rename(env.homes)
    env.write('john', NEW)
    env.wait_answer(JOHN, 'A', {NEW})


def test_a_home_made_anew_again_and_again(env):
    env.start()
    for i in range(1, 31):
        shutil.rmtree(env.home('john'))
        env.make_home('john')
        env.write('john', f'1.2.3.{i}')
    env.wait_answer(JOHN, 'A', {'1.2.3.30'})
    env.write('john', NEW)
    env.wait_answer(JOHN, 'A', {NEW})


def test_many_users_who_change_at_once_are_all_served(env):
    door = env.tmp / 'door'
    door.mkdir(mode=0o755)
    env.users = {f'u{i}': [f'u{i}.dyn.example.com'] for i in range(300)}
    env.conf['pathpattern'] = f'{door}/%u'
    env.with_fence = False
    env.start(homes=False)
    for round in range(1, 6):
        for i in range(300):
            (door / f'u{i}').write_text(f'10.{round}.{i // 250}.{i % 250 + 1}\n')
    env.wait_section([f'+u{i}.dyn.example.com:10.5.{i // 250}.{i % 250 + 1}:60'
                      for i in range(300)])
    env.wait_answer('u299.dyn.example.com', 'A', {'10.5.1.50'})


def test_one_directory_of_many_users_needs_few_watches(env):
    door = env.tmp / 'door'
    door.mkdir(mode=0o755)
    env.users = {f'u{i}': [f'u{i}.dyn.example.com'] for i in range(200)}
    env.conf['pathpattern'] = f'{door}/%u'
    env.with_fence = False
    env.start(homes=False)
    assert n_watches(env.process.pid) < 20
    (door / 'u17').write_text(NEW + '\n')
    env.wait_answer('u17.dyn.example.com', 'A', {NEW})


# ---- permissions. With its capability the daemon reads everything; here it has none.

@pytest.fixture
def plain(env):
    """The daemon as a plain user; john's home can be looked into only when he permits it."""
    env.popen = {'user': SERVICE_UID, 'group': SERVICE_GID, 'extra_groups': []}
    env.make_home(FENCE, mode=0o755)
    return env


def test_a_chmod_that_makes_the_file_readable(plain):
    plain.make_home('john', mode=0o755)
    plain.write('john', NEW, age=10)
    plain.file('john').chmod(0o600)
    plain.start()
    plain.wait_line(f"unable to open '{plain.file('john')}': Permission denied; "
                    'keeping the last addresses of user john')
    plain.sh('john', 'chmod 644 .dynamicdns')
    plain.wait_answer(JOHN, 'A', {NEW})


def test_a_chmod_that_makes_the_home_readable(plain):
    plain.make_home('john', mode=0o700)
    plain.write('john', NEW, age=10)
    plain.start()
    plain.wait_log(r"^unable to open '.*': Permission denied; "
                   'keeping the last addresses of user john')
    plain.sh('john', 'chmod 755 .')
    plain.wait_answer(JOHN, 'A', {NEW})
    plain.write('john', OLD)
    plain.wait_answer(JOHN, 'A', {OLD})


@pytest.mark.parametrize('restarted', [False, True], ids=['reloaded', 'restarted'])
def test_who_is_renamed_and_cannot_be_read_keeps_what_he_had(plain, restarted):
    """As it is told."""
    plain.make_home('john', mode=0o755)
    plain.write('john', OLD, age=10)
    plain.start()
    plain.wait_answer(JOHN, 'A', {OLD})
    with plain.changing(restarted):
        plain.make_home('jane', mode=0o700)
        plain.write('jane', NEW, age=10)
        plain.users['jane'] = plain.users.pop('john')
    plain.wait_log(r"^unable to open '.*': Permission denied; keeping the last addresses of user jane")
    plain.fence()
    plain.wait_answer(JOHN, 'A', {OLD})
    plain.sh('jane', 'chmod 755 .')
    plain.wait_answer(JOHN, 'A', {NEW})


def test_a_home_that_cannot_be_read_again_and_again_is_told_each_time(plain):
    """Also when the file is what it was before."""
    plain.make_home('john', mode=0o755)
    plain.write('john', NEW, age=10)
    plain.conf['rescan'] = '200ms'
    plain.start()
    plain.wait_answer(JOHN, 'A', {NEW})
    for _ in range(3):
        mark = plain.mark()
        plain.sh('john', 'chmod 700 .')
        plain.wait_log(r"^unable to open '.*': Permission denied; keeping the last addresses of user john", mark)
        plain.sh('john', 'chmod 755 .')
        plain.fence(publish=False)


def test_a_trouble_that_goes_on_is_told_once(plain):
    """Whatever is written through the other door."""
    door = plain.tmp / 'door'
    door.mkdir(mode=0o755)
    plain.conf['pathpattern'] = f'{plain.homes}/%u/.dynamicdns {door}/%u'
    plain.conf['rescan'] = '200ms'
    plain.make_home('john', mode=0o700)
    plain.write(FENCE, '192.0.2.100', age=10)
    plain.start()
    plain.wait_log(r"^unable to open '.*': Permission denied; keeping the last addresses of user john")
    with contextlib.closing(SilentWriter(plain.file(FENCE))) as swept:
        for i in range(1, 4):
            (door / 'john').write_text(f'1.1.1.{i}\n')
            plain.wait_answer(JOHN, 'A', {f'1.1.1.{i}'})
            swept.write(f'192.0.2.10{i}\n')	# only a sweep finds it
            plain.wait_line(f'user {FENCE} requested update to 192.0.2.10{i}')
    assert plain.count('^unable to open') == 1


def test_a_chmod_that_makes_the_home_searchable_but_not_listable(plain):
    """A directory that cannot be read cannot be watched either: the file is found, at least."""
    plain.make_home('john', mode=0o700)
    plain.write('john', NEW, age=10)
    plain.start()
    plain.wait_log(r"^unable to open '.*': Permission denied; "
                   'keeping the last addresses of user john')
    plain.sh('john', 'chmod 711 .')
    plain.wait_answer(JOHN, 'A', {NEW})


def test_a_chmod_that_makes_a_directory_below_the_home_readable(plain):
    plain.conf['pathpattern'] = f'{plain.homes}/%u/etc/ddns {plain.homes}/%u/.dynamicdns'
    plain.make_home('john', mode=0o755)
    plain.sh('john', f'mkdir -m 700 etc; echo {NEW} > etc/ddns')
    os.utime(plain.home('john') / 'etc' / 'ddns', (1e9, 1e9))
    plain.start()
    plain.sh('john', 'chmod 755 etc')
    plain.wait_answer(JOHN, 'A', {NEW})


def pending(fd):
    """How many bytes can be read from the pipe."""
    n = array.array('i', [0])
    fcntl.ioctl(fd, termios.FIONREAD, n)
    return n[0]


# ---- mounts, in a mount namespace of the daemon's own

def test_a_file_system_mounted_over_a_home(env):
    env.private_mounts()
    env.write('john', OLD, age=10)
    env.start()
    env.wait_answer(JOHN, 'A', {OLD})
    env.inside(f'mount -t tmpfs tmpfs {env.home("john")}; chmod 755 {env.home("john")}; '
               f'chown {uid_of("john")} {env.home("john")}')
    env.enter()
    env.sh('john', f'echo {NEW} > .dynamicdns')
    env.wait_answer(JOHN, 'A', {NEW})
    env.sh('john', f'echo {OLD} > .dynamicdns')
    env.wait_answer(JOHN, 'A', {OLD})


def test_a_file_that_comes_with_the_mounted_file_system(env):
    env.private_mounts()
    other = make_a_home(env.tmp / 'other')
    env.start()
    env.inside(f'mount --bind {other} {env.home("john")}')
    env.wait_answer(JOHN, 'A', {NEW})


def test_a_file_system_mounted_over_all_homes(env):
    env.private_mounts()
    env.start()
    env.inside(f'mount -t tmpfs tmpfs {env.homes}; cd {env.homes}; mkdir john; '
               f'chown {uid_of("john")} john')
    env.enter()
    env.sh('john', f'echo {NEW} > .dynamicdns')
    env.wait_answer(JOHN, 'A', {NEW})


def mount_elsewhere(env, other):
    """What concerns joe alone, or nobody."""
    for point in (env.tmp / 'elsewhere', env.home('jane') / 'below', env.homes / 'nobody', env.home('joe')):
        env.inside(f'mount --bind {other} {point}')
    env.wait_answer('joe.dyn.example.com', 'A', {NEW})	# he is looked at, and nobody else
    env.inside(f'umount {env.tmp}/elsewhere; umount {env.home("joe")}')
    env.wait_answer('joe.dyn.example.com', 'A', {OLD})


def test_what_is_mounted_elsewhere_is_no_reason_to_read_everybodys_files(env):
    """/run/user/UID comes and goes with every login, and users mount what they like in their homes."""
    env.private_mounts()
    env.users.update(jane=['jane.dyn.example.com'], joe=['joe.dyn.example.com'])
    other = env.tmp / 'other'
    other.mkdir()
    (other / '.dynamicdns').write_text(NEW + '\n')
    os.utime(other / '.dynamicdns', (1e9, 1e9))
    for user in env.users:
        env.write(user, OLD, age=10)
    for directory in (env.tmp / 'elsewhere', env.home('jane') / 'below', env.homes / 'nobody'):
        directory.mkdir()
    os.link(env.file('john'), env.tmp / 'second')
    env.start()
    env.wait_log('^refusing .* of user john: more than one link;')
    (env.tmp / 'second').unlink()	# no event tells
    mount_elsewhere(env, other)
    env.fence()
    assert not env.query(JOHN, 'A')
    env.reload()
    env.wait_answer(JOHN, 'A', {OLD})


def test_a_mount_where_a_link_leads_to(env):
    """Of the link of one home nothing is known but that it is one; all are looked at."""
    env.private_mounts()
    place, other = env.tmp / 'elsewhere' / 'homes', env.tmp / 'other'
    (place / 'john').mkdir(parents=True)
    make_a_home(other / 'john')
    env.home('john').symlink_to(place / 'john')
    env.start(homes=False)
    env.inside(f'mount --bind {other} {place}')
    env.wait_answer(JOHN, 'A', {NEW})


def test_a_login_is_no_reason_to_read_everybodys_files_though_a_home_is_a_link(env):
    env.prefix = [*unshare_mounts(), 'sh', '-ec', 'mount -t tmpfs none /run; mkdir -p /run/user/61000; exec "$@"', 'sh']
    env.users['jane'] = ['jane.dyn.example.com']
    env.write('jane', OLD, age=10)
    os.link(env.file('jane'), env.tmp / 'second')
    env.home('john').symlink_to(env.tmp / 'elsewhere')
    env.start(homes=False)
    env.wait_log('^refusing .* of user jane: more than one link;')
    (env.tmp / 'second').unlink()	# no event tells
    env.inside('mount -t tmpfs none /run/user/61000')
    env.fence()
    assert not env.query('jane.dyn.example.com', 'A')
    env.inside('mount -t tmpfs none /run')
    env.wait_answer('jane.dyn.example.com', 'A', {OLD})


def test_a_mount_on_the_way_that_a_link_to_all_homes_leads(env):
    env.private_mounts()
    place, other = env.tmp / 'elsewhere' / 'homes', env.tmp / 'other'
    (place / 'john').mkdir(parents=True)
    make_a_home(other / 'homes' / 'john')
    env.homes.rmdir()
    env.homes.symlink_to(place)
    env.start()
    env.inside(f'mount --bind {other} {env.tmp}/elsewhere')
    env.wait_answer(JOHN, 'A', {NEW})


def test_a_mount_over_the_data_files_directory(env):
    """The data file is another one then: what is published has to get there."""
    env.private_mounts()
    env.write('john', OLD, age=10)
    other = env.tmp / 'other'
    env.start()
    env.wait_answer(JOHN, 'A', {OLD})
    shutil.copytree(env.root, other)
    data = other / 'data'
    data.write_text(data.read_text().replace(OLD, '9.9.9.9'))
    for path in other, data:
        os.chown(path, SERVICE_UID, SERVICE_GID)
    env.inside(f'mount --bind {other} {env.root}')
    env.wait(lambda: f':{OLD}:' in data.read_text(), 'the section is as it should be')


def test_a_mount_during_the_start_is_not_missed(env):
    """The kernel tells of a change of the mount table once, and epoll_ctl(2) takes that away when
    it comes between the first reading of the table and the waiting for it. The daemon is held up
    there by a log that nobody reads."""
    env.private_mounts()
    door, other = env.tmp / 'door', env.tmp / 'other'
    door.mkdir()
    other.mkdir()
    env.conf['pathpattern'] = f'{env.homes}/%u/.dynamicdns {door}/%u'
    env.users.update({f'u{i}': [f'u{i}.dyn.example.com'] for i in range(200)})
    for path in [other / '.dynamicdns'] + [door / f'u{i}' for i in range(200)]:
        path.write_text(NEW + '\n')
        os.utime(path, (1e9, 1e9))
    env.make_home('john')
    r, w = os.pipe()
    size = fcntl.fcntl(w, fcntl.F_SETPIPE_SZ, 4096)
    env.popen = {'stderr': w}
    env.conf['log_rate'] = '0'
    env.with_fence = False
    env.start(wait=False, homes=False)
    os.close(w)
    env.wait(lambda: pending(r) > size - 100, 'the log is full')
    env.inside(f'mount --bind {other} {env.home("john")}')
    env.log.follow(os.fdopen(r, 'rb'))
    env.wait_ready()
    env.wait_answer(JOHN, 'A', {NEW})


def test_an_unmount_is_not_hindered_and_what_lies_below_counts_again(env):
    env.private_mounts()
    env.write('john', OLD, age=10)
    env.start()
    env.inside(f'mount -t tmpfs tmpfs {env.home("john")}; chown {uid_of("john")} {env.home("john")}')
    env.enter()
    env.sh('john', f'echo {NEW} > .dynamicdns')
    env.wait_answer(JOHN, 'A', {NEW})
    env.inside(f'umount {env.home("john")}')	# not a lazy one
    env.wait_answer(JOHN, 'A', {OLD})
    env.sh('john', f'echo {NEW} > .dynamicdns')
    env.wait_answer(JOHN, 'A', {NEW})


def test_homes_are_unmounted_and_mounted_again(env):
    """The same file system, as after a look at it by fsck(8): whatever was watched there is not any more."""
    needs('mkfs.ext4')
    image = env.tmp / 'image'
    with open(image, 'wb') as f:
        f.truncate(1 << 24)
    subprocess.run(['mkfs.ext4', '-q', '-F', str(image)], check=True)
    mount = f'mount -o loop {image} {env.homes}'
    env.prefix = [*unshare_mounts(), 'sh', '-ec', f'{mount}; cd {env.homes}; mkdir -p john fence; '
                  f'chown {uid_of("john")} john; chown {uid_of(FENCE)} fence; cd /; exec "$@"', 'sh']
    if subprocess.run([*unshare_mounts(), 'sh', '-c', mount], capture_output=True).returncode:
        pytest.skip('no loop device to be had')
    env.start()
    env.enter()
    env.sh('john', f'echo {OLD} > .dynamicdns')
    env.wait_answer(JOHN, 'A', {OLD})
    env.inside(f'umount {env.homes}')
    env.inside(mount)
    env.sh('john', f'echo {NEW} > .dynamicdns')
    env.wait_answer(JOHN, 'A', {NEW})
    env.sh('john', f'echo {OLD} > .dynamicdns')
    env.wait_answer(JOHN, 'A', {OLD})
    assert env.count('fanotify had marked was unmounted') == (env.conf['watch'] == 'fanotify')


@pytest.mark.parametrize('over', ['home', 'file'])
def test_something_else_is_mounted_in_its_place(env, over):
    """The kernel gives its number to the next one, and so the mount table is as it was."""
    env.private_mounts()
    env.write('john', OLD, age=10)
    places = [env.tmp / name for name in ('exported', 'new', 'old')]
    for place, address in zip(places, ['9.9.9.9', NEW], strict=False):
        file = place if over == 'file' else place / '.dynamicdns'
        file.parent.mkdir(exist_ok=True)
        file.write_text(address + '\n')
        os.utime(file, (1e9, 1e9))
    point = env.file('john') if over == 'file' else env.home('john')
    env.start()
    env.inside(f'mount --bind {places[0]} {point}')
    env.wait_answer(JOHN, 'A', {'9.9.9.9'})
    table = pathlib.Path(f'/proc/{env.process.pid}/mountinfo')
    before = table.read_text()
    env.send(signal.SIGSTOP)
    places[0].rename(places[2])
    places[1].rename(places[0])
    for _ in range(100):	# somebody else may mount something meanwhile
        env.inside(f'umount {point} && mount --bind {places[0]} {point}')
        if table.read_text() == before:
            break
    else:
        pytest.skip('the kernel has given another number')
    env.send(signal.SIGCONT)
    env.wait_answer(JOHN, 'A', {NEW})


# Everything of / is in the new one, too, but that is no mount point: no line of its mount table is about it.
CHROOT = """
for each in /*; do
    if [ -L "$each" ]; then cp -P "$each" "$JAIL$each"
    elif [ -d "$each" ]; then mkdir "$JAIL$each"; mount --rbind "$each" "$JAIL$each"; fi
done
exec chroot "$JAIL" "$@"
"""


def test_homes_in_a_root_that_is_no_mount_point(env):
    jail = env.tmp / 'jail'
    env.homes = jail / 'homes'
    env.homes.mkdir(parents=True)
    env.conf['pathpattern'] = '/homes/%u/.dynamicdns'
    env.prefix = ['env', f'JAIL={jail}', *unshare_mounts(), 'sh', '-ec', CHROOT, 'sh']
    env.write('john', OLD, age=10)
    env.start()
    env.wait_answer(JOHN, 'A', {OLD})
    env.sh('john', f'echo {NEW} > .dynamicdns')
    env.wait_answer(JOHN, 'A', {NEW})


# ---- more than the kernel takes

def test_an_overflowed_queue_loses_nothing(env):
    n = int(open('/proc/sys/fs/inotify/max_queued_events').read())
    if n > 200000:
        pytest.skip('fs.inotify.max_queued_events is too large to be filled in a test')
    env.start()
    env.send(signal.SIGSTOP)
    home = env.home('john')
    for i in range(n // 2 + 100):	# two names by turns, so that no two events are merged
        for name in ('a', 'b'):
            os.close(os.open(home / name, os.O_WRONLY | os.O_CREAT))
    env.sh('john', f'echo {NEW} > .dynamicdns')
    env.send(signal.SIGCONT)
    env.wait_answer(JOHN, 'A', {NEW})
    env.write('john', OLD)
    env.wait_answer(JOHN, 'A', {OLD})


@pytest.fixture
def few_watches(env):
    """The daemon in a user namespace in which every id is itself, and watches are few."""
    holder = subprocess.Popen(['unshare', '-U', 'cat'], stdin=subprocess.PIPE,
                              stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, bufsize=0)
    env.watches = lambda n: subprocess.run(
        ['nsenter', '-U', '-t', str(holder.pid), '--preserve-credentials', 'sh', '-c',
         f'echo {n} > /proc/sys/user/max_inotify_watches'], check=True)
    try:
        with contextlib.suppress(BrokenPipeError):
            holder.stdin.write(b'x')
        if holder.stdout.read(1) != b'x':	# from there cat answers
            pytest.skip('no user namespace to be had')
        for kind in 'uid', 'gid':
            with open(f'/proc/{holder.pid}/{kind}_map', 'w') as f:
                f.write('0 0 4294967295\n')
        env.prefix = ['nsenter', '-U', '-t', str(holder.pid), '--preserve-credentials', 'sh', '-ec',
                      'echo 15 > /proc/sys/user/max_inotify_watches; exec "$@"', 'sh']
        yield env
    finally:
        holder.kill()
        holder.communicate()


def test_users_beyond_max_user_watches_are_served_by_the_sweep(few_watches):
    env = few_watches
    env.users = {f'u{i}': [f'u{i}.dyn.example.com'] for i in range(30)}
    env.conf['rescan'] = '1s'
    env.start()
    env.wait_log(r'^unable to watch .*: fs\.inotify\.max_user_watches is reached; .*1 s')
    for user in env.users:
        env.write(user, NEW)
    for user in env.users:
        env.wait_answer(f'{user}.dyn.example.com', 'A', {NEW})
    assert env.count('^unable to watch every') == 1


def test_once_the_limit_is_raised_edits_of_the_data_file_are_seen_again(few_watches):
    env = few_watches
    env.prefix[-2] = env.prefix[-2].replace(' 15 ', ' 0 ')
    env.users = {'u0': ['u0.dyn.example.com']}
    env.write('u0', NEW, age=60)
    env.conf['rescan'] = '1h'
    env.start()
    env.wait_log(rf"^unable to watch '{env.root}': ")
    env.watches(1000)
    assert env.reload() == f'reloaded {env.conf_file}'
    env.fence()
    line = f'+u0.dyn.example.com:{NEW}:60'
    assert line in env.section()
    env.write_data(env.data.read_text().replace(line + '\n', ''))
    env.wait(lambda: line in env.section(), 'it is put in again')


def test_a_data_file_that_moves_while_there_are_no_watches_is_watched_once_there_are(few_watches):
    env = few_watches
    env.users = {'u0': ['u0.dyn.example.com']}
    env.conf.update(rescan='1h', makecommand=None)
    env.with_fence = False
    env.start(tinydns=False)
    env.watches(1)
    elsewhere = env.tmp / 'elsewhere'
    shutil.copytree(env.root, elsewhere)
    os.chown(elsewhere, SERVICE_UID, SERVICE_GID)
    (env.root / 'link').symlink_to(elsewhere / 'data')
    (env.root / 'link').rename(env.data)
    env.wait_log(rf"^unable to watch '{elsewhere}': ")
    env.watches(1000)
    env.write('u0', NEW)
    line = f'+u0.dyn.example.com:{NEW}:60'
    env.wait(lambda: line in env.section(), 'it is published there')
    env.write_data(env.data.read_text().replace(line + '\n', ''))
    env.wait(lambda: line in env.section(), 'it is put in again')


# ---- nothing half-written is taken

def slow_half(env, user='john'):
    """The log and the section never had the first half alone."""
    assert env.count(rf'^user {user} requested update to 198\.51\.100\.1$') == 0
    env.wait_line(f'user {user} requested update to 198.51.100.1, 2001:db8::7')
    env.wait_answer(JOHN, 'AAAA', {'2001:db8::7', '2001:db8::1'})


def test_a_slow_writer_is_waited_for(env):
    env.start()
    writer = SlowWriter(env.file('john'), '198.51.100.1')
    env.fence()
    writer.finish('2001:db8::7\n')
    slow_half(env)


def test_a_slow_writer_at_start_is_waited_for(env):
    """jane's file was written at the same time, and closed: once hers is taken, the time is over
    after which a file that nobody changes any more would be."""
    env.users['jane'] = ['jane.dyn.example.com']
    env.make_home('john')
    env.make_home('jane')
    writer = SlowWriter(env.file('john'), '198.51.100.1')
    env.write('jane', OLD)
    env.start()
    env.wait_line(f'user jane requested update to {OLD}')
    env.fence()
    writer.finish('2001:db8::7\n')
    slow_half(env)


def test_a_slow_writer_during_sweeps_is_waited_for(env):
    """jane's file changes without an event, twice: sweeps have been there."""
    env.users['jane'] = ['jane.dyn.example.com']
    env.conf['rescan'] = '200ms'
    env.write('jane', OLD, age=10)
    env.start()
    writer = SlowWriter(env.file('john'), '198.51.100.1')
    with contextlib.closing(SilentWriter(env.file('jane'))) as jane:
        jane.write(NEW + '\n')
        env.wait_line(f'user jane requested update to {NEW}')
    env.fence()
    writer.finish('2001:db8::7\n')
    slow_half(env)


def test_a_slow_writer_during_reloads_is_waited_for(env):
    env.start()
    writer = SlowWriter(env.file('john'), '198.51.100.1')
    for _ in range(3):
        assert env.reload().startswith('reloaded')
    env.fence()
    writer.finish('2001:db8::7\n')
    slow_half(env)


def test_a_chmod_while_a_slow_writer_writes_does_not_end_the_waiting(env):
    env.start()
    writer = SlowWriter(env.file('john'), '198.51.100.1')
    env.file('john').chmod(0o600)
    env.file('john').chmod(0o644)
    env.fence()
    writer.finish('2001:db8::7\n')
    slow_half(env)


def test_a_slow_writer_into_a_home_that_appears_is_waited_for(env):
    env.start(homes=False)
    env.make_home('john')
    writer = SlowWriter(env.file('john'), '198.51.100.1')
    env.fence()
    writer.finish('2001:db8::7\n')
    slow_half(env)


def test_the_beginning_of_an_address_is_not_taken_for_one(env):
    env.start()
    writer = SlowWriter(env.file('john'), '198.51.100.1', within_a_line=True)
    env.fence()
    writer.finish('7\n')
    env.wait_answer(JOHN, 'A', {'198.51.100.17'})
    assert env.count(r'requested update to 198\.51\.100\.1$') == 0


def test_a_fresh_file_whose_writer_died_is_taken_in_the_end(env):
    """Written just before the start, and no event will come for it any more."""
    env.write('john', NEW)
    env.start()
    env.wait_answer(JOHN, 'A', {NEW})


# ---- the sweep

def test_the_sweep_finds_a_change_that_no_event_tells(env):
    env.conf['rescan'] = '200ms'
    env.write('john', OLD, age=10)
    env.start()
    env.wait_answer(JOHN, 'A', {OLD})
    with contextlib.closing(SilentWriter(env.file('john'))) as john:
        john.write(NEW + '\n')
        env.wait_answer(JOHN, 'A', {NEW})


def test_the_sweep_finds_a_second_link_gone(env):
    """No event tells that another name of the file was removed."""
    env.conf['rescan'] = '200ms'
    env.start()
    env.sh('john', f'echo {NEW} > new; ln new .dynamicdns')
    env.wait_log('^refusing .*: more than one link;')
    env.sh('john', 'rm new')
    env.wait_answer(JOHN, 'A', {NEW})


def test_sighup_finds_a_change_that_no_event_tells(env):
    env.write('john', OLD, age=10)
    env.start()
    with contextlib.closing(SilentWriter(env.file('john'))) as john:
        john.write(NEW + '\n')
        env.reload()
        env.wait_answer(JOHN, 'A', {NEW})


def test_sweeps_are_silent_when_nothing_has_changed(env):
    env.users['jane'] = ['jane.dyn.example.com']
    env.users['bad'] = ['bad.dyn.example.com']
    env.conf['rescan'] = '100ms'
    env.write('john', OLD, age=10)
    env.write('jane', OLD, age=10)
    env.write('bad', '1.2.3.999', age=10)
    env.start()
    env.fence()
    runs = env.runs()
    with contextlib.closing(SilentWriter(env.file('jane'))) as jane:
        jane.write(NEW + '\n')
        env.wait_line(f'user jane requested update to {NEW}')
    env.fence()
    assert env.count('john') == 2		# those of the start
    assert env.count('of user bad') == 1	# said once
    assert env.runs() == runs + 2		# jane's and the fence's


# ---- fanotify

def capabilities(pid):
    text = pathlib.Path(f'/proc/{pid}/status').read_text()
    return {int(m, 16) for m in re.findall(r'^Cap(?:Inh|Prm|Eff|Amb):\t(.*)', text, re.M)}


def test_the_right_to_begin_is_given_up(env):
    env.start()
    sys_admin = 1 << 21
    assert not [c for c in capabilities(env.process.pid) if c & sys_admin]
    env.fence()


def test_fanotify_takes_no_watch_of_each_home(env):
    env.users.update({f'u{i}': [f'u{i}.dyn.example.com'] for i in range(50)})
    env.start()
    env.wait(lambda: (n_watches(env.process.pid) < 50) == (env.conf['watch'] == 'fanotify'), 'watches')
    env.fence()


def test_a_reload_keeps_it(env):
    env.start()
    for i in range(3):
        env.conf['ttl'] = str(61 + i)
        assert env.reload().startswith('reloaded')
        env.fence()


def test_who_may_not_begin_is_told_and_served(env):
    needs('setpriv')
    env.prefix = ['setpriv', f'--reuid={SERVICE_UID}', f'--regid={SERVICE_GID}', '--init-groups',
                  '--inh-caps=-all,+dac_read_search', '--ambient-caps=-all,+dac_read_search']
    env.start()
    env.fence()
    assert env.count('^unable to watch by fanotify: Operation not permitted') == (env.conf['watch'] == 'fanotify')


@pytest.fixture
def flooder(env):
    """A user who makes files in his home without end."""
    stop = env.tmp / 'stop'
    env.start()
    home = env.home('john')
    code = ('import os, sys, itertools\n'
            'for i in itertools.count():\n'
            '    for j in range(100):\n'
            '        os.close(os.open(f"{sys.argv[1]}/{os.getpid()}.{i}.{j}", os.O_WRONLY | os.O_CREAT))\n'
            '        os.unlink(f"{sys.argv[1]}/{os.getpid()}.{i}.{j}")\n'
            '    if i % 60 == 59:\n'
            '        open(f"{sys.argv[2]}.{os.getpid()}", "w").close()\n'
            '    if os.path.exists(sys.argv[2]):\n'
            '        break\n')
    processes = [subprocess.Popen([sys.executable, '-c', code, str(home), str(stop)]) for _ in range(2)]
    files = [pathlib.Path(f'{stop}.{p.pid}') for p in processes]

    def flood_found():
        """On whatever machine, and whatever else happens on it: behind each fence all was read that had piled up."""
        env.send(signal.SIGSTOP)
        for file in files:
            file.unlink(missing_ok=True)
        env.wait(lambda: all(file.exists() for file in files), 'there are many events')
        env.send(signal.SIGCONT)
        env.fence()
        return env.count('^there is no end of events where .* of user john is; not watching there for 10 s')

    env.flood_found = flood_found
    yield env
    stop.touch()
    for process in processes:
        process.wait(TIMEOUT)


def test_who_floods_his_home_is_not_watched_for_a_while_and_others_are(flooder):
    """The pause begins when we fall behind; then his file is seen at its end."""
    env = flooder
    env.wait(env.flood_found, 'the flood is found', timeout=3 * TIMEOUT)
    env.fence()
    env.write('john', '192.0.2.77')
    env.wait_answer('john.dyn.example.com', 'A', {'192.0.2.77'})
