/*
 * main.c - jobd-worker: runs the jobs of one lane.  Started by the supervisor with the channel's
 * descriptors in place (proto/control.h); ends when the broker stops the channel, or is killed.
 */
#include "workers/worker.h"

#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sysexits.h>

#include <jansson.h>

#include "lib/journal.h"
#include "lib/log.h"
#include "lib/title.h"
#include "workers/handlers/handlers.h"
#include "workers/handlers/roots.h"
#include "workers/plugins.h"

static const char	usage_text[] =
    "usage: jobd-worker --lane=cpu|io|plugin --name=NAME [--set section.key=value]...\n"
    "This is a part of jobd and is started by it; to run jobs, start jobd.\n";

struct options {
	const char	*lane, *name;
	const char	*outcomes;	/* directory of groups' outcomes, to be read; or NULL */
};

static int
usage(void)
{
	fputs(usage_text, stderr);
	return EX_USAGE;
}

/* "cpu-1" becomes "jobd: cpu worker 1". */
static void
make_label(struct worker *w, const char *name)
{
	const char	*dash = strchr(name, '-');
	int		 len = dash == NULL ? (int)strlen(name) : (int)(dash - name);

	snprintf(w->label, sizeof(w->label), "jobd: %.*s worker %.8s", len < 8 ? len : 8, name,
	    dash == NULL ? "" : dash + 1);
}

/* 0, or the exit status after a message. */
static int
read_options(int argc, char **argv, struct worker *w, struct options *o)
{
	static const struct option	known[] = {
		{ "lane", required_argument, NULL, 'l' },
		{ "name", required_argument, NULL, 'n' },
		{ "outcomes", required_argument, NULL, 'o' },
		{ "set", required_argument, NULL, 's' },
		{ NULL, 0, NULL, 0 },
	};
	char				why[256];
	int				c;

	while ((c = getopt_long(argc, argv, "", known, NULL)) != -1) {
		if (c == 'l')
			o->lane = optarg;
		else if (c == 'n')
			o->name = optarg;
		else if (c == 'o')
			o->outcomes = optarg;
		else if (c != 's')
			return usage();
		else if (config_set(&w->config, optarg, why, sizeof(why)) != 0) {
			log_error("%s", why);
			return EX_CONFIG;
		}
	}
	return optind < argc || o->lane == NULL || o->name == NULL ? usage() : 0;
}

static int
read_command_line(int argc, char **argv, struct worker *w)
{
	struct options	o = { 0 };
	enum log_level	level = LOG_LEVEL_INFO;
	int		rc;

	if ((rc = read_options(argc, argv, w, &o)) != 0)
		return rc;
	if (strcmp(o.lane, "cpu") == 0)
		w->lane = CONTROL_LANE_CPU;
	else if (strcmp(o.lane, "io") == 0)
		w->lane = CONTROL_LANE_IO;
	else if (strcmp(o.lane, "plugin") == 0)
		w->lane = CONTROL_LANE_PLUGIN;
	else
		return usage();
	log_level_parse(w->config.log_level, &level);
	log_init("jobd-worker", level);
	make_label(w, o.name);
	w->outcomes = o.outcomes;
	return 0;
}

/* Object keys are hashed with a seed that no client can know. */
static void
seed_json(void)
{
	size_t	seed;

	if (getrandom(&seed, sizeof(seed), 0) != sizeof(seed))
		log_fatal("no random bytes: %s", strerror(errno));
	json_object_seed(seed);		/* 0 would be taken as "choose one": as good */
}

static int
attach(struct worker *w)
{
	struct channel_fds	fds = { CONTROL_WORKER_A, CONTROL_WORKER_B, CONTROL_WORKER_EVENT,
				    w->lane == CONTROL_LANE_CPU ? -1 : CONTROL_WORKER_KICK };
	int			rc = channel_attach(&fds, &w->channel);

	if (rc == 0)
		return 0;
	log_error("no channel on descriptors %d to %d: %s; jobd-worker is started by jobd",
	    CONTROL_WORKER_A, CONTROL_WORKER_KICK, strerror(-rc));
	return EX_CONFIG;
}

/* Built-in waits do not share a process with plugins: their worker loads none. */
static void
load_plugins(const struct worker *w)
{
	const char	*dir = w->config.plugins_dir;

	if (w->lane != CONTROL_LANE_IO && dir != NULL)
		plugins_load(dir, strcmp(dir, PLUGINDIR) == 0);
}

/* libpq finds its named connections by this variable, which must not come from outside. */
static void
name_services(const char *path)
{
	if (path == NULL)
		unsetenv("PGSERVICEFILE");
	else
		setenv("PGSERVICEFILE", path, 1);
}

static int
set_up(struct worker *w)
{
	char	why[256];
	int	rc;

	if ((rc = sandbox_enter(w->lane, &w->config)) != 0) {
		log_error("the process cannot be set up: %s", strerror(-rc));
		return EX_OSERR;
	}
	journal_use(JOURNAL_SOCKET);
	if ((rc = attach(w)) != 0)
		return rc;
	seed_json();
	measure_queued_ns();		/* opens what a sealed process might not */
	roots_init(w->config.files_roots);
	if (w->outcomes != NULL)
		roots_add_readable(w->outcomes);
	name_services(w->config.sql_services);
	if (handlers_init(why, sizeof(why)) != 0) {
		log_error("%s", why);
		return EX_SOFTWARE;
	}
	load_plugins(w);
	if ((rc = sandbox_seal(w->lane)) != 0) {
		log_error("the filter of system calls cannot be set: %s", strerror(-rc));
		return EX_OSERR;
	}
	return 0;
}

int
main(int argc, char **argv)
{
	struct worker	w = { 0 };
	int		rc;

	log_init("jobd-worker", LOG_LEVEL_INFO);
	title_init(&argc, argv);
	config_init(&w.config);
	if ((rc = read_command_line(argc, argv, &w)) == 0 && (rc = set_up(&w)) == 0) {
		if (w.lane == CONTROL_LANE_CPU)
			cpu_main(&w);
		else
			io_main(&w);
	}
	channel_detach(w.channel);
	task_fini(&w);
	handlers_fini();
	plugins_fini();
	roots_fini();
	config_fini(&w.config);
	return rc;
}
