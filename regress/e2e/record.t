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


# The whole record of a job: what status shows of it, while it runs and
# afterwards. $BUILD is the build folder.

set -u

here=$(cd "$(dirname "$0")" && pwd)
. "$here/../lib/tap.sh"

class() {
	cat >"$work/extra.conf" <<EOC
class "odd" {
	cpu quota 50ms period 500ms
	memory max $1
	memory high unlimited
	memory swap 1M
	oom group no
	pids max unlimited
	io read 3M
	io write unlimited
	io read-ops 7
	io write-ops unlimited
}
EOC
}
class 100M
lab_up --conf "$work/extra.conf"
thctl() {
	"$BUILD/bin/thctl" --server "$ADDRESS:$PORT" --ca "$CERTDIR/ca.pem" \
	    --cert "$CERTDIR/tele-tester.pem" \
	    --key "$CERTDIR/tele-tester-key.pem" "$@"
}
status() {
	thctl status "$1" >"$work/status" || return 1
}
has() {
	for l; do
		grep -qxF -e "$l" "$work/status" || {
			echo "no line: $l"
			cat "$work/status"
			return 1
		}
	done
}
hasnt() {
	! grep -F -e "$1" "$work/status"
}

labels() {
	id=$(thctl start --label app=web --label note="a b=c" --label tier= \
	    sleep 1000)
	status "$id" && has "state RUNNING" "command sleep 1000" \
	    "owner tele-tester" "label app=web" "label note=a b=c" \
	    "label tier=" "class default"
}
ok "labels are kept with the job" labels
default_limits() {
	has "limit.cpu.max 100000 1000000" "limit.memory.max 536870912" \
	    "limit.memory.high 402653184" "limit.memory.swap.max 0" \
	    "limit.memory.oom.group 1" "limit.pids.max 512" \
	    "limit.io.max rbps=83886080 wbps=41943040 riops=1000 wiops=1000"
}
ok "and so are its limits: the seed's, by default" default_limits
in_json() {
	thctl status --json "$id" | /usr/bin/python3 -c '
import json, sys
st = json.load(sys.stdin)
assert st["labels"] == {"app": "web", "note": "a b=c", "tier": ""}, st
assert st["limits"]["pids.max"] == "512", st
assert st["firstKeptOffset"] == "0" and st["droppedBytes"] == "0", st'
}
ok "in JSON, too" in_json

ended() {
	thctl stop --quiet "$id" && status "$id" &&
	    has "state STOPPED" "stopped_by tele-tester" "label app=web" \
	    "limit.pids.max 512"
}
ok "they stay when it has ended" ended

refused() {
	thctl start "$@" true 2>"$work/err" && return 1
	grep -q "label's" "$work/err" || { cat "$work/err"; return 1; }
}
bad_labels() {
	refused --label "a b=c" && refused --label "$(printf 'é=x')" &&
	    refused --label "$(printf '%064d' 0)=x" &&
	    refused --label "x=$(printf '%0257d' 0)" &&
	    thctl run --label "$(printf '%063d' 0)=$(printf '%0256d' 0)" true
}
ok "labels out of range are refused, and say which part" bad_labels
too_many() {
	set --
	for i in $(seq 65); do set -- "$@" --label "k$i=v"; done
	thctl start "$@" true 2>"$work/err" && return 1
	grep -q "more than 64 labels" "$work/err" || return 1
	set --
	for i in $(seq 60); do set -- "$@" --label "k$i=$(printf '%0200d' 0)"; done
	thctl start "$@" true 2>"$work/err" && return 1
	grep -q "larger than 8 KiB" "$work/err"
}
ok "too many are refused" too_many

odd_limits() {
	has "class odd" "limit.cpu.max 50000 500000" \
	    "limit.memory.max 104857600" "limit.memory.high max" \
	    "limit.memory.swap.max 1048576" "limit.memory.oom.group 0" \
	    "limit.pids.max max" \
	    "limit.io.max rbps=3145728 wbps=max riops=7 wiops=max"
}
other_class() {
	id=$(thctl start --class odd sleep 1000)
	status "$id" && odd_limits
}
ok "the limits of another class" other_class
reloaded() {
	sed -i 's/memory max 100M/memory max 200M/' "$CONF"
	kill -HUP "$SUPERVISOR_PID"
	timeout 20 sh -c 'until grep -q "configuration reloaded" "$1"; do
	    sleep 0.05; done' sh "$LOG" || return 1
	status "$id" && odd_limits || return 1
	new=$(thctl start --class odd sleep 1000)
	status "$new" && has "limit.memory.max 209715200"
	r=$?
	thctl stop --quiet "$new"
	return $r
}
ok "a change of the class is for new jobs only" reloaded

# The header of the index says where the output that is kept begins.
dropped() {
	status "$id" && hasnt dropped_bytes || return 1
	/usr/bin/python3 -c '
import struct, sys
with open(sys.argv[1], "r+b") as f:
    f.seek(8)
    f.write(struct.pack("=Q", 4096))' "$STATE/jobs/$id/index"
	status "$id" && has "first_kept_offset 4096" "dropped_bytes 4096" ||
	    return 1
	thctl stop --quiet "$id"
	status "$id" && has "first_kept_offset 4096" "dropped_bytes 4096"
}
ok "what is not kept any more is counted" dropped
finish
