/* SPDX-License-Identifier: MIT */
#include "base/stack.h"

#include <signal.h>
#include <stdlib.h>
#include <string.h>

#include "base/thread.h"
#include "support/suite.h"

#define SIGNAL SIGUSR2

/* A thread that stands somewhere. */
typedef struct subject {
    pthread_t thread;
    const bly_thread_identity *identity;
    void *place; /* a return address that is on its stack */
    bool open;
    bool computes;
    bool deaf;  /* blocks the signal at first */
    int leave;  /* atomic, relaxed */
    gate ready;
    gate hear; /* deaf: the signal may come */
    gate heard;
    gate go;
} subject;

static void
set_deaf(bool deaf)
{
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, SIGNAL);
    pthread_sigmask(deaf ? SIG_BLOCK : SIG_UNBLOCK, &set, NULL);
}

__attribute__((noinline)) static void
stand(subject *self)
{
    self->place = __builtin_return_address(0);
    gate_open(&self->ready);
    while (self->computes && !__atomic_load_n(&self->leave, __ATOMIC_RELAXED))
        continue;
    if (self->deaf) {
        gate_wait(&self->hear);
        set_deaf(false);
        gate_open(&self->heard);
    }
    gate_wait(&self->go);
}

static void
run(void *argument)
{
    subject *self = argument;
    self->identity = bly_thread_identity_own();
    if (self->open)
        bly_stack_open(SIGNAL);
    if (self->deaf)
        set_deaf(true);
    stand(self);
    __atomic_store_n(&self->leave, 2, __ATOMIC_RELAXED); /* no tail call above: the frame stays */
}

static void
begin(subject *self)
{
    gate_init(&self->ready, "the thread stands there");
    gate_init(&self->hear, "the signal may come");
    gate_init(&self->heard, "the signal has come");
    gate_init(&self->go, "the thread may go");
    CU_ASSERT_TRUE_FATAL(bly_thread_start(&self->thread, "subject", 0, run, self));
    gate_wait(&self->ready);
}

static void
end(subject *self)
{
    __atomic_store_n(&self->leave, 1, __ATOMIC_RELAXED);
    gate_open(&self->go);
    pthread_join(self->thread, NULL);
    gate_fini(&self->ready);
    gate_fini(&self->hear);
    gate_fini(&self->heard);
    gate_fini(&self->go);
}

static int
ask(const subject *who, void **frames)
{
    bly_stack_begin();
    bool asked = bly_stack_ask(who->identity);
    return bly_stack_end(asked, frames);
}

/* Asks until the thread has got a processor in time. */
static void
check_place(const subject *who)
{
    void *frames[BLY_STACK_FRAMES];
    int count = 0, at = 0;
    while ((count = ask(who, frames)) == 0)
        continue;
    while (at < count && frames[at] != who->place)
        at++;
    CU_ASSERT_TRUE(at < count);
}

static void
test_a_thread_that_waits_is_found_where_it_waits(void)
{
    subject waiting = {.open = true};
    CU_ASSERT_TRUE_FATAL(bly_stack_signal_take(SIGNAL));
    begin(&waiting);
    check_place(&waiting);
    check_place(&waiting);
    end(&waiting);
    bly_stack_signal_give_back(SIGNAL);
}

static void
test_a_thread_that_computes_is_found_where_it_computes(void)
{
#if !defined(__SANITIZE_THREAD__) /* which keeps signals until the thread calls something */
    subject computing = {.open = true, .computes = true};
    CU_ASSERT_TRUE_FATAL(bly_stack_signal_take(SIGNAL));
    begin(&computing);
    check_place(&computing);
    end(&computing);
    bly_stack_signal_give_back(SIGNAL);
#endif
}

static void
test_a_thread_that_is_not_open_is_left_alone(void)
{
    subject closed = {.open = false};
    void *frames[BLY_STACK_FRAMES];
    CU_ASSERT_TRUE_FATAL(bly_stack_signal_take(SIGNAL));
    begin(&closed);
    bly_stack_begin();
    CU_ASSERT_FALSE(bly_stack_ask(closed.identity));
    CU_ASSERT_EQUAL(bly_stack_end(false, frames), 0);
    end(&closed);
    bly_stack_signal_give_back(SIGNAL);
}

static void
test_an_answer_that_comes_too_late_is_nobodys(void)
{
    subject late = {.open = true, .deaf = true}, other = {.open = true};
    void *frames[BLY_STACK_FRAMES];
    CU_ASSERT_TRUE_FATAL(bly_stack_signal_take(SIGNAL));
    begin(&late);
    begin(&other);
    CU_ASSERT_EQUAL(ask(&late, frames), 0);
    gate_open(&late.hear);
    gate_wait(&late.heard);
    check_place(&other);
    check_place(&late);
    end(&other);
    end(&late);
    bly_stack_signal_give_back(SIGNAL);
}

static void
ignore(int signo)
{
    (void)signo;
}

static bool
is_installed(void (*handler)(int signo))
{
    struct sigaction now;
    CU_ASSERT_EQUAL(sigaction(SIGNAL, NULL, &now), 0);
    return (now.sa_flags & SA_SIGINFO) == 0 && now.sa_handler == handler;
}

static void
test_the_last_user_restores_what_was_there(void)
{
    struct sigaction own = {.sa_handler = ignore};
    CU_ASSERT_EQUAL(sigaction(SIGNAL, &own, NULL), 0);
    CU_ASSERT_TRUE(bly_stack_signal_take(SIGNAL));
    CU_ASSERT_TRUE(bly_stack_signal_take(SIGNAL));
    bly_stack_signal_give_back(SIGNAL);
    CU_ASSERT_FALSE(is_installed(ignore));
    bly_stack_signal_give_back(SIGNAL);
    CU_ASSERT_TRUE(is_installed(ignore));
    signal(SIGNAL, SIG_DFL);
}

static void
test_signals_that_cannot_be_used_are_not_taken(void)
{
    static const int others[] = {0, -1, 65, 1000, SIGKILL, SIGSTOP, SIGSEGV, SIGABRT, SIGTERM, SIGINT};
    for (size_t i = 0; i < sizeof others / sizeof others[0]; i++) {
        CU_ASSERT_FALSE(bly_stack_signal_is_usable(others[i]));
        CU_ASSERT_FALSE(bly_stack_signal_take(others[i]));
    }
}

static void
test_frames_are_told_in_one_line(void)
{
    void *frames[2] = {__builtin_return_address(0), __builtin_return_address(0)};
    char *text = bly_stack_describe(frames, 2);
    CU_ASSERT_PTR_NOT_NULL_FATAL(text);
    CU_ASSERT_PTR_NOT_NULL(strstr(text, "] < "));
    CU_ASSERT_PTR_NULL(strchr(text, '\n'));
    free(text);
}

#define TEST(name) {#name, test_##name}

int
main(int argc, char **argv)
{
    static const CU_TestInfo tests[] = {
        TEST(a_thread_that_waits_is_found_where_it_waits),
        TEST(a_thread_that_computes_is_found_where_it_computes),
        TEST(a_thread_that_is_not_open_is_left_alone),
        TEST(an_answer_that_comes_too_late_is_nobodys),
        TEST(the_last_user_restores_what_was_there),
        TEST(signals_that_cannot_be_used_are_not_taken),
        TEST(frames_are_told_in_one_line),
        CU_TEST_INFO_NULL,
    };
    if (!bly_stack_is_supported())
        return 77;
    return suite_run("base/stack", tests, argc, argv);
}
