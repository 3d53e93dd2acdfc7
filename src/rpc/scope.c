/* SPDX-License-Identifier: MIT */
#include "rpc/scope.h"

#include "rpc/client_call.h"

void
bly_scope_init(bly_scope *scope, bly_arena *arena)
{
    scope->arena = arena;
    bly_list_init(&scope->calls);
    bly_list_init(&scope->parts);
}

void
bly_scope_stop(bly_scope *scope)
{
    for (bly_link *link = scope->parts.previous; link != &scope->parts; link = link->previous) {
        bly_scope_part *part = BLY_LIST_ENTRY(link, bly_scope_part, link);
        part->stop(part);
    }
}

void
bly_scope_release_calls(bly_scope *scope)
{
    bly_link *link;
    while ((link = scope->calls.next) != &scope->calls)
        belay_call_free(bly_client_call_of_handler_link(link));
}

void
bly_scope_release_parts(bly_scope *scope)
{
    bly_link *link;
    while ((link = scope->parts.previous) != &scope->parts) {
        bly_scope_part *part = BLY_LIST_ENTRY(link, bly_scope_part, link);
        part->release(part);
    }
}
