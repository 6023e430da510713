#include "io/sim.h"

#include <string.h>

#include "base/error.h"
#include "base/text.h"
#include "base/util.h"
#include "io/target.h"

/* Who is who in a world: names and their addresses, addresses and their listeners. */
struct sim_name {
    struct list link;
    struct address address;
    char host[TARGET_HOST];
};

vitro_code vitro_sim_name(vitro_sim *sim, const char *name, const char *address, vitro_error *err)
{
    struct target target;
    vitro_code rc = vitro_target_parse(&target, vitro_str_of(address), err);
    struct sim_name *n;

    if (rc != VITRO_OK)
        return rc;
    if (!target.count || strlen(name) >= TARGET_HOST)
        return vitro_fail(err, VITRO_INVALID_ARGUMENT, "sim", 0, "%s is no address", address);
    n = vitro_mem_zalloc(&sim->account, sizeof *n);
    if (!n)
        return vitro_fail(err, VITRO_RESOURCE_EXHAUSTED, "sim", 0, "out of memory");
    memcpy(n->host, name, strlen(name) + 1);
    n->address = target.addresses[0];
    list_append(&sim->names, &n->link);
    return VITRO_OK;
}

void vitro_sim_names_done(struct vitro_sim *sim)
{
    struct list *item;

    while ((item = list_pop(&sim->names)) != NULL)
        vitro_mem_free(&sim->account, CONTAINER_OF(item, struct sim_name, link),
                       sizeof(struct sim_name));
}

size_t vitro_sim_lookup(const struct vitro_sim *sim, const char *host, uint16_t port,
                        struct address *out, size_t max)
{
    size_t n = 0;

    for (const struct list *i = sim->names.next; i != &sim->names && n < max; i = i->next) {
        const struct sim_name *name = CONTAINER_OF(i, struct sim_name, link);
        if (strcmp(name->host, host) != 0)
            continue;
        out[n] = name->address;
        if (!vitro_address_port(&out[n]))
            vitro_address_set_port(&out[n], port);
        n++;
    }
    if (n == 0 && max && strcmp(host, "localhost") == 0)
        n = vitro_address_parse_ip(&out[0], vitro_str_of("127.0.0.1"), port);
    return n;
}

struct listener *vitro_sim_listener(const struct vitro_sim *sim, const struct address *address)
{
    for (const struct list *i = sim->listeners.next; i != &sim->listeners; i = i->next) {
        struct listener *l = CONTAINER_OF(i, struct listener, sim_link);
        if (vitro_address_equal(&l->bound, address))
            return l;
    }
    return NULL;
}

bool vitro_sim_listen(struct vitro_sim *sim, struct listener *l)
{
    bool ip = l->bound.kind == ADDRESS_IPV4 || l->bound.kind == ADDRESS_IPV6;

    if (ip && vitro_address_port(&l->bound) == 0) {
        do {
            vitro_address_set_port(&l->bound, sim->next_port++);
        } while (vitro_sim_listener(sim, &l->bound));
    } else if (vitro_sim_listener(sim, &l->bound)) {
        return false;
    }
    list_append(&sim->listeners, &l->sim_link);
    return true;
}
