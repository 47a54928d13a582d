#include "nn/tape.h"

#include "base/memory.h"
#include "base/progress.h"
#include "base/threads.h"
#include "nn/op.h"

#include <math.h>
#include <omp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

/* A gradient that is used up; the note stands in its own memory. */
struct free_grad {
    struct free_grad *next;
    size_t size;
};

struct tape {
    struct arena *step;
    struct arena *work;
    struct arena **scratch; /* one for each thread */
    int n_scratch;
    enum tape_mode mode;
    struct op_node *last;
    struct free_grad *free_grads;
    struct error failure;
    double *seconds; /* of each part, or NULL */
    size_t part;
};

const struct op_def *const op_registry[OP_COUNT] = {
#define OP(KIND, name) [OP_##KIND] = &op_##name,
#include "nn/ops/op_list.h"
#undef OP
};

/* ---- lifetime ----------------------------------------------------------------------------- */

struct tape *tape_create(void)
{
    struct tape *tape = memory_zalloc(1, sizeof *tape);
    tape->step = arena_create(1 << 16);
    tape->work = arena_create(1 << 16);
    tape_reset(tape, TAPE_INFER);
    return tape;
}

void tape_free(struct tape *tape)
{
    if (tape == NULL)
        return;
    for (int i = 0; i < tape->n_scratch; i++)
        arena_free(tape->scratch[i]);
    free(tape->scratch);
    arena_free(tape->work);
    arena_free(tape->step);
    free(tape);
}

void tape_reset(struct tape *tape, enum tape_mode mode)
{
    arena_reset(tape->step);
    tape->mode = mode;
    tape->last = NULL;
    tape->part = 0;
    tape->free_grads = NULL;
    tape->failure.code = STATUS_OK;
    int n_threads = threads_count();
    if (n_threads > tape->n_scratch) {
        tape->scratch = memory_resize(tape->scratch, (size_t)n_threads, sizeof(struct arena *));
        while (tape->n_scratch < n_threads)
            tape->scratch[tape->n_scratch++] = arena_create(1 << 16);
    }
}

enum status tape_status(const struct tape *tape, struct error *err)
{
    if (tape->failure.code != STATUS_OK && err != NULL)
        *err = tape->failure;
    return tape->failure.code;
}

size_t tape_peak(const struct tape *tape)
{
    size_t peak = arena_peak(tape->step) + arena_peak(tape->work);
    for (int i = 0; i < tape->n_scratch; i++)
        peak += arena_peak(tape->scratch[i]);
    return peak;
}

void tape_measure(struct tape *tape, double *seconds)
{
    tape->seconds = seconds;
}

void tape_part(struct tape *tape, size_t part)
{
    tape->part = part;
}

/* ---- tensors ------------------------------------------------------------------------------ */

static struct tensor *new_tensor(struct tape *tape, struct shape shape)
{
    struct tensor *x = arena_zalloc(tape->step, 1, sizeof *x);
    x->shape = shape;
    return x;
}

struct tensor *tape_input(struct tape *tape, struct shape shape, const real *data)
{
    struct tensor *x = new_tensor(tape, shape);
    /* No operation writes to its inputs' data. */
    union {
        const real *borrowed;
        real *data;
    } memory = { .borrowed = data };
    x->data = memory.data;
    return x;
}

struct tensor *tape_buffer(struct tape *tape, struct shape shape)
{
    struct tensor *x = new_tensor(tape, shape);
    x->data = arena_alloc(tape->step, shape_size(&shape), sizeof *x->data);
    return x;
}

/* ---- operations --------------------------------------------------------------------------- */

static enum status check_inputs(const struct op_node *node, struct error *err)
{
    const struct op_def *def = node->def;
    for (size_t i = 0; i < def->n_inputs; i++) {
        const struct tensor *x = node->inputs[i];
        RETURN_IF(x == NULL && i + def->n_optional < def->n_inputs, err, STATUS_RANGE,
                  "input %zu is missing", i);
    }
    return STATUS_OK;
}

static void run(struct op_node *node, void (*work)(struct op_node *node))
{
    double *seconds = node->tape->seconds;
    double started = seconds != NULL ? progress_clock() : 0.0;
    work(node);
    if (seconds != NULL)
        seconds[node->part] += progress_clock() - started;
}

struct tensor *tape_apply(struct tape *tape, enum op_kind kind, struct tensor *const *inputs,
                          const void *params)
{
    if (tape->failure.code != STATUS_OK)
        return NULL;
    const struct op_def *def = op_registry[kind];
    struct op_node *node = arena_zalloc(tape->step, 1, sizeof *node);
    node->def = def;
    node->tape = tape;
    node->part = tape->part;
    memcpy(node->inputs, inputs, def->n_inputs * sizeof(struct tensor *));
    if (def->params_size > 0) {
        void *copy = arena_alloc(tape->step, def->params_size, 1);
        node->params = memcpy(copy, params, def->params_size);
    }
    struct shape shape;
    if (check_inputs(node, &tape->failure) != STATUS_OK ||
        def->infer_shape(node, &shape, &tape->failure) != STATUS_OK) {
        error_prefix(&tape->failure, "%s: ", def->name);
        return NULL;
    }
    struct tensor *y = new_tensor(tape, shape);
    y->data = def->is_view ? node->inputs[0]->data
                           : arena_alloc(tape->step, shape_size(&shape), sizeof *y->data);
    node->output = y;
    if (op_wants_any(node)) {
        y->producer = node;
        y->needs_grad = true;
        node->previous = tape->last;
        tape->last = node;
    }
    run(node, def->forward);
    return y;
}

bool tape_trains(const struct tape *tape)
{
    return tape->mode == TAPE_TRAIN;
}

bool op_wants(const struct op_node *node, size_t i)
{
    return node->inputs[i] != NULL && node->inputs[i]->needs_grad;
}

bool op_wants_any(const struct op_node *node)
{
    if (node->tape->mode != TAPE_TRAIN || node->def->backward == NULL)
        return false;
    for (size_t i = 0; i < node->def->n_inputs; i++)
        if (op_wants(node, i))
            return true;
    return false;
}

void *op_save(struct op_node *node, size_t count, size_t size)
{
    return node->saved = arena_alloc(node->tape->step, count, size);
}

struct arena *tape_work(struct tape *tape)
{
    arena_reset(tape->work);
    return tape->work;
}

struct arena *tape_scratch(struct tape *tape)
{
    struct arena *scratch = tape->scratch[omp_get_thread_num()];
    arena_reset(scratch);
    return scratch;
}

/* ---- gradients ---------------------------------------------------------------------------- */

static real *take_grad(struct tape *tape, size_t size)
{
    for (struct free_grad **link = &tape->free_grads; *link != NULL; link = &(*link)->next) {
        struct free_grad *found = *link;
        if (found->size == size) {
            *link = found->next;
            return (real *)(void *)found;
        }
    }
    size_t bytes = memory_product(size, sizeof(real));
    size_t least = sizeof(struct free_grad);
    return arena_alloc(tape->step, bytes > least ? bytes : least, 1);
}

static void give_grad_back(struct tape *tape, struct tensor *x)
{
    struct free_grad *note = (struct free_grad *)(void *)x->grad;
    note->size = tensor_size(x);
    note->next = tape->free_grads;
    tape->free_grads = note;
    x->grad = NULL;
}

real *grad_write(struct tape *tape, struct tensor *x, bool *add)
{
    *add = x->grad != NULL;
    if (x->grad == NULL)
        x->grad = take_grad(tape, tensor_size(x));
    return x->grad;
}

real *grad_add(struct tape *tape, struct tensor *x)
{
    bool add;
    real *grad = grad_write(tape, x, &add);
    if (!add)
        memset(grad, 0, tensor_size(x) * sizeof *grad);
    return grad;
}

void grad_take(struct tape *tape, struct tensor *x, real *grad)
{
    size_t n = tensor_size(x);
    if (x->grad == NULL && n * sizeof(real) >= sizeof(struct free_grad)) {
        x->grad = grad;
        return;
    }
    real *dx = grad_add(tape, x);
#pragma omp parallel for schedule(static) if (OP_MANY(n))
    for (size_t j = 0; j < n; j++)
        dx[j] += grad[j];
}

void grad_pass(struct op_node *node, size_t i)
{
    struct tensor *y = node->output;
    grad_take(node->tape, node->inputs[i], y->grad);
    if (node->inputs[i]->grad == y->grad)
        y->grad = NULL;
}

void tape_hold_grad(struct tape *tape, struct tensor *x)
{
    if (tape->failure.code == STATUS_OK && x->needs_grad)
        grad_add(tape, x);
}

void tape_backward_held(struct tape *tape)
{
    if (tape->failure.code != STATUS_OK)
        return;
    for (struct op_node *node = tape->last; node != NULL; node = node->previous) {
        if (node->output->grad == NULL)
            continue; /* nothing that the loss depends on */
        run(node, node->def->backward);
        if (node->output->grad != NULL)
            give_grad_back(tape, node->output);
    }
}

void tape_backward_from(struct tape *tape, struct tensor *y, const real *dy)
{
    if (tape->failure.code != STATUS_OK || !y->needs_grad)
        return;
    bool adds;
    real *start = grad_write(tape, y, &adds);
    size_t n = tensor_size(y);
#pragma omp parallel for schedule(static) if (OP_MANY(n))
    for (size_t i = 0; i < n; i++)
        start[i] = adds ? start[i] + dy[i] : dy[i];
    tape_backward_held(tape);
}

void tape_backward(struct tape *tape, struct tensor *loss)
{
    if (tape->failure.code != STATUS_OK)
        return;
    if (tensor_size(loss) != 1)
        BUG("the loss is %s, not a number", shape_text(&loss->shape));
    tape_backward_from(tape, loss, &(const real){ 1 });
}

enum status tape_check_finite(const struct tape *tape, struct error *err)
{
    /* The list runs backwards, so the last one found is the first that was computed. */
    const struct op_node *first = NULL;
    for (const struct op_node *node = tape->last; node != NULL; node = node->previous) {
        const struct tensor *y = node->output;
        for (size_t i = 0; i < tensor_size(y); i++) {
            if (!isfinite(y->data[i])) {
                first = node;
                break;
            }
        }
    }
    if (first == NULL)
        return STATUS_OK;
    const char *parameter = "";
    for (size_t i = 0; i < first->def->n_inputs; i++)
        if (first->inputs[i] != NULL && first->inputs[i]->name != NULL)
            parameter = first->inputs[i]->name;
    return error_set(err, STATUS_NUMERIC, "%s%s%s%s gave inf or nan (result %s)", first->def->name,
                     *parameter != '\0' ? " (" : "", parameter, *parameter != '\0' ? ")" : "",
                     shape_text(&first->output->shape));
}
