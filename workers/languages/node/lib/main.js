#!/usr/bin/env node
// main.js [OPTIONS] MODULE... - serves the handlers that these modules declare.
'use strict';

const path = require('node:path');
const { pathToFileURL } = require('node:url');
const { parseArgs } = require('node:util');

const { serve } = require('./index');

const options = {
	tasks: { type: 'string' }, connect: { type: 'string' }, pool: { type: 'string' },
	'token-file': { type: 'string' }, name: { type: 'string' }, credit: { type: 'string' },
	ca: { type: 'string' }, cert: { type: 'string' }, key: { type: 'string' },
};

async function main() {
	const { values, positionals } = parseArgs({ options, allowPositionals: true });
	if (positionals.length === 0)
		throw new Error('usage: main.js [--tasks N] [--connect ADDRESS --pool POOL [--token-file FILE] ' +
		    '[--name NAME] [--credit N] [--ca FILE] [--cert FILE] [--key FILE]] MODULE...');
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
	process.stderr.write(`jobd-worker: ${problem.stack}\n`);
	process.exit(1);
});
