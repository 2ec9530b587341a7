"""test_trace.py - the trace that a job belongs to, from whoever submits it to its handler; and `jobctl trace`,
which draws what ran where."""

import json
import os
import subprocess
import sys
import tempfile
import unittest

from jobd_test import SOURCE, DaemonTest, OwnDaemonTest, PATIENCE, RpcError, program, until
from plugin_dir import PluginDir
from survive import SurviveTest

TRACE = '00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01'
OTHER = '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-00'
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


if __name__ == '__main__':
    unittest.main()
