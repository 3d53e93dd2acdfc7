/* SPDX-License-Identifier: MIT */
/* What the bench client can do; each returns the program's exit code. */
#ifndef BENCH_CLIENT_H
#define BENCH_CLIENT_H

#include <belay/channel.h>
#include <belay/runtime.h>

/* A channel, or the end of the program with a message. */
belay_channel *client_channel(belay_runtime *runtime, const char *target);

/*
 * cancel TARGET CALLS [N], chain A,B,C CALLS [N]: cancels calls, and asks the last server when their handlers
 * saw it.
 */
int client_cancel(belay_runtime *runtime, int argc, char **argv);
int client_chain(belay_runtime *runtime, int argc, char **argv);

/* unary TARGET THREADS CALLS [CHANNELS]: blocking calls from several threads. */
int client_unary(belay_runtime *runtime, int argc, char **argv);

#endif
