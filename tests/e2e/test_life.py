"""test_life.py - what becomes of a job: attempts that follow each other."""

import os
import tempfile
import unittest

from jobd_client import until
from jobd_test import DaemonTest, OwnDaemonTest, reasons

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


if __name__ == '__main__':
    unittest.main()
