"""jobd_worker - handlers of jobd's jobs, written in Python.  Standard library only.

    import jobd_worker as jobd

    @jobd.job
    def resize(path: str, width: int = 100):
        for n in range(10):
            ...
            jobd.progress(n + 1, 10)
        return {'width': width}

    @jobd.job('page.fetch', lane='thread')      # waits in calls that block: others run beside it
    def fetch(url: str): ...

    @jobd.job                                   # lane async
    async def poll(url: str): ...

    if __name__ == '__main__':
        jobd.serve()

Or, without the last two lines: `python3 -m jobd_worker MODULE...`.
"""

from .attempts import Attempt, attempt
from .errors import Cancelled, Failure, Retry
from .output import LogHandler
from .program import check, deadline, log, progress, remaining, serve, traceparent
from .handlers import job

__version__ = '0.1.0'
__all__ = ['Attempt', 'Cancelled', 'Failure', 'LogHandler', 'Retry', 'attempt', 'check', 'deadline',
           'job', 'log', 'progress', 'remaining', 'serve', 'traceparent']
