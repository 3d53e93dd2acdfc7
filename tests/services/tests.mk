check_PROGRAMS += tests/services/test_admin
tests_services_test_admin_SOURCES = tests/services/test_admin.c tests/services/operator.c tests/services/operator.h
tests_services_test_admin_CPPFLAGS = $(fixture_cppflags)
tests_services_test_admin_LDADD = $(fixture_libs)
$(tests_services_test_admin_OBJECTS): $(probe_generated) $(admin_generated)
