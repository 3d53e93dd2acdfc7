# SPDX-License-Identifier: MIT
class Unavailable(Exception):
    """A measurement cannot be made here: a program is missing, or a server does not do that."""


class Failed(Exception):
    """A measurement went wrong this time: its figures are left out, and the reason is shown."""
