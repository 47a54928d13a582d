#include "data/flow.h"

#include "base/memory.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

/* ---- labels ------------------------------------------------------------------------------- */

int label_list_find(const struct label_list *labels, const char *name, size_t length)
{
    for (size_t i = 0; i < labels->n; i++)
        if (strlen(labels->names[i]) == length && memcmp(labels->names[i], name, length) == 0)
            return (int)i;
    return -1;
}

int label_list_add(struct label_list *labels, const char *name, size_t length)
{
    int found = label_list_find(labels, name, length);
    if (found >= 0 || labels->n == LABELS_MAX || length > LABEL_NAME_MAX)
        return found;
    labels->names = memory_resize(labels->names, labels->n + 1, sizeof *labels->names);
    char *copy = memory_alloc(length + 1, 1);
    memcpy(copy, name, length);
    copy[length] = '\0';
    labels->names[labels->n] = copy;
    return (int)labels->n++;
}

struct label_list label_list_copy(const struct label_list *labels)
{
    struct label_list copy = { .names = memory_alloc(labels->n, sizeof *copy.names) };
    for (; copy.n < labels->n; copy.n++)
        copy.names[copy.n] = memory_strdup(labels->names[copy.n]);
    return copy;
}

void label_list_release(struct label_list *labels)
{
    for (size_t i = 0; i < labels->n; i++)
        free(labels->names[i]);
    free(labels->names);
    *labels = (struct label_list){ 0 };
}

/* ---- protocols ---------------------------------------------------------------------------- */

/* nfdump 1.6, nf_common.c. It calls both 4 and 94 IPIP, and both 35 and 38 IDPR; here the second of
 * each is its number, so that every name has one meaning. */
static const char protocol_names[256][6] = {
    "0",     "ICMP",  "IGMP",  "GGP",   "IPIP",  "ST",    "TCP",   "CBT",   "EGP",   "IGP",
    "BBN",   "NVPII", "PUP",   "ARGUS", "ENCOM", "XNET",  "CHAOS", "UDP",   "MUX",   "DCN",
    "HMP",   "PRM",   "XNS",   "Trnk1", "Trnk2", "Leaf1", "Leaf2", "RDP",   "IRTP",  "ISO-4",
    "NETBK", "MFESP", "MEINP", "DCCP",  "3PC",   "IDPR",  "XTP",   "DDP",   "38",    "TP++",
    "IL",    "IPv6",  "SDRP",  "Rte6",  "Frag6", "IDRP",  "RSVP",  "GRE",   "MHRP",  "BNA",
    "ESP",   "AH",    "INLSP", "SWIPE", "NARP",  "MOBIL", "TLSP",  "SKIP",  "ICMP6", "NOHE6",
    "OPTS6", "HOST",  "CFTP",  "NET",   "SATNT", "KLAN",  "RVD",   "IPPC",  "FS",    "SATM",
    "VISA",  "IPCV",  "CPNX",  "CPHB",  "WSN",   "PVP",   "BSATM", "SUNND", "WBMON", "WBEXP",
    "ISOIP", "VMTP",  "SVMTP", "VINES", "TTP",   "NSIGP", "DGP",   "TCF",   "EIGRP", "OSPF",
    "S-RPC", "LARP",  "MTP",   "AX.25", "94",    "MICP",  "SCCSP", "ETHIP", "ENCAP", "99",
    "GMTP",  "IFMP",  "PNNI",  "PIM",   "ARIS",  "SCPS",  "QNX",   "A/N",   "IPcmp", "SNP",
    "CpqPP", "IPXIP", "VRRP",  "PGM",   "0hop",  "L2TP",  "DDX",   "IATP",  "STP",   "SRP",
    "UTI",   "SMP",   "SM",    "PTP",   "ISIS4", "FIRE",  "CRTP",  "CRUDP", "128",   "IPLT",
    "SPS",   "PIPE",  "SCTP",  "FC",    "134",   "MHEAD", "UDP-L", "MPLS",  "138",   "139",
    "140",   "141",   "142",   "143",   "144",   "145",   "146",   "147",   "148",   "149",
    "150",   "151",   "152",   "153",   "154",   "155",   "156",   "157",   "158",   "159",
    "160",   "161",   "162",   "163",   "164",   "165",   "166",   "167",   "168",   "169",
    "170",   "171",   "172",   "173",   "174",   "175",   "176",   "177",   "178",   "179",
    "180",   "181",   "182",   "183",   "184",   "185",   "186",   "187",   "188",   "189",
    "190",   "191",   "192",   "193",   "194",   "195",   "196",   "197",   "198",   "199",
    "200",   "201",   "202",   "203",   "204",   "205",   "206",   "207",   "208",   "209",
    "210",   "211",   "212",   "213",   "214",   "215",   "216",   "217",   "218",   "219",
    "220",   "221",   "222",   "223",   "224",   "225",   "226",   "227",   "228",   "229",
    "230",   "231",   "232",   "233",   "234",   "235",   "236",   "237",   "238",   "239",
    "240",   "241",   "242",   "243",   "244",   "245",   "246",   "247",   "248",   "249",
    "250",   "251",   "252",   "253",   "254",   "255",
};

const char *protocol_name(uint8_t protocol)
{
    return protocol_names[protocol];
}

int protocol_number(const char *text, size_t length)
{
    if (length == 0 || length > 5)
        return -1;
    for (int p = 0; p < 256; p++)
        if (strlen(protocol_names[p]) == length &&
            strncasecmp(protocol_names[p], text, length) == 0)
            return p;
    int number = 0;
    for (size_t i = 0; i < length; i++) {
        if (text[i] < '0' || text[i] > '9' || (i > 0 && number == 0))
            return -1;
        number = number * 10 + (text[i] - '0');
    }
    return number <= 255 ? number : -1;
}

/* ---- TCP flags ---------------------------------------------------------------------------- */

static const char flag_letters[] = "UAPRSF"; /* URG = 32 down to FIN = 1 */

void flags_format(uint8_t flags, char text[FLAGS_TEXT_SIZE])
{
    static const char hex_digits[] = "0123456789abcdef";
    if (flags >= 64) {
        text[0] = '0';
        text[1] = 'x';
        text[2] = hex_digits[flags >> 4];
        text[3] = hex_digits[flags & 15];
        text[4] = '\0';
        return;
    }
    for (int i = 0; i < 6; i++)
        text[i] = flags >> (5 - i) & 1 ? flag_letters[i] : '.';
    text[6] = '\0';
}

static int hex_value(char digit)
{
    if (digit >= '0' && digit <= '9')
        return digit - '0';
    if ((digit | 0x20) >= 'a' && (digit | 0x20) <= 'f')
        return (digit | 0x20) - 'a' + 10;
    return -1;
}

int flags_parse(const char *text, size_t length)
{
    if (length == 4 && text[0] == '0' && text[1] == 'x') {
        int high = hex_value(text[2]), low = hex_value(text[3]);
        return high >= 0 && low >= 0 ? high * 16 + low : -1;
    }
    if (length != 6)
        return -1;
    int flags = 0;
    for (int i = 0; i < 6; i++) {
        if (text[i] == flag_letters[i])
            flags |= 32 >> i;
        else if (text[i] != '.')
            return -1;
    }
    return flags;
}
