# SPDX-License-Identifier: MIT
"""The driver of `make bench`. Reading order: runner (what happens in which order), measurement and claims
(what a measurement is, and what is held against it), then any module of measurements/."""
