libbelay_sources += src/cancel/notifier.c src/cancel/notifier.h
