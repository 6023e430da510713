/*
 * find - looking things up in the model, and walking it.
 */
#include <string.h>

#include "model.h"

struct file *model_file(const struct model *m, const char *path)
{
    for (size_t i = 0; i < m->n_files; i++) {
        if (!strcmp(m->files[i].path, path)) {
            return &m->files[i];
        }
    }
    return NULL;
}

/* The rest of name behind "scope.", or NULL when it lies elsewhere. */
static const char *inside(const char *scope, const char *name)
{
    size_t n = strlen(scope);
    if (n == 0) {
        return name;
    }
    return !strncmp(scope, name, n) && name[n] == '.' ? name + n + 1 : NULL;
}

static const struct message *message_in(const struct message *list, size_t n, const char *name)
{
    for (size_t i = 0; i < n; i++) {
        if (!strcmp(list[i].type.full, name)) {
            return &list[i];
        }
        if (inside(list[i].type.full, name)) {
            return message_in(list[i].nested, list[i].n_nested, name);
        }
    }
    return NULL;
}

static const struct enumeration *enumeration_in(const struct enumeration *list, size_t n,
                                                const char *name)
{
    for (size_t i = 0; i < n; i++) {
        if (!strcmp(list[i].type.full, name)) {
            return &list[i];
        }
    }
    return NULL;
}

static const struct enumeration *nested_enumeration(const struct message *list, size_t n,
                                                    const char *name)
{
    for (size_t i = 0; i < n; i++) {
        const struct message *m = &list[i];
        if (inside(m->type.full, name)) {
            const struct enumeration *e = enumeration_in(m->enums, m->n_enums, name);
            return e ? e : nested_enumeration(m->nested, m->n_nested, name);
        }
    }
    return NULL;
}

/* protoc gives type names from the root: ".chat.Message". */
static const char *rooted(const char *type_name)
{
    return *type_name == '.' ? type_name + 1 : type_name;
}

const struct message *model_message(const struct model *m, const char *type_name)
{
    const char *name = rooted(type_name);
    const struct message *found = NULL;
    for (size_t i = 0; i < m->n_files && !found; i++) {
        if (inside(m->files[i].package, name)) {
            found = message_in(m->files[i].messages, m->files[i].n_messages, name);
        }
    }
    return found;
}

const struct enumeration *model_enumeration(const struct model *m, const char *type_name)
{
    const char *name = rooted(type_name);
    const struct enumeration *found = NULL;
    for (size_t i = 0; i < m->n_files && !found; i++) {
        const struct file *f = &m->files[i];
        if (inside(f->package, name)) {
            found = enumeration_in(f->enums, f->n_enums, name);
            found = found ? found : nested_enumeration(f->messages, f->n_messages, name);
        }
    }
    return found;
}

static void walk_messages(const struct message *list, size_t n, enum order order,
                          void (*visit)(const struct message *m, void *user), void *user)
{
    for (size_t i = 0; i < n; i++) {
        if (order == OUTER_FIRST) {
            visit(&list[i], user);
        }
        walk_messages(list[i].nested, list[i].n_nested, order, visit, user);
        if (order == INNER_FIRST) {
            visit(&list[i], user);
        }
    }
}

void each_message(const struct file *f, enum order order,
                  void (*visit)(const struct message *m, void *user), void *user)
{
    walk_messages(f->messages, f->n_messages, order, visit, user);
}

struct enum_visit {
    void (*visit)(const struct enumeration *e, void *user);
    void *user;
};

static void visit_enums(const struct message *m, void *user)
{
    const struct enum_visit *v = user;
    for (size_t i = 0; i < m->n_enums; i++) {
        v->visit(&m->enums[i], v->user);
    }
}

void each_enumeration(const struct file *f, void (*visit)(const struct enumeration *e, void *user),
                      void *user)
{
    struct enum_visit v = { visit, user };
    for (size_t i = 0; i < f->n_enums; i++) {
        visit(&f->enums[i], user);
    }
    each_message(f, OUTER_FIRST, visit_enums, &v);
}
