"""test_watch.py - job.watch: every transition is told, in order; who is slow or late is told what it missed."""

import json
import os
import select
import signal

from jobd_client import RpcError
from jobd_test import DaemonTest, OwnDaemonTest, until


class Watcher:
    """A connection that watches: its notifications, one by one."""

    def __init__(self, jobd, **params):
        self.c = jobd.raw()
        line = json.dumps({'id': 1, 'method': 'job.watch', 'params': params}).encode()
        self.reply = self.c.ask(line)
        self.cursor = self.reply.get('result', {}).get('cursor')

    def next(self):
        notice = self.c.read()
        self.cursor = notice['params']['cursor']
        return notice['method'], notice['params']

    def until_job(self, job, state):
        """Notifications up to the one that this job came into this state."""
        seen = []
        while True:
            seen.append(self.next())
            if seen[-1][1].get('id') == job and seen[-1][1]['state'] == state:
                return seen


def moves(seen):
    return [(p['id'], p['state']) for method, p in seen if method == 'job.changed']


class Watching(DaemonTest):
    def test_each_transition_is_told_in_order(self):
        w = Watcher(self.jobd)
        job = self.c.call('job.submit', type='sleep', args={'ms': 1})['id']
        seen = w.until_job(job, 'succeeded')
        self.assertEqual(moves(seen), [(job, 'ready'), (job, 'running'), (job, 'succeeded')])
        job_says = self.c.call('job.get', id=job)
        told = [{k: p[k] for k in ('at_ms', 'state', 'reason')} for _, p in seen]
        self.assertEqual(told, job_says['transitions'])
        self.assertEqual((seen[0][1]['type'], seen[0][1]['queue'], seen[0][1]['watch']),
                         ('sleep', 'default', w.reply['result']['watch']))

    def test_a_filter_chooses_jobs_and_states(self):
        w = Watcher(self.jobd, filter={'label': {'run': '7'}, 'state': 'succeeded'})
        self.c.call('job.call', type='echo')
        self.c.call('job.call', type='sleep', args={'ms': 1}, labels={'run': '8'})
        wanted = [self.c.call('job.call', type='sleep', args={'ms': 1}, labels={'run': '7'})['id'] for _ in range(3)]
        self.assertEqual([w.next()[1]['id'] for _ in wanted], wanted)

    def test_members_of_a_group_are_watched_by_its_name(self):
        self.c.call('group.create', name='seen')
        w = Watcher(self.jobd, filter={'group': 'seen', 'state': 'succeeded'})
        ids = [self.c.call('job.submit', type='echo', group='seen')['id'] for _ in range(3)]
        self.assertEqual([w.next()[1]['id'] for _ in ids], ids)

    def test_a_cursor_goes_on_where_another_connection_stopped(self):
        w = Watcher(self.jobd)
        first = self.c.call('job.submit', type='sleep', args={'ms': 1})['id']
        w.until_job(first, 'ready')
        w.c.close()
        until(lambda: self.c.call('job.get', id=first)['state'] == 'succeeded', 'its end')
        second = self.c.call('job.submit', type='echo')['id']
        again = Watcher(self.jobd, cursor=w.cursor)
        self.assertEqual(moves(again.until_job(second, 'succeeded')),
                         [(first, 'running'), (first, 'succeeded'), (second, 'ready'), (second, 'running'),
                          (second, 'succeeded')])

    def test_unwatch_ends_it_and_gives_the_place(self):
        w = Watcher(self.jobd)
        number = w.reply['result']['watch']
        ended = w.c.ask(json.dumps({'id': 2, 'method': 'job.unwatch', 'params': {'watch': number}}).encode())
        job = self.c.call('job.call', type='echo')['id']
        self.assertEqual(select.select([w.c.sock], [], [], 0)[0], [])
        again = Watcher(self.jobd, cursor=ended['result']['cursor'])
        self.assertEqual(moves(again.until_job(job, 'succeeded')),
                         [(job, 'ready'), (job, 'running'), (job, 'succeeded')])
        twice = w.c.ask(json.dumps({'id': 3, 'method': 'job.unwatch', 'params': {'watch': number}}).encode())
        self.assertEqual(twice['error']['data']['kind'], 'not_found')

    def test_a_watch_belongs_to_its_connection(self):
        w = Watcher(self.jobd)
        with self.assertRaises(RpcError) as caught:
            self.c.call('job.unwatch', watch=w.reply['result']['watch'])
        self.assertEqual(caught.exception.kind, 'not_found')

    def test_a_cursor_that_was_never_told_is_refused(self):
        for cursor in ('x', '5', '0-1', '1-', '1-999999999', '99-1', '1-x', '-1-1'):
            reply = Watcher(self.jobd, cursor=cursor).reply
            self.assertEqual(reply.get('error', {}).get('data', {}).get('kind'), 'invalid_params', cursor)

    def test_a_connection_has_at_most_64(self):
        c = self.jobd.raw()
        for i in range(65):
            reply = c.ask(json.dumps({'id': i, 'method': 'job.watch'}).encode())
        self.assertEqual(reply['error']['data']['kind'], 'too_many_calls')

    def test_two_watches_of_one_connection_are_told_apart(self):
        c = self.jobd.raw()
        numbers = [c.ask(json.dumps({'id': i, 'method': 'job.watch', 'params': {'filter': {'state': 'succeeded'}}})
                         .encode())['result']['watch'] for i in range(2)]
        job = self.c.call('job.call', type='echo')['id']
        seen = [c.read()['params'] for _ in range(2)]
        self.assertEqual([(p['watch'], p['id']) for p in seen], [(n, job) for n in numbers])


class Gaps(OwnDaemonTest):
    def test_who_comes_back_too_late_is_told_how_many_were_missed(self):
        jobd = self.daemon('jobs.keep_changes=100')
        c = jobd.client()
        w = Watcher(jobd)
        for _ in range(50):                     # 150 transitions
            last = c.call('job.call', type='echo')['id']
        again = Watcher(jobd, cursor=w.reply['result']['cursor'])
        self.assertEqual(again.next()[0:1] + (again.cursor.split('-')[1],), ('job.gap', '50'))
        seen = again.until_job(last, 'succeeded')
        self.assertEqual(len(seen), 100)

    def test_who_does_not_read_stays_connected_and_misses_no_end(self):
        jobd = self.daemon('jobs.keep_changes=1000')
        c = jobd.client()
        w = Watcher(jobd)
        for _ in range(60):                     # 180,000 transitions, some 25 MB of notifications
            ids = c.call('job.submit_many', jobs=[{'type': 'echo', 'durability': 'memory'}] * 1000)['ids']
        wait = c.call('job.call', type='sleep', args={'ms': 1})['id']
        stats = c.call('server.stats')
        self.assertLess(stats['rss_bytes'], 200 << 20)
        seen = w.until_job(wait, 'succeeded')
        gaps = [p['missed'] for method, p in seen if method == 'job.gap']
        self.assertTrue(gaps and all(n > 0 for n in gaps), gaps)
        told = moves(seen)
        self.assertEqual(len(told) + sum(gaps), 180003)
        self.assertEqual(told[-1], (wait, 'succeeded'))
        self.assertIn((ids[-1], 'succeeded'), told)

    def test_a_cursor_of_an_earlier_start_is_a_gap_of_unknown_size(self):
        jobd = self.daemon()
        w = Watcher(jobd)
        jobd.client().call('job.call', type='echo')
        w.next()
        broker = jobd.broker()
        os.kill(broker, signal.SIGKILL)
        until(lambda: [p for p in jobd.children_named('broker') if p != broker], 'another broker')
        again = Watcher(jobd, cursor=w.cursor)
        method, params = again.next()
        self.assertEqual((method, params['missed']), ('job.gap', None))
        job = jobd.client().call('job.call', type='echo')['id']
        self.assertEqual(len(again.until_job(job, 'succeeded')), 3)

    def test_a_job_that_was_forgotten_meanwhile_is_told_as_such(self):
        jobd = self.daemon('jobs.keep_finished=0')
        c = jobd.client()
        w = Watcher(jobd)
        place = w.reply['result']['cursor']
        job = c.call('job.call', type='sleep', args={'ms': 1})['id']
        w.until_job(job, 'succeeded')
        late = Watcher(jobd, cursor=place, filter={'type': 'nothing', 'state': 'succeeded'})
        method, params = late.next()
        self.assertEqual((method, params['id'], params['forgotten']), ('job.changed', job, True))
