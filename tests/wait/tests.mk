wait_suites = tests/wait/test_sleep tests/wait/test_any tests/wait/test_group tests/wait/test_group_handler \
	tests/wait/test_group_stress
check_PROGRAMS += $(wait_suites)

tests_wait_test_sleep_SOURCES = tests/wait/test_sleep.c
tests_wait_test_sleep_CPPFLAGS = $(fixture_cppflags)
tests_wait_test_sleep_LDADD = $(fixture_libs)
$(tests_wait_test_sleep_OBJECTS): $(probe_generated)

tests_wait_test_any_SOURCES = tests/wait/test_any.c
tests_wait_test_any_CPPFLAGS = $(fixture_cppflags)
tests_wait_test_any_LDADD = $(fixture_libs)
$(tests_wait_test_any_OBJECTS): $(probe_generated)

tests_wait_test_group_SOURCES = tests/wait/test_group.c
tests_wait_test_group_LDADD = $(test_libs)

tests_wait_test_group_handler_SOURCES = tests/wait/test_group_handler.c
tests_wait_test_group_handler_CPPFLAGS = $(fixture_cppflags)
tests_wait_test_group_handler_LDADD = $(fixture_libs)
$(tests_wait_test_group_handler_OBJECTS): $(probe_generated)

tests_wait_test_group_stress_SOURCES = tests/wait/test_group_stress.c
tests_wait_test_group_stress_CPPFLAGS = $(fixture_cppflags)
tests_wait_test_group_stress_LDADD = $(fixture_libs)
$(tests_wait_test_group_stress_OBJECTS): $(probe_generated)
