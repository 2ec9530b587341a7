/* journal.c - log lines as entries of the journal.  Runs in: every process, any thread. */
#include "lib/journal.h"

#include <ctype.h>
#include <errno.h>
#include <inttypes.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "lib/fd.h"
#include "lib/log.h"
#include "lib/log_fields.h"

#define NAME_BYTES	64		/* the journal's limit for the name of a field */

/* What does not fit is left out. */
struct entry {
	size_t	len;
	char	text[8192];
};

static int			journal = -1;
static _Atomic unsigned long	lost;		/* entries that nobody read */

/* ---- an entry ---- */

/* Bytes that are no text of one line come as \xNN. */
static void
add(struct entry *e, const char *name, const char *value, size_t len)
{
	size_t	begin = e->len, room = sizeof(e->text) - begin;
	int	n = snprintf(e->text + begin, room, "%s=", name);

	/* each byte may take four, then comes the newline */
	if (n < 0 || (size_t)n + 4 * len + 2 > room)
		return;
	e->len += (size_t)n;
	e->len += log_escape(e->text + e->len, sizeof(e->text) - e->len, value, len);
	e->text[e->len++] = '\n';
}

static void
begin(struct entry *e, enum log_level level, const char *name, const char *text, size_t len)
{
	static const char	priorities[] = { '3', '4', '6', '7' };	/* of syslog(3) */

	e->len = 0;
	add(e, "PRIORITY", &priorities[level], 1);
	add(e, "SYSLOG_IDENTIFIER", name, strlen(name));
	add(e, "MESSAGE", text, len);
}

static void
add_fact(struct entry *e, const char *key, size_t key_len, const char *value, size_t len)
{
	char	name[NAME_BYTES] = "JOBD_";
	size_t	at = strlen(name);

	if (key_len == 3 && memcmp(key, "job", 3) == 0) {
		key = "job_id";
		key_len = strlen(key);
	}
	for (size_t i = 0; i < key_len && at < sizeof(name) - 1; i++)
		name[at++] = (char)toupper((unsigned char)key[i]);
	name[at] = '\0';
	add(e, name, value, len);
}

/* 0; -EAGAIN: it does not read; other -errno: it is not there. */
static int
send_entry(const struct entry *e)
{
	while (send(journal, e->text, e->len, MSG_NOSIGNAL | MSG_DONTWAIT) < 0) {
		if (errno == EINTR)
			continue;
		return errno == EAGAIN || errno == ENOBUFS ? -EAGAIN : -errno;
	}
	return 0;
}

static void
tell_of_loss(struct entry *e, const char *name)
{
	unsigned long	count = atomic_exchange(&lost, 0);
	char		note[64];
	int		len;

	if (count == 0)
		return;
	len = snprintf(note, sizeof(note), "log lines lost count=%lu", count);
	begin(e, LOG_LEVEL_WARN, name, note, (size_t)len);
	if (send_entry(e) != 0)
		lost += count;
}

static bool __attribute__((format(printf, 3, 0)))
put(enum log_level level, const char *name, const char *fmt, va_list ap, const char *text,
    size_t len)
{
	struct log_field	f[LOG_FIELDS_MAX];
	struct entry		e;
	size_t			n = log_fields(fmt, ap, f);
	int			rc;

	tell_of_loss(&e, name);
	begin(&e, level, name, text, len);
	for (size_t i = 0; i < n && f[i].at <= len; i++)
		add_fact(&e, f[i].key, f[i].key_len, text + f[i].at,
		    f[i].len < len - f[i].at ? f[i].len : len - f[i].at);
	if ((rc = send_entry(&e)) == -EAGAIN)
		lost++;
	return rc == 0 || rc == -EAGAIN;
}

/* ---- the journal ---- */

/* JOURNAL_STREAM is `device:inode` of what our starter made standard error. */
static bool
stderr_is_journal(void)
{
	const char	*text = getenv("JOURNAL_STREAM");
	uintmax_t	 dev, ino;
	struct stat	 st;
	char		 end;

	return text != NULL && sscanf(text, "%ju:%ju%c", &dev, &ino, &end) == 2 &&
	    fstat(STDERR_FILENO, &st) == 0 && st.st_dev == dev && st.st_ino == ino;
}

static int
open_socket(const char *path)
{
	struct sockaddr_un	a = { .sun_family = AF_UNIX };
	int			fd;

	if (!stderr_is_journal() || strlen(path) >= sizeof(a.sun_path))
		return -1;
	memcpy(a.sun_path, path, strlen(path) + 1);
	if ((fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0)) < 0)
		return -1;
	if (connect(fd, (const struct sockaddr *)&a, sizeof(a)) == 0)
		return fd;
	close(fd);
	return -1;
}

bool
journal_use(const char *path)
{
	fd_close(&journal);
	if (path != NULL)
		journal = open_socket(path);
	log_set_sink(journal >= 0 ? put : NULL);
	return journal >= 0;
}
