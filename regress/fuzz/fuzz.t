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

# The fuzzers, one after the other: first the corpus and what was found once,
# then on with new inputs. FUZZ_SECONDS for all together, or FUZZ_EACH for
# each. An input that breaks one is kept below $BUILD/fuzz/found, and named.

set -u

here=$(cd "$(dirname "$0")" && pwd)
corpus=$here/corpus
found=$BUILD/fuzz/found
work=$(mktemp -d) || exit 1
trap 'rm -rf "$work"' EXIT
trap 'exit 1' HUP INT TERM

targets=$(cd "$here" && ls fuzz_*.c | sed 's/^fuzz_//; s/\.c$//')
count=$(echo "$targets" | wc -w)
each=${FUZZ_EACH:-$((${FUZZ_SECONDS:-60} / count))}
[ "$each" -gt 0 ] || each=1

# fuzz TARGET SECONDS
fuzz() {
	mkdir -p "$found/$1" "$work/$1"
	# What the parser says of bad input is not wanted, only a sanitizer's.
	"$BUILD/fuzz/fuzz_$1" -max_total_time="$2" -close_fd_mask=2 \
	    -timeout=10 -rss_limit_mb=1024 -print_final_stats=1 \
	    -artifact_prefix="$found/$1/" "$work/$1" "$corpus/$1" \
	    >"$work/out" 2>&1
}

# Each seed alone, so that one that breaks is named.
replay() {
	"$BUILD/fuzz/fuzz_$1" -close_fd_mask=2 -timeout=10 \
	    "$corpus/$1"/* >"$work/out" 2>&1
}

n=0
bad=0
for t in $targets; do
	n=$((n + 1))
	[ -n "$(ls "$corpus/$t")" ] && replay "$t" && fuzz "$t" "$each"
	status=$?
	if [ $status = 0 ]; then
		runs=$(sed -n 's/^stat::number_of_executed_units: *//p' \
		    "$work/out")
		echo "ok $n - fuzz $t ($runs inputs in $each s)"
	else
		echo "not ok $n - fuzz $t"
		grep -E 'Running: |ERROR|SUMMARY|must hold|runtime error|^ +#|Test unit written' \
		    "$work/out" | tail -40 | sed 's/^/# /'
		bad=1
	fi
done
echo "1..$n"
exit $bad
