#!/usr/bin/env python3
"""render.py FILE - a picture of the Mandelbrot set, computed by jobd's pool `mandelbrot`.

Submits a job for each few rows and writes a PNG file.  --threads uses the pool whose handlers are
threads of one process, which takes as much longer as there are processes in the other.
"""

import argparse
import base64
import struct
import time
import zlib

import jobd

ROWS = 10               # of one job


def render(client, type, width, height):
    """The picture, a byte for each point."""
    parts = [{'width': width, 'height': height, 'first': first, 'count': min(ROWS, height - first)}
             for first in range(0, height, ROWS)]
    return b''.join(base64.b64decode(text) for text in client.map(type, parts))


def png(picture, width, height):
    def chunk(name, data):
        return struct.pack('>I', len(data)) + name + data + struct.pack('>I', zlib.crc32(name + data))

    lines = b''.join(b'\0' + picture[y * width:(y + 1) * width] for y in range(height))
    return (b'\x89PNG\r\n\x1a\n' + chunk(b'IHDR', struct.pack('>IIBBBBB', width, height, 8, 0, 0, 0, 0))
            + chunk(b'IDAT', zlib.compress(lines)) + chunk(b'IEND', b''))


def main():
    parser = argparse.ArgumentParser(description=__doc__.split('\n', 1)[0])
    parser.add_argument('file')
    parser.add_argument('--width', type=int, default=600)
    parser.add_argument('--height', type=int, default=400)
    parser.add_argument('--threads', action='store_true')
    parser.add_argument('-H', '--host', help='the address of jobd')
    given = parser.parse_args()
    with jobd.Client(given.host) as client:
        begin = time.monotonic()
        picture = render(client, 'mandelbrot.rows' + ('.threads' if given.threads else ''),
                         given.width, given.height)
        print('%d points in %.2f s' % (len(picture), time.monotonic() - begin))
    with open(given.file, 'wb') as f:
        f.write(png(picture, given.width, given.height))


if __name__ == '__main__':
    main()
