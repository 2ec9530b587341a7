// fake_daemon.js - jobd's side of the wire, for tests of the kit.
'use strict';

const { spawn } = require('node:child_process');
const path = require('node:path');

const MAIN = path.join(__dirname, '..', 'lib', 'main.js');
const PATIENCE_MS = 20000 * Number(process.env.JOBD_TEST_PATIENCE || 1);
const FIRST = 2 ** 32;

// One connection with a worker: sends what jobd says, sorts what the worker says.
class Conversation {
	constructor(socket) {
		this.socket = socket;
		this.answers = new Map();
		this.order = [];
		this.told = [];
		this.begun = '';
		this.waiting = new Set();
		this.next = FIRST;
		this.closed = false;
		socket.setEncoding('utf8');
		socket.on('data', (text) => this.#read(text));
		socket.on('error', () => {});
		socket.on('close', () => {
			this.closed = true;
			this.#look();
		});
	}

	#read(text) {
		const lines = (this.begun + text).split('\n');
		this.begun = lines.pop();
		for (const line of lines) {
			const one = JSON.parse(line);
			if (one.method !== undefined) {
				this.told.push(one);
			} else {
				if (this.answers.has(one.id))
					throw new Error(`answered twice: ${line}`);
				this.answers.set(one.id, one);
				this.order.push(one.id);
			}
		}
		this.#look();
	}

	#look() {
		for (const waiter of [...this.waiting])
			waiter();
	}

	// Waits until test() is true, and gives what it was.
	until(test, what = String(test)) {
		return new Promise((resolve, reject) => {
			const timer = setTimeout(() => reject(new Error(`not in time: ${what}`)), PATIENCE_MS);
			const waiter = () => {
				const value = test();
				if (!value)
					return;
				clearTimeout(timer);
				this.waiting.delete(waiter);
				resolve(value);
			};
			this.waiting.add(waiter);
			waiter();
		});
	}

	send(method, params, id) {
		this.socket.write(JSON.stringify({ jsonrpc: '2.0', id, method, params }) + '\n');
	}

	run(type, args = null, { job = 7, deadline = 0, ...more } = {}) {
		const fence = ++this.next;
		this.send('attempt.run', { job, type, attempt: 1, fence, deadline_ms: deadline, args, ...more }, fence);
		return fence;
	}

	cancel(fence) {
		this.send('attempt.cancel', { job: 7, attempt: 1, fence });
	}

	finish() {
		this.send('worker.finish', {});
	}

	answer(id) {
		return this.until(() => this.answers.get(id), `the answer ${id}`);
	}

	async result(id) {
		const answer = await this.answer(id);
		if (answer.error !== undefined)
			throw new Error(`an error: ${JSON.stringify(answer.error)}`);
		return answer.result;
	}

	async error(id) {
		return (await this.answer(id)).error;
	}

	notes(method) {
		return this.told.filter((one) => one.method === method).map((one) => one.params);
	}

	async waitFor(method, n = 1) {
		await this.until(() => this.notes(method).length >= n, `${n} of ${method}`);
		return this.notes(method);
	}
}

// A worker of the kit that serves the modules.
class LocalWorker extends Conversation {
	constructor(modules, options = []) {
		const child = spawn(process.execPath, [MAIN, ...options, ...modules.map((m) => path.join(__dirname, m))],
		    { env: { PATH: process.env.PATH, JOBD_FD: '3' }, stdio: ['ignore', 'pipe', 'pipe', 'pipe'] });
		super(child.stdio[3]);
		this.process = child;
		this.stdout = this.stderr = '';
		child.stdout.on('data', (text) => {
			this.stdout += text;
		});
		child.stderr.on('data', (text) => {
			this.stderr += text;
		});
		this.status = new Promise((resolve) => child.on('close', resolve));
	}

	async beReady() {
		[this.ready] = await this.waitFor('worker.ready');
		this.socket.write('{"jsonrpc":"2.0","id":1,"result":{"name":"t-1","pool":"t","types":[],' +
		    '"max_line_bytes":100000}}\n');
		return this;
	}

	async close() {
		this.process.kill('SIGKILL');
		await this.status;
	}
}

module.exports = { Conversation, LocalWorker, MAIN, PATIENCE_MS };
