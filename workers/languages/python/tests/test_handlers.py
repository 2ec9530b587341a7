"""test_handlers.py - declarations, and schemas made of signatures."""

import os
import sys
import typing
import unittest

import fake_daemon                      # finds the kit
import jobd_worker
from jobd_worker import schema
from jobd_worker.errors import BadArguments
from jobd_worker.handlers import Handler


def handler(function, name=None, lane=None, summary=None, schema=None, args='names'):
    return Handler(function, name, lane, summary, schema, args)


class Declarations(unittest.TestCase):
    def refused(self, words, function=lambda: None, **given):
        with self.assertRaisesRegex((ValueError, TypeError), words):
            handler(function, **{'name': 'x', **given})

    def test_what_cannot_be_served_is_refused_with_the_reason(self):
        self.refused('no name of a type', name='has space')
        self.refused('no name of a type', name='x' * 65)
        self.refused("no lane 'fast'", lane='fast')
        self.refused('`async def`', lane='async')
        self.refused("'names' or 'value'", args='list')
        self.refused('keyword arguments', lambda *a: None)
        self.refused("keyword 'format'", schema={'type': 'string', 'format': 'uri'})
        self.refused("'text' is no type", schema={'type': 'text'})

    def test_a_coroutine_is_of_the_lane_async(self):
        async def poll():
            pass
        self.assertEqual(handler(poll).lane, 'async')
        with self.assertRaises(ValueError):
            handler(poll, lane='thread')

    def test_the_name_is_the_functions_in_lower_case(self):
        def Resize():
            pass
        self.assertEqual(handler(Resize).name, 'resize')

    def test_a_long_summary_is_cut_between_characters(self):
        told = handler(lambda: None, 'x', summary='é' * 200).told()
        self.assertEqual(told['summary'], 'é' * 128)


class Signatures(unittest.TestCase):
    def test_annotations_become_schemas(self):
        rows = (
            (int, {'type': 'integer'}),
            (float, {'type': 'number'}),
            (str, {'type': 'string'}),
            (bool, {'type': 'boolean'}),
            (list, {'type': 'array'}),
            (dict, {'type': 'object'}),
            (None, {'type': 'null'}),
            (typing.Any, {}),
            (bytes, {}),
            (typing.List[int], {'type': 'array', 'items': {'type': 'integer'}}),
            (list[str], {'type': 'array', 'items': {'type': 'string'}}),
            (dict[str, float], {'type': 'object', 'additionalProperties': {'type': 'number'}}),
            (typing.Optional[int], {'anyOf': [{'type': 'integer'}, {'type': 'null'}]}),
            (typing.Literal['a', 'b'], {'enum': ['a', 'b']}),
        )
        for annotation, wanted in rows:
            with self.subTest(annotation=annotation):
                self.assertEqual(schema.of_annotation(annotation), wanted)

    def test_any_other_name_is_taken_by_a_function_that_takes_it(self):
        def f(a: int, **others):
            return a, others
        one = handler(f)
        self.assertNotIn('additionalProperties', one.schema)
        self.assertEqual(one.call({'a': 1, 'b': 'x'}), (1, {'b': 'x'}))

    def test_annotations_as_text_count_too(self):
        def f(a: 'int'):
            pass
        self.assertEqual(handler(f).schema['properties'], {'a': {'type': 'integer'}})

    def test_a_lone_parameter_is_told_in_both_forms(self):
        def f(path: str):
            pass
        one = handler(f)
        self.assertEqual(one.told()['args_schema'], {'anyOf': [one.schema, {'type': 'string'}]})


class Checks(unittest.TestCase):
    def test_each_keyword_refuses_what_it_should_and_nothing_else(self):
        rows = (
            ({'type': ['integer', 'null']}, [1, None], [1.0, True, 'x']),
            ({'type': 'number'}, [1, 1.5], [True, '1', None]),
            ({'enum': ['a', 1]}, ['a', 1], ['b', True]),
            ({'const': 0}, [0], [False, 1]),
            ({'minimum': 1, 'maximum': 3}, [1, 3, 'text'], [0, 4]),
            ({'minLength': 1, 'maxLength': 2}, ['a', 'ää', 7], ['', 'abc']),
            ({'pattern': '^[a-z]+$'}, ['abc', 1], ['', 'A']),
            ({'items': {'type': 'integer'}, 'minItems': 1, 'maxItems': 2}, [[1], [1, 2], 'x'],
             [[], [1, 2, 3], ['x']]),
            ({'properties': {'a': {'type': 'string'}}, 'required': ['a']}, [{'a': 'x'}, 5],
             [{}, {'a': 1}]),
            ({'properties': {'a': {}}, 'additionalProperties': False}, [{}, {'a': 1}], [{'b': 1}]),
            ({'additionalProperties': {'type': 'integer'}}, [{'b': 1}], [{'b': 'x'}]),
            ({'anyOf': [{'type': 'string'}, {'minimum': 5, 'type': 'integer'}]}, ['x', 5], [4, None]),
            ({'oneOf': [{'minimum': 5}, {'maximum': 7}]}, [4, 8], [6]),
            (True, [None, 1], []),
            (False, [], [None]),
        )
        for one, good, bad in rows:
            check = schema.compiled(one)
            for value in good:
                with self.subTest(schema=one, good=value):
                    check(value, 'args')
            for value in bad:
                with self.subTest(schema=one, bad=value), self.assertRaises(BadArguments):
                    check(value, 'args')

    def test_a_refusal_says_where(self):
        check = schema.compiled({'properties': {'a': {'items': {'type': 'string'}}}})
        with self.assertRaisesRegex(BadArguments, r'args\.a\[1\] must be a string, not 2'):
            check({'a': ['x', 2]}, 'args')


class WithTheClient(unittest.TestCase):
    def test_the_client_has_the_names_of_the_kit(self):
        sys.path.insert(0, os.path.join(fake_daemon.KIT, '..', '..', '..', 'client', 'python'))
        self.addCleanup(sys.path.pop, 0)
        import jobd
        self.assertIs(jobd.job, jobd_worker.job)
        self.assertEqual(jobd._OF_WORKERS, set(jobd_worker.__all__))
        self.assertFalse(set(jobd.__all__) & set(jobd_worker.__all__))
        with self.assertRaises(AttributeError):
            jobd.nothing_like_it


if __name__ == '__main__':
    unittest.main()
