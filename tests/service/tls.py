"""tls.py - jobd.service and TLS: certificates that systemd keeps, sockets by name, renewal, clients of both kinds.

Steps of proof.py.  What they configure they take away again.
"""

import os
import shutil
import ssl

from certificates import Authority
from jobd_client import RpcError
from machine import (ADDRESS, STATE, Client, Failed, check, ctl, cursor, equal, journal, shown, systemctl, until,
                     write)

PLACE = '/etc/jobd/tls'
SETTINGS = '/etc/jobd/jobd.conf.d/tls.conf'
KEPT = '/etc/credstore/jobd.tls.'       # whence jobd.service takes credentials
GIVEN = '/run/credentials/jobd.service'
TOKEN = STATE + '/client.token'
SERVER = 'tls:127.0.0.1:7434'
RULES = '[access]\ncert:builder = submitter echo\n'
WRONG = 'tls.key: is not the key of tls.certificate'
# As docs/operations.md has it.
SOCKET = '''[Socket]
ListenStream=7434
FileDescriptorName=tls
Service=jobd.service
[Install]
WantedBy=sockets.target
'''


class Keeper:
    """An authority, and the pairs that it has made out for the server."""

    def __init__(self):
        os.makedirs(PLACE, exist_ok=True)
        os.makedirs(os.path.dirname(KEPT), mode=0o700, exist_ok=True)
        self.ca = Authority(PLACE)
        self.builder = self.ca.sign('builder', 'client')

    def keep(self, pair, key=None):
        """Where systemd takes credentials from."""
        shutil.copy(pair.certificate, KEPT + 'certificate')
        shutil.copy((key or pair).key, KEPT + 'key')
        shutil.copy(self.ca.path, KEPT + 'client_ca')

    def connect(self, token=None):
        return Client(SERVER, token=token, context=ssl.create_default_context(cafile=self.ca.path))

    def served(self):
        """For whom the certificate is made out that a client is shown now."""
        with self.connect() as c:
            return dict(part[0] for part in c.sock.getpeercert()['subject'])['commonName']

    def ctl(self, *words, **how):
        return ctl('-H', SERVER, '--ca', self.ca.path, *words, **how)

    def ctl_as_builder(self, *words, **how):
        return self.ctl('--cert', self.builder.certificate, '--key', self.builder.key, *words, **how)


def it_talks_tls():
    """With a key that systemd keeps: who has a token or a certificate is served as who it is, a job knows neither."""
    kept = Keeper()
    kept.keep(kept.ca.sign('first', 'server'))
    write(SETTINGS, '[net]\nlisten = %s tls:0.0.0.0:7434\n%s' % (ADDRESS, RULES))
    systemctl('stop', 'jobd.socket', 'jobd.service')
    systemctl('start', 'jobd.service')
    the_clients_are_served(kept)
    check('denied' in ctl('run', '--', 'cat', GIVEN + '/tls.key', status=1), 'a job reads the key')
    certificates_are_renewed(kept)
    a_socket_carries_tls(kept)
    leave(kept)


def the_clients_are_served(kept):
    token = {'JOBD_TOKEN_FILE': TOKEN}
    equal(kept.ctl('call', 'echo', '"token"', env=token), '"token"', 'a job with a token')
    check('not good for' in ctl('-H', SERVER, 'ping', status=6, env=token), 'an authority that nobody named is believed')
    equal(kept.ctl_as_builder('call', 'echo', '"cert"'), '"cert"', 'a job with a certificate')
    check('forbidden' in kept.ctl_as_builder('drain', status=5), 'a submitter drains')
    check('forbidden' in kept.ctl_as_builder('submit', 'sleep', '{"ms": 1}', status=5), 'a type that its rule has not')
    with kept.connect() as nobody:
        try:
            nobody.call('job.submit', type='echo')
        except RpcError as e:
            equal(e.kind, 'unauthenticated', 'why nobody is refused')
        else:
            raise Failed('somebody with neither is served')


def certificates_are_renewed(kept):
    """A good pair is served after a reload; a broken one is told of, and the one before stays.  Nobody is cut off."""
    with open(TOKEN) as f:
        before = kept.connect(token=f.read().strip())
    with before:
        equal(kept.served(), 'first', 'the certificate')
        kept.keep(kept.ca.sign('second', 'server'))
        systemctl('reload', 'jobd.service')
        until(lambda: kept.served() == 'second', 'the certificate that systemd was given anew')
        a_broken_credential_is_told_of(kept)
        third = kept.ca.sign('third', 'server')
        write(SETTINGS, '[tls]\ncertificate = %s\nkey = %s\n[net]\nlisten = %s tls:0.0.0.0:7434\n%s' %
              (third.certificate, third.key, ADDRESS, RULES))
        systemctl('reload', 'jobd.service')
        until(lambda: kept.served() == 'third', 'the certificate of the file that was named')
        a_broken_pair_is_told_of(kept, third)
        equal(before.call('job.call', type='echo', args=1)['result'], 1, 'a job of a connection from before')


def a_broken_credential_is_told_of(kept):
    """systemd shows credentials to the daemon alone, so its status has the word."""
    kept.keep(kept.ca.sign('never', 'server'), key=kept.builder)
    systemctl('reload', 'jobd.service')
    until(lambda: WRONG in shown('StatusText'), 'the status that says what is wrong', 30)
    equal(kept.served(), 'second', 'the certificate')
    kept.keep(kept.ca.sign('last', 'server'))
    systemctl('reload', 'jobd.service')
    until(lambda: kept.served() == 'last' and WRONG not in shown('StatusText'), 'the status of a good reload', 30)


def a_broken_pair_is_told_of(kept, pair):
    shutil.copy(kept.builder.key, pair.key)
    at = cursor()
    systemctl('reload', 'jobd.service', status=1)
    check(WRONG in journal(at), 'the journal does not say what is wrong')
    said = systemctl('status', '--no-pager', '--full', 'jobd.service')
    check(WRONG in said and 'status=78' in said, 'systemctl status does not: %s', said)
    check(WRONG in ctl('reload', status=5), 'jobctl reload does not')
    equal(kept.served(), 'third', 'the certificate')
    equal(shown('ActiveState'), 'active', 'the service')


def a_socket_carries_tls(kept):
    """By its name alone: who connects to it starts the service."""
    write(SETTINGS, RULES)
    write('/etc/systemd/system/jobd-tls.socket', SOCKET)
    systemctl('daemon-reload')
    systemctl('stop', 'jobd.service')
    systemctl('enable', '--now', 'jobd-tls.socket')
    equal(shown('ActiveState'), 'inactive', 'the service that nobody has asked for')
    equal(kept.served(), 'last', 'the certificate that systemd keeps')
    equal(kept.ctl_as_builder('call', 'echo', '1'), '1', 'a job')
    systemctl('stop', 'jobd.service')
    systemctl('start', 'jobd.socket', 'jobd.service')
    equal(kept.ctl_as_builder('call', 'echo', '2'), '2', 'a job of a service that was started beside it')


def leave(kept):
    systemctl('disable', '--now', 'jobd-tls.socket')
    for path in SETTINGS, '/etc/systemd/system/jobd-tls.socket':
        os.unlink(path)
    shutil.rmtree(PLACE)
    shutil.rmtree(os.path.dirname(KEPT))
    systemctl('daemon-reload')
    systemctl('restart', 'jobd.service')
