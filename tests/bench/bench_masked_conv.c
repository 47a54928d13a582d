/* bench_masked_conv.c - the speed of training masked-conv, and where the time goes.
 *
 * Whole training steps, from the rows of pieces to new weights, on flows that are simulated in
 * memory, at the sizes of configs/masked-conv.ini. scripts/bench_torch_masked_conv.py runs the same
 * network, as large as the report says it is, in PyTorch.
 */
#include "bench/report.h"

#include "base/config.h"
#include "base/memory.h"
#include "base/progress.h"
#include "base/threads.h"
#include "data/calendar.h"
#include "data/dataset.h"
#include "model/masked_conv/lanes.h"
#include "nn/optimiser.h"
#include "simulate/demo_network.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { HOSTS = 40, HOURS = 48, STEPS = 8, REPEATS = 10 };

static void check(enum status status, const struct error *err)
{
    if (status == STATUS_OK)
        return;
    fprintf(stderr, "%s\n", err->message);
    exit(1);
}

/* ---- what is trained on ------------------------------------------------------------------- */

/* The number of a monitored host. */
static uint32_t host_number(uint32_t address)
{
    for (uint32_t h = 0; h < HOSTS; h++)
        if (demo_network_host_address(h) == address)
            return h;
    fprintf(stderr, "no host has the address %u\n", (unsigned)address);
    exit(1);
}

static struct dataset *simulate(void)
{
    struct demo_network *network = demo_network_create(&(struct demo_network_settings){
        .n_hosts = HOSTS, .n_hours = HOURS, .start = INT64_C(1460332800000), .seed = 1 });
    struct address_set monitored = { 0 };
    address_set_add_range(&monitored, DEMO_NETWORK_ADDRESS, DEMO_NETWORK_ADDRESS | 0xffff);
    struct flow *all = NULL;
    uint32_t *owners = NULL, *addresses = memory_alloc(HOSTS, sizeof *addresses), address;
    size_t n_all = 0, capacity = 0, n;
    for (size_t h = 0; h < HOSTS; h++)
        addresses[h] = demo_network_host_address(h);
    const struct flow *flows;
    while (demo_network_next_hour(network, &flows, &n)) {
        all = memory_grow(all, &capacity, n_all + n, sizeof *all);
        owners = memory_resize(owners, capacity, sizeof *owners);
        for (size_t i = 0; i < n; i++) {
            if (!dataset_flow_host(&monitored, &flows[i], &address))
                continue;
            all[n_all] = flows[i];
            owners[n_all++] = host_number(address);
        }
    }
    struct label_list labels = label_list_copy(demo_network_labels(network));
    demo_network_free(network);
    return dataset_create("simulation", all, owners, n_all, addresses, HOSTS, labels, monitored);
}

static struct masked_conv_settings read_settings(void)
{
    static struct masked_conv_settings settings;
    static const char *model;
    static const struct option name[] = { { "model", 0, OPTION_TEXT, 0, NULL,
                                            .help = "which one" } };
    const struct model_kind *kind = model_kind_find("masked-conv");
    const struct option_table tables[] = {
        { kind->options, kind->n_options, &settings, "model" },
        { name, 1, &model, "bench" },
    };
    struct config config = { 0 };
    struct error err;
    options_set_defaults(tables, ARRAY_LEN(tables));
    check(config_read(&config, "configs/masked-conv.ini", &err), &err);
    check(config_apply(&config, tables, ARRAY_LEN(tables), &err), &err);
    config_release(&config);
    return settings;
}

/* ---- the training ------------------------------------------------------------------------- */

struct bench {
    struct sequence_set *train;
    struct masked_conv *model;
    struct prepared_sequence *prepared;
    struct lanes *lanes;
    struct optimiser *optimiser;
    struct piece *pieces; /* shuffled */
    size_t n_pieces;
    uint64_t step;
    double nll, optimiser_seconds;
    size_t n_rows;
};

static struct masked_conv *create_model(const struct sequence_set *train)
{
    struct masked_conv_settings settings = read_settings();
    struct vocabulary vocabulary;
    struct habits habits;
    vocabulary_learn(&vocabulary, train);
    habits_learn(&habits, train, &vocabulary, true, MS_PER_SECOND * train->start,
                 MS_PER_SECOND * train->end);
    uint32_t *hosts = memory_alloc(train->n, sizeof *hosts);
    for (size_t s = 0; s < train->n; s++)
        hosts[s] = train->items[s].host;
    return masked_conv_create(&settings, &vocabulary, hosts, train->n, &habits, 1);
}

static void cut_pieces(struct bench *bench)
{
    size_t piece_rows = (size_t)bench->model->settings.piece_rows, capacity = 0;
    for (size_t s = 0; s < bench->train->n; s++) {
        size_t n_rows = bench->train->items[s].n_rows;
        for (size_t first = 0; first + piece_rows <= n_rows; first += piece_rows) {
            bench->pieces = memory_grow(bench->pieces, &capacity, bench->n_pieces + 1,
                                        sizeof *bench->pieces);
            const struct prepared_sequence *prepared = &bench->prepared[s];
            bench->pieces[bench->n_pieces++] = (struct piece){
                .sequence = prepared, .first = first, .n = piece_rows, .host = prepared->host
            };
        }
    }
    size_t *order = memory_alloc(bench->n_pieces, sizeof *order);
    for (size_t p = 0; p < bench->n_pieces; p++)
        order[p] = p;
    struct rng rng = rng_stream(1, RNG_TEST, 0, 0);
    rng_shuffle(&rng, order, bench->n_pieces, sizeof *order);
    struct piece *shuffled = memory_alloc(bench->n_pieces, sizeof *shuffled);
    for (size_t p = 0; p < bench->n_pieces; p++)
        shuffled[p] = bench->pieces[order[p]];
    free(order);
    free(bench->pieces);
    bench->pieces = shuffled;
}

/* STEPS steps of training. */
static void train(void *context)
{
    struct bench *bench = context;
    struct error err;
    size_t n_pieces = (size_t)bench->model->settings.pieces;
    for (size_t i = 0; i < STEPS; i++, bench->step++) {
        lanes_clear(bench->lanes);
        for (size_t p = 0; p < n_pieces; p++)
            lanes_add(bench->lanes, &bench->pieces[(bench->step * n_pieces + p) % bench->n_pieces]);
        check(lanes_train(bench->lanes, bench->step, &bench->nll, &bench->n_rows, &err), &err);
        double started = progress_clock();
        check(optimiser_step(bench->optimiser, NULL, &err), &err);
        bench->optimiser_seconds += progress_clock() - started;
    }
}

/* ---- the report --------------------------------------------------------------------------- */

__attribute__((format(printf, 3, 4))) static void set(struct report *report, double value,
                                                      const char *format, ...)
{
    char key[96] = "masked_conv.";
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(key + strlen(key), sizeof key - strlen(key), format, arguments);
    va_end(arguments);
    report_set(report, key, value);
}

/* The sizes of a step's network and of its last batch, of both lanes together, for PyTorch; returns
 * the multiply-adds of the forward pass. */
static double report_sizes(struct report *report, const struct bench *bench)
{
    const struct network_size *size = &bench->model->network->size;
    double C = (double)size->width, K = (double)size->kernel, context = (double)size->context;
    double n_rows = 0.0, n_contexts = 0.0, rows[N_HEADS] = { 0 }, hits[N_HEADS] = { 0 };
    const struct batch *batch;
    for (size_t l = 0; (batch = lanes_batch(bench->lanes, l)) != NULL; l++) {
        n_rows += (double)(batch->n_pieces * batch->n_rows_max);
        n_contexts += (double)batch->n_contexts;
        for (enum head h = 0; h < N_HEADS; h++) {
            rows[h] += (double)batch->head[h].n;
            hits[h] += (double)batch->head[h].n_hits;
        }
    }
    set(report, (double)bench->model->settings.pieces, "sizes.pieces");
    set(report, (double)bench->model->settings.piece_rows, "sizes.piece_rows");
    set(report, n_rows, "sizes.rows");
    set(report, n_contexts, "sizes.contexts");
    set(report, CONTEXT_FEATURES, "sizes.context_features");
    set(report, (double)bench->model->space.n_features, "sizes.features");
    set(report, (double)bench->model->space.n_rows, "sizes.table_rows");
    for (size_t s = 0; s < N_STAGES; s++)
        set(report, (double)bench->model->space.n_of_stage[s], "stages.%02zu", s);
    set(report, (double)size->n_hosts, "sizes.hosts");
    set(report, CANDIDATE_ROUTES, "sizes.candidates");
    set(report, CANDIDATE_OUTPUT_ASPECTS, "sizes.names_of_outputs");
    set(report, CANDIDATE_ASPECTS - CANDIDATE_OUTPUT_ASPECTS, "sizes.names_of_table");
    set(report, (double)tensor_size(bench->model->network->candidates), "sizes.candidate_table");
    set(report, C, "sizes.width");
    set(report, context, "sizes.context");
    set(report, (double)size->n_blocks, "sizes.blocks");
    set(report, K, "sizes.kernel");
    double multiply_adds = n_contexts * 2.0 * context * (CONTEXT_FEATURES + context);
    multiply_adds += n_rows * C * (K * C + context);
    multiply_adds += n_rows * (double)size->n_blocks * C * (2.0 * K * C + 2.0 * context + C);
    for (enum head h = 0; h < N_HEADS; h++) {
        const struct network_head *head = &bench->model->network->head[h];
        const char *name = head_infos[h].name;
        double hidden = (double)head->hidden, n_out = (double)tensor_size(head->out_bias);
        set(report, rows[h], "heads.%s.rows", name);
        set(report, hits[h], "heads.%s.hits", name);
        set(report, hidden, "heads.%s.hidden", name);
        set(report, (double)bench->model->heads.n_routes[h], "heads.%s.routes", name);
        set(report, head_infos[h].has_mixture ? MIXTURE_COMPONENTS : 0, "heads.%s.mixture", name);
        set(report, (double)head_infos[h].sees, "heads.%s.sees", name);
        set(report, h == HEAD_LINK ? (double)candidate_outputs() : 0, "heads.%s.named", name);
        multiply_adds += rows[h] * hidden * (2.0 * C + n_out);
    }
    return multiply_adds;
}

static void report_part(struct report *report, const char *name, double share)
{
    set(report, share, "parts.%s", name);
    printf("    %-24s %5.1f %%\n", name, 100.0 * share);
}

/* Shares of the time of all threads. */
static void report_parts(struct report *report, const struct bench *bench, double seconds)
{
    struct lanes_seconds lanes = lanes_seconds(bench->lanes);
    double all = seconds * (threads_count() > 1 ? 2.0 : 1.0), rest = all - lanes.sum;
    report_part(report, "batches", lanes.batches / all);
    report_part(report, "context", lanes.parts[PART_CONTEXT] / all);
    report_part(report, "trunk", lanes.parts[PART_TRUNK] / all);
    report_part(report, "stages", lanes.parts[PART_STAGES] / all);
    double named = lanes.batches;
    for (size_t p = 0; p < N_NETWORK_PARTS; p++)
        named += lanes.parts[p];
    for (enum head h = 0; h < N_HEADS; h++)
        report_part(report, head_infos[h].name, lanes.parts[(size_t)PART_HEADS + h] / all);
    report_part(report, "tape", (lanes.sum - named) / all);
    double optimiser = bench->optimiser_seconds / seconds;
    report_part(report, "optimiser", optimiser);
    report_part(report, "gradients_and_waiting", rest / all - optimiser);
}

int main(void)
{
    struct dataset *data = simulate();
    struct bench bench = { .train = sequence_set_create(data, NULL, NULL) };
    bench.model = create_model(bench.train);
    double started = progress_clock();
    bench.prepared = memory_alloc(bench.train->n, sizeof *bench.prepared);
    for (size_t s = 0; s < bench.train->n; s++)
        bench.prepared[s] = masked_conv_prepare(bench.model, &bench.train->items[s]);
    double prepare_seconds = progress_clock() - started;
    cut_pieces(&bench);
    bench.lanes = lanes_create(bench.model, bench.train->attributes, 1);
    bench.optimiser = optimiser_create(bench.model->network->params, &OPTIMISER_DEFAULTS);

    double sgemm_rate = report_sgemm_rate();
    train(&bench);
    lanes_measure(bench.lanes);
    bench.optimiser_seconds = 0.0;
    double best = (double)INFINITY, sum = 0.0;
    for (int i = 0; i < REPEATS; i++) {
        started = progress_clock();
        train(&bench);
        double seconds = progress_clock() - started;
        best = fmin(best, seconds);
        sum += seconds;
    }
    sgemm_rate = fmax(sgemm_rate, report_sgemm_rate());

    struct report *report = report_open(REPORT_PATH);
    report_set(report, "threads", threads_count());
    double rate = (double)(STEPS * bench.n_rows) / best;
    double flops = 6.0 * report_sizes(report, &bench) * STEPS / best;
    double bytes = (double)lanes_peak(bench.lanes) +
                   4.0 * (double)(bench.model->network->params->size * sizeof(real));
    set(report, rate, "rows_per_second");
    set(report, flops / sgemm_rate, "share");
    set(report, bytes / 1e6, "peak_mb");
    set(report, (double)bench.train->n_rows / prepare_seconds, "prepared_rows_per_second");
    set(report, bench.nll, "nll_after_%d_steps", STEPS * (REPEATS + 1));
    printf("masked-conv: %zu weights, %zu rows a step, %.2f nats after %d steps\n",
           params_count(bench.model->network->params), bench.n_rows, bench.nll,
           STEPS * (REPEATS + 1));
    printf("training %.0f rows/s, %.1f GFLOP/s (%.0f %% of a large sgemm), %.0f MB; of the time:\n",
           rate, flops / 1e9, 100.0 * flops / sgemm_rate, bytes / 1e6);
    report_parts(report, &bench, sum);
    report_close(report);

    optimiser_free(bench.optimiser);
    lanes_free(bench.lanes);
    for (size_t s = 0; s < bench.train->n; s++)
        prepared_sequence_release(&bench.prepared[s]);
    free(bench.prepared);
    free(bench.pieces);
    model_free(&bench.model->base);
    sequence_set_free(bench.train);
    dataset_free(data);
    options_release();
    return 0;
}
