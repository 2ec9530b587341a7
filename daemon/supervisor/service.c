/* service.c - the words to the service manager, and when they are said.  Runs in: supervisor. */
#include "daemon/supervisor/service.h"

#include <errno.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/time.h>
#include <unistd.h>

#include "lib/clock.h"
#include "lib/fd.h"
#include "lib/log.h"

#define SIGNS		4		/* of life, in the time of the manager's patience */
#define SIGN_MAX_MS	5000		/* and so often at least: status is told with them */
#define SIGN_MIN_MS	20
#define EXTENSION_MS	30000		/* more time is asked for in pieces of this */
#define OPEN_NS		(15 * 60 * NS_PER_S)	/* to check and open a large store after a crash */
#define SEND_MS		1000		/* a manager that does not read may hold us up for so long */

/* ---- words ---- */

/* How jobd's life goes must be heard, for a second; all else is said again soon. */
static void __attribute__((format(printf, 3, 4)))
say(const struct service *v, int flags, const char *fmt, ...)
{
	char	text[sizeof(v->status) + 128];
	va_list	ap;
	int	n;

	if (v->socket < 0)
		return;
	va_start(ap, fmt);
	n = vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	if (n < 0 || (size_t)n >= sizeof(text))
		return;
	while (sendto(v->socket, text, (size_t)n, flags | MSG_NOSIGNAL,
	    (const struct sockaddr *)&v->address, v->address_len) < 0) {
		if (errno == EINTR)
			continue;
		log_debug("the service manager does not hear errno=%d", errno);
		return;
	}
}

static void
say_alive(const struct service *v)
{
	if (v->watchdog_ns > 0)
		say(v, MSG_DONTWAIT, "WATCHDOG=1\n");
	if (v->phase != SERVICE_SERVES)
		say(v, MSG_DONTWAIT, "EXTEND_TIMEOUT_USEC=%lld\n", EXTENSION_MS * 1000LL);
}

/* What an administrator has to mend comes before the figures. */
static void
print_status(const struct service *v, char *out, size_t size)
{
	if (v->refused[0] == '\0' || v->phase == SERVICE_STOPS)
		snprintf(out, size, "%s", v->things);
	else
		snprintf(out, size, "reload failed: %s; the old configuration stays%s%s", v->refused,
		    v->things[0] == '\0' ? "" : "; ", v->things);
}

/* Said when it is another than before. */
static void
say_status(struct service *v)
{
	char	text[sizeof(v->status)], line[sizeof(v->status)];

	print_status(v, text, sizeof(text));
	log_escape(line, sizeof(line), text, strlen(text));
	if (strcmp(line, v->status) == 0)
		return;
	memcpy(v->status, line, sizeof(line));
	say(v, MSG_DONTWAIT, "STATUS=%s\n", v->status);
}

static void
set_things(struct service *v, const char *text)
{
	snprintf(v->things, sizeof(v->things), "%s", text);
	say_status(v);
}

/* ---- life ---- */

/* A path, or a name that is in no file system, with `@` for the NUL that it begins with. */
static bool
take_address(struct service *v, const char *text)
{
	size_t	len = strlen(text);

	if ((text[0] != '/' && text[0] != '@') || len < 2 || len >= sizeof(v->address.sun_path))
		return false;
	v->address.sun_family = AF_UNIX;
	memcpy(v->address.sun_path, text, len);
	if (text[0] == '@')
		v->address.sun_path[0] = '\0';
	v->address_len = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + len);
	return true;
}

static int
open_socket(void)
{
	struct timeval	patience = { .tv_sec = SEND_MS / 1000 };
	int		fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	if (fd >= 0)
		setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof(patience));
	return fd;
}

/* The whole text is a number above 0, in decimal. */
static int64_t
number(const char *text)
{
	char		*end;
	long long	 n;

	if (text == NULL || text[0] < '0' || text[0] > '9')
		return 0;
	errno = 0;
	n = strtoll(text, &end, 10);
	return *end == '\0' && errno == 0 ? n : 0;
}

/* WATCHDOG_PID says whom the interval is for, where it is set. */
static int64_t
read_watchdog(void)
{
	const char	*pid = getenv("WATCHDOG_PID");
	int64_t		 usec = number(getenv("WATCHDOG_USEC"));

	if ((pid != NULL && number(pid) != getpid()) || usec > INT64_MAX / 1000)
		return 0;
	return usec * 1000;
}

void
service_open(struct service *v, int64_t now_ns)
{
	const char	*text = getenv("NOTIFY_SOCKET");

	memset(v, 0, sizeof(*v));
	v->socket = text != NULL && take_address(v, text) ? open_socket() : -1;
	if (text != NULL && v->socket < 0)
		log_warn("the service manager cannot be told anything NOTIFY_SOCKET=\"%s\"", text);
	if (v->socket >= 0) {
		v->watchdog_ns = read_watchdog();
		v->tick_ns = now_ns;
	}
	service_broker_starts(v, now_ns);
	unsetenv("NOTIFY_SOCKET");
	unsetenv("WATCHDOG_USEC");
	unsetenv("WATCHDOG_PID");
}

void
service_close(struct service *v)
{
	fd_close(&v->socket);
}

int64_t
service_sign_ms(const struct service *v)
{
	int64_t	ms = v->watchdog_ns / NS_PER_MS / SIGNS;

	if (v->socket < 0)
		return 0;
	if (v->watchdog_ns == 0 || ms > SIGN_MAX_MS)
		return SIGN_MAX_MS;
	return ms < SIGN_MIN_MS ? SIGN_MIN_MS : ms;
}

/* ---- the broker ---- */

void
service_broker_starts(struct service *v, int64_t now_ns)
{
	v->patience_ns = now_ns + OPEN_NS;
}

void
service_broker_alive(struct service *v, const char *text, int64_t now_ns)
{
	v->patience_ns = now_ns;
	say_alive(v);
	set_things(v, text);
}

/* ---- jobd ---- */

void
service_serves(struct service *v)
{
	if (v->phase != SERVICE_STARTS)
		return;
	v->phase = SERVICE_SERVES;
	say(v, 0, "READY=1\nSTATUS=serves\n");
}

void
service_reloads(struct service *v, int64_t now_ns)
{
	if (v->phase == SERVICE_SERVES)
		say(v, 0, "RELOADING=1\nMONOTONIC_USEC=%lld\n", (long long)(now_ns / 1000));
}

void
service_reloaded(struct service *v, const char *why)
{
	snprintf(v->refused, sizeof(v->refused), "%s", why == NULL ? "" : why);
	say_status(v);
	if (v->phase == SERVICE_SERVES)
		say(v, 0, "READY=1\n");
}

void
service_stops(struct service *v, const char *text, int64_t now_ns, int64_t until_ns)
{
	bool	first = v->phase != SERVICE_STOPS;

	v->phase = SERVICE_STOPS;
	v->stop_ns = until_ns;
	if (first)
		say(v, 0, "STOPPING=1\n");
	set_things(v, text);
	v->tick_ns = now_ns;
}

/* ---- what is said again and again ---- */

int64_t
service_next_ns(const struct service *v)
{
	return v->socket < 0 ? 0 : v->tick_ns;
}

/*
 * While a broker opens its store we speak for it, and on the way to the end for all: that has a
 * limit of its own, which we keep.
 */
void
service_tick(struct service *v, int64_t now_ns)
{
	if (v->socket < 0 || now_ns < v->tick_ns)
		return;
	v->tick_ns = now_ns + service_sign_ms(v) * NS_PER_MS;
	if (now_ns < (v->phase == SERVICE_STOPS ? v->stop_ns : v->patience_ns))
		say_alive(v);
}
