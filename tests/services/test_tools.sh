#!/bin/sh
# SPDX-License-Identifier: MIT
# The tools of others against interop-server: grpcurl, which knows nothing but what reflection tells it, and
# grpc-health-probe, as Kubernetes runs it. Those that are not installed are left out.

build=$(cd "${top_builddir:-.}" && pwd)
for tool in grpc-health-probe grpc_health_probe; do
    command -v $tool > /dev/null && probe=$tool
done
command -v grpcurl > /dev/null && curl=grpcurl
if [ -z "$probe$curl" ]; then
    echo 'neither grpcurl nor grpc-health-probe is installed'
    exit 77
fi

work=$(mktemp -d) || exit 99
trap 'kill "$server" 2> /dev/null; rm -rf "$work"' 0
mkfifo "$work/ready" || exit 99
"$build/tests/interop/interop-server" --port=0 --drain_ms=60000 > "$work/ready" &
server=$!
read -r line < "$work/ready"
address=${line#listening on }
passed=0
failed=0

# check NAME STATUS PATTERN COMMAND...: the command ends with a status, and what it prints has a line of a pattern.
check()
{
    name=$1 status=$2 pattern=$3
    shift 3
    timeout 60 "$@" > "$work/log" 2>&1
    got=$?
    if [ $got -eq "$status" ] && grep -q -e "$pattern" "$work/log"; then
        passed=$((passed + 1))
    else
        failed=$((failed + 1))
        echo "$name failed: status $got, not $status, or no line like $pattern"
        sed 's/^/    /' "$work/log"
    fi
}

if [ -n "$curl" ]; then
    check list 0 '^grpc.testing.TestService$' $curl -plaintext "$address" list
    check list_of_methods 0 '^belay.testing.Relay.Counters$' $curl -plaintext "$address" list belay.testing.Relay
    check describe 0 'rpc Stream ( stream .belay.testing.RelayRequest )' \
        $curl -plaintext "$address" describe belay.testing.Relay
    check describe_message 0 'map<string, .grpc.health.v1.HealthCheckResponse> statuses = 1' \
        $curl -plaintext "$address" describe grpc.health.v1.HealthListResponse
    check describe_unknown 1 'not found\|NotFound\|no such' $curl -plaintext "$address" describe no.such.Thing
    check call 0 '"body": "AAAAAA=="' \
        $curl -plaintext -d '{"responseSize": 4}' "$address" grpc.testing.TestService/UnaryCall
    check health 0 '"status": "SERVING"' \
        $curl -plaintext -d '{"service": "belay.testing.Relay"}' "$address" grpc.health.v1.Health/Check
    check health_list 0 '"grpc.testing.TestService": {' $curl -plaintext "$address" grpc.health.v1.Health/List
    check not_counted 0 '"handlersStarted": "1"' $curl -plaintext "$address" belay.testing.Relay/Counters
fi
if [ -n "$probe" ]; then
    check probe 0 'SERVING' $probe -addr="$address"
    check probe_service 0 'SERVING' $probe -addr="$address" -service=grpc.testing.TestService
    check probe_unknown 3 'unknown service' $probe -addr="$address" -service=no.such.Service
fi

kill -TERM "$server"
wait "$server"
status=$?
check exit 0 '^0$' echo $status
if [ -n "$probe" ]; then
    check probe_refused 2 'failed to connect' $probe -addr="$address"
fi
echo "services of others' tools: $passed passed, $failed failed"
[ $failed -eq 0 ]
