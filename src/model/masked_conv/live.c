#include "model/masked_conv/live.h"

#include "base/memory.h"

#include <stdlib.h>
#include <string.h>

void live_host_init(struct live_host *host, const struct vocabulary *vocabulary, int64_t start,
                    bool has_memory, bool has_profile, bool recalls)
{
    *host = (struct live_host){
        .vocabulary = vocabulary,
        .memory = conversation_memory_create(),
        .past = has_memory ? like_rows_create(NULL, 0, recalls) : NULL,
        .windows = window_log_create(start),
        .has_memory = has_memory,
        .has_profile = has_profile,
        .recalls = has_memory && recalls,
        .clock = start,
        .kind_before = LINK_NEW,
        .conversations.n_max = NEAR_CONVERSATIONS,
        .remotes.n_max = NEAR_REMOTES,
        .kept_atoms = memory_alloc(vocabulary->lists[ATTRIBUTE_REMOTE].n, sizeof(uint16_t)),
    };
}

/* How many flows of the hour are still to come at its beginning. */
static void begin_hour(struct live_host *host, int64_t hour)
{
    const struct hourly_flows *hourly = &host->habits->hourly;
    host->hour = hour;
    hourly_flows_draw(hourly, host->of_host, hour, host->pace_seed, host->pace_stream,
                      &host->pace.left);
    host->pace.next = (int32_t)hourly_flows_of_hour(hourly, host->of_host, hour + 1,
                                                    host->pace_seed, host->pace_stream);
}

void live_gap(struct live_host *host)
{
    int64_t hour = (host->clock + host->row.value[ATTRIBUTE_GAP]) / SECONDS_PER_HOUR;
    if (host->habits == NULL)
        return;
    host->pace.is_next_hour = hour != host->hour;
    if (host->pace.is_next_hour)
        begin_hour(host, hour);
    host->pace.due = host->pace.left;
}

/* A gap of this many times what is between flows on average is no gap of an hour that goes on. */
#define LONG_GAPS 100

/* Whether the second has had as many flows as it may: bursts are few and long, so that once in one
 * a network goes on for long. */
static bool is_full_second(const struct live_host *host)
{
    size_t depth = pace_depth(host->n_in_second);
    return depth >= PACE_DEPTH_9 && host->pace.left.of_depth[depth] == 0;
}

/* The gaps that keep to the pace: they end in this hour while it has flows to come, else in the
 * next one that has some; and not so late that these would all come at its end. A host that is late
 * may leave out what is left in the last minute of an hour, and one that has no flow for a week is
 * not looked at further. */
static void keep_gaps(const struct live_host *host, struct row_context *context)
{
    enum { LATE = 60, HOURS_MAX = 7 * HOURS_PER_DAY };
    int64_t left = pace_flows(&host->pace.left), hour = host->hour;
    int64_t seconds = host->pace.seconds;
    while (left == 0 && hour < host->hour + HOURS_MAX) {
        hour++;
        seconds = SECONDS_PER_HOUR;
        left = hourly_flows_of_hour(&host->habits->hourly, host->of_host, hour, host->pace_seed,
                                    host->pace_stream);
    }
    int64_t within = seconds - 1;
    if (left == 0) {
        context->lowest_gap = hour * SECONDS_PER_HOUR - host->clock;
        return;
    }
    if (LONG_GAPS * seconds / left < within)
        within = LONG_GAPS * seconds / left;
    if (within < LATE)
        within = LATE;
    context->lowest_gap = hour > host->hour ? hour * SECONDS_PER_HOUR - host->clock : 0;
    context->highest_gap = context->lowest_gap + within;
    if (context->lowest_gap == 0 && is_full_second(host))
        context->lowest_gap = 1;
}

/* Of the host whose habits it follows; NULL where it follows none. */
static const struct service_lists *services_of(const struct live_host *host)
{
    return host->habits != NULL ? &host->habits->profiles[host->of_host].services : NULL;
}

static struct pace_mark mark_of(const struct live_host *host)
{
    const struct pace_facts facts = { &host->row, host->context.link.kind, host->kind_before,
                                      host->n_in_second, host->context.match_in_hour };
    return pace_mark(&facts, services_of(host));
}

void live_host_follow(struct live_host *host, const struct habits *habits, size_t of_host,
                      uint64_t seed, uint64_t stream)
{
    host->habits = habits;
    host->of_host = of_host;
    host->profile = host->has_profile ? &habits->profiles[of_host] : NULL;
    host->pace_seed = seed;
    host->pace_stream = stream;
    begin_hour(host, host->clock / SECONDS_PER_HOUR);
    pace_shorten(&host->pace.left, SECONDS_PER_HOUR - host->clock % SECONDS_PER_HOUR);
}

void live_host_release(struct live_host *host)
{
    conversation_memory_free(host->memory);
    like_rows_free(host->past);
    window_log_free(host->windows);
    free(host->kept_atoms);
    *host = (struct live_host){ 0 };
}

static struct seen_row seen(const struct past_row *past)
{
    if (past == NULL)
        return (struct seen_row){ 0 };
    return (struct seen_row){ &past->row, past->clock, past->index };
}

void live_begin(struct live_host *host)
{
    for (size_t a = 0; a < N_CODED; a++)
        host->row.value[a] = attribute_infos[a].lowest;
    host->context = (struct row_context){
        .row = &host->row,
        .clock = host->clock,
        .index = host->index,
        .n_in_second = host->n_in_second,
        .is_unordered = host->is_unordered,
        .n_conversations = conversation_count(host->memory),
        .n_remotes = conversation_remote_count(host->memory),
    };
    struct row_context *context = &host->context;
    if (host->profile != NULL) {
        context->services = &host->profile->services;
        context->usual = &host->profile->usual;
    }
    if (host->habits != NULL) {
        host->pace.seconds = (int32_t)(SECONDS_PER_HOUR - host->clock % SECONDS_PER_HOUR);
        context->pace = &host->pace;
        keep_gaps(host, context);
    }
    context->is_usual_known = context->pace != NULL;
    context->beats = host->beats_due;
    beats_find(&host->beats, host->clock, &host->beats_due[context->is_usual_known]);
    if (host->remotes.n > 0) {
        context->previous_flows = host->remotes.items[0].n_flows;
        context->previous_steps = host->remotes.items[0].steps;
    }
    if (host->index > 0)
        context->previous = (struct seen_row){ &host->previous, host->clock, host->index - 1 };
    if (host->has_last_new)
        context->last_new = (struct seen_row){ &host->last_new, host->last_new_clock,
                                               host->last_new_index };
    for (size_t s = 0; s < CONVERSATIONS_SHOWN && s < context->n_conversations; s++)
        context->shown[s] = conversation_code(conversation_at(host->memory, s), host->clock);
    if (host->past == NULL)
        return;
    context->past = host->past;
    context->like = host->recalls ? host->like : NULL;
    for (enum likeness likeness = 0; likeness < N_LIKENESSES; likeness++)
        host->like[likeness] = -1;
    live_find_like(host, 0, LIKE_NEXT);
}

void live_link(struct live_host *host, struct link link)
{
    struct row_context *context = &host->context;
    const struct past_row *match = conversation_match(host->memory, &link);
    context->link = link;
    context->match = seen(match);
    context->match_flows = match != NULL ? match->n_flows : 0;
    context->match_in_hour = past_row_in_hour(match, host->clock + host->row.value[ATTRIBUTE_GAP]);
    if (link.kind == LINK_REMOTE)
        context->before_match = seen(conversation_before(host->memory, &link));
    if (link_is_of_conversation(link.kind)) {
        conversation_continue(&host->row, match, link.kind);
        context->room = past_row_room(match, host->row.value[ATTRIBUTE_DIRECTION],
                                      host->clock + host->row.value[ATTRIBUTE_GAP]);
    } else if (link.kind == LINK_REMOTE) {
        int64_t remote = match->row.value[ATTRIBUTE_REMOTE];
        host->row.value[ATTRIBUTE_REMOTE] = remote;
        context->is_icmp_kept = conversation_is_kept(host->memory, (uint32_t)remote, PROTOCOL_ICMP,
                                                     0, 0);
    }
}

static struct like_facts facts_of(const struct live_host *host)
{
    return (struct like_facts){ .row = &host->row,
                                .kind = host->context.link.kind,
                                .match = host->context.match.row };
}

void live_find_like(struct live_host *host, enum likeness from, enum likeness to)
{
    if (host->past == NULL)
        return;
    const struct like_facts facts = facts_of(host);
    like_rows_find(host->past, &facts, from, to, host->like);
    bool has_references = (from <= LIKE_REMOTE && to > LIKE_REMOTE) ||
                          (from <= LIKE_PACKETS && to > LIKE_PACKETS);
    if (!has_references)
        return;
    for (enum reference r = 0; r < N_REFERENCES; r++) {
        int32_t number = like_rows_reference(host->past, host->like, (int32_t)host->index, r);
        host->context.references[r] = (struct seen_row){ 0 };
        if (number >= 0)
            host->context.references[r] = (struct seen_row){ like_rows_row(host->past, number),
                                                             like_rows_clock(host->past, number),
                                                             (uint64_t)number };
    }
}

/* Where an atom is, or would be. */
static size_t kept_atom_place(const struct live_host *host, int atom)
{
    size_t place = 0;
    while (place < host->n_kept_atoms && host->kept_atoms[place] < atom)
        place++;
    return place;
}

static bool is_kept_at(const struct live_host *host, size_t place, int atom)
{
    return place < host->n_kept_atoms && host->kept_atoms[place] == atom;
}

static void keep_atom(struct live_host *host, int atom)
{
    size_t place = kept_atom_place(host, atom);
    if (is_kept_at(host, place, atom))
        return;
    memmove(host->kept_atoms + place + 1, host->kept_atoms + place,
            (host->n_kept_atoms - place) * sizeof *host->kept_atoms);
    host->kept_atoms[place] = (uint16_t)atom;
    host->n_kept_atoms++;
}

static void drop_atom(struct live_host *host, int atom)
{
    size_t place = kept_atom_place(host, atom);
    if (!is_kept_at(host, place, atom))
        return;
    host->n_kept_atoms--;
    memmove(host->kept_atoms + place, host->kept_atoms + place + 1,
            (host->n_kept_atoms - place) * sizeof *host->kept_atoms);
}

/* Keeps up what live_exclude_atoms points to: the row is of a remote that the memory does not know
 * yet, and for which the oldest one makes room. */
static void note_atoms(struct live_host *host)
{
    const struct value_list *remotes = &host->vocabulary->lists[ATTRIBUTE_REMOTE];
    size_t n_known = conversation_remote_count(host->memory);
    int forgotten = -1, atom = value_list_find(remotes, host->row.value[ATTRIBUTE_REMOTE]);
    if (n_known == REMOTES_KEPT) {
        const struct past_row *oldest = conversation_remote_at(host->memory, n_known - 1);
        forgotten = value_list_find(remotes, oldest->row.value[ATTRIBUTE_REMOTE]);
    }
    if (forgotten >= 0 && forgotten != atom)
        drop_atom(host, forgotten);
    if (atom >= 0)
        keep_atom(host, atom);
}

/* Where the remote of an earlier row is in the list of near ones; beyond it where it is not. */
static size_t near_remote(const struct live_host *host, uint64_t index)
{
    size_t rank = 0;
    while (rank < host->remotes.n && host->remotes.items[rank].index != index)
        rank++;
    return rank;
}

/* Moves the row's conversation and remote to the front. Their past is the match's, and the
 * memory's before it knows of the row. */
static void note_candidates(struct live_host *host, struct pace_mark mark)
{
    const struct row_context *context = &host->context;
    struct candidate candidate = { .clock = host->clock,
                                   .index = host->index,
                                   .n_flows = 1,
                                   .n_in_hour = 1,
                                   .slot = pace_slot(mark),
                                   .look = candidate_look(host->vocabulary, &host->row),
                                   .remote = (uint32_t)host->row.value[ATTRIBUTE_REMOTE],
                                   .level = like_rows_level(host->past, (int32_t)host->index,
                                                            PACKETS_SERVICE_REMOTE) };
    candidate.usual_period = service_period(services_of(host), &host->row);
    struct candidate remote = candidate;
    const struct past_row *match = NULL;
    size_t rank = NEAR_CONVERSATIONS;
    if (link_is_of_conversation(context->link.kind)) {
        candidate.n_flows += context->match_flows;
        candidate.n_in_hour += context->match_in_hour;
        candidate.interval = host->clock - context->match.clock;
        rank = context->link.rank;
        match = conversation_match(host->memory, &context->link);
    }
    candidate.beat = past_row_beat(match, host->clock);
    candidate_front(&host->conversations, rank, &candidate);
    const struct past_row *before = conversation_of_remote(
        host->memory, (uint32_t)host->row.value[ATTRIBUTE_REMOTE]);
    rank = NEAR_REMOTES;
    if (before != NULL) {
        remote.n_flows += before->n_flows;
        remote.n_in_hour += past_row_in_hour(before, host->clock);
        remote.interval = host->clock - before->clock;
        remote.steps = candidate_steps(&before->row, &host->row);
        rank = near_remote(host, before->index);
    }
    remote.beat = past_row_beat(before, host->clock);
    candidate_front(&host->remotes, rank, &remote);
    beats_note(&host->beats, &host->row, &candidate.beat, &remote.beat, remote.usual_period,
               candidate.look.service);
}

void live_end(struct live_host *host)
{
    enum link_kind kind = host->context.link.kind;
    struct pace_mark mark = mark_of(host);
    live_gap(host);
    host->clock += host->row.value[ATTRIBUTE_GAP];
    if (host->has_memory) {
        if (kind == LINK_NEW)
            note_atoms(host);
        const struct like_facts facts = facts_of(host);
        like_rows_note(host->past, &facts, host->clock);
        note_candidates(host, mark);
        conversation_note(host->memory, &host->row, host->clock);
    }
    window_log_note(host->windows, &host->row, host->clock);
    if (host->habits != NULL)
        pace_take(&host->pace.left, mark);
    host->n_in_second = host->row.value[ATTRIBUTE_GAP] == 0 ? host->n_in_second + 1 : 1;
    host->previous = host->row;
    host->kind_before = kind;
    if (kind == LINK_REMOTE || kind == LINK_NEW) {
        host->last_new = host->row;
        host->last_new_clock = host->clock;
        host->last_new_index = host->index;
        host->has_last_new = true;
    }
    host->index++;
}

void live_exclude_ports(struct live_host *host, struct exclusions *room)
{
    struct row_context *context = &host->context;
    if (context->link.kind != LINK_REMOTE)
        return;
    context->kept_ports = room->words;
    context->n_kept_ports = conversation_remote_ports(host->memory, &host->row, room->words);
}

void live_exclude_atoms(struct live_host *host)
{
    host->context.kept_atoms = host->kept_atoms;
    host->context.n_kept_atoms = host->n_kept_atoms;
}

void live_exclude_third_octets(struct live_host *host, struct exclusions *room)
{
    uint32_t remote = (uint32_t)host->row.value[ATTRIBUTE_REMOTE];
    host->context.full_octets = room->octets;
    host->context.n_full_octets = full_octets_of(host->memory, host->vocabulary, remote,
                                                 room->octets);
}

void live_exclude_last_octets(struct live_host *host, struct exclusions *room)
{
    uint32_t remote = (uint32_t)host->row.value[ATTRIBUTE_REMOTE];
    host->context.kept_octets = room->octets;
    host->context.n_kept_octets = kept_octets_of(host->memory, host->vocabulary, remote,
                                                 room->octets);
}

void live_begin_known(struct live_host *host, const struct row *row)
{
    live_begin(host);
    struct link link = conversation_link(host->memory, row);
    host->row.value[ATTRIBUTE_GAP] = row->value[ATTRIBUTE_GAP];
    live_gap(host);
    live_link(host, link);
    host->row = *row;
    live_find_like(host, LIKE_NEXT, N_LIKENESSES);
}
