"""ledger.py - what a client of durable jobs was told, and whether jobd keeps to it.

A Ledger submits a mix of jobs over one connection, reads the answers, and fails with Broken when
    * a job whose submit was answered is not there, or is not what was submitted, or has another id
    * a job that was refused runs, or one submit makes two jobs
    * an outcome that was told is not the one that is remembered
    * an attempt begins after the outcome was told
    * jobs of one order key run out of order, or one before the end of the one before it
    * a job with on_lost=fail begins twice
    * an id comes twice, be it a memory job's
What has begun and ended is read from the trace that trace.step leaves (tests/plugins/trace.c).
"""

import collections
import json
import os
import random
import time

from jobd_client import Closed

KEYS = 5
LASTING = ('type', 'queue', 'priority', 'order_key', 'labels', 'tenant', 'created_ms', 'timeout_ms', 'on_lost',
           'retry', 'submitted_by', 'args')
FINISHED = ('succeeded', 'failed', 'cancelled', 'expired')
WIDE = {'max_line_bytes': 8 << 20}


class Broken(Exception):
    """A promise that was not kept."""


def insist(condition, text, *values):
    if not condition:
        raise Broken(text % values)


class Job:
    """One that was submitted; id: None until it was answered."""

    def __init__(self, mark, spec):
        self.mark = mark
        self.spec = spec
        self.id = None
        self.refused = False
        self.answered = False           # its id, or its outcome, was told
        self.lasting = None             # what cannot change any more
        self.outcome = None             # (state, result or failure)
        self.shown = None               # job.get, after the outcome was told
        self.told_at = None             # size of the trace when the outcome was told


def settled(shown):
    """Without times that are shown on two clocks, and names of workers, which end with the daemon."""
    out = {name: value for name, value in shown.items() if name not in ('due_ms', 'unique_until_ms')}
    out['attempts'] = [dict(attempt, worker=None) for attempt in shown['attempts']]
    return out


def outcome_of(reply):
    return reply['state'], reply.get('result', reply.get('failure'))


class Trace:
    """What attempts wrote, in order; each is judged once."""

    def __init__(self, path, ledger):
        self.path = path
        self.ledger = ledger
        self.at = 0
        self.starts = collections.Counter()     # by job
        self.running = set()                    # started, and not ended
        self.key_at = {}                        # order key -> the last job that started
        self.ids = {}                           # mark -> job id

    def size(self):
        try:
            return os.stat(self.path).st_size
        except FileNotFoundError:
            return 0

    def read(self):
        if self.at == self.size():
            return
        with open(self.path, 'rb') as f:
            f.seek(self.at)
            for line in f:
                if not line.endswith(b'\n'):
                    break
                what, job, attempt, mark = line.decode().split()
                self.judge(what, int(job), mark, self.at)
                self.at += len(line)

    def judge(self, what, number, mark, at):
        insist(self.ids.setdefault(mark, number) == number, 'mark %s ran as job %d and as job %d',
               mark, self.ids[mark], number)
        job = self.ledger.jobs[mark]
        insist(not job.refused, 'job %d runs, and its submit was refused: %s', number, mark)
        insist(job.id in (None, number), 'job %d runs, and was called %s: %s', number, job.id, mark)
        if what == 'E':
            self.running.discard(number)
            return
        insist(job.told_at is None or at < job.told_at, 'job %d (%s) begins after it was told that it %s',
               number, mark, job.outcome and job.outcome[0])
        self.starts[number] += 1
        self.running.add(number)
        insist(job.spec.get('on_lost') != 'fail' or self.starts[number] == 1,
               'job %d with on_lost=fail begins again', number)
        if 'order_key' in job.spec:
            self.judge_order(job, number)

    def judge_order(self, job, number):
        before = self.key_at.get(job.spec['order_key'])
        self.key_at[job.spec['order_key']] = job
        if before is None or before is job:
            return
        insist(int(before.mark) < int(job.mark), 'job %d (%s) with order key %s begins after %s',
               number, job.mark, job.spec['order_key'], before.mark)
        self.ledger.passed.append((before, job))


class Ledger:
    def __init__(self, home, seed, **fields):
        self.home = home
        self.random = random.Random(seed)
        self.fields = fields            # of each job
        self.jobs = {}                  # mark -> Job
        self.by_id = {}
        self.memory = set()             # ids of memory jobs
        self.groups = []                # names of open groups (ledger_groups.py)
        self.open = {}                  # number of a call -> what to do with its reply
        self.waiting = set()            # ids that have no outcome yet, as far as was told
        self.fresh = []                 # finished, not yet shown
        self.passed = []                # (job, next of its order key that began)
        self.trace = Trace(home.trace_path, self)
        self.looked_at = 0
        self.c = None
        self.refusals = collections.Counter()

    # ---- jobs ----

    def job(self):
        mark = str(len(self.jobs) + 1)
        kinds = (self.step, self.ordered, self.retried, self.failing, self.delayed, self.urgent, self.fragile,
                 self.echo, self.child, self.unique, self.member)
        spec = self.random.choice(kinds)(mark)
        spec.update(self.fields, labels={'mark': mark})
        self.jobs[mark] = Job(mark, spec)
        return self.jobs[mark]

    def step(self, mark, ms=None, fails=0, **fields):
        args = {'file': self.home.trace_path, 'mark': mark, 'fails': fails,
                'ms': self.random.randrange(4) if ms is None else ms}
        return dict(type='trace.step', args=args, lane=self.random.choice(('thread', 'process')), **fields)

    def ordered(self, mark):
        return self.step(mark, order_key='key-%d' % self.random.randrange(KEYS))

    def retried(self, mark):
        fails = self.random.randrange(1, 3)
        order = {'order_key': 'key-0'} if self.random.random() < .3 else {}
        return self.step(mark, fails=fails, retry={'max_attempts': 4, 'backoff_ms': 3, 'factor': 1}, **order)

    def failing(self, mark):
        return self.step(mark, fails=100, retry={'max_attempts': 2, 'backoff_ms': 2})

    def delayed(self, mark):
        return self.step(mark, delay_ms=self.random.randrange(1, 60))

    def urgent(self, mark):
        return self.step(mark, priority=self.random.randrange(-100, 100), queue='urgent')

    def fragile(self, mark):
        return self.step(mark, ms=5, on_lost='fail')

    def echo(self, mark):
        lane = self.random.choice(('inline', 'async', 'thread', 'process'))
        return dict(type='echo', args={'mark': mark}, lane=lane)

    def child(self, mark):
        if not self.waiting:
            return self.step(mark)
        return self.step(mark, after=[self.random.choice(sorted(self.waiting))], on_parent_failure='run')

    def unique(self, mark):
        return self.step(mark, unique_key='unique-' + mark, unique_ms=3600000)

    def member(self, mark):
        return self.step(mark, **({'group': self.random.choice(self.groups)} if self.groups else {}))

    # ---- calls ----

    def connect(self, jobd):
        self.c = jobd.client(hello=WIDE)
        self.c.record = None
        self.open.clear()

    def ask(self, what, handle, **params):
        """A call whose reply goes to handle(result or None, error or None)."""
        self.c.sock.settimeout(60)          # a pump may have left less
        try:
            self.open[self.c.start(what, **params)] = handle
        except (BrokenPipeError, ConnectionResetError):
            raise Closed()

    def submit(self, count=1):
        """Submits jobs in one of the ways in which that can be done; does not wait for the answers."""
        way = self.random.randrange(4)
        if way == 3:
            self.ask('job.call', self.memory_called, type='echo', args=1, durability='memory')
        elif way == 0:
            jobs = [self.job() for _ in range(count)]
            self.ask('job.submit_many', lambda result, error: self.many_answered(jobs, result, error),
                     jobs=[job.spec for job in jobs])
        for _ in range(count if way in (1, 2) else 0):
            job = self.job()
            method, handle = ('job.submit', self.submitted) if way == 1 else ('job.call', self.called)
            fields = dict(job.spec, durability=job.spec.get('durability', 'commit'))
            self.ask(method, lambda result, error, job=job, handle=handle: handle(job, result, error), **fields)

    def many_answered(self, jobs, result, error):
        if error:
            for job in jobs:
                self.refuse(job, error['data'])
            return
        for refusal in result['errors']:
            self.refuse(jobs[refusal['index']], refusal)
        for job, number in zip(jobs, result['ids']):
            if number is not None:
                self.answer(job, number)

    def submitted(self, job, result, error):
        if error:
            self.refuse(job, error['data'])
        else:
            self.answer(job, result['id'])

    def called(self, job, result, error):
        if error:
            self.refuse(job, error['data'])
            return
        self.answer(job, result['id'])
        self.end(result)

    def memory_called(self, result, error):
        """Of such a job only its id is of interest: it is nobody else's, then and later."""
        insist(not error, 'a memory job: %r', error)
        number = result['id']
        insist(number not in self.by_id and number not in self.memory, 'id %d came twice', number)
        self.memory.add(number)

    def refuse(self, job, error):
        self.refusals[error['kind']] += 1
        # `internal` says that it is not known
        if error['kind'] != 'internal':
            job.refused = True

    def answer(self, job, number):
        insist(job.id in (None, number), 'mark %s is job %s and job %d', job.mark, job.id, number)
        insist(self.by_id.setdefault(number, job) is job and number not in self.memory, 'id %d came twice', number)
        job.id, job.answered = number, True
        if job.outcome is None:
            self.waiting.add(number)

    def end(self, reply):
        """An outcome was told."""
        job = self.by_id[reply['id']]
        told = outcome_of(reply)
        insist(job.outcome in (None, told), 'job %d: %.200r became %.200r', job.id, job.outcome, told)
        if job.outcome is not None:
            return
        self.judge_outcome(job, told)
        job.outcome, job.told_at = told, self.trace.size()
        self.waiting.discard(job.id)
        self.fresh.append(job)

    def judge_outcome(self, job, told):
        state, value = told
        if state == 'succeeded':
            insist(value is None or value == {'mark': job.mark}, 'job %d has the result %.200r, mark %s',
                   job.id, value, job.mark)
            return
        insist(state == 'failed', 'job %d is %s', job.id, state)
        kind = value['kind']
        if kind == 'lost':
            insist(job.spec.get('on_lost') == 'fail', 'job %d is lost, and was to be run again', job.id)
        elif kind == 'error':
            insist(job.spec['args'].get('fails'), 'job %d failed: %r', job.id, value)
        else:
            insist(kind == 'crash', 'job %d: %r', job.id, value)    # three workers died under it

    # ---- replies ----

    def pump(self, seconds, enough=lambda: False):
        """Reads replies for so long, or until enough() is true, or there is no open call."""
        deadline = time.monotonic() + seconds
        while self.open and not enough():
            left = deadline - time.monotonic()
            if left <= 0:
                return
            self.c.sock.settimeout(left)
            try:
                line = self.c.read_line()
            except TimeoutError:
                return
            except AssertionError:
                line = None             # it died in the middle of a line
            if line is None:
                raise Closed()
            self.take(json.loads(line))

    def take(self, reply):
        if 'method' in reply:
            return
        self.c.open.pop(reply['id'], None)
        self.open.pop(reply['id'])(reply.get('result'), reply.get('error'))

    def read_to_the_end(self, seconds=20):
        """After a kill: what was answered before it."""
        try:
            self.pump(seconds)
        except Closed:
            return
        insist(not self.open, 'calls are open and the connection as well')

    def call(self, method, **params):
        """One call, answered before anything goes on; (result, error)."""
        out = []
        self.ask(method, lambda result, error: out.append((result, error)), **params)
        self.pump(60, lambda: out)
        insist(out, '%s is not answered within a minute', method)
        return out[0]

    # ---- judging ----

    def show(self, numbers, handle):
        """handle(number, job.get) for each."""
        for number in numbers:
            def shown(result, error, number=number):
                insist(not error, 'job %d is not there: %r', number, error)
                handle(number, result)
            self.ask('job.get', shown, id=number)
            if len(self.open) > 200:
                self.pump(60, lambda: len(self.open) < 100)
        self.pump(60)
        insist(not self.open, 'job.get is not answered within a minute')

    def check_lasting(self, job, shown):
        insist(shown['labels'].get('mark') == job.mark, 'job %d has the mark %r and not %s', job.id,
               shown['labels'], job.mark)
        lasting = {name: shown.get(name) for name in LASTING}
        if job.lasting is None:
            job.lasting = lasting
        insist(job.lasting == lasting, 'job %d was %r and is %r', job.id, job.lasting, lasting)

    def collect(self):
        """Looks at all that has no outcome yet, and at what was told and not yet looked at."""
        def waits(number, shown):
            self.check_lasting(self.by_id[number], shown)
            if shown['state'] in FINISHED:
                self.end(shown)

        def finished(number, shown):
            job = self.by_id[number]
            self.check_lasting(job, shown)
            insist(outcome_of(shown)[0] == job.outcome[0], 'job %d was told %r and is %r', number, job.outcome,
                   outcome_of(shown))
            job.shown = shown

        self.show(sorted(self.waiting), waits)
        fresh, self.fresh = self.fresh, []
        self.show([job.id for job in fresh], finished)

    def check(self, sample=None):
        """After a crash: everything that was answered is there, and what was told is as it was."""
        self.adopt()
        done = [job for job in self.jobs.values() if job.shown]
        if sample is not None and len(done) > sample:
            done = self.random.sample(done, sample)

        def same(number, shown):
            insist(settled(self.by_id[number].shown) == settled(shown), 'job %d was\n%r\nand is\n%r', number,
                   self.by_id[number].shown, shown)

        self.show([job.id for job in done], same)
        self.collect()
        self.trace.read()
        self.check_order()

    def adopt(self):
        """Jobs that were submitted and not answered: each is there once, or not at all."""
        unknown = {job.mark: job for job in self.jobs.values() if job.id is None and not job.refused}
        if not unknown:
            return
        self.trace.read()
        found = collections.defaultdict(set)
        for mark in unknown:
            if mark in self.trace.ids:
                found[mark].add(self.trace.ids[mark])
        for item in self.list_new():
            mark = item.get('labels', {}).get('mark')
            if mark in unknown:
                found[mark].add(item['id'])
        for mark, job in unknown.items():
            insist(len(found[mark]) < 2, 'one submit, jobs %r', found[mark])
            for number in found[mark]:
                self.answer(job, number)
            if 'unique_key' in job.spec:
                self.submit_again(job)
            elif not found[mark]:
                job.refused = True      # it was never there, so it never comes

    def submit_again(self, job):
        """With a unique key: whether it was there or not, now it is, once."""
        reply, error = self.call('job.submit', **job.spec)
        insist(not error, 'submitted again: %r', error)
        insist(job.id is None or reply.get('deduplicated'), 'job %s again as %r', job.id, reply)
        self.answer(job, reply['id'])

    def list_new(self):
        """Jobs since the last look, newest first."""
        items, cursor, known = [], None, self.looked_at
        while True:
            reply, error = self.call('job.list', limit=1000, **({'cursor': cursor} if cursor else {}))
            insist(not error, 'job.list: %r', error)
            items += reply['items']
            cursor = reply['next']
            if not cursor or items and items[-1]['id'] < known:
                break
        self.looked_at = max([known] + [item['id'] for item in items])
        return items

    def check_order(self):
        """The one before it on its key had ended when the next one began."""
        for before, job in self.passed:
            number = self.trace.ids[before.mark]
            if number in self.trace.running:
                self.show([number], lambda _, shown: insist(
                    shown['state'] in FINISHED, 'job %d began while job %d of its order key is %s',
                    self.trace.ids[job.mark], number, shown['state']))
        self.passed.clear()

    def finish(self, seconds=60):
        """Everything that was answered has an outcome."""
        deadline = time.monotonic() + seconds
        while self.waiting:
            insist(time.monotonic() < deadline, 'jobs without an end: %r', sorted(self.waiting)[:10])
            reply, error = self.call('job.wait', ids=sorted(self.waiting)[:1000], timeout_ms=10000)
            if error:
                insist(error['data']['kind'] == 'wait_timeout', 'job.wait: %r', error)
            else:
                for outcome in reply['outcomes']:
                    self.end(outcome)
        self.collect()
        self.trace.read()
        self.check_order()

    def told(self):
        """Counts for a line of figures."""
        states = collections.Counter(job.outcome[0] for job in self.jobs.values() if job.outcome)
        return '%d jobs answered, %s' % (len(self.by_id),
                                         ', '.join('%d %s' % (n, s) for s, n in sorted(states.items())))
