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

# Health and reflection have their protos under the names by which every peer knows them.
libbelay_sources += \
	src/services/health.c \
	src/services/reflection.c \
	src/services/symbols.c \
	src/services/symbols.h
services_generated = \
	src/services/grpc/health/v1/health.pb-c.c src/services/grpc/health/v1/health.pb-c.h \
	src/services/grpc/health/v1/health.belay.c src/services/grpc/health/v1/health.belay.h \
	src/services/grpc/reflection/v1/reflection.pb-c.c src/services/grpc/reflection/v1/reflection.pb-c.h \
	src/services/grpc/reflection/v1/reflection.belay.c src/services/grpc/reflection/v1/reflection.belay.h \
	src/services/grpc/reflection/v1alpha/reflection.pb-c.c src/services/grpc/reflection/v1alpha/reflection.pb-c.h \
	src/services/grpc/reflection/v1alpha/reflection.belay.c src/services/grpc/reflection/v1alpha/reflection.belay.h \
	src/services/descriptor.pb-c.c src/services/descriptor.pb-c.h
libbelay_generated += $(services_generated)

services_command = $(MKDIR_P) $(@D) && $(PROTOC) -I$(srcdir)/src/services

src/services/grpc/%.pb-c.c src/services/grpc/%.pb-c.h: src/services/grpc/%.proto
	$(AM_V_GEN)$(services_command) --plugin=protoc-gen-c=$(PROTOC_GEN_C) --c_out=src/services $<

src/services/grpc/%.belay.c src/services/grpc/%.belay.h: src/services/grpc/%.proto $(generator)
	$(AM_V_GEN)$(services_command) --plugin=protoc-gen-belay=$(generator) --belay_out=src/services $<

src/services/health.lo src/services/reflection.lo src/services/symbols.lo: $(services_generated)

BUILT_SOURCES += $(services_generated)
CLEANFILES += $(services_generated)
EXTRA_DIST += \
	src/services/descriptor.proto \
	src/services/grpc/health/v1/health.proto \
	src/services/grpc/reflection/v1/reflection.proto \
	src/services/grpc/reflection/v1alpha/reflection.proto
