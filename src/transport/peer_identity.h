/* SPDX-License-Identifier: MIT */
/*
 * Who a certificate is for, read out of it once. Const after creation.
 */
#ifndef BLY_TRANSPORT_PEER_IDENTITY_H
#define BLY_TRANSPORT_PEER_IDENTITY_H

#include <belay/tls.h>

struct x509_st;

/* NULL without memory, or when it cannot be read. The certificate stays the caller's. */
belay_peer_identity *bly_peer_identity_new(struct x509_st *certificate);

/* NULL: nothing. */
void bly_peer_identity_free(belay_peer_identity *identity);

#endif
