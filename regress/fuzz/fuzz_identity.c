/* LINK: frontend/identity.c supervisor/name.c */
/* LIBS: libcrypto */
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

#include <sys/types.h>

#include <openssl/evp.h>

#include "identity.h"
#include "name.h"

#include "fuzz.h"

/*
 * Who a certificate is, from its DER form. A name that comes out is one that
 * the supervisor takes, and never that of a local user.
 */

static void
check_name(const struct identity *id)
{
	char user[NAME_USER_MAX + 1];
	size_t i, len = strnlen(id->name, sizeof(id->name));

	MUST(len >= 1 && len <= MSG_IDENTITY_MAX);
	MUST(name_identity_ok(id->name));
	MUST(strncmp(id->name, "uid:", 4) != 0);
	for (i = 0; i < len; i++)
		MUST(id->name[i] > ' ' && id->name[i] < 0x7f &&
		    strchr("%\"'\\", id->name[i]) == NULL);
	name_encode_user(id->name, user, sizeof(user));
	MUST(strchr(user, '/') == NULL);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct identity *id;
	const unsigned char *p = data;
	uint8_t digest[32];
	const char *why;
	X509 *cert;

	if ((cert = d2i_X509(NULL, &p, size)) == NULL)
		return 0;
	if ((id = malloc(sizeof(*id))) == NULL)
		abort();
	why = identity_from_cert(cert, id);
	MUST(why == NULL || why[0] != '\0');
	if (why == NULL) {
		check_name(id);
		MUST(X509_digest(cert, EVP_sha256(), digest, NULL) == 1);
		MUST(memcmp(digest, id->fingerprint, sizeof(digest)) == 0);
	}
	X509_free(cert);
	free(id);
	return 0;
}
