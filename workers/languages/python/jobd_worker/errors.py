"""errors.py - how an attempt ends otherwise than by a result."""

import traceback

TRACEBACK_CHARACTERS = 32000            # of its end: failure.data may have 64 KiB


class Cancelled(BaseException):
    """Raised inside a handler whose job was cancelled or has run out of time.

    It is no Exception, so `except Exception` does not swallow it.  Clean up and let it pass; it comes
    once only, so the clean-up is not disturbed.
    """


class Retry(Exception):
    """This attempt failed; another one may succeed, not before `after` seconds (None: the job's own
    back-off).  Whether there is another attempt is the job's `retry`."""

    def __init__(self, message='try again', after=None, data=None):
        super().__init__(message)
        self.after = after
        self.data = data


class Failure(Exception):
    """The job failed, in words of its own.  `data`, a dict, is kept as failure.data; `retryable` says
    whether another attempt might do better."""

    def __init__(self, message, data=None, retryable=False):
        super().__init__(message)
        self.data = data
        self.retryable = retryable


class BadArguments(Exception):
    """The job's args are not what the handler takes."""


class BadResult(Exception):
    """What a handler returned cannot be sent."""


def message_of(problem):
    """`ValueError: no image`, or the name alone."""
    name = type(problem).__name__
    text = str(problem)
    return '%s: %s' % (name, text) if text else name


def error_of(problem):
    """The `error` of an answer, for an exception that ended a handler."""
    if isinstance(problem, Cancelled):
        return {'code': -32000, 'message': str(problem) or 'cancelled', 'data': {'cancelled': True}}
    if isinstance(problem, BadResult):
        return {'code': -32000, 'message': str(problem),
                'data': {'retryable': False, 'kind': 'bad_result'}}
    if isinstance(problem, BadArguments):
        return {'code': -32602, 'message': str(problem), 'data': {'retryable': False}}
    if isinstance(problem, Failure):
        return _said(problem, {'retryable': bool(problem.retryable)})
    if isinstance(problem, Retry):
        own = {'retryable': True}
        if problem.after is not None:
            own['retry_after_ms'] = max(0, int(problem.after * 1000))
        return _said(problem, own)
    return {'code': -32000, 'message': message_of(problem),
            'data': {'retryable': True, 'exception': type(problem).__name__,
                     'traceback': traceback_of(problem)}}


def _said(problem, own):
    return {'code': -32000, 'message': str(problem), 'data': dict(problem.data or {}, **own)}


def traceback_of(problem):
    """As Python prints it, without the frames of this package above the handler's."""
    below = problem.__traceback__
    while below is not None and below.tb_frame.f_globals.get('__package__') == __package__:
        below = below.tb_next
    lines = traceback.format_exception(type(problem), problem, below)
    return ''.join(lines)[-TRACEBACK_CHARACTERS:]
