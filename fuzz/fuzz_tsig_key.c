/* SPDX-FileCopyrightText: 2026 The dns-updater authors
 * SPDX-License-Identifier: ISC */

/* The file of a TSIG key. What is read can be written as BIND writes it, and is then the same. */

#include "base/buf.h"
#include "core/tsig_key.h"
#include "fuzz.h"

#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	struct tsig_key key = { .name = "" }, again;
	struct buf b = { 0 };
	unsigned line = 0;
	int r = tsig_key_parse((const char *)data, n, &key, &line);

	if (r) {
		CHECK(tsig_key_strerror(r) && !*key.name);
		return 0;
	}
	buf_printf(&b, "key \"%s\" { algorithm %s; secret \"%s\"; };", key.name, key.algorithm,
		   key.secret);
	CHECK(!tsig_key_parse(b.data, b.len, &again, &line));
	CHECK(!strcmp(key.name, again.name) && !strcmp(key.secret, again.secret));
	CHECK(key.algorithm == again.algorithm);
	buf_deinit(&b);
	return 0;
}
