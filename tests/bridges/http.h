/* SPDX-License-Identifier: MIT */
/*
 * A web server for one visitor after the other: it answers a request for /whole/... with what follows, and
 * any other with a beginning that never goes on.
 */
#ifndef TESTS_BRIDGES_HTTP_H
#define TESTS_BRIDGES_HTTP_H

#include <pthread.h>

#include "support/suite.h"

typedef struct http {
    char url[64]; /* "http://127.0.0.1:PORT" */
    int listener;
    pthread_t thread;
    gate begun; /* an endless answer has begun */
    gate left;  /* its visitor has hung up */
} http;

void http_open(http *server);
void http_close(http *server); /* when no visitor is there */

#endif
