/* tree.c - the questions of the decision tree.  Runs in: jobctl. */
#include "client/tree.h"

#include <stdlib.h>
#include <string.h>

#include "client/print.h"

static void
take_text(struct table *t, char *text)
{
	table_puts(t, text);
	free(text);
}

static const char *
yes_or_no(struct span question)
{
	struct span	answer;

	if (!json_member(question, "answer", &answer))
		return NULL;
	switch (json_type(answer)) {
	case SCAN_TRUE:
		return "yes";
	case SCAN_FALSE:
		return "no";
	default:
		return NULL;
	}
}

void
tree_print(struct span route, struct buf *out)
{
	struct table	 t = { 0 };
	struct json_walk w;
	struct span	 questions;
	char		*lane = json_text(route, "lane");

	buf_puts(out, "lane: ");
	if (lane != NULL)
		print_safe(out, lane, strlen(lane));
	buf_putc(out, '\n');
	free(lane);
	if (!json_member(route, "questions", &questions))
		return;
	for (int i = 0; i < 3; i++)
		table_add(&t, NULL, false);
	json_array(&w, questions);
	while (json_element(&w)) {
		const char	*said = yes_or_no(w.value);

		take_text(&t, json_text(w.value, "question"));
		if (said != NULL)
			table_puts(&t, said);
		else
			take_text(&t, json_text(w.value, "answer"));
		take_text(&t, json_text(w.value, "evidence"));
	}
	table_print(&t, out, 2, 0, false);
	table_free(&t);
}
