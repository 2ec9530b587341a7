/*
 * args.h - the members of a built-in handler's argument, as its schema has checked them: each has
 * its type, and its default where the client gave none.  What is returned lives until the attempt
 * has ended.
 */
#ifndef HANDLERS_ARGS_H
#define HANDLERS_ARGS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "workers/handler.h"

struct json_t;

/* NULL: not given, and without a default. */
struct json_t *args_get(const struct jobd_attempt *at, const char *name);
/* 0 when not given. */
int64_t args_int(const struct jobd_attempt *at, const char *name);
/* False when not given. */
bool args_true(const struct jobd_attempt *at, const char *name);
/* A string without NUL inside; NULL when not given. */
const char *args_text(const struct jobd_attempt *at, const char *name);

#endif
