/* lines.c - what handlers of our own workers say, into their jobs' logs.
 * Runs in: broker, loop thread. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "daemon/broker/lanes/lanes_internal.h"
#include "daemon/broker/logs/logs.h"

#define LEVEL	"info: "	/* as language workers' lines have one */

static void
add_lost(struct broker *b, struct attempt *at, const struct channel_line *line)
{
	char	text[128];
	int	len = snprintf(text, sizeof(text), "jobd: %" PRIu32 " line%s of the handler %s lost here: it "
		    "said too much at once\n", line->lost, line->lost == 1 ? "" : "s",
		    line->lost == 1 ? "is" : "are");

	logs_add(b, at, LOG_NOTE, line->at_ms, text, (size_t)len);
}

static void
add_line(struct broker *b, struct attempt *at, const struct channel_line *line)
{
	char	text[sizeof(LEVEL) + CHANNEL_LINE_BYTES];
	size_t	len = sizeof(LEVEL) - 1;

	at->said = true;
	if (line->lost > 0)
		add_lost(b, at, line);
	if (line->len == 0)
		return;
	memcpy(text, LEVEL, len);
	memcpy(text + len, line->text, line->len);
	len += line->len;
	text[len++] = '\n';
	logs_add(b, at, LOG_NOTE, line->at_ms, text, len);
}

void
lines_take(struct seat *seat)
{
	struct channel_line	 line;
	const char		*why;
	int			 rc;

	while ((rc = channel_line_next(seat->channel, &line, &why)) == 1)
		add_line(seat->lanes->broker, line.tag, &line);
	if (rc < 0)
		seat_kill(seat, why);
}
