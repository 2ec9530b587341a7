/* catalog.c - types and pools from jobs.dir.  Runs in: supervisor. */
#include "daemon/supervisor/catalog.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/alloc.h"
#include "lib/fd.h"
#include "lib/log.h"
#include "lib/map.h"
#include "lib/owner.h"
#include "proto/catalog.h"
#include "proto/jobfile.h"
#include "proto/workerfile.h"

#define OWN_TYPE	"command"	/* jobd's */

struct reading {
	struct catalog		*catalog;
	const char		*dir;
	int			 fd;
	const struct account	*usual;
	bool			 users;
	struct buf		 commands, pools;	/* JSON, each with a comma behind it */
	struct namemap		 types;			/* to the path of their file */
	struct list		 names;			/* struct type_name, what the map lends from */
	size_t			 npools;
};

struct type_name {
	struct list	 link;
	char		*name, *path;
};

/* ---- faults ---- */

static void
add_fault(struct reading *r, const char *file, const struct fault *f)
{
	struct catalog_fault	*c = mem_zalloc(1, sizeof(*c));

	c->file = mem_strdup(file);
	c->fault = *f;
	list_push_back(&r->catalog->faults, &c->link);
}

static void __attribute__((format(printf, 3, 4)))
complain(struct reading *r, const char *file, const char *fmt, ...)
{
	struct fault	f = { 0 };
	va_list		ap;

	va_start(ap, fmt);
	vsnprintf(f.why, sizeof(f.why), fmt, ap);
	va_end(ap);
	add_fault(r, file, &f);
}

void
catalog_fault_print(const struct catalog_fault *f, struct buf *out)
{
	buf_puts(out, f->file);
	if (f->fault.line > 0)
		buf_printf(out, ":%d", f->fault.line);
	buf_printf(out, ": %s%s%s", f->fault.key, f->fault.key[0] == '\0' ? "" : " ", f->fault.why);
}

/* Bytes that are not UTF-8 may be in a file's name, or in a text that was cut. */
static void
put_text(struct buf *out, const char *text)
{
	char	clean[2048];
	size_t	n = log_escape(clean, sizeof(clean), text, strlen(text));

	buf_put_json(out, clean, n);
}

static void
put_faults(struct buf *out, const struct list *faults)
{
	list_for (node, faults) {
		const struct catalog_fault	*f = list_entry(node, struct catalog_fault, link);

		buf_puts(out, "{\"file\":");
		put_text(out, f->file);
		buf_printf(out, ",\"line\":%d,\"key\":", f->fault.line);
		put_text(out, f->fault.key);
		buf_puts(out, ",\"message\":");
		put_text(out, f->fault.why);
		buf_puts(out, "},");
	}
}

/* ---- who may have written it ---- */

static bool
owner_ok(struct reading *r, const char *path, const struct stat *st)
{
	char	why[160];
	bool	good = owner_trusted(st, why, sizeof(why));

	if (!good)
		complain(r, path, "%s", why);
	return good;
}

/* The whole of an opened file; NULL: it was complained about. */
static char *
read_opened(struct reading *r, int fd, const char *path, size_t *len)
{
	struct stat	 st;
	char		*text;
	ssize_t		 n;

	if (fstat(fd, &st) != 0 || !S_ISREG(st.st_mode)) {
		complain(r, path, "is not a regular file");
		return NULL;
	}
	if (!owner_ok(r, path, &st))
		return NULL;
	if (st.st_size > TYPEFILE_BYTES_MAX) {
		complain(r, path, "is longer than %d bytes", TYPEFILE_BYTES_MAX);
		return NULL;
	}
	text = mem_alloc((size_t)st.st_size + 1);
	n = pread(fd, text, (size_t)st.st_size, 0);
	if (n != st.st_size) {
		complain(r, path, "cannot be read: %s", n < 0 ? strerror(errno) : "it was cut short");
		free(text);
		return NULL;
	}
	*len = (size_t)n;
	return text;
}

static char *
read_file(struct reading *r, const char *file, const char *path, size_t *len)
{
	int	 fd = openat(r->fd, file, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
	char	*text;

	if (fd < 0) {
		complain(r, path, "%s", errno == ELOOP ? "is a symbolic link; a file is wanted" :
		    strerror(errno));
		return NULL;
	}
	text = read_opened(r, fd, path, len);
	close(fd);
	return text;
}

/* ---- whom it runs as ---- */

/* Fills *out; false: complained about. */
static bool
find_account(struct reading *r, const struct typefile *t, struct account *out)
{
	const char	*text = t->user == NULL ? r->usual->name : t->user;
	struct fault	 f = { .key = "user" };

	if (account_find(text, out) != 0) {
		snprintf(f.why, sizeof(f.why), "there is no account `%s`", text);
		add_fault(r, t->path, &f);
		return false;
	}
	if (out->uid != r->usual->uid && !r->users) {
		snprintf(f.why, sizeof(f.why), "`%s` is not you; a jobd that root starts can run jobs as "
		    "others", text);
		add_fault(r, t->path, &f);
		account_free(out);
		return false;
	}
	return true;
}

/* The name of the pool of exec workers: "" for the usual user, else the account's. */
static void
settle_exec_user(struct reading *r, struct typefile *t, struct account *account)
{
	struct exec_user	*u;

	free(t->user);
	t->user = NULL;
	if (account->uid == r->usual->uid) {
		account_free(account);
		return;
	}
	t->user = mem_strdup(account->name);
	if (catalog_user(r->catalog, account->name) != NULL) {
		account_free(account);
		return;
	}
	u = mem_zalloc(1, sizeof(*u));
	u->account = *account;
	list_push_back(&r->catalog->users, &u->link);
}

/* ---- names ---- */

/* false: another file has it. */
static bool
claim(struct reading *r, const char *name, const struct typefile *t, const char *key, int line)
{
	struct fault		 f = { .line = line };
	const char		*other = namemap_get(&r->types, name, strlen(name));
	struct type_name	*n;

	if (other == NULL && strcmp(name, OWN_TYPE) != 0 && r->types.len < CATALOG_TYPES_MAX) {
		n = mem_zalloc(1, sizeof(*n));
		n->name = mem_strdup(name);
		n->path = mem_strdup(t->path);
		list_push_back(&r->names, &n->link);
		namemap_put(&r->types, n->name, strlen(n->name), n->path);
		return true;
	}
	snprintf(f.key, sizeof(f.key), "%s", key);
	if (other != NULL)
		snprintf(f.why, sizeof(f.why), "the type `%s` is in %.300s already", name, other);
	else if (r->types.len == CATALOG_TYPES_MAX)
		snprintf(f.why, sizeof(f.why), "there are more than %d types", CATALOG_TYPES_MAX);
	else
		snprintf(f.why, sizeof(f.why), "the type `%s` is jobd's own", name);
	add_fault(r, t->path, &f);
	return false;
}

static void
unclaim(struct reading *r, const struct typefile *t, size_t n)
{
	for (size_t i = 0; i < n; i++)
		namemap_del(&r->types, t->types.v[i], strlen(t->types.v[i]));
}

static bool
claim_all(struct reading *r, const struct typefile *t)
{
	for (size_t i = 0; i < t->types.n; i++) {
		if (!claim(r, t->types.v[i], t, "types", t->types.line)) {
			unclaim(r, t, i);
			return false;
		}
	}
	return true;
}

/* ---- files ---- */

/* What was written behind `before` is taken back when the broker would not take the whole. */
static bool
fits(struct reading *r, struct buf *out, size_t before, const struct typefile *t)
{
	if (buf_len(&r->commands) + buf_len(&r->pools) <= CATALOG_BYTES_MAX / 2)
		return true;
	out->tail -= buf_len(out) - before;
	complain(r, t->path, "all files together say more than %d bytes", CATALOG_BYTES_MAX / 2);
	return false;
}

static void
take_job(struct reading *r, struct typefile *t)
{
	struct account	account;
	size_t		before = buf_len(&r->commands);
	const char	*missing = jobfile_missing(t);

	if (missing != NULL)
		log_warn("jobs of a type will fail file=%s why=\"%s\"", t->path, missing);
	if (!find_account(r, t, &account))
		return;
	if (!claim(r, t->name, t, "", 0)) {
		account_free(&account);
		return;
	}
	settle_exec_user(r, t, &account);
	jobfile_put(&r->commands, t);
	buf_putc(&r->commands, ',');
	if (fits(r, &r->commands, before, t))
		r->catalog->commands++;
}

static void
keep_pool(struct reading *r, struct typefile *t, struct account *account)
{
	struct pool	*p = mem_zalloc(1, sizeof(*p));

	p->file = *t;
	p->account = *account;
	/* the lists' nodes point at their heads, which have moved */
	list_init(&p->file.env);
	list_append(&p->file.env, &t->env);
	list_init(&p->file.params);
	memset(t, 0, sizeof(*t));
	list_init(&t->env);
	list_init(&t->params);
	list_push_back(&r->catalog->pools, &p->link);
}

static uint64_t
hash(uint64_t h, const void *p, size_t len)
{
	for (const unsigned char *at = p; len > 0; at++, len--)
		h = (h ^ *at) * UINT64_C(1099511628211);	/* FNV-1a */
	return h;
}

/* Into the object that was written last. */
static void
put_digest(struct buf *out, const struct account *account, const char *text, size_t len)
{
	uint64_t	h = hash(UINT64_C(14695981039346656037), text, len);

	h = hash(h, &account->uid, sizeof(account->uid));
	h = hash(h, &account->gid, sizeof(account->gid));
	out->tail--;
	buf_printf(out, ",\"digest\":\"%016" PRIx64 "\"}", h);
}

static void
take_pool(struct reading *r, struct typefile *t, const char *text, size_t len)
{
	struct account	account = { 0 };
	size_t		before = buf_len(&r->pools);

	if (r->npools == CATALOG_POOLS_MAX) {
		complain(r, t->path, "is one too many: there are at most %d pools", CATALOG_POOLS_MAX);
		return;
	}
	if (t->remote != 1 && !find_account(r, t, &account))
		return;
	if (!claim_all(r, t)) {
		account_free(&account);
		return;
	}
	workerfile_put(&r->pools, t);
	put_digest(&r->pools, &account, text, len);
	buf_putc(&r->pools, ',');
	if (!fits(r, &r->pools, before, t)) {
		account_free(&account);
		return;
	}
	r->npools++;
	if (t->remote != 1)
		keep_pool(r, t, &account);
}

static void
take_text(struct reading *r, enum typefile_kind kind, const char *path, const char *name,
    const char *text, size_t len)
{
	struct typefile	t;
	struct fault	f;
	int		rc = kind == TYPEFILE_JOB ? jobfile_read(path, name, text, len, &t, &f) :
			    workerfile_read(path, name, text, len, &t, &f);

	if (rc != 0)
		add_fault(r, path, &f);
	else if (kind == TYPEFILE_JOB)
		take_job(r, &t);
	else
		take_pool(r, &t, text, len);
	typefile_fini(&t);
}

static void
take_file(struct reading *r, enum typefile_kind kind, const char *file)
{
	size_t	 bare = (size_t)(strrchr(file, '.') - file), len = 0;
	char	*path = mem_printf("%s/%s", r->dir, file), *name = mem_strndup(file, bare), *text;

	if (!typefile_name_ok(name, bare))
		complain(r, path, "a file is called NAME.%s; NAME is 1 to 64 of a-z 0-9 _ . -, a letter "
		    "or a digit first", kind == TYPEFILE_JOB ? "job" : "worker");
	else if ((text = read_file(r, file, path, &len)) != NULL) {
		take_text(r, kind, path, name, text, len);
		free(text);
	}
	free(name);
	free(path);
}

/* ---- the directory ---- */

static bool
ends_with(const char *text, const char *end)
{
	size_t	n = strlen(text), k = strlen(end);

	return n > k && strcmp(text + n - k, end) == 0;
}

/* Hidden files and what editors leave are not read. */
static int
is_ours(const struct dirent *e)
{
	return e->d_name[0] != '.' && (ends_with(e->d_name, ".job") || ends_with(e->d_name, ".worker"));
}

static void
read_dir(struct reading *r)
{
	struct dirent	**files;
	struct stat	  st;
	int		  n;

	if (fstat(r->fd, &st) != 0 || !owner_ok(r, r->dir, &st))
		return;
	if ((n = scandirat(r->fd, ".", &files, is_ours, alphasort)) < 0) {
		complain(r, r->dir, "cannot be read: %s", strerror(errno));
		return;
	}
	for (int i = 0; i < n; i++) {
		take_file(r, ends_with(files[i]->d_name, ".job") ? TYPEFILE_JOB : TYPEFILE_WORKER,
		    files[i]->d_name);
		free(files[i]);
	}
	free(files);
}

/* ---- the whole ---- */

static void
put_list(struct buf *out, const char *key, struct buf *items)
{
	buf_printf(out, "\"%s\":[", key);
	buf_append(out, buf_data(items), buf_len(items));
	typefile_end(out, ']');
	buf_putc(out, ',');
	buf_free(items);
}

static void
put_catalog(struct reading *r)
{
	struct buf	*out = &r->catalog->text, faults = { 0 };

	put_faults(&faults, &r->catalog->faults);
	buf_putc(out, '{');
	put_list(out, "commands", &r->commands);
	put_list(out, "pools", &r->pools);
	put_list(out, "errors", &faults);
	typefile_end(out, '}');
}

static void
forget_names(struct reading *r)
{
	struct list	*node;

	namemap_free(&r->types);
	while ((node = list_pop(&r->names)) != NULL) {
		struct type_name	*n = list_entry(node, struct type_name, link);

		free(n->name);
		free(n->path);
		free(n);
	}
}

void
catalog_read(struct catalog *c, const char *dir, const struct account *usual, bool users)
{
	struct reading	r = { .catalog = c, .dir = dir, .usual = usual, .users = users };

	memset(c, 0, sizeof(*c));
	list_init(&c->pools);
	list_init(&c->users);
	list_init(&c->faults);
	list_init(&r.names);
	r.fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (r.fd >= 0)
		read_dir(&r);
	else if (errno != ENOENT)
		complain(&r, dir, "cannot be opened: %s", strerror(errno));
	fd_close(&r.fd);
	put_catalog(&r);
	forget_names(&r);
}

void
catalog_free(struct catalog *c)
{
	struct list	*node;

	while ((node = list_pop(&c->pools)) != NULL) {
		struct pool	*p = list_entry(node, struct pool, link);

		typefile_fini(&p->file);
		account_free(&p->account);
		free(p);
	}
	while ((node = list_pop(&c->users)) != NULL) {
		struct exec_user	*u = list_entry(node, struct exec_user, link);

		account_free(&u->account);
		free(u);
	}
	while ((node = list_pop(&c->faults)) != NULL) {
		struct catalog_fault	*f = list_entry(node, struct catalog_fault, link);

		free(f->file);
		free(f);
	}
	buf_free(&c->text);
}

/* The lists' nodes point at their heads, which move. */
void
catalog_move(struct catalog *to, struct catalog *from)
{
	*to = *from;
	list_init(&to->pools);
	list_init(&to->users);
	list_init(&to->faults);
	list_append(&to->pools, &from->pools);
	list_append(&to->users, &from->users);
	list_append(&to->faults, &from->faults);
	from->text = (struct buf){ 0 };
	from->commands = 0;
}

int
catalog_share(const struct catalog *c)
{
	if (buf_len(&c->text) > CATALOG_BYTES_MAX)
		return -EFBIG;
	return fd_share("jobd-catalog",
	    &(struct iovec){ buf_data(&c->text), buf_len(&c->text) }, 1);
}

const struct pool *
catalog_pool(const struct catalog *c, const char *name)
{
	list_for (node, &c->pools) {
		const struct pool	*p = list_entry(node, struct pool, link);

		if (strcmp(p->file.name, name) == 0)
			return p;
	}
	return NULL;
}

const struct account *
catalog_user(const struct catalog *c, const char *name)
{
	list_for (node, &c->users) {
		const struct exec_user	*u = list_entry(node, struct exec_user, link);

		if (strcmp(u->account.name, name) == 0)
			return &u->account;
	}
	return NULL;
}
