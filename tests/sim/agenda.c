/* A binary heap of tasks. */
#include "sim/agenda.h"

#include <stdbool.h>
#include <stdlib.h>

static bool is_before(const struct task *a, const struct task *b)
{
	return a->at != b->at ? a->at < b->at : a->order < b->order;
}

static void put(struct agenda *a, size_t place, struct task *t)
{
	a->tasks[place] = t;
	t->slot = place + 1;
}

static void sift_up(struct agenda *a, size_t place, struct task *t)
{
	while (place > 0 && is_before(t, a->tasks[(place - 1) / 2])) {
		put(a, place, a->tasks[(place - 1) / 2]);
		place = (place - 1) / 2;
	}
	put(a, place, t);
}

static void sift_down(struct agenda *a, size_t place, struct task *t)
{
	for (;;) {
		size_t child = 2 * place + 1;
		if (child + 1 < a->count && is_before(a->tasks[child + 1], a->tasks[child]))
			child++;
		if (child >= a->count || is_before(t, a->tasks[child]))
			break;
		put(a, place, a->tasks[child]);
		place = child;
	}
	put(a, place, t);
}

static void settle(struct agenda *a, size_t place, struct task *t)
{
	if (place > 0 && is_before(t, a->tasks[(place - 1) / 2]))
		sift_up(a, place, t);
	else
		sift_down(a, place, t);
}

static void remove_task(struct agenda *a, struct task *t)
{
	size_t place = t->slot - 1;
	struct task *last = a->tasks[--a->count];

	t->slot = 0;
	if (last != t)
		settle(a, place, last);
}

static void grow(struct agenda *a)
{
	a->room = a->room == 0 ? 256 : 2 * a->room;
	a->tasks = reallocarray(a->tasks, a->room, sizeof(struct task *));
	if (a->tasks == NULL)
		abort();
}

void agenda_free(struct agenda *a)
{
	for (struct task *t; (t = agenda_take(a, USEC_NEVER)) != NULL;) {
		if (t->discard != NULL)
			t->discard(t);
	}
	free(a->tasks);
	*a = (struct agenda){0};
}

void agenda_set(struct agenda *a, struct task *t, usec at)
{
	t->at = at;
	t->order = a->order++;
	if (at == USEC_NEVER) {
		if (t->slot != 0)
			remove_task(a, t);
		return;
	}
	if (t->slot != 0) {
		settle(a, t->slot - 1, t);
		return;
	}
	if (a->count == a->room)
		grow(a);
	sift_up(a, a->count++, t);
}

struct task *agenda_take(struct agenda *a, usec until)
{
	struct task *t = a->count > 0 ? a->tasks[0] : NULL;

	if (t == NULL || t->at > until)
		return NULL;
	remove_task(a, t);
	return t;
}
