check_PROGRAMS += tests/cancel/test_context
tests_cancel_test_context_SOURCES = tests/cancel/test_context.c tests/cancel/environment.c tests/cancel/environment.h
tests_cancel_test_context_LDADD = $(test_libs)

check_PROGRAMS += tests/cancel/test_callback
tests_cancel_test_callback_SOURCES = tests/cancel/test_callback.c tests/cancel/environment.c \
	tests/cancel/environment.h
tests_cancel_test_callback_LDADD = $(test_libs)
