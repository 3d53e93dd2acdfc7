check_PROGRAMS += tests/wire/test_base64
tests_wire_test_base64_SOURCES = tests/wire/test_base64.c tests/wire/random.h
tests_wire_test_base64_LDADD = $(test_libs)

check_PROGRAMS += tests/wire/test_details
tests_wire_test_details_SOURCES = tests/wire/test_details.c tests/wire/random.h
tests_wire_test_details_LDADD = $(test_libs)

check_PROGRAMS += tests/wire/test_compression
tests_wire_test_compression_SOURCES = tests/wire/test_compression.c tests/wire/random.h
tests_wire_test_compression_LDADD = $(test_libs)

check_PROGRAMS += tests/wire/test_frame
tests_wire_test_frame_SOURCES = tests/wire/test_frame.c tests/wire/random.h
tests_wire_test_frame_LDADD = $(test_libs)

check_PROGRAMS += tests/wire/test_metadata
tests_wire_test_metadata_SOURCES = tests/wire/test_metadata.c tests/wire/random.h
tests_wire_test_metadata_LDADD = $(test_libs)

check_PROGRAMS += tests/wire/test_percent
tests_wire_test_percent_SOURCES = tests/wire/test_percent.c tests/wire/random.h
tests_wire_test_percent_LDADD = $(test_libs)

check_PROGRAMS += tests/wire/test_timeout
tests_wire_test_timeout_SOURCES = tests/wire/test_timeout.c tests/wire/random.h
tests_wire_test_timeout_LDADD = $(test_libs)

check_PROGRAMS += tests/wire/test_utf8
tests_wire_test_utf8_SOURCES = tests/wire/test_utf8.c tests/wire/random.h
tests_wire_test_utf8_LDADD = $(test_libs)

check_PROGRAMS += tests/wire/test_status
tests_wire_test_status_SOURCES = tests/wire/test_status.c
tests_wire_test_status_LDADD = $(test_libs)

check_PROGRAMS += tests/wire/test_unpack
tests_wire_test_unpack_SOURCES = tests/wire/test_unpack.c tests/wire/random.h
nodist_tests_wire_test_unpack_SOURCES = $(wire_test_generated)
tests_wire_test_unpack_CPPFLAGS = $(AM_CPPFLAGS) -I$(top_builddir)/tests
tests_wire_test_unpack_LDADD = $(test_libs)
$(tests_wire_test_unpack_OBJECTS): $(wire_test_generated)
wire_test_generated = tests/wire/nested.pb-c.c tests/wire/nested.pb-c.h
CLEANFILES += $(wire_test_generated)
EXTRA_DIST += tests/wire/nested.proto

# Allocations of the objects in this program go through its own functions; the linker has to know --wrap.
check_PROGRAMS += tests/wire/test_out_of_memory
tests_wire_test_out_of_memory_SOURCES = tests/wire/test_out_of_memory.c
tests_wire_test_out_of_memory_LDADD = $(test_libs)
tests_wire_test_out_of_memory_LDFLAGS = $(AM_LDFLAGS) \
	-Wl,--wrap=malloc,--wrap=calloc,--wrap=realloc,--wrap=strdup
