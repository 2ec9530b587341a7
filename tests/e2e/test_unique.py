"""test_unique.py - unique keys: what is submitted again is the same job."""

import itertools
import os
import shutil
import signal
import subprocess
import tempfile
import threading
import unittest

from jobd_client import until
from jobd_test import DaemonTest, OwnDaemonTest, program

numbers = itertools.count()


class Unique(DaemonTest):
    def setUp(self):
        super().setUp()
        self.key = 'key-%d' % next(numbers)

    def submit(self, client=None, **members):
        members.setdefault('type', 'sleep')
        members.setdefault('args', {'ms': 60000})
        return (client or self.c).call('job.submit', unique_key=self.key, **members)

    def held(self, **members):
        """A job that has the key and waits for people; ended at the end of the test."""
        job = self.submit(hold=True, **members)['id']
        self.addCleanup(self.c.ask, b'{"id":1,"method":"job.cancel","params":{"id":%d}}\n' % job)
        return job

    def conflict(self, method='job.submit', **members):
        members.setdefault('type', 'sleep')
        reply = self.c.reply(self.c.start(method, unique_key=self.key, **members))
        self.assertEqual(reply['error']['data']['kind'], 'conflict', reply)
        return reply['error']

    def test_what_is_submitted_again_is_the_same_job(self):
        job = self.held()
        for _ in range(3):
            self.assertEqual(self.submit(hold=True), {'id': job, 'state': 'scheduled', 'deduplicated': True})
        told = self.c.get(job)
        self.assertEqual(told['unique_key'], self.key)
        self.assertNotIn('unique_until_ms', told)

    def test_a_key_is_free_when_its_job_has_ended(self):
        first = self.submit(args={'ms': 1})['id']
        self.c.wait(first)
        second = self.submit(args={'ms': 1})
        self.assertNotIn('deduplicated', second)
        self.assertGreater(second['id'], first)

    def test_a_key_for_a_time_outlives_its_job(self):
        first = self.submit(type='echo', args=1, unique_ms=3600000)['id']
        self.assertEqual(self.c.wait(first)['result'], 1)
        again = self.submit(type='echo', args=1, unique_ms=3600000)
        self.assertEqual(again, {'id': first, 'state': 'succeeded', 'deduplicated': True})
        outcome = self.c.call('job.call', type='echo', args=1, unique_key=self.key, unique_ms=3600000)
        self.assertEqual(outcome, {'id': first, 'state': 'succeeded', 'result': 1, 'deduplicated': True})
        told = self.c.get(first)
        self.assertAlmostEqual(told['unique_until_ms'] - told['created_ms'], 3600000, delta=2)

    def test_a_key_for_a_time_is_free_after_it_though_its_job_runs(self):
        first = self.submit(unique_ms=30)['id']
        self.addCleanup(self.c.call, 'job.cancel', id=first)
        second = until(lambda: [r for r in [self.submit(unique_ms=30)] if 'deduplicated' not in r], 'a free key')[0]
        self.assertNotEqual(second['id'], first)
        self.c.call('job.cancel', id=second['id'])

    def test_a_key_for_a_time_outlives_the_memory_of_its_job(self):
        first = self.submit(type='echo', args=1, unique_ms=3600000)['id']
        self.c.wait(first)
        self.c.call('job.forget', id=first)
        self.assertEqual(self.c.error('job.get', id=first), 'not_found')
        again = self.submit(type='echo', args=1, unique_ms=3600000)
        self.assertEqual(again, {'id': first, 'state': 'succeeded', 'deduplicated': True})

    def test_another_job_under_the_key_is_a_conflict_that_says_why(self):
        job = self.held(args={'ms': 5}, priority=3, labels={'a': 'b'})
        same = {'args': {'ms': 5}, 'priority': 3, 'labels': {'a': 'b'}, 'hold': True}
        for member, value in (('args', {'ms': 6}), ('priority', 4), ('labels', {'a': 'c'}), ('hold', False),
                              ('queue', 'q'), ('type', 'echo'), ('timeout_ms', 5), ('unique_ms', 9),
                              ('retry', {'max_attempts': 3})):
            with self.subTest(member=member):
                error = self.conflict(**dict(same, **{member: value}))
                self.assertEqual(error['data'], {'kind': 'conflict', 'id': job, 'member': member})
                self.assertIn(str(job), error['message'])
                self.assertIn(self.key, error['message'])
        self.assertIs(self.submit(**same)['deduplicated'], True)

    def test_an_update_makes_no_other_job_of_it(self):
        job = self.held(priority=1)
        self.c.call('job.update', id=job, priority=9)
        self.assertEqual(self.submit(priority=1, hold=True)['id'], job)
        self.conflict(priority=9, hold=True, args={'ms': 60000})

    def test_calls_under_one_key_are_answered_with_one_outcome(self):
        calls = [self.c.start('job.call', type='sleep', args={'ms': 200}, unique_key=self.key) for _ in range(20)]
        outcomes = [self.c.finish(call) for call in calls]
        self.assertEqual(len({o['id'] for o in outcomes}), 1)
        self.assertEqual({o['state'] for o in outcomes}, {'succeeded'})
        self.assertEqual([o.get('deduplicated') for o in outcomes].count(None), 1)

    def test_a_call_that_is_another_job_does_not_cancel_it(self):
        job = self.held()
        other = self.jobd.client()
        other.start('job.call', type='sleep', args={'ms': 60000}, hold=True, unique_key=self.key,
                    cancel_on_disconnect=True)
        other.call('ping')
        other.close()
        self.c.call('ping')
        self.assertEqual(self.c.get(job)['state'], 'scheduled')

    def test_submit_many_says_which_are_not_new(self):
        job = {'type': 'sleep', 'args': {'ms': 1}, 'unique_key': self.key, 'hold': True}
        reply = self.c.call('job.submit_many', jobs=[
            {'type': 'echo'}, job, job, dict(job, priority=1), {'type': 'echo'}, job])
        ids = reply['ids']
        self.assertEqual((ids[2], ids[3], ids[5]), (ids[1], None, ids[1]))
        self.assertEqual(reply['deduplicated'], [2, 5])
        self.assertEqual([(e['index'], e['kind']) for e in reply['errors']], [(3, 'conflict')])
        self.c.call('job.cancel', id=ids[1])
        self.assertNotIn('deduplicated', self.c.call('job.submit_many', jobs=[{'type': 'echo'}]))

    def test_a_full_queue_and_a_draining_one_refuse_nothing_that_they_have(self):
        queue = 'full-%s' % self.key
        self.c.call('queue.set', name=queue, max_jobs=1)
        job = self.held(queue=queue)
        self.assertEqual(self.c.error('job.submit', type='echo', queue=queue), 'queue_full')
        self.assertEqual(self.submit(queue=queue, hold=True)['id'], job)
        self.c.call('queue.drain', name=queue)
        self.assertEqual(self.submit(queue=queue, hold=True)['id'], job)

    def test_submits_that_wait_for_room_under_one_key_are_one_job(self):
        queue = 'room-%s' % self.key
        self.c.call('queue.set', name=queue, max_jobs=1)
        first = self.c.submit('sleep', {'ms': 1}, queue=queue, hold=True)
        waits = [self.c.start('job.submit', type='sleep', args={'ms': 1}, queue=queue, hold=True,
                              unique_key=self.key, room_wait_ms=60000) for _ in range(2)]
        calls = [self.c.start('job.call', type='sleep', args={'ms': 1}, queue=queue, hold=True,
                              unique_key=self.key, room_wait_ms=60000) for _ in range(2)]
        self.c.call('job.cancel', id=first)
        replies = [self.c.finish(n) for n in waits]
        self.assertEqual(replies[0]['id'], replies[1]['id'])
        self.assertEqual([r.get('deduplicated') for r in replies], [None, True])
        self.c.call('job.release', id=replies[0]['id'])
        for call in calls:
            outcome = self.c.finish(call)
            self.assertEqual((outcome['id'], outcome['deduplicated'], outcome['state']),
                             (replies[0]['id'], True, 'succeeded'))

    def test_a_job_that_runs_again_takes_its_key_again(self):
        first = self.held()
        self.c.call('job.cancel', id=first)
        self.c.call('job.retry', id=first)
        self.assertEqual(self.submit(hold=True)['id'], first)
        self.c.call('job.cancel', id=first)
        second = self.held()
        reply = self.c.reply(self.c.start('job.retry', id=first))
        self.assertEqual(reply['error']['data'], {'kind': 'conflict', 'id': second})
        self.assertIn(self.key, reply['error']['message'])

    def test_a_hundred_clients_at_once_make_one_job(self):
        """Each over a connection of its own, all let go in the same moment."""
        start, ids, lock = threading.Barrier(100), [], threading.Lock()

        def one():
            with self.jobd.client() as c:
                start.wait()
                reply = self.submit(c, hold=True)
                with lock:
                    ids.append((reply['id'], reply.get('deduplicated', False)))

        threads = [threading.Thread(target=one) for _ in range(100)]
        for t in threads:
            t.start()
        for t in threads:
            t.join()
        self.assertEqual(len(ids), 100)
        self.assertEqual(len({job for job, _ in ids}), 1)
        self.assertEqual([same for _, same in ids].count(False), 1)
        self.c.call('job.cancel', id=ids[0][0])

    def test_a_reduce_job_has_none(self):
        self.assertEqual(self.c.error('group.create', reduce={'type': 'echo', 'unique_key': 'k'}), 'invalid_params')

    def test_jobctl_hands_in_the_same_job_once(self):
        def ask(*words):
            return subprocess.run([program('jobctl'), '-H', self.jobd.unix, *words], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        words = ('submit', 'sleep', '{"ms": 1}', '--unique-key', self.key, '--unique-for', '1h')
        first, again = ask(*words), ask(*words)
        self.assertEqual((first.returncode, again.returncode), (0, 0), again.stderr)
        self.assertEqual(first.stdout, again.stdout)
        other = ask(*words, '--priority', '3')
        self.assertEqual(other.returncode, 8)
        self.assertIn('priority', other.stderr)
        self.assertIn(self.key, ask('show', first.stdout.strip()).stdout)


class Lasting(OwnDaemonTest):
    """Keys over a kill -9 of everything."""

    def again(self, jobd, *settings):
        """The daemon dies at this moment, and another one takes over its state directory."""
        os.kill(jobd.broker(), signal.SIGKILL)
        jobd.kill()
        return self.daemon(*settings, state_dir=jobd.state_dir)

    def setUp(self):
        super().setUp()
        self.state = tempfile.mkdtemp(prefix='jobd-unique-')
        self.addCleanup(shutil.rmtree, self.state)

    def test_a_key_is_as_it_was_after_a_crash(self):
        jobd = self.daemon(state_dir=self.state)
        c = jobd.client()
        waits = {'type': 'sleep', 'args': {'ms': 1}, 'hold': True, 'delay_ms': 5, 'unique_key': 'waits'}
        ends = {'type': 'echo', 'args': 7, 'unique_key': 'ends', 'unique_ms': 3600000}
        gone = {'type': 'echo', 'args': 7, 'unique_key': 'gone'}
        forgotten = {'type': 'echo', 'args': 8, 'unique_key': 'forgotten', 'unique_ms': 3600000}
        ids = {}
        for job in (waits, ends, gone, forgotten):
            ids[job['unique_key']] = c.call('job.submit', **job)['id']
        for name in ('ends', 'gone', 'forgotten'):
            c.wait(ids[name])
        c.call('job.forget', id=ids['forgotten'])
        c = self.again(jobd).client()
        self.assertEqual(c.call('job.submit', **waits),
                         {'id': ids['waits'], 'state': 'scheduled', 'deduplicated': True})
        self.assertEqual(c.call('job.submit', **ends),
                         {'id': ids['ends'], 'state': 'succeeded', 'deduplicated': True})
        self.assertEqual(c.call('job.submit', **forgotten),
                         {'id': ids['forgotten'], 'state': 'succeeded', 'deduplicated': True})
        self.assertNotIn('deduplicated', c.call('job.submit', **gone))
        for job, member in ((waits, 'delay_ms'), (ends, 'args'), (forgotten, 'args')):
            reply = c.reply(c.start('job.submit', **dict(job, **{member: 9})))
            self.assertEqual(reply['error']['data'],
                             {'kind': 'conflict', 'id': ids[job['unique_key']], 'member': member})
        self.assertEqual(c.get(ids['waits'])['unique_key'], 'waits')
        c.call('job.release', id=ids['waits'])
        self.assertEqual(c.wait(ids['waits'])['state'], 'succeeded')
        self.assertNotIn('deduplicated', c.call('job.submit', **waits))

    def test_clients_that_ask_again_over_crashes_make_one_job(self):
        """Each client sends its submission until it is answered, whatever happens to the daemon meanwhile."""
        jobd = self.daemon(state_dir=self.state)
        answers = []
        for round in range(8):
            c = jobd.client()
            asked = [c.start('job.submit', type='sleep', args={'ms': 1}, hold=True, unique_key='k%d' % (n % 5))
                     for n in range(20)]
            for number in asked[:1 + round * 2]:        # the others are answered, or not, when it dies
                answers.append(c.finish(number)['id'])
            jobd = self.again(jobd)
        c = jobd.client()
        held = {c.call('job.submit', type='sleep', args={'ms': 1}, hold=True, unique_key='k%d' % n)['id']
                for n in range(5)}
        live = [item['id'] for item in c.items('job.list')]
        self.assertEqual(len(live), len(set(live)))
        self.assertEqual(set(live), held)
        self.assertLessEqual(set(answers), held)

    def test_a_memory_job_is_no_answer_to_a_durable_submission(self):
        c = self.daemon(state_dir=self.state).client()
        job = c.call('job.submit', type='echo', hold=True, durability='memory', unique_key='k')['id']
        reply = c.reply(c.start('job.submit', type='echo', hold=True, unique_key='k'))
        self.assertEqual(reply['error']['data'], {'kind': 'conflict', 'id': job, 'member': 'durability'})
        again = c.call('job.submit', type='echo', hold=True, durability='memory', unique_key='k')
        self.assertEqual((again['id'], again['deduplicated']), (job, True))


if __name__ == '__main__':
    unittest.main()
