"""raw_worker.py - a language worker without a kit, for tests: speaks the protocol of docs/workers.md by hand.

    raw_worker.py LANE TYPE...        each type does what the job's args say: {"do": "echo", "value": 7}

Started by jobd it speaks on descriptor 3.
"""

import json
import os
import signal
import socket
import sys
import threading
import time


class Worker:
    def __init__(self, sock):
        self.sock = sock
        self.lines = sock.makefile('rb')
        self.lock = threading.Lock()

    def say(self, message):
        self.raw(json.dumps(message).encode() + b'\n')

    def raw(self, text):
        with self.lock:
            self.sock.sendall(text)

    def ready(self, types, lane='process', **params):
        self.say({'id': 'ready', 'method': 'worker.ready', 'params': dict(
            protocol=1, language='python', types=[{'name': t, 'lane': lane, 'summary': 'for tests'} for t in types],
            **params)})

    def note(self, method, run, **params):
        self.say({'method': method, 'params': dict(job=run['job'], attempt=run['attempt'], fence=run['fence'],
                                                   **params)})


class Handlers:
    """What jobs ask for; each returns a result, or None when it has answered by itself."""

    def __init__(self, worker):
        self.worker = worker
        self.cancelled = set()

    def echo(self, run, args):
        return {'value': args.get('value'), 'pid': os.getpid()}

    def run_params(self, run, args):
        return run

    def say(self, run, args):
        sys.stdout.write(args['text'])
        sys.stdout.flush()
        sys.stderr.write(args.get('error', ''))
        sys.stderr.flush()
        return len(args['text'])

    def notes(self, run, args):
        self.worker.note('attempt.progress', run, done=1.5, total=3, text='half')
        self.worker.note('attempt.log', run, level='warn', text='a note')
        self.wait_for(args)
        return None if args.get('silent') else 'noted'

    def wait_for(self, args):
        while args.get('file') and not os.path.exists(args['file']):
            time.sleep(0.005)

    def wait(self, run, args):
        self.wait_for(args)
        return os.getpid()

    def raw(self, run, args):
        self.worker.raw(args['text'].replace('ID', str(run['id'])).encode('latin-1'))

    def fail(self, run, args):
        self.worker.say({'id': run['id'], 'error': args['error']})

    def die(self, run, args):
        os.kill(os.getpid(), getattr(signal, args['signal']))

    def exit(self, run, args):
        os._exit(args['code'])

    def stop(self, run, args):
        os.kill(os.getpid(), signal.SIGSTOP)
        return 'awake'

    def large(self, run, args):
        return 'x' * args['bytes']

    def grow(self, run, args):
        self.kept = bytearray(b'x') * args['bytes']
        return os.getpid()

    def deaf(self, run, args):
        """Ends only by force."""
        while True:
            time.sleep(1)

    def until_cancelled(self, run, args):
        while run['fence'] not in self.cancelled:
            time.sleep(0.005)
        self.worker.say({'id': run['id'], 'error': {'message': 'stopped', 'data': {'cancelled': True}}})


def serve(worker, handlers, threads):
    def one(run):
        args = run['args'] if isinstance(run['args'], dict) else {}
        result = getattr(handlers, args.get('do', 'echo'))(run, args)
        if result is not None:
            worker.say({'id': run['id'], 'result': result})

    for line in worker.lines:
        m = json.loads(line)
        method = m.get('method')
        if method == 'attempt.run':
            run = dict(m['params'], id=m['id'])
            if threads:
                threading.Thread(target=one, args=(run,), daemon=True).start()
            else:
                one(run)
        elif method == 'attempt.cancel':
            handlers.cancelled.add(m['params']['fence'])
        elif method == 'worker.finish':
            return


def main():
    worker = Worker(socket.socket(fileno=int(os.environ.get('JOBD_FD', '3'))))
    lane = sys.argv[1]
    print('starting', flush=True)
    worker.ready(sys.argv[2:], lane)
    serve(worker, Handlers(worker), lane != 'process')


if __name__ == '__main__':
    main()
