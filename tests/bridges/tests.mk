# One program for each bridge of examples/bridges; where its library is missing, one that says so.
bridges_bench = tests/bridges/bench.c tests/bridges/bench.h examples/bridges/bridges.h
bridges_test_cppflags = $(bridges_cppflags) -I$(top_builddir)/tests/support -I$(top_srcdir)/examples
bridges_test_generated = $(probe_generated) $(bridges_generated)

check_PROGRAMS += tests/bridges/test_process
tests_bridges_test_process_SOURCES = tests/bridges/test_process.c examples/bridges/process.c $(bridges_bench)
nodist_tests_bridges_test_process_SOURCES = $(bridges_generated)
tests_bridges_test_process_CPPFLAGS = $(bridges_test_cppflags)
tests_bridges_test_process_LDADD = $(fixture_libs)
$(tests_bridges_test_process_OBJECTS): $(bridges_test_generated)

check_PROGRAMS += tests/bridges/test_device
tests_bridges_test_device_SOURCES = tests/bridges/test_device.c examples/bridges/poll.c $(bridges_bench)
nodist_tests_bridges_test_device_SOURCES = $(bridges_generated)
tests_bridges_test_device_CPPFLAGS = $(bridges_test_cppflags)
tests_bridges_test_device_LDADD = $(fixture_libs)
$(tests_bridges_test_device_OBJECTS): $(bridges_test_generated)

check_PROGRAMS += tests/bridges/test_sqlite
if HAVE_SQLITE
tests_bridges_test_sqlite_SOURCES = tests/bridges/test_sqlite.c $(bridges_bench)
nodist_tests_bridges_test_sqlite_SOURCES = $(bridges_generated)
tests_bridges_test_sqlite_CPPFLAGS = $(bridges_test_cppflags)
tests_bridges_test_sqlite_LDADD = $(fixture_libs) $(SQLITE_LIBS)
$(tests_bridges_test_sqlite_OBJECTS): $(bridges_test_generated)
else
tests_bridges_test_sqlite_SOURCES = tests/bridges/missing.c
tests_bridges_test_sqlite_CPPFLAGS = $(AM_CPPFLAGS) -DMISSING='"SQLite"'
endif

check_PROGRAMS += tests/bridges/test_postgres
EXTRA_DIST += tests/bridges/postgres.sh
if HAVE_LIBPQ
tests_bridges_test_postgres_SOURCES = tests/bridges/test_postgres.c \
	examples/bridges/postgres.c $(bridges_bench)
nodist_tests_bridges_test_postgres_SOURCES = $(bridges_generated)
tests_bridges_test_postgres_CPPFLAGS = $(bridges_test_cppflags)
tests_bridges_test_postgres_LDADD = $(fixture_libs) $(LIBPQ_LIBS)
$(tests_bridges_test_postgres_OBJECTS): $(bridges_test_generated)
else
tests_bridges_test_postgres_SOURCES = tests/bridges/missing.c
tests_bridges_test_postgres_CPPFLAGS = $(AM_CPPFLAGS) -DMISSING='"libpq"'
endif

check_PROGRAMS += tests/bridges/test_curl
if HAVE_CURL
tests_bridges_test_curl_SOURCES = tests/bridges/test_curl.c tests/bridges/http.c tests/bridges/http.h \
	$(bridges_bench)
nodist_tests_bridges_test_curl_SOURCES = $(bridges_generated)
tests_bridges_test_curl_CPPFLAGS = $(bridges_test_cppflags)
tests_bridges_test_curl_LDADD = $(fixture_libs) $(CURL_LIBS)
$(tests_bridges_test_curl_OBJECTS): $(bridges_test_generated)
else
tests_bridges_test_curl_SOURCES = tests/bridges/missing.c
tests_bridges_test_curl_CPPFLAGS = $(AM_CPPFLAGS) -DMISSING='"libcurl"'
endif

check_PROGRAMS += tests/bridges/test_openmp
if HAVE_OPENMP
tests_bridges_test_openmp_SOURCES = tests/bridges/test_openmp.c examples/bridges/openmp.c $(bridges_bench)
nodist_tests_bridges_test_openmp_SOURCES = $(bridges_generated)
tests_bridges_test_openmp_CPPFLAGS = $(bridges_test_cppflags)
tests_bridges_test_openmp_CFLAGS = $(AM_CFLAGS) $(OPENMP_CFLAGS)
tests_bridges_test_openmp_LDADD = $(fixture_libs)
$(tests_bridges_test_openmp_OBJECTS): $(bridges_test_generated)
else
tests_bridges_test_openmp_SOURCES = tests/bridges/missing.c
tests_bridges_test_openmp_CPPFLAGS = $(AM_CPPFLAGS) -DMISSING='"OpenMP, which ThreadSanitizer does not go with"'
endif
