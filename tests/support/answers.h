/* SPDX-License-Identifier: MIT */
/*
 * Handlers of Probe for suites to which it is all the same what is answered.
 */
#ifndef TESTS_SUPPORT_ANSWERS_H
#define TESTS_SUPPORT_ANSWERS_H

#include "probe.belay.h"

/* Unary: the request's number and one. */
belay_code answer_next(belay_call *call, const Belay__Test__Note *request, Belay__Test__Note *reply);

/* Upload: the number of notes that came. */
belay_code answer_count(belay_call *call, Belay__Test__Note *reply);

/* Download: the request, three times. */
belay_code answer_thrice(belay_call *call, const Belay__Test__Note *request);

/* Chat: each note, as it comes. */
belay_code answer_echo(belay_call *call);

#endif
