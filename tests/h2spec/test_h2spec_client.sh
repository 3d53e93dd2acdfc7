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

# run [SECTION]: what fails. Each case has a port of its own, from a first one on; somebody else may have one of them.
runs=0
run()
{
    runs=$((runs + 1))
    for try in 1 2 3 4 5; do
        first=$((20000 + ($$ + runs * 100 + try * 1000) % 10000))
        # It may go on accepting on sockets that it has closed, and says so.
        timeout 250 h2specd --strict -h 127.0.0.1 -f $first -o 1 -e ./client "$@" 2>&1 | tr -d '\000' |
            grep -v 'use of closed network connection' > output
        grep -q 'address already in use' output || break
    done
    awk -f "$top_srcdir/tests/h2spec/failures.awk" output | sort
}

# Whether a case that failed passes after all. Some go on when the one call of their client has ended: because it was
# answered, and the client may be gone then; or because it was not answered as gRPC does, and the client has reset its
# stream before it can see what comes next. Neither is so each time.
passes()
{
    section=${1#*/}
    for again in 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20; do
        run "client/${section%%/*}" > now
        grep -q '^[1-9][0-9]* tests' output && ! grep -qxF "$1" now && return 0
    done
    return 1
}

run > some
cp output first
while read -r case; do
    passes "$case" < /dev/null || echo "$case"
done < some > failed
grep -q '^57 tests' first || echo 'h2specd did not run all of its cases' >> failed
if [ -s failed ]; then
    cat first failed
    echo "h2spec-client: 0 passed, 1 failed"
    exit 1
fi
echo "h2spec-client: 1 passed, 0 failed"
