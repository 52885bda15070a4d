/* SPDX-FileCopyrightText: 2026 The dns-updater authors
 * SPDX-License-Identifier: ISC */
#include "core/tinydns.h"

#include "daemon/output.h"

const struct output_format output_tinydns = {
	.comment = '#',
	.compiled = "data.cdb",
	.by_second = true,
	.render = tinydns_render,
	.parse = tinydns_parse,
};
