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

# ---- make bench --------------------------------------------------------------------------------

# The limits that belay is measured against, and a client of which only the server's time is seen. `make bench`
# and `make check` build them, `make all` does not.
bench_limits = \
	tests/bench/limits/hand-limit \
	tests/bench/limits/limit-server \
	tests/bench/limits/raw-client \
	tests/bench/limits/wake-limit
EXTRA_PROGRAMS = $(bench_limits)
tests_bench_limits_hand_limit_SOURCES = \
	tests/bench/limits/hand-limit.c \
	tests/bench/limits/loopback.c \
	tests/bench/limits/loopback.h \
	tests/bench/samples.c \
	tests/bench/samples.h
tests_bench_limits_limit_server_SOURCES = \
	tests/bench/limits/limit-server.c \
	tests/bench/limits/call.c \
	tests/bench/limits/call.h \
	tests/bench/limits/connection.c \
	tests/bench/limits/connection.h \
	tests/bench/limits/connection_session.c \
	tests/bench/limits/connection_session.h \
	tests/bench/limits/workers.c \
	tests/bench/limits/workers.h
tests_bench_limits_limit_server_LDADD = $(NGHTTP2_LIBS)
tests_bench_limits_raw_client_SOURCES = \
	tests/bench/limits/raw-client.c \
	tests/bench/limits/frames.c \
	tests/bench/limits/frames.h \
	tests/bench/limits/raw_calls.c \
	tests/bench/limits/raw_calls.h \
	tests/bench/limits/raw_cancel.c \
	tests/bench/limits/raw_connection.c \
	tests/bench/limits/raw_connection.h \
	tests/bench/limits/raw_flood.c \
	tests/bench/limits/raw_hold.c \
	tests/bench/limits/raw_words.h \
	tests/bench/samples.c \
	tests/bench/samples.h
tests_bench_limits_wake_limit_SOURCES = \
	tests/bench/limits/wake-limit.c \
	tests/bench/limits/loopback.c \
	tests/bench/limits/loopback.h \
	tests/bench/samples.c \
	tests/bench/samples.h
CLEANFILES += $(bench_limits)

check_scripts += tests/bench/limits/test_limits.sh
tests/bench/limits/test_limits.log: $(bench_limits)

# BENCH_ARGS='--rounds 9 --only unary,cancel': see tests/bench/README.
bench: $(bench_limits) tests/bench/bench-server tests/bench/bench-client libbelay.la
	@command -v python3 > /dev/null || { \
		echo 'make bench needs python3 (Debian, Ubuntu: apt-get install python3)' >&2; exit 1; }
	CC='$(CC)' PYTHONDONTWRITEBYTECODE=1 python3 $(srcdir)/tests/bench/bench.py --build . $(BENCH_ARGS)
.PHONY: bench

check_scripts += tests/bench/test_driver.py
EXTRA_DIST += \
	tests/bench/README \
	tests/bench/bench.py \
	tests/bench/driver/__init__.py \
	tests/bench/driver/claims.py \
	tests/bench/driver/clients.py \
	tests/bench/driver/errors.py \
	tests/bench/driver/first_call.py \
	tests/bench/driver/machine.py \
	tests/bench/driver/measurement.py \
	tests/bench/driver/options.py \
	tests/bench/driver/plot.py \
	tests/bench/driver/processes.py \
	tests/bench/driver/record.py \
	tests/bench/driver/runner.py \
	tests/bench/driver/stacks.py \
	tests/bench/driver/table.py \
	tests/bench/driver/measurements/__init__.py \
	tests/bench/driver/measurements/blocked.py \
	tests/bench/driver/measurements/busy.py \
	tests/bench/driver/measurements/cancel.py \
	tests/bench/driver/measurements/client.py \
	tests/bench/driver/measurements/flag.py \
	tests/bench/driver/measurements/flood.py \
	tests/bench/driver/measurements/footprint.py \
	tests/bench/driver/measurements/instructions.py \
	tests/bench/driver/measurements/memory.py \
	tests/bench/driver/measurements/stream.py \
	tests/bench/driver/measurements/unary.py \
	tests/bench/driver/measurements/workers.py
