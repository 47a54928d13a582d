#include "eval/privacy.h"

#include "base/memory.h"
#include "eval/privacy_internal.h"
#include "eval/roc.h"
#include "eval/two_sample.h"
#include "eval/verdict.h"

#include <math.h>
#include <stdlib.h>

const char *const copies_meaning =
    "Worry where the twin's share is above that of held-out flows: what is beyond it was copied "
    "from training flows.";
const char *const nearest_meaning =
    "0.5: the twin is as near to training flows as other users are. Worry above " WORRY_NEARER_TEXT
    ", or where much more than 5 % are nearer than 95 % of the held-out ones: it keeps "
    "to what it was shown.";
const char *const membership_meaning =
    "0.5: who was trained on cannot be told from the likelihood. Worry above " WORRY_MEMBERSHIP_TEXT
    ": whoever has the model can tell whose flows it was made from.";

struct privacy privacy_measure(const struct traffic *training, const struct traffic *held_out,
                               const struct traffic *synthetic, uint64_t seed)
{
    struct privacy_sides sides = { training, held_out, synthetic, seed };
    return (struct privacy){
        .is_measured = true,
        .flows = copies_of_flows(&sides),
        .conversations = copies_of_conversations(&sides),
        .rows = nearest_of_windows(&sides, 1),
        .windows = nearest_of_windows(&sides, TWO_SAMPLE_WINDOW),
    };
}

/* ---- membership --------------------------------------------------------------------------- */

/* By its flows with addresses that are not monitored, as in a dataset. */
static enum host_type type_of(const struct sequence *sequence, const struct address_set *monitored)
{
    bool sends = false, receives = false;
    for (size_t i = sequence->first_scored; i < sequence->n_rows; i++) {
        const int64_t *value = sequence->rows[i].value;
        if (address_set_has(monitored, (uint32_t)value[ATTRIBUTE_REMOTE]))
            continue;
        sends |= value[ATTRIBUTE_DIRECTION] == DIRECTION_OUT;
        receives |= value[ATTRIBUTE_DIRECTION] == DIRECTION_IN;
    }
    return host_type_of(sends, receives);
}

/* The hosts of a set that are compared, cut to their first flows. items: freed by the caller, rows
 * borrowed. types: bit per type that is let in. */
static struct sequence_set choose_hosts(const struct sequence_set *set, unsigned types)
{
    struct sequence_set chosen = *set;
    chosen.items = memory_alloc(set->n, sizeof *chosen.items);
    chosen.n = chosen.n_rows = chosen.n_scored = 0;
    for (size_t s = 0; s < set->n; s++) {
        struct sequence sequence = set->items[s];
        size_t n_scored = sequence.n_rows - sequence.first_scored;
        if (n_scored < MEMBERSHIP_FEWEST ||
            (types & 1u << type_of(&sequence, &set->monitored)) == 0)
            continue;
        if (n_scored > MEMBERSHIP_FLOWS)
            sequence.n_rows = sequence.first_scored + MEMBERSHIP_FLOWS;
        chosen.items[chosen.n++] = sequence;
        chosen.n_rows += sequence.n_rows;
        chosen.n_scored += sequence.n_rows - sequence.first_scored;
    }
    return chosen;
}

static unsigned types_of(const struct sequence_set *set)
{
    unsigned types = 0;
    for (size_t s = 0; s < set->n; s++)
        if (set->items[s].n_rows - set->items[s].first_scored >= MEMBERSHIP_FEWEST)
            types |= 1u << type_of(&set->items[s], &set->monitored);
    return types;
}

/* Hosts of 0 are held out, of 1 trained on; what is likely scores high. */
static void compare_hosts(struct membership *membership, const struct nll nll[2])
{
    double *scores[2], *placements[2], *ones[2];
    for (size_t s = 0; s < 2; s++) {
        scores[s] = memory_alloc(nll[s].n_hosts, sizeof(double));
        placements[s] = memory_alloc(nll[s].n_hosts, sizeof(double));
        ones[s] = memory_alloc(nll[s].n_hosts, sizeof(double));
        for (size_t h = 0; h < nll[s].n_hosts; h++) {
            scores[s][h] = -nll[s].sums[h * NLL_COLUMNS + NLL_TOTAL] / nll[s].flows[h];
            ones[s][h] = 1.0;
        }
    }
    for (size_t s = 0; s < 2; s++)
        roc_placements(placements[s], scores[s], nll[s].n_hosts, scores[1 - s], nll[1 - s].n_hosts);
    struct roc_hosts found = { { placements[0], placements[1] },
                               { ones[0], ones[1] },
                               { nll[0].n_hosts, nll[1].n_hosts } };
    membership->auc = roc_area_of_hosts(&found);
    membership->found_at_1_percent = roc_found_at(scores[1], nll[1].n_hosts, scores[0],
                                                  nll[0].n_hosts, 0.01);
    for (size_t s = 0; s < 2; s++) {
        membership->n_hosts[1 - s] = nll[s].n_hosts;
        membership->nats_per_flow[1 - s] = nll[s].total;
        free(scores[s]);
        free(placements[s]);
        free(ones[s]);
    }
}

enum status membership_measure(struct membership *membership, nll_log_mass *log_mass,
                               const struct model *model, const struct sequence_set *trained,
                               const struct sequence_set *held_out, struct error *err)
{
    unsigned types = types_of(held_out);
    struct sequence_set chosen[] = { choose_hosts(held_out, types), choose_hosts(trained, types) };
    struct nll nll[2] = { 0 };
    enum status status = STATUS_OK;
    *membership = (struct membership){ .is_measured = chosen[0].n > 0 && chosen[1].n > 0 };
    for (size_t s = 0; membership->is_measured && status == STATUS_OK && s < 2; s++)
        status = nll_score_by(log_mass, &nll[s], model, &chosen[s], err);
    if (membership->is_measured && status == STATUS_OK)
        compare_hosts(membership, nll);
    for (size_t s = 0; s < 2; s++) {
        nll_release(&nll[s]);
        free(chosen[s].items);
    }
    return status;
}
