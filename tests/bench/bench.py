"""bench.py - what the benchmarks share: rounds of measurements in turn, peers, the table of targets."""

import os
import signal
import socket
import statistics
import subprocess
import sys
import time

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, '..', 'e2e'))

ROUNDS = int(os.environ.get('ROUNDS', '5'))
PROGRAMS = os.environ.get('BENCH_PROGRAMS', '')     # where run.sh builds the C programs


def tool(name):
    return os.path.join(PROGRAMS, name)


# ---- processes ----

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


class Processes:
    """Started here, stopped by their pids in the end."""

    def __init__(self):
        self.running = []

    def __enter__(self):
        return self

    def start(self, *command, stdout=None):
        process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=stdout, stderr=subprocess.DEVNULL)
        self.running.append(process)
        return process

    def server(self, *command):
        """A server that takes its port as its last argument; its port and its pid."""
        port = free_port()
        process = self.start(*command, str(port))
        wait_for_port(port)
        return str(port), process.pid

    def __exit__(self, *_):
        for process in reversed(self.running):
            process.send_signal(signal.SIGKILL)
            process.wait()


def gearmand(processes, *options):
    return processes.server('gearmand', '-L', '127.0.0.1', '-l', 'stderr', *options, '-p')


def beanstalkd(processes):
    return processes.server('beanstalkd', '-l', '127.0.0.1', '-p')


def field_kib(path, name):
    with open(path) as f:
        for line in f:
            if line.startswith(name + ':'):
                return int(line.split()[1])
    raise KeyError(name)


def rss_kib(pid):
    return field_kib('/proc/%d/status' % pid, 'VmRSS')


# ---- measurements ----

def numbers(*command):
    out = subprocess.run([str(word) for word in command], stdout=subprocess.PIPE, check=True).stdout
    return [float(word) for word in out.split()]


class Measurement:
    def __init__(self, name, *command, unit=''):
        self.name, self.command, self.unit, self.seen = name, command, unit, []

    def take(self):
        self.seen.append(numbers(*self.command))

    def median(self, column=0):
        return statistics.median(row[column] for row in self.seen)

    def spread(self, column=0):
        values = [row[column] for row in self.seen]
        return '%.4g..%.4g' % (min(values), max(values))

    def show(self, column=0):
        p99 = '  p99 %.4g' % self.median(1) if self.unit == 'us' and column == 0 else ''
        print('  %-56s %10.4g %-7s (%s)%s' % (self.name, self.median(column), self.unit, self.spread(column), p99))


def measure(sides, rounds=ROUNDS):
    """Takes each side in turn, so that a slow moment of the machine meets all of them."""
    for side in sides:
        side.take()
        side.seen.clear()       # warm-up: caches, window samples, grown buffers
    for _ in range(rounds):
        for side in sides:
            side.take()


# ---- the table ----

class Table:
    """Targets as they were met: every row is a ratio or a size of this run."""

    def __init__(self):
        self.rows = []

    def add(self, target, measured, value, limit, at_least=False, unit=''):
        good = value >= limit if at_least else value <= limit
        bound = ('>= ' if at_least else '<= ') + '%g%s' % (limit, unit)
        self.rows.append((target, measured, '%.3g%s' % (value, unit), bound, 'met' if good else 'MISSED'))

    def show(self):
        head = ('target', 'measured', 'value', 'bound', '')
        widths = [max(len(row[i]) for row in self.rows + [head]) for i in range(5)]
        for row in [head] + self.rows:
            print('  '.join(cell.ljust(width) for cell, width in zip(row, widths)).rstrip())


TABLE = Table()
