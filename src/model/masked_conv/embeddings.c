/* embeddings.c - what masked-conv has learned about values, as tables. */
#include "base/memory.h"
#include "model/masked_conv/masked_conv.h"

/* n rows of a table of the network, from row `first` on, for these values. */
static void add_table(struct embedding_set *set, const char *name, enum embedding_kind kind,
                      const struct tensor *rows, size_t first, int64_t *values, size_t n)
{
    struct embedding_table *table = &set->tables[set->n++];
    *table = (struct embedding_table){
        .name = name, .kind = kind, .n = n, .width = tensor_channels(rows), .values = values
    };
    table->vectors = memory_alloc(memory_product(n, table->width), sizeof *table->vectors);
    for (size_t i = 0; i < n * table->width; i++)
        table->vectors[i] = (double)rows->data[first * table->width + i];
}

void masked_conv_embeddings(const struct model *base, struct embedding_set *set)
{
    static const struct source {
        enum attribute attribute;
        enum embedding_kind kind;
    } sources[] = {
        { ATTRIBUTE_LOCAL_PORT, EMBEDDING_PORT },
        { ATTRIBUTE_REMOTE_PORT, EMBEDDING_PORT },
        { ATTRIBUTE_REMOTE, EMBEDDING_ADDRESS },
        { ATTRIBUTE_PROTOCOL, EMBEDDING_PROTOCOL },
    };
    const struct masked_conv *model = (const struct masked_conv *)base;
    *set = (struct embedding_set){ .tables = memory_alloc(ARRAY_LEN(sources) + 1,
                                                          sizeof *set->tables) };
    for (size_t s = 0; s < ARRAY_LEN(sources); s++) {
        enum attribute attribute = sources[s].attribute;
        const struct value_list *list = &model->vocabulary.lists[attribute];
        int64_t *values = memory_alloc(list->n, sizeof *values);
        for (size_t i = 0; i < list->n; i++)
            values[i] = list->values[i];
        add_table(set, attribute_infos[attribute].name, sources[s].kind, model->network->embeddings,
                  feature_space_own(&model->space, attribute), values, list->n);
    }
    if (!model->settings.host_embedding)
        return;
    int64_t *hosts = memory_alloc(model->n_hosts, sizeof *hosts);
    for (size_t h = 0; h < model->n_hosts; h++)
        hosts[h] = model->hosts[h];
    add_table(set, "host", EMBEDDING_ADDRESS, model->network->hosts, 1, hosts, model->n_hosts);
}
