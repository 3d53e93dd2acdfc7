libbelay_sources += \
	src/rpc/attended.c \
	src/rpc/attended.h \
	src/rpc/call.c \
	src/rpc/call.h \
	src/rpc/census.c \
	src/rpc/census.h \
	src/rpc/client_call.c \
	src/rpc/client_call.h \
	src/rpc/compression.c src/rpc/compression.h \
	src/rpc/deadline.c \
	src/rpc/deadline.h \
	src/rpc/draining.h \
	src/rpc/estimate.c \
	src/rpc/estimate.h \
	src/rpc/exchange.c \
	src/rpc/finish.c \
	src/rpc/handler.c \
	src/rpc/headers.c \
	src/rpc/headers.h \
	src/rpc/method_stats.c \
	src/rpc/method_stats.h \
	src/rpc/method_time.h \
	src/rpc/receive.c \
	src/rpc/request.c \
	src/rpc/runtime.c \
	src/rpc/runtime.h \
	src/rpc/scope.c \
	src/rpc/scope.h \
	src/rpc/send.c \
	src/rpc/server_call.c \
	src/rpc/server_call.h \
	src/rpc/start.c \
	src/rpc/timely.c \
	src/rpc/timely.h \
	src/rpc/watchdog.c \
	src/rpc/watchdog.h
