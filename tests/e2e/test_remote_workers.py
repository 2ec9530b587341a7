"""test_remote_workers.py - workers that connect from elsewhere: credit, leases, and what of them is refused."""

import json
import os
import secrets
import shutil
import signal
import socket
import tempfile
import unittest

from jobd_test import PATIENCE, OwnDaemonTest, RpcError, is_gone, until

GRACE_MS = 700
LOSSES = 20


class Remote:
    """A remote worker, by hand."""

    def __init__(self, jobd, session=None, hello=True, token=None):
        self.jobd = jobd
        self.session = session or secrets.token_hex(8)
        host, port = jobd.tcp.rsplit(':', 1)
        self.sock = socket.create_connection((host.replace('tcp:', ''), int(port)), timeout=20)
        self.lines = self.sock.makefile('rb')
        self.id = 0
        if hello:
            with open(os.path.join(jobd.state_dir, 'worker.token')) as f:
                self.hello = self.call('hello', token=token or f.read().strip())

    def say(self, message):
        self.sock.sendall(json.dumps(message).encode() + b'\n')

    def hear(self):
        line = self.lines.readline()
        return json.loads(line) if line else None

    def call(self, method, **params):
        self.id += 1
        self.say({'jsonrpc': '2.0', 'id': self.id, 'method': method, 'params': params})
        reply = self.hear()
        assert reply is None or reply['id'] == self.id, reply
        return reply

    def ready(self, **params):
        return self.call('worker.ready', **dict(dict(
            protocol=1, language='python', types=[{'name': 'far'}], slots={'process': 8}, pool='gpu',
            name='host-1', session=self.session), **params))

    def run(self):
        m = self.hear()
        assert m['method'] == 'attempt.run', m
        return m

    def answer(self, run, result):
        self.say({'id': run['id'], 'result': result})

    def close(self):
        self.sock.shutdown(socket.SHUT_RDWR)
        self.lines.close()
        self.sock.close()


def named(run):
    return {key: run['params'][key] for key in ('job', 'attempt', 'fence')}


class RemoteTest(OwnDaemonTest):

    def setUp(self):
        self.dir = tempfile.mkdtemp(prefix='jobd-pools-')
        os.chmod(self.dir, 0o755)
        self.addCleanup(shutil.rmtree, self.dir, True)
        for name, types in (('gpu', 'far'), ('other', 'near')):
            with open(os.path.join(self.dir, name + '.worker'), 'w') as f:
                f.write('remote = true\ntypes = %s\n' % types)
        self.jobd = self.daemon('jobs.dir=' + self.dir, 'workers.remote_grace_ms=%d' % GRACE_MS)
        self.c = self.jobd.client()

    def remote(self, **arguments):
        w = Remote(self.jobd, **arguments)
        self.addCleanup(w.sock.close)
        self.addCleanup(w.lines.close)
        return w

    def submit(self, **job):
        return self.c.call('job.submit', type='far', **job)['id']

    def outcome(self, job):
        return self.c.call('job.wait', id=job)

    def state(self, job):
        return self.c.call('job.get', id=job)['state']

    def workers(self):
        return [w for w in self.c.call('worker.list')['items'] if w.get('pool') == 'gpu']

    # ---- tokens ----

    def test_a_revoked_token_turns_its_workers_away_and_others_go_on(self):
        token = self.c.call('token.new', name='farm', role='worker')['token']
        farm, early, other = self.remote(token=token), self.remote(token=token), self.remote()
        farm.ready()
        job = self.submit()
        farm.run()
        other.ready(name='host-2', pool='other', types=[{'name': 'near'}])
        self.c.call('token.revoke', name='farm')
        for w in (farm, early):
            self.assertEqual(w.hear()['error']['data']['kind'], 'unauthenticated')
            self.assertIsNone(w.hear())
        self.assertEqual(self.remote(hello=False).call('hello', token=token)['error']['data']['kind'], 'unauthenticated')
        self.remote().ready(session='another')      # what ran there runs here, after the grace
        until(lambda: self.state(job) in ('running', 'ready'), 'the job')
        near = self.c.call('job.submit', type='near')['id']
        self.assertEqual(other.run()['params']['job'], near)

    # ---- work ----

    def test_a_remote_worker_takes_work(self):
        w = self.remote()
        self.assertEqual(w.hello['result']['role'], 'worker')
        ready = w.ready()['result']
        self.assertEqual((ready['name'], ready['types'], ready['running'], ready['stale']),
                         ('host-1', ['far'], [], []))
        job = self.submit(args={'n': 1})
        run = w.run()
        self.assertEqual((run['params']['job'], run['params']['args']), (job, {'n': 1}))
        row = self.workers()[0]
        self.assertEqual((row['name'], row['state'], row['job'], row['pid']), ('host-1', 'running', job, None))
        w.answer(run, 'done')
        self.assertEqual(self.outcome(job)['result'], 'done')

    def test_credit_is_what_it_takes(self):
        w = self.remote()
        w.ready(credit=2)
        jobs = [self.submit() for _ in range(5)]
        runs = [w.run(), w.run()]
        for run in runs:
            w.answer(run, 1)
        self.assertEqual([self.outcome(job)['state'] for job in jobs[:2]], ['succeeded'] * 2)
        self.assertEqual([self.state(job) for job in jobs[2:]], ['ready'] * 3)
        w.say({'method': 'worker.credit', 'params': {'n': 3}})
        for _ in range(3):
            w.answer(w.run(), 2)
        self.assertEqual([self.outcome(job)['result'] for job in jobs[2:]], [2] * 3)

    def test_slots_are_the_limit_without_credit(self):
        w = self.remote()
        w.ready(slots={'process': 2})
        jobs = [self.submit() for _ in range(4)]
        first, second = w.run(), w.run()
        self.assertEqual([self.state(job) for job in jobs], ['running', 'running', 'ready', 'ready'])
        w.answer(second, 1)
        third = w.run()
        for run in (first, third):
            w.answer(run, 1)
        w.answer(w.run(), 1)
        self.assertEqual([self.outcome(job)['result'] for job in jobs], [1] * 4)

    def test_a_cancel_is_sent(self):
        w = self.remote()
        w.ready()
        job = self.submit()
        run = w.run()
        waiting = self.c.start('job.cancel', id=job)
        told = w.hear()
        self.assertEqual((told['method'], told['params']), ('attempt.cancel', named(run)))
        w.say({'id': run['id'], 'error': {'data': {'cancelled': True}}})
        self.assertEqual(self.c.finish(waiting)['state'], 'cancelled')

    # ---- leases ----

    def test_back_within_the_grace_it_keeps_its_attempt(self):
        w = self.remote()
        w.ready()
        job = self.submit(on_lost='fail')
        run = w.run()
        w.close()
        until(lambda: self.workers()[0]['state'] == 'away', 'the disconnect')
        again = self.remote(session=w.session)
        ready = again.ready(running=[named(run)])['result']
        self.assertEqual((ready['running'], ready['stale']), ([named(run)], []))
        again.answer(run, 'kept')
        self.assertEqual(self.outcome(job)['result'], 'kept')
        self.assertEqual(len(self.c.call('job.get', id=job)['attempts']), 1)

    def test_while_it_is_away_it_is_sent_nothing(self):
        w = self.remote()
        w.ready()
        first = self.submit()
        run = w.run()
        w.close()
        until(lambda: self.workers()[0]['state'] == 'away', 'the disconnect')
        second = self.submit()
        self.assertEqual(self.state(second), 'ready')
        again = self.remote(session=w.session)
        again.ready(running=[named(run)])
        again.answer(again.run(), 2)
        again.answer(run, 1)
        self.assertEqual((self.outcome(first)['result'], self.outcome(second)['result']), (1, 2))

    def test_what_it_does_not_list_any_more_is_run_again(self):
        w = self.remote()
        w.ready()
        job = self.submit()
        run = w.run()
        w.close()
        until(lambda: self.workers()[0]['state'] == 'away', 'the disconnect')
        again = self.remote(session=w.session)
        again.ready()
        fresh = again.run()
        self.assertEqual((fresh['params']['job'], fresh['params']['attempt']), (job, 2))
        self.assertGreater(fresh['id'], run['id'])
        again.answer(run, 'late')
        self.assertEqual(again.hear()['method'], 'attempt.refused')
        again.answer(fresh, 'fresh')
        self.assertEqual(self.outcome(job)['result'], 'fresh')

    def test_after_the_grace_it_is_lost_and_the_late_result_refused(self):
        w = self.remote()
        w.ready()
        job = self.submit()
        lost = self.submit(on_lost='fail')
        run, other = w.run(), w.run()
        w.close()
        self.assertEqual(self.outcome(lost)['failure']['kind'], 'lost')
        self.assertEqual(self.state(job), 'ready')
        again = self.remote(session=w.session)
        ready = again.ready(running=[named(run), named(other)])['result']
        self.assertEqual((ready['running'], ready['stale']), ([], [named(run), named(other)]))
        fresh = again.run()
        self.assertEqual((fresh['params']['job'], fresh['params']['attempt']), (job, 2))
        again.answer(run, 'late')
        refused = again.hear()
        self.assertEqual((refused['method'], refused['params']['id'], refused['params']['error']['data']['kind']),
                         ('attempt.refused', run['id'], 'conflict'))
        self.jobd.until_logged('late answer is refused')
        again.answer(fresh, 'fresh')
        self.assertEqual(self.outcome(job)['result'], 'fresh')

    def lose(self, job, session, times):
        """So many workers come back without the attempt that they were given."""
        for _ in range(times):
            w = self.remote(session=session)
            w.ready(running=[])
            self.assertEqual(w.run()['params']['job'], job)
            w.close()

    def test_a_job_that_loses_its_workers_again_and_again_fails(self):
        job, session = self.submit(), 'a' * 16
        self.lose(job, session, LOSSES - 1)
        self.remote(session=session).ready(running=[])      # which loses it for the last time but one
        until(lambda: len(self.c.call('job.get', id=job)['attempts']) > 0 and self.state(job) == 'running', 'its last try')
        self.assertEqual(self.c.call('job.get', id=job)['attempts'][-1]['number'], LOSSES)
        last = self.remote(session=session)
        last.ready(running=[])
        outcome = self.outcome(job)
        self.assertEqual((outcome['state'], outcome['failure']['kind']), ('failed', 'crash'))
        self.assertEqual(outcome['failure']['message'], 'its remote workers were lost %d times while they had this job, '
                         'and why is not known; the last: it came back without the attempt' % LOSSES)
        self.assertIn(job, [j['id'] for j in self.c.call('job.list', filter={'state': 'failed'})['items']])
        good = self.submit()
        last.answer(last.run(), 'good')
        self.assertEqual(self.outcome(good)['result'], 'good')

    def test_workers_that_vanish_count_as_well_and_a_retry_begins_anew(self):
        job, session = self.submit(), 'b' * 16
        self.lose(job, session, LOSSES)                     # the last of them does not come back
        outcome = self.outcome(job)
        self.assertEqual(outcome['failure']['kind'], 'crash')
        self.assertIn('its connection ended, and it did not come back', outcome['failure']['message'])
        self.c.call('job.retry', id=job)
        self.lose(job, 'c' * 16, 2)
        w = self.remote(session='c' * 16)
        w.ready(running=[])
        w.answer(w.run(), 'done')
        self.assertEqual(self.outcome(job)['result'], 'done')

    def test_a_new_broker_goes_on_counting_for_a_durable_job(self):
        job, half = self.submit(durability='commit'), LOSSES // 2
        self.lose(job, 'd' * 16, half)                      # the last one is the broker's death
        self.c.call('job.submit', type='near', durability='commit')     # when it is on disk, so is what was before
        before = self.jobd.look()
        os.kill(self.jobd.broker(), signal.SIGKILL)
        until(lambda: all(is_gone(pid) for pid in before), 'the end of the old processes')
        self.c = self.jobd.client()
        self.lose(job, 'e' * 16, LOSSES - half + 1)
        outcome = self.outcome(job)
        self.assertEqual((outcome['failure']['kind'], outcome['failure']['attempt']), ('crash', LOSSES + 1))

    def test_the_second_connection_of_a_session_takes_over(self):
        w = self.remote()
        w.ready()
        job = self.submit()
        run = w.run()
        second = self.remote(session=w.session)
        self.assertEqual(second.ready(running=[named(run)])['result']['running'], [named(run)])
        self.assertEqual(w.hear()['error']['data']['kind'], 'conflict')
        self.assertIsNone(w.hear())
        second.answer(run, 'second')
        self.assertEqual(self.outcome(job)['result'], 'second')

    def test_an_attempt_that_is_never_answered_ends_at_its_deadline(self):
        self.c.call('ping')
        w = self.remote()
        w.ready()
        job = self.c.call('job.submit', type='far', timeout_ms=100)['id']
        run = w.run()
        self.assertEqual(w.hear()['method'], 'attempt.cancel')
        # jobs.grace_ms is 10 s here: a disconnect ends it sooner
        w.close()
        self.assertEqual(self.outcome(job)['failure']['kind'], 'timeout')
        self.assertEqual(len(self.c.call('job.get', id=job)['attempts']), 1)
        self.assertTrue(run)

    def test_an_attempt_past_its_grace_gets_its_outcome_and_keeps_its_slot(self):
        jobd = self.jobd = self.daemon('jobs.dir=' + self.dir, 'jobs.grace_ms=100')
        self.c = jobd.client()
        w = self.remote()
        w.ready(slots={'process': 1})
        job = self.submit(timeout_ms=100)
        next = self.submit()
        run = w.run()
        self.assertEqual(w.hear()['method'], 'attempt.cancel')
        failure = self.outcome(job)['failure']
        self.assertEqual((failure['kind'], failure['message']),
                         ('timeout', 'timed out after 100 ms; it was told to end and has not'))
        self.assertEqual(self.state(next), 'ready')
        w.answer(run, 'too late')
        self.assertEqual(w.hear()['params']['id'], run['id'])
        self.assertEqual(self.outcome(job)['failure']['kind'], 'timeout')
        w.answer(w.run(), 'in time')
        self.assertEqual(self.outcome(next)['result'], 'in time')

    # ---- operators ----

    def test_a_drained_worker_finishes_and_is_forgotten(self):
        self.jobd = self.daemon('jobs.dir=' + self.dir, 'workers.remote_grace_ms=10m')
        self.c = self.jobd.client()
        w = self.remote()
        w.ready()
        job = self.submit()
        run = w.run()
        self.assertEqual(self.c.call('worker.drain', name='host-1')['state'], 'draining')
        next = self.submit()
        w.answer(run, 'done')
        self.assertEqual(w.hear()['method'], 'worker.finish')
        self.assertEqual(self.outcome(job)['result'], 'done')
        self.assertEqual((self.state(next), self.workers()[0]['state']), ('ready', 'draining'))
        w.close()
        until(lambda: not self.workers(), 'the end of its session')
        other = self.remote()
        other.ready()
        other.answer(other.run(), 'elsewhere')
        self.assertEqual(self.outcome(next)['result'], 'elsewhere')

    def test_a_drained_worker_stays_so_when_it_comes_back(self):
        w = self.remote()
        w.ready()
        job = self.submit()
        run = w.run()
        self.c.call('worker.drain', name='host-1')
        w.close()
        until(lambda: self.workers()[0]['state'] == 'away', 'the disconnect')
        w = self.remote(session=w.session)
        self.assertEqual(w.ready(running=[named(run)])['result']['running'], [named(run)])
        self.assertEqual(w.hear()['method'], 'worker.finish')
        self.assertEqual(self.workers()[0]['state'], 'draining')
        next = self.submit()
        w.answer(run, 'done')
        self.assertEqual(self.outcome(job)['result'], 'done')
        self.assertEqual(w.hear()['method'], 'worker.finish')
        self.assertEqual(self.state(next), 'ready')

    def test_nobody_here_can_recycle_it(self):
        w = self.remote()
        w.ready()
        with self.assertRaisesRegex(RpcError, 'host-1 is remote, and not started here'):
            self.c.call('worker.recycle', name='host-1')
        job = self.submit()
        w.answer(w.run(), 1)
        self.assertEqual(self.outcome(job)['result'], 1)

    # ---- who may what ----

    def test_a_wrong_token_does_not_get_in(self):
        w = self.remote(hello=False)
        self.assertEqual(w.call('hello', token='worker.' + '0' * 64)['error']['data']['kind'], 'unauthenticated')

    def test_a_worker_calls_no_method_of_a_client(self):
        for method in ('job.submit', 'server.stats', 'worker.list', 'hello'):
            w = self.remote()
            w.say({'jsonrpc': '2.0', 'id': 5, 'method': method, 'params': {}})
            self.assertEqual(w.hear()['error']['data']['kind'], 'invalid_request')
            self.assertIsNone(w.hear())

    def test_a_client_is_no_worker(self):
        for method in ('worker.ready', 'attempt.progress', 'worker.credit', 'attempt.log'):
            w = self.remote(hello=False)
            w.call('hello', token=self.jobd.token())
            self.assertEqual(w.call(method)['error']['data']['kind'], 'method_not_found')

    def test_a_worker_of_no_such_pool_is_turned_away(self):
        for params, kind in (({'pool': 'nowhere'}, 'not_found'), ({'types': [{'name': 'near'}]}, 'invalid_params'),
                             ({'session': 'short'}, 'invalid_params'), ({'protocol': 2}, 'invalid_params'),
                             ({'more': 1}, 'invalid_params')):
            w = self.remote()
            self.assertEqual(w.ready(**params)['error']['data']['kind'], kind)
            self.assertIsNone(w.hear())

    def test_a_session_belongs_to_its_pool(self):
        w = self.remote()
        w.ready()
        self.submit()
        w.run()
        other = self.remote(session=w.session)
        self.assertEqual(other.ready(pool='other', types=[{'name': 'near'}])['error']['data']['kind'], 'conflict')

    def test_hostile_lines_end_the_connection_and_nothing_else(self):
        for text in (b'GARBAGE\n', b'{"id":1,"result":NaN}\n', b'[]\n', b'{"method":"attempt.log","params":{}}\n',
                     b'{"method":"worker.ready","params":{}}\n', b'\xff\xfe\n'):
            w = self.remote()
            w.ready()
            w.sock.sendall(text)
            self.assertIn('error', w.hear())
            self.assertIsNone(w.hear())
        w = self.remote()
        w.ready(name='well')
        job = self.submit()
        w.answer(w.run(), 1)
        self.assertEqual(self.outcome(job)['result'], 1)

    def test_answers_to_what_was_never_asked_are_refused(self):
        w = self.remote()
        w.ready()
        w.say({'id': 12345, 'result': 1})
        self.assertEqual(w.hear()['method'], 'attempt.refused')
        job = self.submit()
        run = w.run()
        w.answer(run, 1)
        w.answer(run, 2)
        self.assertEqual(w.hear()['params']['id'], run['id'])
        self.assertEqual(self.outcome(job)['result'], 1)

    def test_a_worker_that_does_not_read_is_sent_no_more(self):
        w = self.remote()
        w.ready(slots={'process': 1000})
        jobs = [self.submit(args='x' * 500000) for _ in range(40)]
        until(lambda: self.state(jobs[0]) == 'running', 'the first start')
        self.assertEqual(self.state(jobs[-1]), 'ready')
        self.assertLess(self.c.call('server.stats')['rss_bytes'], (200 << 20) * PATIENCE)
        for _ in jobs:
            w.answer(w.run(), 1)
        self.assertEqual([self.outcome(job)['result'] for job in jobs], [1] * len(jobs))


if __name__ == '__main__':
    unittest.main()
