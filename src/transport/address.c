/* SPDX-License-Identifier: MIT */
#include "transport/address.h"

#include <arpa/inet.h>
#include <netdb.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/un.h>

#define UNIX_PREFIX "unix:"
#define UNIX_PREFIX_LENGTH (sizeof UNIX_PREFIX - 1)

/* ---- reading ---- */

static bool
parse_path(const char *path, bly_address *address)
{
    if (strncmp(path, "//", 2) == 0)
        path += 2; /* as in a URI: unix:///run/x */
    size_t length = strlen(path);
    if (length == 0 || length >= sizeof((struct sockaddr_un *)0)->sun_path)
        return false;
    *address = (bly_address){.is_unix = true};
    memcpy(address->host, path, length);
    return true;
}

static bool
is_port(const char *text)
{
    size_t length = strspn(text, "0123456789");
    return length > 0 && length <= 5 && text[length] == '\0' && atoi(text) <= 65535;
}

/* Letters of host names and IPv4 addresses; the resolver knows the rest of the rules. */
static bool
is_name(const char *text, size_t length)
{
    static const char letters[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.-_";
    return length > 0 && strspn(text, letters) >= length;
}

/* Only what can stand between brackets: hexadecimal digits, colons, an IPv4 tail, a scope. */
static bool
is_ipv6(const char *text, size_t length)
{
    struct in6_addr ignored;
    char copy[INET6_ADDRSTRLEN];
    size_t end = 0;
    while (end < length && text[end] != '%')
        end++;
    if (end >= sizeof copy)
        return false;
    memcpy(copy, text, end);
    copy[end] = '\0';
    if (inet_pton(AF_INET6, copy, &ignored) != 1)
        return false;
    return end == length || is_name(text + end + 1, length - end - 1);
}

bool
bly_address_parse(const char *text, bly_address *address)
{
    if (strncmp(text, UNIX_PREFIX, UNIX_PREFIX_LENGTH) == 0)
        return parse_path(text + UNIX_PREFIX_LENGTH, address);
    const char *colon = strrchr(text, ':');
    if (colon == NULL || !is_port(colon + 1))
        return false;
    size_t length = (size_t)(colon - text);
    bool bracketed = length >= 2 && text[0] == '[' && text[length - 1] == ']';
    if (bracketed) {
        text++;
        length -= 2;
    }
    if (length >= sizeof address->host)
        return false;
    if (!(bracketed ? is_ipv6(text, length) : is_name(text, length)))
        return false;
    bly_address result = {0};
    memcpy(result.host, text, length);
    memcpy(result.port, colon + 1, strlen(colon + 1));
    *address = result;
    return true;
}

/* ---- writing ---- */

void
bly_address_write(const bly_address *address, char *text, size_t size)
{
    if (address->is_unix)
        snprintf(text, size, UNIX_PREFIX "%s", address->host);
    else if (strchr(address->host, ':') != NULL)
        snprintf(text, size, "[%s]:%s", address->host, address->port);
    else
        snprintf(text, size, "%s:%s", address->host, address->port);
}

static void
format_unix(const struct sockaddr *address, socklen_t length, char *text, size_t size)
{
    struct sockaddr_un path;
    memset(&path, 0, sizeof path);
    memcpy(&path, address, length < sizeof path ? length : sizeof path);
    snprintf(text, size, UNIX_PREFIX "%.*s", (int)sizeof path.sun_path, path.sun_path);
}

void
bly_address_format(const struct sockaddr *address, socklen_t length, char *text, size_t size)
{
    if (address->sa_family == AF_UNIX) {
        format_unix(address, length, text, size);
        return;
    }
    char host[INET6_ADDRSTRLEN + 32]; /* with a scope */
    char port[8];
    if (getnameinfo(address, length, host, sizeof host, port, sizeof port,
                    NI_NUMERICHOST | NI_NUMERICSERV) != 0)
        snprintf(text, size, "unknown");
    else
        snprintf(text, size, address->sa_family == AF_INET6 ? "[%s]:%s" : "%s:%s", host, port);
}

/* ---- for the kernel ---- */

static void
make_unix(const bly_address *address, bly_socket_address *result)
{
    struct sockaddr_un path = {.sun_family = AF_UNIX};
    memcpy(path.sun_path, address->host, strnlen(address->host, sizeof path.sun_path - 1));
    memset(result, 0, sizeof *result);
    memcpy(&result->storage, &path, sizeof path);
    result->length = sizeof path;
}

static bool
make_ipv4(const bly_address *address, uint16_t port, bly_socket_address *result)
{
    struct sockaddr_in ip = {.sin_family = AF_INET, .sin_port = port};
    if (inet_pton(AF_INET, address->host, &ip.sin_addr) != 1)
        return false;
    memset(result, 0, sizeof *result);
    memcpy(&result->storage, &ip, sizeof ip);
    result->length = sizeof ip;
    return true;
}

static bool
make_ipv6(const bly_address *address, uint16_t port, bly_socket_address *result)
{
    struct sockaddr_in6 ip = {.sin6_family = AF_INET6, .sin6_port = port};
    if (inet_pton(AF_INET6, address->host, &ip.sin6_addr) != 1)
        return false; /* one with a scope is left to the resolver, which knows the interfaces */
    memset(result, 0, sizeof *result);
    memcpy(&result->storage, &ip, sizeof ip);
    result->length = sizeof ip;
    return true;
}

bool
bly_address_literal(const bly_address *address, bly_socket_address *result)
{
    if (address->is_unix) {
        make_unix(address, result);
        return true;
    }
    uint16_t port = htons((uint16_t)atoi(address->port));
    return make_ipv4(address, port, result) || make_ipv6(address, port, result);
}
