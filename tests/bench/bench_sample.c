/* bench_sample.c - how fast flows are drawn from masked-conv, and what part of it is arithmetic.
 *
 * A network of the default sizes with full vocabularies and untrained weights, but for the biases
 * of gaps and links, which make conversations of the kind that real hosts have. Its arithmetic is
 * that of a trained one. The yardstick is a large sgemm in the same run.
 *
 * Hosts are drawn step by step, all at once, and as `flowtwin sample` draws a day of them: with
 * equal numbers of flows, and with those of a real network, where a tenth of the hosts has most.
 */
#include "bench/report.h"

#include "base/error.h"
#include "base/memory.h"
#include "base/progress.h"
#include "base/rng.h"
#include "base/threads.h"
#include "model/masked_conv/masked_conv.h"
#include "sample/sample.h"

#include <cblas.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

enum { N_HOSTS = 200, WARM_UP = 200, ROWS = 100, REPEATS = 8, SINGLE_ROWS = 2000 };
enum { DAY = 86400, DAY_START = 1460332800, DAY_FLOWS = 60000, DAY_REPEATS = 3 };

/* ---- the model ---------------------------------------------------------------------------- */

/* n values from `first` on, `step` apart. */
static struct value_list values(size_t n, int64_t first, int64_t step)
{
    struct value_list list = { .values = memory_alloc(n, sizeof *list.values), .n = n };
    for (size_t i = 0; i < n; i++)
        list.values[i] = first + (int64_t)i * step;
    return list;
}

/* Lists as long as a day of real flows fills them. */
static struct vocabulary full_vocabulary(void)
{
    struct vocabulary vocabulary = { .duration_grid = 4,
                                     .ratio_lowest = { 28.0, 40.0 },
                                     .ratio_highest = { 1500.0, 1500.0 },
                                     .highest_gap = 3600,
                                     .highest_packets = 1000000,
                                     .highest_duration = 4000000 };
    vocabulary.lists[ATTRIBUTE_REMOTE] = values(1024, 1 << 24, 3000017);
    vocabulary.lists[ATTRIBUTE_PROTOCOL] = values(6, 1, 5);
    vocabulary.lists[ATTRIBUTE_LOCAL_PORT] = values(256, 0, 37);
    vocabulary.lists[ATTRIBUTE_REMOTE_PORT] = values(256, 0, 37);
    vocabulary.lists[ATTRIBUTE_FLAGS] = values(54, 0, 1);
    vocabulary.lists[ATTRIBUTE_TOS] = values(37, 0, 4);
    vocabulary.lists[ATTRIBUTE_FORWARDING] = values(1, 0, 1);
    vocabulary.lists[ATTRIBUTE_LABEL] = values(2, 0, 1);
    vocabulary.lists[ATTRIBUTE_BYTES] = values(256, 40, 3);
    vocabulary.lists[ATTRIBUTE_DURATION] = values(384, 0, 4);
    vocabulary.lists[LIST_RATIO] = values(96, 40, 12);
    vocabulary.lists[LIST_GAP_BIN] = values(48, 75, 75);
    vocabulary.lists[LIST_PACKETS_BIN] = values(40, 80, 20);
    vocabulary.lists[LIST_BYTES_BIN] = values(90, 40, 1000);
    vocabulary.lists[LIST_DURATION_BIN] = values(84, 64, 4000);
    return vocabulary;
}

static void set_biases(struct masked_conv *model)
{
    real *gap = model->network->head[HEAD_GAP].out_bias->data;
    real *link = model->network->head[HEAD_LINK].out_bias->data;
    for (size_t k = 0; k < model->heads.n_routes[HEAD_GAP]; k++)
        gap[k] = (real)(k < 16 ? -0.5 * (double)k : -12.0);
    for (int rank = 0; rank < NEAR_CONVERSATIONS; rank++) {
        link[LINK_CODE_REPLY + rank] = (real)(log(0.43 * 0.3) + rank * log(0.7));
        link[LINK_CODE_REPEAT + rank] = (real)(log(0.16 * 0.3) + rank * log(0.7));
    }
    for (int rank = 0; rank < NEAR_REMOTES; rank++)
        link[LINK_CODE_REMOTE + rank] = (real)(log(0.32 * 0.1) + rank * log(0.9));
    link[LINK_CODE_OLDER_REPLY] = link[LINK_CODE_OLDER_REPEAT] = (real)log(0.01);
    link[LINK_CODE_OLDER_REMOTE] = (real)log(0.02);
    link[LINK_CODE_NEW] = (real)log(0.06);
}

static struct masked_conv *create_model(void)
{
    const struct model_kind *kind = model_kind_find("masked-conv");
    struct masked_conv_settings settings;
    const struct option_table table = { kind->options, kind->n_options, &settings, kind->name };
    options_set_defaults(&table, 1);
    struct vocabulary vocabulary = full_vocabulary();
    struct habits habits = { 0 };
    struct masked_conv *model = masked_conv_create(&settings, &vocabulary, NULL, 0, &habits, 1);
    model->base.attributes = ATTRIBUTES_ALL;
    set_biases(model);
    return model;
}

/* Multiply-adds of a row: the layers, and each head as often as it applies. */
struct work_count {
    uint64_t n_of_head[N_HEADS];
};

static void count_head(void *user, enum head head, const struct row_context *context,
                       const uint8_t *available, const real *logits, const real *mixture)
{
    (void)context, (void)available, (void)logits, (void)mixture;
    struct work_count *count = user;
#pragma omp atomic
    count->n_of_head[head]++;
}

static double multiply_adds(const struct masked_conv *model, const struct work_count *count)
{
    const struct network_size *size = &model->network->size;
    double C = (double)size->width, K = (double)size->kernel;
    double sum = K * C * C + (double)size->n_blocks * (2.0 * K * C * C + C * C);
    for (enum head h = 0; h < N_HEADS; h++) {
        const struct network_head *head = &model->network->head[h];
        double outputs = (double)tensor_channels(head->out_weight);
        sum += (double)head->hidden * (2.0 * C + outputs) * (double)count->n_of_head[h] /
               (double)count->n_of_head[HEAD_GAP];
    }
    return sum;
}

/* ---- the yardstick ------------------------------------------------------------------------ */

enum { LARGE = 2048 };

static void multiply(void *context)
{
    float **matrices = context;
    cblas_sgemm(CblasRowMajor, CblasNoTrans, CblasNoTrans, LARGE, LARGE, LARGE, 1.0f, matrices[0],
                LARGE, matrices[1], LARGE, 0.0f, matrices[2], LARGE);
}

/* Of all threads together. */
static double processor_seconds(void)
{
    struct timespec now;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
    return (double)now.tv_sec + 1e-9 * (double)now.tv_nsec;
}

/* Floating-point operations a second of one core: by processor time, since other work on the
 * machine comes and goes. */
static double large_sgemm_rate(void)
{
    size_t n = (size_t)LARGE * LARGE;
    struct rng rng = rng_stream(1, RNG_TEST, 0, 0);
    float *matrices[3];
    for (size_t m = 0; m < 3; m++) {
        matrices[m] = memory_alloc(n, sizeof **matrices);
        for (size_t i = 0; i < n; i++)
            matrices[m][i] = (float)rng_uniform(&rng);
    }
    multiply(matrices);
    double best = (double)INFINITY;
    for (int i = 0; i < 3; i++) {
        double started = processor_seconds();
        multiply(matrices);
        best = fmin(best, processor_seconds() - started);
    }
    for (size_t m = 0; m < 3; m++)
        free(matrices[m]);
    return 2.0 * LARGE * LARGE * LARGE / best;
}

/* ---- drawing ------------------------------------------------------------------------------ */

struct drawing {
    struct sampler *sampler;
    size_t which[N_HOSTS], n_hosts, n_rows;
    struct row rows[N_HOSTS];
};

static void draw(void *context)
{
    struct drawing *drawing = context;
    struct error err;
    for (size_t i = 0; i < drawing->n_rows; i++)
        if (sampler_advance(drawing->sampler, drawing->which, drawing->n_hosts, drawing->rows,
                            &err) != STATUS_OK)
            BUG("%s", err.message);
}

/* Flows a second, and microseconds of processor time a flow, of n_hosts side by side. */
static double draw_rate(const struct masked_conv *model, size_t n_hosts, size_t n_rows,
                        struct work_count *count, double *processor)
{
    static struct drawing drawing;
    struct sampler_host hosts[N_HOSTS];
    for (size_t h = 0; h < n_hosts; h++) {
        hosts[h] = (struct sampler_host){ .address = (uint32_t)h, .stream = h, .start = DAY_START };
        drawing.which[h] = h;
    }
    drawing.sampler = model_sampler(&model->base, hosts, n_hosts,
                                    &(struct sampler_settings){ .seed = 1, .truncation = 0.002 });
    drawing.n_hosts = n_hosts;
    drawing.n_rows = WARM_UP;
    masked_conv_sampler_watch(drawing.sampler, count_head, count);
    draw(&drawing); /* memories fill */
    masked_conv_sampler_watch(drawing.sampler, NULL, NULL);
    drawing.n_rows = n_rows;
    double best = (double)INFINITY;
    *processor = (double)INFINITY;
    for (int i = 0; i < REPEATS; i++) {
        double wall = progress_clock(), started = processor_seconds();
        draw(&drawing);
        best = fmin(best, progress_clock() - wall);
        *processor = fmin(*processor, processor_seconds() - started);
    }
    *processor /= (double)(n_hosts * n_rows);
    sampler_free(drawing.sampler);
    return (double)(n_hosts * n_rows) / best;
}

/* ---- days --------------------------------------------------------------------------------- */

/* Hosts that make so many flows a day: masked-conv's, with their gaps stretched. */
struct paced_sampler {
    struct sampler base;
    struct sampler *inner;
};

static const struct masked_conv *paced_model;
static double stretches[N_HOSTS];

static struct sampler *paced_create(const struct model *model, const struct sampler_host *hosts,
                                    size_t n_hosts, const struct sampler_settings *settings)
{
    (void)model;
    struct paced_sampler *sampler = memory_zalloc(1, sizeof *sampler);
    sampler->inner = model_sampler(&paced_model->base, hosts, n_hosts, settings);
    return &sampler->base;
}

static enum status paced_advance(struct sampler *base, const size_t *which, size_t n,
                                 struct row *rows, struct error *err)
{
    struct paced_sampler *sampler = (struct paced_sampler *)base;
    FORWARD(sampler_advance(sampler->inner, which, n, rows, err));
    for (size_t i = 0; i < n; i++) {
        int64_t *gap = &rows[i].value[ATTRIBUTE_GAP];
        *gap = llround((double)*gap * stretches[which[i]]);
    }
    return STATUS_OK;
}

static void paced_free(struct sampler *base)
{
    struct paced_sampler *sampler = (struct paced_sampler *)base;
    sampler_free(sampler->inner);
    free(sampler);
}

static const struct model_kind paced_kind = { .name = "paced",
                                              .sampler_create = paced_create,
                                              .sampler_advance = paced_advance,
                                              .sampler_free = paced_free };

static enum status drop_flow(void *user, const struct flow *flow, size_t host, struct error *err)
{
    (void)user, (void)flow, (void)host, (void)err;
    return STATUS_OK;
}

/* Flows a second of a day of N_HOSTS, and processor time a flow. unevenness: 0, or 1 for shares of
 * the flows as in a day of UGR'16, where the busiest of 178 hosts has a sixteenth of them. */
static double day_rate(const struct masked_conv *model, double unevenness, double *processor)
{
    struct sampler_host hosts[N_HOSTS];
    uint32_t addresses[N_HOSTS];
    double shares[N_HOSTS], sum = 0.0;
    for (size_t h = 0; h < N_HOSTS; h++) {
        hosts[h] = (struct sampler_host){ .address = (uint32_t)h, .stream = h, .start = DAY_START };
        addresses[h] = (uint32_t)h;
        shares[h] = unevenness > 0.0 ? exp(-(double)h / 14.0) + 0.01 : 1.0;
        sum += shares[h];
    }
    const double mean_gap = 1.5; /* s, of set_biases */
    for (size_t h = 0; h < N_HOSTS; h++)
        stretches[h] = DAY / (mean_gap * DAY_FLOWS * shares[h] / sum);
    paced_model = model;
    const struct model paced = { .kind = &paced_kind };
    const struct sample_plan plan = { .hosts = hosts,
                                      .addresses = addresses,
                                      .n_hosts = N_HOSTS,
                                      .start = DAY_START,
                                      .end = DAY_START + DAY,
                                      .seed = 1,
                                      .truncation = SAMPLE_TRUNCATION };
    double best = 0.0;
    *processor = (double)INFINITY;
    for (int i = 0; i < DAY_REPEATS; i++) {
        struct sample_report report;
        struct error err;
        double wall = progress_clock(), started = processor_seconds();
        if (sample_run(&paced, &plan, drop_flow, NULL, &report, &err) != STATUS_OK)
            BUG("%s", err.message);
        double flows = (double)report.n_flows;
        best = fmax(best, flows / (progress_clock() - wall));
        *processor = fmin(*processor, (processor_seconds() - started) / flows);
    }
    return best;
}

static void report_rate(struct report *report, const char *name, double rate, double processor,
                        double flops, double sgemm_rate)
{
    char key[96];
    snprintf(key, sizeof key, "sample.%s.flows_per_second", name);
    report_set(report, key, rate);
    snprintf(key, sizeof key, "sample.%s.processor_us", name);
    report_set(report, key, 1e6 * processor);
    snprintf(key, sizeof key, "sample.%s.share", name);
    report_set(report, key, flops / processor / sgemm_rate);
    printf("draws, %-21s %8.0f flows/s  %6.1f us and %.1f GFLOP/s of a core  %4.0f %%\n", name,
           rate, 1e6 * processor, flops / processor / 1e9, 100.0 * flops / processor / sgemm_rate);
}

int main(void)
{
    struct masked_conv *model = create_model();
    struct work_count many_count = { 0 }, one_count = { 0 };
    double many_processor, one_processor, sgemm_rate = large_sgemm_rate();
    double many = draw_rate(model, N_HOSTS, ROWS, &many_count, &many_processor);
    sgemm_rate = fmax(sgemm_rate, large_sgemm_rate());
    double even_processor, even = day_rate(model, 0.0, &even_processor);
    double uneven_processor, uneven = day_rate(model, 1.0, &uneven_processor);
    double one = draw_rate(model, 1, SINGLE_ROWS, &one_count, &one_processor);
    sgemm_rate = fmax(sgemm_rate, large_sgemm_rate());

    struct report *report = report_open(REPORT_PATH);
    report_set(report, "sample.multiply_adds", multiply_adds(model, &many_count));
    report_set(report, "sample.sgemm_gflops", sgemm_rate / 1e9);
    printf("%-28s %8.0f multiply-adds a flow; sgemm %.1f GFLOP/s of a core\n", "masked-conv",
           multiply_adds(model, &many_count), sgemm_rate / 1e9);
    report_rate(report, "hosts_200", many, many_processor, 2.0 * multiply_adds(model, &many_count),
                sgemm_rate);
    report_rate(report, "day_of_200", even, even_processor, 2.0 * multiply_adds(model, &many_count),
                sgemm_rate);
    report_rate(report, "day_of_200_unequal", uneven, uneven_processor,
                2.0 * multiply_adds(model, &many_count), sgemm_rate);
    report_rate(report, "hosts_1", one, one_processor, 2.0 * multiply_adds(model, &one_count),
                sgemm_rate);
    report_close(report);
    masked_conv_free(&model->base);
    return 0;
}
