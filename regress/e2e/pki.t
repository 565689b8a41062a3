#!/bin/sh
# Copyright (c) 2026 The Telehandler developers
#
# Permission to use, copy, modify, and distribute this software for any
# purpose with or without fee is hereby granted, provided that the above
# copyright notice and this permission notice appear in all copies.
#
# THE SOFTWARE IS PROVIDED "AS IS" AND THE AUTHOR DISCLAIMS ALL WARRANTIES
# WITH REGARD TO THIS SOFTWARE INCLUDING ALL IMPLIED WARRANTIES OF
# MERCHANTABILITY AND FITNESS. IN NO EVENT SHALL THE AUTHOR BE LIABLE FOR
# ANY SPECIAL, DIRECT, INDIRECT, OR CONSEQUENTIAL DAMAGES OR ANY DAMAGES
# WHATSOEVER RESULTING FROM LOSS OF USE, DATA OR PROFITS, WHETHER IN AN
# ACTION OF CONTRACT, NEGLIGENCE OR OTHER TORTIOUS ACTION, ARISING OUT OF
# OR IN CONNECTION WITH THE USE OR PERFORMANCE OF THIS SOFTWARE.

# thctl pki, judged by the openssl program.
#
#   THCTL  the program under test
#
# Needs no root and no daemon.

BUILD=${BUILD:-build}
THCTL=$(realpath "${THCTL:-$BUILD/bin/thctl}")

n=0
fails=0
T=$(mktemp -d "${TMPDIR:-/tmp}/th-pki.XXXXXX") || exit 1
cd "$T" || exit 1
trap 'cd /; rm -rf "$T"' EXIT
trap 'exit 1' INT TERM HUP
umask 022

# ok NAME: whether the last command succeeded. With what was said, if not.
ok() {
	r=$?
	n=$((n + 1))
	if [ $r -eq 0 ]; then
		echo "ok $n - $1"
		return
	fi
	fails=$((fails + 1))
	echo "not ok $n - $1"
	sed 's/^/# /' out err
}

skip() {
	n=$((n + 1))
	echo "ok $n - $1 # SKIP $2"
}

# pki WORD ...: what it says goes to out and err.
pki() {
	"$THCTL" pki "$@" >out 2>err
}

# It must end with 1 and say why in one line, and write nothing.
refused() {
	rm -f before after
	state >before
	pki "$@"
	[ $? -eq 1 ] || return 1
	state >after
	cmp -s before after && [ ! -s out ] && [ "$(wc -l <err)" -eq 1 ] &&
	    grep -q '^thctl: ' err
}

# All that is in the folders, with modes and contents.
state() {
	find . -path ./out -o -path ./err -o -path ./before -o \
	    -path ./after -o -type d -printf '%p %m\n' -o \
	    -printf '%p %m %i %l\n' | sort
	find . -name '*.pem' -type f -exec cksum {} + | sort
}

# contains FOLDER NAMES: these files, sorted, and no other.
contains() {
	[ "$(find "$1" -type f -printf '%f\n' | sort | tr '\n' ' ')" = "$2" ]
}

mode_is() {
	[ "$(stat -c %a "$2")" = "$1" ]
}

text() {
	openssl x509 -in "$1" -noout -text
}

# has FILE EXTENSION VALUE: the line after the one that names it.
has() {
	text "$1" | grep -A1 "X509v3 $2" | tail -n1 | sed 's/^ *//' |
	    grep -qFx -- "$3"
}

# lifetime FILE: the seconds from its first to its last moment.
lifetime() {
	a=$(openssl x509 -in "$1" -noout -startdate)
	b=$(openssl x509 -in "$1" -noout -enddate)
	echo $(($(date -d "${b#*=}" +%s) - $(date -d "${a#*=}" +%s)))
}

# lasts FILE DAYS: that long, and five minutes into the past.
lasts() {
	[ "$(lifetime "$1")" -eq $(($2 * 86400 + 300)) ]
}

# began FILE: it did so five minutes ago, or a little more.
began() {
	a=$(openssl x509 -in "$1" -noout -startdate)
	a=$(($(date +%s) - $(date -d "${a#*=}" +%s)))
	[ $a -ge 300 ] && [ $a -lt 400 ]
}

# The key is on the curve, and the certificate's.
key_fits() {
	openssl pkey -in "$2" -noout -text | grep -q 'NIST CURVE: P-384' &&
	    openssl pkey -in "$2" -noout -check >/dev/null 2>&1 &&
	    [ "$(openssl pkey -in "$2" -pubout)" = \
	        "$(openssl x509 -in "$1" -noout -pubkey)" ]
}

signed_sha384() {
	[ "$(text "$1" | grep -c 'Signature Algorithm: ecdsa-with-SHA384')" \
	    -eq 2 ]
}

# verify PURPOSE FILE
verify() {
	openssl verify -x509_strict -no-CApath -no-CAstore -CAfile ca/ca.pem \
	    -purpose "$1" "$2" >out 2>err
}

serial() {
	openssl x509 -in "$1" -noout -serial
}

subject_is() {
	[ "$(openssl x509 -in "$1" -noout -subject -nameopt RFC2253)" = \
	    "subject=$2" ]
}

# ---------------------------------------------------------- the authority

pki init ca && [ ! -s err ]
ok "init"
grep -qx 'wrote ca/ca.pem' out && grep -qx 'wrote ca/ca-key.pem' out &&
    grep -q '^next: ' out && [ "$(wc -l <out)" -eq 3 ]
ok "init says what it wrote and what is next"
contains ca "ca-key.pem ca.pem "
ok "init writes two files and leaves no other"
mode_is 700 ca && mode_is 644 ca/ca.pem && mode_is 600 ca/ca-key.pem
ok "modes of folder, certificate and key"
key_fits ca/ca.pem ca/ca-key.pem
ok "the authority's key is on P-384"
signed_sha384 ca/ca.pem
ok "the authority is signed by ECDSA with SHA-384"
has ca/ca.pem 'Basic Constraints: critical' 'CA:TRUE, pathlen:0' &&
    has ca/ca.pem 'Key Usage: critical' 'Certificate Sign, CRL Sign' &&
    text ca/ca.pem | grep -q 'X509v3 Subject Key Identifier'
ok "extensions of the authority"
lasts ca/ca.pem 3650 && began ca/ca.pem
ok "the authority lasts ten years"
openssl verify -x509_strict -check_ss_sig -CAfile ca/ca.pem ca/ca.pem \
    >out 2>err
ok "the authority verifies itself, strictly"

# -------------------------------------------------------------- a client

pki issue ca alice@example.org --client && [ ! -s err ]
ok "issue for a client"
c=ca/alice@example.org
grep -qx "wrote $c.pem" out && grep -qx "wrote $c-key.pem" out &&
    grep -q '^next: ' out && [ "$(wc -l <out)" -eq 3 ]
ok "issue says what it wrote and what is next"
mode_is 644 $c.pem && mode_is 600 $c-key.pem
ok "modes of a client's files"
key_fits $c.pem $c-key.pem && signed_sha384 $c.pem
ok "a client's key and signature"
subject_is $c.pem CN=alice@example.org
ok "a client's subject is its name, and nothing else"
has $c.pem 'Basic Constraints: critical' CA:FALSE &&
    has $c.pem 'Key Usage: critical' 'Digital Signature' &&
    has $c.pem 'Extended Key Usage' 'TLS Web Client Authentication'
ok "extensions of a client"
! text $c.pem | grep -q 'Subject Alternative Name'
ok "a client has no alternative name"
lasts $c.pem 365 && began $c.pem
ok "a client's certificate lasts a year"
verify sslclient $c.pem
ok "a client's certificate verifies as one, strictly"
! verify sslserver $c.pem
ok "a client's certificate is none of a server"

# -------------------------------------------------------------- a server

pki issue ca server --server localhost --server foreman.example.org \
    --server 127.0.0.1 --server ::1
ok "issue for a server"
key_fits ca/server.pem ca/server-key.pem && signed_sha384 ca/server.pem &&
    mode_is 600 ca/server-key.pem
ok "a server's key and signature"
subject_is ca/server.pem CN=server
ok "a server's subject"
has ca/server.pem 'Basic Constraints: critical' CA:FALSE &&
    has ca/server.pem 'Key Usage: critical' 'Digital Signature' &&
    has ca/server.pem 'Extended Key Usage' 'TLS Web Server Authentication'
ok "extensions of a server"
has ca/server.pem 'Subject Alternative Name' "DNS:localhost, \
DNS:foreman.example.org, IP Address:127.0.0.1, IP Address:0:0:0:0:0:0:0:1"
ok "a server's names and addresses"
verify sslserver ca/server.pem
ok "a server's certificate verifies as one, strictly"
! verify sslclient ca/server.pem
ok "a server's certificate is none of a client"
for h in localhost foreman.example.org; do
	openssl verify -CAfile ca/ca.pem -verify_hostname $h ca/server.pem
done >out 2>err &&
    for a in 127.0.0.1 ::1; do
	openssl verify -CAfile ca/ca.pem -verify_ip $a ca/server.pem
    done >>out 2>>err && [ "$(grep -c ': OK$' out)" -eq 4 ]
ok "each host verifies"
! openssl verify -CAfile ca/ca.pem -verify_hostname other.example.org \
    ca/server.pem >out 2>err
ok "another host does not"

# ------------------------------------------------ serial numbers and days

for i in 1 2 3 4 5 6; do
	pki issue ca serial$i --client || break
done
for f in ca/*.pem; do
	case $f in *-key.pem) ;; *) serial "$f" ;; esac
done >serials
[ "$(sort -u serials | wc -l)" -eq 9 ] &&
    [ "$(grep -cEx 'serial=[89A-F][0-9A-F]{31}' serials)" -eq 9 ]
ok "serial numbers of 128 bits, all different"
pki issue ca short --client --days 1 && lasts ca/short.pem 1 &&
    pki issue ca long --client --days 3000 && lasts ca/long.pem 3000
ok "--days"
refused issue ca toolong --client --days 3650
ok "no certificate outlives its authority"

# -------------------------------------------------------------- overwrite

refused init ca
ok "init refuses a folder that has an authority"
refused issue ca server --server localhost
ok "issue refuses a name that is taken"
mv ca/serial1-key.pem kept
refused issue ca serial1 --client
ok "issue refuses if only the certificate exists"
mv kept ca/serial1-key.pem
rm ca/serial2.pem
refused issue ca serial2 --client
ok "issue refuses if only the key exists"
ln -s "$T/elsewhere.pem" ca/link.pem
refused issue ca link --client && [ ! -e elsewhere.pem ]
ok "issue does not follow a symbolic link"
mkdir half && chmod 700 half && cp ca/ca-key.pem half/
refused init half
ok "init refuses a folder that has only the key"
mkdir -m 755 empty
pki init empty && mode_is 755 empty
ok "init takes an empty folder of ours"

# Several at once: one wins, and its files belong together.
for i in 1 2 3 4 5 6 7 8; do
	{
		"$THCTL" pki issue ca race --client >out.$i 2>/dev/null
		echo $? >code.$i
	} &
done
wait
[ "$(cat code.* | sort | uniq -c | tr -s ' \n' ' ')" = " 1 0 7 1 " ] &&
    key_fits ca/race.pem ca/race-key.pem && verify sslclient ca/race.pem
ok "of eight at once, one writes and seven are refused"
rm -f out.* code.*
[ -z "$(find . -name '.new*')" ]
ok "no temporary file stays"

# ------------------------------------------------------ names and requests

long=aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa
for name in "" "a b" a/b ../up .hidden . .. "a
b" 'a"b' "a,b" a:b "a=b" ünder ca crl ca-key server-key "${long}a"; do
	refused issue ca "$name" --client
	ok "refused as a name: $(printf %s "$name" | tr '\n' '~')"
done
refused issue ca --client -- -dash
ok "refused as a name: -dash"
pki issue ca $long --client && verify sslclient ca/$long.pem
ok "a name of 64 characters"
pki issue ca A-z_0.9@x --client && verify sslclient ca/A-z_0.9@x.pem
ok "a name of all kinds of characters"
for host in "a b" localhost:6443 "[::1]" "*.example.org" "a,DNS:b" \
    -a a- a..b a. .a 127.0.0.256 1.2.3 ::g "a
b" "DNS:a" ${long}; do
	refused issue ca badhost "--server=$host"
	ok "refused as a host: $(printf %s "$host" | tr '\n' '~')"
done
pki issue ca both --client --server localhost
r=$?
[ $r -eq 1 ] || [ $r -eq 2 ] && [ ! -e ca/both.pem ]
ok "a certificate is not for both"
pki issue ca none
r=$?
[ $r -eq 1 ] || [ $r -eq 2 ] && [ ! -e ca/none.pem ]
ok "a certificate is for something"

# ------------------------------------------------------ umask and folders

for mask in 000 077 0777; do
	(
		umask $mask
		"$THCTL" pki init mask$mask &&
		    "$THCTL" pki issue mask$mask a --client
	) >out 2>err &&
	    mode_is 700 mask$mask && mode_is 600 mask$mask/ca-key.pem &&
	    mode_is 644 mask$mask/ca.pem && mode_is 600 mask$mask/a-key.pem &&
	    mode_is 644 mask$mask/a.pem
	ok "modes under umask $mask"
done
refused issue nothing a --client
ok "no folder, no certificate"
mkdir -m 700 vacant
refused issue vacant a --client
ok "no authority, no certificate"
refused init missing/folder
ok "init makes one folder, not its parents"
refused init ca/ca.pem
ok "a file is no folder"
chmod 770 mask077
refused issue mask077 b --client
ok "a folder where others may write is refused"
chmod 700 mask077
chmod 640 mask077/ca-key.pem
refused issue mask077 b --client && grep -q 'chmod 600' err
ok "an authority's key that others may read is refused"
chmod 600 mask077/ca-key.pem
cp mask000/ca-key.pem mask077/ca-key.pem
refused issue mask077 b --client
ok "a key of another authority is refused"
echo rubbish >mask077/ca-key.pem
refused issue mask077 b --client
ok "a damaged key is refused"
cp mask000/a-key.pem mask077/ca-key.pem
cp mask000/a.pem mask077/ca.pem
refused issue mask077 b --client
ok "a certificate that is no authority's is refused"
! verify sslclient mask000/a.pem
ok "authorities do not vouch for each other"

# On a full disk, nothing is left. The mount is our own, and needs root.
mkdir full
cat >full.sh <<'END'
mount -t tmpfs -o size=12k,mode=700 none full || exit 77
"$1" pki init full || exit 1
dd if=/dev/zero of=full/fill bs=1k 2>/dev/null
"$1" pki issue full a --client
[ $? -eq 1 ] || exit 1
[ "$(find full -type f | sort | tr '\n' ' ')" = \
    "full/ca-key.pem full/ca.pem full/fill " ]
END
unshare -m sh full.sh "$THCTL" >out 2>err
r=$?
if [ $r -eq 77 ] || [ "$(id -u)" -ne 0 ]; then
	skip "on a full disk nothing is left" "needs root and a mount"
else
	[ $r -eq 0 ] && grep -q 'No space left' err
	ok "on a full disk nothing is left"
fi

echo "1..$n"
[ $fails -eq 0 ]
