libbelay_sources += \
	src/server/connection.c \
	src/server/connection.h \
	src/server/drain.c \
	src/server/metrics.c \
	src/server/options.c \
	src/server/registry.c \
	src/server/registry.h \
	src/server/server.c \
	src/server/server.h
