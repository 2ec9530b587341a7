"""peers.py - no-op jobs beside systems as their users meet them: libgearman, beanstalkd, Python's pools."""

import os
import sys

from bench import HERE, TABLE, Measurement, Processes, beanstalkd, gearmand, measure, tool
from jobd_test import Daemon

INFLIGHT = '100'


def main():
    print('\njobd beside other systems, jobs of 64 bytes; medians (range)')
    jobd = Daemon(cpu_workers=2)
    client, python = tool('jobd_client'), sys.executable
    try:
        with Processes() as processes:
            port, _ = gearmand(processes)
            for _ in range(2):
                processes.start(tool('gearman_worker'), port)
            target = [client, jobd.tcp, jobd.token()]
            gearman = [tool('gearman_client'), port]
            pool = [python, os.path.join(HERE, 'pool.py')]
            rate = [Measurement('jobd, TCP, process lane, 2 workers', *target, 'rate', 'process', '200000', INFLIGHT,
                                unit='jobs/s'),
                    Measurement('gearmand, libgearman, 2 C workers', *gearman, 'rate', '30000', INFLIGHT,
                                unit='jobs/s'),
                    Measurement('ProcessPoolExecutor.submit, 2 workers', *pool, 'submit', '8000', unit='jobs/s'),
                    Measurement('multiprocessing.Pool.map, chunksize 1, 2 workers', *pool, 'map', '40000',
                                unit='jobs/s')]
            one = [Measurement('jobd, one call, TCP, process lane', *target, 'one', 'process', '5000', unit='us'),
                   Measurement('gearmand, gearman_client_do', *gearman, 'one', '5000', unit='us'),
                   Measurement('beanstalkd, put + reserve + delete', tool('beanstalkd_client'),
                               beanstalkd(processes)[0], '5000', unit='us'),
                   Measurement('jobd, one call, unix socket, process lane', client, jobd.unix, '', 'one', 'process',
                               '5000', unit='us')]
            measure(rate)
            measure(one)
    finally:
        jobd.kill()
    for side in rate + one:
        side.show()
    for peer, factor in zip(rate[1:], (6, 10, 2)):
        TABLE.add('rate / %s' % peer.name.split(',')[0], '%.0f / %.0f per s' % (rate[0].median(), peer.median()),
                  rate[0].median() / peer.median(), factor, at_least=True, unit='x')
    for peer, most in zip(one[1:3], (0.6, 1.0)):
        TABLE.add('p50 of one call / %s' % peer.name.split(',')[0], '%.1f us / %.1f us' % (
            one[0].median(), peer.median()), one[0].median() / peer.median(), most, unit='x')
