# What speed is measured with. bench-server and bench-client speak peer.proto and stream.proto, as small
# servers and clients on other stacks do.
bench_generated = \
	tests/bench/peer.pb-c.c tests/bench/peer.pb-c.h \
	tests/bench/peer.belay.c tests/bench/peer.belay.h \
	tests/bench/stream.pb-c.c tests/bench/stream.pb-c.h \
	tests/bench/stream.belay.c tests/bench/stream.belay.h
bench_cppflags = $(AM_CPPFLAGS) -I$(top_builddir)/tests/bench

noinst_PROGRAMS += tests/bench/bench-server tests/bench/bench-client
tests_bench_bench_server_SOURCES = \
	tests/bench/bench-server.c \
	tests/bench/channels.c \
	tests/bench/channels.h \
	tests/bench/chunk.h \
	tests/bench/services.c \
	tests/bench/services.h \
	tests/bench/stream_service.c \
	tests/bench/stream_service.h
nodist_tests_bench_bench_server_SOURCES = $(bench_generated)
tests_bench_bench_server_CPPFLAGS = $(bench_cppflags)
tests_bench_bench_server_LDADD = $(belay_libs)
tests_bench_bench_client_SOURCES = \
	tests/bench/bench-client.c \
	tests/bench/cancels.c \
	tests/bench/chunk.h \
	tests/bench/client.h \
	tests/bench/samples.c \
	tests/bench/samples.h \
	tests/bench/streams.c \
	tests/bench/unary.c
nodist_tests_bench_bench_client_SOURCES = $(bench_generated)
tests_bench_bench_client_CPPFLAGS = $(bench_cppflags)
tests_bench_bench_client_LDADD = $(belay_libs)

# Also when one program is made by itself.
$(tests_bench_bench_server_OBJECTS) $(tests_bench_bench_client_OBJECTS): $(bench_generated)

BUILT_SOURCES += $(bench_generated)
CLEANFILES += $(bench_generated)
EXTRA_DIST += tests/bench/peer.proto tests/bench/stream.proto

# The same on other stacks: made by hand, for measuring.
EXTRA_DIST += \
	tests/bench/peers/Makefile \
	tests/bench/peers/chunk.h \
	tests/bench/peers/stream_client.cc \
	tests/bench/peers/stream_client.go \
	tests/bench/peers/stream_server.cc \
	tests/bench/peers/stream_server.go

check_scripts += tests/bench/test_bench.sh
