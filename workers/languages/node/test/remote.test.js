// remote.test.js - a remote worker, seen from jobd's side of its connections.
'use strict';

const assert = require('node:assert/strict');
const { spawn } = require('node:child_process');
const fs = require('node:fs');
const net = require('node:net');
const os = require('node:os');
const path = require('node:path');
const { afterEach, beforeEach, describe, it } = require('node:test');

const { Conversation, MAIN } = require('./fake_daemon');
const { readToken } = require('../lib/remote');

let directory, server, worker, connections;

beforeEach(async () => {
	directory = fs.mkdtempSync(path.join(os.tmpdir(), 'jobd-kit-'));
	fs.writeFileSync(path.join(directory, 'worker.token'), 'worker.secret\n', { mode: 0o600 });
	connections = [];
	server = net.createServer((socket) => connections.push(new Conversation(socket)));
	await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve));
});

afterEach(async () => {
	worker.child.kill('SIGKILL');
	await worker.status;
	connections.forEach((one) => one.socket.destroy());
	await new Promise((resolve) => server.close(resolve));
	fs.rmSync(directory, { recursive: true });
});

function start(...options) {
	const child = spawn(process.execPath, [MAIN, '--connect', `tcp:127.0.0.1:${server.address().port}`,
	    '--pool', 'gpu', '--name', 'host-1', '--token-file', path.join(directory, 'worker.token'), ...options,
	    path.join(__dirname, 'sample.js')], { stdio: ['ignore', 'ignore', 'pipe'] });
	worker = { child, stderr: '', status: new Promise((resolve) => child.on('close', resolve)) };
	child.stderr.on('data', (text) => {
		worker.stderr += text;
	});
}

// The worker's nth connection, after its hello.
async function accept(n) {
	while (connections.length <= n)
		await new Promise((resolve) => server.once('connection', () => setImmediate(resolve)));
	await connections[n].waitFor('hello');
	return connections[n];
}

async function welcome(jobd, running = []) {
	jobd.socket.write('{"jsonrpc":"2.0","id":1,"result":{"version":"0"}}\n');
	const [ready] = await jobd.waitFor('worker.ready');
	const rows = running.map((fence) => ({ job: 7, attempt: 1, fence }));
	jobd.socket.write(JSON.stringify({ id: 2, result: { name: 'host-1', pool: 'gpu', types: [],
	    max_line_bytes: 100000, running: rows, stale: [] } }) + '\n');
	return ready;
}

async function begin(jobd, type, args) {
	const before = jobd.notes('attempt.log').length;
	const id = jobd.run(type, args);
	await jobd.waitFor('attempt.log', before + 1);
	return id;
}

describe('a remote worker', () => {
	it('shows its token, then what it has, and ends with 0 after worker.finish', async () => {
		start();
		const jobd = await accept(0);
		assert.deepEqual(jobd.notes('hello'), [{ client: 'worker host-1', token: 'worker.secret' }]);
		const ready = await welcome(jobd);
		assert.deepEqual([ready.pool, ready.name, ready.running, ready.credit], ['gpu', 'host-1', [], undefined]);
		assert.match(ready.session, /^[A-Za-z0-9_-]{16,64}$/);
		assert.equal(await jobd.result(jobd.run('add', { a: 1 })), 11);
		jobd.finish();
		await jobd.until(() => jobd.closed);
		assert.equal(await worker.status, 0);
	});

	it('that is refused at first ends and says why', async () => {
		start();
		const jobd = await accept(0);
		jobd.socket.write('{"id":1,"error":{"code":-32003,"message":"wrong token"}}\n');
		assert.equal(await worker.status, 1);
		assert.match(worker.stderr, /wrong token/);
	});

	it('comes back with its session; what runs goes on, what was given up is dropped', async () => {
		start('--credit', '4');
		const first = await accept(0);
		const { session, credit } = await welcome(first);
		assert.equal(credit, 4);
		const known = first.run('add', { a: 1 });
		await first.result(known);
		const goesOn = await begin(first, 'sleeps', 300);
		const dropped = await begin(first, 'sleeps', 1000000);
		first.socket.destroy();

		const second = await accept(1);
		second.next = first.next;
		const ready = await welcome(second, [goesOn, known]);
		assert.equal(ready.session, session);
		assert.equal(ready.credit, 2);
		assert.deepEqual(ready.running.map((row) => row.fence), [goesOn, dropped, known]);
		assert.equal(await second.result(known), 11);
		assert.equal(await second.result(goesOn), null);
		assert.equal(await second.result(second.run('add', { a: 2 })), 12);
		assert.equal(second.answers.has(dropped), false);
		assert.deepEqual(await second.waitFor('worker.credit', 3), [{ n: 1 }, { n: 1 }, { n: 1 }]);
		assert.match(worker.stderr, /given it up/);
	});

	it('reads no token that others may read', () => {
		start();
		const file = path.join(directory, 'worker.token');
		assert.equal(readToken(file), 'worker.secret');
		fs.chmodSync(file, 0o640);
		assert.throws(() => readToken(file), /chmod 600/);
	});
});
