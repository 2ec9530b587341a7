"""output.py - what handlers print.

Standard output of a worker is the log of the attempt that runs in it.  Where several run at once jobd
cannot tell whose a line is, but the context of the thread or task can: there each line printed becomes
a line of that attempt's log.
"""

import logging
import sys

from .attempts import MainAttempt, running

_LEVELS = ((logging.ERROR, 'error'), (logging.WARNING, 'warn'), (logging.INFO, 'info'))


class Shared:
    """A text stream in the place of sys.stdout or sys.stderr of a worker that runs several attempts."""

    def __init__(self, stream, level):
        self._stream = stream
        self._level = level

    def __getattr__(self, name):
        return getattr(self._stream, name)

    def write(self, text):
        attempt = running()
        if attempt is None or isinstance(attempt, MainAttempt):
            return self._stream.write(text)
        attempt.printed(text, self._level)
        return len(text)

    def writelines(self, lines):
        for line in lines:
            self.write(line)


def by_line():
    """What is printed leaves this process line by line."""
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, 'reconfigure'):
            stream.reconfigure(line_buffering=True, errors='backslashreplace')


def share():
    """From now on each attempt's lines are its own, also where several run."""
    sys.stdout = Shared(sys.stdout, 'info')
    sys.stderr = Shared(sys.stderr, 'warn')


def flush():
    for stream in (sys.stdout, sys.stderr):
        try:
            stream.flush()
        except (AttributeError, OSError, ValueError):
            pass                        # None, closed, or nobody reads it


class LogHandler(logging.Handler):
    """Of the module logging: records made by a handler become lines of its job's log, with the level.

        logging.basicConfig(level=logging.INFO, handlers=[jobd.LogHandler()])
    """

    def emit(self, record):
        try:
            text = self.format(record)
            attempt = running()
            if attempt is None:
                print(text, file=sys.stderr)
            else:
                attempt.log(text, next((l for n, l in _LEVELS if record.levelno >= n), 'debug'))
        except Exception:
            self.handleError(record)
