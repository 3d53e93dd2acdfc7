# The suites for HTTP/2 servers and clients of github.com/summerwind/h2spec, each skipped without its program.
check_scripts += tests/h2spec/test_h2spec.sh tests/h2spec/test_h2spec_client.sh
EXTRA_DIST += tests/h2spec/expected.txt tests/h2spec/failures.awk
