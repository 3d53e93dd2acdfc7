cancellation_generated = \
	examples/cancellation/echo.pb-c.c examples/cancellation/echo.pb-c.h \
	examples/cancellation/echo.belay.c examples/cancellation/echo.belay.h \
	examples/cancellation/keyvaluestore.pb-c.c examples/cancellation/keyvaluestore.pb-c.h \
	examples/cancellation/keyvaluestore.belay.c examples/cancellation/keyvaluestore.belay.h \
	examples/cancellation/greeter.pb-c.c examples/cancellation/greeter.pb-c.h \
	examples/cancellation/greeter.belay.c examples/cancellation/greeter.belay.h \
	examples/cancellation/hash_name.pb-c.c examples/cancellation/hash_name.pb-c.h \
	examples/cancellation/hash_name.belay.c examples/cancellation/hash_name.belay.h
cancellation_cppflags = $(AM_CPPFLAGS) -I$(top_builddir)/examples/cancellation

noinst_PROGRAMS += examples/cancellation/cancellation-server examples/cancellation/cancellation-client

examples_cancellation_cancellation_server_SOURCES = \
	examples/cancellation/cancellation-server.c \
	examples/cancellation/echo-service.c \
	examples/cancellation/greeter-service.c \
	examples/cancellation/hash-finder-service.c \
	examples/cancellation/key-value-store-service.c \
	examples/cancellation/secrets.c \
	examples/cancellation/secrets.h \
	examples/cancellation/services.h
nodist_examples_cancellation_cancellation_server_SOURCES = $(cancellation_generated)
examples_cancellation_cancellation_server_CPPFLAGS = $(cancellation_cppflags)
examples_cancellation_cancellation_server_LDADD = $(belay_libs) $(OPENSSL_LIBS)

examples_cancellation_cancellation_client_SOURCES = \
	examples/cancellation/cancel-later.c \
	examples/cancellation/cancellation-client.c \
	examples/cancellation/cases.h \
	examples/cancellation/echo-cases.c \
	examples/cancellation/hash-name-cases.c \
	examples/cancellation/key-value-store-cases.c
nodist_examples_cancellation_cancellation_client_SOURCES = $(cancellation_generated)
examples_cancellation_cancellation_client_CPPFLAGS = $(cancellation_cppflags)
examples_cancellation_cancellation_client_LDADD = $(belay_libs)

BUILT_SOURCES += $(cancellation_generated)
CLEANFILES += $(cancellation_generated)
EXTRA_DIST += \
	examples/cancellation/echo.proto \
	examples/cancellation/greeter.proto \
	examples/cancellation/hash_name.proto \
	examples/cancellation/keyvaluestore.proto

check_scripts += tests/examples/test_cancellation.sh tests/examples/test_cancellation_python.sh
EXTRA_DIST += tests/examples/cancellation_client.py tests/examples/support.sh
