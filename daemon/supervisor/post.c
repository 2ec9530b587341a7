/* post.c - the conversation with the broker.  Runs in: supervisor. */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/pidfd.h>
#include <unistd.h>

#include "daemon/supervisor/supervisor.h"
#include "lib/alloc.h"
#include "lib/clock.h"
#include "lib/fd.h"
#include "lib/log.h"
#include "lib/title.h"

/* A message that the socket had no room for. */
struct letter {
	struct list		link;
	struct control_msg	msg;
	int			fds[CONTROL_FDS_MAX];	/* ours */
	size_t			nfds;
};

static void
free_letter(struct letter *l)
{
	while (l->nfds > 0)
		fd_close(&l->fds[--l->nfds]);
	free(l);
}

void
post_send(struct supervisor *s, const struct control_msg *m, const int *fds, size_t nfds)
{
	struct letter	*l;

	if (s->control < 0)
		return;
	/* Another error than -EAGAIN is the broker's death, of which SIGCHLD tells. */
	if (list_empty(&s->outbox) && control_send(s->control, m, fds, nfds) != -EAGAIN)
		return;
	l = mem_zalloc(1, sizeof(*l));
	l->msg = *m;
	for (; l->nfds < nfds; l->nfds++)
		l->fds[l->nfds] = fcntl(fds[l->nfds], F_DUPFD_CLOEXEC, 0);
	list_push_back(&s->outbox, &l->link);
}

void
post_signal(struct supervisor *s, enum control_kind kind, int64_t deadline_ms)
{
	struct control_msg	m;

	memset(&m, 0, sizeof(m));
	m.kind = kind;
	m.deadline_ms = deadline_ms;
	post_send(s, &m, NULL, 0);
}

/* fd: a memfd, closed here, or -errno. */
static void
post_text(struct supervisor *s, enum control_kind kind, int fd)
{
	struct control_msg	m;

	if (fd < 0) {
		log_error("settings, types or certificate not handed over errno=%d", -fd);
		return;
	}
	memset(&m, 0, sizeof(m));
	m.kind = kind;
	post_send(s, &m, &fd, 1);
	close(fd);
}

void
post_settings(struct supervisor *s)
{
	post_text(s, CONTROL_SETTINGS, settings_share(&s->plan->settings));
}

void
post_catalog(struct supervisor *s)
{
	post_text(s, CONTROL_CATALOG, catalog_share(&s->catalog));
}

void
post_tls(struct supervisor *s)
{
	if (s->plan->tls.pem[TLS_CERTIFICATE] != NULL)
		post_text(s, CONTROL_TLS, tls_files_share(&s->plan->tls));
}

void
post_flush(struct supervisor *s)
{
	while (s->control >= 0 && !list_empty(&s->outbox)) {
		struct letter	*l = list_entry(s->outbox.next, struct letter, link);

		if (control_send(s->control, &l->msg, l->fds, l->nfds) == -EAGAIN)
			return;
		list_remove(&l->link);
		free_letter(l);
	}
}

void
post_close(struct supervisor *s)
{
	struct list	*node;

	while ((node = list_pop(&s->outbox)) != NULL)
		free_letter(list_entry(node, struct letter, link));
	fd_close(&s->control);
}

/* ---- reading ---- */

static void
on_ready(struct supervisor *s)
{
	bool	first = !s->respawn.ever_ready;

	respawn_ready(&s->respawn, clock_mono_ns());
	log_info("broker serves pid=%d", (int)s->broker.pid);
	if (first)
		s->plan->serving(s->plan);
	service_serves(&s->service);
}

static void
on_title(const struct control_msg *m)
{
	char	title[sizeof(m->text) + 32];

	if (m->text[0] == '\0')
		snprintf(title, sizeof(title), "jobd: supervisor");
	else
		snprintf(title, sizeof(title), "jobd: supervisor [%s]", m->text);
	title_set(title);
}

static void
take_message(struct supervisor *s, const struct control_msg *m, const int *fds, size_t nfds)
{
	switch ((enum control_kind)m->kind) {
	case CONTROL_START:
		if (s->broker.pid != 0)
			workers_start(s, m, fds, nfds);
		break;
	case CONTROL_READY:
		on_ready(s);
		break;
	case CONTROL_KILL:
		workers_kill(s, m);
		break;
	case CONTROL_TITLE:
		on_title(m);
		break;
	case CONTROL_ALIVE:
		service_broker_alive(&s->service, m->text, clock_mono_ns());
		break;
	case CONTROL_WANT_RELOAD:
		reload_wanted(s, m);
		break;
	case CONTROL_RELOADED:
		reload_answered(s, m);
		break;
	case CONTROL_FAILED:
		log_error("broker cannot serve: %s", m->text);
		s->failed = true;
		break;
	default:
		log_warn("the broker's message makes no sense kind=%u", m->kind);
	}
}

bool
post_read(struct supervisor *s)
{
	struct control_msg	m;
	int			fds[CONTROL_FDS_MAX], rc = 1;
	size_t			nfds;

	for (int i = 0; i < POST_BUDGET && s->control >= 0; i++) {
		if ((rc = control_receive(s->control, &m, fds, &nfds)) != 1)
			break;
		take_message(s, &m, fds, nfds);
		while (nfds > 0)
			fd_close(&fds[--nfds]);
	}
	if (rc == 1 || rc == -EAGAIN)
		return rc == 1 && s->control >= 0;
	post_close(s);
	if (s->broker.pid == 0)
		return false;
	/*
	 * It may be dying already.  One that lives cannot be reached any more, so it must not go
	 * on.
	 */
	log_at(s->stop == STOP_NOT ? LOG_LEVEL_WARN : LOG_LEVEL_DEBUG,
	    "conversation with the broker ended pid=%d errno=%d", (int)s->broker.pid, -rc);
	pidfd_send_signal(s->broker.pidfd, SIGKILL, NULL, 0);
	return false;
}
