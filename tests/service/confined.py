"""confined.py - what a job can do to the daemon that runs it, which is nothing; and where it is kept.

Steps of proof.py.
"""

import os
import re

from machine import (CGROUP, GROUP, STATE, broker, check, ctl, cursor, equal, group_of, journal, named, processes, run,
                     shown, supervisor, systemctl, until)

# Asks to trace a process, as a debugger would.
TRACE = '''
import ctypes, os, sys
libc = ctypes.CDLL(None, use_errno=True)
PTRACE_ATTACH = 16
if libc.ptrace(PTRACE_ATTACH, int(sys.argv[1]), None, None) == 0:
    sys.exit(0)
sys.exit(os.strerror(ctypes.get_errno()))
'''
# A daemon of the old kind: in a session of its own, a child of nobody's, without the environment by which it could be told.
SCRIPT = 'setsid --fork env -i sleep 1001; exec sleep 1002'


def it_is_closed():
    """What systemd says of the sandbox, and what a job can do to the daemon: nothing."""
    said = run('systemd-analyze', 'security', '--no-pager', 'jobd.service')
    score = float(re.search(r'exposure level for jobd.service: ([\d.]+)', said)[1])
    check(score < 3.0, 'systemd-analyze security: %.1f', score)
    check('denied' in ctl('run', '--', 'ls', STATE, status=2), 'a job sees the state directory')
    private = [os.path.join(STATE, name) for name in ('jobs.db', 'tokens', 'client.token', 'audit.log')]
    for path in private + ['/proc/%d/mem' % broker(), '/proc/%d/environ' % supervisor()]:
        check(os.path.exists(path), path + ' is not there')
        check('denied' in ctl('run', '--', 'head', '-c', '1', path, status=1), 'a job reads ' + path)
    for pid in supervisor(), broker():
        check('permitted' in ctl('run', '--', 'kill', '-0', str(pid), status=1), 'a job may signal the daemon')
        said = ctl('run', '--', 'python3', '-c', TRACE, str(pid), status=1)
        check('not permitted' in said, 'a job that traces the daemon: %s', said)
    print('   exposure %.1f' % score)


def commands_are_in_groups_of_their_own():
    """With all that they start; a cancel is answered when nothing of it is left, and the service leaves nothing either."""
    job = ctl('submit', '--', 'sh', '-c', SCRIPT)
    pids = until(lambda: (lambda p: len(p) == 2 and p)(named('sleep 100')), 'the command and its daemon', 20)
    groups = {group_of(pid) for pid in pids}
    check(len(groups) == 1, 'they are in several groups: %r', groups)
    group, = groups
    check(re.fullmatch(GROUP + r'/workers/exec-\d+/job-%s-1' % job, group), 'their group is %s', group)
    check(shown('Delegate') == 'yes', 'the unit does not delegate')
    print('   limits: ' + limits(group))
    ctl('cancel', job)
    equal(named('sleep 100'), [], 'what is left of it')
    until(lambda: not os.path.exists('/sys/fs/cgroup' + group), 'the end of its group')
    at = cursor()
    systemctl('stop', 'jobd.socket', 'jobd.service')
    equal(processes(), {}, 'what is left of the service')
    equal(journal(at, '--priority=warning'), '', 'what it complains of at an orderly end')
    until(lambda: not os.path.exists(CGROUP), 'the end of its group')
    systemctl('start', 'jobd.socket', 'jobd.service')


def limits(group):
    """Those that the service tells of: those that this machine has controllers for, and a command's are set."""
    said = run('journalctl', '--unit=jobd.service', '--output=cat', '--no-pager', '--grep=workers have cgroups')
    told = re.findall(r'limits=(\S+)', said)[-1]
    controllers = value(CGROUP, 'cgroup.controllers').split()
    there = [name for name in ('memory', 'pids') if name in controllers]
    equal(told, ','.join(there) or 'none', 'the limits that the service tells of')
    for name in there:
        check(value('/sys/fs/cgroup' + group, name + '.max').isdigit(), 'a command has no limit of ' + name)
    return told


def value(group, file):
    with open(os.path.join(group, file)) as f:
        return f.read().strip()
