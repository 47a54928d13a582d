/* classes.h - the values of two sides sorted into classes that both share.
 *
 * A distance between two histograms means something only where both are cut at the same edges, so
 * edges always come from both sides together. There are two grains:
 *
 *   fine    for one attribute: counts by Freedman and Diaconis on the log scale over the joint
 * range, sets by value, ports by value where they are among the FINE_PORTS most frequent and by
 *           prefix where not
 *   coarse  for two attributes at once: counts in COARSE_RANGES equal widths on the log scale,
 * sets, ports and addresses by value where they are among the COARSE_ATOMS most frequent and by
 *           prefix where not
 *
 *     struct classes *classes = classes_create(real, synthetic);
 *     struct side side = side_create(real, classes);
 *     histogram[side.fine[ATTRIBUTE_BYTES][i]]++;
 */
#ifndef FLOWTWIN_EVAL_CLASSES_H
#define FLOWTWIN_EVAL_CLASSES_H

#include "data/bins.h"
#include "eval/traffic.h"

#define FINE_PORTS         1024
#define FINE_PORT_PREFIXES 256
#define COARSE_RANGES      32
#define COARSE_ATOMS       24
#define COARSE_PREFIXES    8

struct classes {
    uint32_t attributes;        /* bit per attribute that both sides have */
    struct bins *fine[N_CODED]; /* NULL for addresses, and what the sides lack */
    struct bins *coarse[N_CODED];
};

/* synthetic: NULL where both sides will be parts of `real`. Caller frees with classes_free. */
struct classes *classes_create(const struct traffic *real, const struct traffic *synthetic);
void classes_free(struct classes *classes);

/* Whether the attribute has fine classes, that is, a histogram of its own. */
bool classes_has_fine(const struct classes *classes, enum attribute attribute);

/* A side with the classes of its rows, indexed as its columns. */
struct side {
    const struct traffic *traffic; /* borrowed */
    const struct classes *classes; /* borrowed */
    uint16_t *fine[N_CODED];       /* [columns->n_rows], or NULL */
    uint8_t *coarse[N_CODED];
};

/* Released with side_release. */
struct side side_create(const struct traffic *traffic, const struct classes *classes);
void side_release(struct side *side);
/* The same classes for a part of the side's hosts: borrowed from the whole, not to be released. */
struct side side_part(const struct side *whole, const struct traffic *part);

#endif
