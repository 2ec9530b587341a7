/*
 * plugins.c - handlers from shared objects.  Runs in: workers, at start, before the sandbox is
 * sealed.
 *
 * Who may write the directory or a file could run code as every job's user: so both are looked at
 * before anything is loaded.  Once they are good, nobody else can change what a name stands for.
 */
#include "workers/plugins.h"

#include <dirent.h>
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/alloc.h"
#include "lib/log.h"
#include "lib/owner.h"
#include "lib/utf8.h"
#include "workers/handler_rules.h"
#include "workers/handlers/handlers.h"

#define SUFFIX		".so"
#define TEXT_MAX	4096	/* of what a handler says of itself */
#define VERSION_MAX	64

/* What the first version of each struct had: a plugin that was built with less is broken. */
#define PLUGIN_SIZE_MIN		(offsetof(struct jobd_plugin, handlers) + sizeof(void *))
#define HANDLER_SIZE_MIN	(offsetof(struct jobd_handler, cancel) + sizeof(void *))

static struct plugin	plugins[PLUGINS_MAX + 1];	/* and one report for what is too many */
static size_t		plugins_len, types_len;

/* Names and the loader's messages may hold anything; all that is told is UTF-8. */
static char *
clean(char *text)
{
	size_t	len = strlen(text), seq;

	for (size_t i = 0; i < len; i += seq)
		if ((seq = utf8_sequence(text + i, len - i)) == 0) {
			text[i] = '?';
			seq = 1;
		}
	return text;
}

static int __attribute__((format(printf, 2, 3)))
refuse(struct plugin *p, const char *fmt, ...)
{
	va_list	ap;

	free(p->why);
	va_start(ap, fmt);
	if (vasprintf(&p->why, fmt, ap) < 0)
		abort();
	va_end(ap);
	clean(p->why);
	log_debug("plugin refused file=%s why=%s", p->file, p->why);
	return -1;
}

static struct plugin *
report(const char *file)
{
	struct plugin	*p = &plugins[plugins_len++];

	*p = (struct plugin){ .file = clean(mem_strdup(file)) };
	return p;
}

/* ---- who may have written it ---- */

static int
check_owner(struct plugin *p, const struct stat *st, const char *what)
{
	char	why[160];

	return owner_trusted(st, why, sizeof(why)) ? 0 : refuse(p, "%s %s", what, why);
}

static int
check_file(struct plugin *p, int dir)
{
	struct stat	st;

	if (fstatat(dir, p->file, &st, AT_SYMLINK_NOFOLLOW) != 0)
		return refuse(p, "it cannot be looked at: %s", strerror(errno));
	if (S_ISLNK(st.st_mode))
		return refuse(p, "it is a symbolic link; a plugin is a file");
	if (!S_ISREG(st.st_mode))
		return refuse(p, "it is not a regular file");
	return check_owner(p, &st, "the file");
}

static int
check_name(struct plugin *p)
{
	char	*base = mem_strndup(p->file, strlen(p->file) - strlen(SUFFIX));
	bool	 good = handler_name_ok(base);

	free(base);
	return good ? 0 : refuse(p, "a plugin's file is called [a-z0-9_.-]{1,64}.so");
}

/* ---- what it says of itself ---- */

static int
check_version(struct plugin *p, const char *of, uint32_t abi, uint32_t size, size_t min, size_t max)
{
	if (abi != JOBD_HANDLER_ABI)
		return refuse(p, "%s has ABI %u; this jobd has %d", of, abi, JOBD_HANDLER_ABI);
	if (size < min || size > max)
		return refuse(p, "%s has a struct of %u bytes; this jobd knows %zu to %zu%s", of, size,
		    min, max, size > max ? ": it was built for a newer jobd" : "");
	return 0;
}

/* UTF-8, as all that goes into JSON. */
static bool
is_text(const char *text, size_t max)
{
	size_t	len = text == NULL ? max + 1 : strnlen(text, max + 1), seq;

	if (len > max)
		return false;
	for (size_t i = 0; i < len; i += seq)
		if ((seq = utf8_sequence(text + i, len - i)) == 0)
			return false;
	return true;
}

/* h is the plugin's own memory, of h->size bytes. */
static int
check_handler(struct plugin *p, const struct jobd_handler *h)
{
	const char	*wrong;

	if (check_version(p, "a handler", h->abi, h->size, HANDLER_SIZE_MIN, sizeof(*h)) != 0)
		return -1;
	wrong = handler_wrong_with(h->name, h->traits, h->lanes, h->run != NULL, h->start != NULL);
	if (wrong != NULL)
		return refuse(p, "type %.64s: %s", h->name == NULL ? "?" : h->name, wrong);
	if ((h->lanes & JOBD_LANE_INLINE) != 0)
		return refuse(p, "type %s: the inline lane is for what the broker has built in",
		    h->name);
	if (!is_text(h->summary, TEXT_MAX) ||
	    (h->args_schema != NULL && !is_text(h->args_schema, TEXT_MAX)))
		return refuse(p, "type %s: summary and args_schema are UTF-8 texts of at most %d "
		    "bytes", h->name, TEXT_MAX);
	return 0;
}

/* Members that the plugin's version of the struct does not have are zero. */
static int
take_handler(struct plugin *p, const struct jobd_handler *h)
{
	struct jobd_handler	*copy = &p->handlers[p->handlers_len];
	char			 why[512];

	if (check_handler(p, h) != 0)
		return -1;
	memcpy(copy, h, h->size);
	copy->size = sizeof(*copy);
	if (handlers_add_from(p->name, copy, why, sizeof(why)) != 0)
		return refuse(p, "%s", why);
	p->handlers_len++;
	return 0;
}

static int
take_handlers(struct plugin *p, const struct jobd_handler *const *list)
{
	size_t	n = 0, room = PLUGINS_TYPES_MAX - types_len;

	while (list != NULL && n <= room && list[n] != NULL)
		n++;
	if (n == 0)
		return refuse(p, "it has no handlers");
	if (n > room)
		return refuse(p, "there are more than %d types in all plugins", PLUGINS_TYPES_MAX);
	p->handlers = mem_zalloc(n, sizeof(*p->handlers));
	for (size_t i = 0; i < n; i++)
		if (take_handler(p, list[i]) != 0)
			return -1;
	return 0;
}

static int
take(struct plugin *p, const struct jobd_plugin *said)
{
	if (check_version(p, "the plugin", said->abi, said->size, PLUGIN_SIZE_MIN,
	    sizeof(*said)) != 0)
		return -1;
	if (!handler_name_ok(said->name))
		return refuse(p, "the plugin's name is not [a-z0-9_.-]{1,64}");
	p->name = mem_strdup(said->name);
	if (!is_text(said->version, VERSION_MAX))
		return refuse(p, "its version is a UTF-8 text of at most %d bytes", VERSION_MAX);
	p->version = mem_strdup(said->version);
	return take_handlers(p, said->handlers);
}

/* ---- loading ---- */

/*
 * What has been loaded stays: the constructors of a plugin that is refused have run, and taking its
 * code away under what they may have started is worse than a few idle pages.
 */
static int
load_file(struct plugin *p, const char *dir)
{
	char				*path = mem_printf("%s/%s", dir, p->file);
	const struct jobd_plugin	*said;
	void				*object;
	size_t				 known = handlers_count();

	log_debug("plugin is being loaded path=%s", path);
	object = dlopen(path, RTLD_NOW | RTLD_LOCAL);
	free(path);
	if (object == NULL)
		return refuse(p, "it cannot be loaded: %s", dlerror());
	if ((said = dlsym(object, "jobd_plugin")) == NULL)
		return refuse(p, "it does not export `jobd_plugin`");
	if (take(p, said) == 0)
		return 0;
	handlers_keep(known);
	p->handlers_len = 0;
	return -1;
}

static void
load_one(const char *dir, int dir_fd, const char *file)
{
	struct plugin	*p = report(file);

	if (check_name(p) != 0 || check_file(p, dir_fd) != 0 || load_file(p, dir) != 0)
		return;
	types_len += p->handlers_len;
	log_debug("plugin loaded name=%s version=%s types=%zu", p->name, p->version,
	    p->handlers_len);
}

/* Other files (a README) are not meant. */
static int
is_meant(const struct dirent *e)
{
	size_t	len = strlen(e->d_name);

	return len > strlen(SUFFIX) && strcmp(e->d_name + len - strlen(SUFFIX), SUFFIX) == 0;
}

static int
by_name(const struct dirent **a, const struct dirent **b)
{
	return strcmp((*a)->d_name, (*b)->d_name);
}

static void
load_all(const char *dir, int dir_fd)
{
	struct dirent	**entries;
	int		  n = scandirat(dir_fd, ".", &entries, is_meant, by_name);

	if (n < 0) {
		refuse(report(dir), "it cannot be read: %s", strerror(errno));
		return;
	}
	for (int i = 0; i < n; i++) {
		if (plugins_len < PLUGINS_MAX)
			load_one(dir, dir_fd, entries[i]->d_name);
		else if (plugins_len == PLUGINS_MAX)
			refuse(report(entries[i]->d_name), "there are more than %d plugins",
			    PLUGINS_MAX);
		free(entries[i]);
	}
	free(entries);
}

/* The directory's descriptor; -1: it is refused, and trial says why, or (why NULL) there is none. */
static int
open_dir(struct plugin *trial, bool optional)
{
	struct stat	st;
	int		fd = open(trial->file, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	if (fd < 0 && errno == ENOENT && optional)
		return -1;
	if (fd < 0 || fstat(fd, &st) != 0)
		refuse(trial, "it cannot be opened: %s", strerror(errno));
	else if (check_owner(trial, &st, "the directory") == 0)
		return fd;
	if (fd >= 0)
		close(fd);
	return -1;
}

void
plugins_load(const char *dir, bool optional)
{
	struct plugin	trial = { .file = (char *)(size_t)dir };
	int		fd;

	if ((fd = open_dir(&trial, optional)) >= 0) {
		load_all(dir, fd);
		close(fd);
	} else if (trial.why != NULL) {
		report(dir)->why = trial.why;
	}
}

void
plugins_fini(void)
{
	for (size_t i = 0; i < plugins_len; i++) {
		struct plugin	*p = &plugins[i];

		free(p->file);
		free(p->why);
		free(p->name);
		free(p->version);
		free(p->handlers);
	}
	plugins_len = types_len = 0;
}

const struct plugin *
plugins_next(size_t *at)
{
	return *at < plugins_len ? &plugins[(*at)++] : NULL;
}
