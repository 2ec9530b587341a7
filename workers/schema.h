/*
 * schema.h - what a type takes as its argument, and whether an argument is that.
 *
 * A schema is JSON Schema (2020-12) of these keywords:
 *
 *   any value      type (a name or a list of names), enum, const, default, anyOf, oneOf
 *   numbers        minimum, maximum
 *   strings        minLength, maxLength (in characters), pattern (POSIX extended, found anywhere)
 *   arrays         items, minItems, maxItems
 *   objects        properties, required, additionalProperties (false, true or a schema)
 *   for people     title, description, examples, $schema, $comment
 *
 * Any other keyword is an error: it would promise a check that is not made.  Stricter than the
 * standard: an integer is written without fraction and exponent, no string may hold \u0000, no
 * object may have a key twice.  A member that is missing gets the default of its property, so a
 * handler sees a whole object; therefore a default may not stand below anyOf or oneOf.
 */
#ifndef WORKERS_SCHEMA_H
#define WORKERS_SCHEMA_H

#include <stdbool.h>
#include <stddef.h>

struct schema;
struct json_t;

/*
 * NULL, with a sentence that says where the schema is wrong in why[size]:
 * "properties.ms.minimum must be a number".
 */
struct schema *schema_compile(const char *text, char *why, size_t size);
void schema_free(struct schema *s);		/* NULL is fine */

/*
 * The argument as a tree with its defaults filled in, for json_decref; or NULL, with a sentence
 * that names the member in why[size]: "args.headers[2] must be a string, not 7".  Any thread.
 */
struct json_t *schema_read(const struct schema *s, const char *text, size_t len, char *why,
    size_t size);

#endif
