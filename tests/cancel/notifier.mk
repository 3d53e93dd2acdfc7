check_PROGRAMS += tests/cancel/test_notifier
tests_cancel_test_notifier_SOURCES = tests/cancel/test_notifier.c
tests_cancel_test_notifier_LDADD = $(test_libs)
