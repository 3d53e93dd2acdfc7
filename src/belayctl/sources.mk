# An operator's program: public headers only, and its own stubs of the admin service.
bin_PROGRAMS += src/belayctl/belayctl
src_belayctl_belayctl_SOURCES = \
	src/belayctl/arguments.c src/belayctl/arguments.h \
	src/belayctl/ask.c src/belayctl/ask.h \
	src/belayctl/help.c src/belayctl/help.h \
	src/belayctl/json.c src/belayctl/json.h \
	src/belayctl/main.c \
	src/belayctl/table.c src/belayctl/table.h \
	src/belayctl/text.c src/belayctl/text.h \
	src/belayctl/top.c src/belayctl/top.h \
	src/belayctl/tree.c src/belayctl/tree.h
nodist_src_belayctl_belayctl_SOURCES = $(admin_generated)
src_belayctl_belayctl_CPPFLAGS = $(AM_CPPFLAGS) -I$(top_builddir)/src/services
src_belayctl_belayctl_LDADD = $(belay_libs)
$(src_belayctl_belayctl_OBJECTS): $(admin_generated)
