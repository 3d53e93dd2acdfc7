# SPDX-License-Identifier: MIT
"""All measurements, in the order in which they are made and shown."""
from . import (blocked, busy, cancel, client, flag, flood, footprint, instructions, memory, stream, unary,
               workers)

ALL = [
    *unary.MEASUREMENTS,
    *workers.MEASUREMENTS,
    *cancel.MEASUREMENTS,
    *busy.MEASUREMENTS,
    *flag.MEASUREMENTS,
    *client.MEASUREMENTS,
    *stream.MEASUREMENTS,
    *memory.MEASUREMENTS,
    *blocked.MEASUREMENTS,
    *flood.MEASUREMENTS,
    *footprint.MEASUREMENTS,
    *instructions.MEASUREMENTS,
]
