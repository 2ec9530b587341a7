#!/usr/bin/env python3
"""proof.py OLD NEW [STEP...] - what an administrator does with jobd's package, on a machine of its own.

Run as root by tests/service.sh in a Debian that is thrown away.  OLD and NEW are the versions of the packages in
machine.SHARE.  Each step stands on what the ones before it have left, and prints a line; the first that fails ends it.
"""

import glob
import json
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time
import traceback

import machine
from machine import (ADDRESS, CONFIGURATION, PLACE, STATE, Client, Failed, Service, broker, check, connect, ctl, cursor,
                     equal, journal, named, processes, restarts, run, settle, shown, supervisor, systemctl, uids,
                     until, write)
from confined import commands_are_in_groups_of_their_own, it_is_closed
from ledger import Ledger
from person import a_person_has_a_daemon_of_her_own
from tls import it_talks_tls

OLD, NEW = sys.argv[1:3]
WATCHDOG_S = 6
# What these tests need otherwise than an administrator: a short watchdog, and no limit to restarts.
UNIT = '''[Unit]
StartLimitIntervalSec=0
[Service]
WatchdogSec=%ds
RestartSec=100ms
''' % WATCHDOG_S
SETTINGS = '''[jobs]
grace_ms = 200ms
[stop]
drain_ms = 6s
'''


def apt(*words):
    return run('apt-get', '-q', '-y', *words, timeout=180,
               env={'DEBIAN_FRONTEND': 'noninteractive', 'LC_ALL': 'C.UTF-8'})


def packages(version):
    names = ('jobd', 'libjobd0', 'python3-jobd')
    return [path for name in names for path in glob.glob('%s/%s_%s_*.deb' % (machine.SHARE, name, version))]


def foreign():
    """Files of the state directory that are not the daemon's, or that others may read: none, but for two of root's."""
    jobd = int(run('id', '-u', 'jobd'))
    out = {}
    for directory, _, names in os.walk(STATE):
        for name in names:
            st = os.lstat(os.path.join(directory, name))
            if st.st_uid != (0 if name in ('lock', 'children') else jobd) or st.st_mode & 0o007:
                out[name] = st.st_uid, oct(st.st_mode)
    return out


# ---- the steps ----

def it_is_installed():
    """A unit that is up, users, a state directory that is closed, documentation where it is looked for."""
    apt('install', '--no-install-recommends', *packages(OLD))
    for unit in 'jobd.service',:
        equal(shown('ActiveState', unit), 'active', unit)
        equal(shown('UnitFileState', unit), 'enabled', unit)
    jobd, jobs = (int(run('id', '-u', user)) for user in ('jobd', 'jobd-job'))
    equal(uids(supervisor()), {0}, 'the supervisor')
    equal(uids(broker()), {jobd}, 'the broker')
    state = os.stat(STATE)
    equal((state.st_uid, state.st_mode & 0o007), (jobd, 0), 'the state directory')
    equal(foreign(), {}, 'files that are not the daemon\'s')
    equal(ctl('call', 'echo', '{"hello": "world"}'), '{"hello": "world"}', 'a job')
    equal(ctl('run', '--', 'id', '-u'), str(jobs), 'the user of jobs')
    for path in ('/usr/share/man/man8/jobd.8.gz', '/usr/share/bash-completion/completions/jobctl',
                 '/usr/share/zsh/vendor-completions/_jobctl', '/usr/share/fish/vendor_completions.d/jobctl.fish'):
        check(os.path.getsize(path), path)
    check(run('dpkg-query', '-W', '-f', '${Conffiles}', 'jobd').count('/etc/jobd/jobd.conf '), 'no conffile')
    run('jobd', '--check-config')
    run('python3', '-c', 'import jobd, jobd_worker; print(jobd.Client().call("echo", 1))')


def jobs_of_a_file_and_of_a_function_run():
    """The administrator's configuration for what follows: a drop-in, a command, a pool of workers, a plugin."""
    write('/etc/systemd/system/jobd.service.d/proof.conf', UNIT)
    write(CONFIGURATION, SETTINGS)
    write('/etc/jobd/jobs.d/lines.count.job', 'argv = ["wc", "-l", "--", "{path}"]\n[param path]\ntype = path\n')
    write('/etc/jobd/jobs.d/numbers.worker',
          'worker = ["/usr/bin/python3", "-m", "jobd_worker", "numbers"]\ntypes = add\ncwd = %s\n' % PLACE)
    os.makedirs(PLACE, exist_ok=True)
    shutil.chown(PLACE, 'jobd-job')
    write(PLACE + '/numbers.py', 'import jobd_worker\n@jobd_worker.job\ndef add(a: int, b: int):\n    return a + b\n')
    plugins = os.path.join(os.path.dirname(glob.glob('/usr/lib/*/libjobd.so.0')[0]), 'jobd', 'plugins')
    os.makedirs(plugins)
    shutil.copy(machine.SHARE + '/trace.so', plugins)
    systemctl('daemon-reload')
    systemctl('restart', 'jobd.service')
    equal(json.loads(ctl('call', 'lines.count', '{"path": "/etc/debian_version"}'))['stdout'][:2], '1 ', 'a file of jobs.d')
    equal(ctl('call', 'add', '{"a": 2, "b": 3}'), '5', 'a function in Python')


def people_may_do_what_the_shipped_rules_say():
    """The group jobd hands in jobs of named types and sees its own; others do not even get in."""
    for name in 'alice', 'bob':
        run('useradd', '--create-home', name)
    run('usermod', '--append', '--groups', 'jobd', 'alice')
    equal(ctl('call', 'echo', '1', user='alice'), '1', 'a job of alice')
    hers = ctl('submit', 'echo', '1', '--delay', '1h', user='alice')
    roots = ctl('submit', 'echo', '1', '--delay', '1h')
    ctl('run', '--', 'true', user='alice', status=126)
    ctl('show', roots, user='alice', status=3)
    check('scheduled' in ctl('show', hers, user='alice'), 'alice does not see her job')
    check('denied' in ctl('call', 'echo', '1', user='bob', status=125), 'bob gets in')
    ctl('cancel', hers, roots)


def a_socket_starts_it():
    """Who connects to the unix socket, or to the port, starts the service and is served."""
    token = run('cat', STATE + '/client.token').strip()
    address = '127.0.0.1', 7433
    for name, call in (('unix', lambda: Client(ADDRESS)), ('tcp', lambda: Client('tcp:%s:%d' % address, token=token))):
        systemctl('stop', 'jobd.service')
        equal(shown('ActiveState'), 'inactive', 'the service that was stopped')
        equal(processes(), {}, 'what is left of it')
        with call() as c:
            equal(c.call('job.call', type='echo', args=name)['result'], name, 'the first job')
        equal(shown('ActiveState'), 'active', 'the service that was asked')


def it_is_reloaded():
    """A good configuration takes effect at once; of a bad one nothing does, and it is told what is wrong with it."""
    before = supervisor(), broker()
    write(CONFIGURATION, SETTINGS + '[queue mail]\nmax_running = 3\n')
    systemctl('reload', 'jobd.service')
    until(lambda: queue('mail').get('max_running') == 3, 'the limit of the new configuration')
    at = cursor()
    write(CONFIGURATION, SETTINGS + '[queue mail]\nmax_running = 4\nno_such_key = 1\n')
    line = CONFIGURATION + ':7'
    said = ctl('reload', status=None)
    check(line in said, 'jobctl reload does not say %s: %s', line, said)
    check(systemctl('reload', 'jobd.service', status=None), 'a reload that cannot be done says nothing')
    until(lambda: line in journal(at) and 'no_such_key' in journal(at), 'the log says what is wrong')
    equal(foreign(), {}, 'files that are not the daemon\'s')
    equal(queue('mail').get('max_running'), 3, 'the limit, which the bad configuration has not changed')
    equal((supervisor(), broker()), before, 'the processes, which a reload leaves alone')
    equal(shown('ActiveState'), 'active', 'the service')


def it_is_not_restarted_with_a_bad_configuration():
    """A start that cannot succeed ends with 78 and is not tried again; when it is put right it starts."""
    systemctl('stop', 'jobd.socket', 'jobd.service')
    systemctl('start', 'jobd.service', status=1)
    equal((shown('ActiveState'), shown('ExecMainStatus')), ('failed', '78'), 'the service')
    before = restarts()
    time.sleep(1)               # RestartSec is a tenth of it
    equal((shown('ActiveState'), restarts()), ('failed', before), 'a while later')
    write(CONFIGURATION, SETTINGS)
    systemctl('start', 'jobd.socket', 'jobd.service')
    equal(ctl('call', 'echo', '1'), '1', 'a job')


def queue(name):
    with connect() as c:
        return next((q for q in c.items('queue.list') if q['name'] == name), {})


def the_watchdog_sees_a_broker_that_hangs():
    """A long job and a stopped one are no reason for it; a broker whose loop stands still is."""
    before = restarts()
    job = int(ctl('submit', '--', 'sleep', '1000'))
    pid = until(lambda: named('sleep 1000'), 'the command', 20)[0]
    os.kill(pid, signal.SIGSTOP)
    time.sleep(2.5 * WATCHDOG_S)
    equal((shown('ActiveState'), restarts()), ('active', before), 'with a stopped job')
    os.kill(pid, signal.SIGCONT)
    old = supervisor()
    os.kill(broker(), signal.SIGSTOP)
    stopped = time.monotonic()
    until(lambda: restarts() > before, 'the watchdog', 5 * WATCHDOG_S)
    print('   seen after %.1f s, of %d' % (time.monotonic() - stopped, WATCHDOG_S))
    check(settle() != old, 'the supervisor is the old one')
    with connect() as c:
        equal(c.call('job.call', type='echo', args=1)['result'], 1, 'a job')
        again = until(lambda: (lambda j: j['state'] == 'running' and j)(c.call('job.get', id=job)), 'the job', 30)
        check(len(again['attempts']) > 1, 'its first attempt is not told: %r', again)
    ctl('cancel', str(job))


class Load:
    """Jobs against one ledger for all steps, while something is done to the service."""

    def __init__(self):
        self.service = Service()
        self.ledger = Ledger(self.service, seed=int(time.time()))

    def begin(self):
        self.ledger.connect(self.service)
        return self

    def submit(self, seconds):
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            if len(self.ledger.waiting) + len(self.ledger.open) < 150:
                self.ledger.submit(10)
            self.ledger.pump(.01)

    def again(self, sample=100):
        """After the service has ended: what it had answered, and what it knows now."""
        self.ledger.read_to_the_end()
        self.ledger.connect(self.service)
        self.ledger.check(sample)

    def finish(self):
        self.ledger.finish()
        print('   by now ' + self.ledger.told())


LOAD = Load()


def it_survives_the_death_of_each_process():
    """kill -9, under load: nothing that was answered is lost, nor done twice."""
    load = LOAD.begin()
    for _ in range(2):
        for victim in 'jobd: broker', 'io worker', 'cpu worker', 'plugin worker', 'exec worker', 'supervisor':
            load.submit(.3)
            before = restarts()
            pids = [supervisor()] if victim == 'supervisor' else named(victim)
            check(pids, 'there is no %s: %r', victim, processes())
            os.kill(pids[0], signal.SIGKILL)
            if victim == 'supervisor':
                until(lambda: restarts() > before, 'systemd starts it again', 30)
                settle()
            if 'worker' in victim:
                load.ledger.pump(5)
                load.ledger.check(100)
            else:
                load.again()
    load.finish()


class Knocking(threading.Thread):
    """Connects again and again, as others would, and counts who was not served."""

    def __init__(self):
        super().__init__(daemon=True)
        self.served, self.refused, self.over = 0, [], False

    def run(self):
        while not self.over:
            try:
                with Client(ADDRESS) as c:
                    c.call('ping')
                self.served += 1
            except Exception as e:
                self.refused.append('%s: %s' % (type(e).__name__, e))
            time.sleep(.02)

    def __enter__(self):
        self.start()
        return self

    def __exit__(self, *_):
        self.over = True
        self.join()


def it_is_restarted_under_load():
    """Jobs go on where they were, and who connects meanwhile is never refused."""
    load = LOAD.begin()
    with Knocking() as others:
        for _ in range(2):
            load.submit(.5)
            systemctl('restart', 'jobd.service')
            load.again()
    load.finish()
    refused = [why for why in others.refused if 'Refused' in why or 'NotFound' in why]
    equal(refused, [], 'who could not connect')
    print('   %d others were served, %d were cut off' % (others.served, len(others.refused)))


def it_is_upgraded_while_jobs_run():
    """What ends within stop.drain_ms ends; what does not is run again, and says why; nothing is lost."""
    load = LOAD.begin()
    script = 'test -e %s/second && exit 0; touch %s/second; setsid -f env -i sleep 57; exec sleep 30' % (PLACE, PLACE)
    long = int(ctl('submit', '--', 'sh', '-c', script))
    until(lambda: named('sleep 30') and named('sleep 57'), 'a command and its daemon', 20)
    short = int(ctl('submit', '--', 'sh', '-c', 'echo begun; sleep 4; echo ended'))
    until(lambda: named('sleep 4'), 'the other command', 20)       # the last of all: it does not last
    load.submit(.5)
    old = supervisor()
    with Knocking() as others:
        apt('install', '--no-install-recommends', *packages(NEW))
    equal(run('dpkg-query', '-W', '-f', '${Version}', 'jobd'), NEW, 'the version')
    check(settle() != old, 'the old daemon runs on')
    load.again()
    with connect() as c:
        for number in short, long:
            c.call('job.wait', ids=[number], timeout_ms=60000)
        job = c.call('job.get', id=short)
        equal((job['state'], len(job['attempts'])), ('succeeded', 1), 'the job that ended in time')
        job = c.call('job.get', id=long)
        equal((job['state'], len(job['attempts'])), ('succeeded', 2), 'the job that did not')
        equal(job['attempts'][0]['end'], 'daemon_stop', 'what ended its first attempt')
    equal(ctl('logs', str(short)), 'begun\nended', 'what it said')
    equal(named('sleep 57'), [], 'the daemon that the other had started')
    load.finish()
    equal([why for why in others.refused if 'Refused' in why or 'NotFound' in why], [], 'who could not connect')
    equal(shown('ActiveState', 'jobd.socket'), 'active', 'the sockets')


def it_is_backed_up_and_restored():
    """As docs/operations.md says: a copy while it runs, and a state directory made of the copy."""
    copy = '/var/backups/proof/jobs.db'
    run('install', '-d', '-o', 'jobd', '-m', '700', os.path.dirname(copy))
    ctl('backup', copy)
    run('jobd', '--check-store', '--state-dir', copy)
    systemctl('stop', 'jobd.socket', 'jobd.service')
    os.rename(STATE, STATE + '.old')
    run('install', '-d', '-o', 'jobd', '-g', 'jobd', '-m', '710', STATE)
    run('install', '-o', 'jobd', '-g', 'jobd', '-m', '600', copy, STATE + '/jobs.db')
    systemctl('start', 'jobd.socket', 'jobd.service')
    LOAD.begin().ledger.check()
    shutil.rmtree(STATE + '.old')


def it_is_removed_and_comes_back():
    """Without its package nothing of it runs, and its jobs are kept; with it they are there again."""
    job = ctl('submit', 'echo', '1', '--delay', '1h')
    apt('remove', 'jobd')
    equal(processes(), {}, 'what runs')
    check(os.path.exists(STATE + '/jobs.db'), 'the jobs are gone')
    refused(('127.0.0.1', 7433))
    apt('install', '--no-install-recommends', *packages(NEW))
    settle()
    check('scheduled' in ctl('show', job), 'the job is not known any more')
    LOAD.begin().ledger.check()


def refused(address):
    try:
        socket.create_connection(address, 5).close()
    except ConnectionRefusedError:
        return
    raise Failed('something answers at %s:%d' % address)


def it_is_purged():
    """Nothing is left but the users, and what the administrator has made."""
    apt('purge', 'jobd', 'libjobd0', 'python3-jobd')
    equal(processes(), {}, 'what runs')
    refused(('127.0.0.1', 7433))
    for path in STATE, '/run/jobd', '/etc/jobd/jobd.conf', '/usr/sbin/jobd', '/usr/libexec/jobd':
        check(not os.path.exists(path), '%s is there', path)
    equal(shown('LoadState'), 'not-found', 'the unit')
    equal(sorted(glob.glob('/etc/jobd/*/*')), sorted(glob.glob('/etc/jobd/jobs.d/*') + [CONFIGURATION]), 'what is left')
    for path in glob.glob('/etc/systemd/system/**/jobd.*', recursive=True):
        check('jobd.service.d' in path, '%s is there', path)


STEPS = [it_is_installed, it_is_closed, jobs_of_a_file_and_of_a_function_run,
         commands_are_in_groups_of_their_own, people_may_do_what_the_shipped_rules_say, a_socket_starts_it,
         it_talks_tls, it_is_reloaded,
         it_is_not_restarted_with_a_bad_configuration, the_watchdog_sees_a_broker_that_hangs,
         it_survives_the_death_of_each_process, it_is_restarted_under_load, it_is_upgraded_while_jobs_run,
         a_person_has_a_daemon_of_her_own, it_is_backed_up_and_restored, it_is_removed_and_comes_back, it_is_purged]


def main():
    wanted = sys.argv[3:]
    failed = False
    for step in STEPS:
        if wanted and step.__name__ not in wanted:
            continue
        start, at = time.monotonic(), cursor()
        try:
            step()
        except Exception as e:
            print('FAIL %s: %s' % (step.__name__, e))
            if not isinstance(e, Failed):
                traceback.print_exc(file=sys.stdout)
            print(run('systemctl', 'status', '--no-pager', '--full', '--lines=0', 'jobd.service', 'jobd.socket', status=None))
            print('\n'.join(journal(at).splitlines()[-40:]))
            failed = True
            break
        print('ok %s (%.1f s)' % (step.__name__, time.monotonic() - start), flush=True)
    sys.exit(1 if failed else 0)


if __name__ == '__main__':
    main()
