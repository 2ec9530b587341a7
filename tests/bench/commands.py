"""commands.py - programs through jobd beside what else starts programs, and a Python pool beside Python's own."""

import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time

from bench import HERE, ROUNDS, TABLE, Measurement, Processes, free_port, measure, tool, wait_for_port
from jobd_client import until
from jobd_test import BUILD, Daemon

TRUE = 'command={"argv":["/bin/true"]}'
INFLIGHT = '50'                 # calls; as many run at once as jobd has CPU slots
KEPT_BYTES = 500 << 20          # of jobs that wait
STREAM_BYTES = 1 << 30
TREE = 1000                     # processes


class Timed(Measurement):
    """A program whose time for `count` of something is a rate."""

    def __init__(self, name, count, function, unit):
        super().__init__(name, unit=unit)
        self.count, self.function = count, function

    def take(self):
        start = time.monotonic()
        self.function()
        self.seen.append([self.count / (time.monotonic() - start)])


def shell(script, **environment):
    subprocess.run(['bash', '-c', script], check=True, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                   env=dict(os.environ, **environment))


def jobd_true(jobd, count):
    return Measurement('jobd, /bin/true with captured output', tool('jobd_client'), jobd.tcp, jobd.token(), 'call',
                       TRUE, count, INFLIGHT, unit='/s')


def spooler(count, directory):
    """task-spooler's queue, two at a time; each command's output is captured, as it does."""
    end = 'tsp -S 2; for i in $(seq %d); do tsp /bin/true; done >/dev/null; tsp -w; while tsp | grep -q running; ' \
        'do :; done; tsp -K' % count
    shell(end, TS_SOCKET=directory + '/tsp', TMPDIR=directory, TS_MAXFINISHED='10')


def starting():
    jobd, held = Daemon(cpu_workers=2), Daemon('jobs.max_waiting_bytes=2G', cpu_workers=2)
    directory = tempfile.mkdtemp(prefix='jobd-commands-')
    try:
        fill(held)
        bare = Measurement('posix_spawn loop with captured output, 2 in flight', tool('spawn'), '--bare', '4000',
                           unit='/s')
        ours = jobd_true(jobd, 4000)
        full = jobd_true(held, 4000)
        full.name = 'the same with %d MB of jobs that wait' % (KEPT_BYTES >> 20)
        xargs = Timed('xargs -P2', 3000, lambda: shell('seq 3000 | xargs -P2 -n1 /bin/true'), '/s')
        gnu = Timed('GNU parallel -j2', 400, lambda: shell('seq 400 | parallel -j2 /bin/true'), '/s')
        tsp = Timed('task-spooler, 2 at a time', 500, lambda: spooler(500, directory), '/s')
        sides = [bare, ours, full, xargs, gnu, tsp]
        measure(sides)
    finally:
        jobd.kill()
        held.kill()
        shutil.rmtree(directory)
    for side in sides:
        side.show()
    for name, other, least in (('bare posix_spawn loop', bare, 0.85), ('xargs -P2', xargs, 1.3),
                               ('GNU parallel', gnu, 7), ('task-spooler', tsp, 3)):
        TABLE.add('/bin/true / ' + name, '%.0f / %.0f per s' % (ours.median(), other.median()),
                  ours.median() / other.median(), least, at_least=True, unit='x')
    TABLE.add('/bin/true with 500 MB waiting / without', '%.0f / %.0f per s' % (full.median(), ours.median()),
              full.median() / ours.median(), 0.95, at_least=True, unit='x')


def fill(jobd):
    """Jobs for memory that wait for a queue that is paused."""
    client = jobd.client()
    client.call('queue.pause', name='held')
    text = 'x' * (900 << 10)
    for _ in range(KEPT_BYTES // len(text)):
        client.submit('echo', text, queue='held', durability='memory')


# ---- a pool of Python workers ----

WORKER = '''import sys
sys.path.insert(0, %r)
import jobd_worker as jobd

@jobd.job
def noop(value):
    return value

jobd.serve()
'''


def python_pool(directory):
    source = os.path.join(HERE, '..', '..', 'workers', 'languages', 'python')
    with open(os.path.join(directory, 'noop.py'), 'w') as f:
        f.write(WORKER % os.path.abspath(source))
    with open(os.path.join(directory, 'noop.worker'), 'w') as f:
        f.write('worker = ["/usr/bin/python3", "%s/noop.py"]\ntypes = noop\ncount = 2\n' % directory)
    os.chmod(directory, 0o755)
    return Daemon('jobs.dir=' + directory, cpu_workers=2)


def celery(processes):
    port = free_port()
    processes.start('redis-server', '--port', str(port), '--bind', '127.0.0.1', '--save', '', '--loglevel', 'warning',
                    stdout=subprocess.DEVNULL)
    wait_for_port(port)
    environment = dict(os.environ, CELERY_PORT=str(port))
    processes.running.append(subprocess.Popen(
        ['/usr/bin/python3', '-m', 'celery', '-A', 'celery_side', 'worker', '-c', '2', '-P', 'prefork', '-l', 'error'],
        cwd=HERE, env=environment, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL))
    return str(port)


def python():
    directory = tempfile.mkdtemp(prefix='jobd-python-')
    jobd = python_pool(directory)
    here = [tool('jobd_client'), jobd.tcp, jobd.token()]
    pool = ['/usr/bin/python3', os.path.join(HERE, 'pool.py')]
    payload = 'noop="%s"' % ('x' * 64)
    try:
        until(lambda: any(t['name'] == 'noop' for t in jobd.client().call('type.list')['items']), 'the pool')
        with Processes() as processes:
            port = celery(processes)
            many = [Measurement('jobd, Python no-op jobs, pool of two', *here, 'call', payload, '30000', '100',
                                unit='jobs/s'),
                    Measurement('ProcessPoolExecutor.submit', *pool, 'submit', '10000', unit='jobs/s'),
                    Measurement('Celery, prefork, Redis', '/usr/bin/python3', os.path.join(HERE, 'celery_side.py'),
                                port, '1000', unit='jobs/s')]
            one = [Measurement('jobd, one Python job', *here, 'call-one', payload, '3000', unit='us'),
                   Measurement('multiprocessing.Pool.apply', *pool, 'apply', '3000', unit='us')]
            measure(many)
            measure(one)
    finally:
        jobd.kill()
        shutil.rmtree(directory)
    for side in many + one:
        side.show()
    TABLE.add('Python jobs / ProcessPoolExecutor', '%.0f / %.0f per s' % (many[0].median(), many[1].median()),
              many[0].median() / many[1].median(), 2, at_least=True, unit='x')
    TABLE.add('Python jobs / Celery prefork with Redis', '%.0f / %.0f per s' % (many[0].median(), many[2].median()),
              many[0].median() / many[2].median(), 20, at_least=True, unit='x')
    TABLE.add('p50 of one Python job / Pool.apply', '%.0f us / %.0f us' % (one[0].median(), one[1].median()),
              one[0].median() / one[1].median(), 1, unit='x')


# ---- output ----

def streaming():
    """A text of 1 GiB, to a pipe that is read and thrown away."""
    directory = tempfile.mkdtemp(prefix='jobd-stream-')
    path = os.path.join(directory, 'text')
    line = b'The quick brown fox jumps over the lazy dog, and over the next one as well.\n'
    with open(path, 'wb') as f:
        for _ in range(STREAM_BYTES // (len(line) << 14)):
            f.write(line * (1 << 14))
    size = os.path.getsize(path) / 1e6
    jobd = Daemon(cpu_workers=2)
    run = '%s -H %s run -- cat %s | cat' % (os.path.join(BUILD, 'jobctl'), jobd.unix, path)
    try:
        bare = Timed('cat FILE | cat', size, lambda: shell('cat %s | cat' % path), 'MB/s')
        ours = Timed('jobctl run -- cat FILE | cat', size, lambda: shell(run), 'MB/s')
        measure([bare, ours])
    finally:
        jobd.kill()
        shutil.rmtree(directory)
    bare.show()
    ours.show()
    TABLE.add('1 GB of stdout to jobctl run / a pipe', '%.0f / %.0f MB/s' % (ours.median(), bare.median()),
              ours.median() / bare.median(), 0.4, at_least=True, unit='x')


# ---- trees ----

def trees():
    """From the end of the grace period of 500 ms to the answer of job.cancel, which comes when all are gone."""
    script = 'trap "" TERM; for i in $(seq %d); do (trap "" TERM; sleep 600; sleep 600) & done; wait; wait' % (TREE // 2)
    jobd = Daemon(cpu_workers=2)
    seen = []
    try:
        client = jobd.client()
        for _ in range(ROUNDS):
            job = client.submit('command', {'argv': ['bash', '-c', script], 'grace_ms': 500}, durability='memory')
            until(lambda: sleeping() >= TREE // 2, 'the whole tree', 60)
            start = time.monotonic()
            client.call('job.cancel', id=job)
            seen.append((time.monotonic() - start) * 1000 - 500)
            assert sleeping() == 0
    finally:
        jobd.kill()
    median = statistics.median(seen)
    print('  %-56s %10.4g ms      (%.4g..%.4g)' % ('a tree of %d processes, after its grace' % TREE, median, min(seen),
                                                   max(seen)))
    TABLE.add('a tree of 1,000 processes is gone', '%.0f ms after its grace' % median, median, 200, unit=' ms')


def sleeping():
    """How many `sleep 600` there are; each has a shell above it."""
    count = 0
    for pid in os.listdir('/proc'):
        try:
            with open('/proc/%s/cmdline' % pid, 'rb') as f:
                count += f.read() == b'sleep\x00600\x00'
        except OSError:
            pass
    return count


def main():
    print('\nprograms and pools; medians of %d (range)' % ROUNDS)
    sys.stdout.flush()
    starting()
    python()
    streaming()
    trees()
