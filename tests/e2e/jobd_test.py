"""jobd_test.py - the daemon under test: starts it, watches its processes, proves that nothing is left.

JOBD_BUILD names the build directory, or the prefix where jobd is installed.  Each test has a daemon of its own,
or shares its class's one.
"""

import ctypes
import json
import os
import re
import resource
import select
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import unittest
from unittest import mock

from jobd_client import PATIENCE, Client, RpcError, until  # noqa: F401 (tests take them from here)

SOURCE = os.path.abspath(os.path.join(os.path.dirname(__file__), '..', '..'))
BUILD = os.path.abspath(os.environ.get('JOBD_BUILD', SOURCE))
PR_SET_PDEATHSIG = 1
PR_SET_CHILD_SUBREAPER = 36
libc = ctypes.CDLL(None)


def program(name):
    """The path of a program, in a build directory or an installation."""
    places = [os.path.join(BUILD, below, name) for below in ('', 'sbin', 'bin')]
    return next((path for path in places if os.access(path, os.X_OK)), places[0])


# Tests that are not about users: all is root's, when root runs them.
ALL_ROOTS = ('--set', 'users.daemon=root', '--set', 'users.jobs=root') if os.geteuid() == 0 else ()

def little_quarantine():
    """While memory is measured: what a sanitizer keeps of freed memory is not memory that grows."""
    return mock.patch.dict(os.environ, ASAN_OPTIONS='quarantine_size_mb=1:thread_local_quarantine_size_kb=64')


def soon(seconds, what, attempt, tries=6):
    """attempt() takes less than so long.  A loaded machine makes a try slow, a fault all of them: one that is quick is
    enough."""
    took = []
    while not took or (took[-1] >= seconds * PATIENCE and len(took) < tries):
        start = time.monotonic()
        attempt()
        took.append(time.monotonic() - start)
    if took[-1] >= seconds * PATIENCE:
        raise AssertionError('not within %g s: %s, but %s' % (seconds * PATIENCE, what, took))


# Orphans of a killed supervisor become our children, so that none can hide.
libc.prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)


def die_with_us():
    libc.prctl(PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)


def read(path):
    try:
        with open(path, 'rb') as f:
            return f.read()
    except OSError:
        return b''


def parent_of(pid):
    """The parent's pid and the state letter, or (0, 'X') when it is gone."""
    stat = read('/proc/%d/stat' % pid)
    if not stat:
        return 0, 'X'
    fields = stat.rsplit(b')', 1)[1].split()
    return int(fields[1]), fields[0].decode()


def descendants(root):
    """Living processes below root, root excluded."""
    parents = {}
    for name in os.listdir('/proc'):
        if name.isdigit():
            parent, state = parent_of(int(name))
            if state not in 'ZX':
                parents[int(name)] = parent
    found, grew = {root}, True
    while grew:
        new = {pid for pid, parent in parents.items() if parent in found} - found
        found |= new
        grew = bool(new)
    return found - {root}


def open_files(pid):
    """What the descriptors of a process are, by number."""
    out = {}
    for fd in os.listdir('/proc/%d/fd' % pid):
        try:
            out[int(fd)] = os.readlink('/proc/%d/fd/%s' % (pid, fd))
        except OSError:
            pass
    return out


def shared_memory():
    """Segments that have names of ours; jobd's own have none."""
    return {name for name in os.listdir('/dev/shm') if 'jobd' in name}


def title(pid):
    return read('/proc/%d/cmdline' % pid).rstrip(b'\0 ').replace(b'\0', b' ').decode()


def settle_child(files):
    """Before exec: at most so many open files for it and its children; None: as it is."""
    die_with_us()
    if files is not None:
        resource.setrlimit(resource.RLIMIT_NOFILE, (files, files))


def is_gone(pid):
    return parent_of(pid)[1] in 'ZX'


class Recorder:
    """Keeps some pairs of request and reply of each kind, for the schema check."""

    def __init__(self, each=20):
        self.each = each
        self.counts = {}
        self.pairs = []

    def __call__(self, request, reply):
        method = json.loads(request)['method']
        kind = (method, b'"error"' in reply[:200])
        self.counts[kind] = self.counts.get(kind, 0) + 1
        if self.counts[kind] <= self.each:
            self.pairs.append((request, reply))

    def save(self, path):
        with open(path, 'ab') as f:
            for request, reply in self.pairs:
                f.write(b'{"request":' + request + b',"reply":' + reply + b'}\n')


class Daemon:
    """A jobd on sockets of its own, in a state directory of its own."""

    supervisors = set()         # of all daemons of this run

    def __init__(self, *settings, cpu_workers=2, io_threads=8, roots=(), arguments=(), state_dir=None,
                 files=None):
        self.own_dir = tempfile.mkdtemp(prefix='jobd-test-')
        self.state_dir = state_dir or os.path.join(self.own_dir, 'state')
        self.unix = 'unix:' + os.path.join(self.own_dir, 'sock')
        self.log_path = os.path.join(self.own_dir, 'log')
        self.recorder = Recorder()
        self.clients = []
        self.shared_memory = shared_memory()
        command = [program('jobd'), '--state-dir', self.state_dir, '--listen', self.unix,
                   '--listen', 'tcp:127.0.0.1:0']
        for option, value in (('--cpu-workers', cpu_workers), ('--io-threads', io_threads)):
            if value is not None:       # None: as the configuration says
                command += [option, str(value)]
        if roots:
            settings += ('files.roots=' + ':'.join(roots),)
        command += ALL_ROOTS        # what a test says comes after it
        for setting in settings:
            command += ['--set', setting]
        with open(self.log_path, 'ab') as log:
            self.process = subprocess.Popen(command + list(arguments), stdin=subprocess.DEVNULL,
                                            stdout=subprocess.PIPE, stderr=log,
                                            preexec_fn=lambda: settle_child(files))
        self.pid = self.process.pid
        self.seen = {self.pid}
        Daemon.supervisors.add(self.pid)
        try:
            self.ready = self.read_ready()
        except BaseException:
            self.kill()
            raise
        self.tcp = self.ready[2]
        self.look()

    def read_ready(self, seconds=20):
        if not select.select([self.process.stdout], [], [], seconds * PATIENCE)[0]:
            raise AssertionError('no ready line; its log:\n' + self.log())
        line = self.process.stdout.readline().decode()
        words = line.split()
        if words[:1] != ['ready']:
            raise AssertionError('not a ready line: %r; its log:\n%s' % (line, self.log()))
        return words

    def log(self):
        return read(self.log_path).decode(errors='replace')

    # ---- clients ----

    def token(self):
        return read(os.path.join(self.state_dir, 'client.token')).decode().strip()

    def client(self, tcp=False, hello=None, timeout=60):
        if tcp:
            c = Client(self.tcp, token=self.token(), record=self.recorder, timeout=timeout * PATIENCE,
                       hello=hello)
        else:
            c = Client(self.unix, record=self.recorder, timeout=timeout * PATIENCE, hello=hello)
        self.clients.append(c)
        return c

    def raw(self, tcp=False):
        """A connection that says nothing of itself and whose traffic is not recorded."""
        c = Client(self.tcp if tcp else self.unix, timeout=60 * PATIENCE)
        self.clients.append(c)
        return c

    # ---- processes ----

    def look(self):
        """Notes the processes there are; they must all be gone in the end."""
        found = descendants(self.pid)
        self.seen |= found
        return found

    def children_named(self, text):
        return [pid for pid in self.look() if text in title(pid)]

    def broker(self):
        return until(lambda: self.children_named('broker'), 'a broker process')[0]

    def until_logged(self, what):
        """Text, or a pattern: what a process logs may come after what it answers."""
        pattern = what if isinstance(what, re.Pattern) else re.compile(re.escape(what))
        try:
            until(lambda: pattern.search(self.log()), 'the line')
        except AssertionError:
            raise AssertionError('the log has no %r:\n%s' % (pattern.pattern, self.log()[-8000:])) from None

    # ---- the end ----

    def signal(self, number):
        os.kill(self.pid, number)

    def wait_exit(self, seconds=20):
        try:
            return self.process.wait(seconds * PATIENCE)
        except subprocess.TimeoutExpired:
            raise AssertionError('jobd does not end; its log:\n' + self.log())

    def stop(self, seconds=20):
        """SIGTERM, a clean end, and nothing left."""
        self.look()
        for c in self.clients:
            c.close()
        if self.process.poll() is None:
            self.signal(signal.SIGTERM)
        status = self.wait_exit(seconds)
        log = self.log()
        self.assert_nothing_left()
        if status != 0:
            raise AssertionError('jobd ended with %d; its log:\n%s' % (status, log))

    def kill(self):
        self.look()
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait()
        self.assert_nothing_left()

    def leftovers(self):
        """Processes of this daemon that live; orphans of any daemon come to us, the subreaper."""
        mine = {pid for pid in descendants(os.getpid())
                if parent_of(pid)[0] == os.getpid()} - Daemon.supervisors
        return [pid for pid in mine | self.seen if not is_gone(pid) and is_built(pid)]

    def assert_nothing_left(self):
        Daemon.supervisors.discard(self.pid)
        until(lambda: not self.leftovers(), 'the end of every process', 30)
        reap_orphans()
        self.process.stdout.close()
        for c in self.clients:
            c.close()
        left = shared_memory() - self.shared_memory
        if left:
            raise AssertionError('shared memory is left: %s' % left)
        log = self.log()
        for word in ('Sanitizer', 'runtime error', 'Assertion', 'assertion'):
            if word in log:
                raise AssertionError('the log has %r:\n%s' % (word, log[-8000:]))
        traffic = os.environ.get('JOBD_TRAFFIC')
        if traffic:
            self.recorder.save(traffic)
        shutil.rmtree(self.own_dir, ignore_errors=True)


def is_built(pid):
    """Does the process run a program of the build directory?"""
    try:
        return os.readlink('/proc/%d/exe' % pid).startswith(BUILD + '/')
    except OSError:
        return False


def reap_orphans():
    """Collects children that came to us when their parent died."""
    for pid in [p for p in map(int, filter(str.isdigit, os.listdir('/proc')))
                if parent_of(p) == (os.getpid(), 'Z') and p not in Daemon.supervisors]:
        try:
            os.waitpid(pid, 0)
        except ChildProcessError:
            pass


def reasons(job):
    """The (state, reason) of each transition of a job.get reply."""
    return [(t['state'], t['reason']) for t in job['transitions']]


class DaemonTest(unittest.TestCase):
    """Tests that share one daemon, made from the class's `daemon_arguments`."""

    daemon_arguments = {}
    settings = ()

    @classmethod
    def setUpClass(cls):
        cls.jobd = Daemon(*cls.settings, **cls.daemon_arguments)

    @classmethod
    def tearDownClass(cls):
        cls.jobd.stop()

    def setUp(self):
        self.c = self.jobd.client()


class OwnDaemonTest(unittest.TestCase):
    """Tests that each start a daemon, because they kill it or set it up in their own way."""

    def daemon(self, *settings, **arguments):
        jobd = Daemon(*settings, **arguments)
        self.addCleanup(self.end, jobd)
        return jobd

    @staticmethod
    def end(jobd):
        if jobd.process.poll() is None:
            jobd.stop()
