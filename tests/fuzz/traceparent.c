/*
 * traceparent.c - libFuzzer target: any text as a traceparent, against a second, simple reading of what
 * W3C Trace Context says of one.
 */
#include "tests/fuzz/fuzz.h"

#include <stdbool.h>
#include <string.h>

#include "proto/traceparent.h"

/* x: a hexadecimal digit in lower case; all else as it stands. */
static const char	shape[] = "xx-xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx-xxxxxxxxxxxxxxxx-xx";

static bool
has_shape(const char *text, size_t len)
{
	if (len != sizeof(shape) - 1)
		return false;
	for (size_t i = 0; i < len; i++) {
		if (shape[i] == 'x' ? text[i] == '\0' || strchr("0123456789abcdef", text[i]) == NULL :
		    text[i] != shape[i])
			return false;
	}
	return true;
}

static bool
is_one(const char *text, size_t len)
{
	return has_shape(text, len) && memcmp(text, "ff", 2) != 0 &&
	    memcmp(text + 3, "00000000000000000000000000000000", 32) != 0 &&
	    memcmp(text + 36, "0000000000000000", 16) != 0;
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const char	*text = (const char *)data;
	char		 bent[sizeof(shape)];

	require(traceparent_is(text, size) == is_one(text, size));
	if (size < 2)
		return 0;
	/* most texts are far from one: a good one, bent where the input says and as it says */
	memcpy(bent, "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01", sizeof(bent));
	for (size_t i = 0; i + 1 < size; i += 2)
		bent[data[i] % (sizeof(bent) - 1)] = (char)data[i + 1];
	require(traceparent_is(bent, sizeof(bent) - 1) == is_one(bent, sizeof(bent) - 1));
	return 0;
}
