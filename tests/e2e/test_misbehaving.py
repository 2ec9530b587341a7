"""test_misbehaving.py - cancel and timeout, by lane, of handlers that do not do as they are told."""

import os
import signal
import unittest

from jobd_client import RpcError, until
from jobd_test import OwnDaemonTest, PATIENCE, is_gone, reasons
from plugin_dir import PluginDir, let_go

GRACE = 'jobs.grace_ms=100ms'
LONG = 30 * PATIENCE


class Misbehaving(OwnDaemonTest):
    def start(self, *settings, **arguments):
        """A daemon with the plugin whose handlers misbehave; its client."""
        self.dir = PluginDir('misbehave.so')
        self.addCleanup(self.dir.remove)
        self.jobd = self.daemon(self.dir.setting(), GRACE, 'stop.drain_ms=500ms', *settings, **arguments)
        return self.jobd.client()

    def begun(self, c, job):
        """Its handler says that it has begun."""
        until(lambda: 'progress' in c.get(job), 'a begun handler', LONG)

    def worker(self, c, name):
        return next((w for w in c.workers() if w['name'] == name), None)

    def pid(self, c, name):
        return until(lambda: (self.worker(c, name) or {}).get('pid'), name)

    def stuck(self, c):
        return c.call('server.stats')['jobs']['stuck']

    # ---- thread: told, and cannot be killed ----

    def test_a_thread_that_ignores_its_cancel_is_recorded_and_fenced(self):
        c = self.start('workers.stuck_threads=100')
        files = [self.dir.file() for _ in range(2)]
        late = c.submit('test.deaf', {'file': files[0]}, lane='thread', timeout_ms=100)
        told = c.submit('test.deaf', {'file': files[1]}, lane='thread')
        self.begun(c, told)
        self.assertEqual(c.call('job.cancel', id=told)['state'], 'cancelled')
        outcome = c.wait(late)
        self.assertEqual((outcome['state'], outcome['failure']['kind']), ('failed', 'timeout'))
        self.assertIn('told to end and has not', outcome['failure']['message'])
        until(lambda: self.stuck(c) == 2, 'two stuck attempts')
        pid = self.pid(c, 'plugin-1')
        for path in files:
            let_go(path)
        until(lambda: self.stuck(c) == 0, 'the end of the threads', LONG)
        # what they returned in the end came too late
        self.assertEqual(c.get(late)['state'], 'failed')
        self.assertEqual(c.get(told)['state'], 'cancelled')
        self.assertEqual(c.run('test.sloppy', {}, lane='thread')['result'], pid)

    def test_a_stuck_thread_keeps_its_order_key_and_its_limits_until_it_returns(self):
        c = self.start('workers.stuck_threads=100', 'type test.deaf.max_running=1',
                       'queue narrow.max_running=1')
        path = self.dir.file()
        first = c.submit('test.deaf', {'file': path}, lane='thread', timeout_ms=100, order_key='k',
                         queue='narrow')
        self.assertEqual(c.wait(first)['failure']['kind'], 'timeout')
        until(lambda: self.stuck(c) == 1, 'a stuck attempt')
        waits = {'order_key': c.submit('echo', 1, order_key='k'),
                 'type_limit': c.submit('test.deaf', {'file': path}, lane='process'),
                 'queue_limit': c.submit('echo', 2, queue='narrow')}
        for kind, job in waits.items():
            self.assertEqual(c.get(job)['state'], 'ready')
            self.assertIn(kind, [w['kind'] for w in c.call('job.explain', id=job)['waits']])
        let_go(path)
        for job in waits.values():
            self.assertEqual(c.wait(job)['state'], 'succeeded')

    def test_a_stuck_thread_keeps_its_order_key_until_its_worker_dies(self):
        c = self.start('workers.stuck_threads=100')
        first = c.submit('test.deaf', {'file': self.dir.file()}, lane='thread', timeout_ms=100,
                         order_key='k')
        self.assertEqual(c.wait(first)['failure']['kind'], 'timeout')
        until(lambda: self.stuck(c) == 1, 'a stuck attempt')
        behind = c.submit('echo', 1, order_key='k')
        self.assertEqual(c.get(behind)['state'], 'ready')
        os.kill(self.pid(c, 'plugin-1'), signal.SIGKILL)
        self.assertEqual(c.wait(behind)['state'], 'succeeded')
        self.assertEqual(c.get(first)['state'], 'failed')
        until(lambda: self.stuck(c) == 0, 'the end of the stuck attempt')

    def test_a_fresh_worker_takes_over_when_too_many_threads_are_stuck(self):
        c = self.start('workers.stuck_threads=2', io_threads=4)
        old = self.pid(c, 'plugin-1')
        rest = self.dir.file()
        waits = c.submit('test.stubborn', {'file': rest})
        self.begun(c, waits)
        stuck = [c.submit('test.deaf', {'file': self.dir.file()}, lane='thread', timeout_ms=100)
                 for _ in range(2)]
        self.assertEqual({o['failure']['kind'] for o in c.wait_all(stuck)}, {'timeout'})
        fresh = until(lambda: next((w['pid'] for w in c.workers() if w['name'].startswith('plugin-') and
                                    w['pid'] not in (None, old) and w['state'] == 'idle'), None),
                      'a fresh worker', LONG)
        # the old one gets nothing new, and finishes what it has
        self.assertEqual(c.run('test.sloppy', {}, lane='thread')['result'], fresh)
        self.assertEqual(c.run('test.sloppy', {}, lane='async')['result'], fresh)
        self.assertFalse(is_gone(old))
        self.assertEqual(c.get(waits)['state'], 'running')
        let_go(rest)
        outcome = c.wait(waits)
        self.assertEqual((outcome['state'], outcome['result']), ('succeeded', old))
        # and is killed then, as its threads do not end
        until(lambda: is_gone(old), 'the end of the old worker', LONG)
        until(lambda: self.stuck(c) == 0, 'its threads to be forgotten')
        self.jobd.until_logged('workers.stuck_threads')

    def test_half_of_the_threads_are_too_many_by_default(self):
        c = self.start(io_threads=2)
        old = self.pid(c, 'plugin-1')
        job = c.submit('test.deaf', {'file': self.dir.file()}, lane='thread', timeout_ms=100)
        self.assertEqual(c.wait(job)['failure']['kind'], 'timeout')
        until(lambda: is_gone(old), 'the end of the worker with the stuck thread', LONG)
        self.assertEqual(c.run('test.sloppy', {}, lane='thread')['state'], 'succeeded')

    def test_names_are_looked_up_while_every_thread_is_stuck(self):
        c = self.start('workers.stuck_threads=100', io_threads=2)
        files = [self.dir.file() for _ in range(2)]
        jobs = [c.submit('test.deaf', {'file': f}, lane='thread', timeout_ms=100) for f in files]
        self.assertEqual({o['failure']['kind'] for o in c.wait_all(jobs)}, {'timeout'})
        until(lambda: self.stuck(c) == 2, 'two stuck attempts')
        waits = c.submit('test.sloppy', {}, lane='thread')
        pid = self.pid(c, 'plugin-1')
        for _ in range(20):
            self.assertEqual(c.run('test.names')['result'], pid)
        self.assertEqual(c.get(waits)['state'], 'ready')        # no thread is left for it
        for path in files:
            let_go(path)
        self.assertEqual(c.wait(waits)['state'], 'succeeded')

    # ---- async: told, and ends or is abandoned ----

    def test_an_asynchronous_attempt_that_ignores_its_cancel_is_abandoned(self):
        c = self.start()
        path = self.dir.file()
        late = c.submit('test.stubborn', {'file': path}, timeout_ms=100)
        told = c.submit('test.stubborn', {'file': path})
        neighbour = c.submit('test.stubborn', {'file': path})
        self.begun(c, told)
        self.assertEqual(c.call('job.cancel', id=told)['state'], 'cancelled')
        self.assertEqual(c.wait(late)['failure']['kind'], 'timeout')
        until(lambda: self.stuck(c) == 2, 'two abandoned attempts')
        pid = self.pid(c, 'plugin-1')
        let_go(path)
        self.assertEqual(c.wait(neighbour)['result'], pid)
        until(lambda: self.stuck(c) == 0, 'the end of what was abandoned', LONG)
        self.assertEqual([c.get(j)['state'] for j in (late, told)], ['failed', 'cancelled'])

    def block(self, c, **args):
        """A loop that is blocked, with a neighbour in each lane; the job, neighbours, the worker's pid."""
        ends = self.dir.file()
        near = c.submit('test.stubborn', {'file': ends})
        thread = c.submit('test.deaf', {'file': ends}, lane='thread')
        self.begun(c, near)
        self.begun(c, thread)
        pid = self.pid(c, 'plugin-1')
        job = c.submit('test.blocker', dict(args, file=self.dir.file()), timeout_ms=200)
        return job, (near, thread), pid, ends

    def check_neighbours(self, c, neighbours, ends):
        let_go(ends)
        for job in neighbours:
            self.assertEqual(c.wait(job)['state'], 'succeeded')
            told = c.get(job)
            self.assertEqual([r for _, r in reasons(told)],
                             ['submitted', 'started', 'worker_died', 'started', 'finished'])
        # not one of them runs in a worker of its own: they are not suspected
        self.assertNotIn('plugin-alone', self.jobd.log())

    def test_a_blocked_loop_costs_its_worker_and_not_its_neighbours(self):
        c = self.start()
        job, neighbours, pid, ends = self.block(c)
        outcome = c.wait(job)
        self.assertEqual((outcome['state'], outcome['failure']['kind']), ('failed', 'timeout'))
        until(lambda: is_gone(pid), 'the end of the blocked worker', LONG)
        self.assertEqual(c.run('test.sloppy', {}, lane='async')['state'], 'succeeded')
        self.check_neighbours(c, neighbours, ends)
        self.jobd.until_logged('its event loop is blocked')

    def test_a_loop_that_is_blocked_in_a_callback_is_no_different(self):
        c = self.start()
        job, neighbours, pid, ends = self.block(c, later=True)
        self.assertEqual(c.wait(job)['failure']['kind'], 'timeout')
        until(lambda: is_gone(pid), 'the end of the blocked worker', LONG)
        self.check_neighbours(c, neighbours, ends)

    def test_a_blocker_without_a_timeout_fails_in_the_end(self):
        c = self.start()
        for how in ({'later': True}, {'later': True, 'silent': True}):
            job = c.submit('test.blocker', dict(how, file=self.dir.file()))
            outcome = c.wait(job)
            self.assertEqual((outcome['state'], outcome['failure']['kind']), ('failed', 'crash'))
            self.assertIn('its event loop was blocked', outcome['failure']['message'])

    def test_built_in_waits_do_not_feel_a_plugins_blocked_loop(self):
        c = self.start()
        pid = self.pid(c, 'io-1')
        c.submit('test.blocker', {'file': self.dir.file()})
        for _ in range(20):
            self.assertEqual(c.run('sleep', {'ms': 1})['state'], 'succeeded')
        self.assertEqual(self.pid(c, 'io-1'), pid)

    # ---- process: told, then killed ----

    def test_a_process_that_ignores_every_signal_is_killed_and_replaced(self):
        c = self.start(cpu_workers=1)
        pid = self.pid(c, 'cpu-1')
        job = c.submit('test.deaf', {'file': self.dir.file()}, lane='process', timeout_ms=200)
        behind = c.submit('echo', 7, lane='process')
        self.begun(c, job)
        os.kill(pid, signal.SIGTERM)        # does nothing: only SIGKILL ends it
        outcome = c.wait(job)
        self.assertEqual((outcome['state'], outcome['failure']['kind']), ('failed', 'timeout'))
        self.assertTrue(until(lambda: is_gone(pid), 'the end of the deaf worker', LONG))
        self.assertEqual(c.wait(behind)['result'], 7)
        self.assertNotIn('worker_died', [r for _, r in reasons(c.get(behind))])
        told = c.submit('test.deaf', {'file': self.dir.file()}, lane='process')
        self.begun(c, told)
        second = self.pid(c, 'cpu-1')
        self.assertEqual(c.call('job.cancel', id=told)['state'], 'cancelled')
        until(lambda: is_gone(second), 'the end of the second one', LONG)
        self.assertEqual(c.run('echo', 8, lane='process')['result'], 8)

    # ---- inline: never waits ----

    def test_inline_jobs_are_done_before_a_cancel_can_come(self):
        c = self.start()
        job = c.submit('echo', 1, lane='inline', timeout_ms=1)
        self.assertEqual(c.wait(job)['state'], 'succeeded')
        with self.assertRaises(RpcError) as caught:
            c.call('job.cancel', id=job)
        self.assertEqual(caught.exception.kind, 'conflict')


if __name__ == '__main__':
    unittest.main()
