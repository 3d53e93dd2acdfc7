# The services are written as programs write theirs: the library contains what is generated from their protos, under
# names of its own. Programs that talk to the services generate theirs, maybe from another version, and may be linked
# with the static library: what they define must neither meet nor replace what the library has.
libbelay_sources += \
	src/services/admin.c \
	src/services/admin_calls.c \
	src/services/admin_calls.h \
	src/services/health.c \
	src/services/reflection.c \
	src/services/symbols.c \
	src/services/symbols.h

# As programs would generate them; for belayctl and the tests.
admin_generated = \
	src/services/admin.pb-c.c src/services/admin.pb-c.h \
	src/services/admin.belay.c src/services/admin.belay.h
# Health and reflection have their protos under the names by which every peer knows them.
health_generated = \
	src/services/grpc/health/v1/health.pb-c.c src/services/grpc/health/v1/health.pb-c.h \
	src/services/grpc/health/v1/health.belay.c src/services/grpc/health/v1/health.belay.h
reflection_generated = \
	src/services/grpc/reflection/v1/reflection.pb-c.c src/services/grpc/reflection/v1/reflection.pb-c.h \
	src/services/grpc/reflection/v1/reflection.belay.c src/services/grpc/reflection/v1/reflection.belay.h \
	src/services/grpc/reflection/v1alpha/reflection.pb-c.c src/services/grpc/reflection/v1alpha/reflection.pb-c.h \
	src/services/grpc/reflection/v1alpha/reflection.belay.c src/services/grpc/reflection/v1alpha/reflection.belay.h

services_command = $(MKDIR_P) $(@D) && $(PROTOC) -I$(srcdir)/src/services

src/services/grpc/%.pb-c.c src/services/grpc/%.pb-c.h: src/services/grpc/%.proto
	$(AM_V_GEN)$(services_command) --plugin=protoc-gen-c=$(PROTOC_GEN_C) --c_out=src/services $<

src/services/grpc/%.belay.c src/services/grpc/%.belay.h: src/services/grpc/%.proto $(generator)
	$(AM_V_GEN)$(services_command) --plugin=protoc-gen-belay=$(generator) --belay_out=src/services $<

# The library's: what begins with the package in C begins with bly_ before that. Names with dots, which peers see, and
# file descriptors, which are numbers, are as they were.
own_generated = \
	src/services/own/admin.pb-c.c src/services/own/admin.pb-c.h \
	src/services/own/admin.belay.c src/services/own/admin.belay.h \
	src/services/own/grpc/health/v1/health.pb-c.c src/services/own/grpc/health/v1/health.pb-c.h \
	src/services/own/grpc/health/v1/health.belay.c src/services/own/grpc/health/v1/health.belay.h \
	src/services/own/grpc/reflection/v1/reflection.pb-c.c src/services/own/grpc/reflection/v1/reflection.pb-c.h \
	src/services/own/grpc/reflection/v1/reflection.belay.c src/services/own/grpc/reflection/v1/reflection.belay.h \
	src/services/own/grpc/reflection/v1alpha/reflection.pb-c.c \
	src/services/own/grpc/reflection/v1alpha/reflection.pb-c.h \
	src/services/own/grpc/reflection/v1alpha/reflection.belay.c \
	src/services/own/grpc/reflection/v1alpha/reflection.belay.h
descriptor_generated = src/services/descriptor.pb-c.c src/services/descriptor.pb-c.h
libbelay_generated += $(own_generated) $(descriptor_generated)

own_names = $(AM_V_GEN)$(MKDIR_P) $(@D) && $(SED) \
	-e 's,^\#include "grpc/,\#include "services/own/grpc/,' \
	-e 's/belay__admin__/bly_&/g' -e 's/belay_admin_v1/bly_&/g' \
	-e 's/grpc__health__/bly_&/g' -e 's/grpc_health_v1/bly_&/g' \
	-e 's/grpc__reflection__/bly_&/g' -e 's/grpc_reflection_v1/bly_&/g' $< > $@.new && mv $@.new $@

src/services/own/%.c: src/services/%.c
	$(own_names)

src/services/own/%.h: src/services/%.h
	$(own_names)

# The first build has no dependency files yet.
src/services/admin.lo src/services/health.lo src/services/reflection.lo src/services/symbols.lo: \
	$(own_generated) $(descriptor_generated)

services_generated = $(admin_generated) $(health_generated) $(reflection_generated)
BUILT_SOURCES += $(services_generated) $(own_generated) $(descriptor_generated)
CLEANFILES += $(services_generated) $(own_generated) $(descriptor_generated)
EXTRA_DIST += \
	src/services/admin.proto \
	src/services/descriptor.proto \
	src/services/grpc/health/v1/health.proto \
	src/services/grpc/reflection/v1/reflection.proto \
	src/services/grpc/reflection/v1alpha/reflection.proto
