#!/bin/sh
# SPDX-License-Identifier: MIT
# postgres.sh: a PostgreSQL server of its own in a folder of its own, by a user who is not root. Prints the
# folder with its socket when it accepts connections, and is there until the standard input ends: with the
# test, however that ends. 77 when there is no server to be had.

exec 3>&1 >&2
PATH=$PATH:$(ls -d /usr/lib/postgresql/*/bin 2>/dev/null | tail -n 1)
for program in initdb postgres pg_ctl; do
    command -v $program >/dev/null || { echo "no $program"; exit 77; }
done
as=
if [ "$(id -u)" -eq 0 ]; then
    user=postgres
    id $user >/dev/null 2>&1 || user=nobody
    command -v runuser >/dev/null || { echo "no runuser"; exit 77; }
    as="runuser -u $user --"
fi

folder=$(mktemp -d /tmp/belay-postgres-XXXXXX) || exit 99
clean_up()
{
    $as "$(command -v pg_ctl)" -D "$folder/data" -s -m immediate stop 2>/dev/null
    rm -rf "$folder"
}
trap clean_up EXIT
trap 'exit 1' HUP INT TERM PIPE
[ -z "$as" ] || chown "$user" "$folder"
cd "$folder" || exit 99

$as "$(command -v initdb)" -D "$folder/data" -A trust -U belay --no-sync --no-locale -E UTF8 >/dev/null ||
    exit 99
$as "$(command -v pg_ctl)" -D "$folder/data" -s -w -l "$folder/log" \
    -o "-c listen_addresses= -c unix_socket_directories=$folder -c fsync=off -c max_connections=20" start ||
    { cat "$folder/log"; exit 99; }
echo "$folder" >&3
exec 3>&-
cat >/dev/null
