#!/usr/bin/env python3
"""full.py [--gate] - the disk is full, and has room again.

The state directory is on a small file system of its own (in a mount namespace, so that nothing is left of
it).  When another file has taken all that was free, durable submits are refused as store_full, while
memory jobs run, and what was accepted runs to its end with its outcome recorded and answered.  When the
file is gone, durable submits are accepted again, by the same broker.  Everything that was told stays,
also through kill -9 on the full disk.
"""

import errno
import os
import signal
import subprocess
import sys
import time

from home import Daemon, Home, connect
from ledger import Ledger, insist
from jobd_client import until
from jobd_test import is_gone

GATE = '--gate' in sys.argv[1:]
ROUNDS = 100 if GATE else 2
HOMES_ROUNDS = 4                # of one disk, which fills with history; then a fresh one
DISK = '24m'
RESERVE = '2M'
SUBMITS = 20000                 # so many are refused at the latest
SEED = 11


class Disk:
    def __init__(self, path):
        self.path = path
        self.filler = os.path.join(path, 'filler')
        os.mkdir(path)
        subprocess.run(['mount', '-t', 'tmpfs', '-o', 'mode=700,size=' + DISK, 'tmpfs', path], check=True)

    def fill(self):
        """Takes all that is free, and what is given back meanwhile."""
        with open(self.filler, 'ab', buffering=0) as f:
            for size in (1 << 20, 1 << 12, 1 << 8):
                try:
                    while f.write(b'\0' * size):
                        pass
                except OSError as e:
                    insist(e.errno == errno.ENOSPC, 'filling the disk: %s', e)

    def free(self):
        os.unlink(self.filler)


class Round:
    def __init__(self, home, disk, ledger, jobd):
        self.home, self.disk, self.led, self.jobd = home, disk, ledger, jobd

    def submit_one(self, handle, **fields):
        job = self.led.job()
        job.spec.update(fields)
        self.led.ask('job.submit', lambda result, error: handle(job, result, error), **job.spec)
        self.led.pump(60)
        return job

    def held(self, count):
        """Durable jobs that wait for job.release."""
        return [self.submit_one(self.led.submitted, hold=True) for _ in range(count)]

    def until_refused(self):
        """Durable jobs are refused; how many were accepted on the full disk."""
        refused = []

        def handle(job, result, error):
            if error:
                insist(error['data']['kind'] == 'store_full', 'refused: %r', error)
                insist(error['data'].get('retryable'), 'store_full is worth another try: %r', error)
                refused.append(job)
            self.led.submitted(job, result, error)

        for n in range(SUBMITS):
            self.disk.fill()
            job = self.led.job()
            self.led.ask('job.submit', lambda result, error: handle(job, result, error),
                         **dict(job.spec, labels={'mark': job.mark, 'pad': 'x' * 2000}))
            self.led.pump(60)
            if refused:
                return n
        insist(False, '%d submits on a full disk, and none is refused', SUBMITS)

    def memory_jobs_run(self):
        for lane in ('inline', 'async', 'process'):
            reply, error = self.led.call('job.call', type='echo', args='m', lane=lane, durability='memory')
            insist(not error and reply['result'] == 'm', 'a memory job: %r %r', reply, error)

    def accepted_jobs_finish(self, jobs):
        for job in jobs:
            _, error = self.led.call('job.release', id=job.id)
            insist(not error, 'job.release on a full disk: %r', error)
        self.led.finish()

    def kill_broker(self):
        old = self.jobd.look()
        os.kill(self.jobd.broker(), signal.SIGKILL)
        self.led.read_to_the_end()
        until(lambda: all(is_gone(pid) for pid in old), 'the end of the old processes', 20)
        connect(self.jobd, 30).close()
        self.led.connect(self.jobd)

    def accepted_again(self):
        def accepted():
            before = self.led.refusals['store_full']
            self.submit_one(self.led.submitted)
            return self.led.refusals['store_full'] == before
        start = time.monotonic()
        until(accepted, 'a durable submit that is accepted again', 30)
        return time.monotonic() - start

    def run(self, kill):
        jobs = self.held(30)
        broker = self.jobd.broker()
        self.disk.fill()
        accepted = self.until_refused()
        self.memory_jobs_run()
        if kill:
            self.kill_broker()
            self.led.check(sample=200)
            broker = self.jobd.broker()
        self.accepted_jobs_finish(jobs)
        self.memory_jobs_run()
        self.disk.free()
        seconds = self.accepted_again()
        self.led.finish()
        insist(self.jobd.broker() == broker, 'it is another broker than before')
        self.led.check(sample=200)
        return accepted, seconds


def campaign(rounds, seed):
    """(what the rounds told, durable submits refused, jobs answered)"""
    with Home('jobs.grace_ms=200ms', 'store.reserve=' + RESERVE) as home:
        disk = Disk(os.path.join(home.base, 'disk'))
        home.state_dir = os.path.join(disk.path, 'state')
        jobd = home.start()
        ledger = Ledger(home, seed)
        ledger.connect(jobd)
        try:
            told = [Round(home, disk, ledger, jobd).run(kill=n % 2 == 1) for n in range(rounds)]
            home.end(jobd, Daemon.stop)
            jobd = home.start()
            ledger.connect(jobd)
            ledger.check()
        except BaseException:
            print('seed %d; its log:\n%s' % (seed, jobd.log()[-4000:]), flush=True)
            raise
        home.end(jobd, Daemon.stop)
        subprocess.run(['umount', disk.path], check=True)
    return told, ledger.refusals['store_full'], len(ledger.by_id)


def campaigns():
    told, refused, jobs = [], 0, 0
    for at in range(0, ROUNDS, HOMES_ROUNDS):
        some = campaign(min(HOMES_ROUNDS, ROUNDS - at), SEED + at)
        told += some[0]
        refused += some[1]
        jobs += some[2]
    print('ok the disk was full %d times, every second time with kill -9; %d durable submits refused, at most %d '
          'accepted on the full disk, accepted again within %.2f s; %d jobs answered'
          % (len(told), refused, max(n for n, _ in told), max(s for _, s in told), jobs))


def main():
    if os.environ.get('JOBD_MOUNTS') != 'own':
        os.environ['JOBD_MOUNTS'] = 'own'
        as_root = [] if os.geteuid() == 0 else ['--map-root-user']
        os.execvp('unshare', ['unshare', '--mount', *as_root, sys.executable, '-B', *sys.argv])
    campaigns()


if __name__ == '__main__':
    main()
