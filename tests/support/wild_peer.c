/* SPDX-License-Identifier: MIT */
#include "support/wild_peer.h"

void
wild_peer_run(raw_peer *peer, const char *address, dice *d, const char *const *methods, unsigned int count,
              uint32_t end)
{
    raw_settings settings = {.has_window = roll(d, 2) == 0, .window = roll(d, 100)};
    raw_connect(peer, address, settings);
    for (uint32_t id = 1; id < end; id += 2) {
        raw_call(peer, id, methods[roll(d, count)], roll(d, 3) == 0 ? "1m" : NULL, false);
        if (roll(d, 3) > 0)
            raw_message(peer, id, 4, roll(d, 2) == 0);
        if (roll(d, 3) == 0)
            raw_reset(peer, id, RAW_CANCEL);
    }
    if (roll(d, 2) == 0)
        raw_sync(peer);
    if (roll(d, 2) == 0)
        raw_break(peer);
    else
        raw_close(peer);
}
