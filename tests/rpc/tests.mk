# The life of a call, end to end. Scenes are what the suites of the server's side share.
include tests/support/fixture.mk

rpc_scene = tests/rpc/scene.c tests/rpc/scene.h
rpc_client_scene = tests/rpc/client_scene.c tests/rpc/client_scene.h

check_PROGRAMS += tests/rpc/test_fixture
tests_rpc_test_fixture_SOURCES = tests/rpc/test_fixture.c
tests_rpc_test_fixture_CPPFLAGS = $(fixture_cppflags)
tests_rpc_test_fixture_LDADD = $(fixture_libs)
$(tests_rpc_test_fixture_OBJECTS): $(probe_generated)

check_PROGRAMS += tests/rpc/test_messages
tests_rpc_test_messages_SOURCES = tests/rpc/test_messages.c
tests_rpc_test_messages_CPPFLAGS = $(fixture_cppflags)
tests_rpc_test_messages_LDADD = $(fixture_libs)
$(tests_rpc_test_messages_OBJECTS): $(probe_generated)

check_PROGRAMS += tests/rpc/test_compression tests/rpc/test_compression_faults
tests_rpc_test_compression_SOURCES = tests/rpc/test_compression.c
tests_rpc_test_compression_CPPFLAGS = $(fixture_cppflags)
tests_rpc_test_compression_LDADD = $(fixture_libs)
$(tests_rpc_test_compression_OBJECTS): $(probe_generated)
tests_rpc_test_compression_faults_SOURCES = tests/rpc/test_compression_faults.c $(rpc_client_scene)
tests_rpc_test_compression_faults_CPPFLAGS = $(fixture_cppflags)
tests_rpc_test_compression_faults_LDADD = $(fixture_libs)
$(tests_rpc_test_compression_faults_OBJECTS): $(probe_generated)

check_PROGRAMS += tests/rpc/test_server_cancel
tests_rpc_test_server_cancel_SOURCES = tests/rpc/test_server_cancel.c $(rpc_scene)
tests_rpc_test_server_cancel_CPPFLAGS = $(fixture_cppflags)
tests_rpc_test_server_cancel_LDADD = $(fixture_libs)
$(tests_rpc_test_server_cancel_OBJECTS): $(probe_generated)

check_PROGRAMS += tests/rpc/test_server_deadline
tests_rpc_test_server_deadline_SOURCES = tests/rpc/test_server_deadline.c $(rpc_scene)
tests_rpc_test_server_deadline_CPPFLAGS = $(fixture_cppflags)
tests_rpc_test_server_deadline_LDADD = $(fixture_libs)
$(tests_rpc_test_server_deadline_OBJECTS): $(probe_generated)

check_PROGRAMS += tests/rpc/test_server_loss
tests_rpc_test_server_loss_SOURCES = tests/rpc/test_server_loss.c $(rpc_scene)
tests_rpc_test_server_loss_CPPFLAGS = $(fixture_cppflags)
tests_rpc_test_server_loss_LDADD = $(fixture_libs)
$(tests_rpc_test_server_loss_OBJECTS): $(probe_generated)

check_PROGRAMS += tests/rpc/test_server_shutdown
tests_rpc_test_server_shutdown_SOURCES = tests/rpc/test_server_shutdown.c $(rpc_scene)
tests_rpc_test_server_shutdown_CPPFLAGS = $(fixture_cppflags)
tests_rpc_test_server_shutdown_LDADD = $(fixture_libs)
$(tests_rpc_test_server_shutdown_OBJECTS): $(probe_generated)

check_PROGRAMS += tests/rpc/test_server_status
tests_rpc_test_server_status_SOURCES = tests/rpc/test_server_status.c $(rpc_scene)
tests_rpc_test_server_status_CPPFLAGS = $(fixture_cppflags)
tests_rpc_test_server_status_LDADD = $(fixture_libs)
$(tests_rpc_test_server_status_OBJECTS): $(probe_generated)

check_PROGRAMS += tests/rpc/test_server_request
tests_rpc_test_server_request_SOURCES = tests/rpc/test_server_request.c $(rpc_scene)
tests_rpc_test_server_request_CPPFLAGS = $(fixture_cppflags)
tests_rpc_test_server_request_LDADD = $(fixture_libs)
$(tests_rpc_test_server_request_OBJECTS): $(probe_generated)

check_PROGRAMS += tests/rpc/test_server_headers
tests_rpc_test_server_headers_SOURCES = tests/rpc/test_server_headers.c
tests_rpc_test_server_headers_CPPFLAGS = $(fixture_cppflags)
tests_rpc_test_server_headers_LDADD = $(fixture_libs)
$(tests_rpc_test_server_headers_OBJECTS): $(probe_generated)

check_PROGRAMS += tests/rpc/test_client_cancel
tests_rpc_test_client_cancel_SOURCES = tests/rpc/test_client_cancel.c $(rpc_client_scene)
tests_rpc_test_client_cancel_CPPFLAGS = $(fixture_cppflags)
tests_rpc_test_client_cancel_LDADD = $(fixture_libs)
$(tests_rpc_test_client_cancel_OBJECTS): $(probe_generated)

check_PROGRAMS += tests/rpc/test_propagation
tests_rpc_test_propagation_SOURCES = tests/rpc/test_propagation.c
tests_rpc_test_propagation_CPPFLAGS = $(fixture_cppflags)
tests_rpc_test_propagation_LDADD = $(fixture_libs)
$(tests_rpc_test_propagation_OBJECTS): $(probe_generated)

check_PROGRAMS += tests/rpc/test_client_answer
tests_rpc_test_client_answer_SOURCES = tests/rpc/test_client_answer.c $(rpc_client_scene)
tests_rpc_test_client_answer_CPPFLAGS = $(fixture_cppflags)
tests_rpc_test_client_answer_LDADD = $(fixture_libs)
$(tests_rpc_test_client_answer_OBJECTS): $(probe_generated)

check_PROGRAMS += tests/rpc/test_client_headers
tests_rpc_test_client_headers_SOURCES = tests/rpc/test_client_headers.c $(rpc_client_scene)
tests_rpc_test_client_headers_CPPFLAGS = $(fixture_cppflags)
tests_rpc_test_client_headers_LDADD = $(fixture_libs)
$(tests_rpc_test_client_headers_OBJECTS): $(probe_generated)

check_PROGRAMS += tests/rpc/test_client_retry
tests_rpc_test_client_retry_SOURCES = tests/rpc/test_client_retry.c $(rpc_client_scene)
tests_rpc_test_client_retry_CPPFLAGS = $(fixture_cppflags)
tests_rpc_test_client_retry_LDADD = $(fixture_libs)
$(tests_rpc_test_client_retry_OBJECTS): $(probe_generated)

check_PROGRAMS += tests/rpc/test_client_end
tests_rpc_test_client_end_SOURCES = tests/rpc/test_client_end.c $(rpc_client_scene)
tests_rpc_test_client_end_CPPFLAGS = $(fixture_cppflags)
tests_rpc_test_client_end_LDADD = $(fixture_libs)
$(tests_rpc_test_client_end_OBJECTS): $(probe_generated)

check_PROGRAMS += tests/rpc/test_end_order
tests_rpc_test_end_order_SOURCES = tests/rpc/test_end_order.c
tests_rpc_test_end_order_CPPFLAGS = $(fixture_cppflags)
tests_rpc_test_end_order_LDADD = $(fixture_libs)
$(tests_rpc_test_end_order_OBJECTS): $(probe_generated)

check_PROGRAMS += tests/rpc/test_life_stress
tests_rpc_test_life_stress_SOURCES = tests/rpc/test_life_stress.c
tests_rpc_test_life_stress_CPPFLAGS = $(fixture_cppflags)
tests_rpc_test_life_stress_LDADD = $(fixture_libs)
$(tests_rpc_test_life_stress_OBJECTS): $(probe_generated)

check_PROGRAMS += tests/rpc/test_method_stats
tests_rpc_test_method_stats_SOURCES = tests/rpc/test_method_stats.c
tests_rpc_test_method_stats_LDADD = $(test_libs)

check_PROGRAMS += tests/rpc/test_estimate
tests_rpc_test_estimate_SOURCES = tests/rpc/test_estimate.c
tests_rpc_test_estimate_LDADD = $(test_libs)

check_PROGRAMS += tests/rpc/test_tree_stress
tests_rpc_test_tree_stress_SOURCES = tests/rpc/test_tree_stress.c
tests_rpc_test_tree_stress_CPPFLAGS = $(fixture_cppflags)
tests_rpc_test_tree_stress_LDADD = $(fixture_libs)
$(tests_rpc_test_tree_stress_OBJECTS): $(probe_generated)

check_PROGRAMS += tests/rpc/test_bad_requests
tests_rpc_test_bad_requests_SOURCES = tests/rpc/test_bad_requests.c
tests_rpc_test_bad_requests_CPPFLAGS = $(fixture_cppflags)
tests_rpc_test_bad_requests_LDADD = $(fixture_libs)
$(tests_rpc_test_bad_requests_OBJECTS): $(probe_generated)
