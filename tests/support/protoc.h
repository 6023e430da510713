/*
 * protoc - runs protoc with our generator over a .proto given as text, for what it refuses.
 */
#ifndef SUPPORT_PROTOC_H
#define SUPPORT_PROTOC_H

struct protoc {
    char dir[64];      /* of the test's own; removed by protoc_done */
    int status;        /* of protoc */
    char output[4096]; /* stdout and stderr of protoc */
};

/* Write text to NAME (which may hold slashes) in the test's folder. */
void protoc_file(struct protoc *p, const char *name, const char *text);

/* Run protoc over NAME with parameters for the generator, "" for none. */
void protoc_run(struct protoc *p, const char *params, const char *name);

/* What was generated; NULL when there is no such file. To be freed. */
char *protoc_read(const struct protoc *p, const char *name);

/* Run a command in a shell, its output into p->output; returns its status. */
int protoc_shell(struct protoc *p, const char *format, ...) __attribute__((format(printf, 2, 3)));

void protoc_init(struct protoc *p);
void protoc_done(struct protoc *p);

#endif
