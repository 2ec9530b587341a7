"""session.py - one conversation with the daemon, without a socket and without threads.

Whoever owns a Session writes what `take_output` gives to the socket, feeds what comes back, and
calls the callbacks that `feed` returns.  Client and AsyncClient are two such owners.
"""

import collections
import json

from .errors import ProtocolError, RequestError

MAX_LINE_BYTES = 16 << 20       # of a reply; longer results come in pieces
MAX_OPEN = 8000                 # requests without answer; the daemon refuses more than 16,384
LONG = ('job.call', 'job.wait', 'group.wait', 'queue.wait', 'server.drain')    # may take for ever
PIECE_BYTES = 1 << 20


class Session:
    def __init__(self, max_line_bytes):
        self.max_line_bytes = max_line_bytes
        self.daemon_line_bytes = 1 << 20        # of a request; hello says
        self.ended = None                       # the Disconnected that ended it
        self._next_id = 1
        self._open = {}                         # id -> callback
        self._short = set()                     # ids of those that are answered at once
        self._waiting = collections.deque()     # requests beyond MAX_OPEN
        self._output = []
        self._input = bytearray()
        self._looked = 0                        # bytes of it that hold no newline

    # ---- out ----

    def request(self, method, params, done, urgent=False):
        """Queues a request; done(result, error) will be among the callbacks.

        Urgent ones do not wait for others to be answered: a cancel frees room.
        """
        if self.ended is not None:
            raise self.ended
        number, self._next_id = self._next_id, self._next_id + 1
        message = {'jsonrpc': '2.0', 'id': number, 'method': method}
        if params:
            message['params'] = params
        line = json.dumps(message, separators=(',', ':'), ensure_ascii=False,
                          allow_nan=False).encode() + b'\n'
        if len(line) > self.daemon_line_bytes:
            raise RequestError('line_too_long', 'the request has %d bytes and the daemon reads %d'
                               % (len(line), self.daemon_line_bytes), {'bytes': len(line)})
        if method not in LONG:
            self._short.add(number)
        if urgent or len(self._open) < MAX_OPEN:
            self._send(number, line, done)
        else:
            self._waiting.append((number, line, done))

    def _send(self, number, line, done):
        self._open[number] = done
        self._output.append(line)

    def take_output(self):
        data = b''.join(self._output)
        self._output.clear()
        return data

    def backlog(self):
        """Requests that wait for others to be answered."""
        return len(self._waiting)

    def owed(self):
        """Something was asked, a submit above all, that the daemon will answer at once."""
        return bool(self._short)

    # ---- in ----

    def feed(self, data):
        """Bytes from the daemon; returns [(done, result, error), ...] to be called.

        What is not the protocol raises ProtocolError: close the connection, then `end`.
        """
        calls = []
        self._input += data
        while True:
            end = self._input.find(b'\n', self._looked)
            if end < 0:
                break
            line = bytes(self._input[:end])
            del self._input[:end + 1]
            self._looked = 0
            if line:
                self._take(line, calls)
        self._looked = len(self._input)
        if self._looked > self.max_line_bytes:
            raise ProtocolError('a line of more than %d bytes' % self.max_line_bytes)
        while self._waiting and len(self._open) < MAX_OPEN:
            self._send(*self._waiting.popleft())
        return calls

    def _take(self, line, calls):
        try:
            message = json.loads(line)
            number = message.get('id')
            if number is None:
                self._take_unasked(message)
                return
            result, error = None, message.get('error')
            if error is None:
                result = message['result']
            else:
                error = RequestError(error['data']['kind'], error['message'], error['data'])
            done = self._open.pop(number)
            self._short.discard(number)
            calls.append((done, result, error))
        except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as problem:
            raise ProtocolError('not a reply: %r' % line[:200]) from problem

    def _take_unasked(self, message):
        """Notifications that nobody asked for are ignored; an error of no request ends it."""
        if 'error' in message:
            raise ProtocolError('refused: %s' % message['error']['message'])

    # ---- the end ----

    def end(self, why):
        """No more answers will come: returns the callbacks of all that were asked."""
        self.ended = why
        calls = [(done, None, why) for done in self._open.values()]
        calls += [(done, None, why) for _, _, done in self._waiting]
        self._open.clear()
        self._short.clear()
        self._waiting.clear()
        return calls


# ---- steps of more than one request; send(method, params, done) is the owner's ----

def follow(send, job, done):
    """The outcome of a job, when it has one, with its whole result: done(outcome, error)."""
    send('job.wait', {'id': job}, whole(send, done))


def run(send, fields, done):
    """Submits and follows in one request."""
    send('job.call', fields, whole(send, done))


def whole(send, done):
    """A callback for an outcome, which fetches a result that did not fit before it calls done."""
    def on_outcome(outcome, error):
        if error is None and 'result_bytes' in outcome:
            fetch(send, outcome, done)
        else:
            done(outcome, error)

    return on_outcome


def fetch(send, outcome, done):
    """The result of an outcome that did not fit its line, in pieces."""
    pieces = []

    def on_piece(piece, error):
        if error is not None:
            done(None, error)
            return
        data = piece['data'].encode()
        pieces.append(data)
        if not piece['eof']:
            ask(piece['offset'] + len(data))
            return
        complete = dict(outcome)
        del complete['result_bytes']
        try:
            complete['result'] = json.loads(b''.join(pieces))
        except ValueError as problem:
            done(None, ProtocolError('the pieces of a result are no JSON: %s' % problem))
            return
        done(complete, None)

    def ask(offset):
        send('job.result', {'id': outcome['id'], 'offset': offset, 'limit': PIECE_BYTES}, on_piece)

    ask(0)


def job_fields(type, args, fields):
    """The members of a job, from submit's arguments: fields that are None were not given."""
    job = {name: value for name, value in fields.items() if value is not None}
    job['type'] = type
    if args is not None:
        job['args'] = args
    return job


def take_hello(session, hello):
    """Keeps what hello says of limits; False when it is of another version of the protocol."""
    session.daemon_line_bytes = hello.get('limits', {}).get('line_bytes', session.daemon_line_bytes)
    return hello.get('protocol') == 1


def hello_params(token, name, max_line_bytes):
    params = {'client': name, 'max_line_bytes': max_line_bytes}
    if token:
        params['token'] = token
    return params
