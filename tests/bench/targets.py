#!/usr/bin/env python3
"""targets.py [PART...] - measures jobd beside its peers and prints the table of targets.

PART: speed, peers, memory, deep, durable, commands, or a function of speed.py, durable.py or commands.py; all by
default.  BENCH_PROGRAMS is where run.sh built the C programs.  The exit status is 0 whether targets are met or not, because a benchmark is not a test.
"""

import sys

import bench
import commands
import deep
import durable
import memory
import peers
import speed

PARTS = {'speed': speed.main, 'peers': peers.main, 'memory': memory.main, 'deep': deep.main, 'durable': durable.main,
         'commands': commands.main}


def main():
    for name in sys.argv[1:] or PARTS:
        part = PARTS.get(name) or getattr(speed, name, None) or getattr(durable, name, None) or \
            getattr(commands, name, None)
        if not callable(part):
            sys.exit('targets.py: no part %s; there are: %s' % (name, ', '.join(PARTS)))
        part()
    print()
    bench.TABLE.show()


if __name__ == '__main__':
    main()
