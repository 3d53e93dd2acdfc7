# Generated once for the server, the client and their test. Header paths are written from tests/.
interop_generated = \
	tests/interop/testing.pb-c.c tests/interop/testing.pb-c.h \
	tests/interop/testing.belay.c tests/interop/testing.belay.h \
	tests/interop/relay.pb-c.c tests/interop/relay.pb-c.h \
	tests/interop/relay.belay.c tests/interop/relay.belay.h
interop_cppflags = $(AM_CPPFLAGS) -I$(top_builddir)/tests/interop

noinst_LTLIBRARIES += tests/interop/libinterop.la
tests_interop_libinterop_la_SOURCES = \
	tests/interop/args.c tests/interop/args.h \
	tests/interop/stream.c tests/interop/stream.h \
	tests/interop/tls_settings.c tests/interop/tls_settings.h
nodist_tests_interop_libinterop_la_SOURCES = $(interop_generated)
tests_interop_libinterop_la_CPPFLAGS = $(interop_cppflags)
interop_libs = tests/interop/libinterop.la $(belay_libs)

noinst_PROGRAMS += tests/interop/interop-server tests/interop/interop-client
tests_interop_interop_server_SOURCES = \
	tests/interop/interop_server.c \
	tests/interop/test_service.c tests/interop/test_service.h \
	tests/interop/relay.c tests/interop/relay.h \
	tests/interop/relay_children.c \
	tests/interop/relay_call.c \
	tests/interop/relay_stream.c \
	tests/interop/relay_leaf.c \
	tests/interop/records.c tests/interop/records.h \
	tests/interop/channels.c tests/interop/channels.h
tests_interop_interop_server_CPPFLAGS = $(interop_cppflags)
tests_interop_interop_server_LDADD = $(interop_libs)
tests_interop_interop_client_SOURCES = \
	tests/interop/interop_client.c \
	tests/interop/cases.h \
	tests/interop/cases_unary.c \
	tests/interop/cases_stream.c \
	tests/interop/cases_compressed.c \
	tests/interop/cases_status.c \
	tests/interop/cases_cancel.c \
	tests/interop/cases_soak.c \
	tests/interop/cases_http2.c \
	tests/interop/expect.c tests/interop/expect.h
tests_interop_interop_client_CPPFLAGS = $(interop_cppflags)
tests_interop_interop_client_LDADD = $(interop_libs)

BUILT_SOURCES += $(interop_generated)
CLEANFILES += $(interop_generated)
EXTRA_DIST += tests/interop/testing.proto tests/interop/relay.proto

if HAVE_CUNIT
interop_test_sources = \
	tests/interop/chain.c tests/interop/chain.h \
	tests/interop/process.c tests/interop/process.h
interop_test_libs = tests/support/libsupport.la $(interop_libs) $(CUNIT_LIBS)

check_PROGRAMS += tests/interop/test_programs tests/interop/test_relay
tests_interop_test_programs_SOURCES = tests/interop/test_programs.c $(interop_test_sources)
tests_interop_test_programs_CPPFLAGS = $(interop_cppflags)
tests_interop_test_programs_LDADD = $(interop_test_libs)
tests_interop_test_relay_SOURCES = tests/interop/test_relay.c $(interop_test_sources)
tests_interop_test_relay_CPPFLAGS = $(interop_cppflags)
tests_interop_test_relay_LDADD = $(interop_test_libs)
endif
