"""test_deaths.py - processes that die, hang, are replaced, recycled, drained: nothing is lost or left."""

import contextlib
import os
import shutil
import signal
import subprocess
import tempfile
import time
import unittest

from jobd_client import Closed, RpcError, until
from jobd_test import ALL_ROOTS, OwnDaemonTest, PATIENCE, is_gone, open_files, reasons, soon, title, program

BLOCK = {'ms': 600000}


def worker_of(c, job, not_pid=0):
    """Waits until a worker says that it runs this job; returns its row of worker.list."""
    def find():
        for w in c.workers():
            if w.get('job') == job and w['pid'] not in (None, not_pid):
                return w
    return until(find, 'a worker with job %d' % job, 20)


def wait_for_death(pid):
    until(lambda: is_gone(pid), 'the end of %d' % pid)


def all_idle(c, count):
    """So many cpu and io workers, and the exec worker."""
    workers = c.workers()
    return len(workers) == count + 1 and all(w['state'] == 'idle' and w['pid'] for w in workers)


class Workers(OwnDaemonTest):
    def test_a_killed_workers_job_is_ready_again_at_once_and_says_why(self):
        jobd = self.daemon()
        c = jobd.client()
        for type, lane in (('bench.cpu', 'process'), ('bench.io', 'thread')):
            ready_ms = []
            while not ready_ms or (ready_ms[-1] >= 1000 and len(ready_ms) < 6):     # a loaded machine is slow at times
                job = c.submit(type, {'ms': 400}, lane=lane)
                victim = worker_of(c, job)['pid']
                killed_ms = time.time() * 1000
                os.kill(victim, signal.SIGKILL)
                self.assertEqual(c.wait(job)['state'], 'succeeded')
                told = c.get(job)
                self.assertEqual(reasons(told), [
                    ('ready', 'submitted'), ('running', 'started'), ('ready', 'worker_died'), ('running', 'started'),
                    ('succeeded', 'finished')])
                ready_ms.append(told['transitions'][2]['at_ms'] - killed_ms)
                self.assertEqual([a['number'] for a in told['attempts']], [1, 2])
                self.assertNotEqual(told['attempts'][0]['fence'], told['attempts'][1]['fence'])
            self.assertLess(ready_ms[-1], 1000 * PATIENCE, ready_ms)

    def test_capacity_is_back_within_a_second(self):
        jobd = self.daemon()
        c = jobd.client()

        def pid_of(name):
            return next((w['pid'] for w in c.workers() if w['name'] == name and w['state'] == 'idle'), None)

        def replace(name):
            old = pid_of(name)
            os.kill(old, signal.SIGKILL)
            until(lambda: pid_of(name) not in (None, old), 'a new %s' % name)

        for w in c.workers():       # few tries: the back-off of one that dies again and again grows
            soon(1, 'a new %s' % w['name'], lambda: replace(w['name']), tries=4)
        for lane in ('async', 'thread', 'process'):
            self.assertEqual(c.run('echo', 1, lane=lane)['state'], 'succeeded')

    def test_on_lost_fail_does_not_run_again(self):
        c = self.daemon().client()
        job = c.submit('bench.cpu', BLOCK, on_lost='fail')
        os.kill(worker_of(c, job)['pid'], signal.SIGKILL)
        outcome = c.wait(job)
        self.assertEqual((outcome['state'], outcome['failure']['kind']), ('failed', 'lost'))
        self.assertEqual(len(c.get(job)['attempts']), 1)

    def test_a_job_that_kills_three_workers_fails_as_a_crash(self):
        jobd = self.daemon()
        c = jobd.client()
        for type, lane in (('bench.cpu', 'process'), ('bench.io', 'thread')):
            job = c.submit(type, BLOCK, lane=lane)
            for _ in range(3):
                # its progress says that the handler has begun: a death before that does not count
                until(lambda: 'progress' in c.get(job), 'a begun handler')
                worker = worker_of(c, job)
                os.kill(worker['pid'], signal.SIGKILL)
                until(lambda: not any(w['pid'] == worker['pid'] for w in c.workers()), 'the end of its worker')
            self.assertEqual(c.wait(job)['failure']['kind'], 'crash')
            died = [reason for _, reason in reasons(c.get(job)) if 'died' in reason]
            self.assertGreaterEqual(died.count('worker_died'), 2)     # the third that counts is `crashed_often`
            self.assertIn('died', c.call('job.explain', id=job)['text'])
        until(lambda: all_idle(c, 3), 'only the usual workers, idle')

    def test_a_suspect_runs_alone(self):
        jobd = self.daemon(cpu_workers=2)       # it has one of the two CPU slots
        c = jobd.client()
        job = c.submit('bench.io', BLOCK, lane='process')
        first = worker_of(c, job)
        os.kill(first['pid'], signal.SIGKILL)
        second = worker_of(c, job, first['pid'])
        self.assertNotIn(second['name'], ('cpu-1', 'cpu-2'))
        self.assertEqual(c.run('echo', 1, lane='process')['state'], 'succeeded')
        self.assertEqual(c.get(job)['state'], 'running')
        c.call('job.cancel', id=job)
        until(lambda: all_idle(c, 3), 'the end of the worker of its own')

    def test_innocents_in_a_dead_worker_are_not_suspected(self):
        jobd = self.daemon(cpu_workers=1)
        c = jobd.client()
        for n in range(60):
            c.run('echo', n, lane='process')        # samples: the window opens for a short type
        victim = next(w for w in c.workers() if w['name'] == 'cpu-1')
        os.kill(victim['pid'], signal.SIGSTOP)
        ids = c.submit_many([{'type': 'echo', 'args': n, 'lane': 'process'} for n in range(40)])
        until(lambda: c.get(ids[1])['state'] == 'running', 'two jobs in the stopped worker')
        os.kill(victim['pid'], signal.SIGKILL)
        self.assertEqual([o['state'] for o in c.wait_all(ids)], ['succeeded'] * 40)
        seen = [[r for _, r in reasons(c.get(i))] for i in ids]
        self.assertEqual(sum('worker_died' in r for r in seen), 1)
        self.assertIn('worker_died', seen[0])
        self.assertGreater(sum('worker_died_waiting' in r for r in seen), 0)

    def test_sleeping_jobs_survive_any_number_of_deaths_of_the_io_worker(self):
        jobd = self.daemon()
        c = jobd.client()
        ids = c.submit_many([{'type': 'sleep', 'args': {'ms': 700}}] * 300)
        last = 0
        for _ in range(4):
            pid = until(lambda: next((w['pid'] for w in c.workers() if w['name'] == 'io-1' and
                                      w['state'] == 'running' and w['pid'] not in (None, last)), None),
                        'an io worker with jobs')
            os.kill(pid, signal.SIGKILL)
            last = pid
        self.assertEqual({o['state'] for o in c.wait_all(ids)}, {'succeeded'})

    def test_a_stopped_worker_is_killed_when_its_jobs_time_is_over(self):
        c = self.daemon('jobs.grace_ms=100ms').client()
        for type, lane in (('bench.cpu', 'process'), ('bench.io', 'process')):
            job = c.submit(type, BLOCK, lane=lane, timeout_ms=200)
            w = worker_of(c, job)
            os.kill(w['pid'], signal.SIGSTOP)
            outcome = c.wait(job)
            self.assertEqual((outcome['state'], outcome['failure']['kind']), ('failed', 'timeout'))
            wait_for_death(w['pid'])
            self.assertEqual(c.run('bench.cpu', {'ms': 1})['state'], 'succeeded')

    def test_an_idle_worker_of_any_kind_that_was_stopped_is_replaced(self):
        jobd = self.daemon('jobs.grace_ms=100ms')
        c = jobd.client()
        until(lambda: all_idle(c, 3), 'all workers')
        stopped = {w['name']: w['pid'] for w in c.workers()}
        for pid in stopped.values():
            os.kill(pid, signal.SIGSTOP)
        for pid in stopped.values():
            wait_for_death(pid)
        until(lambda: all_idle(c, 3), 'new workers')
        self.assertEqual(jobd.log().count('why=its process is stopped (SIGSTOP)'), len(stopped))
        for lane in ('process', 'thread'):
            self.assertEqual(c.run('bench.io', {'ms': 1}, lane=lane)['state'], 'succeeded')

    def test_a_stopped_io_worker_does_not_hold_outcomes_for_ever(self):
        c = self.daemon('jobs.grace_ms=100ms').client()
        job = c.submit('sleep', BLOCK, timeout_ms=200)
        pid = next(w['pid'] for w in c.workers() if w['name'] == 'io-1')
        until(lambda: c.get(job)['state'] == 'running', 'it runs')
        os.kill(pid, signal.SIGSTOP)
        self.assertEqual(c.wait(job)['failure']['kind'], 'timeout')
        with contextlib.suppress(ProcessLookupError):       # killed meanwhile: its loop does not turn
            os.kill(pid, signal.SIGCONT)
        self.assertEqual(c.run('sleep', {'ms': 1})['state'], 'succeeded')

    def test_cancel_of_a_job_in_a_stopped_worker_ends_it_by_force(self):
        c = self.daemon('jobs.grace_ms=100ms').client()
        job = c.submit('bench.cpu', BLOCK)
        pid = worker_of(c, job)['pid']
        os.kill(pid, signal.SIGSTOP)
        self.assertEqual(c.call('job.cancel', id=job)['state'], 'cancelled')
        wait_for_death(pid)

    def test_workers_are_recycled_after_a_number_of_jobs(self):
        jobd = self.daemon('workers.recycle_jobs=50', cpu_workers=1)
        c = jobd.client()
        pids = {w['name']: w['pid'] for w in c.workers() if w['lane'] != 'exec'}
        for lane in ('process', 'thread'):
            ids = c.submit_many([{'type': 'echo', 'args': n, 'lane': lane} for n in range(200)])
            self.assertEqual({o['state'] for o in c.wait_all(ids)}, {'succeeded'})
            self.assertEqual({r for i in ids for r in reasons(c.get(i))},
                             {('ready', 'submitted'), ('running', 'started'), ('succeeded', 'finished')})
        until(lambda: all(w['pid'] not in (None, pids.get(w['name'])) for w in c.workers() if w['lane'] != 'exec'),
              'new workers')

    def test_workers_are_recycled_by_memory(self):
        c = self.daemon('workers.recycle_rss=1M', cpu_workers=1).client()
        first = next(w['pid'] for w in c.workers() if w['name'] == 'cpu-1')

        def replaced():
            c.run('echo', 'x' * 100000, lane='process')
            return next((w['pid'] for w in c.workers() if w['name'] == 'cpu-1'), first) not in (None, first)
        until(replaced, 'a new worker', 60)

    def test_titles_say_what_each_process_does(self):
        jobd = self.daemon(cpu_workers=1)
        c = jobd.client()
        job = c.submit('bench.cpu', BLOCK)
        pid = worker_of(c, job)['pid']
        until(lambda: title(pid) == 'jobd: cpu worker 1 [%d bench.cpu]' % job, title(pid))
        c.call('job.cancel', id=job)
        until(lambda: title(pid).startswith('jobd: cpu worker 1') and '[' not in title(pid), title(pid))
        self.assertTrue(title(jobd.broker()).startswith('jobd: broker'))
        self.assertEqual(len(jobd.children_named('jobd: io worker 1')), 1)

    def test_a_thousand_deaths_leak_no_descriptor_and_no_memory(self):
        count, rounds = (250, 4) if PATIENCE == 1 else (40, 3)
        jobd = self.daemon(cpu_workers=count)
        c = jobd.client(hello={'max_line_bytes': 1 << 20})

        def settled():
            until(lambda: all_idle(c, count + 1), 'all workers idle', 90)
            return [len(open_files(pid)) for pid in (jobd.pid, jobd.broker())] + [
                sum('memfd:' in name for name in open_files(pid).values()) for pid in (jobd.pid, jobd.broker())]

        before = settled()
        deaths = 0
        for _ in range(rounds):
            dead = [w['pid'] for w in c.workers() if w['name'].startswith('cpu-')]
            for pid in dead:
                os.kill(pid, signal.SIGKILL)
            deaths += len(dead)
            for pid in dead:
                wait_for_death(pid)
            after = settled()
        self.assertEqual(deaths, count * rounds)
        self.assertEqual(after, before, 'descriptors and memfds of supervisor and broker')
        self.assertEqual(c.run('echo', 1, lane='process')['state'], 'succeeded')


class Processes(OwnDaemonTest):
    def test_jobd_goes_on_after_the_death_of_its_broker(self):
        jobd = self.daemon()
        c = jobd.client()
        newest = c.submit('echo')
        boot = c.call('hello')['boot_id']
        c.start('job.call', type='sleep', args=BLOCK)
        old = jobd.look()
        for _ in range(3):
            broker = jobd.broker()
            os.kill(broker, signal.SIGKILL)
            self.assertRaises(Closed, lambda: [c.read() for _ in range(10)])
            c = jobd.client()
            self.assertGreater(c.submit('echo'), newest)
            newest = c.submit('echo')
            self.assertNotEqual(c.call('hello')['boot_id'], boot)
            boot = c.call('hello')['boot_id']
            for lane in ('async', 'thread', 'process'):
                self.assertEqual(c.run('echo', lane, lane=lane)['state'], 'succeeded')
        for pid in old:
            wait_for_death(pid)
        tcp = jobd.client(tcp=True)
        self.assertEqual(tcp.run('echo', 5)['result'], 5)

    def test_the_supervisors_death_leaves_nothing(self):
        jobd = self.daemon()
        c = jobd.client()
        c.submit('bench.cpu', BLOCK)
        worker_of(c, c.submit('bench.io', BLOCK, lane='thread'))
        jobd.look()
        jobd.kill()         # asserts that nothing is left

    def test_ids_are_never_used_twice(self):
        state = tempfile.mkdtemp(prefix='jobd-ids-')
        self.addCleanup(shutil.rmtree, state)
        seen = set()
        for end in ('stop', 'kill', 'stop', 'kill'):
            jobd = self.daemon(state_dir=state)
            c = jobd.client()
            ids = c.submit_many([{'type': 'echo'}] * 30)
            self.assertEqual(ids, sorted(ids))
            self.assertFalse(seen & set(ids))
            self.assertLess(max(ids), 1 << 53)
            if seen:
                self.assertGreater(min(ids), max(seen))
            seen |= set(ids)
            getattr(jobd, end)()

    def test_workers_that_cannot_start_end_jobd_with_a_word(self):
        here = tempfile.mkdtemp(prefix='jobd-broken-')
        self.addCleanup(shutil.rmtree, here)
        for name in ('jobd', 'jobd-broker', 'jobd-exec'):
            shutil.copy(program(name), here)
        with open(os.path.join(here, 'jobd-worker'), 'w') as f:
            f.write('#!/bin/sh\nexit 1\n')
        os.chmod(f.name, 0o755)
        run = subprocess.run([os.path.join(here, 'jobd'), *ALL_ROOTS, '--state-dir', here + '/state', '--listen',
                              'unix:%s/sock' % here], stdin=subprocess.DEVNULL, capture_output=True, timeout=60 * PATIENCE)
        self.assertEqual(run.returncode, 70, run.stderr)
        self.assertIn(b'worker dies while it starts', run.stderr)

    def test_one_state_directory_serves_one_jobd(self):
        jobd = self.daemon()
        second = subprocess.run([program('jobd'), *ALL_ROOTS, '--state-dir', jobd.state_dir, '--listen',
                                 jobd.unix + '2'], stdin=subprocess.DEVNULL, capture_output=True, timeout=30)
        self.assertNotEqual(second.returncode, 0)
        self.assertTrue(second.stderr)
        jobd.client().call('ping')


class Stopping(OwnDaemonTest):
    def test_sigterm_finishes_what_runs_and_takes_nothing_new(self):
        jobd = self.daemon()
        c = jobd.client()
        runs = c.start('job.call', type='bench.io', args={'ms': 500})
        waits = c.start('job.call', type='sleep', args={'ms': 600})
        until(lambda: len(c.call('job.list', filter={'state': 'running'})['items']) == 2, 'both run')
        jobd.signal(signal.SIGTERM)
        until(lambda: self.refused(c), 'a refusal')
        self.assertEqual(c.finish(runs)['state'], 'succeeded')
        self.assertEqual(c.finish(waits)['state'], 'succeeded')
        self.assertEqual(jobd.wait_exit(), 0)
        jobd.assert_nothing_left()

    @staticmethod
    def refused(c):
        try:
            c.submit('echo')
        except RpcError as e:
            assert e.kind == 'draining', e
            return True
        return False

    def test_a_second_sigterm_stops_at_once(self):
        jobd = self.daemon()
        c = jobd.client()
        worker_of(c, c.submit('bench.cpu', BLOCK))
        jobd.signal(signal.SIGTERM)
        until(lambda: self.refused(c), 'a refusal')
        self.assertIsNone(jobd.process.poll())
        jobd.signal(signal.SIGTERM)
        self.assertEqual(jobd.wait_exit(), 0)
        jobd.assert_nothing_left()

    def test_draining_has_a_deadline(self):
        jobd = self.daemon('stop.drain_ms=200ms', 'jobs.grace_ms=100ms')
        c = jobd.client()
        worker_of(c, c.submit('bench.cpu', BLOCK))
        jobd.stop()

    def test_an_idle_jobd_stops_quickly_and_cleanly(self):
        def stop():
            nonlocal idle
            idle.stop()
            idle = self.daemon()

        idle = self.daemon()
        idle.client().call('ping')
        soon(3, 'the end of an idle jobd, and another', stop)

    def test_a_stop_in_order_warns_of_nothing(self):
        jobd = self.daemon()
        c = jobd.client()
        for job in (('echo', 1), ('sleep', {'ms': 1}), ('command', {'argv': ['true']})):
            self.assertEqual(c.run(*job)['state'], 'succeeded')
        jobd.stop()
        self.assertNotIn('warn: ', jobd.log())

    def test_a_broker_that_is_dead_when_the_stop_comes_did_not_fail_at_it(self):
        jobd = self.daemon()
        broker = jobd.broker()
        jobd.signal(signal.SIGSTOP)
        os.kill(broker, signal.SIGKILL)
        until(lambda: is_gone(broker) and os.listdir('/proc/%d/task' % broker) == [str(broker)],
              'the end of the broker and its threads')
        jobd.signal(signal.SIGTERM)             # comes before the word of that death
        jobd.signal(signal.SIGCONT)
        jobd.stop()

    def test_server_drain_answers_when_nothing_is_left(self):
        jobd = self.daemon()
        c, other = jobd.client(), jobd.client()
        job = c.submit('sleep', {'ms': 300})
        drained = c.start('server.drain')
        until(lambda: self.refused(other), 'a refusal')
        self.assertEqual(other.get(job)['state'], 'running')
        self.assertEqual(other.wait(job)['state'], 'succeeded')
        c.finish(drained)
        other.call('ping')

    def test_sigint_is_like_sigterm_and_sighup_does_not_end_it(self):
        jobd = self.daemon()
        jobd.signal(signal.SIGHUP)
        jobd.client().run('echo', 1, lane='process')
        jobd.signal(signal.SIGINT)
        self.assertEqual(jobd.wait_exit(), 0)
        jobd.assert_nothing_left()


if __name__ == '__main__':
    unittest.main()
