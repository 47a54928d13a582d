/* privacy_internal.h - the parts of privacy_measure. */
#ifndef FLOWTWIN_EVAL_PRIVACY_INTERNAL_H
#define FLOWTWIN_EVAL_PRIVACY_INTERNAL_H

#include "eval/privacy.h"

struct privacy_sides {
    const struct traffic *training, *held_out, *synthetic;
    uint64_t seed;
};

/* copies.c */
struct copies copies_of_flows(const struct privacy_sides *sides);
struct copies copies_of_conversations(const struct privacy_sides *sides);

/* nearest.c: of windows of so many flows. */
struct nearest nearest_of_windows(const struct privacy_sides *sides, size_t length);

#endif
