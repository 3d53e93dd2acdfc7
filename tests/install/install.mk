EXTRA_DIST += tests/install/installcheck.sh tests/install/stranger.c tests/install/stranger.proto

installcheck-local:
	bindir='$(DESTDIR)$(bindir)' libdir='$(DESTDIR)$(libdir)' CC='$(CC)' SANITIZER_FLAGS='$(SANITIZER_FLAGS)' \
	PROTOC='$(PROTOC)' PROTOC_GEN_C='$(PROTOC_GEN_C)' PKG_CONFIG='$(PKG_CONFIG)' \
	PKG_CONFIG_PATH="$(DESTDIR)$(pkgconfigdir):$$PKG_CONFIG_PATH" \
	$(SHELL) $(srcdir)/tests/install/installcheck.sh
