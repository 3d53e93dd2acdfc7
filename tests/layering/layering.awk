# SPDX-License-Identifier: MIT
# Prints each #include that breaks the rule of the floors, and exits 1 when there was one. Reads source files
# whose names begin with src/, include/ or examples/.

BEGIN {
    floor["base"] = 0
    floor["wire"] = floor["cancel"] = floor["io"] = floor["pool"] = 1
    floor["transport"] = 2
    floor["h2"] = 3
    floor["rpc"] = 4
    floor["wait"] = floor["server"] = floor["client"] = 5
    floor["services"] = 6

    # Each outside library has one folder that knows it.
    owner["uv"] = "io"
    owner["nghttp2"] = "h2"
    owner["zlib"] = "wire"
    owner["openssl"] = "transport"

    # Public headers stand on the C library, POSIX threads and protobuf-c, whose types they hand out.
    standard = "^(limits|pthread|stdarg|stdbool|stddef|stdint|string|sys/types|protobuf-c/protobuf-c)\\.h$"
}

FNR == 1 {
    split(FILENAME, part, "/")
    folder = part[1] == "src" ? part[2] : part[1]
    include_count = 0
}

/^[ \t]*#[ \t]*include[ \t]*[<"]/ {
    quoted = $0 ~ /include[ \t]*"/
    name = $0
    sub(/^[^<"]*[<"]/, "", name)
    sub(/[>"].*/, "", name)
    if (name != "config.h" && ++include_count == 1)
        check_own_header_first(name)
    if (folder == "include")
        check_public_header(name)
    else if (quoted)
        check_own_house(name)
    else if (folder != "examples")
        check_library(name)
}

END { exit offences > 0 }

function complain(why) {
    printf "%s:%d: %s: %s\n", FILENAME, FNR, $0, why
    offences++
}

function check_public_header(name) {
    if (quoted || (name !~ /^belay\// && name !~ standard))
        complain("public headers include <belay/...>, <protobuf-c/protobuf-c.h> and the C library")
}

function check_own_house(name,    target) {
    target = name
    if (!sub(/\/.*/, "", target)) {
        if (folder in floor && name != "config.h")
            complain("includes are written from src/")
    } else if (target == folder || !(target in floor)) {
        return
    } else if (!(folder in floor))
        complain("programs include public headers")
    else if (floor[target] == floor[folder])
        complain(target " is on the same floor as " folder)
    else if (floor[target] > floor[folder])
        complain(target " is above " folder)
}

function check_library(name,    library) {
    library = name
    sub(/[\/.].*/, "", library)
    if (library in owner && owner[library] != folder)
        complain("only " owner[library] " includes it")
}

# "base/arena.c" begins with "base/arena.h", when there is one, which shows that the header needs no other.
function check_own_header_first(name,    own, line, there) {
    own = FILENAME
    if (!(folder in floor) || !sub(/\.c$/, ".h", own))
        return
    there = (getline line < own) >= 0
    close(own)
    sub(/^src\//, "", own)
    if (there && name != own)
        complain("\"" own "\" comes first")
}
