/* main.c - jobctl.  Runs in: jobctl. */
#include <locale.h>

#include "client/ctl.h"

int
main(int argc, char **argv)
{
	setlocale(LC_CTYPE, "");
	return ctl_run(argc, argv);
}
