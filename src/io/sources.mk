libbelay_sources += \
	src/io/heap.c src/io/heap.h \
	src/io/lend.c src/io/lend.h \
	src/io/loop.c src/io/loop.h src/io/loop_inside.h \
	src/io/mailbox.c src/io/mailbox.h \
	src/io/resolve.c src/io/resolve.h \
	src/io/straggler.c src/io/straggler.h \
	src/io/timer.c src/io/timer.h \
	src/io/watch.c src/io/watch.h \
	src/io/way.c src/io/way.h
