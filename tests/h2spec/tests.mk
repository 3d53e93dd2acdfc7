# The suite for HTTP/2 servers of github.com/summerwind/h2spec, skipped without its program.
check_scripts += tests/h2spec/test_h2spec.sh
EXTRA_DIST += tests/h2spec/expected.txt tests/h2spec/failures.awk
