#include "nn/tensor.h"

#include <stdio.h>

size_t shape_size(const struct shape *shape)
{
    return shape_rows(shape) * shape_channels(shape);
}

size_t shape_channels(const struct shape *shape)
{
    return shape->n_dims > 0 ? shape->dims[shape->n_dims - 1] : 1;
}

size_t shape_rows(const struct shape *shape)
{
    size_t rows = 1;
    for (size_t i = 0; i + 1 < shape->n_dims; i++)
        rows *= shape->dims[i];
    return rows;
}

bool shape_equal(const struct shape *a, const struct shape *b)
{
    if (a->n_dims != b->n_dims)
        return false;
    for (size_t i = 0; i < a->n_dims; i++)
        if (a->dims[i] != b->dims[i])
            return false;
    return true;
}

size_t tensor_size(const struct tensor *x)
{
    return shape_size(&x->shape);
}

size_t tensor_channels(const struct tensor *x)
{
    return shape_channels(&x->shape);
}

size_t tensor_rows(const struct tensor *x)
{
    return shape_rows(&x->shape);
}

const char *shape_text(const struct shape *shape)
{
    static _Thread_local char texts[8][80];
    static _Thread_local unsigned next;
    char *text = texts[next++ % 8];
    const size_t *d = shape->dims;
    switch (shape->n_dims) {
    case 0:
        snprintf(text, sizeof texts[0], "[]");
        break;
    case 1:
        snprintf(text, sizeof texts[0], "[%zu]", d[0]);
        break;
    case 2:
        snprintf(text, sizeof texts[0], "[%zu,%zu]", d[0], d[1]);
        break;
    default:
        snprintf(text, sizeof texts[0], "[%zu,%zu,%zu]", d[0], d[1], d[2]);
        break;
    }
    return text;
}
