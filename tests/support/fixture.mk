# A server and a channel in one process, and peers written by hand, for the end-to-end suites. A suite lists
# $(probe_generated) under nodist_..._SOURCES and takes $(fixture_cppflags).
probe_generated = \
	tests/support/probe.belay.c tests/support/probe.belay.h \
	tests/support/probe.pb-c.c tests/support/probe.pb-c.h
fixture_cppflags = $(AM_CPPFLAGS) -I$(top_builddir)/tests/support
fixture_libs = tests/support/libfixture.la $(test_libs)

check_LTLIBRARIES += tests/support/libfixture.la
tests_support_libfixture_la_SOURCES = \
	tests/h2/raw.c \
	tests/h2/raw.h \
	tests/support/answers.c \
	tests/support/answers.h \
	tests/support/dice.h \
	tests/support/fixture.c \
	tests/support/fixture.h \
	tests/support/raw_peer.c \
	tests/support/raw_peer.h \
	tests/support/wild_peer.c \
	tests/support/wild_peer.h
nodist_tests_support_libfixture_la_SOURCES = $(probe_generated)
tests_support_libfixture_la_CPPFLAGS = $(fixture_cppflags)
$(tests_support_libfixture_la_OBJECTS): $(probe_generated)

CLEANFILES += $(probe_generated)
EXTRA_DIST += tests/support/probe.proto
