#include "data/sequence.h"

#include "base/memory.h"
#include "data/calendar.h"

#include <stdlib.h>
#include <string.h>

/* Of a host's flows, in time order, how many end before a moment. */
static size_t count_before(const struct flow *flows, size_t n, int64_t moment)
{
    size_t low = 0, high = n;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (flows[middle].end < moment)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

/* How the dataset's label numbers read in `labels`. What the list lacks becomes LABELS_MAX. */
static void map_labels(uint8_t map[LABELS_MAX], const struct label_list *from,
                       const struct label_list *to)
{
    for (size_t i = 0; i < from->n; i++) {
        int index = label_list_find(to, from->names[i], strlen(from->names[i]));
        map[i] = index >= 0 ? (uint8_t)index : LABELS_MAX;
    }
}

/* The labels that the chosen rows have, in the dataset's order. */
static struct label_list labels_of_rows(const struct dataset *data, const struct host *const *hosts,
                                        const struct sequence_set *set)
{
    bool is_used[LABELS_MAX + 1] = { false };
    for (size_t s = 0; s < set->n; s++)
        for (size_t i = 0; i < set->items[s].n_rows; i++)
            is_used[data->flows[hosts[s]->first + i].label] = true;
    struct label_list labels = { 0 };
    for (size_t i = 0; i < data->labels.n; i++)
        if (is_used[i])
            label_list_add(&labels, data->labels.names[i], strlen(data->labels.names[i]));
    return labels;
}

static void encode_host(struct row *rows, const struct dataset *data, const struct host *host,
                        size_t n_rows, const uint8_t label_map[LABELS_MAX])
{
    int64_t clock = data->start / MS_PER_SECOND;
    for (size_t i = 0; i < n_rows; i++) {
        const struct flow *flow = &data->flows[host->first + i];
        coding_encode(&rows[i], flow, host->address, clock);
        rows[i].value[ATTRIBUTE_LABEL] = label_map[flow->label];
        clock += rows[i].value[ATTRIBUTE_GAP];
    }
}

struct sequence_set *sequence_set_create(const struct dataset *data, const struct row_range *ranges,
                                         const struct label_list *labels)
{
    const struct row_range everything = { INT64_MIN, INT64_MAX };
    struct sequence_set *set = memory_zalloc(1, sizeof *set);
    set->items = memory_alloc(data->n_hosts, sizeof *set->items);
    set->attributes = data->attributes;
    set->monitored = address_set_copy(&data->monitored);
    set->start = data->start / MS_PER_SECOND;
    set->end = data->end / MS_PER_SECOND;

    const struct host **hosts = memory_alloc(data->n_hosts, sizeof(struct host *));
    for (size_t h = 0; h < data->n_hosts; h++) {
        const struct host *host = &data->hosts[h];
        const struct flow *flows = data->flows + host->first;
        struct row_range range = ranges != NULL ? ranges[h] : everything;
        size_t n_rows = count_before(flows, host->n_flows, range.until);
        size_t first_scored = count_before(flows, host->n_flows, range.from);
        if (n_rows <= first_scored)
            continue;
        hosts[set->n] = host;
        set->items[set->n++] = (struct sequence){
            .host = host->address,
            .start = set->start,
            .n_rows = n_rows,
            .first_scored = first_scored,
        };
        set->n_rows += n_rows;
        set->n_scored += n_rows - first_scored;
    }

    set->labels = labels != NULL ? label_list_copy(labels) : labels_of_rows(data, hosts, set);
    uint8_t label_map[LABELS_MAX];
    map_labels(label_map, &data->labels, &set->labels);
    struct row *rows = set->rows = memory_alloc(set->n_rows, sizeof *set->rows);
    for (size_t s = 0; s < set->n; s++) {
        encode_host(rows, data, hosts[s], set->items[s].n_rows, label_map);
        set->items[s].rows = rows;
        rows += set->items[s].n_rows;
    }
    free(hosts);
    return set;
}

void sequence_set_free(struct sequence_set *set)
{
    if (set == NULL)
        return;
    free(set->items);
    free(set->rows);
    label_list_release(&set->labels);
    address_set_release(&set->monitored);
    free(set);
}
