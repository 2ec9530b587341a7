"""ledger_groups.py - groups in a Ledger: made, filled, closed, and counted when all has ended.

A group whose making was answered is there until the end; a closed one finishes with each member counted
once, under the outcome that was told of it.
"""

import collections

from ledger import insist

OPEN = 3                        # groups at once


class Groups:
    def __init__(self, ledger):
        self.led = ledger
        self.made = 0
        self.unsure = set()     # asked for and not answered
        self.open = ledger.groups
        self.closed = []
        self.counted = 0

    def turn(self):
        """Now and then a group is made, or one is closed."""
        chance = self.led.random.random()
        if chance < .2 and len(self.open) < OPEN:
            self.made += 1
            name = 'group-%d' % self.made
            self.unsure.add(name)
            self.led.ask('group.create', lambda result, error: self.created(name, error), name=name)
        elif chance < .3 and self.open:
            name = self.led.random.choice(self.open)
            self.led.ask('group.close', lambda result, error: self.was_closed(name, error), group=name)

    def created(self, name, error):
        insist(not error, 'group.create: %r', error)
        self.unsure.discard(name)
        self.open.append(name)

    def was_closed(self, name, error):
        insist(not error, 'group.close: %r', error)
        if name in self.open:
            self.open.remove(name)
            self.closed.append(name)

    def get(self, name):
        return self.led.call('group.get', group=name)

    def check(self):
        """After a crash."""
        for name in sorted(self.unsure):
            _, error = self.get(name)
            insist(not error or error['data']['kind'] == 'not_found', 'group.get: %r', error)
            if not error:
                self.created(name, None)
        self.unsure.clear()
        for name in list(self.open):
            group, error = self.get(name)
            insist(not error, 'group %s: %r', name, error)
            if group['state'] != 'open':
                self.was_closed(name, None)     # it was asked to, and not answered
        for name in self.closed:
            _, error = self.get(name)
            insist(not error, 'group %s: %r', name, error)

    def finish(self):
        for name in list(self.open):
            _, error = self.led.call('group.close', group=name)
            self.was_closed(name, error)
        for name in self.closed:
            group, error = self.led.call('group.wait', group=name, timeout_ms=60000)
            insist(not error, 'group.wait %s: %r', name, error)
            self.count(name, group)
        self.counted += len(self.closed)
        self.closed.clear()

    def count(self, name, group):
        members = [job for job in self.led.jobs.values() if job.spec.get('group') == name and job.id]
        states = collections.Counter(job.outcome[0] for job in members)
        insist(group['count'] == len(members), 'group %s has %d members, and %d were taken: %r', name,
               group['count'], len(members), group)
        for state in ('succeeded', 'failed', 'cancelled', 'expired'):
            insist(group[state] == states[state], 'group %s: %d %s, and %d were told: %r', name, group[state],
                   state, states[state], group)
