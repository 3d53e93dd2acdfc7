#!/bin/sh
# SPDX-License-Identifier: MIT
# Runs a test that is a Python program; where there is no Python it is skipped.
command -v python3 >/dev/null || {
    echo "skipped: no python3 (Debian, Ubuntu: apt-get install python3-grpcio)"
    exit 77
}
exec python3 "$@"
