/*
 * engine.h - what an engine of the store does; store.c leads each call of store.h to it.
 *
 * An engine's struct begins with a struct store.
 */
#ifndef STORE_ENGINE_H
#define STORE_ENGINE_H

#include "daemon/broker/store/store.h"

struct ids;

/* Each as the function of store.h with its name. */
struct store_engine {
	bool			 durable;
	void			 (*close)(struct store *s);
	/* store_set_keep; NULL: it has no history */
	void			 (*keep)(struct store *s, const struct store_config *cfg);
	void			 (*put)(struct store *s, struct store_op *op);
	void			 (*publish)(struct store *s);
	struct store_op		*(*done)(struct store *s);
	struct store_load	 (*load)(const struct store *s);
	void			 (*ask_sign)(struct store *s);
	bool			 (*answers)(const struct store *s);
	struct store_stats	 (*stats)(struct store *s);
	void			 (*ask)(struct store *s, struct store_query *q);
	struct store_query	*(*answered)(struct store *s);
	void			 (*recover)(struct store *s, size_t args_bytes);
	int			 (*next_found)(struct store *s, struct store_found *out, char *why,
				    size_t size);
};

struct store {
	const struct store_engine	*engine;
	struct ids			*ids;
	int				 event;		/* store_fd: an eventfd */
	uint64_t			 turn;		/* ends when a refusal is heard of */
};

#endif
