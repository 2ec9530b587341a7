"""Started as root: the daemon, its jobs and those of a user of their own cannot reach each other.

Needs root; tests/run.sh says when it is left out.  The accounts are numbers that nobody has.
"""

import grp
import json
import os
import pwd
import shutil
import signal
import subprocess
import tempfile
import unittest

from jobd_test import Daemon, parent_of, read, until

DAEMON, JOBS, OTHER, COMMANDS = 61501, 61502, 61503, 61504


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

    def test_the_socket_is_for_the_group_of_the_daemon_and_nobody_else(self):
        self.start()
        st = os.stat(self.jobd.unix.partition(':')[2])
        self.assertEqual((st.st_uid, st.st_gid, st.st_mode & 0o777), (0, DAEMON, 0o660))

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

    def write_scripts(self, **users):
        """Types of that name whose jobs are scripts, as that user; None: the usual one."""
        for name, user in users.items():
            self.write(name + '.job', ('' if user is None else 'user = %d\n' % user) +
                       'argv = ["/bin/sh", "-c", "{script}"]\n[param script]\ntype = string\n')

    def output(self, c, name, script):
        """What a script says; whatever its status is, it is in there."""
        done = c.call('job.call', type=name, args={'script': '(%s) 2>&1; echo status $?' % script})
        self.assertEqual(done['state'], 'succeeded', done)
        return done['result']['stdout']

    def assert_denied(self, c, name, script):
        said = self.output(c, name, script)
        self.assertRegex(said, '(?i)(permission denied|not permitted)', (name, script))
        self.assertNotIn('status 0', said, (name, script))

    def assert_out_of_reach(self, c, name, pid):
        """Neither signalled, nor traced, nor read."""
        self.assert_denied(c, name, 'kill -0 %d' % pid)
        self.assert_denied(c, name, ': </proc/%d/mem' % pid)
        self.assert_denied(c, name, 'cat /proc/%d/environ' % pid)
        self.assert_denied(c, name, 'ls /proc/%d/fd/' % pid)

    def builtin_workers(self, c):
        found = [pid for name, pid in self.workers(c).items() if name.startswith(('cpu', 'io'))]
        self.assertTrue(found)
        return found

    def test_a_confined_command_is_its_user_and_has_of_its_paths_what_that_user_may(self):
        """Confined after it has become the user, and without a way to be more: setuid programs are none to it."""
        own, roots = (os.path.join(self.jobs_dir, name) for name in ('own', 'roots'))
        for path, uid in ((own, OTHER), (roots, 0)):
            os.mkdir(path, 0o700)
            os.chown(path, uid, uid)
        self.write_scripts(confined=OTHER, locked=OTHER)
        for name, more in (('confined', 'read_paths = /usr /etc\nwrite_paths = %s %s\nnetwork = false\n' % (own, roots)),
                           ('locked', 'read_paths = /usr %s/in\n' % roots)):
            with open(os.path.join(self.jobs_dir, name + '.job'), 'r+') as f:
                text = f.read()
                f.seek(0)
                f.write(more + text)
        c = self.start()
        self.assertEqual(self.output(c, 'confined', 'id -u; echo mine > %s/x; cat %s/x' % (own, own)).split()[:2],
                         [str(OTHER), 'mine'])
        self.assertEqual(os.stat(os.path.join(own, 'x')).st_uid, OTHER)
        self.assert_denied(c, 'confined', 'touch %s/x' % roots)         # allowed by its type, not to its user
        self.assert_denied(c, 'confined', 'cat /etc/shadow')
        self.assert_denied(c, 'confined', 'ls /tmp')                    # the other way round
        setuid = os.path.join(self.jobs_dir, 'id')
        shutil.copyfile('/usr/bin/id', setuid)
        os.chmod(setuid, 0o4755)
        self.write('setuid.job', 'user = %d\nargv = ["%s", "-u"]\nread_paths = []\n' % (OTHER, setuid))
        c.call('server.reload')
        self.assertEqual(c.call('job.call', type='setuid')['result']['stdout'], '%d\n' % OTHER)
        failure = c.call('job.call', type='locked', args={'script': 'true'})['failure']
        self.assertEqual((failure['kind'], failure['message']),
                         ('spawn', 'cannot start /bin/sh: read_paths: %s/in: Permission denied' % roots))

    def test_jobs_of_two_users_run_as_them_and_do_not_reach_each_other(self):
        self.write_scripts(usual=None, other=OTHER)
        c = self.start()
        for name, uid in (('usual', JOBS), ('other', OTHER)):
            self.assertEqual(self.output(c, name, 'id -u; id -ru; id -G').split()[:3], [str(uid)] * 3)
        place = tempfile.mkdtemp(prefix='jobd-users-')
        self.addCleanup(shutil.rmtree, place)
        os.chmod(place, 0o777)
        self.assertIn('status 0', self.output(c, 'other', 'echo secret >%s/file' % place))
        self.assertEqual(os.stat(place + '/file').st_uid, OTHER)
        self.assert_denied(c, 'usual', 'cat %s/file' % place)
        self.assert_denied(c, 'usual', 'echo more >>%s/file' % place)
        running = c.call('job.submit', type='other', args={'script': 'echo $$; exec sleep 1000'})['id']
        pid = until(lambda: int(c.call('job.log', id=running, stream='stdout').get('data') or 0), 'the pid of a command')
        self.assert_out_of_reach(c, 'usual', pid)
        self.assertEqual(c.call('job.get', id=running)['state'], 'running')
        c.call('job.cancel', id=running)

    def test_commands_do_not_reach_the_daemon_or_what_it_keeps(self):
        self.write_scripts(usual=None, other=OTHER)
        c = self.start('store.engine=sqlite')
        c.call('job.call', type='echo', args=1, durability='commit')
        state = self.jobd.state_dir
        for name in ('usual', 'other'):
            for pid in (self.jobd.process.pid, self.jobd.broker()):
                self.assert_out_of_reach(c, name, pid)
            self.assert_denied(c, name, 'ls %s' % state)
            for file in ('jobs.db', 'client.token', 'lock', 'children', 'groups/x'):
                self.assert_denied(c, name, 'cat %s/%s' % (state, file))
                self.assert_denied(c, name, 'echo x >>%s/%s' % (state, file))
        for pid in self.workers(c).values():
            if uids(pid)[0] == {JOBS}:
                self.assert_out_of_reach(c, 'other', pid)

    def test_commands_of_their_own_user_do_not_reach_built_in_workers(self):
        self.write_scripts(usual=None, as_jobs=JOBS)
        c = self.start('users.commands=%d' % COMMANDS)
        self.assertEqual(self.output(c, 'usual', 'id -u').split()[0], str(COMMANDS))
        self.assertEqual(self.output(c, 'as_jobs', 'id -u').split()[0], str(JOBS))
        for pid in self.builtin_workers(c):
            self.assertEqual(uids(pid)[0], {JOBS})
            self.assert_out_of_reach(c, 'usual', pid)

    def test_the_broker_cannot_have_others_killed_at_the_next_start(self):
        self.start()
        self.jobd.stop()
        victim = subprocess.Popen(['sleep', '1000'])
        self.addCleanup(lambda: (victim.kill(), victim.wait()))
        start = read('/proc/%d/stat' % victim.pid).rsplit(b')', 1)[1].split()[19].decode()
        path = os.path.join(self.jobd.state_dir, 'children')
        with open(path, 'w') as f:
            f.write('%s\n%d %s\n' % (read('/proc/sys/kernel/random/boot_id').decode().strip(), victim.pid, start))
        os.chown(path, DAEMON, DAEMON)
        os.chmod(path, 0o600)
        c = self.start()
        self.assertEqual(c.call('job.call', type='echo', args=1)['result'], 1)
        self.assertIsNone(victim.poll())
        self.assertEqual(os.stat(path).st_uid, 0)
        self.jobd.until_logged('not believed')


# What a peer of the socket says to it, run as somebody else; it has nothing but the standard library.
PEER = '''
import json, socket, sys
s = socket.socket(socket.AF_UNIX)
try:
    s.connect(sys.argv[1])
except PermissionError:
    print(json.dumps(['no way to the socket']))
    sys.exit()
f = s.makefile('rw')
answers = [] if sys.argv[2] != '[]' else [json.loads(f.readline())]     # whoever is refused is told at once
for call in json.loads(sys.argv[2]):
    f.write(json.dumps(dict({'jsonrpc': '2.0', 'id': 1}, **call)) + '\\n')
    f.flush()
    answers.append(json.loads(f.readline()))
    if answers[-1]['id'] is None:
        break
print(json.dumps(answers))
'''
GROUP_A, GROUP_B = 61521, 61522


class Rules(unittest.TestCase):
    """Peers with real users and groups, under rules of [access]."""

    def start(self, *settings, **arguments):
        place = tempfile.mkdtemp(prefix='jobd-users-')
        self.addCleanup(shutil.rmtree, place)
        os.chmod(place, 0o755)          # the daemon's user gets through to the state
        self.jobd = Daemon('users.daemon=%d' % DAEMON, 'users.jobs=%d' % JOBS, *settings,
                           state_dir=os.path.join(place, 'state'), **arguments)
        self.addCleanup(self.jobd.stop)
        os.chmod(self.jobd.own_dir, 0o755)
        return self.jobd.client()

    def ask(self, calls, user, groups=(), group=None):
        """The answers that a process of this user gets, one for each call."""
        done = subprocess.run(['/usr/bin/python3', '-I', '-c', PEER, self.jobd.unix[len('unix:'):], json.dumps(calls)],
                              user=user, group=user if group is None else group, extra_groups=list(groups),
                              cwd='/', capture_output=True, text=True, timeout=60, check=True)
        return json.loads(done.stdout)

    def who(self, user, groups=(), group=None):
        """(role, principal)."""
        answer = self.ask([{'method': 'hello'}], user, groups, group)[0]
        return answer['result']['role'], answer['result']['principal']

    def refusal(self, user, groups=()):
        """Why it does not get in."""
        answer = self.ask([], user, groups)[0]
        return answer if isinstance(answer, str) else answer['error']['data']['kind']

    def test_the_socket_is_for_the_daemons_group(self):
        self.start()
        st = os.stat(self.jobd.unix[len('unix:'):])
        self.assertEqual((st.st_uid, st.st_gid, st.st_mode & 0o777), (0, DAEMON, 0o660))
        self.assertEqual(self.refusal(OTHER), 'no way to the socket')
        self.assertEqual(self.refusal(OTHER, [DAEMON]), 'forbidden')        # through the door, and nobody inside
        self.assertEqual(self.who(DAEMON), ('admin', 'uid:%d' % DAEMON))

    def test_rules_go_by_users_and_by_all_groups(self):
        self.start('access.user:games=operator', 'access.user:%d=none' % JOBS, 'access.group:mail=viewer',
                   'access.group:%d=submitter echo' % GROUP_A, 'access.group:%d=submitter sleep' % GROUP_B)
        games, mail = pwd.getpwnam('games').pw_uid, grp.getgrnam('mail').gr_gid
        self.assertEqual(self.who(games, [DAEMON]), ('operator', 'uid:%d' % games))
        self.assertEqual(self.who(games, [DAEMON, GROUP_A, mail]), ('operator', 'uid:%d' % games))
        self.assertEqual(self.refusal(JOBS, [DAEMON, GROUP_A]), 'forbidden')
        self.assertEqual(self.who(OTHER, [DAEMON, mail]), ('viewer', 'uid:%d' % OTHER))
        self.assertEqual(self.who(OTHER, [DAEMON], group=mail), ('viewer', 'uid:%d' % OTHER))
        self.assertEqual(self.who(OTHER, [DAEMON, mail, GROUP_A])[0], 'submitter')
        many = list(range(70000, 70400))        # more than fit a first guess
        self.assertEqual(self.who(OTHER, [DAEMON, *many, GROUP_B])[0], 'submitter')
        calls = [{'method': 'job.call', 'params': {'type': t, 'args': {'ms': 0}}} for t in ('echo', 'sleep', 'bench.cpu')]
        kinds = [a.get('error', {}).get('data', {}).get('kind') for a in self.ask(calls, OTHER, [DAEMON, GROUP_A])]
        self.assertEqual(kinds, [None, 'forbidden', 'forbidden'])
        kinds = [a.get('error', {}).get('data', {}).get('kind')
                 for a in self.ask(calls, OTHER, [DAEMON, GROUP_A, GROUP_B])]
        self.assertEqual(kinds, [None, None, 'forbidden'])

    def test_one_user_does_not_see_anothers_jobs(self):
        admin = self.start('access.group:%d=submitter' % GROUP_A)
        submit = {'method': 'job.submit', 'params': {'type': 'echo', 'args': 'secret'}}
        job = self.ask([submit], OTHER, [DAEMON, GROUP_A])[0]['result']['id']
        admin.call('job.wait', id=job)
        get, ls = {'method': 'job.get', 'params': {'id': job}}, {'method': 'job.list'}
        own, own_list = self.ask([get, ls], OTHER, [DAEMON, GROUP_A])
        self.assertEqual(own['result']['args'], 'secret')
        self.assertEqual([j['id'] for j in own_list['result']['items']], [job])
        theirs, their_list = self.ask([get, ls], COMMANDS, [DAEMON, GROUP_A])
        self.assertEqual(theirs['error']['data']['kind'], 'not_found')
        self.assertEqual(their_list['result']['items'], [])

    def test_a_reload_changes_who_gets_in_and_ends_whoever_is_less(self):
        conf = tempfile.NamedTemporaryFile('w', suffix='.conf', delete=False)
        self.addCleanup(os.unlink, conf.name)

        def rules(text):
            with open(conf.name, 'w') as f:
                f.write(text)
        rules('[access]\nuser:%d = operator\ngroup:%d = viewer\n' % (OTHER, GROUP_A))
        self.start(arguments=('-c', conf.name))
        self.assertEqual(self.who(OTHER, [DAEMON])[0], 'operator')
        waits = subprocess.Popen(['/usr/bin/python3', '-I', '-c', PEER, self.jobd.unix[len('unix:'):], json.dumps(
            [{'method': 'job.call', 'params': {'type': 'sleep', 'args': {'ms': 600000}}}])], user=OTHER, group=OTHER,
            extra_groups=[DAEMON], cwd='/', stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        self.addCleanup(lambda: (waits.kill(), waits.wait()))
        job = until(lambda: self.jobd.client().call('job.list', filter={'by': 'uid:%d' % OTHER})['items'], 'its job')[0]
        rules('[access]\nuser:%d = none\ngroup:%d = operator\n' % (OTHER, GROUP_A))
        self.jobd.signal(signal.SIGHUP)
        waits.wait(30)                  # its connection has ended, and its job goes on
        self.assertEqual(self.jobd.client().call('job.cancel', id=job['id'])['state'], 'cancelled')
        self.assertEqual(self.refusal(OTHER, [DAEMON, GROUP_A]), 'forbidden')
        self.assertEqual(self.who(COMMANDS, [DAEMON, GROUP_A])[0], 'operator')
        rules('[access]\nuser:%d = king\n' % OTHER)
        self.jobd.signal(signal.SIGHUP)
        until(lambda: '`king` is not a role' in self.jobd.log(), 'the refusal')
        self.assertEqual(self.who(COMMANDS, [DAEMON, GROUP_A])[0], 'operator')


if __name__ == '__main__':
    unittest.main()
