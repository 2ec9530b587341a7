/* http_result.c - an HTTP response as JSON.  Runs in: the io worker, loop thread. */
#include "workers/handlers/http_result.h"

#include <string.h>

#include "lib/clock.h"

#define NAME_BYTES	256		/* of a header's name; the rest is cut off */

long
http_status(CURL *easy)
{
	long	status = 0;

	curl_easy_getinfo(easy, CURLINFO_RESPONSE_CODE, &status);
	return status;
}

static void
print_values(struct buf *out, CURL *easy, const char *name, size_t count)
{
	struct curl_header	*h;

	if (count > 1)
		buf_putc(out, '[');
	for (size_t i = 0; i < count; i++) {
		if (curl_easy_header(easy, name, i, CURLH_HEADER, -1, &h) != CURLHE_OK)
			break;
		if (i > 0)
			buf_putc(out, ',');
		bytes_print_lossy(out, h->value, strlen(h->value));
	}
	if (count > 1)
		buf_putc(out, ']');
}

/* Those of the last response, by names in small letters. */
static void
print_headers(struct buf *out, CURL *easy)
{
	struct curl_header	*h = NULL;
	char			 name[NAME_BYTES];
	const char		*comma = "";
	size_t			 n;

	buf_puts(out, "\"headers\":{");
	while ((h = curl_easy_nextheader(easy, CURLH_HEADER, -1, h)) != NULL) {
		if (h->index > 0)		/* told with the first of its name */
			continue;
		for (n = 0; h->name[n] != '\0' && n < sizeof(name); n++)
			name[n] = h->name[n] >= 'A' && h->name[n] <= 'Z' ?
			    (char)(h->name[n] - 'A' + 'a') : h->name[n];
		buf_puts(out, comma);
		bytes_print_lossy(out, name, n);
		buf_putc(out, ':');
		print_values(out, easy, h->name, h->amount);
		comma = ",";
	}
	buf_putc(out, '}');
}

static bool
print_body(const struct http_result *r, struct buf *out)
{
	if (r->file == NULL)
		return bytes_print(out, "body", r->as, buf_data(r->body), buf_len(r->body));
	buf_puts(out, "\"file\":");
	buf_put_json(out, r->file, strlen(r->file));
	return true;
}

bool
http_result_print(const struct http_result *r, struct buf *out)
{
	long		 connections = 0, redirects = 0;
	const char	*url = "";

	curl_easy_getinfo(r->easy, CURLINFO_NUM_CONNECTS, &connections);
	curl_easy_getinfo(r->easy, CURLINFO_REDIRECT_COUNT, &redirects);
	curl_easy_getinfo(r->easy, CURLINFO_EFFECTIVE_URL, &url);
	buf_printf(out, "{\"status\":%ld,", http_status(r->easy));
	print_headers(out, r->easy);
	buf_putc(out, ',');
	if (!print_body(r, out))
		return false;
	buf_printf(out, ",\"bytes\":%llu,\"url\":", (unsigned long long)r->bytes);
	bytes_print_lossy(out, url, strlen(url));
	buf_printf(out, ",\"redirects\":%ld,\"connections\":%ld,\"time_ms\":%lld}", redirects,
	    connections, (long long)((clock_mono_ns() - r->since_ns) / NS_PER_MS));
	return true;
}
