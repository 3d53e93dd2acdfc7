# belay behind proxies and before them; each suite is skipped where its proxy, or Python's grpcio, is not installed.
check_scripts += \
	tests/proxies/test_haproxy.py \
	tests/proxies/test_nghttpx.py \
	tests/proxies/test_nginx.py
EXTRA_DIST += \
	tests/proxies/proxies.py \
	tests/proxies/through.py
