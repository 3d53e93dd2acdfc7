libbelay_sources += \
	src/wait/any.c \
	src/wait/cancel_fd.c \
	src/wait/cond.c \
	src/wait/descriptor.c \
	src/wait/sleep.c \
	src/wait/waiting.h
