/* SPDX-FileCopyrightText: 2026 The dns-updater authors
 * SPDX-License-Identifier: ISC */
#include "daemon/zonefile.h"

#include "core/zonefile.h"
#include "daemon/output.h"
#include "daemon/splice.h"

static bool zone_refuses(const struct buf *text, const struct section *section,
			 struct buf *ret_why)
{
	size_t line;
	int r;

	r = zonefile_refuses(text->data, text->len, section, &line);
	if (r) {
		buf_printf(ret_why, "line %zu: %s", line, zonefile_strerror(r));
	}
	return r;
}

static bool zone_serial(const struct buf *text, uint32_t *ret)
{
	struct zonefile_serial serial;

	if (zonefile_find_serial(text->data, text->len, &serial)) {
		return false;
	}
	*ret = serial.value;
	return true;
}

static const char *zone_raise(struct buf *text, uint32_t above, time_t now)
{
	int r;

	r = zonefile_set_serial(text, zonefile_next_serial(above, now));
	return r > 0 ? zonefile_strerror(r) : NULL;
}

static void zone_mask(struct buf *ret, const struct buf *text)
{
	zonefile_mask_serial(ret, text->data, text->len);
}

const struct splice_rules zonefile_rules_raise = {
	.refuses = zone_refuses,
	.serial = zone_serial,
	.raise = zone_raise,
	.mask = zone_mask,
	.is_ordered = true,
};

const struct splice_rules zonefile_rules_keep = {
	.refuses = zone_refuses,
	.is_ordered = true,
};

const struct output_format output_zonefile = {
	.comment = ';',
	.render = zonefile_render,
	.parse = zonefile_parse,
	.rules = &zonefile_rules_raise,
};
