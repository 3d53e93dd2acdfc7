helloworld_generated = \
	examples/helloworld/helloworld.pb-c.c examples/helloworld/helloworld.pb-c.h \
	examples/helloworld/helloworld.belay.c examples/helloworld/helloworld.belay.h
helloworld_cppflags = $(AM_CPPFLAGS) -I$(top_builddir)/examples/helloworld

noinst_PROGRAMS += examples/helloworld/greeter-server examples/helloworld/greeter-client
examples_helloworld_greeter_server_SOURCES = examples/helloworld/greeter-server.c
nodist_examples_helloworld_greeter_server_SOURCES = $(helloworld_generated)
examples_helloworld_greeter_server_CPPFLAGS = $(helloworld_cppflags)
examples_helloworld_greeter_server_LDADD = $(belay_libs)
examples_helloworld_greeter_client_SOURCES = examples/helloworld/greeter-client.c
nodist_examples_helloworld_greeter_client_SOURCES = $(helloworld_generated)
examples_helloworld_greeter_client_CPPFLAGS = $(helloworld_cppflags)
examples_helloworld_greeter_client_LDADD = $(belay_libs)

BUILT_SOURCES += $(helloworld_generated)
CLEANFILES += $(helloworld_generated)
EXTRA_DIST += examples/helloworld/helloworld.proto

check_scripts += tests/examples/test_readme.sh
