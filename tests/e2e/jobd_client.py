"""jobd_client.py - a small client of jobd's wire protocol, for tests and the demo.

Blocking, one socket, standard library only.  Replies are matched by id, so calls may be pipelined:

    with Client('unix:/run/jobd/jobd.sock') as c:
        first = c.start('job.call', type='sleep', args={'ms': 100})
        print(c.call('ping'))
        print(c.finish(first))
"""

import json
import os
import socket
import time

# Sanitizers and a loaded machine make everything slower, never wrong.
PATIENCE = float(os.environ.get('JOBD_TEST_PATIENCE', '1'))


class RpcError(Exception):
    """A request that was not served: error.data.kind is the contract."""

    def __init__(self, error):
        super().__init__('%s: %s' % (error['data']['kind'], error['message']))
        self.error = error
        self.kind = error['data']['kind']
        self.message = error['message']
        self.data = error['data']


class Closed(Exception):
    """The other side closed the connection."""


def connect(address, timeout, context=None):
    """context: an ssl.SSLContext for `tls:`."""
    kind, _, rest = address.partition(':')
    if kind == 'unix':
        sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        sock.settimeout(timeout)
        sock.connect(rest)
        return sock
    host, _, port = rest.rpartition(':')
    sock = socket.create_connection((host, int(port)), timeout)
    sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return sock if kind != 'tls' else context.wrap_socket(sock, server_hostname='localhost')


class Client:
    """A connection.  record(request_line, reply_line), if given, sees each matched pair."""

    def __init__(self, address, token=None, record=None, timeout=60, hello=None, context=None):
        self.timeout = timeout
        self.sock = connect(address, timeout, context)
        self.record = record
        self.next_id = 1
        self.input = bytearray()
        self.open = {}          # id -> request line
        self.replies = {}       # id -> reply that nobody asked for yet
        self.notices = []           # notifications that came between replies
        if token is not None or hello is not None:
            self.call('hello', **dict({'token': token} if token else {}, **(hello or {})))

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def close(self):
        self.sock.close()

    # ---- lines ----

    def send(self, data):
        self.sock.sendall(data)

    def read_line(self):
        """The next line without its newline, or None at end of file."""
        at = 0
        while True:
            end = self.input.find(b'\n', at)
            if end >= 0:
                line = bytes(self.input[:end])
                del self.input[:end + 1]
                return line
            at = len(self.input)
            try:
                data = self.sock.recv(1 << 18)
            except ConnectionResetError:
                data = b''
            if not data:
                if self.input:
                    raise AssertionError('half a line: %r' % bytes(self.input[:200]))
                return None
            self.input += data

    def read(self):
        """The next reply as a value."""
        line = self.read_line()
        if line is None:
            raise Closed()
        return json.loads(line)

    def ask(self, line):
        """Sends a raw line and returns the next reply."""
        self.send(line if line.endswith(b'\n') else line + b'\n')
        return self.read()

    def ask_error(self, line):
        """Like ask, for a line that must be refused: returns its error."""
        reply = self.ask(line)
        if 'error' not in reply:
            raise AssertionError('served: %r' % reply)
        return reply['error']

    # ---- calls ----

    def start(self, method, **params):
        return self.start_many([(method, params)])[0]

    def start_many(self, calls):
        """Sends [(method, params), ...] at once; returns their ids."""
        ids, lines = [], []
        for method, params in calls:
            number, self.next_id = self.next_id, self.next_id + 1
            request = {'jsonrpc': '2.0', 'id': number, 'method': method}
            if params:
                request['params'] = params
            line = json.dumps(request, separators=(',', ':')).encode()
            self.open[number] = line if self.record else None
            ids.append(number)
            lines.append(line)
        self.send(b'\n'.join(lines) + b'\n')
        return ids

    def reply(self, number):
        """The whole reply to a started call."""
        while number not in self.replies:
            line = self.read_line()
            if line is None:
                raise Closed()
            reply = json.loads(line)
            if 'method' in reply:
                self.notices.append(reply)
                continue
            if reply['id'] not in self.open:
                raise AssertionError('a reply to nothing: %r' % line[:200])
            request = self.open.pop(reply['id'])
            if self.record:
                self.record(request, line)
            self.replies[reply['id']] = reply
        return self.replies.pop(number)

    def finish(self, number):
        reply = self.reply(number)
        if 'error' in reply:
            raise RpcError(reply['error'])
        return reply['result']

    def call(self, method, **params):
        return self.finish(self.start(method, **params))

    def call_many(self, calls, window=200):
        """Results of [(method, params), ...]; so many in flight at a time, because jobd stops reading from
        a client that leaves much unread."""
        results = []
        for at in range(0, len(calls), window):
            results += [self.finish(number) for number in self.start_many(calls[at:at + window])]
        return results

    def error(self, method, **params):
        """The kind of error with which a call is refused."""
        try:
            result = self.call(method, **params)
        except RpcError as e:
            return e.kind
        raise AssertionError('served: %r' % result)

    # ---- jobs ----

    def submit(self, type, args=None, **fields):
        return self.call('job.submit', type=type, args=args, **fields)['id']

    def submit_many(self, jobs, piece=500):
        ids = []
        calls = [('job.submit_many', {'jobs': jobs[i:i + piece]}) for i in range(0, len(jobs), piece)]
        for reply in self.call_many(calls, window=4):
            if reply['errors_total']:
                raise AssertionError('refused: %r' % reply['errors'][:3])
            ids += reply['ids']
        return ids

    def run(self, type, args=None, **fields):
        return self.call('job.call', type=type, args=args, **fields)

    def wait(self, job):
        return self.call('job.wait', id=job)

    def wait_all(self, ids, piece=500):
        """Outcomes of ids, in their order."""
        found = {}
        calls = [('job.wait', {'ids': ids[i:i + piece]}) for i in range(0, len(ids), piece)]
        for reply in self.call_many(calls, window=16):
            for outcome in reply['outcomes']:
                found[outcome['id']] = outcome
        return [found[i] for i in ids]

    def get(self, job):
        return self.call('job.get', id=job)

    def items(self, method, **params):
        """All items of a list."""
        out, cursor = [], None
        while True:
            reply = self.call(method, **dict(params, **({'cursor': cursor} if cursor else {})))
            out += reply['items']
            cursor = reply.get('next')
            if not cursor:
                return out

    def workers(self):
        return self.items('worker.list')


def until(condition, what, seconds=60):
    """Polls where there is no event to wait for; returns the condition's first true value."""
    seconds *= PATIENCE
    deadline = time.monotonic() + seconds
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() > deadline:
            raise AssertionError('not within %g s: %s' % (seconds, what))
        time.sleep(0.005)
