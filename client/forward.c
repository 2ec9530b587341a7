/* forward.c - signals of ours to the job that we stand for.  Runs in: jobctl. */
#include "client/forward.h"

#include <stdlib.h>
#include <string.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include "lib/alloc.h"
#include "lib/fd.h"

static const int forwarded[] = {
	SIGINT, SIGTERM, SIGHUP, SIGQUIT, SIGUSR1, SIGUSR2, SIGTSTP, SIGCONT
};

static bool
is_ignored(int number)
{
	struct sigaction	sa;

	return sigaction(number, NULL, &sa) == 0 && sa.sa_handler == SIG_IGN;
}

void
forward_begin(struct forward *fw, struct ctl *ctl)
{
	*fw = (struct forward){ .ctl = ctl };
	sigemptyset(&fw->set);
	for (size_t i = 0; i < sizeof(forwarded) / sizeof(forwarded[0]); i++)
		if (!is_ignored(forwarded[i]))
			sigaddset(&fw->set, forwarded[i]);
	sigprocmask(SIG_BLOCK, &fw->set, &fw->before);
	fw->fd = signalfd(-1, &fw->set, SFD_CLOEXEC | SFD_NONBLOCK);
}

void
forward_end(struct forward *fw)
{
	fd_close(&fw->fd);
	sigprocmask(SIG_SETMASK, &fw->before, NULL);
}

void
forward_die(struct forward *fw, int number)
{
	signal(number, SIG_DFL);
	forward_end(fw);
	raise(number);
}

/* ---- requests ---- */

/* Refusals are about a job that has ended meanwhile, and its outcome is on its way. */
static void
on_answer(struct jobd_future *future, void *data)
{
	const struct jobd_error	*err = jobd_error(future);
	struct ctl		*ctl = data;

	if (err != NULL && err->code < 0 && strcmp(err->kind, "conflict") != 0)
		ctl_say(ctl, "%s (%s)", err->message, err->kind);
	jobd_forget(future);
}

/* Stopped together: once the job has stopped, so do we. */
static void
on_stopped(struct jobd_future *future, void *data)
{
	on_answer(future, data);
	raise(SIGSTOP);
}

static void
ask(struct forward *fw, const char *method, const char *name,
    void (*done)(struct jobd_future *, void *))
{
	struct jobd_future	*future;
	char			*params;

	if (fw->ctl->conn == NULL)
		return;
	params = name == NULL ? mem_printf("{\"id\":%llu}", (unsigned long long)fw->id) :
	    mem_printf("{\"id\":%llu,\"signal\":\"%s\"}", (unsigned long long)fw->id, name);
	future = jobd_start(fw->ctl->conn, method, params, NULL);
	free(params);
	if (future != NULL)
		jobd_on_done(future, done, fw->ctl);
}

void
forward_send(struct forward *fw, const char *name)
{
	ask(fw, "job.signal", name, on_answer);
}

/* ---- signals ---- */

static void
end_job(struct forward *fw, int number)
{
	unsigned long long	id = fw->id;

	switch (++fw->ends) {
	case 1:
		fw->ended_by = number;
		ctl_say(fw->ctl, "cancelling job %llu; once more kills it", id);
		ask(fw, "job.cancel", NULL, on_answer);
		break;
	case 2:
		ctl_say(fw->ctl, "killing job %llu; once more leaves it alone", id);
		ask(fw, "job.signal", "KILL", on_answer);
		break;
	default:
		fw->leave = true;
		break;
	}
}

void
forward_read(struct forward *fw)
{
	struct signalfd_siginfo	info;
	int			number;

	if (read(fw->fd, &info, sizeof(info)) != (ssize_t)sizeof(info))
		return;
	number = (int)info.ssi_signo;
	if (number == SIGINT || number == SIGTERM)
		end_job(fw, number);
	else if (number == SIGTSTP)
		ask(fw, "job.signal", "STOP", on_stopped);
	else
		ask(fw, "job.signal", sigabbrev_np(number), on_answer);
}
