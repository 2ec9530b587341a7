// pack.js - streams files: one pass reads, digests, compresses and writes, in little memory, with progress.
//
//   node lib/main.js pack.js
'use strict';

const crypto = require('node:crypto');
const fs = require('node:fs');
const path = require('node:path');
const { pipeline } = require('node:stream/promises');
const zlib = require('node:zlib');

const { Failure, job } = require(process.env.WORKER_KIT || 'jobd-worker');

const schema = {
	type: 'object', required: ['from', 'to'], additionalProperties: false,
	properties: {
		from: { type: 'string', description: 'the file to read' },
		to: { type: 'string', description: 'the file to write, when all is well' },
		level: { type: 'integer', minimum: 1, maximum: 9, default: 6 },
	},
};

job('file.pack', { summary: 'compresses a file with gzip and digests it with SHA-256, in one pass', schema },
    async ({ from, to, level = 6 }, attempt) => {
	const input = await fs.promises.open(from).catch((problem) => {
		throw new Failure(`${from}: ${problem.code}`, { data: { path: from } });
	});
	// Whatever happens, nobody sees half a file: it gets its name at the end.
	const partial = path.join(path.dirname(to), `.${path.basename(to)}.${attempt.fence}`);
	try {
		const total = (await input.stat()).size;
		const hash = crypto.createHash('sha256');
		let done = 0;
		await pipeline(input.createReadStream({ highWaterMark: 1 << 20 }), async function* (blocks) {
			for await (const block of blocks) {
				hash.update(block);
				attempt.progress(done += block.length, total);
				yield block;
			}
		}, zlib.createGzip({ level }), fs.createWriteStream(partial), { signal: attempt.signal });
		const packed = (await fs.promises.stat(partial)).size;
		await fs.promises.rename(partial, to);
		console.log(`${from}: ${total} bytes are ${packed} now`);
		return { bytes: done, packed, sha256: hash.digest('hex') };
	} finally {
		await input.close().catch(() => {});
		await fs.promises.rm(partial, { force: true });
	}
});
