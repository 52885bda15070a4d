/* SPDX-FileCopyrightText: 2026 The dns-updater authors
 * SPDX-License-Identifier: ISC */
#pragma once

/* The sockets to accept from: those of the configuration, bound by us, or those that a service manager
 * has opened (sd_listen_fds(3)). */

#include "core/conf.h"

struct sockaddr;

struct listen_socket {
	int fd;
	bool tls;
	enum conf_plain plain; /* ALLOW or REFUSE */
};

/* The array and the descriptors are the caller's. 0, or an exit status (service/start.h) after logging
 * what is wrong. */
int listen_open(const struct conf *c, struct listen_socket **ret, size_t *ret_n);

/* "192.0.2.1:80", also of a port that the kernel chose; the caller frees it. NULL: no memory. */
char *listen_name(int fd);

/* n 0: of another family than IPv4 and IPv6. An IPv4-mapped address, from a socket for both families, is
 * the IPv4 address. *ret_port may be NULL. */
struct ip listen_ip(const struct sockaddr *address, unsigned *ret_port);
