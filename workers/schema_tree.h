/* schema_tree.h - a compiled schema, as schema_compile.c makes it and schema.c reads it. */
#ifndef WORKERS_SCHEMA_TREE_H
#define WORKERS_SCHEMA_TREE_H

#include <regex.h>
#include <stdint.h>

#include <jansson.h>

#include "lib/buf.h"
#include "workers/schema.h"

enum {
	SCHEMA_NULL = 1, SCHEMA_BOOLEAN = 2, SCHEMA_INTEGER = 4, SCHEMA_NUMBER = 8,
	SCHEMA_STRING = 16, SCHEMA_ARRAY = 32, SCHEMA_OBJECT = 64
};

struct schema_property {
	const char	*name;
	struct schema	*schema;
	bool		 required;
};

/* The values and texts of JSON are lent by the root's source. */
struct schema {
	json_t			*source;	/* owned; of the root only */
	unsigned		 types;		/* bits; 0: any */
	const json_t		*values;	/* array: one of these; NULL: any */
	const json_t		*constant, *preset;	/* `const`, `default`; NULL: none */
	const json_t		*minimum, *maximum;
	uint64_t		 least_chars, most_chars, least_items, most_items;
	regex_t			*pattern;
	const char		*pattern_text;
	struct schema		*items;
	struct schema_property	*properties;
	size_t			 properties_count;
	bool			 closed;	/* additionalProperties: false */
	struct schema		*others;	/* additionalProperties: a schema */
	struct schema		**choices;	/* anyOf, oneOf */
	size_t			 choices_count;
	bool			 one_choice;	/* oneOf */
};

/* Where in a value: printed only when something is wrong. */
struct schema_place {
	const struct schema_place	*up;
	const char			*name;	/* NULL: an item */
	size_t				 index;
};

/* Bit and name of a type, in turn; NULL at the end. */
const char *schema_type_name(unsigned bit);
/* Checks and completes value.  False, with a sentence in why. */
bool schema_check(const struct schema *s, json_t *value, const struct schema_place *at,
    struct buf *why);
/* Copies a sentence into why[size]. */
void schema_tell(const struct buf *sentence, char *why, size_t size);

#endif
