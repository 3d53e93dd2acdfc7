# Models for spin; .ci/run has them verified.
EXTRA_DIST += \
	tests/model/README \
	tests/model/call.pml \
	tests/model/mailbox.pml \
	tests/model/run.sh \
	tests/model/seat.pml
