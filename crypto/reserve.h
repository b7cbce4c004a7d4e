/* Memory for OpenSSL's hashes (reliability.md, F60): OpenSSL 3.0 allocates some hundred bytes for each, and neither a stranger's
 * handshake is to cost memory, nor a peer's to end the program where there is none left. */
#ifndef CRYPTO_RESERVE_H
#define CRYPTO_RESERVE_H

#include <stdbool.h>

/* Before OpenSSL allocates for the first time, by any caller in the process; once is enough. 0, or -EIO when it is too late. */
int reserve_start(void);
/* Between true and false a hash is made: what is asked for then comes from here. */
void reserve_use(bool hashing);

#endif
