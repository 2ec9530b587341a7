/* log.c - what the attempts of one job have said.  Runs in: broker, loop thread. */
#include "daemon/broker/logs/log.h"

#include <endian.h>
#include <stdlib.h>
#include <string.h>

#include "lib/alloc.h"
#include "lib/utf8.h"

const char *const log_stream_names[LOG_STREAMS] = { "stdout", "stderr", "note" };

enum { HEAD, SPILL };

/* ---- life ---- */

struct log *
log_new(uint64_t id)
{
	struct log	*log = mem_zalloc(1, sizeof(*log));

	log->id = id;
	list_init(&log->attempts);
	list_init(&log->followers);
	list_init(&log->held);
	list_init(&log->spilling);
	return log;
}

void
log_attempt_free(struct log_attempt *a)
{
	buf_free(&a->head);
	buf_free(&a->spill);
	free(a);
}

void
log_free(struct log *log)
{
	struct list	*node;

	if (log == NULL)
		return;
	while ((node = list_pop(&log->attempts)) != NULL)
		log_attempt_free(list_entry(node, struct log_attempt, link));
	free(log);
}

struct log_attempt *
log_last(const struct log *log)
{
	return list_empty(&log->attempts) ? NULL :
	    list_entry(log->attempts.prev, struct log_attempt, link);
}

struct log_attempt *
log_find(const struct log *log, uint32_t number)
{
	list_for(node, &log->attempts)
		if (list_entry(node, struct log_attempt, link)->number == number)
			return list_entry(node, struct log_attempt, link);
	return NULL;
}

struct log_attempt *
log_add_attempt(struct log *log, uint32_t number)
{
	struct log_attempt	*a = mem_zalloc(1, sizeof(*a));

	a->number = number;
	a->last[HEAD] = a->last[SPILL] = SIZE_MAX;
	list_push_back(&log->attempts, &a->link);
	log->bytes += sizeof(*a);
	return a;
}

struct log_attempt *
log_drop_oldest(struct log *log)
{
	struct log_attempt	*a;
	size_t			 count = 0;

	list_for(node, &log->attempts)
		count++;
	if (count <= LOG_ATTEMPTS)
		return NULL;
	a = list_entry(list_pop(&log->attempts), struct log_attempt, link);
	log->dropped = a->number;
	log->bytes -= sizeof(*a) + buf_len(&a->head);
	return a;
}

/* ---- whole characters ---- */

static void
add_piece(struct log_attempt *a, struct log_piece *piece, enum log_stream s, int64_t at_ms,
    const char *p, size_t len)
{
	*piece = (struct log_piece){ .stream = s, .at = a->said, .offset = a->lines[s].said,
	    .at_ms = at_ms, .p = p, .len = len };
	a->said += len;
	a->lines[s].said += len;
}

/* How many bytes at the end are the beginning of a character. */
static size_t
cut_at_end(const char *p, size_t len)
{
	for (size_t n = 1; n <= 3 && n <= len; n++)
		if (utf8_is_cut(p + len - n, n))
			return n;
	return 0;
}

/*
 * The character that was cut and what comes now: as many of these bytes as it takes go to scratch.
 * *taken: how many.  Bytes in scratch that make a piece; 0: it is still cut.
 */
static size_t
join_cut(struct log_line *line, const char *p, size_t len, char scratch[8], size_t *taken)
{
	size_t	have = line->cut_len;

	memcpy(scratch, line->cut, have);
	for (*taken = 0; *taken < len;) {
		scratch[have + *taken] = p[*taken];
		++*taken;
		if (utf8_sequence(scratch, have + *taken) > 0)
			return have + *taken;
		if (!utf8_is_cut(scratch, have + *taken)) {
			*taken = 0;	/* it is none: these bytes stand alone */
			return have;
		}
	}
	return 0;
}

size_t
log_cut(struct log_attempt *a, enum log_stream s, int64_t at_ms, const char *p, size_t len,
    struct log_piece pieces[LOG_PIECES], char scratch[8])
{
	struct log_line	*line = &a->lines[s];
	size_t		 n = 0, joined, taken, cut;

	if (line->cut_len > 0) {
		if ((joined = join_cut(line, p, len, scratch, &taken)) == 0) {
			memcpy(line->cut + line->cut_len, p, taken);
			line->cut_len += (uint8_t)taken;
			return 0;
		}
		add_piece(a, &pieces[n++], s, at_ms, scratch, joined);
		p += taken;
		len -= taken;
	}
	cut = cut_at_end(p, len);
	line->cut_len = (uint8_t)cut;
	if (cut > 0)
		memcpy(line->cut, p + len - cut, cut);
	if (len > cut)
		add_piece(a, &pieces[n++], s, at_ms, p, len - cut);
	return n;
}

size_t
log_cut_end(struct log_attempt *a, enum log_stream s, int64_t at_ms,
    struct log_piece pieces[LOG_PIECES], char scratch[8])
{
	struct log_line	*line = &a->lines[s];

	if (line->cut_len == 0)
		return 0;
	memcpy(scratch, line->cut, line->cut_len);
	add_piece(a, &pieces[0], s, at_ms, scratch, line->cut_len);
	line->cut_len = 0;
	return 1;
}

/* ---- records ---- */

static struct log_record
swap(struct log_record r)
{
	return (struct log_record){ .at = le64toh(r.at), .offset = le64toh(r.offset),
	    .at_ms = (int64_t)le64toh((uint64_t)r.at_ms), .len = le32toh(r.len),
	    .stream = le32toh(r.stream) };
}

/* Is it more of what the last record says? */
static bool
extend(struct buf *b, size_t last, const struct log_piece *piece)
{
	struct log_record	r;

	if (last == SIZE_MAX)
		return false;
	memcpy(&r, buf_data(b) + last, sizeof(r));
	r = swap(r);
	if (r.stream != piece->stream || r.at + r.len != piece->at || r.at_ms != piece->at_ms ||
	    r.len + piece->len > LOG_PIECE_BYTES)
		return false;
	r.len += (uint32_t)piece->len;
	r = swap(r);
	memcpy(buf_data(b) + last, &r, sizeof(r));
	buf_append(b, piece->p, piece->len);
	return true;
}

/* Returns how many bytes it took. */
static size_t
put_record(struct buf *b, size_t *last, const struct log_piece *piece)
{
	size_t			before = buf_len(b);
	struct log_record	r = { .at = piece->at, .offset = piece->offset, .at_ms = piece->at_ms,
	    .len = (uint32_t)piece->len, .stream = piece->stream };

	if (extend(b, *last, piece))
		return piece->len;
	*last = before;
	r = swap(r);
	buf_append(b, &r, sizeof(r));
	buf_append(b, piece->p, piece->len);
	return buf_len(b) - before;
}

static struct log_piece
behind(const struct log_piece *piece, size_t n)
{
	struct log_piece	rest = *piece;

	rest.at += n;
	rest.offset += n;
	rest.p += n;
	rest.len -= n;
	return rest;
}

static struct log_piece
first(const struct log_piece *piece, size_t n)
{
	struct log_piece	part = *piece;

	if (n < part.len)
		part.len = n;
	return part;
}

/* How much of the piece the head takes; once it has not taken all, it takes nothing more. */
static size_t
room_in_head(const struct log_attempt *a, const struct log_piece *piece, bool memory)
{
	const struct log_line	*line = &a->lines[piece->stream];
	size_t			 left = LOG_HEAD_BYTES - line->here;

	if (!memory || line->here < line->kept || buf_len(&a->head) >= LOG_RECORDS_BYTES)
		return 0;
	return left < piece->len ? left : piece->len;
}

static void
spill(struct log_attempt *a, const struct log_piece *piece)
{
	if (buf_len(&a->spill) == 0)
		for (int s = 0; s < LOG_STREAMS; s++)
			a->before[s] = a->lines[s].kept;
	for (size_t at = 0; at < piece->len; at += LOG_PIECE_BYTES) {
		struct log_piece	rest = behind(piece, at), part = first(&rest, LOG_PIECE_BYTES);

		put_record(&a->spill, &a->last[SPILL], &part);
	}
}

void
log_take_spill(struct log_attempt *a, struct buf *out)
{
	*out = a->spill;
	a->spill = (struct buf){ 0 };
	a->last[SPILL] = SIZE_MAX;
	a->filed += buf_len(out);
}

bool
log_keep(struct log *log, struct log_attempt *a, const struct log_piece *piece, bool memory,
    uint64_t max_bytes)
{
	struct log_line		*line = &a->lines[piece->stream];
	uint64_t		 room = line->kept < max_bytes ? max_bytes - line->kept : 0;
	struct log_piece	 part = first(piece, room), rest;
	size_t			 here;

	if (line->kept < piece->offset)
		return true;			/* that was said before */
	if ((here = room_in_head(a, &part, memory)) > 0) {
		rest = first(&part, here);
		log->bytes += put_record(&a->head, &a->last[HEAD], &rest);
		line->here += (uint32_t)here;
		line->kept += here;
	}
	rest = behind(&part, here);
	if (rest.len > 0 && !a->lost) {
		spill(a, &rest);
		line->kept += rest.len;
	}
	return line->kept == piece->offset + piece->len;
}

void
log_lost(struct log_attempt *a, const uint64_t kept[LOG_STREAMS])
{
	for (int s = 0; s < LOG_STREAMS; s++) {
		struct log_line	*line = &a->lines[s];

		if (line->kept > kept[s])
			line->kept = kept[s] > line->here ? kept[s] : line->here;
	}
	a->lost = true;
	buf_free(&a->spill);
	a->last[SPILL] = SIZE_MAX;
}

bool
log_truncated(const struct log_attempt *a, int stream)
{
	for (int s = 0; s < LOG_STREAMS; s++)
		if ((stream == LOG_ALL || stream == s) && a->lines[s].kept < a->lines[s].said)
			return true;
	return false;
}

/* ---- reading ---- */

uint64_t
log_place_of(const struct log_place *place, const struct log_piece *piece)
{
	return place->stream == LOG_ALL ? piece->at : piece->offset;
}

uint64_t
log_place_end(const struct log_place *place, const struct log_attempt *a)
{
	return place->stream == LOG_ALL ? a->said : a->lines[place->stream].said;
}

/* The record at `from`; false: it is not whole, or none. */
static bool
read_record(const char *records, size_t len, size_t from, struct log_piece *out)
{
	struct log_record	r;

	if (len - from < sizeof(r))
		return false;
	memcpy(&r, records + from, sizeof(r));
	r = swap(r);
	if (r.stream >= LOG_STREAMS || r.len == 0 || r.len > LOG_PIECE_BYTES ||
	    r.len > len - from - sizeof(r))
		return false;
	*out = (struct log_piece){ .stream = (enum log_stream)r.stream, .at = r.at,
	    .offset = r.offset, .at_ms = r.at_ms, .p = records + from + sizeof(r), .len = r.len };
	return true;
}

int
log_next(const char *records, size_t len, size_t *from, const struct log_place *place,
    struct log_piece *out)
{
	struct log_piece	piece;
	uint64_t		key;

	for (; *from < len; *from += sizeof(struct log_record) + piece.len) {
		if (!read_record(records, len, *from, &piece))
			return -1;
		key = log_place_of(place, &piece);
		if (place->stream != LOG_ALL && place->stream != (int)piece.stream)
			continue;
		if (key + piece.len <= place->next)
			continue;
		*out = key < place->next ? behind(&piece, place->next - key) : piece;
		return 1;
	}
	return 0;
}

/* ---- as text for the store ---- */

#define STORED_VERSION	1

/* In front of an attempt's head; little-endian. */
struct stored_attempt {
	uint32_t	version, number;
	uint64_t	head_bytes;
	uint64_t	filed;
	uint64_t	said[LOG_STREAMS], kept[LOG_STREAMS];
};

static void
print_attempt(const struct log_attempt *a, struct buf *out)
{
	struct stored_attempt	s = { .version = htole32(STORED_VERSION), .number = htole32(a->number),
	    .head_bytes = htole64(buf_len(&a->head)), .filed = htole64(a->filed) };

	for (int i = 0; i < LOG_STREAMS; i++) {
		s.said[i] = htole64(a->lines[i].said);
		s.kept[i] = htole64(a->lines[i].kept);
	}
	buf_append(out, &s, sizeof(s));
	buf_append(out, buf_data(&a->head), buf_len(&a->head));
}

void
log_print(const struct log *log, struct buf *out)
{
	list_for(node, &log->attempts)
		print_attempt(list_entry(node, struct log_attempt, link), out);
}

/* Each record is looked at once: nothing reads them unchecked later. */
static bool
check_head(struct log_attempt *a)
{
	const struct log_place	all = { .stream = LOG_ALL };
	size_t			from = 0;
	struct log_piece	piece;
	int			rc;

	while ((rc = log_next(buf_data(&a->head), buf_len(&a->head), &from, &all, &piece)) > 0) {
		struct log_line	*line = &a->lines[piece.stream];

		if (piece.offset != line->here || piece.at + piece.len > a->said)
			return false;
		line->here += (uint32_t)piece.len;
		from += sizeof(struct log_record) + piece.len;
	}
	for (int s = 0; s < LOG_STREAMS; s++)
		if (a->lines[s].here > a->lines[s].kept || a->lines[s].kept > a->lines[s].said)
			return false;
	return rc == 0;
}

static bool
parse_attempt(struct log *log, struct span *text)
{
	struct stored_attempt	 s;
	struct log_attempt	*a;
	size_t			 head;

	if (text->len < sizeof(s))
		return false;
	memcpy(&s, text->p, sizeof(s));
	head = le64toh(s.head_bytes);
	if (le32toh(s.version) != STORED_VERSION || head > text->len - sizeof(s))
		return false;
	a = log_add_attempt(log, le32toh(s.number));
	a->ended = true;
	a->filed = le64toh(s.filed);
	for (int i = 0; i < LOG_STREAMS; i++) {
		a->lines[i].said = le64toh(s.said[i]);
		a->lines[i].kept = le64toh(s.kept[i]);
		a->said += a->lines[i].said;
	}
	buf_append(&a->head, text->p + sizeof(s), head);
	log->bytes += head;
	text->p += sizeof(s) + head;
	text->len -= sizeof(s) + head;
	return check_head(a);
}

struct log *
log_parse(uint64_t id, struct span text)
{
	struct log	*log = log_new(id);

	while (text.len > 0) {
		if (!parse_attempt(log, &text)) {
			log_free(log);
			return NULL;
		}
	}
	if (!list_empty(&log->attempts))
		log->dropped = list_entry(log->attempts.next, struct log_attempt, link)->number - 1;
	return log;
}
