# Adapters to the suite of connectrpc.com/conformance, and the test that runs it: skipped without its program,
# connectconformance (a Go module). They use belay's base64 and arena beside the public interface.
conformance_generated = \
	tests/conformance/conformance.pb-c.c tests/conformance/conformance.pb-c.h \
	tests/conformance/conformance.belay.c tests/conformance/conformance.belay.h
conformance_cppflags = $(AM_CPPFLAGS) -I$(top_builddir)/tests/conformance
conformance_libs = tests/conformance/libconformance.la libinternal.la $(private_libs)

noinst_LTLIBRARIES += tests/conformance/libconformance.la
tests_conformance_libconformance_la_SOURCES = \
	tests/conformance/credentials.c tests/conformance/credentials.h \
	tests/conformance/headers.c tests/conformance/headers.h \
	tests/conformance/names.h \
	tests/conformance/pipe.c tests/conformance/pipe.h
nodist_tests_conformance_libconformance_la_SOURCES = $(conformance_generated)
tests_conformance_libconformance_la_CPPFLAGS = $(conformance_cppflags)

noinst_PROGRAMS += tests/conformance/conformance-server tests/conformance/conformance-client
tests_conformance_conformance_server_SOURCES = \
	tests/conformance/conformance_server.c \
	tests/conformance/service.c tests/conformance/service.h \
	tests/conformance/answer.c tests/conformance/answer.h
tests_conformance_conformance_server_CPPFLAGS = $(conformance_cppflags)
tests_conformance_conformance_server_LDADD = $(conformance_libs)
tests_conformance_conformance_client_SOURCES = \
	tests/conformance/conformance_client.c \
	tests/conformance/invoke.c tests/conformance/invoke.h \
	tests/conformance/scratch.c tests/conformance/scratch.h
tests_conformance_conformance_client_CPPFLAGS = $(conformance_cppflags)
tests_conformance_conformance_client_LDADD = $(conformance_libs)

BUILT_SOURCES += $(conformance_generated)
CLEANFILES += $(conformance_generated)
EXTRA_DIST += tests/conformance/conformance.proto tests/conformance/config.yaml tests/conformance/run.sh

check_scripts += tests/conformance/test_server.sh tests/conformance/test_client.sh
