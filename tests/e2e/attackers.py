"""attackers.py KIND ADDRESS COUNT [TOKEN_FILE] - a client that means no good; for test_limits.py.

Says `ready N` when its N connections are there, and goes on until it is killed.
"""

import os
import resource
import select
import socket
import sys
import time

WRONG = b'{"id":1,"method":"hello","params":{"token":"client.%s"}}\n' % (b'0' * 64)
LONG = b'{"id":1,"method":"job.call","params":{"type":"echo","args":"%s"}}\n' % (b'x' * 900000)


def connect(address):
    kind, _, rest = address.partition(':')
    if kind == 'unix':
        sock = socket.socket(socket.AF_UNIX)
        sock.connect(rest)
    else:
        host, _, port = rest.rpartition(':')
        sock = socket.create_connection((host, int(port)))
    sock.setblocking(False)
    return sock


def say(sock, data):
    """How much of it the socket took; -1: it is closed."""
    try:
        return sock.send(data)
    except BlockingIOError:
        return 0
    except OSError:
        return -1


def crowd(address, count):
    """So many connections, or as many as there are descriptors for."""
    socks = []
    try:
        while len(socks) < count:
            socks.append(connect(address))
    except OSError:
        pass
    return socks


def ready(socks):
    print('ready', len(socks), flush=True)


def slow(address, count):
    """Each says one more byte of a line every second, on and on."""
    line = b'{"id":1,"method":"ping","params":{' + b' ' * 4000
    socks, at = crowd(address, count), 0
    ready(socks)
    while True:
        for i, sock in enumerate(socks):
            if say(sock, line[at % len(line):][:1]) < 0:
                socks[i] = connect(address)
        at += 1
        time.sleep(1)


def half(address, count):
    """Each says half a line, and nothing more; who is thrown out comes again."""
    socks = crowd(address, count)
    ready(socks)
    for sock in socks:
        say(sock, b'{"id":1,"method":"hel')
    hold(socks, address, b'{"id":1,"method":"hel')


def hold(socks, address, words=b''):
    poll = select.poll()
    by_fd = {sock.fileno(): sock for sock in socks}
    for fd in by_fd:
        poll.register(fd, select.POLLIN | select.POLLHUP)
    while True:
        for fd, _ in poll.poll(1000):
            poll.unregister(fd)
            by_fd.pop(fd).close()
            sock = connect(address)
            say(sock, words)
            by_fd[sock.fileno()] = sock
            poll.register(sock.fileno(), select.POLLIN | select.POLLHUP)


def deaf(address, count):
    """Each asks for long answers, as many as it can, and reads none; who is thrown out comes again."""
    socks = crowd(address, count)
    left = [LONG] * len(socks)
    ready(socks)
    while True:
        for i, sock in enumerate(socks):
            taken = say(sock, left[i])
            if taken < 0:
                socks[i], left[i] = connect(address), LONG
            else:
                left[i] = left[i][taken:] or LONG
        time.sleep(0.1)


def idle(address, count):
    """Connections that say nothing."""
    socks = crowd(address, count)
    ready(socks)
    hold(socks, address)


def login(address, count):
    """Wrong tokens, as many as are answered; who is thrown out comes again at once."""
    socks = crowd(address, count)
    ready(socks)
    for sock in socks:
        say(sock, WRONG * 10)
    hold(socks, address, WRONG * 10)


def main():
    kind, address, count = sys.argv[1:4]
    os.nice(19)                     # what it takes of the machine is not what is measured
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    {f.__name__: f for f in (slow, half, deaf, idle, login)}[kind](address, int(count))


if __name__ == '__main__':
    main()
