check_PROGRAMS += tests/services/test_admin
tests_services_test_admin_SOURCES = tests/services/test_admin.c tests/services/operator.c tests/services/operator.h
nodist_tests_services_test_admin_SOURCES = $(admin_generated)
tests_services_test_admin_CPPFLAGS = $(fixture_cppflags)
tests_services_test_admin_LDADD = $(fixture_libs)
$(tests_services_test_admin_OBJECTS): $(probe_generated) $(admin_generated)

check_PROGRAMS += tests/services/test_health
tests_services_test_health_SOURCES = tests/services/test_health.c
nodist_tests_services_test_health_SOURCES = $(health_generated)
tests_services_test_health_CPPFLAGS = $(fixture_cppflags)
tests_services_test_health_LDADD = $(fixture_libs)
$(tests_services_test_health_OBJECTS): $(probe_generated) $(health_generated)

zoo_generated = \
	tests/services/zoo.pb-c.c tests/services/zoo.pb-c.h \
	tests/services/zoo.belay.c tests/services/zoo.belay.h \
	tests/services/zoo_parts.pb-c.c tests/services/zoo_parts.pb-c.h
check_PROGRAMS += tests/services/test_reflection
tests_services_test_reflection_SOURCES = tests/services/test_reflection.c
nodist_tests_services_test_reflection_SOURCES = $(zoo_generated) $(reflection_generated)
tests_services_test_reflection_CPPFLAGS = $(fixture_cppflags) -I$(top_builddir)/tests/services
tests_services_test_reflection_LDADD = $(fixture_libs)
$(tests_services_test_reflection_OBJECTS): \
	$(probe_generated) $(reflection_generated) $(descriptor_generated) $(zoo_generated)
CLEANFILES += $(zoo_generated)
EXTRA_DIST += tests/services/zoo.proto tests/services/zoo_parts.proto

check_scripts += tests/services/test_tools.sh

# What a program generates for itself must not meet what the library contains.
older_generated = \
	tests/services/older/health.pb-c.c tests/services/older/health.pb-c.h \
	tests/services/older/health.belay.c tests/services/older/health.belay.h
check_PROGRAMS += tests/services/test_own_stubs
tests_services_test_own_stubs_SOURCES = tests/services/test_own_stubs.c
nodist_tests_services_test_own_stubs_SOURCES = $(older_generated)
tests_services_test_own_stubs_CPPFLAGS = $(fixture_cppflags) -I$(top_builddir)/tests/services/older
tests_services_test_own_stubs_LDADD = $(fixture_libs)
$(tests_services_test_own_stubs_OBJECTS): $(probe_generated) $(older_generated)
CLEANFILES += $(older_generated)
EXTRA_DIST += tests/services/older/health.proto
