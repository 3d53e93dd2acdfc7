#!/bin/sh
# SPDX-License-Identifier: MIT
# Each public header compiles by itself as C++, without a warning.

language=cc
. "${top_srcdir:-.}/tests/symbols/test_headers.sh"
