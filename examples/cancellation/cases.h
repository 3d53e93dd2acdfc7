/* SPDX-License-Identifier: MIT */
/* What cancellation-client tries, one file to an example. Each case is a call and how it is to end. */
#ifndef EXAMPLES_CANCELLATION_CASES_H
#define EXAMPLES_CANCELLATION_CASES_H

#include <belay/channel.h>
#include <belay/context.h>
#include <belay/status.h>

typedef struct example_case {
    const char *what;
    belay_code wanted;
    /* Makes the call with the context, and returns its code; status receives the details. */
    belay_code (*call)(belay_channel *channel, belay_context *context, belay_status **status);
} example_case;

/* Each ends with a case without a name. */
extern const example_case echo_cases[];
extern const example_case key_value_store_cases[];
extern const example_case hash_name_cases[];

/* What a cancelled call is cancelled with: it comes back in the call's status, and goes nowhere else. */
#define REASON "I have changed my mind"

/* Cancels a context a moment later, from another thread, as a user interface would. */
typedef struct later later;
later *cancel_later(belay_context *context);
void cancel_later_join(later *self);

#endif
