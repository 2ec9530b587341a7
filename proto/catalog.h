/*
 * catalog.h - the administrator's types and pools, as the supervisor hands them to the broker: JSON
 * text in a sealed memfd (CONTROL_CATALOG), made of the files NAME.job and NAME.worker.
 *
 *   {"commands": [{
 *      "name", "summary", "file",
 *      "user": "",				the pool of exec workers; "": the usual one
 *      "args_schema": {...},			what its jobs take; workers/schema.h
 *      "cpu_bound": true,			absent: it is measured
 *      "defaults": {"queue", "priority", "timeout_ms", "ttl_ms", "retry": {...}, "on_lost"},
 *						of jobs that do not say it; absent: as usual
 *      "max_running": 0, "grace_ms": 10000,
 *      "output_bytes": 16777216,		of each stream; absent: logs.max_bytes
 *      "spec": {...}				for exec workers: proto/command.h
 *    }],
 *    "pools": [{
 *      "name", "file", "types": ["resize"],	no other types are taken from its workers
 *      "remote": false,			true: workers connect, none is started
 *      "count": 2, "user": "",
 *      "recycle_jobs": 0, "recycle_age_ms": 0, "recycle_rss": 0, "ready_ms": 30000,
 *      "max_running": 0, "grace_ms": 10000, "output_bytes": 16777216, "defaults": {...},
 *      "digest": "91ab..."			of what its workers are started by: another one, other workers
 *    }],
 *    "errors": [{"file", "line": 3, "key": "argv", "message"}]}	what was left out, and why;
 *						line 0 and key "": none is to blame
 *
 * A number that a file does not say is absent.
 *
 * Names of commands and of types of pools are different from each other.  Who runs what (program,
 * environment, user of a pool) stays with the supervisor: the broker can ask for a pool's worker by
 * name, and for nothing else.
 */
#ifndef PROTO_CATALOG_H
#define PROTO_CATALOG_H

#define CATALOG_BYTES_MAX	(16 << 20)
#define CATALOG_TYPES_MAX	4096		/* commands, and types of pools */
#define CATALOG_POOLS_MAX	256

#endif
