"""test_main_job.py - the main job: digests, copies, timers and inline calls at the same time, on real files."""

import os
import shutil
import subprocess
import sys
import tempfile
import unittest

from jobd_test import OwnDaemonTest, SOURCE

TREE = '/usr/share'


class MainJob(OwnDaemonTest):
    def test_digests_copies_timers_and_calls_at_the_same_time(self):
        copies = os.path.realpath(tempfile.mkdtemp(prefix='jobd-copies-'))
        self.addCleanup(shutil.rmtree, copies)
        jobd = self.daemon('jobs.keep_finished=1000000', roots=(TREE, '/usr/bin', copies))
        run = subprocess.run([sys.executable, '-B', os.path.join(SOURCE, 'tests/e2e/demo.py'), jobd.unix, TREE, copies,
                              '--files', '2000', '--timers', '5000', '--large-from', '/usr/bin'],
                             capture_output=True, text=True, timeout=300)
        self.assertEqual(run.returncode, 0, run.stdout + run.stderr + jobd.log()[-2000:])
        for words in ('file.digest', 'in lane process', 'in lane async', 'in lane thread', 'in lane inline'):
            self.assertIn(words, run.stdout)


if __name__ == '__main__':
    unittest.main()
