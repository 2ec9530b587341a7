// schema.js - the check of a job's args.  jobd shows the schema of a type and leaves the check to the worker; the
// keywords are those of jobd-handlers(7), and others are refused, so that none is believed to be checked.
'use strict';

const { BadArguments } = require('./errors');

const isObject = (v) => typeof v === 'object' && v !== null && !Array.isArray(v);
const isNumber = (v) => typeof v === 'number';
const isText = (v) => typeof v === 'string';

const TYPES = {
	null: (v) => v === null,
	boolean: (v) => typeof v === 'boolean',
	integer: Number.isInteger,
	number: isNumber,
	string: isText,
	array: Array.isArray,
	object: isObject,
};

const FOR_PEOPLE = ['title', 'description', 'examples', '$schema', '$comment', 'default'];

// check(value, path), which throws BadArguments.
function compiled(schema) {
	if (schema === true)
		return () => {};
	if (schema === false)
		return (value, path) => refuse(`${path} is not allowed`);
	if (!isObject(schema))
		throw new TypeError(`a schema is an object, true or false, not ${shown(schema)}`);
	const checks = [];
	for (const [keyword, wanted] of Object.entries(schema)) {
		if (FOR_PEOPLE.includes(keyword))
			continue;
		if (!Object.hasOwn(CHECKS, keyword))
			throw new TypeError(`the keyword '${keyword}' of a schema is not known`);
		checks.push(CHECKS[keyword](wanted, schema));
	}
	return (value, path) => checks.forEach((check) => check(value, path));
}

function refuse(words) {
	throw new BadArguments(words);
}

function shown(value) {
	const text = String(JSON.stringify(value));
	return text.length <= 60 ? text : text.slice(0, 57) + '...';
}

function same(a, b) {
	return JSON.stringify(a) === JSON.stringify(b);
}

function fits(check, value, path) {
	try {
		check(value, path);
		return true;
	} catch {
		return false;
	}
}

// A keyword that compares: `applies` to which values, `good` when, and the words when not.
function limit(applies, good, words) {
	return (n) => (value, path) => {
		if (applies(value) && !good(value, n))
			refuse(`${path} ${words.replace('N', n)}`);
	};
}

const characters = (text) => Array.from(text).length;

const CHECKS = {
	type(wanted) {
		const names = [].concat(wanted);
		if (names.length === 0 || names.some((name) => !Object.hasOwn(TYPES, name)))
			throw new TypeError(`${shown(wanted)} is no type of JSON`);
		const words = names.map((n) => n === 'null' ? n : ('aio'.includes(n[0]) ? 'an ' : 'a ') + n).join(' or ');
		return (value, path) => names.some((name) => TYPES[name](value)) ||
		    refuse(`${path} must be ${words}, not ${shown(value)}`);
	},
	enum(values) {
		return (value, path) => values.some((v) => same(v, value)) ||
		    refuse(`${path} must be one of ${values.map(shown).join(', ')}, not ${shown(value)}`);
	},
	const: (wanted) => CHECKS.enum([wanted]),
	anyOf(forms) {
		const checks = forms.map(compiled);
		return (value, path) => {
			const problems = [];
			for (const check of checks) {
				try {
					return check(value, path);
				} catch (problem) {
					problems.push(problem.message);
				}
			}
			return refuse([...new Set(problems)].join(', or '));
		};
	},
	oneOf(forms) {
		const checks = forms.map(compiled);
		return (value, path) => {
			const n = checks.filter((check) => fits(check, value, path)).length;
			if (n !== 1)
				refuse(`${path} fits ${n} of the ${checks.length} forms, and must fit one`);
		};
	},
	minimum: limit(isNumber, (v, n) => v >= n, 'must be at least N'),
	maximum: limit(isNumber, (v, n) => v <= n, 'must be at most N'),
	minLength: limit(isText, (v, n) => characters(v) >= n, 'must have at least N characters'),
	maxLength: limit(isText, (v, n) => characters(v) <= n, 'must have at most N characters'),
	minItems: limit(Array.isArray, (v, n) => v.length >= n, 'must have at least N items'),
	maxItems: limit(Array.isArray, (v, n) => v.length <= n, 'must have at most N items'),
	pattern(text) {
		const pattern = new RegExp(text, 'u');
		return (value, path) => !isText(value) || pattern.test(value) ||
		    refuse(`${path} does not match ${text}`);
	},
	items(schema) {
		const check = compiled(schema);
		return (value, path) => {
			if (Array.isArray(value))
				value.forEach((item, i) => check(item, `${path}[${i}]`));
		};
	},
	properties(members) {
		const checks = Object.entries(members).map(([name, schema]) => [name, compiled(schema)]);
		return (value, path) => {
			if (!isObject(value))
				return;
			for (const [name, check] of checks)
				if (Object.hasOwn(value, name))
					check(value[name], `${path}.${name}`);
		};
	},
	required(names) {
		return (value, path) => {
			if (!isObject(value))
				return;
			for (const name of names)
				if (!Object.hasOwn(value, name))
					refuse(`${path}.${name} is missing`);
		};
	},
	additionalProperties(schema, whole) {
		const known = Object.keys(whole.properties || {});
		const check = compiled(schema);
		return (value, path) => {
			if (!isObject(value))
				return;
			for (const name of Object.keys(value).filter((n) => !known.includes(n))) {
				if (schema === false)
					refuse(`${path}.${name} is not known; known: ${known.join(', ') || 'nothing'}`);
				check(value[name], `${path}.${name}`);
			}
		};
	},
};

module.exports = { compiled };
