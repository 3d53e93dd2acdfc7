libbelay_sources += \
	src/pool/crew.c src/pool/crew.h \
	src/pool/pool.c src/pool/pool.h \
	src/pool/worker.c
