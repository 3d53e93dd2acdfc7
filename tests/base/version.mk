check_PROGRAMS += tests/base/test_version
tests_base_test_version_SOURCES = tests/base/test_version.c
tests_base_test_version_LDADD = $(test_libs)
