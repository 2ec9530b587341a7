"""Sockets that a service manager makes and passes on."""

import functools
import os
import shutil
import signal
import socket
import ssl
import subprocess
import tempfile
import unittest
from unittest import mock

from certificates import Authority
from jobd_client import Client, RpcError
from jobd_test import ALL_ROOTS, PATIENCE, descendants, die_with_us, program, title, until

EXIT_CONFIG = 78
# The pid in LISTEN_PID is that of jobd itself, which the shell becomes.
AS_ITSELF = ['/bin/sh', '-c', 'LISTEN_PID=$$ exec "$0" "$@"']


class Activation(unittest.TestCase):
    def setUp(self):
        self.dir = tempfile.mkdtemp(prefix='jobd-test-')
        self.addCleanup(shutil.rmtree, self.dir)
        self.path = os.path.join(self.dir, 'sock')
        self.sockets = []

    @functools.cached_property
    def authority(self):
        return Authority(self.dir)

    def socket(self, family, address, kind=socket.SOCK_STREAM, listens=True):
        sock = socket.socket(family, kind)
        self.addCleanup(sock.close)
        sock.bind(address)
        if listens:
            sock.listen(16)
        self.sockets.append(sock)
        return sock

    def unix_and_tcp(self):
        self.socket(socket.AF_UNIX, self.path)
        return self.socket(socket.AF_INET, ('127.0.0.1', 0)).getsockname()[1]

    def place(self):
        """Before exec: our sockets are 3, 4, ..."""
        die_with_us()
        moved = [os.dup2(s.fileno(), 100 + i) for i, s in enumerate(self.sockets)]
        for i, fd in enumerate(moved):
            os.dup2(fd, 3 + i)

    def start(self, *arguments, names='', wrapper=AS_ITSELF, **variables):
        environment = {'LISTEN_FDS': str(len(self.sockets)), 'LISTEN_FDNAMES': names, **variables}
        with mock.patch.dict(os.environ, environment):
            process = subprocess.Popen(
                [*wrapper, program('jobd'), '--state-dir', os.path.join(self.dir, 'state'), '--cpu-workers', '1',
                 *ALL_ROOTS, *arguments], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                preexec_fn=self.place, close_fds=False, text=True)
        self.addCleanup(self.end, process)
        return process

    @staticmethod
    def end(process):
        if process.poll() is None:
            process.terminate()
        process.communicate(timeout=30 * PATIENCE)

    def stop(self, process):
        process.terminate()
        self.assertEqual(process.wait(20 * PATIENCE), 0)

    def token(self):
        with open(os.path.join(self.dir, 'state', 'client.token')) as f:
            return f.read().strip()

    def connected(self):
        try:
            return Client('unix:' + self.path)
        except OSError:
            return None         # it is not there, or nobody listens yet

    @staticmethod
    def brokers(process):
        return [pid for pid in descendants(process.pid) if 'broker' in title(pid)]

    def refusal(self, **variables):
        process = self.start(**variables)
        err = process.communicate(timeout=20 * PATIENCE)[1]
        self.assertEqual(process.returncode, EXIT_CONFIG, err)
        return err

    def test_sockets_that_are_passed_on_are_served_instead_of_all_addresses(self):
        port = self.unix_and_tcp()
        process = self.start('--listen', 'unix:' + os.path.join(self.dir, 'another'))
        self.assertEqual(process.stdout.readline().split(),
                         ['ready', 'unix:' + self.path, 'tcp:127.0.0.1:%d' % port])
        with Client('unix:' + self.path) as c:
            self.assertEqual(c.run('echo', 5)['result'], 5)
        with Client('tcp:127.0.0.1:%d' % port, token=self.token()) as c:
            self.assertEqual(c.run('echo', 6)['result'], 6)
        self.assertFalse(os.path.exists(os.path.join(self.dir, 'another')))
        self.stop(process)

    def test_who_came_before_jobd_is_served(self):
        self.unix_and_tcp()
        with Client('unix:' + self.path) as c:
            number = c.start('ping')
            process = self.start()
            self.assertEqual(c.finish(number), {'pong': True})
            self.stop(process)

    def test_the_file_of_a_socket_stays_for_whoever_made_it(self):
        self.unix_and_tcp()
        process = self.start()
        process.stdout.readline()
        self.stop(process)
        self.assertTrue(os.path.exists(self.path))
        process = self.start()          # the same sockets again, as after a restart
        process.stdout.readline()
        with Client('unix:' + self.path) as c:
            self.assertEqual(c.call('ping'), {'pong': True})
        self.stop(process)

    def test_a_new_broker_serves_the_same_sockets(self):
        self.unix_and_tcp()
        process = self.start()
        process.stdout.readline()
        with Client('unix:' + self.path) as c:
            self.assertEqual(c.call('ping'), {'pong': True})
        before = self.brokers(process)
        os.kill(before[0], signal.SIGKILL)
        until(lambda: self.brokers(process) not in ([], before), 'another broker')
        with Client('unix:' + self.path) as c:
            self.assertEqual(c.call('ping'), {'pong': True})
        self.stop(process)

    def test_sockets_for_another_process_are_left_alone(self):
        self.unix_and_tcp()
        own = os.path.join(self.dir, 'own')
        process = self.start('--listen', 'unix:' + own, wrapper=[], LISTEN_PID='1')
        self.assertEqual(process.stdout.readline().split(), ['ready', 'unix:' + own])
        self.stop(process)

    def test_tcp_beyond_this_machine_without_tls_is_refused(self):
        self.socket(socket.AF_INET, ('0.0.0.0', 0))
        self.assertIn('beyond this machine', self.refusal())

    def test_the_name_tls_says_what_a_tcp_socket_carries(self):
        self.socket(socket.AF_UNIX, self.path)
        port = self.socket(socket.AF_INET6, ('::1', 0)).getsockname()[1]
        self.assertIn('tls:', self.refusal(names='jobd:tls'))     # no certificate was given
        self.assertNotIn('tcp:', self.refusal(names='jobd:tls'))
        process = self.start(names='tls:jobd')      # a unix socket is one, whatever its name
        self.assertEqual(process.stdout.readline().split(), ['ready', 'unix:' + self.path, 'tcp:[::1]:%d' % port])
        self.stop(process)

    def test_a_socket_named_tls_is_served_with_the_certificate_and_a_token_or_one_of_the_clients(self):
        server = self.authority.sign('server', 'server')
        builder = self.authority.sign('builder', 'client')
        self.socket(socket.AF_UNIX, self.path)
        plain = self.socket(socket.AF_INET, ('127.0.0.1', 0)).getsockname()[1]
        port = self.socket(socket.AF_INET6, ('::1', 0)).getsockname()[1]
        address = 'tls:::1:%d' % port
        process = self.start('--set', 'tls.certificate=' + server.certificate, '--set', 'tls.key=' + server.key,
                             '--set', 'tls.client_ca=' + self.authority.path, '--set', 'access.cert:builder=operator',
                             names='unix:plain:tls')
        self.assertEqual(process.stdout.readline().split(),
                         ['ready', 'unix:' + self.path, 'tcp:127.0.0.1:%d' % plain, 'tls:[::1]:%d' % port])
        token = self.token()
        before = self.brokers(process)
        for again in (False, True):
            with Client(address, token=token, context=self.context()) as c:
                self.assertEqual(c.run('echo', again)['result'], again)
            with Client(address, context=self.context(builder)) as c:
                self.assertEqual(c.call('hello')['principal'], 'cert:builder')
                self.assertEqual(c.run('echo', 8)['result'], 8)
            with Client('tcp:127.0.0.1:%d' % plain, token=token) as c:
                self.assertEqual(c.call('ping'), {'pong': True})
            with Client(address, context=self.context()) as c, self.assertRaises(RpcError) as raised:
                c.call('server.stats')
            self.assertEqual(raised.exception.kind, 'unauthenticated')
            with socket.create_connection(('::1', port)) as nobody:      # in the clear
                nobody.sendall(b'{"id":1,"method":"ping"}\n')
                self.assertNotIn(b'pong', self.all_of(nobody))
            if not again:               # another broker serves the same
                os.kill(before[0], signal.SIGKILL)
                until(lambda: self.brokers(process) not in ([], before), 'another broker')
        self.stop(process)

    def context(self, pair=None):
        context = ssl.create_default_context(cafile=self.authority.path)
        if pair is not None:
            context.load_cert_chain(pair.certificate, pair.key)
        return context

    @staticmethod
    def all_of(connection):
        """What comes until its end."""
        got = b''
        connection.settimeout(30 * PATIENCE)
        try:
            while piece := connection.recv(4096):
                got += piece
        except ConnectionResetError:
            pass
        return got

    def test_what_is_no_listening_stream_socket_is_refused(self):
        self.socket(socket.AF_INET, ('127.0.0.1', 0), socket.SOCK_DGRAM, listens=False)
        self.assertIn('descriptor 3, `web`, is no listening stream socket', self.refusal(names='web'))
        self.sockets = []
        self.socket(socket.AF_UNIX, '\0' + self.path)
        self.assertIn('descriptor 3', self.refusal())

    def test_systemd_starts_it_for_the_first_who_connects(self):
        process = subprocess.Popen(
            ['systemd-socket-activate', '-l', self.path, '-E', 'HOME=' + self.dir, program('jobd'), '--state-dir',
             os.path.join(self.dir, 'state'), '--cpu-workers', '1', *ALL_ROOTS], stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, preexec_fn=die_with_us, text=True)
        self.addCleanup(self.end, process)
        with until(self.connected, 'the socket') as c:
            self.assertEqual(c.run('echo', 7)['result'], 7)
        self.stop(process)


if __name__ == '__main__':
    unittest.main()
