/* tls.c - the files of TLS, read and tried.  Runs in: supervisor. */
#include "daemon/supervisor/tls.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "daemon/supervisor/account.h"
#include "daemon/supervisor/launch.h"
#include "daemon/supervisor/options.h"
#include "lib/alloc.h"
#include "lib/fd.h"
#include "lib/owner.h"

static const char *const	names[TLS_PARTS] = {
	[TLS_CERTIFICATE] = "tls.certificate", [TLS_KEY] = "tls.key", [TLS_CLIENT_CA] = "tls.client_ca",
};

/* ---- files ---- */

/* Of systemd's, with the name of the setting; the caller frees; NULL: there is none. */
static char *
credential(enum tls_part part)
{
	const char	*dir = getenv("CREDENTIALS_DIRECTORY");
	char		*path;

	if (dir == NULL || dir[0] != '/')
		return NULL;
	path = mem_printf("%s/%s", dir, names[part]);
	if (access(path, F_OK) == 0)
		return path;
	free(path);
	return NULL;
}

/* Whoever can read the key can be this server; a group may, when it is root who lets it. */
static bool
is_secret(const struct stat *st)
{
	return (st->st_mode & 0027) == 0 && ((st->st_mode & 0040) == 0 || st->st_uid == 0);
}

/*
 * Credentials belong to the unit's User=, whom jobd is not, and are on a file system that nobody can
 * write: whose they are says nothing.
 */
static char *
read_opened(int fd, enum tls_part part, bool credential, char *why, size_t size)
{
	struct stat	 st;
	char		*text;
	ssize_t		 n;

	if (fstat(fd, &st) != 0 || !S_ISREG(st.st_mode)) {
		snprintf(why, size, "is not a regular file");
		return NULL;
	}
	if (part == TLS_KEY && !is_secret(&st)) {
		snprintf(why, size, "has mode %04o, so others may know the key; chmod 600",
		    (unsigned)st.st_mode & 07777);
		return NULL;
	}
	if (part == TLS_CLIENT_CA && !credential && !owner_trusted(&st, why, size))
		return NULL;		/* who can write it can be every client */
	if (st.st_size == 0 || st.st_size > TLS_FILE_BYTES_MAX) {
		snprintf(why, size, "%s", st.st_size == 0 ? "is empty" :
		    "is too large for what it should hold");
		return NULL;
	}
	text = mem_zalloc(1, (size_t)st.st_size + 1);
	if ((n = pread(fd, text, (size_t)st.st_size, 0)) == st.st_size)
		return text;
	snprintf(why, size, "cannot be read: %s", n < 0 ? strerror(errno) : "it was cut short");
	explicit_bzero(text, (size_t)st.st_size);
	free(text);
	return NULL;
}

static bool
read_part(struct tls_files *f, enum tls_part part, const char *given, char *why, size_t size)
{
	char	*path = given != NULL ? mem_strdup(given) : credential(part);
	char	 reason[160];
	bool	 good;
	int	 fd;

	if (path == NULL)
		return true;
	if ((fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK)) >= 0)
		f->pem[part] = read_opened(fd, part, given == NULL, reason, sizeof(reason));
	else
		snprintf(reason, sizeof(reason), "%s", strerror(errno));
	good = f->pem[part] != NULL;
	if (!good)
		snprintf(why, size, "%s: %s: %s", names[part], path, reason);
	fd_close(&fd);
	free(path);
	return good;
}

const char *
tls_read(const struct config *c, struct tls_files *out, char *why, size_t size)
{
	const char *const	given[TLS_PARTS] = {
		[TLS_CERTIFICATE] = c->tls_certificate, [TLS_KEY] = c->tls_key,
		[TLS_CLIENT_CA] = c->tls_client_ca,
	};
	struct tls_files	f = { .require_client = c->tls_require_client != 0 };

	for (int i = 0; i < TLS_PARTS; i++) {
		if (!read_part(&f, (enum tls_part)i, given[i], why, size)) {
			tls_files_free(&f);
			return names[i];
		}
	}
	*out = f;
	return NULL;
}

bool
tls_may_be_hidden(const struct tls_files *f)
{
	const char	*dir = getenv("CREDENTIALS_DIRECTORY");
	bool		 missing = f->pem[TLS_CERTIFICATE] == NULL || f->pem[TLS_KEY] == NULL ||
			    (f->require_client && f->pem[TLS_CLIENT_CA] == NULL);

	return missing && dir != NULL && access(dir, F_OK) != 0;
}

/* ---- tried ---- */

/* What the program says, until it ends. */
static void
hear(int fd, char *why, size_t size)
{
	size_t	len = 0;
	ssize_t	n;

	while (len < size - 1 && (n = read(fd, why + len, size - 1 - len)) != 0) {
		if (n > 0)
			len += (size_t)n;
		else if (errno != EINTR)
			break;
	}
	why[len] = '\0';
}

/* 0: they are good; 1: *why says what is wrong; -errno: it could not be asked. */
static int
ask(const char *program, const struct account *as, int files, char *why, size_t size)
{
	char		*argv[] = { mem_strdup("jobd-broker"), mem_strdup("--check-tls"), NULL };
	int		 said[2] = { -1, -1 }, fds[2], status = 0, rc;
	struct launch	 l = { .program = program, .argv = argv, .fds = fds, .nfds = 2, .as = as };
	struct child	 child;

	rc = pipe2(said, O_CLOEXEC) == 0 ? 0 : -errno;
	fds[0] = files;
	fds[1] = said[1];
	if (rc == 0)
		rc = launch(&l, &child);
	fd_close(&said[1]);
	if (rc == 0) {
		hear(said[0], why, size);
		while (waitpid(child.pid, &status, 0) < 0 && errno == EINTR)
			;
		fd_close(&child.pidfd);
		rc = WIFEXITED(status) && WEXITSTATUS(status) <= 1 ? WEXITSTATUS(status) : -ECHILD;
	}
	fd_close(&said[0]);
	free(argv[0]);
	free(argv[1]);
	return rc;
}

/* The setting with which the sentence begins. */
static const char *
blamed(const char *why)
{
	for (int i = 0; i < TLS_PARTS; i++) {
		size_t	len = strlen(names[i]);

		if (strncmp(why, names[i], len) == 0 && why[len] == ':')
			return names[i];
	}
	return names[TLS_CERTIFICATE];
}

const char *
tls_check(const char *program, const struct account *as, const struct tls_files *f, char *why,
    size_t size)
{
	int	fd = tls_files_share(f), rc = fd;

	if (fd >= 0) {
		rc = ask(program, as->uid == geteuid() ? NULL : as, fd, why, size);
		close(fd);
	}
	if (rc == 0)
		return NULL;
	if (rc == 1)
		return blamed(why);
	snprintf(why, size, "%s: %s cannot be asked about it: %s", names[TLS_CERTIFICATE], program,
	    strerror(-rc));
	return names[TLS_CERTIFICATE];
}
