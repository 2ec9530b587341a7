/*
 * access.c - who may what: grants, rules, tokens and their files, quotas, the audit log.
 */
#include "tests/unit/unit.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "daemon/broker/access/access.h"
#include "lib/alloc.h"
#include "lib/clock.h"
#include "lib/fd.h"
#include "lib/private_file.h"

static char		 dir[64], why[512];
static struct config	 cfg;
static struct access	*a;

static char *
in_dir(const char *name)
{
	return mem_printf("%s/%s", dir, name);
}

static int
open_access(void)
{
	return access_open(dir, &cfg, NULL, 1000, &a, why, sizeof(why));
}

static void
close_access(void)
{
	access_close(a);
	a = NULL;
}

static int
set_up(void **state)
{
	(void)state;
	strcpy(dir, "/tmp/jobd-access-XXXXXX");
	assert_non_null(mkdtemp(dir));
	config_init(&cfg);
	why[0] = '\0';
	return 0;
}

static int
tear_down(void **state)
{
	struct dirent	*e;
	DIR		*d;

	(void)state;
	close_access();
	config_fini(&cfg);
	assert_non_null(d = opendir(dir));
	while ((e = readdir(d)) != NULL)
		unlinkat(dirfd(d), e->d_name, 0);
	closedir(d);
	return rmdir(dir);
}

static void
set(const char *setting)
{
	assert_int_equal(config_set(&cfg, setting, why, sizeof(why)), 0);
}

static void
write_file(const char *name, const char *text, mode_t mode)
{
	char	*path = in_dir(name);
	int	 fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0600);

	assert_return_code(fd, errno);
	assert_int_equal(write(fd, text, strlen(text)), strlen(text));
	close(fd);
	assert_return_code(chmod(path, mode), errno);
	free(path);
}

static char *
file_text(const char *name)
{
	char	*path = in_dir(name), *text = fd_read_file(path, 1 << 20, NULL);

	free(path);
	return text;
}

static mode_t
mode_of(const char *name)
{
	char		*path = in_dir(name);
	struct stat	 st;

	assert_return_code(stat(path, &st), errno);
	free(path);
	return st.st_mode & 07777;
}

/* ---- grants ---- */

static void
test_a_grant_is_a_role_and_types_for_submitters(void **state)
{
	static const struct {
		const char	*text;
		enum grant_kind	 kind;
		enum rpc_role	 role;
		const char	*types;
	} good[] = {
		{ "viewer", GRANT_RULE, ROLE_viewer, NULL },
		{ "  submitter\tbuild  deploy ", GRANT_RULE, ROLE_submitter, "build deploy" },
		{ "submitter build build", GRANT_TOKEN, ROLE_submitter, "build" },
		{ "submitter", GRANT_RULE, ROLE_submitter, NULL },
		{ "operator", GRANT_TOKEN, ROLE_operator, NULL },
		{ "admin", GRANT_RULE, ROLE_admin, NULL },
		{ "none", GRANT_RULE, ROLE_anybody, NULL },
		{ "worker", GRANT_TOKEN, ROLE_worker, NULL },
	};
	static const struct {
		const char	*text;
		enum grant_kind	 kind;
		const char	*says;
	} bad[] = {
		{ "", GRANT_RULE, "is not a role" },
		{ "root", GRANT_RULE, "`root` is not a role" },
		{ "Admin", GRANT_RULE, "is not a role" },
		{ "worker", GRANT_RULE, "is not a role" },
		{ "none", GRANT_TOKEN, "is not a role" },
		{ "anybody", GRANT_TOKEN, "is not a role" },
		{ "viewer build", GRANT_RULE, "types go with the role submitter alone" },
		{ "admin build", GRANT_TOKEN, "types go with the role submitter alone" },
		{ "submitter a/b", GRANT_RULE, "`a/b` is not the name of a type" },
	};
	struct grant	g;

	(void)state;
	for (size_t i = 0; i < COUNT(good); i++) {
		assert_int_equal(grant_parse(good[i].text, good[i].kind, &g, why, sizeof(why)), 0);
		assert_int_equal(g.role, good[i].role);
		if (good[i].types == NULL)
			assert_null(g.types);
		else
			assert_string_equal(g.types, good[i].types);
		grant_fini(&g);
	}
	for (size_t i = 0; i < COUNT(bad); i++) {
		assert_int_equal(grant_parse(bad[i].text, bad[i].kind, &g, why, sizeof(why)), -EINVAL);
		assert_non_null(strstr(why, bad[i].says));
	}
}

static void
test_a_grant_has_its_types_whole_and_no_others(void **state)
{
	struct grant	g, h;

	(void)state;
	assert_int_equal(grant_parse("submitter build deploy.x", GRANT_RULE, &g, why, sizeof(why)), 0);
	assert_true(grant_has(&g, "build", 5) && grant_has(&g, "deploy.x", 8));
	assert_false(grant_has(&g, "buil", 4) || grant_has(&g, "build deploy.x", 14) ||
	    grant_has(&g, "deploy", 6) || grant_has(&g, "", 0));
	assert_int_equal(grant_parse("submitter test build", GRANT_RULE, &h, why, sizeof(why)), 0);
	grant_join(&g, &h);
	assert_string_equal(g.types, "build deploy.x test");
	grant_fini(&h);
	assert_int_equal(grant_parse("submitter", GRANT_RULE, &h, why, sizeof(why)), 0);
	assert_false(grant_equal(&g, &h));
	grant_join(&g, &h);
	assert_true(grant_equal(&g, &h));
	assert_true(grant_has(&g, "anything", 8));
	grant_fini(&g);
}

/* ---- rules ---- */

static void
assert_peer(uid_t uid, gid_t first, gid_t second, enum rpc_role role, const char *types)
{
	const gid_t		groups[] = { first, second };
	const struct peer_ids	peer = { .uid = uid, .groups = groups, .ngroups = 2 };
	struct grant		g;

	rules_of_peer(&a->rules, &peer, &g);
	assert_int_equal(g.role, role);
	if (types == NULL)
		assert_null(g.types);
	else
		assert_string_equal(g.types, types);
	grant_fini(&g);
}

static void
test_a_rule_for_the_user_goes_before_those_of_groups_of_which_the_strongest_counts(void **state)
{
	(void)state;
	set("access.user:70001=viewer");
	set("access.user:70002=none");
	set("access.group:80001=submitter build");
	set("access.group:80002=submitter deploy");
	set("access.group:80003=operator");
	set("access.group:80004=none");
	assert_int_equal(open_access(), 0);
	assert_peer(0, 80004, 80004, ROLE_admin, NULL);
	assert_peer(geteuid(), 80004, 80004, ROLE_admin, NULL);
	assert_peer(70001, 80003, 80001, ROLE_viewer, NULL);
	assert_peer(70002, 80003, 80001, ROLE_anybody, NULL);
	assert_peer(70009, 80001, 9, ROLE_submitter, "build");
	assert_peer(70009, 9, 80002, ROLE_submitter, "deploy");
	assert_peer(70009, 80001, 80002, ROLE_submitter, "build deploy");
	assert_peer(70009, 80001, 80003, ROLE_operator, NULL);
	assert_peer(70009, 80004, 80001, ROLE_submitter, "build");
	assert_peer(70009, 80004, 80004, ROLE_anybody, NULL);
	assert_peer(70009, 9, 9, ROLE_anybody, NULL);
	/* a uid is no gid */
	assert_peer(80003, 70001, 70001, ROLE_anybody, NULL);
}

static void
test_a_rule_says_what_is_wrong_with_it(void **state)
{
	static const struct {
		const char	*setting, *says;
	} bad[] = {
		{ "access.users:x=admin", "access.users:x: is nobody; user:NAME" },
		{ "access.user:=admin", "is nobody" },
		{ "access.user:x\001=admin", "is nobody" },
		{ "access.user:x=", "is not a role" },
		{ "access.user:x=god", "access.user:x: `god` is not a role" },
		{ "access.group:x=viewer y", "types go with the role submitter alone" },
		{ "access.nothing=1", "no such key" },
		{ "quota x.max_jobs=1", "`x` is not a principal: uid:NUMBER" },
		{ "quota token:x.max_job=1", "no such key" },
		{ "quota token:x.max_jobs=-1", "is not a whole number" },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(bad); i++) {
		assert_int_equal(config_set(&cfg, bad[i].setting, why, sizeof(why)), -EINVAL);
		if (strstr(why, bad[i].says) == NULL)
			fail_msg("%s: %s", bad[i].setting, why);
	}
	set("access.user:j.doe=viewer");	/* names have dots, and the last rule holds */
	set("access.user:j.doe=operator");
	assert_int_equal(open_access(), 0);
}

static void
test_a_certificate_is_whom_a_rule_names_whole(void **state)
{
	struct identity	*who;

	(void)state;
	set("access.cert:build server 7=submitter build");
	assert_int_equal(open_access(), 0);
	assert_non_null(who = access_of_certificate(a, "build server 7"));
	assert_string_equal(who->name, "cert:build server 7");
	assert_int_equal(who->grant.role, ROLE_submitter);
	identity_unref(who);
	assert_null(access_of_certificate(a, "build server"));
	assert_null(access_of_certificate(a, "build server 77"));
	assert_null(access_of_certificate(a, ""));
	assert_null(access_of_certificate(a, "build server 7\n"));
}

static void
test_a_peer_is_who_the_kernel_says_with_all_its_groups(void **state)
{
	struct identity	*who;
	char		 name[32];
	int		 pair[2];

	(void)state;
	assert_int_equal(open_access(), 0);
	assert_return_code(socketpair(AF_UNIX, SOCK_STREAM, 0, pair), errno);
	assert_non_null(who = access_of_peer(a, pair[0]));
	snprintf(name, sizeof(name), "uid:%u", geteuid());
	assert_string_equal(who->name, name);
	assert_int_equal(who->grant.role, ROLE_admin);
	identity_unref(who);
	close(pair[0]);
	close(pair[1]);
}

/* ---- tokens ---- */

static enum rpc_role
role_of(const char *text)
{
	const char	*reason;
	struct identity	*who = access_of_token(a, text, strlen(text), 2000, &reason);
	enum rpc_role	 role = who == NULL ? ROLE_anybody : who->grant.role;

	identity_unref(who);
	return role;
}

static char *
secret_in(const char *name)
{
	char	*text = file_text(name);

	assert_non_null(text);
	text[strcspn(text, "\n")] = '\0';
	return text;
}

static void
test_tokens_are_made_once_and_are_the_owners_alone(void **state)
{
	char	*client, *again, *worker, *table;

	(void)state;
	umask(0);
	assert_int_equal(open_access(), 0);
	umask(022);
	assert_int_equal(mode_of("client.token"), 0600);
	assert_int_equal(mode_of("worker.token"), 0600);
	assert_int_equal(mode_of("tokens"), 0600);
	client = secret_in("client.token");
	worker = secret_in("worker.token");
	table = file_text("tokens");
	assert_int_equal(strlen(client), 7 + 64);
	assert_true(token_is_of(client, strlen(client), "client"));
	assert_int_equal(role_of(client), ROLE_admin);
	assert_int_equal(role_of(worker), ROLE_worker);
	assert_null(strstr(table, client + 7));		/* hashes, no secrets */
	close_access();
	assert_int_equal(open_access(), 0);
	again = secret_in("client.token");
	assert_string_equal(again, client);
	assert_int_equal(role_of(client), ROLE_admin);
	free(again);
	free(client);
	free(worker);
	free(table);
}

static void
test_a_wrong_token_is_nobodys(void **state)
{
	char	*client, text[400];

	(void)state;
	assert_int_equal(open_access(), 0);
	client = secret_in("client.token");
	for (size_t i = 0; i < strlen(client); i++) {
		strcpy(text, client);
		text[i] ^= 1;
		assert_int_equal(role_of(text), ROLE_anybody);
		strcpy(text, client);
		text[i] = '\0';
		assert_int_equal(role_of(text), ROLE_anybody);
	}
	strcat(strcpy(text, client), "0");
	assert_int_equal(role_of(text), ROLE_anybody);
	snprintf(text, sizeof(text), "worker.%s", client + 7);
	assert_int_equal(role_of(text), ROLE_anybody);
	snprintf(text, sizeof(text), ".%s", client + 7);
	assert_int_equal(role_of(text), ROLE_anybody);
	assert_int_equal(role_of(""), ROLE_anybody);
	free(client);
}

static void
test_a_file_that_others_may_read_is_refused_by_name(void **state)
{
	static const char *const	names[] = { "client.token", "worker.token", "tokens" };
	char				*path;

	(void)state;
	assert_int_equal(open_access(), 0);
	close_access();
	for (size_t i = 0; i < COUNT(names); i++) {
		path = in_dir(names[i]);
		assert_return_code(chmod(path, 0640), errno);
		assert_int_equal(open_access(), -EPERM);
		assert_non_null(strstr(why, path));
		assert_non_null(strstr(why, "mode 0640, so others may know"));
		assert_return_code(chmod(path, 0604), errno);
		assert_int_equal(open_access(), -EPERM);
		assert_return_code(chmod(path, 0600), errno);
		free(path);
	}
	assert_int_equal(open_access(), 0);
}

static void
test_a_token_that_is_a_link_or_none_is_refused_and_never_shown(void **state)
{
	static const char *const	bad[] = { "", "client.", "client.0123", "ci.0123456789abcdef",
	    "client.0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdeX\n",
	    "client.0123456789ABCDEF0123456789abcdef0123456789abcdef0123456789abcdef\n",
	    "client.0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef0\n" };
	char	*path = in_dir("client.token"), *elsewhere = in_dir("elsewhere");

	(void)state;
	for (size_t i = 0; i < COUNT(bad); i++) {
		write_file("client.token", bad[i], 0600);
		assert_int_equal(open_access(), -EINVAL);
		assert_null(strstr(why, "0123"));
	}
	assert_int_equal(rename(path, elsewhere), 0);
	assert_int_equal(symlink(elsewhere, path), 0);
	assert_int_equal(open_access(), -ELOOP);
	free(path);
	free(elsewhere);
}

static void
test_whoever_removes_a_token_file_gets_another_secret(void **state)
{
	char	*path = in_dir("client.token"), *first, *second;

	(void)state;
	assert_int_equal(open_access(), 0);
	first = secret_in("client.token");
	close_access();
	assert_int_equal(unlink(path), 0);
	assert_int_equal(open_access(), 0);
	second = secret_in("client.token");
	assert_string_not_equal(first, second);
	assert_int_equal(role_of(first), ROLE_anybody);
	assert_int_equal(role_of(second), ROLE_admin);
	free(first);
	free(second);
	free(path);
}

static void
new_token(const char *id, const char *grant, int64_t expires_ms, char text[TOKEN_BYTES])
{
	struct rpc_error	err;
	struct grant		g;

	assert_int_equal(grant_parse(grant, GRANT_TOKEN, &g, why, sizeof(why)), 0);
	assert_int_equal(access_token_new(a, id, &g, expires_ms, 1000, text, &err), 0);
	assert_true(token_is_of(text, strlen(text), id));
}

static void
test_tokens_survive_a_start_and_end_when_revoked_or_expired(void **state)
{
	char			 ci[TOKEN_BYTES], old[TOKEN_BYTES], *client, *path = in_dir("client.token");
	struct rpc_error	 err;
	struct identity		*who;
	const char		*reason;

	(void)state;
	assert_int_equal(open_access(), 0);
	client = secret_in("client.token");
	new_token("ci.7", "submitter build deploy", 0, ci);
	new_token("old", "viewer", 1999, old);
	access_save(a, NULL, NULL);
	close_access();
	assert_int_equal(open_access(), 0);
	who = access_of_token(a, ci, strlen(ci), 2000, &reason);
	assert_string_equal(who->name, "token:ci.7");
	assert_string_equal(who->grant.types, "build deploy");
	assert_null(access_of_token(a, old, strlen(old), 1999, &reason));
	assert_string_equal(reason, "expired");
	assert_int_equal(access_next_expiry(a, 1000), 1999);
	assert_int_equal(access_next_expiry(a, 1999), INT64_MAX);
	assert_int_equal(access_token_revoke(a, "nobody", 6, &err), -1);
	assert_int_equal(err.kind, RPC_not_found);
	assert_int_equal(access_token_revoke(a, "ci.7", 4, &err), 0);
	assert_int_equal(role_of(ci), ROLE_anybody);
	assert_null(access_again(a, who, -1, 2000));
	identity_unref(who);
	/* the owner's own is not made again when it was revoked */
	assert_int_equal(access_token_revoke(a, "client", 6, &err), 0);
	assert_int_equal(access_token_revoke(a, "client", 6, &err), -1);
	access_save(a, NULL, NULL);
	close_access();
	assert_int_equal(open_access(), 0);
	assert_int_equal(access(path, F_OK), -1);
	assert_int_equal(role_of(ci), ROLE_anybody);
	assert_int_equal(role_of(client), ROLE_anybody);
	free(client);
	free(path);
}

static void
test_a_token_of_the_same_name_with_another_secret_is_another(void **state)
{
	char			 first[TOKEN_BYTES], second[TOKEN_BYTES];
	struct identity		*who, *again;
	struct rpc_error	 err;
	struct grant		 g = { .role = ROLE_viewer };
	const char		*reason;

	(void)state;
	assert_int_equal(open_access(), 0);
	new_token("ci", "viewer", 0, first);
	assert_int_equal(access_token_new(a, "ci", &g, 0, 1000, second, &err), -1);
	assert_int_equal(err.kind, RPC_conflict);
	who = access_of_token(a, first, strlen(first), 2000, &reason);
	again = access_again(a, who, -1, 2000);
	assert_ptr_equal(who, again);
	identity_unref(again);
	assert_int_equal(access_token_revoke(a, "ci", 2, &err), 0);
	new_token("ci", "viewer", 0, second);
	assert_null(access_again(a, who, -1, 2000));
	identity_unref(who);
}

static void
test_a_wrong_line_of_the_file_is_named_and_changes_nothing(void **state)
{
	static const struct {
		const char	*line, *says;
	} bad[] = {
		{ "ci\n", "tokens:2: a token has an id" },
		{ "c/i 00 0 0 admin\n", "tokens:2: the id is not" },
		{ "ci 00 0 0 admin\n", "tokens:2: the hash has 64 hex digits" },
		{ "ci 0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef 0 x admin\n",
		    "times are milliseconds" },
		{ "ci 0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef 0 0 king\n",
		    "`king` is not a role" },
		{ "ci 0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef 0 0\n", "is not a role" },
	};
	char	text[300], *client;

	(void)state;
	assert_int_equal(open_access(), 0);
	client = secret_in("client.token");
	for (size_t i = 0; i < COUNT(bad); i++) {
		snprintf(text, sizeof(text), "# a comment\n%s", bad[i].line);
		write_file("tokens", text, 0600);
		access_configure(a, &cfg);
		assert_int_equal(role_of(client), ROLE_admin);
	}
	close_access();
	for (size_t i = 0; i < COUNT(bad); i++) {
		snprintf(text, sizeof(text), "# a comment\n%s", bad[i].line);
		write_file("tokens", text, 0600);
		assert_int_equal(open_access(), -EINVAL);
		if (strstr(why, bad[i].says) == NULL)
			fail_msg("%s: %s", bad[i].line, why);
	}
	free(client);
}

/* ---- quotas ---- */

static void
test_quotas_are_of_each_principal_and_told_with_numbers(void **state)
{
	struct grant		 g = { .role = ROLE_submitter };
	struct rpc_error	 err;
	struct identity		*usual, *own, *boss;

	(void)state;
	set("access.max_connections=2");
	set("access.max_jobs=3");
	set("access.max_bytes=1000");
	set("quota token:own.max_jobs=5");
	assert_int_equal(open_access(), 0);
	usual = identity_new("uid:7", &g, principals_get(&a->principals, "uid:7", 5));
	g.role = ROLE_submitter;
	own = identity_new("token:own", &g, principals_get(&a->principals, "token:own", 9));
	g.role = ROLE_operator;
	boss = identity_new("uid:8", &g, principals_get(&a->principals, "uid:8", 5));
	usual->of->connections = own->of->connections = boss->of->connections = 2;
	assert_int_equal(principals_check_connection(&a->principals, usual, &err), -1);
	assert_int_equal(err.kind, RPC_quota_exceeded);
	assert_string_equal(err.message, "uid:7 has 2 connections, and may have 2");
	assert_string_equal(err.data, "\"quota\":\"connections\",\"used\":2,\"wanted\":1,\"max\":2");
	assert_int_equal(principals_check_connection(&a->principals, own, &err), 0);
	assert_int_equal(principals_check_connection(&a->principals, boss, &err), 0);
	usual->of->account.unfinished = own->of->account.unfinished = boss->of->account.unfinished = 3;
	assert_int_equal(principals_check_job(&a->principals, usual, 1, &err), -1);
	assert_string_equal(err.message, "uid:7 has 3 jobs, and may have 3");
	assert_int_equal(principals_check_job(&a->principals, own, 1, &err), 0);
	assert_int_equal(principals_check_job(&a->principals, boss, 1, &err), 0);
	usual->of->account = (struct account){ .unfinished = 1, .waiting_bytes = 900 };
	assert_int_equal(principals_check_job(&a->principals, usual, 100, &err), 0);
	assert_int_equal(principals_check_job(&a->principals, usual, 101, &err), -1);
	assert_string_equal(err.data, "\"quota\":\"bytes\",\"used\":900,\"wanted\":101,\"max\":1000");
	own->of->account.unfinished = 5;
	assert_int_equal(principals_check_job(&a->principals, own, 1, &err), -1);
	identity_unref(usual);
	identity_unref(own);
	identity_unref(boss);
}

/* ---- the audit log ---- */

static void
say(const char *method, const char *outcome)
{
	static const struct audit_who	who = { .principal = "token:c\"i", .addr = "tcp:[::1]:5" };

	audit_begin(&a->audit, 1234, &who, method);
	audit_number(&a->audit, "id", 42);
	audit_end(&a->audit, 1, outcome);
}

static void
test_an_audit_line_is_json_and_appended(void **state)
{
	char	*text;

	(void)state;
	write_file("audit.log", "before\n", 0600);
	assert_int_equal(open_access(), 0);
	say("job.cancel", "ok");
	say("job.cancel", "forbidden");
	close_access();
	text = file_text("audit.log");
	assert_string_equal(text, "before\n"
	    "{\"at_ms\":1234,\"principal\":\"token:c\\\"i\",\"from\":\"tcp:[::1]:5\",\"method\":\"job.cancel\","
	    "\"id\":42,\"outcome\":\"ok\"}\n"
	    "{\"at_ms\":1234,\"principal\":\"token:c\\\"i\",\"from\":\"tcp:[::1]:5\",\"method\":\"job.cancel\","
	    "\"id\":42,\"outcome\":\"forbidden\"}\n");
	free(text);
}

static unsigned
lines_in(const char *name)
{
	char		*text = file_text(name);
	unsigned	 n = 0;

	for (const char *p = text; p != NULL && (p = strchr(p, '\n')) != NULL; p++)
		n++;
	free(text);
	return n;
}

static void
test_the_audit_log_is_moved_away_before_it_is_too_long(void **state)
{
	char	*text;

	(void)state;
	set("audit.max_bytes=4096");
	set("audit.keep=2");
	assert_int_equal(open_access(), 0);
	for (int i = 0; i < 200; i++) {
		say("job.submit", "ok");
		audit_publish(&a->audit, 0, 0, true);
	}
	close_access();
	assert_int_equal(mode_of("audit.log"), 0600);
	text = file_text("audit.log.1");
	assert_true(strlen(text) <= 4096 && strlen(text) > 3900);
	assert_null(file_text("audit.log.3"));
	/* the newest, whole lines, none twice */
	assert_int_equal(lines_in("audit.log.1"), lines_in("audit.log.2"));
	assert_int_equal((200 - lines_in("audit.log")) % lines_in("audit.log.1"), 0);
	free(text);
}

static void
test_a_log_that_somebody_moved_away_is_begun_again(void **state)
{
	char	*from = in_dir("audit.log"), *to = in_dir("taken");

	(void)state;
	assert_int_equal(open_access(), 0);
	say("ping", "ok");
	close_access();
	assert_int_equal(open_access(), 0);
	say("ping", "ok");
	audit_publish(&a->audit, 0, 0, true);
	while (lines_in("audit.log") < 2)
		usleep(1000);
	assert_int_equal(unlink(from), 0);
	say("ping", "ok");
	close_access();
	assert_int_equal(lines_in("audit.log"), 1);
	free(from);
	free(to);
}

static void
test_what_gathers_is_handed_over_in_time_and_refusals_at_once(void **state)
{
	(void)state;
	assert_int_equal(open_access(), 0);
	assert_true(audit_publish(&a->audit, 0, 1, false) == INT64_MAX);
	say("job.submit", "ok");
	assert_true(audit_publish(&a->audit, 0, 1, false) == 1 + 100 * NS_PER_MS);
	assert_true(audit_publish(&a->audit, 0, 1 + 100 * NS_PER_MS, false) == INT64_MAX);
	assert_int_equal(buf_len(&a->audit.lines), 0);
	say("job.submit", "ok");
	say("job.submit", "forbidden");
	assert_true(audit_publish(&a->audit, 0, 1, false) == INT64_MAX);
	assert_int_equal(buf_len(&a->audit.lines), 0);
}

int
main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
	const struct CMUnitTest	tests[] = {
		TEST(test_a_grant_is_a_role_and_types_for_submitters),
		TEST(test_a_grant_has_its_types_whole_and_no_others),
		TEST(test_a_rule_for_the_user_goes_before_those_of_groups_of_which_the_strongest_counts),
		TEST(test_a_rule_says_what_is_wrong_with_it),
		TEST(test_a_certificate_is_whom_a_rule_names_whole),
		TEST(test_a_peer_is_who_the_kernel_says_with_all_its_groups),
		TEST(test_tokens_are_made_once_and_are_the_owners_alone),
		TEST(test_a_wrong_token_is_nobodys),
		TEST(test_a_file_that_others_may_read_is_refused_by_name),
		TEST(test_a_token_that_is_a_link_or_none_is_refused_and_never_shown),
		TEST(test_whoever_removes_a_token_file_gets_another_secret),
		TEST(test_tokens_survive_a_start_and_end_when_revoked_or_expired),
		TEST(test_a_token_of_the_same_name_with_another_secret_is_another),
		TEST(test_a_wrong_line_of_the_file_is_named_and_changes_nothing),
		TEST(test_quotas_are_of_each_principal_and_told_with_numbers),
		TEST(test_an_audit_line_is_json_and_appended),
		TEST(test_the_audit_log_is_moved_away_before_it_is_too_long),
		TEST(test_a_log_that_somebody_moved_away_is_begun_again),
		TEST(test_what_gathers_is_handed_over_in_time_and_refusals_at_once),
	};

	return cmocka_run_group_tests_name("who may what", tests, NULL, NULL);
}
