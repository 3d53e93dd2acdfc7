/* SPDX-License-Identifier: MIT */
/* What is in a chunk of stream.proto: its number, in the first bytes. */
#ifndef PEERS_CHUNK_H
#define PEERS_CHUNK_H

#include <cstdint>
#include <string>

constexpr size_t chunk_least = 8;
constexpr size_t chunk_most = 4000000;

inline void
chunk_set_number(std::string *data, uint64_t number)
{
    for (size_t i = 0; i < chunk_least; i++)
        (*data)[i] = static_cast<char>(number >> 8 * i);
}

inline bool
chunk_has_number(const std::string &data, uint64_t number)
{
    for (size_t i = 0; i < chunk_least; i++)
        if (i >= data.size() || data[i] != static_cast<char>(number >> 8 * i))
            return false;
    return true;
}

#endif
