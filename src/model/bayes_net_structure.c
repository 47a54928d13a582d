#include "model/bayes_net_structure.h"

#include "base/memory.h"
#include "base/options.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

static const char previous_prefix[] = "previous.";

static bool has(const struct structure *structure, enum attribute attribute)
{
    return (structure->attributes & ATTRIBUTE_BIT(attribute)) != 0;
}

struct structure structure_alone(uint32_t attributes)
{
    return (struct structure){ .attributes = attributes & ATTRIBUTES_ALL };
}

struct structure structure_previous(uint32_t attributes)
{
    struct structure structure = structure_alone(attributes);
    for (size_t a = 0; a < N_CODED; a++) {
        if (!has(&structure, a))
            continue;
        structure.n_parents[a] = 1;
        structure.parents[a][0] = (struct structure_parent){ a, true };
    }
    return structure;
}

bool structure_looks_back(const struct structure *structure, enum attribute attribute)
{
    for (size_t k = 0; k < structure->n_parents[attribute]; k++)
        if (structure->parents[attribute][k].is_previous)
            return true;
    return false;
}

/* ---- text --------------------------------------------------------------------------------- */

static enum status find_attribute(const char *name, size_t length, enum attribute *attribute,
                                  struct error *err)
{
    char word[64];
    snprintf(word, sizeof word, "%.*s", (int)length, name);
    int found = attribute_find(word);
    if (found >= 0 && found < N_CODED) {
        *attribute = (enum attribute)found;
        return STATUS_OK;
    }
    const char *names[N_CODED];
    for (size_t a = 0; a < N_CODED; a++)
        names[a] = attribute_infos[a].name;
    const char *nearest = nearest_word(word, names, N_CODED);
    return error_set(err, STATUS_USAGE, "edges: a row has no attribute \"%s\"%s%s%s", word,
                     nearest != NULL ? "; did you mean " : "", nearest != NULL ? nearest : "",
                     nearest != NULL ? "?" : "");
}

/* One edge text, "bytes<-packets+previous.bytes", of that length. */
static enum status add_edges(struct structure *structure, const char *text, size_t length,
                             struct error *err)
{
    const char *end = text + length, *arrow = text;
    while (arrow < end && *arrow != '<')
        arrow++;
    RETURN_IF(end - arrow < 2 || arrow[1] != '-', err, STATUS_USAGE,
              "edges: \"%.*s\" is not of the form attribute<-parent+parent", (int)length, text);
    enum attribute child;
    FORWARD(find_attribute(text, (size_t)(arrow - text), &child, err));
    struct structure_parent parents[NODE_PARENTS_MAX];
    size_t n = 0;
    for (const char *next = arrow + 2; next < end;) {
        const char *plus = next;
        while (plus < end && *plus != '+')
            plus++;
        RETURN_IF(n == NODE_PARENTS_MAX, err, STATUS_USAGE, "edges: %s has more than %d parents",
                  attribute_infos[child].name, NODE_PARENTS_MAX);
        size_t prefix = sizeof previous_prefix - 1;
        bool is_previous = (size_t)(plus - next) > prefix &&
                           strncmp(next, previous_prefix, prefix) == 0;
        next += is_previous ? prefix : 0;
        enum attribute parent;
        FORWARD(find_attribute(next, (size_t)(plus - next), &parent, err));
        RETURN_IF(child == ATTRIBUTE_GAP && !is_previous, err, STATUS_USAGE,
                  "edges: gap can have parents in the row before only, not %s",
                  attribute_infos[parent].name);
        for (size_t k = 0; k < n; k++)
            RETURN_IF(parents[k].attribute == parent && parents[k].is_previous == is_previous, err,
                      STATUS_USAGE, "edges: %s has the same parent twice",
                      attribute_infos[child].name);
        if (has(structure, parent))
            parents[n++] = (struct structure_parent){ parent, is_previous };
        next = plus + (plus < end ? 1 : 0);
    }
    if (has(structure, child)) {
        structure->n_parents[child] = n;
        memcpy(structure->parents[child], parents, n * sizeof *parents);
    }
    return STATUS_OK;
}

enum status structure_add_text(struct structure *structure, const char *text, struct error *err)
{
    for (;;) {
        text += strspn(text, ", \t");
        size_t length = strcspn(text, ", \t");
        if (length == 0)
            return STATUS_OK;
        FORWARD(add_edges(structure, text, length, err));
        text += length;
    }
}

char *structure_text(const struct structure *structure, enum attribute attribute)
{
    char *text = memory_format("%s<-", attribute_infos[attribute].name);
    for (size_t k = 0; k < structure->n_parents[attribute]; k++) {
        const struct structure_parent *parent = &structure->parents[attribute][k];
        char *longer = memory_format("%s%s%s%s", text, k > 0 ? "+" : "",
                                     parent->is_previous ? previous_prefix : "",
                                     attribute_infos[parent->attribute].name);
        free(text);
        text = longer;
    }
    return text;
}

/* ---- order -------------------------------------------------------------------------------- */

enum status structure_sort(struct structure *structure, struct error *err)
{
    uint32_t done = 0;
    structure->n_order = 0;
    for (bool moved = true; moved;) {
        moved = false;
        for (size_t a = 0; a < N_CODED; a++) {
            bool is_ready = has(structure, a) && (done & ATTRIBUTE_BIT(a)) == 0;
            for (size_t k = 0; k < structure->n_parents[a]; k++) {
                const struct structure_parent *parent = &structure->parents[a][k];
                is_ready &= parent->is_previous || (done & ATTRIBUTE_BIT(parent->attribute)) != 0;
            }
            if (!is_ready)
                continue;
            structure->order[structure->n_order++] = a;
            done |= ATTRIBUTE_BIT(a);
            moved = true;
        }
    }
    for (size_t a = 0; a < N_CODED; a++)
        RETURN_IF(has(structure, a) && (done & ATTRIBUTE_BIT(a)) == 0, err, STATUS_USAGE,
                  "edges: %s depends on itself", attribute_infos[a].name);
    return STATUS_OK;
}

/* ---- the tree of Chow and Liu ------------------------------------------------------------- */

static double sum_c_log_c(const uint32_t *counts, size_t n, size_t *n_seen)
{
    double sum = 0.0;
    *n_seen = 0;
    for (size_t i = 0; i < n; i++) {
        if (counts[i] == 0)
            continue;
        sum += counts[i] * log(counts[i]);
        ++*n_seen;
    }
    return sum;
}

double mutual_information(const uint32_t *x, size_t n_x_bins, const uint32_t *y, size_t n_y_bins,
                          size_t n_rows)
{
    uint32_t *x_counts = memory_zalloc(n_x_bins, sizeof *x_counts);
    uint32_t *y_counts = memory_zalloc(n_y_bins, sizeof *y_counts);
    size_t n = 0, x_seen, y_seen, pairs_seen;
    for (size_t i = 0; i < n_rows; i++) {
        if (x[i] == NODE_NO_BIN || y[i] == NODE_NO_BIN)
            continue;
        x_counts[x[i]]++;
        y_counts[y[i]]++;
        n++;
    }
    struct pair_table pairs;
    pair_table_count(&pairs, x, n_x_bins, y, n_y_bins, n_rows);
    /* n I = sum c(x,y) ln c(x,y) - sum c(x) ln c(x) - sum c(y) ln c(y) + n ln n */
    double x_sum = sum_c_log_c(x_counts, n_x_bins, &x_seen);
    double y_sum = sum_c_log_c(y_counts, n_y_bins, &y_seen);
    double pair_sum = sum_c_log_c(pairs.counts, pairs.n_pairs, &pairs_seen);
    pair_table_release(&pairs);
    free(x_counts);
    free(y_counts);
    if (n == 0)
        return 0.0;
    double bias = ((double)pairs_seen - (double)x_seen - (double)y_seen + 1.0) / 2.0;
    return (pair_sum - x_sum - y_sum + (double)n * log((double)n) - bias) / (double)n;
}

struct structure structure_learn_tree(uint32_t attributes, const struct structure_columns *columns)
{
    /* information[child][parent]: parents 0 .. N_CODED - 1 of the same row, then of the row before
     */
    double information[N_CODED][2 * N_CODED] = { { 0 } };
#pragma omp parallel for schedule(dynamic)
    for (size_t pair = 0; pair < N_CODED * 2 * N_CODED; pair++) {
        size_t child = pair / (2 * N_CODED), parent = pair % (2 * N_CODED);
        const uint32_t *x = parent < N_CODED ? columns->current[parent]
                                             : columns->previous[parent - N_CODED];
        if (columns->current[child] == NULL || x == NULL || parent == child ||
            (parent < child && parent < N_CODED))
            continue;
        information[child][parent] = mutual_information(x, columns->n_bins[parent % N_CODED],
                                                        columns->current[child],
                                                        columns->n_bins[child], columns->n_rows);
    }

    /* Prim's algorithm from the row before; the gap joins first. best[a]: the heaviest edge from
     * the tree to a. */
    struct structure structure = structure_alone(attributes);
    struct structure_parent best[N_CODED];
    double weights[N_CODED];
    bool is_joined[N_CODED];
    for (size_t a = 0; a < N_CODED; a++) {
        is_joined[a] = !has(&structure, a);
        weights[a] = 0.0;
        for (size_t b = 0; b < N_CODED; b++) {
            if (information[a][N_CODED + b] > weights[a]) {
                weights[a] = information[a][N_CODED + b];
                best[a] = (struct structure_parent){ b, true };
            }
        }
    }
    for (size_t round = 0; round < N_CODED; round++) {
        size_t next = N_CODED;
        if (!is_joined[ATTRIBUTE_GAP])
            next = ATTRIBUTE_GAP;
        for (size_t a = 0; a < N_CODED && next != ATTRIBUTE_GAP; a++)
            if (!is_joined[a] && (next == N_CODED || weights[a] > weights[next]))
                next = a;
        if (next == N_CODED)
            break;
        is_joined[next] = true;
        if (weights[next] > 0.0)
            structure.parents[next][structure.n_parents[next]++] = best[next];
        for (size_t a = 0; a < N_CODED; a++) {
            double weight = a < next ? information[a][next] : information[next][a];
            if (!is_joined[a] && weight > weights[a]) {
                weights[a] = weight;
                best[a] = (struct structure_parent){ next, false };
            }
        }
    }
    return structure;
}
