#!/bin/sh
# SPDX-License-Identifier: MIT
# The suite of connectrpc.com/conformance against belay's server: no case may fail.
exec "$top_srcdir/tests/conformance/run.sh" server
