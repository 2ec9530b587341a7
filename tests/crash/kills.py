#!/usr/bin/env python3
"""kills.py [--gate] - kill -9 and SIGSTOP at random moments under load, against a client's ledger.

Workers: no accepted job is lost, each has one outcome and the right result, whatever dies under it.
Broker: the memory store dies with it, so nothing accepted can be promised; but jobd serves again on the same
socket, no process of the old one is left, and no id comes twice.
Prints the seed; JOBD_SEED repeats the order of victims.
"""

import collections
import os
import random
import signal
import sys
import time

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, '..', 'e2e'))
from jobd_client import Closed, RpcError, until  # noqa: E402
from jobd_test import Daemon, is_gone, reasons  # noqa: E402
from workload import Workload  # noqa: E402

GATE = '--gate' in sys.argv[1:]
WORKER_KILLS = 2000 if GATE else 50
WORKER_STOPS = 500 if GATE else 20
BROKER_KILLS = 100 if GATE else 8
AT_ONCE = 400
CPU_WORKERS = 4


class Ledger:
    """What was accepted, and what became of it; fails on a loss, a second outcome or a wrong result."""

    def __init__(self, c, load):
        self.c = c
        self.load = load
        self.n = 0
        self.want = {}          # id -> check of its result, not yet finished
        self.finished = {}      # id -> state
        self.crashed = 0

    def fill(self):
        jobs = [self.load.job(self.n + i) for i in range(AT_ONCE - len(self.want))]
        self.n += len(jobs)
        if jobs:
            ids = self.c.submit_many([job for job, _ in jobs])
            for id, (job, check) in zip(ids, jobs):
                assert id not in self.want and id not in self.finished, 'id %d came twice' % id
                self.want[id] = job, check

    def collect(self, all=False):
        if not self.want:
            return
        reply = self.c.call('job.wait', ids=list(self.want), any=not all, timeout_ms=60000)
        for outcome in reply['outcomes']:
            self.check(outcome)

    def check(self, outcome):
        job = outcome['id']
        assert job not in self.finished, 'job %d finished twice' % job
        spec, check = self.want.pop(job)
        self.finished[job] = outcome['state']
        if outcome['state'] == 'failed':
            # three workers died while they ran it: said, never silent
            assert outcome['failure']['kind'] == 'crash', outcome
            self.crashed += 1
            deaths = [r for _, r in reasons(self.c.get(job))].count('worker_died')
            assert deaths >= 2, (job, deaths)
            self.load.gave_up(spec)
            return
        assert outcome['state'] == 'succeeded', (spec, outcome)
        if 'result' in outcome:
            check(outcome['result'])


def kill_workers(seed, load):
    random.seed(seed)
    jobd = Daemon('jobs.grace_ms=200ms', cpu_workers=CPU_WORKERS, io_threads=8, roots=[load.root])
    c = jobd.client(hello={'max_line_bytes': 8 << 20})
    watcher = jobd.client()
    ledger = Ledger(c, load)
    signals = [signal.SIGKILL] * WORKER_KILLS + [signal.SIGSTOP] * WORKER_STOPS
    random.shuffle(signals)
    for number in signals:
        ledger.fill()
        pids = until(lambda: [w['pid'] for w in watcher.workers() if w['pid']], 'a living worker', 30)
        victim = random.choice(pids)
        time.sleep(random.random() * 0.01)      # the random moment itself, not a wait for anything
        try:
            os.kill(victim, number)
            if number == signal.SIGSTOP:
                watcher.run('echo', 1)
                os.kill(victim, signal.SIGCONT)
        except ProcessLookupError:
            pass
        ledger.collect()
    ledger.collect(all=True)
    assert not ledger.want, 'lost: %s' % list(ledger.want)[:10]
    load.check_files()
    until(lambda: all(w['state'] == 'idle' for w in watcher.workers()), 'all workers idle', 30)
    lanes = collections.Counter(w['lane'] for w in watcher.workers())
    assert lanes == {'process': CPU_WORKERS, 'async+thread': 1, 'exec': 1}, watcher.workers()
    broker, descriptors = jobd.broker(), len(os.listdir('/proc/%d/fd' % jobd.broker()))
    assert descriptors < 40 + 8 * CPU_WORKERS, '%d descriptors in broker %d' % (descriptors, broker)
    jobd.stop()
    print('workers: %d kills and %d stops, %d jobs, each with one outcome; %d of them `crash` after three deaths'
          % (WORKER_KILLS, WORKER_STOPS, len(ledger.finished), ledger.crashed))


def kill_brokers(seed, load):
    random.seed(seed)
    jobd = Daemon(roots=[load.root])
    seen = set()
    for _ in range(BROKER_KILLS):
        c = jobd.client()
        before = jobd.look()
        broker = jobd.broker()
        for _ in range(random.randrange(1, 6)):
            ids = c.submit_many([load.job(n)[0] for n in range(100)])
            assert not seen & set(ids), 'ids came twice'
            assert not seen or min(ids) > max(seen), 'ids went back'
            seen |= set(ids)
        os.kill(broker, signal.SIGKILL)
        try:
            while True:
                c.read()
        except Closed:
            pass
        until(lambda: all(is_gone(pid) for pid in before), 'the end of the old processes', 20)
        again = jobd.client()
        assert again.run('echo', 'again', lane='process')['result'] == 'again'
        try:
            again.get(max(ids))
        except RpcError as e:
            assert e.kind == 'not_found', e
    jobd.stop()
    print('broker: %d kills, served again each time, %d ids, none twice' % (BROKER_KILLS, len(seen)))


def kill_supervisors(seed, load):
    random.seed(seed)
    rounds = 20 if GATE else 4
    for _ in range(rounds):
        jobd = Daemon(roots=[load.root])
        c = jobd.client()
        c.submit_many([load.job(n)[0] for n in range(200)])
        time.sleep(random.random() * 0.02)
        jobd.kill()     # asserts that no process and no shared memory is left
    print('supervisor: %d kills, nothing left' % rounds)


def main():
    seed = int(os.environ.get('JOBD_SEED', random.randrange(1 << 30)))
    print('seed %d' % seed, flush=True)
    with Workload() as load:
        kill_workers(seed, load)
        kill_brokers(seed, load)
        kill_supervisors(seed, load)


if __name__ == '__main__':
    main()
