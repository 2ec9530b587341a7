/* reasons.c - why a job is in its state, in words.  Runs in: jobctl. */
#include "client/reasons.h"

#include <stddef.h>
#include <string.h>

static const struct {
	const char	*name, *words;
} rows[] = {
#define STATE(symbol, finished, help)
#define REASON(symbol, text) { #symbol, text },
#include "proto/states.def"
#undef REASON
#undef STATE
};

const char *
reason_words(const char *name)
{
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		if (strcmp(rows[i].name, name) == 0)
			return rows[i].words;
	return name;
}
