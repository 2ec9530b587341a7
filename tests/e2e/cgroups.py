"""Workers in cgroups of their own (v2): made, killed as one, removed; and left alone where jobd may not.

Needs root and a cgroup v2 that is mounted; tests/run.sh says when it is left out.  Where it has the controllers
memory and pids, what they bound is tested as well.
"""

import ctypes
import errno
import os
import shutil
import signal
import struct
import tempfile
import unittest
from unittest import mock

import jobd_test
from jobd_test import Daemon, OwnDaemonTest, is_gone, read, until

JOBS = 61502


def mounted():
    """Where cgroup v2 is."""
    for line in read('/proc/self/mounts').decode().splitlines():
        _, path, kind = line.split()[:3]
        if kind == 'cgroup2':
            return path
    raise AssertionError('no cgroup v2 is mounted')


def group_of(pid):
    """The path of its cgroup v2 beneath the mount."""
    for line in read('/proc/%d/cgroup' % pid).decode().splitlines():
        if line.startswith('0::'):
            return line[3:]


def refuse_clone3(settle=jobd_test.settle_child):
    """As systemd's RestrictNamespaces= and containers do: for this process and all that come of it.

    To be called in a child that is about to exec, in settle_child's place.
    """
    load, equal, give, allow, fail = 0x20, 0x15, 0x06, 0x7fff0000, 0x00050000
    rules = struct.pack('HBBI' * 4, load, 0, 0, 0, equal, 0, 1, 435, give, 0, 0, fail | errno.ENOSYS, give, 0, 0, allow)
    libc = ctypes.CDLL(None, use_errno=True)

    def then(files):
        settle(files)
        text = ctypes.create_string_buffer(rules)
        program = struct.pack('HxxxxxxP', 4, ctypes.addressof(text))
        if libc.prctl(22, 2, program) != 0:         # PR_SET_SECCOMP, SECCOMP_MODE_FILTER
            raise OSError(ctypes.get_errno(), 'no filter')
    return then


class Groups(OwnDaemonTest):
    def setUp(self):
        self.top = tempfile.mkdtemp(prefix='jobd-test-', dir=mounted())
        os.chmod(self.top, 0o755)
        self.addCleanup(self.remove)
        self.jobs_dir = tempfile.mkdtemp(prefix='jobd-test-')
        os.chmod(self.jobs_dir, 0o755)
        self.addCleanup(shutil.rmtree, self.jobs_dir)

    def remove(self):
        """Nothing of jobd's is left but the group that it was in itself."""
        until(lambda: not read(os.path.join(self.top, 'cgroup.procs')), 'the end of all in it')
        left = [path for path, _, _ in os.walk(self.top, topdown=False)]
        for path in left:
            os.rmdir(path)
        self.assertLessEqual({os.path.basename(p) for p in left if p != self.top}, {'daemon'})

    def controllers(self):
        return set(read(os.path.join(self.top, 'cgroup.controllers')).decode().split())

    def groups(self):
        """Of workers, that are there now."""
        path = os.path.join(self.top, 'workers')
        return sorted(e.name for e in os.scandir(path) if e.is_dir()) if os.path.exists(path) else []

    @staticmethod
    def said(c, job):
        return ''.join(p['data'] for p in c.call('job.log', id=job)['pieces'])

    def script(self, name, text, *keys):
        path = os.path.join(self.jobs_dir, name + '.job')
        with open(path, 'w') as f:
            f.write('argv = ["sh", "-c", %s]\n' % ('"' + text.replace('"', '\\"') + '"'))
            f.write(''.join(k + '\n' for k in keys))
        os.chmod(path, 0o600)

    def start(self, *settings):
        jobd = self.daemon('workers.cgroup=' + self.top, 'jobs.dir=' + self.jobs_dir, *settings)
        return jobd, jobd.client()


class Kill(Groups):
    def test_each_worker_and_each_command_has_its_own_and_they_go(self):
        jobd, c = self.start()
        exec_pid = next(w['pid'] for w in c.workers() if w['name'] == 'exec-1')
        name, = self.groups()
        self.assertRegex(name, r'^exec-\d+$')
        below = os.path.relpath(self.top, mounted())
        self.assertEqual(group_of(exec_pid), '/%s/workers/%s/worker' % (below, name))
        job = c.submit('command', {'argv': ['sh', '-c', 'cat /proc/self/cgroup; setsid sleep 900']})
        until(lambda: self.said(c, job), 'its words')
        self.assertIn('/%s/job-%d-1' % (name, job), self.said(c, job))
        c.call('job.cancel', id=job)
        self.assertEqual(c.wait(job)['state'], 'cancelled')
        path = os.path.join(self.top, 'workers', name)
        until(lambda: not os.path.exists(os.path.join(path, 'job-%d-1' % job)), 'the end of its group')
        jobd.stop()
        self.assertEqual(self.groups(), [])

    def test_a_command_starts_in_its_own_or_is_moved_there_where_a_filter_forbids_it(self):
        own = 'cat /proc/self/cgroup; echo $$ $(ps -o pgid= $$)'
        moved = 'commands are moved into their cgroups'
        for settle in (jobd_test.settle_child, refuse_clone3()):
            with mock.patch('jobd_test.settle_child', settle):
                jobd, c = self.start()
            for _ in range(2):
                job = c.submit('command', {'argv': ['sh', '-c', own]})
                said = c.wait(job)['result']['stdout']
                self.assertIn('/%s/job-%d-1\n' % (self.groups()[0], job), said)
                pid, leader = said.split()[-2:]
                self.assertEqual(pid, leader)
            self.assertEqual(jobd.log().count(moved), 0 if settle is jobd_test.settle_child else 1, jobd.log())
            jobd.stop()

    def test_of_a_dead_worker_nothing_is_left_though_it_hid_well(self):
        """In a session of its own, without its environment, and no child of jobd's."""
        jobd, c = self.start()
        hidden = 'env -i setsid sleep 901 & echo $!; sleep 902'
        job = c.submit('command', {'argv': ['sh', '-c', hidden]}, on_lost='fail')
        until(lambda: self.said(c, job), 'its words')
        pid = int(self.said(c, job))
        before, = self.groups()
        exec_pid = next(w['pid'] for w in c.workers() if w['name'] == 'exec-1')
        os.kill(exec_pid, signal.SIGKILL)
        self.assertEqual(c.wait(job)['failure']['kind'], 'lost')
        self.assertTrue(is_gone(pid))
        self.assertNotIn(before, self.groups())

    def test_a_killed_supervisors_groups_are_ended_by_the_next(self):
        jobd, c = self.start()
        stale = os.path.join(self.top, 'workers', 'exec-999999')
        os.makedirs(os.path.join(stale, 'job-1-1'))
        sleeper = os.fork()
        if sleeper == 0:
            signal.pause()
            os._exit(0)
        with open(os.path.join(stale, 'job-1-1', 'cgroup.procs'), 'w') as f:
            f.write(str(sleeper))
        jobd.kill()
        self.assertTrue(os.path.exists(stale))
        second, c = self.start()
        self.assertEqual(os.waitpid(sleeper, 0)[1], signal.SIGKILL)
        self.assertFalse(os.path.exists(stale))
        second.until_logged('cgroup of a dead supervisor is ended group=exec-999999')
        self.assertEqual(c.run('command', {'argv': ['true']})['state'], 'succeeded')

    def test_a_language_worker_has_one_that_it_cannot_divide(self):
        with open(os.path.join(self.jobs_dir, 'shell.worker'), 'w') as f:
            f.write('worker = ["sh", "-c", "' +
                    'printf \'{\\"method\\":\\"worker.ready\\",\\"params\\":{\\"protocol\\":1,'
                    '\\"types\\":[{\\"name\\":\\"s.t\\"}]}}\\\\n\' >&3; sleep 903"]\ntypes = s.t\n')
        os.chmod(f.name, 0o600)
        jobd, c = self.start('users.jobs=%d' % JOBS)
        worker = until(lambda: next((w for w in c.workers() if w['name'] == 'shell-1' and w['state'] == 'idle'),
                                    None), 'its worker')
        name = next(g for g in self.groups() if g.startswith('shell-'))
        path = os.path.join(self.top, 'workers', name)
        self.assertTrue(group_of(worker['pid']).endswith('/' + name))
        self.assertEqual(os.stat(path).st_uid, 0)
        os.kill(worker['pid'], signal.SIGKILL)
        until(lambda: not os.path.exists(path), 'the end of its group')

    def test_the_users_of_commands_own_their_workers_group_and_no_more(self):
        self.script('whose', 'cat /proc/self/cgroup; mkdir /dev/null/x ' + self.top + '/mine || echo refused')
        jobd, c = self.start('users.jobs=%d' % JOBS)
        name, = self.groups()
        path = os.path.join(self.top, 'workers', name)
        for file, owner in (('', JOBS), ('cgroup.procs', JOBS), ('cgroup.kill', 0), ('cgroup.max.depth', 0)):
            self.assertEqual(os.stat(os.path.join(path, file)).st_uid, owner, file)
        self.assertEqual(os.stat(os.path.dirname(path)).st_uid, 0)
        done = c.run('whose')
        self.assertIn('/%s/job-' % name, done['result']['stdout'])
        self.assertIn('refused', done['result']['stdout'])


class Whose(Groups):
    """Which cgroup is jobd's to divide."""

    def start_inside(self, *settings):
        """jobd begins its life in the test's group."""
        procs = os.path.join(self.top, 'cgroup.procs')
        home = os.path.join(mounted(), group_of(os.getpid()).lstrip('/'), 'cgroup.procs')
        with open(procs, 'w') as f:
            f.write('0')
        try:
            return self.daemon('jobs.dir=' + self.jobs_dir, *settings)
        finally:
            with open(home, 'w') as f:
                f.write('0')

    def test_one_that_nobody_delegated_is_left_alone(self):
        jobd = self.start_inside()
        self.assertEqual(self.groups(), [])
        self.assertEqual(jobd.log().count('cgroup'), 2, jobd.log())      # one line, of two words
        jobd.until_logged('not delegated to jobd (systemd: Delegate=yes)')
        self.assertEqual(jobd.client().run('command', {'argv': ['true']})['state'], 'succeeded')

    def test_one_with_systemds_mark_is_used(self):
        os.setxattr(self.top, 'user.delegate', b'1')
        jobd = self.start_inside()
        self.assertEqual(len(self.groups()), 1)
        jobd.until_logged('workers have cgroups path=%s/workers' % self.top)
        moved = os.path.exists(os.path.join(self.top, 'daemon'))
        self.assertEqual(moved, bool(self.controllers() & {'memory', 'pids'}))

    def test_root_may_divide_what_is_delegated_to_another_user(self):
        os.setxattr(self.top, 'user.delegate', b'1')
        os.chown(self.top, JOBS, JOBS)
        self.start_inside()
        self.assertEqual(len(self.groups()), 1)

    def test_none_is_none(self):
        os.setxattr(self.top, 'user.delegate', b'1')
        jobd = self.start_inside('workers.cgroup=none')
        self.assertEqual(self.groups(), [])
        jobd.until_logged('why="workers.cgroup=none"')

    def test_a_directory_of_no_use_is_a_mistake_of_the_configuration(self):
        with self.assertRaisesRegex(AssertionError, 'workers.cgroup: /etc is not in a file system of cgroup v2'):
            Daemon('workers.cgroup=/etc')

    def test_two_daemons_do_not_share_one(self):
        self.start()
        with self.assertRaisesRegex(AssertionError, 'workers is used by another jobd'):
            self.start()


class Bounds(Groups):
    """Where there are controllers, and only there."""

    def test_what_is_in_force_is_what_was_said_or_the_usual(self):
        have = self.controllers()
        show = 'd=$(sed s/0:://p -n /proc/self/cgroup); cd %s$d; cat memory.max pids.max' % mounted()
        self.script('usual', show)
        self.script('said', show, 'memory_max = 64M', 'processes_max = 9')
        self.script('free', show, 'memory_max = 0', 'processes_max = 0')
        jobd, c = self.start()
        half = os.sysconf('SC_PHYS_PAGES') // 2 * os.sysconf('SC_PAGESIZE')
        for type, memory, pids in (('usual', str(half), '512'), ('said', str(64 << 20), '9'), ('free', 'max', 'max')):
            done = c.run(type)
            said = (done.get('result') or done['failure']['data'])['stdout'].split()
            want = [memory] * ('memory' in have) + [pids] * ('pids' in have)
            self.assertEqual(said, want, (type, done))
        jobd.until_logged('limits=%s' % (','.join(sorted(have & {'memory', 'pids'})) or 'none'))

    def test_too_much_memory_is_told_as_such_and_a_fork_bomb_is_bounded(self):
        have = self.controllers()
        self.script('hungry', 'exec tail /dev/zero', 'memory_max = 64M', 'timeout = 5s', 'grace = 1s')
        self.script('bomb', 'for i in 1 2 3 4 5 6 7 8 9; do sleep 904 & done; echo all; kill 0',
                    'processes_max = 5')
        jobd, c = self.start()
        if 'memory' in have:
            self.assertEqual(c.run('hungry')['failure']['message'], 'out of memory at 64 MiB')
        done = c.run('bomb')
        self.assertEqual('all' in done['failure']['data']['stdout'], 'pids' not in have, done)


if __name__ == '__main__':
    unittest.main()
