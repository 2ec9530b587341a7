/*
 * command.h - how an exec worker is told what to run: the spec of a type, as JSON text that travels
 * with each attempt (channel.h, struct channel_head), so that a changed file is in force at once.
 *
 *   {"argv": ["convert", "{input}", "--size={size}"],
 *						{{ and }} stand for braces
 *    "params": {"input": {"type": "string", "pattern": "[a-z/]+", "dash": false}, ...},
 *    "cwd": "/srv", "env": {"A": "b"}, "env_allow": ["LC_ALL"],
 *    "umask": 18, "nice": 0,
 *    "grace_ms": 10000,			from SIGTERM to SIGKILL
 *    "success": [0], "retry": [75], "final": [65],	exit codes
 *    "result": "output",			"output", "json" or "file"
 *    "stdin": "none",				"none", "text" (args.stdin or args.stdin_base64) or
 *						"stream" (job.write)
 *    "tmpdir": false,
 *    "limits": {"memory": 0, "processes": 0, "files": 1024, "file_bytes": 0, "cpu_ms": 0,
 *       "core": 0},				0: no limit, of core: none is written; memory and
 *						processes unsaid: in a cgroup half of the machine's, and 512
 *    "read_paths": ["/usr"], "write_paths": [],	one of them there: no other files; absent: all
 *    "network": true}				false: no sockets but unix sockets
 *
 * Every member but argv may be absent; what is said above after the colon is usual.
 *
 * A param has a type: "string", "int", "number", "bool", "enum", "path", "strings".  Its `default` makes it
 * optional.  `pattern` (POSIX extended, anchored at both ends), min, max (of a number; of a string:
 * bytes), values (of enum), dash (a value, or an argument that begins with it, may begin with `-`).
 * "path": no NUL, no `..` component.  "strings": an argument that is nothing but its placeholder
 * becomes as many arguments as it has.  "bool": `true` or `false`.
 *
 * {"free": true} is the type `command`: argv and what goes with it are the job's own:
 *   {"argv": [...], "cwd", "env": {}, "stdin" | "stdin_base64" | "stdin_stream": true,
 *    "result": "output", "tmpdir": false, "umask", "nice", "grace_ms",
 *    "success_codes", "retry_codes", "final_codes"}	for short: "success", "retry", "final"
 *
 * The result of "output" is {"exit_code": 0, "stdout": "...", "stderr": "..."}, each at most
 * COMMAND_HEAD_BYTES; what is not UTF-8 is stdout_base64 or stderr_base64 instead; with
 * "stdout_bytes", "stderr_bytes" when there was more.  A failure has the same members, and "signal"
 * for a signal, in failure.data.  Of a command that could not be started (kind "spawn") it is
 * {"exit_code"} alone, as a shell has it: 127 there is no such program, else 126.
 */
#ifndef PROTO_COMMAND_H
#define PROTO_COMMAND_H

#define COMMAND_HEAD_BYTES	(64 << 10)	/* of each stream, kept with the outcome */
#define COMMAND_ARGS_MAX	20000		/* of one command */
#define COMMAND_PATHS_MAX	64		/* in each list of a type's file */
#define COMMAND_ENV_MAX		64		/* variables of a caller's, */
#define COMMAND_ENV_BYTES	(4 << 10)	/* each at most so long, */
#define COMMAND_ENV_ALL		(32 << 10)	/* and all together */

#endif
