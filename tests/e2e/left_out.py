"""left_out.py - a build without libcurl, zstd, SQLite, libpq, ncurses and libssl: its types are listed, and say what is
missing; so do jobctl top and addresses of TLS.

Run by the stage `without` of tests/run.sh, on such a build.
"""

import subprocess
import tempfile
import unittest

from jobd_test import ALL_ROOTS, PATIENCE, DaemonTest, program


class LeftOut(DaemonTest):
    def test_a_type_without_its_library_says_so(self):
        listed = {t['name']: t['summary'] for t in self.c.items('type.list')}
        for type, option, lane in (('http.request', '--without-curl', 'async'),
                                   ('file.compress', '--without-zstd', 'thread'),
                                   ('file.decompress', '--without-zstd', 'process'),
                                   ('sql.query', '--without-sqlite --without-libpq', 'thread')):
            self.assertEqual(listed[type], 'left out of this build (configure %s)' % option)
            self.assertIs(self.c.call('type.show', name=type)['args_schema'], True)
            for args in {}, {'url': 'http://127.0.0.1/'}, None:
                outcome = self.c.call('job.call', type=type, lane=lane, args=args)
                self.assertEqual(outcome['state'], 'failed')
                self.assertEqual(outcome['failure']['message'],
                                 '%s is left out of this build (configure %s)' % (type, option))

    def test_jobctl_top_says_so(self):
        run = subprocess.run([program('jobctl'), '-H', self.jobd.unix, 'top'], capture_output=True)
        self.assertEqual(run.returncode, 5)
        self.assertIn(b'built without ncurses', run.stderr)

    def test_the_others_work(self):
        self.assertEqual(self.c.call('job.call', type='dns.lookup', args={'name': '127.0.0.1'})['state'], 'succeeded')
        self.assertEqual(self.c.call('job.call', type='sleep', args={'ms': 1})['state'], 'succeeded')

    def test_tls_is_refused_by_name(self):
        with tempfile.TemporaryDirectory() as d:
            run = subprocess.run([program('jobd'), *ALL_ROOTS, '--state-dir', d + '/state', '--listen', 'tls:127.0.0.1:0'],
                                 stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=30 * PATIENCE)
        self.assertEqual(run.returncode, 78)
        self.assertIn('this jobd was built without TLS', run.stderr)
        run = subprocess.run([program('jobctl'), '-H', self.jobd.tcp.replace('tcp:', 'tls:'), '--cert', '/nosuch', 'ping'],
                             stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=30 * PATIENCE)
        self.assertEqual(run.returncode, 2)
        self.assertIn('this libjobd was built without TLS', run.stderr)


if __name__ == '__main__':
    unittest.main()
