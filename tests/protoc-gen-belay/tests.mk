# What is generated is compiled and run; the plugin's own pages have their unit tests.
generator_test_libs = src/protoc-gen-belay/libgenerator.la tests/support/libsupport.la $(CUNIT_LIBS)

check_PROGRAMS += tests/protoc-gen-belay/test_comments
tests_protoc_gen_belay_test_comments_SOURCES = tests/protoc-gen-belay/test_comments.c
tests_protoc_gen_belay_test_comments_LDADD = $(generator_test_libs)

check_PROGRAMS += tests/protoc-gen-belay/test_generate
tests_protoc_gen_belay_test_generate_SOURCES = tests/protoc-gen-belay/test_generate.c
tests_protoc_gen_belay_test_generate_CPPFLAGS = $(generator_cppflags)
tests_protoc_gen_belay_test_generate_LDADD = $(generator_test_libs)

check_PROGRAMS += tests/protoc-gen-belay/test_names
tests_protoc_gen_belay_test_names_SOURCES = tests/protoc-gen-belay/test_names.c
tests_protoc_gen_belay_test_names_LDADD = $(generator_test_libs)

# Generated code with the library's functions played by the test.
check_PROGRAMS += tests/protoc-gen-belay/test_stubs
tests_protoc_gen_belay_test_stubs_SOURCES = tests/protoc-gen-belay/test_stubs.c
nodist_tests_protoc_gen_belay_test_stubs_SOURCES = $(generator_test_kinds)
tests_protoc_gen_belay_test_stubs_CPPFLAGS = $(AM_CPPFLAGS) -I$(top_builddir)/tests/protoc-gen-belay/protos
tests_protoc_gen_belay_test_stubs_LDADD = tests/support/libsupport.la $(PROTOBUF_C_LIBS) $(CUNIT_LIBS)
$(tests_protoc_gen_belay_test_stubs_OBJECTS): $(generator_test_kinds)
generator_test_kinds = \
	tests/protoc-gen-belay/protos/kinds.belay.c \
	tests/protoc-gen-belay/protos/kinds.belay.h \
	tests/protoc-gen-belay/protos/kinds.pb-c.c \
	tests/protoc-gen-belay/protos/kinds.pb-c.h
CLEANFILES += $(generator_test_kinds)

check_scripts += tests/protoc-gen-belay/test_protoc.sh
EXTRA_DIST += \
	tests/protoc-gen-belay/protos/c_package.proto \
	tests/protoc-gen-belay/protos/errors/functions.proto \
	tests/protoc-gen-belay/protos/errors/members.proto \
	tests/protoc-gen-belay/protos/errors/methods.proto \
	tests/protoc-gen-belay/protos/errors/services.proto \
	tests/protoc-gen-belay/protos/foreign.proto \
	tests/protoc-gen-belay/protos/imports.proto \
	tests/protoc-gen-belay/protos/kinds.proto \
	tests/protoc-gen-belay/protos/names.proto \
	tests/protoc-gen-belay/protos/nopackage.proto \
	tests/protoc-gen-belay/protos/nothing.proto \
	tests/protoc-gen-belay/protos/optional.proto \
	tests/protoc-gen-belay/protos/sub/common.proto \
	tests/protoc-gen-belay/protos/sub/public.proto \
	tests/protoc-gen-belay/user.c
