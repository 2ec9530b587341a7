/* jobfile.c - libFuzzer target: any text as a NAME.job file. */
#include "tests/fuzz/typefile.h"

#include "proto/jobfile.h"

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	check_typefile(data, size, jobfile_read, jobfile_put);
	return 0;
}
