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


# The jobexec from which the others are forked: it may die at any time, and
# costs nobody a job. $BUILD is the build folder.

set -u

here=$(cd "$(dirname "$0")" && pwd)
. "$here/../lib/tap.sh"

lab_up
thctl() {
	"$BUILD/bin/thctl" --server "unix:$SOCKET" "$@"
}

# The children of thd that are jobexec: there is one, and the rest are its.
spawner() {
	for p in $(cat "/proc/$SUPERVISOR_PID/task/$SUPERVISOR_PID/children"); do
		case $(readlink "/proc/$p/exe") in
		*/jobexec) echo "$p" ;;
		esac
	done
}
soon() {
	timeout 20 sh -c 'until eval "$1"; do sleep 0.05; done' sh "$1"
}

one() {
	[ "$(spawner | wc -l)" = 1 ] && thctl run true
}
ok "one jobexec is the child of thd" one

own_session() {
	[ "$(ps -o sid= -p "$(spawner)" | tr -d ' ')" = "$(spawner)" ]
}
ok "in a session of its own: no ^C for thd reaches it" own_session

forks() {
	first=$(spawner)
	for i in 1 2 3 4 5 6 7 8; do thctl run true || return 1; done
	[ "$(spawner)" = "$first" ] && soon "[ \$(cat \
	    /proc/$first/task/$first/children | wc -w) -le 4 ]" &&
	    ! grep -l "^State:.Z" $(for p in $(cat \
	    "/proc/$first/task/$first/children"); do echo "/proc/$p/status"; done)
}
ok "the others are its children, reaped when they end" forks

killed() {
	first=$(spawner)
	id=$(thctl start -- sh -c 'while [ ! -e /tmp/x ]; do
	    echo line; sleep 0.1; done')
	kill -9 "$first"
	soon "[ -d /proc/$SUPERVISOR_PID ] &&
	    grep -q 'is started again' '$LOG'" || return 1
	size=$(stat -c %s "$STATE/jobs/$id/output")
	soon "[ \$(stat -c %s '$STATE/jobs/$id/output') -gt $((size + 20)) ]" &&
	    thctl status "$id" | grep -qx "state RUNNING" &&
	    thctl stop --quiet "$id" &&
	    thctl status "$id" | grep -qx "state STOPPED"
}
ok "when it is killed, running jobs go on and can be stopped" killed

again() {
	for i in $(seq 200); do
		[ -z "$(spawner)" ] || break
		sleep 0.1
	done
	one && [ "$(spawner)" != "$first" ]
}
ok "and it is there again for new ones" again

# More jobs at once than are forked ahead.
many() {
	: >"$work/ids"
	for i in $(seq 20); do
		thctl start sleep 1000 >>"$work/ids" &
		last="${last:-} $!"
	done
	for p in $last; do wait "$p" || return 1; done
	[ "$(wc -l <"$work/ids")" = 20 ] &&
	    thctl stop --quiet $(cat "$work/ids")
}
ok "20 jobs at once" many
finish
