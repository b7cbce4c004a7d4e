/* Memory for OpenSSL where the host has none left (reliability.md, F60): OpenSSL 3.0 allocates some hundred bytes for
 * each hash, and a handshake is not to end the program for that. */
#ifndef CRYPTO_RESERVE_H
#define CRYPTO_RESERVE_H

/* Before OpenSSL allocates for the first time, by any caller in the process; once is enough. 0, or -EIO when it is too late. */
int reserve_start(void);

#endif
