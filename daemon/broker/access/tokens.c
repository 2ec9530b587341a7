/* tokens.c - the table of tokens, and the text of its file.  Runs in: broker, loop thread. */
#include "daemon/broker/access/tokens.h"

#include <ctype.h>
#include <errno.h>
#include <inttypes.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include "lib/alloc.h"
#include "lib/log.h"
#include "lib/parse.h"

#define HEAD \
	"# Tokens: id, SHA-256 of the secret, expires, made (ms since 1970), role, types.\n" \
	"# jobd writes this file: use `jobctl token new`, `ls` and `revoke`.\n"

/* ---- secrets ---- */

static void
print_hex(const unsigned char *bytes, size_t len, char *out)
{
	for (size_t i = 0; i < len; i++)
		sprintf(out + 2 * i, "%02x", bytes[i]);
}

static bool
read_hex(const char *text, unsigned char *out, size_t len)
{
	for (size_t i = 0; i < len; i++)
		if (!isxdigit((unsigned char)text[2 * i]) ||
		    sscanf(text + 2 * i, "%2hhx", &out[i]) != 1)
			return false;
	return true;
}

void
token_make(const char *id, char out[TOKEN_BYTES])
{
	unsigned char	secret[TOKEN_SECRET_BYTES];
	int		at = snprintf(out, TOKEN_BYTES, "%s.", id);

	if (getrandom(secret, sizeof(secret), 0) != (ssize_t)sizeof(secret))
		log_fatal("no random numbers errno=%d", errno);
	print_hex(secret, sizeof(secret), out + at);
	explicit_bzero(secret, sizeof(secret));
}

/* Where the secret begins; NULL: it is not of that form. */
static const char *
secret_of(const char *text, size_t len)
{
	const char	*secret;

	if (len < 2 * TOKEN_SECRET_BYTES + 2)
		return NULL;
	secret = text + len - 2 * TOKEN_SECRET_BYTES;
	if (secret[-1] != '.')
		return NULL;
	for (size_t i = 0; i < 2 * TOKEN_SECRET_BYTES; i++)
		if (!isxdigit((unsigned char)secret[i]) || isupper((unsigned char)secret[i]))
			return NULL;
	return secret;
}

bool
token_is_of(const char *text, size_t len, const char *id)
{
	const char	*secret = secret_of(text, len);

	return secret != NULL && (size_t)(secret - 1 - text) == strlen(id) &&
	    memcmp(text, id, strlen(id)) == 0;
}

static void
hash_secret(const char *secret, unsigned char out[TOKEN_HASH_BYTES])
{
	if (EVP_Digest(secret, 2 * TOKEN_SECRET_BYTES, out, NULL, EVP_sha256(), NULL) != 1)
		log_fatal("no SHA-256");
}

/* ---- the table ---- */

void
tokens_init(struct tokens *t)
{
	*t = (struct tokens){ 0 };
	list_init(&t->list);
}

void
tokens_remove(struct tokens *t, struct token *token)
{
	namemap_del(&t->by_id, token->id, strlen(token->id));
	list_remove(&token->link);
	t->len--;
	identity_unref(token->who);
	grant_fini(&token->grant);
	explicit_bzero(token->hash, sizeof(token->hash));
	free(token);
}

void
tokens_fini(struct tokens *t)
{
	while (!list_empty(&t->list))
		tokens_remove(t, list_entry(t->list.next, struct token, link));
	namemap_free(&t->by_id);
}

struct token *
tokens_find(const struct tokens *t, const char *id, size_t len)
{
	return namemap_get(&t->by_id, id, len);
}

static struct token *
put(struct tokens *t, const char *id, size_t len, struct grant *grant)
{
	struct token	*before = tokens_find(t, id, len), *token = mem_zalloc(1, sizeof(*token));

	memcpy(token->id, id, len);
	token->grant = *grant;
	*grant = (struct grant){ .role = ROLE_anybody };
	if (before != NULL)
		tokens_remove(t, before);
	namemap_put(&t->by_id, token->id, len, token);
	list_push_back(&t->list, &token->link);
	t->len++;
	return token;
}

struct token *
tokens_put(struct tokens *t, const char *text, struct grant *grant)
{
	const char	*secret = secret_of(text, strlen(text));
	struct token	*token = put(t, text, (size_t)(secret - 1 - text), grant);

	hash_secret(secret, token->hash);
	return token;
}

struct token *
tokens_of(const struct tokens *t, const char *text, size_t len)
{
	static const unsigned char	 nobodys[TOKEN_HASH_BYTES];
	const char			*secret = secret_of(text, len);
	struct token			*token;
	unsigned char			 hash[TOKEN_HASH_BYTES];
	bool				 same;

	if (secret == NULL)
		return NULL;
	token = tokens_find(t, text, (size_t)(secret - 1 - text));
	hash_secret(secret, hash);
	same = CRYPTO_memcmp(hash, token == NULL ? nobodys : token->hash, sizeof(hash)) == 0;
	return same && token != NULL && token->grant.role != ROLE_anybody ? token : NULL;
}

/* ---- the file ---- */

void
tokens_print(const struct tokens *t, struct buf *out)
{
	char	hash[2 * TOKEN_HASH_BYTES + 1];

	buf_puts(out, HEAD);
	list_for(node, &t->list) {
		const struct token	*token = list_entry(node, struct token, link);
		enum rpc_role		 role = token->grant.role;

		print_hex(token->hash, sizeof(token->hash), hash);
		buf_printf(out, "%s %s %" PRId64 " %" PRId64 " %s%s%s\n", token->id, hash,
		    token->expires_ms, token->created_ms,
		    role == ROLE_anybody ? "revoked" : rpc_role_names[role],
		    token->grant.types == NULL ? "" : " ",
		    token->grant.types == NULL ? "" : token->grant.types);
	}
}

static bool
is_id(struct span word)
{
	for (size_t i = 0; i < word.len; i++)
		if (!isalnum((unsigned char)word.p[i]) && strchr("_.-", word.p[i]) == NULL)
			return false;
	return word.len >= 1 && word.len <= BOUND_NAME_BYTES;
}

static int
read_grant(const char *text, struct grant *out, char *why, size_t size)
{
	*out = (struct grant){ .role = ROLE_anybody };
	text += strspn(text, " \t");
	return strcmp(text, "revoked") == 0 ? 0 : grant_parse(text, GRANT_TOKEN, out, why, size);
}

/* One line, without its end. */
static int
read_line(struct tokens *t, const char *line, char *why, size_t size)
{
	struct span	 id, hash, expires, created;
	struct grant	 grant;
	struct token	 read = { 0 }, *token;
	size_t		 at = 0;

	if (!grant_word(line, &at, &id) || !grant_word(line, &at, &hash) ||
	    !grant_word(line, &at, &expires) || !grant_word(line, &at, &created)) {
		snprintf(why, size, "a token has an id, a hash, two times, a role and types");
		return -EINVAL;
	}
	if (!is_id(id) || tokens_find(t, id.p, id.len) != NULL) {
		snprintf(why, size, "the id is %s", is_id(id) ? "there twice" :
		    "not 1 to 64 of A-Z a-z 0-9 _ . -");
		return -EINVAL;
	}
	if (hash.len != 2 * TOKEN_HASH_BYTES || !read_hex(hash.p, read.hash, sizeof(read.hash)) ||
	    parse_i64(expires.p, expires.len, 0, BOUND_JOB_ID, &read.expires_ms) != 0 ||
	    parse_i64(created.p, created.len, 0, BOUND_JOB_ID, &read.created_ms) != 0) {
		snprintf(why, size, "the hash has 64 hex digits, and times are milliseconds");
		return -EINVAL;
	}
	if (read_grant(line + at, &grant, why, size) != 0)
		return -EINVAL;
	token = put(t, id.p, id.len, &grant);
	memcpy(token->hash, read.hash, sizeof(token->hash));
	token->expires_ms = read.expires_ms;
	token->created_ms = read.created_ms;
	return 0;
}

int
tokens_read(struct tokens *t, const char *text, size_t len, char *why, size_t size)
{
	const char	*end = text + len, *at = text, *stop;
	char		*line, reason[200];
	int		 number = 0, rc = 0;

	for (; at < end && rc == 0; at = stop + 1) {
		if ((stop = memchr(at, '\n', (size_t)(end - at))) == NULL)
			stop = end;
		line = mem_strndup(at, (size_t)(stop - at));
		number++;
		if (strlen(line) != (size_t)(stop - at)) {
			snprintf(reason, sizeof(reason), "a NUL byte is no part of a text");
			rc = -EINVAL;
		} else if (line[0] != '#' && line[strspn(line, " \t")] != '\0') {
			rc = read_line(t, line, reason, sizeof(reason));
		}
		if (rc == 0 && t->len > TOKENS_MAX) {
			snprintf(reason, sizeof(reason), "more than %d tokens", TOKENS_MAX);
			rc = -EINVAL;
		}
		free(line);
	}
	if (rc != 0)
		snprintf(why, size, "%d: %s", number, reason);
	return rc;
}
