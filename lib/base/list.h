/*
 * list - a doubly linked list whose links live inside its elements.
 *
 * A head is a link to itself when empty; an element that is in no list too, so removing it twice
 * is harmless. CONTAINER_OF leads from a link to its object.
 */
#ifndef VITRO_BASE_LIST_H
#define VITRO_BASE_LIST_H

#include <stdbool.h>

struct list {
    struct list *next, *prev;
};

static inline void list_init(struct list *l)
{
    l->next = l->prev = l;
}

static inline bool list_empty(const struct list *l)
{
    return l->next == l;
}

static inline void list_append(struct list *head, struct list *item)
{
    item->prev = head->prev;
    item->next = head;
    head->prev->next = item;
    head->prev = item;
}

static inline void list_remove(struct list *item)
{
    item->prev->next = item->next;
    item->next->prev = item->prev;
    list_init(item);
}

/* Take the first element out, NULL when there is none. */
static inline struct list *list_pop(struct list *head)
{
    struct list *first = head->next;

    if (first == head)
        return (struct list *)0;
    list_remove(first);
    return first;
}

/* Move all of src behind the elements of dst. */
static inline void list_splice(struct list *dst, struct list *src)
{
    if (list_empty(src))
        return;
    src->next->prev = dst->prev;
    src->prev->next = dst;
    dst->prev->next = src->next;
    dst->prev = src->prev;
    list_init(src);
}

#endif
