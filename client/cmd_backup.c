/* cmd_backup.c - jobctl backup: a copy of the store, while jobd runs.  Runs in: jobctl. */
#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "client/ctl.h"
#include "client/json.h"
#include "lib/alloc.h"

/* The server has another directory than we. */
static char *
absolute(const char *path)
{
	char	here[PATH_MAX];

	if (path[0] == '/' || getcwd(here, sizeof(here)) == NULL)
		return mem_strdup(path);
	return mem_printf("%s/%s", strcmp(here, "/") == 0 ? "" : here, path);
}

static int
run(struct ctl *ctl)
{
	struct buf	params = { 0 };
	struct span	made;
	char		*path = absolute(ctl->opt.operands[0]);
	int64_t		bytes = 0;
	int		rc;

	buf_puts(&params, "{\"path\":");
	json_put_text(&params, path);
	buf_putc(&params, '}');
	if ((rc = ctl_connect(ctl, CTL_LINE_BYTES)) == 0)
		rc = ctl_ask(ctl, "server.backup", &params, CONN_FOREVER, &made);
	if (rc == 0 && ctl_wants_json(ctl)) {
		ctl_line(ctl, made);
	} else if (rc == 0) {
		json_int(made, "bytes", &bytes);
		ctl_say(ctl, "%s: %lld bytes, on disk", path, (long long)bytes);
	}
	buf_free(&params);
	free(path);
	return rc != 0 ? rc : ctl_flush(ctl);
}

const struct verb verb_backup = {
	.name = "backup",
	.operands = "FILE",
	.summary = "copy the store into a new file, while jobd runs",
	.about = "Copies all that jobd remembers, as it is now, into a new file of the machine on\n"
	    "which jobd runs, readable by its user alone.  Jobs go on meanwhile.  To restore:\n"
	    "stop jobd, put the file into an empty state directory as jobs.db, and start it.",
	.examples = "  jobctl backup /var/backups/jobs-$(date +%F).db\n",
	.formats = FORMATS_DATA,
	.least = 1, .most = 1,
	.run = run,
};
