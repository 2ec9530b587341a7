"""Started as root: the daemon, its jobs and those of a user of their own cannot reach each other.

Needs root; tests/run.sh says when it is left out.  The accounts are numbers that nobody has.
"""

import os
import shutil
import tempfile
import unittest

from jobd_test import Daemon, parent_of, read

DAEMON, JOBS, OTHER = 61501, 61502, 61503


def uids(pid):
    """Real, effective, saved and file system user of a process, and its groups."""
    lines = dict(line.split(b':', 1) for line in read('/proc/%d/status' % pid).splitlines() if b':' in line)
    return {int(u) for u in lines[b'Uid'].split()}, {int(g) for g in lines[b'Groups'].split()}


class Users(unittest.TestCase):
    def setUp(self):
        self.jobs_dir = tempfile.mkdtemp(prefix='jobd-users-')
        self.addCleanup(shutil.rmtree, self.jobs_dir)
        self.addCleanup(lambda: setattr(self, 'jobd', None))

    def write(self, name, text):
        path = os.path.join(self.jobs_dir, name)
        with open(path, 'w') as f:
            f.write(text)
        os.chmod(path, 0o600)

    def start(self, *settings):
        os.chmod(self.jobs_dir, 0o755)          # the daemon's user gets through to the state
        self.jobd = Daemon('users.daemon=%d' % DAEMON, 'users.jobs=%d' % JOBS,
                           'jobs.dir=' + self.jobs_dir, *settings,
                           state_dir=os.path.join(self.jobs_dir, 'state'))
        self.addCleanup(self.jobd.stop)
        return self.jobd.client()

    def workers(self, c):
        return {w['name']: w['pid'] for w in c.call('worker.list')['items']}

    def test_the_broker_and_its_workers_are_who_they_should_be_and_their_work_goes_on(self):
        c = self.start()
        self.assertEqual(c.call('job.call', type='echo', args=[1])['result'], [1])
        for name, pid in self.workers(c).items():
            if name.startswith(('cpu', 'io')):
                self.assertEqual(uids(pid), ({JOBS}, {JOBS, DAEMON}), name)
                self.assertEqual(uids(parent_of(pid)[0])[0], {0})
        state = os.stat(self.jobd.state_dir)
        self.assertEqual((state.st_uid, state.st_mode & 0o777), (DAEMON, 0o710))
        for name in os.listdir(self.jobd.state_dir):
            st = os.lstat(os.path.join(self.jobd.state_dir, name))
            self.assertEqual(st.st_uid, 0 if name in ('lock', 'children') else DAEMON, name)
            self.assertEqual(st.st_mode & (0o027 if name == 'groups' else 0o077), 0, name)

    def test_a_reduce_job_reads_the_outcomes_of_its_group(self):
        c = self.start()
        for name, durability in (('in-memory', 'memory'), ('in-store', 'commit')):
            c.call('group.create', name=name, durability=durability,
                   reduce={'type': 'file.digest', 'args': {'path': '{path}'}})
            c.call('job.submit', type='echo', args=1, group=name, durability=durability)
            c.call('group.close', group=name)
            done = c.call('group.wait', group=name)
            self.assertEqual(done['reduce']['state'], 'succeeded', done)

    def test_jobs_do_not_read_what_is_not_theirs(self):
        c = self.start('files.roots=' + self.jobs_dir)
        for name in (os.path.join(self.jobs_dir, 'private'), os.path.join(self.jobd.state_dir, 'jobs.db'),
                     os.path.join(self.jobd.state_dir, 'client.token')):
            if not os.path.exists(name):
                self.write(name, 'secret')
            said = c.call('job.call', type='file.read', args={'path': name})
            self.assertIn('ermission denied', said['failure']['message'])


if __name__ == '__main__':
    unittest.main()
