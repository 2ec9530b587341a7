#!/usr/bin/env python3
"""faults.py [--gate] - one write of the broker goes wrong, at each place of a fixed script of calls.

    kill, after     the broker dies before or behind its Nth write, sync or other change of a file
    EIO             the call fails; the broker ends, the next one recovers; at its first start jobd ends
    ENOSPC, short   the call fails for want of room, or writes less; nobody need die

After each, on the same state directory: everything that was answered is there as it was told, runs to its
end, and is the same after one more restart (ledger.py).  The quick run takes the first indexes and some
spread over the rest; --gate takes all.  `faults.py ACTION` is only those of one kind, and
`faults.py ACTION INDEX` repeats one.
"""

import concurrent.futures
import os
import re
import signal
import sys
import time

from home import Daemon, Home, connect
from ledger import Closed, Ledger, insist

ACTIONS = {'kill': 40, 'after': 10, 'EIO': 50, 'ENOSPC': 50, 'short': 50}     # how many are quick
SEED = 7
AT_ONCE = 4
NOT_CLEAN = 70                  # exit status of a jobd whose broker died while it stopped
PATIENCE = 30


def script(ledger):
    """Calls one after another, so that each time about the same is written in the same order."""
    led = ledger
    for count in (1, 1, 1, 5, 1, 20, 1, 1):
        led.submit(count)
        led.pump(PATIENCE)
        insist(not led.open, 'calls are not answered')
    for number in sorted(led.by_id)[:6]:
        led.ask('job.wait', lambda result, error: result and led.end(result), id=number, timeout_ms=20000)
        led.pump(PATIENCE)
    held = led.job()
    led.ask('job.submit', lambda result, error: led.submitted(held, result, error), hold=True, **held.spec)
    led.pump(PATIENCE)
    if held.id:
        for method, fields in (('job.update', {'priority': 5}), ('job.release', {})):
            led.ask(method, lambda result, error: None, id=held.id, **fields)
            led.pump(PATIENCE)
    for count in (3, 1, 1, 10):
        led.submit(count)
        led.pump(PATIENCE)
    led.finish()


def release(ledger):
    """What the fault left held, before the script came to release it."""
    def one(number, shown):
        if shown.get('held'):
            ledger.ask('job.release', lambda result, error: insist(not error, 'job.release: %r', error), id=number)

    ledger.show(sorted(ledger.waiting), one)


def settle(home, ledger, jobd):
    """After the fault: what was told is so, all comes to an end, and stays through a restart."""
    for _ in range(3):
        connect(jobd, PATIENCE).close()
        try:
            ledger.connect(jobd)
            ledger.check()
            release(ledger)
            ledger.finish()
            break
        except Closed:
            pass                # the fault came only now
    else:
        insist(False, 'the broker dies again and again')
    stop(home, jobd)
    jobd = home.start()
    ledger.connect(jobd)
    ledger.check()
    home.end(jobd, Daemon.stop)


def stop(home, jobd):
    """A clean end, unless the fault came only now: then it is not called clean."""
    def until_it_ends(jobd):
        jobd.signal(signal.SIGTERM)
        status = jobd.wait_exit()
        jobd.kill()             # what it leaves behind is looked for
        insist(status == 0 or status == NOT_CLEAN and home.faults()[1] == 1, 'jobd ended with %d', status)

    home.end(jobd, until_it_ends)


def start(home, action):
    """A daemon; one that cannot open its store says so and ends, and the next one can."""
    try:
        return home.start()
    except AssertionError as e:
        insist(action in ('EIO', 'ENOSPC') and 'cannot serve: ' in str(e), 'does not start: %s', e)
        return home.start()


def attempt(action, index):
    """Runs the script with that fault; (calls counted, faults, what happened)."""
    with Home('jobs.grace_ms=200ms', 'stop.drain_ms=300ms') as home:
        home.fault(action, 'all', index)
        jobd = start(home, action)
        ledger = Ledger(home, SEED)
        try:
            try:
                ledger.connect(jobd)
                script(ledger)
            except Closed:
                pass
            settle(home, ledger, jobd)
        except BaseException as e:
            print('%s at %d: %r; its log:\n%s' % (action, index, e, ''.join(home.logs) + jobd.log()[-6000:]),
                  flush=True)
            raise
        counted, hit = home.faults()
        died = len(re.findall('broker died', ''.join(home.logs)))
        insist(died == hit or action not in ('kill', 'after'), '%d deaths, %d faults', died, hit)
        return counted, hit, died, sum(ledger.refusals.values()), len(ledger.by_id)


def count_writes():
    counted, hit, died, refused, jobs = attempt('none', 1)
    insist((hit, died, refused) == (0, 0, 0), 'without a fault: %d faults, %d deaths, %d refused',
           hit, died, refused)
    insist(jobs > 40, 'the script has %d jobs', jobs)
    return counted


def indexes(quick, calls, gate):
    """The quick ones: one half from the beginning, the others spread over the rest."""
    if gate or calls <= quick:
        return range(1, calls + 1)
    first = quick // 2
    step = (calls - first) / (quick - first)
    return list(range(1, first + 1)) + [int(first + 1 + step * i) for i in range(quick - first)]


def campaign(action, calls, gate):
    start = time.monotonic()
    which = indexes(ACTIONS[action], calls, gate)
    with concurrent.futures.ProcessPoolExecutor(AT_ONCE) as pool:
        results = list(pool.map(attempt, [action] * len(which), which))
    hits = sum(hit for _, hit, _, _, _ in results)
    insist(hits > len(which) * .8, '%s: only %d of %d faults came to pass', action, hits, len(which))
    print('ok %s: %d of %d indexes, %d faults, %d deaths of the broker, %d submits refused, %d jobs; %d s'
          % (action, len(which), calls, hits, sum(died for _, _, died, _, _ in results),
             sum(refused for _, _, _, refused, _ in results), sum(jobs for _, _, _, _, jobs in results),
             time.monotonic() - start), flush=True)


def main():
    arguments = [a for a in sys.argv[1:] if a != '--gate']
    if len(arguments) == 2:
        print(attempt(arguments[0], int(arguments[1])))
        return
    calls = count_writes()
    print('the script writes %d times' % calls, flush=True)
    for action in arguments or ACTIONS:
        campaign(action, calls, '--gate' in sys.argv)


if __name__ == '__main__':
    os.environ.setdefault('JOBD_TEST_PATIENCE', '2')
    main()
