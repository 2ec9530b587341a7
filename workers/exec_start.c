/*
 * exec_start.c - what a command takes is made, and its process started.  Runs in: exec workers,
 * loop thread.
 */
#include "workers/exec.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "lib/alloc.h"
#include "lib/clock.h"
#include "lib/confine.h"
#include "lib/fd.h"
#include "workers/confinement.h"
#include "workers/spawn.h"

#define PROCESSES_USUAL		512

/* ---- its environment ---- */

static const char *
value_of(const struct strings *env, const char *name)
{
	size_t	len = strlen(name);

	for (size_t i = 0; i < env->n; i++)
		if (strncmp(env->v[i], name, len) == 0 && env->v[i][len] == '=')
			return env->v[i] + len + 1;
	return NULL;
}

static void
set_usual(struct strings *env, const char *name, const char *value)
{
	if (value_of(env, name) == NULL)
		strings_add(env, mem_printf("%s=%s", name, value));
}

/* What the worker says; JOBD_ names are nobody else's to set. */
static void
add_environment(struct run *r, struct span trace)
{
	struct strings	*env = &r->command.env;
	int64_t		 deadline_ns = (int64_t)r->entry.deadline_ns;

	set_usual(env, "PATH", exec.path);
	set_usual(env, "HOME", exec.home);
	set_usual(env, "LANG", exec.lang);
	strings_add(env, mem_printf("JOBD_JOB_ID=%llu", (unsigned long long)r->head.job));
	strings_add(env, mem_printf("JOBD_ATTEMPT=%u", r->head.attempt));
	strings_add(env, mem_printf("JOBD_FENCE=%llu", (unsigned long long)r->head.fence));
	if (deadline_ns > 0)
		strings_add(env, mem_printf("JOBD_DEADLINE_MS=%lld", (long long)(clock_real_ms() +
		    (deadline_ns - clock_mono_ns()) / NS_PER_MS)));
	if (r->command.tmpdir)
		strings_add(env, mem_printf("JOBD_TMPDIR=%s/tmp", r->scratch.path));
	if (r->command.result == COMMAND_RESULT_FILE)
		strings_add(env, mem_printf("JOBD_RESULT=%s/result", r->scratch.path));
	/* what the job itself or its type says of it counts */
	if (trace.len > 0 && value_of(env, "TRACEPARENT") == NULL)
		strings_add(env, mem_printf("TRACEPARENT=%.*s", (int)trace.len, trace.p));
}

/* ---- its process ---- */

/* A program named without a slash is looked for in PATH, in the child, where it will run. */
static void
find_program(const struct run *r, struct strings *out)
{
	const char	*name = r->command.argv.v[0], *path = value_of(&r->command.env, "PATH");

	if (strchr(name, '/') != NULL) {
		strings_add(out, mem_strdup(name));
		return;
	}
	while (path != NULL) {
		const char	*end = strchrnul(path, ':');

		strings_add(out, end == path ? mem_strdup(name) :
		    mem_printf("%.*s/%s", (int)(end - path), path, name));
		path = *end == '\0' ? NULL : end + 1;
	}
}

static void
add_limit(struct spawn *s, int resource, int64_t value, int64_t more)
{
	rlim_t	soft = value == 0 ? RLIM_INFINITY : (rlim_t)value;

	s->limits[s->limits_count++] = (struct spawn_limit){ resource,
	    { soft, value == 0 ? RLIM_INFINITY : soft + (rlim_t)more } };
}

static void
set_limits(const struct run *r, struct spawn *s)
{
	const struct command_limits	*l = &r->command.limits;

	add_limit(s, RLIMIT_NOFILE, l->files, 0);
	add_limit(s, RLIMIT_FSIZE, l->file_bytes, 0);
	/* SIGXCPU says why; SIGKILL comes to who does not listen */
	add_limit(s, RLIMIT_CPU, (l->cpu_ms + 999) / 1000, (r->command.grace_ms + 999) / 1000 + 1);
	s->limits[s->limits_count++] = (struct spawn_limit){ RLIMIT_CORE,
	    { (rlim_t)l->core, (rlim_t)l->core } };
	/* without a cgroup each process is bounded by itself */
	if (r->group.dir < 0 && l->memory > 0)
		add_limit(s, RLIMIT_DATA, l->memory, 0);
}

/* What nobody has bounded is bounded where that is for the whole tree.  Source: SECURITY item 8. */
static void
settle_limits(struct command_limits *l)
{
	bool	whole = group_usable();

	if (l->memory == COMMAND_LIMIT_UNSAID)
		l->memory = whole ? (int64_t)sysconf(_SC_PHYS_PAGES) / 2 * sysconf(_SC_PAGESIZE) : 0;
	if (l->processes == COMMAND_LIMIT_UNSAID)
		l->processes = whole ? PROCESSES_USUAL : 0;
}

/* Bounded as its type says, or not started. */
static pid_t
spawn_bounded(const struct run *r, struct spawn *s, struct spawn_failure *why)
{
	const struct command_bounds	*bounds = &r->command.bounds;
	struct confinement		 c;
	struct sock_fprog		 filter;
	pid_t				 pid = -1;

	*why = (struct spawn_failure){ .stage = "confinement" };
	if (confinement_make(&c, bounds, s->paths, r->scratch.top,
	    bounds->files ? confine_landlock_abi() : 0, why->text, sizeof(why->text)) == 0) {
		filter = (struct sock_fprog){ c.filter.len, c.filter.code };
		s->ruleset = c.ruleset;
		s->filter = filter.len > 0 ? &filter : NULL;
		pid = spawn(s, why);
	}
	confinement_free(&c);
	return pid;
}

static pid_t
spawn_with(struct run *r, const int given[3], struct spawn_failure *why)
{
	struct strings	paths = { 0 };
	struct spawn	s = {
		.argv = r->command.argv.v, .env = r->command.env.v,
		.cwd = r->command.cwd != NULL ? r->command.cwd : "/",
		.in = given[0] >= 0 ? given[0] : exec.null, .out = given[1], .err = given[2],
		.cgroup = r->group.dir, .umask = (mode_t)r->command.umask,
		.nice = (int)r->command.nice,
	};
	pid_t		pid;

	find_program(r, &paths);
	s.paths = paths.v;
	set_limits(r, &s);
	pid = spawn_bounded(r, &s, why);
	strings_free(&paths);
	return pid;
}

/* 0, or -1 and why. */
static int
start(struct run *r, struct span trace, struct spawn_failure *why)
{
	int	given[3], rc;
	pid_t	pid = -1;

	if ((r->command.tmpdir || r->command.result == COMMAND_RESULT_FILE) &&
	    (rc = scratch_make(&r->scratch, r->head.job, r->command.tmpdir)) != 0) {
		*why = (struct spawn_failure){ .stage = "temporary directory", .error = -rc };
		return -1;
	}
	settle_limits(&r->command.limits);
	group_make(&r->group, r->head.job, r->head.attempt, r->command.limits.memory,
	    r->command.limits.processes);
	add_environment(r, trace);
	if ((rc = streams_open(r, given)) != 0)
		*why = (struct spawn_failure){ .stage = "stdio", .error = -rc };
	else
		pid = spawn_with(r, given, why);
	for (int i = 0; i < 3; i++)
		fd_close(&given[i]);
	if (pid < 0)
		return -1;
	tree_begin(&r->tree, pid, r->head.job, r->head.fence);
	return 0;
}

static void
print_failure(const struct run *r, const struct spawn_failure *f, char *why, size_t size)
{
	const char	*name = r->command.argv.v[0], *error = strerror(f->error);
	bool		 bounded = r->command.bounds.files;

	if (f->error == 0)
		snprintf(why, size, "cannot start %.128s: %s", name, f->text);
	else if (strcmp(f->stage, "exec") == 0)
		snprintf(why, size, "cannot start %.256s: %s%s", name, error,
		    bounded && f->error == EACCES ? " (its type has read_paths or write_paths: the "
		    "interpreter of a script must be beneath a path of read_paths)" : "");
	else if (strcmp(f->stage, "chdir") == 0)
		snprintf(why, size, "cannot start %.128s: directory %.256s: %s", name,
		    r->command.cwd != NULL ? r->command.cwd : "/", error);
	else
		snprintf(why, size, "cannot start %.256s: %s: %s", name, f->stage, error);
}

int
start_run(struct run *r, struct span trace, bool *found, char *why, size_t size)
{
	struct spawn_failure	failure;

	if (start(r, trace, &failure) == 0)
		return 0;
	print_failure(r, &failure, why, size);
	*found = strcmp(failure.stage, "exec") != 0 || failure.error != ENOENT;
	while (!scratch_remove_some(&r->scratch))
		continue;
	group_remove(&r->group);
	return -1;
}
