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

# The worker library of supervisor/job.h, by joblib. Needs root.

set -eu

T=$(mktemp -d /var/lib/th-job.XXXXXX)
mnt=$(awk '/ - cgroup2 / { print $5; exit }' /proc/self/mountinfo)
cg=$mnt/th-job.$$
trap 'rm -rf "$T"; rmdir "$cg"' EXIT
mkdir -m 755 "$T/etc"
cat >"$T/etc/thd.conf" <<EOF
state directory "$T/state"
run directory "$T/run"
cgroup "$cg"
frontend user 64001
relay user 64002
job user 64003
limits best-effort
EOF
timeout 120 "$BUILD/e2e/joblib" "$T/etc/thd.conf" \
    "$(realpath "$BUILD")/libexec/thd/jobexec"
