/* signals.h - signals by name and by number. */
#ifndef CLIENT_SIGNALS_H
#define CLIENT_SIGNALS_H

/* `TERM` for TERM, SIGTERM, sigterm and 15; NULL: there is no such signal. */
const char *signal_name_of(const char *word);
/* The number of one that the daemon names, `TERM` or `SIGTERM`; 0: none that is known here. */
int signal_number_of(const char *name);

#endif
