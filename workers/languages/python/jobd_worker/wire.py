"""wire.py - lines of JSON on a stream socket, in blocks."""

import json
import socket
import threading

from .errors import BadResult

BLOCK_BYTES = 1 << 18
FINISH_SECONDS = 2.0
LINE_BYTES = 16 << 20                   # of an answer, until jobd has said how long it may be

encode = json.JSONEncoder(ensure_ascii=False, allow_nan=False, separators=(',', ':')).encode
decode = json.JSONDecoder().decode


class Disconnected(Exception):
    """The other side has closed the connection, or it broke."""


class Wire:
    """One connection.  One thread at a time reads it, any thread writes whole lines."""

    def __init__(self, sock):
        self.sock = sock
        self._begun = []                # blocks of a line that has not ended
        self._writing = threading.Lock()

    def read(self, wait=True):
        """The messages that have come, at least one if it waits; without waiting perhaps none."""
        while True:
            try:
                block = self.sock.recv(BLOCK_BYTES, 0 if wait else socket.MSG_DONTWAIT)
            except BlockingIOError:
                return []
            except OSError as problem:
                raise Disconnected(str(problem)) from problem
            if not block:
                raise Disconnected('end of file')
            lines = self._lines(block)
            if lines:
                return [decode(line) for line in lines]

    def _lines(self, block):
        end = block.rfind(b'\n')
        if end < 0:
            self._begun.append(block)
            return ()
        whole = block[:end]
        if self._begun:
            whole = b''.join(self._begun) + whole
        self._begun = [block[end + 1:]] if end + 1 < len(block) else []
        return str(whole, 'utf-8').split('\n')

    def write(self, data):
        """Sends whole lines."""
        try:
            with self._writing:
                self.sock.sendall(data)
        except OSError as problem:
            raise Disconnected(str(problem)) from problem

    def finish(self):
        """Nothing more will be written.  Returns when the other side has read it all and closed, or
        after a while; closing at once could destroy what is on its way."""
        try:
            self.sock.shutdown(socket.SHUT_WR)
            self.sock.settimeout(FINISH_SECONDS)
            while self.sock.recv(BLOCK_BYTES):
                pass
        except OSError:
            pass


def message(method, params, id=None):
    """The line of a request, or of a notification."""
    fields = {'method': method, 'params': params} if id is None else \
        {'id': id, 'method': method, 'params': params}
    return encode(fields).encode() + b'\n'


def result_line(id, value, max_line_bytes):
    """The line of an attempt's result; BadResult if it cannot be sent."""
    if value is None:
        return b'{"id":%d,"result":null}\n' % id
    try:
        line = b'{"id":%d,"result":%s}\n' % (id, encode(value).encode())
    except (TypeError, ValueError, RecursionError) as problem:
        raise BadResult('the result is not JSON: %s' % problem) from problem
    if len(line) > max_line_bytes:
        raise BadResult('the result has %d bytes, and %d may be sent'
                        % (len(line), max_line_bytes))
    return line


def error_line(id, error, max_line_bytes):
    """The line of an attempt's error; what cannot be sent of its data is left out."""
    try:
        line = encode({'id': id, 'error': error}).encode(errors='replace')
        if len(line) < max_line_bytes:
            return line + b'\n'
    except (TypeError, ValueError, RecursionError):
        pass
    known = {k: v for k, v in error['data'].items()
             if k in ('retryable', 'retry_after_ms', 'cancelled', 'kind')}
    message = error['message'][:1024].encode(errors='replace').decode()
    return encode({'id': id, 'error': {'code': error['code'], 'message': message,
                                       'data': known}}).encode() + b'\n'
