/* SPDX-License-Identifier: MIT */
/*
 * A live screen, with nothing but the escape sequences that every terminal knows.
 */
#include "belayctl/top.h"

#include <inttypes.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <termios.h>
#include <unistd.h>

#include "belayctl/arguments.h"
#include "belayctl/json.h"
#include "belayctl/table.h"

#define EACH_MS 1000
#define HEAD_LINES 4 /* above the calls, the columns' names included */

/* ---- One look --------------------------------------------------------------------------------------- */

/* Those that were cancelled and are still there first, then the oldest. */
static int
compare(const void *left, const void *right)
{
    const call_row *a = *(call_row *const *)left, *b = *(call_row *const *)right;
    if (a->cancelled_ms != b->cancelled_ms)
        return a->cancelled_ms > b->cancelled_ms ? -1 : 1;
    if (a->age_ms != b->age_ms)
        return a->age_ms > b->age_ms ? -1 : 1;
    return (a->id > b->id) - (a->id < b->id);
}

static void
print_screen(const admin_client *asker, const server_stats *stats, call_list *list, size_t rows, const char *end)
{
    if (list->n_calls > 0)
        qsort(list->calls, list->n_calls, sizeof *list->calls, compare);
    printf("%s: %zu calls%s%s", asker->server, list->n_calls, stats->draining ? ", draining" : "", end);
    printf("handlers %" PRIu64 " running, %" PRIu64 " started; queue %" PRIu64 "; workers %" PRIu64 ", %" PRIu64
           " blocked; cancelled %" PRIu64 "; connections %" PRIu64 "%s%s",
           stats->handlers_running, stats->handlers_started, stats->calls_queued, stats->workers,
           stats->workers_blocked, stats->calls_cancelled, stats->connections, end, end);
    table_print_calls(list->calls, list->n_calls, rows, end);
}

static void
print_json(const server_stats *stats, const call_list *list)
{
    fputs("{\"stats\": ", stdout);
    json_print_stats(stats);
    fputs(", \"calls\": ", stdout);
    json_print_calls(list);
    puts("}");
}

/* ---- The terminal ----------------------------------------------------------------------------------- */

static volatile sig_atomic_t asked_to_end;

static void
note_signal(int number)
{
    (void)number;
    asked_to_end = 1;
}

typedef struct terminal {
    bool is_used;
    struct termios before;
} terminal;

static void
take_screen(terminal *screen)
{
    struct sigaction action = {.sa_handler = note_signal};
    struct termios now;
    screen->is_used = isatty(STDIN_FILENO) && isatty(STDOUT_FILENO) && tcgetattr(STDIN_FILENO, &screen->before) == 0;
    if (!screen->is_used)
        return;
    sigaction(SIGINT, &action, NULL);
    sigaction(SIGTERM, &action, NULL);
    now = screen->before;
    now.c_lflag &= (tcflag_t)~(ICANON | ECHO);
    tcsetattr(STDIN_FILENO, TCSANOW, &now);
    fputs("\033[?1049h\033[?25l", stdout); /* the other screen, no cursor */
}

static void
give_back_screen(const terminal *screen)
{
    if (!screen->is_used)
        return;
    fputs("\033[?25h\033[?1049l", stdout);
    fflush(stdout);
    tcsetattr(STDIN_FILENO, TCSANOW, &screen->before);
}

/* How many calls fit; lines are cut at the right edge meanwhile. */
static size_t
rows_on_screen(void)
{
    struct winsize size;
    if (ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) != 0 || size.ws_row <= HEAD_LINES + 1)
        return 20;
    return size.ws_row - HEAD_LINES - 1u;
}

/* Until the next look; false when q was pressed or a signal came. */
static bool
wait_for_next(const terminal *screen)
{
    struct pollfd keys = {.fd = screen->is_used ? STDIN_FILENO : -1, .events = POLLIN};
    char key;
    int ready = poll(&keys, 1, EACH_MS);
    if (ready > 0 && (read(STDIN_FILENO, &key, 1) != 1 || key == 'q'))
        return false;
    return !asked_to_end;
}

/* ---- Again and again -------------------------------------------------------------------------------- */

static bool
look(const admin_client *asker, const terminal *screen, bool json)
{
    server_stats *stats = ask_stats(asker);
    call_list *list = stats != NULL ? ask_calls(asker) : NULL;
    if (list != NULL && json) {
        print_json(stats, list);
    } else if (list != NULL && screen->is_used) {
        fputs("\033[H\033[?7l", stdout);
        print_screen(asker, stats, list, rows_on_screen(), "\033[K\n");
        fputs("\033[?7h\033[J", stdout);
    } else if (list != NULL) {
        print_screen(asker, stats, list, 0, "\n");
    }
    fflush(stdout);
    bool seen = list != NULL;
    if (list != NULL)
        protobuf_c_message_free_unpacked(&list->base, NULL);
    if (stats != NULL)
        protobuf_c_message_free_unpacked(&stats->base, NULL);
    return seen;
}

int
top_show(const admin_client *asker, uint64_t count, bool json)
{
    terminal screen = {.is_used = false};
    bool seen = true, goes_on = true;
    if (count == 0 && !json)
        take_screen(&screen);
    for (uint64_t shown = 1; goes_on; shown++) {
        seen = look(asker, &screen, json);
        goes_on = seen && shown != count && wait_for_next(&screen);
    }
    give_back_screen(&screen);
    return seen ? EXIT_FINE : EXIT_SERVER;
}
