/* channel.c - rules of the channel, with both ends in one process. */
#include "tests/unit/unit.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/falloc.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "proto/channel_layout.h"

static const struct channel_config	fifo_config = {
	.fifo = true, .kick = CHANNEL_KICK_FUTEX, .depth = 8, .runs = 1,
	.in_bytes = 1 << 16, .out_bytes = 1 << 16,
};
static const struct channel_config	slot_config = {
	.fifo = false, .kick = CHANNEL_KICK_SOCKET, .depth = 16, .runs = 4,
	.in_bytes = 1 << 16, .out_bytes = 1 << 16,
};

/* Both ends, and what a hostile worker has: region B as raw memory. */
struct ends {
	struct channel		*ch;
	struct channel_worker	*w;
	struct shm_layout	 at;
	struct shm_b		*b;
};

static struct ends
ends_new_at(const struct channel_config *cfg, uint32_t first)
{
	struct channel_fds	fds;
	struct ends		e;

	assert_int_equal(channel_new_at(cfg, 7, first, &e.ch, &fds), 0);
	assert_int_equal(shm_layout(cfg->depth, cfg->runs, cfg->in_bytes, cfg->out_bytes, &e.at),
	    0);
	e.b = mmap(NULL, e.at.b_bytes, PROT_READ | PROT_WRITE, MAP_SHARED, fds.b, 0);
	assert_true(e.b != MAP_FAILED);
	assert_int_equal(channel_attach(&fds, &e.w), 0);
	return e;
}

static struct ends
ends_new(const struct channel_config *cfg)
{
	return ends_new_at(cfg, 0);
}

static void
ends_free(struct ends *e)
{
	munmap(e->b, e->at.b_bytes);
	channel_detach(e->w);
	channel_free(e->ch);
}

static struct shm_cqe *
cqe_at(struct ends *e, uint32_t position)
{
	return (struct shm_cqe *)(void *)((char *)e->b + e->at.cqes) + position;
}

static uint64_t
submit(struct ends *e, void *tag, const char *text, uint32_t out_cap)
{
	struct iovec		in = { (void *)(uintptr_t)text, strlen(text) };
	struct channel_submit	s = { .op = CHANNEL_OP_RUN, .tag = tag, .in = &in, .in_count = 1,
		.out_cap = out_cap };
	uint64_t		token;

	assert_int_equal(channel_submit(e->ch, &s, &token), 0);
	channel_publish(e->ch);
	return token;
}

static int
try_submit(struct ends *e, size_t in_len, uint32_t out_cap)
{
	static char		payload[1 << 20];
	struct iovec		in = { .iov_base = payload, .iov_len = in_len };
	struct channel_submit	s = { .op = CHANNEL_OP_RUN, .tag = e, .in = &in, .in_count = 1,
		.out_cap = out_cap };
	uint64_t		token;

	return channel_submit(e->ch, &s, &token);
}

static void
echo(struct ends *e, const struct channel_entry *en)
{
	memcpy(en->out, en->in, en->in_len);
	channel_complete(e->w, en, CHANNEL_OK, en->in_len, 0);
}

static struct channel_completion
harvest(struct ends *e)
{
	struct channel_completion	c;
	const char			*why = "";

	assert_int_equal(channel_harvest(e->ch, &c, &why), 1);
	return c;
}

static bool
harvest_is_empty(struct ends *e)
{
	struct channel_completion	c;
	const char			*why;

	return channel_harvest(e->ch, &c, &why) == 0;
}

static bool
readable(int fd)
{
	struct pollfd	p = { .fd = fd, .events = POLLIN };

	return poll(&p, 1, 0) == 1;
}

/* ---- entries and completions ---- */

static void
test_an_entry_crosses_and_its_result_comes_back(void **state)
{
	static const struct channel_config *const	configs[] = { &fifo_config, &slot_config };
	int						tag;

	(void)state;
	for (size_t i = 0; i < COUNT(configs); i++) {
		struct ends			e = ends_new(configs[i]);
		char				hel[] = "hel", lo[] = "lo";
		struct iovec			in[2] = { { hel, 3 }, { lo, 2 } };
		struct channel_submit		s = { .op = CHANNEL_OP_FETCH, .tag = &tag, .in = in,
			.in_count = 2, .out_cap = 100, .deadline_ns = 12, .arg = 34 };
		struct channel_entry		en;
		struct channel_completion	c;
		uint64_t			token;

		assert_int_equal(channel_submit(e.ch, &s, &token), 0);
		assert_int_equal(token >> 32, 7);
		assert_true((uint32_t)token != 0);
		assert_false(channel_take(e.w, &en));
		channel_publish(e.ch);
		assert_true(channel_take(e.w, &en));
		assert_int_equal(en.op, CHANNEL_OP_FETCH);
		assert_true(en.token == token && en.deadline_ns == 12 && en.arg == 34);
		assert_int_equal(en.in_len, 5);
		assert_memory_equal(en.in, "hello", 5);
		assert_int_equal(en.out_cap, 100);
		assert_true(harvest_is_empty(&e));
		memcpy(en.out, "world!", 6);
		channel_complete(e.w, &en, CHANNEL_FAILED, 6, 99);
		c = harvest(&e);
		assert_ptr_equal(c.tag, &tag);
		assert_true(c.token == token && c.op == CHANNEL_OP_FETCH);
		assert_int_equal(c.status, CHANNEL_FAILED);
		assert_int_equal(c.out_len, 6);
		assert_memory_equal(c.output, "world!", 6);
		assert_int_equal(c.aux, 99);
		channel_release(e.ch, token);
		assert_true(harvest_is_empty(&e));
		ends_free(&e);
	}
}

static void
test_a_slot_is_taken_until_its_output_is_released(void **state)
{
	struct ends			e = ends_new(&fifo_config);
	struct channel_entry		en;
	struct channel_completion	c;

	(void)state;
	for (uint32_t i = 0; i < fifo_config.depth; i++)
		assert_int_equal(try_submit(&e, 10, 10), 0);
	assert_int_equal(channel_inflight(e.ch), 8);
	assert_int_equal(channel_bytes_out(e.ch), 80);
	assert_int_equal(try_submit(&e, 10, 10), -EAGAIN);
	channel_publish(e.ch);
	assert_true(channel_take(e.w, &en));
	echo(&e, &en);
	c = harvest(&e);
	assert_int_equal(channel_inflight(e.ch), 7);
	assert_int_equal(channel_bytes_out(e.ch), 70);
	assert_int_equal(try_submit(&e, 10, 10), -EAGAIN);
	channel_release(e.ch, c.token);
	assert_int_equal(try_submit(&e, 10, 10), 0);
	assert_int_equal(try_submit(&e, 10, 10), -EAGAIN);
	ends_free(&e);
}

static void
test_a_refused_submit_leaks_no_chunk(void **state)
{
	struct ends	e = ends_new(&slot_config);

	(void)state;
	assert_int_equal(try_submit(&e, (1 << 16) + 1, 0), -EMSGSIZE);
	assert_int_equal(try_submit(&e, 0, (1 << 16) + 1), -EMSGSIZE);
	assert_int_equal(try_submit(&e, 1, 1 << 15), 0);
	for (int i = 0; i < 1000; i++)
		assert_int_equal(try_submit(&e, 1 << 14, 1 << 16), -ENOSPC);
	assert_int_equal(try_submit(&e, 1 << 15, 1 << 15), 0);
	assert_int_equal(channel_inflight(e.ch), 2);
	ends_free(&e);
}

static void
test_positions_wrap_around_the_32_bits(void **state)
{
	static const struct channel_config *const	configs[] = { &fifo_config, &slot_config };

	(void)state;
	for (size_t i = 0; i < COUNT(configs); i++) {
		struct ends	e = ends_new_at(configs[i], 0xfffffff0);
		uint64_t	last = 0;

		assert_false(channel_pending(e.ch));
		assert_true(harvest_is_empty(&e));
		for (int round = 0; round < 20; round++) {
			struct channel_entry	en;

			for (int k = 0; k < 5; k++)
				submit(&e, &e, "abc", 16);
			while (channel_take(e.w, &en))
				echo(&e, &en);
			assert_true(channel_pending(e.ch));
			for (int k = 0; k < 5; k++) {
				struct channel_completion	c = harvest(&e);

				assert_true(c.token != last);
				last = c.token;
				channel_release(e.ch, c.token);
			}
			assert_true(harvest_is_empty(&e));
			assert_false(channel_pending(e.ch));
		}
		ends_free(&e);
	}
}

static void
test_a_slot_table_completes_in_any_order(void **state)
{
	struct ends		e = ends_new(&slot_config);
	struct channel_entry	en[16];
	uint64_t		token[16], at = 0, t;
	char			tags[16];

	(void)state;
	for (int i = 0; i < 16; i++)
		token[i] = submit(&e, &tags[i], "x", 8);
	for (int i = 0; i < 16; i++)
		assert_true(channel_take(e.w, &en[i]));
	for (int i = 15; i >= 0; i -= 2)
		echo(&e, &en[i]);
	for (int i = 15; i >= 0; i -= 2) {
		struct channel_completion	c = harvest(&e);

		assert_true(c.token == token[i]);
		assert_ptr_equal(c.tag, &tags[i]);
		channel_release(e.ch, c.token);
	}
	/* what is left, in order of submission, and after it what is submitted now */
	t = submit(&e, &e, "y", 8);
	for (int i = 0; i < 16; i += 2) {
		uint64_t	found;

		assert_ptr_equal(channel_inflight_next(e.ch, &at, &found), &tags[i]);
		assert_true(found == token[i]);
	}
	assert_ptr_equal(channel_inflight_next(e.ch, &at, &token[0]), &e);
	assert_true(token[0] == t);
	assert_null(channel_inflight_next(e.ch, &at, &token[0]));
	assert_int_equal(channel_inflight(e.ch), 9);
	ends_free(&e);
}

static void
test_a_large_result_is_kept_and_fetched_in_pieces(void **state)
{
	struct ends			e = ends_new(&fifo_config);
	char				kept[100], got[100];
	struct channel_entry		en;
	struct channel_completion	c;
	uint64_t			token = submit(&e, &e, "big", 10), t;

	(void)state;
	memset(kept, 'k', sizeof(kept));
	assert_true(channel_take(e.w, &en));
	channel_complete(e.w, &en, CHANNEL_NEED_SPACE, 0, sizeof(kept));
	c = harvest(&e);
	assert_int_equal(c.status, CHANNEL_NEED_SPACE);
	assert_int_equal(c.aux, sizeof(kept));
	channel_release(e.ch, c.token);
	for (uint64_t off = 0; off < sizeof(kept); off += 50) {
		struct channel_submit	s = { .op = CHANNEL_OP_FETCH, .tag = &e, .out_cap = 50,
			.arg = token, .deadline_ns = off };

		assert_int_equal(channel_submit(e.ch, &s, &t), 0);
		channel_publish(e.ch);
		assert_true(channel_take(e.w, &en));
		assert_true(en.arg == token);
		memcpy(en.out, kept + en.deadline_ns, en.out_cap);
		channel_complete(e.w, &en, CHANNEL_OK, en.out_cap, 0);
		c = harvest(&e);
		memcpy(got + off, c.output, c.out_len);
		channel_release(e.ch, c.token);
	}
	assert_memory_equal(got, kept, sizeof(kept));
	ends_free(&e);
}

static void
test_harvested_word_advances_without_a_gap(void **state)
{
	struct channel_fds	 fds;
	struct ends		 e;
	struct channel_entry	 en;
	uint64_t		 token[3];
	struct shm_a		*a;

	(void)state;
	assert_int_equal(channel_new(&fifo_config, 1, &e.ch, &fds), 0);
	a = mmap(NULL, SHM_PAGE, PROT_READ, MAP_SHARED, fds.a, 0);
	assert_int_equal(channel_attach(&fds, &e.w), 0);
	for (int i = 0; i < 3; i++)
		token[i] = submit(&e, &e, "z", 4);
	while (channel_take(e.w, &en))
		echo(&e, &en);
	for (int i = 0; i < 3; i++)
		harvest(&e);
	channel_release(e.ch, token[1]);
	assert_int_equal(atomic_load(&a->harvested), 0);
	channel_release(e.ch, token[0]);
	assert_int_equal(atomic_load(&a->harvested), 2);
	channel_release(e.ch, token[2]);
	assert_int_equal(atomic_load(&a->harvested), 3);
	munmap(a, SHM_PAGE);
	channel_detach(e.w);
	channel_free(e.ch);
}

/* ---- how the time was spent ---- */

static void
test_the_usage_of_a_run_comes_back(void **state)
{
	static const struct channel_usage	rows[] = {
		{ 0 },
		{ .measured = true, .queue_known = true, .cpu_permille = 1000 },
		{ .measured = true, .cpu_permille = 0, .stall_ms = 65535 },
		{ .stall_ms = 51 },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		struct ends			e = ends_new(&slot_config);
		struct channel_entry		en;
		struct channel_completion	c;

		submit(&e, &e, "a", 16);
		assert_true(channel_take(e.w, &en));
		channel_complete_used(e.w, &en, CHANNEL_OK, 16, 1, &rows[i]);
		c = harvest(&e);
		assert_int_equal(c.out_len, 16);
		assert_int_equal(c.usage.measured, rows[i].measured);
		assert_int_equal(c.usage.queue_known, rows[i].queue_known);
		assert_int_equal(c.usage.cpu_permille, rows[i].cpu_permille);
		assert_int_equal(c.usage.stall_ms, rows[i].stall_ms);
		ends_free(&e);
	}
}

static void
test_what_is_no_run_has_no_usage(void **state)
{
	struct ends			e = ends_new(&slot_config);
	struct channel_submit		s = { .op = CHANNEL_OP_DROP };
	struct channel_usage		u = { .measured = true };
	struct channel_entry		en;
	struct channel_completion	c;
	const char			*why;
	uint64_t			token;

	(void)state;
	assert_int_equal(channel_submit(e.ch, &s, &token), 0);
	channel_publish(e.ch);
	assert_true(channel_take(e.w, &en));
	channel_complete_used(e.w, &en, CHANNEL_OK, 0, 0, &u);
	assert_int_equal(channel_harvest(e.ch, &c, &why), -EPROTO);
	assert_string_equal(why, "a usage that cannot be");
	ends_free(&e);
}

static void
test_a_stall_is_told_once_and_only_of_an_attempt_in_flight(void **state)
{
	struct ends		e = ends_new(&slot_config);
	struct channel_entry	en;
	uint32_t		ms = 0;
	uint64_t		token = submit(&e, &ms, "a", 16);

	(void)state;
	assert_null(channel_stalled(e.ch, &ms));
	assert_true(channel_take(e.w, &en));
	channel_stall(e.w, token, 70);
	assert_true(readable(channel_event_fd(e.ch)));
	assert_ptr_equal(channel_stalled(e.ch, &ms), &ms);
	assert_int_equal(ms, 70);
	assert_null(channel_stalled(e.ch, &ms));
	channel_stall(e.w, token, 140);
	assert_ptr_equal(channel_stalled(e.ch, &ms), &ms);
	assert_int_equal(ms, 140);
	channel_stall(e.w, token ^ 1, 70);
	assert_null(channel_stalled(e.ch, &ms));
	echo(&e, &en);
	channel_stall(e.w, token, 70);
	channel_release(e.ch, harvest(&e).token);
	assert_null(channel_stalled(e.ch, &ms));
	ends_free(&e);
}

/* ---- what a hostile worker writes ---- */

#define SLOT_STATUS(slot, status)	((uint64_t)(slot) | (uint64_t)(status) << 32)
#define USAGE(word)			((uint64_t)(word) << 32)

static void
test_each_forgery_is_named(void **state)
{
	/* two entries are in flight, in slots 0 and 1, with room for 16 bytes */
	static const struct {
		const struct channel_config	*cfg;
		uint64_t			 token;		/* 0: the true one of slot 0 */
		uint64_t			 slot_status, len_flags;
		uint32_t			 tail;
		const char			*why;
	} rows[] = {
		{ &fifo_config, 0, SLOT_STATUS(0, CHANNEL_OK), 0, 1, NULL },
		{ &fifo_config, 0, SLOT_STATUS(0, CHANNEL_OK), 16, 2, NULL },
		{ &fifo_config, 0, SLOT_STATUS(0, CHANNEL_OK), 0, 3,
		    "more completions than entries in flight" },
		{ &slot_config, 0, SLOT_STATUS(0, CHANNEL_OK), 0, UINT32_MAX,
		    "more completions than entries in flight" },
		{ &fifo_config, 0, SLOT_STATUS(1, CHANNEL_OK), 0, 1, "completion out of order" },
		{ &fifo_config, 0, SLOT_STATUS(8, CHANNEL_OK), 0, 1, "slot out of range" },
		{ &slot_config, 0, SLOT_STATUS(16, CHANNEL_OK), 0, 1, "slot out of range" },
		{ &slot_config, 0, SLOT_STATUS(UINT32_MAX, CHANNEL_OK), 0, 1, "slot out of range" },
		{ &slot_config, 0, SLOT_STATUS(2, CHANNEL_OK), 0, 1,
		    "completion of a slot that is not in flight" },
		{ &slot_config, 0, SLOT_STATUS(1, CHANNEL_OK), 0, 1, "wrong token" },
		{ &fifo_config, 1, SLOT_STATUS(0, CHANNEL_OK), 0, 1, "wrong token" },
		{ &fifo_config, 0, SLOT_STATUS(0, 0), 0, 1, "unknown status" },
		{ &fifo_config, 0, SLOT_STATUS(0, CHANNEL_NEED_SPACE + 1), 0, 1, "unknown status" },
		{ &fifo_config, 0, SLOT_STATUS(0, UINT32_MAX), 0, 1, "unknown status" },
		{ &fifo_config, 0, SLOT_STATUS(0, CHANNEL_OK), 17, 1,
		    "output longer than its room" },
		{ &fifo_config, 0, SLOT_STATUS(0, CHANNEL_OK), UINT32_MAX, 1,
		    "output longer than its room" },
		{ &fifo_config, 0, SLOT_STATUS(0, CHANNEL_OK), USAGE(1000 | SHM_USAGE_MEASURED), 1,
		    NULL },
		{ &fifo_config, 0, SLOT_STATUS(0, CHANNEL_OK), USAGE(0xffff0000u), 1, NULL },
		{ &fifo_config, 0, SLOT_STATUS(0, CHANNEL_OK), USAGE(1001 | SHM_USAGE_MEASURED), 1,
		    "a usage that cannot be" },
		{ &fifo_config, 0, SLOT_STATUS(0, CHANNEL_OK), USAGE(1), 1,
		    "a usage that cannot be" },
		{ &fifo_config, 0, SLOT_STATUS(0, CHANNEL_OK), USAGE(SHM_USAGE_QUEUE), 1,
		    "a usage that cannot be" },
		{ &fifo_config, 0, SLOT_STATUS(0, CHANNEL_OK), USAGE(SHM_USAGE_MEASURED | 0x1000),
		    1, "a usage that cannot be" },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		struct ends			e = ends_new(rows[i].cfg);
		uint64_t			token = submit(&e, &e, "a", 16);
		struct shm_cqe			*cqe = cqe_at(&e, 0);
		struct channel_completion	c;
		const char			*why = NULL;

		submit(&e, &e, "b", 16);
		cqe->token = rows[i].token == 0 ? token : rows[i].token;
		cqe->slot_status = rows[i].slot_status;
		cqe->len_flags = rows[i].len_flags;
		e.b->cq_tail = rows[i].tail;
		assert_int_equal(channel_harvest(e.ch, &c, &why),
		    rows[i].why == NULL ? 1 : -EPROTO);
		if (rows[i].why != NULL) {
			assert_string_equal(why, rows[i].why);
			assert_int_equal(channel_inflight(e.ch), 2);
		}
		ends_free(&e);
	}
}

static void
test_a_completion_cannot_be_replayed(void **state)
{
	struct ends			e = ends_new(&slot_config);
	struct channel_entry		en, second;
	struct channel_completion	c;
	const char			*why;

	(void)state;
	submit(&e, &e, "a", 16);
	assert_true(channel_take(e.w, &en));
	echo(&e, &en);
	c = harvest(&e);
	channel_release(e.ch, c.token);
	/* the same slot, another attempt: the old token does not answer for it */
	submit(&e, &e, "b", 16);
	assert_true(channel_take(e.w, &second));
	assert_int_equal(second.slot, en.slot);
	assert_true(second.token != en.token);
	channel_complete(e.w, &en, CHANNEL_OK, 0, 0);
	assert_int_equal(channel_harvest(e.ch, &c, &why), -EPROTO);
	assert_string_equal(why, "wrong token");
	ends_free(&e);
}

static void
test_a_broken_channel_stays_broken_and_keeps_nobody_awake(void **state)
{
	struct ends			e = ends_new(&fifo_config);
	struct channel_completion	c;
	const char			*why;

	(void)state;
	submit(&e, &e, "a", 16);
	e.b->cq_tail = 5;
	assert_true(channel_pending(e.ch));
	assert_int_equal(channel_harvest(e.ch, &c, &why), -EPROTO);
	e.b->cq_tail = 0;
	assert_int_equal(channel_harvest(e.ch, &c, &why), -EPROTO);
	assert_string_equal(why, "more completions than entries in flight");
	e.b->cq_tail = 1;
	assert_false(channel_pending(e.ch));
	ends_free(&e);
}

static void
test_waking_the_broker_for_nothing_is_found(void **state)
{
	struct ends			e = ends_new(&fifo_config);
	struct channel_entry		en;
	struct channel_completion	c;
	const char			*why = NULL;
	int				rc = 0, n;

	(void)state;
	for (int i = 0; i < 3000; i++) {
		submit(&e, &e, "a", 16);
		assert_true(channel_take(e.w, &en));
		echo(&e, &en);
		assert_int_equal(channel_woken(e.ch, &why), 0);
		c = harvest(&e);
		channel_release(e.ch, c.token);
	}
	for (n = 0; n < 100000 && rc == 0; n++)
		rc = channel_woken(e.ch, &why);
	assert_int_equal(rc, -EPROTO);
	assert_non_null(why);
	assert_true(n > 100);
	ends_free(&e);
}

static bool
maps_writable(int fd, size_t bytes)
{
	return mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0) != MAP_FAILED;
}

static void
test_the_worker_cannot_write_region_a(void **state)
{
	struct channel_fds	 fds;
	struct channel		*ch;
	struct shm_layout	 at;
	void			*ro;
	char			 path[64];
	int			 again;

	(void)state;
	assert_int_equal(channel_new(&fifo_config, 1, &ch, &fds), 0);
	shm_layout(8, 1, 1 << 16, 1 << 16, &at);
	assert_false(maps_writable(fds.a, at.a_bytes));
	ro = mmap(NULL, at.a_bytes, PROT_READ, MAP_SHARED, fds.a, 0);
	assert_true(ro != MAP_FAILED);
	assert_int_equal(mprotect(ro, at.a_bytes, PROT_READ | PROT_WRITE), -1);
	assert_int_equal(madvise(ro, at.a_bytes, MADV_REMOVE), -1);
	assert_int_equal(pwrite(fds.a, "x", 1, 0), -1);
	assert_int_equal(ftruncate(fds.a, 0), -1);
	assert_int_equal(fallocate(fds.a, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, 0, 4096), -1);
	assert_int_equal(fcntl(fds.a, F_ADD_SEALS, F_SEAL_WRITE), -1);
	snprintf(path, sizeof(path), "/proc/self/fd/%d", fds.a);
	again = open(path, O_RDWR | O_CLOEXEC);
	assert_true(again >= 0);
	assert_false(maps_writable(again, at.a_bytes));
	assert_int_equal(pwrite(again, "x", 1, 0), -1);
	close(again);
	munmap(ro, at.a_bytes);
	close(fds.a);
	close(fds.b);
	close(fds.event);
	channel_free(ch);
}

static void
test_region_b_cannot_shrink_under_the_broker(void **state)
{
	struct channel_fds		 fds;
	struct ends			 e;
	struct channel_completion	 c;
	const char			*why;
	int				 b;

	(void)state;
	assert_int_equal(channel_new(&fifo_config, 1, &e.ch, &fds), 0);
	shm_layout(8, 1, 1 << 16, 1 << 16, &e.at);
	b = fcntl(fds.b, F_DUPFD_CLOEXEC, 0);
	assert_int_equal(channel_attach(&fds, &e.w), 0);
	submit(&e, &e, "a", 16);
	assert_int_equal(ftruncate(b, 0), -1);
	assert_int_equal(ftruncate(b, (off_t)e.at.b_bytes * 2), -1);
	assert_int_equal(fallocate(b, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, 0,
	    (off_t)e.at.b_bytes), 0);
	assert_int_equal(channel_harvest(e.ch, &c, &why), 0);
	assert_int_equal(pwrite(b, "\1", 1, 0), 1);
	assert_int_equal(channel_harvest(e.ch, &c, &why), -EPROTO);
	assert_string_equal(why, "wrong token");
	close(b);
	channel_detach(e.w);
	channel_free(e.ch);
}

static void
test_a_forked_child_does_not_have_the_regions(void **state)
{
	struct ends	e = ends_new(&fifo_config);
	int		status;
	pid_t		pid;

	(void)state;
	submit(&e, &e, "a", 16);
	if ((pid = fork()) == 0) {
		struct channel_entry	en;

		signal(SIGSEGV, SIG_DFL);
		_exit(channel_take(e.w, &en));
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGSEGV);
	ends_free(&e);
}

static void
test_a_worker_refuses_memory_that_is_no_channel(void **state)
{
	struct channel_fds	 fds, bad;
	struct channel		*ch;
	struct channel_worker	*w = NULL;

	(void)state;
	assert_int_equal(channel_new(&fifo_config, 1, &ch, &fds), 0);
	bad = fds;
	bad.a = fds.b;
	assert_int_equal(channel_attach(&bad, &w), -EPROTO);
	bad = fds;
	bad.b = memfd_create("short", MFD_CLOEXEC);
	assert_int_equal(channel_attach(&bad, &w), -EPROTO);
	assert_null(w);
	close(bad.b);
	assert_int_equal(channel_attach(&fds, &w), 0);
	channel_detach(w);
	channel_free(ch);
}

static void
test_a_configuration_out_of_range_is_refused(void **state)
{
	static const struct channel_config	rows[] = {
		{ .depth = 0, .runs = 1, .in_bytes = 4096, .out_bytes = 4096 },
		{ .depth = 48, .runs = 1, .in_bytes = 4096, .out_bytes = 4096 },
		{ .depth = 1u << 31, .runs = 1, .in_bytes = 4096, .out_bytes = 4096 },
		{ .depth = 8, .runs = 0, .in_bytes = 4096, .out_bytes = 4096 },
		{ .depth = 8, .runs = 1, .in_bytes = 1000, .out_bytes = 4096 },
		{ .depth = 8, .runs = 1, .in_bytes = 4096, .out_bytes = 128 },
		{ .depth = 8, .runs = 1, .in_bytes = 4096, .out_bytes = SIZE_MAX / 2 + 1 },
	};
	struct channel_fds	 fds;
	struct channel		*ch;

	(void)state;
	assert_int_equal(channel_new(&fifo_config, 0, &ch, &fds), -EINVAL);
	for (size_t i = 0; i < COUNT(rows); i++)
		assert_int_equal(channel_new(&rows[i], 1, &ch, &fds), -EINVAL);
}

/* ---- sleeping and waking ---- */

static void
test_a_sleeping_worker_is_kicked_once(void **state)
{
	struct ends		e = ends_new(&slot_config);
	struct channel_entry	en;
	char			bytes[16];
	int			kick = channel_kick_fd(e.w);

	(void)state;
	submit(&e, &e, "a", 16);
	assert_false(readable(kick));		/* awake: no system call */
	assert_false(channel_sleep(e.w));	/* there is work */
	channel_awake(e.w);
	assert_true(channel_take(e.w, &en));
	assert_true(channel_sleep(e.w));
	submit(&e, &e, "b", 16);
	submit(&e, &e, "c", 16);
	assert_int_equal(recv(kick, bytes, sizeof(bytes), MSG_PEEK | MSG_DONTWAIT), 1);
	channel_awake(e.w);
	assert_false(readable(kick));
	assert_true(channel_take(e.w, &en) && channel_take(e.w, &en));
	assert_true(channel_sleep(e.w));
	assert_false(readable(kick));
	submit(&e, &e, "d", 16);
	assert_true(readable(kick));
	ends_free(&e);
}

static void
test_a_worker_that_reads_no_kicks_does_not_block_the_broker(void **state)
{
	struct ends	e = ends_new(&slot_config);
	int		kick = channel_kick_fd(e.w);

	(void)state;
	/* a hostile worker: blocking descriptors, and it claims a new sleep each time */
	fcntl(kick, F_SETFL, 0);
	for (uint64_t epoch = 2; epoch < 20000; epoch += 2) {
		uint64_t	token;

		atomic_store(&e.b->sleep, epoch | 1);
		token = submit(&e, &e, "a", 16);
		cqe_at(&e, (uint32_t)(epoch / 2 - 1) & 15)->token = token;
		cqe_at(&e, (uint32_t)(epoch / 2 - 1) & 15)->slot_status =
		    SLOT_STATUS((uint32_t)token & 15, CHANNEL_OK);
		atomic_fetch_add(&e.b->cq_tail, 1);
		channel_release(e.ch, harvest(&e).token);
	}
	assert_true(readable(kick));
	ends_free(&e);
}

static void
test_the_broker_is_woken_once_per_sleep(void **state)
{
	struct ends		e = ends_new(&fifo_config);
	struct channel_entry	en;
	int			event = channel_event_fd(e.ch);
	uint64_t		count;

	(void)state;
	for (int i = 0; i < 3; i++)
		submit(&e, &e, "a", 16);
	assert_true(channel_take(e.w, &en));
	echo(&e, &en);
	channel_signal(e.w);
	assert_false(readable(event));		/* it is awake */
	channel_release(e.ch, harvest(&e).token);

	channel_arm(e.ch);
	channel_fence();
	assert_false(channel_pending(e.ch));
	for (int i = 0; i < 2; i++) {
		assert_true(channel_take(e.w, &en));
		echo(&e, &en);
		channel_signal(e.w);
	}
	assert_true(channel_pending(e.ch));
	assert_int_equal(read(event, &count, sizeof(count)), sizeof(count));
	assert_int_equal(count, 1);
	channel_disarm(e.ch);
	channel_signal(e.w);
	assert_false(readable(event));
	ends_free(&e);
}

static void
test_cancel_reaches_the_attempt_and_wakes_the_loop(void **state)
{
	struct ends			e = ends_new(&slot_config);
	struct channel_entry		a, b;
	struct channel_completion	c;
	uint32_t			before;

	(void)state;
	submit(&e, &e, "a", 16);
	submit(&e, &e, "b", 16);
	assert_true(channel_take(e.w, &a) && channel_take(e.w, &b));
	channel_awake(e.w);
	before = channel_cancel_count(e.w);
	assert_true(channel_sleep(e.w));
	channel_cancel(e.ch, b.token);
	assert_true(readable(channel_kick_fd(e.w)));
	channel_awake(e.w);
	assert_true(channel_cancel_count(e.w) != before);
	assert_true(channel_cancelled(e.w, &b));
	assert_false(channel_cancelled(e.w, &a));
	/* one that came between the look and the sleep keeps the loop awake */
	channel_cancel(e.ch, a.token);
	assert_false(channel_sleep(e.w));
	channel_awake(e.w);
	assert_true(channel_sleep(e.w));
	/* too late, or nonsense: nothing happens */
	before = channel_cancel_count(e.w);
	channel_complete(e.w, &a, CHANNEL_CANCELLED, 0, 0);
	c = harvest(&e);
	channel_cancel(e.ch, c.token);
	channel_release(e.ch, c.token);
	channel_cancel(e.ch, c.token);
	channel_cancel(e.ch, 0);
	channel_cancel(e.ch, UINT64_MAX);
	assert_int_equal(channel_cancel_count(e.w), before);
	/* the next attempt in that slot is not cancelled */
	submit(&e, &e, "c", 16);
	assert_true(channel_take(e.w, &b));
	assert_int_equal(b.slot, a.slot);
	assert_false(channel_cancelled(e.w, &b));
	ends_free(&e);
}

static void
test_stop_comes_after_the_last_entry(void **state)
{
	struct ends		e = ends_new(&slot_config);
	struct channel_entry	en;

	(void)state;
	assert_true(channel_sleep(e.w));
	submit(&e, &e, "a", 16);
	channel_awake(e.w);
	channel_stop(e.ch);
	assert_false(channel_stopped(e.w));
	assert_true(channel_take(e.w, &en));
	assert_true(channel_stopped(e.w));
	assert_false(channel_sleep(e.w));
	ends_free(&e);
}

static void
run_worker(struct channel_fds *fds)
{
	struct channel_worker	*w;
	struct channel_entry	 en;

	if (channel_attach(fds, &w) != 0)
		_exit(2);
	while (!channel_stopped(w)) {
		while (channel_take(w, &en)) {
			memcpy(en.out, en.in, en.in_len);
			channel_complete(w, &en, CHANNEL_OK, en.in_len, 0);
			channel_signal(w);
		}
		channel_wait(w);
	}
	_exit(0);
}

static void
test_two_processes_exchange_jobs_through_both_sleeps(void **state)
{
	struct channel_fds		 fds;
	struct ends			 e;
	int				 status;
	pid_t				 pid;

	(void)state;
	assert_int_equal(channel_new(&fifo_config, 1, &e.ch, &fds), 0);
	if ((pid = fork()) == 0)
		run_worker(&fds);
	close(fds.a);
	close(fds.b);
	close(fds.event);
	for (int i = 0; i < 3000; i++) {
		char				 text[16];
		struct channel_completion	 c;
		const char			*why;
		uint64_t			 count;
		int				 rc;

		snprintf(text, sizeof(text), "job %d", i);
		if (i % 500 == 0)
			usleep(2000);		/* it is asleep by now, or soon: both must work */
		submit(&e, &e, text, 16);
		while ((rc = channel_harvest(e.ch, &c, &why)) == 0) {
			struct pollfd	p = { .fd = channel_event_fd(e.ch), .events = POLLIN };

			channel_arm(e.ch);
			channel_fence();
			if (!channel_pending(e.ch)) {
				assert_int_equal(poll(&p, 1, 10000), 1);
				assert_int_equal(read(p.fd, &count, sizeof(count)), sizeof(count));
			}
			channel_disarm(e.ch);
		}
		assert_int_equal(rc, 1);
		assert_int_equal(c.out_len, strlen(text));
		assert_memory_equal(c.output, text, c.out_len);
		channel_release(e.ch, c.token);
	}
	channel_stop(e.ch);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 0);
	channel_free(e.ch);
}

/* ---- hints ---- */

static void
test_the_suspect_of_a_fifo_is_its_oldest_attempt(void **state)
{
	struct ends	e = ends_new(&fifo_config);
	uint64_t	a = submit(&e, &e, "a", 16), b = submit(&e, &e, "b", 16);

	(void)state;
	channel_running(e.w, 0, b);		/* what the worker says does not matter */
	assert_true(channel_suspect(e.ch, a));
	assert_false(channel_suspect(e.ch, b));
	assert_false(channel_suspect(e.ch, 12345));
	ends_free(&e);
}

static void
test_suspects_of_a_slot_table_are_what_the_worker_names(void **state)
{
	struct ends	e = ends_new(&slot_config);
	uint64_t	t[3];

	(void)state;
	for (int i = 0; i < 3; i++)
		t[i] = submit(&e, &e, "a", 16);
	channel_running(e.w, 0, t[1]);
	channel_running(e.w, channel_runs(e.w), t[2]);	/* the loop's */
	assert_false(channel_suspect(e.ch, t[0]));
	assert_true(channel_suspect(e.ch, t[1]));
	assert_true(channel_suspect(e.ch, t[2]));
	channel_running(e.w, 0, 0);
	assert_false(channel_suspect(e.ch, t[1]));
	ends_free(&e);
}

static void
test_progress_is_told_and_made_safe(void **state)
{
	struct ends		 e = ends_new(&slot_config);
	struct channel_progress	 p = { .done = 3, .total = 10 }, got;
	struct channel_entry	 en;
	struct shm_progress	*area;
	uint64_t		 token = submit(&e, &e, "a", 16), other = submit(&e, &e, "b", 16);

	(void)state;
	assert_true(channel_take(e.w, &en));
	assert_false(channel_progress_read(e.ch, token, &got));
	strcpy(p.text, "caf\xc3\xa9");
	channel_progress_write(e.w, &en, &p);
	assert_true(channel_progress_read(e.ch, token, &got));
	assert_true(got.done == 3 && got.total == 10);
	assert_string_equal(got.text, "caf\xc3\xa9");
	assert_false(channel_progress_read(e.ch, other, &got));

	memset(p.text, 'x', sizeof(p.text));	/* no end */
	p.text[20] = '\xff';
	channel_progress_write(e.w, &en, &p);
	assert_true(channel_progress_read(e.ch, token, &got));
	assert_int_equal(strlen(got.text), 20);
	memset(p.text, 'x', sizeof(p.text));
	p.text[46] = '\xc3';			/* a sequence that the end cuts */
	channel_progress_write(e.w, &en, &p);
	assert_true(channel_progress_read(e.ch, token, &got));
	assert_int_equal(strlen(got.text), 46);

	area = (struct shm_progress *)(void *)((char *)e.b + e.at.progress) + en.slot;
	area->version |= 1;			/* killed while it wrote */
	assert_false(channel_progress_read(e.ch, token, &got));
	channel_progress_write(e.w, &en, &p);
	assert_true(channel_progress_read(e.ch, token, &got));
	channel_complete(e.w, &en, CHANNEL_OK, 0, 0);
	harvest(&e);
	assert_false(channel_progress_read(e.ch, token, &got));
	ends_free(&e);
}

int
main(void)
{
	const struct CMUnitTest	tests[] = {
		cmocka_unit_test(test_an_entry_crosses_and_its_result_comes_back),
		cmocka_unit_test(test_a_slot_is_taken_until_its_output_is_released),
		cmocka_unit_test(test_a_refused_submit_leaks_no_chunk),
		cmocka_unit_test(test_positions_wrap_around_the_32_bits),
		cmocka_unit_test(test_a_slot_table_completes_in_any_order),
		cmocka_unit_test(test_a_large_result_is_kept_and_fetched_in_pieces),
		cmocka_unit_test(test_harvested_word_advances_without_a_gap),
		cmocka_unit_test(test_the_usage_of_a_run_comes_back),
		cmocka_unit_test(test_what_is_no_run_has_no_usage),
		cmocka_unit_test(test_a_stall_is_told_once_and_only_of_an_attempt_in_flight),
		cmocka_unit_test(test_each_forgery_is_named),
		cmocka_unit_test(test_a_completion_cannot_be_replayed),
		cmocka_unit_test(test_a_broken_channel_stays_broken_and_keeps_nobody_awake),
		cmocka_unit_test(test_waking_the_broker_for_nothing_is_found),
		cmocka_unit_test(test_the_worker_cannot_write_region_a),
		cmocka_unit_test(test_region_b_cannot_shrink_under_the_broker),
		cmocka_unit_test(test_a_forked_child_does_not_have_the_regions),
		cmocka_unit_test(test_a_worker_refuses_memory_that_is_no_channel),
		cmocka_unit_test(test_a_configuration_out_of_range_is_refused),
		cmocka_unit_test(test_a_sleeping_worker_is_kicked_once),
		cmocka_unit_test(test_a_worker_that_reads_no_kicks_does_not_block_the_broker),
		cmocka_unit_test(test_the_broker_is_woken_once_per_sleep),
		cmocka_unit_test(test_cancel_reaches_the_attempt_and_wakes_the_loop),
		cmocka_unit_test(test_stop_comes_after_the_last_entry),
		cmocka_unit_test(test_two_processes_exchange_jobs_through_both_sleeps),
		cmocka_unit_test(test_the_suspect_of_a_fifo_is_its_oldest_attempt),
		cmocka_unit_test(test_suspects_of_a_slot_table_are_what_the_worker_names),
		cmocka_unit_test(test_progress_is_told_and_made_safe),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
