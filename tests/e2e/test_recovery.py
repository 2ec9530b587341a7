"""test_recovery.py - what jobd knows again after a crash, after the end of everything, and after a clean stop."""

import functools
import json
import os
import shutil
import signal
import tempfile
import time
import unittest

from jobd_client import Closed, until
from jobd_test import Daemon, is_gone, reasons
from plugin_dir import PluginDir, let_go

HOUR_MS = 3600000
CLOCKS_MS = 500         # between reading one clock and the other the reader may not run
FINISHED = ('succeeded', 'failed', 'cancelled', 'expired')
# What a restart adds to.
GROWS = ('transitions', 'attempts', 'attempts_total', 'reason', 'state', 'progress')


def each_way(test):
    """The test, once for each way to begin anew."""
    @functools.wraps(test)
    def run(self):
        for again in self.ways():
            with self.subTest(way=again.__name__):
                test(self, again)
    return run


class Recovery(unittest.TestCase):
    """A state directory, and daemons one after another."""

    settings = ('jobs.grace_ms=200ms', 'stop.drain_ms=200ms')

    def setUp(self):
        self.state_dir = tempfile.mkdtemp(prefix='jobd-recovery-')
        self.addCleanup(shutil.rmtree, self.state_dir)
        self.plugins = PluginDir('misbehave.so')
        self.addCleanup(self.plugins.remove)
        self.jobd = None
        self.addCleanup(self.end)
        self.start()

    def end(self):
        if self.jobd.process.poll() is None:
            self.jobd.kill()

    def start(self):
        self.jobd = Daemon(*self.settings, self.plugins.setting(), state_dir=self.state_dir)
        self.c = self.jobd.client()

    # ---- three ways to begin anew ----

    def crash_broker(self):
        before = self.jobd.look()
        os.kill(self.jobd.broker(), signal.SIGKILL)
        until(lambda: all(is_gone(pid) for pid in before), 'the end of the old processes', 20)
        self.c = self.jobd.client()

    def crash_all(self):
        self.jobd.kill()
        self.start()

    def stop(self):
        self.jobd.stop()
        self.start()

    def ways(self):
        return self.crash_broker, self.crash_all, self.stop

    def running(self, kind='test.deaf', **fields):
        """A job that runs until let_go(path); (id, path)."""
        path = self.plugins.file()
        job = self.c.submit(kind, {'file': path}, **fields)
        until(lambda: self.c.get(job)['state'] == 'running', 'job %d running' % job)
        return job, path

    def same(self, before, after, but=()):
        for name in before:
            if name not in but:
                self.assertEqual(before[name], after.get(name), name)

    def assert_as_shown(self, before, after):
        """Times to come are kept on the clock that nobody sets, and shown on the other."""
        clocked = ('due_ms', 'expires_ms')
        self.assertEqual({name: value for name, value in after.items() if name not in clocked},
                         {name: value for name, value in before.items() if name not in clocked})
        for name in clocked:
            self.assertEqual(name in after, name in before, name)
            if before.get(name) is not None:
                self.assertAlmostEqual(after[name], before[name], delta=CLOCKS_MS, msg=name)

    # ---- ids ----

    @each_way
    def test_ids_go_on_without_a_gap_after_a_stop_and_never_come_again(self, again):
        before = self.c.submit('echo', 1)
        again()
        after = self.c.submit('echo', 2)
        if again == self.stop:
            self.assertEqual(after, before + 1)
        else:
            self.assertGreater(after, before)

    # ---- jobs that wait ----

    @each_way
    def test_a_job_that_waits_for_its_time_is_as_it_was(self, again):
        at = int(time.time() * 1000) + HOUR_MS
        job = self.c.submit('echo', {'n': 1.50}, run_at_ms=at, priority=7, queue='mail', tenant='t', lane='process',
                            timeout_ms=12345, labels={'a': 'b', 'c': ''}, order_key='k', limit_key='l',
                            retry={'max_attempts': 5, 'backoff_ms': 10})
        before = self.c.get(job)
        again()
        after = self.c.get(job)
        self.assert_as_shown(before, after)
        self.assertAlmostEqual(after['due_ms'], at, delta=CLOCKS_MS)
        self.assertEqual(after['state'], 'scheduled')
        self.c.call('job.cancel', id=job)

    def test_a_time_that_came_while_nobody_was_there_is_made_up_for(self):
        job = self.c.submit('echo', 'late', delay_ms=300)
        self.jobd.kill()
        time.sleep(0.4)         # the time itself
        self.start()
        self.assertEqual(self.c.wait(job)['result'], 'late')

    def test_the_arguments_are_the_text_that_was_sent(self):
        big = 'é' * 100000
        held = self.c.submit('echo', {'b': [1, None, big], 'a': 1e3}, hold=True)
        self.crash_all()
        self.c.call('job.release', id=held)
        self.c.wait(held)
        text, offset = '', 0
        while True:
            piece = self.c.call('job.result', id=held, offset=offset, limit=30000)
            text, offset = text + piece['data'], offset + len(piece['data'].encode())
            if piece['eof']:
                break
        self.assertEqual(text, json.dumps({'b': [1, None, big], 'a': 1e3}, separators=(',', ':')))

    @each_way
    def test_held_jobs_stay_held_until_they_are_released(self, again):
        at_submit = self.c.submit('echo', 1, hold=True)
        later = self.c.submit('echo', 2, delay_ms=HOUR_MS)
        self.c.call('job.hold', id=later)
        again()
        for job in (at_submit, later):
            self.assertIn('held', self.c.call('job.explain', id=job)['text'])
        self.c.call('job.release', id=at_submit)
        self.assertEqual(self.c.wait(at_submit)['result'], 1)
        self.c.call('job.cancel', id=later)

    @each_way
    def test_a_change_that_was_answered_stays(self, again):
        job = self.c.submit('echo', 1, hold=True)
        self.c.call('job.update', id=job, priority=42, timeout_ms=777)
        before = self.c.get(job)
        again()
        after = self.c.get(job)
        self.assertEqual((after['priority'], after['timeout_ms']), (42, 777))
        self.assert_as_shown(before, after)

    def test_jobs_start_by_priority_and_then_in_order_of_submission(self):
        self.c.call('queue.pause', name='p')
        jobs = [self.c.submit('echo', n, queue='p', priority=priority, lane='process')
                for n, priority in enumerate((0, 5, 0, -5, 5))]
        self.crash_all()
        self.c.call('queue.set', name='p', max_running=1)
        self.c.call('queue.resume', name='p')
        self.c.wait_all(jobs)
        fences = {self.c.get(job)['attempts'][0]['fence']: n for n, job in enumerate(jobs)}
        self.assertEqual([fences[f] for f in sorted(fences)], [1, 4, 0, 2, 3])

    # ---- one after another ----

    @each_way
    def test_order_keys_keep_their_order(self, again):
        first, path = self.running(order_key='k')
        others = [self.c.submit('echo', n, order_key='k', lane='process') for n in range(3)]
        again()
        self.assertEqual([self.c.get(job)['state'] for job in others], ['ready'] * 3)
        self.assertTrue(all(not self.c.get(job)['attempts'] for job in others))
        let_go(path)
        self.c.wait_all([first] + others)
        fences = [self.c.get(job)['attempts'][-1]['fence'] for job in [first] + others]
        self.assertEqual(fences, sorted(fences))

    @each_way
    def test_a_failed_job_still_blocks_those_behind_it(self, again):
        key = again.__name__
        head = self.c.submit('file.digest', {'path': '/x'}, order_key=key, on_order_failure='block')
        self.assertEqual(self.c.wait(head)['state'], 'failed')
        behind = self.c.submit('echo', 1, order_key=key)
        again()
        self.assertEqual(self.c.get(behind)['state'], 'ready')
        self.assertIn(str(head), self.c.call('job.explain', id=behind)['text'])
        self.c.call('job.forget', id=head)
        self.assertEqual(self.c.wait(behind)['state'], 'succeeded')

    @each_way
    def test_jobs_wait_for_their_parents(self, again):
        done = self.c.submit('echo', 1)
        self.c.wait(done)
        parent = self.c.submit('echo', 2, hold=True)
        child = self.c.submit('echo', 3, after=[done, parent])
        grandchild = self.c.submit('echo', 4, after=[child])
        again()
        for job in (child, grandchild):
            self.assertEqual(self.c.get(job)['state'], 'scheduled')
        self.c.call('job.release', id=parent)
        self.assertEqual(self.c.wait(grandchild)['state'], 'succeeded')
        self.assertEqual(self.c.get(child)['state'], 'succeeded')

    def test_parents_that_are_history_are_asked_for_by_the_thousand(self):
        count = 1500
        parents = self.c.submit_many([{'type': 'echo'}] * count) + [self.c.submit('file.digest', {'path': '/x'})]
        despite = {'on_parent_failure': 'run'}
        for job in parents:
            self.c.wait(job)
        last = self.c.submit('echo', 1, hold=True)
        children = self.c.submit_many([{'type': 'echo', 'after': [parent, last], **despite} for parent in parents])
        children += self.c.submit_many([{'type': 'echo', 'after': [parents[0], last]}] * 10)
        self.crash_all()
        self.jobd.until_logged('recovered jobs=%d queries=2 ' % (len(children) + 1))
        self.assertEqual(self.c.get(children[0])['state'], 'scheduled')
        self.c.call('job.release', id=last)
        for job in children:
            self.assertEqual(self.c.wait(job)['state'], 'succeeded')

    def test_a_parent_that_fails_later_cancels_its_children(self):
        parent = self.c.submit('file.digest', {'path': '/x'}, hold=True)
        child = self.c.submit('echo', 1, after=[parent])
        self.crash_all()
        self.c.call('job.release', id=parent)
        self.assertEqual(self.c.wait(child)['failure']['kind'], 'dependency')

    # ---- jobs that ran ----

    @each_way
    def test_what_ran_runs_again_and_says_why(self, again):
        job, path = self.running()
        before = self.c.get(job)
        again()
        let_go(path)
        self.assertEqual(self.c.wait(job)['state'], 'succeeded')
        after = self.c.get(job)
        self.assertIn(('ready', 'daemon_stop' if again == self.stop else 'daemon_crash'), reasons(after))
        self.same(before, after, but=GROWS)

    @each_way
    def test_what_must_not_run_again_fails_as_lost(self, again):
        job, path = self.running(on_lost='fail')
        waits = self.c.submit('echo', 1, on_lost='fail', hold=True)
        again()
        outcome = self.c.wait(job)
        self.assertEqual((outcome['state'], outcome['failure']['kind']), ('failed', 'lost'))
        self.c.call('job.release', id=waits)        # it never began
        self.assertEqual(self.c.wait(waits)['state'], 'succeeded')
        let_go(path)

    @each_way
    def test_attempts_and_their_failures_are_remembered(self, again):
        job = self.c.submit('file.digest', {'path': '/not there'},
                            retry={'max_attempts': 4, 'backoff_ms': 1, 'max_backoff_ms': 1})
        waits = self.c.submit('file.digest', {'path': '/not there'},
                              retry={'max_attempts': 3, 'backoff_ms': HOUR_MS, 'max_backoff_ms': HOUR_MS})
        self.c.wait(job)
        until(lambda: self.c.get(waits)['reason'] == 'retry_wait', 'the wait for a second attempt')
        before = [self.c.get(job), self.c.get(waits)]
        self.assertEqual(before[0]['attempts_total'], 4)
        again()
        self.assertEqual(self.c.get(job), before[0])
        self.assert_as_shown(before[1], self.c.get(waits))
        self.c.call('job.cancel', id=waits)

    def test_outcomes_stay_as_they_were_told(self):
        jobs = [self.c.submit('echo', 'x' * 20), self.c.submit('echo', 'x' * 200000),
                self.c.submit('file.digest', {'path': '/x'}), self.c.submit('echo', 1, delay_ms=HOUR_MS),
                self.c.submit('echo', 1, hold=True, ttl_ms=20),
                self.c.submit('sleep', {'ms': 60000}, timeout_ms=20)]
        self.c.call('job.cancel', id=jobs[3])
        outcomes = self.c.wait_all(jobs)
        self.assertEqual([o['state'] for o in outcomes],
                         ['succeeded', 'succeeded', 'failed', 'cancelled', 'expired', 'failed'])
        before = [self.c.get(job) for job in jobs]
        for again in self.ways():
            again()
            self.assertEqual(self.c.wait_all(jobs), outcomes)
            for job, shown in zip(jobs, before):
                self.assert_as_shown(shown, self.c.get(job))

    @each_way
    def test_a_job_that_was_run_again_on_request_is_one_job(self, again):
        job = self.c.submit('file.digest', {'path': '/x'})
        self.c.wait(job)
        again()
        self.c.call('job.retry', id=job)
        self.assertEqual(self.c.wait(job)['state'], 'failed')
        again()
        self.assertEqual(self.c.get(job)['attempts_total'], 2)

    @each_way
    def test_what_was_forgotten_stays_forgotten(self, again):
        job = self.c.submit('echo', 1)
        self.c.wait(job)
        self.c.call('job.forget', id=job)
        again()
        self.assertEqual(self.c.error('job.get', id=job), 'not_found')

    # ---- numbers, memory, connections ----

    def test_ids_and_fences_go_on(self):
        highest, fence = 0, 0
        for _ in range(3):
            for again in self.ways():
                job = self.c.submit('echo', 1, lane='process')
                self.c.wait(job)
                memory = self.c.run('echo', 1)['id']
                self.assertGreater(min(job, memory), highest)
                highest = max(job, memory)
                fences = [a['fence'] for a in self.c.get(job)['attempts']]
                self.assertGreater(fences[0], fence)
                fence = fences[-1]
                again()

    def test_memory_jobs_are_gone(self):
        job = self.c.submit('echo', 1, hold=True, durability='memory')
        call = self.c.run('echo', 1)['id']
        self.crash_broker()
        self.assertEqual(self.c.error('job.get', id=job), 'not_found')
        self.assertEqual(self.c.error('job.get', id=call), 'not_found')

    def test_a_call_that_waits_is_cut_and_its_job_can_be_waited_for(self):
        path = self.plugins.file()
        waits = self.jobd.client()
        number = waits.start('job.call', type='test.deaf', args={'file': path}, durability='commit',
                             labels={'find': 'me'})
        job = until(lambda: self.c.call('job.list', filter={'label': {'find': 'me'}})['items'], 'the job')[0]['id']
        until(lambda: self.c.get(job)['state'] == 'running', 'the job running')
        self.crash_broker()
        with self.assertRaises(Closed):
            waits.finish(number)
        again = self.c.start('job.wait', id=job)
        let_go(path)
        self.assertEqual(self.c.finish(again)['state'], 'succeeded')

    def test_a_watcher_of_an_older_boot_is_told_of_a_gap(self):
        watcher = self.jobd.client()
        watcher.call('job.watch')
        self.c.submit('echo', 1)
        until(lambda: watcher.call('ping') and watcher.notices, 'a notice')
        cursor = watcher.notices[-1]['params']['cursor']
        self.crash_broker()
        watcher = self.jobd.client()
        watcher.call('job.watch', cursor=cursor)
        until(lambda: watcher.call('ping') and watcher.notices, 'a notice')
        self.assertEqual(watcher.notices[0]['method'], 'job.gap')

    # ---- a clean stop ----

    def test_a_clean_stop_does_not_run_what_waits(self):
        first, path = self.running()
        self.c.call('queue.set', name='slow', max_running=1)
        waiting = self.c.submit_many([{'type': 'sleep', 'args': {'ms': 50}, 'queue': 'slow'}] * 1000)
        self.stop()
        states = [self.c.get(job)['state'] for job in waiting]
        self.assertLess(sum(state in FINISHED for state in states), 100)
        self.assertIn(('ready', 'daemon_stop'), reasons(self.c.get(first)))
        self.assertEqual(self.c.get(waiting[-1])['state'], 'ready')
        self.c.call('queue.set', name='slow', max_running=0)
        let_go(path)
        self.assertEqual(self.c.wait(first)['state'], 'succeeded')
        self.assertEqual(self.c.wait(waiting[-1])['state'], 'succeeded')

    def test_a_clean_stop_lets_end_what_ends_in_time(self):
        job = self.c.submit('sleep', {'ms': 100})
        until(lambda: self.c.get(job)['state'] == 'running', 'the job running')
        self.stop()
        told = self.c.get(job)
        self.assertEqual((told['state'], told['attempts_total']), ('succeeded', 1))


if __name__ == '__main__':
    unittest.main()
