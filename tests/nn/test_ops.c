/* Walks the registry of operations: gradients of every case (builds with NN_GRADCHECK), and what
 * holds for all of them. */
#include "testing.h"

#include "gradcheck.h"
#include "nn/op.h"

#ifdef NN_GRADCHECK
START_TEST(gradients_are_the_differences)
{
    enum op_kind kind = (enum op_kind)_i;
    const struct op_def *def = op_registry[kind];
    struct error err;
    ck_assert_msg(def->n_cases > 0, "%s has no gradient-check case", def->name);
    for (size_t i = 0; i < def->n_cases; i++)
        assert_ok(gradcheck_op(kind, &def->cases[i], &err), err);
}
END_TEST
#endif

START_TEST(names_are_those_of_the_list)
{
    static const char *const names[] = {
#define OP(KIND, name) #name,
#include "nn/ops/op_list.h"
#undef OP
    };
    ck_assert_str_eq(op_registry[_i]->name, names[_i]);
}
END_TEST

Suite *test_suite(void)
{
    Suite *suite = suite_create("nn/ops");
    testing_add_loop(suite, names_are_those_of_the_list, OP_COUNT);
#ifdef NN_GRADCHECK
    testing_add_loop(suite, gradients_are_the_differences, OP_COUNT);
#endif
    return suite;
}
