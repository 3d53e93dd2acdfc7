noinst_PROGRAMS += tests/belayctl/call-relay
tests_belayctl_call_relay_SOURCES = tests/belayctl/call_relay.c
tests_belayctl_call_relay_CPPFLAGS = $(interop_cppflags)
tests_belayctl_call_relay_LDADD = $(interop_libs)
$(tests_belayctl_call_relay_OBJECTS): $(interop_generated)

check_scripts += tests/belayctl/test_belayctl.sh
EXTRA_DIST += tests/belayctl/check_json.py
