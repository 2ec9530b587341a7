"""test_jobctl.py - jobctl against a real jobd: what its verbs print, and how they exit."""

import json
import os
import subprocess
import unittest

from jobd_test import Daemon, DaemonTest, PATIENCE, program


class Jobctl(DaemonTest):
    def ctl(self, *words, stdin='', host=None, status=0):
        """stdout and stderr of a call that must exit with this status."""
        env = dict(os.environ, JOBD_HOST=host or self.jobd.unix, LC_ALL='C.UTF-8')
        run = subprocess.run([program('jobctl'), *words], input=stdin, env=env, text=True,
                             capture_output=True, timeout=60 * PATIENCE)
        self.assertEqual(run.returncode, status, (words, run.stdout, run.stderr))
        if status != 0:
            self.assertTrue(run.stderr, words)
        return run.stdout, run.stderr

    def out(self, *words, **options):
        return self.ctl(*words, **options)[0]

    def test_every_verb_of_the_list_answers(self):
        job = self.out('submit', 'echo', '{"n":1}').strip()
        self.assertTrue(job.isdigit())
        self.out('wait', job)
        for words in (('ping',), ('ls',), ('show', job), ('result', job), ('explain', job), ('queue', 'ls'),
                      ('type', 'ls'), ('type', 'show', 'echo'), ('worker', 'ls'), ('stats',), ('version',), ('help',), ()):
            self.assertTrue(self.out(*words).strip(), words)

    def test_call_prints_the_result_as_it_is_and_exits_as_the_job(self):
        self.assertEqual(self.out('call', 'echo', '{"a":1.10, "a":2}'), '{"a":1.10, "a":2}\n')
        self.assertEqual(self.out('call', 'echo', '-', stdin='[1]'), '[1]\n')
        self.ctl('call', 'sleep', '{}', status=1)
        self.ctl('call', 'sleep', '{"ms":60000}', '--timeout', '30ms', status=124)
        self.ctl('call', 'nope', status=127)
        self.ctl('call', 'echo', host='unix:/no/such/socket', status=125)

    def test_large_results_come_whole(self):
        text = json.dumps('x' * 500000)
        self.assertEqual(self.out('call', 'echo', '-', stdin=text), text + '\n')
        job = self.out('-o', 'id', 'ls').split()[0]
        self.assertEqual(self.out('result', job), text + '\n')

    def test_the_other_verbs_exit_by_the_table(self):
        failed = self.out('submit', 'sleep', '{}').strip()
        self.ctl('wait', failed, status=1)
        self.ctl('wait', '9007199254740000', status=3)
        self.ctl('show', '9007199254740000', status=3)
        later = self.out('submit', 'echo', '1', '--delay', '1h').strip()
        self.ctl('wait', later, '--timeout', '20ms', status=4)
        self.out('cancel', later)
        self.ctl('cancel', later, status=8)
        self.ctl('bogus', status=2)
        self.ctl('submit', status=2)
        self.ctl('ping', host='unix:/no/such/socket', status=6)

    def test_the_type_that_was_meant_is_named_when_it_is_the_type_that_is_not_there(self):
        for words, status in ((('call', 'ecoh'), 127), (('submit', 'ecoh'), 5), (('type', 'show', 'ecoh'), 3),
                              (('cron', 'set', 'nightly', '@hourly', 'ecoh'), 5)):
            self.assertIn('did you mean echo?', self.ctl(*words, status=status)[1])
        for words in (('--after', '9007199254740000'), ('--group', 'nope')):
            said = self.ctl('submit', 'echo', *words, status=3)[1]
            self.assertIn('(not_found)', said)
            self.assertNotIn('did you mean', said)

    def test_map_runs_a_job_for_each_line(self):
        lines = '\n'.join(str(n) for n in range(300)) + '\n'
        out, err = self.ctl('map', 'echo', '-j', '7', stdin=lines)
        rows = [json.loads(row) for row in out.splitlines()]
        self.assertEqual(sorted((r['index'], r['result']) for r in rows), [(n, n) for n in range(300)])
        self.assertIn('300', err.splitlines()[-1])
        gathered = [json.loads(row) for row in self.out('map', 'echo', '--gather', stdin=lines).splitlines()]
        self.assertEqual([r['index'] for r in gathered], list(range(300)))
        self.ctl('map', 'sleep', stdin='{"ms":1}\n{}\n', status=1)
        keyed = self.out('map', 'echo', '--lines', 'path', stdin='a b\nc"d\n')
        self.assertEqual(sorted(json.loads(row)['result']['path'] for row in keyed.splitlines()), ['a b', 'c"d'])

    def test_jobs_are_selected_and_lists_are_json_when_asked(self):
        ids = [self.out('submit', 'echo', str(n), '--queue', 'chosen', '--label', 'n=%d' % n).strip() for n in range(3)]
        self.out('wait', *ids)
        rows = json.loads(self.out('-o', 'json', 'ls', '--queue', 'chosen'))
        self.assertEqual([str(r['id']) for r in rows], ids[::-1])
        self.assertEqual(self.out('-o', 'id', 'ls', '--queue', 'chosen', '--label', 'n=1').split(), [ids[1]])
        anna = self.out('submit', 'echo', '--queue', 'chosen', '--tenant', 'anna').strip()
        self.assertEqual(self.out('-o', 'id', 'ls', '--queue', 'chosen', '--tenant', 'anna').split(), [anna])
        for words, found in ((('--since', '1h'), [anna] + ids[::-1]), (('--until', '1h'), []),
                             (('--since', '@1', '--until', '0s'), [anna] + ids[::-1]),
                             (('--since', '2020-01-01', '--until', '2020-01-02'), [])):
            self.assertEqual(self.out('-o', 'id', 'ls', '--queue', 'chosen', *words).split(), found, words)
        self.out('wait', '%s-%s' % (ids[0], ids[2]))
        self.assertEqual(self.out('wait', anna, '@last'), '%s  succeeded\n' % anna)
        for row in self.out('-o', 'ndjson', 'worker', 'ls').splitlines():
            self.assertIn('pid', json.loads(row))

    def test_it_finds_the_token_of_tcp_by_file(self):
        env = os.environ.get('JOBD_TOKEN_FILE')
        os.environ['JOBD_TOKEN_FILE'] = os.path.join(self.jobd.state_dir, 'client.token')
        try:
            self.assertEqual(self.out('call', 'echo', '5', host=self.jobd.tcp), '5\n')
        finally:
            del os.environ['JOBD_TOKEN_FILE']
            if env is not None:
                os.environ['JOBD_TOKEN_FILE'] = env

    def test_drain_answers_when_nothing_is_left(self):
        jobd = Daemon()
        try:
            self.out('drain', host=jobd.unix)
            self.ctl('submit', 'echo', host=jobd.unix, status=7)
        finally:
            jobd.stop()


if __name__ == '__main__':
    unittest.main()
