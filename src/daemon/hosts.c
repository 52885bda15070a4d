/* SPDX-FileCopyrightText: 2026 The dns-updater authors
 * SPDX-License-Identifier: ISC */
#include "core/hosts.h"

#include "daemon/output.h"

const struct output_format output_hosts = {
	.comment = '#',
	.hide_kept = true, /* dnsmasq's hostsdir reads every other name */
	.render = hosts_render,
	.parse = hosts_parse,
};
