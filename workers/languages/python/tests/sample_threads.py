"""sample_threads.py - handlers of the lanes thread and async, and one that computes beside them."""

import asyncio
import threading
import time

import jobd_worker as jobd

barrier = threading.Barrier(4)


@jobd.job('thread.meet', lane='thread')
def thread_meet():
    """Returns only when four of it run."""
    barrier.wait(20)
    return threading.current_thread().name


@jobd.job('thread.computes', lane='thread')
def thread_computes():
    jobd.log('begun')
    n = 0
    while True:
        n += 1


@jobd.job('thread.naps', lane='thread')
def thread_naps():
    jobd.log('begun')
    while True:
        time.sleep(0.01)


@jobd.job('thread.prints', lane='thread')
def thread_prints(word: str):
    print(word)
    print(word, 'again', end='')


@jobd.job('thread.raises', lane='thread')
def thread_raises():
    raise KeyError('k')


@jobd.job('async.sleep')
async def async_sleep(seconds: float):
    await asyncio.sleep(seconds)
    return seconds


@jobd.job('async.forever')
async def async_forever():
    try:
        jobd.log('begun')
        await asyncio.Event().wait()
    finally:
        jobd.log('cleaned up')


@jobd.job('async.prints')
async def async_prints(word: str):
    print(word)
    await asyncio.sleep(0)
    jobd.progress(1, 1)


@jobd.job('async.exits')
async def async_exits():
    raise SystemExit(3)


@jobd.job
def main_computes():
    jobd.log('begun')
    while True:
        pass
