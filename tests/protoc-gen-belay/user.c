/* SPDX-License-Identifier: MIT */
/* A program that uses what is generated from kinds.proto; test_protoc.sh compiles it, with mistakes when
 * asked for one. */
#include "kinds.belay.h"

#include <stddef.h>

belay_code use(belay_channel *channel, const Test__Kinds__Question *question);

#ifdef WRONG_HANDLER
static belay_code
ask(belay_call *call, const Test__Kinds__Answer *answer, Test__Kinds__Question *question)
{
    (void)call, (void)answer, (void)question;
    return BELAY_OK;
}
#else
static belay_code
ask(belay_call *call, const Test__Kinds__Question *question, Test__Kinds__Answer *answer)
{
    (void)call, (void)question, (void)answer;
    return BELAY_OK;
}
#endif

/* Servers go on serving what clients should no longer call. */
const test_kinds_oracle_handlers oracle = {.ask = ask};
const test_kinds_old_handlers old = {.ask = ask};
const test_kinds_mixed_handlers mixed = {.before = ask};

belay_code
use(belay_channel *channel, const Test__Kinds__Question *question)
{
    Test__Kinds__Answer *answer;
    belay_call *call;
    belay_code code;

#ifdef DROPPED_RESULT
    test_kinds_oracle_ask_start(channel, NULL, question, NULL, &call);
#endif
#ifdef DEPRECATED_SERVICE
    code = test_kinds_old_ask(channel, NULL, question, NULL, &answer, NULL);
#endif
#ifdef DEPRECATED_METHOD
    code = test_kinds_mixed_before(channel, NULL, question, NULL, &answer, NULL);
#endif
#ifdef WRONG_REPLY
    code = test_kinds_oracle_ask(channel, NULL, question, NULL, (Test__Kinds__Question **)&answer, NULL);
#endif
    code = test_kinds_mixed_now(channel, NULL, question, NULL, &answer, NULL);
    if (code != BELAY_OK)
        return code;
    code = test_kinds_oracle_gather_start(channel, NULL, NULL, &call);
    if (code == BELAY_OK)
        test_kinds_oracle_gather_finish(call, &answer, NULL);
    return code;
}
