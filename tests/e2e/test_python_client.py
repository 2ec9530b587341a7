"""test_python_client.py - the Python package, against the real daemon: Client, AsyncClient, futures, examples."""

import asyncio
import concurrent.futures
import gc
import os
import pickle
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import unittest
import warnings

from jobd_test import DaemonTest, OwnDaemonTest, SOURCE, until

PACKAGE = os.path.join(SOURCE, 'client', 'python')
sys.path.insert(0, PACKAGE)

import jobd  # noqa: E402


def open_fds():
    return len(os.listdir('/proc/self/fd'))


class FakeServer:
    """Answers one connection's hello, then says what the test wants."""

    def __init__(self, after_hello, hello=None):
        self.directory = tempfile.TemporaryDirectory(prefix='jobd-fake-')
        self.address = 'unix:%s/sock' % self.directory.name
        self.listener = socket.socket(socket.AF_UNIX)
        self.listener.bind(self.address[5:])
        self.listener.listen(1)
        self.after_hello = after_hello
        self.hello = hello or b'{"jsonrpc":"2.0","id":1,"result":{"protocol":1}}\n'
        self.thread = threading.Thread(target=self.serve)
        self.thread.start()

    def serve(self):
        connection, _ = self.listener.accept()
        with connection, connection.makefile('rb') as lines:
            lines.readline()
            connection.sendall(self.hello)
            lines.readline()
            try:
                connection.sendall(self.after_hello)
            except BrokenPipeError:
                pass                    # the client had seen enough

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.thread.join()
        self.listener.close()
        self.directory.cleanup()


class Blocking(DaemonTest):
    def client(self):
        client = jobd.Client(self.jobd.unix)
        self.addCleanup(client.close)
        return client

    def test_call_gives_the_result_whatever_json_it_is(self):
        client = self.client()
        for value in ('hi', {'a': [1, 2.5, None]}, [], True, 'ä\n"'):
            self.assertEqual(client.call('echo', value), value)
        self.assertIsNone(client.call('echo'))

    def test_futures_work_with_wait_and_as_completed(self):
        client = self.client()
        futures = {client.submit('sleep', {'ms': ms}): ms for ms in (200, 1, 100)}
        order = [futures[f] for f in concurrent.futures.as_completed(futures, timeout=30)]
        self.assertEqual(order, [1, 100, 200])
        futures = [client.submit('echo', n) for n in range(500)]
        done, pending = concurrent.futures.wait(futures, timeout=30)
        self.assertEqual(len(done), 500)
        self.assertEqual([f.result() for f in futures], list(range(500)))
        self.assertEqual(len({f.id for f in futures}), 500)
        quick, slow = client.submit('echo'), client.submit('sleep', {'ms': 60000})
        done, pending = concurrent.futures.wait([quick, slow], return_when='FIRST_COMPLETED', timeout=30)
        self.assertEqual((done, pending), ({quick}, {slow}))
        slow.cancel()

    def test_a_cancelled_job_is_a_cancelled_future(self):
        client = self.client()
        future = client.submit('sleep', {'ms': 60000})
        self.assertFalse(future.done())
        self.assertTrue(future.cancel())
        done, _ = concurrent.futures.wait([future], timeout=30)
        self.assertEqual(done, {future})
        self.assertTrue(future.cancelled())
        self.assertRaises(concurrent.futures.CancelledError, future.result)
        self.assertEqual(client.get(future.id)['state'], 'cancelled')
        self.assertFalse(future.cancel())
        later = [client.submit('sleep', {'ms': 60000}) for _ in range(50)]
        for future in later:
            future.cancel()         # some before the daemon has said their ids
        self.assertEqual(len(list(concurrent.futures.as_completed(later, timeout=30))), 50)
        self.assertTrue(all(f.cancelled() for f in later))

    def test_a_job_that_does_not_succeed_raises_what_it_came_to(self):
        client = self.client()
        with self.assertRaises(jobd.JobFailed) as failed:
            client.call('sleep', {'ms': 60000}, timeout_ms=10)
        self.assertEqual(failed.exception.kind, 'timeout')
        self.assertEqual(client.get(failed.exception.id)['state'], 'failed')
        self.assertRaises(jobd.JobFailed, client.submit('file.digest', {'path': '/nowhere'}).result, 30)
        again = pickle.loads(pickle.dumps(failed.exception))
        self.assertEqual((again.kind, str(again)), ('timeout', str(failed.exception)))

    def test_a_request_that_is_not_served_says_its_kind(self):
        client = self.client()
        with self.assertRaises(jobd.RequestError) as refused:
            client.call('no.such.type')
        self.assertEqual(refused.exception.kind, 'unknown_type')
        self.assertFalse(refused.exception.retryable)
        future = client.submit('echo', timeot_ms=5)
        self.assertRaisesRegex(jobd.RequestError, 'timeot_ms', future.result, 30)
        self.assertRaises(jobd.RequestError, future.accepted, 30)
        self.assertRaisesRegex(jobd.RequestError, 'not_found', client.get, 1 << 50)
        self.assertRaisesRegex(ValueError, 'JSON', client.call, 'echo', float('nan'))
        self.assertRaisesRegex(jobd.RequestError, 'line_too_long', client.call, 'echo', 'x' * (1 << 20))
        self.assertEqual(client.call('echo', 1), 1)

    def test_map_keeps_the_order_and_reads_no_further_than_its_window(self):
        client = self.client()
        read = []

        def arguments():
            for n in range(300):
                read.append(n)
                yield n

        results = client.map('echo', arguments(), window=20)
        self.assertEqual(next(results), 0)
        self.assertLessEqual(len(read), 20)
        self.assertEqual(list(results), list(range(1, 300)))
        self.assertEqual(list(client.map('echo', [])), [])
        self.assertRaises(ValueError, client.map, 'echo', [1], window=0)

    def test_a_map_that_is_closed_cancels_what_is_under_way(self):
        client = self.client()
        results = client.map('sleep', [{'ms': 0}] + [{'ms': 60000}] * 9, window=10, labels={'map': 'closed'})
        next(results)
        results.close()
        until(lambda: all(j['state'] in ('cancelled', 'succeeded') for j in client.list(label={'map': 'closed'})),
              'the end of all of them')

    def test_a_result_larger_than_a_line_comes_whole(self):
        value = 'ä' * 400000
        with jobd.Client(self.jobd.unix, max_line_bytes=4096) as narrow:
            self.assertEqual(narrow.call('echo', value), value)
            self.assertEqual(narrow.submit('echo', value).result(30), value)

        async def main():
            async with jobd.AsyncClient(self.jobd.unix, max_line_bytes=4096) as narrow:
                self.assertEqual(await narrow.call('echo', value), value)

        asyncio.run(main())

    def test_jobs_outlive_the_connection_and_are_found_again(self):
        with jobd.Client(self.jobd.unix) as first:
            future = first.submit('sleep', {'ms': 60000})
            refused = first.submit('nope')
        self.assertRaises(jobd.Disconnected, future.result, 30)
        self.assertRaises(jobd.RequestError, refused.result, 30)
        self.assertIsNotNone(future.id)          # close waited for the daemon's word
        second = self.client()
        again = second.job(future.id)
        again.cancel()
        self.assertRaises(concurrent.futures.CancelledError, again.result, 30)

    def test_a_closed_client_leaves_nothing_open(self):
        with jobd.Client(self.jobd.unix) as client:
            client.call('echo')
        threads, fds = threading.active_count(), open_fds()
        with warnings.catch_warnings():
            warnings.simplefilter('error', ResourceWarning)
            for _ in range(20):
                with jobd.Client(self.jobd.unix) as client:
                    client.submit('sleep', {'ms': 100})
            gc.collect()
        self.assertEqual((threading.active_count(), open_fds()), (threads, fds))
        self.assertRaises(jobd.Disconnected, client.call, 'echo')
        client.close()                           # twice is fine

    def test_many_threads_share_a_client(self):
        client = self.client()
        with concurrent.futures.ThreadPoolExecutor(16) as pool:
            results = list(pool.map(lambda n: client.call('echo', n), range(2000)))
        self.assertEqual(results, list(range(2000)))

    def test_a_callback_may_submit(self):
        client = self.client()
        second = concurrent.futures.Future()
        client.submit('echo', 1).add_done_callback(
            lambda f: client.submit('echo', f.result() + 1).add_done_callback(
                lambda g: second.set_result(g.result())))
        self.assertEqual(second.result(30), 2)

    def test_more_submits_than_the_daemon_takes_at_once_all_end(self):
        client = self.client()
        futures = [client.submit('sleep', {'ms': 1}) for _ in range(30000)]
        self.assertEqual(len(concurrent.futures.wait(futures, timeout=120).not_done), 0)
        self.assertTrue(all(f.exception() is None for f in futures))

    def test_tcp_needs_the_token(self):
        with jobd.Client(self.jobd.tcp, token=self.jobd.token()) as client:
            self.assertEqual(client.call('echo', 1), 1)
        with self.assertRaises(jobd.RequestError) as refused:
            jobd.Client(self.jobd.tcp, token='wrong')
        self.assertEqual(refused.exception.kind, 'unauthenticated')

    def test_list_goes_on_page_by_page(self):
        client = self.client()
        ids = {client.submit('echo', n, labels={'list': 'pages'}).accepted(30) for n in range(250)}
        self.assertEqual({job['id'] for job in client.list(label={'list': 'pages'})}, ids)

    def test_a_client_is_not_for_a_forked_child(self):
        client = self.client()
        child = os.fork()
        if child == 0:
            try:
                client.call('echo')
            except jobd.Error:
                os._exit(7)
            os._exit(0)
        self.assertEqual(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), 7)
        self.assertEqual(client.call('echo', 1), 1)


class Async(DaemonTest):
    def run_async(self, work):
        async def main():
            async with jobd.AsyncClient(self.jobd.unix) as client:
                return await work(client)

        return asyncio.run(main(), debug=True)

    def test_ten_thousand_waits_at_once(self):
        async def work(client):
            return await asyncio.gather(*[client.call('sleep', {'ms': 200}) for _ in range(10000)])

        async def main():
            async with jobd.AsyncClient(self.jobd.unix) as client:
                return await work(client)

        self.assertEqual(len(asyncio.run(main())), 10000)

    def test_a_job_is_awaited_more_than_once_and_cancelled(self):
        async def work(client):
            job = await client.submit('echo', 5)
            self.assertEqual((await job, await job), (5, 5))
            self.assertFalse(await job.cancel())
            job = await client.submit('sleep', {'ms': 60000})
            self.assertTrue(await job.cancel())
            with self.assertRaises(jobd.JobCancelled):
                await job
            with self.assertRaises(jobd.JobFailed):
                await client.call('sleep', {'ms': 60000}, timeout_ms=5)
            with self.assertRaises(jobd.RequestError):
                await client.submit('nope')

        self.run_async(work)

    def test_a_cancelled_task_cancels_its_job(self):
        async def work(client):
            task = asyncio.create_task(client.call('sleep', {'ms': 60000}, labels={'task': 'cancelled'}))
            while not [j async for j in client.list(label={'task': 'cancelled'}, state='running')]:
                await asyncio.sleep(0.01)
            task.cancel()
            with self.assertRaises(asyncio.CancelledError):
                await task
            while [j async for j in client.list(label={'task': 'cancelled'}, state='running')]:
                await asyncio.sleep(0.01)
            jobs = [j async for j in client.list(label={'task': 'cancelled'})]
            self.assertEqual([j['state'] for j in jobs], ['cancelled'])

        self.run_async(work)

    def test_a_timeout_around_a_submit_leaves_no_job_behind(self):
        async def work(client):
            tasks = [asyncio.create_task(client.call('sleep', {'ms': 60000}, labels={'task': 'early'}))
                     for _ in range(20)]
            await asyncio.sleep(0)
            for task in tasks:
                task.cancel()           # the submits are sent, and not answered
            await asyncio.gather(*tasks, return_exceptions=True)
            while [j async for j in client.list(label={'task': 'early'}) if j['state'] != 'cancelled']:
                await asyncio.sleep(0.01)

        self.run_async(work)

    def test_map_is_an_async_generator_in_order(self):
        async def work(client):
            self.assertEqual([r async for r in client.map('echo', range(200), window=7)], list(range(200)))

        self.run_async(work)

    def test_a_closed_client_leaves_nothing_open(self):
        async def work(client):
            return await client.submit('sleep', {'ms': 100})

        self.run_async(work)
        fds = open_fds()
        with warnings.catch_warnings():
            warnings.simplefilter('error', ResourceWarning)
            job = self.run_async(work)
            gc.collect()
        self.assertEqual(open_fds(), fds)
        self.assertTrue(job.done())

    def test_tcp_needs_the_token(self):
        async def main():
            async with jobd.AsyncClient(self.jobd.tcp, token=self.jobd.token()) as client:
                self.assertEqual(await client.call('echo', 1), 1)
            with self.assertRaises(jobd.RequestError):
                async with jobd.AsyncClient(self.jobd.tcp, token='wrong'):
                    pass

        asyncio.run(main())


class Ends(OwnDaemonTest):
    """The other side goes away, or is no jobd."""

    def test_a_killed_daemon_ends_every_wait(self):
        daemon = self.daemon()

        async def wait():
            async with jobd.AsyncClient(daemon.unix) as client:
                job = await client.submit('sleep', {'ms': 60000})
                os.kill(daemon.pid, signal.SIGKILL)
                with self.assertRaises(jobd.Disconnected):
                    await job
                with self.assertRaises(jobd.Disconnected):
                    await client.call('echo')

        with jobd.Client(daemon.unix) as client:
            future = client.submit('sleep', {'ms': 60000})
            future.accepted(30)
            asyncio.run(wait())
            self.assertRaises(jobd.Disconnected, future.result, 30)
            self.assertRaises(jobd.Disconnected, client.call, 'echo')
        daemon.kill()

    def test_nobody_there_is_said_with_the_address(self):
        for make in (jobd.Client, lambda a: asyncio.run(jobd.AsyncClient(a).connect())):
            self.assertRaisesRegex(jobd.Unreachable, 'unix:/nowhere/sock', make, 'unix:/nowhere/sock')
            self.assertRaisesRegex(ValueError, 'unix:PATH', make, 'http://localhost')
            self.assertRaisesRegex(ValueError, 'port', make, 'tcp:localhost:70000')

    def test_garbage_ends_the_connection_with_an_error_that_shows_it(self):
        for garbage in (b'what?\n', b'[]\n', b'{"id":99,"result":1}\n', b'{"id":2}\n', b'{"id":2,"error":7}\n',
                        b'\xff\xfe\n', b'[' * 100000 + b'\n', b''):
            with FakeServer(garbage) as server, jobd.Client(server.address) as client:
                future = client.request_async('ping')
                self.assertIsInstance(future.exception(30), jobd.Disconnected, garbage[:20])
            with FakeServer(garbage) as server:
                async def main():
                    async with jobd.AsyncClient(server.address) as client:
                        with self.assertRaises(jobd.Disconnected):
                            await client.request('ping')

                asyncio.run(main())

    def test_a_hello_that_is_none_is_unreachable(self):
        for hello in (b'HTTP/1.1 400 Bad Request\r\n\r\n', b'{"id":1,"result":{"protocol":2}}\n'):
            with FakeServer(b'', hello=hello) as server:
                self.assertRaises(jobd.Unreachable, self.greet, server.address)
            with FakeServer(b'', hello=hello) as server:
                self.assertRaises(jobd.Unreachable, asyncio.run, self.greet_async(server.address))

    def greet(self, address):
        with jobd.Client(address):
            pass

    async def greet_async(self, address):
        async with jobd.AsyncClient(address):
            pass


class Examples(OwnDaemonTest):
    def run_example(self, daemon, name, *arguments):
        env = dict(os.environ, JOBD_HOST=daemon.unix, PYTHONPATH=PACKAGE, PYTHONWARNINGS='error')
        return subprocess.run([sys.executable, '-B', os.path.join(SOURCE, 'examples/python', name), *arguments],
                              env=env, capture_output=True, text=True, timeout=120)

    def test_digest_tree_agrees_with_sha256sum(self):
        directory = os.path.join(SOURCE, 'proto')
        run = self.run_example(self.daemon(roots=(SOURCE,)), 'digest_tree.py', directory)
        self.assertEqual((run.returncode, run.stderr), (0, ''))
        lines = sorted(run.stdout.splitlines())
        truth = subprocess.run('find %s -type f -print0 | xargs -0 sha256sum' % directory, shell=True,
                               capture_output=True, text=True, check=True).stdout
        self.assertEqual(lines, sorted(truth.splitlines()))
        self.assertGreater(len(lines), 20)

    def test_digest_tree_says_what_it_could_not_do(self):
        run = self.run_example(self.daemon(), 'digest_tree.py', os.path.join(SOURCE, 'proto'))
        self.assertEqual(run.returncode, 1)
        self.assertIn('files.roots', run.stderr)

    def test_many_waits(self):
        run = self.run_example(self.daemon(), 'many_waits.py', '2000')
        self.assertEqual((run.returncode, run.stderr), (0, ''))
        self.assertIn('2000 waits', run.stdout)


if __name__ == '__main__':
    unittest.main()
