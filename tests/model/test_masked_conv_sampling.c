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

enum { N_HOSTS = 6, START = 1460332800 }; /* 2016-04-11 00:00:00, a Monday */

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
    for (; options[0] != NULL; options += 2)
        assert_ok(options_set(&table, 1, options[0], options[1], &err), err);
    assert_ok(model_fit(kind, settings, train, &record, 11, "", &model, &err), err);
    free(settings);
    return model;
}

/* Fitted to a simulated network for a few steps: enough to prefer some values to others. */
static struct model *small_model(void)
{
    static const char *const options[] = { "width",      "16",  "hidden", "24",   "context", "8",
                                           "blocks",     "3",   "kernel", "3",    "epochs",  "0.7",
                                           "piece-rows", "128", "rate",   "0.01", NULL };
    struct dataset *data;
    struct sequence_set *train = simulated_sequences(10, 6, &data);
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

/* n rows of each of N_HOSTS hosts, one host after another. Caller frees. */
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
        if (cell.is_hit)
            mass += exp((double)logits[n_routes - 1] - most +
                        logistic_mixture_log_mass(mixture, MIXTURE_COMPONENTS, cell.lo, cell.hi,
                                                  0.0, NULL) -
                        logistic_mixture_log_mass(mixture, MIXTURE_COMPONENTS, cell.range_lo,
                                                  cell.range_hi, 0.0, NULL));
    }
    return log(mass / total);
}

/* ---- masses ------------------------------------------------------------------------------- */

struct masses {
    const struct heads *heads;
    int64_t start;
    size_t n_rows;
    double *log_mass; /* [rows, N_ATTRIBUTES] */
    size_t n_of_head[N_HEADS];
};

static void sum_masses(void *user, enum head head, const struct row_context *context,
                       const uint8_t *available, const real *logits, const real *mixture)
{
    struct masses *masses = user;
    masses->log_mass[context->index * N_ATTRIBUTES + head_infos[head].attribute] += value_log_mass(
        masses->heads, head, context, available, logits, mixture);
    masses->n_of_head[head]++;
}

/* A host that is drawn from masses row by row, and scored as a finished sequence. */
START_TEST(rows_have_the_masses_that_they_were_drawn_with)
{
    enum { N = 1500 };
    struct model *model = small_model();
    struct masses masses = { .heads = &((struct masked_conv *)model)->heads,
                             .log_mass = memory_zalloc((size_t)N * N_ATTRIBUTES, sizeof(double)) };
    double *scored = memory_alloc((size_t)N * N_ATTRIBUTES, sizeof *scored);
    /* Some minutes before midnight, so that the clock goes over it. */
    struct sampler_host host = twin(model, 2 * (size_t)_i, START + 86400 - 600);
    struct row *rows = draw(model, &host, 1, &(struct sampler_settings){ .seed = 5 }, N, sum_masses,
                            &masses);
    int64_t clock = host.start;
    for (size_t i = 0; i < N; i++)
        clock += rows[i].value[ATTRIBUTE_GAP];
    ck_assert_int_gt(clock, START + 86400 + 3600);
    const struct sequence sequence = {
        .host = host.twin_of, .start = host.start, .rows = rows, .n_rows = N
    };
    struct error err;
    assert_ok(model_log_mass(model, &sequence, scored, &err), err);
    for (size_t i = 0; i < (size_t)N * N_ATTRIBUTES; i++)
        ck_assert_msg(fabs(masses.log_mass[i] - scored[i]) <= ROUNDING * (1.0 + fabs(scored[i])),
                      "row %zu, %s: drawn with %.9g, scored with %.9g", i / N_ATTRIBUTES,
                      attribute_infos[i % N_ATTRIBUTES].name, masses.log_mass[i], scored[i]);
    free(masses.log_mass);
    free(scored);
    free(rows);
    model_free(model);
}
END_TEST

Suite *test_suite(void)
{
    Suite *suite = suite_create("model/masked_conv_sampling");
    testing_add_loop(suite, rows_have_the_masses_that_they_were_drawn_with, 3);
    return suite;
}
