#!/usr/bin/env python3
"""groups.py [MEMBERS...] - the broker's memory while groups of so many members are mapped and reduced.

The members are no-ops of the process lane, each with 120 bytes of argument and result; the reduce job is the digest
of the file of all outcomes.  JOBD_BUILD names the build directory.
"""

import os
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), '..', 'e2e'))
from jobd_test import Daemon  # noqa: E402

WAITING = 3000          # at most, so that waiting jobs do not count


def rss_kib(pid):
    with open('/proc/%d/status' % pid, encoding='ascii') as f:
        return next(int(line.split()[1]) for line in f if line.startswith('VmRSS'))


def fill(c, broker, group, count):
    """Submits the members; the highest resident size seen meanwhile."""
    peak = 0
    for first in range(0, count, 1000):
        c.call('job.submit_many', jobs=[{'type': 'echo', 'args': {'i': i, 'pad': 'x' * 100}, 'lane': 'process',
                                         'group': group} for i in range(first, first + 1000)])
        while c.call('server.stats')['jobs']['now']['ready'] > WAITING:
            pass
        peak = max(peak, rss_kib(broker))
    return peak


def measure(jobd, count):
    c, broker = jobd.client(timeout=600), jobd.broker()
    group = c.call('group.create', reduce={'type': 'file.digest', 'args': {'path': '{path}'}})['group']
    began = time.monotonic()
    peak = fill(c, broker, group, count)
    c.call('group.close', group=group)
    done = c.call('group.wait', group=group)
    assert (done['state'], done['succeeded']) == ('succeeded', count), done
    seconds = time.monotonic() - began
    print('%9d members: %6.1f MiB at most, %6.1f MiB of outcomes on disk, %5.1f s' % (
        count, max(peak, rss_kib(broker)) / 1024, os.path.getsize(done['path']) / (1 << 20), seconds))


def main():
    jobd = Daemon()
    try:
        for count in map(int, sys.argv[1:] or ['20000', '100000', '400000']):
            measure(jobd, count)
    finally:
        jobd.stop()


if __name__ == '__main__':
    main()
