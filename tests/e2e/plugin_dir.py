"""plugin_dir.py - a directory of plugins for a test, with what was built for tests in it."""

import os
import shutil
import tempfile

from jobd_test import BUILD


class PluginDir:
    """Made for one test: `with` or .remove()."""

    def __init__(self, *names):
        self.path = tempfile.mkdtemp(prefix='jobd-plugins-')
        self.count = 0
        for name in names:
            self.put(name)

    def put(self, name, built=None, mode=0o644):
        """Copies a test plugin of the build directory here; its path."""
        path = os.path.join(self.path, name)
        shutil.copyfile(os.path.join(BUILD, 'tests', 'plugins', built or name), path)
        os.chmod(path, mode)
        return path

    def file(self):
        """A path where nothing is yet: handlers of misbehave.so go on until it exists."""
        self.count += 1
        return os.path.join(self.path, 'go-%d' % self.count)

    def setting(self):
        return 'plugins.dir=' + self.path

    def remove(self):
        shutil.rmtree(self.path, ignore_errors=True)


def let_go(path):
    """Makes the file that a handler of misbehave.so waits for."""
    open(path, 'w').close()
