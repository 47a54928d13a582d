/* masked_conv_fixture.h - what tests of masked-conv share. */
#ifndef FLOWTWIN_TESTS_MASKED_CONV_FIXTURE_H
#define FLOWTWIN_TESTS_MASKED_CONV_FIXTURE_H

#include "base/rng.h"
#include "model/masked_conv/masked_conv.h"

/* A host's past as sampling has it, row by row: a live memory, and nothing linked beforehand. */
struct live_past {
    const struct vocabulary *vocabulary;
    struct conversation_memory *memory;
    struct like_rows *like_rows;
    struct past_row previous, last_new;
    bool has_previous, has_last_new;
    int64_t clock;
    uint64_t n_rows, n_in_second;
    /* What the context of a row borrows: */
    struct past_row match, before;
    int32_t like[N_LIKENESSES];
    uint16_t kept[CONVERSATIONS_KEPT + 1024];
    uint8_t full_octets[256], kept_octets[256];
    struct beats beats;
    struct beats_due beats_due[2];
};

/* Caller frees with live_past_free. */
struct live_past *live_past_create(const struct vocabulary *vocabulary, int64_t start);
void live_past_free(struct live_past *past);
/* The context of a row that would come next; borrowed until the next call. */
void live_past_context(struct live_past *past, const struct row *row, struct row_context *context);
void live_past_note(struct live_past *past, const struct row *row);

/* Where row i of a linked sequence counts, by the contexts that it gives. */
struct pace_mark mark_of_row(const struct linked_sequence *linked, size_t i,
                             const struct service_lists *services);

/* Rows of every kind close together: few remotes in one /24 and elsewhere, few ports, protocols
 * with and without ports, and now and then a number near the end of its type. */
struct row crowded_row(struct rng *rng);
/* A host of such rows. Caller frees with sequence_set_free. */
struct sequence_set *crowded_sequence(uint64_t seed, size_t n_rows);

/* A world so small that all of its rows can be enumerated: a vocabulary, a past with conversations
 * that are kept (one with a remote that is no atom, and an echo), and every row that a network
 * tells that keeps to the first tiny_routes() of each head. Its last row has a duration, so that
 * the next one may keep the order within its second. */
enum {
    TINY_PAST = 5,
    TINY_IDENTITIES = 4 * 2 * 3 * 3 * 5, /* remote, direction, protocol, ports */
    TINY_REST = 2 * 2 * 3,               /* flags, bytes, duration */
    TINY_ROWS = 2 * TINY_IDENTITIES * TINY_REST,
};
struct vocabulary tiny_vocabulary(void); /* caller releases it */
extern const struct row tiny_past[TINY_PAST];
/* number = (gap * TINY_REST + rest) * TINY_IDENTITIES + identity */
struct row tiny_row(size_t number);
size_t tiny_routes(const struct heads *heads, enum head head);

/* Settings with their defaults, but for a small network. */
struct masked_conv_settings small_settings(void);

/* A model with first weights for the hosts of a set, whose vocabulary it learns; on one thread from
 * now on. Caller frees with masked_conv_free. */
struct masked_conv *small_model(const struct sequence_set *train,
                                const struct masked_conv_settings *settings, uint64_t seed);

#endif
