/*
 * catalog.h - the administrator's types and pools, read from jobs.dir: NAME.job and NAME.worker.
 *
 * The directory and each file in it belong to root, or to whoever starts jobd, and nobody else can
 * write them: who could, could run anything as anybody that a file may name.
 */
#ifndef SUPERVISOR_CATALOG_H
#define SUPERVISOR_CATALOG_H

#include <stdbool.h>

#include "daemon/supervisor/account.h"
#include "lib/buf.h"
#include "lib/list.h"
#include "proto/typefile.h"

/* A pool whose workers are started here. */
struct pool {
	struct list	 link;
	struct typefile	 file;
	struct account	 account;
};

/* Somebody beside the usual one whose commands a file names. */
struct exec_user {
	struct list	 link;
	struct account	 account;
};

struct catalog_fault {
	struct list	 link;
	char		*file;
	struct fault	 fault;
};

struct catalog {
	struct buf	 text;		/* proto/catalog.h */
	struct list	 pools, users, faults;
	size_t		 commands;	/* good ones */
};

/*
 * usual is who jobs run as when their file does not say it.  users: may they be others?  A
 * directory that does not exist is an empty one.  What is wrong is among the faults.
 */
void catalog_read(struct catalog *c, const char *dir, const struct account *usual, bool users);
void catalog_free(struct catalog *c);
/* *to is one that was freed; *from is empty afterwards. */
void catalog_move(struct catalog *to, struct catalog *from);
/* A sealed memfd with the text, for the caller to close; -errno. */
int catalog_share(const struct catalog *c);

const struct pool *catalog_pool(const struct catalog *c, const char *name);
const struct account *catalog_user(const struct catalog *c, const char *name);

/* `FILE:LINE: KEY WHY`, what there is of it. */
void catalog_fault_print(const struct catalog_fault *f, struct buf *out);

#endif
