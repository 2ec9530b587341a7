"""test_metrics.py - what jobd tells monitoring systems: read by Prometheus's own parser, and over HTTP."""

import collections
import http.client
import json
import os
import re
import shutil
import signal
import socket
import subprocess
import unittest

from prometheus_client.parser import text_string_to_metric_families

from jobd_test import PATIENCE, SOURCE, Daemon, DaemonTest, OwnDaemonTest, parent_of, program, until

WORDS = {'finished': 'jobd_jobs_finished', 'submitted': 'jobd_jobs_submitted'}
LONG_LINE = {'max_line_bytes': 16 << 20}


def parse(text):
    """Families by name, each a (type, [(sample name, labels, value)])."""
    families = {}
    for family in text_string_to_metric_families(text):
        assert family.name not in families, '%s twice' % family.name
        families[family.name] = (family.type, [(s.name, s.labels, s.value) for s in family.samples])
    return families


def total(families, name, sample=None, **labels):
    """The sum of all samples with these labels."""
    return sum(value for found, given, value in families[name][1]
               if (sample is None or found == sample) and labels.items() <= given.items())


def served_name(family, kind):
    """The name in the TYPE line: the parser takes off _total."""
    return family + '_total' if kind == 'counter' else family


def mixed_load(c):
    """Jobs that end in every way; how many, by queue, type and outcome."""
    ledger = collections.Counter()
    jobs = []
    jobs += [{'type': 'echo', 'args': n, 'queue': 'a.b-c_D'} for n in range(40)]
    jobs += [{'type': 'sleep', 'args': {'ms': 5}} for _ in range(20)]
    jobs += [{'type': 'bench.cpu', 'args': {'ms': 1}, 'queue': 'heavy'} for _ in range(10)]
    jobs += [{'type': 'sleep', 'args': {'ms': 'no'}, 'queue': 'heavy'} for _ in range(4)]
    jobs += [{'type': 'sleep', 'args': {'ms': 60000}, 'timeout_ms': 20} for _ in range(3)]
    jobs += [{'type': 'sleep', 'args': {'ms': 60000}, 'timeout_ms': 20, 'queue': 'again',
              'retry': {'max_attempts': 3, 'backoff_ms': 1}} for _ in range(2)]
    jobs += [{'type': 'echo', 'delay_ms': 60000, 'ttl_ms': 1, 'queue': 'late'} for _ in range(2)]
    jobs += [{'type': 'echo', 'args': n, 'durability': 'commit', 'queue': 'kept'} for n in range(7)]
    reply = c.call('job.submit_many', jobs=jobs)
    assert reply['errors'] == [], reply
    ids = reply['ids']
    waiting = c.submit('echo', queue='late', delay_ms=60000)
    running = c.submit('sleep', {'ms': 60000})
    until(lambda: c.call('job.get', id=running)['state'] == 'running', 'a job that runs')
    for job in waiting, running:
        c.call('job.cancel', id=job)
    c.wait_all(ids)
    for job in ids + [waiting, running]:
        got = c.call('job.get', id=job)
        ledger[got['queue'], got['type'], got['state']] += 1
    return ledger


class Text(DaemonTest):
    """One daemon, after a load of everything."""

    settings = ('http.listen=127.0.0.1:0',)

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        c = cls.jobd.client(hello=LONG_LINE)
        cls.ledger = mixed_load(c)
        cls.text = c.call('server.metrics')['text']
        cls.families = parse(cls.text)
        cls.stats = c.call('server.stats')

    def test_counters_are_what_the_ledger_counted(self):
        for (queue, kind, state), count in self.ledger.items():
            self.assertEqual(total(self.families, WORDS['finished'], queue=queue, type=kind, outcome=state), count,
                             (queue, kind, state))
        self.assertEqual(total(self.families, WORDS['finished']), sum(self.ledger.values()))
        self.assertEqual(total(self.families, WORDS['submitted']), sum(self.ledger.values()))
        self.assertGreaterEqual({state for _, _, state in self.ledger},
                                {'succeeded', 'failed', 'cancelled', 'expired'})

    def test_they_agree_with_server_stats(self):
        jobs = self.stats['jobs']
        for state, count in jobs['finished'].items():
            self.assertEqual(total(self.families, WORDS['finished'], outcome=state), count)
        for lane, count in self.stats['lanes'].items():
            self.assertEqual(total(self.families, 'jobd_attempts_started', lane=lane), count)
            self.assertEqual(total(self.families, 'jobd_job_wait_seconds', 'jobd_job_wait_seconds_count', lane=lane),
                             count)
        self.assertEqual(total(self.families, 'jobd_attempt_seconds', 'jobd_attempt_seconds_count'), jobs['attempts'])

    def test_attempts_are_told_by_their_outcome(self):
        def ended(outcome, **labels):
            return total(self.families, 'jobd_attempt_seconds', 'jobd_attempt_seconds_count', outcome=outcome, **labels)
        self.assertEqual(ended('timed_out', queue='default', type='sleep'), 3)
        self.assertEqual(ended('timed_out', queue='again', type='sleep'), 6)    # 2 jobs, 3 attempts each
        self.assertEqual(ended('cancelled', type='sleep'), 1)
        self.assertEqual(ended('failed', queue='heavy', type='sleep'), 4)
        self.assertEqual(ended('succeeded', type='sleep', lane='async'), 20)
        self.assertEqual(total(self.families, 'jobd_retries'), 4)
        self.assertEqual(total(self.families, 'jobd_failures', kind='timeout'), 9)
        self.assertEqual(total(self.families, 'jobd_failures', kind='error'), 4)

    def test_latencies_are_in_seconds(self):
        def ran(sample, **labels):
            return total(self.families, 'jobd_attempt_seconds', 'jobd_attempt_seconds_' + sample, type='sleep',
                         outcome='succeeded', **labels)
        self.assertGreaterEqual(ran('sum'), 20 * 0.005)
        self.assertLess(ran('sum'), 20 * 5 * PATIENCE)
        self.assertEqual(ran('bucket', le='0.0025'), 0)
        self.assertEqual(ran('bucket', le='+Inf'), 20)

    def test_buckets_of_a_histogram_only_grow(self):
        for name, (kind, samples) in self.families.items():
            series = collections.defaultdict(list)
            for found, labels, value in samples:
                if found.endswith('_bucket'):
                    bound = float(labels['le'])
                    series[tuple(sorted((k, v) for k, v in labels.items() if k != 'le'))].append((bound, value))
            for labels, counts in series.items():
                self.assertEqual(counts, sorted(counts), (name, labels))
                self.assertEqual(counts[-1][0], float('inf'))
                self.assertEqual(counts[-1][1], total(self.families, name, name + '_count', **dict(labels)))
            self.assertTrue(kind != 'histogram' or series, name)

    def test_the_manual_has_each_metric_with_its_type_and_labels_and_no_other(self):
        with open(os.path.join(SOURCE, 'docs', 'metrics.md')) as f:
            rows = re.findall(r'^\| `((?:jobd|process)_\w+)` \| (\w+) \| ([^|]*) \|', f.read(), re.M)
        told = {name: (kind, set(re.findall(r'`(\w+)`', labels))) for name, kind, labels in rows}
        served = {served_name(name, kind): (kind, {key for _, labels, _ in samples for key in labels} - {'le'})
                  for name, (kind, samples) in self.families.items()}
        self.assertEqual(told, served)

    def test_promtool_has_nothing_to_say(self):
        if shutil.which('promtool') is None:
            return      # the parser above is another's, too
        got = subprocess.run(['promtool', 'check', 'metrics'], input=self.text, capture_output=True, text=True)
        self.assertEqual((got.returncode, got.stderr.strip(), got.stdout.strip()), (0, '', ''))

    def test_jobctl_and_http_tell_the_same(self):
        address = self.stats['http']
        by_http = get(address, '/metrics')
        self.assertEqual(by_http[0], 200)
        self.assertEqual(by_http[1]['Content-Type'], 'text/plain; version=0.0.4; charset=utf-8')
        for text in (by_http[2], self.jobctl('stats', '--prometheus'),
                     json.loads(self.jobctl('stats', '--prometheus', '-o', 'json'))['text']):
            again = parse(text)
            self.assertEqual(set(again), set(self.families))
            self.assertEqual(again[WORDS['finished']], self.families[WORDS['finished']])
            self.assertEqual(total(again, 'jobd_ready'), 1)

    def jobctl(self, *words):
        got = subprocess.run([program('jobctl'), '-H', self.jobd.unix, *words], capture_output=True, text=True)
        self.assertEqual((got.returncode, got.stderr), (0, ''))
        return got.stdout

    def test_the_process_and_its_parts_are_there(self):
        self.assertGreater(total(self.families, 'process_resident_memory_bytes'), 1 << 20)
        self.assertGreater(total(self.families, 'process_cpu_seconds'), 0)
        self.assertGreater(total(self.families, 'process_open_fds'), 10)
        self.assertGreater(total(self.families, 'jobd_store_commit_seconds', 'jobd_store_commit_seconds_count'), 0)
        self.assertGreaterEqual(total(self.families, 'jobd_store_operations'), 14)
        self.assertEqual(total(self.families, 'jobd_store_jobs', kind='live'), 0)
        for kind in 'ended', 'failed':
            self.assertEqual(total(self.families, 'jobd_store_jobs', kind=kind),
                             sum(count for (_, _, state), count in self.ledger.items()
                                 if (state == 'failed') == (kind == 'failed')))
        self.assertEqual(total(self.families, 'jobd_workers', lane='process', state='idle'), 2)
        self.assertGreater(total(self.families, 'jobd_channel_completions'), 30)
        self.assertGreater(total(self.families, 'jobd_loop_turn_seconds', 'jobd_loop_turn_seconds_count'), 10)

    def test_the_dashboard_asks_for_what_there_is(self):
        with open(os.path.join(SOURCE, 'etc', 'grafana', 'jobd.json')) as f:
            dashboard = json.load(f)
        expressions = [target['expr'] for panel in dashboard['panels'] for target in panel['targets']]
        expressions += [v['query'] for v in dashboard['templating']['list'] if v['type'] == 'query']
        self.assertGreater(len(expressions), 30)
        samples = {name for _, samples in self.families.values() for name, _, _ in samples}
        for expression in expressions:
            names = re.findall(r'\b(?:jobd|process)_\w+', expression)
            self.assertTrue(names, expression)
            for name in names:
                self.assertIn(name, samples, expression)
                keys = {key for _, family in self.families.values() for found, labels, _ in family
                        for key in labels if found == name}
                for inside in re.findall(re.escape(name) + r'\{([^}]*)\}', expression):
                    used = set(re.findall(r'(\w+)=', inside)) - {'job', 'instance'}
                    self.assertLessEqual(used, keys, expression)

    def test_promtool_understands_what_the_dashboard_asks(self):
        if shutil.which('promtool') is None:
            return
        with open(os.path.join(SOURCE, 'etc', 'grafana', 'jobd.json')) as f:
            dashboard = json.load(f)
        rules = [{'record': 'x:y%d' % n, 'expr': target['expr'].replace('$__rate_interval', '5m')}
                 for n, target in enumerate(t for panel in dashboard['panels'] for t in panel['targets'])]
        got = subprocess.run(['promtool', 'check', 'rules', '/dev/stdin'], capture_output=True, text=True,
                             input=json.dumps({'groups': [{'name': 'jobd', 'rules': rules}]}))
        self.assertEqual(got.returncode, 0, got.stderr + got.stdout)


class Names(OwnDaemonTest):
    def test_queues_beyond_the_table_are_counted_together(self):
        jobd = self.daemon()
        c = jobd.client(hello=LONG_LINE)
        for start in range(0, 600, 200):
            c.submit_many([{'type': 'sleep', 'args': {'ms': 0}, 'queue': 'q%d' % n} for n in range(start, start + 200)])
        c.submit('echo', queue='far', delay_ms=60000)
        until(lambda: c.call('server.stats')['jobs']['finished']['succeeded'] == 600, 'the end of all')
        families = parse(c.call('server.metrics')['text'])
        queues = {labels['queue'] for _, labels, _ in families[WORDS['submitted']][1]}
        self.assertEqual(len(queues), 257)
        self.assertEqual(total(families, WORDS['submitted'], queue='q7', type='sleep'), 1)
        self.assertEqual(total(families, WORDS['submitted'], queue='(other)', type='sleep'), 600 - 256)
        self.assertEqual(total(families, WORDS['submitted'], queue='(other)', type='echo'), 1)
        self.assertEqual(total(families, 'jobd_queue_jobs', queue='(other)', state='scheduled'), 1)
        self.assertEqual(total(families, WORDS['finished'], outcome='succeeded'), 600)
        self.assertEqual(c.error('job.submit', type='echo', queue='(other)'), 'invalid_params')


class Life(OwnDaemonTest):
    def test_counters_never_go_back_and_a_new_broker_begins_at_none(self):
        jobd = self.daemon()
        c = jobd.client(hello=LONG_LINE)
        before = {}
        for _ in range(15):
            c.submit_many([{'type': 'echo', 'args': n} for n in range(50)])
            families = parse(c.call('server.metrics')['text'])
            for name, (kind, samples) in families.items():
                for found, labels, value in samples if kind in ('counter', 'histogram') else ():
                    key = (found, tuple(sorted(labels.items())))
                    self.assertGreaterEqual(value, before.get(key, 0), key)
                    before[key] = value
        boot = families['jobd_info'][1][0][1]['boot_id']
        os.kill(jobd.broker(), signal.SIGKILL)
        c = until(lambda: self.try_client(jobd), 'a new broker')
        families = parse(c.call('server.metrics')['text'])
        self.assertNotEqual(families['jobd_info'][1][0][1]['boot_id'], boot)
        self.assertEqual(total(families, WORDS['submitted']), 0)

    @staticmethod
    def try_client(jobd):
        try:
            return jobd.client(hello=LONG_LINE)
        except (OSError, Exception):
            return None

    def test_a_turn_that_takes_long_is_logged_with_its_phase(self):
        jobd = self.daemon('loop.slow_ms=10ms')
        c = jobd.client(hello=LONG_LINE)
        broker = jobd.broker()
        load = subprocess.Popen([program('jobctl'), '-H', jobd.unix, 'bench', 'echo', '--depth', '50', '--duration', '60s'],
                                stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        try:
            until(lambda: c.call('server.stats')['jobs']['submitted'] > 1000, 'the load')
            until(lambda: self.held_up(c, broker), 'a slow turn')
        finally:
            load.kill()
            load.wait()
        found = re.search(r'warn: a turn of the loop took long ms=(\d+) phase=(\w+) phase_ms=(\d+) others=(\d+)', jobd.log())
        self.assertIsNotNone(found, jobd.log())
        self.assertGreaterEqual(int(found[1]), 10)
        loop = c.call('server.stats')['loop']
        self.assertIn(found[2], loop['slow'])
        self.assertGreaterEqual(loop['longest_ms'], 10)
        families = parse(c.call('server.metrics')['text'])
        self.assertGreater(total(families, 'jobd_loop_slow_turns'), 0)
        self.assertGreaterEqual(total(families, 'jobd_loop_longest_turn_seconds'), 0.01)

    @staticmethod
    def held_up(c, broker):
        """It stands still for a moment, perhaps in the middle of a turn."""
        os.kill(broker, signal.SIGSTOP)
        until(lambda: parent_of(broker)[1] == 'T', 'the stop')
        try:
            subprocess.run(['sleep', '0.05'], check=True)   # what is measured
        finally:
            os.kill(broker, signal.SIGCONT)
        return sum(c.call('server.stats')['loop']['slow'].values()) > 0

    def test_readiness_ends_with_a_drain_and_health_does_not(self):
        jobd = self.daemon('http.listen=127.0.0.1:0', 'stop.drain_ms=60s')
        c = jobd.client()
        address = c.call('server.stats')['http']
        self.assertEqual(get(address, '/readyz')[::2], (200, 'ready\n'))
        job = c.submit('sleep', {'ms': 60000}, durability='memory')
        until(lambda: c.call('job.get', id=job)['state'] == 'running', 'a job that runs')
        c.start('server.drain')
        until(lambda: get(address, '/readyz')[0] == 503, 'the end of readiness')
        self.assertEqual(get(address, '/readyz')[::2], (503, 'jobd drains\n'))
        self.assertEqual(get(address, '/healthz')[::2], (200, 'ok\n'))
        families = parse(get(address, '/metrics')[2])
        self.assertEqual((total(families, 'jobd_ready'), total(families, 'jobd_draining')), (0, 1))
        c.call('job.cancel', id=job)

    def test_addresses_that_others_reach_are_refused(self):
        for address in ('0.0.0.0:9464', '192.0.2.1:9464', 'localhost:9464', '[::]:9464', '127.0.0.1', '9464'):
            got = subprocess.run([program('jobd'), '--check-config', '--set', 'http.listen=' + address],
                                 capture_output=True, text=True, timeout=20 * PATIENCE)
            self.assertEqual(got.returncode, 78, address)
            self.assertIn('http.listen: `%s` is not an address of this machine\'s loopback' % address, got.stderr)

    def test_an_address_that_is_taken_is_said(self):
        with socket.create_server(('127.0.0.1', 0)) as other:
            port = other.getsockname()[1]
            with self.assertRaises(AssertionError) as raised:
                self.daemon('http.listen=127.0.0.1:%d' % port)
        self.assertIn('http.listen: 127.0.0.1:%d: Address already in use' % port, str(raised.exception))


# ---- HTTP ----

def get(address, path, method='GET', body=None, headers={}):
    """(status, headers, text)"""
    connection = http.client.HTTPConnection(address, timeout=30 * PATIENCE)
    try:
        connection.request(method, path, body=body, headers=headers)
        reply = connection.getresponse()
        return reply.status, dict(reply.getheaders()), reply.read().decode()
    finally:
        connection.close()


class Http(DaemonTest):
    settings = ('http.listen=127.0.0.1:0',)

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.address = cls.jobd.client().call('server.stats')['http']

    def raw(self):
        host, port = self.address.rsplit(':', 1)
        connection = socket.create_connection((host, int(port)), timeout=30 * PATIENCE)
        self.addCleanup(connection.close)
        return connection

    def say(self, data, end=False):
        """All that comes back for these bytes."""
        connection = self.raw()
        try:
            connection.sendall(data)
            if end:
                connection.shutdown(socket.SHUT_WR)
            return self.all_of(connection)
        except OSError:     # it was ended before all was said
            return b''

    @staticmethod
    def all_of(connection):
        got = b''
        while True:
            try:
                piece = connection.recv(65536)
            except ConnectionResetError:
                return got
            if not piece:
                return got
            got += piece

    def test_three_paths_and_no_other(self):
        for path, status in (('/metrics', 200), ('/healthz', 200), ('/readyz', 200), ('/metrics?x=1', 200), ('/', 404),
                             ('/metrics/', 404), ('/Metrics', 404), ('/../metrics', 404), ('/%6detrics', 404), ('//', 404)):
            with self.subTest(path):
                self.assertEqual(get(self.address, path)[0], status)

    def test_two_methods_and_no_other(self):
        for method in ('POST', 'PUT', 'DELETE', 'PATCH', 'OPTIONS', 'TRACE', 'MADE-UP'):
            with self.subTest(method):
                status, headers, _ = get(self.address, '/metrics', method)
                self.assertEqual((status, headers['Allow']), (405, 'GET, HEAD'))
                self.assertEqual(get(self.address, '/elsewhere', method)[0], 404)
        self.assertEqual(get(self.address, '/metrics', 'POST', body=b'x' * 100)[0], 405)

    def test_requests_for_another_name_are_not_answered(self):
        port = self.address.rsplit(':', 1)[1]
        for host in ('127.0.0.1', self.address, 'localhost', 'localhost:' + port, '[::1]:' + port):
            with self.subTest(host):
                self.assertEqual(get(self.address, '/healthz', headers={'Host': host})[0], 200)
        for host in ('rebound.example.org', 'rebound.example.org:' + port, 'localhost.example.org', '10.0.0.1', ''):
            for path in ('/metrics', '/healthz', '/readyz', '/elsewhere'):
                with self.subTest((host, path)):
                    status, _, text = get(self.address, path, headers={'Host': host})
                    self.assertEqual(status, 421)
                    self.assertIn('Host has to be 127.0.0.1, [::1] or localhost', text)
        got = self.say(b'GET http://rebound.example.org/metrics HTTP/1.1\r\nHost: localhost\r\n\r\n')
        self.assertTrue(got.startswith(b'HTTP/1.1 421 Misdirected Request\r\n'), got)

    def test_head_is_get_without_the_body(self):
        got = self.say(b'HEAD /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n')
        head, _, body = got.partition(b'\r\n\r\n')
        self.assertIn(b'HTTP/1.1 200 OK\r\n', head)
        self.assertIn(b'Content-Length: 3\r\n', head + b'\r\n')
        self.assertEqual(body, b'')

    def test_each_reply_ends_its_connection(self):
        for request in (b'GET /healthz HTTP/1.0\r\n\r\n', b'GET /healthz HTTP/1.1\r\nConnection: keep-alive\r\n\r\n',
                        b'GET /healthz HTTP/1.1\r\n\r\nGET /metrics HTTP/1.1\r\n\r\n'):
            with self.subTest(request):
                got = self.say(request)
                self.assertTrue(got.startswith(b'HTTP/1.'), got)
                self.assertTrue(got.endswith(b'\r\n\r\nok\n'), got)

    def test_garbage_gets_no_page_and_harms_nobody(self):
        rows = (b'\0' * 1000, b'\xff\xfe\r\n\r\n', b'GET\r\n\r\n', b'GET /metrics\r\n\r\n', b'{"id":1,"method":"ping"}\n\r\n\r\n',
                b'GET /metrics HTTP/9.9\r\n\r\n', b'GET /metrics HTTP/1.1\r\nno colon here\r\n\r\n',
                b'POST /metrics HTTP/1.1\r\nContent-Length: -1\r\n\r\n',
                b'POST /metrics HTTP/1.1\r\nContent-Length: 99999999999\r\n\r\n',
                b'POST /metrics HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n',
                b'GET /' + b'a' * 20000 + b' HTTP/1.1\r\n\r\n', b'GET /metrics HTTP/1.1\r\nX: ' + b'a' * 20000 + b'\r\n\r\n',
                b'GET /metrics HTTP/1.1\r\n' + b'X: y\r\n' * 5000 + b'\r\n', b'\r\n' * 1000, b'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n')
        for request in rows:
            with self.subTest(request[:40]):
                got = self.say(request, end=True)
                self.assertNotIn(b'# HELP', got)
                self.assertNotIn(b' 200 ', got[:20])
        self.assertEqual(get(self.address, '/healthz')[0], 200)
        self.assertEqual(self.c.run('echo', 7)['result'], 7)

    def test_connections_that_say_nothing_or_too_slowly_end_and_others_are_served(self):
        quiet = [self.raw() for _ in range(40)]     # 32 are taken, the rest wait
        slow = self.raw()
        self.assertEqual(self.c.run('echo', 1)['result'], 1)
        before = self.files()
        self.assertLessEqual(before, 33)
        self.assertEqual(get(self.address, '/healthz')[0], 200)     # when the first ones are ended
        for connection in quiet[:32]:
            self.assertEqual(self.all_of(connection), b'')
        slow.sendall(b'GET /healthz HTTP/1.1\r\n\r\n')
        self.assertIn(b' 200 ', self.all_of(slow))
        for connection in quiet:
            connection.close()
        drip = self.raw()
        drip.settimeout(1)
        drip.sendall(b'GET /healthz HTTP/1.1\r\nX: ')
        self.assertTrue(until(lambda: self.is_cut(drip), 'the end of a slow request', 30))
        until(lambda: self.files() == 1, 'the end of all connections')

    @staticmethod
    def is_cut(connection):
        """One more byte each second, which is never the last."""
        try:
            connection.sendall(b'x')
            return connection.recv(100) == b''
        except socket.timeout:
            return False
        except OSError:
            return True

    def files(self):
        """Sockets at the address, in the broker: the listening one and its connections."""
        port = int(self.address.rsplit(':', 1)[1])
        inodes = set()
        with open('/proc/net/tcp') as f:
            for line in f.readlines()[1:]:
                fields = line.split()
                if int(fields[1].split(':')[1], 16) == port:
                    inodes.add('socket:[%s]' % fields[9])
        broker = self.jobd.broker()
        found = 0
        for fd in os.listdir('/proc/%d/fd' % broker):
            try:
                found += os.readlink('/proc/%d/fd/%s' % (broker, fd)) in inodes
            except OSError:
                pass
        return found


if __name__ == '__main__':
    unittest.main()
