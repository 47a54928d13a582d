#include "cli/draw_dataset.h"

#include "base/memory.h"

#include <stdlib.h>

/* The flows, gathered while they are drawn, and the address of the host of each. */
struct gathered {
    const struct address_set *monitored;
    const struct sample_plan *plan;
    struct flow *flows;
    uint32_t *owners;
    size_t n, flow_capacity, owner_capacity;
};

static enum status gather_flow(void *user, const struct flow *flow, size_t host, struct error *err)
{
    (void)err;
    struct gathered *gathered = user;
    gathered->flows = memory_grow(gathered->flows, &gathered->flow_capacity, gathered->n + 1,
                                  sizeof *gathered->flows);
    gathered->owners = memory_grow(gathered->owners, &gathered->owner_capacity, gathered->n + 1,
                                   sizeof *gathered->owners);
    gathered->flows[gathered->n] = *flow;
    /* Where the remote is monitored too, the lower address has the flow, as in any file. */
    if (!dataset_flow_host(gathered->monitored, flow, &gathered->owners[gathered->n]))
        gathered->owners[gathered->n] = gathered->plan->hosts[host].address;
    gathered->n++;
    return STATUS_OK;
}

static int compare_addresses(const void *a, const void *b)
{
    uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;
    return (x > y) - (x < y);
}

/* Replaces the owners' addresses by their indices in the list of them. Caller frees it. */
static uint32_t *index_owners(uint32_t *owners, size_t n, size_t *n_addresses)
{
    uint32_t *addresses = memory_alloc(n, sizeof *addresses);
    memcpy(addresses, owners, n * sizeof *addresses);
    qsort(addresses, n, sizeof *addresses, compare_addresses);
    *n_addresses = 0;
    for (size_t i = 0; i < n; i++)
        if (i == 0 || addresses[i] != addresses[i - 1])
            addresses[(*n_addresses)++] = addresses[i];
    for (size_t i = 0; i < n; i++) {
        const uint32_t *found = bsearch(&owners[i], addresses, *n_addresses, sizeof *addresses,
                                        compare_addresses);
        owners[i] = (uint32_t)(found - addresses);
    }
    return addresses;
}

/* The model's labels, and for flows with none of them the one that would be written. */
static struct label_list name_labels(const struct label_list *known, struct flow *flows, size_t n)
{
    struct label_list labels = label_list_copy(known);
    for (size_t i = 0; i < n; i++) {
        if (flows[i].label < known->n)
            continue;
        int unknown = label_list_add(&labels, LABEL_UNKNOWN, sizeof LABEL_UNKNOWN - 1);
        flows[i].label = unknown >= 0 ? (uint8_t)unknown : 0;
    }
    return labels;
}

enum status draw_dataset(const struct model *model, const struct sample_settings *settings,
                         struct dataset **data, struct sample_report *report, struct error *err)
{
    struct sample_plan plan;
    FORWARD(sample_plan_create(&plan, model, settings, err));
    struct gathered gathered = { .monitored = &model->monitored, .plan = &plan };
    enum status status = sample_run(model, &plan, gather_flow, &gathered, report, err);
    if (status == STATUS_OK && gathered.n == 0)
        status = error_set(err, STATUS_RANGE, "the model drew no flow in that time");
    if (status == STATUS_OK) {
        size_t n_addresses;
        uint32_t *addresses = index_owners(gathered.owners, gathered.n, &n_addresses);
        struct label_list labels = name_labels(&model->labels, gathered.flows, gathered.n);
        *data = dataset_create("drawn", gathered.flows, gathered.owners, gathered.n, addresses,
                               n_addresses, labels, address_set_copy(&model->monitored));
    } else {
        free(gathered.flows);
        free(gathered.owners);
    }
    sample_plan_release(&plan);
    return status;
}
