/* SPDX-License-Identifier: MIT */
/*
 * Handlers that wait in libraries which know nothing of belay, and return at once when their call ends. Each
 * is in a file of its own, to be copied from.
 *
 * Which bridge fits a library is a matter of what it offers:
 *   - a function that may be called from another thread and stops it: belay_on_cancel(), see sqlite.c;
 *   - a descriptor to wait for: belay_wait_fd(), see postgres.c;
 *   - a poll loop that takes one descriptor more: belay_cancel_fd(), see curl.c and poll.c;
 *   - a function of yours that it calls now and then: belay_cancelled(), see sqlite.c;
 *   - nothing but your own loop: belay_cancelled(), see openmp.c;
 *   - nothing at all: run it as a process, see process.c.
 */
#ifndef BRIDGES_BRIDGES_H
#define BRIDGES_BRIDGES_H

#include "bridges.belay.h"

/* What a handler finds in belay_call_data(). */
typedef struct bridge_settings {
    const char *place; /* a database, the beginning of a URL, a program, a device */
    const char *query; /* SQL with one parameter: the question's text */
} bridge_settings;

typedef belay_code (*bridge_handler)(belay_call *call, const Bridges__Question *question,
                                     Bridges__Answer *answer);

/* Answers with the first column of the first row of settings->query in the SQLite file settings->place. */
belay_code ask_sqlite(belay_call *call, const Bridges__Question *question, Bridges__Answer *answer);

/* The same in another way. */
belay_code ask_sqlite_watched(belay_call *call, const Bridges__Question *question, Bridges__Answer *answer);

/* The same of a PostgreSQL server; settings->place is what PQconnectdb() takes. */
belay_code ask_postgres(belay_call *call, const Bridges__Question *question, Bridges__Answer *answer);

/* Answers with what is found at the URL that begins with settings->place and ends with the text. */
belay_code ask_curl(belay_call *call, const Bridges__Question *question, Bridges__Answer *answer);

/* Answers with what the program settings->place prints when it is run with the text. */
belay_code ask_process(belay_call *call, const Bridges__Question *question, Bridges__Answer *answer);

/* Answers with the number of primes below the text's number. */
belay_code ask_openmp(belay_call *call, const Bridges__Question *question, Bridges__Answer *answer);

/* Answers with what comes next from the device (a FIFO, a serial line) settings->place. */
belay_code ask_device(belay_call *call, const Bridges__Question *question, Bridges__Answer *answer);

#endif
