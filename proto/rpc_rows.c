/* rpc_rows.c - the rows of the .def files, and finding them by name.  Runs in: broker, clients. */
#include "proto/rpc_rows.h"

#include <string.h>

const struct rpc_error_row rpc_errors[RPC_ERRORS] = {
#define ERROR(symbol, code, retryable, exit_code, text) \
	[RPC_##symbol] = { #symbol, code, retryable, exit_code, text },
#include "proto/errors.def"
#undef ERROR
};

const char *const rpc_role_names[] = {
	[ROLE_anybody] = "anybody",
	[ROLE_worker] = "worker",
	[ROLE_viewer] = "viewer",
	[ROLE_submitter] = "submitter",
	[ROLE_operator] = "operator",
	[ROLE_admin] = "admin",
};

/* Twice through the rows: P() and R() mean one thing at a time. */
const struct rpc_method_row rpc_methods[RPC_METHODS] = {
#define R(param) P(param)
#define P(param) | RPC_BIT(PARAM_##param)
#define METHOD(symbol, wire_name, least, list, schema, text) \
	[METHOD_##symbol].name = wire_name, \
	[METHOD_##symbol].role = ROLE_##least, \
	[METHOD_##symbol].params = 0 list, \
	[METHOD_##symbol].result = #schema, \
	[METHOD_##symbol].help = text,
#include "proto/methods.def"
#undef METHOD
#undef R
#undef P
#define R(param) | RPC_BIT(PARAM_##param)
#define P(param)
#define METHOD(symbol, wire_name, least, list, schema, text) [METHOD_##symbol].required = 0 list,
#include "proto/methods.def"
#undef METHOD
#undef R
#undef P
};

const struct rpc_param_row rpc_params[RPC_PARAMS] = {
#define PARAM(name, type, min, max, help) [PARAM_##name] = { #name, TYPE_##type, min, max, help },
#include "proto/params.def"
#undef PARAM
};

_Static_assert(RPC_PARAMS <= 8 * sizeof(rpc_set), "each has its bit");

enum rpc_param
rpc_set_first(rpc_set set)
{
	uint64_t	low = (uint64_t)set;

	return (enum rpc_param)(low != 0 ? __builtin_ctzll(low) : 64 + __builtin_ctzll((uint64_t)(set >> 64)));
}

/* ---- finding ---- */

/* Open addressing over length, first and last byte: nearly always the first slot is the one. */
#define SLOTS	256

_Static_assert(RPC_METHODS < SLOTS / 2, "a free slot ends a search");
_Static_assert(RPC_PARAMS < SLOTS / 2, "a free slot ends a search");

struct slot {
	const char	*name;
	unsigned char	 len, row;
};

static struct slot	methods[SLOTS], params[SLOTS];

static inline unsigned
first_slot(const char *name, size_t len)
{
	unsigned char	first = (unsigned char)name[0], last = (unsigned char)name[len - 1];
	unsigned char	middle = (unsigned char)name[len / 2];

	return ((unsigned)len * 7 + first * 5u + last * 11u + middle * 3u) % SLOTS;
}

static void
put(struct slot *slots, const char *name, size_t row)
{
	size_t		len = strlen(name);
	unsigned	i = first_slot(name, len);

	while (slots[i].name != NULL)
		i = (i + 1) % SLOTS;
	slots[i] = (struct slot){ name, (unsigned char)len, (unsigned char)row };
}

/* Before main, so that finding needs neither a check nor a lock. */
__attribute__((constructor)) static void
fill(void)
{
	for (size_t i = 0; i < RPC_METHODS; i++)
		put(methods, rpc_methods[i].name, i);
	for (size_t i = 0; i < RPC_PARAMS; i++)
		put(params, rpc_params[i].name, i);
}

static int
find(const struct slot *slots, const char *name, size_t len)
{
	if (len == 0)
		return -1;
	for (unsigned i = first_slot(name, len); slots[i].name != NULL; i = (i + 1) % SLOTS)
		if (slots[i].len == len && memcmp(slots[i].name, name, len) == 0)
			return slots[i].row;
	return -1;
}

int
rpc_method_find(const char *name, size_t len)
{
	return find(methods, name, len);
}

int
rpc_param_find(const char *name, size_t len)
{
	return find(params, name, len);
}

int
rpc_error_find(const char *kind, size_t len)
{
	for (int i = 0; i < RPC_ERRORS; i++)
		if (strlen(rpc_errors[i].kind) == len && memcmp(rpc_errors[i].kind, kind, len) == 0)
			return i;
	return -1;
}
