/*
 * ids.h - job ids and the boot counter, reserved durably before they are used.
 *
 * The file `ids` of the state directory says what has been given away: `boot` starts so far, and
 * ids below `next`.  It is replaced as a whole (written beside, synced, renamed, directory synced),
 * so a crash leaves the old one or the new one.  What is left of a block after a crash is skipped.
 * A thread reserves the next block while the first half of one is used: nobody waits for the disk.
 * The supervisor sees to it that a state directory has one broker at a time.
 */
#ifndef STORE_IDS_H
#define STORE_IDS_H

#include <stddef.h>
#include <stdint.h>

#define IDS_BLOCK	UINT64_C(1000000)
#define IDS_BOOTS	(UINT32_C(1) << 21)	/* a fence is boot << 32 and a counter, below
						 * 2^53 */

struct ids;

/*
 * Counts this boot and reserves the first block.  boot, next: what is known from elsewhere, a
 * database that was restored without its file `ids`; the file counts where it says more.
 * 0, or -errno with a sentence in why[size].
 */
int ids_open(const char *state_dir, uint32_t boot, uint64_t next, struct ids **out, char *why,
    size_t size);
/* No more are given: what is reserved and was not used is given back, and ids_reserved says so. */
void ids_end(struct ids *ids);
/* Ends, if that was not said before. */
void ids_close(struct ids *ids);
uint32_t ids_boot(const struct ids *ids);
/* An id never used before, below 2^53; 0: the next block is not reserved (yet). */
uint64_t ids_next(struct ids *ids);
/* All that were given, and more that may be, are below it. */
uint64_t ids_reserved(struct ids *ids);

#endif
