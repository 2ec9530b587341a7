"""test_access.py - who may what: every method as each role, whose jobs are seen, tokens, quotas, the audit log."""

import json
import os
import re
import signal
import stat
import subprocess
import time
import unittest

from jobd_client import Client, Closed, RpcError, until
from jobd_test import DaemonTest, OwnDaemonTest, PATIENCE, SOURCE, program, read
from test_methods import METHODS

ROLES = ['anybody', 'worker', 'viewer', 'submitter', 'operator', 'admin']


def roles_of_methods():
    """{method: the least role of its row}."""
    text = read(os.path.join(SOURCE, 'proto', 'methods.def')).decode()
    return dict(re.findall(r'^METHOD\(\w+,\s*"([\w.]+)",\s*(\w+),', text, re.M))


LEAST = roles_of_methods()


def kind_of(function, *args, **params):
    try:
        function(*args, **params)
    except RpcError as e:
        return e.kind
    return None


class Tokens:
    """What tests of tokens share; the class has self.jobd and self.admin."""

    def new_token(self, name, role, **more):
        return self.admin.call('token.new', name=name, role=role, **more)['token']

    def log_in(self, token, **hello):
        c = Client(self.jobd.tcp, record=self.jobd.recorder, timeout=60 * PATIENCE)
        self.jobd.clients.append(c)
        c.call('hello', token=token, **hello)
        return c

    def as_role(self, role, name=None, **more):
        return self.log_in(self.new_token(name or '%s-%d' % (role, time.monotonic_ns()), role, **more))


class Table(Tokens, DaemonTest):
    """The whole table of methods."""

    def setUp(self):
        self.admin = self.jobd.client()

    def outcome(self, c, method):
        """The kind of the error to a call that says nothing right; None: it was served."""
        c.send(json.dumps({'id': 1, 'method': method, 'params': {'nonsense_x': 1}}).encode() + b'\n')
        return c.read()['error']['data']['kind']

    def walk(self, c, role):
        for method in METHODS:
            allowed = ROLES.index(role) >= ROLES.index(LEAST[method])
            refused = 'unauthenticated' if role == 'anybody' else 'forbidden'
            self.assertEqual(self.outcome(c, method), 'invalid_params' if allowed else refused, (role, method))

    def test_every_row_has_a_role_and_the_table_is_whole(self):
        self.assertEqual(set(METHODS), set(LEAST))
        self.assertGreater(len(LEAST), 50)
        self.assertEqual({m for m, role in LEAST.items() if role == 'anybody'}, {'hello', 'ping'})
        for method in ('token.new', 'token.list', 'token.revoke', 'server.drain', 'server.backup'):
            self.assertEqual(LEAST[method], 'admin')

    def test_strangers(self):
        self.walk(self.jobd.raw(tcp=True), 'anybody')

    def test_viewers(self):
        self.walk(self.as_role('viewer'), 'viewer')

    def test_submitters(self):
        self.walk(self.as_role('submitter'), 'submitter')

    def test_operators(self):
        self.walk(self.as_role('operator'), 'operator')

    def test_admins(self):
        self.walk(self.as_role('admin'), 'admin')
        self.walk(self.admin, 'admin')

    def test_a_worker_is_no_client(self):
        c = Client(self.jobd.tcp, timeout=60 * PATIENCE)
        self.jobd.clients.append(c)
        hello = c.call('hello', token=self.new_token('farm', 'worker'))
        self.assertEqual((hello['role'], hello['principal']), ('worker', 'token:farm'))
        c.send(b'{"jsonrpc":"2.0","id":2,"method":"job.list"}\n')
        line = c.read_line()        # an error of the workers' protocol, or the end
        self.assertTrue(line is None or b'"result"' not in line, line)

    def test_what_is_refused_is_not_carried_out(self):
        viewer = self.as_role('viewer')
        before = self.admin.call('server.stats')['jobs']['submitted']
        self.assertEqual(kind_of(viewer.call, 'job.submit', type='echo'), 'forbidden')
        self.assertEqual(kind_of(viewer.call, 'queue.pause', name='default'), 'forbidden')
        viewer.send(b'{"jsonrpc":"2.0","method":"job.submit","params":{"type":"echo"}}\n')      # a notification
        viewer.call('ping')
        self.assertEqual(self.admin.call('server.stats')['jobs']['submitted'], before)

    def test_roles_hold_inside_a_batch(self):
        c = self.as_role('submitter')
        c.send(b'[{"id":1,"method":"ping"},{"id":2,"method":"queue.pause","params":{"name":"default"}},'
               b'{"id":3,"method":"token.list"}]\n')
        replies = {r['id']: r for r in c.read()}
        self.assertIn('result', replies[1])
        self.assertEqual(replies[2]['error']['data']['kind'], 'forbidden')
        self.assertEqual(replies[3]['error']['data']['kind'], 'forbidden')


class Types(Tokens, DaemonTest):
    """Submitters of named types."""

    def setUp(self):
        self.admin = self.jobd.client()
        self.c = self.as_role('submitter', types=['echo', 'sleep'])

    def test_named_types_are_served_and_others_forbidden_wherever_they_stand(self):
        self.assertEqual(self.c.call('job.call', type='echo', args=1)['result'], 1)
        for method in ('job.submit', 'job.call'):
            with self.assertRaises(RpcError) as caught:
                self.c.call(method, type='bench.cpu')
            self.assertEqual(caught.exception.kind, 'forbidden')
            self.assertIn('echo sleep', caught.exception.error['message'])
        done = self.c.call('job.submit_many', jobs=[{'type': 'echo'}, {'type': 'bench.cpu'}, {'type': 'command'}])
        self.assertEqual([done['ids'][0] is None, done['ids'][1:]], [False, [None, None]])
        self.assertEqual({e['kind'] for e in done['errors']}, {'forbidden'})
        self.assertEqual(kind_of(self.c.call, 'group.create', reduce={'type': 'bench.cpu'}), 'forbidden')
        self.assertIn('group', self.c.call('group.create', reduce={'type': 'echo'}))

    def test_free_commands_are_for_operators(self):
        args = {'argv': ['true']}
        for types in (None, ['command']):
            c = self.as_role('submitter', **({'types': types} if types else {}))
            self.assertEqual(kind_of(c.call, 'job.submit', type='command', args=args), 'forbidden')
        operator = self.as_role('operator')
        self.assertEqual(operator.call('job.call', type='command', args=args)['state'], 'succeeded')

    def test_a_type_that_was_taken_back_is_not_run_again(self):
        token = self.new_token('taken', 'submitter', types=['file.read'])
        c = self.log_in(token)
        failed = c.call('job.call', type='file.read', args={'path': '/'})
        self.assertEqual(failed['state'], 'failed')
        self.assertEqual(c.call('job.retry', id=failed['id'])['id'], failed['id'])
        c.call('job.wait', id=failed['id'])
        self.admin.call('token.revoke', name='taken')
        c = self.log_in(self.new_token('taken', 'submitter', types=['echo']))
        self.assertEqual(kind_of(c.call, 'job.retry', id=failed['id']), 'forbidden')


class Ownership(Tokens, DaemonTest):
    """Below operator, what is another's is not there."""

    def setUp(self):
        self.admin = self.jobd.client()
        self.mine, self.other = self.as_role('submitter'), self.as_role('submitter')

    def answer(self, c, method, **params):
        """The reply's text, with the id that was asked for taken out."""
        c.send(json.dumps({'jsonrpc': '2.0', 'id': 1, 'method': method, 'params': params}).encode() + b'\n')
        return c.read_line()

    def assert_as_unknown(self, method, of, unknown, **params):
        """of, unknown: {member: value}."""
        member, value = next(iter(of.items()))
        known = self.answer(self.other, method, **of, **params)
        nobodys = self.answer(self.other, method, **unknown, **params)
        blank = lambda line, v: line.replace(str(v).encode(), b'X')      # noqa: E731
        self.assertEqual(blank(known, value), blank(nobodys, unknown[member]), method)
        self.assertIn(b'not_found', known, method)

    def job_methods(self):
        for method, params in METHODS.items():
            required = [m for m, needed in params if needed]
            if method.startswith('job.') and 'id' in required:
                rest = {'signal': 'TERM'} if 'signal' in required else {}
                yield method, rest

    def test_every_method_that_names_a_job(self):
        methods = list(self.job_methods())
        self.assertGreater(len(methods), 10)
        for durability in ('memory', 'commit'):
            done = self.mine.call('job.call', type='echo', args='secret', durability=durability)['id']
            waits = self.mine.call('job.submit', type='sleep', args={'ms': 600000}, durability=durability)['id']
            for job in (done, waits):
                for method, rest in methods:
                    self.assert_as_unknown(method, {'id': job}, {'id': 1 << 50}, **rest)
                self.assert_as_unknown('job.wait', {'id': job}, {'id': 1 << 50}, timeout_ms=1)
                self.assertEqual(self.answer(self.other, 'job.wait', ids=[job]).replace(b'%d' % job, b'X'),
                                 self.answer(self.other, 'job.wait', ids=[1 << 50]).replace(b'%d' % (1 << 50), b'X'))
                self.assert_as_unknown('job.log', {'id': job}, {'id': 1 << 50}, follow=True)
                self.assertEqual(
                    self.answer(self.other, 'job.submit', type='echo', after=[job]).replace(b'%d' % job, b'X'),
                    self.answer(self.other, 'job.submit', type='echo', after=[1 << 50]).replace(b'%d' % (1 << 50), b'X'))
            self.assertNotIn(self.mine.call('job.get', id=waits)['state'], ('cancelled', 'failed'))
            self.assertEqual(self.mine.call('job.cancel', id=waits)['state'], 'cancelled')

    def test_operators_see_and_end_all(self):
        job = self.mine.call('job.submit', type='sleep', args={'ms': 600000})['id']
        operator = self.as_role('operator')
        self.assertEqual(operator.call('job.get', id=job)['args'], {'ms': 600000})
        self.assertEqual(operator.call('job.cancel', id=job)['state'], 'cancelled')

    def test_lists_show_ones_own_of_memory_and_of_history(self):
        mine = {self.mine.call('job.call', type='echo', args=1, durability=d)['id'] for d in ('memory', 'commit')}
        mine.add(self.mine.call('job.submit', type='echo', args=1)['id'])
        theirs = self.other.call('job.call', type='echo', args=1)['id']
        self.assertEqual({j['id'] for j in self.mine.items('job.list')}, mine)
        self.assertEqual({j['id'] for j in self.other.items('job.list')}, {theirs})
        me = self.mine.call('hello')['principal']
        self.assertEqual({j['id'] for j in self.mine.items('job.list', filter={'by': me})}, mine)
        self.assertEqual(list(self.other.items('job.list', filter={'by': me})), [])
        self.assertLessEqual(mine | {theirs}, {j['id'] for j in self.admin.items('job.list')})
        self.assertEqual(list(self.as_role('viewer').items('job.list')), [])

    def test_a_watch_tells_of_ones_own(self):
        self.mine.call('job.watch')
        theirs = self.other.call('job.call', type='echo', args=1)['id']
        own = self.mine.call('job.submit', type='echo', args=1)['id']
        seen = set()
        until(lambda: seen.add(self.mine.read()['params']['id']) or own in seen, 'the change', 20)
        self.assertNotIn(theirs, seen)

    def test_groups(self):
        name = 'mine-%d' % time.monotonic_ns()
        self.mine.call('group.create', name=name)
        job = self.mine.call('job.submit', type='echo', args=1, group=name)['id']
        for method in ('group.get', 'group.close', 'group.wait', 'group.results', 'group.cancel'):
            self.assert_as_unknown(method, {'group': name}, {'group': 'no-such'})
        self.assert_as_unknown('job.submit', {'group': name}, {'group': 'no-such'}, type='echo')
        self.assertEqual(list(self.other.items('group.list')), [])
        self.assertEqual([g['group'] for g in self.mine.items('group.list')], [name])
        self.mine.call('group.close', group=name)
        self.assertEqual(self.mine.call('group.wait', group=name)['count'], 1)
        self.assertEqual(self.mine.call('group.results', group=name)['items'][0]['id'], job)

    def test_a_unique_key_of_anothers_job_tells_nothing_of_it(self):
        key = 'k-%d' % time.monotonic_ns()
        args = {'type': 'echo', 'args': 'secret', 'unique_key': key, 'unique_ms': 3600000}
        for durability in ('memory', 'commit'):
            wish = dict(args, unique_key=key + durability, durability=durability)
            job = self.mine.call('job.call', **wish)['id']
            self.assertTrue(self.mine.call('job.call', **wish)['deduplicated'])
            for method in ('job.call', 'job.submit'):
                for said in (wish, dict(wish, args='other')):
                    answer = self.answer(self.other, method, **said)
                    self.assertIn(b'"kind":"conflict"', answer)
                    self.assertNotIn(b'secret', answer)
                    self.assertNotIn(b'"id":%d' % job, answer.replace(b'"id":1,"error"', b''))
            many = self.other.call('job.submit_many', jobs=[wish])
            self.assertEqual((many['ids'], many['errors'][0]['kind']), ([None], 'conflict'))

    def test_whose_job_a_worker_runs_is_not_shown(self):
        job = self.mine.call('job.submit', type='bench.cpu', args={'ms': 600000})['id']
        until(lambda: self.mine.call('job.get', id=job)['state'] == 'running', 'its start')
        self.assertIn(job, [w['job'] for w in self.mine.items('worker.list')])
        self.assertNotIn(job, [w['job'] for w in self.other.items('worker.list')])
        self.assertIn(job, [w['job'] for w in self.admin.items('worker.list')])
        self.mine.call('job.cancel', id=job)

    def test_schedules_are_their_makers(self):
        operator = self.as_role('operator')
        operator.call('cron.set', name='nightly', when='@daily', job={'type': 'echo', 'args': 'secret'})
        self.assertEqual(list(self.other.items('cron.list')), [])
        self.assertEqual([c['name'] for c in self.admin.items('cron.list')], ['nightly'])
        operator.call('cron.delete', name='nightly')


class Life(Tokens, OwnDaemonTest):
    """Tokens from their making to their end."""

    def start(self, *settings, **arguments):
        self.jobd = self.daemon(*settings, **arguments)
        self.admin = self.jobd.client()
        return self.jobd

    def path(self, name):
        return os.path.join(self.jobd.state_dir, name)

    def test_a_token_is_told_once_and_kept_as_a_hash(self):
        self.start()
        token = self.new_token('ci', 'submitter', types=['echo'], valid_ms=3600000)
        self.assertRegex(token, r'^ci\.[0-9a-f]{64}$')
        for name in ('tokens', 'client.token', 'worker.token'):
            self.assertEqual(stat.S_IMODE(os.stat(self.path(name)).st_mode), 0o600, name)
        secret = token.split('.')[1].encode()
        self.assertNotIn(secret, read(self.path('tokens')))
        item = next(t for t in self.admin.items('token.list') if t['name'] == 'ci')
        self.assertEqual((item['role'], item['types'], item['connections']), ('submitter', ['echo'], 0))
        self.assertAlmostEqual(item['expires_ms'] - item['created_ms'], 3600000)
        self.assertNotIn('token', item)
        c = self.log_in(token)
        self.assertEqual(c.call('hello')['principal'], 'token:ci')
        item = next(t for t in self.admin.items('token.list') if t['name'] == 'ci')
        self.assertEqual(item['connections'], 1)
        self.assertNotIn(secret, self.jobd.log().encode())

    def test_tokens_survive_a_restart_and_a_killed_broker(self):
        self.start()
        state = os.path.join(self.jobd.own_dir + '-kept', 'state')
        os.mkdir(os.path.dirname(state))
        self.addCleanup(subprocess.run, ['rm', '-rf', os.path.dirname(state)])
        self.jobd.stop()
        self.start(state_dir=state)
        token, gone = self.new_token('ci', 'operator'), self.new_token('gone', 'operator')
        self.admin.call('token.revoke', name='gone')
        os.kill(self.jobd.broker(), signal.SIGKILL)
        until(lambda: kind_or_gone(lambda: self.log_in(token).close()) is None, 'a new broker', 30)
        self.assertEqual(kind_of(self.log_in, gone), 'unauthenticated')
        self.jobd.stop()
        self.start(state_dir=state)
        self.assertEqual(self.log_in(token).call('hello')['role'], 'operator')
        self.assertEqual(kind_of(self.log_in, gone), 'unauthenticated')

    def test_a_revoked_token_ends_its_connections_and_no_others(self):
        self.start()
        token = self.new_token('ci', 'submitter')
        c, other = self.log_in(token), self.as_role('submitter')
        self.admin.call('token.revoke', name='ci')
        self.assertIsNone(c.read_line())
        self.assertEqual(kind_of(self.log_in, token), 'unauthenticated')
        other.call('ping')
        self.assertEqual(kind_of(self.admin.call, 'token.revoke', name='ci'), 'not_found')

    def test_an_expired_token_lets_nobody_in_and_ends_its_connections(self):
        self.start()
        token = self.new_token('brief', 'submitter', valid_ms=int(3000 * PATIENCE))
        c = self.log_in(token)
        c.call('ping')
        self.assertIsNone(c.read_line())
        self.assertEqual(kind_of(self.log_in, token), 'unauthenticated')

    def test_whoever_revokes_the_token_it_came_by_is_answered(self):
        self.start()
        c = self.as_role('admin', name='boss')
        self.assertTrue(c.call('token.revoke', name='boss')['revoked'])
        self.assertIsNone(c.read_line())

    def test_names_are_taken_once_and_odd_grants_are_refused(self):
        self.start()
        self.new_token('ci', 'viewer')
        for params, kind in (({'name': 'ci', 'role': 'viewer'}, 'conflict'),
                             ({'name': 'client', 'role': 'viewer'}, 'conflict'),
                             ({'name': 'x', 'role': 'root'}, 'invalid_params'),
                             ({'name': 'x', 'role': 'viewer', 'types': ['echo']}, 'invalid_params'),
                             ({'name': 'x', 'role': 'submitter', 'types': ['a b']}, 'invalid_params'),
                             ({'name': 'x', 'role': 'submitter', 'types': [1]}, 'invalid_params'),
                             ({'name': 'x', 'role': 'submitter', 'types': []}, 'invalid_params'),
                             ({'name': 'x/y', 'role': 'viewer'}, 'invalid_params')):
            self.assertEqual(kind_of(self.admin.call, 'token.new', **params), kind, params)

    def test_a_token_counts_on_the_unix_socket_too(self):
        self.start()
        c = self.jobd.raw()
        c.call('hello', token=self.new_token('low', 'viewer'))
        self.assertEqual(kind_of(c.call, 'job.submit', type='echo'), 'forbidden')
        self.assertEqual(kind_of(c.call, 'hello', token='low.' + '0' * 64), 'unauthenticated')
        self.assertEqual(c.call('hello')['principal'], 'token:low')

    def test_a_reload_reads_the_file_again_and_a_wrong_one_changes_nothing(self):
        self.start()
        token = self.new_token('ci', 'submitter')
        c = self.log_in(token)
        lines = read(self.path('tokens')).decode().splitlines()
        with open(self.path('tokens'), 'a') as f:
            f.write('nonsense\n')
        self.jobd.signal(signal.SIGHUP)
        until(lambda: 'tokens stay as they were' in self.jobd.log(), 'the refusal')
        c.call('ping')
        with open(self.path('tokens'), 'w') as f:
            f.write(''.join(line + '\n' for line in lines if not line.startswith('ci ')))
        self.jobd.signal(signal.SIGHUP)
        self.assertIsNone(c.read_line())
        self.assertEqual(kind_of(self.log_in, token), 'unauthenticated')
        with open(self.path('tokens'), 'w') as f:
            f.write(''.join(line + '\n' for line in lines))
        self.jobd.signal(signal.SIGHUP)
        until(lambda: kind_of(self.log_in, token) is None, 'the token')

    def test_files_that_others_may_read_keep_it_from_starting(self):
        self.start()
        state = self.jobd.state_dir
        kept = state + '-kept'
        self.jobd.signal(signal.SIGSTOP)        # its directory outlives it this long
        subprocess.run(['cp', '-a', state, kept], check=True)
        self.addCleanup(subprocess.run, ['rm', '-rf', kept])
        self.jobd.signal(signal.SIGCONT)
        for name in ('lock', 'children'):
            subprocess.run(['rm', '-f', os.path.join(kept, name)], check=True)
        for name in ('tokens', 'client.token', 'worker.token'):
            path = os.path.join(kept, name)
            os.chmod(path, 0o640)
            done = subprocess.run([program('jobd'), '--state-dir', kept, '--listen', 'unix:%s/sock' % kept,
                                   '--set', 'users.daemon=root', '--set', 'users.jobs=root'],
                                  capture_output=True, text=True, timeout=60 * PATIENCE)
            self.assertEqual(done.returncode, 78, done.stderr)
            self.assertIn(path, done.stderr)
            self.assertIn('others may know', done.stderr)
            os.chmod(path, 0o600)

    def test_jobctl(self):
        self.start()

        def jobctl(*words):
            return subprocess.run([program('jobctl'), '-H', self.jobd.unix, *words], capture_output=True, text=True,
                                  timeout=60 * PATIENCE)
        made = jobctl('token', 'new', 'ci', '--role', 'submitter', '--type', 'echo', '--type', 'sleep', '--expires', '90d')
        self.assertEqual(made.returncode, 0, made.stderr)
        token = made.stdout.strip()
        self.assertEqual(self.log_in(token).call('hello')['role'], 'submitter')
        shown = jobctl('token', 'ls').stdout
        self.assertRegex(shown, r'(?m)^ci +submitter +echo sleep +in 8\dd')
        self.assertRegex(shown, r'(?m)^client +admin +- +never')
        self.assertNotIn(token.split('.')[1], shown)
        self.assertEqual(jobctl('token', 'new', 'ci', '--role', 'viewer').returncode, 8)
        self.assertEqual(jobctl('token', 'new', 'x').returncode, 2)
        self.assertEqual(jobctl('token', 'revoke', 'ci').returncode, 0)
        self.assertEqual(jobctl('token', 'revoke', 'ci').returncode, 3)
        self.assertEqual(kind_of(self.log_in, token), 'unauthenticated')

    def test_a_drain_that_is_refused_is_not_told_as_begun(self):
        self.start()
        path = os.path.join(self.jobd.state_dir, 'low.token')
        with open(path, 'w', opener=lambda name, flags: os.open(name, flags, 0o600)) as f:
            f.write(self.new_token('low', 'operator'))
        run = subprocess.run([program('jobctl'), '-H', self.jobd.tcp, 'drain'], capture_output=True, text=True,
                             env=dict(os.environ, JOBD_TOKEN_FILE=path), timeout=60 * PATIENCE)
        self.assertEqual(run.returncode, 5, run.stderr)
        self.assertIn('server.drain needs the role admin', run.stderr)
        self.assertNotIn('takes no new jobs', run.stderr)
        self.assertIs(self.jobd.client().call('server.stats')['draining'], False)


def kind_or_gone(function):
    try:
        return kind_of(function)
    except (Closed, OSError):
        return 'gone'


class Quotas(Tokens, OwnDaemonTest):
    """Each attacked: nobody has more than it may, and others do not notice."""

    def start(self, *settings):
        self.jobd = self.daemon(*settings)
        self.admin = self.jobd.client()

    def test_connections(self):
        self.start('access.max_connections=3', 'quota token:big.max_connections=5')
        token = self.new_token('small', 'submitter')
        cs = [self.log_in(token) for _ in range(3)]
        with self.assertRaises(RpcError) as caught:
            self.log_in(token)
        self.assertEqual(caught.exception.kind, 'quota_exceeded')
        self.assertEqual({k: caught.exception.data[k] for k in ('quota', 'used', 'max')},
                         {'quota': 'connections', 'used': 3, 'max': 3})
        big = self.new_token('big', 'submitter')
        for _ in range(5):
            self.log_in(big)
        self.assertEqual(kind_of(self.log_in, big), 'quota_exceeded')
        cs[0].close()
        until(lambda: kind_of(self.log_in, token) is None, 'a place')
        for _ in range(10):
            self.jobd.client().call('ping')

    def test_jobs(self):
        self.start('access.max_jobs=10', 'jobs.grace_ms=0')
        c = self.as_role('submitter')
        self.admin.call('queue.pause', name='held')
        ids = [c.call('job.submit', type='echo', queue='held')['id'] for _ in range(10)]
        for method in ('job.submit', 'job.call'):
            with self.assertRaises(RpcError) as caught:
                c.call(method, type='echo', queue='held')
            self.assertEqual(caught.exception.kind, 'quota_exceeded')
            self.assertEqual({k: caught.exception.data[k] for k in ('quota', 'used', 'wanted', 'max', 'retryable')},
                             {'quota': 'jobs', 'used': 10, 'wanted': 1, 'max': 10, 'retryable': True})
        many = c.call('job.submit_many', jobs=[{'type': 'echo', 'queue': 'held'}] * 5)
        self.assertEqual(many['ids'], [None] * 5)
        self.assertEqual(many['errors'][0]['kind'], 'quota_exceeded')
        self.assertEqual(kind_of(c.call, 'job.submit', type='echo', queue='held', room_wait_ms=60000), 'quota_exceeded')
        other = self.as_role('submitter')
        self.assertEqual(other.call('job.call', type='echo', args=1)['result'], 1)
        self.admin.call('job.submit', type='echo', queue='held')
        c.call('job.cancel', id=ids[0])
        again = c.call('job.submit', type='echo', queue='held')['id']
        self.assertEqual(kind_of(c.call, 'job.retry', id=ids[0]), 'quota_exceeded')
        self.admin.call('queue.resume', name='held')
        self.assertEqual(c.call('job.wait', id=again)['state'], 'succeeded')

    def test_jobs_that_run_count_until_their_end(self):
        self.start('access.max_jobs=3')
        c = self.as_role('submitter')
        running = [c.call('job.submit', type='sleep', args={'ms': 3600000})['id'] for _ in range(2)]
        for job in running:
            until(lambda job=job: c.call('job.get', id=job)['state'] == 'running', 'a job that runs')
        c.call('job.submit', type='echo', delay_ms=3600000)
        with self.assertRaises(RpcError) as caught:
            c.call('job.submit', type='echo')
        self.assertEqual({k: caught.exception.data[k] for k in ('quota', 'used', 'max')},
                         {'quota': 'jobs', 'used': 3, 'max': 3})
        self.assertEqual(kind_of(c.call, 'job.retry', id=running[0]), 'quota_exceeded')
        c.call('job.cancel', id=running[0])
        self.assertEqual(c.call('job.call', type='echo', args=1)['result'], 1)
        self.assertEqual(c.call('job.call', type='echo', args=2)['result'], 2)     # what has ended is not counted
        c.call('job.cancel', id=running[1])

    def test_bytes(self):
        self.start('access.max_bytes=100000')
        c = self.as_role('submitter')
        self.admin.call('queue.pause', name='held')
        accepted = 0
        with self.assertRaises(RpcError) as caught:
            for _ in range(1000):
                c.call('job.submit', type='echo', args='x' * 9000, queue='held')
                accepted += 1
        self.assertEqual((caught.exception.kind, caught.exception.data['quota']), ('quota_exceeded', 'bytes'))
        self.assertEqual(accepted, 100000 // (9000 + 2 + 72))
        self.assertEqual(kind_of(c.call, 'job.submit', type='echo', args='x' * 200000), 'quota_exceeded')
        c.call('job.submit', type='echo', args=1, queue='held')

    def test_what_waits_is_counted_again_after_the_brokers_death(self):
        self.start('access.max_jobs=4')
        token = self.new_token('ci', 'submitter')
        c = self.log_in(token)
        self.admin.call('queue.pause', name='held')
        for _ in range(4):
            c.call('job.submit', type='echo', queue='held')
        os.kill(self.jobd.broker(), signal.SIGKILL)
        until(lambda: kind_or_gone(lambda: self.log_in(token).close()) is None, 'a new broker', 30)
        self.admin = self.jobd.client()
        self.assertEqual(kind_of(self.log_in(token).call, 'job.submit', type='echo', queue='held'), 'quota_exceeded')


class Audit(Tokens, OwnDaemonTest):
    """Who did what, when, from where."""

    def start(self, *settings):
        self.jobd = self.daemon(*settings)
        self.admin = self.jobd.client()

    def lines(self, name='audit.log'):
        return [json.loads(line) for line in read(os.path.join(self.jobd.state_dir, name)).splitlines()]

    def line(self, **wanted):
        """The line that has these members; waits for it."""
        find = lambda: [li for li in self.lines() if all(li.get(k) == v for k, v in wanted.items())]    # noqa: E731
        return until(find, 'a line with %s' % wanted)[0]

    def test_each_kind_has_its_line(self):
        self.start()
        before = time.time() * 1000
        self.admin.call('hello', client='tests')
        token = self.new_token('ci', 'submitter', types=['echo'])
        c = self.log_in(token)
        job = c.call('job.call', type='echo', args='the secret payload')['id']
        done = self.line(method='job.call', job=job)
        self.assertEqual((done['principal'], done['type'], done['outcome']), ('token:ci', 'echo', 'ok'))
        self.assertTrue(done['from'].startswith('tcp:127.0.0.1:'))
        self.assertTrue(before - 1 <= done['at_ms'] <= time.time() * 1000 + 1)
        self.line(method='login', principal='token:ci', outcome='ok')
        self.line(method='token.new', name='ci', role='submitter', types=1, outcome='taken', client='tests')
        kind_of(c.call, 'job.submit', type='command')
        self.line(method='job.submit', type='command', outcome='forbidden', principal='token:ci')
        kind_of(c.call, 'queue.pause', name='default')
        self.line(method='queue.pause', name='default', outcome='forbidden')
        theirs = self.admin.call('job.submit', type='echo')['id']
        kind_of(c.call, 'job.get', id=theirs)
        self.line(method='job.get', id=theirs, outcome='not_own', principal='token:ci')
        kind_of(c.call, 'job.cancel', id=1 << 50)
        self.line(method='job.cancel', id=1 << 50, outcome='not_found')
        self.admin.call('queue.pause', name='mail')
        self.line(method='queue.pause', name='mail', principal='uid:%d' % os.geteuid())
        kind_of(self.jobd.raw(tcp=True).call, 'job.list')
        self.line(method='job.list', principal='nobody', outcome='unauthenticated')
        kind_of(self.jobd.raw(tcp=True).call, 'hello', token='ci.' + '0' * 64)
        self.line(method='login', principal='nobody', outcome='wrong')
        self.admin.call('job.submit_many', jobs=[{'type': 'echo'}] * 3)
        self.line(method='job.submit_many', jobs=3)
        self.admin.call('token.revoke', name='ci')
        self.line(method='token.revoke', name='ci')
        for look in ('job.list', 'queue.list', 'server.stats', 'ping', 'job.get'):
            self.assertFalse([li for li in self.lines() if li['method'] == look and li['outcome'] == 'ok'], look)

    def test_a_call_that_was_taken_and_is_refused_later_has_both_lines(self):
        self.start()
        self.admin.call('queue.set', name='full', max_jobs=1)
        self.admin.call('queue.pause', name='full')
        self.admin.call('job.submit', type='echo', queue='full')
        self.assertEqual(kind_of(self.admin.call, 'job.submit', type='echo', queue='full', room_wait_ms=10), 'queue_full')
        refused = self.line(method='job.submit', outcome='queue_full')
        taken = self.line(method='job.submit', call=refused['call'], outcome='taken')
        self.assertEqual(taken['queue'], 'full')

    def test_it_has_neither_secrets_nor_payloads(self):
        self.start()
        token = self.new_token('ci', 'operator')
        c = self.log_in(token)
        secrets = ['p4yl0ad', token.split('.')[1], self.jobd.token().split('.')[1], 's3cret-label', 'k3y']
        c.call('job.call', type='echo', args={'p4yl0ad': 1}, labels={'x': 's3cret-label'}, order_key='k3y')
        c.call('job.submit', type='command', args={'argv': ['true', 'p4yl0ad'], 'env': {'A': 'p4yl0ad'}})
        c.call('cron.set', name='n', when='@daily', job={'type': 'echo', 'args': 'p4yl0ad'})
        kind_of(c.call, 'hello', token='ci.' + 'p4yl0ad')
        kind_of(c.call, 'job.submit', type='echo', p4yl0ad=1)
        self.line(method='cron.set')
        self.line(method='login', outcome='wrong')
        text = read(os.path.join(self.jobd.state_dir, 'audit.log')).decode()
        for secret in secrets:
            self.assertNotIn(secret, text)

    def test_it_is_appended_to_and_rotated_and_private(self):
        self.start('audit.max_bytes=8192', 'audit.keep=3')
        path = os.path.join(self.jobd.state_dir, 'audit.log')
        for i in range(400):
            kind_of(self.admin.call, 'job.cancel', id=(1 << 50) + i)
        self.line(id=(1 << 50) + 399)
        self.assertEqual(sorted(n for n in os.listdir(self.jobd.state_dir) if n.startswith('audit.log')),
                         ['audit.log', 'audit.log.1', 'audit.log.2', 'audit.log.3'])
        for n in range(4):
            name = path + ('.%d' % n if n else '')
            self.assertEqual(stat.S_IMODE(os.stat(name).st_mode), 0o600)
            self.assertLessEqual(os.path.getsize(name), 8192)
        ids = [li['id'] for n in (3, 2, 1) for li in self.lines('audit.log.%d' % n)] + [li['id'] for li in self.lines()]
        self.assertEqual(ids, list(range(ids[0], (1 << 50) + 400)))     # whole lines, in order, none lost between
        fd = [n for n, what in files_of(self.jobd.broker()).items() if what == path]
        flags = int(read('/proc/%d/fdinfo/%d' % (self.jobd.broker(), fd[0])).split(b'flags:')[1].split()[0], 8)
        self.assertTrue(flags & os.O_APPEND)

    def test_submissions_above_the_rate_are_summed_up_and_none_is_lost(self):
        self.start('audit.rate=50')
        c = self.log_in(self.new_token('busy', 'submitter'))
        c.call_many([('job.submit', {'type': 'echo', 'durability': 'memory'})] * 2000)
        kind_of(c.call, 'job.submit', type='command')
        self.line(method='job.submit', principal='token:busy', outcome='forbidden')

        def told():
            mine = [li for li in self.lines() if li['principal'] == 'token:busy' and li['outcome'] in ('ok', 'taken')]
            alone = [li for li in mine if li['method'] == 'job.submit']
            return len(alone), sum(li.get('calls', 0) for li in mine if li['method'] == 'job.*')
        until(lambda: sum(told()) == 2000, 'lines and sums of 2,000 submissions', 20)
        self.assertGreaterEqual(told()[0], 50)
        self.assertLess(told()[0], 1000)

    def test_strangers_do_not_fill_it(self):
        self.start()
        c = self.jobd.raw(tcp=True)
        for _ in range(500):
            kind_of(c.call, 'job.list')
        self.line(method='job.list', outcome='unauthenticated')
        self.assertLess(len([li for li in self.lines() if li['principal'] == 'nobody']), 500)

    def test_it_can_be_left_out(self):
        self.start('audit.enabled=false')
        self.admin.call('queue.pause', name='mail')
        self.jobd.stop()
        self.assertFalse(os.path.exists(os.path.join(self.jobd.state_dir, 'audit.log')))


def files_of(pid):
    from jobd_test import open_files
    return open_files(pid)


if __name__ == '__main__':
    unittest.main()
