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

# One test for each promise of the design, by its number, against a lab
# instance. Other tests go deeper; these say in one place whether the promises
# hold at all. $BUILD is the build folder.

set -u

here=$(cd "$(dirname "$0")" && pwd)
. "$here/../lib/tap.sh"

cat >"$work/extra.conf" <<'EOF'
class "small" {
	cpu quota unlimited
	memory max 32M
	memory high 32M
}
EOF
lab_up --conf "$work/extra.conf"
front=${FRONTEND_PIDS%% *}
thctl() {
	"$BUILD/bin/thctl" --server "$ADDRESS:$PORT" --ca "$CERTDIR/ca.pem" \
	    --cert "$CERTDIR/$who.pem" --key "$CERTDIR/$who-key.pem" "$@"
}
who=tele-tester

field() {
	awk -v f="$1:" '$1 == f { $1 = ""; print substr($0, 2); exit }' \
	    "/proc/$front/status"
}

unprivileged() {
	for f in CapInh CapPrm CapEff CapBnd CapAmb; do
		[ "$(field $f)" = 0000000000000000 ] || {
			echo "$f is $(field $f)"
			return 1
		}
	done
	[ "$(field NoNewPrivs)" = 1 ] || { echo "no_new_privs is off"; return 1; }
	[ "$(field Seccomp)" = 2 ] || { echo "no seccomp filter"; return 1; }
	case " $(field Uid) " in
	*[[:space:]]0[[:space:]]*) echo "uid 0"; return 1 ;;
	esac
	[ "$(field Groups)" = "" ] || { echo "it is in groups"; return 1; }
	root=$(readlink "/proc/$front/root")
	[ "$root" != / ] && [ -z "$(ls -A "$root")" ] || {
		echo "its root is $root"
		return 1
	}
}
ok "promise 1: the process that reads the network has no privilege" \
    unprivileged

skip "promise 2: a taken-over frontend" "keyd comes with its own issue"

denied() {
	id=$(thctl start sleep 100)
	who=bob
	thctl status "$id" 2>"$work/a" && { who=tele-tester; return 1; }
	thctl status 00000000-0000-4000-8000-000000000000 2>"$work/b"
	who=tele-tester
	sed "s/$id/ID/" "$work/a" >"$work/a2"
	sed "s/00000000-0000-4000-8000-000000000000/ID/" "$work/b" >"$work/b2"
	cmp "$work/a2" "$work/b2" && thctl stop "$id"
}
ok "promise 3: a job one may not see is like one that does not exist" denied

born() {
	thctl run cat /proc/self/cgroup >"$work/cg" || return 1
	[ "$(grep -c "^0::/$" "$work/cg")" = 1 ] &&
	    [ "$(thctl run sh -c 'echo $$')" = 2 ] &&
	    [ "$(thctl run uname -n)" = sandbox ]
}
ok "promise 4: a job is born inside its cgroup and namespaces" born

stopped() {
	id=$(thctl start --grace 100ms -- sh -c \
	    'trap "" TERM; setsid sleep 1000 & while :; do sleep 1; done')
	[ -d "$CGROUP/$id" ] && thctl stop "$id" && [ ! -e "$CGROUP/$id" ]
}
ok "promise 5: when stop has answered, nothing is left" stopped

same() {
	id=$(thctl start -- sh -c 'head -c 3000000 /dev/urandom; echo x >&2')
	thctl watch "$id" >"$work/one" && thctl watch "$id" >"$work/two" &&
	    cmp "$work/one" "$work/two" &&
	    cmp "$work/one" "$STATE/jobs/$id/output" &&
	    [ "$(wc -c <"$work/one")" = 3000002 ]
}
ok "promise 6: output is complete, binary and the same each time" same

skip "promise 7: jobs survive every daemon process" \
    "the journal comes with its own issue"

reasons() {
	id=$(thctl start -- sh -c 'exit 9')
	thctl wait "$id" >/dev/null
	thctl status "$id" | grep -qx 'exit_code 9' || return 1
	id=$(thctl start -- sh -c 'kill -SEGV $$')
	thctl wait "$id" >/dev/null
	thctl status "$id" >"$work/st"
	grep -qx 'term_signal 11' "$work/st" &&
	    grep -qx 'reason signal' "$work/st"
}
ok "promise 8: the reason a job ended is exact" reasons
if grep -qw memory "$(dirname "$CGROUP")/cgroup.controllers"; then
	oom() {
		id=$(thctl start --class small tail -n 1 /dev/zero)
		thctl wait --timeout 100s "$id" >/dev/null
		thctl status "$id" >"$work/st"
		grep -qx 'reason oom' "$work/st" || { cat "$work/st"; return 1; }
	}
	ok "promise 8: out of memory" oom
else
	skip "promise 8: out of memory" "controller memory"
fi

alive() {
	head -c 100000 /dev/urandom | timeout 5 openssl s_client -quiet \
	    -connect "$ADDRESS:$PORT" -alpn h2 -tls1_3 \
	    -CAfile "$CERTDIR/ca.pem" -cert "$CERTDIR/tele-tester.pem" \
	    -key "$CERTDIR/tele-tester-key.pem" >/dev/null 2>&1
	head -c 100000 /dev/urandom |
	    timeout 5 curl -s --max-time 3 -T - "telnet://$ADDRESS:$PORT" \
	    >/dev/null 2>&1
	thctl run true && kill -0 "$front" && kill -0 "$SUPERVISOR_PID"
}
ok "promise 9: garbage ends no process" alive
finish
