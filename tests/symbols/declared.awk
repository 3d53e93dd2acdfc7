# SPDX-License-Identifier: MIT
# Prints the names of the functions that headers declare with BELAY_API.

{
    sub(/\/\*.*\*\//, "")
    if (sub(/\/\*.*/, ""))
        comment = 1
    else if (comment && sub(/.*\*\//, ""))
        comment = 0
    else if (comment)
        next
}

/^#/ { next }

/BELAY_API/ { declaring = 1 }

declaring {
    declaration = declaration " " $0
    if ($0 !~ /;/)
        next
    if (match(declaration, /belay_[a-z0-9_]+ *\(/)) {
        name = substr(declaration, RSTART, RLENGTH)
        sub(/ *\($/, "", name)
        print name
    }
    declaration = ""
    declaring = 0
}
