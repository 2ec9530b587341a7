"""kit_tasks.py - handlers of the Python kit for test_kits.py.  The program is client and worker: one import."""

import asyncio
import os
import threading
import time

import jobd

meeting = threading.Barrier(4)


@jobd.job('kit.pid')
def pid():
    return os.getpid()


@jobd.job('kit.noop')
def noop():
    pass


@jobd.job('kit.add')
def add(a: int, b: int = 1):
    return a + b


@jobd.job('kit.echo')
def echo(value):
    return value


@jobd.job('kit.raise')
def fail(text: str):
    raise LookupError(text)


@jobd.job('kit.retry')
def retry(after: float):
    if jobd.attempt().number == 1:
        raise jobd.Retry('not yet', after=after)
    return jobd.attempt().number


@jobd.job('kit.compute')
def compute(path: str):
    """Until it is told to end: then it leaves a file."""
    jobd.progress(0, 1, 'begun')
    try:
        while True:
            pass
    finally:
        with open(path, 'w') as f:
            f.write('cleaned up')


@jobd.job('kit.obstinate')
def obstinate():
    jobd.progress(0, 1, str(os.getpid()))
    while True:
        try:
            while True:
                time.sleep(1)
        except jobd.Cancelled:
            pass


@jobd.job('kit.print')
def prints(text: str):
    print(text)
    os.system('echo from a child')
    jobd.log('noted', 'warn')


@jobd.job('kit.crash')
def crash():
    """The first attempt takes its process along."""
    if jobd.attempt().number == 1:
        os.kill(os.getpid(), 9)
    return jobd.attempt().number


@jobd.job('kit.ask')
def ask(address: str):
    """A worker that is a client as well."""
    with jobd.Client(address) as client:
        return client.call('echo', {'asked': 'by a worker'})


@jobd.job('kit.meet', lane='thread')
def meet():
    """Returns when four of it run in this process."""
    meeting.wait(60)
    print('met')
    return threading.get_ident()


@jobd.job('kit.wait')
async def wait(seconds: float):
    jobd.progress(0, 1, 'begun')
    await asyncio.sleep(seconds)
    return os.getpid()


def waited_ns():
    """How long this thread was ready to run and had no processor."""
    with open('/proc/thread-self/schedstat') as f:
        return int(f.read().split()[1])


@jobd.job('kit.measured')
def measured(rounds: int):
    """Computes, and says how long that took without the waits for a processor, and how much of it was computing."""
    begin, waited, computed = time.monotonic_ns(), waited_ns(), time.thread_time_ns()
    n = 0
    for i in range(rounds):
        n += i * i % 7
    return {'value': n, 'ns': time.monotonic_ns() - begin - (waited_ns() - waited),
            'cpu_ns': time.thread_time_ns() - computed}


jobd.job('kit.measured.threads', lane='thread')(measured)
