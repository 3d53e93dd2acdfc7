server_suites = tests/server/test_registry tests/server/test_options tests/server/test_server
check_PROGRAMS += $(server_suites)

tests_server_test_registry_SOURCES = tests/server/test_registry.c
tests_server_test_registry_CPPFLAGS = $(fixture_cppflags)
tests_server_test_registry_LDADD = $(fixture_libs)
$(tests_server_test_registry_OBJECTS): $(probe_generated)

tests_server_test_options_SOURCES = tests/server/test_options.c
tests_server_test_options_CPPFLAGS = $(fixture_cppflags)
tests_server_test_options_LDADD = $(fixture_libs)
$(tests_server_test_options_OBJECTS): $(probe_generated)

tests_server_test_server_SOURCES = tests/server/test_server.c
tests_server_test_server_CPPFLAGS = $(fixture_cppflags)
tests_server_test_server_LDADD = $(fixture_libs)
$(tests_server_test_server_OBJECTS): $(probe_generated)
