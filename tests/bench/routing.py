#!/usr/bin/env python3
"""routing.py - measured routing beside every fixed choice of lane, with types that lie about themselves.

Closed loops, each type alone and then all at once; on the machine as it is, and with one busy process per core.
A choice: all types pinned to the threads, to the processes, to the event loop; or measured (mode auto).  ROUNDS
(5) rounds, in each of them every choice once.  Targets: each type within 15 % of its best fixed choice, and on
the mix better than every single fixed choice.  About four minutes; the exit status says nothing of targets.

    JOBD_BUILD=build python3 tests/bench/routing.py
"""

import math
import os
import signal
import statistics
import subprocess
import sys
import tempfile

import bench
from jobd_test import SOURCE, Daemon

CORES = os.cpu_count()
WARM_MS, MEASURE_MS = 250, 750
MIX_MS = 1500
DRAIN_MS = 10000
CHOICES = ('thread', 'process', 'async', 'measured')
# what it says, what it does: type, calls in flight, argument
TYPES = {
    'says it waits, computes 10 ms': ('bench.says_waits', CORES, '{"cpu_us":10000}'),
    'says it computes, waits 5 ms': ('bench.says_computes', 200, '{"wait_us":5000}'),
    'says it is asynchronous, blocks 60 ms': ('bench.blocks', 48, '{"wait_us":60000}'),
}
MIX = dict(TYPES, **{
    'says it waits, computes 10 ms': ('bench.says_waits', CORES, '{"cpu_us":1000}|{"cpu_us":1000}|{"cpu_us":28000}'),
    'says it computes, waits 5 ms': ('bench.says_computes', 200, '{"wait_us":1000}|{"wait_us":1000}|{"wait_us":13000}'),
})


def build(directory):
    """The client, unless run.sh has built it."""
    if bench.PROGRAMS:
        return bench.tool('streams')
    program = os.path.join(directory, 'streams')
    subprocess.run([os.environ.get('CC', 'cc'), '-std=gnu17', '-O2', '-D_GNU_SOURCE', '-I' + SOURCE, '-o', program,
                    os.path.join(SOURCE, 'tests', 'bench', 'streams.c')], check=True)
    return program


class Load:
    """One busy process per core, or nothing."""

    def __init__(self, on):
        self.on, self.running = on, []

    def __enter__(self):
        for _ in range(CORES if self.on else 0):
            self.running.append(subprocess.Popen([sys.executable, '-c', 'while True: pass']))

    def __exit__(self, *_):
        for process in self.running:
            process.send_signal(signal.SIGKILL)
            process.wait()


class Bench:
    def __init__(self, jobd, program):
        self.jobd, self.program, self.c = jobd, program, jobd.client()

    def choose(self, choice):
        wish = {'mode': 'auto'} if choice == 'measured' else {'lane': choice}
        for type, _, _ in TYPES.values():
            self.c.call('type.pin', name=type, **wish)

    def run(self, streams, measure_ms):
        """[(jobs per second, p50 us, p99 us)] of the streams.  What the client left open has ended afterwards."""
        words = [str(word) for stream in streams for word in stream]
        out = subprocess.run([self.program, self.jobd.unix, '', str(WARM_MS), str(measure_ms)] + words,
                             stdout=subprocess.PIPE, check=True).stdout
        self.idle()
        return [tuple(float(x) for x in line.split()) for line in out.decode().splitlines()]

    def idle(self):
        left = [j['id'] for state in ('ready', 'running')
                for j in self.c.items('job.list', filter={'state': state})]
        for at in range(0, len(left), 1000):
            self.c.call('job.wait', ids=left[at:at + 1000], timeout_ms=DRAIN_MS)

    def learn(self):
        """Each type is measured once by itself, as it would be in its first second of life."""
        self.choose('measured')
        for stream in TYPES.values():
            self.run([stream], 300)

    def rounds(self, streams, measure_ms):
        """{choice: [median of (rate, p50, p99) for each stream]}"""
        seen = {choice: [] for choice in CHOICES}
        for _ in range(bench.ROUNDS):
            for choice in CHOICES:
                self.choose(choice)
                seen[choice].append(self.run(streams, measure_ms))
        return {choice: [tuple(statistics.median(run[i][k] for run in runs) for k in range(3))
                         for i in range(len(streams))] for choice, runs in seen.items()}

    def lane(self, type):
        return self.c.call('type.show', name=type)['lane']


def mean(values, least):
    """Geometric: a type that is ten times slower counts as much as one that is ten times faster."""
    return math.exp(statistics.fmean(math.log(max(v, least)) for v in values))


def show_row(name, lane, results, column, unit, scale=1.0):
    cells = '  '.join('%9.4g' % (r[column] * scale) for r in results)
    print('  %-38s %-8s %s  %s' % (name, unit, cells, lane))


def alone(b, machine):
    for name, stream in TYPES.items():
        results = b.rounds([stream], MEASURE_MS)
        rows = [results[choice][0] for choice in CHOICES]
        b.choose('measured')
        show_row(name, b.lane(stream[0]), rows, 0, 'jobs/s')
        show_row('', '', rows, 2, 'p99 ms', 1e-3)
        best = max(row[0] for row in rows[:-1])
        bench.TABLE.add('each type within 15 % of its best fixed choice', '%s, %s' % (name, machine),
                        rows[-1][0] / best, 0.85, at_least=True)


def mixed(b, machine):
    results = b.rounds(list(MIX.values()), MIX_MS)
    for i, name in enumerate(MIX):
        rows = [results[choice][i] for choice in CHOICES]
        show_row('mix: ' + name, '', rows, 0, 'jobs/s')
        show_row('', '', rows, 2, 'p99 ms', 1e-3)
    # of a type of which nothing ended, one job did
    rates = [mean((r[0] for r in results[choice]), 1000 / MIX_MS) for choice in CHOICES]
    tails = [mean((r[2] for r in results[choice]), 1) for choice in CHOICES]
    print('  %-38s %-8s %s' % ('mix: geometric mean', 'jobs/s', '  '.join('%9.4g' % v for v in rates)))
    print('  %-38s %-8s %s' % ('', 'p99 ms', '  '.join('%9.4g' % (v / 1e3) for v in tails)))
    bench.TABLE.add('mix: better than every fixed choice', 'jobs/s beside the best of them, %s' % machine,
                    rates[-1] / max(rates[:-1]), 1.0, at_least=True)
    bench.TABLE.add('mix: better than every fixed choice', 'p99 beside the best of them, %s' % machine,
                    tails[-1] / min(tails[:-1]), 1.0)


def main():
    # the same nice value in every lane: how much a busy machine gives to each is not the question here
    jobd = Daemon('workers.cpu_nice=0', 'log.level=warn', cpu_workers=CORES, io_threads=64)
    try:
        with tempfile.TemporaryDirectory(prefix='jobd-bench-') as directory:
            b = Bench(jobd, build(directory))
            b.learn()
            for loaded in (False, True):
                machine = 'loaded machine' if loaded else 'idle machine'
                print('== %s%s' % (machine, ': %d busy processes' % CORES if loaded else ''))
                print('  %-38s %-8s %s' % ('', '', '  '.join('%9s' % choice for choice in CHOICES)))
                with Load(loaded):
                    alone(b, machine)
                    mixed(b, machine)
                print(flush=True)
    finally:
        jobd.stop()
    bench.TABLE.show()


if __name__ == '__main__':
    main()
