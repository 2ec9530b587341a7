/* typefile.h - what holds of any text as a file of a type. */
#ifndef FUZZ_TYPEFILE_H
#define FUZZ_TYPEFILE_H

#include "tests/fuzz/fuzz.h"

#include "lib/buf.h"
#include "proto/json_scan.h"
#include "proto/typefile.h"

/* What is taken is JSON; what is not is said why, in a line that exists. */
static inline void
check_typefile(const uint8_t *data, size_t size,
    int (*read)(const char *path, const char *name, const char *text, size_t len, struct typefile *t,
    struct fault *f), void (*put)(struct buf *out, const struct typefile *t))
{
	struct typefile	t;
	struct fault	f;
	struct buf	json = { 0 };

	if (read("f", "name", (const char *)data, size, &t, &f) == 0) {
		put(&json, &t);
		require(scan_check(buf_data(&json), buf_len(&json), 32) == NULL);
	} else {
		require(f.why[0] != '\0');
		require(f.line >= 0 && f.line <= last_line(data, size));
	}
	typefile_fini(&t);
	buf_free(&json);
}

#endif
