#!/usr/bin/env python3
"""digest_tree.py DIRECTORY - SHA-256 of every file beneath a directory, by jobd.

Futures of jobs are futures: as_completed gives them as they end.  The daemon must have been started
with DIRECTORY among its files.roots.
"""

import concurrent.futures
import os
import sys

import jobd


def files_beneath(directory):
    for where, _, names in os.walk(directory):
        for name in names:
            yield os.path.join(where, name)


def main(directory):
    failed = 0
    with jobd.Client() as client:
        paths = {client.submit('file.digest', {'path': path}): path
                 for path in files_beneath(os.path.abspath(directory))}
        for future in concurrent.futures.as_completed(paths):
            try:
                print('%s  %s' % (future.result()['digest'], paths[future]))
            except jobd.JobFailed as problem:
                print('%s: %s' % (paths[future], problem), file=sys.stderr)
                failed += 1
    return 1 if failed else 0


if __name__ == '__main__':
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    sys.exit(main(sys.argv[1]))
