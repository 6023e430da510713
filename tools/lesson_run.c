#include "lesson_run.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/error.h"

enum { CHILD_FD = 3, INTERRUPTED = 130 };

/* ---- starting ------------------------------------------------------------------------------- */

/* Our environment and what the program shall know; to be freed, what it points to is lent. */
static char **environment(const struct lesson_run *r)
{
    static char learn[] = "VITRO_LEARN=fd:3", gate[] = "VITRO_GATE=hold";
    size_t n = 0, k = 0;
    char **out;

    while (environ && environ[n])
        n++;
    out = calloc(n + 3, sizeof *out);
    for (size_t i = 0; out && i < n; i++) {
        if (strncmp(environ[i], "VITRO_LEARN=", 12) != 0 &&
            strncmp(environ[i], "VITRO_GATE=", 11) != 0 &&
            (!r->unseen || strncmp(environ[i], "VITRO_TRACE=", 12) != 0))
            out[k++] = environ[i];
    }
    if (out)
        out[k++] = learn;
    if (out && r->hold)
        out[k] = gate;
    return out;
}

/* What a lesson prints by mistake must not mix with its text: its stdout is our stderr. */
static int spawn(pid_t *pid, const char *path, char **argv, char **env, int fd, int words)
{
    posix_spawn_file_actions_t actions;
    int e = posix_spawn_file_actions_init(&actions);

    if (e)
        return e;
    e = posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0);
    if (!e && words > 0)
        e = posix_spawn_file_actions_adddup2(&actions, words, 2);
    if (!e)
        e = posix_spawn_file_actions_adddup2(&actions, 2, 1);
    if (!e)
        e = posix_spawn_file_actions_adddup2(&actions, fd, CHILD_FD);
    if (!e)
        e = posix_spawn(pid, path, &actions, NULL, argv, env);
    posix_spawn_file_actions_destroy(&actions);
    return e;
}

/* A pair whose ends are above CHILD_FD, where dup2 would keep them closed on exec. */
static int open_pair(int ends[2])
{
    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) < 0)
        return errno;
    for (int i = 0; i < 2; i++) {
        int fd = fcntl(ends[i], F_DUPFD_CLOEXEC, CHILD_FD + 1);
        int e = errno;
        close(ends[i]);
        ends[i] = fd;
        if (fd < 0) {
            close(ends[!i]);
            return e;
        }
    }
    return 0;
}

vitro_code lesson_run_start(struct lesson_run *r, const char *dir, char **argv, vitro_error *err)
{
    char path[4096 + 8];
    char **env = environment(r);
    int ends[2], e = env ? open_pair(ends) : ENOMEM;

    r->pid = 0;
    r->fd = -1;
    snprintf(path, sizeof path, "%s/main", dir);
    argv[0] = path;
    if (!e) {
        e = spawn(&r->pid, path, argv, env, ends[1], r->words);
        close(ends[1]);
        if (e)
            close(ends[0]);
        else
            r->fd = ends[0];
    }
    free(env);
    argv[0] = NULL;
    return e ? vitro_fail(err, VITRO_UNAVAILABLE, "start", e, "%s", strerror(e)) : VITRO_OK;
}

/* ---- ending --------------------------------------------------------------------------------- */

static vitro_code judge(int status, vitro_error *err)
{
    if (WIFSIGNALED(status))
        return vitro_fail(err, VITRO_ABORTED, "program", WTERMSIG(status), "ended by signal: %s",
                          strsignal(WTERMSIG(status)));
    if (WEXITSTATUS(status))
        return vitro_fail(err, VITRO_ABORTED, "program", 0, "ended with status %d",
                          WEXITSTATUS(status));
    return VITRO_OK;
}

vitro_code lesson_run_wait(struct lesson_run *r, vitro_error *err)
{
    int status = 0;

    while (r->pid > 0 && waitpid(r->pid, &status, 0) < 0) {
        if (errno != EINTR)
            return vitro_fail(err, VITRO_UNAVAILABLE, "wait", errno, "%s", strerror(errno));
    }
    r->pid = 0;
    return judge(status, err);
}

bool lesson_run_over(struct lesson_run *r, vitro_code *rc, vitro_error *err)
{
    int status = 0;
    pid_t pid = waitpid(r->pid, &status, WNOHANG);

    if (pid == 0 || (pid < 0 && errno == EINTR))
        return false;
    r->pid = 0;
    *rc = pid < 0 ? VITRO_OK : judge(status, err); /* else somebody has waited for all of us */
    return true;
}

static struct lesson_run *volatile interrupted;

static void on_interrupt(int number)
{
    (void)number;
    if (interrupted->pid > 0)
        kill(interrupted->pid, SIGTERM);
    _exit(INTERRUPTED);
}

void lesson_run_interruptible(struct lesson_run *r)
{
    struct sigaction action;

    interrupted = r;
    if (sigaction(SIGINT, NULL, &action) < 0 || action.sa_handler == SIG_IGN)
        return; /* in the background of a shell */
    memset(&action, 0, sizeof action);
    action.sa_handler = on_interrupt;
    sigaction(SIGINT, &action, NULL);
}
