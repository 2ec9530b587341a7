/* net_rig.c - a broker inside a test. */
#include "tests/unit/net_rig.h"
#include "tests/unit/offers.h"
#include "tests/unit/unit.h"

#include <arpa/inet.h>
#include <dirent.h>
#include <errno.h>
#include <event2/event.h>
#include <fcntl.h>
#include <jansson.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "daemon/broker/access/access.h"
#include "daemon/broker/cron/cron.h"
#include "daemon/broker/gather.h"
#include "daemon/broker/fetch.h"
#include "daemon/broker/keep.h"
#include "daemon/broker/ledger.h"
#include "daemon/broker/limits.h"
#include "daemon/broker/logs/logs.h"
#include "daemon/broker/lanes/lanes.h"
#include "daemon/broker/lanes/remote.h"
#include "daemon/broker/net/net.h"
#include "daemon/broker/store/store.h"
#include "lib/alloc.h"
#include "lib/clock.h"
#include "lib/fd.h"
#include "lib/map.h"
#include "proto/channel.h"
#include "workers/handler.h"

#define PATIENCE_NS	(20 * NS_PER_S)

/* JSON as the tests write it, with ' for ". */
static char *
json_text(const char *text)
{
	char	*out = mem_strdup(text);

	for (char *at = out; (at = strchr(at, '\'')) != NULL;)
		*at = '"';
	return out;
}

/* ---- lanes, played by the test ---- */

struct lanes {
	struct idmap	attempts;	/* in a worker, by job */
	struct idmap	told;
};

const char *const worker_state_names[] = {
	"gone", "starting", "idle", "running", "draining", "dying"
};

void
lanes_start(struct lanes *l, struct attempt *at)
{
	idmap_put(&l->attempts, at->job_id, at);
}

unsigned	rig_output_wanted;

void
lanes_output_wanted(struct lanes *l, uint64_t job)
{
	(void)l;
	(void)job;
	rig_output_wanted++;
}

void
lanes_tell(struct lanes *l, struct attempt *at)
{
	idmap_put(&l->told, at->job_id, at);
}

void
lanes_kill(struct lanes *l, uint32_t worker, const char *why)
{
	(void)l;
	fail_msg("worker %u is to be killed: %s", worker, why);
}

void
lanes_start_alone(struct lanes *l, const struct job *j)
{
	(void)l;
	fail_msg("job %lu is to run alone", (unsigned long)j->id);
}

void
lanes_idle(struct lanes *l, uint32_t worker)
{
	(void)l;
	(void)worker;
}

bool
lanes_plugin_next(const struct lanes *l, size_t *at, struct plugin_view *out)
{
	(void)l;
	if (*at >= 2)
		return false;
	*out = (struct plugin_view){ .file = "good.so", .name = "good", .version = "1.0" };
	if (*at == 1)
		*out = (struct plugin_view){ .file = "bad.so", .error = "it is \"bad\"" };
	(*at)++;
	return true;
}

void
lanes_reload(struct broker *b, const struct config *old)
{
	(void)b;
	(void)old;
}

int64_t
lanes_files(const struct config *cfg)
{
	(void)cfg;
	return 0;
}

void
lanes_catalog(struct lanes *l, int fd)
{
	(void)l;
	(void)fd;
}

bool
lanes_left_out_next(const struct lanes *l, size_t *at, struct left_out *out)
{
	(void)l;
	*out = (struct left_out){ .file = "/etc/jobd/jobs.d/wrong.job", .line = 3, .key = "argv",
	    .message = "it is \"wrong\"" };
	return (*at)++ == 0;
}

bool
lanes_pool_types(const struct lanes *l, struct span name, struct buf *out)
{
	(void)l;
	(void)name;
	(void)out;
	return false;
}

int
lanes_drain(struct lanes *l, uint32_t number, bool again)
{
	(void)l;
	(void)again;
	return number == 1 ? 0 : -EBUSY;
}

enum worker_state
lanes_worker_state(const struct lanes *l, uint32_t number)
{
	(void)l;
	(void)number;
	return WORKER_DRAINING;
}

int
lanes_write(struct lanes *l, const struct job *j, struct span text, bool eof, struct told *told,
    struct rpc_error *err)
{
	(void)l;
	(void)text;
	(void)eof;
	(void)told;
	return rpc_fail(err, RPC_conflict, "job %llu is no command", (unsigned long long)j->id);
}

int
lanes_signal(struct lanes *l, const struct job *j, int signal, struct told *told,
    struct rpc_error *err)
{
	(void)signal;
	return lanes_write(l, j, (struct span){ "", 0 }, false, told, err);
}

void
lanes_told_leave(struct told *t)
{
	t->ask = NULL;
}

bool
lanes_worker_next(const struct lanes *l, size_t *at, struct worker_view *out)
{
	if (*at >= 3)
		return false;
	*out = (struct worker_view){
		.name = "test-1", .lane = "process", .pid = *at == 0 ? 0 : 77,
		.state = WORKER_RUNNING,
		.job = *at, .type = *at == 0 ? NULL : "work", .inflight = (uint32_t)l->attempts.len,
	};
	++*at;
	return true;
}

/* The rig has no workers on other machines: such a connection ends. */
void
lanes_adopt(struct lanes *l, int fd, struct tls *tls, struct span left, const char *addr)
{
	(void)l;
	(void)tls;
	(void)left;
	(void)addr;
	close(fd);
}

void
lanes_adopted_by(struct lanes *l, struct identity *who)
{
	(void)l;
	identity_unref(who);
}

void
lanes_look_again(struct lanes *l)
{
	(void)l;
}

const char *
lanes_pool_why(const struct lanes *l, const struct type *t)
{
	(void)l;
	(void)t;
	return NULL;
}

bool
lanes_ready(const struct lanes *l)
{
	(void)l;
	return true;
}

void
lanes_stats(const struct lanes *l, struct lanes_stats *out)
{
	(void)l;
	*out = (struct lanes_stats){ 0 };
}

const char *
lanes_worker_name(const struct lanes *l, uint32_t number)
{
	(void)l;
	return number == 1 ? "test-1" : "gone";
}

bool
lanes_progress(const struct lanes *l, const struct job *j, struct channel_progress *out)
{
	(void)l;
	*out = (struct channel_progress){ .done = j->id, .total = 100, .text = "half \"way\"" };
	return true;
}

/* ---- the broker ---- */

static void
define_types(struct core *c)
{
	static const struct {
		const char	*name;
		uint32_t	 traits, lanes;
	} types[] = {
		{ "echo", JOBD_THREAD_SAFE,
		    JOBD_LANE_INLINE | JOBD_LANE_ASYNC | JOBD_LANE_THREAD | JOBD_LANE_PROCESS },
		{ "work", JOBD_CPU_BOUND, JOBD_LANE_PROCESS },
		{ "wait", JOBD_WAITS, JOBD_LANE_ASYNC },
	};

	for (size_t i = 0; i < COUNT(types); i++) {
		struct type	t = {
			.name = (char *)(size_t)types[i].name,
			.summary = (char *)(size_t)"for tests", .args_schema = (char *)(size_t)"true",
			.traits = types[i].traits, .lanes = types[i].lanes,
			.has_run = true, .has_start = true,
		};

		core_type_define(c, &t);
	}
}

static int
listen_unix(struct rig *r)
{
	struct sockaddr_un	addr = { .sun_family = AF_UNIX };
	int			fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	snprintf(r->unix_path, sizeof(r->unix_path), "%s/sock", r->dir);
	strcpy(addr.sun_path, r->unix_path);
	assert_return_code(bind(fd, (struct sockaddr *)&addr, sizeof(addr)), errno);
	assert_return_code(listen(fd, SOMAXCONN), errno);
	return fd;
}

static int
listen_tcp(struct rig *r)
{
	struct sockaddr_in	addr = {
		.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK),
	};
	socklen_t		len = sizeof(addr);
	int			fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	assert_return_code(bind(fd, (struct sockaddr *)&addr, sizeof(addr)), errno);
	assert_return_code(listen(fd, SOMAXCONN), errno);
	assert_return_code(getsockname(fd, (struct sockaddr *)&addr, &len), errno);
	r->tcp_port = ntohs(addr.sin_port);
	return fd;
}

static void
read_clocks(struct rig *r)
{
	r->b.now.mono_ns = clock_mono_ns();
	r->b.now.real_ms = clock_real_ms();
}

static void
start_core(struct rig *r)
{
	const struct config	*cfg = &r->b.config;
	struct core_config	 cc = {
		.keep_finished_ms = cfg->keep_finished_ms, .keep_finished = cfg->keep_finished,
		.keep_finished_bytes = cfg->keep_finished_bytes,
		.keep_failed_ms = cfg->keep_failed_ms,
		.max_waiting = cfg->max_waiting, .max_waiting_bytes = cfg->max_waiting_bytes,
		.retry = { .said = 15, .max_attempts = (uint32_t)cfg->max_attempts,
		    .backoff_ms = cfg->backoff_ms,
		    .factor = (uint32_t)cfg->factor * RETRY_FACTOR_UNIT,
		    .max_backoff_ms = cfg->max_backoff_ms },
		.grace_ms = cfg->grace_ms, .fence_base = (uint64_t)store_boot(r->b.store) << 32,
	};
	const uint32_t		 cpu[LANES] = { [LANE_PROCESS] = 64 };
	const uint32_t		 io[LANES] = { [LANE_ASYNC] = 16384, [LANE_THREAD] = 64 };

	r->b.core = core_new(&cc);
	define_types(r->b.core);
	offer_up(r->b.core, r->b.now, 1, cpu, 0);
	offer_up(r->b.core, r->b.now, 2, io, 0);
}

void
rig_open(struct rig *r, const char *const *settings)
{
	char	why[256];
	int	fds[2];

	memset(r, 0, sizeof(*r));
	signal(SIGPIPE, SIG_IGN);
	strcpy(r->dir, "/tmp/jobd-net-XXXXXX");
	assert_non_null(mkdtemp(r->dir));
	r->b.state_dir = r->dir;
	strcpy(r->b.boot_id, "0123456789abcdef0123456789abcdef");
	config_init(&r->b.config);
	settings_init(&r->b.settings);
	for (; settings != NULL && *settings != NULL; settings++)
		assert_return_code(config_set(&r->b.config, *settings, why, sizeof(why)), EINVAL);
	limits_fit_connections(&r->b);
	read_clocks(r);
	r->b.started_ms = r->b.now.real_ms;
	r->b.base = event_base_new();
	assert_int_equal(store_open_memory(r->dir, &r->b.store, why, sizeof(why)), 0);
	assert_int_equal(access_open(r->dir, &r->b.config, r->b.base, r->b.now.real_ms, &r->b.access, why,
	    sizeof(why)), 0);
	ledger_open(&r->b);
	r->b.fetch = fetch_new();
	keep_open(&r->b);
	assert_int_equal(logs_open(&r->b, why, sizeof(why)), 0);
	logs_serve(&r->b);
	start_core(r);
	assert_int_equal(outcomes_open(&r->b, why, sizeof(why)), 0);
	assert_int_equal(cron_open(&r->b, why, sizeof(why)), 0);
	cron_start(&r->b);
	r->b.lanes = mem_zalloc(1, sizeof(struct lanes));
	fds[0] = r->unix_fd = listen_unix(r);
	fds[1] = r->tcp_fd = listen_tcp(r);
	assert_int_equal(net_new(&r->b, fds, 2, &r->b.net), 0);
	net_serve(r->b.net);
}

static void
remove_dir(const char *path)
{
	DIR		*d = opendir(path);
	struct dirent	*e;

	while (d != NULL && (e = readdir(d)) != NULL)
		if (unlinkat(dirfd(d), e->d_name, 0) != 0)
			unlinkat(dirfd(d), e->d_name, AT_REMOVEDIR);	/* groups */
	if (d != NULL)
		closedir(d);
	rmdir(path);
}

void
rig_close(struct rig *r)
{
	net_free(r->b.net);
	cron_close(&r->b);
	ledger_close(&r->b);
	fetch_free(r->b.fetch);
	gather_close(&r->b);
	keep_close(&r->b);
	logs_close(&r->b);
	core_free(r->b.core);
	access_close(r->b.access);
	idmap_free(&r->b.lanes->attempts);
	idmap_free(&r->b.lanes->told);
	free(r->b.lanes);
	event_base_free(r->b.base);
	config_fini(&r->b.config);
	fd_close(&r->unix_fd);
	fd_close(&r->tcp_fd);
	remove_dir(r->dir);
}

static void
settle(struct rig *r)
{
	core_tick(r->b.core, r->b.now);
	broker_settle(&r->b);
	if (r->b.draining && core_idle(r->b.core))
		net_drained(r->b.net);
}

void
rig_turn(struct rig *r)
{
	event_base_loop(r->b.base, EVLOOP_ONCE | EVLOOP_NONBLOCK);
	read_clocks(r);
	settle(r);
	logs_run(&r->b);
	net_flush(r->b.net);
}

void
rig_skip(struct rig *r, int64_t ms)
{
	r->b.now.mono_ns = clock_mono_ns() + ms * NS_PER_MS;
	net_flush(r->b.net);
	rig_turn(r);
}

const char *
rig_token(struct rig *r, char *out, size_t size)
{
	char	path[128], *text;

	snprintf(path, sizeof(path), "%s/client.token", r->dir);
	assert_non_null(text = fd_read_file(path, 256, NULL));
	text[strcspn(text, "\n")] = '\0';
	snprintf(out, size, "%s", text);
	free(text);
	return out;
}

/* ---- workers ---- */

struct attempt *
rig_attempt(struct rig *r, uint64_t job)
{
	int64_t		 end = clock_mono_ns() + PATIENCE_NS;
	struct attempt	*at;

	while ((at = idmap_get(&r->b.lanes->attempts, job)) == NULL) {
		rig_turn(r);
		if (clock_mono_ns() > end)
			fail_msg("job %lu is not in a worker", (unsigned long)job);
	}
	return at;
}

static void
end_attempt(struct rig *r, uint64_t job, enum attempt_end end, struct outcome *o)
{
	struct attempt	*at = rig_attempt(r, job);

	idmap_del(&r->b.lanes->attempts, job);
	idmap_del(&r->b.lanes->told, job);
	core_attempt_done(r->b.core, r->b.now, at, end, o);
	settle(r);
}

void
rig_succeed(struct rig *r, uint64_t job, const char *json)
{
	struct outcome	o = { .text = json_text(json), .len = (uint32_t)strlen(json) };

	end_attempt(r, job, ATTEMPT_OK, &o);
}

void
rig_fail(struct rig *r, uint64_t job, const char *message, const char *data)
{
	struct outcome	o = {
		.text = json_text(message), .len = (uint32_t)strlen(message),
		.kind = FAILURE_error,
		.data = data == NULL ? NULL : json_text(data),
	};

	end_attempt(r, job, ATTEMPT_FAILED, &o);
}

uint64_t
rig_any(struct rig *r, unsigned which)
{
	struct idmap	*m = &r->b.lanes->attempts;
	struct attempt	*at;
	size_t		 walk = 0;

	if (m->len == 0)
		return 0;
	for (size_t skip = which % m->len; (at = idmap_next(m, &walk)) != NULL && skip > 0; skip--)
		;
	return at->job_id;
}

bool
rig_told(struct rig *r, uint64_t job)
{
	for (int i = 0; i < 20 && idmap_get(&r->b.lanes->told, job) == NULL; i++)
		rig_turn(r);
	return idmap_get(&r->b.lanes->told, job) != NULL;
}

void
rig_end_cancelled(struct rig *r, uint64_t job)
{
	struct outcome	o = { 0 };

	end_attempt(r, job, ATTEMPT_CANCELLED, &o);
}

/* ---- clients ---- */

static int
connect_unix(struct rig *r)
{
	struct sockaddr_un	addr = { .sun_family = AF_UNIX };
	int			fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	strcpy(addr.sun_path, r->unix_path);
	assert_return_code(connect(fd, (struct sockaddr *)&addr, sizeof(addr)), errno);
	return fd;
}

static int
connect_tcp(struct rig *r)
{
	struct sockaddr_in	addr = {
		.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK),
		.sin_port = htons(r->tcp_port),
	};
	int			fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	assert_return_code(connect(fd, (struct sockaddr *)&addr, sizeof(addr)), errno);
	return fd;
}

void
peer_open(struct peer *p, struct rig *r, bool tcp)
{
	*p = (struct peer){ .rig = r, .fd = tcp ? connect_tcp(r) : connect_unix(r) };
	assert_int_equal(fd_set_nonblock(p->fd), 0);
}

void
peer_close(struct peer *p)
{
	fd_close(&p->fd);
	buf_free(&p->in);
	free(p->line);
	p->line = NULL;
}

/* What the broker has sent so far is taken out of the socket; false: end-of-file. */
static bool
take_in(struct peer *p)
{
	ssize_t	n;

	while ((n = recv(p->fd, buf_room(&p->in, 65536), 65536, 0)) > 0)
		buf_added(&p->in, (size_t)n);
	return n < 0 && errno == EAGAIN;
}

void
peer_send(struct peer *p, const char *text, size_t len)
{
	int64_t	end = clock_mono_ns() + PATIENCE_NS;

	while (len > 0) {
		ssize_t	n = send(p->fd, text, len, MSG_NOSIGNAL);

		if (n > 0) {
			text += n;
			len -= (size_t)n;
			continue;
		}
		if (errno != EAGAIN)
			return;		/* closed on us: what it said before is still to be read */
		rig_turn(p->rig);
		if (clock_mono_ns() > end)
			fail_msg("%zu bytes are not taken", len);
	}
}

void
peer_say(struct peer *p, const char *text)
{
	char	*line = json_text(text);

	peer_send(p, line, strlen(line));
	peer_send(p, "\n", 1);
	free(line);
}

void
peer_sayf(struct peer *p, const char *fmt, ...)
{
	char	text[4096];
	va_list	ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	peer_say(p, text);
}

static bool
next_line(struct peer *p)
{
	const char	*lf = NULL;
	json_error_t	 why;
	json_t		*value;

	if (buf_len(&p->in) > 0)
		lf = memchr(buf_data(&p->in), '\n', buf_len(&p->in));
	if (lf == NULL)
		return false;
	free(p->line);
	p->line = mem_strndup(buf_data(&p->in), (size_t)(lf - buf_data(&p->in)));
	buf_consume(&p->in, (size_t)(lf - buf_data(&p->in)) + 1);
	if ((value = json_loads(p->line, JSON_ALLOW_NUL, &why)) == NULL)
		fail_msg("not JSON (%s): %.200s", why.text, p->line);
	json_decref(value);
	return true;
}

const char *
peer_line(struct peer *p)
{
	int64_t	end = clock_mono_ns() + PATIENCE_NS;
	bool	open = true;

	while (!next_line(p)) {
		if (!open) {
			assert_int_equal(buf_len(&p->in), 0);
			return NULL;
		}
		rig_turn(p->rig);
		open = take_in(p);
		if (clock_mono_ns() > end)
			fail_msg("no answer");
	}
	return p->line;
}

void
peer_silent(struct peer *p)
{
	for (int i = 0; i < 20; i++)
		rig_turn(p->rig);
	assert_true(take_in(p));
	assert_int_equal(buf_len(&p->in), 0);
}

const char *
peer_ask(struct peer *p, const char *text)
{
	const char	*line;

	peer_say(p, text);
	if ((line = peer_line(p)) == NULL)
		fail_msg("closed instead of an answer to %.100s", text);
	return line;
}

/* ---- lines ---- */

int64_t
line_int(const char *line, const char *name)
{
	char		 text[64], *key;
	const char	*at;
	int64_t		 value;

	snprintf(text, sizeof(text), "'%s':", name);
	key = json_text(text);
	if ((at = strstr(line, key)) == NULL)
		fail_msg("no %s in %.300s", key, line);
	value = strtoll(at + strlen(key), NULL, 10);
	free(key);
	return value;
}

void
assert_has(const char *line, const char *part)
{
	char	*wanted = json_text(part);

	if (line == NULL || strstr(line, wanted) == NULL)
		fail_msg("no %s in %.500s", wanted, line == NULL ? "(closed)" : line);
	free(wanted);
}

void
assert_kind(const char *line, const char *kind)
{
	char	part[64];

	snprintf(part, sizeof(part), "'kind':'%s'", kind);
	assert_has(line, part);
}
