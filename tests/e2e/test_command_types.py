"""Commands as types of files: what their jobs take and get, where they run, and what becomes of them."""

import os
import re
import resource
import shutil
import signal
import subprocess
import tempfile
import time
import unittest

from jobd_test import SOURCE, OwnDaemonTest, parent_of, program, read, until

WAIT = '''
argv = ["/bin/sleep", "{seconds}"]
[param seconds]
type = number
'''
ECHO = '''
summary = says what it is given
argv = ["/bin/echo", "{text}", "{times}"]
queue = talk
priority = 7
timeout = 90s
[param text]
type = string
pattern = [a-z]+
[param times]
type = int
default = 1
max = 5
'''
# Uses all the CPU it gets until it is ended.
BURN = '''
argv = ["/bin/sh", "-c", "while :; do :; done"]
'''


class CommandTest(OwnDaemonTest):
    def jobs(self, *settings, files=(), **arguments):
        """A daemon whose jobs.dir has these files."""
        self.dir = tempfile.mkdtemp(prefix='jobd-jobs-')
        self.addCleanup(shutil.rmtree, self.dir)
        for name, text in dict(files).items():
            self.put(name, text)
        return self.daemon('jobs.dir=' + self.dir, *settings, **arguments)

    def put(self, name, text):
        with open(os.path.join(self.dir, name + '.job'), 'w') as f:
            f.write(text)
        os.chmod(os.path.join(self.dir, name + '.job'), 0o644)

    @staticmethod
    def type(c, name):
        return next((t for t in c.items('type.list') if t['name'] == name), None)

    @staticmethod
    def exec_workers(c):
        return [w for w in c.workers() if w['lane'] == 'exec']

    @staticmethod
    def running(c):
        return sum(w['inflight'] for w in c.workers() if w['lane'] == 'exec')


class Types(CommandTest):
    def test_a_file_is_a_type_with_a_schema_and_defaults(self):
        c = self.jobs(files={'say': ECHO}).client()
        shown = c.call('type.show', name='say')
        self.assertEqual((shown['pool'], shown['served'], shown['role']), ('exec', True, 'submitter'))
        self.assertEqual(shown['file'], os.path.join(self.dir, 'say.job'))
        self.assertEqual(shown['lanes'], ['async', 'process'])
        self.assertEqual(shown['defaults'], {'queue': 'talk', 'priority': 7, 'timeout_ms': 90000, 'ttl_ms': 0,
                                             'on_lost': 'requeue'})
        self.assertEqual(shown['args_schema']['required'], ['text'])
        outcome = c.run('say', {'text': 'hello'})
        self.assertEqual(outcome['result'], {'exit_code': 0, 'stdout': 'hello 1\n', 'stderr': ''})
        job = c.get(outcome['id'])
        self.assertEqual((job['queue'], job['priority'], job['timeout_ms']), ('talk', 7, 90000))

    def test_a_type_says_how_much_of_its_output_is_kept(self):
        talk = 'argv = ["/usr/bin/head", "-c", "300000", "/dev/zero"]\n'
        c = self.jobs(files={'little': talk + 'output_max = 100000\n', 'all': talk}).client()
        for name, kept in (('little', 100000), ('all', 300000)):
            job = c.run(name)['id']
            end = c.call('job.log', id=job, stream='stdout', offset=kept - 1)
            self.assertEqual((end['data_base64'], end['eof'], end['truncated']), ('AA==', True, name == 'little'), name)
        self.assertIn('truncated', str(c.call('job.log', id=c.run('little')['id'], stream='note')))

    def test_what_a_job_says_goes_before_the_defaults(self):
        c = self.jobs(files={'say': ECHO}).client()
        args = {'text': 'a'}
        job = c.get(c.run('say', args, queue='other', priority=-1, timeout_ms=0)['id'])
        self.assertEqual((job['queue'], job['priority'], job.get('timeout_ms') or 0), ('other', -1, 0))
        hour = c.get(c.run('command', {'argv': ['/bin/true']})['id'])
        self.assertEqual(hour['timeout_ms'], 3600000)

    def test_args_that_the_file_does_not_declare_are_refused(self):
        c = self.jobs(files={'say': ECHO}).client()
        for args, word in (({}, 'text'), ({'text': 'UPPER'}, 'text'), ({'text': 'a', 'times': 6}, 'times'),
                           ({'text': 'a', 'more': 1}, 'more'), ({'text': '-n'}, 'text'), (None, 'text'),
                           ({'text': 'a', 'times': '1; rm'}, 'times')):
            outcome = c.run('say', args)
            self.assertEqual(outcome['state'], 'failed', args)
            self.assertIn(word, outcome['failure']['message'])
            self.assertEqual(len(c.get(outcome['id'])['attempts']), 1)

    def test_a_wrong_file_is_told_and_leaves_the_rest(self):
        c = self.jobs(files={'good': WAIT, 'bad': 'argv = ["/bin/true"\n', 'odd': 'argc = 1\n'}).client()
        rows = {os.path.basename(r['file']): r for r in c.call('type.list')['left_out']}
        self.assertEqual(set(rows), {'bad.job', 'odd.job'})
        self.assertEqual((rows['bad.job']['line'], rows['bad.job']['key']), (1, 'argv'))
        self.assertEqual(rows['odd.job']['key'], 'argc')
        self.assertEqual(c.run('good', {'seconds': 0})['state'], 'succeeded')
        self.assertEqual(c.error('job.call', type='bad'), 'unknown_type')
        self.assertEqual(c.error('type.show', name='bad'), 'not_found')

    def test_sighup_brings_new_types_and_takes_old_ones_away(self):
        jobd = self.jobs(files={'old': WAIT})
        c = jobd.client()
        self.put('new', WAIT)
        os.unlink(os.path.join(self.dir, 'old.job'))
        waiting = c.submit('old', {'seconds': 0}, delay_ms=1000)
        jobd.signal(signal.SIGHUP)
        until(lambda: self.type(c, 'new'), 'the new type')
        self.assertEqual(c.run('new', {'seconds': 0})['state'], 'succeeded')
        self.assertEqual(c.error('job.call', type='old', args={'seconds': 0}), 'unknown_type')
        self.assertFalse(self.type(c, 'old')['served'])
        said = subprocess.run([program('jobctl'), '-H', jobd.unix, 'call', 'old'], capture_output=True, text=True).stderr
        self.assertIn('no handler has the type old', said)
        self.assertNotIn('did you mean old?', said)
        until(lambda: c.get(waiting)['state'] == 'ready', 'the time of the job that waits')
        self.assertIn('type', c.call('job.explain', id=waiting)['text'])
        self.put('old', WAIT)
        jobd.signal(signal.SIGHUP)
        self.assertEqual(c.call('job.wait', id=waiting)['state'], 'succeeded')

    def test_a_changed_file_counts_for_attempts_that_start_from_then_on(self):
        jobd = self.jobs(files={'say': 'argv = ["/bin/echo", "one"]\n'})
        c = jobd.client()
        held = c.submit('say', {}, hold=True)
        self.assertEqual(c.run('say', {})['result']['stdout'], 'one\n')
        self.put('say', 'summary = changed\nargv = ["/bin/echo", "two"]\n')
        jobd.signal(signal.SIGHUP)
        until(lambda: self.type(c, 'say')['summary'] == 'changed', 'the changed file')
        c.call('job.release', id=held)
        self.assertEqual(c.call('job.wait', id=held)['result']['stdout'], 'two\n')

    def test_max_running_of_a_file_is_a_limit(self):
        c = self.jobs(files={'one': 'max_running = 1\n' + WAIT}, cpu_workers=4).client()
        ids = [c.submit('one', {'seconds': 60}) for _ in range(3)]
        until(lambda: self.running(c) == 1, 'the first one')
        self.assertEqual([c.get(i)['state'] for i in ids], ['running', 'ready', 'ready'])
        for i in ids:
            c.call('job.cancel', id=i)

    def test_retries_are_the_files_unless_the_job_says_its_own(self):
        c = self.jobs(files={'fails': 'argv = ["/bin/false"]\nmax_attempts = 3\nbackoff = 1ms\n'}).client()
        self.assertEqual(len(c.get(c.run('fails', {})['id'])['attempts']), 3)
        self.assertEqual(len(c.get(c.run('fails', {}, retry={'max_attempts': 1})['id'])['attempts']), 1)


class Lanes(CommandTest):
    def lane(self, c, job):
        return c.get(job)['attempts'][-1]['lane']

    def test_a_command_that_computes_takes_a_cpu_slot(self):
        c = self.jobs(files={'burn': BURN}, cpu_workers=2).client()
        ids = [c.submit('burn', {}) for _ in range(3)]
        until(lambda: [c.get(i)['state'] for i in ids] == ['running', 'running', 'ready'], 'both slots taken')
        self.assertIn('2 of 2', c.call('job.explain', id=ids[2])['text'])
        c.call('job.cancel', id=ids[0])
        until(lambda: c.get(ids[2])['state'] == 'running', 'the slot given on')
        for i in ids[1:]:
            c.call('job.cancel', id=i)

    def test_a_command_that_waits_gives_its_cpu_slot_back(self):
        c = self.jobs(files={'wait': WAIT}, cpu_workers=1).client()
        first = c.submit('wait', {'seconds': 300})
        until(lambda: c.get(first)['state'] == 'running' and self.lane(c, first) == 'async', 'a waiting slot')
        self.assertEqual(c.run('bench.cpu', {'ms': 1})['state'], 'succeeded')
        asked = c.submit('wait', {'seconds': 300}, lane='process')
        until(lambda: c.get(asked)['state'] == 'running', 'a second one, which has asked for its lane')
        until(lambda: c.get(asked)['attempts'][0].get('usage'), 'a look at what it uses')
        self.assertEqual(self.lane(c, asked), 'process')
        for i in (first, asked):
            c.call('job.cancel', id=i)

    def test_waiting_slots_are_as_many_as_configured(self):
        c = self.jobs('commands.waiting=2', files={'wait': WAIT}).client()
        ids = [c.submit('wait', {'seconds': 60}, lane='async') for _ in range(3)]
        until(lambda: self.running(c) == 2, 'two of them')
        self.assertEqual(c.get(ids[2])['state'], 'ready')
        self.assertIn('2 of 2', c.call('job.explain', id=ids[2])['text'])
        for i in ids:
            c.call('job.cancel', id=i)

    def test_a_pin_keeps_a_type_where_the_operator_wants_it(self):
        c = self.jobs(files={'wait': WAIT}, cpu_workers=1).client()
        c.call('type.pin', name='wait', lane='process')
        job = c.submit('wait', {'seconds': 300})
        until(lambda: c.get(job)['attempts'] and c.get(job)['attempts'][0].get('usage'), 'a look at what it uses')
        self.assertEqual(self.lane(c, job), 'process')
        c.call('job.cancel', id=job)

    def test_programs_are_told_apart_by_what_they_do(self):
        jobd = self.daemon(cpu_workers=2)
        c = jobd.client()
        nap = {'argv': ['/bin/sleep', '0.01']}
        spin = {'argv': ['/bin/sh', '-c', 'i=0; while [ $i -lt 9000 ]; do i=$((i+1)); done']}
        for _ in range(24):
            c.run('command', nap)
            c.run('command', spin)
        job = c.run('command', nap)['id']
        self.assertEqual(self.lane(c, job), 'async')
        why = str(c.call('job.explain', id=job)['route'])
        self.assertIn('measured', why)
        self.assertEqual(self.lane(c, c.run('command', spin)['id']), 'process')


class Many(CommandTest):
    def test_ten_thousand_sleeping_commands_at_once(self):
        count = self.as_many_as_there_may_be(10000)
        jobd = self.jobs('commands.waiting=%d' % count, 'stop.drain_ms=0', files={'wait': WAIT})
        c = jobd.client()
        c.call('type.pin', name='wait', lane='async')
        ids = []
        for at in range(0, count, 500):
            ids += c.submit_many([{'type': 'wait', 'args': {'seconds': 100000}, 'durability': 'memory'}] *
                                 min(500, count - at))
        until(lambda: self.sleeping(c) == count, '%d processes at once' % count, 120)
        self.assertEqual(self.running(c), count)
        self.assertEqual(len(self.exec_workers(c)), -(-count // 4000))
        self.assertEqual(c.run('echo', 1, lane='process')['state'], 'succeeded')
        for i in ids:
            c.start('job.cancel', id=i)
        until(lambda: self.running(c) == 0, 'the end of all', 120)
        self.assertEqual(self.sleeping(c), 0)

    def sleeping(self, c):
        """Processes that exec workers have started and that have become the command."""
        pids = [p for w in self.exec_workers(c) if w['pid']
                for p in read('/proc/%d/task/%d/children' % (w['pid'], w['pid'])).split()]
        return sum(read('/proc/%s/comm' % p.decode()) == b'sleep\n' for p in pids)

    def as_many_as_there_may_be(self, wanted):
        """Each command is a process; containers have limits of their own."""
        limits = [wanted]
        for path in ('/sys/fs/cgroup/pids.max', '/sys/fs/cgroup/pids/pids.max', '/proc/sys/kernel/threads-max',
                     '/proc/sys/kernel/pid_max'):
            text = read(path).strip()
            if text.isdigit():
                limits.append(int(text) * 8 // 10 - 500)
        most = resource.getrlimit(resource.RLIMIT_NPROC)[0]
        if most != resource.RLIM_INFINITY and os.geteuid() != 0:
            limits.append(most * 8 // 10 - 500)
        return min(limits)


class Deaths(CommandTest):
    def test_when_their_worker_is_killed_trees_are_gone_and_jobs_run_again(self):
        jobd = self.jobs(files={'tree': 'argv = ["/bin/sh", "-c", "sleep 4711 & sleep 4711"]\n',
                                'wait': WAIT}, cpu_workers=4)
        c = jobd.client()
        ids = [c.submit('tree', {}), c.submit('wait', {'seconds': 4711})]
        until(lambda: [c.get(i)['state'] for i in ids] == ['running', 'running'], 'both')
        pids = until(lambda: len(jobd.children_named('4711')) == 4 and jobd.children_named('4711'), 'all processes')
        worker = self.exec_workers(c)[0]
        os.kill(worker['pid'], signal.SIGKILL)
        until(lambda: all(len(c.get(i)['attempts']) == 2 and c.get(i)['state'] == 'running' for i in ids),
              'second attempts')
        self.assertFalse([p for p in pids if parent_of(p)[1] not in 'ZX'])
        self.assertNotEqual(self.exec_workers(c)[0]['pid'], worker['pid'])
        for i in ids:
            self.assertEqual(c.call('job.cancel', id=i)['state'], 'cancelled')

    def test_cancel_answers_when_the_whole_tree_is_gone(self):
        jobd = self.jobs(files={'tree': 'argv = ["/bin/sh", "-c", "setsid sleep 4712 & sleep 4712"]\n'})
        c = jobd.client()
        job = c.submit('tree', {})
        pids = until(lambda: len(jobd.children_named('sleep 4712')) == 3 and jobd.children_named('4712'), 'the tree')
        self.assertEqual(c.call('job.cancel', id=job)['state'], 'cancelled')
        self.assertEqual([p for p in pids if parent_of(p)[1] not in 'ZX'], [])

    def test_a_worker_that_is_drained_ends_and_is_filled_again_when_recycled(self):
        jobd = self.jobs(files={'wait': WAIT})
        c = jobd.client()
        job = c.submit('wait', {'seconds': 300})
        until(lambda: self.running(c) == 1, 'the command')
        first = self.exec_workers(c)[0]
        self.assertEqual(c.call('worker.drain', name=first['name']), {'name': first['name'], 'state': 'draining'})
        self.assertEqual(c.run('wait', {'seconds': 0})['state'], 'succeeded')     # in another worker
        self.assertEqual(c.get(job)['state'], 'running')
        c.call('job.cancel', id=job)
        until(lambda: all(w['state'] == 'gone' for w in c.workers() if w['name'] == first['name']), 'its end')
        c.call('worker.recycle', name=first['name'])
        until(lambda: any(w['name'] == first['name'] and w['pid'] not in (None, first['pid'])
                          for w in c.workers()), 'a fresh worker')
        self.assertEqual(c.error('worker.drain', name='none-1'), 'not_found')

    def test_a_recycled_cpu_worker_is_another_process(self):
        c = self.daemon(cpu_workers=1).client()
        first = next(w['pid'] for w in c.workers() if w['name'] == 'cpu-1')
        c.call('worker.recycle', name='cpu-1')
        until(lambda: next(w['pid'] for w in c.workers() if w['name'] == 'cpu-1') not in (None, first), 'another')
        self.assertEqual(c.run('echo', 1, lane='process')['state'], 'succeeded')

    def test_an_idle_worker_ends_but_for_the_last_one(self):
        c = self.jobs('commands.per_worker=1', 'commands.idle_ms=100', files={'wait': WAIT}).client()
        ids = [c.submit('wait', {'seconds': 300}, lane='async') for _ in range(3)]
        until(lambda: self.running(c) == 3, 'three workers')
        self.assertEqual(len(self.exec_workers(c)), 3)
        for i in ids:
            c.call('job.cancel', id=i)
        until(lambda: len(self.exec_workers(c)) == 1, 'one worker')
        self.assertEqual(c.run('wait', {'seconds': 0})['state'], 'succeeded')


class Talk(CommandTest):
    def test_what_is_written_to_a_command_is_what_it_reads(self):
        c = self.daemon().client()
        job = c.submit('command', {'argv': ['/bin/cat'], 'stdin_stream': True})
        until(lambda: c.get(job)['state'] == 'running', 'cat')
        self.assertEqual(c.call('job.write', id=job, data='one\n'), {'id': job, 'bytes': 4})
        self.assertEqual(c.call('job.write', id=job, data_base64='AAH/'), {'id': job, 'bytes': 3})
        self.assertEqual(c.error('job.write', id=job, data_base64='?'), 'invalid_params')
        self.assertEqual(c.error('job.write', id=job, data='a', data_base64='AA=='), 'invalid_params')
        self.assertEqual(c.call('job.write', id=job, data='end', eof=True), {'id': job, 'bytes': 3})
        result = c.call('job.wait', id=job)['result']
        self.assertEqual(result['stdout_base64'], 'b25lCgAB/2VuZA==')
        self.assertEqual(c.error('job.write', id=job, data='late'), 'conflict')

    def test_nobody_reads_what_is_written_to_a_command_that_ends(self):
        c = self.daemon().client()
        job = c.submit('command', {'argv': ['/bin/sh', '-c', 'read line'], 'stdin_stream': True})
        until(lambda: c.get(job)['state'] == 'running', 'sh')
        self.assertEqual(c.error('job.write', id=job, data='line\n' + 'x' * (1 << 19)), 'conflict')
        self.assertEqual(c.call('job.wait', id=job)['state'], 'succeeded')

    def test_the_grace_of_all_jobs_is_that_of_commands_that_say_none(self):
        c = self.jobs('jobs.grace_ms=200ms', files={
            'stubborn': 'argv = ["/bin/sh", "-c", "trap \'\' TERM; echo up; while :; do sleep 9; done"]'}).client()
        for type, args in ('stubborn', None), ('command', {
                'argv': ['/bin/sh', '-c', "trap '' TERM; echo up; while :; do sleep 9; done"]}):
            job = c.submit(type, args)
            until(lambda: 'up' in str(c.call('job.log', id=job)), 'its trap')
            asked_ms = time.time() * 1000
            c.call('job.cancel', id=job)
            self.assertLess(c.get(job)['attempts'][0]['ended_ms'] - asked_ms, 9000, 'without it they have 10 s')

    def test_a_signal_reaches_the_commands_group(self):
        c = self.daemon().client()
        job = c.submit('command', {'argv': ['/bin/sh', '-c', 'trap "echo got; exit 0" USR1; echo up; sleep 60 & wait']})
        until(lambda: 'up' in str(c.call('job.log', id=job)), 'its trap')
        self.assertEqual(c.call('job.signal', id=job, signal='SIGUSR1'), {'id': job, 'signal': 'USR1'})
        self.assertEqual(c.call('job.wait', id=job)['result']['stdout'], 'up\ngot\n')
        self.assertEqual(c.error('job.signal', id=job, signal='TERM'), 'conflict')
        self.assertEqual(c.error('job.signal', id=job, signal='NONE'), 'invalid_params')

    def test_only_commands_take_input_and_signals(self):
        c = self.daemon().client()
        job = c.submit('sleep', {'ms': 60000})
        until(lambda: c.get(job)['state'] == 'running', 'sleep')
        self.assertEqual(c.error('job.write', id=job, data='x'), 'conflict')
        self.assertEqual(c.error('job.signal', id=job, signal='TERM'), 'conflict')
        c.call('job.cancel', id=job)


class ManualTest(unittest.TestCase):
    def check(self, kind, text):
        with tempfile.TemporaryDirectory(prefix='jobd-manual-') as dir:
            path = os.path.join(dir, 'example.' + kind)
            with open(path, 'w') as f:
                f.write(text)
            got = subprocess.run([program('jobctl'), 'type', 'check', path], stdout=subprocess.PIPE,
                                 stderr=subprocess.STDOUT, timeout=60)
            self.assertEqual(got.returncode, 0, got.stdout.decode() + text)

    def test_the_files_of_the_manual_are_right(self):
        text = read(os.path.join(SOURCE, 'docs', 'jobd.job.5')).decode()
        files = re.findall(r'^\.Pa \w+\.(job|worker) :\n\.Bd .*\n((?s:.*?))^\.Ed', text, re.M)
        self.assertEqual([kind for kind, _ in files], ['job', 'worker'])
        for kind, example in files:
            self.check(kind, example)

    def test_the_files_of_the_readme_are_right(self):
        text = read(os.path.join(SOURCE, 'README.md')).decode()
        for kind, first in ('job', 'argv = '), ('worker', 'worker = '):
            example = re.search(r'^    %s.*\n(?:\n?    [^$].*\n)*' % first, text, re.M).group()
            self.assertIn('\n    [', example)          # to its last section
            self.check(kind, re.sub('^    ', '', example, flags=re.M))
