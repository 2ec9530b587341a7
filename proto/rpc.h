/*
 * rpc.h - JSON-RPC 2.0 lines: from text to a checked call, and replies printed without a tree.
 *
 * Everything here points into the line that was parsed, or into the call's own scratch; both must
 * live as long as the call is looked at.  Source: DESIGN section 5.
 */
#ifndef PROTO_RPC_H
#define PROTO_RPC_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/buf.h"
#include "proto/bounds.h"

struct span {
	const char	*p;
	size_t		 len;
};

enum rpc_error_kind {
#define ERROR(symbol, code, retryable, exit_code, text) RPC_##symbol,
#include "proto/errors.def"
#undef ERROR
	RPC_ERRORS
};

struct rpc_error_row {
	const char	*kind;
	int		 code;
	bool		 retryable;
	int		 exit_code;
	const char	*text;
};
extern const struct rpc_error_row rpc_errors[RPC_ERRORS];

/* The row of a kind as it stands on the wire; -1 when there is none. */
int rpc_error_find(const char *kind, size_t len);

/*
 * Why a request is not served.  data is more members of error.data as JSON text, without a comma
 * before them (`"member":"queue"`), or empty.
 */
struct rpc_error {
	enum rpc_error_kind	kind;
	char			message[256];
	char			data[256];
};
/* Always -1, so that `return rpc_fail(...)` reads well.  The message is cut to fit, at UTF-8. */
int rpc_fail(struct rpc_error *e, enum rpc_error_kind kind, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));
/* The same about one member, which error.data names too: `"member":NAME` (long names are cut). */
int rpc_fail_member(struct rpc_error *e, enum rpc_error_kind kind, const char *member, size_t len,
    const char *fmt, ...) __attribute__((format(printf, 5, 6)));

enum rpc_param {
#define PARAM(name, type, min, max, help) PARAM_##name,
#include "proto/params.def"
#undef PARAM
	RPC_PARAMS
};

/* A set of params: one bit each, as enum rpc_param numbers them. */
__extension__ typedef unsigned __int128 rpc_set;

enum rpc_method {
#define METHOD(symbol, name, role, params, result, help) METHOD_##symbol,
#include "proto/methods.def"
#undef METHOD
	RPC_METHODS
};

enum rpc_role { ROLE_anybody, ROLE_worker, ROLE_viewer, ROLE_submitter, ROLE_operator, ROLE_admin };
extern const char *const rpc_role_names[];

struct rpc_method_row {
	const char	*name;
	enum rpc_role	 role;
	rpc_set		 params, required;
	const char	*result;		/* name of its schema */
	const char	*help;
};
extern const struct rpc_method_row rpc_methods[RPC_METHODS];

enum rpc_param_type {
	TYPE_NAME, TYPE_STRING, TYPE_INT, TYPE_DECIMAL, TYPE_BOOL, TYPE_IDS, TYPE_OBJECT, TYPE_ARRAY, TYPE_ANY
};

struct rpc_param_row {
	const char		*name;
	enum rpc_param_type	 type;
	int64_t			 min, max;
	const char		*help;
};
extern const struct rpc_param_row rpc_params[RPC_PARAMS];

/*
 * A checked member of params.  given is false where the client gave none (JSON null counts as none
 * for everything but ANY).  NAME, STRING: p/len is the decoded text.  INT, BOOL: i.  DECIMAL: i, in
 * thousandths.  OBJECT,
 * ARRAY, IDS, ANY: p/len is the raw text of the value; IDS and ARRAY: i is the number of elements.
 */
struct rpc_value {
	const char	*p;
	uint32_t	 len;
	bool		 given;
	int64_t		 i;
};

struct rpc_call {
	struct span		id;		/* raw text; "null" when the line has none */
	bool			notification;	/* no id, but `jsonrpc`: is not answered */
	enum rpc_method		method;
	struct rpc_value	params[RPC_PARAMS];
	struct buf		scratch;	/* decoded strings; rpc_call_fini frees it */
};

struct rpc_limits {
	uint32_t	depth;		/* BOUND_DEPTH */
	uint32_t	values;		/* BOUND_VALUES */
};

/*
 * One request object (not a batch).  0, or -1 with *err filled; call->id and call->notification
 * are usable either way, so that the error can be answered: id is what the line said before the
 * error, else "null", and a line that is no request is never a notification.  What is wrong with
 * the line as JSON comes before what is wrong with the request, that before its method, and that
 * before its params: when the error is about these, call->method is known, else it is RPC_METHODS.
 * Unknown members are refused by name, duplicates too.  Values inside args and ids are not counted
 * against limits->values.
 */
int rpc_parse(const char *line, size_t len, const struct rpc_limits *limits, struct rpc_call *call,
    struct rpc_error *err);
void rpc_call_fini(struct rpc_call *call);

/*
 * Members of one object against a set of params: an element of `jobs`, say.  Writes params[].
 * Decoded strings go into scratch, and may move what an earlier call has put there.
 */
int rpc_parse_members(const char *text, size_t len, rpc_set allowed, rpc_set required,
    const struct rpc_limits *limits, struct rpc_value params[RPC_PARAMS], struct buf *scratch,
    struct rpc_error *err);

/*
 * Elements of an array: a batch line, or `jobs`.  *at starts at 0 and moves on; each element's raw
 * text comes in *out.  1: an element; 0: the end; -1 with *err.  The array's text is checked by
 * the first call.
 */
int rpc_array_next(const char *text, size_t len, size_t *at, const struct rpc_limits *limits,
    struct span *out, struct rpc_error *err);

/* Reads the ids of a checked IDS value into out[value->i]. */
void rpc_ids(const struct rpc_value *value, uint64_t *out);

/*
 * Replies.  rpc_reply_begin prints `{"jsonrpc":"2.0","id":ID,"result":`; the caller prints the
 * value; the end prints `}` and a newline.  rpc_print_error prints a whole line.
 */
void rpc_reply_begin(struct buf *out, struct span id);
void rpc_reply_end(struct buf *out);
void rpc_print_error(struct buf *out, struct span id, const struct rpc_error *err);

#endif
