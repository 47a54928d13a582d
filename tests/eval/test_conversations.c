#include "eval_fixture.h"
#include "testing.h"

#include "eval/conversations.h"

static struct row flow(int direction, int remote, int local_port, int gap)
{
    struct row row = fixture_row();
    row.value[ATTRIBUTE_DIRECTION] = direction;
    row.value[ATTRIBUTE_REMOTE] = 0xc0000200 + remote;
    row.value[ATTRIBUTE_LOCAL_PORT] = local_port;
    row.value[ATTRIBUTE_GAP] = gap;
    return row;
}

static struct conversations measure(const struct row *rows, const size_t *n_rows, size_t n_hosts)
{
    struct sequence_set *set = fixture_set(rows, n_rows, n_hosts);
    struct traffic *traffic = traffic_create(set);
    struct conversations measured = conversations_measure(traffic);
    traffic_free(traffic);
    fixture_set_free(set);
    return measured;
}

START_TEST(a_short_talk_is_counted_by_hand)
{
    const struct row rows[] = {
        flow(DIRECTION_OUT, 1, 1000, 0),    /* new */
        flow(DIRECTION_IN, 1, 1000, 0),     /* reply to the 1st */
        flow(DIRECTION_OUT, 1, 1000, 1),    /* reply to the 2nd, repeat of the 1st */
        flow(DIRECTION_OUT, 2, 1000, 0),    /* new remote */
        flow(DIRECTION_OUT, 1, 1001, 0),    /* known remote, new conversation */
        flow(DIRECTION_IN, 3, 1000, 0),     /* new remote, which the host sends nothing to */
        flow(DIRECTION_OUT, 2, 1000, 3600), /* repeat of the 4th, an hour later */
        /* A second host: nothing of the first one's is known to it. */
        flow(DIRECTION_IN, 1, 1000, 0),
    };
    struct conversations measured = measure(rows, (const size_t[]){ 7, 1 }, 2);
    for (int w = 0; w < N_WINDOWS; w++) {
        assert_near(measured.reply[w], 2.0 / 8.0, 1e-15);
        assert_near(measured.repeat[w], 2.0 / 8.0, 1e-15);
        assert_near(measured.remote[w], 4.0 / 8.0, 1e-15);
    }
    assert_near(measured.remotes_per_host, (3.0 + 1.0) / 2.0, 1e-15);
    assert_near(measured.flows_per_conversation, 8.0 / (4.0 + 1.0), 1e-15);
    /* Two remotes in the first hour, one in the second; the other host sends nothing. */
    assert_near(measured.fan_out, 3.0 / 2.0, 1e-15);
}
END_TEST

START_TEST(the_protocol_tells_conversations_apart)
{
    struct row rows[] = { flow(DIRECTION_OUT, 1, 1000, 0), flow(DIRECTION_IN, 1, 1000, 0) };
    rows[1].value[ATTRIBUTE_PROTOCOL] = PROTOCOL_UDP;
    struct conversations measured = measure(rows, (const size_t[]){ 2 }, 1);
    assert_near(measured.reply[2], 0.0, 0.0);
    assert_near(measured.remote[0], 0.5, 1e-15);
}
END_TEST

/* A request, then `_i` flows to other remotes, then its reply: within w means at most w back. */
static const int others[] = { 7, 8, 63, 64, 511, 512 };
START_TEST(windows_end_where_they_say)
{
    enum { MOST = 512 };
    struct row rows[MOST + 2];
    int n = others[_i];
    rows[0] = flow(DIRECTION_OUT, 1, 1000, 0);
    for (int i = 1; i <= n; i++)
        rows[i] = flow(DIRECTION_OUT, 1 + i, 1000, 0);
    rows[n + 1] = flow(DIRECTION_IN, 1, 1000, 0);
    struct conversations measured = measure(rows, (const size_t[]){ (size_t)n + 2 }, 1);
    for (size_t w = 0; w < N_WINDOWS; w++) {
        double expected = (size_t)n + 1 <= conversation_windows[w] ? 1.0 / (n + 2) : 0.0;
        assert_near(measured.reply[w], expected, 1e-15);
        assert_near(measured.remote[w], expected, 1e-15);
    }
}
END_TEST

Suite *test_suite(void)
{
    Suite *suite = suite_create("eval/conversations");
    testing_add(suite, a_short_talk_is_counted_by_hand);
    testing_add(suite, the_protocol_tells_conversations_apart);
    testing_add_loop(suite, windows_end_where_they_say, ARRAY_LEN(others));
    return suite;
}
