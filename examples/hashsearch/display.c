/* SPDX-License-Identifier: MIT */
#include "display.h"

#include <inttypes.h>
#include <stdio.h>
#include <unistd.h>

#include <belay/time.h>

/* ---- Progress ------------------------------------------------------------------------------------ */

void
display_begin(display *self, size_t back_count)
{
    *self = (display){.terminal = isatty(STDOUT_FILENO) == 1};
    self->back_count = back_count < DISPLAY_BACKS_MAX ? back_count : DISPLAY_BACKS_MAX;
    self->started_ns = self->shown_ns = belay_now();
    printf("\n%10s", "time");
    for (size_t i = 0; i < self->back_count; i++)
        printf("     back %zu", i + 1);
    printf("        rate\n");
    fflush(stdout);
}

static void
show_row(const display *self, uint64_t now)
{
    double seconds = (double)(now - self->started_ns) / 1e9;
    double sum = 0;
    printf("%s%8.1f s", self->terminal ? "\r" : "", seconds);
    for (size_t i = 0; i < self->back_count; i++) {
        printf("%9.2f M", (double)self->hashes[i] / 1e6);
        sum += (double)self->hashes[i] / 1e6;
    }
    printf("%8.2f M/s%s", seconds > 0 ? sum / seconds : 0, self->terminal ? "" : "\n");
    fflush(stdout);
}

void
display_progress(display *self, const Hashsearch__Progress *progress)
{
    if (progress->report == NULL || progress->back >= self->back_count)
        return;
    self->hashes[progress->back] = progress->report->hashes;
    uint64_t now = belay_now();
    if (now - self->shown_ns < (self->terminal ? BELAY_MILLISECONDS(100) : BELAY_MILLISECONDS(500)))
        return;
    self->shown_ns = now;
    show_row(self, now);
}

void
display_end(display *self)
{
    show_row(self, belay_now());
    printf("%s\n", self->terminal ? "\n" : "");
    fflush(stdout);
}

/* ---- The timeline -------------------------------------------------------------------------------- */

/* A time that the event did not cause (the server was not searching, or had ended by itself) is a dash. */
static void
show_time(uint64_t time_ns, uint64_t zero_ns)
{
    if (time_ns >= zero_ns)
        printf("%12" PRIu64, (time_ns - zero_ns) / 1000);
    else
        printf("%12s", "-");
}

static void
show_server(const char *name, const Hashsearch__Sighting *seen, uint64_t zero_ns)
{
    printf("  %-10s", name);
    show_time(seen->noticed_ns, zero_ns);
}

static const char *
cause_of(const Hashsearch__Sighting *seen, uint64_t zero_ns)
{
    return seen->noticed_ns >= zero_ns ? seen->cause : "ended by itself";
}

void
display_timeline(const char *who, const char *event, uint64_t zero_ns, const Hashsearch__Sightings *seen,
                 const watch *clocks)
{
    printf("  microseconds    saw it    CPU idle\n");
    printf("  %-10s%12d%12s   %s\n", who, 0, "", event);
    if (seen->front->noticed_ns >= zero_ns) {
        show_server("front", seen->front, zero_ns);
        printf("%12s   %s\n", "", cause_of(seen->front, zero_ns));
    }
    for (size_t i = 0; i < seen->n_backs; i++) {
        char name[32];
        snprintf(name, sizeof name, "back %zu", i + 1);
        show_server(name, seen->backs[i], zero_ns);
        show_time(i < clocks->count ? clocks->idle_ns[i] : 0, zero_ns);
        printf("   %s\n", cause_of(seen->backs[i], zero_ns));
    }
    printf("\n");
    fflush(stdout);
}
