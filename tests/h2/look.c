/* SPDX-License-Identifier: MIT */
/*
 * Looking at what a recorder wrote down, and waiting for more.
 */
#include <stdio.h>
#include <string.h>

#include "h2/recorder.h"

void
on_loop(h2_owner *recorder, void (*function)(void *argument), void *argument)
{
    bly_loop_call(recorder->loop, function, argument);
}

typedef struct look_arguments {
    h2_owner *recorder;
    bool (*condition)(void *argument);
    void *argument;
    bool holds;
} look_arguments;

static void
look_now(void *argument)
{
    look_arguments *look = argument;
    look->holds = look->condition(look->argument);
}

static bool
holds(void *argument)
{
    look_arguments *look = argument;
    on_loop(look->recorder, look_now, look);
    return look->holds;
}

void
until(h2_owner *recorder, bool (*condition)(void *argument), void *argument, const char *what)
{
    look_arguments look = {recorder, condition, argument, false};
    wait_until(holds, &look, what);
}

typedef struct look_question {
    h2_owner *recorder;
    h2_record *record;
    int index;
    char event;
    size_t size;
    const char *text;
} look_question;

static bool
has_record(void *argument)
{
    look_question *question = argument;
    if (question->recorder->count <= question->index)
        return false;
    question->record = question->recorder->records[question->index];
    return true;
}

h2_record *
record_at(h2_owner *recorder, int index)
{
    look_question question = {.recorder = recorder, .index = index};
    until(recorder, has_record, &question, "another stream");
    return question.record;
}

static bool
event_is_there(void *argument)
{
    look_question *question = argument;
    return strchr(question->record->events, question->event) != NULL;
}

bool
has_event(h2_record *stream, char event)
{
    look_question question = {.record = stream, .event = event};
    look_arguments look = {stream->owner, event_is_there, &question, false};
    return holds(&look);
}

void
until_event(h2_record *stream, char event)
{
    char what[] = "event _";
    what[6] = event;
    until(stream->owner, event_is_there, &(look_question){.record = stream, .event = event}, what);
}

static bool
body_is_there(void *argument)
{
    look_question *question = argument;
    return question->record->body_size >= question->size;
}

void
until_body(h2_record *stream, size_t size)
{
    until(stream->owner, body_is_there, &(look_question){.record = stream, .size = size}, "a body");
}

static void
measure_body(void *argument)
{
    look_question *question = argument;
    question->size = question->record->body_size;
}

size_t
body_of(h2_record *stream)
{
    look_question question = {.record = stream};
    on_loop(stream->owner, measure_body, &question);
    return question.size;
}

static bool
is_closed(void *argument)
{
    h2_owner *recorder = argument;
    return recorder->closed > 0;
}

void
until_closed(h2_owner *recorder)
{
    until(recorder, is_closed, recorder, "the connection is closed");
}

static bool
events_match(void *argument)
{
    look_question *question = argument;
    if (strcmp(question->record->events, question->text) == 0)
        return true;
    printf("events: \"%s\", not \"%s\"\n", question->record->events, question->text);
    return false;
}

bool
events_are(h2_record *stream, const char *events)
{
    look_question question = {.record = stream, .text = events};
    look_arguments look = {stream->owner, events_match, &question, false};
    return holds(&look);
}

static bool
fields_match(void *argument)
{
    look_question *question = argument;
    if (strcmp(question->record->fields, question->text) == 0)
        return true;
    printf("fields: \"%s\", not \"%s\"\n", question->record->fields, question->text);
    return false;
}

bool
fields_are(h2_record *stream, const char *fields)
{
    look_question question = {.record = stream, .text = fields};
    look_arguments look = {stream->owner, fields_match, &question, false};
    return holds(&look);
}
