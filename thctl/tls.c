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
#include <sys/stat.h>

#include <netinet/in.h>
#include <arpa/inet.h>

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>

#include "client.h"
#include "tls.h"

struct tls {
	SSL_CTX *ctx;
	SSL *ssl;
};

struct reason {
	char *buf;
	size_t size;
};

static void
say(const struct reason *why, const char *what, const char *text)
{
	snprintf(why->buf, why->size, "%s: %s", what, text);
}

/* The newest error of the library, in words. */
static const char *
library_error(void)
{
	unsigned long e = ERR_peek_last_error();
	const char *text = ERR_reason_error_string(e);

	if (e == 0)
		return errno != 0 ? strerror(errno) : "connection closed";
	return text != NULL ? text : "unknown error";
}

static int
check_file(const char *what, const char *path, int secret,
    const struct reason *why)
{
	struct stat st;
	int fd;

	if (path == NULL) {
		snprintf(why->buf, why->size,
		    "no %s is named: give --%s, THCTL_* or thctl.conf", what,
		    what);
		return -1;
	}
	if ((fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK)) == -1 ||
	    fstat(fd, &st) == -1) {
		say(why, safe(path), strerror(errno));
		if (fd != -1)
			close(fd);
		return -1;
	}
	close(fd);
	if (secret && (st.st_mode & 077) != 0) {
		snprintf(why->buf, why->size,
		    "%s: others may read this key: chmod 600 it", safe(path));
		return -1;
	}
	return 0;
}

static int
load_files(SSL_CTX *ctx, const struct settings *set, const struct reason *why)
{
	if (check_file("ca", set->ca, 0, why) == -1 ||
	    check_file("cert", set->cert, 0, why) == -1 ||
	    check_file("key", set->key, 1, why) == -1)
		return -1;
	if (SSL_CTX_load_verify_file(ctx, set->ca) != 1) {
		say(why, safe(set->ca), library_error());
		return -1;
	}
	if (SSL_CTX_use_certificate_chain_file(ctx, set->cert) != 1) {
		say(why, safe(set->cert), library_error());
		return -1;
	}
	if (SSL_CTX_use_PrivateKey_file(ctx, set->key, SSL_FILETYPE_PEM) != 1 ||
	    SSL_CTX_check_private_key(ctx) != 1) {
		say(why, safe(set->key), library_error());
		return -1;
	}
	return 0;
}

static SSL_CTX *
make_context(const struct settings *set, const struct reason *why)
{
	static const unsigned char alpn[] = "\x02h2";
	SSL_CTX *ctx;

	OPENSSL_init_ssl(OPENSSL_INIT_NO_LOAD_CONFIG, NULL);
	if ((ctx = SSL_CTX_new(TLS_client_method())) == NULL) {
		say(why, "TLS", library_error());
		return NULL;
	}
	SSL_CTX_set_min_proto_version(ctx, TLS1_3_VERSION);
	SSL_CTX_set_verify(ctx, SSL_VERIFY_PEER, NULL);
	SSL_CTX_set_mode(ctx,
	    SSL_MODE_ENABLE_PARTIAL_WRITE |
		SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
	SSL_CTX_set_session_cache_mode(ctx, SSL_SESS_CACHE_OFF);
	if (SSL_CTX_set_alpn_protos(ctx, alpn, 3) != 0 ||
	    load_files(ctx, set, why) == -1) {
		SSL_CTX_free(ctx);
		return NULL;
	}
	return ctx;
}

static int
set_peer(SSL *ssl, const char *host)
{
	X509_VERIFY_PARAM *param = SSL_get0_param(ssl);
	struct in6_addr addr;

	if (inet_pton(AF_INET, host, &addr) == 1 ||
	    inet_pton(AF_INET6, host, &addr) == 1)
		return X509_VERIFY_PARAM_set1_ip_asc(param, host);
	X509_VERIFY_PARAM_set_hostflags(param,
	    X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS |
		X509_CHECK_FLAG_NEVER_CHECK_SUBJECT);
	/* What SSL_set_tlsext_host_name() is a macro for. */
	if (SSL_ctrl(ssl, SSL_CTRL_SET_TLSEXT_HOSTNAME,
		TLSEXT_NAMETYPE_host_name, (void *)(uintptr_t)host) != 1)
		return 0;
	return SSL_set1_host(ssl, host);
}

/* What is wrong with the server's certificate, and what helps. */
static void
say_verdict(const struct reason *why, long verdict)
{
	const char *hint = "";

	switch (verdict) {
	case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT_LOCALLY:
	case X509_V_ERR_UNABLE_TO_VERIFY_LEAF_SIGNATURE:
	case X509_V_ERR_SELF_SIGNED_CERT_IN_CHAIN:
	case X509_V_ERR_DEPTH_ZERO_SELF_SIGNED_CERT:
		hint = " (is --ca the authority that issued it?)";
		break;
	case X509_V_ERR_HOSTNAME_MISMATCH:
	case X509_V_ERR_IP_ADDRESS_MISMATCH:
		hint = " (give --server a name it was issued for, or issue "
		       "one for this name)";
		break;
	case X509_V_ERR_CERT_HAS_EXPIRED:
	case X509_V_ERR_CERT_NOT_YET_VALID:
		hint = " (it needs a new one, or a clock is wrong)";
		break;
	}
	snprintf(why->buf, why->size,
	    "the server's certificate is not acceptable: %s%s",
	    X509_verify_cert_error_string(verdict), hint);
}

/* Why the handshake failed, if not for the server's certificate. */
static void
say_failure(const struct reason *why, int error)
{
	unsigned long e = ERR_peek_last_error();

	switch (ERR_GET_REASON(e)) {
	case SSL_R_WRONG_VERSION_NUMBER:
	case SSL_R_PACKET_LENGTH_TOO_LONG:
	case SSL_R_HTTP_REQUEST:
		say(why, "TLS handshake",
		    "what listens there does not speak TLS: is the port "
		    "right?");
		return;
	case SSL_R_UNEXPECTED_EOF_WHILE_READING:
		error = ECONNRESET;
		break;
	}
	if (error == ETIMEDOUT)
		say(why, "TLS handshake",
		    "the server does not answer: is it thd that listens "
		    "there?");
	else if (error == ECONNRESET || error == EPIPE)
		say(why, "TLS handshake",
		    "the server closed the connection: is it thd that "
		    "listens there?");
	else
		say(why, "TLS handshake", library_error());
}

/* One more step. 1 when done, 0 to go on, -1 with *error. */
static int
connect_step(SSL *ssl, int64_t deadline, int *error)
{
	short events;
	int r;

	ERR_clear_error();
	errno = 0;
	if ((r = SSL_connect(ssl)) == 1)
		return 1;
	switch (SSL_get_error(ssl, r)) {
	case SSL_ERROR_WANT_READ:
		events = POLLIN;
		break;
	case SSL_ERROR_WANT_WRITE:
		events = POLLOUT;
		break;
	default:
		*error = errno;
		return -1;
	}
	if (transport_wait(SSL_get_fd(ssl), events, deadline) == 0)
		return 0;
	*error = errno;
	return -1;
}

static int
handshake(SSL *ssl, const struct reason *why)
{
	int64_t deadline = now_ms() + SILENCE_MS;
	const unsigned char *proto;
	unsigned int len;
	long verdict;
	int r, error = 0;

	while ((r = connect_step(ssl, deadline, &error)) == 0)
		continue;
	if (r == -1) {
		verdict = SSL_get_verify_result(ssl);
		if (verdict != X509_V_OK)
			say_verdict(why, verdict);
		else
			say_failure(why, error);
		return -1;
	}
	SSL_get0_alpn_selected(ssl, &proto, &len);
	if (len != 2 || memcmp(proto, "h2", 2) != 0) {
		say(why, "TLS",
		    "the server does not speak HTTP/2: is it thd that listens "
		    "there?");
		return -1;
	}
	return 0;
}

struct tls *
tls_open(int fd, const char *host, const struct settings *set, char *buf,
    size_t size)
{
	struct reason why = { buf, size };
	struct tls *t;

	if ((t = calloc(1, sizeof(*t))) == NULL) {
		say(&why, "TLS", strerror(errno));
		return NULL;
	}
	if ((t->ctx = make_context(set, &why)) == NULL) {
		tls_close(t);
		return NULL;
	}
	if ((t->ssl = SSL_new(t->ctx)) == NULL || SSL_set_fd(t->ssl, fd) != 1 ||
	    set_peer(t->ssl, host) != 1) {
		say(&why, "TLS", library_error());
		tls_close(t);
		return NULL;
	}
	if (handshake(t->ssl, &why) == -1) {
		tls_close(t);
		return NULL;
	}
	return t;
}

void
tls_close(struct tls *t)
{
	if (t->ssl != NULL) {
		if (SSL_is_init_finished(t->ssl))
			(void)SSL_shutdown(t->ssl);
		SSL_free(t->ssl);
	}
	SSL_CTX_free(t->ctx);
	free(t);
}

int
tls_pending(const struct tls *t)
{
	return SSL_pending(t->ssl) > 0;
}

/* An alert of the server about us comes with the first read. */
static void
explain(char *why, size_t size)
{
	switch (ERR_GET_REASON(ERR_peek_last_error())) {
	case SSL_R_TLSV13_ALERT_CERTIFICATE_REQUIRED:
	case SSL_R_TLSV1_ALERT_UNKNOWN_CA:
	case SSL_R_SSLV3_ALERT_BAD_CERTIFICATE:
	case SSL_R_SSLV3_ALERT_CERTIFICATE_EXPIRED:
	case SSL_R_SSLV3_ALERT_CERTIFICATE_REVOKED:
	case SSL_R_SSLV3_ALERT_CERTIFICATE_UNKNOWN:
	case SSL_R_SSLV3_ALERT_UNSUPPORTED_CERTIFICATE:
	case SSL_R_TLSV1_ALERT_ACCESS_DENIED:
		snprintf(why, size, "the server refused our certificate: %s",
		    library_error());
		break;
	case 0:
	case SSL_R_UNEXPECTED_EOF_WHILE_READING:
		snprintf(why, size, "the connection was lost%s%s",
		    errno != 0 ? ": " : "", errno != 0 ? strerror(errno) : "");
		break;
	default:
		snprintf(why, size, "%s", library_error());
		break;
	}
}

static ssize_t
result(struct tls *t, int n, short *events, char *why, size_t size)
{
	switch (SSL_get_error(t->ssl, n)) {
	case SSL_ERROR_NONE:
		return n;
	case SSL_ERROR_WANT_READ:
		*events = POLLIN;
		errno = EAGAIN;
		return -1;
	case SSL_ERROR_WANT_WRITE:
		*events = POLLOUT;
		errno = EAGAIN;
		return -1;
	case SSL_ERROR_ZERO_RETURN:
		return 0;
	default:
		explain(why, size);
		errno = ECONNRESET;
		return -1;
	}
}

ssize_t
tls_read(struct tls *t, void *buf, size_t len, short *events, char *why,
    size_t size)
{
	ERR_clear_error();
	errno = 0;
	return result(t, SSL_read(t->ssl, buf, len), events, why, size);
}

ssize_t
tls_write(struct tls *t, const void *buf, size_t len, short *events, char *why,
    size_t size)
{
	ERR_clear_error();
	errno = 0;
	return result(t, SSL_write(t->ssl, buf, len), events, why, size);
}
