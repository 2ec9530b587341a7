"""The files that come with jobd as examples: all are right, and the manual says what may be in them."""

import glob
import os
import re
import shutil
import subprocess
import tempfile
import unittest

from jobd_client import RpcError
from jobd_test import OwnDaemonTest, program

SOURCE = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
EXAMPLES = os.path.join(SOURCE, 'etc', 'jobs.d')


class Examples(OwnDaemonTest):
    def test_each_is_what_the_daemon_would_take(self):
        files = sorted(glob.glob(EXAMPLES + '/*.job') + glob.glob(EXAMPLES + '/*.worker'))
        self.assertGreaterEqual(len(files), 4)
        done = subprocess.run([program('jobctl'), 'type', 'check'] + files, capture_output=True, text=True)
        self.assertEqual((done.returncode, done.stderr), (0, ''), done)

    def test_a_type_that_two_files_give_is_told(self):
        with tempfile.TemporaryDirectory(prefix='jobd-twins-') as place:
            texts = {'thumb.job': 'argv = ["true"]\n', 'command.job': 'argv = ["true"]\n',
                     'images.worker': 'worker = ["x"]\ntypes = resize thumb\n',
                     'more.worker': 'worker = ["x"]\ntypes = resize.2\n'}
            paths = {name: os.path.join(place, name) for name in texts}
            for name, text in texts.items():
                with open(paths[name], 'w') as f:
                    f.write(text)
            done = subprocess.run([program('jobctl'), 'type', 'check', *paths.values()], capture_output=True, text=True)
        self.assertEqual(done.returncode, 5)
        self.assertEqual(done.stdout.splitlines(), [
            '%s: type thumb is right' % paths['thumb.job'],
            "%s: the type `command` is jobd's own" % paths['command.job'],
            '%s:2: types the type `thumb` is in %s already' % (paths['images.worker'], paths['thumb.job']),
            '%s: pool more is right' % paths['more.worker']])

    def test_commands_serve_and_hold_callers_to_their_patterns(self):
        place = tempfile.mkdtemp(prefix='jobd-examples-')
        self.addCleanup(shutil.rmtree, place)
        for path in glob.glob(EXAMPLES + '/*.job'):
            copy = shutil.copyfile(path, os.path.join(place, os.path.basename(path)))
            os.chmod(copy, 0o644)
        c = self.daemon('jobs.dir=' + place).client()
        known = {t['name'] for t in c.call('type.list', limit=1000)['items']}
        self.assertLessEqual({'checksums', 'compress', 'mirror'}, known)
        text = os.path.join(place, 'text')
        with open(text, 'w') as f:
            f.write('abc')
        sums = c.call('job.call', type='checksums', args={'files': [text, text]})['result']['stdout']
        abc = 'ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad'
        self.assertEqual(sums, '%s  %s\n' % (abc, text) * 2)
        for name, args in (('checksums', {'files': ['relative']}), ('compress', {'file': '/etc/passwd'}),
                           ('compress', {'file': '/srv/../etc/passwd'}),
                           ('compress', {'file': '/srv/x', 'level': 10}),
                           ('mirror', {'from': '/srv/x', 'host': '-oProxyCommand=x'})):
            try:
                refused = c.call('job.call', type=name, args=args)['failure']['message']
            except RpcError as e:
                refused = str(e)
            self.assertTrue(any(key in refused for key in args), (name, args, refused))


class Manual(unittest.TestCase):
    """jobd.job(5) has each key that a file may have, and no other."""

    def keys(self, name, text):
        """Those that the reader lists when it finds another."""
        with tempfile.TemporaryDirectory() as place:
            path = os.path.join(place, name)
            with open(path, 'w') as f:
                f.write(text)
            done = subprocess.run([program('jobctl'), 'type', 'check', path], capture_output=True, text=True)
        listed = re.search(r'no such key; there are ([a-z_, ]+)', done.stdout + done.stderr)
        self.assertTrue(listed, done)
        return set(listed[1].strip().split(', '))

    def test_it_has_all_keys(self):
        with open(os.path.join(SOURCE, 'docs', 'jobd.job.5')) as f:
            page = f.read()
        said = set()
        for item in re.findall(r'^\.It Cm (.+)$', page, re.M):
            said |= set(item.split(' , '))
        job = self.keys('a.job', 'argv = ["true"]\nno_such = 1\n')
        worker = self.keys('a.worker', 'no_such = 1\n')
        param = self.keys('a.job', 'argv = ["true"]\n[param p]\nno_such = 1\n')
        self.assertEqual(said, job | worker | param)


if __name__ == '__main__':
    unittest.main()
