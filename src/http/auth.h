/* SPDX-FileCopyrightText: 2026 The dns-updater authors
 * SPDX-License-Identifier: ISC */
#pragma once

/* Who sends a request: by the tokens file, which is read again whenever it has changed. A token is
 * found at once by its hash; a password of crypt(3), slow by intent, is tried in another thread, one
 * at a time, so that neither the loop nor anybody's token waits for it. */

#include "core/conf.h"
#include "core/request.h"
#include "core/tokens.h"

struct auth;
struct uv_loop_s;

enum auth_outcome {
	AUTH_NONE, /* no secret at all */
	AUTH_WRONG,
	AUTH_OK,
	AUTH_BUSY,   /* too many passwords wait to be tried */
	AUTH_FAILED, /* there is no memory */
	AUTH_NOBODY, /* there are no tokens: somebody may be about to write the file */
};

struct auth_result {
	enum auth_outcome outcome;
	uint32_t user; /* of OK, and of WRONG as far as it is known; TABLE_NONE */
	bool *allowed; /* of OK, of each of his names: the receiver's to free. NULL: all */
	char label[TOKENS_LABEL_MAX + 1]; /* of the token; "" for a password */
};

typedef void auth_done_fn(void *arg, struct auth_result *result);

/* conf is borrowed until auth_configure. Bad lines are logged. 0, or an exit status (service/start.h) after
 * logging what is wrong. */
int auth_new(struct uv_loop_s *loop, const struct conf *conf, struct auth **ret);
struct auth *auth_free(struct auth *a);

/* The configuration is another: lines are checked against it. */
void auth_configure(struct auth *a, const struct conf *conf);

/* done is called once, now or later. conf, request and gone are borrowed until then. Once *gone is true
 * nobody waits for the result any more, and a password that is not being tried yet is not tried. */
void auth_check(struct auth *a, const struct conf *conf, const struct request *r,
		const struct ip *peer, const bool *gone, auth_done_fn *done, void *arg);

/* Those that wait to be tried are BUSY, now. */
void auth_stop(struct auth *a);

/* Whom the request says it is from: by a user name, or by a domain name in its place, or by its first
 * host. TABLE_NONE: nobody that there is. */
uint32_t auth_claimed(const struct conf *conf, const struct request *r);

/* Whether this is somebody's token, which people put into the wrong field. */
bool auth_is_token(const struct auth *a, struct text t);
