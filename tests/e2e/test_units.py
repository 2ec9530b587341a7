"""Units of systemd: what systemd itself says of them."""

import os
import re
import shutil
import subprocess
import tempfile
import unittest

from jobd_test import BUILD, program

WORST_EXPOSURE = 3.0


def units_of(kind):
    """The directory with the units of `system` or `user`, in a build directory or an installation."""
    places = [os.path.join(BUILD, below, 'systemd', kind) for below in ('etc', 'lib')]
    return next((path for path in places if os.path.isdir(path)), places[0])


def analyze(*arguments):
    out = subprocess.run(['systemd-analyze', *arguments], stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                         env={**os.environ, 'SYSTEMD_COLORS': '0', 'LC_ALL': 'C.UTF-8',
                              'XDG_RUNTIME_DIR': os.environ.get('XDG_RUNTIME_DIR', tempfile.gettempdir())},
                         text=True)
    return out.returncode, out.stdout


class Units(unittest.TestCase):
    """The units as they are installed, but for the path of jobd, which is where it is now."""

    def setUp(self):
        self.dir = tempfile.mkdtemp(prefix='jobd-test-')
        self.addCleanup(shutil.rmtree, self.dir)

    def unit(self, kind, name):
        with open(os.path.join(units_of(kind), name)) as f:
            text = re.sub(r'(?m)^(Exec\w+=)\S*/sbin/jobd\b', r'\g<1>' + program('jobd'), f.read())
        self.assertNotRegex(text, r'@\w+@')
        path = os.path.join(self.dir, name)
        with open(path, 'w') as f:
            f.write(text)
        return path

    def verify(self, kind, *options):
        paths = [self.unit(kind, 'jobd.service'), self.unit(kind, 'jobd.socket')]
        self.assertEqual(analyze('verify', '--man=no', *options, *paths), (0, ''))

    def test_the_service_leaves_its_jobs_what_confines_them(self):
        """Those of @system-service alone would make each job fail whose type has read_paths."""
        with open(self.unit('system', 'jobd.service')) as f:
            allowed = set(' '.join(re.findall(r'(?m)^SystemCallFilter=([^~].*)', f.read())).split())
        self.assertLessEqual({'landlock_add_rule', 'landlock_create_ruleset', 'landlock_restrict_self'}, allowed)

    def test_systemd_finds_nothing_wrong_with_the_units_of_the_system(self):
        self.verify('system')

    def test_systemd_finds_nothing_wrong_with_the_units_of_a_user(self):
        self.verify('user', '--user')

    def test_a_unit_with_a_wrong_word_is_found(self):
        path = self.unit('system', 'jobd.service')
        with open(path, 'a') as f:
            f.write('[Service]\nProtectEverything=yes\n')
        self.assertIn('ProtectEverything', analyze('verify', '--man=no', path)[1])

    def test_the_service_is_exposed_to_less_than_the_agreed_score(self):
        path = self.unit('system', 'jobd.service')
        status, out = analyze('security', '--offline=yes', path)
        self.assertEqual(status, 0, out)
        score = float(re.search(r'Overall exposure level .*: ([0-9.]+)', out).group(1))
        self.assertLess(score, WORST_EXPOSURE)
        self.assertGreater(score, 0.5)      # it starts other users' jobs: no score of nothing was read

    def test_interpreters_that_compile_may_run_as_jobs(self):
        with open(self.unit('system', 'jobd.service')) as f:
            self.assertNotRegex(f.read(), r'(?m)^MemoryDenyWriteExecute=')


if __name__ == '__main__':
    unittest.main()
