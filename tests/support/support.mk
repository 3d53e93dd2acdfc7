# What every test program is linked with.
check_LTLIBRARIES += tests/support/libsupport.la
tests_support_libsupport_la_SOURCES = \
	tests/support/fake_clock.c \
	tests/support/fake_clock.h \
	tests/support/gate.c \
	tests/support/heap.c \
	tests/support/heap.h \
	tests/support/patience.c \
	tests/support/patience.h \
	tests/support/suite.c \
	tests/support/suite.h
