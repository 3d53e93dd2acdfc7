libbelay_sources += \
	src/wait/any.c \
	src/wait/cancel_fd.c \
	src/wait/cond.c \
	src/wait/descriptor.c \
	src/wait/draining.c \
	src/wait/exit_watch.c src/wait/exit_watch.h \
	src/wait/group.c src/wait/group.h \
	src/wait/pipes.c src/wait/pipes.h \
	src/wait/process.c src/wait/process.h \
	src/wait/sleep.c \
	src/wait/spawn.c src/wait/spawn.h \
	src/wait/task.c \
	src/wait/waiting.h
