/* SPDX-FileCopyrightText: 2026 The dns-updater authors
 * SPDX-License-Identifier: ISC */
#pragma once

/* What is done for one request: who is it, what has he now, what is he to have, write it, say it. One
 * after the other for each user; whoever comes later builds on what was written before. The answer comes
 * when it is published, for a while; nobody waits for another's. */

#include "http/generation.h"
#include "http/server.h"

struct ask;
struct auth;
struct handle;
struct store;
struct uv_loop_s;

/* Called whenever the last job has ended. */
typedef void handle_idle_fn(void *arg);

/* All is borrowed. socket is for messages. 0 or a negative errno. */
int handle_new(struct uv_loop_s *loop, struct auth *auth, struct ask *ask, struct store *store,
	       const char *socket, handle_idle_fn *idle, void *arg, struct handle **ret);

/* Only once no job is left: threads may be at work for those that were given up. */
struct handle *handle_free(struct handle *h);
bool handle_is_busy(const struct handle *h);

/* Answers by server_answer, now or later. */
void handle_request(struct handle *h, struct generation *g, struct server_request *q);

/* The server has answered it, at its time limit. */
void handle_gone(struct server_request *q);

/* What has not begun is answered now, that it should be tried again; what is written already is not waited
 * for until it is published. */
void handle_stop(struct handle *h);
