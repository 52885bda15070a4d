# SPDX-FileCopyrightText: 2026 The dns-updater authors
# SPDX-License-Identifier: ISC
"""n dns-updaters, each with its share of the users, before one primary with k zones and a secondary: when is a
change visible where, what waits, what is busiest. Discrete events; the same seed gives the same figures.

    result = run(Site(users=1_000_000, server=KNOT), Load(wave=1.0, wave_s=300), seed=1)

A dns-updater has one message under way for each zone, and sends what came meanwhile with the next, `batch` names at
most. The primary does one transaction at a time for each zone, and as many at once as it has workers. What is
measured stands in the constants below and nowhere else; seconds and bytes throughout.

Many changes are simulated as fewer lumps of several that happen at once: see LUMPS. Primaries on
machines of their own share nothing, so one of them, with its part of the users, stands for all."""

import bisect
import collections
import dataclasses
import heapq
import itertools
import math
import random

LUMPS = 100_000
NO_PAUSE_S = 0.05	# after messages that waited for others
LEAD_S = 5.0		# of ordinary changes, before a wave


@dataclasses.dataclass(frozen=True)
class Server:
    """A primary. One transaction takes transaction_s + zone_name_s for each name that its zone has
    + changed_s for each name that changes; of the latter growth_s more for each tenfold of 100,000 names."""
    name: str
    transaction_s: float
    zone_name_s: float
    changed_s: float
    growth_s: float
    gathers: bool		# all messages that wait for a zone are one transaction
    pauses: bool		# in most seconds: see pause_begins()
    notify_s: float		# from the end of a transaction to the NOTIFY
    ixfr_bytes: float		# for each changed name, to each secondary
    memory_bytes: float		# for each name

    def takes(self, zone_names, changed):
        growth = self.growth_s * math.log10(max(zone_names, 100_000) / 100_000)
        return self.transaction_s + self.zone_name_s * zone_names + (self.changed_s + growth) * changed


def pause_begins(rng):
    """Knot's: with secondaries it takes up nothing from some moment of a second to the next full one; but
    where messages waited for the end of others, it goes on. Not explained: fitted to delays that were seen."""
    return 0.1 + 0.9 * rng.random() ** 2


# Measured with signed updates over loopback and journals on ext4, zones of 100,000 and of 1,000,000 names; beyond
# that it is extrapolated. Knot's transaction is 10 ms of waiting for its readers, whatever the processor.
KNOT = Server('Knot', 0.0107, 18.8e-9, 18e-6, 15e-6, gathers=True, pauses=True, notify_s=1.0, ixfr_bytes=52,
              memory_bytes=450)
BIND = Server('BIND', 0.00057, 0, 16.7e-6, 0, gathers=False, pauses=False, notify_s=0.005, ixfr_bytes=32,
              memory_bytes=333)
SERVERS = {s.name: s for s in (KNOT, BIND)}


@dataclasses.dataclass(frozen=True)
class Updater:
    """A dns-updater: what it needs from the event to the message."""
    message_s: float = 0.001
    changed_s: float = 20e-6
    batch: int = 1000
    rescan_s: float = 300		# it compares the whole zone as often, when others write to it, too
    compared_s: float = 2e-6	# for each name of the zone; its changes wait meanwhile
    compared_bytes: float = 25
    memory_bytes: float = 400	# for each user
    update_bytes: float = 41	# for each changed name, both ways


@dataclasses.dataclass(frozen=True)
class Secondary:
    """NSD: processor time of all its processes, while it took in 100,000 changes."""
    interval_s: float = 1.0		# between two times that it takes changes in
    transfer_s: float = 0.010
    changed_s: float = 9e-6


CDB_MAX = 1 << 32	# bytes: its offsets have 32 bits


@dataclasses.dataclass(frozen=True)
class Machine:
    """One machine with tinydns, for each user with one name; measured with a million."""
    database_bytes: dict = dataclasses.field(default_factory=lambda: {'A': 65, 'AAAA': 77, 'both': 142})
    memory_bytes: float = 118	# of dns-updater
    watch_bytes: float = 1270	# of the kernel, for an inotify watch; nothing with fanotify
    warm_s: float = 4.8e-6
    cold_s: float = 44e-6	# of one disk, by eight threads
    rebuild_s: float = 55e-9	# of the database


MACHINE = Machine()


@dataclasses.dataclass(frozen=True)
class Site:
    """One primary, and who writes to it and reads from it. by_updater: each dns-updater has zones
    of its own; otherwise each writes to all of them."""
    users: int
    server: Server
    updaters: int = 1
    zones: int = 1
    by_updater: bool = False
    workers: int = 4		# of the primary: transactions at once, for different zones
    secondaries: int = 2
    round_trip_s: float = 0.0005
    link_bytes_s: float = 125e6
    updater: Updater = Updater()
    secondary: Secondary = Secondary()

    def zones_of(self, updater):
        if self.by_updater:
            return range(updater % self.zones, self.zones, self.updaters)
        return range(self.zones)

    def pairs(self):
        return [(u, z) for u in range(self.updaters) for z in self.zones_of(u)]

    def writers(self):
        """Of a zone, at most."""
        return math.ceil(len(self.pairs()) / self.zones)


@dataclasses.dataclass(frozen=True)
class Load:
    """day: changes for each user and day, `peak` times as many at the busy hour. wave: the part of the users who
    get another address within wave_s, evenly. Without one, seconds of the busy hour."""
    day: float = 1.0
    peak: float = 2.0
    wave: float = 0.0
    wave_s: float = 300.0
    seconds: float = 60.0

    def pieces(self, users):
        """[(seconds, changes a second)]"""
        rate = users * self.day / 86400
        if not self.wave:
            return [(self.seconds, rate * self.peak)]
        return [(LEAD_S, rate), (self.wave_s, rate + users * self.wave / self.wave_s)]


def capacity(site):
    """{part: changes a second that it can take at most}, with full messages. The smallest is reached first.
    Of those who write to a zone of Knot half are in a transaction while the others wait for it."""
    s = site
    full = s.updater.batch * (max(1, s.writers() / 2) if s.server.gathers else 1)
    zone = full / s.server.takes(s.users / s.zones, full)
    transfers = s.zones * s.secondary.transfer_s / s.secondary.interval_s
    return {
        'dns-updater': s.updaters / (s.updater.changed_s + s.updater.message_s / s.updater.batch),
        'primary': min(s.workers, s.zones) * zone,
        'network': s.link_bytes_s / (s.secondaries * s.server.ixfr_bytes),
        'secondary': max(0, 1 - transfers) / s.secondary.changed_s,
    }


class Delays:
    """How long changes took: counts, for there may be a hundred million."""

    def __init__(self):
        self.items = []
        self.n = 0

    def add(self, seconds, n):
        self.items.append((seconds, n))
        self.n += n

    def mean(self):
        return sum(s * n for s, n in self.items) / self.n

    def percentile(self, p):
        self.items.sort()
        below = list(itertools.accumulate(n for _, n in self.items))
        return self.items[bisect.bisect_left(below, math.ceil(self.n * p / 100))][0]


@dataclasses.dataclass
class Result:
    changes: int
    seconds: float		# in which they were made
    primary: Delays
    secondary: Delays
    last_primary_s: float	# from the last change until the primary has everything
    last_secondary_s: float	# and the secondary
    waiting: int		# at the dns-updaters, together: the most there were
    messages: int
    transactions: int

    @property
    def rate(self):
        return self.changes / self.seconds


class Zone:
    def __init__(self):
        self.running = False
        self.asked = False		# for a worker
        self.inbox = []			# messages: (sender, names, lumps)
        self.committed = []		# lumps that the secondary does not have
        self.transfer_due = False
        self.last_transfer = -math.inf
        self.second, self.pause = -1, 0.0


class Sender:
    """A dns-updater and a zone."""

    def __init__(self, updater, zone):
        self.updater, self.zone = updater, zone
        self.queue = collections.deque()
        self.under_way = False


def arrivals(site, load, rng):
    """(time, how many) of lumps. As many changes as there should be on average, or very nearly."""
    pieces = load.pieces(site.users)
    lump = max(1, round(sum(s * rate for s, rate in pieces) / LUMPS))
    begin = 0.0
    for seconds, rate in pieces:
        t = rng.expovariate(rate / lump) if rate else seconds
        while t < seconds:
            yield begin + t, lump
            t += rng.expovariate(rate / lump)
        begin += seconds


class Simulation:
    def __init__(self, site, load, seed):
        self.site, self.load = site, load
        self.rng = random.Random(seed)
        self.events = []		# (time, number, function, argument)
        self.numbers = itertools.count()
        self.zones = [Zone() for _ in range(site.zones)]
        self.names = site.users / site.zones
        self.senders = {}
        self.updater_free = [0.0] * site.updaters
        self.idle_workers = site.workers
        self.for_worker = collections.deque()
        self.secondary_free = 0.0
        self.at_primary, self.at_secondary = Delays(), Delays()
        self.waiting = self.most_waiting = self.messages = self.transactions = 0
        self.last_end = self.last_transfer = 0.0

    def at(self, time, function, argument):
        heapq.heappush(self.events, (time, next(self.numbers), function, argument))

    # ---- the dns-updaters

    def sender(self, updater, zone):
        return self.senders.setdefault((updater, zone), Sender(updater, self.zones[zone]))

    def pick(self, some):
        return some[int(self.rng.random() * len(some))]

    def change(self, now, lump):
        """Users are spread evenly."""
        updater = self.pick(range(self.site.updaters))
        sender = self.sender(updater, self.pick(self.site.zones_of(updater)))
        sender.queue.append((now, lump))
        self.waiting += lump
        self.most_waiting = max(self.most_waiting, self.waiting)
        if not sender.under_way:
            self.send(now, sender)

    def send(self, now, sender):
        lumps, names = [], 0
        while sender.queue and names < self.site.updater.batch:
            born, n = sender.queue.popleft()
            take = min(n, self.site.updater.batch - names)
            lumps.append((born, take))
            names += take
            if take < n:
                sender.queue.appendleft((born, n - take))
        self.waiting -= names
        sender.under_way = True
        cost = self.site.updater.message_s + self.site.updater.changed_s * names
        begin = max(now, self.updater_free[sender.updater])
        self.updater_free[sender.updater] = begin + cost
        self.messages += 1
        self.at(begin + cost + self.site.round_trip_s / 2, self.arrive, (sender, names, lumps))

    def acked(self, now, sender):
        sender.under_way = False
        if sender.queue:
            self.send(now, sender)

    def compare(self, now, sender):
        """Somebody else writes to the zone: all of it is fetched, and changes wait. While a message
        is under way it waits, too."""
        if sender.under_way:
            self.at(now + self.site.server.takes(self.names, 1), self.compare, sender)
            return
        sender.under_way = True
        self.at(now + self.site.updater.compared_s * self.names, self.acked, sender)

    def plan_comparisons(self, end):
        each = self.site.updater.rescan_s
        if self.site.writers() == 1 or not each:
            return
        for updater, zone in self.site.pairs():
            sender = self.sender(updater, zone)
            t = self.rng.random() * each
            while t < end:
                self.at(t, self.compare, sender)
                t += each

    # ---- the primary

    def arrive(self, now, message):
        zone = message[0].zone
        zone.inbox.append(message)
        if not zone.running and not zone.asked:
            zone.asked = True
            self.at(self.resumes(now, zone), self.ask_worker, zone)

    def resumes(self, now, zone):
        """When a zone that has nothing to do takes up something: now, or after its pause."""
        if not self.site.server.pauses:
            return now
        second = math.floor(now)
        if zone.second != second:
            zone.second, zone.pause = second, second + pause_begins(self.rng)
        return second + 1.0 if now > zone.pause else now

    def ask_worker(self, now, zone):
        self.for_worker.append(zone)
        self.serve(now)

    def serve(self, now):
        while self.idle_workers and self.for_worker:
            self.begin(now, self.for_worker.popleft())

    def begin(self, now, zone):
        n = len(zone.inbox) if self.site.server.gathers else 1
        messages, zone.inbox = zone.inbox[:n], zone.inbox[n:]
        took = self.site.server.takes(self.names, sum(m[1] for m in messages))
        zone.running, zone.asked = True, False
        self.idle_workers -= 1
        self.transactions += 1
        self.at(now + took, self.end, (zone, messages))

    def end(self, now, what):
        zone, messages = what
        zone.running = False
        self.last_end = now
        self.idle_workers += 1
        for sender, _, lumps in messages:
            for born, n in lumps:
                self.at_primary.add(now - born, n)
            zone.committed += lumps
            self.at(now + self.site.round_trip_s / 2, self.acked, sender)
        if zone.inbox:
            zone.pause = max(zone.pause, now + NO_PAUSE_S)
            zone.asked = True
            self.ask_worker(now, zone)
        self.serve(now)
        self.tell_secondary(now, zone)

    # ---- the secondary

    def tell_secondary(self, now, zone):
        if not zone.transfer_due:
            zone.transfer_due = True
            due = max(now + self.site.server.notify_s, zone.last_transfer + self.site.secondary.interval_s)
            self.at(due, self.transfer, zone)

    def transfer(self, now, zone):
        resumes = now if zone.running else self.resumes(now, zone)
        if resumes > now:
            self.at(resumes, self.transfer, zone)
            return
        zone.transfer_due, zone.last_transfer = False, now
        lumps, zone.committed = zone.committed, []
        cost = self.site.secondary.transfer_s + self.site.secondary.changed_s * sum(n for _, n in lumps)
        self.secondary_free = max(now, self.secondary_free) + cost
        self.last_transfer = self.secondary_free
        for born, n in lumps:
            self.at_secondary.add(self.secondary_free - born, n)

    # ---- all of it

    def run(self):
        changes, last_change = 0, 0.0
        seconds = sum(s for s, _ in self.load.pieces(self.site.users))
        self.plan_comparisons(seconds)
        for born, lump in arrivals(self.site, self.load, self.rng):
            self.advance(born)
            self.change(born, lump)
            changes += lump
            last_change = born
        self.advance(math.inf)
        return Result(changes, seconds, self.at_primary, self.at_secondary, self.last_end - last_change,
                      self.last_transfer - last_change, self.most_waiting, self.messages, self.transactions)

    def advance(self, until):
        while self.events and self.events[0][0] <= until:
            time, _, function, argument = heapq.heappop(self.events)
            function(time, argument)


def run(site, load, seed=1):
    return Simulation(site, load, seed).run()
