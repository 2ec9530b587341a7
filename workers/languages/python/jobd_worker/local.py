"""local.py - a worker that jobd has started, with the wire as a descriptor.

The main thread reads the wire itself, between two handlers, so that a short job costs no change of
threads.  While it waits for the socket the kernel sends no SIGIO; while it runs a handler, one comes
with whatever jobd says.
"""

import fcntl
import os
import signal
import socket
import time

from . import output
from .wire import Disconnected, Wire, message
from .worker import Worker

READY = 1                               # id of worker.ready
LAST_SECONDS = 1.0                      # for handlers to clean up when jobd is gone


class LocalWorker(Worker):
    """A worker that jobd has started, with the wire as a descriptor."""

    def __init__(self, types, slots, descriptor):
        super().__init__(types, slots)
        os.set_inheritable(descriptor, False)
        self._wire = Wire(socket.socket(fileno=descriptor))
        os.register_at_fork(after_in_child=self._forked)

    def _forked(self):
        """In a child that a handler forked: it has no business with the wire."""
        self._running = None
        self._wire.sock.close()

    def serve(self):
        previous = self._hear_signals()
        try:
            self.say(message('worker.ready', self.ready_params(), READY))
            self._serve()
        except Disconnected:
            self._abandon()
        finally:
            signal.signal(signal.SIGIO, previous)

    def _hear_signals(self):
        previous = signal.signal(signal.SIGIO, self.on_signal)
        signal.pthread_sigmask(signal.SIG_UNBLOCK, [signal.SIGIO])
        descriptor = self._wire.sock.fileno()
        fcntl.fcntl(descriptor, fcntl.F_SETOWN, os.getpid())
        flags = fcntl.fcntl(descriptor, fcntl.F_GETFL)
        fcntl.fcntl(descriptor, fcntl.F_SETFL, flags | os.O_ASYNC)
        return previous

    def _serve(self):
        while not self.finishing:
            self.take(self._wire.read())
            self.run_main()
        while self.attempts:            # of the other lanes
            time.sleep(0.02)
            self.take(self._wire.read(wait=False))

    def _abandon(self):
        """jobd is gone: what runs is told to end, and has a moment for it."""
        self.cancel_all()
        end = time.monotonic() + LAST_SECONDS
        while self.attempts and time.monotonic() < end:
            time.sleep(0.02)
        output.flush()
        os._exit(1)                     # without waiting for threads that wait for something

    def heard(self, one):
        if one.get('id') == READY and 'result' in one:
            self.max_line_bytes = one['result'].get('max_line_bytes', self.max_line_bytes)

    def hear(self):
        try:
            self.take(self._wire.read(wait=False))
        except Disconnected:            # the next read says it again, to the loop
            self.cancel_all()

    def say(self, line):
        try:
            self._wire.write(line)
        except Disconnected:            # the next read says it too
            pass
