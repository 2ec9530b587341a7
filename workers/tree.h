/*
 * tree.h - the processes of an attempt: its main one, and all that came of it.
 *
 * The worker is their subreaper: who loses its parent becomes the worker's child.  So a tree is
 * gone when none of the worker's children belongs to it, and that is how it is proved.  An orphan
 * belongs to the tree whose session it is in, or that its first environment names; of what tells
 * neither, nothing is known but that it is of an attempt that was running when it was found.
 */
#ifndef WORKERS_TREE_H
#define WORKERS_TREE_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "lib/list.h"

struct tree {
	struct list	link;		/* of all trees, in order of start */
	struct list	members;	/* that are known beside main */
	pid_t		main;		/* its session too; stays when it is dead */
	bool		main_alive;	/* not reaped yet */
	bool		killing;
	unsigned	children;	/* members that are the worker's children */
	uint64_t	job, fence, number;
};

/* 0 or -errno: the worker is a subreaper now, and can see its children. */
int tree_init(void);
void tree_fini(void);
void tree_begin(struct tree *t, pid_t main, uint64_t job, uint64_t fence);
/* Forgets it: after tree_is_gone. */
void tree_end(struct tree *t);
/*
 * The worker has reaped this child.  *was_main; NULL: it was of no tree.
 */
struct tree *tree_reaped(pid_t pid, bool *was_main);
/* To which tree does this main process belong?  NULL: it is none. */
struct tree *tree_of_main(pid_t pid);
/* Looks at the worker's children: who is new among them, and whose is it? */
void tree_look(void);
/* Is nothing left, as of the last tree_look? */
bool tree_is_gone(const struct tree *t);
/*
 * One pass: all that can be found is stopped, so that it makes no more, then killed.  Call it again
 * after the next deaths until the tree is gone.
 */
void tree_kill(struct tree *t);
/* CPU time of all that lives, and of what it has waited for. */
void tree_cpu(const struct tree *t, int64_t *user_us, int64_t *system_us);

#endif
