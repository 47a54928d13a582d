#include "testing.h"

#include "base/interrupt.h"
#include "base/memory.h"
#include "base/rng.h"
#include "base/threads.h"
#include "data/calendar.h"
#include "sample/sample.h"

#include <signal.h>
#include <stdlib.h>
#include <string.h>

enum { MONDAY = 1460332800 }; /* 2016-04-11, s */
#define HOST(number) (UINT32_C(0x0a000000) + (uint32_t)(number))

/* ---- a model whose rows are known --------------------------------------------------------- */

/* What a host of it does. */
enum behaviour { ORDINARY, RUNS_AWAY, STAYS_SILENT, IS_BUSY };
static enum behaviour behaviours[256]; /* by the last octet of the address */

static struct row drawn_row(uint64_t seed, uint64_t stream, uint64_t index,
                            enum behaviour behaviour)
{
    static const int64_t gaps[] = { 0, 0, 0, 1, 2, 30, 400, 2000 };
    struct rng rng = rng_stream(seed, RNG_TEST, stream, index);
    struct row row = { 0 };
    row.value[ATTRIBUTE_GAP] = gaps[rng_below(&rng, ARRAY_LEN(gaps))];
    if (behaviour == RUNS_AWAY && index > 5)
        row.value[ATTRIBUTE_GAP] = 0;
    if (behaviour == IS_BUSY)
        row.value[ATTRIBUTE_GAP] = index % 8 == 0;
    if (behaviour == STAYS_SILENT)
        row.value[ATTRIBUTE_GAP] = 1000000;
    row.value[ATTRIBUTE_REMOTE] = rng_u32(&rng);
    row.value[ATTRIBUTE_DIRECTION] = (int64_t)rng_below(&rng, 2);
    row.value[ATTRIBUTE_PACKETS] = 1 + (int64_t)stream;
    row.value[ATTRIBUTE_BYTES] = (int64_t)index;
    return row;
}

struct known_sampler {
    struct sampler base;
    uint64_t seed;
    struct sampler_host *hosts;
    uint64_t *n_drawn;
};

static struct sampler_settings last_settings;

static struct sampler *known_create(const struct model *model, const struct sampler_host *hosts,
                                    size_t n_hosts, const struct sampler_settings *settings)
{
    (void)model;
    struct known_sampler *sampler = memory_zalloc(1, sizeof *sampler);
    sampler->seed = settings->seed;
    sampler->hosts = memory_alloc(n_hosts, sizeof *hosts);
    memcpy(sampler->hosts, hosts, n_hosts * sizeof *hosts);
    sampler->n_drawn = memory_zalloc(n_hosts, sizeof *sampler->n_drawn);
    last_settings = *settings;
    return &sampler->base;
}

static enum status known_advance(struct sampler *base, const size_t *which, size_t n,
                                 struct row *rows, struct error *err)
{
    (void)err;
    struct known_sampler *sampler = (struct known_sampler *)base;
#pragma omp parallel for schedule(static) if (n > 16)
    for (size_t i = 0; i < n; i++) {
        const struct sampler_host *host = &sampler->hosts[which[i]];
        rows[i] = drawn_row(sampler->seed, host->stream, sampler->n_drawn[which[i]]++,
                            behaviours[host->address & 255]);
    }
    return STATUS_OK;
}

static void known_free(struct sampler *base)
{
    struct known_sampler *sampler = (struct known_sampler *)base;
    free(sampler->hosts);
    free(sampler->n_drawn);
    free(sampler);
}

static bool known_hosts(const struct model *model)
{
    (void)model;
    return true;
}

static const struct model_kind known_kind = { .name = "known",
                                              .sampler_create = known_create,
                                              .sampler_advance = known_advance,
                                              .sampler_free = known_free,
                                              .has_temperatures = true,
                                              .knows_hosts = known_hosts };
static const struct model_kind plain_kind = { .name = "plain",
                                              .sampler_create = known_create,
                                              .sampler_advance = known_advance,
                                              .sampler_free = known_free };

/* Hosts at 10.0.0.0/24, trained on 10.0.0.10, .20, ... .120. */
enum { N_TRAINED = 12 };
static uint32_t trained_hosts[N_TRAINED];
static struct address_range monitored_range = { HOST(0), HOST(255) };

static const struct model *known_model(void)
{
    static struct model model;
    for (int h = 0; h < N_TRAINED; h++)
        trained_hosts[h] = HOST(10 * (h + 1));
    model = (struct model){
        .kind = &known_kind,
        .monitored = { &monitored_range, 1 },
        .trained_on = { trained_hosts, N_TRAINED, MONDAY * MS_PER_SECOND + 5 * MS_PER_HOUR, 0 },
    };
    return &model;
}

static struct sample_settings standard_settings(void)
{
    struct sample_settings settings = { 0 };
    struct option_table table = { sample_options, n_sample_options, &settings, "sample" };
    options_set_defaults(&table, 1);
    return settings;
}

static struct sample_plan create_plan(const struct sample_settings *settings)
{
    struct sample_plan plan;
    struct error err;
    assert_ok(sample_plan_create(&plan, known_model(), settings, &err), err);
    return plan;
}

/* ---- what comes out ----------------------------------------------------------------------- */

struct gathered {
    struct flow *flows;
    size_t *hosts;
    size_t n, flow_capacity, host_capacity;
    size_t stop_after; /* 0: never */
};

static enum status gather(void *user, const struct flow *flow, size_t host, struct error *err)
{
    (void)err;
    struct gathered *gathered = user;
    gathered->flows = memory_grow(gathered->flows, &gathered->flow_capacity, gathered->n + 1,
                                  sizeof *gathered->flows);
    gathered->hosts = memory_grow(gathered->hosts, &gathered->host_capacity, gathered->n + 1,
                                  sizeof *gathered->hosts);
    gathered->flows[gathered->n] = *flow;
    gathered->hosts[gathered->n++] = host;
    if (gathered->n == gathered->stop_after)
        raise(SIGINT);
    return STATUS_OK;
}

static void gathered_release(struct gathered *gathered)
{
    free(gathered->flows);
    free(gathered->hosts);
}

static struct gathered draw(const struct sample_plan *plan, struct sample_report *report)
{
    struct gathered gathered = { 0 };
    struct error err;
    assert_ok(sample_run(known_model(), plan, gather, &gathered, report, &err), err);
    ck_assert_uint_eq(report->n_flows, gathered.n);
    return gathered;
}

/* Field by field, as there may be padding. */
static bool is_same_flow(const struct flow *a, const struct flow *b)
{
    return a->end == b->end && a->source == b->source && a->destination == b->destination &&
           a->packets == b->packets && a->bytes == b->bytes;
}

/* The host's flows are the model's rows, one after another from `clock` on, less those that end
 * before the plan begins. Returns how many there are. */
static size_t check_host(const struct sample_plan *plan, const struct gathered *gathered, size_t h)
{
    const struct sampler_host *host = &plan->hosts[h];
    int64_t clock = host->start;
    uint64_t index = 0;
    size_t n = 0, n_wrong = 0;
    for (size_t i = 0; i < gathered->n; i++) {
        if (gathered->hosts[i] != h)
            continue;
        struct flow flow;
        do {
            struct row row = drawn_row(plan->seed, host->stream, index++, ORDINARY);
            clock += row.value[ATTRIBUTE_GAP];
            coding_decode(&flow, &row, host->address, clock);
        } while (clock < plan->start);
        n_wrong += !is_same_flow(&gathered->flows[i], &flow) || clock >= plan->end;
        n++;
    }
    ck_assert_uint_eq(n_wrong, 0);
    do
        clock += drawn_row(plan->seed, host->stream, index++, ORDINARY).value[ATTRIBUTE_GAP];
    while (clock < plan->start);
    ck_assert_int_ge(clock, plan->end);
    return n;
}

/* Assertions are slow: one for all flows. */
static void check_order(const struct gathered *gathered)
{
    size_t n_wrong = 0;
    for (size_t i = 1; i < gathered->n; i++) {
        const struct flow *flow = &gathered->flows[i], *before = flow - 1;
        bool is_next_of_host = gathered->hosts[i] == gathered->hosts[i - 1];
        n_wrong += flow->end < before->end;
        if (flow->end == before->end)
            n_wrong += gathered->hosts[i] < gathered->hosts[i - 1] ||
                       (is_next_of_host && flow->bytes != before->bytes + 1);
    }
    ck_assert_uint_eq(n_wrong, 0);
}

/* Whether the first n flows of both are the same. */
static bool are_same_flows(const struct gathered *a, const struct gathered *b, size_t n)
{
    bool are_same = true;
    for (size_t i = 0; i < n; i++)
        are_same &= is_same_flow(&a->flows[i], &b->flows[i]);
    return are_same;
}

START_TEST(flows_come_in_the_order_of_time)
{
    struct sample_settings settings = standard_settings();
    struct sample_report report;
    settings.hosts = 30;
    settings.days = 0.51;
    struct sample_plan plan = create_plan(&settings);
    ck_assert_int_eq(plan.start, MONDAY);
    ck_assert_int_eq(plan.end, MONDAY + 44064);
    struct gathered gathered = draw(&plan, &report);
    ck_assert_uint_gt(gathered.n, 3000);
    check_order(&gathered);
    size_t n = 0;
    for (size_t h = 0; h < plan.n_hosts; h++)
        n += check_host(&plan, &gathered, h);
    ck_assert_uint_eq(n, gathered.n);
    ck_assert_int_eq(report.clock, plan.end);
    ck_assert_uint_eq(report.n_silent, 0);
    ck_assert_uint_eq(report.n_runaway, 0);
    gathered_release(&gathered);
    sample_plan_release(&plan);
}
END_TEST

/* With one busy host, which the others run ahead of, and without. */
START_TEST(threads_change_nothing)
{
    static const int n_threads[] = { 2, 3, 5 };
    struct sample_settings settings = standard_settings();
    struct sample_report report;
    settings.hosts = 100;
    if (_i == 1) {
        settings.days = 0.05;
        for (int h = 0; h < 256; h += 64)
            for (int i = 0; i < 8; i++)
                behaviours[h + i] = IS_BUSY;
    }
    struct sample_plan plan = create_plan(&settings);
    threads_set(1);
    struct gathered one = draw(&plan, &report);
    check_order(&one);
    for (size_t t = 0; t < ARRAY_LEN(n_threads); t++) {
        threads_set(n_threads[t]);
        struct gathered more = draw(&plan, &report);
        ck_assert_uint_eq(one.n, more.n);
        ck_assert(are_same_flows(&one, &more, one.n));
        gathered_release(&more);
    }
    gathered_release(&one);
    sample_plan_release(&plan);
}
END_TEST

/* A twin's flows do not depend on which others are drawn, nor on where the period ends. */
START_TEST(hosts_do_not_know_of_each_other)
{
    struct sample_settings all = standard_settings(), some = standard_settings();
    all.twin_of = "all";
    some.twin_of = "10.0.0.70,10.0.0.30";
    some.days = 0.7001;
    struct sample_plan all_plan = create_plan(&all), some_plan = create_plan(&some);
    ck_assert_uint_eq(all_plan.n_hosts, N_TRAINED);
    ck_assert_uint_eq(some_plan.n_hosts, 2);
    ck_assert_uint_eq(some_plan.hosts[0].address, HOST(30));
    struct sample_report report;
    struct gathered from_all = draw(&all_plan, &report), from_some = draw(&some_plan, &report);
    size_t at = 0, n_wrong = 0;
    for (size_t i = 0; i < from_all.n && at < from_some.n; i++) {
        uint32_t host = all_plan.hosts[from_all.hosts[i]].address;
        if ((host != HOST(30) && host != HOST(70)) || from_all.flows[i].end >= some_plan.end * 1000)
            continue;
        n_wrong += !is_same_flow(&from_all.flows[i], &from_some.flows[at]);
        at++;
    }
    ck_assert_uint_eq(n_wrong, 0);
    ck_assert_uint_eq(at, from_some.n);
    ck_assert_uint_gt(at, 100);
    gathered_release(&from_all);
    gathered_release(&from_some);
    sample_plan_release(&all_plan);
    sample_plan_release(&some_plan);
}
END_TEST

START_TEST(no_more_flows_than_wanted)
{
    struct sample_settings settings = standard_settings();
    struct sample_report report;
    struct sample_plan plan = create_plan(&settings);
    struct gathered all = draw(&plan, &report);
    sample_plan_release(&plan);
    settings.max_flows = 1234;
    plan = create_plan(&settings);
    struct gathered some = draw(&plan, &report);
    ck_assert_uint_eq(some.n, 1234);
    ck_assert(are_same_flows(&some, &all, some.n));
    ck_assert_int_eq(report.clock, all.flows[1234].end / 1000);
    gathered_release(&all);
    gathered_release(&some);
    sample_plan_release(&plan);
}
END_TEST

START_TEST(runaway_and_silent_hosts_are_counted)
{
    struct sample_settings settings = standard_settings();
    settings.twin_of = "all";
    struct sample_plan plan = create_plan(&settings);
    behaviours[20] = behaviours[110] = STAYS_SILENT;
    behaviours[50] = RUNS_AWAY;
    struct sample_report report;
    struct gathered gathered = draw(&plan, &report);
    ck_assert_uint_eq(report.n_silent, 2);
    ck_assert_uint_eq(report.n_runaway, 1);
    ck_assert_int_eq(report.clock, plan.end);
    check_order(&gathered);
    size_t n_runaway = 0;
    for (size_t i = 0; i < gathered.n; i++)
        n_runaway += plan.hosts[gathered.hosts[i]].address == HOST(50);
    ck_assert_uint_ge(n_runaway, SAMPLE_FLOWS_PER_WINDOW);
    ck_assert_uint_le(n_runaway, SAMPLE_FLOWS_PER_WINDOW + 6);
    /* The others go on as if nothing were. */
    for (size_t h = 0; h < plan.n_hosts; h++)
        if (behaviours[plan.hosts[h].address & 255] == ORDINARY)
            check_host(&plan, &gathered, h);
    gathered_release(&gathered);
    sample_plan_release(&plan);
}
END_TEST

/* How often memory was asked for until a moment of the clock. */
struct watch {
    int64_t moment; /* ms */
    size_t n_requests;
};

static enum status watch_memory(void *user, const struct flow *flow, size_t host, struct error *err)
{
    (void)host;
    (void)err;
    struct watch *watch = user;
    if (flow->end < watch->moment)
        watch->n_requests = memory_requests();
    return STATUS_OK;
}

START_TEST(memory_does_not_grow_with_time)
{
    struct sample_settings settings = standard_settings();
    settings.days = 50;
    struct sample_plan plan = create_plan(&settings);
    struct watch watch = { .moment = (MONDAY + 3 * 86400) * MS_PER_SECOND };
    struct sample_report report;
    struct error err;
    assert_ok(sample_run(known_model(), &plan, watch_memory, &watch, &report, &err), err);
    ck_assert_uint_gt(report.n_flows, 100000);
    /* Three buffers, which may double once more for the busiest window so far. */
    ck_assert_uint_le(memory_requests(), watch.n_requests + 3);
    sample_plan_release(&plan);
}
END_TEST

START_TEST(an_interrupt_leaves_what_is_whole)
{
    struct sample_settings settings = standard_settings();
    struct sample_report report;
    struct sample_plan plan = create_plan(&settings);
    struct gathered all = draw(&plan, &report), some = { .stop_after = 2500 };
    struct error err;
    interrupt_install();
    assert_fails(sample_run(known_model(), &plan, gather, &some, &report, &err), STATUS_INTERRUPTED,
                 err, "stopped after ");
    ck_assert_uint_eq(report.n_flows, some.n);
    ck_assert_uint_ge(some.n, 2500);
    ck_assert_int_lt(report.clock, plan.end);
    ck_assert(are_same_flows(&some, &all, some.n));
    /* It says truly how far it got. */
    ck_assert_int_lt(some.flows[some.n - 1].end, report.clock * 1000);
    ck_assert_int_ge(all.flows[some.n].end, report.clock * 1000);
    gathered_release(&all);
    gathered_release(&some);
    sample_plan_release(&plan);
}
END_TEST

START_TEST(addresses_are_remapped_one_and_all)
{
    struct address_remap *remap;
    struct error err;
    assert_ok(address_remap_create(&remap, "abcdefghijklmnopqrstuvwxyz012345", &err), err);
    struct sample_settings settings = standard_settings();
    struct sample_report report;
    settings.twin_of = "all";
    struct sample_plan plain_plan = create_plan(&settings);
    settings.remap = remap;
    struct sample_plan plan = create_plan(&settings);
    struct gathered plain = draw(&plain_plan, &report), gathered = draw(&plan, &report);

    bool is_reordered = false;
    for (size_t h = 0; h < plan.n_hosts; h++) {
        ck_assert_uint_eq(plan.addresses[h], address_remap_apply(remap, plan.hosts[h].address));
        if (h > 0) {
            ck_assert_uint_gt(plan.addresses[h], plan.addresses[h - 1]);
            is_reordered |= plan.hosts[h].address < plan.hosts[h - 1].address;
        }
    }
    ck_assert(is_reordered);
    ck_assert_uint_eq(gathered.n, plain.n);
    check_order(&gathered); /* of the written addresses: no trace of the others in it */
    /* Host by host the flows are those without the map, but for their addresses. */
    size_t next[N_TRAINED] = { 0 }, n_wrong = 0;
    for (size_t i = 0; i < gathered.n; i++) {
        size_t h = 0;
        while (plain_plan.hosts[h].address != plan.hosts[gathered.hosts[i]].address)
            h++;
        while (plain.hosts[next[h]] != h)
            next[h]++;
        struct flow expected = plain.flows[next[h]++];
        expected.source = address_remap_apply(remap, expected.source);
        expected.destination = address_remap_apply(remap, expected.destination);
        n_wrong += !is_same_flow(&gathered.flows[i], &expected);
    }
    ck_assert_uint_eq(n_wrong, 0);
    gathered_release(&plain);
    gathered_release(&gathered);
    sample_plan_release(&plain_plan);
    sample_plan_release(&plan);
    address_remap_free(remap);
}
END_TEST

/* ---- plans -------------------------------------------------------------------------------- */

START_TEST(new_hosts_have_addresses_of_their_own)
{
    static const int64_t numbers[] = { 0, 1, 20, 244, 256 };
    struct sample_settings settings = standard_settings();
    settings.hosts = numbers[_i];
    struct sample_plan plan = create_plan(&settings);
    ck_assert_uint_eq(plan.n_hosts, numbers[_i] == 0 ? 20 : (size_t)numbers[_i]);
    for (size_t h = 0; h < plan.n_hosts; h++) {
        const struct sampler_host *host = &plan.hosts[h];
        ck_assert_uint_eq(plan.addresses[h], host->address);
        ck_assert(host->address >= HOST(0) && host->address <= HOST(255));
        ck_assert(h == 0 || host->address > plan.hosts[h - 1].address);
        ck_assert(!host->is_twin && host->past == NULL);
        ck_assert_int_eq(host->start, MONDAY);
        /* None of the training, as long as there are others. */
        for (int t = 0; t < N_TRAINED && numbers[_i] < 245; t++)
            ck_assert_uint_ne(host->address, trained_hosts[t]);
    }
    sample_plan_release(&plan);
}
END_TEST

START_TEST(new_hosts_can_be_like_old_ones)
{
    struct sample_settings settings = standard_settings();
    settings.hosts = 100;
    settings.embedding = EMBEDDING_DRAWN;
    struct sample_plan plan = create_plan(&settings);
    settings.seed = 2;
    struct sample_plan other_seed = create_plan(&settings);
    settings.seed = 1;
    settings.hosts = 40;
    struct sample_plan fewer = create_plan(&settings);
    size_t n_of[N_TRAINED] = { 0 }, n_same = 0;
    for (size_t h = 0; h < plan.n_hosts; h++) {
        ck_assert(plan.hosts[h].is_twin);
        size_t t = 0;
        while (t < N_TRAINED && trained_hosts[t] != plan.hosts[h].twin_of)
            t++;
        ck_assert_uint_lt(t, N_TRAINED);
        n_of[t]++;
        n_same += other_seed.hosts[h].twin_of == plan.hosts[h].twin_of;
        if (h < fewer.n_hosts) {
            ck_assert_uint_eq(fewer.hosts[h].twin_of, plan.hosts[h].twin_of);
            ck_assert_uint_eq(fewer.hosts[h].stream, plan.hosts[h].stream);
        }
    }
    for (size_t t = 0; t < N_TRAINED; t++)
        ck_assert(n_of[t] > 0 && n_of[t] < 25);
    ck_assert_uint_lt(n_same, 30);
    sample_plan_release(&plan);
    sample_plan_release(&other_seed);
    sample_plan_release(&fewer);
}
END_TEST

static const struct twin_case {
    const char *words;
    size_t n;
    uint32_t first;
} twin_cases[] = {
    { "all", N_TRAINED, HOST(10) },
    { "10.0.0.20", 1, HOST(20) },
    { "10.0.0.120, 10.0.0.20", 2, HOST(20) },
    { "10.0.0.64/26", 6, HOST(70) },
    { "10.0.0.10,10.0.0.0/28,10.0.0.10/32", 1, HOST(10) },
};

START_TEST(twins_are_those_named)
{
    struct sample_settings settings = standard_settings();
    settings.twin_of = twin_cases[_i].words;
    struct sample_plan plan = create_plan(&settings);
    ck_assert_uint_eq(plan.n_hosts, twin_cases[_i].n);
    ck_assert_uint_eq(plan.hosts[0].address, twin_cases[_i].first);
    for (size_t h = 0; h < plan.n_hosts; h++) {
        ck_assert(plan.hosts[h].is_twin);
        ck_assert_uint_eq(plan.hosts[h].twin_of, plan.hosts[h].address);
        ck_assert_uint_eq(plan.hosts[h].stream, plan.hosts[h].address);
    }
    sample_plan_release(&plan);
}
END_TEST

START_TEST(temperatures_reach_the_model)
{
    struct sample_settings settings = standard_settings();
    settings.temperature[TEMPERATURE_SIZES] = 0.5;
    settings.temperature[TEMPERATURE_TIMES] = 2.0;
    struct sample_plan plan = create_plan(&settings);
    struct sample_report report;
    struct gathered gathered = draw(&plan, &report);
    for (int a = 0; a < N_ATTRIBUTES; a++) {
        double expected = a == ATTRIBUTE_PACKETS || a == ATTRIBUTE_BYTES  ? 0.5
                          : a == ATTRIBUTE_GAP || a == ATTRIBUTE_DURATION ? 2.0
                                                                          : 1.0;
        ck_assert(last_settings.temperature[a] == expected);
    }
    gathered_release(&gathered);
    sample_plan_release(&plan);

    struct model plain = *known_model();
    struct error err;
    plain.kind = &plain_kind;
    assert_fails(sample_plan_create(&plan, &plain, &settings, &err), STATUS_USAGE, err,
                 "temperature-times: a plain is drawn from as it is");
    settings = standard_settings();
    assert_ok(sample_plan_create(&plan, &plain, &settings, &err), err);
    sample_plan_release(&plan);
}
END_TEST

/* The standard one is for those who did not ask: kinds that are not truncated take it too. */
START_TEST(truncations_reach_the_model)
{
    static const double truncations[] = { 0.0, SAMPLE_TRUNCATION, 0.01 };
    struct model plain = *known_model();
    struct error err;
    plain.kind = &plain_kind;
    for (size_t t = 0; t < ARRAY_LEN(truncations); t++) {
        struct sample_settings settings = standard_settings();
        settings.truncation = truncations[t];
        struct sample_plan plan = create_plan(&settings);
        struct sample_report report;
        struct gathered gathered = draw(&plan, &report);
        ck_assert(last_settings.truncation == truncations[t]);
        gathered_release(&gathered);
        sample_plan_release(&plan);
        if (t == 2)
            assert_fails(sample_plan_create(&plan, &plain, &settings, &err), STATUS_USAGE, err,
                         "truncation: a plain is drawn from as it is");
        else
            assert_ok(sample_plan_create(&plan, &plain, &settings, &err), err);
        if (t != 2)
            sample_plan_release(&plan);
    }
}
END_TEST

/* ---- hosts that go on --------------------------------------------------------------------- */

/* Three hosts from midnight on: .20 of the training until 09:00:07, .21 until 10:00, .200 silent
 * from 00:00:01 on. The data ends at 10:00:01. */
static struct sequence_set *past_of_three(void)
{
    static const struct {
        uint32_t host;
        int64_t gaps[3];
        size_t n;
    } pasts[] = { { HOST(20), { 0, 32400, 7 }, 3 },
                  { HOST(21), { 30000, 6000 }, 2 },
                  { HOST(200), { 1 }, 1 } };
    struct sequence_set *set = memory_zalloc(1, sizeof *set);
    set->items = memory_zalloc(ARRAY_LEN(pasts), sizeof *set->items);
    set->rows = memory_zalloc(6, sizeof *set->rows);
    set->start = MONDAY;
    set->end = MONDAY + 36001;
    struct row *rows = set->rows;
    for (; set->n < ARRAY_LEN(pasts); set->n++) {
        struct sequence *item = &set->items[set->n];
        *item = (struct sequence){
            .host = pasts[set->n].host, .start = MONDAY, .rows = rows, .n_rows = pasts[set->n].n
        };
        for (size_t i = 0; i < item->n_rows; i++, rows++)
            rows->value[ATTRIBUTE_GAP] = pasts[set->n].gaps[i];
    }
    return set;
}

START_TEST(hosts_go_on_where_they_were)
{
    struct sequence_set *past = past_of_three();
    struct sample_settings settings = standard_settings();
    settings.past = past;
    settings.days = 0.5;
    struct sample_plan plan = create_plan(&settings);
    ck_assert_int_eq(plan.start, MONDAY + 36001);
    ck_assert_uint_eq(plan.n_hosts, 3);
    static const int64_t clocks[] = { MONDAY + 32407, MONDAY + 36000, MONDAY + 1 };
    for (size_t h = 0; h < 3; h++) {
        ck_assert_uint_eq(plan.hosts[h].address, past->items[h].host);
        ck_assert_int_eq(plan.hosts[h].start, clocks[h]);
        ck_assert_uint_eq(plan.hosts[h].past->n_rows, past->items[h].n_rows);
        ck_assert_ptr_eq(plan.hosts[h].past->rows, past->items[h].rows);
        ck_assert_int_eq(plan.hosts[h].is_twin, h == 0);
    }
    ck_assert_uint_eq(plan.hosts[0].twin_of, HOST(20));
    struct sample_report report;
    struct gathered gathered = draw(&plan, &report);
    check_order(&gathered);
    size_t n = 0;
    for (size_t h = 0; h < 3; h++)
        n += check_host(&plan, &gathered, h);
    ck_assert_uint_eq(n, gathered.n);
    ck_assert_int_ge(gathered.flows[0].end, plan.start * 1000);
    ck_assert_int_eq(report.clock, plan.end);
    gathered_release(&gathered);
    sample_plan_release(&plan);
    sequence_set_free(past);
}
END_TEST

static const struct cut_case {
    const char *start;
    size_t n_rows[3]; /* of each host's past */
} cut_cases[] = {
    { "2016-04-11 09:00:00", { 1, 1, 1 } }, /* what ends in that second comes later */
    { "2016-04-11 09:00:01", { 2, 1, 1 } },
    { "2016-04-11 00:00:01", { 1, 0, 0 } },
    { "2016-04-13", { 3, 2, 1 } },
};

START_TEST(a_past_can_be_cut)
{
    struct sequence_set *past = past_of_three();
    struct sample_settings settings = standard_settings();
    settings.past = past;
    settings.start = cut_cases[_i].start;
    settings.days = 0.2;
    struct sample_plan plan = create_plan(&settings);
    for (size_t h = 0; h < 3; h++) {
        size_t n = cut_cases[_i].n_rows[h];
        ck_assert_uint_eq(plan.hosts[h].past == NULL ? 0 : plan.hosts[h].past->n_rows, n);
        if (n == 0)
            ck_assert_int_eq(plan.hosts[h].start, plan.start);
        else
            ck_assert_int_lt(plan.hosts[h].start, plan.start);
    }
    struct sample_report report;
    struct gathered gathered = draw(&plan, &report);
    for (size_t h = 0; h < 3; h++)
        check_host(&plan, &gathered, h);
    gathered_release(&gathered);
    sample_plan_release(&plan);
    sequence_set_free(past);
}
END_TEST

/* A host that runs away before the plan begins is stopped there. */
START_TEST(running_away_unseen_is_running_away)
{
    struct sequence_set *past = past_of_three();
    struct sample_settings settings = standard_settings();
    struct sample_report report;
    settings.past = past;
    settings.start = "2016-04-12";
    behaviours[21] = RUNS_AWAY;
    struct sample_plan plan = create_plan(&settings);
    struct gathered gathered = draw(&plan, &report);
    ck_assert_uint_eq(report.n_runaway, 1);
    ck_assert_uint_eq(report.n_silent, 1);
    gathered_release(&gathered);
    sample_plan_release(&plan);
    sequence_set_free(past);
}
END_TEST

/* ---- what cannot be ----------------------------------------------------------------------- */

static const struct wrong_case {
    struct sample_settings settings;
    bool with_past;
    const char *words;
} wrong_cases[] = {
    { { .start = "yesterday" }, false, "\"yesterday\" is no date" },
    { { .hosts = 257 }, false, "live in 256 addresses; 257" },
    { { .twin_of = "10.0.0.11" },
      false,
      "no host of the training is 10.0.0.11; the model was trained on 12 hosts, such as "
      "10.0.0.10" },
    { { .twin_of = "10.0.0.20,10.0.1.0/24" }, false, "no host of the training is in 10.0.1.0/24" },
    { { .twin_of = "everyone" }, false, "twin-of: " },
    { { .twin_of = " , " }, false, "name hosts of the training, or all" },
    { { .twin_of = "all", .hosts = 5 }, false, "--hosts asks for new hosts, and --twin-of" },
    { { .twin_of = "all", .embedding = EMBEDDING_DRAWN }, false, "--embedding says what new" },
    { { .twin_of = "all" }, true, "--twin-of and --continue each" },
    { { .hosts = 5 }, true, "--hosts asks for new hosts, and --continue" },
    { { .embedding = EMBEDDING_DRAWN }, true, "and --continue draws none" },
    { { .start = "2016-04-11" }, true, "nothing of the flows to continue lies before" },
};

START_TEST(what_cannot_be_is_said)
{
    struct sequence_set *past = past_of_three();
    struct sample_settings settings = wrong_cases[_i].settings;
    settings.past = wrong_cases[_i].with_past ? past : NULL;
    settings.days = 1;
    struct sample_plan plan;
    struct error err;
    enum status status = sample_plan_create(&plan, known_model(), &settings, &err);
    ck_assert_int_ne(status, STATUS_OK);
    testing_assert_words(err.message, wrong_cases[_i].words);
    sequence_set_free(past);
}
END_TEST

START_TEST(a_model_without_a_record_has_no_twins)
{
    struct model model = *known_model();
    model.trained_on = (struct training_record){ 0 };
    struct sample_settings settings = standard_settings();
    struct sample_plan plan;
    struct error err;
    settings.twin_of = "all";
    assert_fails(sample_plan_create(&plan, &model, &settings, &err), STATUS_USAGE, err,
                 "does not say which hosts it was trained on");
    settings.twin_of = "10.0.0.10";
    assert_fails(sample_plan_create(&plan, &model, &settings, &err), STATUS_USAGE, err,
                 "trained on 0 hosts");
    settings.twin_of = NULL;
    settings.embedding = EMBEDDING_DRAWN;
    assert_fails(sample_plan_create(&plan, &model, &settings, &err), STATUS_USAGE, err,
                 "does not say which hosts it was trained on");
}
END_TEST

Suite *test_suite(void)
{
    Suite *suite = suite_create("sample/sample");
    testing_add(suite, flows_come_in_the_order_of_time);
    testing_add_loop(suite, threads_change_nothing, 2);
    testing_add(suite, hosts_do_not_know_of_each_other);
    testing_add(suite, no_more_flows_than_wanted);
    testing_add(suite, runaway_and_silent_hosts_are_counted);
    testing_add(suite, memory_does_not_grow_with_time);
    testing_add(suite, an_interrupt_leaves_what_is_whole);
    testing_add(suite, addresses_are_remapped_one_and_all);
    testing_add_loop(suite, new_hosts_have_addresses_of_their_own, 5);
    testing_add(suite, new_hosts_can_be_like_old_ones);
    testing_add_loop(suite, twins_are_those_named, ARRAY_LEN(twin_cases));
    testing_add(suite, temperatures_reach_the_model);
    testing_add(suite, truncations_reach_the_model);
    testing_add(suite, hosts_go_on_where_they_were);
    testing_add_loop(suite, a_past_can_be_cut, ARRAY_LEN(cut_cases));
    testing_add(suite, running_away_unseen_is_running_away);
    testing_add_loop(suite, what_cannot_be_is_said, ARRAY_LEN(wrong_cases));
    testing_add(suite, a_model_without_a_record_has_no_twins);
    return suite;
}
