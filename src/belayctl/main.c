/* SPDX-License-Identifier: MIT */
/*
 * belayctl: an operator's view of a belay server. arguments.c reads what is wanted, ask.c asks the server, the
 * rest shows what it answered.
 */
#include <locale.h>
#include <stdio.h>

#include "belayctl/arguments.h"
#include "belayctl/ask.h"
#include "belayctl/help.h"
#include "belayctl/json.h"
#include "belayctl/table.h"
#include "belayctl/top.h"
#include "belayctl/tree.h"

#include <belay/version.h>

static int
show_ps(const call_list *list, bool json)
{
    if (json) {
        json_print_calls(list);
        putchar('\n');
    } else {
        table_print_calls(list->calls, list->n_calls, 0, "\n");
    }
    return EXIT_FINE;
}

static int
show_tree(const call_list *list, bool json)
{
    if (json ? tree_print_json(list) : tree_print(list))
        return EXIT_FINE;
    fprintf(stderr, "belayctl: no memory for a tree of %zu calls\n", list->n_calls);
    return EXIT_SERVER;
}

static int
with_calls(const admin_client *asker, int (*show)(const call_list *list, bool json), bool json)
{
    call_list *list = ask_calls(asker);
    if (list == NULL)
        return EXIT_SERVER;
    int code = show(list, json);
    protobuf_c_message_free_unpacked(&list->base, NULL);
    return code;
}

static int
show_stats(const admin_client *asker, bool json)
{
    server_stats *stats = ask_stats(asker);
    if (stats == NULL)
        return EXIT_SERVER;
    if (json) {
        json_print_stats(stats);
        putchar('\n');
    } else {
        table_print_stats(stats);
    }
    protobuf_c_message_free_unpacked(&stats->base, NULL);
    return EXIT_FINE;
}

static int
carry_out(const admin_client *asker, const arguments *wanted)
{
    switch (wanted->command) {
    case COMMAND_PS:
        return with_calls(asker, show_ps, wanted->json);
    case COMMAND_TREE:
        return with_calls(asker, show_tree, wanted->json);
    case COMMAND_TOP:
        return top_show(asker, wanted->count, wanted->json);
    case COMMAND_STATS:
        return show_stats(asker, wanted->json);
    case COMMAND_CANCEL:
        return ask_cancel(asker, wanted->id, wanted->subtree, wanted->reason);
    case COMMAND_DRAIN:
        return ask_drain(asker);
    default:
        return EXIT_ARGUMENTS;
    }
}

/* An answer that could not be written is none. */
static int
check_written(int code)
{
    if (fflush(stdout) == 0 && !ferror(stdout))
        return code;
    perror("belayctl: standard output");
    return code == EXIT_FINE ? EXIT_SERVER : code;
}

int
main(int argc, char **argv)
{
    arguments wanted;
    admin_client asker;
    setlocale(LC_CTYPE, "");
    if (!arguments_read(argc, argv, &wanted))
        return EXIT_ARGUMENTS;
    if (wanted.command == COMMAND_HELP) {
        help_print();
        return check_written(EXIT_FINE);
    }
    if (wanted.command == COMMAND_VERSION) {
        printf("belayctl %s\n", belay_version());
        return check_written(EXIT_FINE);
    }
    if (!ask_open(&asker, wanted.server))
        return EXIT_ARGUMENTS;
    int code = carry_out(&asker, &wanted);
    ask_close(&asker);
    return check_written(code);
}
