/* SPDX-License-Identifier: MIT */
#include "interop/args.h"

#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const arg *
find(const arg *table, const char *name, size_t size)
{
    for (; table->name != NULL; table++) {
        if (strlen(table->name) == size && memcmp(table->name, name, size) == 0)
            return table;
    }
    return NULL;
}

static bool
set_number(const char *program, const arg *option, const char *value)
{
    char *end;
    errno = 0;
    unsigned long number = strtoul(value, &end, 10);
    bool good = isdigit((unsigned char)value[0]) && *end == '\0' && errno == 0;
    if (!good || number < option->minimum || number > option->maximum) {
        fprintf(stderr, "%s: --%s takes a number from %lu to %lu, not \"%s\"\n", program, option->name,
                (unsigned long)option->minimum, (unsigned long)option->maximum, value);
        return false;
    }
    *(uint32_t *)option->value = (uint32_t)number;
    return true;
}

static bool
set_bool(const char *program, const arg *option, const char *value)
{
    bool is_true = strcmp(value, "true") == 0;
    if (!is_true && strcmp(value, "false") != 0) {
        fprintf(stderr, "%s: --%s takes true or false, not \"%s\"\n", program, option->name, value);
        return false;
    }
    *(bool *)option->value = is_true;
    return true;
}

static bool
set(const char *program, const arg *option, const char *value)
{
    if (option->kind == ARG_FALSE && strcmp(value, "false") == 0)
        return true;
    if (option->kind == ARG_FALSE || option->kind == ARG_LATER) {
        fprintf(stderr, "%s: --%s=%s is not supported yet\n", program, option->name, value);
        return false;
    }
    if (option->kind == ARG_BOOL)
        return set_bool(program, option, value);
    if (option->kind == ARG_NUMBER)
        return set_number(program, option, value);
    *(const char **)option->value = value;
    return true;
}

bool
args_parse(int argc, char **argv, const arg *table)
{
    const char *slash = strrchr(argv[0], '/');
    const char *program = slash != NULL ? slash + 1 : argv[0];
    for (int i = 1; i < argc; i++) {
        const char *equals = strchr(argv[i], '=');
        const arg *option = NULL;
        if (strncmp(argv[i], "--", 2) == 0 && equals != NULL)
            option = find(table, argv[i] + 2, (size_t)(equals - argv[i]) - 2);
        if (option == NULL) {
            fprintf(stderr, "%s: \"%s\" is no option; options are written --name=value\n", program, argv[i]);
            return false;
        }
        if (!set(program, option, equals + 1))
            return false;
    }
    return true;
}
