/* SPDX-FileCopyrightText: 2026 The dns-updater authors
 * SPDX-License-Identifier: ISC */
#pragma once

/* The daemon proper: takes hints from the watch, reads address files, decides what each user wants,
 * and hands the changes on to be published. */

#include "core/conf.h"

struct daemon;
struct output_commands;
struct patient;
struct watch_fanotify;

/* Everything that needs the rights of the start is done: conf is complete, the helpers of its outputs run
 * (publish_fork), and so does the one of patient. fanotify was opened where it is wanted
 * (watch_choose). Takes over all four, also when it fails. conf_path is for reloads, and borrowed. Returns
 * 0 or a negative errno, which is not logged yet. */
int daemon_new(struct conf *conf, const char *conf_path, struct output_commands *commands,
	       struct watch_fanotify *fanotify, struct patient *patient, struct daemon **ret);

/* The configuration that it has now; borrowed. */
const struct conf *daemon_conf(const struct daemon *d);

/* Runs until SIGTERM or SIGINT, or until it can no longer work. Returns the exit status, 0 or 111. */
int daemon_run(struct daemon *d);

struct daemon *daemon_free(struct daemon *d);
