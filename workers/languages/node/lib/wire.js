// wire.js - lines of JSON on a stream socket.
'use strict';

const { BadResult } = require('./errors');

const LINE_BYTES = 16 << 20;			// of an answer, until jobd has said how long it may be
const KNOWN_DATA = ['retryable', 'retry_after_ms', 'cancelled', 'kind'];

// Cuts what a socket gives into lines, and hands each one parsed to `take`.
class Lines {
	constructor(take) {
		this.take = take;
		this.begun = [];			// blocks of a line that has not ended
	}

	add(block) {
		let from = 0;
		for (let end; (end = block.indexOf(10, from)) >= 0; from = end + 1) {
			let line = block.subarray(from, end);
			if (this.begun.length > 0) {
				line = Buffer.concat([...this.begun, line]);
				this.begun = [];
			}
			this.take(JSON.parse(line.toString()));
		}
		if (from < block.length)
			this.begun.push(block.subarray(from));
	}
}

// Half a character (of two UTF-16 units) is no Unicode text; JSON.stringify writes it as an escape, and only it.
function hasLoneSurrogate(text) {
	return text !== undefined && text.includes('\\ud') && /(?<!\\)(?:\\\\)*\\ud[89a-f]/.test(text);
}

function wellFormed(key, value) {
	return typeof value === 'string' ? Buffer.from(value).toString() : value;
}

// For what people read: half characters become U+FFFD.
function stringify(value) {
	const text = JSON.stringify(value);
	return hasLoneSurrogate(text) ? JSON.stringify(value, wellFormed) : text;
}

function message(method, params, id) {
	return stringify(id === undefined ? { method, params } : { id, method, params }) + '\n';
}

// The line of an attempt's result; BadResult if it cannot be sent.
function resultLine(id, value, maxLineBytes) {
	let text;
	try {
		text = value === undefined ? 'null' : JSON.stringify(value);
	} catch (problem) {
		throw new BadResult(`the result is not JSON: ${problem.message.split('\n', 1)[0]}`);
	}
	if (hasLoneSurrogate(text))
		throw new BadResult('the result is not JSON: half a character in a string');
	if (text === undefined)
		throw new BadResult(`the result is not JSON: ${typeof value}`);
	const line = `{"id":${id},"result":${text}}\n`;
	if (line.length > maxLineBytes / 3 && Buffer.byteLength(line) > maxLineBytes)
		throw new BadResult(`the result has ${Buffer.byteLength(line)} bytes, and ${maxLineBytes} may be sent`);
	return line;
}

// The line of an attempt's error; what cannot be sent of its data is left out.
function errorLine(id, error, maxLineBytes) {
	try {
		const line = stringify({ id, error }) + '\n';
		if (Buffer.byteLength(line) <= maxLineBytes)
			return line;
	} catch {
		// a circle in data, or a BigInt
	}
	const known = Object.fromEntries(KNOWN_DATA.filter((k) => k in error.data).map((k) => [k, error.data[k]]));
	return stringify({ id, error: { code: error.code, message: error.message.slice(0, 1024), data: known } }) + '\n';
}

module.exports = { LINE_BYTES, Lines, errorLine, message, resultLine };
