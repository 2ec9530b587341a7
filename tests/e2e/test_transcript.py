"""test_transcript.py - the conversation in docs/protocol.md is replayed, so that it stays true.

In its ```transcript blocks a line `> TEXT` is sent and a line `< TEXT` is a reply.  `...` in an expected
reply stands for anything; numbers that the daemon chooses are written `<name>` and must be the same wherever
the name comes again.
"""

import os
import re
import unittest

from jobd_test import DaemonTest, SOURCE, read


def blocks():
    text = read(os.path.join(SOURCE, 'docs', 'protocol.md')).decode()
    return re.findall(r'^```transcript\n(.*?)^```', text, re.S | re.M)


def substitute(text, names):
    return re.sub(r'<(\w+)>', lambda m: names.get(m.group(1), m.group(0)), text)


def pattern(expected, names):
    """A regular expression for an expected reply; names not yet known become groups."""
    out, known = '', set()
    for part in re.split(r'(\.\.\.|<\w+>)', expected):
        name = part[1:-1]
        if part == '...':
            out += '.*'
        elif re.fullmatch(r'<\w+>', part):
            if name in names:
                out += re.escape(names[name])
            elif name in known:
                out += '(?P=%s)' % name
            else:
                known.add(name)
                out += r'(?P<%s>[\w.-]+)' % name
        else:
            out += re.escape(part)
    return out


class Transcript(DaemonTest):
    def test_the_manuals_conversation_happens_like_that(self):
        found = blocks()
        self.assertTrue(found, 'docs/protocol.md has no transcript')
        replies = 0
        for block in found:
            c, names = self.jobd.raw(), {}
            for row in block.splitlines():
                if row.startswith('> '):
                    c.send(substitute(row[2:], names).encode() + b'\n')
                elif row.startswith('< '):
                    got = c.read_line().decode()
                    match = re.fullmatch(pattern(row[2:], names), got)
                    self.assertTrue(match, '\nexpected %s\ngot      %s' % (row[2:], got))
                    names.update(match.groupdict())
                    replies += 1
                else:
                    self.fail('neither sent nor answered: %r' % row)
            c.close()
        self.assertGreaterEqual(replies, 10)


if __name__ == '__main__':
    unittest.main()
