/* SPDX-License-Identifier: MIT */
/* What raw-client can do: each takes the arguments behind its word, returns the exit status; 2 for usage. */
#ifndef LIMITS_RAW_WORDS_H
#define LIMITS_RAW_WORDS_H

int raw_cancel(int argc, char **argv);
int raw_chain(int argc, char **argv);
int raw_flood(int argc, char **argv);
int raw_watch(int argc, char **argv);
int raw_hold(int argc, char **argv);
int raw_busy(int argc, char **argv);
int raw_stats(int argc, char **argv);

#endif
