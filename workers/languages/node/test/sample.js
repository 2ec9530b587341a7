// sample.js - handlers that the tests run.
'use strict';

const { spawnSync } = require('node:child_process');
const { setTimeout: sleep } = require('node:timers/promises');

const { Failure, Retry, attempt, job } = require('..');

job('noop', () => {});

job('add', {
	summary: 'Adds two numbers.\nThe rest.',
	schema: { type: 'object', properties: { a: { type: 'integer' }, b: { type: 'integer' } }, required: ['a'],
	    additionalProperties: false },
}, ({ a, b = 10 }) => a + b);

job('about.me', (args, me) => ({ job: me.job, type: me.type, number: me.number, fence: me.fence, args,
    deadline: me.deadline?.getTime() ?? null, left: me.remaining(), same: attempt() === me,
    trace: me.traceparent }));

job('echo', (args) => args);

job('prints', async () => {
	console.log('to stdout');
	console.error('to stderr');
	process.stdout.write('no end of line');
});

job('steps', async (args, me) => {
	for (let n = 1; n <= 5; n++)
		me.progress(n, 5, `step ${n}`);
	await sleep(1);
	attempt().log('half \ud800 way', 'warn');
});

const circle = {};
circle.self = circle;

job('raises', (what) => {
	switch (what) {
	case 'value': throw new RangeError('no image');
	case 'retry': throw new Retry('later', { after: 2500 });
	case 'failure': throw new Failure('never', { data: { page: 3 } });
	case 'text': throw 'only text';
	case 'nothing': throw undefined;
	case 'missing': return require('node:fs').readFileSync('/nowhere/at/all');
	case 'circle': return circle;
	case 'bigint': return 1n;
	case 'function': return () => {};
	case 'surrogate': return { a: ['\ud800'] };
	case 'backslash': return '\\ud800';
	case 'long': return 'x'.repeat(200000);
	case 'late': return sleep(1).then(() => Promise.reject(new Error('late')));
	case 'data': throw new Failure('odd data', { data: { circle } });
	default: return what;
	}
});

job('sleeps', async (ms, me) => {
	me.log('begun');
	try {
		await sleep(ms, undefined, { signal: me.signal });
	} finally {
		me.log('cleaned up');
	}
});

job('nods', async (args, me) => {
	me.log('begun');
	while (!me.cancelled)
		await sleep(1);
	return 'my own end';
});

let running = 0;
job('alone', { lane: 'process' }, async (n, me) => {
	if (++running !== 1)
		throw new Error('two at once');
	me.log(`begun ${n}`);
	await sleep(5);
	running--;
	return n;
});

job('computes', { lane: 'process' }, (ms, me) => {
	me.log('begun');
	const end = Date.now() + ms;
	while (Date.now() < end)
		;
	return ms;
});

job('child.sees', () => spawnSync('/bin/sh', ['-c', 'ls -l /proc/self/fd; env']).stdout.toString());
