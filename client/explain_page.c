/* explain_page.c - why a job waits, runs there, or ended so, for people.  Runs in: jobctl. */
#include "client/explain_page.h"

#include <stdlib.h>
#include <string.h>

#include "client/json.h"
#include "client/print.h"
#include "client/tree.h"

void
explain_page_print(struct span e, struct buf *out)
{
	char		*text = json_text(e, "text"), *state = json_text(e, "state");
	struct span	 route;
	int64_t		 id = 0;

	json_int(e, "id", &id);
	buf_printf(out, "job %lld", (long long)id);
	/* of a finished job the text begins with its state */
	if (state != NULL && (text == NULL || strncmp(text, state, strlen(state)) != 0))
		buf_printf(out, " is %s:", state);
	if (text != NULL) {
		buf_putc(out, ' ');
		print_safe(out, text, strlen(text));
	}
	buf_putc(out, '\n');
	if (json_member(e, "route", &route))
		tree_print(route, out);
	free(text);
	free(state);
}
