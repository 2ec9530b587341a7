"""certificates.py - authorities, and certificates for servers and clients, made by openssl(1) for tests."""

import os
import subprocess

EXTENSIONS = {
    'server': 'extendedKeyUsage=serverAuth\nsubjectAltName=%s\n',
    'client': 'extendedKeyUsage=clientAuth\n',
}


def openssl(*arguments):
    done = subprocess.run(['openssl', *arguments], stdin=subprocess.DEVNULL, capture_output=True, text=True)
    if done.returncode != 0:
        raise AssertionError('openssl %s: %s' % (' '.join(arguments), done.stderr))


def new_key(path):
    openssl('ecparam', '-name', 'prime256v1', '-genkey', '-noout', '-out', path)
    os.chmod(path, 0o600)


class Pair:
    """A certificate and its key, as files."""

    def __init__(self, directory, name):
        self.certificate = os.path.join(directory, name + '.pem')
        self.key = os.path.join(directory, name + '.key')


class Authority:
    """Signs certificates, which live in one directory."""

    def __init__(self, directory, name='ca'):
        self.directory = directory
        self.own = Pair(directory, name)
        self.path = self.own.certificate
        new_key(self.own.key)
        openssl('req', '-x509', '-new', '-key', self.own.key, '-subj', '/CN=authority ' + name, '-days', '30',
                '-out', self.path)

    def sign(self, name, kind, subject=None, alt='DNS:localhost,IP:127.0.0.1', days=30):
        """A new pair; days -1: its time is over already."""
        pair = Pair(self.directory, name)
        request, extensions = pair.key + '.csr', pair.key + '.ext'
        new_key(pair.key)
        openssl('req', '-new', '-key', pair.key, '-subj', subject or '/CN=' + name, '-out', request)
        with open(extensions, 'w') as f:
            f.write(EXTENSIONS[kind] % alt if kind == 'server' else EXTENSIONS[kind])
        openssl('x509', '-req', '-in', request, '-CA', self.path, '-CAkey', self.own.key, '-CAcreateserial',
                '-days', str(days), '-extfile', extensions, '-out', pair.certificate)
        return pair
