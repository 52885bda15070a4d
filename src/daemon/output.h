/* SPDX-FileCopyrightText: 2026 The dns-updater authors
 * SPDX-License-Identifier: ISC */
#pragma once

/* What makes one kind of file different from another. The way a section gets into the file, the
 * command that follows and the retries are the same for all (publish.h). */

#include "base/buf.h"
#include "core/ip.h"

#include <stdbool.h>

struct output_format {
	char comment;		/* begins a comment line */
	const char *compiled;	/* what the command makes of the file, in the same directory */
	/* Appends the lines of one name. */
	void (*render)(struct buf *b, const char *name, const struct ip_set *set, unsigned ttl);
	/* Takes one line apart that render has written; false: it is not one. */
	bool (*parse)(const char *line, size_t n, char *ret_name, struct ip *ret_ip);
};

extern const struct output_format output_tinydns;
