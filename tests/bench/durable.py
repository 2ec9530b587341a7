"""durable.py - what durability costs: jobd beside beanstalkd and Redis, each with a sync before its answer."""

import os
import shutil
import sys
import tempfile

from bench import ROUNDS, TABLE, Measurement, Processes, free_port, measure, numbers, tool, wait_for_port
from jobd_test import Daemon

INFLIGHT = '100'
WAITING = 1000000


def beanstalkd(processes, directory):
    """Syncs its log at every write."""
    os.mkdir(directory)
    return processes.server('beanstalkd', '-b', directory, '-f', '0', '-l', '127.0.0.1', '-p')[0]


def redis(processes, directory):
    os.mkdir(directory)
    port = free_port()
    processes.start('redis-server', '--port', str(port), '--bind', '127.0.0.1', '--save', '', '--appendonly', 'yes',
                    '--appendfsync', 'always', '--dir', directory, '--loglevel', 'warning')
    wait_for_port(port)
    return str(port)


def paused(jobd):
    jobd.client().call('queue.pause', name='held')
    return [tool('jobd_client'), jobd.tcp, jobd.token()]


def rates(jobd, bean_puts, bean_life, redis_port):
    ours, bean, store = paused(jobd), tool('beanstalkd_client'), tool('redis_client')
    submits = [Measurement('jobd, durable submits', *ours, 'submit', 'held', '40000', INFLIGHT, unit='jobs/s'),
               Measurement('beanstalkd -f0, puts', bean, bean_puts, '1000', INFLIGHT, 'put', unit='jobs/s'),
               Measurement('Redis appendfsync always, LPUSH', store, redis_port, '40000', INFLIGHT, 'put',
                           unit='jobs/s')]
    lives = [Measurement('jobd, durable no-op jobs, process lane', *ours, 'durable', 'process', '20000', INFLIGHT,
                         unit='jobs/s'),
             Measurement('beanstalkd -f0, put + reserve + delete', bean, bean_life, '500', INFLIGHT, 'life',
                         unit='jobs/s'),
             Measurement('Redis appendfsync always, LPUSH + BRPOP + LPUSH', store, redis_port, '20000', INFLIGHT,
                         'life', unit='jobs/s')]
    one = [Measurement('jobd, one durable job, process lane', *ours, 'durable-one', 'process', '1000', unit='us'),
           Measurement('beanstalkd -f0, put + reserve + delete', bean, bean_life, '300', unit='us')]
    # Redis keeps one list of jobs: what only waits comes last there.
    for sides in (lives, one, submits):
        measure(sides)
        for side in sides:
            side.show()
    for target, mine, theirs, least in (('durable submits / beanstalkd -f0', submits[0], submits[1], 10),
                                        ('durable submits / Redis always', submits[0], submits[2], 1),
                                        ('whole durable lives / beanstalkd -f0', lives[0], lives[1], 12),
                                        ('whole durable lives / Redis always', lives[0], lives[2], 1.2)):
        TABLE.add(target, '%.0f / %.0f per s' % (mine.median(), theirs.median()), mine.median() / theirs.median(),
                  least, at_least=True, unit='x')
    TABLE.add('p50 of one durable job / beanstalkd -f0', '%.0f us / %.0f us' % (one[0].median(), one[1].median()),
              one[0].median() / one[1].median(), 0.8, unit='x')


def beside_peers():
    directory = tempfile.mkdtemp(prefix='jobd-durable-')
    jobd = Daemon(cpu_workers=2)
    try:
        with Processes() as processes:
            rates(jobd, beanstalkd(processes, directory + '/puts'), beanstalkd(processes, directory + '/lives'),
                  redis(processes, directory + '/redis'))
    finally:
        jobd.kill()
        shutil.rmtree(directory)


def beside_a_million():
    """p99 of a durable submit, with none and with a million waiting."""
    empty, full = Daemon(cpu_workers=2), Daemon(cpu_workers=2)
    try:
        few, many = paused(empty), paused(full)
        numbers(*many, 'submit', 'held', str(WAITING), INFLIGHT)
        none = Measurement('durable submit, one at a time, none waits', *few, 'submit-one', 'held', '2000', unit='us')
        million = Measurement('the same, %d wait' % WAITING, *many, 'submit-one', 'held', '2000', unit='us')
        measure([none, million])
    finally:
        empty.kill()
        full.kill()
    none.show()
    million.show()
    TABLE.add('p99 of a durable submit: 1,000,000 waiting / none', '%.0f us / %.0f us' % (
        million.median(1), none.median(1)), million.median(1) / none.median(1), 1.5, unit='x')


def main():
    print('\ndurable jobs of 64 bytes; medians of %d (range)' % ROUNDS)
    sys.stdout.flush()
    beside_peers()
    beside_a_million()
