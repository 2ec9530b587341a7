"""Commands: the caller's own argv, run by jobd-exec; what comes of them, and what is left of them."""

import base64
import os
import signal
import unittest

from jobd_test import PATIENCE, DaemonTest, OwnDaemonTest, is_gone, until


def sh(script, **more):
    return dict(argv=['sh', '-c', script], **more)


def number_in(text):
    return int(text.split()[0])


class Commands(DaemonTest):
    def run_ok(self, args, **fields):
        job = self.c.run('command', args, **fields)
        self.assertEqual(job['state'], 'succeeded', job)
        return job['result']

    def run_failed(self, args, **fields):
        job = self.c.run('command', args, **fields)
        self.assertEqual(job['state'], 'failed', job)
        return job['failure']

    def said(self, job):
        """The first words of a running command's stdout."""
        def look():
            log = self.c.call('job.log', id=job, stream='stdout')
            return log.get('data') if '\n' in log.get('data', '') else None
        return until(look, 'output of job %d' % job)

    def test_result_has_exit_code_and_both_streams(self):
        self.assertEqual(self.run_ok(sh('echo out; echo err >&2')),
                         {'exit_code': 0, 'stdout': 'out\n', 'stderr': 'err\n'})

    def test_binary_output_is_base64(self):
        result = self.run_ok(sh("printf 'a\\0\\377'"))
        self.assertEqual(base64.b64decode(result['stdout_base64']), b'a\0\xff')

    def test_stdin_is_what_the_job_says(self):
        self.assertEqual(self.run_ok({'argv': ['cat'], 'stdin': 'h\u00e9\n'})['stdout'], 'h\u00e9\n')
        self.assertEqual(self.run_ok({'argv': ['cat']})['stdout'], '')
        self.assertEqual(self.run_ok({'argv': ['true'], 'stdin': 'x' * 500000})['exit_code'], 0)

    def test_result_as_json(self):
        self.assertEqual(self.run_ok(sh("echo '{\"a\": [1]}'", result='json')), {'a': [1]})
        failure = self.run_failed(sh('echo no', result='json'))
        self.assertEqual(failure['kind'], 'bad_result')
        self.assertIn('not one JSON value', failure['message'])
        self.assertEqual(self.run_ok(sh('echo 7 >$JOBD_RESULT', result='file')), 7)

    def test_deaths_are_in_plain_words(self):
        failure = self.run_failed(sh('echo why >&2; exit 3'))
        self.assertEqual((failure['kind'], failure['message']), ('exit', 'exit 3'))
        self.assertEqual(failure['data']['exit_code'], 3)
        self.assertEqual(failure['data']['stderr'], 'why\n')
        failure = self.run_failed(sh('kill -SEGV $$'))
        self.assertEqual((failure['kind'], failure['message']), ('signal', 'killed by SIGSEGV'))
        failure = self.run_failed({'argv': ['no-such-program']})
        self.assertEqual(failure['kind'], 'spawn')
        self.assertEqual(failure['message'], 'cannot start no-such-program: No such file or directory')
        failure = self.run_failed({'argv': ['/etc/passwd']})
        self.assertEqual(failure['message'], 'cannot start /etc/passwd: Permission denied')
        failure = self.run_failed(sh('sleep 99', grace_ms=100), timeout_ms=200)
        self.assertEqual(failure['kind'], 'timeout')

    def test_exit_75_is_tried_again_and_65_is_not(self):
        retry = {'max_attempts': 2, 'backoff_ms': 1}
        for code, attempts in ((75, 2), (65, 1)):
            job = self.c.run('command', sh('exit %d' % code), retry=retry)
            self.assertEqual(job['failure']['message'], 'exit %d' % code)
            self.assertEqual(job['failure']['attempt'], attempts, job)

    def test_ten_thousand_arguments(self):
        args = {'argv': ['sh', '-c', 'echo $#', 'sh'] + ['argument-%d' % i for i in range(10000)]}
        self.assertEqual(self.run_ok(args)['stdout'], '10000\n')

    def test_a_child_has_nothing_of_ours(self):
        self.assertEqual(self.run_ok(sh('ls /proc/self/fd | tr "\\n" " "'))['stdout'], '0 1 2 3 ')
        result = self.run_ok(sh("tr '\\0' '\\n' </proc/self/environ", env={'MINE': '1'}))
        names = sorted(line.split('=')[0] for line in result['stdout'].split())
        self.assertEqual(names, ['HOME', 'JOBD_ATTEMPT', 'JOBD_DEADLINE_MS', 'JOBD_FENCE', 'JOBD_JOB_ID', 'LANG',
                                 'MINE', 'PATH'])

    def test_what_callers_may_not_set_is_refused(self):
        for name in ('LD_PRELOAD', 'BASH_ENV', 'IFS', 'PYTHONPATH', 'JOBD_FENCE'):
            failure = self.run_failed({'argv': ['true'], 'env': {name: 'x'}})
            self.assertIn('args.env: %s is not for callers to set' % name, failure['message'])

    def test_cancel_answers_when_the_tree_is_gone(self):
        job = self.c.submit('command', sh("trap '' TERM; setsid sleep 999 & echo $! $$; sleep 999",
                                               grace_ms=200))
        pids = [int(word) for word in self.said(job).split()]
        self.c.call('job.cancel', id=job)
        self.assertEqual(self.c.wait(job)['state'], 'cancelled')
        for pid in pids:
            self.assertTrue(is_gone(pid))

    def test_a_daemon_that_is_forked_goes_with_its_command(self):
        result = self.run_ok(sh("(setsid sh -c 'echo $$; exec sleep 999' &); sleep 0.3"))
        self.assertTrue(is_gone(number_in(result['stdout'])))

    def test_a_command_that_closes_its_stdout_runs_on(self):
        self.assertEqual(self.run_ok(sh('echo a; exec >&- 2>&-; sleep 0.2'))['stdout'], 'a\n')

    def test_a_private_directory_is_made_and_removed(self):
        path = self.run_ok(sh('echo $JOBD_TMPDIR; touch $JOBD_TMPDIR/x', tmpdir=True))['stdout'].strip()
        self.assertTrue(path.startswith('/'))
        self.assertFalse(os.path.exists(path))

    def test_a_flood_of_output_takes_little_memory(self):
        with self.jobd.client(hello={'max_line_bytes': 1 << 20}) as client:
            job = client.run('command', sh('head -c 300000000 /dev/zero'))
        self.assertEqual(job['result']['stdout_bytes'], 300000000)
        worker = self.jobd.children_named('exec worker')[0]
        with open('/proc/%d/status' % worker) as f:
            own = next(line for line in f if line.startswith('RssAnon'))
        self.assertLess(int(own.split()[1]), 30 << 10, 'KiB of the exec worker')

    def test_a_signal_reaches_the_command(self):
        job = self.c.submit('command', sh("trap 'echo heard; exit 0' USR1; echo ready; while :; do sleep 0.05; done"))
        self.said(job)
        self.c.call('job.signal', id=job, signal='USR1')
        outcome = self.c.wait(job)
        self.assertEqual(outcome['result']['stdout'], 'ready\nheard\n')

    def test_stdin_can_be_written_while_it_runs(self):
        job = self.c.submit('command', sh('echo ready; cat', stdin_stream=True))
        self.said(job)
        self.c.call('job.write', id=job, data='one\n')
        self.c.call('job.write', id=job, data_base64=base64.b64encode(b'two\n').decode(), eof=True)
        self.assertEqual(self.c.wait(job)['result']['stdout'], 'ready\none\ntwo\n')

    def test_what_an_attempt_used_is_kept(self):
        job = self.c.submit('command', sh('i=0; while [ $i -lt 100000 ]; do i=$((i+1)); done'))
        self.c.wait(job)
        usage = self.c.get(job)['attempts'][0]['usage']
        self.assertGreater(usage['user_ms'], 0)
        self.assertGreater(usage['max_rss_bytes'], 100 << 10)


class ExecWorkers(OwnDaemonTest):
    def test_a_grace_of_its_own_is_honoured_however_long(self):
        c = self.daemon('jobs.grace_ms=1ms').client()
        job = c.submit('command', sh("trap 'sleep 6; echo tidied; exit 7' TERM; sleep 999 & echo on; wait",
                                      grace_ms=60000))
        until(lambda: c.call('job.log', id=job)['pieces'], 'its first word')
        c.call('job.cancel', id=job)
        self.assertEqual(c.wait(job)['state'], 'cancelled')
        self.assertIn('tidied', str(c.call('job.log', id=job)['pieces']))

    def test_a_dead_exec_worker_leaves_nothing_and_its_jobs_run_again(self):
        jobd = self.daemon()
        client = jobd.client()
        client.run('command', {'argv': ['true']})
        job = client.submit('command', sh('setsid sleep 999 & echo $! $$; sleep 999'))

        def said():
            log = client.call('job.log', id=job, stream='stdout')
            return log.get('data') if '\n' in log.get('data', '') else None
        pids = [int(word) for word in until(said, 'its output').split()]
        worker = jobd.children_named('exec worker')[0]
        os.kill(worker, signal.SIGKILL)
        until(lambda: all(is_gone(pid) for pid in pids), 'the end of what it ran')
        until(lambda: client.get(job)['state'] == 'running', 'another attempt')
        client.call('job.cancel', id=job)
        client.wait(job)

    def leave(self, method):
        """An exec worker is told to go while it runs a command; what comes after that runs in another."""
        jobd = self.daemon()
        client = jobd.client()
        client.run('command', {'argv': ['true']})
        held = client.submit('command', {'argv': ['cat'], 'stdin_stream': True})
        until(lambda: client.get(held)['state'] == 'running', 'its start')
        row = next(w for w in client.workers() if w['lane'] == 'exec')
        self.assertEqual(client.call(method, name=row['name']), {'name': row['name'], 'state': 'draining'})
        parent = client.run('command', sh('echo $PPID'))['result']['stdout']
        self.assertNotEqual(int(parent), row['pid'])
        client.call('job.write', id=held, data='done\n', eof=True)
        self.assertEqual(client.wait(held)['result']['stdout'], 'done\n')
        until(lambda: is_gone(row['pid']), 'the end of the worker')
        return client, row['name']

    def test_a_recycled_worker_finishes_its_commands(self):
        client, name = self.leave('worker.recycle')
        until(lambda: name not in [w['name'] for w in client.workers()], 'its place to be another')

    def test_a_drained_worker_finishes_its_commands_and_stays_away(self):
        client, name = self.leave('worker.drain')
        until(lambda: [w['state'] for w in client.workers() if w['name'] == name] == ['gone'], 'its end')
        client.call('worker.recycle', name=name)
        self.assertEqual(client.run('command', sh('echo again'))['result']['stdout'], 'again\n')

    def test_many_sleeping_commands_at_once(self):
        jobd = self.daemon('commands.waiting=2000')
        client = jobd.client()
        ids = client.submit_many([{'type': 'command', 'args': {'argv': ['sleep', '1000']}, 'lane': 'async'}] * 500)
        until(lambda: sum(client.get(job)['state'] == 'running' for job in (ids[0], ids[-1])) == 2,
              'all of them', seconds=60 * PATIENCE)
        for job in ids:
            client.call('job.cancel', id=job)
        for outcome in client.wait_all(ids):
            self.assertEqual(outcome['state'], 'cancelled')


if __name__ == '__main__':
    unittest.main()
