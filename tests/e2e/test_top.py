"""test_top.py - jobctl top on a terminal of the test's own: what stands on it, and what keys do."""

import contextlib
import fcntl
import os
import pty
import re
import select
import signal
import socket
import struct
import subprocess
import sys
import termios
import time
import unittest

try:
    import pyte
except ImportError:                             # Debian's, and another Python than Debian's
    sys.path.append('/usr/lib/python3/dist-packages')
    import pyte

from jobd_test import DaemonTest, OwnDaemonTest, PATIENCE, program, until


class Terminal:
    """`jobctl top` on a pty, and what a terminal would show of what it writes: the console of Linux, which pyte is."""

    def __init__(self, host, columns=100, lines=40, term='linux', locale='C.UTF-8', **env):
        self.screen = pyte.Screen(columns, lines)
        self.stream = pyte.ByteStream(self.screen)
        self.raw = b''
        self.master, slave = pty.openpty()
        self.set_size(columns, lines)
        variables = {k: v for k, v in os.environ.items() if k not in ('NO_COLOR', 'LINES', 'COLUMNS')}
        self.process = subprocess.Popen(
            [program('jobctl'), '-H', host, 'top'], stdin=slave, stdout=slave, stderr=slave, start_new_session=True,
            preexec_fn=lambda: fcntl.ioctl(0, termios.TIOCSCTTY, 0),
            env=dict(variables, TERM=term, LC_ALL=locale, **env))
        os.close(slave)

    def set_size(self, columns, lines):
        fcntl.ioctl(self.master, termios.TIOCSWINSZ, struct.pack('HHHH', lines, columns, 0, 0))

    def resize(self, columns, lines):
        self.screen.resize(lines, columns)
        self.set_size(columns, lines)

    def look(self, seconds=0.05):
        """Takes what it has written."""
        while select.select([self.master], [], [], seconds)[0]:
            try:
                piece = os.read(self.master, 65536)
            except OSError:
                return
            if not piece:
                return
            self.raw += piece
            self.stream.feed(piece)
            seconds = 0

    def text(self):
        return '\n'.join(line.rstrip() for line in self.screen.display)

    def line(self, words):
        """The first line with all of these words."""
        return next((line for line in self.screen.display if all(w in line.split() for w in words)), None)

    def row(self, job):
        """The line of a job."""
        return next((line for line in self.screen.display[3:] if line.split()[:1] == [str(job)]), None)

    def wait(self, what, about):
        """Until what(self) holds; its value."""
        deadline = time.monotonic() + 30 * PATIENCE
        while True:
            self.look()
            found = what(self)
            if found:
                return found
            if time.monotonic() > deadline:
                raise AssertionError('no %s on the terminal:\n%s' % (about, self.text()))

    def shows(self, text):
        return self.wait(lambda t: text in t.text(), repr(text))

    def chosen(self):
        """The line that is shown in reverse below the bright title."""
        lines = [y for y in range(self.screen.lines) if self.screen.buffer[y][0].reverse]
        return self.screen.display[lines[-1]] if len(lines) > 1 else None

    def press(self, keys):
        os.write(self.master, keys.encode())

    def end(self):
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait()
        os.close(self.master)


TAB, DOWN = '\t', '\x1b[B'


class TopTest:
    def top(self, jobd=None, **how):
        terminal = Terminal((jobd or self.jobd).unix, **how)
        self.addCleanup(terminal.end)
        return terminal

    def panel(self, terminal, title):
        """Goes there with the keys."""
        def is_there(t):
            return any(t.screen.buffer[y][0].reverse and title in t.screen.display[y].split()
                       for y in range(t.screen.lines))
        for _ in range(4):
            terminal.look()
            if is_there(terminal):
                return
            before = terminal.text(), [terminal.screen.buffer[y][0].reverse for y in range(terminal.screen.lines)]
            terminal.press(TAB)
            terminal.wait(lambda t: (t.text(), [t.screen.buffer[y][0].reverse
                                                for y in range(t.screen.lines)]) != before, 'another panel')
        terminal.wait(is_there, 'panel ' + title)


class Top(TopTest, DaemonTest):
    daemon_arguments = {'cpu_workers': 2}

    def setUp(self):
        super().setUp()
        self.jobs = []

    def tearDown(self):
        for job in reversed(self.jobs):         # none is started by the end of another
            if self.c.get(job)['state'] in ('scheduled', 'ready', 'running'):
                self.c.call('job.cancel', id=job)

    def sleeper(self, **fields):
        job = self.c.submit('sleep', {'ms': 600000}, **fields)
        self.jobs.append(job)
        until(lambda: self.c.get(job)['state'] == 'running', 'a running job')
        return job

    def test_it_shows_the_daemon_its_lanes_queues_workers_and_jobs(self):
        job = self.sleeper(queue='q-seen')
        self.c.call('queue.set', name='q-seen', max_running=1)
        self.jobs.append(self.c.submit('sleep', {'ms': 1}, queue='q-seen'))
        t = self.top()
        t.wait(lambda t: t.line(['q-seen', 'open', '1']), 'queue')
        self.assertRegex(t.screen.display[0], r'^jobd [0-9.]+ at unix:/.*, up .*, \d+ connections, ')
        self.assertRegex(t.screen.display[1], r'^\d+ running  \d+ ready  \d+ scheduled  \d+ failed')
        self.assertEqual(t.line(['q-seen']).split()[:3], ['q-seen', 'open', '1'])     # running
        self.assertEqual(t.line(['q-seen']).split()[3:6], ['1', '0', '1'])            # ready, later, limit
        for lane in ('inline', 'async', 'thread', 'process'):
            self.assertIsNotNone(t.line([lane]), t.text())
        self.assertEqual(t.line(['io-1']).split()[:2], ['io-1', 'running'])
        self.assertEqual(t.line(['cpu-1']).split()[:2], ['cpu-1', 'idle'])
        row = t.wait(lambda t: t.row(job), 'job')
        self.assertEqual(row.split()[1], 'running')
        self.assertEqual(row.split()[3:6], ['sleep', 'q-seen', 'io-1'])

    def test_rates_and_bars_follow_what_happens(self):
        t = self.top(columns=120)
        t.shows('starts/s')

        def work(t):
            self.c.call('job.wait', ids=self.c.submit_many([{'type': 'bench.cpu', 'args': {'ms': 1}}] * 50))
            rate = re.search(r'starts/s ([0-9.]+)', t.screen.display[2])
            row = t.line(['process'])
            return rate and float(rate.group(1)) > 10 and row and re.search('[▁▂▃▄▅▆▇█]', row)
        t.wait(work, 'rate and bars')

    def test_q_quits_and_gives_the_terminal_back(self):
        t = self.top(term='xterm-256color')
        t.shows('q quit')
        modes = termios.tcgetattr(t.master)
        self.assertFalse(modes[3] & termios.ECHO)
        t.press('q')
        self.assertEqual(t.process.wait(20 * PATIENCE), 0)
        t.look()
        self.assertIn(b'\x1b[?1049l', t.raw)
        self.assertTrue(termios.tcgetattr(t.master)[3] & termios.ECHO)

    def test_c_cancels_the_chosen_job_when_the_answer_is_yes(self):
        old, new = self.sleeper(), self.sleeper()
        t = self.top()
        t.wait(lambda t: t.row(old), 'job')
        self.panel(t, 'JOB')
        t.wait(lambda t: (t.chosen() or '').split()[:1] == [str(new)], 'newest job chosen')
        t.press(DOWN)
        t.wait(lambda t: (t.chosen() or '').split()[:1] == [str(old)], 'older job chosen')
        t.press('c')
        t.shows('cancel job %d? y or n' % old)
        t.press('n')
        t.shows('job %d goes on' % old)
        self.assertEqual(self.c.get(old)['state'], 'running')
        t.press('c')
        t.shows('cancel job %d? y or n' % old)
        t.press('y')
        t.shows('job %d: cancelled' % old)
        self.assertEqual(self.c.get(old)['state'], 'cancelled')
        self.assertEqual(self.c.get(new)['state'], 'running')
        t.wait(lambda t: t.row(old) is None, 'list without it')

    def test_p_pauses_the_chosen_queue_and_resumes_it(self):
        self.c.run('echo', 1, queue='q-a-pause')
        self.c.run('echo', 1, queue='q-z-last')
        t = self.top()
        t.wait(lambda t: t.line(['q-a-pause']), 'queue')
        self.panel(t, 'QUEUE')
        while (t.chosen() or '').split()[:1] != ['q-a-pause']:
            before = t.chosen()
            t.press(DOWN)
            t.wait(lambda t: t.chosen() != before, 'the next row')
        for key, note, state in (('p', 'queue q-a-pause is paused', True), ('p', 'queue q-a-pause goes on', False)):
            t.press(key)
            t.shows(note)
            queue = next(q for q in self.c.call('queue.list')['items'] if q['name'] == 'q-a-pause')
            self.assertEqual(queue['paused'], state)
            t.wait(lambda t: t.line(['q-a-pause', 'paused' if state else 'open']), 'its state')
        self.assertFalse(any(q['paused'] for q in self.c.call('queue.list')['items']))

    def test_e_explains_the_chosen_job_and_any_key_goes_back(self):
        job = self.sleeper()
        t = self.top()
        t.wait(lambda t: t.row(job), 'job')
        self.panel(t, 'JOB')
        t.press('e')
        t.shows('job %d is running: attempt 1 has run' % job)
        t.shows('lane: async')
        t.press(' ')
        t.shows('WORKER')
        t.press('?')
        t.shows('cancel the chosen job, or the one that the chosen worker runs')
        t.press('q')
        t.shows('WORKER')
        self.assertIsNone(t.process.poll())

    def test_s_lists_jobs_of_other_states(self):
        failed = self.c.submit('file.digest', {'path': '/no/such/file'})
        self.c.wait(failed)
        t = self.top()
        for state in ('ready', 'scheduled', 'failed'):
            t.press('s')
            t.shows('jobs: ' + state)
        t.wait(lambda t: t.line([str(failed), 'failed', 'file.digest']), 'failed job')

    def test_a_key_without_anything_chosen_says_so(self):
        t = self.top()
        t.shows('q quit')
        self.panel(t, 'LANE')
        for key, said in (('c', 'choose a job first'), ('e', 'choose a job first'), ('p', 'choose a queue first')):
            t.press(key)
            t.shows(said)

    def test_it_fits_narrow_tall_and_tiny_terminals_and_follows_their_size(self):
        job = self.sleeper()
        t = self.top(columns=100, lines=40)
        t.wait(lambda t: t.row(job), 'job')
        for columns, lines in ((36, 60), (200, 12), (80, 24), (24, 7), (100, 40)):
            t.resize(columns, lines)
            os.killpg(t.process.pid, signal.SIGWINCH)
            t.wait(lambda t: 'q quit' in t.screen.display[-1] and 'QUEUE' in t.text(), '%dx%d' % (columns, lines))
            if lines >= 12:
                for title in ('LANE', 'QUEUE', 'WORKER', 'JOB'):
                    self.assertIn(title, t.text().split())
            for line in t.screen.display:
                self.assertLessEqual(len(line), columns)
        t.resize(15, 4)
        os.killpg(t.process.pid, signal.SIGWINCH)
        t.shows('at least 20x6')
        self.assertIsNone(t.process.poll())

    def test_colours_are_for_terminals_that_have_them_and_for_who_wants_them(self):
        self.sleeper()
        colour = re.compile(rb'\x1b\[(?:[0-9]+;)*3[0-7]m')
        for how, wanted in (({}, True), ({'NO_COLOR': '1'}, False), ({'term': 'vt100'}, False)):
            t = self.top(**how)
            t.wait(lambda t: t.line(['io-1', 'running']), 'worker')
            self.assertEqual(bool(colour.search(t.raw)), wanted, how)

    def test_without_utf_8_the_bars_are_of_ascii(self):
        t = self.top(locale='C')

        def work(t):
            self.c.call('job.wait', ids=self.c.submit_many([{'type': 'echo'}] * 50))
            return re.search(r'starts/s [0-9.]+ +[.:=+*#@-]', t.screen.display[2])
        t.wait(work, 'bars')
        self.assertTrue(all(byte < 128 for byte in t.raw))

    def test_without_a_terminal_it_says_what_else_there_is(self):
        run = subprocess.run([program('jobctl'), '-H', self.jobd.unix, 'top'], stdin=subprocess.DEVNULL,
                             capture_output=True, timeout=60 * PATIENCE)
        self.assertEqual(run.returncode, 2)
        self.assertIn(b'this is for a terminal', run.stderr)
        self.assertEqual(run.stdout, b'')
        t = self.top(term='no-such-terminal')
        self.assertEqual(t.process.wait(20 * PATIENCE), 2)
        t.look()
        self.assertIn("the terminal 'no-such-terminal' (TERM) is not known", t.text().replace('\n', ''))

    def test_a_daemon_that_is_not_there_is_an_error_at_the_start(self):
        terminal = Terminal('unix:/no/such/socket')
        self.addCleanup(terminal.end)
        self.assertEqual(terminal.process.wait(20 * PATIENCE), 6)


class Gone(TopTest, OwnDaemonTest):
    def take_broker(self, jobd):
        """Until the supervisor goes on."""
        broker = jobd.broker()
        os.kill(broker, signal.SIGSTOP)         # its supervisor must not bring another at once
        os.kill(jobd.pid, signal.SIGSTOP)
        self.addCleanup(os.kill, jobd.pid, signal.SIGCONT)
        os.kill(broker, signal.SIGKILL)

    def test_a_daemon_that_goes_away_is_shown_and_found_again(self):
        jobd = self.daemon()
        c = jobd.client()
        c.run('echo', 1, queue='q-before')
        t = self.top(jobd)
        t.wait(lambda t: t.line(['q-before']), 'queue')
        self.take_broker(jobd)
        t.wait(lambda t: ' at unix:' not in t.screen.display[0] and 'up' not in t.screen.display[0].split(),
               'word that it is gone')
        self.assertIn('the daemon closed the connection', t.screen.display[0])
        self.assertIsNotNone(t.line(['q-before']), 'what was known is still there')
        t.press('p')
        t.shows('the daemon does not answer')
        self.assertIsNone(t.process.poll())
        os.kill(jobd.pid, signal.SIGCONT)
        t.wait(lambda t: re.match(r'jobd [0-9.]+ at unix:', t.screen.display[0]), 'the daemon again')
        jobd.client().run('echo', 2, queue='q-after')
        t.wait(lambda t: t.line(['q-after']), 'what came since')
        t.press('q')
        self.assertEqual(t.process.wait(20 * PATIENCE), 0)

    def gone_for(self, listener):
        """A daemon was there; at its address there is this listener now."""
        jobd = self.daemon()
        t = self.top(jobd)
        t.wait(lambda t: re.match(r'jobd [0-9.]+ at unix:', t.screen.display[0]), 'the daemon')
        path = jobd.unix.removeprefix('unix:')
        self.take_broker(jobd)
        os.unlink(path)
        listener.bind(path)
        listener.listen(0)
        return t, path

    def keys_work_while_it_connects(self, t):
        t.wait(lambda t: re.search(r': connecting for \d+ s; before: ', t.screen.display[0]), 'word that it connects')
        t.press('?')
        t.shows('cancel the chosen job, or the one that the chosen worker runs')
        t.press(' ')
        t.shows('WORKER')
        self.assertRegex(t.screen.display[0], r': connecting for \d+ s; before: ')
        t.press('q')
        t.process.wait(5 * PATIENCE)            # it would go on connecting for longer
        self.assertEqual(t.process.returncode, 0)
        t.look()
        self.assertTrue(termios.tcgetattr(t.master)[3] & termios.ECHO)

    def test_keys_work_while_nobody_takes_the_connection(self):
        with socket.socket(socket.AF_UNIX) as listener, contextlib.ExitStack() as others:
            t, path = self.gone_for(listener)
            with contextlib.suppress(BlockingIOError):
                while True:
                    other = others.enter_context(socket.socket(socket.AF_UNIX))
                    other.setblocking(False)
                    other.connect(path)
            self.keys_work_while_it_connects(t)

    def test_keys_work_while_who_took_the_connection_says_nothing(self):
        with socket.socket(socket.AF_UNIX) as listener:
            t, _ = self.gone_for(listener)
            listener.settimeout(30 * PATIENCE)
            with listener.accept()[0]:
                self.keys_work_while_it_connects(t)

    def test_a_daemon_that_stands_still_is_told_and_so_is_that_it_goes_on(self):
        jobd = self.daemon()
        t = self.top(jobd)
        t.wait(lambda t: re.match(r'jobd [0-9.]+ at unix:', t.screen.display[0]), 'the daemon')
        broker = jobd.broker()
        os.kill(broker, signal.SIGSTOP)
        t.wait(lambda t: re.search(r': has not answered for \d+ s', t.screen.display[0]), 'word of the silence')
        os.kill(broker, signal.SIGCONT)
        t.wait(lambda t: re.match(r'jobd [0-9.]+ at unix:', t.screen.display[0]), 'the daemon again')


if __name__ == '__main__':
    unittest.main()
