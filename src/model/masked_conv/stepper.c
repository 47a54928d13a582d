#include "model/masked_conv/stepper.h"

#include "base/error.h"
#include "base/memory.h"
#include "nn/affine.h"
#include "nn/elementary.h"

#include <stdlib.h>
#include <string.h>

/* Of a row's sum, that are added up at once. */
#define CHANNELS 32

/* As in nn/ops/norm.c. */
#define EPSILON ((real)1e-5)

/* Weights in the order in which the kernels read them. */
struct packed_layer {
    real *taps[AFFINE_MAX_TERMS]; /* of the enter layer or a block */
    real *context, *out;
};

struct packed_head {
    real *trunk, *stage, *out;
    const real *bias;
    real *out_bias; /* [n_outputs] */
    size_t hidden;
    size_t n_outputs; /* as wide as the kernel writes them */
};

/* A ring of columns of one layer. */
struct ring {
    size_t first;  /* column of the host's columns */
    size_t length; /* columns */
};

struct stepper {
    const struct network *network;
    size_t width, kernel, n_blocks;
    struct arena *arena; /* of all that is below */
    real *context[2];
    struct packed_layer enter, blocks[BLOCKS_MAX];
    struct packed_head heads[N_HEADS];
    size_t n_outputs_max, hidden_max;

    struct ring enter_ring, block_rings[BLOCKS_MAX];
    size_t n_columns;    /* of a host, all rings */
    size_t n_projection; /* numbers that the context adds, all layers */
    real *columns;       /* [n_hosts, n_columns, width] */
    real *projections;   /* [n_hosts, n_projection], with the layers' biases */
    uint64_t *n_rows;    /* [n_hosts], so far */
};

struct stepper_work {
    struct arena *arena;
    size_t n;
    size_t hosts[STEPPER_HOSTS];
    real *trunk;                  /* [STEPPER_HOSTS, width]: h */
    real *sums;                   /* [STEPPER_HOSTS, width]: of the features so far */
    real *taps[AFFINE_MAX_TERMS]; /* [STEPPER_HOSTS, width] */
    real *z;                      /* [STEPPER_HOSTS, 2 width] */
    real *gated;                  /* [STEPPER_HOSTS, width] */
    real *encoded[2];             /* [STEPPER_HOSTS, 2 context] */
    real *head_trunk, *head_sums; /* [STEPPER_HEAD_ROWS, width] */
    real *hidden;                 /* [STEPPER_HEAD_ROWS, hidden] */
    real *outputs;                /* [STEPPER_HEAD_ROWS, outputs] */
};

/* ---- set-up ------------------------------------------------------------------------------- */

static real *pack(struct stepper *stepper, const real *w, size_t n_in, size_t n_out)
{
    real *packed = arena_alloc(stepper->arena, affine_packed_size(n_in, n_out), sizeof *packed);
    affine_pack(packed, w, n_out, n_in, n_out);
    return packed;
}

static void pack_layer(struct stepper *stepper, struct packed_layer *layer,
                       const struct tensor *weight, const struct tensor *context, size_t n_out)
{
    size_t C = stepper->width;
    for (size_t k = 0; k < stepper->kernel; k++)
        layer->taps[k] = pack(stepper, weight->data + k * C * n_out, C, n_out);
    layer->context = pack(stepper, context->data, stepper->network->size.context, n_out);
}

static void pack_weights(struct stepper *stepper)
{
    const struct network *network = stepper->network;
    size_t C = stepper->width, context = network->size.context;
    stepper->context[0] = pack(stepper, network->context_weight[0]->data, CONTEXT_FEATURES,
                               2 * context);
    stepper->context[1] = pack(stepper, network->context_weight[1]->data, 2 * context, context);
    pack_layer(stepper, &stepper->enter, network->enter_weight, network->enter_context, C);
    for (size_t b = 0; b < stepper->n_blocks; b++) {
        const struct block *block = &network->blocks[b];
        pack_layer(stepper, &stepper->blocks[b], block->weight, block->context, 2 * C);
        stepper->blocks[b].out = pack(stepper, block->out_weight->data, C, C);
    }
    for (enum head h = 0; h < N_HEADS; h++) {
        const struct network_head *from = &network->head[h];
        struct packed_head *head = &stepper->heads[h];
        head->hidden = from->hidden;
        size_t n_outputs = tensor_channels(from->out_weight);
        head->n_outputs = affine_packed_size(1, n_outputs);
        head->bias = from->bias->data;
        head->out_bias = arena_zalloc(stepper->arena, head->n_outputs, sizeof(real));
        memcpy(head->out_bias, from->out_bias->data, n_outputs * sizeof(real));
        head->trunk = pack(stepper, from->trunk_weight->data, C, head->hidden);
        head->stage = pack(stepper, from->stage_weight->data, C, head->hidden);
        head->out = pack(stepper, from->out_weight->data, head->hidden, n_outputs);
        if (head->hidden > stepper->hidden_max)
            stepper->hidden_max = head->hidden;
        if (head->n_outputs > stepper->n_outputs_max)
            stepper->n_outputs_max = head->n_outputs;
    }
}

static void lay_out_rings(struct stepper *stepper)
{
    stepper->enter_ring = (struct ring){ 0, stepper->kernel };
    stepper->n_columns = stepper->kernel;
    for (size_t b = 0; b < stepper->n_blocks; b++) {
        size_t length = (stepper->kernel - 1) * stepper->network->blocks[b].dilation;
        stepper->block_rings[b] = (struct ring){ stepper->n_columns, length };
        stepper->n_columns += length;
    }
}

struct stepper *stepper_create(const struct network *network, size_t n_hosts)
{
    struct stepper *stepper = memory_zalloc(1, sizeof *stepper);
    const struct network_size *size = &network->size;
    stepper->network = network;
    stepper->width = size->width;
    stepper->kernel = size->kernel;
    stepper->n_blocks = size->n_blocks;
    stepper->n_projection = size->width * (1 + 2 * size->n_blocks);
    stepper->arena = arena_create(1 << 20);
    lay_out_rings(stepper);
    pack_weights(stepper);
    stepper->columns = memory_zalloc(n_hosts * stepper->n_columns * size->width, sizeof(real));
    stepper->projections = memory_zalloc(n_hosts * stepper->n_projection, sizeof(real));
    stepper->n_rows = memory_zalloc(n_hosts, sizeof *stepper->n_rows);
    return stepper;
}

void stepper_free(struct stepper *stepper)
{
    if (stepper == NULL)
        return;
    arena_free(stepper->arena);
    free(stepper->columns);
    free(stepper->projections);
    free(stepper->n_rows);
    free(stepper);
}

size_t stepper_bytes_per_host(const struct network_size *size)
{
    size_t columns = network_receptive_field(size), projection = 1 + 2 * size->n_blocks;
    return (columns + projection) * size->width * sizeof(real) + sizeof(uint64_t);
}

static real *room(struct stepper_work *work, size_t rows, size_t columns)
{
    return arena_alloc(work->arena, rows * columns, sizeof(real));
}

struct stepper_work *stepper_work_create(const struct stepper *stepper)
{
    struct stepper_work *work = memory_zalloc(1, sizeof *work);
    size_t C = stepper->width, context = stepper->network->size.context;
    work->arena = arena_create(1 << 16);
    work->trunk = room(work, STEPPER_HOSTS, C);
    work->sums = room(work, STEPPER_HOSTS, C);
    for (size_t k = 0; k < stepper->kernel; k++)
        work->taps[k] = room(work, STEPPER_HOSTS, C);
    work->z = room(work, STEPPER_HOSTS, 2 * C);
    work->gated = room(work, STEPPER_HOSTS, C);
    for (size_t i = 0; i < 2; i++)
        work->encoded[i] = room(work, STEPPER_HOSTS, 2 * context);
    work->head_trunk = room(work, STEPPER_HEAD_ROWS, C);
    work->head_sums = room(work, STEPPER_HEAD_ROWS, C);
    work->hidden = room(work, STEPPER_HEAD_ROWS, stepper->hidden_max);
    work->outputs = room(work, STEPPER_HEAD_ROWS, stepper->n_outputs_max);
    return work;
}

void stepper_work_free(struct stepper_work *work)
{
    if (work == NULL)
        return;
    arena_free(work->arena);
    free(work);
}

/* ---- element by element ------------------------------------------------------------------- */

static void silu(real *x, size_t n)
{
#pragma omp simd
    for (size_t i = 0; i < n; i++)
        x[i] = x[i] * elementary_logistic(x[i]);
}

/* y = tanh(first half of z) * logistic(second half) */
static void gate(real *restrict y, const real *restrict z, size_t n_rows, size_t C)
{
    for (size_t r = 0; r < n_rows; r++, y += C, z += 2 * C) {
#pragma omp simd
        for (size_t c = 0; c < C; c++)
            y[c] = elementary_tanh(z[c]) * elementary_logistic(z[C + c]);
    }
}

static void rms_norm_row(real *x, const real *gain, size_t C)
{
    real squares = 0;
#pragma omp simd reduction(+ : squares)
    for (size_t c = 0; c < C; c++)
        squares += x[c] * x[c];
    real inverse = 1 / elementary_sqrt(squares / (real)C + EPSILON);
#pragma omp simd
    for (size_t c = 0; c < C; c++)
        x[c] = x[c] * inverse * gain[c];
}

static void add_to(real *restrict sum, const real *restrict x, size_t C)
{
#pragma omp simd
    for (size_t c = 0; c < C; c++)
        sum[c] += x[c];
}

/* ---- contexts ----------------------------------------------------------------------------- */

/* y = base + x W, where base is the bias of all rows. */
static void map_rows(real *y, size_t y_stride, const real *x, size_t n_in, const real *packed,
                     const real *bias, size_t n_rows, size_t n_out)
{
    const struct affine_term term = { .x = x, .x_stride = n_in, .n_in = n_in, .packed = packed };
    affine_rows(y, y_stride, &term, 1, bias, NULL, 0, n_rows, n_out);
}

void stepper_encode(struct stepper *stepper, struct stepper_work *work, const size_t *hosts,
                    const int32_t *host_rows, const real *features, size_t n)
{
    const struct network *network = stepper->network;
    size_t C = stepper->width, J = network->size.context;
    map_rows(work->encoded[0], 2 * J, features, CONTEXT_FEATURES, stepper->context[0],
             network->context_bias[0]->data, n, 2 * J);
    silu(work->encoded[0], n * 2 * J);
    map_rows(work->encoded[1], J, work->encoded[0], 2 * J, stepper->context[1],
             network->context_bias[1]->data, n, J);
    silu(work->encoded[1], n * J);
    for (size_t i = 0; i < n; i++)
        add_to(work->encoded[1] + i * J, network->hosts->data + (size_t)host_rows[i] * J, J);
    /* Layer by layer for all hosts, then to each host's place. */
    for (size_t layer = 0; layer <= stepper->n_blocks; layer++) {
        bool is_enter = layer == 0;
        const struct packed_layer *packed = is_enter ? &stepper->enter
                                                     : &stepper->blocks[layer - 1];
        const struct tensor *bias = is_enter ? network->enter_bias
                                             : network->blocks[layer - 1].bias;
        size_t n_out = is_enter ? C : 2 * C, place = is_enter ? 0 : C + (layer - 1) * 2 * C;
        map_rows(work->z, n_out, work->encoded[1], J, packed->context, bias->data, n, n_out);
        for (size_t i = 0; i < n; i++)
            memcpy(stepper->projections + hosts[i] * stepper->n_projection + place,
                   work->z + i * n_out, n_out * sizeof(real));
    }
}

/* ---- rows --------------------------------------------------------------------------------- */

/* A host's column of a ring, `back` rows before its current one. */
static real *column_of(const struct stepper *stepper, size_t host, const struct ring *ring,
                       size_t back)
{
    size_t place = (size_t)((stepper->n_rows[host] + ring->length - back) % ring->length);
    return stepper->columns + (host * stepper->n_columns + ring->first + place) * stepper->width;
}

static void gather_projection(const struct stepper *stepper, const struct stepper_work *work,
                              size_t place, real *z, size_t n_out)
{
    for (size_t r = 0; r < work->n; r++)
        memcpy(z + r * n_out, stepper->projections + work->hosts[r] * stepper->n_projection + place,
               n_out * sizeof *z);
}

static void gather_columns(const struct stepper *stepper, const struct stepper_work *work,
                           const struct ring *ring, size_t back, real *x)
{
    size_t C = stepper->width;
    for (size_t r = 0; r < work->n; r++)
        memcpy(x + r * C, column_of(stepper, work->hosts[r], ring, back), C * sizeof *x);
}

static void enter(struct stepper *stepper, struct stepper_work *work)
{
    size_t C = stepper->width;
    struct affine_term terms[AFFINE_MAX_TERMS];
    for (size_t k = 0; k < stepper->kernel; k++) { /* row i sees the rows i - 1 - k */
        gather_columns(stepper, work, &stepper->enter_ring, k + 1, work->taps[k]);
        terms[k] = (struct affine_term){
            .x = work->taps[k], .x_stride = C, .n_in = C, .packed = stepper->enter.taps[k]
        };
    }
    gather_projection(stepper, work, 0, work->trunk, C);
    affine_rows(work->trunk, C, terms, stepper->kernel, NULL, work->trunk, C, work->n, C);
}

static void run_block(struct stepper *stepper, struct stepper_work *work, size_t b)
{
    size_t C = stepper->width;
    const struct packed_layer *packed = &stepper->blocks[b];
    const struct ring *ring = &stepper->block_rings[b];
    size_t dilation = stepper->network->blocks[b].dilation;
    struct affine_term terms[AFFINE_MAX_TERMS] = {
        { .x = work->trunk, .x_stride = C, .n_in = C, .packed = packed->taps[0] }
    };
    for (size_t k = 1; k < stepper->kernel; k++) {
        gather_columns(stepper, work, ring, k * dilation, work->taps[k]);
        terms[k] = (struct affine_term){
            .x = work->taps[k], .x_stride = C, .n_in = C, .packed = packed->taps[k]
        };
    }
    for (size_t r = 0; r < work->n; r++) /* takes the place of the oldest one */
        memcpy(column_of(stepper, work->hosts[r], ring, 0), work->trunk + r * C, C * sizeof(real));
    gather_projection(stepper, work, C + b * 2 * C, work->z, 2 * C);
    affine_rows(work->z, 2 * C, terms, stepper->kernel, NULL, work->z, 2 * C, work->n, 2 * C);
    gate(work->gated, work->z, work->n, C);
    const struct affine_term out = {
        .x = work->gated, .x_stride = C, .n_in = C, .packed = packed->out
    };
    affine_rows(work->trunk, C, &out, 1, stepper->network->blocks[b].out_bias->data, work->trunk, C,
                work->n, C);
}

void stepper_begin(struct stepper *stepper, struct stepper_work *work, const size_t *hosts,
                   size_t n)
{
    size_t C = stepper->width;
    if (n > STEPPER_HOSTS)
        BUG("%zu hosts at once", n);
    work->n = n;
    memcpy(work->hosts, hosts, n * sizeof *hosts);
    enter(stepper, work);
    for (size_t b = 0; b < stepper->n_blocks; b++)
        run_block(stepper, work, b);
    for (size_t r = 0; r < n; r++)
        rms_norm_row(work->trunk + r * C, stepper->network->trunk_gain->data, C);
    memset(work->sums, 0, n * C * sizeof *work->sums);
}

void stepper_fetch(const struct stepper *stepper, const int32_t *index, size_t n)
{
    size_t C = stepper->width, line = 64 / sizeof(real);
    for (size_t f = 0; f < n; f++) {
        if (index[f] == FEATURE_NONE)
            continue;
        const real *embedding = stepper->network->embeddings->data + (size_t)index[f] * C;
        for (size_t c = 0; c < C; c += line)
            __builtin_prefetch(embedding + c);
    }
}

void stepper_add(const struct stepper *stepper, struct stepper_work *work, size_t row,
                 const int32_t *index, size_t n)
{
    size_t C = stepper->width, n_there = 0;
    const real *embeddings[FEATURES_MAX];
    real *sum = work->sums + row * C;
    for (size_t f = 0; f < n; f++)
        if (index[f] != FEATURE_NONE)
            embeddings[n_there++] = stepper->network->embeddings->data + (size_t)index[f] * C;
    if (n_there == 0)
        return;
    size_t c = 0;
    for (; c + CHANNELS <= C; c += CHANNELS) { /* some channels of all features, in registers */
        real here[CHANNELS];
        memcpy(here, sum + c, sizeof here);
        for (size_t f = 0; f < n_there; f++)
#pragma omp simd
            for (size_t i = 0; i < CHANNELS; i++)
                here[i] += embeddings[f][c + i];
        memcpy(sum + c, here, sizeof here);
    }
    for (size_t f = 0; c < C && f < n_there; f++)
        for (size_t i = c; i < C; i++)
            sum[i] += embeddings[f][i];
}

real *stepper_head(const struct stepper *stepper, struct stepper_work *work, enum head h,
                   const size_t *rows, size_t n, size_t *stride)
{
    size_t C = stepper->width;
    const struct packed_head *head = &stepper->heads[h];
    if (n > STEPPER_HEAD_ROWS)
        BUG("a head of %zu rows", n);
    const real *trunk = work->trunk, *sums = work->sums;
    if (n < work->n) { /* put together */
        for (size_t i = 0; i < n; i++) {
            memcpy(work->head_trunk + i * C, trunk + rows[i] * C, C * sizeof *trunk);
            memcpy(work->head_sums + i * C, sums + rows[i] * C, C * sizeof *sums);
        }
        trunk = work->head_trunk;
        sums = work->head_sums;
    }
    const struct affine_term terms[] = {
        { .x = trunk, .x_stride = C, .n_in = C, .packed = head->trunk },
        { .x = sums, .x_stride = C, .n_in = C, .packed = head->stage },
    };
    affine_rows(work->hidden, head->hidden, terms, 2, head->bias, NULL, 0, n, head->hidden);
    silu(work->hidden, n * head->hidden);
    map_rows(work->outputs, head->n_outputs, work->hidden, head->hidden, head->out, head->out_bias,
             n, head->n_outputs);
    *stride = head->n_outputs;
    return work->outputs;
}

void stepper_end(struct stepper *stepper, struct stepper_work *work)
{
    size_t C = stepper->width;
    for (size_t r = 0; r < work->n; r++) {
        size_t host = work->hosts[r];
        memcpy(column_of(stepper, host, &stepper->enter_ring, 0), work->sums + r * C,
               C * sizeof(real));
        stepper->n_rows[host]++;
    }
    work->n = 0;
}
