/* SPDX-License-Identifier: MIT */
/* What the bench client can do; each returns the program's exit code. */
#ifndef BENCH_CLIENT_H
#define BENCH_CLIENT_H

#include <pthread.h>

#include <belay/channel.h>
#include <belay/runtime.h>

/* A channel, or the end of the program with a message. */
belay_channel *client_channel(belay_runtime *runtime, const char *target);

/* A thread, or the end of the program with a message. */
void client_thread(pthread_t *thread, void *(*function)(void *), void *argument);

/* What this process has used so far, all of its threads. */
double client_cpu_seconds(void);

/*
 * cancel TARGET CALLS [N], chain A,B,C CALLS [N]: cancels calls, and asks the last server when their handlers
 * saw it.
 */
int client_cancel(belay_runtime *runtime, int argc, char **argv);
int client_chain(belay_runtime *runtime, int argc, char **argv);

/* unary TARGET THREADS CALLS [CHANNELS]: blocking calls from several threads. */
int client_unary(belay_runtime *runtime, int argc, char **argv);

/* stream TARGET KIND STREAMS MESSAGES SIZE: messages on streams, in one direction or both. */
int client_stream(belay_runtime *runtime, int argc, char **argv);

#endif
