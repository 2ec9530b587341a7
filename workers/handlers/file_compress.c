/*
 * file_compress.c - compresses and decompresses files of any size with Zstandard.
 * Runs in: a cpu worker, or a thread of the io worker.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <zstd.h>

#include "lib/alloc.h"
#include "lib/fd.h"
#include "workers/handlers/args.h"
#include "workers/handlers/handlers.h"
#include "workers/handlers/roots.h"
#include "workers/handlers/whole_file.h"

#define PROGRESS_BYTES	(4 << 20)

/* From a file, through libzstd, to a file. */
struct squeeze {
	struct jobd_attempt	*at;
	int			 in;
	struct stat		 st;		/* of the source */
	struct whole_file	 out;
	char			*input, *output;
	size_t			 input_size, output_size;
	uint64_t		 bytes_in, bytes_out, told, max_bytes;
	char			 why[128];	/* not empty: the failure, in words */
};

/* 0 to go on, or -errno. */
static int
squeeze_read(struct squeeze *s, ZSTD_inBuffer *in)
{
	ssize_t	got = read(s->in, s->input, s->input_size);

	if (got < 0)
		return -errno;
	*in = (ZSTD_inBuffer){ s->input, (size_t)got, 0 };
	s->bytes_in += (uint64_t)got;
	if (s->bytes_in - s->told >= PROGRESS_BYTES) {
		s->told = s->bytes_in;
		jobd_progress(s->at, s->told, (uint64_t)s->st.st_size, NULL);
	}
	return jobd_should_stop(s->at) ? -ECANCELED : 0;
}

static int
squeeze_write(struct squeeze *s, size_t len)
{
	s->bytes_out += len;
	if (s->max_bytes > 0 && s->bytes_out > s->max_bytes) {
		snprintf(s->why, sizeof(s->why), "there are more than args.max_bytes (%llu) in it",
		    (unsigned long long)s->max_bytes);
		return -EFBIG;
	}
	return fd_write_all(s->out.fd, s->output, len);
}

static int
squeeze_bad(struct squeeze *s, size_t code)
{
	snprintf(s->why, sizeof(s->why), "%s", ZSTD_getErrorName(code));
	return -EINVAL;
}

/* One buffer of input, all of it.  0 or -errno. */
static int
compress_some(struct squeeze *s, ZSTD_CCtx *ctx, ZSTD_inBuffer *in, ZSTD_EndDirective how)
{
	size_t	left;
	int	rc = 0;

	do {
		ZSTD_outBuffer	out = { s->output, s->output_size, 0 };

		left = ZSTD_compressStream2(ctx, &out, in, how);
		if (ZSTD_isError(left))
			return squeeze_bad(s, left);
		rc = squeeze_write(s, out.pos);
		if (rc == 0 && jobd_should_stop(s->at))
			rc = -ECANCELED;
	} while (rc == 0 && (how == ZSTD_e_end ? left > 0 : in->pos < in->size));
	return rc;
}

static int
compress_all(struct squeeze *s)
{
	ZSTD_CCtx	*ctx = ZSTD_createCCtx();
	ZSTD_inBuffer	 in;
	int		 rc;

	if (ctx == NULL)
		return -ENOMEM;
	ZSTD_CCtx_setParameter(ctx, ZSTD_c_compressionLevel, (int)args_int(s->at, "level"));
	ZSTD_CCtx_setParameter(ctx, ZSTD_c_checksumFlag, 1);
	do {
		if ((rc = squeeze_read(s, &in)) == 0)
			rc = compress_some(s, ctx, &in, in.size == 0 ? ZSTD_e_end : ZSTD_e_continue);
	} while (rc == 0 && in.size > 0);
	ZSTD_freeCCtx(ctx);
	return rc;
}

/* One buffer of input, all of it; *expects: what is not 0 at the end is a file cut short. */
static int
decompress_some(struct squeeze *s, ZSTD_DCtx *ctx, ZSTD_inBuffer *in, size_t *expects)
{
	bool	full = false;
	int	rc = 0;

	while (rc == 0 && (in->pos < in->size || full)) {
		ZSTD_outBuffer	out = { s->output, s->output_size, 0 };

		*expects = ZSTD_decompressStream(ctx, &out, in);
		if (ZSTD_isError(*expects))
			return squeeze_bad(s, *expects);
		full = out.pos == out.size;		/* there may be more of it inside */
		rc = squeeze_write(s, out.pos);
		if (rc == 0 && jobd_should_stop(s->at))
			rc = -ECANCELED;
	}
	return rc;
}

static int
decompress_all(struct squeeze *s)
{
	ZSTD_DCtx	*ctx = ZSTD_createDCtx();
	ZSTD_inBuffer	 in;
	size_t		 expects = 1;
	int		 rc;

	if (ctx == NULL)
		return -ENOMEM;
	do {
		if ((rc = squeeze_read(s, &in)) == 0)
			rc = decompress_some(s, ctx, &in, &expects);
	} while (rc == 0 && in.size > 0);
	if (rc == 0 && expects != 0) {
		snprintf(s->why, sizeof(s->why), "the file is cut short");
		rc = -EINVAL;
	}
	ZSTD_freeDCtx(ctx);
	return rc;
}

static void
answer(struct squeeze *s, const char *verb, int rc)
{
	char	result[96];
	int	len;

	if (rc == -ECANCELED) {
		jobd_cancelled(s->at);
	} else if (s->why[0] != '\0') {
		jobd_failf(s->at, "cannot %s: %s: %s", verb, s->why, args_text(s->at, "from"));
	} else if (rc != 0) {
		whole_fail(s->at, verb, rc, s->out.path);
	} else {
		len = snprintf(result, sizeof(result), "{\"bytes_in\":%llu,\"bytes_out\":%llu}",
		    (unsigned long long)s->bytes_in, (unsigned long long)s->bytes_out);
		jobd_succeed(s->at, result, (size_t)len);
	}
}

/* Opens both files, lets `all` work, and answers. */
static void
squeeze(struct squeeze *s, const char *verb, int (*all)(struct squeeze *s))
{
	char	why[ROOTS_WHY_BYTES];
	int	rc;

	if ((s->in = roots_open_file(s->at, args_text(s->at, "from"), &s->st)) < 0)
		return;
	if (whole_open(&s->out, args_text(s->at, "to"), why, sizeof(why)) == 0) {
		s->input = mem_alloc(s->input_size);
		s->output = mem_alloc(s->output_size);
		if ((rc = all(s)) == 0)
			rc = whole_commit(&s->out, s->st.st_mode, true);
		whole_close(&s->out);		/* before the answer: nothing is left then */
		answer(s, verb, rc);
		free(s->input);
		free(s->output);
	} else {
		jobd_fail(s->at, why, NULL);
	}
	close(s->in);
}

static void
file_compress(struct jobd_attempt *at)
{
	struct squeeze	s = { .at = at, .input_size = ZSTD_CStreamInSize(),
	    .output_size = ZSTD_CStreamOutSize() };

	squeeze(&s, "compress", compress_all);
}

static void
file_decompress(struct jobd_attempt *at)
{
	struct squeeze	s = { .at = at, .input_size = ZSTD_DStreamInSize(),
	    .output_size = ZSTD_DStreamOutSize(),
	    .max_bytes = (uint64_t)args_int(at, "max_bytes") };

	squeeze(&s, "decompress", decompress_all);
}

const struct jobd_handler handler_file_compress = {
	.abi = JOBD_HANDLER_ABI,
	.size = sizeof(struct jobd_handler),
	.name = "file.compress",
	.summary = "compresses a file with Zstandard",
	.args_schema = JOBD_JSON({
		"type": "object",
		"properties": {
			"from": {"type": "string", "minLength": 1, "maxLength": 4095},
			"to": {"type": "string", "minLength": 1, "maxLength": 4095},
			"level": {"type": "integer", "minimum": 1, "maximum": 22, "default": 3}
		},
		"required": ["from", "to"], "additionalProperties": false
	}),
	.traits = JOBD_CPU_BOUND | JOBD_THREAD_SAFE,
	.lanes = JOBD_LANE_THREAD | JOBD_LANE_PROCESS,
	.run = file_compress,
};

const struct jobd_handler handler_file_decompress = {
	.abi = JOBD_HANDLER_ABI,
	.size = sizeof(struct jobd_handler),
	.name = "file.decompress",
	.summary = "decompresses a file of Zstandard",
	.args_schema = JOBD_JSON({
		"type": "object",
		"properties": {
			"from": {"type": "string", "minLength": 1, "maxLength": 4095},
			"to": {"type": "string", "minLength": 1, "maxLength": 4095},
			"max_bytes": {
				"type": "integer", "minimum": 1, "maximum": 1125899906842624,
				"default": 1073741824
			}
		},
		"required": ["from", "to"], "additionalProperties": false
	}),
	.traits = JOBD_CPU_BOUND | JOBD_THREAD_SAFE,
	.lanes = JOBD_LANE_THREAD | JOBD_LANE_PROCESS,
	.run = file_decompress,
};
