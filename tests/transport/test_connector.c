/* SPDX-License-Identifier: MIT */
#include "transport/connector.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/assert.h"
#include "base/clock.h"
#include "io/timer.h"
#include "support/fake_clock.h"
#include "support/suite.h"
#include "transport/socket.h"

#define PATIENT UINT64_C(20000000000)

/* ---- one attempt to connect ---- */

typedef struct client {
    bly_loop *loop;
    bly_address address;
    uint64_t timeout;
    bool cancel_at_once;
    /* I/O thread only */
    bly_connector *connector;
    bool inside_start;
    bool told_inside_start;
    int told; /* how often the function was called */
    bly_stream *stream;
    char peer[128];
    char error[512];
    bly_loop_deferred after_begin; /* deferred after what start deferred, so it runs after that */
    gate begun;
    gate done;
} client;

static void
note_result(void *argument, bly_stream *stream, const char *error)
{
    client *self = argument;
    self->told++;
    self->told_inside_start = self->inside_start;
    self->stream = stream;
    if (stream != NULL)
        snprintf(self->peer, sizeof self->peer, "%s", bly_stream_peer(stream));
    if (error != NULL)
        snprintf(self->error, sizeof self->error, "%s", error);
    gate_open(&self->done);
}

static void
tell_begun(bly_loop_deferred *deferred)
{
    gate_open(&BLY_CONTAINER_OF(deferred, client, after_begin)->begun);
}

static void
cancel(void *argument)
{
    client *self = argument;
    bly_connector_free(self->connector);
    self->connector = NULL;
}

static void
start(void *argument)
{
    client *self = argument;
    self->inside_start = true;
    self->connector = bly_connector_start(self->loop, &self->address, self->timeout, note_result, self);
    self->inside_start = false;
    if (self->connector == NULL)
        abort();
    if (self->cancel_at_once)
        cancel(self);
    bly_loop_defer(self->loop, &self->after_begin);
}

static void
free_stream(void *argument)
{
    client *self = argument;
    bly_stream_free(self->stream);
    bly_connector_free(self->connector);
}

static void
begin(client *self, const char *text, const bly_clock *clock)
{
    bool cancel_at_once = self->cancel_at_once;
    memset(self, 0, sizeof *self);
    self->cancel_at_once = cancel_at_once;
    self->timeout = PATIENT;
    self->after_begin.run = tell_begun;
    gate_init(&self->begun, "the first attempt");
    gate_init(&self->done, "the end of connecting");
    CU_ASSERT_TRUE_FATAL(bly_address_parse(text, &self->address));
    self->loop = bly_loop_new("test-connector", clock);
    CU_ASSERT_PTR_NOT_NULL_FATAL(self->loop);
    bly_loop_call(self->loop, start, self);
}

static void
end(client *self)
{
    bly_loop_call(self->loop, free_stream, self);
    bly_loop_free(self->loop);
    gate_fini(&self->begun);
    gate_fini(&self->done);
    CU_ASSERT_FALSE(self->told_inside_start);
}

/* ---- whom to connect to ---- */

typedef struct target {
    int descriptor;
    char text[BLY_ADDRESS_TEXT_SIZE];
    unsigned int port;
} target;

static void
open_bound(target *self, int backlog)
{
    bly_address address = {.host = "127.0.0.1", .port = "0"};
    bly_socket_address name;
    bly_address_literal(&address, &name);
    self->descriptor = bly_socket_open(AF_INET);
    CU_ASSERT_TRUE_FATAL(self->descriptor >= 0);
    CU_ASSERT_EQUAL_FATAL(bind(self->descriptor, (struct sockaddr *)&name.storage, name.length), 0);
    if (backlog >= 0)
        CU_ASSERT_EQUAL_FATAL(listen(self->descriptor, backlog), 0);
    getsockname(self->descriptor, (struct sockaddr *)&name.storage, &name.length);
    bly_address_format((struct sockaddr *)&name.storage, name.length, self->text, sizeof self->text);
    self->port = (unsigned int)atoi(strchr(self->text, ':') + 1);
}

/* A port that is taken but not listened on refuses, and nobody else can get it meanwhile. */
static void
open_refusing(target *self)
{
    open_bound(self, -1);
}

static void
open_listening(target *self)
{
    open_bound(self, 8);
}

/* A listener whose queue is full lets further attempts wait without an answer. */
typedef struct silent_target {
    target target;
    int fillers[8];
} silent_target;

static void
open_silent(silent_target *self)
{
    bly_address address;
    bly_socket_address name;
    open_bound(&self->target, 0);
    bly_address_parse(self->target.text, &address);
    bly_address_literal(&address, &name);
    for (int i = 0; i < 8; i++) {
        self->fillers[i] = bly_socket_open(AF_INET);
        connect(self->fillers[i], (struct sockaddr *)&name.storage, name.length);
    }
}

static void
close_silent(silent_target *self)
{
    for (int i = 0; i < 8; i++)
        close(self->fillers[i]);
    close(self->target.descriptor);
}

/* ---- tests ---- */

static void
test_connects_to_a_numeric_address(void)
{
    target there;
    client caller = {0};
    open_listening(&there);
    begin(&caller, there.text, &bly_clock_monotonic);
    gate_wait(&caller.done);
    end(&caller);
    CU_ASSERT_PTR_NOT_NULL(caller.stream);
    CU_ASSERT_STRING_EQUAL(caller.peer, there.text);
    CU_ASSERT_STRING_EQUAL(caller.error, "");
    CU_ASSERT_EQUAL(caller.told, 1);
    close(there.descriptor);
}

/* localhost may mean ::1 first, where nobody listens: the next address is tried. */
static void
test_connects_to_a_name(void)
{
    target there;
    client caller = {0};
    char text[64];
    open_listening(&there);
    snprintf(text, sizeof text, "localhost:%u", there.port);
    begin(&caller, text, &bly_clock_monotonic);
    gate_wait(&caller.done);
    end(&caller);
    CU_ASSERT_PTR_NOT_NULL(caller.stream);
    CU_ASSERT_STRING_EQUAL(caller.peer, there.text);
    close(there.descriptor);
}

static void
test_refusal_names_the_target_and_the_reason(void)
{
    target there;
    client caller = {0};
    char expected[512];
    open_refusing(&there);
    begin(&caller, there.text, &bly_clock_monotonic);
    gate_wait(&caller.done);
    end(&caller);
    snprintf(expected, sizeof expected, "connect to %s: %s", there.text, strerror(ECONNREFUSED));
    CU_ASSERT_PTR_NULL(caller.stream);
    CU_ASSERT_STRING_EQUAL(caller.error, expected);
    close(there.descriptor);
}

static void
test_name_that_cannot_be_resolved_is_an_error(void)
{
    client caller = {0};
    char text[300];
    memset(text, 'x', sizeof text); /* a label this long is in no name service */
    memcpy(text + 200, ":1", 3);
    begin(&caller, text, &bly_clock_monotonic);
    gate_wait(&caller.done);
    end(&caller);
    CU_ASSERT_PTR_NULL(caller.stream);
    CU_ASSERT_EQUAL(strncmp(caller.error, "connect to xxx", 14), 0);
}

static void
test_connects_to_a_unix_socket(void)
{
    char directory[] = "/tmp/belay-test-XXXXXX";
    char text[64];
    bly_address address;
    bly_socket_address name;
    client caller = {0};
    CU_ASSERT_PTR_NOT_NULL_FATAL(mkdtemp(directory));
    snprintf(text, sizeof text, "unix:%s/s", directory);
    CU_ASSERT_TRUE(bly_address_parse(text, &address));
    CU_ASSERT_TRUE(bly_address_literal(&address, &name));
    int listener = bly_socket_open(AF_UNIX);
    CU_ASSERT_EQUAL(bind(listener, (struct sockaddr *)&name.storage, name.length), 0);
    CU_ASSERT_EQUAL(listen(listener, 1), 0);
    begin(&caller, text, &bly_clock_monotonic);
    gate_wait(&caller.done);
    end(&caller);
    CU_ASSERT_PTR_NOT_NULL(caller.stream);
    CU_ASSERT_STRING_EQUAL(caller.peer, text);
    close(listener);
    unlink(address.host);
    begin(&caller, text, &bly_clock_monotonic);
    gate_wait(&caller.done);
    end(&caller);
    CU_ASSERT_PTR_NULL(caller.stream);
    CU_ASSERT_PTR_NOT_NULL(strstr(caller.error, strerror(ENOENT)));
    rmdir(directory);
}

static void
test_cancelled_connector_says_nothing(void)
{
    target there;
    client caller = {.cancel_at_once = true};
    char text[64];
    open_listening(&there);
    begin(&caller, there.text, &bly_clock_monotonic);
    end(&caller);
    CU_ASSERT_EQUAL(caller.told, 0);
    snprintf(text, sizeof text, "localhost:%u", there.port);
    begin(&caller, text, &bly_clock_monotonic);
    end(&caller);
    CU_ASSERT_EQUAL(caller.told, 0);
    close(there.descriptor);
}

static void
test_attempt_under_way_can_be_cancelled(void)
{
    silent_target silent;
    client caller = {0};
    open_silent(&silent);
    begin(&caller, silent.target.text, &bly_clock_monotonic);
    gate_wait(&caller.begun);
    bly_loop_call(caller.loop, cancel, &caller);
    end(&caller);
    CU_ASSERT_EQUAL(caller.told, 0);
    close_silent(&silent);
}

static void
test_attempt_without_an_answer_times_out(void)
{
    silent_target silent;
    client caller = {0};
    fake_clock_set(1000);
    open_silent(&silent);
    begin(&caller, silent.target.text, &fake_clock);
    gate_wait(&caller.begun);
    fake_clock_set(1000 + PATIENT);
    bly_timer_check(caller.loop);
    gate_wait(&caller.done);
    end(&caller);
    CU_ASSERT_PTR_NULL(caller.stream);
    CU_ASSERT_PTR_NOT_NULL(strstr(caller.error, silent.target.text));
    CU_ASSERT_PTR_NOT_NULL(strstr(caller.error, strerror(ETIMEDOUT)));
    close_silent(&silent);
}

int
main(int argc, char **argv)
{
    const CU_TestInfo tests[] = {
        {"connects_to_a_numeric_address", test_connects_to_a_numeric_address},
        {"connects_to_a_name", test_connects_to_a_name},
        {"refusal_names_the_target_and_the_reason", test_refusal_names_the_target_and_the_reason},
        {"name_that_cannot_be_resolved_is_an_error", test_name_that_cannot_be_resolved_is_an_error},
        {"connects_to_a_unix_socket", test_connects_to_a_unix_socket},
        {"cancelled_connector_says_nothing", test_cancelled_connector_says_nothing},
        {"attempt_under_way_can_be_cancelled", test_attempt_under_way_can_be_cancelled},
        {"attempt_without_an_answer_times_out", test_attempt_without_an_answer_times_out},
        CU_TEST_INFO_NULL,
    };
    return suite_run("transport/connector", tests, argc, argv);
}
