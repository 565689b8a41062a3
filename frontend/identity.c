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

#include <string.h>
#include <time.h>

#include <openssl/evp.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>

#include "identity.h"

#define NAME_CHARS                                                             \
	"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._@-"

/*
 * Copy the text if it is 1 to 64 bytes of the given set and nothing more.
 * A NUL within ends strspn() early and so is refused; a bare "-" is not a
 * name, since in resource names it stands for any.
 */
static int
copy_name(char *dst, const ASN1_STRING *s, const char *set)
{
	const unsigned char *p;
	size_t len;

	p = ASN1_STRING_get0_data(s);
	len = ASN1_STRING_length(s);
	if (p == NULL || len == 0 || len > MSG_IDENTITY_MAX)
		return -1;
	memcpy(dst, p, len);
	dst[len] = '\0';
	return strspn(dst, set) == len && strcmp(dst, "-") != 0 ? 0 : -1;
}

static const char *
name_from_cn(const X509 *cert, char *dst)
{
	X509_NAME *subject;
	X509_NAME_ENTRY *entry;
	const ASN1_STRING *s;
	int i;

	subject = X509_get_subject_name(cert);
	if ((i = X509_NAME_get_index_by_NID(subject, NID_commonName, -1)) < 0)
		return "no common name and no URI";
	if (X509_NAME_get_index_by_NID(subject, NID_commonName, i) >= 0)
		return "more than one common name";
	if ((entry = X509_NAME_get_entry(subject, i)) == NULL ||
	    (s = X509_NAME_ENTRY_get_data(entry)) == NULL)
		return "unreadable common name";
	if (ASN1_STRING_type(s) != V_ASN1_UTF8STRING &&
	    ASN1_STRING_type(s) != V_ASN1_PRINTABLESTRING)
		return "common name of an unusual string type";
	if (copy_name(dst, s, NAME_CHARS) == -1)
		return "common name with characters that are not allowed";
	return NULL;
}

/*
 * "uid:NAME" is how the supervisor calls local users: no certificate may name
 * one of those, and the supervisor takes such a name for a breach.
 */
static const char *
name_from_uri(const ASN1_STRING *uri, char *dst)
{
	const char *colon;

	if (copy_name(dst, uri, NAME_CHARS ":/") == -1 ||
	    strncmp(dst, "uid:", 4) == 0 ||
	    (colon = strchr(dst, ':')) == NULL || colon == dst ||
	    strncmp(colon, "://", 3) != 0 || colon[3] == '\0')
		return "URI with a form or characters that are not allowed";
	return NULL;
}

/* NULL with *found 0 if there is no URI among the alternative names. */
static const char *
look_for_uri(const X509 *cert, char *dst, int *found)
{
	GENERAL_NAMES *names;
	const GENERAL_NAME *name;
	const ASN1_STRING *uri = NULL;
	const char *why = NULL;
	int critical, i, n;

	*found = 0;
	names = X509_get_ext_d2i(cert, NID_subject_alt_name, &critical, NULL);
	if (names == NULL) {
		/* -1: the certificate has none. */
		return critical == -1 ? NULL : "unreadable alternative names";
	}
	n = sk_GENERAL_NAME_num(names);
	for (i = 0; i < n; i++) {
		name = sk_GENERAL_NAME_value(names, i);
		if (name->type != GEN_URI)
			continue;
		(*found)++;
		uri = name->d.uniformResourceIdentifier;
	}
	if (*found > 1)
		why = "more than one URI";
	else if (*found == 1)
		why = name_from_uri(uri, dst);
	GENERAL_NAMES_free(names);
	return why;
}

static const char *
check_usage(X509 *cert)
{
	uint32_t flags = X509_get_extension_flags(cert);

	if (flags & EXFLAG_INVALID)
		return "invalid extensions";
	if ((flags & EXFLAG_XKUSAGE) == 0 ||
	    (X509_get_extended_key_usage(cert) & XKU_SSL_CLIENT) == 0)
		return "extended key usage is not clientAuth";
	return NULL;
}

static int
not_after(const X509 *cert, int64_t *when)
{
	struct tm tm;

	if (ASN1_TIME_to_tm(X509_get0_notAfter(cert), &tm) != 1)
		return -1;
	*when = timegm(&tm);
	return 0;
}

const char *
identity_from_cert(X509 *cert, struct identity *id)
{
	const char *why;
	unsigned int len;
	int found;

	memset(id, 0, sizeof(*id));
	if ((why = check_usage(cert)) != NULL ||
	    (why = look_for_uri(cert, id->name, &found)) != NULL)
		return why;
	if (!found && (why = name_from_cn(cert, id->name)) != NULL)
		return why;
	if (not_after(cert, &id->not_after) == -1)
		return "unreadable date";
	if (X509_digest(cert, EVP_sha256(), id->fingerprint, &len) != 1 ||
	    len != sizeof(id->fingerprint))
		return "no fingerprint";
	return NULL;
}
