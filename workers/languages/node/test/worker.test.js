// worker.test.js - a worker of the kit, seen from jobd's side of the wire.
'use strict';

const assert = require('node:assert/strict');
const { spawnSync } = require('node:child_process');
const path = require('node:path');
const { afterEach, beforeEach, describe, it } = require('node:test');

const { LocalWorker, MAIN } = require('./fake_daemon');

let worker;
beforeEach(async () => {
	worker = await new LocalWorker(['sample.js'], ['--tasks', '1000']).beReady();
});
afterEach(() => worker.close());

async function begin(type, args) {
	const before = worker.notes('attempt.log').length;
	const id = worker.run(type, args);
	await worker.waitFor('attempt.log', before + 1);
	return id;
}

describe('ready', () => {
	it('tells its types with lane, summary and schema', () => {
		const types = Object.fromEntries(worker.ready.types.map((type) => [type.name, type]));
		assert.equal(worker.ready.protocol, 1);
		assert.match(worker.ready.language, /^node \d+/);
		assert.deepEqual(worker.ready.slots, { process: 1, async: 1000 });
		assert.deepEqual(types.noop, { name: 'noop', lane: 'async' });
		assert.equal(types.add.summary, 'Adds two numbers.');
		assert.deepEqual(types.add.args_schema.required, ['a']);
		assert.equal(types.computes.lane, 'process');
	});

	it('ends with 0 after worker.finish, when all is answered', async () => {
		const id = await begin('sleeps', 100);
		worker.finish();
		assert.equal(await worker.result(id), null);
		assert.equal(await worker.status, 0);
	});

	it('ends when the wire does, and tells its handlers', async () => {
		await begin('sleeps', 100000);
		worker.socket.destroy();
		assert.equal(await worker.status, 1);
	});

	it('says so when jobd has not started it', () => {
		const ended = spawnSync(process.execPath, [MAIN, path.join(__dirname, 'sample.js')], { env: {} });
		assert.equal(ended.status, 1);
		assert.match(ended.stderr.toString(), /jobd has not started this program/);
	});
});

describe('arguments', () => {
	it('are one value, the first argument', async () => {
		for (const value of [null, 7, 'é\u0000', [1, { a: 2 }]])
			assert.deepEqual(await worker.result(worker.run('echo', value)), value);
	});

	it('that the schema refuses fail for good and name the member', async () => {
		const rows = [
			[{}, 'args.a is missing'],
			[{ a: 'x' }, 'args.a must be an integer, not "x"'],
			[{ a: 1, c: 2 }, 'args.c is not known; known: a, b'],
			[[1], 'args must be an object, not [1]'],
		];
		for (const [args, message] of rows) {
			const error = await worker.error(worker.run('add', args));
			assert.equal(error.message, message);
			assert.equal(error.data.retryable, false);
		}
		assert.equal(await worker.result(worker.run('add', { a: 1 })), 11);
	});

	it('of an unknown type fail', async () => {
		assert.match((await worker.error(worker.run('nothing'))).message, /no handler for nothing/);
	});

	it('may be long', async () => {
		const text = 'é'.repeat(40000);
		assert.equal(await worker.result(worker.run('echo', text)), text);
		const error = await worker.error(worker.run('echo', 'x'.repeat(3000000)));
		assert.equal(error.data.kind, 'bad_result');
	});
});

describe('answers', () => {
	it('return what was thrown, with its stack', async () => {
		const error = await worker.error(worker.run('raises', 'value'));
		assert.equal(error.message, 'RangeError: no image');
		assert.equal(error.data.retryable, true);
		assert.equal(error.data.exception, 'RangeError');
		assert.match(error.data.traceback, /sample\.js/);
		assert.equal((await worker.error(worker.run('raises', 'late'))).message, 'Error: late');
		assert.equal((await worker.error(worker.run('raises', 'text'))).message, 'only text');
		assert.equal((await worker.error(worker.run('raises', 'nothing'))).message, 'undefined');
		assert.equal((await worker.error(worker.run('raises', 'missing'))).data.code, 'ENOENT');
	});

	it('say when to try again, and when not', async () => {
		assert.deepEqual((await worker.error(worker.run('raises', 'retry'))).data,
		    { retryable: true, retry_after_ms: 2500 });
		assert.deepEqual((await worker.error(worker.run('raises', 'failure'))).data,
		    { retryable: false, page: 3 });
		assert.deepEqual((await worker.error(worker.run('raises', 'data'))).data, { retryable: false });
	});

	it('are never what is no JSON', async () => {
		for (const what of ['circle', 'bigint', 'function', 'surrogate', 'long']) {
			const error = await worker.error(worker.run('raises', what));
			assert.deepEqual(error.data, { retryable: false, kind: 'bad_result' }, what);
		}
		assert.equal(await worker.result(worker.run('raises', 'backslash')), '\\ud800');
	});
});

describe('an attempt', () => {
	it('knows itself and its deadline', async () => {
		const deadline = Date.now() + 60000;
		const id = worker.run('about.me', 'x', { job: 99, deadline });
		const { left, ...said } = await worker.result(id);
		assert.deepEqual(said, { job: 99, type: 'about.me', number: 1, fence: id, args: 'x', deadline, same: true });
		assert.ok(left > 0 && left <= 60000);
		assert.equal((await worker.result(worker.run('about.me'))).deadline, null);
	});

	it('knows the trace that its job belongs to', async () => {
		const traceparent = '00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01';
		assert.equal((await worker.result(worker.run('about.me', null, { traceparent }))).trace, traceparent);
		assert.equal((await worker.result(worker.run('about.me'))).trace, undefined);
	});

	it('tells progress and log lines as its own', async () => {
		const id = worker.run('steps');
		await worker.result(id);
		const whose = { job: 7, attempt: 1, fence: id };
		const progress = worker.notes('attempt.progress');
		assert.deepEqual(progress[0], { ...whose, done: 1, total: 5, text: 'step 1' });
		assert.deepEqual(progress.at(-1), { ...whose, done: 5, total: 5, text: 'step 5' });
		assert.deepEqual(worker.notes('attempt.log'), [{ ...whose, level: 'warn', text: 'half \ufffd way' }]);
	});

	it('prints where it likes', async () => {
		await worker.result(worker.run('prints'));
		worker.finish();
		await worker.status;
		assert.equal(worker.stdout, 'to stdout\nno end of line');
		assert.equal(worker.stderr, 'to stderr\n');
	});

	it('has children that see nothing of the wire', async () => {
		const said = await worker.result(worker.run('child.sees'));
		assert.doesNotMatch(said, / ([3-9]|\d\d+) -> socket:/);		// 0 to 2 are of spawnSync
		assert.doesNotMatch(said, /JOBD_FD/);
	});
});

describe('lanes', () => {
	it('async: a thousand wait beside each other', async () => {
		const begun = performance.now();
		const ids = Array.from({ length: 1000 }, () => worker.run('sleeps', 300));
		await Promise.all(ids.map((id) => worker.result(id)));
		assert.ok(performance.now() - begun < 100000);		// one after another: 300 s
	});

	it('process: one at a time, in order', async () => {
		const ids = Array.from({ length: 20 }, (_, n) => worker.run('alone', n));
		await Promise.all(ids.map((id) => worker.result(id)));
		assert.deepEqual(worker.order, ids);
	});

	it('process: an answer does not wait for the next computation', async () => {
		const [first, second] = [worker.run('alone', 1), worker.run('computes', 500)];
		await worker.answer(first);
		assert.equal(worker.answers.has(second), false);
		await worker.answer(second);
	});
});

describe('cancel', () => {
	it('aborts the signal; what awaits it ends and cleans up', async () => {
		const id = await begin('sleeps', 1000000);
		worker.cancel(id);
		assert.deepEqual((await worker.error(id)).data, { cancelled: true });
		assert.deepEqual(worker.notes('attempt.log').map((note) => note.text), ['begun', 'cleaned up']);
	});

	it('may be asked for, and the handler ends in its own way', async () => {
		const id = await begin('nods');
		worker.cancel(id);
		assert.equal(await worker.result(id), 'my own end');
	});

	it('of one that waits for its turn: it does not begin', async () => {
		const first = worker.run('computes', 300);
		const second = worker.run('alone', 2);
		worker.cancel(second);
		assert.equal(await worker.result(first), 300);
		assert.deepEqual((await worker.error(second)).data, { cancelled: true });
		assert.equal(worker.notes('attempt.log').length, 1);
	});

	it('of one that was answered is ignored', async () => {
		const id = worker.run('noop');
		await worker.result(id);
		worker.cancel(id);
		assert.equal(await worker.result(worker.run('add', { a: 1 })), 11);
	});
});
