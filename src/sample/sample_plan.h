/* sample_plan.h - which hosts are drawn, from when to when.
 *
 * Hosts are new ones, twins of hosts that the model was trained on, or those of a real file that go
 * on from where it ends.
 *
 *     struct sample_settings settings;            // filled through sample_options
 *     struct sample_plan plan;
 *     FORWARD(sample_plan_create(&plan, model, &settings, err));
 *     ...
 *     sample_plan_release(&plan);
 */
#ifndef FLOWTWIN_SAMPLE_SAMPLE_PLAN_H
#define FLOWTWIN_SAMPLE_SAMPLE_PLAN_H

#include "data/address_remap.h"
#include "model/model.h"

/* What a new host is like. */
enum embedding { EMBEDDING_UNKNOWN, EMBEDDING_DRAWN };

/* What is less probable than about this is not drawn, where nobody says otherwise. */
#define SAMPLE_TRUNCATION 0.0002

/* Attributes that share a temperature. */
enum temperature_group {
    TEMPERATURE_TIMES, /* gap, duration */
    TEMPERATURE_LINKS, /* link, remote, direction */
    TEMPERATURE_PORTS, /* protocol, local and remote port */
    TEMPERATURE_MARKS, /* flags, tos, forwarding, label */
    TEMPERATURE_SIZES, /* packets, bytes */
    N_TEMPERATURE_GROUPS,
};

struct sample_settings {
    int64_t hosts;       /* 0: as many as twin_of or past say, or 20 */
    const char *twin_of; /* addresses of training hosts, or "all"; NULL: none */
    int embedding;       /* enum embedding, of new hosts */
    double days;
    const char *start; /* a date, or NULL: the first day that the model was trained on */
    int64_t seed;
    int64_t max_flows;                        /* in all; 0: no limit */
    double temperature[N_TEMPERATURE_GROUPS]; /* 0 stands for 1 */
    double truncation;

    /* Not among the options. Both are borrowed until the plan is released. */
    const struct sequence_set *past; /* real rows, coded by the model's labels, that go on; NULL */
    const struct address_remap *remap; /* what addresses are written as; NULL: as they are */
};

/* --hosts, --twin-of, --embedding, --days, --start, --seed, --max-flows, --truncation,
 * --temperature-... */
extern const struct option sample_options[];
extern const size_t n_sample_options;

struct sample_plan {
    struct sampler_host *hosts; /* by the address that is written */
    uint32_t *addresses;        /* of hosts, as they are written: ascending */
    size_t n_hosts;
    int64_t start, end; /* s since 1970: flows end in [start, end) */
    uint64_t seed;
    uint64_t max_flows;
    double temperature[N_ATTRIBUTES], truncation;
    struct sequence *pasts;            /* what hosts[].past points at */
    const struct address_remap *remap; /* borrowed */
};

/* New hosts have addresses drawn from those that the model's hosts live in, none of which it was
 * trained on as long as there are others. Twins have the address of the original, and the same
 * flows whichever other twins are in the plan; so have the hosts of a past. STATUS_USAGE for what
 * cannot be: a wrong date, hosts that the model does not know, more hosts than there are addresses,
 * settings that exclude each other, temperatures or a truncation for a kind of
 * model that has none. */
enum status sample_plan_create(struct sample_plan *plan, const struct model *model,
                               const struct sample_settings *settings, struct error *err);
void sample_plan_release(struct sample_plan *plan);

#endif
