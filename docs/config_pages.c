/* config_pages.c - writes jobd.conf(5) and etc/jobd.conf from the rows of config.def.  `make config-pages` runs it. */
#include <stdio.h>
#include <string.h>

#include "lib/buf.h"
#include "proto/config_page.h"

int
main(int argc, char **argv)
{
	struct buf	out = { 0 };

	if (argc == 2 && strcmp(argv[1], "manual") == 0) {
		config_page_manual(&out);
	} else if (argc == 2 && strcmp(argv[1], "file") == 0) {
		config_page_file(&out);
	} else {
		fprintf(stderr, "usage: config_pages manual | file\n");
		return 64;
	}
	if (fwrite(buf_data(&out), 1, buf_len(&out), stdout) != buf_len(&out) || fflush(stdout) != 0)
		return 70;
	buf_free(&out);
	return 0;
}
