/* SPDX-License-Identifier: MIT */
/* TLS from certificates and keys that come as PEM in messages. */
#ifndef TESTS_CONFORMANCE_CREDENTIALS_H
#define TESTS_CONFORMANCE_CREDENTIALS_H

#include "conformance/names.h"

/* own: who this side is, or NULL. trusted: whom it believes; empty: nobody said. Returns the object, or NULL: said on
 * standard error. */
belay_tls *credentials_new(const tls_creds *own, const ProtobufCBinaryData *trusted);

#endif
