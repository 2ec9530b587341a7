"""memory.py - the memory targets: broker RSS per idle connection, PSS of 10,000 concurrent sleeps."""

import resource

from bench import TABLE, field_kib, rss_kib
from jobd_client import Client, until
from jobd_test import Daemon, title

CONNECTIONS = 10000
SLEEPS = 10000


def open_files_allowed():
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    return hard


def idle_connections(kind, count):
    """Each says hello (it must, on TCP), calls once, and is idle then."""
    jobd = Daemon()
    try:
        broker = jobd.broker()
        first = jobd.client(tcp=kind == 'tcp')
        first.run('echo', 'x')
        before = rss_kib(broker)
        clients = []
        token = jobd.token() if kind == 'tcp' else None
        for _ in range(count):
            c = Client(jobd.tcp if kind == 'tcp' else jobd.unix, token=token)
            c.run('echo', 'x' * 64)
            clients.append(c)
        assert first.call('server.stats')['connections'] >= count
        grown = rss_kib(broker) - before
        for c in clients:
            c.close()
        return grown / count
    finally:
        jobd.kill()


def sleeping(count):
    jobd = Daemon()
    try:
        c = jobd.client()
        empty = sum(pss_kib(pid) for pid in jobd.look() | {jobd.pid})
        c.submit_many([{'type': 'sleep', 'args': {'ms': 600000}}] * count, piece=1000)
        until(lambda: running(c) == count, 'all sleeps run', 60)
        sizes = {pid: pss_kib(pid) for pid in jobd.look() | {jobd.pid}}
        for pid, kib in sorted(sizes.items()):
            print('    %-40s %8.1f MiB' % (title(pid)[:40], kib / 1024))
        print('    (%.1f MiB before the first job)' % (empty / 1024))
        return sum(sizes.values()) * 1024 / 1e6
    finally:
        jobd.kill()


def pss_kib(pid):
    return field_kib('/proc/%d/smaps_rollup' % pid, 'Pss')


def running(c):
    return sum(queue['running'] for queue in c.items('queue.list'))


def main():
    count = min(CONNECTIONS, open_files_allowed() - 200)
    if count < CONNECTIONS:
        print('only %d descriptors are allowed here: %d connections' % (count + 200, count))
    print('\nmemory of %d sleeps that run' % SLEEPS)
    for kind in ('unix', 'tcp'):
        TABLE.add('broker RSS of an idle %s connection' % kind, '%d connections' % count,
                  idle_connections(kind, count), 2, unit=' KiB')
    TABLE.add('PSS of all processes, %d sleeps running' % SLEEPS, '', sleeping(SLEEPS), 60, unit=' MB')
