# Suites against another gRPC implementation: Python's grpcio, skipped where it is not installed. They drive
# interop-server and interop-client.
peers_generated = tests/peers/relay_pb2.py tests/peers/testing_pb2.py
$(peers_generated): tests/peers/%_pb2.py: tests/interop/%.proto
	$(AM_V_GEN)$(MKDIR_P) $(@D) && $(PROTOC) -I$(<D) --python_out=$(@D) $<

check_DATA = $(peers_generated)
CLEANFILES += $(peers_generated)

# Calls of all kinds that end early, belay being the client.
noinst_PROGRAMS += tests/peers/ending-client
tests_peers_ending_client_SOURCES = tests/peers/ending_client.c
tests_peers_ending_client_CPPFLAGS = $(interop_cppflags)
tests_peers_ending_client_LDADD = $(interop_libs)
$(tests_peers_ending_client_OBJECTS): $(interop_generated)

check_scripts += \
	tests/peers/test_calls.py \
	tests/peers/test_cancel.py \
	tests/peers/test_chains.py \
	tests/peers/test_clients.py \
	tests/peers/test_endings.py \
	tests/peers/test_interop.py \
	tests/peers/test_negative.py \
	tests/peers/test_restarts.py \
	tests/peers/test_stopped.py \
	tests/peers/test_tls.py
EXTRA_DIST += \
	tests/peers/harness.py \
	tests/peers/negative_server.py \
	tests/peers/python_client.py \
	tests/peers/python_relay.py \
	tests/peers/python_server.py \
	tests/peers/python_test_service.py \
	tests/peers/services.py
