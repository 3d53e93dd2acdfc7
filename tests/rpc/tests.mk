include tests/support/fixture.mk

rpc_suites = tests/rpc/test_fixture
check_PROGRAMS += $(rpc_suites)

tests_rpc_test_fixture_SOURCES = tests/rpc/test_fixture.c
tests_rpc_test_fixture_CPPFLAGS = $(fixture_cppflags)
tests_rpc_test_fixture_LDADD = $(fixture_libs)
$(tests_rpc_test_fixture_OBJECTS): $(probe_generated)
