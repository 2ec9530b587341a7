"""errors.py - what can go wrong: with the way to the daemon, with a request, with a job."""


class Error(Exception):
    """Everything that this package raises on its own."""


class Unreachable(Error):
    """No daemon answers there, or none that speaks this protocol; the message says where."""


class Disconnected(Error):
    """The connection ended before the answer came.

    Jobs that were accepted go on: their ids, if they were known, lead to them from a new
    connection (`client.job(id)`).
    """


class ProtocolError(Disconnected):
    """What came from the other side is not the protocol; the connection was closed."""


class RequestError(Error):
    """A request that the daemon did not serve.

    kind            str, a row of errors.def (`queue_full`, `not_found`, ...): the contract
    message         str, for people
    data            dict, all that the daemon says of it
    retryable       bool, the same request may be served later
    retry_after_ms  int milliseconds, or None
    """

    def __init__(self, kind, message, data):
        super().__init__(kind, message, data)
        self.kind = kind
        self.message = message
        self.data = data

    def __str__(self):
        return '%s: %s' % (self.kind, self.message)

    @property
    def retryable(self):
        return bool(self.data.get('retryable', False))

    @property
    def retry_after_ms(self):
        return self.data.get('retry_after_ms')


class JobError(Error):
    """A job that did not succeed.  id: its number; outcome: the daemon's words, a dict."""

    def __init__(self, outcome, message):
        super().__init__(outcome, message)
        self.outcome = outcome
        self.id = outcome['id']

    def __str__(self):
        return 'job %d %s' % (self.id, self.args[1])


class JobFailed(JobError):
    """Its last attempt failed: kind (failures.def), message, attempt (1..), data (the handler's own)."""

    def __init__(self, outcome):
        failure = outcome['failure']
        super().__init__(outcome, 'failed: %s: %s' % (failure['kind'], failure['message']))
        self.kind = failure['kind']
        self.message = failure['message']
        self.attempt = failure.get('attempt')
        self.data = failure.get('data')

    def __reduce__(self):
        return type(self), (self.outcome,)


class JobExpired(JobError):
    """It was not started within its ttl_ms."""

    def __init__(self, outcome):
        super().__init__(outcome, 'expired: %s' % outcome.get('reason', ''))

    def __reduce__(self):
        return type(self), (self.outcome,)


class JobCancelled(JobError):
    """It was cancelled.  Futures say it as `cancelled()` and CancelledError, as futures do."""

    def __init__(self, outcome):
        super().__init__(outcome, 'cancelled: %s' % outcome.get('reason', ''))

    def __reduce__(self):
        return type(self), (self.outcome,)


def result_of(outcome):
    """The result in an outcome, or the JobError that it is, raised."""
    state = outcome['state']
    if state == 'succeeded':
        return outcome['result']
    raise {'failed': JobFailed, 'expired': JobExpired, 'cancelled': JobCancelled}[state](outcome)
