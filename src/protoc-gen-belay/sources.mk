# protoc's plugin. plugin.pb-c.* come from plugin.proto by the rule for %.pb-c.c.
bin_PROGRAMS += src/protoc-gen-belay/protoc-gen-belay

# All but main(), for the unit tests as well.
noinst_LTLIBRARIES += src/protoc-gen-belay/libgenerator.la
src_protoc_gen_belay_libgenerator_la_SOURCES = \
	src/protoc-gen-belay/clashes.c src/protoc-gen-belay/clashes.h \
	src/protoc-gen-belay/comments.c src/protoc-gen-belay/comments.h \
	src/protoc-gen-belay/descriptors.c src/protoc-gen-belay/descriptors.h \
	src/protoc-gen-belay/functions.c src/protoc-gen-belay/functions.h \
	src/protoc-gen-belay/generate.c src/protoc-gen-belay/generate.h \
	src/protoc-gen-belay/header.c src/protoc-gen-belay/header.h \
	src/protoc-gen-belay/model.c src/protoc-gen-belay/model.h \
	src/protoc-gen-belay/names.c src/protoc-gen-belay/names.h \
	src/protoc-gen-belay/pool.c src/protoc-gen-belay/pool.h \
	src/protoc-gen-belay/source.c src/protoc-gen-belay/source.h \
	src/protoc-gen-belay/text.c src/protoc-gen-belay/text.h
nodist_src_protoc_gen_belay_libgenerator_la_SOURCES = $(generator_generated)
src_protoc_gen_belay_libgenerator_la_CPPFLAGS = $(generator_cppflags)
src_protoc_gen_belay_libgenerator_la_LIBADD = $(PROTOBUF_C_LIBS)

src_protoc_gen_belay_protoc_gen_belay_SOURCES = src/protoc-gen-belay/main.c
src_protoc_gen_belay_protoc_gen_belay_CPPFLAGS = $(generator_cppflags)
src_protoc_gen_belay_protoc_gen_belay_LDADD = src/protoc-gen-belay/libgenerator.la

generator_cppflags = $(AM_CPPFLAGS) -I$(top_builddir)/src
generator_generated = \
	src/protoc-gen-belay/plugin.pb-c.c \
	src/protoc-gen-belay/plugin.pb-c.h

# Other built sources need the program before any dependency file has been written.
$(src_protoc_gen_belay_protoc_gen_belay_OBJECTS): src/protoc-gen-belay/plugin.pb-c.h
$(src_protoc_gen_belay_libgenerator_la_OBJECTS): src/protoc-gen-belay/plugin.pb-c.h

BUILT_SOURCES += $(generator_generated)
CLEANFILES += $(generator_generated)
EXTRA_DIST += src/protoc-gen-belay/plugin.proto
