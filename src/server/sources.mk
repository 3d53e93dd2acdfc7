libbelay_sources += \
	src/server/activation.c \
	src/server/activation.h \
	src/server/connection.c \
	src/server/connection.h \
	src/server/drain.c \
	src/server/extension.c \
	src/server/extension.h \
	src/server/handlers.c \
	src/server/keeping.c \
	src/server/limits.c \
	src/server/limits.h \
	src/server/method_time.c \
	src/server/metrics.c \
	src/server/options.c \
	src/server/registry.c \
	src/server/registry.h \
	src/server/server.c \
	src/server/server.h \
	src/server/systemd.c \
	src/server/systemd.h
