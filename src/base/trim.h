/* SPDX-License-Identifier: MIT */
#ifndef BLY_BASE_TRIM_H
#define BLY_BASE_TRIM_H

/* Has malloc give free memory back to the system, where it can be asked to (glibc). Takes milliseconds, during which
 * other threads may wait for memory. Any thread but an I/O thread. */
void bly_memory_trim(void);

#endif
