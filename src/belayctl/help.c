/* SPDX-License-Identifier: MIT */
#include "belayctl/help.h"

#include <stdio.h>

static const char text[] =
    "belayctl: looks into a belay server and cancels what it should not do any more\n"
    "\n"
    "USAGE\n"
    "  belayctl [--server=ADDRESS] ps|tree|stats [--json]\n"
    "  belayctl [--server=ADDRESS] top [--once | --count N] [--json]\n"
    "  belayctl [--server=ADDRESS] cancel ID [--subtree] --reason TEXT\n"
    "  belayctl [--server=ADDRESS] drain\n"
    "\n"
    "  ADDRESS is unix:PATH or HOST:PORT: what the server gave to belay_admin_listen(). Without the option it is\n"
    "  the environment's BELAY_ADMIN, else unix:/run/belay/admin.sock.\n"
    "\n"
    "COMMANDS\n"
    "  ps       the live calls, one a line, by their ids\n"
    "  tree     the same as a tree: below each call those that its handler opened\n"
    "  top      a screen of both, again each second; q quits. --once and --count N print so many screens, one after\n"
    "           the other, and touch no terminal\n"
    "  stats    the server's totals since its start, and what it holds now\n"
    "  cancel   ends a call. Its handler sees the cause \"operator\" and the reason; the client of a call that is\n"
    "           served gets CANCELLED with the reason. What the call opened ends with it, with cause \"parent\", or\n"
    "           with cause \"operator\" too when --subtree is given. Detached work goes on: it has an id of its own\n"
    "  drain    has the server end as SIGTERM would: no new calls, time for those under way, then they are cancelled.\n"
    "           Once more skips that time\n"
    "\n"
    "COLUMNS OF ps\n"
    "  ID        number of the call; no other call of the server's process has it, or will\n"
    "  PARENT    the call in whose handler it was opened; -: none\n"
    "  STATE     calls that are served: receiving (the request is not complete), queued, running, waiting in recv,\n"
    "            send, child (a call of its own) or sleep, blocked (in work that is not belay's), ending (the status\n"
    "            is on its way); calls to others: queued (for a connection), open, ending\n"
    "  AGE       since it came, or was started\n"
    "  LEFT      until its deadline; -: none\n"
    "  KIDS      calls in the list whose parent it is\n"
    "  METHOD    the method's path\n"
    "  PEER      \"from\" whom it comes, or \"to\" where it goes\n"
    "  ENDED     by what it was cancelled, when, and the reason; -: it was not\n"
    "\n"
    "JSON\n"
    "  ps: an array of objects: id, parent (0: none), method, peer, state, age_ms, deadline_left_ms (null: none),\n"
    "  cause (\"none\": it has not ended), reason, cancelled_ms (null: it was not), children (their number), target\n"
    "  (\"\" for a call that is served).\n"
    "  tree: an array of the roots, each with what is below it in \"calls\". stats: an object. top: an object with\n"
    "  stats and calls, one a line.\n"
    "\n"
    "EXIT CODES\n"
    "  0  done\n"
    "  1  the server cannot be reached, or did not do as it was asked\n"
    "  2  the command line makes no sense\n"
    "  3  cancel: there is no such call, or it had ended before\n";

void
help_print(void)
{
    fputs(text, stdout);
}
