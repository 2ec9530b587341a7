"""test_tls_workers.py - remote workers over TLS, by hand and with the kits."""

import os
import shutil
import subprocess
import sys
import tempfile
import unittest

from jobd_client import Client
from jobd_test import PATIENCE, SOURCE, read, until
from test_kits import NODE_KIT, PYTHON_PATH
from test_tls import Certificates, context

HERE = os.path.dirname(os.path.abspath(__file__))
POOLS = {'far': 'remote = true\ntypes = kit.add kit.echo far\n', 'farnode': 'remote = true\ntypes = file.pack\n'}


class Workers(Certificates):
    def setUp(self):
        jobs = tempfile.mkdtemp(prefix='jobd-pools-')
        os.chmod(jobs, 0o755)
        self.addCleanup(shutil.rmtree, jobs, True)
        for name, text in POOLS.items():
            with open(os.path.join(jobs, name + '.worker'), 'w') as f:
                f.write(text)
        self.jobd = self.tls_daemon('jobs.dir=' + jobs, 'workers.remote_grace_ms=5000')
        self.c = self.jobd.client()
        self.token = os.path.join(self.jobd.state_dir, 'worker.token')

    def start(self, command, pool, *modules, **env):
        worker = subprocess.Popen(
            [*command, '--connect', self.jobd.ready[3], '--pool', pool, '--token-file', self.token, '--ca', self.ca.path,
             *modules], cwd=HERE, env=dict(os.environ, **env), stdin=subprocess.DEVNULL, stderr=subprocess.PIPE)
        self.addCleanup(worker.wait)
        self.addCleanup(worker.stderr.close)
        self.addCleanup(worker.kill)
        return worker

    def start_python(self):
        return self.start([sys.executable, '-B', '-m', 'jobd_worker'], 'far', 'kit_tasks', PYTHONPATH=PYTHON_PATH)

    def succeeded(self, outcome):
        self.assertEqual(outcome['state'], 'succeeded', outcome)
        return outcome['result']

    def start_node(self):
        return self.start([shutil.which('node'), os.path.join(NODE_KIT, 'lib', 'main.js')], 'farnode',
                          os.path.join(SOURCE, 'examples', 'node-worker', 'pack.js'), WORKER_KIT=NODE_KIT)

    def test_the_python_kit_works_in_bulk_and_with_long_values(self):
        self.start_python()
        ids = [self.c.submit('kit.add', {'a': i}) for i in range(300)]
        self.assertEqual([self.succeeded(o) for o in self.c.wait_all(ids)], [i + 1 for i in range(300)])
        self.c.call('hello', max_line_bytes=4 << 20)
        text = 'y' * 700000
        ids = [self.c.submit('kit.echo', {'value': text}) for _ in range(8)]
        for id in ids:
            self.assertEqual(self.succeeded(self.c.wait(id)), text)

    def test_the_node_kit_works(self):
        with tempfile.TemporaryDirectory() as d:
            with open(d + '/small', 'wb') as f:
                f.write(b'x' * 1000)
            self.start_node()
            outcome = self.c.run('file.pack', {'from': d + '/small', 'to': d + '/small.gz'})
            self.assertEqual(self.succeeded(outcome)['bytes'], 1000)

    def test_kits_believe_only_their_authority(self):
        self.ca, ca = self.other, self.ca
        try:
            workers = ((self.start_python(), b'certificate verify failed'), (self.start_node(), b'unable to verify'))
        finally:
            self.ca = ca
        for worker, words in workers:
            said = b''
            while words not in said:
                block = worker.stderr.read1(4096)
                self.assertNotEqual(block, b'', said)
                said += block

    def worker(self):
        """One by hand that has said worker.ready."""
        w = Client(self.jobd.ready[3], token=read(self.token).decode().strip(), context=context(self.ca),
                   timeout=30 * PATIENCE)
        self.addCleanup(w.close)
        w.call('worker.ready', protocol=1, language='python', types=[{'name': 'far'}], slots={'process': 64}, pool='far',
               name='host-1', session='a' * 16)
        return w

    def test_what_came_behind_its_first_words_is_read_and_its_end_is_noticed(self):
        w = Client(self.jobd.ready[3], context=context(self.ca), timeout=30 * PATIENCE)
        self.addCleanup(w.close)
        hello = w.start_many([('hello', {'token': read(self.token).decode().strip()}),
                              ('worker.ready', dict(protocol=1, language='python', types=[{'name': 'far'}], pool='far',
                                                    slots={'process': 1}, name='host-1', session='b' * 16))])
        self.assertEqual(w.finish(hello[0])['role'], 'worker')
        self.assertEqual(w.finish(hello[1])['name'], 'host-1')
        job = self.c.submit('far', args=None)
        run = w.read()
        self.assertEqual(run['params']['job'], job)
        self.assertTrue(self.workers()[0]['name'], 'host-1')
        w.close()
        until(lambda: self.workers()[0]['state'] == 'away', 'that its end is noticed')

    def workers(self):
        return [w for w in self.c.call('worker.list')['items'] if w.get('pool') == 'far']

    def test_large_arguments_and_answers_pass_in_both_directions_at_once(self):
        w = self.worker()
        text = 'q' * 200000
        ids = [self.c.submit('far', {'text': text, 'n': i}) for i in range(40)]
        for _ in ids:
            run = w.read()
            w.send(b'{"id":%d,"result":"%s"}\n' % (run['id'], text.encode()))
        for id in ids:
            self.assertEqual(self.c.wait(id)['state'], 'succeeded')


if __name__ == '__main__':
    unittest.main()
