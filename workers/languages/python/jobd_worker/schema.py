"""schema.py - what a handler takes: a JSON Schema made of its signature, and the check of it.

jobd shows the schema of a type, and leaves the check to the worker.  The keywords are those of
jobd-handlers(7); others make the declaration fail, so that none is believed to be checked.
"""

import collections.abc
import inspect
import re
import typing

from .errors import BadArguments

_EMPTY = inspect.Parameter.empty
_TYPES = {
    'null': lambda v: v is None,
    'boolean': lambda v: v is True or v is False,
    'integer': lambda v: type(v) is int,
    'number': lambda v: type(v) in (int, float),
    'string': lambda v: type(v) is str,
    'array': lambda v: type(v) is list,
    'object': lambda v: type(v) is dict,
}
_OF_PYTHON = {type(None): 'null', bool: 'boolean', int: 'integer', float: 'number', str: 'string',
              list: 'array', tuple: 'array', dict: 'object'}
_LISTS = (list, collections.abc.Sequence, collections.abc.Iterable, collections.abc.Collection)
_DICTS = (dict, collections.abc.Mapping)
_FOR_PEOPLE = ('title', 'description', 'examples', '$schema', '$comment', 'default')


# ---- from a signature ----

def of_annotation(annotation):
    """The schema of values that an annotation allows; {} where JSON cannot say it."""
    if annotation in _OF_PYTHON:
        return {'type': _OF_PYTHON[annotation]}
    if annotation is None:
        return {'type': 'null'}
    origin = typing.get_origin(annotation)
    inner = typing.get_args(annotation)
    if origin is typing.Literal:
        return {'enum': list(inner)}
    if origin is typing.Union or type(annotation).__name__ == 'UnionType':
        return {'anyOf': [of_annotation(a) for a in inner]}
    if origin in _LISTS:
        return _with({'type': 'array'}, 'items', of_annotation(inner[0]) if inner else {})
    if origin in _DICTS:
        return _with({'type': 'object'}, 'additionalProperties',
                     of_annotation(inner[1]) if len(inner) == 2 else {})
    return {}


def _with(schema, keyword, below):
    if below:
        schema[keyword] = below
    return schema


def parameters_of(function):
    """The parameters that args may name, and whether any other name is taken too (**names)."""
    named, others = [], False
    for parameter in inspect.signature(function).parameters.values():
        if parameter.kind is parameter.VAR_KEYWORD:
            others = True
        elif parameter.kind in (parameter.VAR_POSITIONAL, parameter.POSITIONAL_ONLY):
            raise TypeError('%s: args come as keyword arguments, and %s is none '
                            "(args='value' gives the handler all of them as one value)"
                            % (function.__qualname__, parameter))
        else:
            named.append(parameter)
    return named, others


def of_function(function):
    """The schema of a handler's args: an object with a member for each parameter."""
    named, others = parameters_of(function)
    try:
        hints = typing.get_type_hints(function)
    except Exception:           # an annotation that cannot be evaluated says nothing
        hints = {}
    properties = {p.name: of_annotation(hints.get(p.name, typing.Any)) for p in named}
    for p in named:
        if type(p.default) in (bool, int, float, str):
            properties[p.name]['default'] = p.default
    schema = {'type': 'object', 'properties': properties}
    required = [p.name for p in named if p.default is _EMPTY]
    if required:
        schema['required'] = required
    if not others:
        schema['additionalProperties'] = False
    return schema


# ---- the check ----

def compiled(schema):
    """check(value, path), which raises BadArguments; ValueError for a schema that cannot be checked."""
    if schema is True:
        return lambda value, path: None
    if schema is False:
        return lambda value, path: _refuse('%s is not allowed', path)
    if not isinstance(schema, dict):
        raise ValueError('a schema is an object, true or false, not %r' % (schema,))
    for keyword in schema:
        if keyword not in _CHECKS and keyword not in _FOR_PEOPLE and keyword != 'required':
            raise ValueError('the keyword %r of a schema is not known' % keyword)
    checks = [_CHECKS[k](schema[k], schema) for k in schema if k in _CHECKS]
    if 'required' in schema:
        checks.append(_required(schema['required']))

    def check(value, path):
        for one in checks:
            one(value, path)
    return check


def _refuse(text, *values):
    raise BadArguments(text % values)


def shown(value):
    text = repr(value)
    return text if len(text) <= 60 else text[:57] + '...'


def _type(wanted, _):
    names = [wanted] if isinstance(wanted, str) else wanted
    if not names or any(name not in _TYPES for name in names):
        raise ValueError('%r is no type of JSON' % (wanted,))
    tests = [_TYPES[name] for name in names]
    words = ' or '.join('an ' + n if n[0] in 'aio' else n if n == 'null' else 'a ' + n for n in names)

    def check(value, path):
        for test in tests:
            if test(value):
                return
        _refuse('%s must be %s, not %s', path, words, shown(value))
    return check


def _same(one, other):
    return one == other and (type(one) is bool) == (type(other) is bool)


def _enum(values, _):
    def check(value, path):
        if not any(_same(value, v) for v in values):
            _refuse('%s must be one of %s, not %s', path, ', '.join(map(repr, values)), shown(value))
    return check


def _const(wanted, _):
    return _enum([wanted], _)


def _any_of(schemas, _):
    checks = [compiled(s) for s in schemas]

    def check(value, path):
        problems = []
        for one in checks:
            try:
                return one(value, path)
            except BadArguments as problem:
                problems.append(str(problem))
        _refuse('%s', ', or '.join(dict.fromkeys(problems)))
    return check


def _one_of(schemas, _):
    checks = [compiled(s) for s in schemas]

    def fits(one, value, path):
        try:
            one(value, path)
        except BadArguments:
            return False
        return True

    def check(value, path):
        n = sum(fits(one, value, path) for one in checks)
        if n != 1:
            _refuse('%s fits %d of the %d forms, and must fit one', path, n, len(checks))
    return check


def _limit(measure, good, words):
    """A keyword with a number: `measure` gives what is compared, or None where it does not apply."""
    def keyword(limit, _):
        def check(value, path):
            size = measure(value)
            if size is not None and not good(size, limit):
                _refuse(words, path, limit)
        return check
    return keyword


def _number(value):
    return value if type(value) in (int, float) else None


def _length(value):
    return len(value) if type(value) is str else None


def _count(value):
    return len(value) if type(value) is list else None


def _pattern(pattern, _):
    search = re.compile(pattern).search

    def check(value, path):
        if type(value) is str and not search(value):
            _refuse('%s does not match %s', path, pattern)
    return check


def _items(schema, _):
    one = compiled(schema)

    def check(value, path):
        if type(value) is list:
            for i, item in enumerate(value):
                one(item, '%s[%d]' % (path, i))
    return check


def _properties(properties, _):
    checks = {name: compiled(schema) for name, schema in properties.items()}

    def check(value, path):
        if type(value) is dict:
            for name, one in checks.items():
                if name in value:
                    one(value[name], '%s.%s' % (path, name))
    return check


def _required(names):
    def check(value, path):
        if type(value) is dict:
            for name in names:
                if name not in value:
                    _refuse('%s.%s is missing', path, name)
    return check


def _additional(schema, whole):
    known = whole.get('properties', {})
    one = compiled(schema)
    words = ', '.join(known) or 'nothing'

    def check(value, path):
        if type(value) is not dict:
            return
        for name in value:
            if name in known:
                continue
            if schema is False:
                _refuse('%s.%s is not known; known: %s', path, name, words)
            one(value[name], '%s.%s' % (path, name))
    return check


_CHECKS = {
    'type': _type, 'enum': _enum, 'const': _const, 'anyOf': _any_of, 'oneOf': _one_of,
    'minimum': _limit(_number, lambda v, n: v >= n, '%s must be at least %s'),
    'maximum': _limit(_number, lambda v, n: v <= n, '%s must be at most %s'),
    'minLength': _limit(_length, lambda v, n: v >= n, '%s must have at least %s characters'),
    'maxLength': _limit(_length, lambda v, n: v <= n, '%s must have at most %s characters'),
    'minItems': _limit(_count, lambda v, n: v >= n, '%s must have at least %s items'),
    'maxItems': _limit(_count, lambda v, n: v <= n, '%s must have at most %s items'),
    'pattern': _pattern, 'items': _items, 'properties': _properties,
    'additionalProperties': _additional,
}
