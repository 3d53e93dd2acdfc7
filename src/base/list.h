/* SPDX-License-Identifier: MIT */
/*
 * Intrusive doubly linked lists. A link is in at most one list; an unlinked link points to itself,
 * so that removing twice is harmless. Not locked: the list's owner says by what it is guarded.
 */
#ifndef BLY_BASE_LIST_H
#define BLY_BASE_LIST_H

#include <stdbool.h>
#include <stddef.h>

#include "base/assert.h"

typedef struct bly_link {
    struct bly_link *next;
    struct bly_link *previous;
} bly_link;

/* A list is a link that stands for both ends. */
typedef bly_link bly_list;

#define BLY_LIST_ENTRY(link, type, member) BLY_CONTAINER_OF(link, type, member)

static inline void
bly_link_init(bly_link *link)
{
    link->next = link;
    link->previous = link;
}

static inline bool
bly_link_is_linked(const bly_link *link)
{
    return link->next != link;
}

static inline void
bly_list_init(bly_list *list)
{
    bly_link_init(list);
}

static inline bool
bly_list_is_empty(const bly_list *list)
{
    return list->next == list;
}

/* Appends a link that is in no list. */
static inline void
bly_list_append(bly_list *list, bly_link *link)
{
    link->previous = list->previous;
    link->next = list;
    list->previous->next = link;
    list->previous = link;
}

/* Takes a link out of whatever list it is in; nothing when it is in none. */
static inline void
bly_list_remove(bly_link *link)
{
    link->previous->next = link->next;
    link->next->previous = link->previous;
    bly_link_init(link);
}

/* Takes the first link out, or gives NULL for an empty list. */
static inline bly_link *
bly_list_take_first(bly_list *list)
{
    bly_link *link = list->next;
    if (link == list)
        return NULL;
    bly_list_remove(link);
    return link;
}

/* Moves all of `from` to the end of `to`; `from` is empty afterwards. */
static inline void
bly_list_splice(bly_list *to, bly_list *from)
{
    if (bly_list_is_empty(from))
        return;
    from->next->previous = to->previous;
    to->previous->next = from->next;
    from->previous->next = to;
    to->previous = from->previous;
    bly_list_init(from);
}

#endif
