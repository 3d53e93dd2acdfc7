check_PROGRAMS += tests/transport/test_address
tests_transport_test_address_SOURCES = tests/transport/test_address.c
tests_transport_test_address_LDADD = $(test_libs)

check_PROGRAMS += tests/transport/test_connector
tests_transport_test_connector_SOURCES = tests/transport/test_connector.c
tests_transport_test_connector_LDADD = $(test_libs)

check_PROGRAMS += tests/transport/test_linger
tests_transport_test_linger_SOURCES = tests/transport/test_linger.c
tests_transport_test_linger_LDADD = $(test_libs)

check_PROGRAMS += tests/transport/test_listener
tests_transport_test_listener_SOURCES = tests/transport/test_listener.c
tests_transport_test_listener_LDADD = $(test_libs)

check_PROGRAMS += tests/transport/test_stream
tests_transport_test_stream_SOURCES = tests/transport/test_stream.c
tests_transport_test_stream_LDADD = $(test_libs)

check_PROGRAMS += tests/transport/test_unix_path
tests_transport_test_unix_path_SOURCES = tests/transport/test_unix_path.c
tests_transport_test_unix_path_LDADD = $(test_libs)

# Suites over TLS make their certificates themselves.
tls_scene_sources = \
	tests/transport/certificates.c tests/transport/certificates.h \
	tests/transport/tls_scene.c tests/transport/tls_scene.h

check_PROGRAMS += tests/transport/test_handshake
tests_transport_test_handshake_SOURCES = tests/transport/test_handshake.c $(tls_scene_sources)
tests_transport_test_handshake_LDADD = $(test_libs)

check_PROGRAMS += tests/transport/test_secure
tests_transport_test_secure_SOURCES = tests/transport/test_secure.c $(tls_scene_sources)
tests_transport_test_secure_LDADD = $(test_libs)

check_PROGRAMS += tests/transport/test_tls_files
tests_transport_test_tls_files_SOURCES = tests/transport/test_tls_files.c $(tls_scene_sources)
tests_transport_test_tls_files_LDADD = $(test_libs)
