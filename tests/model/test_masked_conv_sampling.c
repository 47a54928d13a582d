/* Draws of masked-conv against the likelihood of what was drawn. */
#include "model_fixture.h"
#include "testing.h"

#include "base/memory.h"
#include "base/rng.h"
#include "base/threads.h"
#include "model/masked_conv/masked_conv.h"
#include "nn/logistic_mixture.h"
#include "simulate/demo_network.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { START = 1460332800 }; /* 2016-04-11 00:00:00, a Monday */

/* What comes from numbers in float, summed in another order. */
#define ROUNDING (sizeof(real) == sizeof(float) ? 2e-3 : 1e-8)

/* ---- a small model ------------------------------------------------------------------------ */

/* Some hours of a simulated network. Caller frees both. */
static struct sequence_set *simulated_sequences(size_t n_hosts, size_t n_hours,
                                                struct dataset **data)
{
    struct flow *flows = NULL;
    uint32_t *owners = NULL, *addresses = memory_alloc(n_hosts, sizeof *addresses);
    size_t n = 0, flow_capacity = 0, owner_capacity = 0, n_new;
    struct address_set monitored = { 0 };
    address_set_add_range(&monitored, DEMO_NETWORK_ADDRESS, DEMO_NETWORK_ADDRESS | 0xffff);
    struct demo_network *network = demo_network_create(&(struct demo_network_settings){
        .n_hosts = n_hosts, .n_hours = n_hours, .start = INT64_C(1000) * START, .seed = 1 });
    for (size_t h = 0; h < n_hosts; h++)
        addresses[h] = demo_network_host_address(h);
    const struct flow *hour;
    while (demo_network_next_hour(network, &hour, &n_new)) {
        flows = memory_grow(flows, &flow_capacity, n + n_new, sizeof *flows);
        owners = memory_grow(owners, &owner_capacity, n + n_new, sizeof *owners);
        for (size_t i = 0; i < n_new; i++) {
            uint32_t address, owner = 0;
            ck_assert(dataset_flow_host(&monitored, &hour[i], &address));
            while (addresses[owner] != address)
                owner++;
            flows[n] = hour[i];
            owners[n++] = owner;
        }
    }
    *data = dataset_create("simulated", flows, owners, n, addresses, n_hosts,
                           label_list_copy(demo_network_labels(network)), monitored);
    demo_network_free(network);
    return sequence_set_create(*data, NULL, NULL);
}

static struct model *fit(const struct sequence_set *train, const char *const *options)
{
    const struct model_kind *kind = model_kind_find("masked-conv");
    void *settings = memory_zalloc(1, kind->settings_size);
    struct option_table table = { kind->options, kind->n_options, settings, kind->name };
    struct training_record record = fixture_record(train);
    struct model *model;
    struct error err;
    options_set_defaults(&table, 1);
    /* Likelihoods know of no pace: rows are drawn with their masses where draws keep none. */
    assert_ok(options_set(&table, 1, "pace", "no", &err), err);
    for (; options[0] != NULL; options += 2)
        assert_ok(options_set(&table, 1, options[0], options[1], &err), err);
    assert_ok(model_fit(kind, settings, train, &record, 11, "", &model, &err), err);
    free(settings);
    return model;
}

/* Fitted to a simulated network for a few steps: enough to prefer some values to others, and to
 * have replies, repeats and new remotes. */
static struct model *small_model(void)
{
    static const char *const options[] = { "width",  "16",      "hidden",     "24",     "context",
                                           "8",      "blocks",  "3",          "kernel", "3",
                                           "epochs", "2.5",     "piece-rows", "64",     "rate",
                                           "0.02",   "warm-up", "5",          NULL };
    struct dataset *data;
    struct sequence_set *train = simulated_sequences(8, 3, &data);
    struct model *model = fit(train, options);
    sequence_set_free(train);
    dataset_free(data);
    return model;
}

static struct sampler_host twin(const struct model *model, size_t h, int64_t start)
{
    return (struct sampler_host){ .address = DEMO_NETWORK_ADDRESS + 7 + (uint32_t)h,
                                  .stream = h,
                                  .start = start,
                                  .is_twin = true,
                                  .twin_of = model->trained_on.hosts[h] };
}

/* n rows of each host, one host after another. Caller frees. */
static struct row *draw(const struct model *model, const struct sampler_host *hosts, size_t n_hosts,
                        const struct sampler_settings *settings, size_t n, draw_watch *watch,
                        void *user)
{
    struct row *rows = memory_alloc(n_hosts * n, sizeof *rows);
    struct row *side_by_side = memory_alloc(n_hosts, sizeof *side_by_side);
    size_t *which = memory_alloc(n_hosts, sizeof *which);
    struct sampler *sampler = model_sampler(model, hosts, n_hosts, settings);
    struct error err;
    masked_conv_sampler_watch(sampler, watch, user);
    for (size_t h = 0; h < n_hosts; h++)
        which[h] = h;
    for (size_t i = 0; i < n; i++) {
        assert_ok(sampler_advance(sampler, which, n_hosts, side_by_side, &err), err);
        for (size_t h = 0; h < n_hosts; h++)
            rows[h * n + i] = side_by_side[h];
    }
    sampler_free(sampler);
    free(side_by_side);
    free(which);
    return rows;
}

/* ln P of the value that the row has, from what it was drawn from. */
static double value_log_mass(const struct heads *heads, enum head head,
                             const struct row_context *context, const uint8_t *available,
                             const real *logits, const real *mixture)
{
    struct route_hit hits[HEAD_HITS_MAX];
    size_t n_routes = heads->n_routes[head], n_hits = head_hits(heads, head, context, hits);
    double most = -(double)INFINITY, total = 0.0, mass = 0.0;
    for (size_t k = 0; k < n_routes; k++)
        if (available[k])
            most = fmax(most, (double)logits[k]);
    for (size_t k = 0; k < n_routes; k++)
        if (available[k])
            total += exp((double)logits[k] - most);
    for (size_t i = 0; i < n_hits; i++) {
        ck_assert_msg(available[hits[i].route], "%s: route %d", head_infos[head].name,
                      (int)hits[i].route);
        mass += exp((double)logits[hits[i].route] - most + hits[i].log_share);
    }
    if (mixture != NULL) {
        struct log_cell cell = head_cell(heads, head, context);
        real placed[3 * MIXTURE_COMPONENTS];
        head_place_mixture(&cell, mixture, placed);
        if (cell.is_hit)
            mass += exp(
                (double)logits[n_routes - 1] - most +
                logistic_mixture_log_mass(placed, MIXTURE_COMPONENTS, cell.lo, cell.hi, 0.0, NULL) -
                logistic_mixture_log_mass(placed, MIXTURE_COMPONENTS, cell.range_lo, cell.range_hi,
                                          0.0, NULL));
    }
    return log(mass / total);
}

/* ---- masses ------------------------------------------------------------------------------- */

struct masses {
    const struct heads *heads;
    double *log_mass; /* [rows, N_ATTRIBUTES] */
};

static void sum_masses(void *user, enum head head, const struct row_context *context,
                       const uint8_t *available, const real *logits, const real *mixture)
{
    struct masses *masses = user;
    masses->log_mass[context->index * N_ATTRIBUTES + head_infos[head].attribute] += value_log_mass(
        masses->heads, head, context, available, logits, mixture);
}

/* Draws n rows of a host, and scores them as a finished sequence. */
static void check_masses(struct model *model, const struct sampler_host *host, size_t n)
{
    struct masses masses = { .heads = &((struct masked_conv *)model)->heads,
                             .log_mass = memory_zalloc(n * N_ATTRIBUTES, sizeof(double)) };
    double *scored = memory_alloc(n * N_ATTRIBUTES, sizeof *scored);
    struct row *rows = draw(model, host, 1, &(struct sampler_settings){ .seed = 5 }, n, sum_masses,
                            &masses);
    const struct sequence sequence = {
        .host = host->twin_of, .start = host->start, .rows = rows, .n_rows = n
    };
    struct error err;
    assert_ok(model_log_mass(model, &sequence, scored, &err), err);
    for (size_t i = 0; i < n * N_ATTRIBUTES; i++)
        ck_assert_msg(fabs(masses.log_mass[i] - scored[i]) <= ROUNDING * (1.0 + fabs(scored[i])),
                      "row %zu, %s: drawn with %.9g, scored with %.9g", i / N_ATTRIBUTES,
                      attribute_infos[i % N_ATTRIBUTES].name, masses.log_mass[i], scored[i]);
    free(masses.log_mass);
    free(scored);
    free(rows);
}

/* From some minutes before a midnight, over it and over hours of windows that were drawn. */
START_TEST(rows_have_the_masses_that_they_were_drawn_with)
{
    struct model *model = small_model();
    for (size_t h = 0; h < 3; h++) {
        struct sampler_host host = twin(model, 3 * h, START + (int64_t)h * 86400 - 600);
        check_masses(model, &host, 700);
    }
    model_free(model);
}
END_TEST

static const char *const ablations[][12] = {
    { "memory", "no" },
    { "windows", "no", "host-embedding", "no" },
    { "clock", "no" },
    { "blocks", "0", "kernel", "2" },
    { "blocks", "3", "kernel", "4", "hidden", "9", "width", "9" },
};

START_TEST(models_that_go_without_something_draw_with_their_masses)
{
    const char *options[32] = { "width", "8", "hidden", "8", "context", "4", "epochs", "0.1" };
    for (size_t i = 0; ablations[_i][i] != NULL; i++)
        options[8 + i] = ablations[_i][i];
    struct dataset *data;
    struct sequence_set *train = simulated_sequences(4, 2, &data);
    struct model *model = fit(train, options);
    struct sampler_host host = twin(model, 1, START + 86400 - 600);
    check_masses(model, &host, 150);
    model_free(model);
    sequence_set_free(train);
    dataset_free(data);
}
END_TEST

/* ---- distributions ------------------------------------------------------------------------ */

/* Sums of x - E x, and of the variance of x, over draws in ever new contexts: a martingale. */
struct moments {
    double excess, variance;
    size_t n;
};

struct calibration {
    const struct heads *heads;
    struct moments surprise[N_HEADS];  /* x = -ln P */
    struct moments favourite[N_HEADS]; /* x = whether it is the likeliest exact value */
};

static void add_moments(struct moments *moments, double x, double mean, double variance)
{
    moments->excess += x - mean;
    moments->variance += variance;
    moments->n++;
}

/* The exact entropy of a head of whose routes each leads to values of its own. */
static void note_surprise(struct moments *moments, enum head head, const uint8_t *available,
                          const real *logits, size_t n_routes, double log_mass)
{
    double most = -(double)INFINITY, total = 0.0, mean = 0.0, square = 0.0;
    bool has_shares = head == HEAD_OLDER || head == HEAD_PROTOCOL || head == HEAD_FLAGS ||
                      head == HEAD_TOS || head == HEAD_FORWARDING || head == HEAD_LABEL ||
                      head == HEAD_DIRECTION || (head >= HEAD_OCTET_1 && head <= HEAD_OCTET_3);
    if (has_shares || head_infos[head].has_mixture || head == HEAD_LOCAL_PORT ||
        head == HEAD_REMOTE_PORT)
        return;
    for (size_t k = 0; k < n_routes; k++)
        most = fmax(most, available[k] ? (double)logits[k] : most);
    for (size_t k = 0; k < n_routes; k++)
        total += available[k] ? exp((double)logits[k] - most) : 0.0;
    for (size_t k = 0; k < n_routes; k++) {
        double surprise = log(total) - ((double)logits[k] - most);
        double p = available[k] ? exp(-surprise) : 0.0;
        mean += p * surprise;
        square += p * surprise * surprise;
    }
    add_moments(moments, -log_mass, mean, square - mean * mean);
}

/* That of a direction, of which several routes lead to either. */
static void note_direction(struct moments *moments, const struct heads *heads,
                           const struct row_context *context, const uint8_t *available,
                           const real *logits)
{
    double mean = 0.0, square = 0.0, surprise[2];
    struct row row = *context->row;
    struct row_context other = *context;
    other.row = &row;
    for (int64_t direction = 0; direction < 2; direction++) {
        row.value[ATTRIBUTE_DIRECTION] = direction;
        double log_mass = value_log_mass(heads, HEAD_DIRECTION, &other, available, logits, NULL);
        surprise[direction] = -log_mass;
        mean -= exp(log_mass) * log_mass;
        square += exp(log_mass) * log_mass * log_mass;
    }
    add_moments(moments, surprise[context->row->value[ATTRIBUTE_DIRECTION]], mean,
                square - mean * mean);
}

/* The value of a count or port that the likeliest of its atoms stands for; -1 where there is none.
 */
static int64_t favourite_of(const struct heads *heads, enum head head, const uint8_t *available,
                            const real *logits)
{
    size_t best = 0;
    for (size_t k = 1; k < heads->n_atoms[head]; k++)
        if (available[k] && (!available[best] || logits[k] > logits[best]))
            best = k;
    if (!available[best])
        return -1;
    if (head == HEAD_GAP)
        return (int64_t)best;
    if (head == HEAD_PACKETS)
        return (int64_t)best + 1;
    return heads->vocabulary->lists[head_infos[head].attribute].values[best];
}

static void calibrate(void *user, enum head head, const struct row_context *context,
                      const uint8_t *available, const real *logits, const real *mixture)
{
    struct calibration *calibration = user;
    const struct heads *heads = calibration->heads;
    double log_mass = value_log_mass(heads, head, context, available, logits, mixture);
    note_surprise(&calibration->surprise[head], head, available, logits, heads->n_routes[head],
                  log_mass);
    if (head == HEAD_DIRECTION)
        note_direction(&calibration->surprise[head], heads, context, available, logits);
    bool has_values = head_infos[head].has_mixture || head == HEAD_LOCAL_PORT ||
                      head == HEAD_REMOTE_PORT || head == HEAD_FLAGS || head == HEAD_TOS ||
                      head == HEAD_PROTOCOL;
    if (!has_values || heads->n_atoms[head] == 0)
        return;
    enum attribute attribute = head_infos[head].attribute;
    struct row row = *context->row;
    struct row_context other = *context;
    other.row = &row;
    int64_t drawn = row.value[attribute];
    row.value[attribute] = favourite_of(heads, head, available, logits);
    if (row.value[attribute] < 0)
        return;
    bool is_out_of_order = head == HEAD_DURATION && order_is_open(context) &&
                           order_is_kept(context) != order_is_kept(&other);
    if (is_out_of_order)
        return;
    if (head == HEAD_REMOTE_PORT)
        for (size_t i = 0; i < context->n_kept_ports; i++)
            if (context->kept_ports[i] == row.value[attribute])
                return;
    double p = exp(value_log_mass(heads, head, &other, available, logits, mixture));
    add_moments(&calibration->favourite[head], drawn == row.value[attribute], p, p * (1.0 - p));
}

static double z_of(const struct moments *moments)
{
    return moments->variance > 1.0 ? moments->excess / sqrt(moments->variance) : 0.0;
}

/* Rows surprise the model as much as its own entropy says, and have their likeliest values as often
 * as it gives them. */
START_TEST(rows_are_drawn_as_often_as_the_model_says)
{
    enum { N = 1500, HOSTS = 4 };
    struct model *model = small_model();
    struct calibration calibration = { .heads = &((struct masked_conv *)model)->heads };
    struct sampler_host hosts[HOSTS];
    for (size_t h = 0; h < HOSTS; h++)
        hosts[h] = twin(model, h, START);
    threads_set(1);
    free(draw(model, hosts, HOSTS, &(struct sampler_settings){ .seed = 7 }, N, calibrate,
              &calibration));
    struct moments all = { 0 };
    for (enum head h = 0; h < N_HEADS; h++) {
        const struct moments *surprise = &calibration.surprise[h];
        const struct moments *favourite = &calibration.favourite[h];
        all.excess += surprise->excess;
        all.variance += surprise->variance;
        ck_assert_msg(fabs(z_of(surprise)) < 4.0, "%s: %zu draws surprise by %.4g +- %.4g more",
                      head_infos[h].name, surprise->n, surprise->excess, sqrt(surprise->variance));
        ck_assert_msg(fabs(z_of(favourite)) < 4.0, "%s: %zu draws, favourites %.4g +- %.4g more",
                      head_infos[h].name, favourite->n, favourite->excess,
                      sqrt(favourite->variance));
    }
    ck_assert_uint_eq(calibration.surprise[HEAD_LINK].n, N * HOSTS);
    ck_assert_uint_gt(calibration.surprise[HEAD_REMOTE].n, 20);
    ck_assert_uint_gt(calibration.favourite[HEAD_BYTES].n, N);
    ck_assert_double_gt(all.variance, 100.0);
    ck_assert_double_lt(fabs(z_of(&all)), 4.0);
    model_free(model);
}
END_TEST

/* ---- hosts beside each other -------------------------------------------------------------- */

START_TEST(rows_do_not_depend_on_threads_and_other_hosts)
{
    enum { N = 12, HOSTS = 135 }; /* more than one thread takes at a time */
    static const size_t alone[] = { 0, 1, 59, 119, 120, 134 };
    const struct sampler_settings settings = { .seed = 3 };
    struct model *model = small_model();
    struct sampler_host hosts[HOSTS];
    for (size_t h = 0; h < HOSTS; h++) {
        hosts[h] = twin(model, h % model->trained_on.n_hosts, START + (int64_t)h);
        hosts[h].stream = h;
        hosts[h].is_twin = h % 3 > 0;
    }
    threads_set(1);
    struct row *one = draw(model, hosts, HOSTS, &settings, N, NULL, NULL);
    threads_set(2);
    struct row *two = draw(model, hosts, HOSTS, &settings, N, NULL, NULL);
    ck_assert_mem_eq(one, two, sizeof *one * N * HOSTS);
    for (size_t i = 0; i < ARRAY_LEN(alone); i++) {
        struct row *rows = draw(model, &hosts[alone[i]], 1, &settings, N, NULL, NULL);
        ck_assert_mem_eq(rows, one + alone[i] * N, sizeof *rows * N);
        free(rows);
    }
    for (size_t n = 2; n < 9; n++) { /* every kind of tile */
        struct row *rows = draw(model, hosts + 7, n, &settings, N, NULL, NULL);
        ck_assert_mem_eq(rows, one + (size_t)7 * N, sizeof *rows * N * n);
        free(rows);
    }
    /* Other streams, seeds and embeddings are other rows. */
    struct sampler_host other = hosts[1];
    other.stream = 77;
    struct row *rows = draw(model, &other, 1, &settings, N, NULL, NULL);
    ck_assert_mem_ne(rows, one + N, sizeof *rows * N);
    free(rows);
    rows = draw(model, &hosts[1], 1, &(struct sampler_settings){ .seed = 4 }, N, NULL, NULL);
    ck_assert_mem_ne(rows, one + N, sizeof *rows * N);
    free(one);
    free(two);
    free(rows);
    model_free(model);
}
END_TEST

/* Some hosts go on while others wait, as windows of time make them. */
START_TEST(rows_do_not_depend_on_when_they_are_drawn)
{
    enum { N = 60, HOSTS = 5 };
    const struct sampler_settings settings = { .seed = 3 };
    struct model *model = small_model();
    struct sampler_host hosts[HOSTS];
    for (size_t h = 0; h < HOSTS; h++)
        hosts[h] = twin(model, h, START);
    struct row *even = draw(model, hosts, HOSTS, &settings, N, NULL, NULL), rows[HOSTS];
    struct sampler *sampler = model_sampler(model, hosts, HOSTS, &settings);
    size_t n_of_host[HOSTS] = { 0 };
    struct rng rng = rng_stream(1, RNG_TEST, 0, 0);
    for (int step = 0; step < N; step++) {
        size_t which[HOSTS], n = 0;
        struct error err;
        for (size_t h = HOSTS; h-- > 0;)
            if (rng_below(&rng, HOSTS) >= h)
                which[n++] = h;
        assert_ok(sampler_advance(sampler, which, n, rows, &err), err);
        for (size_t i = 0; i < n; i++)
            ck_assert_mem_eq(&rows[i], &even[which[i] * N + n_of_host[which[i]]++], sizeof *rows);
    }
    sampler_free(sampler);
    free(even);
    model_free(model);
}
END_TEST

/* Each thread of a region draws hosts of its own, as fast as it comes to. */
START_TEST(threads_may_draw_different_hosts_at_once)
{
    enum { N = 60, HOSTS = 24, PER_THREAD = 3 };
    const struct sampler_settings settings = { .seed = 3 };
    struct model *model = small_model();
    struct sampler_host hosts[HOSTS];
    for (size_t h = 0; h < HOSTS; h++) {
        hosts[h] = twin(model, h % model->trained_on.n_hosts, START);
        hosts[h].stream = h;
    }
    struct row *expected = draw(model, hosts, HOSTS, &settings, N, NULL, NULL);
    threads_set(4);
    struct sampler *sampler = model_sampler(model, hosts, HOSTS, &settings);
    size_t n_wrong = 0;
#pragma omp parallel for schedule(dynamic, 1) num_threads(4) reduction(+ : n_wrong)
    for (size_t first = 0; first < HOSTS; first += PER_THREAD) {
        const size_t which[] = { first + 2, first, first + 1 };
        for (size_t i = 0; i < N; i++) {
            struct row rows[PER_THREAD];
            struct error err;
            n_wrong += sampler_advance(sampler, which, PER_THREAD, rows, &err) != STATUS_OK;
            for (size_t k = 0; k < PER_THREAD; k++)
                n_wrong += memcmp(&rows[k], &expected[which[k] * N + i], sizeof *rows) != 0;
        }
    }
    ck_assert_uint_eq(n_wrong, 0);
    sampler_free(sampler);
    free(expected);
    model_free(model);
}
END_TEST

START_TEST(a_step_asks_for_no_memory)
{
    enum { N = 50, HOSTS = 3 };
    struct model *model = small_model();
    struct sampler_host hosts[HOSTS];
    struct row rows[HOSTS];
    for (size_t h = 0; h < HOSTS; h++)
        hosts[h] = twin(model, h, START);
    struct sampler *sampler = model_sampler(model, hosts, HOSTS,
                                            &(struct sampler_settings){ .seed = 1 });
    size_t n_requests = memory_requests();
    for (int i = 0; i < N; i++) {
        struct error err;
        assert_ok(sampler_advance(sampler, (size_t[]){ 0, 1, 2 }, HOSTS, rows, &err), err);
    }
    ck_assert_uint_eq(memory_requests(), n_requests);
    sampler_free(sampler);
    model_free(model);
}
END_TEST

/* ---- going on from a past ----------------------------------------------------------------- */

START_TEST(going_on_from_a_past_equals_never_having_stopped)
{
    enum { N = 300 };
    static const size_t stops[] = { 1, 2, 20, 150, 299 }; /* the layers look back on 30 rows */
    const struct sampler_settings settings = { .seed = 8 };
    struct model *model = small_model();
    struct sampler_host host = twin(model, 4, START + 86400 - 3600);
    struct row *whole = draw(model, &host, 1, &settings, N, NULL, NULL);
    for (size_t s = 0; s < ARRAY_LEN(stops); s++) {
        const struct sequence past = {
            .host = host.twin_of, .start = host.start, .rows = whole, .n_rows = stops[s]
        };
        struct sampler_host later = host;
        later.past = &past;
        for (size_t i = 0; i < stops[s]; i++)
            later.start += whole[i].value[ATTRIBUTE_GAP];
        struct row *rest = draw(model, &later, 1, &settings, N - stops[s], NULL, NULL);
        ck_assert_mem_eq(rest, whole + stops[s], sizeof *rest * (N - stops[s]));
        free(rest);
    }
    free(whole);
    model_free(model);
}
END_TEST

/* The first flow after a silence ends no sooner than the silence does. */
START_TEST(a_silence_before_the_start_is_part_of_the_first_gap)
{
    enum { N = 40, SILENCE = 30 };
    struct model *model = small_model();
    struct sampler_host host = twin(model, 4, START), later = host;
    struct row *rows = draw(model, &host, 1, &(struct sampler_settings){ .seed = 1 }, N, NULL,
                            NULL);
    const struct sequence past = {
        .host = host.twin_of, .start = host.start, .rows = rows, .n_rows = N
    };
    later.past = &past;
    for (size_t i = 0; i < N; i++)
        later.start += rows[i].value[ATTRIBUTE_GAP];
    for (int64_t silence = 0; silence < SILENCE; silence += 7) {
        struct masses masses = { .heads = &((struct masked_conv *)model)->heads,
                                 .log_mass = memory_zalloc((size_t)(N + 2) * N_ATTRIBUTES,
                                                           sizeof(double)) };
        double scored[2 * N_ATTRIBUTES];
        struct sampler_host silent = later;
        silent.start += silence;
        struct row all[N + 2];
        memcpy(all, rows, N * sizeof *all);
        struct row *two = draw(model, &silent, 1, &(struct sampler_settings){ .seed = 6 }, 2,
                               sum_masses, &masses);
        ck_assert_int_ge(two[0].value[ATTRIBUTE_GAP], 0);
        memcpy(all + N, two, 2 * sizeof *two);
        all[N].value[ATTRIBUTE_GAP] += silence;
        const struct sequence sequence = { .host = host.twin_of,
                                           .start = host.start,
                                           .rows = all,
                                           .n_rows = N + 2,
                                           .first_scored = N };
        struct error err;
        assert_ok(model_log_mass(model, &sequence, scored, &err), err);
        for (size_t i = 0; i < (size_t)2 * N_ATTRIBUTES; i++)
            assert_near(masses.log_mass[(size_t)N * N_ATTRIBUTES + i], scored[i],
                        ROUNDING * (1.0 + fabs(scored[i])));
        free(two);
        free(masses.log_mass);
    }
    free(rows);
    model_free(model);
}
END_TEST

/* ---- temperatures ------------------------------------------------------------------------- */

static double mean_nll(const struct model *model, const struct sampler_host *host,
                       double temperature, size_t n)
{
    struct sampler_settings settings = { .seed = 2 };
    for (size_t a = 0; a < N_ATTRIBUTES; a++)
        settings.temperature[a] = temperature;
    struct row *rows = draw(model, host, 1, &settings, n, NULL, NULL);
    double *log_mass = memory_alloc(n * N_ATTRIBUTES, sizeof *log_mass), sum = 0.0;
    const struct sequence sequence = {
        .host = host->twin_of, .start = host->start, .rows = rows, .n_rows = n
    };
    struct error err;
    for (size_t i = 0; i < n; i++)
        ck_assert_msg(coding_row_is_legal(&rows[i]), "row %zu at temperature %g", i, temperature);
    assert_ok(model_log_mass(model, &sequence, log_mass, &err), err);
    for (size_t i = 0; i < n * N_ATTRIBUTES; i++) {
        ck_assert(isfinite(log_mass[i]));
        sum -= log_mass[i];
    }
    free(rows);
    free(log_mass);
    return sum / (double)n;
}

/* Whatever the temperature, each row can be, and the model itself says so. */
START_TEST(temperatures_sharpen_and_spread)
{
    enum { N = 600 };
    struct model *model = small_model();
    struct sampler_host host = twin(model, 2, START);
    double cold = mean_nll(model, &host, 0.2, N), usual = mean_nll(model, &host, 1.0, N);
    double unset = mean_nll(model, &host, 0.0, N), hot = mean_nll(model, &host, 3.0, N);
    ck_assert_double_eq(usual, unset);
    ck_assert_double_lt(cold, usual - 1.0);
    ck_assert_double_gt(hot, usual + 1.0);
    model_free(model);
}
END_TEST

START_TEST(weights_that_are_no_numbers_are_an_error)
{
    struct model *model = small_model();
    struct masked_conv *masked_conv = (struct masked_conv *)model;
    masked_conv->network->params->values[17] = (real)NAN;
    struct sampler_host host = twin(model, 0, START);
    struct sampler *sampler = model_sampler(model, &host, 1, &(struct sampler_settings){ 0 });
    struct row row;
    struct error err;
    assert_fails(sampler_advance(sampler, (size_t[]){ 0 }, 1, &row, &err), STATUS_NUMERIC, err,
                 "not finite");
    sampler_free(sampler);
    model_free(model);
}
END_TEST

Suite *test_suite(void)
{
    Suite *suite = suite_create("model/masked_conv_sampling");
    testing_add(suite, rows_have_the_masses_that_they_were_drawn_with);
    testing_add_loop(suite, models_that_go_without_something_draw_with_their_masses,
                     ARRAY_LEN(ablations));
    testing_add(suite, rows_are_drawn_as_often_as_the_model_says);
    testing_add(suite, rows_do_not_depend_on_threads_and_other_hosts);
    testing_add(suite, rows_do_not_depend_on_when_they_are_drawn);
    testing_add(suite, threads_may_draw_different_hosts_at_once);
    testing_add(suite, a_step_asks_for_no_memory);
    testing_add(suite, going_on_from_a_past_equals_never_having_stopped);
    testing_add(suite, a_silence_before_the_start_is_part_of_the_first_gap);
    testing_add(suite, temperatures_sharpen_and_spread);
    testing_add(suite, weights_that_are_no_numbers_are_an_error);
    return suite;
}
