/*
 * channel_progress.c - the progress area of a slot: written by the thread that runs the attempt,
 * read by a broker that must not wait for it nor believe it.  Runs in: broker, workers.
 */
#include "proto/channel_layout.h"

#include <string.h>

#include "lib/utf8.h"

#define READ_TRIES	4

void
shm_progress_store(struct shm_progress *area, uint64_t token, const struct channel_progress *p)
{
	uint64_t	version = atomic_load_explicit(&area->version, memory_order_relaxed) | 1;
	uint64_t	words[SHM_TEXT_WORDS];

	memcpy(words, p->text, sizeof(words));
	/* Release on each word: whoever sees a new word sees the odd version too. */
	atomic_store_explicit(&area->version, version, memory_order_relaxed);
	atomic_store_explicit(&area->token, token, memory_order_release);
	atomic_store_explicit(&area->done, p->done, memory_order_release);
	atomic_store_explicit(&area->total, p->total, memory_order_release);
	for (size_t i = 0; i < SHM_TEXT_WORDS; i++)
		atomic_store_explicit(&area->text[i], words[i], memory_order_release);
	atomic_store_explicit(&area->version, version + 1, memory_order_release);
}

/* NUL-terminated, and cut where it stops being UTF-8. */
static void
make_text_safe(char *text, size_t size)
{
	size_t	at = 0, n;

	while (text[at] != '\0' && (n = utf8_sequence(text + at, size - 1 - at)) > 0)
		at += n;
	memset(text + at, 0, size - at);
}

static bool
load_once(const struct shm_progress *area, uint64_t token, struct channel_progress *out)
{
	uint64_t	version = atomic_load_explicit(&area->version, memory_order_acquire);
	uint64_t	words[SHM_TEXT_WORDS], who;

	/* Acquire on each word: the version is read again after them. */
	who = atomic_load_explicit(&area->token, memory_order_acquire);
	out->done = atomic_load_explicit(&area->done, memory_order_acquire);
	out->total = atomic_load_explicit(&area->total, memory_order_acquire);
	for (size_t i = 0; i < SHM_TEXT_WORDS; i++)
		words[i] = atomic_load_explicit(&area->text[i], memory_order_acquire);
	memcpy(out->text, words, sizeof(words));
	return (version & 1) == 0 && who == token &&
	    atomic_load_explicit(&area->version, memory_order_relaxed) == version;
}

bool
shm_progress_load(const struct shm_progress *area, uint64_t token, struct channel_progress *out)
{
	struct channel_progress	p;

	for (int i = 0; i < READ_TRIES; i++) {
		if (!load_once(area, token, &p))
			continue;
		make_text_safe(p.text, sizeof(p.text));
		*out = p;
		return true;
	}
	return false;
}
