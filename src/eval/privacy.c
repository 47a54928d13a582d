#include "eval/privacy.h"

#include "eval/privacy_internal.h"
#include "eval/two_sample.h"
#include "eval/verdict.h"

const char *const copies_meaning =
    "Worry where the twin's share is above that of held-out flows: what is beyond it was copied "
    "from training flows.";
const char *const nearest_meaning =
    "0.5: the twin is as near to training flows as other users are. Worry above " WORRY_NEARER_TEXT
    ", or where much more than 5 % are nearer than 95 % of the held-out ones: it keeps "
    "to what it was shown.";
const char *const membership_meaning =
    "0.5: who was trained on cannot be told from the likelihood. Worry above " WORRY_MEMBERSHIP_TEXT
    ": whoever has the model can tell whose flows it was made from. Some hosts are more "
    "likely than others under any model: against a reference that has not seen a host, only what "
    "the model knows of it beyond that counts.";

struct privacy privacy_measure(const struct traffic *training, const struct traffic *held_out,
                               const struct traffic *synthetic, uint64_t seed)
{
    struct privacy_sides sides = { training, held_out, synthetic, seed };
    return (struct privacy){
        .is_measured = true,
        .flows = copies_of_flows(&sides),
        .conversations = copies_of_conversations(&sides),
        .rows = nearest_of_windows(&sides, 1),
        .windows = nearest_of_windows(&sides, TWO_SAMPLE_WINDOW),
    };
}
