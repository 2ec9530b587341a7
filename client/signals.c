/* signals.c - signals by name and by number.  Runs in: jobctl. */
#include "client/signals.h"

#include <signal.h>
#include <stdint.h>
#include <string.h>
#include <strings.h>

#include "lib/parse.h"

static const char *
name_of_number(const char *word)
{
	int64_t	number;

	if (parse_i64(word, strlen(word), 1, NSIG - 1, &number) != 0)
		return NULL;
	return sigabbrev_np((int)number);
}

const char *
signal_name_of(const char *word)
{
	int	number = signal_number_of(word);

	return number > 0 ? sigabbrev_np(number) : name_of_number(word);
}

int
signal_number_of(const char *name)
{
	if (strncasecmp(name, "SIG", 3) == 0)
		name += 3;
	for (int n = 1; n < NSIG; n++)
		if (sigabbrev_np(n) != NULL && strcasecmp(name, sigabbrev_np(n)) == 0)
			return n;
	return 0;
}
