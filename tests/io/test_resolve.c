/* SPDX-License-Identifier: MIT */
#include "io/resolve.h"

#include <stdlib.h>
#include <string.h>

#include "support/suite.h"

typedef struct question {
    bly_loop *loop;
    const char *host;
    bool cancel_at_once;
    /* I/O thread only */
    bool inside_start;
    bool answered_inside_start;
    bool had_addresses;
    bool had_error;
    int answers;
    gate answered;
} question;

static void
note_answer(void *argument, const struct addrinfo *addresses, const char *error)
{
    question *self = argument;
    self->answers++;
    self->answered_inside_start = self->inside_start;
    self->had_addresses = addresses != NULL;
    self->had_error = error != NULL && error[0] != '\0';
    gate_open(&self->answered);
}

static void
ask(void *argument)
{
    question *self = argument;
    self->inside_start = true;
    bly_resolve *resolve = bly_resolve_start(self->loop, self->host, "50051", note_answer, self);
    self->inside_start = false;
    if (resolve == NULL)
        abort();
    if (self->cancel_at_once)
        bly_resolve_cancel(resolve);
}

static void
begin(question *self, const char *host, bool cancel_at_once)
{
    *self = (question){.host = host, .cancel_at_once = cancel_at_once};
    gate_init(&self->answered, "an answer from the resolver");
    self->loop = bly_loop_new("test-resolve", &bly_clock_monotonic);
    CU_ASSERT_PTR_NOT_NULL_FATAL(self->loop);
    bly_loop_call(self->loop, ask, self);
}

static void
end(question *self)
{
    bly_loop_free(self->loop);
    gate_fini(&self->answered);
}

static void
test_numeric_host_is_resolved_later(void)
{
    question one;
    begin(&one, "127.0.0.1", false);
    gate_wait(&one.answered);
    end(&one);
    CU_ASSERT_TRUE(one.had_addresses);
    CU_ASSERT_FALSE(one.had_error);
    CU_ASSERT_FALSE(one.answered_inside_start);
}

static void
expect_error(const char *host)
{
    question one;
    begin(&one, host, false);
    gate_wait(&one.answered);
    end(&one);
    CU_ASSERT_FALSE(one.had_addresses);
    CU_ASSERT_TRUE(one.had_error);
    CU_ASSERT_FALSE(one.answered_inside_start);
    CU_ASSERT_EQUAL(one.answers, 1);
}

/* No resolver needs to be asked to see that this is no host. */
static void
test_bad_name_gives_an_error_later(void)
{
    expect_error("not a host");
}

static void
test_name_that_is_refused_at_once_gives_its_error_later(void)
{
    char name[2000];
    memset(name, 'x', sizeof name - 1);
    name[sizeof name - 1] = '\0';
    expect_error(name);
}

/* The loop's end waits for the late answer; it must not reach the function. */
static void
expect_silence(const char *host)
{
    question one;
    begin(&one, host, true);
    end(&one);
    CU_ASSERT_EQUAL(one.answers, 0);
}

static void
test_cancelled_resolution_is_forgotten(void)
{
    char name[2000];
    memset(name, 'x', sizeof name - 1);
    name[sizeof name - 1] = '\0';
    for (int i = 0; i < 20; i++)
        expect_silence("127.0.0.1");
    expect_silence(name);
}

int
main(int argc, char **argv)
{
    const CU_TestInfo tests[] = {
        {"numeric_host_is_resolved_later", test_numeric_host_is_resolved_later},
        {"bad_name_gives_an_error_later", test_bad_name_gives_an_error_later},
        {"name_that_is_refused_at_once_gives_its_error_later",
         test_name_that_is_refused_at_once_gives_its_error_later},
        {"cancelled_resolution_is_forgotten", test_cancelled_resolution_is_forgotten},
        CU_TEST_INFO_NULL,
    };
    return suite_run("io/resolve", tests, argc, argv);
}
