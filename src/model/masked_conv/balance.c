#include "model/masked_conv/balance.h"

#include "model/masked_conv/features.h"

#include <math.h>

/* Rows that an average is over, and how many it begins with that had what was due. */
#define LATE_ROWS  256.0F
#define FIRST_ROWS 16.0F
/* Shares below these count little. */
#define SMALL_SHARE         0.005F
#define SMALL_SERVICE_SHARE 0.01F
/* Weights stay within 1 / this .. this, and pushes. */
#define WEIGHT_MAX     50.0F
#define GAP_WEIGHT_MAX 8.0F
#define PUSH_MAX       4.0F
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

/* ---- gaps --------------------------------------------------------------------------------- */

bool balance_accepts(struct balance *balance, const struct pace_counts *left, enum link_kind before,
                     int64_t gap, struct rng *rng)
{
    float due[PACE_GAPS], weights[PACE_GAPS], drawn[PACE_GAPS] = { 0 }, highest = 0.0F;
    struct balanced *gaps = balance->gaps[before];
    float *n_rows = &balance->n_gaps[before];
    size_t of = pace_gap(gap);
    if (!find_due(left->of_gap + (size_t)before * PACE_GAPS, PACE_GAPS, due))
        return true;
    begin(gaps, n_rows, due, PACE_GAPS);
    find_weights(gaps, due, PACE_GAPS, SMALL_SERVICE_SHARE, GAP_WEIGHT_MAX, weights);
    for (size_t g = 0; g < PACE_GAPS; g++)
        highest = weights[g] > highest ? weights[g] : highest;
    bool is_taken = (float)rng_uniform(rng) * highest < weights[of];
    drawn[of] = 1.0F;
    if (is_taken) {
        float given[PACE_GAPS];
        for (size_t g = 0; g < PACE_GAPS; g++)
            given[g] = gaps[g].given;
        note(gaps, n_rows, given, drawn, due, PACE_GAPS, SMALL_SERVICE_SHARE);
    }
    for (size_t g = 0; g < PACE_GAPS; g++)
        gaps[g].given += (drawn[g] - gaps[g].given) / *n_rows;
    return is_taken;
}

/* ---- links -------------------------------------------------------------------------------- */

/* The routes of the head: of which kind, and of which service; SERVICE_SLOTS for none. */
struct link_routes {
    uint8_t kinds[N_LINK_CODES], slots[N_LINK_CODES];
};

static struct link_routes find_routes(const struct candidate_list *conversations,
                                      const struct candidate_list *remotes)
{
    struct link_routes routes;
    for (size_t code = 0; code < N_LINK_CODES; code++) {
        struct link link = link_of_code((int)code);
        const struct candidate_list *list = link.kind == LINK_REMOTE ? remotes : conversations;
        bool is_near = code < CANDIDATE_ROUTES && link.rank < list->n;
        routes.kinds[code] = (uint8_t)link.kind;
        routes.slots[code] = is_near ? list->items[link.rank].slot : SERVICE_SLOTS;
    }
    return routes;
}

/* Shares of the kinds, and of the services among all; no log likelihood hangs on them. */
struct link_shares {
    float kinds[N_LINK_KINDS], services[N_LINK_KINDS][SERVICE_SLOTS + 1];
};

static void add_up(const struct link_routes *routes, const uint8_t *available, const real *logits,
                   struct link_shares *shares)
{
    float highest = -INFINITY, sum = 0.0F, parts[N_LINK_CODES];
    for (size_t code = 0; code < N_LINK_CODES; code++)
        if (available[code] != 0 && (float)logits[code] > highest)
            highest = (float)logits[code];
    for (size_t code = 0; code < N_LINK_CODES; code++) {
        parts[code] = available[code] != 0 ? expf((float)logits[code] - highest) : 0.0F;
        sum += parts[code];
    }
    *shares = (struct link_shares){ 0 };
    for (size_t code = 0; code < N_LINK_CODES; code++)
        shares->services[routes->kinds[code]][routes->slots[code]] += parts[code] / sum;
    for (size_t kind = 0; kind < N_LINK_KINDS; kind++)
        for (size_t s = 0; s <= SERVICE_SLOTS; s++)
            shares->kinds[kind] += shares->services[kind][s];
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

/* Shares of the services in their kind. */
static void divide(float *services, float kind)
{
    for (size_t s = 0; s < SERVICE_SLOTS; s++)
        services[s] = kind > 0.0F ? services[s] / kind : 0.0F;
}

void balance_links(struct balance *balance, const struct pace_counts *due, enum link_kind before,
                   int64_t gap, const struct candidate_list *conversations,
                   const struct candidate_list *remotes, const uint8_t *available, real *logits)
{
    size_t state = pace_state(before, gap);
    float due_kinds[N_LINK_KINDS], due_services[LINK_NEW][SERVICE_SLOTS];
    float of_kinds[N_LINK_KINDS], of_services[LINK_NEW][SERVICE_SLOTS];
    if (pace_flows(due) == 0)
        return;
    struct link_routes routes = find_routes(conversations, remotes);
    struct link_shares given, drawn;
    add_up(&routes, available, logits, &given);
    find_due_kinds(due, state, due_kinds);
    begin(balance->kinds[state], &balance->n_kinds[state], due_kinds, N_LINK_KINDS);
    find_weights(balance->kinds[state], due_kinds, N_LINK_KINDS, SMALL_SHARE, WEIGHT_MAX, of_kinds);
    bool has_services[LINK_NEW];
    for (enum link_kind kind = 0; kind < LINK_NEW; kind++) {
        has_services[kind] = find_due(due->of_service + (size_t)kind * SERVICE_SLOTS, SERVICE_SLOTS,
                                      due_services[kind]);
        if (!has_services[kind])
            continue;
        begin(balance->services[kind], &balance->n_services[kind], due_services[kind],
              SERVICE_SLOTS);
        find_weights(balance->services[kind], due_services[kind], SERVICE_SLOTS,
                     SMALL_SERVICE_SHARE, WEIGHT_MAX, of_services[kind]);
    }
    for (size_t code = 0; code < N_LINK_CODES; code++) {
        size_t kind = routes.kinds[code], slot = routes.slots[code];
        float weight = of_kinds[kind];
        if (slot < SERVICE_SLOTS && has_services[kind])
            weight *= of_services[kind][slot];
        logits[code] += (real)logf(weight);
    }
    add_up(&routes, available, logits, &drawn);
    note(balance->kinds[state], &balance->n_kinds[state], given.kinds, drawn.kinds, due_kinds,
         N_LINK_KINDS, SMALL_SHARE);
    for (enum link_kind kind = 0; kind < LINK_NEW; kind++) {
        if (!has_services[kind])
            continue;
        /* A row says as much of the services of a kind as it has of that. */
        float whole = drawn.kinds[kind];
        divide(given.services[kind], given.kinds[kind]);
        divide(drawn.services[kind], drawn.kinds[kind]);
        struct balanced *services = balance->services[kind];
        for (size_t s = 0; s < SERVICE_SLOTS; s++) {
            given.services[kind][s] = services[s].given +
                                      whole * (given.services[kind][s] - services[s].given);
            drawn.services[kind][s] = services[s].drawn +
                                      whole * (drawn.services[kind][s] - services[s].drawn);
        }
        note(services, &balance->n_services[kind], given.services[kind], drawn.services[kind],
             due_services[kind], SERVICE_SLOTS, SMALL_SERVICE_SHARE);
    }
}
