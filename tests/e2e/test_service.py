"""jobd under a service manager: what it is told, and what it hears.  The manager is a socket here."""

import contextlib
import os
import signal
import socket
import struct
import tempfile
import time
import unittest
from unittest import mock

from jobd_test import BUILD, PATIENCE, Daemon, read, until

WATCHDOG_S = 1.25 + 0.25 * PATIENCE


class Manager:
    """The other end of NOTIFY_SOCKET: keeps what was said, as (name, value) in order."""

    def __init__(self, path):
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.sock.bind(path)
        self.said = []

    def hear(self, seconds):
        """One more message, if it comes in time."""
        self.sock.settimeout(max(seconds, 0.001))
        try:
            text = self.sock.recv(65536).decode()
        except socket.timeout:
            return
        self.said += [tuple(line.split('=', 1)) for line in text.splitlines()]

    def hear_all(self):
        before = -1
        while before != len(self.said):
            before = len(self.said)
            self.hear(0)

    def values(self, name):
        return [value for said, value in self.said if said == name]

    def until(self, name, what=lambda value: True, seconds=20):
        """Waits until that was said, and forgets it with all before it; its value."""
        end = time.monotonic() + seconds * PATIENCE
        while True:
            for i, (said, value) in enumerate(self.said):
                if said == name and what(value):
                    del self.said[:i + 1]
                    return value
            if time.monotonic() > end:
                raise AssertionError('%s was not said, but %s' % (name, self.said[-20:]))
            self.hear(end - time.monotonic())


class Service(unittest.TestCase):
    def setUp(self):
        self.dir = tempfile.TemporaryDirectory(prefix='jobd-test-')
        self.addCleanup(self.dir.cleanup)
        self.manager = Manager(os.path.join(self.dir.name, 'notify'))
        self.addCleanup(self.manager.sock.close)

    def serve(self, *settings, watchdog=WATCHDOG_S, variables=(), **arguments):
        variables = {'NOTIFY_SOCKET': os.path.join(self.dir.name, 'notify'), **dict(variables)}
        if watchdog:
            variables['WATCHDOG_USEC'] = '%d' % (watchdog * 1e6)
        with mock.patch.dict(os.environ, variables):
            jobd = Daemon(*settings, **arguments)
        self.addCleanup(self.end, jobd)
        return jobd

    @staticmethod
    def end(jobd):
        if jobd.process.poll() is None:
            jobd.stop()

    # ---- start and end ----

    def test_ready_is_said_when_jobd_serves_and_stopping_when_it_ends(self):
        jobd = self.serve(watchdog=None)
        self.manager.until('READY')
        self.assertEqual(jobd.client().call('ping'), {'pong': True})
        jobd.stop()
        self.manager.until('STOPPING')
        self.manager.hear_all()
        self.assertNotIn('READY', dict(self.manager.said))

    def test_nothing_is_said_of_watchdogs_to_a_manager_that_has_none(self):
        jobd = self.serve(watchdog=None)
        self.manager.until('READY')
        jobd.stop()
        self.manager.hear_all()
        self.assertEqual(self.manager.values('WATCHDOG'), [])

    def test_a_start_that_makes_headway_is_given_more_time(self):
        self.serve()
        self.manager.until('EXTEND_TIMEOUT_USEC', lambda usec: int(usec) > 0)
        self.manager.until('READY')
        self.manager.hear_all()
        self.assertEqual(self.manager.values('EXTEND_TIMEOUT_USEC'), [])

    def test_a_drain_is_given_more_time_for_as_long_as_it_takes(self):
        jobd = self.serve('stop.drain_ms=60000')
        c = jobd.client()
        job = c.submit('sleep', {'ms': 600000})
        until(lambda: c.get(job)['state'] == 'running', 'the job to run')
        jobd.signal(signal.SIGTERM)
        self.manager.until('STOPPING')
        self.manager.until('STATUS', lambda text: text == 'drains: running 1, waiting 0, scheduled 0')
        for _ in range(3):
            self.assertGreaterEqual(int(self.manager.until('EXTEND_TIMEOUT_USEC')), 1000000)
        c.call('job.cancel', id=job)
        self.assertEqual(jobd.wait_exit(), 0)
        jobd.assert_nothing_left()

    def test_a_reload_is_told_from_its_beginning_to_its_end(self):
        jobd = self.serve()
        self.manager.until('READY')
        before = time.clock_gettime_ns(time.CLOCK_MONOTONIC) // 1000
        jobd.signal(signal.SIGHUP)
        self.manager.until('RELOADING', lambda value: value == '1')
        usec = int(self.manager.until('MONOTONIC_USEC'))
        self.assertTrue(before <= usec <= time.clock_gettime_ns(time.CLOCK_MONOTONIC) // 1000)
        self.manager.until('READY')

    def test_a_reload_that_fails_is_in_the_status_until_a_good_one(self):
        path = os.path.join(self.dir.name, 'jobd.conf')

        def write(text):
            with open(path, 'w', encoding='utf-8') as f:
                f.write(text)

        figures = 'running 0, waiting 0, scheduled 0'
        write('')
        jobd = self.serve(arguments=('-c', path))
        self.manager.until('STATUS', lambda text: text == figures)
        write('[jobs]\ngrace_ms = soon\n')
        jobd.signal(signal.SIGHUP)
        status = self.manager.until('STATUS', lambda text: text.startswith('reload failed'))
        self.assertTrue(status.startswith('reload failed: %s:2: jobs.grace_ms: `soon` is not a duration' % path))
        self.assertTrue(status.endswith('; the old configuration stays; ' + figures), status)
        self.manager.until('READY')
        # more signs of life do not take it back; what only the broker knows to be wrong is said too
        self.manager.until('WATCHDOG')
        self.manager.until('WATCHDOG')
        write('[cron a]\nwhen = @daily\njob = {"type": "echo", "nosuch": 1}\n')
        jobd.signal(signal.SIGHUP)
        status = self.manager.until('STATUS')
        self.assertTrue(status.startswith('reload failed: cron a: '), status)
        write('')
        jobd.signal(signal.SIGHUP)
        self.assertEqual(self.manager.until('STATUS'), figures)

    def test_the_status_says_how_many_jobs_there_are(self):
        c = self.serve().client()
        self.manager.until('STATUS', lambda text: text == 'running 0, waiting 0, scheduled 0')
        job = c.submit('sleep', {'ms': 600000})
        c.submit('sleep', {'ms': 1}, delay_ms=600000)
        self.manager.until('STATUS', lambda text: text == 'running 1, waiting 0, scheduled 1')
        c.call('job.cancel', id=job)

    def test_the_log_says_which_job_failed_and_how(self):
        jobd = self.serve('log.level=debug')
        c = jobd.client()
        job = c.run('sleep', {'ms': 60000}, timeout_ms=10)['id']
        line = 'debug: job failed job=%d type=sleep attempts=1 kind=timeout\n' % job
        until(lambda: line in jobd.log(), 'the line')

    def test_what_the_manager_says_is_for_nobody_else(self):
        jobd = self.serve()
        for pid in [jobd.pid] + list(jobd.look()):
            if pid != jobd.pid:
                environment = read('/proc/%d/environ' % pid)
                self.assertNotIn(b'NOTIFY_SOCKET', environment)
                self.assertNotIn(b'WATCHDOG', environment)

    def test_a_manager_that_does_not_exist_keeps_nothing_from_working(self):
        with mock.patch.dict(os.environ, NOTIFY_SOCKET=os.path.join(self.dir.name, 'nobody'),
                             WATCHDOG_USEC='200000'):
            jobd = Daemon()
        self.assertEqual(jobd.client().call('ping'), {'pong': True})
        jobd.stop()

    # ---- the watchdog ----

    def silence(self, seconds):
        """What was said about life in so long a time."""
        self.manager.hear_all()
        self.manager.said.clear()
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            self.manager.hear(end - time.monotonic())
        return self.manager.values('WATCHDOG')

    def test_signs_of_life_come_often_enough(self):
        self.serve()
        self.manager.until('READY')
        self.manager.until('WATCHDOG')
        for _ in range(4):
            before = time.monotonic()
            self.manager.until('WATCHDOG')
            self.assertLess(time.monotonic() - before, WATCHDOG_S)

    def test_a_broker_that_hangs_gives_no_sign_of_life(self):
        jobd = self.serve()
        self.manager.until('READY')
        broker = jobd.broker()
        os.kill(broker, signal.SIGSTOP)
        try:
            self.assertEqual(self.silence(2 * WATCHDOG_S), [])
        finally:
            os.kill(broker, signal.SIGCONT)
        self.manager.until('WATCHDOG')

    def test_jobs_that_take_long_or_hang_do_not_matter(self):
        jobd = self.serve(cpu_workers=1)
        c = jobd.client()
        job = c.submit('sleep', {'ms': 600000})
        for worker in jobd.children_named('worker'):
            os.kill(worker, signal.SIGSTOP)
        self.manager.until('READY')
        self.assertTrue(self.silence(2 * WATCHDOG_S))
        for worker in jobd.children_named('worker'):
            with contextlib.suppress(ProcessLookupError):       # killed meanwhile, as it is stopped
                os.kill(worker, signal.SIGCONT)
        c.call('job.cancel', id=job)

    def serve_on_disk(self, fault, call, first=1 << 60):
        """With calls of the broker to its disk that go wrong from the first-th on, as io_fault.c says."""
        directory = tempfile.mkdtemp(dir=self.dir.name)
        self.plan, state = os.path.join(directory, 'fault'), os.path.join(directory, 'state')
        with open(self.plan, 'w') as f:
            f.write('%s %s %d %d %s\n' % (fault, call, first, 1 << 61, state))
        jobd = self.serve(state_dir=state, variables={
            'JOBD_IO_FAULT': self.plan, 'LD_PRELOAD': os.path.join(BUILD, 'tests', 'crash', 'io_fault.so'),
            'ASAN_OPTIONS': 'verify_asan_link_order=0'})        # of a build with it: ours may come first
        self.addCleanup(self.kill, jobd)
        self.manager.until('READY')
        return jobd

    def serve_on_disk_that_fails(self, fault, call):
        """All goes well until jobd serves; then the disk fails at durable jobs."""
        jobd = self.serve_on_disk('none', call)
        jobd.stop()
        with open(self.plan + '.count', 'rb') as f:
            calls = struct.unpack('Q', f.read(8))[0]
        jobd = self.serve_on_disk(fault, call, calls + 1)
        self.clients = [jobd.client() for _ in range(calls + 1)]
        for c in self.clients:          # each a commit
            c.start('job.submit', type='echo', args=1, durability='commit')
        return jobd

    @staticmethod
    def kill(jobd):
        if jobd.process.poll() is None:
            jobd.kill()

    def test_a_store_whose_disk_does_not_come_back_gives_no_sign_of_life(self):
        jobd = self.serve_on_disk_that_fails('hang', 'fdatasync')
        until(lambda: 'the thread that writes the store does not answer' in jobd.log(), 'the word of it')
        self.assertEqual(self.silence(2 * WATCHDOG_S), [])
        self.assertEqual(jobd.client().call('ping'), {'pong': True})    # it is not the loop

    def test_a_full_disk_is_no_reason_to_be_restarted(self):
        jobd = self.serve_on_disk_that_fails('ENOSPC', 'pwrite64')
        until(lambda: 'the disk is full' in jobd.log(), 'the word of it')
        for _ in range(4):
            self.assertTrue(self.silence(WATCHDOG_S))

    def test_a_broker_that_died_and_came_back_gives_signs_again(self):
        jobd = self.serve()
        self.manager.until('READY')
        broker = jobd.broker()
        os.kill(broker, signal.SIGKILL)
        until(lambda: jobd.children_named('broker') not in ([], [broker]), 'another broker')
        self.manager.hear_all()
        self.manager.said.clear()
        self.assertEqual(jobd.client().call('ping'), {'pong': True})
        for _ in range(8):
            self.manager.until('WATCHDOG')
        self.assertEqual(self.manager.values('READY'), [])     # it never stopped being the service


if __name__ == '__main__':
    unittest.main()
