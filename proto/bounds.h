/*
 * bounds.h - every limit that two processes or a client and the daemon must agree on; `hello` tells the
 * ones that a client meets.  Source: DESIGN section 5, SECURITY item 9, SHM section 5.
 */
#ifndef PROTO_BOUNDS_H
#define PROTO_BOUNDS_H

#define BOUND_LINE_BYTES		(1 << 20)	/* default of net.max_line_bytes */
#define BOUND_LINE_BYTES_MAX		(64 << 20)
#define BOUND_LINE_UNAUTHENTICATED	(16 << 10)
#define BOUND_REPLY_BYTES		(60 << 10)	/* to a client that declared nothing in hello */
#define BOUND_DEPTH			32
#define BOUND_VALUES			10000		/* outside args and lists of ids, per line */
#define BOUND_BATCH_CALLS		1000
#define BOUND_SUBMIT_MANY		1000
#define BOUND_WAIT_IDS			10000
#define BOUND_OPEN_STORES	8192	/* calls of a connection that wait for the disk; then it is not
				 * read until half of them are answered */
#define BOUND_OPEN_CALLS		16384		/* job.call and job.wait open per connection */
#define BOUND_RPC_ID_BYTES		256
#define BOUND_INPUT_BYTES		(1 << 20)	/* of one job.write */
#define BOUND_INPUT_BASE64		1398104		/* the same as base64 */
#define BOUND_NAME_BYTES		64		/* types, queues: [A-Za-z0-9_.-] */
#define BOUND_WATCHES			64		/* job.watch of one connection */
#define BOUND_FOLLOWS			1024		/* jobs whose log one connection follows */
#define BOUND_GROUPS			10000		/* that have not finished */
#define BOUND_GROUPS_KEPT		1000		/* that have */
#define BOUND_CRONS			10000		/* schedules */
#define BOUND_CRON_JOB_BYTES		(16 << 10)	/* the job of one, as text */
#define BOUND_KEY_BYTES			256		/* order_key, limit_key, tenant */
#define BOUND_LABELS			32
#define BOUND_LABELS_BYTES		4096		/* the labels object as text */
#define BOUND_RATE_MILLI		INT64_C(1000000000)	/* a million starts a second */
#define BOUND_BURST			1000000
#define BOUND_WEIGHT			1000		/* of a tenant: starts in one turn */
#define BOUND_ROOM_WAITS		1024		/* submits of a connection that wait for room */
#define BOUND_ROOM_WAITS_ALL		16384		/* of all connections */
#define BOUND_ROOM_BYTES		(64 << 20)	/* that their jobs take meanwhile */
#define BOUND_RECALL_BYTES	(64 << 20)	/* of calls that wait for the store */
#define BOUND_CLIENT_BYTES		128		/* hello.client */
#define BOUND_LIST_LIMIT		1000		/* items of one list reply */
#define BOUND_LIST_LOOKED_AT		20000		/* jobs that one job.list examines */
#define BOUND_RESULT_BYTES		(16 << 20)	/* default of jobs.max_result_bytes */
#define BOUND_RESULT_BYTES_MAX		(64 << 20)
#define BOUND_FAILURE_MESSAGE		1024
#define BOUND_TRY_MESSAGE		256		/* of attempts that were followed by another */
#define BOUND_FAILURE_DATA		(64 << 10)
#define BOUND_JOB_ID			(INT64_C(1) << 53)
#define BOUND_DURATION_MS		(INT64_C(1) << 45)

#define BOUND_CONNECTIONS		16384
#define BOUND_CONNECTIONS_RESERVED	8		/* of them for the unix socket's administrators */
#define BOUND_AUTH_MS			10000		/* to authenticate */
#define BOUND_LINE_MS			30000		/* to complete a started line */
#define BOUND_OUTPUT_PAUSE		(1 << 20)	/* unsent output that stops reading */
#define BOUND_OUTPUT_CLOSE		(8 << 20)	/* unsent output, the line being sent apart, that closes */

#define BOUND_CHANNEL_DEPTH_FIFO	64		/* cpu worker */
#define BOUND_CHANNEL_DEPTH_SLOTS	16384		/* io worker */
#define BOUND_NAME_THREADS		4		/* of an io worker, for what libuv does by itself */
#define BOUND_CHUNK_MIN			256		/* arena */
#define BOUND_WINDOW_BYTES		(256 << 10)	/* payload outstanding in one cpu worker */
#define BOUND_WINDOW_MEAN_NS		50000		/* a type's mean that allows a window above 1 */
#define BOUND_WINDOW_LANGUAGE_NS	250000		/* the same of language workers: the way there and back included */
#define BOUND_WINDOW_SAMPLES		20
#define BOUND_AFTER			1000		/* parents of one job */
#define BOUND_ATTEMPTS			1000		/* retry.max_attempts */
#define BOUND_RETRY_FACTOR		100
#define BOUND_SUSPECTS			3		/* suspicions before a job fails as `crash` */
#define BOUND_TOGETHER			8		/* of a death of which nobody is known to be guilty: so many are suspected at once */
#define BOUND_BESIDE_SUSPECT		5		/* such deaths beside a job before it may be suspected, */
#define BOUND_BESIDE			20		/* and before it fails as `crash` */

#endif
