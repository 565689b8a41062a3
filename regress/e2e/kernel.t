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


# A kernel that lacks something: thd says what, once for each thing, and does
# not start. The faults come from strace(1), as a kernel would give them.
# $BUILD is the build folder.

set -u

work=$(mktemp -d /var/lib/th-test.XXXXXX)
n=0
bad=0
mnt=$(awk '{ for (i = 7; i < NF; i++) if ($i == "-" && $(i+1) == "cgroup2")
    { print $5; exit } }' /proc/self/mountinfo)
trap 'rmdir "$mnt/thd-kernel.t" 2>/dev/null; rm -rf "$work"' EXIT
cat >"$work/thd.conf" <<EOC
listen on 127.0.0.1 port 1
socket none
state directory "$work/state"
run directory "$work/run"
cgroup "$mnt/thd-kernel.t"
frontend user 64101
relay user 64201
job user 64301
limits best-effort
EOC

# lacks NAME MESSAGE... -- STRACE-OPTION...: exactly these messages.
lacks() {
	name=$1
	shift
	: >"$work/want"
	while [ "$1" != -- ]; do
		echo "$1" >>"$work/want"
		shift
	done
	shift
	timeout 60 strace -qq -o /dev/null "$@" "$BUILD/sbin/thd" -d \
	    -f "$work/thd.conf" 2>"$work/out"
	status=$?
	n=$((n + 1))
	sed -n 's/^.*thd: //p' "$work/out" | grep -v '^limits best-effort' \
	    >"$work/have"
	r=0
	[ $status = 1 ] &&
	    [ "$(wc -l <"$work/have")" = "$(wc -l <"$work/want")" ] || r=1
	while read -r line; do
		grep -qF "$line" "$work/have" || r=1
	done <"$work/want"
	if [ $r = 0 ]; then
		echo "ok $n - $name"
	else
		echo "not ok $n - $name: exit status $status"
		sed 's/^/# /' "$work/out"
		bad=1
	fi
}

lacks "clone3" "no clone3(2) into a cgroup: Linux 5.7" \
    -- -e inject=clone3:error=ENOSYS
lacks "CLONE_INTO_CGROUP" "no clone3(2) into a cgroup: Linux 5.7" \
    -- -e inject=clone3:error=EINVAL
lacks "pidfd_open" "pidfd_open(2): Linux 5.3" \
    -- -e inject=pidfd_open:error=ENOSYS
lacks "mount_setattr" "no mount_setattr(2): Linux 5.12" \
    -- -e inject=mount_setattr:error=ENOSYS
lacks "close_range" "no close_range(2): Linux 5.11" \
    -- -e inject=close_range:error=ENOSYS
lacks "seccomp" "CONFIG_SECCOMP_FILTER" -- -e inject=seccomp:error=EINVAL
for ns in pid mnt net ipc uts cgroup; do
	lacks "$ns namespaces" "no $ns namespaces (/proc/self/ns/$ns" \
	    -- -P "/proc/self/ns/$ns" \
	    -e inject=newfstatat,lstat:error=ENOENT
done
lacks "several things at once" "no mount_setattr(2)" "no process descriptors" \
    "CONFIG_SECCOMP_FILTER" -- -e inject=mount_setattr:error=ENOSYS \
    -e inject=pidfd_open:error=ENOSYS -e inject=seccomp:error=EINVAL

# What is missing of cgroups, beside what the kernel has.
lacks "cgroup.kill" "no cgroup.kill: Linux 5.14" \
    -- -e inject=faccessat2,faccessat:error=ENOENT
lacks "cgroup v2 and a call" "is no cgroup v2 directory" \
    "no mount_setattr(2)" -- -e inject=mount_setattr:error=ENOSYS \
    -e inject=statfs,fstatfs:retval=0

for cap in sys_admin mknod net_admin setuid; do
	n=$((n + 1))
	if ! setpriv --bounding-set "-$cap" --inh-caps "-$cap" \
	    timeout 60 "$BUILD/sbin/thd" -d -f "$work/thd.conf" \
	    2>"$work/out" && [ "$(grep -c "runs without CAP_" "$work/out")" \
	    = 1 ] && grep -qi "without cap_$cap:" "$work/out"; then
		echo "ok $n - without CAP_$cap"
	else
		echo "not ok $n - without CAP_$cap"
		sed 's/^/# /' "$work/out"
		bad=1
	fi
done
echo "1..$n"
exit $bad
