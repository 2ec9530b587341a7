"""client.py - the blocking client, and its futures.

A Client has one connection and one thread, which alone touches the socket; any thread may use the
Client.  Callbacks of futures run in that thread, and must not wait for other futures of the same
Client.
"""

import collections
import concurrent.futures
import os
import selectors
import socket
import ssl
import sys
import threading
import time

from . import address as addresses
from . import session as sessions
from .errors import Disconnected, Error, ProtocolError, Unreachable, result_of

CONNECT_SECONDS = 10
CLOSE_SECONDS = 10      # for what was asked to be answered, at the end
BACKLOG = 16000         # requests that wait in this process before submit blocks
PIECE = 1 << 18


class JobFuture(concurrent.futures.Future):
    """A job's outcome to be.  Works with concurrent.futures.wait and as_completed.

    result() gives the job's result, or raises JobFailed, JobExpired, or CancelledError; when the
    daemon refused the job, RequestError; when the connection ended first, Disconnected.
    """

    def __init__(self, client, job=None):
        super().__init__()
        self._client = client
        self._id = job
        self._accepted = threading.Event()
        if job is not None:
            self._accepted.set()
        self._cancel_asked = False

    @property
    def id(self):
        """The job's number; None as long as the daemon has not accepted it."""
        return self._id

    def accepted(self, timeout=None):
        """Waits until the daemon has accepted the job, and gives its id.

        Raises what kept the daemon from it, or concurrent.futures.TimeoutError after so many seconds.
        """
        if not self._accepted.wait(timeout):
            raise concurrent.futures.TimeoutError()
        if self._id is None:
            self.result()
        return self._id

    def cancel(self):
        """Asks the daemon to end the job; a running one too.

        False when it has its outcome already.  True: it was asked, and the future is done when the
        job has ended, as cancelled unless it finished first.
        """
        if self.done():
            return False
        self._client._cancel(self)
        return True

    def running(self):
        """Always False: a future does not know when the daemon starts its job (Client.get does)."""
        return False

    # ---- called by the client's thread ----

    def _accept(self, job):
        self._id = job
        self._accepted.set()

    def _settle(self, outcome, error):
        if error is not None:
            self.set_exception(error)
        elif outcome['state'] == 'cancelled':
            super().cancel()
            self.set_running_or_notify_cancel()
        else:
            try:
                self.set_result(result_of(outcome))
            except Error as problem:
                self.set_exception(problem)
        self._accepted.set()


class Client:
    """A connection to jobd.

    address     str, `unix:PATH`, `tcp:HOST:PORT` or `tls:HOST:PORT`; without it JOBD_HOST, the user's own
                daemon, the system's
    token       str, for TCP and TLS; without it JOBD_TOKEN_FILE or, for TCP, the files where jobd keeps it
    ca, cert, key  str, PEM files for TLS: the authorities that are believed, your certificate and its key;
                without them JOBD_CA (or the system's), JOBD_CERT and JOBD_KEY
    name        str, what this program calls itself: kept with its jobs
    connect_timeout  float seconds
    max_line_bytes  int from 1024: the longest reply to be read at once; longer results come in pieces

    Raises Unreachable, or RequestError when the daemon refuses the token.  Use it as a context
    manager, or call close.  Jobs do not end with the connection.
    """

    def __init__(self, address=None, token=None, name=None, connect_timeout=CONNECT_SECONDS,
                 max_line_bytes=sessions.MAX_LINE_BYTES, ca=None, cert=None, key=None):
        self._pid = os.getpid()
        self._lock = threading.Lock()
        self._room = threading.Condition(self._lock)
        self._session = sessions.Session(max_line_bytes)
        self._closing = False
        self._end_by = None
        name = name or program_name()
        certificates = addresses.Certificates(ca, cert, key)
        self.address, self._socket = connect(addresses.candidates(address), connect_timeout, certificates)
        try:
            if token is None:
                token = addresses.token_for(self.address, certificates.cert)
            self.hello = self._greet(token, name, connect_timeout)
        except BaseException:
            self._socket.close()
            raise
        self._wake_in, self._wake_out = socket.socketpair()
        self._wake_in.setblocking(False)
        self._wake_out.setblocking(False)
        self._socket.setblocking(False)
        self._thread = threading.Thread(target=self._loop, name='jobd client', daemon=True)
        self._thread.start()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def close(self):
        """Ends the connection and its thread, when what was submitted is accepted or refused.

        Futures that are not done become Disconnected; their jobs go on.
        """
        with self._lock:
            self._closing = True
            self._end_by = time.monotonic() + CLOSE_SECONDS
        self._wake()
        if threading.current_thread() is not self._thread:
            self._thread.join()

    # ---- jobs ----

    def call(self, type, args=None, *, timeout=None, **fields):
        """Runs a job and gives its result: raises JobFailed, JobExpired, JobCancelled, RequestError.

        timeout: seconds to wait here, then concurrent.futures.TimeoutError, and the job goes on; to
        end the job give timeout_ms.
        """
        future = concurrent.futures.Future()
        sessions.run(self._send, sessions.job_fields(type, args, fields), settle_plain(future))
        return result_of(future.result(timeout))

    def submit(self, type, args=None, **fields):
        """Submits a job; returns its JobFuture at once."""
        future = JobFuture(self)

        def on_submitted(reply, error):
            if error is not None:
                future._settle(None, error)
                return
            future._accept(reply['id'])
            if future._cancel_asked:
                self._send_cancel(future)
            self._follow(future)

        self._send('job.submit', sessions.job_fields(type, args, fields), on_submitted)
        return future

    def job(self, id):
        """A JobFuture for a job that was submitted before, by anybody."""
        future = JobFuture(self, id)
        self._follow(future)
        return future

    def map(self, type, arguments, *, window=1000, **fields):
        """Results of one job for each element of an iterable, in its order, as a generator.

        window: so many jobs are under way at once; the iterable is read no further.  The first job
        that does not succeed raises; what is under way then, or when the generator is closed, is
        cancelled.
        """
        if window < 1:
            raise ValueError('window must be at least 1, not %r' % (window,))
        return self._map(type, iter(arguments), window, fields)

    def _map(self, type, arguments, window, fields):
        under_way = collections.deque()
        try:
            while True:
                for args in arguments:
                    under_way.append(self.submit(type, args, **fields))
                    if len(under_way) >= window:
                        break
                if not under_way:
                    return
                yield under_way.popleft().result()
        finally:
            for future in under_way:
                future.cancel()

    # ---- requests ----

    def request(self, method, **params):
        """Any method of the protocol: its result, or RequestError."""
        return self.request_async(method, **params).result()

    def request_async(self, method, **params):
        """The same as a concurrent.futures.Future."""
        future = concurrent.futures.Future()
        self._send(method, params, settle_plain(future))
        return future

    def get(self, id):
        """All about a job, as a dict."""
        return self.request('job.get', id=id)

    def explain(self, id):
        """Why it waits, runs where it runs, or died: a dict with `text`, `waits`, `route`."""
        return self.request('job.explain', id=id)

    def cancel(self, id):
        """Ends a job; returns when it has ended."""
        return self.request('job.cancel', id=id)

    def list(self, **filter):
        """Jobs, newest first, as a generator of dicts: list(state='failed', label={'run': '7'})."""
        return pages(self.request, 'job.list', filter)

    # ---- the connection ----

    def _greet(self, token, name, timeout):
        """hello, before the thread runs: the daemon's answer."""
        answer = []
        self._session.request('hello', sessions.hello_params(token, name,
                                                             self._session.max_line_bytes),
                              lambda result, error: answer.append((result, error)))
        self._socket.settimeout(timeout)
        try:
            self._socket.sendall(self._session.take_output())
            while not answer:
                data = self._socket.recv(PIECE)
                if not data:
                    raise Unreachable('%s: closed the connection at once' % self.address)
                for done, result, error in self._session.feed(data):
                    done(result, error)
        except (OSError, ProtocolError) as problem:
            raise Unreachable('%s: %s' % (self.address, problem)) from problem
        result, error = answer[0]
        if error is not None:
            raise error
        if not sessions.take_hello(self._session, result):
            raise Unreachable('%s: speaks another version of the protocol' % self.address)
        return result

    def _send(self, method, params, done, urgent=False):
        if os.getpid() != self._pid:
            raise Error('this Client belongs to the process that made it: make another after fork')
        with self._lock:
            while (self._session.backlog() >= BACKLOG and self._session.ended is None and
                   threading.current_thread() is not self._thread):
                self._room.wait()
            self._session.request(method, params, done, urgent)
        self._wake()

    def _follow(self, future):
        sessions.follow(self._send, future._id, future._settle)

    def _cancel(self, future):
        future._cancel_asked = True
        if future._id is not None:
            self._send_cancel(future)

    def _send_cancel(self, future):
        try:
            self._send('job.cancel', {'id': future._id}, ignore, urgent=True)
        except Disconnected:
            pass            # the future says so itself

    def _wake(self):
        if threading.current_thread() is self._thread:
            return
        try:
            self._wake_in.send(b'x')
        except BlockingIOError:
            pass            # it has been told already
        except OSError:
            pass            # closed: so is the session

    # ---- the thread ----

    def _loop(self):
        why = Disconnected('the client was closed')
        output = memoryview(b'')
        with selectors.DefaultSelector() as selector:
            selector.register(self._wake_out, selectors.EVENT_READ)
            selector.register(self._socket, selectors.EVENT_READ)
            while True:
                with self._lock:
                    if not output:
                        output = memoryview(self._session.take_output())
                    if self._closing and not (output or self._session.owed()):
                        break
                try:
                    output = self._turn(selector, output)
                except (OSError, Disconnected) as problem:
                    why = problem if isinstance(problem, Disconnected) else Disconnected(str(problem))
                    break
        self._end(why)

    def _turn(self, selector, output):
        """Waits for the socket or for work; returns what is still to be written."""
        if output:
            try:
                output = output[self._socket.send(output):]
            except (BlockingIOError, ssl.SSLWantReadError, ssl.SSLWantWriteError):
                pass
        events = selectors.EVENT_READ | (selectors.EVENT_WRITE if output else 0)
        selector.modify(self._socket, events)
        left = None if self._end_by is None else self._end_by - time.monotonic()
        if left is not None and left <= 0:
            raise Disconnected('the daemon did not answer in time')
        for key, ready in selector.select(left):
            if key.fileobj is self._wake_out:
                self._wake_out.recv(4096)
            elif ready & selectors.EVENT_READ:
                self._read()
        return output

    def _read(self):
        try:
            data = self._socket.recv(PIECE)
            while data and holds_more(self._socket):
                data += self._socket.recv(PIECE)
        except (BlockingIOError, ssl.SSLWantReadError, ssl.SSLWantWriteError):
            return
        if not data:
            raise Disconnected('the daemon closed the connection')
        with self._lock:
            calls = self._session.feed(data)
            self._room.notify_all()
        for done, result, error in calls:
            done(result, error)

    def _end(self, why):
        with self._lock:
            self._closing = True
            calls = self._session.end(why)
            self._room.notify_all()
        self._socket.close()
        for done, result, error in calls:
            done(result, error)
        self._wake_in.close()
        self._wake_out.close()


# ---- helpers ----

def program_name():
    return (os.path.basename(sys.argv[0]) if sys.argv and sys.argv[0] else 'python')[:64] or 'python'


def holds_more(sock):
    """Has TLS taken more from the socket than it gave?  select knows nothing of that."""
    return isinstance(sock, ssl.SSLSocket) and sock.pending() > 0


def connect(candidates, timeout, certificates):
    """(address, socket) of the first that answers."""
    problems = []
    for address in candidates:
        kind, *where = addresses.parse(address)
        try:
            if kind != 'unix':
                return address, connect_tcp(kind, where, timeout, certificates)
            sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
            sock.settimeout(timeout)
            try:
                sock.connect(where[0])
            except BaseException:
                sock.close()
                raise
            return address, sock
        except OSError as problem:
            problems.append('%s: %s' % (address, problem))
    raise Unreachable('%s; is jobd running? (JOBD_HOST says where)' % '; '.join(problems))


def connect_tcp(kind, where, timeout, certificates):
    context = certificates.context() if kind == 'tls' else None
    sock = socket.create_connection(tuple(where), timeout)
    try:
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        return sock if context is None else context.wrap_socket(sock, server_hostname=where[0])
    except BaseException:
        sock.close()
        raise


def settle_plain(future):
    """A callback that settles a concurrent.futures.Future."""
    def done(result, error):
        if not future.set_running_or_notify_cancel():
            return
        if error is not None:
            future.set_exception(error)
        else:
            future.set_result(result)

    return done


def ignore(result, error):
    pass


def pages(request, method, filter):
    """The items of a list, page by page."""
    cursor = {}
    while True:
        page = request(method, **dict({'filter': filter} if filter else {}, **cursor))
        yield from page['items']
        if page['next'] is None:
            return
        cursor = {'cursor': page['next']}
