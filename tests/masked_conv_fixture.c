#include "masked_conv_fixture.h"

#include "base/memory.h"
#include "base/threads.h"
#include "data/calendar.h"
#include "model_fixture.h"

#include <stdlib.h>
#include <string.h>

/* ---- the past, live ----------------------------------------------------------------------- */

struct live_past *live_past_create(const struct vocabulary *vocabulary, int64_t start)
{
    struct live_past *past = memory_zalloc(1, sizeof *past);
    past->vocabulary = vocabulary;
    past->memory = conversation_memory_create();
    past->like_rows = like_rows_create(NULL, 0, true);
    past->clock = start;
    return past;
}

void live_past_free(struct live_past *past)
{
    conversation_memory_free(past->memory);
    like_rows_free(past->like_rows);
    free(past);
}

/* A copy of a row of the memory, which may move. */
static struct seen_row keep(struct past_row *place, const struct past_row *past)
{
    if (past == NULL)
        return (struct seen_row){ 0 };
    *place = *past;
    return (struct seen_row){ &place->row, place->clock, place->index };
}

static struct seen_row seen_if(bool is_there, const struct past_row *past)
{
    if (!is_there)
        return (struct seen_row){ 0 };
    return (struct seen_row){ &past->row, past->clock, past->index };
}

static struct like_facts facts_of(const struct row *row, enum link_kind kind,
                                  const struct past_row *match)
{
    return (struct like_facts){ row, kind, match != NULL ? &match->row : NULL };
}

static void find_like(struct live_past *past, const struct like_facts *facts,
                      struct row_context *context)
{
    like_rows_find(past->like_rows, facts, 0, N_LIKENESSES, past->like);
    context->past = past->like_rows;
    context->like = past->like;
    for (enum reference r = 0; r < N_REFERENCES; r++) {
        int32_t number = like_rows_reference(past->like_rows, past->like, (int32_t)past->n_rows, r);
        if (number >= 0)
            context->references[r] = (struct seen_row){ like_rows_row(past->like_rows, number),
                                                        like_rows_clock(past->like_rows, number),
                                                        (uint64_t)number };
    }
}

void live_past_context(struct live_past *past, const struct row *row, struct row_context *context)
{
    const struct conversation_memory *memory = past->memory;
    *context = (struct row_context){
        .row = row,
        .clock = past->clock,
        .index = past->n_rows,
        .n_in_second = past->n_in_second,
        .previous = seen_if(past->has_previous, &past->previous),
        .last_new = seen_if(past->has_last_new, &past->last_new),
        .link = conversation_link(memory, row),
        .n_conversations = conversation_count(memory),
        .n_remotes = conversation_remote_count(memory),
        .kept_ports = past->kept,
        .kept_atoms = past->kept,
        .full_octets = past->full_octets,
        .kept_octets = past->kept_octets,
        .beats = past->beats_due,
    };
    for (size_t is_known = 0; is_known < 2; is_known++)
        beats_find(&past->beats, past->clock, &past->beats_due[is_known]);
    if (conversation_remote_count(memory) > 0) { /* the previous row's remote is in front */
        const struct link front = { LINK_REMOTE, 0 };
        const struct past_row *before = conversation_before(memory, &front);
        context->previous_flows = conversation_remote_at(memory, 0)->n_flows;
        if (before != NULL)
            context->previous_steps = candidate_steps(&before->row, &past->previous.row);
    }
    const struct past_row *match = conversation_match(memory, &context->link);
    context->match = keep(&past->match, match);
    context->match_flows = match != NULL ? match->n_flows : 0;
    context->match_in_hour = past_row_in_hour(match, past->clock + row->value[ATTRIBUTE_GAP]);
    if (link_is_of_conversation(context->link.kind))
        context->room = past_row_room(match, row->value[ATTRIBUTE_DIRECTION],
                                      past->clock + row->value[ATTRIBUTE_GAP]);
    if (context->link.kind == LINK_REMOTE)
        context->before_match = keep(&past->before,
                                     conversation_before(past->memory, &context->link));
    const struct like_facts facts = facts_of(row, context->link.kind, match);
    find_like(past, &facts, context);
    for (size_t s = 0; s < CONVERSATIONS_SHOWN && s < context->n_conversations; s++)
        context->shown[s] = conversation_code(conversation_at(memory, s), past->clock);
    uint32_t remote = (uint32_t)row->value[ATTRIBUTE_REMOTE];
    if (context->link.kind == LINK_REMOTE) {
        context->n_kept_ports = conversation_remote_ports(memory, row, past->kept);
        context->is_icmp_kept = conversation_is_kept(memory, remote, PROTOCOL_ICMP, 0, 0);
    } else if (context->link.kind == LINK_NEW) {
        context->n_kept_atoms = kept_atoms_of(memory, past->vocabulary, past->kept);
        context->n_full_octets = full_octets_of(memory, past->vocabulary, remote,
                                                past->full_octets);
        context->n_kept_octets = kept_octets_of(memory, past->vocabulary, remote,
                                                past->kept_octets);
    }
}

void live_past_note(struct live_past *past, const struct row *row)
{
    struct link link = conversation_link(past->memory, row);
    past->clock += row->value[ATTRIBUTE_GAP];
    past->previous = (struct past_row){ .row = *row, .clock = past->clock, .index = past->n_rows };
    past->has_previous = true;
    if (link.kind == LINK_REMOTE || link.kind == LINK_NEW) {
        past->last_new = past->previous;
        past->has_last_new = true;
    }
    const struct like_facts facts = facts_of(row, link.kind,
                                             conversation_match(past->memory, &link));
    like_rows_note(past->like_rows, &facts, past->clock);
    conversation_note(past->memory, row, past->clock);
    beats_note(&past->beats, row, &conversation_at(past->memory, 0)->beat,
               &conversation_remote_at(past->memory, 0)->beat, (struct usual_period){ 0 },
               candidate_look(past->vocabulary, row).service);
    past->n_in_second = row->value[ATTRIBUTE_GAP] == 0 ? past->n_in_second + 1 : 1;
    past->n_rows++;
}

/* ---- the pace ----------------------------------------------------------------------------- */

struct pace_mark mark_of_row(const struct linked_sequence *linked, size_t i,
                             const struct service_lists *services)
{
    struct row_context context, before = { .link = { LINK_NEW, 0 } };
    linked_sequence_context(linked, i, &context);
    if (i > 0)
        linked_sequence_context(linked, i - 1, &before);
    const struct pace_facts facts = { context.row, context.link.kind, before.link.kind,
                                      context.n_in_second, context.match_in_hour };
    return pace_mark(&facts, services);
}

/* ---- rows --------------------------------------------------------------------------------- */

static int64_t count_of(struct rng *rng, int64_t lowest, int64_t highest)
{
    switch (rng_below(rng, 40)) {
    case 0:
        return highest - (int64_t)rng_below(rng, 3);
    case 1:
        return lowest + (int64_t)(rng_u64(rng) % (uint64_t)(highest - lowest));
    case 2:
    case 3:
        return lowest + (int64_t)rng_below(rng, 5000);
    default:
        return lowest + (int64_t)rng_below(rng, 12);
    }
}

struct row crowded_row(struct rng *rng)
{
    static const int64_t protocols[] = { PROTOCOL_TCP, PROTOCOL_TCP, PROTOCOL_UDP, PROTOCOL_ICMP,
                                         47 };
    static const int64_t ports[] = { 0, 53, 80, 443, 444, 50000, 50001, 65535 };
    struct row row = { 0 };
    int64_t *value = row.value;
    value[ATTRIBUTE_GAP] = rng_below(rng, 3) > 0 ? 0 : count_of(rng, 0, 4000);
    value[ATTRIBUTE_REMOTE] = 0x0b000100 + (int64_t)rng_below(rng, 256);
    if (rng_below(rng, 10) == 0)
        value[ATTRIBUTE_REMOTE] = rng_below(rng, 2) > 0
                                      ? 0x0b000000 + (int64_t)rng_below(rng, 65536)
                                      : (int64_t)rng_u32(rng);
    value[ATTRIBUTE_DIRECTION] = (int64_t)rng_below(rng, 2);
    value[ATTRIBUTE_PROTOCOL] = protocols[rng_below(rng, ARRAY_LEN(protocols))];
    value[ATTRIBUTE_LOCAL_PORT] = ports[rng_below(rng, ARRAY_LEN(ports))];
    value[ATTRIBUTE_REMOTE_PORT] = ports[rng_below(rng, ARRAY_LEN(ports))];
    value[ATTRIBUTE_FLAGS] = (int64_t)rng_below(rng, 4);
    value[ATTRIBUTE_TOS] = (int64_t)rng_below(rng, 30) == 0 ? (int64_t)rng_below(rng, 256) : 0;
    value[ATTRIBUTE_PACKETS] = count_of(rng, 1, INT64_C(1) << 50);
    value[ATTRIBUTE_BYTES] = rng_below(rng, 4) > 0 && value[ATTRIBUTE_PACKETS] < 100000
                                 ? 40 * value[ATTRIBUTE_PACKETS]
                                 : count_of(rng, 0, INT64_C(1) << 62);
    value[ATTRIBUTE_DURATION] = count_of(rng, 0, UINT32_MAX);
    if (rng_below(rng, 50) > 0)
        value[ATTRIBUTE_DURATION] -= value[ATTRIBUTE_DURATION] % 4;
    return row;
}

struct sequence_set *crowded_sequence(uint64_t seed, size_t n_rows)
{
    struct sequence_set *set = fixture_empty(1, n_rows);
    struct rng rng = rng_stream(seed, RNG_TEST, 0, 0);
    for (size_t i = 0; i < n_rows; i++)
        set->rows[i] = crowded_row(&rng);
    return set;
}

/* ---- a tiny world ------------------------------------------------------------------------- */

enum { TINY_LONG = 8000 }; /* ms: longer than all rooms */
enum { ATOM_A = 0x08080808, ATOM_B = 0x0b000101, ATOM_C = 0x0c000001, OTHER = 0x0b000102 };

static void list_values(struct vocabulary *vocabulary, enum attribute attribute, size_t n,
                        const int64_t *values)
{
    struct value_list *list = &vocabulary->lists[attribute];
    list->n = n;
    list->values = memory_alloc(n, sizeof *values);
    memcpy(list->values, values, n * sizeof *values);
}

struct vocabulary tiny_vocabulary(void)
{
    struct vocabulary vocabulary = {
        .duration_grid = 4,
        .highest_gap = 100000,
        .highest_packets = 100000,
        .highest_duration = 1000000,
        .ratio_lowest = { 20, 20 },
        .ratio_highest = { 1500, 1500 },
    };
    list_values(&vocabulary, ATTRIBUTE_REMOTE, 3, (int64_t[]){ ATOM_A, ATOM_B, ATOM_C });
    list_values(&vocabulary, ATTRIBUTE_PROTOCOL, 3,
                (int64_t[]){ PROTOCOL_ICMP, PROTOCOL_TCP, PROTOCOL_UDP });
    list_values(&vocabulary, ATTRIBUTE_LOCAL_PORT, 2, (int64_t[]){ 443, 50000 });
    list_values(&vocabulary, ATTRIBUTE_REMOTE_PORT, 2, (int64_t[]){ 53, 443 });
    list_values(&vocabulary, ATTRIBUTE_FLAGS, 2, (int64_t[]){ 16, 24 });
    list_values(&vocabulary, ATTRIBUTE_TOS, 1, (int64_t[]){ 0 });
    list_values(&vocabulary, ATTRIBUTE_FORWARDING, 1, (int64_t[]){ 0 });
    list_values(&vocabulary, ATTRIBUTE_LABEL, 1, (int64_t[]){ 0 });
    list_values(&vocabulary, ATTRIBUTE_BYTES, 2, (int64_t[]){ 40, 80 });
    list_values(&vocabulary, ATTRIBUTE_DURATION, 3, (int64_t[]){ 0, 8, TINY_LONG });
    return vocabulary;
}

const struct row tiny_past[TINY_PAST] = {
    { { 5, ATOM_A, DIRECTION_OUT, PROTOCOL_TCP, 50000, 443, 24, 0, 0, 0, 1, 40, 8 } },
    { { 0, ATOM_A, DIRECTION_IN, PROTOCOL_TCP, 50000, 443, 24, 0, 0, 0, 1, 40, 8 } },
    { { 1, ATOM_B, DIRECTION_OUT, PROTOCOL_UDP, 50000, 53, 16, 0, 0, 0, 1, 80, 0 } },
    { { 0, ATOM_A, DIRECTION_OUT, PROTOCOL_ICMP, 0, 2048, 16, 0, 0, 0, 1, 80, 0 } },
    { { 2, OTHER, DIRECTION_IN, PROTOCOL_TCP, 443, 40000, 24, 0, 0, 0, 1, 40, 8 } },
};

/* Takes the next digit of a number to a mixed base. */
static size_t digit(size_t *number, size_t base)
{
    size_t d = *number % base;
    *number /= base;
    return d;
}

struct row tiny_row(size_t number)
{
    static const int64_t remotes[] = { ATOM_A, ATOM_B, ATOM_C, OTHER };
    static const int64_t protocols[] = { PROTOCOL_ICMP, PROTOCOL_TCP, PROTOCOL_UDP };
    static const int64_t local_ports[] = { 0, 443, 50000 };
    static const int64_t durations[] = { 0, 8, TINY_LONG };
    static const int64_t remote_ports[] = { 0, 53, 443, 2048, 40000 };
    struct row row = { { [ATTRIBUTE_PACKETS] = 1 } };
    int64_t *value = row.value;
    value[ATTRIBUTE_REMOTE] = remotes[digit(&number, 4)];
    value[ATTRIBUTE_DIRECTION] = (int64_t)digit(&number, 2);
    value[ATTRIBUTE_PROTOCOL] = protocols[digit(&number, 3)];
    value[ATTRIBUTE_LOCAL_PORT] = local_ports[digit(&number, 3)];
    value[ATTRIBUTE_REMOTE_PORT] = remote_ports[digit(&number, 5)];
    value[ATTRIBUTE_FLAGS] = digit(&number, 2) > 0 ? 16 : 24;
    value[ATTRIBUTE_BYTES] = digit(&number, 2) > 0 ? 40 : 80;
    value[ATTRIBUTE_DURATION] = durations[digit(&number, 3)];
    value[ATTRIBUTE_GAP] = (int64_t)digit(&number, 2);
    return row;
}

size_t tiny_routes(const struct heads *heads, enum head head)
{
    switch (head) {
    case HEAD_GAP:
        return 2;
    case HEAD_PACKETS:
        return 1;
    case HEAD_PROTOCOL:
    case HEAD_LOCAL_PORT:
    case HEAD_REMOTE_PORT:
    case HEAD_REMOTE:
    case HEAD_FLAGS:
    case HEAD_TOS:
    case HEAD_FORWARDING:
    case HEAD_LABEL:
    case HEAD_DURATION:
    case HEAD_BYTES:
        return heads->n_atoms[head];
    default:
        return heads->n_routes[head];
    }
}

/* ---- models ------------------------------------------------------------------------------- */

struct masked_conv_settings small_settings(void)
{
    struct masked_conv_settings settings;
    const struct model_kind *kind = model_kind_find("masked-conv");
    const struct option_table table = { kind->options, kind->n_options, &settings, kind->name };
    options_set_defaults(&table, 1);
    settings.width = 12;
    settings.hidden = 16;
    settings.context = 6;
    settings.blocks = 2;
    return settings;
}

struct masked_conv *small_model(const struct sequence_set *train,
                                const struct masked_conv_settings *settings, uint64_t seed)
{
    struct vocabulary vocabulary;
    struct habits habits;
    threads_set(1); /* waking others takes longer than the work */
    vocabulary_learn(&vocabulary, train);
    habits_learn(&habits, train, &vocabulary, true, MS_PER_SECOND * train->start,
                 MS_PER_SECOND * train->end);
    uint32_t *hosts = memory_alloc(train->n, sizeof *hosts);
    for (size_t s = 0; s < train->n; s++)
        hosts[s] = train->items[s].host;
    struct masked_conv *model = masked_conv_create(settings, &vocabulary, hosts, train->n, &habits,
                                                   seed);
    model->base.attributes = train->attributes;
    return model;
}
