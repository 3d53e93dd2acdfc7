/* SPDX-License-Identifier: MIT */
#include "base/log.h"

#include <stdio.h>
#include <stdlib.h>

static void
clear_queue_locked(bly_log *log)
{
    log->first = NULL;
    log->last = &log->first;
    log->count = 0;
    log->dropped = 0;
}

void
bly_log_init(bly_log *log, belay_log_function function, void *argument, belay_log_level level,
             void (*wake)(void *argument), void *wake_argument)
{
    log->function = function;
    log->argument = argument;
    log->level = level;
    log->wake = wake;
    log->wake_argument = wake_argument;
    bly_mutex_init(&log->lock);
    clear_queue_locked(log);
}

void
bly_log_fini(bly_log *log)
{
    for (bly_log_line *line = log->first; line;) {
        bly_log_line *next = line->next;
        free(line);
        line = next;
    }
    bly_mutex_fini(&log->lock);
}

/* Lines may carry what a peer sent: it must not look like more lines, or move the cursor. */
static void
blank_controls(char *text)
{
    for (; *text; text++) {
        if ((unsigned char)*text < 0x20 || *text == 0x7f)
            *text = ' ';
    }
}

static bly_log_line *
line_new(belay_log_level level, const char *format, va_list arguments)
{
    va_list counting;
    va_copy(counting, arguments);
    int size = vsnprintf(NULL, 0, format, counting);
    va_end(counting);
    if (size < 0)
        return NULL;
    bly_log_line *line = malloc(sizeof *line + (size_t)size + 1);
    if (!line)
        return NULL;
    line->next = NULL;
    line->level = level;
    vsnprintf(line->text, (size_t)size + 1, format, arguments);
    blank_controls(line->text);
    return line;
}

/* Takes the line (NULL: there was no memory for it); true when there was nothing to drain before. */
static bool
queue(bly_log *log, bly_log_line *line)
{
    bly_mutex_lock(&log->lock);
    bool was_empty = !log->first && log->dropped == 0;
    bool fits = line && log->count < BLY_LOG_CAPACITY;
    if (fits) {
        *log->last = line;
        log->last = &line->next;
        log->count++;
    } else {
        log->dropped++;
    }
    bly_mutex_unlock(&log->lock);
    if (!fits)
        free(line);
    return was_empty;
}

void
bly_log_write(bly_log *log, belay_log_level level, const char *format, ...)
{
    if (!log || !log->function || level > log->level)
        return;
    va_list arguments;
    va_start(arguments, format);
    bly_log_line *line = line_new(level, format, arguments);
    va_end(arguments);
    if (queue(log, line) && log->wake)
        log->wake(log->wake_argument);
}

/* Needs no memory, which may be why lines were dropped. */
static void
report_dropped(bly_log *log, unsigned int dropped)
{
    char text[64];
    belay_log_level level = log->level < BELAY_LOG_WARNING ? log->level : BELAY_LOG_WARNING;
    snprintf(text, sizeof text, "%u log lines dropped", dropped);
    log->function(log->argument, level, text);
}

void
bly_log_drain(bly_log *log)
{
    bly_mutex_lock(&log->lock);
    bly_log_line *line = log->first;
    unsigned int dropped = log->dropped;
    clear_queue_locked(log);
    bly_mutex_unlock(&log->lock);

    while (line) {
        bly_log_line *next = line->next;
        log->function(log->argument, line->level, line->text);
        free(line);
        line = next;
    }
    if (dropped > 0)
        report_dropped(log, dropped);
}
