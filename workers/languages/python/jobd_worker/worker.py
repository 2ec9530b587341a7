"""worker.py - serves attempts: what is the same for workers that jobd has started and remote ones.

The main thread runs the handlers of the process lane.  While one runs, SIGIO makes the interpreter call
`on_signal` between two of its instructions: it takes what has come, and raises Cancelled out of itself,
into the handler, if that is to end.

`_running` is the attempt that may be interrupted.  It is None whenever the main thread is in code of
this package, so nothing there is ever cut in two.
"""

import collections
import platform
import threading

from . import attempts, output, tasks, threads
from .errors import Cancelled, Failure, error_of
from .wire import LINE_BYTES, error_line, result_line

PROTOCOL = 1


class Worker:
    """What the local and the remote worker have in common: types, lanes, answers."""

    def __init__(self, types, slots):
        if not types:
            raise ValueError('there are no handlers: declare them with @job before serve()')
        self.types = types
        self.slots = {lane: slots.get(lane) for lane in {t.lane for t in types.values()}}
        self.attempts = {}              # fence: attempt, from attempt.run to its answer
        self.finishing = False          # jobd has said worker.finish
        self.max_line_bytes = LINE_BYTES
        self._main = collections.deque()        # attempts for the main thread
        self._main_thread = threading.get_ident()
        self._running = None
        self._unheard = False           # a signal came while nothing could be interrupted
        self.threads = threads.Threads(self.slots['thread']) if 'thread' in self.slots else None
        self.tasks = tasks.Tasks() if 'async' in self.slots else None
        self._make = {'process': attempts.MainAttempt, 'thread': threads.make, 'async': tasks.make}
        output.by_line()
        if self.threads or self.tasks:
            output.share()

    def ready_params(self):
        return {'protocol': PROTOCOL, 'language': 'python ' + platform.python_version(),
                'types': [t.told() for t in self.types.values()], 'slots': self.slots}

    # -- what jobd says --

    def take(self, messages):
        for one in messages:
            method = one.get('method')
            if method == 'attempt.run':
                self._begin(one['params'])
            elif method == 'attempt.cancel':
                self._cancel(one['params']['fence'])
            elif method == 'worker.finish':
                self.finishing = True
            else:
                self.heard(one)

    def heard(self, one):
        """Something else than the three above; newer versions may say what this one need not know."""

    def _begin(self, params):
        handler = self.types.get(params['type'])
        if handler is None:
            self._refuse(params)
            return
        attempt = self._make[handler.lane](self, handler, params)
        self.attempts[attempt.fence] = attempt
        if handler.lane == 'process':
            self._main.append(attempt)
        elif handler.lane == 'thread':
            self.threads.submit(attempt)
        else:
            self.tasks.submit(attempt)

    def _refuse(self, params):
        problem = Failure('this worker has no handler for %s' % params['type'])
        self.say(error_line(params['fence'], error_of(problem), self.max_line_bytes))

    def _cancel(self, fence):
        attempt = self.attempts.get(fence)
        if attempt is not None and not attempt.cancelled:
            attempt.cancel()

    def cancel_all(self):
        for fence in list(self.attempts):
            self._cancel(fence)

    # -- the main thread --

    def run_main(self):
        """Runs what waits for the main thread."""
        while self._main:
            attempt = self._main.popleft()
            try:
                value = self._call(attempt)
            except BaseException as problem:
                self.answer(attempt, None, problem)
                if isinstance(problem, KeyboardInterrupt):
                    raise
            else:
                self.answer(attempt, value, None)

    def _call(self, attempt):
        attempts.enter(attempt)
        try:
            self._running = attempt
            if self._unheard:
                self.poll()
            self.interrupt_main()       # it was told to end while it waited here
            return attempt.handler.call(attempt.args)
        finally:
            self._running = None

    def on_signal(self, *_):
        self._unheard = True
        if self._running is not None:
            self.poll()

    def poll(self):
        """While a handler of the main thread runs: takes what has come, and raises Cancelled if the
        handler is to end."""
        running = self._running
        while self._unheard:
            self._running = None
            self._unheard = False
            self.hear()
            self._running = running     # a signal up to here has set _unheard again
        self.interrupt_main()

    def hear(self):
        """Takes what has come, without waiting; cannot fail."""

    def interrupt_main(self):
        """Raises Cancelled if a handler runs in the main thread that is to end."""
        running = self._running
        if running is not None and running.cancelled:
            self._running = None        # once only
            raise Cancelled

    def say_from_main(self, line):
        """A line of a handler that runs in the main thread: no signal cuts it in two."""
        if threading.get_ident() != self._main_thread:
            self.say(line)              # of a thread that the handler has begun
            return
        running, self._running = self._running, None
        self.say(line)
        self._running = running
        if running is not None and self._unheard:
            self.poll()

    # -- answers --

    def say(self, line):
        """Sends a whole line, from any thread; nobody may be there to read it."""
        raise NotImplementedError

    def answer(self, attempt, value, problem):
        output.flush()
        attempt.end_print()
        self.send_answer(attempt, self.line_of(attempt.fence, value, problem))

    def send_answer(self, attempt, line):
        self.attempts.pop(attempt.fence, None)
        self.say(line)

    def line_of(self, fence, value, problem):
        if problem is None:
            try:
                return result_line(fence, value, self.max_line_bytes)
            except Exception as caught:
                problem = caught
        return error_line(fence, error_of(problem), self.max_line_bytes)
