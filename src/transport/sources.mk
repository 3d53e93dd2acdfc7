libbelay_sources += \
	src/transport/address.c src/transport/address.h \
	src/transport/connector.c src/transport/connector.h \
	src/transport/listener.c src/transport/listener.h \
	src/transport/socket.c src/transport/socket.h \
	src/transport/stream.c src/transport/stream.h \
	src/transport/unix_path.c src/transport/unix_path.h
