"""test_wire.py - the wire protocol: lines, batches, limits, errors, back pressure, authentication."""

import json
import os
import random
import socket
import stat
import struct
import subprocess
import tempfile
import threading
import unittest

from jobd_client import Closed, until
from jobd_test import ALL_ROOTS, DaemonTest, OwnDaemonTest, PATIENCE, read, program

KIB = 1024


def line(method, params=None, number=1):
    request = {'jsonrpc': '2.0', 'id': number, 'method': method}
    if params is not None:
        request['params'] = params
    return json.dumps(request).encode()


def rss_kib(pid):
    for row in read('/proc/%d/status' % pid).decode().splitlines():
        if row.startswith('VmRSS:'):
            return int(row.split()[1])
    raise AssertionError('no VmRSS')


class Lines(DaemonTest):
    def setUp(self):
        self.c = self.jobd.raw()

    def assert_alive(self):
        self.assertEqual(self.jobd.client().run('echo', 1)['result'], 1)

    def assert_refused(self, text, kind, *words, closes=False):
        """The line gets an error of this kind whose message has these words; the connection goes on."""
        c = self.jobd.raw()
        error = c.ask_error(text)
        self.assertEqual(error['data']['kind'], kind, '%r: %r' % (text[:80], error))
        for word in words:
            self.assertIn(word, error['message'])
        if closes:
            self.assertIsNone(c.read_line())
        else:
            self.assertIn('result', c.ask(b'{"id":1,"method":"ping"}'))
        c.close()

    def test_half_a_line_waits_for_the_rest(self):
        text = line('job.call', {'type': 'echo', 'args': 'whole'}) + b'\n'
        for i in range(len(text)):
            self.c.send(text[i:i + 1])
        self.assertEqual(self.c.read()['result']['result'], 'whole')

    def test_many_lines_in_one_piece_are_answered_each(self):
        self.c.send(b''.join(line('ping', number=i) + b'\n' for i in range(1000)))
        self.assertEqual(sorted(self.c.read()['id'] for _ in range(1000)), list(range(1000)))

    def test_empty_lines_and_carriage_returns_are_ignored(self):
        self.c.send(b'\n\r\n\n' + line('ping', number=7) + b'\r\n\n')
        self.assertEqual(self.c.read()['id'], 7)

    def test_jsonrpc_is_optional_and_always_answered(self):
        reply = self.c.ask(b'{"id":"a","method":"ping"}')
        self.assertEqual((reply['jsonrpc'], reply['id']), ('2.0', 'a'))

    def test_an_id_may_be_a_string_a_number_or_null_and_comes_back_as_it_was(self):
        for text in (b'"x\\u0041"', b'-7', b'12345678901234567890', b'1.50', b'null', b'""'):
            self.c.send(b'{"jsonrpc":"2.0","id":' + text + b',"method":"ping"}\n')
            self.assertIn(b'"id":' + text + b',', self.c.read_line())
        for text in (b'{}', b'[1]', b'true'):
            self.assert_refused(b'{"jsonrpc":"2.0","id":' + text + b',"method":"ping"}', 'invalid_request', 'id')
        self.assert_refused(b'{"id":"' + b'x' * 300 + b'","method":"ping"}', 'invalid_request', 'id')

    def test_a_notification_is_not_answered_and_a_bare_line_is_with_null(self):
        self.c.send(b'{"jsonrpc":"2.0","method":"ping"}\n{"jsonrpc":"2.0","method":"no.such"}\n')
        self.assertIsNone(self.c.ask(b'{"method":"ping"}')['id'])

    def test_a_notification_is_carried_out(self):
        client = self.jobd.client()
        self.c.send(b'{"jsonrpc":"2.0","method":"job.submit","params":{"type":"echo","args":1,'
                    b'"queue":"notified"}}\n')
        until(lambda: [q for q in client.items('queue.list') if q['name'] == 'notified'], 'the job', 10)

    def test_replies_come_when_ready_and_match_by_id(self):
        slow = {'type': 'sleep', 'args': {'ms': 300}}
        self.c.send(line('job.call', slow, 1) + b'\n' + line('ping', number=2) + b'\n')
        self.assertEqual([self.c.read()['id'], self.c.read()['id']], [2, 1])

    def test_a_batch_is_answered_by_an_array(self):
        self.c.send(b'[' + line('ping', number=1) + b', {"jsonrpc":"2.0","method":"ping"}, 5, ' +
                    line('job.call', {'type': 'echo', 'args': [2]}, 2) + b',' + line('nope', number=3) + b']\n')
        replies = {r['id']: r for r in self.c.read()}
        self.assertEqual(set(replies), {1, 2, 3, None})
        self.assertEqual(replies[2]['result']['result'], [2])
        self.assertEqual(replies[3]['error']['data']['kind'], 'method_not_found')
        self.assertEqual(replies[None]['error']['data']['kind'], 'invalid_request')

    def test_a_batch_of_notifications_only_is_not_answered(self):
        self.c.send(b'[{"jsonrpc":"2.0","method":"ping"}]\n')
        self.assertEqual(self.c.ask(line('ping', number=9))['id'], 9)

    def test_a_batch_waits_for_its_slowest_member(self):
        self.c.send(b'[' + line('job.call', {'type': 'sleep', 'args': {'ms': 100}}, 1) + b',' +
                    line('ping', number=2) + b']\n')
        self.assertEqual({r['id'] for r in self.c.read()}, {1, 2})

    def test_batches_are_limited(self):
        self.assert_refused(b'[]', 'invalid_request')
        self.assertEqual(len(self.c.ask(b'[' + b','.join([line('ping')] * 1000) + b']')), 1000)
        self.assert_refused(b'[' + b','.join([line('ping')] * 1001) + b']', 'invalid_request', '1,000')

    def test_what_is_not_json_is_refused_with_the_reason(self):
        for text in (b'{', b'hello', b'{"id":1,}', b'{"id":01}', b"{'id':1}", b'{"id":1 "method":"ping"}',
                     b'{"id":1,"method":"ping"} x', b'{"id":1,"method":"ping"}{"id":2}', b'[1,]', b'nul',
                     b'{"a":"\x01"}', b'{"a":"\\x"}', b'{"a":"\\ud800"}', b'{"a":1e}', b'{"a":-}', b'"',
                     b'\xef\xbb\xbf{"id":1,"method":"ping"}', b'{"id":NaN}'):
            self.assert_refused(text, 'parse_error')

    def test_what_is_json_but_no_request_is_refused(self):
        for text in (b'1', b'"x"', b'null', b'true', b'{}', b'{"id":1}', b'{"id":1,"method":7}',
                     b'{"jsonrpc":"1.0","id":1,"method":"ping"}', b'{"id":1,"method":"ping","params":"x"}'):
            self.assert_refused(text, 'invalid_request')
        self.assert_refused(b'{"id":1,"method":"ping","params":[1]}', 'invalid_params', 'object')

    def test_bad_utf8_and_nul_are_refused(self):
        for bad in (b'\xff', b'\xc0\xaf', b'\xed\xa0\x80', b'\xf4\x90\x80\x80', b'\xe2\x82'):
            self.assert_refused(b'{"id":1,"method":"ping","params":{"x":"' + bad + b'"}}', 'parse_error', 'UTF-8')
            self.assert_refused(line('job.call', {'type': 'echo', 'args': 'X'}).replace(b'X', bad),
                                'parse_error', 'UTF-8')
        self.assert_refused(b'{"id":1,\0"method":"ping"}', 'parse_error')
        self.assert_refused(b'{"id":1,"method":"job.submit","params":{"type":"ec\\u0000ho"}}',
                            'invalid_params', 'type')

    def test_nesting_is_limited_args_included(self):
        deep = lambda n: b'[' * n + b']' * n  # noqa: E731
        call = b'{"id":1,"method":"job.call","params":{"type":"echo","args":%s}}'
        self.assertIn('result', self.c.ask(call % deep(30)))
        self.assert_refused(call % deep(31), 'parse_error', 'deep')
        self.assert_refused(call % deep(100000), 'parse_error', 'deep')
        self.assert_refused(b'[' * 500000, 'parse_error', 'deep')

    def test_values_outside_args_are_counted_and_args_are_not(self):
        many = b'[' + b','.join([b'1'] * 20000) + b']'
        self.assertIn('result', self.c.ask(b'{"id":1,"method":"job.call","params":{"type":"echo","args":' + many +
                                           b'}}'))
        self.assert_refused(b'{"id":1,"method":"ping","params":{"x":' + many + b'}}', 'parse_error', '10000')
        self.assert_refused(b'{"id":1,"method":"job.submit_many","params":{"jobs":' + many + b'}}',
                            'parse_error', '10000')

    def test_duplicate_members_are_refused_by_name_and_pass_inside_args(self):
        self.assert_refused(b'{"id":1,"id":2,"method":"ping"}', 'invalid_request', 'id')
        self.assert_refused(b'{"id":1,"method":"ping","method":"ping"}', 'invalid_request', 'method')
        self.assert_refused(b'{"id":1,"method":"job.submit","params":{"type":"echo","type":"echo"}}',
                            'invalid_params', 'type')
        self.assert_refused(b'{"id":1,"method":"job.submit","params":{"type":"echo","ty\\u0070e":"echo"}}',
                            'invalid_params', 'type')
        self.c.send(b'{"id":1,"method":"job.call","params":{"type":"echo","args":{"a":1,"a":2}}}\n')
        self.assertIn(b'"result":{"a":1,"a":2}', self.c.read_line())

    def test_args_survive_as_text_in_every_lane(self):
        text = b'{"z":1.10,"a":1E400,"big":123456789012345678901234567890,"s":"\\u0041\\/\\u0000","e":[ 1 , 2 ]}'
        for lane in (b'inline', b'async', b'thread', b'process'):
            self.c.send(b'{"id":1,"method":"job.call","params":{"type":"echo","lane":"' + lane + b'","args":' +
                        text + b'}}\n')
            self.assertIn(b'"result":' + text, self.c.read_line(), lane)

    def test_unknown_members_are_refused_by_name(self):
        self.assert_refused(line('job.submit', {'type': 'echo', 'timeot_ms': 5}), 'invalid_params', 'timeot_ms')
        self.assert_refused(line('ping', {'x': 5}), 'invalid_params', 'x')
        self.assert_refused(line('job.get', {}), 'invalid_params', 'id')

    def test_a_method_that_does_not_exist_is_named(self):
        self.assert_refused(line('job.fly'), 'method_not_found', 'job.fly')

    def test_a_line_above_the_limit_is_refused_and_closed_and_costs_nothing(self):
        broker = self.jobd.broker()
        other = self.jobd.client()
        before = rss_kib(broker)
        for _ in range(5):
            c = self.jobd.raw()
            try:
                c.send(b'{"id":1,"method":"job.call","params":{"args":"' + b'x' * (10 << 20))
            except (BrokenPipeError, ConnectionResetError):
                pass        # it closed while we were sending, as it should
            try:
                reply = c.read()
                self.assertEqual(reply['error']['data']['kind'], 'line_too_long')
            except (Closed, ConnectionResetError):
                pass
            other.call('ping')
        if PATIENCE == 1:
            self.assertLess(rss_kib(broker) - before, 6 * KIB)

    def test_a_line_just_above_the_limit_is_told_so(self):
        c = self.jobd.raw()
        c.send(b' ' * ((1 << 20) + 1))
        self.assertEqual(c.read()['error']['data']['kind'], 'line_too_long')
        self.assertIsNone(c.read_line())

    def test_a_line_just_below_the_limit_is_served(self):
        room = (1 << 20) - len(line('job.call', {'type': 'echo', 'args': ''}))
        reply = self.c.ask(line('job.call', {'type': 'echo', 'args': 'y' * room}))
        self.assertEqual(reply['result']['result_bytes'], room + 2)

    def test_after_end_of_file_all_is_answered_then_it_closes(self):
        self.c.send(line('job.call', {'type': 'sleep', 'args': {'ms': 200}}, 1) + b'\n' + line('ping', number=2))
        self.c.send(b'\n')
        self.c.sock.shutdown(socket.SHUT_WR)
        self.assertEqual([self.c.read()['id'], self.c.read()['id']], [2, 1])
        self.assertIsNone(self.c.read_line())

    def test_closing_without_reading_hurts_nobody(self):
        for i in range(50):
            c = self.jobd.raw(tcp=i % 2 == 0)
            if i % 2 == 0:
                c.send(line('hello', {'token': self.jobd.token()}) + b'\n')
                c.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack('ii', 1, 0))
            c.send((line('job.call', {'type': 'echo', 'args': 'z' * 5000}) + b'\n') * 20 + b'{"half')
            c.close()
        self.assert_alive()

    def test_malformed_lines_by_the_thousand_are_each_survived(self):
        random.seed(20261122)
        seeds = [line('ping'), line('job.submit', {'type': 'echo', 'args': {'a': [1, 2.5, None, True, 'x\u00e9']}}),
                 line('job.call', {'type': 'echo', 'args': 'hi', 'queue': 'q', 'priority': 5, 'ttl_ms': 1000}),
                 line('job.wait', {'ids': [1, 2, 3], 'any': True, 'timeout_ms': 1}), line('job.get', {'id': 1}),
                 line('job.list', {'filter': {'state': 'ready'}, 'limit': 3}), line('type.show', {'name': 'echo'}),
                 line('job.submit_many', {'jobs': [{'type': 'echo'}, {'type': 'nope'}]}),
                 b'[' + line('ping') + b',' + line('ping') + b']']
        c = self.jobd.raw()
        for piece in range(100):
            c.send(b''.join(mangled(random.choice(seeds)) + b'\n' for _ in range(200)) +
                   line('ping', number='end %d' % piece) + b'\n')
            until_seen(c, 'end %d' % piece)
        self.assert_alive()


def mangled(text):
    text = bytearray(text)
    for _ in range(random.randint(1, 4)):
        at = random.randrange(len(text))
        choice = random.randrange(5)
        if choice == 0:
            text[at] = random.choice([b for b in range(256) if b != 10])
        elif choice == 1:
            del text[at:at + random.randint(1, 8)]
        elif choice == 2:
            text[at:at] = random.choice([b'{', b'[', b'"', b'\\u', b'null', b'1e9', b',', b':', b'\xff', b'}'])
        elif choice == 3:
            text[at:at] = text[at:at + random.randint(1, 20)]
        else:
            other = random.randrange(len(text))
            text[at], text[other] = text[other], text[at]
        text = text or bytearray(b'{')
    return bytes(text).replace(b'\n', b' ')


def until_seen(c, number):
    while True:
        reply = c.read()
        if isinstance(reply, dict) and reply.get('id') == number:
            return


class Replies(DaemonTest):
    def test_a_result_that_does_not_fit_is_read_in_pieces(self):
        for size in (140000, 1200000):
            text = 'a\u00e9"\\' * (size // 16)
            outcome = self.c.run('echo', text)
            self.assertNotIn('result', outcome)
            raw = json.dumps(text).encode()
            self.assertEqual(outcome['result_bytes'], len(raw))
            got, at = '', 0
            while True:
                piece = self.c.call('job.result', id=outcome['id'], offset=at, limit=20000)
                self.assertEqual(piece['total'], len(raw))
                self.assertEqual(piece['offset'], at)
                got += piece['data']
                at += len(piece['data'].encode())
                if piece['eof']:
                    break
            self.assertEqual(json.loads(got), text)

    def test_a_client_that_reads_longer_lines_gets_them(self):
        c = self.jobd.client(hello={'max_line_bytes': 2 << 20})
        text = 'w' * 900000
        for lane in ('async', 'thread', 'process'):
            self.assertEqual(c.run('echo', text, lane=lane)['result'], text)

    def test_a_client_that_reads_short_lines_gets_short_lines(self):
        c = self.jobd.client(hello={'max_line_bytes': 1024})
        self.assertIn('result_bytes', c.run('echo', 'v' * 2000))
        self.assertEqual(c.run('echo', 'v' * 100)['result'], 'v' * 100)

    def test_any_other_reply_that_does_not_fit_is_an_error_also_in_a_batch(self):
        c = self.jobd.client(hello={'max_line_bytes': 1024})
        ids = self.c.submit_many([{'type': 'echo', 'args': i} for i in range(100)])
        self.c.wait_all(ids)
        c.send(b'[' + line('job.wait', {'ids': ids}, 1) + b',' + line('ping', number=2) + b']\n')
        replies = {r['id']: r for r in c.read()}
        self.assertEqual(replies[1]['error']['data']['kind'], 'reply_too_long')
        self.assertGreater(replies[1]['error']['data']['bytes'], 1024)
        self.assertIn('result', replies[2])

    def test_no_line_is_longer_than_the_client_can_read(self):
        raw = self.jobd.raw()
        ids = self.c.submit_many([{'type': 'echo', 'args': 'u' * 200} for _ in range(1000)])
        self.c.wait_all(ids)
        calls = [line('job.list', {'limit': 1000}), line('job.wait', {'ids': ids}), line('type.list'),
                 line('job.call', {'type': 'echo', 'args': 't' * 61000}), line('worker.list')]
        raw.send(b'\n'.join(calls) + b'\n[' + b','.join([line('type.list')] * 500) + b']\n')
        for _ in range(len(calls) + 1):
            self.assertLessEqual(len(raw.read_line()), 60 * KIB)

    def test_lists_are_read_page_by_page(self):
        ids = self.c.submit_many([{'type': 'echo', 'args': i, 'queue': 'pages'} for i in range(250)])
        self.c.wait_all(ids)
        found = [j['id'] for j in self.c.items('job.list', filter={'queue': 'pages'}, limit=60)]
        self.assertEqual(found, sorted(ids, reverse=True))

    def test_hello_tells_the_limits(self):
        hello = self.c.call('hello', client='e2e')
        self.assertEqual(hello['protocol'], 1)
        self.assertRegex(hello['principal'], '^uid:%d$' % os.getuid())
        self.assertEqual(hello['role'], 'admin')
        limits = json.dumps(hello['limits'])
        for value in (1 << 20, 32, 10000, 1000, 16384):
            self.assertIn(str(value), limits)


class Pressure(OwnDaemonTest):
    def test_a_client_that_does_not_read_is_not_read(self):
        jobd = self.daemon()
        slow, other = jobd.raw(), jobd.client()
        request = line('job.call', {'type': 'echo', 'args': 'r' * 3000}) + b'\n'
        count = 10000
        sender = threading.Thread(target=slow.send, args=(request * count,))
        sender.start()
        broker = jobd.broker()
        peak = 0
        for _ in range(300):
            other.run('echo', 1)
            peak = max(peak, rss_kib(broker))
        self.assertTrue(sender.is_alive(), '30 MB of replies went somewhere')
        if PATIENCE == 1:
            self.assertLess(peak, 40 * KIB)
        for _ in range(count):
            self.assertIn('result', slow.read())
        sender.join()

    def test_open_calls_are_limited_and_other_calls_still_served(self):
        jobd = self.daemon()
        c = jobd.client()
        call = {'type': 'sleep', 'args': {'ms': 600000}, 'cancel_on_disconnect': True}
        numbers = c.start_many([('job.call', call)] * 16385)
        refused = c.reply(numbers[-1])
        self.assertEqual(refused['error']['data']['kind'], 'too_many_calls')
        self.assertTrue(refused['error']['data']['retryable'])
        self.assertIn('protocol', c.call('hello'))
        other = jobd.client()
        job = other.call('job.list', filter={'state': 'running'}, limit=1)['items'][0]['id']
        self.assertEqual(c.call('job.cancel', id=job)['state'], 'cancelled')
        c.close()
        until(lambda: all(q['running'] + q['ready'] == 0 for q in other.items('queue.list')),
              'the end of calls whose client went', 30 * PATIENCE)

    def test_connections_are_limited_and_come_back(self):
        jobd = self.daemon('net.max_connections=32')
        first = jobd.client()
        clients = []
        for _ in range(40):
            clients.append(jobd.raw())
        refused = 0
        for c in clients:
            try:
                c.send(b'{"id":1,"method":"ping"}\n')
                refused += 'error' in c.read()
            except (Closed, BrokenPipeError, ConnectionResetError):
                refused += 1
        self.assertGreater(refused, 0)
        first.call('ping')
        for c in clients:
            c.close()
        until(lambda: first.call('server.stats')['connections'] == 1, 'one connection')
        jobd.client().call('ping')

    def test_the_longest_line_can_be_configured(self):
        jobd = self.daemon('net.max_line_bytes=8K')
        c = jobd.raw()
        self.assertIn('result', c.ask(line('job.call', {'type': 'echo', 'args': 'q' * 8000})))
        self.assertEqual(c.ask_error(b' ' * 8300)['data']['kind'], 'line_too_long')


class Tcp(DaemonTest):
    def test_without_a_token_nothing_is_served_but_hello_and_ping(self):
        c = self.jobd.raw(tcp=True)
        self.assertIn('result', c.ask(line('ping')))
        for method, params in (('job.submit', {'type': 'echo'}), ('job.list', {}), ('server.drain', None)):
            self.assertEqual(c.ask_error(line(method, params))['data']['kind'], 'unauthenticated')

    def test_a_wrong_token_is_refused_and_the_right_one_is_not(self):
        token = self.jobd.token()
        for wrong in ('x', token[:-1], token + 'x', token[::-1]):
            c = self.jobd.raw(tcp=True)
            error = c.ask_error(line('hello', {'token': wrong}))
            self.assertEqual(error['data']['kind'], 'unauthenticated')
            self.assertNotIn(token, json.dumps(error))
        c = self.jobd.raw(tcp=True)
        self.assertIn('result', c.ask(line('hello', {'token': token})))
        self.assertIn('result', c.ask(line('job.submit', {'type': 'echo'})))

    def test_the_principal_is_the_tokens(self):
        c = self.jobd.client(tcp=True, hello={'client': 'tester'})
        by = c.get(c.submit('echo'))['submitted_by']
        self.assertTrue(by['principal'].startswith('token:'), by)
        self.assertEqual(by['client'], 'tester')
        self.assertTrue(by['addr'].startswith('tcp:127.0.0.1:'), by)

    def test_the_token_file_is_the_owners_alone(self):
        mode = os.stat(os.path.join(self.jobd.state_dir, 'client.token')).st_mode
        self.assertEqual(stat.S_IMODE(mode), 0o600)
        self.assertEqual(stat.S_IMODE(os.stat(self.jobd.state_dir).st_mode), 0o700)
        self.assertGreaterEqual(len(self.jobd.token()), 43)

    def test_before_authentication_lines_are_short(self):
        c = self.jobd.raw(tcp=True)
        try:
            c.send(b' ' * (17 << 10))
            self.assertEqual(c.read()['error']['data']['kind'], 'line_too_long')
        except (Closed, ConnectionResetError):
            pass

    def test_the_unix_socket_needs_no_hello(self):
        by = self.c.get(self.c.submit('echo'))['submitted_by']
        self.assertEqual((by['principal'], by['addr']), ('uid:%d' % os.getuid(), 'unix'))

    def test_the_token_is_not_logged(self):
        self.jobd.client(tcp=True).call('ping')
        self.assertNotIn(self.jobd.token(), self.jobd.log())


class CommandLine(unittest.TestCase):
    def test_a_bad_setting_ends_with_78_and_names_it(self):
        for setting in ('workers.cpuu=1', 'jobs.grace_ms=ten', 'nonsense', 'net.max_line_bytes=1', 'x.y.z=1'):
            run = subprocess.run([program('jobd'), '--check-config', '--set', setting],
                                 stdin=subprocess.DEVNULL, capture_output=True, timeout=30)
            self.assertEqual(run.returncode, 78, setting)
            self.assertIn(setting.split('=')[0].rsplit('.', 1)[-1].encode(), run.stderr)

    def test_an_address_that_cannot_be_listened_on_ends_with_78(self):
        with tempfile.TemporaryDirectory() as d:
            for address in ('tcp:0.0.0.0:0', 'unix:' + d + '/no/such/dir/sock', 'bogus', 'tls:127.0.0.1:0'):
                run = subprocess.run([program('jobd'), *ALL_ROOTS, '--state-dir', d + '/state', '--listen', address],
                                     stdin=subprocess.DEVNULL, capture_output=True, timeout=30)
                self.assertEqual(run.returncode, 78, '%s: %s' % (address, run.stderr))
                self.assertTrue(run.stderr)


if __name__ == '__main__':
    unittest.main()
