# The admin service is written as programs write theirs: the library contains what is generated from its proto.
# It stays hidden: programs that talk to the service generate their own.
libbelay_sources += \
	src/services/admin.c \
	src/services/admin_calls.c \
	src/services/admin_calls.h
admin_generated = \
	src/services/admin.pb-c.c src/services/admin.pb-c.h \
	src/services/admin.belay.c src/services/admin.belay.h
libbelay_generated += $(admin_generated)

# The first build has no dependency files yet.
src/services/admin.lo: $(admin_generated)

BUILT_SOURCES += $(admin_generated)
CLEANFILES += $(admin_generated)
EXTRA_DIST += src/services/admin.proto
