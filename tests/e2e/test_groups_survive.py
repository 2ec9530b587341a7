"""test_groups_survive.py - durable groups over kill -9 of the broker and of the supervisor: one outcome for each member,
a file that is whole and in order, a reduce job that runs."""

import json

from jobd_client import RpcError
from jobd_test import until
from survive import SurviveTest, kill_broker
from test_groups import kind_of, results, submit_all

COUNT = 2000


class GroupsSurvive(SurviveTest):
    def fill(self, c, name):
        c.call('group.create', name=name, max_running=4, reduce={'type': 'echo', 'queue': 'reducers'})
        jobs = [{'type': 'sleep', 'args': {'ms': i % 5}} for i in range(COUNT)]
        jobs[-1]['hold'] = True         # however slow the test is, the group has not ended before it says so
        return submit_all(c, name, jobs)

    def check_whole(self, c, name, ids):
        c.call('job.release', id=ids[-1])
        done = c.call('group.wait', group=name)
        self.assertEqual((done['state'], done['count'], done['succeeded']), ('succeeded', COUNT, COUNT), done)
        self.assertEqual(done['reduce']['result'], {'group': name, 'count': COUNT, 'path': done['path']})
        with open(done['path'], 'rb') as f:
            lines = [json.loads(line) for line in f]
        self.assertEqual([(o['index'], o['id'], o['state']) for o in lines],
                         [(i, ids[i], 'succeeded') for i in range(COUNT)])
        self.assertEqual(results(c, name), lines)

    def some_ended(self, c, name, least):
        def look():
            g = c.call('group.get', group=name)
            return g if g['succeeded'] >= least else None
        return until(look, '%d ends' % least)

    def test_a_broker_killed_in_the_middle_costs_nothing(self):
        jobd = self.daemon()
        c = jobd.client()
        ids = self.fill(c, 'half')
        c.call('group.close', group='half')
        before = self.some_ended(c, 'half', 200)
        self.assertLess(before['succeeded'], COUNT)
        c = kill_broker(jobd)
        after = c.call('group.get', group='half')
        self.assertGreaterEqual(after['succeeded'], before['succeeded'])
        self.assertEqual((after['count'], after['created_ms']), (COUNT, before['created_ms']))
        self.check_whole(c, 'half', ids)

    def test_a_supervisor_killed_in_the_middle_costs_nothing(self):
        state = self.state_dir()
        jobd = self.daemon(state_dir=state)
        c = jobd.client()
        ids = self.fill(c, 'half')
        self.some_ended(c, 'half', 200)
        jobd.kill()
        jobd = self.daemon(state_dir=state)
        c = jobd.client()
        self.assertEqual(c.call('group.get', group='half')['state'], 'open')
        c.call('group.close', group='half')
        self.check_whole(c, 'half', ids)

    def test_a_group_that_has_finished_is_still_there_with_all_its_results(self):
        lives = self.lives()
        _, c = next(lives)
        ids = self.fill(c, 'old')
        c.call('group.close', group='old')
        self.check_whole(c, 'old', ids)
        before = c.call('group.get', group='old')
        outcomes = results(c, 'old')
        for _, c in lives:
            after = c.call('group.get', group='old')
            del before['path']          # a file that nobody reads any more
            self.assertEqual(after, before)
            self.assertEqual(results(c, 'old'), outcomes)
            self.assertEqual(kind_of(c.call, 'group.create', name='old'), 'conflict')
            before['path'] = None

    def test_a_reduce_job_that_runs_is_run_again_with_its_file(self):
        jobd = self.daemon()
        c = jobd.client()
        c.call('group.create', name='slow', reduce={'type': 'sleep', 'args': {'ms': 300}})
        submit_all(c, 'slow', [{'type': 'echo', 'args': i} for i in range(10)])
        c.call('group.close', group='slow')
        running = until(lambda: reduce_in(c, 'slow', 'running'), 'a reduce job that runs')
        c = kill_broker(jobd)
        done = c.call('group.wait', group='slow')
        self.assertEqual((done['state'], done['reduce']['id']), ('succeeded', running['id']))
        job = c.call('job.get', id=running['id'])
        self.assertEqual(job['reduces'], 'slow')
        with open(done['path'], 'rb') as f:
            self.assertEqual([json.loads(line)['result'] for line in f], list(range(10)))

    def test_failures_and_cancellations_are_counted_on(self):
        jobd = self.daemon()
        c = jobd.client()
        c.call('group.create', name='frail', max_fails=2, reduce={'type': 'echo'})
        bad = {'type': 'file.digest', 'args': {'path': '/nowhere'}}
        slow = {'type': 'sleep', 'args': {'ms': 600000}}
        ids = submit_all(c, 'frail', [bad, slow, bad, slow])
        until(lambda: c.call('group.get', group='frail')['failed'] == 2, 'two failures')
        c.call('job.cancel', id=ids[1])
        page = c.call('group.results', group='frail')
        c = kill_broker(jobd)
        g = c.call('group.get', group='frail')
        self.assertEqual((g['state'], g['failed'], g['cancelled'], g['max_fails']), ('open', 2, 1, 2))
        self.assertEqual(c.call('group.results', group='frail'), page)
        self.assertEqual([o['state'] for o in page['items']], ['failed', 'cancelled', 'failed'])
        submit_all(c, 'frail', [bad])
        done = c.call('group.wait', group='frail')
        self.assertEqual((done['state'], done['failed'], done['cancelled']), ('failed', 3, 2))
        c = kill_broker(jobd)
        self.assertEqual(c.call('group.get', group='frail'), done)

    def test_indexes_go_on_where_they_were(self):
        jobd = self.daemon()
        c = jobd.client()
        c.call('group.create', name='rows')
        submit_all(c, 'rows', [{'type': 'echo', 'args': i} for i in range(3)])
        until(lambda: c.call('group.get', group='rows')['succeeded'] == 3, 'three ends')
        c = kill_broker(jobd)
        submit_all(c, 'rows', [{'type': 'echo', 'args': i} for i in range(3, 6)])
        c.call('group.close', group='rows')
        c.call('group.wait', group='rows')
        self.assertEqual([(o['index'], o['result']) for o in results(c, 'rows')], [(i, i) for i in range(6)])

    def test_a_cancelled_group_stays_cancelled(self):
        jobd = self.daemon()
        c = jobd.client()
        c.call('group.create', name='stop', reduce={'type': 'echo'})
        submit_all(c, 'stop', [{'type': 'sleep', 'args': {'ms': 600000}}] * 3)
        done = c.call('group.cancel', group='stop')
        c = kill_broker(jobd)
        self.assertEqual(c.call('group.get', group='stop'), done)
        self.assertEqual(kind_of(c.call, 'job.submit', type='echo', group='stop'), 'conflict')

    def test_a_memory_group_dies_with_the_broker_and_its_members_are_memory_jobs(self):
        jobd = self.daemon()
        c = jobd.client()
        c.call('group.create', name='brief', durability='memory')
        self.assertEqual(kind_of(c.call, 'job.submit', type='echo', group='brief', durability='commit'), 'conflict')
        job = c.call('job.submit', type='sleep', args={'ms': 600000}, group='brief')
        c = kill_broker(jobd)
        self.assertEqual(kind_of(c.call, 'group.get', group='brief'), 'not_found')
        self.assertEqual(kind_of(c.call, 'job.get', id=job['id']), 'not_found')

    def test_members_of_a_durable_group_are_durable_and_so_is_its_reduce_job(self):
        jobd = self.daemon()
        c = jobd.client()
        with self.assertRaises(RpcError) as refused:
            c.call('group.create', name='odd', reduce={'type': 'echo', 'durability': 'memory'})
        self.assertEqual((refused.exception.kind, refused.exception.data['member']), ('conflict', 'reduce'))
        c.call('group.create', name='kept')
        self.assertEqual(kind_of(c.call, 'job.submit', type='echo', group='kept', durability='memory'), 'conflict')
        c.call('job.call', type='echo', args=1, group='kept')
        c = kill_broker(jobd)
        self.assertEqual([o['result'] for o in results_so_far(c, 'kept')], [1])

    def test_the_memory_engine_refuses_a_durable_group_by_name(self):
        c = self.daemon('store.engine=memory').client()
        with self.assertRaises(RpcError) as refused:
            c.call('group.create', durability='commit')
        self.assertEqual((refused.exception.kind, refused.exception.data['member']), ('not_supported', 'durability'))
        name = c.call('group.create')['group']
        self.assertEqual(c.call('group.get', group=name)['durability'], 'memory')


def results_so_far(c, group):
    return c.call('group.results', group=group)['items']


def reduce_in(c, group, state):
    reduce = c.call('group.get', group=group).get('reduce', {})
    return reduce if reduce.get('state') == state else None
