"""test_life.py - what becomes of a job: attempts that follow each other, other jobs, people."""

import os
import subprocess
import tempfile
import unittest

from jobd_client import until
from jobd_test import DaemonTest, OwnDaemonTest, PATIENCE, program, reasons

MISSING = {'path': 'not-there-yet'}


def in_state(c, job, state):
    """Waits until the job is in that state; returns it."""
    return until(lambda: c.get(job)['state'] == state and c.get(job), 'job %d %s' % (job, state))


class Retries(OwnDaemonTest):
    def setUp(self):
        super().setUp()
        self.root = tempfile.mkdtemp(prefix='jobd-life-')
        self.addCleanup(os.rmdir, self.root)

    def start(self, *settings):
        jobd = self.daemon(*settings, roots=[self.root])
        return jobd.client()

    def test_a_job_is_tried_again_until_it_succeeds(self):
        c = self.start()
        path = os.path.join(self.root, 'file')
        job = c.submit('file.digest', {'path': path}, retry={'max_attempts': 100, 'backoff_ms': 50, 'factor': 1})
        until(lambda: c.get(job)['attempts_total'] >= 4, 'four attempts')
        with open(path, 'w'):
            pass
        self.addCleanup(os.unlink, path)
        outcome = c.wait(job)
        self.assertEqual(outcome['state'], 'succeeded')
        told = c.get(job)
        self.assertGreaterEqual(told['attempts_total'], 4)
        for attempt in told['attempts'][:-1]:
            self.assertEqual(attempt['end'], 'handler_error')
            self.assertEqual(attempt['failure']['kind'], 'error')
            self.assertIn('No such file', attempt['failure']['message'])
        self.assertNotIn('failure', told['attempts'][-1])
        self.assertIn(('scheduled', 'retry_wait'), reasons(told))

    def test_attempts_have_an_end_and_each_is_shown_with_its_failure(self):
        c = self.start()
        job = c.run('sleep', {'ms': 60000}, timeout_ms=20,
                    retry={'max_attempts': 3, 'backoff_ms': 10, 'max_backoff_ms': 10})
        self.assertEqual((job['state'], job['failure']['kind'], job['failure']['attempt']), ('failed', 'timeout', 3))
        told = c.get(job['id'])
        self.assertEqual([a['failure']['kind'] for a in told['attempts']], ['timeout'] * 3)
        self.assertEqual(told['retry'], {'max_attempts': 3, 'backoff_ms': 10, 'factor': 2, 'max_backoff_ms': 10})

    def test_explain_says_when_the_next_attempt_is_and_why(self):
        c = self.start()
        job = c.submit('file.digest', {'path': os.path.join(self.root, 'nothing')},
                       retry={'max_attempts': 2, 'backoff_ms': 3600000, 'max_backoff_ms': 3600000})
        waiting = in_state(c, job, 'scheduled')
        said = c.call('job.explain', id=job)
        wait = said['waits'][0]
        self.assertEqual({k: wait[k] for k in ('kind', 'failures', 'max_attempts', 'failure')},
                         {'kind': 'retry', 'failures': 1, 'max_attempts': 2, 'failure': 'error'})
        self.assertLessEqual(wait['due_in_ms'], waiting['due_ms'] - waiting['created_ms'] + 1)
        self.assertIn('attempt 1 failed (error)', said['text'])
        self.assertIn('No such file', said['text'])
        self.assertEqual(c.call('job.cancel', id=job)['state'], 'cancelled')

    def test_a_wrong_argument_is_not_tried_again(self):
        c = self.start()
        job = c.run('sleep', {'ms': 'long'}, retry={'max_attempts': 5, 'backoff_ms': 1})
        self.assertEqual((job['state'], job['failure']['attempt']), ('failed', 1))
        self.assertIs(job['failure']['retryable'], False)

    def test_types_and_queues_have_policies_of_their_own(self):
        c = self.start('type file.digest.max_attempts=3', 'queue q.backoff_ms=1ms', 'queue q.max_attempts=9')
        path = os.path.join(self.root, 'nothing')
        job = c.run('file.digest', {'path': path}, queue='q')
        self.assertEqual(job['failure']['attempt'], 3)
        self.assertEqual(c.get(job['id'])['retry'],
                         {'max_attempts': 3, 'backoff_ms': 1, 'factor': 2, 'max_backoff_ms': 600000})
        self.assertEqual(c.run('file.digest', {'path': path}, queue='q', retry={'max_attempts': 1})
                         ['failure']['attempt'], 1)


class Refusals(DaemonTest):
    def test_each_wrong_member_of_retry_is_named(self):
        for retry, member in (({'max_attempts': 0}, 'retry.max_attempts'), ({'max_attempts': '3'}, 'retry.max_attempts'),
                              ({'backoff_ms': -1}, 'retry.backoff_ms'), ({'factor': 0.5}, 'retry.factor'),
                              ({'factor': 101}, 'retry.factor'), ({'max_backoff_ms': 1.5}, 'retry.max_backoff_ms'),
                              ({'attempts': 3}, 'retry'), (3, 'retry')):
            with self.subTest(retry=retry):
                reply = self.c.reply(self.c.start('job.submit', type='echo', retry=retry))
                self.assertEqual(reply['error']['data'], {'kind': 'invalid_params', 'member': member})
                self.assertIn(member, reply['error']['message'])


class People(DaemonTest):
    """What people change of jobs: hold, release, update, retry, forget."""

    def conflict(self, method, **params):
        self.assertEqual(self.c.error(method, **params), 'conflict')

    def test_a_held_job_waits_until_it_is_released(self):
        job = self.c.submit('echo', 1, hold=True)
        told = self.c.get(job)
        self.assertEqual((told['state'], told['reason'], told['held']), ('scheduled', 'held', True))
        self.assertEqual(self.c.call('job.explain', id=job)['waits'], [{'kind': 'held'}])
        self.assertEqual(self.c.call('job.hold', id=job)['state'], 'scheduled')
        self.c.call('job.release', id=job)
        self.assertEqual(self.c.wait(job)['state'], 'succeeded')
        for method in ('job.hold', 'job.release', 'job.update', 'job.retry'):
            self.conflict(method, id=job)

    def test_a_job_that_waits_can_be_held_and_one_that_runs_cannot(self):
        job = self.c.submit('sleep', {'ms': 1}, delay_ms=600000)
        self.c.call('job.hold', id=job)
        self.c.call('job.update', id=job, delay_ms=0)
        self.assertEqual(self.c.get(job)['state'], 'scheduled')
        self.c.call('job.release', id=job)
        self.assertEqual(self.c.wait(job)['state'], 'succeeded')
        runs = self.c.submit('sleep', {'ms': 600000})
        in_state(self.c, runs, 'running')
        self.conflict('job.hold', id=runs)
        self.conflict('job.update', id=runs, priority=3)
        self.conflict('job.forget', id=runs)
        self.c.call('job.update', id=runs, retry={'max_attempts': 7})
        self.assertEqual(self.c.get(runs)['retry']['max_attempts'], 7)
        self.c.call('job.cancel', id=runs)

    def test_an_update_changes_what_waits(self):
        job = self.c.submit('sleep', {'ms': 600000}, delay_ms=600000)
        self.c.call('job.update', id=job, priority=-3, timeout_ms=30, ttl_ms=900000,
                    retry={'max_attempts': 2, 'backoff_ms': 1})
        told = self.c.get(job)
        self.assertEqual((told['priority'], told['timeout_ms'], told['retry']['max_attempts']), (-3, 30, 2))
        self.assertIn('expires_ms', told)
        self.assertIn(self.c.call('job.update', id=job, delay_ms=0)['state'], ('ready', 'running'))
        outcome = self.c.wait(job)
        self.assertEqual((outcome['failure']['kind'], outcome['failure']['attempt']), ('timeout', 2))
        self.assertEqual(self.c.error('job.update', id=job, delay_ms=1, run_at_ms=5), 'invalid_params')

    def test_what_did_not_succeed_runs_again_under_its_id_and_is_forgotten_on_request(self):
        job = self.c.run('sleep', {'ms': 600000}, timeout_ms=10)['id']
        self.assertEqual(self.c.get(job)['state'], 'failed')
        self.assertEqual(self.c.call('job.retry', id=job), {'id': job, 'state': 'ready'})
        self.assertEqual(self.c.wait(job)['failure']['attempt'], 2)
        self.assertIn(('ready', 'retry_asked'), reasons(self.c.get(job)))
        self.assertEqual(self.c.call('job.forget', id=job), {'id': job, 'forgotten': True})
        self.assertEqual(self.c.error('job.get', id=job), 'not_found')
        self.assertEqual(self.c.error('job.forget', id=job), 'not_found')
        waits = self.c.submit('echo', delay_ms=600000)
        self.c.call('job.cancel', id=waits)
        self.c.call('job.retry', id=waits)
        self.assertEqual(self.c.wait(waits)['state'], 'succeeded')


class Parents(DaemonTest):
    def test_a_job_runs_behind_its_parents(self):
        parents = [self.c.submit('sleep', {'ms': 50}) for _ in range(2)]
        job = self.c.submit('echo', 'after', after=parents, hold=True)
        wait = [w for w in self.c.call('job.explain', id=job)['waits'] if w['kind'] == 'parents']
        self.assertEqual(wait, [{'kind': 'parents', 'left': 2, 'of': 2, 'first': parents}])
        self.c.call('job.release', id=job)
        self.assertEqual(self.c.wait(job)['result'], 'after')
        told = self.c.get(job)
        self.assertEqual((told['after'], told['on_parent_failure']), (parents, 'cancel'))
        for parent in parents:
            self.assertLessEqual(self.c.get(parent)['attempts'][0]['ended_ms'], told['attempts'][0]['started_ms'])

    def test_a_parent_that_fails_fails_or_frees_its_children(self):
        parent = self.c.submit('sleep', {'ms': 600000})
        strict = self.c.submit('echo', after=[parent])
        grandchild = self.c.submit('echo', after=[strict])
        free = self.c.submit('echo', 'ran', after=[parent], on_parent_failure='run')
        self.c.call('job.cancel', id=parent)
        outcome = self.c.wait(strict)
        self.assertEqual(outcome['failure'], {
            'kind': 'dependency', 'message': 'job %d, which it waited for, was cancelled' % parent, 'attempt': 0,
            'data': {'parent': parent, 'state': 'cancelled'}})
        self.assertEqual(self.c.wait(grandchild)['failure']['data'], {'parent': strict, 'state': 'failed'})
        self.assertEqual(self.c.wait(free)['result'], 'ran')
        late = self.c.run('echo', after=[parent])
        self.assertEqual(late['failure']['kind'], 'dependency')

    def test_a_parent_that_is_not_known_is_named(self):
        known = self.c.submit('echo')
        reply = self.c.reply(self.c.start('job.submit', type='echo', after=[known, 1 << 52]))
        self.assertEqual(reply['error']['data'], {'kind': 'not_found', 'member': 'after', 'id': 1 << 52})
        for fields, member in (({'after': []}, 'after'), ({'after': [1] * 1001}, 'after'), ({'after': 5}, 'after'),
                               ({'on_parent_failure': 'run'}, 'on_parent_failure'),
                               ({'on_order_failure': 'block'}, 'on_order_failure'),
                               ({'order_key': 'k', 'on_order_failure': 'stop'}, 'on_order_failure')):
            with self.subTest(fields=fields):
                reply = self.c.reply(self.c.start('job.submit', type='echo', **fields))
                self.assertEqual(reply['error']['data'], {'kind': 'invalid_params', 'member': member})

    def test_a_failure_blocks_its_order_key_if_the_job_says_so(self):
        keyed = {'order_key': 'block', 'on_order_failure': 'block'}
        first = self.c.submit('sleep', {'ms': 600000}, timeout_ms=10, **keyed)
        second, third = (self.c.submit('echo', i, **keyed) for i in range(2))
        self.assertEqual(self.c.wait(first)['state'], 'failed')
        self.assertEqual(self.c.call('job.explain', id=second)['waits'],
                         [{'kind': 'order_blocked', 'key': 'block', 'behind': first, 'held_by': first}])
        self.c.call('job.retry', id=first)
        self.assertEqual(self.c.wait(first)['failure']['attempt'], 2)
        self.assertEqual(self.c.get(third)['state'], 'ready')
        self.assertEqual(self.c.call('job.cancel', id=first), {'id': first, 'state': 'failed'})
        self.assertEqual([self.c.wait(job)['state'] for job in (second, third)], ['succeeded'] * 2)

    def test_a_skipped_failure_lets_the_next_run(self):
        first = self.c.submit('sleep', {'ms': 600000}, timeout_ms=10, order_key='skip')
        self.assertEqual(self.c.run('echo', order_key='skip')['state'], 'succeeded')
        self.assertEqual(self.c.get(first)['state'], 'failed')


class Drains(OwnDaemonTest):
    def test_a_drain_does_not_wait_for_what_cannot_run(self):
        jobd = self.daemon()
        c = jobd.client()
        later = c.submit('echo', delay_ms=600000, order_key='a')
        held = c.submit('echo', hold=True, order_key='b')
        behind = [c.submit('echo', order_key=key) for key in 'ab'] + [c.submit('echo', after=[later])]
        runs = c.submit('sleep', {'ms': 100})
        child = c.submit('echo', after=[runs])
        self.assertEqual(c.call('server.drain'), {'drained': True})
        self.assertEqual([c.get(job)['state'] for job in (runs, child)], ['succeeded'] * 2)
        self.assertEqual([c.get(job)['state'] for job in [later, held] + behind],
                         ['scheduled', 'scheduled', 'ready', 'ready', 'scheduled'])
        self.assertEqual(c.error('job.retry', id=later), 'draining')


class Verbs(DaemonTest):
    def jobctl(self, *words, status=0):
        """What it prints; it must exit with this status."""
        run = subprocess.run([program('jobctl'), *words], env=dict(os.environ, JOBD_HOST=self.jobd.unix, LC_ALL='C.UTF-8'),
                             text=True, capture_output=True, timeout=60 * PATIENCE)
        self.assertEqual(run.returncode, status, (words, run.stdout, run.stderr))
        return run.stdout

    def test_jobs_are_held_changed_and_released(self):
        job = self.jobctl('submit', 'echo', '"x"', '--hold', '--order-key', 'k', '--on-order-failure', 'block').strip()
        after = self.jobctl('submit', 'echo', '--after', job, '--on-parent-failure', 'run').strip()
        self.assertEqual(self.jobctl('set', job, 'priority=5', 'max-attempts=3', 'backoff=2s', 'factor=1.5'), job + '\n')
        told = self.c.get(int(job))
        self.assertEqual((told['priority'], told['retry']['backoff_ms'], told['retry']['factor']), (5, 2000, 1.5))
        self.assertEqual(self.jobctl('hold', after), after + '\n')
        self.assertIn('held until it is released', self.jobctl('explain', job))
        self.assertEqual(self.jobctl('release', job, after), '%s\n%s\n' % (job, after))
        self.c.wait_all([int(job), int(after)])
        self.jobctl('release', job, status=8)
        self.jobctl('set', job, 'priority=1', status=8)
        for wrong in (['priority'], ['priority=high'], ['colour=red'], ['delay=5'], ['factor=x']):
            self.jobctl('set', job, *wrong, status=2)

    def test_the_dead_letter_is_listed_run_again_and_emptied(self):
        dead = [str(self.c.run('sleep', {}, queue='dead')['id']) for _ in range(3)]
        self.assertEqual(self.jobctl('dead', 'ls', '--queue', 'dead', '-o', 'id').split(), dead[::-1])
        self.assertEqual(self.jobctl('dead', 'retry', '--queue', 'dead').split(), dead)
        self.c.wait_all([int(i) for i in dead])
        self.assertEqual([self.c.get(int(i))['attempts_total'] for i in dead], [2] * 3)
        self.assertEqual(self.jobctl('retry', dead[0]), dead[0] + '\n')
        self.c.wait(int(dead[0]))
        self.assertEqual(self.jobctl('forget', dead[0]), dead[0] + '\n')
        self.assertEqual(self.jobctl('dead', 'purge', '--queue', 'dead').split(), dead[1:])
        self.assertEqual(self.jobctl('dead', 'ls', '--queue', 'dead', '-o', 'id'), '')
        self.jobctl('forget', dead[0], status=3)


if __name__ == '__main__':
    unittest.main()
