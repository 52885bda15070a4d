/* SPDX-FileCopyrightText: 2026 The dns-updater authors
 * SPDX-License-Identifier: ISC */
#pragma once

/* Reads the configuration file, and the users_file that it names. */

#include "core/conf.h"

/* On 0 the caller ends ret with conf_deinit. CONF_E_MISTAKES: every mistake was reported, a file that
 * cannot be read among them; ret still holds what could be read, and is to be ended too. Or
 * -ENOMEM, and ret is not written. */
int load_conf(const char *path, conf_report_fn *report, void *arg, struct conf *ret);
