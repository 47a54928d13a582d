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
    enum attribute order[N_CODED]; /* set by structure_sort */
    size_t n_order;
};

/* No parents at all; and each attribute's own value in the row before. */
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

/* The training rows by bins, [n_rows] each; NULL for attributes that the data lacks. */
struct structure_columns {
    size_t n_rows;
    const uint32_t *current[N_CODED];
    const uint32_t *previous[N_CODED]; /* NODE_NO_BIN where there is no row before */
    size_t n_bins[N_CODED];
};

/* The tree of Chow and Liu ("Approximating discrete probability distributions with dependence
 * trees", IEEE Transactions on Information Theory 14, 1968): the spanning tree with the largest sum
 * of mutual information, over the attributes of a row and one more vertex, the row before. The
 * weight of an edge to that vertex is the largest information that any of its attributes gives; so
 * each attribute of the row gets one parent, in its row or in the one before. The gap hangs on the
 * row before. An edge whose information is not above its bias is left out. */
struct structure structure_learn_tree(uint32_t attributes, const struct structure_columns *columns);

/* I(X; Y) in nats of two columns, less the bias of the plug-in estimate (Miller, "Note on the bias
 * of information estimates", 1955): (K_xy - K_x - K_y + 1) / 2n for the numbers K of cells seen. */
double mutual_information(const uint32_t *x, size_t n_x_bins, const uint32_t *y, size_t n_y_bins,
                          size_t n_rows);

#endif
