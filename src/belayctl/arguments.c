/* SPDX-License-Identifier: MIT */
#include "belayctl/arguments.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define DEFAULT_SERVER "unix:/run/belay/admin.sock"

/* ---- What commands and options there are ------------------------------------------------------------ */

typedef struct command_name {
    const char *name;
    command command;
} command_name;

static const command_name commands[] = {
    {"ps", COMMAND_PS},         {"tree", COMMAND_TREE},   {"top", COMMAND_TOP},     {"stats", COMMAND_STATS},
    {"cancel", COMMAND_CANCEL}, {"drain", COMMAND_DRAIN}, {"help", COMMAND_HELP},
};

/* Which commands take an option, as bits. */
#define OF(command) (1u << (command))
#define OF_ALL (~0u)

typedef enum option_kind {
    OPTION_SERVER,
    OPTION_JSON,
    OPTION_SUBTREE,
    OPTION_REASON,
    OPTION_ONCE,
    OPTION_COUNT
} option_kind;

typedef struct option_name {
    const char *name;
    option_kind kind;
    bool takes_value;
    unsigned int commands;
} option_name;

static const option_name options[] = {
    {"--server", OPTION_SERVER, true, OF_ALL},
    {"--json", OPTION_JSON, false, OF(COMMAND_PS) | OF(COMMAND_TREE) | OF(COMMAND_TOP) | OF(COMMAND_STATS)},
    {"--subtree", OPTION_SUBTREE, false, OF(COMMAND_CANCEL)},
    {"--reason", OPTION_REASON, true, OF(COMMAND_CANCEL)},
    {"--once", OPTION_ONCE, false, OF(COMMAND_TOP)},
    {"--count", OPTION_COUNT, true, OF(COMMAND_TOP)},
};

#define COUNT_OF(table) (sizeof(table) / sizeof((table)[0]))

/* ---- Reading ---------------------------------------------------------------------------------------- */

typedef struct arguments_reader {
    int argc;
    char **argv;
    int next;
    bool has_command;
    bool has_id;
    unsigned int used[COUNT_OF(options)];
    arguments *to;
} arguments_reader;

static bool
complain(const char *what, const char *about)
{
    fprintf(stderr, "belayctl: %s%s%s%s; see belayctl --help\n", what, about != NULL ? " \"" : "",
            about != NULL ? about : "", about != NULL ? "\"" : "");
    return false;
}

static bool
read_number(const char *text, uint64_t *number)
{
    char *end;
    errno = 0;
    unsigned long long value = strtoull(text, &end, 10);
    if (text[0] < '0' || text[0] > '9' || *end != '\0' || errno != 0 || value == 0)
        return false;
    *number = value;
    return true;
}

static bool
apply(arguments *to, const option_name *option, const char *value)
{
    switch (option->kind) {
    case OPTION_SERVER:
        to->server = value;
        return true;
    case OPTION_JSON:
        to->json = true;
        return true;
    case OPTION_SUBTREE:
        to->subtree = true;
        return true;
    case OPTION_REASON:
        to->reason = value;
        return true;
    case OPTION_ONCE:
        to->count = 1;
        return true;
    case OPTION_COUNT:
        return read_number(value, &to->count) || complain("--count takes a number from 1 on, not", value);
    }
    return false;
}

/* "--name", "--name=value" or "--name value". */
static bool
read_option(arguments_reader *reader, const char *word)
{
    const char *equals = strchr(word, '=');
    size_t size = equals != NULL ? (size_t)(equals - word) : strlen(word);
    for (size_t i = 0; i < COUNT_OF(options); i++) {
        const option_name *option = &options[i];
        if (strlen(option->name) != size || memcmp(option->name, word, size) != 0)
            continue;
        const char *value = equals != NULL ? equals + 1 : NULL;
        if (!option->takes_value && value != NULL)
            return complain("no value belongs to", option->name);
        if (option->takes_value && value == NULL) {
            if (reader->next == reader->argc)
                return complain("a value is missing after", option->name);
            value = reader->argv[reader->next++];
        }
        reader->used[i] = 1;
        return apply(reader->to, option, value);
    }
    return complain("there is no option", word);
}

static bool
read_word(arguments_reader *reader, const char *word)
{
    if (reader->has_command && reader->to->command == COMMAND_CANCEL && !reader->has_id) {
        reader->has_id = true;
        return read_number(word, &reader->to->id) || complain("cancel takes the ID that ps shows, not", word);
    }
    if (reader->has_command)
        return complain("one word too many:", word);
    for (size_t i = 0; i < COUNT_OF(commands); i++) {
        if (strcmp(commands[i].name, word) != 0)
            continue;
        reader->has_command = true;
        reader->to->command = commands[i].command;
        return true;
    }
    return complain("there is no command", word);
}

/* What only the whole line shows. */
static bool
check(const arguments_reader *reader)
{
    const arguments *to = reader->to;
    if (!reader->has_command)
        return complain("say what to do: ps, tree, top, stats, cancel or drain", NULL);
    for (size_t i = 0; i < COUNT_OF(options); i++) {
        if (reader->used[i] && (options[i].commands & OF(to->command)) == 0)
            return complain("this command does not take", options[i].name);
    }
    if (to->command != COMMAND_CANCEL)
        return true;
    if (!reader->has_id)
        return complain("cancel which call? belayctl cancel ID --reason TEXT, with the ID that ps shows", NULL);
    if (to->reason == NULL || to->reason[0] == '\0')
        return complain("say why, for those whose call it is: --reason TEXT", NULL);
    return true;
}

bool
arguments_read(int argc, char **argv, arguments *to)
{
    const char *server = getenv("BELAY_ADMIN");
    arguments_reader reader = {.argc = argc, .argv = argv, .next = 1, .to = to};
    *to = (arguments){.server = server != NULL && server[0] != '\0' ? server : DEFAULT_SERVER};
    while (reader.next < argc) {
        const char *word = argv[reader.next++];
        if (strcmp(word, "--help") == 0 || strcmp(word, "-h") == 0) {
            to->command = COMMAND_HELP;
            return true;
        }
        if (strcmp(word, "--version") == 0) {
            to->command = COMMAND_VERSION;
            return true;
        }
        if (!(word[0] == '-' ? read_option(&reader, word) : read_word(&reader, word)))
            return false;
    }
    return check(&reader);
}
