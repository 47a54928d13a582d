#include "model/masked_conv/candidates.h"

#include "base/error.h"
#include "model/masked_conv/features.h"

#include <stdlib.h>
#include <string.h>

/* How a candidate stands: its codes are below these. */
enum {
    FORM_CODES = 6,  /* direction and protocol of its last flow */
    FEW_FLOWS = 4,   /* 1, 2, 3, more */
    FLOW_CODES = 14, /* two an octave */
    AGE_CODES = 30,  /* s since then, two an octave */
    ROW_CODES = 21,  /* rows since then, the same */
    BEAT_CODES = 15, /* its age, against what was between its last two flows */
    ONTIME_LATE = 5, /* s after which a beat is missed */
    ONTIME_STEPS = 8,
    ONTIME_CODES = 1 + N_BEAT_LEVELS * ONTIME_STEPS, /* how early or late it is for its beat */
    PERIOD_NOW_CODES = 1 + PERIOD_CLASSES, /* the period of a beat that is due now and not sure */
    SIZE_CODES = 16,                       /* of its last flow: packets, and whether it took time */
    FLAGS_KINDS = 32,
    STEP_CODES = 1 + 3 * 3, /* of either port: the same, a near one, another */
    INTERVAL_CODES = 24,
    AGE_STEPS = 8,     /* coarse ages */
    FOLLOW_CODES = 13, /* share of the followers */
    STATE_CODES = FEW_FLOWS * FORM_CODES,
    FLOW_STEPS = 8,
    DUE_CODES = 26, /* share of what is to come, two an octave */
    SERVICE_BLOCKS = 64,
    FLAGS_STEPS = 5, /* coarser ages */
    FLAGS_CODES = FLAGS_KINDS * 2 *
                  FLAGS_STEPS, /* by whether there is more than one flow, and age */
};

/* Outputs, by aspect, of conversations (for replies and for repeats apart) and of remotes. */
enum {
    OF_STATE = 0,
    OF_FLOWS = OF_STATE + STATE_CODES,
    OF_AGE = OF_FLOWS + FLOW_CODES,
    OF_BEAT = OF_AGE + AGE_CODES,
    OF_LEVEL = OF_BEAT + BEAT_CODES,
    OF_FOLLOWS = OF_LEVEL + LEVEL_CODES,
    OF_FOLLOWS_TWO = OF_FOLLOWS + FOLLOW_CODES,
    OF_SERVICE_DUE = OF_FOLLOWS_TWO + FOLLOW_CODES,
    OF_TURN_DUE = OF_SERVICE_DUE + DUE_CODES,
    OF_ONTIME = OF_TURN_DUE + DUE_CODES,
    OF_PERIOD = OF_ONTIME + ONTIME_CODES,
    OF_SIZE = OF_PERIOD + PERIOD_NOW_CODES,
    OF_INTERVAL = OF_SIZE + SIZE_CODES,
    OF_CONVERSATION = OF_INTERVAL + INTERVAL_CODES,
    OF_ROWS = OF_PERIOD + PERIOD_NOW_CODES,
    OF_STEPS = OF_ROWS + ROW_CODES,
    OF_REMOTE = OF_STEPS + STEP_CODES,
};

size_t candidate_outputs(void)
{
    return 2 * OF_CONVERSATION + OF_REMOTE;
}

/* Kinds of links to a candidate: replies, repeats, remotes. */
#define N_LISTED_KINDS ((size_t)LINK_NEW)

/* Entries for services (a port learned by heart, or a block of them) and for remotes, by age. */
size_t candidate_services(const struct vocabulary *vocabulary)
{
    return vocabulary->lists[ATTRIBUTE_REMOTE_PORT].n + SERVICE_BLOCKS;
}

static unsigned n_services(const struct vocabulary *vocabulary)
{
    return (unsigned)(AGE_STEPS * 2 * candidate_services(vocabulary));
}

static unsigned n_remotes(const struct vocabulary *vocabulary)
{
    return (unsigned)(AGE_STEPS * (vocabulary->lists[ATTRIBUTE_REMOTE].n + 1));
}

/* Of one kind of links: for flags, services, and remotes by age and by flows. */
static size_t n_entries(const struct vocabulary *vocabulary)
{
    return FLAGS_CODES + n_services(vocabulary) + 2 * n_remotes(vocabulary);
}

size_t candidate_table_size(const struct vocabulary *vocabulary)
{
    size_t n = N_LISTED_KINDS * n_entries(vocabulary);
    if (n > UINT16_MAX)
        BUG("%zu names", n);
    return n;
}

static unsigned size_code(const struct row *row)
{
    int64_t packets = row->value[ATTRIBUTE_PACKETS];
    unsigned octave = 63u - (unsigned)__builtin_clzll((uint64_t)packets);
    return 2 * (octave < 7 ? octave : 7) + (row->value[ATTRIBUTE_DURATION] > 0);
}

static unsigned flags_code(const struct vocabulary *vocabulary, const struct row *row)
{
    const struct value_list *flags = &vocabulary->lists[ATTRIBUTE_FLAGS];
    int atom = value_list_find(flags, row->value[ATTRIBUTE_FLAGS]);
    return atom >= 0 && atom < FLAGS_KINDS - 1 ? (unsigned)atom : FLAGS_KINDS - 1;
}

static unsigned service_code(const struct vocabulary *vocabulary, const struct row *row)
{
    const struct value_list *ports = &vocabulary->lists[ATTRIBUTE_REMOTE_PORT];
    int64_t local = row->value[ATTRIBUTE_LOCAL_PORT], remote = row->value[ATTRIBUTE_REMOTE_PORT];
    int64_t service = local < remote ? local : remote;
    int atom = value_list_find(ports, service);
    return (unsigned)(atom >= 0 ? (int64_t)atom
                                : (int64_t)ports->n + service / (65536 / SERVICE_BLOCKS));
}

static unsigned form_code(const struct row *row)
{
    return 2 * (unsigned)transport_of(row->value[ATTRIBUTE_PROTOCOL]) +
           (unsigned)row->value[ATTRIBUTE_DIRECTION];
}

static unsigned remote_code(const struct vocabulary *vocabulary, const struct row *row)
{
    const struct value_list *remotes = &vocabulary->lists[ATTRIBUTE_REMOTE];
    int atom = value_list_find(remotes, row->value[ATTRIBUTE_REMOTE]);
    return atom >= 0 ? (unsigned)atom : (unsigned)remotes->n;
}

struct candidate_look candidate_look(const struct vocabulary *vocabulary, const struct row *row)
{
    return (struct candidate_look){
        .service = (uint16_t)service_code(vocabulary, row),
        .remote = (uint16_t)remote_code(vocabulary, row),
        .form = (uint8_t)form_code(row),
        .flags = (uint8_t)flags_code(vocabulary, row),
        .size = (uint8_t)size_code(row),
    };
}

static unsigned step_code(const struct row *before, const struct row *row, enum attribute attribute)
{
    int64_t step = row->value[attribute] - before->value[attribute];
    return step == 0 ? 0 : step >= -16 && step <= 16 ? 1 : 2;
}

uint8_t candidate_steps(const struct row *before, const struct row *row)
{
    return (uint8_t)(1 + 3 * step_code(before, row, ATTRIBUTE_LOCAL_PORT) +
                     step_code(before, row, ATTRIBUTE_REMOTE_PORT));
}

void candidate_front(struct candidate_list *list, size_t rank, const struct candidate *candidate)
{
    if (rank >= list->n)
        rank = list->n < list->n_max ? list->n++ : list->n_max - 1;
    memmove(list->items + 1, list->items, rank * sizeof *list->items);
    list->items[0] = *candidate;
}

/* ---- aspects ------------------------------------------------------------------------------ */

/* Codes of a list's candidates, aspect by aspect. */
enum {
    BY_STATE,
    BY_FLOWS,
    BY_AGE,
    BY_BEAT,
    BY_LEVEL,
    BY_FOLLOWS,
    BY_FOLLOWS_TWO,
    BY_SERVICE_DUE, /* how much is to come for each candidate of its service */
    BY_TURN_DUE,    /* and for each that has had as many turns */
    BY_ONTIME,      /* how early or late it is for its beat */
    BY_PERIOD,
    BY_LAST,  /* size of a conversation's last flow; rows since a remote's */
    BY_STEPS, /* a remote's; a conversation's interval */
    BY_FLAGS,
    BY_SERVICE,
    BY_REMOTE,
    BY_REMOTE_FLOWS,
};
_Static_assert(BY_FLAGS == CANDIDATE_OUTPUT_ASPECTS && BY_REMOTE_FLOWS + 1 == CANDIDATE_ASPECTS,
               "outputs first, then entries of the table");

struct aspects {
    size_t n;
    bool is_same[CANDIDATE_ASPECTS]; /* 0 for all candidates */
    uint16_t codes[CANDIDATE_ASPECTS][NEAR_MAX];
};

/* Where the numbers of replies, of repeats and of remotes begin, among the outputs and in the
 * table. */
struct places {
    size_t route, aspect[CANDIDATE_ASPECTS];
};

static struct places places_of(const struct vocabulary *vocabulary, enum link_kind kind)
{
    size_t first = N_LINK_CODES + (size_t)kind * OF_CONVERSATION;
    size_t services = n_services(vocabulary), remotes = n_remotes(vocabulary);
    size_t entry = (size_t)kind * n_entries(vocabulary);
    bool is_remote = kind == LINK_REMOTE;
    struct link nearest = { kind, 0 };
    return (struct places){
        .route = (size_t)link_code(&nearest),
        .aspect = {
            [BY_STATE] = first + OF_STATE,
            [BY_FLOWS] = first + OF_FLOWS,
            [BY_AGE] = first + OF_AGE,
            [BY_BEAT] = first + OF_BEAT,
            [BY_LEVEL] = first + OF_LEVEL,
            [BY_FOLLOWS] = first + OF_FOLLOWS,
            [BY_FOLLOWS_TWO] = first + OF_FOLLOWS_TWO,
            [BY_SERVICE_DUE] = first + OF_SERVICE_DUE,
            [BY_TURN_DUE] = first + OF_TURN_DUE,
            [BY_ONTIME] = first + OF_ONTIME,
            [BY_PERIOD] = first + OF_PERIOD,
            [BY_LAST] = first + (is_remote ? OF_ROWS : OF_SIZE),
            [BY_STEPS] = first + (is_remote ? OF_STEPS : OF_INTERVAL),
            [BY_FLAGS] = entry,
            [BY_SERVICE] = entry + FLAGS_CODES,
            [BY_REMOTE] = entry + FLAGS_CODES + services,
            [BY_REMOTE_FLOWS] = entry + FLAGS_CODES + services + remotes,
        },
    };
}

/* Codes of numbers, two an octave: 0, 1, 2, 3, .. for 0, 1, 1.5, 2, .. */
static void half_octaves(const float *x, size_t n, int32_t n_codes, uint16_t *codes)
{
    int32_t bits[NEAR_MAX];
    memcpy(bits, x, n * sizeof *bits);
#pragma omp simd
    for (size_t k = 0; k < n; k++) { /* the exponent, and the first bit behind the point */
        int32_t code = (bits[k] >> 22) - (2 * 127 - 1);
        code = code > 0 ? code : 0;
        codes[k] = (uint16_t)(code < n_codes ? code : n_codes - 1);
    }
}

/* 0 where there is but one flow, 1 where nothing was and is between, else how the age is to the
 * interval. */
static void beats(const float *age, const float *interval, const float *flows, size_t n,
                  uint16_t *codes)
{
    static const float ratios[] = { 0.125F, 0.25F, 0.5F,  0.75F, 0.9F, 0.97F,
                                    1.03F,  1.1F,  1.33F, 2.0F,  4.0F, 8.0F };
    _Static_assert(BEAT_CODES == 3 + ARRAY_LEN(ratios), "a code between any two");
#pragma omp simd
    for (size_t k = 0; k < n; k++) {
        float ratio = (age[k] + 1) / (interval[k] + 1);
        int code = 2;
        for (size_t i = 0; i < ARRAY_LEN(ratios); i++)
            code += ratio >= ratios[i];
        code = age[k] + interval[k] > 0 ? code : 1;
        codes[k] = (uint16_t)(flows[k] > 1 ? code : 0);
    }
}

/* Entries of the table: of flags and of a service by age and whether there is more than one flow;
 * of a remote by age, and by flows. On the way in, the codes are those of flags, service and remote
 * alone. */
static void add_steps(const float *age, const float *flows, size_t n, uint16_t *flags,
                      uint16_t *services, uint16_t *remotes, uint16_t *remote_flows)
{
#pragma omp simd
    for (size_t k = 0; k < n; k++) {
        int step = (age[k] > 0) + (age[k] > 1) + (age[k] > 5) + (age[k] > 30) + (age[k] > 120) +
                   (age[k] > 600) + (age[k] > 3600);
        int n_flows = (flows[k] > 1) + (flows[k] > 2) + (flows[k] > 4) + (flows[k] > 8) +
                      (flows[k] > 16) + (flows[k] > 26) + (flows[k] > 40);
        int flags_step = (step > 0) + (step > 1) + (step > 2) + (step > 4);
        flags[k] = (uint16_t)((2 * flags[k] + (flows[k] > 1)) * FLAGS_STEPS + flags_step);
        services[k] = (uint16_t)((2 * services[k] + (flows[k] > 1)) * AGE_STEPS + step);
        remote_flows[k] = (uint16_t)(remotes[k] * FLOW_STEPS + n_flows);
        remotes[k] = (uint16_t)(remotes[k] * AGE_STEPS + step);
    }
}

void followers_find(struct followers *followers, const struct like_rows *past, const int32_t *found,
                    uint64_t next)
{
    static const enum likeness likenesses[FOLLOWER_KINDS] = { LIKE_NEXT, LIKE_NEXT_OF_TWO };
    for (size_t f = 0; f < FOLLOWER_KINDS; f++) {
        size_t *n = &followers->n[f];
        *n = 0;
        if (found == NULL)
            continue;
        struct like_walk walk = like_walk_begin(past, found, (int32_t)next, likenesses[f]);
        for (const struct row *row; *n < FOLLOWERS_MAX && (row = like_walk_next(&walk)) != NULL;) {
            followers->remotes[f][*n] = (uint32_t)row->value[ATTRIBUTE_REMOTE];
            followers->is_of_conversation[f][(*n)++] = link_is_of_conversation(
                like_rows_kind(past, walk.last));
        }
    }
}

/* How many of the followers, of which there are some, were with a candidate: by how many there are
 * and the candidate's share. */
static void follows(const struct candidate_list *list, bool is_of_remotes,
                    const struct followers *followers, size_t of, uint16_t *codes)
{
    enum { FEW = 4, SHARES = 6 };
    uint32_t remotes[NEAR_MAX];
    float n_with[NEAR_MAX] = { 0 };
    size_t n_followers = followers->n[of];
    for (size_t k = 0; k < list->n; k++)
        remotes[k] = list->items[k].remote;
    for (size_t f = 0; f < n_followers; f++) {
        if (followers->is_of_conversation[of][f] == is_of_remotes)
            continue;
#pragma omp simd
        for (size_t k = 0; k < list->n; k++)
            n_with[k] += remotes[k] == followers->remotes[of][f] ? 1.0F : 0.0F;
    }
    int first = n_followers < FEW ? 1 : 1 + SHARES;
    float n = (float)n_followers;
#pragma omp simd
    for (size_t k = 0; k < list->n; k++) {
        float share = n_with[k] / n;
        codes[k] = (uint16_t)(first + (share > 0) + (share > 0.15F) + (share > 0.35F) +
                              (share > 0.65F) + (share > 0.9F));
    }
}

static bool is_due(const struct beat_due *due, int64_t clock)
{
    return llabs(due->clock - clock) <= BEAT_REACH;
}

/* Whether one of a candidate's dues says more of a clock than another: one that is now, or else the
 * surer one. */
static bool says_more(const struct beat_due *due, const struct beat_due *other, int64_t clock)
{
    bool is_now = is_due(due, clock);
    return is_now != is_due(other, clock) ? is_now : due->level > other->level;
}

/* How early or late a clock is for a candidate's beat, by how sure that is; 0 where it has none.
 * And of one that is due now, but not sure, the period. */
static uint16_t ontime_code(const struct candidate *candidate, bool is_usual_known, int64_t clock,
                            uint16_t *period)
{
    static const int64_t steps[] = { -60, -5, -1, 0, 1, 2 };
    struct beat_due dues[BEAT_DUES];
    const struct usual_period none = { 0 };
    struct usual_period usual = is_usual_known ? candidate->usual_period : none;
    size_t n = beat_dues(&candidate->beat, usual, clock - ONTIME_LATE, dues), best = 0;
    for (size_t i = 1; i < n; i++)
        if (says_more(&dues[i], &dues[best], clock))
            best = i;
    *period = 0;
    if (n == 0)
        return 0;
    if (is_due(&dues[best], clock) && dues[best].level <= BEAT_TWICE)
        *period = (uint16_t)(1 + period_class(dues[best].period));
    unsigned step = 0;
    if (clock - candidate->beat.start >= BEAT_REST)
        for (step = 1; step - 1 < ARRAY_LEN(steps) && clock - dues[best].clock >= steps[step - 1];)
            step++;
    return (uint16_t)(1 + dues[best].level * ONTIME_STEPS + step);
}

static void find_aspects(const struct candidate_list *list, bool is_of_remotes,
                         const struct followers *followers, bool is_usual_known, int64_t clock,
                         uint64_t index, struct aspects *aspects)
{
    size_t n = aspects->n = list->n;
    unsigned levels = 0;
    uint16_t(*codes)[NEAR_MAX] = aspects->codes;
    float age[NEAR_MAX] = { 0 }, interval[NEAR_MAX] = { 0 }, rows[NEAR_MAX] = { 0 },
          flows[NEAR_MAX] = { 0 };
    for (size_t k = 0; k < n; k++) {
        const struct candidate *candidate = &list->items[k];
        age[k] = (float)(clock - candidate->clock);
        interval[k] = (float)candidate->interval;
        rows[k] = (float)(index - candidate->index - 1);
        flows[k] = (float)candidate->n_flows;
        unsigned n_flows = candidate->n_flows < FEW_FLOWS ? candidate->n_flows : FEW_FLOWS;
        codes[BY_STATE][k] = (uint16_t)(candidate->look.form * FEW_FLOWS + n_flows - 1);
        codes[BY_LEVEL][k] = candidate->level;
        levels |= candidate->level;
        codes[BY_ONTIME][k] = ontime_code(candidate, is_usual_known, clock, &codes[BY_PERIOD][k]);
        codes[BY_FLAGS][k] = candidate->look.flags;
        codes[BY_LAST][k] = candidate->look.size;
        codes[BY_STEPS][k] = candidate->steps;
        codes[BY_SERVICE][k] = candidate->look.service;
        codes[BY_REMOTE][k] = candidate->look.remote;
    }
    half_octaves(flows, n, FLOW_CODES, codes[BY_FLOWS]);
    memset(aspects->is_same, 0, sizeof aspects->is_same);
    aspects->is_same[BY_LEVEL] = levels == 0;
    for (size_t f = 0; f < FOLLOWER_KINDS; f++) {
        aspects->is_same[BY_FOLLOWS + f] = followers->n[f] == 0;
        if (followers->n[f] == 0)
            memset(codes[BY_FOLLOWS + f], 0, n * sizeof codes[0][0]);
        else
            follows(list, is_of_remotes, followers, f, codes[BY_FOLLOWS + f]);
    }
    half_octaves(age, n, AGE_CODES, codes[BY_AGE]);
    beats(age, interval, flows, n, codes[BY_BEAT]);
    if (is_of_remotes)
        half_octaves(rows, n, ROW_CODES, codes[BY_LAST]);
    else
        half_octaves(interval, n, INTERVAL_CODES, codes[BY_STEPS]);
    add_steps(age, flows, n, codes[BY_FLAGS], codes[BY_SERVICE], codes[BY_REMOTE],
              codes[BY_REMOTE_FLOWS]);
}

/* Of which kind each of n candidates is, of n_kinds, by what is due of each: 0 where that is not
 * known, 1 for nothing, else how large its part of all that is due is. */
static void dues(const uint8_t *kinds, size_t n, const int32_t *due, size_t n_kinds,
                 uint16_t *codes)
{
    enum { KINDS_MAX = SERVICE_SLOTS };
    _Static_assert((int)PACE_TURNS <= (int)KINDS_MAX, "room for either");
    float shares[KINDS_MAX] = { 0 }, n_candidates[KINDS_MAX] = { 0 }, all = 0;
    uint16_t of_kind[KINDS_MAX];
    for (size_t k = 0; k < n; k++)
        n_candidates[kinds[k]] += 1;
    for (size_t i = 0; i < n_kinds; i++)
        all += (float)due[i];
    for (size_t i = 0; i < n_kinds; i++)
        if (due[i] > 0)
            shares[i] = all * n_candidates[i] / (float)due[i];
    half_octaves(shares, n_kinds, DUE_CODES - 2, of_kind);
    for (size_t i = 0; i < n_kinds; i++)
        of_kind[i] = (uint16_t)(1 + (due[i] > 0 ? 1 + of_kind[i] : 0));
    for (size_t k = 0; k < n; k++)
        codes[k] = of_kind[kinds[k]];
}

/* What differs between the kinds of links to the same candidates. */
static void find_dues(const struct candidate_list *list, enum link_kind kind,
                      const struct pace_counts *due, int64_t clock, struct aspects *aspects)
{
    aspects->is_same[BY_SERVICE_DUE] = aspects->is_same[BY_TURN_DUE] = due == NULL;
    if (due == NULL) {
        memset(aspects->codes[BY_SERVICE_DUE], 0, list->n * sizeof(uint16_t));
        memset(aspects->codes[BY_TURN_DUE], 0, list->n * sizeof(uint16_t));
        return;
    }
    uint8_t slots[NEAR_MAX], turns[NEAR_MAX];
    int64_t hour = clock - clock % SECONDS_PER_HOUR;
    for (size_t k = 0; k < list->n; k++) {
        const struct candidate *candidate = &list->items[k];
        slots[k] = candidate->slot;
        turns[k] = (uint8_t)candidate_turn(candidate, hour);
    }
    dues(slots, list->n, due->of_service + (size_t)kind * SERVICE_SLOTS, SERVICE_SLOTS,
         aspects->codes[BY_SERVICE_DUE]);
    dues(turns, list->n, due->of_turn + (size_t)kind * PACE_TURNS, PACE_TURNS,
         aspects->codes[BY_TURN_DUE]);
}

/* ---- names -------------------------------------------------------------------------------- */

static void write_names(const struct vocabulary *vocabulary, enum link_kind kind,
                        const struct aspects *aspects, uint16_t *names)
{
    struct places places = places_of(vocabulary, kind);
    for (size_t a = 0; a < CANDIDATE_ASPECTS; a++) {
        uint16_t *of_aspect = names + a * CANDIDATE_ROUTES + places.route;
        for (size_t k = 0; k < near_ranks(kind); k++)
            of_aspect[k] = (uint16_t)(places.aspect[a] +
                                      (k < aspects->n ? aspects->codes[a][k] : 0u));
    }
}

static void add_numbers(const struct vocabulary *vocabulary, enum link_kind kind,
                        const struct aspects *aspects, const real *table, real *logits)
{
    struct places places = places_of(vocabulary, kind);
    real *to = logits + places.route, same = 0;
    for (size_t a = 0; a < CANDIDATE_ASPECTS; a++) {
        const uint16_t *codes = aspects->codes[a];
        const real *from = (a < CANDIDATE_OUTPUT_ASPECTS ? logits : table) + places.aspect[a];
        if (aspects->is_same[a]) {
            same += from[0];
            continue;
        }
#pragma omp simd
        for (size_t k = 0; k < aspects->n; k++)
            to[k] += from[codes[k]];
    }
#pragma omp simd
    for (size_t k = 0; k < aspects->n; k++)
        to[k] += same;
}

void candidate_names(const struct vocabulary *vocabulary,
                     const struct candidate_list *conversations,
                     const struct candidate_list *remotes, const struct followers *followers,
                     const struct pace_counts *due, int64_t clock, uint64_t index, uint16_t *names)
{
    struct aspects aspects;
    find_aspects(conversations, false, followers, due != NULL, clock, index, &aspects);
    for (enum link_kind kind = LINK_REPLY; kind <= LINK_REPEAT; kind++) {
        find_dues(conversations, kind, due, clock, &aspects);
        write_names(vocabulary, kind, &aspects, names);
    }
    find_aspects(remotes, true, followers, due != NULL, clock, index, &aspects);
    find_dues(remotes, LINK_REMOTE, due, clock, &aspects);
    write_names(vocabulary, LINK_REMOTE, &aspects, names);
}

void candidate_add(const struct vocabulary *vocabulary, const struct candidate_list *conversations,
                   const struct candidate_list *remotes, const struct followers *followers,
                   const struct pace_counts *due, int64_t clock, uint64_t index, const real *table,
                   real *logits)
{
    struct aspects aspects;
    find_aspects(conversations, false, followers, due != NULL, clock, index, &aspects);
    for (enum link_kind kind = LINK_REPLY; kind <= LINK_REPEAT; kind++) {
        find_dues(conversations, kind, due, clock, &aspects);
        add_numbers(vocabulary, kind, &aspects, table, logits);
    }
    find_aspects(remotes, true, followers, due != NULL, clock, index, &aspects);
    find_dues(remotes, LINK_REMOTE, due, clock, &aspects);
    add_numbers(vocabulary, LINK_REMOTE, &aspects, table, logits);
}

struct channel_sum_params candidate_sums(const uint16_t *names)
{
    return (struct channel_sum_params){ .name = names,
                                        .n_names = CANDIDATE_ASPECTS,
                                        .n_of_table = CANDIDATE_ASPECTS - CANDIDATE_OUTPUT_ASPECTS,
                                        .n_summed = CANDIDATE_ROUTES,
                                        .n_out = N_LINK_CODES };
}
