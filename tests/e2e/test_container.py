"""jobd as the first process of a container: it reaps what others leave, and signals reach it."""

import os
import shutil
import signal
import subprocess
import tempfile
import unittest

from jobd_client import Client
from jobd_test import ALL_ROOTS, PATIENCE, descendants, die_with_us, is_gone, parent_of, program, until

OF_ROOT = [] if os.geteuid() == 0 else ['--user', '--map-root-user']
ROOTS = ALL_ROOTS or ('--set', 'users.daemon=root', '--set', 'users.jobs=root')


class Container(unittest.TestCase):
    def setUp(self):
        self.dir = tempfile.mkdtemp(prefix='jobd-test-')
        self.addCleanup(shutil.rmtree, self.dir)
        self.address = 'unix:' + os.path.join(self.dir, 'sock')
        self.process = subprocess.Popen(
            ['unshare', *OF_ROOT, '--pid', '--fork', '--kill-child', '--mount-proc', program('jobd'),
             '--state-dir', os.path.join(self.dir, 'state'), '--listen', self.address, '--cpu-workers', '1', *ROOTS],
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, preexec_fn=die_with_us, text=True)
        self.addCleanup(self.end)
        self.assertEqual(self.process.stdout.readline().split(), ['ready', self.address])
        self.first = next(pid for pid in descendants(self.process.pid) if parent_of(pid)[0] == self.process.pid)

    def end(self):
        if self.process.poll() is None:
            self.process.kill()
        self.process.communicate()

    def number_inside(self, pid):
        with open('/proc/%d/status' % pid) as f:
            return int(next(line for line in f if line.startswith('NSpid:')).split()[-1])

    def children(self):
        """(pid, state) of each child of the first process, the dead ones included."""
        found = [(int(name), *parent_of(int(name))) for name in os.listdir('/proc') if name.isdigit()]
        return [(pid, state) for pid, parent, state in found if parent == self.first]

    def test_it_is_the_first_process_and_reaps_what_jobs_leave(self):
        self.assertEqual(self.number_inside(self.first), 1)
        with Client(self.address) as c:
            job = c.run('command', {'argv': ['sh', '-c', 'for i in 1 2 3; do (sh -c "sleep 0.1 & sleep 0.1 &" &); done']})
            self.assertEqual(job['state'], 'succeeded')
            self.assertEqual(c.run('command', {'argv': ['echo', 'x']})['result']['stdout'], 'x\n')
        until(lambda: 'Z' not in [state for _, state in self.children()], 'the end of all zombies')

    def test_sigterm_ends_it_in_order_though_it_is_the_first_process(self):
        everybody = descendants(self.first)
        self.assertGreaterEqual(len(everybody), 3)
        os.kill(self.first, signal.SIGTERM)
        self.assertEqual(self.process.wait(20 * PATIENCE), 0)
        self.assertTrue(all(is_gone(pid) for pid in everybody))

    def test_sighup_reloads_it(self):
        os.kill(self.first, signal.SIGHUP)
        with Client(self.address) as c:
            self.assertEqual(c.run('echo', 1)['result'], 1)

    def test_a_broker_that_dies_is_replaced(self):
        with Client(self.address) as c:
            self.assertEqual(c.call('ping'), {'pong': True})
        broker = next(pid for pid, _ in self.children() if self.is_broker(pid))
        os.kill(broker, signal.SIGKILL)
        until(lambda: any(pid != broker and self.is_broker(pid) for pid, _ in self.children()), 'another broker')
        with Client(self.address) as c:
            self.assertEqual(c.call('ping'), {'pong': True})

    @staticmethod
    def is_broker(pid):
        try:
            return os.readlink('/proc/%d/exe' % pid).endswith('/jobd-broker')
        except OSError:
            return False


if __name__ == '__main__':
    unittest.main()
