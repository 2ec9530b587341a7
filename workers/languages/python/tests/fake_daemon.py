"""fake_daemon.py - jobd's side of the wire, for tests of the kit."""

import json
import os
import select
import socket
import subprocess
import sys
import tempfile
import time

HERE = os.path.dirname(os.path.abspath(__file__))
KIT = os.path.dirname(HERE)
sys.path.insert(0, KIT)
PATIENCE = 20.0 * float(os.environ.get('JOBD_TEST_PATIENCE', '1'))
FIRST = 1 << 32


class Conversation:
    """One connection with a worker: sends what jobd says, sorts what the worker says."""

    def __init__(self, sock):
        self.sock = sock
        self.sock.settimeout(PATIENCE)
        self.answers = {}               # id: answer
        self.told = []                  # notifications
        self._begun = b''
        self._next = FIRST

    def send(self, method, params, id=None):
        line = {'jsonrpc': '2.0', 'method': method, 'params': params}
        if id is not None:
            line = {'jsonrpc': '2.0', 'id': id, 'method': method, 'params': params}
        self.sock.sendall(json.dumps(line, separators=(',', ':')).encode() + b'\n')

    def run(self, type, args=None, deadline_ms=0, job=7, **more):
        self._next += 1
        self.send('attempt.run', {'job': job, 'type': type, 'attempt': 1, 'fence': self._next,
                                  'deadline_ms': deadline_ms, 'args': args, **more}, self._next)
        return self._next

    def cancel(self, id, job=7):
        self.send('attempt.cancel', {'job': job, 'attempt': 1, 'fence': id})

    def finish(self):
        self.send('worker.finish', {})

    def _read(self):
        block = self.sock.recv(1 << 16)
        if not block:
            raise EOFError('the worker has closed the wire')
        *lines, self._begun = (self._begun + block).split(b'\n')
        for line in lines:
            one = json.loads(line)
            if 'method' in one:
                self.told.append(one)
            elif one['id'] in self.answers:
                raise AssertionError('answered twice: %r' % line)
            else:
                self.answers[one['id']] = one

    def until(self, test):
        """Reads until test() is true, and gives what it was."""
        end = time.monotonic() + PATIENCE
        while not test():
            if time.monotonic() > end:
                raise AssertionError('not said in time; told %r' % (self.told[-3:],))
            self._read()
        return test()

    def answer(self, id):
        return self.until(lambda: self.answers.get(id))

    def result(self, id):
        answer = self.answer(id)
        if 'error' in answer:
            raise AssertionError(answer['error'])
        return answer['result']

    def error(self, id):
        return self.answer(id)['error']

    def notes(self, method):
        return [one['params'] for one in self.told if one['method'] == method]

    def wait_for(self, method, n=1):
        self.until(lambda: len(self.notes(method)) >= n)
        return self.notes(method)

    def is_silent(self):
        return not select.select([self.sock], [], [], 0)[0]


class LocalWorker(Conversation):
    """A worker of the kit that serves the modules, with a wire and two pipes."""

    def __init__(self, *modules, python=sys.executable, options=()):
        ours, theirs = socket.socketpair()
        environment = {'PATH': os.environ['PATH'], 'JOBD_FD': '3',
                       'PYTHONPATH': os.pathsep.join((KIT, HERE))}
        self.stdout = tempfile.TemporaryFile()
        self.stderr = tempfile.TemporaryFile()
        # The shell moves the wire to descriptor 3, where jobd has it.
        self.process = subprocess.Popen(
            ['/bin/sh', '-c', 'fd=$1; shift; eval "exec $fd<&$fd 3<&$fd"; [ $fd = 3 ] || '
             'eval "exec $fd<&-"; exec "$@"', 'sh', str(theirs.fileno()),
             python, '-B', '-m', 'jobd_worker', *options, *modules],
            env=environment, pass_fds=[theirs.fileno()], stdin=subprocess.DEVNULL,
            stdout=self.stdout, stderr=self.stderr, cwd=HERE)
        theirs.close()
        super().__init__(ours)

    def be_ready(self):
        (self.ready,) = self.wait_for('worker.ready')
        self.sock.sendall(b'{"jsonrpc":"2.0","id":1,"result":{"name":"t-1","pool":"t","types":[],'
                          b'"max_line_bytes":100000}}\n')
        return self

    def printed(self, stream='stdout'):
        file = getattr(self, stream)
        file.seek(0)
        return file.read().decode()

    def status(self):
        return self.process.wait(PATIENCE)

    def close(self):
        self.sock.close()
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait()
        self.stdout.close()
        self.stderr.close()
