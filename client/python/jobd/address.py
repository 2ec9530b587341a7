"""address.py - where the daemon is, and what TCP and TLS want: a token, certificates.

The order is that of jobctl: the address given, else JOBD_HOST, else the user's own socket if it
answers, else the system's.
"""

import os
import ssl
import stat

from .errors import Unreachable

SYSTEM_SOCKET = 'unix:/run/jobd/jobd.sock'
SYSTEM_TOKEN = '/var/lib/jobd/client.token'
TOKEN_BYTES = 256


def parse(text):
    """('unix', path), ('tcp', host, port) or ('tls', host, port); ValueError says what is wrong."""
    kind, colon, rest = text.partition(':')
    if kind == 'unix' and rest:
        return 'unix', rest
    host, colon, port = rest.rpartition(':')
    if host.startswith('[') and host.endswith(']'):
        host = host[1:-1]
    if kind not in ('tcp', 'tls') or not host or not port.isdecimal():
        raise ValueError('%r is no address: unix:PATH, tcp:HOST:PORT and tls:HOST:PORT are' % text)
    if not 1 <= int(port) <= 65535:
        raise ValueError('%r: the port must be from 1 to 65535' % text)
    return kind, host, int(port)


def own_socket():
    """The address of this user's own daemon, or None where there can be none."""
    if os.geteuid() == 0:
        return None                     # root's own daemon is the system's
    runtime = os.environ.get('XDG_RUNTIME_DIR', '')
    if runtime.startswith('/'):
        return 'unix:%s/jobd/jobd.sock' % runtime
    below = os.environ.get('TMPDIR', '')
    directory = '%s/jobd-%d' % (below if below.startswith('/') else '/tmp', os.geteuid())
    try:
        status = os.lstat(directory)
    except OSError:
        return None
    if not stat.S_ISDIR(status.st_mode) or status.st_uid != os.geteuid() or status.st_mode & 0o077:
        return None                     # the temporary directory is shared: it must be theirs alone
    return 'unix:%s/jobd.sock' % directory


def candidates(given):
    """Addresses to try, best first."""
    one = given or os.environ.get('JOBD_HOST')
    if one:
        parse(one)
        return [one]
    return [address for address in (own_socket(), SYSTEM_SOCKET) if address]


def token_files():
    """Where a token may be, best first: JOBD_TOKEN_FILE alone, if it is set."""
    named = os.environ.get('JOBD_TOKEN_FILE')
    if named:
        return [named]
    files = [SYSTEM_TOKEN]
    if os.geteuid() != 0:
        state = os.environ.get('XDG_STATE_HOME', '')
        if not state.startswith('/'):
            state = os.path.expanduser('~/.local/state')
        files.insert(0, state + '/jobd/client.token')
    return files


def read_token(path):
    """The secret in a token file; Unreachable when others than its owner may read it, or it has none."""
    if os.stat(path).st_mode & 0o077:
        raise Unreachable('%s: others than its owner may read it (chmod 600)' % path)
    with open(path, encoding='ascii') as f:
        words = f.read(TOKEN_BYTES + 1).split()
    if not words:
        raise Unreachable('%s: it holds no token' % path)
    return words[0]


def token_for(address, certificate):
    """The token for an address, when the caller gave none; None where none is wanted.

    Only one that was named goes to another machine, and with a certificate there need not be any.
    """
    if address.startswith('tcp:') or (address.startswith('tls:') and os.environ.get('JOBD_TOKEN_FILE')):
        return find_token()
    if address.startswith('tls:') and not certificate:
        raise Unreachable('%s wants a token (JOBD_TOKEN_FILE says where it is) or a client certificate' % address)
    return None


def find_token():
    """The token in the files where it may be."""
    problems = []
    for path in token_files():
        try:
            return read_token(path)
        except (OSError, UnicodeDecodeError, Unreachable) as problem:
            problems.append(str(problem))
    raise Unreachable('TCP wants a token and there is none (%s); JOBD_TOKEN_FILE says where it is'
                      % '; '.join(problems))


class Certificates:
    """What is believed of the daemon, and shown to it, on a tls: address: paths of PEM files.

    Those that are None are JOBD_CA, JOBD_CERT and JOBD_KEY; without any the system's authorities are
    believed, and nothing is shown.  A key that is not given is in the certificate's file.
    """

    def __init__(self, ca=None, cert=None, key=None):
        self.ca = ca or os.environ.get('JOBD_CA') or None
        self.cert = cert or os.environ.get('JOBD_CERT') or None
        self.key = key or os.environ.get('JOBD_KEY') or None

    def context(self):
        """The ssl.SSLContext: the daemon's certificate and its name are checked."""
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.minimum_version = ssl.TLSVersion.TLSv1_2
        path = self.ca
        try:
            if self.ca:
                context.load_verify_locations(self.ca)
            else:
                context.load_default_certs()
            path = self.cert
            if self.cert:
                check_secret(self.key or self.cert)
                context.load_cert_chain(self.cert, self.key, password=no_passphrase)
        except (OSError, ValueError) as problem:
            raise Unreachable('%s: %s' % (path, problem)) from problem
        return context


def check_secret(path):
    if os.stat(path).st_mode & 0o077:
        raise Unreachable('%s: others than its owner may read it (chmod 600)' % path)


def no_passphrase():
    raise ValueError('the key has a passphrase')
