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
#include <stdint.h>
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

/* "NAME-key.pem", and the same as ".NAME-key.pem.SUFFIX". */
#define FILE_SIZE (NAME_CHARS_MAX + sizeof("-key.pem"))
#define TEMP_SIZE (FILE_SIZE + 2 + 16)

struct extension {
	int nid;
	const char *value;
};

static const struct extension ca_extensions[] = {
	{ NID_basic_constraints, "critical,CA:TRUE,pathlen:0" },
	{ NID_key_usage, "critical,keyCertSign,cRLSign" },
	{ NID_subject_key_identifier, "hash" },
	{ NID_authority_key_identifier, "keyid:always" },
	{ NID_undef, NULL },
};

static const struct extension leaf_extensions[] = {
	{ NID_basic_constraints, "critical,CA:FALSE" },
	{ NID_key_usage, "critical,digitalSignature" },
	{ NID_subject_key_identifier, "hash" },
	{ NID_authority_key_identifier, "keyid:always" },
	{ NID_undef, NULL },
};

/* The folder, with the authority once it is there. */
struct authority {
	const char *dir;
	int fd;
	X509 *cert;
	EVP_PKEY *key;
};

/* A certificate and its key, new. */
struct pair {
	X509 *cert;
	EVP_PKEY *key;
};

struct outfile {
	char name[FILE_SIZE];
	char temp[TEMP_SIZE];
	mode_t mode;
	int staged; /* the temporary file exists */
	int linked; /* so does the file, by us */
};

/* A pair's files: the key goes first, and is so the lock on the name. */
enum {
	FILE_KEY,
	FILE_CERT,
	NFILES
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
	if (name[0] == '.' || name[0] == '-') {
		warnx("%s: a name begins with none of . and -", safe(name));
		return -1;
	}
	if (strcmp(name, "ca") == 0 || strcmp(name, "crl") == 0 ||
	    (len > 4 && strcmp(name + len - 4, "-key") == 0)) {
		warnx("%s: this name is reserved (ca, crl, and those that end "
		      "in -key)",
		    safe(name));
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
	size_t n;

	if (strlen(host) > HOST_MAX)
		return 0;
	for (;;) {
		n = strspn(host, chars);
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
	if (req->days > CA_DAYS) {
		warnx("%u days are too many: at most %d", req->days, CA_DAYS);
		return -1;
	}
	return 0;
}

/* -------------------------------------------------------------- the files */

/* Who may write in the folder could put another authority there. */
static int
open_folder(struct authority *ca)
{
	struct stat st;

	ca->fd = open(ca->dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (ca->fd == -1 || fstat(ca->fd, &st) == -1) {
		warn("%s", safe(ca->dir));
		return -1;
	}
	if (st.st_uid != geteuid()) {
		warnx("%s: the folder belongs to another user", safe(ca->dir));
		return -1;
	}
	if ((st.st_mode & 022) != 0) {
		warnx("%s: others may write in this folder: chmod 700 it",
		    safe(ca->dir));
		return -1;
	}
	return 0;
}

static int
make_folder(struct authority *ca)
{
	mode_t mask;
	int r;

	mask = umask(077);
	r = mkdir(ca->dir, 0700);
	umask(mask);
	if (r == -1 && errno != EEXIST) {
		warn("%s", safe(ca->dir));
		return -1;
	}
	return open_folder(ca);
}

static void
say_exists(const struct authority *ca, const struct outfile *f)
{
	warnx("%s/%s: exists already, nothing was written (move it away, or "
	      "take another name)",
	    safe(ca->dir), f->name);
}

/* Name the files, and refuse early if one is there. */
static int
name_files(const struct authority *ca, const char *name, struct outfile *files)
{
	struct outfile *f;
	struct stat st;

	memset(files, 0, NFILES * sizeof(*files));
	snprintf(files[FILE_KEY].name, FILE_SIZE, "%s-key.pem", name);
	snprintf(files[FILE_CERT].name, FILE_SIZE, "%s.pem", name);
	files[FILE_KEY].mode = 0600;
	files[FILE_CERT].mode = 0644;
	for (f = files; f < files + NFILES; f++) {
		if (fstatat(ca->fd, f->name, &st, AT_SYMLINK_NOFOLLOW) == 0) {
			say_exists(ca, f);
			return -1;
		}
		if (errno != ENOENT) {
			warn("%s/%s", safe(ca->dir), f->name);
			return -1;
		}
	}
	return 0;
}

static int
write_all(int fd, const char *buf, size_t len)
{
	ssize_t n;

	while (len > 0) {
		n = write(fd, buf, len);
		if (n == -1 && errno == EINTR)
			continue;
		if (n == -1)
			return -1;
		buf += n;
		len -= n;
	}
	return 0;
}

/* Bring the text to the disk, under a temporary name. */
static int
stage_file(const struct authority *ca, struct outfile *f, BIO *text)
{
	char *buf;
	long len;
	int fd;

	snprintf(f->temp, sizeof(f->temp), ".%s.%08x%08x", f->name,
	    (unsigned int)arc4random(), (unsigned int)arc4random());
	fd = openat(ca->fd, f->temp, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC,
	    0600);
	if (fd == -1) {
		warn("%s", safe(ca->dir));
		return -1;
	}
	f->staged = 1;
	len = BIO_get_mem_data(text, &buf);
	if (fchmod(fd, f->mode) == -1 || write_all(fd, buf, len) == -1 ||
	    fsync(fd) == -1) {
		warn("%s/%s", safe(ca->dir), f->name);
		close(fd);
		return -1;
	}
	if (close(fd) == -1) {
		warn("%s/%s", safe(ca->dir), f->name);
		return -1;
	}
	return 0;
}

/* link(2), unlike rename(2), leaves alone what has come in between. */
static int
link_files(const struct authority *ca, struct outfile *files)
{
	struct outfile *f;

	for (f = files; f < files + NFILES; f++) {
		if (linkat(ca->fd, f->temp, ca->fd, f->name, 0) == 0) {
			f->linked = 1;
			continue;
		}
		if (errno == EEXIST)
			say_exists(ca, f);
		else
			warn("%s/%s", safe(ca->dir), f->name);
		return -1;
	}
	if (fsync(ca->fd) == -1) {
		warn("%s", safe(ca->dir));
		return -1;
	}
	return 0;
}

/* The temporary names go in any case, the files to undo an error. */
static void
unlink_files(const struct authority *ca, const struct outfile *files, int undo)
{
	const struct outfile *f;

	for (f = files; f < files + NFILES; f++) {
		if (f->staged && unlinkat(ca->fd, f->temp, 0) == -1)
			warn("%s/%s", safe(ca->dir), f->temp);
		if (undo && f->linked && unlinkat(ca->fd, f->name, 0) == -1)
			warn("%s/%s", safe(ca->dir), f->name);
	}
}

/* The text of a key is wiped when its BIO is freed. */
static int
write_pair(const struct authority *ca, struct outfile *files,
    const struct pair *pair)
{
	BIO *cert = BIO_new(BIO_s_mem());
	BIO *key = BIO_new(BIO_s_secmem());
	int r = -1;

	if (cert == NULL || key == NULL ||
	    PEM_write_bio_X509(cert, pair->cert) != 1 ||
	    PEM_write_bio_PrivateKey(key, pair->key, NULL, NULL, 0, NULL,
		NULL) != 1)
		complain("writing PEM");
	else if (stage_file(ca, &files[FILE_KEY], key) == 0 &&
	    stage_file(ca, &files[FILE_CERT], cert) == 0)
		r = link_files(ca, files);
	unlink_files(ca, files, r == -1);
	BIO_free(key);
	BIO_free(cert);
	if (r == 0) {
		printf("wrote %s/%s\n", safe(ca->dir), files[FILE_CERT].name);
		printf("wrote %s/%s\n", safe(ca->dir), files[FILE_KEY].name);
	}
	return r;
}

static FILE *
open_input(const struct authority *ca, const char *name, int secret)
{
	struct stat st;
	FILE *fp;
	int fd;

	fd = openat(ca->fd, name, O_RDONLY | O_CLOEXEC);
	if (fd == -1 || fstat(fd, &st) == -1 ||
	    (fp = fdopen(fd, "r")) == NULL) {
		if (errno == ENOENT)
			warnx("%s/%s: no authority is here (thctl pki init)",
			    safe(ca->dir), name);
		else
			warn("%s/%s", safe(ca->dir), name);
		if (fd != -1)
			close(fd);
		return NULL;
	}
	if (secret && (st.st_mode & 077) != 0) {
		warnx("%s/%s: others may read this key: chmod 600 it",
		    safe(ca->dir), name);
		fclose(fp);
		return NULL;
	}
	return fp;
}

static int
load_authority(struct authority *ca)
{
	FILE *fp;

	if ((fp = open_input(ca, "ca.pem", 0)) == NULL)
		return -1;
	ca->cert = PEM_read_X509(fp, NULL, NULL, NULL);
	fclose(fp);
	if (ca->cert == NULL) {
		complain("ca.pem");
		return -1;
	}
	if ((fp = open_input(ca, "ca-key.pem", 1)) == NULL)
		return -1;
	ca->key = PEM_read_PrivateKey(fp, NULL, NULL, NULL);
	fclose(fp);
	if (ca->key == NULL || X509_check_private_key(ca->cert, ca->key) != 1) {
		complain("ca-key.pem");
		return -1;
	}
	if (X509_check_ca(ca->cert) != 1) {
		warnx("ca.pem: not the certificate of an authority");
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

static int
set_validity(X509 *cert, time_t now, unsigned int days)
{
	return X509_time_adj_ex(X509_getm_notBefore(cert), 0, -CLOCK_SKEW,
		   &now) != NULL &&
	    X509_time_adj_ex(X509_getm_notAfter(cert), days, 0, &now) != NULL;
}

static int
set_common_name(X509 *cert, const char *cn)
{
	X509_NAME *name = X509_NAME_new();
	int ok;

	ok = name != NULL &&
	    X509_NAME_add_entry_by_NID(name, NID_commonName, MBSTRING_UTF8,
		(const unsigned char *)cn, -1, -1, 0) &&
	    X509_set_subject_name(cert, name);
	X509_NAME_free(name);
	return ok;
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
add_extensions(X509 *cert, X509 *issuer, const struct extension *e)
{
	for (; e->value != NULL; e++) {
		if (!add_extension(cert, issuer, e->nid, e->value))
			return 0;
	}
	return 1;
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
	if (ok)
		ok = X509_add1_ext_i2d(cert, NID_subject_alt_name, names, 0,
			 0) == 1;
	GENERAL_NAMES_free(names);
	return ok;
}

/* A new key, and a certificate of it that has all but its extensions. */
static int
pair_begin(struct pair *pair, const char *cn, time_t now, unsigned int days)
{
	if ((pair->key = EVP_EC_gen(CURVE)) == NULL) {
		complain("making a key");
		return -1;
	}
	if ((pair->cert = X509_new()) == NULL ||
	    !X509_set_version(pair->cert, X509_VERSION_3) ||
	    !set_serial(pair->cert) || !set_common_name(pair->cert, cn) ||
	    !set_validity(pair->cert, now, days) ||
	    !X509_set_pubkey(pair->cert, pair->key)) {
		complain("making a certificate");
		return -1;
	}
	return 0;
}

static void
pair_free(struct pair *pair)
{
	X509_free(pair->cert);
	EVP_PKEY_free(pair->key);
}

static int
sign_authority(struct pair *pair)
{
	X509 *cert = pair->cert;

	if (!X509_set_issuer_name(cert, X509_get_subject_name(cert)) ||
	    !add_extensions(cert, cert, ca_extensions) ||
	    X509_sign(cert, pair->key, EVP_sha384()) <= 0) {
		complain("signing");
		return -1;
	}
	return 0;
}

static int
sign_leaf(const struct authority *ca, struct pair *pair,
    const struct pki_request *req)
{
	X509 *cert = pair->cert;

	if (!X509_set_issuer_name(cert, X509_get_subject_name(ca->cert)) ||
	    !add_extensions(cert, ca->cert, leaf_extensions) ||
	    !add_extension(cert, ca->cert, NID_ext_key_usage,
		req->client ? "clientAuth" : "serverAuth") ||
	    (!req->client && !add_hosts(cert, req->hosts, req->nhosts)) ||
	    X509_sign(cert, ca->key, EVP_sha384()) <= 0) {
		complain("signing");
		return -1;
	}
	return 0;
}

/* What outlives the authority would only seem to be valid. */
static int
check_end(const struct authority *ca, time_t now, unsigned int days)
{
	const ASN1_TIME *end = X509_get0_notAfter(ca->cert);
	time_t last = now + (time_t)days * 24 * 60 * 60;
	struct tm tm;
	char date[32];

	if (X509_cmp_time(end, &last) > 0)
		return 0;
	if (ASN1_TIME_to_tm(end, &tm) != 1 ||
	    strftime(date, sizeof(date), "%Y-%m-%d", &tm) == 0)
		strlcpy(date, "a faulty date", sizeof(date));
	warnx("%s/ca.pem: ends %s, before %u days are over (--days)",
	    safe(ca->dir), date, days);
	return -1;
}

/* -------------------------------------------------------------- the verbs */

static void
say_next(const struct authority *ca, const struct pki_request *req)
{
	const char *dir = safe(ca->dir);
	const char *name = req->name;

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

static int
issue(struct authority *ca, const struct pki_request *req)
{
	unsigned int days = req->days != 0 ? req->days : LEAF_DAYS;
	struct outfile files[NFILES];
	struct pair pair = { NULL, NULL };
	time_t now = time(NULL);
	int r = -1;

	if (open_folder(ca) == 0 && load_authority(ca) == 0 &&
	    name_files(ca, req->name, files) == 0 &&
	    check_end(ca, now, days) == 0 &&
	    pair_begin(&pair, req->name, now, days) == 0 &&
	    sign_leaf(ca, &pair, req) == 0)
		r = write_pair(ca, files, &pair);
	pair_free(&pair);
	return r;
}

static int
init(struct authority *ca)
{
	struct outfile files[NFILES];
	struct pair pair = { NULL, NULL };
	char cn[64];
	int r = -1;

	/* The names differ, so that one authority is not taken for another. */
	snprintf(cn, sizeof(cn), "Telehandler CA %08x",
	    (unsigned int)arc4random());
	if (make_folder(ca) == 0 && name_files(ca, "ca", files) == 0 &&
	    pair_begin(&pair, cn, time(NULL), CA_DAYS) == 0 &&
	    sign_authority(&pair) == 0)
		r = write_pair(ca, files, &pair);
	pair_free(&pair);
	return r;
}

static void
authority_open(struct authority *ca, const char *dir)
{
	OPENSSL_init_crypto(OPENSSL_INIT_NO_LOAD_CONFIG, NULL);
	memset(ca, 0, sizeof(*ca));
	ca->dir = dir;
	ca->fd = -1;
}

static void
authority_close(struct authority *ca)
{
	X509_free(ca->cert);
	EVP_PKEY_free(ca->key);
	if (ca->fd != -1)
		close(ca->fd);
}

int
pki_init(const char *dir)
{
	struct authority ca;
	int r;

	authority_open(&ca, dir);
	r = init(&ca);
	authority_close(&ca);
	if (r == -1)
		return EXIT_REFUSED;
	dir = safe(dir);
	printf("next: thctl pki issue %s server --server HOST, and "
	       "thctl pki issue %s NAME --client\n",
	    dir, dir);
	return EXIT_OK;
}

int
pki_issue(const char *dir, const struct pki_request *req)
{
	struct authority ca;
	int r;

	if (check_request(req) == -1)
		return EXIT_REFUSED;
	authority_open(&ca, dir);
	r = issue(&ca, req);
	authority_close(&ca);
	if (r == -1)
		return EXIT_REFUSED;
	say_next(&ca, req);
	return EXIT_OK;
}
