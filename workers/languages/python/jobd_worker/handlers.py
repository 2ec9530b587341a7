"""handlers.py - the handlers that a program declares with @job, each for one type of jobs."""

import inspect
import re

from . import schema as schemas
from .errors import BadArguments

LANES = ('process', 'thread', 'async')
NAME = re.compile(r'[a-z0-9_.-]{1,64}\Z')
SUMMARY_BYTES = 256

declared = {}                           # of a type: its Handler, in the order of declaration


class Handler:
    """One type of jobs: its name, its function, how that is called, and what it takes."""

    def __init__(self, function, name, lane, summary, schema, args):
        is_async = inspect.iscoroutinefunction(function)
        self.function = function
        self.name = name or function.__name__.lower()
        self.lane = lane or ('async' if is_async else 'process')
        self.summary = first_line(summary if summary is not None else inspect.getdoc(function) or '')
        self.whole = args == 'value'    # args come as one value, not as keyword arguments
        self.sole = None                # check of a lone parameter, whose value may come without its name
        if not NAME.match(self.name):
            raise ValueError('%r is no name of a type: they match [a-z0-9_.-]{1,64}' % self.name)
        if self.lane not in LANES:
            raise ValueError('%s: there is no lane %r; lanes: %s'
                             % (self.name, self.lane, ', '.join(LANES)))
        if (self.lane == 'async') != is_async:
            raise ValueError('%s: the lane async is for `async def`, and no other is' % self.name)
        if args not in ('names', 'value'):
            raise ValueError("%s: args is 'names' or 'value', not %r" % (self.name, args))
        self._describe(schema)

    def _describe(self, given):
        self.schema = given
        if given is None and not self.whole:
            self.schema = schemas.of_function(self.function)
            if len(self.schema['properties']) == 1 and 'additionalProperties' in self.schema:
                (one,) = self.schema['properties'].values()
                self.sole = schemas.compiled(one)
        self.check = schemas.compiled(self.schema) if self.schema is not None else None

    def call(self, args):
        """Runs the handler's function; of an `async def`, gives the coroutine."""
        if self.whole:
            if self.check is not None:
                self.check(args, 'args')
            return self.function(args)
        if args is None:
            args = {}
        elif type(args) is not dict:
            return self.function(self._lone(args))
        if self.check is not None:
            self.check(args, 'args')
        return self.function(**args)

    def _lone(self, value):
        if self.sole is None:
            raise BadArguments('args must be an object, not %s' % schemas.shown(value))
        self.sole(value, 'args')
        return value

    def told(self):
        """As worker.ready tells it."""
        row = {'name': self.name, 'lane': self.lane}
        if self.summary:
            row['summary'] = self.summary
        if self.sole is not None:
            (one,) = self.schema['properties'].values()
            row['args_schema'] = {'anyOf': [self.schema, one]}
        elif self.schema is not None:
            row['args_schema'] = self.schema
        return row


def first_line(text):
    line = text.strip().split('\n', 1)[0]
    return line.encode()[:SUMMARY_BYTES].decode(errors='ignore')


def job(name=None, *, lane=None, summary=None, schema=None, args='names'):
    """Declares a function as the handler of a type of jobs.

        @jobd.job                               the type is called as the function is
        @jobd.job('image.resize')
        @jobd.job(lane='thread')                it waits in calls that block; others run beside it
        @jobd.job(args='value')                 the job's args as one value, not as keyword arguments

    `lane` is 'process' unless said, and 'async' for an `async def`.  `schema` is the JSON Schema of
    args; without one it is made of the signature.  The function stays what it was.
    """
    def declare(function, name=name):
        one = Handler(function, name, lane, summary, schema, args)
        if one.name in declared:
            raise ValueError('two handlers are called %r' % one.name)
        declared[one.name] = one
        return function

    if callable(name):
        return declare(name, None)
    return declare
