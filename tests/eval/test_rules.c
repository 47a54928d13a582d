#include "eval_fixture.h"
#include "testing.h"

#include "eval/rules.h"

#include <math.h>

static struct rule_rates rates_of(const struct row *rows, size_t n)
{
    struct sequence_set *set = fixture_set(rows, &n, 1);
    struct traffic *traffic = traffic_create(set);
    struct rule_rates rates = rules_measure(traffic);
    traffic_free(traffic);
    fixture_set_free(set);
    return rates;
}

START_TEST(a_plain_flow_keeps_all_rules_that_are_about_it)
{
    struct row row = fixture_row();
    struct rule_rates rates = rates_of(&row, 1);
    for (int r = 0; r < N_RULES; r++) {
        bool is_about = r != RULE_DNS_IS_UDP && r != RULE_ONE_PACKET_NO_TIME &&
                        r != RULE_ICMP_FORM && r != RULE_UDP_FORM;
        if (is_about)
            ck_assert_msg(rates.rates[r] == 1.0, "%s: %g", rule_infos[r].name, rates.rates[r]);
        else
            ck_assert_msg(isnan(rates.rates[r]), "%s: %g", rule_infos[r].name, rates.rates[r]);
    }
}
END_TEST

/* One change to the plain flow, and the one rule that it breaks. */
static const struct {
    enum rule rule;
    struct {
        enum attribute attribute;
        int64_t value;
    } changes[4];
    int n_changes;
} breaches[] = {
    { RULE_WEB_IS_TCP, { { ATTRIBUTE_PROTOCOL, PROTOCOL_UDP }, { ATTRIBUTE_FLAGS, 16 } }, 2 },
    { RULE_DNS_IS_UDP, { { ATTRIBUTE_REMOTE_PORT, 53 } }, 1 },
    { RULE_BYTES_PER_PACKET, { { ATTRIBUTE_BYTES, 199 } }, 1 },
    { RULE_BYTES_PER_PACKET, { { ATTRIBUTE_BYTES, 7501 } }, 1 },
    { RULE_BYTES_PER_PACKET, { { ATTRIBUTE_BYTES, 0 } }, 1 },
    { RULE_ONE_PACKET_NO_TIME, { { ATTRIBUTE_PACKETS, 1 }, { ATTRIBUTE_BYTES, 40 } }, 2 },
    { RULE_ONE_SIDE_LOCAL, { { ATTRIBUTE_REMOTE, 0x0a000009 } }, 1 },
    { RULE_SOURCE_IS_UNICAST,
      { { ATTRIBUTE_REMOTE, 0xe0000001 }, { ATTRIBUTE_DIRECTION, DIRECTION_IN } },
      2 },
    { RULE_ICMP_FORM,
      { { ATTRIBUTE_PROTOCOL, PROTOCOL_ICMP }, { ATTRIBUTE_REMOTE_PORT, 2048 } },
      2 },
    { RULE_UDP_FORM,
      { { ATTRIBUTE_PROTOCOL, PROTOCOL_UDP },
        { ATTRIBUTE_REMOTE_PORT, 123 },
        { ATTRIBUTE_FLAGS, 18 } },
      3 },
    { RULE_TCP_FORM, { { ATTRIBUTE_FLAGS, 0 } }, 1 },
    { RULE_PORTS_ABOVE_ZERO, { { ATTRIBUTE_LOCAL_PORT, 0 } }, 1 },
};

START_TEST(each_breach_is_seen_by_its_rule_alone)
{
    struct row rows[2] = { fixture_row(), fixture_row() };
    for (int c = 0; c < breaches[_i].n_changes; c++)
        rows[1].value[breaches[_i].changes[c].attribute] = breaches[_i].changes[c].value;
    struct rule_rates one = rates_of(&rows[1], 1);
    for (int r = 0; r < N_RULES; r++) {
        bool is_broken = one.rates[r] == 0.0;
        ck_assert_msg(is_broken == (r == (int)breaches[_i].rule), "%s: %g", rule_infos[r].name,
                      one.rates[r]);
    }
    /* Beside a flow that keeps it, half the rate, where the rule is about both. */
    struct rule_rates both = rates_of(rows, 2);
    if (breaches[_i].rule == RULE_BYTES_PER_PACKET || breaches[_i].rule == RULE_TCP_FORM)
        assert_near(both.rates[breaches[_i].rule], 0.5, 1e-15);
}
END_TEST

Suite *test_suite(void)
{
    Suite *suite = suite_create("eval/rules");
    testing_add(suite, a_plain_flow_keeps_all_rules_that_are_about_it);
    testing_add_loop(suite, each_breach_is_seen_by_its_rule_alone, ARRAY_LEN(breaches));
    return suite;
}
