// attempt.js - one attempt at running a job: what its handler may ask and say.
'use strict';

const { AsyncLocalStorage } = require('node:async_hooks');

const { Cancelled } = require('./errors');
const { message } = require('./wire');

const PROGRESS_MS = 100;			// between two lines of progress, but for the last one
const LEVELS = ['debug', 'info', 'warn', 'error'];

const storage = new AsyncLocalStorage();

// The attempt that runs here, also in callbacks of what it has begun; undefined where none does.
function attempt() {
	return storage.getStore();
}

class Attempt {
	#abort = new AbortController();
	#progressAt = -Infinity;
	#worker;

	constructor(worker, params) {
		this.#worker = worker;
		this.job = params.job;
		this.type = params.type;
		this.number = params.attempt;
		this.fence = params.fence;
		this.deadline = params.deadline_ms === 0 ? undefined : new Date(params.deadline_ms);
		this.args = params.args;
		this.traceparent = params.traceparent;
	}

	// Aborted when the job was cancelled or has run out of time.
	get signal() {
		return this.#abort.signal;
	}

	get cancelled() {
		return this.#abort.signal.aborted;
	}

	// Milliseconds until the deadline, at least 0; Infinity: there is none.
	remaining() {
		return this.deadline === undefined ? Infinity : Math.max(0, this.deadline - Date.now());
	}

	// Throws if it was told to end.
	check() {
		this.signal.throwIfAborted();
	}

	// Tells how far it is: ten a second are sent, and the one whose done is total.
	progress(done, total, text) {
		const now = performance.now();
		if (now - this.#progressAt < PROGRESS_MS && (done === undefined || done !== total))
			return;
		this.#progressAt = now;
		this.#tell('attempt.progress', { done, total, text });
	}

	// A line of the job's log.
	log(text, level = 'info') {
		if (!LEVELS.includes(level))
			throw new TypeError(`there is no level '${level}'; levels: ${LEVELS.join(', ')}`);
		this.#tell('attempt.log', { level, text: String(text) });
	}

	#tell(method, more) {
		this.#worker.say(message(method, { job: this.job, attempt: this.number, fence: this.fence, ...more }));
	}

	run(handler) {
		return storage.run(this, () => handler.call(this));
	}

	cancel() {
		this.#abort.abort(new Cancelled());
	}
}

module.exports = { Attempt, attempt };
