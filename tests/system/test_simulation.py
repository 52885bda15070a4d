# SPDX-FileCopyrightText: 2026 The dns-updater authors
# SPDX-License-Identifier: ISC
"""tests/bench/simulate: what goes in comes out, once; where there is a formula, it agrees; and the tables of
doc/scaling.md are what it prints."""

import dataclasses
import math
import re
import subprocess
import sys

import pytest

from harness import TOP

BENCH = TOP / 'tests' / 'bench'
DOC = TOP / 'doc' / 'scaling.md'
sys.path.insert(0, str(BENCH))
import simulation as s	# noqa: E402

SIMPLE = s.Server('simple', 0.01, 0, 0, 0, gathers=False, pauses=False, notify_s=0, ixfr_bytes=40, memory_bytes=0)
INSTANT = s.Updater(message_s=0, changed_s=0, batch=1, rescan_s=0)


def simple(server=SIMPLE, users=1000, **more):
    return s.Site(users, server, **{'round_trip_s': 0, 'updater': INSTANT, **more})


def rate(changes_a_second, users=1000, **more):
    return s.Load(day=changes_a_second * 86400 / users, peak=1, **more)


SITES = {
    'Knot': s.Site(100_000, s.KNOT, 4),
    'Knot, many zones': s.Site(1_000_000, s.KNOT, 3, 7, by_updater=True),
    'BIND': s.Site(100_000, s.BIND, 4),
    'BIND, all to all': s.Site(1_000_000, s.BIND, 3, 5),
    'more dns-updaters than zones': s.Site(100_000, s.BIND, 5, 2, by_updater=True),
    'more zones than workers': s.Site(100_000, s.KNOT, 2, 16, by_updater=True, workers=1),
    'more than it takes': s.Site(20_000_000, s.KNOT, 2),
}
LOADS = {'day': s.Load(), 'wave': s.Load(wave=1, wave_s=20)}


@pytest.mark.parametrize('load', LOADS)
@pytest.mark.parametrize('site', SITES)
def test_every_change_arrives_once(site, load):
    simulation = s.Simulation(SITES[site], LOADS[load], 1)
    r = simulation.run()
    assert r.changes == r.primary.n == r.secondary.n > 0
    assert simulation.waiting == 0
    assert min(r.primary.items)[0] > 0
    assert r.messages >= r.transactions
    assert all(not z.inbox and not z.committed and not z.running for z in simulation.zones)
    assert simulation.idle_workers == SITES[site].workers


def test_as_many_changes_as_there_should_be():
    r = s.run(s.Site(1_000_000, s.BIND, 4), s.Load(wave=1, wave_s=60))
    assert r.changes == pytest.approx(1_000_000, rel=0.01)


@pytest.mark.parametrize('load', [0.3, 0.6, 0.8])
def test_one_server_and_constant_time_agree_with_the_formula(load):
    """M/D/1: Pollaczek and Khinchine have the mean."""
    took = SIMPLE.transaction_s
    r = s.run(simple(), rate(load / took, seconds=1500))
    assert r.primary.mean() == pytest.approx(took + load * took / (2 * (1 - load)), rel=0.05)


def test_batches_carry_what_one_at_a_time_cannot():
    one, many = simple(), simple(updater=dataclasses.replace(INSTANT, batch=1000))
    load = rate(3 / SIMPLE.transaction_s, seconds=20)
    assert s.run(one, load).last_primary_s == pytest.approx(40, rel=0.1)
    r = s.run(many, load)
    assert r.primary.percentile(100) <= 2 * SIMPLE.transaction_s * (1 + 1e-9)


@pytest.mark.parametrize('server', [dataclasses.replace(s.KNOT, pauses=False), s.BIND], ids=['Knot', 'BIND'])
def test_more_than_it_takes_goes_at_its_capacity(server):
    site = s.Site(3_000_000, server, 8, updater=s.Updater(rescan_s=0))
    r = s.run(site, s.Load(day=0, wave=1, wave_s=1))
    capacity = s.capacity(site)
    assert min(capacity, key=capacity.get) == 'primary'
    assert r.changes / (1 + r.last_primary_s) == pytest.approx(capacity['primary'], rel=0.1)


def test_a_secondary_takes_changes_in_at_its_pace():
    r = s.run(simple(secondary=s.Secondary(interval_s=1, transfer_s=0, changed_s=0)), rate(20, seconds=500))
    waits = r.secondary.mean() - r.primary.mean()
    assert waits == pytest.approx(0.5, rel=0.1)
    assert r.secondary.percentile(100) - r.primary.percentile(0) <= 1 + 0.1


def test_comparisons_hold_up_only_where_others_write():
    few = dataclasses.replace(INSTANT, batch=1000, rescan_s=10, compared_s=1e-3)
    for updaters, held_up in (1, False), (2, True):
        r = s.run(simple(updaters=updaters, updater=few), rate(10, seconds=100))
        assert (r.primary.percentile(99) > 0.5) == held_up


def test_percentiles():
    d = s.Delays()
    d.add(2.0, 1)
    d.add(1.0, 98)
    d.add(3.0, 1)
    assert [d.percentile(p) for p in (1, 50, 98, 99, 100)] == [1, 1, 1, 2, 3]
    assert math.isclose(d.mean(), 1.03)


def tables():
    """(command, table) of the page."""
    text = DOC.read_text()
    commands = re.findall(r'^    (tests/bench/simulate (?:.*\\\n)*.*)\n\n((?:\|.*\n)+)', text, re.M)
    assert len(commands) == text.count('    tests/bench/simulate ') > 0
    return [(c.replace('\\\n', ' ').split()[1:], table) for c, table in commands]


@pytest.mark.parametrize('number', range(len(tables())))
def test_the_tables_of_the_page_are_what_it_prints(number):
    words, table = tables()[number]
    assert subprocess.run([sys.executable, BENCH / 'simulate', *words], check=True, capture_output=True,
                          text=True).stdout == table
