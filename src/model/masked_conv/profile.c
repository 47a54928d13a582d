#include "model/masked_conv/profile.h"

#include "base/memory.h"
#include "data/bins.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* ---- bins --------------------------------------------------------------------------------- */

/* Services that the vocabulary lacks: by side, protocol, and whether the port is below 1024. */
static size_t other_service(const struct row *row, uint32_t service)
{
    size_t transport = transport_of(row->value[ATTRIBUTE_PROTOCOL]);
    return 4 * transport + 2 * (size_t)service_side_of(service) + (service_port_of(service) < 1024);
}

/* Whether direction, ports and remote are those of the row before; 0 for another remote. */
static size_t step_bin(const struct row *previous, const struct row *row)
{
    if (previous == NULL || previous->value[ATTRIBUTE_REMOTE] != row->value[ATTRIBUTE_REMOTE])
        return 0;
    bool is_same[3];
    static const enum attribute attributes[] = { ATTRIBUTE_LOCAL_PORT, ATTRIBUTE_REMOTE_PORT,
                                                 ATTRIBUTE_DIRECTION };
    for (size_t a = 0; a < ARRAY_LEN(attributes); a++)
        is_same[a] = previous->value[attributes[a]] == row->value[attributes[a]];
    return 1 + (size_t)(is_same[0] && is_same[1]) + 2 * (size_t)(is_same[0] != is_same[1]) +
           3 * (size_t)is_same[2];
}

void profile_bins(const struct vocabulary *vocabulary, const struct row *previous,
                  const struct row *row, uint16_t bins[PROFILE_GROUPS])
{
    const int64_t *value = row->value;
    uint32_t service;
    bool has_service = service_of(row, &service);
    int known = has_service ? value_list_find(&vocabulary->lists[LIST_SERVICE], service) : -1;
    size_t places[PROFILE_GROUPS] = {
        [PROFILE_GAP] = bins_octave(value[ATTRIBUTE_GAP], PROFILE_GAP_BINS),
        [PROFILE_STEP] = step_bin(previous, row),
        [PROFILE_SERVICE] = known >= 0 ? (size_t)known : SERVICES_MAX + other_service(row, service),
        [PROFILE_TOS] = (size_t)value[ATTRIBUTE_TOS] >> 2,
        [PROFILE_FLAGS] = (size_t)value[ATTRIBUTE_FLAGS] & 63,
        [PROFILE_PACKETS] = bins_octave(value[ATTRIBUTE_PACKETS], PROFILE_PACKETS_BINS),
        [PROFILE_BYTES] = bins_octave(value[ATTRIBUTE_BYTES], PROFILE_BYTES_BINS),
        [PROFILE_DURATION] = bins_octave(value[ATTRIBUTE_DURATION], PROFILE_DURATION_BINS),
    };
    static const size_t sizes[PROFILE_GROUPS] = {
        PROFILE_GAP_BINS,   PROFILE_STEP_BINS,    PROFILE_SERVICE_BINS, PROFILE_TOS_BINS,
        PROFILE_FLAGS_BINS, PROFILE_PACKETS_BINS, PROFILE_BYTES_BINS,   PROFILE_DURATION_BINS,
    };
    size_t first = 0;
    for (size_t g = 0; g < PROFILE_GROUPS; g++) {
        bins[g] = (uint16_t)(first + places[g]);
        first += sizes[g];
    }
}

void profile_note(struct profile *profile, const uint16_t bins[PROFILE_GROUPS])
{
    profile->n_flows++;
    for (size_t g = 0; g < PROFILE_GROUPS; g++)
        profile->counts[bins[g]]++;
}

void profile_features(const struct profile *profile, real *features)
{
    memset(features, 0, PROFILE_FEATURES * sizeof *features);
    if (profile == NULL || profile->n_flows == 0)
        return;
    const double scale = 1.0 / log1p(1000.0), per_flow = 1000.0 / (double)profile->n_flows;
    for (size_t b = 0; b < PROFILE_BINS; b++)
        if (profile->counts[b] > 0)
            features[b] = (real)(scale * log1p(per_flow * (double)profile->counts[b]));
    features[PROFILE_BINS] = (real)(log1p((double)profile->n_flows) / log1p(1e5));
}

/* ---- a host ------------------------------------------------------------------------------- */

void host_profile_learn(struct host_profile *profile, const struct sequence *sequence,
                        const struct vocabulary *vocabulary)
{
    *profile = (struct host_profile){ 0 };
    for (size_t i = sequence->first_scored; i < sequence->n_rows; i++) {
        uint16_t bins[PROFILE_GROUPS];
        const struct row *row = &sequence->rows[i];
        profile_bins(vocabulary, i > 0 ? row - 1 : NULL, row, bins);
        profile_note(&profile->profile, bins);
    }
    service_lists_learn(&profile->services, sequence);
    usual_values_learn(&profile->usual, sequence, vocabulary->duration_grid);
}

void host_profile_release(struct host_profile *profile)
{
    usual_values_release(&profile->usual);
}

/* ---- files -------------------------------------------------------------------------------- */

/* The numbers of a host in a file: flows and counts; shares of protocols; of each place of the
 * lists port, level (0: none), and what is usual; the periods and their shares. */
enum {
    N_LISTED = 2 * N_SERVICE_SIDES * SERVICES_LISTED,
    NUMBERS_OF_SERVICE = 2 + 2 * N_USUAL,
    N_NUMBERS = 1 + PROFILE_BINS + NUMBERS_OF_SERVICE * N_LISTED + 2 * SERVICE_PERIODS,
};

static struct service_list *list_at(struct service_lists *lists, size_t i)
{
    return &lists->lists[i / N_SERVICE_SIDES][i % N_SERVICE_SIDES];
}

static void write_numbers(struct host_profile profile, uint32_t *numbers)
{
    *numbers++ = profile.profile.n_flows;
    memcpy(numbers, profile.profile.counts, sizeof profile.profile.counts);
    numbers += PROFILE_BINS;
    for (size_t i = 0; i < N_LISTED; i++) {
        const struct service_list *list = list_at(&profile.services, i / SERVICES_LISTED);
        size_t s = i % SERVICES_LISTED;
        *numbers++ = list->ports[s];
        *numbers++ = list->levels[s];
        for (size_t u = 0; u < (size_t)2 * N_USUAL; u++)
            *numbers++ = list->usual[s][u / N_USUAL][u % N_USUAL];
    }
    for (size_t i = 0; i < SERVICE_PERIODS; i++) {
        *numbers++ = (uint32_t)profile.services.periods[i].seconds;
        *numbers++ = profile.services.periods[i].share;
    }
}

/* Whether they are those of a profile. */
static bool read_numbers(struct host_profile *profile, const uint32_t *numbers)
{
    profile->profile.n_flows = *numbers++;
    memcpy(profile->profile.counts, numbers, sizeof profile->profile.counts);
    numbers += PROFILE_BINS;
    for (size_t i = 0; i < N_LISTED; i++, numbers += NUMBERS_OF_SERVICE) {
        struct service_list *list = list_at(&profile->services, i / SERVICES_LISTED);
        size_t s = i % SERVICES_LISTED;
        if (numbers[1] == 0)
            continue;
        if (numbers[0] > 65535 || numbers[1] >= SERVICE_LEVELS || list->n != s)
            return false;
        list->n++;
        list->ports[s] = (uint16_t)numbers[0];
        list->levels[s] = (uint8_t)numbers[1];
        for (size_t u = 0; u < (size_t)2 * N_USUAL; u++) {
            uint32_t usual = numbers[2 + u];
            if (usual >= USUAL_CODES && usual != USUAL_NONE)
                return false;
            list->usual[s][u / N_USUAL][u % N_USUAL] = (uint8_t)usual;
        }
    }
    for (size_t i = 0; i < SERVICE_PERIODS; i++, numbers += 2) {
        if (numbers[0] > INT32_MAX || numbers[1] >= USUAL_SHARES)
            return false;
        profile->services.periods[i] = (struct usual_period){ (int32_t)numbers[0],
                                                              (uint8_t)numbers[1] };
    }
    return true;
}

enum status host_profiles_save(const struct host_profile *profiles, size_t n_hosts,
                               struct hdf5_group *parent, struct error *err)
{
    const size_t size[] = { n_hosts, N_NUMBERS };
    uint32_t *numbers = memory_alloc(memory_product(n_hosts, N_NUMBERS), sizeof *numbers);
    for (size_t h = 0; h < n_hosts; h++)
        write_numbers(profiles[h], numbers + h * N_NUMBERS);
    const struct usual_values **usual = memory_alloc(n_hosts, sizeof *usual);
    for (size_t h = 0; h < n_hosts; h++)
        usual[h] = &profiles[h].usual;
    enum status status = hdf5_write_array(parent, "profiles", HDF5_U32, numbers, 2, size, err);
    if (status == STATUS_OK)
        status = usual_values_save(usual, n_hosts, parent, err);
    free(usual);
    free(numbers);
    return status;
}

enum status host_profiles_load(struct host_profile *profiles, size_t n_hosts,
                               struct hdf5_group *parent, struct error *err)
{
    size_t n = memory_product(n_hosts, N_NUMBERS);
    uint32_t *numbers = memory_alloc(n, sizeof *numbers);
    memset(profiles, 0, n_hosts * sizeof *profiles);
    enum status status = hdf5_read_array(parent, "profiles", HDF5_U32, numbers, n, err);
    for (size_t h = 0; status == STATUS_OK && h < n_hosts; h++)
        if (!read_numbers(&profiles[h], numbers + h * N_NUMBERS))
            status = error_set(err, STATUS_FORMAT,
                               "profiles: host %zu has a service that cannot be", h);
    free(numbers);
    if (status != STATUS_OK)
        return status;
    struct usual_values **usual = memory_alloc(n_hosts, sizeof *usual);
    for (size_t h = 0; h < n_hosts; h++)
        usual[h] = &profiles[h].usual;
    status = usual_values_load(usual, n_hosts, parent, err);
    free(usual);
    return status;
}
