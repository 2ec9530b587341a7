// errors.js - how an attempt ends otherwise than by a result.
'use strict';

const STACK_CHARACTERS = 32000;			// failure.data may have 64 KiB

// The reason of an attempt's signal when its job was cancelled or has run out of time.
class Cancelled extends Error {
	constructor(message = 'cancelled') {
		super(message);
		this.name = 'Cancelled';
	}
}

// This attempt failed, another one may succeed, not before `after` milliseconds (unsaid: the back-off).
class Retry extends Error {
	constructor(message = 'try again', { after, data } = {}) {
		super(message);
		this.name = 'Retry';
		this.after = after;
		this.data = data;
	}
}

// The job failed, in words of its own; `data`, an object, is kept as failure.data.
class Failure extends Error {
	constructor(message, { data, retryable = false } = {}) {
		super(message);
		this.name = 'Failure';
		this.data = data;
		this.retryable = retryable;
	}
}

class BadArguments extends Error {}

class BadResult extends Error {}

// The `error` of an answer, for what a handler threw.
function errorOf(problem, signal) {
	if (signal.aborted && isAbort(problem, signal))
		return { code: -32000, message: 'cancelled', data: { cancelled: true } };
	if (problem instanceof BadResult)
		return { code: -32000, message: problem.message, data: { retryable: false, kind: 'bad_result' } };
	if (problem instanceof BadArguments)
		return { code: -32602, message: problem.message, data: { retryable: false } };
	if (problem instanceof Failure)
		return { code: -32000, message: problem.message,
		    data: { ...problem.data, retryable: Boolean(problem.retryable) } };
	if (problem instanceof Retry) {
		const data = { ...problem.data, retryable: true };
		if (problem.after !== undefined)
			data.retry_after_ms = Math.max(0, Math.round(problem.after));
		return { code: -32000, message: problem.message, data };
	}
	return thrown(problem);
}

// What functions throw that were given the signal: its reason, or an AbortError of their own.
function isAbort(problem, signal) {
	return problem === signal.reason || problem instanceof Cancelled ||
	    (problem && (problem.name === 'AbortError' || problem.cause === signal.reason));
}

// Anything may be thrown: undefined, an object without a prototype, an Error with an odd stack.
function thrown(problem) {
	if (!(problem instanceof Error)) {
		let text;
		try {
			text = String(problem);
		} catch {
			text = 'something that is no Error';
		}
		return { code: -32000, message: text, data: { retryable: true } };
	}
	const data = { retryable: true, exception: String(problem.name),
	    traceback: String(problem.stack).slice(0, STACK_CHARACTERS) };
	if (typeof problem.code === 'string')
		data.code = problem.code;		// ENOENT
	return { code: -32000, message: `${problem.name}: ${problem.message}`, data };
}

module.exports = { BadArguments, BadResult, Cancelled, Failure, Retry, errorOf };
