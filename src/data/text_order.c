#include "data/text_order.h"

/* Of the pairs of neighbours in one second, so many may stand otherwise. */
#define DISORDER_MAX 0.01

/* Two numbers as text: digit by digit from the first on, and shorter ones first. */
static int compare_numbers(uint32_t a, uint32_t b)
{
    uint64_t x = a, y = b;
    while (x != 0 && x < UINT64_C(10000000000))
        x *= 10;
    while (y != 0 && y < UINT64_C(10000000000))
        y *= 10;
    if (x == y)
        return (a > b) - (a < b);
    return x < y ? -1 : 1;
}

/* Octet by octet: the dots between them come before all digits. */
static int compare_addresses(uint32_t a, uint32_t b)
{
    int shift = 24;
    while (shift > 0 && a >> shift == b >> shift)
        shift -= 8;
    return compare_numbers(a >> shift & 255, b >> shift & 255);
}

/* Seconds with three decimals. */
static int compare_durations(uint32_t a, uint32_t b)
{
    int order = compare_numbers(a / 1000, b / 1000);
    return order != 0 ? order : (a > b) - (a < b);
}

int text_order(const struct flow *a, const struct flow *b)
{
    int order = compare_durations(a->duration, b->duration);
    if (order == 0)
        order = compare_addresses(a->source, b->source);
    if (order == 0)
        order = compare_addresses(a->destination, b->destination);
    if (order == 0)
        order = compare_numbers(a->source_port, b->source_port);
    return order != 0 ? order : compare_numbers(a->destination_port, b->destination_port);
}

bool text_order_is_kept(const struct sequence_set *set)
{
    size_t n = 0, n_out_of_order = 0;
    for (size_t s = 0; s < set->n; s++) {
        const struct sequence *sequence = &set->items[s];
        struct flow before, flow;
        for (size_t i = 0; i < sequence->n_rows; i++, before = flow) {
            coding_decode(&flow, &sequence->rows[i], sequence->host, 0);
            if (i == 0 || sequence->rows[i].value[ATTRIBUTE_GAP] > 0)
                continue;
            n++;
            n_out_of_order += text_order(&before, &flow) > 0;
        }
    }
    return (double)n_out_of_order <= DISORDER_MAX * (double)n;
}
