"""test_routing.py - types that say one thing and do another, and where jobd lets them run."""

import json
import os
import re
import subprocess
import unittest

from jobd_test import BUILD, DaemonTest, OwnDaemonTest, program, until

SAMPLES = 20            # as PROFILE_SAMPLES of route/profile.h
COMPUTES = {'cpu_us': 3000}
WAITS = {'wait_us': 3000}
BLOCKS = {'wait_us': 150000}


def run_jobs(c, type, args, count, **fields):
    for _ in range(count):
        assert c.call('job.call', type=type, args=args, **fields)['state'] == 'succeeded'


def lane_of(c, type):
    return c.call('type.show', name=type)['route']['lane']


def lane_of_job(c, type, args, **fields):
    """The lane in which a job of it really ran."""
    job = c.call('job.call', type=type, args=args, **fields)['id']
    return c.call('job.get', id=job)['attempts'][0]['lane']


class Moves(OwnDaemonTest):
    """A lying type is moved, once it has been measured."""

    def lie(self, type, args, declared, found, verdict):
        jobd = self.daemon()
        c = jobd.client()
        run_jobs(c, type, args, SAMPLES - 1)
        self.assertEqual(lane_of_job(c, type, args), declared)      # the 20th is given by what it declares
        self.assertEqual(lane_of_job(c, type, args), found)
        run_jobs(c, type, args, 2 * SAMPLES)
        shown = c.call('type.show', name=type)
        self.assertEqual(shown['route']['lane'], found)
        self.assertEqual(shown['lane'], found)
        self.assertEqual(shown['measured']['cpu']['verdict'], verdict)
        self.assertEqual(shown['routing']['moves'], 1)
        change = shown['routing']['changes'][0]
        self.assertEqual((change['from'], change['to']), (declared, found))
        self.assertIn('measured: ', change['why'])
        jobd.until_logged('type changes its lane type=%s from=%s to=%s' % (type, declared, found))
        self.assertEqual(c.call('server.stats')['routing'], {'moves': 1, 'stalls': 0})
        explained = c.call('job.explain', id=c.call('job.submit', type=type, args=args)['id'])
        evidence = ' '.join(q['evidence'] for q in explained['route']['questions'])
        self.assertRegex(evidence, r'measured: [01]\.\d\d cpu over \d+ samples \(declared: ')
        self.assertEqual(set(shown['measured']['lanes']), {declared, found})
        return shown

    def test_a_type_that_says_it_waits_and_computes_goes_to_the_processes(self):
        shown = self.lie('bench.says_waits', COMPUTES, 'async', 'process', 'computes')
        self.assertGreater(shown['measured']['cpu']['share'], 0.7)

    def test_a_type_that_says_it_computes_and_waits_goes_to_the_loop(self):
        shown = self.lie('bench.says_computes', WAITS, 'process', 'async', 'waits')
        self.assertLess(shown['measured']['cpu']['share'], 0.3)

    def test_a_type_that_is_honest_stays(self):
        c = self.daemon().client()
        run_jobs(c, 'bench.says_waits', WAITS, 2 * SAMPLES)
        run_jobs(c, 'bench.says_computes', COMPUTES, 2 * SAMPLES)
        self.assertEqual(lane_of(c, 'bench.says_waits'), 'async')
        self.assertEqual(lane_of(c, 'bench.says_computes'), 'process')
        self.assertEqual(c.call('server.stats')['routing']['moves'], 0)

    def test_jobs_that_wait_follow_their_type(self):
        """Two workers and 300 jobs that wait 100 ms: 15 s in the process lane."""
        c = self.daemon(cpu_workers=2).client()
        ids = c.submit_many([{'type': 'bench.says_computes', 'args': {'wait_us': 100000}}] * 300)
        outcomes = c.call('job.wait', ids=ids)['outcomes']
        self.assertEqual({o['state'] for o in outcomes}, {'succeeded'})
        lanes = [c.call('job.get', id=i)['attempts'][-1]['lane'] for i in ids]
        self.assertGreaterEqual(lanes.count('process'), SAMPLES)
        self.assertGreater(lanes.count('async'), 200)

    def test_a_lane_that_is_not_safe_is_never_chosen(self):
        """sleep has the async lane only; bench.io waits, and has no asynchronous implementation."""
        c = self.daemon().client()
        run_jobs(c, 'sleep', {'ms': 1}, 2 * SAMPLES)
        run_jobs(c, 'bench.cpu', {'ms': 1}, 2 * SAMPLES, lane='thread')
        run_jobs(c, 'bench.io', {'ms': 1}, 2 * SAMPLES, lane='process')
        for t in c.items('type.list'):
            self.assertIn(t['lane'], t['lanes'], t['name'])


class Stalls(OwnDaemonTest):
    """Who keeps the event loop of the io worker is found, and sent away."""

    def test_a_type_that_keeps_the_loop_is_named_and_goes_to_the_threads(self):
        jobd = self.daemon()
        c = jobd.client()
        self.assertEqual(lane_of_job(c, 'bench.blocks', BLOCKS), 'async')
        self.assertEqual(lane_of_job(c, 'bench.blocks', BLOCKS), 'thread')
        shown = c.call('type.show', name='bench.blocks')
        self.assertEqual(shown['measured']['stalls']['count'], 1)
        self.assertGreaterEqual(shown['measured']['stalls']['longest_ms'], 50)
        self.assertIn('event loop', shown['routing']['changes'][0]['why'])
        jobd.until_logged(re.compile(r'handler keeps the event loop type=bench\.blocks job=\d+ stall_ms=\d+'))
        self.assertEqual(c.call('server.stats')['routing'], {'moves': 1, 'stalls': 1})

    def test_a_loop_that_is_kept_for_long_is_found_while_it_is(self):
        jobd = self.daemon()
        c = jobd.client()
        job = c.call('job.submit', type='bench.blocks', args={'wait_us': 3600 * 10**6})['id']
        until(lambda: lane_of(c, 'bench.blocks') == 'thread', 'the move of a type whose job still runs')
        self.assertEqual(c.call('job.get', id=job)['state'], 'running')
        jobd.until_logged('type=bench.blocks job=%d ' % job)
        c.call('job.cancel', id=job)
        self.assertEqual(lane_of_job(c, 'bench.blocks', WAITS), 'thread')
        self.assertEqual(c.call('server.stats')['routing']['stalls'], 1)

    def test_a_type_that_may_go_nowhere_is_told_loudly(self):
        jobd = self.daemon('type bench.blocks.mode=advice')
        c = jobd.client()
        run_jobs(c, 'bench.blocks', BLOCKS, 2)
        self.assertEqual(lane_of(c, 'bench.blocks'), 'async')
        jobd.until_logged(re.compile(r'error: handler keeps the event loop and stays there '
                                     r'type=bench\.blocks .*mode=advice would_move_to=thread'))
        advice = {a['name']: a for a in c.items('type.advice')}['bench.blocks']
        self.assertEqual((advice['lane'], advice['would_run_in']), ('async', 'thread'))
        self.assertIn('kept the event loop', advice['reason'])


class Modes(OwnDaemonTest):
    def test_advice_tells_and_moves_nothing(self):
        jobd = self.daemon('type bench.says_waits.mode=advice')
        c = jobd.client()
        run_jobs(c, 'bench.says_waits', COMPUTES, 2 * SAMPLES)
        self.assertEqual(lane_of_job(c, 'bench.says_waits', COMPUTES), 'async')
        shown = c.call('type.show', name='bench.says_waits')
        self.assertEqual((shown['mode'], shown['routing']['by'], shown['routing']['moves']),
                         ('advice', 'configuration', 0))
        self.assertEqual(shown['measured']['cpu']['verdict'], 'computes')
        advice = {a['name']: a for a in c.items('type.advice')}['bench.says_waits']
        self.assertEqual((advice['lane'], advice['would_run_in']), ('async', 'process'))
        self.assertIn('it computes', advice['reason'])
        self.assertEqual(advice['change'], 'declare cpu_bound, not waits')

    def test_a_pinned_type_stays(self):
        c = self.daemon('type bench.says_waits.lane=thread').client()
        run_jobs(c, 'bench.says_waits', COMPUTES, 2 * SAMPLES)
        self.assertEqual(lane_of_job(c, 'bench.says_waits', COMPUTES), 'thread')
        shown = c.call('type.show', name='bench.says_waits')
        self.assertEqual((shown['mode'], shown['routing']['pinned']), ('pin', 'thread'))
        self.assertIn({'question': 'Is the type pinned to a lane?', 'answer': 'yes',
                       'evidence': 'to thread, by configuration'}, shown['route']['questions'])
        # a job's own wish comes first
        self.assertEqual(lane_of_job(c, 'bench.says_waits', COMPUTES, lane='process'), 'process')

    def test_a_pin_to_a_lane_that_is_not_safe_is_told_loudly(self):
        jobd = self.daemon('type sleep.lane=thread')
        c = jobd.client()
        self.assertEqual(lane_of(c, 'sleep'), 'async')
        jobd.until_logged('error: type cannot be pinned type=sleep lane=thread')

    def test_an_operator_pins_and_lets_go(self):
        c = self.daemon().client()
        run_jobs(c, 'bench.says_waits', COMPUTES, 2 * SAMPLES)
        for wish, lane, mode in (({'lane': 'thread'}, 'thread', 'pin'), ({'mode': 'advice'}, 'async', 'advice'),
                                 ({'mode': 'auto'}, 'process', 'auto'), ({'mode': 'pin'}, 'async', 'pin'),
                                 ({'lane': 'process', 'mode': 'pin'}, 'process', 'pin')):
            reply = c.call('type.pin', name='bench.says_waits', **wish)
            self.assertEqual((reply['lane'], reply['routing']['mode']), (lane, mode), wish)
            self.assertEqual(lane_of_job(c, 'bench.says_waits', COMPUTES), lane)
        changes = c.call('type.show', name='bench.says_waits')['routing']['changes']
        self.assertEqual([m['to'] for m in changes], ['process', 'async', 'process', 'async', 'thread', 'process'])
        self.assertIn('by uid:', changes[0]['why'])


class Refusals(DaemonTest):
    def test_wishes_that_cannot_be_are_refused(self):
        for fields, kind, word in (
                ({'name': 'nope', 'mode': 'auto'}, 'not_found', 'nope'),
                ({'name': 'sleep'}, 'invalid_params', 'needs a lane'),
                ({'name': 'sleep', 'mode': 'fast'}, 'invalid_params', 'auto, advice, pin'),
                ({'name': 'sleep', 'lane': 'fast'}, 'invalid_params', 'inline, async'),
                ({'name': 'sleep', 'lane': 'async', 'mode': 'auto'}, 'invalid_params', 'pin only'),
                ({'name': 'sleep', 'lane': 'thread'}, 'lane_refused', 'declares: async')):
            self.assertEqual(self.c.error('type.pin', **fields), kind, fields)
            self.assertIn(word, self.message('type.pin', **fields))
        self.assertEqual(lane_of(self.c, 'sleep'), 'async')

    def message(self, method, **params):
        return self.c.reply(self.c.start(method, **params))['error']['message']


class People(OwnDaemonTest):
    """What jobctl shows of it."""

    def jobctl(self, jobd, *words):
        done = subprocess.run([program('jobctl'), '-H', jobd.unix] + list(words), stdout=subprocess.PIPE,
                              stderr=subprocess.PIPE, timeout=60)
        return done.returncode, done.stdout.decode(), done.stderr.decode()

    def test_jobctl_shows_measures_moves_and_advice(self):
        jobd = self.daemon()
        c = jobd.client()
        run_jobs(c, 'bench.says_waits', COMPUTES, 2 * SAMPLES)
        status, text, _ = self.jobctl(jobd, 'type', 'show', 'bench.says_waits')
        self.assertEqual(status, 0)
        for part in ('computes', 'async to process', 'lane: process', '(declared: waits)'):
            self.assertIn(part, text)
        status, text, _ = self.jobctl(jobd, 'type', 'advice')
        self.assertEqual(status, 0)
        self.assertRegex(text, r'bench\.says_waits +auto +(1\.00|0\.\d\d) .*declare cpu_bound, not waits')
        self.assertEqual(self.jobctl(jobd, 'type', 'pin', 'bench.says_waits', 'thread'),
                         (0, 'bench.says_waits runs in thread (pin)\n', ''))
        status, _, complaint = self.jobctl(jobd, 'type', 'pin', 'sleep', 'thread')
        self.assertEqual(status, 5)
        self.assertIn('declares: async', complaint)
        status, text, _ = self.jobctl(jobd, 'type', 'pin', 'bench.says_waits', 'auto', '-o', 'json')
        self.assertEqual((status, json.loads(text)['lane']), (0, 'process'))
        self.assertTrue(os.access(os.path.join(BUILD, 'jobctl'), os.X_OK))


if __name__ == '__main__':
    unittest.main()
