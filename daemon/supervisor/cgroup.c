/* cgroup.c - the cgroups of workers.  Runs in: supervisor. */
#include "daemon/supervisor/cgroup.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "daemon/supervisor/account.h"
#include "lib/alloc.h"
#include "lib/buf.h"
#include "lib/clock.h"
#include "lib/fd.h"
#include "lib/log.h"

#define PROC_BYTES_MAX	(4 << 20)
#define STALE_MS	5000	/* so long what a dead supervisor left may take to die */
#define DEPTH_MAX	16	/* of groups in groups that a worker's user may have made */
#define DEPTH_TEXT	"8"	/* and as many may be: cgroup.max.depth */
#define GROUPS_TEXT	"16384"	/* beneath one worker: cgroup.max.descendants */

/* ---- where we are ---- */

/* mountinfo has blanks, tabs, line feeds and backslashes as \040 and so on. */
static char *
unescape(const char *p, size_t len)
{
	char	*out = mem_alloc(len + 1), *to = out;

	for (size_t i = 0; i < len; i++) {
		if (p[i] == '\\' && i + 3 < len && p[i + 1] >= '0' && p[i + 1] <= '3') {
			*to++ = (char)((p[i + 1] - '0') << 6 | (p[i + 2] - '0') << 3 | (p[i + 3] - '0'));
			i += 3;
		} else {
			*to++ = p[i];
		}
	}
	*to = '\0';
	return out;
}

/* The n-th word of a line, from 0. */
static char *
word_of(const char *line, const char *end, int n)
{
	const char	*stop;

	for (; n > 0 && line < end; n--) {
		line = memchr(line, ' ', (size_t)(end - line));
		if (line == NULL)
			return NULL;
		line++;
	}
	if (line >= end)
		return NULL;
	stop = memchr(line, ' ', (size_t)(end - line));
	return unescape(line, (size_t)((stop == NULL ? end : stop) - line));
}

static bool
is_cgroup2(const char *line, const char *end)
{
	static const char	mark[] = " - cgroup2 ";

	return memmem(line, (size_t)(end - line), mark, sizeof(mark) - 1) != NULL;
}

/* What is left of path when it is beneath, or is, root; NULL: it is neither. */
static const char *
beneath(const char *path, const char *root)
{
	size_t	len = strlen(root);

	if (len > 0 && root[len - 1] == '/')
		len--;
	if (strncmp(path, root, len) != 0 || (path[len] != '/' && path[len] != '\0'))
		return NULL;
	return path + len;
}

static char *
path_of_mount(const char *line, const char *end, const char *group)
{
	char		*root = word_of(line, end, 3), *mount = word_of(line, end, 4), *path = NULL;
	const char	*rest;

	if (root != NULL && mount != NULL && (rest = beneath(group, root)) != NULL)
		path = mem_printf("%s%s", mount, strcmp(rest, "/") == 0 ? "" : rest);
	free(root);
	free(mount);
	return path;
}

/* The line `0::PATH`; the caller frees.  One outside the namespace is /../PATH. */
static char *
own_group(const char *text)
{
	const char	*at = strncmp(text, "0::", 3) == 0 ? text : strstr(text, "\n0::");

	if (at == NULL)
		return NULL;
	at = strchr(at, ':') + 2;
	if (strncmp(at, "/..", 3) == 0)
		return NULL;
	return mem_strndup(at, strcspn(at, "\n"));
}

char *
cgroup_locate(const char *own, const char *mounts, bool *root)
{
	char	*group = own_group(own), *path = NULL;

	if (group == NULL)
		return NULL;
	*root = strcmp(group, "/") == 0;
	for (const char *line = mounts; path == NULL && *line != '\0'; ) {
		const char	*end = strchrnul(line, '\n');

		if (is_cgroup2(line, end))
			path = path_of_mount(line, end, group);
		line = *end == '\0' ? end : end + 1;
	}
	free(group);
	return path;
}

static char *
locate_self(bool *root)
{
	char	*own = fd_read_file("/proc/self/cgroup", PROC_BYTES_MAX, NULL);
	char	*mounts = fd_read_file("/proc/self/mountinfo", PROC_BYTES_MAX, NULL);
	char	*path = NULL;

	if (own != NULL && mounts != NULL)
		path = cgroup_locate(own, mounts, root);
	free(own);
	free(mounts);
	return path;
}

/* ---- whose it is ---- */

/* systemd marks what it delegates, for root and for everybody to see. */
static bool
is_marked(const char *path)
{
	static const char *const	names[] = { "trusted.delegate", "user.delegate" };
	char				value[8];

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		if (getxattr(path, names[i], value, sizeof(value)) == 1 && value[0] == '1')
			return true;
	}
	return false;
}

/* The machine's own root group has no type; that of a namespace has. */
static bool
is_containers(const char *path, bool root)
{
	char	*type = mem_printf("%s/cgroup.type", path);
	bool	 yes = root && getpid() == 1 && access(type, F_OK) == 0;

	free(type);
	return yes;
}

/* NULL: it is ours to divide; else why not. */
static const char *
not_delegated(const char *path, bool root)
{
	struct stat	st;

	if (path == NULL)
		return "there is no cgroup v2 here";
	if (stat(path, &st) != 0)
		return "its directory cannot be looked at";
	/* it belongs to the unit's User=, who need not be root where we are */
	if ((geteuid() != 0 && st.st_uid != geteuid()) ||
	    (!is_marked(path) && !is_containers(path, root)))
		return "its cgroup is not delegated to jobd (systemd: Delegate=yes)";
	return NULL;
}

/* ---- files of a group ---- */

static int
open_group(int dir, const char *name)
{
	int	fd = openat(dir, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);

	return fd < 0 ? -errno : fd;
}

/* A directory that may be there already, opened; -errno. */
static int
make_group(int dir, const char *name)
{
	int	fd;

	if (mkdirat(dir, name, 0755) != 0 && errno != EEXIST)
		return -errno;
	if ((fd = open_group(dir, name)) >= 0)
		fchmod(fd, 0755);		/* workers of other users go through it */
	return fd;
}

static bool
has_controller(const char *path, const char *name)
{
	char	*file = mem_printf("%s/cgroup.controllers", path);
	char	*text = fd_read_file(file, 4096, NULL), *save = NULL, *word;
	bool	 found = false;

	word = text == NULL ? NULL : strtok_r(text, " \n", &save);
	for (; word != NULL; word = strtok_r(NULL, " \n", &save))
		found = found || strcmp(word, name) == 0;
	free(text);
	free(file);
	return found;
}

/* ---- an end ---- */

/* 0, -EBUSY: there are processes in it; another -errno: it stays. */
static int
remove_tree(int dir, const char *name, int depth)
{
	int		 fd, rc = 0;
	struct dirent	*e;
	DIR		*d;

	if (unlinkat(dir, name, AT_REMOVEDIR) == 0 || errno == ENOENT)
		return 0;
	if (errno != EBUSY && errno != ENOTEMPTY)
		return -errno;
	if (depth == DEPTH_MAX)
		return -ELOOP;
	if ((fd = open_group(dir, name)) < 0)
		return fd;
	if ((d = fdopendir(fd)) == NULL) {
		rc = -errno;
		close(fd);
		return rc;
	}
	while ((e = readdir(d)) != NULL) {
		if (e->d_type == DT_DIR && e->d_name[0] != '.')
			rc = remove_tree(fd, e->d_name, depth + 1);
		if (rc != 0)
			break;
	}
	closedir(d);
	if (rc == 0 && unlinkat(dir, name, AT_REMOVEDIR) != 0)
		rc = -errno;
	return rc;
}

void
cgroup_kill(const struct cgroup *g, const char *name)
{
	int	dir, rc;

	if (g->dir < 0 || (dir = open_group(g->dir, name)) < 0)
		return;
	if ((rc = fd_write_control(dir, "cgroup.kill", "1")) != 0)
		log_warn("cgroup not killed group=%s errno=%d", name, -rc);
	close(dir);
}

bool
cgroup_remove(const struct cgroup *g, const char *name)
{
	int	rc;

	if (g->dir < 0)
		return true;
	if ((rc = remove_tree(g->dir, name, 0)) == -EBUSY)
		return false;
	if (rc != 0)
		log_warn("cgroup stays group=%s errno=%d", name, -rc);
	return true;
}

/* ---- the supervisor's part ---- */

/* What a dead one left behind: nobody else may be here, for we have the lock. */
static void
end_stale(const struct cgroup *g)
{
	int64_t		 until_ns = clock_after_ms(clock_mono_ns(), STALE_MS);
	int		 own = dup(g->dir);
	DIR		*d = own < 0 ? NULL : fdopendir(own);
	struct dirent	*e;

	if (d == NULL)
		return;
	while ((e = readdir(d)) != NULL) {
		if (e->d_type != DT_DIR || e->d_name[0] == '.')
			continue;
		log_warn("cgroup of a dead supervisor is ended group=%s", e->d_name);
		cgroup_kill(g, e->d_name);
		while (!cgroup_remove(g, e->d_name) && clock_mono_ns() < until_ns)
			poll(NULL, 0, 1);
	}
	closedir(d);
}

/* A group with processes can bound none beneath it. */
static int
move_aside(int dir)
{
	int	leaf = make_group(dir, "daemon"), rc;

	if (leaf < 0)
		return leaf;
	rc = fd_write_control(leaf, "cgroup.procs", "0");
	close(leaf);
	return rc;
}

/* From here to `workers` and on to what is beneath it. */
static bool
share_out(int dir, const struct cgroup *g, const char *controller)
{
	int	rc = fd_write_control(dir, "cgroup.subtree_control", controller);

	if (rc == 0)
		rc = fd_write_control(g->dir, "cgroup.subtree_control", controller);
	if (rc != 0)
		log_warn("no %s limits of workers errno=%d", controller + 1, -rc);
	return rc == 0;
}

static void
enable_controllers(struct cgroup *g, int dir, const char *path, bool own)
{
	bool	memory = has_controller(path, "memory"), pids = has_controller(path, "pids");
	int	rc;

	if (!memory && !pids)
		return;
	if (own && (rc = move_aside(dir)) != 0) {
		log_warn("jobd cannot move into a group of its own: no limits of workers errno=%d", -rc);
		return;
	}
	g->memory = memory && share_out(dir, g, "+memory");
	g->pids = pids && share_out(dir, g, "+pids");
}

/* 0 or -errno with a sentence. */
static int
take_workers(struct cgroup *g, int dir, const char *path, char *why, size_t size)
{
	if ((g->dir = make_group(dir, "workers")) < 0) {
		snprintf(why, size, "%s/workers cannot be made: %s", path, strerror(-g->dir));
		return g->dir;
	}
	if (flock(g->dir, LOCK_EX | LOCK_NB) != 0) {
		snprintf(why, size, "%s/workers is used by another jobd", path);
		return -EBUSY;
	}
	if (faccessat(g->dir, "cgroup.kill", W_OK, AT_EACCESS) != 0) {
		snprintf(why, size, "%s/workers has no cgroup.kill that jobd may write", path);
		return -ENOTSUP;
	}
	return 0;
}

int
cgroup_use(struct cgroup *g, const char *path, bool own, char *why, size_t size)
{
	int	dir = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC), rc;

	*g = (struct cgroup){ .dir = -1 };
	if (dir < 0) {
		rc = -errno;
		snprintf(why, size, "%s: %s", path, strerror(-rc));
		return rc;
	}
	if ((rc = take_workers(g, dir, path, why, size)) == 0) {
		g->path = mem_printf("%s/workers", path);
		end_stale(g);
		enable_controllers(g, dir, path, own);
		log_info("workers have cgroups path=%s limits=%s", g->path,
		    g->memory && g->pids ? "memory,pids" : g->memory ? "memory" : g->pids ? "pids" : "none");
	} else {
		fd_close(&g->dir);
	}
	close(dir);
	return rc;
}

/* ---- from the setting ---- */

static int
check_given(const char *given, const char *self, char *why, size_t size)
{
	struct statfs	fs;

	if (statfs(given, &fs) != 0)
		snprintf(why, size, "workers.cgroup: %s: %s", given, strerror(errno));
	else if (fs.f_type != CGROUP2_SUPER_MAGIC)
		snprintf(why, size, "workers.cgroup: %s is not in a file system of cgroup v2", given);
	else if (geteuid() != 0 && (self == NULL || beneath(self, given) == NULL))
		snprintf(why, size, "workers.cgroup: jobd is not in %s: only root's can reach another "
		    "cgroup", given);
	else
		return 0;
	return -EINVAL;
}

static void
say_none(const char *why)
{
	log_info("workers have no cgroups: a memory_max is each process's, a processes_max has no effect "
	    "why=\"%s\"", why);
}

int
cgroup_open(struct cgroup *g, const char *given, char *why, size_t size)
{
	bool		 root = false;
	char		*self = locate_self(&root), reason[512];
	const char	*wrong;
	int		 rc = 0;

	*g = (struct cgroup){ .dir = -1 };
	if (given[0] == '/') {
		if ((rc = check_given(given, self, why, size)) == 0)
			rc = cgroup_use(g, given, self != NULL && strcmp(self, given) == 0, why, size);
	} else if (strcmp(given, "none") == 0) {
		say_none("workers.cgroup=none");
	} else if ((wrong = not_delegated(self, root)) != NULL) {
		say_none(wrong);
	} else if (cgroup_use(g, self, true, reason, sizeof(reason)) != 0) {
		say_none(reason);
	}
	free(self);
	return rc;
}

/* `daemon` stays: we are in it. */
void
cgroup_close(struct cgroup *g)
{
	if (g->path != NULL)
		rmdir(g->path);
	free(g->path);
	g->path = NULL;
	fd_close(&g->dir);
}

/* ---- workers ---- */

static int
bound(int dir, const char *file, int64_t value)
{
	char	text[24];

	if (value == 0)
		return 0;
	snprintf(text, sizeof(text), "%lld", (long long)value);
	return fd_write_control(dir, file, text);
}

static int
set_bounds(const struct cgroup *g, int dir, const struct cgroup_bounds *b)
{
	int	rc = 0;

	if (g->memory && (rc = bound(dir, "memory.max", b->memory)) == 0 && b->memory > 0) {
		fd_write_control(dir, "memory.swap.max", "0");		/* where there is swap */
		fd_write_control(dir, "memory.oom.group", "1");		/* it ends whole */
	}
	return rc == 0 && g->pids ? bound(dir, "pids.max", b->processes) : rc;
}

/* How many groups and how deep they may be stays ours to say. */
static int
give(int dir, const struct account *to)
{
	static const char *const	files[] = {
		"cgroup.procs", "cgroup.threads", "cgroup.subtree_control",
	};

	fd_write_control(dir, "cgroup.max.depth", DEPTH_TEXT);
	fd_write_control(dir, "cgroup.max.descendants", GROUPS_TEXT);
	if (to->uid == geteuid())
		return 0;
	for (size_t i = 0; i < sizeof(files) / sizeof(files[0]); i++) {
		if (fchownat(dir, files[i], to->uid, to->gid, AT_SYMLINK_NOFOLLOW) != 0)
			return -errno;
	}
	return fchown(dir, to->uid, to->gid) == 0 ? 0 : -errno;
}

int
cgroup_make(const struct cgroup *g, const char *name, const struct account *to,
    const struct cgroup_bounds *b, int *procs)
{
	int	dir, rc;

	if (mkdirat(g->dir, name, 0755) != 0)
		return -errno;
	if ((dir = open_group(g->dir, name)) < 0)
		return dir;
	if ((rc = set_bounds(g, dir, b)) == 0 && to != NULL)
		rc = give(dir, to);
	if (rc == 0 && (*procs = openat(dir, "cgroup.procs", O_WRONLY | O_CLOEXEC)) < 0)
		rc = -errno;
	close(dir);
	if (rc != 0)
		unlinkat(g->dir, name, AT_REMOVEDIR);
	return rc;
}
