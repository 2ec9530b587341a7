#!/usr/bin/env node
// main.js [OPTIONS] MODULE... - serves the handlers that these modules declare.
'use strict';

const Module = require('node:module');
const path = require('node:path');
const { pathToFileURL } = require('node:url');
const { parseArgs } = require('node:util');

const { serve } = require('./index');

const options = {
	tasks: { type: 'string' }, connect: { type: 'string' }, pool: { type: 'string' },
	'token-file': { type: 'string' }, name: { type: 'string' }, credit: { type: 'string' },
	ca: { type: 'string' }, cert: { type: 'string' }, key: { type: 'string' },
};

// A handler's `require('jobd-worker')` is this kit where none is installed beside the handler.
function lendKit() {
	const resolve = Module._resolveFilename;

	Module._resolveFilename = function (request, ...more) {
		try {
			return resolve.call(this, request, ...more);
		} catch (problem) {
			if (request !== 'jobd-worker')
				throw problem;
			return require.resolve('./index');
		}
	};
}

async function main() {
	const { values, positionals } = parseArgs({ options, allowPositionals: true });
	if (positionals.length === 0)
		throw new Error('usage: main.js [--tasks N] [--connect ADDRESS --pool POOL [--token-file FILE] ' +
		    '[--name NAME] [--credit N] [--ca FILE] [--cert FILE] [--key FILE]] MODULE...');
	lendKit();
	for (const name of positionals)
		await import(pathToFileURL(path.resolve(name)).href);
	await serve({ tasks: number(values.tasks, 100), address: values.connect, pool: values.pool,
	    tokenFile: values['token-file'], name: values.name, credit: number(values.credit),
	    ca: values.ca, cert: values.cert, key: values.key });
}

function number(text, unsaid) {
	if (text === undefined)
		return unsaid;
	if (!/^\d+$/.test(text))
		throw new Error(`'${text}' is no number`);
	return Number(text);
}

main().catch((problem) => {
	// Its message is the last line, too: that is the one which the daemon tells of a worker that ends.
	process.stderr.write(`${problem.stack}\njobd-worker: ${String(problem.message).split('\n')[0]}\n`);
	process.exit(1);
});
