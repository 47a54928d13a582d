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
    for (enum attribute a = 0; a < N_CODED; a++) {
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

/* The attribute of that name, or -1 with the words in err. */
static int find_attribute(const char *name, size_t length, struct error *err)
{
    char word[64];
    snprintf(word, sizeof word, "%.*s", (int)length, name);
    int attribute = attribute_find(word);
    if (attribute >= 0 && attribute < N_CODED)
        return attribute;
    const char *names[N_CODED];
    for (enum attribute a = 0; a < N_CODED; a++)
        names[a] = attribute_infos[a].name;
    const char *nearest = nearest_word(word, names, N_CODED);
    error_set(err, STATUS_USAGE, "edges: a row has no attribute \"%s\"%s%s%s", word,
              nearest != NULL ? "; did you mean " : "", nearest != NULL ? nearest : "",
              nearest != NULL ? "?" : "");
    return -1;
}

/* One edge text, "bytes<-packets+previous.bytes", of that length. */
static enum status add_edges(struct structure *structure, const char *text, size_t length,
                             struct error *err)
{
    const char *end = text + length, *arrow = text;
    while (arrow < end && *arrow != '<')
        arrow++;
    RETURN_IF(end - arrow < 2 || arrow[1] != '-' || end[-1] == '+', err, STATUS_USAGE,
              "edges: \"%.*s\" is not of the form attribute<-parent+parent", (int)length, text);
    int child = find_attribute(text, (size_t)(arrow - text), err);
    if (child < 0)
        return STATUS_USAGE;
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
        int parent = find_attribute(next, (size_t)(plus - next), err);
        if (parent < 0)
            return STATUS_USAGE;
        RETURN_IF(child == ATTRIBUTE_GAP && !is_previous, err, STATUS_USAGE,
                  "edges: gap can have parents in the row before only, not %s",
                  attribute_infos[parent].name);
        for (size_t k = 0; k < n; k++)
            RETURN_IF((int)parents[k].attribute == parent && parents[k].is_previous == is_previous,
                      err, STATUS_USAGE, "edges: %s has the same parent twice",
                      attribute_infos[child].name);
        if (has(structure, parent))
            parents[n++] = (struct structure_parent){ (enum attribute)parent, is_previous };
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
        for (enum attribute a = 0; a < N_CODED; a++) {
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
    for (enum attribute a = 0; a < N_CODED; a++)
        RETURN_IF(has(structure, a) && (done & ATTRIBUTE_BIT(a)) == 0, err, STATUS_USAGE,
                  "edges: %s depends on itself", attribute_infos[a].name);
    return STATUS_OK;
}

/* ---- information -------------------------------------------------------------------------- */

/* One fold's counts of a pair of columns: x stands for the table's parent bins, y for its bins. */
struct fold {
    struct pair_table pairs;
    double *x_counts, *y_counts; /* [bins] */
    double *x_kinds, *y_kinds;   /* [bins] distinct bins of the other column seen with each */
    size_t n_x_bins, n_y_bins;
    double n;
};

static void fold_count(struct fold *fold, const uint32_t *x, size_t n_x_bins, const uint32_t *y,
                       size_t n_y_bins, size_t n_rows)
{
    *fold = (struct fold){ .x_counts = memory_zalloc(n_x_bins, sizeof(double)),
                           .y_counts = memory_zalloc(n_y_bins, sizeof(double)),
                           .x_kinds = memory_zalloc(n_x_bins, sizeof(double)),
                           .y_kinds = memory_zalloc(n_y_bins, sizeof(double)),
                           .n_x_bins = n_x_bins,
                           .n_y_bins = n_y_bins };
    pair_table_count(&fold->pairs, x, n_x_bins, y, n_y_bins, n_rows);
    for (size_t i = 0; i < fold->pairs.n_pairs; i++) {
        double count = fold->pairs.counts[i];
        fold->x_counts[fold->pairs.parent_bins[i]] += count;
        fold->y_counts[fold->pairs.bins[i]] += count;
        fold->x_kinds[fold->pairs.parent_bins[i]] += 1.0;
        fold->y_kinds[fold->pairs.bins[i]] += 1.0;
        fold->n += count;
    }
}

static void fold_release(struct fold *fold)
{
    pair_table_release(&fold->pairs);
    free(fold->x_counts);
    free(fold->y_counts);
    free(fold->x_kinds);
    free(fold->y_kinds);
}

/* ln P(b | a) / P(b), P(b | a) = (c(a, b) + d(a) P(b)) / (c(a) + d(a)): Witten and Bell (1991),
 * method C, with the d(a) escapes of a given to P(b). */
static double gain(double pair_count, double a_count, double a_kinds, double b_mass)
{
    return a_count > 0.0 ? log((pair_count / b_mass + a_kinds) / (a_count + a_kinds)) : 0.0;
}

/* Adds the sum of ln P(y | x) / P(y) over the pairs of `held_out`, by the counts of `known`, to
 * *y_gain, and that of ln P(x | y) / P(x) to *x_gain. */
static void add_gains(const struct fold *known, const struct fold *held_out, double *y_gain,
                      double *x_gain)
{
    const struct pair_table *a = &known->pairs, *b = &held_out->pairs;
    size_t i = 0;
    for (size_t j = 0; j < b->n_pairs; j++) {
        uint32_t x = b->parent_bins[j], y = b->bins[j];
        while (i < a->n_pairs &&
               (a->parent_bins[i] < x || (a->parent_bins[i] == x && a->bins[i] < y)))
            i++;
        bool is_known = i < a->n_pairs && a->parent_bins[i] == x && a->bins[i] == y;
        double count = is_known ? a->counts[i] : 0.0;
        double y_mass = (known->y_counts[y] + 1.0) / (known->n + (double)known->n_y_bins);
        double x_mass = (known->x_counts[x] + 1.0) / (known->n + (double)known->n_x_bins);
        *y_gain += b->counts[j] * gain(count, known->x_counts[x], known->x_kinds[x], y_mass);
        *x_gain += b->counts[j] * gain(count, known->y_counts[y], known->y_kinds[y], x_mass);
    }
}

void structure_information(const uint32_t *x, size_t n_x_bins, const uint32_t *y, size_t n_y_bins,
                           size_t n_first, size_t n_rows, double *of_y, double *of_x)
{
    struct fold folds[2];
    fold_count(&folds[0], x, n_x_bins, y, n_y_bins, n_first);
    fold_count(&folds[1], x + n_first, n_x_bins, y + n_first, n_y_bins, n_rows - n_first);
    double y_gain = 0.0, x_gain = 0.0, n = folds[0].n + folds[1].n;
    add_gains(&folds[0], &folds[1], &y_gain, &x_gain);
    add_gains(&folds[1], &folds[0], &y_gain, &x_gain);
    *of_y = n > 0.0 ? y_gain / n : 0.0;
    *of_x = n > 0.0 ? x_gain / n : 0.0;
    fold_release(&folds[0]);
    fold_release(&folds[1]);
}

/* ---- the tree ----------------------------------------------------------------------------- */

/* Each vertex takes its heaviest edge; a cycle is made one vertex, the rest is solved, and the
 * cycle is opened where the edge from outside enters. */
void structure_branching(double weight[STRUCTURE_VERTICES][STRUCTURE_VERTICES], const bool *is_in,
                         size_t *parent)
{
    for (size_t child = 0; child < STRUCTURE_ROOT; child++) {
        if (!is_in[child])
            continue;
        parent[child] = STRUCTURE_ROOT;
        for (size_t p = 0; p < STRUCTURE_ROOT; p++)
            if (p != child && is_in[p] && weight[child][p] > weight[child][parent[child]])
                parent[child] = p;
    }
    /* A vertex of a cycle: one that is met again going up. */
    bool on_cycle[STRUCTURE_VERTICES] = { false };
    size_t head = STRUCTURE_ROOT;
    for (size_t start = 0; start < STRUCTURE_ROOT && head == STRUCTURE_ROOT; start++) {
        if (!is_in[start])
            continue;
        size_t v = start, n_steps = 0;
        while (v != STRUCTURE_ROOT && n_steps++ < STRUCTURE_VERTICES)
            v = parent[v];
        head = v;
    }
    if (head == STRUCTURE_ROOT)
        return;
    size_t v = head;
    do {
        on_cycle[v] = true;
        v = parent[v];
    } while (v != head);

    /* `head` stands for the cycle from here on. An edge that enters it at v costs v's own. */
    double outer[STRUCTURE_VERTICES][STRUCTURE_VERTICES];
    bool is_outer[STRUCTURE_VERTICES];
    size_t enters[STRUCTURE_VERTICES], leaves[STRUCTURE_VERTICES], outer_parent[STRUCTURE_VERTICES];
    for (size_t u = 0; u < STRUCTURE_VERTICES; u++) {
        is_outer[u] = is_in[u] && (!on_cycle[u] || u == head);
        for (size_t w = 0; w < STRUCTURE_VERTICES; w++)
            outer[u][w] = weight[u][w];
    }
    for (size_t u = 0; u < STRUCTURE_VERTICES; u++) {
        if (!is_in[u] || on_cycle[u])
            continue;
        enters[u] = leaves[u] = head;
        for (size_t c = 0; c < STRUCTURE_ROOT; c++) {
            if (!on_cycle[c])
                continue;
            double entering = weight[c][u] - weight[c][parent[c]];
            if (entering > weight[enters[u]][u] - weight[enters[u]][parent[enters[u]]])
                enters[u] = c;
            if (weight[u][c] > weight[u][leaves[u]])
                leaves[u] = c;
        }
        outer[head][u] = weight[enters[u]][u] - weight[enters[u]][parent[enters[u]]];
        outer[u][head] = weight[u][leaves[u]];
    }
    structure_branching(outer, is_outer, outer_parent);
    for (size_t u = 0; u < STRUCTURE_ROOT; u++) {
        if (!is_outer[u] || u == head)
            continue;
        parent[u] = outer_parent[u] == head ? leaves[u] : outer_parent[u];
    }
    size_t entry = outer_parent[head];
    parent[enters[entry]] = entry;
}

struct structure structure_learn_tree(uint32_t attributes, const struct structure_columns *columns)
{
    /* gain[child][parent]: parents 0 .. N_CODED - 1 in the same row, then in the row before. */
    double gain_of[N_CODED][2 * N_CODED] = { { 0.0 } };
#pragma omp parallel for schedule(dynamic)
    for (size_t pair = 0; pair < N_CODED * 2 * N_CODED; pair++) {
        size_t y = pair / (2 * N_CODED), x = pair % (2 * N_CODED);
        bool is_previous = x >= N_CODED;
        const uint32_t *x_column = is_previous ? columns->previous[x - N_CODED]
                                               : columns->current[x];
        if (columns->current[y] == NULL || x_column == NULL || (!is_previous && x <= y))
            continue;
        double of_y, of_x;
        structure_information(x_column, columns->n_bins[x % N_CODED], columns->current[y],
                              columns->n_bins[y], columns->n_first, columns->n_rows, &of_y, &of_x);
        gain_of[y][x] = of_y;
        if (!is_previous)
            gain_of[x][y] = of_x;
    }

    struct structure structure = structure_alone(attributes);
#pragma omp parallel for schedule(dynamic)
    for (size_t a = 0; a < N_CODED; a++) {
        double of_attribute, of_hour;
        if (!has(&structure, (enum attribute)a))
            continue;
        structure_information(a == ATTRIBUTE_GAP ? columns->gap_hours : columns->hours, NODE_HOURS,
                              columns->current[a], columns->n_bins[a], columns->n_first,
                              columns->n_rows, &of_attribute, &of_hour);
        structure.uses_hour[a] = of_attribute > 0.0;
    }

    double weight[STRUCTURE_VERTICES][STRUCTURE_VERTICES] = { { 0.0 } };
    bool is_in[STRUCTURE_VERTICES] = { [STRUCTURE_ROOT] = true };
    enum attribute best_previous[N_CODED] = { 0 };
    size_t parent[STRUCTURE_VERTICES];
    for (enum attribute a = 0; a < N_CODED; a++) {
        is_in[a] = has(&structure, a);
        for (enum attribute b = 0; b < N_CODED; b++) {
            if (gain_of[a][N_CODED + b] > weight[a][STRUCTURE_ROOT]) {
                weight[a][STRUCTURE_ROOT] = gain_of[a][N_CODED + b];
                best_previous[a] = b;
            }
            if (a != ATTRIBUTE_GAP && gain_of[a][b] > 0.0)
                weight[a][b] = gain_of[a][b];
        }
    }
    structure_branching(weight, is_in, parent);
    for (size_t a = 0; a < N_CODED; a++) {
        if (!is_in[a] || !(weight[a][parent[a]] > 0.0))
            continue;
        bool is_previous = parent[a] == STRUCTURE_ROOT;
        structure.n_parents[a] = 1;
        enum attribute of = is_previous ? best_previous[a] : (enum attribute)parent[a];
        structure.parents[a][0] = (struct structure_parent){ of, is_previous };
    }
    return structure;
}
