/* SPDX-FileCopyrightText: 2026 The dns-updater authors
 * SPDX-License-Identifier: ISC */
#include "http/pair.h"

#include "base/cleanup.h"
#include "base/file.h"
#include "base/log.h"

#include <errno.h>
#include <fcntl.h>
#include <gnutls/gnutls.h>
#include <string.h>

enum { PEM_MAX = 1024 * 1024 };

static struct stat stat_of(const char *path)
{
	struct stat st;

	return stat(path, &st) < 0 ? (struct stat){ 0 } : st;
}

bool pair_has_changed(const struct pair *p, const struct conf_http *conf)
{
	struct stat certificate = stat_of(conf->certificate), key = stat_of(conf->key);

	return !file_same_state(&certificate, &p->certificate_stat) ||
	       !file_same_state(&key, &p->key_stat);
}

static int read_text(const char *path, struct buf *ret)
{
	int r = file_read(AT_FDCWD, path, PEM_MAX, ret);

	(void)buf_str(ret); /* libmicrohttpd reads up to the NUL */
	if (!r) {
		r = buf_error(ret);
	}
	if (r) {
		log_error("unable to read '%s': %s", path, strerror(-r));
	}
	return r;
}

static int check(const struct pair *p, const struct conf_http *conf)
{
	gnutls_datum_t certificate = { (unsigned char *)p->certificate.data,
				       (unsigned)p->certificate.len };
	gnutls_datum_t key = { (unsigned char *)p->key.data, (unsigned)p->key.len };
	gnutls_certificate_credentials_t credentials;
	int r = gnutls_certificate_allocate_credentials(&credentials);

	if (r == GNUTLS_E_SUCCESS) {
		r = gnutls_certificate_set_x509_key_mem(credentials, &certificate, &key,
							GNUTLS_X509_FMT_PEM);
		gnutls_certificate_free_credentials(credentials);
	}
	if (r >= 0) {
		return 0;
	}
	log_error("unable to use certificate '%s' with key '%s': %s", conf->certificate,
		  conf->key, gnutls_strerror(r));
	return r == GNUTLS_E_CERTIFICATE_KEY_MISMATCH ? -EAGAIN : -EINVAL;
}

int pair_read(struct pair *p, const struct conf_http *conf)
{
	_cleanup_(pair_deinit) struct pair new = {
		.certificate_stat = stat_of(conf->certificate),
		.key_stat = stat_of(conf->key),
	};
	int r;

	r = read_text(conf->certificate, &new.certificate);
	if (!r) {
		r = read_text(conf->key, &new.key);
	}
	if (r) {
		return r; /* it may be read another time */
	}
	/* What is of no use is not read again before it has changed. */
	p->certificate_stat = new.certificate_stat;
	p->key_stat = new.key_stat;
	if (p->certificate.len && buf_same(&new.certificate, &p->certificate) && buf_same(&new.key, &p->key)) {
		return PAIR_E_SAME;
	}
	r = check(&new, conf);
	if (!r) {
		struct pair old = *p;

		*p = new;
		new = old;
	}
	return r;
}

void pair_look_again(struct pair *p)
{
	p->certificate_stat = p->key_stat = (struct stat){ 0 };
}

void pair_deinit(struct pair *p)
{
	pair_look_again(p);
	buf_deinit(&p->certificate);
	buf_deinit(&p->key);
}
