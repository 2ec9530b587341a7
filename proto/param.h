/*
 * param.h - [param NAME] of a NAME.job file: what a caller may put where {NAME} stands, and the same
 * as a JSON Schema.  The rules themselves are in command.h; who holds callers to them is the exec
 * worker.
 */
#ifndef PROTO_PARAM_H
#define PROTO_PARAM_H

#include <stdbool.h>
#include <stdint.h>

#include "proto/typefile.h"

#define PARAMS_MAX	64		/* of one file */

enum param_type {
	PARAM_STRING, PARAM_INT, PARAM_NUMBER, PARAM_BOOL, PARAM_ENUM, PARAM_PATH, PARAM_STRINGS,
	PARAM_TYPES
};

struct param {
	struct list	 link;
	char		*name;
	int		 line;		/* of its first key */
	enum param_type	 type;
	char		*fallback;	/* `default` as the file says it; NULL: none, a caller must */
	char		*pattern, *summary;
	char		*min, *max;	/* JSON numbers; NULL: no bound */
	struct words	 values;
	bool		 dash, used;
	int		 type_line, pattern_line, min_line, max_line, values_line, fallback_line;
};

struct param *param_find(const struct list *params, const char *name, size_t len);
/* A pair of [param NAME]; the param is made at its first one.  false with f->why. */
bool param_take(struct list *params, const char *name, const struct pair *p, struct fault *f);
/* All keys are there: do they fit together, and is the default what it asks for?  0 or -EINVAL. */
int param_check(const struct param *p, struct fault *f);
void params_free(struct list *params);

/* {"type":"string",...}: the member of `params` in a spec, and the schema of a caller's value. */
void param_put_spec(struct buf *out, const struct param *p);
void param_put_schema(struct buf *out, const struct param *p);

#endif
