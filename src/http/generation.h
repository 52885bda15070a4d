/* SPDX-FileCopyrightText: 2026 The dns-updater authors
 * SPDX-License-Identifier: ISC */
#pragma once

/* One reading of the configuration. A request that began with it ends with it, whatever is reloaded
 * meanwhile. */

#include "core/conf.h"

#include <stdlib.h>

struct generation {
	unsigned n_refs;
	struct conf conf;
};

static inline struct generation *generation_ref(struct generation *g)
{
	g->n_refs++;
	return g;
}

static inline struct generation *generation_unref(struct generation *g)
{
	if (g && !--g->n_refs) {
		conf_deinit(&g->conf);
		free(g);
	}
	return NULL;
}
