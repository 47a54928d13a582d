#include "model/masked_conv/file_order.h"

/* Of two numbers up to 99999 as text: by digits from the first on, shorter ones first. */
static int compare_as_text(int64_t a, int64_t b)
{
    int64_t x = a, y = b;
    while (x != 0 && x < 10000)
        x *= 10;
    while (y != 0 && y < 10000)
        y *= 10;
    if (x == y)
        return (a > b) - (a < b);
    return x < y ? -1 : 1;
}

static int compare_addresses(uint32_t a, uint32_t b)
{
    int shift = 24;
    while (shift > 0 && a >> shift == b >> shift)
        shift -= 8;
    return compare_as_text(a >> shift & 255, b >> shift & 255);
}

static uint32_t source_of(uint32_t host, const struct row *row)
{
    return row->value[ATTRIBUTE_DIRECTION] == DIRECTION_OUT
               ? host
               : (uint32_t)row->value[ATTRIBUTE_REMOTE];
}

static uint32_t destination_of(uint32_t host, const struct row *row)
{
    return row->value[ATTRIBUTE_DIRECTION] == DIRECTION_OUT ? (uint32_t)row->value[ATTRIBUTE_REMOTE]
                                                            : host;
}

int file_order_of_addresses(uint32_t host, const struct row *a, const struct row *b)
{
    int order = compare_addresses(source_of(host, a), source_of(host, b));
    return order != 0 ? order : compare_addresses(destination_of(host, a), destination_of(host, b));
}

int file_order(uint32_t host, const struct row *a, const struct row *b)
{
    int order = file_order_of_addresses(host, a, b);
    if (order != 0)
        return order;
    /* Source and destination are the same, and so is the direction. */
    bool is_out = a->value[ATTRIBUTE_DIRECTION] == DIRECTION_OUT;
    enum attribute source = is_out ? ATTRIBUTE_LOCAL_PORT : ATTRIBUTE_REMOTE_PORT;
    enum attribute destination = is_out ? ATTRIBUTE_REMOTE_PORT : ATTRIBUTE_LOCAL_PORT;
    order = compare_as_text(a->value[source], b->value[source]);
    return order != 0 ? order : compare_as_text(a->value[destination], b->value[destination]);
}
