# SPDX-FileCopyrightText: 2026 The dns-updater authors
# SPDX-License-Identifier: ISC
"""Thousands of changes at once: the state that is saved meanwhile."""

import pytest

MANY = 5000


def name(i):
    return f'u{i}.dyn.example.com'


def address(i, turn=1):
    return f'198.51.{turn}.{i % 250 + 1}'


@pytest.fixture
def burst(env):
    """MANY users, all of whose files are in one directory; nothing but their names costs anything."""
    env.users = {f'u{i}': [name(i)] for i in range(MANY)}
    env.with_fence = False
    env.flat = env.tmp / 'flat'
    env.flat.mkdir(mode=0o755)
    env.conf['pathpattern'] = f'{env.flat}/%u'
    env.conf['makecommand'] = 'true'
    return env


def write_all(env, turn=1, users=range(MANY)):
    for i in users:
        (env.flat / f'u{i}').write_text(address(i, turn) + '\n')


def start(env):
    env.start(homes=False, tinydns=False)


def state_lines(turn, n=MANY):
    return {f'u{i} {name(i)} {address(i, turn)}' for i in range(n)}


def saved(env):
    return set(env.state.read_text().splitlines()[1:]) if env.state.exists() else set()


def test_the_state_is_whole_at_the_end_whatever_was_under_way(burst):
    start(burst)
    for turn in (1, 2, 3):
        write_all(burst, turn)
    last = f'updating record for {name(MANY - 1)} to {address(MANY - 1, 3)}'
    burst.wait(lambda: f'+{name(MANY - 1)}:{address(MANY - 1, 3)}:60' in burst.section(), last)
    burst.stop()
    assert saved(burst) == state_lines(3)
    assert not burst.state.with_name('state.tmp').exists()


def test_the_state_follows_while_it_runs(burst):
    start(burst)
    for turn in (1, 2):
        write_all(burst, turn)
    burst.wait(lambda: saved(burst) == state_lines(2), 'all saved')
    burst.kill()
    for i in range(MANY):
        (burst.flat / f'u{i}').unlink()
    start(burst)
    assert {f'+{name(i)}:{address(i, 2)}:60' for i in range(MANY)} == set(burst.section())


def test_a_reload_while_the_state_is_being_saved(burst):
    start(burst)
    for turn in range(1, 6):
        write_all(burst, turn)
        burst.users = {f'u{i}': [name(i)] for i in range(MANY - turn)}
        burst.reload()
    burst.wait(lambda: saved(burst) == state_lines(5, MANY - 5), 'the state of those who are left')


def test_a_state_that_cannot_be_saved_is_said_once_and_tried_again(burst):
    (burst.state.with_name('state.tmp')).mkdir()
    start(burst)
    write_all(burst)
    burst.wait_log(rf"^unable to save '{burst.state}': Is a directory; ")
    burst.state.with_name('state.tmp').rmdir()
    burst.wait(lambda: saved(burst) == state_lines(1), 'saved', timeout=60)
    assert burst.count('^unable to save ') == 1


def test_a_state_in_another_order_is_read(burst):
    """As other versions wrote it: what outputs remember at the end; and names in any order."""
    start(burst)
    burst.stop()
    lines = sorted(state_lines(4), reverse=True)
    burst.state.write_text('\n'.join(['dns-updater state 1', *lines, f' tinydns {name(1)}', '']))
    burst.data.write_text(burst.data.read_text())
    start(burst)
    assert {f'+{name(i)}:{address(i, 4)}:60' for i in range(MANY)} == set(burst.section())
