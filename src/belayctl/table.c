/* SPDX-License-Identifier: MIT */
#include "belayctl/table.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "belayctl/text.h"

/* Methods and peers are ASCII: their bytes are columns. What is not stands last in its line. */
typedef struct table_widths {
    int method;
    int peer;
} table_widths;

static int
wider(int width, size_t size)
{
    return size > (size_t)width ? (int)size : width;
}

static size_t
peer_width(const call_row *row)
{
    return row->target[0] == '\0' ? strlen("from ") + strlen(row->peer) : strlen("to ") + strlen(row->target);
}

static table_widths
measure(call_row *const *calls, size_t count)
{
    table_widths widths = {6, 4};
    for (size_t i = 0; i < count; i++) {
        const call_row *row = calls[i];
        widths.method = wider(widths.method, strlen(row->method));
        widths.peer = wider(widths.peer, peer_width(row));
    }
    return widths;
}

static void
pad(int width, size_t size)
{
    printf("%*s", size < (size_t)width ? width - (int)size : 0, "");
}

static void
print_call(const call_row *row, table_widths widths)
{
    char parent[24] = "-", age[TEXT_TIME_SIZE], left[TEXT_TIME_SIZE] = "-";
    if (row->parent != 0)
        snprintf(parent, sizeof parent, "%" PRIu64, row->parent);
    if (row->deadline_left_ms >= 0)
        text_time((uint64_t)row->deadline_left_ms, left);
    printf("%6" PRIu64 "  %6s  ", row->id, parent);
    text_print(stdout, row->state);
    pad(16, strlen(row->state));
    printf("  %7s  %7s  %4" PRIu32 "  ", text_time(row->age_ms, age), left, row->children);
    text_print(stdout, row->method);
    pad(widths.method, strlen(row->method));
    printf("  ");
    text_print_peer(stdout, row);
    pad(widths.peer, peer_width(row));
    printf("  ");
    if (row->cancelled_ms < 0)
        putchar('-');
    text_print_end(stdout, row);
}

void
table_print_calls(call_row *const *calls, size_t count, size_t rows, const char *end)
{
    if (rows == 0 || rows > count)
        rows = count;
    table_widths widths = measure(calls, rows);
    printf("%6s  %6s  %-16s  %7s  %7s  %4s  %-*s  %-*s  %s%s", "ID", "PARENT", "STATE", "AGE", "LEFT", "KIDS",
           widths.method, "METHOD", widths.peer, "PEER", "ENDED", end);
    for (size_t i = 0; i < rows; i++) {
        print_call(calls[i], widths);
        fputs(end, stdout);
    }
}

void
table_print_stats(const server_stats *stats)
{
    printf("handlers   %" PRIu64 " running, %" PRIu64 " started\n", stats->handlers_running, stats->handlers_started);
    printf("queue      %" PRIu64 " waiting, %" PRIu64 " cancelled before they ran\n", stats->calls_queued,
           stats->dropped_in_queue);
    printf("calls      %" PRIu64 " cancelled, %" PRIu64 " refused\n", stats->calls_cancelled, stats->calls_refused);
    printf("children   %" PRIu64 " open\n", stats->children_open);
    printf("workers    %" PRIu64 ", of them %" PRIu64 " blocked and %" PRIu64 " idle\n", stats->workers,
           stats->workers_blocked, stats->workers_idle);
    printf("clients    %" PRIu64 " connections%s\n", stats->connections, stats->draining ? "; draining" : "");
}
