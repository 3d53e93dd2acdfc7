server_suites = \
	tests/server/test_connection \
	tests/server/test_deadline_cap \
	tests/server/test_drain \
	tests/server/test_draining \
	tests/server/test_drop_late \
	tests/server/test_holding \
	tests/server/test_keeping \
	tests/server/test_limits \
	tests/server/test_metrics \
	tests/server/test_mutations \
	tests/server/test_options \
	tests/server/test_registry \
	tests/server/test_run \
	tests/server/test_server \
	tests/server/test_systemd \
	tests/server/test_tls \
	tests/server/test_watchdog
check_PROGRAMS += $(server_suites)

tests_server_test_registry_SOURCES = tests/server/test_registry.c
tests_server_test_registry_CPPFLAGS = $(fixture_cppflags)
tests_server_test_registry_LDADD = $(fixture_libs)
$(tests_server_test_registry_OBJECTS): $(probe_generated)

tests_server_test_options_SOURCES = tests/server/test_options.c
tests_server_test_options_CPPFLAGS = $(fixture_cppflags)
tests_server_test_options_LDADD = $(fixture_libs)
$(tests_server_test_options_OBJECTS): $(probe_generated)

tests_server_test_server_SOURCES = tests/server/test_server.c
tests_server_test_server_CPPFLAGS = $(fixture_cppflags)
tests_server_test_server_LDADD = $(fixture_libs)
$(tests_server_test_server_OBJECTS): $(probe_generated)

tests_server_test_connection_SOURCES = tests/server/test_connection.c
tests_server_test_connection_CPPFLAGS = $(fixture_cppflags)
tests_server_test_connection_LDADD = $(fixture_libs)
$(tests_server_test_connection_OBJECTS): $(probe_generated)

tests_server_test_drain_SOURCES = tests/server/test_drain.c
tests_server_test_drain_CPPFLAGS = $(fixture_cppflags)
tests_server_test_drain_LDADD = $(fixture_libs)
$(tests_server_test_drain_OBJECTS): $(probe_generated)

tests_server_test_run_SOURCES = tests/server/test_run.c
tests_server_test_run_CPPFLAGS = $(fixture_cppflags)
tests_server_test_run_LDADD = $(fixture_libs)
$(tests_server_test_run_OBJECTS): $(probe_generated)

tests_server_test_metrics_SOURCES = tests/server/test_metrics.c
tests_server_test_metrics_CPPFLAGS = $(fixture_cppflags)
tests_server_test_metrics_LDADD = $(fixture_libs)
$(tests_server_test_metrics_OBJECTS): $(probe_generated)

tests_server_test_watchdog_SOURCES = tests/server/test_watchdog.c
tests_server_test_watchdog_CPPFLAGS = $(fixture_cppflags)
tests_server_test_watchdog_LDADD = $(fixture_libs)
$(tests_server_test_watchdog_OBJECTS): $(probe_generated)

tests_server_test_deadline_cap_SOURCES = tests/server/test_deadline_cap.c
tests_server_test_deadline_cap_CPPFLAGS = $(fixture_cppflags)
tests_server_test_deadline_cap_LDADD = $(fixture_libs)
$(tests_server_test_deadline_cap_OBJECTS): $(probe_generated)

tests_server_test_draining_SOURCES = tests/server/test_draining.c
tests_server_test_draining_CPPFLAGS = $(fixture_cppflags)
tests_server_test_draining_LDADD = $(fixture_libs)
$(tests_server_test_draining_OBJECTS): $(probe_generated)

tests_server_test_drop_late_SOURCES = tests/server/test_drop_late.c
tests_server_test_drop_late_CPPFLAGS = $(fixture_cppflags)
tests_server_test_drop_late_LDADD = $(fixture_libs)
$(tests_server_test_drop_late_OBJECTS): $(probe_generated)

tests_server_test_systemd_SOURCES = tests/server/test_systemd.c
tests_server_test_systemd_CPPFLAGS = $(fixture_cppflags)
tests_server_test_systemd_LDADD = $(fixture_libs)
$(tests_server_test_systemd_OBJECTS): $(probe_generated)

tests_server_test_tls_SOURCES = tests/server/test_tls.c $(tls_scene_sources)
tests_server_test_tls_CPPFLAGS = $(fixture_cppflags)
tests_server_test_tls_LDADD = $(fixture_libs)
$(tests_server_test_tls_OBJECTS): $(probe_generated)

tests_server_test_keeping_SOURCES = tests/server/test_keeping.c
tests_server_test_keeping_CPPFLAGS = $(fixture_cppflags)
tests_server_test_keeping_LDADD = $(fixture_libs)
$(tests_server_test_keeping_OBJECTS): $(probe_generated)

tests_server_test_holding_SOURCES = tests/server/test_holding.c
tests_server_test_holding_CPPFLAGS = $(fixture_cppflags)
tests_server_test_holding_LDADD = $(fixture_libs)
$(tests_server_test_holding_OBJECTS): $(probe_generated)

tests_server_test_limits_SOURCES = tests/server/test_limits.c
tests_server_test_limits_CPPFLAGS = $(fixture_cppflags)
tests_server_test_limits_LDADD = $(fixture_libs)
$(tests_server_test_limits_OBJECTS): $(probe_generated)

tests_server_test_mutations_SOURCES = tests/server/test_mutations.c
tests_server_test_mutations_CPPFLAGS = $(fixture_cppflags)
tests_server_test_mutations_LDADD = $(fixture_libs)
$(tests_server_test_mutations_OBJECTS): $(probe_generated)
