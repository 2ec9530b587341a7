#!/usr/bin/env python3
"""peers.py PROGRAMS - the Speed targets: jobd beside gearmand, beanstalkd and Python's pools.

Each measurement is taken ROUNDS times, the sides in turn, so that a slow moment of the machine meets all of
them; ratios are those of the medians.  Prints a table and says plainly which target is missed; the exit status
is 0 either way, because a benchmark is not a test.
"""

import os
import signal
import socket
import statistics
import subprocess
import sys
import time

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, '..', 'e2e'))
from jobd_test import Daemon  # noqa: E402

ROUNDS = int(os.environ.get('ROUNDS', '5'))
PROGRAMS = sys.argv[1]
INFLIGHT = '100'


def free_port():
    with socket.socket() as s:
        s.bind(('127.0.0.1', 0))
        return s.getsockname()[1]


def wait_for_port(port):
    deadline = time.monotonic() + 10
    while True:
        try:
            return socket.create_connection(('127.0.0.1', port)).close()
        except ConnectionRefusedError:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.02)


class Peers:
    """gearmand with two workers, and beanstalkd; stopped by their pids."""

    def __enter__(self):
        self.processes = []
        self.gearmand, self.beanstalkd = free_port(), free_port()
        self.start('gearmand', '-L', '127.0.0.1', '-p', str(self.gearmand), '-l', 'stderr')
        self.start('beanstalkd', '-l', '127.0.0.1', '-p', str(self.beanstalkd))
        wait_for_port(self.gearmand)
        wait_for_port(self.beanstalkd)
        for _ in range(2):
            self.start(os.path.join(PROGRAMS, 'gearman_worker'), str(self.gearmand))
        return self

    def start(self, *command):
        self.processes.append(subprocess.Popen(command, stdin=subprocess.DEVNULL, stderr=subprocess.DEVNULL))

    def __exit__(self, *_):
        for process in reversed(self.processes):
            process.send_signal(signal.SIGKILL)
            process.wait()


def numbers(*command):
    out = subprocess.run(command, stdout=subprocess.PIPE, check=True).stdout
    return [float(word) for word in out.split()]


class Measurement:
    def __init__(self, name, *command):
        self.name, self.command, self.seen = name, command, []

    def take(self):
        self.seen.append(numbers(*self.command))

    def median(self, column=0):
        return statistics.median(row[column] for row in self.seen)

    def spread(self):
        values = [row[0] for row in self.seen]
        return '%.0f..%.0f' % (min(values), max(values))


def measure(sides):
    for side in sides:
        side.take()
        side.seen.clear()       # warm-up: caches, window samples, grown buffers
    for _ in range(ROUNDS):
        for side in sides:
            side.take()


def show(sides, unit):
    for side in sides:
        print('  %-52s %10.0f %s   (%s)%s' % (side.name, side.median(), unit, side.spread(),
              '  p99 %.0f' % side.median(1) if len(side.seen[0]) > 1 else ''))


def verdict(text, value, good):
    print('  %-62s %6.2f   %s' % (text, value, 'pass' if good else 'MISS'))


def main():
    jobd = Daemon(cpu_workers=2)
    client, python = os.path.join(PROGRAMS, 'jobd_client'), sys.executable
    try:
        with Peers() as peers:
            target = [client, jobd.tcp, jobd.token()]
            gearman = [os.path.join(PROGRAMS, 'gearman_client'), str(peers.gearmand)]
            pool = [python, os.path.join(HERE, 'pool.py')]
            rate = [Measurement('jobd, TCP, process lane, 2 workers', *target, 'rate', '200000', INFLIGHT),
                    Measurement('gearmand, libgearman, 2 C workers', *gearman, 'rate', '30000', INFLIGHT),
                    Measurement('ProcessPoolExecutor.submit, 2 workers', *pool, 'submit', '8000'),
                    Measurement('multiprocessing.Pool.map, chunksize 1, 2 workers', *pool, 'map', '40000')]
            one = [Measurement('jobd, TCP, process lane', *target, 'one', '5000'),
                   Measurement('gearmand, gearman_client_do', *gearman, 'one', '5000'),
                   Measurement('beanstalkd, put + reserve + delete', os.path.join(
                       PROGRAMS, 'beanstalkd_client'), str(peers.beanstalkd), '5000'),
                   Measurement('jobd, unix socket, process lane', client, jobd.unix, '', 'one', '5000')]
            measure(rate)
            measure(one)
    finally:
        jobd.kill()
    print('\nno-op jobs of 64 bytes, %s in flight; median of %d (range)' % (INFLIGHT, ROUNDS))
    show(rate, 'jobs/s')
    print('one synchronous call at a time; median of %d p50s (range), us' % ROUNDS)
    show(one, 'us')
    print('targets')
    for peer, factor in zip(rate[1:], (6, 10, 2)):
        ratio = rate[0].median() / peer.median()
        verdict('rate / %s: at least %d' % (peer.name.split(',')[0], factor), ratio, ratio >= factor)
    for peer, most in zip(one[1:3], (0.6, 1.0)):
        ratio = one[0].median() / peer.median()
        verdict('p50 / %s: %s %.1f' % (peer.name.split(',')[0], 'at most' if most < 1 else 'below', most),
                ratio, ratio <= most if most < 1 else ratio < most)


if __name__ == '__main__':
    main()
