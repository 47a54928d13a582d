#include "testing.h"

#include "base/memory.h"
#include "base/rng.h"
#include "masked_conv_fixture.h"
#include "model/masked_conv/heads_internal.h"
#include "model_fixture.h"
#include "nn/logistic_mixture.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* ---- scenes: rows in their contexts ------------------------------------------------------- */

enum { SCENE_NETWORK, SCENE_CROWDED, SCENE_WITHOUT_MEMORY, N_SCENES };

struct scene {
    struct sequence_set *set;
    struct vocabulary vocabulary;
    struct heads heads;
    struct linked_sequence **linked; /* [set->n] */
    struct usual_values *usual;      /* [set->n] */
    size_t n_usual, n_bins;          /* available routes to what is usual and to bins, so far */
    struct rng rng;
};

/* Makes a protocol one that training has not. */
static void forget_protocol(struct vocabulary *vocabulary, int64_t protocol)
{
    struct value_list *list = &vocabulary->lists[ATTRIBUTE_PROTOCOL];
    int place = value_list_find(list, protocol);
    ck_assert_int_ge(place, 0);
    list->n--;
    for (size_t i = (size_t)place; i < list->n; i++)
        list->values[i] = list->values[i + 1];
}

static void scene_init(struct scene *scene, int which)
{
    bool is_network = which == SCENE_NETWORK;
    scene->set = is_network ? fixture_network(3, 5, 3) : crowded_sequence(3, 2500);
    scene->rng = rng_stream(7, RNG_TEST, (uint64_t)which, 0);
    /* Atoms of less than all rows, so that there are values without one. */
    struct sequence_set *learned = is_network ? fixture_network(3, 2, 2)
                                              : crowded_sequence(4, 2500);
    vocabulary_learn(&scene->vocabulary, learned);
    sequence_set_free(learned);
    scene->vocabulary.one_packet_is_instant = true; /* also where rows break the rule */
    if (!is_network)
        forget_protocol(&scene->vocabulary, PROTOCOL_ICMP);
    heads_init(&scene->heads, &scene->vocabulary);
    scene->linked = memory_alloc(scene->set->n, sizeof *scene->linked);
    scene->usual = memory_alloc(scene->set->n, sizeof *scene->usual);
    scene->n_usual = scene->n_bins = 0;
    for (size_t s = 0; s < scene->set->n; s++) {
        usual_values_learn(&scene->usual[s], &scene->set->items[s],
                           scene->vocabulary.duration_grid);
        scene->linked[s] = linked_sequence_create(&scene->set->items[s], &scene->vocabulary,
                                                  which != SCENE_WITHOUT_MEMORY, true, NULL);
    }
}

static void scene_release(struct scene *scene)
{
    for (size_t s = 0; s < scene->set->n; s++) {
        linked_sequence_free(scene->linked[s]);
        usual_values_release(&scene->usual[s]);
    }
    free(scene->usual);
    free(scene->linked);
    vocabulary_release(&scene->vocabulary);
    sequence_set_free(scene->set);
}

/* Whether something that the head would else say is written in another way here. */
static bool has_exclusions(enum head head, const struct row_context *context)
{
    switch (head) {
    case HEAD_PROTOCOL:
        return context->is_icmp_kept;
    case HEAD_REMOTE_PORT:
        return context->n_kept_ports > 0;
    case HEAD_REMOTE:
        return context->n_kept_atoms > 0;
    case HEAD_OCTET_3:
        return context->n_full_octets > 0;
    case HEAD_OCTET_4:
        return context->n_kept_octets > 0;
    default:
        return true;
    }
}

/* A context in which the head applies, with a row of its own to play with; an odd one has
 * exclusions, where the scene has any. False where none was met. */
static bool scene_context(struct scene *scene, enum head head, int number,
                          struct row_context *context, struct row *row)
{
    for (int trial = 0; trial < 3000; trial++) {
        size_t s = rng_below(&scene->rng, scene->set->n);
        size_t n = scene->set->items[s].n_rows;
        linked_sequence_context(scene->linked[s], rng_below(&scene->rng, n), context);
        bool is_wanted = number % 2 == 0 || trial > 2000 || has_exclusions(head, context);
        if (is_wanted && head_applies(&scene->heads, head, context)) {
            *row = *context->row;
            context->row = row;
            context->usual = &scene->usual[s];
            return true;
        }
    }
    return false;
}

/* ---- what a head can say ------------------------------------------------------------------ */

/* Outcomes are what head_draw returns. Puts one into the context and its row. */
static void set_outcome(const struct heads *heads, enum head head, struct row_context *context,
                        struct row *row, int64_t outcome)
{
    const struct value_list *atoms = &heads->vocabulary->lists[ATTRIBUTE_REMOTE];
    int64_t *remote = &row->value[ATTRIBUTE_REMOTE];
    int shift;
    switch (head) {
    case HEAD_LINK:
        context->link = link_of_code((int)outcome);
        break;
    case HEAD_OLDER:
        context->link.rank = (uint32_t)outcome;
        break;
    case HEAD_REMOTE:
        if (outcome < (int64_t)atoms->n)
            *remote = atoms->values[outcome];
        else
            for (*remote = 1; value_list_find(atoms, *remote) >= 0;)
                ++*remote;
        break;
    case HEAD_OCTET_1:
    case HEAD_OCTET_2:
    case HEAD_OCTET_3:
    case HEAD_OCTET_4:
        shift = 8 * (int)(HEAD_OCTET_4 - head);
        *remote = (*remote & ~(INT64_C(255) << shift)) | outcome << shift;
        break;
    case HEAD_DUE:
        row->value[ATTRIBUTE_GAP] = head_first_due(context, (enum due_class)outcome);
        break;
    case HEAD_ORDER:
        row->value[ATTRIBUTE_DURATION] = context->previous.row->value[ATTRIBUTE_DURATION] -
                                         (outcome == 0);
        break;
    case HEAD_INSTANT:
        row->value[ATTRIBUTE_DURATION] = outcome == 0;
        break;
    case HEAD_FITS:
        row->value[ATTRIBUTE_DURATION] = head_first_fit(heads, context, outcome != 0);
        break;
    default:
        row->value[head_infos[head].attribute] = outcome;
    }
}

static bool is_among_words(const uint16_t *words, size_t n, int64_t value)
{
    for (size_t i = 0; i < n; i++)
        if (words[i] == value)
            return true;
    return false;
}

static bool is_among_octets(const uint8_t *octets, size_t n, int64_t value)
{
    for (size_t i = 0; i < n; i++)
        if (octets[i] == value)
            return true;
    return false;
}

/* The outcomes 0 or 1 .. highest of a head in a context, of which some may be illegal; counts that
 * have no bound go on beyond INT64_MAX. */
struct support {
    int64_t lowest, highest;
};

/* Whether a head of its own tells if a gap leads to what is due first, or before or beyond it:
 * where that is surer than what came once. */
static bool is_due_told(const struct row_context *context)
{
    const struct beats_due *due = row_context_beats(context);
    return due->n > 0 && due->items[0].level > BEAT_ONCE;
}

/* The gaps that this leaves. */
static struct support gaps_of(const struct row_context *context)
{
    if (!is_due_told(context))
        return (struct support){ 0, INT64_MAX };
    int64_t due = row_context_beats(context)->items[0].gap,
            gap = context->row->value[ATTRIBUTE_GAP];
    if (gap < due - 1)
        return (struct support){ 0, due - 2 };
    if (gap <= due + 1)
        return (struct support){ due > 1 ? due - 1 : 0, due + 1 };
    return (struct support){ due + 2, INT64_MAX };
}

/* Whether a head of its own tells if a duration is 0: of single packets, unless the order within
 * the second leaves only one of the two. */
static bool is_instant_told(const struct row_context *context)
{
    const int64_t *value = context->row->value;
    int64_t previous = context->previous.row != NULL && value[ATTRIBUTE_GAP] == 0
                           ? context->previous.row->value[ATTRIBUTE_DURATION]
                           : 0;
    bool is_free = previous == 0 || (value[ATTRIBUTE_DURATION] < previous && previous > 1);
    return value[ATTRIBUTE_PACKETS] == 1 && is_free;
}

/* The durations that the order and the number of packets leave. */
static struct support durations_of(const struct row_context *context)
{
    const struct row *previous = context->previous.row;
    const int64_t *value = context->row->value;
    bool is_told = is_instant_told(context); /* that it is not 0 */
    if (previous == NULL || value[ATTRIBUTE_GAP] > 0 || previous->value[ATTRIBUTE_DURATION] == 0)
        return (struct support){ is_told, INT64_MAX };
    if (value[ATTRIBUTE_DURATION] >= previous->value[ATTRIBUTE_DURATION])
        return (struct support){ previous->value[ATTRIBUTE_DURATION], INT64_MAX };
    return (struct support){ is_told, previous->value[ATTRIBUTE_DURATION] - 1 };
}

/* Whether a head of its own tells if a duration is below the room. */
static bool is_fit_told(const struct heads *heads, const struct row_context *context)
{
    struct support support = durations_of(context);
    bool is_instant = is_instant_told(context) && context->row->value[ATTRIBUTE_DURATION] == 0;
    return !is_instant && context->room > 0 &&
           context->room <= heads->vocabulary->highest_duration && support.lowest < context->room &&
           support.highest >= context->room;
}

static struct support support_of(const struct heads *heads, enum head head,
                                 const struct row_context *context)
{
    size_t n = context->link.kind == LINK_REMOTE ? context->n_remotes : context->n_conversations;
    struct support support;
    switch (head) {
    case HEAD_LINK:
        return (struct support){ 0, N_LINK_CODES - 1 };
    case HEAD_DUE:
        return (struct support){ 0, N_DUE_CLASSES - 1 };
    case HEAD_OLDER:
        return (struct support){ near_ranks(context->link.kind), (int64_t)n - 1 };
    case HEAD_DIRECTION:
    case HEAD_ORDER:
    case HEAD_INSTANT:
    case HEAD_FITS:
        return (struct support){ 0, 1 };
    case HEAD_LOCAL_PORT:
    case HEAD_REMOTE_PORT:
        return (struct support){ 0, 65535 };
    case HEAD_REMOTE:
        return (struct support){ 0, (int64_t)heads->vocabulary->lists[ATTRIBUTE_REMOTE].n };
    case HEAD_PACKETS:
        return (struct support){ 1, INT64_MAX };
    case HEAD_DURATION:
        support = durations_of(context);
        if (!is_fit_told(heads, context))
            return support;
        if (context->row->value[ATTRIBUTE_DURATION] < context->room)
            return (struct support){ support.lowest, context->room - 1 };
        return (struct support){ context->room, support.highest };
    case HEAD_GAP:
        return gaps_of(context);
    case HEAD_BYTES:
        return (struct support){ 0, INT64_MAX };
    default:
        return (struct support){ 0, 255 };
    }
}

static bool is_legal(enum head head, const struct row_context *context, int64_t outcome)
{
    struct link link;
    switch (head) {
    case HEAD_LINK:
        link = link_of_code((int)outcome); /* of an older one, the lowest rank */
        return link.kind == LINK_NEW ||
               link.rank <
                   (link.kind == LINK_REMOTE ? context->n_remotes : context->n_conversations);
    case HEAD_DUE:
        return outcome != DUE_BEFORE || row_context_beats(context)->items[0].gap > 1;
    case HEAD_PROTOCOL:
        return !(context->is_icmp_kept && outcome == PROTOCOL_ICMP);
    case HEAD_REMOTE_PORT:
        return !is_among_words(context->kept_ports, context->n_kept_ports, outcome);
    case HEAD_REMOTE:
        return !is_among_words(context->kept_atoms, context->n_kept_atoms, outcome);
    case HEAD_OCTET_3:
        return !is_among_octets(context->full_octets, context->n_full_octets, outcome);
    case HEAD_OCTET_4:
        return !is_among_octets(context->kept_octets, context->n_kept_octets, outcome);
    default:
        return true;
    }
}

/* ---- masses ------------------------------------------------------------------------------- */

enum { ROUTES_MAX = 2048 };

/* What a network might say, and the probabilities of routes by it. */
struct saying {
    real logits[ROUTES_MAX];
    real mixture[3 * MIXTURE_COMPONENTS];
    uint8_t available[ROUTES_MAX];
    double p[ROUTES_MAX];
};

static void draw_saying(struct saying *saying, const struct heads *heads, enum head head,
                        struct rng *rng)
{
    ck_assert_uint_le(heads->n_routes[head], ROUTES_MAX);
    for (size_t k = 0; k < heads->n_routes[head]; k++)
        saying->logits[k] = (real)(2.0 * rng_normal(rng));
    if (head_infos[head].has_mixture)
        saying->logits[heads->n_routes[head] - 1] += 5; /* so that it counts */
    for (size_t g = 0; g < MIXTURE_COMPONENTS; g++) {
        saying->mixture[g] = (real)rng_normal(rng);
        saying->mixture[MIXTURE_COMPONENTS + g] = (real)(10.0 * rng_uniform(rng));
        saying->mixture[2 * MIXTURE_COMPONENTS + g] = (real)(rng_normal(rng) - 0.5);
    }
}

/* The softmax over what is available. */
static void weigh(struct saying *saying, const struct heads *heads, enum head head,
                  const struct row_context *context)
{
    double total = 0.0;
    head_available(heads, head, context, saying->available);
    for (size_t k = 0; k < heads->n_routes[head]; k++) {
        saying->p[k] = saying->available[k] ? exp((double)saying->logits[k]) : 0.0;
        total += saying->p[k];
    }
    for (size_t k = 0; k < heads->n_routes[head]; k++)
        saying->p[k] /= total;
}

static double share_of_mixture(const struct saying *saying, const struct log_cell *cell, double lo,
                               double hi)
{
    real placed[3 * MIXTURE_COMPONENTS];
    head_place_mixture(cell, saying->mixture, placed);
    double range = logistic_mixture_log_mass(placed, MIXTURE_COMPONENTS, cell->range_lo,
                                             cell->range_hi, 0.0, NULL);
    return exp(logistic_mixture_log_mass(placed, MIXTURE_COMPONENTS, lo, hi, 0.0, NULL) - range);
}

/* The mass of the row's own value; notes which routes lead to it. */
static double mass_of(const struct saying *saying, const struct heads *heads, enum head head,
                      const struct row_context *context, bool *is_hit)
{
    struct route_hit hits[HEAD_HITS_MAX];
    size_t n = head_hits(heads, head, context, hits);
    double mass = 0.0;
    assert_quick(n > 0);
    for (size_t i = 0; i < n; i++) {
        if (!saying->available[hits[i].route])
            ck_abort_msg("%s: route %d is hit, but not available", head_infos[head].name,
                         (int)hits[i].route);
        assert_quick(hits[i].log_share <= 0.0);
        mass += saying->p[hits[i].route] * exp(hits[i].log_share);
        if (is_hit != NULL)
            is_hit[hits[i].route] = true;
    }
    if (head_infos[head].has_mixture) {
        struct log_cell cell = head_cell(heads, head, context);
        size_t route = heads->n_routes[head] - 1;
        if (cell.is_hit)
            mass += saying->p[route] * share_of_mixture(saying, &cell, cell.lo, cell.hi);
    }
    return mass;
}

/* Counts are enumerated over so many octaves from their lowest value, up to 8190. */
#define OCTAVES 13

static int64_t enumerated_until(const struct support *support)
{
    int64_t end = support->lowest + (1 << OCTAVES) - 2;
    return support->highest < INT64_MAX && support->highest < end ? support->highest : end;
}

/* What the broad routes of a count give to values beyond `last`. */
static double broad_tail(const struct saying *saying, const struct heads *heads, enum head head,
                         struct row_context *context, struct row *row,
                         const struct support *support, int64_t last)
{
    if (last == support->highest)
        return 0.0;
    size_t n_routes = heads->n_routes[head];
    double any = support->highest < INT64_MAX ? (double)(support->highest - last) /
                                                    (double)(support->highest - support->lowest + 1)
                                              : (63.0 - OCTAVES) / 63.0;
    int64_t next = last + 1, grid = heads->vocabulary->duration_grid;
    if (head == HEAD_DURATION)
        next = (next + grid - 1) / grid * grid;
    double mixture = 0.0;
    if (next <= support->highest) {
        set_outcome(heads, head, context, row, next);
        struct log_cell cell = head_cell(heads, head, context);
        if (cell.is_hit)
            mixture = share_of_mixture(saying, &cell, cell.lo, cell.range_hi);
    }
    return saying->p[n_routes - 2] * any + saying->p[n_routes - 1] * mixture;
}

/* An exact route that no value so far was told by must lead to one further out, and back. */
static void check_far_route(const struct saying *saying, const struct heads *heads, enum head head,
                            struct row_context *context, struct row *row,
                            const struct support *support, int64_t last, size_t route)
{
    static uint8_t only[ROUTES_MAX];
    struct rng rng = rng_stream(1, RNG_TEST, 0, 0);
    struct route_hit hits[HEAD_HITS_MAX];
    memset(only, 0, sizeof only);
    only[route] = 1;
    int64_t value = head_draw(heads, head, context, only, saying->logits, saying->mixture, 0.0,
                              &rng);
    assert_quick(value > last);
    assert_quick(value <= support->highest);
    set_outcome(heads, head, context, row, value);
    size_t n = head_hits(heads, head, context, hits), i = 0;
    while (i < n && hits[i].route != (int32_t)route)
        i++;
    assert_quick(i < n);
}

/* The share of a recalled route that goes to values beyond `last`. */
static double recalled_beyond(const struct heads *heads, enum head head,
                              const struct row_context *context, size_t i, int64_t last)
{
    enum attribute attribute = head_infos[head].attribute;
    struct range range = head_usual_range(heads, head, context);
    enum likeness likeness =
        recollection_infos[heads->first_recalled[head] + i / head_recalled_parts(head)].likeness;
    struct like_walk walk = like_walk_begin(context->past, context->like, (int32_t)context->index,
                                            likeness);
    int64_t values[LIKE_ROWS_MAX];
    size_t n = 0;
    double share = 0.0;
    for (const struct row *row; (row = like_walk_next(&walk)) != NULL;) {
        struct range bin = { row->value[attribute], row->value[attribute] };
        int64_t step = 1;
        size_t k = 0;
        if (i % head_recalled_parts(head) == RECALLED_NEAR) {
            bin = head_bin(heads, head, &range, bin.lowest);
            step = head == HEAD_DURATION ? heads->vocabulary->duration_grid : 1;
        }
        while (k < n && values[k] != bin.lowest)
            k++;
        if (k < n || bin.highest <= last || bin.highest < bin.lowest)
            continue;
        values[n++] = bin.lowest;
        int64_t first = last < bin.lowest ? bin.lowest : (last / step + 1) * step;
        share += (double)((bin.highest - first) / step + 1) *
                 head_recalled_share(heads, head, context, i, &range, row->value[attribute]);
    }
    return share;
}

/* The share of a usual route that goes to values beyond `last`. */
static double usual_beyond(const struct heads *heads, enum head head,
                           const struct row_context *context, size_t i, int64_t last)
{
    enum usual_values_of of = (enum usual_values_of)(heads->first_usual[head] + i);
    struct range range = head_usual_range(heads, head, context);
    const struct usual_kind *kind = row_context_usual(context, of);
    const struct usual_value *values = context->usual->values + kind->first;
    int64_t step = head == HEAD_DURATION ? heads->vocabulary->duration_grid : 1;
    double share = 0.0;
    for (size_t v = 0; v < kind->n; v++) {
        struct range bin = { values[v].value, values[v].value };
        if (usual_values_infos[of].is_near)
            bin = head_bin(heads, head, &range, bin.lowest);
        if (bin.highest <= last || bin.highest < bin.lowest)
            continue;
        int64_t first = last < bin.lowest ? bin.lowest : (last / step + 1) * step;
        int64_t n = usual_values_infos[of].is_near ? (bin.highest - first) / step + 1 : 1;
        share += (double)n * head_usual_share(heads, head, context, i, &range, bin.highest);
    }
    return share;
}

/* The share of a bin that is beyond `last`. */
static double bin_beyond(const struct heads *heads, enum head head,
                         const struct row_context *context, size_t i, int64_t last)
{
    static const enum derived_list lists[N_HEADS] = { [HEAD_GAP] = LIST_GAP_BIN,
                                                      [HEAD_PACKETS] = LIST_PACKETS_BIN,
                                                      [HEAD_BYTES] = LIST_BYTES_BIN,
                                                      [HEAD_DURATION] = LIST_DURATION_BIN };
    const int64_t *ends = heads->vocabulary->lists[lists[head]].values;
    struct range range = head_usual_range(heads, head, context);
    int64_t step = head == HEAD_DURATION ? heads->vocabulary->duration_grid : 1;
    int64_t lowest = i > 0 ? ends[i - 1] + 1 : 0, highest = ends[i];
    lowest = lowest > range.lowest ? lowest : range.lowest;
    highest = highest < range.highest ? highest : range.highest;
    int64_t first = (lowest + step - 1) / step, end = highest / step + 1, next = last / step + 1;
    ck_assert_int_gt(end, first);
    return next < end ? (double)(end - (next > first ? next : first)) / (double)(end - first) : 0.0;
}

/* The sum over all that is legal. */
static double total_mass(const struct saying *saying, const struct heads *heads, enum head head,
                         struct row_context *context, struct row *row)
{
    static bool is_hit[ROUTES_MAX];
    bool is_count = head_infos[head].has_mixture;
    struct support support = support_of(heads, head, context);
    int64_t last = is_count ? enumerated_until(&support) : support.highest;
    double sum = 0.0;
    memset(is_hit, 0, sizeof is_hit);
    for (int64_t outcome = support.lowest; outcome <= last; outcome++) {
        if (!is_legal(head, context, outcome))
            continue;
        set_outcome(heads, head, context, row, outcome);
        sum += mass_of(saying, heads, head, context, is_hit);
    }
    if (!is_count)
        return sum;
    size_t n_exact = heads->n_routes[head] - 2;
    size_t first = head_first_recalled(heads, head);
    for (size_t route = 0; route < n_exact; route++) {
        if (!saying->available[route])
            continue;
        if (route >= head_first_bin(heads, head)) {
            size_t i = route - head_first_bin(heads, head);
            sum += saying->p[route] * bin_beyond(heads, head, context, i, last);
            continue;
        }
        if (route >= first + heads->n_recalled[head]) {
            size_t i = route - first - heads->n_recalled[head];
            sum += saying->p[route] * usual_beyond(heads, head, context, i, last);
            continue;
        }
        if (route >= first) {
            sum += saying->p[route] * recalled_beyond(heads, head, context, route - first, last);
            continue;
        }
        if (is_hit[route])
            continue;
        check_far_route(saying, heads, head, context, row, &support, last, route);
        sum += saying->p[route];
    }
    return sum + broad_tail(saying, heads, head, context, row, &support, last);
}

/* ---- masses sum to 1 ---------------------------------------------------------------------- */

/* Contexts a head is tried in: fewer where each has 65536 values. */
static int n_trials(enum head head)
{
    return head == HEAD_LOCAL_PORT || head == HEAD_REMOTE_PORT ? 4 : 12;
}

/* Without memory nothing is near, nor older; and in the simulated network few flows go on in their
 * direction while they could still overlap. */
static bool is_met(int scene, enum head head)
{
    if (head == HEAD_FITS)
        return scene == SCENE_CROWDED;
    return (head != HEAD_OLDER && head != HEAD_DUE) || scene != SCENE_WITHOUT_MEMORY;
}

static void check_total(struct scene *scene, int which, enum head head)
{
    static struct saying saying;
    int n_done = 0;
    for (int trial = 0; trial < n_trials(head); trial++) {
        struct row_context context;
        struct row row;
        if (!scene_context(scene, head, trial, &context, &row))
            break;
        /* Ranges too fine for the log scale are left to the other routes (head_cell). */
        if (head == HEAD_BYTES && row.value[ATTRIBUTE_PACKETS] > INT64_C(1) << 40)
            continue;
        draw_saying(&saying, &scene->heads, head, &scene->rng);
        weigh(&saying, &scene->heads, head, &context);
        size_t first = head_first_recalled(&scene->heads, head) + scene->heads.n_recalled[head];
        for (size_t i = 0; i < scene->heads.n_usual[head]; i++)
            scene->n_usual += saying.available[first + i];
        for (size_t i = 0; i < head_n_bins(&scene->heads, head); i++)
            scene->n_bins += saying.available[head_first_bin(&scene->heads, head) + i];
        double sum = total_mass(&saying, &scene->heads, head, &context, &row);
        ck_assert_msg(fabs(sum - 1.0) < 1e-9, "%s: masses sum to %.12f", head_infos[head].name,
                      sum);
        n_done++;
    }
    ck_assert_int_eq(n_done >= n_trials(head) / 2, is_met(which, head));
}

START_TEST(masses_of_all_legal_values_sum_to_1)
{
    struct scene scene;
    scene_init(&scene, _i);
    for (enum head head = 0; head < N_HEADS; head++)
        check_total(&scene, _i, head);
    ck_assert_uint_gt(scene.n_usual, 10);
    ck_assert_uint_gt(scene.n_bins, 10);
    scene_release(&scene);
}
END_TEST

/* ---- draws have these masses -------------------------------------------------------------- */

enum { DRAWS = 3000, EXPECTED_MIN = 8 };

static int compare_numbers(const void *a, const void *b)
{
    int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;
    return (x > y) - (x < y);
}

/* The p-value of the draws under the masses; rare values and those beyond what is enumerated are
 * one class. */
static double p_of_draws(const struct saying *saying, const struct heads *heads, enum head head,
                         struct row_context *context, struct row *row, const int64_t *draws)
{
    struct support support = support_of(heads, head, context);
    int64_t last = head_infos[head].has_mixture ? enumerated_until(&support) : support.highest;
    double statistic = 0.0, rest = DRAWS;
    size_t n_classes = 0, n_rest = DRAWS, at = 0;
    for (int64_t outcome = support.lowest; outcome <= last; outcome++) {
        size_t n = 0;
        for (; at < DRAWS && draws[at] == outcome; at++)
            n++;
        if (!is_legal(head, context, outcome)) {
            assert_quick(n == 0);
            continue;
        }
        set_outcome(heads, head, context, row, outcome);
        double expected = DRAWS * mass_of(saying, heads, head, context, NULL);
        if (expected < EXPECTED_MIN) {
            if (n >= 50)
                ck_abort_msg("%s: %zu draws of %lld, %.3g expected", head_infos[head].name, n,
                             (long long)outcome, expected);
            continue;
        }
        statistic += ((double)n - expected) * ((double)n - expected) / expected;
        rest -= expected;
        n_rest -= n;
        n_classes++;
    }
    if (rest >= EXPECTED_MIN) {
        statistic += ((double)n_rest - rest) * ((double)n_rest - rest) / rest;
        n_classes++;
    }
    return n_classes > 1 ? testing_chi_square_p(statistic, (double)(n_classes - 1)) : 1.0;
}

static void check_draws(struct scene *scene, enum head head)
{
    static struct saying saying;
    static int64_t draws[DRAWS];
    int n_contexts = head == HEAD_PROTOCOL ? 8 : 2;
    for (int trial = 0; trial < n_contexts; trial++) {
        struct row_context context;
        struct row row;
        if (!scene_context(scene, head, trial, &context, &row))
            break;
        draw_saying(&saying, &scene->heads, head, &scene->rng);
        weigh(&saying, &scene->heads, head, &context);
        struct support support = support_of(&scene->heads, head, &context);
        /* Files hold no durations above 2^32, where half of any value is: not drawn as it weighs.
         */
        double p_any = saying.p[scene->heads.n_routes[head] - 2];
        bool is_any = head == HEAD_DURATION && support.highest == INT64_MAX && p_any > 0.005;
        if (is_any || support.lowest > INT32_MAX)
            continue;
        for (size_t i = 0; i < DRAWS; i++) {
            draws[i] = head_draw(&scene->heads, head, &context, saying.available, saying.logits,
                                 saying.mixture, 0.0, &scene->rng);
            assert_quick(draws[i] >= support.lowest && draws[i] <= support.highest);
        }
        qsort(draws, DRAWS, sizeof *draws, compare_numbers);
        double p = p_of_draws(&saying, &scene->heads, head, &context, &row, draws);
        ck_assert_msg(p > 1e-5, "%s: draws have p = %g", head_infos[head].name, p);
    }
}

START_TEST(draws_have_the_masses)
{
    struct scene scene;
    scene_init(&scene, _i);
    for (enum head head = 0; head < N_HEADS; head++)
        check_draws(&scene, head);
    scene_release(&scene);
}
END_TEST

/* ---- which heads a row has ---------------------------------------------------------------- */

/* Every row is told, and nothing of it twice: what its link settles has no head. */
START_TEST(heads_apply_to_what_the_link_leaves_open)
{
    struct scene scene;
    scene_init(&scene, _i);
    size_t n_spelt = 0, n_instant = 0, n_fits = 0, n_early = 0;
    for (size_t s = 0; s < scene.set->n; s++) {
        for (size_t i = 0; i < scene.set->items[s].n_rows; i++) {
            struct row_context context;
            linked_sequence_context(scene.linked[s], i, &context);
            const int64_t *value = context.row->value;
            bool is_open = context.link.kind >= LINK_REMOTE, is_new = context.link.kind == LINK_NEW;
            bool has_ports = value[ATTRIBUTE_PROTOCOL] != PROTOCOL_ICMP;
            bool is_spelt = is_new && value_list_find(&scene.vocabulary.lists[ATTRIBUTE_REMOTE],
                                                      value[ATTRIBUTE_REMOTE]) < 0;
            bool is_within_second = i > 0 && value[ATTRIBUTE_GAP] == 0 &&
                                    context.previous.row->value[ATTRIBUTE_DURATION] > 0;
            bool expected[N_HEADS];
            for (enum head h = 0; h < N_HEADS; h++)
                expected[h] = true;
            expected[HEAD_DUE] = is_due_told(&context);
            expected[HEAD_OLDER] = !is_new && context.link.rank >= near_ranks(context.link.kind);
            expected[HEAD_DIRECTION] = expected[HEAD_PROTOCOL] = is_open;
            expected[HEAD_LOCAL_PORT] = expected[HEAD_REMOTE_PORT] = is_open || !has_ports;
            expected[HEAD_REMOTE] = is_new;
            for (enum head h = HEAD_OCTET_1; h <= HEAD_OCTET_4; h++)
                expected[h] = is_spelt;
            expected[HEAD_ORDER] = is_within_second;
            expected[HEAD_INSTANT] = is_instant_told(&context);
            expected[HEAD_DURATION] = !expected[HEAD_INSTANT] || value[ATTRIBUTE_DURATION] > 0;
            n_instant += !expected[HEAD_DURATION];
            expected[HEAD_FITS] = is_fit_told(&scene.heads, &context);
            bool fits = value[ATTRIBUTE_DURATION] < context.room;
            n_fits += expected[HEAD_FITS] && fits;
            n_early += expected[HEAD_FITS] && !fits;
            for (enum head h = 0; h < N_HEADS; h++)
                assert_quick(head_applies(&scene.heads, h, &context) == expected[h]);
            n_spelt += is_spelt;
        }
    }
    ck_assert_uint_gt(n_spelt, 0);
    ck_assert_uint_gt(n_instant, 0);
    ck_assert((n_fits > 0) == is_met(_i, HEAD_FITS));
    ck_assert((n_early > 0) == is_met(_i, HEAD_FITS));
    scene_release(&scene);
}
END_TEST

/* ---- ports that stray --------------------------------------------------------------------- */

START_TEST(flows_without_ports_have_no_source_port)
{
    struct vocabulary vocabulary = tiny_vocabulary();
    struct heads heads;
    heads_init(&heads, &vocabulary);
    static const struct {
        int64_t protocol, direction;
        enum head head;
        int64_t port;
        bool strays;
    } cases[] = {
        { PROTOCOL_ICMP, DIRECTION_OUT, HEAD_LOCAL_PORT, 2048, true },
        { PROTOCOL_ICMP, DIRECTION_OUT, HEAD_LOCAL_PORT, 0, false },
        { PROTOCOL_ICMP, DIRECTION_OUT, HEAD_REMOTE_PORT, 2048, false },
        { PROTOCOL_ICMP, DIRECTION_IN, HEAD_LOCAL_PORT, 2048, false },
        { PROTOCOL_ICMP, DIRECTION_IN, HEAD_REMOTE_PORT, 2048, true },
        { PROTOCOL_TCP, DIRECTION_IN, HEAD_REMOTE_PORT, 2048, false },
    };
    for (size_t c = 0; c < ARRAY_LEN(cases); c++) {
        struct row row = tiny_row(0);
        row.value[ATTRIBUTE_PROTOCOL] = cases[c].protocol;
        row.value[ATTRIBUTE_DIRECTION] = cases[c].direction;
        struct row_context context = { .row = &row };
        ck_assert_int_eq(head_value_strays(&heads, cases[c].head, &context, cases[c].port),
                         cases[c].strays);
    }
    vocabulary_release(&vocabulary);
}
END_TEST

/* ---- a whole row -------------------------------------------------------------------------- */

/* A network that hardly ever says anything but what tiny rows are told by. */
static void say_tiny(struct saying *saying, const struct heads *heads, enum head head,
                     struct rng *rng)
{
    draw_saying(saying, heads, head, rng);
    for (size_t k = tiny_routes(heads, head); k < heads->n_routes[head]; k++)
        saying->logits[k] = -80;
}

/* The mass of a row: what all heads that it has pay together. */
static double mass_of_row(struct saying *sayings, const struct heads *heads,
                          const struct row_context *context)
{
    double mass = 1.0;
    for (enum head h = 0; h < N_HEADS; h++) {
        if (!head_applies(heads, h, context))
            continue;
        weigh(&sayings[h], heads, h, context);
        mass *= mass_of(&sayings[h], heads, h, context, NULL);
    }
    return mass;
}

START_TEST(masses_of_whole_rows_sum_to_1)
{
    static struct saying sayings[N_HEADS];
    struct vocabulary vocabulary = tiny_vocabulary();
    struct heads heads;
    struct rng rng = rng_stream(3, RNG_TEST, (uint64_t)_i, 0);
    heads_init(&heads, &vocabulary);
    for (enum head h = 0; h < N_HEADS; h++)
        say_tiny(&sayings[h], &heads, h, &rng);
    struct live_past *past = live_past_create(&vocabulary, 1460332800);
    for (int i = 0; i < _i; i++) /* with more and more of the past */
        live_past_note(past, &tiny_past[i]);
    size_t n_of_kind[N_LINK_KINDS] = { 0 };
    double sum = 0.0;
    for (size_t number = 0; number < TINY_ROWS; number++) {
        struct row row = tiny_row(number);
        struct row_context context;
        live_past_context(past, &row, &context);
        sum += mass_of_row(sayings, &heads, &context);
        n_of_kind[context.link.kind]++;
    }
    ck_assert_msg(fabs(sum - 1.0) < 1e-9, "all rows sum to %.12f", sum);
    for (size_t kind = 0; kind < N_LINK_KINDS; kind++)
        ck_assert_int_eq(n_of_kind[kind] > 0, kind == LINK_NEW || _i > 0);
    live_past_free(past);
    vocabulary_release(&vocabulary);
}
END_TEST

/* The last logistics of a mixture stand relative to the match, the others do not. */
START_TEST(relative_logistics_start_from_the_match)
{
    static const struct {
        enum head head;
        double origin[MIXTURE_RELATIVE];
    } expected[] = {
        { HEAD_GAP, { 0.0, 0.0, 0.0 } },
        { HEAD_PACKETS, { 2.302585092994046, 2.302585092994046, 2.302585092994046 } }, /* ln 10 */
        /* ln (80 / 4 + 1), ln ((80 + 3000) / 4 + 1), ln (5000 / 4 + 1) */
        { HEAD_DURATION, { 3.044522437723423, 6.647688373563329, 7.131698510466912 } },
        { HEAD_BYTES, { 4.382026634673881, 4.382026634673881, 4.382026634673881 } }, /* ln 80 */
    };
    struct vocabulary vocabulary = { .duration_grid = 4 };
    const struct heads heads = { .vocabulary = &vocabulary };
    struct row row = {
        .value = { [ATTRIBUTE_GAP] = 1, [ATTRIBUTE_PACKETS] = 3, [ATTRIBUTE_BYTES] = 150 }
    };
    struct row match = {
        .value = { [ATTRIBUTE_PACKETS] = 10, [ATTRIBUTE_BYTES] = 800, [ATTRIBUTE_DURATION] = 80 }
    };
    for (size_t e = 0; e < ARRAY_LEN(expected); e++) {
        struct row_context context = { .row = &row };
        real mixture[3 * MIXTURE_COMPONENTS], placed[3 * MIXTURE_COMPONENTS];
        struct log_cell cell = head_cell(&heads, expected[e].head, &context);
        for (size_t k = 0; k < MIXTURE_RELATIVE; k++)
            assert_near(cell.origin[k], 0, 0);
        context.clock = 102;
        context.match = (struct seen_row){ &match, 100, 0 };
        context.room = 6000;
        cell = head_cell(&heads, expected[e].head, &context);
        for (size_t k = 0; k < MIXTURE_RELATIVE; k++)
            assert_near(cell.origin[k], expected[e].origin[k], 1e-12);
        for (size_t i = 0; i < ARRAY_LEN(mixture); i++)
            mixture[i] = (real)i;
        head_place_mixture(&cell, mixture, placed);
        for (size_t i = 0; i < ARRAY_LEN(mixture); i++) {
            size_t g = i % MIXTURE_COMPONENTS;
            bool is_moved = i / MIXTURE_COMPONENTS == 1 &&
                            g >= MIXTURE_COMPONENTS - MIXTURE_RELATIVE;
            double origin = is_moved ? cell.origin[g + MIXTURE_RELATIVE - MIXTURE_COMPONENTS] : 0.0;
            assert_near((double)placed[i], (double)i + origin, 1e-5);
        }
    }
    match.value[ATTRIBUTE_BYTES] = 0; /* which has no logarithm */
    struct row_context context = { .row = &row, .match = { &match, 0, 0 } };
    assert_near(head_cell(&heads, HEAD_BYTES, &context).origin[0], -log(10.0), 1e-12);
}
END_TEST

Suite *test_suite(void)
{
    Suite *suite = suite_create("model/masked_conv/heads");
    testing_add_loop(suite, masses_of_all_legal_values_sum_to_1, N_SCENES);
    testing_add_loop(suite, draws_have_the_masses, N_SCENES);
    testing_add_loop(suite, heads_apply_to_what_the_link_leaves_open, N_SCENES);
    testing_add(suite, flows_without_ports_have_no_source_port);
    testing_add_loop(suite, masses_of_whole_rows_sum_to_1, TINY_PAST + 1);
    testing_add(suite, relative_logistics_start_from_the_match);
    return suite;
}
