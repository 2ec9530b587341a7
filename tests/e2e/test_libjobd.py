"""test_libjobd.py - libjobd as a stranger meets it: installed, found by pkg-config, and the examples at work.

In a build directory the library is installed into a directory of the test's own; with a prefix in JOBD_BUILD it
is the installed one.
"""

import hashlib
import os
import re
import shutil
import subprocess
import tempfile
import unittest

from jobd_test import BUILD, PATIENCE, SOURCE, Daemon

EXAMPLES = os.path.join(SOURCE, 'examples', 'c')


def run(*command, **options):
    done = subprocess.run(command, text=True, capture_output=True, timeout=120 * PATIENCE, **options)
    if done.returncode != 0:
        raise AssertionError('%s: status %d\n%s%s' % (command, done.returncode, done.stdout, done.stderr))
    return done.stdout


def sanitizers():
    """The flags that a program must have to link a library of this build."""
    makefile = os.path.join(BUILD, 'Makefile')
    if not os.path.exists(makefile):
        return ''
    with open(makefile) as f:
        return re.search(r'^SAN_CFLAGS = *(.*)$', f.read(), re.M).group(1)


def compiler():
    makefile = os.path.join(BUILD, 'Makefile')
    if not os.path.exists(makefile):
        return 'cc'
    with open(makefile) as f:
        return re.search(r'^CC = *(.*)$', f.read(), re.M).group(1)


class Library(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.dir = tempfile.mkdtemp(prefix='jobd-libjobd-')
        cls.prefix = BUILD
        if os.path.exists(os.path.join(BUILD, 'Makefile')):
            cls.prefix = os.path.join(cls.dir, 'prefix')
            run('make', '-s', '-C', BUILD, 'prefix=' + cls.prefix, 'install-includeHEADERS', 'install-jobdlibDATA',
                'install-pkgconfigDATA', 'install-data-hook')
        cls.env = dict(os.environ, PKG_CONFIG_PATH=os.path.join(cls.prefix, 'lib', 'pkgconfig'),
                       LD_LIBRARY_PATH=os.path.join(cls.prefix, 'lib'))
        cls.flags = ['-O1', '-g', *sanitizers().split()]
        shutil.copytree(EXAMPLES, os.path.join(cls.dir, 'c'))

    @classmethod
    def tearDownClass(cls):
        shutil.rmtree(cls.dir)

    def pkg_config(self, *words):
        return run('pkg-config', '--define-prefix', *words, 'jobd', env=self.env).split()

    def compile(self, source, program, *flags):
        run(compiler(), '-std=gnu11', '-Wall', '-Wextra', '-Werror', *self.flags, *self.pkg_config('--cflags'),
            '-o', os.path.join(self.dir, program), source, *flags)
        return os.path.join(self.dir, program)

    def example(self, name):
        return self.compile(os.path.join(EXAMPLES, name + '.c'), name, *self.pkg_config('--libs'), '-pthread')

    def test_pkg_config_tells_where_it_is(self):
        self.assertEqual(self.pkg_config('--cflags'), ['-I' + self.prefix + '/include'])
        self.assertEqual(self.pkg_config('--libs'), ['-L' + self.prefix + '/lib', '-ljobd'])
        self.assertRegex(self.pkg_config('--modversion')[0], r'^\d+\.\d+\.\d+$')

    def test_the_header_is_plain_c(self):
        source = os.path.join(self.dir, 'header.c')
        with open(source, 'w') as f:
            f.write('#include <jobd.h>\nint main(void) { return jobd_version()[0] == 0; }\n')
        run(compiler(), '-std=c99', '-pedantic-errors', '-Wall', '-Wextra', '-Werror', *self.pkg_config('--cflags'),
            '-fsyntax-only', source)

    def test_only_its_own_names_are_seen(self):
        lib = os.path.join(self.prefix, 'lib')
        self.assertIn('[libjobd.so.0]', run('readelf', '-d', os.path.join(lib, 'libjobd.so')))
        with open(os.path.join(self.prefix, 'include', 'jobd.h')) as f:
            header = f.read()
        for args in (('-D', os.path.join(lib, 'libjobd.so.0')), ('-g', os.path.join(lib, 'libjobd.a'))):
            words = [line.split() for line in run('nm', '--defined-only', *args).splitlines()]
            names = {w[2].split('@')[0] for w in words if len(w) == 3 and w[1] in 'TDBR'}
            self.assertTrue(all(name.startswith('jobd_') for name in names), names)
            for name in names:
                self.assertRegex(header, r'\b%s\(' % name)
            self.assertEqual(names, set(re.findall(r'^JOBD_API [^(;]*?\b\*?(jobd_\w+)\(', header, re.M)))

    def test_the_examples_have_a_makefile(self):
        run('make', '-s', '-C', os.path.join(self.dir, 'c'), 'PKG_CONFIG_PATH=' + self.env['PKG_CONFIG_PATH'],
            'CC=' + compiler(), 'CFLAGS=' + ' '.join(self.flags),
            'JOBD_CFLAGS=-I%s/include' % self.prefix, 'JOBD_LIBS=-L%s/lib -ljobd' % self.prefix, env=self.env)

    def test_digest_tree_digests_every_file(self):
        tree = os.path.join(self.dir, 'tree')
        want = {}
        for i in range(200):
            path = os.path.join(tree, str(i % 7), 'file "%d" \u00e4' % i)
            os.makedirs(os.path.dirname(path), exist_ok=True)
            with open(path, 'wb') as f:
                f.write(b'x' * i)
            want[path] = hashlib.sha256(b'x' * i).hexdigest()
        jobd = Daemon(roots=(tree,))
        try:
            out = run(self.example('digest_tree'), tree, env=dict(self.env, JOBD_HOST=jobd.unix))
            got = dict(line.split('\t') for line in out.splitlines())
            self.assertEqual(set(got), set(want))
            for path, digest in want.items():
                self.assertIn(digest, got[path])
            program = os.path.join(self.dir, 'digest_tree')
            outside = subprocess.run([program, EXAMPLES], env=dict(self.env, JOBD_HOST=jobd.unix), text=True,
                                     capture_output=True, timeout=60 * PATIENCE)
            self.assertEqual(outside.returncode, 1)
            self.assertIn('(error)', outside.stderr)
        finally:
            jobd.stop()

    def test_poll_loop_prints_results_as_they_come(self):
        jobd = Daemon()
        try:
            lines = 'sleep {"ms":200}\n' + ''.join('echo [%d]\n' % i for i in range(100)) + 'nope\necho {\n'
            out = run(self.example('poll_loop'), input=lines,
                      env=dict(self.env, JOBD_HOST=jobd.unix)).splitlines()
            self.assertEqual(len(out), 103)
            self.assertEqual(sorted(l.split(': ')[1] for l in out if '[' in l),
                             sorted('[%d]' % i for i in range(100)))
            self.assertTrue(any('(unknown_type)' in l for l in out))
            self.assertTrue(any('not JSON' in l and '(usage)' in l for l in out))
            self.assertNotIn('[', out[-1])      # the sleep, which began first
        finally:
            jobd.stop()

    def test_threads_have_a_connection_each(self):
        jobd = Daemon()
        try:
            program = self.example('threads')
            for host in (jobd.unix, jobd.tcp):
                env = dict(self.env, JOBD_HOST=host, TSAN_OPTIONS='halt_on_error=1',
                           JOBD_TOKEN_FILE=os.path.join(jobd.state_dir, 'client.token'))
                out = run(program, '8', '200', env=env)
                self.assertEqual(out, '1600 of 1600 calls, sum %d\n' % (8 * sum(range(200))))
        finally:
            jobd.stop()

    def test_a_program_may_hold_names_like_those_inside_of_it(self):
        """The static library: neither side takes the other's functions."""
        source = os.path.join(self.dir, 'names.c')
        with open(source, 'w') as f:
            f.write('#include <jobd.h>\n#include <stdio.h>\n'
                    'int buf_append(void); int buf_append(void) { return 7; }\n'
                    'int mem_alloc; int wire_new = 3;\n'
                    'int main(void) { struct jobd *j; char *r; struct jobd_error e;\n'
                    ' if (jobd_open(0, &j, &e) || jobd_call(j, &(struct jobd_job){ .type = "echo" }, -1, &r, &e))\n'
                    '  { puts(e.message); return 1; }\n'
                    ' puts(r); jobd_close(j); __builtin_free(r); return buf_append() + wire_new - 10; }\n')
        jobd = Daemon()
        try:
            program = self.compile(source, 'names', os.path.join(self.prefix, 'lib', 'libjobd.a'))
            self.assertEqual(run(program, env=dict(self.env, JOBD_HOST=jobd.unix)), 'null\n')
        finally:
            jobd.stop()


if __name__ == '__main__':
    unittest.main()
