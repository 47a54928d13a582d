/* op_list.h - every operation, once: OP(KIND, name) for src/nn/ops/<name>.c. Included with OP
 * defined to what is wanted of the list, and so without a guard. */
#ifndef OP
#define OP(KIND, name)
#endif
OP(LINEAR, linear)
OP(MASKED_LINEAR, masked_linear)
OP(CONV1D, conv1d)
OP(GATHER_SUM, gather_sum)
OP(CONCAT, concat)
OP(SLICE, slice)
OP(RESHAPE, reshape)
OP(ACTIVATE, activate)
OP(ADD, add)
OP(NORM, norm)
OP(DROPOUT, dropout)
OP(CHANNEL_SUM, channel_sum)
OP(PAIR_SCORES, pair_scores)
OP(SOFTMAX_NLL, softmax_nll)
OP(SLOTS_NLL, slots_nll)
OP(ROUTES_NLL, routes_nll)
OP(LOGISTIC_CELL, logistic_cell)
OP(TOTAL, total)
