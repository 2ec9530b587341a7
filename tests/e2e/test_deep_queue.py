"""test_deep_queue.py - durable jobs whose arguments are on disk until their turn comes."""

import json
import shutil
import tempfile
import unittest

from jobd_test import OwnDaemonTest, RpcError

JOBS = 3000


def args_of(number):
    return ['job', number, 'x' * (number % 97)]


class DeepQueue(OwnDaemonTest):
    """Nearly no arguments fit into memory."""

    def deep(self, **more):
        return self.daemon('store.args_memory=4K', **more)

    def fill(self, client, count=JOBS, **fields):
        client.call('queue.pause', name='deep')
        return client.submit_many([dict(type='echo', args=args_of(i), queue='deep', lane='process', **fields)
                                   for i in range(count)])

    def assert_all_echoed(self, client, ids):
        for i, done in enumerate(client.wait_all(ids, piece=50)):
            self.assertEqual(done['state'], 'succeeded')
            self.assertEqual(done['result'], args_of(i))

    def test_every_job_gets_its_own_arguments(self):
        c = self.deep().client()
        ids = self.fill(c)
        c.call('queue.resume', name='deep')
        self.assert_all_echoed(c, ids)

    def test_every_job_gets_its_own_arguments_after_a_crash(self):
        state_dir = tempfile.mkdtemp(prefix='jobd-test-')
        self.addCleanup(shutil.rmtree, state_dir)
        first = self.deep(state_dir=state_dir)
        ids = self.fill(first.client())
        first.kill()
        c = self.deep(state_dir=state_dir).client()
        c.call('queue.resume', name='deep')
        self.assert_all_echoed(c, ids)

    def test_what_waits_can_be_cancelled_held_changed_and_purged(self):
        c = self.deep().client()
        ids = self.fill(c)
        self.assertEqual(c.call('job.cancel', id=ids[-1])['state'], 'cancelled')
        self.assertEqual(c.call('job.hold', id=ids[-2])['state'], 'scheduled')
        c.call('job.update', id=ids[-3], priority=100)
        with self.assertRaises(RpcError):
            c.call('job.release', id=ids[-3])
        c.call('queue.resume', name='deep')
        self.assertEqual(c.wait(ids[-3])['result'], args_of(JOBS - 3))
        self.assert_all_echoed(c, ids[:-3])
        held = c.get(ids[-2])
        self.assertEqual(held['state'], 'scheduled')
        self.assertEqual(held['args_bytes'], len(json.dumps(args_of(JOBS - 2), separators=(',', ':'))))
        c.call('job.release', id=ids[-2])
        self.assertEqual(c.wait(ids[-2])['result'], args_of(JOBS - 2))
        self.fill(c)
        self.assertEqual(c.call('queue.purge', name='deep')['purged'], JOBS)

    def test_jobs_with_an_order_key_keep_their_order(self):
        c = self.deep().client()
        ids = self.fill(c, 300, order_key='one')
        c.call('queue.resume', name='deep')
        self.assert_all_echoed(c, ids)
        began = [c.get(job)['attempts'][-1]['started_ms'] for job in ids]
        self.assertEqual(began, sorted(began))

    def test_large_arguments_come_back_whole(self):
        c = self.deep().client()
        c.call('queue.pause', name='deep')
        texts = ['%03d' % i * 10000 for i in range(40)]
        ids = [c.submit('echo', text, queue='deep', lane='process') for text in texts]
        c.call('queue.resume', name='deep')
        for job, text in zip(ids, texts):
            self.assertEqual(c.wait(job)['result'], text)


if __name__ == '__main__':
    unittest.main()
