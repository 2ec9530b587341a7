"""test_sql.py - sql.query on SQLite files and on a PostgreSQL that this test starts."""

import base64
import glob
import os
import shutil
import signal
import sqlite3
import struct
import subprocess
import tempfile
import threading
import time
import unittest

from jobd_client import until
from jobd_test import DaemonTest, PATIENCE

SCRATCH = tempfile.mkdtemp(prefix='jobd-sql-')
FILES = os.path.join(SCRATCH, 'files')
SERVICES = os.path.join(SCRATCH, 'services')
FOREVER = ('WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 1000000000000) '
           'SELECT count(*) FROM n')
os.mkdir(FILES)


class SqlTest(DaemonTest):
    daemon_arguments = {'roots': (FILES,)}
    settings = ('sql.services=' + SERVICES,)

    def outcome(self, sql, *params, **args):
        if params:
            args['params'] = params
        return self.c.call('job.call', type='sql.query', args={'sql': sql, **self.where, **args})

    def done(self, sql, *params, **args):
        outcome = self.outcome(sql, *params, **args)
        self.assertEqual(outcome['state'], 'succeeded', outcome)
        return outcome['result']

    def rows(self, sql, *params, **args):
        return self.done(sql, *params, rows='arrays', **args)['rows']

    def refused(self, message, sql, *params, **args):
        outcome = self.outcome(sql, *params, **args)
        self.assertEqual(outcome['state'], 'failed', outcome)
        self.assertIn(message, outcome['failure']['message'])

    def cancel_of(self, sql):
        """A statement that would run for ever is cancelled while it runs; the seconds until it had ended."""
        id = self.c.call('job.submit', type='sql.query', args={'sql': sql, 'timeout_ms': 600000, **self.where})['id']
        until(lambda: self.c.call('job.get', id=id)['state'] == 'running', 'a running job')
        since = time.monotonic()
        self.assertEqual(self.c.call('job.cancel', id=id)['state'], 'cancelled')
        until(lambda: not [w for w in self.c.workers() if w['inflight'] > 0], 'a thread that is free')
        return time.monotonic() - since


class Sqlite(SqlTest):
    def setUp(self):
        super().setUp()
        self.path = os.path.join(FILES, 'db')
        self.where = {'file': self.path}
        self.db = sqlite3.connect(self.path)
        self.db.execute('CREATE TABLE t (id INTEGER PRIMARY KEY, name TEXT, size REAL, data BLOB)')
        self.db.execute("INSERT INTO t VALUES (1, 'grün', 1.5, x'00ff'), (2, NULL, NULL, NULL), (3, 'c', 1e300, x'')")
        self.db.commit()

    def tearDown(self):
        self.db.close()
        for path in glob.glob(FILES + '/*'):
            shutil.rmtree(path) if os.path.isdir(path) and not os.path.islink(path) else os.unlink(path)

    def test_rows_keep_their_types(self):
        got = self.done('SELECT * FROM t ORDER BY id')
        self.assertEqual(got['columns'], ['id', 'name', 'size', 'data'])
        self.assertEqual(got['rows'], [
            {'id': 1, 'name': 'grün', 'size': 1.5, 'data': {'base64': 'AP8='}},
            {'id': 2, 'name': None, 'size': None, 'data': None},
            {'id': 3, 'name': 'c', 'size': 1e300, 'data': {'base64': ''}}])
        self.assertEqual((got['count'], got['truncated']), (3, False))
        self.assertNotIn('changes', got)
        self.assertEqual(self.rows('SELECT 9223372036854775807, 0.1, 1e999, -1e999, 3.0'),
                         [[9223372036854775807, 0.1, 'Infinity', '-Infinity', 3.0]])
        self.assertEqual(self.rows("SELECT CAST(x'61ff' AS TEXT)"), [[{'base64': 'Yf8='}]])

    def test_parameters_are_bound_not_pasted(self):
        values = [None, True, 7, -1.25, "'; DROP TABLE t; --", {'base64': base64.b64encode(b'\0\xff').decode()}]
        self.assertEqual(self.rows('SELECT ?, ?, ?, ?, ?, ?', *values), [[None, 1] + values[2:]])
        self.assertEqual(self.rows('SELECT name FROM t WHERE id = ?2 AND id < ?1', 5, 3), [['c']])
        self.refused('the statement has 2 parameters, args.params 1', 'SELECT ?, ?', 1)
        self.refused('the statement has 0 parameters, args.params 1', 'SELECT 1', 1)
        self.refused('args.params[0].base64 must be base64', 'SELECT ?', {'base64': 'x'})
        self.refused('args.params[1] must be', 'SELECT ?, ?', 1, [2])
        self.refused('args.params[0].base64 is missing', 'SELECT ?', {})

    def test_a_file_is_written_only_when_that_is_asked_for(self):
        self.refused('attempt to write a readonly database', 'DELETE FROM t')
        got = self.done("UPDATE t SET name = 'x' WHERE id > ?", 1, mode='write')
        self.assertEqual((got['changes'], got['rows']), (2, []))
        self.assertEqual(self.db.execute("SELECT count(*) FROM t WHERE name = 'x'").fetchone(), (2,))
        got = self.done('INSERT INTO t (name) VALUES (?), (?) RETURNING id', 'a', 'b', mode='write', max_rows=1)
        self.assertEqual((got['rows'], got['truncated'], got['changes']), ([{'id': 4}], True, 2))
        self.assertEqual(self.db.execute('SELECT count(*) FROM t').fetchone(), (5,))
        new = os.path.join(FILES, 'new')
        self.refused('No such file or directory', 'CREATE TABLE a (b)', mode='write', file=new)
        self.done('CREATE TABLE a (b)', mode='create', file=new)
        self.done('INSERT INTO a VALUES (1)', mode='create', file=new)
        self.assertEqual(self.rows('SELECT b FROM a', file=new), [[1]])

    def test_a_statement_reaches_one_file_only(self):
        out = os.path.join(FILES, 'out')
        for sql in ("ATTACH '%s' AS o" % out, "VACUUM INTO '%s'" % out, 'VACUUM', 'DETACH main'):
            for mode in 'read', 'write':
                self.assertEqual(self.outcome(sql, mode=mode)['state'], 'failed', sql)
        self.assertFalse(os.path.exists(out))
        self.refused('ATTACH, DETACH and VACUUM are refused', "ATTACH '%s' AS o" % out, mode='write')
        self.refused('', "SELECT load_extension('/tmp/x')")
        for pragma in 'journal_mode = DELETE', 'writable_schema = ON', "temp_store_directory = '/'", 'user_version = 5':
            self.refused('PRAGMA %s is refused' % pragma.split()[0], 'PRAGMA ' + pragma, mode='write')
        self.assertEqual(self.rows('PRAGMA user_version'), [[0]])
        self.assertEqual([row[1] for row in self.rows('PRAGMA table_info(t)')], ['id', 'name', 'size', 'data'])
        self.refused('args.sql must be one statement', 'SELECT 1; DELETE FROM t', mode='write')
        self.refused('args.sql must be one statement', 'SELECT 1; nonsense')
        self.refused('args.sql has no statement', '-- nothing')
        self.assertEqual(self.rows('SELECT 1; -- and no more'), [[1]])

    def test_files_are_beneath_the_roots_and_no_links(self):
        os.symlink(self.path, os.path.join(FILES, 'link'))
        outside = os.path.join(SCRATCH, 'outside')
        shutil.copy(self.path, outside)
        os.symlink(SCRATCH, os.path.join(FILES, 'up'))
        os.mkfifo(os.path.join(FILES, 'fifo'))
        for path, message in ((outside, 'outside of the configured directories'),
                              (FILES + '/../outside', 'outside of the configured directories'),
                              (FILES + '/up/outside', 'symbolic links are not followed'),
                              (FILES + '/link', 'not a regular file'), (FILES + '/fifo', 'not a regular file'),
                              (FILES + '/absent', 'No such file'), ('db', 'a path must be absolute')):
            self.refused(message, 'SELECT 1', file=path)
        with open(os.path.join(FILES, 'text'), 'w') as f:
            f.write('this is no database at all, but it is long enough to be read as one' * 20)
        self.refused('SQLite: file is not a database', 'SELECT * FROM t', file=os.path.join(FILES, 'text'))

    def test_a_forged_journal_leads_out_of_the_roots_as_little(self):
        """A journal names another file, which SQLite looks into and deletes when it rolls the journal back."""
        victim = os.path.join(SCRATCH, 'victim')
        with open(victim, 'w') as f:
            f.write('not yours')
        other = sqlite3.connect(os.path.join(SCRATCH, 'torn'), isolation_level=None)
        self.addCleanup(other.close)
        other.execute('CREATE TABLE big (i, text)')
        other.execute("WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 5000) "
                      "INSERT INTO big SELECT i, 'before' FROM n")
        other.execute('PRAGMA cache_size = 1')
        other.execute('BEGIN')
        other.execute("UPDATE big SET text = 'after'")      # pages leave the cache: the journal is needed
        hot = os.path.join(FILES, 'hot')
        shutil.copy(os.path.join(SCRATCH, 'torn'), hot)
        shutil.copy(os.path.join(SCRATCH, 'torn-journal'), hot + '-journal')
        shutil.copy(hot, hot + '2')
        shutil.copy(hot + '-journal', hot + '2-journal')
        other.execute('ROLLBACK')
        name = victim.encode()
        with open(hot + '-journal', 'ab') as f:             # "Format Of The Rollback Journal", the super-journal
            f.write(struct.pack('>I', 0x40000000 // 4096 + 1) + name + struct.pack('>II', len(name), sum(name)) +
                    bytes.fromhex('d9d505f920a163d7'))
        self.refused('SQLite: ', 'SELECT count(*) FROM big', file=hot, mode='write')
        self.assertTrue(os.path.exists(victim))
        self.assertTrue(os.path.exists(hot + '-journal'))   # for who knows what to do with it
        # an honest journal is rolled back
        self.assertEqual(self.rows('SELECT DISTINCT text FROM big', file=hot + '2', mode='write'), [['before']])

    def test_results_are_limited(self):
        got = self.done('SELECT id FROM t', max_rows=2)
        self.assertEqual((got['count'], got['truncated']), (2, True))
        self.assertEqual(self.done('SELECT id FROM t', max_rows=3)['truncated'], False)
        many = 'WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT i, ? FROM n'
        got = self.done(many, 'x' * 1000, max_bytes=10000, rows='arrays')
        self.assertEqual((got['count'], got['truncated'], len(got['rows'])), (9, True, 9))
        self.assertEqual(self.done(many, 1, max_rows=1000)['count'], 1000)
        self.refused('two columns are called a', 'SELECT 1 AS a, 2 AS a')
        self.assertEqual(self.rows('SELECT 1 AS a, 2 AS a'), [[1, 2]])
        self.refused('string or blob too big', 'SELECT zeroblob(300000000)')

    def test_time_is_limited_and_a_cancel_is_heard(self):
        self.refused('not done after 100 ms', FOREVER, timeout_ms=100)
        self.assertLess(self.cancel_of(FOREVER), 60 * PATIENCE)

    def test_a_lock_is_waited_for_as_long_as_there_is_time(self):
        self.db.execute('BEGIN IMMEDIATE')
        self.refused('not done after 200 ms', 'DELETE FROM t', mode='write', timeout_ms=200)
        waiting = self.c.start('job.call', type='sql.query',
                               args={'sql': 'DELETE FROM t', 'mode': 'write', **self.where})
        other = self.jobd.client()
        until(lambda: [w for w in other.workers() if w['inflight'] > 0], 'an attempt')
        self.db.commit()
        self.assertEqual(self.c.finish(waiting)['result']['changes'], 3)

    def test_many_threads_write_one_file(self):
        self.db.execute('CREATE TABLE many (i)')
        self.db.commit()
        ids = [self.c.call('job.submit', type='sql.query', args={
            'sql': 'INSERT INTO many VALUES (?)', 'params': [i], 'mode': 'write', **self.where})['id']
            for i in range(60)]
        outcomes = self.c.call('job.wait', ids=ids)['outcomes']
        self.assertEqual({o['state'] for o in outcomes}, {'succeeded'}, outcomes)
        self.assertEqual(self.db.execute('SELECT count(DISTINCT i) FROM many').fetchone(), (60,))

    def test_mistakes_are_told(self):
        self.refused('SQLite: no such table: nope', 'SELECT * FROM nope')
        self.refused('SQLite: near "SELEC": syntax error', 'SELEC 1')
        self.refused('either args.file or args.connection', 'SELECT 1', connection='x')


class Postgres(SqlTest):
    where = {'connection': 'test'}

    @classmethod
    def setUpClass(cls):
        cls.dir = tempfile.mkdtemp(prefix='jobd-pg-')
        cls.addClassCleanup(shutil.rmtree, cls.dir)
        cls.bin = sorted(glob.glob('/usr/lib/postgresql/*/bin'))[-1]
        # initdb and postgres refuse to be root
        cls.as_user = ['setpriv', '--reuid=nobody', '--regid=nogroup', '--clear-groups'] if os.getuid() == 0 else []
        if os.getuid() == 0:
            shutil.chown(cls.dir, 'nobody', 'nogroup')
        cls.run_program('initdb', '-D', cls.dir + '/data', '-U', 'jobd', '--auth-local=trust', '--auth-host=trust',
                        '-E', 'UTF8', '--locale=C', '--no-sync')
        cls.start_server()
        cls.addClassCleanup(cls.stop_server)
        with open(SERVICES, 'w') as f:
            f.write('[test]\nhost=%s\nuser=jobd\ndbname=postgres\n' % cls.dir)
            f.write('[nowhere]\nhost=%s/absent\nuser=jobd\n' % cls.dir)
        super().setUpClass()

    @classmethod
    def run_program(cls, name, *words):
        subprocess.run(cls.as_user + [os.path.join(cls.bin, name), *words], check=True, cwd=cls.dir,
                       stdout=subprocess.PIPE, stderr=subprocess.STDOUT)

    @classmethod
    def start_server(cls):
        """On a unix socket in a directory of its own: no port is taken."""
        cls.log = open(os.path.join(SCRATCH, 'postgres.log'), 'wb')
        cls.server = subprocess.Popen(
            (cls.as_user or ['setpriv']) + [
                '--pdeathsig=INT', os.path.join(cls.bin, 'postgres'), '-D', cls.dir + '/data', '-k', cls.dir,
                '-c', 'listen_addresses=', '-c', 'fsync=off', '-c', 'dynamic_shared_memory_type=mmap'],
            cwd=cls.dir, stdout=cls.log, stderr=cls.log)
        def ready():
            return subprocess.run([os.path.join(cls.bin, 'pg_isready'), '-q', '-h', cls.dir, '-U', 'jobd',
                                   '-d', 'postgres']).returncode == 0
        until(ready, 'a PostgreSQL that is ready', 60)

    @classmethod
    def stop_server(cls):
        cls.server.send_signal(signal.SIGINT)
        cls.server.wait(60 * PATIENCE)
        cls.log.close()

    def setUp(self):
        super().setUp()
        self.done('DROP TABLE IF EXISTS t', mode='write')
        self.done('CREATE TABLE t (id int PRIMARY KEY, name text)', mode='write')
        self.done("INSERT INTO t VALUES (1, 'a'), (2, 'grün'), (3, NULL)", mode='write')

    def test_rows_keep_their_types(self):
        got = self.done('SELECT * FROM t ORDER BY id')
        self.assertEqual(got['columns'], ['id', 'name'])
        self.assertEqual(got['rows'], [{'id': 1, 'name': 'a'}, {'id': 2, 'name': 'grün'}, {'id': 3, 'name': None}])
        row = self.rows("SELECT true, 9223372036854775807, 0.1::float8, 12.50::numeric, 'NaN'::float8, "
                        "'\\x00ff'::bytea, '{\"a\": [1, null]}'::jsonb, date '2026-11-22', array[1,2]")[0]
        self.assertEqual(row, [True, 9223372036854775807, 0.1, 12.5, 'NaN', {'base64': 'AP8='}, {'a': [1, None]},
                               '2026-11-22', '{1,2}'])
        self.assertEqual(self.rows('SELECT 1 WHERE false'), [])

    def test_parameters_are_bound_not_pasted(self):
        row = self.rows('SELECT $1::text, $2::int + 1, $3::float8, $4::bool, $5::bytea, $6::text',
                        "'; DROP TABLE t; --", 7, -1.25, True, {'base64': 'AP8='}, None)[0]
        self.assertEqual(row, ["'; DROP TABLE t; --", 8, -1.25, True, {'base64': 'AP8='}, None])
        self.refused('PostgreSQL: ERROR:  bind message supplies 1 parameters', 'SELECT $1::int, $2::int', 1)

    def test_a_database_is_written_only_when_that_is_asked_for(self):
        self.refused('cannot execute DELETE in a read-only transaction', 'DELETE FROM t')
        self.refused('transaction read-write mode', "SELECT set_config('transaction_read_only', 'off', false)")
        self.assertEqual(self.done('DELETE FROM t WHERE id > $1', 1, mode='write')['changes'], 2)
        got = self.done("INSERT INTO t SELECT i FROM generate_series(10, 19) i RETURNING id", mode='write', max_rows=3)
        self.assertEqual((got['count'], got['truncated'], got['changes']), (3, True, 10))
        self.assertEqual(self.rows('SELECT count(*) FROM t'), [[11]])
        self.refused('cannot insert multiple commands', 'SELECT 1; DELETE FROM t', mode='write')

    def test_results_are_limited_and_the_server_stops(self):
        got = self.done('SELECT generate_series(1, 1000000000)', max_rows=5)
        self.assertEqual((got['count'], got['truncated']), (5, True))
        got = self.done("SELECT repeat('x', 1000) AS a FROM generate_series(1, 1000)", max_bytes=10500)
        self.assertEqual((got['count'], got['truncated']), (10, True))
        until(lambda: self.others() == 0, 'no other session')

    def others(self):
        return self.rows("SELECT count(*) FROM pg_stat_activity WHERE backend_type = 'client backend' "
                         "AND pid <> pg_backend_pid()")[0][0]

    def test_time_is_limited_and_a_cancel_reaches_the_server(self):
        self.refused('not done after 300 ms', 'SELECT pg_sleep(600)', timeout_ms=300)
        self.assertLess(self.cancel_of('SELECT pg_sleep(600)'), 60 * PATIENCE)
        until(lambda: self.others() == 0, 'no other session')

    def test_only_named_connections_are_made(self):
        self.refused('definition of service "other" not found', 'SELECT 1', connection='other')
        self.refused('args.connection must be a string that matches', 'SELECT 1', connection='host=/tmp user=jobd')
        self.refused('No such file or directory', 'SELECT 1', connection='nowhere')
        self.refused('is for files', 'SELECT 1', mode='create')

    def test_mistakes_are_told(self):
        self.refused('PostgreSQL: ERROR:  relation "nope" does not exist', 'SELECT * FROM nope')
        self.refused('COPY from and to the client is not supported', 'COPY t TO STDOUT')
        self.refused('args.sql must be a string of at least 1 characters', '')


class WithoutServices(SqlTest):
    settings = ()
    where = {'connection': 'test'}

    @classmethod
    def setUpClass(cls):
        os.environ['PGSERVICEFILE'] = SERVICES          # of a daemon's environment: not taken
        cls.addClassCleanup(os.environ.pop, 'PGSERVICEFILE')
        super().setUpClass()

    def test_without_a_service_file_no_connection_is_made(self):
        self.refused('no PostgreSQL connection is configured (sql.services)', 'SELECT 1')


def tearDownModule():
    shutil.rmtree(SCRATCH)


if __name__ == '__main__':
    unittest.main()
