/* again.c - the way back to a daemon that is gone for a moment.  Runs in: jobctl. */
#include "client/again.h"

#include <stdio.h>
#include <stdlib.h>

#include "lib/clock.h"

#define COME_BACK_MS	60000
#define TRY_FIRST_MS	50
#define TRY_MOST_MS	2000

static void
disconnect(struct ctl *ctl)
{
	jobd_close(ctl->conn);
	ctl->conn = NULL;
	ctl->last = NULL;
	free(ctl->principal);
	free(ctl->server);
	ctl->principal = ctl->server = NULL;
}

int
again_connect(struct ctl *ctl, bool (*pause)(void *arg, int ms), void *arg, char *why, size_t size)
{
	int64_t	deadline = clock_after_ms(clock_mono_ns(), COME_BACK_MS);
	int	delay_ms = TRY_FIRST_MS, rc;

	disconnect(ctl);
	do {
		if (!pause(arg, delay_ms)) {
			snprintf(why, size, "stopped while the daemon was away");
			return -1;
		}
		delay_ms = delay_ms * 2 < TRY_MOST_MS ? delay_ms * 2 : TRY_MOST_MS;
		rc = ctl_try_connect(ctl, CTL_LINE_BYTES, why, size);
	} while (rc != 0 && clock_mono_ns() < deadline);
	return rc == 0 ? 0 : -1;
}
