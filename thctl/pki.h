/*
 * Copyright (c) 2026 The Telehandler developers
 *
 * Permission to use, copy, modify, and distribute this software for any
 * purpose with or without fee is hereby granted, provided that the above
 * copyright notice and this permission notice appear in all copies.
 *
 * THE SOFTWARE IS PROVIDED "AS IS" AND THE AUTHOR DISCLAIMS ALL WARRANTIES
 * WITH REGARD TO THIS SOFTWARE INCLUDING ALL IMPLIED WARRANTIES OF
 * MERCHANTABILITY AND FITNESS. IN NO EVENT SHALL THE AUTHOR BE LIABLE FOR
 * ANY SPECIAL, DIRECT, INDIRECT, OR CONSEQUENTIAL DAMAGES OR ANY DAMAGES
 * WHATSOEVER RESULTING FROM LOSS OF USE, DATA OR PROFITS, WHETHER IN AN
 * ACTION OF CONTRACT, NEGLIGENCE OR OTHER TORTIOUS ACTION, ARISING OUT OF
 * OR IN CONNECTION WITH THE USE OR PERFORMANCE OF THIS SOFTWARE.
 */

#ifndef TH_PKI_H
#define TH_PKI_H

#include <stddef.h>

/*
 * A small certificate authority in a folder: P-384 keys, signatures by
 * ECDSA with SHA-384. A file that exists is never written over.
 *
 * Both functions say on stdout what they have written and what to do next,
 * and return an exit code: 0, or 1 after a message on stderr. After an error
 * no new file is left, but pki_init() may leave the empty folder.
 */

/* What to issue. The strings stay the caller's. */
struct pki_request {
	const char *name; /* common name and file name */
	const char **hosts; /* names and IP addresses of a server */
	size_t nhosts; /* if > 0 for a server, else for a client */
	int client;
	unsigned int days; /* 0: 365 */
};

/* Make the folder, mode 0700, with ca.pem and ca-key.pem for ten years. */
int pki_init(const char *);

/* Write NAME.pem and NAME-key.pem, signed by the authority in the folder. */
int pki_issue(const char *, const struct pki_request *);

#endif
