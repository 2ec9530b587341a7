// Handlers of jobd's jobs, written for Node.js.

export type Json = null | boolean | number | string | Json[] | { [member: string]: Json };

export interface JobOptions {
	/** `async` (unless said): its attempts wait in the event loop, beside each other.
	 *  `process`: it computes; one at a time in this process, with one of jobd's CPU slots. */
	lane?: 'async' | 'process';
	/** One line for people. */
	summary?: string;
	/** The JSON Schema of its args, with the keywords of jobd-handlers(7).  Checked before the handler runs. */
	schema?: object | boolean;
}

/** One attempt at running a job. */
export interface Attempt {
	readonly job: number;
	readonly type: string;
	/** From 1. */
	readonly number: number;
	/** Grows with each attempt of a job; pass it on to what the job changes elsewhere. */
	readonly fence: number;
	readonly args: any;
	/** The trace that the job belongs to (W3C Trace Context); undefined: none was said. */
	readonly traceparent: string | undefined;
	/** When `signal` will be aborted; undefined: never. */
	readonly deadline: Date | undefined;
	/** Aborted when the job was cancelled or has run out of time.  Hand it to fetch, pipeline, timers. */
	readonly signal: AbortSignal;
	readonly cancelled: boolean;
	/** Milliseconds until the deadline, at least 0; Infinity: there is none. */
	remaining(): number;
	/** Throws if the attempt was told to end. */
	check(): void;
	/** Tells how far it is: ten a second are sent, and the one whose `done` is `total`. */
	progress(done?: number, total?: number, text?: string): void;
	/** A line of the job's log. */
	log(text: string, level?: 'debug' | 'info' | 'warn' | 'error'): void;
}

export type Handler = (args: any, attempt: Attempt) => unknown | Promise<unknown>;

/** Declares the handler of a type of jobs.  What it returns, or its promise, is the job's result: any JSON; undefined
 *  is null.  What it throws is the job's failure, with the stack in `failure.data`. */
export function job<H extends Handler>(name: string, run: H): H;
export function job<H extends Handler>(name: string, options: JobOptions, run: H): H;

/** The attempt that runs here: in a handler and in the callbacks of what it has begun; undefined elsewhere. */
export function attempt(): Attempt | undefined;

export interface ServeOptions {
	/** Attempts of the lane `async` at once; 100 unless said. */
	tasks?: number;
	/** tls:HOST:PORT, tcp:HOST:PORT or unix:PATH: a remote worker, which connects and comes back. */
	address?: string;
	/** The pool that a remote worker works for. */
	pool?: string;
	/** The file with the worker token; else JOBD_WORKER_TOKEN_FILE says where it is. */
	tokenFile?: string;
	/** Of tls, files (PEM): who may sign the certificate of jobd, your certificate and its key; else JOBD_CA (or the
	 *  authorities that Node.js knows), JOBD_CERT and JOBD_KEY. */
	ca?: string;
	cert?: string;
	key?: string;
	/** For people; the name of this host unless said. */
	name?: string;
	/** Attempts that may be sent to it at once, if fewer than there is room for. */
	credit?: number;
}

/** Serves the declared handlers.  The promise is kept when jobd wants the worker no more and all is answered. */
export function serve(options?: ServeOptions): Promise<void>;

/** The failure of an attempt after which another one may succeed, not before `after` milliseconds. */
export class Retry extends Error {
	constructor(message?: string, options?: { after?: number; data?: object });
}

/** The failure of a job in words of its own; final, unless `retryable`.  `data` is kept as `failure.data`. */
export class Failure extends Error {
	constructor(message: string, options?: { data?: object; retryable?: boolean });
}

/** The reason of `signal`. */
export class Cancelled extends Error {}
