"""test_jobctl_run.py - jobctl run, logs, write, signal, and commands in submit and map, against a real jobd."""

import filecmp
import json
import os
import select
import signal
import subprocess
import tempfile
import time
import unittest

from jobd_test import DaemonTest, PATIENCE, descendants, little_quarantine, program, read, until


def rss_kib(pid):
    with open('/proc/%d/status' % pid) as status:
        return next(int(line.split()[1]) for line in status if line.startswith('VmRSS'))


def processes_named(word):
    """Processes of ours that have this word among their arguments; the same tests may run elsewhere."""
    return [pid for pid in descendants(os.getpid())
            if word.encode() in read('/proc/%d/cmdline' % pid).split(b'\0')]


# Whoever runs the tests may ignore them, and then so would jobctl.
HEARD = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGQUIT, signal.SIGHUP)}


def setUpModule():
    for number, handler in HEARD.items():
        if handler == signal.SIG_IGN:
            signal.signal(number, signal.SIG_DFL)


def tearDownModule():
    for number, handler in HEARD.items():
        signal.signal(number, handler)


class Run(DaemonTest):
    settings = ('jobs.grace_ms=60s',)

    @classmethod
    def setUpClass(cls):
        with little_quarantine():
            super().setUpClass()

    def tearDown(self):
        left = [job for state in ('scheduled', 'ready', 'running')
                for job in self.c.call('job.list', filter={'state': state})['items']]
        for job in left:
            self.c.call('job.cancel', id=job['id'])
        self.assertEqual(left, [], 'every job of a test has ended with it')

    def env(self, jobd=None):
        return dict(os.environ, JOBD_HOST=(jobd or self.jobd).unix, LC_ALL='C.UTF-8')

    def start(self, *words, jobd=None, **options):
        run = subprocess.Popen([program('jobctl'), *words], env=self.env(jobd), **options)
        self.addCleanup(lambda: (run.poll() is None and run.kill(), run.wait(),
                                 [s.close() for s in (run.stdin, run.stdout, run.stderr) if s]))
        return run

    def ctl(self, *words, stdin=b'', status=0, **options):
        run = subprocess.run([program('jobctl'), *words], input=stdin, env=self.env(), capture_output=True,
                             timeout=60 * PATIENCE, **options)
        self.assertEqual(run.returncode, status, (words, run.stdout[:200], run.stderr[:2000]))
        return run.stdout, run.stderr

    def expect(self, stream, what):
        """Reads until these bytes have come."""
        said, deadline = b'', time.monotonic() + 30 * PATIENCE
        while what not in said:
            left = deadline - time.monotonic()
            self.assertTrue(left > 0 and select.select([stream], [], [], left)[0], said)
            piece = os.read(stream.fileno(), 65536)
            self.assertTrue(piece, said)
            said += piece
        return said

    def wait_for(self, what):
        deadline = time.monotonic() + 30 * PATIENCE
        while not what():
            self.assertLess(time.monotonic(), deadline)
            time.sleep(0.01)

    # ---- exit status ----

    def test_it_exits_as_its_command_did_and_says_why(self):
        with tempfile.NamedTemporaryFile(suffix='.sh') as no_program:
            for words, status, said in (
                    (['true'], 0, b''), (['sh', '-c', 'exit 7'], 7, b'(exit): exit 7'),
                    (['sh', '-c', 'kill -TERM $$'], 128 + signal.SIGTERM, b'SIGTERM'),
                    (['sh', '-c', 'kill -KILL $$'], 128 + signal.SIGKILL, b'SIGKILL'),
                    (['/no/such/program'], 127, b'No such file or directory'), (['no-such-program-at-all'], 127, b'cannot start'),
                    ([no_program.name], 126, b'Permission denied')):
                out, err = self.ctl('run', '-n', '--', *words, status=status)
                self.assertEqual(out, b'')
                self.assertIn(said, err)
                self.assertEqual(err.count(b'\n'), 1 if status else 0, err)
        self.ctl('run', '-n', '-t', '100ms', 'sleep', '60', status=124)
        self.ctl('-H', 'unix:/no/such/socket', 'run', 'true', status=125)
        self.ctl('run', '--no-such-option', 'true', status=125)
        self.ctl('run', '-n', '-C', '/no/such/directory', 'true', status=126)

    def test_it_has_no_timeout_unless_asked(self):
        run = self.start('run', '-n', '--', 'sh', '-c', 'echo up; exec sleep 60.25', stdout=subprocess.PIPE,
                         stderr=subprocess.PIPE)
        self.expect(run.stdout, b'up')
        job = json.loads(self.ctl('-o', 'json', 'ls', '-n', '1')[0])[0]
        shown = json.loads(self.ctl('-o', 'json', 'show', str(job['id']))[0])
        shown = shown[0] if isinstance(shown, list) else shown
        self.assertEqual(shown['timeout_ms'], 0)
        run.send_signal(signal.SIGINT)
        run.wait(60 * PATIENCE)

    # ---- streams ----

    def test_both_streams_come_apart_and_every_byte_as_it_is(self):
        with tempfile.TemporaryDirectory() as where:
            noise = os.path.join(where, 'noise')
            with open(noise, 'wb') as out:
                out.write(os.urandom(3 << 20) + b'\xc3')
            out, err = self.ctl('run', '-n', '--', 'sh', '-c', 'cat "$0"; tail -c 100000 "$0" >&2', noise)
            with open(noise, 'rb') as same:
                bytes_of_noise = same.read()
            self.assertEqual(out, bytes_of_noise)
            self.assertEqual(err, bytes_of_noise[-100000:])

    def test_a_hundred_megabytes_of_stdin_go_through_cat_unchanged(self):
        with tempfile.TemporaryDirectory() as where:
            there, back = os.path.join(where, 'there'), os.path.join(where, 'back')
            with open(there, 'wb') as out:
                block = os.urandom(1 << 20)
                for n in range(100):
                    out.write(block[n:] + block[:n])
            with open(there, 'rb') as stdin, open(back, 'wb') as stdout:
                run = self.start('run', '--', 'cat', stdin=stdin, stdout=stdout)
                self.assertEqual(run.wait(120 * PATIENCE), 0)
            self.assertTrue(filecmp.cmp(there, back, shallow=False))

    def test_a_command_may_end_without_reading_its_stdin(self):
        out, _ = self.ctl('run', '--', 'sh', '-c', 'echo enough', stdin=b'x' * (8 << 20))
        self.assertEqual(out, b'enough\n')
        out, _ = self.ctl('run', '--', 'head', '-c', '5', stdin=b'hello' + b'x' * (8 << 20))
        self.assertEqual(out, b'hello')
        self.assertEqual(self.ctl('run', '-n', '--', 'cat', stdin=b'not read')[0], b'')

    def test_what_is_said_comes_at_once_and_stdin_can_answer(self):
        run = self.start('run', '--', 'sh', '-c', 'echo name?; read name; echo "hello $name"',
                         stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        self.expect(run.stdout, b'name?\n')
        run.stdin.write(b'anna\n')
        run.stdin.flush()
        self.expect(run.stdout, b'hello anna\n')
        self.assertEqual(run.wait(60 * PATIENCE), 0)

    def test_a_slow_reader_holds_the_command_back_and_memory_stays_flat(self):
        with tempfile.TemporaryDirectory() as where:
            progress = os.path.join(where, 'progress')
            broker = self.jobd.broker()
            memory = rss_kib(broker)
            run = self.start('run', '-n', '--', 'sh', '-c',
                             'i=0; while [ $i -lt 200 ]; do head -c 1000000 /dev/zero | tr "\\0" x; i=$((i+1)); echo $i > "$0"; done',
                             progress, stdout=subprocess.PIPE)
            self.expect(run.stdout, b'x')

            def written():
                with open(progress) as said:
                    return int(said.read() or 0)
            before, at, still = -1, -1, time.monotonic()
            while time.monotonic() - still < 1:          # until it has stood still for a second
                at = written() if os.path.exists(progress) else 0
                if at != before:
                    before, still = at, time.monotonic()
                time.sleep(0.05)
            self.assertLess(at, 100, 'nobody reads, and it goes on')
            self.assertLess(rss_kib(run.pid), (64 << 10) * PATIENCE)
            self.assertLess(rss_kib(broker), memory + (16 << 10) * PATIENCE, 'what nobody reads is with the broker')
            left, most = 200 * 1000000 - 1, []
            while left > 0:
                piece = os.read(run.stdout.fileno(), 1 << 20)
                if not piece:
                    break
                left -= len(piece)
                if left >> 23 != (left + len(piece)) >> 23:
                    most.append(rss_kib(broker))
            self.assertLess(max(most), memory + (16 << 10) * PATIENCE, 'and so it is as it is read')
            self.assertLess(abs(left), 65536)
            self.assertEqual(run.wait(60 * PATIENCE), 0)

    def test_nobody_reads_its_stdout_any_more_and_it_dies_of_that(self):
        run = self.start('run', '-n', '--', 'yes', 'no-reader', stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        self.expect(run.stdout, b'no-reader\n')
        run.stdout.close()
        self.assertEqual(run.wait(60 * PATIENCE), 128 + signal.SIGPIPE)
        self.wait_for(lambda: not processes_named('no-reader'))

    # ---- place ----

    def test_it_runs_where_we_are_with_the_variables_that_are_named(self):
        with tempfile.TemporaryDirectory() as where:
            where = os.path.realpath(where)
            os.environ['CTL_TEST_SECRET'], os.environ['CTL_TEST_SHOWN'] = 'hidden', 'shown'
            out, _ = self.ctl('run', '-n', '-e', 'A=b c', '-e', 'CTL_TEST_SHOWN', '-e', 'CTL_TEST_UNSET', '--', 'sh', '-c',
                              'pwd; env', cwd=where)
        lines = out.decode().splitlines()
        self.assertEqual(lines[0], where)
        self.assertIn('A=b c', lines)
        self.assertIn('CTL_TEST_SHOWN=shown', lines)
        self.assertNotIn('hidden', out.decode())
        self.assertNotIn('CTL_TEST_UNSET', out.decode())

    # ---- signals ----

    def test_ctrl_c_ends_it_with_all_its_processes(self):
        run = self.start('run', '-n', '--', 'sh', '-c', 'sleep 61.25 & echo up; sleep 61.25', stdout=subprocess.PIPE,
                         stderr=subprocess.PIPE)
        self.expect(run.stdout, b'up')
        run.send_signal(signal.SIGINT)
        self.assertEqual(run.wait(60 * PATIENCE), -signal.SIGINT)
        self.assertEqual(processes_named('61.25'), [])
        self.assertIn(b'once more kills it', run.stderr.read())

    def test_ctrl_c_before_the_job_is_known_ends_it_too(self):
        submitted = self.c.call('server.stats')['jobs']['submitted']
        for at in range(10):                            # at any moment: before its job, with it, after it
            run = self.start('run', '-n', '--', 'sleep', '66.25', stderr=subprocess.PIPE)
            if at % 2:
                self.wait_for(lambda: self.c.call('server.stats')['jobs']['submitted'] > submitted)
            run.send_signal(signal.SIGINT)
            self.assertEqual(run.wait(60 * PATIENCE), -signal.SIGINT, run.stderr.read())
            submitted = self.c.call('server.stats')['jobs']['submitted']
        self.wait_for(lambda: not processes_named('66.25'))     # tearDown sees that there is no job either

    def test_the_second_ctrl_c_kills_what_does_not_listen(self):
        run = self.start('run', '-n', '--', 'sh', '-c', 'trap "" TERM INT; echo up; while :; do sleep 62.25; done',
                         stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        self.expect(run.stdout, b'up')
        run.send_signal(signal.SIGINT)
        self.expect(run.stderr, b'once more kills it')
        began = time.monotonic()
        run.send_signal(signal.SIGINT)
        self.assertEqual(run.wait(60 * PATIENCE), -signal.SIGINT)
        self.assertLess(time.monotonic() - began, 55, 'not at the end of its grace')
        self.assertEqual(processes_named('62.25'), [])

    def test_other_signals_reach_the_command(self):
        run = self.start('run', '-n', '--', 'sh', '-c', 'trap "echo got usr1" USR1; echo up; while :; do sleep 0.01; done',
                         stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        self.expect(run.stdout, b'up')
        run.send_signal(signal.SIGUSR1)
        self.expect(run.stdout, b'got usr1')
        run.send_signal(signal.SIGHUP)
        self.assertEqual(run.wait(60 * PATIENCE), 128 + signal.SIGHUP)

    def test_ctrl_z_stops_both_and_fg_wakes_both(self):
        run = self.start('run', '-n', '--', 'sh', '-c', 'echo up; exec sleep 63.25', stdout=subprocess.PIPE,
                         stderr=subprocess.PIPE)
        self.expect(run.stdout, b'up')
        self.wait_for(lambda: processes_named('63.25'))
        [pid] = processes_named('63.25')

        def state(of):
            with open('/proc/%d/stat' % of) as stat:
                return stat.read().rsplit(')', 1)[1].split()[0]
        run.send_signal(signal.SIGTSTP)
        self.wait_for(lambda: state(run.pid) == 'T' and state(pid) == 'T')
        run.send_signal(signal.SIGCONT)
        self.wait_for(lambda: state(pid) == 'S')
        run.send_signal(signal.SIGTERM)
        self.assertEqual(run.wait(60 * PATIENCE), -signal.SIGTERM)

    # ---- left alone ----

    def test_detached_it_is_followed_written_to_and_signalled(self):
        job = self.ctl('run', '-di', '--', 'sh', '-c', 'echo up; read line; echo "got $line"; cat; echo end >&2'
                       )[0].decode().strip()
        self.assertTrue(job.isdigit())
        logs = self.start('logs', '-f', job, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        self.expect(logs.stdout, b'up\n')
        self.ctl('write', job, stdin=b'one\n')
        self.expect(logs.stdout, b'got one\n')
        self.ctl('write', '--eof', job, stdin=b'two')
        self.assertEqual(self.expect(logs.stdout, b'two')[-3:], b'two')
        self.assertEqual(logs.wait(60 * PATIENCE), 0)
        self.assertEqual(logs.stderr.read(), b'end\n')
        self.ctl('wait', job)
        self.ctl('write', job, stdin=b'more', status=8)
        self.ctl('write', job, stdin=b'', status=8)
        self.ctl('write', '99999999', stdin=b'', status=3)
        self.ctl('signal', 'TERM', job, status=8)
        self.assertEqual(self.ctl('logs', job, '--stream', 'stderr'), (b'', b'end\n'))
        pieces = [json.loads(line) for line in self.ctl('logs', job, '-o', 'ndjson')[0].splitlines()]
        self.assertEqual({piece['stream'] for piece in pieces}, {'stdout', 'stderr'})

    def test_signal_reaches_the_process_group(self):
        job = self.ctl('submit', '--', 'sh', '-c', 'echo up; exec sleep 65.25')[0].decode().strip()
        self.wait_for(lambda: self.ctl('logs', job)[0] == b'up\n')
        self.assertEqual(self.ctl('signal', 'USR2', job)[0].decode().strip(), job)
        self.ctl('wait', job, status=1)
        self.assertIn(b'SIGUSR2', self.ctl('result', job, status=128 + signal.SIGUSR2)[1])

    def test_logs_go_on_from_one_attempt_to_the_next(self):
        job = self.c.call('job.submit', type='command', retry={'max_attempts': 2, 'backoff_ms': 600000, 'max_backoff_ms': 600000},
                          args={'argv': ['sh', '-c', 'echo "$JOBD_ATTEMPT" >&2; [ "$JOBD_ATTEMPT" = 2 ]']})['id']
        until(lambda: self.c.call('job.get', id=job)['state'] == 'scheduled', 'the end of its first attempt', 30)
        logs = self.start('logs', '-f', '--offset', '2', str(job), stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        heard = self.start('logs', '-f', str(job), stderr=subprocess.PIPE)
        self.expect(heard.stderr, b'1\n')
        self.assertIsNone(logs.poll(), 'between two attempts it has not ended')
        self.c.call('job.update', id=job, delay_ms=0)
        self.assertIn(b'2\n', self.expect(heard.stderr, b'2\n'))
        self.assertEqual(heard.wait(60 * PATIENCE), 0)
        self.assertEqual(logs.wait(60 * PATIENCE), 0)

    def test_logs_of_a_job_that_is_gone_are_not_found(self):
        job = self.ctl('submit', '--', 'echo', 'hi')[0].decode().strip()
        self.ctl('wait', job)
        self.assertEqual(self.ctl('logs', job), (b'hi\n', b''))
        self.ctl('forget', job)
        self.ctl('logs', job, status=3)
        self.ctl('logs', '-f', job, status=3)

    # ---- map ----

    def test_a_command_runs_for_each_line_as_it_is(self):
        lines = [b'plain', b'two words', b'"double" \'single\'', b'-n', b'--help', b'$(id) `id` \\ *', b'', '\u00e4'.encode()]
        out, err = self.ctl('map', '--gather', '--', 'printf', '<%s|%s>', '{}', 'a{}b{}', stdin=b'\n'.join(lines) + b'\n')
        said = [json.loads(line)['result']['stdout'].encode() for line in out.splitlines()]
        self.assertEqual(said, [b'<%s|a%sb%s>' % (line, line, line) for line in lines])
        out, err = self.ctl('map', '-0', '--gather', '--', 'printf', '%s', '{}', stdin=b'new\nline\0other')
        self.assertEqual([json.loads(line)['result']['stdout'] for line in out.splitlines()], ['new\nline', 'other'])

    def test_map_tells_which_commands_failed(self):
        out, err = self.ctl('map', '-j4', '--', 'sh', '-c', 'exit "$1"', 'sh', '{}', stdin=b'0\n3\n0\n', status=1)
        rows = sorted((json.loads(line) for line in out.splitlines()), key=lambda row: row['index'])
        self.assertEqual([row['state'] for row in rows], ['succeeded', 'failed', 'succeeded'])
        self.assertEqual(rows[1]['failure']['data']['exit_code'], 3)
        self.assertIn(b'3 jobs: 2 succeeded, 1 failed', err)


class Restarted(DaemonTest):
    def test_run_goes_on_when_the_broker_was_killed(self):
        with tempfile.TemporaryDirectory() as where:
            mark = os.path.join(where, 'mark')
            run = subprocess.Popen(
                [program('jobctl'), 'run', '-n', '--', 'sh', '-c',
                 'echo "attempt $JOBD_ATTEMPT"; [ -e "$0" ] && exit 5; touch "$0"; exec sleep 64.25', mark],
                env=dict(os.environ, JOBD_HOST=self.jobd.unix), stdout=subprocess.PIPE, stderr=subprocess.PIPE)
            try:
                self.assertEqual(run.stdout.readline(), b'attempt 1\n')
                until(lambda: os.path.exists(mark), 'the first attempt', 30)
                os.kill(self.jobd.broker(), signal.SIGKILL)
                out, err = run.communicate(timeout=90 * PATIENCE)
            finally:
                run.kill()
                run.wait()
        self.assertEqual(run.returncode, 5, err)
        self.assertEqual(out, b'attempt 2\n')
        self.assertIn(b'when the daemon is back', err)
        self.assertEqual(processes_named('64.25'), [])

    def test_logs_go_on_when_the_broker_was_killed(self):
        with tempfile.TemporaryDirectory() as where:
            mark = os.path.join(where, 'mark')
            script = 'echo "attempt $JOBD_ATTEMPT"; [ -e "$0" ] && exit; touch "$0"; exec sleep 64.26'
            job = self.c.submit('command', {'argv': ['sh', '-c', script, mark]})
            logs = subprocess.Popen([program('jobctl'), 'logs', '-f', str(job)],
                                    env=dict(os.environ, JOBD_HOST=self.jobd.unix), stdout=subprocess.PIPE,
                                    stderr=subprocess.PIPE)
            try:
                self.assertEqual(logs.stdout.readline(), b'attempt 1\n')
                until(lambda: os.path.exists(mark), 'the first attempt', 30)
                os.kill(self.jobd.broker(), signal.SIGKILL)
                out, err = logs.communicate(timeout=90 * PATIENCE)
            finally:
                logs.kill()
                logs.wait()
        self.assertEqual((logs.returncode, out), (0, b'attempt 2\n'), err)
        self.assertIn(b'we go on when the daemon is back', err)


if __name__ == '__main__':
    unittest.main()
