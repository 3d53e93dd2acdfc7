libbelay_sources += \
	src/wire/base64.c src/wire/base64.h \
	src/wire/compression.c src/wire/compression.h \
	src/wire/frame.c src/wire/frame.h \
	src/wire/metadata.c src/wire/metadata.h \
	src/wire/percent.c src/wire/percent.h \
	src/wire/status.c src/wire/status.h \
	src/wire/timeout.c src/wire/timeout.h \
	src/wire/unpack.c src/wire/unpack.h \
	src/wire/utf8.c src/wire/utf8.h
