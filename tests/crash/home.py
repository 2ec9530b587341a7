"""home.py - a state directory that outlives its daemons, and what a crash test needs around it.

    with Home('jobs.grace_ms=200ms') as home:
        jobd = home.start()             # a Daemon of the end-to-end tests
        os.kill(jobd.broker(), signal.SIGKILL)
        jobd.stop()
        jobd = home.start()             # remembers

home.fault(...) makes one write of the next broker go wrong (io_fault.c).
"""

import mmap
import os
import shutil
import struct
import sys
import tempfile

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, '..', 'e2e'))
from jobd_client import Closed, until  # noqa: E402
from jobd_test import BUILD, Daemon  # noqa: E402
from plugin_dir import PluginDir  # noqa: E402


def connect(jobd, seconds):
    """A client, as soon as there is a broker that serves."""
    def attempt():
        try:
            c = jobd.client()
            c.call('ping')
            return c
        except (Closed, OSError):
            return None
    return until(attempt, 'a broker that serves', seconds)


class Home:
    def __init__(self, *settings, state_dir=None, cpu_workers=2, io_threads=4):
        self.base = os.path.realpath(tempfile.mkdtemp(prefix='jobd-crash-'))
        self.state_dir = state_dir or os.path.join(self.base, 'state')
        self.trace_path = os.path.join(self.base, 'trace')
        self.fault_path = os.path.join(self.base, 'fault')
        self.plugins = PluginDir('trace.so')
        self.settings = settings + (self.plugins.setting(),)
        self.shape = {'cpu_workers': cpu_workers, 'io_threads': io_threads}
        self.jobd = None
        self.logs = []

    def __enter__(self):
        return self

    def __exit__(self, failed, *_):
        try:
            if self.jobd and self.jobd.process.poll() is None:
                self.jobd.kill()
        finally:
            self.plugins.remove()
            if failed is None:
                shutil.rmtree(self.base)
            else:
                print('what is left of it: %s' % self.base, file=sys.stderr)

    def start(self, *settings):
        before = {name: os.environ.get(name) for name in ('LD_PRELOAD', 'JOBD_IO_FAULT')}
        if os.path.exists(self.fault_path):
            os.environ['LD_PRELOAD'] = os.path.join(BUILD, 'tests', 'crash', 'io_fault.so')
            os.environ['JOBD_IO_FAULT'] = self.fault_path
        try:
            self.jobd = Daemon(*self.settings, *settings, state_dir=self.state_dir, **self.shape)
        finally:
            for name, value in before.items():
                if value is None:
                    os.environ.pop(name, None)
                else:
                    os.environ[name] = value
        return self.jobd

    def end(self, jobd, how):
        """how: Daemon.stop or Daemon.kill; the log is kept in self.logs."""
        logs = open(jobd.log_path)
        try:
            how(jobd)
        finally:
            with logs:
                self.logs.append(logs.read())

    # ---- a write that goes wrong ----

    def fault(self, action, which='all', first=1, last=None):
        with open(self.fault_path, 'w') as f:
            f.write('%s %s %d %d %s\n' % (action, which, first, last or first, self.state_dir))

    def faults(self):
        """(calls that were counted, calls that went wrong) of the broker that took the plan."""
        with open(self.fault_path + '.count', 'rb') as f:
            with mmap.mmap(f.fileno(), 16, prot=mmap.PROT_READ) as page:
                return struct.unpack('QQ', page[:16])
