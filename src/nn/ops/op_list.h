/* op_list.h - every operation, once. Included several times with OP defined to what is needed of
 * the list: no guard. */
OP(LINEAR, linear)
OP(MASKED_LINEAR, masked_linear)
OP(CONV1D, conv1d)
OP(GATHER_SUM, gather_sum)
OP(ACTIVATE, activate)
OP(ADD, add)
OP(RESHAPE, reshape)
OP(TOTAL, total)
OP(SOFTMAX_NLL, softmax_nll)
