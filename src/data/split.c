#include "data/split.h"

#include "base/memory.h"

#include <stdlib.h>
#include <string.h>

static const char *const split_names[] = { "none", "host", "time", "both", NULL };
static const char *const type_names[] = { "both", "sends", "receives", "internal", "any", NULL };

const char *const split_part_names[] = { "unseen",  "unseen-hosts", "unseen-time",
                                         "trained", "all",          NULL };

#define AT(field) offsetof(struct split_settings, field)
const struct option split_options[] = {
    { "split", 0, OPTION_CHOICE, AT(kind), "none", .choices = split_names, .argument = "KIND",
      .help = "what is kept from training, to test with" },
    { "test-every", 0, OPTION_INT, AT(every), "4", .minimum = 2, .maximum = 1e6, .argument = "N",
      .needs = "split=host|split=both",
      .help = "by host: the first and every N-th after it, by address" },
    { "test-type", 0, OPTION_CHOICE, AT(type), "both", .choices = type_names, .argument = "TYPE",
      .needs = "split=host|split=both", .help = "by host: of the hosts of this type" },
    { "train-share", 0, OPTION_REAL, AT(train_share), "0.75", .minimum = 0.01, .maximum = 0.99,
      .argument = "SHARE", .needs = "split=time|split=both",
      .help = "by time: the part of the flows, in time, that is trained on" },
    { "train-every", 0, OPTION_INT, AT(train_every), "1", .minimum = 1, .maximum = 1e6,
      .argument = "N", .help = "of the hosts that are not kept, train on each N-th only" },
};
const size_t n_split_options = ARRAY_LEN(split_options);

void training_record_release(struct training_record *record)
{
    free(record->hosts);
    *record = (struct training_record){ 0 };
}

struct training_record training_record_union(const struct training_record *a,
                                             const struct training_record *b)
{
    struct training_record both = {
        .hosts = memory_alloc(a->n_hosts + b->n_hosts, sizeof *both.hosts),
        .from = a->from < b->from ? a->from : b->from,
        .until = a->until > b->until ? a->until : b->until,
    };
    for (size_t i = 0, j = 0; i < a->n_hosts || j < b->n_hosts;) {
        bool is_of_a = j == b->n_hosts || (i < a->n_hosts && a->hosts[i] <= b->hosts[j]);
        uint32_t host = is_of_a ? a->hosts[i] : b->hosts[j];
        both.hosts[both.n_hosts++] = host;
        i += i < a->n_hosts && a->hosts[i] == host;
        j += j < b->n_hosts && b->hosts[j] == host;
    }
    return both;
}

bool training_record_has(const struct training_record *record, uint32_t address)
{
    size_t place;
    return address_list_find(record->hosts, record->n_hosts, address, &place);
}

static int compare_times(const void *a, const void *b)
{
    int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;
    return (x > y) - (x < y);
}

/* The end time before which that share of all flows lies. */
static int64_t time_of_share(const struct dataset *data, double share)
{
    int64_t *ends = memory_alloc(data->n_flows, sizeof *ends);
    for (size_t i = 0; i < data->n_flows; i++)
        ends[i] = data->flows[i].end;
    qsort(ends, data->n_flows, sizeof *ends, compare_times);
    int64_t moment = ends[(size_t)(share * (double)data->n_flows)];
    free(ends);
    return moment;
}

enum status split_training_set(const struct dataset *data, const struct split_settings *settings,
                               struct sequence_set **set, struct training_record *record,
                               struct error *err)
{
    bool by_host = settings->kind == SPLIT_HOST || settings->kind == SPLIT_BOTH;
    bool by_time = settings->kind == SPLIT_TIME || settings->kind == SPLIT_BOTH;
    *record = (struct training_record){
        .hosts = memory_alloc(data->n_hosts, sizeof *record->hosts),
        .from = data->start,
        .until = by_time ? time_of_share(data, settings->train_share) : data->end,
    };
    struct row_range *ranges = memory_zalloc(data->n_hosts, sizeof *ranges);
    int64_t n_of_type = 0, n_left = 0;
    for (size_t h = 0; h < data->n_hosts; h++) {
        const struct host *host = &data->hosts[h];
        bool is_candidate = settings->type == N_HOST_TYPES || (int)host->type == settings->type;
        if (by_host && is_candidate && n_of_type++ % settings->every == 0)
            continue;
        if (n_left++ % settings->train_every != 0)
            continue;
        ranges[h] = (struct row_range){ record->from, record->until };
    }
    *set = sequence_set_create(data, ranges, NULL);
    free(ranges);
    for (size_t s = 0; s < (*set)->n; s++)
        record->hosts[record->n_hosts++] = (*set)->items[s].host;
    if ((*set)->n_scored > 0)
        return STATUS_OK;
    sequence_set_free(*set);
    *set = NULL;
    training_record_release(record);
    return error_set(err, STATUS_RANGE, "%s: the split leaves no flow to train on", data->source);
}

enum status split_part_set(const struct dataset *data, const struct training_record *record,
                           enum split_part part, const struct label_list *labels,
                           struct sequence_set **set, struct error *err)
{
    const struct row_range nothing = { 0, 0 }, everything = { INT64_MIN, INT64_MAX };
    /* A training host's other flows: those after the training period, or before it where the
     * dataset has no later ones (scored rows are one range). */
    bool is_earlier = data->end <= record->from;
    struct row_range trained = { record->from, record->until };
    struct row_range untrained = is_earlier ? everything
                                            : (struct row_range){ record->until, INT64_MAX };
    struct row_range *ranges = memory_zalloc(data->n_hosts, sizeof *ranges);
    for (size_t h = 0; h < data->n_hosts; h++) {
        bool is_trained = training_record_has(record, data->hosts[h].address);
        switch (part) {
        case PART_UNSEEN:
            ranges[h] = is_trained ? untrained : everything;
            break;
        case PART_UNSEEN_HOSTS:
            ranges[h] = is_trained ? nothing : everything;
            break;
        case PART_UNSEEN_TIME:
            ranges[h] = is_trained ? untrained : nothing;
            break;
        case PART_TRAINED:
            ranges[h] = is_trained ? trained : nothing;
            break;
        case PART_ALL:
            ranges[h] = everything;
            break;
        }
    }
    *set = sequence_set_create(data, ranges, labels);
    free(ranges);
    if ((*set)->n_scored > 0)
        return STATUS_OK;
    sequence_set_free(*set);
    *set = NULL;
    return error_set(err, STATUS_RANGE, "%s has no flows that are \"%s\"", data->source,
                     split_part_names[part]);
}
