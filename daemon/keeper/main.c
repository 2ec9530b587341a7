/* main.c - jobd-store: checks a store, writes it as text, reads it back.  Runs in: jobd-store, which
 * jobd starts: `jobd --check-store`, `--export FILE`, `--import FILE`.
 *
 * The store is jobs.db of a state directory, or a backup, by its name. */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "daemon/broker/store/sqlite.h"
#include "daemon/keeper/keeper.h"
#include "lib/alloc.h"
#include "lib/log.h"

#define EXIT_USAGE	64

static char *
find_store(const char *path)
{
	struct stat	st;

	if (stat(path, &st) == 0 && S_ISDIR(st.st_mode))
		return mem_printf("%s/%s", path, SQLITE_FILE_NAME);
	return mem_strdup(path);
}

static int
cannot(const char *file)
{
	fprintf(stderr, "jobd-store: %s: %s\n", file, strerror(errno));
	return 1;
}

/* What it has of jobs is for nobody else to read; `-' is standard output. */
static int
export_to(const char *store, const char *file)
{
	int	fd, rc;
	FILE	*out;

	if (strcmp(file, "-") == 0)
		return keeper_export(store, stdout);
	fd = open(file, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	if (fd < 0 || (out = fdopen(fd, "w")) == NULL)
		return cannot(file);
	rc = keeper_export(store, out);
	if (rc == 0 && fsync(fd) != 0)
		rc = cannot(file);
	fclose(out);
	if (rc != 0)
		unlink(file);
	return rc;
}

static int
import_from(const char *store, const char *file)
{
	FILE	*in = strcmp(file, "-") == 0 ? stdin : fopen(file, "re");
	int	 rc;

	if (in == NULL)
		return cannot(file);
	rc = keeper_import(store, in, file);
	if (in != stdin)
		fclose(in);
	return rc;
}

int
main(int argc, char **argv)
{
	char	*store;
	int	 rc = EXIT_USAGE;

	log_init("jobd-store", LOG_LEVEL_INFO);
	umask(0077);
	if (argc < 3) {
		fprintf(stderr, "jobd-store: it is started by jobd: --check-store, --export, "
		    "--import\n");
		return EXIT_USAGE;
	}
	store = find_store(argv[2]);
	if (strcmp(argv[1], "check") == 0 && argc == 3)
		rc = keeper_check(store);
	else if (strcmp(argv[1], "export") == 0 && argc == 4)
		rc = export_to(store, argv[3]);
	else if (strcmp(argv[1], "import") == 0 && argc == 4)
		rc = import_from(store, argv[3]);
	free(store);
	return rc;
}
