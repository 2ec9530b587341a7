"""test_jobctl_groups.py - jobctl map --reduce and --max-fails, jobctl group, jobctl watch."""

import hashlib
import json
import os
import select
import signal
import subprocess

from jobd_test import DaemonTest, PATIENCE, program, until


class Ctl(DaemonTest):
    def start(self, *words):
        env = dict(os.environ, JOBD_HOST=self.jobd.unix, LC_ALL='C.UTF-8')
        p = subprocess.Popen([program('jobctl'), *words], env=env, text=True, stdin=subprocess.PIPE,
                             stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        self.addCleanup(p.communicate)
        self.addCleanup(p.kill)
        return p

    def ctl(self, *words, stdin='', status=0):
        p = self.start(*words)
        out, err = p.communicate(stdin, timeout=60 * PATIENCE)
        self.assertEqual(p.returncode, status, (words, out, err))
        return out, err

    def rows(self, *words, **options):
        return [json.loads(row) for row in self.ctl(*words, **options)[0].splitlines()]


class Map(Ctl):
    def test_the_reduce_job_is_the_last_line_and_has_seen_all(self):
        lines = ''.join('%d\n' % n for n in range(500))
        rows = self.rows('map', 'echo', '--gather', '--reduce', 'file.digest={"path":"{path}"}', stdin=lines)
        last = rows.pop()
        self.assertEqual([r['index'] for r in rows], list(range(500)))
        truth = b''.join(json.dumps(r, separators=(',', ':')).encode() + b'\n' for r in rows)
        self.assertEqual((last['reduce'], last['state'], last['result']),
                         ('file.digest', 'succeeded', {'algorithm': 'sha256', 'bytes': len(truth),
                                                       'digest': hashlib.sha256(truth).hexdigest()}))

    def test_without_arguments_a_reduce_job_gets_all_three(self):
        rows = self.rows('map', 'echo', '--reduce', 'echo', stdin='1\n2\n')
        self.assertEqual((rows[-1]['reduce'], rows[-1]['result']['count'], len(rows)), ('echo', 2, 3))

    def test_a_long_result_of_the_reduce_job_comes_whole(self):
        text = 'x' * 300000
        rows = self.rows('map', 'echo', '--reduce', 'echo=' + json.dumps(text[:120000]), stdin='1\n')
        self.assertEqual(rows[-1]['result'], text[:120000])

    def test_too_many_failures_cancel_the_rest(self):
        stdin = '{"ms":600000}\n' + '{}\n' * 3 + '{"ms":600000}\n'
        out, err = self.ctl('map', 'sleep', '--max-fails', '2', '--reduce', 'echo', stdin=stdin, status=1)
        states = sorted(json.loads(row)['state'] for row in out.splitlines())
        self.assertEqual(states.count('failed'), 3, (out, err))
        self.assertEqual(len(states), 5)
        self.assertNotIn('succeeded', states)
        self.assertIn('3 members failed, and max_fails is 2', err)

    def test_a_failed_reduce_job_is_told_and_the_exit_status_is_1(self):
        out, err = self.ctl('map', 'echo', '--reduce', 'file.digest={"path":"/nowhere"}', stdin='1\n', status=1)
        self.assertEqual(json.loads(out.splitlines()[-1])['state'], 'failed')
        self.assertIn('reduce job', err)

    def test_what_cannot_be_reduced_is_said_before_a_line_is_read(self):
        self.ctl('map', 'echo', '--reduce', 'nope', stdin='1\n', status=5)
        self.ctl('map', 'echo', '--reduce', 'echo={', stdin='1\n', status=2)
        self.ctl('map', 'echo', '--max-fails', '-1', stdin='1\n', status=2)
        self.ctl('map', 'echo', '--max-fails', '1', '--group', 'x', stdin='1\n', status=2)

    def test_ctrl_c_cancels_the_group(self):
        p = self.start('map', 'sleep', '--reduce', 'echo')
        p.stdin.write('{"ms":600000}\n{"ms":600000}\n')
        p.stdin.flush()
        until(lambda: len(self.c.call('job.list', filter={'state': 'running', 'type': 'sleep'})['items']) == 2, 'both')
        group = self.c.call('job.list', filter={'state': 'running', 'type': 'sleep'})['items'][0]['group']
        p.send_signal(signal.SIGINT)
        out, err = p.communicate(timeout=60 * PATIENCE)
        self.assertEqual([json.loads(row)['state'] for row in out.splitlines()], ['cancelled'] * 2)
        self.assertEqual(self.c.call('group.get', group=group)['state'], 'cancelled')


class Group(Ctl):
    def test_a_group_from_its_making_to_its_end(self):
        name = self.ctl('group', 'create', 'life', '--max-running', '2', '--reduce', 'echo')[0].strip()
        self.assertEqual(name, 'life')
        ids = [self.ctl('submit', 'echo', str(n), '--group', name)[0].strip() for n in range(3)]
        until(lambda: '0 of 3 members' in self.ctl('group', 'show', name)[0], 'three ends')
        self.ctl('group', 'wait', name, '--timeout', '20ms', status=4)
        self.assertEqual(self.ctl('-o', 'id', 'ls', '--group', name)[0].split(), ids[::-1])
        out, err = self.ctl('group', 'results', name)
        self.assertEqual([json.loads(row)['result'] for row in out.splitlines()], [0, 1, 2])
        self.assertIn('there will be more', err)
        self.ctl('group', 'close', name)
        self.assertEqual(self.rows('-o', 'json', 'group', 'wait', name)[0]['reduce']['result']['count'], 3)
        out, err = self.ctl('group', 'results', name)
        self.assertEqual((len(out.splitlines()), err), (3, ''))
        row = [g for g in self.rows('-o', 'ndjson', 'group', 'ls') if g['group'] == name][0]
        self.assertEqual((row['state'], row['max_running']), ('succeeded', 2))
        self.assertIn('life', self.ctl('group', 'ls')[0])
        self.ctl('group', 'cancel', name, status=8)
        self.ctl('group', 'show', 'nobody', status=3)

    def test_a_cancelled_group_is_waited_for_with_exit_status_1(self):
        name = self.ctl('group', 'create')[0].strip()
        self.ctl('submit', 'sleep', '{"ms":600000}', '--group', name)
        waiter = self.start('group', 'wait', name)
        self.assertIn('cancelled', self.ctl('group', 'cancel', name)[0])
        self.assertEqual(waiter.wait(60 * PATIENCE), 1)

    def test_long_results_of_members_come_whole(self):
        self.ctl('group', 'create', 'wide')
        text = json.dumps('y' * 500000)
        self.ctl('submit', 'echo', '-', '--group', 'wide', stdin=text)
        self.ctl('group', 'close', 'wide')
        self.ctl('group', 'wait', 'wide')
        self.assertEqual(self.rows('group', 'results', 'wide')[0]['result'], json.loads(text))


class Watch(Ctl):
    def nap(self):
        return self.c.call('job.call', type='sleep', args={'ms': 1}, queue='seen')['id']

    def read_to_the_end_of(self, watcher, job):
        rows = []
        while not rows or (rows[-1]['id'], rows[-1]['state']) != (job, 'succeeded'):
            rows.append(json.loads(watcher.stdout.readline()))
        return rows

    def test_watch_tells_what_happens_and_goes_on_from_a_cursor(self):
        first = self.start('-o', 'ndjson', 'watch', '-q', 'seen')
        job = self.nap()
        while not select.select([first.stdout], [], [], 0.1)[0]:    # until it watches
            job = self.nap()
        self.read_to_the_end_of(first, job)
        job = self.nap()
        rows = self.read_to_the_end_of(first, job)
        self.assertEqual([(r['id'], r['state']) for r in rows],
                         [(job, 'ready'), (job, 'running'), (job, 'succeeded')])
        again = self.start('watch', '-q', 'seen', '--cursor', rows[-2]['cursor'])
        self.assertEqual(again.stdout.readline().split()[-5:],
                         [str(job), 'succeeded', 'sleep', 'seen', 'finished'])
