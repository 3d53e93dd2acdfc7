check_scripts += tests/layering/test_layering.sh
EXTRA_DIST += tests/layering/layering.awk
