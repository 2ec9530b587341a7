"""test_completion.py - what shells complete on jobctl's command line, as bash really does it."""

import os
import pty
import select
import subprocess
import time
import unittest

from jobd_test import DaemonTest, PATIENCE, program

READY = 'PRO' + 'MPT> '


class Completion(DaemonTest):
    def env(self):
        return dict(os.environ, JOBD_HOST=self.jobd.unix, LC_ALL='C.UTF-8',
                    PATH=os.path.dirname(program('jobctl')) + ':' + os.environ['PATH'])

    def ctl(self, *words):
        return subprocess.run(['jobctl', *words], env=self.env(), text=True, stdout=subprocess.PIPE,
                              check=True, timeout=60 * PATIENCE).stdout

    def words(self, *words):
        """What `jobctl WORDS` could go on with, without what it is."""
        return [line.split('\t')[0] for line in self.ctl('completion', 'words', '--', *words).splitlines()]

    def bash(self, *words):
        """COMPREPLY as the function leaves it that bash calls for `jobctl`."""
        script = ('source <(jobctl completion bash); spec=$(complete -p jobctl) || exit 9; f=${spec##*-F }; f=${f%% *};'
                  'COMP_WORDS=(jobctl "$@"); COMP_CWORD=$#; "$f"; printf "%s\\n" "${COMPREPLY[@]}"')
        run = subprocess.run(['bash', '--norc', '-c', script, 'bash', *words], env=self.env(), text=True,
                             capture_output=True, timeout=60 * PATIENCE)
        self.assertEqual((run.returncode, run.stderr), (0, ''))
        return [line for line in run.stdout.splitlines() if line]

    def test_verbs_and_their_options_come_from_the_tables(self):
        self.assertEqual(self.bash('que'), ['queue'])
        self.assertEqual(self.bash('queue', 'pu'), ['purge'])
        self.assertEqual(self.bash('submit', 'echo', '--uniq'), ['--unique-key', '--unique-for'])
        self.assertEqual(self.bash('map', '--uniq'), [], 'map has none')
        self.assertEqual(self.bash('ls', '-s', 'f'), ['failed'])
        self.assertEqual(self.bash('ls', '--state', '=', 'f'), ['failed'], 'bash splits at =')
        self.assertEqual(self.words('ls', '--state=f'), ['--state=failed'], 'others do not')
        self.assertEqual(self.bash('submit', '--on-lost', ''), ['requeue', 'fail'])
        self.assertEqual(self.bash('ping', '-o', 'i'), [], 'there is no -o id of ping')
        self.assertEqual(self.bash('signal', 'US'), ['USR1', 'USR2'])
        self.assertEqual(self.bash('run', '--', 'ls', '--on'), [], 'what follows is the command\'s')

    def test_names_come_from_the_daemon(self):
        job = self.ctl('submit', 'echo', '--queue', 'completed', '--delay', '1h').strip()
        self.assertEqual(self.bash('call', 'ech'), ['echo'])
        self.assertEqual(self.bash('type', 'show', 'file.dig'), ['file.digest'])
        self.assertEqual(self.bash('queue', 'pause', 'compl'), ['completed'])
        self.assertEqual(self.bash('-H', self.jobd.unix, 'ls', '-q', 'compl'), ['completed'])
        self.assertIn(job, self.bash('cancel', ''))
        self.assertIn(job, self.bash('cancel', '1-2', ''), 'IDS go on')
        self.assertIn('cpu-1', self.bash('worker', 'drain', ''))
        self.assertEqual(self.words('type', 'pin', 'echo', 'th'), ['thread'])
        self.ctl('cron', 'set', 'nightly', '@daily', 'echo')
        self.assertEqual(self.bash('cron', 'run', 'ni'), ['nightly'])

    def test_without_a_daemon_the_tables_are_enough(self):
        began = time.monotonic()
        self.assertEqual(self.bash('-H', 'unix:/no/such/socket', 'submit', 'ec'), [])
        self.assertEqual(self.bash('-H', 'unix:/no/such/socket', 'queue', 'res'), ['resume'])
        self.assertLess(time.monotonic() - began, 10 * PATIENCE)

    def test_the_tab_key_completes_in_a_shell_that_somebody_uses(self):
        env = dict(self.env(), PS1=READY, TERM='dumb', INPUTRC='/dev/null', HISTFILE='')
        pid, master = pty.fork()
        if pid == 0:
            os.execvpe('bash', ['bash', '--norc', '--noprofile', '-i'], env)
        try:
            self.until(master, READY)
            os.write(master, b'source <(jobctl completion bash)\n')
            self.until(master, READY)
            os.write(master, b'echo jobctl que\t')
            self.until(master, 'que')
            os.write(master, b'\x15jobctl typ\tsho\tfile.dig\t\n')
            self.assertIn('sha256', self.until(master, 'sha256'), 'jobctl type show file.digest was run')
        finally:
            os.close(master)
            os.waitpid(pid, 0)

    def until(self, fd, what):
        said, deadline = b'', time.monotonic() + 30 * PATIENCE
        while what.encode() not in said:
            left = deadline - time.monotonic()
            if left <= 0 or not select.select([fd], [], [], left)[0]:
                self.fail('no %r in %r' % (what, said))
            said += os.read(fd, 65536)
        return said.decode(errors='replace')

    def test_each_shell_has_its_script_and_no_other(self):
        for shell in ('bash', 'zsh', 'fish'):
            self.assertIn('completion words --', self.ctl('completion', shell))
        run = subprocess.run(['jobctl', 'completion', 'csh'], env=self.env(), capture_output=True)
        self.assertEqual(run.returncode, 2)


if __name__ == '__main__':
    unittest.main()
