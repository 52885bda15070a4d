/* SPDX-FileCopyrightText: 2026 The dns-updater authors
 * SPDX-License-Identifier: ISC */
#pragma once

/* What the parts of conf.h share: conf.c (the syntax and the keys), conf_finish.c (what can be said only of
 * the whole). Mistakes in the tokens file are reported in the same way. */

#include "core/conf.h"
#include "core/text.h"

struct conf_reader {
	struct conf *c;
	struct conf_output *output; /* IN_OUTPUT: the one of the section */
	const char *file;
	conf_report_fn *report;
	void *arg;
	unsigned line;
	bool users_only; /* a users_file: no sections */
	bool mistakes;
	uint64_t seen; /* a bit for each key of the table */
};

void conf_mistake(struct conf_reader *r, const char *format, ...)
	__attribute__((format(printf, 2, 3)));

/* A mistake about a text from the file, which is shown escaped and cut. */
void conf_mistake_about(struct conf_reader *r, const char *before, struct text t,
			const char *what);

/* Puts one more output at `at`. Its strings are taken over, also on failure; without a name there was no
 * memory for it. 0 or -ENOMEM. */
int conf_add_output(struct conf *c, unsigned at, struct conf_output new);
