"""Jobs that have ended and left the broker's memory: found, searched, run again, forgotten."""

import json
import time
import unittest

from jobd_test import DaemonTest, OwnDaemonTest, RpcError, until

SMALL_CACHE = ('jobs.keep_finished=3',)


def submit(c, count=1, **fields):
    """Durable jobs that have ended; their ids."""
    jobs = [dict({'type': 'echo', 'args': n}, **fields) for n in range(count)]
    ids = c.call('job.submit_many', jobs=jobs)['ids']
    c.call('job.wait', ids=ids)
    return ids


def fail(c, **fields):
    """A durable job that has failed."""
    job = c.call('job.submit', type='file.digest', args={'path': '/nowhere/at/all'}, **fields)
    assert c.call('job.wait', id=job['id'])['state'] == 'failed'
    return job['id']


def shown(c, job):
    """All about a job, but the moment of its end: that is when it was recorded, or put down to be."""
    about = c.call('job.get', id=job)
    del about['transitions'][-1]['at_ms']
    return about


def in_memory(c):
    stats = c.call('server.stats')['jobs']['now']
    return sum(stats[state] for state in ('succeeded', 'failed', 'cancelled', 'expired'))


def push_out(c):
    """Nothing that ended before is left in the broker's memory."""
    for _ in range(16):         # one by one: of many at once, some may be forgotten before they are waited for
        submit(c)
        fail(c)
    until(lambda: in_memory(c) <= 6, 'the broker to forget')


def pages(c, limit, **filter):
    """The ids of a list, a page at a time."""
    found, cursor = [], None
    while True:
        page = c.call('job.list', filter=filter, limit=limit, **({'cursor': cursor} if cursor else {}))
        found += [item['id'] for item in page['items']]
        cursor = page['next']
        if cursor is None:
            return found


class Recall(DaemonTest):
    settings = SMALL_CACHE

    def kind(self, method, **params):
        with self.assertRaises(RpcError) as caught:
            self.c.call(method, **params)
        return caught.exception.kind

    def test_a_job_is_shown_as_it_was(self):
        job = submit(self.c, labels={'a': 'b'}, queue='mail', tenant='anna', priority=7)[0]
        before = shown(self.c, job)
        push_out(self.c)
        self.assertEqual(shown(self.c, job), before)
        self.assertEqual(self.c.call('job.result', id=job)['data'], '0')
        self.assertEqual(self.c.call('job.wait', id=job), {'id': job, 'state': 'succeeded', 'result': 0})
        self.assertEqual(self.c.call('job.explain', id=job)['state'], 'succeeded')

    def test_a_failure_is_shown_as_it_was(self):
        job = fail(self.c, retry={'max_attempts': 2, 'backoff_ms': 1})
        before = shown(self.c, job)
        push_out(self.c)
        self.assertEqual(shown(self.c, job), before)
        self.assertEqual(before['attempts_total'], 2)

    def test_what_never_was_is_not_found(self):
        ahead = submit(self.c)[0] + 1000000
        for method in ('job.get', 'job.wait', 'job.result', 'job.explain', 'job.cancel', 'job.retry',
                       'job.forget', 'job.hold'):
            self.assertEqual(self.kind(method, id=ahead), 'not_found', method)
        self.assertEqual(self.kind('job.wait', ids=[ahead, ahead + 1]), 'not_found')
        self.assertEqual(self.kind('job.submit', type='echo', after=[ahead]), 'not_found')

    def test_memory_jobs_are_not_remembered(self):
        job = self.c.call('job.submit', type='echo', durability='memory')['id']
        self.c.call('job.wait', id=job)
        push_out(self.c)
        self.assertEqual(self.kind('job.get', id=job), 'not_found')

    def test_many_are_waited_for_at_once(self):
        ids = submit(self.c, 200)
        push_out(self.c)
        waiting = self.c.call('job.submit', type='sleep', args={'ms': 50})['id']
        reply = self.c.call('job.wait', ids=ids + [waiting] + ids[:3])
        self.assertEqual(reply['pending'], [])
        self.assertEqual({o['id']: o.get('result') for o in reply['outcomes'] if o['id'] != waiting},
                         {job: n for n, job in enumerate(ids)})

    def test_what_has_ended_is_not_cancelled(self):
        job = submit(self.c)[0]
        push_out(self.c)
        self.assertEqual(self.kind('job.cancel', id=job), 'conflict')
        self.assertEqual(self.kind('job.retry', id=job), 'conflict')

    def test_one_that_failed_runs_again(self):
        job = fail(self.c)
        push_out(self.c)
        self.assertEqual(self.c.call('job.retry', id=job)['id'], job)
        self.assertEqual(self.c.call('job.wait', id=job)['state'], 'failed')
        self.assertEqual(self.c.call('job.get', id=job)['attempts_total'], 2)

    def test_what_is_forgotten_is_gone(self):
        job, other = submit(self.c, 2)
        push_out(self.c)
        self.assertEqual(self.c.call('job.forget', id=job), {'id': job, 'forgotten': True})
        self.assertEqual(self.kind('job.get', id=job), 'not_found')
        self.assertEqual(self.kind('job.forget', id=job), 'not_found')
        self.assertNotIn(job, pages(self.c, 1000))
        self.assertEqual(self.c.call('job.get', id=other)['id'], other)

    def test_a_job_is_kept_as_long_as_it_says(self):
        other, kept = submit(self.c), submit(self.c, keep_ms=3600000)[0]
        self.assertEqual(self.c.call('job.get', id=kept)['keep_ms'], 3600000)
        self.assertNotIn('keep_ms', self.c.call('job.get', id=other[0]))
        for durability in ('commit', 'memory'):
            short = submit(self.c, keep_ms=100, durability=durability)[0]
            until(lambda: short not in pages(self.c, 1000), 'retention to forget it')
            self.assertEqual(self.kind('job.get', id=short), 'not_found')
        push_out(self.c)
        self.assertEqual(self.c.call('job.get', id=kept)['keep_ms'], 3600000)

    def test_jobs_wait_for_parents_that_ended_long_ago(self):
        good, bad = submit(self.c)[0], fail(self.c)
        push_out(self.c)
        self.assertEqual(self.c.call('job.call', type='echo', args=1, after=[good])['state'], 'succeeded')
        push_out(self.c)
        child = self.c.call('job.submit', type='echo', after=[good, bad])['id']
        self.assertEqual(self.c.call('job.wait', id=child)['failure']['kind'], 'dependency')
        push_out(self.c)
        reply = self.c.call('job.submit_many', jobs=[
            {'type': 'echo', 'after': [bad], 'on_parent_failure': 'run'}, {'type': 'echo', 'after': [1 << 50]}])
        self.assertEqual(self.c.call('job.wait', id=reply['ids'][0])['state'], 'succeeded')
        self.assertEqual(reply['errors'][0]['kind'], 'not_found')

    def test_calls_of_a_batch_are_answered_together(self):
        ids = submit(self.c, 20)
        push_out(self.c)
        lines = [{'jsonrpc': '2.0', 'id': n, 'method': 'job.wait', 'params': {'id': job}}
                 for n, job in enumerate(ids)] + [{'jsonrpc': '2.0', 'method': 'job.get', 'params': {'id': ids[0]}},
                                                  {'jsonrpc': '2.0', 'id': 'p', 'method': 'ping'}]
        raw = self.jobd.raw()
        raw.send(json.dumps(lines).encode() + b'\n')
        replies = {r['id']: r for r in json.loads(raw.read_line())}
        self.assertEqual(len(replies), 21)
        for n in range(20):
            self.assertEqual(replies[n]['result']['result'], n)

    def test_a_client_that_goes_meanwhile_hurts_nobody(self):
        ids = submit(self.c, 50)
        push_out(self.c)
        for _ in range(20):
            raw = self.jobd.raw()
            raw.send(b''.join(json.dumps({'jsonrpc': '2.0', 'id': 1, 'method': 'job.get', 'params': {'id': job}})
                                  .encode() + b'\n' for job in ids))
            raw.close()
            self.c.call('ping')
        self.assertEqual(self.c.call('job.wait', id=ids[49])['result'], 49)


class Search(DaemonTest):
    settings = SMALL_CACHE

    def test_each_member_of_a_filter_narrows(self):
        mine = self.c.call('hello', client='searcher')['principal']
        start = int(time.time() * 1000)
        plain = submit(self.c, 2, queue='q-a')
        other = submit(self.c, 2, queue='q-a', tenant='t-b', labels={'k': 'v"1', 'm': 'n'}, order_key='o-c')
        dead = [fail(self.c, queue='q-a')]
        push_out(self.c)
        middle = self.c.call('job.get', id=other[0])['created_ms']
        everything = sorted(plain + other + dead, reverse=True)
        for filter, found in (
                ({}, everything), ({'state': 'failed'}, dead), ({'state': 'running'}, []),
                ({'state': 'succeeded'}, sorted(plain + other, reverse=True)),
                ({'type': 'file.digest'}, dead), ({'tenant': 't-b'}, other[::-1]),
                ({'order_key': 'o-c'}, other[::-1]), ({'label': {'k': 'v"1'}}, other[::-1]),
                ({'label': {'k': 'v"1', 'm': 'n'}}, other[::-1]), ({'label': {'k': 'v'}}, []),
                ({'by': mine}, everything), ({'by': 'uid:1'}, []),
                ({'since_ms': start}, everything), ({'until_ms': start - 1}, []),
                ({'since_ms': middle, 'tenant': 't-b'}, other[::-1])):
            self.assertEqual(pages(self.c, 2, queue='q-a', **filter), found, filter)

    def test_rows_are_as_they_were(self):
        job = submit(self.c, queue='q-row', labels={'a': 'b'}, order_key='o', priority=-3)[0]
        before = self.c.call('job.list', filter={'queue': 'q-row'})['items']
        push_out(self.c)
        after = self.c.call('job.list', filter={'queue': 'q-row'})['items']
        self.assertLessEqual(abs(after[0].pop('changed_ms') - before[0].pop('changed_ms')), 1000)
        self.assertEqual(after, before)
        self.assertEqual(before[0]['id'], job)

    def test_attempts_and_transitions_come_with_a_list_that_asks_for_them(self):
        job = submit(self.c, queue='q-tries')[0]
        dead = fail(self.c, queue='q-tries')
        shown_before = [self.c.call('job.get', id=id) for id in (dead, job)]
        before = self.c.call('job.list', filter={'queue': 'q-tries'}, attempts=True)['items']
        for about, row in zip(shown_before, before):
            self.assertEqual(row['attempts'], about['attempts'])
            self.assertEqual(row['transitions'], about['transitions'])
        push_out(self.c)
        after = self.c.call('job.list', filter={'queue': 'q-tries'}, attempts=True)['items']
        self.assertEqual(before[0]['attempts'][0].pop('failure')['kind'], 'error')
        for was, row in zip(before, after):
            self.assertEqual(row['attempts'], was['attempts'])
            self.assertEqual([(t['state'], t['reason']) for t in row['transitions']],
                             [(t['state'], t['reason']) for t in was['transitions']])
        self.assertNotIn('attempts', self.c.call('job.list', filter={'queue': 'q-tries'})['items'][0])

    def test_what_had_not_ended_before_a_time_is_found(self):
        old = submit(self.c, queue='q-active')[0]
        ended = self.c.call('job.get', id=old)['transitions'][-1]['at_ms']
        waits = self.c.call('job.submit', type='echo', queue='q-active', hold=True)['id']
        until(lambda: time.time() * 1000 > ended + 2, 'the clock')
        new = submit(self.c, queue='q-active')[0]
        self.assertEqual(pages(self.c, 1, queue='q-active', active_ms=ended + 2), [new, waits])
        push_out(self.c)
        self.assertEqual(pages(self.c, 1, queue='q-active', active_ms=ended + 2), [new, waits])
        self.assertEqual(pages(self.c, 1, queue='q-active', active_ms=ended - 1000), [new, waits, old])
        self.c.call('job.cancel', id=waits)

    def test_no_job_is_twice_or_missing_while_others_end(self):
        fixed = submit(self.c, 60, queue='q-fixed')
        waiting = self.c.call('job.submit_many', jobs=[{'type': 'echo', 'queue': 'q-fixed', 'hold': True}
                                                       for _ in range(40)])['ids']
        more = self.jobd.client()
        for n in range(30):
            tickets = [more.start('job.submit', type='echo', queue='q-noise') for _ in range(10)]
            for job in waiting[n:n + 1]:
                self.c.call('job.release', id=job)
            found = pages(self.c, 7, queue='q-fixed')
            self.assertEqual(found, sorted(fixed + waiting, reverse=True))
            for ticket in tickets:
                more.finish(ticket)

    def test_a_wrong_filter_is_refused_by_name(self):
        for filter, word in (({'since_ms': 'x'}, 'since_ms'), ({'until_ms': -1}, 'until_ms'),
                             ({'tenantt': 'x'}, 'tenantt'), ({'tenant': 1}, 'tenant')):
            with self.assertRaises(RpcError) as caught:
                self.c.call('job.list', filter=filter)
            self.assertEqual(caught.exception.kind, 'invalid_params')
            self.assertIn(word, caught.exception.message)


class Restart(OwnDaemonTest):
    def test_what_a_job_says_of_its_keeping_goes_before_the_configuration(self):
        jobd = self.daemon('history.keep_ms=1', *SMALL_CACHE)
        c = jobd.client()
        kept, short = submit(c, keep_ms=3600000)[0], submit(c)[0]
        jobd.signal(9)
        jobd.process.wait()
        again = self.daemon('history.keep_ms=1', *SMALL_CACHE, state_dir=jobd.state_dir)
        c = again.client()
        push_out(c)
        until(lambda: short not in pages(c, 1000), 'retention to forget it')
        self.assertEqual(c.call('job.get', id=kept)['keep_ms'], 3600000)
        again.stop()

    def test_history_outlives_the_daemon(self):
        jobd = self.daemon()
        c = jobd.client()
        good, bad = submit(c, 5), fail(c)
        before = shown(c, good[2])
        c.call('job.forget', id=good[4])
        jobd.signal(9)
        jobd.process.wait()
        again = self.daemon(state_dir=jobd.state_dir)
        c = again.client()
        self.assertEqual(pages(c, 2), [bad] + good[3::-1])
        self.assertEqual(shown(c, good[2]), before)
        with self.assertRaises(RpcError):
            c.call('job.get', id=good[4])
        again.stop()

    def test_history_is_bounded_by_number(self):
        jobd = self.daemon('history.keep_jobs=10', 'history.keep_failed_jobs=2', *SMALL_CACHE)
        c = jobd.client()
        dead = [fail(c) for _ in range(4)]
        ids = [submit(c)[0] for _ in range(40)]         # of 40 at once, some would be forgotten before they are waited for
        until(lambda: len(pages(c, 100)) <= 13, 'history to be forgotten')
        # the broker's own memory has the last three that failed
        self.assertEqual(pages(c, 5), ids[:-11:-1] + dead[:0:-1])


if __name__ == '__main__':
    unittest.main()
