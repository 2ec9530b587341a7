/* background.h - --daemonize: the starter's process ends when jobd serves, or fails as it does. */
#ifndef SUPERVISOR_BACKGROUND_H
#define SUPERVISOR_BACKGROUND_H

/*
 * Returns in a child that goes on as jobd.  The parent waits there until background_serving, then
 * exits 0, or until the child ends before that, then exits with its code.  Descriptors stay as they
 * are: messages go to stderr still.
 */
void background_start(void);
/* jobd serves: the waiting parent may end, stdout is let go.  No-op without a start. */
void background_serving(void);

#endif
