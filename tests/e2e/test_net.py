"""test_net.py - dns.lookup and tcp.check against the local resolver and servers of this test."""

import base64
import socket
import threading
import unittest

from jobd_client import until
from jobd_test import DaemonTest


class Service:
    """A TCP server that hands each connection to a function in a thread."""

    def __init__(self, serve, family=socket.AF_INET, address='127.0.0.1'):
        self.serve = serve
        self.listener = socket.socket(family)
        self.listener.bind((address, 0))
        self.listener.listen()
        self.port = self.listener.getsockname()[1]
        self.closed = threading.Event()
        threading.Thread(target=self.run, daemon=True).start()

    def run(self):
        while True:
            try:
                connection = self.listener.accept()[0]
            except OSError:
                return
            threading.Thread(target=self.one, args=(connection,), daemon=True).start()

    def one(self, connection):
        with connection:
            try:
                self.serve(connection)
                while connection.recv(4096):
                    pass
            except OSError:
                pass
        self.closed.set()

    def stop(self):
        self.listener.shutdown(socket.SHUT_RDWR)
        self.listener.close()


class Net(DaemonTest):
    def outcome(self, type, **args):
        return self.c.call('job.call', type=type, args=args)

    def done(self, type, **args):
        outcome = self.outcome(type, **args)
        self.assertEqual(outcome['state'], 'succeeded', outcome)
        return outcome['result']

    def refused(self, message, type, **args):
        outcome = self.outcome(type, **args)
        self.assertEqual(outcome['state'], 'failed', outcome)
        self.assertIn(message, outcome['failure']['message'])

    def service(self, serve=lambda connection: None, **more):
        service = Service(serve, **more)
        self.addCleanup(service.stop)
        return service

    def test_localhost_has_its_addresses(self):
        got = self.done('dns.lookup', name='localhost', family='ipv4')
        self.assertEqual(got['addresses'], [{'address': '127.0.0.1', 'family': 'ipv4'}])
        self.assertEqual(got['name'], 'localhost')
        self.assertGreaterEqual(got['time_ms'], 0)
        want = {(a[4][0], {socket.AF_INET: 'ipv4', socket.AF_INET6: 'ipv6'}[a[0]])
                for a in socket.getaddrinfo('localhost', None, type=socket.SOCK_STREAM)}
        got = self.done('dns.lookup', name='localhost')['addresses']
        self.assertEqual({(a['address'], a['family']) for a in got}, want)
        self.assertEqual(self.done('dns.lookup', name='::1')['addresses'], [{'address': '::1', 'family': 'ipv6'}])

    def test_names_are_looked_up_while_every_thread_is_taken(self):
        taken = [self.c.call('job.submit', type='bench.io', lane='thread', args={'ms': 600000})['id'] for i in range(9)]
        until(lambda: [self.c.call('job.get', id=id)['state'] for id in taken].count('running') == 8, 'full threads')
        self.done('dns.lookup', name='localhost')
        self.done('tcp.check', host='localhost', port=self.service().port)
        for id in taken:
            self.c.call('job.cancel', id=id)

    def test_a_name_that_nobody_has_is_a_failure(self):
        self.refused('cannot look up no.such.host.invalid: ', 'dns.lookup', name='no.such.host.invalid')
        self.refused('cannot look up 127.0.0.1: ', 'dns.lookup', name='127.0.0.1', family='ipv6')
        self.refused('args.family must be "any", "ipv4" or "ipv6", not "ipv5"', 'dns.lookup', name='a', family='ipv5')

    def test_a_service_that_listens_is_found(self):
        service = self.service()
        got = self.done('tcp.check', host='127.0.0.1', port=service.port)
        self.assertEqual((got['address'], got['port']), ('127.0.0.1', service.port))
        self.assertLessEqual(got['connect_ms'], got['time_ms'])
        self.assertNotIn('answer', got)
        self.assertTrue(service.closed.wait(20))
        self.assertEqual(self.done('tcp.check', host='localhost', port=service.port)['address'], '127.0.0.1')

    def test_a_service_that_does_not_listen_is_a_failure(self):
        with socket.socket() as s:
            s.bind(('127.0.0.1', 0))
            port = s.getsockname()[1]
            self.refused('cannot connect to localhost port %d: connection refused' % port, 'tcp.check',
                         host='localhost', port=port)
        self.refused('cannot look up no.such.host.invalid port 1: ', 'tcp.check', host='no.such.host.invalid', port=1)

    def test_what_is_expected_must_come(self):
        def greet(connection):
            for piece in b'220 ma', b'il.example', b' ESMTP\r\n':
                connection.sendall(piece)
        service = self.service(greet)
        got = self.done('tcp.check', host='127.0.0.1', port=service.port, expect='ESMTP')
        self.assertTrue(got['answer'].startswith('220 mail.example ESMTP'))
        self.refused('not done after 300 ms', 'tcp.check', host='127.0.0.1', port=service.port, expect='IMAP',
                     timeout_ms=300)
        short = self.service(lambda connection: connection.sendall(b'no') or connection.shutdown(socket.SHUT_WR))
        self.refused('it closed the connection without what args.expect says', 'tcp.check', host='127.0.0.1',
                     port=short.port, expect='yes')
        talker = self.service(lambda connection: connection.sendall(b'blah' * 100000))
        self.refused('not in the first 64 KiB', 'tcp.check', host='127.0.0.1', port=talker.port, expect='yes')

    def test_what_is_sent_arrives(self):
        def echo(connection):
            connection.sendall(b'<' + connection.recv(100) + b'>')
        service = self.service(echo)
        self.assertEqual(self.done('tcp.check', host='127.0.0.1', port=service.port, send='PING', expect='>')['answer'],
                         '<PING>')
        got = self.done('tcp.check', host='127.0.0.1', port=service.port, expect='>',
                        send_base64=base64.b64encode(b'\0\xff').decode())
        self.assertEqual(base64.b64decode(got['answer_base64']), b'<\0\xff>')

    def test_a_cancelled_check_lets_its_connection_go(self):
        reached = threading.Event()
        service = self.service(lambda connection: reached.set())
        id = self.c.call('job.submit', type='tcp.check', args={
            'host': '127.0.0.1', 'port': service.port, 'expect': 'never', 'timeout_ms': 600000})['id']
        self.assertTrue(reached.wait(20))
        self.assertEqual(self.c.call('job.cancel', id=id)['state'], 'cancelled')
        self.assertTrue(service.closed.wait(20))

    def test_hundreds_of_checks_wait_in_one_thread(self):
        service = self.service()
        ids = [self.c.call('job.submit', type='tcp.check', args={
            'host': '127.0.0.1', 'port': service.port, 'timeout_ms': 60000})['id'] for i in range(300)]
        outcomes = self.c.call('job.wait', ids=ids)['outcomes']
        self.assertEqual({o['state'] for o in outcomes}, {'succeeded'})


if __name__ == '__main__':
    unittest.main()
