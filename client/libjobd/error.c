/* error.c - codes, kinds and sentences.  Runs in: programs that use libjobd. */
#include "client/libjobd/internal.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char *
own_kind(int code)
{
	switch (code) {
	case JOBD_UNREACHABLE:		return "unreachable";
	case JOBD_LOST:			return "lost";
	case JOBD_TIMED_OUT:		return "timed_out";
	case JOBD_BAD_REPLY:		return "bad_reply";
	case JOBD_FULL:			return "full";
	case JOBD_USAGE:		return "usage";
	case JOBD_JOB_FAILED:		return "error";
	case JOBD_JOB_CANCELLED:	return "cancelled";
	case JOBD_JOB_EXPIRED:		return "expired";
	case JOBD_UNAUTHENTICATED:	return "unauthenticated";
	case JOBD_LINE_TOO_LONG:	return "line_too_long";
	default:			return "error";
	}
}

int
error_set(struct jobd_error *err, int code, const char *fmt, ...)
{
	va_list	ap;

	if (err == NULL)
		return code;
	memset(err, 0, sizeof(*err));
	err->code = code;
	err->retryable = code == JOBD_UNREACHABLE || code == JOBD_LOST || code == JOBD_FULL ||
	    code == JOBD_TIMED_OUT;
	snprintf(err->kind, sizeof(err->kind), "%s", own_kind(code));
	va_start(ap, fmt);
	vsnprintf(err->message, sizeof(err->message), fmt, ap);
	va_end(ap);
	return code;
}

int
error_copy(struct jobd_error *to, const struct jobd_error *from)
{
	if (to != NULL && to != from)
		*to = *from;
	return from->code;
}

/* Decoded text of a member, cut to fit between characters; an empty one says nothing. */
static void
copy_text(struct span value, char *out, size_t size)
{
	char	*text = json_value_text(value);
	size_t	 len;

	len = text == NULL ? 0 : strlen(text);
	if (len == 0) {
		free(text);
		return;
	}
	if (len >= size) {
		len = size - 1;
		while (len > 0 && ((unsigned char)text[len] & 0xc0) == 0x80)
			len--;
	}
	memcpy(out, text, len);
	out[len] = '\0';
	free(text);
}

void
error_read(struct jobd_error *err, struct span error)
{
	enum { CODE, MESSAGE, DATA, MEMBERS };
	static const char *const names[MEMBERS] = { "code", "message", "data" };
	struct span	m[MEMBERS], kind;
	int64_t		code, id;

	error_set(err, JOBD_INTERNAL, "the daemon refused");
	json_members(error, names, m, MEMBERS);
	if (json_value_int(m[CODE], &code) && code < 0 && code >= INT32_MIN)
		err->code = (int)code;
	copy_text(m[MESSAGE], err->message, sizeof(err->message));
	if (m[DATA].len == 0)
		return;
	if (json_member(m[DATA], "kind", &kind))
		copy_text(kind, err->kind, sizeof(err->kind));
	err->retryable = json_true(m[DATA], "retryable");
	if (!json_int(m[DATA], "retry_after_ms", &err->retry_after_ms) || err->retry_after_ms < 0)
		err->retry_after_ms = 0;
	if (json_int(m[DATA], "id", &id) && id > 0)
		err->job = (uint64_t)id;
}
