/* What is drawn against what is due. */
#include "base/memory.h"
#include "model/masked_conv/balance.h"
#include "model/masked_conv/features.h"
#include "nn/categorical.h"
#include "testing.h"

#include <math.h>
#include <stdlib.h>

/* A network that gives 0 s four times in five and 5 s else, where half of each are due, or it
 * is. */
START_TEST(gaps_are_taken_as_often_as_they_are_due)
{
    enum { N = 20000 };
    static const int32_t n_of_5_s[] = { 50, 20 };
    struct pace_counts left = { 0 };
    int32_t *due = left.of_gap + (size_t)LINK_REMOTE * PACE_GAPS;
    due[pace_gap(5)] = n_of_5_s[_i];
    due[0] = 100 - n_of_5_s[_i];
    left.of_class[0] = 100;
    struct balance balance = { 0 };
    struct rng rng = rng_stream(1, RNG_TEST, 0, 0);
    size_t n_late = 0, n_drawn = 0;
    for (size_t i = 0; i < N; i++) {
        int64_t gap;
        do {
            gap = rng_below(&rng, 5) == 0 ? 5 : 0;
            n_drawn++;
        } while (!balance_accepts_gap(&balance, &left, LINK_REMOTE, gap, &rng));
        n_late += i >= N / 2 && gap == 5;
    }
    double share = (double)n_late / (N / 2);
    assert_near(share, n_of_5_s[_i] / 100.0, 0.03);
    ck_assert_uint_lt(n_drawn, _i == 0 ? 5 * N : 2 * N);
    /* Where nothing is said of the state, what is drawn is taken. */
    for (size_t i = 0; i < 100; i++)
        ck_assert(balance_accepts_gap(&balance, &left, LINK_REPLY, (int64_t)i, &rng));
}
END_TEST

/* Two conversations, of services 1 and 2, and a remote of service 2. */
struct scene {
    struct candidate_list conversations, remotes;
    uint8_t available[N_LINK_CODES];
    real logits[N_LINK_CODES];
};

static void set_scene(struct scene *scene)
{
    *scene = (struct scene){ .conversations = { .n = 2 }, .remotes = { .n = 1 } };
    scene->conversations.items[0].slot = 1;
    scene->conversations.items[1].slot = scene->remotes.items[0].slot = 2;
    static const struct {
        int code;
        double share;
    } given[] = { { LINK_CODE_REPLY, 0.40 },  { LINK_CODE_REPLY + 1, 0.20 },
                  { LINK_CODE_REPEAT, 0.15 }, { LINK_CODE_REPEAT + 1, 0.05 },
                  { LINK_CODE_REMOTE, 0.10 }, { LINK_CODE_NEW, 0.10 } };
    for (size_t i = 0; i < ARRAY_LEN(given); i++) {
        scene->available[given[i].code] = 1;
        scene->logits[given[i].code] = (real)log(given[i].share);
    }
}

static double logit(const struct scene *scene, int code)
{
    return (double)scene->logits[code];
}

START_TEST(links_are_drawn_as_often_as_they_are_due)
{
    enum { N = 20000, OFTEN = 1000 };
    static const double due_of_kind[N_LINK_KINDS] = { 0.3, 0.4, 0.1, 0.2 };
    struct pace_counts due = { 0 };
    size_t state = pace_state(LINK_NEW, 7);
    for (size_t kind = 0; kind < N_LINK_KINDS; kind++) {
        due.of_class[kind * PACE_FORMS] = (int32_t)(OFTEN * due_of_kind[kind]);
        due.of_step[state * N_LINK_KINDS + kind] = (int32_t)(OFTEN * due_of_kind[kind]);
    }
    due.of_service[LINK_REPEAT * SERVICE_SLOTS + 1] = OFTEN / 4; /* a quarter of the repeats */
    due.of_service[LINK_REPEAT * SERVICE_SLOTS + 2] = 3 * OFTEN / 4;
    struct balance balance = { 0 };
    struct rng rng = rng_stream(2, RNG_TEST, 0, 0);
    double n_of_kind[N_LINK_KINDS] = { 0 }, n_repeats = 0, n_of_2 = 0;
    struct scene scene;
    for (size_t i = 0; i < N; i++) {
        set_scene(&scene);
        balance_links(&balance, &due, LINK_NEW, 7, &scene.conversations, &scene.remotes,
                      scene.available, scene.logits);
        size_t code = categorical_draw(scene.logits, scene.available, N_LINK_CODES, 0.0, &rng);
        struct link link = link_of_code((int)code);
        if (i < N / 2)
            continue;
        n_of_kind[link.kind]++;
        n_repeats += link.kind == LINK_REPEAT;
        n_of_2 += link.kind == LINK_REPEAT && link.rank == 1;
    }
    for (size_t kind = 0; kind < N_LINK_KINDS; kind++)
        assert_near(n_of_kind[kind] / (N / 2), due_of_kind[kind], 0.03);
    assert_near(n_of_2 / n_repeats, 0.75, 0.04);
    /* Of replies no service is due: the network's odds stay. */
    assert_near(logit(&scene, LINK_CODE_REPLY) - logit(&scene, LINK_CODE_REPLY + 1), log(2.0),
                1e-4);
}
END_TEST

/* Of the repeats half are to be the second of the hour, half the fifth; the network gives the one
 * conversation three times as much as the other. Kinds keep what they have. */
START_TEST(turns_are_drawn_as_often_as_they_are_due)
{
    enum { N = 20000, CLOCK = 7300, HOUR = 7200 };
    struct pace_counts due = { 0 };
    due.of_turn[LINK_REPEAT * PACE_TURNS + pace_turn(1)] = 30;
    due.of_turn[LINK_REPEAT * PACE_TURNS + pace_turn(4)] = 30;
    struct balance balance = { 0 };
    struct rng rng = rng_stream(3, RNG_TEST, 0, 0);
    size_t n_repeats = 0, n_fifth = 0, n_new = 0;
    for (size_t i = 0; i < N; i++) {
        struct scene scene;
        set_scene(&scene);
        struct candidate *conversations = scene.conversations.items;
        conversations[0].clock = HOUR;
        conversations[0].n_in_hour = 1;
        conversations[1].clock = CLOCK - 5;
        conversations[1].n_in_hour = 4;
        balance_turns(&balance, &due, CLOCK, &scene.conversations, &scene.remotes, scene.available,
                      scene.logits);
        size_t code = categorical_draw(scene.logits, scene.available, N_LINK_CODES, 0.0, &rng);
        struct link link = link_of_code((int)code);
        n_repeats += i >= N / 2 && link.kind == LINK_REPEAT;
        n_fifth += i >= N / 2 && link.kind == LINK_REPEAT && link.rank == 1;
        n_new += i >= N / 2 && link.kind == LINK_NEW;
    }
    assert_near((double)n_fifth / (double)n_repeats, 0.5, 0.06);
    assert_near((double)n_repeats / (N / 2), 0.2, 0.03);
    assert_near((double)n_new / (N / 2), 0.1, 0.02);
}
END_TEST

/* Seven in eight go out and nine in ten of these are TCP by the network; half, and two thirds, are
 * due. */
START_TEST(directions_and_protocols_are_drawn_as_often_as_they_are_due)
{
    enum { N = 20000 };
    static const int64_t protocols[] = { PROTOCOL_ICMP, PROTOCOL_TCP, PROTOCOL_UDP };
    static const uint8_t available[] = { 1, 1, 1 };
    struct pace_counts due = { 0 };
    int32_t *of_new = due.of_class + (size_t)LINK_NEW * PACE_FORMS;
    of_new[DIRECTION_OUT * N_SHARES + SHARE_TCP] = 200;
    of_new[DIRECTION_OUT * N_SHARES + SHARE_UDP] = 100;
    of_new[DIRECTION_IN * N_SHARES + SHARE_ICMP] = 300;
    struct balance balance = { 0 };
    struct rng rng = rng_stream(4, RNG_TEST, 0, 0);
    size_t n_out = 0, n_tcp = 0;
    for (size_t i = 0; i < N; i++) {
        real directions[2] = { 0 },
             of_protocols[] = { (real)log(0.02), (real)log(0.9), (real)log(0.08) };
        directions[DIRECTION_OUT] = (real)log(7.0);
        balance_directions(&balance, &due, LINK_NEW, available, directions);
        balance_protocols(&balance, &due, LINK_NEW, DIRECTION_OUT, protocols, ARRAY_LEN(protocols),
                          available, of_protocols);
        n_out += i >= N / 2 &&
                 categorical_draw(directions, available, 2, 0.0, &rng) == DIRECTION_OUT;
        n_tcp += i >= N / 2 && categorical_draw(of_protocols, available, 3, 0.0, &rng) == 1;
    }
    assert_near((double)n_out / (N / 2), 0.5, 0.03);
    assert_near((double)n_tcp / (N / 2), 2.0 / 3.0, 0.03);
}
END_TEST

/* A host that serves ports 80 and 443 and asks name servers. */
START_TEST(ports_are_taken_as_often_as_they_are_due)
{
    enum { N = 20000 };
    struct service_lists lists = { 0 };
    lists.lists[0][SERVICE_SERVED] = (struct service_list){ .ports = { 80, 443 }, .n = 2 };
    lists.lists[0][SERVICE_USED] = (struct service_list){ .ports = { 25 }, .n = 1 };
    struct pace_counts due = { 0 };
    int32_t *of_new = due.of_service + (size_t)LINK_NEW * SERVICE_SLOTS;
    of_new[service_first_slot(SHARE_TCP, SERVICE_SERVED)] = 30;     /* 80 */
    of_new[service_first_slot(SHARE_TCP, SERVICE_SERVED) + 1] = 30; /* 443 */
    of_new[service_first_slot(SHARE_TCP, SERVICE_USED)] = 40;       /* 25 of others */
    struct row row = { .value = { [ATTRIBUTE_PROTOCOL] = PROTOCOL_TCP } };
    struct balance balance = { 0 };
    struct rng rng = rng_stream(5, RNG_TEST, 0, 0);
    size_t n_of[3] = { 0 };
    for (size_t i = 0; i < N; i++) {
        static const int64_t ports[] = { 80, 443, 50000 };
        size_t which;
        do {
            uint64_t u = rng_below(&rng, 10);
            which = u < 6 ? 0 : u < 7 ? 1 : 2;
        } while (!balance_accepts_port(&balance, &due, LINK_NEW, &row, SERVICE_SERVED, ports[which],
                                       &lists, &rng));
        n_of[which] += i >= N / 2;
    }
    assert_near((double)n_of[0] / (N / 2), 0.3, 0.03);
    assert_near((double)n_of[1] / (N / 2), 0.3, 0.03);
    assert_near((double)n_of[2] / (N / 2), 0.4, 0.03);
    /* The remote's port is free where the host's is that of a service, and without ports both. */
    for (int64_t port = 0; port < 100; port++) {
        row.value[ATTRIBUTE_LOCAL_PORT] = 443;
        ck_assert(
            balance_accepts_port(&balance, &due, LINK_NEW, &row, SERVICE_USED, port, &lists, &rng));
        row.value[ATTRIBUTE_PROTOCOL] = port % 2 == 0 ? PROTOCOL_ICMP : PROTOCOL_TCP;
    }
    row.value[ATTRIBUTE_PROTOCOL] = PROTOCOL_ICMP;
    for (int64_t port = 0; port < 100; port++)
        ck_assert(balance_accepts_port(&balance, &due, LINK_NEW, &row, SERVICE_SERVED, port, &lists,
                                       &rng));
}
END_TEST

START_TEST(without_flows_to_come_nothing_is_weighed)
{
    struct pace_counts due = { 0 };
    struct balance balance = { 0 };
    struct scene scene, before;
    set_scene(&scene);
    before = scene;
    balance_links(&balance, &due, LINK_NEW, 0, &scene.conversations, &scene.remotes,
                  scene.available, scene.logits);
    ck_assert_mem_eq(scene.logits, before.logits, sizeof before.logits);
}
END_TEST

Suite *test_suite(void)
{
    Suite *suite = suite_create("model/masked_conv/balance");
    testing_add_loop(suite, gaps_are_taken_as_often_as_they_are_due, 2);
    testing_add(suite, links_are_drawn_as_often_as_they_are_due);
    testing_add(suite, turns_are_drawn_as_often_as_they_are_due);
    testing_add(suite, directions_and_protocols_are_drawn_as_often_as_they_are_due);
    testing_add(suite, ports_are_taken_as_often_as_they_are_due);
    testing_add(suite, without_flows_to_come_nothing_is_weighed);
    return suite;
}
