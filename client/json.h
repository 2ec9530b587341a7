/*
 * json.h - looking into the raw text of a reply, without a tree.
 *
 * Numbers keep their spelling and members their order, because nothing is ever printed anew.  Every
 * text here was checked when its line was read (libjobd/reply.c); a member that is missing or of
 * another type is simply not there, since a newer daemon may say things differently.
 */
#ifndef CLIENT_JSON_H
#define CLIENT_JSON_H

#include <stdbool.h>
#include <stdint.h>

#include "proto/json_scan.h"

/* Deeper than any reply: args and results nest BOUND_DEPTH deep inside one. */
#define JSON_DEPTH	(BOUND_DEPTH * 2)

/* The raw text of a member of an object; false: no such member, or its value is null. */
bool json_member(struct span object, const char *name, struct span *out);
/* Several in one pass over a long object: out[i] is that of names[i], length 0 when it has none. */
void json_members(struct span object, const char *const *names, struct span *out, size_t n);
bool json_int(struct span object, const char *name, int64_t *out);
bool json_true(struct span object, const char *name);
/* Decoded text of a member that is a string, for the caller to free; NULL: there is none. */
char *json_text(struct span object, const char *name);
/* The same of a value that is at hand; length 0 is none. */
bool json_value_int(struct span value, int64_t *out);
char *json_value_text(struct span value);
/* A string value as text, any other value as it is spelt; the caller frees. */
char *json_plain(struct span value);
enum scan_type json_type(struct span value);	/* SCAN_NULL when it is no value at all */

/* Elements of an array, or members of an object. */
struct json_walk {
	struct scan	 scan;
	struct span	 key;		/* raw, between its quotes; objects only */
	struct span	 value;
};
void json_array(struct json_walk *w, struct span array);
bool json_element(struct json_walk *w);
void json_object(struct json_walk *w, struct span object);
bool json_next_member(struct json_walk *w);

/* `"text"`, with what JSON wants escaped. */
void json_put_text(struct buf *b, const char *text);

#endif
