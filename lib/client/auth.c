#include "client/auth.h"

#include <stdatomic.h>
#include <string.h>

#include "base/error.h"
#include "client/call.h"
#include "wire/status.h"

enum { FROM_CHANNEL, FROM_CALL, SOURCES };

struct vitro_auth {
    vitro_loop *loop;                      /* each answer that is to come has a reference */
    struct client_call *call;              /* NULL: it waits for nothing any more */
    vitro_call_credentials *from[SOURCES]; /* references; NULL: none */
    struct task begin;
    unsigned pending; /* answers to come, and while it is asked one of our own */
    atomic_uint lost; /* of them those that no memory could carry here */
    struct post losing;
    vitro_str service_url, method; /* in text */
    size_t size;
    char text[];
};

/* ---- life ----------------------------------------------------------------------------------- */

static void release(vitro_auth *a)
{
    for (int i = 0; i < SOURCES; i++)
        vitro_call_credentials_unref(a->from[i]);
    vitro_mem_free(NULL, a, a->size);
}

static vitro_str append(char **at, vitro_str s)
{
    vitro_str put = { *at, s.len };

    memcpy(*at, s.ptr, s.len);
    *at += s.len;
    return put;
}

/* "https://" HOST "/package.Service" and "Method", as other implementations name an audience. */
static void describe(vitro_auth *a, vitro_str host, vitro_str path)
{
    static const vitro_str scheme = VITRO_STR_INIT("https://"), https = VITRO_STR_INIT(":443");
    size_t service = path.len;
    char *at = a->text;

    while (service && path.ptr[service] != '/')
        service--;
    if (host.len > https.len && memcmp(host.ptr + host.len - https.len, https.ptr, https.len) == 0)
        host.len -= https.len;
    append(&at, scheme);
    append(&at, host);
    append(&at, (vitro_str){ path.ptr, service });
    a->service_url = (vitro_str){ a->text, (size_t)(at - a->text) };
    *at++ = '\0';
    if (service < path.len)
        service++;
    a->method = append(&at, (vitro_str){ path.ptr + service, path.len - service });
    *at = '\0';
}

static void on_begin(struct task *t);

vitro_code vitro_auth_new(struct client_call *c, vitro_call_credentials *own, vitro_error *err)
{
    vitro_call_credentials *of_channel = c->channel->options.call_credentials;
    vitro_str host = vitro_str_of(c->authority ? c->authority : c->channel->authority);
    size_t size = sizeof(vitro_auth) + sizeof "https://" + host.len + c->base.path.len + 1;
    vitro_auth *a;

    if (!own && !of_channel)
        return VITRO_OK;
    a = vitro_mem_zalloc(NULL, size);
    if (!a)
        return vitro_fail(err, VITRO_RESOURCE_EXHAUSTED, "call", 0, "out of memory");
    a->size = size;
    a->call = c;
    a->loop = c->base.loop;
    a->from[FROM_CHANNEL] = vitro_call_credentials_ref(of_channel);
    a->from[FROM_CALL] = vitro_call_credentials_ref(own);
    vitro_task_init(&a->begin, on_begin);
    describe(a, host, c->base.path);
    c->auth = a;
    return VITRO_OK;
}

void vitro_auth_drop(vitro_auth *a)
{
    if (!a)
        return;
    vitro_task_cancel(&a->begin);
    a->call->auth = NULL;
    a->call = NULL;
    if (a->pending == 0)
        release(a);
}

/* ---- the answer ----------------------------------------------------------------------------- */

static void refuse(struct client_call *c, vitro_code code, const char *message)
{
    vitro_code allowed = vitro_status_of_control(code);
    vitro_error why;

    vitro_fail(&why, allowed, "credentials", 0, "%s",
               message && *message ? message : "the call's credentials cannot be had");
    if (allowed != code)
        vitro_wrap(&why, allowed, "credentials", "in the place of %s", vitro_code_name((int)code));
    vitro_client_call_fail(c, &why);
}

static void settle(vitro_auth *a, vitro_code code, const char *message, const vitro_md *md)
{
    struct client_call *c = a->call;

    LOOP_ASSERT(a->loop);
    if (c && code == VITRO_OK && md && vitro_md_append(&c->request, md, NULL) != VITRO_OK) {
        code = VITRO_RESOURCE_EXHAUSTED;
        message = "out of memory";
    }
    if (c && code != VITRO_OK)
        refuse(c, code, message); /* it lets go of the question, which this answer still keeps */
    if (--a->pending)
        return;
    if (a->call) {
        a->call = NULL;
        c->auth = NULL;
        vitro_client_call_send(c);
    }
    release(a);
}

/* ---- the answer of another thread ----------------------------------------------------------- */

struct answer {
    struct post post;
    vitro_auth *auth;
    vitro_code code;
    vitro_md *metadata;
    size_t size;
    char message[];
};

static void answer_free(struct answer *s)
{
    vitro_md_wipe(s->metadata);
    vitro_md_free(s->metadata);
    vitro_mem_free(NULL, s, s->size);
}

static struct answer *answer_copy(vitro_code code, const char *message, const vitro_md *md)
{
    size_t n = message ? strlen(message) : 0, size = sizeof(struct answer) + n + 1;
    struct answer *s = vitro_mem_zalloc(NULL, size);

    if (!s)
        return NULL;
    s->size = size;
    s->code = code;
    s->metadata = vitro_md_new();
    if (n)
        memcpy(s->message, message, n);
    if (s->metadata && (!md || vitro_md_append(s->metadata, md, NULL) == VITRO_OK))
        return s;
    answer_free(s);
    return NULL;
}

static void on_answer(struct post *post)
{
    struct answer *s = CONTAINER_OF(post, struct answer, post);

    settle(s->auth, s->code, s->message, s->metadata);
    answer_free(s);
}

static void on_lost(struct post *post)
{
    vitro_auth *a = CONTAINER_OF(post, vitro_auth, losing);

    for (unsigned n = atomic_exchange(&a->lost, 0); n; n--)
        settle(a, VITRO_RESOURCE_EXHAUSTED, "out of memory", NULL);
}

static void send_answer(vitro_auth *a, vitro_code code, const char *message, const vitro_md *md)
{
    struct answer *s = answer_copy(code, message, md);

    if (s) {
        s->auth = a;
        vitro_loop_send(a->loop, &s->post, on_answer);
    } else if (atomic_fetch_add(&a->lost, 1) == 0) {
        vitro_loop_send(a->loop, &a->losing, on_lost);
    }
}

/* Behind an answer that was sent the loop may be nobody's any more: then it hears that one here. */
void vitro_auth_answer(vitro_auth *a, vitro_code code, const char *message, const vitro_md *md)
{
    vitro_loop *loop = a->loop;

    if (vitro_loop_here(loop))
        settle(a, code, message, md);
    else
        send_answer(a, code, message, md);
    vitro_loop_unref(loop);
}

/* ---- the question --------------------------------------------------------------------------- */

/* What a token is worth to who reads it on the way, it is worth on plain text. */
static bool is_allowed(const vitro_auth *a)
{
    for (int i = 0; i < SOURCES; i++)
        if (a->from[i] && !a->from[i]->allow_plain_text && !a->call->channel->tls)
            return false;
    return true;
}

void vitro_auth_ask(vitro_auth *a, vitro_call_credentials *c)
{
    if (!a->call)
        return;
    a->pending++;
    vitro_loop_ref(a->loop);
    c->ops->ask(c, a);
}

static void on_begin(struct task *t)
{
    vitro_auth *a = CONTAINER_OF(t, vitro_auth, begin);

    a->pending = 1;
    if (!is_allowed(a)) {
        settle(a, VITRO_UNAUTHENTICATED,
               "call credentials are not sent over plain text: use TLS, or allow_plain_text", NULL);
        return;
    }
    for (int i = 0; i < SOURCES; i++)
        if (a->from[i])
            vitro_auth_ask(a, a->from[i]);
    if (a->call && a->pending > 1)
        vitro_client_call_wait(a->call, NOTE_WAIT_CREDENTIALS);
    settle(a, VITRO_OK, NULL, NULL);
}

void vitro_auth_begin(vitro_auth *a)
{
    vitro_loop_defer(a->loop, &a->begin);
}

/* ---- what is asked ------------------------------------------------------------------------- */

vitro_str vitro_auth_service_url(const vitro_auth *a)
{
    return a->service_url;
}

vitro_str vitro_auth_method(const vitro_auth *a)
{
    return a->method;
}

vitro_loop *vitro_auth_loop(const vitro_auth *a)
{
    return a->loop;
}
