/* Sliding window over message counters, after RFC 6479: words of 64 counters in a ring. Moving
 * ahead clears whole words and shifts nothing; the price is that up to 63 bits of the oldest word
 * cannot be relied on, so the window is one word shorter than the ring. */
#include "wg/replay.h"

#define WORD_COUNT (REPLAY_WINDOW_BITS / 64)
_Static_assert((WORD_COUNT & (WORD_COUNT - 1)) == 0, "the ring is indexed by a mask");

void replay_init(struct replay *r)
{
	*r = (struct replay){0};
}

/* The ring comes to the word of `counter`: the words it passes held counters too old by now. */
static void advance(struct replay *r, uint64_t counter)
{
	uint64_t from = r->greatest / 64, steps = counter / 64 - from;

	if (steps > WORD_COUNT)
		steps = WORD_COUNT;
	for (uint64_t i = 1; i <= steps; i++)
		r->bits[(from + i) % WORD_COUNT] = 0;
	r->greatest = counter;
}

bool replay_accept(struct replay *r, uint64_t counter)
{
	if (counter > r->greatest)
		advance(r, counter);
	else if (r->greatest - counter > REPLAY_BEHIND_MAX)
		return false;

	uint64_t *word = &r->bits[counter / 64 % WORD_COUNT], bit = UINT64_C(1) << counter % 64;
	if (*word & bit)
		return false;
	*word |= bit;
	return true;
}
