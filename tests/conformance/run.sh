#!/bin/sh
# SPDX-License-Identifier: MIT
# run.sh server|client: runs the suite of connectrpc.com/conformance. No case is known to fail.
set -u
mode=$1
suite=connectrpc.com/conformance/cmd/connectconformance

command -v connectconformance >/dev/null || {
    echo "skipped: no connectconformance (go install $suite@v1.0.7)"
    exit 77
}
log=$(mktemp) || exit 1
trap 'rm -f "$log"' EXIT
connectconformance --conf "$top_srcdir/tests/conformance/config.yaml" --mode "$mode" -- \
    "$top_builddir/tests/conformance/conformance-$mode" >"$log" 2>&1
status=$?
cat "$log"
passed=$(sed -n 's/^\([0-9][0-9]*\) passed.*/\1/p' "$log" | tail -n 1)
failed=$(sed -n 's/.*[^0-9]\([0-9][0-9]*\) failed.*/\1/p' "$log" | tail -n 1)
[ $status -eq 0 ] || [ "${failed:-0}" -gt 0 ] || failed=1
echo "conformance-$mode: ${passed:-0} passed, ${failed:-0} failed"
[ $status -eq 0 ]
