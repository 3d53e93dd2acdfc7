check_PROGRAMS += tests/h2/test_budget
tests_h2_test_budget_SOURCES = tests/h2/test_budget.c $(h2_test_sources)
tests_h2_test_budget_LDADD = $(test_libs)

check_PROGRAMS += tests/h2/test_connection
tests_h2_test_connection_SOURCES = tests/h2/test_connection.c $(h2_test_sources)
tests_h2_test_connection_LDADD = $(test_libs)

check_PROGRAMS += tests/h2/test_drain
tests_h2_test_drain_SOURCES = tests/h2/test_drain.c $(h2_test_sources)
tests_h2_test_drain_LDADD = $(test_libs)

check_PROGRAMS += tests/h2/test_frames
tests_h2_test_frames_SOURCES = tests/h2/test_frames.c $(h2_test_sources)
tests_h2_test_frames_LDADD = $(test_libs)

check_PROGRAMS += tests/h2/test_gate
tests_h2_test_gate_SOURCES = tests/h2/test_gate.c $(h2_test_sources)
tests_h2_test_gate_LDADD = $(test_libs)

check_PROGRAMS += tests/h2/test_headers
tests_h2_test_headers_SOURCES = tests/h2/test_headers.c $(h2_test_sources)
tests_h2_test_headers_LDADD = $(test_libs)

check_PROGRAMS += tests/h2/test_keep
tests_h2_test_keep_SOURCES = tests/h2/test_keep.c $(h2_test_sources)
tests_h2_test_keep_LDADD = $(test_libs)

check_PROGRAMS += tests/h2/test_keepalive
tests_h2_test_keepalive_SOURCES = tests/h2/test_keepalive.c $(h2_test_sources)
tests_h2_test_keepalive_LDADD = $(test_libs)

check_PROGRAMS += tests/h2/test_large
tests_h2_test_large_SOURCES = tests/h2/test_large.c $(h2_test_sources)
tests_h2_test_large_LDADD = $(test_libs)

check_PROGRAMS += tests/h2/test_pieces
tests_h2_test_pieces_LDADD = $(test_libs)

check_PROGRAMS += tests/h2/test_send
tests_h2_test_send_SOURCES = tests/h2/test_send.c $(h2_test_sources)
tests_h2_test_send_LDADD = $(test_libs)

check_PROGRAMS += tests/h2/test_session
tests_h2_test_session_SOURCES = tests/h2/test_session.c $(h2_test_sources)
tests_h2_test_session_LDADD = $(test_libs)

check_PROGRAMS += tests/h2/test_stall
tests_h2_test_stall_SOURCES = tests/h2/test_stall.c $(h2_test_sources)
tests_h2_test_stall_LDADD = $(test_libs)

check_PROGRAMS += tests/h2/test_stream
tests_h2_test_stream_SOURCES = tests/h2/test_stream.c $(h2_test_sources)
tests_h2_test_stream_LDADD = $(test_libs)

check_PROGRAMS += tests/h2/test_turns
tests_h2_test_turns_SOURCES = tests/h2/test_turns.c $(h2_test_sources)
tests_h2_test_turns_LDADD = $(test_libs)

check_PROGRAMS += tests/h2/test_window
tests_h2_test_window_SOURCES = tests/h2/test_window.c $(h2_test_sources)
tests_h2_test_window_LDADD = $(test_libs)

# What they share: an owner that writes down what it is told, and HTTP/2 by hand.
h2_test_sources = \
	tests/h2/acts.c tests/h2/join.c tests/h2/look.c \
	tests/h2/raw.c tests/h2/raw.h \
	tests/h2/recorder.c tests/h2/recorder.h
