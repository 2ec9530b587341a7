"""test_remote.py - a remote worker, seen from jobd's side of its connections."""

import json
import os
import socket
import subprocess
import sys
import tempfile
import unittest

from fake_daemon import HERE, KIT, PATIENCE, Conversation

sys.path.insert(0, KIT)
from jobd_worker import remote          # noqa: E402


class Remote(unittest.TestCase):
    options = ()

    def setUp(self):
        self.listener = socket.create_server(('127.0.0.1', 0))
        self.listener.settimeout(PATIENCE)
        self.addCleanup(self.listener.close)
        directory = tempfile.TemporaryDirectory()
        self.addCleanup(directory.cleanup)
        self.token = os.path.join(directory.name, 'worker.token')
        with open(self.token, 'w') as f:
            f.write('worker.secret\n')
        os.chmod(self.token, 0o600)
        self.stderr = tempfile.TemporaryFile()
        self.addCleanup(self.stderr.close)
        self.process = subprocess.Popen(
            [sys.executable, '-B', '-m', 'jobd_worker', '--connect',
             'tcp:127.0.0.1:%d' % self.listener.getsockname()[1], '--pool', 'gpu', '--name', 'host-1',
             '--token-file', self.token, *self.options, 'sample', 'sample_threads'],
            env={'PATH': os.environ['PATH'], 'PYTHONPATH': os.pathsep.join((KIT, HERE))}, cwd=HERE,
            stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=self.stderr)
        self.addCleanup(self.process.wait)
        self.addCleanup(self.process.kill)

    def accept(self, fence=None):
        """The worker's next connection, after its hello."""
        sock, _ = self.listener.accept()
        conversation = Conversation(sock)
        self.addCleanup(sock.close)
        if fence is not None:
            conversation._next = fence
        conversation.until(lambda: conversation.told)
        return conversation

    def say_hello(self, conversation):
        conversation.sock.sendall(b'{"jsonrpc":"2.0","id":1,"result":{"version":"0"}}\n')
        return conversation.wait_for('worker.ready')[0]

    def welcome(self, conversation, running=(), stale=()):
        ready = self.say_hello(conversation)
        row = [{'job': 7, 'attempt': 1, 'fence': fence} for fence in running]
        gone = [{'job': 7, 'attempt': 1, 'fence': fence} for fence in stale]
        answer = {'name': 'host-1', 'pool': 'gpu', 'types': [], 'max_line_bytes': 100000,
                  'running': row, 'stale': gone}
        conversation.sock.sendall(json.dumps({'id': 2, 'result': answer}).encode() + b'\n')
        return ready

    def complaints(self):
        self.stderr.seek(0)
        return self.stderr.read().decode()


class Connection(Remote):
    def test_it_shows_its_token_and_then_what_it_has(self):
        jobd = self.accept()
        self.assertEqual(jobd.notes('hello'), [{'client': 'worker host-1', 'token': 'worker.secret'}])
        ready = self.welcome(jobd)
        self.assertEqual((ready['pool'], ready['name'], ready['running']), ('gpu', 'host-1', []))
        self.assertRegex(ready['session'], r'^[A-Za-z0-9_-]{16,64}$')
        self.assertNotIn('credit', ready)
        self.assertEqual(jobd.result(jobd.run('add', {'a': 1})), 11)
        jobd.finish()
        self.assertRaises(EOFError, jobd.until, lambda: False)
        jobd.sock.close()
        self.assertEqual(self.process.wait(PATIENCE), 0)

    def test_a_refusal_at_first_ends_it_and_says_why(self):
        jobd = self.accept()
        jobd.sock.sendall(b'{"id":1,"error":{"code":-32003,"message":"wrong token"}}\n')
        self.assertEqual(self.process.wait(PATIENCE), 1)
        self.assertIn('wrong token', self.complaints())

    def test_cancel_reaches_a_computation_and_threads(self):
        jobd = self.accept()
        self.welcome(jobd)
        for type in ('computes', 'thread.naps', 'async.forever', 'sleeps'):
            before = len(jobd.notes('attempt.log'))
            id = jobd.run(type)
            jobd.wait_for('attempt.log', before + 1)
            jobd.cancel(id)
            self.assertEqual(jobd.error(id)['data'], {'cancelled': True}, type)


class Reconnection(Remote):
    def test_what_runs_goes_on_and_is_answered_on_the_next_connection(self):
        first = self.accept()
        session = self.welcome(first)['session']
        id = first.run('async.sleep', {'seconds': 0.3})
        main = first.run('sleeps')
        first.wait_for('attempt.log')
        first.sock.close()
        second = self.accept(first._next)
        ready = self.welcome(second, running=[id, main])
        self.assertEqual(ready['session'], session)
        self.assertIn({'job': 7, 'attempt': 1, 'fence': id}, ready['running'])
        self.assertIn({'job': 7, 'attempt': 1, 'fence': main}, ready['running'])
        self.assertEqual(second.result(id), 0.3)
        second.cancel(main)
        self.assertEqual(second.error(main)['data'], {'cancelled': True})
        self.assertIn('trying again', self.complaints())

    def test_an_answer_that_the_broken_connection_took_is_sent_again_if_it_is_wanted(self):
        first = self.accept()
        self.welcome(first)
        lost, known = first.run('add', {'a': 1}), first.run('add', {'a': 2})
        first.result(lost)
        first.result(known)
        first.sock.close()
        second = self.accept(first._next)
        ready = self.welcome(second, running=[lost], stale=[known])
        self.assertEqual([row['fence'] for row in ready['running']], [lost, known])
        self.assertEqual(second.result(lost), 11)
        self.assertEqual(second.result(second.run('add', {'a': 3})), 13)
        self.assertNotIn(known, second.answers)

    def test_an_attempt_that_was_given_up_is_cancelled_and_never_answered(self):
        first = self.accept()
        self.welcome(first)
        id = first.run('computes')
        waiting = first.run('add', {'a': 1})
        first.wait_for('attempt.log')
        first.sock.close()
        second = self.accept(first._next)
        self.welcome(second, stale=[id, waiting])
        self.assertEqual(second.result(second.run('add', {'a': 2})), 12)
        self.assertNotIn(id, second.answers)
        self.assertNotIn(waiting, second.answers)
        self.assertIn('given it up', self.complaints())

    def test_a_refusal_later_is_no_end(self):
        first = self.accept()
        self.welcome(first)
        first.sock.close()
        second = self.accept()
        second.sock.sendall(b'{"id":1,"error":{"code":-32004,"message":"not yet"}}\n')
        third = self.accept()
        self.welcome(third)
        self.assertEqual(third.result(third.run('add', {'a': 1})), 11)


class Credit(Remote):
    options = ('--credit', '2')

    def test_each_answer_gives_its_credit_back_and_a_reconnection_counts_what_runs(self):
        first = self.accept()
        self.assertEqual(self.welcome(first)['credit'], 2)
        first.result(first.run('add', {'a': 1}))
        self.assertEqual(first.wait_for('worker.credit'), [{'n': 1}])
        id = first.run('sleeps')
        first.wait_for('attempt.log')
        first.sock.close()
        second = self.accept(first._next)
        self.assertEqual(self.welcome(second, running=[id])['credit'], 1)
        second.sock.close()
        third = self.accept(first._next)
        self.assertEqual(self.welcome(third, stale=[id])['credit'], 1)
        self.assertEqual(third.wait_for('worker.credit'), [{'n': 1}])


class Checks(unittest.TestCase):
    def test_a_token_file_that_others_may_read_is_refused(self):
        with tempfile.NamedTemporaryFile() as f:
            f.write(b'secret\n')
            f.flush()
            os.chmod(f.name, 0o640)
            self.assertRaises(PermissionError, remote.read_token, f.name)
            os.chmod(f.name, 0o600)
            self.assertEqual(remote.read_token(f.name), 'secret')

    def test_an_address_is_checked_before_anything_else(self):
        for address in ('host:1', 'tcp:host', 'tcp:host:0', 'tcp::1', 'unix:', 'tls:host', 'tcp:h:x'):
            with self.subTest(address=address), self.assertRaises(ValueError):
                remote.parsed(address)
        self.assertEqual(remote.parsed('tcp:[::1]:80')[1], ('::1', 80))
        self.assertEqual(remote.parsed('tls:h:80')[1], ('h', 80))


if __name__ == '__main__':
    unittest.main()
