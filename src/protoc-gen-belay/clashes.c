/* SPDX-License-Identifier: MIT */
#include "protoc-gen-belay/clashes.h"

#include <stdlib.h>
#include <string.h>

#include "protoc-gen-belay/functions.h"

typedef struct use {
    const char *name;   /* in C */
    const char *symbol; /* in the .proto file */
} use;

typedef struct use_list {
    use *array;
    size_t count;
} use_list;

/* What a service has for itself: its description, its handlers, its add function. */
#define NAMES_OF_SERVICE 3
/* Its functions and the member of the table of handlers. */
#define NAMES_OF_METHOD (FUNCTION_KINDS + 1)

static size_t
count_names(const model_file *file)
{
    size_t count = 0;

    for (size_t i = 0; i < file->service_count; i++)
        count += NAMES_OF_SERVICE + file->services[i].method_count * NAMES_OF_METHOD;
    return count;
}

static void
add(use_list *uses, const char *name, const char *symbol)
{
    uses->array[uses->count++] = (use){.name = name, .symbol = symbol};
}

static void
add_method(use_list *uses, gen_pool *pool, const model_service *service, const model_method *method)
{
    for (int kind = 0; kind < FUNCTION_KINDS; kind++)
        if (function_exists(method, (function_kind)kind))
            add(uses, function_name(pool, service, method, (function_kind)kind), method->symbol);
    add(uses, pool_format(pool, "%s_handlers.%s", service->prefix, method->member), method->symbol);
}

static void
add_service(use_list *uses, gen_pool *pool, const model_service *service)
{
    add(uses, pool_format(pool, "%s_service", service->prefix), service->symbol);
    add(uses, pool_format(pool, "%s_handlers", service->prefix), service->symbol);
    add(uses, pool_format(pool, "%s_add", service->prefix), service->symbol);
    for (size_t i = 0; i < service->method_count; i++)
        add_method(uses, pool, service, &service->methods[i]);
}

static int
compare_uses(const void *left, const void *right)
{
    const use *a = left;
    const use *b = right;
    int by_name = strcmp(a->name, b->name);

    return by_name != 0 ? by_name : strcmp(a->symbol, b->symbol);
}

const char *
clashes_find(gen_pool *pool, const model_file *file)
{
    use_list uses = {.array = pool_alloc(pool, count_names(file), sizeof(use))};

    for (size_t i = 0; i < file->service_count; i++)
        add_service(&uses, pool, &file->services[i]);
    qsort(uses.array, uses.count, sizeof(uses.array[0]), compare_uses);
    for (size_t i = 1; i < uses.count; i++) {
        const use *a = &uses.array[i - 1];
        const use *b = &uses.array[i];

        if (strcmp(a->name, b->name) == 0)
            return pool_format(pool, "%s: %s and %s would both be \"%s\" in C", file->name, a->symbol,
                               b->symbol, a->name);
    }
    return NULL;
}
