/*
 * channel_create.c - makes the two regions and the wake-ups of a channel, and frees them.  Runs in:
 * broker, loop thread.
 */
#include "proto/channel_broker.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#include "lib/alloc.h"
#include "lib/fd.h"

/*
 * Region A: mapped before it is sealed, because no writable mapping can be made afterwards, by
 * anybody.  Region B: its size is fixed, so that reading it cannot fault, whatever the worker does
 * to the file.
 */
static int
map_regions(struct channel *ch, int a, int b)
{
	const int	size_seals = F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL;

	if ((ch->a = shm_map(a, ch->at.a_bytes, PROT_READ | PROT_WRITE)) == NULL)
		return -errno;
	if (fcntl(a, F_ADD_SEALS, F_SEAL_FUTURE_WRITE | size_seals) < 0)
		return -errno;
	if ((ch->b = shm_map(b, ch->at.b_bytes, PROT_READ)) == NULL)
		return -errno;
	if (fcntl(b, F_ADD_SEALS, size_seals) < 0)
		return -errno;
	return 0;
}

static int
make_wakeups(struct channel *ch, struct channel_fds *fds)
{
	int	pair[2];

	if ((ch->event = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)) < 0)
		return -errno;
	if ((fds->event = fcntl(ch->event, F_DUPFD_CLOEXEC, 0)) < 0)
		return -errno;
	if (ch->cfg.kick == CHANNEL_KICK_FUTEX)
		return 0;
	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, pair) < 0)
		return -errno;
	ch->kick = pair[0];
	fds->kick = pair[1];
	return 0;
}

/* b: the file of region B, whose tails must say "nothing" before the worker is there to say so. */
static int
start_rings(struct channel *ch, uint32_t first, int b)
{
	ch->a->header = (struct shm_header){
		.magic = SHM_MAGIC, .version = SHM_VERSION, .gen = ch->gen,
		.depth = ch->cfg.depth, .runs = ch->cfg.runs, .first = first, .kick = ch->cfg.kick,
		.in_bytes = ch->cfg.in_bytes, .out_bytes = ch->cfg.out_bytes,
	};
	ch->sq_tail = ch->published = ch->cq_head = ch->cq_seen = ch->settled = first;
	atomic_store_explicit(&ch->a->sq_tail, first, memory_order_relaxed);
	atomic_store_explicit(&ch->a->harvested, first, memory_order_relaxed);
	ch->lines_head = ch->lines_seen = first & ~7u;
	atomic_store_explicit(&ch->a->lines_head, ch->lines_head, memory_order_relaxed);
	if (pwrite(b, (uint32_t[]){ first, ch->lines_head }, 2 * sizeof(first),
	    offsetof(struct shm_b, cq_tail)) != 2 * sizeof(first))
		return -EIO;
	return 0;
}

static int
set_up(struct channel *ch, uint32_t first, struct channel_fds *fds)
{
	int	rc;

	if ((fds->a = shm_create("jobd-channel-a", ch->at.a_bytes)) < 0)
		return fds->a;
	if ((fds->b = shm_create("jobd-channel-b", ch->at.b_bytes)) < 0)
		return fds->b;
	if ((rc = map_regions(ch, fds->a, fds->b)) != 0)
		return rc;
	if ((rc = make_wakeups(ch, fds)) != 0)
		return rc;
	return start_rings(ch, first, fds->b);
}

int
channel_new_at(const struct channel_config *cfg, uint32_t gen, uint32_t first,
    struct channel **out, struct channel_fds *fds)
{
	struct channel_fds	 made = { -1, -1, -1, -1 };
	struct shm_layout	 at;
	struct channel		*ch;
	int			 rc;

	if (gen == 0)
		return -EINVAL;
	if ((rc = shm_layout(cfg->depth, cfg->runs, cfg->in_bytes, cfg->out_bytes, &at)) != 0)
		return rc;
	ch = mem_zalloc(1, sizeof(*ch));
	ch->cfg = *cfg;
	ch->at = at;
	ch->gen = gen;
	ch->event = ch->kick = -1;
	ch->mask = cfg->depth - 1;
	ch->slot_bits = (unsigned)__builtin_ctz(cfg->depth);
	ch->free_slot = ch->oldest = ch->newest = NO_SLOT;
	ch->in = arena_new(at.in, cfg->in_bytes);
	ch->out = arena_new(at.out, cfg->out_bytes);
	ch->slots = mem_zalloc(cfg->depth, sizeof(*ch->slots));
	ch->released = mem_zalloc(cfg->depth, 1);
	if ((rc = set_up(ch, first, &made)) != 0) {
		fd_close(&made.a);
		fd_close(&made.b);
		fd_close(&made.event);
		fd_close(&made.kick);
		channel_free(ch);
		return rc;
	}
	*out = ch;
	*fds = made;
	return 0;
}

int
channel_new(const struct channel_config *cfg, uint32_t gen, struct channel **out,
    struct channel_fds *fds)
{
	return channel_new_at(cfg, gen, 0, out, fds);
}

void
channel_free(struct channel *ch)
{
	if (ch == NULL)
		return;
	if (ch->a != NULL)
		munmap(ch->a, ch->at.a_bytes);
	if (ch->b != NULL)
		munmap((void *)(uintptr_t)ch->b, ch->at.b_bytes);
	fd_close(&ch->event);
	fd_close(&ch->kick);
	arena_free(ch->in);
	arena_free(ch->out);
	free(ch->slots);
	free(ch->released);
	free(ch);
}

int
channel_event_fd(const struct channel *ch)
{
	return ch->event;
}
