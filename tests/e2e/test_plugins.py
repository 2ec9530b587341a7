"""test_plugins.py - C plugins: loaded, refused, crashing, and the example that is built from what is installed."""

import os
import shutil
import subprocess
import tempfile
import time
import unittest

from jobd_client import RpcError, until
from jobd_test import BUILD, OwnDaemonTest, PATIENCE, SOURCE, program, reasons
from plugin_dir import PluginDir, let_go

LONG = 30 * PATIENCE


class Plugins(OwnDaemonTest):
    def dir(self, *names):
        d = PluginDir(*names)
        self.addCleanup(d.remove)
        return d

    def test_types_of_a_plugin_run_in_each_lane_and_never_in_the_built_in_io_worker(self):
        d = self.dir('misbehave.so')
        c = self.daemon(d.setting()).client()
        names = {w['pid']: w['name'] for w in c.workers()}
        self.assertEqual(sorted(names.values()), ['cpu-1', 'cpu-2', 'exec-1', 'io-1', 'plugin-1'])
        for lane, role in (('async', 'plugin-1'), ('thread', 'plugin-1'), ('process', 'cpu-')):
            self.assertTrue(names[c.run('test.sloppy', {}, lane=lane)['result']].startswith(role))
        with self.assertRaises(RpcError) as caught:
            c.submit('test.sloppy', {}, lane='inline')
        self.assertEqual(caught.exception.kind, 'lane_refused')
        told = c.call('type.show', name='test.sloppy')
        self.assertEqual((told['plugin'], told['lanes']), ('misbehave', ['async', 'thread', 'process']))
        self.assertIsNone(c.call('type.show', name='echo')['plugin'])

    def test_without_plugins_there_is_no_worker_for_them(self):
        for settings in ((), (self.dir().setting(),), ('plugins.dir=',)):
            c = self.daemon(*settings).client()
            self.assertEqual(sorted(w['name'] for w in c.workers()), ['cpu-1', 'cpu-2', 'exec-1', 'io-1'])
            self.assertEqual(c.items('plugin.list'), [])

    def test_arguments_are_checked_before_a_plugin_sees_them(self):
        c = self.daemon(self.dir('misbehave.so').setting()).client()
        failure = c.run('test.deaf', {'file': 7}, lane='thread')['failure']
        self.assertIn('args.file must be a string', failure['message'])
        self.assertEqual(c.run('test.sloppy', {}, lane='thread')['state'], 'succeeded')    # its default

    def test_ending_twice_or_not_at_all_is_a_failure(self):
        c = self.daemon(self.dir('misbehave.so').setting()).client()
        for lane in ('async', 'thread', 'process'):
            failure = c.run('test.sloppy', {'ends': 2}, lane=lane)['failure']
            self.assertIn('ended its attempt twice', failure['message'])
        for lane in ('thread', 'process'):
            failure = c.run('test.sloppy', {'ends': 0}, lane=lane)['failure']
            self.assertIn('returned without a result', failure['message'])

    def test_a_crash_is_a_failed_attempt_and_does_not_hurt_built_in_waits(self):
        c = self.daemon(self.dir('misbehave.so').setting()).client()
        io = next(w['pid'] for w in c.workers() if w['name'] == 'io-1')
        waits = c.submit_many([{'type': 'sleep', 'args': {'ms': 600000}}] * 20)
        until(lambda: all(c.get(j)['state'] == 'running' for j in waits), 'all wait')
        for lane in ('async', 'thread', 'process'):
            outcome = c.run('test.crash', {}, lane=lane)
            self.assertEqual((outcome['state'], outcome['failure']['kind']), ('failed', 'crash'))
            self.assertIn('killed by SIGSEGV', outcome['failure']['message'])
        for how in ({'later': True}, {'later': True, 'silent': True}):
            self.assertEqual(c.run('test.crash', how, lane='async')['failure']['kind'], 'crash')
        self.assertEqual(next(w['pid'] for w in c.workers() if w['name'] == 'io-1'), io)
        for job in waits:
            self.assertEqual([r for _, r in reasons(c.get(job))], ['submitted', 'started'])
            c.call('job.cancel', id=job)

    def test_a_neighbour_of_a_crash_in_the_plugins_worker_is_run_again_and_not_blamed(self):
        d = self.dir('misbehave.so')
        c = self.daemon(d.setting()).client()
        path = d.file()
        near = c.submit('test.stubborn', {'file': path})
        until(lambda: 'progress' in c.get(near), 'it runs')
        self.assertEqual(c.run('test.crash', {'later': True}, lane='async')['failure']['kind'], 'crash')
        let_go(path)
        self.assertEqual(c.wait(near)['state'], 'succeeded')
        self.assertEqual(reasons(c.get(near))[2:3], [('ready', 'worker_died')])

    def test_what_is_refused_is_told_with_its_reason(self):
        d = self.dir('misbehave.so')
        d.put('empty.so')
        d.put('Upper.so', 'empty.so')
        d.put('writable.so', 'misbehave.so', 0o666)
        d.put('second.so', 'misbehave.so')
        os.symlink('misbehave.so', os.path.join(d.path, 'link.so'))
        jobd = self.daemon(d.setting())
        c = jobd.client()
        rows = {row['file']: row for row in c.items('plugin.list')}
        self.assertEqual(rows['misbehave.so'], {
            'file': 'misbehave.so', 'name': 'misbehave', 'version': '1.0', 'error': None,
            'types': rows['misbehave.so']['types']})
        self.assertEqual(len(rows['misbehave.so']['types']), 6)
        for file, why in (('empty.so', 'does not export `jobd_plugin`'), ('Upper.so', '[a-z0-9_.-]'),
                          ('writable.so', 'can be written by others (mode 0666)'),
                          ('second.so', 'there is one of this name already'), ('link.so', 'symbolic link')):
            self.assertIn(why, rows[file]['error'])
            self.assertEqual(rows[file]['types'], [])
            jobd.until_logged('plugin is refused file=%s' % file)
        self.assertEqual(jobd.log().count('plugin is refused file=link.so'), 1)     # by all workers once
        told = subprocess.run([program('jobctl'), '-H', jobd.unix, 'plugin', 'ls'], capture_output=True, text=True)
        self.assertIn('symbolic link', told.stdout)
        self.assertEqual(c.run('test.sloppy', {}, lane='thread')['state'], 'succeeded')

    def test_a_directory_that_others_may_write_is_refused_and_jobd_serves_without(self):
        d = self.dir('misbehave.so')
        os.chmod(d.path, 0o777)
        jobd = self.daemon(d.setting())
        c = jobd.client()
        self.assertIn('the directory can be written by others', c.items('plugin.list')[0]['error'])
        with self.assertRaises(RpcError) as caught:
            c.submit('test.sloppy', {})
        self.assertEqual(caught.exception.kind, 'unknown_type')
        self.assertEqual(c.run('echo', 1, lane='process')['state'], 'succeeded')
        jobd.stop()
        c = self.daemon('plugins.dir=/nonexistent/jobd/plugins').client()
        self.assertIn('No such file', c.items('plugin.list')[0]['error'])

    def test_broker_and_supervisor_map_no_plugin(self):
        d = self.dir('misbehave.so')
        jobd = self.daemon(d.setting())
        c = jobd.client()
        until(lambda: all(w['state'] != 'starting' for w in c.workers()), 'workers that have loaded it')
        maps = {w['name']: self.maps(w['pid']) for w in c.workers()}
        maps['broker'], maps['supervisor'] = self.maps(jobd.broker()), self.maps(jobd.pid)
        self.assertEqual({name for name, text in maps.items() if d.path in text}, {'cpu-1', 'cpu-2', 'plugin-1'})

    @staticmethod
    def maps(pid):
        with open('/proc/%d/maps' % pid) as f:
            return f.read()

    def test_the_plugins_worker_is_recycled_like_others(self):
        d = self.dir('misbehave.so')
        c = self.daemon(d.setting(), 'workers.recycle_jobs=20', cpu_workers=1).client()
        pids = {c.run('test.sloppy', {}, lane=lane)['result'] for lane in ('async', 'thread') for _ in range(40)}
        self.assertGreater(len(pids), 1)
        until(lambda: [w['name'] for w in c.workers() if w['state'] == 'draining'] == [], 'the end of old workers')


class Example(OwnDaemonTest):
    """Builds examples/plugin with its own Makefile, from the installed header or the build tree's."""

    @classmethod
    def setUpClass(cls):
        cls.dir = tempfile.mkdtemp(prefix='jobd-example-')
        for name in ('Makefile', 'example.c'):
            shutil.copy(os.path.join(SOURCE, 'examples', 'plugin', name), cls.dir)
        pc = [os.path.join(BUILD, below, 'pkgconfig') for below in ('lib', 'lib64')] + [os.path.join(BUILD, 'workers')]
        cls.env = dict(os.environ, PKG_CONFIG_PATH=':'.join(pc + [os.environ.get('PKG_CONFIG_PATH', '')]))
        run = subprocess.run(['make', '-C', cls.dir], env=cls.env, capture_output=True, text=True)
        assert run.returncode == 0, run.stdout + run.stderr
        os.chmod(os.path.join(cls.dir, 'example.so'), 0o644)

    @classmethod
    def tearDownClass(cls):
        shutil.rmtree(cls.dir)

    def start(self):
        return self.daemon('plugins.dir=' + self.dir).client()

    def test_the_build_is_without_warnings(self):
        run = subprocess.run(['make', '-C', self.dir, '-B', 'CFLAGS=-O2 -Wall -Wextra -Werror'], env=self.env,
                             capture_output=True, text=True)
        self.assertEqual(run.returncode, 0, run.stderr)

    def test_its_types_do_what_they_say(self):
        c = self.start()
        self.assertEqual(sorted(c.items('plugin.list')[0]['types']),
                         ['example.dirsize', 'example.primes', 'example.waitfile'])
        for below, primes in ((0, 0), (2, 0), (3, 1), (100, 25), (1000000, 78498)):
            self.assertEqual(c.run('example.primes', {'below': below})['result'], {'primes': primes})
        tree = tempfile.mkdtemp(dir=self.dir)
        for n in range(10):
            os.makedirs(os.path.join(tree, 'a', 'b%d' % n))
            with open(os.path.join(tree, 'a', 'b%d' % n, 'f'), 'wb') as f:
                f.write(b'x' * n)
        self.assertEqual(c.run('example.dirsize', {'path': tree})['result'], {'files': 10, 'bytes': 45})
        self.assertIn('No such file', c.run('example.dirsize', {'path': tree + '/none'})['failure']['message'])
        path = os.path.join(tree, 'go')
        job = c.submit('example.waitfile', {'path': path})
        until(lambda: c.get(job)['state'] == 'running', 'it waits')
        with open(path, 'wb') as f:
            f.write(b'12345')
        self.assertEqual(set(c.wait(job)['result']), {'bytes'})
        self.assertEqual(c.run('example.waitfile', {'path': path})['result'], {'bytes': 5})

    def test_each_runs_by_the_model_that_it_was_written_for(self):
        c = self.start()
        for name, lane in (('primes', 'process'), ('dirsize', 'thread'), ('waitfile', 'async')):
            self.assertEqual(c.call('type.show', name='example.' + name)['route']['lane'], lane)

    def test_each_can_be_cancelled(self):
        c = self.start()
        jobs = [c.submit('example.primes', {'below': 100000000}),
                c.submit('example.waitfile', {'path': self.dir + '/never'})]
        for job in jobs:
            until(lambda: c.get(job)['state'] == 'running', 'it runs')
            self.assertEqual(c.call('job.cancel', id=job)['state'], 'cancelled')

    def test_a_thousand_wait_at_once(self):
        c = self.start()
        path = os.path.join(self.dir, 'all-%d' % time.monotonic_ns())
        jobs = c.submit_many([{'type': 'example.waitfile', 'args': {'path': path}}] * 1000)
        until(lambda: c.get(jobs[-1])['state'] == 'running', 'all wait', LONG)
        let_go(path)
        self.assertEqual({o['state'] for o in c.wait_all(jobs)}, {'succeeded'})


if __name__ == '__main__':
    unittest.main()
