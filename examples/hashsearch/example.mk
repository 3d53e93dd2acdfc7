hashsearch_generated = \
	examples/hashsearch/hashsearch.pb-c.c examples/hashsearch/hashsearch.pb-c.h \
	examples/hashsearch/hashsearch.belay.c examples/hashsearch/hashsearch.belay.h
hashsearch_cppflags = $(AM_CPPFLAGS) -I$(top_builddir)/examples/hashsearch
hashsearch_shown = \
	examples/hashsearch/display.c examples/hashsearch/display.h \
	examples/hashsearch/sightings.c examples/hashsearch/sightings.h \
	examples/hashsearch/watch.c examples/hashsearch/watch.h

noinst_PROGRAMS += \
	examples/hashsearch/hashsearch-back examples/hashsearch/hashsearch-front \
	examples/hashsearch/hashsearch-client examples/hashsearch/hashsearch-demo

examples_hashsearch_hashsearch_back_SOURCES = examples/hashsearch/hashsearch-back.c \
	examples/hashsearch/puzzle.c examples/hashsearch/puzzle.h
nodist_examples_hashsearch_hashsearch_back_SOURCES = $(hashsearch_generated)
examples_hashsearch_hashsearch_back_CPPFLAGS = $(hashsearch_cppflags)
examples_hashsearch_hashsearch_back_LDADD = $(belay_libs) $(OPENSSL_LIBS)

examples_hashsearch_hashsearch_front_SOURCES = examples/hashsearch/hashsearch-front.c
nodist_examples_hashsearch_hashsearch_front_SOURCES = $(hashsearch_generated)
examples_hashsearch_hashsearch_front_CPPFLAGS = $(hashsearch_cppflags)
examples_hashsearch_hashsearch_front_LDADD = $(belay_libs)

examples_hashsearch_hashsearch_client_SOURCES = examples/hashsearch/hashsearch-client.c $(hashsearch_shown)
nodist_examples_hashsearch_hashsearch_client_SOURCES = $(hashsearch_generated)
examples_hashsearch_hashsearch_client_CPPFLAGS = $(hashsearch_cppflags)
examples_hashsearch_hashsearch_client_LDADD = $(belay_libs)

examples_hashsearch_hashsearch_demo_SOURCES = examples/hashsearch/hashsearch-demo.c $(hashsearch_shown)
nodist_examples_hashsearch_hashsearch_demo_SOURCES = $(hashsearch_generated)
examples_hashsearch_hashsearch_demo_CPPFLAGS = $(hashsearch_cppflags)
examples_hashsearch_hashsearch_demo_LDADD = $(belay_libs)

BUILT_SOURCES += $(hashsearch_generated)
CLEANFILES += $(hashsearch_generated)
EXTRA_DIST += examples/hashsearch/hashsearch.proto

check_scripts += tests/examples/test_hashsearch.sh
