/* SPDX-License-Identifier: MIT */
#include "belayctl/json.h"

#include <inttypes.h>
#include <stdio.h>

/* The server sends UTF-8. */
static void
print_string(const char *string)
{
    putchar('"');
    for (const unsigned char *at = (const unsigned char *)string; *at != '\0'; at++) {
        if (*at == '"' || *at == '\\')
            printf("\\%c", *at);
        else if (*at < 0x20 || *at == 0x7f)
            printf("\\u%04x", *at);
        else
            putchar(*at);
    }
    putchar('"');
}

static void
print_text(const char *name, const char *value)
{
    printf(", \"%s\": ", name);
    print_string(value);
}

static void
print_time(const char *name, int64_t value)
{
    if (value < 0)
        printf(", \"%s\": null", name);
    else
        printf(", \"%s\": %" PRId64, name, value);
}

void
json_print_fields(const call_row *row)
{
    printf("\"id\": %" PRIu64 ", \"parent\": %" PRIu64, row->id, row->parent);
    print_text("method", row->method);
    print_text("peer", row->peer);
    print_text("state", row->state);
    printf(", \"age_ms\": %" PRIu64, row->age_ms);
    print_time("deadline_left_ms", row->deadline_left_ms);
    print_text("cause", row->cause);
    print_text("reason", row->reason);
    print_time("cancelled_ms", row->cancelled_ms);
    printf(", \"children\": %" PRIu32, row->children);
    print_text("target", row->target);
}

void
json_print_calls(const call_list *list)
{
    putchar('[');
    for (size_t i = 0; i < list->n_calls; i++) {
        fputs(i > 0 ? ", {" : "{", stdout);
        json_print_fields(list->calls[i]);
        putchar('}');
    }
    putchar(']');
}

void
json_print_stats(const server_stats *stats)
{
    printf("{\"handlers_started\": %" PRIu64 ", \"handlers_running\": %" PRIu64, stats->handlers_started,
           stats->handlers_running);
    printf(", \"calls_queued\": %" PRIu64 ", \"calls_cancelled\": %" PRIu64, stats->calls_queued,
           stats->calls_cancelled);
    printf(", \"dropped_in_queue\": %" PRIu64 ", \"calls_refused\": %" PRIu64, stats->dropped_in_queue,
           stats->calls_refused);
    printf(", \"children_open\": %" PRIu64 ", \"connections\": %" PRIu64, stats->children_open, stats->connections);
    printf(", \"workers\": %" PRIu64 ", \"workers_blocked\": %" PRIu64 ", \"workers_idle\": %" PRIu64, stats->workers,
           stats->workers_blocked, stats->workers_idle);
    printf(", \"draining\": %s}", stats->draining ? "true" : "false");
}
