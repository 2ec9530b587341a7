"""test_handlers.py - what types say of themselves, and how arguments that do not fit are told."""

import os
import re
import subprocess
import unittest

from jobd_test import DaemonTest, SOURCE, program

MANUAL = os.path.join(SOURCE, 'docs', 'jobd-handlers.7')


def sections(text):
    """The manual's sections of types: name -> its text."""
    types = text.split('.Sh TYPES\n')[1].split('.Sh ')[0]
    return {part.split('\n')[0]: part for part in types.split('.Ss ')[1:]}


class Types(DaemonTest):
    def setUp(self):
        super().setUp()
        self.c = self.jobd.client()

    def test_the_manual_has_every_type_with_every_member_of_its_argument(self):
        with open(MANUAL) as f:
            manual = sections(f.read())
        names = [t['name'] for t in self.c.items('type.list')]
        self.assertEqual(sorted(manual), sorted(names))
        for name in names:
            shown = self.c.call('type.show', name=name)
            if shown['summary'].startswith('left out of this build'):
                continue
            schema = shown['args_schema']
            members = set(schema['properties']) if schema is not True else set()
            said = set(re.findall(r'Cm (\w+)', ' '.join(re.findall(r'^\.It Cm .*', manual[name], re.M))))
            self.assertEqual(said, members, name)

    def test_every_schema_closes_its_object(self):
        for t in self.c.items('type.list'):
            schema = self.c.call('type.show', name=t['name'])['args_schema']
            if schema is not True:
                self.assertEqual(schema['type'], 'object', t['name'])
                self.assertFalse(schema['additionalProperties'], t['name'])

    def test_an_argument_that_does_not_fit_fails_by_name_in_every_lane(self):
        for type, lane in (('sleep', 'async'), ('bench.cpu', 'thread'), ('bench.cpu', 'process')):
            for args, message in (({'ms': 'long'}, 'args.ms must be an integer, not "long"'),
                                  ({'ms': -1}, 'args.ms must be an integer from 0 to'),
                                  ({'ms': 1, 'mz': 2}, 'args.mz is not known; known: ms'),
                                  (None, 'args must be an object, not null')):
                outcome = self.c.call('job.call', type=type, lane=lane, args=args)
                self.assertEqual(outcome['state'], 'failed')
                self.assertEqual(outcome['failure']['kind'], 'error')
                self.assertIn(message, outcome['failure']['message'])

    def test_jobctl_prints_a_schema_as_rows(self):
        out = subprocess.run([program('jobctl'), '-H', self.jobd.unix, 'type', 'show', 'file.digest'],
                             stdout=subprocess.PIPE, check=True).stdout.decode()
        self.assertRegex(out, r'(?m)^args +object$')
        self.assertRegex(out, r'(?m)^args\.path +string, 1 to 4095 characters, required$')
        self.assertRegex(out, r'(?m)^args\.algorithm +string, 1 to 64 characters, else "sha256"$')


if __name__ == '__main__':
    unittest.main()
