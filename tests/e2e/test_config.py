"""test_config.py - where settings come from, which of them wins, and what a reload does."""

import json
import os
import signal
import subprocess
import tempfile
import threading
import unittest
from unittest import mock

from jobd_test import ALL_ROOTS, PATIENCE, OwnDaemonTest, RpcError, program, until


class ConfigTest(OwnDaemonTest):
    """Daemons with a configuration file of their own."""

    def setUp(self):
        place = tempfile.TemporaryDirectory(prefix='jobd-test-')
        self.addCleanup(place.cleanup)
        self.dir = place.name
        self.file = os.path.join(self.dir, 'jobd.conf')

    def write(self, text, name='jobd.conf'):
        """Returns the path; what was there is gone."""
        path = os.path.join(self.dir, name)
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(path, 'w', encoding='utf-8') as f:
            f.write(text)
        return path

    def start(self, *settings):
        return self.daemon(*settings, arguments=('-c', self.file))

    @staticmethod
    def settings(client):
        return {row['name']: row for row in client.call('server.config')['settings']}

    def check(self, *arguments, environment=None):
        """`jobd --check-config` and these words: its exit code and what it says."""
        done = subprocess.run([program('jobd'), '--check-config', *ALL_ROOTS, *arguments],
                              stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=60,
                              env={**os.environ, **(environment or {})}, check=False)
        return done.returncode, done.stderr


class Precedence(ConfigTest):
    def test_each_source_wins_over_those_before_it_and_is_named(self):
        path = self.write('[jobs]\ngrace_ms = 1s\nmax_attempts = 2\nbackoff_ms = 3s\nfactor = 4\n')
        first = self.write('[jobs]\nmax_attempts = 3\nbackoff_ms = 4s\nfactor = 5\n', 'jobd.conf.d/10-a.conf')
        second = self.write('[jobs]\nbackoff_ms = 5s\n', 'jobd.conf.d/20-b.conf')
        self.write('[jobs]\nbackoff_ms = 9s\n', 'jobd.conf.d/30-c.conf~')
        with mock.patch.dict(os.environ, JOBD_JOBS__FACTOR='6', JOBD_JOBS__MAX_BACKOFF_MS='7s'):
            jobd = self.start('jobs.max_backoff_ms=8s')
        settings = self.settings(jobd.client())
        for name, value, origin in (
                ('jobs.keep_finished_ms', '1m', 'default'),
                ('jobs.grace_ms', '1s', path + ':2'),
                ('jobs.max_attempts', '3', first + ':2'),
                ('jobs.backoff_ms', '5s', second + ':2'),
                ('jobs.factor', '6', 'environment JOBD_JOBS__FACTOR'),
                ('jobs.max_backoff_ms', '8s', 'command line'),
                ('workers.cpu', '2', 'command line')):
            with self.subTest(name):
                self.assertEqual((settings[name]['value'], settings[name]['origin']), (value, origin))
        self.assertEqual(settings['jobs.grace_ms']['default'], '10s')
        self.assertIn('unix:', settings['net.listen']['value'])

    def test_a_missing_file_is_wrong_only_when_it_was_named(self):
        nowhere = {'XDG_CONFIG_HOME': self.dir, 'CONFIGURATION_DIRECTORY': self.dir}
        self.assertEqual(self.check(environment=nowhere), (0, ''))
        code, said = self.check('-c', self.file)
        self.assertEqual(code, 78)
        self.assertIn(self.file + ': cannot be read', said)

    def test_the_usual_file_is_found_where_systemd_says(self):
        self.write('[jobs]\ngrace_ms = soon\n')
        code, said = self.check(environment={'CONFIGURATION_DIRECTORY': self.dir})
        self.assertEqual(code, 78)
        self.assertIn(self.file + ':2: jobs.grace_ms: `soon` is not a duration', said)


class Mistakes(ConfigTest):
    def test_each_is_named_with_its_place_and_what_is_allowed(self):
        drop_in = os.path.join(self.dir, 'jobd.conf.d', 'x.conf')
        for text, where, says in (
                ('[jobs]\n\ngrace_ms = soon\n', ':3: ', 'jobs.grace_ms: `soon` is not a duration'),
                ('[jobs]\ngrace = 1s\n', ':2: ', 'jobs.grace: no such key; [jobs] has'),
                ('[job]\ngrace_ms = 1s\n', ':2: ', 'job.grace_ms: no such section'),
                ('[jobs]\ngrace_ms=1s\ngrace_ms=2s\n', ':3: ', 'the first is in line 2'),
                ('[net]\nlisten = tcp:nowhere\n', ':2: ', 'net.listen: `tcp:nowhere` is not unix:PATH'),
                ('[queue a b]\nrate = 1\n', ':2: ', 'is not the name of a queue'),
                ('grace_ms = 1s\n', ':1: ', 'before the first [section]')):
            with self.subTest(text):
                self.write(text)
                code, said = self.check('-c', self.file)
                self.assertEqual(code, 78)
                self.assertIn(self.file + where, said)
                self.assertIn(says, said)
        self.write('')
        self.write('[workers]\ncpu = many\n', drop_in)
        code, said = self.check('-c', self.file)
        self.assertEqual(code, 78)
        self.assertIn(drop_in + ':2: workers.cpu: `many` is not a whole number from 0 to 1024', said)

    def test_variables_and_options_are_named_too(self):
        self.write('')
        for variable, value, says in (
                ('JOBD_JOBS__GRACE_MS', 'soon', 'environment JOBD_JOBS__GRACE_MS: jobs.grace_ms: `soon`'),
                ('JOBD_JOBS__GRACE', '1s', 'environment JOBD_JOBS__GRACE: jobs.grace: no such key')):
            with self.subTest(variable):
                code, said = self.check('-c', self.file, environment={variable: value})
                self.assertEqual(code, 78)
                self.assertIn(says, said)
        code, said = self.check('-c', self.file, '--set', 'jobs.grace_ms=soon')
        self.assertEqual(code, 78)
        self.assertIn('--set: jobs.grace_ms: `soon`', said)


class Owners(ConfigTest):
    """Who may write a configuration decides what jobd does."""

    def test_what_others_may_write_is_refused_at_the_start(self):
        self.write('')
        drop_in = self.write('', 'jobd.conf.d/a.conf')
        for path in (self.file, drop_in, os.path.dirname(drop_in), self.dir):
            with self.subTest(path):
                mode = os.stat(path).st_mode
                self.assertEqual(self.check('-c', self.file), (0, ''))
                os.chmod(path, mode | 0o020)
                code, said = self.check('-c', self.file)
                os.chmod(path, mode)
                self.assertEqual(code, 78)
                self.assertTrue(said.startswith('jobd: %s: can be written by others (mode 0%o) than its owner, uid %d;'
                                                % (path, mode & 0o777 | 0o020, os.getuid())), said)

    def test_what_others_may_write_is_refused_by_a_reload(self):
        self.write('[jobs]\ngrace_ms = 1s\n')
        c = self.start().client()
        self.write('[jobs]\ngrace_ms = 2s\n')
        os.chmod(self.file, 0o666)
        with self.assertRaises(RpcError) as raised:
            c.call('server.reload')
        self.assertIn(self.file + ': can be written by others (mode 0666)', str(raised.exception))
        self.assertEqual(raised.exception.data['file'], self.file)
        self.assertEqual(self.settings(c)['jobs.grace_ms']['value'], '1s')
        os.chmod(self.file, 0o600)
        c.call('server.reload')
        self.assertEqual(self.settings(c)['jobs.grace_ms']['value'], '2s')


class Reload(ConfigTest):
    def test_says_what_changes_and_when(self):
        self.write('[jobs]\ngrace_ms = 1s\n')
        jobd = self.start()
        c = jobd.client()
        self.assertEqual(c.call('server.reload'), {'changed': [], 'left_out': []})
        path = self.write('[jobs]\ngrace_ms = 2s\n[core]\nsequential = true\n[queue mail]\nmax_running = 4\n')
        changed = {row.pop('name'): row for row in c.call('server.reload')['changed']}
        self.assertEqual(changed, {
            'core.sequential': {'from': 'false', 'to': 'true', 'takes_effect': 'restart'},
            'jobs.grace_ms': {'from': '1s', 'to': '2s', 'takes_effect': 'now'},
            'queue mail.max_running': {'from': '0', 'to': '4', 'takes_effect': 'now'}})
        # what waits for a start is said again, as long as it waits
        self.assertEqual([row['name'] for row in c.call('server.reload')['changed']], ['core.sequential'])
        settings = self.settings(c)
        self.assertEqual(settings['jobs.grace_ms']['origin'], path + ':2')
        self.assertEqual((settings['core.sequential']['value'], settings['core.sequential']['next']),
                         ('false', 'true'))
        self.assertEqual(settings['queue mail.max_running']['value'], '4')

    def test_a_wrong_file_changes_nothing_and_is_told(self):
        self.write('[jobs]\ngrace_ms = 1s\n')
        jobd = self.start()
        c = jobd.client()
        self.write('[jobs]\ngrace_ms = 2s\nkeep_finished = some\n')
        with self.assertRaises(RpcError) as raised:
            c.call('server.reload')
        self.assertEqual(raised.exception.kind, 'invalid_configuration')
        data = raised.exception.data
        self.assertEqual((data['file'], data['line'], data['key']), (self.file, 3, 'jobs.keep_finished'))
        self.assertIn('`some` is not a whole number from 0 to 10000000', str(raised.exception))
        self.assertEqual(self.settings(c)['jobs.grace_ms']['value'], '1s')
        jobd.until_logged('configuration not reloaded')

    def test_what_only_the_broker_knows_to_be_wrong_changes_nothing_too(self):
        self.write('[jobs]\ngrace_ms = 1s\n')
        c = self.start().client()
        self.write('[jobs]\ngrace_ms = 2s\n[cron a]\nwhen = @daily\njob = {"type": "echo", "nosuch": 1}\n')
        with self.assertRaises(RpcError) as raised:
            c.call('server.reload')
        self.assertEqual(raised.exception.kind, 'invalid_configuration')
        self.assertIn('cron a', str(raised.exception))
        self.assertEqual(self.settings(c)['jobs.grace_ms']['value'], '1s')

    def test_a_start_with_a_wrong_job_of_a_schedule_is_not_tried_again(self):
        self.write('[cron a]\nwhen = @daily\njob = {"type": "echo", "nosuch": 1}\n')
        done = subprocess.run([program('jobd'), '-c', self.file, '--state-dir', os.path.join(self.dir, 'state'),
                               '--listen', 'unix:%s/sock' % self.dir, '--set', 'users.daemon=root',
                               '--set', 'users.jobs=root'], capture_output=True, text=True, timeout=60 * PATIENCE)
        self.assertEqual(done.returncode, 78, done.stderr)
        self.assertIn('cron a', done.stderr)

    def test_sighup_reloads(self):
        self.write('[log]\nlevel = info\n')
        jobd = self.start()
        c = jobd.client()
        self.write('[log]\nlevel = debug\n')
        jobd.signal(signal.SIGHUP)
        until(lambda: self.settings(c)['log.level']['value'] == 'debug', 'the new level')
        self.write('[log]\nlevel = loud\n')
        jobd.signal(signal.SIGHUP)
        until(lambda: 'configuration not reloaded' in jobd.log(), 'a refusal in the log')
        jobd.until_logged(self.file + ':2: log.level: `loud` is not error, warn, info or debug')

    def test_what_operators_set_of_a_queue_wins_over_the_new_file(self):
        self.write('[queue mail]\nmax_running = 4\nmax_jobs = 10\n')
        c = self.start().client()
        c.call('queue.set', name='mail', max_running=2)
        self.write('[queue mail]\nmax_running = 5\nmax_jobs = 20\n')
        c.call('server.reload')
        queue = next(q for q in c.items('queue.list') if q['name'] == 'mail')
        self.assertEqual((queue['max_running'], queue['max_jobs']), (2, 20))

    def test_a_queue_that_is_not_named_any_more_has_no_limit(self):
        self.write('[queue mail]\nmax_running = 1\n')
        c = self.start().client()
        running = c.call('job.submit', type='sleep', queue='mail', args={'ms': 3600000})['id']
        second = c.call('job.submit', type='sleep', queue='mail', args={'ms': 3600000})['id']
        until(lambda: c.call('job.get', id=running)['state'] == 'running', 'a job that runs')
        self.assertEqual(c.call('job.get', id=second)['state'], 'ready')
        self.write('')
        c.call('server.reload')
        until(lambda: c.call('job.get', id=second)['state'] == 'running', 'the second one to run')
        for job in (running, second):
            c.call('job.cancel', id=job)


class Effect(ConfigTest):
    """Options that a reload changes do what they say from then on."""

    def reload(self, client, text):
        self.write(text)
        return client.call('server.reload')

    def cpu_workers(self, client):
        return [w for w in client.items('worker.list') if w['lane'] == 'process' and w['name'].startswith('cpu')]

    def start_bare(self, text):
        """No word of workers on the command line, which would win."""
        self.write(text)
        jobd = self.daemon(arguments=('-c', self.file), cpu_workers=None, io_threads=None)
        return jobd, jobd.client()

    def test_cpu_workers_come_and_go_and_what_runs_is_finished(self):
        _, c = self.start_bare('[workers]\ncpu = 2\n')
        running = [c.call('job.submit', type='bench.cpu', args={'ms': 1500})['id'] for _ in range(2)]
        for job in running:
            until(lambda job=job: c.get(job)['state'] == 'running', 'a job that runs')
        self.reload(c, '[workers]\ncpu = 4\n')
        until(lambda: [w['state'] for w in self.cpu_workers(c)].count('idle') == 2 and
              len(self.cpu_workers(c)) == 4, 'two more workers')
        self.reload(c, '[workers]\ncpu = 1\n')
        until(lambda: len(self.cpu_workers(c)) == 1, 'one worker')
        self.assertEqual([c.wait(job)['state'] for job in running], ['succeeded'] * 2)
        self.assertEqual(c.run('echo', 7, lane='process')['result'], 7)

    def test_workers_with_old_settings_finish_what_they_have(self):
        _, c = self.start_bare('[workers]\ncpu = 1\nio_threads = 2\n')
        waits = c.call('job.submit', type='sleep', args={'ms': 3600000})['id']
        until(lambda: c.get(waits)['state'] == 'running', 'a job that waits')
        before = {w['pid'] for w in c.items('worker.list')}
        self.reload(c, '[workers]\ncpu = 1\nio_threads = 3\ncpu_nice = 0\n')
        until(lambda: len({w['pid'] for w in c.items('worker.list')
                           if w['state'] in ('idle', 'running')} - before) == 2, 'a fresh worker of each kind')
        self.assertEqual(c.get(waits)['state'], 'running')
        c.call('job.cancel', id=waits)
        until(lambda: not [w for w in c.items('worker.list') if w['state'] == 'draining'], 'the old one to end')

    def test_roots_of_files_are_those_of_the_new_file(self):
        path = self.write('text', 'data/file')
        _, c = self.start_bare('[workers]\ncpu = 1\n')
        before = {w['pid'] for w in c.items('worker.list')}
        self.assertEqual(c.run('file.digest', {'path': path})['state'], 'failed')
        self.reload(c, '[workers]\ncpu = 1\n[files]\nroots = %s\n' % os.path.dirname(path))
        until(lambda: len({w['pid'] for w in c.items('worker.list') if w['state'] == 'idle'} - before) >= 2,
              'fresh workers')
        self.assertEqual(c.run('file.digest', {'path': path})['state'], 'succeeded')

    def test_connections_above_a_new_limit_are_refused(self):
        self.write('')
        jobd = self.start()
        c = jobd.client()
        self.reload(c, '[net]\nmax_connections = 16\n')
        others = [jobd.raw() for _ in range(15)]
        for other in others:
            self.assertIn('result', other.ask(b'{"id":1,"method":"ping"}'))
        self.assertEqual(jobd.raw().read()['error']['data']['kind'], 'too_many_connections')
        self.reload(c, '[net]\nmax_connections = 32\n')
        self.assertIn('result', jobd.raw().ask(b'{"id":1,"method":"ping"}'))

    def test_schedules_come_and_go_with_the_file(self):
        self.write('[cron tick]\nwhen = @every 1s\njob = {"type": "echo", "queue": "ticks"}\n')
        c = self.start().client()
        until(lambda: c.call('job.list', filter={'queue': 'ticks'})['items'], 'a job of the schedule')
        self.reload(c, '[cron tock]\nwhen = @daily\njob = {"type": "echo"}\n')
        self.assertEqual([s['name'] for s in c.items('cron.list')], ['tock'])
        self.reload(c, '')
        self.assertEqual(c.items('cron.list'), [])

    def test_the_log_says_more_at_once(self):
        self.write('[log]\nlevel = warn\n')
        jobd = self.start()
        c = jobd.client()
        self.reload(c, '[log]\nlevel = info\n')
        self.reload(c, '[log]\nlevel = info\n[jobs]\ngrace_ms = 4s\n')
        jobd.until_logged('setting changed name="jobs.grace_ms" from="10s" to="4s"')

    def test_a_pin_and_a_limit_of_a_type_follow_the_file(self):
        self.write('[type echo]\nlane = thread\nmax_running = 3\n')
        c = self.start().client()
        self.assertEqual(c.call('type.show', name='echo')['routing']['mode'], 'pin')
        self.reload(c, '[type echo]\nlane = process\n')
        self.assertEqual(c.call('type.show', name='echo')['routing']['pinned'], 'process')
        self.reload(c, '')
        self.assertEqual(c.call('type.show', name='echo')['routing']['mode'], 'auto')


class Verbs(ConfigTest):
    """jobctl config show, config check, reload."""

    def ctl(self, *words, jobd=None):
        host = ('-H', jobd.unix) if jobd else ()
        done = subprocess.run([program('jobctl'), *host, *words], stdin=subprocess.DEVNULL,
                              capture_output=True, text=True, timeout=60, check=False)
        return done.returncode, done.stdout, done.stderr

    def test_show_prints_what_is_in_force_and_where_it_comes_from(self):
        path = self.write('[jobs]\ngrace_ms = 3s\n[queue mail]\nrate = 2.5\n')
        jobd = self.start()
        code, out, _ = self.ctl('config', 'show', 'jobs.grace_ms', jobd=jobd)
        self.assertEqual(code, 0)
        self.assertEqual(out.splitlines()[1].split(), ['jobs.grace_ms', '3s', '10s', 'now', path + ':2'])
        code, out, _ = self.ctl('config', 'show', '--changed', jobd=jobd)
        names = [line.split('  ')[0] for line in out.splitlines()[1:]]
        self.assertIn('queue mail.rate', names)
        self.assertNotIn('jobs.factor', names)
        _, out, _ = self.ctl('config', 'show', 'jobs', '-o', 'json', jobd=jobd)
        self.assertTrue(all(row['name'].startswith('jobs.') for row in json.loads(out)))
        code, _, err = self.ctl('config', 'show', 'jobs.nosuch', jobd=jobd)
        self.assertEqual(code, 3)
        self.assertIn('no setting `jobs.nosuch`', err)

    def test_what_is_misspelt_is_answered_with_what_was_meant(self):
        self.write('')
        jobd = self.start()
        for words, code, said in (
                (('config', 'show', 'jobs.grace'), 3, 'no setting `jobs.grace`; did you mean jobs.grace_ms?'),
                (('config', 'show', 'grace_ms'), 3, 'did you mean jobs.grace_ms?'),
                (('config', 'show', 'jobs.garce_ms'), 3, 'did you mean jobs.grace_ms?'),
                (('config', 'show', 'something.else'), 3, 'no setting `something.else`: jobctl config show lists them'),
                (('config', 'show', '-o', 'id'), 2, '-o id: there is json, ndjson of this'),
                (('trace', '-o', 'xml'), 2, '-o xml: there is chrome of this'),
                (('top', '-o', 'json'), 2, '-o json: there is no other form of this'),
                (('reload', 'now'), 2, "'now' is too much: usage: jobctl reload (jobctl help reload)"),
                (('token', 'new', 'ci', '--role', 'viewer', '--expires', '0'), 2, '--expires 0: it would be of no use')):
            with self.subTest(words):
                done = self.ctl(*words, jobd=jobd)
                self.assertEqual(done[0], code)
                self.assertEqual(done[1], '')
                self.assertIn(said, done[2])

    def test_who_may_not_is_told_who_it_is_and_whose_token_was_wrong(self):
        self.write('')
        jobd = self.start()
        c = jobd.client()
        token = os.path.join(self.dir, 'low.token')

        def put(text):
            with open(os.open(token, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), 'w', encoding='ascii') as f:
                f.write(text)

        secret = c.call('token.new', name='low', role='viewer')['token']
        with mock.patch.dict(os.environ, JOBD_TOKEN_FILE=token):
            for text, said in ((secret, 'server.reload needs the role admin, and token:low is viewer (forbidden)'),
                               ('low.' + 64 * '0', token + ': the token is wrong, revoked or expired')):
                put(text)
                done = subprocess.run([program('jobctl'), '-H', jobd.tcp, 'reload'], stdin=subprocess.DEVNULL,
                                      capture_output=True, text=True, timeout=60 * PATIENCE, check=False)
                self.assertEqual(done.returncode, 5)
                self.assertIn(said, done.stderr)

    def test_check_needs_no_daemon(self):
        self.write('[jobs]\ngrace_ms = 3s\n')
        self.assertEqual(self.ctl('config', 'check', self.file)[:2], (0, self.file + ' is right\n'))
        drop_in = self.write('[jobs]\ngrace_ms = soon\n', 'jobd.conf.d/a.conf')
        code, out, _ = self.ctl('config', 'check', self.file)
        self.assertEqual(code, 5)
        self.assertIn(drop_in + ':2: jobs.grace_ms: `soon` is not a duration', out)
        code, out, _ = self.ctl('config', 'check', self.file, '-o', 'json')
        self.assertEqual([(row['file'], row['line'], row['key']) for row in json.loads(out)],
                         [(drop_in, 2, 'jobs.grace_ms')])

    def test_reload_prints_what_has_changed(self):
        self.write('')
        jobd = self.start()
        code, out, err = self.ctl('reload', jobd=jobd)
        self.assertEqual((code, out), (0, ''))
        self.assertIn('no setting has changed; types and tokens are read again', err)
        self.write('[jobs]\ngrace_ms = 3s\n')
        code, out, _ = self.ctl('reload', jobd=jobd)
        self.assertEqual(code, 0)
        self.assertEqual(out.splitlines()[1].split(), ['jobs.grace_ms', '10s', '3s', 'now'])
        self.write('[jobs]\ngrace_ms = soon\n')
        code, out, err = self.ctl('reload', jobd=jobd)
        self.assertEqual((code, out), (5, ''))
        self.assertIn(self.file + ':2: jobs.grace_ms: `soon` is not a duration', err)


class UnderLoad(ConfigTest):
    def test_reloads_good_and_bad_lose_no_job(self):
        """Clients call all the while; each reload is in force, or refused, and every call is answered."""
        self.write('[jobs]\ngrace_ms = 1s\n')
        jobd = self.start()
        ended, answers, wrong = threading.Event(), [0, 0, 0], []

        def work(number):
            c = jobd.client()
            while not ended.is_set():
                outcome = c.run('echo', answers[number], queue='load%d' % number)
                if outcome.get('result') != answers[number]:
                    wrong.append(outcome)
                answers[number] += 1

        threads = [threading.Thread(target=work, args=(n,)) for n in range(3)]
        for thread in threads:
            thread.start()
        try:
            c = jobd.client()
            for n in range(30):
                self.write('[jobs]\ngrace_ms = %ds\n[queue load%d]\nmax_running = 3\n[workers]\nready_ms = %s\n'
                           % (2 + n % 2, n % 4, '6s' if n % 3 else 'never'))
                if n % 3:
                    c.call('server.reload')
                    self.assertEqual(self.settings(c)['jobs.grace_ms']['value'], '%ds' % (2 + n % 2))
                else:
                    with self.assertRaises(RpcError):
                        c.call('server.reload')
            before = list(answers)
            until(lambda: all(a > b for a, b in zip(answers, before)), 'calls answered after the last one')
        finally:
            ended.set()
            for thread in threads:
                thread.join()
        self.assertEqual(wrong, [])


if __name__ == '__main__':
    unittest.main()
