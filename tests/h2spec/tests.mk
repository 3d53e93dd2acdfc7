# The suites for HTTP/2 servers and clients of github.com/summerwind/h2spec, each skipped without its program.
check_scripts += tests/h2spec/test_h2spec.sh tests/h2spec/test_h2spec_client.sh
EXTRA_DIST += tests/h2spec/expected.txt tests/h2spec/failures.awk

# What h2specd starts for each case.
noinst_PROGRAMS += tests/h2spec/spec-client
tests_h2spec_spec_client_SOURCES = tests/h2spec/spec_client.c
tests_h2spec_spec_client_CPPFLAGS = $(interop_cppflags)
tests_h2spec_spec_client_LDADD = $(interop_libs)
$(tests_h2spec_spec_client_OBJECTS): $(interop_generated)
