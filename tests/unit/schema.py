#!/usr/bin/env python3
"""schema.py - the schemas of proto/schema are those of the rows, and catch what they should catch."""

import json
import os
import sys
import unittest

sys.dont_write_bytecode = True
HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, '..', '..', 'proto', 'schema'))

try:
    import jsonschema
except ImportError:
    print('python3-jsonschema is not there')
    sys.exit(77)

import generate  # noqa: E402
from defs import Defs, number  # noqa: E402
from validate import Checker  # noqa: E402

ROUTE = {'lane': 'process', 'questions': [{'question': 'Is it CPU-bound?', 'answer': 'yes', 'evidence': 'declared'}]}
ROW = {'id': 7, 'state': 'failed', 'reason': 'handler_error', 'type': 'echo', 'queue': 'default', 'priority': 0,
       'lane': 'process'}
LIMITS = ['line_bytes', 'reply_bytes', 'depth', 'values', 'batch_calls', 'submit_many', 'wait_ids', 'open_calls',
          'id_bytes', 'name_bytes', 'key_bytes', 'labels', 'labels_bytes', 'list_items', 'result_bytes', 'line_ms']
FAILURE = {'kind': 'error', 'message': 'no', 'attempt': 1}
QUEUE = {'name': 'q', 'scheduled': 0, 'ready': 1, 'running': 2, 'waiting_bytes': 9, 'tenants': 1, 'paused': False,
         'draining': False, 'max_running': 0, 'max_running_per_tenant': 0, 'max_running_per_key': 1, 'rate': 0.5,
         'burst': 1, 'max_jobs': 0, 'max_bytes': 0, 'weights': {'ann': 3}}
STATES = ['scheduled', 'ready', 'running', 'succeeded', 'failed', 'cancelled', 'expired']
SCHEDULE = {'name': 's', 'when': '@daily', 'time_zone': 'UTC', 'overlap': 'skip', 'by': 'uid:0', 'configured': False,
            'next_ms': 5, 'last_ms': None, 'last_job': None, 'last_state': None, 'jobs': 0, 'skipped': 0, 'refused': 0,
            'refusal': None, 'retry_ms': None, 'job': {'type': 'echo'}}
TYPE = {'name': 'echo', 'summary': 'returns it', 'lanes': ['inline'], 'lane': 'inline', 'mode': 'auto', 'pool': '', 'served': True,
        'running': 0, 'max_running': 0, 'succeeded': 1, 'failed': 0, 'cancelled': 0}
ORIGIN = {'plugin': None, 'file': '/j/echo.job', 'role': 'submitter', 'grace_ms': 10000, 'defaults': {
    'queue': None, 'priority': 0, 'timeout_ms': 3600000, 'ttl_ms': 0, 'on_lost': 'requeue'},
    'confinement': {'read_paths': ['/usr'], 'write_paths': [], 'network': False, 'missing': None}}
MEASURED = {
    'samples': 40, 'mean_us': 12, 'stalls': {'count': 0, 'longest_ms': 0},
    'cpu': {'share': 0.93, 'deviation': 0.05, 'samples': 40, 'verdict': 'computes', 'queue_known': True},
    'lanes': {}}
ROUTING = {'mode': 'pin', 'pinned': 'process', 'by': 'uid:0', 'moves': 1,
           'changes': [{'at_ms': 1, 'from': 'thread', 'to': 'process', 'why': 'to process, by uid:0'}]}


def counts(names):
    return {name: 1 for name in names}


GROUP = {'group': 'g', 'state': 'open', 'text': 'waits', 'count': 7, **counts(STATES), 'durability': 'commit', 'max_running': 0, 'max_fails': 3,
         'reduces': True, 'created_ms': 1}

# Each method with params that it takes and a result that it may give: (method, params, result).
TOKEN = {'name': 'ci', 'principal': 'token:ci', 'role': 'submitter', 'types': ['build'], 'created_ms': 1,
         'expires_ms': None}
SERVED = [
    ('hello', {'client': 'x'}, {'protocol': 1, 'server': 'jobd 0.1.0', 'boot_id': 'a', 'principal': 'uid:0',
                                'role': 'admin', 'limits': counts(LIMITS), 'features': ['batch']}),
    ('ping', None, {'pong': True}),
    ('job.submit', {'type': 'echo', 'args': [1], 'ttl_ms': None, 'labels': {'a': 'b'}}, {'id': 1, 'state': 'ready'}),
    ('job.submit_many', {'jobs': [{'type': 'x'}, 5]},
     {'ids': [1, None], 'errors': [{'index': 1, 'kind': 'invalid_params', 'message': 'no'}], 'errors_total': 1}),
    ('job.call', {'type': 'echo', 'wait_ms': 5}, {'id': 1, 'state': 'succeeded', 'result': None}),
    ('job.call', {'type': 'echo'}, {'id': 1, 'state': 'succeeded', 'result_bytes': 100000}),
    ('job.call', {'type': 'echo'}, {'id': 1, 'state': 'failed', 'failure': FAILURE}),
    ('job.call', {'type': 'echo'}, {'id': 1, 'state': 'cancelled', 'reason': 'cancelled on request'}),
    ('job.wait', {'id': 5}, {'id': 5, 'state': 'succeeded', 'result': {}}),
    ('job.wait', {'ids': [5, 6], 'any': True},
     {'outcomes': [{'id': 5, 'state': 'succeeded', 'result': {}}], 'pending': [6]}),
    ('job.get', {'id': 7}, {
        **ROW, 'tenant': 'uid:0', 'created_ms': 1, 'timeout_ms': 0, 'on_lost': 'requeue',
        'retry': {'max_attempts': 3, 'backoff_ms': 1000, 'factor': 1.5, 'max_backoff_ms': 600000},
        'submitted_by': {'principal': 'uid:0', 'client': '', 'addr': 'unix'}, 'attempts_total': 1,
        'attempts': [{'number': 1, 'lane': 'process', 'worker': 'cpu-1', 'fence': 3, 'started_ms': 1, 'ended_ms': 2,
                      'end': 'handler_error'}],
        'transitions': [{'at_ms': 1, 'state': 'ready', 'reason': 'submitted'}], 'args': [1], 'failure': FAILURE}),
    ('job.list', {'filter': {'state': 'failed', 'label': {'a': 'b'}}, 'limit': 5},
     {'items': [{**ROW, 'created_ms': 1, 'changed_ms': 2, 'attempts_total': 1, 'args_bytes': 3, 'by': 'uid:0'}],
      'next': None}),
    ('job.cancel', {'id': 7}, {'id': 7, 'state': 'cancelled'}),
    ('job.retry', {'id': 7}, {'id': 7, 'state': 'ready'}),
    ('job.forget', {'id': 7}, {'id': 7, 'forgotten': True}),
    ('job.hold', {'id': 7}, {'id': 7, 'state': 'scheduled'}),
    ('job.release', {'id': 7}, {'id': 7, 'state': 'ready'}),
    ('job.update', {'id': 7, 'priority': 3, 'retry': {'factor': 1.5}}, {'id': 7, 'state': 'ready'}),
    ('job.result', {'id': 7, 'offset': 0}, {'data': '[1]', 'offset': 0, 'total': 3, 'eof': True}),
    ('job.log', {'id': 7, 'stream': 'stdout', 'attempt': 2, 'offset': 5},
     {'attempt': 2, 'state': 'running', 'offset': 5, 'at_ms': 1, 'data': 'a', 'next': 6, 'bytes': 6, 'eof': False,
      'truncated': False}),
    ('job.explain', {'id': 7}, {'id': 7, 'state': 'ready', 'text': 'waits', 'route': ROUTE,
                                'waits': [{'kind': 'queue_limit', 'queue': 'q', 'running': 1, 'limit': 1}]}),
    ('job.write', {'id': 7, 'data': 'text', 'eof': True}, {'id': 7, 'bytes': 4}),
    ('job.signal', {'id': 7, 'signal': 'SIGTERM'}, {'id': 7, 'signal': 'TERM'}),
    ('job.watch', {'filter': {'state': 'failed'}, 'cursor': '1-5'}, {'watch': 1, 'cursor': '1-5'}),
    ('job.unwatch', {'watch': 1}, {'watch': 1, 'cursor': '1-9'}),
    ('group.create', {'name': 'g', 'durability': 'memory', 'max_fails': 3, 'reduce': {'type': 'echo'}}, {'group': 'g'}),
    ('group.close', {'group': '7'}, GROUP),
    ('group.get', {'group': 'g'}, {**GROUP, 'max_fails': None}),
    ('group.list', {'limit': 1}, {'items': [GROUP], 'next': '7'}),
    ('group.wait', {'group': 'g', 'timeout_ms': 5}, GROUP),
    ('group.results', {'group': 'g', 'cursor': '5'},
     {'items': [{'index': 5, 'id': 9, 'state': 'succeeded', 'result': 1}], 'next': None}),
    ('group.cancel', {'group': 'g'}, GROUP),
    ('queue.list', {}, {'items': [QUEUE], 'next': '1'}),
    ('queue.pause', {'name': 'q'}, QUEUE),
    ('queue.resume', {'name': 'q'}, QUEUE),
    ('queue.drain', {'name': 'q'}, QUEUE),
    ('cron.set', {'name': 's', 'when': '@daily', 'job': {'type': 'echo'}, 'overlap': 'queue'}, SCHEDULE),
    ('cron.list', {}, {'items': [{**SCHEDULE, 'last_job': 7, 'last_state': 'failed', 'refusal': 'full'}], 'next': None}),
    ('cron.delete', {'name': 's'}, {'name': 's', 'deleted': True}),
    ('cron.run', {'name': 's'}, {'id': 7, 'state': 'ready'}),
    ('queue.set', {'name': 'q', 'rate': 0.5, 'burst': 2, 'weights': {'ann': 3}}, QUEUE),
    ('queue.purge', {'name': 'q'}, {'purged': 3}),
    ('queue.wait', {'name': 'q', 'timeout_ms': 5}, {'empty': True}),
    ('type.list', None, {'left_out': [{'file': '/a.job', 'line': 3, 'key': 'argv', 'message': 'wrong'}],
                         'items': [TYPE], 'next': None}),
    ('type.show', {'name': 'echo'}, {**TYPE, **ORIGIN, 'args_schema': True, 'traits': ['waits'],
                                     'measured': MEASURED, 'routing': ROUTING, 'route': ROUTE}),
    ('type.advice', {'limit': 5}, {'items': [{
        'name': 'echo', 'mode': 'auto', 'traits': ['waits'], 'lanes': ['thread', 'process'], 'measured': {
            **MEASURED, 'cpu': None}, 'lane': 'thread', 'would_run_in': 'process', 'reason': 'it computes',
        'change': None}], 'next': None}),
    ('type.pin', {'name': 'echo', 'lane': 'process'}, {'name': 'echo', 'lane': 'process', 'routing': ROUTING}),
    ('worker.list', None, {'items': [{
        'name': 'cpu-1', 'lane': 'process', 'user': 'root', 'pid': 5, 'state': 'running', 'job': 7, 'type': 'echo',
        'inflight': 1, 'since_ms': 1, 'done': 0, 'crashes': 0, 'generation': 1, 'rss_bytes': 0}], 'next': None}),
    ('worker.drain', {'name': 'cpu-1'}, {'name': 'cpu-1', 'state': 'draining'}),
    ('worker.recycle', {'name': 'cpu-1'}, {'name': 'cpu-1', 'state': 'gone'}),
    ('plugin.list', None, {'items': [
        {'file': 'a.so', 'name': 'a', 'version': '1', 'types': ['a.b'], 'error': None},
        {'file': '/dir', 'name': None, 'version': None, 'types': [], 'error': 'refused'}], 'next': None}),
    ('server.stats', None, {
        'server': 'jobd 0.1.0', 'boot_id': 'a', 'pid': 1, 'uptime_ms': 1, 'draining': False, 'rss_bytes': 1,
        **counts(['connections', 'accepted', 'refused', 'requests', 'errors', 'bytes_in', 'bytes_out']),
        'jobs': {'now': counts(STATES), 'submitted': 1, 'finished': counts(STATES[3:]), 'attempts': 1, 'crashes': 0,
                 'stuck': 0, 'waiting_bytes': 0, 'kept_bytes': 0},
        'lanes': counts(['inline', 'async', 'thread', 'process']), 'routing': counts(['moves', 'stalls']),
        'loop': {**counts(['turns', 'busy_ms', 'longest_ms']),
                 'slow': counts(['events', 'harvest', 'time', 'settle', 'publish', 'flush'])}}),
    ('server.metrics', None, {'text': 'jobd_ready 1\n'}),
    ('server.drain', None, {'drained': True}),
    ('server.reload', None, {
        'changed': [{'name': 'jobs.grace_ms', 'from': '10s', 'to': '5s', 'takes_effect': 'now'}],
        'left_out': [{'file': '/etc/jobd/jobs.d/a.job', 'line': 3, 'key': 'argv', 'message': 'is missing'}]}),
    ('server.config', None, {'settings': [
        {'name': 'jobs.grace_ms', 'value': '5s', 'origin': '/etc/jobd/jobd.conf:3', 'default': '10s',
         'takes_effect': 'now'},
        {'name': 'core.sequential', 'value': 'false', 'origin': 'command line', 'default': 'false',
         'takes_effect': 'restart'}]}),
    ('token.new', {'name': 'ci', 'role': 'submitter', 'types': ['build']}, {**TOKEN, 'token': 'ci.' + 64 * 'a'}),
    ('token.list', None, {'items': [{**TOKEN, 'types': None, 'connections': 2}], 'next': None}),
    ('token.revoke', {'name': 'ci'}, {'name': 'ci', 'revoked': True}),
    ('server.backup', {'path': '/var/backups/jobs.db'}, {'path': '/var/backups/jobs.db', 'bytes': 4096}),
]


def problems(*pairs):
    """What the checker says of requests and replies, each a (method, params, result)."""
    checker = Checker()
    for method, params, result in pairs:
        request = {'id': 1, 'method': method}
        if params is not None:
            request['params'] = params
        checker.line('> ' + json.dumps(request))
        checker.line('< ' + json.dumps({'jsonrpc': '2.0', 'id': 1, 'result': result}))
    return checker.problems


def objects(value, path=()):
    """Paths of all objects inside a value, but for those whose inside is the client's."""
    if isinstance(value, dict):
        yield path
        for key, inner in value.items():
            if key not in ('result', 'args', 'labels', 'data', 'weights'):
                yield from objects(inner, path + (key,))
    elif isinstance(value, list):
        for i, inner in enumerate(value):
            yield from objects(inner, path + (i,))


def changed(value, path, change):
    copy = json.loads(json.dumps(value))
    at = copy
    for key in path:
        at = at[key]
    change(at)
    return copy


class Generated(unittest.TestCase):
    def test_files_are_what_the_rows_say(self):
        self.assertEqual(generate.stale(generate.generated()), [])

    def test_a_stale_file_is_noticed(self):
        files = generate.generated()
        files['openrpc.json'] += ' '
        files['requests/none.such.json'] = '{}'
        del files['requests/ping.json']
        self.assertEqual(generate.stale(files), [
            'openrpc.json is not what its rows say', 'requests/none.such.json is missing',
            'requests/ping.json belongs to no method'])

    def test_every_file_is_a_schema(self):
        for folder in ('', 'requests', 'results'):
            for name in os.listdir(os.path.join(generate.HERE, folder)):
                if name.endswith('.json') and name not in ('openrpc.json', 'refine.json'):
                    jsonschema.Draft202012Validator.check_schema(generate.load(os.path.join(folder, name)))

    def test_rows_are_read_as_the_compiler_reads_them(self):
        defs = Defs()
        self.assertEqual(number('(INT64_C(1) << 53) - 2 * 3', {}), (1 << 53) - 6)
        self.assertEqual(defs.bounds['BOUND_JOB_ID'], 1 << 53)
        self.assertEqual((defs.params['priority'].min, defs.params['priority'].max), (-100, 100))
        self.assertEqual(dict(defs.job.params)['type'], True)
        self.assertEqual([m.params for m in defs.methods if m.name == 'job.get'], [[('id', True)]])
        self.assertIn(('wait_ms', False), [m.params for m in defs.methods if m.name == 'job.call'][0])
        self.assertEqual([e.code for e in defs.errors if e.kind == 'parse_error'], [-32700])

    def test_the_document_has_every_method_and_error(self):
        document, defs = generate.load('openrpc.json'), Defs()
        self.assertEqual([m['name'] for m in document['methods']], [m.name for m in defs.methods])
        self.assertEqual(list(document['components']['errors']), [e.kind for e in defs.errors])


class Manual(unittest.TestCase):
    """The tables of docs/protocol.md."""

    @staticmethod
    def table(columns):
        """Rows of the table whose first row is that, as lists of cells."""
        rows, inside = [], False
        for line in generate.read('../../docs/protocol.md').splitlines():
            cells = [cell.strip().strip('`*') for cell in line.strip().strip('|').split('|')]
            if inside and not line.startswith('|'):
                break
            if inside and not cells[0].startswith('---'):
                rows.append(cells)
            inside = inside or cells == columns
        return rows

    def test_methods_are_those_of_the_rows(self):
        found = self.table(['method', 'role', 'params', 'result'])
        self.assertEqual([row[:2] for row in found], [[m.name, m.role] for m in Defs().methods])
        for row, method in zip(found, Defs().methods):
            params = [p.strip('` *') for p in row[2].replace(' or ', ', ').split(',') if p.strip()]
            if params[:1] == ['job']:
                params[:1] = [name for name, _ in Defs().job.params]
            self.assertEqual(params, [name for name, _ in method.params], method.name)

    def test_errors_and_failures_are_those_of_the_rows(self):
        self.assertEqual(self.table(['kind', 'code', 'retryable', 'meaning']),
                         [[e.kind, str(e.code), 'yes' if e.retryable else '', e.help] for e in Defs().errors])
        self.assertEqual([row[0] for row in self.table(['failure.kind', 'meaning'])], Defs().failures)

    def test_members_are_those_of_the_rows(self):
        job = [name for name, _ in Defs().job.params]
        self.assertEqual([row[0].strip('`*') for row in self.table(['member', 'value', 'meaning'])], job)


class Messages(unittest.TestCase):
    def test_every_method_has_a_sample(self):
        self.assertEqual({m for m, _, _ in SERVED}, {m.name for m in Defs().methods})

    def test_what_methods_give_is_accepted(self):
        self.assertEqual(problems(*SERVED), [])

    def test_one_member_more_anywhere_is_caught(self):
        for method, params, result in SERVED:
            for path in objects(result):
                more = changed(result, path, lambda o: o.update(extra=1))
                self.assertEqual(len(problems((method, params, more))), 1, (method, path))

    def test_one_member_less_anywhere_is_caught(self):
        for method, params, result in SERVED:
            for path in objects(result):
                for key in list(self.at(result, path)):
                    less = changed(result, path, lambda o: o.pop(key))
                    self.assertEqual(len(problems((method, params, less))), 1, (method, path, key))

    @staticmethod
    def at(value, path):
        for key in path:
            value = value[key]
        return value

    def test_requests_that_should_not_be_served_are_caught(self):
        good = {'id': 1, 'state': 'ready'}
        for params in ({}, {'type': 5}, {'type': 'a b'}, {'type': 'x', 'nope': 1}, {'type': 'x', 'priority': 101},
                       {'type': 'x', 'lane': 'fast'}, {'type': 'x', 'durability': 'disk'},
                       {'type': 'x', 'labels': {'a': 1}}, {'type': 'x', 'delay_ms': 1, 'run_at_ms': 1},
                       {'type': 'x', 'unique_ms': 5}, None, [1]):
            self.assertEqual(len(problems(('job.submit', params, good))), 1, params)
        outcome = {'id': 5, 'state': 'succeeded', 'result': {}}
        for params in ({'id': 5, 'ids': [5]}, {}, {'id': 5, 'any': True}, {'ids': []}, {'ids': ['5']}):
            self.assertEqual(len(problems(('job.wait', params, outcome))), 1, params)
        self.assertEqual(len(problems(('job.nope', {}, {}))), 1)

    def test_jobs_that_were_refused_alone_may_be_anything(self):
        many = {'ids': [None], 'errors': [{'index': 0, 'kind': 'invalid_params', 'message': 'x'}], 'errors_total': 1}
        self.assertEqual(problems(('job.submit_many', {'jobs': [{'nope': 1}]}, many)), [])
        many['ids'] = [3]
        self.assertEqual(len(problems(('job.submit_many', {'jobs': [{'nope': 1}]}, many))), 1)


class Replies(unittest.TestCase):
    def check(self, *lines):
        checker = Checker()
        for line in lines:
            checker.line(line)
        return len(checker.problems)

    def test_errors_are_those_of_the_rows(self):
        request = '> {"id":1,"method":"ping"}'
        error = '< {"jsonrpc":"2.0","id":1,"error":{"code":%d,"message":"m","data":%s}}'
        for code, data, wrong in (
                (-32001, '{"kind":"not_found"}', 0), (-32001, '{"kind":"not_found","id":5}', 0),
                (-32011, '{"kind":"queue_full","retryable":true}', 0), (-32011, '{"kind":"queue_full"}', 1),
                (-32001, '{"kind":"not_found","retryable":true}', 1), (-32002, '{"kind":"not_found"}', 1),
                (-32001, '{"kind":"none"}', 1), (-32001, '{"kind":"not_found","odd":1}', 1), (-32001, '{}', 1)):
            self.assertEqual(self.check(request, error % (code, data)), wrong, (code, data))

    def test_replies_are_matched_by_id_in_any_order_and_in_batches(self):
        pong = '{"jsonrpc":"2.0","id":%s,"result":{"pong":true}}'
        drained = '{"jsonrpc":"2.0","id":%s,"result":{"drained":true}}'
        requests = ('> {"id":1,"method":"ping"}', '> [{"id":"a","method":"server.drain"},{"id":3,"method":"ping"}]')
        self.assertEqual(self.check(*requests, '< [%s,%s]' % (pong % 3, drained % '"a"'), '< ' + pong % 1), 0)
        self.assertEqual(self.check(*requests, '< ' + drained % 1), 1)
        self.assertEqual(self.check(*requests, '< ' + pong % 1, '< ' + pong % 1), 1)
        self.assertEqual(self.check('< ' + pong % 1), 1)
        self.assertEqual(self.check('> nonsense', '< {"jsonrpc":"2.0","id":null,"error":{"code":-32700,'
                                    '"message":"m","data":{"kind":"parse_error"}}}'), 0)

    def test_a_reply_has_a_result_or_an_error(self):
        request = '> {"id":1,"method":"ping"}'
        for reply in ('{"jsonrpc":"2.0","id":1}', '{"id":1,"result":{"pong":true}}', '5', '{', '[1]',
                      '{"jsonrpc":"2.0","id":1,"result":{"pong":true},"error":{}}',
                      '{"jsonrpc":"2.0","id":[1],"result":{"pong":true}}'):
            self.assertEqual(self.check(request, '< ' + reply), 1, reply)


if __name__ == '__main__':
    unittest.main()
