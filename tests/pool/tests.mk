check_PROGRAMS += tests/pool/test_pool
tests_pool_test_pool_SOURCES = tests/pool/test_pool.c tests/pool/task.c tests/pool/task.h
tests_pool_test_pool_LDADD = $(test_libs)

check_PROGRAMS += tests/pool/test_growth
tests_pool_test_growth_SOURCES = tests/pool/test_growth.c tests/pool/task.c tests/pool/task.h
tests_pool_test_growth_LDADD = $(test_libs)

check_PROGRAMS += tests/pool/test_start_failure
tests_pool_test_start_failure_SOURCES = tests/pool/test_start_failure.c tests/pool/task.c tests/pool/task.h
tests_pool_test_start_failure_LDADD = $(test_libs)
tests_pool_test_start_failure_LDFLAGS = $(AM_LDFLAGS) -Wl,--wrap=bly_thread_start
