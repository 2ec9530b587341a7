#!/usr/bin/env python3
"""power.py [--rounds N] [--control N] - the power is cut while jobs are submitted.

A machine of User-Mode Linux runs jobd with its state on a disk of its own (its root is this system's,
read only).  Its console says what was answered; after a random number of answers the machine is killed:
what its kernel had not written is gone.  A second machine on the same disk recovers and is asked for
everything that was answered.  With store.sync=false, the control, it must lose something.
Needs root and the package user-mode-linux.
"""

import os
import random
import select
import signal
import subprocess
import sys
import tempfile
import time

HERE = os.path.dirname(os.path.abspath(__file__))
ROUNDS, CONTROL = 20, 5
BOOT_SECONDS = 60
ANSWERS = 400               # at most so many before the power is cut


class Machine:
    def __init__(self, disk, log, **environment):
        command = ['unshare', '--pid', '--fork', '--kill-child=KILL', '--mount-proc',
                   'linux', 'mem=256M', 'root=/dev/root', 'rootfstype=hostfs', 'rootflags=/', 'ro', 'quiet',
                   'ubd0=' + disk, 'con0=null,fd:1', 'con=null', 'init=' + os.path.join(HERE, 'power_guest.sh')]
        command += ['%s=%s' % pair for pair in environment.items()]
        self.log = open(log, 'ab')
        self.process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                                        stderr=self.log, start_new_session=True)
        self.input = b''

    def lines(self, seconds):
        """What the console says, line by line, until it is silent for so long or the machine ends."""
        while True:
            head, newline, rest = self.input.partition(b'\n')
            if newline:
                self.input = rest
                self.log.write(head + b'\n')
                yield head.decode(errors='replace').strip()
                continue
            if not select.select([self.process.stdout], [], [], seconds)[0]:
                raise AssertionError('the machine is silent for %d s; see %s' % (seconds, self.log.name))
            data = os.read(self.process.stdout.fileno(), 1 << 16)
            if not data:
                raise AssertionError('the machine ended; see %s' % self.log.name)
            self.input += data

    def cut(self):
        """The power; what came out until then is given back."""
        os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait()
        rest = self.input + self.process.stdout.read()
        self.process.stdout.close()
        self.log.close()
        return [line.decode(errors='replace').strip() for line in rest.split(b'\n')[:-1]]


def is_answer(line):
    words = line.split()
    return len(words) == 3 and words[0] in 'AO'


def submit(disk, log, sync, answers, delay):
    """Answers that the machine gave before its power was cut."""
    told = []
    machine = Machine(disk, log, POWER_STEP='submit', POWER_SYNC=sync, **build())
    try:
        for line in machine.lines(BOOT_SECONDS):
            assert line != 'FAILED', 'see %s' % log
            if is_answer(line):
                told.append(line)
                if len(told) >= answers:
                    break
        time.sleep(delay)       # the random moment itself, not a wait for anything
    finally:
        rest = machine.cut()
    return told + [line for line in rest if is_answer(line)]


def check(disk, log, sync, told_path):
    """(lost, changed, of)"""
    machine = Machine(disk, log, POWER_STEP='check', POWER_SYNC=sync, POWER_TOLD=told_path, **build())
    try:
        verdict = None
        for line in machine.lines(BOOT_SECONDS):
            assert line != 'FAILED', 'see %s' % log
            if line.startswith('V '):
                verdict = tuple(map(int, line.split()[1:]))
            if line == 'DONE':
                return verdict
    finally:
        machine.cut()


def build():
    return {'JOBD_BUILD': os.path.abspath(os.environ['JOBD_BUILD']), 'JOBD_TEST_PATIENCE': '5'}


def power_cut(directory, sync):
    disk, log, told_path = (os.path.join(directory, name) for name in ('disk', 'log', 'told'))
    for path in (disk, log):
        if os.path.exists(path):
            os.unlink(path)
    subprocess.run(['mke2fs', '-q', '-t', 'ext4', disk, '96M'], check=True)
    told = submit(disk, log, sync, random.randrange(1, ANSWERS), random.random() * 0.1)
    with open(told_path, 'w') as f:
        f.write(''.join(line + '\n' for line in told))
    verdict = check(disk, log, sync, told_path)
    assert verdict[2] == len(told), (verdict, len(told))
    return verdict


def number(option, otherwise):
    return int(sys.argv[sys.argv.index(option) + 1]) if option in sys.argv else otherwise


def main():
    seed = int(os.environ.get('JOBD_SEED', random.randrange(1 << 30)))
    random.seed(seed)
    print('seed %d' % seed, flush=True)
    with tempfile.TemporaryDirectory(prefix='jobd-power-') as directory:
        total = 0
        for at in range(number('--rounds', ROUNDS)):
            lost, changed, of = power_cut(directory, 'true')
            total += of
            assert (lost, changed) == (0, 0), 'round %d: %d of %d answers lost, %d changed' % (at, lost, of, changed)
        print('ok synced: %d power cuts, %d answers, none lost' % (number('--rounds', ROUNDS), total), flush=True)
        losses = [power_cut(directory, 'false') for _ in range(number('--control', CONTROL))]
        print('not synced, the control: %d of %d answers lost in %d power cuts'
              % (sum(x[0] for x in losses), sum(x[2] for x in losses), len(losses)))
        assert all(lost for lost, _, _ in losses), 'nothing is lost without sync: this test sees nothing'
        print('ok control')


if __name__ == '__main__':
    main()
