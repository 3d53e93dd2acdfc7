chat_generated = \
	examples/chat/chat.pb-c.c examples/chat/chat.pb-c.h \
	examples/chat/chat.belay.c examples/chat/chat.belay.h
chat_cppflags = $(AM_CPPFLAGS) -I$(top_builddir)/examples/chat

noinst_PROGRAMS += examples/chat/chat-server examples/chat/chat-client
examples_chat_chat_server_SOURCES = \
	examples/chat/chat-server.c examples/chat/room.c examples/chat/room.h
nodist_examples_chat_chat_server_SOURCES = $(chat_generated)
examples_chat_chat_server_CPPFLAGS = $(chat_cppflags)
examples_chat_chat_server_LDADD = $(belay_libs)
examples_chat_chat_client_SOURCES = \
	examples/chat/chat-client.c examples/chat/input.c examples/chat/input.h
nodist_examples_chat_chat_client_SOURCES = $(chat_generated)
examples_chat_chat_client_CPPFLAGS = $(chat_cppflags)
examples_chat_chat_client_LDADD = $(belay_libs)

BUILT_SOURCES += $(chat_generated)
CLEANFILES += $(chat_generated)
EXTRA_DIST += examples/chat/chat.proto

check_scripts += tests/examples/test_chat.sh
