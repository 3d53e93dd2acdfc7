bridges_generated = \
	examples/bridges/bridges.pb-c.c examples/bridges/bridges.pb-c.h \
	examples/bridges/bridges.belay.c examples/bridges/bridges.belay.h
bridges_cppflags = $(AM_CPPFLAGS) -I$(top_builddir)/examples/bridges -I$(top_srcdir)/examples/bridges
bridges_cflags = $(AM_CFLAGS)
bridges_libs = $(belay_libs)

noinst_PROGRAMS += examples/bridges/bridge-server examples/bridges/bridge-client
examples_bridges_bridge_server_SOURCES = \
	examples/bridges/bridge-server.c \
	examples/bridges/bridges.h \
	examples/bridges/poll.c \
	examples/bridges/process.c

# One for each library that configure has found.
if HAVE_SQLITE
examples_bridges_bridge_server_SOURCES += examples/bridges/sqlite.c
bridges_cppflags += -DWITH_SQLITE $(SQLITE_CFLAGS)
bridges_libs += $(SQLITE_LIBS)
endif
if HAVE_LIBPQ
examples_bridges_bridge_server_SOURCES += examples/bridges/postgres.c
bridges_cppflags += -DWITH_LIBPQ $(LIBPQ_CFLAGS)
bridges_libs += $(LIBPQ_LIBS)
endif
if HAVE_CURL
examples_bridges_bridge_server_SOURCES += examples/bridges/curl.c
bridges_cppflags += -DWITH_CURL $(CURL_CFLAGS)
bridges_libs += $(CURL_LIBS)
endif
if HAVE_OPENMP
examples_bridges_bridge_server_SOURCES += examples/bridges/openmp.c
bridges_cppflags += -DWITH_OPENMP
bridges_cflags += $(OPENMP_CFLAGS)
endif

nodist_examples_bridges_bridge_server_SOURCES = $(bridges_generated)
examples_bridges_bridge_server_CPPFLAGS = $(bridges_cppflags)
examples_bridges_bridge_server_CFLAGS = $(bridges_cflags)
examples_bridges_bridge_server_LDADD = $(bridges_libs)

examples_bridges_bridge_client_SOURCES = examples/bridges/bridge-client.c examples/bridges/bridges.h
nodist_examples_bridges_bridge_client_SOURCES = $(bridges_generated)
examples_bridges_bridge_client_CPPFLAGS = $(bridges_cppflags)
examples_bridges_bridge_client_LDADD = $(belay_libs)

BUILT_SOURCES += $(bridges_generated)
CLEANFILES += $(bridges_generated)
EXTRA_DIST += examples/bridges/bridges.proto
