// schema.test.js - declarations, and the check of args.
'use strict';

const assert = require('node:assert/strict');
const { it } = require('node:test');

const { job } = require('..');
const { declared } = require('../lib/handlers');
const { compiled } = require('../lib/schema');

it('refuses declarations that cannot be served, with the reason', () => {
	const run = () => {};
	assert.throws(() => job('has space', run), /no name of a type/);
	assert.throws(() => job('x'.repeat(65), run), /no name of a type/);
	assert.throws(() => job('x'), /a function/);
	assert.throws(() => job('x', { lane: 'thread' }, run), /no lane 'thread'/);
	assert.throws(() => job('x', { lanes: 'async' }, run), /no option 'lanes'/);
	assert.throws(() => job('x', { schema: { format: 'uri' } }, run), /keyword 'format'/);
	job('twice', run);
	assert.throws(() => job('twice', run), /two handlers/);
});

it('cuts a long summary between characters', () => {
	job('long.summary', { summary: 'é'.repeat(200) }, () => {});
	assert.equal(declared.get('long.summary').told().summary, 'é'.repeat(128));
});

it('checks each keyword: refuses what it should and nothing else', () => {
	const rows = [
		[{ type: ['integer', 'null'] }, [1, null], [1.5, true, 'x']],
		[{ type: 'number' }, [1, 1.5], [true, '1', null]],
		[{ enum: ['a', 1] }, ['a', 1], ['b', true]],
		[{ const: 0 }, [0], [false, 1]],
		[{ minimum: 1, maximum: 3 }, [1, 3, 'text'], [0, 4]],
		[{ minLength: 1, maxLength: 2 }, ['a', 'ää', '😀😀', 7], ['', 'abc']],
		[{ pattern: '^[a-z]+$' }, ['abc', 1], ['', 'A']],
		[{ items: { type: 'integer' }, minItems: 1, maxItems: 2 }, [[1], [1, 2], 'x'], [[], [1, 2, 3], ['x']]],
		[{ properties: { a: { type: 'string' } }, required: ['a'] }, [{ a: 'x' }, 5], [{}, { a: 1 }]],
		[{ properties: { a: {} }, additionalProperties: false }, [{}, { a: 1 }], [{ b: 1 }]],
		[{ additionalProperties: { type: 'integer' } }, [{ b: 1 }], [{ b: 'x' }]],
		[{ anyOf: [{ type: 'string' }, { minimum: 5, type: 'integer' }] }, ['x', 5], [4, null]],
		[{ oneOf: [{ minimum: 5 }, { maximum: 7 }] }, [4, 8], [6]],
		[true, [null, 1], []],
		[false, [], [null]],
	];
	for (const [schema, good, bad] of rows) {
		const check = compiled(schema);
		for (const value of good)
			assert.doesNotThrow(() => check(value, 'args'), JSON.stringify([schema, value]));
		for (const value of bad)
			assert.throws(() => check(value, 'args'), /^Error: args/, JSON.stringify([schema, value]));
	}
});

it('says where', () => {
	const check = compiled({ properties: { a: { items: { type: 'string' } } } });
	assert.throws(() => check({ a: ['x', 2] }, 'args'), /args\.a\[1\] must be a string, not 2/);
});
