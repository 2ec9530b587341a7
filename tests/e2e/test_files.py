"""test_files.py - file.read, file.write, file.compress and file.decompress on files of this test."""

import base64
import os
import random
import shutil
import tempfile
import unittest

from jobd_client import until
from jobd_test import DaemonTest

FILES = tempfile.mkdtemp(prefix='jobd-files-')
NOISE = random.Random(1).randbytes(3 << 20)


class FileTest(DaemonTest):
    daemon_arguments = {'roots': (FILES,)}

    @classmethod
    def tearDownClass(cls):
        super().tearDownClass()
        for name in os.listdir(FILES):
            path = os.path.join(FILES, name)
            shutil.rmtree(path) if os.path.isdir(path) and not os.path.islink(path) else os.unlink(path)

    def outcome(self, type, **args):
        lane = args.pop('lane', None)
        return self.c.call('job.call', type=type, args=args, **({'lane': lane} if lane else {}))

    def done(self, type, **args):
        outcome = self.outcome(type, **args)
        self.assertEqual(outcome['state'], 'succeeded', outcome)
        return outcome.get('result')

    def refused(self, message, type, **args):
        outcome = self.outcome(type, **args)
        self.assertEqual(outcome['state'], 'failed', outcome)
        self.assertIn(message, outcome['failure']['message'])
        self.assertEqual([name for name in os.listdir(FILES) if name.startswith('.jobd-')], [])

    @staticmethod
    def path(name):
        return os.path.join(FILES, name)

    def put(self, name, data):
        with open(self.path(name), 'wb') as f:
            f.write(data)
        return self.path(name)

    def get(self, name):
        with open(self.path(name), 'rb') as f:
            return f.read()


class ReadAndWrite(FileTest):
    def test_a_file_is_read_in_pieces_of_whole_characters(self):
        text = 'aäb€c\U0001f600d' * 50
        path = self.put('text', text.encode())
        for limit in 4, 5, 7, 100, 4096:
            got, offset = '', 0
            while True:
                piece = self.done('file.read', path=path, offset=offset, limit=limit)
                self.assertEqual((piece['offset'], piece['size']), (offset, len(text.encode())))
                self.assertEqual(piece['bytes'], len(piece['data'].encode()))
                self.assertLessEqual(piece['bytes'], limit)
                got += piece['data']
                offset += piece['bytes']
                if piece['eof']:
                    break
            self.assertEqual(got, text)

    def test_bytes_that_are_no_text_come_as_base64(self):
        path = self.put('noise', NOISE[:1000])
        got = self.done('file.read', path=path, offset=100, limit=50)
        self.assertEqual(base64.b64decode(got['data_base64']), NOISE[100:150])
        self.refused('the file is not UTF-8 text there', 'file.read', path=path, **{'as': 'text'})
        self.assertEqual(self.done('file.read', path=self.put('a', b'a'), **{'as': 'base64'})['data_base64'], 'YQ==')
        past = self.done('file.read', path=path, offset=5000)
        self.assertEqual((past['data'], past['bytes'], past['eof']), ('', 0, True))

    def test_a_file_is_replaced_made_or_added_to(self):
        path = self.path('w')
        self.assertEqual(self.done('file.write', path=path, data='grün', how='create'), {'bytes': 5, 'size': 5})
        self.assertEqual(os.stat(path).st_mode & 0o777, 0o644)
        self.refused('there is such a file already', 'file.write', path=path, data='x', how='create')
        self.assertEqual(self.get('w'), 'grün'.encode())
        self.assertEqual(self.done('file.write', path=path, data_base64='AP8=', how='append'), {'bytes': 2, 'size': 7})
        self.assertEqual(self.get('w'), 'grün'.encode() + b'\0\xff')
        self.assertEqual(self.done('file.write', path=path, data='', mode='600'), {'bytes': 0, 'size': 0})
        self.assertEqual((self.get('w'), os.stat(path).st_mode & 0o777), (b'', 0o600))
        self.done('file.write', path=self.path('new'), data='n', how='append', mode='0640')
        self.assertEqual((self.get('new'), os.stat(self.path('new')).st_mode & 0o777), (b'n', 0o640))

    def test_appends_that_run_at_once_do_not_mix(self):
        path = self.path('log')
        lines = ['%d ' % i * 100 + '\n' for i in range(100)]
        ids = [self.c.call('job.submit', type='file.write', args={'path': path, 'data': line, 'how': 'append'})['id']
               for line in lines]
        self.c.call('job.wait', ids=ids)
        self.assertEqual(sorted(self.get('log').decode().splitlines(True)), sorted(lines))

    def test_nothing_but_regular_files_beneath_the_roots_is_touched(self):
        os.mkdir(self.path('dir'))
        os.mkfifo(self.path('fifo'))
        os.symlink('/etc/passwd', self.path('link'))
        for how in 'replace', 'create', 'append':
            for path, message in ((self.path('dir'), 'a directory is not replaced'),
                                  (self.path('fifo'), 'is not a regular file and is not replaced'),
                                  (self.path('link'), 'is not a regular file and is not replaced'),
                                  (self.path('link/x'), ''), (self.path('../x'), 'outside of the configured'),
                                  ('/etc/x', 'outside of the configured'), ('x', 'a path must be absolute'),
                                  (self.path('nowhere/x'), 'No such file or directory')):
                self.refused(message, 'file.write', path=path, data='x', how=how)
        for path in self.path('link'), self.path('dir'), self.path('fifo'), '/etc/passwd':
            self.refused('', 'file.read', path=path)

    def test_arguments_are_refused_by_name(self):
        for args, message in (({}, 'args.data or args.data_base64 is missing'),
                              ({'data': 'x', 'data_base64': 'eA=='}, 'args.data and args.data_base64 cannot both'),
                              ({'data_base64': 'e'}, 'args.data_base64 must be base64'),
                              ({'data': 'x', 'mode': '4755'}, 'args.mode must be a string that matches'),
                              ({'data': 'x', 'how': 'over'}, 'args.how must be "replace", "create" or "append"'),
                              ({'data': 'x\0'}, 'a string holds \\u0000')):
            self.refused(message, 'file.write', path=self.path('never'), **args)
        self.refused('args.limit must be an integer from 4', 'file.read', path=self.path('x'), limit=3)
        self.assertFalse(os.path.exists(self.path('never')))


class Compress(FileTest):
    def test_a_file_comes_back_as_it_was_in_both_lanes(self):
        for data in b'', b'a', b'abc' * 1000000, NOISE:
            for lane in 'thread', 'process':
                plain = self.put('plain', data)
                os.chmod(plain, 0o640)
                up = self.done('file.compress', lane=lane, **{'from': plain, 'to': self.path('z')})
                self.assertEqual(up, {'bytes_in': len(data), 'bytes_out': os.stat(self.path('z')).st_size})
                down = self.done('file.decompress', lane=lane, **{'from': self.path('z'), 'to': self.path('back')})
                self.assertEqual(down, {'bytes_in': up['bytes_out'], 'bytes_out': len(data)})
                self.assertEqual(self.get('back'), data)
                self.assertEqual(os.stat(self.path('back')).st_mode & 0o777, 0o640)

    def test_the_level_counts(self):
        plain = self.put('words', b' '.join(b'%d' % (i * i) for i in range(200000)))
        sizes = [self.done('file.compress', level=level, **{'from': plain, 'to': self.path('z')})['bytes_out']
                 for level in (1, 19)]
        self.assertLess(sizes[1], sizes[0])
        self.refused('args.level must be an integer from 1 to 22, not 23', 'file.compress', level=23,
                     **{'from': plain, 'to': self.path('z')})

    def test_what_grows_too_large_is_refused(self):
        self.done('file.compress', **{'from': self.put('zeros', bytes(50 << 20)), 'to': self.path('bomb')})
        self.assertLess(os.stat(self.path('bomb')).st_size, 10000)
        self.refused('there are more than args.max_bytes (1000000) in it', 'file.decompress', max_bytes=1000000,
                     **{'from': self.path('bomb'), 'to': self.path('burst')})
        self.assertFalse(os.path.exists(self.path('burst')))

    def test_broken_files_are_told_and_leave_nothing(self):
        self.done('file.compress', **{'from': self.put('plain', NOISE), 'to': self.path('z')})
        whole = self.get('z')
        for name, data, message in (('cut', whole[:-5], 'the file is cut short'),
                                    ('early', whole[:3], 'the file is cut short'),
                                    ('none', b'', 'the file is cut short'),
                                    ('other', b'hello, this is no Zstandard', 'Unknown frame descriptor'),
                                    ('flipped', whole[:1000] + b'\0' + whole[1001:], "doesn't match checksum")):
            self.refused(message, 'file.decompress', **{'from': self.put(name, data), 'to': self.path('out')})
            self.assertFalse(os.path.exists(self.path('out')))
        twice = self.put('twice', whole + whole)        # frames in a row are one file
        self.done('file.decompress', **{'from': twice, 'to': self.path('out')})
        self.assertEqual(self.get('out'), NOISE * 2)

    def test_a_cancel_leaves_nothing(self):
        with open(self.path('huge'), 'wb') as f:
            f.truncate(1 << 40)
        for lane in 'thread', 'process':
            id = self.c.call('job.submit', type='file.compress', lane=lane,
                             args={'from': self.path('huge'), 'to': self.path('never')})['id']
            until(lambda: self.c.call('job.get', id=id).get('progress'), 'progress')
            self.assertEqual(self.c.call('job.cancel', id=id)['state'], 'cancelled')
            self.assertEqual([n for n in os.listdir(FILES) if n.startswith('.jobd-') or n == 'never'], [])

    def test_it_is_the_format_of_everybody(self):
        frame = bytes.fromhex('28b52ffd' '20' '05' '290000') + b'hello'     # RFC 8878, section 3.1.1, by hand
        self.done('file.decompress', **{'from': self.put('f', frame), 'to': self.path('hello')})
        self.assertEqual(self.get('hello'), b'hello')


if __name__ == '__main__':
    unittest.main()
