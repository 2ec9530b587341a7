#!/usr/bin/env python3
"""celery_side.py PORT [COUNT] - no-op tasks through Celery with Redis on this port; prints tasks per second.

Without COUNT it is the module of the worker (`celery -A celery_side worker`), the port in CELERY_PORT.
"""

import os
import sys
import time

from celery import Celery, group

PORT = sys.argv[1] if __name__ == '__main__' else os.environ['CELERY_PORT']
app = Celery('celery_side', broker='redis://127.0.0.1:%s/0' % PORT, backend='redis://127.0.0.1:%s/1' % PORT)
app.conf.update(worker_prefetch_multiplier=64, task_ignore_result=False, broker_connection_retry_on_startup=True)


@app.task(name='noop')
def noop(value):
    return value


def main():
    count = int(sys.argv[2])
    group(noop.s(1) for _ in range(20)).apply_async().get(timeout=60)     # the workers are up
    start = time.monotonic()
    results = group(noop.s(1) for _ in range(count)).apply_async().get(timeout=120)
    assert len(results) == count
    print('%.0f' % (count / (time.monotonic() - start)))


if __name__ == '__main__':
    main()
