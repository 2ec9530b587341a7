"""test_tls.py - TLS listeners: who gets in and who does not, what travels, and how certificates change."""

import os
import re
import shutil
import signal
import socket
import ssl
import subprocess
import tempfile
import time
import unittest

from certificates import Authority
from jobd_client import Client, Closed, RpcError, until
from jobd_test import ALL_ROOTS, OwnDaemonTest, PATIENCE, program, read

TLS = ('--listen', 'tls:127.0.0.1:0')


def context(authority=None, pair=None):
    """A client's side; authority None: any server is believed."""
    c = ssl.create_default_context(cafile=authority and authority.path)
    if authority is None:
        c.check_hostname, c.verify_mode = False, ssl.CERT_NONE
    if pair is not None:
        c.load_cert_chain(pair.certificate, pair.key)
    return c


class Certificates(OwnDaemonTest):
    """All certificates are made once."""

    @classmethod
    def setUpClass(cls):
        cls.dir = tempfile.mkdtemp(prefix='jobd-test-tls-')
        cls.addClassCleanup(shutil.rmtree, cls.dir)
        os.mkdir(cls.dir + '/other')
        cls.ca, cls.other = Authority(cls.dir), Authority(cls.dir + '/other')
        cls.server = cls.ca.sign('server', 'server')
        cls.builder = cls.ca.sign('builder', 'client')

    def tls_daemon(self, *settings, pair=None, **more):
        pair = pair or self.server
        return self.daemon('tls.certificate=' + pair.certificate, 'tls.key=' + pair.key, *settings, arguments=TLS,
                           **more)

    def tls(self, jobd, token=True, pair=None, authority=None, timeout=60):
        c = Client(jobd.ready[3], token=jobd.token() if token else None, timeout=timeout * PATIENCE,
                   context=context(authority or self.ca, pair))
        jobd.clients.append(c)
        return c

    def s_client(self, jobd, *arguments):
        """All that openssl s_client says of the listener, and the answer to a ping if it gets one."""
        client = subprocess.Popen(['openssl', 's_client', '-connect', jobd.ready[3][4:], *arguments], bufsize=0,
                                  stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        said, last = b'', None
        try:
            client.stdin.write(b'{"id":1,"method":"ping"}\n')
        except BrokenPipeError:
            pass                                    # it has given up already
        while last != b'' and b'"pong"' not in said:
            last = client.stdout.read(4096)
            said += last
        client.kill()
        client.communicate()
        return said.decode(errors='replace')


class Travels(Certificates):
    """What is said arrives, in any size and number."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()

    def setUp(self):
        self.jobd = self.tls_daemon('net.max_line_bytes=4M')
        self.c = self.tls(self.jobd)

    def test_requests_are_answered_as_on_any_other_connection(self):
        self.assertEqual(self.c.call('hello')['role'], 'admin')
        self.assertEqual(self.c.run('echo', {'a': [1, 'x']})['result'], {'a': [1, 'x']})
        self.assertIn(self.c.sock.version(), ('TLSv1.2', 'TLSv1.3'))

    def test_long_lines_and_long_replies_arrive_whole(self):
        self.c.call('hello', max_line_bytes=8 << 20)
        for size in (10, 16383, 16384, 16385, 65536, 100000, 1 << 20, (4 << 20) - 1000):
            text = ('%d ' % size * (size // 4))[:size]
            self.assertEqual(self.c.run('echo', text)['result'], text)

    def test_thousands_of_requests_at_once_are_answered(self):
        calls = [('job.call', {'type': 'echo', 'args': i}) for i in range(5000)]
        ids = self.c.start_many(calls)
        self.assertEqual([self.c.finish(id)['result'] for id in ids], list(range(5000)))

    def test_a_client_that_reads_late_gets_all_of_it(self):
        self.c.call('hello', max_line_bytes=8 << 20)
        text = 'z' * 1000000
        id = self.c.submit('echo', text)
        self.c.call('job.wait', id=id)
        ids = [self.c.start('job.wait', id=id) for _ in range(6)]
        time.sleep(0.2)         # it is not waited for: by then the sockets' buffers are full
        for i in ids:
            self.assertEqual(self.c.finish(i)['result'], text)

    def test_a_last_line_is_served_though_the_client_hangs_up_behind_it(self):
        self.c.send(b'{"id":1,"method":"job.submit","params":{"type":"echo","args":"last","labels":{"at":"end"}}}\n')
        self.c.close()
        c = self.jobd.client()
        until(lambda: c.call('job.list', filter={'label': {'at': 'end'}})['items'], 'the job')

    def test_half_a_line_is_not_served(self):
        self.c.send(b'{"id":1,"method":"job.submit","params":{"type":"echo","labels":{"at":"half"}}}')
        with self.assertRaises(ssl.SSLError):       # an error comes, not the end that unwrap waits for
            self.c.sock.unwrap()
        c = self.jobd.client()
        until(lambda: c.call('server.stats')['connections'] == 1, 'the end of the connection')
        self.assertEqual(c.call('job.list', filter={'label': {'at': 'half'}})['items'], [])

    def test_an_idle_connection_costs_the_broker_little_and_ends_with_its_client(self):
        c, many = self.jobd.client(), [self.tls(self.jobd) for _ in range(50)]
        until(lambda: c.call('server.stats')['connections'] == 52, 'all connections')
        for m in many:
            m.close()
        until(lambda: c.call('server.stats')['connections'] == 2, 'the end of them')


class Entrance(Certificates):
    """Who gets in."""

    def refused(self, jobd, **how):
        """Neither hello nor ping is answered."""
        with self.assertRaises((ssl.SSLError, ConnectionError, Closed, OSError)):
            self.tls(jobd, **how).call('ping')

    def test_without_a_token_nothing_but_hello_is_served(self):
        jobd = self.tls_daemon()
        c = self.tls(jobd, token=False)
        with self.assertRaises(RpcError) as refused:
            c.call('server.stats')
        self.assertEqual(refused.exception.kind, 'unauthenticated')
        with self.assertRaises(RpcError) as refused:
            c.call('hello', token='client.' + '0' * 64)
        self.assertEqual(refused.exception.kind, 'unauthenticated')

    def test_tls_1_1_is_refused_and_1_2_and_1_3_are_not(self):
        jobd = self.tls_daemon()
        old = ('-cipher', 'ALL:@SECLEVEL=0')
        for version in ('-tls1', '-tls1_1'):
            said = self.s_client(jobd, version, *old)
            self.assertIn('alert protocol version', said)
            self.assertNotIn('pong', said)
        for version in ('-tls1_2', '-tls1_3'):
            self.assertIn('"pong"', self.s_client(jobd, version, '-CAfile', self.ca.path, '-verify_return_error'))
        said = self.s_client(jobd, '-tls1_2', '-cipher', 'AES256-SHA:@SECLEVEL=0')
        self.assertIn('handshake failure', said)            # no forward secrecy

    def test_no_compression_no_renegotiation(self):
        jobd = self.tls_daemon()
        done = subprocess.run(['openssl', 's_client', '-connect', jobd.ready[3][4:], '-tls1_2'], text=True,
                              input='R\n', capture_output=True, timeout=60 * PATIENCE)
        self.assertIn('Compression: NONE', done.stdout)
        self.assertIn('no renegotiation', done.stderr)

    def test_plain_bytes_and_garbage_are_no_handshake(self):
        jobd = self.tls_daemon()
        for said in (b'{"id":1,"method":"ping"}\n', b'\0' * 100, b'\x16\x03\x01' + b'\xff' * 600, b'GET / HTTP/1.1\r\n\r\n'):
            sock = socket.create_connection(('127.0.0.1', int(jobd.ready[3].rsplit(':', 1)[1])))
            sock.settimeout(20 * PATIENCE)
            sock.sendall(said)
            try:
                answer = sock.recv(1000)
                self.assertNotIn(b'jsonrpc', answer)
                while answer:
                    answer = sock.recv(1000)
            except ConnectionError:
                pass
            sock.close()
        self.assertEqual(self.tls(jobd).call('hello')['role'], 'admin')
        jobd.until_logged('handshake refused')

    def test_a_client_believes_only_its_authority_and_the_right_name(self):
        jobd = self.tls_daemon()
        with self.assertRaises(ssl.SSLCertVerificationError):
            self.tls(jobd, authority=self.other)
        wrong = self.tls_daemon(pair=self.ca.sign('elsewhere', 'server', alt='DNS:elsewhere.example'))
        with self.assertRaises(ssl.SSLCertVerificationError):
            self.tls(wrong)

    def test_a_server_certificate_whose_time_is_over_is_told_and_refused_by_clients(self):
        jobd = self.tls_daemon(pair=self.ca.sign('late', 'server', days=-1))
        jobd.until_logged('its time is over')
        with self.assertRaises(ssl.SSLCertVerificationError):
            self.tls(jobd)

    def test_client_certificates_are_checked_when_an_authority_is_given(self):
        jobd = self.tls_daemon('tls.client_ca=' + self.ca.path)
        self.assertEqual(self.tls(jobd, pair=self.builder).call('hello')['role'], 'admin')
        self.assertEqual(self.tls(jobd).call('hello')['role'], 'admin')     # none is asked for
        self.refused(jobd, pair=self.other.sign('builder', 'client'))
        self.refused(jobd, pair=self.ca.sign('was', 'client', days=-1))
        self.refused(jobd, pair=self.server)                                # one of a server

    def test_client_certificates_can_be_required(self):
        jobd = self.tls_daemon('tls.client_ca=' + self.ca.path, 'tls.require_client_certificate=true')
        self.refused(jobd)
        self.assertEqual(self.tls(jobd, pair=self.builder).call('hello')['role'], 'admin')


class Roles(Certificates):
    """Who a certificate's holder is."""

    def setUp(self):
        self.jobd = self.tls_daemon('tls.client_ca=' + self.ca.path, 'access.cert:builder=submitter echo')
        self.me = self.tls(self.jobd, token=False, pair=self.builder)

    def test_a_rule_gives_a_certificate_a_role_without_any_token(self):
        hello = self.me.call('hello')
        self.assertEqual((hello['principal'], hello['role']), ('cert:builder', 'submitter'))
        self.assertEqual(self.me.run('echo', 1)['result'], 1)
        with self.assertRaises(RpcError) as refused:
            self.me.call('server.drain')
        self.assertEqual(refused.exception.kind, 'forbidden')

    def test_without_a_rule_it_is_nobody_and_a_token_is_wanted(self):
        nobody = self.tls(self.jobd, token=False, pair=self.ca.sign('stranger', 'client'))
        with self.assertRaises(RpcError) as refused:
            nobody.call('server.stats')
        self.assertEqual(refused.exception.kind, 'unauthenticated')
        self.assertEqual(nobody.call('hello', token=self.jobd.token())['role'], 'admin')

    def test_names_that_are_not_plain_are_nobodys(self):
        for n, subject in enumerate(('/CN=builder/CN=builder', '/O=builder', '/CN=Builder', '/CN=builder ')):
            c = self.tls(self.jobd, token=False, pair=self.ca.sign('odd%d' % n, 'client', subject=subject))
            self.assertEqual(c.call('hello')['role'], 'anybody', subject)


class Reload(Certificates):
    """Certificates change while jobd runs."""

    def setUp(self):
        self.certificate, self.key = (os.path.join(self.dir, 'live.' + n) for n in ('pem', 'key'))
        self.put(self.server)
        self.jobd = self.daemon('tls.certificate=' + self.certificate, 'tls.key=' + self.key, arguments=TLS)
        self.c = self.jobd.client()

    def put(self, pair, key=None):
        shutil.copy(pair.certificate, self.certificate)
        shutil.copy((key or pair).key, self.key)

    def shown(self):
        c = self.tls(self.jobd)
        return dict(pair[0] for pair in c.sock.getpeercert()['subject'])['commonName']

    def test_a_new_certificate_is_shown_from_then_on_and_connections_stay(self):
        before = self.tls(self.jobd)
        self.assertEqual(self.shown(), 'server')
        self.put(self.ca.sign('renewed', 'server'))
        self.jobd.signal(signal.SIGHUP)
        until(lambda: self.shown() == 'renewed', 'the new one')
        self.assertEqual(before.run('echo', 1)['result'], 1)

    def test_a_broken_one_is_refused_and_the_old_one_stays(self):
        self.put(self.server, key=self.builder)
        with self.assertRaises(RpcError) as refused:
            self.c.call('server.reload')
        self.assertEqual(refused.exception.kind, 'invalid_configuration')
        self.assertIn('tls.key: is not the key of tls.certificate', refused.exception.message)
        self.assertEqual(refused.exception.data['key'], 'tls.key')
        self.assertEqual(self.shown(), 'server')
        os.unlink(self.key)
        with self.assertRaises(RpcError) as refused:
            self.c.call('server.reload')
        self.assertIn('No such file', refused.exception.message)
        self.assertEqual(self.shown(), 'server')

    def test_a_broker_that_dies_is_followed_by_one_with_the_last_good_certificate(self):
        self.put(self.server, key=self.builder)
        with self.assertRaises(RpcError):
            self.c.call('server.reload')
        broker = self.jobd.broker()
        os.kill(broker, signal.SIGKILL)
        until(lambda: self.jobd.broker() != broker, 'another broker')
        until(self.again, 'that it serves')
        self.assertEqual(self.shown(), 'server')

    def again(self):
        try:
            return self.tls(self.jobd, timeout=5).call('ping')
        except (OSError, Closed):
            return None


class Start(Certificates):
    """A jobd that could not keep its word does not start."""

    def start(self, *arguments, **environment):
        with tempfile.TemporaryDirectory() as d:
            run = subprocess.run([program('jobd'), *ALL_ROOTS, '--state-dir', d + '/state', '--check-config', *arguments],
                                 stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=30 * PATIENCE,
                                 env=dict(os.environ, **environment))
        return run.returncode, run.stderr

    def assert_refused(self, says, *arguments):
        status, said = self.start(*arguments)
        self.assertEqual(status, 78, said)
        self.assertIn(says, said)

    @staticmethod
    def files(pair, *more):
        return ('--set', 'tls.certificate=' + pair.certificate, '--set', 'tls.key=' + pair.key, *more)

    def test_what_is_wrong_is_said(self):
        server, path = self.server, os.path.join(self.dir, 'x')
        tls = ('--listen', 'tls:0.0.0.0:0')
        self.assertEqual(self.start(*self.files(server, *tls)), (0, ''))
        self.assert_refused('needs TLS: write tls:0.0.0.0:0', *self.files(server, '--listen', 'tcp:0.0.0.0:0'))
        self.assert_refused('needs tls.certificate and tls.key', *tls)
        self.assert_refused('needs tls.certificate and tls.key', *tls, '--set', 'tls.key=' + server.key)
        self.assert_refused('tls.key: is not the key of tls.certificate',
                            *tls, *self.files(server), '--set', 'tls.key=' + self.builder.key)
        self.assert_refused('tls.certificate: holds no certificate', *tls, *self.files(server), '--set',
                            'tls.certificate=' + server.key)
        self.assert_refused('tls.key: holds no private key', *tls, *self.files(server), '--set',
                            'tls.key=' + self.secret(path, read(server.certificate)))
        self.assert_refused('tls.certificate: %s: No such file' % (path + 'y'), *tls, *self.files(server), '--set',
                            'tls.certificate=' + path + 'y')
        self.assert_refused('tls.client_ca must say who signs them', *tls, *self.files(server), '--set',
                            'tls.require_client_certificate=true')
        self.assert_refused('tls.client_ca: holds no certificate', *tls, *self.files(server), '--set',
                            'tls.client_ca=' + self.secret(path, b'nothing\n'))
        self.assert_refused('is empty', *tls, *self.files(server), '--set', 'tls.key=' + self.secret(path, b''))

    @staticmethod
    def secret(path, content):
        with open(path, 'wb') as f:
            f.write(content)
        os.chmod(path, 0o600)
        return path

    def test_a_key_that_others_may_read_is_refused(self):
        path = self.secret(os.path.join(self.dir, 'open.key'), read(self.server.key))
        os.chmod(path, 0o604)
        self.assert_refused('has mode 0604, so others may know the key', *self.files(self.server), '--set',
                            'tls.key=' + path)

    def test_an_authority_that_others_may_replace_is_refused(self):
        path = self.secret(os.path.join(self.dir, 'open.ca'), read(self.server.certificate))
        os.chmod(path, 0o664)
        self.assert_refused('tls.client_ca: %s: can be written by others (mode 0664)' % path,
                            *self.files(self.server), '--set', 'tls.client_ca=' + path)

    def test_a_key_with_a_passphrase_is_refused_and_nobody_is_asked(self):
        path = os.path.join(self.dir, 'locked.key')
        subprocess.run(['openssl', 'ec', '-aes128', '-passout', 'pass:secret', '-in', self.server.key, '-out', path],
                       check=True, capture_output=True)
        self.assert_refused('tls.key: has a passphrase', *self.files(self.server), '--set', 'tls.key=' + path)

    def test_files_may_be_credentials_of_systemd(self):
        with tempfile.TemporaryDirectory() as d:
            self.secret(d + '/tls.certificate', read(self.server.certificate))
            self.secret(d + '/tls.key', read(self.server.key))
            self.assertEqual(self.start('--listen', 'tls:127.0.0.1:0', CREDENTIALS_DIRECTORY=d), (0, ''))

    def test_a_check_that_is_not_shown_the_credentials_leaves_them_to_the_daemon(self):
        """systemd tells the commands of ExecReload= where they are, and keeps them to the service."""
        listen, hidden = ('--listen', 'tls:127.0.0.1:0'), {'CREDENTIALS_DIRECTORY': self.dir + '/hidden'}
        self.assertEqual(self.start(*listen, **hidden), (0, ''))
        self.assertEqual(self.start(*listen, '--set', 'tls.certificate=' + self.server.certificate, **hidden), (0, ''))
        status, said = self.start(*listen, *self.files(self.server), '--set', 'tls.key=' + self.builder.key, **hidden)
        self.assertEqual((status, 'is not the key' in said), (78, True), said)
        os.mkdir(hidden['CREDENTIALS_DIRECTORY'])
        self.addCleanup(os.rmdir, hidden['CREDENTIALS_DIRECTORY'])
        status, said = self.start(*listen, **hidden)
        self.assertEqual((status, 'needs tls.certificate' in said), (78, True), said)


if __name__ == '__main__':
    unittest.main()
