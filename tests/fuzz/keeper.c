/* keeper.c - lines of a store as text. */
#include "tests/fuzz/fuzz.h"

#include "daemon/keeper/keeper.h"

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct keeper_line	l;
	char			why[200];

	if (keeper_line_read((const char *)data, size, &l, why, sizeof(why)) == 0 &&
	    l.values_len > KEEPER_COLUMNS)
		__builtin_trap();
	buf_free(&l.scratch);
	return 0;
}
