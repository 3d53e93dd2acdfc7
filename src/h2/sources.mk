# configure must look for nghttp2_option_set_stream_reset_rate_limit and nghttp2_option_set_max_continuations:
# session.c uses them where nghttp2 has them.
libbelay_sources += \
	src/h2/age.c \
	src/h2/budget.c \
	src/h2/connection.c src/h2/connection.h \
	src/h2/drain.c \
	src/h2/frames.c src/h2/frames.h \
	src/h2/headers.c \
	src/h2/keep.c \
	src/h2/keepalive.c \
	src/h2/memory.c \
	src/h2/pieces.c src/h2/pieces.h \
	src/h2/send.c \
	src/h2/session.c src/h2/session.h \
	src/h2/stall.c \
	src/h2/stream.c \
	src/h2/times.c
