#!/bin/sh
# SPDX-License-Identifier: MIT
# h2specd --strict, h2spec's side for clients, against spec-client: servers that break the rules are told so. No case
# may fail. Skipped without h2specd.
set -u
command -v h2specd >/dev/null || {
    echo "skipped: no h2specd (go install github.com/summerwind/h2spec/cmd/h2specd@v2.2.1)"
    exit 77
}
work=$(mktemp -d) || exit 1
trap 'rm -rf "$work"' EXIT
cd "$work" || exit 1

# What h2specd starts for each case, with a URL.
cat > client <<'END'
#!/bin/sh
port=${1##*:}
exec timeout 2 "$top_builddir/tests/h2spec/spec-client" "127.0.0.1:${port%/}"
END
chmod +x client

# Each case has a port of its own, from a first one on; somebody else may have one of them.
run()
{
    for try in 1 2 3 4 5; do
        first=$((20000 + ($$ + runs * 100 + try * 1000) % 10000))
        # It may go on accepting on sockets that it has closed, and says so.
        timeout 250 h2specd --strict -h 127.0.0.1 -f $first -o 1 -e ./client 2>&1 | tr -d '\000' |
            grep -v 'use of closed network connection' > output
        grep -q 'address already in use' output || break
    done
    grep -q '^57 tests' output || echo 'h2specd did not run all of its cases'
    awk -f "$top_srcdir/tests/h2spec/failures.awk" output | sort
}

# Some cases go on when the one call of their client has been answered, and on a busy machine it may be gone: what fails
# each time has failed.
runs=0
run > failed
while [ -s failed ] && [ $runs -lt 3 ]; do
    runs=$((runs + 1))
    run > again
    comm -12 failed again > both
    mv both failed
done
if [ -s failed ]; then
    cat output failed
    echo "h2spec-client: 0 passed, 1 failed"
    exit 1
fi
echo "h2spec-client: 1 passed, 0 failed"
