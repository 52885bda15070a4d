/* SPDX-FileCopyrightText: 2026 The dns-updater authors
 * SPDX-License-Identifier: ISC */
#pragma once

/* The front end proper: the loop, its signals, what is reloaded, and the order of the start. */

/* Reads the configuration, opens everything, drops everything, says that it is ready, and serves until
 * SIGTERM or SIGINT. Returns the exit status: 0, 100 or 111. What is wrong is logged. */
int front_run(const char *conf_path);
