/* bytes.c - bytes in arguments and results: text or base64.  Runs in: workers, any thread. */
#include "workers/handlers/bytes.h"

#include <stdio.h>
#include <string.h>

#include <jansson.h>
#include <openssl/evp.h>

#include "lib/utf8.h"
#include "workers/handlers/args.h"

#define ENCODE_STEP	(48 << 10)	/* a multiple of 3: no padding in between */

enum bytes_as
bytes_as(const char *name)
{
	if (name != NULL && strcmp(name, "text") == 0)
		return BYTES_TEXT;
	return name != NULL && strcmp(name, "base64") == 0 ? BYTES_BASE64 : BYTES_AUTO;
}

bool
bytes_are_text(const char *p, size_t len)
{
	for (size_t i = 0, n; i < len; i += n)
		if ((n = utf8_sequence(p + i, len - i)) == 0)
			return false;
	return true;
}

void
bytes_print_base64(struct buf *out, const char *p, size_t len)
{
	buf_putc(out, '"');
	for (size_t i = 0; i < len; i += ENCODE_STEP) {
		size_t	n = len - i < ENCODE_STEP ? len - i : ENCODE_STEP;
		char	*to = buf_room(out, n / 3 * 4 + 5);

		buf_added(out, (size_t)EVP_EncodeBlock((unsigned char *)to,
		    (const unsigned char *)p + i, (int)n));
	}
	buf_putc(out, '"');
}

void
bytes_print_lossy(struct buf *out, const char *p, size_t len)
{
	struct buf	clean = { 0 };

	for (size_t i = 0; i < len;) {
		size_t	n = utf8_sequence(p + i, len - i);

		if (n == 0)
			buf_putc(&clean, '?');
		else
			buf_append(&clean, p + i, n);
		i += n == 0 ? 1 : n;
	}
	buf_put_json(out, buf_len(&clean) == 0 ? "" : buf_data(&clean), buf_len(&clean));
	buf_free(&clean);
}

bool
bytes_print(struct buf *out, const char *name, enum bytes_as as, const char *p, size_t len)
{
	bool	text = as != BYTES_BASE64 && bytes_are_text(p, len);

	if (!text && as == BYTES_TEXT)
		return false;
	buf_printf(out, "\"%s%s\":", name, text ? "" : "_base64");
	if (text)
		buf_put_json(out, len == 0 ? "" : p, len);
	else
		bytes_print_base64(out, p, len);
	return true;
}

static bool
is_base64(const char *text, size_t len)
{
	static const char	alphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
	    "0123456789+/";
	size_t			padding = 0;

	while (padding < 2 && padding < len && text[len - 1 - padding] == '=')
		padding++;
	for (size_t i = 0; i < len - padding; i++)
		if (text[i] == '\0' || strchr(alphabet, text[i]) == NULL)
			return false;
	return len % 4 == 0;
}

bool
bytes_decode(struct buf *out, const char *base64, size_t len)
{
	if (!is_base64(base64, len))
		return false;
	for (size_t i = 0; i < len; i += ENCODE_STEP) {
		size_t	 n = len - i < ENCODE_STEP ? len - i : ENCODE_STEP;
		char	*to = buf_room(out, n / 4 * 3);
		int	 got = EVP_DecodeBlock((unsigned char *)to,
			    (const unsigned char *)base64 + i, (int)n);

		if (got < 0)
			return false;
		/* the padding is counted as zero bytes */
		got -= base64[i + n - 1] == '=';
		got -= base64[i + n - 2] == '=';
		buf_added(out, (size_t)got);
	}
	return true;
}

int
bytes_of_args(struct jobd_attempt *at, const char *name, struct buf *out)
{
	char		 other[64];
	const json_t	*text = args_get(at, name), *base64;

	snprintf(other, sizeof(other), "%s_base64", name);
	base64 = args_get(at, other);
	if (text != NULL && base64 != NULL) {
		jobd_failf(at, "args.%s and args.%s cannot both be given", name, other);
		return -1;
	}
	if (text != NULL)
		buf_append(out, json_string_value(text), json_string_length(text));
	else if (base64 != NULL &&
	    !bytes_decode(out, json_string_value(base64), json_string_length(base64))) {
		jobd_failf(at, "args.%s must be base64 with its padding", other);
		return -1;
	}
	return text != NULL || base64 != NULL;
}
