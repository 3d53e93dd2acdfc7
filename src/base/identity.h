/* SPDX-License-Identifier: MIT */
/*
 * Who a thread is to others: what they need to name it, to read its processor time and to ask for its stack.
 *
 * It lies in the thread's own storage: whoever looks at another's knows by other means that the thread lives.
 */
#ifndef BLY_BASE_IDENTITY_H
#define BLY_BASE_IDENTITY_H

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>
#include <time.h>

#define BLY_THREAD_NAME_SIZE 16

typedef struct bly_thread_identity {
    /* the thread itself, before it shows it to others; const afterwards */
    uintptr_t self; /* bly_thread_self(); 0: not filled in */
    pthread_t thread;
    clockid_t cpu_clock;
    bool has_cpu_clock;
    int stack_signal; /* by which others may ask for its stack (base/stack.h), or 0 */
    uint64_t kernel_id; /* as the system's tools number threads; 0: unknown */
    char name[BLY_THREAD_NAME_SIZE];
} bly_thread_identity;

/* The calling thread's. */
const bly_thread_identity *bly_thread_identity_own(void);

/* Notes by which signal others may ask for the calling thread's stack; 0: none. */
void bly_thread_identity_set_stack_signal(int signo);

/* The processor time that a thread has used, in nanoseconds. False where the system does not tell. Any thread,
 * any lock held, while the other lives. */
bool bly_thread_cpu_time(const bly_thread_identity *thread, uint64_t *ns);

#endif
