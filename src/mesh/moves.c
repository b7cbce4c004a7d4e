/* Moves of one peer, and which of them are told (reliability.md, F12). */
#include "mesh/moves.h"

void moves_note(struct moves *m, const char *label, const struct addr *from, const struct addr *to,
		usec now, const struct log *log)
{
	char left[ADDR_TEXT_MAX], right[ADDR_TEXT_MAX];
	bool fight;

	if (now < m->quiet_until) {
		m->untold++;
		return;
	}
	addr_print(from, left);
	addr_print(to, right);
	fight = m->untold >= MOVES_FIGHT && now - m->quiet_until < MOVES_EVERY;
	if (fight)
		log_warn(log, "%s is heard from %s and %s in turn: do two hosts have its key?",
			 label, left, right);
	else
		log_info(log, "%s moved from %s to %s", label, left, right);
	*m = (struct moves){.quiet_until = now + (fight ? MOVES_AGAIN : MOVES_EVERY)};
}
