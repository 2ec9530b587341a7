"""test_jobs.py - what a client can ask of jobs: lanes and routes, order, limits, times, outcomes."""

import hashlib
import os
import shutil
import tempfile
import time
import unittest

from jobd_client import RpcError, until
from jobd_test import DaemonTest, OwnDaemonTest, PATIENCE, reasons

BLOCK = {'ms': 600000}


def running(c, job):
    """Waits until the job runs; returns it."""
    return until(lambda: c.get(job)['state'] == 'running' and c.get(job), 'job %d running' % job)


def block(c, lane='process'):
    """Occupies a worker until its job is cancelled."""
    job = c.submit('bench.io', BLOCK, lane=lane)
    running(c, job)
    return job


def order_of_start(c, ids):
    """The ids in the order in which their first attempts started: fences grow."""
    return sorted(ids, key=lambda i: c.get(i)['attempts'][0]['fence'])


def overlap(c, ids):
    """How many of the jobs ran at once, at most."""
    events = []
    for job in ids:
        attempt = c.get(job)['attempts'][-1]
        events += [(attempt['started_ms'], 1), (attempt['ended_ms'], -1)]
    most = now = 0
    for _, step in sorted(events):
        now += step
        most = max(most, now)
    return most


class Routes(DaemonTest):
    def route(self, type, args=None, **fields):
        outcome = self.c.run(type, args, **fields)
        explained = self.c.call('job.explain', id=outcome['id'])
        lane = explained['route']['lane']
        self.assertEqual(self.c.get(outcome['id'])['lane'], lane)
        self.assertTrue(explained['text'])
        for question in explained['route']['questions']:
            self.assertTrue(question['question'].endswith('?'), question)
            self.assertIn('answer', question)
            self.assertIn('evidence', question)
        return lane

    def test_each_type_goes_where_its_traits_say(self):
        self.assertEqual(self.route('echo', 1), 'inline')
        self.assertEqual(self.route('sleep', {'ms': 1}), 'async')
        self.assertEqual(self.route('bench.cpu', {'ms': 1}), 'process')
        self.assertEqual(self.route('bench.io', {'ms': 1}), 'thread')
        self.assertEqual(self.route('file.digest', {'path': '/x', 'algorithm': 'sha256'}), 'process')
        self.assertEqual(self.route('file.copy', {'from': '/x', 'to': '/y'}), 'thread')

    def test_a_large_payload_does_not_run_inline(self):
        self.assertEqual(self.route('echo', 'x' * 4000), 'inline')
        self.assertNotEqual(self.route('echo', 'x' * 5000), 'inline')

    def test_a_safe_lane_can_be_asked_for(self):
        for lane in ('inline', 'async', 'thread', 'process'):
            self.assertEqual(self.route('echo', [lane], lane=lane), lane)
        for lane in ('thread', 'process'):
            self.assertEqual(self.route('bench.cpu', {'ms': 1}, lane=lane), lane)
            self.assertEqual(self.route('bench.io', {'ms': 1}, lane=lane), lane)

    def test_a_lane_that_is_not_safe_is_refused(self):
        for type, lane in (('sleep', 'process'), ('sleep', 'inline'), ('file.copy', 'process'), ('bench.cpu', 'async')):
            self.assertEqual(self.c.error('job.submit', type=type, args={'ms': 1}, lane=lane), 'lane_refused')
        self.assertEqual(self.c.error('job.submit', type='echo', lane='fast'), 'invalid_params')

    def test_types_show_the_whole_tree(self):
        types = {t['name']: t for t in self.c.items('type.list')}
        self.assertLessEqual({'echo', 'sleep', 'file.digest', 'file.copy', 'bench.cpu', 'http.request'}, set(types))
        for name in types:
            shown = self.c.call('type.show', name=name)
            self.assertTrue(shown['route']['questions'], name)
        self.assertEqual(self.c.error('type.show', name='nope'), 'not_found')

    def test_an_unknown_type_is_refused(self):
        self.assertEqual(self.c.error('job.call', type='nope'), 'unknown_type')

    def test_lanes_have_workers(self):
        workers = self.c.workers()
        self.assertEqual(sorted(w['name'] for w in workers), ['cpu-1', 'cpu-2', 'exec-1', 'io-1'])
        self.assertTrue(all(w['pid'] > 0 for w in workers))
        until(lambda: all(w['rss_bytes'] > 100000 for w in self.c.workers()), 'a look at their memory')


class Outcomes(DaemonTest):
    def test_echo_returns_any_json_in_every_lane(self):
        for lane in ('inline', 'async', 'thread', 'process'):
            for value in (None, True, 0, -1.5, '', 'x\u00e9\u20ac\U0001f600', [], {}, [[1, {'a': None}]]):
                outcome = self.c.run('echo', value, lane=lane)
                self.assertEqual((outcome['state'], outcome['result']), ('succeeded', value))

    def test_large_results_come_back_from_every_lane(self):
        c = self.jobd.client(hello={'max_line_bytes': 4 << 20})
        for lane in ('async', 'thread', 'process'):
            for size in (200, 5000, 70000, 300000, 1000000):
                outcome = c.run('echo', 'k' * size, lane=lane)
                self.assertEqual(outcome['result'], 'k' * size)

    def test_bad_arguments_fail_the_job_with_words(self):
        for type, args in (('sleep', {}), ('sleep', {'ms': -1}), ('sleep', {'ms': 'x'}), ('sleep', [1]),
                           ('bench.cpu', None), ('bench.io', {'ms': 1.5}), ('sleep', {'ms': 1, 'x': 2})):
            outcome = self.c.run(type, args)
            self.assertEqual(outcome['state'], 'failed', (type, args))
            self.assertEqual(outcome['failure']['kind'], 'error')
            self.assertTrue(outcome['failure']['message'])

    def test_submit_answers_at_once_and_wait_has_the_outcome(self):
        reply = self.c.call('job.submit', type='sleep', args={'ms': 100})
        self.assertIn(reply['state'], ('ready', 'running'))
        self.assertEqual(self.c.wait(reply['id'])['state'], 'succeeded')
        self.assertEqual(self.c.wait(reply['id'])['state'], 'succeeded')

    def test_wait_for_any_and_for_all(self):
        quick, slow = self.c.submit('sleep', {'ms': 1}), self.c.submit('sleep', BLOCK)
        reply = self.c.call('job.wait', ids=[quick, slow], any=True)
        self.assertEqual([o['id'] for o in reply['outcomes']], [quick])
        self.assertEqual(reply['pending'], [slow])
        self.assertEqual(self.c.error('job.wait', ids=[quick, slow], timeout_ms=20), 'wait_timeout')
        number = self.c.start('job.wait', ids=[quick, slow])
        self.c.call('job.cancel', id=slow)
        states = {o['id']: o['state'] for o in self.c.finish(number)['outcomes']}
        self.assertEqual(states, {quick: 'succeeded', slow: 'cancelled'})

    def test_waiting_has_a_limit_and_the_job_goes_on(self):
        job = self.c.submit('sleep', {'ms': 300})
        self.assertEqual(self.c.error('job.wait', id=job, timeout_ms=1), 'wait_timeout')
        self.assertEqual(self.c.error('job.wait', id=job, timeout_ms=0), 'wait_timeout')
        self.assertEqual(self.c.wait(job)['state'], 'succeeded')
        try:
            self.c.run('sleep', {'ms': 300}, wait_ms=1)
            self.fail('it waited')
        except RpcError as e:
            self.assertEqual(e.kind, 'wait_timeout')

    def test_an_unknown_job_is_not_found(self):
        for method in ('job.get', 'job.wait', 'job.cancel', 'job.result', 'job.explain'):
            self.assertEqual(self.c.error(method, id=1 << 52), 'not_found')
        job = self.c.submit('echo')
        self.assertEqual(self.c.error('job.wait', ids=[job, 1 << 52]), 'not_found')
        self.assertEqual(self.c.error('job.wait'), 'invalid_params')
        self.assertEqual(self.c.error('job.wait', id=job, ids=[job]), 'invalid_params')

    def test_submit_many_accepts_or_refuses_each_alone(self):
        reply = self.c.call('job.submit_many', jobs=[
            {'type': 'echo', 'args': 1}, {'type': 'nope'}, {'type': 'echo', 'queue': 'bad name'}, 5,
            {'type': 'echo', 'unique_ms': 5}, {'args': 1}, {'type': 'sleep', 'lane': 'process'}, {'type': 'echo'}])
        self.assertEqual([i is not None for i in reply['ids']], [True] + [False] * 6 + [True])
        self.assertEqual(reply['errors_total'], 6)
        self.assertEqual([(e['index'], e['kind']) for e in reply['errors']],
                         [(1, 'unknown_type'), (2, 'invalid_params'), (3, 'invalid_params'), (4, 'invalid_params'),
                          (5, 'invalid_params'), (6, 'lane_refused')])
        self.assertIn('unique_ms', reply['errors'][3]['message'])
        self.assertEqual(self.c.error('job.submit_many', jobs=[]), 'invalid_params')
        self.assertEqual(self.c.error('job.submit_many', jobs=[{'type': 'echo'}] * 1001), 'invalid_params')

    def test_a_result_is_there_or_it_is_said_why_not(self):
        failed = self.c.run('sleep', {})['id']
        self.assertEqual(self.c.error('job.result', id=failed), 'no_result')
        waits = self.c.submit('sleep', BLOCK)
        self.assertEqual(self.c.error('job.result', id=waits), 'no_result')
        self.c.call('job.cancel', id=waits)
        done = self.c.run('echo', [1])['id']
        piece = self.c.call('job.result', id=done)
        self.assertEqual((piece['data'], piece['offset'], piece['total'], piece['eof']), ('[1]', 0, 3, True))
        self.assertEqual(self.c.call('job.result', id=done, offset=3)['data'], '')

    def test_a_job_tells_its_whole_life(self):
        c = self.jobd.client(hello={'client': 'biographer'})
        job = c.get(c.run('sleep', {'ms': 30}, queue='lives', priority=7, timeout_ms=5000,
                          labels={'who': 'me'})['id'])
        self.assertEqual((job['type'], job['queue'], job['priority'], job['lane']), ('sleep', 'lives', 7, 'async'))
        self.assertEqual((job['args'], job['labels'], job['timeout_ms']), ({'ms': 30}, {'who': 'me'}, 5000))
        self.assertEqual(job['submitted_by']['client'], 'biographer')
        self.assertEqual(reasons(job), [('ready', 'submitted'), ('running', 'started'), ('succeeded', 'finished')])
        self.assertEqual(len(job['attempts']), 1)
        attempt = job['attempts'][0]
        self.assertEqual((attempt['number'], attempt['lane'], attempt['worker']), (1, 'async', 'io-1'))
        self.assertGreaterEqual(attempt['ended_ms'] - attempt['started_ms'], 29)
        times = [t['at_ms'] for t in job['transitions']]
        self.assertEqual(times, sorted(times))
        self.assertLess(abs(times[0] - time.time() * 1000), 60000)

    def test_jobs_are_listed_by_what_they_are(self):
        ids = [self.c.run('echo', i, queue='listed', labels={'n': str(i)})['id'] for i in range(5)]
        failed = self.c.run('sleep', {}, queue='listed')['id']
        listed = lambda **f: [j['id'] for j in self.c.items('job.list', filter=f)]  # noqa: E731
        self.assertEqual(listed(queue='listed'), [failed] + ids[::-1])
        self.assertEqual(listed(queue='listed', state='failed'), [failed])
        self.assertEqual(listed(queue='listed', type='echo'), ids[::-1])
        self.assertEqual(listed(queue='listed', label={'n': '3'}), [ids[3]])
        self.assertEqual(listed(queue='no-such-queue'), [])
        self.assertEqual(self.c.error('job.list', filter={'stat': 'failed'}), 'invalid_params')
        self.assertEqual(self.c.error('job.list', filter={'state': 'flying'}), 'invalid_params')
        self.assertEqual(self.c.error('job.list', cursor='bogus!'), 'invalid_params')

    def test_stats_count(self):
        before = self.c.call('server.stats')
        self.c.run('echo', 1)
        after = self.c.call('server.stats')
        self.assertGreater(after['jobs']['submitted'], before['jobs']['submitted'])
        self.assertGreater(after['requests'], before['requests'])


class Order(DaemonTest):
    daemon_arguments = {'cpu_workers': 1, 'io_threads': 4}
    settings = ('type bench.io.max_running=3', 'queue narrow.max_running=1')

    def test_higher_priority_first_and_first_come_inside_one(self):
        blocker = block(self.c)
        want = {}
        for n in range(60):
            priority = (n * 7) % 5 - 2
            want[self.c.submit('echo', n, lane='process', priority=priority)] = (-priority, n)
        self.c.call('job.cancel', id=blocker)
        self.c.wait_all(list(want))
        self.assertEqual(order_of_start(self.c, list(want)), sorted(want, key=want.get))

    def test_a_delayed_job_waits_for_its_time(self):
        job = self.c.submit('echo', 1, delay_ms=200)
        self.assertEqual(self.c.get(job)['state'], 'scheduled')
        self.assertEqual(self.c.call('job.explain', id=job)['waits'][0]['kind'], 'scheduled')
        self.c.wait(job)
        done = self.c.get(job)
        self.assertEqual(reasons(done)[:2], [('scheduled', 'delayed'), ('ready', 'due')])
        times = {reason: t['at_ms'] for t in done['transitions'] for reason in [t['reason']]}
        self.assertGreaterEqual(times['due'] - times['delayed'], 199)
        at = int(time.time() * 1000) + 150
        self.c.run('echo', 1, run_at_ms=at)
        self.assertGreaterEqual(time.time() * 1000, at - 1)
        self.assertEqual(self.c.error('job.submit', type='echo', delay_ms=1, run_at_ms=at), 'invalid_params')

    def test_a_job_that_was_not_started_in_time_expires(self):
        blocker = block(self.c)
        late = self.c.submit('echo', 1, lane='process', ttl_ms=30)
        outcome = self.c.wait(late)
        self.assertEqual(outcome['state'], 'expired')
        self.assertEqual(reasons(self.c.get(late))[-1], ('expired', 'ttl_over'))
        self.c.call('job.cancel', id=blocker)

    def test_time_over_ends_an_attempt_in_every_lane(self):
        for type, fields in (('sleep', {}), ('bench.io', {'lane': 'thread'}), ('bench.io', {'lane': 'process'}),
                             ('bench.cpu', {'lane': 'process'}), ('bench.cpu', {'lane': 'thread'})):
            start = time.monotonic()
            outcome = self.c.run(type, BLOCK, timeout_ms=60, **fields)
            self.assertEqual((outcome['state'], outcome['failure']['kind']), ('failed', 'timeout'), (type, fields))
            self.assertIn('60 ms', outcome['failure']['message'])
            self.assertLess(time.monotonic() - start, 60 * PATIENCE)      # of the 600 s that they would take
            self.assertEqual(reasons(self.c.get(outcome['id']))[-1], ('failed', 'timed_out'))
        self.assertEqual(self.c.run('bench.cpu', {'ms': 1})['state'], 'succeeded')

    def test_waiting_and_running_jobs_are_cancelled_in_every_lane(self):
        for type, fields in (('sleep', {}), ('bench.io', {'lane': 'thread'}), ('bench.io', {'lane': 'process'}),
                             ('bench.cpu', {'lane': 'process'}), ('bench.cpu', {'lane': 'thread'})):
            runs = self.c.submit(type, BLOCK, **fields)
            running(self.c, runs)
            waiting = self.c.submit('echo', 1, delay_ms=600000)
            self.assertEqual(self.c.call('job.cancel', id=waiting)['state'], 'cancelled')
            self.assertEqual(self.c.call('job.cancel', id=runs)['state'], 'cancelled')
            self.assertEqual(self.c.get(runs)['state'], 'cancelled', (type, fields))
            self.assertEqual(self.c.error('job.cancel', id=runs), 'conflict')
        self.assertEqual(self.c.run('bench.cpu', {'ms': 1})['state'], 'succeeded')

    def test_what_has_ended_otherwise_cannot_be_cancelled(self):
        self.assertEqual(self.c.error('job.cancel', id=self.c.run('echo', 1)['id']), 'conflict')
        self.assertEqual(self.c.error('job.cancel', id=self.c.run('sleep', {})['id']), 'conflict')

    def test_a_job_that_waits_for_a_worker_can_be_cancelled(self):
        blocker = block(self.c)
        job = self.c.submit('bench.cpu', BLOCK)
        self.assertEqual(self.c.call('job.cancel', id=job)['state'], 'cancelled')
        self.assertEqual(self.c.get(job)['attempts'], [])
        self.c.call('job.cancel', id=blocker)

    def test_limits_of_types_and_queues_hold_and_block_nobody_else(self):
        typed = self.c.submit_many([{'type': 'bench.io', 'args': {'ms': 40}}] * 9)
        queued = self.c.submit_many([{'type': 'sleep', 'args': {'ms': 30}, 'queue': 'narrow'}] * 6)
        waits = self.c.call('job.explain', id=queued[-1])['waits']
        self.assertTrue(any('queue' in w['kind'] for w in waits), waits)
        waits = self.c.call('job.explain', id=typed[-1])['waits']
        self.assertTrue(any('type' in w['kind'] for w in waits), waits)
        free = self.c.run('sleep', {'ms': 1})
        self.assertEqual(self.c.get(queued[-1])['state'], 'ready')
        self.assertEqual(free['state'], 'succeeded')
        self.c.wait_all(typed + queued)
        self.assertEqual(overlap(self.c, typed), 3)
        self.assertEqual(overlap(self.c, queued), 1)

    def test_an_order_key_makes_jobs_run_one_at_a_time_across_lanes(self):
        kinds = [('sleep', 'async'), ('bench.io', 'thread'), ('bench.cpu', 'process'), ('echo', 'inline')]
        jobs = [{'type': kinds[n % 4][0], 'lane': kinds[n % 4][1], 'args': {'ms': 20 - n}, 'order_key': 'k',
                 'priority': n} for n in range(16)]
        ids = self.c.submit_many(jobs)
        other = self.c.run('sleep', {'ms': 1}, order_key='another')
        self.assertEqual(other['state'], 'succeeded')
        self.c.wait_all(ids)
        attempts = [self.c.get(i)['attempts'][0] for i in ids]
        for before, after in zip(attempts, attempts[1:]):
            self.assertLess(before['fence'], after['fence'])
            self.assertLessEqual(before['ended_ms'], after['started_ms'])

    def test_a_failure_lets_the_rest_of_its_order_key_go_on(self):
        ids = self.c.submit_many([{'type': 'sleep', 'args': {}, 'order_key': 'f'},
                                  {'type': 'echo', 'args': 1, 'order_key': 'f'}])
        self.assertEqual([o['state'] for o in self.c.wait_all(ids)], ['failed', 'succeeded'])

    def test_explain_says_what_a_job_waits_for(self):
        blocker = block(self.c)
        worker = self.c.submit('bench.cpu', {'ms': 1})
        first = self.c.submit('sleep', BLOCK, order_key='e')
        second = self.c.submit('sleep', {'ms': 1}, order_key='e')
        for job, word in ((worker, 'process'), (second, str(first))):
            explained = self.c.call('job.explain', id=job)
            self.assertTrue(explained['waits'], job)
            self.assertIn(word, explained['text'])
        for job in (blocker, first):
            self.c.call('job.cancel', id=job)
        self.c.wait_all([worker, second])
        self.assertEqual(self.c.call('job.explain', id=worker)['waits'], [])

    def test_a_lost_connection_cancels_only_what_asked_for_it(self):
        other = self.jobd.client()
        kept, dropped = [
            (other.start('job.call', type='sleep', args=BLOCK, queue=queue, cancel_on_disconnect=asked), queue)[1]
            for asked, queue in ((False, 'kept'), (True, 'dropped'))]
        find = lambda q: self.c.call('job.list', filter={'queue': q})['items']  # noqa: E731
        until(lambda: find(kept) and find(dropped), 'both jobs')
        kept, dropped = find(kept)[0]['id'], find(dropped)[0]['id']
        other.close()
        self.assertEqual(self.c.wait(dropped)['state'], 'cancelled')
        self.assertEqual(self.c.get(kept)['state'], 'running')
        self.c.call('job.cancel', id=kept)

    def test_thousands_of_timers_run_at_once(self):
        start = time.monotonic()
        ids = self.c.submit_many([{'type': 'sleep', 'args': {'ms': 500}}] * 5000)
        self.c.wait_all(ids)
        self.assertLess(time.monotonic() - start, 250)          # one after another: 2,500 s


class Files(OwnDaemonTest):
    def setUp(self):
        self.dir = os.path.realpath(tempfile.mkdtemp(prefix='jobd-files-'))
        self.addCleanup(shutil.rmtree, self.dir)
        self.root = os.path.join(self.dir, 'root')
        os.mkdir(self.root)
        self.outside = os.path.join(self.dir, 'outside')
        self.write(self.outside, b'secret')

    def write(self, path, data):
        with open(path, 'wb') as f:
            f.write(data)
        return path

    def start(self):
        self.jobd = self.daemon(roots=(self.root,))
        self.c = self.jobd.client()

    def test_digests_are_right_for_every_size_and_algorithm(self):
        self.start()
        for size in (0, 1, 65535, 65536, 5000001):
            data = os.urandom(size)
            path = self.write(os.path.join(self.root, 'f%d' % size), data)
            for algorithm in ('sha256', 'sha512', 'sha1', 'md5'):
                for lane in ('process', 'thread'):
                    outcome = self.c.run('file.digest', {'path': path, 'algorithm': algorithm}, lane=lane)
                    self.assertEqual(outcome['result']['digest'], hashlib.new(algorithm, data).hexdigest())
        outcome = self.c.run('file.digest', {'path': path, 'algorithm': 'rot13'})
        self.assertIn('rot13', outcome['failure']['message'])

    def test_names_of_any_bytes_that_json_can_say_work(self):
        self.start()
        path = self.write(os.path.join(self.root, 'a b"c\\d\u00e9\n\U0001f600'), b'x')
        outcome = self.c.run('file.digest', {'path': path, 'algorithm': 'sha256'})
        self.assertEqual(outcome['result']['digest'], hashlib.sha256(b'x').hexdigest())

    def test_nothing_outside_the_roots_can_be_reached(self):
        self.start()
        os.symlink(self.outside, os.path.join(self.root, 'link'))
        os.symlink(self.dir, os.path.join(self.root, 'up'))
        self.write(os.path.join(self.root, 'in'), b'x')
        for path in (self.outside, self.root + '/../outside', self.root + '/link', self.root + '/up/outside',
                     'relative', '', '/proc/self/mem', self.root + '/in\u0000/x'):
            outcome = self.c.run('file.digest', {'path': path, 'algorithm': 'sha256'})
            self.assertEqual(outcome['state'], 'failed', path)
            for pair in ({'from': path, 'to': self.root + '/copy'}, {'from': self.root + '/in', 'to': path}):
                self.assertEqual(self.c.run('file.copy', pair)['state'], 'failed', pair)
        with open(self.outside, 'rb') as f:
            self.assertEqual(f.read(), b'secret')

    def test_a_root_that_begins_with_the_same_letters_is_another(self):
        self.start()
        path = self.write(self.root + 'er', b'x')
        self.assertEqual(self.c.run('file.digest', {'path': path, 'algorithm': 'sha256'})['state'], 'failed')

    def test_what_is_no_regular_file_fails_and_blocks_nothing(self):
        self.start()
        os.mkfifo(os.path.join(self.root, 'fifo'))
        os.mkdir(os.path.join(self.root, 'dir'))
        for name in ('fifo', 'dir', 'missing'):
            for lane in ('process', 'thread'):
                outcome = self.c.run('file.digest', {'path': os.path.join(self.root, name), 'algorithm': 'sha256'},
                                     lane=lane, wait_ms=20000)
                self.assertEqual(outcome['state'], 'failed', name)

    def test_copies_are_equal(self):
        self.start()
        for size in (0, 1, 3000001):
            data = os.urandom(size)
            source = self.write(os.path.join(self.root, 's%d' % size), data)
            outcome = self.c.run('file.copy', {'from': source, 'to': source + '.copy'})
            self.assertEqual(outcome['state'], 'succeeded', outcome)
            with open(source + '.copy', 'rb') as f:
                self.assertEqual(f.read(), data)
        self.c.run('file.copy', {'from': source, 'to': source})
        with open(source, 'rb') as f:
            self.assertEqual(f.read(), data)

    def test_without_roots_file_types_are_refused_with_a_word_why(self):
        c = self.daemon().client()
        for type, args in (('file.digest', {'path': self.outside, 'algorithm': 'sha256'}),
                           ('file.copy', {'from': self.outside, 'to': self.outside + '2'})):
            outcome = c.run(type, args)
            self.assertEqual(outcome['state'], 'failed')
            self.assertIn('files.roots', outcome['failure']['message'])


class Bounds(OwnDaemonTest):
    def test_a_full_queue_is_told_and_empties(self):
        c = self.daemon('jobs.max_waiting=5', cpu_workers=1).client()
        blocker = block(c)
        ids = [c.submit('echo', n, lane='process') for n in range(5)]
        try:
            c.submit('echo', 6, lane='process')
            self.fail('it was accepted')
        except RpcError as e:
            self.assertEqual((e.kind, e.data['retryable']), ('queue_full', True))
        reply = c.call('job.submit_many', jobs=[{'type': 'echo', 'lane': 'process'}] * 2)
        self.assertEqual((reply['ids'], reply['errors_total']), ([None, None], 2))
        c.call('job.cancel', id=blocker)
        c.wait_all(ids)
        self.assertEqual(c.run('echo', 7, lane='process')['result'], 7)

    def test_waiting_bytes_are_limited(self):
        c = self.daemon('jobs.max_waiting_bytes=1M', cpu_workers=1).client()
        blocker = block(c)
        kinds = []
        for _ in range(20):
            try:
                c.submit('echo', 'x' * 100000, lane='process')
            except RpcError as e:
                kinds.append(e.kind)
        self.assertEqual(set(kinds), {'queue_full'})
        c.call('job.cancel', id=blocker)

    def test_a_result_above_the_limit_fails_the_job(self):
        c = self.daemon('jobs.max_result_bytes=4096').client()
        for lane in ('async', 'thread', 'process'):
            outcome = c.run('echo', 'x' * 5000, lane=lane)
            self.assertEqual(outcome['failure']['kind'], 'bad_result', lane)
            self.assertEqual(c.run('echo', 'x' * 4000, lane=lane)['state'], 'succeeded')

    def test_the_newest_finished_jobs_are_kept_by_number(self):
        c = self.daemon('jobs.keep_finished=10').client()
        ids = [c.run('echo', n)['id'] for n in range(30)]
        failed = c.run('sleep', {})['id']
        for n in range(30):
            ids.append(c.run('echo', n)['id'])
        self.assertEqual(c.error('job.get', id=ids[0]), 'not_found')
        self.assertEqual(c.error('job.wait', id=ids[0]), 'not_found')
        self.assertEqual(c.get(ids[-1])['state'], 'succeeded')
        self.assertEqual(c.get(failed)['state'], 'failed')

    def test_finished_jobs_are_kept_for_a_time(self):
        c = self.daemon('jobs.keep_finished_ms=50ms', 'jobs.keep_failed_ms=50ms').client()
        for job in (c.run('echo', 1)['id'], c.run('sleep', {})['id']):
            def forgotten():
                try:
                    c.get(job)
                except RpcError as e:
                    return e.kind == 'not_found'
            until(forgotten, 'forgotten')

    def test_results_are_kept_up_to_a_size(self):
        c = self.daemon('jobs.keep_finished_bytes=1M').client()
        ids = [c.run('echo', 'x' * 100000)['id'] for _ in range(30)]
        self.assertEqual(c.error('job.result', id=ids[0]), 'not_found')
        self.assertEqual(c.call('job.result', id=ids[-1], limit=1000)['total'], 100002)


if __name__ == '__main__':
    unittest.main()
