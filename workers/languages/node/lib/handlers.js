// handlers.js - the handlers that a program declares with job(), each for one type of jobs.
'use strict';

const schemas = require('./schema');

const NAME = /^[a-z0-9_.-]{1,64}$/;
const SUMMARY_BYTES = 256;
const LANES = ['async', 'process'];
const OPTIONS = ['lane', 'summary', 'schema'];

const declared = new Map();			// of a type: its handler, in the order of declaration

class Handler {
	constructor(name, { lane = 'async', summary = '', schema }, run) {
		this.name = name;
		this.lane = lane;
		this.summary = cut(summary.split('\n', 1)[0]);
		this.schema = schema;
		this.check = schema === undefined ? undefined : schemas.compiled(schema);
		this.run = run;
	}

	// The result, or a promise of it.
	call(attempt) {
		if (this.check !== undefined)
			this.check(attempt.args, 'args');
		return this.run(attempt.args, attempt);
	}

	// As worker.ready tells it.
	told() {
		const row = { name: this.name, lane: this.lane };
		if (this.summary !== '')
			row.summary = this.summary;
		if (this.schema !== undefined)
			row.args_schema = this.schema;
		return row;
	}
}

// job(name, [options,] run) declares a handler; see index.d.ts.
function job(name, options, run) {
	if (typeof options === 'function')
		[options, run] = [{}, options];
	if (!NAME.test(name))
		throw new TypeError(`'${name}' is no name of a type: they match [a-z0-9_.-]{1,64}`);
	if (typeof run !== 'function')
		throw new TypeError(`${name}: the last argument is the handler, a function`);
	for (const option of Object.keys(options))
		if (!OPTIONS.includes(option))
			throw new TypeError(`${name}: there is no option '${option}'; known: ${OPTIONS.join(', ')}`);
	if (options.lane !== undefined && !LANES.includes(options.lane))
		throw new TypeError(`${name}: there is no lane '${options.lane}'; lanes: ${LANES.join(', ')}`);
	if (declared.has(name))
		throw new TypeError(`two handlers are called '${name}'`);
	declared.set(name, new Handler(name, options, run));
	return run;
}

function cut(text) {
	while (Buffer.byteLength(text) > SUMMARY_BYTES)
		text = Array.from(text).slice(0, -1).join('');
	return text;
}

module.exports = { Handler, declared, job };
