"""test_jobctl_queue.py - jobctl queue: what an operator does to a queue."""

import json
import unittest

from jobd_client import until
from jobd_test import DaemonTest
from test_jobctl_use import Jobctl


class QueueVerbs(Jobctl, DaemonTest):
    def data(self, *words):
        run = self.jobctl(*words, '-o', 'ndjson')
        self.assertEqual(run.code, 0, run.err)
        return json.loads(run.out)

    def test_a_queue_is_paused_purged_and_resumed(self):
        self.assertIs(self.data('queue', 'pause', 'q')['paused'], True)
        job = self.c.submit('echo', 1, queue='q')
        self.assertIn('paused', [line for line in self.jobctl('queue', 'ls').out.split('\n') if line.startswith('q ')][0])
        self.assertEqual(self.jobctl('queue', 'wait', 'q', '--timeout', '50ms').code, 4)
        purged = self.jobctl('queue', 'purge', 'q')
        self.assertEqual((purged.code, '1 jobs were cancelled' in purged.err), (0, True))
        self.assertEqual(self.c.get(job)['state'], 'cancelled')
        self.assertEqual(self.data('queue', 'wait', 'q'), {'empty': True})
        self.assertIs(self.data('queue', 'resume', 'q')['paused'], False)

    def test_limits_are_set_and_listed(self):
        told = self.data('queue', 'set', 's', '--max-running', '4', '--max-running-per-key=1', '--rate', '2.5',
                         '--burst', '3', '--max-bytes', '16M', '--weight', 'uid:7=3', '--weight=b=c=2')
        self.assertEqual({k: told[k] for k in ('max_running', 'max_running_per_key', 'rate', 'burst', 'max_bytes')},
                         {'max_running': 4, 'max_running_per_key': 1, 'rate': 2.5, 'burst': 3, 'max_bytes': 16 << 20})
        self.assertEqual(told['weights'], {'uid:7': 3, 'b=c': 2})
        wide = self.jobctl('queue', 'ls', '-o', 'wide').out
        self.assertIn('2.5/s, 3 at once', wide)
        for words in (['--rate', 'fast'], ['--max-bytes', 'much'], ['--weight', 'a=0'], ['--weight', 'a'],
                      ['--max-running', '-1']):
            run = self.jobctl('queue', 'set', 's', *words)
            self.assertEqual((run.code, run.out), (2, ''), words)
            self.assertTrue(run.err, words)

    def test_a_drained_queue_refuses_and_a_full_one_can_be_waited_for(self):
        self.data('queue', 'drain', 'd')
        refused = self.jobctl('submit', 'echo', '-q', 'd')
        self.assertEqual((refused.code, 'drains' in refused.err), (7, True))
        self.data('queue', 'resume', 'd')
        self.data('queue', 'pause', 'd')
        self.data('queue', 'set', 'd', '--max-jobs', '1')
        first = self.c.submit('echo', 1, queue='d')
        self.assertEqual(self.jobctl('submit', 'echo', '-q', 'd').code, 7)
        waiting = self.start('submit', 'echo', '7', '-q', 'd', '--room-wait', '1m', '--tenant=ann')
        until(lambda: self.c.call('server.stats')['connections'] > 1, 'jobctl to be there')
        self.c.call('job.cancel', id=first)
        out, err = waiting.communicate(timeout=60)
        self.assertEqual(waiting.returncode, 0, err)
        self.assertEqual(self.c.get(int(out))['tenant'], 'ann')
        self.data('queue', 'resume', 'd')


if __name__ == '__main__':
    unittest.main()
