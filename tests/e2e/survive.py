"""survive.py - a daemon that is killed and comes back: what must be there again."""

import os
import shutil
import signal
import tempfile

from jobd_test import OwnDaemonTest, until


def kill_broker(jobd):
    """kill -9, and a client of the broker that follows."""
    broker = jobd.broker()
    os.kill(broker, signal.SIGKILL)
    until(lambda: [p for p in jobd.children_named('broker') if p != broker], 'another broker')
    return jobd.client()


class SurviveTest(OwnDaemonTest):
    def state_dir(self):
        """A state directory that outlives its daemons."""
        path = tempfile.mkdtemp(prefix='jobd-survive-')
        self.addCleanup(shutil.rmtree, path, ignore_errors=True)
        return os.path.join(path, 'state')

    def lives(self, *settings, **arguments):
        """Yields the daemon, its broker killed, then itself: each time what it should know again."""
        state = self.state_dir()
        jobd = self.daemon(*settings, state_dir=state, **arguments)
        yield jobd, jobd.client()
        yield jobd, kill_broker(jobd)
        jobd.kill()
        jobd = self.daemon(*settings, state_dir=state, **arguments)
        yield jobd, jobd.client()
        jobd.stop()
        jobd = self.daemon(*settings, state_dir=state, **arguments)
        yield jobd, jobd.client()
