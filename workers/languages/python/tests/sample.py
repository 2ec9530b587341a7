"""sample.py - handlers that the tests run."""

import logging
import multiprocessing
import os
import subprocess
import sys
import threading
import time

import jobd_worker as jobd

logging.getLogger().addHandler(jobd.LogHandler())


@jobd.job
def noop():
    pass


@jobd.job
def add(a: int, b: int = 10):
    """Adds two numbers.

    The rest of the words.
    """
    return a + b


@jobd.job('total.of', args='value', schema={'type': 'array', 'items': {'type': 'number'}})
def total(numbers):
    return sum(numbers)


@jobd.job
def shout(text: str):
    return text.upper()


@jobd.job
def about_me():
    me = jobd.attempt()
    return {'job': me.job, 'type': me.type, 'number': me.number, 'fence': me.fence,
            'deadline': me.deadline, 'left': me.remaining(), 'trace': jobd.traceparent()}


@jobd.job
def prints(lines: int = 1):
    for n in range(lines):
        print('line', n)
    print('to stderr', file=sys.stderr)
    sys.stdout.write('no end of line')
    os.write(1, b'straight to 1\n')


@jobd.job
def steps():
    for n in range(5):
        jobd.progress(n + 1, 5, 'step %d' % n)
    jobd.log('half \udcff way', 'warn')


@jobd.job
def raises(what: str = 'value'):
    if what == 'value':
        raise ValueError('no image')
    if what == 'file':
        raise OSError('no \udc80')
    if what == 'retry':
        raise jobd.Retry('later', after=2.5)
    if what == 'failure':
        raise jobd.Failure('never', data={'page': 3})
    if what == 'exit':
        sys.exit(3)
    if what == 'nan':
        return float('nan')
    if what == 'object':
        return object()
    if what == 'surrogate':
        return '\udc80'
    if what == 'long':
        return 'x' * 200000
    if what == 'loop':
        x = []
        x.append(x)
        return x
    return None


@jobd.job
def computes(mark: bool = True):
    """Until it is cancelled; `mark` tells that it has begun."""
    try:
        if mark:
            jobd.log('begun')
        n = 0
        while True:
            n += 1
    finally:
        jobd.log('cleaned up')


@jobd.job
def sleeps():
    jobd.log('begun')
    time.sleep(1000)


@jobd.job
def stubborn():
    """Cancelled comes once: what it does then is not disturbed."""
    try:
        jobd.log('begun')
        time.sleep(1000)
    except jobd.Cancelled:
        jobd.log('told')
        end = time.monotonic() + 0.3
        while time.monotonic() < end:
            jobd.progress(1, 1)
    return 'my own end'


@jobd.job
def swallows_exceptions():
    while True:
        try:
            jobd.log('begun')
            time.sleep(1000)
        except Exception:
            pass


@jobd.job
def writes_much():
    """Progress without end, so that the cancel comes while a line is written."""
    jobd.log('begun')
    while True:
        jobd.progress(1, 1, 'x' * 40)
        jobd.log('y' * 1000)


@jobd.job
def child_sees():
    """What a command that a handler starts has of the wire."""
    out = subprocess.run(['/bin/sh', '-c', 'ls -l /proc/self/fd; env'], stdout=subprocess.PIPE)
    return out.stdout.decode()


def _talk(queue):
    print('from the child')
    queue.put(sum(range(1000)))


@jobd.job
def forks():
    queue = multiprocessing.get_context('fork').Queue()
    child = multiprocessing.get_context('fork').Process(target=_talk, args=(queue,))
    child.start()
    value = queue.get()
    child.join()
    return value


@jobd.job
def own_thread():
    me, said = jobd.attempt(), []

    def beside():
        me.progress(1, 2)
        said.append(me.remaining())
    thread = threading.Thread(target=beside)
    thread.start()
    thread.join()
    return said


@jobd.job
def finish_ignored(ms: int):
    time.sleep(ms / 1000)
    return 'done'
