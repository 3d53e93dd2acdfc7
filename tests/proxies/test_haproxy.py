#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""belay and haproxy, see through.py."""
import sys

sys.dont_write_bytecode = True
import through

through.run('haproxy')
