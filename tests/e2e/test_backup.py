"""Backups: made under load, refused in words, and started upon."""

import os
import shutil
import sqlite3
import stat
import subprocess
import threading
import unittest

from jobd_test import DaemonTest, OwnDaemonTest, RpcError, program


class Backup(OwnDaemonTest):
    def restored(self, copy):
        """A daemon in a state directory that has nothing but the copy."""
        place = os.path.join(os.path.dirname(copy), 'restored')
        os.mkdir(place, 0o700)
        shutil.copy(copy, os.path.join(place, 'jobs.db'))
        return self.daemon(state_dir=place)

    def test_all_that_was_committed_before_is_in_it(self):
        jobd = self.daemon()
        c = jobd.client()
        done = c.call('job.submit_many', jobs=[{'type': 'echo', 'args': 'x' * 2000} for _ in range(500)])['ids']
        c.call('job.wait', ids=done)
        waiting = c.call('job.submit_many', jobs=[{'type': 'echo', 'args': n, 'delay_ms': 86400000}
                                                  for n in range(500)])['ids']
        c.call('queue.pause', name='mail')
        ends = threading.Event()

        def load():
            other = jobd.client()
            while not ends.is_set():
                other.call('job.submit_many', jobs=[{'type': 'echo', 'args': 'y' * 500} for _ in range(50)])
        thread = threading.Thread(target=load)
        thread.start()
        copy = os.path.join(jobd.own_dir, 'copy.db')
        try:
            made = c.call('server.backup', path=copy)
        finally:
            ends.set()
            thread.join()
        self.assertEqual(made, {'path': copy, 'bytes': os.path.getsize(copy)})
        self.assertEqual(stat.S_IMODE(os.stat(copy).st_mode), 0o600)
        self.assertEqual(os.listdir(jobd.own_dir).count('copy.db.partial'), 0)
        self.assertEqual(sqlite3.connect(copy).execute('PRAGMA integrity_check').fetchall(), [('ok',)])
        again = self.restored(copy).client()
        self.assertEqual(again.call('job.get', id=done[499])['result'], 'x' * 2000)
        for job in waiting:
            self.assertEqual(again.call('job.get', id=job)['state'], 'scheduled')
        self.assertGreater(again.call('job.submit', type='echo')['id'], waiting[-1])

    def test_jobctl_makes_one(self):
        jobd = self.daemon()
        jobd.client().call('job.call', type='echo', args=1, durability='commit')
        copy = os.path.join(jobd.own_dir, 'copy.db')

        def backup(*words):
            return subprocess.run([program('jobctl'), '-H', jobd.unix, 'backup', *words], text=True,
                                  capture_output=True, cwd=jobd.own_dir)
        self.assertEqual(backup('copy.db').returncode, 0)
        self.assertTrue(os.path.exists(copy))
        second = backup(copy)
        self.assertEqual(second.returncode, 8)
        self.assertIn('exists', second.stderr)
        self.assertEqual(backup().returncode, 2)


class Text(OwnDaemonTest):
    """jobd --check-store, --export, --import."""

    def jobd(self, *words):
        return subprocess.run([program('jobd'), *words], text=True, capture_output=True)

    def stopped(self):
        """A state directory with jobs of every kind in it, that nobody serves."""
        jobd = self.daemon()
        c = jobd.client()
        c.call('queue.pause', name='mail')
        ids = c.call('job.submit_many', jobs=[
            {'type': 'echo', 'args': 'ä"\\\n\u0001 \U0001f600', 'labels': {'a': 'b"c'}},
            {'type': 'file.digest', 'args': {'path': '/none'}, 'retry': {'max_attempts': 2, 'backoff_ms': 1}},
            {'type': 'echo', 'delay_ms': 86400000, 'unique_key': 'k'}, {'type': 'echo', 'hold': True}])['ids']
        c.call('job.wait', ids=ids[:2])
        jobd.signal(9)
        jobd.process.wait()
        self.add_log(jobd.state_dir, ids[0], b'\0log\xff')
        return jobd.state_dir

    def add_log(self, state_dir, job, log):
        """What an attempt said is bytes of any kind."""
        store = sqlite3.connect(os.path.join(state_dir, 'jobs.db'))
        store.execute('UPDATE history SET log = ? WHERE id = ?', (log, job))
        store.execute("UPDATE meta SET value = value + ? WHERE name = 'kept_bytes'", (len(log),))
        store.commit()
        store.close()

    def test_a_store_comes_back_as_it_was(self):
        state = self.stopped()
        parent = os.path.dirname(state)
        text, again, second = (os.path.join(parent, name) for name in ('text', 'again', 'second'))
        self.assertEqual(self.jobd('--state-dir', state, '--check-store').returncode, 0)
        out = self.jobd('--state-dir', state, '--export', text)
        self.assertEqual(out.returncode, 0, out.stderr)
        self.assertEqual(stat.S_IMODE(os.stat(text).st_mode), 0o600)
        read = self.jobd('--state-dir', again, '--import', text)
        self.assertEqual(read.returncode, 0, read.stderr)
        self.assertEqual(self.jobd('--state-dir', again, '--export', second).returncode, 0)
        with open(text) as a, open(second) as b:
            exported = a.read()
            self.assertEqual(exported, b.read())
        self.assertIn('"log":"AGxvZ/8="', exported)
        check = self.jobd('--state-dir', again, '--check-store')
        self.assertEqual(check.returncode, 0, check.stderr)
        self.assertIn('2 live jobs, 2 of history', check.stdout)
        full = self.jobd('--state-dir', again, '--import', text)
        self.assertEqual(full.returncode, 1)
        self.assertIn('not empty', full.stderr)
        c = self.daemon(state_dir=again).client()
        states = [job['state'] for job in c.call('job.list')['items']]
        self.assertEqual(sorted(states), ['failed', 'scheduled', 'scheduled', 'succeeded'])

    def test_a_bad_line_is_named(self):
        state = self.stopped()
        text = self.jobd('--state-dir', state, '--export', '-').stdout.splitlines(True)
        for n, (change, word) in enumerate((
                (lambda t: t[:2] + ['{"table":"job","id":"x"}\n'] + t[2:], 'line 3'),
                (lambda t: t[:2] + ['{"table":"jobs","id":1}\n'] + t[2:], 'no such table'),
                (lambda t: t[:2] + ['{"table":"job","id":1,"1;x":2}\n'] + t[2:], 'line 3'),
                (lambda t: t[:2] + ['nonsense\n'] + t[2:], 'line 3'),
                (lambda t: t[:-1], 'ends before'), (lambda t: t[:-2] + t[-1:], 'rows, not'),
                (lambda t: t[1:], 'line 1'), (lambda t: ['{"jobd_store":99}\n'] + t[1:], 'version 99'))):
            place = os.path.join(os.path.dirname(state), 'bad-%d' % n)
            bad = place + '.text'
            with open(bad, 'w') as f:
                f.write(''.join(change(text)))
            out = self.jobd('--state-dir', place, '--import', bad)
            self.assertEqual(out.returncode, 1, out.stderr)
            self.assertIn(word, out.stderr)
            db = sqlite3.connect(os.path.join(place, 'jobs.db'))
            self.assertEqual(db.execute('SELECT count(*) FROM history').fetchone(), (0,))

    def test_what_is_wrong_with_a_store_is_said(self):
        state = self.stopped()
        for sql, word in (("UPDATE meta SET value = 7 WHERE name = 'live'", 'live is 7, and there are 2'),
                          ("UPDATE job SET spec = x'7b' WHERE id = (SELECT min(id) FROM job)", 'cannot be read'),
                          ("INSERT INTO uniq (key, id, until_ms) VALUES ('x', 999, 0)", 'unique key')):
            db = sqlite3.connect(os.path.join(state, 'jobs.db'))
            db.execute(sql)
            db.commit()
            db.close()
            out = self.jobd('--state-dir', state, '--check-store')
            self.assertEqual(out.returncode, 1)
            self.assertIn(word, out.stderr)

    def test_nothing_is_read_into_a_store_that_is_served(self):
        jobd = self.daemon()
        out = self.jobd('--state-dir', jobd.state_dir, '--import', os.devnull)
        self.assertEqual(out.returncode, 78)


class Refused(DaemonTest):
    def refused(self, path, kind, word):
        with self.assertRaises(RpcError) as caught:
            self.c.call('server.backup', path=path)
        self.assertEqual(caught.exception.kind, kind)
        self.assertIn(word, caught.exception.message)

    def test_a_path_that_cannot_be_is_refused_in_words(self):
        here = self.jobd.own_dir
        self.refused('copy.db', 'invalid_params', 'absolute')
        self.refused(here + '/none/copy', 'invalid_params', 'No such')
        self.refused(self.jobd.log_path + '/copy', 'invalid_params', 'Not a directory')
        self.refused(self.jobd.log_path, 'conflict', 'exists')
        self.refused('/dev/full/x', 'invalid_params', 'Not a directory')


class Memory(DaemonTest):
    settings = ('store.engine=memory',)

    def test_the_memory_store_has_nothing_to_back_up(self):
        with self.assertRaises(RpcError) as caught:
            self.c.call('server.backup', path='/tmp/jobd-never')
        self.assertEqual(caught.exception.kind, 'not_supported')


if __name__ == '__main__':
    unittest.main()
