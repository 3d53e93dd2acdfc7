check_PROGRAMS += tests/services/test_admin
tests_services_test_admin_SOURCES = tests/services/test_admin.c tests/services/operator.c tests/services/operator.h
tests_services_test_admin_CPPFLAGS = $(fixture_cppflags)
tests_services_test_admin_LDADD = $(fixture_libs)
$(tests_services_test_admin_OBJECTS): $(probe_generated) $(admin_generated)

check_PROGRAMS += tests/services/test_health
tests_services_test_health_SOURCES = tests/services/test_health.c
tests_services_test_health_CPPFLAGS = $(fixture_cppflags)
tests_services_test_health_LDADD = $(fixture_libs)
$(tests_services_test_health_OBJECTS): $(probe_generated) $(services_generated)

zoo_generated = \
	tests/services/zoo.pb-c.c tests/services/zoo.pb-c.h \
	tests/services/zoo.belay.c tests/services/zoo.belay.h \
	tests/services/zoo_parts.pb-c.c tests/services/zoo_parts.pb-c.h
check_PROGRAMS += tests/services/test_reflection
tests_services_test_reflection_SOURCES = tests/services/test_reflection.c
nodist_tests_services_test_reflection_SOURCES = $(zoo_generated)
tests_services_test_reflection_CPPFLAGS = $(fixture_cppflags) -I$(top_builddir)/tests/services
tests_services_test_reflection_LDADD = $(fixture_libs)
$(tests_services_test_reflection_OBJECTS): $(probe_generated) $(services_generated) $(zoo_generated)
CLEANFILES += $(zoo_generated)
EXTRA_DIST += tests/services/zoo.proto tests/services/zoo_parts.proto

check_scripts += tests/services/test_tools.sh
