/*
 * http_request.c - one HTTP request, its redirects, and its response.
 * Runs in: the io worker, loop thread; files are left to http_disk.c.
 */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include <jansson.h>

#include "lib/alloc.h"
#include "lib/clock.h"
#include "workers/handlers/args.h"
#include "workers/handlers/bytes.h"
#include "workers/handlers/handlers.h"
#include "workers/handlers/http_disk.h"
#include "workers/handlers/http_multi.h"
#include "workers/handlers/http_result.h"

#define HEADERS_BYTES_MAX	(256 << 10)	/* of a response and of what led to it */
#define DISK_AHEAD_BYTES	(1 << 20)	/* received and not written yet */
#define RETRY_AFTER_MAX_S	86400
#define BODY_BYTES		(INT64_C(1) << 20)	/* max_bytes when not given */
#define FILE_BYTES		(INT64_C(1) << 30)

struct transfer {
	struct http_done	 done;		/* first */
	struct jobd_attempt	*at;
	CURL			*easy;
	bool			 running;	/* in the multi handle */
	struct curl_slist	*headers;
	struct buf		 request, response;
	struct http_disk	*disk;		/* NULL: no file is needed */
	bool			 to_file, paused, received;
	uint64_t		 bytes, max_bytes;
	size_t			 headers_bytes;
	int64_t			 since_ns;
	const char		*refused;	/* why we ended the transfer ourselves */
	char			 error[CURL_ERROR_SIZE];
};

/* ---- ends ---- */

static void
transfer_free(struct transfer *t)
{
	if (t->running)
		http_multi_remove(t->easy);
	curl_easy_cleanup(t->easy);
	curl_slist_free_all(t->headers);
	buf_free(&t->request);
	buf_free(&t->response);
	http_disk_free(t->disk);
	free(t);
}

static void __attribute__((format(printf, 2, 3)))
transfer_fail(struct transfer *t, const char *fmt, ...)
{
	char	text[ROOTS_WHY_BYTES + CURL_ERROR_SIZE];
	va_list	ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	jobd_fail(t->at, text, NULL);
	transfer_free(t);
}

static void
transfer_succeed(struct transfer *t)
{
	const struct http_result	r = {
		.easy = t->easy, .file = args_text(t->at, "file"), .body = &t->response,
		.as = bytes_as(args_text(t->at, "as")), .bytes = t->bytes, .since_ns = t->since_ns,
	};
	struct buf			out = { 0 };

	if (http_result_print(&r, &out)) {
		jobd_succeed(t->at, buf_data(&out), buf_len(&out));
		transfer_free(t);
	} else {
		transfer_fail(t, "the response is not UTF-8 text; args.as can be \"base64\"");
	}
	buf_free(&out);
}

/*
 * The server says no.  A mistake of the client's will be one the next time, too; of the others, and
 * when to come again, the server may say something.
 */
static void
fail_by_status(struct transfer *t, long status)
{
	char			data[64], text[128];
	curl_off_t		retry_after_s = 0;
	struct jobd_failure	f = { .size = sizeof(f), .message = text, .data_json = data };

	curl_easy_getinfo(t->easy, CURLINFO_RETRY_AFTER, &retry_after_s);
	snprintf(text, sizeof(text), "the server answered with status %ld", status);
	snprintf(data, sizeof(data), "{\"status\":%ld}", status);
	f.final = status < 500 && status != 408 && status != 425 && status != 429;
	f.retry_after_ms = retry_after_s < RETRY_AFTER_MAX_S ? retry_after_s * 1000 :
	    RETRY_AFTER_MAX_S * 1000;
	jobd_fail_as(t->at, &f);
	transfer_free(t);
}

/* All has been received, and the file, if there is one, is not being written. */
static void
complete(struct transfer *t)
{
	long	status = http_status(t->easy);

	if (status >= 400 && args_true(t->at, "fail_status"))
		fail_by_status(t, status);
	else if (!t->to_file)
		transfer_succeed(t);
	else if (!http_disk_flush(t->disk))
		http_disk_commit(t->disk);
}

static void
transfer_done(struct http_done *d, CURLcode code)
{
	struct transfer	*t = (struct transfer *)(void *)d;

	t->running = false;
	if (code != CURLE_OK) {
		transfer_fail(t, "%s", t->refused != NULL ? t->refused :
		    t->error[0] != '\0' ? t->error : curl_easy_strerror(code));
		return;
	}
	t->received = true;
	if (!t->to_file || !t->disk->busy)
		complete(t);
}

/* ---- what arrives ---- */

static size_t
refuse(struct transfer *t, const char *why)
{
	t->refused = why;
	return CURL_WRITEFUNC_ERROR;
}

static size_t
receive_header(char *p, size_t size, size_t n, void *arg)
{
	struct transfer	*t = arg;

	(void)p;
	t->headers_bytes += size * n;
	if (t->headers_bytes > HEADERS_BYTES_MAX)
		return refuse(t, "the response's headers are longer than 256 KiB");
	return size * n;
}

static size_t
receive(char *p, size_t size, size_t n, void *arg)
{
	struct transfer	*t = arg;
	curl_off_t	 total = 0;

	n *= size;
	if (t->to_file && t->disk->busy && buf_len(&t->disk->filling) >= DISK_AHEAD_BYTES) {
		t->paused = true;		/* these bytes will come again */
		return CURL_WRITEFUNC_PAUSE;
	}
	if (t->bytes + n > t->max_bytes)
		return refuse(t, "the response is longer than args.max_bytes");
	t->bytes += n;
	if (t->to_file)
		http_disk_put(t->disk, p, n);
	else
		buf_append(&t->response, p, n);
	curl_easy_getinfo(t->easy, CURLINFO_CONTENT_LENGTH_DOWNLOAD_T, &total);
	jobd_progress(t->at, t->bytes, total > 0 ? (uint64_t)total : 0, NULL);
	return n;
}

/* ---- the request ---- */

static bool
is_token(const char *name)
{
	static const char	token[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
	    "0123456789!#$%&'*+-.^_`|~";

	return name[0] != '\0' && name[strspn(name, token)] == '\0';
}

static void
add_header(struct transfer *t, const char *name, const char *value)
{
	char	*line = value[0] == '\0' ? mem_printf("%s;", name) : mem_printf("%s: %s", name, value);

	t->headers = curl_slist_append(t->headers, line);
	free(line);
}

/* Those that libcurl would add by itself, and that only the client can know. */
static void
drop_own_headers(struct transfer *t, json_t *given)
{
	static const char *const	own[] = { "Expect", "Content-Type" };

	for (size_t i = 0; i < sizeof(own) / sizeof(own[0]); i++) {
		const char	*name;
		json_t		*value;
		bool		 found = false;
		char		 line[32];

		json_object_foreach(given, name, value)
			found |= strcasecmp(name, own[i]) == 0;
		snprintf(line, sizeof(line), "%s:", own[i]);
		if (!found)
			t->headers = curl_slist_append(t->headers, line);
	}
}

/* False: the attempt has failed. */
static bool
set_headers(struct transfer *t)
{
	json_t		*given = args_get(t->at, "headers"), *value;
	const char	*name;

	json_object_foreach(given, name, value) {
		if (!is_token(name)) {
			transfer_fail(t, "args.headers: this is no name of a header: %.64s", name);
			return false;
		}
		add_header(t, name, json_string_value(value));
	}
	drop_own_headers(t, given);
	curl_easy_setopt(t->easy, CURLOPT_HTTPHEADER, t->headers);
	return true;
}

/* False: the attempt has failed. */
static bool
set_method_and_body(struct transfer *t)
{
	const char	*method = args_text(t->at, "method");
	int		 has_body = bytes_of_args(t->at, "body", &t->request);

	if (has_body < 0) {
		transfer_free(t);
		return false;
	}
	if (strcmp(method, "HEAD") == 0)
		curl_easy_setopt(t->easy, CURLOPT_NOBODY, 1L);
	else if (strcmp(method, "POST") == 0)
		curl_easy_setopt(t->easy, CURLOPT_POST, 1L);
	if (has_body > 0 || strcmp(method, "POST") == 0) {
		curl_easy_setopt(t->easy, CURLOPT_POSTFIELDS,
		    buf_len(&t->request) == 0 ? "" : buf_data(&t->request));
		curl_easy_setopt(t->easy, CURLOPT_POSTFIELDSIZE_LARGE,
		    (curl_off_t)buf_len(&t->request));
	}
	/* of these libcurl knows what a redirect makes of them */
	if (strcmp(method, "HEAD") != 0 && strcmp(method, "POST") != 0 &&
	    (has_body > 0 || strcmp(method, "GET") != 0))
		curl_easy_setopt(t->easy, CURLOPT_CUSTOMREQUEST, method);
	return true;
}

static void
set_limits(struct transfer *t)
{
	int64_t	redirects = args_int(t->at, "max_redirects"), bytes = args_int(t->at, "max_bytes");
	CURL	*easy = t->easy;

	t->max_bytes = (uint64_t)(bytes > 0 ? bytes : t->to_file ? FILE_BYTES : BODY_BYTES);
	curl_easy_setopt(easy, CURLOPT_TIMEOUT_MS, (long)args_int(t->at, "timeout_ms"));
	curl_easy_setopt(easy, CURLOPT_CONNECTTIMEOUT_MS,
	    (long)args_int(t->at, "connect_timeout_ms"));
	curl_easy_setopt(easy, CURLOPT_PROTOCOLS_STR, "http,https");
	curl_easy_setopt(easy, CURLOPT_REDIR_PROTOCOLS_STR, "http,https");
	curl_easy_setopt(easy, CURLOPT_FOLLOWLOCATION, redirects > 0 ? 1L : 0L);
	curl_easy_setopt(easy, CURLOPT_MAXREDIRS, (long)redirects);
	curl_easy_setopt(easy, CURLOPT_SSL_VERIFYPEER, args_true(t->at, "verify") ? 1L : 0L);
	curl_easy_setopt(easy, CURLOPT_SSL_VERIFYHOST, args_true(t->at, "verify") ? 2L : 0L);
	curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L);
	/* else the end of a transfer whose name is still looked up would wait for the name server */
	curl_easy_setopt(easy, CURLOPT_QUICK_EXIT, 1L);
}

static void
set_callbacks(struct transfer *t)
{
	curl_easy_setopt(t->easy, CURLOPT_PRIVATE, &t->done);
	curl_easy_setopt(t->easy, CURLOPT_ERRORBUFFER, t->error);
	curl_easy_setopt(t->easy, CURLOPT_WRITEFUNCTION, receive);
	curl_easy_setopt(t->easy, CURLOPT_WRITEDATA, t);
	curl_easy_setopt(t->easy, CURLOPT_HEADERFUNCTION, receive_header);
	curl_easy_setopt(t->easy, CURLOPT_HEADERDATA, t);
}

static void
begin(struct transfer *t)
{
	t->running = true;
	http_multi_add(jobd_loop(t->at), t->easy);
}

/* An operation on files is over. */
static void
disk_done(struct http_disk *d)
{
	struct transfer	*t = d->owner;
	struct curl_blob ca = { buf_data(&d->ca), buf_len(&d->ca), CURL_BLOB_COPY };

	if (d->why[0] != '\0') {
		transfer_fail(t, "%s", d->why);
	} else if (d->op == DISK_OPEN) {
		if (d->ca_path != NULL) {
			curl_easy_setopt(t->easy, CURLOPT_CAINFO_BLOB, &ca);
			curl_easy_setopt(t->easy, CURLOPT_CAPATH, NULL);
		}
		begin(t);
	} else if (d->op == DISK_COMMIT) {
		transfer_succeed(t);
	} else if (t->received) {
		complete(t);
	} else {
		http_disk_flush(d);
		if (t->paused) {
			t->paused = false;
			http_multi_unpause(t->easy);
		}
	}
}

static void
http_request_start(struct jobd_attempt *at)
{
	struct transfer	*t = mem_zalloc(1, sizeof(*t));
	const char	*file = args_text(at, "file"), *ca_file = args_text(at, "ca_file");

	t->done.done = transfer_done;
	t->at = at;
	t->since_ns = clock_mono_ns();
	t->to_file = file != NULL;
	if ((t->easy = curl_easy_init()) == NULL) {
		transfer_fail(t, "libcurl cannot be set up");
		return;
	}
	curl_easy_setopt(t->easy, CURLOPT_URL, args_text(at, "url"));
	curl_easy_setopt(t->easy, CURLOPT_USERAGENT, "jobd/" PACKAGE_VERSION);
	set_limits(t);
	set_callbacks(t);
	if (!set_headers(t) || !set_method_and_body(t))
		return;
	jobd_set_data(at, t);
	if (file == NULL && ca_file == NULL) {
		begin(t);
		return;
	}
	t->disk = http_disk_new(jobd_loop(at), file, ca_file, disk_done, t);
	http_disk_open(t->disk);
}

static void
http_request_cancel(struct jobd_attempt *at)
{
	struct transfer	*t = jobd_data(at);

	jobd_cancelled(at);
	transfer_free(t);
}

const struct jobd_handler handler_http_request = {
	.abi = JOBD_HANDLER_ABI,
	.size = sizeof(struct jobd_handler),
	.name = "http.request",
	.summary = "makes an HTTP request; its response is the result",
	.args_schema = JOBD_JSON({
		"type": "object",
		"properties": {
			"url": {
				"type": "string", "maxLength": 8192,
				"pattern": "^[hH][tT][tT][pP][sS]?://[^[:cntrl:] ]+$"
			},
			"method": {"type": "string", "pattern": "^[A-Z]{1,16}$", "default": "GET"},
			"headers": {
				"type": "object",
				"additionalProperties": {
					"type": "string", "maxLength": 8192, "pattern": "^[^\r\n]*$"
				}
			},
			"body": {"type": "string"},
			"body_base64": {"type": "string"},
			"as": {"enum": ["auto", "text", "base64"], "default": "auto"},
			"file": {"type": "string", "minLength": 1, "maxLength": 4095},
			"max_bytes": {"type": "integer", "minimum": 1, "maximum": 1099511627776},
			"max_redirects": {
				"type": "integer", "minimum": 0, "maximum": 50, "default": 10
			},
			"timeout_ms": {
				"type": "integer", "minimum": 1, "maximum": 86400000, "default": 60000
			},
			"connect_timeout_ms": {
				"type": "integer", "minimum": 1, "maximum": 600000, "default": 10000
			},
			"verify": {"type": "boolean", "default": true},
			"ca_file": {"type": "string", "minLength": 1, "maxLength": 4095},
			"fail_status": {"type": "boolean", "default": false}
		},
		"required": ["url"], "additionalProperties": false
	}),
	.traits = JOBD_WAITS,
	.lanes = JOBD_LANE_ASYNC,
	.start = http_request_start,
	.cancel = http_request_cancel,
};
