#!/usr/bin/env python3
"""generate.py [--check] - the schemas and openrpc.json that follow from proto/*.def.

Written from the rows: common.json, error.json, reply.json, requests/METHOD.json, openrpc.json.  Written by hand:
results/NAME.json, one for each name in the result column of methods.def, and refine.json, which says what
the rows cannot.  --check writes nothing and fails when a file is not what would be written.
"""

import json
import os
import re
import sys

sys.dont_write_bytecode = True
from defs import Defs  # noqa: E402

HERE = os.path.dirname(os.path.abspath(__file__))
DRAFT = 'https://json-schema.org/draft/2020-12/schema'


def read(name):
    with open(os.path.join(HERE, name), encoding='utf-8') as f:
        return f.read()


def load(name):
    return json.loads(read(name))


def to_text(value):
    return json.dumps(value, indent=2, ensure_ascii=False) + '\n'


def version():
    """As configure.ac has it; a distribution has that file too."""
    return re.search(r'^AC_INIT\(\[jobd\], \[([^]]+)\]', read('../../configure.ac'), re.M).group(1)


# ---- params ----

def by_type(param, bounds):
    """The schema of a value of a row's TYPE and range."""
    if param.type == 'NAME':
        return {'type': 'string', 'pattern': '^[A-Za-z0-9_.-]+$', 'minLength': param.min, 'maxLength': param.max}
    if param.type == 'STRING':
        return {'type': 'string', 'minLength': param.min, 'maxLength': param.max}
    if param.type == 'INT':
        return {'type': 'integer', 'minimum': param.min, 'maximum': param.max}
    if param.type == 'DECIMAL':
        return {'type': 'number', 'minimum': param.min / 1000, 'maximum': param.max / 1000, 'multipleOf': 0.001}
    if param.type == 'BOOL':
        return {'type': 'boolean'}
    if param.type == 'IDS':
        return {'type': 'array', 'minItems': param.min, 'maxItems': param.max,
                'items': {'$ref': '../common.json#/$defs/job_id'}}
    if param.type == 'ARRAY':
        return {'type': 'array', 'minItems': param.min, 'maxItems': param.max}
    if param.type == 'OBJECT':
        return {'type': 'object', 'minProperties': param.min, 'maxProperties': param.max}
    if param.type == 'ANY':
        return {}
    raise ValueError('params.def: no such TYPE: ' + param.type)


def param_schema(defs, refine, name, required):
    param = defs.params[name]
    schema = {**by_type(param, defs.bounds), **refine['params'].get(name, {})}
    if not required and param.type != 'ANY':        # null counts as not given
        schema = {'anyOf': [schema, {'type': 'null'}]}
    return {'description': param.help, **schema}


def params_schema(defs, refine, method):
    required = [name for name, is_required in method.params if is_required]
    return {
        'type': 'object',
        'properties': {name: param_schema(defs, refine, name, r) for name, r in method.params},
        **({'required': required} if required else {}),
        'additionalProperties': False,
        **refine['methods'].get(method.name, {}),
    }


# ---- files ----

def request_schema(defs, refine, method):
    params = params_schema(defs, refine, method)
    needed = 'required' in params or method.name in refine['methods']
    return {
        '$schema': DRAFT,
        'title': 'request of ' + method.name,
        'description': method.help,
        'type': 'object',
        'properties': {
            'jsonrpc': {'const': '2.0'},
            'id': {'$ref': '../common.json#/$defs/request_id'},
            'method': {'const': method.name},
            'params': params if needed else {'anyOf': [params, {'type': 'null'}]},
        },
        'required': ['method', 'params'] if needed else ['method'],
        'additionalProperties': False,
    }


def from_top(value, common):
    """The same with references as a file of proto/schema needs them, not one of a folder in it."""
    if isinstance(value, list):
        return [from_top(v, common) for v in value]
    if not isinstance(value, dict):
        return value
    return {k: v.replace('../common.json', common) if k == '$ref' else from_top(v, common)
            for k, v in value.items()}


def error_schema(defs, refine):
    kinds = []
    for e in defs.errors:
        data = {'properties': {'kind': {'const': e.kind}}}
        if e.retryable:
            data['properties']['retryable'] = {'const': True}
            data['required'] = ['retryable']
        else:
            data['not'] = {'required': ['retryable']}
        kinds.append({'description': e.help, 'properties': {'code': {'const': e.code}, 'data': data}})
    return from_top({
        '$schema': DRAFT,
        'title': 'error of a request that is not served',
        'type': 'object',
        'properties': {
            'code': {'type': 'integer'},
            'message': {'type': 'string', 'minLength': 1, 'maxLength': 255},
            'data': {
                'type': 'object',
                'properties': {
                    'kind': {'enum': [e.kind for e in defs.errors]},
                    'retryable': {'type': 'boolean'},
                    **refine['error_data'],
                },
                'required': ['kind'],
                'additionalProperties': False,
            },
        },
        'required': ['code', 'message', 'data'],
        'additionalProperties': False,
        'oneOf': kinds,
    }, 'common.json')


def reply_schema():
    return {
        '$schema': DRAFT,
        'title': 'reply',
        'description': 'result: as results/NAME.json of the method has it',
        'type': 'object',
        'properties': {
            'jsonrpc': {'const': '2.0'},
            'id': {'$ref': 'common.json#/$defs/request_id'},
            'result': {},
            'error': {'$ref': 'error.json'},
        },
        'required': ['jsonrpc', 'id'],
        'oneOf': [{'required': ['result']}, {'required': ['error']}],
        'additionalProperties': False,
    }


def common_schema(defs, refine):
    bounds = defs.bounds
    schema = {
        '$schema': DRAFT,
        'title': 'what several messages share',
        '$defs': {
            'job_id': {'type': 'integer', 'minimum': 1, 'maximum': bounds['BOUND_JOB_ID']},
            'request_id': {'type': ['string', 'number', 'null']},
            'name': {'type': 'string', 'pattern': '^[A-Za-z0-9_.-]+$', 'minLength': 1,
                     'maxLength': bounds['BOUND_NAME_BYTES']},
            'state': {'enum': [name for name, _ in defs.states]},
            'finished_state': {'enum': [name for name, finished in defs.states if finished]},
            'reason': {'enum': [name for name, _ in defs.reasons]},
            'reason_text': {'enum': [text for _, text in defs.reasons]},
            'failure_kind': {'enum': defs.failures},
            'error_kind': {'enum': [e.kind for e in defs.errors]},
            'role': {'enum': ['anybody', 'worker', 'viewer', 'submitter', 'operator', 'admin']},
            'submission': {'description': 'what a client says of a job',
                           **params_schema(defs, refine, defs.job), **refine['methods']['job.submit']},
            **refine['common'],
        },
    }
    return from_top(schema, '')


def result_names(defs):
    return sorted({m.result for m in defs.methods})


def localise(value):
    """References between files become references inside one document."""
    if isinstance(value, list):
        return [localise(v) for v in value]
    if not isinstance(value, dict):
        return value
    out = {k: localise(v) for k, v in value.items() if k != '$schema'}
    if '$ref' in out:
        name = re.fullmatch(r'(?:(?:\.\./)?common\.json)?#/\$defs/(\w+)|(\w+)\.json', out['$ref'])
        out['$ref'] = '#/components/schemas/' + (name.group(1) or name.group(2))
    return out


def openrpc(defs, refine, error):
    schemas = dict(common_schema(defs, refine)['$defs'])
    for name in result_names(defs):
        if name in schemas:
            raise ValueError('common.json has a %s already' % name)
        schemas[name] = load('results/%s.json' % name)
    schemas['error'] = error
    return {
        'openrpc': '1.2.6',
        'info': {'title': 'jobd', 'version': version(),
                 'description': 'JSON-RPC 2.0, one message a line, over a unix socket or TCP.'},
        'methods': [{
            'name': m.name,
            'summary': m.help,
            'x-role': m.role,
            'paramStructure': 'by-name',
            'params': [{'name': name, 'summary': defs.params[name].help, 'required': required,
                        'schema': localise(param_schema(defs, refine, name, required))}
                       for name, required in m.params],
            'result': {'name': m.result, 'schema': {'$ref': '#/components/schemas/' + m.result}},
        } for m in defs.methods],
        'components': {
            'schemas': localise(schemas),
            'errors': {e.kind: {'code': e.code, 'message': e.help,
                                'data': {'kind': e.kind, **({'retryable': True} if e.retryable else {})}}
                       for e in defs.errors},
        },
    }


def generated():
    """What there is to write: {path below proto/schema: text}."""
    defs, refine = Defs(), load('refine.json')
    error = error_schema(defs, refine)
    files = {'common.json': common_schema(defs, refine), 'error.json': error, 'reply.json': reply_schema(),
             'openrpc.json': openrpc(defs, refine, error)}
    for m in defs.methods:
        files['requests/%s.json' % m.name] = request_schema(defs, refine, m)
    return {name: to_text(value) for name, value in files.items()}


def stale(files):
    """Why the files on disk are not those: a list of lines."""
    out = []
    for name, text in files.items():
        if not os.path.exists(os.path.join(HERE, name)):
            out.append('%s is missing' % name)
        elif read(name) != text:
            out.append('%s is not what its rows say' % name)
    for name in os.listdir(os.path.join(HERE, 'requests')):
        if 'requests/' + name not in files:
            out.append('requests/%s belongs to no method' % name)
    used = {name + '.json' for name in result_names(Defs())}
    out += ['results/%s belongs to no method' % name
            for name in sorted(os.listdir(os.path.join(HERE, 'results'))) if name not in used]
    return out


def main():
    files = generated()
    if sys.argv[1:] == ['--check']:
        wrong = stale(files)
        for line in wrong:
            print('proto/schema: ' + line, file=sys.stderr)
        if wrong:
            print('run: python3 proto/schema/generate.py', file=sys.stderr)
        return 1 if wrong else 0
    if sys.argv[1:]:
        print('usage: generate.py [--check]', file=sys.stderr)
        return 2
    os.makedirs(os.path.join(HERE, 'requests'), exist_ok=True)
    for name, text in files.items():
        with open(os.path.join(HERE, name), 'w', encoding='utf-8') as f:
            f.write(text)
    return 0


if __name__ == '__main__':
    sys.exit(main())
