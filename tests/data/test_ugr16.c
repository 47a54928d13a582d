#include "testing.h"

#include "base/rng.h"
#include "data/ugr16.h"

#include <stdlib.h>
#include <string.h>

/* Under AddressSanitizer, which is slower, fewer flows are drawn. */
#ifdef __SANITIZE_ADDRESS__
#define N_FLOWS 30000
#else
#define N_FLOWS 400000
#endif

/* ---- helpers ------------------------------------------------------------------------------ */

/* The labels that random flows have. */
static struct label_list make_labels(void)
{
    static const char *const names[] = {
        "background",
        "blacklist",
        "x",
        "with a space",
        "\xc3\xa9t\xc3\xa9 \xf0\x9f\x8c\x9e",
        "sixty-three bytes: ...........................................x",
    };
    struct label_list labels = { 0 };
    for (size_t i = 0; i < ARRAY_LEN(names); i++)
        ck_assert_int_eq(label_list_add(&labels, names[i], strlen(names[i])), i);
    return labels;
}

/* Small and large values alike: any number of low bits. */
static uint64_t random_bits(struct rng *rng, unsigned most)
{
    uint64_t bits = rng_u64(rng) >> (64 - most);
    return bits >> rng_below(rng, most);
}

static struct flow random_flow(struct rng *rng, const struct label_list *labels)
{
    /* 1970-01-01 to 2199-12-31 */
    struct flow flow;
    memset(&flow, 0, sizeof flow);
    flow.end = (int64_t)rng_below(rng, UINT64_C(7258118400)) * 1000;
    flow.packets = random_bits(rng, 63);
    flow.packets += flow.packets == 0;
    flow.bytes = random_bits(rng, 63);
    flow.duration = (uint32_t)random_bits(rng, 32);
    flow.source = (uint32_t)random_bits(rng, 32);
    flow.destination = (uint32_t)random_bits(rng, 32);
    flow.source_port = (uint16_t)random_bits(rng, 16);
    flow.destination_port = (uint16_t)random_bits(rng, 16);
    flow.protocol = (uint8_t)rng_below(rng, 256);
    flow.flags = (uint8_t)rng_below(rng, 256);
    flow.forwarding = (uint8_t)random_bits(rng, 8);
    flow.tos = (uint8_t)random_bits(rng, 8);
    flow.label = (uint8_t)rng_below(rng, labels->n);
    return flow;
}

static bool flows_are_equal(const struct flow *a, const struct flow *b)
{
    return a->end == b->end && a->packets == b->packets && a->bytes == b->bytes &&
           a->duration == b->duration && a->source == b->source &&
           a->destination == b->destination && a->source_port == b->source_port &&
           a->destination_port == b->destination_port && a->protocol == b->protocol &&
           a->flags == b->flags && a->forwarding == b->forwarding && a->tos == b->tos &&
           a->label == b->label;
}

/* Parses a copy that ends where the line does, so that AddressSanitizer sees a step too far. */
static enum ugr16_column parse_alone(struct ugr16_reader *reader, const char *line, size_t length,
                                     struct flow *flow, struct label_list *labels)
{
    char *copy = malloc(length + 1);
    ck_assert_ptr_nonnull(copy);
    memcpy(copy, line, length);
    copy[length] = '\n';
    struct ugr16_label label;
    enum ugr16_column fault = ugr16_parse(reader, copy, length, flow, &label);
    if (fault == UGR16_FINE) {
        int index = label_list_add(labels, label.text, label.length);
        flow->label = (uint8_t)index;
        fault = index >= 0 ? UGR16_FINE : UGR16_LABEL;
    } else {
        char words[UGR16_FAULT_SIZE];
        ugr16_explain(fault, copy, length, words);
        ck_assert_uint_gt(strlen(words), 10);
    }
    free(copy);
    return fault;
}

static enum ugr16_column parse_text(const char *line, struct flow *flow)
{
    struct ugr16_reader reader = { 0 };
    struct label_list labels = { 0 };
    enum ugr16_column fault = parse_alone(&reader, line, strlen(line), flow, &labels);
    label_list_release(&labels);
    return fault;
}

/* ---- properties --------------------------------------------------------------------------- */

START_TEST(what_is_written_is_read_back)
{
    struct label_list labels = make_labels();
    struct ugr16_reader reader = { 0 };
    struct rng rng = rng_stream(1, RNG_TEST, 0, 0);
    size_t longest = 0;
    for (int i = 0; i < N_FLOWS; i++) {
        struct flow flow = random_flow(&rng, &labels), back;
        char line[UGR16_LINE_MAX];
        size_t length = ugr16_format(&flow, &labels, line);
        longest = length > longest ? length : longest;
        ck_assert(line[length - 1] == '\n');
        struct ugr16_label label;
        enum ugr16_column fault = ugr16_parse(&reader, line, length - 1, &back, &label);
        ck_assert_msg(fault == UGR16_FINE, "column %d of %.*s", fault, (int)length, line);
        back.label = (uint8_t)label_list_find(&labels, label.text, label.length);
        ck_assert_msg(flows_are_equal(&back, &flow), "%.*s", (int)length, line);
    }
    ck_assert_uint_le(longest, UGR16_LINE_MAX);
    label_list_release(&labels);
}
END_TEST

/* Flips bytes, tears, doubles or drops a piece, or swaps in a byte that means something. */
static size_t mutate(struct rng *rng, char *line, size_t length)
{
    static const char meaningful[] = "0123456789,.-: /eUAPRSF\r\0\"";
    size_t at = (size_t)rng_below(rng, length);
    size_t piece = 1 + (size_t)rng_below(rng, length - at < 30 ? length - at : 30);
    switch (rng_below(rng, 6)) {
    case 0:
        line[at] = (char)(line[at] ^ 1 << rng_below(rng, 8));
        break;
    case 1:
        line[at] = meaningful[rng_below(rng, sizeof meaningful - 1)];
        break;
    case 2:
        return at + 1; /* torn */
    case 3:
        memmove(line + at, line + at + piece, length - at - piece);
        return length > piece ? length - piece : 1;
    case 4:
        memmove(line + at + piece, line + at, length - at);
        return length + piece;
    default:
        memmove(line + at + 1, line + at, length - at);
        line[at] = meaningful[rng_below(rng, sizeof meaningful - 1)];
        return length + 1;
    }
    return length;
}

/* A mutated line is refused, or it is a flow: then what is written for it is read as the same. */
START_TEST(mutated_lines_are_refused_or_mean_a_flow)
{
    struct label_list labels = make_labels();
    struct ugr16_reader reader = { 0 };
    struct rng rng = rng_stream(2, RNG_TEST, 0, 0);
    int n_fine = 0, n_by_fault[UGR16_FINE] = { 0 };
    for (int i = 0; i < N_FLOWS / 2; i++) {
        struct flow flow = random_flow(&rng, &labels), back;
        char line[2 * UGR16_LINE_MAX];
        size_t length = ugr16_format(&flow, &labels, line) - 1;
        for (uint64_t n = 1 + rng_below(&rng, 3); n > 0; n--)
            length = mutate(&rng, line, length);
        struct label_list seen = { 0 };
        enum ugr16_column fault = parse_alone(&reader, line, length, &flow, &seen);
        if (fault == UGR16_FINE) {
            n_fine++;
            length = ugr16_format(&flow, &seen, line) - 1;
            ck_assert(parse_alone(&reader, line, length, &back, &seen) == UGR16_FINE);
            ck_assert_msg(flows_are_equal(&back, &flow), "%.*s", (int)length, line);
        } else {
            n_by_fault[fault]++;
        }
        label_list_release(&seen);
    }
    /* The mutations do reach every kind of fault, and some lines survive. */
    ck_assert_int_gt(n_fine, N_FLOWS / 40);
    for (size_t f = 0; f < UGR16_FINE; f++)
        ck_assert_msg(n_by_fault[f] > 5, "fault %zu came up %d times", f, n_by_fault[f]);
    label_list_release(&labels);
}
END_TEST

/* ---- cases -------------------------------------------------------------------------------- */

#define TE   "2016-04-11 00:01:38"
#define REST ".A....,0,64,12,864,background"

START_TEST(a_line_means_this)
{
    struct flow flow;
    ck_assert(parse_text("2016-04-11 00:01:38,6.004,165.133.210.175,42.219.155.19,34921,161,UDP,"
                         ".A....,1,64,12,864,background",
                         &flow) == UGR16_FINE);
    ck_assert_int_eq(flow.end, INT64_C(1460332898000));
    ck_assert_uint_eq(flow.duration, 6004);
    ck_assert_uint_eq(flow.source, 0xa585d2af);
    ck_assert_uint_eq(flow.destination, 0x2adb9b13);
    ck_assert_uint_eq(flow.source_port, 34921);
    ck_assert_uint_eq(flow.destination_port, 161);
    ck_assert_uint_eq(flow.protocol, PROTOCOL_UDP);
    ck_assert_uint_eq(flow.flags, 16);
    ck_assert_uint_eq(flow.forwarding, 1);
    ck_assert_uint_eq(flow.tos, 64);
    ck_assert_uint_eq(flow.packets, 12);
    ck_assert_uint_eq(flow.bytes, 864);
}
END_TEST

static const char *const legal_lines[] = {
    TE ",0,1.2.3.4,1.2.3.4,0,771,ICMP," REST, /* to itself; a duration without decimals */
    TE ",0.5,0.0.0.0,255.255.255.255,1,2,tcp," REST,
    "2016-02-29T23:59:59,4294967.295,1.2.3.4,5.6.7.8,1,2,6," REST,
    TE ",0.000,1.2.3.4,5.6.7.8,00080,65535,GRE," REST,
    TE ",0.000,1.2.3.4,5.6.7.8,1,2,IPv6,0xff,255,255,9223372036854775807,9223372036854775807,a b",
};

START_TEST(unusual_lines_are_legal)
{
    struct flow flow;
    enum ugr16_column fault = parse_text(legal_lines[_i], &flow);
    ck_assert_msg(fault == UGR16_FINE, "fault %d in %s", fault, legal_lines[_i]);
}
END_TEST

static const struct {
    enum ugr16_column fault;
    const char *line;
} refused[] = {
    { UGR16_COLUMN_COUNT, "" },
    { UGR16_COLUMN_COUNT, "junk" },
    { UGR16_COLUMN_COUNT, TE },
    { UGR16_COLUMN_COUNT, TE ",6.000,1.2.3.4,5.6.7.8,1,2" },
    { UGR16_COLUMN_COUNT, TE ",6.000,1.2.3.4,5.6.7.8,1,2,TCP," REST ",more" },
    { UGR16_TE, ",,,,,,,,,,,," },
    { UGR16_TE, "2016-02-30 00:01:38,6.000,1.2.3.4,5.6.7.8,1,2,TCP," REST },
    { UGR16_TE, "2016-04-11 24:00:00,6.000,1.2.3.4,5.6.7.8,1,2,TCP," REST },
    { UGR16_TE, "2016-04-11 00:60:00,6.000,1.2.3.4,5.6.7.8,1,2,TCP," REST },
    { UGR16_TE, "2016-04-11 00:01:38.5,6.000,1.2.3.4,5.6.7.8,1,2,TCP," REST },
    { UGR16_TE, "2016-04-11,6.000,1.2.3.4,5.6.7.8,1,2,TCP," REST },
    { UGR16_TE, " " TE ",6.000,1.2.3.4,5.6.7.8,1,2,TCP," REST },
    { UGR16_TD, TE ",-1.000,1.2.3.4,5.6.7.8,1,2,TCP," REST },
    { UGR16_TD, TE ",4294967.296,1.2.3.4,5.6.7.8,1,2,TCP," REST },
    { UGR16_TD, TE ",99999999999999999999999,1.2.3.4,5.6.7.8,1,2,TCP," REST },
    { UGR16_TD, TE ",6.0001,1.2.3.4,5.6.7.8,1,2,TCP," REST },
    { UGR16_TD, TE ",6.,1.2.3.4,5.6.7.8,1,2,TCP," REST },
    { UGR16_TD, TE ",.5,1.2.3.4,5.6.7.8,1,2,TCP," REST },
    { UGR16_TD, TE ",nan,1.2.3.4,5.6.7.8,1,2,TCP," REST },
    { UGR16_TD, TE ",1e3,1.2.3.4,5.6.7.8,1,2,TCP," REST },
    { UGR16_TD, TE ",,1.2.3.4,5.6.7.8,1,2,TCP," REST },
    { UGR16_SA, TE ",6.000,1.2.3,5.6.7.8,1,2,TCP," REST },
    { UGR16_SA, TE ",6.000,1.2.3.256,5.6.7.8,1,2,TCP," REST },
    { UGR16_SA, TE ",6.000,01.2.3.4,5.6.7.8,1,2,TCP," REST },
    { UGR16_DA, TE ",6.000,1.2.3.4,::1,1,2,TCP," REST },
    { UGR16_DA, TE ",6.000,1.2.3.4,5.6.7.8.9,1,2,TCP," REST },
    { UGR16_DA, TE ",6.000,1.2.3.4,5.6.7.1000,1,2,TCP," REST },
    { UGR16_SP, TE ",6.000,1.2.3.4,5.6.7.8,65536,2,TCP," REST },
    { UGR16_SP, TE ",6.000,1.2.3.4,5.6.7.8,-1,2,TCP," REST },
    { UGR16_SP, TE ",6.000,1.2.3.4,5.6.7.8,18446744073709551617,2,TCP," REST },
    { UGR16_DP, TE ",6.000,1.2.3.4,5.6.7.8,1,3.1,TCP," REST },
    { UGR16_DP, TE ",6.000,1.2.3.4,5.6.7.8,1, 2,TCP," REST },
    { UGR16_PR, TE ",6.000,1.2.3.4,5.6.7.8,1,2,TPC," REST },
    { UGR16_PR, TE ",6.000,1.2.3.4,5.6.7.8,1,2,," REST },
    { UGR16_FLG, TE ",6.000,1.2.3.4,5.6.7.8,1,2,TCP,.A...,0,64,12,864,background" },
    { UGR16_FWD, TE ",6.000,1.2.3.4,5.6.7.8,1,2,TCP,.A....,256,64,12,864,background" },
    { UGR16_STOS, TE ",6.000,1.2.3.4,5.6.7.8,1,2,TCP,.A....,0,-64,12,864,background" },
    { UGR16_PKT, TE ",6.000,1.2.3.4,5.6.7.8,1,2,TCP,.A....,0,64,0,864,background" },
    { UGR16_PKT, TE ",6.000,1.2.3.4,5.6.7.8,1,2,TCP,.A....,0,64,-12,864,background" },
    { UGR16_BYT, TE ",6.000,1.2.3.4,5.6.7.8,1,2,TCP,.A....,0,64,12,-1,background" },
    { UGR16_BYT, TE ",6.000,1.2.3.4,5.6.7.8,1,2,TCP,.A....,0,64,12,9223372036854775808,x" },
    { UGR16_LABEL, TE ",6.000,1.2.3.4,5.6.7.8,1,2,TCP,.A....,0,64,12,864," },
    { UGR16_LABEL, TE ",6.000,1.2.3.4,5.6.7.8,1,2,TCP,.A....,0,64,12,864,\xff\xfe" },
    { UGR16_LABEL, TE ",6.000,1.2.3.4,5.6.7.8,1,2,TCP,.A....,0,64,12,864,\xed\xa0\x80" },
    { UGR16_LABEL, TE ",6.000,1.2.3.4,5.6.7.8,1,2,TCP,.A....,0,64,12,864,a\tb" },
    { UGR16_LABEL, TE ",6.000,1.2.3.4,5.6.7.8,1,2,TCP,.A....,0,64,12,864,"
                      "sixty-four bytes: ............................................xx" },
};

START_TEST(bad_lines_are_refused_for_the_right_column)
{
    struct flow flow;
    enum ugr16_column fault = parse_text(refused[_i].line, &flow);
    ck_assert_msg(fault == refused[_i].fault, "fault %d, not %d, in %s", fault, refused[_i].fault,
                  refused[_i].line);
}
END_TEST

START_TEST(faults_are_explained)
{
    static const struct {
        enum ugr16_column fault;
        const char *line, *words;
    } cases[] = {
        { UGR16_SP, TE ",6.000,1.2.3.4,5.6.7.8,70000,2,TCP," REST,
          "column 5 (sp) is \"70000\", not a port 0..65535" },
        { UGR16_LABEL, "a,b,c,d,e,f,g,h,i,j,k,l,m\x01\xc3", "column 13 (label) is \"m??\"" },
        { UGR16_TE, "2016-02-30 00:00:00,b,c,d,e,f,g,h,i,j,k,l,m",
          "column 1 (te) is \"2016-02-30 00:00:00\", not a time" },
        { UGR16_COLUMN_COUNT, "torn,line", "2 columns, not the 13" },
        { UGR16_COLUMN_COUNT, "junk", "1 column, not the 13" },
    };
    char words[UGR16_FAULT_SIZE];
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        ugr16_explain(cases[i].fault, cases[i].line, strlen(cases[i].line), words);
        testing_assert_words(words, cases[i].words);
    }
    char long_line[5000];
    memset(long_line, 'x', sizeof long_line);
    memcpy(long_line, "a,b,c,d,e,f,g,h,i,j,k,l", 23);
    long_line[23] = ',';
    ugr16_explain(UGR16_LABEL, long_line, sizeof long_line, words);
    testing_assert_words(words, "xxx...\", not UTF-8 text");
}
END_TEST

START_TEST(headers_are_recognised)
{
    static const struct {
        const char *line;
        bool is_header;
    } cases[] = {
        { "te,td,sa,da,sp,dp,pr,flg,fwd,stos,pkt,byt,label", true },
        { " TE , td,SA,da,sp,dp,PR,flg,fwd,stos,pkt,byt,Label ", true },
        { "te,td,sa,da,sp,dp,pr,flg,fwd,stos,pkt,byt", false },
        { "te,td,sa,da,sp,dp,pr,flg,fwd,tos,pkt,byt,label", false },
        { ",,,,,,,,,,,,", false },
        { "", false },
        { TE ",6.000,1.2.3.4,5.6.7.8,1,2,TCP," REST, false },
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++)
        ck_assert_msg(ugr16_is_header(cases[i].line, strlen(cases[i].line)) == cases[i].is_header,
                      "%s", cases[i].line);
    ck_assert(ugr16_is_header(UGR16_HEADER, strlen(UGR16_HEADER)));
}
END_TEST

Suite *test_suite(void)
{
    Suite *suite = suite_create("data/ugr16");
    testing_add(suite, what_is_written_is_read_back);
    testing_add(suite, mutated_lines_are_refused_or_mean_a_flow);
    testing_add(suite, a_line_means_this);
    testing_add_loop(suite, unusual_lines_are_legal, ARRAY_LEN(legal_lines));
    testing_add_loop(suite, bad_lines_are_refused_for_the_right_column, ARRAY_LEN(refused));
    testing_add(suite, faults_are_explained);
    testing_add(suite, headers_are_recognised);
    return suite;
}
