"""test_kits.py - workers in Python and Node.js, made with the kits, run by the real daemon."""

import gzip
import hashlib
import os
import shutil
import socket
import statistics
import subprocess
import sys
import tempfile
import threading
import time
import unittest

from jobd_test import BUILD, PATIENCE, SOURCE, Daemon, is_gone, until

INSTALLED = os.path.join(BUILD, 'share', 'jobd', 'languages')
KITS = INSTALLED if os.path.isdir(INSTALLED) else os.path.join(SOURCE, 'workers', 'languages')
CLIENT = os.path.join(SOURCE, 'client', 'python')
EXAMPLES = os.path.join(SOURCE, 'examples')
HERE = os.path.dirname(os.path.abspath(__file__))
PYTHON_PATH = os.pathsep.join([os.path.join(KITS, 'python'), CLIENT])
NODE_KIT = os.path.join(KITS, 'node')


def worker_file(worker, types, cwd, env, **more):
    lines = ['worker = [%s]' % ', '.join('"%s"' % word for word in worker),
             'types = ' + ' '.join(types), 'cwd = ' + cwd]
    lines += ['%s = %s' % row for row in more.items()]
    lines += ['[env]'] + ['%s = %s' % row for row in env.items()]
    return '\n'.join(lines) + '\n'


def python_pool(module, types, cwd=HERE, options=(), **more):
    return worker_file([sys.executable, '-B', '-m', 'jobd_worker', *options, module], types, cwd,
                       {'PYTHONPATH': os.pathsep.join([PYTHON_PATH, cwd])}, **more)


def node_pool(module, types, cwd, **more):
    return worker_file([shutil.which('node'), os.path.join(NODE_KIT, 'lib', 'main.js'),
                        os.path.join(cwd, module)], types, cwd, {'WORKER_KIT': NODE_KIT}, **more)


class PoolsTest(unittest.TestCase):
    """One daemon for the class, with the pools of `pools()`: NAME -> text of NAME.worker."""

    @classmethod
    def setUpClass(cls):
        cls.directory = tempfile.mkdtemp(prefix='jobd-kits-')
        cls.addClassCleanup(shutil.rmtree, cls.directory, ignore_errors=True)
        jobs = os.path.join(cls.directory, 'jobs.d')
        os.mkdir(jobs, 0o755)
        for name, text in cls.pools().items():
            with open(os.path.join(jobs, name + '.worker'), 'w') as f:
                f.write(text)
            os.chmod(f.name, 0o644)
        cls.jobd = Daemon('jobs.dir=' + jobs, 'jobs.grace_ms=1000', cpu_workers=2)
        cls.addClassCleanup(cls.jobd.stop)

    def setUp(self):
        self.c = self.jobd.client()

    def path(self, name):
        return os.path.join(self.directory, name)

    def begun(self, job):
        """The job's progress, when its handler has told some."""
        return until(lambda: self.c.get(job).get('progress'), 'the progress of job %d' % job, 30)

    def log(self, job, stream):
        return self.c.call('job.log', id=job, stream=stream)['data']

    def assert_succeeded(self, outcome):
        self.assertEqual(outcome['state'], 'succeeded', outcome)
        return outcome['result']


class Python(PoolsTest):
    @classmethod
    def pools(cls):
        return {
            'kit': python_pool('kit_tasks', [
                'kit.pid', 'kit.noop', 'kit.add', 'kit.raise', 'kit.retry', 'kit.compute', 'kit.obstinate',
                'kit.print', 'kit.crash', 'kit.ask'], count=2),
            'waits': python_pool('kit_tasks', ['kit.meet', 'kit.wait'], options=['--tasks', '1000']),
        }

    def test_arguments_and_results_go_through(self):
        self.assertEqual(self.assert_succeeded(self.c.run('kit.add', {'a': 1, 'b': 2})), 3)
        failure = self.c.run('kit.add', {'a': 'x'}, retry={'max_attempts': 3, 'backoff_ms': 1})['failure']
        self.assertEqual(failure['message'], "args.a must be an integer, not 'x'")
        self.assertEqual(failure['attempt'], 1)

    def test_the_schema_of_the_signature_is_shown(self):
        self.assert_succeeded(self.c.run('kit.add', {'a': 1}))
        shown = self.c.call('type.show', name='kit.add')
        self.assertEqual(shown['args_schema']['required'], ['a'])

    def test_an_exception_is_the_failure_with_its_traceback(self):
        failure = self.c.run('kit.raise', {'text': 'no such page'})['failure']
        self.assertEqual(failure['kind'], 'error')
        self.assertEqual(failure['message'], 'LookupError: no such page')
        self.assertIn('raise LookupError(text)', failure['data']['traceback'])

    def test_retry_comes_when_the_handler_said(self):
        begin = time.monotonic()
        outcome = self.c.run('kit.retry', {'after': 0.3}, retry={'max_attempts': 2, 'backoff_ms': 60000})
        self.assertEqual(self.assert_succeeded(outcome), 2)
        self.assertGreaterEqual(time.monotonic() - begin, 0.3)

    def test_cancel_interrupts_a_computation_and_the_process_lives(self):
        before = {self.assert_succeeded(self.c.run('kit.pid')) for _ in range(20)}
        job = self.c.submit('kit.compute', {'path': self.path('cancelled')})
        self.begun(job)
        self.c.call('job.cancel', id=job)
        self.assertEqual(self.c.wait(job)['state'], 'cancelled')
        with open(self.path('cancelled')) as f:
            self.assertEqual(f.read(), 'cleaned up')
        self.assertTrue(before & {self.assert_succeeded(self.c.run('kit.pid')) for _ in range(20)})

    def test_the_deadline_interrupts_a_computation(self):
        outcome = self.c.run('kit.compute', {'path': self.path('late')}, timeout_ms=200)
        self.assertEqual(outcome['failure']['kind'], 'timeout')
        self.assertTrue(os.path.exists(self.path('late')))

    def test_what_does_not_end_is_killed_and_the_pool_refills(self):
        job = self.c.submit('kit.obstinate')
        pid = int(self.begun(job)['text'])
        self.c.call('job.cancel', id=job)
        self.assertEqual(self.c.wait(job)['state'], 'cancelled')
        until(lambda: is_gone(pid), 'the end of the worker', 10)
        self.assertNotEqual(self.assert_succeeded(self.c.run('kit.pid')), pid)

    def test_a_worker_that_dies_is_replaced_and_its_job_runs_again(self):
        self.assertEqual(self.assert_succeeded(self.c.run('kit.crash')), 2)

    def test_what_is_printed_is_the_log_of_the_job(self):
        job = self.c.submit('kit.print', {'text': 'häppy {"id":1}'})
        self.assert_succeeded(self.c.wait(job))
        until(lambda: 'from a child' in self.log(job, 'stdout'), 'the output')
        self.assertEqual(self.log(job, 'stdout'), 'häppy {"id":1}\nfrom a child\n')
        self.assertIn('noted', self.log(job, 'note'))

    def test_threads_wait_beside_each_other_in_one_process(self):
        jobs = [self.c.submit('kit.meet') for _ in range(4)]
        idents = {self.assert_succeeded(outcome) for outcome in self.c.wait_all(jobs)}
        self.assertEqual(len(idents), 4)
        for job in jobs:
            self.assertIn('met', self.log(job, 'note'))

    def test_a_thousand_tasks_wait_in_one_process(self):
        begin = time.monotonic()
        jobs = self.c.submit_many([{'type': 'kit.wait', 'args': {'seconds': 0.5}}] * 1000)
        self.assertEqual({outcome['state'] for outcome in self.c.wait_all(jobs)}, {'succeeded'})
        self.assertEqual(len({self.c.get(job)['result'] for job in jobs[::100]}), 1)
        self.assertLess(time.monotonic() - begin, 250)          # one after another: 500 s

    def test_a_task_is_cancelled_at_its_await(self):
        job = self.c.submit('kit.wait', {'seconds': 10000})
        self.begun(job)
        self.c.call('job.cancel', id=job)
        self.assertEqual(self.c.wait(job)['state'], 'cancelled')

    def test_a_worker_may_be_a_client(self):
        outcome = self.c.run('kit.ask', {'address': self.jobd.unix})
        self.assertEqual(self.assert_succeeded(outcome), {'asked': 'by a worker'})


class Computing(PoolsTest):
    """examples/python-worker: the interpreter's lock is why a pool has processes."""

    @classmethod
    def pools(cls):
        cwd = os.path.join(EXAMPLES, 'python-worker')
        return {
            'processes': python_pool('mandelbrot', ['mandelbrot.rows'], cwd, count=2),
            'threads': python_pool('mandelbrot', ['mandelbrot.rows.threads'], cwd, ['--threads', '2']),
            'measured': python_pool('kit_tasks', ['kit.measured'], count=2),
            'measured-threads': python_pool('kit_tasks', ['kit.measured.threads'],
                                            options=['--threads', '2']),
        }

    def run_two(self, type, parts):
        """Results of two jobs that are handed in together."""
        return [self.assert_succeeded(outcome)
                for outcome in self.c.wait_all([self.c.submit(type, part) for part in parts])]

    def computing(self, type):
        """How much of its time each of two jobs computed: 1.0 beside each other, 0.5 by turns."""
        rows = self.run_two(type, [{'rounds': 5000000}] * 2)
        return sum(row['cpu_ns'] for row in rows) / sum(row['ns'] for row in rows)

    def test_it_scales_with_processes_and_not_with_threads(self):
        # Of a job's own time: neither other programs nor two processors that share a core change it much.
        for type in ('kit.measured', 'kit.measured.threads'):
            self.run_two(type, [{'rounds': 1000}] * 2)          # warm
        pairs = [(self.computing('kit.measured'), self.computing('kit.measured.threads')) for _ in range(5)]
        processes, threads = map(statistics.median, zip(*pairs))
        self.assertGreater(processes, 0.85, pairs)
        self.assertLess(threads, 0.75, pairs)

    def test_both_draw_the_same(self):
        parts = [{'width': 60, 'height': 40, 'first': first, 'count': 20} for first in (0, 20)]
        self.assertEqual(self.run_two('mandelbrot.rows', parts),
                         self.run_two('mandelbrot.rows.threads', parts))

    def test_the_client_draws_the_picture(self):
        picture = os.path.join(self.directory, 'picture.png')
        subprocess.run([sys.executable, '-B', os.path.join(EXAMPLES, 'python-worker', 'render.py'), picture,
                        '--width', '90', '--height', '60', '-H', self.jobd.unix], check=True,
                       env=dict(os.environ, PYTHONPATH=PYTHON_PATH), stdout=subprocess.DEVNULL)
        with open(picture, 'rb') as f:
            self.assertEqual(f.read(8), b'\x89PNG\r\n\x1a\n')


class NodeByName(PoolsTest):
    """Modules that ask for the kit by its name, as the documentation has it."""

    @classmethod
    def pools(cls):
        for name, text in (('named.js', "const { job } = require('jobd-worker');\njob('twice', async (n) => 2 * n);\n"),
                           ('broken.js', "require('no-such-module');\n")):
            with open(os.path.join(cls.directory, name), 'w') as f:
                f.write(text)
        return {name: node_pool(name + '.js', [kind], cls.directory)
                for name, kind in (('named', 'twice'), ('broken', 'never'))}

    def test_the_kit_is_found_where_none_is_installed(self):
        self.assertEqual(self.c.run('twice', 21)['result'], 42)

    def test_why_a_module_cannot_be_loaded_is_told(self):
        def why():
            return [w['why'] for w in self.c.items('worker.list') if w['name'] == 'broken-1' and 'why' in w]
        self.assertIn("exit 1: jobd-worker: Cannot find module 'no-such-module'", until(why, 'the end of the worker')[0])


class Node(PoolsTest):
    """examples/node-worker: files are streamed."""

    @classmethod
    def pools(cls):
        return {'pack': node_pool('pack.js', ['file.pack'], os.path.join(EXAMPLES, 'node-worker'))}

    def setUp(self):
        super().setUp()
        self.big = self.path('big')
        with open(self.big, 'wb') as f:
            block = os.urandom(1 << 19) + bytes(1 << 19)
            for _ in range(64):
                f.write(block)
        self.packed = self.path('big.gz')

    def test_a_file_is_packed_and_digested_in_one_pass(self):
        job = self.c.submit('file.pack', {'from': self.big, 'to': self.packed, 'level': 1})
        progress = self.begun(job)
        self.assertEqual(progress['total'], 64 << 20)
        self.assertGreater(progress['done'], 0)
        result = self.assert_succeeded(self.c.wait(job))
        with open(self.big, 'rb') as f:
            content = f.read()
        with gzip.open(self.packed) as f:
            self.assertTrue(f.read() == content)
        self.assertEqual(result, {'bytes': 64 << 20, 'packed': os.path.getsize(self.packed),
                                  'sha256': hashlib.sha256(content).hexdigest()})

    def test_several_are_packed_beside_each_other(self):
        jobs = [self.c.submit('file.pack', {'from': self.big, 'to': self.path('%d.gz' % n), 'level': 1})
                for n in range(4)]
        digests = {self.assert_succeeded(outcome)['sha256'] for outcome in self.c.wait_all(jobs)}
        self.assertEqual(len(digests), 1)

    def test_cancel_ends_the_streams_and_leaves_nothing(self):
        job = self.c.submit('file.pack', {'from': self.big, 'to': self.path('none.gz'), 'level': 9})
        self.begun(job)
        self.c.call('job.cancel', id=job)
        self.assertEqual(self.c.wait(job)['state'], 'cancelled')
        until(lambda: not [n for n in os.listdir(self.directory) if 'none.gz' in n], 'a clean directory')

    def test_what_cannot_be_read_fails_for_good(self):
        failure = self.c.run('file.pack', {'from': self.path('nowhere'), 'to': self.packed},
                             retry={'max_attempts': 3, 'backoff_ms': 1})['failure']
        self.assertEqual((failure['message'], failure['attempt']), (self.path('nowhere') + ': ENOENT', 1))
        failure = self.c.run('file.pack', {'from': 7, 'to': self.packed})['failure']
        self.assertEqual(failure['message'], 'args.from must be a string, not 7')


class Relay:
    """Stands between a remote worker and jobd, and breaks their connection when told."""

    def __init__(self, address):
        host, _, port = address.rpartition(':')
        self.target = host.split(':', 1)[1], int(port)
        self.listener = socket.create_server(('127.0.0.1', 0))
        self.address = 'tcp:127.0.0.1:%d' % self.listener.getsockname()[1]
        self.sockets = []
        self.connections = 0
        self.threads = []
        self.start(self.accept)

    def start(self, target, *args):
        self.threads.append(threading.Thread(target=target, args=args))
        self.threads[-1].start()

    def accept(self):
        while True:
            try:
                near, _ = self.listener.accept()
            except OSError:
                return
            far = socket.create_connection(self.target)
            self.connections += 1
            self.sockets += [near, far]
            for one, other in ((near, far), (far, near)):
                self.start(self.carry, one, other)

    @staticmethod
    def carry(one, other):
        try:
            while True:
                data = one.recv(1 << 16)
                if not data:
                    break
                other.sendall(data)
        except OSError:
            pass
        end(other)

    def cut(self):
        for sock in self.sockets:
            end(sock)

    def close(self):
        end(self.listener)
        self.cut()
        for thread in self.threads:
            thread.join()
        for sock in [self.listener, *self.sockets]:
            sock.close()


def end(sock):
    """Whoever reads it, or waits for it, wakes up."""
    try:
        sock.shutdown(socket.SHUT_RDWR)
    except OSError:
        pass


class Remote(PoolsTest):
    @classmethod
    def pools(cls):
        return {'far': 'remote = true\ntypes = kit.add kit.compute kit.wait\n',
                'farnode': 'remote = true\ntypes = file.pack\n'}

    def setUp(self):
        super().setUp()
        self.relay = Relay(self.jobd.tcp)
        self.addCleanup(self.relay.close)
        self.token = os.path.join(self.jobd.state_dir, 'worker.token')

    def start(self, command, pool, module, **env):
        worker = subprocess.Popen(
            [*command, '--connect', self.relay.address, '--pool', pool, '--token-file', self.token,
             '--name', 'far-1', module], cwd=HERE, env=dict(os.environ, **env),
            stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        self.addCleanup(worker.wait)
        self.addCleanup(worker.kill)
        return worker

    def start_python(self):
        return self.start([sys.executable, '-B', '-m', 'jobd_worker'], 'far', 'kit_tasks',
                          PYTHONPATH=PYTHON_PATH)

    def test_work_reaches_it_and_a_broken_connection_loses_nothing(self):
        self.start_python()
        self.assertEqual(self.assert_succeeded(self.c.run('kit.add', {'a': 1})), 2)
        task = self.c.submit('kit.wait', {'seconds': 1})
        computing = self.c.submit('kit.compute', {'path': self.path('far')})
        self.begun(task)
        self.begun(computing)
        self.relay.cut()
        until(lambda: self.relay.connections == 2, 'the second connection', 30)
        self.assert_succeeded(self.c.wait(task))
        self.assertEqual(len(self.c.get(task)['attempts']), 1)
        self.c.call('job.cancel', id=computing)
        self.assertEqual(self.c.wait(computing)['state'], 'cancelled')
        until(lambda: os.path.exists(self.path('far')), 'the clean-up')

    def test_in_node_too(self):
        self.start([shutil.which('node'), os.path.join(NODE_KIT, 'lib', 'main.js')], 'farnode',
                   os.path.join(EXAMPLES, 'node-worker', 'pack.js'), WORKER_KIT=NODE_KIT)
        with open(self.path('small'), 'wb') as f:
            f.write(b'x' * 1000)
        outcome = self.c.run('file.pack', {'from': self.path('small'), 'to': self.path('small.gz')})
        self.assertEqual(self.assert_succeeded(outcome)['bytes'], 1000)

    def test_a_wrong_pool_is_refused_and_the_worker_says_so(self):
        ended = subprocess.run(
            [sys.executable, '-B', '-m', 'jobd_worker', '--connect', self.jobd.tcp, '--pool', 'nowhere',
             '--token-file', self.token, 'kit_tasks'], cwd=HERE,
            env=dict(os.environ, PYTHONPATH=PYTHON_PATH), stderr=subprocess.PIPE, timeout=60 * PATIENCE)
        self.assertEqual(ended.returncode, 1)
        self.assertIn(b'nowhere', ended.stderr)


if __name__ == '__main__':
    unittest.main()
