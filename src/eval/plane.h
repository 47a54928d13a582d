/* plane.h - points of many dimensions as a map in two.
 *
 * t-SNE (van der Maaten and Hinton, JMLR 2008) puts points that are near in the many dimensions
 * near on the map: exact, from PLANE_FEWEST to PLANE_MOST points, perplexity 30 or a third of the
 * points, begun at the principal components. Fewer points, or more, are shown by their first two
 * principal components.
 *
 *     double *map = memory_alloc(2 * n, sizeof *map);
 *     FORWARD(plane_map(map, vectors, n, width, &method, err));
 */
#ifndef FLOWTWIN_EVAL_PLANE_H
#define FLOWTWIN_EVAL_PLANE_H

#include "base/error.h"

#include <stddef.h>

#define PLANE_FEWEST 12
#define PLANE_MOST   2000

enum plane_method { PLANE_COMPONENTS, PLANE_TSNE };
extern const char *const plane_method_names[]; /* "pca", "t-sne" */

/* map [n, 2] of vectors [n, width]. The same at any number of threads. STATUS_INTERRUPTED where the
 * user asked to stop. */
enum status plane_map(double *map, const double *vectors, size_t n, size_t width,
                      enum plane_method *method, struct error *err);

/* The first two principal components alone. */
void plane_components(double *map, const double *vectors, size_t n, size_t width);

#endif
