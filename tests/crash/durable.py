#!/usr/bin/env python3
"""durable.py [--gate] [--kills N] - kill -9 at random moments under durable load, against a client's ledger.

Victims: the broker, a worker, the supervisor; now and then a clean stop.  After each, everything that was
answered is there as it was told (ledger.py).  Prints the seed; JOBD_SEED repeats the order of victims.
JOBD_DURABILITY=memory is the control: it must fail.
"""

import os
import random
import signal
import sys
import time

from home import Daemon, Home
from ledger import Ledger, insist
from ledger_groups import Groups
from jobd_client import until
from jobd_test import is_gone

GATE = '--gate' in sys.argv[1:]
KILLS = int(sys.argv[sys.argv.index('--kills') + 1]) if '--kills' in sys.argv else 1000 if GATE else 50
HOMES_KILLS = 250               # of one state directory; then a fresh one
AT_ONCE = 150
DEATHS = 4                      # of one supervisor's brokers; it waits longer and longer before the next
VICTIMS = ('broker',) * 6 + ('worker',) * 2 + ('supervisor', 'stop')


class Campaign:
    def __init__(self, home, seed, fields):
        self.home = home
        self.random = random.Random(seed)
        self.ledger = Ledger(home, seed, **fields)
        self.groups = Groups(self.ledger)
        self.deaths = 0
        self.jobd = home.start()
        self.ledger.connect(self.jobd)

    def load(self):
        """Jobs go in, some outcomes are waited for, while a random time passes."""
        led = self.ledger
        for _ in range(self.random.randrange(1, 6)):
            self.groups.turn()
            room = AT_ONCE - len(led.waiting) - len(led.open)
            if room > 0:
                led.submit(self.random.randrange(1, min(room, 30) + 1))
            led.pump(self.random.random() * 0.01)
        if led.waiting and self.random.random() < .5:
            some = self.random.sample(sorted(led.waiting), min(20, len(led.waiting)))
            led.ask('job.wait', self.waited, ids=some, any=True, timeout_ms=60000)
        led.pump(self.random.random() * 0.02)

    def waited(self, result, error):
        insist(not error, 'job.wait: %r', error)
        for outcome in result['outcomes']:
            self.ledger.end(outcome)

    def kill_broker(self):
        old = self.jobd.look()
        os.kill(self.jobd.broker(), signal.SIGKILL)
        self.ledger.read_to_the_end()
        until(lambda: all(is_gone(pid) for pid in old), 'the end of the old processes', 20)
        self.ledger.connect(self.jobd)
        self.deaths += 1
        if self.deaths == DEATHS:
            self.restart(Daemon.kill)

    def kill_worker(self):
        workers = self.jobd.children_named('worker')
        if workers:
            try:
                os.kill(self.random.choice(workers), signal.SIGKILL)
            except ProcessLookupError:
                pass
        self.ledger.pump(30)

    def kill_supervisor(self):
        os.kill(self.jobd.pid, signal.SIGKILL)
        self.ledger.read_to_the_end()
        self.restart(Daemon.kill)

    def stop(self):
        os.kill(self.jobd.pid, signal.SIGTERM)
        self.ledger.read_to_the_end(60)
        self.restart(Daemon.stop)

    def restart(self, how):
        self.home.end(self.jobd, how)
        self.jobd = self.home.start()
        self.deaths = 0
        self.ledger.connect(self.jobd)

    def once(self, victim):
        self.load()
        {'broker': self.kill_broker, 'worker': self.kill_worker, 'supervisor': self.kill_supervisor,
         'stop': self.stop}[victim]()
        self.ledger.check(sample=100)
        self.groups.check()

    def end(self):
        self.ledger.finish()
        self.groups.finish()
        self.restart(Daemon.stop)
        self.ledger.check()
        self.jobd.stop()


def campaign(seed, kills, fields):
    counts = dict.fromkeys(VICTIMS, 0)
    with Home('jobs.grace_ms=200ms', 'stop.drain_ms=300ms') as home:
        run = Campaign(home, seed, fields)
        try:
            for _ in range(kills):
                victim = run.random.choice(VICTIMS)
                counts[victim] += 1
                run.once(victim)
            run.end()
        except BaseException:
            print('after %r, seed %d; the log:\n%s' % (counts, seed, run.jobd.log()[-4000:]), flush=True)
            raise
    print('%s: %s' % (', '.join('%d %s' % (n, v) for v, n in counts.items()), run.ledger.told()), flush=True)


def main():
    seed = int(os.environ.get('JOBD_SEED', random.randrange(1 << 30)))
    fields = {'durability': os.environ['JOBD_DURABILITY']} if 'JOBD_DURABILITY' in os.environ else {}
    print('seed %d' % seed, flush=True)
    start = time.monotonic()
    for at in range(0, KILLS, HOMES_KILLS):
        campaign(seed + at, min(HOMES_KILLS, KILLS - at), fields)
    print('ok %d kills in %d s' % (KILLS, time.monotonic() - start))


if __name__ == '__main__':
    main()
