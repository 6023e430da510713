/*
 * watch_capture - the one file that knows libpcap: packets of a network interface as pcapng.
 *
 * The kernel fills a ring that it shares with us and hands a piece of it over every TURN_MS, so a
 * quiet interface is seen at once and a busy one costs few wakes. What finds the ring full is
 * missed; the kernel counts it, and a note says it where it was.
 */
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <pcap/pcap.h>

#include "base/error.h"
#include "base/text.h"
#include "base/util.h"
#include "command.h"
#include "watch.h"

enum {
    SNAPLEN = 256 * 1024, /* segments that the hardware is to cut are larger than any MTU */
    RING_BYTES = 64 * 1024 * 1024,
    TURN_MS = 20,
    COUNT_MS = 250 /* between two looks at what was missed */
};
enum { OPTION_END = 0, INTERFACE_NAME = 2, INTERFACE_RESOLUTION = 9 };

struct capture {
    struct feed feed;
    pcap_t *pcap;
    uint16_t link;
    uint64_t unit; /* nanoseconds of what stands in tv_usec */
    char name[64];
    uint64_t missed; /* told so far */
};

/* Link types that the decoder reads: libpcap's number, and that of capture files. */
static const struct link {
    int dlt;
    uint16_t link;
} links[] = {
    { DLT_EN10MB, 1 }, { DLT_LINUX_SLL2, 276 }, { DLT_LINUX_SLL, 113 }, { DLT_RAW, 101 },
    { DLT_IPV4, 228 }, { DLT_IPV6, 229 },       { DLT_NULL, 0 },        { DLT_LOOP, 108 },
};

/* ---- errors ---------------------------------------------------------------------------------- */

static int refuse(const char *where, const char *why, const char *what_to_do)
{
    command_fail("watch", where, why, what_to_do);
    return EXIT_SYSTEM;
}

/* "there are lo, eth0 and any": those that are up. */
static void list_interfaces(char *out, size_t size)
{
    char buffer[PCAP_ERRBUF_SIZE];
    struct text t;
    pcap_if_t *all = NULL;
    bool any = false;

    vitro_text_init(&t, out, size);
    if (pcap_findalldevs(&all, buffer) == 0) {
        for (const pcap_if_t *i = all; i; i = i->next) {
            if (!(i->flags & PCAP_IF_UP))
                continue;
            vitro_text_add(&t, any ? ", " : "there are ");
            vitro_text_escape(&t, vitro_str_of(i->name));
            any = true;
        }
        pcap_freealldevs(all);
    }
    if (!any)
        vitro_text_add(&t, "ip link lists those that exist");
}

/* What pcap_activate() says, and what to do about it. */
static int refuse_activate(pcap_t *pcap, const char *interface, int code)
{
    char list[512], why[PCAP_ERRBUF_SIZE + 64];
    const char *more = pcap_geterr(pcap);

    if (code == PCAP_ERROR_NO_SUCH_DEVICE) {
        list_interfaces(list, sizeof list);
        return refuse(interface, "no such interface", list);
    }
    if (code == PCAP_ERROR_PERM_DENIED || code == PCAP_ERROR_PROMISC_PERM_DENIED)
        return refuse(interface, "no permission to capture",
                      "run it with sudo, or give it the right once: "
                      "sudo setcap cap_net_raw+ep $(command -v vitro)");
    if (code == PCAP_ERROR_IFACE_NOT_UP)
        return refuse(interface, "the interface is down", "ip link set it up");
    snprintf(why, sizeof why, "%s", *more ? more : pcap_statustostr(code));
    return refuse(interface, why, NULL);
}

/* ---- opening --------------------------------------------------------------------------------- */

static const struct link *find_link(int dlt)
{
    for (size_t i = 0; i < ARRAY_LEN(links); i++) {
        if (links[i].dlt == dlt)
            return &links[i];
    }
    return NULL;
}

/* The link type that it has, or another that it offers and the decoder reads. */
static int choose_link(struct capture *c)
{
    const struct link *found = find_link(pcap_datalink(c->pcap));
    int *offered = NULL, n = found ? 0 : pcap_list_datalinks(c->pcap, &offered);
    const char *name = pcap_datalink_val_to_name(pcap_datalink(c->pcap));
    char why[128];

    for (int i = 0; i < n && !found; i++) {
        found = find_link(offered[i]);
        if (found && pcap_set_datalink(c->pcap, found->dlt) != 0)
            found = NULL;
    }
    pcap_free_datalinks(offered);
    if (found) {
        c->link = found->link;
        return EXIT_DONE;
    }
    snprintf(why, sizeof why, "its packets are of a kind that is not read here: %s",
             name ? name : "without a name");
    return refuse(c->name, why, NULL);
}

static int set_filter(struct capture *c, const char *filter)
{
    struct bpf_program program;
    int failed;

    if (!*filter)
        return EXIT_DONE;
    if (pcap_compile(c->pcap, &program, filter, 1, PCAP_NETMASK_UNKNOWN) != 0) {
        command_fail("watch", filter, pcap_geterr(c->pcap), "man pcap-filter tells the language");
        return EXIT_USAGE;
    }
    failed = pcap_setfilter(c->pcap, &program);
    pcap_freecode(&program);
    return failed ? refuse(filter, pcap_geterr(c->pcap), NULL) : EXIT_DONE;
}

static int activate(struct capture *c)
{
    int code;

    pcap_set_snaplen(c->pcap, SNAPLEN);
    pcap_set_buffer_size(c->pcap, RING_BYTES);
    pcap_set_timeout(c->pcap, TURN_MS);
    pcap_set_tstamp_precision(c->pcap, PCAP_TSTAMP_PRECISION_NANO);
    code = pcap_activate(c->pcap);
    if (code < 0)
        return refuse_activate(c->pcap, c->name, code);
    c->unit = pcap_get_tstamp_precision(c->pcap) == PCAP_TSTAMP_PRECISION_NANO ? 1 : 1000;
    return choose_link(c);
}

/* ---- the capture ----------------------------------------------------------------------------- */

static void write_interface(struct capture *c)
{
    static const uint8_t nanoseconds = 9; /* 10 to the -9 */
    struct block b;

    vitro_block_section(&b);
    feed_block(&c->feed, &b);
    vitro_block_begin(&b, PCAPNG_INTERFACE);
    vitro_block_u16(&b, c->link);
    vitro_block_u16(&b, 0);
    vitro_block_u32(&b, (uint32_t)pcap_snapshot(c->pcap));
    vitro_block_option(&b, INTERFACE_NAME, c->name, MIN(strlen(c->name), (size_t)32));
    vitro_block_option(&b, INTERFACE_RESOLUTION, &nanoseconds, 1);
    vitro_block_option(&b, OPTION_END, NULL, 0);
    vitro_block_end(&b);
    feed_block(&c->feed, &b);
}

static void on_packet(u_char *user, const struct pcap_pkthdr *head, const u_char *bytes)
{
    struct capture *c = (struct capture *)(void *)user;
    uint64_t ns = (uint64_t)head->ts.tv_sec * 1000000000 + (uint64_t)head->ts.tv_usec * c->unit;
    struct block b;

    vitro_block_begin(&b, PCAPNG_PACKET);
    vitro_block_u32(&b, 0);
    vitro_block_u32(&b, (uint32_t)(ns >> 32));
    vitro_block_u32(&b, (uint32_t)ns);
    vitro_block_u32(&b, head->caplen);
    vitro_block_u32(&b, head->len);
    vitro_block_data(&b, (vitro_bytes){ bytes, head->caplen });
    vitro_block_end(&b);
    feed_block(&c->feed, &b);
    live_add(&c->feed.live.packets, 1);
}

/* Say what was missed since the last look, where it was. */
static void count_missed(struct capture *c)
{
    struct note_missed note = { 0, VITRO_STR_INIT("the buffer of the kernel was full") };
    struct pcap_stat stat;
    uint64_t all;

    if (pcap_stats(c->pcap, &stat) != 0)
        return;
    all = (uint64_t)stat.ps_drop + stat.ps_ifdrop;
    if (all <= c->missed)
        return;
    note.count = all - c->missed;
    c->missed = all;
    live_add(&c->feed.live.missed, note.count);
    feed_note(&c->feed, NOTE_ID_missed, &note);
}

static void fail(struct capture *c)
{
    vitro_error err;

    feed_flush(&c->feed);
    vitro_fail(&err, VITRO_UNAVAILABLE, "capture", 0, "%.90s", pcap_geterr(c->pcap));
    spool_end(c->feed.spool, &err);
}

static void run(struct feed *f)
{
    struct capture *c = CONTAINER_OF(f, struct capture, feed);
    struct pollfd fds[2] = { { pcap_get_selectable_fd(c->pcap), POLLIN, 0 },
                             { f->stop, POLLIN, 0 } };

    write_interface(c);
    while (feed_flush(f) && !fds[1].revents) {
        if (poll(fds, 2, COUNT_MS) < 0 && errno != EINTR)
            break;
        if (pcap_dispatch(c->pcap, -1, on_packet, (u_char *)c) < 0) {
            fail(c);
            break;
        }
        count_missed(c);
    }
}

static void capture_free(struct feed *f)
{
    struct capture *c = CONTAINER_OF(f, struct capture, feed);

    if (c->pcap)
        pcap_close(c->pcap);
    feed_done(f);
    free(c);
}

int watch_capture_open(struct feed **out, const char *interface, const char *filter)
{
    char buffer[PCAP_ERRBUF_SIZE];
    struct capture *c = calloc(1, sizeof *c);
    int status;

    *out = NULL;
    if (!c || !feed_init(&c->feed, run, capture_free)) {
        if (c)
            capture_free(&c->feed);
        return refuse(interface, "out of memory", NULL);
    }
    snprintf(c->name, sizeof c->name, "%s", interface);
    c->pcap = pcap_create(interface, buffer);
    status = c->pcap ? activate(c) : refuse(interface, buffer, NULL);
    if (!status)
        status = set_filter(c, filter);
    if (!status && pcap_setnonblock(c->pcap, 1, buffer) != 0)
        status = refuse(interface, buffer, NULL);
    if (status)
        capture_free(&c->feed);
    else
        *out = &c->feed;
    return status;
}
