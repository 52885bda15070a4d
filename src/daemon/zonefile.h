/* SPDX-FileCopyrightText: 2026 The dns-updater authors
 * SPDX-License-Identifier: ISC */
#pragma once

/* How our section gets into a zone file (`serial' in dns-updater.conf(5)). */

struct splice_rules;

extern const struct splice_rules zonefile_rules_raise; /* and the SOA record's serial is raised */
extern const struct splice_rules zonefile_rules_keep; /* the serial is somebody else's */
