"""test_groups.py - groups: members counted, bounded, ended together, reduced.  Each promise through the socket."""

import hashlib
import json
import os
import resource
import signal

from jobd_client import RpcError
from jobd_test import DaemonTest, OwnDaemonTest, until
from survive import kill_broker

MANY = 1000         # jobs of one submit_many


def kind_of(call, *args, **params):
    """The kind of error with which a call is refused."""
    try:
        call(*args, **params)
    except RpcError as e:
        return e.kind
    return None


def submit_all(c, group, jobs):
    """Submits any number of jobs into a group; their ids."""
    ids = []
    for i in range(0, len(jobs), MANY):
        reply = c.call('job.submit_many', jobs=[dict(j, group=group) for j in jobs[i:i + MANY]])
        assert reply['errors_total'] == 0, reply
        ids += reply['ids']
    return ids


def ended(c, group, count):
    """The group, once so many of its members have succeeded."""
    g = c.call('group.get', group=group)
    return g if g['succeeded'] == count else None


def results(c, group, limit=1000):
    """All outcomes, page by page."""
    items, cursor = [], None
    while True:
        page = c.call('group.results', group=group, limit=limit, **({} if cursor is None else {'cursor': cursor}))
        items += page['items']
        cursor = page['next']
        if cursor is None:
            return items


def lines_of(outcomes):
    """The file that a reduce job gets, for outcomes as the truth has them."""
    return b''.join(json.dumps(o, separators=(',', ':')).encode() + b'\n' for o in outcomes)


class Groups(DaemonTest):
    def test_a_group_counts_its_members_and_finishes_once_closed(self):
        name = self.c.call('group.create')['group']
        ids = submit_all(self.c, name, [{'type': 'echo', 'args': i} for i in range(5)])
        g = until(lambda: ended(self.c, name, 5), 'five ends')
        self.assertEqual((g['state'], g['count'], g['succeeded']), ('open', 5, 5))
        self.assertEqual(kind_of(self.c.call, 'group.wait', group=name, timeout_ms=20), 'wait_timeout')
        waiter = self.jobd.client()
        ticket = waiter.start('group.wait', group=name)
        self.c.call('group.close', group=name)
        done = waiter.finish(ticket)
        self.assertEqual((done['state'], done['count'], done['succeeded']), ('succeeded', 5, 5))
        self.assertEqual([(r['index'], r['id'], r['result']) for r in results(self.c, name)],
                         [(i, ids[i], i) for i in range(5)])

    def test_an_empty_group_finishes_when_it_is_closed(self):
        name = self.c.call('group.create', name='empty')['group']
        self.assertEqual(name, 'empty')
        self.c.call('group.close', group=name)
        self.assertEqual(self.c.call('group.wait', group=name)['state'], 'succeeded')
        self.assertEqual(self.c.call('group.results', group=name), {'items': [], 'next': None})

    def test_an_empty_group_is_reduced_too(self):
        self.c.call('group.create', name='nothing', reduce={'type': 'echo'})
        self.c.call('group.close', group='nothing')
        done = self.c.call('group.wait', group='nothing')
        self.assertEqual((done['state'], done['reduce']['result']['count']), ('succeeded', 0))
        with open(done['path'], 'rb') as f:
            self.assertEqual(f.read(), b'')

    def test_names_are_unique_and_numbers_are_jobds(self):
        self.c.call('group.create', name='twice')
        self.assertEqual(kind_of(self.c.call, 'group.create', name='twice'), 'conflict')
        self.assertEqual(kind_of(self.c.call, 'group.create', name='17'), 'invalid_params')
        self.assertEqual(kind_of(self.c.call, 'group.get', group='nobody'), 'not_found')
        self.assertEqual(kind_of(self.c.call, 'job.submit', type='echo', group='nobody'), 'not_found')

    def test_a_closed_group_takes_no_members(self):
        self.c.call('group.create', name='shut')
        self.c.call('group.close', group='shut')
        self.assertEqual(kind_of(self.c.call, 'job.submit', type='echo', group='shut'), 'conflict')

    def test_results_come_in_order_of_submission_and_stop_at_a_gap(self):
        self.c.call('group.create', name='gap')
        ids = submit_all(self.c, 'gap', [{'type': 'echo', 'args': 0}, {'type': 'sleep', 'args': {'ms': 600000}},
                                         {'type': 'echo', 'args': 2}])
        until(lambda: ended(self.c, 'gap', 2), 'two ends')
        page = self.c.call('group.results', group='gap')
        self.assertEqual(([r['index'] for r in page['items']], page['next']), ([0], '1'))
        self.assertEqual(self.c.call('group.results', group='gap', cursor='1'), {'items': [], 'next': '1'})
        self.c.call('job.cancel', id=ids[1])
        self.c.call('group.close', group='gap')
        self.c.call('group.wait', group='gap')
        self.assertEqual([(r['index'], r['state']) for r in results(self.c, 'gap', limit=1)],
                         [(0, 'succeeded'), (1, 'cancelled'), (2, 'succeeded')])

    def test_the_reduce_job_runs_once_with_all_outcomes(self):
        self.c.call('group.create', name='sum', reduce={'type': 'echo', 'queue': 'reducers'})
        ids = submit_all(self.c, 'sum', [{'type': 'sleep', 'args': {'ms': (50 - i) % 7}} for i in range(50)])
        self.c.call('group.close', group='sum')
        done = self.c.call('group.wait', group='sum')
        self.assertEqual(done['state'], 'succeeded')
        self.assertEqual(done['reduce']['result'], {'group': 'sum', 'count': 50, 'path': done['path']})
        with open(done['path'], 'rb') as f:
            outcomes = [json.loads(line) for line in f]
        self.assertEqual([(o['index'], o['id'], o['state']) for o in outcomes],
                         [(i, ids[i], 'succeeded') for i in range(50)])
        self.assertEqual(outcomes, results(self.c, 'sum', limit=7))
        reducers = self.c.call('job.list', filter={'queue': 'reducers'})['items']
        self.assertEqual([(j['id'], j['reduces']) for j in reducers], [(done['reduce']['id'], 'sum')])

    def test_placeholders_in_the_arguments_of_a_reduce_job(self):
        args = {'p': ['{path}', {'n': '{count}'}], '{path}': '{group}', 'text': 'in {path}', 'quote': '\\"{path}'}
        self.c.call('group.create', name='put', reduce={'type': 'echo', 'args': args})
        self.c.call('group.close', group='put')
        done = self.c.call('group.wait', group='put')
        self.assertEqual(done['reduce']['result'], {'p': [done['path'], {'n': 0}], '{path}': 'put',
                                                    'text': 'in {path}', 'quote': '\\"{path}'})

    def test_a_reduce_job_that_cannot_be_is_refused_at_once(self):
        for reduce, kind in (({'type': 'nope'}, 'unknown_type'), ({'args': 1}, 'invalid_params'),
                             ({'type': 'echo', 'group': 'x'}, 'invalid_params'),
                             ({'type': 'echo', 'lane': 'process'}, None),
                             ({'type': 'bench.cpu', 'lane': 'inline'}, 'lane_refused')):
            self.assertEqual(kind_of(self.c.call, 'group.create', reduce=reduce), kind, reduce)

    def test_a_failed_reduce_job_fails_its_group(self):
        self.c.call('group.create', name='bad', reduce={'type': 'file.digest', 'args': {'path': '/nowhere'}})
        self.c.call('group.close', group='bad')
        done = self.c.call('group.wait', group='bad')
        self.assertEqual((done['state'], done['reduce']['state']), ('failed', 'failed'))
        self.assertIn('reduce job', done['reason'])

    def test_more_failures_than_max_fails_cancel_the_rest(self):
        self.c.call('group.create', name='frail', max_fails=2, reduce={'type': 'echo'})
        bad = {'type': 'file.digest', 'args': {'path': '/nowhere'}}
        slow = {'type': 'sleep', 'args': {'ms': 600000}}
        submit_all(self.c, 'frail', [slow, bad, slow, bad, dict(slow, delay_ms=600000)])
        until(lambda: self.c.call('group.get', group='frail')['failed'] == 2, 'two failures')
        self.assertEqual(self.c.call('group.get', group='frail')['state'], 'open')
        submit_all(self.c, 'frail', [bad])
        done = self.c.call('group.wait', group='frail')
        self.assertEqual((done['state'], done['failed'], done['cancelled'], done['count']), ('failed', 3, 3, 6))
        self.assertIn('3 members failed, and max_fails is 2', done['reason'])
        self.assertNotIn('reduce', done)
        self.assertEqual(kind_of(self.c.call, 'job.submit', type='echo', group='frail'), 'conflict')
        job = self.c.call('job.get', id=results(self.c, 'frail')[0]['id'])
        self.assertEqual(job['reason'], 'group_failed')

    def test_cancel_ends_members_that_wait_and_that_run(self):
        self.c.call('group.create', name='stop', reduce={'type': 'echo'})
        jobs = [{'type': 'sleep', 'args': {'ms': 600000}}, {'type': 'sleep', 'args': {'ms': 1}, 'delay_ms': 600000},
                {'type': 'echo', 'args': 3}]
        ids = submit_all(self.c, 'stop', jobs)
        until(lambda: self.c.call('job.get', id=ids[0])['state'] == 'running', 'a running member')
        done = self.c.call('group.cancel', group='stop')
        self.assertEqual((done['state'], done['cancelled'], done['succeeded']), ('cancelled', 2, 1))
        self.assertEqual(self.c.call('job.get', id=ids[0])['reason'], 'group_cancelled')
        self.assertEqual(kind_of(self.c.call, 'group.cancel', group='stop'), 'conflict')

    def test_cancel_ends_a_reduce_job_that_runs(self):
        self.c.call('group.create', name='long', reduce={'type': 'sleep', 'args': {'ms': 600000}})
        self.c.call('group.close', group='long')
        until(lambda: self.c.call('group.get', group='long').get('reduce', {}).get('state') == 'running', 'its start')
        self.assertEqual(self.c.call('group.get', group='long')['state'], 'reducing')
        done = self.c.call('group.cancel', group='long')
        self.assertEqual((done['state'], done['reduce']['state']), ('cancelled', 'cancelled'))

    def test_max_running_bounds_the_members_at_once_and_explain_says_so(self):
        self.c.call('group.create', name='four', max_running=4, reduce={'type': 'echo'})
        ids = submit_all(self.c, 'four', [{'type': 'sleep', 'args': {'ms': 600000}}] * 10)
        until(lambda: self.c.call('group.get', group='four')['running'] == 4, 'four that run')
        waits = self.c.call('job.explain', id=ids[9])
        self.assertEqual(waits['waits'], [{'kind': 'group_limit', 'group': 'four', 'running': 4, 'limit': 4}])
        self.assertIn('group four runs 4 of at most 4', waits['text'])
        self.c.call('group.close', group='four')
        self.assertEqual(self.c.call('group.get', group='four')['text'], 'its reduce job waits for 10 of 10 members')
        self.c.call('job.cancel', id=ids[0])
        until(lambda: self.c.call('job.get', id=ids[4])['state'] == 'running', 'the fifth')
        g = self.c.call('group.get', group='four')
        self.assertEqual((g['running'], g['text']), (4, 'its reduce job waits for 9 of 10 members'))
        self.c.call('group.cancel', group='four')

    def test_members_of_the_inline_lane_respect_max_running(self):
        self.c.call('group.create', name='line', max_running=1)
        slow = self.c.call('job.submit', type='sleep', args={'ms': 600000}, group='line')['id']
        until(lambda: self.c.call('job.get', id=slow)['state'] == 'running', 'its start')
        quick = self.c.call('job.submit', type='echo', group='line')
        self.assertEqual(quick['state'], 'ready')
        self.c.call('job.cancel', id=slow)
        self.assertEqual(self.c.call('job.wait', id=quick['id'])['state'], 'succeeded')

    def test_jobs_are_found_by_their_group(self):
        self.c.call('group.create', name='mine')
        ids = submit_all(self.c, 'mine', [{'type': 'echo'}] * 3)
        self.c.call('job.submit', type='echo')
        found = self.c.call('job.list', filter={'group': 'mine'})['items']
        self.assertEqual([(j['id'], j['group'], j['index']) for j in found],
                         [(ids[i], 'mine', i) for i in (2, 1, 0)])

    def test_a_list_of_groups_has_pages_newest_first(self):
        names = [self.c.call('group.create')['group'] for _ in range(5)]
        seen, cursor = [], None
        while len(seen) < 5:
            page = self.c.call('group.list', limit=2, **({} if cursor is None else {'cursor': cursor}))
            seen += [g['group'] for g in page['items']]
            cursor = page['next']
        self.assertEqual(seen[:5], names[::-1])

    def test_a_result_that_does_not_fit_is_told_by_its_length(self):
        text = 'x' * 200000
        self.c.call('group.create', name='wide')
        submit_all(self.c, 'wide', [{'type': 'echo', 'args': 1}, {'type': 'echo', 'args': text},
                                    {'type': 'echo', 'args': 3}])
        self.c.call('group.close', group='wide')
        self.c.call('group.wait', group='wide')
        short = results(self.c, 'wide')
        self.assertEqual([r.get('result_bytes') for r in short], [None, len(text) + 2, None])
        long = self.jobd.client(hello={'max_line_bytes': 1 << 20})
        self.assertEqual([r['result'] for r in results(long, 'wide')], [1, text, 3])

    def test_a_wait_for_a_group_ends_with_its_connection(self):
        self.c.call('group.create', name='left')
        other = self.jobd.raw()
        other.start('group.wait', group='left')
        other.start('group.results', group='left')
        other.close()
        self.c.call('group.close', group='left')
        self.assertEqual(self.c.call('group.wait', group='left')['state'], 'succeeded')


class BigGroups(OwnDaemonTest):
    def test_fifty_thousand_members_outlive_retention_and_deaths_of_workers(self):
        count = 50000
        jobd = self.daemon('jobs.keep_finished=100')
        c = jobd.client()
        c.call('group.create', name='big', reduce={'type': 'file.digest', 'args': {'path': '{path}'}})
        jobs = [{'type': 'echo', 'args': {'i': i}, 'lane': 'process'} for i in range(count)]
        ids = []
        for part in range(5):
            ids += submit_all(c, 'big', jobs[part * count // 5:(part + 1) * count // 5])
            for pid in jobd.children_named('cpu')[:1]:
                os.kill(pid, signal.SIGKILL)
        c.call('group.close', group='big')
        done = c.call('group.wait', group='big')
        self.assertEqual((done['state'], done['succeeded']), ('succeeded', count), done)
        truth = lines_of({'index': i, 'id': ids[i], 'state': 'succeeded', 'result': {'i': i}} for i in range(count))
        self.assertEqual(done['reduce']['result'], {'algorithm': 'sha256', 'bytes': len(truth),
                                                    'digest': hashlib.sha256(truth).hexdigest()})
        self.assertLessEqual(len(c.call('job.list', limit=1000)['items']), 200)
        self.assertEqual(os.stat(done['path']).st_mode & 0o777, 0o640)
        self.assertEqual(os.stat(os.path.dirname(done['path'])).st_mode & 0o777, 0o750)
        first = c.call('group.results', group='big', limit=2)['items']
        self.assertEqual([r['result'] for r in first], [{'i': 0}, {'i': 1}])

    def test_a_finished_group_and_its_files_are_forgotten_in_time(self):
        jobd = self.daemon('jobs.keep_finished_ms=200')
        c = jobd.client()
        c.call('group.create', name='brief', durability='memory', reduce={'type': 'echo'})
        submit_all(c, 'brief', [{'type': 'echo'}])
        c.call('group.close', group='brief')
        path = c.call('group.wait', group='brief')['path']
        until(lambda: kind_of(c.call, 'group.get', group='brief') == 'not_found', 'the end of the group')
        until(lambda: not os.path.exists(path), 'the end of its file')
        self.assertEqual(c.call('group.create', name='brief'), {'group': 'brief'})

    def test_a_durable_group_is_forgotten_with_its_history(self):
        jobd = self.daemon('history.keep_ms=200')
        c = jobd.client()
        c.call('group.create', name='brief', reduce={'type': 'echo'})
        submit_all(c, 'brief', [{'type': 'echo'}])
        c.call('group.close', group='brief')
        self.assertEqual(c.call('group.get', group='brief')['durability'], 'commit')
        self.assertEqual(c.call('group.wait', group='brief')['state'], 'succeeded')
        until(lambda: kind_of(c.call, 'group.get', group='brief') == 'not_found', 'the end of the group')
        until(lambda: not os.listdir(os.path.join(jobd.state_dir, 'groups')), 'the end of its file')
        self.assertEqual(c.call('group.create', name='brief'), {'group': 'brief'})
        again = kill_broker(jobd)
        self.assertEqual([g['group'] for g in again.call('group.list')['items']], ['brief'])
        self.assertEqual(again.call('group.get', group='brief')['state'], 'open')

    def test_files_of_a_killed_broker_are_removed(self):
        jobd = self.daemon()
        c = jobd.client()
        c.call('group.create', name='old', durability='memory')
        submit_all(c, 'old', [{'type': 'echo'}])
        there = lambda: os.listdir(os.path.join(jobd.state_dir, 'groups'))  # noqa: E731
        until(there, 'a file')
        broker = jobd.broker()
        os.kill(broker, signal.SIGKILL)
        until(lambda: [p for p in jobd.children_named('broker') if p != broker], 'another broker')
        until(lambda: not there(), 'an empty directory')

    def test_a_reduce_job_runs_while_jobd_drains(self):
        jobd = self.daemon()
        c = jobd.client()
        c.call('group.create', name='late', reduce={'type': 'sleep', 'args': {'ms': 20}})
        submit_all(c, 'late', [{'type': 'sleep', 'args': {'ms': 100}}])
        c.call('group.close', group='late')
        ticket = c.start('group.wait', group='late')
        self.assertEqual(jobd.client().call('server.drain'), {'drained': True})
        self.assertEqual(c.finish(ticket)['state'], 'succeeded')

    def test_a_full_disk_fails_the_group_and_hurts_nothing_else(self):
        jobd = self.daemon()
        hard = resource.getrlimit(resource.RLIMIT_FSIZE)[1]     # as good as a disk: files cannot grow
        resource.prlimit(jobd.broker(), resource.RLIMIT_FSIZE, (16 << 20, hard))
        c = jobd.client()
        c.call('group.create', name='large', durability='memory', reduce={'type': 'echo'})
        c.call('group.create', name='small', durability='memory', reduce={'type': 'echo'})
        ids = submit_all(c, 'small', [{'type': 'echo', 'args': 1}])
        text, submitted = 'x' * 900000, 0
        while kind_of(c.call, 'job.submit', type='echo', args=text, group='large') is None:
            submitted += 1
            self.assertLess(submitted, 200)
        done = c.call('group.wait', group='large')
        self.assertEqual(done['state'], 'failed')
        self.assertIn('File too large', done['reason'])
        self.assertEqual(kind_of(c.call, 'group.results', group='large'), 'no_result')
        submit_all(c, 'small', [{'type': 'echo', 'args': 2}])
        c.call('group.close', group='small')
        done = c.call('group.wait', group='small')
        self.assertEqual((done['state'], done['reduce']['result']['count']), ('succeeded', 2))
        self.assertEqual([r['id'] for r in results(c, 'small')][:1], ids)
        where = os.path.join(jobd.state_dir, 'groups')
        until(lambda: os.listdir(where) == [os.path.basename(done['path'])], 'the space given back')
