libbelay_sources += \
	src/wait/any.c \
	src/wait/sleep.c
