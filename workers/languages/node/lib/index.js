// index.js - the names of the package: job, serve, and how an attempt ends otherwise than by a result.
'use strict';

const { Failure, Retry, Cancelled } = require('./errors');
const { declared, job } = require('./handlers');
const { LocalWorker } = require('./local');
const { RemoteWorker, readToken } = require('./remote');
const { attempt } = require('./attempt');

// Serves the declared handlers until jobd says that it is enough; see index.d.ts for the options.
function serve(options = {}) {
	const { tasks = 100, address, pool, tokenFile, name, credit, ca, cert, key } = options;
	const slots = { process: 1, async: tasks };
	if (address !== undefined) {
		const file = tokenFile || process.env.JOBD_WORKER_TOKEN_FILE;
		const token = file ? readToken(file) : undefined;
		return new RemoteWorker(declared, slots, { address, pool, token, name, credit,
		    ca, cert, key }).serve();
	}
	const descriptor = process.env.JOBD_FD;
	delete process.env.JOBD_FD;		// children have no business with it
	if (!/^\d+$/.test(descriptor || ''))
		throw new Error('jobd has not started this program (JOBD_FD is not set), and there is no ' +
		    'address to connect to');
	return new LocalWorker(declared, slots, Number(descriptor)).serve();
}

module.exports = { Cancelled, Failure, Retry, attempt, job, serve };
