/* main.c - jobd: what the operator asked for, prepared, then supervised.  Runs in: supervisor. */
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "daemon/supervisor/activation.h"
#include "daemon/supervisor/background.h"
#include "daemon/supervisor/keep.h"
#include "daemon/supervisor/supervisor.h"
#include "lib/alloc.h"
#include "lib/buf.h"
#include "lib/fd.h"
#include "lib/journal.h"
#include "lib/log.h"
#include "lib/title.h"

#define READY_MS	1000	/* who waits for the ready line and does not read gets so long */
#define WHY_BYTES	1280

/*
 * 0 is /dev/null, 1 and 2 are open, then come the sockets that were passed on, and nothing that our
 * starter forgot to close lives on in children.
 */
static void
clean_descriptors(void)
{
	unsigned	sockets = (unsigned)activation_take();
	int		fd = open("/dev/null", O_RDWR);

	while (fd >= 0 && fd <= STDERR_FILENO)
		fd = dup(fd);
	if (fd >= 0)
		dup2(fd, STDIN_FILENO);
	close_range(STDERR_FILENO + 1 + sockets, UINT_MAX, 0);
}

/* Inherited by all that is started: private files, no dumps of secrets, room for connections. */
static void
set_limits(void)
{
	struct rlimit	files, none = { 0, 0 };

	umask(0077);
	setrlimit(RLIMIT_CORE, &none);
	if (getrlimit(RLIMIT_NOFILE, &files) == 0) {
		files.rlim_cur = files.rlim_max;
		setrlimit(RLIMIT_NOFILE, &files);
	}
	signal(SIGPIPE, SIG_IGN);
}

/*
 * Inherited too.  glibc keeps 7 freed chunks of a size at hand, but a turn of the broker forgets as
 * many jobs as its clients have in flight, and then takes as many new ones.
 */
static void
set_malloc(void)
{
	setenv("GLIBC_TUNABLES", "glibc.malloc.tcache_count=256", 0);
}

/* To the operator; text of files and arguments is in it, so it is escaped like a log line. */
static int
complain(int exit_code, const char *why)
{
	char	line[2 * WHY_BYTES];

	log_escape(line, sizeof(line), why, strlen(why));
	fprintf(stderr, "jobd: %s\n", line);
	return exit_code;
}

static int
print_and_free(char *text)
{
	int	rc = fputs(text, stdout) >= 0 && fflush(stdout) == 0 ? 0 : EXIT_INTERNAL;

	free(text);
	return rc;
}

/* Who waits for this line must not be able to hold us up for ever. */
static void
print_ready(const struct plan *p)
{
	struct pollfd	out = { .fd = STDOUT_FILENO, .events = POLLOUT };
	struct buf	line = { 0 };

	buf_puts(&line, "ready");
	for (size_t i = 0; i < p->nlisteners; i++)
		buf_printf(&line, " %s", p->listeners[i].text);
	buf_putc(&line, '\n');
	if (poll(&out, 1, READY_MS) != 1 ||
	    fd_write_all(STDOUT_FILENO, buf_data(&line), buf_len(&line)) != 0)
		log_warn("nobody reads the ready line");
	buf_free(&line);
	background_serving();
}

static int
keep(const struct options *o)
{
	char	why[WHY_BYTES] = "";
	int	rc = keep_store(o, why, sizeof(why));

	return why[0] == '\0' ? rc : complain(rc, why);
}

/* Each wrong file is named; one is enough for EXIT_CONFIG. */
static int
check_types(const struct plan *p)
{
	struct catalog	c;
	int		rc = 0;

	plan_read_catalog(p, p->jobs_dir, &c);
	list_for (node, &c.faults) {
		struct buf	text = { 0 };

		catalog_fault_print(list_entry(node, struct catalog_fault, link), &text);
		buf_putc(&text, '\0');
		rc = complain(EXIT_CONFIG, buf_data(&text));
		buf_free(&text);
	}
	catalog_free(&c);
	return rc;
}

static int
run(const struct options *o)
{
	struct plan		p;
	struct config_fault	fault;
	char			why[WHY_BYTES];
	int			rc;

	if ((rc = plan_make(&p, o, &fault)) != 0) {
		config_fault_print(&fault, why, sizeof(why));
		goto out;
	}
	plan_log(&p);
	if ((rc = plan_find_programs(&p, why, sizeof(why))) != 0)
		goto out;
	if ((rc = plan_check_tls(&p, p.broker_program, &fault)) != 0) {
		config_fault_print(&fault, why, sizeof(why));
		goto out;
	}
	if (o->check_config) {
		rc = check_types(&p);
		plan_free(&p);
		return rc;
	}
	if (o->daemonize)
		background_start();
	if ((rc = plan_open(&p, o, why, sizeof(why))) != 0)
		goto out;
	p.serving = print_ready;
	title_set("jobd: supervisor");
	rc = supervise(&p);
	plan_free(&p);
	log_info("ended exit=%d", rc);
	return rc;
out:
	plan_free(&p);
	return rc == 0 ? 0 : complain(rc, why);
}

int
main(int argc, char **argv)
{
	struct options	o;
	char		why[WHY_BYTES];
	int		rc;

	title_init(&argc, argv);
	clean_descriptors();
	journal_use(JOURNAL_SOCKET);
	set_limits();
	set_malloc();
	if ((rc = options_parse(&o, argc, argv, why, sizeof(why))) != 0)
		complain(rc, why);
	else if (o.help)
		rc = print_and_free(options_help());
	else if (o.help_settings)
		rc = print_and_free(options_help_settings());
	else if (o.version)
		rc = print_and_free(mem_printf("jobd %s\n", PACKAGE_VERSION));
	else if (o.check_store || o.export_file != NULL || o.import_file != NULL)
		rc = keep(&o);
	else
		rc = run(&o);
	options_free(&o);
	return rc;
}
