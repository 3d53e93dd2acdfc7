#!/bin/sh
# SPDX-License-Identifier: MIT
# make installcheck: a program by a stranger, who has the installed files and nothing else, is generated,
# compiled with what pkg-config says, linked and run. In C and, with a C++ compiler, in C++.
# The Makefile says in the environment where things are.

set -eu
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
here=$(cd "$(dirname "$0")" && pwd)
LD_LIBRARY_PATH=$libdir${LD_LIBRARY_PATH:+:$LD_LIBRARY_PATH}
export LD_LIBRARY_PATH

cd "$work"
cp "$here/stranger.c" "$here/stranger.proto" .
"$PROTOC" --plugin=protoc-gen-c="$PROTOC_GEN_C" --plugin=protoc-gen-belay="$bindir/protoc-gen-belay" \
    --c_out=. --belay_out=. stranger.proto

flags=$("$PKG_CONFIG" --cflags belay)
static=--static
for library in "$libdir"/libbelay.so "$libdir"/libbelay.dylib; do
    [ -e "$library" ] && static=
done
libs=$("$PKG_CONFIG" $static --libs belay)
# shellcheck disable=SC2086 # flags are words
$CC $SANITIZER_FLAGS -Wall -Wextra $flags -o stranger stranger.c stranger.pb-c.c stranger.belay.c $libs
./stranger

for cxx in ${CXX:+"$CXX"} c++ g++ clang++; do
    command -v "$cxx" >/dev/null || continue
    # shellcheck disable=SC2086
    for file in stranger.pb-c stranger.belay; do
        $CC $SANITIZER_FLAGS $flags -c $file.c
    done
    # shellcheck disable=SC2086
    $cxx $SANITIZER_FLAGS -std=c++11 -Wall -Wextra $flags -o stranger++ -x c++ stranger.c -x none \
        stranger.pb-c.o stranger.belay.o $libs
    ./stranger++
    break
done
echo "installcheck: the installed library, headers and generator make a program that runs"
