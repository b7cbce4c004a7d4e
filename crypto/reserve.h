/* Memory for OpenSSL's hashes (reliability.md, F60): OpenSSL 3.0 allocates some hundred bytes for each, and neither a stranger's
 * handshake is to cost memory, nor a peer's to end the program where there is none left. */
#ifndef CRYPTO_RESERVE_H
#define CRYPTO_RESERVE_H

#include <stdbool.h>

/* Before OpenSSL allocates for the first time, by any caller in the process; once is enough. 0, or -EIO when it is too late. */
int reserve_start(void);
/* What is asked for between true and false is what a hash needs: from then on there are a few blocks of that length. */
void reserve_learn(bool learning);

#endif
