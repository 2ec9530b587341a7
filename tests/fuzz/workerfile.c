/*
 * workerfile.c - libFuzzer target: any text as a NAME.worker file.  What is taken is JSON;
 * what is not is said why, in a line that exists.
 */
#include "tests/fuzz/fuzz.h"

#include <string.h>

#include "lib/buf.h"
#include "proto/workerfile.h"
#include "proto/json_scan.h"

static int
lines(const uint8_t *data, size_t size)
{
	int	n = 1;

	for (size_t i = 0; i < size; i++)
		n += data[i] == '\n';
	return n;
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct typefile	t;
	struct fault	f;
	struct buf	json = { 0 };

	if (workerfile_read("f", "name", (const char *)data, size, &t, &f) == 0) {
		workerfile_put(&json, &t);
		require(scan_check(buf_data(&json), buf_len(&json), 32) == NULL);
	} else {
		require(f.why[0] != '\0');
		require(f.line >= 0 && f.line <= lines(data, size));
	}
	typefile_fini(&t);
	buf_free(&json);
	return 0;
}
