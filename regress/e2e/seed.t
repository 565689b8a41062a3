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

# The usage scenario of thctl: start, status, watch, stop, run, help, against
# a lab instance over mutual TLS, and over the local socket. $BUILD is the
# build folder.

set -u

here=$(cd "$(dirname "$0")" && pwd)
. "$here/../lib/tap.sh"
thctl=$BUILD/bin/thctl

# code N COMMAND...: the command exits with N.
code() {
	want=$1
	shift
	"$@"
	got=$?
	[ "$got" = "$want" ] || {
		echo "exit status $got, not $want"
		return 1
	}
}

lab_up
export THCTL_SERVER="$ADDRESS:$PORT" THCTL_CA="$CERTDIR/ca.pem"
export THCTL_CERT="$CERTDIR/tele-tester.pem"
export THCTL_KEY="$CERTDIR/tele-tester-key.pem"
export HOME="$work"

uuid='^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$'
id=$("$thctl" start -- /bin/sh -c "echo up; until [ -e '$work/gate' ]; do
    sleep 0.1; done && echo hello tele | tee /tmp/greeting")
is_uuid() { echo "$1" | grep -Eq "$uuid"; }
ok "start prints the uuid and nothing else" is_uuid "$id"
"$thctl" status "$id" >"$work/status"
first() { [ "$(head -n 1 "$work/status")" = "$1" ]; }
ok "status: the first line is state RUNNING" first "state RUNNING"
if [ -e "$(dirname "$CGROUP")/cgroup.stat" ]; then
	ok "status: numbers of the kernel" \
	    grep -Eq '^cpu\.stat\.usage_usec [0-9]+$' "$work/status"
fi
said="up
hello tele"
followed() {
	"$thctl" watch "$id" >"$work/watched" &
	watch=$!
	i=0
	until grep -q up "$work/watched" || [ $i -ge 300 ]; do
		sleep 0.1
		i=$((i + 1))
	done
	: >"$work/gate"
	wait "$watch" && [ "$(cat "$work/watched")" = "$said" ]
}
watched() { [ "$("$thctl" watch "$id")" = "$said" ]; }
ok "watch follows until the job ends" followed
ok "watch replays what was printed" watched
"$thctl" status "$id" >"$work/status"
ok "status: then state COMPLETED" first "state COMPLETED"

id=$("$thctl" start sleep 1000)
ok "stop" "$thctl" stop "$id"
"$thctl" status "$id" >"$work/status"
ok "status: state STOPPED" first "state STOPPED"
ok "stop of a job that has ended succeeds" "$thctl" stop "$id"

ran() { [ "$("$thctl" run -- sh -c 'printf "a\0b" | od -An -c')" != "" ]; }
ok "run prints the output" ran
ok "run exits with the job's code" code 7 "$thctl" run sh -c 'exit 7'
ok "run: 128+n for a signal" code 137 "$thctl" run sh -c 'kill -9 $$'
ok "run: 127 for what is not found" code 127 "$thctl" run /no/such/program
ok "run: 126 for what cannot be executed" code 126 "$thctl" run /etc/passwd
ok "wait exits with the job's code" code 5 \
    "$thctl" wait "$("$thctl" start sh -c 'exit 5')"
ok "status of a job that is not there: 1" code 1 \
    "$thctl" status 00000000-0000-4000-8000-000000000000
ok "unknown verb: 2" code 2 "$thctl" strat
ok "help" "$thctl" help
ok "help start" "$thctl" help start
ok "no daemon: 125" code 125 env THCTL_SERVER=127.0.0.1:1 "$thctl" \
    status 00000000-0000-4000-8000-000000000000
ok "run: 125 without a daemon" code 125 env THCTL_SERVER=127.0.0.1:1 \
    "$thctl" run true
other() {
	THCTL_CERT=$CERTDIR/bob.pem THCTL_KEY=$CERTDIR/bob-key.pem \
	    "$thctl" status "$1"
}
ok "another identity does not see the job" code 1 other "$id"

unset THCTL_SERVER THCTL_CA THCTL_CERT THCTL_KEY
ok "the local socket, as root" "$thctl" --server "unix:$SOCKET" status "$id"
here() { [ "$("$thctl" --server "unix:$SOCKET" run echo local)" = local ]; }
ok "run over the local socket" here

size=$((32 * 1024 * 1024))
big() {
	"$thctl" --server "unix:$SOCKET" run head -c $size /dev/zero | wc -c |
	    grep -qx "$size"
}
ok "32 MiB arrive whole" big
finish
