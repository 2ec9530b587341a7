/* options.c - jobd's command line.  Runs in: supervisor. */
#include "daemon/supervisor/options.h"

#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/alloc.h"
#include "lib/buf.h"
#include "lib/parse.h"

enum option_id {
	OPTION_CONFIG = 'c',
	OPTION_HELP = 'h',
	OPTION_VERSION = 'V',
	OPTION_STATE_DIR = 256,
	OPTION_LISTEN,
	OPTION_CPU_WORKERS,
	OPTION_IO_THREADS,
	OPTION_SET,
	OPTION_CHECK_CONFIG,
	OPTION_CHECK_STORE,
	OPTION_EXPORT,
	OPTION_IMPORT,
	OPTION_DAEMONIZE,
	OPTION_HELP_SETTINGS,
};

struct option_row {
	enum option_id	 id;
	const char	*name, *value, *help;
};

static const struct option_row rows[] = {
	{ OPTION_CONFIG, "config", "FILE", "read settings from FILE (INI); the command line wins" },
	{ OPTION_STATE_DIR, "state-dir", "DIR", "keep state in DIR (mode 0700; made if missing)" },
	{ OPTION_LISTEN, "listen", "ADDR",
	    "serve at unix:PATH, tcp:HOST:PORT or tls:HOST:PORT; may be repeated" },
	{ OPTION_CPU_WORKERS, "cpu-workers", "N", "the same as --set workers.cpu=N" },
	{ OPTION_IO_THREADS, "io-threads", "N", "the same as --set workers.io_threads=N" },
	{ OPTION_SET, "set", "SECTION.KEY=VALUE", "set one key; may be repeated" },
	{ OPTION_CHECK_CONFIG, "check-config", NULL, "check the configuration, then end" },
	{ OPTION_CHECK_STORE, "check-store", NULL,
	    "check the store in --state-dir (or that file, a backup), then end" },
	{ OPTION_EXPORT, "export", "FILE", "write that store as text (NDJSON; -: stdout), then end" },
	{ OPTION_IMPORT, "import", "FILE",
	    "read such text into an empty state directory (-: stdin), then end" },
	{ OPTION_DAEMONIZE, "daemonize", NULL,
	    "end when jobd serves; it goes on in the background" },
	{ OPTION_HELP, "help", NULL, "print this help" },
	{ OPTION_HELP_SETTINGS, "help-settings", NULL, "print the keys for --set and for FILE" },
	{ OPTION_VERSION, "version", NULL, "print the version" },
};

#define ROWS	(sizeof(rows) / sizeof(rows[0]))

char *
options_help(void)
{
	struct buf	out = { 0 };

	buf_puts(&out,
	    "usage: jobd [-c FILE] [--state-dir DIR] [--listen ADDR]... [--cpu-workers N]\n"
	    "            [--io-threads N] [--set section.key=value]...\n"
	    "            [--check-config] [--daemonize]\n"
	    "       jobd --check-store | --export FILE | --import FILE [--state-dir DIR]\n\n");
	for (size_t i = 0; i < ROWS; i++) {
		char	name[64];

		snprintf(name, sizeof(name), "--%s%s%s", rows[i].name,
		    rows[i].value == NULL ? "" : "=", rows[i].value == NULL ? "" : rows[i].value);
		if (rows[i].id < OPTION_STATE_DIR)
			buf_printf(&out, "  -%c, %-24s", rows[i].id, name);
		else
			buf_printf(&out, "      %-24s", name);
		buf_printf(&out, "  %s\n", rows[i].help);
	}
	return buf_take_string(&out);
}

char *
options_help_settings(void)
{
	struct buf	out = { 0 };

	buf_puts(&out, "Keys for --set and for a configuration file, with their defaults:\n\n");
	config_help(&out);
	return buf_take_string(&out);
}

void
options_free(struct options *o)
{
	free(o->config_file);
	free(o->state_dir);
	free(o->export_file);
	free(o->import_file);
	args_free(&o->listen);
	args_free(&o->settings);
	memset(o, 0, sizeof(*o));
}

static void
set_text(char **field, const char *text)
{
	free(*field);
	*field = mem_strdup(text);
}

/* Checked here already, so that the sentence can name the option it came by. */
static int
add_setting(struct options *o, const char *option, const char *setting, char *why, size_t size)
{
	struct config	trial;
	char		reason[512];
	int		rc;

	config_init(&trial);
	rc = config_set(&trial, setting, reason, sizeof(reason));
	config_fini(&trial);
	if (rc != 0) {
		snprintf(why, size, "--%s: %s", option, reason);
		return EXIT_CONFIG;
	}
	args_add(&o->settings, setting);
	return 0;
}

static int
add_number(struct options *o, const char *option, const char *key, const char *value, char *why,
    size_t size)
{
	char	*setting = mem_printf("%s=%s", key, value);
	int	 rc = add_setting(o, option, setting, why, size);

	free(setting);
	return rc;
}

static int
add_listen(struct options *o, const char *text, char *why, size_t size)
{
	struct addr	addr;

	if (parse_addr(text, &addr) != 0) {
		snprintf(why, size, "--listen: `%.200s` is not an address: unix:PATH (at most 107 "
		    "bytes), tcp:HOST:PORT and tls:HOST:PORT (port 0 to 65535, IPv6 in brackets) "
		    "are", text);
		return EXIT_CONFIG;
	}
	args_add(&o->listen, text);
	return 0;
}

static int
take_option(struct options *o, enum option_id id, const char *value, char *why, size_t size)
{
	switch (id) {
	case OPTION_CONFIG:
		set_text(&o->config_file, value);
		return 0;
	case OPTION_STATE_DIR:
		if (value[0] == '\0') {
			snprintf(why, size, "--state-dir: the name of a directory is wanted");
			return EXIT_CONFIG;
		}
		set_text(&o->state_dir, value);
		return 0;
	case OPTION_LISTEN:
		return add_listen(o, value, why, size);
	case OPTION_CPU_WORKERS:
		return add_number(o, "cpu-workers", "workers.cpu", value, why, size);
	case OPTION_IO_THREADS:
		return add_number(o, "io-threads", "workers.io_threads", value, why, size);
	case OPTION_SET:
		return add_setting(o, "set", value, why, size);
	case OPTION_CHECK_CONFIG:
		o->check_config = true;
		return 0;
	case OPTION_CHECK_STORE:
		o->check_store = true;
		return 0;
	case OPTION_EXPORT:
		set_text(&o->export_file, value);
		return 0;
	case OPTION_IMPORT:
		set_text(&o->import_file, value);
		return 0;
	case OPTION_DAEMONIZE:
		o->daemonize = true;
		return 0;
	case OPTION_HELP:
		o->help = true;
		return 0;
	case OPTION_HELP_SETTINGS:
		o->help_settings = true;
		return 0;
	case OPTION_VERSION:
		o->version = true;
		return 0;
	}
	return EXIT_USAGE;
}

/* What getopt did not understand: argv[optind - 1], or a letter inside it. */
static int
misunderstood(int c, char **argv, char *why, size_t size)
{
	const char	*text = argv[optind - 1];

	if (c == ':')
		snprintf(why, size, "%.100s: a value is wanted; see jobd --help", text);
	else if (optopt > 0 && optopt < 256)
		snprintf(why, size, "-%c: no such option; see jobd --help", optopt);
	else if (optopt != 0)
		snprintf(why, size, "%.100s: takes no value; see jobd --help", text);
	else
		snprintf(why, size, "%.100s: no such option; see jobd --help", text);
	return EXIT_USAGE;
}

int
options_parse(struct options *o, int argc, char **argv, char *why, size_t size)
{
	struct option	table[ROWS + 1] = { 0 };
	int		c, rc;

	memset(o, 0, sizeof(*o));
	for (size_t i = 0; i < ROWS; i++) {
		table[i].name = rows[i].name;
		table[i].has_arg = rows[i].value == NULL ? no_argument : required_argument;
		table[i].val = rows[i].id;
	}
	optind = 0;		/* a fresh start also for a second call */
	opterr = 0;
	while ((c = getopt_long(argc, argv, "+:c:hV", table, NULL)) != -1) {
		if (c == ':' || c == '?')
			return misunderstood(c, argv, why, size);
		if ((rc = take_option(o, (enum option_id)c, optarg, why, size)) != 0)
			return rc;
	}
	if (optind < argc) {
		snprintf(why, size, "`%.100s` is not an option; see jobd --help", argv[optind]);
		return EXIT_USAGE;
	}
	return 0;
}
