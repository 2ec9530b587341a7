/*
 * service.h - what the service manager that started us is told, if one did: sd_notify(3).
 *
 * The protocol is a datagram of assignments to the socket that NOTIFY_SOCKET names, so it takes no
 * library; where nothing names one, nothing is said.  The manager hears when jobd serves, reloads
 * and stops, how things are, and, while the broker shows signs of life, that jobd lives: with
 * WATCHDOG_USEC it restarts us when that is not heard for so long.  A start and a stop that make
 * headway are given more time than was planned for them.
 */
#ifndef SUPERVISOR_SERVICE_H
#define SUPERVISOR_SERVICE_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/socket.h>
#include <sys/un.h>

enum service_phase { SERVICE_STARTS, SERVICE_SERVES, SERVICE_STOPS };

struct service {
	int			 socket;	/* -1: nobody wants to know */
	struct sockaddr_un	 address;
	socklen_t		 address_len;
	int64_t			 watchdog_ns;	/* 0: nobody waits for signs of life */
	enum service_phase	 phase;
	int64_t			 tick_ns;	/* when to say something by ourselves */
	int64_t			 patience_ns;	/* until then a broker's silence is no fault */
	int64_t			 stop_ns;	/* the end comes by then */
	char			 things[512];	/* how they are, in the broker's words */
	char			 refused[512];	/* why the last reload was; "": it was not */
	char			 status[1200];	/* what was said of both, escaped */
};

/* Reads the environment and takes what it finds out of it: our children are not whom it is for. */
void service_open(struct service *v, int64_t now_ns);
void service_close(struct service *v);
/*
 * So often the broker has to give a sign of life (service_broker_alive); 0: never.  Several are
 * given before the manager loses its patience.
 */
int64_t service_sign_ms(const struct service *v);

/* There is no broker, or one that is still opening its store, which takes the time it takes. */
void service_broker_starts(struct service *v, int64_t now_ns);
/* The broker's loop and its store live; text says how things are. */
void service_broker_alive(struct service *v, const char *text, int64_t now_ns);

void service_serves(struct service *v);
/* Between the two the manager knows that what it asked for is being done. */
void service_reloads(struct service *v, int64_t now_ns);
/* NULL, or why all stays as it was: the status says so until the next reload. */
void service_reloaded(struct service *v, const char *why);
/* The end comes by until_ns; may be said again. */
void service_stops(struct service *v, const char *text, int64_t now_ns, int64_t until_ns);

/* When service_tick has something to say, 0: never. */
int64_t service_next_ns(const struct service *v);
void service_tick(struct service *v, int64_t now_ns);

#endif
