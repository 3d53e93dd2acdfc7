/* SPDX-License-Identifier: MIT */
#include "interop/expect.h"

#include <stdio.h>
#include <string.h>

bool
expect_end(const char *what, belay_code wanted, belay_code code, belay_status *status)
{
    if (code != wanted)
        fprintf(stderr, "%s: expected %s, came %s: %s\n", what, belay_code_name(wanted),
                belay_code_name(code), belay_status_message(status));
    belay_status_free(status);
    return code == wanted;
}

bool
expect_code(const char *what, belay_code wanted, belay_code code)
{
    if (code != wanted)
        fprintf(stderr, "%s: expected %s, came %s\n", what, belay_code_name(wanted), belay_code_name(code));
    return code == wanted;
}

bool
expect_number(const char *what, size_t wanted, size_t number)
{
    if (number != wanted)
        fprintf(stderr, "%s: expected %zu, came %zu\n", what, wanted, number);
    return number == wanted;
}

bool
expect_text(const char *what, const char *wanted, const char *text)
{
    bool same = strcmp(wanted, text) == 0;
    if (!same)
        fprintf(stderr, "%s: expected \"%s\", came \"%s\"\n", what, wanted, text);
    return same;
}

bool
expect_payload(const char *what, size_t size, const Grpc__Testing__Payload *payload)
{
    if (payload == NULL) {
        fprintf(stderr, "%s: expected a payload, came none\n", what);
        return false;
    }
    if (!expect_number(what, size, payload->body.len))
        return false;
    for (size_t i = 0; i < size; i++) {
        if (payload->body.data[i] != 0) {
            fprintf(stderr, "%s: expected zeros, came %d at %zu\n", what, payload->body.data[i], i);
            return false;
        }
    }
    return true;
}

bool
expect_pair(const char *what, const belay_metadata *metadata, const char *key, const void *value,
            size_t value_size)
{
    const belay_metadata_entry *entry = belay_metadata_get(metadata, key);
    if (entry == NULL) {
        fprintf(stderr, "%s: expected %s, came without\n", what, key);
        return false;
    }
    if (entry->value_size != value_size || memcmp(entry->value, value, value_size) != 0) {
        fprintf(stderr, "%s: %s came with another value, of %zu bytes\n", what, key, entry->value_size);
        return false;
    }
    return true;
}
