#include "eval/embedding_map.h"

#include "base/memory.h"

#include <inttypes.h>
#include <stdlib.h>

#define FEWEST 3

static char *label_of(enum embedding_kind kind, int64_t value)
{
    char address[ADDRESS_TEXT_SIZE];
    switch (kind) {
    case EMBEDDING_ADDRESS:
        address_format((uint32_t)value, address);
        return memory_strdup(address);
    case EMBEDDING_PROTOCOL:
        return memory_strdup(protocol_name((uint8_t)value));
    default:
        return memory_format("%" PRId64, value);
    }
}

/* Ports of services that people know, and all protocols. */
static bool is_known_value(enum embedding_kind kind, int64_t value)
{
    static const int64_t ports[] = { 21,  22,  23,  25,  53,   80,   110,  123, 143,
                                     161, 443, 465, 993, 3306, 3389, 5060, 8080 };
    if (kind != EMBEDDING_PORT)
        return kind == EMBEDDING_PROTOCOL;
    for (size_t p = 0; p < ARRAY_LEN(ports); p++)
        if (ports[p] == value)
            return true;
    return false;
}

static enum status make_map(struct embedding_map *map, const struct embedding_table *table,
                            struct error *err)
{
    size_t n = table->n;
    double *places = memory_alloc(memory_product(2, n), sizeof *places);
    *map = (struct embedding_map){
        .name = memory_strdup(table->name),
        .n = n,
        .x = memory_zalloc(n, sizeof *map->x),
        .y = memory_zalloc(n, sizeof *map->y),
        .labels = memory_alloc(n, sizeof *map->labels),
        .is_known = memory_alloc(n, sizeof *map->is_known),
    };
    for (size_t i = 0; i < n; i++) {
        map->labels[i] = label_of(table->kind, table->values[i]);
        map->is_known[i] = is_known_value(table->kind, table->values[i]);
    }
    enum status status = plane_map(places, table->vectors, n, table->width, &map->method, err);
    for (size_t i = 0; status == STATUS_OK && i < n; i++) {
        map->x[i] = places[2 * i];
        map->y[i] = places[2 * i + 1];
    }
    free(places);
    return status;
}

enum status embedding_maps_make(struct embedding_maps *maps, const struct model *model,
                                struct error *err)
{
    *maps = (struct embedding_maps){ 0 };
    if (model->kind->embeddings == NULL)
        return STATUS_OK;
    struct embedding_set set;
    FORWARD(model_embeddings(model, &set, err));
    enum status status = STATUS_OK;
    maps->items = memory_zalloc(set.n, sizeof *maps->items);
    for (size_t t = 0; t < set.n && status == STATUS_OK; t++)
        if (set.tables[t].n >= FEWEST)
            status = make_map(&maps->items[maps->n++], &set.tables[t], err);
    embedding_set_release(&set);
    return status;
}

void embedding_maps_release(struct embedding_maps *maps)
{
    for (size_t m = 0; m < maps->n; m++) {
        struct embedding_map *map = &maps->items[m];
        for (size_t i = 0; i < map->n; i++)
            free(map->labels[i]);
        free(map->labels);
        free(map->is_known);
        free(map->name);
        free(map->x);
        free(map->y);
    }
    free(maps->items);
    *maps = (struct embedding_maps){ 0 };
}

json_t *embedding_maps_json(const struct embedding_maps *maps)
{
    json_t *object = json_object();
    for (size_t m = 0; m < maps->n; m++) {
        const struct embedding_map *map = &maps->items[m];
        json_t *x = json_array(), *y = json_array(), *values = json_array();
        for (size_t i = 0; i < map->n; i++) {
            json_array_append_new(values, json_string(map->labels[i]));
            json_array_append_new(x, json_real(map->x[i]));
            json_array_append_new(y, json_real(map->y[i]));
        }
        json_object_set_new(object, map->name,
                            json_pack("{s:s, s:o, s:o, s:o}", "method",
                                      plane_method_names[map->method], "values", values, "x", x,
                                      "y", y));
    }
    return object;
}
