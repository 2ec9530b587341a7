"""python3 -m jobd_worker [OPTIONS] MODULE... - serves the handlers of these modules."""

import argparse
import importlib
import os
import sys

from .program import serve


def main():
    parser = argparse.ArgumentParser(prog='python3 -m jobd_worker',
                                     description='Serves the handlers that modules declare with @job.')
    parser.add_argument('modules', nargs='+', metavar='MODULE', help='mytasks, or package.mytasks')
    parser.add_argument('--threads', type=int, default=8, metavar='N',
                        help='attempts of the lane thread at once (8)')
    parser.add_argument('--tasks', type=int, default=100, metavar='N',
                        help='attempts of the lane async at once (100)')
    remote = parser.add_argument_group('a remote worker')
    remote.add_argument('--connect', metavar='ADDRESS', help='tls:HOST:PORT, tcp:HOST:PORT or unix:PATH')
    remote.add_argument('--pool', help='the pool that it works for')
    remote.add_argument('--token-file', metavar='FILE', help='with the worker token')
    remote.add_argument('--name', help='for people (the name of this host)')
    remote.add_argument('--credit', type=int, metavar='N', help='attempts that may be sent at once')
    for option, meaning in (('ca', 'who may sign the certificate of jobd'), ('cert', 'your certificate'),
                            ('key', 'its key')):
        remote.add_argument('--' + option, metavar='FILE', help='of tls: %s (PEM)' % meaning)
    given = parser.parse_args()
    if '' not in sys.path and os.getcwd() not in sys.path:
        sys.path.insert(0, os.getcwd())
    for name in given.modules:
        importlib.import_module(name)
    serve(given.threads, given.tasks, address=given.connect, pool=given.pool,
          token_file=given.token_file, name=given.name, credit=given.credit, ca=given.ca, cert=given.cert,
          key=given.key)


if __name__ == '__main__':
    main()
