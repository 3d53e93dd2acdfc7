/* SPDX-License-Identifier: MIT */
/*
 * Details of a status: the google.rpc.Status in the trailer grpc-status-details-bin. Pure.
 */
#ifndef BLY_WIRE_DETAILS_H
#define BLY_WIRE_DETAILS_H

#include <stdbool.h>

#include <belay/details.h>
#include <belay/metadata.h>

#include "base/arena.h"

#define BLY_DETAILS_KEY "grpc-status-details-bin"

/* What the details of a call may come to: in base64, with code, message and a few trailers, that is what peers
 * with the usual limit of 8 KiB for all their headers take. */
#define BLY_DETAILS_LIMIT 4096

/* Details that are being gathered. NULL is none yet. */
typedef struct bly_details bly_details;

/* Appends a detail; *details is made in the arena when it is NULL. `value` is kept, `type_url` copied.
 * BELAY_OK; BELAY_RESOURCE_EXHAUSTED without memory or beyond the limit: then nothing is changed. */
belay_code bly_details_add(bly_details **details, bly_arena *arena, const char *type_url, const void *value,
                           size_t value_size);

/* Adds the trailer to a list. message: or NULL; what is not UTF-8 in it is replaced, and what is beyond the limit is
 * cut off. BELAY_OK or BELAY_RESOURCE_EXHAUSTED. */
belay_code bly_details_pack(const bly_details *details, belay_code code, const char *message,
                            belay_metadata *trailers);

/* True when there are details in trailers (NULL: none) whose code is not that one. What cannot be read says
 * nothing. */
bool bly_details_contradict(const belay_metadata *trailers, belay_code code);

#endif
