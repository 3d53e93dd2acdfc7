libbelay_sources += \
	src/wire/base64.c src/wire/base64.h \
	src/wire/compression.c src/wire/compression.h \
	src/wire/details.c src/wire/details.h \
	src/wire/frame.c src/wire/frame.h \
	src/wire/metadata.c src/wire/metadata.h \
	src/wire/percent.c src/wire/percent.h \
	src/wire/status.c src/wire/status.h \
	src/wire/timeout.c src/wire/timeout.h \
	src/wire/unpack.c src/wire/unpack.h \
	src/wire/utf8.c src/wire/utf8.h

# google.rpc.Status and Any, hidden, under names of our own.
details_generated = src/wire/details.pb-c.c src/wire/details.pb-c.h
libbelay_generated += $(details_generated)

# The first build has no dependency files yet.
src/wire/details.lo: $(details_generated)

BUILT_SOURCES += $(details_generated)
CLEANFILES += $(details_generated)
EXTRA_DIST += src/wire/details.proto
