libbelay_sources += \
	src/cancel/callback.c \
	src/cancel/callback.h \
	src/cancel/context.c \
	src/cancel/context.h
