// worker.js - serves attempts: what is the same for workers that jobd has started and remote ones.
'use strict';

const { setImmediate } = require('node:timers/promises');

const { Attempt } = require('./attempt');
const { Failure, errorOf } = require('./errors');
const { LINE_BYTES, errorLine, resultLine } = require('./wire');

const PROTOCOL = 1;

class Worker {
	#turns = [];				// of the lane process: the first one runs

	constructor(handlers, slots) {
		if (handlers.size === 0)
			throw new Error('there are no handlers: declare them with job() before serve()');
		this.handlers = handlers;
		this.attempts = new Map();		// by fence, from attempt.run to its answer
		this.maxLineBytes = LINE_BYTES;
		this.finishing = false;			// jobd has said worker.finish
		const lanes = new Set([...handlers.values()].map((handler) => handler.lane));
		this.slots = Object.fromEntries(Object.entries(slots).filter(([lane]) => lanes.has(lane)));
	}

	readyParams() {
		return { protocol: PROTOCOL, language: `node ${process.versions.node}`,
		    types: [...this.handlers.values()].map((handler) => handler.told()), slots: this.slots };
	}

	// What jobd says, one message.
	take(one) {
		switch (one.method) {
		case 'attempt.run':
			this.#begin(one.params);
			break;
		case 'attempt.cancel':
			this.attempts.get(one.params.fence)?.cancel();
			break;
		case 'worker.finish':
			this.finishing = true;
			this.#endIfDone();
			break;
		default:
			this.heard(one);
		}
	}

	// Something else: newer versions may say what this one need not know.
	heard() {}

	#begin(params) {
		const attempt = new Attempt(this, params);
		const handler = this.handlers.get(params.type);
		this.attempts.set(attempt.fence, attempt);
		if (handler === undefined || handler.lane === 'async')
			this.#run(attempt, handler);
		else if (this.#turns.push(() => this.#run(attempt, handler)) === 1)
			this.#takeTurns();
	}

	// The attempts of the lane process, one at a time, in their order.  Before the next one begins the loop turns
	// twice: the answer of the last is sent, and what came meanwhile, which may cancel that one, is read.
	async #takeTurns() {
		while (this.#turns.length > 0) {
			await this.#turns[0]();
			await setImmediate();
			await setImmediate();
			this.#turns.shift();
		}
	}

	async #run(attempt, handler) {
		let line;
		try {
			if (handler === undefined)
				throw new Failure(`this worker has no handler for ${attempt.type}`);
			attempt.check();
			line = resultLine(attempt.fence, await attempt.run(handler), this.maxLineBytes);
		} catch (problem) {
			line = errorLine(attempt.fence, errorOf(problem, attempt.signal), this.maxLineBytes);
		}
		this.answer(attempt, line);
		this.#endIfDone();
	}

	answer(attempt, line) {
		this.attempts.delete(attempt.fence);
		this.say(line);
	}

	#endIfDone() {
		if (this.finishing && this.attempts.size === 0)
			this.end();
	}

	cancelAll() {
		for (const attempt of [...this.attempts.values()])
			attempt.cancel();
	}
}

module.exports = { Worker };
