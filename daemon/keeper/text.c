/* text.c - a store as text, and back.  Runs in: jobd-store. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "daemon/broker/store/sqlite.h"
#include "daemon/keeper/keeper.h"
#include "lib/alloc.h"
#include "lib/base64.h"

/* Each in the order of its key.  Whatever a table has more than its row says is written as it is. */
static const char *const tables[] = { "meta", "job", "history", "dropped", "uniq", "item" };
#define TABLES	(sizeof(tables) / sizeof(tables[0]))

/* Bytes of this one are no text. */
#define BASE64_COLUMN	"log"

static int
complain(const char *path, const char *what)
{
	fprintf(stderr, "jobd-store: %s: %s\n", path, what);
	return 1;
}

/* ---- export ---- */

static void
print_column(struct buf *out, sqlite3_stmt *st, int column)
{
	const char	*name = sqlite3_column_name(st, column);
	struct span	 text;

	if (sqlite3_column_type(st, column) == SQLITE_NULL)
		return;
	buf_putc(out, ',');
	buf_put_json(out, name, strlen(name));
	buf_putc(out, ':');
	if (sqlite3_column_type(st, column) == SQLITE_INTEGER) {
		buf_put_i64(out, sqlite3_column_int64(st, column));
		return;
	}
	text = db_column(st, column);
	if (strcmp(name, BASE64_COLUMN) == 0) {
		buf_putc(out, '"');
		base64_put(out, text.p, text.len);
		buf_putc(out, '"');
		return;
	}
	buf_put_json(out, text.p == NULL ? "" : text.p, text.len);
}

static int
export_table(sqlite3 *db, const char *table, FILE *out, int64_t *rows)
{
	char		 query[80];
	sqlite3_stmt	*st = NULL;
	struct buf	 line = { 0 };
	int		 rc;

	snprintf(query, sizeof(query), "SELECT * FROM %s ORDER BY 1, 2", table);
	if (strcmp(table, "dropped") == 0)
		snprintf(query, sizeof(query), "SELECT * FROM dropped ORDER BY 1");
	if ((rc = db_prepare(db, query, &st)) != SQLITE_OK)
		return rc;
	while ((rc = sqlite3_step(st)) == SQLITE_ROW) {
		line.head = line.tail = 0;
		buf_printf(&line, "{\"table\":\"%s\"", table);
		for (int i = 0; i < sqlite3_column_count(st); i++)
			print_column(&line, st, i);
		buf_puts(&line, "}\n");
		fwrite(buf_data(&line), 1, buf_len(&line), out);
		++*rows;
	}
	sqlite3_finalize(st);
	buf_free(&line);
	return rc == SQLITE_DONE ? SQLITE_OK : rc;
}

int
keeper_export(const char *path, FILE *out)
{
	sqlite3	*db = NULL;
	char	 why[256];
	int64_t	 rows = 0;
	int	 rc, version;

	if (db_open(path, true, &db, why, sizeof(why)) != 0)
		return complain(path, why);
	version = (int)db_number(db, "PRAGMA user_version", 0, &rc);
	if (rc == SQLITE_OK && version != schema_version) {
		sqlite3_close(db);
		return complain(path, "it is of another version of jobd: start that on it");
	}
	fprintf(out, "{\"jobd_store\":%d}\n", version);
	if (rc == SQLITE_OK)
		rc = db_run(db, "BEGIN");
	for (size_t i = 0; i < TABLES && rc == SQLITE_OK; i++)
		rc = export_table(db, tables[i], out, &rows);
	if (rc != SQLITE_OK)
		db_explain(db, path, rc, why, sizeof(why));
	sqlite3_close(db);
	if (rc != SQLITE_OK)
		return complain(path, why);
	fprintf(out, "{\"rows\":%lld}\n", (long long)rows);
	if (fflush(out) != 0 || ferror(out))
		return complain("the output", strerror(errno));
	return 0;
}

/* ---- import ---- */

struct import {
	sqlite3		*db;
	const char	*name;		/* of what is read */
	int64_t		 line, rows;
	bool		 begun, ended;
	char		 why[200];
};

static bool
known_table(struct span table)
{
	for (size_t i = 0; i < TABLES; i++)
		if (strlen(tables[i]) == table.len && memcmp(tables[i], table.p, table.len) == 0)
			return true;
	return false;
}

/* Names of columns are ours or the statement cannot be made: none can be more than a name. */
static bool
is_name(struct span s)
{
	for (size_t i = 0; i < s.len; i++)
		if ((s.p[i] < 'a' || s.p[i] > 'z') && s.p[i] != '_')
			return false;
	return s.len > 0 && s.len < 32;
}

/* A column that holds bytes takes a text as bytes. */
static bool
is_bytes(sqlite3 *db, struct span table, struct span column)
{
	char		 t[32], c[32];
	const char	*type = "";

	snprintf(t, sizeof(t), "%.*s", (int)table.len, table.p);
	snprintf(c, sizeof(c), "%.*s", (int)column.len, column.p);
	sqlite3_table_column_metadata(db, NULL, t, c, &type, NULL, NULL, NULL, NULL);
	return type != NULL && strcmp(type, "BLOB") == 0;
}

static int
print_insert(const struct keeper_line *l, struct buf *sql, char *why, size_t size)
{
	buf_printf(sql, "INSERT INTO %.*s (", (int)l->table.len, l->table.p);
	for (size_t i = 0; i < l->values_len; i++) {
		struct span	name = l->values[i].name;

		if (!is_name(name)) {
			snprintf(why, size, "no column of %.*s: '%.*s'", (int)l->table.len,
			    l->table.p, (int)(name.len < 40 ? name.len : 40), name.p);
			return -1;
		}
		buf_printf(sql, "%s%.*s", i == 0 ? "" : ", ", (int)name.len, name.p);
	}
	buf_puts(sql, ") VALUES (");
	for (size_t i = 0; i < l->values_len; i++)
		buf_puts(sql, i == 0 ? "?" : ", ?");
	buf_putc(sql, ')');
	return 0;
}

static int
bind_base64(sqlite3_stmt *st, int at, struct span text)
{
	struct buf	bytes = { 0 };
	bool		right = base64_take(&bytes, text.p, text.len);

	if (right)
		sqlite3_bind_blob64(st, at, buf_data(&bytes), buf_len(&bytes), SQLITE_TRANSIENT);
	buf_free(&bytes);
	return right ? SQLITE_OK : SQLITE_MISMATCH;
}

static bool
is_base64(const struct keeper_value *v)
{
	return v->text.p != NULL && v->name.len == strlen(BASE64_COLUMN) &&
	    memcmp(v->name.p, BASE64_COLUMN, v->name.len) == 0;
}

/* SQLITE_OK, or the error. */
static int
bind_value(struct import *im, sqlite3_stmt *st, const struct keeper_line *l, size_t i)
{
	const struct keeper_value	*v = &l->values[i];
	int				 at = (int)i + 1;

	if (v->text.p == NULL)
		return sqlite3_bind_int64(st, at, v->number);
	if (is_base64(v))
		return bind_base64(st, at, v->text);
	if (is_bytes(im->db, l->table, v->name))
		return sqlite3_bind_blob64(st, at, v->text.p, v->text.len, SQLITE_STATIC);
	return sqlite3_bind_text64(st, at, v->text.p, v->text.len, SQLITE_STATIC, SQLITE_UTF8);
}

static int
insert(struct import *im, const struct keeper_line *l)
{
	struct buf	 sql = { 0 };
	sqlite3_stmt	*st = NULL;
	int		 rc = -1;

	if (!known_table(l->table))
		snprintf(im->why, sizeof(im->why), "a store has no such table");
	else if (print_insert(l, &sql, im->why, sizeof(im->why)) == 0) {
		rc = sqlite3_prepare_v2(im->db, buf_data(&sql), (int)buf_len(&sql), &st, NULL);
		for (size_t i = 0; i < l->values_len && rc == SQLITE_OK; i++)
			rc = bind_value(im, st, l, i);
		if (rc == SQLITE_MISMATCH)
			snprintf(im->why, sizeof(im->why), "%s is not base64", BASE64_COLUMN);
		rc = rc == SQLITE_OK && sqlite3_step(st) == SQLITE_DONE ? 0 : -1;
		if (rc != 0 && im->why[0] == '\0')
			snprintf(im->why, sizeof(im->why), "%s", sqlite3_errmsg(im->db));
		sqlite3_finalize(st);
	}
	buf_free(&sql);
	im->rows++;
	return rc;
}

static int
take_line(struct import *im, const struct keeper_line *l)
{
	if (im->ended)
		snprintf(im->why, sizeof(im->why), "there is more behind the end");
	else if (l->is == LINE_BEGIN && !im->begun && l->number == schema_version)
		return im->begun = true, 0;
	else if (l->is == LINE_BEGIN)
		snprintf(im->why, sizeof(im->why), im->begun ? "a second beginning" :
		    "it is of version %lld, and this jobd writes %d", (long long)l->number,
		    schema_version);
	else if (!im->begun)
		snprintf(im->why, sizeof(im->why), "the first line must be {\"jobd_store\":%d}",
		    schema_version);
	else if (l->is == LINE_ROW)
		return insert(im, l);
	else if (l->number == im->rows)
		return im->ended = true, 0;
	else
		snprintf(im->why, sizeof(im->why), "%lld rows, not %lld", (long long)im->rows,
		    (long long)l->number);
	return -1;
}

static int
read_lines(struct import *im, FILE *in)
{
	struct keeper_line	 l;
	char			*text = NULL;
	size_t			 cap = 0;
	ssize_t			 len;
	int			 rc = 0;

	while (rc == 0 && (len = getline(&text, &cap, in)) > 0) {
		im->line++;
		if ((rc = keeper_line_read(text, (size_t)len, &l, im->why, sizeof(im->why))) == 0)
			rc = take_line(im, &l);
		buf_free(&l.scratch);
	}
	free(text);
	if (rc == 0 && !im->ended) {
		snprintf(im->why, sizeof(im->why), "it ends before its last line, {\"rows\":N}");
		rc = -1;
	}
	return rc;
}

static bool
is_empty(sqlite3 *db)
{
	int	rc;

	return db_number(db, "SELECT (SELECT count(*) FROM job) + (SELECT count(*) FROM history) +"
	    " (SELECT count(*) FROM item)", 1, &rc) == 0 && rc == SQLITE_OK;
}

/* All or nothing: a line that is wrong leaves the store as it was. */
static int
import_all(struct import *im, const char *path, FILE *in)
{
	if (!is_empty(im->db))
		return complain(path, "it is not empty: nothing is read into a store that has jobs");
	if (db_run(im->db, "PRAGMA journal_mode = WAL") != SQLITE_OK ||
	    db_run(im->db, "BEGIN IMMEDIATE; DELETE FROM meta; DELETE FROM uniq; DELETE FROM dropped")
	    != SQLITE_OK)
		return complain(path, sqlite3_errmsg(im->db));
	if (read_lines(im, in) != 0) {
		fprintf(stderr, "jobd-store: %s: line %lld: %s\n", im->name, (long long)im->line,
		    im->why);
		return 1;
	}
	if (db_run(im->db, "COMMIT") != SQLITE_OK)
		return complain(path, sqlite3_errmsg(im->db));
	return 0;
}

int
keeper_import(const char *path, FILE *in, const char *name)
{
	struct import	im = { .name = name };
	char		why[256];
	int		rc;

	if (db_open(path, false, &im.db, why, sizeof(why)) != 0 ||
	    schema_upgrade(im.db, path, why, sizeof(why)) != 0) {
		sqlite3_close(im.db);
		return complain(path, why);
	}
	rc = import_all(&im, path, in);
	sqlite3_close(im.db);
	if (rc == 0)
		fprintf(stderr, "%lld rows\n", (long long)im.rows);
	return rc;
}
