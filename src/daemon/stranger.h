/* SPDX-FileCopyrightText: 2026 The dns-updater authors
 * SPDX-License-Identifier: ISC */
#pragma once

/* A Unix socket that anybody may write to. With bytes may come descriptors, SCM_RIGHTS of unix(7). Who lets go of one last
 * closes what is behind it; and that waits, for as long as its owner likes, where it is a TCP socket with data left and
 * SO_LINGER. A message that is read, or thrown away with its socket, has its descriptors closed by who does that. So
 * none is to come; from Linux 6.16 the kernel sees to that, and before none is to be let go of. */

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

/* Nobody may send descriptors to what connects here; where the kernel does not know that, nothing is changed. */
void stranger_listen(int fd);

/* Of a connection, before anything is read of it: the urgent byte is one of the others. */
void stranger_accept(int fd);

/* Tells what there is to be read, into room for n bytes, and leaves it there: how many bytes, as many of which may be read
 * now; 0 at the end; or a negative errno, -EBADMSG where a descriptor comes with it. */
ssize_t stranger_peek(int fd, void *room, size_t n);

/* Nothing more comes in, and what has come is thrown away. false: not all of it may be, and so fd is not to be closed but by
 * the end of the process, which waits for nothing. */
bool stranger_may_close(int fd);
