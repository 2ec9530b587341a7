"""test_logs.py - what commands say: told as they say it, kept, and read again."""

import base64
import json
import os
import signal
import tempfile
import unittest

from jobd_test import DaemonTest, OwnDaemonTest, until


class Follower:
    """A connection that follows a job: its job.output lines, one by one."""

    def __init__(self, jobd):
        self.c = jobd.raw()
        self.c.ask(b'{"id": 0, "method": "hello", "params": {"max_line_bytes": 1048576}}')

    def call(self, method, **params):
        reply = self.c.ask(json.dumps({'id': 1, 'method': method, 'params': params}).encode())
        return reply['result']

    def follow(self, job, **params):
        return self.call('job.log', id=job, follow=True, **params)

    def next(self):
        notice = self.c.read()
        assert notice['method'] == 'job.output', notice
        return notice['params']

    def to_end(self):
        """All lines, the one with eof is the last."""
        lines = [self.next()]
        while 'eof' not in lines[-1]:
            lines.append(self.next())
        return lines


def data(line):
    if 'data_base64' in line:
        return base64.b64decode(line['data_base64'])
    return line.get('data', '').encode()


def said(lines, stream):
    return b''.join(data(line) for line in lines if line.get('stream') == stream)


class Commands:
    def submit(self, script, c=None, **job):
        c = c or self.c
        return c.call('job.submit', type='command', args={'argv': ['sh', '-c', script]}, **job)['id']

    def ended(self, job):
        return self.c.call('job.wait', id=job, timeout_ms=60000)

    def whole(self, job, c=None, **params):
        """A stream from beginning to end, and the last reply."""
        out, reply = b'', {'next': 0, 'eof': False}
        while not reply['eof']:
            reply = (c or self.c).call('job.log', id=job, offset=reply['next'], **params)
            out += data(reply)
        return out, reply


class Said(Commands, DaemonTest):
    def fifo(self):
        place = tempfile.TemporaryDirectory(prefix='jobd-logs-')
        self.addCleanup(place.cleanup)
        path = os.path.join(place.name, 'go')
        os.mkfifo(path)
        return path

    @staticmethod
    def go(path):
        with open(path, 'w'):
            pass

    def test_output_is_told_as_it_is_said_in_order_with_places_and_times(self):
        go, f = self.fifo(), Follower(self.jobd)
        job = self.submit(f'echo one; cat {go}; echo two >&2; cat {go}; echo three')
        f.follow(job)
        one = f.next()
        self.assertEqual((one['stream'], one['offset'], data(one), one['next']), ('stdout', 0, b'one\n', 4))
        self.assertEqual(self.c.call('job.get', id=job)['state'], 'running')
        self.go(go)
        two = f.next()
        self.assertEqual((two['stream'], two['offset'], data(two), two['next']), ('stderr', 0, b'two\n', 8))
        self.go(go)
        three, end = f.next(), f.next()
        self.assertEqual((three['stream'], three['offset'], data(three), three['next']), ('stdout', 4, b'three\n', 14))
        self.assertLessEqual(one['at_ms'], two['at_ms'])
        self.assertLessEqual(two['at_ms'], three['at_ms'])
        self.assertEqual((end['eof'], end['state'], end['truncated']), (True, 'succeeded', False))

    def test_bytes_of_any_kind_come_as_they_are(self):
        job = self.submit(r"printf 'a\000b\377\303\244\n'")
        self.ended(job)
        self.assertEqual(self.whole(job, stream='stdout')[0], b'a\0b\xff\xc3\xa4\n')

    def test_a_client_goes_on_where_its_connection_broke(self):
        go, f = self.fifo(), Follower(self.jobd)
        job = self.submit(f'echo one; cat {go}; echo two')
        f.follow(job)
        first = f.next()
        f.c.close()
        again = Follower(self.jobd)
        again.follow(job, offset=first['next'], attempt=first['attempt'])
        self.go(go)
        self.assertEqual(said(again.to_end(), 'stdout'), b'two\n')

    def test_attempts_are_apart(self):
        go, f = self.fifo(), Follower(self.jobd)
        job = self.submit(f'cat {go}; if [ $JOBD_ATTEMPT = 1 ]; then echo bad; exit 1; fi; echo good',
                          retry={'max_attempts': 2, 'backoff_ms': 1})
        f.follow(job)
        self.go(go)
        self.assertEqual((f.next()['attempt']), 1)
        self.go(go)
        lines = f.to_end()
        self.assertEqual([(line['attempt'], data(line)) for line in lines if 'stream' in line], [(2, b'good\n')])
        self.assertEqual(self.whole(job, stream='stdout', attempt=1)[0], b'bad\n')
        self.assertEqual(self.whole(job, stream='stdout')[0], b'good\n')

    def test_a_slow_follower_gets_a_gap_and_holds_nobody(self):
        slow = Follower(self.jobd)
        job = self.submit('head -c 60000000 /dev/zero')
        slow.follow(job, stream='stdout')
        self.assertEqual(self.ended(job)['state'], 'succeeded')
        lines = slow.to_end()
        gaps = sum(line.get('gap', 0) for line in lines)
        self.assertGreater(gaps, 0)
        self.assertEqual(gaps + len(said(lines, 'stdout')), 60000000)
        self.assertTrue(lines[-1]['truncated'])

    def test_who_ran_a_job_holds_it_and_misses_nothing(self):
        f = Follower(self.jobd)
        job = f.call('job.submit', type='command', args={'argv': ['head', '-c', '60000000', '/dev/zero']})['id']
        f.follow(job, hold=True, stream='stdout')
        first = f.next()
        self.assertEqual(self.c.call('job.get', id=job)['state'], 'running')
        lines = f.to_end()
        self.assertEqual(sum(line.get('gap', 0) for line in lines), 0)
        self.assertEqual(len(data(first)) + len(said(lines, 'stdout')), 60000000)

    def test_a_follower_that_comes_between_two_attempts_hears_the_next(self):
        job = self.submit('if [ $JOBD_ATTEMPT = 1 ]; then echo bad; exit 1; fi; echo good',
                          retry={'max_attempts': 2, 'backoff_ms': 600000, 'max_backoff_ms': 600000})
        until(lambda: self.c.call('job.get', id=job)['state'] == 'scheduled', 'the end of its first attempt')
        f = Follower(self.jobd)
        stands = f.follow(job, offset=len('bad\n'))
        self.assertEqual((stands['attempt'], stands['next'], stands['eof']), (1, 4, True))
        self.c.call('job.update', id=job, delay_ms=0)
        lines = f.to_end()
        self.assertEqual([(line['attempt'], line['offset'], data(line)) for line in lines if 'stream' in line],
                         [(2, 0, b'good\n')])
        self.assertEqual(lines[-1]['state'], 'succeeded')

    def test_only_who_handed_a_job_in_may_hold_it_on_any_connection(self):
        go, f = self.fifo(), Follower(self.jobd)
        job = self.submit(f'cat {go}; echo said')
        self.assertEqual(self.jobd.client(tcp=True).error('job.log', id=job, follow=True, hold=True), 'forbidden')
        f.follow(job, hold=True)
        self.go(go)
        self.assertEqual(said(f.to_end(), 'stdout'), b'said\n')

    def test_a_call_is_answered_behind_the_output(self):
        go, f = self.fifo(), Follower(self.jobd)
        f.c.send(json.dumps({'id': 9, 'method': 'job.call', 'params': {
            'type': 'command', 'args': {'argv': ['sh', '-c', f'cat {go}; seq 3']}}}).encode() + b'\n')
        until(lambda: self.c.call('job.list', filter={'type': 'command', 'state': 'running'})['items'], 'its start')
        job = self.c.call('job.list', filter={'type': 'command', 'state': 'running'})['items'][0]['id']
        f.follow(job, hold=True)
        self.go(go)
        self.assertEqual(said(f.to_end(), 'stdout'), b'1\n2\n3\n')
        self.assertEqual(f.c.read()['id'], 9)


class Kept(Commands, OwnDaemonTest):
    def restarted(self, jobd):
        jobd.stop()
        return self.daemon(state_dir=jobd.state_dir)

    def test_a_log_is_there_after_a_restart(self):
        place = tempfile.TemporaryDirectory(prefix='jobd-logs-')
        self.addCleanup(place.cleanup)
        jobd = self.daemon(state_dir=os.path.join(place.name, 'state'))
        self.c = jobd.client()
        job = self.submit('seq 100000; echo end >&2')
        self.ended(job)
        wanted = ''.join(f'{i}\n' for i in range(1, 100001)).encode()
        self.assertEqual(self.whole(job, stream='stdout')[0], wanted)
        self.c = self.restarted(jobd).client()
        self.assertEqual(self.whole(job, stream='stdout')[0], wanted)
        self.assertEqual(self.whole(job, stream='stderr')[0], b'end\n')
        f = self.c.call('job.log', id=job)
        self.assertEqual(f['attempt'], 1)

    def killed(self, jobd):
        broker = jobd.broker()
        os.kill(broker, signal.SIGKILL)
        until(lambda: jobd.children_named('broker') not in ([], [broker]), 'another broker')
        return jobd.client()

    def test_a_follower_of_a_recovered_job_hears_its_next_attempt(self):
        jobd = self.daemon()
        self.c, f = jobd.client(), Follower(jobd)
        job = self.submit('echo attempt $JOBD_ATTEMPT; [ $JOBD_ATTEMPT = 2 ] || exec sleep 60', queue='q')
        f.follow(job)
        first = f.next()
        self.assertEqual((first['attempt'], data(first)), (1, b'attempt 1\n'))
        self.c.call('queue.pause', name='q')        # so that its next attempt waits for us
        self.c = self.killed(jobd)
        again = Follower(jobd)
        stands = again.follow(job, hold=True, offset=first['next'])
        self.assertEqual((stands['attempt'], stands['state'], stands['bytes']), (1, 'ready', 0))
        self.c.call('queue.resume', name='q')
        lines = again.to_end()
        self.assertEqual([(line['attempt'], line['offset'], data(line)) for line in lines if 'stream' in line],
                         [(2, 0, b'attempt 2\n')])
        self.assertEqual(lines[-1]['state'], 'succeeded')

    def test_a_log_is_there_after_its_job_has_left_memory(self):
        jobd = self.daemon('jobs.keep_finished=0')
        self.c = jobd.client()
        job = self.submit('echo said')
        self.ended(job)
        self.assertEqual(self.whole(job, stream='stdout')[0], b'said\n')

    def test_a_log_ends_at_its_limit_with_a_notice(self):
        jobd = self.daemon('logs.max_bytes=1M')
        self.c = jobd.client()
        job = self.submit('head -c 3000000 /dev/zero; echo end >&2')
        self.ended(job)
        out, reply = self.whole(job, stream='stdout')
        self.assertEqual((len(out), reply['bytes'], reply['truncated']), (1 << 20, 3000000, True))
        self.assertEqual(self.whole(job, stream='stderr')[0], b'end\n')
        self.assertIn(b'stdout is truncated', self.whole(job, stream='note')[0])

    def test_who_ran_a_job_misses_nothing_where_its_log_ends_in_a_character(self):
        jobd = self.daemon('logs.max_bytes=1M')
        place = tempfile.TemporaryDirectory(prefix='jobd-logs-')
        self.addCleanup(place.cleanup)
        go, f, before, behind = os.path.join(place.name, 'go'), Follower(jobd), (1 << 20) - 1, 100000
        os.mkfifo(go)
        script = (r"head -c %d /dev/zero; printf '\303'; cat %s; (printf '\244'; head -c %d /dev/zero) |"
                  " dd bs=1M iflag=fullblock 2>/dev/null" % (before, go, behind))
        job = f.call('job.submit', type='command', args={'argv': ['sh', '-c', script]})['id']
        f.follow(job, hold=True)
        lines = []
        while len(said(lines, 'stdout')) < before:
            lines.append(f.next())
        with open(go, 'w'):
            pass
        lines += f.to_end()
        self.assertEqual(sum(line.get('gap', 0) for line in lines), 0)
        self.assertEqual(said(lines, 'stdout').strip(b'\0'), b'\303\244')
        self.assertEqual(len(said(lines, 'stdout')), before + 2 + behind)

    def test_the_file_of_a_job_goes_with_it(self):
        jobd = self.daemon()
        self.c = jobd.client()
        job = self.submit('seq 100000', durability='memory')
        self.ended(job)
        path = os.path.join(jobd.state_dir, 'logs', f'{job}.1')
        until(lambda: os.path.exists(path), 'its file')
        self.c.call('job.forget', id=job)
        until(lambda: not os.path.exists(path), 'the end of its file')


if __name__ == '__main__':
    unittest.main()
