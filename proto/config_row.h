/*
 * config_row.h - rows of config.def, for what sets options (config.c) and what shows them
 * (config_look.c).
 */
#ifndef PROTO_CONFIG_ROW_H
#define PROTO_CONFIG_ROW_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/buf.h"
#include "proto/config.h"

enum config_type {
	TYPE_INT, TYPE_BOOL, TYPE_SIZE, TYPE_MS, TYPE_RATE, TYPE_DIR, TYPE_DIRS, TYPE_LEVEL,
	TYPE_MODE, TYPE_LANE, TYPE_ENGINE, TYPE_WHEN, TYPE_ZONE, TYPE_OVERLAP, TYPE_JOB, TYPE_USER,
	TYPE_CGROUP, TYPE_ADDRS, TYPE_LOOPBACK
};

struct config_row {
	const char	*section, *key;
	enum config_type	 type;
	size_t		 offset;	/* in struct config, or in struct config_limit */
	int64_t		 number;	/* the default, of all but DIR, DIRS and LEVEL */
	const char	*text;		/* the default, of DIR, DIRS and LEVEL */
	int64_t		 min, max;
	bool		 live;		/* a reload puts it into effect */
	const char	*help;
};

struct config_rows {
	const struct config_row	*v;
	size_t			 n;
};

extern const struct config_rows	config_options;	/* of struct config */
extern const struct config_rows	config_limits;	/* of struct config_limit */

/* All of them: options, then limits. */
const struct config_row *config_row_at(size_t i);
/* Its field is a char *, from malloc or NULL; else an int64_t. */
bool config_row_is_text(const struct config_row *row);
/* In an object of the row's kind. */
void *config_row_field(void *object, const struct config_row *row);

/* "a duration (250ms, 10s, 5m, 2h, 3d) from 0 to 365d" */
void config_row_put_allowed(struct buf *out, const struct config_row *row);
/* As config_set takes it: text for a row that is text, else number. */
void config_row_put_value(struct buf *out, const struct config_row *row, const char *text,
    int64_t number);

/* Of a row that is no text.  0, -EINVAL, or -ERANGE beyond what the row allows. */
int config_row_number(const struct config_row *row, const char *text, int64_t *out);
/* Of a row that is text.  Schedules are not looked at: schedule_parse says what is wrong. */
bool config_row_takes(const struct config_row *row, const char *text);
/* 1 to BOUND_NAME_BYTES of A-Z a-z 0-9 _ . - */
bool config_is_name(const char *text);

#endif
