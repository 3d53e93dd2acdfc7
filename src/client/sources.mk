libbelay_sources += \
	src/client/channel.c \
	src/client/channel.h \
	src/client/connecting.c \
	src/client/keeping.c \
	src/client/limits.c
