/*
 * exec_main.c - jobd-exec: starts commands and watches them.  Started by the supervisor as the user
 * whose commands they are, with the channel's descriptors in place (proto/control.h).
 *
 * A program of its own: it starts others, so it holds nothing but jobd's code and libuv.
 */
#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>
#include <sys/resource.h>
#include <sysexits.h>
#include <unistd.h>

#include "lib/journal.h"
#include "lib/log.h"
#include "lib/map.h"
#include "lib/title.h"
#include "proto/config.h"
#include "proto/control.h"
#include "workers/exec_main.h"
#include "workers/worker.h"

static const char	usage_text[] =
    "usage: jobd-exec --lane=exec --name=NAME [--set section.key=value]...\n"
    "This is a part of jobd and is started by it; to run jobs, start jobd.\n";

static char	label[64];

static int
usage(void)
{
	fputs(usage_text, stderr);
	return EX_USAGE;
}

/* "exec-1" becomes "jobd: exec worker 1". */
static void
make_label(const char *name)
{
	const char	*dash = strchr(name, '-');

	snprintf(label, sizeof(label), "jobd: exec worker %.32s", dash == NULL ? name : dash + 1);
}

/* 0, or the exit status after a message. */
static int
read_command_line(int argc, char **argv, struct config *config)
{
	static const struct option	known[] = {
		{ "lane", required_argument, NULL, 'l' },
		{ "name", required_argument, NULL, 'n' },
		{ "outcomes", required_argument, NULL, 'o' },
		{ "set", required_argument, NULL, 's' },
		{ NULL, 0, NULL, 0 },
	};
	const char			*lane = NULL, *name = NULL;
	char				 why[256];
	int				 c;

	while ((c = getopt_long(argc, argv, "", known, NULL)) != -1) {
		if (c == 'l')
			lane = optarg;
		else if (c == 'n')
			name = optarg;
		else if (c == 's' && config_set(config, optarg, why, sizeof(why)) != 0) {
			log_error("%s", why);
			return EX_CONFIG;
		} else if (c == '?')
			return usage();
	}
	if (optind < argc || lane == NULL || name == NULL || strcmp(lane, "exec") != 0)
		return usage();
	make_label(name);
	return 0;
}

/* Three pipes for each command: as many descriptors as there may be. */
static void
raise_descriptors(void)
{
	struct rlimit	files;

	if (getrlimit(RLIMIT_NOFILE, &files) != 0)
		return;
	files.rlim_cur = files.rlim_max;
	if (setrlimit(RLIMIT_NOFILE, &files) != 0)
		log_warn("descriptors stay limited: %s", strerror(errno));
}

static void
seed_maps(void)
{
	uint64_t	seed;

	if (getrandom(&seed, sizeof(seed), 0) != sizeof(seed))
		log_fatal("no random bytes: %s", strerror(errno));
	map_seed(seed);
}

static int
set_up(const struct config *config, struct channel_worker **channel)
{
	struct channel_fds	fds = { CONTROL_WORKER_A, CONTROL_WORKER_B, CONTROL_WORKER_EVENT,
				    CONTROL_WORKER_KICK };
	int			rc;

	if ((rc = sandbox_enter(CONTROL_LANE_EXEC, config)) != 0) {
		log_error("the process cannot be set up: %s", strerror(-rc));
		return EX_OSERR;
	}
	journal_use(JOURNAL_SOCKET);
	if ((rc = channel_attach(&fds, channel)) != 0) {
		log_error("no channel on descriptors %d to %d: %s; jobd-exec is started by jobd",
		    CONTROL_WORKER_A, CONTROL_WORKER_KICK, strerror(-rc));
		return EX_CONFIG;
	}
	raise_descriptors();
	seed_maps();
	if ((rc = exec_init(*channel, (size_t)config->max_result_bytes, label)) != 0) {
		log_error("commands cannot be run: %s", strerror(-rc));
		return EX_OSERR;
	}
	return 0;
}

int
main(int argc, char **argv)
{
	struct channel_worker	*channel = NULL;
	struct config		 config;
	enum log_level		 level = LOG_LEVEL_INFO;
	int			 rc;

	log_init("jobd-exec", LOG_LEVEL_INFO);
	title_init(&argc, argv);
	config_init(&config);
	if ((rc = read_command_line(argc, argv, &config)) == 0) {
		log_level_parse(config.log_level, &level);
		log_init("jobd-exec", level);
		if ((rc = set_up(&config, &channel)) == 0)
			exec_loop();
	}
	channel_detach(channel);
	config_fini(&config);
	return rc;
}
