"""mandelbrot.py - handlers that compute: rows of a picture of the Mandelbrot set.

    python3 -m jobd_worker mandelbrot

The same function is declared twice, for processes and for threads, to show that only the processes of a
pool compute at the same time.
"""

import base64

import jobd_worker as jobd

LEFT, RIGHT, TOP, BOTTOM = -2.2, 0.8, -1.2, 1.2


@jobd.job('mandelbrot.rows')
def rows(width: int, height: int, first: int, count: int, depth: int = 200):
    """Some rows of the picture: a byte for each point, in base64."""
    out = bytearray()
    for y in range(first, first + count):
        im = TOP + (BOTTOM - TOP) * y / height
        out += bytes(escape(complex(LEFT + (RIGHT - LEFT) * x / width, im), depth) for x in range(width))
        jobd.progress(y - first + 1, count, 'row %d' % y)
    print('rows %d to %d' % (first, first + count - 1))
    return base64.b64encode(out).decode()


def escape(c, depth):
    """After how many steps z*z + c leaves the circle, as 0 .. 255; 0 if it does not."""
    z = 0j
    for n in range(depth):
        z = z * z + c
        if z.real * z.real + z.imag * z.imag > 4:
            return 1 + n % 255
    return 0


jobd.job('mandelbrot.rows.threads', lane='thread')(rows)
