# SPDX-FileCopyrightText: 2026 The dns-updater authors
# SPDX-License-Identifier: ISC
"""What reviews of the outputs found."""

import signal
import threading

import dns.rcode
import dns.rdatatype

from harness import TIMEOUT
from servers import NAME, ZONE
from test_rfc2136 import Fake, fake, is_update, output	# noqa: F401: a fixture
from test_status import as_json


def alone(env, server, key):
    env.with_fence = False
    env.conf.update(datafile=None, makecommand=None, socket=str(env.state_dir / 'socket'))
    env.conf_more = output(server, key.bind_file)


def test_an_output_that_waits_does_not_take_back_what_another_has(env, key, fake):
    """What was published last is not what stands in the data file, when that had to wait for its interval."""
    server = fake()
    env.conf['publish_interval'] = '1h'
    env.conf_more = output(server, key.bind_file)
    env.write('john', '1.2.3.4', age=60)
    env.start()
    server.has(env, NAME, 'A', {'1.2.3.4'})
    env.wait(lambda: any('1.2.3.4' in line for line in env.section()), 'it is in the data file')
    env.write('john', '5.6.7.8')
    server.has(env, NAME, 'A', {'5.6.7.8'})
    assert env.stop() == 0
    assert any('1.2.3.4' in line for line in env.section())
    env.sh('john', 'rm .dynamicdns')

    mark = env.mark()
    env.start()
    env.wait(lambda: any('5.6.7.8' in line for line in env.section()), 'it is in the data file')
    assert server.records[NAME, 'A'] == {'5.6.7.8'}
    assert not env.count('to 1.2.3.4', mark)


def test_many_refused_names_do_not_hold_up_the_others(env, key, fake):
    """More than it takes to think that the server refuses everything."""
    def behave(server, m, tcp):
        if is_update(m) and any(r.name.to_text().startswith('bad') for r in m.update):
            return [server.answer(m, dns.rcode.REFUSED)]
    server = fake(behave)
    env.users = {f'bad{i}': [f'bad{i}.{ZONE}'] for i in range(12)}
    env.users['john'] = [NAME]
    for user in env.users:
        env.write(user, '1.2.3.4', age=60)
    alone(env, server, key)
    env.start(tinydns=False)
    server.has(env, NAME, 'A', {'1.2.3.4'})
    env.wait_log(f'^unable to publish 2 more names to ns, zone {ZONE}: ')
    env.write('john', '5.6.7.8')
    server.has(env, NAME, 'A', {'5.6.7.8'})
    env.wait(lambda: as_json(env, 'john')['outputs'][0]['state'] == 'published', 'he is told so')


class Secondary(Fake):
    """It answers with authority, and nobody updates it."""

    def answer(self, m, rcode=0, answer=(), key=None):
        wire = bytearray(super().answer(m, rcode, answer, key))
        wire[2] |= 4	# AA
        return bytes(wire)


def test_what_is_being_verified_at_a_name_server_is_asked_for_after_a_reload(env, key, fake):
    server, secondary = fake(), Secondary(key)
    try:
        env.write('john', '1.2.3.4', age=60)
        alone(env, server, key)
        env.conf_more += f'verify = {secondary.server}\nverify_timeout = {3 * TIMEOUT}s\n'
        env.start(tinydns=False)
        server.has(env, NAME, 'A', {'1.2.3.4'})
        env.wait(lambda: secondary.seen, 'it is asked')
        assert env.reload() == f'reloaded {env.conf_file}'
        n = len(secondary.seen)
        env.wait(lambda: len(secondary.seen) > n, 'it is asked again')
        secondary.records[NAME, 'A'] = {'1.2.3.4'}
        env.wait_log(rf'^{NAME} is 1\.2\.3\.4 at {secondary.server}, after ')
    finally:
        secondary.close()


def test_what_was_not_right_at_a_name_server_is_asked_for_after_a_reload(env, key, fake):
    server, secondary = fake(), Secondary(key)
    try:
        env.write('john', '1.2.3.4', age=60)
        alone(env, server, key)
        env.conf_more += f'verify = {secondary.server}\nverify_timeout = 1s\n'
        env.start(tinydns=False)
        env.wait(lambda: as_json(env, 'john')['outputs'][0]['state'] == 'fails', 'it is not right')
        secondary.records[NAME, 'A'] = {'1.2.3.4'}
        assert env.reload() == f'reloaded {env.conf_file}'
        env.wait_log(rf'^{NAME} is 1\.2\.3\.4 at {secondary.server}, after ')
        env.wait(lambda: as_json(env, 'john')['outputs'][0]['state'] == 'published', 'it is right')
    finally:
        secondary.close()


def test_an_old_address_that_stayed_is_not_right_when_the_new_one_goes(env, key, fake):
    server, secondary = fake(), Secondary(key)
    try:
        env.write('john', '1.2.3.4', age=60)
        secondary.records[NAME, 'A'] = {'1.2.3.4'}
        alone(env, server, key)
        env.conf_more += f'verify = {secondary.server}\nverify_timeout = 1s\n'
        env.start(tinydns=False)
        env.wait_log(rf'^{NAME} is 1\.2\.3\.4 at {secondary.server}, after ')
        env.write('john', '5.6.7.8')
        env.wait(lambda: as_json(env, 'john')['outputs'][0]['state'] == 'fails', 'it is not right')
        mark = env.mark()
        env.write('john', 'none')
        env.wait_log(rf'^{NAME} is still 1\.2\.3\.4 at {secondary.server}, ', mark)
        assert as_json(env, 'john')['outputs'][0]['state'] == 'fails'
    finally:
        secondary.close()


def make_all_wrong(env, server, secondary, key):
    """The secondary has none of the names."""
    alone(env, server, key)
    env.conf['rescan'] = '1h'
    env.conf_more += f'verify = {secondary.server}\nverify_timeout = 300ms\n'
    env.start(tinydns=False)
    for i, user in enumerate(env.users):
        env.write(user, '1.2.3.4')
        if not (i + 1) % 20 or i + 1 == len(env.users):		# more at once would be left out
            env.wait(lambda n=i + 1: as_json(env)['outputs'][0]['waiting'] == n, 'they are not right')


def test_names_that_stay_wrong_do_not_keep_others_from_being_asked_for(env, key, fake):
    """There are more of them than are asked for at a time."""
    secondary = Secondary(key)
    try:
        env.users = {**{f'bad{i}': [f'bad{i}.{ZONE}'] for i in range(40)}, 'john': [NAME]}
        make_all_wrong(env, fake(), secondary, key)
        env.conf['rescan'] = '500ms'
        assert env.reload() == f'reloaded {env.conf_file}'
        secondary.records[NAME, 'A'] = {'1.2.3.4'}
        env.wait(lambda: as_json(env, 'john')['outputs'][0]['state'] == 'published', 'it is right')
    finally:
        secondary.close()


def test_when_a_server_is_right_again_all_are_asked_for(env, key, fake):
    secondary = Secondary(key)
    try:
        env.users = {f'u{i}': [f'u{i}.{ZONE}'] for i in range(100)}
        make_all_wrong(env, fake(), secondary, key)
        for user in env.users:
            secondary.records[f'{user}.{ZONE}', 'A'] = {'1.2.3.4'}
        env.conf_more = env.conf_more.replace('verify_timeout = 300ms', 'verify_timeout = 10s')	# a hundred at once
        assert env.reload() == f'reloaded {env.conf_file}'
        env.wait(lambda: as_json(env)['outputs'][0]['state'] == 'published', 'all are right')
    finally:
        secondary.close()


def test_a_name_that_is_given_to_another_user_loses_its_addresses(env, key, fake):
    """He has no file, and what stands there was not his."""
    server = fake()
    other = f'other.{ZONE}'
    env.users = {'john': [NAME, other], 'jane': [f'jane.{ZONE}']}
    env.write('john', '1.2.3.4', age=60)
    alone(env, server, key)
    env.start(tinydns=False)
    server.has(env, NAME, 'A', {'1.2.3.4'})
    env.users = {'john': [other], 'jane': [f'jane.{ZONE}', NAME]}
    assert env.reload() == f'reloaded {env.conf_file}'
    server.has(env, NAME, 'A', set())
    env.wait_line(f'removing record for {NAME} at ns')
    assert server.records[other, 'A'] == {'1.2.3.4'}
    assert env.stop() == 0
    assert NAME not in env.state.read_text()


def test_a_left_over_that_the_server_refused_to_remove_goes_later(env, key, fake):
    """As of a zone that was frozen just then, and that nobody has changed meanwhile."""
    frozen = threading.Event()

    def behave(server, m, tcp):
        if is_update(m) and frozen.is_set():
            return [server.answer(m, dns.rcode.REFUSED)]
    server = fake(behave)
    gone = f'gone.{ZONE}'
    env.users = {'john': [NAME], 'gone': [gone]}
    for user in env.users:
        env.write(user, '1.2.3.4', age=60)
    alone(env, server, key)
    env.conf['rescan'] = '500ms'
    env.start(tinydns=False)
    server.has(env, gone, 'A', {'1.2.3.4'})
    del env.users['gone']
    frozen.set()
    assert env.reload() == f'reloaded {env.conf_file}'
    env.wait_log(f'^unable to publish {gone} to ns: .* or it is frozen .REFUSED.; trying again in 300 s')
    assert as_json(env)['outputs'][0]['state'] == 'fails'
    refused = len(server.seen)
    env.wait(lambda: len(server.seen) > refused + 6, 'it is tried again, and refused')
    frozen.clear()
    server.has(env, gone, 'A', set())
    env.wait(lambda: as_json(env)['outputs'][0]['state'] == 'published', 'all is well')
    assert env.count(f'^unable to publish {gone} ') == 1
    assert env.stop() == 0
    assert gone not in env.state.read_text()


def test_a_name_with_which_the_server_fails_each_time_does_not_hold_up_the_others(env, key, fake):
    """As BIND does with one that has more addresses than its max-records-per-type."""
    def behave(server, m, tcp):
        if is_update(m) and any(r.name.to_text().startswith('bad') for r in m.update):
            return [server.answer(m, dns.rcode.SERVFAIL)]
    server = fake(behave)
    env.users = {'bad': [f'bad.{ZONE}'], 'john': [NAME]}
    for user in env.users:
        env.write(user, '1.2.3.4', age=60)
    alone(env, server, key)
    env.start(tinydns=False)
    server.has(env, NAME, 'A', {'1.2.3.4'})
    env.wait_log(rf'^unable to publish bad\.{ZONE} to ns: .*SERVFAIL.; trying again in 300 s')
    n = sum(type == dns.rdatatype.AXFR for _, type, _, _ in list(server.seen))
    for i in range(1, 4):
        env.write('john', f'5.6.7.{i}')
        server.has(env, NAME, 'A', {f'5.6.7.{i}'})
    assert sum(type == dns.rdatatype.AXFR for _, type, _, _ in list(server.seen)) == n	# without a pause
    env.wait(lambda: as_json(env, 'john')['outputs'][0]['state'] == 'published', 'he is told so')
    assert as_json(env, 'bad')['outputs'][0]['state'] == 'fails'


def test_what_it_fails_to_remove_does_not_hold_up_the_others(env, key, fake):
    """A name of a user who is gone, with which the server fails each time."""
    def behave(server, m, tcp):
        if is_update(m) and broken.is_set() and any(r.name.to_text().startswith('bad') for r in m.update):
            return [server.answer(m, dns.rcode.SERVFAIL)]
    broken = threading.Event()
    server = fake(behave)
    bad = f'bad.{ZONE}'
    env.users = {'bad': [bad], 'john': [NAME]}
    for user in env.users:
        env.write(user, '1.2.3.4', age=60)
    alone(env, server, key)
    env.start(tinydns=False)
    server.has(env, bad, 'A', {'1.2.3.4'})
    broken.set()
    del env.users['bad']
    assert env.reload() == f'reloaded {env.conf_file}'
    for i in range(2):	# once it is the only one that fails
        env.write('john', f'5.6.7.{i}')
        server.has(env, NAME, 'A', {f'5.6.7.{i}'})
    env.wait_log(rf'^unable to publish {bad} to ns: .*SERVFAIL.; trying again in 300 s')
    n = sum(type == dns.rdatatype.AXFR for _, type, _, _ in list(server.seen))
    for i in range(2, 5):
        env.write('john', f'5.6.7.{i}')
        server.has(env, NAME, 'A', {f'5.6.7.{i}'})
    assert sum(type == dns.rdatatype.AXFR for _, type, _, _ in list(server.seen)) == n	# without a pause
    broken.clear()
    env.send(signal.SIGHUP)
    server.has(env, bad, 'A', set())
