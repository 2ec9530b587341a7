/* tls_files.c - PEM texts from one process to another.  Runs in: supervisor, broker. */
#include "proto/tls_files.h"

#include <errno.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/alloc.h"
#include "lib/fd.h"

/* What the memfd begins with; the texts follow, without their NUL. */
struct head {
	uint32_t	require_client;
	uint32_t	len[TLS_PARTS];		/* 0: there is none */
};

void
tls_files_free(struct tls_files *f)
{
	for (int i = 0; i < TLS_PARTS; i++) {
		if (f->pem[i] != NULL)
			explicit_bzero(f->pem[i], strlen(f->pem[i]));
		free(f->pem[i]);
		f->pem[i] = NULL;
	}
}

int
tls_files_share(const struct tls_files *f)
{
	struct head	head = { .require_client = f->require_client };
	struct iovec	pieces[1 + TLS_PARTS] = { { &head, sizeof(head) } };

	for (int i = 0; i < TLS_PARTS; i++) {
		head.len[i] = f->pem[i] == NULL ? 0 : (uint32_t)strlen(f->pem[i]);
		pieces[1 + i] = (struct iovec){ f->pem[i], head.len[i] };
	}
	return fd_share("jobd-tls", pieces, 1 + TLS_PARTS);
}

/* Do the lengths make up the whole? */
static bool
fits(const struct head *head, off_t size)
{
	uint64_t	sum = sizeof(*head);

	for (int i = 0; i < TLS_PARTS; i++) {
		if (head->len[i] > TLS_FILE_BYTES_MAX)
			return false;
		sum += head->len[i];
	}
	return size >= 0 && sum == (uint64_t)size;
}

int
tls_files_take(int fd, struct tls_files *out)
{
	struct tls_files	f = { 0 };
	struct head		head;
	struct stat		st;
	off_t			at = sizeof(head);

	if (fd < 0 || fstat(fd, &st) != 0 ||
	    pread(fd, &head, sizeof(head), 0) != (ssize_t)sizeof(head) || !fits(&head, st.st_size))
		return -EBADMSG;
	f.require_client = head.require_client != 0;
	for (int i = 0; i < TLS_PARTS; at += head.len[i++]) {
		if (head.len[i] == 0)
			continue;
		f.pem[i] = mem_zalloc(1, head.len[i] + 1);
		if (pread(fd, f.pem[i], head.len[i], at) != (ssize_t)head.len[i]) {
			tls_files_free(&f);
			return -EBADMSG;
		}
	}
	*out = f;
	return 0;
}
