"""workload.py - jobs of every built-in type that does something, each with the result it must have.

    with Workload() as load:
        jobd = Daemon(roots=[load.root])
        job, check = load.job(n)            # check(result) fails when the result is wrong
        ...
        load.check_files()                  # what was written is whole

Every job may run more than once: what it writes is the same each time.
"""

import hashlib
import http.server
import os
import shutil
import sqlite3
import tempfile
import threading

FILES = 40
BODY = b'from the server ' * 64


class Server(http.server.ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 1024

    class RequestHandlerClass(http.server.BaseHTTPRequestHandler):
        protocol_version = 'HTTP/1.1'

        def do_GET(self):
            self.send_response(200)
            self.send_header('Content-Length', str(len(BODY)))
            self.end_headers()
            self.wfile.write(BODY)

        def log_message(self, *_):
            pass

    def __init__(self):
        super().__init__(('127.0.0.1', 0), self.RequestHandlerClass)

    def handle_error(self, request, address):
        pass                    # the client was killed


def content(number):
    """Of a file: text, from some bytes to more than a channel's chunk."""
    return ('line %d\n' % number) * (1 + number * number * 20)


class Workload:
    def __enter__(self):
        self.root = os.path.realpath(tempfile.mkdtemp(prefix='jobd-workload-'))
        self.out = os.path.join(self.root, 'out')
        os.mkdir(self.out)
        self.digests = []
        self.written = {}       # path -> what must stand in it, once its job succeeded
        for number in range(FILES):
            data = content(number).encode()
            self.digests.append(hashlib.sha256(data).hexdigest())
            with open(self.source(number), 'wb') as f:
                f.write(data)
        self.make_database()
        self.server = Server()
        self.thread = threading.Thread(target=self.server.serve_forever)
        self.thread.start()
        return self

    def __exit__(self, *_):
        self.server.shutdown()
        self.thread.join()
        self.server.server_close()
        shutil.rmtree(self.root)

    def source(self, number):
        return os.path.join(self.root, 'file-%d' % number)

    def target(self, n, kind, data):
        path = os.path.join(self.out, '%s-%d' % (kind, n))
        self.written[path] = data
        return path

    def make_database(self):
        self.database = os.path.join(self.root, 'db.sqlite')
        with sqlite3.connect(self.database) as db:
            db.execute('create table numbers (n integer primary key, square integer)')
            db.executemany('insert into numbers values (?, ?)', [(n, n * n) for n in range(1000)])
        db.close()

    # ---- jobs ----

    def job(self, n):
        kinds = (self.echo, self.big_echo, self.sleep, self.bench_io, self.bench_cpu, self.digest, self.copy,
                 self.read, self.write, self.compress, self.http, self.lookup, self.connect, self.query)
        return kinds[n % len(kinds)](n // len(kinds))

    def echo(self, n):
        lane = ('async', 'thread', 'process')[n % 3]
        return {'type': 'echo', 'args': {'n': n}, 'lane': lane}, lambda r: equal(r, {'n': n})

    def big_echo(self, n):
        text = 'x' * (n % 7 * 3000)
        return {'type': 'echo', 'args': text, 'lane': 'process'}, lambda r: equal(r, text)

    def sleep(self, n):
        return {'type': 'sleep', 'args': {'ms': n % 40}}, anything

    def bench_io(self, n):
        return {'type': 'bench.io', 'args': {'ms': n % 10}, 'lane': ('thread', 'process')[n % 2]}, anything

    def bench_cpu(self, n):
        return {'type': 'bench.cpu', 'args': {'ms': n % 3}}, anything

    def digest(self, n):
        lane = ('thread', 'process')[n % 2]
        return ({'type': 'file.digest', 'args': {'path': self.source(n % FILES)}, 'lane': lane},
                lambda r: equal(r['digest'], self.digests[n % FILES]))

    def copy(self, n):
        path = self.target(n, 'copy', content(n % FILES))
        return {'type': 'file.copy', 'args': {'from': self.source(n % FILES), 'to': path}}, anything

    def read(self, n):
        return ({'type': 'file.read', 'args': {'path': self.source(n % 20)}},
                lambda r: equal((r['data'], r['eof']), (content(n % 20), True)))

    def write(self, n):
        text = 'written by %d\n' % n * (n % 50)
        path = self.target(n, 'write', text)
        return {'type': 'file.write', 'args': {'path': path, 'data': text}}, anything

    def compress(self, n):
        """Compressed, and decompressed after it."""
        packed = os.path.join(self.out, 'packed-%d.zst' % (n // 2))
        if n % 2 == 0 or not os.path.exists(packed):
            return {'type': 'file.compress', 'args': {'from': self.source(n // 2 % FILES), 'to': packed},
                    'lane': ('thread', 'process')[n // 2 % 2]}, anything
        path = self.target(n, 'unpacked', content(n // 2 % FILES))
        return {'type': 'file.decompress', 'args': {'from': packed, 'to': path}}, anything

    def http(self, n):
        url = 'http://127.0.0.1:%d/%d' % (self.server.server_address[1], n)
        return ({'type': 'http.request', 'args': {'url': url}},
                lambda r: equal((r['status'], r['body']), (200, BODY.decode())))

    def lookup(self, n):
        return ({'type': 'dns.lookup', 'args': {'name': 'localhost', 'family': 'ipv4'}},
                lambda r: equal(r['addresses'][0]['address'], '127.0.0.1'))

    def connect(self, n):
        return ({'type': 'tcp.check', 'args': {'host': '127.0.0.1', 'port': self.server.server_address[1]}},
                lambda r: equal(r['address'], '127.0.0.1'))

    def query(self, n):
        return ({'type': 'sql.query', 'args': {'file': self.database, 'params': [n % 1000], 'rows': 'arrays',
                                               'sql': 'select square from numbers where n = ?'}},
                lambda r: equal(r['rows'], [[n % 1000 * (n % 1000)]]))

    # ---- files ----

    def gave_up(self, job):
        """This one failed: nothing is known of what it was to write."""
        args = job['args']
        for name in ('to', 'path'):
            if isinstance(args, dict):
                self.written.pop(args.get(name), None)

    def check_files(self):
        """Every file that a job was to write is there and whole; other names are a killed worker's own."""
        for path, text in self.written.items():
            with open(path) as f:
                equal(f.read(), text)
        for name in os.listdir(self.out):
            path = os.path.join(self.out, name)
            assert name.startswith(('copy-', 'write-', 'packed-', 'unpacked-', '.jobd-')), name


def equal(got, wanted):
    assert got == wanted, 'got %.200r, wanted %.200r' % (got, wanted)


def anything(result):
    pass
