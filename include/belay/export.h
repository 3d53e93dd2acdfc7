/* SPDX-License-Identifier: MIT */
/*
 * How the public headers declare things: visibility, C++ linkage, and the compiler's help in
 * noticing results that were not looked at.
 */
#ifndef BELAY_EXPORT_H
#define BELAY_EXPORT_H

#ifdef __cplusplus
#define BELAY_BEGIN_DECLS extern "C" {
#define BELAY_END_DECLS }
#else
#define BELAY_BEGIN_DECLS
#define BELAY_END_DECLS
#endif

#if defined(__GNUC__)
#define BELAY_API __attribute__((visibility("default")))
#define BELAY_WARN_UNUSED __attribute__((warn_unused_result))
#define BELAY_PRINTF(format_index, first_argument) \
    __attribute__((format(printf, format_index, first_argument)))
#else
#define BELAY_API
#define BELAY_WARN_UNUSED
#define BELAY_PRINTF(format_index, first_argument)
#endif

#endif
