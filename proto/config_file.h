/*
 * config_file.h - settings from INI files.  Needs libinih: only the supervisor reads files, and
 * jobctl, which checks them with the same code.
 */
#ifndef PROTO_CONFIG_FILE_H
#define PROTO_CONFIG_FILE_H

#include <stddef.h>

#include "proto/config.h"
#include "proto/settings.h"

/* What keeps a configuration from being used. */
struct config_fault {
	char	file[512];	/* "": it is in the environment or on the command line */
	int	line;		/* 0: no line is to blame */
	char	key[128];	/* `section.key`; "": no key is to blame */
	char	why[512];	/* a sentence that says what is allowed */
};

/* `FILE:LINE: why`, or what of it there is. */
void config_fault_print(const struct config_fault *f, char *out, size_t size);

/*
 * The settings of a file, in order, set in *c and added to *s with `FILE:LINE`.  `;` and `#` begin
 * comments.  0, or -EINVAL, or the -errno that kept the file from being read, with *fault.
 */
int config_file_read(const char *path, struct config *c, struct settings *s,
    struct config_fault *fault);
/* The same of a text, as if it were in the file `path`. */
int config_text_read(const char *path, const char *text, size_t len, struct config *c,
    struct settings *s, struct config_fault *fault);
/*
 * The file, then *.conf of the directory `path`.d in order of their names; the directory need not
 * be there.
 *
 *   NEEDED	the file must be
 *   TRUSTED	nobody but root and we may have written them, or have put them where they are:
 *		else -EPERM, with owner and mode
 */
#define CONFIG_FILE_NEEDED	1U
#define CONFIG_FILE_TRUSTED	2U

int config_files_read(const char *path, unsigned flags, struct config *c, struct settings *s,
    struct config_fault *fault);

#endif
