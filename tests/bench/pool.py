#!/usr/bin/env python3
"""pool.py submit|map|apply COUNT - no-op jobs of 64 bytes through Python's process pools with two workers.

submit: ProcessPoolExecutor.submit, all handed in, then all results taken, which suits it best.
map: multiprocessing.Pool.map with chunksize 1.  Both print jobs per second.
apply: multiprocessing.Pool.apply, one at a time; prints p50 and p99 in microseconds.
"""

import multiprocessing
import sys
import time
from concurrent.futures import ProcessPoolExecutor

PAYLOAD = 'x' * 64


def echo(value):
    return value


def measure_submit(count):
    with ProcessPoolExecutor(2) as pool:
        list(pool.map(echo, [PAYLOAD] * 100))       # both workers are up
        start = time.monotonic()
        futures = [pool.submit(echo, PAYLOAD) for _ in range(count)]
        assert all(f.result() == PAYLOAD for f in futures)
        return count / (time.monotonic() - start)


def measure_map(count):
    with multiprocessing.Pool(2) as pool:
        pool.map(echo, [PAYLOAD] * 100)
        start = time.monotonic()
        assert pool.map(echo, [PAYLOAD] * count, chunksize=1) == [PAYLOAD] * count
        return count / (time.monotonic() - start)


def measure_apply(count):
    times = []
    with multiprocessing.Pool(2) as pool:
        pool.map(echo, [PAYLOAD] * 100)
        for _ in range(count):
            start = time.monotonic()
            assert pool.apply(echo, (PAYLOAD,)) == PAYLOAD
            times.append((time.monotonic() - start) * 1e6)
    times.sort()
    return times[count // 2], times[count * 99 // 100]


if __name__ == '__main__':
    seen = {'submit': measure_submit, 'map': measure_map, 'apply': measure_apply}[sys.argv[1]](int(sys.argv[2]))
    print(*['%.0f' % value for value in (seen if isinstance(seen, tuple) else (seen,))])
