wait_suites = tests/wait/test_sleep tests/wait/test_any
check_PROGRAMS += $(wait_suites)

tests_wait_test_sleep_SOURCES = tests/wait/test_sleep.c
tests_wait_test_sleep_CPPFLAGS = $(fixture_cppflags)
tests_wait_test_sleep_LDADD = $(fixture_libs)
$(tests_wait_test_sleep_OBJECTS): $(probe_generated)

tests_wait_test_any_SOURCES = tests/wait/test_any.c
tests_wait_test_any_CPPFLAGS = $(fixture_cppflags)
tests_wait_test_any_LDADD = $(fixture_libs)
$(tests_wait_test_any_OBJECTS): $(probe_generated)
