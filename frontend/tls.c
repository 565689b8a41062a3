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

#include <stdio.h>
#include <string.h>

#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/rand.h>
#include <openssl/ssl.h>
#include <openssl/x509_vfy.h>
#include <openssl/x509v3.h>

#include "tls.h"

#define CIPHERSUITES                                                           \
	"TLS_AES_256_GCM_SHA384:TLS_CHACHA20_POLY1305_SHA256:"                 \
	"TLS_AES_128_GCM_SHA256"
#define GROUPS "X25519:P-256:P-384"
#define SIGALGS                                                                \
	"ed25519:ecdsa_secp256r1_sha256:ecdsa_secp384r1_sha384:"               \
	"rsa_pss_rsae_sha256"

#define VERIFY_DEPTH 2
#define CERT_LIST_MAX 16384

static char reason[256];

void
tls_warm_up(void)
{
	SSL_CTX *ctx;
	unsigned char byte;

	OPENSSL_init_ssl(OPENSSL_INIT_NO_LOAD_CONFIG |
		OPENSSL_INIT_LOAD_SSL_STRINGS |
		OPENSSL_INIT_LOAD_CRYPTO_STRINGS,
	    NULL);
	(void)RAND_bytes(&byte, 1);
	ctx = SSL_CTX_new(TLS_server_method());
	SSL_CTX_free(ctx);
}

/* "what: PATH: OpenSSL's reason" */
static const char *
failed(const char *what, const struct tls_pem *pem)
{
	unsigned long e = ERR_peek_last_error();
	const char *why = e == 0 ? NULL : ERR_reason_error_string(e);

	if (ERR_GET_LIB(e) == ERR_LIB_PEM &&
	    ERR_GET_REASON(e) == PEM_R_NO_START_LINE)
		why = "no certificate in PEM format is in it";
	snprintf(reason, sizeof(reason), "%s%s%s%s%s", what,
	    pem == NULL ? "" : ": ", pem == NULL ? "" : pem->path,
	    why == NULL ? "" : ": ", why == NULL ? "" : why);
	return reason;
}

/*
 * May only make it stricter: a chain that OpenSSL has accepted is refused
 * here, with an alert, if its certificate names nobody.
 */
static int
verify_cb(int ok, X509_STORE_CTX *store)
{
	struct tls_peer *peer;
	SSL *ssl;

	if (!ok || X509_STORE_CTX_get_error_depth(store) > 0)
		return ok;
	ssl = X509_STORE_CTX_get_ex_data(store,
	    SSL_get_ex_data_X509_STORE_CTX_idx());
	if (ssl == NULL || (peer = SSL_get_app_data(ssl)) == NULL)
		return 0;
	peer->refused = identity_from_cert(X509_STORE_CTX_get_current_cert(
					       store),
	    &peer->id);
	if (peer->refused == NULL)
		return 1;
	/* So that the client hears "bad certificate". */
	X509_STORE_CTX_set_error(store, X509_V_ERR_CERT_REJECTED);
	return 0;
}

static int
alpn_cb(SSL *ssl, const unsigned char **out, unsigned char *outlen,
    const unsigned char *in, unsigned int inlen, void *arg)
{
	unsigned int i;

	(void)ssl;
	(void)arg;
	for (i = 0; i < inlen; i += 1 + in[i]) {
		if (in[i] == 2 && inlen - i >= 3 && in[i + 1] == 'h' &&
		    in[i + 2] == '2') {
			*out = in + i + 1;
			*outlen = 2;
			return SSL_TLSEXT_ERR_OK;
		}
	}
	return SSL_TLSEXT_ERR_ALERT_FATAL;
}

/* Counts what comes as handshake messages after the handshake. */
static void
msg_cb(int sent, int version, int type, const void *buf, size_t len, SSL *ssl,
    void *arg)
{
	struct tls_peer *peer;

	(void)version;
	(void)buf;
	(void)len;
	(void)arg;
	if (sent || type != SSL3_RT_HANDSHAKE || !SSL_is_init_finished(ssl))
		return;
	if ((peer = SSL_get_app_data(ssl)) != NULL)
		peer->updates++;
}

static int
set_policy(SSL_CTX *ctx)
{
	unsigned char sid[32];
	X509_VERIFY_PARAM *param;

	SSL_CTX_set_options(ctx,
	    SSL_OP_NO_TICKET | SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION |
		SSL_OP_CIPHER_SERVER_PREFERENCE);
	SSL_CTX_set_mode(ctx,
	    SSL_MODE_RELEASE_BUFFERS | SSL_MODE_ENABLE_PARTIAL_WRITE |
		SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
	SSL_CTX_set_session_cache_mode(ctx, SSL_SESS_CACHE_OFF);
	SSL_CTX_set_read_ahead(ctx, 0);
	SSL_CTX_set_max_cert_list(ctx, CERT_LIST_MAX);
	SSL_CTX_set_verify(ctx,
	    SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT, verify_cb);
	SSL_CTX_set_verify_depth(ctx, VERIFY_DEPTH);
	SSL_CTX_set_alpn_select_cb(ctx, alpn_cb, NULL);
	SSL_CTX_set_msg_callback(ctx, msg_cb);
	param = SSL_CTX_get0_param(ctx);
	if (RAND_bytes(sid, sizeof(sid)) != 1 ||
	    SSL_CTX_set_session_id_context(ctx, sid, sizeof(sid)) != 1 ||
	    SSL_CTX_set_min_proto_version(ctx, TLS1_3_VERSION) != 1 ||
	    SSL_CTX_set_max_proto_version(ctx, TLS1_3_VERSION) != 1 ||
	    SSL_CTX_set_ciphersuites(ctx, CIPHERSUITES) != 1 ||
	    SSL_CTX_set1_groups_list(ctx, GROUPS) != 1 ||
	    SSL_CTX_set1_sigalgs_list(ctx, SIGALGS) != 1 ||
	    SSL_CTX_set1_client_sigalgs_list(ctx, SIGALGS) != 1 ||
	    SSL_CTX_set_num_tickets(ctx, 0) != 1 ||
	    SSL_CTX_set_max_early_data(ctx, 0) != 1 ||
	    SSL_CTX_set_recv_max_early_data(ctx, 0) != 1 ||
	    X509_VERIFY_PARAM_set_purpose(param, X509_PURPOSE_SSL_CLIENT) !=
		1 ||
	    X509_VERIFY_PARAM_set_trust(param, X509_TRUST_SSL_CLIENT) != 1 ||
	    X509_VERIFY_PARAM_set_flags(param, X509_V_FLAG_X509_STRICT) != 1)
		return -1;
	X509_VERIFY_PARAM_set_auth_level(param, 2);
	return 0;
}

static BIO *
pem_bio(const struct tls_pem *pem)
{
	return BIO_new_mem_buf(pem->data, pem->len);
}

/* The first certificate is the server's, the others its chain. */
static const char *
use_cert(SSL_CTX *ctx, const struct tls_pem *pem)
{
	X509 *cert;
	BIO *bio;
	int ok;

	if ((bio = pem_bio(pem)) == NULL)
		return failed("certificate", pem);
	cert = PEM_read_bio_X509(bio, NULL, NULL, NULL);
	ok = cert != NULL && SSL_CTX_use_certificate(ctx, cert) == 1;
	X509_free(cert);
	while (
	    ok && (cert = PEM_read_bio_X509(bio, NULL, NULL, NULL)) != NULL) {
		if (SSL_CTX_add0_chain_cert(ctx, cert) != 1) {
			X509_free(cert);
			ok = 0;
		}
	}
	BIO_free(bio);
	return ok ? NULL : failed("certificate", pem);
}

/* No passphrase: there is nobody to ask. */
static int
no_passphrase(char *buf, int size, int writing, void *arg)
{
	(void)buf;
	(void)size;
	(void)writing;
	(void)arg;
	return -1;
}

static const char *
use_key(SSL_CTX *ctx, const struct tls_pem *pem)
{
	EVP_PKEY *key;
	BIO *bio;
	int ok;

	if ((bio = pem_bio(pem)) == NULL)
		return failed("key", pem);
	key = PEM_read_bio_PrivateKey(bio, NULL, no_passphrase, NULL);
	BIO_free(bio);
	ERR_clear_error();
	if (key == NULL)
		return failed("no private key, or one with a passphrase", pem);
	ok = SSL_CTX_use_PrivateKey(ctx, key) == 1 &&
	    SSL_CTX_check_private_key(ctx) == 1;
	EVP_PKEY_free(key);
	if (ok)
		return NULL;
	ERR_clear_error();
	return failed("certificate and key do not match", pem);
}

static int
is_rsa(const X509 *cert)
{
	EVP_PKEY *key = X509_get0_pubkey(cert);

	return key == NULL || EVP_PKEY_get_base_id(key) == EVP_PKEY_RSA ||
	    EVP_PKEY_get_base_id(key) == EVP_PKEY_RSA_PSS;
}

static int
add_ca(X509_STORE *store, STACK_OF(X509_NAME) * names, X509 *cert)
{
	X509_NAME *name;

	if (X509_STORE_add_cert(store, cert) != 1 ||
	    (name = X509_NAME_dup(X509_get_subject_name(cert))) == NULL)
		return -1;
	if (sk_X509_NAME_push(names, name) == 0) {
		X509_NAME_free(name);
		return -1;
	}
	return 0;
}

/* Trust these CAs for clients, and tell clients so. */
static const char *
use_ca(SSL_CTX *ctx, const struct tls_pem *pem, int *rsa)
{
	STACK_OF(X509_NAME) * names;
	X509 *cert;
	BIO *bio;
	int n = 0, ok = 1;

	if ((bio = pem_bio(pem)) == NULL)
		return failed("ca", pem);
	if ((names = sk_X509_NAME_new_null()) == NULL) {
		BIO_free(bio);
		return failed("ca", pem);
	}
	while (
	    ok && (cert = PEM_read_bio_X509(bio, NULL, NULL, NULL)) != NULL) {
		ok = add_ca(SSL_CTX_get_cert_store(ctx), names, cert) == 0;
		*rsa |= is_rsa(cert);
		X509_free(cert);
		n++;
	}
	BIO_free(bio);
	SSL_CTX_set0_CA_list(ctx, names);
	return ok && n > 0 ? NULL : failed("ca", pem);
}

SSL_CTX *
tls_context(const struct tls_pem *cert, const struct tls_pem *key,
    const struct tls_pem *ca, const char **why)
{
	SSL_CTX *ctx;
	int rsa = 0;

	ERR_clear_error();
	*why = NULL;
	if ((ctx = SSL_CTX_new(TLS_server_method())) == NULL ||
	    set_policy(ctx) == -1)
		*why = failed("TLS", NULL);
	if (*why == NULL && (*why = use_cert(ctx, cert)) == NULL &&
	    (*why = use_key(ctx, key)) == NULL)
		*why = use_ca(ctx, ca, &rsa);
	ERR_clear_error();
	if (*why != NULL) {
		SSL_CTX_free(ctx);
		return NULL;
	}
	/* 128 bits of security, but for RSA keys of usual size. */
	rsa |= is_rsa(SSL_CTX_get0_certificate(ctx));
	SSL_CTX_set_security_level(ctx, rsa ? 2 : 3);
	return ctx;
}

SSL *
tls_new(SSL_CTX *ctx, int fd, struct tls_peer *peer)
{
	SSL *ssl;

	if ((ssl = SSL_new(ctx)) == NULL)
		return NULL;
	SSL_set_app_data(ssl, peer);
	if (SSL_set_fd(ssl, fd) != 1) {
		SSL_free(ssl);
		return NULL;
	}
	return ssl;
}

const char *
tls_check(SSL *ssl)
{
	const unsigned char *alpn;
	unsigned int len;

	SSL_get0_alpn_selected(ssl, &alpn, &len);
	if (len != 2 || memcmp(alpn, "h2", 2) != 0)
		return "the client does not offer h2 by ALPN";
	if (SSL_session_reused(ssl) || SSL_get0_peer_certificate(ssl) == NULL ||
	    SSL_get_verify_result(ssl) != X509_V_OK)
		return "the client is not verified";
	return NULL;
}

const char *
tls_reason(const SSL *ssl, const struct tls_peer *peer, int *certificate)
{
	unsigned long e = ERR_peek_last_error();
	long verify = SSL_get_verify_result(ssl);
	const char *why;

	*certificate = peer->refused != NULL || verify != X509_V_OK;
	if (peer->refused != NULL)
		return peer->refused;
	if (verify != X509_V_OK)
		return X509_verify_cert_error_string(verify);
	if (e != 0 && (why = ERR_reason_error_string(e)) != NULL)
		return why;
	return "the client went away";
}
