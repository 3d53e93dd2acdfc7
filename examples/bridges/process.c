/* SPDX-License-Identifier: MIT */
/*
 * A program that is stopped when its call ends, with all that it has started: for what has no other way to be
 * stopped, or may crash.
 */
#include "bridges.h"

belay_code
ask_process(belay_call *call, const Bridges__Question *question, Bridges__Answer *answer)
{
    const bridge_settings *settings = belay_call_data(call);
    const char *const argv[] = {settings->place, question->text, NULL}; /* no shell: the text is only text */
    belay_process_result *result;
    belay_code code = belay_process_run(belay_call_context(call), argv, NULL, &result);
    if (code != BELAY_OK)
        return code;
    if (result->exit_status != 0)
        return belay_fail(call, BELAY_ABORTED, "%s ended with %d: %s", argv[0], result->exit_status,
                          result->error);
    answer->text = (char *)result->output; /* the call's */
    return BELAY_OK;
}
