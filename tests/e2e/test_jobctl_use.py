"""test_jobctl_use.py - jobctl as people and scripts use it: pipes, signals, long results, deaths."""

import hashlib
import json
import os
import signal
import subprocess
import tempfile
import unittest

from jobd_client import until
from jobd_test import DaemonTest, OwnDaemonTest, PATIENCE, program

FILES = tempfile.mkdtemp(prefix='jobctl-files-')


def file_of(text):
    f = tempfile.TemporaryFile()
    f.write(text.encode())
    f.seek(0)
    return f


class Run:
    def __init__(self, process):
        out, err = process.communicate(timeout=60 * PATIENCE)
        self.out, self.err, self.code = out.decode(), err.decode(), process.returncode


class Jobctl:
    """Starts jobctl with an environment that holds nothing but what a test says."""

    def start(self, *words, env=None, host=None, stdin=subprocess.PIPE):
        settings = {'PATH': os.environ['PATH'], 'LC_ALL': 'C.UTF-8', 'JOBD_HOST': host or self.jobd.unix}
        settings.update({k: v for k, v in os.environ.items() if 'SAN_OPTIONS' in k})
        settings.update(env or {})
        return subprocess.Popen([program('jobctl'), *words], env=settings,
                                stdin=stdin, stdout=subprocess.PIPE, stderr=subprocess.PIPE)

    def jobctl(self, *words, input=None, **more):
        if input is None:
            return Run(self.start(*words, **more))
        with file_of(input) as lines:       # a pipe would have to be fed and emptied at the same time
            return Run(self.start(*words, stdin=lines, **more))

    def ok(self, *words, **more):
        run = self.jobctl(*words, **more)
        self.assertEqual(run.code, 0, run.err)
        return run.out


class OneDaemon(Jobctl, DaemonTest):
    daemon_arguments = {'roots': (FILES,)}
    settings = ('net.max_line_bytes=16M',)

    def test_call_prints_what_the_handler_spelt_through_every_lane(self):
        text = '{"b": 1.0,  "a":[1e999, "\\u00e9\\/"], "b":2}'
        for lane in 'inline', 'async', 'thread', 'process':
            self.assertEqual(self.ok('call', 'echo', text, '--lane', lane), text + '\n')

    def test_a_result_longer_than_a_line_is_printed_whole(self):
        text = json.dumps(['x"y\u00fc\\'] * 400000, ensure_ascii=False)
        self.assertGreater(len(text), 4 << 20)     # jobctl reads lines of 4 MiB
        self.assertEqual(self.ok('call', 'echo', '-', input=text), text + '\n')
        self.assertEqual(self.ok('result', '@last'), text + '\n')
        many = self.ok('map', 'echo', '-j', '2000', '--gather', input=(text + '\n') * 4)
        self.assertEqual([json.loads(line)['result'] for line in many.splitlines()], [json.loads(text)] * 4)

    def test_exit_statuses_of_one_job(self):
        rows = [
            (('call', 'echo', '1'), 0), (('call', 'sleep', '{"ms": -1}'), 1),
            (('call', 'bench.cpu', '{"ms": 60000}', '--timeout', '100ms'), 124),
            (('call', 'no.such.type'), 127), (('call', 'echo', '{'), 125), (('call', 'echo', '--prio', '1'), 125),
            (('call', 'sleep', '{"ms": 60000}', '--wait', '10ms'), 125), (('result', '9007199254740991'), 125),
            (('result', '@last'), 125), (('call', 'echo', '1', '--lane', 'nowhere'), 125),
            (('-H', 'unix:/nonexistent/sock', 'call', 'echo'), 125),
        ]
        for words, code in rows:
            run = self.jobctl(*words)
            self.assertEqual(run.code, code, (words, run.err))
            self.assertEqual(len(run.err.splitlines()), 0 if code == 0 else 1, run.err)
        self.ok('cancel', '@last')

    def test_exit_statuses_of_everything_else(self):
        done = self.ok('submit', 'echo', '1').strip()
        slow = self.ok('submit', 'sleep', '{"ms": 60000}').strip()
        bad = self.ok('submit', 'sleep', '{"ms": "x"}').strip()
        rows = [
            (('wait', done), 0), (('wait', done, bad), 1), (('wait',), 2), (('wiat', done), 2),
            (('wait', done, '9007199254740991'), 3), (('show', '9007199254740991'), 3), (('type', 'show', 'x'), 3),
            (('wait', slow, '--timeout', '10ms'), 4), (('wait', slow, done, '--any'), 0),
            (('submit', 'no.such.type'), 5), (('submit', 'sleep', '--lane', 'process'), 5),
            (('ping', '-H', 'unix:/nonexistent/sock'), 6), (('cancel', done), 8),
            (('submit', 'echo', '--queue', 'two words'), 2), (('ls', '--state', 'lost'), 2),
        ]
        for words, code in rows:
            run = self.jobctl(*words)
            self.assertEqual(run.code, code, (words, run.out, run.err))
            self.assertTrue(code == 0 or run.err, words)
        self.assertEqual(self.ok('cancel', slow), slow + '\n')
        self.assertEqual(self.jobctl('wait', slow).code, 1)

    def test_every_format_says_the_same_jobs(self):
        ids = [int(self.ok('submit', 'echo', str(n), '-l', 'test=formats', '-q', 'formats')) for n in range(3)]
        chosen = ('ls', '-l', 'test=formats')
        newest = sorted(ids, reverse=True)
        self.assertEqual([int(line) for line in self.ok(*chosen, '-o', 'id').split()], newest)
        self.assertEqual([job['id'] for job in json.loads(self.ok(*chosen, '-o', 'json'))], newest)
        self.assertEqual([json.loads(line)['id'] for line in self.ok(*chosen, '-o', 'ndjson').splitlines()], newest)
        for wide in (), ('-o', 'wide'):
            table = self.ok(*chosen, *wide).splitlines()
            self.assertEqual([int(line.split()[0]) for line in table[1:]], newest)
            self.assertEqual(len({line.index('formats') for line in table[1:]}), 1)
        self.assertEqual(self.ok('ls', '%d-%d' % (ids[0], ids[0]), '-o', 'id'), '%d\n' % ids[0])
        self.assertEqual(self.ok('ls', '@last:2', '-l', 'test=formats', '-o', 'id').split(), [str(i) for i in ids[1:]])
        self.assertIn('formats', self.ok('queue', 'ls'))

    def test_pages_for_people_show_what_the_daemon_says(self):
        job = self.ok('submit', 'sleep', '{"ms": 60000}', '--order-key', 'a\x1bb', '--delay', '1h').strip()
        page = self.ok('show', job)
        for text in 'sleep', 'scheduled', '{"ms": 60000}', 'a\\x1bb', 'uid:':
            self.assertIn(text, page)
        self.assertNotIn('\x1b', page)
        explained = self.ok('explain', job)
        questions = json.loads(self.ok('explain', job, '-o', 'json'))['route']['questions']
        self.assertTrue(questions)
        for question in questions:
            self.assertIn(question['question'], explained)
            self.assertIn(question['evidence'], explained)
        for words in ('type', 'ls'), ('type', 'show', 'sleep'), ('worker', 'ls', '-o', 'wide'), ('stats',):
            self.assertGreater(len(self.ok(*words).splitlines()), 3)
        self.ok('cancel', job)

    def test_map_digests_files_as_sha256_does(self):
        paths = []
        for n in range(40):
            paths.append(os.path.join(FILES, 'file %d' % n))
            with open(paths[-1], 'wb') as f:
                f.write(os.urandom(n * 100))
        text = '\0'.join(paths + [os.path.join(FILES, 'nowhere')])
        run = self.jobctl('map', 'file.digest', '--lines', 'path', '-0', '-j', '5', input=text)
        self.assertEqual(run.code, 1)
        lines = {line['index']: line for line in map(json.loads, run.out.splitlines())}
        self.assertEqual(sorted(lines), list(range(41)))
        for n, path in enumerate(paths):
            with open(path, 'rb') as f:
                self.assertEqual(lines[n]['result']['digest'], hashlib.sha256(f.read()).hexdigest())
        self.assertEqual(lines[40]['state'], 'failed')
        last = run.err.splitlines()[-1]
        self.assertIn('41 jobs: 40 succeeded, 1 failed', last)
        command = last[last.index('jobctl ls') + len('jobctl '):].split()
        self.assertEqual(self.ok(*command, '-o', 'id'), '%d\n' % lines[40]['id'])

    def test_map_keeps_to_its_number_at_once_and_runs_as_many(self):
        def at_once():
            now = self.c.call('server.stats')['jobs']['now']
            return now['running'] + now['ready']

        self.c.call('queue.pause', name='mapped')
        process = self.start('map', 'sleep', '-j', '300', '-o', 'id', '-q', 'mapped')
        process.stdin.write(b'{"ms": 30}\n' * 900)
        process.stdin.close()
        process.stdin = None
        until(lambda: at_once() >= 300, 'as many as it may')
        self.c.call('queue.resume', name='mapped')
        most = 300
        while process.poll() is None:
            most = max(most, at_once())
        run = Run(process)
        self.assertEqual(run.code, 0, run.err)
        self.assertEqual(most, 300)

    def test_ctrl_c_ends_map_and_cancels_what_it_runs(self):
        process = self.start('map', 'sleep', '-j', '50', '-l', 'map=stopped')
        process.stdin.write(b'{"ms": 600000}\n' * 100)
        process.stdin.flush()
        running = {'filter': {'label': {'map': 'stopped'}, 'state': 'running'}, 'limit': 1000}
        until(lambda: len(self.c.call('job.list', **running)['items']) == 50, '50 running jobs')
        process.send_signal(signal.SIGINT)
        run = Run(process)
        self.assertEqual(run.code, -signal.SIGINT)
        self.assertIn('50 jobs: 0 succeeded, 50 cancelled', run.err)
        self.assertEqual({json.loads(line)['state'] for line in run.out.splitlines()}, {'cancelled'})
        self.assertEqual(self.c.call('job.list', **running)['items'], [])

    def test_a_reader_that_goes_early_or_reads_late_hurts_nobody(self):
        process = self.start('ls', '--all', '-o', 'ndjson')
        process.stdout.close()
        process.stdin.close()
        self.assertIn(process.wait(60 * PATIENCE), (0, -signal.SIGPIPE))
        process.stderr.close()
        lines = file_of((json.dumps('x' * 1000) + '\n') * 3000)
        submitted = self.c.call('server.stats')['jobs']['submitted']
        process = self.start('map', 'echo', '-j', '1000', stdin=lines)
        # what stdout and jobctl hold is full: it takes no new line, and keeps its connection
        until(lambda: self.c.call('server.stats')['jobs']['submitted'] > submitted + 900, 'a thousand jobs')
        run = Run(process)
        lines.close()
        self.assertEqual(run.code, 0, run.err)
        self.assertEqual(len(run.out.splitlines()), 3000)

    def test_over_tcp_the_token_is_found_by_itself(self):
        token = os.path.join(self.jobd.state_dir, 'client.token')
        self.assertEqual(self.ok('call', 'echo', '7', host=self.jobd.tcp, env={'JOBD_TOKEN_FILE': token}), '7\n')
        wrong = os.path.join(FILES, 'wrong.token')
        with open(os.open(wrong, os.O_CREAT | os.O_WRONLY, 0o600), 'w') as f:
            f.write('client.' + '0' * 64 + '\n')
        run = self.jobctl('call', 'echo', '7', host=self.jobd.tcp, env={'JOBD_TOKEN_FILE': wrong})
        self.assertEqual(run.code, 126, run.err)
        self.assertEqual(self.jobctl('ping', host=self.jobd.tcp, env={'JOBD_TOKEN_FILE': wrong}).code, 5)

    def test_help_of_every_verb_has_usage_options_and_an_example(self):
        verbs = [line[2:16].strip() for line in self.ok('help').splitlines() if line.startswith('  ')]
        self.assertGreater(len(verbs), 15)
        for verb in verbs:
            text = self.ok(*verb.split(), '--help')
            self.assertEqual(text, self.ok('help', *verb.split()))
            self.assertTrue(text.startswith('usage: jobctl ' + verb), text)
            for part in '\noptions\n', '\nexamples\n', '--output':
                self.assertIn(part, text)


class DaemonOfItsOwn(Jobctl, OwnDaemonTest):
    def test_drain_waits_for_what_runs_and_refuses_the_rest(self):
        self.jobd = self.daemon()
        self.ok('submit', 'sleep', '{"ms": 60000}', '--delay', '1h')
        slow = self.ok('submit', 'sleep', '{"ms": 60000}').strip()
        run = self.jobctl('drain', '--timeout', '50ms')
        self.assertEqual(run.code, 4, run.err)
        self.assertEqual(self.jobctl('submit', 'echo').code, 7)
        self.assertEqual(self.jobctl('call', 'echo').code, 125)
        self.assertEqual(self.jobctl('map', 'echo', input='1\n2\n').code, 7)
        process = self.start('drain')
        self.ok('cancel', slow)
        run = Run(process)
        self.assertEqual(run.code, 0, run.err)

    def test_a_daemon_that_dies_is_told_as_such(self):
        self.jobd = self.daemon()
        waiting = [self.start('call', 'sleep', '{"ms": 600000}'), self.start('map', 'sleep')]
        waiting[1].stdin.write(b'{"ms": 600000}\n' * 5)
        waiting[1].stdin.flush()
        c = self.jobd.client()
        until(lambda: c.call('server.stats')['jobs']['now']['running'] == 6, 'all to run')
        waiting.append(self.start('drain'))
        until(lambda: c.call('server.stats')['draining'], 'the drain')
        self.jobd.signal(signal.SIGKILL)
        codes = [Run(process).code for process in waiting]
        self.jobd.kill()
        self.assertEqual(codes, [125, 6, 6])

    def test_the_users_own_socket_comes_before_the_systems(self):
        run_dir = tempfile.mkdtemp(prefix='jobctl-run-')
        os.makedirs(os.path.join(run_dir, 'jobd'), 0o700)
        self.jobd = self.daemon(arguments=['--listen', 'unix:' + os.path.join(run_dir, 'jobd', 'jobd.sock')])
        env = {'JOBD_HOST': '', 'XDG_RUNTIME_DIR': run_dir}
        run = self.jobctl('ping', env=env)
        if os.getuid() == 0:        # root's own daemon is the system's, which is not this one
            self.assertNotIn(run_dir, run.out)
        else:
            self.assertIn('unix:' + run_dir, run.out)


def tearDownModule():
    for name in os.listdir(FILES):
        os.unlink(os.path.join(FILES, name))
    os.rmdir(FILES)


if __name__ == '__main__':
    unittest.main()
