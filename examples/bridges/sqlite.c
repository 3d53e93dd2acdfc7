/* SPDX-License-Identifier: MIT */
/*
 * SQLite: a query that is interrupted when its call ends.
 */
#include <sqlite3.h>

#include "bridges.h"

/* ---- One way: another thread interrupts ----------------------------------------------------------- */

/* On belay's notifier thread. SQLite allows this on any thread while the connection is open. */
static void
interrupt(belay_context *context, void *database)
{
    (void)context;
    sqlite3_interrupt(database);
}

/* sqlite3_step() that returns SQLITE_INTERRUPT when the context ends, or has ended.
 *
 * sqlite3_interrupt() does nothing when no statement runs: a call that ends just before the step would go
 * unheard. So a small statement is kept running around it; what starts before that has ended is interrupted
 * too. */
static int
step_until_cancelled(belay_context *context, sqlite3 *database, sqlite3_stmt *query)
{
    sqlite3_stmt *anchor;
    belay_cancel_callback *callback;
    int result = sqlite3_prepare_v2(database, "VALUES (1), (2)", -1, &anchor, NULL);
    if (result == SQLITE_OK)
        result = sqlite3_step(anchor); /* the first of two rows: it still runs */
    if (result == SQLITE_ROW) {
        result = SQLITE_NOMEM;
        if (belay_on_cancel(context, interrupt, database, &callback) == BELAY_OK) {
            result = sqlite3_step(query);
            belay_cancel_callback_remove(callback); /* it runs no more when this returns */
        }
    }
    sqlite3_finalize(anchor);
    return result;
}

/* ---- Another way: SQLite asks ----------------------------------------------------------------------- */

/* Called by SQLite after every so many steps of its machine. No other thread takes part and nothing can come
 * too early; but a single step that takes long, such as a function of yours, is not cut short. */
static int
is_cancelled(void *call)
{
    return belay_cancelled(call);
}

static int
step_while_wanted(belay_call *call, sqlite3 *database, sqlite3_stmt *query)
{
    sqlite3_progress_handler(database, 10000, is_cancelled, call);
    int result = sqlite3_step(query);
    sqlite3_progress_handler(database, 0, NULL, NULL);
    return result;
}

/* ---- The handlers ----------------------------------------------------------------------------------- */

static void
close_database(void *database)
{
    sqlite3_close(database);
}

static void
finalize(void *query)
{
    sqlite3_finalize(query);
}

/* Both end with the call, however it ends. */
static belay_code
prepare(belay_call *call, const char *text, sqlite3 **database, sqlite3_stmt **query)
{
    const bridge_settings *settings = belay_call_data(call);
    int result = sqlite3_open(settings->place, database);
    belay_code code = belay_defer(call, close_database, *database);
    if (code != BELAY_OK) {
        sqlite3_close(*database);
        return code;
    }
    if (result == SQLITE_OK)
        result = sqlite3_prepare_v2(*database, settings->query, -1, query, NULL);
    if (result != SQLITE_OK)
        return belay_fail(call, BELAY_INTERNAL, "%s", sqlite3_errmsg(*database));
    code = belay_defer(call, finalize, *query);
    if (code != BELAY_OK) {
        sqlite3_finalize(*query);
        return code;
    }
    sqlite3_bind_text(*query, 1, text, -1, SQLITE_TRANSIENT);
    return BELAY_OK;
}

static belay_code
reply(belay_call *call, sqlite3 *database, sqlite3_stmt *query, int result, Bridges__Answer *answer)
{
    if (result == SQLITE_INTERRUPT)
        return belay_context_code(belay_call_context(call));
    if (result == SQLITE_DONE)
        return belay_fail(call, BELAY_NOT_FOUND, "no row");
    if (result != SQLITE_ROW)
        return belay_fail(call, BELAY_INTERNAL, "%s", sqlite3_errmsg(database));
    const unsigned char *text = sqlite3_column_text(query, 0);
    answer->text = belay_printf(call, "%s", text != NULL ? (const char *)text : "");
    return BELAY_OK;
}

belay_code
ask_sqlite(belay_call *call, const Bridges__Question *question, Bridges__Answer *answer)
{
    sqlite3 *database;
    sqlite3_stmt *query;
    belay_code code = prepare(call, question->text, &database, &query);
    if (code != BELAY_OK)
        return code;
    belay_blocking_begin(call); /* another handler may have this worker's place */
    int result = step_until_cancelled(belay_call_context(call), database, query);
    belay_blocking_end(call);
    return reply(call, database, query, result, answer);
}

belay_code
ask_sqlite_watched(belay_call *call, const Bridges__Question *question, Bridges__Answer *answer)
{
    sqlite3 *database;
    sqlite3_stmt *query;
    belay_code code = prepare(call, question->text, &database, &query);
    if (code != BELAY_OK)
        return code;
    belay_blocking_begin(call);
    int result = step_while_wanted(call, database, query);
    belay_blocking_end(call);
    return reply(call, database, query, result, answer);
}
