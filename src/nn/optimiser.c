#include "nn/optimiser.h"

#include "base/arena.h"
#include "base/memory.h"
#include "nn/elementary.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* Parameters are cut into pieces of this many weights, whatever the number of threads. */
#define PIECE 4096

struct optimiser {
    struct params *params;
    struct optimiser_options options;
    struct optimiser_state state;
    struct arena *arena;
    bool *decays;    /* of each line of 64 bytes, which belongs to one parameter */
    double *squares; /* of each piece's gradients */
};

#define LINE (ARENA_ALIGNMENT / sizeof(real))

struct optimiser *optimiser_create(struct params *params, const struct optimiser_options *options)
{
    struct optimiser *optimiser = memory_zalloc(1, sizeof *optimiser);
    optimiser->params = params;
    optimiser->options = *options;
    optimiser->arena = arena_create(2 * params->size * sizeof(real));
    optimiser->state.first = arena_zalloc(optimiser->arena, params->size, sizeof(real));
    optimiser->state.second = arena_zalloc(optimiser->arena, params->size, sizeof(real));
    optimiser->squares = arena_zalloc(optimiser->arena, params->size / PIECE + 1, sizeof(double));
    optimiser->decays = arena_zalloc(optimiser->arena, params->size / LINE, sizeof(bool));
    for (size_t i = 0; i < params->n; i++) {
        const struct parameter *parameter = &params->table[i];
        size_t end = i + 1 < params->n ? parameter[1].offset : params->size;
        for (size_t line = parameter->offset / LINE; line < end / LINE; line++)
            optimiser->decays[line] = parameter->tensor->shape.n_dims >= 2;
    }
    return optimiser;
}

void optimiser_free(struct optimiser *optimiser)
{
    if (optimiser == NULL)
        return;
    arena_free(optimiser->arena);
    free(optimiser);
}

void optimiser_set_end(struct optimiser *optimiser, size_t n_steps)
{
    optimiser->options.n_steps = n_steps;
}

struct optimiser_state *optimiser_state(struct optimiser *optimiser)
{
    return &optimiser->state;
}

double optimiser_rate(const struct optimiser_options *options, size_t step)
{
    if (step < options->n_warm_up)
        return options->rate * (double)(step + 1) / (double)options->n_warm_up;
    if (options->n_steps <= options->n_warm_up)
        return options->rate;
    double done = (double)(step - options->n_warm_up) /
                  (double)(options->n_steps - options->n_warm_up);
    double cosine = 0.5 + 0.5 * cos(acos(-1.0) * fmin(done, 1.0));
    return options->rate * (options->final_share + (1.0 - options->final_share) * cosine);
}

static double gradient_norm(struct optimiser *optimiser)
{
    const struct params *params = optimiser->params;
    size_t n_pieces = (params->size + PIECE - 1) / PIECE;
#pragma omp parallel for schedule(static)
    for (size_t piece = 0; piece < n_pieces; piece++) {
        size_t end = (piece + 1) * PIECE < params->size ? (piece + 1) * PIECE : params->size;
        double lanes[LINE] = { 0 };
        for (size_t i = piece * PIECE; i < end; i += LINE)
            for (size_t lane = 0; lane < LINE; lane++) {
                double g = (double)params->grads[i + lane];
                lanes[lane] += g * g;
            }
        optimiser->squares[piece] = 0.0;
        for (size_t lane = 0; lane < LINE; lane++)
            optimiser->squares[piece] += lanes[lane];
    }
    double sum = 0.0;
    for (size_t piece = 0; piece < n_pieces; piece++)
        sum += optimiser->squares[piece];
    return sqrt(sum);
}

enum status optimiser_step(struct optimiser *optimiser, double *norm, struct error *err)
{
    const struct optimiser_options *options = &optimiser->options;
    struct optimiser_state *state = &optimiser->state;
    double length = gradient_norm(optimiser);
    if (norm != NULL)
        *norm = length;
    RETURN_IF(!isfinite(length), err, STATUS_NUMERIC, "step %zu: the gradient's norm is %g",
              state->n_steps_done, length);

    double rate = optimiser_rate(options, state->n_steps_done);
    double t = (double)++state->n_steps_done;
    bool clips = options->clip_norm > 0.0 && length > options->clip_norm;
    const real scale = (real)(clips ? options->clip_norm / length : 1.0);
    const real b1 = (real)options->beta1, b2 = (real)options->beta2;
    const real rest1 = (real)(1.0 - options->beta1), rest2 = (real)(1.0 - options->beta2);
    const real step = (real)(rate / (1.0 - pow(options->beta1, t)));
    const real unbias = (real)(1.0 / sqrt(1.0 - pow(options->beta2, t)));
    const real epsilon = (real)options->epsilon;
    const real decay = (real)(rate * options->decay);

    struct params *params = optimiser->params;
    size_t n_lines = params->size / LINE;
#pragma omp parallel for schedule(static)
    for (size_t line = 0; line < n_lines; line++) {
        real *w = params->values + line * LINE, *g = params->grads + line * LINE;
        real *m = state->first + line * LINE, *v = state->second + line * LINE;
        real keep = optimiser->decays[line] ? 1 - decay : 1;
#pragma omp simd
        for (size_t i = 0; i < LINE; i++) {
            real g_i = scale * g[i];
            m[i] = b1 * m[i] + rest1 * g_i;
            v[i] = b2 * v[i] + rest2 * g_i * g_i;
            w[i] = keep * w[i] - step * m[i] / (elementary_sqrt(v[i]) * unbias + epsilon);
            g[i] = 0;
        }
    }
    return STATUS_OK;
}
