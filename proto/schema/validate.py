#!/usr/bin/env python3
"""validate.py [--complete] [FILE...] - checks recorded traffic against the schemas; from stdin without a FILE.

A line is `> LINE` (from a client; `client> ` too), `< LINE` (from the server; `server< ` too), or a pair
{"request": LINE, "reply": LINE}.  Batches are taken apart.  A reply is matched to its request by id, oldest
first.  Then: every reply is a reply; its result is what its method promises; its error is one of errors.def;
and a request that was served is one that the schemas allow.  --complete: each method must have been served.

Exit 0, 1 when something does not hold (one line each on stderr), 2 when there was nothing to check.
"""

import argparse
import json
import os
import re
import sys

import jsonschema

sys.dont_write_bytecode = True
from generate import HERE, load, localise  # noqa: E402

SHOWN = 200


class Schemas:
    """All schemas as one document, so that references need no files."""

    def __init__(self):
        document = load('openrpc.json')
        self.methods = {m['name']: m['result']['name'] for m in document['methods']}
        self.definitions = document['components']['schemas']
        self.result = {name: self.validator({'$ref': '#/components/schemas/' + result})
                       for name, result in self.methods.items()}
        self.request = {name: self.validator(localise(load('requests/%s.json' % name)))
                        for name in self.methods}
        self.error = self.validator({'$ref': '#/components/schemas/error'})
        self.reply = self.validator(localise(load('reply.json')))

    def validator(self, schema):
        return jsonschema.Draft202012Validator({**schema, 'components': {'schemas': self.definitions}})


class Checker:
    def __init__(self):
        self.schemas = Schemas()
        self.waiting = {}           # id as text: requests without a reply
        self.problems = []
        self.replies = 0
        self.served, self.refused = {}, {}

    def problem(self, what, line):
        text = line if isinstance(line, str) else json.dumps(line, ensure_ascii=False)
        self.problems.append('%s: %s' % (what, text if len(text) <= SHOWN else text[:SHOWN] + '...'))

    def check(self, validator, value, what):
        error = jsonschema.exceptions.best_match(validator.iter_errors(value))
        if error is not None:
            self.problem('%s: %s at %s' % (what, error.message[:SHOWN], error.json_path), value)
        return error is None

    # ---- messages ----

    def from_client(self, line):
        try:
            messages = json.loads(line)
        except ValueError:          # the server says so, with a null id
            return
        for request in messages if isinstance(messages, list) else [messages]:
            if isinstance(request, dict):
                self.waiting.setdefault(json.dumps(request.get('id')), []).append(request)

    def from_server(self, line):
        try:
            messages = json.loads(line)
        except ValueError as e:
            self.problem('a reply that is no JSON (%s)' % e, line)
            return
        for reply in messages if isinstance(messages, list) else [messages]:
            self.one_reply(reply)

    def one_reply(self, reply):
        self.replies += 1
        if not self.check(self.schemas.reply, reply, 'reply'):
            return
        requests = self.waiting.get(json.dumps(reply['id']))
        if requests:
            self.pair(requests.pop(0), reply)
        elif 'result' in reply or reply['id'] is not None:
            self.problem('a reply to no request', reply)

    def pair(self, request, reply):
        method = request.get('method')
        if 'error' in reply:
            self.refused[method] = self.refused.get(method, 0) + 1
            return
        if method not in self.schemas.methods:
            self.problem('a method that methods.def does not have was served', request)
            return
        self.served[method] = self.served.get(method, 0) + 1
        self.check(self.schemas.result[method], reply['result'], 'result of ' + method)
        self.check(self.schemas.request[method], accepted(request, reply), 'request of ' + method)

    # ---- a transcript ----

    def line(self, text):
        way = re.match(r'(?:client)?> ?|(?:server)?< ?', text)
        if way:
            (self.from_client if '>' in way.group() else self.from_server)(text[way.end():])
            return
        pair = json.loads(text)
        self.from_client(json.dumps(pair['request']))
        self.from_server(json.dumps(pair['reply']))
        self.waiting.clear()        # the next pair may be of another connection

    def summary(self):
        return '%d replies: %d served, %d refused, of %d of %d methods; %d do not hold' % (
            self.replies, sum(self.served.values()), sum(self.refused.values()),
            len(self.served), len(self.schemas.methods), len(self.problems))

    def unserved(self):
        return sorted(set(self.schemas.methods) - set(self.served))


def accepted(request, reply):
    """The request without the jobs of a submit_many that were refused, each alone."""
    if request['method'] != 'job.submit_many':
        return request
    ids = reply['result'].get('ids', [])
    jobs = [job for job, number in zip(request['params']['jobs'], ids) if number is not None]
    return {**request, 'params': {**request['params'], 'jobs': jobs or [{'type': 'x'}]}}


def main():
    parser = argparse.ArgumentParser(description='Checks recorded traffic against the schemas in %s.' % HERE)
    parser.add_argument('--complete', action='store_true', help='each method must have been served')
    parser.add_argument('files', metavar='FILE', nargs='*', default=['/dev/stdin'])
    arguments = parser.parse_args()
    checker = Checker()
    for name in arguments.files:
        with open(name, encoding='utf-8') as f:
            for text in f:
                if text.strip():
                    checker.line(text.rstrip('\r\n'))
    for problem in checker.problems:
        print(problem, file=sys.stderr)
    print(checker.summary())
    if checker.unserved():
        print('not seen served: ' + ', '.join(checker.unserved()))
    if checker.replies == 0:
        return 2
    return 1 if checker.problems or (arguments.complete and checker.unserved()) else 0


if __name__ == '__main__':
    sys.exit(main())
