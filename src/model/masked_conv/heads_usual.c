#include "base/error.h"
#include "model/masked_conv/heads_internal.h"

static enum usual_values_of usual_of(const struct heads *heads, enum head head, size_t i)
{
    return (enum usual_values_of)(heads->first_usual[head] + i);
}

/* ---- the values of a route ---------------------------------------------------------------- */

struct usual_walk {
    const struct heads *heads;
    enum head head;
    const struct range *range;
    bool is_near;
    const struct usual_value *value, *end;
    int64_t own; /* the row's own value, where it is among the flows; or -1 */
};

static struct usual_walk walk_of(const struct heads *heads, enum head head,
                                 const struct row_context *context, size_t i,
                                 const struct range *range)
{
    enum usual_values_of of = usual_of(heads, head, i);
    struct usual_walk walk = { heads, head, range, usual_values_infos[of].is_near, NULL, NULL, -1 };
    const struct usual_kind *kind = row_context_usual(context, of);
    if (kind == NULL)
        return walk;
    walk.value = context->usual->values + kind->first;
    walk.end = walk.value + kind->n;
    if (context->is_usual_own)
        walk.own = usual_value_of(context->row, of, heads->vocabulary->duration_grid);
    return walk;
}

/* The next one that the row may have, as a range, and how many other flows had it; 0 at the end. */
static uint32_t next_value(struct usual_walk *walk, struct range *values)
{
    while (walk->value < walk->end) {
        const struct usual_value *value = walk->value++;
        uint32_t n = value->n - (value->value == walk->own);
        *values = (struct range){ value->value, value->value };
        if (walk->is_near)
            *values = head_bin(walk->heads, walk->head, walk->range, value->value);
        else if (!range_holds(walk->range, value->value))
            continue;
        if (n > 0 && values->lowest <= values->highest)
            return n;
    }
    return 0;
}

/* ---- routes ------------------------------------------------------------------------------- */

bool head_has_usual(const struct heads *heads, enum head head, const struct row_context *context,
                    size_t i, const struct range *range)
{
    struct usual_walk walk = walk_of(heads, head, context, i, range);
    struct range values;
    return next_value(&walk, &values) > 0;
}

double head_usual_share(const struct heads *heads, enum head head,
                        const struct row_context *context, size_t i, const struct range *range,
                        int64_t value)
{
    struct usual_walk walk = walk_of(heads, head, context, i, range);
    struct range values;
    uint64_t n_all = 0;
    double share = 0.0;
    if (walk.is_near && value % head_step(heads, head) != 0)
        return 0.0;
    for (uint32_t n; (n = next_value(&walk, &values)) > 0; n_all += n)
        if (range_holds(&values, value))
            share = (double)n / (double)head_n_of_range(heads, head, &values);
    return share > 0.0 ? share / (double)n_all : 0.0;
}

int64_t head_draw_usual(const struct heads *heads, enum head head,
                        const struct row_context *context, size_t i, const struct range *range,
                        struct rng *rng)
{
    struct usual_walk walk = walk_of(heads, head, context, i, range), counting = walk;
    struct range values;
    uint64_t n_all = 0;
    for (uint32_t n; (n = next_value(&counting, &values)) > 0;)
        n_all += n;
    if (n_all == 0)
        BUG("a route of %s to nothing usual", head_infos[head].name);
    uint64_t left = rng_below(rng, n_all);
    for (uint32_t n; left >= (n = next_value(&walk, &values));)
        left -= n;
    return head_draw_of_range(heads, head, &values, rng);
}
