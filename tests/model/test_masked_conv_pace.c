/* How many flows an hour has: learned, shown to the network, and kept to in drawing. */
#include "base/memory.h"
#include "data/calendar.h"
#include "masked_conv_fixture.h"
#include "model/masked_conv/features.h"
#include "model/masked_conv/heads.h"
#include "model/masked_conv/live.h"
#include "model_fixture.h"
#include "testing.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* A host that has `rate` flows an hour, of which every third goes out, from hour 6 to hour 9. */
static struct sequence_set *steady_host(int64_t rate)
{
    size_t n = (size_t)(3 * rate);
    struct sequence_set *set = fixture_empty(1, n);
    set->items[0].start = 6 * SECONDS_PER_HOUR;
    for (size_t i = 0; i < n; i++) {
        set->rows[i].value[ATTRIBUTE_GAP] = i > 0 ? SECONDS_PER_HOUR / rate : 0;
        set->rows[i].value[ATTRIBUTE_DIRECTION] = i % 3 == 0 ? DIRECTION_OUT : DIRECTION_IN;
        set->rows[i].value[ATTRIBUTE_PACKETS] = 1;
    }
    return set;
}

/* Numbers around the rates: as many flows as a Poisson number, which divide as the rates do. */
START_TEST(rates_of_hours_are_learned_and_drawn)
{
    enum { N = 400 };
    const int64_t rates[] = { 30, 900 };
    struct sequence_set *set = steady_host(rates[_i]);
    struct hourly_flows hourly;
    /* The last hour is observed by half, and so is thought twice as busy. */
    int64_t from = 6 * SECONDS_PER_HOUR, until = 8 * SECONDS_PER_HOUR + SECONDS_PER_HOUR / 2;
    hourly_flows_init(&hourly, 2, from * MS_PER_SECOND, until * MS_PER_SECOND);
    hourly_flows_learn(&hourly, 1, &set->items[0], NULL, true);
    assert_near(hourly.seconds[6], 3600, 0);
    assert_near(hourly.seconds[8], 1800, 0);
    assert_near(hourly.seconds[9], 0, 0);
    double rate = (double)rates[_i];
    struct row out = set->rows[0], in = set->rows[1];
    size_t reply_out = pace_class(LINK_REPLY, &out), reply_in = pace_class(LINK_REPLY, &in);
    size_t repeat_in = pace_class(LINK_REPEAT, &in);
    const double expected[][2] = { { 6, rate }, { 7, rate }, { 8, 2 * rate }, { 20, 1.2 * rate } };
    for (size_t e = 0; e < ARRAY_LEN(expected); e++) {
        double sums[PACE_COUNTS] = { 0.0 }, squares = 0.0, sum = 0.0;
        int64_t hour = (int64_t)expected[e][0];
        for (uint64_t stream = 0; stream < N; stream++) {
            struct pace_counts flows, again;
            hourly_flows_draw(&hourly, 1, hour, 5, stream, &flows);
            hourly_flows_draw(&hourly, 1, hour, 5, stream, &again);
            ck_assert_mem_eq(&flows, &again, sizeof flows);
            double all = (double)pace_flows(&flows);
            ck_assert_int_eq(hourly_flows_of_hour(&hourly, 1, hour, 5, stream), pace_flows(&flows));
            for (size_t c = 0; c < PACE_COUNTS; c++)
                sums[c] += flows.all[c];
            sum += all;
            squares += all * all;
            /* Of three flows one is sent, and replied to, and that is repeated: in each hour, but
             * for the first of all and what is rounded. */
            ck_assert_int_le(abs(flows.of_class[reply_in] - flows.of_class[repeat_in]), 1);
            ck_assert_int_le(abs(flows.of_class[reply_in] - flows.of_class[reply_out]), 2);
            hourly_flows_draw(&hourly, 0, hour, 5, stream, &flows);
            ck_assert_int_eq(pace_flows(&flows), 0); /* the other host has none */
        }
        double all = expected[e][1], third = all / 3, mean = sum / N;
        assert_near(mean, all, 5 * sqrt(all / N) + 1);
        assert_near(squares / N - mean * mean, all, 5 * all * sqrt(2.5 / N) + 3);
        assert_near(sums[reply_out] / N, third, 5 * sqrt(third / N) + 1);
        assert_near(sums[repeat_in] / N, third, 5 * sqrt(third / N) + 1);
        const double *of_depth = sums + PACE_CLASSES, *of_service = of_depth + PACE_DEPTHS;
        assert_near(of_depth[0] / N, all, 5 * sqrt(all / N) + 1);
        for (size_t d = 1; d < PACE_DEPTHS; d++) /* each flow is the first of its second */
            assert_near(of_depth[d], 0, 0);
        const double *of_turn = of_service + PACE_SERVICES, *of_gap = of_turn + PACE_TURNS_OF_KINDS;
        size_t other = SLOT_OTHERS + (size_t)share_of(in.value[ATTRIBUTE_PROTOCOL]);
        assert_near(of_service[LINK_REPEAT * SERVICE_SLOTS + other], sums[repeat_in], N);
        size_t gap = pace_gap(SECONDS_PER_HOUR / rates[_i]);
        assert_near(of_gap[LINK_REPEAT * PACE_GAPS + gap] / N, third, 5 * sqrt(third / N) + 1);
    }
    hourly_flows_release(&hourly);
    sequence_set_free(set);
}
END_TEST

START_TEST(a_linked_row_knows_what_is_to_come)
{
    enum { N = 600 };
    struct sequence_set *set = crowded_sequence(4, N);
    struct sequence *sequence = &set->items[0];
    struct vocabulary vocabulary;
    vocabulary_learn(&vocabulary, set);
    for (size_t i = 0; i < N; i++) /* some hours stay empty */
        set->rows[i].value[ATTRIBUTE_GAP] = i % 50 == 0 ? 3700
                                                        : set->rows[i].value[ATTRIBUTE_GAP] % 97;
    struct service_lists services;
    service_lists_learn(&services, sequence);
    struct linked_sequence *linked = linked_sequence_create(sequence, &vocabulary, true, true,
                                                            &services);
    bool is_seen[2] = { false, false };
    for (size_t i = 0; i < N; i++) {
        struct row_context context;
        linked_sequence_context(linked, i, &context);
        int64_t hour = context.clock / SECONDS_PER_HOUR;
        int64_t hour_of_row = linked_sequence_clock(linked, i + 1) / SECONDS_PER_HOUR;
        struct pace_counts left = { 0 }, due = { 0 };
        int32_t next = 0;
        for (size_t j = i; j < N; j++) {
            int64_t of_row = linked_sequence_clock(linked, j + 1) / SECONDS_PER_HOUR;
            struct pace_mark mark = mark_of_row(linked, j, &services);
            if (of_row == hour)
                pace_add(&left, mark, 1);
            if (of_row == hour_of_row)
                pace_add(&due, mark, 1);
            next += of_row == hour + 1;
        }
        ck_assert_ptr_null(context.pace);
        struct pace pace;
        linked_sequence_pace(linked, i, &pace);
        ck_assert_int_eq(pace.seconds, SECONDS_PER_HOUR - context.clock % SECONDS_PER_HOUR);
        ck_assert_mem_eq(&pace.left, &left, sizeof left);
        ck_assert_mem_eq(&pace.due, &due, sizeof due);
        ck_assert_int_eq(pace.is_next_hour, hour_of_row != hour);
        ck_assert_int_eq(pace.next, next);
        struct pace_counts of_hour;
        linked_sequence_hour(linked, hour_of_row, &of_hour);
        for (size_t j = 0; j < i; j++)
            if (linked_sequence_clock(linked, j + 1) / SECONDS_PER_HOUR == hour_of_row)
                pace_add(&due, mark_of_row(linked, j, &services), 1);
        ck_assert_mem_eq(&of_hour, &due, sizeof due);
        is_seen[pace_flows(&left) > 0] = true;
    }
    ck_assert(is_seen[0] && is_seen[1]);
    linked_sequence_free(linked);
    vocabulary_release(&vocabulary);
    sequence_set_free(set);
}
END_TEST

START_TEST(a_live_host_counts_down)
{
    struct sequence_set *set = steady_host(60);
    struct habits habits;
    struct vocabulary vocabulary;
    struct live_host host;
    struct pace_counts flows, next;
    int64_t start = 6 * SECONDS_PER_HOUR;
    vocabulary_learn(&vocabulary, set);
    habits_learn(&habits, set, &vocabulary, true, 0, 24 * SECONDS_PER_HOUR * MS_PER_SECOND);
    live_host_init(&host, &vocabulary, start, true, true, true);
    live_begin(&host);
    ck_assert_ptr_null(host.context.pace);
    live_host_follow(&host, &habits, 0, 3, 9);
    hourly_flows_draw(&habits.hourly, 0, 6, 3, 9, &flows);
    hourly_flows_draw(&habits.hourly, 0, 7, 3, 9, &next);
    int64_t n_to_come = pace_flows(&flows);
    for (int i = 0; i < 100; i++) { /* also beyond what was to come */
        live_begin(&host);
        const struct pace *pace = host.context.pace;
        ck_assert_ptr_nonnull(pace);
        ck_assert_int_eq(pace->next, pace_flows(&next));
        ck_assert_mem_eq(&pace->left, &flows, sizeof flows);
        ck_assert_int_eq(pace_flows(&flows), n_to_come > i ? n_to_come - i : 0);
        ck_assert_int_eq(pace->seconds, SECONDS_PER_HOUR - host.clock % SECONDS_PER_HOUR);
        host.row.value[ATTRIBUTE_GAP] = i == 99 ? SECONDS_PER_HOUR - 99 * 30 : 30;
        host.row.value[ATTRIBUTE_DIRECTION] = i % 2;
        host.context.link = (struct link){ LINK_NEW, 0 };
        live_gap(&host);
        ck_assert_int_eq(pace->is_next_hour, i == 99);
        ck_assert_mem_eq(&pace->due, i < 99 ? &flows : &next, sizeof flows);
        struct row row = host.row;
        live_end(&host);
        const struct pace_facts facts = { &row, LINK_NEW, LINK_NEW, 0, 0 };
        pace_take(&flows, pace_mark(&facts, &habits.profiles[0].services));
    }
    /* The row that crossed is the first of its hour. */
    ck_assert_int_eq(pace_flows(&host.pace.left), pace_flows(&next) - 1);
    live_host_release(&host);
    habits_release(&habits);
    vocabulary_release(&vocabulary);
    sequence_set_free(set);
}
END_TEST

/* A flow is taken from its class; where that has none left, from the one that has most. Services,
 * turns and gaps go likewise, depths do not. */
START_TEST(what_was_not_to_come_takes_the_place_of_what_was)
{
    struct pace_counts counts = { .of_class = { 1, 2, 1 },
                                  .of_depth = { 1, 0, 2 },
                                  .of_service = { [5] = 1 },
                                  .of_turn = { 3, 0, 2 },
                                  .of_gap = { 0, 4 },
                                  .of_step = { 0, 0, 5 } };
    struct pace_counts expected = counts;
    struct pace_mark mark = {
        .class = 0, .depth = 2, .service = 5, .turn = 1, .gap = 1, .step = 2
    };
    pace_take(&counts, mark);
    expected.of_class[0]--;
    expected.of_depth[2]--;
    expected.of_service[5]--;
    expected.of_turn[0]--; /* of turn 1 none was to come */
    expected.of_gap[1]--;
    expected.of_step[2]--;
    ck_assert_mem_eq(&counts, &expected, sizeof counts);
    mark.depth = 0;
    pace_take(&counts, mark);
    expected.of_class[1]--;
    expected.of_depth[0]--;
    expected.of_turn[0]--; /* the first of those that have most */
    expected.of_gap[1]--;
    expected.of_step[2]--;
    ck_assert_mem_eq(&counts, &expected, sizeof counts);
    for (int i = 0; i < 5; i++) /* more than there are */
        pace_take(&counts, mark);
    ck_assert_int_eq(pace_flows(&counts), 0);
    ck_assert_int_eq(counts.of_depth[0], 0);
    ck_assert_int_eq(counts.of_depth[2], 1);
    for (size_t c = PACE_CLASSES + PACE_DEPTHS; c < PACE_COUNTS; c++)
        ck_assert_int_eq(counts.all[c], 0);
}
END_TEST

/* Where a flow counts: by kind of link, and by all else that is told apart. */
START_TEST(a_mark_says_where_a_flow_counts)
{
    struct row row = { .value = { [ATTRIBUTE_PROTOCOL] = PROTOCOL_UDP,
                                  [ATTRIBUTE_DIRECTION] = DIRECTION_IN,
                                  [ATTRIBUTE_LOCAL_PORT] = 53,
                                  [ATTRIBUTE_REMOTE_PORT] = 40000 } };
    struct sequence sequence = { .rows = &row, .n_rows = 1 };
    struct service_lists services;
    service_lists_learn(&services, &sequence);
    size_t slot = service_first_slot(SHARE_UDP, SERVICE_SERVED);
    struct pace_facts facts = { &row, LINK_REMOTE, LINK_REPEAT, 9, 100 };
    struct pace_mark mark = pace_mark(&facts, &services);
    ck_assert_uint_eq(mark.class, pace_class(LINK_REMOTE, &row));
    ck_assert_uint_eq(mark.depth, pace_depth(9));
    ck_assert_uint_eq(mark.service, LINK_REMOTE * SERVICE_SLOTS + slot);
    ck_assert_uint_eq(mark.turn, LINK_REMOTE * PACE_TURNS + 7); /* 64 to 127 before it */
    ck_assert_uint_eq(mark.gap, LINK_REPEAT * PACE_GAPS);
    ck_assert_uint_eq(mark.step, LINK_REPEAT * PACE_PAUSES * N_LINK_KINDS + LINK_REMOTE);
    row.value[ATTRIBUTE_GAP] = 5; /* the first of its second */
    facts = (struct pace_facts){ &row, LINK_REPLY, LINK_REPLY, 9, 0 };
    mark = pace_mark(&facts, NULL);
    ck_assert_uint_eq(mark.depth, 0);
    ck_assert_uint_eq(mark.service, LINK_REPLY * SERVICE_SLOTS + SLOT_OTHERS + SHARE_UDP);
    ck_assert_uint_eq(mark.turn, LINK_REPLY * PACE_TURNS);
    ck_assert_uint_eq(mark.gap, 3); /* 4 to 7 s */
    ck_assert_uint_eq(mark.step, 2 * N_LINK_KINDS);
    row.value[ATTRIBUTE_GAP] = 2;
    ck_assert_uint_eq(pace_mark(&facts, NULL).step, 1 * N_LINK_KINDS);
    row.value[ATTRIBUTE_GAP] = INT64_C(1) << 40;
    facts = (struct pace_facts){ &row, LINK_NEW, LINK_NEW, 0, UINT32_MAX };
    mark = pace_mark(&facts, NULL);
    ck_assert_uint_eq(mark.gap, PACE_GAPS_OF_KINDS - 1);
    ck_assert_uint_eq(mark.step, PACE_STATES * N_LINK_KINDS - 1);
    ck_assert_uint_eq(mark.turn, LINK_NEW * PACE_TURNS + PACE_TURNS - 1);
}
END_TEST

/* Numbers around those of an hour, of which what has come is gone; they add up to what is left. */
START_TEST(blurred_counts_are_as_if_they_had_been_drawn)
{
    enum { N = 2000 };
    struct pace_counts of_hour = { .of_class = { 900, 4 } }, error, left;
    double sums[2] = { 0 }, squares[2] = { 0 };
    for (uint64_t i = 0; i < N; i++) {
        struct rng rng = rng_stream(1, RNG_TEST, 0, i);
        pace_draw_error(&of_hour, &rng, &error);
        for (size_t c = 2; c < PACE_COUNTS; c++) /* what never comes is not thought to */
            ck_assert_int_eq(error.all[c], 0);
        left = of_hour;
        left.of_class[0] -= 500;
        left.of_class[1] = 0;
        pace_blur(&left, &error);
        /* As these numbers are to each other, but as many as there are. */
        double blurred = error.of_class[1] > 0 ? error.of_class[1] : 0;
        ck_assert_int_eq(pace_flows(&left), 400);
        assert_near(left.of_class[1], 400 * blurred / (400 + error.of_class[0] + blurred), 0.5001);
        for (size_t c = 0; c < 2; c++) {
            sums[c] += error.of_class[c];
            squares[c] += (double)error.of_class[c] * error.of_class[c];
        }
    }
    error = (struct pace_counts){ .of_class = { -1, -1 } }; /* where that would leave none */
    left = (struct pace_counts){ .of_class = { 1, 1 } };
    pace_blur(&left, &error);
    ck_assert_int_eq(left.of_class[0], 1);
    ck_assert_int_eq(left.of_class[1], 1);
    for (size_t c = 0; c < 2; c++) { /* Poisson */
        double mean = of_hour.of_class[c];
        assert_near(sums[c] / N, 0, 5 * sqrt(mean / N));
        assert_near(squares[c] / N, mean, 5 * mean * sqrt(2.5 / N));
    }
}
END_TEST

START_TEST(depths_go_up_to_the_beyond)
{
    static const size_t first[PACE_DEPTHS] = { 0, 1, 2, 3, 4, 6, 8, 12, 16, 32, 64 };
    for (size_t d = 0; d < PACE_DEPTHS; d++) {
        ck_assert_uint_eq(pace_depth(first[d]), d);
        if (d > 0)
            ck_assert_uint_eq(pace_depth(first[d] - 1), d - 1);
    }
    ck_assert_uint_eq(pace_depth(1000000), PACE_DEPTHS - 1);
}
END_TEST

/* A host whose seconds have had the deep flows of the hour goes on in the next second; one that has
 * some to come does not have to. */
START_TEST(a_second_is_full_where_no_flow_is_left_so_deep)
{
    struct sequence_set *set = steady_host(600);
    struct habits habits;
    struct vocabulary vocabulary;
    struct live_host host;
    vocabulary_learn(&vocabulary, set);
    habits_learn(&habits, set, &vocabulary, true, 0, 24 * SECONDS_PER_HOUR * MS_PER_SECOND);
    live_host_init(&host, &vocabulary, 6 * SECONDS_PER_HOUR, true, true, true);
    live_host_follow(&host, &habits, 0, 3, 9);
    host.pace.left.of_depth[PACE_DEPTH_9 + 1] = 2; /* of 13 to 16 in a second */
    for (size_t i = 0; i < 20; i++) {
        live_begin(&host);
        size_t n = host.context.n_in_second;
        ck_assert_uint_eq(n, i);
        /* From the 9th on, but for the two of those that are to come. */
        int64_t lowest = n >= 8 && n != 12 && n != 13;
        ck_assert_int_eq(host.context.lowest_gap, lowest);
        ck_assert_int_gt(host.context.highest_gap, lowest);
        host.context.link = (struct link){ LINK_NEW, 0 };
        live_end(&host);
    }
    live_begin(&host);
    host.row.value[ATTRIBUTE_GAP] = 1;
    live_end(&host);
    live_begin(&host);
    ck_assert_int_eq(host.context.lowest_gap, 0);
    live_host_release(&host);
    habits_release(&habits);
    vocabulary_release(&vocabulary);
    sequence_set_free(set);
}
END_TEST

/* A host that starts within an hour has the rest of it to come. */
START_TEST(an_hour_that_has_begun_has_less_to_come)
{
    struct sequence_set *set = steady_host(3000);
    struct habits habits;
    struct vocabulary vocabulary;
    struct live_host host;
    struct pace_counts flows;
    vocabulary_learn(&vocabulary, set);
    habits_learn(&habits, set, &vocabulary, true, 0, 24 * SECONDS_PER_HOUR * MS_PER_SECOND);
    live_host_init(&host, &vocabulary, 6 * SECONDS_PER_HOUR + 2700, true, true, true);
    live_host_follow(&host, &habits, 0, 3, 9);
    hourly_flows_draw(&habits.hourly, 0, 6, 3, 9, &flows);
    ck_assert_int_eq(pace_flows(&host.pace.left), pace_flows(&flows) / 4);
    for (size_t d = 0; d < PACE_DEPTHS; d++)
        ck_assert_int_eq(host.pace.left.of_depth[d], flows.of_depth[d] / 4);
    for (size_t c = 0; c < PACE_COUNTS; c++)
        ck_assert_int_le(abs(4 * host.pace.left.all[c] - flows.all[c]), 4);
    live_host_release(&host);
    habits_release(&habits);
    vocabulary_release(&vocabulary);
    sequence_set_free(set);
}
END_TEST

/* How many features of a stage tell something of a row, and how many of these say else in another
 * context. */
static size_t count_told(const struct feature_space *space, enum stage stage,
                         const struct row_context *context, const struct row_context *other,
                         size_t *n_changed)
{
    int32_t index[FEATURES_MAX], of_other[FEATURES_MAX];
    size_t n = features_of_stage(space, stage, context, index), n_told = 0;
    features_of_stage(space, stage, other, of_other);
    *n_changed = 0;
    for (size_t f = 0; f < n; f++) {
        n_told += index[f] != FEATURE_NONE;
        *n_changed += index[f] != of_other[f];
    }
    return n_told;
}

/* What is due in another hour is told where the gap leads there; and of the services of a row's
 * protocol, what is due of its kind of link. */
START_TEST(features_tell_what_is_due)
{
    struct sequence_set *set = steady_host(60);
    for (size_t i = 0; i < set->n_rows; i++) {
        set->rows[i].value[ATTRIBUTE_PROTOCOL] = PROTOCOL_TCP;
        set->rows[i].value[ATTRIBUTE_LOCAL_PORT] = i % 2 == 0 ? 80 : 443;
        set->rows[i].value[ATTRIBUTE_REMOTE_PORT] = 50000;
    }
    struct vocabulary vocabulary;
    struct feature_space space;
    struct service_lists services;
    vocabulary_learn(&vocabulary, set);
    feature_space_init(&space, &vocabulary);
    service_lists_learn(&services, &set->items[0]);
    struct pace pace = { .due = { .of_class = { 8, 8 } } }, crossing = pace, later;
    const struct row_context context = {
        .row = &set->rows[0], .link = { LINK_REMOTE, 0 }, .services = &services, .pace = &pace
    };
    struct row_context other = context;
    size_t n_changed;
    crossing.is_next_hour = true;
    other.pace = &crossing;
    count_told(&space, STAGE_GAP, &context, &other, &n_changed);
    ck_assert_uint_eq(n_changed, N_LINK_KINDS / 2 + PACE_FORMS / 2);
    ck_assert_uint_gt(count_told(&space, STAGE_MATCH, &context, &other, &n_changed), 0);
    ck_assert_uint_eq(n_changed, 0);

    size_t first = service_first_slot(SHARE_TCP, SERVICE_SERVED);
    int32_t *of_remote = pace.due.of_service + (size_t)LINK_REMOTE * SERVICE_SLOTS;
    of_remote[first] = of_remote[first + 1] = 8;
    later = pace;
    later.due.of_service[(size_t)LINK_REMOTE * SERVICE_SLOTS + first] = 1;
    other.pace = &later; /* fewer flows of one of two services */
    count_told(&space, STAGE_PROTOCOL, &context, &other, &n_changed);
    ck_assert_uint_eq(n_changed, 1);
    other.pace = &pace;
    other.link.kind = LINK_NEW; /* none of either is to come from new remotes */
    count_told(&space, STAGE_PROTOCOL, &context, &other, &n_changed);
    ck_assert_uint_eq(n_changed, 2); /* and none at all on that side */
    vocabulary_release(&vocabulary);
    sequence_set_free(set);
}
END_TEST

/* From random numbers for the network's. */
static int64_t draw_of(const struct heads *heads, enum head head, const struct row_context *context,
                       struct rng *rng)
{
    real logits[256], mixture[3 * MIXTURE_COMPONENTS];
    uint8_t available[256];
    ck_assert_uint_le(heads->n_routes[head], ARRAY_LEN(logits));
    for (size_t k = 0; k < ARRAY_LEN(logits); k++)
        logits[k] = (real)rng_normal(rng);
    for (size_t k = 0; k < ARRAY_LEN(mixture); k++)
        mixture[k] = (real)(2.0 * rng_normal(rng));
    head_available(heads, head, context, available);
    return head_draw(heads, head, context, available, logits, mixture, 0.002, rng);
}

static int64_t draw_gap(const struct heads *heads, struct live_host *host, struct rng *rng)
{
    const struct row_context *context = &host->context;
    if (head_applies(heads, HEAD_DUE, context)) {
        int64_t which = draw_of(heads, HEAD_DUE, context, rng);
        host->row.value[ATTRIBUTE_GAP] = head_first_due(context, (enum due_class)which);
    }
    return draw_of(heads, HEAD_GAP, context, rng);
}

/* A host that has flows from six to nine o'clock, of few flows an hour and of many. */
START_TEST(gaps_lead_to_hours_that_have_flows)
{
    static const int64_t rates[] = { 2, 60 };
    struct sequence_set *set = steady_host(rates[_i]);
    struct habits habits;
    struct vocabulary vocabulary;
    struct heads heads;
    struct live_host host;
    struct rng rng = rng_stream(1, RNG_TEST, 0, (uint64_t)_i);
    size_t n_within = 0, n_beyond = 0;
    vocabulary_learn(&vocabulary, set);
    vocabulary.highest_gap = 100000;
    heads_init(&heads, &vocabulary);
    habits_learn(&habits, set, &vocabulary, true, 0, 24 * SECONDS_PER_HOUR * MS_PER_SECOND);
    live_host_init(&host, &vocabulary, 6 * SECONDS_PER_HOUR, true, true, true);
    live_host_follow(&host, &habits, 0, 3, 9);
    for (int i = 0; i < 2000; i++) {
        live_begin(&host);
        const struct row_context *context = &host.context;
        int64_t gap = draw_gap(&heads, &host, &rng), within = context->pace->seconds - 1;
        if (pace_flows(&context->pace->left) > 0) {
            assert_quick(gap <= (within > 60 ? within : 60));
            n_within++;
        } else {
            int64_t from = context->clock / SECONDS_PER_HOUR, hour = from;
            while (hourly_flows_of_hour(&habits.hourly, 0, ++hour, 3, 9) == 0)
                ;
            assert_quick(context->clock + gap >= hour * SECONDS_PER_HOUR);
            n_beyond++;
        }
        host.row.value[ATTRIBUTE_GAP] = gap;
        host.context.link = (struct link){ LINK_NEW, 0 };
        live_end(&host);
    }
    ck_assert_uint_gt(n_within, 30);
    ck_assert_uint_gt(n_beyond, 3);
    live_host_release(&host);
    habits_release(&habits);
    vocabulary_release(&vocabulary);
    sequence_set_free(set);
}
END_TEST

Suite *test_suite(void)
{
    Suite *suite = suite_create("model/masked_conv/pace");
    testing_add_loop(suite, rates_of_hours_are_learned_and_drawn, 2);
    testing_add(suite, a_linked_row_knows_what_is_to_come);
    testing_add(suite, a_live_host_counts_down);
    testing_add(suite, what_was_not_to_come_takes_the_place_of_what_was);
    testing_add(suite, features_tell_what_is_due);
    testing_add(suite, a_mark_says_where_a_flow_counts);
    testing_add(suite, blurred_counts_are_as_if_they_had_been_drawn);
    testing_add_loop(suite, gaps_lead_to_hours_that_have_flows, 2);
    testing_add(suite, an_hour_that_has_begun_has_less_to_come);
    testing_add(suite, depths_go_up_to_the_beyond);
    testing_add(suite, a_second_is_full_where_no_flow_is_left_so_deep);
    return suite;
}
