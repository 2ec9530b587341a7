"""test_trace.py - the trace that a job belongs to, from whoever submits it to its handler; and `jobctl trace`,
which draws what ran where."""

import json
import os
import resource
import subprocess
import sys
import tempfile
import time
import unittest

import jsonschema

from jobd_test import BUILD, SOURCE, DaemonTest, OwnDaemonTest, PATIENCE, RpcError, program, read, until
from plugin_dir import PluginDir
from survive import SurviveTest

TRACE = '00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01'
OTHER = '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-00'

# What of the Trace Event Format is used: complete and metadata events, with times in microseconds.
INTEGER = {'type': 'integer', 'minimum': 0}
SLICE = {
    'type': 'object', 'additionalProperties': False,
    'required': ['name', 'ph', 'cat', 'ts', 'dur', 'pid', 'tid', 'args'],
    'properties': {
        'name': {'type': 'string', 'minLength': 1}, 'ph': {'const': 'X'}, 'cat': {'type': 'string'},
        'ts': INTEGER, 'dur': INTEGER, 'pid': {'type': 'integer', 'minimum': 1},
        'tid': {'type': 'integer', 'minimum': 1},
        'args': {'type': 'object', 'additionalProperties': False,
                 'required': ['job', 'attempt', 'type', 'queue', 'lane', 'state', 'end', 'wait_ms'],
                 'properties': {
                     'job': INTEGER, 'attempt': INTEGER, 'type': {'type': 'string'}, 'queue': {'type': 'string'},
                     'lane': {'enum': ['inline', 'async', 'thread', 'process']}, 'state': {'type': 'string'},
                     'end': {'type': 'string'}, 'wait_ms': INTEGER, 'traceparent': {'type': 'string'}}}}}
METADATA = {
    'type': 'object', 'additionalProperties': False, 'required': ['name', 'ph', 'pid', 'tid', 'args'],
    'properties': {
        'name': {'enum': ['process_name', 'process_sort_index', 'thread_name', 'thread_sort_index']},
        'ph': {'const': 'M'}, 'pid': {'type': 'integer', 'minimum': 1}, 'tid': {'type': 'integer', 'minimum': 1},
        'args': {'type': 'object', 'maxProperties': 1, 'minProperties': 1, 'additionalProperties': False,
                 'properties': {'name': {'type': 'string'}, 'sort_index': INTEGER}}}}
FORMAT = {
    'type': 'object', 'required': ['traceEvents', 'displayTimeUnit'],
    'properties': {'displayTimeUnit': {'const': 'ms'},
                   'traceEvents': {'type': 'array', 'items': {'if': {'properties': {'ph': {'const': 'X'}}},
                                                              'then': SLICE, 'else': METADATA}}}}

KIT = os.path.join(SOURCE, 'workers', 'languages', 'python')
CLIENT = os.path.join(SOURCE, 'client', 'python')


def jobctl(jobd, *words, status=0, env=None, stdin=b''):
    run = subprocess.run([program('jobctl'), '-H', jobd.unix, *words], input=stdin, capture_output=True,
                         timeout=60 * PATIENCE,
                         env={**{k: v for k, v in os.environ.items() if k != 'TRACEPARENT'}, **(env or {})})
    if run.returncode != status:
        raise AssertionError('%s: status %d\n%s%s' % (words, run.returncode, run.stdout, run.stderr))
    return run.stdout.decode()


class Context(OwnDaemonTest):
    def start(self, *settings):
        plugins = PluginDir('trace.so')
        self.addCleanup(plugins.remove)
        self.jobd = self.daemon(plugins.setting(), *settings)
        self.c = self.jobd.client()

    def test_a_handler_in_any_lane_knows_the_trace_of_its_job(self):
        self.start()
        for lane in ('async', 'thread', 'process'):
            self.assertEqual(self.c.run('trace.parent', lane=lane, traceparent=TRACE)['result'], TRACE)
            self.assertIsNone(self.c.run('trace.parent', lane=lane)['result'])

    def test_a_command_has_it_in_its_environment_unless_it_says_that_itself(self):
        self.start()
        say = {'argv': ['sh', '-c', 'echo "${TRACEPARENT-none}"']}
        for args, fields, said in ((say, {'traceparent': TRACE}, TRACE), (say, {}, 'none'),
                                   ({**say, 'env': {'TRACEPARENT': 'mine'}}, {'traceparent': TRACE}, 'mine')):
            self.assertEqual(self.c.run('command', args, **fields)['result']['stdout'], said + '\n')

    def test_a_language_worker_is_told(self):
        files = tempfile.TemporaryDirectory(prefix='jobd-trace-')
        self.addCleanup(files.cleanup)
        os.chmod(files.name, 0o755)
        with open(os.path.join(files.name, 'tells.py'), 'w') as f:
            f.write('import jobd_worker as jobd\n\n'
                    '@jobd.job\ndef parent():\n    return jobd.traceparent()\n\njobd.serve()\n')
        os.makedirs(os.path.join(files.name, 'jobs.d'))
        with open(os.path.join(files.name, 'jobs.d', 'tells.worker'), 'w') as f:
            f.write('worker = ["%s", "-B", "%s/tells.py"]\ntypes = parent\ncwd = %s\n[env]\nPYTHONPATH = %s\n'
                    % (sys.executable, files.name, files.name, KIT))
        self.start('jobs.dir=' + os.path.join(files.name, 'jobs.d'))
        self.assertEqual(self.c.run('parent', {}, traceparent=TRACE)['result'], TRACE)
        self.assertIsNone(self.c.run('parent', {})['result'])

    def test_what_is_no_trace_is_refused(self):
        self.start()
        for wrong in ('x', TRACE.upper(), TRACE + '0', TRACE.replace('4bf92f3577b34da6a3ce929d0e0e4736', '0' * 32)):
            with self.assertRaises(RpcError) as caught:
                self.c.call('job.submit', type='echo', traceparent=wrong)
            self.assertEqual(caught.exception.kind, 'invalid_params')
            self.assertIn('traceparent must', caught.exception.message)

    def test_jobctl_takes_it_from_its_environment_or_its_option(self):
        self.start()
        inherit = {'TRACEPARENT': TRACE}
        self.assertEqual(json.loads(jobctl(self.jobd, 'call', 'trace.parent', env=inherit)), TRACE)
        self.assertEqual(json.loads(jobctl(self.jobd, 'call', 'trace.parent', '--traceparent', OTHER, env=inherit)),
                         OTHER)
        self.assertEqual(jobctl(self.jobd, 'run', '-n', '--', 'sh', '-c', 'echo $TRACEPARENT', env=inherit),
                         TRACE + '\n')
        self.assertIsNone(json.loads(jobctl(self.jobd, 'call', 'trace.parent', env={'TRACEPARENT': 'broken'})))
        jobctl(self.jobd, 'call', 'trace.parent', '--traceparent', 'broken', status=125)
        self.assertIn(TRACE, jobctl(self.jobd, 'show', '1'))


    def test_the_python_client_hands_it_in(self):
        self.start()
        sys.path.insert(0, CLIENT)
        self.addCleanup(sys.path.remove, CLIENT)
        import jobd
        with jobd.Client(self.jobd.unix) as client:
            self.assertEqual(client.call('trace.parent', traceparent=TRACE), TRACE)


class Remembered(SurviveTest):
    def test_the_trace_of_a_job_and_the_workers_of_its_attempts_outlive_every_death(self):
        waits = ended = None
        for jobd, c in self.lives('stop.drain_ms=100ms', cpu_workers=1):
            if waits is None:
                waits = c.call('job.submit', type='sleep', args={'ms': 600000}, traceparent=TRACE)['id']
                until(lambda: c.get(waits)['state'] == 'running', 'a running job')
                ended = c.call('job.submit', type='bench.cpu', args={'ms': 1}, traceparent=OTHER)['id']
                self.assertEqual(c.wait(ended)['state'], 'succeeded')
            self.assertEqual(c.get(waits)['traceparent'], TRACE)
            self.assertEqual(c.get(ended)['traceparent'], OTHER)
            self.assertEqual([a['worker'] for a in c.get(ended)['attempts']], ['cpu-1'])
            until(lambda: c.get(waits)['state'] == 'running', 'the job running again')
            self.assertEqual({a['worker'] for a in c.get(waits)['attempts']}, {'io-1'})
        c.call('job.cancel', id=waits)


class Drawn(DaemonTest):
    """`jobctl trace`: what it draws is what happened."""

    daemon_arguments = {'cpu_workers': 2}

    def draw(self, *words, jobd=None):
        with tempfile.TemporaryDirectory(prefix='jobd-trace-') as place:
            path = os.path.join(place, 'trace.json')
            jobctl(jobd or self.jobd, 'trace', '-o', 'chrome', path, *words)
            with open(path) as f:
                trace = json.load(f)
        return self.checked(trace)

    def checked(self, trace):
        """The slices by the names of their workers; the file is what the Trace Event Format says."""
        jsonschema.validate(trace, FORMAT)
        workers, threads, slices = {}, set(), {}
        for event in trace['traceEvents']:
            if event['name'] == 'process_name':
                self.assertNotIn(event['pid'], workers)
                workers[event['pid']] = event['args']['name']
            elif event['name'] == 'thread_name':
                self.assertNotIn((event['pid'], event['tid']), threads)
                threads.add((event['pid'], event['tid']))
            elif event['ph'] == 'X':
                slices.setdefault((event['pid'], event['tid']), []).append(event)
        self.assertEqual(len(set(workers.values())), len(workers), 'one process for each worker')
        self.assertEqual(set(slices), threads)
        by_worker = {}
        for (pid, tid), some in slices.items():
            some.sort(key=lambda e: (e['ts'], e['ts'] + e['dur']))
            for a, b in zip(some, some[1:]):
                self.assertLessEqual(a['ts'] + a['dur'], b['ts'], 'two at once on one track')
            by_worker.setdefault(workers[pid], {})[tid] = some
        return by_worker

    def slices(self, drawn):
        return {(e['args']['job'], e['args']['attempt']): (worker, e)
                for worker, tracks in drawn.items() for some in tracks.values() for e in some}

    def test_a_slice_for_each_attempt_is_where_and_when_it_ran(self):
        start = int(time.time() * 1000)
        cpu = self.c.submit_many([{'type': 'bench.cpu', 'args': {'ms': 5}, 'queue': 'q-drawn'}] * 20)
        io = self.c.submit_many([{'type': 'sleep', 'args': {'ms': 100}, 'queue': 'q-drawn'}] * 6)
        failed = self.c.submit('file.digest', {'path': '/no/such'}, queue='q-drawn', traceparent=TRACE,
                               retry={'max_attempts': 2, 'backoff_ms': 1})
        inline = self.c.submit('echo', 1, queue='q-drawn')
        self.c.call('job.wait', ids=cpu + io + [failed, inline])
        runs = self.c.submit('sleep', {'ms': 600000}, queue='q-drawn')
        until(lambda: self.c.get(runs)['state'] == 'running', 'a running job')
        drawn = self.draw('--queue', 'q-drawn', '--since', '@%d' % (start // 1000))
        end = int(time.time() * 1000)
        slices = self.slices(drawn)
        self.assertEqual(set(slices), {(job, 1) for job in cpu + io + [failed, inline, runs]} | {(failed, 2)})
        for (job, number), (worker, event) in slices.items():
            about = self.c.get(job)
            attempt = next(a for a in about['attempts'] if a['number'] == number)
            self.assertEqual((worker, event['cat'], event['ts']),
                             (attempt['worker'], attempt['lane'], attempt['started_ms'] * 1000))
            self.assertEqual((event['name'], event['args']['queue'], event['args']['state']),
                             (about['type'], 'q-drawn', about['state']))
            if job == runs:
                self.assertEqual(event['args']['end'], 'running')
                self.assertTrue(event['ts'] <= event['ts'] + event['dur'] <= end * 1000)
                self.assertGreaterEqual(event['ts'] + event['dur'], start * 1000)
            else:
                self.assertEqual((event['dur'], event['args']['end']),
                                 ((attempt['ended_ms'] - attempt['started_ms']) * 1000, attempt['end']))
            ready = [t['at_ms'] for t in about['transitions']
                     if t['state'] == 'ready' and t['at_ms'] <= attempt['started_ms']]
            self.assertEqual(event['args']['wait_ms'], attempt['started_ms'] - ready[-1])
        for worker, tracks in drawn.items():
            if worker.startswith('cpu-'):
                self.assertEqual(len(tracks), 1, 'it runs one at a time')
        self.assertGreaterEqual(len(drawn['io-1']), 2)
        self.assertIn('broker', drawn)
        self.assertEqual(slices[failed, 1][1]['args']['traceparent'], TRACE)
        self.assertEqual(slices[failed, 1][1]['args']['end'], 'handler_error')
        self.c.call('job.cancel', id=runs)

    def test_what_had_ended_before_is_not_drawn(self):
        old = self.c.run('echo', 1, queue='q-since')['id']
        ended = self.c.get(old)['attempts'][0]['ended_ms']
        until(lambda: time.time() * 1000 > ended + 1000, 'a second later')
        new = self.c.run('echo', 1, queue='q-since')['id']
        drawn = self.slices(self.draw('--queue', 'q-since', '--since', '@%d' % (ended // 1000 + 1)))
        self.assertEqual(set(drawn), {(new, 1)})
        self.assertEqual(set(self.slices(self.draw('--queue', 'q-since'))), {(old, 1), (new, 1)})

    def test_nothing_is_a_trace_too_and_goes_to_stdout_as_well(self):
        trace = json.loads(jobctl(self.jobd, 'trace', '--queue', 'nobody-has-it'))
        self.assertEqual(self.checked(trace), {})
        self.assertEqual(trace['traceEvents'], [])

    def test_a_file_that_cannot_be_written_is_an_error(self):
        jobctl(self.jobd, 'trace', '/no/such/directory/trace.json', status=5)
        jobctl(self.jobd, 'trace', '-o', 'json', status=2)
        jobctl(self.jobd, 'trace', '/dev/full', status=5)


def little_memory():
    """For a process that must not hold what it reads; a sanitizer's memory is its own."""
    if b'SANITIZED 1' not in read(os.path.join(BUILD, 'config.h')):
        resource.setrlimit(resource.RLIMIT_DATA, (12 << 20, 12 << 20))


class LongHistory(DaemonTest):
    settings = ('jobs.keep_finished=100',)

    def test_a_long_history_is_drawn_without_being_held(self):
        count = 20000
        for _ in range(count // 1000):
            ids = self.c.submit_many([{'type': 'echo', 'args': 'x' * 200}] * 1000)
            self.c.call('job.wait', ids=ids)
        with tempfile.TemporaryDirectory(prefix='jobd-trace-') as place:
            path = os.path.join(place, 'trace.json')
            run = subprocess.run([program('jobctl'), '-H', self.jobd.unix, 'trace', path], capture_output=True,
                                 preexec_fn=little_memory, timeout=60 * PATIENCE)
            self.assertEqual(run.returncode, 0, run.stderr)
            with open(path) as f:
                slices = sum(1 for line in f if '"ph":"X"' in line)
            self.assertGreater(os.path.getsize(path), 3 << 20)
        self.assertEqual(slices, count)


if __name__ == '__main__':
    unittest.main()
