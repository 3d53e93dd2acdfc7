#!/bin/sh
# SPDX-License-Identifier: MIT
# belayctl against a chain of three relays: one calls the next twice, which calls the last twice for each, whose
# handlers sleep until somebody cancels them.

examples=../src/belayctl
. "${top_srcdir:-.}/tests/examples/support.sh"
build=$(cd "${top_builddir:-.}" && pwd)
programs=$build
belayctl=$build/src/belayctl/belayctl
json_checker=$(cd "${top_srcdir:-.}" && pwd)/tests/belayctl/check_json.py
LC_ALL=C
export LC_ALL
unset BELAY_ADMIN

# ask NAME CODE ARGUMENTS...: belayctl's answer in $work/NAME.out and NAME.err; it must end with the code.
ask()
{
    name=$1
    wanted=$2
    shift 2
    "$belayctl" "$@" > "$work/$name.out" 2> "$work/$name.err"
    code=$?
    [ $code -eq "$wanted" ] || complain "belayctl $* ended with $code instead of $wanted" "$name.out" "$name.err"
}

# until_listed SERVER COUNT PATTERN: until so many lines of ps match.
until_listed()
{
    turns=600
    [ -z "$SANITIZER_FLAGS" ] || turns=3000
    while :; do
        ask poll 0 --server="$1" ps
        [ "$(grep -c -e "$3" "$work/poll.out")" -ne "$2" ] || return 0
        turns=$((turns - 1))
        if [ $turns -eq 0 ]; then
            complain "ps never had $2 lines with '$3'" poll.out
            return 0
        fi
        sleep 0.05
    done
}

valid_json()
{
    if command -v python3 > /dev/null; then
        python3 "$json_checker" "$2" < "$work/$1.out" 2> "$work/$1.wrong" ||
            complain "$1 is not the JSON that was promised" "$1.out" "$1.wrong"
    fi
}

# id_of STATE SIDE: the id of the first call in the last poll with both.
id_of()
{
    awk -v state="$1" -v side="$2" 'index($0, state) && index($0, side) { print $1; exit }' "$work/poll.out"
}

relay()
{
    start_server "$1" tests/interop/interop-server --port=0 --drain_ms=100 --admin="unix:$work/$1.sock"
}

relay first
first=$address first_pid=$pid
relay middle
middle=$address middle_pid=$pid
relay last
last=$address last_pid=$pid
at_first=unix:$work/first.sock at_middle=unix:$work/middle.sock at_last=unix:$work/last.sock

# ---- nothing to see ----

ask empty 0 --server="$at_first" ps
says empty.out 'ID  PARENT  STATE'
[ "$(wc -l < "$work/empty.out")" -eq 1 ] || complain "an idle server has calls" empty.out
ask empty_json 0 ps --json --server "$at_first"
valid_json empty_json ps
ask empty_tree 0 --server="$at_first" tree --json
valid_json empty_tree tree

# ---- a chain ----

start caller tests/belayctl/call-relay "$first" "$middle" "$last"
caller=$pid
until_listed "$at_last" 4 'waiting in sleep .* from '
until_listed "$at_middle" 2 'waiting in child .* from '
until_listed "$at_middle" 4 " to $last"
until_listed "$at_first" 1 'waiting in child .* from '

ask tree 0 --server="$at_middle" tree
says tree.out '^[0-9]* /belay.testing.Relay/Call from .*: waiting in child'
[ "$(grep -c '^|- [0-9]* /belay.testing.Relay/Call to ' "$work/tree.out")" -eq 2 ] || complain "branches" tree.out
[ "$(grep -c '^`- [0-9]* /belay.testing.Relay/Call to ' "$work/tree.out")" -eq 2 ] || complain "last branches" tree.out
ask tree_json 0 --server="$at_middle" tree --json
valid_json tree_json tree
ask ps_json 0 --server="$at_middle" ps --json
valid_json ps_json ps
says ps_json.out '"cause": "none".*"cancelled_ms": null'
ask top 0 --server="$at_middle" top --count 2
[ "$(grep -c ': 6 calls$' "$work/top.out")" -eq 2 ] || complain "top does not show two screens" top.out
ask top_json 0 --server="$at_middle" top --once --json
valid_json top_json top

if locale -a 2> /dev/null | grep -i -q '^C\.utf-\{0,1\}8$'; then
    LC_ALL=C.UTF-8
    ask drawn 0 --server="$at_middle" tree
    LC_ALL=C
    says drawn.out '^├─ '
    says drawn.out '^└─ '
fi

# ---- cancelling ----

until_listed "$at_last" 4 'waiting in sleep'
leaf=$(id_of 'waiting in sleep' ' from ')
ask cancelled 0 --server="$at_last" cancel "$leaf" --reason 'one is too many'
says cancelled.out "^cancelled call $leaf\$"
until_listed "$at_last" 3 'waiting in sleep'
ask again 3 --server="$at_last" cancel "$leaf" --reason again
says again.err "no call $leaf"

until_listed "$at_first" 1 'waiting in child'
top=$(id_of 'waiting in child' ' from ')
ask subtree 0 --server="$at_first" cancel "$top" --subtree --reason 'not needed any more'
says subtree.out "^cancelled call $top and all below it\$"
ends caller "$caller" 0
says caller.out '^CANCELLED: not needed any more$'
until_listed "$at_last" 0 'Relay'
until_listed "$at_first" 0 'Relay'

ask stats 0 --server="$at_first" stats
says stats.out '^handlers   0 running, 1 started$'
says stats.out '^calls      1 cancelled'
ask stats_json 0 --server="$at_first" stats --json
valid_json stats_json stats

# ---- what goes wrong ----

ask no_server 1 --server="unix:$work/nobody.sock" ps
says no_server.err 'does the server run'
ask wrong_door 1 --server="$first" ps
says wrong_door.err 'belay_admin_listen'
ask no_address 2 --server=nonsense ps
says no_address.err 'unix:PATH or HOST:PORT'
ask no_command 2
says no_command.err 'say what to do'
ask no_reason 2 --server="$at_first" cancel 1
says no_reason.err '--reason'
ask no_id 2 --server="$at_first" cancel --reason why
ask bad_id 2 --server="$at_first" cancel one --reason why
ask bad_word 2 --server="$at_first" ps all
ask bad_option 2 --server="$at_first" drain --json
ask help 0 --help
says help.out '^EXIT CODES'
ask version 0 --version
if [ -c /dev/full ]; then
    "$belayctl" --server="$at_first" ps > /dev/full 2> "$work/full.err" && complain "a full disk is no failure"
fi

# ---- draining: as by SIGTERM, also with a call that would go on for an hour ----

start second_caller tests/belayctl/call-relay "$last"
second_caller=$pid
until_listed "$at_last" 1 'waiting in sleep'
ask drain 0 --server="$at_last" drain
says drain.out 'drains'
ends last "$last_pid" 0
ends second_caller "$second_caller" 0
says second_caller.out '^UNAVAILABLE: '
BELAY_ADMIN=$at_middle
export BELAY_ADMIN
ask drain_middle 0 drain
ends middle "$middle_pid" 0
stop_server first "$first_pid"

[ $failed -eq 0 ] && echo "belayctl: all is well"
exit $((failed > 0))
