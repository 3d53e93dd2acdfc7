/* SPDX-License-Identifier: MIT */
#include "io/straggler.h"

#include "base/assert.h"
#include "io/loop_inside.h"

void
bly_straggler_enter(bly_loop *loop, bly_straggler *straggler, void (*give_up)(bly_straggler *straggler))
{
    BLY_ASSERT_CURRENT(loop);
    straggler->since_ms = bly_loop_turn_ms(loop);
    straggler->give_up = give_up;
    bly_list_append(&loop->stragglers, &straggler->link);
}

void
bly_straggler_leave(bly_straggler *straggler)
{
    bly_list_remove(&straggler->link);
}

static void
rang(uv_timer_t *alarm)
{
    bly_loop_say_awake(alarm->data); /* only to end the poll */
}

bool
bly_stragglers_see_off(bly_loop *loop)
{
    uv_update_time(&loop->uv);
    uint64_t now = uv_now(&loop->uv);
    while (!bly_list_is_empty(&loop->stragglers)) {
        bly_straggler *first = BLY_LIST_ENTRY(loop->stragglers.next, bly_straggler, link);
        uint64_t until = first->since_ms + BLY_STRAGGLER_MS;
        if (now < until) {
            uv_timer_start(&loop->straggler_alarm, rang, until - now, 0);
            return false;
        }
        first->give_up(first);
    }
    return true;
}
