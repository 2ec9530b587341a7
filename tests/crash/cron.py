#!/usr/bin/env python3
"""cron.py [--gate] - the broker dies behind each of its syncs while a schedule makes jobs.

An occurrence writes twice: its job, then how far its schedule is settled.  Between the two is the place where
it could be doubled, or lost by the other order.  Jobs are held, so that all there ever were can be counted: as
many as the schedule says, each for an occurrence of its own, and none left out.  `cron.py INDEX` repeats one.
"""

import concurrent.futures
import os
import signal
import sys
import time

from home import Daemon, Home, connect
from jobd_client import Closed, until

JOB = {'type': 'echo', 'hold': True}
QUICK, ALL, AT_ONCE, PATIENCE = 12, 40, 4, 30


def insist(condition, text, *more):
    if not condition:
        raise AssertionError(text % more)


def settled(jobd):
    """The schedule, when two more occurrences have come; whatever dies meanwhile."""
    goal = None
    while True:
        try:
            s = connect(jobd, PATIENCE).call('cron.list')['items'][0]
        except (Closed, OSError):
            continue
        goal = goal or s['jobs'] + 2
        if s['jobs'] >= goal:
            return s
        time.sleep(0.05)


def keys_of(c):
    """The unique key of each job, by id."""
    ids, page = [], {'next': None}
    while not ids or page['next']:
        more = {'cursor': page['next']} if page['next'] else {}
        page = c.call('job.list', filter={'order_key': 'cron:beat'}, limit=1000, **more)
        ids += [j['id'] for j in page['items']]
    return {number: c.get(number)['unique_key'] for number in ids}


def check(c, s, first_ms):
    keys = keys_of(c)
    times = sorted(int(key.rsplit(':', 1)[1]) for key in keys.values())
    insist(len(set(times)) == len(times), 'an occurrence has two jobs: %s', keys)
    insist(len(times) == s['jobs'], '%d jobs, and the schedule says %d', len(times), s['jobs'])
    insist(all((ms - first_ms) % 1000 == 0 for ms in times), 'not its times: %s', times)
    insist(times[0] <= first_ms, 'the first occurrence is lost')
    gaps = [b - a for a, b in zip(times, times[1:]) if b - a > 1000]
    insist(len(gaps) <= 1, 'more occurrences are missing than by one death: %s', gaps)


def syncs_of_a_start():
    with Home('stop.drain_ms=0') as home:
        home.fault('none', 'fdatasync')
        jobd = home.start()
        connect(jobd, PATIENCE)
        count = home.faults()[0]
        home.end(jobd, Daemon.stop)
        return count


def attempt(index):
    """True when the broker died there."""
    with Home('stop.drain_ms=0') as home:
        home.fault('after', 'fdatasync', index)
        jobd = home.start()
        try:
            c = connect(jobd, PATIENCE)
            made = None
            while made is None:
                try:
                    made = c.call('cron.set', name='beat', when='@every 1s', job=JOB, overlap='queue')
                except (Closed, OSError):
                    c = connect(jobd, PATIENCE)           # setting it again is the same
            settled(jobd)
            os.kill(jobd.broker(), signal.SIGKILL)
            c = connect(jobd, PATIENCE)
            c.call('queue.drain', name='default')
            until(lambda: c.call('cron.list')['items'][0]['refusal'], 'the schedule to be stopped', PATIENCE)
            s = c.call('cron.list')['items'][0]
            check(c, s, made['next_ms'])
        except BaseException as e:
            print('at sync %d: %r; its log:\n%s' % (index, e, jobd.log()[-4000:]), flush=True)
            raise
        found = jobd.log().count('schedule found its job')
        hit = home.faults()[1]
        home.end(jobd, Daemon.stop)
        return hit, found


def main():
    if sys.argv[1:] and sys.argv[1] != '--gate':
        print(attempt(int(sys.argv[1])))
        return
    first = syncs_of_a_start() + 1
    indexes = range(first, first + (ALL if '--gate' in sys.argv else QUICK))
    with concurrent.futures.ProcessPoolExecutor(AT_ONCE) as pool:
        done = list(pool.map(attempt, indexes))
    deaths, found = sum(hit > 0 for hit, _ in done), sum(found for _, found in done)
    insist(deaths >= 4, 'it died only %d times', deaths)
    insist(found >= 1, 'no death was between a job and its item')
    print('ok cron: %d deaths at syncs, %d between a job and its item' % (deaths, found))


if __name__ == '__main__':
    main()
