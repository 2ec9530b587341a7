"""program.py - the functions that a program calls."""

import os

from . import handlers
from .attempts import attempt
from .local import LocalWorker
from .remote import RemoteWorker, read_token


def serve(threads=8, tasks=100, *, address=None, pool=None, token_file=None, name=None, credit=None,
          ca=None, cert=None, key=None):
    """Serves the handlers that @job has declared, until jobd says that it is enough.

    Call it from the main thread.  `threads` and `tasks` are how many attempts of the lanes thread and
    async this worker takes at once.

    With an `address` (tls:HOST:PORT, tcp:HOST:PORT, unix:PATH) it is a remote worker of the pool `pool`: it connects,
    and comes back when the connection breaks.  `token_file` holds the worker token (else
    JOBD_WORKER_TOKEN_FILE says where it is), `name` is for people, and `credit` is how many attempts
    may be sent to it at once, if fewer than there is room for.  For TLS `ca`, `cert` and `key` are PEM files:
    who may sign jobd's certificate, and what is shown to it (else JOBD_CA, JOBD_CERT and JOBD_KEY say so).
    """
    if address is not None:
        remote(threads, tasks, address, pool, token_file, name, credit, (ca, cert, key)).serve()
        return
    descriptor = os.environ.pop('JOBD_FD', None)        # children have no business with it
    if descriptor is None or not descriptor.isdecimal():
        raise RuntimeError('jobd has not started this program (JOBD_FD is not set), and there is no '
                           'address to connect to')
    LocalWorker(handlers.declared, slots(threads, tasks), int(descriptor)).serve()


def slots(threads, tasks):
    return {'process': 1, 'thread': threads, 'async': tasks}


def remote(threads, tasks, address, pool, token_file, name, credit, files):
    if not pool:
        raise ValueError('a remote worker works for a pool: serve(address=..., pool=...)')
    file = token_file or os.environ.get('JOBD_WORKER_TOKEN_FILE')
    token = read_token(file) if file else None
    return RemoteWorker(handlers.declared, slots(threads, tasks), address, pool, name, token, credit, files)


def progress(done=None, total=None, text=None):
    """Tells how far this attempt is."""
    attempt().progress(done, total, text)


def log(text, level='info'):
    """A line of this job's log; levels: debug, info, warn, error."""
    attempt().log(text, level)


def check():
    """Raises Cancelled if this attempt was told to end."""
    attempt().check()


def deadline():
    """When this attempt will be cancelled, as time.time() counts; None: never."""
    return attempt().deadline


def traceparent():
    """The trace that this job belongs to, as W3C Trace Context has it; None: none was said."""
    return attempt().traceparent


def remaining():
    """Seconds until then, at least 0; None: no limit."""
    return attempt().remaining()
