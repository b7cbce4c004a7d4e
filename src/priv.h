/* What the process may do and what may be seen of it (reliability.md, 3.4). */
#ifndef PRIV_H
#define PRIV_H

/* No core dumps and no tracing by others: its memory holds keys. */
void priv_hide_memory(void);

#endif
