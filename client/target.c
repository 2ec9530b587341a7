/*
 * target.c - where the daemon is, and the secret that TCP wants.
 * Runs in: programs that use libjobd.
 */
#include "client/target.h"

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/fd.h"

#define TOKEN_BYTES	256

static bool
is_set(const char *s)
{
	return s != NULL && s[0] != '\0';
}

/* Relative paths there count as none: jobd(8) makes its own from the same rule. */
static bool
is_absolute(const char *s)
{
	return s != NULL && s[0] == '/';
}

void
surroundings_read(struct surroundings *s, const char *option)
{
	s->option = option;
	s->host = getenv("JOBD_HOST");
	s->token_file = getenv("JOBD_TOKEN_FILE");
	s->ca = getenv("JOBD_CA");
	s->cert = getenv("JOBD_CERT");
	s->key = getenv("JOBD_KEY");
	s->runtime_dir = getenv("XDG_RUNTIME_DIR");
	s->state_home = getenv("XDG_STATE_HOME");
	s->home = getenv("HOME");
	s->tmpdir = getenv("TMPDIR");
	s->uid = geteuid();
}

/* ---- addresses ---- */

static int
parse_given(const char *text, const char *whence, struct target *out, char *why, size_t size)
{
	bool	slash = text[0] == '/';
	int	rc = parse_addr(text, &out->addr);

	if (rc == -ERANGE) {
		snprintf(why, size, "%s'%s': the path or the port is out of range", whence, text);
		return -EINVAL;
	}
	if (rc != 0) {
		snprintf(why, size, "%s'%s' is no address: write %s%s", whence, text,
		    slash ? "unix:" : "unix:PATH, tcp:HOST:PORT or tls:HOST:PORT", slash ? text : "");
		return -EINVAL;
	}
	snprintf(out->text, sizeof(out->text), "%s", text);
	return 1;
}

/* The user's own socket; a directory in the shared temporary directory must be theirs alone. */
static bool
own_socket(const struct surroundings *s, struct target *out)
{
	struct stat	st;
	char		dir[TARGET_TEXT / 2];

	if (is_absolute(s->runtime_dir)) {
		snprintf(out->text, sizeof(out->text), "unix:%s/jobd/jobd.sock", s->runtime_dir);
		return parse_addr(out->text, &out->addr) == 0;
	}
	snprintf(dir, sizeof(dir), "%s/jobd-%u", is_absolute(s->tmpdir) ? s->tmpdir : "/tmp",
	    (unsigned)s->uid);
	if (lstat(dir, &st) < 0 || !S_ISDIR(st.st_mode) || st.st_uid != s->uid ||
	    (st.st_mode & 077) != 0)
		return false;
	snprintf(out->text, sizeof(out->text), "unix:%s/jobd.sock", dir);
	return parse_addr(out->text, &out->addr) == 0;
}

int
target_list(const struct surroundings *s, struct target out[TARGET_MAX], char *why, size_t size)
{
	int	n = 0;

	if (is_set(s->option))
		return parse_given(s->option, "", out, why, size);
	if (is_set(s->host))
		return parse_given(s->host, "JOBD_HOST: ", out, why, size);
	/* root's own daemon is the system's */
	if (s->uid != 0 && own_socket(s, &out[n]))
		n++;
	snprintf(out[n].text, sizeof(out[n].text), "%s", TARGET_SYSTEM_SOCKET);
	parse_addr(out[n].text, &out[n].addr);
	return n + 1;
}

/* ---- token ---- */

int
target_token_files(const struct surroundings *s, enum addr_kind kind,
    char out[TARGET_MAX][TARGET_TEXT])
{
	int	n = 0;

	if (kind == ADDR_UNIX)
		return 0;
	if (is_set(s->token_file)) {
		snprintf(out[0], TARGET_TEXT, "%s", s->token_file);
		return 1;
	}
	if (kind == ADDR_TLS)
		return 0;
	if (s->uid != 0 && is_absolute(s->state_home))
		snprintf(out[n++], TARGET_TEXT, "%s/jobd/client.token", s->state_home);
	else if (s->uid != 0 && is_absolute(s->home))
		snprintf(out[n++], TARGET_TEXT, "%s/.local/state/jobd/client.token", s->home);
	snprintf(out[n++], TARGET_TEXT, "%s/client.token", TARGET_SYSTEM_STATE);
	return n;
}

char *
target_token_read(const char *path)
{
	struct stat	 st;
	char		*text;
	size_t		 len;

	if (stat(path, &st) < 0)
		return NULL;
	if ((st.st_mode & 077) != 0) {
		errno = EPERM;
		return NULL;
	}
	if ((text = fd_read_file(path, TOKEN_BYTES + 1, &len)) == NULL)
		return NULL;
	text[strcspn(text, " \t\r\n")] = '\0';
	if (text[0] == '\0' || strlen(text) > TOKEN_BYTES) {
		explicit_bzero(text, len);
		free(text);
		errno = EBADMSG;
		return NULL;
	}
	return text;
}
