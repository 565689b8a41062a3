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

# For TAP tests in sh that use a lab instance: sourced with $here set to the
# test's folder and $BUILD to the build folder.

lab=$here/../lab
work=$(mktemp -d /var/lib/th-test.XXXXXX)
chmod 755 "$work"
n=0
bad=0
trap '"$lab" down "$work/lab"; rm -rf "$work"' EXIT

# ok NAME COMMAND...: the command succeeds; what it said is shown if not.
ok() {
	name=$1
	shift
	n=$((n + 1))
	if "$@" >"$work/ok.out" 2>&1; then
		echo "ok $n - $name"
	else
		echo "not ok $n - $name"
		sed 's/^/# /' "$work/ok.out"
		bad=1
	fi
}

# skip NAME WHY
skip() {
	n=$((n + 1))
	echo "ok $n - $1 # SKIP $2"
}

# lab_up [OPTION...]: start it, and know its addresses.
lab_up() {
	"$lab" up "$work/lab" "$@" >"$work/env" || exit 1
	. "$work/env"
}

# The plan, and the exit status.
finish() {
	echo "1..$n"
	exit $bad
}
