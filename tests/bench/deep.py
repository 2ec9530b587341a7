"""deep.py - queues larger than memory: durable jobs of 64 bytes that wait by the million.

DEEP_JOBS: how many (1000000; 10000000 takes some minutes and 4 GB of disk).
"""

import os
import shutil
import statistics
import tempfile
import time

os.environ.setdefault('JOBD_TEST_PATIENCE', '10')

from bench import ROUNDS, TABLE, numbers, rss_kib, tool  # noqa: E402
from jobd_test import Daemon, until  # noqa: E402

JOBS = int(os.environ.get('DEEP_JOBS', '1000000'))
PAYLOAD = 64
MILLION = 1000000
SUBMITS = 20000                 # of one measurement of the latency
DRAINED = 200000                # jobs that are run from disk, and from memory
UNLIMITED = ('jobs.max_waiting=%d' % (4 * JOBS + MILLION), 'jobs.max_waiting_bytes=64G')


def start(state_dir, *settings):
    return Daemon(*UNLIMITED, *settings, state_dir=state_dir)


def fill(jobd, queue, count):
    began = time.monotonic()
    numbers(tool('fill'), 'jobd', jobd.unix, '', queue, count, 'commit')
    return count / (time.monotonic() - began)


def paused(jobd, *queues):
    c = jobd.client()
    for queue in queues:
        c.call('queue.pause', name=queue)
    return c


def submit_times(jobd, count, inflight):
    """p50 and p99 of a durable submission, us."""
    return numbers(tool('submits'), jobd.unix, '', 'few', count, inflight)


def store_bytes(state_dir):
    """Without the log, which is of the same size whatever waits."""
    return os.path.getsize(os.path.join(state_dir, 'jobs.db'))


def total(jobd):
    """Jobs that wait or run, or have succeeded since the start."""
    jobs = jobd.client().call('server.stats')['jobs']
    return jobs['now']['ready'] + jobs['now']['running'] + jobs['finished']['succeeded']


# ---- a queue that waits ----

def latencies(deep, empty):
    """The same client in turn with a full broker and an empty one."""
    rows = {}
    for inflight, count in ((1, SUBMITS // 10), (100, SUBMITS)):
        sides = {'full': [], 'empty': []}
        for jobd in (deep, empty):
            submit_times(jobd, count, inflight)
        for _ in range(ROUNDS):
            sides['full'].append(submit_times(deep, count, inflight))
            sides['empty'].append(submit_times(empty, count, inflight))
        for name in sides:
            rows[name] = [statistics.median(row[i] for row in sides[name]) for i in range(2)]
        print('  durable submission, %3d in flight: p50 %.0f us, p99 %.0f us with %d waiting; %.0f us, %.0f us with none'
              % (inflight, *rows['full'], JOBS, *rows['empty']))
        TABLE.add('submit p99, %d in flight: %d waiting / none' % (inflight, JOBS),
                  '%.0f us / %.0f us' % (rows['full'][1], rows['empty'][1]),
                  rows['full'][1] / rows['empty'][1], 1.5, unit='x')


def waiting(state_dir):
    deep = start(state_dir)
    empty = start(None)
    try:
        paused(deep, 'deep', 'few')
        paused(empty, 'few')
        empty_bytes = store_bytes(state_dir)
        rate = fill(deep, 'deep', JOBS)
        rss = rss_kib(deep.broker()) * 1024
        print('  filled with %d jobs a second; RSS of the broker %.1f MB' % (rate, rss / 1e6))
        TABLE.add('RSS of the broker, %d durable jobs waiting' % JOBS, '%.0f B a job' % (rss / JOBS),
                  rss / 1e6, 150 if JOBS <= MILLION else 1000, unit=' MB')
        size = (store_bytes(state_dir) - empty_bytes) / JOBS - PAYLOAD
        TABLE.add('database bytes of a waiting job, without payload', '', size, 250, unit=' B')
        latencies(deep, empty)
        return total(deep)
    finally:
        deep.kill()             # SIGKILL, all of it
        empty.kill()


def recovery(state_dir, before):
    began = time.monotonic()
    jobd = start(state_dir)
    try:
        took = time.monotonic() - began
        after = total(jobd)
        assert after == before, 'there were %d jobs, and after the crash there are %d' % (before, after)
        rss = rss_kib(jobd.broker()) * 1024
        print('  after kill -9: ready again in %.1f s; RSS of the broker %.1f MB' % (took, rss / 1e6))
        TABLE.add('start after kill -9, for a million live jobs', '%d jobs' % JOBS, took * MILLION / JOBS, 5,
                  unit=' s')
        TABLE.add('RSS of the broker after that', '', rss / 1e6, 150 if JOBS <= MILLION else 1000, unit=' MB')
    finally:
        jobd.kill()


# ---- a queue that runs ----

def drain_rate(args_memory):
    """Whole lives a second of no-op jobs that waited, from their release to the last record."""
    jobd = start(None, 'store.args_memory=%s' % args_memory)
    try:
        c = paused(jobd, 'deep')
        fill(jobd, 'deep', DRAINED)
        began = time.monotonic()
        c.call('queue.resume', name='deep')
        until(lambda: all(queue['ready'] + queue['running'] == 0 for queue in c.items('queue.list')), 'all ran', 60)
        return DRAINED / (time.monotonic() - began)
    finally:
        jobd.kill()


def drains():
    disk, memory = [], []
    for _ in range(ROUNDS):
        disk.append(drain_rate('64K'))
        memory.append(drain_rate('0'))
    disk, memory = statistics.median(disk), statistics.median(memory)
    print('  no-op jobs run with their arguments from disk: %.0f a second; from memory: %.0f' % (disk, memory))
    TABLE.add('rate of no-op jobs, arguments from disk / memory', '%.0f / %.0f a second' % (disk, memory),
              disk / memory, 0.8, at_least=True, unit='x')


def main():
    state_dir = tempfile.mkdtemp(prefix='jobd-deep-')
    print('\nqueues larger than memory: %d durable jobs of %d bytes wait' % (JOBS, PAYLOAD))
    try:
        recovery(state_dir, waiting(state_dir))
    finally:
        shutil.rmtree(state_dir, ignore_errors=True)
    drains()
