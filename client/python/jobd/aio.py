"""aio.py - the asyncio client: the same conversation, in an event loop and without a thread."""

import asyncio
import collections

from . import address as addresses
from . import session as sessions
from .client import CLOSE_SECONDS, CONNECT_SECONDS, ignore, program_name
from .errors import (Disconnected, ProtocolError, RequestError, Unreachable, result_of)


class AsyncJob:
    """A job that was accepted.  `await job` gives its result, or raises JobFailed, JobExpired,
    JobCancelled, Disconnected; it may be awaited more than once."""

    def __init__(self, client, id, outcome):
        self.id = id
        self._client = client
        self._outcome = outcome         # asyncio.Future

    def __await__(self):
        return self._wait().__await__()

    async def _wait(self):
        return result_of(await asyncio.shield(self._outcome))

    def done(self):
        return self._outcome.done()

    async def cancel(self):
        """Ends the job; True when it has ended by that, False when it had its outcome already."""
        try:
            await self._client.request('job.cancel', id=self.id)
        except RequestError as problem:
            if problem.kind in ('conflict', 'not_found'):
                return False
            raise
        return True


class AsyncClient:
    """A connection to jobd for one event loop; made by `async with`, or by `await connect()`.

    The parameters are those of Client.  When a task that awaits `call` is cancelled, its job is.
    """

    def __init__(self, address=None, token=None, name=None, connect_timeout=CONNECT_SECONDS,
                 max_line_bytes=sessions.MAX_LINE_BYTES, ca=None, cert=None, key=None):
        self._given = address, token, name or program_name(), connect_timeout
        self._certificates = addresses.Certificates(ca, cert, key)
        self._max_line_bytes = max_line_bytes
        self._session = None
        self._transport = None
        self._closing = None            # who waits in close
        self.address = self.hello = None

    async def __aenter__(self):
        return await self.connect()

    async def __aexit__(self, *_):
        await self.close()

    async def connect(self):
        address, token, name, timeout = self._given
        self._loop = asyncio.get_running_loop()
        self._session = sessions.Session(self._max_line_bytes)
        self._writable = asyncio.Event()
        self._writable.set()
        self._lost = self._loop.create_future()
        try:
            await asyncio.wait_for(self._reach(addresses.candidates(address)), timeout)
            if token is None:
                token = addresses.token_for(self.address, self._certificates.cert)
            params = sessions.hello_params(token, name, self._session.max_line_bytes)
            self.hello = await asyncio.wait_for(self.request('hello', **params), timeout)
            if not sessions.take_hello(self._session, self.hello):
                raise Unreachable('%s: speaks another version of the protocol' % self.address)
        except (asyncio.TimeoutError, Disconnected) as problem:
            await self.close()
            raise Unreachable('%s: %s' % (self.address or address, problem or 'no answer')) from problem
        except BaseException:
            await self.close()
            raise
        return self

    async def close(self):
        """Ends the connection, when what was submitted is accepted or refused.

        What is awaited becomes Disconnected; jobs go on.
        """
        if self._transport is None:
            return
        if self._session.owed():
            await asyncio.wait([self._settled()], timeout=CLOSE_SECONDS)
        self._end(Disconnected('the client was closed'))
        self._transport.close()
        await self._lost

    # ---- jobs ----

    async def call(self, type, args=None, **fields):
        """Runs a job and gives its result."""
        job = await self.submit(type, args, **fields)
        try:
            return await job
        except asyncio.CancelledError:
            self._send_quietly('job.cancel', {'id': job.id})
            raise

    async def submit(self, type, args=None, **fields):
        """Submits a job; returns an AsyncJob when the daemon has accepted it.

        When the task that awaits this is cancelled, so is the job.
        """
        await self._writable.wait()
        accepted = self._loop.create_future()

        def on_submitted(reply, error):
            if accepted.cancelled() and error is None:
                self._send_quietly('job.cancel', {'id': reply['id']})
            else:
                settle(accepted)(reply, error)

        self._send('job.submit', sessions.job_fields(type, args, fields), on_submitted)
        return self.job((await accepted)['id'])

    def job(self, id):
        """An AsyncJob for a job that was submitted before, by anybody."""
        outcome = self._loop.create_future()
        outcome.add_done_callback(look_at)
        sessions.follow(self._send, id, settle(outcome))
        return AsyncJob(self, id, outcome)

    async def map(self, type, arguments, *, window=1000, **fields):
        """Results of one job for each element of an iterable, in its order: `async for`.

        As Client.map: at most `window` jobs are under way, and they are cancelled at the end.
        """
        if window < 1:
            raise ValueError('window must be at least 1, not %r' % (window,))
        arguments, under_way = iter(arguments), collections.deque()
        try:
            while True:
                for args in arguments:
                    under_way.append(await self.submit(type, args, **fields))
                    if len(under_way) >= window:
                        break
                if not under_way:
                    return
                yield await under_way.popleft()
        finally:
            for job in under_way:
                self._send_quietly('job.cancel', {'id': job.id})

    # ---- requests ----

    async def request(self, method, **params):
        """Any method of the protocol: its result, or RequestError."""
        await self._writable.wait()
        answer = self._loop.create_future()
        self._send(method, params, settle(answer))
        return await answer

    async def get(self, id):
        """All about a job, as a dict."""
        return await self.request('job.get', id=id)

    async def explain(self, id):
        """Why it waits, runs where it runs, or died."""
        return await self.request('job.explain', id=id)

    async def list(self, **filter):
        """Jobs, newest first: `async for job in client.list(state='failed')`."""
        params = {'filter': filter} if filter else {}
        while True:
            page = await self.request('job.list', **params)
            for item in page['items']:
                yield item
            if page['next'] is None:
                return
            params['cursor'] = page['next']

    # ---- the connection ----

    async def _reach(self, candidates):
        problems = []
        for address in candidates:
            kind, *where = addresses.parse(address)
            try:
                if kind != 'unix':
                    context = self._certificates.context() if kind == 'tls' else None
                    await self._loop.create_connection(lambda: Pipe(self), *where, ssl=context)
                else:
                    await self._loop.create_unix_connection(lambda: Pipe(self), *where)
                self.address = address
                return
            except OSError as problem:
                problems.append('%s: %s' % (address, problem))
        raise Unreachable('%s; is jobd running? (JOBD_HOST says where)' % '; '.join(problems))

    def _send(self, method, params, done, urgent=False):
        if self._session is None:
            raise Disconnected('not connected: use `async with`, or await connect()')
        self._session.request(method, params, done, urgent)
        self._transport.write(self._session.take_output())

    def _send_quietly(self, method, params):
        try:
            self._send(method, params, ignore, urgent=True)
        except Disconnected:
            pass

    def _feed(self, data):
        try:
            calls = self._session.feed(data)
        except ProtocolError as problem:
            self._end(problem)
            self._transport.abort()
            return
        for done, result, error in calls:
            done(result, error)
        self._look_settled()
        output = self._session.take_output()
        if output and not self._transport.is_closing():
            self._transport.write(output)

    def _end(self, why):
        if self._session.ended is not None:
            return
        for done, result, error in self._session.end(why):
            done(result, error)
        self._look_settled()
        self._writable.set()

    def _settled(self):
        """A future that is done when nothing is owed any more."""
        self._closing = self._loop.create_future()
        return self._closing

    def _look_settled(self):
        if self._closing is not None and not self._closing.done() and not self._session.owed():
            self._closing.set_result(None)


class Pipe(asyncio.Protocol):
    """The socket's end of an AsyncClient."""

    def __init__(self, client):
        self._client = client

    def connection_made(self, transport):
        self._client._transport = transport

    def data_received(self, data):
        self._client._feed(data)

    def pause_writing(self):
        self._client._writable.clear()

    def resume_writing(self):
        self._client._writable.set()

    def connection_lost(self, problem):
        self._client._end(Disconnected(str(problem or 'the daemon closed the connection')))
        if not self._client._lost.done():
            self._client._lost.set_result(None)


def settle(future):
    """A callback that settles an asyncio.Future."""
    def done(result, error):
        if future.done():
            return
        if error is not None:
            future.set_exception(error)
        else:
            future.set_result(result)

    return done


def look_at(future):
    """A job that nobody awaits is no mistake: its error must not be reported as one."""
    if not future.cancelled():
        future.exception()


