/* file_digest.c - digest of a file of any size.  Runs in: a cpu worker, an io worker's thread. */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <openssl/evp.h>

#include "lib/alloc.h"
#include "lib/buf.h"
#include "workers/handlers/args.h"
#include "workers/handlers/handlers.h"
#include "workers/handlers/roots.h"

#define READ_BYTES	(64 << 10)
#define PROGRESS_BYTES	(8 << 20)

static EVP_MD *
find_algorithm(struct jobd_attempt *at, const char *name)
{
	EVP_MD	*md = EVP_MD_fetch(NULL, name, NULL);

	if (md != NULL && EVP_MD_get_size(md) > 0 && (EVP_MD_get_flags(md) & EVP_MD_FLAG_XOF) == 0)
		return md;
	EVP_MD_free(md);
	jobd_failf(at, "args.algorithm is not a digest that is known here: %s", name);
	return NULL;
}

/* Feeds the whole file.  True: all of it; false: the attempt has ended. */
static bool
feed(struct jobd_attempt *at, EVP_MD_CTX *ctx, int fd, const struct stat *st, uint64_t *total)
{
	char		*bytes = mem_alloc(READ_BYTES);
	uint64_t	 told = 0;
	ssize_t		 got;

	*total = 0;
	if (st->st_size > READ_BYTES)
		posix_fadvise(fd, 0, 0, POSIX_FADV_SEQUENTIAL);
	while ((got = read(fd, bytes, READ_BYTES)) > 0) {
		EVP_DigestUpdate(ctx, bytes, (size_t)got);
		*total += (uint64_t)got;
		if (jobd_should_stop(at))
			break;
		if (*total - told >= PROGRESS_BYTES) {
			told = *total;
			jobd_progress(at, told, (uint64_t)st->st_size, NULL);
		}
	}
	if (got > 0)
		jobd_cancelled(at);
	else if (got < 0)
		jobd_failf(at, "cannot read args.path: %s", strerror(errno));
	free(bytes);
	return got == 0;
}

static void
succeed(struct jobd_attempt *at, const char *algorithm, EVP_MD_CTX *ctx, uint64_t total)
{
	static const char	hex[] = "0123456789abcdef";
	unsigned char		digest[EVP_MAX_MD_SIZE];
	unsigned		len;
	struct buf		b = { 0 };

	EVP_DigestFinal_ex(ctx, digest, &len);
	buf_puts(&b, "{\"algorithm\":");
	buf_put_json(&b, algorithm, strlen(algorithm));
	buf_puts(&b, ",\"digest\":\"");
	for (unsigned i = 0; i < len; i++) {
		buf_putc(&b, hex[digest[i] >> 4]);
		buf_putc(&b, hex[digest[i] & 15]);
	}
	buf_puts(&b, "\",\"bytes\":");
	buf_put_u64(&b, total);
	buf_putc(&b, '}');
	jobd_succeed(at, buf_data(&b), buf_len(&b));
	buf_free(&b);
}

static void
file_digest(struct jobd_attempt *at)
{
	const char	*algorithm = args_text(at, "algorithm");
	EVP_MD		*md = find_algorithm(at, algorithm);
	EVP_MD_CTX	*ctx;
	struct stat	 st;
	uint64_t	 total;
	int		 fd;

	if (md == NULL)
		return;
	if ((fd = roots_open_file(at, args_text(at, "path"), &st)) >= 0) {
		ctx = EVP_MD_CTX_new();
		if (ctx == NULL || EVP_DigestInit_ex(ctx, md, NULL) != 1)
			jobd_failf(at, "args.algorithm cannot be used: %s", algorithm);
		else if (feed(at, ctx, fd, &st, &total))
			succeed(at, algorithm, ctx, total);
		EVP_MD_CTX_free(ctx);
		close(fd);
	}
	EVP_MD_free(md);
}

const struct jobd_handler handler_file_digest = {
	.abi = JOBD_HANDLER_ABI,
	.size = sizeof(struct jobd_handler),
	.name = "file.digest",
	.summary = "digest of a file, by any algorithm that OpenSSL has",
	.args_schema = JOBD_JSON({
		"type": "object",
		"properties": {
			"path": {"type": "string", "minLength": 1, "maxLength": 4095},
			"algorithm": {
				"type": "string", "minLength": 1, "maxLength": 64, "default": "sha256"
			}
		},
		"required": ["path"], "additionalProperties": false
	}),
	.traits = JOBD_CPU_BOUND | JOBD_THREAD_SAFE,
	.lanes = JOBD_LANE_THREAD | JOBD_LANE_PROCESS,
	.run = file_digest,
};
