"""machine.py - what the proof does with the machine that it runs in: commands, units, processes, a client.

The service is jobd.service of this machine, as its package left it.
"""

import os
import subprocess
import sys
import time

TESTS = os.path.join(os.path.dirname(os.path.abspath(__file__)), '..')
sys.path[:0] = [os.path.join(TESTS, 'crash'), os.path.join(TESTS, 'e2e')]
from jobd_client import Client, until  # noqa: E402

SHARE = '/jobd/share'           # from outside: packages, and the plugin that leaves a trace
ADDRESS = 'unix:/run/jobd/jobd.sock'
STATE = '/var/lib/jobd'
CONFIGURATION = '/etc/jobd/jobd.conf.d/proof.conf'
GROUP = '/system.slice/jobd.service'    # of cgroups, beneath their mount
CGROUP = '/sys/fs/cgroup' + GROUP
PLACE = '/srv/proof'            # where jobs may write


class Failed(Exception):
    """Something is not as it has to be."""


def check(condition, text, *values):
    if not condition:
        raise Failed(text % values if values else text)


def equal(got, expected, what):
    check(got == expected, '%s: %r, and not %r', what, got, expected)


def run(*command, status=0, timeout=90, user=None, env=None, cwd=None):
    """Its output, both streams; status None: any."""
    if user:
        command = ('runuser', '-u', user, '--') + command
    done = subprocess.run(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                          text=True, timeout=timeout, cwd=cwd, env=dict(os.environ, **(env or {})))
    if status is not None and done.returncode != status:
        raise Failed('%s: status %d\n%s' % (' '.join(command), done.returncode, done.stdout))
    return done.stdout


def ctl(*words, **how):
    return run('jobctl', *words, **how).strip()


def write(path, text, mode=0o644):
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with open(path + '.new', 'w') as f:
        f.write(text)
        os.fchmod(f.fileno(), mode)
    os.rename(path + '.new', path)


# ---- the service ----

def systemctl(*words, **how):
    return run('systemctl', *words, **how)


def shown(name, unit='jobd.service'):
    """A property of a unit, as systemd has it at this moment."""
    return systemctl('show', '--property=' + name, '--value', unit).strip()


def restarts():
    return int(shown('NRestarts'))


def supervisor():
    return int(shown('MainPID'))


def settle():
    """Until the service is up, whoever has started it."""
    until(lambda: shown('ActiveState') == 'active' and supervisor(), 'jobd.service is not up: ' + shown('Result'), 60)
    return supervisor()


def journal(since, *more):
    """What the service and systemd have said since that cursor."""
    return run('journalctl', '--quiet', '--unit=jobd.service', '--unit=jobd.socket', '--output=cat', '--no-pager',
               '--after-cursor=' + since, *more)


def cursor():
    return run('journalctl', '--show-cursor', '--lines=0', '--no-pager').split('-- cursor: ')[1].strip()


# ---- its processes ----

def title(pid):
    try:
        with open('/proc/%d/cmdline' % pid, 'rb') as f:
            return f.read().rstrip(b'\0 ').replace(b'\0', b' ').decode(errors='replace')
    except OSError:
        return ''


def uids(pid):
    """Real, effective, saved and file system user."""
    with open('/proc/%d/status' % pid) as f:
        return {int(u) for line in f if line.startswith('Uid:') for u in line.split()[1:]}


def processes():
    """{pid: title} of all in the service's cgroup."""
    out = {}
    for directory, _, _ in os.walk(CGROUP):
        try:
            with open(os.path.join(directory, 'cgroup.procs')) as f:
                out.update((int(pid), title(int(pid))) for pid in f.read().split())
        except OSError:
            pass
    return out


def named(text):
    """Processes of the service with that in their title."""
    return [pid for pid, what in processes().items() if text in what]


def group_of(pid):
    """The path of its cgroup beneath the mount."""
    with open('/proc/%d/cgroup' % pid) as f:
        return next(line[3:].rstrip() for line in f if line.startswith('0::'))


def broker():
    return until(lambda: named('jobd: broker'), 'a broker', 30)[0]


# ---- a client ----

class Service:
    """What a Ledger asks of a daemon and of its home (tests/crash/ledger.py)."""

    trace_path = PLACE + '/trace'

    def client(self, hello=None):
        return connect(hello)


def connect(hello=None, patience=60):
    """A connection to a daemon that may be about to start."""
    deadline = time.monotonic() + patience
    while True:
        try:
            return Client(ADDRESS, hello=hello)
        except (ConnectionRefusedError, FileNotFoundError, ConnectionResetError, BrokenPipeError):
            if time.monotonic() > deadline:
                raise
            time.sleep(.05)
