"""test_proof_commands.py - what users of such systems complain of, and what attackers try, with commands: floods of
output, arguments that want to be options or shell, what leaks into a child, what is left of the dead."""

import base64
import os
import re
import signal
import tempfile
import unittest

from jobd_test import (Daemon, DaemonTest, OwnDaemonTest, RpcError, is_gone, little_quarantine, parent_of,
                       read, reasons, soon, until)

FLOOD = 2000 * 1000 * 1000      # bytes; JOBD_TEST_FLOOD has another number


def sh(script, **more):
    return dict(argv=['sh', '-c', script], **more)


def memory_kib(pid):
    """What is the process's own: neither its files nor what it shares."""
    line = next(line for line in read('/proc/%d/status' % pid).splitlines() if line.startswith(b'RssAnon'))
    return int(line.split()[1])


def zombies_below(jobd):
    """Dead processes that one of the daemon's has not collected."""
    ours = jobd.look() | {jobd.pid}
    return [pid for pid in map(int, filter(str.isdigit, os.listdir('/proc')))
            if parent_of(pid)[0] in ours and parent_of(pid)[1] == 'Z']


class Files(OwnDaemonTest):
    """A daemon with types from a directory of its own."""

    def setUp(self):
        place = tempfile.TemporaryDirectory(prefix='jobd-proof-')
        self.addCleanup(place.cleanup)
        self.place = place.name
        self.types = os.path.join(self.place, 'jobs.d')
        os.mkdir(self.types, 0o755)

    def type(self, name, text):
        with open(os.path.join(self.types, name + '.job'), 'w') as f:
            f.write(text)
        os.chmod(f.name, 0o644)

    def start(self, *settings, **arguments):
        self.jobd = self.daemon('jobs.dir=' + self.types, *settings, **arguments)
        self.c = self.jobd.client()

    def path(self, name):
        return os.path.join(self.place, name)

    def said(self, job):
        def look():
            data = self.c.call('job.log', id=job, stream='stdout').get('data', '')
            return data if '\n' in data else None
        return until(look, 'output of job %d' % job, 20)


# What a shell, a program's options, a path or a format would fall for.
HOSTILE = ['; touch OWNED', '$(touch OWNED)', '`touch OWNED`', '| touch OWNED', '&& touch OWNED', '\n touch OWNED\n',
           '" touch OWNED "', "' touch OWNED '", '> OWNED', '*', '?', '~', '~root', '$HOME', '${IFS}', '%s%n',
           '\\', '\\n', '{e}', '{{s}}', '}', '#', '!!', '\x01\x1b[31m\x7f', '\u202e\u00e9', ' ', '', 'a b\tc',
           'x' * 100000]
OPTIONS = ['-', '--', '-n', '--output=OWNED', '-oOWNED']

# NUL ends each argument: none can have one.
SAY = r"""
argv = ["printf", "%s\\0", "{s}", "in {s} it", "{p}", "{n}", "{f}", "{b}", "{e}", "{list}", "end"]
[param s]
type = string
default = s
[param p]
type = path
default = p
[param n]
type = int
min = 0
max = 9
default = 1
[param f]
type = number
default = 1.5
[param b]
type = bool
default = true
[param e]
type = enum
values = ["one", "two"]
default = one
[param list]
type = strings
default = []
"""

STRICT = r"""
argv = ["printf", "%s\\0", "{s}"]
[param s]
type = string
pattern = [a-z]+
max = 8
"""


class Arguments(Files):
    """Of a type with a param of each kind; its program prints each of its arguments with its length."""

    def setUp(self):
        super().setUp()
        self.type('say', SAY)
        self.type('strict', STRICT)
        self.start()

    def arguments(self, **args):
        return self.arguments_of('say', args)

    def arguments_of(self, type, args):
        """What the program was given, or None: it was refused, once and for all, with the reason."""
        try:
            job = self.c.run(type, args)
        except RpcError as e:
            self.assertEqual(e.kind, 'invalid_args')
            return None
        if job['state'] != 'succeeded':
            failure = job['failure']
            self.assertEqual((failure['kind'], failure['retryable']), ('error', False), job)
            self.assertTrue(failure['message'].startswith('args'), job)
            return None
        return self.output(job['id']).decode().split('\0')[:-1]

    def output(self, job):
        out, log = b'', {'next': 0, 'eof': False}
        while not log['eof']:
            log = self.c.call('job.log', id=job, stream='stdout', offset=log['next'])
            out += base64.b64decode(log['data_base64']) if 'data_base64' in log else log['data'].encode()
        return out

    usual = ['s', 'in s it', 'p', '1', '1.5', 'true', 'one', 'end']

    def test_each_value_is_one_argument_whatever_is_in_it(self):
        self.assertEqual(self.arguments(), self.usual)
        for value in HOSTILE:
            self.assertEqual(self.arguments(s=value), [value, 'in %s it' % value] + self.usual[2:], repr(value)[:80])
            if value:
                self.assertEqual(self.arguments(p=value), self.usual[:2] + [value] + self.usual[3:], repr(value)[:80])
        self.assertEqual(self.arguments(list=HOSTILE[:-1]), self.usual[:-1] + HOSTILE[:-1] + ['end'])
        self.assertFalse(os.path.exists('/OWNED'))

    def test_no_value_becomes_an_option(self):
        for value in OPTIONS:
            self.assertIsNone(self.arguments(s=value), value)
            self.assertIsNone(self.arguments(p=value), value)
            self.assertIsNone(self.arguments(list=['a', value]), value)
        self.assertIsNone(self.arguments(n=-1))
        self.assertIsNone(self.arguments(f=-0.5))

    def test_no_value_is_of_another_kind(self):
        for param, values in (
                ('s', [1, True, None, ['a'], {'a': 'b'}, 'a\0b']),
                ('p', ['', '..', 'a/../b', '../a', 'a/..', 'a\0', 1, ['a']]),
                ('n', ['1', '1; touch OWNED', 1.5, 1e3, 10, 10 ** 30, True, [1], None]),
                ('f', ['1', '1.5 -x', True, [1.5], None, '0x10', 'nan']),
                ('b', ['true', 'false', 1, 0, None, '; touch OWNED']),
                ('e', ['three', 'one two', 'one ', '', 'ONE', 1, None, ['one']]),
                ('list', ['a', [1], [['a']], [None], {'0': 'a'}, ['a\0b']]),
                ('other', ['a']), ('argv', [['touch', 'OWNED']]), ('env', [{'A': 'b'}]), ('cwd', ['/'])):
            for value in values:
                self.assertIsNone(self.arguments(**{param: value}), (param, value))
        for args in (7, 'text', ['--output=OWNED'], True):
            self.assertIsNone(self.arguments_of('say', args), args)

    def test_a_pattern_is_for_the_whole_value(self):
        self.assertEqual(self.arguments_of('strict', {'s': 'abc'}), ['abc'])
        for value in ('abc\n', '\nabc', 'abc\nABC', 'ABC', 'abc;', ';abc', 'abcdefghi', ''):
            self.assertIsNone(self.arguments_of('strict', {'s': value}), value)

    def test_ten_thousand_arguments_come_all_and_in_order(self):
        args = ['argument %d' % i for i in range(10000)]
        self.assertEqual(self.arguments(list=args), self.usual[:-1] + args + ['end'])


class Children(DaemonTest):
    """What a command finds, and what it does not."""

    def text(self, *argv, **more):
        job = self.c.run('command', dict(argv=list(argv), **more))
        self.assertEqual(job['state'], 'succeeded', job)
        return job['result']['stdout']

    def test_it_has_its_three_streams_and_no_other_descriptor(self):
        # Others run meanwhile, whose pipes are open in the same worker.
        others = [self.c.submit('command', {'argv': ['cat'], 'stdin_stream': True}) for _ in range(20)]
        until(lambda: all(self.c.get(job)['state'] == 'running' for job in others), 'the others', 20)
        names = self.text('sh', '-c', r"find /proc/$$/fd -type l -printf '%f %l\n'; :").splitlines()
        own = dict(line.split(' ', 1) for line in names)
        self.assertEqual((sorted(own), own['0']), (['0', '1', '2'], '/dev/null'))
        self.assertTrue(own['1'].startswith('pipe:') and own['2'].startswith('pipe:'), own)
        self.assertNotEqual(own['1'], own['2'])
        for job in others:
            self.c.call('job.write', id=job, eof=True)
        self.assertEqual({outcome['state'] for outcome in self.c.wait_all(others)}, {'succeeded'})

    def test_nothing_of_the_daemon_is_in_its_environment(self):
        os.environ['PROOF_SECRET'] = 'not for jobs'
        self.addCleanup(os.environ.pop, 'PROOF_SECRET')
        jobd = Daemon()
        self.addCleanup(jobd.stop)
        text = jobd.client().run('command', sh("tr '\\0' '\\n' </proc/self/environ"))['result']['stdout']
        self.assertNotIn('PROOF_SECRET', text)
        self.assertEqual(sorted(line.split('=')[0] for line in text.split()),
                         ['HOME', 'JOBD_ATTEMPT', 'JOBD_DEADLINE_MS', 'JOBD_FENCE', 'JOBD_JOB_ID', 'LANG', 'PATH'])

    def test_signals_limits_session_and_privileges_are_as_promised(self):
        status = dict(line.split(':\t', 1) for line in self.text('cat', '/proc/self/status').splitlines()
                      if ':\t' in line)
        self.assertEqual(int(status['SigBlk'], 16), 0)
        self.assertEqual(int(status['SigIgn'], 16), 0)
        self.assertEqual(status['NoNewPrivs'], '1')
        self.assertEqual(int(status['Umask'], 8), 0o077)
        limits = self.text('cat', '/proc/self/limits')
        self.assertRegex(limits, r'Max open files +1024 +1024')
        self.assertRegex(limits, r'Max core file size +0 +0')
        stat = self.text('cat', '/proc/self/stat').rsplit(')', 1)[1].split()
        group, session, terminal = stat[2:5]
        self.assertEqual((group, terminal), (session, '0'))
        self.assertEqual(self.text('pwd'), '/\n')

    def test_a_descriptor_that_is_closed_early_is_no_others(self):
        self.assertEqual(self.text('sh', '-c', 'exec 0<&- 1>&- 2>&-; ls /proc/self/fd >/dev/null 2>&1'), '')
        self.assertEqual(self.text('echo', 'still'), 'still\n')


class Flood(OwnDaemonTest):
    """stdout that does not end."""

    def test_a_flood_of_output_is_cut_at_its_limit_and_nobody_else_notices(self):
        flood = int(os.environ.get('JOBD_TEST_FLOOD', FLOOD))
        with little_quarantine():
            jobd = self.daemon('logs.max_bytes=8M')
        client = jobd.client(timeout=3600, hello={'max_line_bytes': 1 << 20})
        client.run('command', {'argv': ['true']})
        broker, worker = jobd.broker(), jobd.children_named('exec worker')[0]
        small = sh('echo small; echo beside >&2')
        before = [memory_kib(pid) for pid in (broker, worker)]
        job = client.submit('command', {'argv': ['head', '-c', str(flood), '/dev/zero']}, timeout_ms=0)
        worst, count = [0, 0], 0
        while True:
            # Others are served all the while; each of them is a moment at which memory is looked at.
            beside = client.run('command', small)['result']
            self.assertEqual((beside['stdout'], beside['stderr']), ('small\n', 'beside\n'))
            worst = [max(kib, memory_kib(pid)) for kib, pid in zip(worst, (broker, worker))]
            count += 1
            if client.get(job)['state'] != 'running':
                break
        result = client.wait(job)['result']
        self.assertEqual((result['exit_code'], result['stdout_bytes']), (0, flood))
        self.assertEqual([pid for pid in (broker, worker) if is_gone(pid)], [])
        for kib, old in zip(worst, before):
            self.assertLess(kib - old, 32 << 10, 'KiB more than before: %r, then %r' % (before, worst))
        self.assertGreater(count, 3)
        log = client.call('job.log', id=job, stream='stdout', offset=(8 << 20) - 10)
        self.assertEqual((log['bytes'], log['truncated'], base64.b64decode(log['data_base64'])),
                         (flood, True, bytes(10)))
        self.assertIn('stdout is truncated', client.call('job.log', id=job, stream='note')['data'])
        path = os.path.join(jobd.state_dir, 'logs', '%d.1' % job)
        self.assertLess(os.path.getsize(path), 9 << 20)


class Deaths(Files):
    """What dies, and what is left."""

    def test_no_zombie_is_left(self):
        self.start()
        jobs = [{'type': 'command', 'args': sh(script)} for script in (
            'exit 0', 'kill -SEGV $$', 'true & true & true', '(setsid sh -c "(true &); true" &)',
            'setsid sleep 999 & sleep 0', 'sh -c "sh -c true & exit" & wait')] * 20
        self.c.wait_all(self.c.submit_many(jobs))
        cancelled = [self.c.submit('command', sh('setsid sleep 999 & echo; sleep 999')) for _ in range(10)]
        for job in cancelled:
            self.said(job)
            self.c.call('job.cancel', id=job)
        self.c.wait_all(cancelled)
        until(lambda: not zombies_below(self.jobd), 'the last of the dead to be collected', 5)
        [worker] = self.jobd.children_named('exec worker')
        self.assertEqual(read('/proc/%d/task/%d/children' % (worker, worker)), b'')

    def test_what_leaves_its_session_as_its_command_ends_goes_with_it(self):
        # Some of these are in the middle of exec when they are looked at.
        self.start()
        script = 'setsid sleep 999 >/dev/null 2>&1 & echo $!'
        for _ in range(100):
            for outcome in self.c.wait_all(self.c.submit_many([{'type': 'command', 'args': sh(script)}] * 16)):
                self.assertTrue(is_gone(int(outcome['result']['stdout'])), outcome)

    def test_none_is_left_of_a_dead_worker_either(self):
        self.start()
        jobs = [self.c.submit('command', sh('setsid sleep 999 & (sleep 999 &); echo $$; sleep 999')) for _ in range(5)]
        pids = [int(self.said(job)) for job in jobs]
        os.kill(self.jobd.children_named('exec worker')[0], signal.SIGKILL)
        until(lambda: all(is_gone(pid) for pid in pids), 'the end of what it ran', 5)
        for job in jobs:
            self.c.call('job.cancel', id=job)
        self.c.wait_all(jobs)
        until(lambda: not zombies_below(self.jobd), 'the last of the dead to be collected', 5)

    def test_a_dead_exec_worker_is_replaced_within_a_second_and_others_do_not_notice(self):
        self.start()
        self.c.run('command', {'argv': ['true']})
        timers = [self.c.submit('sleep', {'ms': 2000}) for _ in range(5)]
        until(lambda: all(self.c.get(job)['state'] == 'running' for job in timers), 'the timers')

        def kill_it():
            os.kill(self.jobd.children_named('exec worker')[0], signal.SIGKILL)
            self.assertEqual(self.c.run('command', {'argv': ['true']})['result']['exit_code'], 0)

        soon(1, 'another exec worker', kill_it)
        for outcome in self.c.wait_all(timers):
            self.assertEqual((outcome['state'], len(self.c.get(outcome['id'])['attempts'])), ('succeeded', 1))

    def test_a_command_that_kills_its_worker_is_poison_and_its_neighbours_are_not(self):
        self.start()
        self.c.run('command', {'argv': ['true']})
        gate = self.path('gate')
        neighbours = [self.c.submit('command', sh('while [ ! -e %s ]; do sleep 0.02; done' % gate)) for _ in range(3)]
        until(lambda: all(self.c.get(job)['state'] == 'running' for job in neighbours), 'the neighbours', 20)
        poison = self.c.submit('command', sh('kill -KILL $PPID; sleep 999'))
        until(lambda: self.attempt_running(neighbours[0]) == 2, 'a neighbour in a worker of its own', 20)
        with open(gate, 'w'):
            pass
        self.assertEqual([outcome['state'] for outcome in self.c.wait_all(neighbours)], ['succeeded'] * 3)
        failure = self.c.wait(poison)['failure']
        self.assertEqual((failure['kind'], failure['attempt']), ('crash', 3), failure)
        self.assertIn('SIGKILL', failure['message'])
        self.assertEqual(self.c.run('command', {'argv': ['true']})['state'], 'succeeded')

    def test_it_is_that_beside_many_too(self):
        """More than are suspected at once: the first deaths are only counted."""
        self.start()
        gate = self.path('gate')
        wait = sh('while [ ! -e %s ]; do sleep 0.02; done' % gate)
        neighbours = [self.c.submit('command', wait, lane='async') for _ in range(12)]
        until(lambda: all(self.c.get(job)['state'] == 'running' for job in neighbours), 'the neighbours', 20)
        poison = self.c.submit('command', sh('kill -KILL $PPID; sleep 999'), lane='async')
        until(lambda: len(self.c.get(poison)['attempts']) >= 5, 'five deaths', 20)
        with open(gate, 'w'):
            pass
        self.assertEqual([outcome['state'] for outcome in self.c.wait_all(neighbours)], ['succeeded'] * 12)
        failure = self.c.wait(poison)['failure']
        self.assertEqual((failure['kind'], failure['attempt']), ('crash', 7), failure)

    def test_a_stopped_worker_is_found_and_its_commands_go_on_elsewhere(self):
        self.jobd = self.daemon('jobs.grace_ms=1s')
        self.c = self.jobd.client()
        self.c.run('command', {'argv': ['true']})
        gate = self.path('gate')
        job = self.c.submit('command', sh('while [ ! -e %s ]; do sleep 0.02; done' % gate))
        pid = until(lambda: next((w['pid'] for w in self.c.workers() if w['name'] == 'exec-1' and w['state'] == 'running'),
                                 None), 'its start')
        os.kill(pid, signal.SIGSTOP)
        late = self.c.submit('command', {'argv': ['true']})
        until(lambda: is_gone(pid), 'the end of the stopped worker', 10)
        with open(gate, 'w'):
            pass
        self.assertEqual([o['state'] for o in self.c.wait_all([job, late])], ['succeeded'] * 2)
        # whichever is seen first
        self.jobd.until_logged(re.compile(r'why=its (process is stopped|event loop is blocked)'))
        told = [t['reason'] for t in self.c.get(job)['transitions']]
        self.assertIn('worker_died', told)

    def test_one_that_is_stopped_while_it_has_nothing_holds_up_the_next_command_no_longer(self):
        self.jobd = self.daemon('jobs.grace_ms=1s')
        self.c = self.jobd.client()
        self.c.run('command', {'argv': ['true']})
        pid = until(lambda: next((w['pid'] for w in self.c.workers() if w['name'] == 'exec-1' and w['state'] == 'idle'),
                                 None), 'its rest')
        os.kill(pid, signal.SIGSTOP)
        self.assertEqual(self.c.run('command', {'argv': ['true']})['state'], 'succeeded')
        self.assertTrue(is_gone(pid))

    def attempt_running(self, job):
        shown = self.c.get(job)
        return len(shown['attempts']) if shown['state'] == 'running' else None

    def test_a_command_that_crashes_itself_fails_by_its_own_signal_and_costs_nobody_a_worker(self):
        self.start()
        self.c.run('command', {'argv': ['true']})
        workers = self.jobd.children_named('exec worker')
        job = self.c.run('command', sh('kill -SEGV $$'), retry={'max_attempts': 3, 'backoff_ms': 1})
        self.assertEqual((job['failure']['kind'], job['failure']['message'], job['failure']['attempt']),
                         ('signal', 'killed by SIGSEGV', 3))
        self.assertEqual(self.jobd.children_named('exec worker'), workers)

    def test_a_restart_ends_the_command_and_runs_it_again_and_says_why(self):
        state, mark = self.path('state'), self.path('mark')
        self.start('stop.drain_ms=100', state_dir=state)
        script = 'echo $$; [ -e %s ] && exit 0; touch %s; sleep 60' % (mark, mark)
        job = self.c.submit('command', sh(script, grace_ms=200))
        pid = int(self.said(job))
        until(lambda: os.path.exists(mark), 'its mark')
        self.jobd.stop()
        self.assertTrue(is_gone(pid))
        self.start(state_dir=state)
        self.assertEqual(self.c.wait(job)['state'], 'succeeded')
        self.assertIn(('ready', 'daemon_stop'), reasons(self.c.get(job)))


if __name__ == '__main__':
    unittest.main()
