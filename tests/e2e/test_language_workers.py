"""test_language_workers.py - workers in any language, as docs/workers.md has them: what they may do, and what
becomes of their jobs when they do not do it."""

import json
import os
import signal
import subprocess
import tempfile
import time
import unittest

from jobd_test import SOURCE, OwnDaemonTest, RpcError, is_gone, program, soon, until

RAW = os.path.join(SOURCE, 'tests', 'e2e', 'raw_worker.py')


def file_of(worker, types, **keys):
    lines = ['worker = ' + json.dumps(worker), 'types = ' + ' '.join(types)]
    return '\n'.join(lines + ['%s = %s' % item for item in keys.items()]) + '\n'


class LanguageTest(OwnDaemonTest):
    settings = ()

    def setUp(self):
        self.dir = tempfile.mkdtemp(prefix='jobd-pools-')
        os.chmod(self.dir, 0o755)
        self.addCleanup(__import__('shutil').rmtree, self.dir, True)

    def pool(self, name, lane, types, program=None, **keys):
        worker = program or ['python3', RAW, lane] + types
        with open(os.path.join(self.dir, name + '.worker'), 'w') as f:
            f.write(file_of(worker, types, **keys))

    def script(self, name, text):
        path = os.path.join(self.dir, name)
        with open(path, 'w') as f:
            f.write(text)
        os.chmod(path, 0o755)
        return path

    def start(self, *settings, **arguments):
        self.jobd = self.daemon('jobs.dir=' + self.dir, *settings, **arguments)
        self.c = self.jobd.client()
        return self.c

    def one_pool(self, lane='process', *settings, **keys):
        self.pool('raw', lane, ['raw'], **keys)
        return self.start(*settings)

    def workers(self, pool='raw'):
        return [w for w in self.c.call('worker.list')['items'] if w.get('pool') == pool]

    def ready(self, pool='raw', count=1):
        return until(lambda: [w for w in self.workers(pool) if w['state'] in ('idle', 'running')][:count]
                     if sum(w['state'] in ('idle', 'running') for w in self.workers(pool)) >= count else None,
                     'workers of %s' % pool)

    def do(self, what, type='raw', **args):
        return self.c.call('job.call', type=type, args=dict(args, do=what))

    def submit(self, what, type='raw', job=None, **args):
        return self.c.call('job.submit', type=type, args=dict(args, do=what), **(job or {}))['id']

    def state(self, job):
        return self.c.call('job.get', id=job)['state']

    def log_text(self, job, stream):
        return self.c.call('job.log', id=job, stream=stream)['data']


class TalkTest(LanguageTest):

    def test_a_job_runs_and_its_worker_is_listed(self):
        self.one_pool(count=2)
        self.assertEqual(self.do('echo', value=[1, {'a': None}])['result']['value'], [1, {'a': None}])
        for w in self.ready(count=2):
            self.assertEqual((w['language'], w['types'], w['lane']), ('python', ['raw'], 'process'))
        shown = self.c.call('type.show', name='raw')
        self.assertEqual((shown['lanes'], shown['summary']), (['process'], 'for tests'))

    def test_a_job_may_come_before_its_worker_is_ready(self):
        gate = os.path.join(self.dir, 'gate')
        self.pool('raw', 'process', ['raw'], [
            'sh', '-c', 'while [ ! -e %s ]; do sleep 0.01; done; exec python3 %s async raw' % (gate, RAW)])
        self.start()
        job = self.submit('echo', value=1)
        open(gate, 'w').close()
        self.assertEqual(self.c.call('job.wait', id=job)['result']['value'], 1)
        self.assertEqual(self.c.call('type.show', name='raw')['lanes'], ['async'])

    def test_the_worker_is_told_all_about_the_attempt(self):
        self.one_pool()
        before = time.time() * 1000
        got = self.c.call('job.call', type='raw', args={'do': 'run_params'}, timeout_ms=60000)
        run = got['result']
        self.assertEqual((run['job'], run['type'], run['attempt'], run['id']),
                         (got['id'], 'raw', 1, run['fence']))
        self.assertTrue(before + 50000 < run['deadline_ms'] < before + 70000)
        self.assertEqual(list(run)[:6], ['job', 'type', 'attempt', 'fence', 'deadline_ms', 'args'])

    def test_what_it_prints_is_the_log_of_its_job(self):
        self.one_pool()
        for i in range(20):
            job = self.do('say', text='out %d\n' % i, error='err %d\n' % i)['id']
            self.assertEqual(self.log_text(job, 'stdout'), 'out %d\n' % i)
            self.assertEqual(self.log_text(job, 'stderr'), 'err %d\n' % i)
        self.jobd.until_logged('text=starting')

    def test_notes_and_progress(self):
        self.one_pool()
        gate = os.path.join(self.dir, 'gate')
        job = self.submit('notes', file=gate)
        shown = until(lambda: self.c.call('job.get', id=job).get('progress'), 'progress')
        self.assertEqual((shown['done'], shown['total'], shown['text']), (1, 3, 'half'))
        open(gate, 'w').close()
        self.assertEqual(self.c.call('job.wait', id=job)['result'], 'noted')
        self.assertEqual(self.log_text(job, 'note'), 'warn: a note\n')

    def test_an_error_says_why_and_whether_to_try_again(self):
        self.one_pool()
        failed = self.do('fail', error={'code': -32000, 'message': 'ValueError: no', 'data': {
            'retryable': False, 'traceback': ['a', 'b']}})
        self.assertEqual(failed['failure']['message'], 'ValueError: no')
        self.assertEqual(failed['failure']['data']['traceback'], ['a', 'b'])
        job = self.submit('fail', job={'retry': {'max_attempts': 3, 'backoff_ms': 1}},
                          error={'message': 'again', 'data': {'retryable': True}})
        self.assertEqual(self.c.call('job.wait', id=job)['failure']['kind'], 'error')
        self.assertEqual(len(self.c.call('job.get', id=job)['attempts']), 3)
        job = self.submit('fail', job={'retry': {'max_attempts': 3, 'backoff_ms': 1}},
                          error={'message': 'never', 'data': {'retryable': False}})
        self.c.call('job.wait', id=job)
        self.assertEqual(len(self.c.call('job.get', id=job)['attempts']), 1)

    def test_a_result_that_is_none_fails_its_job_alone(self):
        self.one_pool('process', 'jobs.max_result_bytes=65536')
        pid = self.do('wait')['result']
        self.assertEqual(self.do('large', bytes=70000)['failure']['kind'], 'bad_result')
        self.assertEqual(self.do('raw', text='{"id":ID,"result":%s}\n' % ('[' * 40 + ']' * 40))['failure']['kind'],
                         'bad_result')
        self.assertEqual(self.do('wait')['result'], pid)

    def test_the_worker_of_the_manual_works(self):
        with open(os.path.join(SOURCE, 'docs', 'workers.md')) as f:
            lines = f.read().split('    #!/bin/sh\n', 1)[1].split('\n\nand `disk.worker`')[0].split('\n')
        path = self.script('disk', '#!/bin/sh\n' + '\n'.join(line[4:] for line in lines) + '\n')
        self.assertLessEqual(len([line for line in lines if line.strip()]) + 1, 20)
        self.pool('disk', 'process', ['disk.free'], [path], count=2)
        self.start()
        got = self.c.call('job.call', type='disk.free', args='/')
        self.assertGreater(got['result']['free_kib'], 0)
        self.assertIn('looking at /', self.log_text(got['id'], 'stdout'))
        failed = self.c.call('job.call', type='disk.free', args='/nowhere/at/all')
        self.assertEqual(failed['failure']['message'], 'there is no such path')


class EndTest(LanguageTest):

    def test_a_cancel_is_heard(self):
        self.one_pool('thread')
        job = self.submit('until_cancelled')
        until(lambda: self.state(job) == 'running', 'its start')
        self.assertEqual(self.c.call('job.cancel', id=job)['state'], 'cancelled')

    def test_what_does_not_end_in_time_is_ended_by_force(self):
        self.one_pool('process', 'jobs.grace_ms=100')
        job = self.submit('deaf', job={'timeout_ms': 100})
        self.assertEqual(self.c.call('job.wait', id=job)['failure']['kind'], 'timeout')
        self.assertEqual(self.do('echo', value=1)['result']['value'], 1)

    def test_a_stopped_worker_loses_its_job_at_the_deadline(self):
        self.one_pool('process', 'jobs.grace_ms=100')
        pid = self.do('wait')['result']
        job = self.submit('stop', job={'timeout_ms': 100})
        self.assertEqual(self.c.call('job.wait', id=job)['failure']['kind'], 'timeout')
        self.assertNotEqual(self.do('wait')['result'], pid)

    def test_a_stopped_worker_is_replaced_and_one_with_a_long_job_is_not(self):
        for lane in ('process', 'async'):
            with self.subTest(lane=lane):
                self.one_pool(lane, 'jobs.grace_ms=100ms', count=2)
                gate = os.path.join(self.dir, lane)
                job = self.submit('wait', file=gate)
                busy = until(lambda: next((w['pid'] for w in self.workers() if w.get('job') == job), None), 'its start')
                idle = next(w['pid'] for w in self.ready(count=2) if w['pid'] != busy)
                os.kill(idle, signal.SIGSTOP)
                until(lambda: is_gone(idle), 'the end of the stopped worker')
                self.jobd.until_logged('why=its process is stopped (SIGSTOP)')
                self.assertEqual(len(self.ready(count=2)), 2)
                open(gate, 'w').close()
                self.assertEqual(self.c.call('job.wait', id=job)['result'], busy)

    def test_a_job_in_a_stopped_worker_runs_again(self):
        for lane in ('process', 'thread', 'async'):
            with self.subTest(lane=lane):
                self.one_pool(lane, 'jobs.grace_ms=100ms')
                gate = os.path.join(self.dir, lane)
                job = self.submit('wait', file=gate)
                first = until(lambda: next((w['pid'] for w in self.workers() if w.get('job') == job), None), 'its start')
                os.kill(first, signal.SIGSTOP)
                until(lambda: is_gone(first), 'the end of the stopped worker')
                open(gate, 'w').close()
                self.assertNotEqual(self.c.call('job.wait', id=job)['result'], first)
                self.assertIn('worker_died', [t['reason'] for t in self.c.call('job.get', id=job)['transitions']])

    def test_a_job_that_stops_its_workers_fails_and_says_so(self):
        self.one_pool('process', 'jobs.grace_ms=100ms')
        job = self.submit('stop')
        failure = self.c.call('job.wait', id=job)['failure']
        self.assertEqual((failure['kind'], failure['attempt']), ('crash', 3))
        self.assertIn('the last was killed, as its process was stopped', failure['message'])
        self.assertEqual(self.do('echo', value=1)['result']['value'], 1)

    def test_a_thread_that_does_not_end_costs_its_worker_and_no_neighbour(self):
        self.one_pool('thread', 'jobs.grace_ms=100')
        gate = os.path.join(self.dir, 'gate')
        neighbour = self.submit('wait', file=gate)
        pid = self.ready()[0]['pid']
        job = self.submit('deaf', job={'timeout_ms': 100})
        self.assertEqual(self.c.call('job.wait', id=job)['failure']['kind'], 'timeout')
        until(lambda: any(w['pid'] not in (pid, None) for w in self.ready()), 'another worker')
        open(gate, 'w').close()
        self.assertEqual(self.c.call('job.wait', id=neighbour)['result'], pid)
        until(lambda: is_gone(pid), 'the end of the first')

    def test_killed_mid_job_it_is_replaced_and_the_job_runs_again(self):
        self.one_pool(count=2)

        def kill_one():
            gate = tempfile.mktemp(dir=self.dir)
            job = self.submit('wait', file=gate)
            busy = until(lambda: [w for w in self.ready(count=2) if w['job'] == job], 'its start')[0]
            os.kill(busy['pid'], signal.SIGKILL)
            self.assertEqual(self.do('echo', value=1)['result']['value'], 1)
            until(lambda: busy['pid'] not in [w['pid'] for w in self.ready(count=2)], 'the pool to be full again')
            open(gate, 'w').close()
            self.assertNotEqual(self.c.call('job.wait', id=job)['result'], busy['pid'])
            reasons = [t['reason'] for t in self.c.call('job.get', id=job)['transitions']]
            self.assertIn('worker_died', reasons)

        soon(1, 'a pool that is full again', kill_one)

    def test_a_poison_job_is_dead_after_three_workers(self):
        self.one_pool()
        job = self.submit('die', signal='SIGSEGV')
        self.assertEqual(self.c.call('job.wait', id=job)['failure']['kind'], 'crash')
        self.assertIn('SIGSEGV', self.c.call('job.wait', id=job)['failure']['message'])
        self.assertEqual(self.do('echo', value=1)['result']['value'], 1)

    def test_one_that_kills_itself_beside_others_is_found_too(self):
        """SIGKILL may be anybody's work: the first five times nobody is suspected."""
        self.one_pool('async')
        gate = os.path.join(self.dir, 'gate')
        others = [self.submit('wait', file=gate) for _ in range(3)]
        until(lambda: all(self.state(job) == 'running' for job in others), 'the others')
        job = self.submit('die', signal='SIGKILL')
        until(lambda: len(self.c.call('job.get', id=job)['attempts']) >= 5, 'five deaths', 30)
        open(gate, 'w').close()
        failure = self.c.call('job.wait', id=job)['failure']
        self.assertEqual((failure['kind'], failure['attempt']), ('crash', 7), failure)
        self.assertEqual([self.c.call('job.wait', id=other)['state'] for other in others], ['succeeded'] * 3)

    def test_an_exit_in_the_middle_is_a_death(self):
        self.one_pool()
        job = self.submit('exit', job={'on_lost': 'fail'}, code=7)
        self.assertIn('exit 7', self.c.call('job.wait', id=job)['failure']['message'])

    def test_garbage_kills_the_worker_and_is_shown(self):
        self.one_pool()
        for text, why in (('{"id":ID,"result":NaN}\n', 'NaN'), ('GARBAGE \x00\x1b[31m\n', r'GARBAGE'),
                          ('{"id":77,"result":1}\n', 'answers 77'), ('{"method":"job.submit"}\n', 'job.submit'),
                          ('{"id":ID,"result":1}\n{"id":ID,"result":2}\n', 'answered already')):
            self.ready()
            job = self.submit('raw', job={'on_lost': 'fail'}, text=text)
            self.c.call('job.wait', id=job)
            until(lambda: why in self.jobd.log(), why)
        self.jobd.until_logged('worker breaks the protocol')
        self.assertNotIn('\x1b', self.jobd.log())
        self.assertEqual(self.do('echo', value=1)['result']['value'], 1)

    def test_a_line_without_end_is_bounded(self):
        self.one_pool('process', 'jobs.max_result_bytes=65536')
        job = self.submit('raw', job={'on_lost': 'fail'}, text=' ' * 200000)
        self.assertEqual(self.c.call('job.wait', id=job)['failure']['kind'], 'lost')
        self.jobd.until_logged('a line has more than 131072 bytes')

    def test_whoever_closes_the_wire_is_replaced(self):
        program = self.script('closes', '''#!/bin/sh
            echo '{"method":"worker.ready","params":{"protocol":1,"types":[{"name":"raw"}]}}' >&3
            exec 3>&-
            exec sleep 100
        ''')
        self.pool('raw', 'process', ['raw'], [program])
        self.start()
        first = until(lambda: [w['pid'] for w in self.workers() if w['pid']], 'a worker')[0]
        until(lambda: is_gone(first), 'the end of a worker that does not speak')
        until(lambda: [w['pid'] for w in self.workers() if w['pid'] not in (first, None)], 'another one')


class PoolTest(LanguageTest):

    def test_recycled_between_jobs_by_number(self):
        self.one_pool(recycle_jobs=5)
        pids = [self.do('wait')['result'] for _ in range(23)]
        self.assertTrue(4 <= len(set(pids)) <= 6, pids)
        self.assertEqual([w['crashes'] for w in self.workers()], [0] * len(self.workers()))

    def test_recycled_by_age(self):
        self.one_pool(recycle_age='1s')
        first = self.ready()[0]['pid']
        until(lambda: is_gone(first), 'the end of the first')
        self.assertNotEqual(self.do('wait')['result'], first)

    def test_a_pool_that_cannot_start_is_broken_and_the_rest_serves(self):
        self.pool('raw', 'process', ['raw'])
        self.pool('bad', 'process', ['bad'], ['sh', '-c', 'echo no module named tasks >&2; exit 3'], count=2)
        self.start()
        until(lambda: 'pool is broken' in self.jobd.log(), 'the circuit breaker')
        job = self.c.call('job.submit', type='bad')['id']
        self.assertEqual(self.do('echo', value=1)['result']['value'], 1)
        rows = self.workers('bad')
        self.assertEqual(len(rows), 2)
        for row in rows:
            self.assertIn('exit 3: no module named tasks', row['why'])
        self.assertIn('exit 3: no module named tasks', self.c.call('type.show', name='bad')['why'])
        self.assertEqual(self.state(job), 'ready')
        explanation = self.c.call('job.explain', id=job)
        self.assertEqual([(w['kind'], w['why']) for w in explanation['waits']],
                         [('no_worker', 'exit 3: no module named tasks')])
        self.assertIn('of pool bad at this moment (they end before they are ready: exit 3: no module named tasks)',
                      explanation['text'])
        for verb in (['worker', 'ls'], ['type', 'show', 'bad'], ['explain', str(job)]):
            said = subprocess.run([program('jobctl'), '-H', self.jobd.unix, *verb], capture_output=True, text=True)
            self.assertIn('exit 3: no module named tasks', said.stdout)
        self.pool('bad', 'process', ['bad'])
        self.jobd.signal(signal.SIGHUP)
        self.assertEqual(self.c.call('job.wait', id=job)['state'], 'succeeded')
        self.assertNotIn('why', self.workers('bad')[0])

    def test_a_worker_that_is_never_ready_is_killed(self):
        self.pool('raw', 'process', ['raw'], ['sleep', '100'], ready='200ms')
        self.start()
        until(lambda: 'not ready in time' in self.jobd.log(), 'the deadline')

    def test_who_asks_for_a_type_by_its_pools_name_is_told(self):
        self.pool('images', 'process', ['raw', 'other'])
        self.start()
        with self.assertRaisesRegex(RpcError, "there is no type 'images': it is a pool, and its types are raw, other"):
            self.c.call('type.show', name='images')

    def test_a_file_that_takes_a_handlers_name_is_left_out_and_the_daemon_serves(self):
        self.pool('raw', 'process', ['raw'])
        self.pool('thief', 'process', ['sleep'])
        with open(os.path.join(self.dir, 'echo.job'), 'w') as f:
            f.write('argv = ["false"]\n')
        self.start()
        self.assertEqual(self.c.call('job.call', type='echo', args=[1])['result'], [1])
        self.assertEqual(self.c.call('job.call', type='sleep', args={'ms': 1})['state'], 'succeeded')
        self.assertEqual(self.do('echo', value=1)['result']['value'], 1)
        for name in 'sleep', 'echo':
            self.jobd.until_logged('type is left out type=%s ' % name)
        said = subprocess.run([program('jobctl'), '-H', self.jobd.unix, 'reload'], capture_output=True, text=True)
        self.assertIn('/echo.job: a handler of jobd or of a plugin has this name\n', said.stderr)

    def test_types_that_the_file_does_not_list_are_left_out(self):
        self.pool('raw', 'process', ['raw'], ['python3', RAW, 'process', 'raw', 'echo', 'other'])
        self.start()
        self.assertEqual(self.do('echo', value=1)['result']['value'], 1)
        self.assertEqual(self.ready()[0]['types'], ['raw'])
        with self.assertRaises(RpcError):
            self.c.call('job.call', type='other')
        self.assertIn('type is left out, as the pool\'s file does not list it pool=raw type=other',
                      self.jobd.log())

    def test_files_read_again_replace_the_workers_between_jobs(self):
        self.one_pool()
        gate = os.path.join(self.dir, 'gate')
        first = self.do('wait')['result']
        job = self.submit('wait', file=gate)
        until(lambda: self.state(job) == 'running', 'its start')
        self.pool('raw', 'process', ['raw'], count=2)
        self.jobd.signal(signal.SIGHUP)
        self.ready(count=2)
        self.assertEqual(self.c.call('type.show', name='raw')['summary'], 'for tests')
        open(gate, 'w').close()
        self.assertEqual(self.c.call('job.wait', id=job)['result'], first)
        until(lambda: is_gone(first), 'the end of the old one')

    def test_files_read_again_leave_workers_alone_whose_file_is_the_same(self):
        self.one_pool()
        kept = self.do('wait')['result']
        self.pool('fresh', 'process', ['fresh'])
        self.jobd.signal(signal.SIGHUP)
        until(lambda: self.workers('fresh') and self.workers('fresh')[0]['state'] == 'idle', 'the pool that is new')
        fresh = self.workers('fresh')[0]['pid']
        self.assertEqual(self.do('wait')['result'], kept)
        self.pool('raw', 'process', ['raw'], ready='29s')
        self.jobd.signal(signal.SIGHUP)
        until(lambda: is_gone(kept), 'the end of one whose file has changed')
        self.assertNotEqual(self.do('wait')['result'], kept)
        self.assertEqual(self.workers('fresh')[0]['pid'], fresh)

    def test_a_flood_of_output_holds_up_nobody(self):
        self.pool('raw', 'process', ['raw'])
        self.pool('loud', 'process', ['loud'], ['sh', '-c', 'yes hello & exec python3 %s process loud' % RAW])
        self.start()
        self.assertEqual(self.do('echo', value=1, type='loud')['result']['value'], 1)
        for i in range(50):
            self.assertEqual(self.do('echo', value=i)['result']['value'], i)
        self.assertLess(len(self.jobd.log()), 1 << 20)

    def test_many_short_jobs_through_a_window_are_all_answered_once(self):
        self.one_pool(count=2)
        ids = [self.submit('echo', value=i) for i in range(3000)]
        for i, job in enumerate(ids):
            self.assertEqual(self.c.call('job.wait', id=job)['result']['value'], i)


class OperatorTest(LanguageTest):

    def pid_of(self, name):
        return next((w['pid'] for w in self.workers() if w['name'] == name), None)

    def state_of(self, name):
        return next((w['state'] for w in self.workers() if w['name'] == name), None)

    def drained(self):
        """The name of a worker that was drained while it ran a job."""
        gate = os.path.join(self.dir, 'gate')
        name = self.ready()[0]['name']
        job = self.submit('wait', file=gate)
        until(lambda: self.state(job) == 'running', 'its start')
        pid = self.pid_of(name)
        self.assertEqual(self.c.call('worker.drain', name=name), {'name': name, 'state': 'draining'})
        open(gate, 'w').close()
        self.assertEqual(self.c.call('job.wait', id=job)['result'], pid)
        until(lambda: self.state_of(name) == 'gone', 'its end')
        self.assertTrue(is_gone(pid))
        return name

    def test_a_drained_workers_place_stays_empty_until_it_is_recycled(self):
        self.pool('other', 'process', ['other'])
        self.one_pool()
        name = self.drained()
        job = self.submit('echo', value=1)
        other = self.ready('other')[0]['pid']
        for pool in 'other', 'raw':
            self.pool(pool, 'process', [pool], ready='29s')
        self.jobd.signal(signal.SIGHUP)
        until(lambda: self.ready('other')[0]['pid'] != other, 'all pools to be begun anew')
        self.assertEqual((self.state_of(name), self.state(job)), ('gone', 'ready'))
        self.c.call('worker.recycle', name=name)
        self.assertEqual(self.c.call('job.wait', id=job)['result']['value'], 1)

    def test_a_recycled_worker_finishes_while_another_takes_over(self):
        self.one_pool()
        gate = os.path.join(self.dir, 'gate')
        name, pid = [self.ready()[0][key] for key in ('name', 'pid')]
        job = self.submit('wait', file=gate)
        until(lambda: self.state(job) == 'running', 'its start')
        self.assertEqual(self.c.call('worker.recycle', name=name)['state'], 'draining')
        with self.assertRaisesRegex(RpcError, 'worker %s is draining' % name):
            self.c.call('worker.recycle', name=name)
        self.assertNotEqual(self.do('wait')['result'], pid)
        open(gate, 'w').close()
        self.assertEqual(self.c.call('job.wait', id=job)['result'], pid)
        until(lambda: is_gone(pid), 'its end')

    def test_a_worker_that_has_grown_is_recycled(self):
        self.one_pool('process', recycle_rss='128M')
        pid = self.do('wait')['result']
        self.assertEqual(self.do('grow', bytes=200 << 20)['result'], pid)
        until(lambda: self.do('wait')['result'] != pid, 'another worker')
        self.jobd.until_logged('why=recycle_rss')
        self.assertEqual(self.do('wait')['result'], self.ready()[0]['pid'])


if __name__ == '__main__':
    unittest.main()
