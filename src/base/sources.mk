libbelay_sources += \
	src/base/arena.c src/base/arena.h \
	src/base/assert.c src/base/assert.h \
	src/base/bell.c src/base/bell.h \
	src/base/blocks.c src/base/blocks.h \
	src/base/bytes.c src/base/bytes.h \
	src/base/clock.c src/base/clock.h \
	src/base/code.c \
	src/base/crowd.c \
	src/base/identity.c src/base/identity.h \
	src/base/jitter.c src/base/jitter.h \
	src/base/limits.c src/base/limits.h \
	src/base/list.h \
	src/base/log.c src/base/log.h \
	src/base/mutex.c src/base/mutex.h \
	src/base/parker.c src/base/parker.h \
	src/base/prefetch.c src/base/prefetch.h \
	src/base/quiet.c src/base/quiet.h \
	src/base/refcount.h \
	src/base/schedule.c \
	src/base/seat.c src/base/seat.h \
	src/base/stack.c src/base/stack.h \
	src/base/thread.c src/base/thread.h \
	src/base/trim.c src/base/trim.h
