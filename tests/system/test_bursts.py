# SPDX-FileCopyrightText: 2026 The dns-updater authors
# SPDX-License-Identifier: ISC
"""Thousands of changes at once: what the log says of them, and the state that is saved meanwhile."""

import re

import pytest

from harness import needs

MANY = 5000
LEFT_OUT = re.compile(r'^(\d+ more .*): with a line for each there would be more than log_rate = \d+ a second$')


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


def n_left_out(line, what):
    """Of a line that counts: how many of these."""
    return sum(int(n) for n in re.findall(rf'(\d+) more {what}', line))


def n_told(env, line, what, after=0):
    """How many changes the log tells of, each by itself or together with others."""
    lines = env.lines(after)
    return (sum(1 for l in lines if re.search(line, l)),
            sum(n_left_out(m.group(1), what) for m in map(LEFT_OUT.search, lines) if m))


def requests(env, after=None):
    return n_told(env, r'^user u\d+ requested update to ', 'requests? of', after)


def updates(env, after=None):
    return n_told(env, r'^updating record for u', 'records? updated', after)


def state_lines(turn, n=MANY):
    return {f'u{i} {name(i)} {address(i, turn)}' for i in range(n)}


def saved(env):
    """What it says of users; lines that begin with a blank are outputs'."""
    lines = env.state.read_text().splitlines()[1:] if env.state.exists() else []
    return {line for line in lines if not line.startswith(' ')}


# ---- the log

def test_a_burst_is_summed_up_and_every_change_is_counted_once(burst):
    burst.conf['log_rate'] = '2'
    start(burst)
    mark = burst.mark()
    write_all(burst)
    burst.wait(lambda: sum(requests(burst, mark)) >= MANY and sum(updates(burst, mark)) >= MANY, 'all told')
    assert sum(requests(burst, mark)) == sum(updates(burst, mark)) == MANY
    assert requests(burst, mark)[1] and updates(burst, mark)[1]
    mark = burst.mark()		# and now it is quiet: nothing of it comes once more
    write_all(burst, 2, [7])
    burst.wait(lambda: sum(updates(burst, mark)) == 1, 'told')
    assert sum(requests(burst, mark)) == 1


def test_what_was_left_out_is_told_at_the_end(burst):
    burst.conf['log_rate'] = '1'
    start(burst)
    write_all(burst)
    burst.wait(lambda: sum(updates(burst)) > 0, 'published')
    burst.stop()
    asked, lines_of_updates = sum(requests(burst)), sum(updates(burst))
    lines = burst.state.read_text().splitlines()[1:]
    assert asked == sum(1 for line in lines if not line.startswith(' ') and len(line.split()) > 2)
    # What changed while the file was being written is in it, perhaps, and would have been told of next.
    assert 0 < lines_of_updates <= sum(1 for line in burst.section() if line)


def test_without_a_limit_there_is_a_line_for_each(burst):
    burst.conf['log_rate'] = '0'
    start(burst)
    write_all(burst)
    burst.wait(lambda: updates(burst)[0] == MANY, 'a line for each')
    assert requests(burst) == (MANY, 0)


def test_a_reload_lifts_the_limit(burst):
    burst.conf['log_rate'] = '1'
    start(burst)
    burst.conf['log_rate'] = '0'
    burst.reload()
    write_all(burst)
    burst.wait(lambda: updates(burst)[0] == MANY, 'a line for each')
    assert requests(burst) == (MANY, 0)


def test_warnings_are_not_held_back(burst):
    burst.conf['log_rate'] = '1'
    start(burst)
    write_all(burst, users=range(200))
    for i in range(200, 300):
        (burst.flat / f'u{i}').write_text('nonsense\n')
    burst.wait(lambda: burst.count('^refusing ') == 100, 'all refused')


# ---- the state

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
    burst.wait_log(rf"^unable to save '{burst.state}': Is a directory; ")
    burst.state.with_name('state.tmp').rmdir()
    burst.wait(burst.state.exists, 'saved', timeout=60)	# and nothing changes meanwhile
    assert burst.count('^unable to save ') == 1


def test_what_changes_while_the_state_is_written_to_a_slow_disk_is_saved(burst):
    needs('strace')
    burst.prefix = ['strace', '-D', '-f', '-qq', '-o', '/dev/null', '-P', f'{burst.state}.tmp',
                    '-e', 'inject=?rename,?renameat,renameat2:delay_enter=1000000']
    burst.environ['ASAN_OPTIONS'] = 'detect_leaks=0'	# LeakSanitizer does not work under ptrace
    start(burst)
    write_all(burst, users=[7])
    burst.wait_line(f'updating record for {name(7)} to {address(7)}')
    burst.wait(lambda: f'u7 {name(7)} {address(7)}' in saved(burst), 'saved, the second time', timeout=90)


def test_a_state_in_another_order_is_read(burst):
    """As other versions wrote it: what outputs remember at the end; and names in any order."""
    start(burst)
    burst.stop()
    lines = sorted(state_lines(4), reverse=True)
    burst.state.write_text('\n'.join(['dns-updater state 1', *lines, f' tinydns {name(1)}', '']))
    burst.data.write_text(burst.data.read_text())
    start(burst)
    assert {f'+{name(i)}:{address(i, 4)}:60' for i in range(MANY)} == set(burst.section())
