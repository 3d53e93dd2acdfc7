/* SPDX-License-Identifier: MIT */
#include "server/server.h"

#include <signal.h>

#include "support/fixture.h"

static belay_server_options *
make_options(void)
{
    belay_server_options *options = belay_server_options_new();
    CU_ASSERT_PTR_NOT_NULL_FATAL(options);
    return options;
}

static void
test_options_begin_with_the_documented_defaults(void)
{
    belay_server_options *options = make_options();
    CU_ASSERT_EQUAL(options->workers_maximum, 256);
    CU_ASSERT_EQUAL(options->stack_size, 512u << 10);
    CU_ASSERT_EQUAL(options->batch_scheduling, BELAY_BATCH_WHEN_COMPUTING);
    CU_ASSERT_EQUAL(options->limits.values[BELAY_LIMIT_QUEUE], 1000);
    CU_ASSERT_EQUAL(options->limits.values[BELAY_LIMIT_RECEIVE_SIZE], 4u << 20);
    CU_ASSERT_EQUAL(options->send_mark, 64u << 10);
    CU_ASSERT_EQUAL(options->limits.values[BELAY_LIMIT_HANDLERS], 100);
    CU_ASSERT_EQUAL(options->drain_grace_ns, BELAY_SECONDS(10));
    CU_ASSERT_EQUAL(options->drain_limit_ns, BELAY_SECONDS(10));
    CU_ASSERT_EQUAL(options->watchdog_ns, BELAY_SECONDS(1));
    CU_ASSERT_EQUAL(options->watchdog_signal, 0);
    belay_server_options_free(options);
    belay_server_options_free(NULL);
}

static void
test_a_server_has_at_least_four_workers_by_default(void)
{
    belay_server *server = belay_server_new(NULL, NULL);
    CU_ASSERT_PTR_NOT_NULL_FATAL(server);
    CU_ASSERT_TRUE(server->options.workers_minimum >= 4);
    CU_ASSERT_TRUE(server->options.workers_maximum >= server->options.workers_minimum);
    belay_server_free(server);
}

static void
test_bounds_of_the_pool_that_make_no_sense_are_refused(void)
{
    belay_server_options *options = make_options();
    CU_ASSERT_EQUAL(belay_server_options_set_workers(options, 3, 7), BELAY_OK);
    CU_ASSERT_EQUAL(belay_server_options_set_workers(options, 0, 7), BELAY_INVALID_ARGUMENT);
    CU_ASSERT_EQUAL(belay_server_options_set_workers(options, 8, 7), BELAY_INVALID_ARGUMENT);
    CU_ASSERT_EQUAL(belay_server_options_set_workers(NULL, 1, 1), BELAY_INVALID_ARGUMENT);
    CU_ASSERT_EQUAL(options->workers_minimum, 3);
    CU_ASSERT_EQUAL(options->workers_maximum, 7);
    CU_ASSERT_EQUAL(belay_server_options_set_workers(options, 5, 5), BELAY_OK);
    belay_server_options_free(options);
}

static void
test_stacks_that_are_too_small_are_refused(void)
{
    belay_server_options *options = make_options();
    CU_ASSERT_EQUAL(belay_server_options_set_stack_size(options, 64u << 10), BELAY_OK);
    CU_ASSERT_EQUAL(belay_server_options_set_stack_size(options, (64u << 10) - 1), BELAY_INVALID_ARGUMENT);
    CU_ASSERT_EQUAL(options->stack_size, 64u << 10);
    CU_ASSERT_EQUAL(belay_server_options_set_stack_size(NULL, 1u << 20), BELAY_INVALID_ARGUMENT);
    belay_server_options_free(options);
}

static void
test_a_connection_may_always_run_one_handler(void)
{
    belay_server_options *options = make_options();
    belay_server_options_set_connection_handlers(options, 0);
    CU_ASSERT_EQUAL(options->limits.values[BELAY_LIMIT_HANDLERS], 1);
    belay_server_options_free(options);
}

static void
test_signals_that_others_need_are_refused(void)
{
    static const int refused[] = {-1, 1000, SIGKILL, SIGSTOP, SIGSEGV, SIGTERM, SIGINT};
    belay_server_options *options = make_options();
    CU_ASSERT_EQUAL(belay_server_options_set_watchdog_stacks(options, SIGUSR2), BELAY_OK);
    for (size_t i = 0; i < sizeof refused / sizeof refused[0]; i++)
        CU_ASSERT_EQUAL(belay_server_options_set_watchdog_stacks(options, refused[i]), BELAY_INVALID_ARGUMENT);
    CU_ASSERT_EQUAL(belay_server_options_set_watchdog_stacks(NULL, SIGUSR2), BELAY_INVALID_ARGUMENT);
    CU_ASSERT_EQUAL(options->watchdog_signal, SIGUSR2);
    CU_ASSERT_EQUAL(belay_server_options_set_watchdog_stacks(options, 0), BELAY_OK);
    CU_ASSERT_EQUAL(options->watchdog_signal, 0);
    belay_server_options_free(options);
}

static void
test_options_are_copied_and_serve_many_servers(void)
{
    belay_server_options *options = make_options();
    CU_ASSERT_EQUAL(belay_server_options_set_workers(options, 2, 3), BELAY_OK);
    belay_server *first = belay_server_new(NULL, options);
    belay_server_options_set_queue(options, 7);
    belay_server *second = belay_server_new(NULL, options);
    belay_server_options_free(options);
    CU_ASSERT_PTR_NOT_NULL_FATAL(first);
    CU_ASSERT_PTR_NOT_NULL_FATAL(second);
    CU_ASSERT_EQUAL(first->options.limits.values[BELAY_LIMIT_QUEUE], 1000);
    CU_ASSERT_EQUAL(second->options.limits.values[BELAY_LIMIT_QUEUE], 7);
    CU_ASSERT_EQUAL(second->options.workers_minimum, 2);
    belay_server_free(first);
    belay_server_free(second);
}

#define TEST(name) {#name, test_##name}

int
main(int argc, char **argv)
{
    const CU_TestInfo tests[] = {
        TEST(options_begin_with_the_documented_defaults),
        TEST(a_server_has_at_least_four_workers_by_default),
        TEST(bounds_of_the_pool_that_make_no_sense_are_refused),
        TEST(stacks_that_are_too_small_are_refused),
        TEST(a_connection_may_always_run_one_handler),
        TEST(signals_that_others_need_are_refused),
        TEST(options_are_copied_and_serve_many_servers),
        CU_TEST_INFO_NULL,
    };
    return suite_run("options", tests, argc, argv);
}
