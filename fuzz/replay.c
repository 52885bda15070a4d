/* SPDX-FileCopyrightText: 2026 The dns-updater authors
 * SPDX-License-Identifier: ISC */

/* Runs files, or all files of directories, through a fuzzer's function once each: the corpus on
 * any compiler, and whatever a fuzzer has found. */

#include "base/file.h"
#include "fuzz.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>

enum { SIZE_LIMIT = 1 << 20 };

static unsigned n_replayed;

static int replay_file(const char *path)
{
	struct buf b = { 0 };
	int r = file_read(AT_FDCWD, path, SIZE_LIMIT, &b);

	if (!r) {
		char *exact = malloc(b.len ? b.len : 1); /* the sanitizer sees where it ends */

		CHECK(exact);
		memcpy(exact, buf_str(&b), b.len);
		(void)LLVMFuzzerTestOneInput((const uint8_t *)exact, b.len); /* always 0 */
		free(exact);
		n_replayed++;
	}
	buf_deinit(&b);
	return r;
}

static int replay(const char *path)
{
	DIR *d = opendir(path);
	struct dirent *entry;
	int r = 0;

	if (!d) {
		return errno == ENOTDIR ? replay_file(path) : -errno;
	}
	while (!r && (entry = readdir(d))) {
		struct buf b = { 0 };

		if (*entry->d_name == '.') {
			continue;
		}
		buf_printf(&b, "%s/%s", path, entry->d_name);
		r = replay_file(buf_str(&b));
		buf_deinit(&b);
	}
	(void)closedir(d); /* it was only read */
	return r;
}

int main(int argc, char **argv)
{
	for (int i = 1; i < argc; i++) {
		int r = replay(argv[i]);

		if (r) {
			fprintf(stderr, "unable to replay '%s': %s\n", argv[i], strerror(-r));
			return 1;
		}
	}
	printf("%u inputs\n", n_replayed);
	return !n_replayed; /* an empty corpus proves nothing */
}
