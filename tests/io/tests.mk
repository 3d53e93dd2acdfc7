check_PROGRAMS += tests/io/test_heap
tests_io_test_heap_SOURCES = tests/io/test_heap.c
tests_io_test_heap_LDADD = $(test_libs)

check_PROGRAMS += tests/io/test_lend
tests_io_test_lend_SOURCES = tests/io/test_lend.c
tests_io_test_lend_LDADD = $(test_libs)

check_PROGRAMS += tests/io/test_loop
tests_io_test_loop_SOURCES = tests/io/test_loop.c
tests_io_test_loop_LDADD = $(test_libs)

check_PROGRAMS += tests/io/test_mailbox
tests_io_test_mailbox_SOURCES = tests/io/test_mailbox.c
tests_io_test_mailbox_LDADD = $(test_libs)

check_PROGRAMS += tests/io/test_resolve
tests_io_test_resolve_SOURCES = tests/io/test_resolve.c
tests_io_test_resolve_LDADD = $(test_libs)

check_PROGRAMS += tests/io/test_straggler
tests_io_test_straggler_SOURCES = tests/io/test_straggler.c
tests_io_test_straggler_LDADD = $(test_libs)

check_PROGRAMS += tests/io/test_timer
tests_io_test_timer_SOURCES = tests/io/test_timer.c
tests_io_test_timer_LDADD = $(test_libs)

check_PROGRAMS += tests/io/test_watch
tests_io_test_watch_SOURCES = tests/io/test_watch.c
tests_io_test_watch_LDADD = $(test_libs)

check_PROGRAMS += tests/io/test_way
tests_io_test_way_SOURCES = tests/io/test_way.c
tests_io_test_way_LDADD = $(test_libs)
