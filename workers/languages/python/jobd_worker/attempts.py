"""attempts.py - one attempt at running a job: what its handler may ask and say, and how it is told
to end.

How it is told depends on where it runs.  In the main thread a signal handler raises Cancelled (see
worker.py).  In a thread of the pool the interpreter is asked to raise it there, which it does between
two instructions of Python: a call that blocks has to come back first.  A task is cancelled as asyncio
does it.
"""

import contextvars
import ctypes
import threading
import time

from .errors import Cancelled
from .wire import message

PROGRESS_SECONDS = 0.1                  # between two lines of progress, but for the last one
LEVELS = ('debug', 'info', 'warn', 'error')

_current = contextvars.ContextVar('jobd_attempt', default=None)
enter = _current.set
running = _current.get


def attempt():
    """The attempt that runs here: in this handler, or in a task that it began."""
    one = running()
    if one is None:
        raise RuntimeError('no attempt runs here; a thread of your own gets the one of its handler '
                           'from you')
    return one


class Attempt:
    """An attempt.  `job`, `type`, `number` (from 1), `fence` and `args` are as jobd said them;
    `traceparent` too, the trace that the job belongs to (W3C Trace Context), None when none was said."""

    __slots__ = ('worker', 'handler', 'job', 'number', 'fence', 'deadline_ms', 'args', 'traceparent',
                 'cancelled', '_progress_at', '_begun')

    def __init__(self, worker, handler, params):
        self.worker = worker
        self.handler = handler
        self.job = params['job']
        self.number = params['attempt']
        self.fence = params['fence']
        self.deadline_ms = params['deadline_ms']
        self.args = params['args']
        self.traceparent = params.get('traceparent')
        self.cancelled = False          # it was told to end
        self._progress_at = 0.0
        self._begun = ''                # what it printed since the last line end

    @property
    def type(self):
        return self.handler.name

    @property
    def deadline(self):
        """When it will be cancelled, in seconds as time.time() counts them; None: never."""
        return self.deadline_ms / 1000 if self.deadline_ms else None

    def remaining(self):
        """Seconds until the deadline, at least 0; None: there is none."""
        return max(0.0, self.deadline_ms / 1000 - time.time()) if self.deadline_ms else None

    def check(self):
        """Raises Cancelled if the attempt was told to end: for threads of your own, and between calls
        of a library that computes for long."""
        if self.cancelled:
            raise Cancelled

    def progress(self, done=None, total=None, text=None):
        """Tells how far it is.  Call it as often as you like: ten a second are sent, and the one whose
        `done` is `total`."""
        now = time.monotonic()
        if now - self._progress_at < PROGRESS_SECONDS and (done is None or done != total):
            return
        self._progress_at = now
        said = {'done': done, 'total': total, 'text': None if text is None else readable(text)}
        self._tell('attempt.progress', {k: v for k, v in said.items() if v is not None})

    def log(self, text, level='info'):
        """A line of the job's log."""
        if level not in LEVELS:
            raise ValueError('there is no level %r; levels: %s' % (level, ', '.join(LEVELS)))
        self._tell('attempt.log', {'level': level, 'text': readable(text)})

    def printed(self, text, level):
        """What it printed, where several run at once."""
        *lines, self._begun = (self._begun + text).split('\n')
        for line in lines:
            self.log(line, level)

    def end_print(self):
        if self._begun:
            line, self._begun = self._begun, ''
            self.log(line)

    def _tell(self, method, more):
        params = {'job': self.job, 'attempt': self.number, 'fence': self.fence, **more}
        self.say(message(method, params))


class MainAttempt(Attempt):
    """In the main thread."""

    __slots__ = ()

    def say(self, line):
        self.worker.say_from_main(line)

    def cancel(self):
        self.cancelled = True
        self.worker.interrupt_main()


class ThreadAttempt(Attempt):
    """In a thread of the pool."""

    __slots__ = ('_lock', '_thread')

    def __init__(self, *given):
        super().__init__(*given)
        self._lock = threading.Lock()   # of _thread: whoever cancels, against the end
        self._thread = None             # ident of the thread that runs it

    def say(self, line):
        self.worker.say(line)           # one call of C: an interruption comes before or after it

    def cancel(self):
        with self._lock:
            self.cancelled = True
            if self._thread is not None:
                _raise_in(self._thread, Cancelled)

    def begin(self):
        with self._lock:
            self.check()
            self._thread = threading.get_ident()

    def end(self):
        """From here on it is not interrupted; may raise a Cancelled that was on its way."""
        with self._lock:
            self._thread = None
            _raise_in(threading.get_ident(), None)


class TaskAttempt(Attempt):
    """As a task of the event loop."""

    __slots__ = ('task',)

    def __init__(self, *given):
        super().__init__(*given)
        self.task = None

    def say(self, line):
        self.worker.say(line)

    def cancel(self):
        self.cancelled = True
        self.worker.tasks.cancel(self)


def readable(text):
    """Text for people: what is no Unicode, as bytes of a file's name that are not UTF-8, is escaped."""
    return str(text).encode('utf-8', 'backslashreplace').decode()


def _raise_in(ident, exception):
    ctypes.pythonapi.PyThreadState_SetAsyncExc(
        ctypes.c_ulong(ident), ctypes.py_object(exception) if exception else None)
