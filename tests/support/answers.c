/* SPDX-License-Identifier: MIT */
#include "support/answers.h"

belay_code
answer_next(belay_call *call, const Belay__Test__Note *request, Belay__Test__Note *reply)
{
    (void)call;
    reply->number = request->number + 1;
    return BELAY_OK;
}

belay_code
answer_count(belay_call *call, Belay__Test__Note *reply)
{
    Belay__Test__Note *note;
    belay_code code;
    while ((code = belay_test_probe_upload_recv_request(call, &note)) == BELAY_OK)
        reply->number++;
    return code == BELAY_END_OF_STREAM ? BELAY_OK : code;
}

belay_code
answer_thrice(belay_call *call, const Belay__Test__Note *request)
{
    belay_code code = BELAY_OK;
    for (int i = 0; i < 3 && code == BELAY_OK; i++)
        code = belay_test_probe_download_send_reply(call, request);
    return code;
}

belay_code
answer_echo(belay_call *call)
{
    Belay__Test__Note *note;
    belay_code code;
    while ((code = belay_test_probe_chat_recv_request(call, &note)) == BELAY_OK) {
        if ((code = belay_test_probe_chat_send_reply(call, note)) != BELAY_OK)
            return code;
    }
    return code == BELAY_END_OF_STREAM ? BELAY_OK : code;
}
