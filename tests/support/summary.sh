#!/bin/sh
# SPDX-License-Identifier: MIT
# Adds up what a `make check` ran ("make check-summary" calls it with the logs of all tests): prints
# "N passed, N failed", with ", N skipped" when some were.
#
# Suites say "name: N passed, N failed" themselves. A program that does not counts as one test; one that dies
# after its summary, or before it, counts as a failure.

for log in "$@"; do
    result=$(sed -n 's/^:global-test-result: *//p' "${log%.log}.trs" 2>/dev/null)
    sed -n 's/^[^ ]*: \([0-9][0-9]*\) passed, \([0-9][0-9]*\) failed.*/\1 \2/p' "$log" 2>/dev/null |
        awk -v result="${result:-ERROR}" '
            { passed += $1; failed += $2 }
            END {
                if (result == "SKIP")
                    skipped = 1
                else if (result != "PASS" && failed == 0)
                    failed = 1
                else if (passed + failed == 0)
                    passed = 1
                print passed + 0, failed + 0, skipped + 0
            }'
done | awk '
    { passed += $1; failed += $2; skipped += $3 }
    END {
        printf "%d passed, %d failed%s\n", passed, failed, skipped ? ", " skipped " skipped" : ""
    }'
