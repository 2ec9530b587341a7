/*
 * options.h - jobd's command line, checked.
 */
#ifndef SUPERVISOR_OPTIONS_H
#define SUPERVISOR_OPTIONS_H

#include <stdbool.h>
#include <stddef.h>

#include "daemon/supervisor/args.h"
#include "proto/config.h"

#define EXIT_USAGE	64		/* the command line cannot be understood */
#define EXIT_INTERNAL	70		/* our fault */
#define EXIT_CONFIG	78		/* the operator has something to change */

struct options {
	char		*config_file;	/* -c; NULL: none */
	char		*state_dir;	/* NULL: the default */
	char		*export_file, *import_file;	/* NULL: not asked for */
	struct args	 listen;	/* addresses that parse_addr takes; none: the defaults */
	struct args	 settings;	/* `section.key=value`, each one that config_set takes */
	bool		 check_config, check_store, daemonize, help, help_settings, version;
};

/*
 * 0, or the exit code with a sentence in why[size] that names the option and says what is allowed.
 * *o is to be freed in either case.
 */
int options_parse(struct options *o, int argc, char **argv, char *why, size_t size);
void options_free(struct options *o);
/* What --help, and --help-settings, print; the caller frees. */
char *options_help(void);
char *options_help_settings(void);

#endif
