check_PROGRAMS += tests/base/test_arena
tests_base_test_arena_SOURCES = tests/base/test_arena.c
tests_base_test_arena_LDADD = $(test_libs)

check_PROGRAMS += tests/base/test_blocks
tests_base_test_blocks_SOURCES = tests/base/test_blocks.c
tests_base_test_blocks_LDADD = $(test_libs)

check_PROGRAMS += tests/base/test_bytes
tests_base_test_bytes_SOURCES = tests/base/test_bytes.c
tests_base_test_bytes_LDADD = $(test_libs)

check_PROGRAMS += tests/base/test_clock
tests_base_test_clock_SOURCES = tests/base/test_clock.c
tests_base_test_clock_LDADD = $(test_libs)

check_PROGRAMS += tests/base/test_code
tests_base_test_code_SOURCES = tests/base/test_code.c
tests_base_test_code_LDADD = $(test_libs)

check_PROGRAMS += tests/base/test_jitter
tests_base_test_jitter_SOURCES = tests/base/test_jitter.c
tests_base_test_jitter_LDADD = $(test_libs)

check_PROGRAMS += tests/base/test_list
tests_base_test_list_SOURCES = tests/base/test_list.c
tests_base_test_list_LDADD = $(test_libs)

check_PROGRAMS += tests/base/test_log
tests_base_test_log_SOURCES = tests/base/test_log.c
tests_base_test_log_LDADD = $(test_libs)

check_PROGRAMS += tests/base/test_thread
tests_base_test_thread_SOURCES = tests/base/test_thread.c
tests_base_test_thread_LDADD = $(test_libs)

check_PROGRAMS += tests/base/test_assert
tests_base_test_assert_SOURCES = tests/base/test_assert.c tests/base/aborts.h
tests_base_test_assert_LDADD = $(test_libs)

check_PROGRAMS += tests/base/test_mutex
tests_base_test_mutex_SOURCES = tests/base/test_mutex.c tests/base/aborts.h
tests_base_test_mutex_LDADD = $(test_libs)

check_PROGRAMS += tests/base/test_parker
tests_base_test_parker_SOURCES = tests/base/test_parker.c tests/base/aborts.h
tests_base_test_parker_LDADD = $(test_libs)

check_PROGRAMS += tests/base/test_seat
tests_base_test_seat_SOURCES = tests/base/test_seat.c
tests_base_test_seat_LDADD = $(test_libs)

check_PROGRAMS += tests/base/test_refcount
tests_base_test_refcount_SOURCES = tests/base/test_refcount.c tests/base/aborts.h
tests_base_test_refcount_LDADD = $(test_libs)

check_PROGRAMS += tests/base/test_schedule
tests_base_test_schedule_SOURCES = tests/base/test_schedule.c
tests_base_test_schedule_LDADD = $(test_libs)

check_PROGRAMS += tests/base/test_bell
tests_base_test_bell_SOURCES = tests/base/test_bell.c
tests_base_test_bell_LDADD = $(test_libs)

check_PROGRAMS += tests/base/test_poll
tests_base_test_poll_SOURCES = tests/base/test_poll.c
tests_base_test_poll_LDADD = $(test_libs)

check_PROGRAMS += tests/base/test_identity
tests_base_test_identity_SOURCES = tests/base/test_identity.c
tests_base_test_identity_LDADD = $(test_libs)

check_PROGRAMS += tests/base/test_stack
tests_base_test_stack_SOURCES = tests/base/test_stack.c
tests_base_test_stack_LDADD = $(test_libs)

check_PROGRAMS += tests/base/test_quiet
tests_base_test_quiet_SOURCES = tests/base/test_quiet.c
tests_base_test_quiet_LDADD = $(test_libs)
