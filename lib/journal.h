/*
 * journal.h - log lines as entries of systemd's journal, in its native protocol: a datagram of
 * NAME=value lines.
 *
 * An entry has the line's text as MESSAGE, its level as PRIORITY, and its facts as fields: `job=42
 * type=thumbnail` is JOBD_JOB_ID=42 (JOB_ID is the journal's own) and JOBD_TYPE=thumbnail.  It takes no
 * library, and unlike libsystemd's sd_journal_sendv it never waits: a journal that does not read
 * costs lines, not the loop.
 */
#ifndef LIB_JOURNAL_H
#define LIB_JOURNAL_H

#include <stdbool.h>

#define JOURNAL_SOCKET	"/run/systemd/journal/socket"

/*
 * From now on log lines go to the journal whose socket is at path, if JOURNAL_STREAM says that
 * descriptor 2 is read by it; NULL: to stderr again.  Once, while there is one thread.  Do they?
 */
bool journal_use(const char *path);

#endif
