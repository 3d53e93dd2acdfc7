libbelay_sources += \
	src/transport/address.c src/transport/address.h \
	src/transport/connector.c src/transport/connector.h \
	src/transport/handshake.c src/transport/handshake.h \
	src/transport/linger.c src/transport/linger.h \
	src/transport/listener.c src/transport/listener.h \
	src/transport/peer_identity.c src/transport/peer_identity.h \
	src/transport/secure.c src/transport/secure.h \
	src/transport/secure_inside.h \
	src/transport/secure_write.c \
	src/transport/socket.c src/transport/socket.h \
	src/transport/socket_bio.c src/transport/socket_bio.h \
	src/transport/stream.c src/transport/stream.h \
	src/transport/tls.c src/transport/tls.h \
	src/transport/tls_context.c src/transport/tls_context.h \
	src/transport/tls_files.c src/transport/tls_files.h \
	src/transport/tls_inside.h \
	src/transport/tls_reload.c \
	src/transport/tls_target.c \
	src/transport/tls_words.c src/transport/tls_words.h \
	src/transport/unix_path.c src/transport/unix_path.h
