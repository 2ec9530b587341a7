/* process.c - what this process takes of the machine.  Runs in: broker, loop thread.
 *
 * From /proc, which waits for no disk.  A file of it that is not there counts as 0.
 */
#include "daemon/broker/metrics/process.h"

#include <dirent.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/fd.h"

#define FILES_OF_READING	3	/* `.`, `..`, and the directory's own */

static void
read_memory(int64_t *rss_bytes, int64_t *virtual_bytes)
{
	char	*text = fd_read_file("/proc/self/statm", 128, NULL), *resident = text;

	*rss_bytes = *virtual_bytes = 0;
	if (text == NULL)
		return;
	*virtual_bytes = strtoll(text, &resident, 10) * sysconf(_SC_PAGESIZE);
	*rss_bytes = strtoll(resident, NULL, 10) * sysconf(_SC_PAGESIZE);
	free(text);
}

int64_t
process_rss_bytes(void)
{
	int64_t	rss_bytes, virtual_bytes;

	read_memory(&rss_bytes, &virtual_bytes);
	return rss_bytes;
}

/* Newer kernels say it as the size of the directory; with others it is read. */
static uint64_t
count_files(void)
{
	struct stat	 st;
	uint64_t	 count = 0;
	DIR		*dir;

	if (stat("/proc/self/fd", &st) == 0 && st.st_size > 0)
		return (uint64_t)st.st_size;
	if ((dir = opendir("/proc/self/fd")) == NULL)
		return 0;
	while (readdir(dir) != NULL)
		count++;
	closedir(dir);
	return count < FILES_OF_READING ? 0 : count - FILES_OF_READING;
}

static double
seconds(struct timeval tv)
{
	return (double)tv.tv_sec + (double)tv.tv_usec * 1e-6;
}

void
process_look(struct process *out)
{
	struct rusage	usage;
	struct rlimit	limit;

	memset(out, 0, sizeof(*out));
	read_memory(&out->rss_bytes, &out->virtual_bytes);
	out->open_files = count_files();
	if (getrusage(RUSAGE_SELF, &usage) == 0)
		out->cpu_s = seconds(usage.ru_utime) + seconds(usage.ru_stime);
	if (getrlimit(RLIMIT_NOFILE, &limit) == 0)
		out->max_files = limit.rlim_cur;
}
