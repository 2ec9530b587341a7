// remote.js - a worker that connects to jobd by itself, over TCP, TLS or the unix socket.  When the connection ends it comes
// back, with the session and what still runs, so that nothing is lost that the daemon has not given up.  Answers are
// kept for a while after they were sent, because nobody knows which of them a broken connection still carried.
'use strict';

const crypto = require('node:crypto');
const fs = require('node:fs');
const net = require('node:net');
const os = require('node:os');
const tls = require('node:tls');

const { Lines, message } = require('./wire');
const { Worker } = require('./worker');

const HELLO = 1, READY = 2;			// ids of requests
const CONNECT_MS = 10000;
const PAUSE_MS = { first: 100, longest: 5000 };	// between attempts to connect
const KEPT_MS = 60000;				// an answer that was sent
const KEPT_CHARACTERS = 64 << 20;		// of answers that were sent

class RemoteWorker extends Worker {
	#offer;
	#credit;
	#token;
	#where;
	#secure;				// what tls.connect takes beyond that; null: no TLS
	#socket = null;				// while jobd has accepted this worker on it
	#answers = new Map();			// of a fence: { at, job, number, line }, oldest first
	#pause = PAUSE_MS.first;
	#met = false;				// it has been accepted once
	#resolve;
	#reject;

	constructor(handlers, slots, { address, pool, token, name, credit, ca, cert, key }) {
		super(handlers, slots);
		if (!pool)
			throw new TypeError('a remote worker works for a pool: serve({ address, pool })');
		this.#where = parsed(address);
		this.#secure = address.startsWith('tls:') ? secured(this.#where.host, ca, cert, key) : null;
		this.#token = token;
		this.#credit = credit;
		this.#offer = { ...this.readyParams(), pool, name: name || os.hostname().slice(0, 64),
		    session: crypto.randomBytes(18).toString('base64url') };
	}

	serve() {
		this.#connect();
		return new Promise((resolve, reject) => {
			this.#resolve = resolve;
			this.#reject = reject;
		});
	}

	#connect() {
		const socket = this.#secure === null ? net.connect(this.#where) :
		    tls.connect({ ...this.#where, ...this.#secure });
		const lines = new Lines((one) => this.#take(socket, one));
		let trouble = 'the connection has ended';
		socket.setNoDelay(true);
		socket.setKeepAlive(true, 10000);
		socket.setTimeout(CONNECT_MS, () => socket.destroy(new Error('no answer')));
		socket.on(this.#secure === null ? 'connect' : 'secureConnect', () => this.#hello(socket));
		socket.on('data', (block) => {
			try {
				lines.add(block);
			} catch (problem) {
				socket.destroy(problem);
			}
		});
		socket.on('error', (problem) => {
			trouble = problem.message;
		});
		socket.on('close', () => this.#lost(trouble));
	}

	#hello(socket) {
		const hello = { client: `worker ${this.#offer.name}` };
		if (this.#token !== undefined)
			hello.token = this.#token;
		socket.write(message('hello', hello, HELLO));
	}

	#take(socket, one) {
		if (one.method !== undefined)
			return this.take(one);
		if (one.error !== undefined)
			return this.#refused(socket, one.error.message);
		if (one.id === HELLO)
			return socket.write(message('worker.ready', this.#ready(), READY));
		return this.#resume(socket, one.result);
	}

	#ready() {
		const row = ({ job, number, fence }) => ({ job, attempt: number, fence });
		const ready = { ...this.#offer, running: [...this.attempts.values(), ...this.#answers.values()].map(row) };
		if (this.#credit !== undefined)
			ready.credit = Math.max(0, this.#credit - this.attempts.size);
		return ready;
	}

	// What goes on after the disconnect, and what does not.
	#resume(socket, accepted) {
		const alive = new Set((accepted.running || []).map((row) => row.fence));
		socket.setTimeout(0);
		this.#met = true;
		this.#pause = PAUSE_MS.first;
		this.#socket = socket;
		this.maxLineBytes = accepted.max_line_bytes ?? this.maxLineBytes;
		for (const [fence, { line }] of [...this.#answers]) {
			if (alive.has(fence))
				socket.write(line);
			else
				this.#answers.delete(fence);
		}
		for (const attempt of [...this.attempts.values()].filter((a) => !alive.has(a.fence)))
			this.#giveUp(attempt);
	}

	#giveUp(attempt) {
		complain(`job ${attempt.job}, attempt ${attempt.number}: jobd has given it up`);
		this.attempts.delete(attempt.fence);
		if (this.#credit !== undefined)
			this.say(message('worker.credit', { n: 1 }));
		attempt.cancel();
	}

	#refused(socket, why) {
		if (!this.#met) {
			this.finishing = true;
			this.#reject(new Error(`jobd does not want this worker: ${why}`));
		}
		socket.destroy(new Error(why));
	}

	#lost(trouble) {
		this.#socket = null;
		if (this.finishing) {
			this.#resolve();
			return;
		}
		complain(`${JSON.stringify(this.#where)}: ${trouble}; trying again`);
		setTimeout(() => this.#connect(), this.#pause * (0.5 + Math.random() / 2));
		this.#pause = Math.min(PAUSE_MS.longest, this.#pause * 2);
	}

	heard(one) {
		if (one.method === 'attempt.refused')
			complain(`an answer was refused: ${one.params.error.message}`);
	}

	// Progress and logs are lost while there is no connection.
	say(line) {
		this.#socket?.write(line);
	}

	answer(attempt, line) {
		if (!this.attempts.delete(attempt.fence))
			return;				// it was given up
		this.#keep(attempt, line);
		this.say(this.#credit === undefined ? line : line + message('worker.credit', { n: 1 }));
	}

	#keep({ job, number, fence }, line) {
		const now = performance.now();
		this.#answers.set(fence, { at: now, job, number, fence, line });
		if (this.#socket === null)
			return;
		let total = 0;
		for (const row of this.#answers.values())
			total += row.line.length;
		for (const row of this.#answers.values()) {
			if (row.fence === fence || (now - row.at < KEPT_MS && total <= KEPT_CHARACTERS))
				break;
			total -= row.line.length;
			this.#answers.delete(row.fence);
		}
	}

	// All is answered.
	end() {
		if (this.#socket === null)
			this.#resolve();
		else
			this.#socket.end();
	}
}

function complain(text) {
	process.stderr.write(`jobd-worker: ${text}\n`);
}

// What net.connect takes; throws an Error that says what is wrong.
function parsed(address) {
	const unix = /^unix:(.+)$/.exec(address);
	if (unix !== null)
		return { path: unix[1] };
	const tcp = /^t(?:cp|ls):(.+):(\d+)$/.exec(address);
	if (tcp === null || Number(tcp[2]) < 1 || Number(tcp[2]) > 65535)
		throw new TypeError(`'${address}' is no address: tcp:HOST:PORT, tls:HOST:PORT and unix:PATH are`);
	return { host: tcp[1].replace(/^\[(.*)\]$/, '$1'), port: Number(tcp[2]) };
}

// What is believed of jobd and shown to it: files (PEM), else JOBD_CA, JOBD_CERT and JOBD_KEY say which.  Its certificate
// and its name are checked by default.
function secured(host, ca = process.env.JOBD_CA, cert = process.env.JOBD_CERT, key = process.env.JOBD_KEY) {
	const secure = { minVersion: 'TLSv1.2' };
	if (net.isIP(host) === 0)
		secure.servername = host;
	if (ca)
		secure.ca = fs.readFileSync(ca);
	if (cert) {
		checkSecret(key || cert);
		secure.cert = fs.readFileSync(cert);
		secure.key = fs.readFileSync(key || cert);
	}
	return secure;
}

function checkSecret(path) {
	if ((fs.statSync(path).mode & 0o077) !== 0)
		throw new Error(`${path}: others than its owner may read it (chmod 600)`);
}

// The secret in a token file; refused when others than its owner may read it.
function readToken(path) {
	checkSecret(path);
	const [token] = fs.readFileSync(path, 'ascii').split(/\s/, 1);
	if (!token)
		throw new Error(`${path}: it holds no token`);
	return token;
}

module.exports = { RemoteWorker, readToken };
