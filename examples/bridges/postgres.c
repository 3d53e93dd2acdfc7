/* SPDX-License-Identifier: MIT */
/*
 * PostgreSQL: libpq does not block, belay waits for its socket, and a query that nobody waits for is
 * cancelled on the server, which would work on to its end when only the connection were closed.
 */
#include <libpq-fe.h>
#include <poll.h>

#include "bridges.h"

/* ---- The bridge ------------------------------------------------------------------------------------- */

/* PQconnectPoll() until the connection is made or the context ends. (Looking up a host's name, libpq blocks:
 * give it an address in hostaddr, or a folder with a socket.) */
static belay_code
connect_until_cancelled(belay_context *context, PGconn *connection)
{
    PostgresPollingStatusType next = PGRES_POLLING_WRITING;
    if (PQstatus(connection) == CONNECTION_BAD)
        return BELAY_UNAVAILABLE;
    while (next != PGRES_POLLING_OK) {
        short events = next == PGRES_POLLING_READING ? POLLIN : POLLOUT;
        belay_code code = belay_wait_fd(context, PQsocket(connection), events, BELAY_FOREVER, NULL);
        if (code != BELAY_OK)
            return code;
        next = PQconnectPoll(connection);
        if (next == PGRES_POLLING_FAILED)
            return BELAY_UNAVAILABLE;
    }
    return PQsetnonblocking(connection, 1) == 0 ? BELAY_OK : BELAY_UNAVAILABLE;
}

/* Until PQgetResult() does not block, or the context ends. */
static belay_code
wait_for_result(belay_context *context, PGconn *connection)
{
    for (;;) {
        int unsent = PQflush(connection);
        if (unsent < 0 || !PQconsumeInput(connection))
            return BELAY_UNAVAILABLE;
        if (unsent == 0 && !PQisBusy(connection))
            return BELAY_OK;
        short events = unsent > 0 ? POLLIN | POLLOUT : POLLIN;
        belay_code code = belay_wait_fd(context, PQsocket(connection), events, BELAY_FOREVER, NULL);
        if (code != BELAY_OK)
            return code;
    }
}

/* Asks the server to end the query. Blocks for as long as it takes to accept another connection. */
static void
ask_for_end(PGconn *connection)
{
    char error[256];
    PGcancel *cancel = PQgetCancel(connection);
    if (cancel != NULL)
        (void)PQcancel(cancel, error, sizeof error); /* if it fails, the query or the server is gone */
    PQfreeCancel(cancel);
}

/* Until the server says that the query has ended, which it does at once as a rule. It drops a request that comes
 * between two messages of the query, parsed but not begun: hence again, for a second at most. To go on with this
 * connection after it, read the results that are left until PQgetResult() gives NULL. */
static void
cancel_on_server(PGconn *connection)
{
    for (int tries = 0; tries < 20 && PQisBusy(connection); tries++) {
        struct pollfd socket = {.fd = PQsocket(connection), .events = POLLIN};
        ask_for_end(connection);
        (void)poll(&socket, 1, 50);
        if (PQflush(connection) < 0 || !PQconsumeInput(connection))
            return; /* the connection is gone */
    }
}

static belay_code
query_until_cancelled(belay_context *context, PGconn *connection, const char *query, const char *parameter)
{
    if (!PQsendQueryParams(connection, query, 1, NULL, &parameter, NULL, NULL, 0))
        return BELAY_UNAVAILABLE;
    belay_code code = wait_for_result(context, connection);
    if (belay_context_cancelled(context))
        cancel_on_server(connection);
    return code;
}

/* ---- The handler ------------------------------------------------------------------------------------ */

static void
disconnect(void *connection)
{
    PQfinish(connection);
}

static belay_code
reply(belay_call *call, PGconn *connection, Bridges__Answer *answer)
{
    belay_code code = BELAY_OK;
    PGresult *result = PQgetResult(connection);
    if (PQresultStatus(result) != PGRES_TUPLES_OK)
        code = belay_fail(call, BELAY_INTERNAL, "%s", PQresultErrorMessage(result));
    else if (PQntuples(result) == 0)
        code = belay_fail(call, BELAY_NOT_FOUND, "no row");
    else
        answer->text = belay_printf(call, "%s", PQgetvalue(result, 0, 0));
    PQclear(result);
    return code;
}

belay_code
ask_postgres(belay_call *call, const Bridges__Question *question, Bridges__Answer *answer)
{
    const bridge_settings *settings = belay_call_data(call);
    belay_context *context = belay_call_context(call);
    PGconn *connection = PQconnectStart(settings->place);
    belay_code code = belay_defer(call, disconnect, connection); /* however the call ends */
    if (code != BELAY_OK) {
        PQfinish(connection);
        return code;
    }
    code = connect_until_cancelled(context, connection);
    if (code == BELAY_OK)
        code = query_until_cancelled(context, connection, settings->query, question->text);
    if (code == BELAY_UNAVAILABLE)
        return belay_fail(call, code, "%s", PQerrorMessage(connection));
    return code == BELAY_OK ? reply(call, connection, answer) : code;
}
