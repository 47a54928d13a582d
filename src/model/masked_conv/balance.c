#include "model/masked_conv/balance.h"

#include "model/masked_conv/features.h"
#include "nn/categorical.h"

#include <math.h>

/* Rows that an average is over, and how many it begins with that had what was due. */
#define LATE_ROWS  256.0F
#define FIRST_ROWS 16.0F
/* Shares below these count little. */
#define SMALL_SHARE         0.005F
#define SMALL_SERVICE_SHARE 0.01F
/* Weights stay within 1 / this .. this, and pushes. */
#define WEIGHT_MAX  50.0F
#define REDRAWN_MAX 8.0F /* where one that is not taken is drawn anew */
#define PUSH_MAX    4.0F
/* As many as are weighed at once and drawn anew. */
enum { THINGS_MAX = PACE_GAPS, PROTOCOLS_MAX = 256 };
/* Flows of what is due of all states that count with those of one. */
#define FLOWS_OF_ALL 1.0F

static float clamp(float x, float most)
{
    return x < 1.0F / most ? 1.0F / most : x > most ? most : x;
}

/* ---- averages ----------------------------------------------------------------------------- */

/* Begins with what is due of n things. */
static void begin(struct balanced *things, float *n_rows, const float *due, size_t n)
{
    if (*n_rows > 0.0F)
        return;
    *n_rows = FIRST_ROWS;
    for (size_t i = 0; i < n; i++)
        things[i] = (struct balanced){ due[i], due[i], 1.0F };
}

static void find_weights(const struct balanced *things, const float *due, size_t n, float small,
                         float most, float *weights)
{
    for (size_t i = 0; i < n; i++)
        weights[i] = clamp((due[i] + small) / (things[i].given + small) * things[i].push, most);
}

/* One row more, in which n things were given and drawn these shares. */
static void note(struct balanced *things, float *n_rows, const float *given, const float *drawn,
                 const float *due, size_t n, float small)
{
    float rate = 1.0F / (*n_rows + 1.0F);
    for (size_t i = 0; i < n; i++) {
        struct balanced *thing = &things[i];
        thing->given += rate * (given[i] - thing->given);
        thing->drawn += rate * (drawn[i] - thing->drawn);
        float missing = (due[i] - thing->drawn) / (due[i] + thing->drawn + small);
        thing->push = clamp(thing->push * (1.0F + missing / LATE_ROWS), PUSH_MAX);
    }
    *n_rows = *n_rows + 1.0F < LATE_ROWS ? *n_rows + 1.0F : LATE_ROWS;
}

/* Shares of n counts; false where there are none. */
static bool find_due(const int32_t *counts, size_t n, float *due)
{
    int64_t all = 0;
    for (size_t i = 0; i < n; i++)
        all += counts[i];
    for (size_t i = 0; i < n; i++)
        due[i] = all > 0 ? (float)counts[i] / (float)all : 0.0F;
    return all > 0;
}

/* The same where the things are parts of something that has the share `part` of the row: so much
 * the row says of them. given and drawn are overwritten. */
static void note_part(struct balanced *things, float *n_rows, float *given, float *drawn,
                      const float *due, size_t n, float part)
{
    for (size_t i = 0; i < n; i++) {
        given[i] = things[i].given + part * (given[i] - things[i].given);
        drawn[i] = things[i].drawn + part * (drawn[i] - things[i].drawn);
    }
    note(things, n_rows, given, drawn, due, n, SMALL_SERVICE_SHARE);
}

/* Whether thing `of` of n is taken, that the network has drawn. */
static bool accept(struct balanced *things, float *n_rows, const float *due, size_t n, size_t of,
                   struct rng *rng)
{
    float weights[THINGS_MAX], given[THINGS_MAX], drawn[THINGS_MAX] = { 0 }, highest = 0.0F;
    begin(things, n_rows, due, n);
    find_weights(things, due, n, SMALL_SERVICE_SHARE, REDRAWN_MAX, weights);
    for (size_t i = 0; i < n; i++) {
        highest = weights[i] > highest ? weights[i] : highest;
        things[i].given += ((float)(i == of) - things[i].given) / *n_rows;
        given[i] = things[i].given;
    }
    if ((float)rng_uniform(rng) * highest >= weights[of])
        return false;
    drawn[of] = 1.0F;
    note(things, n_rows, given, drawn, due, n, SMALL_SERVICE_SHARE);
    return true;
}

/* ---- gaps --------------------------------------------------------------------------------- */

bool balance_accepts_gap(struct balance *balance, const struct pace_counts *left,
                         enum link_kind before, int64_t gap, struct rng *rng)
{
    float due[PACE_GAPS];
    if (!find_due(left->of_gap + (size_t)before * PACE_GAPS, PACE_GAPS, due))
        return true;
    return accept(balance->gaps[before], &balance->n_gaps[before], due, PACE_GAPS, pace_gap(gap),
                  rng);
}

/* ---- links -------------------------------------------------------------------------------- */

/* What the network gives, or what is drawn: shares of the kinds, and in each kind of the services
 * of its candidates; SERVICE_SLOTS stands for what is no near candidate. */
struct link_shares {
    float kinds[N_LINK_KINDS], services[N_LINK_KINDS][SERVICE_SLOTS + 1];
};

/* The routes of a kind: its near candidates, from a code on, and what is older. */
struct link_routes {
    size_t first, n, older;
    const struct candidate *candidates;
};

static void find_routes(const struct candidate_list *conversations,
                        const struct candidate_list *remotes, struct link_routes routes[LINK_NEW])
{
    for (enum link_kind kind = 0; kind < LINK_NEW; kind++) {
        const struct candidate_list *list = kind == LINK_REMOTE ? remotes : conversations;
        const struct link nearest = { kind, 0 }, older = { kind, near_ranks(kind) };
        routes[kind] = (struct link_routes){ (size_t)link_code(&nearest), list->n,
                                             (size_t)link_code(&older), list->items };
    }
}

/* exp of the logits of the available routes, up to a factor; 0 of the others. */
static void find_odds(const struct link_routes *routes, const uint8_t *available,
                      const real *logits, struct link_shares *odds)
{
    real highest = categorical_highest(logits, available, N_LINK_CODES);
    *odds = (struct link_shares){ 0 };
    for (enum link_kind kind = 0; kind < LINK_NEW; kind++) {
        const struct link_routes *of = &routes[kind];
        for (size_t rank = 0; rank < of->n; rank++)
            if (available[of->first + rank] != 0)
                odds->services[kind][of->candidates[rank].slot] += expf(
                    (float)(logits[of->first + rank] - highest));
        if (available[of->older] != 0)
            odds->services[kind][SERVICE_SLOTS] = expf((float)(logits[of->older] - highest));
    }
    if (available[LINK_CODE_NEW] != 0)
        odds->services[LINK_NEW][SERVICE_SLOTS] = expf((float)(logits[LINK_CODE_NEW] - highest));
}

/* Odds to shares. */
static void find_shares(struct link_shares *shares)
{
    float all = 0.0F;
    for (size_t kind = 0; kind < N_LINK_KINDS; kind++) {
        float sum = 0.0F;
        for (size_t s = 0; s <= SERVICE_SLOTS; s++)
            sum += shares->services[kind][s];
        for (size_t s = 0; sum > 0.0F && s <= SERVICE_SLOTS; s++)
            shares->services[kind][s] /= sum;
        shares->kinds[kind] = sum;
        all += sum;
    }
    for (size_t kind = 0; kind < N_LINK_KINDS; kind++)
        shares->kinds[kind] /= all;
}

/* What is due of the kinds in a state: of few flows it is much as in all of them. */
static void find_due_kinds(const struct pace_counts *due, size_t state, float *shares)
{
    const int32_t *counts = due->of_step + state * N_LINK_KINDS;
    float all = (float)pace_flows(due), n = 0.0F;
    for (enum link_kind kind = 0; kind < N_LINK_KINDS; kind++)
        n += (float)counts[kind];
    for (enum link_kind kind = 0; kind < N_LINK_KINDS; kind++) {
        float of_all = (float)pace_flows_of_kind(due, kind) / all;
        shares[kind] = ((float)counts[kind] + FLOWS_OF_ALL * of_all) / (n + FLOWS_OF_ALL);
    }
}

/* Adds the logarithms of weights to the logits. */
static void weigh(const struct link_routes *routes, const struct link_shares *weights, real *logits)
{
    for (enum link_kind kind = 0; kind < LINK_NEW; kind++) {
        real logs[SERVICE_SLOTS + 1];
        for (size_t s = 0; s <= SERVICE_SLOTS; s++)
            logs[s] = (real)logf(weights->services[kind][s]);
        for (size_t rank = 0; rank < routes[kind].n; rank++)
            logits[routes[kind].first + rank] += logs[routes[kind].candidates[rank].slot];
        logits[routes[kind].older] += logs[SERVICE_SLOTS];
    }
    logits[LINK_CODE_NEW] += (real)logf(weights->services[LINK_NEW][SERVICE_SLOTS]);
}

void balance_links(struct balance *balance, const struct pace_counts *due, enum link_kind before,
                   int64_t gap, const struct candidate_list *conversations,
                   const struct candidate_list *remotes, const uint8_t *available, real *logits)
{
    size_t state = pace_state(before, gap);
    float due_kinds[N_LINK_KINDS], due_services[LINK_NEW][SERVICE_SLOTS], of_kinds[N_LINK_KINDS];
    bool has_services[LINK_NEW];
    struct link_routes routes[LINK_NEW];
    struct link_shares given, drawn, weights;
    if (pace_flows(due) == 0)
        return;
    find_routes(conversations, remotes, routes);
    find_odds(routes, available, logits, &given);
    find_due_kinds(due, state, due_kinds);
    begin(balance->kinds[state], &balance->n_kinds[state], due_kinds, N_LINK_KINDS);
    find_weights(balance->kinds[state], due_kinds, N_LINK_KINDS, SMALL_SHARE, WEIGHT_MAX, of_kinds);
    for (enum link_kind kind = 0; kind < N_LINK_KINDS; kind++) {
        float *of_services = weights.services[kind];
        bool is_told = kind < LINK_NEW && find_due(due->of_service + (size_t)kind * SERVICE_SLOTS,
                                                   SERVICE_SLOTS, due_services[kind]);
        for (size_t s = 0; s <= SERVICE_SLOTS; s++)
            of_services[s] = 1.0F;
        if (is_told) {
            begin(balance->services[kind], &balance->n_services[kind], due_services[kind],
                  SERVICE_SLOTS);
            find_weights(balance->services[kind], due_services[kind], SERVICE_SLOTS,
                         SMALL_SERVICE_SHARE, WEIGHT_MAX, of_services);
        }
        if (kind < LINK_NEW)
            has_services[kind] = is_told;
        for (size_t s = 0; s <= SERVICE_SLOTS; s++) {
            of_services[s] *= of_kinds[kind];
            drawn.services[kind][s] = given.services[kind][s] * of_services[s];
        }
    }
    weigh(routes, &weights, logits);
    find_shares(&given);
    find_shares(&drawn);
    note(balance->kinds[state], &balance->n_kinds[state], given.kinds, drawn.kinds, due_kinds,
         N_LINK_KINDS, SMALL_SHARE);
    for (enum link_kind kind = 0; kind < LINK_NEW; kind++)
        if (has_services[kind])
            note_part(balance->services[kind], &balance->n_services[kind], given.services[kind],
                      drawn.services[kind], due_services[kind], SERVICE_SLOTS, drawn.kinds[kind]);
}

void balance_turns(struct balance *balance, const struct pace_counts *due, int64_t clock,
                   const struct candidate_list *conversations, const struct candidate_list *remotes,
                   const uint8_t *available, real *logits)
{
    struct link_routes routes[LINK_NEW];
    struct link_shares odds;
    int64_t hour = clock - clock % SECONDS_PER_HOUR;
    find_routes(conversations, remotes, routes);
    find_odds(routes, available, logits, &odds);
    real highest = categorical_highest(logits, available, N_LINK_CODES);
    find_shares(&odds);
    for (enum link_kind kind = 0; kind < LINK_NEW; kind++) {
        const struct link_routes *of = &routes[kind];
        float due_turns[PACE_TURNS], weights[PACE_TURNS], given[PACE_TURNS] = { 0 },
                                                          drawn[PACE_TURNS];
        float all_given = 0.0F, all_drawn = 0.0F;
        struct balanced *turns = balance->turns[kind];
        if (!find_due(due->of_turn + (size_t)kind * PACE_TURNS, PACE_TURNS, due_turns))
            continue;
        begin(turns, &balance->n_turns[kind], due_turns, PACE_TURNS);
        find_weights(turns, due_turns, PACE_TURNS, SMALL_SERVICE_SHARE, WEIGHT_MAX, weights);
        for (size_t rank = 0; rank < of->n; rank++)
            if (available[of->first + rank] != 0)
                given[candidate_turn(&of->candidates[rank], hour)] += expf(
                    (float)(logits[of->first + rank] - highest));
        for (size_t t = 0; t < PACE_TURNS; t++) {
            drawn[t] = given[t] * weights[t];
            all_given += given[t];
            all_drawn += drawn[t];
        }
        if (all_given <= 0.0F || all_drawn <= 0.0F)
            continue;
        real logs[PACE_TURNS];
        for (size_t t = 0; t < PACE_TURNS; t++) {
            logs[t] = (real)logf(weights[t] * all_given / all_drawn);
            given[t] /= all_given;
            drawn[t] /= all_drawn;
        }
        for (size_t rank = 0; rank < of->n; rank++)
            logits[of->first + rank] += logs[candidate_turn(&of->candidates[rank], hour)];
        note_part(turns, &balance->n_turns[kind], given, drawn, due_turns, PACE_TURNS,
                  odds.kinds[kind]);
    }
}

/* ---- what opens a conversation ------------------------------------------------------------- */

/* Weighs the logits of n routes, each of which leads to one of n_things. */
static void weigh_routes(struct balanced *things, float *n_rows, const float *due, size_t n_things,
                         const uint8_t *of, size_t n, const uint8_t *available, real *logits)
{
    float weights[THINGS_MAX], given[THINGS_MAX] = { 0 }, drawn[THINGS_MAX];
    float all_given = 0.0F, all_drawn = 0.0F;
    real highest = categorical_highest(logits, available, n);
    begin(things, n_rows, due, n_things);
    find_weights(things, due, n_things, SMALL_SHARE, WEIGHT_MAX, weights);
    for (size_t k = 0; k < n; k++) {
        if (available[k] != 0)
            given[of[k]] += expf((float)(logits[k] - highest));
        logits[k] += (real)logf(weights[of[k]]);
    }
    for (size_t i = 0; i < n_things; i++) {
        drawn[i] = given[i] * weights[i];
        all_given += given[i];
        all_drawn += drawn[i];
    }
    if (all_given <= 0.0F)
        return;
    for (size_t i = 0; i < n_things; i++) {
        given[i] /= all_given;
        drawn[i] /= all_drawn;
    }
    note(things, n_rows, given, drawn, due, n_things, SMALL_SHARE);
}

void balance_directions(struct balance *balance, const struct pace_counts *due, enum link_kind kind,
                        const uint8_t *available, real *logits)
{
    static const uint8_t of[] = { 0, 1 };
    float shares[2];
    int32_t counts[2] = { 0 };
    for (size_t form = 0; form < PACE_FORMS; form++)
        counts[form / N_SHARES] += due->of_class[(size_t)kind * PACE_FORMS + form];
    if (find_due(counts, 2, shares))
        weigh_routes(balance->directions[kind], &balance->n_directions[kind], shares, 2, of, 2,
                     available, logits);
}

void balance_protocols(struct balance *balance, const struct pace_counts *due, enum link_kind kind,
                       int64_t direction, const int64_t *protocols, size_t n,
                       const uint8_t *available, real *logits)
{
    uint8_t of[PROTOCOLS_MAX];
    float shares[N_SHARES];
    const int32_t *counts = due->of_class + (size_t)kind * PACE_FORMS +
                            (size_t)direction * N_SHARES;
    for (size_t k = 0; k < n; k++)
        of[k] = (uint8_t)share_of(protocols[k]);
    if (find_due(counts, N_SHARES, shares))
        weigh_routes(balance->protocols[kind][direction], &balance->n_protocols[kind][direction],
                     shares, N_SHARES, of, n, available, logits);
}

/* The place of a port among those that have a slot; SLOTS_OF_LIST where it has none. */
static size_t place_of(const struct service_lists *lists, enum share share, enum service_side side,
                       int64_t port)
{
    size_t place = service_list_find(&lists->lists[share == SHARE_UDP][side], port);
    return place < SLOTS_OF_LIST ? place : SLOTS_OF_LIST;
}

bool balance_accepts_port(struct balance *balance, const struct pace_counts *due,
                          enum link_kind kind, const struct row *row, enum service_side side,
                          int64_t port, const struct service_lists *lists, struct rng *rng)
{
    enum share share = share_of(row->value[ATTRIBUTE_PROTOCOL]);
    if (share > SHARE_UDP)
        return true;
    /* The host's own port comes first; where it is that of a service, the other one is not. */
    if (side == SERVICE_USED &&
        place_of(lists, share, SERVICE_SERVED, row->value[ATTRIBUTE_LOCAL_PORT]) < SLOTS_OF_LIST)
        return true;
    const int32_t *of_kind = due->of_service + (size_t)kind * SERVICE_SLOTS;
    int32_t counts[SLOTS_OF_LIST + 1];
    counts[SLOTS_OF_LIST] = of_kind[SLOT_OTHERS + share];
    for (size_t i = 0; i < SLOTS_OF_LIST; i++) {
        counts[i] = of_kind[service_first_slot(share, side) + i];
        if (side == SERVICE_SERVED)
            counts[SLOTS_OF_LIST] += of_kind[service_first_slot(share, SERVICE_USED) + i];
    }
    float shares[SLOTS_OF_LIST + 1];
    if (!find_due(counts, SLOTS_OF_LIST + 1, shares))
        return true;
    size_t protocol = share == SHARE_UDP;
    return accept(balance->ports[kind][protocol][side], &balance->n_ports[kind][protocol][side],
                  shares, SLOTS_OF_LIST + 1, place_of(lists, share, side, port), rng);
}
