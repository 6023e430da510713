#include "attacks/siege/victim.h"

#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/util.h"
#include "chat.vitro.h"
#include "vitro/channel.h"

enum { PATIENCE_MS = 30000 };

#define FIXTURE(name) "tests/fixtures/tls/" name

int64_t now_ms(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

/* ---- life ----------------------------------------------------------------------------------- */

static void become(const char *program, bool tls, int out)
{
    char *plain[] = { (char *)program, "serve", "--listen", "127.0.0.1:0", NULL };
    char *secure[] = { (char *)program,
                       "serve",
                       "--listen",
                       "127.0.0.1:0",
                       "--tls-cert",
                       FIXTURE("server.pem"),
                       "--tls-key",
                       FIXTURE("server.key"),
                       NULL };

    prctl(PR_SET_PDEATHSIG, SIGKILL); /* it does not outlive a test that was interrupted */
    signal(SIGPIPE, SIG_DFL);
    dup2(out, STDOUT_FILENO);
    execv(program, tls ? secure : plain);
    _exit(127);
}

/* "listening on ipv4:127.0.0.1:PORT" */
static unsigned read_port(int in)
{
    char line[256];
    size_t len = 0;

    while (len + 1 < sizeof line && read(in, line + len, 1) == 1 && line[len] != '\n')
        len++;
    line[len] = '\0';
    return strrchr(line, ':') ? (unsigned)atoi(strrchr(line, ':') + 1) : 0;
}

/* The lines of the server are read and dropped. */
static void *hear_out(void *user)
{
    int in = (int)(intptr_t)user;
    char room[4096];

    while (read(in, room, sizeof room) > 0)
        continue;
    close(in);
    return NULL;
}

static vitro_credentials *trust(void)
{
    vitro_credentials_options o = VITRO_CREDENTIALS_OPTIONS_INIT;
    vitro_credentials *c = NULL;

    o.ca_file = FIXTURE("ca.pem");
    o.server_name = "vitro.test";
    return vitro_credentials_client(&c, &o, NULL) == VITRO_OK ? c : NULL;
}

bool victim_start(struct victim *v, const char *program, bool tls)
{
    pthread_t thread;
    int pipes[2];

    memset(v, 0, sizeof *v);
    if (pipe(pipes) != 0)
        return false;
    v->tls = tls;
    v->pid = fork();
    if (v->pid == 0)
        become(program, tls, pipes[1]);
    close(pipes[1]);
    v->port = read_port(pipes[0]);
    pthread_create(&thread, NULL, hear_out, (void *)(intptr_t)pipes[0]);
    pthread_detach(thread);
    v->credentials = tls ? trust() : NULL;
    if (v->port && (!tls || v->credentials))
        return true;
    fprintf(stderr, "attacks: %s serve does not listen\n", program);
    return false;
}

bool victim_stop(struct victim *v)
{
    int64_t until = now_ms() + PATIENCE_MS;
    int status = 0;
    pid_t ended;

    vitro_credentials_unref(v->credentials);
    kill(v->pid, SIGTERM);
    while ((ended = waitpid(v->pid, &status, WNOHANG)) == 0 && now_ms() < until)
        usleep(2000);
    if (ended == 0) {
        kill(v->pid, SIGKILL);
        waitpid(v->pid, &status, 0);
    }
    return ended == v->pid && status == 0;
}

/* ---- what it costs -------------------------------------------------------------------------- */

unsigned victim_kib(const struct victim *v)
{
    char line[128];
    unsigned kib = 0;
    FILE *f;

    snprintf(line, sizeof line, "/proc/%d/status", (int)v->pid);
    f = fopen(line, "r");
    if (!f)
        return 0;
    while (!kib && fgets(line, sizeof line, f))
        sscanf(line, "VmHWM: %u", &kib);
    fclose(f);
    return kib;
}

unsigned victim_cpu_ms(const struct victim *v)
{
    struct timespec t;
    clockid_t clock;

    if (clock_getcpuclockid(v->pid, &clock) != 0 || clock_gettime(clock, &t) != 0)
        return 0;
    return (unsigned)(t.tv_sec * 1000 + t.tv_nsec / 1000000);
}

/* ---- whether it answers --------------------------------------------------------------------- */

int victim_call_ms(const struct victim *v)
{
    Chat__MessageRequest request = CHAT__MESSAGE_REQUEST__INIT;
    Chat__MessageResponse *response = NULL;
    vitro_channel_options o = VITRO_CHANNEL_OPTIONS_INIT;
    vitro_call_options call = VITRO_CALL_OPTIONS_INIT;
    char target[64], line[VITRO_ERROR_LINE];
    int64_t began = now_ms();
    vitro_channel *channel;
    vitro_error err;
    vitro_code rc;

    snprintf(target, sizeof target, "ipv4:127.0.0.1:%u", v->port);
    o.credentials = v->credentials;
    call.timeout_ns = INT64_C(20) * 1000000000;
    rc = vitro_channel_new(&channel, NULL, target, &o, &err);
    if (rc == VITRO_OK) {
        rc = chat_chat_service_send_message(channel, &request, &response, &call, &err);
        chat__message_response__free_unpacked(response, NULL);
        vitro_channel_free(channel);
    }
    if (rc == VITRO_OK)
        return (int)(now_ms() - began);
    vitro_error_format(&err, line, sizeof line);
    fprintf(stderr, "attacks: a good call: %s\n", line);
    return -1;
}
