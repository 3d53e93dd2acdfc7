# SPDX-License-Identifier: MIT
# From what h2spec prints: its failures, one a line, as "http2/5.1.1/2 what the case does".
/^Failures/ { failures = 1 }
!failures { next }
/^Generic tests/ { group = "generic" }
/^Hypertext Transfer Protocol/ { group = "http2" }
/^HPACK/ { group = "hpack" }
/^ +[0-9.]+\. / { section = $1; sub(/\.$/, "", section) }
/^ +× [0-9]+: / {
    number = $2
    sub(/:$/, "", number)
    words = $0
    sub(/^ +× [0-9]+: /, "", words)
    print group "/" section "/" number " " words
}
