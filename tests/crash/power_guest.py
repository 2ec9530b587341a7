"""power_guest.py - inside the machine of power.py: submits jobs and says what was answered, or checks it.

$POWER_STEP: `submit` prints a line `A ID MARK` for each submit that was answered and `O ID STATE` for each
outcome, and goes on until the power is cut.  `check` reads such lines from $POWER_TOLD and prints
`V LOST CHANGED OF`, then `DONE`.
"""

import json
import os
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, '..', 'e2e'))
from jobd_client import RpcError  # noqa: E402
from jobd_test import Daemon  # noqa: E402

WINDOW = 20
HOUR_MS = 3600000


def say(*lines):
    sys.stdout.write(''.join(line + '\n' for line in lines))
    sys.stdout.flush()


def start():
    settings = ['store.sync=' + os.environ.get('POWER_SYNC', 'true')]
    return Daemon(*settings, state_dir='/run/disk/state', cpu_workers=1, io_threads=4).client()


def submit(c, mark):
    """Every second one runs at once, the others stay."""
    later = {'delay_ms': HOUR_MS} if mark % 2 else {}
    return c.start('job.submit', type='echo', args=mark, labels={'mark': str(mark)}, durability='commit', **later)


def submit_for_ever(c):
    marks, mark = {}, 0
    while True:
        while len(marks) < WINDOW:
            mark += 1
            marks[submit(c, mark)] = mark
        reply = json.loads(c.read_line())
        c.open.pop(reply['id'], None)
        told = reply['result']
        if reply['id'] not in marks:
            say('O %d %s' % (told['id'], told['state']))
            continue
        done = marks.pop(reply['id'])
        say('A %d %d' % (told['id'], done))
        if done % 2 == 0 and done % 6 == 0:
            c.start('job.wait', id=told['id'])


def check(c, path):
    lost = changed = count = 0
    with open(path) as f:
        for line in f:
            what, job, value = line.split()
            count += 1
            try:
                shown = c.get(int(job))
            except RpcError as e:
                assert e.kind == 'not_found', e
                lost += 1
                continue
            if what == 'A':
                changed += shown['labels']['mark'] != value
            else:
                changed += shown['state'] != value or shown['result'] != int(shown['labels']['mark'])
    say('V %d %d %d' % (lost, changed, count), 'DONE')


def main():
    client = start()
    say('READY')
    if os.environ['POWER_STEP'] == 'submit':
        submit_for_ever(client)
    else:
        check(client, os.environ['POWER_TOLD'])


main()
