# SPDX-FileCopyrightText: 2026 The dns-updater authors
# SPDX-License-Identifier: ISC
"""The figures of tests/bench/run: as CSV, as tables, as charts, and as a page."""

import csv
import statistics
import subprocess


def rounded(x):
    """Three digits."""
    if isinstance(x, str):
        return x
    if x == 0 or abs(x) >= 100:
        return f'{int(float(f"{x:.3g}")):,}' if x else '0'
    return f'{float(f"{x:.3g}"):g}'


def sized(n):
    return f'{n // 10 ** 6} M' if n >= 10 ** 6 else f'{n // 1000} k' if n >= 1000 else str(n)


class Figures:
    """Rows (part, size, way, metric, unit, round, value), and the median over rounds of each."""

    COLUMNS = ('part', 'size', 'way', 'metric', 'unit', 'round', 'value')

    def __init__(self):
        self.rows = []

    def add(self, *row):
        self.rows.append(row)

    def save(self, path):
        with open(path, 'w', newline='') as f:
            writer = csv.writer(f, lineterminator='\n')
            writer.writerow(self.COLUMNS)
            writer.writerows(row[:6] + (float(f'{row[6]:.6g}') if isinstance(row[6], float) else row[6],)
                             for row in self.rows)

    @classmethod
    def load(cls, path):
        figures = cls()
        with open(path, newline='') as f:
            for row in csv.DictReader(f):
                value = row['value'] if row['unit'] == 'text' else float(row['value'])
                figures.add(row['part'], int(row['size']), row['way'], row['metric'], row['unit'],
                            int(row['round']), value)
        return figures

    def get(self, part, size, way, metric):
        values = [row[6] for row in self.rows if (row[0], row[1], row[2], row[3]) == (part, size, way, metric)]
        if not values or isinstance(values[0], str):
            return values[0] if values else None
        return max(values) if metric in ('max', 'wrong', 'late') else statistics.median(values)

    def of(self, part, column):
        """The different values of a column (1 size, 2 way, 3 metric), in order of appearance."""
        return list(dict.fromkeys(row[column] for row in self.rows if row[0] == part))

    def unit(self, part, metric):
        return next((row[4] for row in self.rows if row[0] == part and row[3] == metric), '')


PYTHON, MAKE = 'Python + pyinotify', 'makecommand'
INOTIFY, FANOTIFY = 'database, inotify', 'database, fanotify'

TITLES = {
    'latency': ('From close(2) to the changed answer',
                'One change after the other: with a database the next 20 ms after the last was visible, else 1.1 s. The time of one query of tinydns is in '
                'each figure. `limit` is what others take alone: nothing of ours runs then. A change wakes three processes, one '
                'after the other: dns-updater, tinydns, and who asks. He asks without a pause for 2.5 ms, and then '
                'each time after a fiftieth of the time waited, so that figure may be 2 % too long. '
                'A 99th percentile is told for 100 samples and more; max is of all rounds.'),
    'burst': ('All users at once',
              'Homes on a tmpfs, one writer without a pause; peers get as many changes as they can do in some seconds. '
              '`late` were not right yet when the last one was, `wrong` did not become right.'),
    'sustained': ('Changes without a pause, homes on a disk',
                  'One writer, all users in turn, again and again: it is the writer, open(2) and close(2) of an '
                  'existing file, who limits this.'),
    'memory': ('Memory', 'All processes of each way, program and libraries included, once the text and the state that '
               'follow a start are written; what they share counts once (Pss), but in the peak. The kernel\'s is the '
               'difference in slabs after clean caches were dropped: an inotify watch also keeps its directory in '
               'memory. Homes on a disk.'),
    'start': ('From exec to ready', 'Cold: after all caches of the machine were dropped.'),
    'rfc2136': ('Name servers, RFC 2136', 'By `tests/bench/servers`; asked by a Python program, whose time is in these '
                'figures, but sustained: there a program in C writes. Alone is what the server takes from somebody who has '
                'nothing else to do, and all his messages ready.'),
    'http': ('The front end, requests a second', 'By `tests/bench/http`, with a connection for each request.'),
}

# (what, [(size, target)], value(figures, size), whether more is better)
TARGETS = (
    ('a changed address, p50, ms', [(10**3, .30), (10**5, .35), (10**6, .35)],
     lambda f, n: f.get('latency', n, INOTIFY, 'p50'), False),
    ('a changed address, p99, ms', [(10**3, .6), (10**5, .6), (10**6, .8)],
     lambda f, n: f.get('latency', n, INOTIFY, 'p99'), False),
    ('a name added, p50, ms', [(10**3, .7), (10**5, 4), (10**6, 40)],
     lambda f, n: f.get('latency', n, INOTIFY + ', a name added', 'p50'), False),
    ('a name added, p99, ms', [(10**3, 1.2), (10**5, 10), (10**6, 60)],
     lambda f, n: f.get('latency', n, INOTIFY + ', a name added', 'p99'), False),
    ('makecommand, beyond tinydns-data alone, ms', [(10**3, 2)], lambda f, n: minus(f.get('latency', n, MAKE, 'p50'),
     f.get('latency', n, 'limit: tinydns-data alone', 'p50')), False),
    ('makecommand, times tinydns-data alone', [(10**5, 1.1), (10**6, 1.1)],
     lambda f, n: ratio(f.get('latency', n, MAKE, 'p50'), f.get('latency', n, 'limit: tinydns-data alone', 'p50')), False),
    ('times faster than the Python way', [(10**3, 15), (10**5, 200), (10**6, 2000)],
     lambda f, n: ratio(f.get('latency', n, PYTHON, 'p50'), f.get('latency', n, INOTIFY, 'p50')), True),
    ('burst, changes a second', [(10**5, 90000), (10**6, 90000)],
     lambda f, n: f.get('burst', n, FANOTIFY, 'changes a second'), True),
    ('resident, bytes a user', [(10**5, 140), (10**6, 140)],
     lambda f, n: f.get('memory', n, FANOTIFY, 'resident a user'), False),
    ('start, warm, s', [(10**5, .4), (10**6, 4)], lambda f, n: f.get('start', n, FANOTIFY, 'warm'), False),
    ('Knot, sustained, changes a second', [(10**5, 20000), (10**6, 10000)],
     lambda f, n: f.get('rfc2136', n, 'Knot', 'sustained, changes/s'), True),
    ('BIND, sustained, changes a second', [(10**5, 40000), (10**6, 40000)],
     lambda f, n: f.get('rfc2136', n, 'BIND', 'sustained, changes/s'), True),
    ('front end, nochg, of nginx', [(0, .7)], lambda f, n: ratio(
        f.get('http', n, 'dns-updater-http, plain', 'nochg'), f.get('http', n, 'nginx', 'nochg')), True),
)


def ratio(a, b):
    return a / b if a and b else None


def minus(a, b):
    return a - b if a and b else None


def markdown(rows):
    head, *rest = rows
    return '\n'.join('| ' + ' | '.join(row) + ' |' for row in [head, ['---'] * len(head), *rest]) + '\n'


def table(figures, part, size):
    """Ways down, metrics across; the ratio is to the Python way's median."""
    metrics = [m for m in figures.of(part, 3) if any(figures.get(part, size, w, m) is not None
                                                    for w in figures.of(part, 2))]
    if part == 'latency':	# whose first way may have too few samples for the second
        metrics = [m for m in ('p50', 'p99', 'max', 'samples') if m in metrics]
    units = [figures.unit(part, m) for m in metrics]
    heads = [f'{m}, {u}' if u and u != '/s' else m for m, u in zip(metrics, units)]
    first = metrics[0] if metrics else None
    base = figures.get(part, size, PYTHON, first)
    rows = [[sized(size) + ' users' if size else '', *heads] + (['times better than Python'] if base else [])]
    for way in figures.of(part, 2):
        values = [figures.get(part, size, way, m) for m in metrics]
        if all(v is None for v in values):
            continue
        row = [way] + ['' if v is None else rounded(v) for v in values]
        if base:
            better = ratio(values[0], base) if units[0] == '/s' else ratio(base, values[0])
            row.append('' if way.startswith('limit') or not better else rounded(better))
        rows.append(row)
    return markdown(rows) if len(rows) > 1 else ''


def targets(figures):
    rows = [['', 'users', 'target', 'measured', '']]
    for what, sizes, value, more in TARGETS:
        for size, target in sizes:
            v = value(figures, size)
            if v is not None:
                met = v >= target if more else v <= target
                rows.append([what, sized(size) if size else '', ('≥ ' if more else '≤ ') + rounded(target), rounded(v),
                             '' if met else '**missed**'])
    return markdown(rows) if len(rows) > 1 else ''


def part_text(figures, part, chart=''):
    title, about = TITLES[part]
    tables = '\n'.join(filter(None, (table(figures, part, size) for size in sorted(set(figures.of(part, 1))))))
    return f'## {title}\n\n{about}\n\n{chart}{tables}'


def parts(figures):
    return [part for part in TITLES if figures.of(part, 1)]


def tables(figures):
    return '\n'.join(part_text(figures, part) for part in parts(figures))


# (file, part, metric, title)
CHARTS = (
    ('latency', 'latency', 'p50', 'close(2) to the changed answer, median, ms'),
    ('burst', 'burst', 'changes a second', 'changes a second, all users at once'),
    ('memory', 'memory', 'resident a user', 'resident memory, bytes a user'),
    ('start', 'start', 'warm', 'from exec to ready, warm, s'),
)


def chart(figures, name, part, metric, title, directory):
    """Both axes logarithmic, a line for each way; False without figures of several sizes."""
    plots, data = [], ''
    for way in figures.of(part, 2):
        points = [(n, figures.get(part, n, way, metric)) for n in sorted(set(figures.of(part, 1)))]
        points = [(n, v) for n, v in points if v]
        if points:
            plots.append(f'"-" with linespoints title "{way}"')
            data += ''.join(f'{n} {v}\n' for n, v in points) + 'e\n'
    if len(set(figures.of(part, 1))) < 2:
        return False
    script = f'''set terminal svg size 800,450 background 'white' name '{name}'
set logscale xy
set xlabel 'users'
set ylabel '{title}'
set format x '%.0s%c'
set offsets graph 0.05, graph 0.05, graph 0.05, graph 0.05
set grid
set key outside bottom center horizontal maxcols 2
plot {", ".join(plots)}
{data}'''
    with open(directory / f'{name}.svg', 'wb') as f:
        subprocess.run(['gnuplot', '-'], input=script.encode(), stdout=f, check=True)
    return True


HEAD = '''<!--
SPDX-FileCopyrightText: 2026 The dns-updater authors
SPDX-License-Identifier: ISC
-->
# Performance

Made by `tests/bench/run`: dns-updater and its peers on one machine, in one run, unless another is named. All figures are medians of rounds, and in
[performance/figures.csv](performance/figures.csv), each round by itself. Quote ratios, for machines differ.

* **database**: dns-updater writes tinydns's database itself; a changed address is written into a second file, which takes
  the place of the first one, and a name that comes or goes means a new file. `publish_interval` is 1s: the text follows
  by the second, while changes are measured.
* **makecommand**: dns-updater writes the text, tinydns-data makes the database; `publish_interval` is 0.
* **Python + pyinotify**: `tests/bench/python_updater.py`, a script in the manner of many: the whole section anew, and make, for each change.
* **inotifywait + make**: `tests/bench/shell_updater`, a shell loop with sed.
'''


def origins(figures):
    """Where the figures are from, unless all are of one run."""
    places = {}
    for part, size, way, *_, value in figures.rows:
        if part == 'origin':
            places.setdefault(value, []).append(f'{way} {sized(size)}' if size else way)
    rows = [['these figures', 'were measured on'], *([', '.join(what), place] for place, what in places.items())]
    return '\n' + markdown(rows) if len(places) > 1 else ''


def write(figures, out):
    """OUT/performance.md, and the charts beside the CSV."""
    directory = out / 'performance'
    text = HEAD + '\n| | |\n| --- | --- |\n'
    text += ''.join(f'| {key} | {figures.get("machine", 0, key, "is")} |\n' for key in figures.of('machine', 2))
    text += origins(figures)
    if targets(figures):
        text += '\n## Against what was aimed at\n\n' + targets(figures)
    charts = {part: name for name, part, metric, title in CHARTS
              if chart(figures, name, part, metric, title, directory)}
    for part in parts(figures):
        image = f'![{TITLES[part][0]}](performance/{charts[part]}.svg)\n\n' if part in charts else ''
        text += '\n' + part_text(figures, part, image)
    failed = figures.of('failed', 2)
    if failed:
        text += '\n## Not measured\n\nThese failed in this run:\n\n' + ''.join(
            f'* {what}: {figures.get("failed", 0, what, "because")}\n' for what in failed)
    (out / 'performance.md').write_text(text)
