/* model.h - the one interface of all models.
 *
 * A model gives every attribute of every row a probability mass on the data's own units, given what
 * stands before it, and draws rows from the same masses. Command line, sampling and evaluation see
 * nothing but this. A new model is one file with a struct model_kind, and one line in model.c.
 *
 *     const struct model_kind *kind = model_kind_find("gmm");
 *     FORWARD(kind->fit(settings, train, seed, &model, err));
 *     FORWARD(model_log_mass(model, &sequence, log_mass, err));     // nats, [rows, N_ATTRIBUTES]
 *     FORWARD(model_save(model, "gmm.h5", err));
 *
 *     FORWARD(model_load("gmm.h5", &model, err));
 *     struct sampler_settings settings = { .seed = 1 };
 *     struct sampler *sampler = model_sampler(model, hosts, n_hosts, &settings);
 *     FORWARD(sampler_advance(sampler, which, n, rows, err));
 */
#ifndef FLOWTWIN_MODEL_MODEL_H
#define FLOWTWIN_MODEL_MODEL_H

#include "base/options.h"
#include "data/hdf5_file.h"
#include "data/sequence.h"
#include "data/split.h"
#include "model/embedding.h"

struct model_kind;

/* Every model begins with this. */
struct model {
    const struct model_kind *kind;
    uint32_t attributes;          /* bit per attribute that it models: what its data had */
    struct label_list labels;     /* what ATTRIBUTE_LABEL indexes */
    struct address_set monitored; /* where its hosts live */
    struct training_record trained_on;
    bool is_in_text_order; /* its data, within seconds (data/text_order.h) */
    uint64_t seed;
    char *configuration; /* resolved, as `key = value` lines */
};

/* A host whose rows are drawn. */
struct sampler_host {
    uint32_t address;
    uint64_t stream; /* names its random numbers: the same stream, the same rows */
    int64_t start;   /* s since 1970: the clock before its first row */
    bool is_twin;    /* of a host that the model was trained on: */
    uint32_t twin_of;
    /* What it did until `start`; NULL: nothing. Borrowed until the sampler is made. */
    const struct sequence *past;
};

struct sampler_settings {
    uint64_t seed;
    /* Probabilities of an attribute are taken to the power 1 / temperature; 0 stands for 1. Only
     * for kinds that have temperatures. */
    double temperature[N_ATTRIBUTES];
    /* What is less probable than about this is not drawn; 0 draws everything. For the same kinds.
     */
    double truncation;
};

/* State of hosts that advance side by side; each model embeds it in its own. */
struct sampler {
    const struct model *model;
    const struct model_kind *kind;
};

/* What a long fit has beside its data: a place to keep what it has reached, and what an earlier one
 * has kept. Made by model.c. */
struct fit_control {
    const struct model_kind *kind;
    const struct sequence_set *train;
    const struct training_record *record;
    uint64_t seed;
    const char *configuration;
    const char *checkpoint; /* file; NULL: nothing is kept */
    struct model *resumed;  /* what was kept, for the fit to go on with and free; or NULL */
    bool is_in_text_order;  /* the training rows, within seconds (data/text_order.h) */
};

/* Keeps an unfinished model, whole or not at all; its save() has to hold what the fit needs to go
 * on. Does nothing where there is no place to keep it. */
enum status fit_checkpoint(struct fit_control *control, struct model *model, struct error *err);

/* What a long fit noted on its way: values[n_rows, n_columns], in order. The NLL of a column
 * "nll..." is in nats per flow. */
struct fit_history {
    const char *const *columns; /* names */
    size_t n_columns, n_rows;
    const double *values; /* borrowed from the model */
};

struct model_kind {
    const char *name;
    const char *summary;
    /* Settings: a plain struct of settings_size bytes, filled through the options. */
    const struct option *options;
    size_t n_options;
    size_t settings_size;

    /* Fits to the scored rows of `train`. Sets *model (caller frees with model_free), of which
     * model.c fills in what struct model holds. A long fit uses `control` (see above). */
    enum status (*fit)(const void *settings, const struct sequence_set *train, uint64_t seed,
                       struct fit_control *control, struct model **model, struct error *err);
    void (*free)(struct model *model);

    /* log_mass[(i - first_scored) * N_ATTRIBUTES + attribute] = ln P of that value of row i given
     * what stands before it, for i from first_scored on; 0 for what is not modelled. Any number of
     * threads may call this at once for different sequences. */
    enum status (*log_mass)(const struct model *model, const struct sequence *sequence,
                            double *log_mass, struct error *err);

    /* State for n hosts. `hosts` is copied. Caller frees with sampler_free. */
    struct sampler *(*sampler_create)(const struct model *model, const struct sampler_host *hosts,
                                      size_t n_hosts, const struct sampler_settings *settings);
    bool has_temperatures;
    /* Whether it draws a twin of a training host otherwise than a host that it does not know; NULL:
     * it draws all alike. */
    bool (*knows_hosts)(const struct model *model);
    /* Draws the next row of each of the n hosts in which[] (indices, each at most once). A host's
     * rows do not depend on which others are drawn beside it. The threads of a parallel region may
     * call it at once for different hosts; by itself it may use all threads. */
    enum status (*sampler_advance)(struct sampler *sampler, const size_t *which, size_t n,
                                   struct row *rows, struct error *err);
    void (*sampler_free)(struct sampler *sampler);

    /* What struct model holds is model.c's to write and read, but the group has the integer
     * "attributes" by then, for a load that must know what to expect. */
    /* Whether the fit was stopped and can go on; NULL for models that are fitted at once. */
    bool (*is_unfinished)(const struct model *model);
    /* NULL for models that are fitted at once. */
    struct fit_history (*history)(const struct model *model);

    /* The vectors that it has learned for values; NULL for kinds without. Caller releases *set. */
    void (*embeddings)(const struct model *model, struct embedding_set *set);

    enum status (*save)(const struct model *model, struct hdf5_group *group, struct error *err);
    enum status (*load)(struct hdf5_group *group, struct model **model, struct error *err);
};

/* All kinds, by name; the list ends with NULL. */
extern const struct model_kind *const model_kinds[];
const struct model_kind *model_kind_find(const char *name);

/* Fits, and fills in what every model holds. Moves `record` into the model. */
enum status model_fit(const struct model_kind *kind, const void *settings,
                      const struct sequence_set *train, struct training_record *record,
                      uint64_t seed, const char *configuration, struct model **model,
                      struct error *err);
/* The same, keeping checkpoints in a file on the way, and going on from one (`resumed`, taken over;
 * or NULL). STATUS_INTERRUPTED where the user asked to stop, with the checkpoint kept. */
enum status model_fit_kept(const struct model_kind *kind, const void *settings,
                           const struct sequence_set *train, struct training_record *record,
                           uint64_t seed, const char *configuration, const char *checkpoint,
                           struct model *resumed, struct model **model, struct error *err);
bool model_is_unfinished(const struct model *model);
/* Whether the twins that it draws are like their originals, or all hosts are alike. */
bool model_knows_hosts(const struct model *model);
/* Without rows where the fit noted none. */
struct fit_history model_history(const struct model *model);
void model_free(struct model *model);

/* STATUS_USAGE where this kind of model has none. Caller releases *set. */
enum status model_embeddings(const struct model *model, struct embedding_set *set,
                             struct error *err);

enum status model_log_mass(const struct model *model, const struct sequence *sequence,
                           double *log_mass, struct error *err);

struct sampler *model_sampler(const struct model *model, const struct sampler_host *hosts,
                              size_t n_hosts, const struct sampler_settings *settings);
enum status sampler_advance(struct sampler *sampler, const size_t *which, size_t n,
                            struct row *rows, struct error *err);
void sampler_free(struct sampler *sampler);

/* Written under a temporary name and renamed. */
enum status model_save(const struct model *model, const char *path, struct error *err);
/* STATUS_FORMAT for a file that is cut short, of another version, of an unknown kind, or not ours.
 */
enum status model_load(const char *path, struct model **model, struct error *err);

#endif
