/*
 * output_line.h - a job.output line as bytes of a stream, without a tree and without a copy.
 *
 * Commands say gigabytes: what they say is unescaped where the line lies, and handed on from there.
 */
#ifndef CLIENT_OUTPUT_LINE_H
#define CLIENT_OUTPUT_LINE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum output_stream { OUTPUT_NONE, OUTPUT_STDOUT, OUTPUT_STDERR, OUTPUT_NOTE };

struct output_line {
	uint64_t	 job, attempt;
	enum output_stream stream;	/* NONE: the line says only that there was a gap, or the end */
	uint64_t	 offset;	/* of the first byte, in its stream */
	uint64_t	 next;		/* to be asked for as `offset`, to go on behind this line */
	uint64_t	 gap;		/* so many bytes before these are not told */
	int64_t		 at_ms;		/* when they were said, since the epoch */
	const char	*bytes;		/* in the line */
	size_t		 len;
	bool		 eof;		/* the last line: nothing more will be said */
	bool		 truncated;	/* of eof: not all that was said was kept */
	const char	*state;		/* of eof: the job's, in the line */
	size_t		 state_len;
};

/* Is this line, as libjobd or a frame gives it, a job.output?  By its beginning: cheap. */
bool output_line_is(const char *line, size_t len);
/* Decodes such a line, which is changed by that.  0, or -1: it is none, or it is not as it should be. */
int output_line_read(char *line, size_t len, struct output_line *out);

#endif
