/*
 * harvest.c - libFuzzer target: region B holds what the input says, and the broker harvests.
 *
 * The input is a configuration byte and then operations, of one byte and what it takes: submit,
 * complete as an honest worker would, say a line that may be wrong, write anything anywhere into region B,
 * harvest, ask for hints, cancel.  Nobody writes meanwhile, so a second reading of the same memory, told in the
 * simplest way, says what must be harvested.
 */
#include "tests/fuzz/fuzz.h"

#include <errno.h>
#include <stdbool.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "lib/utf8.h"
#include "proto/channel_layout.h"

#define DEPTH		8
#define ATTEMPTS	4096
#define ARENA_BYTES	8192
#define WORKER_BYTES	((size_t)2 * SHM_PAGE)	/* what precedes the output arena */

struct input {
	const uint8_t	*at, *end;
};

/* The worker's end without channel_attach: its memory as it is. */
struct world {
	struct channel	*ch;
	struct shm_layout at;
	char		*b;
	uint32_t	 next_cq;		/* of the honest worker */
	uint32_t	 head, seen;		/* of the second reading */
	uint32_t	 next_line;		/* of the honest worker, in bytes */
	uint32_t	 line, lines_seen;	/* of the second reading */
	unsigned	 ended;			/* its completion was harvested just now; ATTEMPTS: none */
	bool		 fifo, broken;
	unsigned	 attempts, inflight;
	uint64_t	 tokens[ATTEMPTS];
	uint32_t	 out_caps[ATTEMPTS];
	bool		 open[ATTEMPTS];	/* in flight, as this file believes */
};

static unsigned
next_byte(struct input *in)
{
	return in->at < in->end ? *in->at++ : 0;
}

static unsigned
next_two(struct input *in)
{
	unsigned	high = next_byte(in) << 8;

	return high | next_byte(in);
}

static void
world_init(struct world *w, unsigned how)
{
	struct channel_config	cfg = {
		.fifo = (how & 1) != 0,
		.kick = (how & 2) != 0 ? CHANNEL_KICK_SOCKET : CHANNEL_KICK_FUTEX,
		.depth = DEPTH, .runs = 2, .in_bytes = ARENA_BYTES, .out_bytes = ARENA_BYTES,
	};
	struct channel_fds	fds;

	memset(w, 0, sizeof(*w));
	w->fifo = cfg.fifo;
	w->next_cq = w->head = w->seen = (how & 4) != 0 ? 0xfffffffc : 0;
	require(channel_new_at(&cfg, 1 + how, w->next_cq, &w->ch, &fds) == 0);
	w->next_line = w->line = w->lines_seen = w->head & ~7u;
	w->ended = ATTEMPTS;
	require(shm_layout(DEPTH, 2, ARENA_BYTES, ARENA_BYTES, &w->at) == 0);
	require(w->at.out == WORKER_BYTES);
	w->b = mmap(NULL, w->at.b_bytes, PROT_READ | PROT_WRITE, MAP_SHARED, fds.b, 0);
	require(w->b != MAP_FAILED);
	close(fds.a);
	close(fds.b);
	close(fds.event);
	if (fds.kick >= 0)
		close(fds.kick);
}

static void
submit(struct world *w, struct input *in)
{
	static char		payload[256];
	struct iovec		iov = { payload, next_byte(in) };
	struct channel_submit	s = { .op = CHANNEL_OP_RUN, .in = &iov, .in_count = 1,
		.out_cap = next_byte(in) * 4, .tag = &w->tokens[w->attempts] };

	if (w->attempts == ATTEMPTS)
		return;
	if (channel_submit(w->ch, &s, &w->tokens[w->attempts]) != 0)
		return;
	w->out_caps[w->attempts] = s.out_cap;
	w->open[w->attempts++] = true;
	w->inflight++;
	channel_publish(w->ch);
	require(channel_inflight(w->ch) == w->inflight && w->inflight <= DEPTH);
}

/* The n-th of the open attempts, if there are so many. */
static unsigned
open_attempt(const struct world *w, unsigned n)
{
	for (unsigned i = 0; i < w->attempts; i++)
		if (w->open[i] && n-- == 0)
			return i;
	return ATTEMPTS;
}

/* What an honest worker writes, but for the order and the length, which the input says. */
static void
complete(struct world *w, struct input *in)
{
	struct shm_cqe	*ring = (void *)(w->b + w->at.cqes);
	struct shm_b	*b = (void *)w->b;
	unsigned	 i = open_attempt(w, next_byte(in) % DEPTH);
	struct shm_cqe	*c = &ring[w->next_cq & (DEPTH - 1)];

	if (i == ATTEMPTS)
		return;
	atomic_store(&c->token, w->tokens[i]);
	atomic_store(&c->slot_status, (w->tokens[i] & (DEPTH - 1)) | (uint64_t)CHANNEL_OK << 32);
	atomic_store(&c->len_flags, next_two(in));
	atomic_store(&b->cq_tail, ++w->next_cq);
}

static void
ring_put(struct world *w, uint32_t at, const void *p, size_t len)
{
	for (size_t i = 0; i < len; i++)
		w->b[w->at.lines + (at + i) % SHM_LINES_BYTES] = ((const char *)p)[i];
}

/* As an honest worker does, but for the length and for who says it, which the input says. */
static void
say(struct world *w, struct input *in)
{
	struct shm_b	*b = (void *)w->b;
	unsigned	 i = open_attempt(w, next_byte(in) % DEPTH);
	struct shm_line	 line = { .len = next_two(in) % 1100, .lost = next_byte(in),
		.token = i == ATTEMPTS ? next_byte(in) : w->tokens[i] };

	ring_put(w, w->next_line, &line, sizeof(line));
	w->next_line += sizeof(line) + (line.len + 7) / 8 * 8;
	atomic_store(&b->lines_tail, w->next_line);
}

static void
scribble(struct world *w, struct input *in)
{
	size_t	at = next_two(in) % WORKER_BYTES, n = next_byte(in);

	while (n-- > 0 && in->at < in->end)
		w->b[at++ % WORKER_BYTES] = (char)next_byte(in);
}

/* Ten bits of permille, measured, queue, four that are 0, sixteen of milliseconds. */
static bool
is_usage(uint32_t word)
{
	unsigned	permille = word % 1024, measured = word >> 10 & 1, queue = word >> 11 & 1;

	if (permille > 1000 || (word >> 12) % 16 != 0)
		return false;
	return measured || (permille == 0 && !queue);
}

/*
 * The attempt whose completion comes next; ATTEMPTS: none; -EPROTO: what is there must be refused.
 */
static int
next_completion(struct world *w)
{
	struct shm_b	*b = (void *)w->b;
	uint64_t	 words[4];
	uint32_t	 slot;

	if (w->broken)
		return -EPROTO;
	if (w->head == w->seen) {
		w->seen = atomic_load(&b->cq_tail);
		w->lines_seen = atomic_load(&b->lines_tail);
	}
	if (w->seen - w->head > w->inflight)
		return -EPROTO;
	if (w->head == w->seen)
		return ATTEMPTS;
	memcpy(words, w->b + w->at.cqes + (w->head % DEPTH) * sizeof(words), sizeof(words));
	slot = (uint32_t)words[1];
	for (unsigned i = 0; i < w->attempts; i++)
		if (w->open[i] && w->tokens[i] == words[0] && slot == words[0] % DEPTH &&
		    (!w->fifo || slot == w->head % DEPTH) && words[1] >> 32 >= CHANNEL_OK &&
		    words[1] >> 32 <= CHANNEL_NEED_SPACE && (uint32_t)words[2] <= w->out_caps[i] &&
		    is_usage((uint32_t)(words[2] >> 32)))
			return (int)i;
	return -EPROTO;
}

static void
check_completion(struct world *w, const struct channel_completion *c, unsigned i)
{
	volatile char	last;

	require(c->tag == &w->tokens[i] && c->token == w->tokens[i]);
	require(c->out_len <= w->out_caps[i]);
	require((c->output == NULL) == (w->out_caps[i] == 0));
	require(c->usage.cpu_permille <= 1000 && (c->usage.measured || !c->usage.queue_known));
	if (c->out_len > 0)
		last = c->output[c->out_len - 1];	/* the kernel knows whether it is there */
	(void)last;
	w->open[i] = false;
	w->ended = i;
	w->inflight--;
	w->head++;
}

/* What the next line must be: 1, 0, -EPROTO; whose, in *who. */
static int
next_line(struct world *w, struct shm_line *line, unsigned *who)
{
	uint32_t	there = w->lines_seen - w->line;

	if (w->broken)
		return -EPROTO;
	if (there == 0)
		return 0;
	for (size_t i = 0; i < sizeof(*line); i++)
		((char *)line)[i] = w->b[w->at.lines + (w->line + i) % SHM_LINES_BYTES];
	if (there > SHM_LINES_BYTES || line->len > 1024 ||
	    there < sizeof(*line) + (line->len + 7) / 8 * 8)
		return -EPROTO;
	for (*who = 0; *who < w->attempts; ++*who)
		if (w->tokens[*who] == line->token && (w->open[*who] || *who == w->ended))
			return 1;
	return -EPROTO;
}

static void
take_lines(struct world *w)
{
	static struct channel_line	got;
	struct shm_line			line;
	const char			*why = NULL;
	unsigned			 who;
	int				 rc, want;

	do {
		want = next_line(w, &line, &who);
		rc = channel_line_next(w->ch, &got, &why);
		require(rc == want);
		if (rc == 1) {
			require(got.tag == &w->tokens[who] && got.len == line.len);
			require(got.lost == line.lost && got.at_ms == line.at_ms);
			w->line += sizeof(line) + (line.len + 7) / 8 * 8;
		}
	} while (rc == 1);
	w->broken = rc != 0;
	require(!w->broken || why != NULL);
}

static void
harvest(struct world *w)
{
	struct channel_completion	 c;
	const char			*why = NULL;
	int				 rc, want;

	do {
		want = next_completion(w);
		rc = channel_harvest(w->ch, &c, &why);
		require(rc == (want == ATTEMPTS ? 0 : want < 0 ? -EPROTO : 1));
		if (rc < 0)
			w->broken = true;
		if (rc == 1)
			check_completion(w, &c, (unsigned)want);
		take_lines(w);
		w->ended = ATTEMPTS;
		if (rc == 1)
			channel_release(w->ch, c.token);
	} while (rc == 1);
	require(rc >= 0 || why != NULL);
	require(channel_inflight(w->ch) == w->inflight);
	require(!w->broken || !channel_pending(w->ch));
}

static void
ask_for_hints(struct world *w)
{
	struct channel_progress	p;
	uint64_t		at = 0, token, *tag;
	uint32_t		ms;
	unsigned		n = 0;

	if ((tag = channel_stalled(w->ch, &ms)) != NULL)
		require(w->open[tag - w->tokens]);
	require(channel_stalled(w->ch, &ms) == NULL);

	while (channel_inflight_next(w->ch, &at, &token) != NULL) {
		n++;
		(void)channel_suspect(w->ch, token);
		if (!channel_progress_read(w->ch, token, &p))
			continue;
		require(memchr(p.text, '\0', sizeof(p.text)) != NULL);
		for (size_t i = 0, len = strlen(p.text); i < len;) {
			size_t	seq = utf8_sequence(p.text + i, len - i);

			require(seq > 0);
			i += seq;
		}
	}
	require(n == w->inflight);
}

static void
sleep_and_wake(struct world *w)
{
	channel_arm(w->ch);
	channel_fence();
	(void)channel_pending(w->ch);
	channel_disarm(w->ch);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct world	w;
	struct input		in = { data, data + size };

	world_init(&w, next_byte(&in) & 7);
	while (in.at < in.end) {
		switch (next_byte(&in) % 9) {
		case 0:
		case 1: submit(&w, &in); break;
		case 2: complete(&w, &in); break;
		case 3: scribble(&w, &in); break;
		case 4: harvest(&w); break;
		case 5: ask_for_hints(&w); break;
		case 6: sleep_and_wake(&w); break;
		case 8: say(&w, &in); break;
		case 7: channel_cancel(w.ch, w.tokens[next_byte(&in) % DEPTH]); break;
		}
	}
	harvest(&w);
	munmap(w.b, w.at.b_bytes);
	channel_free(w.ch);
	return 0;
}
