/* map_replies.c - replies of the daemon to lines on stdout.  Runs in: jobctl. */
#include "client/map.h"

#include <stdlib.h>
#include <string.h>

#include "client/outcome.h"
#include "lib/alloc.h"

static void
flight_free(struct map *m, struct flight *f)
{
	m->inflight--;
	m->args_bytes -= f->args_bytes;
	buf_free(&f->text);
	free(f);
}

/* The line of an item is complete. */
static void
land(struct map *m, struct flight *f, struct buf *line)
{
	map_out_line(&m->out, f->index, buf_take_string(line));
	flight_free(m, f);
}

/* ---- long results ---- */

static void
ask_piece(struct map *m, struct flight *f)
{
	struct buf	params = { 0 };

	piece_put_params(f->job, f->offset, piece_limit(m->ctl->line_bytes), &params);
	map_request(m, REQUEST_PIECE, f, NULL, "job.result", &params);
	buf_free(&params);
}

void
map_fetch(struct map *m, struct flight *f)
{
	bool	idle = list_empty(&m->fetches);

	buf_printf(&f->text, ",\"id\":%lld,\"state\":\"succeeded\",\"result\":",
	    (long long)f->job);
	list_push_back(&m->fetches, &f->link);
	if (idle)
		ask_piece(m, f);
}

static void
end_fetch(struct map *m, struct flight *f)
{
	list_remove(&f->link);
	land(m, f, &f->text);
	if (!list_empty(&m->fetches))
		ask_piece(m, list_entry(m->fetches.next, struct flight, link));
}

/* The job succeeded, its result was forgotten before it was read: nobody has it. */
static void
fetch_failed(struct map *m, struct flight *f, struct span error)
{
	char	*message = json_text(error, "message");

	m->group_failed |= f->reduces;
	m->counts.succeeded -= !f->reduces;
	m->counts.failed += !f->reduces;
	f->text.head = f->text.tail = 0;
	buf_printf(&f->text, "{\"index\":%llu,\"id\":%lld,\"state\":\"succeeded\",\"failure\":"
	    "{\"kind\":\"bad_result\",\"message\":", (unsigned long long)f->index,
	    (long long)f->job);
	json_put_text(&f->text, message != NULL ? message : "its result cannot be read");
	buf_puts(&f->text, "}}");
	free(message);
	end_fetch(m, f);
}

static void
got_piece(struct map *m, struct flight *f, const struct reply *reply)
{
	struct piece	piece;

	if (reply->error.len > 0 || !piece_read(reply->result, f->offset, &piece)) {
		fetch_failed(m, f, reply->error);
		return;
	}
	buf_append(&f->text, buf_data(&piece.text), buf_len(&piece.text));
	f->offset += (int64_t)buf_len(&piece.text);
	piece_fini(&piece);
	if (!piece.last) {
		ask_piece(m, f);
		return;
	}
	buf_putc(&f->text, '}');
	end_fetch(m, f);
}

/* ---- outcomes ---- */

static void
count(struct map_counts *c, const char *state)
{
	if (strcmp(state, "succeeded") == 0)
		c->succeeded++;
	else if (strcmp(state, "cancelled") == 0)
		c->cancelled++;
	else if (strcmp(state, "expired") == 0)
		c->expired++;
	else
		c->failed++;
}

/* `{"id":...}` as the daemon put it, with the index in front. */
static void
put_outcome(struct map *m, const struct flight *f, struct span outcome, struct buf *line)
{
	if (m->out.format == FORMAT_ID) {
		buf_put_i64(line, f->job);
		return;
	}
	buf_printf(line, "{\"index\":%llu,", (unsigned long long)f->index);
	buf_append(line, outcome.p + 1, outcome.len - 1);
}

/* Errors that every other line would meet too. */
static bool
is_fatal(int row)
{
	switch (row) {
	case RPC_unknown_type:
	case RPC_invalid_params:
	case RPC_lane_refused:
	case RPC_not_supported:
	case RPC_unauthenticated:
	case RPC_forbidden:
	case RPC_draining:
		return true;
	default:
		return false;
	}
}

static void
call_refused(struct map *m, struct flight *f, struct span error)
{
	struct span	 data;
	char		*kind = json_member(error, "data", &data) ? json_text(data, "kind") : NULL;
	char		*message = json_text(error, "message");

	if (kind != NULL && is_fatal(rpc_error_find(kind, strlen(kind))) && m->code == 0) {
		m->code = ctl_error(m->ctl, error, NULL);
		m->no_more = true;
	}
	if (m->group != NULL && kind != NULL && strcmp(kind, "conflict") == 0)
		m->no_more = true;	/* the group takes none: too many have failed */
	map_refused(m, f->index, kind != NULL ? kind : "error", message != NULL ? message : "");
	free(kind);
	free(message);
	flight_free(m, f);
}

/* The longest result of late, slowly forgotten. */
static void
learn_size(struct map *m, const struct outcome *o)
{
	int64_t	bytes = o->result_bytes >= 0 ? o->result_bytes : (int64_t)o->result.len;

	m->outcomes++;
	m->result_bytes -= m->result_bytes / 16;
	if (bytes > m->result_bytes)
		m->result_bytes = bytes;
}

static int
got_outcome(struct map *m, struct flight *f, const struct reply *reply)
{
	struct outcome	o;
	struct buf	line = { 0 };
	bool		ok;

	if (reply->error.len > 0) {
		call_refused(m, f, reply->error);
		return 0;
	}
	if ((ok = outcome_read(reply->result, &o))) {
		f->job = o.id;
		count(&m->counts, o.state);
		learn_size(m, &o);
		if (o.result_bytes >= 0 && m->out.format != FORMAT_ID) {
			buf_printf(&f->text, "{\"index\":%llu",
			    (unsigned long long)f->index);
			map_fetch(m, f);
		} else {
			put_outcome(m, f, reply->result, &line);
			land(m, f, &line);
		}
	}
	outcome_free(&o);
	return ok ? 0 : ctl_odd(m->ctl, "job.call");
}

/* ---- cancelling the rest ---- */

static void
ask_list(struct map *m, const char *state, const char *cursor)
{
	struct buf	params = { 0 };

	buf_printf(&params, "{\"limit\":%d,\"filter\":{\"state\":\"%s\",\"label\":{\"map\":",
	    BOUND_LIST_LIMIT, state);
	json_put_text(&params, m->label);
	buf_puts(&params, "}}");
	if (cursor != NULL) {
		buf_puts(&params, ",\"cursor\":");
		json_put_text(&params, cursor);
	}
	buf_putc(&params, '}');
	map_request(m, REQUEST_LIST, NULL, state, "job.list", &params);
	buf_free(&params);
}

/* In the order in which a job goes through them, so that none slips past. */
void
map_cancel_rest(struct map *m)
{
	if (m->group != NULL) {
		map_group_cancel(m);
		return;
	}
	ask_list(m, "scheduled", NULL);
	ask_list(m, "ready", NULL);
	ask_list(m, "running", NULL);
}

static int
got_list(struct map *m, const struct request *r, const struct reply *reply)
{
	struct json_walk w;
	struct span	 items;
	struct buf	 params = { 0 };
	char		*cursor;
	int64_t		 id;

	if (reply->error.len > 0)
		return ctl_error(m->ctl, reply->error, "what runs cannot be cancelled");
	if (json_member(reply->result, "items", &items)) {
		json_array(&w, items);
		while (json_element(&w)) {
			if (!json_int(w.value, "id", &id))
				continue;
			buf_printf(&params, "{\"id\":%lld}", (long long)id);
			map_request(m, REQUEST_CANCEL, NULL, NULL, "job.cancel", &params);
			buf_free(&params);
		}
	}
	if ((cursor = json_text(reply->result, "next")) != NULL)
		ask_list(m, r->state, cursor);
	free(cursor);
	return 0;
}

/* ---- requests ---- */

/* Longer than the daemon takes: refused here as it would be there. */
static void
request_unsent(struct map *m, struct request *r, const struct jobd_error *err)
{
	struct buf	error = { 0 };
	struct span	text;

	if (jobd_broken(m->ctl->conn)->code != 0)
		return;			/* that is said once, by who reads */
	buf_puts(&error, "{\"message\":");
	json_put_text(&error, err->message);
	buf_puts(&error, ",\"data\":{\"kind\":");
	json_put_text(&error, err->kind);
	buf_puts(&error, "}}");
	text = (struct span){ buf_data(&error), buf_len(&error) };
	idmap_del(&m->requests, r->id);
	if (r->kind == REQUEST_CALL)
		call_refused(m, r->flight, text);
	else if (r->kind == REQUEST_PIECE)
		fetch_failed(m, r->flight, text);
	free(r);
	buf_free(&error);
}

void
map_request(struct map *m, enum request_kind kind, struct flight *f, const char *state,
    const char *method, const struct buf *params)
{
	struct request		*r = mem_zalloc(1, sizeof(*r));
	struct jobd_error	 err;
	struct jobd_future	*future;
	char			*text = mem_strndup(buf_data(params), buf_len(params));

	r->kind = kind;
	r->flight = f;
	r->state = state;
	r->id = ++m->last_request;
	idmap_put(&m->requests, r->id, r);
	future = jobd_start(m->ctl->conn, method, text, &err);
	free(text);
	if (future != NULL)
		jobd_set_data(future, r);
	else
		request_unsent(m, r, &err);
}

/* ---- replies ---- */

static int
take_reply(struct map *m, struct request *r, const struct reply *reply)
{
	int	rc = 0;

	idmap_del(&m->requests, r->id);
	switch (r->kind) {
	case REQUEST_CALL:
		rc = got_outcome(m, r->flight, reply);
		break;
	case REQUEST_PIECE:
		got_piece(m, r->flight, reply);
		break;
	case REQUEST_LIST:
		rc = got_list(m, r, reply);
		break;
	case REQUEST_GROUP:
		rc = map_group_ended(m, reply);
		break;
	case REQUEST_CANCEL:
	case REQUEST_CLOSE:
		break;		/* another reply says how it ended */
	}
	free(r);
	return rc;
}

int
map_take_replies(struct map *m)
{
	struct jobd_future	*f;
	struct reply		 reply;
	int			 rc = jobd_turn(m->ctl->conn);

	while (jobd_next(m->ctl->conn, 0, &f) == 0) {
		bool	replied = ctl_reply(f, &reply);

		rc = replied ? take_reply(m, jobd_data(f), &reply) :
		    ctl_lost(m->ctl, jobd_code(f));
		jobd_forget(f);
		if (rc != 0)
			return rc;
	}
	rc = jobd_broken(m->ctl->conn)->code;
	return rc != 0 ? ctl_lost(m->ctl, rc) : 0;
}
