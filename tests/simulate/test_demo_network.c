#include "testing.h"

#include "base/memory.h"
#include "data/calendar.h"
#include "data/dataset.h"
#include "data/ugr16.h"
#include "simulate/demo_network.h"

#include <stdlib.h>
#include <string.h>

/* Monday 2016-04-11 and Saturday 2016-04-16, 00:00:00. */
#define MONDAY   INT64_C(1460332800000)
#define SATURDAY INT64_C(1460764800000)

struct flow_list {
    struct flow *flows;
    size_t n, capacity;
};

static struct flow_list simulate(size_t n_hosts, size_t n_hours, int64_t start, uint64_t seed)
{
    struct flow_list list = { 0 };
    struct demo_network *network = demo_network_create(&(struct demo_network_settings){
        .n_hosts = n_hosts, .n_hours = n_hours, .start = start, .seed = seed });
    const struct flow *flows;
    size_t n;
    while (demo_network_next_hour(network, &flows, &n)) {
        list.flows = memory_grow(list.flows, &list.capacity, list.n + n, sizeof *list.flows);
        if (n > 0)
            memcpy(list.flows + list.n, flows, n * sizeof *flows);
        list.n += n;
    }
    demo_network_free(network);
    return list;
}

static bool is_monitored(uint32_t address)
{
    return (address & 0xffff0000u) == DEMO_NETWORK_ADDRESS;
}

/* Bytes as UGR'16 writes them: the flows have padding, and this is what people compare. */
static void assert_same_lines(const struct flow *a, const struct flow *b, size_t n)
{
    char names[2][12] = { "background", "scan44" };
    struct label_list labels = { (char *[]){ names[0], names[1] }, 2 };
    for (size_t i = 0; i < n; i++) {
        char x[UGR16_LINE_MAX], y[UGR16_LINE_MAX];
        size_t length = ugr16_format(&a[i], &labels, x);
        if (ugr16_format(&b[i], &labels, y) != length || memcmp(x, y, length) != 0)
            ck_abort_msg("flow %zu is %.*s and not %.*s", i, (int)length, x, (int)length, y);
    }
}

START_TEST(same_seed_same_flows)
{
    struct flow_list a = simulate(12, 6, MONDAY, 5), b = simulate(12, 6, MONDAY, 5);
    struct flow_list other = simulate(12, 6, MONDAY, 6);
    ck_assert_uint_eq(a.n, b.n);
    ck_assert_uint_gt(a.n, 1000);
    assert_same_lines(a.flows, b.flows, a.n);
    ck_assert(other.n != a.n || other.flows[0].source != a.flows[0].source);
    free(a.flows);
    free(b.flows);
    free(other.flows);
}
END_TEST

/* A longer run begins with the shorter one: hours are made one by one, and nothing of a later one
 * ends before it. */
START_TEST(more_hours_only_add)
{
    struct flow_list few = simulate(10, 5, MONDAY, 7), many = simulate(10, 12, MONDAY, 7);
    ck_assert_uint_gt(many.n, few.n);
    assert_same_lines(few.flows, many.flows, few.n);
    ck_assert_int_ge(many.flows[few.n].end, MONDAY + 5 * MS_PER_HOUR);
    free(few.flows);
    free(many.flows);
}
END_TEST

START_TEST(memory_does_not_grow_with_days)
{
    struct demo_network *network = demo_network_create(&(struct demo_network_settings){
        .n_hosts = 5, .n_hours = 24 * 20, .start = MONDAY, .seed = 1 });
    const struct flow *flows;
    size_t n, most_of_first = 0, most = 0;
    for (size_t hour = 0; demo_network_next_hour(network, &flows, &n); hour++) {
        most = n > most ? n : most;
        if (hour < 24)
            most_of_first = most;
    }
    ck_assert_uint_lt(most, 3 * most_of_first);
    demo_network_free(network);
}
END_TEST

static const char *fault_of(const struct flow *flow)
{
    uint64_t least = flow->protocol == PROTOCOL_TCP ? 40 : 28;
    if (flow->end % MS_PER_SECOND != 0 || flow->end >= MONDAY + MS_PER_DAY)
        return "time";
    if (flow->duration % 4 != 0 || flow->duration > 600000 ||
        (flow->packets == 1 && flow->duration > 0))
        return "duration";
    if (flow->packets < 1 || flow->bytes < least * flow->packets ||
        flow->bytes > 1500 * flow->packets)
        return "packets and bytes";
    if (flow->source == flow->destination ||
        !(is_monitored(flow->source) || is_monitored(flow->destination)))
        return "addresses";
    if (flow->protocol == PROTOCOL_TCP) {
        if (flow->source_port == 0 || flow->destination_port == 0)
            return "ports of TCP";
        return flow->flags == 0 ? "flags of TCP" : NULL;
    }
    if (flow->flags != 16)
        return "flags where there is no TCP";
    if (flow->protocol == PROTOCOL_UDP)
        return flow->source_port == 53 || flow->destination_port == 53 ||
                       (flow->source_port == 123 && flow->destination_port == 123)
                   ? NULL
                   : "ports of UDP";
    if (flow->protocol == PROTOCOL_ICMP) /* echo request and reply */
        return flow->source_port == 0 &&
                       (flow->destination_port == 8 * 256 || flow->destination_port == 0)
                   ? NULL
                   : "ports of ICMP";
    return "protocol";
}

/* One assertion a flow would be most of the time. */
START_TEST(flows_are_legal_and_in_order)
{
    struct flow_list list = simulate(30, 24, MONDAY, 1);
    ck_assert_uint_gt(list.n, 40000);
    for (size_t i = 0; i < list.n; i++) {
        const char *fault = fault_of(&list.flows[i]);
        if (list.flows[i].end < (i > 0 ? list.flows[i - 1].end : MONDAY))
            fault = "order";
        if (fault != NULL)
            ck_abort_msg("flow %zu: %s", i, fault);
    }
    free(list.flows);
}
END_TEST

/* The flows as import would keep them: host by host. */
static struct dataset *as_dataset(struct flow_list list, size_t n_hosts)
{
    struct address_set monitored = { 0 };
    address_set_add_range(&monitored, DEMO_NETWORK_ADDRESS, DEMO_NETWORK_ADDRESS + 0xffff);
    uint32_t *owners = memory_alloc(list.n, sizeof *owners);
    uint32_t *addresses = memory_alloc(n_hosts, sizeof *addresses);
    for (size_t h = 0; h < n_hosts; h++)
        addresses[h] = demo_network_host_address(h);
    for (size_t i = 0; i < list.n; i++) {
        uint32_t address = 0;
        owners[i] = (uint32_t)n_hosts;
        if (dataset_flow_host(&monitored, &list.flows[i], &address))
            for (uint32_t h = 0; h < n_hosts; h++)
                if (addresses[h] == address)
                    owners[i] = h;
        if (owners[i] == n_hosts)
            ck_abort_msg("flow %zu is no host's", i);
    }
    return dataset_create("demo", list.flows, owners, list.n, addresses, n_hosts,
                          (struct label_list){ 0 }, monitored);
}

static bool is_reply(const struct flow *a, const struct flow *b)
{
    return a->source == b->destination && a->destination == b->source &&
           a->source_port == b->destination_port && a->destination_port == b->source_port &&
           a->protocol == b->protocol;
}

/* What models of conversations live on is there, in about the measure of real flows, where 44 % are
 * replies within 8 and 55 % of the gaps are 0. */
START_TEST(conversations_are_like_real_ones)
{
    enum { N_HOSTS = 20, WINDOW = 8 };
    struct dataset *data = as_dataset(simulate(N_HOSTS, 24, MONDAY, 1), N_HOSTS);
    ck_assert_uint_eq(data->n_hosts, N_HOSTS);
    size_t n_replies = 0, n_same_second = 0, n_gaps = 0, n_without_gap = 0, n_remotes = 0;
    for (size_t h = 0; h < data->n_hosts; h++) {
        const struct flow *flows = data->flows + data->hosts[h].first;
        uint32_t self = data->hosts[h].address;
        for (size_t i = 0; i < data->hosts[h].n_flows; i++) {
            uint32_t remote = flows[i].source == self ? flows[i].destination : flows[i].source;
            bool knows = false;
            n_gaps += i > 0;
            n_without_gap += i > 0 && flows[i].end == flows[i - 1].end;
            for (size_t back = 1; back <= WINDOW && back <= i; back++)
                knows |= flows[i - back].source == remote || flows[i - back].destination == remote;
            n_remotes += knows;
            for (size_t back = 1; back <= WINDOW && back <= i; back++) {
                if (!is_reply(&flows[i], &flows[i - back]))
                    continue;
                n_replies++;
                n_same_second += flows[i].end == flows[i - back].end;
                break;
            }
        }
    }
    double n = (double)data->n_flows;
    double reply = (double)n_replies / n, without_gap = (double)n_without_gap / (double)n_gaps;
    double same_second = (double)n_same_second / (double)n_replies, remote = (double)n_remotes / n;
    ck_assert_msg(reply > 0.3 && reply < 0.6, "replies %.3f", reply);
    ck_assert_msg(without_gap > 0.4 && without_gap < 0.65, "without a gap %.3f", without_gap);
    ck_assert_msg(same_second > 0.6 && same_second < 0.95, "in the same second %.3f", same_second);
    ck_assert_msg(remote > 0.6 && remote < 0.9, "remotes known %.3f", remote);
    dataset_free(data);
}
END_TEST

/* All four kinds of activity, the exact values, and both labels are there. */
START_TEST(exact_values_come_back_again_and_again)
{
    struct flow_list list = simulate(20, 24, MONDAY, 1);
    size_t one_packet = 0, no_duration = 0, forty = 0, fifty_two = 0, sixty_four = 0, scans = 0;
    size_t protocols[256] = { 0 };
    for (size_t i = 0; i < list.n; i++) {
        const struct flow *flow = &list.flows[i];
        one_packet += flow->packets == 1;
        no_duration += flow->duration == 0;
        forty += flow->bytes == 40;
        fifty_two += flow->bytes == 52;
        sixty_four += flow->bytes == 64;
        scans += flow->label == 1;
        protocols[flow->protocol]++;
    }
    double n = (double)list.n;
    ck_assert_msg((double)one_packet > 0.25 * n && (double)one_packet < 0.7 * n, "%zu", one_packet);
    ck_assert_uint_ge(no_duration, one_packet);
    ck_assert_double_gt((double)forty, 0.03 * n);
    ck_assert_double_gt((double)fifty_two, 0.01 * n);
    ck_assert_double_gt((double)sixty_four, 0.01 * n);
    ck_assert_double_gt((double)scans, 0.01 * n);
    ck_assert_double_lt((double)scans, 0.2 * n);
    ck_assert_double_gt((double)protocols[PROTOCOL_TCP], 0.5 * n);
    ck_assert_double_gt((double)protocols[PROTOCOL_UDP], 0.05 * n);
    ck_assert_double_gt((double)protocols[PROTOCOL_ICMP], 0.003 * n);
    free(list.flows);
}
END_TEST

static size_t count_between(const struct flow_list *list, int64_t from, int64_t until)
{
    size_t n = 0;
    for (size_t i = 0; i < list->n; i++)
        n += list->flows[i].end >= from && list->flows[i].end < until;
    return n;
}

START_TEST(days_have_a_rhythm)
{
    struct flow_list week = simulate(20, 24, MONDAY, 2), end = simulate(20, 24, SATURDAY, 2);
    size_t night = count_between(&week, MONDAY + 2 * MS_PER_HOUR, MONDAY + 5 * MS_PER_HOUR);
    size_t noon = count_between(&week, MONDAY + 9 * MS_PER_HOUR, MONDAY + 12 * MS_PER_HOUR);
    ck_assert_uint_gt(noon, 2 * night);
    ck_assert_uint_gt(10 * week.n, 11 * end.n);
    free(week.flows);
    free(end.flows);
}
END_TEST

START_TEST(hosts_have_roles_and_addresses_of_their_own)
{
    for (size_t h = 0; h < 3000; h++)
        if (!is_monitored(demo_network_host_address(h)) ||
            demo_network_host_address(h + 1) <= demo_network_host_address(h))
            ck_abort_msg("host %zu", h);
    ck_assert(is_monitored(demo_network_host_address(DEMO_NETWORK_HOSTS_MAX - 1)));
    ck_assert_int_eq(demo_network_host_role(0), ROLE_CLIENT);
    ck_assert_int_eq(demo_network_host_role(1), ROLE_SERVER);
    ck_assert_int_eq(demo_network_host_role(14), ROLE_SCANNER);
}
END_TEST

Suite *test_suite(void)
{
    Suite *suite = suite_create("simulate/demo_network");
    testing_add(suite, same_seed_same_flows);
    testing_add(suite, more_hours_only_add);
    testing_add(suite, memory_does_not_grow_with_days);
    testing_add(suite, flows_are_legal_and_in_order);
    testing_add(suite, conversations_are_like_real_ones);
    testing_add(suite, exact_values_come_back_again_and_again);
    testing_add(suite, days_have_a_rhythm);
    testing_add(suite, hosts_have_roles_and_addresses_of_their_own);
    return suite;
}
