/* SPDX-License-Identifier: MIT */
#include "server/activation.h"

#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include "server/systemd.h"

#define SYSTEMD "systemd"
#define SYSTEMD_NAMED "systemd:"
#define DESCRIPTOR "fd:"

static bool
begins_with(const char *text, const char *prefix)
{
    return strncmp(text, prefix, strlen(prefix)) == 0;
}

/* A port is what may follow a host called "systemd" or "fd". */
static bool
is_number(const char *text)
{
    return text[0] != '\0' && strspn(text, "0123456789") == strlen(text);
}

bool
bly_activation_names(const char *address)
{
    if (begins_with(address, SYSTEMD_NAMED))
        return !is_number(address + strlen(SYSTEMD_NAMED));
    return strcmp(address, SYSTEMD) == 0 || begins_with(address, DESCRIPTOR);
}

/* Whether a socket that was passed is asked for. */
static bool
is_wanted(const char *address, int index)
{
    return strcmp(address, SYSTEMD) == 0 || bly_systemd_is_named(index, address + strlen(SYSTEMD_NAMED));
}

/* The next descriptor from `from` on that an address names; -1: there is none. */
static int
next_descriptor(const char *address, int from, int passed)
{
    if (begins_with(address, DESCRIPTOR)) {
        long number = strtol(address + strlen(DESCRIPTOR), NULL, 10);
        return from <= number ? (int)number : -1;
    }
    for (int i = from > BLY_SYSTEMD_FIRST ? from - BLY_SYSTEMD_FIRST : 0; i < passed; i++) {
        if (is_wanted(address, i))
            return BLY_SYSTEMD_FIRST + i;
    }
    return -1;
}

static bool
is_taken(const belay_server *server, int descriptor)
{
    for (size_t i = 0; i < server->listener_count; i++) {
        if (bly_listener_descriptor(server->listeners[i].listener) == descriptor)
            return true;
    }
    return false;
}

static belay_code
check(belay_server *server, const char *address, int descriptor)
{
    char error[256];
    if (is_taken(server, descriptor))
        return BELAY_ALREADY_EXISTS;
    if (bly_listener_may_adopt(descriptor, error, sizeof error))
        return BELAY_OK;
    bly_log_write(&server->runtime->log, BELAY_LOG_ERROR, "cannot listen on %s: %s", address, error);
    return BELAY_UNAVAILABLE;
}

/* Looks at all before the first is taken over. */
static belay_code
check_all(belay_server *server, const char *address, int passed, size_t *count)
{
    *count = 0;
    for (int at = 0; (at = next_descriptor(address, at, passed)) >= 0; at++) {
        belay_code code = check(server, address, at);
        if (code != BELAY_OK)
            return code;
        ++*count;
    }
    if (*count > 0)
        return BELAY_OK;
    bly_log_write(&server->runtime->log, BELAY_LOG_WARNING, "cannot listen on %s: no such socket was passed",
                  address);
    return BELAY_NOT_FOUND;
}

static belay_code
adopt_all(belay_server *server, const char *address, int passed, unsigned int door)
{
    for (int at = 0; (at = next_descriptor(address, at, passed)) >= 0; at++) {
        bly_listener *listener = bly_listener_adopt(at, &server->runtime->log);
        if (listener == NULL)
            return BELAY_RESOURCE_EXHAUSTED;
        bly_server_add_listener(server, listener, door);
    }
    return BELAY_OK;
}

static bool
is_well_formed(const char *address)
{
    if (!begins_with(address, DESCRIPTOR))
        return address[strlen(address) - 1] != ':';
    const char *number = address + strlen(DESCRIPTOR);
    return is_number(number) && strlen(number) < 10 && strtol(number, NULL, 10) < INT_MAX;
}

belay_code
bly_activation_open(belay_server *server, const char *address, unsigned int door)
{
    if (!is_well_formed(address))
        return BELAY_INVALID_ARGUMENT;
    int passed = bly_systemd_passed();
    size_t count;
    belay_code code = check_all(server, address, passed, &count);
    if (code != BELAY_OK)
        return code;
    if (!bly_server_reserve_listeners(server, count))
        return BELAY_RESOURCE_EXHAUSTED;
    return adopt_all(server, address, passed, door);
}
