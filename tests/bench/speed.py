"""speed.py - jobd's own speed: against bare servers, peers without their libraries, and itself under load."""

import subprocess

from bench import ROUNDS, TABLE, Measurement, Processes, beanstalkd, gearmand, measure, numbers, rss_kib, tool
from jobd_client import until
from jobd_test import Daemon

REQUEST_BYTES, REPLY_BYTES = 174, 149      # of one echo call of 64 bytes: what the bare round trip carries
WAITING = 1000000
GRABS = '64'                                # questions that a raw gearman worker keeps open


def rate(jobd, lane, inflight, count):
    return Measurement('jobd, %s lane, %s in flight' % (lane, inflight), tool('jobd_client'), jobd.tcp, jobd.token(),
                       'rate', lane, count, inflight, unit='jobs/s')


def against_bare_server():
    """The inline lane beside a server that parses the line with jansson and sends it back."""
    jobd = Daemon(cpu_workers=2)
    try:
        with Processes() as processes:
            server = processes.start(tool('echo_server'), stdout=subprocess.PIPE)
            port = server.stdout.readline().decode().strip()
            bare = Measurement('bare libevent echo server, jansson, 100 in flight', tool('jobd_client'),
                               'echo:127.0.0.1:' + port, '', 'rate', 'inline', 200000, 100, unit='lines/s')
            ours = rate(jobd, 'inline', 100, 400000)
            measure([bare, ours])
    finally:
        jobd.kill()
    for side in (bare, ours):
        side.show()
    TABLE.add('inline lane / bare echo server', '%.0f / %.0f per s' % (ours.median(), bare.median()),
              ours.median() / bare.median(), 2, at_least=True, unit='x')


def against_gearmand():
    """The process lane with two workers beside gearmand with two, both driven without a library.

    gearmand's own threads are one: with the four of its default it is slower on few cores.
    """
    jobd = Daemon('workers.cpu_nice=0', cpu_workers=2)
    try:
        with Processes() as processes:
            port, _ = gearmand(processes, '-t', '1')
            for _ in range(2):
                processes.start(tool('gearman_raw_worker'), port, GRABS)
            for inflight, least in ((100, 1.0), (500, 0.6)):
                theirs = Measurement('gearmand, raw client and workers, %d in flight' % inflight,
                                     tool('gearman_raw_client'), port, 300000, inflight, unit='jobs/s')
                ours = rate(jobd, 'process', inflight, 300000)
                measure([theirs, ours])
                theirs.show()
                ours.show()
                TABLE.add('process lane / gearmand, %d in flight' % inflight,
                          '%.0f / %.0f per s' % (ours.median(), theirs.median()),
                          ours.median() / theirs.median(), least, at_least=True, unit='x')
    finally:
        jobd.kill()


def one_call():
    """A synchronous call through the process lane beside what its parts cost alone."""
    jobd = Daemon(cpu_workers=2)
    try:
        bare = Measurement('bare TCP round trip', tool('round_trip'), 5000, REQUEST_BYTES, REPLY_BYTES, unit='us')
        call = Measurement('one synchronous call, process lane', tool('jobd_client'), jobd.tcp, jobd.token(), 'one',
                           'process', 5000, unit='us')
        measure([bare, call])
    finally:
        jobd.kill()
    bare.show()
    bare.name = 'bare channel round trip'
    bare.show(2)
    call.show()
    parts = bare.median() + bare.median(2)
    TABLE.add('p50 of one call / bare TCP + bare channel', '%.1f us / (%.1f + %.1f) us' % (
        call.median(), bare.median(), bare.median(2)), call.median() / parts, 1.5, unit='x')


def short_sleeps(burning):
    """p50 and p99 of 1 ms jobs in the async lane of a fresh daemon; burning: 20 ms jobs that wait for its cores."""
    jobd = Daemon(cpu_workers=0)
    try:
        c = jobd.client()
        c.submit_many([{'type': 'bench.cpu', 'args': {'ms': 20}, 'lane': 'process'}] * burning, piece=1000)
        return numbers(tool('jobd_client'), jobd.tcp, jobd.token(), 'sleep', 1, 1000)
    finally:
        jobd.kill()


def beside_saturated_lane():
    """A job of 1 ms in the async lane, alone and beside a process lane that has more than it can do."""
    idle, busy = (Measurement('p99 of a 1 ms async job, %s' % name, unit='us')
                  for name in ('idle', 'process lane saturated'))
    for _ in range(ROUNDS):
        idle.seen.append(short_sleeps(0))
        busy.seen.append(short_sleeps(5000))
    idle.show(1)
    busy.show(1)
    TABLE.add('p99 of a 1 ms async job: saturated / idle', '%.0f us / %.0f us' % (busy.median(1), idle.median(1)),
              busy.median(1) / idle.median(1), 2, unit='x')


def connections(jobd, idle, lane='process'):
    return Measurement('100 active connections, %d idle' % idle, tool('connections'), jobd.tcp, jobd.token(),
                       jobd.broker(), lane, 100, idle, 100000, unit='ns')


def idle_connections():
    jobd = Daemon(cpu_workers=2)
    try:
        few, many = connections(jobd, 0), connections(jobd, 9900)
        measure([few, many])
    finally:
        jobd.kill()
    few.show(1)
    many.show(1)
    TABLE.add('CPU of a job: 9,900 idle connections / none', '%.0f ns / %.0f ns' % (many.median(1), few.median(1)),
              many.median(1) / few.median(1), 1.25, unit='x')


def waiting_jobs():
    """What a job costs, and what a waiting one takes, when a million wait in a queue that is full."""
    empty = Daemon(cpu_workers=2)
    full = Daemon('queue held.max_running=1', cpu_workers=2)
    try:
        c = full.client()
        c.call('job.submit', type='sleep', args={'ms': 86400000}, queue='held')
        until(lambda: any(q['running'] == 1 for q in c.items('queue.list')), 'the queue is held', 10)
        numbers(*rate(full, 'process', 100, 100000).command)
        before = rss_kib(full.broker())
        numbers(tool('fill'), 'jobd', full.tcp, full.token(), 'held', WAITING, 'memory')
        ours = (rss_kib(full.broker()) - before) * 1024 / WAITING - 64
        none, million = connections(empty, 0), connections(full, 0)
        none.name, million.name = '0 jobs wait', '%d jobs wait' % WAITING
        measure([none, million])
    finally:
        empty.kill()
        full.kill()
    none.show(1)
    million.show(1)
    TABLE.add('CPU of a job: 1,000,000 waiting / none', '%.0f ns / %.0f ns' % (million.median(1), none.median(1)),
              million.median(1) / none.median(1), 1.25, unit='x')
    peers = []
    with Processes() as processes:
        for name, start in (('beanstalkd', beanstalkd), ('gearmand', gearmand)):
            port, pid = start(processes)
            before = rss_kib(pid)
            numbers(tool('fill'), name, port, WAITING)
            peers.append('%s %.0f' % (name, (rss_kib(pid) - before) * 1024 / WAITING - 64))
    print('  RSS of a waiting job but its payload: jobd %.0f, %s bytes' % (ours, ', '.join(peers)))
    TABLE.add('RSS of a waiting memory job, without payload', ', '.join(peers) + ' B', ours, 150, unit=' B')


def main():
    print('\njobd beside bare servers and raw peers; medians of %d (range)' % ROUNDS)
    against_bare_server()
    against_gearmand()
    one_call()
    beside_saturated_lane()
    idle_connections()
    waiting_jobs()
