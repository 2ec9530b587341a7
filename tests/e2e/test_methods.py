"""test_methods.py - the whole method table, called with garbage of every JSON type, answers politely.

The table is read from proto/*.def, so that a new method or member is tested from its row on.
"""

import json
import os
import re
import unittest

from jobd_client import RpcError
from jobd_test import DaemonTest, SOURCE, read

GARBAGE = [None, True, False, 0, 1, -1, 1.5, 1e300, -(1 << 63), 1 << 53, (1 << 53) - 1, 1 << 64, '', 'x', ' ',
           '\u0000', '\u00e9', 'x' * 300, 'x' * 70000, '../../etc/passwd', '%s%n', "';--", [], [None], [1], ['x'],
           [[]], [{}], [1] * 5000, {}, {'x': 1}, {'id': 1}, {'': None}, {'state': 7}, [{'type': 'echo'}, 1]]
# What each TYPE of params.def can never be; None counts as not given.
WRONG = {
    'DECIMAL': [True, 'x', [], {}],     'NAME': [True, 1, 1.5, [], {}], 'STRING': [True, 1, 1.5, [], {}], 'INT': [True, 1.5, 'x', [], {}, -(1 << 63)],
    'BOOL': [1, 'x', [], {}], 'IDS': [True, 1, 'x', {}, ['x'], [-1], [1.5], [[]]], 'OBJECT': [True, 1, 'x', []],
    'ARRAY': [True, 1, 'x', {}], 'ANY': [],
}


def rows():
    """methods: {name: [(member, required)]}, members: {name: TYPE}, kinds: [error kinds]."""
    text = lambda name: read(os.path.join(SOURCE, 'proto', name)).decode()  # noqa: E731
    members = dict(re.findall(r'^PARAM\((\w+),\s*(\w+)', text('params.def'), re.M))
    source = text('methods.def')
    job = re.search(r'#define JOB(.*?[^\\])\n', source, re.S).group(1)
    methods = {}
    for name, params in re.findall(r'^METHOD\(\w+,\s*"([\w.]+)",\s*\w+,\s*(.*?),\s*\w+,', source, re.M | re.S):
        params = re.sub(r'\bJOB\b', lambda _: job, params)
        methods[name] = [(m, kind == 'R') for kind, m in re.findall(r'([PR])\((\w+)\)', params)]
    return methods, members, re.findall(r'^ERROR\((\w+)', text('errors.def'), re.M)


METHODS, MEMBERS, KINDS = rows()
# Calls that would wait for ever, or end the daemon's work, when they happen to be valid.
FIXED = {'job.call': {'wait_ms': 50}, 'job.wait': {'timeout_ms': 1},
         'group.wait': {'timeout_ms': 1}}


class Garbage(DaemonTest):
    settings = ('stop.drain_ms=0', 'jobs.grace_ms=1s')      # some garbage is a valid job of the far future

    def ask(self, method, params):
        """The reply's error, or None when it was served; never `internal`, never no answer."""
        self.c.send(json.dumps({'jsonrpc': '2.0', 'id': 1, 'method': method, 'params': params}).encode() + b'\n')
        reply = self.c.read()
        while 'method' in reply:            # a notification: some garbage is a job.watch
            reply = self.c.read()
        if 'error' not in reply:
            return None
        error = reply['error']
        self.assertIn(error['data']['kind'], KINDS)
        self.assertNotEqual(error['data']['kind'], 'internal', (method, params))
        self.assertTrue(error['message'])
        return error

    def test_the_table_was_read(self):
        self.assertGreaterEqual(len(METHODS), 17)
        self.assertIn(('type', True), METHODS['job.call'])
        self.assertEqual(MEMBERS['ids'], 'IDS')

    def test_every_member_of_every_method_takes_garbage(self):
        for method, params in METHODS.items():
            if method == 'server.drain':
                continue
            for member, _ in params:
                for value in GARBAGE:
                    given = dict(FIXED.get(method, {}))
                    if 'type' in dict(params) and member != 'type':
                        given['type'] = 'echo'
                    given[member] = value
                    if method in ('job.call', 'job.wait') and member in FIXED[method] and isinstance(value, int):
                        given[member] = min(value, 50)
                    if member in ('delay_ms', 'run_at_ms') and method == 'job.call':
                        continue        # valid ones would wait: job.submit tries them all
                    self.ask(method, given)
        self.assertEqual(self.jobd.client().run('echo', 'alive', lane='process')['result'], 'alive')

    def test_a_member_of_the_wrong_type_is_refused_by_name(self):
        for method, params in METHODS.items():
            for member, _ in params:
                for value in WRONG[MEMBERS[member]]:
                    given = {name: 'echo' for name, required in params if required and MEMBERS[name] == 'NAME'}
                    given[member] = value
                    error = self.ask(method, given)
                    self.assertIsNotNone(error, (method, given))
                    self.assertEqual(error['data']['kind'], 'invalid_params', (method, given, error))
                    self.assertIn(member, error['message'])

    def test_a_missing_member_is_named(self):
        for method, params in METHODS.items():
            required = [name for name, needed in params if needed]
            if required:
                error = self.ask(method, {})
                self.assertEqual(error['data']['kind'], 'invalid_params', method)
                self.assertTrue(any(name in error['message'] for name in required), error)

    def test_an_unknown_member_is_named_by_every_method(self):
        for method, params in METHODS.items():
            given = {name: 'echo' for name, required in params if required}
            error = self.ask(method, dict(given, nonsense_x=1))
            self.assertEqual(error['data']['kind'], 'invalid_params', method)

    def test_params_of_the_wrong_type_are_refused(self):
        for method in METHODS:
            if method == 'server.drain':
                continue
            for params in ([], [1], 'x', 1, True):
                self.assertIsNotNone(self.ask(method, params), (method, params))

    def test_permissions_hold_for_the_whole_table(self):
        for method in METHODS:
            nobody = self.jobd.raw(tcp=True)
            nobody.send(json.dumps({'id': 1, 'method': method, 'params': {}}).encode() + b'\n')
            reply = nobody.read()
            if method in ('hello', 'ping'):
                continue
            self.assertEqual(reply['error']['data']['kind'], 'unauthenticated', method)

    def test_errors_have_one_shape(self):
        try:
            self.c.call('job.get', id=1 << 50)
        except RpcError as e:
            self.assertEqual(e.error['code'], -32001)
            self.assertEqual(e.data['kind'], 'not_found')


if __name__ == '__main__':
    unittest.main()
