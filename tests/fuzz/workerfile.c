/* workerfile.c - libFuzzer target: any text as a NAME.worker file. */
#include "tests/fuzz/typefile.h"

#include "proto/workerfile.h"

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	check_typefile(data, size, workerfile_read, workerfile_put);
	return 0;
}
