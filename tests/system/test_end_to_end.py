# SPDX-FileCopyrightText: 2026 The dns-updater authors
# SPDX-License-Identifier: ISC
"""From the address file to the answer, the words of the log, and the running program."""

import os
import re
import select
import signal
import socket
import subprocess
import threading

import pytest

from harness import (BASE, DNS_UPDATER, END, FENCE, SERVICE_GID, SERVICE_UID, START, STATIC_AAAA,
                     TIMEOUT, WILDCARD, clean_env, descendants, unshare_mounts)

JOHN = 'john.dyn.example.com'
OWNER = ' belonged to uid 0 and now belongs to '	# the data file, said once


# ---- what the article promises

def test_an_address_written_by_the_shell_is_answered(env):
    env.start()
    assert env.query(JOHN, 'A') == set()
    env.sh('john', 'echo 1.2.3.4 > .dynamicdns')
    env.wait_answer(JOHN, 'A', {'1.2.3.4'})


def test_a_changed_address_is_answered_instead_of_the_old_one(env):
    env.start()
    env.write('john', '1.2.3.4')
    env.wait_answer(JOHN, 'A', {'1.2.3.4'})
    env.write('john', '5.6.7.8')
    env.wait_answer(JOHN, 'A', {'5.6.7.8'})


def test_the_log_has_the_words_of_the_article_each_once_and_in_this_order(env):
    env.start()
    env.write('john', '1.2.3.4')
    env.wait_answer(JOHN, 'A', {'1.2.3.4'})
    env.fence()
    lines = [line for line in env.lines() if 'fence' not in line and OWNER not in line]
    assert lines == ['started',
                     'user john requested update to 1.2.3.4',
                     'updating record for john.dyn.example.com to 1.2.3.4']


def test_all_names_of_a_user_follow_his_file(env):
    names = ['john.dyn.example.com', 'www.john.example.com', 'john.dyn.example.org']
    env.users = {'john': names}
    env.start()
    env.write('john', '1.2.3.4')
    env.wait_line('user john requested update to 1.2.3.4')
    for name in names:
        env.wait_line(f'updating record for {name} to 1.2.3.4')
    assert sorted(env.section()) == sorted(f'+{name}:1.2.3.4:60' for name in names)
    env.wait_answer('www.john.example.com', 'A', {'1.2.3.4'})


def test_every_user_has_his_own_names(env):
    env.users = {'john': [JOHN], 'jane': ['jane.dyn.example.com']}
    env.start()
    env.write('john', '1.2.3.4')
    env.write('jane', '5.6.7.8')
    env.wait_answer(JOHN, 'A', {'1.2.3.4'})
    env.wait_answer('jane.dyn.example.com', 'A', {'5.6.7.8'})
    assert env.query(JOHN, 'A') == {'1.2.3.4'}


def test_static_records_on_the_name_stay(env):
    env.start()
    env.write('john', '1.2.3.4')
    env.wait_answer(JOHN, 'A', {'1.2.3.4'})
    assert env.query(JOHN, 'AAAA') == {STATIC_AAAA}
    assert env.query(JOHN, 'MX') == {'10 mail.example.com.'}
    assert env.query(JOHN, 'TXT') == {'"a static text"'}


def test_the_bytes_outside_of_the_section_stay(env):
    env.start()
    env.write('john', '1.2.3.4')
    env.wait_answer(JOHN, 'A', {'1.2.3.4'})
    assert env.section() == [f'+{JOHN}:1.2.3.4:60']
    assert env.outside() == env.outside(BASE.encode())


def test_the_ttl_is_the_configured_one(env):
    env.conf['ttl'] = '77'
    env.start()
    env.write('john', '1.2.3.4')
    env.wait_answer(JOHN, 'A', {'1.2.3.4'})
    assert [rrset.ttl for rrset in env.ask(JOHN, 'A').answer] == [77]


def test_a_wildcard_below_the_section_does_not_override_a_dynamic_name(env):
    env.users = {'john': ['john.wild.example.com']}
    env.start()
    assert env.query('john.wild.example.com', 'A') == {WILDCARD}
    env.write('john', '1.2.3.4')
    env.wait_answer('john.wild.example.com', 'A', {'1.2.3.4'})
    assert env.query('other.wild.example.com', 'A') == {WILDCARD}


def test_a_user_may_have_a_wildcard(env):
    env.users = {'john': ['*.home.example.com']}
    env.start()
    env.write('john', '1.2.3.4')
    env.wait_answer('anything.home.example.com', 'A', {'1.2.3.4'})


def test_users_may_stand_in_a_file_of_their_own(env):
    users = env.tmp / 'users'
    users.write_text(f'# many\njohn = {JOHN}, two.dyn.example.com\n'
                     'jane = jane.dyn.example.com\nfence = fence.fence.example.com\n')
    env.conf['users_file'] = str(users)
    env.start()
    env.write('john', '1.2.3.4')
    env.wait_answer('two.dyn.example.com', 'A', {'1.2.3.4'})


# ---- IPv6, several addresses, withdrawing

def test_an_ipv6_address_is_answered(env):
    env.users = {'john': ['six.dyn.example.com']}
    env.start()
    env.write('john', '2001:db8::7')
    env.wait_line('user john requested update to 2001:db8::7')
    env.wait_line('updating record for six.dyn.example.com to 2001:db8::7')
    env.wait_answer('six.dyn.example.com', 'AAAA', {'2001:db8::7'})
    assert env.query('six.dyn.example.com', 'A') == set()


def test_every_byte_of_an_ipv6_address_survives_tinydns_data(env):
    env.users = {'john': ['six.dyn.example.com']}
    env.start()
    env.write('john', '2001:3a5c:2e2b:0a0d:2022:5c5c:ff00:7f80')
    env.wait_answer('six.dyn.example.com', 'AAAA', {'2001:3a5c:2e2b:a0d:2022:5c5c:ff00:7f80'})


def test_both_families_and_several_addresses_from_one_file(env):
    env.users = {'john': ['six.dyn.example.com']}
    env.start()
    env.write('john', '2001:db8::7\n1.2.3.5\n1.2.3.4\n2001:db8::8')
    env.wait_line('user john requested update to 1.2.3.4, 1.2.3.5, 2001:db8::7, 2001:db8::8')
    env.wait_line('updating record for six.dyn.example.com to '
                  '1.2.3.4, 1.2.3.5, 2001:db8::7, 2001:db8::8')
    env.wait_answer('six.dyn.example.com', 'A', {'1.2.3.4', '1.2.3.5'})
    env.wait_answer('six.dyn.example.com', 'AAAA', {'2001:db8::7', '2001:db8::8'})


def test_a_dynamic_ipv6_address_stands_beside_the_static_one(env):
    env.start()
    env.write('john', '2001:db8::7')
    env.wait_answer(JOHN, 'AAAA', {STATIC_AAAA, '2001:db8::7'})


def test_a_family_that_the_file_no_longer_has_is_withdrawn_but_for_the_static_one(env):
    env.start()
    env.write('john', '1.2.3.4\n2001:db8::7')
    env.wait_answer(JOHN, 'AAAA', {STATIC_AAAA, '2001:db8::7'})
    mark = env.mark()
    env.write('john', '1.2.3.4')
    env.wait_line('user john requested update to 1.2.3.4', mark)
    env.wait_line(f'updating record for {JOHN} to 1.2.3.4', mark)
    env.wait_answer(JOHN, 'AAAA', {STATIC_AAAA})
    assert env.query(JOHN, 'A') == {'1.2.3.4'}


def test_none_withdraws_everything(env):
    env.users = {'john': [JOHN, 'two.dyn.example.com']}
    env.start()
    env.write('john', '1.2.3.4')
    env.wait_answer('two.dyn.example.com', 'A', {'1.2.3.4'})
    env.write('john', 'none')
    env.wait_line('user john requested update to none')
    env.wait_line(f'removing record for {JOHN}')
    env.wait_line('removing record for two.dyn.example.com')
    env.wait_answer('two.dyn.example.com', 'A', set())
    assert env.query(JOHN, 'A') == set()
    assert env.section() == []


def test_none_behind_a_name_withdraws_that_name(env):
    env.users = {'john': [JOHN, 'two.dyn.example.com']}
    env.start()
    env.write('john', '1.2.3.4')
    env.wait_answer('two.dyn.example.com', 'A', {'1.2.3.4'})
    env.write('john', '1.2.3.4\ntwo.dyn.example.com none')
    env.wait_line('removing record for two.dyn.example.com')
    env.wait_answer('two.dyn.example.com', 'A', set())
    assert env.section() == [f'+{JOHN}:1.2.3.4:60']


def test_a_line_with_a_name_holds_for_that_name_only(env):
    env.users = {'john': ['a.example.com', 'b.example.com']}
    env.start()
    env.write('john', '1.2.3.4\nB.example.com. 5.6.7.8')
    env.wait_line('user john requested update to 1.2.3.4 for a.example.com, '
                  '5.6.7.8 for b.example.com')
    env.wait_line('updating record for a.example.com to 1.2.3.4')
    env.wait_line('updating record for b.example.com to 5.6.7.8')
    env.wait_answer('b.example.com', 'A', {'5.6.7.8'})
    assert env.query('a.example.com', 'A') == {'1.2.3.4'}


def test_a_line_with_a_name_takes_the_place_of_the_general_ones_of_its_family_only(env):
    env.users = {'john': ['a.example.com', 'b.example.com']}
    env.start()
    env.write('john', '1.2.3.4\n2001:db8::7\nb.example.com 5.6.7.8')
    env.wait_answer('b.example.com', 'A', {'5.6.7.8'})
    assert env.query('b.example.com', 'AAAA') == {'2001:db8::7'}


# ---- no change, no work

def test_the_same_address_again_neither_rewrites_nor_runs_the_command(env):
    env.start()
    env.write('john', '1.2.3.4')
    env.wait_answer(JOHN, 'A', {'1.2.3.4'})
    env.fence()		# the command of that change has ended, and every one that it caused
    before, runs, mark = os.stat(env.data), env.runs(), env.mark()

    env.write('john', '# written otherwise\n 1.2.3.4\r\n1.2.3.4\n')
    env.sh('john', 'touch .dynamicdns; mv .dynamicdns x; mv x .dynamicdns')
    env.fence(publish=False)

    after = os.stat(env.data)
    assert (after.st_ino, after.st_mtime_ns) == (before.st_ino, before.st_mtime_ns)
    assert env.runs() == runs
    env.fence()
    assert env.runs() == runs + 1
    assert env.count('john', mark) == 0


def test_changes_within_the_interval_are_published_together(env):
    env.users = {u: [f'{u}.dyn.example.com'] for u in ('a', 'b', 'c', 'd')}
    env.conf['publish_interval'] = '3s'
    env.start()
    env.write('a', '1.2.3.4')
    env.wait_answer('a.dyn.example.com', 'A', {'1.2.3.4'})
    runs = env.runs()
    for user in ('b', 'c', 'd'):
        env.write(user, '1.2.3.4')
    env.wait_answer('d.dyn.example.com', 'A', {'1.2.3.4'})
    assert {env.query(f'{u}.dyn.example.com', 'A').pop() for u in 'bcd'} == {'1.2.3.4'}
    assert env.runs() == runs + 1


# ---- start

def test_what_the_file_says_at_start_is_published_before_readiness(env):
    env.write('john', '1.2.3.4', age=10)
    env.start()
    assert env.section() == [f'+{JOHN}:1.2.3.4:60']
    env.wait_answer(JOHN, 'A', {'1.2.3.4'})


def test_started_is_said_once_and_before_readiness(env):
    env.start()
    env.wait_line('started')
    assert env.lines().count('started') == 1
    env.fence()
    assert env.lines().count('started') == 1


@pytest.mark.parametrize('abstract', [False, True], ids=['path', 'abstract'])
def test_readiness_is_told_to_systemd(env, abstract):
    name = str(env.tmp / 'notify')
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as s:
        s.bind('\0' + name if abstract else name)
        if not abstract:
            os.chmod(name, 0o666)
        s.settimeout(TIMEOUT)
        env.environ['NOTIFY_SOCKET'] = '@' + name if abstract else name
        env.start()
        while 'READY=1' not in s.recv(4096).decode().splitlines():
            pass


def test_readiness_does_not_wait_for_a_makefile_to_work(env):
    makefile = (env.root / 'Makefile').read_text()
    (env.root / 'Makefile').write_text('data.cdb: data\n\t@echo this is broken; exit 1\n')
    env.write('john', '1.2.3.4', age=10)
    env.start()
    env.wait_log(r'^makecommand: this is broken')
    env.wait_log(r'^makecommand failed with exit status 2; trying again in ')
    assert env.section() == [f'+{JOHN}:1.2.3.4:60']
    (env.root / 'Makefile').write_text(makefile)
    env.wait_line('makecommand works again')
    env.wait_answer(JOHN, 'A', {'1.2.3.4'})


def test_it_starts_where_no_home_is_there(env):
    env.with_fence = False
    env.homes.rmdir()
    env.start(homes=False)
    env.homes.mkdir(mode=0o755)
    env.write('john', '1.2.3.4')
    env.wait_answer(JOHN, 'A', {'1.2.3.4'})


def test_it_starts_where_the_data_file_has_no_markers(env):
    env.write_data(BASE.split('\n', 2)[2])
    text = env.data.read_bytes()
    env.write('john', '1.2.3.4', age=10)
    env.start()
    env.wait_log(rf"^unable to publish to {env.data}: .*'{START[2:]}' .*'{END[2:]}'.*; "
                 'nothing is written until ')
    assert env.data.read_bytes() == text
    env.write_data(BASE)
    env.wait_line(f'publishing to {env.data} again')
    env.wait_answer(JOHN, 'A', {'1.2.3.4'})


def test_it_runs_as_its_user_with_one_capability(env):
    env.start()
    status = dict(line.split(':\t', 1)
                  for line in open(f'/proc/{env.process.pid}/status').read().splitlines())
    assert set(status['Uid'].split()) == {str(SERVICE_UID)}
    assert set(status['Gid'].split()) == {str(SERVICE_GID)}
    assert set(status['Groups'].split()) <= {str(SERVICE_GID)}
    read_search = 1 << 2
    assert int(status['CapEff'], 16) == int(status['CapPrm'], 16) == read_search
    assert int(status['CapAmb'], 16) == int(status['CapInh'], 16) == 0


def test_it_also_starts_without_root(env):
    """As from a systemd unit with User=, here without any capability."""
    env.popen = {'user': SERVICE_UID, 'group': SERVICE_GID, 'extra_groups': []}
    env.make_home('john', mode=0o755)
    env.make_home(FENCE, mode=0o755)
    env.start()
    env.write('john', '1.2.3.4')
    env.wait_answer(JOHN, 'A', {'1.2.3.4'})


# ---- the end, and what the next start knows

@pytest.mark.parametrize('number', [signal.SIGTERM, signal.SIGINT], ids=['SIGTERM', 'SIGINT'])
def test_a_signal_ends_it_with_status_0(env, number):
    env.start()
    assert env.stop(number) == 0
    assert env.lines()[-1] == 'stopping'


def test_no_process_is_left_behind(env):
    env.start()
    fds = [os.pidfd_open(pid) for pid in descendants(env.process.pid)]
    env.stop()
    for fd in fds:
        assert select.select([fd], [], [], TIMEOUT)[0], 'a child is still there'
        os.close(fd)


def test_sigterm_finishes_the_publish_under_way(env):
    gate, fifo = env.tmp / 'gate', env.tmp / 'fifo'
    os.mkfifo(fifo)
    env.conf['makecommand'] = (f'if [ -e {gate} ]; then cat {fifo}; fi; '
                               f'make -s -C {env.root} && printf x >> {env.made}')
    env.start()
    gate.touch()
    env.write('john', '1.2.3.4')
    with open(fifo, 'w'):	# blocks until the command is running
        runs = env.runs()
        env.send(signal.SIGTERM)
        env.wait_line('stopping')
        assert env.process.poll() is None
    assert env.wait_exit() == 0
    assert env.runs() == runs + 1
    assert env.query(JOHN, 'A') == {'1.2.3.4'}


def test_a_restart_with_nothing_new_is_silent_and_does_not_write(env):
    env.start()
    env.write('john', '1.2.3.4')
    env.wait_answer(JOHN, 'A', {'1.2.3.4'})
    env.stop()
    env.age('john', 10)
    before = os.stat(env.data)
    env.start()
    env.wait_line('started')
    assert env.lines() == ['started']
    env.fence(publish=False)
    after = os.stat(env.data)
    assert (after.st_ino, after.st_mtime_ns) == (before.st_ino, before.st_mtime_ns)
    assert env.count('john') == 0


def test_a_change_while_it_was_down_is_taken_at_start(env):
    env.start()
    env.write('john', '1.2.3.4')
    env.wait_answer(JOHN, 'A', {'1.2.3.4'})
    env.stop()
    env.write('john', '5.6.7.8', age=10)
    env.start()
    env.wait_line('user john requested update to 5.6.7.8')
    env.wait_answer(JOHN, 'A', {'5.6.7.8'})


def test_a_file_that_is_missing_after_a_restart_keeps_what_it_said(env):
    env.start()
    env.write('john', '1.2.3.4')
    env.wait_answer(JOHN, 'A', {'1.2.3.4'})
    env.stop()
    env.file('john').unlink()
    env.start()
    env.fence()
    assert env.query(JOHN, 'A') == {'1.2.3.4'}
    assert env.count('john') == 0


def test_a_file_that_is_bad_after_a_restart_keeps_what_it_said(env):
    env.start()
    env.write('john', '1.2.3.4')
    env.wait_answer(JOHN, 'A', {'1.2.3.4'})
    env.stop()
    env.write('john', '1.2.3.999', age=10)
    env.start()
    env.wait_log(r'^refusing .* of user john: line 1: ')
    env.fence()
    assert env.query(JOHN, 'A') == {'1.2.3.4'}


def test_what_it_knew_survives_kill_9(env):
    env.start()
    env.write('john', '1.2.3.4')
    env.wait_answer(JOHN, 'A', {'1.2.3.4'})
    env.kill()
    env.start()
    env.write('john', '5.6.7.8')
    env.wait_answer(JOHN, 'A', {'5.6.7.8'})


def test_a_lost_state_is_made_good_from_the_files(env):
    env.start()
    env.write('john', '1.2.3.4')
    env.wait_answer(JOHN, 'A', {'1.2.3.4'})
    env.stop()
    env.age('john', 10)
    env.state.unlink()
    before = os.stat(env.data)
    env.start()
    assert env.section() == [f'+{JOHN}:1.2.3.4:60']
    assert os.stat(env.data).st_mtime_ns == before.st_mtime_ns


def test_a_spoilt_state_is_not_used_and_nothing_is_lost(env):
    env.start()
    env.write('john', '1.2.3.4')
    env.wait_answer(JOHN, 'A', {'1.2.3.4'})
    env.stop()
    env.file('john').unlink()
    env.state.write_bytes(b'\0\xff' * 5000)
    env.start()
    env.wait_log(rf"^unable to use '{env.state}': ")
    env.fence()
    assert env.query(JOHN, 'A') == {'1.2.3.4'}


# ---- SIGHUP

def test_sighup_takes_in_a_new_user(env):
    env.start()
    env.users['jane'] = ['jane.dyn.example.com']
    env.make_home('jane')
    assert env.reload() == f'reloaded {env.conf_file}'
    env.write('jane', '5.6.7.8')
    env.wait_answer('jane.dyn.example.com', 'A', {'5.6.7.8'})


def test_sighup_reads_the_file_of_a_new_user(env):
    env.start()
    env.write('jane', '5.6.7.8', age=10)
    env.users['jane'] = ['jane.dyn.example.com']
    env.reload()
    env.wait_answer('jane.dyn.example.com', 'A', {'5.6.7.8'})


def test_sighup_removes_the_records_of_a_user_who_is_gone(env):
    env.users['jane'] = ['jane.dyn.example.com']
    env.start()
    env.write('john', '1.2.3.4')
    env.write('jane', '5.6.7.8')
    env.wait_answer('jane.dyn.example.com', 'A', {'5.6.7.8'})
    env.wait_answer(JOHN, 'A', {'1.2.3.4'})
    del env.users['jane']
    env.reload()
    env.wait_line('removing record for jane.dyn.example.com')
    env.wait_answer('jane.dyn.example.com', 'A', set())
    assert env.section() == [f'+{JOHN}:1.2.3.4:60']


def test_sighup_gives_a_new_name_the_addresses_that_its_user_has(env):
    env.start()
    env.write('john', '1.2.3.4')
    env.wait_answer(JOHN, 'A', {'1.2.3.4'})
    env.age('john', 10)
    env.users['john'] = [JOHN, 'two.dyn.example.com']
    env.reload()
    env.wait_line('updating record for two.dyn.example.com to 1.2.3.4')
    env.wait_answer('two.dyn.example.com', 'A', {'1.2.3.4'})


def test_sighup_gives_a_name_to_another_user(env):
    env.users = {'john': [JOHN], 'jane': ['jane.dyn.example.com']}
    env.start()
    env.write('john', '1.2.3.4')
    env.write('jane', '5.6.7.8')
    env.wait_answer('jane.dyn.example.com', 'A', {'5.6.7.8'})
    env.wait_answer(JOHN, 'A', {'1.2.3.4'})
    env.age('john', 10)
    env.age('jane', 10)
    env.users = {'john': ['other.dyn.example.com'], 'jane': ['jane.dyn.example.com', JOHN]}
    env.reload()
    env.wait_answer(JOHN, 'A', {'5.6.7.8'})
    env.wait_answer('other.dyn.example.com', 'A', {'1.2.3.4'})


def test_a_user_who_was_removed_and_is_back_is_served_again(env):
    env.users['jane'] = ['jane.dyn.example.com']
    env.start()
    env.write('jane', '5.6.7.8')
    env.wait_answer('jane.dyn.example.com', 'A', {'5.6.7.8'})
    env.age('jane', 10)
    del env.users['jane']
    env.reload()
    env.wait_answer('jane.dyn.example.com', 'A', set())
    env.users['jane'] = ['jane.dyn.example.com']
    env.reload()
    env.wait_answer('jane.dyn.example.com', 'A', {'5.6.7.8'})
    env.write('jane', '5.6.7.9')
    env.wait_answer('jane.dyn.example.com', 'A', {'5.6.7.9'})


def test_sighup_turns_to_another_pathpattern(env):
    door = env.tmp / 'door'
    door.mkdir(mode=0o755)
    env.start()
    env.write('john', '1.2.3.4')
    env.wait_answer(JOHN, 'A', {'1.2.3.4'})
    env.conf['pathpattern'] = f'{door}/%u'
    env.reload()
    env.write('john', '9.9.9.9')	# no longer looked at
    (door / 'john').write_text('5.6.7.8\n')
    env.wait_answer(JOHN, 'A', {'5.6.7.8'})
    assert env.count('9\\.9\\.9\\.9') == 0


def test_sighup_publishes_with_a_new_ttl(env):
    env.start()
    env.write('john', '1.2.3.4')
    env.wait_answer(JOHN, 'A', {'1.2.3.4'})
    env.conf['ttl'] = '99'
    env.reload()
    env.wait_section([f'+{JOHN}:1.2.3.4:99'])


def test_sighup_refuses_a_configuration_with_a_mistake_whole(env):
    env.start()
    env.users['jane'] = ['jane.dyn.example.com']
    env.make_home('jane')
    env.conf['ttl'] = 'soon'
    line = env.reload()
    assert re.search(r'^not reloaded: .*dns-updater\.conf:2: .*; keeping the old configuration$',
                     line)
    env.write('jane', '5.6.7.8')
    env.write('john', '1.2.3.4')
    env.wait_answer(JOHN, 'A', {'1.2.3.4'})
    env.fence()
    assert env.query('jane.dyn.example.com', 'A') == set()
    assert env.count('jane') == 0


def test_sighup_refuses_a_configuration_that_is_gone(env):
    env.start()
    env.conf_file.unlink()
    assert env.reload(write=False).endswith('; keeping the old configuration')
    env.write('john', '1.2.3.4')
    env.wait_answer(JOHN, 'A', {'1.2.3.4'})


def test_sighup_refuses_a_new_command_as_needing_a_restart(env):
    env.start()
    env.conf['makecommand'] += '; true'
    assert 'needs a restart' in env.reload()
    env.write('john', '1.2.3.4')
    env.wait_answer(JOHN, 'A', {'1.2.3.4'})


def test_sighup_many_times_loses_no_change(env):
    env.start()
    for i in range(1, 20):
        env.send(signal.SIGHUP)
        env.write('john', f'1.2.3.{i}')
    env.wait_answer(JOHN, 'A', {'1.2.3.19'})


# ---- where messages go

LOG_DEVICE = '''
set -e
mkdir "$0/dev"
mount --rbind /dev "$0/dev"
mount -t tmpfs tmpfs /dev
for f in null zero full random urandom; do
	: > /dev/$f
	mount --bind "$0/dev/$f" /dev/$f
done
ln -s "$0/log" /dev/log
exec "$@"
'''


def test_messages_go_to_syslog_as_daemon_under_its_name(env):
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as s:
        s.bind(str(env.tmp / 'log'))
        os.chmod(env.tmp / 'log', 0o666)
        s.settimeout(TIMEOUT)
        env.prefix = [*unshare_mounts(), 'sh', '-c', LOG_DEVICE, str(env.tmp)]
        env.options = []
        env.start()
        env.write('john', '1.2.3.4')
        got = []
        while not got or not got[-1].startswith('updating'):
            found = re.match(r'<(\d+)>.*? dns-updater(?:\[\d+\])?: (.*)$',
                             s.recv(8192).decode().rstrip('\n\0'))
            assert int(found[1]) >> 3 == 3	# LOG_DAEMON
            if OWNER not in found[2]:
                got.append(found[2])
    assert got == ['started',
                   'user john requested update to 1.2.3.4',
                   f'updating record for {JOHN} to 1.2.3.4']
    assert env.lines() == []


def test_lines_to_the_journal_have_a_priority(env):
    r, w = os.pipe()
    st = os.fstat(w)
    env.environ['JOURNAL_STREAM'] = f'{st.st_dev}:{st.st_ino}'
    env.popen = {'stderr': w}
    env.log.follow(os.fdopen(r, 'rb'))
    env.start()
    os.close(w)
    env.wait_log(r'^<[56]>started$')
    env.write('john', '1.2.3.999')
    env.wait_log(r'^<[34]>refusing ')


def test_lines_to_another_stderr_have_none(env):
    env.environ['JOURNAL_STREAM'] = '1:1'
    env.start()
    env.wait_line('started')


def test_log_tempfile_has_the_latest_message(env):
    last = env.state_dir / 'last'
    env.conf['log_tempfile'] = str(last)
    env.start()
    env.wait(lambda: last.exists() and last.read_text() == 'started\n', last)
    env.write('john', '1.2.3.4')
    env.wait_answer(JOHN, 'A', {'1.2.3.4'})
    env.stop()
    assert last.read_text() == 'stopping\n'


def test_log_tempfile_is_never_seen_half(env):
    last = env.state_dir / 'last'
    env.conf['log_tempfile'] = str(last)
    env.start()
    env.wait(last.exists, last)
    seen, done = set(), threading.Event()

    def read():
        while not done.is_set():
            seen.add(last.read_text())

    reader = threading.Thread(target=read)
    reader.start()
    for i in range(1, 30):
        env.write('john', f'1.2.3.{i}')
    env.wait_answer(JOHN, 'A', {'1.2.3.29'})
    env.fence()
    done.set()
    reader.join()
    env.stop()
    assert seen <= {line + '\n' for line in env.lines()}
    assert len(seen) > 1


# ---- the configuration

def test_a_bad_configuration_ends_it_with_status_100_and_every_mistake(env):
    env.conf_text = ('[dns-updater]\n'
                     'pathpattern = /home/john\n'		# 2: no %u
                     'ttl = soon\n'				# 3
                     'colour = blue\n'				# 4
                     '[users]\n'
                     'john = -.example.com\n')			# 6
    env.expect_exit = {100}
    env.start(wait=False, tinydns=False)
    assert env.wait_exit() == 100
    for n in (2, 3, 4, 6):
        assert env.count(f'{re.escape(str(env.conf_file))}:{n}: ') >= 1
    assert env.count('^started') == 0


def test_a_configuration_that_is_not_there_ends_it_with_status_100(env):
    done = subprocess.run([DNS_UPDATER, '-c', env.tmp / 'none.conf', '-e'], env=clean_env(),
                          capture_output=True, text=True, timeout=TIMEOUT)
    assert done.returncode == 100
    assert 'none.conf' in done.stderr and 'No such file' in done.stderr


def test_an_option_that_it_does_not_know_ends_it_with_status_100(env):
    done = subprocess.run([DNS_UPDATER, '--sing'], env=clean_env(), capture_output=True,
                          text=True, timeout=TIMEOUT)
    assert done.returncode == 100
    assert 'dns-updater' in done.stderr


def test_a_second_one_on_the_same_state_is_turned_away(env):
    env.start()
    done = subprocess.run([DNS_UPDATER, '-c', env.conf_file, '-e'], env=clean_env(),
                          capture_output=True, text=True, timeout=TIMEOUT)
    assert done.returncode in (100, 111)
    env.write('john', '1.2.3.4')
    env.wait_answer(JOHN, 'A', {'1.2.3.4'})
