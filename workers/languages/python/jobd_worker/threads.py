"""threads.py - the thread lane: attempts that wait in calls that block."""

import queue
import threading

from .attempts import ThreadAttempt, enter
from .errors import Cancelled


class Threads:
    """A pool that grows up to `limit` threads.  They are daemons: a call that never comes back does
    not keep the process."""

    def __init__(self, limit):
        self.limit = limit
        self._waiting = queue.SimpleQueue()
        self._idle = threading.Semaphore(0)
        self._begun = 0

    def submit(self, attempt):
        """Called from the thread that reads the wire, also from within a signal handler."""
        self._waiting.put(attempt)
        if self._begun < self.limit and not self._idle.acquire(blocking=False):
            self._begun += 1
            threading.Thread(target=self._serve, name='jobd-thread-%d' % self._begun,
                             daemon=True).start()

    def _serve(self):
        while True:
            attempt = self._waiting.get()
            run(attempt)
            self._idle.release()


def run(attempt):
    value, problem = None, None
    try:
        enter(attempt)
        try:
            attempt.begin()
            value = attempt.handler.call(attempt.args)
        finally:
            attempt.end()
    except BaseException as caught:
        problem = caught
        _end(attempt)
    attempt.worker.answer(attempt, value, problem)


def _end(attempt):
    """An interruption that was on its way when the handler ended must not hit what comes after it."""
    while True:
        try:
            return attempt.end()
        except Cancelled:
            continue


make = ThreadAttempt
