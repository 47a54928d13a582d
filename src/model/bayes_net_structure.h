/* bayes_net_structure.h - which attribute of a row is conditioned on which: the edges of the net.
 *
 * A parent is another attribute of the same row, or an attribute of the row before. The edges of a
 * row form no cycle, and the gap has parents in the row before only: the hour that all others see
 * is known when the gap is.
 *
 * As text: `bytes<-packets`, `bytes<-packets+previous.bytes`, or `bytes<-` for no parent.
 *
 *     struct structure structure = structure_previous(attributes);
 *     FORWARD(structure_add_text(&structure, "bytes<-packets,gap<-", err));
 *     FORWARD(structure_sort(&structure, err));
 *     for (size_t i = 0; i < structure.n_order; i++)
 *         draw(structure.order[i]);                   // parents come before their children
 */
#ifndef FLOWTWIN_MODEL_BAYES_NET_STRUCTURE_H
#define FLOWTWIN_MODEL_BAYES_NET_STRUCTURE_H

#include "data/coding.h"
#include "model/bayes_net_node.h"

struct structure_parent {
    enum attribute attribute;
    bool is_previous; /* of the row before */
};

struct structure {
    uint32_t attributes; /* bit per attribute that there is */
    struct structure_parent parents[N_CODED][NODE_PARENTS_MAX];
    size_t n_parents[N_CODED];
    bool uses_hour[N_CODED];       /* the hour is a parent too */
    enum attribute order[N_CODED]; /* set by structure_sort */
    size_t n_order;
};

/* No parents at all; and each attribute's own value in the row before. No hour. */
struct structure structure_alone(uint32_t attributes);
struct structure structure_previous(uint32_t attributes);

/* Replaces the parents of the attributes that the text names: edges with commas between. Attributes
 * that the data lacks are passed over. STATUS_USAGE for a wrong text. */
enum status structure_add_text(struct structure *structure, const char *text, struct error *err);
/* The edges to one attribute as such a text. Caller frees with free(). */
char *structure_text(const struct structure *structure, enum attribute attribute);

/* Puts the attributes in an order in which parents come first. STATUS_USAGE for a cycle. */
enum status structure_sort(struct structure *structure, struct error *err);

/* Whether a parent is in the row before. */
bool structure_looks_back(const struct structure *structure, enum attribute attribute);

/* The training rows by bins, in two parts that share no host. NULL for what the data lacks. */
struct structure_columns {
    size_t n_rows;
    size_t n_first; /* of them, in the first part */
    const uint32_t *current[N_CODED];
    const uint32_t *previous[N_CODED]; /* NODE_NO_BIN where there is no row before */
    size_t n_bins[N_CODED];
    const uint32_t *hours;     /* of the row's end, 0..23 */
    const uint32_t *gap_hours; /* of the end of the row before: what the gap sees */
};

/* The tree of Chow and Liu ("Approximating discrete probability distributions with dependence
 * trees", IEEE Transactions on Information Theory 14, 1968): each attribute of the row has one
 * parent, in its row or in the row before, so that the sum of the mutual information of all edges
 * is largest. The row before is one vertex, which gives each attribute what the best of its
 * attributes gives; the gap hangs on it. An edge that gives nothing is left out,
 * and so is the hour, which is no vertex, where it gives nothing.
 *
 * Information is measured as what carries over from host to host, structure_information: counted
 * and measured on the same rows, whatever has the most bins seems to tell the most. Measured so, it
 * has a direction, and the tree is a branching (with equal directions, the same tree). */
struct structure structure_learn_tree(uint32_t attributes, const struct structure_columns *columns);

/* The mean of ln P(y | x) / P(y) in nats, counted on each of the two parts of the rows and measured
 * on the other: I(X; Y) as far as it can be used. May be negative. Likewise for x given y. */
void structure_information(const uint32_t *x, size_t n_x_bins, const uint32_t *y, size_t n_y_bins,
                           size_t n_first, size_t n_rows, double *of_y, double *of_x);

/* The branching of largest weight (Edmonds, "Optimum branchings", 1967). weight[child][parent] is
 * not negative; is_in says which vertices there are, the root among them. Sets the parent of each
 * that is no root; of equals the root is preferred. */
enum { STRUCTURE_ROOT = N_CODED, STRUCTURE_VERTICES };
void structure_branching(double weight[STRUCTURE_VERTICES][STRUCTURE_VERTICES], const bool *is_in,
                         size_t *parent);

#endif
