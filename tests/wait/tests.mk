wait_scene = tests/wait/scene.c tests/wait/scene.h

check_PROGRAMS += tests/wait/test_sleep
tests_wait_test_sleep_SOURCES = tests/wait/test_sleep.c
tests_wait_test_sleep_CPPFLAGS = $(fixture_cppflags)
tests_wait_test_sleep_LDADD = $(fixture_libs)
$(tests_wait_test_sleep_OBJECTS): $(probe_generated)

check_PROGRAMS += tests/wait/test_any
tests_wait_test_any_SOURCES = tests/wait/test_any.c
tests_wait_test_any_CPPFLAGS = $(fixture_cppflags)
tests_wait_test_any_LDADD = $(fixture_libs)
$(tests_wait_test_any_OBJECTS): $(probe_generated)

check_PROGRAMS += tests/wait/test_descriptor
tests_wait_test_descriptor_SOURCES = tests/wait/test_descriptor.c $(wait_scene)
tests_wait_test_descriptor_LDADD = $(test_libs)

check_PROGRAMS += tests/wait/test_cancel_fd
tests_wait_test_cancel_fd_SOURCES = tests/wait/test_cancel_fd.c $(wait_scene)
tests_wait_test_cancel_fd_CPPFLAGS = $(fixture_cppflags)
tests_wait_test_cancel_fd_LDADD = $(fixture_libs)
$(tests_wait_test_cancel_fd_OBJECTS): $(probe_generated)

check_PROGRAMS += tests/wait/test_cond
tests_wait_test_cond_SOURCES = tests/wait/test_cond.c $(wait_scene)
tests_wait_test_cond_LDADD = $(test_libs)

check_PROGRAMS += tests/wait/test_process
tests_wait_test_process_SOURCES = tests/wait/test_process.c $(wait_scene)
tests_wait_test_process_LDADD = $(test_libs)

check_PROGRAMS += tests/wait/test_handlers
tests_wait_test_handlers_SOURCES = tests/wait/test_handlers.c
tests_wait_test_handlers_CPPFLAGS = $(fixture_cppflags)
tests_wait_test_handlers_LDADD = $(fixture_libs)
$(tests_wait_test_handlers_OBJECTS): $(probe_generated)

check_PROGRAMS += tests/wait/test_stress
tests_wait_test_stress_SOURCES = tests/wait/test_stress.c $(wait_scene)
tests_wait_test_stress_LDADD = $(test_libs)

check_PROGRAMS += tests/wait/test_group
tests_wait_test_group_SOURCES = tests/wait/test_group.c
tests_wait_test_group_LDADD = $(test_libs)

check_PROGRAMS += tests/wait/test_group_handler
tests_wait_test_group_handler_SOURCES = tests/wait/test_group_handler.c
tests_wait_test_group_handler_CPPFLAGS = $(fixture_cppflags)
tests_wait_test_group_handler_LDADD = $(fixture_libs)
$(tests_wait_test_group_handler_OBJECTS): $(probe_generated)

check_PROGRAMS += tests/wait/test_group_stress
tests_wait_test_group_stress_SOURCES = tests/wait/test_group_stress.c
tests_wait_test_group_stress_CPPFLAGS = $(fixture_cppflags)
tests_wait_test_group_stress_LDADD = $(fixture_libs)
$(tests_wait_test_group_stress_OBJECTS): $(probe_generated)
