"""jobd - client of the daemon that runs jobs.  Standard library only.

    import concurrent.futures
    import jobd

    with jobd.Client() as client:
        client.call('echo', {'hello': 'world'})                 # waits, gives the result
        futures = [client.submit('file.digest', {'path': p}) for p in paths]
        for future in concurrent.futures.as_completed(futures):
            print(future.id, future.result())

    async with jobd.AsyncClient() as client:
        results = await asyncio.gather(*[client.call('sleep', {'ms': 100}) for _ in range(10000)])

What a job may say (queue, priority, timeout_ms, ...) is a keyword of submit, call and map, under the
names of the protocol.  A request that is not served raises RequestError with the `kind` of the
protocol; a job that does not succeed raises JobFailed, JobExpired or JobCancelled.
"""

from .aio import AsyncClient, AsyncJob
from .client import Client, JobFuture
from .errors import (Disconnected, Error, JobCancelled, JobError, JobExpired, JobFailed,
                     ProtocolError, RequestError, Unreachable)

__version__ = '0.1.0'
__all__ = ['AsyncClient', 'AsyncJob', 'Client', 'Disconnected', 'Error', 'JobCancelled', 'JobError',
           'JobExpired', 'JobFailed', 'JobFuture', 'ProtocolError', 'RequestError', 'Unreachable']

_OF_WORKERS = frozenset(('Attempt', 'Cancelled', 'Failure', 'LogHandler', 'Retry', 'attempt', 'check',
                         'deadline', 'job', 'log', 'progress', 'remaining', 'serve', 'traceparent'))


def __getattr__(name):
    """The names of the worker kit, where it is installed: a program may be client and worker."""
    if name not in _OF_WORKERS:
        raise AttributeError('module %r has no attribute %r' % (__name__, name))
    try:
        import jobd_worker
    except ImportError:
        raise AttributeError('jobd.%s is of the package jobd_worker, which is not installed'
                             % name) from None
    return getattr(jobd_worker, name)
