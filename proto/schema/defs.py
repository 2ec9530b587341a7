"""defs.py - the rows of proto/*.def and the numbers of proto/bounds.h, for what is generated from them."""

import ast
import operator
import os
import re

PROTO = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))

OPERATORS = {ast.LShift: operator.lshift, ast.Sub: operator.sub, ast.Add: operator.add, ast.Mult: operator.mul}


def source(name):
    """A file of proto/ without its comments."""
    with open(os.path.join(PROTO, name), encoding='utf-8') as f:
        return re.sub(r'/\*.*?\*/', '', f.read(), flags=re.S)


def number(text, bounds):
    """The value of a constant expression: integers, INT64_C(), bounds, << + - *."""

    def value(node):
        if isinstance(node, ast.Expression):
            return value(node.body)
        if isinstance(node, ast.Constant) and isinstance(node.value, int):
            return node.value
        if isinstance(node, ast.Name):
            return bounds[node.id]
        if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.USub):
            return -value(node.operand)
        if isinstance(node, ast.BinOp):
            return OPERATORS[type(node.op)](value(node.left), value(node.right))
        raise ValueError('not a constant: ' + text)

    return value(ast.parse(re.sub(r'\bU?INT64_C\b', '', text.strip()), mode='eval'))


def read_bounds():
    bounds = {}
    for name, text in re.findall(r'^#define (BOUND_\w+)[ \t]+(.+)$', source('bounds.h'), re.M):
        bounds[name] = number(text, bounds)
    return bounds


def split_row(text, at):
    """The arguments of a macro call whose opening bracket is at text[at]: split at commas outside () and ""."""
    out, depth, begin, i = [], 0, at + 1, at
    while True:
        c = text[i]
        if c == '"':
            i = re.compile(r'"(\\.|[^"\\])*"').match(text, i).end()
            continue
        depth += (c == '(') - (c == ')')
        if (c == ',' and depth == 1) or depth == 0:
            out.append(text[begin:i].strip())
            begin = i + 1
        if depth == 0:
            return out
        i += 1


def rows(name, macro):
    """All rows MACRO(...) of a .def file, as lists of their columns' text."""
    text = source(name)
    return [split_row(text, m.end() - 1) for m in re.finditer(r'^%s\(' % macro, text, re.M)]


def string(text):
    """The value of C string literals, one or more beside each other."""
    return ''.join(ast.literal_eval(part) for part in re.findall(r'"(?:\\.|[^"\\])*"', text))


class Param:
    def __init__(self, row, bounds):
        self.name, self.type = row[0], row[1]
        self.min, self.max = number(row[2], bounds), number(row[3], bounds)
        self.help = string(row[4])


class Method:
    def __init__(self, row, job):
        self.name, self.role, self.result, self.help = string(row[1]), row[2], row[4], string(row[5])
        self.params = [(name, kind == 'R') for kind, name in
                       re.findall(r'\b([PR])\((\w+)\)', re.sub(r'\bJOB\b', lambda _: job, row[3]))]


class Error:
    def __init__(self, row):
        self.kind, self.code, self.retryable = row[0], int(row[1]), row[2] == '1'
        self.exit_code, self.help = int(row[3]), string(row[4])


class Defs:
    def __init__(self):
        self.bounds = read_bounds()
        self.params = {p.name: p for p in (Param(r, self.bounds) for r in rows('params.def', 'PARAM'))}
        job = re.search(r'^#define JOB((?:.*\\\n)*.*)$', source('methods.def'), re.M).group(1)
        self.job = Method(['', '""', '', job, '', '""'], '')
        self.methods = [Method(r, job) for r in rows('methods.def', 'METHOD')]
        self.errors = [Error(r) for r in rows('errors.def', 'ERROR')]
        self.states = [(r[0], r[1] == '1') for r in rows('states.def', 'STATE')]
        self.reasons = [(r[0], string(r[1])) for r in rows('states.def', 'REASON')]
        self.failures = [r[0] for r in rows('failures.def', 'FAILURE')]
