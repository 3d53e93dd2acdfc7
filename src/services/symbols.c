/* SPDX-License-Identifier: MIT */
#include "services/symbols.h"

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "rpc/call.h"

/* ---- Adding ----------------------------------------------------------------------------------------- */

/* Makes room for one more of `count`; doubles at powers of two. NULL without memory. */
static void *
grow(bly_symbols *symbols, void *list, size_t count, size_t size)
{
    if ((count & (count - 1)) != 0)
        return list;
    void *grown = realloc(list, (count > 0 ? count * 2 : 1) * size);
    if (grown == NULL)
        symbols->failed = true;
    return grown;
}

static const char *
name_in(bly_symbols *symbols, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    const char *name = bly_arena_vprintf(&symbols->arena, format, arguments);
    va_end(arguments);
    if (name == NULL)
        symbols->failed = true;
    return name;
}

/* Adds a name within a scope ("" for none), and gives the whole; NULL without memory. */
static const char *
add_symbol(bly_symbols *symbols, size_t file, const char *scope, const char *name)
{
    if (name == NULL)
        return NULL;
    const char *whole = name_in(symbols, "%s%s%s", scope, scope[0] != '\0' ? "." : "", name);
    bly_symbol *grown = grow(symbols, symbols->symbols, symbols->symbol_count, sizeof *grown);
    if (grown != NULL)
        symbols->symbols = grown;
    if (whole == NULL || grown == NULL)
        return NULL;
    symbols->symbols[symbols->symbol_count++] = (bly_symbol){whole, file};
    return whole;
}

static void
add_all_named(bly_symbols *symbols, size_t file, const char *scope, Belay__Descriptor__Named *const *list, size_t count)
{
    for (size_t i = 0; i < count; i++)
        (void)add_symbol(symbols, file, scope, list[i]->name);
}

static void
add_extension(bly_symbols *symbols, size_t file, const char *scope, const Belay__Descriptor__Field *field)
{
    (void)add_symbol(symbols, file, scope, field->name);
    if (field->extendee == NULL)
        return;
    bly_symbols_extension *grown =
        grow(symbols, symbols->extensions, symbols->extension_count, sizeof *grown);
    if (grown == NULL)
        return;
    symbols->extensions = grown;
    symbols->extensions[symbols->extension_count++] =
        (bly_symbols_extension){field->extendee + (field->extendee[0] == '.'), field->number, file};
}

/* The values of an enumeration are named beside it, not within it. */
static void
add_enum(bly_symbols *symbols, size_t file, const char *scope, const Belay__Descriptor__Enum *from)
{
    (void)add_symbol(symbols, file, scope, from->name);
    add_all_named(symbols, file, scope, from->value, from->n_value);
}

/* As deep as the program's own files are. */
static void
add_message(bly_symbols *symbols, size_t file, const char *scope, const Belay__Descriptor__Message *from)
{
    const char *own = add_symbol(symbols, file, scope, from->name);
    if (own == NULL)
        return;
    for (size_t i = 0; i < from->n_field; i++)
        (void)add_symbol(symbols, file, own, from->field[i]->name);
    add_all_named(symbols, file, own, from->oneof_decl, from->n_oneof_decl);
    for (size_t i = 0; i < from->n_extension; i++)
        add_extension(symbols, file, own, from->extension[i]);
    for (size_t i = 0; i < from->n_enum_type; i++)
        add_enum(symbols, file, own, from->enum_type[i]);
    for (size_t i = 0; i < from->n_nested_type; i++)
        add_message(symbols, file, own, from->nested_type[i]);
}

static void
add_names(bly_symbols *symbols, size_t file)
{
    const Belay__Descriptor__File *from = symbols->files[file].parsed;
    const char *package = from->package != NULL ? from->package : "";
    for (size_t i = 0; i < from->n_message_type; i++)
        add_message(symbols, file, package, from->message_type[i]);
    for (size_t i = 0; i < from->n_enum_type; i++)
        add_enum(symbols, file, package, from->enum_type[i]);
    for (size_t i = 0; i < from->n_extension; i++)
        add_extension(symbols, file, package, from->extension[i]);
    for (size_t i = 0; i < from->n_service; i++) {
        const char *own = add_symbol(symbols, file, package, from->service[i]->name);
        if (own != NULL)
            add_all_named(symbols, file, own, from->service[i]->method, from->service[i]->n_method);
    }
}

static void
add_file(bly_symbols *symbols, const belay_file *source)
{
    if (bly_symbols_find_file(symbols, source->name) < symbols->file_count)
        return;
    ProtobufCAllocator allocator = bly_call_allocator(&symbols->arena);
    Belay__Descriptor__File *parsed = belay__descriptor__file__unpack(&allocator, source->size, source->bytes);
    if (parsed == NULL)
        return;
    bly_symbols_file *grown = grow(symbols, symbols->files, symbols->file_count, sizeof *grown);
    if (grown == NULL)
        return;
    symbols->files = grown;
    symbols->files[symbols->file_count] = (bly_symbols_file){source, parsed};
    add_names(symbols, symbols->file_count++);
}

/* ---- Order ------------------------------------------------------------------------------------------ */

static int
compare_symbols(const void *a, const void *b)
{
    return strcmp(((const bly_symbol *)a)->name, ((const bly_symbol *)b)->name);
}

static int
compare_extensions(const void *a, const void *b)
{
    const bly_symbols_extension *one = a, *other = b;
    int order = strcmp(one->extendee, other->extendee);
    return order != 0 ? order : (one->number > other->number) - (one->number < other->number);
}

bool
bly_symbols_init(bly_symbols *symbols, const belay_service *const *services, size_t count)
{
    memset(symbols, 0, sizeof *symbols);
    bly_arena_init(&symbols->arena);
    for (size_t i = 0; i < count; i++) {
        for (size_t j = 0; j < services[i]->file_count; j++)
            add_file(symbols, &services[i]->files[j]);
    }
    if (symbols->failed) {
        bly_symbols_fini(symbols);
        return false;
    }
    if (symbols->symbol_count > 0)
        qsort(symbols->symbols, symbols->symbol_count, sizeof symbols->symbols[0], compare_symbols);
    if (symbols->extension_count > 0)
        qsort(symbols->extensions, symbols->extension_count, sizeof symbols->extensions[0], compare_extensions);
    return true;
}

void
bly_symbols_fini(bly_symbols *symbols)
{
    free(symbols->files);
    free(symbols->symbols);
    free(symbols->extensions);
    bly_arena_fini(&symbols->arena);
}

/* ---- Finding ---------------------------------------------------------------------------------------- */

size_t
bly_symbols_find_file(const bly_symbols *symbols, const char *name)
{
    size_t i = 0;
    while (i < symbols->file_count && strcmp(symbols->files[i].source->name, name) != 0)
        i++;
    return i;
}

size_t
bly_symbols_find(const bly_symbols *symbols, const char *name)
{
    const bly_symbol key = {name, 0}, *found = NULL;
    if (symbols->symbol_count > 0)
        found = bsearch(&key, symbols->symbols, symbols->symbol_count, sizeof key, compare_symbols);
    return found != NULL ? found->file : symbols->file_count;
}

const bly_symbols_extension *
bly_symbols_find_extension(const bly_symbols *symbols, const char *extendee, int32_t number)
{
    const bly_symbols_extension key = {extendee, number, 0};
    for (size_t i = 0; i < symbols->extension_count; i++) {
        const bly_symbols_extension *at = &symbols->extensions[i];
        if (compare_extensions(at, &key) >= 0)
            return strcmp(at->extendee, extendee) == 0 ? at : NULL;
    }
    return NULL;
}

/* Whether one of these messages, or one within them, has a name, as it goes on from their scope. */
static bool
declares(Belay__Descriptor__Message *const *list, size_t count, const char *name)
{
    size_t size = strcspn(name, ".");
    for (size_t i = 0; i < count; i++) {
        const char *own = list[i]->name;
        if (own != NULL && strlen(own) == size && memcmp(own, name, size) == 0)
            return name[size] == '\0' || declares(list[i]->nested_type, list[i]->n_nested_type, name + size + 1);
    }
    return false;
}

bool
bly_symbols_is_message(const bly_symbols *symbols, const char *name)
{
    size_t file = bly_symbols_find(symbols, name);
    if (file == symbols->file_count)
        return false;
    const Belay__Descriptor__File *in = symbols->files[file].parsed;
    size_t package = in->package != NULL && in->package[0] != '\0' ? strlen(in->package) + 1 : 0;
    return declares(in->message_type, in->n_message_type, name + package);
}
