"""test_cron.py - schedules: their jobs come, once each, and go on after what kills jobd."""

import json
import os
import signal
import subprocess
import tempfile
import time
import unittest

from jobd_client import Closed, RpcError, until
from jobd_test import Daemon, DaemonTest, OwnDaemonTest, program

ECHO = {'type': 'echo'}
LONG = {'type': 'bench.io', 'args': {'ms': 60000}}


def schedule(c, name):
    return next((s for s in c.call('cron.list')['items'] if s['name'] == name), None)


def wait_for(c, name, what, holds):
    return until(lambda: (lambda s: s if s and holds(s) else None)(schedule(c, name)), what)


class Schedules(DaemonTest):
    settings = ('stop.drain_ms=0',)
    daemon_arguments = {'io_threads': 4}

    def set(self, name, when, job, **more):
        self.addCleanup(self.forget, name)
        return self.c.call('cron.set', name=name, when=when, job=job, **more)

    def forget(self, name):
        if schedule(self.c, name):
            self.c.call('cron.delete', name=name)

    def fails(self, kind, message, **params):
        with self.assertRaises(RpcError) as failed:
            self.c.call('cron.set', **params)
        self.assertEqual((failed.exception.kind, failed.exception.message), (kind, message))

    def test_each_second_brings_a_job_of_whoever_set_it(self):
        made = self.set('beat', '@every 1s', {**ECHO, 'args': [1], 'labels': {'why': 'cron'}})
        self.assertEqual((made['jobs'], made['last_job'], made['overlap'], made['time_zone']),
                         (0, None, 'skip', 'UTC'))
        first = wait_for(self.c, 'beat', 'a first job', lambda s: s['jobs'] == 1)
        self.assertEqual(first['last_ms'], made['next_ms'])
        third = wait_for(self.c, 'beat', 'a third job', lambda s: s['jobs'] >= 3)
        self.assertEqual((third['last_ms'] - first['last_ms']) % 1000, 0)
        job = self.c.get(third['last_job'])
        self.assertEqual((job['args'], job['labels']), ([1], {'why': 'cron'}))
        self.assertEqual((job['submitted_by']['principal'], job['submitted_by']['client']), (made['by'], 'cron:beat'))

    def test_setting_it_again_keeps_its_rhythm(self):
        made = self.set('again', '@every 2s', ECHO)
        same = self.set('again', '@every 2s', {**ECHO, 'queue': 'other'})
        self.assertEqual((same['next_ms'], same['job']['queue']), (made['next_ms'], 'other'))
        wait_for(self.c, 'again', 'its job', lambda s: s['last_ms'] == made['next_ms'])

    def test_while_its_job_runs_an_occurrence_is_skipped_and_counted(self):
        self.set('slow', '@every 1s', LONG)
        s = wait_for(self.c, 'slow', 'two to be skipped', lambda s: s['skipped'] >= 2)
        self.assertEqual((s['jobs'], s['last_state']), (1, 'running'))
        self.c.call('job.cancel', id=s['last_job'])
        s = wait_for(self.c, 'slow', 'the next job', lambda s: s['jobs'] == 2)
        self.c.call('cron.delete', name='slow')
        self.c.call('job.cancel', id=s['last_job'])

    def test_with_queue_it_waits_behind_the_one_that_runs(self):
        self.set('line', '@every 1s', {**LONG, 'queue': 'line'}, overlap='queue')
        s = wait_for(self.c, 'line', 'three jobs', lambda s: s['jobs'] >= 3)
        self.c.call('cron.delete', name='line')
        self.assertEqual(s['skipped'], 0)
        states = [j['state'] for j in self.c.call('job.list', filter={'order_key': 'cron:line'})['items']]
        self.assertEqual((states.count('running'), states.count('ready')), (1, len(states) - 1))
        self.c.call('queue.purge', name='line')
        for j in self.c.call('job.list', filter={'queue': 'line', 'state': 'running'})['items']:
            self.c.call('job.cancel', id=j['id'])

    def test_what_is_refused_is_shown_and_comes_when_it_can(self):
        self.c.call('queue.drain', name='shut')
        self.set('kept', '@every 1s', {**ECHO, 'queue': 'shut'})
        s = wait_for(self.c, 'kept', 'a refusal', lambda s: s['refused'] >= 2)
        self.assertEqual((s['jobs'], s['refusal']),
                         (0, 'queue shut drains: it takes no new jobs until it is resumed'))
        self.assertGreater(s['retry_ms'], s['next_ms'])
        self.c.call('queue.resume', name='shut')
        after = wait_for(self.c, 'kept', 'its job', lambda s: s['jobs'] >= 1 and not s['refusal'])
        self.assertIsNone(after['retry_ms'])
        self.assertGreaterEqual(after['refused'], 2)

    def test_run_makes_one_now(self):
        self.set('rare', '@yearly', {**LONG, 'args': {'ms': 0}})
        job = self.c.call('cron.run', name='rare')['id']
        self.c.wait_all([job])
        s = schedule(self.c, 'rare')
        self.assertEqual((s['jobs'], s['last_job'], s['last_ms'], s['last_state']),
                         (1, job, None, 'succeeded'))
        self.set('rare', '@yearly', LONG)
        job = self.c.call('cron.run', name='rare')['id']
        with self.assertRaises(RpcError) as failed:
            self.c.call('cron.run', name='rare')
        self.assertEqual((failed.exception.kind, failed.exception.data['id']), ('conflict', job))
        self.c.call('job.cancel', id=job)

    def test_what_is_wrong_is_named(self):
        good = {'name': 'x', 'when': '@daily', 'job': ECHO}
        for change, kind, message in (
                ({'when': '0 25 * * *'}, 'invalid_params', 'when: field 2 (hour): 25 is above 23'),
                ({'when': '0 0 30 2 *'}, 'invalid_params',
                 'when: field 3 (day of month): no month of field 4 has such a day'),
                ({'time_zone': 'Europe/Atlantis'}, 'invalid_params',
                 "time_zone: there is no time zone 'Europe/Atlantis' in /usr/share/zoneinfo"),
                ({'overlap': 'never'}, 'invalid_params', "overlap must be skip or queue, not 'never'"),
                ({'job': {}}, 'invalid_params', 'job must have 1 to 32 members, not 0'),
                ({'job': {'type': 'no.such'}}, 'unknown_type', 'job: no handler has the type no.such'),
                ({'job': {**ECHO, 'run_at_ms': 5}}, 'invalid_params',
                 "job: params has no member 'run_at_ms'")):
            self.fails(kind, message, **{**good, **change})
        self.assertIsNone(schedule(self.c, 'x'))
        for method in ('cron.delete', 'cron.run'):
            with self.assertRaises(RpcError) as failed:
                self.c.call(method, name='nobody')
            self.assertEqual((failed.exception.kind, failed.exception.message),
                             ('not_found', 'there is no schedule nobody'))

    def test_a_zone_says_whose_noon_it_is(self):
        noon = {zone: self.set('noon', '0 12 1 1 *', ECHO, time_zone=zone)['next_ms']
                for zone in ('UTC', 'America/New_York', 'Asia/Kathmandu')}
        self.assertEqual(noon['America/New_York'] - noon['UTC'], 5 * 3600 * 1000)
        self.assertEqual(noon['UTC'] - noon['Asia/Kathmandu'], (5 * 60 + 45) * 60 * 1000)


class Jobctl(DaemonTest):
    settings = ('stop.drain_ms=0',)

    def ctl(self, *words, code=0):
        done = subprocess.run([program('jobctl'), '-H', self.jobd.unix, *words], capture_output=True,
                              text=True, timeout=60)
        self.assertEqual(done.returncode, code, done.stderr)
        return done

    def test_a_schedule_from_the_shell(self):
        said = self.ctl('cron', 'set', 'nightly', '30 2 * * *', 'echo', '{"a": 1}',
                        '--time-zone', 'Europe/Berlin', '--overlap', 'queue', '--queue', 'mail',
                        '--priority', '5').stderr
        self.assertRegex(said, r'nightly comes next at \d{4}-\d\d-\d\d \d\d:30:00')
        item = json.loads(self.ctl('cron', 'ls', '-o', 'ndjson').stdout)
        self.assertEqual(item['job'], {'type': 'echo', 'args': {'a': 1}, 'queue': 'mail', 'priority': 5})
        self.assertEqual((item['when'], item['time_zone'], item['overlap']),
                         ('30 2 * * *', 'Europe/Berlin', 'queue'))
        self.assertEqual(self.ctl('cron', 'ls', '-o', 'id').stdout, 'nightly\n')
        self.assertRegex(self.ctl('cron', 'ls').stdout,
                         r'nightly +30 2 \* \* \* +Europe/Berlin +echo +in \d+')
        job = self.ctl('cron', 'run', 'nightly').stdout.strip()
        self.ctl('wait', job)
        self.assertEqual(json.loads(self.ctl('result', job).stdout), {'a': 1})
        self.ctl('cron', 'delete', 'nightly')
        self.assertEqual(self.ctl('cron', 'ls', '-o', 'id').stdout, '')

    def test_mistakes_are_named(self):
        said = self.ctl('cron', 'set', 'x', '0 25 * * *', 'echo', code=2).stderr
        self.assertIn('field 2 (hour): 25 is above 23', said)
        self.assertIn('there is no schedule x', self.ctl('cron', 'delete', 'x', code=3).stderr)


KEPT = {**ECHO, 'hold': True}           # its jobs stay, to be counted


class Survives(OwnDaemonTest):
    """Jobs are never doubled and never lost: the schedule has counted as many as there are."""

    def jobs_of(self, c, name):
        """When each job was made, by id.  A page may be empty: ids have gaps where jobd was killed."""
        found, page = {}, {'next': None}
        while not found or page['next']:
            more = {'cursor': page['next']} if page['next'] else {}
            page = c.call('job.list', filter={'order_key': 'cron:' + name}, limit=1000, **more)
            found.update((j['id'], j['created_ms']) for j in page['items'])
        return found

    def reconnect(self, jobd):
        def connect():
            try:
                return jobd.client()
            except (Closed, OSError):
                return None
        return until(connect, 'a broker')

    def test_kill_9_of_the_broker_at_any_time(self):
        jobd = self.daemon('stop.drain_ms=0')
        c = jobd.client()
        made = c.call('cron.set', name='beat', when='@every 1s', job=KEPT, overlap='queue')
        for round in range(6):
            # at another part of the second each time, the one at which an occurrence comes first
            until(lambda: time.time() * 1000 > made['next_ms'] + 1500 * round + 3 * round, 'its time')
            os.kill(jobd.broker(), signal.SIGKILL)
            c = self.reconnect(jobd)
            s = schedule(c, 'beat')
            self.assertEqual((s['when'], s['by'], s['job']), (made['when'], made['by'], KEPT))
            self.assertEqual((s['next_ms'] - made['next_ms']) % 1000, 0)
        jobs = schedule(c, 'beat')['jobs']
        wait_for(c, 'beat', 'it to go on', lambda s: s['jobs'] >= jobs + 2)
        # the next one may come between the two questions, and only then do the answers differ
        s = wait_for(c, 'beat', 'as many jobs as it says', lambda s: len(self.jobs_of(c, 'beat')) == s['jobs'])
        c.call('cron.delete', name='beat')
        seconds = (time.time() * 1000 - made['next_ms']) // 1000 + 1
        self.assertLessEqual(s['jobs'], seconds)

    def test_an_outage_is_made_up_for_by_one_job(self):
        with tempfile.TemporaryDirectory() as state:
            first = self.daemon('stop.drain_ms=0', state_dir=state)
            c = first.client()
            c.call('cron.set', name='beat', when='@every 1s', job=KEPT, overlap='queue')
            before = wait_for(c, 'beat', 'a job', lambda s: s['jobs'] >= 1)
            first.kill()
            until(lambda: time.time() * 1000 > before['last_ms'] + 6000, 'five seconds without jobd', 10)
            began_ms = time.time() * 1000
            c = self.daemon('stop.drain_ms=0', state_dir=state).client()
            up_ms = time.time() * 1000
            s = wait_for(c, 'beat', 'it to go on', lambda s: s['jobs'] >= before['jobs'] + 3)
            made = sorted(self.jobs_of(c, 'beat').values())
            self.assertEqual((s['last_ms'] - before['last_ms']) % 1000, 0)
            late = [ms for ms in made if ms < up_ms]
            # the one before it was killed may be told late, and a slow start takes seconds that have jobs of their own
            self.assertLessEqual(len(late), before['jobs'] + 2 + (up_ms - began_ms) // 1000)
            c.call('cron.delete', name='beat')

    def test_what_was_deleted_stays_deleted(self):
        jobd = self.daemon('stop.drain_ms=0')
        c = jobd.client()
        for name in ('gone', 'here'):
            c.call('cron.set', name=name, when='@daily', job=ECHO, time_zone='Asia/Tokyo')
        c.call('cron.delete', name='gone')
        was = schedule(c, 'here')
        os.kill(jobd.broker(), signal.SIGKILL)
        c = self.reconnect(jobd)
        self.assertEqual(c.call('cron.list')['items'], [was])

    def test_a_job_for_memory_is_not_run_twice(self):
        jobd = self.daemon('stop.drain_ms=0')
        c = jobd.client()
        c.call('cron.set', name='beat', when='@every 1s', job={**ECHO, 'durability': 'memory'})
        before = wait_for(c, 'beat', 'two jobs', lambda s: s['jobs'] >= 2)
        os.kill(jobd.broker(), signal.SIGKILL)
        c = self.reconnect(jobd)
        s = wait_for(c, 'beat', 'it to go on', lambda s: s['jobs'] >= before['jobs'] + 1)
        self.assertGreater(s['last_ms'], before['last_ms'])

    def test_a_schedule_that_is_no_longer_configured_is_gone(self):
        with tempfile.TemporaryDirectory() as state:
            first = self.daemon('stop.drain_ms=0', 'cron a.when=@every 1s', 'cron a.job={"type":"echo"}',
                                'cron b.when=@daily', 'cron b.job={"type":"echo"}', state_dir=state)
            before = wait_for(first.client(), 'a', 'a job', lambda s: s['jobs'] >= 1)
            first.stop()
            c = self.daemon('stop.drain_ms=0', 'cron a.when=@every 1s', 'cron a.job={"type":"echo"}',
                            state_dir=state).client()
            self.assertEqual([s['name'] for s in c.call('cron.list')['items']], ['a'])
            s = wait_for(c, 'a', 'it to go on', lambda s: s['jobs'] > before['jobs'])
            self.assertEqual((s['last_ms'] - before['last_ms']) % 1000, 0)


class Configured(OwnDaemonTest):
    def test_a_schedule_of_the_configuration(self):
        jobd = self.daemon('stop.drain_ms=0', 'cron beat.when=@every 1s', 'cron beat.job={"type":"echo"}')
        c = jobd.client()
        s = wait_for(c, 'beat', 'its job', lambda s: s['jobs'] >= 1)
        self.assertTrue(s['configured'])
        for method, more in (('cron.set', {'when': '@daily', 'job': ECHO}), ('cron.delete', {})):
            with self.assertRaises(RpcError) as failed:
                c.call(method, name='beat', **more)
            self.assertEqual(failed.exception.kind, 'conflict')

    def test_a_wrong_one_keeps_jobd_from_starting(self):
        for settings, why in (
                (('cron x.when=0 25 * * *',), 'cron x.when: field 2 (hour): 25 is above 23'),
                (('cron x.when=@daily',), 'cron x: it needs job'),
                (('cron x.when=@daily', 'cron x.job={"type":5}'), 'cron x: job: type must be a string'),
                (('cron x.when=@daily', 'cron x.job={"type":"echo"}', 'cron x.time_zone=Europe/Atlantis'),
                 "cron x: time_zone: there is no time zone 'Europe/Atlantis'")):
            with self.assertRaises(AssertionError) as failed:
                Daemon(*settings)
            self.assertIn(why, str(failed.exception))


if __name__ == '__main__':
    unittest.main()
