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

#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <openssl/bio.h>
#include <openssl/bn.h>
#include <openssl/crypto.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>

#include "pki.h"
#include "thctl.h"

#define CURVE "P-384"
#define CA_DAYS 3650
#define LEAF_DAYS 365
/* Certificates begin in the past, for hosts whose clock is behind. */
#define CLOCK_SKEW 300
#define SERIAL_BITS 128
#define HOST_MAX 253
#define LABEL_MAX 63
#define NAME_CHARS_MAX 64

#define DIGITS "0123456789"
#define LETTERS "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"

#define FILE_SIZE (NAME_CHARS_MAX + sizeof("-key.pem"))

/* A certificate and its key. */
struct pair {
	X509 *cert;
	EVP_PKEY *key;
};

struct outfile {
	char name[FILE_SIZE];
	char temp[32];
	int staged; /* the temporary file exists */
	int linked; /* so does the file, by us */
};

/* The key's file goes first, and is so the lock on the name. */
#define FILE_KEY 0
#define FILE_CERT 1
#define NFILES 2

/* One call of ours. */
struct pki {
	const char *dir;
	int fd;
	struct pair ca;
	struct pair new;
	struct outfile files[NFILES];
};

/* The library has failed: say why. */
static void
complain(const char *what)
{
	unsigned long e = ERR_peek_last_error();
	const char *text = ERR_reason_error_string(e);

	warnx("%s: %s", what, text != NULL ? text : "unknown error");
	ERR_clear_error();
}

/* ------------------------------------------------------------ the request */

/*
 * The characters are those that thd takes in an identity. The name is a file
 * name too: it must neither hide the file nor look like an option, nor meet
 * the authority's files and the keys of other names.
 */
static int
check_name(const char *name)
{
	static const char chars[] = DIGITS LETTERS "._@-";
	size_t len = strlen(name);

	if (len == 0 || len > NAME_CHARS_MAX || strspn(name, chars) != len) {
		warnx("%s: not a name (1 to %d of A-Z a-z 0-9 . _ @ -)",
		    safe(name), NAME_CHARS_MAX);
		return -1;
	}
	if (name[0] == '.' || name[0] == '-' || strcmp(name, "ca") == 0 ||
	    strcmp(name, "crl") == 0 ||
	    (len > 4 && strcmp(name + len - 4, "-key") == 0)) {
		warnx("%s: a reserved name (ca, crl, .*, -*, *-key)", name);
		return -1;
	}
	return 0;
}

static int
is_address(const char *host)
{
	struct in6_addr addr;

	return inet_pton(AF_INET, host, &addr) == 1 ||
	    inet_pton(AF_INET6, host, &addr) == 1;
}

/* Names as in DNS. If the last label is a number, it is a faulty address. */
static int
is_hostname(const char *host)
{
	static const char chars[] = DIGITS LETTERS "-";

	if (strlen(host) > HOST_MAX)
		return 0;
	for (;;) {
		size_t n = strspn(host, chars);

		if (n == 0 || n > LABEL_MAX || host[0] == '-' ||
		    host[n - 1] == '-')
			return 0;
		if (host[n] == '\0')
			return strspn(host, DIGITS) != n;
		if (host[n] != '.')
			return 0;
		host += n + 1;
	}
}

static int
check_request(const struct pki_request *req)
{
	size_t i;

	if (check_name(req->name) == -1)
		return -1;
	if ((req->client != 0) == (req->nhosts > 0)) {
		warnx("%s: a certificate is for a client or for a server, "
		      "give one of --client and --server",
		    req->name);
		return -1;
	}
	for (i = 0; i < req->nhosts; i++) {
		if (!is_address(req->hosts[i]) && !is_hostname(req->hosts[i])) {
			warnx("%s: neither a host name nor an IP address (no "
			      "port, brackets or wildcard)",
			    safe(req->hosts[i]));
			return -1;
		}
	}
	return 0;
}

/* -------------------------------------------------------------- the files */

static void
file_warn(const struct pki *p, const char *name)
{
	warn("%s/%s", safe(p->dir), name);
}

static void
file_exists(const struct pki *p, const char *name)
{
	warnx("%s/%s: exists already, nothing was written (move it away, or "
	      "take another name)",
	    safe(p->dir), name);
}

/* Who may write in the folder could put another authority there. */
static int
open_folder(struct pki *p)
{
	struct stat st;

	p->fd = open(p->dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (p->fd == -1 || fstat(p->fd, &st) == -1) {
		warn("%s", safe(p->dir));
		return -1;
	}
	if (st.st_uid != geteuid() || (st.st_mode & 022) != 0) {
		warnx("%s: must be our own folder, where nobody else may "
		      "write: chmod 700 it",
		    safe(p->dir));
		return -1;
	}
	return 0;
}

static int
make_folder(struct pki *p)
{
	mode_t mask;
	int r;

	mask = umask(077);
	r = mkdir(p->dir, 0700);
	umask(mask);
	if (r == -1 && errno != EEXIST) {
		warn("%s", safe(p->dir));
		return -1;
	}
	return open_folder(p);
}

/* Name the new files, and refuse early if one is there. */
static int
name_files(struct pki *p, const char *name)
{
	struct stat st;
	int i;

	snprintf(p->files[FILE_KEY].name, FILE_SIZE, "%s-key.pem", name);
	snprintf(p->files[FILE_CERT].name, FILE_SIZE, "%s.pem", name);
	for (i = 0; i < NFILES; i++) {
		name = p->files[i].name;
		if (fstatat(p->fd, name, &st, AT_SYMLINK_NOFOLLOW) == 0) {
			file_exists(p, name);
			return -1;
		}
	}
	return 0;
}

/* Bring a file to the disk, under a temporary name. */
static int
stage_file(struct pki *p, int which)
{
	struct outfile *f = &p->files[which];
	BIO *bio;
	int fd, ok;

	snprintf(f->temp, sizeof(f->temp), ".new-%08x%08x",
	    (unsigned int)arc4random(), (unsigned int)arc4random());
	fd = openat(p->fd, f->temp, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC,
	    0600);
	if (fd == -1) {
		file_warn(p, f->temp);
		return -1;
	}
	f->staged = 1;
	if ((bio = BIO_new_fd(fd, BIO_NOCLOSE)) == NULL)
		ok = 0;
	else if (which == FILE_CERT)
		ok = PEM_write_bio_X509(bio, p->new.cert);
	else
		ok = PEM_write_bio_PrivateKey(bio, p->new.key, NULL, NULL, 0,
		    NULL, NULL);
	if (!ok || fchmod(fd, which == FILE_CERT ? 0644 : 0600) == -1 ||
	    fsync(fd) == -1) {
		file_warn(p, f->name);
		ok = 0;
	}
	BIO_free(bio);
	close(fd);
	return ok ? 0 : -1;
}

/* link(2), unlike rename(2), leaves alone what has come in between. */
static int
link_file(const struct pki *p, struct outfile *f)
{
	if (linkat(p->fd, f->temp, p->fd, f->name, 0) == 0) {
		f->linked = 1;
		return 0;
	}
	if (errno == EEXIST)
		file_exists(p, f->name);
	else
		file_warn(p, f->name);
	return -1;
}

/* The temporary names go in any case, the files to undo an error. */
static void
unlink_files(const struct pki *p, int undo)
{
	const struct outfile *f;

	for (f = p->files; f < p->files + NFILES; f++) {
		if (f->staged && unlinkat(p->fd, f->temp, 0) == -1)
			file_warn(p, f->temp);
		if (undo && f->linked && unlinkat(p->fd, f->name, 0) == -1)
			file_warn(p, f->name);
	}
}

static int
write_files(struct pki *p)
{
	int i, r = -1;

	if (stage_file(p, FILE_KEY) == 0 && stage_file(p, FILE_CERT) == 0 &&
	    link_file(p, &p->files[FILE_KEY]) == 0 &&
	    link_file(p, &p->files[FILE_CERT]) == 0) {
		if ((r = fsync(p->fd)) == -1)
			warn("%s", safe(p->dir));
	}
	unlink_files(p, r == -1);
	for (i = 0; r == 0 && i < NFILES; i++)
		printf("wrote %s/%s\n", safe(p->dir), p->files[i].name);
	return r;
}

static FILE *
open_input(const struct pki *p, const char *name, mode_t forbidden)
{
	struct stat st;
	FILE *fp = NULL;
	int fd;

	fd = openat(p->fd, name, O_RDONLY | O_CLOEXEC);
	if (fd == -1 && errno == ENOENT)
		warnx("%s/%s: no authority is here (thctl pki init)",
		    safe(p->dir), name);
	else if (fd == -1 || fstat(fd, &st) == -1)
		file_warn(p, name);
	else if ((st.st_mode & forbidden) != 0)
		warnx("%s/%s: others may read this key: chmod 600 it",
		    safe(p->dir), name);
	else if ((fp = fdopen(fd, "r")) == NULL)
		file_warn(p, name);
	if (fp == NULL && fd != -1)
		close(fd);
	return fp;
}

static int
load_authority(struct pki *p)
{
	FILE *fp;

	if ((fp = open_input(p, "ca.pem", 0)) == NULL)
		return -1;
	p->ca.cert = PEM_read_X509(fp, NULL, NULL, NULL);
	fclose(fp);
	if (p->ca.cert == NULL) {
		complain("ca.pem");
		return -1;
	}
	if (X509_check_ca(p->ca.cert) != 1) {
		warnx("ca.pem: not the certificate of an authority");
		return -1;
	}
	if ((fp = open_input(p, "ca-key.pem", 077)) == NULL)
		return -1;
	p->ca.key = PEM_read_PrivateKey(fp, NULL, NULL, NULL);
	fclose(fp);
	if (p->ca.key == NULL ||
	    X509_check_private_key(p->ca.cert, p->ca.key) != 1) {
		complain("ca-key.pem");
		return -1;
	}
	return 0;
}

/* ------------------------------------------------------- the certificates */

static int
set_serial(X509 *cert)
{
	BIGNUM *bn = BN_new();
	int ok;

	/* The top bit is set: never 0, always of full length. */
	ok = bn != NULL &&
	    BN_rand(bn, SERIAL_BITS, BN_RAND_TOP_ONE, BN_RAND_BOTTOM_ANY) &&
	    BN_to_ASN1_INTEGER(bn, X509_get_serialNumber(cert)) != NULL;
	BN_free(bn);
	return ok;
}

/* A new key, and a certificate of it that lacks issuer and extensions. */
static int
begin_pair(struct pair *pair, const char *cn, time_t now, unsigned int days)
{
	X509 *cert;

	pair->key = EVP_EC_gen(CURVE);
	pair->cert = cert = X509_new();
	if (pair->key == NULL || cert == NULL ||
	    !X509_set_version(cert, X509_VERSION_3) || !set_serial(cert) ||
	    !X509_NAME_add_entry_by_NID(X509_get_subject_name(cert),
		NID_commonName, MBSTRING_UTF8, (const unsigned char *)cn, -1,
		-1, 0) ||
	    !X509_set_pubkey(cert, pair->key) ||
	    !X509_time_adj_ex(X509_getm_notBefore(cert), 0, -CLOCK_SKEW,
		&now) ||
	    !X509_time_adj_ex(X509_getm_notAfter(cert), days, 0, &now)) {
		complain("making a certificate");
		return -1;
	}
	return 0;
}

static int
add_extension(X509 *cert, X509 *issuer, int nid, const char *value)
{
	X509_EXTENSION *ext;
	X509V3_CTX ctx;
	int ok;

	X509V3_set_ctx(&ctx, issuer, cert, NULL, NULL, 0);
	X509V3_set_ctx_nodb(&ctx);
	if ((ext = X509V3_EXT_conf_nid(NULL, &ctx, nid, value)) == NULL)
		return 0;
	ok = X509_add_ext(cert, ext, -1);
	X509_EXTENSION_free(ext);
	return ok;
}

static int
add_hosts(X509 *cert, const char **hosts, size_t nhosts)
{
	GENERAL_NAMES *names = GENERAL_NAMES_new();
	GENERAL_NAME *name;
	int ok = names != NULL;
	size_t i;

	for (i = 0; ok && i < nhosts; i++) {
		name = a2i_GENERAL_NAME(NULL, NULL, NULL,
		    is_address(hosts[i]) ? GEN_IPADD : GEN_DNS, hosts[i], 0);
		ok = name != NULL && sk_GENERAL_NAME_push(names, name) > 0;
		if (!ok)
			GENERAL_NAME_free(name);
	}
	ok = ok &&
	    X509_add1_ext_i2d(cert, NID_subject_alt_name, names, 0, 0) == 1;
	GENERAL_NAMES_free(names);
	return ok;
}

static int
add_purpose(X509 *cert, const struct pki_request *req)
{
	if (req->client)
		return add_extension(cert, NULL, NID_ext_key_usage,
		    "clientAuth");
	return add_extension(cert, NULL, NID_ext_key_usage, "serverAuth") &&
	    add_hosts(cert, req->hosts, req->nhosts);
}

/* Without a request, sign by itself what is to be the authority. */
static int
sign(struct pki *p, const struct pki_request *req)
{
	const struct pair *by = req != NULL ? &p->ca : &p->new;
	const char *basic, *usage;
	X509 *cert = p->new.cert;

	basic = req != NULL ? "critical,CA:FALSE" :
			      "critical,CA:TRUE,pathlen:0";
	usage = req != NULL ? "critical,digitalSignature" :
			      "critical,keyCertSign,cRLSign";
	if (!X509_set_issuer_name(cert, X509_get_subject_name(by->cert)) ||
	    !add_extension(cert, NULL, NID_basic_constraints, basic) ||
	    !add_extension(cert, NULL, NID_key_usage, usage) ||
	    !add_extension(cert, NULL, NID_subject_key_identifier, "hash") ||
	    !add_extension(cert, by->cert, NID_authority_key_identifier,
		"keyid:always") ||
	    (req != NULL && !add_purpose(cert, req)) ||
	    X509_sign(cert, by->key, EVP_sha384()) <= 0) {
		complain("signing");
		return -1;
	}
	return 0;
}

/* What outlives the authority would only seem to be valid. */
static int
check_end(const struct pki *p, time_t now, unsigned int days)
{
	const ASN1_TIME *end = X509_get0_notAfter(p->ca.cert);
	time_t last = now + (time_t)days * 24 * 60 * 60;
	struct tm tm;
	char date[32];

	if (X509_cmp_time(end, &last) > 0)
		return 0;
	if (ASN1_TIME_to_tm(end, &tm) != 1 ||
	    strftime(date, sizeof(date), "%Y-%m-%d", &tm) == 0)
		strlcpy(date, "on a faulty date", sizeof(date));
	warnx("%s/ca.pem: ends %s, before %u days are over (--days)",
	    safe(p->dir), date, days);
	return -1;
}

/* -------------------------------------------------------------- the verbs */

static void
pki_begin(struct pki *p, const char *dir)
{
	OPENSSL_init_crypto(OPENSSL_INIT_NO_LOAD_CONFIG, NULL);
	memset(p, 0, sizeof(*p));
	p->dir = dir;
	p->fd = -1;
}

static void
pki_end(struct pki *p)
{
	X509_free(p->ca.cert);
	EVP_PKEY_free(p->ca.key);
	X509_free(p->new.cert);
	EVP_PKEY_free(p->new.key);
	if (p->fd != -1)
		close(p->fd);
}

int
pki_init(const char *dir)
{
	struct pki p;
	char cn[64];
	int r = EXIT_REFUSED;

	/* The names differ, so that one authority is not taken for another. */
	snprintf(cn, sizeof(cn), "Telehandler CA %08x",
	    (unsigned int)arc4random());
	pki_begin(&p, dir);
	if (make_folder(&p) == 0 && name_files(&p, "ca") == 0 &&
	    begin_pair(&p.new, cn, time(NULL), CA_DAYS) == 0 &&
	    sign(&p, NULL) == 0 && write_files(&p) == 0) {
		dir = safe(dir);
		printf("next: thctl pki issue %s server --server HOST, and "
		       "thctl pki issue %s NAME --client\n",
		    dir, dir);
		r = EXIT_OK;
	}
	pki_end(&p);
	return r;
}

static void
say_next(const char *dir, const struct pki_request *req)
{
	const char *name = req->name;

	dir = safe(dir);
	if (req->client)
		printf("next: permit identity \"%s\" in thd.conf, then "
		       "thctl --ca %s/ca.pem --cert %s/%s.pem "
		       "--key %s/%s-key.pem --server HOST:PORT VERB\n",
		    name, dir, dir, name, dir, name);
	else
		printf("next: in thd.conf, certificate \"%s/%s.pem\", "
		       "key \"%s/%s-key.pem\" and ca \"%s/ca.pem\"\n",
		    dir, name, dir, name, dir);
}

int
pki_issue(const char *dir, const struct pki_request *req)
{
	unsigned int days = req->days != 0 ? req->days : LEAF_DAYS;
	time_t now = time(NULL);
	struct pki p;
	int r = EXIT_REFUSED;

	if (check_request(req) == -1)
		return EXIT_REFUSED;
	pki_begin(&p, dir);
	if (open_folder(&p) == 0 && load_authority(&p) == 0 &&
	    name_files(&p, req->name) == 0 && check_end(&p, now, days) == 0 &&
	    begin_pair(&p.new, req->name, now, days) == 0 &&
	    sign(&p, req) == 0 && write_files(&p) == 0) {
		say_next(dir, req);
		r = EXIT_OK;
	}
	pki_end(&p);
	return r;
}
