/*
 * client_rig.h - jobctl against a daemon that says what the test wants: a forked process that reads
 * lines and answers with lines from a script.  hello is request 1, so the verb's first request is
 * number 2.
 */
#ifndef UNIT_CLIENT_RIG_H
#define UNIT_CLIENT_RIG_H

#include <stdbool.h>
#include <sys/types.h>

#include "client/ctl.h"
#include "tests/unit/unit.h"

#define HELLO	"{\"jsonrpc\":\"2.0\",\"id\":1,\"result\":{\"protocol\":1,\"server\":\"jobd 9\"," \
		"\"principal\":\"uid:7\",\"limits\":{\"line_bytes\":1048576}}}\n"
#define RESULT(id, result)	"{\"jsonrpc\":\"2.0\",\"id\":" #id ",\"result\":" result "}\n"
#define ERROR(id, kind, message) \
		"{\"jsonrpc\":\"2.0\",\"id\":" #id ",\"error\":{\"code\":-1," \
		"\"message\":\"" message "\",\"data\":{\"kind\":\"" kind "\"}}}\n"
#define PATIENCE_S	60

#define WORDS_MAX	16

/*
 * One line that must come, and what is said then (NULL: nothing yet).  The script's end closes.
 * RIG_ANEW instead of a line: the connection is closed, and jobctl must come back and say hello.
 * RIG_STAY instead of a line: jobctl may go on, and closes the connection.
 * RIG_TELL instead of an answer: the test is told that the line has come, and goes on (rig_told).
 */
struct step {
	const char	*expect;
	const char	*reply;
};

#define RIG_ANEW	"<anew>"
#define RIG_STAY	"<stay>"
#define RIG_TELL	"<tell>"

extern char	rig_address[80];
extern int	rig_listener;
extern pid_t	rig_daemon;

int rig_set_up(void **state);
int rig_tear_down(void **state);

/* ---- the daemon ---- */

void rig_start(const struct step *steps);
/* It need not be heard to its end. */
void rig_start_to_leave(const struct step *steps);
/* It ends now: the next one would share its socket with it until it is dead. */
void rig_leave(void);
/* Waits for a RIG_TELL. */
void rig_told(void);
/* The script was heard to its end. */
void rig_assert_content(void);

/* For daemons that are no script; in their process. */
int rig_accept(void);
void rig_must(bool ok, const char *what, const char *line);
bool rig_read_line(int fd, char *line, size_t size);
void rig_say(int fd, const char *text);

/* ---- jobctl ---- */

struct run {
	int	 status;		/* of wait(2) */
	char	*out, *err;
	size_t	 out_len;
};
extern struct run	last;

/* Starts `jobctl WORDS`, its output to files. */
pid_t rig_start_jobctl(const char *input, size_t len, char **words, int *out, int *err);
/* The same; in and out are the caller's. */
pid_t rig_start_jobctl_with(int in, int out, char **words, int *err);
void rig_finish_jobctl(pid_t pid, int out, int err);
/* The exit status; -1: a signal. */
int rig_jobctl_bytes(const char *input, size_t len, char **words);
int rig_jobctl(const char *input, char **words);

#define JOBCTL(...)		rig_jobctl("", (char *[]){ __VA_ARGS__, NULL })
#define JOBCTL_INPUT(input, ...) rig_jobctl(input, (char *[]){ __VA_ARGS__, NULL })
#define W(word)			((char[]){ word })

void rig_assert_said(const char *text);

#endif
