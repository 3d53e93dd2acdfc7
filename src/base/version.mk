libbelay_sources += src/base/version.c
