"""test_http.py - http.request against servers that this test runs: redirects, TLS, limits, slowness, files."""

import base64
import http.server
import os
import socket
import ssl
import subprocess
import tempfile
import threading
import unittest

from jobd_client import until
from jobd_test import DaemonTest

os.environ['no_proxy'] = '*'            # libcurl in the worker would ask a proxy of the environment
FILES = tempfile.mkdtemp(prefix='jobd-http-')
BIG = bytes(range(256)) * 4096 * 8      # 8 MiB


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = 'HTTP/1.1'

    def answer(self, status, body=b'', **headers):
        self.send_response(status)
        for name, value in headers.items():
            for one in value if isinstance(value, list) else [value]:
                self.send_header(name.replace('_', '-'), one)
        self.send_header('Content-Length', str(len(body)))
        self.end_headers()
        if self.command != 'HEAD':
            self.wfile.write(body)

    def log_message(self, *words):
        pass

    def setup(self):
        super().setup()
        with self.server.lock:
            self.server.connections += 1

    def do_any(self):
        length = int(self.headers.get('Content-Length', 0))
        self.body = self.rfile.read(length)
        with self.server.lock:
            self.server.requests.append(self.headers)
        name = self.path.split('?')[0].strip('/').split('/')
        getattr(self, 'serve_' + name[0])(*name[1:])

    do_GET = do_POST = do_PUT = do_HEAD = do_DELETE = do_PATCH = do_any

    def serve_hello(self):
        self.answer(200, 'grüß dich'.encode(), X_Many=['a', 'b'], X_One='1')

    def serve_echo(self):
        self.answer(200, b'%s %s %s' % (self.command.encode(), str(self.headers.get('Content-Type')).encode(),
                                        self.body))

    def serve_binary(self):
        self.answer(200, b'\xff\x00\x01')

    def serve_big(self):
        self.answer(200, BIG)

    def serve_status(self, code):
        self.answer(int(code), b'' if code == '204' else b'so it is')

    def serve_busy(self):
        """Once, and it says for how long; then it answers."""
        if self.server.busy:
            self.server.busy = False
            self.answer(503, b'', Retry_After='1')
        else:
            self.answer(200, b'at last')

    def serve_redirect(self, count):
        count = int(count)
        self.answer(302, b'', Location='/redirect/%d' % (count - 1) if count > 1 else '/hello')

    def serve_see(self):
        self.answer(303, b'', Location='/echo')

    def serve_away(self):
        self.answer(302, b'', Location=self.server.away)

    def serve_ftp(self):
        self.answer(302, b'', Location='ftp://127.0.0.1/x')

    def serve_silence(self):
        self.server.silent.set()
        try:
            self.rfile.read(1)               # until the other end is closed
        except ConnectionResetError:
            pass                             # it was, with some of what was sent unread
        self.server.broken.set()
        self.close_connection = True

    def serve_drip(self):
        """Says that much will come, and sends a little."""
        self.send_response(200)
        self.send_header('Content-Length', '1000000')
        self.end_headers()
        self.wfile.write(b'x' * 1000)
        self.wfile.flush()
        self.serve_silence()

    def serve_endless(self):
        self.send_response(200)
        self.end_headers()
        self.close_connection = True
        try:
            while True:
                self.wfile.write(b'y' * 65536)
        except OSError:
            self.server.broken.set()

    def serve_headers(self):
        self.send_response(200)
        try:
            for i in range(5000):
                self.send_header('X-%d' % i, 'z' * 200)
                self.flush_headers()
        except OSError:
            pass
        self.close_connection = True


class Server(http.server.ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 128

    def __init__(self, context=None):
        super().__init__(('127.0.0.1', 0), Handler)
        self.lock = threading.Lock()
        self.connections, self.requests, self.busy = 0, [], True
        self.silent, self.broken = threading.Event(), threading.Event()
        if context is not None:
            self.socket = context.wrap_socket(self.socket, server_side=True)
        self.url = '%s://127.0.0.1:%d' % ('http' if context is None else 'https', self.server_port)
        self.thread = threading.Thread(target=self.serve_forever, args=(0.02,), daemon=True)
        self.thread.start()

    def handle_error(self, request, address):
        pass

    def stop(self):
        self.shutdown()
        self.server_close()


def make_authority(directory):
    """A CA of our own, and a certificate of it for 127.0.0.1."""
    def openssl(*words):
        subprocess.run(('openssl',) + words, cwd=directory, check=True, stdout=subprocess.DEVNULL,
                       stderr=subprocess.DEVNULL)
    with open(os.path.join(directory, 'ext'), 'w') as f:
        f.write('subjectAltName=IP:127.0.0.1\n')
    key = ('-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes')
    openssl('req', '-x509', *key, '-keyout', 'ca.key', '-out', 'ca.pem', '-subj', '/CN=jobd test CA', '-days', '2')
    openssl('req', *key, '-keyout', 'server.key', '-out', 'server.csr', '-subj', '/CN=127.0.0.1')
    openssl('x509', '-req', '-in', 'server.csr', '-CA', 'ca.pem', '-CAkey', 'ca.key', '-CAcreateserial',
            '-out', 'server.pem', '-days', '2', '-extfile', 'ext')


class Http(DaemonTest):
    daemon_arguments = {'roots': (FILES,)}

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        make_authority(FILES)
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(os.path.join(FILES, 'server.pem'), os.path.join(FILES, 'server.key'))
        cls.plain, cls.tls = Server(), Server(context)
        cls.addClassCleanup(cls.plain.stop)
        cls.addClassCleanup(cls.tls.stop)
        cls.plain.away = cls.tls.url + '/hello'

    def setUp(self):
        super().setUp()
        self.c = self.jobd.client()
        for server in self.plain, self.tls:
            server.connections, server.requests = 0, []
            server.silent.clear()
            server.broken.clear()

    def outcome(self, path, server=None, **args):
        url = (server or self.plain).url + path
        return self.c.call('job.call', type='http.request', args={'url': url, **args})

    def fetch(self, path, **args):
        outcome = self.outcome(path, **args)
        self.assertEqual(outcome['state'], 'succeeded', outcome)
        return outcome['result']

    def refused(self, path, message, **args):
        outcome = self.outcome(path, **args)
        self.assertEqual(outcome['state'], 'failed', outcome)
        self.assertIn(message, outcome['failure']['message'])
        return outcome['failure']

    # ---- requests and results ----

    def test_a_response_is_told_whole(self):
        got = self.fetch('/hello')
        self.assertEqual((got['status'], got['body'], got['bytes']), (200, 'grüß dich', 11))
        self.assertEqual(got['headers']['x-many'], ['a', 'b'])
        self.assertEqual(got['headers']['x-one'], '1')
        self.assertEqual(got['headers']['content-length'], '11')
        self.assertEqual((got['url'], got['redirects']), (self.plain.url + '/hello', 0))
        self.assertGreaterEqual(got['time_ms'], 0)

    def test_methods_headers_and_bodies_arrive(self):
        self.assertEqual(self.fetch('/echo', method='POST', body='a=ü')['body'], 'POST None a=ü')
        self.assertEqual(self.fetch('/echo', method='PUT', headers={'content-type': 'text/x'}, body='b')['body'],
                         'PUT text/x b')
        self.assertEqual(self.fetch('/echo', method='DELETE')['body'], 'DELETE None ')
        binary = base64.b64encode(b'\0\xff').decode()
        got = self.fetch('/echo', method='PATCH', body_base64=binary)
        self.assertEqual(base64.b64decode(got['body_base64']), b'PATCH None \0\xff')
        self.fetch('/echo', headers={'X-Empty': '', 'X-Full': 'yes', 'User-Agent': 'me'})
        sent = self.plain.requests[-1]
        self.assertEqual((sent['X-Empty'], sent['X-Full'], sent['User-Agent']), ('', 'yes', 'me'))
        self.assertEqual(self.plain.requests[0]['User-Agent'].split('/')[0], 'jobd')
        head = self.fetch('/hello', method='HEAD')
        self.assertEqual((head['status'], head['body'], head['headers']['content-length']), (200, '', '11'))

    def test_a_body_is_text_where_it_can_be(self):
        self.assertEqual(base64.b64decode(self.fetch('/binary')['body_base64']), b'\xff\0\1')
        self.assertEqual(base64.b64decode(self.fetch('/hello', **{'as': 'base64'})['body_base64']),
                         'grüß dich'.encode())
        self.refused('/binary', 'the response is not UTF-8 text', **{'as': 'text'})

    def test_a_status_is_a_result_unless_it_is_asked_to_be_a_failure(self):
        self.assertEqual(self.fetch('/status/404')['status'], 404)
        failure = self.refused('/status/503', 'the server answered with status 503', fail_status=True)
        self.assertEqual(failure['data'], {'status': 503})
        self.assertEqual(self.fetch('/status/204', fail_status=True)['status'], 204)

    def test_a_server_says_whether_and_when_to_come_again(self):
        got = self.c.call('job.call', type='http.request', retry={'max_attempts': 3, 'backoff_ms': 600000,
                                                                  'max_backoff_ms': 600000},
                          args={'url': self.plain.url + '/busy', 'fail_status': True})
        self.assertEqual(got['result']['body'], 'at last')
        attempts = self.c.call('job.get', id=got['id'])['attempts']
        self.assertEqual(len(attempts), 2)
        pause_ms = attempts[1]['started_ms'] - attempts[0]['started_ms']
        self.assertTrue(1000 <= pause_ms < 300000, pause_ms)
        got = self.c.call('job.call', type='http.request', retry={'max_attempts': 3, 'backoff_ms': 1},
                          args={'url': self.plain.url + '/status/404', 'fail_status': True})
        self.assertEqual((got['state'], len(self.c.call('job.get', id=got['id'])['attempts'])), ('failed', 1))

    def test_what_cannot_be_sent_is_refused_by_name(self):
        for args, message in (({'url': 'ftp://127.0.0.1/'}, 'args.url must be a string that matches'),
                              ({'url': 'file:///etc/passwd'}, 'args.url must be a string that matches'),
                              ({'headers': {'a b': 'c'}}, 'args.headers: this is no name of a header: a b'),
                              ({'headers': {'A': 'b\r\nC: d'}}, 'args.headers.A must be a string that matches'),
                              ({'headers': {'A': 7}}, 'args.headers.A must be a string, not 7'),
                              ({'method': 'get'}, 'args.method must be a string that matches'),
                              ({'body': 'a', 'body_base64': 'YQ=='}, 'args.body and args.body_base64 cannot both'),
                              ({'body_base64': 'Y'}, 'args.body_base64 must be base64')):
            self.refused('/hello', message, **args)
        self.assertEqual(self.plain.requests, [])

    # ---- redirects ----

    def test_redirects_are_followed_as_far_as_is_allowed(self):
        got = self.fetch('/redirect/3')
        self.assertEqual((got['status'], got['redirects'], got['url']), (200, 3, self.plain.url + '/hello'))
        self.assertEqual(got['headers'].get('location'), None)
        self.refused('/redirect/3', 'redirects followed', max_redirects=2)
        got = self.fetch('/redirect/3', max_redirects=0)
        self.assertEqual((got['status'], got['headers']['location']), (302, '/redirect/2'))
        self.assertEqual(self.fetch('/see', method='POST', body='x')['body'], 'GET None ')

    def test_a_redirect_leads_to_http_and_https_only(self):
        self.refused('/ftp', 'Protocol "ftp"')
        self.refused('/away', 'SSL certificate problem')
        self.assertEqual(self.fetch('/away', verify=False)['url'], self.tls.url + '/hello')

    # ---- TLS ----

    def test_certificates_are_checked_unless_told_otherwise(self):
        self.refused('/hello', 'SSL certificate problem', server=self.tls)
        ca = os.path.join(FILES, 'ca.pem')
        self.assertEqual(self.fetch('/hello', server=self.tls, ca_file=ca)['status'], 200)
        self.assertEqual(self.fetch('/hello', server=self.tls, verify=False)['status'], 200)
        # what was trusted for one transfer is not trusted for the next
        self.refused('/hello', 'SSL certificate problem', server=self.tls)
        name = self.tls.url.replace('127.0.0.1', 'localhost')
        self.refused('', "no alternative certificate subject name matches target host name 'localhost'",
                     url=name + '/hello', ca_file=ca)
        self.refused('/hello', 'outside of the configured directories', server=self.tls, ca_file='/etc/passwd')
        self.refused('/hello', 'cannot open: No such file', server=self.tls, ca_file=ca + 'x')

    # ---- connections ----

    def test_connections_are_kept_and_used_again(self):
        server = Server()
        self.addCleanup(server.stop)
        got = [self.outcome('/hello', server=server)['result'] for i in range(20)]
        self.assertEqual(server.connections, 1)
        self.assertEqual([r['connections'] for r in got], [1] + [0] * 19)
        self.assertEqual(len(server.requests), 20)

    def test_many_transfers_run_at_once_in_one_thread(self):
        ids = [self.c.call('job.submit', type='http.request', args={'url': self.plain.url + '/hello'})['id']
               for i in range(200)]
        done = self.c.call('job.wait', ids=ids)['outcomes']
        self.assertEqual([item['state'] for item in done], ['succeeded'] * 200)
        self.assertEqual(len(self.plain.requests), 200)

    def test_no_connection_is_a_failure_that_says_so(self):
        with socket.socket() as s:
            s.bind(('127.0.0.1', 0))
            self.refused('', "Couldn't connect to server", url='http://127.0.0.1:%d/' % s.getsockname()[1])

    # ---- limits ----

    def test_a_response_has_a_limit(self):
        self.refused('/big', 'the response is longer than args.max_bytes')
        self.refused('/endless', 'the response is longer than args.max_bytes', max_bytes=1000000)
        self.assertTrue(self.plain.broken.wait(20))
        whole = self.outcome('/big', max_bytes=len(BIG))
        self.assertGreater(whole['result_bytes'], len(BIG) * 4 / 3)         # base64; read by job.result
        self.refused('/headers', "the response's headers are longer than 256 KiB")

    def test_time_is_limited(self):
        self.refused('/silence', 'Operation timed out', timeout_ms=1000)
        self.assertTrue(self.plain.broken.wait(20))
        self.refused('/drip', 'Operation timed out', timeout_ms=300)

    def test_a_cancelled_transfer_is_ended(self):
        for path in '/silence', '/drip':
            self.plain.silent.clear()
            self.plain.broken.clear()
            id = self.c.call('job.submit', type='http.request', args={'url': self.plain.url + path})['id']
            self.assertTrue(self.plain.silent.wait(20))
            self.assertEqual(self.c.call('job.cancel', id=id)['state'], 'cancelled')
            self.assertTrue(self.plain.broken.wait(20), path)

    # ---- files ----

    def target(self, name):
        return os.path.join(FILES, name)

    def test_a_body_can_go_into_a_file(self):
        got = self.fetch('/big', file=self.target('big'))
        self.assertEqual((got['file'], got['bytes']), (self.target('big'), len(BIG)))
        self.assertNotIn('body', got)
        with open(self.target('big'), 'rb') as f:
            self.assertEqual(f.read(), BIG)
        self.assertEqual(os.stat(self.target('big')).st_mode & 0o777, 0o644)
        self.fetch('/hello', file=self.target('big'))           # replaces it
        with open(self.target('big'), 'rb') as f:
            self.assertEqual(f.read(), 'grüß dich'.encode())

    def test_a_file_appears_whole_or_not_at_all(self):
        def leftovers():
            return [name for name in os.listdir(FILES) if name.startswith('.jobd-') or name == 'part']
        self.refused('/big', 'longer than args.max_bytes', file=self.target('part'), max_bytes=5000000)
        self.refused('/status/500', 'status 500', file=self.target('part'), fail_status=True)
        self.refused('/drip', 'Operation timed out', file=self.target('part'), timeout_ms=200)
        self.refused('/hello', 'outside of the configured directories', file='/etc/part')
        self.refused('/hello', 'a directory is not replaced', file=self.target('dir'))
        id = self.c.call('job.submit', type='http.request',
                         args={'url': self.plain.url + '/endless', 'file': self.target('part')})['id']
        until(lambda: any('.jobd' in name for name in os.listdir(FILES)), 'a file being written')
        self.c.call('job.cancel', id=id)
        self.assertTrue(self.plain.broken.wait(20))
        until(lambda: not leftovers(), 'nothing being left')

    @classmethod
    def tearDownClass(cls):
        super().tearDownClass()
        subprocess.run(['rm', '-rf', FILES], check=True)


os.mkdir(os.path.join(FILES, 'dir'))


if __name__ == '__main__':
    unittest.main()
