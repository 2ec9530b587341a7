"""remote.py - a worker that connects to jobd by itself, over TCP, TLS or the unix socket.

A thread keeps the connection: it reads, and comes back when the connection ends, with the session and
what still runs, so that nothing is lost that the daemon has not given up.  Answers are kept for a while
after they were sent, because nobody knows which of them a broken connection still carried.
"""

import os
import random
import secrets
import signal
import socket
import stat
import sys
import threading
import time

from . import tls
from .wire import Disconnected, Wire, message
from .worker import Worker

HELLO, READY = 1, 2                     # ids of requests
CONNECT_SECONDS = 10.0
PAUSE_SECONDS = (0.1, 5.0)              # between attempts to connect: the first, the longest
KEPT_SECONDS = 60.0                     # an answer that was sent
KEPT_BYTES = 64 << 20                   # of answers that were sent
TOKEN_BYTES = 256


class Refused(Exception):
    """jobd does not want this worker."""


class RemoteWorker(Worker):
    def __init__(self, types, slots, address, pool, name=None, token=None, credit=None, files=()):
        super().__init__(types, slots)
        self._where = parsed(address)
        self._context = tls.context(*files) if address.startswith('tls:') else None
        self._address = address
        self._token = token
        self._offer = dict(self.ready_params(), pool=pool, session=secrets.token_urlsafe(18),
                           name=name or socket.gethostname()[:64])
        self._credit = credit
        self._wire = None               # while connected
        self._answers = {}              # fence: (time, job, number, line), oldest first
        self._lock = threading.Lock()   # of _wire and _answers
        self._work = threading.Event()  # the main thread has something to do
        self._problem = None            # why the link has ended for good

    def serve(self):
        previous = signal.signal(signal.SIGIO, self.on_signal)
        threading.Thread(target=self._keep_link, name='jobd-link', daemon=True).start()
        try:
            while not (self.finishing and not self.attempts) and self._problem is None:
                self._work.wait()
                self._work.clear()
                self.run_main()
        finally:
            signal.signal(signal.SIGIO, previous)
            self.finishing = True
            self._hang_up()
        if self._problem is not None:
            raise self._problem

    def _hang_up(self):
        with self._lock:
            wire, self._wire = self._wire, None
        if wire is not None:
            wire.finish()

    # -- called by Worker, in any thread --

    def say(self, line):
        """Progress and logs: lost while there is no connection."""
        with self._lock:
            self._send(line)

    def _send(self, line):
        if self._wire is not None:
            try:
                self._wire.write(line)
            except Disconnected:        # the link's thread sees it too
                self._wire = None

    def send_answer(self, attempt, line):
        with self._lock:
            if self.attempts.pop(attempt.fence, None) is not None:      # else it was given up
                self._keep(attempt, line)
                if self._credit is not None:
                    line += message('worker.credit', {'n': 1})
                self._send(line)
        self._work.set()

    def _keep(self, attempt, line):
        now = time.monotonic()
        self._answers[attempt.fence] = now, attempt.job, attempt.number, line
        if self._wire is None:
            return
        total = sum(len(row[3]) for row in self._answers.values())
        for fence in list(self._answers):
            at, _, _, old = self._answers[fence]
            if fence == attempt.fence or (now - at < KEPT_SECONDS and total <= KEPT_BYTES):
                break
            total -= len(old)
            del self._answers[fence]

    def interrupt_main(self):
        if threading.get_ident() == self._main_thread:
            super().interrupt_main()
        else:
            signal.pthread_kill(self._main_thread, signal.SIGIO)

    # -- the link --

    def _keep_link(self):
        pause, longest = PAUSE_SECONDS
        met = False                     # it has been accepted once
        while not self.finishing:
            try:
                wire, early = self._connect()
                met, pause = True, PAUSE_SECONDS[0]
                self.take(early)
                self._work.set()
                while True:
                    self.take(wire.read())
                    self._work.set()
            except Refused as problem:
                if not met:
                    self._problem = problem
                    break
                trouble = problem
            except (OSError, Disconnected, LookupError, TypeError, ValueError) as problem:
                trouble = problem
            with self._lock:
                self._wire = None
            if self.finishing:
                break
            complain('%s: %s; trying again' % (self._address, trouble))
            time.sleep(pause * random.uniform(0.5, 1.0))
            pause = min(longest, pause * 2)
        self._work.set()

    def _connect(self):
        """A connection on which jobd has accepted this worker, and what it said right behind that."""
        sock = connected(self._where)
        try:
            if self._context is not None:
                sock = tls.TlsSocket(sock, self._context, self._where[1][0])
            wire = Wire(sock)
            hello = {'client': 'worker ' + self._offer['name']}
            if self._token is not None:
                hello['token'] = self._token
            wire.write(message('hello', hello, HELLO))
            answer_to(HELLO, wire.read(), wire)
            wire.write(message('worker.ready', self._ready(), READY))
            accepted, early = answer_to(READY, wire.read(), wire)
            sock.settimeout(None)
            self._resume(wire, accepted)
        except BaseException:
            sock.close()
            raise
        return wire, early

    def _ready(self):
        with self._lock:
            rows = [(a.job, a.number, a.fence) for a in self.attempts.values()]
            held = len(rows)
            rows += [(job, number, fence) for fence, (_, job, number, _) in self._answers.items()]
        ready = dict(self._offer, running=[{'job': job, 'attempt': number, 'fence': fence}
                                           for job, number, fence in rows])
        if self._credit is not None:
            ready['credit'] = max(0, self._credit - held)
        return ready

    def _resume(self, wire, accepted):
        """What goes on after the disconnect, and what does not."""
        self.max_line_bytes = accepted.get('max_line_bytes', self.max_line_bytes)
        alive = {row['fence'] for row in accepted.get('running', ())}
        gone = [a for a in list(self.attempts.values()) if a.fence not in alive]
        with self._lock:
            self._answers = {f: row for f, row in self._answers.items() if f in alive}
            for attempt in gone:
                self.attempts.pop(attempt.fence, None)
            self._wire = wire
            for _, _, _, line in self._answers.values():
                self._send(line)
            if self._credit is not None and gone:
                self._send(message('worker.credit', {'n': len(gone)}))
        for attempt in gone:
            complain('job %s, attempt %s: jobd has given it up' % (attempt.job, attempt.number))
            attempt.cancel()

    def heard(self, one):
        if one.get('method') == 'attempt.refused':
            complain('an answer was refused: %s' % one['params']['error'].get('message'))


def answer_to(id, messages, wire):
    """The result of a request, and the messages behind it."""
    while True:
        for i, one in enumerate(messages):
            if one.get('id') == id and 'method' not in one:
                if 'error' in one:
                    raise Refused(one['error'].get('message', 'refused'))
                return one.get('result') or {}, messages[i + 1:]
        messages = wire.read()


def complain(text):
    print('jobd_worker: ' + text, file=sys.stderr, flush=True)


def parsed(address):
    """(family, what connect takes); ValueError says what is wrong."""
    kind, _, rest = address.partition(':')
    if kind == 'unix' and rest:
        return socket.AF_UNIX, rest
    host, _, port = rest.rpartition(':')
    if kind not in ('tcp', 'tls') or not host or not port.isdecimal() or not 1 <= int(port) <= 65535:
        raise ValueError('%r is no address: tcp:HOST:PORT, tls:HOST:PORT and unix:PATH are' % address)
    return socket.AF_INET, (host.strip('[]'), int(port))


def connected(where):
    family, address = where
    if family == socket.AF_UNIX:
        sock = socket.socket(family)
        sock.settimeout(CONNECT_SECONDS)
        sock.connect(address)
        return sock
    sock = socket.create_connection(address, CONNECT_SECONDS)
    sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    # A peer that is gone without a word is noticed well within the daemon's time of grace.
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPIDLE, 10)
    sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPINTVL, 3)
    sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPCNT, 3)
    sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, 15000)
    return sock


def read_token(path):
    """The secret in a token file; refused when others than its owner may read it."""
    if os.stat(path).st_mode & (stat.S_IRWXG | stat.S_IRWXO):
        raise PermissionError('%s: others than its owner may read it (chmod 600)' % path)
    with open(path, encoding='ascii') as f:
        words = f.read(TOKEN_BYTES + 1).split()
    if not words:
        raise ValueError('%s: it holds no token' % path)
    return words[0]
