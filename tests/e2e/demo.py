#!/usr/bin/env python3
"""demo.py - the main job on real input, against a running jobd.

Digests every file of a tree, copies a few large ones, waits on thousands of timers and answers inline calls,
all at the same time; compares digests with sha256sum and copies with the originals; prints which lane ran
what, why, and how long it took.  Exit status 0 only when every result is right.
"""

import argparse
import base64
import filecmp
import os
import stat
import subprocess
import sys
import threading
import time

from jobd_client import Client

LARGE_COPIES = 4
LARGE_COPY_BYTES_MAX = 256 << 20
MAX_LINE_BYTES = 16 << 20


def regular_files(tree, limit):
    """Regular files below tree in order of their names, symbolic links not followed."""
    found = []
    for directory, below, names in os.walk(tree):
        below.sort()
        for name in sorted(names):
            path = os.path.join(directory, name)
            try:
                path.encode()
                info = os.lstat(path)
            except (OSError, UnicodeEncodeError):
                continue
            if stat.S_ISREG(info.st_mode) and os.access(path, os.R_OK):
                found.append((path, info.st_size))
                if len(found) == limit:
                    return found
    return found


def sha256sum(paths):
    """Digests by one process of coreutils, one file after the other."""
    out = subprocess.run(['sha256sum', '-z', '--'] + paths, stdout=subprocess.PIPE, check=True).stdout
    return [entry.split(b' ', 1)[0].lstrip(b'\\').decode() for entry in out.split(b'\0')[:-1]]


def percentile(sorted_values, share):
    return sorted_values[min(len(sorted_values) - 1, int(len(sorted_values) * share))]


class Part:
    """One kind of work, on a connection of its own, in a thread of its own."""

    def __init__(self, address, name, what, timed):
        self.name = name
        self.what = what        # what ran
        self.timed = timed      # what p50 and p99 measure
        self.client = Client(address, timeout=600,
                             hello={'client': 'demo ' + name, 'max_line_bytes': MAX_LINE_BYTES})
        self.ids = []
        self.times_ms = []
        self.seconds = 0.0
        self.wrong = []
        self.failed = None
        self.thread = threading.Thread(target=self.work)

    def work(self):
        start = time.monotonic()
        try:
            self.run()
        except Exception as e:      # shown at the end; the other parts go on
            self.failed = e
        self.seconds = time.monotonic() - start

    def outcomes(self, jobs):
        """Hands in jobs, waits for all; their results."""
        self.ids = self.client.submit_many(jobs)
        found = self.client.wait_all(self.ids)
        for outcome in found:
            if outcome['state'] != 'succeeded':
                raise AssertionError('job %d: %s' % (outcome['id'], outcome))
        return [outcome['result'] for outcome in found]

    def attempt_times(self):
        """How long each job's last attempt ran, as jobd recorded it."""
        jobs = self.client.call_many([('job.get', {'id': i}) for i in self.ids])
        return [job['attempts'][-1]['ended_ms'] - job['attempts'][-1]['started_ms'] for job in jobs]

    def after(self):
        """Once all is quiet: times, route."""
        if not self.ids or self.failed:
            return
        self.times_ms = sorted(self.measured())
        route = self.client.call('job.explain', id=self.ids[-1])['route']
        self.lane = route['lane']
        last = route['questions'][-1]
        self.why = '%s %s: %s' % (last['question'], last['answer'], last['evidence'])

    def measured(self):
        return self.attempt_times()


class Digests(Part):
    def __init__(self, address, files, want):
        super().__init__(address, 'digest', 'file.digest', 'run')
        self.files, self.want = files, want

    def run(self):
        results = self.outcomes([{'type': 'file.digest', 'args': {'path': path, 'algorithm': 'sha256'}}
                                 for path in self.files])
        self.wrong = [path for path, result, want in zip(self.files, results, self.want)
                      if result['digest'] != want]


class Copies(Part):
    def __init__(self, address, pairs):
        super().__init__(address, 'copy', 'file.copy', 'run')
        self.pairs = pairs

    def run(self):
        self.outcomes([{'type': 'file.copy', 'args': {'from': source, 'to': to}}
                       for source, to in self.pairs])

    def compare(self):
        self.wrong = [to for source, to in self.pairs if not filecmp.cmp(source, to, shallow=False)]


class Timers(Part):
    def __init__(self, address, count):
        super().__init__(address, 'timers', 'sleep', 'lateness')
        self.asked_ms = [1000 + i * 2000 // count for i in range(count)]

    def run(self):
        self.outcomes([{'type': 'sleep', 'args': {'ms': ms}} for ms in self.asked_ms])

    def measured(self):
        times = self.attempt_times()
        self.wrong = [i for i, ran, asked in zip(self.ids, times, self.asked_ms) if ran < asked - 1]
        return [ran - asked for ran, asked in zip(times, self.asked_ms)]


class Commands(Part):
    """Lines of files, counted by wc(1): the type is a file of jobs.d."""

    def __init__(self, address, paths):
        super().__init__(address, 'commands', 'lines.count', 'run')
        self.paths = paths

    def run(self):
        results = self.outcomes([{'type': self.what, 'args': {'path': path}} for path in self.paths])
        self.wrong = [path for path, result in zip(self.paths, results)
                      if int(result['stdout'].split()[0]) != self.lines(path)]

    @staticmethod
    def lines(path):
        with open(path, 'rb') as f:
            return f.read().count(b'\n')


class Pictures(Part):
    """Rows of the Mandelbrot set, computed by the Python processes of examples/python-worker."""

    WIDTH, HEIGHT, ROWS = 240, 160, 8

    def __init__(self, address):
        super().__init__(address, 'pictures', 'mandelbrot.rows', 'run')

    def run(self):
        args = [{'width': self.WIDTH, 'height': self.HEIGHT, 'first': first, 'count': self.ROWS}
                for first in range(0, self.HEIGHT, self.ROWS)]
        rows = b''.join(map(base64.b64decode,
                            self.outcomes([{'type': self.what, 'args': one} for one in args])))
        here = b''.join(map(self.row, range(self.HEIGHT)))
        self.wrong = [y for y in range(self.HEIGHT)
                      if rows[y * self.WIDTH:][:self.WIDTH] != here[y * self.WIDTH:][:self.WIDTH]]

    def row(self, y):
        """The same, computed here."""
        c = (complex(3 * x / self.WIDTH - 2.2, 2.4 * y / self.HEIGHT - 1.2) for x in range(self.WIDTH))
        return bytes(map(self.steps, c))

    @staticmethod
    def steps(c):
        z = 0j
        for n in range(200):
            z = z * z + c
            if z.real * z.real + z.imag * z.imag > 4:
                return 1 + n % 255
        return 0


class Echoes(Part):
    """One inline call after the other for as long as anything else works."""

    def __init__(self, address, others):
        super().__init__(address, 'echo', 'echo', 'round trip')
        self.others = others

    def run(self):
        n = 0
        while n < 100 or any(part.thread.is_alive() for part in self.others):
            start = time.monotonic()
            outcome = self.client.run('echo', {'n': n})
            self.times_ms.append((time.monotonic() - start) * 1000)
            if outcome['result'] != {'n': n}:
                self.wrong.append(n)
            self.ids.append(outcome['id'])
            n += 1
            time.sleep(0.001)       # a steady trickle: it measures the others' influence, not itself

    def measured(self):
        return self.times_ms


def milliseconds(value):
    if value == 0:
        return '<1'         # jobd records whole milliseconds
    return '%.2f' % value if value < 10 else '%.0f' % value


def table(parts, alone_seconds, digest_bytes):
    row = '%-15s %-8s %6s %6s %9s %9s %9s  %s'
    print(row % ('type', 'lane', 'jobs', 'wrong', 'p50 ms', 'p99 ms', 'total s', 'p50 and p99 are'))
    for part in parts:
        print(row % (part.what, part.lane, len(part.ids), len(part.wrong),
                     milliseconds(percentile(part.times_ms, 0.50)),
                     milliseconds(percentile(part.times_ms, 0.99)),
                     '%.2f' % part.seconds, part.timed))
    print()
    for part in parts:
        print('%-15s in lane %-8s %s' % (part.what, part.lane, part.why))
    digests = parts[0]
    print('\n%d digests of %.1f MB: %.2f s by jobd, with everything else at the same time; '
          '%.2f s by one sha256sum process, one file after the other, alone: %.1fx'
          % (len(digests.ids), digest_bytes / 1e6, digests.seconds, alone_seconds,
             alone_seconds / digests.seconds))


def large_files(tree, files):
    """The largest files of the tree's first million that are sensible to copy."""
    sizes = [(size, path) for path, size in (files or regular_files(tree, 1000000))
             if 0 < size <= LARGE_COPY_BYTES_MAX]
    return [path for _, path in sorted(sizes)[-LARGE_COPIES:]]


def main():
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    p.add_argument('address', help='unix:PATH of a jobd whose files.roots hold TREE and COPIES, and which keeps\n'
                   'enough finished jobs (jobs.keep_finished)')
    p.add_argument('tree', help='directory whose files are digested')
    p.add_argument('copies', help='directory for the copies')
    p.add_argument('--files', type=int, default=5000, help='digest at most so many files')
    p.add_argument('--timers', type=int, default=5000)
    p.add_argument('--types', action='store_true',
                   help='there are lines.count, and a pool for examples/python-worker')
    p.add_argument('--large-from', help='directory to take the large files from (the tree)')
    o = p.parse_args()

    files = regular_files(o.tree, o.files)
    paths = [path for path, _ in files]
    if not paths:
        sys.exit('demo.py: no regular file below %s' % o.tree)
    want = sha256sum(paths)         # the truth; it also brings the files into memory for both sides
    start = time.monotonic()
    sha256sum(paths)
    alone = time.monotonic() - start

    large = large_files(o.large_from, None if o.large_from else files)
    pairs = [(source, os.path.join(o.copies, 'copy-%d' % i)) for i, source in enumerate(large)]
    working = [Digests(o.address, paths, want), Copies(o.address, pairs), Timers(o.address, o.timers)]
    if o.types:
        working += [Commands(o.address, paths[:200]), Pictures(o.address)]
    parts = working + [Echoes(o.address, working)]
    print('digest %d files of %s, copy %d files of %.1f MB in all, %d timers of 1 to 3 s, inline calls all '
          'the while' % (len(paths), o.tree, len(pairs), sum(map(os.path.getsize, large)) / 1e6, o.timers))
    for part in parts:
        part.thread.start()
    for part in parts:
        part.thread.join()
    for part in parts:
        if part.failed:
            sys.exit('demo.py: %s: %s' % (part.what, part.failed))
    working[1].compare()
    for part in parts:
        part.after()
    print()
    table(parts, alone, sum(size for _, size in files))
    wrong = sum(len(part.wrong) for part in parts)
    if wrong:
        sys.exit('demo.py: %d results are wrong' % wrong)
    print('digests equal those of sha256sum, copies equal their originals, no timer was early, '
          'every echo came back%s' % (', lines are counted, the picture is right' if o.types else ''))


if __name__ == '__main__':
    main()
