/* embedding.h - the vectors that a model has learned for values: ports, remotes, protocols, hosts.
 *
 *     struct embedding_set set;
 *     FORWARD(model_embeddings(model, &set, err));
 *     for (size_t t = 0; t < set.n; t++)
 *         print(set.tables[t].name, set.tables[t].n, set.tables[t].width);
 *     embedding_set_release(&set);
 */
#ifndef FLOWTWIN_MODEL_EMBEDDING_H
#define FLOWTWIN_MODEL_EMBEDDING_H

#include <stddef.h>
#include <stdint.h>

enum embedding_kind {
    EMBEDDING_PORT,
    EMBEDDING_ADDRESS,
    EMBEDDING_PROTOCOL,
};

struct embedding_table {
    const char *name; /* "local_port", "remote_port", "remote", "protocol", "host" */
    enum embedding_kind kind;
    size_t n, width;
    int64_t *values; /* [n] that the vectors are of, ascending */
    double *vectors; /* [n, width] */
};

struct embedding_set {
    struct embedding_table *tables;
    size_t n;
};
void embedding_set_release(struct embedding_set *set);

/* The table of that name, and the vector of a value; NULL where there is none. Borrowed. */
const struct embedding_table *embedding_find(const struct embedding_set *set, const char *name);
const double *embedding_vector(const struct embedding_table *table, int64_t value);

#endif
