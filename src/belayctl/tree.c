/* SPDX-License-Identifier: MIT */
#include "belayctl/tree.h"

#include <inttypes.h>
#include <langinfo.h>
#include <stdlib.h>
#include <string.h>

#include "belayctl/json.h"
#include "belayctl/text.h"

#define NONE SIZE_MAX

typedef struct node {
    size_t parent; /* NONE: a root */
    size_t first_child;
    size_t last_child;
    size_t next; /* sibling */
} node;

typedef struct call_tree {
    const call_list *list;
    node *nodes; /* as many as calls; one more stands for what is above the roots */
} call_tree;

/* ---- Building --------------------------------------------------------------------------------------- */

static size_t
find(const call_list *list, uint64_t id)
{
    size_t low = 0, high = list->n_calls;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (list->calls[middle]->id < id)
            low = middle + 1;
        else
            high = middle;
    }
    return low < list->n_calls && list->calls[low]->id == id ? low : NONE;
}

static void
append(call_tree *tree, size_t parent, size_t child)
{
    node *above = &tree->nodes[parent];
    tree->nodes[child].parent = parent;
    if (above->last_child == NONE)
        above->first_child = child;
    else
        tree->nodes[above->last_child].next = child;
    above->last_child = child;
}

/* Children often have smaller ids than their parents: what was listed first was numbered first. So a chain of parents
 * is followed up before a call is put below one, lest a list that makes no sense becomes a ring. */
static bool
is_below(const call_list *list, size_t call, size_t above)
{
    for (size_t steps = 0; call != NONE && steps <= list->n_calls; steps++) {
        if (call == above)
            return true;
        call = find(list, list->calls[call]->parent);
    }
    return call != NONE;
}

static bool
build(call_tree *tree, const call_list *list)
{
    size_t top = list->n_calls;
    tree->list = list;
    tree->nodes = malloc((top + 1) * sizeof *tree->nodes);
    if (tree->nodes == NULL)
        return false;
    for (size_t i = 0; i <= top; i++)
        tree->nodes[i] = (node){NONE, NONE, NONE, NONE};
    for (size_t i = 0; i < top; i++) {
        size_t parent = find(list, list->calls[i]->parent);
        bool hangs = parent != NONE && !is_below(list, parent, i);
        append(tree, hangs ? parent : top, i);
    }
    return true;
}

/* ---- Walking: without recursion, for there is no end to how deep a tree may be --------------------- */

/* What comes after a call in the order of printing; *closed counts the levels that end between the two. */
static size_t
follow(const call_tree *tree, size_t at, size_t *closed)
{
    *closed = 0;
    if (tree->nodes[at].first_child != NONE)
        return tree->nodes[at].first_child;
    for (; at != NONE && at != tree->list->n_calls; at = tree->nodes[at].parent) {
        if (tree->nodes[at].next != NONE)
            return tree->nodes[at].next;
        ++*closed;
    }
    return NONE;
}

/* ---- Drawing ---------------------------------------------------------------------------------------- */

typedef struct tree_strokes {
    const char *branch;
    const char *last;
    const char *trunk;
    const char *nothing;
} tree_strokes;

static const tree_strokes *
choose_strokes(void)
{
    static const tree_strokes lines = {"├─ ", "└─ ", "│  ", "   "};
    static const tree_strokes ascii = {"|- ", "`- ", "|  ", "   "};
    return strcmp(nl_langinfo(CODESET), "UTF-8") == 0 ? &lines : &ascii;
}

/* Deeper calls are drawn no deeper. */
#define DEEPEST 40

static void
print_prefix(const call_tree *tree, size_t at, const tree_strokes *strokes)
{
    size_t path[DEEPEST], depth = 0;
    /* From the call up; the root has no stroke of its own. */
    for (; tree->nodes[at].parent != tree->list->n_calls && depth < DEEPEST; at = tree->nodes[at].parent)
        path[depth++] = at;
    while (depth-- > 0) {
        bool more = tree->nodes[path[depth]].next != NONE;
        if (depth > 0)
            fputs(more ? strokes->trunk : strokes->nothing, stdout);
        else
            fputs(more ? strokes->branch : strokes->last, stdout);
    }
}

static void
print_call(const call_row *row)
{
    char time[TEXT_TIME_SIZE];
    printf("%" PRIu64 " ", row->id);
    text_print(stdout, row->method);
    fputs(" ", stdout);
    text_print_peer(stdout, row);
    fputs(": ", stdout);
    text_print(stdout, row->state);
    printf(", %s", text_time(row->age_ms, time));
    if (row->deadline_left_ms >= 0)
        printf(", %s left", text_time((uint64_t)row->deadline_left_ms, time));
    if (row->cancelled_ms >= 0) {
        fputs(" [", stdout);
        text_print_end(stdout, row);
        fputs("]", stdout);
    }
    putchar('\n');
}

bool
tree_print(const call_list *list)
{
    call_tree tree;
    size_t closed;
    if (!build(&tree, list))
        return false;
    const tree_strokes *strokes = choose_strokes();
    for (size_t at = tree.nodes[list->n_calls].first_child; at != NONE; at = follow(&tree, at, &closed)) {
        print_prefix(&tree, at, strokes);
        print_call(list->calls[at]);
    }
    free(tree.nodes);
    return true;
}

bool
tree_print_json(const call_list *list)
{
    call_tree tree;
    size_t closed;
    if (!build(&tree, list))
        return false;
    putchar('[');
    for (size_t at = tree.nodes[list->n_calls].first_child; at != NONE;) {
        putchar('{');
        json_print_fields(list->calls[at]);
        fputs(", \"calls\": [", stdout);
        bool goes_down = tree.nodes[at].first_child != NONE;
        at = follow(&tree, at, &closed);
        if (!goes_down)
            fputs("]}", stdout);
        for (size_t level = at == NONE ? 1 : 0; level < closed; level++)
            fputs("]}", stdout);
        if (at != NONE && !goes_down)
            fputs(", ", stdout);
    }
    puts("]");
    free(tree.nodes);
    return true;
}
