check_scripts += \
	tests/symbols/test_headers.sh \
	tests/symbols/test_headers_cxx.sh \
	tests/symbols/test_symbols.sh
EXTRA_DIST += tests/symbols/declared.awk
