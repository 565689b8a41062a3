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

#ifndef TH_FRONT_IDENTITY_H
#define TH_FRONT_IDENTITY_H

#include <openssl/x509.h>

#include "msg.h"

struct identity {
	char name[MSG_IDENTITY_MAX + 1];
	uint8_t fingerprint[32]; /* SHA-256 of the certificate */
	int64_t not_after; /* seconds since 1970 */
};

/*
 * Who a verified client certificate is: its one URI SAN if it has any, else
 * its one CN. It must say clientAuth in the extended key usage. Returns NULL
 * and fills in the struct, or the reason why the certificate names nobody.
 */
const char *identity_from_cert(X509 *, struct identity *);

#endif
