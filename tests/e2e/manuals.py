"""manuals.py - the manual pages: nothing to be said against their markup, and they have all there is."""

import glob
import os
import re
import subprocess
import tempfile
import unittest

from jobd_test import BUILD, SOURCE, program

PAGES = sorted(glob.glob(os.path.join(SOURCE, 'docs', '*.[1-8]')) + glob.glob(os.path.join(BUILD, 'docs', '*.[1-8]')))
# What verbs share is told once, in these sections of jobctl(1).
SHARED = ('DESCRIPTION', 'Which jobs', 'Fields of a job', 'Commands')


def page(name):
    with open(next(path for path in PAGES if os.path.basename(path) == name)) as f:
        return f.read()


def ctl_help(*words):
    return subprocess.run([program('jobctl'), 'help', *words], check=True, capture_output=True, text=True,
                          timeout=60).stdout


def verbs():
    """The names of jobctl's verbs, from its help."""
    return re.findall(r'^  (\w+(?: \w+)?)  +\S', ctl_help().split('\n\n')[1], re.M)


def options_of_help(verb):
    """{long name: letter or ''} of a verb."""
    text = ctl_help(*verb.split()).split('\noptions\n')[1].split('\nexamples\n')[0]
    return {name: letter for letter, name in re.findall(r'^  (?:-(\w),|   ) --([a-z-]+)', text, re.M)}


def sections(text):
    """{heading without macros: text} of a page, .Sh and .Ss alike; the same heading again adds to it."""
    out = {}
    for part in re.split(r'^\.S[hs] ', text, flags=re.M)[1:]:
        heading, _, body = part.partition('\n')
        name = re.split(r' (?:Ar|Op|Oo|Oc|Fl|Cm|Ns)\b', heading)[0]
        out[name] = out.get(name, '') + body
    return out


def options_of_page(text):
    """{long name: letter or ''} of what a section lists as options."""
    out = {}
    for line in re.findall(r'^\.It (Fl .*)$', text, re.M):
        letter = ''
        for name in re.findall(r'\bFl (-?[\w-]+)', line):
            if name.startswith('-'):
                out[name[1:]] = letter
                letter = ''
            else:
                letter = name
    return out


class Markup(unittest.TestCase):
    def test_mandoc_has_nothing_to_say(self):
        names = {os.path.basename(path) for path in PAGES}
        self.assertIn('jobctl.1', names)
        said = subprocess.run(['mandoc', '-Tlint', *PAGES], capture_output=True, text=True, timeout=120).stdout
        # Whether other pages are installed here is not ours; that ours are there is.
        wrong = []
        for line in said.splitlines():
            missing = re.search(r'referenced manual not found: Xr (\S+) (\d)', line)
            if not missing or missing[1].startswith('jobd') and '.'.join(missing.groups()) not in names:
                wrong.append(line)
        self.assertEqual(wrong, [])

    def test_every_page_is_referred_to(self):
        referred = {'.'.join(found) for path in PAGES for found in re.findall(r'^\.Xr (\S+) (\d)',
                                                                              page(os.path.basename(path)), re.M)}
        self.assertEqual({os.path.basename(path) for path in PAGES} - referred, set())


class Jobctl(unittest.TestCase):
    def setUp(self):
        text = page('jobctl.1')
        before, rest = text.split('\n.Sh VERBS\n')
        self.shared = {}
        for name, body in sections(before).items():
            if name in SHARED:
                self.shared.update(options_of_page(body))
        self.verbs = sections(rest.split('\n.Sh ')[0])

    def test_there_is_a_section_for_every_verb_and_no_other(self):
        names = verbs()
        self.assertIn('queue set', names)
        self.assertEqual(sorted(self.verbs), sorted(names))

    def test_every_option_of_a_verb_is_told(self):
        for verb in verbs():
            told = {**self.shared, **options_of_page(self.verbs[verb])}
            for name, letter in options_of_help(verb).items():
                if 'Fl -%s' % name not in self.verbs[verb]:
                    with self.subTest(verb=verb, option=name):
                        self.assertEqual(told.get(name, 'not told'), letter)

    def test_no_option_is_told_that_a_verb_does_not_have(self):
        for verb, text in self.verbs.items():
            have = options_of_help(verb)
            for name, letter in options_of_page(text).items():
                with self.subTest(verb=verb, option=name):
                    self.assertEqual(have.get(name, 'none'), letter)

    def test_every_option_that_verbs_share_is_one_of_some_verb(self):
        have = {name for verb in verbs() for name in options_of_help(verb)} | {'version'}
        self.assertEqual(set(self.shared) - have, set())


class Configurations(unittest.TestCase):
    """What a reader is told to put into jobd.conf."""

    SECTION = re.compile(r'(?:#.*\n)*\[([a-z]+)')

    def blocks(self):
        """[(page, text)] of the indented paragraphs that begin with a section of jobd.conf."""
        with open(os.path.join(SOURCE, 'proto', 'config.def')) as f:
            known = set(re.findall(r'^OPTION\((\w+),', f.read(), re.M)) | {'queue', 'access', 'quota'}
        for path in sorted(glob.glob(os.path.join(SOURCE, 'docs', '*.md')) + [os.path.join(SOURCE, 'README.md')]):
            with open(path) as f:
                for part in re.findall(r'^(?: {4}\S.*\n)+', f.read(), re.M):
                    text = re.sub('^ {4}', '', part, flags=re.M)
                    begins = self.SECTION.match(text)
                    if begins and begins[1] in known:
                        yield os.path.basename(path), text

    def test_every_one_is_accepted(self):
        blocks = list(self.blocks())
        self.assertGreater(len(blocks), 5)
        for name, text in blocks:
            with self.subTest(page=name, text=text), tempfile.NamedTemporaryFile('w', suffix='.conf') as f:
                f.write(text)
                f.flush()
                done = subprocess.run([program('jobctl'), 'config', 'check', f.name], capture_output=True, text=True,
                                      timeout=60)
                self.assertEqual((done.returncode, done.stderr), (0, ''))
                self.assertNotRegex(text, r'(?m)=.*\s#', 'a value has no comment with #')


class Handler(unittest.TestCase):
    def test_every_function_of_handler_h_is_on_its_page(self):
        with open(os.path.join(SOURCE, 'workers', 'handler.h')) as f:
            header = re.sub(r'/\*.*?\*/', '', f.read(), flags=re.S)
        declared = set(re.findall(r'\b(jobd_\w+)\(', header))
        self.assertIn('jobd_fail_as', declared)
        told = set(re.findall(r'^\.F[no] (jobd_\w+)', page('jobd-handler.3'), re.M))
        self.assertEqual(told, declared)

    def test_its_structures_have_all_members(self):
        with open(os.path.join(SOURCE, 'workers', 'handler.h')) as f:
            header = re.sub(r'/\*.*?\*/', '', f.read(), flags=re.S)
        text = page('jobd-handler.3')
        for struct in ('jobd_plugin', 'jobd_handler', 'jobd_failure'):
            body = re.search(r'^struct %s \{\n(.*?)^\};' % struct, header, re.M | re.S)[1]
            shown = re.search(r'^struct %s \{\n(.*?)^\};' % struct, text, re.M | re.S)[1]
            shown = re.sub(r'/\*.*?\*/', '', shown)
            self.assertEqual(re.findall(r'\w+', shown), re.findall(r'\w+', body), struct)


if __name__ == '__main__':
    unittest.main()
