/* LINK: frontend/identity.c */
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

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

#include <openssl/asn1.h>
#include <openssl/evp.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>

#include "identity.h"

/* Enough of a certificate: nothing here looks at a signature. */
static X509 *
cert_new(const char *eku)
{
	X509_EXTENSION *ext;
	EVP_PKEY *key;
	X509 *cert;

	cert = X509_new();
	key = EVP_EC_gen("P-256");
	assert_non_null(cert);
	assert_non_null(key);
	X509_set_version(cert, X509_VERSION_3);
	ASN1_INTEGER_set(X509_get_serialNumber(cert), 1);
	X509_gmtime_adj(X509_getm_notBefore(cert), 0);
	ASN1_TIME_set_string_X509(X509_getm_notAfter(cert), "20400101000000Z");
	X509_set_pubkey(cert, key);
	if (eku != NULL) {
		ext = X509V3_EXT_conf_nid(NULL, NULL, NID_ext_key_usage, eku);
		assert_non_null(ext);
		X509_add_ext(cert, ext, -1);
		X509_EXTENSION_free(ext);
	}
	assert_true(X509_sign(cert, key, EVP_sha256()) > 0);
	EVP_PKEY_free(key);
	return cert;
}

static void
add_cn(X509 *cert, int type, const char *cn, int len)
{
	assert_int_equal(X509_NAME_add_entry_by_NID(X509_get_subject_name(cert),
			     NID_commonName, type, (const unsigned char *)cn,
			     len, -1, 0),
	    1);
}

static void
add_uris(X509 *cert, const char *const *uris, size_t n, int len)
{
	GENERAL_NAMES *names;
	GENERAL_NAME *name;
	size_t i;

	names = GENERAL_NAMES_new();
	for (i = 0; i < n; i++) {
		name = GENERAL_NAME_new();
		name->type = GEN_URI;
		name->d.uniformResourceIdentifier = ASN1_IA5STRING_new();
		ASN1_STRING_set(name->d.uniformResourceIdentifier, uris[i],
		    len);
		sk_GENERAL_NAME_push(names, name);
	}
	assert_int_equal(X509_add1_ext_i2d(cert, NID_subject_alt_name, names, 0,
			     0),
	    1);
	GENERAL_NAMES_free(names);
}

static struct identity id;

/* Sign again, so that what was added is in the encoding. */
static const char *
who(X509 *cert)
{
	EVP_PKEY *key;
	const char *why;

	key = EVP_EC_gen("P-256");
	assert_true(X509_sign(cert, key, EVP_sha256()) > 0);
	EVP_PKEY_free(key);
	why = identity_from_cert(cert, &id);
	X509_free(cert);
	return why;
}

static const char *
who_cn(const char *cn, int len, int type)
{
	X509 *cert = cert_new("clientAuth");

	add_cn(cert, type, cn, len);
	return who(cert);
}

static void
test_cn(void **state)
{
	static const uint8_t zero[32];
	char longest[65];

	(void)state;
	assert_null(who_cn("tele-tester", -1, MBSTRING_ASC));
	assert_string_equal(id.name, "tele-tester");
	assert_true(id.not_after == 2208988800);
	assert_memory_not_equal(id.fingerprint, zero, sizeof(zero));
	assert_null(who_cn("A.b_c@d-9", -1, V_ASN1_UTF8STRING));
	assert_string_equal(id.name, "A.b_c@d-9");
	memset(longest, 'x', 64);
	longest[64] = '\0';
	assert_null(who_cn(longest, -1, V_ASN1_UTF8STRING));
	assert_string_equal(id.name, longest);
}

static void
test_cn_refused(void **state)
{
	static const char *const bad[] = {
		"../admin",
		"a b",
		"admin/x",
		"a:b",
		"adm\xc3\xadn",
		"x\033[2J",
		"users/-",
		"-",
	};
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		assert_non_null(who_cn(bad[i], -1, V_ASN1_UTF8STRING));
	assert_non_null(who_cn("admin\0.evil", 11, V_ASN1_UTF8STRING));
	assert_non_null(who_cn("admin\0", 6, V_ASN1_UTF8STRING));
	/* Another encoding of characters is another name. */
	assert_non_null(who_cn("\0a\0d\0m", 6, V_ASN1_BMPSTRING));
	assert_non_null(who_cn("admin", 5, V_ASN1_T61STRING));
	assert_non_null(who_cn("admin", 5, V_ASN1_IA5STRING));
}

static void
test_cn_count(void **state)
{
	X509 *cert;

	(void)state;
	assert_non_null(who(cert_new("clientAuth")));
	cert = cert_new("clientAuth");
	add_cn(cert, MBSTRING_ASC, "alice", -1);
	add_cn(cert, MBSTRING_ASC, "admin", -1);
	assert_non_null(who(cert));
}

static void
test_usage(void **state)
{
	static const struct {
		const char *eku;
		int good;
	} cases[] = {
		{ "clientAuth", 1 },
		{ "serverAuth,clientAuth", 1 },
		{ "serverAuth", 0 },
		{ "anyExtendedKeyUsage", 0 },
		{ NULL, 0 },
	};
	X509 *cert;
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		cert = cert_new(cases[i].eku);
		add_cn(cert, MBSTRING_ASC, "bob", -1);
		assert_int_equal(who(cert) == NULL, cases[i].good);
	}
}

static const char *
who_uri(const char *uri, int len)
{
	X509 *cert = cert_new("clientAuth");

	add_cn(cert, MBSTRING_ASC, "admin", -1);
	add_uris(cert, &uri, 1, len);
	return who(cert);
}

static void
test_uri(void **state)
{
	(void)state;
	assert_null(who_uri("spiffe://example.org/ns/a", -1));
	/* And the common name does not count. */
	assert_string_equal(id.name, "spiffe://example.org/ns/a");
	assert_non_null(who_uri("uid:root", -1));
	assert_non_null(who_uri("uid:root//x", -1));
	assert_non_null(who_uri("uid://root", -1));
	assert_non_null(who_uri("://x", -1));
	assert_non_null(who_uri("spiffe://", -1));
	assert_non_null(who_uri("spiffe://a b", -1));
	assert_non_null(who_uri("spiffe://a\0b", 12));
	assert_non_null(who_uri("", -1));
}

static void
test_two_uris(void **state)
{
	static const char *const uris[] = { "spiffe://a/b", "spiffe://a/c" };
	X509 *cert = cert_new("clientAuth");

	(void)state;
	add_cn(cert, MBSTRING_ASC, "admin", -1);
	add_uris(cert, uris, 2, -1);
	assert_non_null(who(cert));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_cn),
		cmocka_unit_test(test_cn_refused),
		cmocka_unit_test(test_cn_count),
		cmocka_unit_test(test_usage),
		cmocka_unit_test(test_uri),
		cmocka_unit_test(test_two_uris),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
