# SPDX-License-Identifier: MIT
"""check_json.py KIND < what belayctl printed: is it the JSON that --help promises? KIND: ps, tree, stats, top."""
import json
import sys

FIELDS = {
    "id": int, "parent": int, "method": str, "peer": str, "state": str, "age_ms": int,
    "deadline_left_ms": (int, type(None)), "cause": str, "reason": str, "cancelled_ms": (int, type(None)),
    "children": int, "target": str,
}


def check_call(call, more=()):
    assert set(call) == set(FIELDS) | set(more), sorted(call)
    for name, kind in FIELDS.items():
        assert isinstance(call[name], kind) and not isinstance(call[name], bool), (name, call[name])
    assert call["id"] > 0


def check_ps(calls):
    ids = [call["id"] for call in calls]
    assert ids == sorted(set(ids))
    for call in calls:
        check_call(call)
        assert call["children"] == sum(1 for other in calls if other["parent"] == call["id"])


def check_tree(calls, parent=None):
    for call in calls:
        check_call(call, more=["calls"])
        assert call["children"] == len(call["calls"])
        assert parent is None or call["parent"] == parent
        check_tree(call["calls"], call["id"])


def check_stats(stats):
    assert stats.pop("draining") in (True, False)
    assert "handlers_running" in stats and all(isinstance(value, int) for value in stats.values())


kind = sys.argv[1]
if kind == "top":
    for line in sys.stdin:
        screen = json.loads(line)
        check_stats(screen["stats"])
        check_ps(screen["calls"])
else:
    {"ps": check_ps, "tree": check_tree, "stats": check_stats}[kind](json.load(sys.stdin))
