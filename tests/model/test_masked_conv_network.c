#include "testing.h"

#include "base/memory.h"
#include "base/rng.h"
#include "base/threads.h"
#include "gradcheck.h"
#include "masked_conv_fixture.h"
#include "model/masked_conv/heads_internal.h"
#include "model/masked_conv/live.h"
#include "model_fixture.h"
#include "nn/ops.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* ---- scoring ------------------------------------------------------------------------------ */

/* A model whose vocabulary comes from rows like those it is asked about, but others. */
static struct masked_conv *crowded_model(const struct masked_conv_settings *settings)
{
    struct sequence_set *set = crowded_sequence(4, 2500);
    struct masked_conv *model = small_model(set, settings, 5);
    model->vocabulary.one_packet_is_instant = true; /* also where rows break the rule */
    sequence_set_free(set);
    return model;
}

/* nll[h * n + i] of rows first + i, nan where the head does not apply. */
static void score(const struct masked_conv *model, const struct sequence *sequence, size_t first,
                  size_t n, size_t n_history, double *nll)
{
    struct prepared_sequence prepared = masked_conv_prepare(model, sequence);
    struct batch *batch = batch_create(&model->space, &model->heads, 1, n_history, n);
    batch->drop_windows = !model->settings.windows;
    batch->drop_clock = !model->settings.clock;
    struct tape *tape = tape_create();
    struct tensor *of_head[N_HEADS];
    struct error err = { 0 };
    batch_clear(batch);
    batch_add(batch, &(struct piece){
                         .sequence = &prepared, .first = first, .n = n, .host = prepared.host });
    batch_finish(batch);
    tape_reset(tape, TAPE_INFER);
    network_nll(model->network, tape, batch, ATTRIBUTES_ALL, (struct network_noise){ 0 }, of_head);
    assert_ok(tape_status(tape, &err), err);
    for (size_t i = 0; i < N_HEADS * n; i++)
        nll[i] = (double)NAN;
    for (size_t h = 0; h < N_HEADS; h++)
        for (size_t i = 0; of_head[h] != NULL && i < batch->head[h].n; i++)
            nll[h * n + (size_t)batch->head[h].rows[i]] = (double)of_head[h]->data[i];
    tape_free(tape);
    batch_free(batch);
    prepared_sequence_release(&prepared);
}

static bool is_same(double a, double b)
{
    return memcmp(&a, &b, sizeof a) == 0 || (isnan(a) && isnan(b));
}

/* ---- masking ------------------------------------------------------------------------------ */

enum { N_ROWS = 48 };

START_TEST(a_row_changes_nothing_before_it)
{
    struct masked_conv_settings settings = small_settings();
    struct masked_conv *model = crowded_model(&settings);
    struct sequence_set *set = crowded_sequence(6, N_ROWS);
    double before[N_HEADS * N_ROWS], after[N_HEADS * N_ROWS];
    struct rng rng = rng_stream(8, RNG_TEST, 0, 0);
    score(model, &set->items[0], 0, N_ROWS, 8, before);
    for (size_t j = 0; j < N_ROWS; j += 3) {
        struct row kept = set->rows[j];
        set->rows[j] = crowded_row(&rng);
        score(model, &set->items[0], 0, N_ROWS, 8, after);
        size_t n_changed = 0;
        for (size_t h = 0; h < N_HEADS; h++) {
            for (size_t i = 0; i < j; i++)
                assert_quick(is_same(before[h * N_ROWS + i], after[h * N_ROWS + i]));
            for (size_t i = j + 1; i < N_ROWS; i++)
                n_changed += !is_same(before[h * N_ROWS + i], after[h * N_ROWS + i]);
        }
        ck_assert_int_eq(n_changed > 0, j + 1 < N_ROWS);
        set->rows[j] = kept;
    }
    sequence_set_free(set);
    masked_conv_free(&model->base);
}
END_TEST

/* The first head that an attribute has a part in, where the link stays as it is. */
static const enum head first_heads[N_CODED] = {
    [ATTRIBUTE_GAP] = HEAD_GAP,
    [ATTRIBUTE_REMOTE] = HEAD_REMOTE,
    [ATTRIBUTE_DIRECTION] = HEAD_DIRECTION,
    [ATTRIBUTE_PROTOCOL] = HEAD_PROTOCOL,
    [ATTRIBUTE_LOCAL_PORT] = HEAD_LOCAL_PORT,
    [ATTRIBUTE_REMOTE_PORT] = HEAD_REMOTE_PORT,
    [ATTRIBUTE_FLAGS] = HEAD_FLAGS,
    [ATTRIBUTE_TOS] = HEAD_TOS,
    [ATTRIBUTE_FORWARDING] = HEAD_FORWARDING,
    [ATTRIBUTE_LABEL] = HEAD_LABEL,
    [ATTRIBUTE_PACKETS] = HEAD_PACKETS,
    [ATTRIBUTE_BYTES] = HEAD_BYTES,
    [ATTRIBUTE_DURATION] = HEAD_ORDER,
};

/* What a head goes by in a row. */
struct view {
    struct link link;
    bool keeps_order, is_instant, fits;
    int32_t features[FEATURES_MAX]; /* of the stages that it sees */
    uint8_t available[1024];
    struct log_cell cell;
};

static struct view view_of(const struct masked_conv *model, const struct sequence *sequence,
                           size_t i, enum head head)
{
    struct linked_sequence *linked = linked_sequence_create(sequence, &model->vocabulary, true,
                                                            true, NULL);
    struct row_context context;
    struct view view = { 0 };
    size_t n = 0;
    linked_sequence_context(linked, i, &context);
    view.link = context.link;
    view.keeps_order = order_is_open(&context) && order_is_kept(&context);
    view.is_instant = head_applies(&model->heads, HEAD_INSTANT, &context) &&
                      context.row->value[ATTRIBUTE_DURATION] == 0;
    view.fits = head_applies(&model->heads, HEAD_FITS, &context) &&
                context.row->value[ATTRIBUTE_DURATION] < context.room;
    for (size_t stage = 0; stage <= head_infos[head].sees; stage++)
        n += features_of_stage(&model->space, (enum stage)stage, &context, view.features + n);
    ck_assert_uint_le(model->heads.n_routes[head], sizeof view.available);
    if (head_applies(&model->heads, head, &context))
        head_available(&model->heads, head, &context, view.available);
    if (head_infos[head].has_mixture)
        view.cell = head_cell(&model->heads, head, &context);
    linked_sequence_free(linked);
    return view;
}

/* The value of a head's own attribute is nothing that it goes by. */
static void check_views(const struct view *a, const struct view *b)
{
    ck_assert_mem_eq(a->features, b->features, sizeof a->features);
    ck_assert_mem_eq(a->available, b->available, sizeof a->available);
    ck_assert(is_same(a->cell.range_lo, b->cell.range_lo));
    ck_assert(is_same(a->cell.range_hi, b->cell.range_hi));
}

START_TEST(an_attribute_changes_nothing_before_it)
{
    enum attribute attribute = (enum attribute)_i;
    enum head first = first_heads[attribute];
    struct masked_conv_settings settings = small_settings();
    struct masked_conv *model = crowded_model(&settings);
    struct sequence_set *set = crowded_sequence(6, N_ROWS);
    const struct sequence *sequence = &set->items[0];
    double before[N_HEADS * N_ROWS], after[N_HEADS * N_ROWS];
    struct rng rng = rng_stream(9, RNG_TEST, 0, 0);
    size_t n_tried = 0, n_changed = 0;
    score(model, sequence, 0, N_ROWS, 8, before);
    for (size_t j = 0; j < N_ROWS && n_tried < 12; j++) {
        int64_t *value = &set->rows[j].value[attribute], kept = *value;
        struct view view = view_of(model, sequence, j, first);
        struct view of_duration = view_of(model, sequence, j, HEAD_DURATION);
        *value = crowded_row(&rng).value[attribute];
        if (attribute == ATTRIBUTE_TOS || attribute == ATTRIBUTE_FORWARDING ||
            attribute == ATTRIBUTE_LABEL)
            *value = kept == 0;
        struct view other = view_of(model, sequence, j, first);
        if (*value != kept && view.link.kind == other.link.kind &&
            view.link.rank == other.link.rank) {
            check_views(&view, &other);
            other = view_of(model, sequence, j, HEAD_DURATION);
            if (attribute == ATTRIBUTE_DURATION && of_duration.keeps_order == other.keeps_order &&
                of_duration.is_instant == other.is_instant && of_duration.fits == other.fits)
                check_views(&of_duration, &other);
            score(model, sequence, 0, N_ROWS, 8, after);
            for (size_t h = 0; h < N_HEADS; h++)
                for (size_t i = 0; i <= j; i++)
                    if (i < j || h < first)
                        assert_quick(is_same(before[h * N_ROWS + i], after[h * N_ROWS + i]));
            for (size_t h = first; h < N_HEADS; h++)
                n_changed += !is_same(before[h * N_ROWS + j], after[h * N_ROWS + j]);
            n_tried++;
        }
        *value = kept;
    }
    ck_assert_uint_gt(n_tried, 3);
    ck_assert_uint_gt(n_changed, n_tried / 2);
    sequence_set_free(set);
    masked_conv_free(&model->base);
}
END_TEST

/* ---- gradients ---------------------------------------------------------------------------- */

/* One piece of one row with its history, and the nll of one head that applies to it. */
struct single {
    const struct masked_conv *model;
    struct prepared_sequence prepared;
    struct batch *batch;
    struct tape *tape;
};

static struct single single_create(const struct masked_conv *model, const struct sequence *sequence)
{
    return (struct single){ model, masked_conv_prepare(model, sequence),
                            masked_conv_batch(model, 1, 1), tape_create() };
}

static void single_release(struct single *single)
{
    prepared_sequence_release(&single->prepared);
    batch_free(single->batch);
    tape_free(single->tape);
}

static struct tensor *single_nll(struct single *single, size_t row, enum head head)
{
    struct tensor *nll[N_HEADS];
    struct error err = { 0 };
    batch_clear(single->batch);
    batch_add(single->batch,
              &(struct piece){ .sequence = &single->prepared, .first = row, .n = 1, .host = 0 });
    batch_finish(single->batch);
    tape_reset(single->tape, TAPE_TRAIN);
    network_nll(single->model->network, single->tape, single->batch, ATTRIBUTES_ALL,
                (struct network_noise){ 0 }, nll);
    assert_ok(tape_status(single->tape, &err), err);
    return total(single->tape, nll[head], 1.0);
}

/* Marks the rows of the embedding table that the head may see: all features of the rows before, and
 * of its own row those of stages up to its own. Returns how many others its row has. */
static size_t mark_visible(const struct batch *batch, enum head head, bool *is_visible)
{
    size_t n_features = batch->space->n_features, own = (size_t)batch->scored[0], n_hidden = 0;
    const int32_t *features = batch->features;
    for (size_t f = 0; f < own * n_features; f++)
        if (features[f] >= 0)
            is_visible[features[f]] = true;
    size_t f = own * n_features;
    for (size_t stage = 0; stage < N_STAGES; stage++) {
        for (size_t i = 0; i < batch->space->n_of_stage[stage]; i++, f++) {
            if (features[f] < 0)
                continue;
            if (stage <= head_infos[head].sees)
                is_visible[features[f]] = true;
            else
                n_hidden += !is_visible[features[f]];
        }
    }
    return n_hidden;
}

START_TEST(what_a_head_must_not_see_gets_no_gradient)
{
    enum head head = (enum head)_i;
    struct masked_conv_settings settings = small_settings();
    struct masked_conv *model = crowded_model(&settings);
    struct sequence_set *set = crowded_sequence(6, 700);
    struct single single = single_create(model, &set->items[0]);
    struct network *network = model->network;
    size_t n_table = model->space.n_rows, C = network->size.width, n_done = 0, n_hidden = 0;
    bool *is_visible = memory_alloc(n_table, sizeof *is_visible);
    for (size_t row = 699; row > 0 && n_done < 6; row--) {
        struct row_context context;
        linked_sequence_context(single.prepared.linked, row, &context);
        if (!head_applies(&model->heads, head, &context))
            continue;
        struct tensor *loss = single_nll(&single, row, head);
        params_zero_grads(network->params);
        tape_backward(single.tape, loss);
        memset(is_visible, 0, n_table * sizeof *is_visible);
        n_hidden += mark_visible(single.batch, head, is_visible);
        size_t n_seen = 0;
        for (size_t t = 0; t < n_table; t++) {
            bool has_gradient = false;
            for (size_t c = 0; c < C; c++)
                has_gradient |= network->embeddings->grad[t * C + c] != 0;
            assert_quick(!has_gradient || is_visible[t]);
            n_seen += has_gradient;
        }
        assert_quick(n_seen > model->space.n_features / 4);
        for (enum head other = 0; other < N_HEADS; other++) {
            const struct tensor *weight = network->head[other].trunk_weight;
            bool has_gradient = false;
            for (size_t i = 0; i < tensor_size(weight); i++)
                has_gradient |= weight->grad[i] != 0;
            assert_quick(has_gradient == (other == head));
        }
        n_done++;
    }
    ck_assert_uint_eq(n_done, 6);
    ck_assert_int_eq(n_hidden > 0, head != HEAD_BYTES || head_infos[head].sees < STAGE_BYTES);
    free(is_visible);
    single_release(&single);
    sequence_set_free(set);
    masked_conv_free(&model->base);
}
END_TEST

/* A batch in which every head has something to say. */
struct whole {
    struct masked_conv *model;
    struct sequence_set *set;
    struct prepared_sequence prepared;
    struct batch *batch;
};

static bool is_extreme(const struct row *row)
{
    const int64_t *value = row->value;
    return value[ATTRIBUTE_GAP] > 100 || value[ATTRIBUTE_PACKETS] > 100 ||
           value[ATTRIBUTE_BYTES] > 10000 || value[ATTRIBUTE_DURATION] > 10000;
}

static struct whole whole_create(void)
{
    struct masked_conv_settings settings = small_settings();
    settings.width = 8;
    settings.hidden = 8;
    settings.context = 4;
    struct whole whole = { .model = crowded_model(&settings), .set = crowded_sequence(6, 700) };
    whole.prepared = masked_conv_prepare(whole.model, &whole.set->items[0]);
    whole.batch = masked_conv_batch(whole.model, N_HEADS, 1);
    /* Few rows, with moderate numbers: the smaller the loss, the finer its differences. */
    bool is_covered[N_HEADS] = { false };
    for (enum head head = 0; head < N_HEADS; head++) {
        struct row_context context;
        size_t row = 660;
        if (is_covered[head])
            continue;
        bool shows_pace = head % 3 == 0;
        do {
            linked_sequence_context(whole.prepared.linked, --row, &context);
            context.is_unordered = shows_pace;
        } while (!head_applies(&whole.model->heads, head, &context) || is_extreme(context.row) ||
                 (head == 0 && !head_applies(&whole.model->heads, HEAD_OCTET_1, &context)));
        for (enum head other = 0; other < N_HEADS; other++)
            is_covered[other] |= head_applies(&whole.model->heads, other, &context);
        batch_add(whole.batch, &(struct piece){ .sequence = &whole.prepared,
                                                .first = row,
                                                .n = 1,
                                                .host = head % 2,
                                                .shows_pace = shows_pace });
    }
    batch_finish(whole.batch);
    /* Stack and context count for more than they do at first, so that differences show it. */
    struct params *params = whole.model->network->params;
    for (size_t p = 0; p < params->n; p++) {
        struct tensor *weight = params->table[p].tensor;
        bool is_out = strstr(weight->name, ".out") != NULL && strstr(weight->name, "bias") == NULL;
        bool is_context = strstr(weight->name, ".context") != NULL;
        for (size_t i = 0; i < tensor_size(weight); i++)
            weight->data[i] *= is_out ? 8 : is_context ? 3 : 1;
    }
    return whole;
}

static void whole_release(struct whole *whole)
{
    prepared_sequence_release(&whole->prepared);
    batch_free(whole->batch);
    sequence_set_free(whole->set);
    masked_conv_free(&whole->model->base);
}

static struct tensor *whole_loss(struct tape *tape, void *context)
{
    const struct whole *whole = context;
    struct tensor *nll[N_HEADS], *loss = NULL;
    network_nll(whole->model->network, tape, whole->batch, ATTRIBUTES_ALL,
                (struct network_noise){ 0 }, nll);
    for (enum head head = 0; head < N_HEADS; head++) {
        ck_assert_ptr_nonnull(nll[head]);
        struct tensor *part = total(tape, nll[head], 0.1);
        loss = loss == NULL ? part : add(tape, loss, part);
    }
    return loss;
}

START_TEST(gradients_of_the_whole_loss_are_its_differences)
{
    struct whole whole = whole_create();
    struct error err = { 0 };
    assert_ok(gradcheck_loss(whole.model->network->params, whole_loss, &whole, 3, &err), err);
    whole_release(&whole);
}
END_TEST

/* ---- how far back ------------------------------------------------------------------------- */

static const struct network_size sizes[] = {
    { .kernel = 2, .n_blocks = 0 }, { .kernel = 2, .n_blocks = 1 }, { .kernel = 2, .n_blocks = 3 },
    { .kernel = 3, .n_blocks = 2 }, { .kernel = 4, .n_blocks = 1 },
};
static const size_t fields[] = { 2, 3, 9, 11, 7 };

/* Without memory rows are seen by the stack alone, but for the one before. */
START_TEST(rows_are_seen_as_far_back_as_the_receptive_field)
{
    struct masked_conv_settings settings = small_settings();
    settings.memory = false;
    settings.blocks = (int64_t)sizes[_i].n_blocks;
    settings.kernel = (int64_t)sizes[_i].kernel;
    struct masked_conv *model = crowded_model(&settings);
    size_t field = network_receptive_field(&model->network->size), row = 40;
    ck_assert_uint_eq(field, fields[_i]);
    struct sequence_set *set = crowded_sequence(6, N_ROWS);
    for (size_t i = 0; i < N_ROWS; i++) /* all in one window */
        set->rows[i].value[ATTRIBUTE_GAP] = 0;
    double before[N_HEADS], after[N_HEADS], cut[N_HEADS];
    score(model, &set->items[0], row, 1, field + 8, before);
    for (size_t back = 2; back < field + 8; back++) {
        int64_t *flags = &set->rows[row - back].value[ATTRIBUTE_FLAGS];
        *flags ^= 1;
        score(model, &set->items[0], row, 1, field + 8, after);
        *flags ^= 1;
        bool is_changed = false;
        for (size_t h = 0; h < N_HEADS; h++)
            is_changed |= !is_same(before[h], after[h]);
        ck_assert_msg(is_changed == (back <= field), "%zu rows back of %zu", back, field);
    }
    /* No more history than that is needed. */
    score(model, &set->items[0], row, 1, field, cut);
    for (size_t h = 0; h < N_HEADS; h++)
        ck_assert(is_same(before[h], cut[h]));
    sequence_set_free(set);
    masked_conv_free(&model->base);
}
END_TEST

/* ---- masses ------------------------------------------------------------------------------- */

/* Scored together or in parts, a row costs the same. */
START_TEST(a_sequence_costs_the_same_however_it_is_cut)
{
    struct masked_conv_settings settings = small_settings();
    struct sequence_set *set = fixture_network(3, 2, 24);
    struct masked_conv *model = small_model(set, &settings, 5);
    struct sequence *sequence = &set->items[0];
    size_t n = sequence->n_rows;
    ck_assert_uint_gt(n, 600); /* more than are scored at once */
    double *whole = memory_alloc(n * N_ATTRIBUTES, sizeof *whole);
    double *rest = memory_alloc(n * N_ATTRIBUTES, sizeof *rest);
    struct error err = { 0 };
    assert_ok(model_log_mass(&model->base, sequence, whole, &err), err);
    sequence->first_scored = 111;
    assert_ok(model_log_mass(&model->base, sequence, rest, &err), err);
    for (size_t i = 0; i < (n - 111) * N_ATTRIBUTES; i++) {
        assert_quick(fabs(whole[111 * N_ATTRIBUTES + i] - rest[i]) < 1e-3);
        assert_quick(rest[i] <= 1e-5);
    }
    free(whole);
    free(rest);
    sequence_set_free(set);
    masked_conv_free(&model->base);
}
END_TEST

/* A network in a tiny world: it says what there is, and what it says hangs on what it sees. */
static struct masked_conv *tiny_model(void)
{
    struct masked_conv_settings settings = small_settings();
    struct vocabulary vocabulary = tiny_vocabulary();
    struct habits habits = { 0 };
    threads_set(1);
    struct masked_conv *model = masked_conv_create(
        &settings, &vocabulary, memory_alloc(0, sizeof(uint32_t)), 0, &habits, 5);
    model->base.attributes = ATTRIBUTES_ALL;
    for (enum head h = 0; h < N_HEADS; h++) {
        struct network_head *head = &model->network->head[h];
        for (size_t i = 0; i < tensor_size(head->out_weight); i++)
            head->out_weight->data[i] *= 10;
        for (size_t k = tiny_routes(&model->heads, h); k < model->heads.n_routes[h]; k++)
            head->out_bias->data[k] = -60;
    }
    return model;
}

/* The mass of what `attributes` of a row say, after the tiny past. */
static double tiny_mass(const struct masked_conv *model, const struct row *row, uint32_t attributes)
{
    struct row rows[TINY_PAST + 1];
    double masses[N_ATTRIBUTES], sum = 0.0;
    struct error err = { 0 };
    memcpy(rows, tiny_past, sizeof tiny_past);
    rows[TINY_PAST] = *row;
    const struct sequence sequence = {
        .start = 1460332800, .rows = rows, .n_rows = TINY_PAST + 1, .first_scored = TINY_PAST
    };
    assert_ok(model_log_mass(&model->base, &sequence, masses, &err), err);
    for (size_t a = 0; a < N_ATTRIBUTES; a++)
        if (attributes & ATTRIBUTE_BIT(a))
            sum += masses[a];
    return exp(sum);
}

/* The whole way through links, features, network and heads: were a head to see what it tells, or a
 * row to have two ways to be written, this would be something else than 1. */
START_TEST(masses_of_whole_rows_sum_to_1)
{
    const uint32_t gap = ATTRIBUTE_BIT(ATTRIBUTE_GAP);
    const uint32_t identity = ATTRIBUTE_BIT(ATTRIBUTE_LINK) | ATTRIBUTE_BIT(ATTRIBUTE_REMOTE) |
                              ATTRIBUTE_BIT(ATTRIBUTE_DIRECTION) |
                              ATTRIBUTE_BIT(ATTRIBUTE_PROTOCOL) |
                              ATTRIBUTE_BIT(ATTRIBUTE_LOCAL_PORT) |
                              ATTRIBUTE_BIT(ATTRIBUTE_REMOTE_PORT);
    const uint32_t rest = ~(gap | identity);
    struct masked_conv *model = tiny_model();
    for (size_t other = 0; other < 2; other++) {
        double sum = 0.0; /* of gaps, of identities given the gap, of the rest given both */
        for (size_t g = 0; g < 2; g++) {
            struct row row = tiny_row((g * TINY_REST + other) * TINY_IDENTITIES + other);
            sum += tiny_mass(model, &row, gap);
        }
        assert_near(sum, 1.0, 1e-4);
        sum = 0.0;
        for (size_t i = 0; i < TINY_IDENTITIES; i++) {
            struct row row = tiny_row((other * TINY_REST + 3 * other) * TINY_IDENTITIES + i);
            sum += tiny_mass(model, &row, identity);
        }
        assert_near(sum, 1.0, 1e-4);
        sum = 0.0;
        for (size_t r = 0; r < TINY_REST; r++) {
            struct row row = tiny_row((other * TINY_REST + r) * TINY_IDENTITIES + 77 + other);
            sum += tiny_mass(model, &row, rest);
        }
        assert_near(sum, 1.0, 1e-4);
    }
    masked_conv_free(&model->base);
}
END_TEST

/* What is left out for an ablation has no part in the result. */
START_TEST(ablations_leave_out_what_they_say)
{
    struct sequence_set *set = fixture_network(3, 2, 5);
    size_t n = set->items[1].n_rows - 200;
    double *masses[2];
    struct error err = { 0 };
    for (int which = 0; which < 3; which++) {
        struct masked_conv_settings settings = small_settings();
        settings.windows = which != 0;
        settings.clock = which != 1;
        settings.host_embedding = which != 2;
        struct masked_conv *model = small_model(set, &settings, 5);
        struct sequence sequence = set->items[1];
        sequence.first_scored = 200;
        for (int change = 0; change < 2; change++) {
            masses[change] = memory_alloc(n * N_ATTRIBUTES, sizeof **masses);
            assert_ok(model_log_mass(&model->base, &sequence, masses[change], &err), err);
            if (which == 0) /* another past in the windows, none of it in sight */
                for (size_t i = 0; i < 100; i++)
                    set->rows[set->items[0].n_rows + i].value[ATTRIBUTE_FORWARDING] = 1;
            else if (which == 1) /* another day of the week, the same windows */
                sequence.start += 86400;
            else
                sequence.host = set->items[0].host;
        }
        bool is_same_mass = memcmp(masses[0], masses[1], n * N_ATTRIBUTES * sizeof **masses) == 0;
        ck_assert(is_same_mass);
        free(masses[0]);
        free(masses[1]);
        masked_conv_free(&model->base);
    }
    sequence_set_free(set);
}
END_TEST

/* Routes and features of recollections that are there in a batch of one piece; the rest of it is
 * the same whatever is recalled. */
static size_t count_recalled(const struct masked_conv *model, const struct sequence *sequence,
                             bool shows_pace)
{
    enum { FIRST = 300, N = 40 };
    const struct heads *heads = &model->heads;
    struct prepared_sequence prepared = masked_conv_prepare(model, sequence);
    struct batch *batch = masked_conv_batch(model, 1, N);
    size_t n = 0, first_recalled = 0, first_before = 0;
    batch_clear(batch);
    batch_add(batch, &(struct piece){
                         .sequence = &prepared, .first = FIRST, .n = N, .shows_pace = shows_pace });
    batch_finish(batch);
    for (enum head h = 0; h < N_HEADS; h++) {
        size_t first = head_first_recalled(heads, h);
        for (size_t i = 0; i < batch->head[h].n; i++)
            for (size_t k = 0; k < heads->n_recalled[h]; k++)
                n += batch->head[h].available[i * heads->n_routes[h] + first + k];
    }
    struct row_context context;
    linked_sequence_context(prepared.linked, FIRST, &context);
    ck_assert_int_eq(context.like != NULL, model->settings.recall);
    for (enum stage stage = 0; stage < STAGE_PORTS; stage++)
        first_before += model->space.n_of_stage[stage];
    first_recalled = first_before + model->space.n_of_stage[STAGE_PORTS] -
                     1; /* the last of these */
    for (size_t i = 0; i < batch->n_scored; i++)
        n += batch->features[(size_t)batch->scored[i] * model->space.n_features + first_recalled] !=
             FEATURE_NONE;
    batch_free(batch);
    prepared_sequence_release(&prepared);
    return n;
}

START_TEST(nothing_is_recalled_where_the_pace_is_shown)
{
    struct sequence_set *set = fixture_network(3, 2, 5);
    struct masked_conv_settings settings = small_settings();
    struct masked_conv *model = small_model(set, &settings, 5);
    ck_assert_uint_gt(count_recalled(model, &set->items[1], false), 500);
    ck_assert_uint_eq(count_recalled(model, &set->items[1], true), 0);
    masked_conv_free(&model->base);
    settings.recall = false;
    model = small_model(set, &settings, 5);
    ck_assert_uint_eq(count_recalled(model, &set->items[1], false), 0);
    masked_conv_free(&model->base);
    sequence_set_free(set);
}
END_TEST

/* Rows of a piece of which a head has something to say. */
static size_t count_told(const struct masked_conv *model, const struct sequence *sequence,
                         enum head head, bool shows_pace)
{
    struct prepared_sequence prepared = masked_conv_prepare(model, sequence);
    struct batch *batch = masked_conv_batch(model, 1, 200);
    batch_clear(batch);
    batch_add(batch, &(struct piece){
                         .sequence = &prepared, .first = 300, .n = 200, .shows_pace = shows_pace });
    batch_finish(batch);
    size_t n = batch->head[head].n;
    batch_free(batch);
    prepared_sequence_release(&prepared);
    return n;
}

/* And in drawing, which keeps to a pace. */
START_TEST(there_is_no_order_where_the_pace_is_shown)
{
    struct sequence_set *set = crowded_sequence(6, 700);
    struct masked_conv_settings settings = small_settings();
    struct masked_conv *model = small_model(set, &settings, 5);
    ck_assert_uint_gt(count_told(model, &set->items[0], HEAD_ORDER, false), 10);
    ck_assert_uint_eq(count_told(model, &set->items[0], HEAD_ORDER, true), 0);
    struct live_host host;
    size_t n_ordered[2] = { 0 };
    for (int is_unordered = 0; is_unordered < 2; is_unordered++) {
        live_host_init(&host, &model->vocabulary, set->items[0].start, true, true, true);
        host.is_unordered = is_unordered;
        for (size_t i = 0; i < 200; i++) {
            live_begin_known(&host, &set->rows[i]);
            n_ordered[is_unordered] += head_applies(&model->heads, HEAD_ORDER, &host.context);
            live_end(&host);
        }
        live_host_release(&host);
    }
    ck_assert_uint_gt(n_ordered[0], 10);
    ck_assert_uint_eq(n_ordered[1], 0);
    masked_conv_free(&model->base);
    sequence_set_free(set);
}
END_TEST

/* What is due after the period that is usual for its service is so where the pace is shown, for the
 * head that tells it as for features; and in drawing, which keeps to a pace. */
START_TEST(what_is_usual_is_due_where_the_pace_is_shown)
{
    struct sequence_set *set = crowded_sequence(6, 700);
    struct masked_conv_settings settings = small_settings();
    struct masked_conv *model = small_model(set, &settings, 5);
    struct usual_period *periods = model->habits.profiles[0].services.periods;
    for (size_t i = 0; i < SERVICE_PERIODS; i++)
        periods[i] = (struct usual_period){ 40, 1 };
    size_t n[] = { count_told(model, &set->items[0], HEAD_DUE, false),
                   count_told(model, &set->items[0], HEAD_DUE, true) };
    ck_assert_uint_gt(n[1], n[0] + 30);
    for (int follows = 0; follows < 2; follows++) {
        struct live_host host;
        live_host_init(&host, &model->vocabulary, set->items[0].start, true, true, true);
        if (follows)
            live_host_follow(&host, &model->habits, 0, 1, 1);
        for (size_t i = 0; i < 200; i++) {
            live_begin_known(&host, &set->rows[i]);
            live_end(&host);
        }
        live_begin(&host);
        const struct beats_due *due = row_context_beats(&host.context);
        size_t n_usual = 0;
        for (size_t i = 0; i < due->n; i++)
            n_usual += due->items[i].level == BEAT_USUAL + 1;
        ck_assert_int_eq(n_usual > 0, follows);
        live_host_release(&host);
    }
    masked_conv_free(&model->base);
    sequence_set_free(set);
}
END_TEST

Suite *test_suite(void)
{
    Suite *suite = suite_create("model/masked_conv/network");
    testing_add(suite, nothing_is_recalled_where_the_pace_is_shown);
    testing_add(suite, there_is_no_order_where_the_pace_is_shown);
    testing_add(suite, what_is_usual_is_due_where_the_pace_is_shown);
    testing_add(suite, a_row_changes_nothing_before_it);
    testing_add_loop(suite, an_attribute_changes_nothing_before_it, N_CODED);
    testing_add_loop(suite, what_a_head_must_not_see_gets_no_gradient, N_HEADS);
    testing_add(suite, gradients_of_the_whole_loss_are_its_differences);
    testing_add_loop(suite, rows_are_seen_as_far_back_as_the_receptive_field, ARRAY_LEN(sizes));
    testing_add(suite, a_sequence_costs_the_same_however_it_is_cut);
    testing_add(suite, masses_of_whole_rows_sum_to_1);
    testing_add(suite, ablations_leave_out_what_they_say);
    return suite;
}
