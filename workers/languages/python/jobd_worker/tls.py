"""tls.py - TLS for one thread that reads and others that write.

An ssl.SSLSocket is not made for that; an ssl.SSLObject under a lock is, with the socket outside of it.
"""

import os
import ssl
import threading

BLOCK_BYTES = 1 << 18


def context(ca=None, cert=None, key=None):
    """Checks jobd's certificate and its name.  Files that are None are JOBD_CA (else the system's authorities
    are believed), JOBD_CERT and JOBD_KEY."""
    ca = ca or os.environ.get('JOBD_CA') or None
    cert = cert or os.environ.get('JOBD_CERT') or None
    key = key or os.environ.get('JOBD_KEY') or None
    made = ssl.create_default_context(cafile=ca)
    made.minimum_version = ssl.TLSVersion.TLSv1_2
    if cert:
        if os.stat(key or cert).st_mode & 0o077:
            raise PermissionError('%s: others than its owner may read it (chmod 600)' % (key or cert))
        made.load_cert_chain(cert, key, password=no_passphrase)
    return made


def no_passphrase():
    raise ValueError('the key has a passphrase')


class TlsSocket:
    """What Wire uses of a socket.  The handshake is over when it is made.

    Nothing waits for the network while it holds the lock that a reader wants: jobd may wait until it is read.
    """

    def __init__(self, sock, made, host):
        self._sock = sock
        self._in, self._out = ssl.MemoryBIO(), ssl.MemoryBIO()
        self._tls = made.wrap_bio(self._in, self._out, server_hostname=host)
        self._lock = threading.Lock()           # of the three, for moments
        self._sending = threading.Lock()        # what is encrypted goes out in that order
        self.settimeout, self.close = sock.settimeout, sock.close
        self._shake_hands()

    def _shake_hands(self):
        done = False
        while not done:
            try:
                self._tls.do_handshake()
                done = True
            except ssl.SSLWantReadError:
                pass
            self._sock.sendall(self._out.read())
            if not done:
                self._take(self._sock.recv(BLOCK_BYTES))

    def _take(self, block):
        with self._lock:
            if block:
                self._in.write(block)
            else:
                self._in.write_eof()

    def recv(self, size, flags=0):
        while True:
            with self._lock:
                try:
                    return self._tls.read(size)
                except ssl.SSLWantReadError:
                    pass
                except ssl.SSLZeroReturnError:
                    return b''
            self._take(self._sock.recv(BLOCK_BYTES, flags))

    def sendall(self, data):
        self._say(self._tls.write, data)

    def _say(self, call, *arguments):
        with self._sending:
            with self._lock:
                try:
                    call(*arguments)
                except ssl.SSLWantReadError:
                    pass                        # unwrap: the other side's word is left to recv
                block = self._out.read()
            self._sock.sendall(block)

    def shutdown(self, how):
        self._say(self._tls.unwrap)
        self._sock.shutdown(how)
