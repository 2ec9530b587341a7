"""test_handler_logs.py - what handlers in C say with jobd_log() is in their jobs' logs, in every lane that they have."""

import re
import tempfile
import unittest

from jobd_test import OwnDaemonTest
from plugin_dir import PluginDir, let_go
from test_logs import Follower, data

LANES = ('async', 'thread', 'process')
LINE_BYTES = 1024


class HandlerLogs(OwnDaemonTest):
    def start(self, *settings, **arguments):
        self.dir = PluginDir('talk.so')
        self.addCleanup(self.dir.remove)
        self.jobd = self.daemon(self.dir.setting(), *settings, **arguments)
        return self.jobd.client()

    def notes(self, c, job, **params):
        """All that is kept of the job's notes."""
        text, reply = b'', {'next': 0, 'eof': False}
        while not reply['eof']:
            reply = c.call('job.log', id=job, offset=reply['next'], stream='note', **params)
            text += data(reply)
        return text.decode()

    def talk(self, c, lane='process', **args):
        job = c.submit('test.talk', args, lane=lane)
        return job, c.wait(job)

    def count(self, text):
        """Lines, in order and once each, and those that are told to be lost."""
        lines = [int(n) for n in re.findall(r'^info: line (\d+) $', text, re.M)]
        self.assertEqual(lines, sorted(set(lines)))
        return len(lines) + sum(map(int, re.findall(r'^jobd: (\d+) lines? of the handler', text, re.M)))

    def test_lines_are_in_the_jobs_log_and_in_the_daemons(self):
        c = self.start()
        for lane in LANES:
            with self.subTest(lane=lane):
                job, outcome = self.talk(c, lane, lines=3, bytes=2)
                self.assertEqual(outcome['state'], 'succeeded')
                self.assertEqual(self.notes(c, job), ''.join('info: line %d xx\n' % i for i in range(3)))
                self.jobd.until_logged('handler says job=%d type=test.talk text=line 2 xx' % job)

    def test_workers_log_as_a_reload_says_from_their_next_job_on(self):
        with tempfile.NamedTemporaryFile('w', suffix='.conf') as conf:
            def level(word):
                conf.seek(0)
                conf.truncate()
                conf.write('[log]\nlevel = %s\n' % word)
                conf.flush()

            level('warn')
            c = self.start(arguments=('-c', conf.name))
            workers = {w['pid'] for w in c.items('worker.list')}
            for word, logged in (('warn', False), ('info', True), ('error', False), ('debug', True)):
                level(word)
                c.call('server.reload')
                for lane in LANES:
                    with self.subTest(level=word, lane=lane):
                        job, _ = self.talk(c, lane, lines=1)
                        self.assertEqual('handler says job=%d ' % job in self.jobd.log(), logged)
            self.assertEqual({w['pid'] for w in c.items('worker.list')}, workers)

    def test_a_handler_that_says_nothing_has_no_log(self):
        c = self.start()
        for lane in LANES:
            job, _ = self.talk(c, lane)
            self.assertEqual(c.call('job.log', id=job)['bytes'], 0)

    def test_a_line_is_heard_while_the_handler_goes_on(self):
        c = self.start()
        for lane in ('thread', 'process'):
            with self.subTest(lane=lane):
                path, f = self.dir.file(), Follower(self.jobd)
                job = c.submit('test.talk', {'lines': 1, 'file': path}, lane=lane)
                f.follow(job)
                line = f.next()
                self.assertEqual((line['stream'], data(line)), ('note', b'info: line 0 \n'))
                self.assertEqual(c.get(job)['state'], 'running')
                let_go(path)
                self.assertEqual(f.next()['state'], 'succeeded')

    def test_what_was_said_before_a_crash_is_there(self):
        c = self.start()
        for lane in LANES:
            with self.subTest(lane=lane):
                job, outcome = self.talk(c, lane, lines=2, then='crash')
                self.assertEqual(outcome['failure']['kind'], 'crash')
                self.assertIn('info: line 1 \n', self.notes(c, job))

    def test_each_attempt_has_lines_of_its_own(self):
        c = self.start()
        job = c.submit('test.talk', {'lines': 1, 'then': 'fail'}, lane='thread',
                       retry={'max_attempts': 2, 'backoff_ms': 1})
        f = Follower(self.jobd)
        f.follow(job, attempt=0, onwards=True)
        self.assertEqual(c.wait(job)['state'], 'failed')
        lines = f.to_end()
        self.assertEqual([(line['attempt'], data(line)) for line in lines if 'stream' in line],
                         [(1, b'info: line 0 \n'), (2, b'info: line 0 \n')])
        for attempt in (1, 2):
            reply = c.call('job.log', id=job, attempt=attempt)
            self.assertTrue(reply['eof'])

    def test_long_lines_are_cut_and_bad_text_is_made_good(self):
        c = self.start()
        for lane in LANES:
            with self.subTest(lane=lane):
                job, _ = self.talk(c, lane, lines=1, bytes=5000, text='gr\u00fc\u00dfe')
                long, last, rest = self.notes(c, job).split('\n')
                self.assertEqual(long, 'info: ' + ('line 0 ' + 'x' * 5000)[:LINE_BYTES])
                self.assertEqual((last, rest), ('info: gr\u00fc\u00dfe?', ''))

    def test_too_many_lines_are_counted_and_the_handler_does_not_wait(self):
        c = self.start('logs.max_bytes=64M')
        many = 40000
        for lane in LANES:
            with self.subTest(lane=lane):
                job, outcome = self.talk(c, lane, lines=many)
                self.assertEqual(outcome['state'], 'succeeded')
                text = self.notes(c, job)
                self.assertIn('lost here: it said too much at once', text)
                self.assertEqual(self.count(text), many)
        daemon = self.jobd.log()
        self.assertLess(daemon.count('handler says'), many)
        self.assertIn('handlers say more: it is in the logs of their jobs', daemon)

    def test_no_more_is_kept_than_is_allowed(self):
        c = self.start('logs.max_bytes=64K')
        job, _ = self.talk(c, lines=200, bytes=1000)
        reply = c.call('job.log', id=job, stream='note')
        self.assertTrue(reply['truncated'])
        self.assertLessEqual(len(self.notes(c, job)), 64 << 10)
        self.assertGreater(reply['bytes'], 64 << 10)

    def test_lines_of_a_durable_job_are_there_after_a_restart(self):
        place = tempfile.TemporaryDirectory(prefix='jobd-logs-')
        self.addCleanup(place.cleanup)
        c = self.start(state_dir=place.name)
        job = c.submit('test.talk', {'lines': 2}, lane='process', durability='commit')
        self.assertEqual(c.wait(job)['state'], 'succeeded')
        self.jobd.stop()
        again = self.daemon(self.dir.setting(), state_dir=place.name)
        self.assertEqual(self.notes(again.client(), job), 'info: line 0 \ninfo: line 1 \n')

    def test_many_talk_at_once(self):
        c = self.start(io_threads=8)
        jobs = [c.submit('test.talk', {'lines': 50}, lane=lane) for lane in LANES for _ in range(20)]
        for job in jobs:
            self.assertEqual(c.wait(job)['state'], 'succeeded')
            self.assertEqual(self.count(self.notes(c, job)), 50)


if __name__ == '__main__':
    unittest.main()
