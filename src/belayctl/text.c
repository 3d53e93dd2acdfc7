/* SPDX-License-Identifier: MIT */
#include "belayctl/text.h"

#include <inttypes.h>
#include <stdbool.h>

typedef struct unit {
    uint64_t ms; /* of the larger part */
    uint64_t below;
    const char *format;
} unit;

const char *
text_time(uint64_t ms, char to[TEXT_TIME_SIZE])
{
    static const unit units[] = {
        {86400000, 3600000, "%" PRIu64 "d%02" PRIu64 "h"},
        {3600000, 60000, "%" PRIu64 "h%02" PRIu64 "m"},
        {60000, 1000, "%" PRIu64 "m%02" PRIu64 "s"},
        {1000, 100, "%" PRIu64 ".%" PRIu64 "s"},
    };
    for (size_t i = 0; i < sizeof units / sizeof units[0]; i++) {
        if (ms >= units[i].ms) {
            snprintf(to, TEXT_TIME_SIZE, units[i].format, ms / units[i].ms, ms % units[i].ms / units[i].below);
            return to;
        }
    }
    snprintf(to, TEXT_TIME_SIZE, "%" PRIu64 "ms", ms);
    return to;
}

/* Of the second set too, which begins with 0xC2 in UTF-8. */
static bool
is_control(const unsigned char *at)
{
    return at[0] < 0x20 || at[0] == 0x7f || (at[0] == 0xc2 && at[1] >= 0x80 && at[1] < 0xa0);
}

void
text_print(FILE *file, const char *string)
{
    for (const unsigned char *at = (const unsigned char *)string; *at != '\0'; at++) {
        if (!is_control(at)) {
            fputc(*at, file);
            continue;
        }
        fputc('?', file);
        if (*at == 0xc2)
            at++;
    }
}

void
text_print_peer(FILE *file, const call_row *row)
{
    bool served = row->target[0] == '\0';
    fputs(served ? "from " : "to ", file);
    text_print(file, served ? row->peer : row->target);
}

void
text_print_end(FILE *file, const call_row *row)
{
    char time[TEXT_TIME_SIZE];
    if (row->cancelled_ms < 0)
        return;
    text_print(file, row->cause);
    fprintf(file, " %s ago", text_time((uint64_t)row->cancelled_ms, time));
    if (row->reason[0] != '\0') {
        fputs(": ", file);
        text_print(file, row->reason);
    }
}
