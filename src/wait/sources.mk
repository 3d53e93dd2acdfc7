libbelay_sources += \
	src/wait/any.c \
	src/wait/group.c \
	src/wait/group.h \
	src/wait/sleep.c \
	src/wait/task.c
