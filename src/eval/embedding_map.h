/* embedding_map.h - what a model has learned about values, as maps in two dimensions.
 *
 *     struct embedding_maps maps;
 *     FORWARD(embedding_maps_make(&maps, model, err));
 *     for (size_t m = 0; m < maps.n; m++)
 *         plot(maps.items[m].name, maps.items[m].x, maps.items[m].y, maps.items[m].n);
 *     embedding_maps_release(&maps);
 */
#ifndef FLOWTWIN_EVAL_EMBEDDING_MAP_H
#define FLOWTWIN_EVAL_EMBEDDING_MAP_H

#include "eval/plane.h"
#include "model/model.h"

#include <jansson.h>

struct embedding_map {
    char *name; /* of the table: "remote_port" */
    enum plane_method method;
    size_t n;
    double *x, *y;  /* [n] */
    char **labels;  /* [n] the values as text */
    bool *is_known; /* [n] whether the value is one that people know: its label is worth showing */
};

struct embedding_maps {
    struct embedding_map *items;
    size_t n;
};

/* None for kinds without embeddings. Tables of less than 3 values are left out. STATUS_INTERRUPTED
 * where the user asked to stop. Released with embedding_maps_release, also after a failure. */
enum status embedding_maps_make(struct embedding_maps *maps, const struct model *model,
                                struct error *err);
void embedding_maps_release(struct embedding_maps *maps);

/* {table: {method, values, x, y}}. Caller frees with json_decref. */
json_t *embedding_maps_json(const struct embedding_maps *maps);

#endif
