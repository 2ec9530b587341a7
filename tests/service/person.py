"""person.py - a daemon of one's own: without root, without a configuration, where the machine's is closed to one.

Steps of proof.py.
"""

import os
import re

from machine import check, connect, equal, run, shown, until, write


class Person:
    """A user who is logged in, or lingers."""

    def __init__(self, name):
        self.name, self.uid = name, run('id', '-u', name).strip()
        self.environment = {'XDG_RUNTIME_DIR': '/run/user/' + self.uid, 'HOME': '/home/' + name, 'USER': name}
        self.state = '/home/%s/.local/state/jobd' % name

    def manager(self):
        """The state of her systemd."""
        return shown('ActiveState', 'user@%s.service' % self.uid)

    def run(self, *command, **how):
        return run(*command, user=self.name, env=self.environment, cwd='/home/' + self.name, **how).strip()

    def systemctl(self, *words, **how):
        return self.run('systemctl', '--user', *words, **how)

    def ctl(self, *words, **how):
        return self.run('jobctl', *words, **how)


def a_person_has_a_daemon_of_her_own():
    """systemctl --user: it is started by the first jobctl, runs her jobs as her, keeps them, and ends with her."""
    bob = Person('bob')
    check('denied' in bob.ctl('call', 'echo', '1', status=125), 'the daemon of the machine serves bob')
    run('loginctl', 'enable-linger', 'bob')
    until(lambda: bob.manager() == 'active', 'her systemd', 30)
    bob.systemctl('enable', '--now', 'jobd.socket')
    equal(bob.systemctl('is-active', 'jobd.service', status=3), 'inactive', 'the service that nobody has asked for')
    equal(bob.ctl('run', '--', 'id', '-un'), 'bob', 'the user of her jobs')
    equal(bob.systemctl('is-active', 'jobd.service'), 'active', 'her service')
    address = 'unix:/run/user/%s/jobd/jobd.sock' % bob.uid
    job = bob.ctl('-H', address, 'submit', '--label', 'who=hers', 'echo', '1', '--delay', '1h')
    check('scheduled' in bob.ctl('show', job), 'she does not see her job')
    with connect() as c:
        equal(c.items('job.list', filter={'label': {'who': 'hers'}}), [], 'her job, on the daemon of the machine')
    bob.systemctl('stop', 'jobd.socket', 'jobd.service')
    equal(bob.ctl('-H', address, 'ping', status=6)[:11], 'jobctl ping', 'a daemon that was stopped')
    bob.systemctl('start', 'jobd.socket')
    check('scheduled' in bob.ctl('show', job), 'her job is not known any more')
    equal({os.stat(bob.state + '/' + name).st_uid for name in os.listdir(bob.state)}, {int(bob.uid)}, 'whose her state is')
    check(not os.path.exists('/home/bob/.config/jobd'), 'there is a configuration')
    commands_have_groups_if_it_is_told_where(bob)
    run('loginctl', 'disable-linger', 'bob')
    until(lambda: bob.manager() == 'inactive', 'the end of her systemd', 60)


def commands_have_groups_if_it_is_told_where(bob):
    """As docs/operations.md says: systemd delegates a cgroup to her service too, and does not mark it."""
    group = '/user.slice/user-{0}.slice/user@{0}.service/app.slice/jobd.service'.format(bob.uid)
    write('/home/bob/.config/jobd/jobd.conf', '[workers]\ncgroup = /sys/fs/cgroup%s\n' % group)
    bob.systemctl('restart', 'jobd.service')
    where = bob.ctl('run', '--', 'sed', '-n', 's/^0:://p', '/proc/self/cgroup')
    check(re.fullmatch(re.escape(group) + r'/workers/exec-\d+/job-\d+-1', where), 'her command is in %s', where)
