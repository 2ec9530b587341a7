"""Commands that their type keeps to some files, or off the network: what they, and all that they start, cannot reach."""

import ctypes
import os
import shutil
import socket
import struct
import subprocess
import tempfile
from unittest import mock

import jobd_test
from jobd_test import OwnDaemonTest, program

# A script of the shell, in a type that may read the system and write one directory.
SHELL = '''
argv = ["/bin/sh", "-c", "{script}"]
read_paths = /usr %(dir)s/in
write_paths = ["%(dir)s/out"]
tmpdir = true
[param script]
type = string
'''
# The same, in Python.
PYTHON = '''
argv = ["/usr/bin/python3", "-I", "-c", "{script}", "{value}"]
%s
[param script]
type = string
[param value]
type = string
'''
CONNECT = '''
import os, socket, sys
def to(family, where):
    try:
        socket.socket(family).connect(where)
        return 'connected'
    except OSError as e:
        return os.strerror(e.errno)
port, path = sys.argv[1].split(' ')
tcp = lambda: to(socket.AF_INET, ('127.0.0.1', int(port)))
print(tcp(), to(socket.AF_UNIX, path), sep='|', flush=True)
if os.fork() == 0:
    print(tcp(), flush=True)
    os._exit(0)
os.wait()
os.execv('/usr/bin/python3', ['python3', '-I', '-c', "import socket\\ntry: socket.socket()\\nexcept OSError as e: print(e.strerror)"])
'''
LIBC = ctypes.CDLL(None, use_errno=True)


def forget_landlock():
    """landlock_create_ruleset(2) is no system call any more, to this process and what it starts."""
    def step(code, jump_true, jump_false, k):
        return struct.pack('HBBI', code, jump_true, jump_false, k)
    code = step(0x20, 0, 0, 0) + step(0x15, 0, 1, 444) + step(0x06, 0, 0, 0x50026) + step(0x06, 0, 0, 0x7fff0000)
    steps = ctypes.create_string_buffer(code, len(code))
    program = ctypes.create_string_buffer(struct.pack('HxxxxxxP', len(code) // 8, ctypes.addressof(steps)))
    if LIBC.prctl(38, 1, 0, 0, 0) != 0 or LIBC.prctl(22, 2, program, 0, 0) != 0:
        raise OSError(ctypes.get_errno(), 'no filter')


NO_FAMILY = 'Address family not supported by protocol'


class Confinement(OwnDaemonTest):
    def start(self, **files):
        self.dir = tempfile.mkdtemp(prefix='jobd-confined-')
        self.addCleanup(shutil.rmtree, self.dir)
        for name in ('in', 'out', 'jobs.d'):
            os.mkdir(os.path.join(self.dir, name))
        for name in ('in/file', 'out/file', 'file'):
            self.put(name, 'text of %s' % name)
        for name, text in files.items():
            self.put('jobs.d/%s.job' % name, text % {'dir': self.dir} if '%(dir)s' in text else text)
        self.jobd = self.daemon('jobs.dir=' + os.path.join(self.dir, 'jobs.d'))
        self.addCleanup(delattr, self, 'jobd')
        return self.jobd.client()

    def put(self, name, text):
        path = os.path.join(self.dir, name)
        with open(path, 'w') as f:
            f.write(text)
        os.chmod(path, 0o644)

    def text(self, name):
        with open(os.path.join(self.dir, name)) as f:
            return f.read()

    def refused(self, c, script, *reasons):
        failure = c.run('shell', {'script': 'cd %s; %s' % (self.dir, script)})['failure']
        self.assertEqual(failure['kind'], 'exit', failure)
        self.assertTrue(any(reason in failure['data']['stderr'] for reason in reasons), failure)

    def said(self, c, script, type='shell', **args):
        outcome = c.run(type, dict(args, script=script))
        self.assertEqual(outcome['state'], 'succeeded', outcome)
        return outcome['result']['stdout']

    def test_a_command_sees_the_paths_of_its_type_and_nothing_else(self):
        c = self.start(shell=SHELL)
        self.assertEqual(self.said(c, 'cd %s; cat in/file; echo more >> out/file; cat out/file' % self.dir),
                         'text of in/file' 'text of out/filemore\n')
        self.assertEqual(self.said(c, 'echo x > $JOBD_TMPDIR/x; cat $JOBD_TMPDIR/x; echo lost > /dev/null'), 'x\n')
        self.assertEqual(self.said(c, 'echo heard > /dev/stdout; cat /dev/stdin'), 'heard\n')
        for script in ('cat file', 'ls .', 'cat /etc/passwd', 'ls /proc', 'echo x > file', 'echo x > new',
                       'echo x > in/file', 'truncate -s 0 in/file', 'truncate -s 0 file', 'rm in/file', 'mkdir new',
                       '(sh -c "setsid cat file")', 'cat out/../file', 'ln -s ../file out/link; cat out/link'):
            self.refused(c, script, 'Permission denied')
        for script in ('ln out/file link', 'mv out/file moved', 'mv in/file out/moved', 'ln in/file out/linked'):
            self.refused(c, script, 'Permission denied', 'cross-device link')
        self.assertEqual((self.text('file'), self.text('in/file')), ('text of file', 'text of in/file'))
        self.assertEqual(sorted(os.listdir(self.dir)), ['file', 'in', 'jobs.d', 'out'])

    def test_what_a_command_has_written_it_cannot_run(self):
        c = self.start(shell=SHELL)
        self.refused(c, 'cp /bin/true out/true; out/true', 'Permission denied')
        self.refused(c, 'cp /bin/true $JOBD_TMPDIR/true; $JOBD_TMPDIR/true', 'Permission denied')

    def test_a_program_alone_needs_no_paths(self):
        c = self.start(cat='argv = ["cat", "{p}"]\nread_paths = []\n[param p]\ntype = path\n',
                       id='argv = ["env", "id"]\nwrite_paths = []\n', script='argv = ["/usr/bin/ldd", "/bin/true"]\n'
                       'read_paths = []\n')
        self.assertEqual(c.run('cat', {'p': '/dev/null'})['state'], 'succeeded')
        self.assertIn('Permission denied', c.run('cat', {'p': '/etc/passwd'})['failure']['data']['stderr'])
        self.assertIn('Permission denied', c.run('id')['failure']['data']['stderr'])
        failure = c.run('script')['failure']        # its interpreter is no library
        self.assertEqual((failure['kind'], failure['data']), ('spawn', {'exit_code': 126}))
        self.assertIn('read_paths', failure['message'])

    def test_a_path_that_is_not_there_fails_the_job_and_is_named(self):
        c = self.start(gone='argv = ["true"]\nread_paths = /usr %(dir)s/gone\n',
                       file='argv = ["true"]\nwrite_paths = %(dir)s/file\n')
        failure = c.run('gone')['failure']
        self.assertEqual((failure['kind'], failure['message']),
                         ('spawn', 'cannot start true: read_paths: %s/gone: No such file or directory' % self.dir))
        self.assertEqual(c.run('file')['state'], 'succeeded')
        os.mkdir(os.path.join(self.dir, 'gone'))
        self.assertEqual(c.run('gone')['state'], 'succeeded')

    def test_the_set_up_leaves_nothing_behind(self):
        c = self.start(python=PYTHON % 'read_paths = /usr /proc\nnetwork = false')
        script = ('import os; print(sorted(os.listdir("/proc/self/fd"))); '
                  'print([l.split()[1] for l in open("/proc/self/status") if l.startswith(("NoNewPrivs", "Seccomp:"))])')
        said = self.said(c, script, 'python', value='x').splitlines()
        self.assertEqual(said, [str(['0', '1', '2', '3']), str(['1', '2'])])     # 3: the directory itself

    def test_without_network_there_are_unix_sockets_alone(self):
        c = self.start(off=PYTHON % 'network = false', on=PYTHON % '')
        path = os.path.join(self.dir, 'socket')
        with socket.create_server(('127.0.0.1', 0)) as tcp, socket.socket(socket.AF_UNIX) as unix:
            unix.bind(path)
            unix.listen(8)
            value = '%d %s' % (tcp.getsockname()[1], path)
            self.assertEqual(self.said(c, CONNECT, 'off', value=value).splitlines(),
                             [NO_FAMILY + '|connected', NO_FAMILY, NO_FAMILY])
            self.assertEqual(self.said(c, CONNECT, 'on', value=value).splitlines(), ['connected|connected', 'connected'])

    def test_type_show_and_type_check_say_it(self):
        c = self.start(shell=SHELL, off=PYTHON % 'network = false', on=PYTHON % '')
        shown = c.call('type.show', name='shell')['confinement']
        self.assertEqual(shown, {'read_paths': ['/usr', self.dir + '/in'], 'write_paths': [self.dir + '/out'],
                                 'network': True, 'missing': None})
        self.assertEqual(c.call('type.show', name='off')['confinement'],
                         {'read_paths': None, 'write_paths': None, 'network': False, 'missing': None})
        self.assertIsNone(c.call('type.show', name='on')['confinement'])
        self.assertIsNone(c.call('type.show', name='echo')['confinement'])
        page = self.jobctl('type', 'show', 'shell')
        self.assertRegex(page, r'(?m)^reads +/usr, %s/in$' % self.dir)
        self.assertRegex(page, r'(?m)^writes +%s/out$' % self.dir)
        self.assertNotRegex(page, r'(?m)^(network|cannot run) ')
        page = self.jobctl('type', 'show', 'off')
        self.assertRegex(page, r'(?m)^network +none$')
        self.assertNotRegex(page, r'(?m)^(reads|writes) ')
        path = os.path.join(self.dir, 'jobs.d', 'shell.job')
        self.assertEqual(self.jobctl('type', 'check', path), '%s: type shell is right\n' % path)

    def test_without_landlock_nothing_runs_unconfined(self):
        settle = jobd_test.settle_child
        with mock.patch('jobd_test.settle_child', lambda files: (settle(files), forget_landlock())):
            c = self.start(shell=SHELL, free='argv = ["/bin/echo", "free"]\n')
        no_landlock = 'the kernel has no Landlock'
        failure = c.run('shell', {'script': 'touch %s/out/ran' % self.dir})['failure']
        self.assertEqual((failure['kind'], failure['message']),
                         ('spawn', 'cannot start /bin/sh: read_paths, write_paths: ' + no_landlock))
        self.assertEqual(os.listdir(os.path.join(self.dir, 'out')), ['file'])
        self.assertEqual(c.run('free')['result']['stdout'], 'free\n')
        self.assertEqual(c.call('type.show', name='shell')['confinement']['missing'], no_landlock)
        self.assertRegex(self.jobctl('type', 'show', 'shell'), r'(?m)^cannot run +%s$' % no_landlock)
        path = os.path.join(self.dir, 'jobs.d', 'shell.job')
        self.assertEqual(self.jobctl('type', 'check', path, preexec_fn=forget_landlock).splitlines(),
                         ['%s: type shell is right' % path, '%s: here its jobs would fail: %s' % (path, no_landlock)])
        self.jobd.until_logged('jobs of a type will fail file=%s why="%s"' % (path, no_landlock))

    def jobctl(self, *arguments, **options):
        done = subprocess.run([program('jobctl'), *arguments], capture_output=True, text=True, **options,
                              env=dict(os.environ, JOBD_HOST=self.jobd.unix, LC_ALL='C.UTF-8'))
        self.assertEqual((done.returncode, done.stderr), (0, ''), done)
        return done.stdout
