"""test_tls_clients.py - jobctl, libjobd and the Python client at a TLS listener."""

import asyncio
import os
import subprocess
import sys
import unittest

from jobd_test import BUILD, PATIENCE, SOURCE, program
from test_tls import Certificates

sys.path.insert(0, os.path.join(SOURCE, 'client', 'python'))
import jobd  # noqa: E402


class Clients(Certificates):
    """One daemon for all of a class."""

    def setUp(self):
        self.jobd = self.tls_daemon('tls.client_ca=' + self.ca.path)
        self.address = self.jobd.ready[3]
        self.token_file = os.path.join(self.jobd.state_dir, 'client.token')


class Jobctl(Clients):
    def jobctl(self, *arguments, address=None, **environment):
        clean = {k: v for k, v in os.environ.items() if not k.startswith('JOBD_')}
        return subprocess.run([program('jobctl'), *arguments], capture_output=True, timeout=60 * PATIENCE, text=True,
                              env=dict(clean, JOBD_HOST=address or self.address, **environment))

    def works(self, *arguments, **environment):
        done = self.jobctl(*arguments, **environment)
        self.assertEqual(done.returncode, 0, done.stderr)
        return done.stdout

    def refused(self, status, says, *arguments, **environment):
        done = self.jobctl('ping', *arguments, **environment)
        self.assertEqual((done.returncode, done.stdout), (status, ''), done.stderr)
        self.assertIn(says, done.stderr)

    def test_it_works_as_ever(self):
        trusted = {'JOBD_CA': self.ca.path, 'JOBD_TOKEN_FILE': self.token_file}
        self.assertIn('tls:127.0.0.1', self.works('ping', **trusted))
        self.assertEqual(self.works('call', 'echo', '{"a":1}', **trusted), '{"a":1}\n')
        self.assertEqual(self.works('run', 'sh', '-c', 'seq 100000 | tail -n 1; cat /dev/null', **trusted), '100000\n')
        long = self.works('run', 'seq', '200000', **trusted)
        self.assertEqual(long, ''.join('%d\n' % i for i in range(1, 200001)))
        by_name = self.address.replace('127.0.0.1', 'localhost')
        self.assertIn('localhost', self.works('ping', address=by_name, **trusted))

    def test_the_daemon_must_be_who_it_should_be(self):
        token = {'JOBD_TOKEN_FILE': self.token_file}
        self.refused(6, 'its certificate is not good for 127.0.0.1', **token)
        self.refused(6, 'its certificate is not good for 127.0.0.1', '--ca', self.other.path, **token)
        self.refused(6, 'IP address mismatch', '--ca', self.ca.path, **token,
                     address=self.wrong(alt='DNS:localhost').replace('localhost', '127.0.0.1'))
        self.refused(6, 'hostname mismatch', '--ca', self.ca.path, **token,
                     address=self.wrong(alt='IP:127.0.0.1').replace('127.0.0.1', 'localhost'))
        self.refused(6, 'certificate has expired', '--ca', self.ca.path, **token, address=self.wrong(days=-1))
        self.refused(6, 'the TLS handshake failed', '--ca', self.ca.path, **token,
                     address=self.jobd.tcp.replace('tcp:', 'tls:'))

    def wrong(self, **how):
        """The address of a daemon with another certificate."""
        return self.tls_daemon(pair=self.ca.sign('another', 'server', **how)).ready[3]

    def test_files_that_are_not_usable_are_named(self):
        ca = ('--ca', self.ca.path)
        self.refused(2, 'the authorities /nosuch: No such file', '--ca', '/nosuch', JOBD_TOKEN_FILE=self.token_file)
        self.refused(2, 'the certificate /nosuch: No such file', *ca, '--cert', '/nosuch', '--key', self.builder.key)
        self.refused(2, 'the key /nosuch: No such file', *ca, '--cert', self.builder.certificate, '--key', '/nosuch')
        self.refused(2, 'others than its owner may read it', *ca, '--cert', self.builder.certificate)
        self.refused(2, 'the key %s: key values mismatch' % self.server.key, *ca, '--cert', self.builder.certificate,
                     '--key', self.server.key)
        self.refused(2, 'a key is given, and no certificate', *ca, '--key', self.server.key,
                     JOBD_TOKEN_FILE=self.token_file)

    def test_a_token_that_nobody_named_does_not_go_to_another_machine(self):
        home = os.path.dirname(self.jobd.state_dir)
        os.makedirs(home + '/jobd', exist_ok=True)
        with open(home + '/jobd/client.token', 'w') as f:
            f.write('client.' + 'a' * 64)
        os.chmod(home + '/jobd/client.token', 0o600)
        self.refused(5, 'wants a token (JOBD_TOKEN_FILE says where it is) or a certificate', '--ca', self.ca.path,
                     XDG_STATE_HOME=home)

    def test_a_certificate_that_is_refused_is_told(self):
        stranger = self.other.sign('builder', 'client')
        done = self.jobctl('ping', '--ca', self.ca.path, '--cert', stranger.certificate, '--key', stranger.key)
        self.assertEqual(done.returncode, 6)
        self.assertIn('unknown ca', done.stderr)


class Python(Clients):
    def setUp(self):
        super().setUp()
        self.token = self.jobd.token()

    def client(self, **how):
        return jobd.Client(self.address, **dict({'token': self.token, 'ca': self.ca.path}, **how))

    def test_it_works_as_ever(self):
        with self.client() as client:
            self.assertEqual(client.call('echo', {'a': 1}), {'a': 1})
            text = 'x' * 900000
            self.assertEqual(client.call('echo', text), text)
            self.assertEqual(list(client.map('echo', range(2000), window=500)), list(range(2000)))

    def test_asyncio_works_as_ever(self):
        async def run():
            async with jobd.AsyncClient(self.address, token=self.token, ca=self.ca.path) as client:
                return await asyncio.gather(*[client.call('echo', i) for i in range(500)])

        self.assertEqual(asyncio.run(run()), list(range(500)))

    def test_the_daemon_must_be_who_it_should_be(self):
        for how in ({'ca': self.other.path}, {'ca': None}, {'ca': '/nosuch'}):
            with self.assertRaises(jobd.Unreachable):
                self.client(**how)
        self.address = self.tls_daemon(pair=self.ca.sign('another', 'server', alt='DNS:other')).ready[3]
        with self.assertRaisesRegex(jobd.Unreachable, 'mismatch|doesn.t match|not valid'):
            self.client()

    def test_a_token_or_a_certificate_is_wanted(self):
        with self.assertRaisesRegex(jobd.Unreachable, 'wants a token'):
            self.client(token=None)
        with self.assertRaisesRegex(jobd.Unreachable, 'others than its owner may read it'):
            self.client(token=None, cert=self.builder.certificate)
        with self.client(token=None, cert=self.builder.certificate, key=self.builder.key) as client:
            self.assertEqual(client.request('ping'), {'pong': True})


class Library(Clients):
    def test_without_tls_no_libssl_is_loaded(self):
        said = subprocess.run(['ldd', program('jobctl')], capture_output=True, text=True).stdout
        self.assertNotIn('libssl', said)
        self.assertNotIn('libcrypto', said)

    def test_a_program_of_libjobd_opens_it(self):
        source = os.path.join(self.dir, 'open.c')
        with open(source, 'w') as f:
            f.write(PROGRAM)
        static = next(path for path in (BUILD + '/libjobd.a', BUILD + '/lib/libjobd.a') if os.path.exists(path))
        sanitizers = ['-fsanitize=address,undefined'] if b'__asan_init' in open(static, 'rb').read() else []
        subprocess.run(['cc', '-o', source[:-2], source, '-I', SOURCE + '/client', *sanitizers, static, '-lm', '-pthread'],
                       check=True)
        clean = {k: v for k, v in os.environ.items() if not k.startswith('JOBD_')}
        done = subprocess.run([source[:-2], self.address, self.token_file, self.ca.path], capture_output=True, text=True,
                              env=clean, timeout=60 * PATIENCE)
        self.assertEqual((done.returncode, done.stdout), (0, '["x",1]\n'), done.stderr)


PROGRAM = r'''
#include <stdio.h>
#include <stdlib.h>
#include "jobd.h"

int
main(int argc, char **argv)
{
	struct jobd_options	 o = { .address = argv[1], .token_file = argv[2], .ca_file = argv[argc - 1] };
	struct jobd_job		 job = { .type = "echo", .args = "[\"x\",1]" };
	struct jobd_error	 err;
	struct jobd		*j;
	char			*result;

	if (jobd_open(&o, &j, &err) != 0 || jobd_call(j, &job, 10000, &result, &err) != 0) {
		fprintf(stderr, "%s\n", err.message);
		return 1;
	}
	puts(result);
	free(result);
	jobd_close(j);
	return 0;
}
'''


if __name__ == '__main__':
    unittest.main()
