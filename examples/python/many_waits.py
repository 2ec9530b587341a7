#!/usr/bin/env python3
"""many_waits.py [COUNT] - thousands of waits at once, and a computation meanwhile, with asyncio.

The waits take one event loop inside jobd, not a thread each; the computation takes a process, so
that neither holds up the other, and this program's own loop stays free.
"""

import asyncio
import sys
import time

import jobd


async def main(count):
    start = time.monotonic()
    async with jobd.AsyncClient() as client:
        waits = [client.call('sleep', {'ms': 500}) for _ in range(count)]
        digest = client.call('bench.cpu', {'ms': 200})
        await asyncio.gather(digest, *waits)
    print('%d waits of 500 ms and a computation of 200 ms took %.0f ms'
          % (count, (time.monotonic() - start) * 1000))


if __name__ == '__main__':
    asyncio.run(main(int(sys.argv[1]) if len(sys.argv) > 1 else 1000))
