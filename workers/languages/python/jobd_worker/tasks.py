"""tasks.py - the async lane: an event loop in a thread of its own."""

import asyncio
import functools
import threading

from .attempts import TaskAttempt, enter
from .errors import Cancelled


class Tasks:
    """Runs `async def` handlers beside each other."""

    def __init__(self):
        self._loop = asyncio.new_event_loop()
        threading.Thread(target=self._serve, name='jobd-loop', daemon=True).start()

    def _serve(self):
        asyncio.set_event_loop(self._loop)
        self._loop.run_forever()

    def submit(self, attempt):
        self._loop.call_soon_threadsafe(self._begin, attempt)

    def cancel(self, attempt):
        self._loop.call_soon_threadsafe(self._cancel, attempt)

    def _begin(self, attempt):
        attempt.task = self._loop.create_task(run(attempt))
        attempt.task.add_done_callback(functools.partial(ended, attempt))

    @staticmethod
    def _cancel(attempt):
        attempt.task.cancel()           # _begin came before: the loop keeps the order


async def run(attempt):
    enter(attempt)
    try:
        return await attempt.handler.call(attempt.args)
    except (KeyboardInterrupt, SystemExit) as problem:      # would end the loop
        raise RuntimeError('the handler raised %s' % type(problem).__name__) from problem


def ended(attempt, task):
    """Also of a task that was cancelled before its first step, in which `run` never runs."""
    if task.cancelled():
        problem = Cancelled() if attempt.cancelled else asyncio.CancelledError()
        attempt.worker.answer(attempt, None, problem)
    elif task.exception() is not None:
        attempt.worker.answer(attempt, None, task.exception())
    else:
        attempt.worker.answer(attempt, task.result(), None)


make = TaskAttempt
