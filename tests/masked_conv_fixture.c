#include "masked_conv_fixture.h"

#include "base/memory.h"
#include "base/threads.h"
#include "model_fixture.h"

#include <stdlib.h>
#include <string.h>

/* ---- the past, live ----------------------------------------------------------------------- */

struct live_past *live_past_create(const struct vocabulary *vocabulary, int64_t start)
{
    struct live_past *past = memory_zalloc(1, sizeof *past);
    past->vocabulary = vocabulary;
    past->memory = conversation_memory_create();
    past->clock = start;
    return past;
}

void live_past_free(struct live_past *past)
{
    conversation_memory_free(past->memory);
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

void live_past_context(struct live_past *past, const struct row *row, struct row_context *context)
{
    const struct conversation_memory *memory = past->memory;
    *context = (struct row_context){
        .row = row,
        .clock = past->clock,
        .index = past->n_rows,
        .previous = seen_if(past->has_previous, &past->previous),
        .last_new = seen_if(past->has_last_new, &past->last_new),
        .link = conversation_link(memory, row),
        .n_conversations = conversation_count(memory),
        .n_remotes = conversation_remote_count(memory),
        .kept_ports = past->kept,
        .kept_atoms = past->kept,
        .full_octets = past->full_octets,
        .kept_octets = past->kept_octets,
    };
    const struct past_row *match = conversation_match(memory, &context->link);
    const struct past_row *references[N_REFERENCES];
    context->match = keep(&past->match, match);
    context->match_flows = match != NULL ? match->n_flows : 0;
    conversation_references(memory, row, references);
    for (size_t r = 0; r < N_REFERENCES; r++)
        context->references[r] = keep(&past->references[r], references[r]);
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
    conversation_note(past->memory, row, past->clock);
    past->n_rows++;
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
    threads_set(1); /* waking others takes longer than the work */
    vocabulary_learn(&vocabulary, train);
    uint32_t *hosts = memory_alloc(train->n, sizeof *hosts);
    for (size_t s = 0; s < train->n; s++)
        hosts[s] = train->items[s].host;
    struct masked_conv *model = masked_conv_create(settings, &vocabulary, hosts, train->n, seed);
    model->base.attributes = train->attributes;
    return model;
}
