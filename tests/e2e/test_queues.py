"""test_queues.py - who may run now: limits, rates, tenants, and what an operator does to a queue."""

import time
import unittest

from jobd_client import RpcError, until
from jobd_test import DaemonTest, OwnDaemonTest

LONG = {'ms': 60000}


def kinds(c, job):
    return [w['kind'] for w in c.call('job.explain', id=job)['waits']]


def states(c, ids):
    return [c.get(job)['state'] for job in ids]


def starts(c, ids):
    """The jobs in order of their starts, with the time of each."""
    attempts = [(c.get(job)['attempts'][0], job) for job in ids]
    attempts.sort(key=lambda pair: pair[0]['fence'])
    return [(job, attempt['started_ms']) for attempt, job in attempts]


class Turns(OwnDaemonTest):
    """One thread: what runs when is what was chosen."""

    def start(self, *settings):
        jobd = self.daemon('stop.drain_ms=0', *settings, io_threads=1)
        c = jobd.client()
        self.gate = c.submit('bench.io', LONG)
        until(lambda: c.get(self.gate)['state'] == 'running', 'the only thread to be busy')
        return c

    def run_all(self, c, ids):
        c.call('job.cancel', id=self.gate)
        c.wait_all(ids)
        return [ids.index(job) for job, _ in starts(c, ids)]

    def test_ten_jobs_of_a_tenant_are_not_held_up_by_thousands_of_another(self):
        c = self.start()
        many = c.submit_many([{'type': 'bench.io', 'args': {'ms': 0}, 'tenant': 'big'}] * 2000)
        few = c.submit_many([{'type': 'bench.io', 'args': {'ms': 0}, 'tenant': 'small'}] * 10)
        wait = c.call('job.explain', id=few[9])['waits'][0]
        self.assertEqual((wait['ahead'], wait['tenant'], wait['tenants_before']), (9, 'small', 1))
        order = self.run_all(c, many + few)
        self.assertLess(max(order.index(2000 + i) for i in range(10)), 22)

    def test_weights_of_a_queue_are_starts_in_a_turn(self):
        c = self.start()
        c.call('queue.set', name='q', weights={'heavy': 3})
        ids = c.submit_many([{'type': 'bench.io', 'args': {'ms': 0}, 'queue': 'q', 'tenant': tenant}
                             for tenant in ['heavy'] * 6 + ['light'] * 4])
        self.assertEqual(self.run_all(c, ids), [0, 1, 2, 6, 3, 4, 5, 7, 8, 9])

    def test_a_higher_priority_comes_first_whoever_asked_for_it(self):
        c = self.start()
        ids = c.submit_many([{'type': 'bench.io', 'args': {'ms': 0}, 'tenant': 'a'}] +
                            [{'type': 'bench.io', 'args': {'ms': 0}, 'tenant': 'b', 'priority': 5}] * 3)
        self.assertEqual(self.run_all(c, ids), [1, 2, 3, 0])

    def test_the_principal_is_the_tenant_of_a_job_that_names_none(self):
        c = self.start()
        principal = c.call('hello')['principal']
        self.assertEqual(c.get(c.submit('bench.io', {'ms': 0}))['tenant'], principal)
        self.assertEqual(c.get(c.submit('bench.io', {'ms': 0}, tenant='x y'))['tenant'], 'x y')


class Limits(OwnDaemonTest):
    def test_limits_per_key_and_per_tenant_hold_inside_their_queue(self):
        c = self.daemon('stop.drain_ms=0', 'queue q.max_running_per_key=1', 'queue q.max_running_per_tenant=2').client()
        key = c.submit_many([{'type': 'sleep', 'args': LONG, 'queue': 'q', 'tenant': 't%d' % i, 'limit_key': 'db'}
                             for i in range(3)])
        tenant = c.submit_many([{'type': 'sleep', 'args': LONG, 'queue': 'q', 'tenant': 'ann'}] * 4)
        free = c.submit('sleep', LONG, queue='other', limit_key='db', tenant='ann')
        until(lambda: states(c, key + tenant + [free]).count('running') == 4, 'all that may to run')
        self.assertEqual(states(c, key), ['running', 'ready', 'ready'])
        self.assertEqual(states(c, tenant).count('running'), 2)
        self.assertEqual(c.get(free)['limit_key'], 'db')
        said = c.call('job.explain', id=key[1])
        self.assertEqual(said['waits'], [{'kind': 'key_limit', 'limit_key': 'db', 'running': 1, 'limit': 1}])
        self.assertIn('limit_key db runs 1 of at most 1', said['text'])
        self.assertEqual(kinds(c, tenant[3]), ['tenant_limit'])
        c.call('job.cancel', id=key[0])
        until(lambda: states(c, key)[1:] == ['running', 'ready'], 'the next of the key to run')
        c.call('queue.set', name='q', max_running_per_key=0, max_running_per_tenant=0)
        until(lambda: states(c, key + tenant).count('running') == 6, 'all to run')

    def test_a_rate_is_kept_and_its_burst_begins_at_once(self):
        c = self.daemon('queue slow.rate=20', 'queue slow.burst=3', 'queue rare.rate=0.1', 'stop.drain_ms=0').client()
        rare = c.submit_many([{'type': 'sleep', 'args': {'ms': 0}, 'queue': 'rare'}] * 30)
        wait = c.call('job.explain', id=rare[-1])['waits']
        self.assertTrue(any(w['kind'] == 'rate' and w.get('queue') == 'rare' and w['rate'] == 0.1 and
                            0 <= w['next_in_ms'] <= 10000 for w in wait), wait)
        ids = c.submit_many([{'type': 'sleep', 'args': {'ms': 0}, 'queue': 'slow'}] * 9)
        c.wait_all(ids)
        times = [at for _, at in starts(c, ids)]
        for i in range(len(times)):
            for k in range(i, len(times)):
                # starts are told in whole milliseconds: one more or less
                self.assertLessEqual(k - i + 1, 3 + 20 * (times[k] - times[i] + 2) / 1000, times)

    def test_a_rate_of_a_type_holds_over_all_queues(self):
        c = self.daemon('stop.drain_ms=0', 'type sleep.rate=0.001', 'type sleep.burst=2').client()
        ids = [c.submit('sleep', {'ms': 0}, queue=queue) for queue in ('a', 'b', 'c')]
        until(lambda: sorted(states(c, ids)) == ['ready', 'succeeded', 'succeeded'], 'two to run')
        wait = c.call('job.explain', id=ids[states(c, ids).index('ready')])['waits'][0]
        self.assertEqual((wait['kind'], wait['type'], wait['rate'], wait['burst']), ('rate', 'sleep', 0.001, 2))
        self.assertGreater(wait['next_in_ms'], 900000)

    def test_sequential_runs_one_job_at_a_time_in_order_of_submission(self):
        c = self.daemon('core.sequential=true').client()
        types = [('sleep', {'ms': 5}), ('bench.io', {'ms': 5}), ('bench.cpu', {'ms': 5}), ('echo', 1)]
        ids = c.submit_many([{'type': types[i % 4][0], 'args': types[i % 4][1], 'queue': 'q%d' % (i % 3),
                              'priority': i} for i in range(12)])
        self.assertEqual(set(sum([kinds(c, job) for job in ids[-1:]], [])) - {'sequential'}, set())
        c.wait_all(ids)
        attempts = [c.get(job)['attempts'][0] for job in ids]
        for before, after in zip(attempts, attempts[1:]):
            self.assertLess(before['fence'], after['fence'])
            self.assertLessEqual(before['ended_ms'], after['started_ms'])


class Operated(DaemonTest):
    def setUp(self):
        super().setUp()
        self.q = self.id().split('.')[-1][:60]

    def queue(self):
        return [q for q in self.c.items('queue.list') if q['name'] == self.q][0]

    def test_a_paused_queue_takes_jobs_and_starts_none_until_it_is_resumed(self):
        self.assertIs(self.c.call('queue.pause', name=self.q)['paused'], True)
        job = self.c.submit('sleep', {'ms': 0}, queue=self.q)
        other = self.c.run('sleep', {'ms': 0})
        self.assertEqual(other['state'], 'succeeded')
        self.assertEqual(self.c.get(job)['state'], 'ready')
        self.assertEqual(self.c.call('job.explain', id=job)['waits'], [{'kind': 'paused', 'queue': self.q}])
        self.assertIs(self.c.call('queue.resume', name=self.q)['paused'], False)
        self.assertEqual(self.c.wait(job)['state'], 'succeeded')

    def test_a_draining_queue_refuses_jobs_and_runs_what_it_has(self):
        self.c.call('queue.pause', name=self.q)
        job = self.c.submit('echo', 1, queue=self.q)
        self.assertIs(self.c.call('queue.drain', name=self.q)['draining'], True)
        with self.assertRaises(RpcError) as caught:
            self.c.submit('echo', 2, queue=self.q)
        self.assertEqual(caught.exception.kind, 'queue_draining')
        self.assertEqual(caught.exception.data['queue'], self.q)
        self.assertEqual(self.c.error('job.submit', type='echo', queue=self.q, room_wait_ms=60000), 'queue_draining')
        self.c.call('queue.resume', name=self.q)
        self.assertEqual(self.c.wait(job)['state'], 'succeeded')
        self.assertEqual(self.c.run('echo', 3, queue=self.q)['state'], 'succeeded')

    def test_a_drain_alone_lets_what_waits_run(self):
        job = self.c.submit('sleep', {'ms': 50}, queue=self.q)
        self.c.call('queue.drain', name=self.q)
        self.assertEqual(self.c.wait(job)['state'], 'succeeded')
        self.c.call('queue.resume', name=self.q)

    def test_a_purge_cancels_what_waits_and_leaves_what_runs(self):
        self.c.call('queue.set', name=self.q, max_running=1)
        runs = self.c.submit('sleep', LONG, queue=self.q)
        until(lambda: self.c.get(runs)['state'] == 'running', 'the first to run')
        many = self.c.submit_many([{'type': 'sleep', 'args': LONG, 'queue': self.q}] * 3000)
        later = self.c.submit('sleep', LONG, queue=self.q, delay_ms=3600000)
        keyed = [self.c.submit('sleep', LONG, queue=self.q, order_key='k') for _ in range(2)]
        other = self.c.submit('sleep', LONG, delay_ms=3600000)
        self.assertEqual(self.c.call('queue.purge', name=self.q), {'purged': 3003})
        self.assertEqual(self.c.get(runs)['state'], 'running')
        self.assertEqual(set(states(self.c, many[-50:] + [later] + keyed)), {'cancelled'})
        self.assertEqual(self.c.get(later)['reason'], 'purged')
        self.assertEqual(self.c.get(other)['state'], 'scheduled')
        self.c.call('job.cancel', id=other)
        self.c.call('job.cancel', id=runs)

    def test_a_purge_goes_on_when_its_client_is_gone(self):
        self.c.call('queue.pause', name=self.q)
        ids = self.c.submit_many([{'type': 'echo', 'queue': self.q}] * 3000)
        with self.jobd.client() as other:
            other.start('queue.purge', name=self.q)
        until(lambda: self.c.get(ids[-1])['state'] == 'cancelled', 'the last one to be purged')
        self.c.call('queue.resume', name=self.q)

    def test_a_queue_with_a_limit_of_jobs_refuses_one_more_with_numbers(self):
        self.c.call('queue.pause', name=self.q)
        self.c.call('queue.set', name=self.q, max_jobs=2)
        self.c.submit_many([{'type': 'echo', 'queue': self.q}] * 2)
        with self.assertRaises(RpcError) as caught:
            self.c.submit('echo', 3, queue=self.q)
        self.assertEqual(caught.exception.kind, 'queue_full')
        self.assertEqual({k: caught.exception.data[k] for k in ('queue', 'jobs', 'limit', 'limited_by', 'retryable')},
                         {'queue': self.q, 'jobs': 2, 'limit': 2, 'limited_by': 'max_jobs', 'retryable': True})
        many = self.c.call('job.submit_many', jobs=[{'type': 'echo', 'queue': self.q}])
        self.assertEqual((many['ids'], many['errors'][0]['kind']), ([None], 'queue_full'))
        self.c.call('queue.purge', name=self.q)
        self.c.call('queue.resume', name=self.q)

    def test_a_queue_with_a_limit_of_bytes_refuses_what_does_not_fit(self):
        self.c.call('queue.pause', name=self.q)
        self.c.call('queue.set', name=self.q, max_bytes=2000)
        job = self.c.submit('echo', 'x' * 1500, queue=self.q)
        with self.assertRaises(RpcError) as caught:
            self.c.submit('echo', 'x' * 1500, queue=self.q)
        self.assertEqual(caught.exception.data['limited_by'], 'max_bytes')
        self.assertGreater(caught.exception.data['bytes'], 1500)
        self.assertEqual(self.queue()['waiting_bytes'], caught.exception.data['bytes'])
        self.c.call('queue.resume', name=self.q)
        self.assertEqual(self.c.wait(job)['state'], 'succeeded')

    def test_settings_stay_and_are_listed_until_they_are_taken_back(self):
        self.c.call('queue.set', name=self.q, max_running=3, rate=2.5, burst=4, weights={'ann': 2, 'bob': 7})
        told = self.c.call('queue.set', name=self.q, max_jobs=9, weights={'bob': 1})
        self.assertEqual({k: told[k] for k in ('max_running', 'rate', 'burst', 'max_jobs', 'weights')},
                         {'max_running': 3, 'rate': 2.5, 'burst': 4, 'max_jobs': 9, 'weights': {'ann': 2}})
        self.assertEqual(self.queue(), told)
        self.c.call('queue.set', name=self.q, max_running=0, rate=0, max_jobs=0, weights={'ann': 1})
        self.assertEqual([q for q in self.c.items('queue.list') if q['name'] == self.q], [])

    def test_wrong_settings_are_refused_by_name(self):
        for member, value, said in (('rate', 0.0001, 'three decimals'), ('rate', -1, 'rate must be'),
                                    ('rate', '5', 'rate must be'), ('burst', 0, 'burst must be'),
                                    ('weights', {'ann': 0}, 'a weight must be'),
                                    ('weights', {'ann': 'x'}, 'a weight must be'),
                                    ('weights', {'': 1}, 'a tenant in weights'),
                                    ('max_jobs', -1, 'max_jobs must be'), ('max_runing', 1, "no member 'max_runing'")):
            with self.assertRaises(RpcError) as caught:
                self.c.call('queue.set', name=self.q, **{member: value})
            self.assertEqual(caught.exception.kind, 'invalid_params')
            self.assertIn(said, caught.exception.message)
        many = self.c.call('job.submit_many', jobs=[{'type': 'echo', 'room_wait_ms': 5}])
        self.assertIn('room_wait_ms', many['errors'][0]['message'])


class Room(DaemonTest):
    def setUp(self):
        super().setUp()
        self.q = self.id().split('.')[-1][:60]
        self.c.call('queue.pause', name=self.q)
        self.c.call('queue.set', name=self.q, max_jobs=1)
        self.first = self.c.submit('echo', 0, queue=self.q)

    def tearDown(self):
        self.c.call('queue.set', name=self.q, max_jobs=0)
        self.c.call('queue.resume', name=self.q)
        super().tearDown()

    def start(self, c, value, method='job.submit', **fields):
        return c.start(method, type='echo', args=value, queue=self.q, room_wait_ms=60000, **fields)

    def test_a_submit_waits_for_room_and_comes_in_in_order_of_asking(self):
        numbers = [self.start(self.c, i) for i in (1, 2, 3)]
        self.c.call('ping')
        self.assertEqual(self.queue()['ready'], 1)
        self.c.call('job.cancel', id=self.first)
        ids = []
        for number in numbers:
            ids.append(self.c.finish(number)['id'])
            self.c.call('job.cancel', id=ids[-1])
        self.assertEqual([self.c.get(job)['args'] for job in ids], [1, 2, 3])
        self.assertEqual(ids, sorted(ids))

    def queue(self):
        return [q for q in self.c.items('queue.list') if q['name'] == self.q][0]

    def test_calls_wait_for_room_and_then_for_their_outcome(self):
        number = self.start(self.c, {'x': 1}, method='job.call')
        self.c.call('queue.resume', name=self.q)
        outcome = self.c.finish(number)
        self.assertEqual((outcome['state'], outcome['result']), ('succeeded', {'x': 1}))

    def test_the_end_of_the_wait_is_queue_full(self):
        began = time.monotonic()
        with self.assertRaises(RpcError) as caught:
            self.c.call('job.submit', type='echo', queue=self.q, room_wait_ms=200)
        self.assertGreaterEqual(time.monotonic() - began, 0.19)
        self.assertEqual(caught.exception.kind, 'queue_full')
        self.assertEqual((caught.exception.data['jobs'], caught.exception.data['limit']), (1, 1))

    def test_a_wait_for_room_ends_with_its_connection(self):
        with self.jobd.client() as other:
            self.start(other, 'gone')
            other.call('ping')
        number = self.start(self.c, 'stays')
        self.c.call('job.cancel', id=self.first)
        job = self.c.finish(number)['id']
        self.assertEqual(self.c.get(job)['args'], 'stays')
        self.assertEqual(self.queue()['ready'], 1)
        self.c.call('job.cancel', id=job)

    def test_a_raised_limit_lets_all_in(self):
        numbers = [self.start(self.c, i) for i in range(20)]
        self.c.call('queue.set', name=self.q, max_jobs=100)
        for number in numbers:
            self.assertEqual(self.c.finish(number)['state'], 'ready')
        self.assertEqual(self.queue()['ready'], 21)

    def test_a_drain_refuses_those_that_wait(self):
        number = self.start(self.c, 1)
        self.c.call('queue.drain', name=self.q)
        with self.assertRaises(RpcError) as caught:
            self.c.finish(number)
        self.assertEqual(caught.exception.kind, 'queue_draining')

    def test_so_many_may_wait_and_one_more_is_refused_at_once(self):
        with self.jobd.client() as other:
            numbers = [self.start(other, i) for i in range(1024)]
            self.assertEqual(other.error('job.submit', type='echo', queue=self.q, room_wait_ms=60000), 'queue_full')
            self.c.call('queue.set', name=self.q, max_jobs=0)
            ids = [other.finish(number)['id'] for number in numbers]
            self.assertEqual(ids, sorted(ids))


class Empty(DaemonTest):
    def test_a_wait_is_answered_when_the_last_job_has_ended(self):
        self.c.call('queue.pause', name='e')
        ids = self.c.submit_many([{'type': 'sleep', 'args': {'ms': 20}, 'queue': 'e'}] * 5)
        with self.jobd.client() as other:
            number = other.start('queue.wait', name='e')
            self.assertEqual(self.c.error('queue.wait', name='e', timeout_ms=20), 'wait_timeout')
            self.c.call('queue.resume', name='e')
            self.assertEqual(other.finish(number), {'empty': True})
            self.assertEqual(set(states(self.c, ids)), {'succeeded'})

    def test_a_queue_that_nobody_knows_is_empty(self):
        self.assertEqual(self.c.call('queue.wait', name='never-heard-of'), {'empty': True})

    def test_a_purge_makes_it_empty(self):
        self.c.call('queue.pause', name='p')
        self.c.submit_many([{'type': 'echo', 'queue': 'p'}] * 5)
        with self.jobd.client() as other:
            number = other.start('queue.wait', name='p')
            self.assertEqual(self.c.call('queue.purge', name='p'), {'purged': 5})
            self.assertEqual(other.finish(number), {'empty': True})
        self.c.call('queue.resume', name='p')


if __name__ == '__main__':
    unittest.main()
