client_suites = \
	tests/client/test_addresses \
	tests/client/test_calls \
	tests/client/test_channel \
	tests/client/test_closing \
	tests/client/test_connecting \
	tests/client/test_credentials \
	tests/client/test_details \
	tests/client/test_driving \
	tests/client/test_flow \
	tests/client/test_hostile \
	tests/client/test_keeping \
	tests/client/test_limits \
	tests/client/test_metadata \
	tests/client/test_negative \
	tests/client/test_restart \
	tests/client/test_status \
	tests/client/test_turmoil
check_PROGRAMS += $(client_suites)

tests_client_test_calls_SOURCES = tests/client/test_calls.c
tests_client_test_calls_CPPFLAGS = $(fixture_cppflags)
tests_client_test_calls_LDADD = $(fixture_libs)
$(tests_client_test_calls_OBJECTS): $(probe_generated)

tests_client_test_channel_SOURCES = tests/client/test_channel.c
tests_client_test_channel_CPPFLAGS = $(fixture_cppflags)
tests_client_test_channel_LDADD = $(fixture_libs)
$(tests_client_test_channel_OBJECTS): $(probe_generated)

tests_client_test_closing_SOURCES = tests/client/test_closing.c
tests_client_test_closing_CPPFLAGS = $(fixture_cppflags)
tests_client_test_closing_LDADD = $(fixture_libs)
$(tests_client_test_closing_OBJECTS): $(probe_generated)

tests_client_test_connecting_SOURCES = tests/client/test_connecting.c
tests_client_test_connecting_CPPFLAGS = $(fixture_cppflags)
tests_client_test_connecting_LDADD = $(fixture_libs)
$(tests_client_test_connecting_OBJECTS): $(probe_generated)

tests_client_test_credentials_SOURCES = tests/client/test_credentials.c
tests_client_test_credentials_CPPFLAGS = $(fixture_cppflags)
tests_client_test_credentials_LDADD = $(fixture_libs)
$(tests_client_test_credentials_OBJECTS): $(probe_generated)

tests_client_test_details_SOURCES = tests/client/test_details.c
tests_client_test_details_CPPFLAGS = $(fixture_cppflags)
tests_client_test_details_LDADD = $(fixture_libs)
$(tests_client_test_details_OBJECTS): $(probe_generated)

tests_client_test_driving_SOURCES = tests/client/test_driving.c
tests_client_test_driving_CPPFLAGS = $(fixture_cppflags)
tests_client_test_driving_LDADD = $(fixture_libs)
$(tests_client_test_driving_OBJECTS): $(probe_generated)

tests_client_test_flow_SOURCES = tests/client/test_flow.c
tests_client_test_flow_CPPFLAGS = $(fixture_cppflags)
tests_client_test_flow_LDADD = $(fixture_libs)
$(tests_client_test_flow_OBJECTS): $(probe_generated)

tests_client_test_metadata_SOURCES = tests/client/test_metadata.c
tests_client_test_metadata_CPPFLAGS = $(fixture_cppflags)
tests_client_test_metadata_LDADD = $(fixture_libs)
$(tests_client_test_metadata_OBJECTS): $(probe_generated)

tests_client_test_status_SOURCES = tests/client/test_status.c
tests_client_test_status_CPPFLAGS = $(fixture_cppflags)
tests_client_test_status_LDADD = $(fixture_libs)
$(tests_client_test_status_OBJECTS): $(probe_generated)

tests_client_test_hostile_SOURCES = tests/client/test_hostile.c
tests_client_test_hostile_CPPFLAGS = $(fixture_cppflags)
tests_client_test_hostile_LDADD = $(fixture_libs)
$(tests_client_test_hostile_OBJECTS): $(probe_generated)

tests_client_test_keeping_SOURCES = tests/client/test_keeping.c
tests_client_test_keeping_CPPFLAGS = $(fixture_cppflags)
tests_client_test_keeping_LDADD = $(fixture_libs)
$(tests_client_test_keeping_OBJECTS): $(probe_generated)

tests_client_test_restart_SOURCES = tests/client/test_restart.c
tests_client_test_restart_CPPFLAGS = $(fixture_cppflags)
tests_client_test_restart_LDADD = $(fixture_libs)
$(tests_client_test_restart_OBJECTS): $(probe_generated)

tests_client_test_negative_SOURCES = tests/client/test_negative.c
tests_client_test_negative_CPPFLAGS = $(fixture_cppflags)
tests_client_test_negative_LDADD = $(fixture_libs)
$(tests_client_test_negative_OBJECTS): $(probe_generated)

tests_client_test_limits_SOURCES = tests/client/test_limits.c
tests_client_test_limits_CPPFLAGS = $(fixture_cppflags)
tests_client_test_limits_LDADD = $(fixture_libs)
$(tests_client_test_limits_OBJECTS): $(probe_generated)

tests_client_test_addresses_SOURCES = tests/client/test_addresses.c \
	tests/transport/certificates.c tests/transport/certificates.h
tests_client_test_addresses_CPPFLAGS = $(fixture_cppflags)
tests_client_test_addresses_LDADD = $(fixture_libs)
$(tests_client_test_addresses_OBJECTS): $(probe_generated)

tests_client_test_turmoil_SOURCES = tests/client/test_turmoil.c
tests_client_test_turmoil_CPPFLAGS = $(fixture_cppflags)
tests_client_test_turmoil_LDADD = $(fixture_libs)
$(tests_client_test_turmoil_OBJECTS): $(probe_generated)
