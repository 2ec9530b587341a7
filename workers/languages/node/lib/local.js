// local.js - a worker that jobd has started, with the wire as a descriptor.  (Node itself closes the descriptor in the
// processes that handlers start.)
'use strict';

const net = require('node:net');

const { Lines, message } = require('./wire');
const { Worker } = require('./worker');

const READY = 1;				// id of worker.ready
const LAST_MS = 1000;				// for handlers to clean up when jobd is gone

class LocalWorker extends Worker {
	#socket;
	#unsent = [];				// lines of this turn of the loop: they leave in one write
	#ended;

	constructor(handlers, slots, descriptor) {
		super(handlers, slots);
		this.#socket = new net.Socket({ fd: descriptor, readable: true, writable: true });
	}

	// A promise that is kept when jobd wants the worker no more.
	serve() {
		const lines = new Lines((one) => this.take(one));
		this.#socket.on('data', (block) => lines.add(block));
		this.#socket.on('error', () => {});		// 'close' follows
		this.#socket.on('close', () => this.#lost());
		this.say(message('worker.ready', this.readyParams(), READY));
		return new Promise((resolve) => {
			this.#ended = resolve;
		});
	}

	heard(one) {
		if (one.id === READY && one.result !== undefined)
			this.maxLineBytes = one.result.max_line_bytes ?? this.maxLineBytes;
	}

	say(line) {
		if (this.#unsent.push(line) === 1)
			setImmediate(() => this.#send());
	}

	#send() {
		if (this.#unsent.length > 0 && this.#socket.writable)
			this.#socket.write(this.#unsent.join(''));
		this.#unsent = [];
	}

	// All is answered: the process ends with the wire, when nothing of the program's own keeps it.
	end() {
		this.#send();
		this.#socket.removeAllListeners('close');
		this.#socket.end(() => {
			this.#socket.destroy();
			this.#ended();
		});
	}

	// jobd is gone: what runs is told to end, and has a moment for it.
	#lost() {
		this.cancelAll();
		const end = () => process.exit(1);
		if (this.attempts.size === 0)
			end();
		this.end = end;
		this.finishing = true;
		setTimeout(end, LAST_MS);
	}
}

module.exports = { LocalWorker };
