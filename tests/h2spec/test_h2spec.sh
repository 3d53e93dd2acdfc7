#!/bin/sh
# SPDX-License-Identifier: MIT
# h2spec --strict against interop-server, in the clear and over TLS: it fails in no case but those of expected.txt, and
# in none where nghttpd does better. Skipped without h2spec.
set -u
here=$top_srcdir/tests/h2spec
server=$top_builddir/tests/interop/interop-server
failed=0
passed=0

command -v h2spec >/dev/null || {
    echo "skipped: no h2spec (go install github.com/summerwind/h2spec/cmd/h2spec@v2.2.1)"
    exit 77
}
PATH=$PATH:/usr/local/sbin:/usr/sbin
work=$(mktemp -d) || exit 1
pid=
stop()
{
    [ -z "$pid" ] || { kill "$pid" && wait "$pid"; } 2>/dev/null
    pid=
}
trap 'stop; rm -rf "$work"' EXIT

# Waits until a condition holds: until_so COMMAND...
until_so()
{
    tries=0
    until "$@"; do
        tries=$((tries + 1))
        [ $tries -lt 300 ] || { echo "waited in vain: $*"; return 1; }
        sleep 0.1
    done
}

# Starts a belay server; $port is where it listens: start_server OPTION...
start_server()
{
    : > "$work/listening"
    "$server" --port=0 "$@" > "$work/listening" 2> "$work/log" &
    pid=$!
    until_so grep -q '^listening on ' "$work/listening" || exit 1
    port=$(sed -n 's/^listening on .*:\([0-9]*\)$/\1/p' "$work/listening")
}

# Runs h2spec and writes its failures to a file: spec FILE OPTION...
spec()
{
    file=$1
    shift
    h2spec --strict -h 127.0.0.1 -p "$port" -o 5 "$@" > "$work/output" 2>&1
    tr -d '\000' < "$work/output" > "$work/text"
    if ! grep -q '^146 tests' "$work/text"; then
        cat "$work/text"
        echo 'h2spec did not run all of its cases' > "$file"
        return
    fi
    awk -f "$here/failures.awk" "$work/text" | sort > "$file"
}

# Says how a test went: result NAME FILE; the file has what is wrong, or nothing.
result()
{
    if [ -s "$2" ]; then
        echo "FAILED  $1"
        cat "$2"
        [ ! -s "$work/log" ] || tail -n 5 "$work/log"
        failed=$((failed + 1))
    else
        echo "ok      $1"
        passed=$((passed + 1))
    fi
}

# Compares with what is expected: expect NAME OPTION... On a busy machine an answer may come before the rest of what a
# case sends, which then breaks nothing: only what fails twice has failed.
expect()
{
    name=$1
    shift
    spec "$work/belay" "$@"
    comm -23 "$work/belay" "$work/expected" > "$work/wrong"
    if [ -s "$work/wrong" ]; then
        mv "$work/wrong" "$work/once"
        echo "once:" && cat "$work/once"
        spec "$work/belay" "$@"
        comm -12 "$work/belay" "$work/once" > "$work/wrong"
    fi
    stop
    result "$name" "$work/wrong"
}

grep -v '^#' "$here/expected.txt" | sort > "$work/expected"

start_server
expect "in the clear"

if command -v nghttpd >/dev/null; then
    mkdir "$work/www" && echo belay > "$work/www/index.html"
    port=$((20000 + $$ % 10000))
    nghttpd --no-tls -a 127.0.0.1 -d "$work/www" "$port" > "$work/nghttpd" 2>&1 &
    pid=$!
    listens() { nghttp "http://127.0.0.1:$port/" >/dev/null 2>&1 || ! kill -0 $pid 2>/dev/null; }
    if command -v nghttp >/dev/null && until_so listens && kill -0 $pid 2>/dev/null; then
        spec "$work/other"
        comm -13 "$work/other" "$work/expected" > "$work/wrong"
        result "nghttpd fails what belay may fail" "$work/wrong"
    fi
    stop
fi

if command -v openssl >/dev/null &&
    openssl req -x509 -newkey rsa:2048 -nodes -keyout "$work/key.pem" -out "$work/cert.pem" -days 2 \
        -subj /CN=localhost >/dev/null 2>&1; then
    start_server --use_tls=true --tls_cert_file="$work/cert.pem" --tls_key_file="$work/key.pem"
    expect "over TLS" -t -k
fi

echo "h2spec: $passed passed, $failed failed"
[ $failed -eq 0 ]
