/* description_json.c - a description for programs. The keys are listed in docs/report.md and stay.
 */
#include "data/calendar.h"
#include "eval/description.h"
#include "eval/report_internal.h"

#include <math.h>

static json_t *number(double x)
{
    return isfinite(x) ? json_real(x) : json_null();
}

static json_t *integer(uint64_t n)
{
    return json_integer((json_int_t)n);
}

static json_t *types_json(const struct description *description)
{
    json_t *object = json_object();
    for (int t = 0; t < N_HOST_TYPES; t++) {
        json_t *type = json_object();
        json_object_set_new(type, "hosts", integer(description->hosts_of_type[t]));
        json_object_set_new(type, "flows", integer(description->flows_of_type[t]));
        json_object_set_new(object, host_type_names[t], type);
    }
    return object;
}

static json_t *spread_json(const struct spread *spread)
{
    json_t *object = json_object();
    json_object_set_new(object, "lowest", number(spread->lowest));
    json_object_set_new(object, "0.25", number(spread->quarter));
    json_object_set_new(object, "0.50", number(spread->median));
    json_object_set_new(object, "0.75", number(spread->three_quarters));
    json_object_set_new(object, "highest", number(spread->highest));
    return object;
}

static json_t *rates_json(const struct description *description)
{
    json_t *object = json_object();
    json_object_set_new(object, "seconds", number(description->seconds));
    json_object_set_new(object, "flows_per_second",
                        number((double)description->n_flows / description->seconds));
    json_object_set_new(object, "bytes_per_second",
                        number(description->n_bytes / description->seconds));
    json_object_set_new(object, "busiest_minute", number(description->busiest_minute));
    json_object_set_new(object, "flows_per_host", spread_json(&description->flows_per_host));
    json_object_set_new(object, "flows_per_host_and_hour",
                        spread_json(&description->flows_per_hour));
    return object;
}

static json_t *hosts_json(const struct description *description)
{
    json_t *list = json_array();
    for (size_t k = 0; k < description->n_top_hosts; k++) {
        const struct described_host *host = &description->top_hosts[k];
        char address[ADDRESS_TEXT_SIZE];
        address_format(host->address, address);
        json_t *object = json_object();
        json_object_set_new(object, "address", json_string(address));
        json_object_set_new(object, "type", json_string(host_type_names[host->type]));
        json_object_set_new(object, "flows", number(host->n_flows));
        json_object_set_new(object, "bytes", number(host->n_bytes));
        json_object_set_new(object, "out", number(host->out));
        json_object_set_new(object, "remotes", number(host->n_remotes));
        json_array_append_new(list, object);
    }
    return list;
}

static json_t *ports_json(const struct described_port *ports, size_t n)
{
    json_t *list = json_array();
    for (size_t k = 0; k < n; k++) {
        json_t *object = json_object();
        json_object_set_new(object, "port", integer(ports[k].port));
        json_object_set_new(object, "share", number(ports[k].share));
        json_array_append_new(list, object);
    }
    return list;
}

static json_t *numbers(const double *values, size_t n)
{
    json_t *list = json_array();
    for (size_t i = 0; i < n; i++)
        json_array_append_new(list, number(values[i]));
    return list;
}

static json_t *autocorrelation_json(const struct portrait *portrait)
{
    json_t *object = json_object();
    for (int s = 0; s < N_ACF_SERIES; s++) {
        const struct autocorrelation *acf = &portrait->autocorrelation[s];
        json_t *series = json_object();
        json_object_set_new(series, "mean", numbers(acf->mean, N_LAGS));
        json_object_set_new(series, "deviation", numbers(acf->deviation, N_LAGS));
        json_object_set_new(series, "hosts", number(acf->n_hosts));
        json_object_set_new(object, acf_series_names[s], series);
    }
    return object;
}

static json_t *conversations_json(const struct portrait *portrait)
{
    json_t *object = json_object();
    for (int c = 0; c < N_CONVERSATION_FIGURES; c++)
        json_object_set_new(object, conversation_infos[c].name,
                            number(portrait_number(portrait, conversation_infos[c].offset)));
    return object;
}

static json_t *rules_json(const struct portrait *portrait)
{
    json_t *object = json_object();
    for (int r = 0; r < N_RULES; r++)
        json_object_set_new(object, rule_infos[r].name, number(portrait->rules.rates[r]));
    return object;
}

static json_t *bytes_json(const struct description *description)
{
    json_t *object = json_object();
    for (int p = 0; p < 256; p++)
        if (description->profile->protocols[p] > 0.0)
            json_object_set_new(object, protocol_name((uint8_t)p),
                                number(description->bytes_by_protocol[p]));
    return object;
}

json_t *description_json(const struct description *description)
{
    char from[CALENDAR_TEXT_SIZE], until[CALENDAR_TEXT_SIZE];
    calendar_format(description->from, from);
    calendar_format(description->until, until);
    json_t *object = json_pack("{s:s, s:i}", "format", "flowtwin-describe", "version",
                               DESCRIPTION_VERSION);
    json_object_set_new(object, "source", json_string(description->source));
    json_object_set_new(object, "from", json_string(from));
    json_object_set_new(object, "until", json_string(until));
    json_object_set_new(object, "rows_read", integer(description->n_rows_read));
    json_object_set_new(object, "rows_refused", integer(description->n_rows_refused));
    json_object_set_new(object, "rows_elsewhere", integer(description->n_rows_elsewhere));
    json_object_set_new(object, "flows", integer(description->n_flows));
    json_object_set_new(object, "hosts", integer(description->n_hosts));
    json_object_set_new(object, "effective_hosts", number(description->effective_hosts));
    json_object_set_new(object, "bytes", number(description->n_bytes));
    json_object_set_new(object, "packets", number(description->n_packets));
    json_object_set_new(object, "host_types", types_json(description));
    json_object_set_new(object, "rates", rates_json(description));
    json_object_set_new(object, "top_hosts", hosts_json(description));
    json_object_set_new(object, "top_local_ports",
                        ports_json(description->top_local, description->n_top_local));
    json_object_set_new(object, "top_remote_ports",
                        ports_json(description->top_remote, description->n_top_remote));
    json_object_set_new(object, "bytes_by_protocol", bytes_json(description));
    json_object_set_new(object, "conversations", conversations_json(&description->portrait));
    json_object_set_new(object, "rules", rules_json(&description->portrait));
    json_object_set_new(object, "autocorrelation", autocorrelation_json(&description->portrait));
    json_object_set_new(object, "profile", profile_json(description->profile));
    return object;
}
