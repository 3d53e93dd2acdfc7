/* SPDX-License-Identifier: MIT */
/*
 * libcurl: a transfer that is given up when its call ends. The multi interface polls one descriptor more:
 * that of the call's end. (A progress callback that looks at belay_cancelled() does for the easy interface,
 * but curl calls it about once a second when nothing arrives.)
 */
#include <curl/curl.h>
#include <stdlib.h>
#include <string.h>

#include "bridges.h"

#define MOST_BYTES (256 * 1024)
#define LONGEST_POLL_MS 60000

/* ---- The bridge ------------------------------------------------------------------------------------- */

/* curl_easy_perform() that ends with the call. */
static belay_code
perform_until_cancelled(belay_call *call, CURLM *multi, CURL *easy, CURLcode *result)
{
    struct curl_waitfd end = {.events = CURL_WAIT_POLLIN};
    belay_code code = belay_cancel_fd(belay_call_context(call), &end.fd); /* closed when the call ends */
    if (code != BELAY_OK)
        return code;
    int running = 1;
    CURLMcode state = curl_multi_add_handle(multi, easy);
    belay_blocking_begin(call);
    while (state == CURLM_OK && running > 0 && !belay_cancelled(call)) {
        state = curl_multi_perform(multi, &running);
        if (state == CURLM_OK && running > 0)
            state = curl_multi_poll(multi, &end, 1, LONGEST_POLL_MS, NULL);
    }
    belay_blocking_end(call);
    int left;
    const CURLMsg *message = curl_multi_info_read(multi, &left);
    *result = message != NULL ? message->data.result : CURLE_FAILED_INIT;
    curl_multi_remove_handle(multi, easy); /* hangs up if it is not over */
    return message == NULL ? belay_context_code(belay_call_context(call)) : BELAY_OK;
}

/* ---- The handler ------------------------------------------------------------------------------------ */

typedef struct page {
    char *text;
    size_t size;
} page;

/* Returning less than it was given ends the transfer with an error. */
static size_t
take(char *data, size_t one, size_t size, void *argument)
{
    page *self = argument;
    if (one * size > MOST_BYTES - self->size)
        return 0;
    memcpy(self->text + self->size, data, one * size);
    self->size += one * size;
    return one * size;
}

static belay_code
fetch(belay_call *call, CURL *easy, const char *text, page *received)
{
    const bridge_settings *settings = belay_call_data(call);
    char *escaped = curl_easy_escape(easy, text, 0);
    const char *url = escaped != NULL ? belay_printf(call, "%s%s", settings->place, escaped) : NULL;
    curl_free(escaped);
    CURLM *multi = curl_multi_init();
    if (url == NULL || multi == NULL) {
        curl_multi_cleanup(multi);
        return BELAY_RESOURCE_EXHAUSTED;
    }
    CURLcode result = CURLE_OK;
    curl_easy_setopt(easy, CURLOPT_URL, url);
    curl_easy_setopt(easy, CURLOPT_FAILONERROR, 1L);
    curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L); /* signals and threads do not mix */
    curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, take);
    curl_easy_setopt(easy, CURLOPT_WRITEDATA, received);
    belay_code code = perform_until_cancelled(call, multi, easy, &result);
    curl_multi_cleanup(multi);
    if (code == BELAY_OK && result != CURLE_OK)
        code = belay_fail(call, BELAY_UNAVAILABLE, "%s", curl_easy_strerror(result));
    return code;
}

belay_code
ask_curl(belay_call *call, const Bridges__Question *question, Bridges__Answer *answer)
{
    page received = {.text = belay_alloc(call, MOST_BYTES + 1)};
    CURL *easy = received.text != NULL ? curl_easy_init() : NULL;
    if (easy == NULL)
        return BELAY_RESOURCE_EXHAUSTED;
    belay_code code = fetch(call, easy, question->text, &received);
    curl_easy_cleanup(easy);
    received.text[received.size] = '\0';
    answer->text = received.text;
    return code;
}
